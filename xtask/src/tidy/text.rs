//! Rules for every text file, whatever its language.

use super::{Finding, Rule, Source};

const UNFINISHED: Rule = Rule {
    why: "an unfinished place in the code is a promise nobody keeps",
    mend: "finish it, or open an issue and delete the mark",
};

const HOME_PATH: Rule = Rule {
    why: "a path of one machine means nothing on another",
    mend: "make it relative to the repository, or take it from the environment",
};

/// Written in halves, so that this file does not find itself.
const MARKS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("HA", "CK"),
];
const HOMES: [&str; 4] = [
    concat!("/ro", "ot/"),
    concat!("/ho", "me/"),
    concat!("/Us", "ers/"),
    concat!("/wo", "rk/"),
];

pub(super) fn check(source: &Source) -> Vec<Finding> {
    // Written by cargo, not by people.
    if source.path == "Cargo.lock" {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for mark in MARKS.iter().filter(|mark| has_word(line, mark)) {
            findings.push(source.finding(index + 1, format!("`{mark}`"), UNFINISHED));
        }
        for home in HOMES.iter().filter(|home| starts_path(line, home)) {
            findings.push(source.finding(index + 1, format!("a path below `{home}`"), HOME_PATH));
        }
    }
    findings
}

fn has_word(line: &str, word: &str) -> bool {
    let is_edge = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric());
    line.match_indices(word).any(|(start, _)| {
        let bytes = line.as_bytes();
        is_edge(start.checked_sub(1).and_then(|before| bytes.get(before)))
            && is_edge(bytes.get(start + word.len()))
    })
}

/// Whether `home` begins a path; in `docs/work/x` or a URL it does not.
fn starts_path(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(start, _)| {
        let before = line[..start].chars().next_back();
        before.is_none_or(|before| " \"'`(=:[,".contains(before))
    })
}

#[cfg(test)]
mod tests {
    use super::super::source;
    use super::*;

    #[test]
    fn marks_are_found_as_words() {
        let mark = MARKS[0];
        assert_eq!(
            check(&source("a.rs", &format!("fine\n// {mark}: later")))[0].line,
            2
        );
        assert!(check(&source("a.rs", &format!("// {mark}S of a person"))).is_empty());
    }

    #[test]
    fn only_absolute_paths_are_found() {
        let home = HOMES[1];
        assert_eq!(check(&source("a.md", &format!("see `{home}x/y`"))).len(), 1);
        assert!(check(&source("a.md", &format!("see web{home}x"))).is_empty());
    }
}
