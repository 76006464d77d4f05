//! Which column of a price list is which, by the words of its header.

use super::currency::Currency;
use super::sheet::Row;

/// Rows looked at before the header: titles, addresses, dates of issue.
const HEADER_WITHIN: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Sku,
    Name,
    Aliases,
    Unit,
    Price,
    Currency,
    Discount,
    ValidFrom,
    ValidUntil,
}

/// The columns of a list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Columns {
    found: Vec<(Field, usize)>,
    headers: Vec<String>,
    /// Named by the header of the prices: «Цена, ₽».
    pub(super) currency: Option<Currency>,
}

/// Words a header begins with or consists of. What stands first is asked first: «цена со скидкой»
/// is no discount, «код товара» no name.
const HEADERS: [(Field, &[&str]); 9] = [
    (
        Field::ValidFrom,
        &[
            "действует с",
            "действительно с",
            "дата начала",
            "начало действия",
            "valid from",
            "start date",
        ],
    ),
    (
        Field::ValidUntil,
        &[
            "действует по",
            "действует до",
            "действительно до",
            "дата окончания",
            "окончание действия",
            "valid until",
            "valid to",
            "end date",
            "expires",
        ],
    ),
    (
        Field::Discount,
        &[
            "скидка",
            "макс скидка",
            "максимальная скидка",
            "max discount",
            "discount",
            "maximum discount",
        ],
    ),
    (
        Field::Sku,
        &[
            "артикул",
            "арт",
            "sku",
            "код",
            "id",
            "article",
            "item code",
            "product code",
            "part number",
            "code",
        ],
    ),
    (
        Field::Aliases,
        &[
            "синоним",
            "алиас",
            "alias",
            "другие названия",
            "ключевые слова",
            "synonym",
            "keywords",
            "also known as",
        ],
    ),
    (
        Field::Price,
        &[
            "цена",
            "стоимость",
            "прайс",
            "price",
            "cost",
            "розничная цена",
            "розница",
            "unit price",
            "тариф",
            "rate",
        ],
    ),
    (Field::Currency, &["валюта", "currency"]),
    (
        Field::Unit,
        &["единица", "единицы", "ед", "unit", "uom", "измерение"],
    ),
    (
        Field::Name,
        &[
            "наименование",
            "название",
            "товар",
            "услуга",
            "номенклатура",
            "продукт",
            "позиция",
            "модель",
            "name",
            "product",
            "item",
            "service",
            "title",
            "description",
        ],
    ),
];

impl Columns {
    /// The header among the first rows, and the columns it names; `Err` names what is missing.
    ///
    /// # Errors
    /// The columns without which there is no price list.
    pub(super) fn find(rows: &[Row]) -> Result<(usize, Self), Vec<&'static str>> {
        let mut best: Option<(usize, Self)> = None;
        for (at, row) in rows.iter().take(HEADER_WITHIN).enumerate() {
            let columns = Self::of_header(row);
            if columns.missing().is_empty() {
                return Ok((at, columns));
            }
            if best
                .as_ref()
                .is_none_or(|(_, best)| best.found.len() < columns.found.len())
            {
                best = Some((at, columns));
            }
        }
        Err(best.map_or_else(|| vec!["name", "price"], |(_, columns)| columns.missing()))
    }

    fn of_header(row: &Row) -> Self {
        let mut found: Vec<(Field, usize)> = Vec::new();
        for (column, cell) in row.cells.iter().enumerate() {
            let known = field(&plain(&cell.text));
            if let Some(field) = known.filter(|field| found.iter().all(|(taken, _)| taken != field))
            {
                found.push((field, column));
            }
        }
        let headers: Vec<_> = row.cells.iter().map(|cell| cell.text.clone()).collect();
        let price = found.iter().find(|(field, _)| *field == Field::Price);
        let currency = price.and_then(|(_, column)| {
            let words = headers[*column].split([' ', ',', '(', ')', '/', '.', ':']);
            words
                .filter(|word| !word.is_empty())
                .skip(1)
                .find_map(Currency::parse)
        });
        Self {
            found,
            headers,
            currency,
        }
    }

    fn missing(&self) -> Vec<&'static str> {
        let needed = [(Field::Name, "name"), (Field::Price, "price")];
        needed
            .into_iter()
            .filter(|(field, _)| self.at(*field).is_none())
            .map(|(_, name)| name)
            .collect()
    }

    /// The column of a field.
    pub(super) fn at(&self, field: Field) -> Option<usize> {
        self.found
            .iter()
            .find(|(known, _)| *known == field)
            .map(|(_, column)| *column)
    }

    /// What the header of a field says in the file.
    pub(super) fn header(&self, field: Field) -> &str {
        self.at(field)
            .and_then(|column| self.headers.get(column))
            .map_or("", String::as_str)
    }
}

