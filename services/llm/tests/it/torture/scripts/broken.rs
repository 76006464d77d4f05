//! Servers that refuse, break off, or never begin.

use super::super::upstream::Step::{self, Forever, Hold, Reset};
use super::{
    BROKEN_CHUNKS, COMMENT, DONE, HEAD, ROLE, STOP, Script, TEXT, USAGE, again, answer, choice,
    cut, ends, html, json, piece, refused, stream, write,
};

pub(super) fn refusals() -> Vec<Script> {
    let error = |code: i32| format!("{{\"error\":{{\"code\":{code},\"message\":\"no\"}}}}");
    let whole = "{\"choices\":[{\"message\":{\"content\":\"hi\"},\"finish_reason\":\"stop\"}]}";
    vec![
        refused(
            "400",
            json("400 Bad Request", &error(400)),
            "PROVIDER_REFUSED",
        ),
        refused("401 in HTML", html("401 Unauthorized"), "PROVIDER_REFUSED"),
        refused(
            "402",
            json("402 Payment Required", &error(402)),
            "PROVIDER_REFUSED",
        ),
        refused("403 in HTML", html("403 Forbidden"), "PROVIDER_REFUSED"),
        refused("404", json("404 Not Found", &error(404)), "MODEL_UNKNOWN"),
        refused(
            "413 without a body",
            answer("413 Too Large", "x: y", ""),
            "CONTEXT_TOO_LONG",
        ),
        refused(
            "a redirect",
            answer("302 Found", "location: http://127.0.0.1:1/", ""),
            "PROVIDER_REFUSED",
        ),
        refused(
            "a redirect to itself",
            answer(
                "307 Temporary Redirect",
                "location: /api/v1/chat/completions",
                "",
            ),
            "PROVIDER_REFUSED",
        ),
        refused(
            "200 with a refusal",
            json("200 OK", &error(402)),
            "PROVIDER_REFUSED",
        ),
        again(
            "200 with an outage",
            json("200 OK", &error(503)),
            "PROVIDER_UNAVAILABLE",
        ),
        refused("200 with a page", html("200 OK"), "PROVIDER_UNAVAILABLE"),
        refused(
            "200 with a whole answer",
            json("200 OK", whole),
            "PROVIDER_UNAVAILABLE",
        ),
        refused(
            "200 without a content type",
            answer("200 OK", "x: y", whole),
            "PROVIDER_UNAVAILABLE",
        ),
        refused(
            "204",
            vec![write(
                "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n",
            )],
            "PROVIDER_UNAVAILABLE",
        ),
        again(
            "429 in HTML",
            html("429 Too Many Requests"),
            "PROVIDER_LIMITED",
        ),
        refused(
            "429 with a long wait",
            answer("429 Too Many Requests", "retry-after: 17", ""),
            "PROVIDER_LIMITED",
        ),
        again(
            "429 with a wait in words",
            answer("429 No", "retry-after: soon", ""),
            "PROVIDER_LIMITED",
        ),
        again("500 in HTML", html("500 Oops"), "PROVIDER_UNAVAILABLE"),
        again(
            "503 with a huge page",
            answer("503 No", "content-type: text/html", &"x".repeat(1 << 20)),
            "PROVIDER_UNAVAILABLE",
        ),
        again(
            "529",
            json("529 Overloaded", &error(529)),
            "PROVIDER_UNAVAILABLE",
        ),
        again(
            "503 whose page never ends",
            vec![
                write("HTTP/1.1 503 No\r\ncontent-type: text/html\r\n\r\n<html>"),
                Hold,
            ],
            "PROVIDER_UNAVAILABLE",
        ),
    ]
}

