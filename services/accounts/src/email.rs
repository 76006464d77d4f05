//! E-mail addresses, as far as they can be judged without sending a letter.

use t11_core::Violations;

/// The longest address that SMTP can carry (RFC 5321 §4.5.3.1.3, less the brackets).
const MAX_BYTES: usize = 254;
/// RFC 5321 §4.5.3.1.1.
const MAX_LOCAL_BYTES: usize = 64;

/// An address as its owner wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Email(String);

impl Email {
    /// The address in `text`; what cannot be one is noted.
    pub(crate) fn parse(violations: &mut Violations, field: &str, text: &str) -> Self {
        let text = text.trim();
        if text.is_empty() {
            violations.add(field, "REQUIRED", format!("`{field}` must be given"));
        } else if !is_address(text) {
            violations.add(
                field,
                "MALFORMED",
                format!("`{field}` must be an e-mail address"),
            );
        }
        Self(text.to_owned())
    }

    /// An address that was checked before it was stored.
    pub(crate) fn stored(text: String) -> Self {
        Self(text)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// What is compared: two addresses that differ only in case are one person's.
    pub(crate) fn key(&self) -> String {
        self.0.to_lowercase()
    }

    /// The part before `@`.
    pub(crate) fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or(&self.0, |(local, _)| local)
    }
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let label = |label: &str| {
        !label.is_empty()
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= MAX_BYTES
        && (1..=MAX_LOCAL_BYTES).contains(&local.len())
        && !local
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '@')
        && domain.contains('.')
        && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> Option<String> {
        let mut violations = Violations::default();
        Email::parse(&mut violations, "email", text);
        violations
            .0
            .first()
            .map(|violation| violation.reason.to_string())
    }

    #[test]
    fn addresses() {
        for good in [
            "a@b.co",
            " Anna.Petrova+crm@mail.example.com ",
            "иван@почта.рф",
        ] {
            assert_eq!(reason(good), None, "{good}");
        }
        for bad in [
            "a",
            "a@b",
            "@b.co",
            "a@",
            "a b@c.de",
            "a@b..co",
            "a@-b.co",
            "a@b.co\nx@y.z",
        ] {
            assert_eq!(reason(bad), Some("MALFORMED".to_owned()), "{bad}");
        }
        assert_eq!(
            reason(&format!("{}@b.co", "a".repeat(65))),
            Some("MALFORMED".to_owned())
        );
        assert_eq!(reason(" "), Some("REQUIRED".to_owned()));
    }

    #[test]
    fn addresses_are_compared_without_case() {
        let email = Email::parse(&mut Violations::default(), "email", "Anna@Example.COM");
        assert_eq!(email.as_str(), "Anna@Example.COM");
        assert_eq!(email.key(), "anna@example.com");
        assert_eq!(email.local_part(), "Anna");
    }
}
