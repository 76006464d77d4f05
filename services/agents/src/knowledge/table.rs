//! Rows of tables as text that still makes sense alone: `Название: Диван; Цена: 45 000`.
//!
//! A passage is read without the rows above it, so each row carries its headers.

use super::document::Builder;
use super::rejection::Rejection;

/// Rows looked at before deciding which one is the header.
const SAMPLE_ROWS: usize = 20;
/// Longer cells are contents, not headers.
const MAX_HEADER_CHARS: usize = 80;
/// The level of the headings that a sheet's group rows ("Sofas") open: under any real heading.
const GROUP_LEVEL: u8 = 7;

/// What is known about the first row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// The format says that the first row is the header.
    First,
    /// Nothing is said, and the table may be a layout of a page: a header is believed from three
    /// columns on, two columns are name and value.
    Guess,
    /// A sheet: a header is looked for among the first rows, lonely cells are group headings.
    Sheet,
}

/// Turns rows into blocks as they come.
#[derive(Debug)]
pub struct TableWriter {
    mode: Header,
    sample: Vec<Vec<String>>,
    layout: Option<Layout>,
}

#[derive(Debug)]
struct Layout {
    headers: Vec<String>,
    width: usize,
}

impl TableWriter {
    /// A table whose first row is known to be, or guessed to be, the header.
    pub fn new(mode: Header) -> Self {
        Self {
            mode,
            sample: Vec::new(),
            layout: None,
        }
    }

    /// Takes one row.
    pub fn row(&mut self, row: Vec<String>, builder: &mut Builder) -> Result<(), Rejection> {
        if row.iter().all(|cell| cell.trim().is_empty()) {
            return Ok(());
        }
        if let Some(layout) = &self.layout {
            return self.write(layout, &row, builder);
        }
        self.sample.push(row);
        if self.sample.len() < SAMPLE_ROWS {
            return Ok(());
        }
        self.decide(builder)
    }

    /// Writes what is still held back.
    pub fn finish(mut self, builder: &mut Builder) -> Result<(), Rejection> {
        if self.layout.is_none() {
            self.decide(builder)
        } else {
            Ok(())
        }
    }

    fn decide(&mut self, builder: &mut Builder) -> Result<(), Rejection> {
        let sample = std::mem::take(&mut self.sample);
        let width = sample.iter().map(|row| filled(row)).max().unwrap_or(0);
        let header = self.find_header(&sample, width);
        for row in &sample[..header.unwrap_or(0)] {
            builder.paragraph(&joined(row, " "))?;
        }
        let headers = header.map_or_else(Vec::new, |at| sample[at].clone());
        let layout = Layout { headers, width };
        for row in &sample[header.map_or(0, |at| at + 1)..] {
            self.write(&layout, row, builder)?;
        }
        if let (Some(at), true) = (header, sample.len() == header.map_or(0, |at| at + 1)) {
            // A header with no rows under it is still text.
            builder.table_row(&joined(&sample[at], " | "))?;
        }
        self.layout = Some(layout);
        Ok(())
    }

    fn find_header(&self, sample: &[Vec<String>], width: usize) -> Option<usize> {
        match self.mode {
            Header::First => (!sample.is_empty()).then_some(0),
            Header::Guess => {
                (width >= 3 && sample.len() > 1 && is_header(&sample[0], width)).then_some(0)
            }
            Header::Sheet => (width >= 2)
                .then(|| sample.iter().position(|row| is_header(row, width)))
                .flatten()
                .filter(|at| at + 1 < sample.len()),
        }
    }

    fn write(
        &self,
        layout: &Layout,
        row: &[String],
        builder: &mut Builder,
    ) -> Result<(), Rejection> {
        let cells = filled(row);
        if self.mode == Header::Sheet && cells == 1 && layout.width >= 3 {
            let text = joined(row, " ");
            if !is_number(&text) && text.chars().count() <= MAX_HEADER_CHARS {
                return builder.heading(GROUP_LEVEL, &text);
            }
            return builder.paragraph(&text);
        }
        if layout.headers.is_empty() {
            let separator = if layout.width == 2 && self.mode == Header::Guess {
                ": "
            } else {
                " | "
            };
            return match layout.width {
                0 | 1 => builder.paragraph(&joined(row, " ")),
                _ => builder.table_row(&joined(row, separator)),
            };
        }
        builder.table_row(&with_headers(&layout.headers, row))
    }
}

fn with_headers(headers: &[String], row: &[String]) -> String {
    let mut text = String::new();
    for (at, cell) in row.iter().enumerate() {
        let cell = one_line(cell);
        if cell.is_empty() {
            continue;
        }
        if !text.is_empty() {
            text.push_str("; ");
        }
        let header = headers
            .get(at)
            .map(|header| one_line(header))
            .unwrap_or_default();
        if !header.is_empty() {
            text.push_str(header.trim_end_matches(':'));
            text.push_str(": ");
        }
        text.push_str(&cell);
    }
    text
}

