//! Days, months and spans of time told in words, and digits that are no claim.

use chrono::{Datelike, Days, NaiveDate};

use super::super::claim::{Bound, Date, MICRO, Value};
use super::super::token::Lexeme;
use super::super::words;
use super::Scan;

impl<'t> Scan<'t> {
    fn integer(&self, at: usize) -> Option<u32> {
        match self.tokens.get(at)?.lexeme {
            Lexeme::Number(micros) if micros % MICRO == 0 => u32::try_from(micros / MICRO).ok(),
            _ => None,
        }
    }

    /// The number of a point in a list: «1. », «2) ».
    pub(super) fn list_mark(&self, at: usize) -> Option<usize> {
        let starts = at == 0 || self.tokens[at - 1].lexeme == Lexeme::NewLine;
        let mark = self.tokens.get(at + 1)?;
        let word = self.tokens.get(at + 2)?;
        let is_mark = starts
            && self.integer(at)? < 100
            && mark.glued
            && mark.is_sign(&['.', ')'])
            && word.lexeme == Lexeme::Word
            && !word.glued;
        is_mark.then_some(at + 2)
    }

    /// «21 ноября 2026 года», «21–23 ноября», "21st of November".
    pub(super) fn day_of_month(&mut self, at: usize) -> Option<usize> {
        let (days, month, end) = self.days_of_month(at, 0)?;
        let (year, end) = self.year_after(end);
        let year = year.unwrap_or(self.context.today.year());
        let dates: Option<Vec<_>> = days
            .iter()
            .map(|day| NaiveDate::from_ymd_opt(year, month, *day))
            .collect();
        for date in dates? {
            self.claim(at..end, Value::Date(Date::Day(date)), Bound::Exact);
        }
        Some(end)
    }

    fn days_of_month(&self, at: usize, depth: usize) -> Option<(Vec<u32>, u32, usize)> {
        let day = self.integer(at).filter(|day| (1..=31).contains(day))?;
        let mut end = self.after_ordinal_ending(at + 1).unwrap_or(at + 1);
        if self.word(end) == Some("of") {
            end += 1;
        }
        if let Some((month, _)) = self.word(end).and_then(words::month) {
            return Some((vec![day], month, end + 1));
        }
        let joins = self.is_sign(end, &['-', '–', ','])
            || matches!(
                self.word(end),
                Some("по" | "до" | "и" | "или" | "to" | "and" | "or")
            );
        if !joins || depth > 3 {
            return None;
        }
        let (mut days, month, end) = self.days_of_month(end + 1, depth + 1)?;
        days.insert(0, day);
        Some((days, month, end))
    }

    /// The ending of «5-го», "21st".
    fn after_ordinal_ending(&self, at: usize) -> Option<usize> {
        let at = if self.is_sign(at, &['-']) && self.tokens[at].glued {
            at + 1
        } else {
            at
        };
        let token = self.tokens.get(at)?;
        (token.glued && token.word().is_some_and(words::is_ordinal_ending)).then_some(at + 1)
    }

    fn year_after(&self, at: usize) -> (Option<i32>, usize) {
        let comma = usize::from(self.is_sign(at, &[',', '.']));
        let number = at + comma;
        let year = self
            .integer(number)
            .filter(|year| (1_900..=2_100).contains(year) && self.tokens[number].text.len() == 4)
            .and_then(|year| i32::try_from(year).ok());
        if year.is_none() {
            return (None, at);
        }
        let end = number + 1;
        let named = matches!(self.word(end), Some("г" | "год" | "года" | "году"));
        (year, end + usize::from(named))
    }

