//! The rows of a price list, whichever file they come in.

use std::io::Cursor;

use calamine::{DataRef, Reader as _, Xlsx, XlsxError, open_workbook_from_rs};

use crate::knowledge::archive::Archive;
use crate::knowledge::extract::{csv, xlsx};
use crate::knowledge::sniff::{self, DocumentType};
use crate::knowledge::{Rejection, charset};

/// Rows of a file; longer lists are refused rather than cut.
const MAX_ROWS: usize = 200_000;
/// Cells to the right of this are no part of a price list.
const MAX_COLUMNS: usize = 128;

/// A row of a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// As a person counts in the file, from 1.
    pub(super) number: u32,
    pub(super) cells: Vec<Cell>,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    /// The cell of a sheet that holds a number and not its spelling.
    pub(super) number: Option<f64>,
}

impl Row {
    fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| cell.text.is_empty())
    }

    /// The cell of a column; what is not there is empty.
    pub(super) fn cell(&self, column: usize) -> &Cell {
        const NONE: &Cell = &Cell {
            text: String::new(),
            number: None,
        };
        self.cells.get(column).unwrap_or(NONE)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        Self { text, number: None }
    }
}

/// The rows of the first sheet that has any, empty ones left out.
///
/// # Errors
/// What makes the file no price list at all.
pub(super) fn rows(file_name: &str, bytes: &[u8]) -> Result<Vec<Row>, Rejection> {
    let rows = match sniff::sniff(file_name, bytes)? {
        DocumentType::Csv => of_csv(bytes)?,
        DocumentType::Xlsx => of_workbook(bytes)?,
        _ => return Err(Rejection::TypeUnsupported),
    };
    if rows.is_empty() {
        return Err(Rejection::Empty);
    }
    Ok(rows)
}

fn of_csv(bytes: &[u8]) -> Result<Vec<Row>, Rejection> {
    let (text, _) = charset::decode(bytes).ok_or(Rejection::TypeMismatch)?;
    let (declared, body) = csv::separator_line(&text);
    let mut reader = csv::reader(body, declared.unwrap_or_else(|| csv::guess_delimiter(body)));
    // Lines of the file that are no rows of their own: the first one was taken away, those inside
    // of quotes are counted.
    let mut before = if declared.is_some() { -1 } else { 0 };
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|_| Rejection::Unreadable)?;
        let line = record.position().map_or(0, |position| position.line());
        let number = i64::try_from(line).unwrap_or(i64::MAX) - before;
        before += record
            .iter()
            .map(|cell| cell.matches('\n').count() as i64)
            .sum::<i64>();
        let cells = record.iter().take(MAX_COLUMNS).map(Cell::from).collect();
        keep(
            &mut rows,
            Row {
                number: u32::try_from(number).unwrap_or(u32::MAX),
                cells,
            },
        )?;
    }
    Ok(rows)
}

fn of_workbook(bytes: &[u8]) -> Result<Vec<Row>, Rejection> {
    Archive::open(bytes)?.measure()?;
    let mut workbook: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).map_err(refused)?;
    for name in workbook.sheet_names() {
        let rows = match of_sheet(&mut workbook, &name) {
            // A chart sheet has no cells.
            Err(SheetError::Workbook(XlsxError::NotAWorksheet(_))) => continue,
            Err(SheetError::Workbook(error)) => return Err(refused(error)),
            Err(SheetError::Refused(rejection)) => return Err(rejection),
            Ok(rows) => rows,
        };
        if !rows.is_empty() {
            return Ok(rows);
        }
    }
    Ok(Vec::new())
}

enum SheetError {
    Workbook(XlsxError),
    Refused(Rejection),
}

impl From<XlsxError> for SheetError {
    fn from(error: XlsxError) -> Self {
        Self::Workbook(error)
    }
}

impl From<Rejection> for SheetError {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

fn of_sheet(workbook: &mut Xlsx<Cursor<&[u8]>>, name: &str) -> Result<Vec<Row>, SheetError> {
    let mut cells = workbook.worksheet_cells_reader(name)?;
    let mut rows = Vec::new();
    let mut row = Row {
        number: 1,
        cells: Vec::new(),
    };
    while let Some(cell) = cells.next_cell()? {
        let (at, column) = cell.get_position();
        if at + 1 != row.number {
            let next = Row {
                number: at + 1,
                cells: Vec::new(),
            };
            keep(&mut rows, std::mem::replace(&mut row, next))?;
        }
        let column = column as usize;
        if column < MAX_COLUMNS {
            row.cells
                .resize(row.cells.len().max(column + 1), Cell::default());
            row.cells[column] = shown(cell.get_value());
        }
    }
    keep(&mut rows, row)?;
    Ok(rows)
}

fn shown(value: &DataRef<'_>) -> Cell {
    let number = match value {
        DataRef::Int(number) => Some(*number as f64),
        DataRef::Float(number) => Some(*number),
        _ => None,
    };
    Cell {
        number,
        ..Cell::from(xlsx::shown(value).as_str())
    }
}

fn keep(rows: &mut Vec<Row>, row: Row) -> Result<(), Rejection> {
    if row.is_empty() {
        return Ok(());
    }
    if rows.len() == MAX_ROWS {
        return Err(Rejection::TooBig);
    }
    rows.push(row);
    Ok(())
}

fn refused(error: XlsxError) -> Rejection {
    match error {
        XlsxError::Password => Rejection::Password,
        _ => Rejection::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(rows: &[Row]) -> Vec<(u32, Vec<&str>)> {
        rows.iter()
            .map(|row| {
                (
                    row.number,
                    row.cells.iter().map(|cell| cell.text.as_str()).collect(),
                )
            })
            .collect()
    }

    #[test]
    fn delimiters_charsets_and_empty_lines() {
        for delimiter in [";", ",", "\t", "|"] {
            let text = ["Название;Цена", "Диван;45000", ";", "Кресло;12500"].join("\n");
            let text = text.replace(';', delimiter);
            let (bytes, ..) = encoding_rs::WINDOWS_1251.encode(&text);
            for bytes in [text.as_bytes(), &bytes] {
                let rows = rows("a.csv", bytes).unwrap();
                assert_eq!(
                    texts(&rows),
                    [
                        (1, vec!["Название", "Цена"]),
                        (2, vec!["Диван", "45000"]),
                        (4, vec!["Кресло", "12500"])
                    ],
                    "{delimiter:?}"
                );
            }
        }
    }

    #[test]
    fn lines_inside_of_quotes_are_no_rows() {
        let rows = rows("a.csv", "sep=;\na;b\n\"x\ny\";1\nz;2\n".as_bytes()).unwrap();
        let expected = [
            (2, vec!["a", "b"]),
            (3, vec!["x y", "1"]),
            (4, vec!["z", "2"]),
        ];
        assert_eq!(texts(&rows), expected);
    }

    #[test]
    fn other_files_are_no_price_lists() {
        assert_eq!(rows("a.txt", b"x,y"), Err(Rejection::TypeUnsupported));
        assert_eq!(rows("a.csv", b""), Err(Rejection::Empty));
        assert_eq!(rows("a.xlsx", b"x,y"), Err(Rejection::TypeMismatch));
    }

    #[test]
    fn a_workbook_keeps_its_row_numbers_and_its_numbers() {
        let rows = rows("p.xlsx", include_bytes!("../../tests/data/ru-price.xlsx")).unwrap();
        assert!(
            rows.iter()
                .any(|row| row.cells.iter().any(|cell| cell.number.is_some()))
        );
        assert!(rows.windows(2).all(|pair| pair[0].number < pair[1].number));
    }
}
