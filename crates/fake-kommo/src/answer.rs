//! What is answered, and how Kommo says no.

use http::StatusCode;
use serde_json::{Map, Value, json};

use crate::call::Call;

/// Most items of one page and of one write.
pub(crate) const MOST_ITEMS: usize = 250;

pub(crate) type Answered = Result<Answer, Refusal>;

#[derive(Debug)]
pub(crate) enum Answer {
    Json(StatusCode, Value),
    Text(StatusCode, String),
    Html(String),
    Redirect(String),
    /// 204.
    Nothing,
}

impl Answer {
    pub(crate) fn ok(body: Value) -> Self {
        Self::Json(StatusCode::OK, body)
    }

    pub(crate) fn accepted(body: Value) -> Self {
        Self::Json(StatusCode::ACCEPTED, body)
    }

    /// One page of a list, with links to its neighbours.
    pub(crate) fn page<T>(
        call: &Call,
        key: &str,
        items: &[T],
        render: impl Fn(&T) -> Value,
    ) -> Answered {
        let limit = page_size(call)?;
        let page = positive(call, "page").unwrap_or(1);
        let start = (page - 1).saturating_mul(limit).min(items.len());
        let end = start.saturating_add(limit).min(items.len());
        let link = |page: usize| json!({"href": call.link_to_page(page, limit)});
        let mut links = Map::from_iter([("self".to_owned(), link(page))]);
        if end < items.len() {
            links.insert("next".to_owned(), link(page + 1));
        }
        if page > 1 {
            links.insert("first".to_owned(), link(1));
            links.insert("prev".to_owned(), link(page - 1));
        }
        let rendered: Vec<Value> = items[start..end].iter().map(render).collect();
        if rendered.is_empty() && call.quirks.empty_list_is_no_content {
            return Ok(Self::Nothing);
        }
        Ok(Self::ok(
            json!({"_page": page, "_links": links, "_embedded": {key: rendered}}),
        ))
    }

    /// A list that has no pages.
    pub(crate) fn whole(call: &Call, key: &str, items: &[Value]) -> Self {
        if items.is_empty() && call.quirks.empty_list_is_no_content {
            return Self::Nothing;
        }
        Self::ok(json!({
            "_total_items": items.len(),
            "_links": {"self": {"href": call.url()}},
            "_embedded": {key: items},
        }))
    }

    /// The answer to a write of several items: their ids and nothing else.
    pub(crate) fn written(call: &Call, key: &str, written: &[(i64, String)]) -> Self {
        let href = call.url_without_query();
        let items: Vec<Value> = written
            .iter()
            .map(|(id, request_id)| {
                json!({
                    "id": id,
                    "request_id": request_id,
                    "_links": {"self": {"href": format!("{href}/{id}")}},
                })
            })
            .collect();
        Self::ok(json!({"_links": {"self": {"href": href}}, "_embedded": {key: items}}))
    }
}

fn positive(call: &Call, name: &str) -> Option<usize> {
    let number = usize::try_from(call.query.number(&[name])?).ok()?;
    (number > 0).then_some(number)
}

fn page_size(call: &Call) -> Result<usize, Refusal> {
    match positive(call, "limit") {
        None => Ok(50),
        Some(limit) if limit <= MOST_ITEMS => Ok(limit),
        Some(_) => Err(Refusal::too_many_items()),
    }
}

#[derive(Debug)]
pub(crate) enum Refusal {
    Json(StatusCode, Value),
    /// What stands before the API answers: a page for people, or nothing of JSON.
    Html(StatusCode, String),
}

impl Refusal {
    /// `application/problem+json`, with this in `detail`.
    pub(crate) fn problem(status: StatusCode, detail: &str) -> Self {
        let title = status.canonical_reason().unwrap_or_default();
        Self::titled(status, title, detail)
    }

    fn titled(status: StatusCode, title: &str, detail: &str) -> Self {
        let code = status.as_u16();
        let body = json!({
            "title": title,
            "type": format!("https://httpstatus.es/{code}"),
            "status": code,
            "detail": detail,
        });
        Self::Json(status, body)
    }

    pub(crate) fn bad_request(detail: &str) -> Self {
        Self::problem(StatusCode::BAD_REQUEST, detail)
    }

    pub(crate) fn empty_body() -> Self {
        Self::bad_request("Request data can not be empty")
    }

