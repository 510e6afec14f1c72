//! Simple estimates of soil moisture every model must be shown beside: the mean, the mean of the day of the year, and ridge
//! regression (specification of tasks, section 6.3). Knows numbers; knows nothing of where they were read.

use std::collections::BTreeMap;

use jiff::civil::Date;
use nalgebra::{DMatrix, DVector};

use crate::{FeatureTable, MOST_SOIL_MOISTURE, SceneError, SceneResult};

/// Penalty on standardised predictors, as the published baselines have it.
const ALPHA: f64 = 1.0;
/// A spread below this share of the mean counts as none.
const NO_SPREAD: f64 = 1e-9;
/// Days before and after that stand in for a day of the year nobody measured on.
const AROUND_DAYS: i16 = 15;

/// Soil moisture as a linear form of predictors, m³/m³.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LinearSoil {
    pub names: Vec<String>,
    /// In the units of the predictors.
    pub weights: Vec<f64>,
    pub bias: f64,
}

impl LinearSoil {
    /// Ridge on standardised predictors and centred values.
    ///
    /// # Errors
    /// No row, as many values as rows not given, numbers that are not finite.
    pub fn fit(names: &[String], features: &FeatureTable, values: &[f64]) -> SceneResult<Self> {
        let (rows, width) = (features.len(), features.width());
        if rows == 0 || rows != values.len() || width != names.len() {
            return Err(SceneError::input(
                "there are no values with all predictors to fit a regression on",
            ));
        }
        let count = rows as f64;
        let mut mean = vec![0.0_f64; width];
        for row in features.rows() {
            for (sum, value) in mean.iter_mut().zip(row) {
                *sum += f64::from(*value) / count;
            }
        }
        let mut scale = vec![0.0_f64; width];
        for row in features.rows() {
            for ((sum, value), mean) in scale.iter_mut().zip(row).zip(&mean) {
                *sum += (f64::from(*value) - mean).powi(2) / count;
            }
        }
        for (scale, mean) in scale.iter_mut().zip(&mean) {
            let deviation = scale.sqrt();
            // A predictor that does not vary gets no weight.
            *scale = if deviation > NO_SPREAD * mean.abs().max(1.0) {
                1.0 / deviation
            } else {
                0.0
            };
        }
        let middle = values.iter().sum::<f64>() / count;
        let mut gram = DMatrix::<f64>::identity(width, width) * ALPHA;
        let mut cross = DVector::<f64>::zeros(width);
        for (row, value) in features.rows().zip(values) {
            let standard = DVector::from_iterator(
                width,
                row.iter()
                    .zip(mean.iter().zip(&scale))
                    .map(|(value, (mean, scale))| (f64::from(*value) - mean) * scale),
            );
            gram.ger(1.0, &standard, &standard, 1.0);
            cross.axpy(value - middle, &standard, 1.0);
        }
        let solved = crate::ridge::invert(gram)? * cross;
        let weights: Vec<f64> = solved
            .iter()
            .zip(&scale)
            .map(|(weight, scale)| weight * scale)
            .collect();
        let shift: f64 = weights
            .iter()
            .zip(&mean)
            .map(|(weight, mean)| weight * mean)
            .sum();
        let fitted = Self {
            names: names.to_vec(),
            weights,
            bias: middle - shift,
        };
        if !fitted.bias.is_finite() {
            return Err(SceneError::input(
                "the regression found no finite weights; check the weather and the values for absurd numbers",
            ));
        }
        Ok(fitted)
    }

    /// Within what soil moisture can be; NaN where a predictor is.
    pub fn predict(&self, predictors: &[f32]) -> f64 {
        let sum: f64 = self
            .weights
            .iter()
            .zip(predictors)
            .map(|(weight, value)| weight * f64::from(*value))
            .sum();
        (self.bias + sum).clamp(0.0, MOST_SOIL_MOISTURE)
    }
}

/// The mean of every day of the year; of the days around where nobody measured on it, else of all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DayOfYearSoil {
    sums: BTreeMap<i16, (f64, f64)>,
    mean: f64,
}

impl DayOfYearSoil {
    pub fn fit(dates: impl Iterator<Item = (Date, f64)>) -> Self {
        let mut sums: BTreeMap<i16, (f64, f64)> = BTreeMap::new();
        let mut all = (0.0, 0.0);
        for (date, value) in dates {
            let sum = sums.entry(date.day_of_year()).or_default();
            *sum = (sum.0 + value, sum.1 + 1.0);
            all = (all.0 + value, all.1 + 1.0);
        }
        Self {
            sums,
            mean: all.0 / f64::max(all.1, 1.0),
        }
    }

    pub fn predict(&self, date: Date) -> f64 {
        let day = date.day_of_year();
        if let Some((sum, count)) = self.sums.get(&day) {
            return sum / count;
        }
        let mut around = (0.0, 0.0);
        for turn in [-366, 0, 366] {
            let middle = day + turn;
            for (sum, count) in self
                .sums
                .range(middle - AROUND_DAYS..=middle + AROUND_DAYS)
                .map(|(_, sum)| sum)
            {
                around = (around.0 + sum, around.1 + count);
            }
        }
        if around.1 > 0.0 {
            around.0 / around.1
        } else {
            self.mean
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_truth_is_found_whatever_its_units() {
        let mut table = FeatureTable::new(3);
        let mut values = Vec::new();
        for index in 0..400_u32 {
            let (a, b) = (f64::from(index % 17), f64::from(index % 23) * 1e-4);
            table.push(&[a as f32, b as f32, 5.0]);
            values.push(0.1 + 0.01 * a + 60.0 * b);
        }
        let names: Vec<String> = ["a", "b", "flat"].map(str::to_owned).to_vec();
        let fitted = LinearSoil::fit(&names, &table, &values).expect("fitted");
        for (row, value) in table.rows().zip(&values) {
            assert!((fitted.predict(row) - value).abs() < 2e-3);
        }
        assert_eq!(fitted.weights[2], 0.0);
        assert_eq!(fitted.predict(&[1e6, 0.0, 5.0]), MOST_SOIL_MOISTURE);
        assert!(fitted.predict(&[f32::NAN, 0.0, 5.0]).is_nan());
        assert!(LinearSoil::fit(&names, &FeatureTable::new(3), &[]).is_err());
    }

    #[test]
    fn days_of_the_year_have_their_own_mean_and_neighbours_stand_in() {
        let day = |text: &str| text.parse::<Date>().expect("a date");
        let fitted = DayOfYearSoil::fit(
            [
                (day("2019-01-02"), 0.2),
                (day("2020-01-02"), 0.4),
                (day("2020-07-01"), 0.1),
            ]
            .into_iter(),
        );
        assert!((fitted.predict(day("2021-01-02")) - 0.3).abs() < 1e-12);
        assert!((fitted.predict(day("2021-12-25")) - 0.3).abs() < 1e-12);
        assert_eq!(fitted.predict(day("2021-07-05")), 0.1);
        assert!((fitted.predict(day("2021-04-05")) - 0.7 / 3.0).abs() < 1e-12);
        assert_eq!(DayOfYearSoil::default().predict(day("2021-04-05")), 0.0);
    }
}