fn field(header: &str) -> Option<Field> {
    let is = |word: &&str| {
        header == *word
            || header
                .strip_prefix(*word)
                .is_some_and(|rest| rest.starts_with(' '))
            || (word.chars().count() >= 5 && header.starts_with(*word))
    };
    HEADERS
        .iter()
        .find(|(_, words)| words.iter().any(&is))
        .map(|(field, _)| *field)
}

/// Lower case, letters and digits with single spaces between.
fn plain(header: &str) -> String {
    let lower = header.to_lowercase().replace('ё', "е");
    let words = lower
        .split(|char: char| !char.is_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::sheet::Cell;
    use super::*;

    fn row(number: u32, cells: &[&str]) -> Row {
        Row {
            number,
            cells: cells.iter().map(|cell| Cell::from(*cell)).collect(),
        }
    }

    #[test]
    fn headers_are_known_in_both_languages() {
        for (header, expected) in [
            ("Артикул", Field::Sku),
            ("SKU", Field::Sku),
            ("Код товара", Field::Sku),
            ("Арт.", Field::Sku),
            ("Наименование товара", Field::Name),
            ("Название", Field::Name),
            ("Товар", Field::Name),
            ("Product name", Field::Name),
            ("Name", Field::Name),
            ("Цена, ₽", Field::Price),
            ("Стоимость (руб.)", Field::Price),
            ("Price", Field::Price),
            ("Цена за ед.", Field::Price),
            ("Валюта", Field::Currency),
            ("Ед. изм.", Field::Unit),
            ("Единица измерения", Field::Unit),
            ("Unit", Field::Unit),
            ("Unit price", Field::Price),
            ("Синонимы", Field::Aliases),
            ("Aliases", Field::Aliases),
            ("Макс. скидка, %", Field::Discount),
            ("Max discount %", Field::Discount),
            ("Действует с", Field::ValidFrom),
            ("Действует по", Field::ValidUntil),
            ("Valid until", Field::ValidUntil),
        ] {
            assert_eq!(field(&plain(header)), Some(expected), "{header}");
        }
        for other in ["Остаток", "Фото", "Коробка", ""] {
            assert_eq!(field(&plain(other)), None, "{other}");
        }
    }

    #[test]
    fn the_header_is_found_under_titles_and_says_the_currency() {
        let rows = [
            row(1, &["Прайс-лист на мебель"]),
            row(2, &["Артикул", "Название", "Цена, $"]),
            row(3, &["P-40", "Диван", "45000"]),
        ];
        let (at, columns) = Columns::find(&rows).unwrap();
        assert_eq!(
            (at, columns.at(Field::Price), columns.header(Field::Price)),
            (1, Some(2), "Цена, $")
        );
        assert_eq!(columns.currency.map(Currency::code), Some("USD"));
        assert_eq!(Columns::find(&rows[2..]), Err(vec!["name", "price"]));
        assert_eq!(
            Columns::find(&[row(1, &["Название", "Остаток"])]),
            Err(vec!["price"])
        );
    }
}
