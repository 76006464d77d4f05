//! Numbers written in words, and the words that stand beside numbers.

use super::claim::TimeUnit;
use crate::price_book::currency::Currency;

/// A word that adds to a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Part {
    /// A value in tenths, so that `полтора` is one; what may follow must be less than `room`.
    Value { tenths: i128, room: i128 },
    /// «Сто» is a value, "hundred" multiplies.
    Hundred,
    /// What stands before is multiplied; `alone`: without anything before it is one of it.
    Scale { by: i128, alone: bool },
}

const UNITS: [(&str, i128); 88] = [
    ("ноль", 0),
    ("нуля", 0),
    ("один", 1),
    ("одна", 1),
    ("одно", 1),
    ("одну", 1),
    ("одного", 1),
    ("одной", 1),
    ("одним", 1),
    ("одном", 1),
    ("два", 2),
    ("две", 2),
    ("двух", 2),
    ("двум", 2),
    ("двумя", 2),
    ("три", 3),
    ("трех", 3),
    ("трем", 3),
    ("тремя", 3),
    ("четыре", 4),
    ("четырех", 4),
    ("четырем", 4),
    ("пять", 5),
    ("пяти", 5),
    ("пятью", 5),
    ("шесть", 6),
    ("шести", 6),
    ("семь", 7),
    ("семи", 7),
    ("восемь", 8),
    ("восьми", 8),
    ("девять", 9),
    ("девяти", 9),
    ("десять", 10),
    ("десяти", 10),
    ("десяток", 10),
    ("одиннадцать", 11),
    ("одиннадцати", 11),
    ("двенадцать", 12),
    ("двенадцати", 12),
    ("дюжина", 12),
    ("дюжину", 12),
    ("тринадцать", 13),
    ("тринадцати", 13),
    ("четырнадцать", 14),
    ("четырнадцати", 14),
    ("пятнадцать", 15),
    ("пятнадцати", 15),
    ("шестнадцать", 16),
    ("шестнадцати", 16),
    ("семнадцать", 17),
    ("семнадцати", 17),
    ("восемнадцать", 18),
    ("восемнадцати", 18),
    ("девятнадцать", 19),
    ("девятнадцати", 19),
    ("двое", 2),
    ("трое", 3),
    ("двоих", 2),
    ("троих", 3),
    ("полтысячи", 500),
    ("полмиллиона", 500_000),
    ("zero", 0),
    ("one", 1),
    ("two", 2),
    ("three", 3),
    ("four", 4),
    ("five", 5),
    ("six", 6),
    ("seven", 7),
    ("eight", 8),
    ("nine", 9),
    ("ten", 10),
    ("eleven", 11),
    ("twelve", 12),
    ("dozen", 12),
    ("thirteen", 13),
    ("fourteen", 14),
    ("fifteen", 15),
    ("sixteen", 16),
    ("seventeen", 17),
    ("eighteen", 18),
    ("nineteen", 19),
    ("пара", 2),
    ("пару", 2),
    ("пары", 2),
    ("couple", 2),
    ("сотня", 100),
];

const TENS: [(&str, i128); 24] = [
    ("двадцать", 20),
    ("двадцати", 20),
    ("тридцать", 30),
    ("тридцати", 30),
    ("сорок", 40),
    ("сорока", 40),
    ("пятьдесят", 50),
    ("пятидесяти", 50),
    ("шестьдесят", 60),
    ("шестидесяти", 60),
    ("семьдесят", 70),
    ("семидесяти", 70),
    ("восемьдесят", 80),
    ("восьмидесяти", 80),
    ("девяносто", 90),
    ("девяноста", 90),
    ("twenty", 20),
    ("thirty", 30),
    ("forty", 40),
    ("fifty", 50),
    ("sixty", 60),
    ("seventy", 70),
    ("eighty", 80),
    ("ninety", 90),
];

