//! Which hosts are Kommo's.
//!
//! A host or an address that came from outside (the `referer` of an authorization, a stored host, a
//! claim, a link of an answer, a `return_url`, an attachment) is sent tokens and secrets, or is
//! fetched from within our network. It is checked here and nowhere else; requests are built from the
//! checked host and never from the text.
//!
//! Source: Kommo docs, `oauth-20`; the rule for hosts is that of the Python client `aioamocrm`.

use std::fmt;
use std::sync::Arc;

use url::Url;

/// Hosts of Kommo and of amoCRM, as it is called in Russia.
const SUFFIXES: [&str; 3] = [".kommo.com", ".amocrm.ru", ".amocrm.com"];
/// Not an account: the site, where people authorize.
const SITE: &str = "www";
/// The longest label and the longest name of a host (RFC 1035 §2.3.4).
const MAX_LABEL: usize = 63;
const MAX_NAME: usize = 253;
/// Longer addresses are not looked at.
const MAX_URL: usize = 4_096;

/// Why a host or an address was refused. Says nothing of what it was: it may carry secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Not a host of Kommo.
    #[error("the host is not one of Kommo's")]
    Foreign,
    /// A host of Kommo, but of another account.
    #[error("the address belongs to another account")]
    OtherAccount,
    /// Not `https`, a port, user information, or not an address at all.
    #[error("the address is not a plain https address")]
    Malformed,
    /// Test hosts in production.
    #[error("hosts that are not Kommo's are refused in production")]
    Production,
}

/// The hosts that may be talked to. Clones share the list.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    test_hosts: Arc<[Box<str>]>,
}

impl Hosts {
    /// Kommo's alone.
    #[must_use]
    pub fn kommo() -> Self {
        Self::default()
    }

    /// Kommo's, and these, `127.0.0.1:9400`, with their ports and by plain http: for a stand-in.
    ///
    /// # Errors
    /// [`HostError::Production`] when there are any in production; [`HostError::Malformed`] when one
    /// is not a host with a port.
    pub fn with_test_hosts(test_hosts: &[String], is_production: bool) -> Result<Self, HostError> {
        if is_production && !test_hosts.is_empty() {
            return Err(HostError::Production);
        }
        if !test_hosts.iter().all(|host| is_authority(host)) {
            return Err(HostError::Malformed);
        }
        let test_hosts = test_hosts.iter().map(|host| host.to_ascii_lowercase());
        Ok(Self {
            test_hosts: test_hosts.map(String::into_boxed_str).collect(),
        })
    }

    /// The host of an account: one label below a suffix of Kommo's, in lower case, no port.
    ///
    /// # Errors
    /// [`HostError::Foreign`].
    pub fn account(&self, text: &str) -> Result<AccountHost, HostError> {
        if self.is_test_host(text) {
            return Ok(AccountHost::new(text, "http"));
        }
        let is_account = SUFFIXES.iter().any(|suffix| {
            text.strip_suffix(suffix)
                .is_some_and(|label| is_label(label) && label != SITE)
        });
        if is_account {
            Ok(AccountHost::new(text, "https"))
        } else {
            Err(HostError::Foreign)
        }
    }

    /// An address of any host of Kommo's: an attachment, the drive, the chat back end.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn url(&self, text: &str) -> Result<KommoUrl, HostError> {
        if text.len() > MAX_URL {
            return Err(HostError::Malformed);
        }
        let url = Url::parse(text).map_err(|_| HostError::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HostError::Malformed);
        }
        let host = url.host_str().ok_or(HostError::Malformed)?;
        if url.scheme() == "http" && self.is_test_host(&authority(&url)) {
            return Ok(KommoUrl(url));
        }
        // The parser has dropped a port that is the scheme's own.
        if url.scheme() != "https" || url.port().is_some() {
            return Err(HostError::Malformed);
        }
        if is_kommo(host) {
            Ok(KommoUrl(url))
        } else {
            Err(HostError::Foreign)
        }
    }

    /// Whether others than Kommo's are allowed.
    pub(crate) fn has_test_hosts(&self) -> bool {
        !self.test_hosts.is_empty()
    }

    fn is_test_host(&self, authority: &str) -> bool {
        self.test_hosts.iter().any(|host| **host == *authority)
    }
}

