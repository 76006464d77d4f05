//! What went wrong, in words that hold on every transport.
//!
//! Services declare one `enum Error` with `thiserror` and implement [`Fault`] for it; `t11-grpc`
//! turns a fault into a status in one place. `anyhow` is for `main`, xtask, tests and start-up.

use std::borrow::Cow;
use std::time::Duration;

/// The class of a fault; decides the gRPC code and the HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FaultKind {
    /// The request breaks a rule that holds whatever the state: 400, `INVALID_ARGUMENT`.
    Invalid,
    /// No caller, or one that cannot be believed: 401, `UNAUTHENTICATED`.
    Unauthenticated,
    /// A known caller without the right: 403, `PERMISSION_DENIED`.
    Forbidden,
    /// Not there, or another organization's: 404, `NOT_FOUND`.
    NotFound,
    /// The name is taken: 409, `ALREADY_EXISTS`.
    AlreadyExists,
    /// The etag is no longer the resource's: 409, `ABORTED`.
    Stale,
    /// The state does not allow it: 400, `FAILED_PRECONDITION`.
    Precondition,
    /// A limit, quota or budget is used up: 429, `RESOURCE_EXHAUSTED`.
    Exhausted,
    /// A neighbour or a database does not answer; trying again may help: 503, `UNAVAILABLE`.
    Unavailable,
    /// The deadline passed: 504, `DEADLINE_EXCEEDED`.
    Timeout,
    /// There is no such RPC here: 501, `UNIMPLEMENTED`.
    Unimplemented,
    /// Ours to mend: 500, `INTERNAL`. The cause is logged, never sent.
    Internal,
}

/// One broken rule of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in the proto, `agent.display_name`; equals the form's input name.
    pub field: String,
    /// Stable, `UPPER_SNAKE`: `TOO_LONG`, `REQUIRED`, `OUT_OF_RANGE`, ….
    pub reason: Cow<'static, str>,
    /// English, lower case, no full stop.
    pub description: String,
}

/// Gathers every violation of a request, so that a person sees all at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Violations(pub Vec<Violation>);

impl Violations {
    /// Notes one violation.
    pub fn add(
        &mut self,
        field: impl Into<String>,
        reason: &'static str,
        description: impl Into<String>,
    ) {
        self.0.push(Violation {
            field: field.into(),
            reason: Cow::Borrowed(reason),
            description: description.into(),
        });
    }

    /// Notes `REQUIRED`, `TOO_SHORT` or `TOO_LONG` when `text` (trimmed) is not `min..=max`
    /// characters long. Returns the trimmed text.
    pub fn text(&mut self, field: &str, text: &str, min: usize, max: usize) -> String {
        let trimmed = text.trim();
        let length = trimmed.chars().count();
        if length == 0 && min > 0 {
            self.add(field, "REQUIRED", format!("`{field}` must be given"));
        } else if length < min {
            self.add(
                field,
                "TOO_SHORT",
                format!("`{field}` must have at least {min} characters"),
            );
        } else if length > max {
            self.add(
                field,
                "TOO_LONG",
                format!("`{field}` must have at most {max} characters"),
            );
        }
        trimmed.to_owned()
    }

    /// Notes `OUT_OF_RANGE` when `value` is outside `min..=max`.
    pub fn range<T: PartialOrd + std::fmt::Display>(
        &mut self,
        field: &str,
        value: T,
        min: T,
        max: T,
    ) {
        if value < min || value > max {
            self.add(
                field,
                "OUT_OF_RANGE",
                format!("`{field}` must be from {min} to {max}"),
            );
        }
    }

    /// `Ok` when no rule is broken.
    ///
    /// # Errors
    /// Itself, when any is.
    pub fn check(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

/// An error that can meet the wire.
pub trait Fault: std::error::Error {
    /// The class.
    fn kind(&self) -> FaultKind;

    /// Stable, `UPPER_SNAKE`, unique within the service: what callers match on.
    fn reason(&self) -> &str;

    /// The service that names the reason, when it is not the one that answers: a neighbour's
    /// fault passed on.
    fn domain(&self) -> Option<&str> {
        None
    }

    /// Facts a caller may act on; never secrets, never another tenant's data.
    fn metadata(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The broken rules, for [`FaultKind::Invalid`].
    fn violations(&self) -> &[Violation] {
        &[]
    }

    /// When to try again, for [`FaultKind::Exhausted`] and [`FaultKind::Unavailable`].
    fn retry_after(&self) -> Option<Duration> {
        None
    }
}
