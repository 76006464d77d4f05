//! Excel sheets, read cell by cell: the size a sheet claims to have costs nothing.

use std::io::Cursor;

use calamine::{DataRef, Reader as _, Xlsx, XlsxError, open_workbook_from_rs};

use crate::knowledge::archive::Archive;
use crate::knowledge::document::Builder;
use crate::knowledge::rejection::Rejection;
use crate::knowledge::table::{Header, TableWriter};

/// Cells to the right of this are ignored; no table made for people is wider.
const MAX_COLUMNS: usize = 256;

pub(super) fn extract(bytes: &[u8], builder: &mut Builder) -> Result<(), Rejection> {
    Archive::open(bytes)?.measure()?;
    let mut workbook: Xlsx<_> = open_workbook_from_rs(Cursor::new(bytes)).map_err(refused)?;
    let names = workbook.sheet_names();
    for (page, name) in (1..).zip(&names) {
        builder.page(page);
        if names.len() > 1 || !is_default_name(name) {
            builder.heading(1, name)?;
        }
        match sheet(&mut workbook, name, builder) {
            // A chart sheet has no cells.
            Err(SheetError::Workbook(XlsxError::NotAWorksheet(_))) | Ok(()) => {}
            Err(SheetError::Workbook(error)) => return Err(refused(error)),
            Err(SheetError::Rejected(rejection)) => return Err(rejection),
        }
    }
    Ok(())
}

enum SheetError {
    Workbook(XlsxError),
    Rejected(Rejection),
}

impl From<XlsxError> for SheetError {
    fn from(error: XlsxError) -> Self {
        Self::Workbook(error)
    }
}

impl From<Rejection> for SheetError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

fn sheet(
    workbook: &mut Xlsx<Cursor<&[u8]>>,
    name: &str,
    builder: &mut Builder,
) -> Result<(), SheetError> {
    let mut cells = workbook.worksheet_cells_reader(name)?;
    let mut table = TableWriter::new(Header::Sheet);
    let mut row: Vec<String> = Vec::new();
    let mut row_number = 0;
    while let Some(cell) = cells.next_cell()? {
        let (number, column) = cell.get_position();
        if number != row_number {
            table.row(std::mem::take(&mut row), builder)?;
            row_number = number;
        }
        let column = column as usize;
        let value = shown(cell.get_value());
        if column >= MAX_COLUMNS || value.is_empty() {
            continue;
        }
        if row.len() <= column {
            row.resize(column + 1, String::new());
        }
        row[column] = value;
    }
    table.row(row, builder)?;
    table.finish(builder)?;
    Ok(())
}

/// The value as a person sees it.
pub(crate) fn shown(value: &DataRef<'_>) -> String {
    match value {
        DataRef::Int(number) => number.to_string(),
        DataRef::Float(number) => float(*number),
        DataRef::String(text) => text.clone(),
        DataRef::SharedString(text) => (*text).to_owned(),
        DataRef::Bool(true) => "да / yes".to_owned(),
        DataRef::Bool(false) => "нет / no".to_owned(),
        DataRef::DateTime(moment) => match moment.as_datetime() {
            Some(moment) if moment.time() == chrono::NaiveTime::MIN => moment.date().to_string(),
            Some(moment) => moment.to_string(),
            None => float(moment.as_f64()),
        },
        DataRef::DateTimeIso(text) | DataRef::DurationIso(text) => text.clone(),
        DataRef::Error(_) | DataRef::Empty => String::new(),
    }
}

/// Spreadsheets keep 0.1 + 0.2; fifteen significant digits are what Excel shows.
fn float(number: f64) -> String {
    let digits = number.abs().log10().floor().max(0.0) + 1.0;
    let decimals = if digits.is_finite() {
        (15.0 - digits).max(0.0) as usize
    } else {
        0
    };
    let text = format!("{number:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn is_default_name(name: &str) -> bool {
    ["Sheet", "Лист"].iter().any(|word| {
        name.strip_prefix(word)
            .is_some_and(|rest| rest.chars().all(|char| char.is_ascii_digit()))
    })
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

    #[test]
    fn numbers_look_as_in_excel() {
        let cases = [
            (45_000.0, "45000"),
            (0.1 + 0.2, "0.3"),
            (-12.5, "-12.5"),
            (0.0, "0"),
            (1e15, "1000000000000000"),
            (12_345_678.9, "12345678.9"),
        ];
        for (number, expected) in cases {
            assert_eq!(float(number), expected);
        }
    }
}
