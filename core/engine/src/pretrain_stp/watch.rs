//! Whether a run collapses: embeddings of different places that stay alike, or neighbours that agree less and less.
//! Knows figures. Knows nothing of how they came about.

use std::collections::VecDeque;

/// Mean `|u . u'|` of directions on the sphere in 64 dimensions that know nothing of each other.
pub const UNIFORM: f64 = 0.1001;
/// Steps after which places should differ (specification 8.2).
const SETTLED: u64 = 100;
/// Uniformity that counts as near 1.
const COLLAPSED: f64 = 0.9;
/// Steps averaged, since batches differ.
const WINDOW: usize = 20;
/// Share of the best agreement of neighbours that may be lost by chance.
const LOSS: f64 = 0.1;

#[derive(Default)]
pub struct Watch {
    recent: VecDeque<f64>,
    best: Option<f64>,
}

impl Watch {
    /// Takes the uniformity of a step, counted from 1; says so where it stays near 1.
    pub fn uniformity(&mut self, step: u64, value: f64) -> Option<String> {
        self.recent.push_back(value);
        if self.recent.len() > WINDOW {
            self.recent.pop_front();
        }
        let mean = self.recent.iter().sum::<f64>() / self.recent.len().max(1) as f64;
        let is_time = step >= SETTLED && step.is_multiple_of(SETTLED);
        (is_time && mean > COLLAPSED).then(|| {
            format!(
                "the embeddings of different places are still alike (uniformity {mean:.2} after {step} steps, {UNIFORM} is what \
                 is aimed at): add archives of other places, or try a higher learning rate"
            )
        })
    }

    /// Takes how often the nearest neighbour has the same label; says so where that has fallen.
    pub fn neighbours(&mut self, step: u64, value: f64) -> Option<String> {
        let best = self.best.map_or(value, |best| best.max(value));
        self.best = Some(best);
        (value < best * (1.0 - LOSS)).then(|| {
            format!(
                "neighbours in the field agree less with the labels than before ({:.1} % at step {step}, {:.1} % at best): \
                 an earlier checkpoint, or a run with fewer steps, may serve better",
                100.0 * value,
                100.0 * best
            )
        })
    }
}

/// How often the nearest vector from another place has the same class, mean over classes; `None` with fewer than two classes
/// that lie in two places. Vectors of length 1 with their class and place.
pub fn nearest_agreement(pixels: &[(Vec<f32>, u8, u32)]) -> Option<f64> {
    let mut classes: Vec<(u8, usize, usize)> = Vec::new();
    for (vector, class, place) in pixels {
        let nearest = pixels
            .iter()
            .filter(|(_, _, other)| other != place)
            .map(|(other, class, _)| {
                let cosine: f32 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
                (cosine, *class)
            })
            .max_by(|a, b| a.0.total_cmp(&b.0));
        // A class in one place alone can find no neighbour of its own.
        let has_others = pixels
            .iter()
            .any(|(_, other, at)| other == class && at != place);
        let (Some((_, found)), true) = (nearest, has_others) else {
            continue;
        };
        let right = usize::from(found == *class);
        match classes.iter_mut().find(|(known, _, _)| known == class) {
            Some((_, rights, all)) => {
                *rights += right;
                *all += 1;
            }
            None => classes.push((*class, right, 1)),
        }
    }
    if classes.len() < 2 {
        return None;
    }
    let shares = classes
        .iter()
        .map(|(_, rights, all)| *rights as f64 / *all as f64);
    Some(shares.sum::<f64>() / classes.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collapse_is_said_once_a_hundred_steps_and_only_then() {
        let mut watch = Watch::default();
        let mut said = Vec::new();
        for step in 1..=250 {
            if let Some(text) = watch.uniformity(step, 0.99) {
                assert!(text.contains("0.99") && text.contains("0.1001"), "{text}");
                said.push(step);
            }
        }
        assert_eq!(said, [100, 200]);
        let mut watch = Watch::default();
        assert!((1..=300).all(|step| watch.uniformity(step, 1.0 - step as f64 / 300.0).is_none()));
    }

    #[test]
    fn neighbours_that_agree_less_are_said() {
        let mut watch = Watch::default();
        let values = [0.5, 0.7, 0.66, 0.6, 0.8];
        let said: Vec<bool> = values
            .iter()
            .map(|value| watch.neighbours(7, *value).is_some())
            .collect();
        assert_eq!(said, [false, false, false, true, false]);
    }

    #[test]
    fn neighbours_are_sought_in_other_places() {
        let pixel = |x: f32, y: f32, class, place| (vec![x, y], class, place);
        let apart = [
            pixel(1.0, 0.0, 1, 1),
            pixel(0.99, 0.1, 1, 2),
            pixel(0.0, 1.0, 2, 3),
            pixel(0.1, 0.99, 2, 4),
        ];
        assert_eq!(nearest_agreement(&apart), Some(1.0));
        let mixed = [
            pixel(1.0, 0.0, 1, 1),
            pixel(0.0, 1.0, 1, 2),
            pixel(0.99, 0.1, 2, 3),
            pixel(0.1, 0.99, 2, 4),
        ];
        assert_eq!(nearest_agreement(&mixed), Some(0.0));
        // Alone in its place a class has no neighbour to find.
        assert_eq!(nearest_agreement(&apart[..3]), None);
    }
}
