//! Who may speak for a channel.

use http::StatusCode;
use serde_json::Value;

use crate::account::Account;
use crate::answer::Refusal;
use crate::call::Call;
use crate::signature::{AmojoRequest, md5_hex};

/// How far a request's `Date` may be from the clock, in seconds.
const DATE_WINDOW: i64 = 15 * 60;

/// The index of the channel in the path, when the request is signed by it.
pub(super) fn channel(account: &Account, call: &Call) -> Result<usize, Refusal> {
    let scope = call.param("scope");
    let mut channels = account.channels.iter();
    // The scope is the channel and the account, or, to connect, the channel alone.
    let index = channels
        .position(|channel| channel.id == scope || channel.scope_id(account) == scope)
        .ok_or_else(not_registered)?;
    if is_signed(account, call, &account.channels[index].secret) {
        Ok(index)
    } else {
        Err(Refusal::amojo(
            StatusCode::FORBIDDEN,
            "ORIGIN_INVALID_SIGNATURE",
            "FORBIDDEN",
        ))
    }
}

pub(super) fn connected_channel(account: &Account, call: &Call) -> Result<usize, Refusal> {
    let index = channel(account, call)?;
    if account.channels[index].is_connected {
        Ok(index)
    } else {
        Err(not_registered())
    }
}

fn not_registered() -> Refusal {
    Refusal::amojo(StatusCode::NOT_FOUND, "ORIGIN_NOT_REGISTERED", "NOT_FOUND")
}

fn is_signed(account: &Account, call: &Call, secret: &str) -> bool {
    let header = |name: &str| call.header(name).unwrap_or_default();
    let date = header("date");
    let Ok(time) = chrono::DateTime::parse_from_rfc2822(date) else {
        return false;
    };
    let request = AmojoRequest {
        method: call.method.as_str(),
        content_md5: header("content-md5"),
        content_type: header("content-type"),
        date,
        path: &call.path,
    };
    (time.timestamp() - account.now()).abs() <= DATE_WINDOW
        && request.content_md5 == md5_hex(&call.body)
        && request.content_type == "application/json"
        && header("x-signature") == request.signature(secret)
}

pub(super) fn json(call: &Call) -> Result<&Value, Refusal> {
    call.parsed.as_ref().ok_or_else(wrong_body)
}

pub(super) fn wrong_body() -> Refusal {
    Refusal::amojo(StatusCode::BAD_REQUEST, "INVALID_REQUEST", "BAD_REQUEST")
}
