//! Compressed siblings and content hashes.

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::Result;
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Brotli's quality: the best one takes seconds for wasm, 5 a fraction of one.
#[derive(Clone, Copy)]
pub(super) enum Effort {
    Best,
    Quick,
}

pub(super) struct Compressed {
    pub(super) brotli: Vec<u8>,
    pub(super) gzip: Vec<u8>,
}

pub(super) fn compress(bytes: &[u8], effort: Effort) -> Result<Compressed> {
    let (quality, level) = match effort {
        Effort::Best => (11, Compression::best()),
        Effort::Quick => (5, Compression::fast()),
    };
    // 2^24 bytes of window let repeats be found across the whole file.
    let parameters = BrotliEncoderParams {
        quality,
        lgwin: 24,
        size_hint: bytes.len(),
        ..BrotliEncoderParams::default()
    };
    let mut brotli = Vec::new();
    brotli::BrotliCompress(&mut &bytes[..], &mut brotli, &parameters)?;
    let mut gzip = GzEncoder::new(Vec::new(), level);
    gzip.write_all(bytes)?;
    Ok(Compressed {
        brotli,
        gzip: gzip.finish()?,
    })
}

/// The first `digits` hexadecimal digits of `digest`.
pub(super) fn hex(digest: &[u8], digits: usize) -> String {
    let mut text = digest.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    text.truncate(digits);
    text
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn both_siblings_give_the_bytes_back() {
        let bytes = b"many words, many words, many words".repeat(40);
        for effort in [Effort::Best, Effort::Quick] {
            let compressed = compress(&bytes, effort).unwrap();
            assert!(compressed.brotli.len() < bytes.len());
            let mut unpacked = Vec::new();
            brotli::BrotliDecompress(&mut &compressed.brotli[..], &mut unpacked).unwrap();
            assert_eq!(unpacked, bytes);
            let mut unpacked = Vec::new();
            flate2::read::GzDecoder::new(&compressed.gzip[..])
                .read_to_end(&mut unpacked)
                .unwrap();
            assert_eq!(unpacked, bytes);
        }
    }

    #[test]
    fn hex_is_cut_to_length() {
        assert_eq!(hex(&[0x0f, 0xa0, 0xff], 4), "0fa0");
    }
}
