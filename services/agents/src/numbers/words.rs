//! Numbers written in words, and the words that stand beside numbers.

use std::collections::HashMap;
use std::sync::LazyLock;

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

/// Values and the words for them, in every form in which they meet a noun.
const UNITS: [(i128, &str); 24] = [
    (0, "ноль нуля zero"),
    (1, "один одна одно одну одного одной одним одном one"),
    (
        2,
        "два две двух двум двумя двое двоих пара пару пары two couple",
    ),
    (3, "три трех трем тремя трое троих three"),
    (4, "четыре четырех четырем four"),
    (5, "пять пяти пятью five"),
    (6, "шесть шести six"),
    (7, "семь семи seven"),
    (8, "восемь восьми eight"),
    (9, "девять девяти nine"),
    (10, "десять десяти десяток ten"),
    (11, "одиннадцать одиннадцати eleven"),
    (12, "двенадцать двенадцати дюжина дюжину twelve dozen"),
    (13, "тринадцать тринадцати thirteen"),
    (14, "четырнадцать четырнадцати fourteen"),
    (15, "пятнадцать пятнадцати fifteen"),
    (16, "шестнадцать шестнадцати sixteen"),
    (17, "семнадцать семнадцати seventeen"),
    (18, "восемнадцать восемнадцати eighteen"),
    (19, "девятнадцать девятнадцати nineteen"),
    (100, "сотня"),
    (50, "полсотни"),
    (500, "полтысячи полтыщи"),
    (500_000, "полмиллиона"),
];

const TENS: [(i128, &str); 8] = [
    (20, "двадцать двадцати twenty"),
    (30, "тридцать тридцати thirty"),
    (40, "сорок сорока forty"),
    (50, "пятьдесят пятидесяти fifty"),
    (60, "шестьдесят шестидесяти sixty"),
    (70, "семьдесят семидесяти seventy"),
    (80, "восемьдесят восьмидесяти eighty"),
    (90, "девяносто девяноста ninety"),
];

const HUNDREDS: [(i128, &str); 9] = [
    (100, "сто ста сотню"),
    (200, "двести двухсот"),
    (300, "триста трехсот"),
    (400, "четыреста четырехсот"),
    (500, "пятьсот пятисот"),
    (600, "шестьсот шестисот"),
    (700, "семьсот семисот"),
    (800, "восемьсот восьмисот"),
    (900, "девятьсот девятисот"),
];

/// Words that are more often an article or a figure of speech than a number: they count only
/// before a unit («одна неделя», «пару дней»).
const WEAK: &str = "один одна одно одну одного одной одним одном one пара пару пары couple двое трое двоих \
    троих";

pub(super) fn is_weak(word: &str) -> bool {
    is_one_of(word, WEAK)
}

