//! Fetches a page that a person named, without becoming their way into our network.
//!
//! The address is checked after the name is resolved and the connection goes to the checked
//! address, so a name that changes its mind between the two gains nothing. Redirects are followed
//! by hand and checked the same way.

pub mod address;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use url::{Host, Url};

use super::rejection::Rejection;
use super::sniff::DocumentType;
use address::is_public;

/// A page or document behind a URL may weigh this much.
pub const MAX_BYTES: u64 = 10 * 1024 * 1024;
/// From the first connection to the last byte, redirects included.
pub const TIMEOUT: Duration = Duration::from_secs(20);
/// Beyond this a site is sending us in circles.
const MAX_REDIRECTS: usize = 3;
/// Sites on other ports are administration and neighbours, not pages.
const PORTS: [u16; 2] = [80, 443];
const USER_AGENT: &str = concat!("T11/", env!("CARGO_PKG_VERSION"), " (knowledge import)");
const ACCEPTED: &str =
    "text/html,application/xhtml+xml,application/pdf,text/plain,text/markdown,text/csv;q=0.9";

/// A page that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Where it was in the end, after redirects.
    pub url: Url,
    /// What it is said to be; the bytes are checked when they are read.
    pub document_type: DocumentType,
    /// What the header said about the charset.
    pub charset: Option<String>,
    /// To be given back next time.
    pub etag: Option<String>,
    /// At most [`MAX_BYTES`].
    pub bytes: Vec<u8>,
}

/// What came of asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The page.
    Fetched(Box<Fetched>),
    /// It is still what had the given etag.
    NotModified,
}

/// Fetches pages; keep one, it keeps connections.
#[derive(Debug, Clone)]
pub struct Fetcher {
    client: Client,
    test_hosts: Arc<[String]>,
}

impl Fetcher {
    /// `test_hosts` (`127.0.0.1:9400`) may be fetched whatever their address; for tests, empty
    /// otherwise. The process's TLS provider must be installed before.
    pub fn new(test_hosts: Vec<String>) -> Result<Self, reqwest::Error> {
        let test_hosts: Arc<[String]> = test_hosts.into();
        let names = test_hosts.iter().filter_map(|host| host.rsplit_once(':'));
        let resolver = PublicOnly {
            exempt: names.map(|(name, _)| name.to_owned()).collect(),
        };
        let client = Client::builder()
            .user_agent(USER_AGENT)
            .redirect(Policy::none())
            // A proxy from the environment would resolve names where we cannot check them.
            .no_proxy()
            .referer(false)
            .timeout(TIMEOUT)
            .dns_resolver(Arc::new(resolver))
            .build()?;
        Ok(Self { client, test_hosts })
    }

    /// Fetches `url`, if it changed since `etag`.
    pub async fn fetch(&self, url: &str, etag: Option<&str>) -> Result<Outcome, Rejection> {
        let url = Url::parse(url).map_err(|_| Rejection::FetchDenied)?;
        tokio::time::timeout(TIMEOUT, self.follow(url, etag))
            .await
            .map_err(|_| Rejection::FetchTimeout)?
    }

