//! One caller of a gateway: OpenAI's form over a kept connection, or gRPC.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use t11_proto::llm::v1::complete_response::Event;
use t11_proto::llm::v1::completion_service_client::CompletionServiceClient;
use t11_proto::llm::v1::{CompleteRequest, Message, MessageRole};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tonic::transport::Channel;

use super::Bench;
use super::gateway::Gateway;
use super::http::Reader;
use super::mock::MARK;

/// Bytes of a prompt, each with a number of its own, so that no cache can answer.
const PROMPT: usize = 850;
static NEXT: AtomicU64 = AtomicU64::new(0);

/// How one call went.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Went {
    /// Until its first piece of text; of an unstreamed call, its end.
    pub(crate) first: Duration,
    pub(crate) whole: Duration,
    /// Pieces of text.
    pub(crate) chunks: usize,
}

/// A caller that makes one call after the other.
pub(crate) enum Caller {
    Http(Box<Http>),
    Typed(Box<Typed>),
}

impl Caller {
    pub(crate) async fn call(&mut self) -> Bench<Went> {
        match self {
            Self::Http(http) => http.call().await,
            Self::Typed(typed) => typed.call().await,
        }
    }
}

fn prompt() -> String {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let words = "How long does the delivery of a sofa take? ".repeat(PROMPT / 43 + 1);
    format!("{number:012} {}", &words[..PROMPT - 13])
}

pub(crate) struct Http {
    connection: TcpStream,
    reader: Reader,
    head: String,
    model: String,
    stream: bool,
}

impl Http {
    pub(crate) async fn connect(gateway: &Gateway, model: &str, stream: bool) -> Bench<Self> {
        let connection = TcpStream::connect(gateway.address).await?;
        connection.set_nodelay(true)?;
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\naccept: */*\r\n{}",
            gateway.path, gateway.address, gateway.headers,
        );
        Ok(Self {
            connection,
            reader: Reader::new(),
            head,
            model: format!("{}{model}", gateway.model_prefix),
            stream,
        })
    }

    async fn call(&mut self) -> Bench<Went> {
        let body = format!(
            r#"{{"model":"{}","stream":{},"max_tokens":400,"messages":[{{"role":"user","content":"{}"}}]}}"#,
            self.model,
            self.stream,
            prompt(),
        );
        let request = format!("{}content-length: {}\r\n\r\n{body}", self.head, body.len());
        let began = Instant::now();
        self.connection.write_all(request.as_bytes()).await?;
        let (mut first, mut chunks) = (None, 0);
        let head = self
            .reader
            .head(&mut self.connection)
            .await?
            .ok_or("it hung up")?;
        let is_ok = head.text.starts_with("HTTP/1.1 200");
        let mut said = Vec::new();
        if let Some(length) = head.length() {
            said.extend_from_slice(self.reader.take(&mut self.connection, length).await?);
        } else if head.is_chunked() {
            while let Some(piece) = self.reader.chunk(&mut self.connection).await? {
                // An event is not split: every gateway writes whole ones.
                chunks += memchr::memmem::find_iter(piece, MARK).count();
                if chunks > 0 && first.is_none() {
                    first = Some(began.elapsed());
                }
                said.clear();
                said.extend_from_slice(piece);
            }
        }
        let whole = began.elapsed();
        let end: &[u8] = if self.stream { b"[DONE]" } else { MARK };
        if !is_ok || memchr::memmem::find(&said, end).is_none() {
            let said = String::from_utf8_lossy(&said);
            return Err(format!("no good answer: {}\n{said}", head.text).into());
        }
        let first = first.unwrap_or(whole);
        Ok(Went {
            first,
            whole,
            chunks,
        })
    }
}

pub(crate) struct Typed {
    client: CompletionServiceClient<Channel>,
    key: String,
    model: String,
}

impl Typed {
    pub(crate) fn new(channel: Channel, key: &str, model: &str) -> Self {
        Self {
            client: CompletionServiceClient::new(channel),
            key: format!("Bearer {key}"),
            model: model.to_owned(),
        }
    }

    /// A connection that several callers share.
    pub(crate) async fn connect(gateway: &Gateway) -> Bench<Channel> {
        let endpoint = Channel::from_shared(format!("http://{}", gateway.address))?;
        Ok(endpoint.tcp_nodelay(true).connect().await?)
    }

    async fn call(&mut self) -> Bench<Went> {
        let message = Message {
            role: MessageRole::User.into(),
            content: prompt(),
            ..Message::default()
        };
        let mut request = tonic::Request::new(CompleteRequest {
            model: self.model.clone(),
            messages: vec![message],
            max_tokens: 400,
            ..CompleteRequest::default()
        });
        request
            .metadata_mut()
            .insert("authorization", self.key.parse()?);
        let began = Instant::now();
        let mut events = self.client.complete(request).await?.into_inner();
        let (mut first, mut chunks) = (None, 0);
        while let Some(response) = events.message().await? {
            match response.event {
                Some(Event::TextDelta(_)) => {
                    first.get_or_insert_with(|| began.elapsed());
                    chunks += 1;
                }
                Some(Event::Finish(_)) => {
                    let whole = began.elapsed();
                    let first = first.unwrap_or(whole);
                    // Its end is read too, or it would be a call that was left.
                    while events.message().await?.is_some() {}
                    return Ok(Went {
                        first,
                        whole,
                        chunks,
                    });
                }
                _ => {}
            }
        }
        Err("the answer has no end".into())
    }
}
