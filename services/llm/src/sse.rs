//! Server-sent events, read byte by byte: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.
//!
//! Only what model servers use is kept: data and comments. Names, ids and retry times of events
//! are read over.

use std::ops::Range;

/// An event or a line longer than this is no answer of a model.
const MAX_EVENT_BYTES: usize = 4 * 1024 * 1024;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A piece of the stream.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame<'a> {
    /// A comment line: the connection is alive, nothing more.
    Comment,
    /// The data of one event, its lines joined by LF. Never split inside a character.
    Data(&'a [u8]),
}

/// A line or an event without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {MAX_EVENT_BYTES} bytes")]
pub(crate) struct EventTooLong;

/// Turns bytes, cut anywhere, into frames. Its two buffers are reused from event to event.
#[derive(Debug, Default)]
pub(crate) struct SseParser {
    /// Bytes not yet read as lines start at `read`.
    input: Vec<u8>,
    read: usize,
    /// Up to here `input` is known to hold no line end.
    scanned: usize,
    /// The data lines of the event so far, each followed by LF.
    data: Vec<u8>,
    /// `data` was given out and starts anew with the next line.
    dispatched: bool,
    /// The last line ended with CR: an LF that follows belongs to it.
    after_cr: bool,
    /// The byte order mark, if any, is behind.
    started: bool,
    ended: bool,
}

