//! Categories, sources and chunks: proto to domain and back.

use chrono::NaiveDate;
use prost_types::FieldMask;
use t11_core::{Violations, format_name, parse_name};
use t11_proto::agents::v1 as pb;
use uuid::Uuid;

use super::convert::{named_fields, timestamp};
use crate::Error;
use crate::category::{Category, NewCategory};
use crate::knowledge_search::FoundChunk;
use crate::source::{ChunkRow, Kind, Source, SourceFilter, SourcePatch, State};

/// The id in a name that may be left out.
pub(super) fn optional_name(collection: &str, name: &str) -> Result<Option<Uuid>, Error> {
    if name.is_empty() {
        return Ok(None);
    }
    Ok(Some(parse_name(collection, name)?))
}

pub(super) fn category_of(category: pb::Category) -> Result<NewCategory, Error> {
    Ok(NewCategory {
        parent: optional_name("categories", &category.parent)?,
        display_name: category.display_name,
        description: category.description,
        sort_order: category.sort_order,
    })
}

pub(super) fn pb_category(category: Category) -> pb::Category {
    let etag = category.etag().into();
    pb::Category {
        name: format_name("categories", category.id),
        parent: name_of("categories", category.parent),
        display_name: category.display_name,
        description: category.description,
        sort_order: category.sort_order,
        source_count: i32::try_from(category.source_count).unwrap_or(i32::MAX),
        etag,
    }
}

fn name_of(collection: &str, id: Option<Uuid>) -> String {
    id.map(|id| format_name(collection, id)).unwrap_or_default()
}

pub(super) fn source_filter(request: &pb::ListSourcesRequest) -> Result<SourceFilter, Error> {
    let mut violations = Violations::default();
    let query = violations.text("query", &request.query, 0, 100);
    violations.check()?;
    Ok(SourceFilter {
        category: optional_name("categories", &request.category)?,
        query,
        states: request.states().filter_map(state).collect(),
        kinds: request.kinds().filter_map(kind).collect(),
    })
}

fn state(state: pb::SourceState) -> Option<State> {
    match state {
        pb::SourceState::Unspecified => None,
        pb::SourceState::Pending => Some(State::Pending),
        pb::SourceState::Processing => Some(State::Processing),
        pb::SourceState::Ready => Some(State::Ready),
        pb::SourceState::Failed => Some(State::Failed),
    }
}

fn kind(kind: pb::SourceKind) -> Option<Kind> {
    match kind {
        pb::SourceKind::Unspecified => None,
        pb::SourceKind::Article => Some(Kind::Article),
        pb::SourceKind::File => Some(Kind::File),
        pb::SourceKind::WebPage => Some(Kind::WebPage),
    }
}

const FIELDS: [&str; 5] = [
    "display_name",
    "category",
    "content",
    "enabled",
    "valid_until_date",
];

pub(super) fn patch_of(source: pb::Source, mask: Option<FieldMask>) -> Result<SourcePatch, Error> {
    let fields = named_fields(mask, &FIELDS, |field| match field {
        "display_name" => !source.display_name.is_empty(),
        "category" => !source.category.is_empty(),
        "content" => !source.content.is_empty(),
        "enabled" => source.enabled,
        _ => !source.valid_until_date.is_empty(),
    })?;
    let named = |field: &str| fields.iter().any(|named| named == field);
    let category = optional_name("categories", &source.category)?;
    let valid_until = date("source.valid_until_date", &source.valid_until_date)?;
    Ok(SourcePatch {
        display_name: named("display_name").then_some(source.display_name),
        category: named("category").then_some(category),
        content: named("content").then_some(source.content),
        enabled: named("enabled").then_some(source.enabled),
        valid_until: named("valid_until_date").then_some(valid_until),
    })
}

fn date(field: &str, text: &str) -> Result<Option<NaiveDate>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| {
        let mut violations = Violations::default();
        violations.add(field, "DATE_INVALID", "a date is written `2026-12-31`");
        violations.into()
    })
}

pub(super) fn pb_source(source: Source) -> pb::Source {
    let etag = source.etag().into();
    let kind = match source.kind {
        Kind::Article => pb::SourceKind::Article,
        Kind::File => pb::SourceKind::File,
        Kind::WebPage => pb::SourceKind::WebPage,
    };
    let state = match source.state {
        State::Pending => pb::SourceState::Pending,
        State::Processing => pb::SourceState::Processing,
        State::Ready => pb::SourceState::Ready,
        State::Failed => pb::SourceState::Failed,
    };
    pb::Source {
        name: format_name("sources", source.id),
        kind: kind.into(),
        display_name: source.shown_name().to_owned(),
        category: name_of("categories", source.category),
        state: state.into(),
        error_reason: source.error_reason,
        error_message: source.error_message,
        job: name_of("jobs", source.job),
        content: source.content,
        uri: source.uri,
        mime_type: source
            .document_type
            .map(|document_type| document_type.media_type().to_owned())
            .unwrap_or_default(),
        size_bytes: source.size_bytes,
        sha256: source.sha256,
        page_count: source.page_count,
        chunk_count: source.chunk_count,
        token_count: source.token_count,
        language: source.language,
        enabled: source.enabled,
        valid_until_date: source
            .valid_until
            .map(|date| date.to_string())
            .unwrap_or_default(),
        step: source.step,
        create_time: Some(timestamp(source.create_time)),
        update_time: Some(timestamp(source.update_time)),
        process_time: source.process_time.map(timestamp),
        etag,
    }
}

pub(super) fn pb_chunk(chunk: ChunkRow) -> pb::Chunk {
    pb::Chunk {
        name: format!(
            "{}/chunks/{}",
            format_name("sources", chunk.source),
            chunk.id
        ),
        index: chunk.index,
        content: chunk.content,
        heading_path: chunk.heading_path.join(" > "),
        page: chunk.page,
        start_offset: chunk.char_start,
        end_offset: chunk.char_end,
        token_count: chunk.token_count,
        language: chunk.language,
        embedded: chunk.embedded,
    }
}

pub(super) fn pb_hit(found: FoundChunk) -> pb::SearchHit {
    let FoundChunk {
        chunk,
        source_display_name,
        hit,
        matched_words,
    } = found;
    let rank = |ranked: Option<&crate::knowledge::index::Ranked>| {
        ranked.map_or((0, 0.0), |ranked| {
            (
                i32::try_from(ranked.rank).unwrap_or(i32::MAX),
                f64::from(ranked.score),
            )
        })
    };
    let (lexical_rank, lexical_score) = rank(hit.lexical.as_ref());
    let (vector_rank, vector_score) = rank(hit.vector.as_ref());
    pb::SearchHit {
        source: format_name("sources", chunk.source),
        chunk: Some(pb_chunk(chunk)),
        source_display_name,
        score: hit.score.into(),
        lexical_rank,
        lexical_score,
        vector_rank,
        vector_score,
        matched_words,
    }
}
