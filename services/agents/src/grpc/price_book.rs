//! `PriceBookService`.

use t11_core::{OrgScope, Violations, format_name, parse_name};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::import_prices_request::Part;
use t11_proto::agents::v1::price_book_service_server::PriceBookService;
use tonic::{Request, Response, Status, Streaming};

use super::Handlers;
use super::convert::{request_id, timestamp};
use crate::Error;
use crate::knowledge::Rejection;
use crate::numbers::{self, Evidence, Finding};
use crate::price_book::currency::Currency;
use crate::price_book::import::{self, Imported, Refusal, RowError};
use crate::price_book::{PriceItem, State, Version};
use crate::store::{ItemFilter, NewVersion};
use crate::turn::Language;

type Answer<T> = Result<Response<T>, Status>;

/// Bytes of a price list at most.
const MAX_FILE_BYTES: usize = 50 * 1024 * 1024;

/// Rows that a checked sentence is compared with, as many by their names as by their prices.
const MOST_ROWS: usize = 50;

#[tonic::async_trait]
impl PriceBookService for Handlers {
    async fn import_prices(
        &self,
        request: Request<Streaming<pb::ImportPricesRequest>>,
    ) -> Answer<pb::ImportPricesResponse> {
        let scope = t11_grpc::scope(&request)?;
        let mut parts = request.into_inner();
        let header = header_of(parts.message().await?)?;
        let mut violations = Violations::default();
        let file_name = violations.text("display_name", &header.display_name, 1, 200);
        let currency = currency(&header.currency, &mut violations);
        let request_id = request_id(&header.request_id, &mut violations);
        violations.check().map_err(Error::from)?;
        if let Some(made) = self
            .store
            .price_version_of_request(&scope, request_id)
            .await?
        {
            return Ok(Response::new(imported(made)));
        }
        let currency = match currency {
            Some(currency) => currency,
            None => self.home_currency(&scope).await?,
        };
        let list = read(file_name.clone(), bytes_of(parts).await?, currency).await?;
        let new = NewVersion {
            file_name,
            imported: list,
            skip_bad_rows: header.skip_bad_rows,
            publish: header.publish,
            request_id,
        };
        Ok(Response::new(imported(
            self.store.create_price_version(&scope, new).await?,
        )))
    }

    async fn list_price_book_versions(
        &self,
        request: Request<pb::ListPriceBookVersionsRequest>,
    ) -> Answer<pb::ListPriceBookVersionsResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let arguments = format!("price versions {}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 25, 100)
            .map_err(Error::from)?;
        let page = self.store.price_versions(&scope, page).await?;
        Ok(Response::new(pb::ListPriceBookVersionsResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            versions: page.items.into_iter().map(pb_version).collect(),
        }))
    }

    async fn publish_price_book_version(
        &self,
        request: Request<pb::PublishPriceBookVersionRequest>,
    ) -> Answer<pb::PriceBookVersion> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("versions", &request.get_ref().name).map_err(Error::from)?;
        Ok(Response::new(pb_version(
            self.store.publish_price_version(&scope, id).await?,
        )))
    }

    async fn list_price_items(
        &self,
        request: Request<pb::ListPriceItemsRequest>,
    ) -> Answer<pb::ListPriceItemsResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let filter = item_filter(&request)?;
        let arguments = format!("price items {} {filter:?}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 50, 500)
            .map_err(Error::from)?;
        let (page, total) = self.store.price_items(&scope, filter, page).await?;
        Ok(Response::new(pb::ListPriceItemsResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            items: page.items.into_iter().map(pb_item).collect(),
            total_size: i32::try_from(total).unwrap_or(i32::MAX),
        }))
    }

    async fn check_sentence(
        &self,
        request: Request<pb::CheckSentenceRequest>,
    ) -> Answer<pb::CheckSentenceResponse> {
        let scope = t11_grpc::scope(&request)?;
        let mut violations = Violations::default();
        let text = violations.text("text", &request.get_ref().text, 1, 2_000);
        violations.check().map_err(Error::from)?;
        let today = self.today(&scope).await?;
        let rows = match self.store.live_catalogue(&scope).await? {
            Some(live) => {
                let mut rows = live.named(&text, today, MOST_ROWS);
                rows.extend(live.priced(&text, today, MOST_ROWS));
                rows
            }
            None => Vec::new(),
        };
        let findings = numbers::check(
            &text,
            &Evidence {
                prices: &rows,
                passages: &[],
                client_texts: &[],
                instructions: "",
                today,
            },
        );
        Ok(Response::new(pb::CheckSentenceResponse {
            allowed: findings.iter().all(Finding::allowed),
            numbers: findings.into_iter().map(pb_number).collect(),
        }))
    }
}

