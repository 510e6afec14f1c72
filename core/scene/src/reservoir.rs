//! A fixed number of a field's pixels, chosen so that neither the order in which they arrive nor how they were read makes a
//! difference. Knows vectors and keys; knows nothing of files or of what the pixels are for.

use crate::FIELD_AXES;
use crate::folds::splitmix64;

/// Keeps the pixels of the smallest hashes.
#[derive(Clone, Debug)]
pub struct Reservoir {
    capacity: usize,
    seed: u64,
    keep_below: u64,
    kept: Vec<(u64, [f32; FIELD_AXES])>,
}

impl Reservoir {
    /// At most `capacity` pixels; another seed draws others.
    pub fn new(capacity: usize, seed: u64) -> Self {
        Self {
            capacity: capacity.max(1),
            seed: splitmix64(seed),
            keep_below: u64::MAX,
            kept: Vec::new(),
        }
    }

    /// The place of a pixel in the draw, if it still has a chance; `key` names the pixel, e.g. `row * width + col`. Asked
    /// before a pixel is decoded.
    pub fn ticket(&self, key: u64) -> Option<u64> {
        let hash = splitmix64(key ^ self.seed);
        (hash <= self.keep_below).then_some(hash)
    }

    /// Puts in a pixel with the ticket it was given.
    pub fn put(&mut self, ticket: u64, vector: [f32; FIELD_AXES]) {
        if ticket > self.keep_below {
            return;
        }
        self.kept.push((ticket, vector));
        if self.kept.len() >= 2 * self.capacity {
            self.trim();
        }
    }

    fn trim(&mut self) {
        if self.kept.len() <= self.capacity {
            return;
        }
        let (_, last, _) = self
            .kept
            .select_nth_unstable_by_key(self.capacity - 1, |(hash, _)| *hash);
        self.keep_below = last.0;
        self.kept.truncate(self.capacity);
    }

    /// The pixels drawn, in the order of their tickets.
    pub fn finish(mut self) -> Vec<[f32; FIELD_AXES]> {
        self.trim();
        self.kept.sort_unstable_by_key(|(hash, _)| *hash);
        self.kept.into_iter().map(|(_, vector)| vector).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(keys: impl Iterator<Item = u64>, seed: u64) -> Vec<f32> {
        let mut reservoir = Reservoir::new(50, seed);
        for key in keys {
            if let Some(ticket) = reservoir.ticket(key) {
                reservoir.put(ticket, [key as f32; FIELD_AXES]);
            }
        }
        reservoir.finish().iter().map(|vector| vector[0]).collect()
    }

    #[test]
    fn order_makes_no_difference_and_the_seed_does() {
        let forward = drawn(0..1000, 7);
        assert_eq!(forward.len(), 50);
        assert_eq!(forward, drawn((0..1000).rev(), 7));
        assert_ne!(forward, drawn(0..1000, 8));
        // Spread over the whole: every fifth of the keys has some.
        for part in 0..5 {
            let range = part as f32 * 200.0..(part + 1) as f32 * 200.0;
            assert!(forward.iter().any(|key| range.contains(key)));
        }
        assert_eq!(drawn(0..20, 7).len(), 20);
    }
}
