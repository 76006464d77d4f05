//! What is told by its form alone: links, phones, dates and times in digits, fixed phrases.

use std::ops::Range;
use std::sync::LazyLock;

use chrono::{Datelike, Days, NaiveDate};
use regex::{Captures, Regex};

use super::Kind;
use super::claim::{Date, MICRO, TimeUnit, Value};

type Read = fn(&Captures<'_>, &Context) -> Option<Value>;

/// What a form needs to know beside itself.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context {
    pub(super) today: NaiveDate,
    /// The text is written in Cyrillic letters.
    pub(super) cyrillic: bool,
}

/// Everything found, in the order of the text; where two overlap, the form that is listed first.
pub(super) fn find(text: &str, context: &Context) -> Vec<(Range<usize>, Value)> {
    let mut found: Vec<(Range<usize>, Value)> = Vec::new();
    for form in FORMS.iter() {
        if !form.hints.iter().any(|hint| text.contains(hint)) {
            continue;
        }
        for captures in form.pattern.captures_iter(text) {
            let Some(whole) = captures.get(0) else {
                continue;
            };
            let span =
                whole.start()..whole.start() + whole.as_str().trim_end_matches(TRAILING).len();
            let free = found
                .iter()
                .all(|(taken, _)| taken.end <= span.start || span.end <= taken.start);
            let free = free && stands_alone(text, &span);
            if let (true, Some(value)) = (free, (form.read)(&captures, context)) {
                found.push((span, value));
            }
        }
    }
    found.sort_by_key(|(span, _)| span.start);
    found
}

/// Whether no letter or digit goes before: «небесплатно» is another word.
fn stands_alone(text: &str, span: &Range<usize>) -> bool {
    let starts_word = text[span.clone()].starts_with(char::is_alphanumeric);
    !(starts_word && text[..span.start].ends_with(char::is_alphanumeric))
}

/// Ends a sentence rather than a link.
const TRAILING: [char; 9] = ['.', ',', ';', ':', '!', '?', ')', ']', ' '];

/// A form: its pattern, and signs or words one of which every text of this form has, so that most
/// texts need no search. Word boundaries are those of ASCII, which are found much faster; those of
/// Cyrillic words are left to [`stands_alone`].
struct Form {
    hints: &'static [&'static str],
    pattern: Regex,
    read: Read,
}

const DOT: &[&str] = &["."];
const FREE: &[&str] = &["бесплатн", "free"];
const HALF: &[&str] = &[
    "пол",
    "half",
    "вдвое",
    "втрое",
    "вчетверо",
    "треть",
    "четверть",
    "раза",
    "off",
];
const SPAN: &[&str] = &[
    "пожизненн",
    "бессрочн",
    "lifetime",
    "пол",
    "летн",
    "год",
    "дневн",
    "недельн",
    "месячн",
    "часов",
    "минутн",
];
const RELATIVE: &[&str] = &[
    "недел",
    "месяц",
    "года",
    "выходн",
    "week",
    "month",
    "year",
    "tomorrow",
];