const HUNDREDS: [(&str, i128); 19] = [
    ("сто", 100),
    ("ста", 100),
    ("сотню", 100),
    ("двести", 200),
    ("двухсот", 200),
    ("триста", 300),
    ("трехсот", 300),
    ("четыреста", 400),
    ("четырехсот", 400),
    ("пятьсот", 500),
    ("пятисот", 500),
    ("шестьсот", 600),
    ("шестисот", 600),
    ("семьсот", 700),
    ("семисот", 700),
    ("восемьсот", 800),
    ("восьмисот", 800),
    ("девятьсот", 900),
    ("девятисот", 900),
];

/// Words that are more often an article or a figure of speech than a number: they count only
/// before a unit («одна неделя», «пару дней»).
const WEAK: [&str; 17] = [
    "один",
    "одна",
    "одно",
    "одну",
    "одного",
    "одной",
    "одним",
    "одном",
    "one",
    "пара",
    "пару",
    "пары",
    "couple",
    "двое",
    "трое",
    "двоих",
    "троих",
];

pub(super) fn is_weak(word: &str) -> bool {
    WEAK.contains(&word)
}

pub(super) fn part(word: &str) -> Option<Part> {
    let find = |table: &[(&str, i128)]| {
        table
            .iter()
            .find(|(known, _)| *known == word)
            .map(|(_, value)| *value)
    };
    let value = |tenths, room| Some(Part::Value { tenths, room });
    if let Some(units) = find(&UNITS) {
        return value(units * 10, 0);
    }
    if let Some(tens) = find(&TENS) {
        return value(tens * 10, 10);
    }
    if let Some(hundreds) = find(&HUNDREDS) {
        return value(hundreds * 10, 100);
    }
    match word {
        "полтора" | "полторы" | "полутора" => value(15, 0),
        "half" => value(5, 0),
        "hundred" => Some(Part::Hundred),
        "тыс" => Some(Part::Scale {
            by: 1_000,
            alone: false,
        }),
        "млн" | "mln" => Some(Part::Scale {
            by: 1_000_000,
            alone: false,
        }),
        "млрд" | "bn" => Some(Part::Scale {
            by: 1_000_000_000,
            alone: false,
        }),
        "thousand" | "thousands" | "grand" => Some(Part::Scale {
            by: 1_000,
            alone: true,
        }),
        "million" | "millions" => Some(Part::Scale {
            by: 1_000_000,
            alone: true,
        }),
        "billion" | "billions" => Some(Part::Scale {
            by: 1_000_000_000,
            alone: true,
        }),
        _ if word.starts_with("тысяч") => Some(Part::Scale {
            by: 1_000,
            alone: true,
        }),
        _ if word.starts_with("миллион") => Some(Part::Scale {
            by: 1_000_000,
            alone: true,
        }),
        _ if word.starts_with("миллиард") => Some(Part::Scale {
            by: 1_000_000_000,
            alone: true,
        }),
        _ => None,
    }
}

/// The currency that a sign or word names. Of codes only those that are no English words.
pub(super) fn currency(word: &str) -> Option<Currency> {
    const CODES: [&str; 20] = [
        "rub", "rur", "usd", "eur", "gbp", "kzt", "uah", "byn", "cny", "uzs", "kgs", "amd", "azn",
        "pln", "chf", "jpy", "inr", "ils", "cad", "aed",
    ];
    let is_code = word.len() == 3 && word.is_ascii();
    if is_code && !CODES.contains(&word) {
        None
    } else {
        Currency::parse(word)
    }
}

/// The currency whose hundredth a word names.
pub(super) fn cents(word: &str) -> Option<Currency> {
    match word {
        "коп" | "копеек" | "копейки" | "копейка" | "копейку" => {
            Currency::of_code("RUB")
        }
        "cent" | "cents" | "цент" | "цента" | "центов" => Currency::of_code("USD"),
        _ => None,
    }
}

/// Scales that are letters glued to digits: `45к`, `$2m`.
pub(super) fn glued_scale(word: &str, after_currency: bool) -> Option<i128> {
    match word {
        "к" | "k" => Some(1_000),
        "кк" | "kk" => Some(1_000_000),
        "m" | "mm" if after_currency => Some(1_000_000),
        "b" if after_currency => Some(1_000_000_000),
        _ => None,
    }
}

