//! Vectors of one model, side by side, compared with all of them: exact, and fast enough for the
//! chunks of one organization.

use super::rank::{Best, Scored};

/// Unit vectors of one model.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    dims: usize,
    /// `slots[n]` is the chunk of `values[n * dims..][..dims]`, in rising order.
    slots: Vec<u32>,
    values: Vec<f32>,
}

/// Sums are kept apart in this many lanes, which the compiler turns into vector instructions.
const LANES: usize = 16;

impl Vectors {
    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Adds the vector of a chunk. One of another length than the model's others, or of no length
    /// at all, cannot be compared and is left out: the chunk is still found by its words.
    pub(super) fn add(&mut self, slot: u32, values: &[f32]) {
        if self.slots.is_empty() {
            self.dims = values.len();
        }
        let Some(unit) = unit(values).filter(|unit| unit.len() == self.dims) else {
            return;
        };
        self.slots.push(slot);
        self.values.extend(unit);
    }

    /// The nearest chunks by cosine, best first; nothing when the vector cannot be compared.
    pub(super) fn nearest(
        &self,
        query: &[f32],
        limit: usize,
        is_open: impl Fn(u32) -> bool,
    ) -> Option<Vec<Scored>> {
        let query = unit(query).filter(|query| query.len() == self.dims)?;
        let mut best = Best::new(limit);
        for (slot, values) in self.slots.iter().zip(self.values.chunks_exact(self.dims)) {
            let score = dot(&query, values);
            // What points away from the question answers nothing.
            if score > best.floor() && is_open(*slot) {
                best.offer(Scored { slot: *slot, score });
            }
        }
        Some(best.into_sorted())
    }

    pub(super) fn renumber(&mut self, moved: &[u32], gone: u32) {
        let mut kept = 0;
        for at in 0..self.slots.len() {
            let slot = moved[self.slots[at] as usize];
            if slot == gone {
                continue;
            }
            self.slots[kept] = slot;
            self.values
                .copy_within(at * self.dims..(at + 1) * self.dims, kept * self.dims);
            kept += 1;
        }
        self.slots.truncate(kept);
        self.values.truncate(kept * self.dims);
    }

    pub(super) fn memory_bytes(&self) -> usize {
        (self.slots.capacity() + self.values.capacity()) * size_of::<f32>()
    }
}

fn unit(values: &[f32]) -> Option<Vec<f32>> {
    let norm = dot(values, values).sqrt();
    (norm.is_finite() && norm > 0.0).then(|| values.iter().map(|value| value / norm).collect())
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    let (a, a_rest) = a.as_chunks::<LANES>();
    let (b, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a.iter().zip(b) {
        lanes = std::array::from_fn(|lane| lanes[lane] + a[lane] * b[lane]);
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_product_of_odd_lengths_is_right() {
        let a: Vec<f32> = (0..37).map(|n| n as f32).collect();
        assert!((dot(&a, &a) - 16_206.0).abs() < 0.01);
    }

    #[test]
    fn the_nearest_come_first_and_strangers_are_left_out() {
        let mut vectors = Vectors::default();
        vectors.add(0, &[1.0, 0.0]);
        vectors.add(1, &[10.0, 10.0]);
        vectors.add(2, &[1.0, 2.0, 3.0]);
        vectors.add(3, &[0.0, 0.0]);
        vectors.add(4, &[-1.0, 0.0]);
        let found = vectors.nearest(&[3.0, 0.1], 10, |_| true).unwrap();
        assert_eq!(
            found.iter().map(|scored| scored.slot).collect::<Vec<_>>(),
            [0, 1]
        );
        assert!(vectors.nearest(&[1.0], 10, |_| true).is_none());
        assert!(vectors.nearest(&[f32::NAN, 1.0], 10, |_| true).is_none());
    }
}
