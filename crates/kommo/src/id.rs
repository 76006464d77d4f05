//! Ids of Kommo's things. Those of one kind cannot be taken for those of another.
//!
//! Numbers on the wire may be numbers or texts of digits; both are read, numbers are written.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::de;

macro_rules! number_ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                de::integer(deserializer).map(Self)
            }
        }
    )*};
}

macro_rules! text_ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as it is on the wire.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                de::word(deserializer).map(Self)
            }
        }
    )*};
}

number_ids! {
    /// An account: the identity of a connection, for the host may change.
    AccountId,
    /// A deal.
    LeadId,
    /// A person.
    ContactId,
    /// A company.
    CompanyId,
    /// A buyer, where the account keeps customers.
    CustomerId,
    /// A member of the account's staff; 0 is the robot.
    UserId,
    /// A group of users.
    GroupId,
    /// A role of users.
    RoleId,
    /// A pipeline of leads.
    PipelineId,
    /// A stage. 142 and 143 are the won and the lost stage of *every* pipeline, so a stage is
    /// known by its pipeline and this.
    StatusId,
    /// Why a lead was lost.
    LossReasonId,
    /// A task.
    TaskId,
    /// A kind of task: 1 is a follow-up, 2 a meeting, others are the account's own.
    TaskTypeId,
    /// A note.
    NoteId,
    /// A tag.
    TagId,
    /// A custom field; differs from account to account.
    FieldId,
    /// A choice of a custom field; differs from account to account.
    EnumId,
    /// An inbox of an integration.
    SourceId,
    /// One session of a conversation; another one begins after it is closed.
    TalkId,
    /// A Salesbot.
    BotId,
    /// A list of elements, such as products.
    CatalogId,
    /// An element of a list.
    ElementId,
}

text_ids! {
    /// The lasting thread of one person in one channel.
    ChatId,
    /// A message: what webhooks are told apart by.
    MessageId,
    /// An event of the account's history.
    EventId,
    /// A card among the incoming leads.
    UnsortedUid,
    /// A file of the drive.
    FileId,
    /// A version of a file.
    FileVersionId,
    /// A subscription to webhooks.
    WebhookId,
    /// The account as the chat back end (amojo) knows it.
    AmojoId,
}

impl StatusId {
    /// The stage of won leads in every pipeline.
    pub const WON: Self = Self(142);
    /// The stage of lost leads in every pipeline.
    pub const LOST: Self = Self(143);
}

impl UserId {
    /// Whoever is no person.
    pub const ROBOT: Self = Self(0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_come_as_text_and_a_text_as_number() {
        let ids: [LeadId; 3] = serde_json::from_str(r#"[5001, "5001", 5001.0]"#).unwrap();
        assert_eq!(ids, [LeadId(5001); 3]);
        let ids: [WebhookId; 2] = serde_json::from_str(r#"[7, "7"]"#).unwrap();
        assert_eq!(ids[0], ids[1]);
        assert_eq!(serde_json::to_string(&LeadId(1)).unwrap(), "1");
        for bad in ["\"\"", "null", "true", "[]"] {
            assert!(serde_json::from_str::<WebhookId>(bad).is_err(), "{bad}");
        }
        for bad in ["\"x\"", "1.5", "[]", "\"\"", "1e300"] {
            assert!(serde_json::from_str::<LeadId>(bad).is_err(), "{bad}");
        }
    }
}