/// The unit of time a word names, and how many of [`TimeUnit`] it is.
pub(super) fn time_unit(word: &str) -> Option<(TimeUnit, i128)> {
    let second = |seconds| Some((TimeUnit::Second, seconds));
    let day = |days| Some((TimeUnit::Day, days));
    let month = |months| Some((TimeUnit::Month, months));
    match word {
        "сек" | "sec" | "secs" | "second" | "seconds" => second(1),
        "мин" | "min" | "mins" | "minute" | "minutes" => second(60),
        "ч" | "час" | "часа" | "часов" | "часам" | "часах" | "часу" | "часы" | "h" | "hr"
        | "hrs" | "hour" | "hours" | "hourly" => second(3_600),
        "день" | "дня" | "дней" | "дни" | "дню" | "дням" | "днях" | "днем" | "дн" | "сутки"
        | "суток" | "суткам" | "day" | "days" => day(1),
        "нед" | "week" | "weeks" => day(7),
        "мес" | "month" | "months" | "mo" => month(1),
        "год" | "года" | "году" | "годы" | "годов" | "годам" | "лет" | "годовая" | "годовой"
        | "year" | "years" | "yr" | "yrs" => month(12),
        _ => [
            ("секунд", TimeUnit::Second, 1),
            ("минут", TimeUnit::Second, 60),
            ("часов", TimeUnit::Second, 3_600),
            ("дневн", TimeUnit::Day, 1),
            ("суточн", TimeUnit::Day, 1),
            ("недел", TimeUnit::Day, 7),
            ("месяц", TimeUnit::Month, 1),
            ("месячн", TimeUnit::Month, 1),
            ("квартал", TimeUnit::Month, 3),
            ("годичн", TimeUnit::Month, 12),
            ("летн", TimeUnit::Month, 12),
        ]
        .into_iter()
        .find(|(stem, ..)| word.starts_with(stem))
        .map(|(_, unit, of)| (unit, of)),
    }
}

/// Between a number of days and the word "days": `Some(true)` = days on which people work.
pub(super) fn day_adjective(word: &str) -> Option<bool> {
    const WORKING: [&str; 5] = ["рабоч", "банковск", "business", "working", "bank"];
    const ANY: [&str; 6] = ["календарн", "calendar", "полн", "full", "цел", "whole"];
    let starts = |stems: &[&str]| stems.iter().any(|stem| word.starts_with(stem));
    if starts(&WORKING) {
        Some(true)
    } else {
        starts(&ANY).then_some(false)
    }
}

/// Units of measure by one name each.
pub(super) fn measure(word: &str) -> Option<&'static str> {
    const MEASURES: [(&str, &[&str]); 20] = [
        (
            "piece",
            &[
                "шт",
                "штук",
                "штука",
                "штуки",
                "штуку",
                "pc",
                "pcs",
                "piece",
                "pieces",
                "ед",
                "единиц",
                "единицы",
                "единица",
                "unit",
                "units",
            ],
        ),
        (
            "mm",
            &["мм", "mm", "миллиметр", "миллиметра", "миллиметров"],
        ),
        (
            "cm",
            &[
                "см",
                "cm",
                "сантиметр",
                "сантиметра",
                "сантиметров",
                "centimeters",
            ],
        ),
        (
            "m",
            &["м", "m", "метр", "метра", "метров", "meter", "meters"],
        ),
        (
            "km",
            &[
                "км",
                "km",
                "километр",
                "километра",
                "километров",
                "kilometers",
            ],
        ),
        ("m²", &["м²", "m²", "м2", "m2", "квм", "sqm"]),
        (
            "m³",
            &[
                "м³",
                "m³",
                "м3",
                "m3",
                "кубометр",
                "кубометра",
                "кубометров",
            ],
        ),
        ("inch", &["дюйм", "дюйма", "дюймов", "inch", "inches"]),
        ("ft", &["ft", "foot", "feet"]),
        (
            "g",
            &[
                "г",
                "гр",
                "g",
                "грамм",
                "грамма",
                "граммов",
                "gram",
                "grams",
            ],
        ),
        (
            "kg",
            &["кг", "kg", "килограмм", "килограмма", "килограммов"],
        ),
        ("t", &["т", "тонна", "тонны", "тонн", "ton", "tons"]),
        ("lb", &["lb", "lbs"]),
        ("ml", &["мл", "ml", "миллилитров"]),
        (
            "l",
            &["л", "l", "литр", "литра", "литров", "liter", "liters"],
        ),
        ("W", &["вт", "w", "ватт"]),
        ("kW", &["квт", "kw"]),
        ("GB", &["гб", "gb"]),
        (
            "person",
            &["человек", "человека", "чел", "person", "persons", "people"],
        ),
        ("time", &["раз", "раза", "times"]),
    ];
    MEASURES
        .iter()
        .find(|(_, words)| words.contains(&word))
        .map(|(unit, _)| *unit)
}

