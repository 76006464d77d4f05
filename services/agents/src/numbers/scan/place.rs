//! What the words around a number say about it.

use super::super::amount::{self, Amount, Unit};
use super::super::claim::{Bound, MICRO, Sentence};
use super::super::token::{Lexeme, Token};
use super::super::words;
use super::{Joined, Scan};

/// A dot after these ends no sentence.
const SHORT: [&str; 17] = [
    "тыс", "млн", "млрд", "руб", "р", "коп", "шт", "г", "ул", "д", "кв", "мес", "мин", "дн", "т",
    "долл", "арт",
];

/// Of every token: what its sentence says.
pub(super) fn sentences(tokens: &[Token<'_>]) -> Vec<Sentence> {
    let mut all = Vec::with_capacity(tokens.len());
    let mut start = 0;
    for at in 0..tokens.len() {
        if ends_sentence(tokens, at) || at + 1 == tokens.len() {
            let sentence = sentence(&tokens[start..=at]);
            all.resize(at + 1, sentence);
            start = at + 1;
        }
    }
    all
}

fn ends_sentence(tokens: &[Token<'_>], at: usize) -> bool {
    let token = &tokens[at];
    let open = tokens.get(at + 1).is_none_or(|next| !next.glued);
    let short = at > 0
        && tokens[at - 1]
            .word()
            .is_some_and(|word| SHORT.contains(&word));
    token.lexeme == Lexeme::NewLine
        || token.is_sign(&['!', '?'])
        || (token.is_sign(&['.']) && open && !short)
}

fn sentence(tokens: &[Token<'_>]) -> Sentence {
    let any = |test: fn(&str) -> bool| tokens.iter().filter_map(Token::word).any(test);
    Sentence {
        quotes_client: any(words::is_quoting_word),
        states_price: any(words::is_price_word),
        speaks_of_discount: any(words::is_discount_word),
        is_question: tokens.last().is_some_and(|last| last.is_sign(&['?'])),
    }
}

impl<'t> Scan<'t> {
    /// Whether the words before an amount make it the lowest or the highest.
    pub(super) fn bound(&self, at: usize) -> Bound {
        let word = |back: usize| {
            at.checked_sub(back)
                .and_then(|at| self.word(at))
                .unwrap_or("")
        };
        let colon = usize::from(at > 0 && self.is_sign(at - 1, &[':']));
        let (last, before) = (word(1 + colon), word(2 + colon));
        let denied = matches!(before, "не" | "no" | "not");
        match last {
            "более" | "больше" | "свыше" | "over" => {
                either(denied, Bound::UpTo, Bound::From)
            }
            "менее" | "меньше" => either(denied, Bound::From, Bound::UpTo),
            "дольше" | "позднее" | "позже" | "later" | "longer" if denied => {
                Bound::UpTo
            }
            "than" if matches!(before, "more" | "greater") => either(
                matches!(word(3 + colon), "no" | "not"),
                Bound::UpTo,
                Bound::From,
            ),
            "than" => Bound::UpTo,
            "от" | "from" | "минимум" | "minimum" => Bound::From,
            "least" => Bound::From,
            "at" if before == "starting" => Bound::From,
            "с" if before == "начиная" => Bound::From,
            "до" | "максимум" | "max" | "maximum" | "within" | "under" | "most" | "течение" => {
                Bound::UpTo
            }
            "to" if before == "up" => Bound::UpTo,
            _ if self.words_before(at, 4).any(words::is_lowest_word) => Bound::From,
            _ if self.words_before(at, 4).any(words::is_highest_word) => Bound::UpTo,
            _ => Bound::Exact,
        }
    }

    /// [`Self::bound`], or the plus of «10+».
    pub(super) fn bound_around(&self, at: usize, end: usize) -> Bound {
        let plus = self.is_sign(end, &['+']) && self.tokens[end].glued;
        if plus { Bound::From } else { self.bound(at) }
    }

    /// Where a second amount stands that belongs to the first.
    pub(super) fn connected(&self, at: usize, first: &Amount) -> Option<(usize, Joined)> {
        let end = first.end;
        let next = self.tokens.get(end + 1)?;
        if self.is_sign(end, &['-', '–']) {
            let glued = self.tokens[end].glued && next.glued;
            let second = amount::amount(self.tokens, end + 1, false)?;
            let raw = second.scaled.map_or(second.micros, |(group, _)| group);
            let near = first.micros < raw && raw <= first.micros.saturating_mul(10);
            return (glued || near).then_some((end + 1, Joined::Range));
        }
        let before = at.checked_sub(1).and_then(|at| self.word(at)).unwrap_or("");
        match self.word(end)? {
            "до" if matches!(before, "от" | "с") => Some((end + 1, Joined::Range)),
            "to" => Some((end + 1, Joined::Range)),
            "and" if before == "between" => Some((end + 1, Joined::Range)),
            "или" | "or" | "либо" => Some((end + 1, Joined::Either)),
            _ => None,
        }
    }

    /// The unit that a label gives: «Цена, ₽: 45 000», "Price: from 500".
    pub(super) fn label(&self, at: usize) -> Option<Unit> {
        let mut colon = at.checked_sub(1)?;
        if matches!(self.word(colon), Some("от" | "до" | "from")) {
            colon = colon.checked_sub(1)?;
        }
        if !self.is_sign(colon, &[':']) {
            return None;
        }
        let start = (0..colon)
            .rev()
            .take(8)
            .take_while(|at| !self.ends_label(*at))
            .last()?;
        let label = &self.tokens[start..colon];
        label
            .iter()
            .find_map(|token| match token.lexeme {
                Lexeme::Sign('%') => Some(Unit::Percent),
                Lexeme::Sign(_) => amount::currency_sign(token),
                Lexeme::Word => words::currency(token.text).map(|c| Unit::Money(c.code())),
                _ => None,
            })
            .or_else(|| {
                label
                    .iter()
                    .filter_map(|token| token.word())
                    .find_map(|word| self.labelled(word))
            })
    }

    fn labelled(&self, word: &str) -> Option<Unit> {
        if words::is_discount_word(word) {
            return Some(Unit::Percent);
        }
        if words::is_price_word(word) || words::is_sum_word(word) {
            return Some(Unit::Money(self.home_currency()));
        }
        if words::is_stock_word(word) {
            return Some(Unit::Measure("piece"));
        }
        words::time_unit(word).map(|(unit, of)| Unit::Time(unit, of))
    }

    fn ends_label(&self, at: usize) -> bool {
        let short = at > 0 && self.word(at - 1).is_some_and(|word| SHORT.contains(&word));
        self.is_sign(at, &[';', ':', '|'])
            || self.tokens[at].lexeme == Lexeme::NewLine
            || (self.is_sign(at, &['.']) && !short)
    }

    /// A word about prices among the four tokens before, with no other number between.
    pub(super) fn beside_price(&self, at: usize) -> bool {
        self.words_before(at, 4)
            .any(|word| words::is_price_word(word) || words::is_sum_word(word))
    }

    pub(super) fn beside_stock(&self, at: usize) -> bool {
        self.words_before(at, 3).any(words::is_stock_word)
    }

    fn words_before(&self, at: usize, most: usize) -> impl Iterator<Item = &'t str> {
        let tokens: &'t [Token<'t>] = self.tokens;
        let before = tokens[..at].iter().rev().take(most);
        before
            .take_while(|token| match token.lexeme {
                Lexeme::Word => true,
                Lexeme::Sign(sign) => matches!(sign, ',' | '-' | '–' | ':' | '«' | '»' | '"' | '='),
                _ => false,
            })
            .filter_map(|token| token.word())
    }

    /// «В 2019 году», «с 2010».
    pub(super) fn year(&self, at: usize, micros: i128) -> Option<i32> {
        let year = i32::try_from(micros / MICRO).ok()?;
        let plain = self.tokens[at].text.len() == 4 && (1950..=2100).contains(&year);
        let before = at.checked_sub(1).and_then(|at| self.word(at)).unwrap_or("");
        (plain && matches!(before, "с" | "в" | "since" | "in" | "к" | "до" | "by")).then_some(year)
    }

    /// «Артикул 10234», «№ 15».
    pub(super) fn is_article_number(&self, at: usize) -> bool {
        const WORDS: [&str; 6] = ["артикул", "арт", "код", "sku", "article", "item"];
        let Some(mut before) = at.checked_sub(1) else {
            return false;
        };
        if self.is_sign(before, &['.', ':']) && before > 0 {
            before -= 1;
        }
        self.is_sign(before, &['№', '#'])
            || self.word(before).is_some_and(|word| WORDS.contains(&word))
    }

    /// The stem of the word before, and whether it is a name: in the middle of a sentence with a
    /// capital, or in other letters than the text.
    pub(super) fn name_before(&mut self, at: usize) -> (Option<String>, bool) {
        let Some(mut before) = at.checked_sub(1) else {
            return (None, false);
        };
        if self.is_sign(before, &['«', '"', '»', '„', '“', '”']) && before > 0 {
            before -= 1;
        }
        let tokens: &'t [Token<'t>] = self.tokens;
        let token = &tokens[before];
        let Some(word) = token.word() else {
            return (None, false);
        };
        let first = self.folded.original(&token.span).start;
        let capital = self.original[first..]
            .chars()
            .next()
            .is_some_and(char::is_uppercase);
        let latin = self.context.cyrillic && word.is_ascii();
        let inside = before > 0
            && matches!(
                tokens[before - 1].lexeme,
                Lexeme::Word | Lexeme::Sign(',' | '«' | '"' | '-' | '–')
            );
        let named = (capital && inside || latin)
            && !words::is_stock_word(word)
            && !words::is_function_word(word);
        (Some(self.stem(word)), named)
    }
}

fn either(test: bool, yes: Bound, no: Bound) -> Bound {
    if test { yes } else { no }
}
