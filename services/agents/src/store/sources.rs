//! Rows of sources, and the number that tells indexes that something changed.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select,
};
use t11_core::{OrgScope, Page, PageRequest, format_name};
use t11_store::{NewJob, StoreError, Tx};
use uuid::Uuid;

use super::Store;
use super::entity::source::{ActiveModel, Column, Entity, Model};
use super::entity::version;
use crate::Error;
use crate::category::Tree;
use crate::jobs::ingest;
use crate::knowledge::sniff::DocumentType;
use crate::source::{Kind, NewSource, Reader, Source, SourceFilter, SourcePatch, State};

/// Where a reading stands, for the row that people see.
#[derive(Debug, Clone)]
pub(crate) enum Reading {
    /// At a step.
    At(&'static str),
    /// Ended badly: stable reason and words.
    Failed(String, String),
}

impl Store {
    /// Adds a source and the job that reads it, in one commit; a known request id answers with
    /// the source it made.
    pub(crate) async fn create_source(
        &self,
        scope: &OrgScope,
        new: NewSource,
    ) -> Result<Source, Error> {
        let (now, job_id) = (self.world.now(), self.world.new_id());
        self.db
            .write(scope, move |tx| async move {
                if let Some(made) = made_by(&tx, new.request_id).await? {
                    return Ok(made);
                }
                super::categories::check(&tx, new.category).await?;
                tx.audit_target(format_name("sources", new.id));
                let row = row_of(new, tx.org_id()?.0, job_id, now);
                let row = row
                    .into_active_model()
                    .insert(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let source = row.try_into()?;
                enqueue(&tx, job_id, &source).await?;
                Ok(source)
            })
            .await
    }

    /// One source.
    pub(crate) async fn source(&self, scope: &OrgScope, id: Uuid) -> Result<Source, Error> {
        self.db
            .read(scope, move |tx| async move { by_id(&tx, id).await })
            .await
    }

    /// The source that a request made before.
    pub(crate) async fn source_of_request(
        &self,
        scope: &OrgScope,
        request_id: Option<Uuid>,
    ) -> Result<Option<Source>, Error> {
        self.db
            .read(
                scope,
                move |tx| async move { made_by(&tx, request_id).await },
            )
            .await
    }

    /// A page of sources without their content, newest first, and how many the filter has.
    pub(crate) async fn sources(
        &self,
        scope: &OrgScope,
        filter: SourceFilter,
        page: PageRequest,
    ) -> Result<(Page<Source>, u64), Error> {
        self.db
            .read(scope, move |tx| async move {
                let mut chosen = filtered(&tx, &filter).await?;
                let total = chosen.clone().count(&tx).await.map_err(StoreError::from)?;
                if let Some(last) = page.cursor.as_deref().and_then(|c| Uuid::try_parse(c).ok()) {
                    // UUIDv7 sort by the time they were made.
                    chosen = chosen.filter(Column::Id.lt(last));
                }
                let rows = chosen
                    .order_by_desc(Column::Id)
                    .limit(page.size + 1)
                    .all(&tx)
                    .await
                    .map_err(StoreError::from)?;
                let page = Page::from_rows(rows, page.size, |row| row.id.to_string());
                let Page { items, next_cursor } = page;
                let bare = |row: Model| {
                    Source::try_from(Model {
                        content: String::new(),
                        ..row
                    })
                };
                let items = items.into_iter().map(bare).collect::<Result<_, _>>()?;
                Ok((Page { items, next_cursor }, total))
            })
            .await
    }

    /// Changes what a person changed; new content is read by a new job.
    pub(crate) async fn update_source(
        &self,
        scope: &OrgScope,
        id: Uuid,
        patch: SourcePatch,
        etag: String,
    ) -> Result<Source, Error> {
        let (now, job_id) = (self.world.now(), self.world.new_id());
        self.db
            .write(scope, move |tx| async move {
                let version = next_index_version(&tx).await?;
                let source = held(&tx, id).await?;
                source.etag().check(&etag)?;
                let patch = patch.check(source.kind)?;
                if let Some(category) = patch.category {
                    super::categories::check(&tx, category).await?;
                }
                tx.audit_target(format_name("sources", id));
                let reads = patch.content.is_some();
                let mut row = ActiveModel {
                    id: ActiveValue::Unchanged(id),
                    revision: ActiveValue::Set(source.revision + 1),
                    update_time: ActiveValue::Set(now),
                    index_version: ActiveValue::Set(version),
                    ..Default::default()
                };
                apply(&mut row, patch);
                if reads {
                    wait_for(&mut row, job_id);
                }
                let row = row.update(&tx).await.map_err(StoreError::from)?;
                let source = row.try_into()?;
                if reads {
                    enqueue(&tx, job_id, &source).await?;
                }
                Ok(source)
            })
            .await
    }

    /// Has a source read again.
    pub(crate) async fn reprocess_source(
        &self,
        scope: &OrgScope,
        id: Uuid,
    ) -> Result<Source, Error> {
        let (now, job_id) = (self.world.now(), self.world.new_id());
        self.db
            .write(scope, move |tx| async move {
                let source = held(&tx, id).await?;
                tx.audit_target(format_name("sources", id));
                let mut row = ActiveModel {
                    id: ActiveValue::Unchanged(id),
                    revision: ActiveValue::Set(source.revision + 1),
                    update_time: ActiveValue::Set(now),
                    ..Default::default()
                };
                wait_for(&mut row, job_id);
                enqueue(&tx, job_id, &source).await?;
                row.update(&tx).await.map_err(StoreError::from)?.try_into()
            })
            .await
    }

    /// Deletes a source with its chunks; answers where its file lies.
    pub(crate) async fn delete_source(&self, scope: &OrgScope, id: Uuid) -> Result<String, Error> {
        self.db
            .write(scope, move |tx| async move {
                next_index_version(&tx).await?;
                let source = held(&tx, id).await?;
                tx.audit_target(format_name("sources", id));
                let deleting = tx.delete_many::<Entity>()?.filter(Column::Id.eq(id));
                deleting.exec(&tx).await.map_err(StoreError::from)?;
                Ok(source.storage_path)
            })
            .await
    }

    /// Notes where a reading stands; `false` when the reader no longer holds the source, which is
    /// then as it was.
    pub(crate) async fn note_reading(
        &self,
        scope: &OrgScope,
        id: Uuid,
        reader: Reader,
        reading: Reading,
    ) -> Result<bool, Error> {
        let now = self.world.now();
        self.db
            .write(scope, move |tx| async move {
                let (state, step, reason, message) = match reading {
                    Reading::At(step) => (State::Processing, step, String::new(), String::new()),
                    Reading::Failed(reason, message) => (State::Failed, "", reason, message),
                };
                let noting = tx
                    .update_many::<Entity>()?
                    .filter(Column::Id.eq(id))
                    .filter(Column::JobId.eq(reader.job))
                    .filter(Column::ReaderFence.lte(reader.fence))
                    .col_expr(Column::ReaderFence, Expr::value(reader.fence))
                    .col_expr(Column::State, Expr::value(state.as_str()))
                    .col_expr(Column::Step, Expr::value(step))
                    .col_expr(Column::ErrorReason, Expr::value(reason))
                    .col_expr(Column::ErrorMessage, Expr::value(message))
                    .col_expr(Column::UpdateTime, Expr::value(now));
                let noted = noting.exec(&tx).await.map_err(StoreError::from)?;
                Ok(noted.rows_affected == 1)
            })
            .await
    }
}

async fn enqueue(tx: &Tx, job_id: Uuid, source: &Source) -> Result<(), Error> {
    let name = format_name("sources", source.id);
    let job = NewJob {
        // Readings of one source never run beside each other.
        ordering_key: Some(name.clone()),
        resource: name,
        display_name: source.shown_name().to_owned(),
        ..NewJob::new(job_id, "agents", ingest::KIND, ingest::payload(source.id))
    };
    Ok(tx.enqueue(job).await?)
}

/// Makes the next number of the organization's index; the row's lock orders the changes, and is
/// taken before that of any source.
pub(super) async fn next_index_version(tx: &Tx) -> Result<i64, Error> {
    use version::{ActiveModel as Version, Column as C, Entity as Versions};
    let org_id = tx.org_id()?.0;
    let row = Version {
        org_id: ActiveValue::Set(org_id),
        version: ActiveValue::Set(1),
    };
    let next = Expr::col((Versions, C::Version)).add(1);
    let on_conflict = sea_orm::sea_query::OnConflict::column(C::OrgId)
        .value(C::Version, next)
        .to_owned();
    let row = Versions::insert(row)
        .on_conflict(on_conflict)
        .exec_with_returning(tx)
        .await
        .map_err(StoreError::from)?;
    Ok(row.version)
}

pub(super) async fn by_id(tx: &Tx, id: Uuid) -> Result<Source, Error> {
    let found = tx.find::<Entity>()?.filter(Column::Id.eq(id)).one(tx).await;
    found
        .map_err(StoreError::from)?
        .ok_or_else(|| Error::not_found("sources", id))?
        .try_into()
}

/// The same, held until the transaction ends: who reads it to change it decides by what it is.
pub(super) async fn held(tx: &Tx, id: Uuid) -> Result<Source, Error> {
    let chosen = tx.find::<Entity>()?.filter(Column::Id.eq(id));
    let found = chosen.lock_exclusive().one(tx).await;
    found
        .map_err(StoreError::from)?
        .ok_or_else(|| Error::not_found("sources", id))?
        .try_into()
}

async fn made_by(tx: &Tx, request_id: Option<Uuid>) -> Result<Option<Source>, Error> {
    let Some(request_id) = request_id else {
        return Ok(None);
    };
    let found = tx
        .find::<Entity>()?
        .filter(Column::RequestId.eq(request_id))
        .one(tx)
        .await;
    found
        .map_err(StoreError::from)?
        .map(Source::try_from)
        .transpose()
}

async fn filtered(tx: &Tx, filter: &SourceFilter) -> Result<Select<Entity>, Error> {
    let mut chosen = tx.find::<Entity>()?;
    if let Some(category) = filter.category {
        super::categories::check(tx, Some(category)).await?;
        let under = Tree::of(&super::categories::all(tx).await?).under(category);
        chosen = chosen.filter(Column::CategoryId.is_in(under));
    }
    if !filter.query.is_empty() {
        chosen = chosen.filter(super::agents::contains(Column::NameKey, &filter.query));
    }
    if !filter.states.is_empty() {
        chosen = chosen.filter(Column::State.is_in(filter.states.iter().map(|s| s.as_str())));
    }
    if !filter.kinds.is_empty() {
        chosen = chosen.filter(Column::Kind.is_in(filter.kinds.iter().map(|kind| kind.as_str())));
    }
    Ok(chosen)
}

fn apply(row: &mut ActiveModel, patch: SourcePatch) {
    if let Some(name) = patch.display_name {
        row.name_key = ActiveValue::Set(name.to_lowercase());
        row.display_name = ActiveValue::Set(name);
    }
    if let Some(category) = patch.category {
        row.category_id = ActiveValue::Set(category);
    }
    if let Some(content) = patch.content {
        row.size_bytes = ActiveValue::Set(i64::try_from(content.len()).unwrap_or(i64::MAX));
        row.content = ActiveValue::Set(content);
    }
    if let Some(enabled) = patch.enabled {
        row.enabled = ActiveValue::Set(enabled);
    }
    if let Some(date) = patch.valid_until {
        row.valid_until_date =
            ActiveValue::Set(date.map(|date| date.to_string()).unwrap_or_default());
    }
}

fn wait_for(row: &mut ActiveModel, job_id: Uuid) {
    row.state = ActiveValue::Set(State::Pending.as_str().to_owned());
    row.step = ActiveValue::Set(String::new());
    row.error_reason = ActiveValue::Set(String::new());
    row.error_message = ActiveValue::Set(String::new());
    row.job_id = ActiveValue::Set(Some(job_id));
    row.reader_fence = ActiveValue::Set(0);
}

fn row_of(new: NewSource, org_id: Uuid, job_id: Uuid, now: chrono::DateTime<chrono::Utc>) -> Model {
    Model {
        id: new.id,
        org_id,
        kind: new.kind.as_str().to_owned(),
        name_key: new.display_name.to_lowercase(),
        display_name: new.display_name,
        category_id: new.category,
        state: State::Pending.as_str().to_owned(),
        step: String::new(),
        error_reason: String::new(),
        error_message: String::new(),
        job_id: Some(job_id),
        reader_fence: 0,
        content: new.content,
        uri: new.uri,
        document_type: new
            .document_type
            .map(DocumentType::extension)
            .unwrap_or_default()
            .to_owned(),
        storage_path: new.storage_path,
        size_bytes: new.size_bytes,
        sha256: new.sha256,
        page_count: 0,
        chunk_count: 0,
        token_count: 0,
        language: "und".to_owned(),
        enabled: true,
        valid_until_date: String::new(),
        request_id: new.request_id,
        index_version: 0,
        revision: 1,
        create_time: now,
        update_time: now,
        process_time: None,
        reading: 1,
    }
}

impl TryFrom<Model> for Source {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        Ok(Self {
            id: row.id,
            kind: Kind::parse(&row.kind).ok_or(Error::Corrupt("source kind"))?,
            display_name: row.display_name,
            category: row.category_id,
            state: State::parse(&row.state).ok_or(Error::Corrupt("source state"))?,
            step: row.step,
            error_reason: row.error_reason,
            error_message: row.error_message,
            job: row.job_id,
            reader_fence: row.reader_fence,
            content: row.content,
            uri: row.uri,
            document_type: DocumentType::of_name(&format!("x.{}", row.document_type)).ok(),
            storage_path: row.storage_path,
            size_bytes: row.size_bytes,
            sha256: row.sha256,
            page_count: row.page_count,
            chunk_count: row.chunk_count,
            token_count: row.token_count,
            language: row.language,
            enabled: row.enabled,
            valid_until: row.valid_until_date.parse().ok(),
            index_version: row.index_version,
            reading: row.reading,
            revision: row.revision,
            create_time: row.create_time,
            update_time: row.update_time,
            process_time: row.process_time,
        })
    }
}
