//! The web client: static files, compressed beforehand, by `cargo xtask web`.

use std::env;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use sha2::{Digest as _, Sha256};

use crate::error::Error;
use crate::rest::error::Problem;

const INDEX: &str = "index.html";
/// Names in this folder hold the hash of their content.
const HASHED: &str = "assets/";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Shown where the client should be.
const MISSING: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
    <title>T11: the web client is not built</title><h1>The web client is not built</h1>\
    <p>Build it with <code>cargo xtask web</code>, or start everything with \
    <code>cargo xtask dev</code>. A bundle in another place is found by \
    <code>T11_WEB_DIR</code>.</p><p>The API works: <a href=\"/api/docs\">/api/docs</a>.</p></html>";

/// Where the bundle may lie; looked at anew for each request, so that it may be built meanwhile.
pub(crate) struct Assets {
    candidates: Vec<PathBuf>,
}

impl Assets {
    /// The folder that was set; else `web` beside or above the executable, else `target/web`.
    pub(crate) fn find(given: Option<&Path>) -> Self {
        if let Some(given) = given {
            return Self {
                candidates: vec![given.to_owned()],
            };
        }
        let executable = env::current_exe().unwrap_or_default();
        let above = executable
            .ancestors()
            .skip(1)
            .take(3)
            .map(|folder| folder.join("web"));
        Self {
            candidates: above.chain([PathBuf::from("target/web")]).collect(),
        }
    }

    /// Answers a request for a file or a page of the client.
    pub(crate) async fn serve(&self, method: &Method, path: &str, headers: &HeaderMap) -> Response {
        if *method != Method::GET && *method != Method::HEAD {
            let allow = "GET, HEAD".to_owned();
            return Problem::from(Error::MethodNotAllowed { allow }).into_response();
        }
        let Some(root) = self.root().await else {
            return if wants_page(headers) {
                missing()
            } else {
                unknown()
            };
        };
        if let Some(name) = file_name(path)
            && let Some(file) = File::open(&root, name, headers).await
        {
            return file.respond(headers);
        }
        // Any other address is a page of the client, which finds its own way.
        if wants_page(headers)
            && let Some(file) = File::open(&root, INDEX, headers).await
        {
            return file.respond(headers);
        }
        unknown()
    }

    async fn root(&self) -> Option<PathBuf> {
        for candidate in &self.candidates {
            // The sources of the client have an index.html too, and a manifest beside it.
            let built = tokio::fs::try_exists(candidate.join(INDEX))
                .await
                .unwrap_or(false);
            let source = tokio::fs::try_exists(candidate.join("Cargo.toml"))
                .await
                .unwrap_or(true);
            if built && !source {
                return Some(candidate.clone());
            }
        }
        None
    }
}

fn unknown() -> Response {
    Problem::from(Error::PathUnknown).into_response()
}

fn missing() -> Response {
    let mut response = (StatusCode::SERVICE_UNAVAILABLE, MISSING).into_response();
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// The file below the root that a path names; nothing that could lead out of it or to a hidden
/// file. Our names need no percent-encoding.
fn file_name(path: &str) -> Option<&str> {
    let name = path.strip_prefix('/')?;
    if name.is_empty() {
        return Some(INDEX);
    }
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let sane = |part: &str| !part.is_empty() && !part.starts_with('.') && part.chars().all(plain);
    name.split('/').all(sane).then_some(name)
}

struct File {
    bytes: Vec<u8>,
    content_type: &'static str,
    encoding: Option<&'static str>,
    etag: String,
    cache: &'static str,
}

impl File {
    /// The smallest form of the file that the client understands.
    async fn open(root: &Path, name: &str, headers: &HeaderMap) -> Option<Self> {
        let content_type = content_type(name)?;
        for (coding, suffix) in [("br", ".br"), ("gzip", ".gz")] {
            if accepts(headers, coding)
                && let Some(bytes) = read(&root.join(format!("{name}{suffix}"))).await
            {
                return Some(Self::new(name, bytes, content_type, Some(coding)));
            }
        }
        let bytes = read(&root.join(name)).await?;
        Some(Self::new(name, bytes, content_type, None))
    }

    fn new(
        name: &str,
        bytes: Vec<u8>,
        content_type: &'static str,
        encoding: Option<&'static str>,
    ) -> Self {
        let hashed = name.starts_with(HASHED);
        let etag = if hashed {
            format!("\"{}-{}\"", &name[HASHED.len()..], encoding.unwrap_or("id"))
        } else {
            format!(
                "\"{}\"",
                URL_SAFE_NO_PAD.encode(&Sha256::digest(&bytes)[..12])
            )
        };
        let cache = if hashed { FOR_EVER } else { "no-cache" };
        Self {
            bytes,
            content_type,
            encoding,
            etag,
            cache,
        }
    }

    fn respond(self, request: &HeaderMap) -> Response {
        let known = request
            .get_all(header::IF_NONE_MATCH)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|tag| tag.trim().trim_start_matches("W/") == self.etag);
        let mut response = if known {
            StatusCode::NOT_MODIFIED.into_response()
        } else {
            Response::new(Body::from(self.bytes))
        };
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static(self.content_type),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(self.cache));
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if let Some(encoding) = self.encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        if let Ok(etag) = HeaderValue::try_from(self.etag) {
            headers.insert(header::ETAG, etag);
        }
        response
    }
}

async fn read(path: &Path) -> Option<Vec<u8>> {
    match tokio::fs::read(path).await {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            if !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::IsADirectory) {
                tracing::warn!(%error, path = %path.display(), "a file of the web client");
            }
            None
        }
    }
}

/// Only kinds of files that a bundle holds are served.
fn content_type(name: &str) -> Option<&'static str> {
    Some(match name.rsplit_once('.')?.1 {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "txt" => "text/plain; charset=utf-8",
        _ => return None,
    })
}

fn accepts(headers: &HeaderMap, coding: &str) -> bool {
    headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|item| {
            let (name, parameters) = item.split_once(';').unwrap_or((item, ""));
            let refused = parameters
                .trim()
                .strip_prefix("q=")
                .is_some_and(|q| q.trim().parse::<f32>().is_ok_and(|weight| weight == 0.0));
            name.trim().eq_ignore_ascii_case(coding) && !refused
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_below_the_root_are_files() {
        assert_eq!(file_name("/"), Some(INDEX));
        assert_eq!(file_name("/assets/app-1a2b.js"), Some("assets/app-1a2b.js"));
        for bad in [
            "/../etc/passwd",
            "/a/../b",
            "/.env",
            "/a//b",
            "/a/",
            "/%2e%2e/x",
            "/a\\b",
            "x",
        ] {
            assert_eq!(file_name(bad), None, "{bad}");
        }
    }

    #[test]
    fn encodings_are_taken_as_weighed() {
        let mut headers = HeaderMap::new();
        headers.insert(
            header::ACCEPT_ENCODING,
            HeaderValue::from_static("gzip, br;q=0, zstd"),
        );
        assert!(accepts(&headers, "gzip"));
        assert!(!accepts(&headers, "br"));
    }
}
