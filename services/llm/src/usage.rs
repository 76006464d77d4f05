//! What calls cost: one record a call, however it ended.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::money::{NanoUsd, TokenPrice};
use crate::provider::Tokens;

/// One call of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct CallRecord {
    pub(crate) id: Uuid,
    /// Given by the caller; the same for calls that repeat each other.
    pub(crate) request_id: Uuid,
    /// When it began.
    pub(crate) create_time: DateTime<Utc>,
    /// What it was for; may be empty.
    pub(crate) purpose: String,
    /// `agents/{agent}`; may be empty.
    pub(crate) agent: String,
    pub(crate) provider: Cow<'static, str>,
    /// The model that served, or the one asked for if none did.
    pub(crate) model: String,
    /// The organization's own key that it was made with; `None` = the platform's.
    #[serde(default)]
    pub(crate) key: Option<Uuid>,
    /// No provider was asked: the answer is that of an equal request.
    #[serde(default)]
    pub(crate) cached: bool,
    /// The provider's own id of the call; may be empty.
    pub(crate) generation: String,
    pub(crate) outcome: Outcome,
    /// The fault's reason, for [`Outcome::Failed`].
    pub(crate) reason: Option<Cow<'static, str>>,
    pub(crate) bill: Bill,
    /// Tries made, the successful one included.
    pub(crate) attempts: i32,
    /// From the request to the first content, in milliseconds; `None` if there was none.
    pub(crate) first_token_ms: Option<i32>,
    pub(crate) total_ms: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Outcome {
    Ok,
    Failed,
    /// The caller left before the end.
    Cancelled,
    /// The process died, and nobody knows what became of it.
    Lost,
}

impl Outcome {
    /// The word in the database and in metrics.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Lost => "lost",
        }
    }
}

/// What one call used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Bill {
    pub(crate) tokens: Tokens,
    pub(crate) cost: NanoUsd,
    /// False when `cost` is a guess, or zero for want of a price.
    pub(crate) cost_known: bool,
}

/// What a model charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Prices {
    pub(crate) prompt: TokenPrice,
    pub(crate) completion: TokenPrice,
}

impl Prices {
    /// Whatever is used costs nothing.
    pub(crate) const FREE: Self = Self {
        prompt: TokenPrice(0),
        completion: TokenPrice(0),
    };
}

/// A cost so many times what the call can cost at most is a mistake.
const ABSURD: i64 = 100;

impl Bill {
    /// What is charged for a call for which so much was reserved: all of it where nobody knows the
    /// cost, or where what the provider says cannot be.
    pub(crate) fn charged(self, reserved: NanoUsd) -> Self {
        let is_absurd = reserved.0 > 0 && self.cost.0 > reserved.0.saturating_mul(ABSURD);
        if self.cost_known && !is_absurd {
            return self;
        }
        Self {
            cost: reserved,
            cost_known: false,
            ..self
        }
    }

    /// Nothing was used, and it is known.
    pub(crate) const NOTHING: Self = Self {
        tokens: Tokens {
            prompt: 0,
            completion: 0,
            cached: 0,
        },
        cost: NanoUsd(0),
        cost_known: true,
    };

    /// What the provider says, as far as it does; the rest from prices and from estimates.
    pub(crate) fn settle(
        tokens: Option<Tokens>,
        cost: Option<NanoUsd>,
        estimate: impl FnOnce() -> Tokens,
        prices: Option<Prices>,
    ) -> Self {
        // Nobody uses less than nothing.
        let tokens = tokens.filter(|tokens| tokens.prompt >= 0 && tokens.completion >= 0);
        let counted = tokens.is_some();
        let tokens = tokens.unwrap_or_else(estimate);
        match (cost, prices) {
            (Some(cost), _) => Self {
                tokens,
                cost,
                cost_known: true,
            },
            (None, Some(prices)) => {
                let cost =
                    prices.prompt.of(tokens.prompt) + prices.completion.of(tokens.completion);
                Self {
                    tokens,
                    cost,
                    cost_known: counted || prices == Prices::FREE,
                }
            }
            (None, None) => Self {
                tokens,
                cost: NanoUsd(0),
                cost_known: false,
            },
        }
    }
}

/// A guess at the tokens of a text by no tokenizer in particular: four ASCII characters or two
/// others make one. Off by a third either way for Russian and English prose.
pub(crate) fn estimate_tokens(text: &str) -> i64 {
    let ascii = text.bytes().filter(u8::is_ascii).count();
    let others = text.chars().count() - ascii;
    i64::try_from(ascii.div_ceil(4) + others.div_ceil(2)).unwrap_or(i64::MAX)
}

