//! Statements of few shapes. Connections keep statements they have prepared by their text, and
//! preparing one with hundreds of parameters costs more than running it; so lists and groups of
//! rows are as long as powers of two.

use std::fmt::Write as _;

use sea_orm::{DbBackend, Statement, Value};

/// The values, the last of them repeated: for `IN`, which does not mind.
pub(super) fn padded<T: Clone>(values: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut values: Vec<_> = values.into_iter().collect();
    if let Some(last) = values.last().cloned() {
        values.resize(values.len().next_power_of_two(), last);
    }
    values
}

/// The lengths of the statements for so many rows: powers of two, the longest first and of `MOST`
/// at most.
pub(super) fn lengths(mut rows: usize) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let length = MOST.min(1 << rows.checked_ilog2()?);
        rows -= length;
        Some(length)
    })
}

/// The rows in groups of such lengths.
pub(super) fn groups<T>(mut rows: &[T]) -> impl Iterator<Item = &[T]> {
    lengths(rows.len()).map(move |length| {
        let (group, rest) = rows.split_at(length);
        rows = rest;
        group
    })
}

/// Rows of one statement.
const MOST: usize = 128;

/// A statement's text with its parameters, each of which is named once, in their order.
pub(super) struct Text {
    backend: DbBackend,
    text: String,
    parameters: usize,
}

impl Text {
    pub(super) fn new(backend: DbBackend) -> Self {
        Self {
            backend,
            text: String::new(),
            parameters: 0,
        }
    }

    pub(super) fn backend(&self) -> DbBackend {
        self.backend
    }

    pub(super) fn add(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// The next parameter. SQLite takes its number for a name, and looks for names one after the
    /// other.
    pub(super) fn parameter(&mut self) -> &mut Self {
        self.parameters += 1;
        match self.backend {
            // Writing to a string does not fail.
            DbBackend::Postgres => drop(write!(self.text, "${}", self.parameters)),
            _ => self.text.push('?'),
        }
        self
    }

    /// `($1, $2), ($3, $4)`: rows of `columns` parameters and then `constants` each.
    pub(super) fn tuples(&mut self, rows: usize, columns: usize, constants: &str) -> &mut Self {
        for row in 0..rows {
            self.add(if row == 0 { "(" } else { ", (" });
            for column in 0..columns {
                self.add(if column == 0 { "" } else { ", " }).parameter();
            }
            self.add(constants).add(")");
        }
        self
    }

    pub(super) fn with(self, values: impl IntoIterator<Item = Value>) -> Statement {
        Statement::from_sql_and_values(self.backend, self.text, values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_filled_up_with_its_last() {
        assert_eq!(padded([1, 2, 3]), [1, 2, 3, 3]);
        assert_eq!(padded([7]), [7]);
        assert!(padded::<i32>([]).is_empty());
    }

    #[test]
    fn every_row_is_in_one_group() {
        let of = |rows| lengths(rows).collect::<Vec<_>>();
        assert_eq!(of(50), [32, 16, 2]);
        assert_eq!(of(300), [128, 128, 32, 8, 4]);
        assert!(of(0).is_empty());
        let rows: Vec<_> = (0..50).collect();
        assert_eq!(groups(&rows).flatten().copied().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn parameters_are_numbered_through() {
        let text = |backend| {
            let mut text = Text::new(backend);
            text.add("VALUES ").tuples(2, 2, ", 0");
            text.with([]).sql
        };
        assert_eq!(text(DbBackend::Postgres), "VALUES ($1, $2, 0), ($3, $4, 0)");
        assert_eq!(text(DbBackend::Sqlite), "VALUES (?, ?, 0), (?, ?, 0)");
    }
}
