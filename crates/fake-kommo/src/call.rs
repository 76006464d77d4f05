//! One request, as the rooms see it.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use serde_json::Value;

use crate::answer::Refusal;
use crate::php::Quirks;
use crate::query::Query;

/// On whose behalf a request is made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Actor {
    pub(crate) user_id: i64,
    pub(crate) is_admin: bool,
    pub(crate) client_id: String,
    pub(crate) scopes: Arc<[String]>,
}

impl Actor {
    pub(crate) fn require_admin(&self) -> Result<(), Refusal> {
        if self.is_admin {
            Ok(())
        } else {
            Err(Refusal::forbidden("Forbidden"))
        }
    }

    pub(crate) fn require_scope(&self, scope: &str) -> Result<(), Refusal> {
        if self.scopes.iter().any(|granted| granted == scope) {
            Ok(())
        } else {
            Err(Refusal::forbidden("Invalid scope"))
        }
    }
}

#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// `http://127.0.0.1:9400`, the account's own address.
    pub(crate) base: String,
    pub(crate) path: String,
    pub(crate) raw_query: String,
    pub(crate) query: Query,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// The body when it is JSON.
    pub(crate) parsed: Option<Value>,
    /// The names in the path, by the route's words.
    pub(crate) params: Vec<(String, String)>,
    pub(crate) actor: Actor,
    pub(crate) quirks: Quirks,
    /// Whether the webhook's address answered, when it was looked at.
    pub(crate) probed: Option<bool>,
    /// Unix seconds.
    pub(crate) now: i64,
}

impl Call {
    pub(crate) fn url_without_query(&self) -> String {
        format!("{}{}", self.base, self.path)
    }

    pub(crate) fn url(&self) -> String {
        if self.raw_query.is_empty() {
            self.url_without_query()
        } else {
            format!("{}?{}", self.url_without_query(), self.raw_query)
        }
    }

    pub(crate) fn link_to_page(&self, page: usize, limit: usize) -> String {
        let others = form_urlencoded::parse(self.raw_query.as_bytes())
            .filter(|(key, _)| key != "page" && key != "limit");
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(others)
            .append_pair("page", &page.to_string())
            .append_pair("limit", &limit.to_string())
            .finish();
        format!("{}?{query}", self.url_without_query())
    }

    pub(crate) fn json(&self) -> Result<&Value, Refusal> {
        if self.body.is_empty() {
            return Err(Refusal::empty_body());
        }
        self.parsed
            .as_ref()
            .ok_or_else(|| Refusal::bad_request("Request body is not a valid JSON"))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    pub(crate) fn param(&self, name: &str) -> &str {
        self.params
            .iter()
            .find(|(key, _)| key == name)
            .map_or("", |(_, value)| value)
    }

    /// The number in the path, or 404 as for one that does not exist.
    pub(crate) fn id(&self, name: &str) -> Result<i64, Refusal> {
        self.param(name).parse().map_err(|_| Refusal::not_found())
    }
}
