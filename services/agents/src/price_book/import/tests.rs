use super::*;

fn rub() -> Currency {
    Currency::of_code("RUB").unwrap()
}

fn import(text: &str) -> Imported {
    read("Прайс.csv", text.as_bytes(), rub()).unwrap()
}

/// Row, column, reason.
fn errors(text: &str) -> Vec<(u32, String, String)> {
    let errors = import(text).errors.into_iter();
    errors
        .map(|error| (error.row, error.column, error.reason))
        .collect()
}

#[test]
fn a_full_row_is_read_whole() {
    let imported = import(
        "Артикул;Наименование;Цена;Валюта;Ед.;Синонимы;Скидка, %;Действует с;Действует по\n\
         OSLO-2;Диван «Осло»;от 1 200,50 ₽;RUB;шт;осло, софа осло;10%;01.11.2026;2026-12-31\n",
    );
    assert_eq!(imported.errors, []);
    assert_eq!(
        imported.items,
        [NewItem {
            sku: "OSLO-2".to_owned(),
            display_name: "Диван «Осло»".to_owned(),
            aliases: vec!["осло".to_owned(), "софа осло".to_owned()],
            unit: "шт".to_owned(),
            price_minor: 120_050,
            currency: "RUB".to_owned(),
            price_from: true,
            max_discount_percent: 10,
            valid_from: NaiveDate::from_ymd_opt(2026, 11, 1),
            valid_until: NaiveDate::from_ymd_opt(2026, 12, 31),
        }]
    );
}

#[test]
fn prices_are_read_as_people_write_them() {
    for (written, minor, currency, from, unit) in [
        ("45000", 4_500_000, "RUB", false, ""),
        ("45 000,00", 4_500_000, "RUB", false, ""),
        ("45\u{a0}000 руб.", 4_500_000, "RUB", false, ""),
        ("\"1,200.50\"", 120_050, "RUB", false, ""),
        ("$1200", 120_000, "USD", false, ""),
        ("1 200 €", 120_000, "EUR", false, ""),
        ("от 500 р.", 50_000, "RUB", true, ""),
        ("from 20 USD", 2_000, "USD", true, ""),
        ("750 ₽/м²", 75_000, "RUB", false, "м²"),
        ("45 тыс.", 4_500_000, "RUB", false, ""),
        ("1500 JPY", 1_500, "JPY", false, ""),
        ("0", 0, "RUB", false, ""),
    ] {
        let imported = import(&format!("Название;Цена\nДиван;{written}\n"));
        assert_eq!(imported.errors, [], "{written}");
        let item = &imported.items[0];
        let read = (
            item.price_minor,
            item.currency.as_str(),
            item.price_from,
            item.unit.as_str(),
        );
        assert_eq!(read, (minor, currency, from, unit), "{written}");
    }
}

#[test]
fn every_fault_of_a_row_is_named_with_its_place() {
    let header = "SKU;Name;Price;Currency;Discount;Valid from;Valid until";
    for (row, expected) in [
        (";Sofa;10;;;;", vec![("SKU", "SKU_MISSING")]),
        ("A;;10;;;;", vec![("Name", "NAME_MISSING")]),
        ("A;Sofa;;USD;;;", vec![("Price", "PRICE_MISSING")]),
        (
            "A;Sofa;on request;;;;",
            vec![("Price", "PRICE_NOT_A_NUMBER")],
        ),
        ("A;Sofa;-10;;;;", vec![("Price", "PRICE_NOT_A_NUMBER")]),
        ("A;Sofa;10-20;;;;", vec![("Price", "PRICE_NOT_A_NUMBER")]),
        ("A;Sofa;10 days;;;;", vec![("Price", "PRICE_NOT_A_NUMBER")]),
        ("A;Sofa;1234,567;;;;", vec![("Price", "PRICE_TOO_PRECISE")]),
        (
            "A;Sofa;99999999999999;;;;",
            vec![("Price", "PRICE_OUT_OF_RANGE")],
        ),
        ("A;Sofa;10;XXX;;;", vec![("Currency", "CURRENCY_UNKNOWN")]),
        ("A;Sofa;$10;EUR;;;", vec![("Price", "CURRENCY_CONFLICT")]),
        ("A;Sofa;10;;120%;;", vec![("Discount", "DISCOUNT_INVALID")]),
        ("A;Sofa;10;;half;;", vec![("Discount", "DISCOUNT_INVALID")]),
        (
            "A;Sofa;10;;;32.01.2026;",
            vec![("Valid from", "DATE_INVALID")],
        ),
        ("A;Sofa;10;;;;soon", vec![("Valid until", "DATE_INVALID")]),
        (
            "A;Sofa;10;;;2026-02-01;2026-01-01",
            vec![("Valid until", "DATES_REVERSED")],
        ),
        (
            ";;x;;;never;",
            vec![
                ("Name", "NAME_MISSING"),
                ("SKU", "SKU_MISSING"),
                ("Price", "PRICE_NOT_A_NUMBER"),
                ("Valid from", "DATE_INVALID"),
            ],
        ),
    ] {
        let found = errors(&format!("{header}\n{row}\n"));
        let found: Vec<_> = found
            .iter()
            .map(|(_, column, reason)| (column.as_str(), reason.as_str()))
            .collect();
        assert_eq!(found, expected, "{row}");
    }
}

