//! What a new password must be.
//!
//! Length rules and a list of what is tried first, as NIST SP 800-63B §3.1.1.2 and OWASP ASVS 6.2
//! ask; no rules about kinds of characters, which make passwords worse.

use std::collections::BTreeSet;

use secrecy::{ExposeSecret as _, SecretString};
use t11_core::Violations;

use crate::email::Email;

const MIN_CHARS: usize = 10;
const MAX_CHARS: usize = 128;

/// The reason that forms show beside the field.
const WEAK: &str = "PASSWORD_WEAK";

/// Fewer different characters than this is a pattern, not a password.
const MIN_DIFFERENT_CHARS: usize = 4;

/// A local part shorter than this occurs in passwords by chance.
const MIN_TELLING_LOCAL_PART: usize = 4;

/// The commonest passwords, lower case, one a line, without the digits and signs at their ends.
const COMMON: &str = include_str!("password/common.txt");

/// Checks a new password; notes every rule it breaks. It is taken as typed: spaces at its ends
/// belong to it.
pub(crate) fn new_password(
    violations: &mut Violations,
    field: &str,
    password: &str,
) -> SecretString {
    let too_short = password.chars().count() < MIN_CHARS;
    let checked = given_password(violations, field, password);
    if !password.is_empty() && too_short {
        let description = format!("`{field}` must have at least {MIN_CHARS} characters");
        violations.add(field, "TOO_SHORT", description);
    } else if !too_short && is_common(password) {
        let description = format!("`{field}` is among the passwords that are tried first");
        violations.add(field, WEAK, description);
    }
    checked
}

/// A password to be compared with a hash: any text but none, and not so long that hashing it
/// would be a burden.
pub(crate) fn given_password(
    violations: &mut Violations,
    field: &str,
    password: &str,
) -> SecretString {
    if password.is_empty() {
        violations.add(field, "REQUIRED", format!("`{field}` must be given"));
    } else if password.chars().count() > MAX_CHARS {
        let description = format!("`{field}` must have at most {MAX_CHARS} characters");
        violations.add(field, "TOO_LONG", description);
    }
    password.into()
}

/// A person may not use their address as their password.
pub(crate) fn differs_from_address(
    violations: &mut Violations,
    field: &str,
    password: &SecretString,
    email: &Email,
) {
    if contains_address(password.expose_secret(), email) {
        let description = format!("`{field}` must not contain the e-mail address");
        violations.add(field, WEAK, description);
    }
}

fn contains_address(password: &str, email: &Email) -> bool {
    let (password, local) = (password.to_lowercase(), email.local_part().to_lowercase());
    let key = email.key();
    (!key.is_empty() && password.contains(&key))
        || (local.chars().count() >= MIN_TELLING_LOCAL_PART && password.contains(&local))
}

fn is_common(password: &str) -> bool {
    let password = password.to_lowercase();
    let different: BTreeSet<char> = password.chars().collect();
    let word = password.trim_matches(|c: char| !c.is_alphabetic());
    different.len() < MIN_DIFFERENT_CHARS
        || is_run(&password)
        || COMMON
            .lines()
            .any(|common| common == password || common == word)
}

/// `1234567890`, `abcdefghij`, `9876543210`: each character follows the one before it.
fn is_run(password: &str) -> bool {
    let digits_follow = |a: char, b: char| (a, b) == ('9', '0') || (a, b) == ('0', '9');
    let step = |by: i64| {
        password
            .chars()
            .zip(password.chars().skip(1))
            .all(|(a, b)| {
                i64::from(u32::from(b)) - i64::from(u32::from(a)) == by || digits_follow(a, b)
            })
    };
    step(1) || step(-1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(password: &str) -> Vec<String> {
        let mut violations = Violations::default();
        let email = Email::parse(&mut Violations::default(), "email", "marina@example.com");
        let checked = new_password(&mut violations, "password", password);
        differs_from_address(&mut violations, "password", &checked, &email);
        violations
            .0
            .iter()
            .map(|violation| violation.reason.to_string())
            .collect()
    }

    #[test]
    fn lengths_are_counted_in_characters() {
        assert_eq!(reasons(""), ["REQUIRED"]);
        assert_eq!(reasons("девять-зн"), ["TOO_SHORT"]);
        assert_eq!(reasons("десять-зна"), Vec::<String>::new());
        assert_eq!(reasons(&"длинный-".repeat(16)), Vec::<String>::new());
        assert_eq!(reasons(&"длинный-".repeat(17)), ["TOO_LONG"]);
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for weak in [
            "Password123!",
            "qwertyuiop",
            "QWERTY12345",
            "1234567890",
            "0987654321",
            "aaaaaaaaaaaa",
            "1212121212",
            "abcdefghijkl",
            "йцукенгшщз",
            "пароль12345",
            "1q2w3e4r5t6y",
        ] {
            assert_eq!(reasons(weak), ["PASSWORD_WEAK"], "{weak}");
        }
        for good in [
            "correct horse",
            "Тихий-омут-42",
            "passwordless-lamp",
            "  spaced  out  ",
        ] {
            assert_eq!(reasons(good), Vec::<String>::new(), "{good}");
        }
    }

    #[test]
    fn an_address_is_no_password() {
        assert_eq!(reasons("my-MARINA-2024"), ["PASSWORD_WEAK"]);
        assert_eq!(reasons("marina@example.com"), ["PASSWORD_WEAK"]);
    }

    #[test]
    fn every_broken_rule_is_named() {
        assert_eq!(reasons("marina"), ["TOO_SHORT", "PASSWORD_WEAK"]);
    }

    #[test]
    fn the_list_is_in_the_form_it_is_compared_in() {
        for line in COMMON.lines() {
            assert_eq!(line, line.to_lowercase().trim(), "{line}");
            assert!(!line.is_empty());
        }
    }
}
