use js_sys::{Array, Reflect};
use t11_proto::agents::v1::{
    CheckSentenceRequest, ListPriceBookVersionsRequest, ListPriceBookVersionsResponse,
    ListPriceItemsRequest, PublishPriceBookVersionRequest,
};
pub(crate) use t11_proto::agents::v1::{
    CheckSentenceResponse, ListPriceItemsResponse, PriceBookState, PriceBookVersion, PriceItem,
    RowError,
};
use wasm_bindgen::JsValue;

use super::transport::{rpc, unary};
use super::upload::{self, UploadHandle, UploadProgress};
use super::{Problem, request_id};

/// Items of a version; of the live one when `version` is empty.
pub(crate) async fn items(
    version: String,
    query: String,
    page_token: String,
) -> Result<ListPriceItemsResponse, Problem> {
    let request = ListPriceItemsRequest {
        page_size: 100,
        page_token,
        version,
        query,
    };
    unary(
        rpc!("/t11.agents.v1.PriceBookService/ListPriceItems"),
        &request,
    )
    .await
}

pub(crate) async fn versions() -> Result<Vec<PriceBookVersion>, Problem> {
    let request = ListPriceBookVersionsRequest {
        page_size: 50,
        page_token: String::new(),
    };
    let page: ListPriceBookVersionsResponse = unary(
        rpc!("/t11.agents.v1.PriceBookService/ListPriceBookVersions"),
        &request,
    )
    .await?;
    Ok(page.versions)
}

pub(crate) async fn publish(name: String) -> Result<PriceBookVersion, Problem> {
    let request = PublishPriceBookVersionRequest { name };
    let version = unary(
        rpc!("/t11.agents.v1.PriceBookService/PublishPriceBookVersion"),
        &request,
    )
    .await?;
    Ok(version)
}

pub(crate) async fn check_sentence(text: String) -> Result<CheckSentenceResponse, Problem> {
    let answer = unary(
        rpc!("/t11.agents.v1.PriceBookService/CheckSentence"),
        &CheckSentenceRequest { text },
    )
    .await?;
    Ok(answer)
}

/// What an import says beside the file.
pub(crate) struct ImportOptions {
    pub(crate) currency: String,
    pub(crate) skip_bad_rows: bool,
    pub(crate) publish: bool,
}

/// Sends a price list over REST: gRPC-web carries no client streams.
pub(crate) fn import(
    file: &web_sys::File,
    options: &ImportOptions,
    on_progress: impl Fn(UploadProgress) + 'static,
) -> Result<UploadHandle, Problem> {
    let query = [
        ("display_name", file.name()),
        ("currency", options.currency.clone()),
        ("skip_bad_rows", options.skip_bad_rows.to_string()),
        ("publish", options.publish.to_string()),
        ("request_id", request_id()),
    ];
    upload::send("/api/prices:import", &query, file, on_progress)
}

/// What an import answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ImportReport {
    pub(crate) version: PriceBookVersion,
    pub(crate) row_errors: Vec<RowError>,
}

impl ImportReport {
    /// From the JSON of REST.
    pub(crate) fn from_json(json: &JsValue) -> Self {
        let version = member(json, "version");
        let rows: Array = member(json, "row_errors").into();
        let rows = if Array::is_array(&rows) {
            rows
        } else {
            Array::new()
        };
        Self {
            version: PriceBookVersion {
                name: words(&version, "name"),
                number: number(&version, "number"),
                state: state(&words(&version, "state")).into(),
                file_name: words(&version, "file_name"),
                item_count: number(&version, "item_count"),
                error_count: number(&version, "error_count"),
                added_count: number(&version, "added_count"),
                changed_count: number(&version, "changed_count"),
                removed_count: number(&version, "removed_count"),
                ..PriceBookVersion::default()
            },
            row_errors: rows.iter().map(|row| row_error(&row)).collect(),
        }
    }
}

fn row_error(row: &JsValue) -> RowError {
    RowError {
        row: number(row, "row"),
        column: words(row, "column"),
        reason: words(row, "reason"),
        message: words(row, "message"),
        value: words(row, "value"),
    }
}

fn state(word: &str) -> PriceBookState {
    PriceBookState::from_str_name(word).unwrap_or_default()
}

/// A member of a JSON object; undefined when there is none.
fn member(json: &JsValue, key: &str) -> JsValue {
    Reflect::get(json, &JsValue::from_str(key)).unwrap_or(JsValue::UNDEFINED)
}

fn words(json: &JsValue, key: &str) -> String {
    member(json, key).as_string().unwrap_or_default()
}

fn number(json: &JsValue, key: &str) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "counts of rows")]
    let number = member(json, key).as_f64().unwrap_or_default() as i32;
    number
}