    /// Posts `body` to `url`, checked like a page; the status of the answer. Redirects are not
    /// followed, for a body is meant for the address that was given.
    ///
    /// # Errors
    /// [`Rejection::FetchDenied`], [`Rejection::FetchTimeout`], [`Rejection::FetchFailed`].
    pub async fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
    ) -> Result<u16, Rejection> {
        let url = Url::parse(url).map_err(|_| Rejection::FetchDenied)?;
        self.check(&url)?;
        let mut request = self.client.post(url).body(body);
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let answer = request.send().await.map_err(|error| refused(&error))?;
        Ok(answer.status().as_u16())
    }

    async fn follow(&self, mut url: Url, etag: Option<&str>) -> Result<Outcome, Rejection> {
        for _ in 0..=MAX_REDIRECTS {
            self.check(&url)?;
            let mut request = self.client.get(url.clone()).header(ACCEPT, ACCEPTED);
            if let Some(etag) = etag {
                request = request.header(IF_NONE_MATCH, etag);
            }
            let response = request.send().await.map_err(|error| refused(&error))?;
            match response.status() {
                StatusCode::OK => return read(url, response).await,
                StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(Outcome::NotModified),
                StatusCode::NOT_FOUND | StatusCode::GONE => return Err(Rejection::NotFound),
                status if status.is_redirection() => {
                    let location = header(&response, LOCATION).ok_or(Rejection::FetchFailed)?;
                    url = url.join(&location).map_err(|_| Rejection::FetchDenied)?;
                }
                _ => return Err(Rejection::FetchFailed),
            }
        }
        Err(Rejection::FetchFailed)
    }

    /// Refuses what can be refused without asking the network: by scheme, user information, port,
    /// the host's address or its ending. Where a name leads is checked when it is resolved.
    pub fn check(&self, url: &Url) -> Result<(), Rejection> {
        if !matches!(url.scheme(), "http" | "https")
            || !url.username().is_empty()
            || url.password().is_some()
        {
            return Err(Rejection::FetchDenied);
        }
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(Rejection::FetchDenied);
        };
        if self.test_hosts.contains(&format!("{host}:{port}")) {
            return Ok(());
        }
        let is_allowed = match host {
            Host::Ipv4(address) => is_public(address.into()),
            Host::Ipv6(address) => is_public(address.into()),
            Host::Domain(name) => address::is_public_name(name),
        };
        if is_allowed && PORTS.contains(&port) {
            Ok(())
        } else {
            Err(Rejection::FetchDenied)
        }
    }
}

async fn read(url: Url, mut response: Response) -> Result<Outcome, Rejection> {
    if response
        .content_length()
        .is_some_and(|length| length > MAX_BYTES)
    {
        return Err(Rejection::TooBig);
    }
    let content_type = header(&response, CONTENT_TYPE).unwrap_or_default();
    let document_type = document_type(&url, &content_type)?;
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(|error| refused(&error))? {
        if (bytes.len() + piece.len()) as u64 > MAX_BYTES {
            return Err(Rejection::TooBig);
        }
        bytes.extend_from_slice(&piece);
    }
    let etag = header(&response, ETAG);
    Ok(Outcome::Fetched(Box::new(Fetched {
        url,
        document_type,
        charset: charset(&content_type),
        etag,
        bytes,
    })))
}

/// The header decides; sites that say nothing or "some bytes" are judged by the path.
fn document_type(url: &Url, content_type: &str) -> Result<DocumentType, Rejection> {
    let essence = content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let by_header = DocumentType::of_media_type(&essence);
    match essence.as_str() {
        "" | "application/octet-stream" | "binary/octet-stream" => {
            DocumentType::of_name(url.path())
        }
        // Plain text is what servers call files whose extension they do not know.
        "text/plain" => DocumentType::of_name(url.path()).or(by_header),
        _ => by_header,
    }
}

fn charset(content_type: &str) -> Option<String> {
    content_type.split(';').skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("charset")
            .then(|| value.trim().trim_matches('"').to_owned())
    })
}

fn header(response: &Response, name: reqwest::header::HeaderName) -> Option<String> {
    Some(response.headers().get(name)?.to_str().ok()?.to_owned())
}

fn refused(error: &reqwest::Error) -> Rejection {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<NotPublic>() {
            return Rejection::FetchDenied;
        }
        cause = error.source();
    }
    if error.is_timeout() {
        Rejection::FetchTimeout
    } else {
        Rejection::FetchFailed
    }
}

/// A name led to an address that is not public.
#[derive(Debug, thiserror::Error)]
#[error("the name leads to an address that is not public")]
struct NotPublic;

