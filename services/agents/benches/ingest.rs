//! How much text a second ingestion reads, cuts and stems:
//! `cargo bench -p t11-agents --bench ingest`.
//!
//! The figure is of the text that comes out, not of the files: markup and fonts weigh nothing here.
//! Extraction is measured in this process; what the confined child adds is measured for itself.
//! Prints one line of JSON for each measurement.

use std::io::{Cursor, Write as _};
use std::time::Instant;

use t11_agents::knowledge::document::Document;
use t11_agents::knowledge::extractor::Limits;
use t11_agents::knowledge::sandbox::Request;
use t11_agents::knowledge::sniff::DocumentType;
use t11_agents::knowledge::stem::Stemming;
use t11_agents::knowledge::terms::{Terms, encode_terms};
use t11_agents::knowledge::{Extractor, chunk, extract};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Unoptimised, the whole would take minutes and measure nothing.
const SECTIONS: usize = if cfg!(debug_assertions) { 100 } else { 2_000 };
const PARAGRAPH: &str = "Мебельная фабрика доставляет заказы по Москве и области собственным транспортом. \
    Доставка по городу бесплатна при заказе от 30 000 ₽, при меньшей сумме она стоит 1 500 ₽. \
    Подъём на этаж оплачивается отдельно: 300 ₽ за этаж без лифта. The warranty on the frame is five years, \
    on the mechanism two years; unused items can be returned within fourteen days. \
    Изделия со склада привозят на следующий рабочий день, мебель на заказ делают до 35 рабочих дней.";

type Bench = Result<(), Box<dyn std::error::Error>>;

fn main() -> Bench {
    let pdf = std::fs::read("tests/data/ru-chromium.pdf")?;
    let samples = [
        ("a.txt", text().into_bytes()),
        ("a.md", markdown().into_bytes()),
        ("a.html", html().into_bytes()),
        ("a.csv", csv().into_bytes()),
        ("a.docx", docx()?),
        ("a.pdf", pdf),
    ];
    let (mut all_bytes, mut all_seconds) = (0, 0.0);
    for (name, bytes) in &samples {
        let (text, seconds) = ingest(name, bytes)?;
        all_bytes += text;
        all_seconds += seconds;
        report(&format!("ingest {name}"), text, seconds)?;
    }
    report("ingest all", all_bytes, all_seconds)?;
    child(&samples[0].1)
}

/// Bytes of text and seconds, of as many rounds as take about a second.
fn ingest(name: &str, bytes: &[u8]) -> Result<(usize, f64), Box<dyn std::error::Error>> {
    let mut stemming = Stemming::default();
    let started = Instant::now();
    let mut text = 0;
    while started.elapsed().as_secs_f64() < 1.0 {
        let document = extract::extract(name, DocumentType::of_name(name)?, None, bytes)?;
        text += text_bytes(&document);
        for chunk in chunk::chunks(&document) {
            let terms = Terms::of(&mut stemming, &chunk.heading_path, &chunk.text);
            std::hint::black_box(encode_terms(&terms));
        }
    }
    Ok((text, started.elapsed().as_secs_f64()))
}

/// The same text through the child: start, pipes and JSON included.
#[tokio::main(flavor = "current_thread")]
async fn child(bytes: &[u8]) -> Bench {
    let program = env!("CARGO_BIN_EXE_t11-agents").into();
    let extractor = Extractor::new(program, 1, Limits::default());
    let request = |length| Request {
        file_name: "a.txt".to_owned(),
        document_type: DocumentType::Text,
        charset: None,
        length,
    };
    let started = Instant::now();
    let document = extractor
        .extract(&request(bytes.len() as u64), bytes)
        .await?;
    report(
        "child, large text",
        text_bytes(&document),
        started.elapsed().as_secs_f64(),
    )?;
    let started = Instant::now();
    for _ in 0..20 {
        extractor.extract(&request(5), &b"hello"[..]).await?;
    }
    let each = started.elapsed().as_secs_f64() / 20.0;
    writeln!(
        std::io::stdout(),
        "{{\"bench\": \"child, start and end\", \"ms\": {:.3}}}",
        each * 1_000.0
    )?;
    Ok(())
}

fn text_bytes(document: &Document) -> usize {
    document.blocks.iter().map(|block| block.text.len()).sum()
}

fn report(name: &str, bytes: usize, seconds: f64) -> std::io::Result<()> {
    let megabytes = bytes as f64 / 1e6;
    writeln!(
        std::io::stdout(),
        "{{\"bench\": \"{name}\", \"text_mb\": {megabytes:.3}, \"mb_per_s\": {:.3}}}",
        megabytes / seconds
    )
}

fn sections(heading: impl Fn(usize) -> String, paragraph: impl Fn(&str) -> String) -> String {
    (0..SECTIONS)
        .map(|number| heading(number) + &paragraph(PARAGRAPH))
        .collect()
}

fn text() -> String {
    sections(
        |number| format!("Раздел {number}\n\n"),
        |text| format!("{text}\n\n"),
    )
}

fn markdown() -> String {
    sections(
        |number| format!("## Раздел {number}\n\n"),
        |text| format!("{text}\n\n- первое\n- второе\n\n"),
    )
}

fn html() -> String {
    let body = sections(
        |number| format!("<h2>Раздел {number}</h2>"),
        |text| format!("<p class=\"a\">{text}</p><ul><li>раз</li></ul>"),
    );
    format!(
        "<!doctype html><html><head><meta charset=utf-8><title>Б</title></head><body>{body}</body></html>"
    )
}

fn csv() -> String {
    let rows = sections(
        |number| format!("P-{number};Диван «Осло» {number};"),
        |text| format!("\"{text}\";45 000,00\n"),
    );
    format!("Артикул;Наименование;Описание;Цена\n{rows}")
}

fn docx() -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let body = sections(
        |number| {
            format!(
                "<w:p><w:pPr><w:outlineLvl w:val=\"0\"/></w:pPr><w:r><w:t>Раздел {number}</w:t></w:r></w:p>"
            )
        },
        |text| {
            format!(
                "<w:p><w:r><w:rPr><w:b/></w:rPr><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>"
            )
        },
    );
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    // Stored: text made of one paragraph would deflate better than any document is allowed to.
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("[Content_Types].xml", stored)?;
    zip.write_all(b"<Types/>")?;
    zip.start_file("word/document.xml", stored)?;
    zip.write_all(
        format!("<w:document xmlns:w=\"w\"><w:body>{body}</w:body></w:document>").as_bytes(),
    )?;
    Ok(zip.finish()?.into_inner())
}