fn joined(row: &[String], separator: &str) -> String {
    let cells: Vec<String> = row
        .iter()
        .map(|cell| one_line(cell))
        .filter(|cell| !cell.is_empty())
        .collect();
    cells.join(separator)
}

fn one_line(cell: &str) -> String {
    cell.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn filled(row: &[String]) -> usize {
    row.iter().filter(|cell| !cell.trim().is_empty()).count()
}

/// Nearly as wide as the table, all words, no two the same.
fn is_header(row: &[String], width: usize) -> bool {
    let cells: Vec<&str> = row
        .iter()
        .map(|cell| cell.trim())
        .filter(|cell| !cell.is_empty())
        .collect();
    let mut distinct = cells.clone();
    distinct.sort_unstable();
    distinct.dedup();
    cells.len() >= 2
        && cells.len() * 10 >= width * 6
        && distinct.len() == cells.len()
        && cells
            .iter()
            .all(|cell| cell.chars().count() <= MAX_HEADER_CHARS && !is_number(cell))
}

/// A quantity, a price or a date: digits and signs with at most a unit of three letters.
fn is_number(cell: &str) -> bool {
    let digits = cell.chars().filter(char::is_ascii_digit).count();
    let letters = cell.chars().filter(|char| char.is_alphabetic()).count();
    digits > 0 && letters <= 3 && digits >= letters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::document::BlockKind;

    fn blocks(mode: Header, rows: &[&[&str]]) -> Vec<(BlockKind, String)> {
        let mut builder = Builder::default();
        let mut table = TableWriter::new(mode);
        for row in rows {
            table
                .row(
                    row.iter().map(|cell| (*cell).to_owned()).collect(),
                    &mut builder,
                )
                .unwrap();
        }
        table.finish(&mut builder).unwrap();
        let document = builder.finish("t").unwrap();
        document
            .blocks
            .into_iter()
            .map(|block| (block.kind, block.text))
            .collect()
    }

    #[test]
    fn a_price_list_keeps_its_title_its_groups_and_its_headers() {
        let found = blocks(
            Header::Sheet,
            &[
                &["Прайс-лист на мебель", "", ""],
                &["", "", ""],
                &["Артикул", "Название", "Цена, ₽"],
                &["Диваны", "", ""],
                &["P-40", "Диван  «Осло»", "45 000"],
                &["P-41", "Диван «Берген»", ""],
            ],
        );
        assert_eq!(
            found,
            [
                (BlockKind::Paragraph, "Прайс-лист на мебель".to_owned()),
                (BlockKind::Heading, "Диваны".to_owned()),
                (
                    BlockKind::TableRow,
                    "Артикул: P-40; Название: Диван «Осло»; Цена, ₽: 45 000".to_owned()
                ),
                (
                    BlockKind::TableRow,
                    "Артикул: P-41; Название: Диван «Берген»".to_owned()
                ),
            ]
        );
    }

    #[test]
    fn a_sheet_of_numbers_has_no_header() {
        let found = blocks(Header::Sheet, &[&["1", "2"], &["3", "4"]]);
        assert_eq!(found[0].1, "1 | 2");
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn two_columns_of_a_page_are_name_and_value() {
        let found = blocks(
            Header::Guess,
            &[&["Телефон", "+7 495 000-00-00"], &["Адрес", "Тверь"]],
        );
        assert_eq!(found[0].1, "Телефон: +7 495 000-00-00");
        assert_eq!(found[1].1, "Адрес: Тверь");
    }

    #[test]
    fn a_declared_header_holds_whatever_is_in_it() {
        let found = blocks(Header::First, &[&["2025", "2026"], &["10", "12"]]);
        assert_eq!(
            found,
            [(BlockKind::TableRow, "2025: 10; 2026: 12".to_owned())]
        );
        let found = blocks(Header::First, &[&["Только", "заголовок"]]);
        assert_eq!(
            found,
            [(BlockKind::TableRow, "Только | заголовок".to_owned())]
        );
    }

    #[test]
    fn rows_beyond_the_sample_get_the_same_headers() {
        let rows: Vec<Vec<String>> = (0..50)
            .map(|n| vec![format!("Товар {n}"), format!("{n}00")])
            .collect();
        let mut builder = Builder::default();
        let mut table = TableWriter::new(Header::Sheet);
        table
            .row(vec!["Товар".into(), "Цена".into()], &mut builder)
            .unwrap();
        for row in rows {
            table.row(row, &mut builder).unwrap();
        }
        table.finish(&mut builder).unwrap();
        let document = builder.finish("t").unwrap();
        assert_eq!(document.blocks.len(), 50);
        assert_eq!(document.blocks[49].text, "Товар: Товар 49; Цена: 4900");
    }
}
