//! What a caller may do, and which roles may do it.
//!
//! The words are the ones written in the proto option `t11.common.v1.rpc.permission` and in the
//! scopes of API keys, so that one vocabulary serves contracts, keys and documents.

use std::fmt;
use std::str::FromStr;

/// A word that is neither a permission nor a role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown word `{0}`")]
pub struct UnknownWord(pub String);

macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vmeta])* $variant,)+ }

        impl $name {
            /// Every word, in the order of its declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The stable word, as written on the wire and in the database.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }

        impl FromStr for $name {
            type Err = UnknownWord;
            fn from_str(word: &str) -> Result<Self, UnknownWord> {
                match word { $($word => Ok(Self::$variant),)+ _ => Err(UnknownWord(word.to_owned())) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(self.as_str()) }
        }
    };
}

words! {
    /// One thing a caller may be allowed to do.
    Permission {
        /// Read and change one's own profile, password and sessions.
        SelfManage = "self.manage",
        OrganizationRead = "organization.read",
        OrganizationWrite = "organization.write",
        MembersRead = "members.read",
        MembersWrite = "members.write",
        ApiKeysRead = "api_keys.read",
        ApiKeysWrite = "api_keys.write",
        AuditRead = "audit.read",
        AgentsRead = "agents.read",
        AgentsWrite = "agents.write",
        KnowledgeRead = "knowledge.read",
        KnowledgeWrite = "knowledge.write",
        PricesRead = "prices.read",
        PricesWrite = "prices.write",
        ConversationsRead = "conversations.read",
        /// Talk in the test chat, take over, approve drafts.
        ConversationsWrite = "conversations.write",
        CrmRead = "crm.read",
        CrmWrite = "crm.write",
        /// Call a model directly, outside a conversation. Costs money.
        LlmComplete = "llm.complete",
        LlmRead = "llm.read",
        LlmWrite = "llm.write",
        JobsRead = "jobs.read",
        JobsWrite = "jobs.write",
        /// Calls between services only; no role and no API key can hold it.
        Internal = "internal",
    }
}

words! {
    /// A member's role in an organization, strongest first.
    Role {
        Owner = "owner",
        Admin = "admin",
        Editor = "editor",
        Operator = "operator",
        Analyst = "analyst",
        Viewer = "viewer",
    }
}

impl Permission {
    /// Whether an API key can hold it. A key manages neither people nor keys nor the organization
    /// itself, so that one that leaks cannot make itself a successor; and nobody's profile is its
    /// own. `llm.write` opens no RPC yet.
    pub fn is_scope(self) -> bool {
        match self {
            Self::SelfManage
            | Self::OrganizationWrite
            | Self::MembersWrite
            | Self::ApiKeysRead
            | Self::ApiKeysWrite
            | Self::LlmWrite
            | Self::Internal => false,
            Self::OrganizationRead
            | Self::MembersRead
            | Self::AuditRead
            | Self::AgentsRead
            | Self::AgentsWrite
            | Self::KnowledgeRead
            | Self::KnowledgeWrite
            | Self::PricesRead
            | Self::PricesWrite
            | Self::ConversationsRead
            | Self::ConversationsWrite
            | Self::CrmRead
            | Self::CrmWrite
            | Self::LlmComplete
            | Self::LlmRead
            | Self::JobsRead
            | Self::JobsWrite => true,
        }
    }
}

impl Role {
    /// Whether this role includes `permission`. The table of docs/security.md is this function.
    pub fn allows(self, permission: Permission) -> bool {
        use Permission as P;
        match permission {
            P::Internal => false,
            P::SelfManage | P::OrganizationRead => true,
            P::AgentsRead | P::KnowledgeRead | P::PricesRead => true,
            P::ConversationsRead | P::JobsRead | P::LlmRead | P::CrmRead | P::MembersRead => true,
            P::ConversationsWrite => self <= Self::Operator,
            P::AgentsWrite | P::KnowledgeWrite | P::PricesWrite | P::LlmComplete | P::JobsWrite => {
                self <= Self::Editor
            }
            P::CrmWrite | P::LlmWrite | P::MembersWrite => self <= Self::Admin,
            P::ApiKeysRead | P::ApiKeysWrite | P::AuditRead | P::OrganizationWrite => {
                self <= Self::Admin
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_parses_back_to_itself() {
        for permission in Permission::ALL {
            assert_eq!(permission.as_str().parse(), Ok(*permission));
        }
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(*role));
        }
        assert!("agents.fly".parse::<Permission>().is_err());
    }

    #[test]
    fn a_stronger_role_allows_all_that_a_weaker_one_does() {
        for permission in Permission::ALL {
            for pair in Role::ALL.windows(2) {
                assert!(pair[0].allows(*permission) || !pair[1].allows(*permission));
            }
        }
    }

    #[test]
    fn no_key_gives_rights_to_another() {
        for permission in [
            Permission::MembersWrite,
            Permission::ApiKeysWrite,
            Permission::SelfManage,
            Permission::Internal,
        ] {
            assert!(!permission.is_scope(), "{permission}");
        }
    }

    #[test]
    fn nobody_is_internal() {
        assert!(
            Role::ALL
                .iter()
                .all(|role| !role.allows(Permission::Internal))
        );
    }
}
