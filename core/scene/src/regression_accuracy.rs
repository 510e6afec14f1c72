//! Accuracy of predicted numbers: bias, errors, correlation and agreement with their intervals (tasks specification 6.5).
//! Knows pairs of numbers; knows nothing of models, units or how the reference was drawn.

use serde::{Deserialize, Serialize};
use statrs::distribution::{ChiSquared, ContinuousCDF as _, StudentsT};

use crate::HALF_WIDTH_95;

/// A spread below this counts as none: nothing can be said of what does not vary.
const NO_SPREAD: f64 = 1e-9;
/// Intervals need more pairs than this.
const FEW_PAIRS: usize = 3;

/// Measures of one set of pairs; difference = prediction - reference, means over n. `None` = not defined.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RegressionAccuracy {
    pub n: usize,
    pub bias: Option<f64>,
    /// Mean absolute error.
    pub mae: Option<f64>,
    /// Root of the mean squared error; its square is that of `ubrmse` plus that of `bias`.
    pub rmse: Option<f64>,
    /// Root mean squared error after the bias is taken off.
    pub ubrmse: Option<f64>,
    /// Median of the absolute errors.
    pub medae: Option<f64>,
    /// Pearson's correlation.
    pub r: Option<f64>,
    /// Squared correlation: R² of the regression line.
    pub r2_pearson: Option<f64>,
    /// Coefficient of determination, 1 - squared errors / squared deviations of the reference; negative when the mean
    /// of the reference would predict better. Also called Nash-Sutcliffe efficiency.
    pub r2_determination: Option<f64>,
    /// `1 / (2 - r2_determination)`, between 0 and 1.
    pub nnse: Option<f64>,
    /// Standard deviation of the prediction over that of the reference.
    pub std_ratio: Option<f64>,
    /// Of the line prediction = intercept + slope * reference.
    pub slope: Option<f64>,
    pub intercept: Option<f64>,
    /// Lin's concordance: 1 only where every prediction equals its reference.
    pub ccc: Option<f64>,
    /// Correlation of the ranks.
    pub spearman: Option<f64>,
    /// Kling-Gupta efficiency with the ratio of standard deviations.
    pub kge2009: Option<f64>,
    /// Kling-Gupta efficiency with the ratio of coefficients of variation.
    pub kge2012: Option<f64>,
    /// 95 % intervals (low, high); too narrow where the pairs depend on each other.
    pub bias_ci95: Option<(f64, f64)>,
    pub ubrmse_ci95: Option<(f64, f64)>,
    pub r_ci95: Option<(f64, f64)>,
}

/// Plain means over stations or folds, every one weighing the same; correlations through Fisher's z.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeanRegressionAccuracy {
    /// Stations or folds with at least one pair.
    pub n: usize,
    pub bias: Option<f64>,
    pub mae: Option<f64>,
    pub rmse: Option<f64>,
    pub ubrmse: Option<f64>,
    pub r2_determination: Option<f64>,
    pub r: Option<f64>,
}

