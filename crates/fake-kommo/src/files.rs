//! The drive: files are uploaded in parts, then attached to cards and messages.

use std::collections::BTreeMap;

use axum::routing::MethodFilter;
use http::StatusCode;
use serde_json::{Value, json};

use crate::account::{Account, found};
use crate::answer::{Answer, Answered, Refusal};
use crate::call::Call;
use crate::cards::{Kind, Ref};
use crate::item::{read_all, read_one};
use crate::routes::Routes;

const LARGEST_FILE: usize = 300 << 20;

#[derive(Debug)]
pub(crate) struct Files {
    sessions: BTreeMap<i64, Session>,
    files: Vec<File>,
    attached: Vec<(Ref, String)>,
    /// Bytes.
    pub(crate) largest_part: usize,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            sessions: BTreeMap::new(),
            files: Vec::new(),
            attached: Vec::new(),
            largest_part: 512 << 10,
        }
    }
}

#[derive(Debug)]
struct Session {
    name: String,
    size: usize,
    content_type: String,
    received: Vec<u8>,
    parts: i64,
}

#[derive(Debug, Clone)]
pub(crate) struct File {
    uuid: String,
    version_uuid: String,
    pub(crate) name: String,
    content_type: String,
    bytes: Vec<u8>,
}

impl Files {
    pub(crate) fn file(&self, uuid: &str) -> Option<&File> {
        self.files.iter().find(|file| file.uuid == uuid)
    }
}

impl File {
    fn render(&self, base: &str) -> Value {
        json!({
            "uuid": self.uuid,
            "version_uuid": self.version_uuid,
            "name": self.name,
            "size": self.bytes.len(),
            "type": "file",
            "metadata": {"mime_type": self.content_type},
            "_links": {"download": {"href": format!("{base}/v1.0/files/{}/download", self.uuid)}},
        })
    }
}

pub(crate) fn routes(mut routes: Routes) -> Routes {
    for kind in Kind::ALL {
        let path = format!("/api/v4/{}/{{id}}/files", kind.plural());
        routes = routes
            .api(MethodFilter::GET, &path, move |account, call| {
                attached(account, call, kind)
            })
            .api(MethodFilter::PUT, &path, move |account, call| {
                attach(account, call, kind)
            })
            .api(MethodFilter::DELETE, &path, move |account, call| {
                detach(account, call, kind)
            });
    }
    routes
        .api(MethodFilter::POST, "/v1.0/sessions", start)
        // The address itself is what lets one in.
        .open(
            MethodFilter::POST,
            "/v1.0/sessions/upload/{session}/{part}",
            upload,
        )
        .api(MethodFilter::GET, "/v1.0/files", |account, call| {
            call.actor.require_scope("files")?;
            let files = &account.files.files;
            Answer::page(call, "files", files, |file| file.render(&call.base))
        })
        .api(MethodFilter::GET, "/v1.0/files/{uuid}", |account, call| {
            call.actor.require_scope("files")?;
            let file = account.files.file(call.param("uuid"));
            found(file.map(|file| file.render(&call.base)))
        })
        .open(
            MethodFilter::GET,
            "/v1.0/files/{uuid}/download",
            |account, call| {
                let file = account.files.file(call.param("uuid"));
                let file = file.ok_or_else(Refusal::not_found)?;
                let text = String::from_utf8_lossy(&file.bytes).into_owned();
                Ok(Answer::Text(StatusCode::OK, text))
            },
        )
}

fn start(account: &mut Account, call: &Call) -> Answered {
    call.actor.require_scope("files")?;
    let session = read_one(call, |item| {
        let size = usize::try_from(item.required_integer("file_size")).unwrap_or(0);
        if size == 0 || size > LARGEST_FILE {
            item.refuse_choice("file_size");
        }
        let content_type = item.text("content_type").or(item.text("mime"));
        Session {
            name: item.required_text("file_name").to_owned(),
            size,
            content_type: content_type
                .unwrap_or("application/octet-stream")
                .to_owned(),
            received: Vec::new(),
            parts: 0,
        }
    })?;
    let id = account.ids.next("session");
    account.files.sessions.insert(id, session);
    Ok(Answer::ok(json!({
        "session_id": id,
        "upload_url": upload_url(call, id, 0),
        "max_file_size": LARGEST_FILE,
        "max_part_size": account.files.largest_part,
    })))
}

fn upload_url(call: &Call, session: i64, part: i64) -> String {
    format!("{}/v1.0/sessions/upload/{session}/{part}", call.base)
}

/// One part; the next has an address of its own.
fn upload(account: &mut Account, call: &Call) -> Answered {
    let id = call.id("session")?;
    let part = call.id("part")?;
    let largest_part = account.files.largest_part;
    let session = account
        .files
        .sessions
        .get_mut(&id)
        .ok_or_else(Refusal::not_found)?;
    if part != session.parts {
        return Err(Refusal::not_found());
    }
    let received = session.received.len() + call.body.len();
    if call.body.len() > largest_part || received > session.size {
        return Err(Refusal::problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            "Part is too large",
        ));
    }
    session.received.extend_from_slice(&call.body);
    session.parts += 1;
    if received < session.size {
        let next_url = upload_url(call, id, session.parts);
        return Ok(Answer::accepted(
            json!({"session_id": id, "next_url": next_url}),
        ));
    }
    let file = account.finish_upload(id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(file.render(&call.base)))
}

impl Account {
    fn finish_upload(&mut self, session: i64) -> Option<File> {
        let session = self.files.sessions.remove(&session)?;
        let file = File {
            uuid: self.ids.next_uuid(),
            version_uuid: self.ids.next_uuid(),
            name: session.name,
            content_type: session.content_type,
            bytes: session.received,
        };
        self.files.files.push(file.clone());
        Some(file)
    }
}

fn card(account: &Account, call: &Call, kind: Kind) -> Result<Ref, Refusal> {
    let id = call.id("id")?;
    account.card(kind, id).ok_or_else(Refusal::not_found)?;
    Ok(Ref { kind, id })
}

fn attached(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let card = card(account, call, kind)?;
    let attached = account.files.attached.iter().filter(|(to, _)| *to == card);
    let files: Vec<Value> = attached
        .zip(1..)
        .map(|((_, uuid), id)| json!({"file_uuid": uuid, "id": id}))
        .collect();
    Ok(Answer::whole(call, "files", &files))
}

fn uuids(account: &Account, call: &Call) -> Result<Vec<String>, Refusal> {
    let named = read_all(call, |item| {
        let uuid = item.required_text("file_uuid");
        if account.files.file(uuid).is_none() {
            item.refuse_choice("file_uuid");
        }
        uuid.to_owned()
    })?;
    Ok(named.into_iter().map(|(_, uuid)| uuid).collect())
}

fn attach(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let card = card(account, call, kind)?;
    let uuids = uuids(account, call)?;
    let attached = uuids.into_iter().map(|uuid| (card, uuid));
    account.files.attached.extend(attached);
    Ok(Answer::Nothing)
}

fn detach(account: &mut Account, call: &Call, kind: Kind) -> Answered {
    let card = card(account, call, kind)?;
    let uuids = uuids(account, call)?;
    let attached = &mut account.files.attached;
    attached.retain(|(to, uuid)| *to != card || !uuids.contains(uuid));
    Ok(Answer::Nothing)
}
