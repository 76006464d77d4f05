//! What each RPC says about itself (`t11.common.v1.rpc`), as a table known at compile time.

pub use crate::common::v1::{Auth, Idempotency, RateClass};

/// The contract of one RPC beside its messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodInfo {
    /// `/t11.agents.v1.AgentService/GetAgent`.
    pub path: &'static str,
    pub auth: Auth,
    /// A word of `t11_core::Permission`; empty for public RPCs.
    pub permission: &'static str,
    pub idempotency: Idempotency,
    /// Whether the change is audited in its own transaction.
    pub audit: bool,
    pub rate_class: RateClass,
    /// The longest the call may take, in milliseconds; 0 = no total limit (streams).
    pub deadline_ms: u32,
    pub client_streaming: bool,
    pub server_streaming: bool,
    /// Whether it has a `google.api.http` rule, that is, a REST twin.
    pub public: bool,
}

impl MethodInfo {
    /// `t11.agents.v1.AgentService`.
    pub fn service(&self) -> &'static str {
        self.path[1..].split('/').next().unwrap_or_default()
    }

    /// `GetAgent`.
    pub fn method(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    /// The service of the mesh that serves it: `agents`.
    pub fn owner(&self) -> &'static str {
        self.path.split('.').nth(1).unwrap_or_default()
    }
}

include!(concat!(env!("OUT_DIR"), "/methods.rs"));

/// The RPC with this path, if it is one of ours.
pub fn find(path: &str) -> Option<&'static MethodInfo> {
    METHODS.iter().find(|method| method.path == path)
}