impl RegressionAccuracy {
    /// Of (prediction, reference) pairs; pairs with a number that is not finite are left out.
    pub fn of(pairs: &[(f64, f64)]) -> Self {
        let pairs: Vec<(f64, f64)> = pairs
            .iter()
            .copied()
            .filter(|(prediction, reference)| prediction.is_finite() && reference.is_finite())
            .collect();
        let n = pairs.len();
        if n == 0 {
            return Self::default();
        }
        let count = n as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>() / count;
        let (mean_x, mean_y) = (mean(|pair| pair.0), mean(|pair| pair.1));
        let bias = mean(|(x, y)| x - y);
        let over_n = |of: &dyn Fn(f64, f64) -> f64| {
            pairs.iter().map(|(x, y)| of(*x, *y)).sum::<f64>() / count
        };
        let squared_error = over_n(&|x, y| (x - y).powi(2));
        let squared_rest = over_n(&|x, y| (x - y - bias).powi(2));
        let variance_x = over_n(&|x, _| (x - mean_x).powi(2));
        let variance_y = over_n(&|_, y| (y - mean_y).powi(2));
        let covariance = over_n(&|x, y| (x - mean_x) * (y - mean_y));
        let (sx, sy) = (variance_x.sqrt(), variance_y.sqrt());
        let (x_varies, y_varies) = (sx >= NO_SPREAD, sy >= NO_SPREAD);
        let r = (x_varies && y_varies).then(|| (covariance / (sx * sy)).clamp(-1.0, 1.0));
        let determination = y_varies.then(|| 1.0 - squared_error / variance_y);
        let slope = r.map(|r| r * sx / sy);
        let ratio = |a: f64, b: f64| (b != 0.0).then(|| a / b);
        let kge = |spread: Option<f64>| {
            let (r, spread, means) = (r?, spread?, ratio(mean_x, mean_y)?);
            Some(1.0 - ((r - 1.0).powi(2) + (spread - 1.0).powi(2) + (means - 1.0).powi(2)).sqrt())
        };
        let variation = ratio(sx, mean_x)
            .zip(ratio(sy, mean_y))
            .and_then(|(x, y)| ratio(x, y));
        let ubrmse = squared_rest.max(0.0).sqrt();
        let has_intervals = n > FEW_PAIRS;
        Self {
            n,
            bias: Some(bias),
            mae: Some(over_n(&|x, y| (x - y).abs())),
            rmse: Some(squared_error.sqrt()),
            ubrmse: Some(ubrmse),
            medae: Some(median(pairs.iter().map(|(x, y)| (x - y).abs()).collect())),
            r,
            r2_pearson: r.map(|r| r * r),
            r2_determination: determination,
            nnse: determination.map(|value| 1.0 / (2.0 - value)),
            std_ratio: y_varies.then(|| sx / sy),
            slope,
            intercept: slope.map(|slope| mean_x - slope * mean_y),
            ccc: r
                .map(|r| 2.0 * r * sx * sy / (variance_x + variance_y + (mean_x - mean_y).powi(2))),
            spearman: r.and_then(|_| rank_correlation(&pairs)),
            kge2009: kge(r.map(|_| sx / sy)),
            kge2012: kge(variation),
            bias_ci95: has_intervals
                .then(|| bias_interval(bias, ubrmse, n))
                .flatten(),
            ubrmse_ci95: has_intervals.then(|| spread_interval(ubrmse, n)).flatten(),
            r_ci95: r
                .filter(|_| has_intervals)
                .and_then(|r| correlation_interval(r, n)),
        }
    }
}

