//! Phone numbers as Russians, Americans and their neighbours write them, and any with a plus.
//!
//! How a number is written says how sure it is one: with a plus, or with brackets around its area,
//! or in the groups of a phone, it stands for itself; eleven digits in one piece could be an
//! order's as well, and are believed unless the word before them says so.

use super::number::{Group, Run, joined};
use super::words::{self, Context};

/// Calling codes (ITU-T E.164) with how many digits may follow; other codes are followed by
/// [`OTHERS`].
const PLANS: &[(&str, usize, usize)] = &[
    ("1", 10, 10),
    ("7", 10, 10),
    ("20", 8, 10),
    ("27", 9, 9),
    ("30", 10, 10),
    ("31", 9, 9),
    ("32", 8, 9),
    ("33", 9, 9),
    ("34", 9, 9),
    ("36", 8, 9),
    ("39", 8, 11),
    ("40", 9, 9),
    ("41", 9, 9),
    ("43", 7, 12),
    ("44", 9, 10),
    ("45", 8, 8),
    ("46", 7, 10),
    ("47", 8, 8),
    ("48", 9, 9),
    ("49", 6, 11),
    ("51", 8, 9),
    ("52", 10, 10),
    ("54", 10, 11),
    ("55", 10, 11),
    ("56", 9, 9),
    ("57", 10, 10),
    ("58", 10, 10),
    ("60", 8, 10),
    ("61", 9, 9),
    ("62", 8, 12),
    ("63", 8, 10),
    ("64", 8, 10),
    ("65", 8, 8),
    ("66", 8, 9),
    ("81", 9, 10),
    ("82", 8, 10),
    ("84", 9, 10),
    ("86", 10, 11),
    ("90", 10, 10),
    ("91", 10, 10),
    ("92", 9, 10),
    ("98", 10, 10),
    ("351", 9, 9),
    ("352", 5, 9),
    ("353", 7, 9),
    ("358", 6, 11),
    ("359", 7, 9),
    ("370", 8, 8),
    ("371", 8, 8),
    ("372", 7, 8),
    ("373", 8, 8),
    ("374", 8, 8),
    ("375", 9, 9),
    ("380", 9, 9),
    ("381", 8, 9),
    ("385", 8, 9),
    ("386", 8, 8),
    ("420", 9, 9),
    ("421", 9, 9),
    ("852", 8, 8),
    ("886", 8, 9),
    ("961", 7, 8),
    ("962", 8, 9),
    ("965", 8, 8),
    ("966", 9, 9),
    ("971", 8, 9),
    ("972", 8, 9),
    ("976", 8, 8),
    ("992", 9, 9),
    ("993", 8, 8),
    ("994", 9, 9),
    ("995", 9, 9),
    ("996", 9, 9),
    ("998", 9, 9),
];
const OTHERS: (usize, usize) = (7, 12);

/// More groups no phone has.
const MOST_GROUPS: usize = 7;

/// How sure it is that groups are a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sureness {
    /// When the word before says that a phone comes.
    Told,
    /// Unless the word before says that something else comes, or the one after that it is an
    /// amount.
    Likely,
    /// In any case.
    Sure,
}

/// How many groups of the run from the `first` are a phone.
pub(super) fn length(text: &str, run: &Run, first: usize) -> Option<usize> {
    let groups = &run.groups[first..];
    let plus = (first == 0).then_some(run.plus).flatten();
    if let Some(plus) = plus {
        return international(text, groups).filter(|_| !words::touches(text, plus));
    }
    let context = words::before(text, groups[0].range.start);
    let most = groups.len().min(MOST_GROUPS);
    (1..=most).rev().find(|count| {
        let is_whole = groups.get(*count).is_none_or(|next| next.gap.parts());
        let end = groups[count - 1].range.end;
        let written = sureness(text, &groups[..*count]);
        is_whole && written.is_some_and(|written| is_believed(written, context, text, end))
    })
}

fn is_believed(written: Sureness, context: Context, text: &str, end: usize) -> bool {
    match (written, context) {
        (Sureness::Sure, _) => true,
        (_, Context::Other) => false,
        (Sureness::Told, Context::None) => false,
        (Sureness::Told | Sureness::Likely, _) => !words::is_amount(&text[end..]),
    }
}

/// The number of groups after a plus that make the longest number of its country.
fn international(text: &str, groups: &[Group]) -> Option<usize> {
    let most = groups.len().min(MOST_GROUPS);
    (1..=most).rev().find(|count| {
        let is_whole = groups.get(*count).is_none_or(|next| next.gap.parts());
        is_whole && has_plan(&without_trunk(text, &groups[..*count]))
    })
}

/// The digits of `+44 (0)20 7946 0958`, but for what is dialled within the country only.
fn without_trunk(text: &str, groups: &[Group]) -> String {
    match groups {
        [code, trunk, rest @ ..] if trunk.gap.open && &text[trunk.range.clone()] == "0" => {
            text[code.range.clone()].to_owned() + &joined(text, rest)
        }
        _ => joined(text, groups),
    }
}

