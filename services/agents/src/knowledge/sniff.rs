//! What a file really is, told from its bytes, and whether that is what its name says.

use serde::{Deserialize, Serialize};

use super::archive::Archive;
use super::charset;
use super::rejection::Rejection;

/// The document types that are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentType {
    /// Portable Document Format.
    Pdf,
    /// Word 2007 and later.
    Docx,
    /// Excel 2007 and later.
    Xlsx,
    /// Comma-, semicolon- or tab-separated values.
    Csv,
    /// A page of the web.
    Html,
    /// Markdown.
    Markdown,
    /// Plain text.
    Text,
}

impl DocumentType {
    /// The media type to keep and to serve the document with.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Docx => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            Self::Csv => "text/csv",
            Self::Html => "text/html",
            Self::Markdown => "text/markdown",
            Self::Text => "text/plain",
        }
    }

    /// The extension that a stored document gets, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Pdf => "pdf",
            Self::Docx => "docx",
            Self::Xlsx => "xlsx",
            Self::Csv => "csv",
            Self::Html => "html",
            Self::Markdown => "md",
            Self::Text => "txt",
        }
    }

    /// The type that the extension of `file_name` promises.
    pub fn of_name(file_name: &str) -> Result<Self, Rejection> {
        let extension = file_name
            .rsplit_once('.')
            .map(|(_, extension)| extension.to_lowercase());
        match extension.as_deref() {
            Some("pdf") => Ok(Self::Pdf),
            Some("docx") => Ok(Self::Docx),
            Some("xlsx") => Ok(Self::Xlsx),
            Some("csv" | "tsv") => Ok(Self::Csv),
            Some("html" | "htm" | "xhtml") => Ok(Self::Html),
            Some("md" | "markdown") => Ok(Self::Markdown),
            Some("txt" | "text") => Ok(Self::Text),
            _ => Err(Rejection::TypeUnsupported),
        }
    }

    /// The type that a `Content-Type` header promises.
    pub fn of_media_type(media_type: &str) -> Result<Self, Rejection> {
        let essence = media_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        if essence == "application/xhtml+xml" {
            return Ok(Self::Html);
        }
        [
            Self::Pdf,
            Self::Docx,
            Self::Xlsx,
            Self::Csv,
            Self::Html,
            Self::Markdown,
            Self::Text,
        ]
        .into_iter()
        .find(|kind| kind.media_type() == essence)
        .ok_or(Rejection::TypeUnsupported)
    }
}

/// Offsets up to here may precede `%PDF-` (ISO 32000-1, implementation note 13).
const PDF_HEADER_WITHIN: usize = 1024;

/// An Office document encrypted with a password is wrapped in this; so are the old formats.
const COMPOUND_FILE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// The type of the whole file, which must be the one its name promises.
pub fn sniff(file_name: &str, bytes: &[u8]) -> Result<DocumentType, Rejection> {
    let declared = DocumentType::of_name(file_name)?;
    confirm(declared, bytes)?;
    Ok(declared)
}

/// Is this a file of the `declared` type?
pub fn confirm(declared: DocumentType, bytes: &[u8]) -> Result<(), Rejection> {
    head(declared, bytes)?;
    match declared {
        DocumentType::Pdf => Ok(()),
        DocumentType::Docx | DocumentType::Xlsx => office(declared, bytes),
        DocumentType::Csv | DocumentType::Html | DocumentType::Markdown | DocumentType::Text => {
            text(declared, bytes)
        }
    }
}

/// The part of [`confirm`] that the first kilobytes are enough for: an upload can be refused
/// before it is stored.
pub fn head(declared: DocumentType, head: &[u8]) -> Result<(), Rejection> {
    if head.iter().all(u8::is_ascii_whitespace) {
        return Err(Rejection::Empty);
    }
    match declared {
        DocumentType::Pdf => agree(is_pdf(head)),
        DocumentType::Docx | DocumentType::Xlsx if head.starts_with(COMPOUND_FILE) => {
            Err(if is_encrypted_office(head) {
                Rejection::Password
            } else {
                Rejection::TypeMismatch
            })
        }
        DocumentType::Docx | DocumentType::Xlsx => agree(head.starts_with(b"PK\x03\x04")),
        // Signatures of two letters ("BM", "MZ") begin texts as well, so text is told by being
        // text; only formats that are text and yet no text for people are named.
        DocumentType::Csv | DocumentType::Html | DocumentType::Markdown | DocumentType::Text => {
            agree(
                !head.starts_with(b"%PDF-")
                    && !head.starts_with(b"{\\rtf")
                    && charset::decode(head).is_some(),
            )
        }
    }
}

fn agree(agrees: bool) -> Result<(), Rejection> {
    if agrees {
        Ok(())
    } else {
        Err(Rejection::TypeMismatch)
    }
}

