//! Frames of gRPC-web: a flag, a length, and as many bytes. They come in pieces cut anywhere.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};

/// The flag and the length before each frame.
const HEAD: usize = 5;
/// The bit of the flag that tells trailers from a message.
const TRAILERS: u8 = 0b1000_0000;

pub(super) enum Frame {
    Message(Bytes),
    Trailers(HeaderMap),
}

/// What has come and was not read yet.
#[derive(Default)]
pub(super) struct Frames {
    come: BytesMut,
}

impl Frames {
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.come.extend_from_slice(piece);
    }

    /// The next frame, once the whole of it is there.
    pub(super) fn next(&mut self) -> Option<Frame> {
        let &[flag, a, b, c, d] = self.come.first_chunk::<HEAD>()?;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).ok()?;
        if self.come.len() - HEAD < length {
            return None;
        }
        let content = self.come.split_to(HEAD + length).split_off(HEAD).freeze();
        Some(if flag & TRAILERS == 0 {
            Frame::Message(content)
        } else {
            Frame::Trailers(trailers(&content))
        })
    }
}

/// Lines of names and values; those that are none are left out.
fn trailers(block: &[u8]) -> HeaderMap {
    let lines = block.split(|byte| *byte == b'\n');
    let header = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line[..colon].trim_ascii()).ok()?;
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?;
        Some((name, value))
    };
    lines.filter_map(header).collect()
}