/// Whether these are a calling code and as many digits as its country has.
fn has_plan(digits: &str) -> bool {
    let plan = PLANS.iter().find(|(code, ..)| digits.starts_with(code));
    let (code, fewest, most) = plan.map_or(("000", OTHERS.0, OTHERS.1), |plan| *plan);
    let rest = digits.get(code.len()..).unwrap_or_default();
    // Areas of these two begin so.
    let is_area = match code {
        "1" => rest.starts_with(|first| ('2'..='9').contains(&first)),
        "7" => rest.starts_with(|first| ('3'..='9').contains(&first)),
        _ => !digits.starts_with('0'),
    };
    is_area && (fewest..=most).contains(&rest.len())
}

fn sureness(text: &str, groups: &[Group]) -> Option<Sureness> {
    let digits = joined(text, groups);
    let lengths: Vec<_> = groups.iter().map(Group::len).collect();
    let in_brackets = |index: usize| {
        let (group, next) = (&groups[index], groups.get(index + 1));
        group.gap.open && next.is_some_and(|next| next.gap.close)
    };
    let number = Number {
        digits: &digits,
        lengths: &lengths,
        area_in_brackets: in_brackets(0),
        second_in_brackets: groups.len() > 1 && in_brackets(1),
        is_dotted: groups[1..].iter().any(|group| group.gap.dot),
    };
    let is_spaced = groups[1..]
        .iter()
        .all(|group| group.gap.space && !group.gap.dash);
    let is_amount = lengths.len() > 1
        && is_spaced
        && !number.second_in_brackets
        && !number.area_in_brackets
        && lengths[1..].iter().all(|length| *length == 3);
    (!is_amount).then(|| number.sureness()).flatten()
}

/// A number as it is written.
struct Number<'a> {
    digits: &'a str,
    lengths: &'a [usize],
    area_in_brackets: bool,
    second_in_brackets: bool,
    is_dotted: bool,
}

impl Number<'_> {
    fn sureness(&self) -> Option<Sureness> {
        let rules = [
            Self::trunk,
            Self::american,
            Self::area,
            Self::british,
            Self::dialled,
            Self::short,
        ];
        rules.iter().filter_map(|rule| rule(self)).max()
    }

    fn starts(&self, firsts: &str) -> bool {
        self.digits.starts_with(|first| firsts.contains(first))
    }

    /// The digit at `index` is one of these.
    fn has(&self, index: usize, digits: &str) -> bool {
        let digit = self.digits[index..].chars().next();
        digit.is_some_and(|digit| digits.contains(digit))
    }

    /// `8 (916) 123-45-67`, `7 916 123 45 67`, `89161234567`.
    fn trunk(&self) -> Option<Sureness> {
        if self.digits.len() != 11 || !self.starts("78") || self.is_decimal() {
            return None;
        }
        if self.second_in_brackets {
            return Some(Sureness::Sure);
        }
        if !self.has(1, "034789") {
            return None;
        }
        match self.lengths {
            [1, _, _, _, _] => Some(Sureness::Sure),
            [1, ..] | [4, ..] | [7, ..] | [11] if !self.has(1, "0") => Some(Sureness::Likely),
            _ => None,
        }
    }

    /// `8.9161234567` is a fraction.
    fn is_decimal(&self) -> bool {
        self.is_dotted && self.lengths.len() == 2
    }

    /// `1-415-555-0132`, `(415) 555-0132`, `415.555.0132`.
    fn american(&self) -> Option<Sureness> {
        let area = match self.lengths {
            [1, 3, 3, 4] if self.starts("1") => 1,
            [3, 3, 4] => 0,
            _ => return None,
        };
        let is_plan = self.has(area, "23456789") && self.has(area + 3, "23456789");
        let is_sure = self.area_in_brackets || self.second_in_brackets;
        is_plan.then_some(if is_sure {
            Sureness::Sure
        } else {
            Sureness::Likely
        })
    }

    /// Ten digits with the area first: `(495) 123-45-67`, `916 123 45 67`, `067 123 45 67`.
    fn area(&self) -> Option<Sureness> {
        if self.digits.len() != 10 || self.is_decimal() {
            return None;
        }
        match self.lengths {
            [3..=5, _, ..] if self.area_in_brackets => Some(Sureness::Sure),
            [3, 3, 2, 2] | [4, 2, 2, 2] if self.has(0, "03489") => Some(Sureness::Likely),
            [3, 3, 4] | [3, 7] if self.has(0, "9") => Some(Sureness::Likely),
            _ => None,
        }
    }

    /// `020 7946 0958`, `07700 900123`.
    fn british(&self) -> Option<Sureness> {
        let is_shape = match self.lengths {
            [3, 4, 4] | [5, 6] | [5, 3, 3] | [4, 3, 4] => self.has(1, "1237"),
            [11] => self.has(1, "7"),
            _ => false,
        };
        (is_shape && self.starts("0")).then_some(Sureness::Likely)
    }

    /// `0049 30 123456`.
    fn dialled(&self) -> Option<Sureness> {
        let rest = self.digits.strip_prefix("00")?;
        let is_split = self.lengths[0] > 2 || self.lengths.len() > 2;
        (is_split && rest.len() >= 9 && has_plan(rest)).then_some(Sureness::Likely)
    }

    /// `123-45-67` after a word that says what it is.
    fn short(&self) -> Option<Sureness> {
        let is_date = matches!(self.lengths, [2, 2, 4] | [4, 2, 2]);
        let is_length = (6..=12).contains(&self.digits.len());
        (is_length && !is_date && !self.is_decimal()).then_some(Sureness::Told)
    }
}
