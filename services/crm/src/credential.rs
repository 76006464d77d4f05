//! The organization's Kommo integration.

use chrono::{DateTime, Utc};
use secrecy::SecretString;
use t11_core::Violations;
use url::{Host, Url};
use uuid::Uuid;

const MIN_SECRET_CHARS: usize = 16;
const MAX_SECRET_CHARS: usize = 256;
const MAX_URI_CHARS: usize = 2_000;

/// The integration, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credential {
    pub(crate) client_id: Uuid,
    pub(crate) redirect_uri: String,
    pub(crate) update_time: DateTime<Utc>,
}

/// An integration to be stored.
#[derive(Debug, Clone)]
pub(crate) struct NewCredential {
    pub(crate) client_id: Uuid,
    pub(crate) client_secret: SecretString,
    pub(crate) redirect_uri: String,
}

/// The integration's id at Kommo: a UUID.
pub(crate) fn client_id(violations: &mut Violations, field: &str, text: &str) -> Uuid {
    let text = text.trim();
    if text.is_empty() {
        violations.add(field, "REQUIRED", format!("`{field}` must be given"));
        return Uuid::nil();
    }
    Uuid::try_parse(text).unwrap_or_else(|_| {
        violations.add(field, "MALFORMED", format!("`{field}` must be a UUID"));
        Uuid::nil()
    })
}

pub(crate) fn client_secret(violations: &mut Violations, field: &str, text: &str) -> SecretString {
    violations
        .text(field, text, MIN_SECRET_CHARS, MAX_SECRET_CHARS)
        .into()
}

/// Where Kommo sends people back with a code, which must not travel in the clear.
pub(crate) fn redirect_uri(violations: &mut Violations, field: &str, text: &str) -> String {
    let text = violations.text(field, text, 1, MAX_URI_CHARS);
    let safe = Url::parse(&text).is_ok_and(|url| is_safe(&url));
    if !text.is_empty() && !safe {
        let description = format!(
            "`{field}` must be an https address without a fragment, or an http one of this machine"
        );
        violations.add(field, "MALFORMED", description);
    }
    text
}

fn is_safe(url: &Url) -> bool {
    let plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    match url.scheme() {
        "https" => plain && url.has_host(),
        "http" => plain && is_loopback(url),
        _ => false,
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(domain)) => domain == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason_for_uri(text: &str) -> Option<String> {
        let mut violations = Violations::default();
        redirect_uri(&mut violations, "redirect_uri", text);
        violations
            .0
            .first()
            .map(|violation| violation.reason.to_string())
    }

    #[test]
    fn a_code_comes_back_by_https_or_to_this_machine() {
        for good in [
            "https://crm.example.com/api/kommo/callback",
            "http://127.0.0.1:8080/api/kommo/callback",
            "http://localhost/cb",
            "http://[::1]:8080/cb",
        ] {
            assert_eq!(reason_for_uri(good), None, "{good}");
        }
        for bad in [
            "http://example.com/cb",
            "http://localhost.evil.org/cb",
            "http://127.0.0.1@evil.org/cb",
            "https://user:password@example.com/cb",
            "https://example.com/cb#token",
            "javascript:alert(1)",
            "example.com/cb",
        ] {
            assert_eq!(reason_for_uri(bad), Some("MALFORMED".to_owned()), "{bad}");
        }
        assert_eq!(reason_for_uri(""), Some("REQUIRED".to_owned()));
    }

    #[test]
    fn ids_are_uuids_and_secrets_have_a_length() {
        let mut violations = Violations::default();
        client_id(
            &mut violations,
            "client_id",
            "0f4c8a2e-1b7d-4c55-9b7e-6f0a5d3c2b1a",
        );
        client_secret(&mut violations, "client_secret", "0123456789abcdef");
        assert!(violations.0.is_empty());
        client_id(&mut violations, "client_id", "42");
        client_secret(&mut violations, "client_secret", "short");
        let reasons: Vec<_> = violations.0.iter().map(|v| v.reason.to_string()).collect();
        assert_eq!(reasons, ["MALFORMED", "TOO_SHORT"]);
    }
}
