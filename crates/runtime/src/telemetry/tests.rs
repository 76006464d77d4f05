use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

use super::*;

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is written of an event with secrets, inside a span with one.
fn written(format: LogFormat) -> String {
    let to = Written::default();
    let writer = to.clone();
    let subscriber = tracing_subscriber::registry().with(lines(format, move || writer.clone()));
    tracing::subscriber::with_default(subscriber, || {
        let span = tracing::info_span!(
            "rpc",
            request_id = "r-1",
            cookie = "canary",
            org.id = tracing::field::Empty
        );
        span.record("org.id", "o-1");
        let _inside = span.enter();
        let tokens = 12;
        tracing::info!(session_token = "canary", authorization = ?"canary", tokens, "hello");
    });
    String::from_utf8(to.0.lock().clone()).unwrap()
}

#[test]
fn json_lines_carry_their_spans_and_no_secrets() {
    let line = written(LogFormat::Json);
    assert!(!line.contains("canary"), "{line}");
    let line: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(line["message"], "hello");
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["request_id"], "r-1");
    assert_eq!(line["org.id"], "o-1");
    assert_eq!(line["tokens"], 12);
    for secret in ["session_token", "authorization", "cookie"] {
        assert_eq!(line[secret], "[redacted]", "{secret}");
    }
    assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{line}");
}

#[test]
fn lines_for_people_have_no_secrets_either() {
    let line = written(LogFormat::Text);
    assert!(!line.contains("canary"), "{line}");
    assert!(line.contains("hello session_token=[redacted]"), "{line}");
    assert!(
        line.contains("tokens=12") && line.contains("request_id=\"r-1\""),
        "{line}"
    );
}
