//! `KnowledgeService`.

use bytes::Bytes;
use futures::{Stream, StreamExt as _};
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use t11_core::{Violations, parse_name};
use t11_proto::agents::v1 as pb;
use t11_proto::agents::v1::knowledge_service_server::KnowledgeService;
use t11_proto::agents::v1::upload_file_request::Part;
use tonic::{Request, Response, Status, Streaming};
use url::Url;

use super::Handlers;
use super::convert::request_id;
use super::source::{
    category_of, optional_name, patch_of, pb_category, pb_chunk, pb_hit, pb_source, source_filter,
};
use crate::Error;
use crate::knowledge::index::Filter;
use crate::source::{Kind, MOST_CONTENT, NewSource};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl KnowledgeService for Handlers {
    async fn list_categories(
        &self,
        request: Request<pb::ListCategoriesRequest>,
    ) -> Answer<pb::ListCategoriesResponse> {
        let scope = t11_grpc::scope(&request)?;
        let categories = self.store.categories(&scope).await?;
        let categories = categories.into_iter().map(pb_category).collect();
        Ok(Response::new(pb::ListCategoriesResponse { categories }))
    }

    async fn create_category(
        &self,
        request: Request<pb::CreateCategoryRequest>,
    ) -> Answer<pb::Category> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let request_id = request_id(&request.request_id, &mut violations);
        let new = category_of(request.category.unwrap_or_default())?;
        let new = match new.check() {
            Ok(new) => violations.check().map(|()| new).map_err(Error::from)?,
            Err(more) => {
                violations.0.extend(more.0);
                return Err(Error::from(violations).into());
            }
        };
        let made = self.store.create_category(&scope, new, request_id).await?;
        Ok(Response::new(pb_category(made)))
    }

    async fn update_category(
        &self,
        request: Request<pb::UpdateCategoryRequest>,
    ) -> Answer<pb::Category> {
        const FIELDS: [&str; 4] = ["display_name", "description", "parent", "sort_order"];
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let given = request.category.unwrap_or_default();
        let id = parse_name("categories", &given.name).map_err(Error::from)?;
        let fields =
            super::convert::named_fields(request.update_mask, &FIELDS, |field| match field {
                "display_name" => !given.display_name.is_empty(),
                "description" => !given.description.is_empty(),
                "parent" => !given.parent.is_empty(),
                _ => given.sort_order != 0,
            })?;
        let etag = given.etag.clone();
        let changed = self
            .store
            .update_category(&scope, id, category_of(given)?, fields, etag)
            .await?;
        Ok(Response::new(pb_category(changed)))
    }

    async fn delete_category(&self, request: Request<pb::DeleteCategoryRequest>) -> Answer<()> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("categories", &request.get_ref().name).map_err(Error::from)?;
        self.store.delete_category(&scope, id).await?;
        Ok(Response::new(()))
    }

    async fn get_source(&self, request: Request<pb::GetSourceRequest>) -> Answer<pb::Source> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("sources", &request.get_ref().name).map_err(Error::from)?;
        Ok(Response::new(pb_source(
            self.store.source(&scope, id).await?,
        )))
    }

    async fn list_sources(
        &self,
        request: Request<pb::ListSourcesRequest>,
    ) -> Answer<pb::ListSourcesResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let filter = source_filter(&request)?;
        let arguments = format!("sources {} {filter:?}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 50, 200)
            .map_err(Error::from)?;
        let (page, total) = self.store.sources(&scope, filter, page).await?;
        Ok(Response::new(pb::ListSourcesResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            sources: page.items.into_iter().map(pb_source).collect(),
            total_size: i32::try_from(total).unwrap_or(i32::MAX),
        }))
    }

    async fn create_article(
        &self,
        request: Request<pb::CreateArticleRequest>,
    ) -> Answer<pb::Source> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let display_name = violations.text("display_name", &request.display_name, 1, 200);
        violations.text("content", &request.content, 1, MOST_CONTENT);
        let request_id = request_id(&request.request_id, &mut violations);
        violations.check().map_err(Error::from)?;
        let new = NewSource {
            display_name,
            size_bytes: i64::try_from(request.content.len()).unwrap_or(i64::MAX),
            content: request.content,
            category: optional_name("categories", &request.category)?,
            request_id,
            ..self.new_source(Kind::Article)
        };
        Ok(Response::new(pb_source(
            self.store.create_source(&scope, new).await?,
        )))
    }

    async fn create_web_page(
        &self,
        request: Request<pb::CreateWebPageRequest>,
    ) -> Answer<pb::Source> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let uri = self.page_uri(&request.uri, &mut violations);
        let display_name = violations.text("display_name", &request.display_name, 0, 200);
        let request_id = request_id(&request.request_id, &mut violations);
        violations.check().map_err(Error::from)?;
        let new = NewSource {
            display_name,
            uri,
            category: optional_name("categories", &request.category)?,
            request_id,
            ..self.new_source(Kind::WebPage)
        };
        Ok(Response::new(pb_source(
            self.store.create_source(&scope, new).await?,
        )))
    }

    async fn upload_file(
        &self,
        request: Request<Streaming<pb::UploadFileRequest>>,
    ) -> Answer<pb::Source> {
        let scope = t11_grpc::scope(&request)?;
        let mut parts = request.into_inner();
        let header = header_of(parts.message().await?)?;
        let mut violations = Violations::default();
        let display_name = violations.text("display_name", &header.display_name, 1, 200);
        let request_id = request_id(&header.request_id, &mut violations);
        violations.check().map_err(Error::from)?;
        if let Some(made) = self.store.source_of_request(&scope, request_id).await? {
            return Ok(Response::new(pb_source(made)));
        }
        let new = self.new_source(Kind::File);
        let announced = u64::try_from(header.size_bytes)
            .ok()
            .filter(|size| *size > 0);
        let bytes = Box::pin(bytes_of(parts));
        let stored = self
            .uploads
            .store(&scope, new.id, &display_name, announced, bytes)
            .await?;
        let new = NewSource {
            display_name,
            category: optional_name("categories", &header.category)?,
            document_type: Some(stored.document_type),
            storage_path: stored.path,
            size_bytes: i64::try_from(stored.size).unwrap_or(i64::MAX),
            sha256: stored.sha256,
            request_id,
            ..new
        };
        Ok(Response::new(pb_source(
            self.store.create_source(&scope, new).await?,
        )))
    }

    async fn update_source(&self, request: Request<pb::UpdateSourceRequest>) -> Answer<pb::Source> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let given = request.source.unwrap_or_default();
        let id = parse_name("sources", &given.name).map_err(Error::from)?;
        let etag = given.etag.clone();
        let patch = patch_of(given, request.update_mask)?;
        Ok(Response::new(pb_source(
            self.store.update_source(&scope, id, patch, etag).await?,
        )))
    }

    async fn reprocess_source(
        &self,
        request: Request<pb::ReprocessSourceRequest>,
    ) -> Answer<pb::Source> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("sources", &request.get_ref().name).map_err(Error::from)?;
        Ok(Response::new(pb_source(
            self.store.reprocess_source(&scope, id).await?,
        )))
    }

    async fn delete_source(&self, request: Request<pb::DeleteSourceRequest>) -> Answer<()> {
        let scope = t11_grpc::scope(&request)?;
        let id = parse_name("sources", &request.get_ref().name).map_err(Error::from)?;
        let path = self.store.delete_source(&scope, id).await?;
        if !path.is_empty()
            && let Err(error) = self.uploads.assets.delete(&Path::from(path.as_str())).await
        {
            // The row is gone; a file nobody can reach costs only its room.
            tracing::warn!(%error, %path, "the file of a deleted source stays");
        }
        Ok(Response::new(()))
    }

    async fn list_chunks(
        &self,
        request: Request<pb::ListChunksRequest>,
    ) -> Answer<pb::ListChunksResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let source = parse_name("sources", &request.parent).map_err(Error::from)?;
        let arguments = format!("chunks {} {source}", scope.org());
        let page = self
            .pages
            .read(&arguments, request.page_size, &request.page_token, 50, 200)
            .map_err(Error::from)?;
        let page = self.store.chunks(&scope, source, page).await?;
        Ok(Response::new(pb::ListChunksResponse {
            next_page_token: self.pages.write(&arguments, page.next_cursor.as_deref()),
            chunks: page.items.into_iter().map(pb_chunk).collect(),
        }))
    }

    async fn search_chunks(
        &self,
        request: Request<pb::SearchChunksRequest>,
    ) -> Answer<pb::SearchChunksResponse> {
        let scope = t11_grpc::scope(&request)?;
        let request = request.into_inner();
        let mut violations = Violations::default();
        let query = violations.text("query", &request.query, 1, 1_000);
        violations.range("limit", request.limit, 0, 50);
        violations.check().map_err(Error::from)?;
        let limit = if request.limit == 0 { 8 } else { request.limit };
        let limit = usize::try_from(limit).unwrap_or(8);
        let categories = match optional_name("agents", &request.agent)? {
            Some(agent) => self.store.agent(&scope, agent).await?.settings.searched(),
            None => None,
        };
        let filter = Filter {
            categories,
            valid_on: Some(self.today(&scope).await?),
            ..Filter::default()
        };
        let search = &self.chat.search;
        let version = self.store.index_version(&scope).await?;
        let searching = search.search(&scope, version, &query, &filter, limit);
        let results = searching.await?;
        Ok(Response::new(pb::SearchChunksResponse {
            hits: results.hits.into_iter().map(pb_hit).collect(),
            lexical_only: results.lexical_only,
            took_micros: i32::try_from(results.took.as_micros()).unwrap_or(i32::MAX),
        }))
    }
}

