//! Splits and figures of soil moisture: whole stations or the last days are held out, never single rows, and every method is
//! compared on the same rows (specification of tasks, sections 6.2 and 6.5). Knows rows and numbers; knows no model.

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::folds::splitmix64;
use crate::{MeanRegressionAccuracy, RegressionAccuracy};

/// Parts of the split by station.
pub const STATION_FOLDS: usize = 5;
/// With fewer stations only time is split.
pub const FEWEST_STATIONS: usize = 3;
/// Share of the days that are held out at the end.
const LAST_SHARE: f64 = 0.2;
/// With fewer pairs no correlation is given.
const FEWEST_PAIRS: usize = 10;

/// A value that can be compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SoilRow {
    /// Number of its station.
    pub station: usize,
    pub date: Date,
    /// m³/m³.
    pub value: f64,
}

/// What is held out.
#[derive(Clone, Debug, PartialEq)]
pub enum SoilSplit {
    /// Fold of every station.
    Stations { fold_of: Vec<usize>, folds: usize },
    /// Days from this one on.
    Time { from: Date },
}

impl SoilSplit {
    /// Stations in an order drawn from the seed, dealt out to `min(5, stations)` parts; `None` with fewer than 3 stations.
    pub fn by_station(stations: usize, seed: u64) -> Option<Self> {
        if stations < FEWEST_STATIONS {
            return None;
        }
        let folds = STATION_FOLDS.min(stations);
        let mut order: Vec<usize> = (0..stations).collect();
        order.sort_by_key(|station| (splitmix64(seed ^ ((*station as u64) << 32)), *station));
        let mut fold_of = vec![0; stations];
        for (place, station) in order.into_iter().enumerate() {
            fold_of[station] = place % folds;
        }
        Some(Self::Stations { fold_of, folds })
    }

    /// The last fifth of the days with a value; `None` where these are too few to leave both parts some.
    pub fn by_time(rows: &[SoilRow]) -> Option<Self> {
        let mut days: Vec<Date> = rows.iter().map(|row| row.date).collect();
        days.sort_unstable();
        days.dedup();
        let first = ((1.0 - LAST_SHARE) * days.len() as f64).ceil() as usize;
        let from = *days.get(first)?;
        (first > 0).then_some(Self::Time { from })
    }

    /// How many times something is held out.
    pub fn parts(&self) -> usize {
        match self {
            Self::Stations { folds, .. } => *folds,
            Self::Time { .. } => 1,
        }
    }

    /// Rows to train on, and rows to test on, of one part.
    pub fn part(&self, rows: &[SoilRow], part: usize) -> (Vec<usize>, Vec<usize>) {
        let is_test = |row: &SoilRow| match self {
            Self::Stations { fold_of, .. } => fold_of.get(row.station) == Some(&part),
            Self::Time { from } => row.date >= *from,
        };
        (0..rows.len()).partition(|index| !is_test(&rows[*index]))
    }

    pub fn word(&self) -> &'static str {
        match self {
            Self::Stations { .. } => "station",
            Self::Time { .. } => "time",
        }
    }
}

/// The estimate of every row by a fit that did not see it; `None` for rows that are never held out. `fit` is given the rows to
/// learn from and those to estimate.
///
/// # Errors
/// Those of `fit`.
pub fn held_out<E>(
    rows: &[SoilRow],
    split: &SoilSplit,
    mut fit: impl FnMut(&[usize], &[usize]) -> Result<Vec<f64>, E>,
) -> Result<Vec<Option<f64>>, E> {
    let mut out = vec![None; rows.len()];
    for part in 0..split.parts() {
        let (train, test) = split.part(rows, part);
        if train.is_empty() || test.is_empty() {
            continue;
        }
        for (row, estimate) in test.iter().zip(fit(&train, &test)?) {
            out[*row] = Some(estimate).filter(|estimate| estimate.is_finite());
        }
    }
    Ok(out)
}

/// Figures of one method on one split.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SoilAccuracy {
    pub pooled: RegressionAccuracy,
    /// One a station, in their order; without pairs where nothing of it was held out.
    pub per_station: Vec<RegressionAccuracy>,
    pub mean_over_stations: MeanRegressionAccuracy,
}

