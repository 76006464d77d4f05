//! The corpus of `tests/data/personal.txt`: what is found of it, and what else.

use std::fmt::Write as _;
use std::ops::Range;

use super::Kind;
use super::find::{Found, find};

const CORPUS: &str = include_str!("../../tests/data/personal.txt");

/// A line without its marks, and what they mark.
fn read(line: &str) -> (String, Vec<Found>) {
    let (mut text, mut marked) = (String::new(), Vec::new());
    for part in line.split('⟨') {
        let Some((value, rest)) = part.split_once('⟩') else {
            text.push_str(part);
            continue;
        };
        let (kind, value) = value.split_once(' ').unwrap();
        let kind = match kind {
            "E" => Kind::Email,
            "P" => Kind::Phone,
            "C" => Kind::Card,
            other => panic!("{other}"),
        };
        let range = Range {
            start: text.len(),
            end: text.len() + value.len(),
        };
        marked.push(Found { kind, range });
        text.push_str(value);
        text.push_str(rest);
    }
    (text, marked)
}

#[derive(Default)]
struct Score {
    marked: usize,
    found: usize,
    right: usize,
}

impl Score {
    fn precision(&self) -> f64 {
        self.right as f64 / self.found as f64
    }

    fn recall(&self) -> f64 {
        self.right as f64 / self.marked as f64
    }
}

/// A value counts as found when all of it is masked, and nothing else, as what it is.
#[test]
fn the_corpus_is_masked() {
    let mut scores = [const {
        Score {
            marked: 0,
            found: 0,
            right: 0,
        }
    }; 3];
    let (mut lines, mut wrong) = (0, String::new());
    for line in CORPUS
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
    {
        lines += 1;
        let (text, marked) = read(line);
        let found = find(&text);
        for one in &marked {
            scores[one.kind as usize].marked += 1;
        }
        for one in &found {
            let score = &mut scores[one.kind as usize];
            score.found += 1;
            score.right += usize::from(marked.contains(one));
        }
        if found != marked {
            let found = found.iter().map(|one| (one.kind, &text[one.range.clone()]));
            writeln!(wrong, "{line}\n    {:?}", found.collect::<Vec<_>>()).unwrap();
        }
    }
    println!("{wrong}{lines} lines");
    let mut all = Score::default();
    for (kind, score) in Kind::ALL.iter().zip(&scores) {
        report(kind.word(), score);
        all.marked += score.marked;
        all.found += score.found;
        all.right += score.right;
    }
    report("all", &all);
    assert!(all.precision() >= 0.97 && all.recall() >= 0.97, "{wrong}");
}

fn report(name: &str, score: &Score) {
    println!(
        "{name}: precision {:.3}, recall {:.3} ({} marked, {} found, {} of them right)",
        score.precision(),
        score.recall(),
        score.marked,
        score.found,
        score.right,
    );
}

#[test]
fn text_without_digits_and_signs_has_nothing() {
    assert_eq!(find("Здравствуйте! Сколько стоит доставка?"), []);
}

/// The shortest of three, for others may be at work.
fn time_of(numbers: usize) -> std::time::Duration {
    let text = "8 900 000 12 ".repeat(numbers);
    let times = (0..3).map(|_| {
        let began = std::time::Instant::now();
        find(&text);
        began.elapsed()
    });
    times.min().unwrap()
}

#[test]
fn a_list_of_numbers_that_is_longer_takes_longer_only_in_proportion() {
    let (short, long) = (time_of(500), time_of(16 * 500));
    // Sixteen times as long; quadratic, it would take 256 times.
    assert!(long < short * 64, "{short:?}, {long:?}");
}