/// Endings that make digits an ordinal: «2-й», "3rd".
pub(super) fn is_ordinal_ending(word: &str) -> bool {
    const ENDINGS: [&str; 15] = [
        "й", "я", "е", "го", "ю", "му", "ый", "ой", "ая", "ое", "ые", "st", "nd", "rd", "th",
    ];
    ENDINGS.contains(&word)
}

/// Endings of a cardinal in an oblique case: «5-ти», «2-х».
pub(super) fn is_case_ending(word: &str) -> bool {
    ["х", "ух", "ех", "ти", "и", "ми", "м"].contains(&word)
}

/// 1–12; `true` when the word alone is a month ("may" is not).
pub(super) fn month(word: &str) -> Option<(u32, bool)> {
    const STEMS: [(&str, u32); 11] = [
        ("январ", 1),
        ("феврал", 2),
        ("апрел", 4),
        ("июн", 6),
        ("июл", 7),
        ("август", 8),
        ("сентябр", 9),
        ("октябр", 10),
        ("ноябр", 11),
        ("декабр", 12),
        ("март", 3),
    ];
    let found = STEMS.iter().find(|(stem, _)| {
        word.starts_with(stem) && word.chars().count() <= stem.chars().count() + 2
    });
    if let Some((_, month)) = found {
        return Some((*month, true));
    }
    let english = [
        ("january", "jan"),
        ("february", "feb"),
        ("march", "mar"),
        ("april", "apr"),
        ("may", "may"),
        ("june", "jun"),
        ("july", "jul"),
        ("august", "aug"),
        ("september", "sept"),
        ("october", "oct"),
        ("november", "nov"),
        ("december", "dec"),
    ];
    match word {
        "май" | "мая" | "мае" => Some((5, true)),
        "sep" => Some((9, false)),
        "янв" | "фев" | "апр" | "авг" | "сен" | "окт" | "ноя" | "дек" => {
            month(match word {
                "янв" => "января",
                "фев" => "февраля",
                "апр" => "апреля",
                "авг" => "августа",
                "сен" => "сентября",
                "окт" => "октября",
                "ноя" => "ноября",
                _ => "декабря",
            })
            .map(|(month, _)| (month, false))
        }
        _ => (1..)
            .zip(english)
            .find(|(_, (long, short))| word == *long || word == *short)
            .map(|(number, (long, _))| (number, word == long && word != "may" && word != "march")),
    }
}

/// 1 = Monday … 7 = Sunday.
pub(super) fn weekday(word: &str) -> Option<u32> {
    const DAYS: [&[&str]; 7] = [
        &[
            "понедельник",
            "понедельника",
            "понедельнику",
            "понедельникам",
            "пн",
            "monday",
            "mondays",
        ],
        &[
            "вторник",
            "вторника",
            "вторнику",
            "вторникам",
            "вт",
            "tuesday",
            "tuesdays",
        ],
        &[
            "среду",
            "среды",
            "среде",
            "средам",
            "ср",
            "wednesday",
            "wednesdays",
        ],
        &[
            "четверг",
            "четверга",
            "четвергу",
            "четвергам",
            "чт",
            "thursday",
            "thursdays",
        ],
        &[
            "пятница",
            "пятницу",
            "пятницы",
            "пятнице",
            "пятницам",
            "пт",
            "friday",
            "fridays",
        ],
        &[
            "суббота",
            "субботу",
            "субботы",
            "субботе",
            "субботам",
            "сб",
            "saturday",
            "saturdays",
        ],
        &[
            "воскресенье",
            "воскресенья",
            "воскресеньям",
            "вс",
            "sunday",
            "sundays",
        ],
    ];
    (1..)
        .zip(DAYS)
        .find(|(_, words)| words.contains(&word))
        .map(|(day, _)| day)
}

