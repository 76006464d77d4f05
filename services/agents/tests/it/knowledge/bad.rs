//! Files that are damaged, mislabelled or made to hurt. Each gets a stable reason and the parent
//! goes on.

use std::io::{Cursor, Write as _};
use std::time::Duration;

use t11_agents::knowledge::extractor::{ExtractError, Extractor, Limits, MAX_DOCUMENT_BYTES};
use t11_agents::knowledge::sandbox::Request;
use t11_agents::knowledge::sniff::DocumentType;
use t11_agents::knowledge::{Document, Rejection};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::office::{WORKBOOK, archive, document_xml, docx, xlsx};
use super::{data, extractor, read};

struct Case {
    name: &'static str,
    bytes: Vec<u8>,
    reason: Rejection,
}

fn case(name: &'static str, bytes: impl Into<Vec<u8>>, reason: Rejection) -> Case {
    Case {
        name,
        bytes: bytes.into(),
        reason,
    }
}

/// Bytes without any pattern, the same in every run.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    (0..length)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        })
        .collect()
}

/// A PDF of the given objects, numbered from 1; the first is the catalogue.
fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = b"%PDF-1.7\n".to_vec();
    let mut offsets = Vec::new();
    for (number, object) in (1..).zip(objects) {
        offsets.push(bytes.len());
        bytes.extend(format!("{number} 0 obj\n").bytes());
        bytes.extend(object);
        bytes.extend(b"\nendobj\n");
    }
    let start = bytes.len();
    bytes.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for offset in offsets {
        bytes.extend(format!("{offset:010} 00000 n \n").bytes());
    }
    let trailer = format!(
        "trailer\n<< /Size {} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n",
        objects.len() + 1
    );
    bytes.extend(trailer.bytes());
    bytes
}

