//! Spherical k-means on unit vectors (specification of fields, section 3.7): assignment by the largest dot product, centroids
//! as renormalised sums, k-means++ start. Knows vectors only.

use rayon::prelude::*;

use crate::folds::splitmix64;
use crate::{FIELD_AXES, SceneError, SceneResult, similarity};

/// Rounds at most.
const MOST_ROUNDS: usize = 200;
/// Vectors summed together: fixed, so that sums do not depend on the number of cores.
const PART: usize = 4096;

type Vector = [f32; FIELD_AXES];

/// Groups of vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct KMeans {
    /// Unit length.
    pub centroids: Vec<Vector>,
    /// Group of every vector.
    pub assigned: Vec<usize>,
    pub counts: Vec<usize>,
    /// How often the centroids moved until no vector changed its group.
    pub rounds: usize,
    /// Sum of `1 - u . c` over all vectors.
    pub objective: f64,
}

impl KMeans {
    /// Groups into `count`, or into fewer where there are fewer different vectors. The seed draws the start; the same seed
    /// gives the same groups, largest first.
    ///
    /// # Errors
    /// No vectors, and cancelled.
    pub fn fit(
        vectors: &[Vector],
        count: usize,
        seed: u64,
        cancelled: &dyn Fn() -> bool,
    ) -> SceneResult<Self> {
        let starts = start(vectors, count, seed, cancelled)?;
        let mut found = Self::from_centroids(vectors, starts, cancelled)?;
        let mut order: Vec<usize> = (0..found.centroids.len()).collect();
        order.sort_by_key(|&group| std::cmp::Reverse(found.counts[group]));
        let mut place = vec![0; order.len()];
        for (new, &old) in order.iter().enumerate() {
            place[old] = new;
        }
        found.centroids = order.iter().map(|&old| found.centroids[old]).collect();
        found.counts = order.iter().map(|&old| found.counts[old]).collect();
        found
            .assigned
            .iter_mut()
            .for_each(|group| *group = place[*group]);
        Ok(found)
    }

    /// Goes on from given centroids, in their order. A group that loses its last vector takes the one that fits its own worst.
    ///
    /// # Errors
    /// No vectors or no centroids, and cancelled.
    pub fn from_centroids(
        vectors: &[Vector],
        mut centroids: Vec<Vector>,
        cancelled: &dyn Fn() -> bool,
    ) -> SceneResult<Self> {
        if vectors.is_empty() || centroids.is_empty() {
            return Err(SceneError::input(
                "there are no pixels with data to make clusters of",
            ));
        }
        let mut assigned: Vec<usize> = Vec::new();
        let mut rounds = 0;
        loop {
            if cancelled() {
                return Err(SceneError::Cancelled);
            }
            let new: Vec<(usize, f32)> = vectors
                .par_iter()
                .map(|vector| nearest(&centroids, vector))
                .collect();
            let is_stable = new.iter().map(|(group, _)| group).eq(assigned.iter());
            assigned = new.iter().map(|(group, _)| *group).collect();
            if is_stable || rounds == MOST_ROUNDS {
                let mut counts = vec![0; centroids.len()];
                assigned.iter().for_each(|&group| counts[group] += 1);
                let objective = new.iter().map(|(_, dot)| 1.0 - f64::from(*dot)).sum();
                return Ok(Self {
                    centroids,
                    assigned,
                    counts,
                    rounds,
                    objective,
                });
            }
            recentre(vectors, &mut assigned, &new, &mut centroids);
            rounds += 1;
        }
    }
}

/// The centroid of largest dot product, the first of equals, and that product.
pub(crate) fn nearest(centroids: &[Vector], vector: &Vector) -> (usize, f32) {
    let mut best = (0, f32::NEG_INFINITY);
    for (group, centroid) in centroids.iter().enumerate() {
        let dot = similarity(centroid, vector);
        if dot > best.1 {
            best = (group, dot);
        }
    }
    best
}

/// Renormalised sums of the groups.
fn recentre(
    vectors: &[Vector],
    assigned: &mut [usize],
    found: &[(usize, f32)],
    centroids: &mut [Vector],
) {
    let groups = centroids.len();
    let parts: Vec<Vec<[f64; FIELD_AXES]>> = vectors
        .par_chunks(PART)
        .zip(assigned.par_chunks(PART))
        .map(|(vectors, assigned)| {
            let mut sums = vec![[0.0; FIELD_AXES]; groups];
            for (vector, &group) in vectors.iter().zip(assigned) {
                for (sum, value) in sums[group].iter_mut().zip(vector) {
                    *sum += f64::from(*value);
                }
            }
            sums
        })
        .collect();
    let mut sums = vec![[0.0f64; FIELD_AXES]; groups];
    for part in &parts {
        for (sum, more) in sums.as_flattened_mut().iter_mut().zip(part.as_flattened()) {
            *sum += more;
        }
    }
    let mut counts = vec![0usize; groups];
    assigned.iter().for_each(|&group| counts[group] += 1);
    let mut worst: Vec<usize> = Vec::new();
    if counts.contains(&0) {
        worst = (0..vectors.len()).collect();
        worst.sort_by(|&a, &b| found[a].1.total_cmp(&found[b].1));
    }
    let mut worst = worst.into_iter();
    for (group, centroid) in centroids.iter_mut().enumerate() {
        let length = sums[group].iter().map(|sum| sum * sum).sum::<f64>().sqrt();
        if counts[group] > 0 && length > 0.0 {
            *centroid = sums[group].map(|sum| (sum / length) as f32);
        } else if let Some(index) = worst.next() {
            *centroid = vectors[index];
            assigned[index] = group;
        }
    }
}

