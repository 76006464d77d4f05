//! Separated values with whichever separator the file uses.

use csv::ReaderBuilder;

use crate::knowledge::document::Builder;
use crate::knowledge::rejection::Rejection;
use crate::knowledge::table::{Header, TableWriter};

/// In the order of preference when two fit equally well. Semicolons first: spreadsheets write them
/// in locales where the comma is the decimal point.
const DELIMITERS: [u8; 4] = [b';', b'\t', b',', b'|'];
const SAMPLE_RECORDS: usize = 50;

pub(super) fn extract(text: &str, builder: &mut Builder) -> Result<(), Rejection> {
    let (declared, text) = separator_line(text);
    let mut reader = reader(text, declared.unwrap_or_else(|| guess_delimiter(text)));
    let mut table = TableWriter::new(Header::Sheet);
    for record in reader.records() {
        let record = record.map_err(|_| Rejection::Unreadable)?;
        table.row(record.iter().map(str::to_owned).collect(), builder)?;
    }
    table.finish(builder)
}

/// Excel's own first line, `sep=;`.
pub(crate) fn separator_line(text: &str) -> (Option<u8>, &str) {
    let Some(rest) = text.strip_prefix("sep=") else {
        return (None, text);
    };
    let (line, rest) = rest.split_once('\n').unwrap_or((rest, ""));
    match line.trim_end_matches('\r').as_bytes() {
        [delimiter] => (Some(*delimiter), rest),
        _ => (None, text),
    }
}

/// The delimiter that divides most of the first records into the same number (over one) of fields.
pub(crate) fn guess_delimiter(text: &str) -> u8 {
    let mut best = (0, b',');
    for delimiter in DELIMITERS {
        let score = consistency(text, delimiter);
        if score > best.0 {
            best = (score, delimiter);
        }
    }
    best.1
}

/// Records of the commonest width, doubled, plus how wide that is, so that width settles ties.
fn consistency(text: &str, delimiter: u8) -> usize {
    let mut reader = reader(text, delimiter);
    let widths: Vec<usize> = reader
        .records()
        .take(SAMPLE_RECORDS)
        .map_while(Result::ok)
        .map(|record| record.len())
        .collect();
    widths
        .iter()
        .filter(|width| **width > 1)
        .map(|width| widths.iter().filter(|other| *other == width).count() * 2 + (*width).min(40))
        .max()
        .unwrap_or(0)
}

pub(crate) fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &str) -> Vec<String> {
        let mut builder = Builder::default();
        extract(text, &mut builder).unwrap();
        builder
            .finish("t.csv")
            .unwrap()
            .blocks
            .into_iter()
            .map(|block| block.text)
            .collect()
    }

    #[test]
    fn every_delimiter_is_found() {
        for delimiter in [";", ",", "\t", "|"] {
            let text = ["Товар;Цена;Ед.", "Диван;45000;шт", "Кресло;12500;шт"]
                .join("\n")
                .replace(';', delimiter);
            assert_eq!(
                rows(&text)[0],
                "Товар: Диван; Цена: 45000; Ед.: шт",
                "{delimiter:?}"
            );
        }
    }

    #[test]
    fn decimal_commas_do_not_win_over_semicolons() {
        assert_eq!(
            rows("Товар;Цена\nДиван;45000,50\nКресло;12500,00\n"),
            [
                "Товар: Диван; Цена: 45000,50",
                "Товар: Кресло; Цена: 12500,00"
            ]
        );
    }

    #[test]
    fn quotes_and_line_breaks_inside_cells() {
        assert_eq!(
            rows("sep=,\r\nname,about\r\n\"Sofa, large\",\"soft\nand \"\"warm\"\"\"\r\n"),
            ["name: Sofa, large; about: soft and \"warm\""]
        );
    }

    #[test]
    fn uneven_rows_are_kept() {
        assert_eq!(rows("a,b,c\n1,2,3\n4,5\n6,7,8,9\n").len(), 3);
    }
}
