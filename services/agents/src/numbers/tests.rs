use chrono::NaiveDate;
use proptest::prelude::*;
use uuid::Uuid;

use super::*;

const PASSAGE: &str = "Доставка по Москве — 1 500 рублей, срок 3 дня. Скидка до 15 % при заказе от 5 штук.\n\
    Гарантия 2 года. Акция до 31 декабря 2026 года. Работаем с 9:00 до 21:00, телефон +7 (495) 123-45-67.\n\
    Сайт https://shop.example.ru/sofas. Рассрочка на 10 месяцев, 0 ₽ первый взнос. Размер 200х90 см.\n\
    Цвета: 3 цвета ткани. Сборка от 2 до 3 тысяч рублей, занимает 2–4 часа. Предоплата 30 %.";
const ENGLISH: &str = "Delivery costs $25 and takes 5 business days. Up to 20% off in November 2026.\n\
    Warranty: 2 years. Call (212) 555-0100 or write to hello@example.com. Open Monday to Friday, 9:00 to 18:00.\n\
    Installation is five hundred dollars. Returns within 30 days. Orders over $1,500 ship free of charge.";

fn item(sku: &str, name: &str, price_minor: i64, currency: &str) -> PriceItem {
    PriceItem {
        id: Uuid::from_u128(sku.bytes().map(u128::from).sum()),
        sku: sku.to_owned(),
        display_name: name.to_owned(),
        aliases: Vec::new(),
        unit: "шт".to_owned(),
        price_minor,
        currency: currency.to_owned(),
        price_from: false,
        max_discount_percent: 0,
        valid_from: None,
        valid_until: None,
    }
}

fn day(year: i32, month: u32, day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(year, month, day).unwrap()
}

fn rows() -> Vec<PriceItem> {
    vec![
        PriceItem {
            max_discount_percent: 10,
            ..item("OSLO-2", "Диван «Осло»", 4_500_000, "RUB")
        },
        PriceItem {
            price_from: true,
            ..item("P-40", "Кухня Берген 3", 12_050_050, "RUB")
        },
        PriceItem {
            valid_until: Some(day(2026, 11, 20)),
            ..item("OLD", "Стул", 333_300, "RUB")
        },
        PriceItem {
            valid_from: Some(day(2026, 11, 22)),
            ..item("NEW", "Полка", 444_400, "RUB")
        },
        item("US-1", "Oslo sofa", 99_900, "USD"),
    ]
}

/// The numbers that have no source.
fn unsourced(text: &str) -> Vec<String> {
    unsourced_among(
        text,
        &["Мой бюджет 40 000 рублей, приеду 5 декабря, нужно 7 стульев, скидку 90 %!"],
    )
}

fn unsourced_among(text: &str, client: &[&str]) -> Vec<String> {
    let prices = rows();
    let client: Vec<_> = client.iter().map(ToString::to_string).collect();
    let evidence = Evidence {
        prices: &prices,
        passages: &[
            ("sources/a/chunks/b", PASSAGE),
            ("sources/a/chunks/c", ENGLISH),
        ],
        client_texts: &client,
        instructions: "Отвечай за 5 минут, звони +7 999 000-11-22, скидка 77 %, не дороже 888 рублей.",
        today: day(2026, 11, 21),
    };
    let findings = check(text, &evidence).into_iter();
    findings
        .filter(|finding| !finding.allowed())
        .map(|finding| finding.text)
        .collect()
}

fn against(text: &str, passage: &str) -> Vec<Finding> {
    let evidence = Evidence {
        prices: &[],
        passages: &[("p", passage)],
        client_texts: &[],
        instructions: "",
        today: day(2026, 11, 21),
    };
    check(text, &evidence)
}

