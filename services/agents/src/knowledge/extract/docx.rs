//! Word documents (ECMA-376 WordprocessingML): the body's paragraphs, lists and tables.

use std::collections::HashMap;

use quick_xml::Reader;
use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};

use crate::knowledge::archive::Archive;
use crate::knowledge::document::Builder;
use crate::knowledge::rejection::Rejection;
use crate::knowledge::table::{Header, TableWriter};

/// The outline level of text that is no heading (ECMA-376 part 1, 17.3.1.20).
const BODY_TEXT: u8 = 9;

pub(super) fn extract(bytes: &[u8], builder: &mut Builder) -> Result<(), Rejection> {
    let mut archive = Archive::open(bytes)?;
    archive.measure()?;
    let styles = match archive.read("word/styles.xml")? {
        Some(xml) => styles(&xml)?,
        None => HashMap::new(),
    };
    let body = archive
        .read("word/document.xml")?
        .ok_or(Rejection::Unreadable)?;
    let mut walk = Walk {
        builder,
        styles,
        paragraphs: Vec::new(),
        tables: Vec::new(),
        skipped: 0,
        in_text: false,
    };
    each_event(&body, |event| walk.event(event))?;
    if let Some(core) = archive.read("docProps/core.xml")?
        && let Some(title) = core_title(&core)?
    {
        builder.title(&title);
    }
    Ok(())
}

/// Calls `visit` with every event up to the end. A document type declaration has no place in
/// Office documents (ECMA-376 part 2, 8.1.1) and is how entities are made to explode.
fn each_event(
    xml: &[u8],
    mut visit: impl FnMut(&Event<'_>) -> Result<(), Rejection>,
) -> Result<(), Rejection> {
    let text = std::str::from_utf8(xml).map_err(|_| Rejection::Unreadable)?;
    let mut reader = Reader::from_str(text);
    loop {
        match reader.read_event().map_err(|_| Rejection::Unreadable)? {
            Event::DocType(_) => return Err(Rejection::Bomb),
            Event::Eof => return Ok(()),
            event => visit(&event)?,
        }
    }
}

/// What a style makes of a paragraph.
#[derive(Debug, Clone, Copy, Default)]
struct Style {
    level: Option<u8>,
    is_item: bool,
}

/// Styles by id. Ids are translated with Word's language, names are not.
fn styles(xml: &[u8]) -> Result<HashMap<String, Style>, Rejection> {
    let mut styles: HashMap<String, Style> = HashMap::new();
    let mut current: Option<String> = None;
    each_event(xml, |event| {
        let (Event::Start(tag) | Event::Empty(tag)) = event else {
            return Ok(());
        };
        if tag.local_name().as_ref() == "style" {
            current = attribute(tag, "styleId");
        }
        let Some(id) = &current else {
            return Ok(());
        };
        match tag.local_name().as_ref() {
            "name" => {
                let name = attribute(tag, "val").unwrap_or_default().to_lowercase();
                let level = match name.as_str() {
                    // Over every heading.
                    "title" => Some(0),
                    _ => name
                        .strip_prefix("heading ")
                        .and_then(|level| level.parse().ok()),
                };
                styles.entry(id.clone()).or_default().level = level;
            }
            "outlineLvl" => {
                let level = attribute(tag, "val").and_then(|level| level.parse::<u8>().ok());
                let style = styles.entry(id.clone()).or_default();
                style.level = style.level.or(level
                    .filter(|level| *level < BODY_TEXT)
                    .map(|level| level + 1));
            }
            "numPr" => styles.entry(id.clone()).or_default().is_item = true,
            _ => {}
        }
        Ok(())
    })?;
    Ok(styles)
}

fn core_title(xml: &[u8]) -> Result<Option<String>, Rejection> {
    let mut title = None;
    let mut inside = false;
    each_event(xml, |event| {
        match event {
            Event::Start(tag) => inside = tag.local_name().as_ref() == "title",
            Event::End(_) => inside = false,
            Event::Text(text) if inside => title = Some(text.xml10_content().into_owned()),
            _ => {}
        }
        Ok(())
    })?;
    Ok(title.filter(|title| !title.trim().is_empty()))
}

/// The value of an attribute whatever its namespace prefix.
fn attribute(tag: &BytesStart<'_>, name: &str) -> Option<String> {
    tag.attributes()
        .filter_map(Result::ok)
        .find(|attribute| attribute.key.local_name().as_ref() == name)
        .and_then(|attribute| {
            attribute
                .normalized_value(XmlVersion::default())
                .ok()
                .map(|value| value.into_owned())
        })
}

struct Walk<'a> {
    builder: &'a mut Builder,
    styles: HashMap<String, Style>,
    /// More than one when a text box stands inside a paragraph.
    paragraphs: Vec<Paragraph>,
    tables: Vec<Table>,
    /// Depth inside an element that repeats or has lost its text: fallbacks, moved and deleted text.
    skipped: usize,
    in_text: bool,
}

