//! ZIP as Office documents use it, opened only when it unpacks to something reasonable.

use std::io::{self, Cursor, Read};

use zip::ZipArchive;
use zip::result::ZipError;

use super::rejection::Rejection;

/// Entries of one archive.
pub const MAX_ENTRIES: usize = 2_000;
/// All entries unpacked.
pub const MAX_UNPACKED_BYTES: u64 = 200 * 1024 * 1024;
/// Unpacked to packed; documents stay far under it.
pub const MAX_RATIO: u64 = 100;
/// Small entries may be all spaces; the ratio is asked of larger ones.
const RATIO_FROM_BYTES: u64 = 1024 * 1024;

/// An archive within the limits.
#[derive(Debug)]
pub struct Archive<'a> {
    zip: ZipArchive<Cursor<&'a [u8]>>,
}

impl<'a> Archive<'a> {
    /// Reads the directory at the end of the archive and nothing else.
    pub fn open(bytes: &'a [u8]) -> Result<Self, Rejection> {
        let zip = ZipArchive::new(Cursor::new(bytes)).map_err(refused)?;
        if zip.len() > MAX_ENTRIES {
            return Err(Rejection::Bomb);
        }
        Ok(Self { zip })
    }

    /// Is there an entry of exactly this name?
    pub fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// Unpacks everything into nowhere and counts. The sizes written in the archive are the
    /// sender's word; what comes out of the decoder is the truth.
    pub fn measure(&mut self) -> Result<(), Rejection> {
        let mut total = 0;
        for index in 0..self.zip.len() {
            let entry = self.zip.by_index(index).map_err(refused)?;
            if entry.encrypted() {
                return Err(Rejection::Password);
            }
            let packed = entry.compressed_size().max(1);
            let left = MAX_UNPACKED_BYTES - total;
            let most = left.min(RATIO_FROM_BYTES.max(packed.saturating_mul(MAX_RATIO)));
            let unpacked = io::copy(&mut entry.take(most + 1), &mut io::sink())
                .map_err(|_| Rejection::Unreadable)?;
            if unpacked > most {
                return Err(Rejection::Bomb);
            }
            total += unpacked;
        }
        Ok(())
    }

    /// The bytes of an entry; nothing when there is no such entry.
    pub fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, Rejection> {
        let Some(index) = self.zip.index_for_name(name) else {
            return Ok(None);
        };
        let entry = self.zip.by_index(index).map_err(refused)?;
        let mut bytes = Vec::new();
        entry
            .take(MAX_UNPACKED_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|_| Rejection::Unreadable)?;
        if bytes.len() as u64 > MAX_UNPACKED_BYTES {
            return Err(Rejection::Bomb);
        }
        Ok(Some(bytes))
    }
}

fn refused(error: ZipError) -> Rejection {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) => Rejection::Password,
        _ => Rejection::Unreadable,
    }
}