/// The checked host of one account. Made by [`Hosts::account`] only.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountHost {
    authority: Arc<str>,
    scheme: &'static str,
}

impl AccountHost {
    fn new(authority: &str, scheme: &'static str) -> Self {
        Self {
            authority: authority.into(),
            scheme,
        }
    }

    /// `acme.kommo.com`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.authority
    }

    /// `https://acme.kommo.com`, without a slash at its end: the issuer of the account's tokens.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// The address of `path`, which begins with a slash.
    pub(crate) fn join(&self, path: &str) -> Result<Url, HostError> {
        let text = format!("{}{path}", self.origin());
        Url::parse(&text).map_err(|_| HostError::Malformed)
    }

    /// An address that came from outside, if it is one of this account.
    ///
    /// # Errors
    /// [`HostError`].
    pub fn own_url(&self, text: &str) -> Result<Url, HostError> {
        if text.len() > MAX_URL {
            return Err(HostError::Malformed);
        }
        let url = Url::parse(text).map_err(|_| HostError::Malformed)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(HostError::Malformed);
        }
        if authority(&url) != *self.authority {
            return Err(HostError::OtherAccount);
        }
        if url.scheme() != self.scheme {
            return Err(HostError::Malformed);
        }
        Ok(url)
    }
}

impl fmt::Display for AccountHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.authority)
    }
}

impl fmt::Debug for AccountHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A checked address of a host of Kommo's. Its path and query may carry secrets, so it is shown by
/// its host alone.
#[derive(Clone, PartialEq, Eq)]
pub struct KommoUrl(Url);

impl KommoUrl {
    /// The address.
    #[must_use]
    pub fn as_url(&self) -> &Url {
        &self.0
    }
}

impl fmt::Debug for KommoUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}/…", self.0.scheme(), authority(&self.0))
    }
}

/// The host, with the port if the address names one.
fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn is_authority(text: &str) -> bool {
    Url::parse(&format!("http://{text}/")).is_ok_and(|url| {
        url.port().is_some() && authority(&url).eq_ignore_ascii_case(text) && url.path() == "/"
    })
}

/// Any host below a suffix of Kommo's, the site among them.
fn is_kommo(host: &str) -> bool {
    host.len() <= MAX_NAME
        && SUFFIXES.iter().any(|suffix| {
            host.strip_suffix(suffix)
                .is_some_and(|labels| labels.split('.').all(is_label))
        })
}

