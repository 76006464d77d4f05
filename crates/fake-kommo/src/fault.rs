//! Faults on demand: what goes wrong, on which route, how many times.

use serde::{Deserialize, Serialize};

/// What goes wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// 429 as the documents show it, with `retry_after: 300`.
    TooManyRequests,
    /// 429 as a page, without JSON.
    TooManyRequestsPage,
    /// 403 as a page: the address or the account is blocked.
    Blocked,
    Unauthorized,
    /// 402 with this detail.
    PaymentRequired(String),
    /// 422 with this detail.
    Unprocessable(String),
    /// 500 with a `trace_id`.
    Internal,
    GatewayTimeout,
    /// The connection is cut before the request has an effect.
    CutBeforeEffect,
    /// The connection is cut after the request had its effect: the answer is lost.
    CutAfterEffect,
    /// The second half of the body comes this many milliseconds of real time after the first.
    SlowBody(u64),
    /// The answer ends in the middle of its JSON.
    TruncatedJson,
    /// 302 to another host.
    ForeignRedirect,
    /// `_links.next` is on another host.
    ForeignNext,
}

impl FaultKind {
    /// Whether the request still has its effect.
    pub(crate) fn is_after_effect(&self) -> bool {
        matches!(
            self,
            Self::CutAfterEffect | Self::SlowBody(_) | Self::TruncatedJson | Self::ForeignNext
        )
    }
}

/// A fault that is to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// `POST /api/v4/talks/{id}/send_message`; every route when absent.
    #[serde(default)]
    pub route: Option<String>,
    pub kind: FaultKind,
    /// How many requests it befalls; all when absent.
    #[serde(default)]
    pub count: Option<u32>,
}

impl Fault {
    /// One that befalls the next request to this route.
    pub fn once(route: &str, kind: FaultKind) -> Self {
        Self {
            route: Some(route.to_owned()),
            kind,
            count: Some(1),
        }
    }

    /// One that befalls every request to this route.
    pub fn always(route: &str, kind: FaultKind) -> Self {
        Self {
            count: None,
            ..Self::once(route, kind)
        }
    }

    /// One that befalls every request to every route.
    pub fn everywhere(kind: FaultKind) -> Self {
        Self {
            route: None,
            kind,
            count: None,
        }
    }
}

/// The first fault for a route, which is then used up.
pub(crate) fn take(faults: &mut Vec<Fault>, route: &str) -> Option<FaultKind> {
    let mut all = faults.iter();
    let position = all.position(|fault| fault.route.as_deref().is_none_or(|one| one == route))?;
    let fault = &mut faults[position];
    let kind = fault.kind.clone();
    if let Some(count) = &mut fault.count {
        *count = count.saturating_sub(1);
        if *count == 0 {
            faults.remove(position);
        }
    }
    Some(kind)
}
