//! Headers of every request on its way in and of every answer on its way out.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use t11_core::World;

/// Names the request in all logs; given back to the client.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static(t11_grpc::keys::REQUEST_ID);

/// Everything is a file of ours, so no nonce; WebAssembly needs its own word.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; \
    style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; \
    manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; \
    object-src 'none'; frame-ancestors 'none'";

/// On every answer, errors included.
const SECURITY: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    ),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// Two years, as the preload list asks for at least one.
const STRICT_TRANSPORT_SECURITY: &str = "max-age=63072000; includeSubDomains";

/// The client's request id when it is a sane word, else a new one.
pub(crate) fn request_id(headers: &HeaderMap, world: &World) -> String {
    let given = headers
        .get(REQUEST_ID)
        .and_then(|value| value.to_str().ok());
    let sane = |id: &&str| {
        (8..=64).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    };
    given
        .filter(sane)
        .map_or_else(|| world.new_id().to_string(), ToOwned::to_owned)
}

/// What the client calls itself, at most 256 characters.
pub(crate) fn user_agent(headers: &HeaderMap) -> Option<String> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    Some(agent.chars().take(256).collect())
}

/// Takes away what only our own processes may say to each other. `x-t11-csrf` is for edge itself.
pub(crate) fn strip_internal(headers: &mut HeaderMap) {
    let internal: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("x-t11-") && *name != crate::csrf::HEADER)
        .cloned()
        .collect();
    for name in internal {
        headers.remove(name);
    }
}

/// Puts the security headers and the request id on an answer.
pub(crate) fn finish(headers: &mut HeaderMap, request_id: &str, secure: bool) {
    for (name, value) in SECURITY {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if secure {
        let value = HeaderValue::from_static(STRICT_TRANSPORT_SECURITY);
        headers.insert(header::STRICT_TRANSPORT_SECURITY, value);
    }
    if let Ok(id) = HeaderValue::try_from(request_id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// Lets pages of an allowed origin call with a bearer token (CORS). Cookies are never for them:
/// `access-control-allow-credentials` is not sent.
pub(crate) fn allow_origin(headers: &mut HeaderMap, origin: &HeaderValue) {
    let mut put = |name, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    put(
        header::ACCESS_CONTROL_EXPOSE_HEADERS,
        "grpc-status, grpc-message, grpc-status-details-bin, retry-after, x-request-id",
    );
    put(
        HeaderName::from_static("cross-origin-resource-policy"),
        "cross-origin",
    );
    headers.append(header::VARY, HeaderValue::from_static("origin"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
}

/// Whether the request asks if it may be sent at all.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to such a question from an allowed origin.
pub(crate) fn preflight(headers: &mut HeaderMap) {
    let mut put = |name, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    put(
        header::ACCESS_CONTROL_ALLOW_METHODS,
        "GET, POST, PUT, PATCH, DELETE",
    );
    put(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        "authorization, content-type, grpc-timeout, x-grpc-web, x-request-id, x-user-agent",
    );
    put(header::ACCESS_CONTROL_MAX_AGE, "7200");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_kept_only_when_sane() {
        let kept = |id: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_static(id));
            request_id(&headers, &World::system()) == id
        };
        assert!(kept("0198c0de-abcd"));
        for bad in ["", "short", "with space and more", "quote\"quote", "ы"] {
            if let Ok(value) = HeaderValue::from_str(bad) {
                let mut headers = HeaderMap::new();
                headers.insert(REQUEST_ID, value);
                assert_ne!(request_id(&headers, &World::system()), bad);
            }
        }
    }

    #[test]
    fn internal_headers_do_not_come_in() {
        let mut headers = HeaderMap::new();
        for name in [
            "x-t11-caller",
            "x-t11-client-address",
            "x-t11-anything",
            "x-t11-csrf",
            "te",
        ] {
            headers.insert(name, HeaderValue::from_static("1"));
        }
        strip_internal(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["te", "x-t11-csrf"]);
    }
}