impl MeanRegressionAccuracy {
    /// Over stations or folds; those without pairs are left out, and undefined measures left out of their mean.
    pub fn of(parts: &[RegressionAccuracy]) -> Self {
        let parts: Vec<&RegressionAccuracy> = parts.iter().filter(|part| part.n > 0).collect();
        let mean = |of: fn(&RegressionAccuracy) -> Option<f64>| {
            let values: Vec<f64> = parts.iter().filter_map(|part| of(part)).collect();
            (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
        };
        Self {
            n: parts.len(),
            bias: mean(|part| part.bias),
            mae: mean(|part| part.mae),
            rmse: mean(|part| part.rmse),
            ubrmse: mean(|part| part.ubrmse),
            r2_determination: mean(|part| part.r2_determination),
            // A perfect correlation has no finite z; it counts as one that is nearly perfect.
            r: mean(|part| part.r.map(|r| r.clamp(-1.0 + 1e-12, 1.0 - 1e-12).atanh()))
                .map(f64::tanh),
        }
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let (upper, lower) = (values.len() / 2, values.len().saturating_sub(1) / 2);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    (at(lower) + at(upper)) / 2.0
}

/// Correlation of ranks from 1; equal values share the mean of their ranks. `None` where all ranks are equal.
fn rank_correlation(pairs: &[(f64, f64)]) -> Option<f64> {
    let x = ranks(&pairs.iter().map(|pair| pair.0).collect::<Vec<_>>());
    let y = ranks(&pairs.iter().map(|pair| pair.1).collect::<Vec<_>>());
    let middle = (pairs.len() as f64 + 1.0) / 2.0;
    let sum = |a: &[f64], b: &[f64]| -> f64 {
        a.iter()
            .zip(b)
            .map(|(a, b)| (a - middle) * (b - middle))
            .sum()
    };
    let spread = (sum(&x, &x) * sum(&y, &y)).sqrt();
    (spread > 0.0).then(|| (sum(&x, &y) / spread).clamp(-1.0, 1.0))
}

fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    let mut from = 0;
    while from < order.len() {
        let value = values[order[from]];
        let equal = order[from..]
            .iter()
            .take_while(|index| values[**index] == value)
            .count();
        let shared = from as f64 + (equal as f64 + 1.0) / 2.0;
        for index in &order[from..from + equal] {
            ranks[*index] = shared;
        }
        from += equal.max(1);
    }
    ranks
}

/// `s` with n in its denominator.
fn bias_interval(bias: f64, s: f64, n: usize) -> Option<(f64, f64)> {
    let degrees = n as f64 - 1.0;
    let t = StudentsT::new(0.0, 1.0, degrees).ok()?.inverse_cdf(0.975);
    let half = t * s / degrees.sqrt();
    Some((bias - half, bias + half))
}

fn spread_interval(ubrmse: f64, n: usize) -> Option<(f64, f64)> {
    let distribution = ChiSquared::new(n as f64 - 1.0).ok()?;
    let edge = |share: f64| (n as f64 * ubrmse.powi(2) / distribution.inverse_cdf(share)).sqrt();
    Some((edge(0.975), edge(0.025)))
}

/// `None` for a perfect correlation, whose z is infinite.
fn correlation_interval(r: f64, n: usize) -> Option<(f64, f64)> {
    if 1.0 - r.abs() < 1e-12 {
        return None;
    }
    let (z, half) = (r.atanh(), HALF_WIDTH_95 / (n as f64 - 3.0).sqrt());
    Some(((z - half).tanh(), (z + half).tanh()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::golden;
    use serde_json::Value;

    fn pairs(case: &Value) -> Vec<(f64, f64)> {
        let numbers = |key: &str| -> Vec<f64> {
            let list = case[key].as_array().unwrap();
            list.iter()
                .map(|value| value.as_f64().unwrap_or(f64::NAN))
                .collect()
        };
        numbers("prediction")
            .into_iter()
            .zip(numbers("reference"))
            .collect()
    }

    /// Every figure of `expected` within 1e-9 + 1e-6 of it, `null` and absent ones not defined.
    fn compare(name: &str, accuracy: &RegressionAccuracy, expected: &Value) {
        let found = serde_json::to_value(accuracy).unwrap();
        let close = |found: &Value, expected: &Value, key: &str| match (
            found.as_f64(),
            expected.as_f64(),
        ) {
            (None, None) => assert!(found.is_null(), "{name} {key}: {found}"),
            (Some(a), Some(b)) => {
                assert!(
                    (a - b).abs() <= 1e-9 + 1e-6 * b.abs(),
                    "{name} {key}: {a} instead of {b}"
                );
            }
            _ => panic!("{name} {key}: {found} instead of {expected}"),
        };
        for (key, found) in found.as_object().unwrap() {
            let expected = &expected[key.as_str()];
            match (found.as_array(), expected.as_array()) {
                (Some(found), Some(expected)) => {
                    close(&found[0], &expected[0], key);
                    close(&found[1], &expected[1], key);
                }
                _ => close(found, expected, key),
            }
        }
        assert_eq!(expected["nse"], expected["r2_determination"]);
    }

    #[test]
    fn every_measure_of_every_golden_case_agrees() {
        let Some(golden) = golden("metrics/regression.json") else {
            return;
        };
        for case in golden["cases"].as_array().unwrap() {
            let name = case["name"].as_str().unwrap();
            compare(
                name,
                &RegressionAccuracy::of(&pairs(case)),
                &case["expected"],
            );
        }
        let stations = &golden["stations"];
        let (mut all, mut each) = (Vec::new(), Vec::new());
        for (name, series) in stations["series"].as_object().unwrap() {
            let pairs = pairs(series);
            let accuracy = RegressionAccuracy::of(&pairs);
            compare(name, &accuracy, &stations["per_station"][name.as_str()]);
            each.push(accuracy);
            all.extend(pairs);
        }
        compare("pooled", &RegressionAccuracy::of(&all), &stations["pooled"]);
        let mean = MeanRegressionAccuracy::of(&each);
        let expected = &stations["mean_over_stations"];
        for (value, key) in [
            (mean.bias, "bias"),
            (mean.mae, "mae"),
            (mean.rmse, "rmse"),
            (mean.ubrmse, "ubrmse"),
            (mean.r2_determination, "nse"),
            (mean.r, "r_fisher"),
        ] {
            let (a, b) = (value.unwrap(), expected[key].as_f64().unwrap());
            assert!((a - b).abs() <= 1e-9 + 1e-6 * b.abs(), "{key}: {a} {b}");
        }
    }

    #[test]
    fn missing_numbers_never_count_and_nothing_is_not_a_perfect_score() {
        let accuracy = RegressionAccuracy::of(&[(f64::NAN, 1.0), (1.0, f64::INFINITY)]);
        assert_eq!(accuracy, RegressionAccuracy::default());
        assert_eq!(MeanRegressionAccuracy::of(&[accuracy]).n, 0);
        let one = RegressionAccuracy::of(&[(2.0, 1.0)]);
        assert_eq!((one.bias, one.r, one.bias_ci95), (Some(1.0), None, None));
    }

    #[test]
    fn equal_values_share_their_ranks() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 2.0]), [3.5, 1.0, 3.5, 2.0]);
    }
}
