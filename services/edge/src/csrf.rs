//! Defence against requests that another site makes a browser send (OWASP: fetch metadata, then
//! origin, then a double-submitted token).

use http::{HeaderMap, header};
use subtle::ConstantTimeEq as _;

use crate::client::Client;
use crate::error::Error;
use crate::session::{self, Credential};

/// Must repeat the cookie of the same purpose.
pub(crate) const HEADER: &str = "x-t11-csrf";

/// Where a request comes from, by what browsers say and scripts cannot change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A page of ours, the address bar, or an allowed origin.
    Trusted,
    Elsewhere,
    /// Not said: a program, or a browser older than 2020 without an `Origin`.
    Unknown,
}

/// Refuses an unsafe call that another site may have caused.
///
/// Nothing is asked of a bearer token: no browser sends one by itself. A call with a cookie must
/// come from our own pages and repeat the CSRF token. A call without credentials (signing in) must
/// not come from elsewhere, or a site could sign its visitors into an account of its own.
///
/// # Errors
/// [`Error::CrossSite`] or [`Error::CsrfToken`].
pub(crate) fn check(
    headers: &HeaderMap,
    client: &Client,
    credential: &Credential,
    allowed_origins: &[String],
) -> Result<(), Error> {
    let source = source(headers, client, allowed_origins);
    match credential {
        Credential::Bearer(_) => Ok(()),
        Credential::None if source == Source::Elsewhere => Err(Error::CrossSite),
        Credential::None => Ok(()),
        Credential::Cookie(_) if source != Source::Trusted => Err(Error::CrossSite),
        Credential::Cookie(_) if !token_repeated(headers) => Err(Error::CsrfToken),
        Credential::Cookie(_) => Ok(()),
    }
}

fn source(headers: &HeaderMap, client: &Client, allowed_origins: &[String]) -> Source {
    let text = |name| {
        headers
            .get(name)
            .map(|value| value.to_str().unwrap_or_default())
    };
    let origin = text(header::ORIGIN.as_str());
    if origin.is_some_and(|origin| allowed_origins.iter().any(|allowed| allowed == origin)) {
        return Source::Trusted;
    }
    match (text("sec-fetch-site"), origin) {
        (Some("same-origin" | "none"), _) => Source::Trusted,
        (Some(_), _) => Source::Elsewhere,
        (None, Some(origin)) if is_own(origin, client) => Source::Trusted,
        (None, Some(_)) => Source::Elsewhere,
        (None, None) => Source::Unknown,
    }
}

/// Whether `origin` names the host that was asked for.
fn is_own(origin: &str, client: &Client) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else {
        return false;
    };
    let default_port = if scheme == "https" { 443 } else { 80 };
    let Ok(origin) = authority.parse::<http::uri::Authority>() else {
        return false;
    };
    client.host.as_ref().is_some_and(|host| {
        host.host().eq_ignore_ascii_case(origin.host())
            && host.port_u16().unwrap_or(default_port) == origin.port_u16().unwrap_or(default_port)
    })
}

fn token_repeated(headers: &HeaderMap) -> bool {
    let header = headers.get(HEADER).map(http::HeaderValue::as_bytes);
    let cookie = session::cookie(headers, session::CSRF_COOKIE).map(str::as_bytes);
    matches!((header, cookie), (Some(a), Some(b)) if !a.is_empty() && bool::from(a.ct_eq(b)))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const TOKEN: (&str, &str) = ("x-t11-csrf", "abc");
    const COOKIE: (&str, &str) = ("cookie", "t11_session=s; t11_csrf=abc");

    fn verdict(credential: &Credential, headers: &[(&'static str, &str)]) -> &'static str {
        let client = Client {
            address: None,
            secure: false,
            host: Some("127.0.0.1:8080".parse().unwrap()),
        };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::try_from(*value).unwrap());
        }
        match check(
            &map,
            &client,
            credential,
            &["https://allowed.example".to_owned()],
        ) {
            Ok(()) => "ok",
            Err(Error::CrossSite) => "cross-site",
            Err(Error::CsrfToken) => "token",
            Err(_) => "other",
        }
    }

    #[test]
    fn a_cookie_needs_our_page_and_the_token() {
        let cookie = Credential::Cookie("s".to_owned());
        let own = ("origin", "http://127.0.0.1:8080");
        let site = |value| ("sec-fetch-site", value);
        let cases: &[(&[(&'static str, &str)], &str)] = &[
            (&[], "cross-site"),
            (&[own], "token"),
            (&[own, TOKEN], "token"),
            (&[own, TOKEN, COOKIE], "ok"),
            (&[site("same-origin"), TOKEN, COOKIE], "ok"),
            (&[site("none"), TOKEN, COOKIE], "ok"),
            (&[site("same-site"), own, TOKEN, COOKIE], "cross-site"),
            (&[site("cross-site"), own, TOKEN, COOKIE], "cross-site"),
            (
                &[("origin", "http://127.0.0.1:9090"), TOKEN, COOKIE],
                "cross-site",
            ),
            (
                &[
                    ("origin", "https://127.0.0.1:8080.evil.example"),
                    TOKEN,
                    COOKIE,
                ],
                "cross-site",
            ),
            (&[("origin", "null"), TOKEN, COOKIE], "cross-site"),
            (
                &[("origin", "https://allowed.example"), TOKEN, COOKIE],
                "ok",
            ),
            (&[own, ("x-t11-csrf", "abd"), COOKIE], "token"),
            (&[own, ("x-t11-csrf", ""), ("cookie", "t11_csrf=")], "token"),
        ];
        for (headers, expected) in cases {
            assert_eq!(verdict(&cookie, headers), *expected, "{headers:?}");
        }
    }

    #[test]
    fn signing_in_is_refused_to_other_sites_only() {
        assert_eq!(verdict(&Credential::None, &[]), "ok");
        assert_eq!(
            verdict(&Credential::None, &[("sec-fetch-site", "same-origin")]),
            "ok"
        );
        assert_eq!(
            verdict(&Credential::None, &[("sec-fetch-site", "cross-site")]),
            "cross-site"
        );
        assert_eq!(
            verdict(&Credential::None, &[("origin", "https://evil.example")]),
            "cross-site"
        );
    }

    #[test]
    fn a_bearer_token_needs_nothing() {
        let bearer = Credential::Bearer("t".to_owned());
        assert_eq!(verdict(&bearer, &[("sec-fetch-site", "cross-site")]), "ok");
    }
}