    /// Ordinals are no amounts; some are days: «до 5-го», «15-е число», "by the 5th".
    pub(super) fn ordinal(&mut self, at: usize) -> Option<usize> {
        if let (Some(year), end) = self.year_after(at)
            && end > at + 1
        {
            return Some(self.claim(at..end, Value::Date(Date::Year(year)), Bound::Exact));
        }
        let end = self.after_ordinal_ending(at + 1)?;
        let day = self.integer(at)?;
        let before = at.checked_sub(1).and_then(|at| self.word(at)).unwrap_or("");
        let numbered = self.word(end).is_some_and(|word| word.starts_with("числ"));
        let closes = self.word(end).is_none_or(words::is_function_word);
        let timed = matches!(
            before,
            "до" | "к" | "с" | "по" | "the" | "by" | "until" | "on"
        );
        if numbered || (closes && timed) {
            let end = end + usize::from(numbered);
            return Some(self.claim(at..end, Value::Date(Date::DayOfMonth(day)), Bound::Exact));
        }
        Some(end)
    }

    /// «Завтра», «в пятницу», "November 21, 2026", «в декабре». In a question they ask and do not
    /// promise.
    pub(super) fn day_word(&mut self, at: usize) -> Option<usize> {
        let word = self.word(at)?;
        if let Some((month, alone)) = words::month(word) {
            return self.month(at, month, alone);
        }
        let date = match words::relative_day(word) {
            Some(ahead) => self
                .context
                .today
                .checked_add_days(Days::new(ahead))
                .map(Date::Day),
            None => words::weekday(word).map(Date::Weekday),
        }?;
        if self.sentences[at].is_question {
            return Some(at + 1);
        }
        Some(self.claim(at..at + 1, Value::Date(date), Bound::Exact))
    }

    fn month(&mut self, at: usize, month: u32, alone: bool) -> Option<usize> {
        let today = self.context.today;
        if let Some(day) = self.integer(at + 1).filter(|day| (1..=31).contains(day)) {
            let end = self.after_ordinal_ending(at + 2).unwrap_or(at + 2);
            let (year, end) = self.year_after(end);
            let date = NaiveDate::from_ymd_opt(year.unwrap_or(today.year()), month, day)?;
            return Some(self.claim(at..end, Value::Date(Date::Day(date)), Bound::Exact));
        }
        let (year, end) = self.year_after(at + 1);
        if year.is_none() && !alone {
            return None;
        }
        let year = year.unwrap_or(today.year());
        Some(self.claim(
            at..end,
            Value::Date(Date::Month { year, month }),
            Bound::Exact,
        ))
    }

    /// A unit of time without a number is one of it: «год гарантии», «через неделю», "in an hour".
    pub(super) fn unit_alone(&mut self, at: usize) -> Option<usize> {
        const ONE: [&str; 22] = [
            "год",
            "года",
            "месяц",
            "месяца",
            "неделю",
            "недели",
            "неделя",
            "день",
            "дня",
            "сутки",
            "суток",
            "час",
            "часа",
            "минуту",
            "year",
            "month",
            "week",
            "day",
            "hour",
            "minute",
            "квартал",
            "квартала",
        ];
        let word = self.word(at).filter(|word| ONE.contains(word))?;
        let (unit, of) = words::time_unit(word)?;
        let before = |back: usize| {
            at.checked_sub(back)
                .and_then(|at| self.word(at))
                .unwrap_or("")
        };
        let promised = |word: &str| {
            word.starts_with("гаранти")
                || word.starts_with("warrant")
                || word.starts_with("guarant")
        };
        let spans = match before(1) {
            "за" | "через" | "спустя" | "течение" => true,
            "на" => {
                matches!(unit, super::super::claim::TimeUnit::Month) || word.starts_with("недел")
            }
            "a" | "an" => matches!(before(2), "in" | "within" | "for" | "takes" | "after"),
            other => promised(other),
        };
        let warranted = self.word(at + 1).is_some_and(promised);
        if !spans && !warranted {
            return None;
        }
        let bound = self.bound(at);
        Some(self.claim(
            at..at + 1,
            Value::Duration {
                micros: of * MICRO,
                unit,
            },
            bound,
        ))
    }
}