fn is_pdf(head: &[u8]) -> bool {
    let start = &head[..head.len().min(PDF_HEADER_WITHIN)];
    start.windows(5).any(|window| window == b"%PDF-")
}

/// The directory of a compound file names its streams in UTF-16.
fn is_encrypted_office(bytes: &[u8]) -> bool {
    let name: Vec<u8> = "EncryptedPackage"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    bytes.windows(name.len()).any(|window| window == name)
}

fn office(declared: DocumentType, bytes: &[u8]) -> Result<(), Rejection> {
    let archive = Archive::open(bytes)?;
    let found = [
        ("word/document.xml", DocumentType::Docx),
        ("xl/workbook.xml", DocumentType::Xlsx),
    ]
    .into_iter()
    .find(|(part, _)| archive.has(part))
    .map(|(_, found)| found);
    agree(archive.has("[Content_Types].xml") && found == Some(declared))
}

fn text(declared: DocumentType, bytes: &[u8]) -> Result<(), Rejection> {
    let Some((text, _)) = charset::decode(bytes) else {
        return Err(Rejection::TypeMismatch);
    };
    if text.trim().is_empty() {
        return Err(Rejection::Empty);
    }
    agree(if declared == DocumentType::Html {
        has_tag(&text)
    } else {
        !is_page(&text)
    })
}

/// Begins as a whole page of HTML does.
fn is_page(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(16).collect();
    let start = start.to_ascii_lowercase();
    start.starts_with("<!doctype html") || start.starts_with("<html")
}

/// `<` and a letter, `!` or `/` somewhere.
fn has_tag(text: &str) -> bool {
    text.as_bytes()
        .windows(2)
        .any(|pair| pair[0] == b'<' && (pair[1].is_ascii_alphabetic() || b"!/".contains(&pair[1])))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01";

    #[test]
    fn names_promise_types() {
        assert_eq!(DocumentType::of_name("Прайс.XLSX"), Ok(DocumentType::Xlsx));
        assert_eq!(DocumentType::of_name("a.b.md"), Ok(DocumentType::Markdown));
        for name in ["archive.zip", "old.doc", "noextension", "photo.png", "."] {
            assert_eq!(
                DocumentType::of_name(name),
                Err(Rejection::TypeUnsupported),
                "{name}"
            );
        }
    }

    #[test]
    fn media_types_promise_types() {
        assert_eq!(
            DocumentType::of_media_type("text/HTML; charset=utf-8"),
            Ok(DocumentType::Html)
        );
        assert_eq!(
            DocumentType::of_media_type("image/png"),
            Err(Rejection::TypeUnsupported)
        );
    }

    #[test]
    fn bytes_must_agree_with_the_name() {
        let cases: [(&str, &[u8], Result<DocumentType, Rejection>); 17] = [
            ("a.pdf", b"%PDF-1.7\n", Ok(DocumentType::Pdf)),
            ("a.pdf", b"\xef\xbb\xbf\n%PDF-1.4\n", Ok(DocumentType::Pdf)),
            ("a.pdf", b"hello", Err(Rejection::TypeMismatch)),
            ("a.pdf", PNG, Err(Rejection::TypeMismatch)),
            ("a.txt", PNG, Err(Rejection::TypeMismatch)),
            ("a.txt", b"%PDF-1.7\n", Err(Rejection::TypeMismatch)),
            (
                "a.txt",
                b"{\\rtf1\\ansi text}",
                Err(Rejection::TypeMismatch),
            ),
            ("a.txt", b"BMW X5, 2024", Ok(DocumentType::Text)),
            ("a.txt", b"files begin with %PDF-", Ok(DocumentType::Text)),
            ("a.txt", b"", Err(Rejection::Empty)),
            ("a.txt", b" \r\n\t", Err(Rejection::Empty)),
            (
                "a.txt",
                b"<!DOCTYPE html><p>x",
                Err(Rejection::TypeMismatch),
            ),
            ("a.html", b"<p>x", Ok(DocumentType::Html)),
            (
                "a.html",
                b"1 < 2, all the same",
                Err(Rejection::TypeMismatch),
            ),
            ("a.md", b"# x\n", Ok(DocumentType::Markdown)),
            (
                "a.docx",
                b"PK\x03\x04 and nothing more",
                Err(Rejection::Unreadable),
            ),
            ("a.csv", &[0; 64], Err(Rejection::TypeMismatch)),
        ];
        for (name, bytes, expected) in cases {
            assert_eq!(sniff(name, bytes), expected, "{name} {bytes:?}");
        }
    }

    #[test]
    fn an_encrypted_office_document_is_told_from_an_old_one() {
        let mut bytes = vec![0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
        bytes.resize(2048, 0);
        assert_eq!(sniff("a.docx", &bytes), Err(Rejection::TypeMismatch));
        bytes.extend("EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes));
        assert_eq!(sniff("a.docx", &bytes), Err(Rejection::Password));
    }
}
