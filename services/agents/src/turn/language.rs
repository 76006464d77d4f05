//! The language of a short text: enough to answer in the one that was written in.

/// A language the product speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    #[default]
    Russian,
    English,
}

impl Language {
    /// `ru` or `en`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Russian => "ru",
            Self::English => "en",
        }
    }

    /// Reads a code.
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "ru" => Some(Self::Russian),
            "en" => Some(Self::English),
            _ => None,
        }
    }

    /// The language of `text` by its letters; `None` without letters («👍», «42»).
    /// Names of goods are often Latin in a Russian sentence, so a third of Cyrillic is Russian.
    pub fn of(text: &str) -> Option<Self> {
        let cyrillic = text
            .chars()
            .filter(|c| matches!(c, 'а'..='я' | 'А'..='Я' | 'ё' | 'Ё'))
            .count();
        let latin = text.chars().filter(char::is_ascii_alphabetic).count();
        match (cyrillic, latin) {
            (0, 0) => None,
            (cyrillic, latin) if cyrillic * 2 >= latin => Some(Self::Russian),
            _ => Some(Self::English),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_letters() {
        assert_eq!(
            Language::of("Сколько стоит iPhone 15 Pro?"),
            Some(Language::Russian)
        );
        assert_eq!(
            Language::of("How much is delivery?"),
            Some(Language::English)
        );
        assert_eq!(Language::of("👍 42"), None);
    }
}