static FORMS: LazyLock<Vec<Form>> = LazyLock::new(|| {
    let forms: [(&[&str], &str, Read); 21] = [
        (&["://", "www."], r#"(?:https?://|www\.)[^\s<>«»"']+"#, link),
        (
            &["@"],
            r"[a-zа-я0-9_.%+-]+@[a-zа-я0-9_-]+(?:\.[a-zа-я0-9_-]+)+",
            link,
        ),
        (&["@"], r"@[a-z][a-z0-9_]{3,}", link),
        (
            DOT,
            r#"(?-u:\b)(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}(?-u:\b)(?:[/?#][^\s<>«»"']*)?"#,
            link,
        ),
        (
            &[".рф", ".рус", ".онлайн", ".сайт", ".москва"],
            r#"(?:[а-я0-9-]+\.)+(?:рф|рус|онлайн|сайт|москва)(?:[/?#][^\s<>«»"']*)?"#,
            link,
        ),
        (&["+"], r"\+[0-9][0-9 ()-]{6,18}[0-9](?-u:\b)", phone),
        (
            &["7", "8"],
            r"(?-u:\b)[78][ -]?\(?[0-9]{3}\)?[ -]?[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{2}(?-u:\b)",
            phone,
        ),
        (
            &["("],
            r"\([0-9]{3,5}\) ?[0-9]{1,3}[ -]?[0-9]{2}[ -]?[0-9]{2}(?-u:\b)",
            phone,
        ),
        (
            &["-", "."],
            r"(?:\([0-9]{3}\) ?|(?-u:\b)[0-9]{3}[-.])[0-9]{3}[-.][0-9]{4}(?-u:\b)",
            phone,
        ),
        (
            &["-"],
            r"(?-u:\b)[0-9]{2,3}-[0-9]{2}-[0-9]{2}(?-u:\b)",
            phone,
        ),
        (
            &["-"],
            r"(?-u:\b)(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})(?-u:\b)",
            date,
        ),
        (
            DOT,
            r"(?-u:\b)(?P<d>[0-9]{1,2})\.(?P<m>[0-9]{1,2})\.(?P<y>[0-9]{4}|[0-9]{2})(?-u:\b)",
            date,
        ),
        (
            &["/"],
            r"(?-u:\b)(?P<a>[0-9]{1,2})/(?P<b>[0-9]{1,2})/(?P<y>[0-9]{4}|[0-9]{2})(?-u:\b)",
            slashed_date,
        ),
        (
            &["am", "pm", "a.m", "p.m"],
            r"(?-u:\b)(?P<h>[0-9]{1,2})(?::(?P<min>[0-5][0-9]))? ?(?P<half>am|pm|a\.m|p\.m)(?-u:\b)",
            time,
        ),
        (
            &["утра", "вечера"],
            r"(?-u:\b)(?P<h>[0-9]{1,2})(?::(?P<min>[0-5][0-9]))? (?:час(?:ов|а)? )?(?P<half>утра|вечера)",
            time,
        ),
        (
            &[":"],
            r"(?-u:\b)(?P<h>[0-9]{1,2}):(?P<min>[0-5][0-9])(?-u:\b)",
            time,
        ),
        (
            &["24", "круглосуточн", "around the clock"],
            r"(?-u:\b)24 ?/ ?7(?-u:\b)|круглосуточн[а-я]*|around the clock",
            always_open,
        ),
        (
            RELATIVE,
            r"(?P<ru>эт|следующ|прошл)[а-я]* (?P<ru_unit>недел|месяц)[а-я]*|(?-u:\b)(?P<en>this|next|last) (?P<en_unit>week|month)(?-u:\b)|day after tomorrow|(?:до|в|к) конц[а-я]* (?:недели|месяца|года)|(?-u:\b)end of (?:the |this )?(?:week|month|year)(?-u:\b)|(?:на|в|до) выходны[а-я]*|(?-u:\b)weekends?(?-u:\b)",
            relative,
        ),
        (
            FREE,
            r"бесплатн[а-я]*|(?-u:\b)free of charge|(?-u:\b)for free(?-u:\b)|(?-u:\b)free (?:[a-z]+ )?(?:delivery|shipping|installation|assembly|returns?|consultation|trial|samples?|fitting|setup|service)(?-u:\b)",
            free,
        ),
        (
            HALF,
            r"пол ?цены|половин[а-я]* (?:цены|стоимости)|(?-u:\b)half(?:[ -]the)?[ -](?:price|off)(?-u:\b)|(?:вдвое|в два раза|в 2 раза) (?:дешевле|меньше|ниже)|(?:на (?:треть|четверть|половину)|втрое|вчетверо) (?:дешевле|меньше|ниже)|(?-u:\b)a (?:third|quarter) off(?-u:\b)",
            part_off,
        ),
        (
            SPAN,
            r"пожизненн[а-я]*|бессрочн[а-я]*|(?-u:\b)lifetime (?:warranty|guarantee)|(?P<ru>одно|двух|трех|четырех|пяти|шести|семи|восьми|девяти|десяти|полу|пол)(?P<unit>летн|годов|годичн|год|дневн|дня|недельн|месячн|месяц|часов|час|минутн)[а-я]*|годов[а-я]+ гаранти[а-я]*",
            span,
        ),
    ];
    let form = |(hints, text, read)| Form {
        hints,
        pattern: pattern(text),
        read,
    };
    forms.into_iter().map(form).collect()
});

#[expect(clippy::expect_used, reason = "fixed patterns, compiled by the tests")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("patterns are valid")
}

fn number<T: std::str::FromStr>(captures: &Captures<'_>, group: &str) -> Option<T> {
    captures.name(group)?.as_str().parse().ok()
}

fn link(captures: &Captures<'_>, _: &Context) -> Option<Value> {
    let link = captures.get(0)?.as_str().trim_end_matches(TRAILING);
    let link = link
        .strip_prefix("https://")
        .or(link.strip_prefix("http://"))
        .unwrap_or(link);
    let link = link
        .strip_prefix("www.")
        .unwrap_or(link)
        .trim_end_matches('/');
    Some(Value::Link(link.to_owned()))
}

fn phone(captures: &Captures<'_>, _: &Context) -> Option<Value> {
    let digits: String = captures
        .get(0)?
        .as_str()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    Some(Value::Phone(digits))
}

fn date(captures: &Captures<'_>, _: &Context) -> Option<Value> {
    day(
        number(captures, "y")?,
        number(captures, "m")?,
        number(captures, "d")?,
    )
}

/// Day first in Cyrillic text, month first in the rest, unless only the other way is a date.
fn slashed_date(captures: &Captures<'_>, context: &Context) -> Option<Value> {
    let (a, b): (u32, u32) = (number(captures, "a")?, number(captures, "b")?);
    let year = number(captures, "y")?;
    let (day_first, month_first) = (day(year, b, a), day(year, a, b));
    if context.cyrillic {
        day_first.or(month_first)
    } else {
        month_first.or(day_first)
    }
}