impl Handlers {
    /// The currency of lists that name none.
    async fn home_currency(&self, scope: &OrgScope) -> Result<Currency, Error> {
        let organization = self.chat.accounts.organization(scope.org()).await?;
        let code = match organization.language {
            Language::Russian => "RUB",
            Language::English => "USD",
        };
        Currency::of_code(code).ok_or(Error::Corrupt("currency"))
    }
}

fn header_of(first: Option<pb::ImportPricesRequest>) -> Result<pb::ImportPricesHeader, Error> {
    match first.and_then(|request| request.part) {
        Some(Part::Header(header)) => Ok(header),
        Some(Part::Chunk(_)) | None => Err(Error::UploadWithoutHeader),
    }
}

/// The bytes after the header.
async fn bytes_of(mut parts: Streaming<pb::ImportPricesRequest>) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    // An error here is the client going away in the middle of the file.
    while let Some(request) = parts.message().await.map_err(|_| Error::FileTruncated)? {
        let Some(Part::Chunk(chunk)) = request.part else {
            return Err(Error::UploadWithoutHeader);
        };
        if bytes.len() + chunk.len() > MAX_FILE_BYTES {
            return Err(Error::File(Rejection::TooBig));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

/// Reads the list on a thread that may be busy for seconds.
async fn read(file_name: String, bytes: Vec<u8>, currency: Currency) -> Result<Imported, Error> {
    let reading = move || import::read(&file_name, &bytes, currency);
    let read = tokio::task::spawn_blocking(reading).await;
    read.map_err(|_| Error::Interrupted)?
        .map_err(|refusal| match refusal {
            Refusal::File(rejection) => Error::File(rejection),
            Refusal::ColumnsMissing(missing) => Error::PriceColumnsMissing(missing),
        })
}

fn currency(code: &str, violations: &mut Violations) -> Option<Currency> {
    let known = Currency::of_code(code);
    if known.is_none() && !code.is_empty() {
        let words = "`currency` must be a code of ISO 4217";
        violations.add("currency", "CURRENCY_UNKNOWN", words);
    }
    known
}

fn item_filter(request: &pb::ListPriceItemsRequest) -> Result<ItemFilter, Error> {
    let mut violations = Violations::default();
    let query = violations.text("query", &request.query, 0, 200);
    violations.check()?;
    let version = match request.version.as_str() {
        "" => None,
        name => Some(parse_name("versions", name)?),
    };
    Ok(ItemFilter { version, query })
}

fn imported(version: Version) -> pb::ImportPricesResponse {
    let row_errors = version.errors.iter().cloned().map(pb_error).collect();
    pb::ImportPricesResponse {
        version: Some(pb_version(version)),
        row_errors,
    }
}

fn pb_error(error: RowError) -> pb::RowError {
    pb::RowError {
        row: i32::try_from(error.row).unwrap_or(i32::MAX),
        column: error.column,
        reason: error.reason,
        message: error.message,
        value: error.value,
    }
}

fn pb_version(version: Version) -> pb::PriceBookVersion {
    let state = match version.state {
        State::Draft => pb::PriceBookState::Draft,
        State::Live => pb::PriceBookState::Live,
        State::Retired => pb::PriceBookState::Retired,
    };
    let count = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    pb::PriceBookVersion {
        name: format_name("versions", version.id),
        number: version.number,
        state: state.into(),
        file_name: version.file_name,
        item_count: version.item_count,
        error_count: version.error_count,
        added_count: count(version.changes.added),
        changed_count: count(version.changes.changed),
        removed_count: count(version.changes.removed),
        create_time: Some(timestamp(version.create_time)),
        publish_time: version.publish_time.map(timestamp),
    }
}

fn pb_item(item: PriceItem) -> pb::PriceItem {
    let date = |date: Option<chrono::NaiveDate>| date.map(|d| d.to_string()).unwrap_or_default();
    pb::PriceItem {
        name: format_name("items", item.id),
        sku: item.sku,
        display_name: item.display_name,
        aliases: item.aliases,
        unit: item.unit,
        price_minor: item.price_minor,
        currency: item.currency,
        price_from: item.price_from,
        max_discount_percent: item.max_discount_percent,
        valid_from_date: date(item.valid_from),
        valid_until_date: date(item.valid_until),
    }
}

fn pb_number(finding: Finding) -> pb::CheckedNumber {
    pb::CheckedNumber {
        allowed: finding.allowed(),
        kind: finding.kind.as_str().to_owned(),
        text: finding.text,
        source: finding.source.unwrap_or_default(),
    }
}
