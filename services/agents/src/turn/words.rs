//! What is said without a model, in both languages.

use super::Language;

/// A standard text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standard {
    /// No source answers the question, and a person is told to.
    NoAnswer,
    /// No source answers the question.
    NotKnown,
    /// A person takes over.
    HandOff,
    /// The client asked not to be written to.
    OptOut,
    /// What the model said could not be sent.
    Fallback,
}

impl Standard {
    /// The text in `language`.
    pub fn text(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::NoAnswer, Language::Russian) => {
                "У меня нет точного ответа на этот вопрос. Уточню у коллег и вернусь к вам."
            }
            (Self::NoAnswer, Language::English) => {
                "I don't have an exact answer to that. I'll check with my colleagues and get back \
                 to you."
            }
            (Self::NotKnown, Language::Russian) => "У меня нет точного ответа на этот вопрос.",
            (Self::NotKnown, Language::English) => "I don't have an exact answer to that.",
            (Self::HandOff, Language::Russian) => {
                "Передаю ваш вопрос коллеге, он ответит вам здесь."
            }
            (Self::HandOff, Language::English) => {
                "I'm handing this over to a colleague, who will answer you here."
            }
            (Self::OptOut, Language::Russian) => "Хорошо, больше не будем вам писать.",
            (Self::OptOut, Language::English) => "Understood, we won't write to you again.",
            (Self::Fallback, Language::Russian) => "Уточню этот вопрос у менеджера и отвечу вам.",
            (Self::Fallback, Language::English) => {
                "Let me check this with a manager and get back to you."
            }
        }
    }
}
