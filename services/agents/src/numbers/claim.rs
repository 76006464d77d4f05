//! What a number of a text says, and when one says the same as another.

use std::ops::Range;

use chrono::{Datelike, NaiveDate};

use super::Kind;

/// Amounts are kept in millionths, so that they are compared exactly.
pub const MICRO: i128 = 1_000_000;

/// A number of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    /// Bytes of the folded text.
    pub(super) span: Range<usize>,
    pub(super) value: Value,
    pub(super) bound: Bound,
    pub(super) sentence: Sentence,
}

/// What else the sentence of a number says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Sentence {
    /// «Вы писали», "your budget".
    pub(super) quotes_client: bool,
    /// «Стоит», "price".
    pub(super) states_price: bool,
    /// «Скидка», "off".
    pub(super) speaks_of_discount: bool,
    pub(super) is_question: bool,
}

/// Whether the amount is the amount, or its lowest or highest value. «До 15 %» is no source of
/// «15 %», nor «от 45 000» of «45 000».
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Bound {
    #[default]
    Exact,
    From,
    UpTo,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// The currency is a code of ISO 4217.
    Money {
        micros: i128,
        currency: &'static str,
    },
    Percent(i128),
    Date(Date),
    Duration {
        micros: i128,
        unit: TimeUnit,
    },
    /// Of a unit that is known: `kg`, `piece`.
    Measure {
        micros: i128,
        unit: &'static str,
    },
    /// Of anything else, known by the words around.
    Count(Count),
    /// Letters and digits together, separators left out: an article, a model.
    Code(String),
    Phone(String),
    Link(String),
    /// Words with one meaning: `free`, `lifetime`, `24/7`.
    Named(Kind, &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Date {
    Day(NaiveDate),
    Month {
        year: i32,
        month: u32,
    },
    Year(i32),
    DayOfMonth(u32),
    /// 1 = Monday … 7 = Sunday.
    Weekday(u32),
    /// Minutes from midnight.
    Time(u32),
}

/// Units that are whole numbers of each other are one unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeUnit {
    /// Seconds, minutes, hours.
    Second,
    WorkingDay,
    /// Days, weeks.
    Day,
    /// Months, years.
    Month,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Count {
    pub(super) micros: i128,
    /// The stem of the word before.
    pub(super) before: Option<String>,
    /// The word before is a name («Осло 2»): it says what the number is.
    pub(super) named: bool,
    /// The stems of the words after.
    pub(super) after: Vec<String>,
}

impl Value {
    pub(super) fn kind(&self) -> Kind {
        match self {
            Self::Money { .. } => Kind::Money,
            Self::Percent(_) => Kind::Percent,
            Self::Date(_) => Kind::Date,
            Self::Duration { .. } => Kind::Duration,
            Self::Measure { .. } | Self::Count(_) | Self::Code(_) => Kind::Quantity,
            Self::Phone(_) => Kind::Phone,
            Self::Link(_) => Kind::Link,
            Self::Named(kind, _) => *kind,
        }
    }
}

impl Claim {
    /// Whether `self`, found in a source, says what `other` says.
    pub(super) fn backs(&self, other: &Self) -> bool {
        let bounded = matches!(
            other.value.kind(),
            Kind::Money | Kind::Percent | Kind::Duration | Kind::Quantity
        );
        (!bounded || self.bound == other.bound) && same(&self.value, &other.value)
    }

    /// The same for the client's words: «до 50 000» may be answered with «50 000».
    pub(super) fn backs_quote(&self, other: &Self) -> bool {
        same(&self.value, &other.value)
    }
}

fn same(source: &Value, said: &Value) -> bool {
    match (source, said) {
        (Value::Count(source), Value::Count(said)) => source.backs(said),
        (Value::Phone(source), Value::Phone(said)) => tail(source) == tail(said),
        (Value::Date(source), Value::Date(said)) => source.backs(*said),
        _ => source == said,
    }
}

impl Count {
    fn backs(&self, said: &Self) -> bool {
        let same_words = self.before == said.before && self.after == said.after;
        let same_name = said.named && self.before == said.before;
        let same_things = self.after.iter().any(|word| said.after.contains(word));
        self.micros == said.micros && (same_words || same_name || same_things)
    }
}

impl Date {
    /// A day also says its month («до конца ноября» of a day in November does not follow, but «в
    /// ноябре» does).
    fn backs(self, said: Self) -> bool {
        match (self, said) {
            (Self::Day(day), Self::Month { year, month }) => {
                (day.year(), day.month()) == (year, month)
            }
            _ => self == said,
        }
    }
}

/// Ten digits tell a subscriber; what comes before is how the country is dialled.
fn tail(digits: &str) -> &str {
    digits
        .len()
        .checked_sub(10)
        .and_then(|from| digits.get(from..))
        .unwrap_or(digits)
}