impl SoilAccuracy {
    pub fn of(rows: &[SoilRow], estimates: &[Option<f64>], stations: usize) -> Self {
        let mut pairs: Vec<Vec<(f64, f64)>> = vec![Vec::new(); stations];
        for (row, estimate) in rows.iter().zip(estimates) {
            if let (Some(pairs), Some(estimate)) = (pairs.get_mut(row.station), estimate) {
                pairs.push((*estimate, row.value));
            }
        }
        let per_station: Vec<RegressionAccuracy> =
            pairs.iter().map(|pairs| figures(pairs)).collect();
        Self {
            pooled: figures(&pairs.concat()),
            mean_over_stations: MeanRegressionAccuracy::of(&per_station),
            per_station,
        }
    }
}

/// A correlation of a few pairs says nothing and is left out.
fn figures(pairs: &[(f64, f64)]) -> RegressionAccuracy {
    let mut found = RegressionAccuracy::of(pairs);
    if found.n < FEWEST_PAIRS {
        found.r = None;
        found.r2_pearson = None;
        found.r_ci95 = None;
        found.spearman = None;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<SoilRow> {
        (0..7)
            .flat_map(|station| {
                (0..20).map(move |day| SoilRow {
                    station,
                    date: Date::constant(2020, 1, 1 + day),
                    value: 0.01 * f64::from(day) + 0.02 * station as f64,
                })
            })
            .collect()
    }

    #[test]
    fn no_station_and_no_day_is_on_both_sides() {
        let rows = rows();
        let split = SoilSplit::by_station(7, 4).expect("a split");
        assert_eq!(split.parts(), 5);
        let mut tested = vec![0; 7];
        for part in 0..5 {
            let (train, test) = split.part(&rows, part);
            assert_eq!(train.len() + test.len(), rows.len());
            let mut held: Vec<usize> = test.iter().map(|row| rows[*row].station).collect();
            held.dedup();
            assert!(train.iter().all(|row| !held.contains(&rows[*row].station)));
            assert!(matches!(held.len(), 1 | 2));
            held.iter().for_each(|station| tested[*station] += 1);
        }
        assert_eq!(tested, [1; 7]);
        assert_ne!(SoilSplit::by_station(30, 4), SoilSplit::by_station(30, 5));
        assert_eq!(SoilSplit::by_station(2, 0), None);
        assert_eq!(
            SoilSplit::by_station(3, 0).map(|split| split.parts()),
            Some(3)
        );
        let split = SoilSplit::by_time(&rows).expect("a split");
        assert_eq!(
            split,
            SoilSplit::Time {
                from: Date::constant(2020, 1, 17)
            }
        );
        assert_eq!(SoilSplit::by_time(&rows[..1]), None);
    }

    #[test]
    fn what_is_held_out_is_never_seen() {
        let rows = rows();
        let split = SoilSplit::by_station(7, 0).expect("a split");
        let estimates = held_out(&rows, &split, |train, test| {
            let mean = train.iter().map(|row| rows[*row].value).sum::<f64>() / train.len() as f64;
            Ok::<_, ()>(vec![mean; test.len()])
        })
        .expect("estimates");
        let accuracy = SoilAccuracy::of(&rows, &estimates, 7);
        assert_eq!((accuracy.pooled.n, accuracy.mean_over_stations.n), (140, 7));
        assert_eq!(accuracy.per_station[0].r, None);
        assert!(accuracy.pooled.r2_determination.is_some_and(|r2| r2 < 0.0));
        let split = SoilSplit::by_time(&rows).expect("a split");
        let estimates = held_out(&rows, &split, |_, test| {
            Ok::<_, ()>(vec![f64::NAN; test.len()])
        });
        assert!(estimates.expect("estimates").iter().all(Option::is_none));
    }

    #[test]
    fn few_pairs_have_no_correlation() {
        let rows: Vec<SoilRow> = rows().into_iter().take(9).collect();
        let estimates: Vec<Option<f64>> = rows.iter().map(|row| Some(row.value + 0.01)).collect();
        let found = SoilAccuracy::of(&rows, &estimates, 2);
        assert_eq!(
            (found.pooled.n, found.pooled.r, found.per_station[1].n),
            (9, None, 0)
        );
        assert!((found.pooled.bias.expect("bias") - 0.01).abs() < 1e-12);
        assert_eq!(found.mean_over_stations.n, 1);
    }
}
