//! What failed among thousands of tests, told once more at the end.

use std::fmt;

/// Panics that are told; the first are the cause of the others more often than not.
const MOST_PANICS: usize = 24;

/// Reads what `cargo test` prints.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    failed: Vec<String>,
    panics: Vec<String>,
    /// The next line says why.
    is_panic: bool,
}

impl Verdicts {
    pub(super) fn read(&mut self, line: &str) {
        if std::mem::take(&mut self.is_panic) {
            if let Some(last) = self.panics.last_mut() {
                last.push_str(": ");
                last.push_str(line);
            }
        } else if line.starts_with("thread '") && line.contains(" panicked at ") {
            self.is_panic = self.panics.len() < MOST_PANICS;
            if self.is_panic {
                self.panics.push(line.to_owned());
            }
        } else if let Some(name) = failed(line) {
            self.failed.push(name.to_owned());
        }
    }
}

/// `test kills::f01_it_dies ... FAILED`
fn failed(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

impl fmt::Display for Verdicts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} tests failed", self.failed.len())?;
        for name in &self.failed {
            writeln!(f, "  {name}")?;
        }
        for panic in &self.panics {
            writeln!(f, "  {panic}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_failed_and_their_reasons_are_told() {
        let mut verdicts = Verdicts::default();
        let said = "running 2 tests\n\
            test kills::f01_it_dies ... FAILED\n\
            test kills::f02_it_lives ... ok\n\
            ---- kills::f01_it_dies stdout ----\n\
            thread 'kills::f01_it_dies' (7) panicked at tests/kills.rs:1:2:\n\
            one was lost\n\
            stack backtrace:";
        said.lines().for_each(|line| verdicts.read(line));
        let told = "1 tests failed\n  kills::f01_it_dies\n  thread 'kills::f01_it_dies' (7) \
            panicked at tests/kills.rs:1:2:: one was lost\n";
        assert_eq!(verdicts.to_string(), told);
    }
}
