//! A price list as people keep it, read into rows of the price book.

use std::collections::HashMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::NewItem;
use super::columns::{Columns, Field};
use super::currency::Currency;
use super::sheet::{self, Cell, Row};
use crate::knowledge::Rejection;
use crate::numbers;

/// Errors that are listed; more are only counted.
pub const MAX_LISTED_ERRORS: usize = 500;
const MAX_SHOWN_CHARS: usize = 120;
const MAX_ALIASES: usize = 50;
/// In minor units: a price of more is a typing mistake.
const MAX_PRICE_MINOR: i128 = 1_000_000_000_000;

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Imported {
    pub items: Vec<NewItem>,
    /// The first of the errors, in the order of the file.
    pub errors: Vec<RowError>,
    /// Rows with errors.
    pub bad_rows: usize,
}

/// Why a row cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowError {
    pub row: u32,
    /// The header of the column, when one cell is at fault.
    pub column: String,
    pub reason: String,
    pub message: String,
    pub value: String,
}

/// Why a file is no price list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    File(Rejection),
    ColumnsMissing(Vec<&'static str>),
}

/// Reads a whole file. `currency` is that of rows that name none.
///
/// # Errors
/// [`Refusal`] when no row can be read; rows that cannot are named in [`Imported::errors`].
pub fn read(file_name: &str, bytes: &[u8], currency: Currency) -> Result<Imported, Refusal> {
    let rows = sheet::rows(file_name, bytes).map_err(Refusal::File)?;
    let (header, columns) = Columns::find(&rows).map_err(Refusal::ColumnsMissing)?;
    let mut import = Import {
        default_currency: columns.currency.unwrap_or(currency),
        columns,
        skus: HashMap::new(),
        imported: Imported::default(),
    };
    for row in &rows[header + 1..] {
        import.row(row);
    }
    let imported = import.imported;
    if imported.items.is_empty() && imported.bad_rows == 0 {
        return Err(Refusal::File(Rejection::Empty));
    }
    Ok(imported)
}

struct Import {
    columns: Columns,
    default_currency: Currency,
    /// In lower case, and the row that has it.
    skus: HashMap<String, u32>,
    imported: Imported,
}

/// One cell's fault, before it is put into words for people.
struct Fault {
    field: Field,
    reason: &'static str,
    message: String,
}

impl Fault {
    fn new(field: Field, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            field,
            reason,
            message: message.into(),
        }
    }
}

impl Import {
    fn row(&mut self, row: &Row) {
        let filled = row
            .cells
            .iter()
            .filter(|cell| !cell.text.is_empty())
            .count();
        // «Диваны»: the heading of a group.
        if filled == 1 && self.cell(row, Field::Price).text.is_empty() {
            return;
        }
        let mut faults = Vec::new();
        let item = self.item(row, &mut faults);
        match item {
            Some(item) if faults.is_empty() => {
                self.skus.insert(item.sku.to_lowercase(), row.number);
                self.imported.items.push(item);
            }
            _ => self.refuse(row, faults),
        }
    }

    fn refuse(&mut self, row: &Row, faults: Vec<Fault>) {
        self.imported.bad_rows += 1;
        for fault in faults {
            if self.imported.errors.len() == MAX_LISTED_ERRORS {
                return;
            }
            let value = self
                .cell(row, fault.field)
                .text
                .chars()
                .take(MAX_SHOWN_CHARS)
                .collect();
            self.imported.errors.push(RowError {
                row: row.number,
                column: self.columns.header(fault.field).to_owned(),
                reason: fault.reason.to_owned(),
                message: fault.message,
                value,
            });
        }
    }