/// Days from today.
pub(super) fn relative_day(word: &str) -> Option<u64> {
    match word {
        "сегодня" | "сегодняшнего" | "today" | "tonight" => Some(0),
        "завтра" | "завтрашнего" | "tomorrow" => Some(1),
        "послезавтра" => Some(2),
        _ => None,
    }
}

fn starts_with_any(word: &str, stems: &[&str]) -> bool {
    stems.iter().any(|stem| word.starts_with(stem))
}

/// Next to these a bare number is an amount of money.
pub(super) fn is_price_word(word: &str) -> bool {
    const STEMS: [&str; 12] = [
        "цена",
        "цену",
        "цены",
        "цене",
        "ценой",
        "стоимост",
        "стоит",
        "стоят",
        "стоить",
        "price",
        "cost",
        "обойд",
    ];
    starts_with_any(word, &STEMS)
}

pub(super) fn is_sum_word(word: &str) -> bool {
    const STEMS: [&str; 12] = [
        "бюджет",
        "сумм",
        "итог",
        "оплат",
        "предоплат",
        "аванс",
        "budget",
        "total",
        "amount",
        "deposit",
        "pay",
        "fee",
    ];
    starts_with_any(word, &STEMS)
}

/// Next to these a bare number is how many there are.
pub(super) fn is_stock_word(word: &str) -> bool {
    const STEMS: [&str; 10] = [
        "остат",
        "остал",
        "остае",
        "налич",
        "количеств",
        "склад",
        "stock",
        "qty",
        "quantity",
        "left",
    ];
    starts_with_any(word, &STEMS)
}

pub(super) fn is_discount_word(word: &str) -> bool {
    const STEMS: [&str; 9] = [
        "скидк",
        "скидо",
        "скину",
        "скинем",
        "уступ",
        "дешевле",
        "discount",
        "off",
        "cheaper",
    ];
    starts_with_any(word, &STEMS)
}

/// The sentence speaks of what the client has said.
pub(super) fn is_quoting_word(word: &str) -> bool {
    const STEMS: [&str; 21] = [
        "бюджет",
        "указал",
        "назвал",
        "написал",
        "писал",
        "сказал",
        "говор",
        "спрашив",
        "спросил",
        "просил",
        "просит",
        "упомян",
        "budget",
        "said",
        "mention",
        "asked",
        "wrote",
        "told",
        "asking",
        "quoted",
        "named",
    ];
    starts_with_any(word, &STEMS)
}

/// Words that do not say what is counted.
pub(super) fn is_function_word(word: &str) -> bool {
    const WORDS: [&str; 58] = [
        "и",
        "или",
        "а",
        "но",
        "в",
        "во",
        "с",
        "со",
        "на",
        "за",
        "по",
        "до",
        "от",
        "из",
        "к",
        "ко",
        "у",
        "о",
        "об",
        "при",
        "для",
        "без",
        "под",
        "над",
        "это",
        "не",
        "ни",
        "то",
        "как",
        "что",
        "чтобы",
        "если",
        "же",
        "бы",
        "ли",
        "и/или",
        "and",
        "or",
        "but",
        "in",
        "on",
        "at",
        "of",
        "to",
        "for",
        "with",
        "from",
        "by",
        "is",
        "are",
        "it",
        "per",
        "as",
        "the",
        "a",
        "an",
        "if",
        "than",
    ];
    WORDS.contains(&word)
}