    pub(crate) fn unauthorized() -> Self {
        Self::problem(StatusCode::UNAUTHORIZED, "Invalid user name or password")
    }

    pub(crate) fn payment_required(detail: &str) -> Self {
        Self::problem(StatusCode::PAYMENT_REQUIRED, detail)
    }

    pub(crate) fn forbidden(detail: &str) -> Self {
        Self::problem(StatusCode::FORBIDDEN, detail)
    }

    pub(crate) fn not_found() -> Self {
        Self::problem(StatusCode::NOT_FOUND, "Requested resource not found")
    }

    /// No such path.
    pub(crate) fn cannot(method: &http::Method, url: &str) -> Self {
        Self::problem(StatusCode::NOT_FOUND, &format!("Cannot {method} {url}"))
    }

    pub(crate) fn method_not_allowed() -> Self {
        Self::problem(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed")
    }

    pub(crate) fn unprocessable(detail: &str) -> Self {
        Self::titled(
            StatusCode::UNPROCESSABLE_ENTITY,
            "Unprocessable Entity",
            detail,
        )
    }

    pub(crate) fn too_many_items() -> Self {
        Self::unprocessable(&format!("Limit {MOST_ITEMS} per page"))
    }

    /// What is wrong with the items of a write, each by its `request_id`.
    pub(crate) fn validation(errors: &[(String, Vec<Value>)]) -> Self {
        let errors: Vec<Value> = errors
            .iter()
            .map(|(request_id, errors)| json!({"request_id": request_id, "errors": errors}))
            .collect();
        let body = json!({
            "validation-errors": errors,
            "title": "Bad Request",
            "type": "https://httpstatus.es/400",
            "status": 400,
            "detail": "Request validation failed",
        });
        Self::Json(StatusCode::BAD_REQUEST, body)
    }

    /// One thing is wrong with the only item.
    pub(crate) fn invalid(code: &str, path: &str, detail: &str) -> Self {
        Self::validation(&[("0".to_owned(), vec![violation(code, path, detail)])])
    }

    /// 429 as the documents show it.
    pub(crate) fn too_many_requests() -> Self {
        let body = json!({
            "title": "Too Many Requests",
            "type": "https://httpstatus.es/429",
            "status": 429,
            "detail": "You can't make more than 7 requests per second for IP",
            "retry_after": 300,
        });
        Self::Json(StatusCode::TOO_MANY_REQUESTS, body)
    }

    /// 429 of the server before the API.
    pub(crate) fn too_many_requests_page() -> Self {
        Self::page_of_nginx(StatusCode::TOO_MANY_REQUESTS)
    }

    /// 403 of an address or account that is blocked.
    pub(crate) fn blocked() -> Self {
        Self::page_of_nginx(StatusCode::FORBIDDEN)
    }

    fn page_of_nginx(status: StatusCode) -> Self {
        let title = format!(
            "{} {}",
            status.as_u16(),
            status.canonical_reason().unwrap_or_default()
        );
        Self::Html(
            status,
            format!(
                "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
            ),
        )
    }

    /// 500, which has no `type`.
    pub(crate) fn internal(trace_id: &str) -> Self {
        let body = json!({
            "title": "ErrInternalServer",
            "status": 500,
            "detail": "Internal server error",
            "trace_id": trace_id,
        });
        Self::Json(StatusCode::INTERNAL_SERVER_ERROR, body)
    }

    /// An error of the chat back end.
    pub(crate) fn amojo(status: StatusCode, error_type: &str, description: &str) -> Self {
        let body = json!({
            "status": 0,
            "error_code": status.as_u16(),
            "error_type": error_type,
            "error_description": description,
        });
        Self::Json(status, body)
    }

    /// An error of the token endpoint.
    pub(crate) fn oauth(status: StatusCode, hint: &str) -> Self {
        let body = json!({
            "hint": hint,
            "title": status.canonical_reason().unwrap_or_default(),
            "type": "https://developers.amocrm.ru/v3/errors/OAuthProblemJson",
            "status": status.as_u16(),
            "detail": "The request is missing a required parameter, includes an invalid parameter value, or is otherwise malformed",
        });
        Self::Json(status, body)
    }
}

/// One entry of `validation-errors`.
pub(crate) fn violation(code: &str, path: &str, detail: &str) -> Value {
    json!({"code": code, "path": path, "detail": detail})
}