fn is_label(text: &str) -> bool {
    (1..=MAX_LABEL).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accounts_of_kommo_and_amocrm_are_allowed() {
        for good in ["acme.kommo.com", "my-shop2.amocrm.ru", "a.amocrm.com"] {
            let host = Hosts::kommo().account(good).unwrap();
            assert_eq!(host.origin(), format!("https://{good}"));
        }
    }

    #[test]
    fn nothing_that_only_looks_like_one_is() {
        for bad in [
            "",
            "kommo.com",
            ".kommo.com",
            "www.kommo.com",
            "a.b.kommo.com",
            "Acme.kommo.com",
            " acme.kommo.com",
            "evil-kommo.com",
            "acme.kommo.com.evil.org",
            "evil.org/.kommo.com",
            "evil.org#.kommo.com",
            "evil.org?x=.kommo.com",
            "evil.org\\.kommo.com",
            "user@evil.kommo.com",
            "https://acme.kommo.com",
            "acme.kommo.com:443",
            "acme.kommo.com.",
            "acme.kommo.com/",
            "acme.kommo.com\n",
            "-a.kommo.com",
            "a-.kommo.com",
            "пример.kommo.com",
            "acme\u{3002}kommo.com",
            "ａcme.kommo.com",
            "127.0.0.1",
            "127.0.0.1:9400",
            "[::1]",
            "169.254.169.254",
        ] {
            assert_eq!(
                Hosts::kommo().account(bad),
                Err(HostError::Foreign),
                "{bad}"
            );
        }
        let long = format!("{}.kommo.com", "a".repeat(64));
        assert!(Hosts::kommo().account(&long).is_err());
    }

    #[test]
    fn addresses_are_https_and_kommos() {
        let hosts = Hosts::kommo();
        for good in [
            "https://amojo.kommo.com/attachments/1/voice.ogg?sig=2",
            "https://drive-c.kommo.com",
            "https://a.b.amocrm.ru:443/x",
        ] {
            assert!(hosts.url(good).is_ok(), "{good}");
        }
        for (bad, error) in [
            ("http://amojo.kommo.com/", HostError::Malformed),
            ("https://amojo.kommo.com:8443/", HostError::Malformed),
            ("https://user@amojo.kommo.com/", HostError::Malformed),
            ("https://:pw@amojo.kommo.com/", HostError::Malformed),
            ("//amojo.kommo.com/", HostError::Malformed),
            ("ftp://amojo.kommo.com/", HostError::Malformed),
            ("https://amojo.kommo.com@evil.org/", HostError::Malformed),
            ("https://evil.org/amojo.kommo.com", HostError::Foreign),
            ("https://evil.org\\.kommo.com/", HostError::Foreign),
            ("https://kommo.com.evil.org/", HostError::Foreign),
            ("https://amojo.kommo.com./", HostError::Foreign),
            ("https://169.254.169.254/", HostError::Foreign),
            ("https://2130706433/", HostError::Foreign),
            ("http://127.0.0.1:9400/", HostError::Malformed),
        ] {
            assert_eq!(hosts.url(bad), Err(error), "{bad}");
        }
        assert!(
            hosts
                .url(&format!("https://a.kommo.com/{}", "x".repeat(5_000)))
                .is_err()
        );
    }

    #[test]
    fn an_address_of_another_account_is_told_apart() {
        let host = Hosts::kommo().account("acme.kommo.com").unwrap();
        assert!(
            host.own_url("https://acme.kommo.com/api/v4/leads?page=2")
                .is_ok()
        );
        for (bad, error) in [
            (
                "https://other.kommo.com/api/v4/leads",
                HostError::OtherAccount,
            ),
            ("https://evil.org/api/v4/leads", HostError::OtherAccount),
            ("https://acme.kommo.com:8443/", HostError::OtherAccount),
            ("http://acme.kommo.com/", HostError::Malformed),
            ("https://a:b@acme.kommo.com/", HostError::Malformed),
            ("/api/v4/leads?page=2", HostError::Malformed),
        ] {
            assert_eq!(host.own_url(bad), Err(error), "{bad}");
        }
    }

    #[test]
    fn a_test_host_is_allowed_with_its_port_and_never_in_production() {
        let list = ["127.0.0.1:9400".to_owned()];
        let hosts = Hosts::with_test_hosts(&list, false).unwrap();
        let host = hosts.account("127.0.0.1:9400").unwrap();
        assert_eq!(host.origin(), "http://127.0.0.1:9400");
        assert!(host.own_url("http://127.0.0.1:9400/x").is_ok());
        assert!(hosts.url("http://127.0.0.1:9400/x").is_ok());
        for bad in ["127.0.0.1:9401", "127.0.0.1", "127.0.0.1:9400/"] {
            assert!(hosts.account(bad).is_err(), "{bad}");
        }
        assert!(hosts.url("https://127.0.0.1:9400/x").is_err());
        assert_eq!(
            Hosts::with_test_hosts(&list, true).unwrap_err(),
            HostError::Production
        );
        assert!(Hosts::with_test_hosts(&[], true).is_ok());
        for bad in [
            "127.0.0.1",
            "",
            "http://127.0.0.1:1",
            "u@127.0.0.1:1",
            "a:1/b",
        ] {
            assert!(
                Hosts::with_test_hosts(&[bad.to_owned()], false).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn what_an_address_carries_is_not_shown() {
        let url = Hosts::kommo()
            .url("https://amojo.kommo.com/secret?token=1")
            .unwrap();
        assert_eq!(format!("{url:?}"), "https://amojo.kommo.com/…");
    }

    proptest! {
        #[test]
        fn whatever_is_allowed_leads_to_kommo(text in "[a-zA-Z0-9.:@/?#\\\\%-]{0,20}(\\.kommo\\.com|\\.amocrm\\.ru)?[.:/@#a-z]{0,6}") {
            if let Ok(host) = Hosts::kommo().account(&text) {
                let url = host.join("/").unwrap();
                let name = url.host_str().unwrap();
                prop_assert!(is_kommo(name) && name == text);
            }
            if let Ok(url) = Hosts::kommo().url(&format!("https://{text}")) {
                prop_assert!(is_kommo(url.as_url().host_str().unwrap()));
            }
        }
    }
}
