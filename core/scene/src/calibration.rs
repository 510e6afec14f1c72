//! Calibration: whether a stated probability of 0.8 is right eight times in ten.
//! Knows probabilities and reference classes; knows nothing of models.

use serde::{Deserialize, Serialize};

const BINS: usize = 10;

/// Running sums over samples; feed, then ask for [`Calibration::measures`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    n: u64,
    /// Samples of which only the highest probability is known.
    partial: u64,
    brier: f64,
    log_loss: f64,
    /// Per bin: samples, sum of stated probabilities, right answers.
    bins: [(u64, f64, u64); BINS],
}

/// One filled bin of the reliability diagram.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationBin {
    /// Lower edge of the bin in tenths.
    pub bin: usize,
    pub n: u64,
    pub mean_confidence: f64,
    pub accuracy: f64,
}

/// `None` without samples; `brier` and `nll` also where only the highest probability is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationMeasures {
    pub n: u64,
    /// Expected calibration error: mean gap between stated and found share over 10 equal bins of the highest probability.
    pub ece: Option<f64>,
    /// Largest gap of a bin.
    pub mce: Option<f64>,
    /// Mean over samples of the squared error summed over classes.
    pub brier: Option<f64>,
    /// Mean negative log-likelihood; probabilities below 1e-12 count as 1e-12.
    pub nll: Option<f64>,
    pub bins: Vec<CalibrationBin>,
}

impl Calibration {
    pub fn new() -> Self {
        Self::default()
    }

    /// Class probabilities of one sample and the index of its reference class; a sample without that class or
    /// with a probability that is not a number is not counted.
    pub fn add(&mut self, probabilities: &[f64], reference: usize) {
        let Some(&own) = probabilities.get(reference) else {
            return;
        };
        if probabilities.iter().any(|value| !value.is_finite()) {
            return;
        }
        let (mut winner, mut confidence) = (0, f64::NEG_INFINITY);
        for (class, &value) in probabilities.iter().enumerate() {
            if value > confidence {
                (winner, confidence) = (class, value);
            }
            self.brier += (value - if class == reference { 1.0 } else { 0.0 }).powi(2);
        }
        self.n += 1;
        self.log_loss -= own.max(1e-12).ln();
        self.count(confidence, winner == reference);
    }

    /// Highest probability of one sample and whether its class is the reference's: the squared error and the likelihood
    /// are not defined after this.
    pub fn add_highest(&mut self, confidence: f64, is_right: bool) {
        if confidence.is_finite() {
            self.partial += 1;
            self.n += 1;
            self.count(confidence, is_right);
        }
    }

    fn count(&mut self, confidence: f64, is_right: bool) {
        let bin = ((confidence * BINS as f64).floor().max(0.0) as usize).min(BINS - 1);
        let (n, sum, right) = &mut self.bins[bin];
        *n += 1;
        *sum += confidence;
        *right += u64::from(is_right);
    }

    pub fn measures(&self) -> CalibrationMeasures {
        let filled = self.bins.iter().enumerate().filter(|(_, (n, _, _))| *n > 0);
        let bins: Vec<CalibrationBin> = filled
            .map(|(bin, &(n, sum, right))| CalibrationBin {
                bin,
                n,
                mean_confidence: sum / n as f64,
                accuracy: right as f64 / n as f64,
            })
            .collect();
        let gap = |bin: &CalibrationBin| (bin.accuracy - bin.mean_confidence).abs();
        let over_n = |sum: f64| (self.n > 0).then(|| sum / self.n as f64);
        CalibrationMeasures {
            n: self.n,
            ece: over_n(bins.iter().map(|bin| bin.n as f64 * gap(bin)).sum()),
            mce: bins.iter().map(gap).reduce(f64::max),
            brier: over_n(self.brier).filter(|_| self.partial == 0),
            nll: over_n(self.log_loss).filter(|_| self.partial == 0),
            bins,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::{golden, numbers};

    #[test]
    fn golden_cases_agree() {
        let Some(golden) = golden("metrics/calibration.json") else {
            return;
        };
        for case in golden["cases"].as_array().unwrap() {
            let mut calibration = Calibration::new();
            for (row, reference) in case["probabilities"]
                .as_array()
                .unwrap()
                .iter()
                .zip(numbers(&case["reference"]))
            {
                calibration.add(&numbers(row), reference as usize);
            }
            let (measures, expected) = (calibration.measures(), &case["expected"]);
            for (value, key) in [
                (measures.ece, "ece"),
                (measures.mce, "mce"),
                (measures.brier, "brier"),
                (measures.nll, "nll"),
            ] {
                assert!(
                    (value.unwrap() - expected[key].as_f64().unwrap()).abs() < 1e-9,
                    "{key}"
                );
            }
            for (bin, expected) in measures
                .bins
                .iter()
                .zip(expected["bins"].as_array().unwrap())
            {
                let expected = numbers(expected);
                assert_eq!((bin.bin as f64, bin.n as f64), (expected[0], expected[1]));
                assert!(
                    (bin.mean_confidence - expected[2]).abs() < 1e-9
                        && (bin.accuracy - expected[3]).abs() < 1e-9
                );
            }
        }
    }

    #[test]
    fn highest_probabilities_alone_give_the_same_gaps() {
        let (mut whole, mut highest) = (Calibration::new(), Calibration::new());
        for (p, reference) in [(0.93, 0), (0.61, 1), (0.55, 0), (0.99, 1)] {
            whole.add(&[p, 1.0 - p], reference);
            highest.add_highest(p, reference == 0);
        }
        let (whole, highest) = (whole.measures(), highest.measures());
        assert_eq!((whole.n, whole.ece), (highest.n, highest.ece));
        assert!(whole.brier.is_some() && highest.brier.is_none() && highest.nll.is_none());
    }

    #[test]
    fn no_samples_are_not_a_perfect_score() {
        let mut calibration = Calibration::new();
        calibration.add(&[0.5, 0.5], 2);
        calibration.add(&[f64::NAN, 0.5], 0);
        let measures = calibration.measures();
        assert_eq!((measures.n, measures.ece, measures.nll), (0, None, None));
    }
}
