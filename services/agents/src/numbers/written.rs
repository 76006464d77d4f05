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
    for (pattern, read) in FORMS.iter() {
        for captures in pattern.captures_iter(text) {
            let Some(whole) = captures.get(0) else {
                continue;
            };
            let span =
                whole.start()..whole.start() + whole.as_str().trim_end_matches(TRAILING).len();
            let free = found
                .iter()
                .all(|(taken, _)| taken.end <= span.start || span.end <= taken.start);
            if let (true, Some(value)) = (free, read(&captures, context)) {
                found.push((span, value));
            }
        }
    }
    found.sort_by_key(|(span, _)| span.start);
    found
}

/// Ends a sentence rather than a link.
const TRAILING: [char; 9] = ['.', ',', ';', ':', '!', '?', ')', ']', ' '];

static FORMS: LazyLock<Vec<(Regex, Read)>> = LazyLock::new(|| {
    let forms: [(&str, Read); 21] = [
        (r#"(?:https?://|www\.)[^\s<>«»"']+"#, link),
        (r"[\w.%+-]+@[\w-]+(?:\.[\w-]+)+", link),
        (r"\B@[a-z][a-z0-9_]{3,}", link),
        (
            r#"\b(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}\b(?:[/?#][^\s<>«»"']*)?"#,
            link,
        ),
        (
            r#"\b(?:[а-я0-9-]+\.)+(?:рф|рус|онлайн|сайт|москва)\b(?:[/?#][^\s<>«»"']*)?"#,
            link,
        ),
        (r"\+\d[\d ()-]{6,18}\d\b", phone),
        (
            r"\b[78][ -]?\(?\d{3}\)?[ -]?\d{3}[ -]?\d{2}[ -]?\d{2}\b",
            phone,
        ),
        (r"\(\d{3,5}\) ?\d{1,3}[ -]?\d{2}[ -]?\d{2}\b", phone),
        (r"(?:\(\d{3}\) ?|\b\d{3}[-.])\d{3}[-.]\d{4}\b", phone),
        (r"\b\d{2,3}-\d{2}-\d{2}\b", phone),
        (r"\b(?P<y>\d{4})-(?P<m>\d{2})-(?P<d>\d{2})\b", date),
        (
            r"\b(?P<d>\d{1,2})\.(?P<m>\d{1,2})\.(?P<y>\d{4}|\d{2})\b",
            date,
        ),
        (
            r"\b(?P<a>\d{1,2})/(?P<b>\d{1,2})/(?P<y>\d{4}|\d{2})\b",
            slashed_date,
        ),
        (
            r"\b(?P<h>\d{1,2})(?::(?P<min>[0-5]\d))? ?(?P<half>am\b|pm\b|a\.m\b|p\.m\b)",
            time,
        ),
        (
            r"\b(?P<h>\d{1,2})(?::(?P<min>[0-5]\d))? (?:час(?:ов|а)? )?(?P<half>утра|вечера)\b",
            time,
        ),
        (r"\b(?P<h>\d{1,2}):(?P<min>[0-5]\d)\b", time),
        (
            r"\b24 ?/ ?7\b|\bкруглосуточн\w*|\baround the clock\b",
            always_open,
        ),
        (
            r"\b(?:на )?(?P<ru>эт|следующ|прошл)\w* (?P<ru_unit>недел|месяц)\w*|\b(?P<en>this|next|last) (?P<en_unit>week|month)\b|\bday after tomorrow\b",
            relative,
        ),
        (
            r"\bбесплатн\w*|\bfree of charge\b|\bfor free\b|\bfree (?:\w+ )?(?:delivery|shipping|installation|assembly|returns?|consultation|trial|samples?|fitting|setup|service)\b",
            free,
        ),
        (
            r"\bпол ?цены\b|\bполовин\w+ (?:цены|стоимости)|\bhalf(?:[ -]the)?[ -](?:price|off)\b|\b(?:вдвое|в два раза|в 2 раза) (?:дешевле|меньше|ниже)",
            half,
        ),
        (
            r"\bпожизненн\w*|\bбессрочн\w*|\blifetime (?:warranty|guarantee)|\b(?P<ru>одно|двух|трех|четырех|пяти|шести|семи|восьми|девяти|десяти|полу|пол)(?P<unit>летн|годов|годичн|год|дневн|дня\b|недельн|месячн|месяц|часов|час|минутн)\w*|\bгодов\w+ гаранти\w*",
            span,
        ),
    ];
    forms
        .into_iter()
        .map(|(text, read)| (pattern(text), read))
        .collect()
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

fn half(_: &Captures<'_>, _: &Context) -> Option<Value> {
    Some(Value::Percent(50 * MICRO))
}

/// «Трёхлетняя», «полгода», «годовая гарантия».
fn span(captures: &Captures<'_>, _: &Context) -> Option<Value> {
    let whole = captures.get(0)?.as_str();
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
