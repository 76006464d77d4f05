//! The second net under secrets in logs: a field whose name says that it holds one is never
//! printed. The first is that secrets are [`Secret`](crate::Secret)s.

use std::fmt;

use tracing::field::{Field, Visit};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::Writer;

/// What stands in the place of a secret.
pub(super) const REDACTED: &str = "[redacted]";

/// Names of secrets; also as the last word of a longer name (`session_token`, `db.password`).
const SECRETS: [&str; 9] = [
    "api_key",
    "authorization",
    "cookie",
    "credential",
    "credentials",
    "passphrase",
    "password",
    "secret",
    "token",
];

/// Whether a field of this name holds a secret.
pub(super) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    SECRETS.iter().any(|secret| {
        let before = name.strip_suffix(secret);
        before.is_some_and(|before| before.is_empty() || before.ends_with(['_', '.']))
    })
}

/// Fields for people: `message name=value`.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextFields;

impl<'w> FormatFields<'w> for TextFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut visitor = TextVisitor {
            writer,
            is_first: true,
            result: Ok(()),
        };
        fields.record(&mut visitor);
        visitor.result
    }
}

struct TextVisitor<'w> {
    writer: Writer<'w>,
    is_first: bool,
    result: fmt::Result,
}

impl TextVisitor<'_> {
    fn write(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if self.result.is_err() {
            return;
        }
        let space = if self.is_first { "" } else { " " };
        self.is_first = false;
        self.result = match field.name() {
            "message" => write!(self.writer, "{space}{value}"),
            name if is_secret(name) => write!(self.writer, "{space}{name}={REDACTED}"),
            name => write!(self.writer, "{space}{name}={value}"),
        };
    }
}

impl Visit for TextVisitor<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, format_args!("{value:?}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.write(field, format_args!("{value}"));
        } else {
            self.write(field, format_args!("{value:?}"));
        }
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.write(field, format_args!("{value}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        for name in [
            "token",
            "session_token",
            "Authorization",
            "set-cookie",
            "x-api-key",
            "smtp.password",
            "client_secret",
        ] {
            assert!(is_secret(name), "{name}");
        }
        for name in [
            "tokens",
            "token_count",
            "llm.prompt_tokens",
            "key",
            "secretary",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }
}
