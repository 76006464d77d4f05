//! A provider that answers at once: whole or as a stream of as many pieces as the model's name says
//! (`mock-64`), with usage and its cost.

use std::sync::Arc;
use std::{fmt::Write as _, io};

use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::Bench;
use super::http::Reader;
use super::process;

/// Each piece of text has it once, and nothing else has it.
pub(crate) const MARK: &[u8] = b"zq";
pub(crate) const MODELS: [&str; 2] = ["mock-1", "mock-64"];
/// Bytes of text in an answer.
const TEXT: usize = 740;
/// Events that a provider's server puts into one write when they are ready together.
const AT_ONCE: usize = 8;

struct Answers {
    models: Vec<u8>,
    whole: Vec<u8>,
    /// By the model's name: what is written at a time.
    streams: [(&'static str, Vec<Vec<u8>>); 2],
}

pub(crate) async fn serve() -> Bench<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    process::say_address(listener.local_addr()?)?;
    let answers = Arc::new(Answers {
        models: response("application/json", &models()),
        whole: response("application/json", &whole()),
        streams: [("mock-1", stream(1)), ("mock-64", stream(64))],
    });
    loop {
        let (connection, _) = listener.accept().await?;
        connection.set_nodelay(true)?;
        let answers = answers.clone();
        tokio::spawn(async move {
            // A client that leaves ends its connection.
            drop(answer(connection, &answers).await);
        });
    }
}

async fn answer(mut connection: TcpStream, answers: &Answers) -> io::Result<()> {
    let (mut reading, mut writing) = connection.split();
    let mut reader = Reader::new();
    while let Some(head) = reader.head(&mut reading).await? {
        if head.text.starts_with("GET") {
            writing.write_all(&answers.models).await?;
            continue;
        }
        let body = match head.length() {
            Some(length) => reader.take(&mut reading, length).await?.to_vec(),
            None => chunked(&mut reader, &mut reading).await?,
        };
        let has = |text: &str| memchr::memmem::find(&body, text.as_bytes()).is_some();
        if !has("\"stream\":true") && !has("\"stream\": true") {
            writing.write_all(&answers.whole).await?;
            continue;
        }
        let asked = answers.streams.iter().rev().find(|(model, _)| has(model));
        let (_, writes) = asked.unwrap_or(&answers.streams[0]);
        for write in writes {
            writing.write_all(write).await?;
        }
    }
    Ok(())
}

async fn chunked(
    reader: &mut Reader,
    reading: &mut (impl tokio::io::AsyncRead + Unpin),
) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = reader.chunk(reading).await? {
        body.extend_from_slice(chunk);
    }
    Ok(body)
}

fn response(kind: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn models() -> String {
    let model = |id: &str| {
        serde_json::json!({
            "id": id, "name": id, "object": "model", "context_length": 100_000,
            "pricing": {"prompt": "0.00000015", "completion": "0.0000006"},
        })
    };
    let models: Vec<_> = MODELS.iter().map(|id| model(id)).collect();
    serde_json::json!({"object": "list", "data": models}).to_string()
}

fn usage() -> serde_json::Value {
    serde_json::json!({"prompt_tokens": 200, "completion_tokens": 180, "total_tokens": 380, "cost": 0.000_138})
}

fn text(bytes: usize) -> String {
    format!("zq{}", "a".repeat(bytes.saturating_sub(2)))
}

fn whole() -> String {
    serde_json::json!({
        "id": "gen-1", "object": "chat.completion", "created": 1_763_000_000, "model": "mock-1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text(TEXT)},
            "logprobs": null, "finish_reason": "stop"}],
        "usage": usage(),
    })
    .to_string()
}

/// What is written at a time of a stream of so many pieces.
fn stream(pieces: usize) -> Vec<Vec<u8>> {
    let chunk = |choices: serde_json::Value, usage: Option<serde_json::Value>| {
        let mut chunk = serde_json::json!({
            "id": "gen-1", "object": "chat.completion.chunk", "created": 1_763_000_000,
            "model": "mock-64", "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        format!("data: {chunk}\n\n")
    };
    let delta = |delta: serde_json::Value, reason: Option<&str>| {
        let choice = serde_json::json!({
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason,
        });
        chunk(serde_json::json!([choice]), None)
    };
    let mut events = vec![delta(
        serde_json::json!({"role": "assistant", "content": ""}),
        None,
    )];
    let text = text(TEXT / pieces);
    events.extend((0..pieces).map(|_| delta(serde_json::json!({"content": text}), None)));
    events.push(delta(serde_json::json!({}), Some("stop")));
    events.push(chunk(serde_json::json!([]), Some(usage())));
    events.push("data: [DONE]\n\n".to_owned());
    let mut writes: Vec<String> = events
        .chunks(AT_ONCE)
        .map(|events| {
            let mut frames = String::new();
            for event in events {
                // A `String` takes all that is written.
                let _ = write!(frames, "{:x}\r\n{event}\r\n", event.len());
            }
            frames
        })
        .collect();
    writes[0].insert_str(
        0,
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
    );
    if let Some(last) = writes.last_mut() {
        last.push_str("0\r\n\r\n");
    }
    writes.into_iter().map(String::into_bytes).collect()
}