pub(super) fn before_content() -> Vec<Script> {
    let error = |code: &str| {
        format!("data: {{\"error\":{{\"code\":{code},\"message\":\"gone\"}},\"choices\":[]}}\n\n")
    };
    let unavailable = "PROVIDER_UNAVAILABLE";
    let headers = "x: y\r\n".repeat(200);
    vec![
        again("closes at once", Vec::new(), unavailable),
        again("breaks at once", vec![Reset], unavailable),
        again(
            "garbage instead of HTTP",
            vec![write("SSH-2.0-OpenSSH_9.2\r\n")],
            unavailable,
        ),
        again(
            "half a status line",
            vec![write("HTTP/1.1 20")],
            unavailable,
        ),
        again(
            "half of its headers",
            vec![write("HTTP/1.1 200 OK\r\ncontent-ty")],
            unavailable,
        ),
        again(
            "more headers than fit",
            vec![write(
                HEAD.replace("\r\n\r\n", &format!("\r\n{headers}\r\n")),
            )],
            unavailable,
        ),
        again(
            "a length below nothing",
            vec![write("HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n")],
            unavailable,
        ),
        again("ends after its headers", stream(""), unavailable),
        again(
            "ends after comments",
            stream(&COMMENT.repeat(3)),
            unavailable,
        ),
        again("ends after the role", stream(ROLE), unavailable),
        again(
            "breaks after comments",
            vec![write(HEAD), write(COMMENT), Reset],
            unavailable,
        ),
        again("never answers", vec![Hold], unavailable),
        again(
            "headers that drip",
            vec![
                write("HTTP/1.1 200 OK\r\n"),
                Forever(b"x: y\r\n".to_vec(), 50),
            ],
            unavailable,
        ),
        again(
            "stalls after its headers",
            vec![write(HEAD), Hold],
            unavailable,
        ),
        again(
            "comments and nothing else",
            vec![write(HEAD), Forever(COMMENT.into(), 20)],
            unavailable,
        ),
        again(
            "empty pieces and nothing else",
            vec![write(HEAD), Forever(ROLE.into(), 20)],
            unavailable,
        ),
        again(
            "an outage in the stream",
            stream(&format!("{ROLE}{}", error("502"))),
            unavailable,
        ),
        again(
            "an outage in a word",
            stream(&error("\"server_error\"")),
            unavailable,
        ),
        refused(
            "a refusal in the stream",
            stream(&error("400")),
            "PROVIDER_REFUSED",
        ),
        again("an end and nothing else", stream(DONE), "STREAM_CUT"),
        again("what is no JSON", stream("data: hello\n\n"), "STREAM_CUT"),
        again(
            "an error that is a number",
            stream("data: {\"error\":7}\n\n"),
            "STREAM_CUT",
        ),
        again("an answer in a list", stream("data: []\n\n"), "STREAM_CUT"),
        again(
            "a line without end",
            vec![
                write(HEAD),
                write("data: "),
                Forever(vec![b'x'; 1 << 20], 0),
            ],
            "STREAM_CUT",
        ),
        again(
            "chunks of HTTP that are none",
            vec![write(BROKEN_CHUNKS)],
            unavailable,
        ),
        again(
            "compressed without being asked",
            vec![
                write(HEAD.replace("connection:", "content-encoding: gzip\r\nconnection:")),
                write([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0x4b, 0x49, 0x2c, 0x49]),
            ],
            unavailable,
        ),
    ]
}

pub(super) fn after_content() -> Vec<Script> {
    let text = piece(TEXT);
    let begun = || vec![write(format!("{HEAD}{text}"))];
    let then = |step: Step| [begun(), vec![step]].concat();
    let outage = "data: {\"error\":{\"code\":502,\"message\":\"gone\"},\"choices\":[]}\n\n";
    let failed = choice("{\"delta\":{},\"finish_reason\":\"error\"}");
    let lying =
        format!("{HEAD}{text}").replace("connection:", "content-length: 99999\r\nconnection:");
    vec![
        cut("ends after a piece", begun()),
        cut("breaks after a piece", then(Reset)),
        cut("stalls after a piece", then(Hold)),
        cut("a finish without an end", then(write(STOP))),
        cut(
            "a finish and usage without an end",
            then(write(format!("{STOP}{USAGE}"))),
        ),
        cut("an end without a finish", then(write(DONE))),
        cut(
            "half a piece",
            then(write("data: {\"choices\":[{\"delta\":{\"con")),
        ),
        cut("an invalid piece", then(write("data: {]\n\n"))),
        cut(
            "a character that is none",
            then(write(
                b"data: {\"choices\":[{\"delta\":{\"content\":\"\xff\xfe\"}}]}\n\n",
            )),
        ),
        cut(
            "a line without end after a piece",
            [
                begun(),
                vec![write("data: "), Forever(vec![b'x'; 1 << 20], 0)],
            ]
            .concat(),
        ),
        cut("shorter than its length", vec![write(lying)]),
        ends(
            "an outage after a piece",
            then(write(outage)),
            TEXT,
            "PROVIDER_UNAVAILABLE",
            1,
        ),
        ends(
            "a finish that is an error",
            then(write(failed)),
            TEXT,
            "PROVIDER_UNAVAILABLE",
            1,
        ),
        cut(
            "comments until patience ends",
            [begun(), vec![Forever(COMMENT.into(), 50)]].concat(),
        ),
    ]
}
