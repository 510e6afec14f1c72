//! How common values are, taken from an overview: a few blocks of a raster show every pixel as it is, but not every part of the
//! scene; an overview shows every part, but only means. Pixels like those looked at are counted in the overview, and every
//! pixel stands for as many as there are. Knows lists of numbers; reads nothing.

/// Groups by the overview's values: shares of its pixels below their borders, closer where limits are looked for.
const TAIL: [f64; 7] = [0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.08];
const MIDDLE: usize = 21;
/// With fewer pixels looked at, the overview's own stand for a group.
const ENOUGH_OF_A_STRATUM: usize = 64;
/// Pixels of the overview that the groups are made from.
const SORTED: usize = 1 << 13;
/// Values that stand for the raster.
const STANDING: usize = 1 << 15;

/// Pixels looked at, each with what the overview holds at its place.
#[derive(Clone, Debug, Default)]
pub(crate) struct Looked {
    pub values: Vec<f32>,
    /// NaN where the overview has nothing; as long as `values`, or empty without an overview.
    pub beside: Vec<f32>,
}

impl Looked {
    /// Values as common as they are in the raster whose valid overview pixels are given; the smallest and the largest that were
    /// looked at are among them.
    pub fn representative(self, overview: &[f32]) -> Vec<f32> {
        if overview.is_empty() || self.beside.len() != self.values.len() || self.values.is_empty() {
            return self.values;
        }
        let borders = borders(overview);
        let stratum = |value: f32| borders.partition_point(|border| *border <= value);
        let mut looked: Vec<Vec<f32>> = vec![Vec::new(); borders.len() + 1];
        for (value, beside) in self.values.iter().zip(&self.beside) {
            if !beside.is_nan()
                && let Some(group) = looked.get_mut(stratum(*beside))
            {
                group.push(*value);
            }
        }
        let mut means: Vec<Vec<f32>> = vec![Vec::new(); borders.len() + 1];
        for value in overview {
            if let Some(group) = means.get_mut(stratum(*value)) {
                group.push(*value);
            }
        }
        let mut standing = Vec::with_capacity(STANDING + 64);
        for (looked, means) in looked.iter().zip(&means) {
            let enough = looked.len() >= ENOUGH_OF_A_STRATUM;
            let from = if enough { looked } else { means };
            let wanted = (means.len() * STANDING).div_ceil(overview.len());
            standing.extend((0..wanted).filter_map(|at| from.get(at * from.len() / wanted)));
        }
        let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
        for value in &self.values {
            (min, max) = (min.min(*value), max.max(*value));
        }
        standing.extend([min, max]);
        standing
    }
}

/// Values between the groups, ascending and different. They are found by some of the pixels, in no order that a pattern in the
/// scene could have.
fn borders(overview: &[f32]) -> Vec<f32> {
    const STEP: usize = 2_654_435_761;
    let some = (0..overview.len().min(SORTED)).map(|at| at.wrapping_mul(STEP) % overview.len());
    let mut sorted: Vec<f32> = some.filter_map(|at| overview.get(at).copied()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let (first, last) = (TAIL[TAIL.len() - 1], 1.0 - TAIL[TAIL.len() - 1]);
    let middle = (1..MIDDLE).map(|k| first + (last - first) * k as f64 / MIDDLE as f64);
    let upper = TAIL.iter().rev().map(|share| 1.0 - share);
    let shares = TAIL.iter().copied().chain(middle).chain(upper);
    let mut borders: Vec<f32> = shares
        .filter_map(|share| sorted.get((share * sorted.len() as f64) as usize).copied())
        .collect();
    borders.dedup();
    borders
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tenth of the scene is bright and was hardly looked at: half of the sample lies in a part that is a hundredth.
    #[test]
    fn pixels_stand_for_as_many_as_there_are() {
        let noise = |at: usize| (at * 7919 % 21) as f32 - 10.0;
        let overview: Vec<f32> = (0..20_000)
            .map(|at| match at % 100 {
                0 => 10.0,
                1..=10 => 1000.0,
                part => 100.0 + part as f32,
            })
            .collect();
        let mut looked = Looked::default();
        for at in 0..40_000 {
            let mean = match at % 200 {
                0..=99 => 10.0,
                100..=101 => 1000.0,
                part => 100.0 + (part - 90) as f32,
            };
            looked.values.push(mean + noise(at));
            looked.beside.push(mean);
        }
        let plain = looked.values.clone();
        let standing = looked.representative(&overview);
        let share = |values: &[f32], above: f32| {
            values.iter().filter(|v| **v > above).count() as f64 / values.len() as f64
        };
        assert!(share(&plain, 900.0) < 0.02 && (share(&standing, 900.0) - 0.1).abs() < 0.01);
        assert!(share(&plain, 50.0) < 0.55 && (share(&standing, 50.0) - 0.99).abs() < 0.006);
        // Pixels as they are, not the overview's means.
        assert!(standing.contains(&1010.0) && standing.contains(&990.0));
    }

    #[test]
    fn what_was_not_looked_at_comes_from_the_overview() {
        let overview: Vec<f32> = (0..10_000)
            .map(|at| if at < 9000 { 5.0 } else { 80.0 })
            .collect();
        let looked = Looked {
            values: vec![4.0; 500],
            beside: vec![5.0; 500],
        };
        let standing = looked.clone().representative(&overview);
        let bright = standing.iter().filter(|value| **value == 80.0).count();
        assert!((bright as f64 / standing.len() as f64 - 0.1).abs() < 0.01);
        assert!(standing.iter().all(|value| *value == 4.0 || *value == 80.0));
        let without = Looked {
            beside: Vec::new(),
            ..looked
        };
        assert_eq!(without.representative(&[]), vec![4.0; 500]);
    }
}