#[test]
fn rows_are_counted_as_in_the_file_and_good_ones_are_kept() {
    let imported = import(
        "Прайс\n\nАртикул;Название;Цена\nДиваны;;\nA;Диван;10\nB;Кресло;дорого\na;Стул;5\nC;Стол;7\n",
    );
    let skus: Vec<_> = imported
        .items
        .iter()
        .map(|item| item.sku.as_str())
        .collect();
    assert_eq!(skus, ["A", "C"]);
    assert_eq!(imported.bad_rows, 2);
    let places: Vec<_> = imported
        .errors
        .iter()
        .map(|e| (e.row, e.reason.as_str(), e.value.as_str()))
        .collect();
    assert_eq!(
        places,
        [
            (6, "PRICE_NOT_A_NUMBER", "дорого"),
            (7, "SKU_REPEATED", "a")
        ]
    );
    assert!(imported.errors[1].message.contains("row 5"));
}

#[test]
fn a_list_without_articles_gets_stable_ones() {
    let imported = import("Название,Цена\nДиван «Осло» 2,10\nКресло Ёж,20\nДиван Осло-2,30\n");
    let skus: Vec<_> = imported
        .items
        .iter()
        .map(|item| item.sku.as_str())
        .collect();
    assert_eq!(skus, ["диван-осло-2", "кресло-еж"]);
    assert_eq!(
        (imported.errors[0].row, imported.errors[0].reason.as_str()),
        (4, "SKU_REPEATED")
    );
}

#[test]
fn errors_are_listed_to_a_limit_and_counted_beyond() {
    let rows: String = (0..700).map(|n| format!("A{n};Диван;дорого\n")).collect();
    let imported = import(&format!("Артикул;Название;Цена\n{rows}"));
    assert_eq!(
        (imported.errors.len(), imported.bad_rows),
        (MAX_LISTED_ERRORS, 700)
    );
}

#[test]
fn files_that_are_no_price_lists_are_refused() {
    let refused = |name: &str, text: &str| read(name, text.as_bytes(), rub()).unwrap_err();
    assert_eq!(
        refused("a.csv", "Название;Остаток\nx;1\n"),
        Refusal::ColumnsMissing(vec!["price"])
    );
    assert_eq!(
        refused("a.csv", "Название;Цена\n"),
        Refusal::File(Rejection::Empty)
    );
    assert_eq!(
        refused("a.pdf", "%PDF-1.7"),
        Refusal::File(Rejection::TypeUnsupported)
    );
}

#[test]
fn a_workbook_is_read() {
    let bytes = include_bytes!("../../../tests/data/ru-price.xlsx");
    let imported = read("p.xlsx", bytes, rub()).unwrap();
    assert!(!imported.items.is_empty(), "{:?}", imported.errors);
    assert!(imported.items.iter().all(|item| item.price_minor > 0));
}