impl SseParser {
    /// Takes more bytes.
    ///
    /// # Errors
    /// [`EventTooLong`] when a line grows without end.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<(), EventTooLong> {
        if self.read > 0 {
            self.input.drain(..self.read);
            self.scanned -= self.read;
            self.read = 0;
        }
        if self.input.len() + bytes.len() > MAX_EVENT_BYTES {
            return Err(EventTooLong);
        }
        self.input.extend_from_slice(bytes);
        Ok(())
    }

    /// No more bytes will come: what is left is read as if a blank line followed, for some
    /// servers end the last event with the connection.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// The next frame, `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`EventTooLong`] when an event's data grows without end.
    pub(crate) fn next_frame(&mut self) -> Result<Option<Frame<'_>>, EventTooLong> {
        if self.dispatched {
            self.data.clear();
            self.dispatched = false;
        }
        while let Some(line) = self.next_line() {
            if line.is_empty() {
                if !self.data.is_empty() {
                    return Ok(Some(self.dispatch()));
                }
            } else if self.input[line.start] == b':' {
                return Ok(Some(Frame::Comment));
            } else {
                self.take_data(line)?;
            }
        }
        if self.ended && !self.data.is_empty() {
            return Ok(Some(self.dispatch()));
        }
        Ok(None)
    }

    fn dispatch(&mut self) -> Frame<'_> {
        self.dispatched = true;
        // Without the LF of the last line.
        Frame::Data(&self.data[..self.data.len() - 1])
    }

    /// The place in `input` of the next whole line, without its end.
    fn next_line(&mut self) -> Option<Range<usize>> {
        self.skip_unseen_start()?;
        let end = memchr::memchr2(b'\n', b'\r', &self.input[self.scanned..]);
        let Some(end) = end.map(|offset| self.scanned + offset) else {
            self.scanned = self.input.len();
            return self.last_line();
        };
        let line = self.read..end;
        self.after_cr = self.input[end] == b'\r';
        self.read = end + 1;
        self.scanned = self.read;
        Some(line)
    }

    /// Skips the byte order mark of the stream and the LF of a CRLF. `None` when it cannot be
    /// known yet whether there is one.
    fn skip_unseen_start(&mut self) -> Option<()> {
        if !self.started {
            let start = &self.input[..self.input.len().min(BYTE_ORDER_MARK.len())];
            if start == BYTE_ORDER_MARK {
                self.read = BYTE_ORDER_MARK.len();
                self.scanned = self.read;
            } else if BYTE_ORDER_MARK.starts_with(start) && !self.ended {
                return None;
            }
            self.started = true;
        }
        if self.after_cr {
            let next = self.input.get(self.read)?;
            if *next == b'\n' {
                self.read += 1;
                self.scanned = self.scanned.max(self.read);
            }
            self.after_cr = false;
        }
        Some(())
    }

    /// The line that the end of the stream ends.
    fn last_line(&mut self) -> Option<Range<usize>> {
        let line = self.read..self.input.len();
        if !self.ended || line.is_empty() {
            return None;
        }
        self.read = self.input.len();
        Some(line)
    }

    fn take_data(&mut self, line: Range<usize>) -> Result<(), EventTooLong> {
        let line = &self.input[line];
        let (field, value) = match memchr::memchr(b':', line) {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &line[line.len()..]),
        };
        if field != b"data" {
            return Ok(());
        }
        let value = value.strip_prefix(b" ").unwrap_or(value);
        if self.data.len() + value.len() > MAX_EVENT_BYTES {
            return Err(EventTooLong);
        }
        self.data.extend_from_slice(value);
        self.data.push(b'\n');
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone, PartialEq, Eq)]
    enum Owned {
        Comment,
        Data(String),
    }

    fn frames<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Vec<Owned> {
        let mut parser = SseParser::default();
        let mut found = Vec::new();
        let mut drain = |parser: &mut SseParser| {
            while let Some(frame) = parser.next_frame().unwrap() {
                found.push(match frame {
                    Frame::Comment => Owned::Comment,
                    Frame::Data(data) => Owned::Data(String::from_utf8(data.to_vec()).unwrap()),
                });
            }
        };
        for part in parts {
            parser.push(part).unwrap();
            drain(&mut parser);
        }
        parser.end();
        drain(&mut parser);
        found
    }

    /// The rules once more, the slow and plain way: over lines of the whole text.
    fn model(text: &str) -> Vec<Owned> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let text = text.replace("\r\n", "\n").replace('\r', "\n") + "\n\n";
        let (mut found, mut data) = (Vec::new(), Vec::new());
        for line in text.split('\n') {
            if line.is_empty() && !data.is_empty() {
                found.push(Owned::Data(std::mem::take(&mut data).join("\n")));
            } else if line.starts_with(':') {
                found.push(Owned::Comment);
            } else if let Some(value) = line.strip_prefix("data:") {
                data.push(value.strip_prefix(' ').unwrap_or(value).to_owned());
            } else if line == "data" {
                data.push(String::new());
            }
        }
        found
    }

    fn data(text: &str) -> Owned {
        Owned::Data(text.to_owned())
    }

    #[test]
    fn comments_names_and_several_lines() {
        let text =
            b": OPENROUTER PROCESSING\n\nevent: x\nid: 7\ndata: a\ndata:b\n\ndata\n\n\ndata: c";
        let expected = [Owned::Comment, data("a\nb"), data(""), data("c")];
        assert_eq!(frames([&text[..]]), expected);
    }

    #[test]
    fn every_kind_of_line_end_ends_a_line() {
        for end in ["\n", "\r\n", "\r"] {
            let text = format!("data: 1{end}{end}data: 2{end}{end}");
            assert_eq!(frames([text.as_bytes()]), [data("1"), data("2")], "{end:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let mut parser = SseParser::default();
        let chunk = vec![b'x'; MAX_EVENT_BYTES / 2];
        assert_eq!(parser.push(&chunk), Ok(()));
        assert_eq!(parser.next_frame(), Ok(None));
        assert_eq!(parser.push(&chunk), Ok(()));
        assert_eq!(parser.push(b"x"), Err(EventTooLong));
    }

    fn stream_text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            Just("data: "),
            Just("data:"),
            Just("data"),
            Just(":"),
            Just("event: x"),
            Just("\n"),
            Just("\n\n"),
            Just("\r\n"),
            Just("\r"),
            Just("{\"a\":1}"),
            Just("привет 👋"),
            Just(" "),
            Just("\u{feff}"),
            Just("[DONE]"),
        ];
        proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn any_cut_of_the_bytes_gives_the_same_frames(
            text in stream_text(),
            cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..20),
        ) {
            let bytes = text.as_bytes();
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let parts = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]);
            let expected = model(&text);
            prop_assert_eq!(frames(parts), expected.clone(), "cut");
            prop_assert_eq!(frames(bytes.chunks(1)), expected.clone(), "byte by byte");
            prop_assert_eq!(frames([bytes]), expected, "whole");
        }
    }
}