impl Handlers {
    fn new_source(&self, kind: Kind) -> NewSource {
        NewSource {
            id: self.world.new_id(),
            kind,
            display_name: String::new(),
            category: None,
            content: String::new(),
            uri: String::new(),
            document_type: None,
            storage_path: String::new(),
            size_bytes: 0,
            sha256: String::new(),
            request_id: None,
        }
    }

    /// The address of a page, if its job would not refuse it at sight.
    fn page_uri(&self, text: &str, violations: &mut Violations) -> String {
        let text = violations.text("uri", text, 1, 2_000);
        match Url::parse(&text) {
            Ok(url) if self.fetcher.check(&url).is_ok() => return url.to_string(),
            Ok(_) => {
                let words = "`uri` must be a public http or https address, at port 80 or 443 and \
                             without a user name";
                violations.add("uri", "NOT_PUBLIC", words);
            }
            // That it is missing is said already.
            Err(_) if text.is_empty() => {}
            Err(_) => violations.add("uri", "MALFORMED", "`uri` is not an address of a page"),
        }
        text
    }

    /// Today in the organization's time zone.
    pub(super) async fn today(
        &self,
        scope: &t11_core::OrgScope,
    ) -> Result<chrono::NaiveDate, Error> {
        let organization = self.chat.accounts.organization(scope.org()).await?;
        Ok(self
            .world
            .now()
            .with_timezone(&organization.zone)
            .date_naive())
    }
}

fn header_of(first: Option<pb::UploadFileRequest>) -> Result<pb::UploadFileHeader, Error> {
    match first.and_then(|request| request.part) {
        Some(Part::Header(header)) => Ok(header),
        Some(Part::Chunk(_)) | None => Err(Error::UploadWithoutHeader),
    }
}

/// The bytes after the header.
fn bytes_of(parts: Streaming<pb::UploadFileRequest>) -> impl Stream<Item = Result<Bytes, Error>> {
    parts.map(|part| match part {
        Ok(request) => match request.part {
            Some(Part::Chunk(chunk)) => Ok(chunk),
            Some(Part::Header(_)) | None => Err(Error::UploadWithoutHeader),
        },
        // The client went away in the middle of the file.
        Err(_broken) => Err(Error::FileTruncated),
    })
}