    fn cell<'r>(&self, row: &'r Row, field: Field) -> &'r Cell {
        row.cell(self.columns.at(field).unwrap_or(usize::MAX))
    }

    /// Reads every cell, so that all that is wrong is told at once.
    fn item(&self, row: &Row, faults: &mut Vec<Fault>) -> Option<NewItem> {
        let cell = |field| self.cell(row, field);
        let display_name = text(cell(Field::Name), Field::Name, 200, "NAME", faults);
        let sku = self.sku(row, &display_name, faults);
        let price = self.price(row, faults);
        let unit = text_or_empty(cell(Field::Unit), Field::Unit, 32, "UNIT", faults);
        let max_discount_percent = discount(cell(Field::Discount))
            .map_err(|f| faults.push(f))
            .ok();
        let valid_from = date(cell(Field::ValidFrom), Field::ValidFrom)
            .map_err(|f| faults.push(f))
            .ok();
        let valid_until = date(cell(Field::ValidUntil), Field::ValidUntil)
            .map_err(|f| faults.push(f))
            .ok();
        if let (Some(Some(from)), Some(Some(until))) = (valid_from, valid_until)
            && from > until
        {
            let words = "the price ends before it begins";
            faults.push(Fault::new(Field::ValidUntil, "DATES_REVERSED", words));
        }
        let price = price?;
        Some(NewItem {
            sku,
            display_name,
            aliases: aliases(&cell(Field::Aliases).text),
            unit: if unit.is_empty() { price.unit } else { unit },
            price_minor: price.minor,
            currency: price.currency.code().to_owned(),
            price_from: price.from,
            max_discount_percent: max_discount_percent?,
            valid_from: valid_from?,
            valid_until: valid_until?,
        })
    }

    /// The article; a list without such a column gets articles made of its names, the same with
    /// every import.
    fn sku(&self, row: &Row, name: &str, faults: &mut Vec<Fault>) -> String {
        let (field, sku) = match self.columns.at(Field::Sku) {
            Some(_) => (Field::Sku, self.cell(row, Field::Sku).text.clone()),
            None => (Field::Name, slug(name)),
        };
        if sku.is_empty() && field == Field::Sku {
            faults.push(Fault::new(field, "SKU_MISSING", "the row has no article"));
        }
        if sku.chars().count() > 64 {
            faults.push(Fault::new(
                field,
                "SKU_TOO_LONG",
                "an article has at most 64 characters",
            ));
        }
        if let Some(first) = self.skus.get(&sku.to_lowercase()) {
            let words = format!("row {first} has the same article `{sku}`");
            faults.push(Fault::new(field, "SKU_REPEATED", words));
        }
        sku
    }

    fn price(&self, row: &Row, faults: &mut Vec<Fault>) -> Option<Price> {
        let cell = self.cell(row, Field::Price);
        let fault = |reason, words: &str| Fault::new(Field::Price, reason, words);
        let named = self
            .named_currency(row)
            .map_err(|found| faults.push(found))
            .ok()?;
        let written = match cell.number {
            Some(number) => of_number(number),
            None if cell.text.is_empty() => {
                faults.push(fault("PRICE_MISSING", "the row has no price"));
                return None;
            }
            None => numbers::written_price(&cell.text),
        };
        let Some(written) = written else {
            faults.push(fault(
                "PRICE_NOT_A_NUMBER",
                "a price is written like `1 200,50` or `от 1 200 ₽`",
            ));
            return None;
        };
        if let (Some(named), Some(inside)) = (named, written.currency)
            && named != inside
        {
            faults.push(fault(
                "CURRENCY_CONFLICT",
                "the price and its currency column disagree",
            ));
            return None;
        }
        let currency = written.currency.or(named).unwrap_or(self.default_currency);
        let minor = written.micros * i128::from(currency.minor_units());
        let exact = minor % numbers::MICROS == 0 || cell.number.is_some();
        if !exact {
            faults.push(fault(
                "PRICE_TOO_PRECISE",
                "the price has parts smaller than the currency's",
            ));
            return None;
        }
        let minor = (minor + numbers::MICROS / 2) / numbers::MICROS;
        if !(0..=MAX_PRICE_MINOR).contains(&minor) {
            faults.push(fault(
                "PRICE_OUT_OF_RANGE",
                "a price is from 0 to 10 000 000 000",
            ));
            return None;
        }
        let minor = i64::try_from(minor).ok()?;
        Some(Price {
            minor,
            currency,
            from: written.from,
            unit: written.unit,
        })
    }

    fn named_currency(&self, row: &Row) -> Result<Option<Currency>, Fault> {
        let text = &self.cell(row, Field::Currency).text;
        if text.is_empty() {
            return Ok(None);
        }
        let unknown = || {
            let words = format!("`{text}` is not a currency of ISO 4217");
            Fault::new(Field::Currency, "CURRENCY_UNKNOWN", words)
        };
        Currency::parse(text).map(Some).ok_or_else(unknown)
    }
}

