//! How much may be spent: the worst price of a call is reserved before it is made, and what it cost
//! is settled after. What is spent and reserved together never passes a cap, however many calls run
//! at once and whichever process dies.

use chrono::{DateTime, Datelike as _, NaiveDate, Utc};
use uuid::Uuid;

use crate::money::NanoUsd;
use crate::usage::Prices;

/// The resource of caps for everything.
pub(crate) const ORGANIZATION: &str = "organization";

/// Tokens that a chat's form adds to each message, at most.
const MESSAGE_TOKENS: i64 = 16;

/// How long a cap counts before it begins anew, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    Day,
    Month,
}

impl Period {
    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }

    /// Reads [`Period::as_str`] back.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Day, Self::Month]
            .into_iter()
            .find(|period| period.as_str() == word)
    }

    /// When the period of `now` began and when the next one begins.
    pub(crate) fn around(self, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        let today = now.date_naive();
        let (first, next) = match self {
            Self::Day => (today, today.succ_opt()),
            Self::Month => {
                let first = today.with_day(1).unwrap_or(today);
                (first, first.checked_add_months(chrono::Months::new(1)))
            }
        };
        (midnight(first), midnight(next.unwrap_or(NaiveDate::MAX)))
    }

    /// What tells the period of `now` from others.
    fn key(self, now: DateTime<Utc>) -> String {
        let format = match self {
            Self::Day => "%Y-%m-%d",
            Self::Month => "%Y-%m",
        };
        now.format(format).to_string()
    }
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(chrono::NaiveTime::MIN).and_utc()
}

/// What becomes of a call that there is no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Exhaustion {
    /// The next target of its way that fits is asked.
    #[default]
    Degrade,
    /// It is refused, also where another target would fit.
    Refuse,
}

impl Exhaustion {
    /// The word in the database.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Degrade => "degrade",
            Self::Refuse => "refuse",
        }
    }

    /// Reads [`Exhaustion::as_str`] back.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Degrade, Self::Refuse]
            .into_iter()
            .find(|one| one.as_str() == word)
    }
}

/// A cap that a person has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Budget {
    pub(crate) id: Uuid,
    /// [`ORGANIZATION`] or `agents/{agent}`.
    pub(crate) resource: String,
    pub(crate) period: Period,
    pub(crate) cap: NanoUsd,
    pub(crate) exhaustion: Exhaustion,
}

impl Budget {
    /// Which shares of the cap, of those that people are told of, are spent now and were not.
    pub(crate) fn crossed(&self, before: NanoUsd, after: NanoUsd) -> Vec<Share> {
        let is_crossed = |share: &Share| {
            let mark = share.of(self.cap);
            before < mark && mark <= after
        };
        Share::ALL.into_iter().filter(is_crossed).collect()
    }

    /// What calls at `now` are paid from.
    pub(crate) fn purse(&self, now: DateTime<Utc>) -> Purse {
        Purse {
            scope: format!("{}/{}", self.resource, self.period.key(now)),
            cap: self.cap,
            exhaustion: self.exhaustion,
        }
    }
}

/// A share of a cap that people are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// Four fifths.
    Most,
    All,
}

impl Share {
    const ALL: [Self; 2] = [Self::Most, Self::All];

    pub(crate) fn of(self, cap: NanoUsd) -> NanoUsd {
        match self {
            Self::Most => NanoUsd(cap.0 / 5 * 4),
            Self::All => cap,
        }
    }
}

/// A budget and what became of it in the present period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BudgetState {
    pub(crate) budget: Budget,
    pub(crate) spent: NanoUsd,
    pub(crate) held: NanoUsd,
}

impl BudgetState {
    /// What will be spent by the end of the period if it goes on as it has.
    pub(crate) fn forecast(&self, now: DateTime<Utc>) -> NanoUsd {
        let (start, end) = self.budget.period.around(now);
        let passed = i128::from((now - start).num_seconds().max(1));
        let whole = i128::from((end - start).num_seconds());
        let forecast = i128::from(self.spent.0) * whole / passed;
        NanoUsd(i64::try_from(forecast).unwrap_or(i64::MAX))
    }
}

