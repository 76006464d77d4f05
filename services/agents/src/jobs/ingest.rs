//! The job that reads a source: fetch, extract in a confined child, chunk, embed, store. Run
//! again after a crash it ends in the same rows, for a reading replaces all chunks in one commit.

use std::sync::Arc;

use async_trait::async_trait;
use object_store::ObjectStore;
use object_store::ObjectStoreExt as _;
use object_store::path::Path;
use prost::Message as _;
use t11_core::OrgScope;
use t11_runtime::{JobFailure, JobHandler, RunningJob};
use uuid::Uuid;

use crate::Error;
use crate::clients::embedder::{BATCH, Embedder};
use crate::knowledge::extractor::{ExtractError, Extractor};
use crate::knowledge::fetch::{Fetcher, Outcome};
use crate::knowledge::index::Embedding;
use crate::knowledge::sandbox::Request;
use crate::knowledge::sniff::DocumentType;
use crate::knowledge::stem::Stemming;
use crate::knowledge::terms::Terms;
use crate::knowledge::{Document, Rejection, chunk};
use crate::source::{Kind, Reader, Source};
use crate::store::{ChunkReading, Reading, Store};

/// The kind of the job.
pub(crate) const KIND: &str = "agents.ingest_source";

#[derive(Clone, PartialEq, prost::Message)]
struct Payload {
    /// UUID of the source.
    #[prost(string, tag = "1")]
    source: String,
}

/// The payload of the job for `source`.
pub(crate) fn payload(source: Uuid) -> Vec<u8> {
    Payload {
        source: source.to_string(),
    }
    .encode_to_vec()
}

/// Reads sources.
pub(crate) struct Ingest {
    pub(crate) store: Store,
    pub(crate) assets: Arc<dyn ObjectStore>,
    pub(crate) extractor: Extractor,
    pub(crate) fetcher: Fetcher,
    pub(crate) embedder: Arc<Embedder>,
}

/// Bytes to read and what they are.
struct Raw {
    file_name: String,
    document_type: DocumentType,
    charset: Option<String>,
    bytes: Vec<u8>,
}