/// The calls of one day, or of all days, together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct UsageSum {
    pub(crate) calls: i64,
    pub(crate) failed_calls: i64,
    /// Those that were answered without asking a provider.
    pub(crate) cached_calls: i64,
    /// `cost_known` is that of every call.
    pub(crate) bill: Bill,
}

impl UsageSum {
    pub(crate) fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.failed_calls += other.failed_calls;
        self.cached_calls += other.cached_calls;
        self.bill.tokens.prompt += other.bill.tokens.prompt;
        self.bill.tokens.completion += other.bill.tokens.completion;
        self.bill.tokens.cached += other.bill.tokens.cached;
        self.bill.cost = self.bill.cost + other.bill.cost;
        self.bill.cost_known &= other.bill.cost_known;
    }

    /// The sum of all days.
    pub(crate) fn total(days: &[UsageDay]) -> Self {
        let mut total = Self {
            bill: Bill::NOTHING,
            ..Self::default()
        };
        for day in days {
            total.add(&day.sum);
        }
        total
    }
}

/// The calls of one day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UsageDay {
    pub(crate) date: NaiveDate,
    pub(crate) sum: UsageSum,
}

/// What calls are summed by, besides days.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grouping {
    Agent,
    Model,
    Key,
}

/// The calls that have the same agent, model or key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsageGroup {
    pub(crate) key: String,
    pub(crate) sum: UsageSum,
}

/// Which calls to sum.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsageQuery {
    /// Inclusive.
    pub(crate) start: DateTime<Utc>,
    /// Exclusive.
    pub(crate) end: DateTime<Utc>,
    /// `agents/{agent}`; empty = all.
    pub(crate) agent: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRICES: Prices = Prices {
        prompt: TokenPrice(150_000),
        completion: TokenPrice(600_000),
    };
    const COUNTED: Tokens = Tokens {
        prompt: 1_000,
        completion: 100,
        cached: 0,
    };

    fn settle(tokens: Option<Tokens>, cost: Option<NanoUsd>, prices: Option<Prices>) -> Bill {
        Bill::settle(
            tokens,
            cost,
            || Tokens {
                prompt: 2_000,
                ..Tokens::default()
            },
            prices,
        )
    }

    #[test]
    fn the_provider_is_believed_first() {
        let bill = settle(Some(COUNTED), Some(NanoUsd(7)), Some(PRICES));
        assert_eq!(
            bill,
            Bill {
                tokens: COUNTED,
                cost: NanoUsd(7),
                cost_known: true
            }
        );
    }

    #[test]
    fn counted_tokens_and_prices_make_a_known_cost() {
        let bill = settle(Some(COUNTED), None, Some(PRICES));
        assert_eq!((bill.cost.micro_usd(), bill.cost_known), (210, true));
    }

    #[test]
    fn guesses_are_called_guesses() {
        let bill = settle(None, None, Some(PRICES));
        assert_eq!(
            (bill.tokens.prompt, bill.cost.micro_usd(), bill.cost_known),
            (2_000, 300, false)
        );
        assert!(!settle(Some(COUNTED), None, None).cost_known);
        assert!(settle(None, None, Some(Prices::FREE)).cost_known);
    }

    #[test]
    fn what_nobody_knows_costs_what_was_reserved() {
        let reserved = NanoUsd(1_000);
        let charged = |bill: Bill| bill.charged(reserved).cost;
        assert_eq!(charged(Bill::NOTHING), NanoUsd(0));
        assert_eq!(charged(settle(None, Some(NanoUsd(7)), None)), NanoUsd(7));
        assert_eq!(charged(settle(None, None, Some(PRICES))), reserved);
        assert_eq!(charged(settle(Some(COUNTED), None, None)), reserved);
        let absurd = settle(Some(COUNTED), Some(NanoUsd(i64::MAX)), None);
        assert_eq!(charged(absurd), reserved);
        assert!(!absurd.charged(reserved).cost_known);
    }

    #[test]
    fn estimates_follow_the_script() {
        assert_eq!(estimate_tokens(""), 0);
        assert_eq!(estimate_tokens("four word text"), 4);
        assert_eq!(estimate_tokens("цена"), 2);
    }

    #[test]
    fn one_unknown_cost_makes_the_sum_unknown() {
        let known = UsageSum {
            calls: 1,
            failed_calls: 0,
            cached_calls: 1,
            bill: Bill::NOTHING,
        };
        let unknown = UsageSum {
            calls: 2,
            failed_calls: 1,
            cached_calls: 0,
            bill: Bill::default(),
        };
        let date = NaiveDate::default();
        let days = [
            UsageDay { date, sum: known },
            UsageDay { date, sum: unknown },
        ];
        let total = UsageSum::total(&days);
        assert_eq!(
            (total.calls, total.failed_calls, total.bill.cost_known),
            (3, 1, false)
        );
        assert!(UsageSum::total(&[]).bill.cost_known);
    }
}