#[derive(Default)]
struct Paragraph {
    text: String,
    level: Option<u8>,
    is_item: bool,
}

#[derive(Default)]
struct Table {
    has_header: bool,
    rows: Vec<Vec<String>>,
    row: Vec<String>,
    cell: String,
}

impl Walk<'_> {
    fn event(&mut self, event: &Event<'_>) -> Result<(), Rejection> {
        match event {
            Event::Start(tag) => {
                if self.skipped > 0 || is_skipped(tag.local_name().as_ref()) {
                    self.skipped += 1;
                } else {
                    self.open(tag);
                }
                Ok(())
            }
            Event::Empty(tag) if self.skipped == 0 => {
                self.open(tag);
                self.close(tag.local_name().as_ref())
            }
            Event::End(_) if self.skipped > 0 => {
                self.skipped -= 1;
                Ok(())
            }
            Event::End(tag) => self.close(tag.local_name().as_ref()),
            Event::Text(text) if self.in_text => {
                self.write(&text.xml10_content());
                Ok(())
            }
            Event::GeneralRef(reference) if self.in_text => {
                self.write(&resolve(reference));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn open(&mut self, tag: &BytesStart<'_>) {
        match tag.local_name().as_ref() {
            "p" => self.paragraphs.push(Paragraph::default()),
            "t" => self.in_text = true,
            "tab" => self.write(" "),
            "br" | "cr" => self.write("\n"),
            "noBreakHyphen" => self.write("-"),
            "pStyle" => self.style(attribute(tag, "val")),
            "outlineLvl" => self.outline(attribute(tag, "val")),
            "numPr" => {
                if let Some(paragraph) = self.paragraphs.last_mut() {
                    paragraph.is_item = true;
                }
            }
            "tbl" => self.tables.push(Table::default()),
            "tblHeader" => {
                if let Some(table) = self.tables.last_mut() {
                    table.has_header |= table.rows.is_empty();
                }
            }
            _ => {}
        }
    }

    fn close(&mut self, name: &str) -> Result<(), Rejection> {
        match name {
            "t" => self.in_text = false,
            "p" => return self.paragraph(),
            "tc" => {
                if let Some(table) = self.tables.last_mut() {
                    let cell = std::mem::take(&mut table.cell);
                    table.row.push(cell);
                }
            }
            "tr" => {
                if let Some(table) = self.tables.last_mut() {
                    let row = std::mem::take(&mut table.row);
                    table.rows.push(row);
                }
            }
            "tbl" => return self.table(),
            _ => {}
        }
        Ok(())
    }

    fn write(&mut self, text: &str) {
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.text.push_str(text);
        }
    }

    fn style(&mut self, id: Option<String>) {
        let style = id
            .and_then(|id| self.styles.get(&id).copied())
            .unwrap_or_default();
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.level = paragraph.level.or(style.level);
            paragraph.is_item |= style.is_item;
        }
    }

    fn outline(&mut self, level: Option<String>) {
        let level = level
            .and_then(|level| level.parse::<u8>().ok())
            .filter(|level| *level < BODY_TEXT);
        if let Some(paragraph) = self.paragraphs.last_mut() {
            paragraph.level = level.map(|level| level + 1).or(paragraph.level);
        }
    }

    fn paragraph(&mut self) -> Result<(), Rejection> {
        let Some(paragraph) = self.paragraphs.pop() else {
            return Ok(());
        };
        if let Some(table) = self.tables.last_mut() {
            table.cell.push_str(&paragraph.text);
            table.cell.push(' ');
            return Ok(());
        }
        match paragraph.level {
            Some(level) => self.builder.heading(level, &paragraph.text),
            None if paragraph.is_item => self.builder.list_item(&paragraph.text),
            None => self.builder.paragraph(&paragraph.text),
        }
    }

    fn table(&mut self) -> Result<(), Rejection> {
        let Some(table) = self.tables.pop() else {
            return Ok(());
        };
        if let Some(outer) = self.tables.last_mut() {
            // A table in a cell becomes part of the cell's text.
            for cell in table.rows.into_iter().flatten() {
                outer.cell.push_str(&cell);
            }
            return Ok(());
        }
        let mut writer = TableWriter::new(if table.has_header {
            Header::First
        } else {
            Header::Guess
        });
        for row in table.rows {
            writer.row(row, self.builder)?;
        }
        writer.finish(self.builder)
    }
}

/// `AlternateContent` gives the same text twice; moved and deleted text is struck out; field codes
/// and ruby are not read.
fn is_skipped(name: &str) -> bool {
    matches!(name, "Fallback" | "del" | "moveFrom" | "instrText" | "rt")
}

/// The five entities of XML and character numbers; any other would need a declaration, which is
/// refused, and stays as it is written.
fn resolve(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(char)) = reference.resolve_char_ref() {
        return char.to_string();
    }
    let name: &str = reference;
    match quick_xml::escape::resolve_predefined_entity(name) {
        Some(text) => text.to_owned(),
        None => format!("&{name};"),
    }
}
