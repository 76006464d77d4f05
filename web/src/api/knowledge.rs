pub(crate) use t11_proto::agents::v1::{
    Category, Chunk, ListSourcesResponse, SearchChunksResponse, SearchHit, Source, SourceKind,
    SourceState,
};
use t11_proto::agents::v1::{
    CreateArticleRequest, CreateCategoryRequest, CreateWebPageRequest, DeleteCategoryRequest,
    DeleteSourceRequest, GetSourceRequest, ListCategoriesRequest, ListCategoriesResponse,
    ListChunksRequest, ListChunksResponse, ListSourcesRequest, ReprocessSourceRequest,
    SearchChunksRequest, UpdateCategoryRequest, UpdateSourceRequest,
};

use super::transport::{rpc, unary};
use super::upload::{self, UploadHandle, UploadProgress};
use super::{Problem, mask, request_id};
use crate::browser;

/// The limit of the server; larger files are refused before they are sent.
pub(crate) const FILE_LIMIT: f64 = 50.0 * 1024.0 * 1024.0;

pub(crate) async fn categories() -> Result<Vec<Category>, Problem> {
    let answer: ListCategoriesResponse = unary(
        rpc!("/t11.agents.v1.KnowledgeService/ListCategories"),
        &ListCategoriesRequest {},
    )
    .await?;
    Ok(answer.categories)
}

pub(crate) async fn create_category(
    display_name: String,
    parent: String,
) -> Result<Category, Problem> {
    let category = Category {
        display_name,
        parent,
        ..Category::default()
    };
    let request = CreateCategoryRequest {
        category: Some(category),
        request_id: request_id(),
    };
    unary(
        rpc!("/t11.agents.v1.KnowledgeService/CreateCategory"),
        &request,
    )
    .await
}

pub(crate) async fn rename_category(category: Category) -> Result<Category, Problem> {
    let request = UpdateCategoryRequest {
        category: Some(category),
        update_mask: mask(&["display_name"]),
    };
    unary(
        rpc!("/t11.agents.v1.KnowledgeService/UpdateCategory"),
        &request,
    )
    .await
}

pub(crate) async fn delete_category(name: String) -> Result<(), Problem> {
    unary::<()>(
        rpc!("/t11.agents.v1.KnowledgeService/DeleteCategory"),
        &DeleteCategoryRequest { name },
    )
    .await?;
    Ok(())
}

/// What the list of sources is narrowed to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SourceFilter {
    pub(crate) category: String,
    pub(crate) query: String,
    pub(crate) state: Option<SourceState>,
    pub(crate) kind: Option<SourceKind>,
}

pub(crate) async fn list(
    filter: SourceFilter,
    page_token: String,
) -> Result<ListSourcesResponse, Problem> {
    let request = ListSourcesRequest {
        page_size: 100,
        page_token,
        category: filter.category,
        query: filter.query,
        states: filter.state.map(i32::from).into_iter().collect(),
        kinds: filter.kind.map(i32::from).into_iter().collect(),
    };
    unary(
        rpc!("/t11.agents.v1.KnowledgeService/ListSources"),
        &request,
    )
    .await
}

pub(crate) async fn get(name: String) -> Result<Source, Problem> {
    unary(
        rpc!("/t11.agents.v1.KnowledgeService/GetSource"),
        &GetSourceRequest { name },
    )
    .await
}

pub(crate) async fn create_article(
    display_name: String,
    content: String,
    category: String,
) -> Result<Source, Problem> {
    let request = CreateArticleRequest {
        display_name,
        content,
        category,
        request_id: request_id(),
    };
    unary(
        rpc!("/t11.agents.v1.KnowledgeService/CreateArticle"),
        &request,
    )
    .await
}

pub(crate) async fn create_web_page(
    uri: String,
    display_name: String,
    category: String,
) -> Result<Source, Problem> {
    let request = CreateWebPageRequest {
        uri,
        display_name,
        category,
        request_id: request_id(),
    };
    unary(
        rpc!("/t11.agents.v1.KnowledgeService/CreateWebPage"),
        &request,
    )
    .await
}

/// Changes the fields named by `paths`; the etag of `source` guards against lost updates.
pub(crate) async fn update(source: Source, paths: &[&str]) -> Result<Source, Problem> {
    let request = UpdateSourceRequest {
        source: Some(source),
        update_mask: mask(paths),
    };
    unary(
        rpc!("/t11.agents.v1.KnowledgeService/UpdateSource"),
        &request,
    )
    .await
}

pub(crate) async fn reprocess(name: String) -> Result<Source, Problem> {
    let request = ReprocessSourceRequest { name };
    unary(
        rpc!("/t11.agents.v1.KnowledgeService/ReprocessSource"),
        &request,
    )
    .await
}

pub(crate) async fn delete(name: String) -> Result<(), Problem> {
    unary::<()>(
        rpc!("/t11.agents.v1.KnowledgeService/DeleteSource"),
        &DeleteSourceRequest { name },
    )
    .await?;
    Ok(())
}

pub(crate) async fn chunks(
    source: String,
    page_token: String,
) -> Result<(Vec<Chunk>, String), Problem> {
    let request = ListChunksRequest {
        parent: source,
        page_size: 50,
        page_token,
    };
    let page: ListChunksResponse =
        unary(rpc!("/t11.agents.v1.KnowledgeService/ListChunks"), &request).await?;
    Ok((page.chunks, page.next_page_token))
}

pub(crate) async fn search(
    query: String,
    agent: String,
    limit: i32,
) -> Result<SearchChunksResponse, Problem> {
    let request = SearchChunksRequest {
        query,
        limit,
        agent,
    };
    unary(
        rpc!("/t11.agents.v1.KnowledgeService/SearchChunks"),
        &request,
    )
    .await
}

/// Uploads one file over REST: gRPC-web carries no client streams.
pub(crate) fn upload_file(
    file: &web_sys::File,
    category: &str,
    on_progress: impl Fn(UploadProgress) + 'static,
) -> Result<UploadHandle, Problem> {
    let query = [
        ("display_name", file.name()),
        ("category", category.to_owned()),
        ("size_bytes", browser::number_words(file.size())),
        ("request_id", request_id()),
    ];
    upload::send("/api/knowledge/sources:upload", &query, file, on_progress)
}
