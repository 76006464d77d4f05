//! Sending files with progress, which only XMLHttpRequest tells.

use tonic::Code;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;
use web_sys::{File, ProgressEvent, XmlHttpRequest};

use super::Problem;
use super::transport::{CSRF_HEADER, csrf_token};
use crate::browser;

/// How far a file is.
#[derive(Clone, Debug)]
pub(crate) enum UploadProgress {
    /// Bytes sent, of all.
    Sent {
        done: f64,
        total: f64,
    },
    /// The server's answer, parsed.
    Done(JsValue),
    Failed(Problem),
}

/// A file under way. Dropping the handle stops it.
pub(crate) struct UploadHandle {
    request: XmlHttpRequest,
    _listeners: [Closure<dyn Fn(ProgressEvent)>; 3],
}

impl Drop for UploadHandle {
    fn drop(&mut self) {
        self.request.set_onload(None);
        self.request.set_onerror(None);
        // Aborting a finished request does nothing.
        let _ = self.request.abort();
    }
}

/// Posts `file` as the body of `path?query`.
pub(super) fn send(
    path: &str,
    query: &[(&str, String)],
    file: &File,
    on_progress: impl Fn(UploadProgress) + 'static,
) -> Result<UploadHandle, Problem> {
    open(path, query, file, on_progress).map_err(|_| Problem::offline())
}

fn open(
    path: &str,
    query: &[(&str, String)],
    file: &File,
    on_progress: impl Fn(UploadProgress) + 'static,
) -> Result<UploadHandle, JsValue> {
    let request = XmlHttpRequest::new()?;
    request.open_with_async("POST", &url(path, query), true)?;
    request.set_request_header("content-type", "application/octet-stream")?;
    if let Some(token) = csrf_token() {
        request.set_request_header(CSRF_HEADER, &token)?;
    }
    let tell = std::rc::Rc::new(on_progress);

    let sent = Closure::new({
        let tell = tell.clone();
        move |event: ProgressEvent| {
            tell(UploadProgress::Sent {
                done: event.loaded(),
                total: event.total(),
            });
        }
    });
    let answered = Closure::new({
        let (tell, request) = (tell.clone(), request.clone());
        move |_: ProgressEvent| tell(outcome(&request))
    });
    let failed = Closure::new(move |_: ProgressEvent| {
        tell(UploadProgress::Failed(Problem::offline()));
    });
    request
        .upload()?
        .set_onprogress(Some(sent.as_ref().unchecked_ref()));
    request.set_onload(Some(answered.as_ref().unchecked_ref()));
    request.set_onerror(Some(failed.as_ref().unchecked_ref()));
    request.send_with_opt_blob(Some(file))?;
    Ok(UploadHandle {
        request,
        _listeners: [sent, answered, failed],
    })
}

fn url(path: &str, query: &[(&str, String)]) -> String {
    let pairs: Vec<String> = query
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{key}={}", browser::escape(value)))
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

fn outcome(request: &XmlHttpRequest) -> UploadProgress {
    let status = request.status().unwrap_or_default();
    let body = request.response_text().ok().flatten().unwrap_or_default();
    let json = js_sys::JSON::parse(&body).unwrap_or(JsValue::UNDEFINED);
    if (200..300).contains(&status) {
        return UploadProgress::Done(json);
    }
    UploadProgress::Failed(problem(status, &json))
}

/// REST says errors as `{"error": {"message", "reason", "request_id", …}}`.
fn problem(status: u16, json: &JsValue) -> Problem {
    let member = |object: &JsValue, key: &str| {
        js_sys::Reflect::get(object, &JsValue::from_str(key)).unwrap_or(JsValue::UNDEFINED)
    };
    let error = member(json, "error");
    let reason = member(&error, "reason").as_string().unwrap_or_default();
    let message = member(&error, "message").as_string().unwrap_or_default();
    let code = match status {
        400 | 413 | 415 => Code::InvalidArgument,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        409 => Code::AlreadyExists,
        429 => Code::ResourceExhausted,
        501 => Code::Unimplemented,
        503 => Code::Unavailable,
        504 => Code::DeadlineExceeded,
        _ => Code::Internal,
    };
    let mut problem = Problem::from_reason(code, reason, &message);
    problem.request_id = member(&error, "request_id").as_string();
    problem
}