struct Price {
    minor: i64,
    currency: Currency,
    from: bool,
    unit: String,
}

/// Sheets keep prices as binary fractions; six decimals are more than any of them means.
fn of_number(number: f64) -> Option<numbers::WrittenPrice> {
    let micros = (number * numbers::MICROS as f64).round();
    (0.0..1e12)
        .contains(&number)
        .then(|| numbers::WrittenPrice {
            micros: micros as i128,
            currency: None,
            from: false,
            unit: String::new(),
        })
}

fn text(cell: &Cell, field: Field, max: usize, what: &str, faults: &mut Vec<Fault>) -> String {
    if cell.text.is_empty() && what == "NAME" {
        faults.push(Fault::new(field, "NAME_MISSING", "the row has no name"));
    }
    text_or_empty(cell, field, max, what, faults)
}

fn text_or_empty(
    cell: &Cell,
    field: Field,
    max: usize,
    what: &str,
    faults: &mut Vec<Fault>,
) -> String {
    if cell.text.chars().count() > max {
        let reason = if what == "NAME" {
            "NAME_TOO_LONG"
        } else {
            "UNIT_TOO_LONG"
        };
        faults.push(Fault::new(
            field,
            reason,
            format!("at most {max} characters"),
        ));
    }
    cell.text.clone()
}

fn aliases(text: &str) -> Vec<String> {
    let mut aliases: Vec<String> = Vec::new();
    for alias in text
        .split([',', ';', '|', '\n'])
        .map(str::trim)
        .filter(|alias| !alias.is_empty())
    {
        let alias: String = alias.chars().take(200).collect();
        if aliases.len() < MAX_ALIASES && !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }
    aliases
}

/// `10`, `10 %`; a sheet's own percents are fractions of one.
fn discount(cell: &Cell) -> Result<i32, Fault> {
    if cell.text.is_empty() {
        return Ok(0);
    }
    let percent = match cell.number {
        Some(fraction) if fraction > 0.0 && fraction < 1.0 => Some(fraction * 100.0),
        Some(number) => Some(number),
        None => cell
            .text
            .trim_end_matches(['%', ' '])
            .replace(',', ".")
            .parse()
            .ok(),
    };
    let whole = percent.filter(|percent| (percent - percent.round()).abs() < 1e-6);
    match whole {
        Some(percent) if (0.0..=100.0).contains(&percent) => Ok(percent.round() as i32),
        _ => Err(Fault::new(
            Field::Discount,
            "DISCOUNT_INVALID",
            "a discount is a whole number of percent, 0–100",
        )),
    }
}

fn date(cell: &Cell, field: Field) -> Result<Option<NaiveDate>, Fault> {
    if cell.text.is_empty() {
        return Ok(None);
    }
    let day = cell.text.split([' ', 'T']).next().unwrap_or_default();
    ["%Y-%m-%d", "%d.%m.%Y", "%d/%m/%Y"]
        .into_iter()
        .find_map(|format| NaiveDate::parse_from_str(day, format).ok())
        .filter(|date| (2_000..=2_200).contains(&chrono::Datelike::year(date)))
        .map(Some)
        .ok_or_else(|| {
            Fault::new(
                field,
                "DATE_INVALID",
                "a date is written `2026-12-31` or `31.12.2026`",
            )
        })
}

/// Letters and digits of a name, joined by hyphens.
fn slug(name: &str) -> String {
    let lower = name.to_lowercase().replace('ё', "е");
    let words = lower
        .split(|char: char| !char.is_alphanumeric())
        .filter(|word| !word.is_empty());
    let slug = words.collect::<Vec<_>>().join("-");
    slug.chars()
        .take(64)
        .collect::<String>()
        .trim_end_matches('-')
        .to_owned()
}

#[cfg(test)]
mod tests;
