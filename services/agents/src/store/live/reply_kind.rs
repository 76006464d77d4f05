//! What messages are sent as, and what follows from that.

/// What a message is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReplyKind {
    Answer,
    /// The words with which the agent hands over to a person.
    HandOff,
    /// The confirmation that nothing more is written.
    OptOut,
    /// That the agent is closed.
    Notice,
    /// Written by the agent itself, to a client who is silent.
    FollowUp,
    /// A person's, from our inbox.
    Human,
}

impl ReplyKind {
    const ALL: [Self; 6] = [
        Self::Answer,
        Self::HandOff,
        Self::OptOut,
        Self::Notice,
        Self::FollowUp,
        Self::Human,
    ];

    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::HandOff => "hand_off",
            Self::OptOut => "opt_out",
            Self::Notice => "notice",
            Self::FollowUp => "follow_up",
            Self::Human => "human",
        }
    }

    /// Reads [`ReplyKind::as_str`] back.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Senseless once the client has written again.
    pub(super) fn answers_a_question(self) -> bool {
        matches!(self, Self::Answer | Self::FollowUp)
    }

    /// Settles what the client has written.
    pub(super) fn is_an_answer(self) -> bool {
        matches!(self, Self::Answer | Self::HandOff | Self::OptOut)
    }

    /// The verdict of events that it answers.
    pub(super) fn verdict(self) -> &'static str {
        match self {
            Self::HandOff => "handed_off",
            Self::OptOut => "opted_out",
            Self::Answer | Self::Notice | Self::FollowUp | Self::Human => "answered",
        }
    }
}
