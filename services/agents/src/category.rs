//! The tree that sources are kept in.

use std::collections::{HashMap, HashSet};

use t11_core::{Etag, Violations};
use uuid::Uuid;

use crate::Error;

/// Levels of the tree at most.
pub(crate) const MOST_LEVELS: usize = 5;

/// A node of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Category {
    pub(crate) id: Uuid,
    /// `None` at the root.
    pub(crate) parent: Option<Uuid>,
    pub(crate) display_name: String,
    pub(crate) description: String,
    pub(crate) sort_order: i32,
    pub(crate) revision: i64,
    /// Sources directly in it.
    pub(crate) source_count: u64,
}

/// A category as a person gave it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct NewCategory {
    pub(crate) parent: Option<Uuid>,
    pub(crate) display_name: String,
    pub(crate) description: String,
    pub(crate) sort_order: i32,
}

impl NewCategory {
    /// Checks every field.
    ///
    /// # Errors
    /// All that is wrong, at once.
    pub(crate) fn check(mut self) -> Result<Self, Violations> {
        let mut violations = Violations::default();
        self.display_name = violations.text("category.display_name", &self.display_name, 1, 120);
        self.description = violations.text("category.description", &self.description, 0, 1_000);
        violations.check().map(|()| self)
    }
}

impl Category {
    /// The etag of this revision.
    pub(crate) fn etag(&self) -> Etag {
        Etag::of(self.revision)
    }
}

/// Parents by child.
pub(crate) struct Tree(HashMap<Uuid, Option<Uuid>>);

impl Tree {
    /// The tree of `categories`.
    pub(crate) fn of(categories: &[Category]) -> Self {
        Self(
            categories
                .iter()
                .map(|category| (category.id, category.parent))
                .collect(),
        )
    }

    /// Whether `child` (`None`: a new one) may hang under `parent`.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown parent, [`Error::CategoryCycle`] under itself,
    /// [`Error::CategoryTooDeep`] below the fifth level.
    pub(crate) fn may_hang(&self, child: Option<Uuid>, parent: Option<Uuid>) -> Result<(), Error> {
        let Some(parent) = parent else { return Ok(()) };
        if !self.0.contains_key(&parent) {
            return Err(Error::not_found("categories", parent));
        }
        let above: Vec<_> = self.up_from(parent).collect();
        if child.is_some_and(|child| above.contains(&child)) {
            return Err(Error::CategoryCycle);
        }
        let below = child.map_or(1, |child| self.height(child));
        if above.len() + below > MOST_LEVELS {
            Err(Error::CategoryTooDeep)
        } else {
            Ok(())
        }
    }

    /// `root` and everything under it.
    pub(crate) fn under(&self, root: Uuid) -> HashSet<Uuid> {
        let inside = |id: &&Uuid| self.up_from(**id).any(|above| above == root);
        self.0.keys().filter(inside).copied().collect()
    }

    fn up_from(&self, id: Uuid) -> impl Iterator<Item = Uuid> + '_ {
        std::iter::successors(Some(id), |id| self.0.get(id).copied().flatten())
            .take(MOST_LEVELS * 2)
    }

    fn height(&self, id: Uuid) -> usize {
        let depths = self.under(id);
        let own = self.up_from(id).count();
        depths
            .iter()
            .map(|below| self.up_from(*below).count() - own + 1)
            .max()
            .unwrap_or(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn tree(edges: &[(u128, Option<u128>)]) -> Tree {
        Tree(
            edges
                .iter()
                .map(|(child, parent)| (id(*child), parent.map(id)))
                .collect(),
        )
    }

    #[test]
    fn five_levels_and_no_cycle() {
        let tree = tree(&[
            (1, None),
            (2, Some(1)),
            (3, Some(2)),
            (4, Some(3)),
            (5, Some(4)),
            (9, None),
        ]);
        assert!(tree.may_hang(None, Some(id(4))).is_ok());
        assert!(matches!(
            tree.may_hang(None, Some(id(5))),
            Err(Error::CategoryTooDeep)
        ));
        assert!(matches!(
            tree.may_hang(Some(id(1)), Some(id(9))),
            Err(Error::CategoryTooDeep)
        ));
        assert!(matches!(
            tree.may_hang(Some(id(2)), Some(id(4))),
            Err(Error::CategoryCycle)
        ));
        assert!(matches!(
            tree.may_hang(Some(id(2)), Some(id(2))),
            Err(Error::CategoryCycle)
        ));
        assert!(matches!(
            tree.may_hang(None, Some(id(77))),
            Err(Error::NotFound(_))
        ));
    }

    #[test]
    fn under_a_node() {
        let tree = tree(&[(1, None), (2, Some(1)), (3, Some(2)), (9, None)]);
        assert_eq!(tree.under(id(2)), HashSet::from([id(2), id(3)]));
    }
}
