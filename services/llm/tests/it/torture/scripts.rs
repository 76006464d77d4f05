//! What servers have been seen to do to their clients, and what then comes of a call.

mod broken;

use super::upstream::Step::{self, Dribble, Pause, Write};

pub(crate) const TEXT: &str = "Доставка — 2 дня";

/// The documented outcome of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) text: String,
    /// Arguments of the calls of tools.
    pub(crate) calls: Vec<String>,
    /// `stop`, `length`, …, or the reason of the fault.
    pub(crate) end: String,
    /// Tries.
    pub(crate) asked: usize,
}

pub(crate) struct Script {
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<Step>,
    pub(crate) outcome: Outcome,
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
const BROKEN_CHUNKS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nx\r\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"cost\":0.000004}}\n\n";
const DONE: &str = "data: [DONE]\n\n";
const ROLE: &str =
    "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n";
const COMMENT: &str = ": OPENROUTER PROCESSING\n\n";

/// A chunk with a piece of text.
fn piece(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

/// A chunk with this choice.
fn choice(choice: &str) -> String {
    format!("data: {{\"choices\":[{choice}]}}\n\n")
}

fn calls(calls: &str) -> String {
    choice(&format!("{{\"delta\":{{\"tool_calls\":[{calls}]}}}}"))
}

fn write(text: impl AsRef<[u8]>) -> Step {
    Write(text.as_ref().to_vec())
}

fn stream(body: &str) -> Vec<Step> {
    vec![write(format!("{HEAD}{body}"))]
}

/// A whole answer around this usage.
fn with_usage(usage: &str) -> Vec<Step> {
    let text = piece(TEXT);
    let usage = format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\n");
    stream(&format!("{text}{STOP}{usage}{DONE}"))
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<Step> {
    let length = body.len();
    vec![write(format!(
        "HTTP/1.1 {status}\r\n{headers}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    ))]
}

fn html(status: &str) -> Vec<Step> {
    answer(
        status,
        "content-type: text/html",
        "<html><h1>No</h1></html>",
    )
}

fn json(status: &str, body: &str) -> Vec<Step> {
    answer(status, "content-type: application/json", body)
}

/// In chunks of HTTP, each of so many bytes.
fn chunked(body: &str, size: usize) -> Vec<u8> {
    let mut text = String::from(
        "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\
         connection: close\r\n\r\n",
    )
    .into_bytes();
    for part in body.as_bytes().chunks(size) {
        text.extend(format!("{:x}\r\n", part.len()).into_bytes());
        text.extend(part);
        text.extend(b"\r\n");
    }
    text.extend(b"0\r\n\r\n");
    text
}

fn served(name: &'static str, steps: Vec<Step>) -> Script {
    ends(name, steps, TEXT, "stop", 1)
}

fn ends(name: &'static str, steps: Vec<Step>, text: &str, end: &str, asked: usize) -> Script {
    Script {
        name,
        steps,
        outcome: Outcome {
            text: text.to_owned(),
            calls: Vec::new(),
            end: end.to_owned(),
            asked,
        },
    }
}

fn called(name: &'static str, body: &str, arguments: &[&str]) -> Script {
    let mut script = ends(name, stream(body), "", "tool_calls", 1);
    script.outcome.calls = arguments.iter().map(|text| (*text).to_owned()).collect();
    script
}

/// Nothing was seen of it, so it was tried once more.
fn again(name: &'static str, steps: Vec<Step>, end: &str) -> Script {
    ends(name, steps, "", end, 2)
}

fn refused(name: &'static str, steps: Vec<Step>, end: &str) -> Script {
    ends(name, steps, "", end, 1)
}

/// A part of it was seen.
fn cut(name: &'static str, steps: Vec<Step>) -> Script {
    ends(name, steps, TEXT, "STREAM_CUT", 1)
}

pub(crate) fn all() -> Vec<Script> {
    let mut all = framing();
    all.extend(contents());
    all.extend(usages());
    all.extend(tools());
    all.extend(broken::refusals());
    all.extend(broken::before_content());
    all.extend(broken::after_content());
    all
}

fn framing() -> Vec<Script> {
    let whole = format!("{COMMENT}{ROLE}{}{STOP}{USAGE}{DONE}", piece(TEXT));
    let crlf = whole.replace('\n', "\r\n");
    let on_lines = piece(TEXT).replace("[{\"delta\"", "\ndata: [{\ndata:\"delta\"");
    vec![
        served("in one write", stream(&whole)),
        served(
            "a byte at a time",
            vec![write(HEAD), Dribble(whole.clone().into())],
        ),
        served(
            "headers a byte at a time",
            vec![Dribble(HEAD.into()), write(&whole)],
        ),
        served("lines end with CRLF", stream(&crlf)),
        served(
            "CRLF split between reads",
            vec![write(HEAD), Dribble(crlf.into())],
        ),
        served("lines end with CR", stream(&whole.replace('\n', "\r"))),
        served(
            "data on several lines",
            stream(&format!("{on_lines}{STOP}{DONE}")),
        ),
        served("a byte order mark", stream(&format!("\u{feff}{whole}"))),
        served(
            "no space after the colon",
            stream(&whole.replace("data: ", "data:")),
        ),
        served(
            "names, ids and retry times",
            stream(&whole.replace("data: ", "event: message\nid: 7\nretry: 10\ndata: ")),
        ),
        served(
            "comments between all lines",
            stream(&whole.replace("data: ", ": hi\n:\n: {\"error\":1}\ndata: ")),
        ),
        served(
            "empty data",
            stream(&format!("data:\n\ndata: \n\n{whole}data:\n\n")),
        ),
        served(
            "many blank lines",
            stream(&whole.replace("\n\n", "\n\n\n\n\n")),
        ),
        served("no blank line at the end", stream(whole.trim_end())),
        served(
            "more after the end",
            stream(&format!("{whole}{}", piece("!!!"))),
        ),
        served("chunks of HTTP", vec![Write(chunked(&whole, 64))]),
        served("chunks of one byte", vec![Write(chunked(&whole, 1))]),
        served(
            "a length that is right",
            answer("200 OK", "content-type: text/event-stream", &whole),
        ),
        served(
            "HTTP/1.0",
            vec![write(
                format!("{HEAD}{whole}").replace("HTTP/1.1", "HTTP/1.0"),
            )],
        ),
        served(
            "hints before the answer",
            vec![write(format!(
                "HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n{HEAD}{whole}"
            ))],
        ),
        served(
            "a content type in capitals",
            vec![write(format!("{HEAD}{whole}").replace(
                "text/event-stream",
                "Text/Event-Stream ; charset=UTF-8",
            ))],
        ),
        served(
            "says that it is compressed, and is not",
            vec![write(format!("{HEAD}{whole}").replace(
                "connection:",
                "content-encoding: gzip\r\nconnection:",
            ))],
        ),
        served(
            "a line of three megabytes",
            stream(&format!("{}{STOP}{DONE}", piece(&"x".repeat(3 << 20)))),
        )
        .saying(&"x".repeat(3 << 20)),
        served(
            "pauses shorter than patience",
            vec![
                write(HEAD),
                Pause(100),
                write(COMMENT),
                Pause(100),
                write(&whole),
            ],
        ),
    ]
}

impl Script {
    fn saying(mut self, text: &str) -> Self {
        text.clone_into(&mut self.outcome.text);
        self
    }
}

fn contents() -> Vec<Script> {
    let text = piece(TEXT);
    let finish = |reason: &str| {
        choice(&format!(
            "{{\"delta\":{{}},\"finish_reason\":\"{reason}\"}}"
        ))
    };
    let refusal = choice("{\"delta\":{\"refusal\":\"I will not.\"}}");
    vec![
        served(
            "fields that nobody knows",
            stream(
                &format!("{text}{STOP}{DONE}")
                    .replace("{\"choices\"", "{\"new\":[1,{}],\"choices\""),
            ),
        ),
        served(
            "nothing in the choices",
            stream(&format!(
                "data: {{\"choices\":[],\"debug\":{{}}}}\n\ndata: {{\"choices\":null}}\n\ndata: {{}}\n\n{text}{STOP}{DONE}"
            )),
        ),
        served(
            "deltas that are null",
            stream(&format!(
                "{}{}{text}{STOP}{DONE}",
                choice("{\"delta\":null}"),
                choice("{\"delta\":{\"content\":null,\"tool_calls\":null}}"),
            )),
        ),
        served(
            "a second choice",
            stream(&format!(
                "{}{STOP}{DONE}",
                choice(&format!(
                    "{{\"delta\":{{\"content\":\"{TEXT}\"}}}},{{\"index\":1,\"delta\":{{\"content\":\"!\"}}}}"
                )),
            )),
        ),
        served(
            "reasoning before words",
            stream(&format!(
                "{}{text}{STOP}{DONE}",
                choice("{\"delta\":{\"reasoning\":\"hm\"}}")
            )),
        ),
        served(
            "a finish that is told twice",
            stream(&format!("{text}{STOP}{STOP}{DONE}")),
        ),
        served(
            "two finishes that differ",
            stream(&format!("{text}{STOP}{}{DONE}", finish("length"))),
        ),
        served(
            "a finish that nobody knows",
            stream(&format!("{text}{}{DONE}", finish("weary"))),
        ),
        ends(
            "cut at its length",
            stream(&format!("{text}{}{DONE}", finish("length"))),
            TEXT,
            "length",
            1,
        ),
        ends(
            "cut by a filter",
            stream(&format!("{text}{}{DONE}", finish("content_filter"))),
            TEXT,
            "content_filter",
            1,
        ),
        served("an empty answer", stream(&format!("{ROLE}{STOP}{DONE}"))).saying(""),
        refused(
            "a refusal in words",
            stream(&format!("{refusal}{STOP}{DONE}")),
            "CONTENT_REFUSED",
        ),
    ]
}

fn usages() -> Vec<Script> {
    let text = piece(TEXT);
    let beside = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4}}\n\n";
    vec![
        served("no usage", stream(&format!("{text}{STOP}{DONE}"))),
        served(
            "usage beside a choice",
            stream(&format!("{text}{beside}{DONE}")),
        ),
        served("usage that is null", with_usage("null")),
        served(
            "usage below nothing",
            with_usage("{\"prompt_tokens\":-9,\"completion_tokens\":-4,\"cost\":-1}"),
        ),
        served(
            "a cost beyond sense",
            with_usage("{\"prompt_tokens\":9,\"completion_tokens\":4,\"cost\":1e9}"),
        ),
        served(
            "a cost in words",
            with_usage("{\"prompt_tokens\":9,\"completion_tokens\":4,\"cost\":\"free\"}"),
        ),
        served(
            "a cost as text",
            with_usage("{\"prompt_tokens\":9,\"completion_tokens\":4,\"cost\":\"0.000004\"}"),
        ),
        served(
            "usage told twice",
            stream(&format!("{text}{USAGE}{STOP}{USAGE}{DONE}")),
        ),
    ]
}

fn tools() -> Vec<Script> {
    let end = format!(
        "{}{DONE}",
        choice("{\"delta\":{},\"finish_reason\":\"tool_calls\"}")
    );
    let begun = |index: i32, name: &str| {
        calls(&format!(
            "{{\"index\":{index},\"id\":\"c{index}\",\"function\":{{\"name\":\"{name}\",\"arguments\":\"\"}}}}"
        ))
    };
    let more = |index: i32, text: &str| {
        calls(&format!(
            "{{\"index\":{index},\"function\":{{\"arguments\":\"{text}\"}}}}"
        ))
    };
    let in_turn = [
        begun(1, "b"),
        begun(0, "a"),
        more(0, "[1"),
        more(1, "[2"),
        more(0, "]"),
        more(1, "]"),
    ]
    .concat();
    let by_id = |id: &str, text: &str| {
        calls(&format!(
            "{{\"index\":0,\"id\":\"{id}\",\"function\":{{\"name\":\"f\",\"arguments\":\"{text}\"}}}}"
        ))
    };
    let endless: String = (0..200).map(|index| begun(index, "f")).collect();
    vec![
        called(
            "a call in pieces",
            &format!("{}{}{}{end}", begun(0, "a"), more(0, "{"), more(0, "}")),
            &["{}"],
        ),
        called(
            "calls out of order",
            &format!("{in_turn}{end}"),
            &["[2]", "[1]"],
        ),
        called(
            "calls that are all the first",
            &format!("{}{}{end}", by_id("x", "1"), by_id("y", "2")),
            &["1", "2"],
        ),
        called(
            "a call without an index",
            &format!(
                "{}{end}",
                calls("{\"id\":\"x\",\"function\":{\"name\":\"f\",\"arguments\":\"1\"}}")
            ),
            &["1"],
        ),
        called(
            "a call that stops",
            &format!("{}{STOP}{DONE}", by_id("x", "1")),
            &["1"],
        ),
        again(
            "calls without end",
            stream(&format!("{endless}{end}")),
            "STREAM_CUT",
        ),
        again(
            "a call that is cut",
            stream(&format!("{}{}", begun(0, "a"), more(0, "{"))),
            "STREAM_CUT",
        ),
    ]
}
