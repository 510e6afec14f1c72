//! Accuracy and areas of a whole map from a stratified random sample of it, with their standard errors (Olofsson et al.
//! 2014; tasks specification 5.6). Strata are the map's classes. Knows counts and areas; knows nothing of rasters.

use serde::{Deserialize, Serialize};

use crate::{SceneError, SceneResult};

/// Half of a 95 % interval in standard errors.
pub const HALF_WIDTH_95: f64 = 1.959_963_984_540_054;

/// What a sample says of the whole map. Not cut at 0 or 1: whoever shows intervals does that.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AreaEstimates {
    pub overall: Estimated,
    /// One a class, in the order given.
    pub classes: Vec<ClassEstimate>,
    pub quantity_disagreement: f64,
    pub allocation_disagreement: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimated {
    pub value: f64,
    /// `None` where the sample is too small to tell.
    pub standard_error: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassEstimate {
    /// `None` = not defined: the class is not on the map, or not in the sample's reference.
    pub users: Option<Estimated>,
    pub producers: Option<Estimated>,
    /// Share of the whole area that is this class by the reference.
    pub share: Estimated,
    /// The same in the unit of the mapped areas.
    pub area: Estimated,
}

/// `counts[i][j]`: points of map class i whose reference is class j; `mapped[i]`: area of map class i in any unit.
///
/// # Errors
/// A mapped class without a single point: its area cannot be judged; tables whose sizes do not fit; nothing mapped.
pub fn estimate_areas(counts: &[Vec<u64>], mapped: &[f64]) -> SceneResult<AreaEstimates> {
    let k = mapped.len();
    let total: f64 = mapped.iter().sum();
    if counts.len() != k || counts.iter().any(|row| row.len() != k) {
        return Err(SceneError::input(
            "the table of points does not have a row and a column for every class",
        ));
    }
    if !(total > 0.0 && total.is_finite()) || mapped.iter().any(|area| *area < 0.0) {
        return Err(SceneError::input(
            "the map has no area, so none can be estimated",
        ));
    }
    let n: Vec<f64> = counts
        .iter()
        .map(|row| row.iter().sum::<u64>() as f64)
        .collect();
    if let Some(class) = (0..k).find(|i| n[*i] == 0.0 && mapped[*i] > 0.0) {
        return Err(SceneError::input(format!(
            "class {} of the map has no point in the sample; every class of the map needs some",
            class + 1
        )));
    }
    let weights: Vec<f64> = mapped.iter().map(|area| area / total).collect();
    // Share of a stratum's points with reference j, and the variance of that share.
    let share = |i: usize, j: usize| {
        if n[i] > 0.0 {
            counts[i][j] as f64 / n[i]
        } else {
            0.0
        }
    };
    let variance = |i: usize, share: f64| {
        if n[i] > 1.0 {
            share * (1.0 - share) / (n[i] - 1.0)
        } else {
            0.0
        }
    };
    let p = |i: usize, j: usize| weights[i] * share(i, j);
    let reference: Vec<f64> = (0..k).map(|j| (0..k).map(|i| p(i, j)).sum()).collect();

    let overall = Estimated {
        value: (0..k).map(|i| p(i, i)).sum(),
        standard_error: Some(
            (0..k)
                .map(|i| weights[i].powi(2) * variance(i, share(i, i)))
                .sum::<f64>()
                .sqrt(),
        ),
    };
    let classes = (0..k)
        .map(|j| {
            let users = (n[j] > 0.0).then(|| Estimated {
                value: share(j, j),
                standard_error: (n[j] > 1.0).then(|| variance(j, share(j, j)).sqrt()),
            });
            let area = total * reference[j];
            let producers = (reference[j] > 0.0).then(|| {
                let value = p(j, j) / reference[j];
                let own = (mapped[j] * (1.0 - value)).powi(2) * variance(j, share(j, j));
                let others: f64 = (0..k)
                    .filter(|i| *i != j)
                    .map(|i| mapped[i].powi(2) * variance(i, share(i, j)))
                    .sum();
                let variance = (own + value.powi(2) * others) / area.powi(2);
                Estimated {
                    value,
                    standard_error: Some(variance.sqrt()),
                }
            });
            let error = (0..k)
                .map(|i| weights[i].powi(2) * variance(i, share(i, j)))
                .sum::<f64>()
                .sqrt();
            ClassEstimate {
                users,
                producers,
                share: Estimated {
                    value: reference[j],
                    standard_error: Some(error),
                },
                area: Estimated {
                    value: area,
                    standard_error: Some(total * error),
                },
            }
        })
        .collect();
    Ok(AreaEstimates {
        overall,
        classes,
        quantity_disagreement: 0.5
            * (0..k)
                .map(|i| (weights[i] - reference[i]).abs())
                .sum::<f64>(),
        allocation_disagreement: (0..k)
            .map(|i| (weights[i] - p(i, i)).min(reference[i] - p(i, i)))
            .sum(),
    })
}

/// Points a stratified sample needs so that the overall accuracy has the wanted standard error: `weights` are the mapped
/// shares, `users` the expected user's accuracies (Olofsson et al. 2014, equation 13). Not rounded.
pub fn points_needed(weights: &[f64], users: &[f64], standard_error: f64) -> f64 {
    let sum: f64 = weights
        .iter()
        .zip(users)
        .map(|(weight, users)| weight * (users * (1.0 - users)).max(0.0).sqrt())
        .sum();
    (sum / standard_error).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: f64, expected: f64) {
        assert!(
            (found - expected).abs() < 6e-7,
            "{found} instead of {expected}"
        );
    }

    /// The two classes that published implementations come with.
    #[test]
    fn the_published_example_of_two_classes_comes_out() {
        let counts = [vec![410, 26], vec![67, 369]];
        let found = estimate_areas(&counts, &[828_837.0, 33_067_283.0]).expect("fits");
        near(found.overall.value, 0.848_630);
        near(found.overall.standard_error.unwrap_or_default(), 0.016_870);
        let value = |one: Option<Estimated>| one.map_or(f64::NAN, |one| one.value);
        for (class, [users, producers, share]) in found.classes.iter().zip([
            [0.940_367, 0.132_986, 0.172_906],
            [0.846_330, 0.998_237, 0.827_094],
        ]) {
            near(value(class.users), users);
            near(value(class.producers), producers);
            near(class.share.value, share);
        }
    }

    /// The worked example of the paper of 2014.
    #[test]
    fn the_published_example_of_four_classes_comes_out() {
        let counts = [
            vec![66, 0, 5, 4],
            vec![0, 55, 8, 12],
            vec![1, 0, 153, 11],
            vec![2, 1, 9, 313],
        ];
        let mapped = [18_000.0, 13_500.0, 288_000.0, 580_500.0];
        let found = estimate_areas(&counts, &mapped).expect("fits");
        near(found.overall.value, 0.946_512);
        let area = found.classes[0].area;
        assert!((area.value - 21_157.8).abs() < 0.05);
        let half = HALF_WIDTH_95 * area.standard_error.unwrap_or_default();
        assert!((half - 6157.6).abs() < 0.1, "{half}");
    }
}
