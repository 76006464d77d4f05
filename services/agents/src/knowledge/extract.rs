//! Bytes of a known type to a [`Document`]. Runs inside the sandboxed child; parsers of strangers'
//! files are expected to fail in every way there is.

pub(crate) mod csv;
mod docx;
mod html;
mod markdown;
mod pdf;
mod text;
pub(crate) mod xlsx;

use encoding_rs::Encoding;

use super::charset;
use super::document::{Builder, Document};
use super::rejection::Rejection;
use super::sniff::{self, DocumentType};

/// Reads `bytes`, which the caller says are of type `declared`; `file_name` names the document
/// when it does not name itself. `charset` is what an HTTP header said, when one did.
pub fn extract(
    file_name: &str,
    declared: DocumentType,
    charset: Option<&str>,
    bytes: &[u8],
) -> Result<Document, Rejection> {
    sniff::confirm(declared, bytes)?;
    let mut builder = Builder::default();
    match declared {
        DocumentType::Pdf => pdf::extract(bytes, &mut builder)?,
        DocumentType::Docx => docx::extract(bytes, &mut builder)?,
        DocumentType::Xlsx => xlsx::extract(bytes, &mut builder)?,
        DocumentType::Csv => csv::extract(&decode(bytes, charset)?, &mut builder)?,
        DocumentType::Html => {
            let charset = charset
                .map(str::to_owned)
                .or_else(|| html::declared_charset(bytes));
            html::extract(&decode(bytes, charset.as_deref())?, &mut builder)?;
        }
        DocumentType::Markdown => markdown::extract(&decode(bytes, charset)?, &mut builder)?,
        DocumentType::Text => text::extract(&decode(bytes, charset)?, &mut builder)?,
    }
    builder.finish(file_name)
}

fn decode(bytes: &[u8], label: Option<&str>) -> Result<String, Rejection> {
    let named = label.and_then(|label| Encoding::for_label(label.trim().as_bytes()));
    named
        .and_then(|charset| charset::decode_as(bytes, charset))
        .or_else(|| charset::decode(bytes))
        .map(|(text, _)| text)
        .ok_or(Rejection::Unreadable)
}
