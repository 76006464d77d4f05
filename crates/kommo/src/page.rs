//! Lists that come in pages.
//!
//! A page names the next one by its address. It is followed only within the account and the list
//! that was asked for, with the same token, and never twice.
//!
//! Sources: Kommo docs, `leads-list`; the clients `amocrm-api-php` and `aioamocrm`: a list ends with
//! 204, with no `next`, or with an empty page.

use std::collections::{HashMap, HashSet};
use std::marker::PhantomData;

use futures::stream::{self, Stream, TryStreamExt as _};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use url::Url;

use crate::client::{Client, Query};
use crate::de;
use crate::error::Error;
use crate::http::Reply;

/// Most items of a page, for most lists.
pub const MAX_PAGE: u16 = 250;
/// Most pages of a list: a million items.
const MAX_PAGES: usize = 4_000;

/// A list, read page by page. After an error that may be repeated, the next call asks for the same
/// page again.
#[must_use = "nothing is asked for until a page is"]
pub struct Pages<T> {
    client: Client,
    operation: &'static str,
    /// The name of the list in `_embedded`.
    key: &'static str,
    next: Option<Url>,
    seen: HashSet<Url>,
    items: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> Pages<T> {
    pub(crate) fn new(
        client: &Client,
        operation: &'static str,
        path: &str,
        query: Query,
        key: &'static str,
    ) -> Result<Self, Error> {
        let first = client.url(path, query)?;
        Ok(Self {
            client: client.clone(),
            operation,
            key,
            next: Some(first),
            seen: HashSet::new(),
            items: PhantomData,
        })
    }

    /// The next page, never an empty one; `None` after the last.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Malformed`] also when the list goes in circles.
    pub async fn next_page(&mut self) -> Result<Option<Vec<T>>, Error> {
        let Some(url) = self.next.clone() else {
            return Ok(None);
        };
        let reply = self.client.get_url(self.operation, url.clone()).await?;
        self.next = None;
        let (items, next) = embedded::<T>(&reply, self.key)?;
        if items.is_empty() {
            return Ok(None);
        }
        self.seen.insert(url.clone());
        self.next = next.map(|next| self.check(&url, &next)).transpose()?;
        Ok(Some(items))
    }

    /// Everything, one by one. Ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<T, Error>> + Send
    where
        T: Send + 'static,
    {
        let pages = stream::try_unfold(self, async |mut pages| {
            let page = pages.next_page().await?;
            Ok::<_, Error>(page.map(|page| (stream::iter(page.into_iter().map(Ok)), pages)))
        });
        pages.try_flatten()
    }

    /// Everything, at most `limit` items.
    ///
    /// # Errors
    /// [`Error`] of the first page that cannot be read.
    pub async fn collect(mut self, limit: usize) -> Result<Vec<T>, Error> {
        let mut all = Vec::new();
        while all.len() < limit
            && let Some(page) = self.next_page().await?
        {
            all.extend(page);
        }
        all.truncate(limit);
        Ok(all)
    }

    fn check(&self, current: &Url, next: &str) -> Result<Url, Error> {
        let next = self.client.host().own_url(next)?;
        if next.path() != current.path() {
            return Err(Error::malformed("the next page is of another list"));
        }
        if self.seen.contains(&next) || self.seen.len() >= MAX_PAGES {
            return Err(Error::malformed("the pages go in circles"));
        }
        Ok(next)
    }
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default, rename = "_embedded", deserialize_with = "de::object")]
    embedded: HashMap<String, Box<RawValue>>,
    #[serde(default, rename = "_links", deserialize_with = "de::object")]
    links: Links,
}

#[derive(Default, Deserialize)]
struct Links {
    #[serde(default, deserialize_with = "de::object")]
    next: Link,
}

#[derive(Default, Deserialize)]
struct Link {
    #[serde(default, deserialize_with = "de::some_text")]
    href: Option<String>,
}

/// The list `key` of an answer, with the address of what follows. No answer is an empty list.
pub(crate) fn embedded<T: DeserializeOwned>(
    reply: &Reply,
    key: &str,
) -> Result<(Vec<T>, Option<String>), Error> {
    #[derive(Deserialize)]
    #[serde(bound = "T: DeserializeOwned", transparent)]
    struct Items<T>(#[serde(deserialize_with = "de::list")] Vec<T>);

    if reply.is_empty() {
        return Ok((Vec::new(), None));
    }
    let mut envelope: Envelope = reply.json()?;
    let items = match envelope.embedded.remove(key) {
        Some(raw) => reply.json_part::<Items<T>>(raw.get())?.0,
        None if envelope.embedded.is_empty() => Vec::new(),
        None => return Err(Error::malformed(format!("there is no list `{key}`"))),
    };
    Ok((items, envelope.links.next.href))
}
