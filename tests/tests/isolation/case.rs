//! The RPCs that are asked, with what their requests name.

use prost_reflect::{DynamicMessage, MethodDescriptor};
use t11_proto::method::{Idempotency, METHODS, MethodInfo};

use crate::fields::{self, IdField};
use crate::filler;
use crate::tenant::Tenant;

/// RPCs that are not asked, each with why.
const NOT_ASKED: &[(&str, &str)] = &[
    ("Register", "public: who asks is of no organization"),
    ("SignIn", "public: who asks is of no organization"),
    (
        "AcceptInvite",
        "public: who holds the secret is the one who was invited",
    ),
    (
        "SignOut",
        "names nothing, and would end the session of who asks",
    ),
    (
        "RefreshSession",
        "names nothing, and would end the token of who asks",
    ),
    (
        "ChangePassword",
        "names nothing, and would change the password of who asks",
    ),
];

/// What only an organization with a connected account has; the tenant of these tests has none yet.
const LIVE: &[&str] = &[
    "CompleteAuthorization",
    "ConnectWithToken",
    "StartAuthorization",
    "GetEvent",
    "ReplayEvent",
    "GetLead",
    "ApplyEffect",
    "GetDraft",
    "ApproveDraft",
    "RejectDraft",
    "DeleteMemory",
    "StopSequenceExecution",
];

/// How many RPCs are not asked.
pub(crate) fn not_asked() -> usize {
    NOT_ASKED.len() + LIVE.len()
}

/// An RPC with the fields of its request that name things.
pub(crate) struct Case {
    pub(crate) method: &'static MethodInfo,
    pub(crate) rpc: MethodDescriptor,
    pub(crate) ids: Vec<IdField>,
}

impl Case {
    pub(crate) fn is_read(&self) -> bool {
        self.method.idempotency == Idempotency::NoSideEffects
    }

    /// A good request of `own`; of two messages where it is streamed.
    pub(crate) fn messages(
        &self,
        own: &Tenant,
        tested: Option<(&IdField, &str)>,
    ) -> Vec<DynamicMessage> {
        let input = self.rpc.input();
        let mut messages = vec![filler::request(&input, &self.ids, own, tested)];
        if self.rpc.is_client_streaming() {
            messages.extend(filler::second_part(&input));
        }
        messages
    }
}

/// Every RPC that is asked; reads first, so that no read sees what the asker has changed meanwhile.
pub(crate) fn cases() -> Vec<Case> {
    let is_asked = |method: &&MethodInfo| {
        let mut not = NOT_ASKED.iter().map(|(name, _)| name).chain(LIVE);
        not.all(|name| *name != method.method())
    };
    let mut cases: Vec<_> = METHODS
        .iter()
        .filter(is_asked)
        .map(|method| {
            let rpc = fields::rpc(method);
            let ids = fields::id_fields(&rpc);
            Case { method, rpc, ids }
        })
        .collect();
    cases.sort_by_key(|case| !case.is_read());
    cases
}
