//! Kommo accounts to be connected.

use chrono::{DateTime, Utc};
use t11_core::Violations;
use uuid::Uuid;

/// Hosts of Kommo and of amoCRM, as it is called in Russia; an account is one label below.
const SUFFIXES: [&str; 3] = [".kommo.com", ".amocrm.ru", ".amocrm.com"];

/// The longest label of a host name (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;

/// A Kommo account that a person means to connect. Nothing is read from or sent to it yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Connection {
    pub(crate) id: Uuid,
    pub(crate) host: String,
    pub(crate) create_time: DateTime<Utc>,
}

/// Hosts that may be connected. Others could be anybody's, and would be sent the client secret.
#[derive(Debug, Clone, Default)]
pub(crate) struct AllowedHosts {
    /// With their ports.
    test_hosts: Vec<String>,
}

impl AllowedHosts {
    pub(crate) fn with_test_hosts(hosts: &[String]) -> Self {
        Self {
            test_hosts: hosts.iter().map(|host| host.to_ascii_lowercase()).collect(),
        }
    }

    /// The host in `text`, in lower case; one that is not allowed is noted.
    pub(crate) fn parse(&self, violations: &mut Violations, field: &str, text: &str) -> String {
        let host = text.trim().to_ascii_lowercase();
        if host.is_empty() {
            violations.add(field, "REQUIRED", format!("`{field}` must be given"));
        } else if !is_account(&host) && !self.test_hosts.contains(&host) {
            let description = format!(
                "`{field}` must be the host of a Kommo account, as `example.kommo.com` or \
                 `example.amocrm.ru`"
            );
            violations.add(field, "HOST_NOT_ALLOWED", description);
        }
        host
    }
}

fn is_account(host: &str) -> bool {
    SUFFIXES
        .iter()
        .any(|suffix| host.strip_suffix(suffix).is_some_and(is_label))
}

fn is_label(text: &str) -> bool {
    (1..=MAX_LABEL).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(hosts: &AllowedHosts, text: &str) -> bool {
        let mut violations = Violations::default();
        hosts.parse(&mut violations, "host", text);
        violations.0.is_empty()
    }

    #[test]
    fn accounts_of_kommo_and_amocrm_are_allowed() {
        let hosts = AllowedHosts::default();
        for good in ["example.kommo.com", " My-Shop.amocrm.ru ", "a1.amocrm.com"] {
            assert!(allowed(&hosts, good), "{good}");
        }
    }

    #[test]
    fn nothing_that_only_looks_like_one_is() {
        let hosts = AllowedHosts::default();
        for bad in [
            "",
            "kommo.com",
            ".kommo.com",
            "a.b.kommo.com",
            "evil-kommo.com",
            "example.kommo.com.evil.org",
            "evil.org/.kommo.com",
            "evil.org#.kommo.com",
            "evil.org?x=.kommo.com",
            "user@evil.kommo.com",
            "https://example.kommo.com",
            "example.kommo.com:443",
            "example.kommo.com.",
            "-a.kommo.com",
            "пример.kommo.com",
            "example\u{3002}kommo.com",
            "127.0.0.1",
            "127.0.0.1:9400",
        ] {
            assert!(!allowed(&hosts, bad), "{bad}");
        }
        assert!(!allowed(&hosts, &format!("{}.kommo.com", "a".repeat(64))));
    }

    #[test]
    fn a_test_host_is_allowed_with_its_port_only() {
        let hosts = AllowedHosts::with_test_hosts(&["127.0.0.1:9400".to_owned()]);
        assert!(allowed(&hosts, "127.0.0.1:9400"));
        assert!(!allowed(&hosts, "127.0.0.1:9401"));
        assert!(!allowed(&hosts, "127.0.0.1"));
    }
}