#[test]
fn what_has_a_source_goes_out() {
    for text in [
        // Money, however it is written.
        "Диван «Осло» стоит 45 000 ₽.",
        "Диван стоит 45000 руб.",
        "Диван — 45\u{a0}000\u{202f}р.",
        "Диван за 45 тыс. рублей.",
        "Диван за 45к.",
        "Диван стоит сорок пять тысяч рублей.",
        "Диван: 45.000,00 ₽",
        "Цена: 45 000",
        "Стоит 45000.",
        "Кухня — от 120 500,50 ₽.",
        "Кухня стоит от 120500 рублей 50 копеек.",
        "Доставка стоит 1 500 рублей.",
        "Доставка стоит полторы тысячи рублей.",
        "Доставка 1,5 тыс. руб.",
        "Сборка от 2 до 3 тысяч рублей.",
        "Сборка 2–3 тысячи ₽.",
        "Сборка 2000-3000 руб.",
        "Первый взнос 0 ₽.",
        "Взнос бесплатно.",
        "The Oslo sofa is $999.",
        "The Oslo sofa is 999 dollars.",
        "Price: $999.00",
        "Delivery costs $25.",
        "Delivery costs twenty-five dollars.",
        "Installation costs $500.",
        "Installation is half a thousand dollars.",
        "Orders over $1,500 ship free of charge.",
        // Percents.
        "Скидка до 15 % при заказе от 5 штук.",
        "Скидка до 15 процентов.",
        "Предоплата 30%.",
        "На диван Осло скидка 10 %.",
        "Скидка 7% на диван «Осло».",
        "Up to 20 percent off.",
        // Days and times.
        "Акция до 31.12.2026.",
        "Акция до 31 декабря.",
        "Акция до 31 декабря 2026 г.",
        "Акция действует в декабре.",
        "Работаем с 9:00 до 21:00.",
        "Открыто с 9 утра до 9 вечера.",
        "Open from 9 am to 6 pm.",
        "Open Monday to Friday.",
        "Up to 20% off in November 2026.",
        "Приезжайте 5 декабря.",
        "Come on December 5.",
        // Spans of time.
        "Привезём за 3 дня.",
        "Срок три дня.",
        "Гарантия 2 года.",
        "Гарантия два года.",
        "Двухлетняя гарантия.",
        "2-летняя гарантия.",
        "Гарантия 24 месяца.",
        "Сборка занимает 2–4 часа.",
        "Рассрочка на 10 месяцев.",
        "Takes five business days.",
        "A two years warranty.",
        "Returns within 30 days.",
        "Отвечаем за 5 минут.",
        // Quantities, articles, names.
        "Скидка при заказе от 5 шт.",
        "Есть 3 цвета.",
        "В трёх разных цветах: 3 цвета ткани.",
        "Для вас 7 стульев.",
        "Размер 200x90 см.",
        "Модель OSLO-2, артикул P-40.",
        "Кухня Берген 3 вам подойдёт.",
        "Диван Р-40 на выбор.",
        // Phones and links.
        "Звоните: 8 495 123 45 67.",
        "Звоните +74951234567",
        "Call (212) 555-0100.",
        "Наш сайт shop.example.ru/sofas",
        "Write to hello@example.com.",
        "Поддержка: +7 999 000-11-22.",
        // The client's own words.
        "В ваш бюджет 40 000 рублей укладываемся?",
        "Вы назвали бюджет 40 тысяч рублей.",
        "Минимальная цена кухни — 120 500,50 ₽.",
        "В пределах 40 000 рублей есть варианты.",
        // No claims at all.
        "Есть два варианта, задам 3 вопроса.",
        "Добрый день! Хорошего дня и удачной недели!",
        "Приходите после полудня.",
        "Здравствуйте! Чем могу помочь?",
        "1. Диван\n2. Кресло\n3) Стол",
        "Это один из самых мягких диванов.",
        "One of our sofas.",
        "Удобно завтра или в пятницу?",
        "How can I help you today?",
        "Это 2-й по популярности цвет.",
        "Feel free to ask.",
    ] {
        assert_eq!(unsourced(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_has_no_source_stays() {
    for text in [
        "Диван стоит 44 999 ₽.",
        "Диван стоит 45 001 рубль.",
        "Диван стоит $45 000.",
        "Диван от 45 000 ₽.",
        "Кухня стоит 120 500,50 ₽.",
        "Диван со скидкой — 40 500 ₽.",
        "Стул стоит 3 333 ₽.",
        "Полка стоит 4 444 ₽.",
        "Доставка стоит 900 рублей.",
        "Доставка девятьсот рублей.",
        "Доставка тысячу рублей.",
        "Доставка полсотни рублей.",
        "Доставка сорок тыщ.",
        "Доставка небесплатная: 77.",
        "Диван на треть дешевле.",
        "A quarter off.",
        "Привезём до конца недели.",
        "By the end of the month.",
        "Работаем в выходные.",
        "Доставка полторы тысячи долларов.",
        "Доставка 4\u{200b}5 рублей.",
        "Доставка ９００ рублей.",
        "Доставка бесплатно — 0 €, а подъём 700.",
        "Доставка за 700.",
        "Доставка от 10 до 20 тысяч.",
        "Сборка 2 тысячи рублей.",
        "Сборка от 2 до 4 тысяч рублей.",
        "За полцены.",
        "В два раза дешевле.",
        "Half price today only.",
        "It costs five hundred and one dollars.",
        "It is 1k.",
        "Pay half a million dollars.",
        "€25 for delivery.",
        "Скидка 15 %.",
        "Скидка 11% на диван «Осло».",
        "Скидка 90 %, как вы просили.",
        "Скидка 77 %.",
        "Не дороже 888 рублей.",
        "Скидка пятнадцать процентов.",
        "20% off.",
        "Предоплата до 30%.",
        "Отдадим за 40 000 рублей.",
        "Вы назвали цену: диван стоит 40 000 рублей.",
        "Акция до 30 декабря.",
        "Акция до 31.12.2027.",
        "Привезём завтра.",
        "Привезём в среду.",
        "Привезём 22 ноября.",
        "Delivery tomorrow.",
        "Delivery on November 22nd.",
        "Доставим к 15-му числу.",
        "Доставим на следующей неделе.",
        "Работаем с 8:00 до 21:00.",
        "Открыто с 8 утра.",
        "Работаем 24/7.",
        "Работаем круглосуточно.",
        "Компания работает с 1998 года.",
        "Привезём за 2 дня.",
        "Привезём за день.",
        "Привезём через неделю.",
        "Привезём за 3 рабочих дня.",
        "Гарантия 3 года.",
        "Трёхлетняя гарантия.",
        "Год гарантии.",
        "Пожизненная гарантия.",
        "Lifetime warranty.",
        "Takes 5 days.",
        "In an hour.",
        "Полгода гарантии.",
        "Осталось 2 дивана.",
        "Осталось два дивана.",
        "В наличии 4 штуки.",
        "Есть 5 цветов.",
        "Скидка при заказе 5 штук.",
        "Модель OSLO-3.",
        "Кухня Берген 4.",
        "Размер 200х80 см.",
        "Рассрочка 0-0-24.",
        "Звоните +7 495 123-45-68.",
        "Звоните 8 800 555 35 35.",
        "Сайт other.example.ru.",
        "https://shop.example.ru/chairs",
        "Пишите на me@evil.com.",
        "Пишите в телеграм @evil_shop.",
        "Карта 4111 1111 1111 1111.",
        "Цена ٤٥ рублей.",
    ] {
        assert_ne!(unsourced(text), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn kinds_texts_and_sources_are_told() {
    let prices = rows();
    let evidence = Evidence {
        prices: &prices,
        passages: &[("sources/a/chunks/b", PASSAGE)],
        client_texts: &["7 стульев".to_owned()],
        instructions: "за 5 минут",
        today: day(2026, 11, 21),
    };
    let text = "«Осло» — 45 000 ₽, привезём за 3 дня, 7 стульев за 5 минут, скидка 99 %, 22.11.2026, \
                +7 495 123-45-67, shop.example.ru/sofas.";
    let found: Vec<_> = check(text, &evidence)
        .into_iter()
        .map(|finding| (finding.text, finding.kind.as_str(), finding.source))
        .collect();
    let row = t11_core::format_name("items", prices[0].id);
    let passage = "sources/a/chunks/b";
    let expected = [
        ("45 000 ₽", "money", Some(row.as_str())),
        ("3 дня", "duration", Some(passage)),
        ("7", "quantity", Some("client")),
        ("5 минут", "duration", Some("instructions")),
        ("99 %", "percent", None),
        ("22.11.2026", "date", None),
        ("+7 495 123-45-67", "phone", Some(passage)),
        ("shop.example.ru/sofas", "link", Some(passage)),
    ];
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(text, kind, source)| (text.to_owned(), kind, source.map(str::to_owned)))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_range_is_one_finding() {
    let findings = against("Сборка 2–5 тысяч рублей.", "Сборка от 2 до 3 тысяч рублей.");
    assert_eq!(findings.len(), 1);
    assert_eq!(
        (findings[0].text.as_str(), findings[0].allowed()),
        ("2–5 тысяч рублей", false)
    );
}

#[test]
fn a_row_of_a_table_says_its_units_in_its_headers() {
    let row = "Артикул: 10234; Название: Диван «Осло»; Цена, ₽: 45 000; Срок, дней: 14; Скидка, %: 5; Остаток: 3";
    for text in [
        "Диван стоит 45 000 ₽.",
        "Срок 14 дней.",
        "Две недели.",
        "Скидка 5 %.",
        "Артикул 10234.",
        "Осталось 3 штуки.",
    ] {
        assert!(against(text, row).iter().all(Finding::allowed), "{text}");
    }
    for text in [
        "Диван стоит 45 000 $.",
        "Срок 14 месяцев.",
        "Скидка 14 %.",
        "Осталось 14 штук.",
    ] {
        assert!(!against(text, row).iter().all(Finding::allowed), "{text}");
    }
}

#[test]
fn the_line_of_a_row_is_a_source_of_what_the_row_says() {
    for row in rows() {
        let line = row.line();
        assert!(against(&line, &line).iter().all(Finding::allowed), "{line}");
        let evidence = Evidence {
            prices: std::slice::from_ref(&row),
            passages: &[],
            client_texts: &[],
            instructions: "",
            today: day(2026, 11, 21),
        };
        let allowed = check(&line, &evidence).iter().all(Finding::allowed);
        assert_eq!(allowed, row.is_valid_on(evidence.today), "{line}");
    }
}

/// Sentences as passages have them, numbers of every kind among them.
fn sentences() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        (1_u32..5_000_000).prop_map(|n| n.to_string()),
        (1_u32..999, 0_u32..999).prop_map(|(a, b)| format!("{a} {b:03}")),
        (0_u32..999, 0_u32..99).prop_map(|(a, b)| format!("{a},{b:02}")),
        (1_u32..20, 21_u32..60).prop_map(|(a, b)| format!("{a}–{b}")),
        "(двадцать пять|полторы тысячи|сто|half a million|two hundred and five)",
        "[A-ZА-Я]{1,3}-?[0-9]{1,4}",
    ];
    let unit = prop_oneof![
        "(₽|руб\\.|тыс\\. руб|долларов|%|процентов|дней|рабочих дня|недели|лет|шт|кг|кресел|ноября|утра|к)"
    ];
    let word = prop_oneof![
        "(от|до|за|цена|стоит|скидка|диван|Осло|в|с|не более|осталось|завтра|May|or|и|год|:|;|—|,)"
    ];
    let piece = prop_oneof![
        (number, unit).prop_map(|(number, unit)| format!("{number} {unit}")),
        word,
    ];
    prop::collection::vec(piece, 1..10).prop_map(|pieces| pieces.join(" "))
}

proptest! {
    #[test]
    fn no_text_stops_the_check(text in "\\PC{0,200}", passage in "\\PC{0,100}") {
        against(&text, &passage);
    }

    #[test]
    fn no_mix_of_numbers_stops_the_check(text in "[0-9a-zа-яА-Я₽$€% .,:;/+()@\u{a0}\u{200b}\n–—-]{0,80}") {
        against(&text, &text);
    }

    #[test]
    fn what_is_copied_from_a_passage_is_allowed(
        all in prop::collection::vec(sentences(), 1..6), pick in any::<prop::sample::Index>(),
    ) {
        let passage = all.join(".\n");
        let text = &all[pick.index(all.len())];
        for finding in against(text, &passage) {
            prop_assert!(finding.allowed(), "{finding:?} of {text:?} in {passage:?}");
        }
        let whole = against(&passage, &passage);
        prop_assert!(whole.iter().all(Finding::allowed), "{whole:?}");
    }

    #[test]
    fn a_price_changed_by_one_is_vetoed(
        rubles in 2_i64..100_000_000, up in any::<bool>(),
        said in prop::sample::select(vec![
            "Стоит {} ₽.", "Цена: {} руб.", "Всего {} рублей", "{}р.", "Price: {} RUB", "RUB {}",
        ]),
    ) {
        let prices = [item("SKU", "Диван", rubles * 100, "RUB")];
        let changed = if up { rubles + 1 } else { rubles - 1 };
        let source = format!("Диван стоит {rubles} ₽ за штуку.");
        let client = [format!("Отдайте за {changed} ₽")];
        let evidence = Evidence {
            prices: &prices,
            passages: &[("p", &source)],
            client_texts: &client,
            instructions: &client[0],
            today: day(2026, 11, 21),
        };
        let allowed = |amount: i64| {
            let findings = check(&said.replace("{}", &amount.to_string()), &evidence);
            !findings.is_empty() && findings.iter().all(Finding::allowed)
        };
        prop_assert!(allowed(rubles));
        prop_assert!(!allowed(changed));
    }
}
