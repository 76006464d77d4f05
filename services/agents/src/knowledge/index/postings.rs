//! Which chunks hold a term, and how often: compressed lists that only grow at the end.

// The same map as the standard library's with a faster hash, still seeded against chosen words:
// loading is one look-up for each term of each chunk.
use hashbrown::HashMap;

use crate::knowledge::terms::{read_number, write_number};

/// Every term with its list.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    ids: HashMap<Box<str>, u32>,
    lists: Vec<Postings>,
}

impl Dictionary {
    /// Notes that the term occurs `count` times in a slot that is not before any other of its list.
    pub(super) fn add(&mut self, term: &str, slot: u32, count: u32) {
        let id = match self.ids.get(term) {
            Some(&id) => id,
            None => {
                let id = self.lists.len() as u32;
                self.ids.insert(term.into(), id);
                self.lists.push(Postings::default());
                id
            }
        };
        self.lists[id as usize].push(slot, count);
    }

    pub(super) fn postings(&self, term: &str) -> Option<&Postings> {
        self.ids.get(term).map(|id| &self.lists[*id as usize])
    }

    /// Moves every slot to `moved[slot]`, dropping those that are `gone`, and forgets terms that
    /// occur nowhere any more.
    pub(super) fn renumber(&mut self, moved: &[u32], gone: u32) {
        let old = std::mem::take(self);
        for (term, id) in old.ids {
            let mut list = Postings::default();
            for (slot, count) in old.lists[id as usize].iter() {
                let slot = moved[slot as usize];
                if slot != gone {
                    list.push(slot, count);
                }
            }
            if list.len() > 0 {
                list.bytes.shrink_to_fit();
                self.ids.insert(term, self.lists.len() as u32);
                self.lists.push(list);
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let lists: usize = self.lists.iter().map(|list| list.bytes.capacity()).sum();
        let terms: usize = self.ids.keys().map(|term| term.len()).sum();
        lists
            + terms
            + self.lists.capacity() * size_of::<Postings>()
            + self.ids.capacity() * (size_of::<(Box<str>, u32)>() + 1)
    }
}

/// Slots in rising order with counts. Each is the distance from the one before, doubled, plus one
/// when a count over one follows: a byte for most postings of common terms.
#[derive(Debug, Default)]
pub(super) struct Postings {
    bytes: Vec<u8>,
    length: u32,
    /// The slot after the last one.
    next: u32,
}

impl Postings {
    /// How many slots there are.
    pub(super) fn len(&self) -> usize {
        self.length as usize
    }

    fn push(&mut self, slot: u32, count: u32) {
        let distance = u64::from(slot - self.next);
        write_number(&mut self.bytes, distance << 1 | u64::from(count > 1));
        if count > 1 {
            write_number(&mut self.bytes, u64::from(count));
        }
        self.next = slot + 1;
        self.length += 1;
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        let mut bytes = self.bytes.as_slice();
        let mut next = 0;
        std::iter::from_fn(move || {
            let head = read_number(&mut bytes)?;
            let slot = next + (head >> 1) as u32;
            next = slot + 1;
            let count = if head & 1 == 1 {
                read_number(&mut bytes)? as u32
            } else {
                1
            };
            Some((slot, count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_give_back_what_was_put_in() {
        let put = [
            (0, 1),
            (1, 7),
            (2, 1),
            (130, 300),
            (1_000_000, 1),
            (u32::MAX - 1, 2),
        ];
        let mut list = Postings::default();
        for (slot, count) in put {
            list.push(slot, count);
        }
        assert_eq!(list.iter().collect::<Vec<_>>(), put);
        assert_eq!(list.len(), put.len());
    }

    #[test]
    fn renumbering_drops_the_gone_and_the_empty() {
        let mut dictionary = Dictionary::default();
        for slot in 0..4 {
            dictionary.add("все", slot, slot + 1);
        }
        dictionary.add("одно", 1, 1);
        let gone = u32::MAX;
        dictionary.renumber(&[0, gone, 1, 2], gone);
        assert_eq!(
            dictionary
                .postings("все")
                .unwrap()
                .iter()
                .collect::<Vec<_>>(),
            [(0, 1), (1, 3), (2, 4)]
        );
        assert!(dictionary.postings("одно").is_none());
    }
}