fn object(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn stream(dictionary: &str, content: &[u8]) -> Vec<u8> {
    let head = format!("<< {dictionary} /Length {} >>\nstream\n", content.len());
    [head.as_bytes(), content, b"\nendstream"].concat()
}

const CATALOG: &str = "<< /Type /Catalog /Pages 2 0 R >>";
const PAGES: &str = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>";

fn page_with(resources: &str, content: Vec<u8>, more: &[Vec<u8>]) -> Vec<u8> {
    let page = format!(
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << {resources} >> >>"
    );
    let mut objects = vec![object(CATALOG), object(PAGES), object(&page), content];
    objects.extend_from_slice(more);
    pdf(&objects)
}

fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bad_pdfs() -> Vec<Case> {
    let good = data("ru-chromium.pdf");
    let half = good[..good.len() / 2].to_vec();
    let no_pages = [
        object(CATALOG),
        object("<< /Type /Pages /Kids [] /Count 0 >>"),
    ];
    let own_parent = [
        object(CATALOG),
        object("<< /Type /Pages /Kids [2 0 R] /Count 1 >>"),
    ];
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let calls_itself = stream(
        "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >>",
        b"/X Do /X Do /X Do",
    );
    vec![
        case("zero.pdf", "", Rejection::Empty),
        case("header.pdf", "%PDF-1.7\n", Rejection::Unreadable),
        case("half.pdf", half, Rejection::Unreadable),
        case(
            "noise.pdf",
            [b"%PDF-1.7\n".to_vec(), noise(100_000)].concat(),
            Rejection::Unreadable,
        ),
        case("password.pdf", data("password.pdf"), Rejection::Password),
        case("scan.pdf", data("scan.pdf"), Rejection::OcrNeeded),
        case("no-pages.pdf", pdf(&no_pages), Rejection::Empty),
        case("own-parent.pdf", pdf(&own_parent), Rejection::Empty),
        case(
            "blank-page.pdf",
            page_with("", stream("", b""), &[]),
            Rejection::Empty,
        ),
        case(
            "deep.pdf",
            page_with("", stream("", deep.as_bytes()), &[]),
            Rejection::Empty,
        ),
        case(
            "deep-object.pdf",
            pdf(&[object(CATALOG), object(PAGES), object(&deep)]),
            Rejection::Empty,
        ),
        case(
            "calls-itself.pdf",
            page_with(
                "/XObject << /X 5 0 R >>",
                stream("", b"/X Do"),
                &[calls_itself],
            ),
            Rejection::Empty,
        ),
        case(
            "picture.pdf",
            b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01".to_vec(),
            Rejection::TypeMismatch,
        ),
        case("letter.pdf", "Уважаемые клиенты!", Rejection::TypeMismatch),
        case("word.pdf", data("ru-word.docx"), Rejection::TypeMismatch),
    ]
}

fn billion_laughs() -> String {
    let mut entities = r#"<!ENTITY e0 "ха">"#.to_owned();
    for level in 1..30 {
        let before = format!("&e{};", level - 1).repeat(10);
        entities.push_str(&format!(r#"<!ENTITY e{level} "{before}">"#));
    }
    format!(
        r#"<?xml version="1.0"?><!DOCTYPE d [{entities}]>{}"#,
        document_xml("<w:p><w:r><w:t>&e29;</w:t></w:r></w:p>")
            .split_once("?>")
            .unwrap()
            .1
    )
}

/// An archive whose entry says that it unpacks to a few bytes.
fn lying_archive() -> Vec<u8> {
    let zeros = vec![b' '; 5 << 20];
    let mut bytes = archive([
        ("[Content_Types].xml", b"<Types/>".as_slice()),
        ("word/document.xml", zeros.as_slice()),
    ]);
    let real = u32::try_from(zeros.len()).unwrap().to_le_bytes();
    let at: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, four)| *four == real)
        .map(|(at, _)| at)
        .collect();
    for at in at {
        bytes[at..at + 4].copy_from_slice(&10_u32.to_le_bytes());
    }
    bytes
}

fn encrypted_archive() -> Vec<u8> {
    let mut bytes = docx(&document_xml(""));
    // The lowest bit of the general purpose flags: six bytes into a local header, eight into a
    // central one.
    for (signature, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let at: Vec<usize> = bytes
            .windows(4)
            .enumerate()
            .filter(|(_, four)| four == signature)
            .map(|(at, _)| at)
            .collect();
        for at in at {
            bytes[at + flags] |= 1;
        }
    }
    bytes
}

fn archive_of_many() -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for name in [
        "[Content_Types].xml".to_owned(),
        "word/document.xml".to_owned(),
    ]
    .into_iter()
    .chain((0..2_000).map(|n| format!("x{n}")))
    {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn bad_word() -> Vec<Case> {
    let good = data("ru-word.docx");
    let half = good[..good.len() / 2].to_vec();
    let zeros = vec![0_u8; 5 << 20];
    let bomb = archive([
        ("[Content_Types].xml", b"<Types/>".as_slice()),
        ("word/document.xml", zeros.as_slice()),
    ]);
    let latin1 = archive([
        ("[Content_Types].xml", b"<Types/>".as_slice()),
        ("word/document.xml", b"<a>\xff\xfe</a>".as_slice()),
    ]);
    let no_body = archive([("[Content_Types].xml", b"<Types/>".as_slice())]);
    let mut old = vec![0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
    old.resize(4096, 0);
    vec![
        case("zero.docx", "", Rejection::Empty),
        case("half.docx", half, Rejection::Unreadable),
        case("tail.docx", good[200..].to_vec(), Rejection::TypeMismatch),
        case("password.docx", data("password.docx"), Rejection::Password),
        case("old.docx", old, Rejection::TypeMismatch),
        case(
            "encrypted-entries.docx",
            encrypted_archive(),
            Rejection::Password,
        ),
        case(
            "plain-zip.docx",
            archive([("a.txt", b"hello".as_slice())]),
            Rejection::TypeMismatch,
        ),
        case("no-body.docx", no_body, Rejection::TypeMismatch),
        case("sheet.docx", data("ru-price.xlsx"), Rejection::TypeMismatch),
        case("pdf.docx", data("ru-chromium.pdf"), Rejection::TypeMismatch),
        case("laughs.docx", docx(&billion_laughs()), Rejection::Bomb),
        case("bomb.docx", bomb, Rejection::Bomb),
        case("liar.docx", lying_archive(), Rejection::Unreadable),
        case("many.docx", archive_of_many(), Rejection::Bomb),
        case(
            "unclosed.docx",
            docx("<w:document><w:body><w:p></w:body>"),
            Rejection::Unreadable,
        ),
        case("not-utf8.docx", latin1, Rejection::Unreadable),
        case(
            "empty-body.docx",
            docx(&document_xml("<w:p/>")),
            Rejection::Empty,
        ),
        case(
            "deep.docx",
            docx(&document_xml(&"<w:tbl><w:tr><w:tc>".repeat(20_000))),
            Rejection::Unreadable,
        ),
    ]
}

fn bad_sheets() -> Vec<Case> {
    let good = data("ru-price.xlsx");
    let half = good[..good.len() / 2].to_vec();
    let no_relations = archive([
        ("[Content_Types].xml", b"<Types/>".as_slice()),
        ("xl/workbook.xml", WORKBOOK.as_bytes()),
    ]);
    let spaces = " ".repeat(5 << 20);
    vec![
        case("half.xlsx", half, Rejection::Unreadable),
        case("word.xlsx", data("ru-word.docx"), Rejection::TypeMismatch),
        case("no-relations.xlsx", no_relations, Rejection::Unreadable),
        case(
            "no-string.xlsx",
            xlsx(r#"<row r="1"><c r="A1" t="s"><v>7</v></c></row>"#),
            Rejection::Unreadable,
        ),
        case(
            "bad-reference.xlsx",
            xlsx(r#"<row r="1"><c r="11A"><v>7</v></c></row>"#),
            Rejection::Unreadable,
        ),
        case("no-cells.xlsx", xlsx(""), Rejection::Empty),
        case("bomb.xlsx", xlsx(&spaces), Rejection::Bomb),
    ]
}

fn bad_texts() -> Vec<Case> {
    vec![
        case("spaces.txt", " \r\n\t \n", Rejection::Empty),
        case("mark.txt", "\u{feff}", Rejection::Empty),
        case("punctuation.txt", "—— … ——\n***", Rejection::Empty),
        case("noise.txt", noise(50_000), Rejection::TypeMismatch),
        case("zeros.csv", vec![0; 5_000], Rejection::TypeMismatch),
        case(
            "program.txt",
            [
                b"MZ\x90\0\x03\0\0\0\x04\0\0\0\xff\xff\0\0".to_vec(),
                noise(2_000),
            ]
            .concat(),
            Rejection::TypeMismatch,
        ),
        case(
            "page.txt",
            "<!DOCTYPE html><html><p>x",
            Rejection::TypeMismatch,
        ),
        case("rich.txt", r"{\rtf1\ansi hello}", Rejection::TypeMismatch),
        case("pdf.md", data("ru-chromium.pdf"), Rejection::TypeMismatch),
        case("no-tags.html", "просто текст", Rejection::TypeMismatch),
        case(
            "only-script.html",
            "<html><script>alert('текст')</script><style>p{}</style>",
            Rejection::Empty,
        ),
        case(
            "only-markup.md",
            "---\n\n***\n\n![](a.png)\n",
            Rejection::Empty,
        ),
        case(
            "archive.zip",
            archive([("a", b"b".as_slice())]),
            Rejection::TypeUnsupported,
        ),
        case("program.exe", "MZ", Rejection::TypeUnsupported),
        case("noextension", "hello", Rejection::TypeUnsupported),
        case(
            "slides.pptx",
            archive([("ppt/presentation.xml", b"<p/>".as_slice())]),
            Rejection::TypeUnsupported,
        ),
    ]
}

async fn reason(extractor: &Extractor, case: &Case) -> Option<Rejection> {
    read(extractor, case.name, &case.bytes).await.err()
}

#[tokio::test]
async fn each_bad_file_gets_its_reason_and_the_parent_goes_on() {
    let extractor = extractor(Limits::default());
    let cases: Vec<Case> = [bad_pdfs(), bad_word(), bad_sheets(), bad_texts()]
        .into_iter()
        .flatten()
        .collect();
    assert!(cases.len() >= 40);
    let mut wrong = Vec::new();
    for case in &cases {
        let found = reason(&extractor, case).await;
        if found != Some(case.reason) {
            wrong.push(format!("{}: {found:?}, not {:?}", case.name, case.reason));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    let document: Document = read(&extractor, "a.pdf", &data("ru-chromium.pdf"))
        .await
        .unwrap();
    assert_eq!(document.pages, Some(2));
}

/// Tags nested so deep that building the tree takes quadratic time.
fn slow_page() -> Vec<u8> {
    format!("<p>x{}", "<div><b>".repeat(400_000)).into_bytes()
}

#[tokio::test]
async fn processor_time_is_limited() {
    let limits = Limits {
        cpu_seconds: 1,
        ..Limits::default()
    };
    let outcome = read(&extractor(limits), "slow.html", &slow_page()).await;
    assert_eq!(outcome, Err(Rejection::Timeout));
}

#[tokio::test]
async fn wall_time_is_limited() {
    let limits = Limits {
        wall: Duration::from_millis(50),
        ..Limits::default()
    };
    let outcome = read(&extractor(limits), "slow.html", &slow_page()).await;
    assert_eq!(outcome, Err(Rejection::Timeout));
}

#[tokio::test]
async fn memory_is_limited() {
    let limits = Limits {
        memory_bytes: 160 << 20,
        ..Limits::default()
    };
    let extractor = extractor(limits);
    let twice_deflated = deflate(&deflate(&vec![b' '; 256 << 20]));
    let bomb = page_with(
        "",
        stream("/Filter [/FlateDecode /FlateDecode]", &twice_deflated),
        &[],
    );
    assert_eq!(
        read(&extractor, "bomb.pdf", &bomb).await,
        Err(Rejection::TooBig)
    );
    let text = "слово ".repeat(4 << 20);
    assert_eq!(
        read(&extractor, "a.txt", text.as_bytes()).await,
        Err(Rejection::TooBig)
    );
    assert!(read(&extractor, "a.txt", "слово".as_bytes()).await.is_ok());
}

#[tokio::test]
async fn too_big_is_said_before_anything_is_read() {
    let request = Request {
        file_name: "a.txt".into(),
        document_type: DocumentType::Text,
        charset: None,
        length: MAX_DOCUMENT_BYTES + 1,
    };
    let nobody = Extractor::new("/nonexistent".into(), 1, Limits::default());
    let outcome = nobody.extract(&request, tokio::io::empty()).await;
    assert!(matches!(
        outcome,
        Err(ExtractError::Rejected(Rejection::TooBig))
    ));
}

#[tokio::test]
async fn the_machines_fault_is_not_the_documents() {
    let request = |length| Request {
        file_name: "a.txt".into(),
        document_type: DocumentType::Text,
        charset: None,
        length,
    };
    let nobody = Extractor::new("/nonexistent".into(), 1, Limits::default());
    let outcome = nobody.extract(&request(5), &b"hello"[..]).await;
    assert!(matches!(outcome, Err(ExtractError::Failed(_))));
    let outcome = extractor(Limits::default())
        .extract(&request(500), &b"cut off in storage"[..])
        .await;
    assert!(matches!(outcome, Err(ExtractError::Failed(_))));
}