/// Why a reading ended badly.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    /// The document's own fault.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    #[error(transparent)]
    Ours(#[from] Error),
    /// The machine's fault: trying again may help.
    #[error("the file cannot be read now")]
    Machine(#[source] std::io::Error),
    #[error("the bucket does not give the file")]
    Bucket(#[from] object_store::Error),
    /// A later lease or a later job reads the source.
    #[error("another reads the source")]
    Superseded,
}

#[async_trait]
impl JobHandler for Ingest {
    async fn run(&self, job: &RunningJob) -> Result<(), JobFailure> {
        let scope = job.scope()?;
        let payload = Payload::decode(job.payload.clone()).map_err(|_| malformed())?;
        let source = Uuid::try_parse(&payload.source).map_err(|_| malformed())?;
        let reader = Reader {
            job: job.id,
            fence: job.fence,
        };
        let failed = |reason: &str, message: &str| {
            let shown = Reading::Failed(reason.to_owned(), message.to_owned());
            self.store.note_reading(&scope, source, reader, shown)
        };
        let read = tokio::select! {
            read = self.read(job, &scope, source, reader) => read,
            () = job.cancelled().cancelled() => {
                failed("CANCELLED", "reading was cancelled").await?;
                return Ok(());
            }
        };
        match read {
            // What there is to read is another's now.
            Ok(()) | Err(ReadError::Superseded) => Ok(()),
            Err(error) => {
                let failure = failure(error);
                failed(&failure.reason, &failure.message).await?;
                Err(failure)
            }
        }
    }
}

impl Ingest {
    async fn read(
        &self,
        job: &RunningJob,
        scope: &OrgScope,
        id: Uuid,
        reader: Reader,
    ) -> Result<(), ReadError> {
        let at = async |step, percent| {
            job.progress(step, 0, 0, percent);
            let noting = self
                .store
                .note_reading(scope, id, reader, Reading::At(step));
            still_held(noting.await?)
        };
        let source = self.store.source(scope, id).await?;
        at("fetch", 5).await?;
        let raw = self.fetch(&source).await?;
        at("extract", 20).await?;
        let document = self.extract(raw).await?;
        at("chunk", 50).await?;
        let (document, chunks) = off_thread(move || chunked(document)).await?;
        let total = chunks.len() as u64;
        at("embed", 60).await?;
        let embeddings = self.embed(job, &chunks).await?;
        at("store", 95).await?;
        job.progress("store", 0, total, 95);
        let reading = reading(document, chunks, embeddings);
        let storing = self.store.store_reading(scope, id, reader, reading);
        still_held(storing.await?)?;
        job.progress("store", total, total, 100);
        Ok(())
    }

    async fn fetch(&self, source: &Source) -> Result<Raw, ReadError> {
        match source.kind {
            Kind::Article => Ok(Raw {
                file_name: format!("{}.md", source.display_name),
                document_type: DocumentType::Markdown,
                charset: Some("utf-8".to_owned()),
                bytes: source.content.clone().into_bytes(),
            }),
            Kind::File => {
                let document_type = source.document_type.ok_or(Rejection::TypeUnsupported)?;
                let stored = self
                    .assets
                    .get(&Path::from(source.storage_path.as_str()))
                    .await?;
                Ok(Raw {
                    file_name: source.display_name.clone(),
                    document_type,
                    charset: None,
                    bytes: stored.bytes().await?.to_vec(),
                })
            }
            Kind::WebPage => match self.fetcher.fetch(&source.uri, None).await? {
                Outcome::Fetched(page) => Ok(Raw {
                    file_name: page.url.to_string(),
                    document_type: page.document_type,
                    charset: page.charset,
                    bytes: page.bytes,
                }),
                // Asked without an etag, nothing can be unmodified.
                Outcome::NotModified => Err(Rejection::FetchFailed.into()),
            },
        }
    }

    async fn extract(&self, raw: Raw) -> Result<Document, ReadError> {
        let request = Request {
            file_name: raw.file_name,
            document_type: raw.document_type,
            charset: raw.charset,
            length: raw.bytes.len() as u64,
        };
        self.extractor
            .extract(&request, raw.bytes.as_slice())
            .await
            .map_err(|error| match error {
                ExtractError::Rejected(rejection) => rejection.into(),
                ExtractError::Failed(error) => ReadError::Machine(error),
            })
    }

    /// The chunks' vectors, in order; none without an embedding model.
    async fn embed(
        &self,
        job: &RunningJob,
        chunks: &[(chunk::Chunk, Terms)],
    ) -> Result<Vec<Embedding>, ReadError> {
        let total = chunks.len() as u64;
        let mut embeddings = Vec::with_capacity(chunks.len());
        for batch in chunks.chunks(BATCH) {
            let texts = batch.iter().map(|(chunk, _)| chunk.text.clone()).collect();
            let Some(vectors) = self.embedder.passages(texts).await? else {
                return Ok(Vec::new());
            };
            embeddings.extend(vectors);
            let done = embeddings.len() as u64;
            let percent = 60 + 35 * done / total.max(1);
            job.progress("embed", done, total, u8::try_from(percent).unwrap_or(95));
        }
        Ok(embeddings)
    }
}

fn still_held(is_held: bool) -> Result<(), ReadError> {
    is_held.then_some(()).ok_or(ReadError::Superseded)
}

/// Stemming a large text takes seconds of processor time.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ReadError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| ReadError::Machine(std::io::Error::other(error)))
}

fn chunked(document: Document) -> (Document, Vec<(chunk::Chunk, Terms)>) {
    let mut stemming = Stemming::default();
    let chunks = chunk::chunks(&document)
        .into_iter()
        .map(|chunk| {
            let terms = Terms::of(&mut stemming, &chunk.heading_path, &chunk.text);
            (chunk, terms)
        })
        .collect();
    (document, chunks)
}

fn reading(
    document: Document,
    chunks: Vec<(chunk::Chunk, Terms)>,
    embeddings: Vec<Embedding>,
) -> ChunkReading {
    let mut embeddings = embeddings.into_iter();
    let chunks = chunks
        .into_iter()
        .map(|(chunk, terms)| (chunk, terms, embeddings.next()))
        .collect();
    ChunkReading {
        chunks,
        page_count: i32::try_from(document.pages.unwrap_or(0)).unwrap_or(i32::MAX),
        language: document.lang.tag().to_owned(),
        title: Some(document.title).filter(|title| !title.trim().is_empty()),
    }
}

fn failure(error: ReadError) -> JobFailure {
    match error {
        ReadError::Rejected(rejection) => JobFailure {
            reason: rejection.code().to_owned(),
            message: rejection.to_string(),
            permanent: !matches!(rejection, Rejection::FetchTimeout | Rejection::FetchFailed),
            retry_after: None,
        },
        ReadError::Ours(error) => error.into(),
        error @ (ReadError::Machine(_) | ReadError::Bucket(_) | ReadError::Superseded) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "a source could not be read"
            );
            JobFailure {
                reason: "READING_FAILED".to_owned(),
                message: error.to_string(),
                permanent: false,
                retry_after: None,
            }
        }
    }
}

fn malformed() -> JobFailure {
    JobFailure {
        reason: "JOB_MALFORMED".to_owned(),
        message: "the job does not name a source".to_owned(),
        permanent: true,
        retry_after: None,
    }
}