/// Resolves names with the system's resolver and refuses those that lead inside, even in part.
#[derive(Debug)]
struct PublicOnly {
    exempt: Vec<String>,
}

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        let is_exempt = self.exempt.iter().any(|exempt| exempt == name.as_str());
        Box::pin(async move {
            let found: Vec<SocketAddr> =
                tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if !is_exempt && !found.iter().all(|found| is_public(found.ip())) {
                return Err(NotPublic.into());
            }
            let addresses: Addrs = Box::new(found.into_iter());
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetcher(test_hosts: &[&str]) -> Fetcher {
        let _ = rustls::crypto::ring::default_provider().install_default();
        Fetcher::new(test_hosts.iter().map(|host| (*host).to_owned()).collect()).unwrap()
    }

    #[test]
    fn urls_that_point_inside_are_denied_before_anything_is_sent() {
        let fetcher = fetcher(&["127.0.0.1:9400"]);
        let denied = [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0177.0.0.1/",
            "http://0/",
            "http://[::1]/",
            "http://[::ffff:7f00:1]/",
            "http://[64:ff9b::7f00:1]/",
            "http://[2002:7f00:1::]/",
            "http://10.0.0.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://100.64.0.1/",
            "http://１２７.0.0.1/",
            "http://127。0。0。1/",
            "http://localhost/",
            "http://localhost./",
            "http://db/",
            "http://kubernetes.default.svc/",
            "http://metadata.google.internal/",
            "http://printer.local/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "javascript:alert(1)",
            "data:text/plain,x",
            "http://user@example.com/",
            "http://user:pw@example.com/",
            "http://example.com:22/",
            "http://example.com:9400/",
            "http://127.0.0.1:9401/",
            "https://127.0.0.1:443/",
            "http://[fe80::1]/",
            "http://[fc00::1]/",
        ];
        for url in denied {
            let outcome = Url::parse(url)
                .map_err(|_| Rejection::FetchDenied)
                .and_then(|url| fetcher.check(&url));
            assert_eq!(outcome, Err(Rejection::FetchDenied), "{url}");
        }
    }

    #[test]
    fn public_urls_and_test_hosts_pass() {
        let fetcher = fetcher(&["127.0.0.1:9400", "localhost:9401"]);
        for url in [
            "https://example.com/price.pdf",
            "http://example.com:80/",
            "https://8.8.8.8/",
            "https://[2606:4700::6810:84e5]/",
            "https://пример.рф/",
            "https://sub.example.co.uk:443/a?b#c",
            "http://127.0.0.1:9400/",
            "http://localhost:9401/x",
        ] {
            assert_eq!(fetcher.check(&Url::parse(url).unwrap()), Ok(()), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_denied_when_it_is_resolved() {
        let resolver = PublicOnly {
            exempt: vec!["ip6-localhost".into()],
        };
        let denied = resolver.resolve("localhost".parse().unwrap()).await;
        assert!(denied.is_err_and(|error| error.is::<NotPublic>()));
        let exempt = PublicOnly {
            exempt: vec!["localhost".into()],
        };
        assert!(exempt.resolve("localhost".parse().unwrap()).await.is_ok());
    }

    #[test]
    fn the_type_comes_from_the_header_and_the_path() {
        let of = |path: &str, header: &str| {
            document_type(
                &Url::parse(&format!("https://e.com/{path}")).unwrap(),
                header,
            )
        };
        assert_eq!(of("a", "text/html; charset=utf-8"), Ok(DocumentType::Html));
        assert_eq!(of("a.md", "text/plain"), Ok(DocumentType::Markdown));
        assert_eq!(of("a", "text/plain"), Ok(DocumentType::Text));
        assert_eq!(
            of("a.pdf", "application/octet-stream"),
            Ok(DocumentType::Pdf)
        );
        assert_eq!(of("a.pdf", "image/png"), Err(Rejection::TypeUnsupported));
        assert_eq!(of("", ""), Err(Rejection::TypeUnsupported));
        assert_eq!(
            charset("text/html; Charset=\"windows-1251\"").as_deref(),
            Some("windows-1251")
        );
    }
}