/// Something that calls are paid from, and how much it may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Purse {
    /// `organization/2026-11`, `turns/{turn}`: what was spent is counted by it.
    pub(crate) scope: String,
    pub(crate) cap: NanoUsd,
    pub(crate) exhaustion: Exhaustion,
}

/// What a call can cost at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Worst {
    /// Bytes of all messages: no tokenizer makes more tokens than there are bytes.
    pub(crate) prompt_bytes: usize,
    pub(crate) messages: usize,
    pub(crate) max_tokens: u32,
}

impl Worst {
    pub(crate) fn price(self, prices: Prices) -> NanoUsd {
        let bytes = i64::try_from(self.prompt_bytes).unwrap_or(i64::MAX);
        let messages = i64::try_from(self.messages).unwrap_or(i64::MAX);
        let prompt = bytes.saturating_add(messages.saturating_mul(MESSAGE_TOKENS));
        prices.prompt.of(prompt) + prices.completion.of(self.max_tokens.into())
    }
}

/// A cap that a call would pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the call may cost {} micro-USD, and `{scope}` has {} of {} left",
    needed.micro_usd(), left.micro_usd(), cap.micro_usd())]
pub struct BudgetExceeded {
    pub(crate) scope: String,
    pub(crate) cap: NanoUsd,
    pub(crate) left: NanoUsd,
    pub(crate) needed: NanoUsd,
    pub(crate) exhaustion: Exhaustion,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::TokenPrice;

    fn at(text: &str) -> DateTime<Utc> {
        DateTime::parse_from_rfc3339(text).unwrap().to_utc()
    }

    fn budget(period: Period) -> Budget {
        Budget {
            id: Uuid::nil(),
            resource: ORGANIZATION.to_owned(),
            period,
            cap: NanoUsd(1_000),
            exhaustion: Exhaustion::Degrade,
        }
    }

    #[test]
    fn a_purse_lives_as_long_as_its_period() {
        let purse = |period, time| budget(period).purse(at(time)).scope;
        let late = "2026-11-30T23:59:59Z";
        assert_eq!(purse(Period::Day, late), "organization/2026-11-30");
        assert_eq!(purse(Period::Month, late), "organization/2026-11");
        let next = "2026-12-01T00:00:00Z";
        assert_eq!(Period::Day.around(at(late)).1, at(next));
        assert_eq!(Period::Month.around(at(late)).1, at(next));
        assert_eq!(Period::Month.around(at(late)).0, at("2026-11-01T00:00:00Z"));
    }

    #[test]
    fn each_share_is_crossed_once() {
        let budget = budget(Period::Month);
        let crossed = |before, after| budget.crossed(NanoUsd(before), NanoUsd(after));
        assert_eq!(crossed(0, 799), []);
        assert_eq!(crossed(799, 800), [Share::Most]);
        assert_eq!(crossed(800, 999), []);
        assert_eq!(crossed(999, 1_000), [Share::All]);
        assert_eq!(crossed(1_000, 1_001), []);
        assert_eq!(crossed(0, 5_000), [Share::Most, Share::All]);
    }

    #[test]
    fn the_forecast_goes_on_as_it_was() {
        let state = BudgetState {
            budget: budget(Period::Month),
            spent: NanoUsd(300),
            held: NanoUsd(0),
        };
        assert_eq!(state.forecast(at("2026-11-11T00:00:00Z")), NanoUsd(900));
        assert!(state.forecast(at("2026-11-01T00:00:00Z")).0 > 0);
    }

    #[test]
    fn the_worst_price_is_never_below_the_true_one() {
        let prices = Prices {
            prompt: TokenPrice(1_000_000),
            completion: TokenPrice(2_000_000),
        };
        let worst = Worst {
            prompt_bytes: "цена".len(),
            messages: 1,
            max_tokens: 10,
        };
        assert_eq!(
            worst.price(prices),
            prices.prompt.of(24) + prices.completion.of(10)
        );
        let huge = Worst {
            prompt_bytes: usize::MAX,
            messages: usize::MAX,
            max_tokens: u32::MAX,
        };
        assert_eq!(huge.price(prices), NanoUsd(i64::MAX));
    }
}
