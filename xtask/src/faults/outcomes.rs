//! What the tests of a run came to, read from what they print.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

/// The tests of a run.
#[derive(Debug, Default)]
pub(super) struct Outcomes {
    /// By the name of the function: whether all of that name passed.
    passed: BTreeMap<String, bool>,
    /// Tests that said that they did nothing.
    idle: BTreeSet<String>,
    /// Rows of which a test said that it was not run: `F15`.
    not_run: BTreeSet<String>,
    kills: BTreeMap<String, u64>,
    /// Whose output is being read.
    talking: Option<String>,
}

impl Outcomes {
    /// Takes in a line of the output of `cargo test … -- --show-output`.
    pub(super) fn read(&mut self, line: &str) {
        if let Some((name, ended)) = ended(line) {
            let passed = self.passed.entry(name.to_owned()).or_insert(true);
            *passed &= ended == "ok";
        } else if let Some(name) = heading(line) {
            self.talking = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("NOT RUN: ") {
            self.not_run
                .extend(rest.split(':').next().map(str::to_owned));
        } else if let Some(talking) = &self.talking {
            if line.starts_with("not run:") {
                self.idle.insert(talking.clone());
            }
            *self.kills.entry(talking.clone()).or_default() += kills(line);
        }
    }

    /// How many tests have ended.
    pub(super) fn count(&self) -> usize {
        self.passed.len()
    }

    /// Whether the test of this name ran, and passed.
    pub(super) fn has_held(&self, name: &str) -> bool {
        self.passed.get(name) == Some(&true) && !self.idle.contains(name)
    }

    /// Whether a test of the row said that it was not run.
    pub(super) fn was_not_run(&self, row: &str) -> bool {
        self.not_run.contains(row)
    }

    /// How often the test of this name killed something.
    pub(super) fn kills_of(&self, name: &str) -> u64 {
        self.kills.get(name).copied().unwrap_or_default()
    }

    /// How often anything was killed.
    pub(super) fn kills(&self) -> u64 {
        self.kills.values().sum()
    }
}

/// `test kills::f01_it_dies ... ok`
fn ended(line: &str) -> Option<(&str, &str)> {
    let (path, ended) = line.strip_prefix("test ")?.split_once(" ... ")?;
    Some((function(path), ended))
}

/// `---- kills::f01_it_dies stdout ----`
fn heading(line: &str) -> Option<&str> {
    let path = line.strip_prefix("---- ")?.strip_suffix(" stdout ----")?;
    Some(function(path))
}

fn function(path: &str) -> &str {
    path.rsplit("::").next().unwrap_or(path)
}

/// Of `{"kills": 12, …}` or `F06: 12 kills, …`.
fn kills(line: &str) -> u64 {
    if let Ok(counted) = serde_json::from_str::<Value>(line) {
        return counted["kills"].as_u64().unwrap_or_default();
    }
    let words: Vec<_> = line.split([' ', ',']).collect();
    let counted = words.windows(2).find(|pair| pair[1] == "kills");
    let number = counted.and_then(|pair| pair[0].parse().ok());
    number.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const OUTPUT: &str = "\
running 5 tests
test kills::f01_it_dies ... ok
test f08_it_dies_too ... ok
test stores::f06_it_dies ... FAILED
test a::of_one_name ... ok
NOT RUN: F15: no right to mount

successes:

---- kills::f01_it_dies stdout ----
{\"rows\":\"F01\",\"kills\":12,\"lost\":0}

---- f08_it_dies_too stdout ----
not run: T11_TEST_ENVOY is not set

---- stores::f06_it_dies stdout ----
F06: 20 kills, 3 acknowledged
test b::of_one_name ... FAILED
";

    #[test]
    fn a_test_has_held_if_it_ran_and_passed() {
        let mut outcomes = Outcomes::default();
        OUTPUT.lines().for_each(|line| outcomes.read(line));
        let names = [
            "f01_it_dies",
            "f08_it_dies_too",
            "f06_it_dies",
            "of_one_name",
            "it_never_was",
        ];
        let held = names.map(|name| outcomes.has_held(name));
        assert_eq!(held, [true, false, false, false, false]);
        assert!(outcomes.was_not_run("F15") && !outcomes.was_not_run("F06"));
    }

    #[test]
    fn kills_are_counted_by_test() {
        let mut outcomes = Outcomes::default();
        OUTPUT.lines().for_each(|line| outcomes.read(line));
        assert_eq!(outcomes.kills_of("f01_it_dies"), 12);
        assert_eq!(outcomes.kills_of("f06_it_dies"), 20);
        assert_eq!(outcomes.kills(), 32);
    }
}