pub(super) fn part(word: &str) -> Option<Part> {
    static NUMERALS: LazyLock<HashMap<&str, Part>> = LazyLock::new(|| {
        let of = |table: &[(i128, &'static str)], room| {
            let part = |value| Part::Value {
                tenths: value * 10,
                room,
            };
            let parts: Vec<_> = table
                .iter()
                .map(|(value, words)| (part(*value), *words))
                .collect();
            dictionary(&parts)
        };
        let mut all = of(&UNITS, 0);
        all.extend(of(&TENS, 10));
        all.extend(of(&HUNDREDS, 100));
        all
    });
    let value = |tenths, room| Some(Part::Value { tenths, room });
    if let Some(numeral) = NUMERALS.get(word) {
        return Some(*numeral);
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
        _ if word.starts_with("тысяч") || word.starts_with("тыщ") => Some(Part::Scale {
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
    const CODES: &str =
        "rub rur usd eur gbp kzt uah byn cny uzs kgs amd azn pln chf jpy inr ils cad aed";
    let is_code = word.len() == 3 && word.is_ascii();
    if is_code && !is_one_of(word, CODES) {
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
    const WORKING: &str = "рабоч банковск business working bank";
    const ANY: &str = "календарн calendar полн full цел whole";
    if starts_with_any(word, WORKING) {
        Some(true)
    } else {
        starts_with_any(word, ANY).then_some(false)
    }
}

/// Units of measure by one name each.
pub(super) fn measure(word: &str) -> Option<&'static str> {
    const MEASURES: [(&str, &str); 20] = [
        (
            "piece",
            "шт штук штука штуки штуку pc pcs piece pieces ед единиц единицы единица unit units",
        ),
        ("mm", "мм mm миллиметр миллиметра миллиметров"),
        ("cm", "см cm сантиметр сантиметра сантиметров centimeters"),
        ("m", "м m метр метра метров meter meters"),
        ("km", "км km километр километра километров kilometers"),
        ("m²", "м² m² м2 m2 квм sqm"),
        ("m³", "м³ m³ м3 m3 кубометр кубометра кубометров"),
        ("inch", "дюйм дюйма дюймов inch inches"),
        ("ft", "ft foot feet"),
        ("g", "г гр g грамм грамма граммов gram grams"),
        ("kg", "кг kg килограмм килограмма килограммов"),
        ("t", "т тонна тонны тонн ton tons"),
        ("lb", "lb lbs"),
        ("ml", "мл ml миллилитров"),
        ("l", "л l литр литра литров liter liters"),
        ("W", "вт w ватт"),
        ("kW", "квт kw"),
        ("GB", "гб gb"),
        ("person", "человек человека чел person persons people"),
        ("time", "раз раза times"),
    ];
    static UNITS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| dictionary(&MEASURES));
    UNITS.get(word).copied()
}

/// Endings that make digits an ordinal: «2-й», "3rd".
pub(super) fn is_ordinal_ending(word: &str) -> bool {
    const ENDINGS: &str = "й я е го ю му ый ой ая ое ые st nd rd th";
    is_one_of(word, ENDINGS)
}

/// Endings of a cardinal in an oblique case: «5-ти», «2-х».
pub(super) fn is_case_ending(word: &str) -> bool {
    is_one_of(word, "х ух ех ти и ми м")
}

/// 1–12; `true` when the word alone is a month ("may" and "march" are not, nor is «ноя»).
pub(super) fn month(word: &str) -> Option<(u32, bool)> {
    const STEMS: [&str; 12] = [
        "январ",
        "феврал",
        "март",
        "апрел",
        "ма",
        "июн",
        "июл",
        "август",
        "сентябр",
        "октябр",
        "ноябр",
        "декабр",
    ];
    const ENDINGS: &str = "ь я е ю ем ём у й";
    const SHORT: [&str; 12] = [
        "янв", "фев", "мар", "апр", "май", "июн", "июл", "авг", "сен", "окт", "ноя", "дек",
    ];
    const ENGLISH: [(&str, &str); 12] = [
        ("january", "jan"),
        ("february", "feb"),
        ("march", "mar"),
        ("april", "apr"),
        ("may", "may"),
        ("june", "jun"),
        ("july", "jul"),
        ("august", "aug"),
        ("september", "sep sept"),
        ("october", "oct"),
        ("november", "nov"),
        ("december", "dec"),
    ];
    let is_russian = |stem: &str| match word.strip_prefix(stem) {
        Some("") => is_bare(stem),
        Some(ending) if stem == "ма" => matches!(ending, "й" | "я" | "е" | "ю"),
        Some(ending) => {
            is_one_of(ending, ENDINGS) || (is_bare(stem) && matches!(ending, "а" | "ом"))
        }
        None => false,
    };
    let months = (1..).zip(STEMS.into_iter().zip(SHORT).zip(ENGLISH));
    for (number, ((stem, short), (english, abbreviated))) in months {
        if is_russian(stem) {
            return Some((number, true));
        }
        if word == english {
            return Some((number, !matches!(word, "may" | "march")));
        }
        if word == short || is_one_of(word, abbreviated) {
            return Some((number, false));
        }
    }
    None
}

/// Months whose nominative has no ending: «март», «августа».
fn is_bare(stem: &str) -> bool {
    matches!(stem, "март" | "август")
}

/// 1 = Monday … 7 = Sunday.
pub(super) fn weekday(word: &str) -> Option<u32> {
    const DAYS: [(u32, &str); 7] = [
        (
            1,
            "понедельник понедельника понедельнику понедельникам пн monday mondays",
        ),
        (2, "вторник вторника вторнику вторникам вт tuesday tuesdays"),
        (3, "среду среды среде средам ср wednesday wednesdays"),
        (
            4,
            "четверг четверга четвергу четвергам чт thursday thursdays",
        ),
        (
            5,
            "пятница пятницу пятницы пятнице пятницам пт friday fridays",
        ),
        (
            6,
            "суббота субботу субботы субботе субботам сб saturday saturdays",
        ),
        (7, "воскресенье воскресенья воскресеньям вс sunday sundays"),
    ];
    static NAMES: LazyLock<HashMap<&str, u32>> = LazyLock::new(|| dictionary(&DAYS));
    NAMES.get(word).copied()
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

/// Every word of a table with what it means.
fn dictionary<T: Copy>(table: &[(T, &'static str)]) -> HashMap<&'static str, T> {
    let entries = table
        .iter()
        .flat_map(|(meaning, words)| words.split(' ').map(|word| (word, *meaning)));
    entries.collect()
}

fn is_one_of(word: &str, words: &str) -> bool {
    words.split(' ').any(|known| known == word)
}

fn starts_with_any(word: &str, stems: &str) -> bool {
    stems.split(' ').any(|stem| word.starts_with(stem))
}

/// Next to these a bare number is an amount of money.
pub(super) fn is_price_word(word: &str) -> bool {
    const STEMS: &str = "цена цену цены цене ценой стоимост стоит стоят стоить price cost обойд";
    starts_with_any(word, STEMS)
}

pub(super) fn is_sum_word(word: &str) -> bool {
    const STEMS: &str =
        "бюджет сумм итог оплат предоплат аванс budget total amount deposit pay fee";
    starts_with_any(word, STEMS)
}

/// «Минимальная стоимость 500 ₽» is a lowest price without «от».
pub(super) fn is_lowest_word(word: &str) -> bool {
    starts_with_any(word, "минимальн наименьш lowest")
}

pub(super) fn is_highest_word(word: &str) -> bool {
    starts_with_any(word, "максимальн наибольш highest")
}

/// Next to these a bare number is how many there are.
pub(super) fn is_stock_word(word: &str) -> bool {
    const STEMS: &str = "остат остал остае налич количеств склад stock qty quantity left";
    starts_with_any(word, STEMS)
}

pub(super) fn is_discount_word(word: &str) -> bool {
    const STEMS: &str = "скидк скидо скину скинем уступ дешевле discount off cheaper";
    starts_with_any(word, STEMS)
}

/// The sentence speaks of what the client has said.
pub(super) fn is_quoting_word(word: &str) -> bool {
    const STEMS: &str = "бюджет предел рассчит уклад указал назвал написал писал сказал говор спрашив спросил просил просит упомян \
        budget said mention asked wrote told asking quoted named";
    starts_with_any(word, STEMS)
}

/// What talk itself consists of: «два вопроса», "three options" promise nothing.
pub(super) fn is_talk_noun(word: &str) -> bool {
    const STEMS: &str = "вариант вопрос момент способ шаг слов option question step thing way word";
    starts_with_any(word, STEMS)
}

/// Words that do not say what is counted.
pub(super) fn is_function_word(word: &str) -> bool {
    const WORDS: &str = "и или а но в во с со на за по до от из к ко у о об при для без под над это не ни то \
        как что чтобы если же бы ли and or but in on at of to for with from by is are it \
        per as the a an if than";
    is_one_of(word, WORDS)
}
