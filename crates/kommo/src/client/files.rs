//! Files: to the drive in parts, from the chat back end and the drive whole.
//!
//! Source: the SDK `amocrm-api-php` (its file service); the shape of the parts was seen against a live
//! account by a public project.

use reqwest::StatusCode;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use super::{Client, Entity};
use crate::de;
use crate::error::Error;
use crate::host::KommoUrl;
use crate::http::Reply;
use crate::id::{FileId, FileVersionId};
use crate::problem::Problem;

/// Largest part when the drive does not say, in bytes.
const DEFAULT_PART: u64 = 512 * 1024;
/// Most parts of a file: a drive that never says it is enough is not believed.
const MAX_PARTS: usize = 10_000;
/// Redirects of a download, each checked.
const MAX_REDIRECTS: usize = 3;

/// A file in the drive.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct UploadedFile {
    /// The file.
    #[serde(rename = "uuid")]
    pub id: FileId,
    /// Its version.
    #[serde(rename = "version_uuid")]
    pub version_id: FileVersionId,
}

/// A file that was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileBytes {
    /// What its server says it is; look at the bytes.
    pub content_type: Option<String>,
    /// The file.
    pub bytes: Vec<u8>,
}

#[derive(Serialize)]
struct NewSession<'a> {
    file_name: &'a str,
    file_size: usize,
    content_type: &'a str,
}

#[derive(Deserialize)]
struct Session {
    upload_url: String,
    #[serde(default, deserialize_with = "de::maybe")]
    max_file_size: Option<de::Integer>,
    #[serde(default, deserialize_with = "de::maybe")]
    max_part_size: Option<de::Integer>,
}

#[derive(Deserialize)]
struct NextPart {
    next_url: String,
}

impl Client {
    /// Puts a file into the drive at `drive_url`, which the account says
    /// ([`super::Account::drive_url`]).
    ///
    /// # Errors
    /// [`Error::FileTooLarge`]; [`Error::Host`] when the drive sends us elsewhere; and others of
    /// [`Error`]. A file that was left in the middle is seen by nobody, so it may be put again.
    pub async fn upload(
        &self,
        drive_url: &KommoUrl,
        file_name: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<UploadedFile, Error> {
        if bytes.is_empty() {
            return Err(Error::Invalid(Problem::of("the file is empty")));
        }
        let session = NewSession {
            file_name,
            file_size: bytes.len(),
            content_type,
        };
        let session = self.open_session(drive_url, &session).await?;
        let positive = |number: Option<de::Integer>| {
            number
                .and_then(|number| u64::try_from(number.0).ok())
                .filter(|size| *size > 0)
        };
        if let Some(limit) = positive(session.max_file_size)
            && bytes.len() as u64 > limit
        {
            return Err(Error::FileTooLarge { limit });
        }
        let part = positive(session.max_part_size).unwrap_or(DEFAULT_PART);
        let part = usize::try_from(part).unwrap_or(usize::MAX);
        self.send_parts(session.upload_url, bytes.chunks(part))
            .await
    }

    async fn open_session(
        &self,
        drive_url: &KommoUrl,
        session: &NewSession<'_>,
    ) -> Result<Session, Error> {
        let base = drive_url.as_url().as_str().trim_end_matches('/');
        let url = self.http.hosts().url(&format!("{base}/v1.0/sessions"))?;
        let request = self.http.client().post(url.as_url().clone()).json(session);
        let request = request.bearer_auth(self.token.expose_secret());
        self.paced(self.http.call("files.session", request, true))
            .await?
            .json()
    }

    async fn send_parts<'a>(
        &self,
        mut url: String,
        parts: impl ExactSizeIterator<Item = &'a [u8]>,
    ) -> Result<UploadedFile, Error> {
        let count = parts.len();
        if count > MAX_PARTS {
            return Err(Error::malformed("the drive wants too many parts"));
        }
        for (index, part) in parts.enumerate() {
            let reply = self.send_part(&url, part).await?;
            match (reply.status, index + 1 == count) {
                (StatusCode::ACCEPTED, false) => url = reply.json::<NextPart>()?.next_url,
                (StatusCode::ACCEPTED, true) => break,
                _ => return reply.json(),
            }
        }
        Err(Error::malformed(
            "the drive waits for more than the file has",
        ))
    }

    async fn send_part(&self, url: &str, part: &[u8]) -> Result<Reply, Error> {
        let url = self.http.hosts().url(url)?;
        let request = self.http.client().post(url.as_url().clone());
        let request = request
            .bearer_auth(self.token.expose_secret())
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(part.to_vec());
        let mut call = self.http.call("files.part", request, true);
        call.total = self.http.patience().file;
        self.paced(call).await
    }

    /// Hangs a file of the drive on an entity.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn attach_file(&self, entity: Entity, file: &FileId) -> Result<(), Error> {
        let path = format!("{}/files", entity.path());
        let files = serde_json::json!([{ "file_uuid": file }]);
        self.act("files.attach", reqwest::Method::PUT, &path, &files)
            .await
    }

    /// Fetches an attachment of at most `max_bytes`. No token is sent; redirects are followed within
    /// Kommo's hosts.
    ///
    /// # Errors
    /// [`Error::Host`] for an address that is not Kommo's, [`Error::TooLarge`], and others of
    /// [`Error`].
    pub async fn download(&self, link: &str, max_bytes: usize) -> Result<FileBytes, Error> {
        let mut url = self.http.hosts().url(link)?;
        for _ in 0..=MAX_REDIRECTS {
            let reply = self.fetch(&url, max_bytes).await?;
            if !reply.status.is_redirection() {
                return Ok(FileBytes {
                    content_type: reply.header("content-type").map(str::to_owned),
                    bytes: reply.body,
                });
            }
            let location = reply.header(LOCATION.as_str()).ok_or(Error::Redirected)?;
            let next = url.as_url().join(location).map_err(|_| Error::Redirected)?;
            url = self.http.hosts().url(next.as_str())?;
        }
        Err(Error::Redirected)
    }

    /// A file's server says that a link is too old with a page, which is no block of the account.
    async fn fetch(&self, url: &KommoUrl, max_bytes: usize) -> Result<Reply, Error> {
        let request = self.http.client().get(url.as_url().clone());
        let mut call = self.http.call("files.download", request, true);
        call.total = self.http.patience().file;
        call.max_answer = max_bytes;
        call.keeps_redirects = true;
        let admission = self.pace.admit(&self.host, self.lane).await?;
        let outcome = call.send().await.map_err(|error| match error {
            Error::Blocked { .. } => Error::Forbidden(Problem::of("the file may not be fetched")),
            other => other,
        });
        admission.settle(&outcome);
        outcome
    }
}
