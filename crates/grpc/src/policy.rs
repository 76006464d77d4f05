//! What each RPC says about itself, found by its path.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use t11_core::Permission;
use t11_proto::method::{self, Idempotency, MethodInfo};

/// An RPC's options, its permission as a word of the code.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Policy {
    pub(crate) method: &'static MethodInfo,
    /// `None` where the word is unknown or, for public RPCs, missing.
    pub(crate) permission: Option<Permission>,
}

static POLICIES: LazyLock<HashMap<&'static str, Policy>> = LazyLock::new(|| {
    let policy = |method: &'static MethodInfo| Policy {
        method,
        permission: method.permission.parse().ok(),
    };
    method::METHODS
        .iter()
        .map(|method| (method.path, policy(method)))
        .collect()
});

/// The policy of the RPC with this path, if it is one of ours.
pub(crate) fn find(path: &str) -> Option<Policy> {
    POLICIES.get(path).copied()
}

impl Policy {
    /// Whether a repeated call is harmless.
    pub(crate) fn is_repeatable(self) -> bool {
        matches!(
            self.method.idempotency,
            Idempotency::NoSideEffects | Idempotency::Idempotent
        )
    }

    /// The longest a call may take; `None` for streams without a limit.
    pub(crate) fn longest(self) -> Option<Duration> {
        let millis = self.method.deadline_ms;
        (millis > 0).then(|| Duration::from_millis(millis.into()))
    }

    /// Whether it is a stream that ends only when one of both sides leaves.
    pub(crate) fn is_endless(self) -> bool {
        self.method.server_streaming && self.method.deadline_ms == 0
    }
}

#[cfg(test)]
mod tests {
    use t11_proto::method::{Auth, RateClass};

    use super::*;

    #[test]
    fn every_rpc_says_who_may_call_and_with_which_permission() {
        for (path, Policy { method, permission }) in &*POLICIES {
            assert_ne!(method.auth, Auth::Unspecified, "{path}");
            assert_ne!(method.rate_class, RateClass::Unspecified, "{path}");
            assert_ne!(method.idempotency, Idempotency::Unspecified, "{path}");
            match method.auth {
                Auth::Public => assert!(method.permission.is_empty(), "{path}"),
                Auth::Service => assert_eq!(*permission, Some(Permission::Internal), "{path}"),
                Auth::Caller | Auth::Unspecified => {
                    assert!(
                        permission.is_some_and(|p| p != Permission::Internal),
                        "{path}"
                    );
                }
            }
        }
    }
}