fn day(year: i32, month: u32, day: u32) -> Option<Value> {
    let year = if year < 100 { 2_000 + year } else { year };
    NaiveDate::from_ymd_opt(year, month, day).map(|day| Value::Date(Date::Day(day)))
}

fn time(captures: &Captures<'_>, _: &Context) -> Option<Value> {
    let hour: u32 = number(captures, "h")?;
    let minute = number(captures, "min").unwrap_or(0);
    let half = captures.name("half").map_or("", |half| half.as_str());
    let hour = match half {
        "" => hour,
        _ if hour > 12 => return None,
        "am" | "a.m" | "утра" => hour % 12,
        _ => hour % 12 + 12,
    };
    (hour <= 24).then_some(Value::Date(Date::Time(hour * 60 + minute)))
}

fn always_open(_: &Captures<'_>, _: &Context) -> Option<Value> {
    Some(Value::Named(Kind::Date, "24/7"))
}

fn relative(captures: &Captures<'_>, context: &Context) -> Option<Value> {
    let word = captures.name("ru").or(captures.name("en"));
    let whole = captures.get(0)?.as_str();
    let ends = [("недели", "week"), ("месяца", "month"), ("года", "year")];
    if whole.contains("конц") || whole.starts_with("end of") {
        let unit = ends
            .iter()
            .find(|(russian, english)| whole.ends_with(russian) || whole.ends_with(english));
        return unit.map(|(_, unit)| Value::Named(Kind::Date, unit));
    }
    if whole.contains("выходн") || whole.starts_with("weekend") {
        return Some(Value::Named(Kind::Date, "weekend"));
    }
    let Some(word) = word else {
        return context
            .today
            .checked_add_days(Days::new(2))
            .map(|day| Value::Date(Date::Day(day)));
    };
    let unit = captures
        .name("ru_unit")
        .or(captures.name("en_unit"))?
        .as_str();
    let is_week = matches!(unit, "недел" | "week");
    let ahead = match word.as_str() {
        "эт" | "this" => 0,
        "следующ" | "next" => 1,
        _ => -1,
    };
    if is_week {
        return Some(Value::Named(
            Kind::Date,
            ["last week", "this week", "next week"][(ahead + 1) as usize],
        ));
    }
    let months = context.today.year() * 12 + context.today.month0() as i32 + ahead;
    Some(Value::Date(Date::Month {
        year: months.div_euclid(12),
        month: months.rem_euclid(12) as u32 + 1,
    }))
}

/// Nothing to pay, in whatever currency.
fn free(_: &Captures<'_>, _: &Context) -> Option<Value> {
    Some(Value::Named(Kind::Money, "free"))
}

/// What part of the price goes.
fn part_off(captures: &Captures<'_>, _: &Context) -> Option<Value> {
    let whole = captures.get(0)?.as_str();
    let has = |words: [&str; 2]| words.iter().any(|word| whole.contains(word));
    Some(match () {
        () if has(["втрое", "вчетверо"]) => Value::Named(Kind::Percent, "times"),
        () if has(["треть", "third"]) => Value::Named(Kind::Percent, "third"),
        () if has(["четверть", "quarter"]) => Value::Percent(25 * MICRO),
        () => Value::Percent(50 * MICRO),
    })
}

/// «Трёхлетняя», «полгода», «годовая гарантия».
fn span(captures: &Captures<'_>, _: &Context) -> Option<Value> {
    let whole = captures.get(0)?.as_str();
    // «После полудня» is no span.
    if whole.starts_with("полудн") {
        return None;
    }
    if ["пожизн", "бессроч", "lifetime"]
        .iter()
        .any(|word| whole.starts_with(word))
    {
        return Some(Value::Named(Kind::Duration, "lifetime"));
    }
    const MANY: [&str; 10] = [
        "одно",
        "двух",
        "трех",
        "четырех",
        "пяти",
        "шести",
        "семи",
        "восьми",
        "девяти",
        "десяти",
    ];
    let halves = match captures.name("ru").map(|many| many.as_str()) {
        None => 2,
        Some("пол" | "полу") => 1,
        Some(many) => 2 * (MANY.iter().position(|known| *known == many)? as i128 + 1),
    };
    let (unit, of) = match captures.name("unit").map_or("год", |unit| unit.as_str()) {
        "дневн" | "дня" => (TimeUnit::Day, 1),
        "недельн" => (TimeUnit::Day, 7),
        "месячн" | "месяц" => (TimeUnit::Month, 1),
        "часов" | "час" => (TimeUnit::Second, 3_600),
        "минутн" => (TimeUnit::Second, 60),
        _ => (TimeUnit::Month, 12),
    };
    Some(Value::Duration {
        micros: halves * of * MICRO / 2,
        unit,
    })
}