/// k-means++: each new centroid is a vector drawn by how little (`1 - dot`) those before resemble it.
fn start(
    vectors: &[Vector],
    count: usize,
    seed: u64,
    cancelled: &dyn Fn() -> bool,
) -> SceneResult<Vec<Vector>> {
    /// Of vectors closer than this the second is no new one.
    const EQUAL: f64 = 1e-6;
    let mut state = splitmix64(seed);
    let mut share = || {
        state = splitmix64(state);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let Some(first) = vectors.get((share() * vectors.len() as f64) as usize) else {
        return Ok(Vec::new());
    };
    let mut centroids = vec![*first];
    let mut apart: Vec<f64> = vec![f64::INFINITY; vectors.len()];
    while centroids.len() < count {
        if cancelled() {
            return Err(SceneError::Cancelled);
        }
        let newest = centroids[centroids.len() - 1];
        apart
            .par_iter_mut()
            .zip(vectors.par_iter())
            .for_each(|(apart, vector)| {
                let distance = 1.0 - f64::from(similarity(&newest, vector));
                *apart = apart.min(if distance < EQUAL { 0.0 } else { distance });
            });
        let total: f64 = apart.iter().sum();
        if total <= 0.0 {
            break;
        }
        let mut left = share() * total;
        let drawn = apart.iter().position(|distance| {
            left -= distance;
            left < 0.0
        });
        // Rounding may leave a rest after the last one.
        let drawn = drawn.or_else(|| apart.iter().rposition(|distance| *distance > 0.0));
        let Some(vector) = drawn.and_then(|index| vectors.get(index)) else {
            break;
        };
        centroids.push(*vector);
    }
    Ok(centroids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode_pixel;
    use crate::field::tests::{golden, numbers, points};

    fn never() -> bool {
        false
    }

    #[test]
    fn fixed_starts_give_the_golden_groups() {
        let Some((golden, rows)) = golden("aef/similarity_kmeans_iowa.json").zip(points("iowa_ag"))
        else {
            return;
        };
        let golden = &golden["spherical_kmeans"];
        let vectors: Vec<Vector> = rows
            .iter()
            .map(|(_, codes)| decode_pixel(codes).unwrap())
            .collect();
        let starts = numbers(&golden["init_rows"])
            .iter()
            .map(|row| vectors[*row as usize])
            .collect();
        let found = KMeans::from_centroids(&vectors, starts, &never).unwrap();
        let counts: Vec<f64> = found.counts.iter().map(|count| *count as f64).collect();
        assert_eq!(counts, numbers(&golden["counts"]));
        let first: Vec<f64> = found.assigned[..30]
            .iter()
            .map(|group| *group as f64)
            .collect();
        assert_eq!(first, numbers(&golden["assign_first30"]));
        let expected = golden["objective_sum_1_minus_dot"].as_f64().unwrap();
        assert!(
            (found.objective - expected).abs() < 1e-5 * expected,
            "{} {expected}",
            found.objective
        );
        assert_eq!(found.rounds as u64, golden["iterations"].as_u64().unwrap());
    }

    #[test]
    fn a_seed_gives_the_same_groups_and_they_are_sorted() {
        let Some(rows) = points("sf_bay_urban") else {
            return;
        };
        let vectors: Vec<Vector> = rows
            .iter()
            .map(|(_, codes)| decode_pixel(codes).unwrap())
            .collect();
        let found = KMeans::fit(&vectors, 8, 3, &never).unwrap();
        assert_eq!(found, KMeans::fit(&vectors, 8, 3, &never).unwrap());
        assert_eq!(found.centroids.len(), 8);
        assert!(found.counts.is_sorted_by(|a, b| a >= b));
        assert_eq!(found.counts.iter().sum::<usize>(), vectors.len());
        let one = KMeans::fit(&vectors, 1, 3, &never).unwrap();
        assert!(found.objective < 0.7 * one.objective);
    }

    #[test]
    fn fewer_different_vectors_than_groups_make_fewer_groups() {
        let unit = |axis: usize| -> Vector {
            std::array::from_fn(|at| if at == axis { 1.0 } else { 0.0 })
        };
        let vectors: Vec<Vector> = (0..40).map(|index| unit(index % 3)).collect();
        let found = KMeans::fit(&vectors, 8, 0, &never).unwrap();
        assert_eq!(found.counts, [14, 13, 13]);
        assert_eq!(found.objective, 0.0);
        assert!(KMeans::fit(&[], 8, 0, &never).is_err());
        assert!(matches!(
            KMeans::fit(&vectors, 3, 0, &|| true),
            Err(SceneError::Cancelled)
        ));
        // A start that leaves a group empty is filled up again.
        let found =
            KMeans::from_centroids(&vectors, vec![unit(0), unit(1), unit(0)], &never).unwrap();
        assert!(found.counts.iter().all(|count| *count > 0), "{found:?}");
    }
}
