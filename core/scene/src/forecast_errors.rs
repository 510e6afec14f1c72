//! How far a forecast image lies from the image that was seen: squared and absolute errors, spectral angle, structural
//! similarity, and skill over another forecast, added up piece by piece. Only pixels that were seen count, and a pixel that
//! was not never enters a sum (spec tasks 7.4). Knows numbers; knows nothing of files.

use serde::{Deserialize, Serialize};

/// Days ahead by which forecasts are told apart, first and last day of each bin (spec tasks 7.4).
pub const HORIZON_BINS: [(u32, u32); 4] = [(1, 10), (11, 30), (31, 60), (61, 120)];

/// Side of the windows of structural similarity, pixels.
pub const SIMILARITY_PX: usize = 7;
/// Steadying constants of structural similarity.
const K1: f64 = 0.01;
const K2: f64 = 0.03;

/// The bin a forecast of so many days belongs to; `None` for the day itself and beyond the last bin.
pub fn horizon_bin(days_ahead: i64) -> Option<usize> {
    HORIZON_BINS
        .iter()
        .position(|(from, to)| (i64::from(*from)..=i64::from(*to)).contains(&days_ahead))
}

/// 1 - MSE / MSE of the forecast to compare with; `None` where that one is perfect or undefined.
pub fn skill(mse: Option<f64>, baseline_mse: Option<f64>) -> Option<f64> {
    let baseline = baseline_mse.filter(|mse| *mse > 0.0)?;
    Some(1.0 - mse? / baseline)
}

/// A forecast and what was seen of the same pixels, planar: band after band.
#[derive(Clone, Copy, Debug)]
pub struct ForecastPair<'a> {
    pub prediction: &'a [f32],
    pub target: &'a [f32],
    /// One a pixel: seen in every band and not under a cloud.
    pub is_seen: &'a [bool],
    pub width: usize,
}

impl ForecastPair<'_> {
    fn pixels(&self) -> usize {
        self.is_seen.len()
    }

    fn bands(&self) -> usize {
        self.target.len() / self.pixels().max(1)
    }

    /// Prediction and target of a band at a pixel; `None` where it was not seen or not forecast.
    fn at(&self, band: usize, pixel: usize) -> Option<(f64, f64)> {
        if !*self.is_seen.get(pixel)? {
            return None;
        }
        let at = band * self.pixels() + pixel;
        let (p, t) = (*self.prediction.get(at)?, *self.target.get(at)?);
        (p.is_finite() && t.is_finite()).then_some((f64::from(p), f64::from(t)))
    }
}

/// Sums of what the measures are made of. Parts are joined.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ImageErrorSums {
    pixels: u64,
    /// One a band.
    differences: Vec<f64>,
    squares: Vec<f64>,
    absolutes: Vec<f64>,
    angle_degrees: f64,
    angles: u64,
    similarity: f64,
    similarities: u64,
    /// Squares of the forecast that is compared with and of this one, where both say something; all bands.
    baseline_squares: f64,
    own_squares: f64,
    compared: u64,
}

/// Measures of one or more forecast images against what was seen. Not defined is `None`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImageErrors {
    /// Pixels compared.
    pub n: u64,
    pub mse: Option<f64>,
    pub rmse: Option<f64>,
    pub mae: Option<f64>,
    /// Mean of prediction - target.
    pub bias: Option<f64>,
    pub per_band_rmse: Vec<Option<f64>>,
    pub per_band_mae: Vec<Option<f64>>,
    pub per_band_bias: Vec<Option<f64>>,
    /// Of values from 0 to 1, dB.
    pub psnr: Option<f64>,
    /// Mean spectral angle, degrees.
    pub sam: Option<f64>,
    /// Mean structural similarity of the windows seen wholly, all bands.
    pub ssim: Option<f64>,
    /// Over the forecast compared with (persistence); below 0 that one was nearer.
    pub skill: Option<f64>,
    /// Pixels the skill rests on.
    pub skill_n: u64,
}

impl ImageErrorSums {
    pub fn new(bands: usize) -> Self {
        Self {
            differences: vec![0.0; bands],
            squares: vec![0.0; bands],
            absolutes: vec![0.0; bands],
            ..Self::default()
        }
    }

    /// Adds the pixels of a piece that were seen and forecast in every band.
    pub fn add(&mut self, pair: &ForecastPair<'_>) {
        self.add_against(pair, None);
    }

    /// The same, and compares with another forecast of the same piece.
    pub fn add_against(&mut self, pair: &ForecastPair<'_>, baseline: Option<&[f32]>) {
        let bands = pair.bands().min(self.squares.len());
        let other = baseline.map(|prediction| ForecastPair {
            prediction,
            ..*pair
        });
        let mut values = Vec::with_capacity(bands);
        for pixel in 0..pair.pixels() {
            values.clear();
            values.extend((0..bands).map_while(|band| pair.at(band, pixel)));
            if values.len() != bands || bands == 0 {
                continue;
            }
            self.pixels += 1;
            let (mut pp, mut tt, mut pt, mut own) = (0.0, 0.0, 0.0, 0.0);
            for (band, (p, t)) in values.iter().enumerate() {
                let d = p - t;
                self.differences[band] += d;
                self.squares[band] += d * d;
                self.absolutes[band] += d.abs();
                (pp, tt, pt, own) = (pp + p * p, tt + t * t, pt + p * t, own + d * d);
            }
            if pp > 0.0 && tt > 0.0 {
                let cosine = (pt / (pp * tt).sqrt()).clamp(-1.0, 1.0);
                self.angle_degrees += cosine.acos().to_degrees();
                self.angles += 1;
            }
            let Some(other) = &other else { continue };
            let squares: Vec<f64> = (0..bands)
                .map_while(|band| other.at(band, pixel))
                .map(|(p, t)| (p - t) * (p - t))
                .collect();
            if squares.len() == bands {
                self.baseline_squares += squares.iter().sum::<f64>();
                self.own_squares += own;
                self.compared += 1;
            }
        }
    }

    /// Adds the structural similarity of the windows of a piece in which every pixel was seen and forecast.
    pub fn add_similarity(&mut self, pair: &ForecastPair<'_>, data_range: f64) {
        let pixels = pair.pixels();
        for band in 0..pair.bands() {
            let mut planes = (vec![0.0; pixels], vec![0.0; pixels], vec![false; pixels]);
            for pixel in 0..pixels {
                if let Some((p, t)) = pair.at(band, pixel) {
                    (planes.0[pixel], planes.1[pixel], planes.2[pixel]) = (p, t, true);
                }
            }
            let (sum, windows) = similarity_sum(
                &planes.0,
                &planes.1,
                Some(&planes.2),
                pair.width,
                data_range,
            );
            self.similarity += sum;
            self.similarities += windows;
        }
    }

    /// As if the pieces of both had been added to one.
    pub fn join(&mut self, other: &Self) {
        if self.squares.is_empty() {
            *self = other.clone();
            return;
        }
        let add = |own: &mut Vec<f64>, other: &[f64]| {
            own.iter_mut()
                .zip(other)
                .for_each(|(own, other)| *own += other);
        };
        add(&mut self.differences, &other.differences);
        add(&mut self.squares, &other.squares);
        add(&mut self.absolutes, &other.absolutes);
        self.pixels += other.pixels;
        self.angle_degrees += other.angle_degrees;
        self.angles += other.angles;
        self.similarity += other.similarity;
        self.similarities += other.similarities;
        self.baseline_squares += other.baseline_squares;
        self.own_squares += other.own_squares;
        self.compared += other.compared;
    }

    pub fn errors(&self) -> ImageErrors {
        let n = self.pixels;
        let each =
            |sums: &[f64]| -> Vec<Option<f64>> { sums.iter().map(|sum| mean(*sum, n)).collect() };
        let all = n * self.squares.len() as u64;
        let mse = mean(self.squares.iter().sum(), all);
        ImageErrors {
            n,
            mse,
            rmse: mse.map(f64::sqrt),
            mae: mean(self.absolutes.iter().sum(), all),
            bias: mean(self.differences.iter().sum(), all),
            per_band_rmse: each(&self.squares)
                .into_iter()
                .map(|mse| mse.map(f64::sqrt))
                .collect(),
            per_band_mae: each(&self.absolutes),
            per_band_bias: each(&self.differences),
            psnr: mse.filter(|mse| *mse > 0.0).map(|mse| -10.0 * mse.log10()),
            sam: mean(self.angle_degrees, self.angles),
            ssim: mean(self.similarity, self.similarities),
            skill: skill(
                mean(self.own_squares, self.compared),
                mean(self.baseline_squares, self.compared),
            ),
            skill_n: self.compared,
        }
    }
}

fn mean(sum: f64, n: u64) -> Option<f64> {
    (n > 0).then(|| sum / n as f64)
}

/// Sum of the structural similarity of all windows of 7 x 7 pixels that lie inside and are seen wholly, and their number.
/// Uniform windows with the covariance of samples.
pub(crate) fn similarity_sum(
    a: &[f64],
    b: &[f64],
    is_seen: Option<&[bool]>,
    width: usize,
    data_range: f64,
) -> (f64, u64) {
    let height = a.len() / width.max(1);
    if width < SIMILARITY_PX || height < SIMILARITY_PX || b.len() != a.len() {
        return (0.0, 0);
    }
    let count = (SIMILARITY_PX * SIMILARITY_PX) as f64;
    let (c1, c2) = ((K1 * data_range).powi(2), (K2 * data_range).powi(2));
    let sample = count / (count - 1.0);
    let across = width - SIMILARITY_PX + 1;
    // Sums along the rows first: of a, b, their squares and product, and of unseen pixels.
    let mut rows = vec![[0.0_f64; 6]; height * across];
    for row in 0..height {
        for col in 0..across {
            let sums = &mut rows[row * across + col];
            for at in row * width + col..row * width + col + SIMILARITY_PX {
                let (x, y) = (a[at], b[at]);
                let unseen = is_seen.is_some_and(|seen| !seen[at]);
                for (sum, value) in
                    sums.iter_mut()
                        .zip([x, y, x * x, y * y, x * y, f64::from(u8::from(unseen))])
                {
                    *sum += value;
                }
            }
        }
    }
    let (mut total, mut windows) = (0.0, 0);
    for row in 0..=height - SIMILARITY_PX {
        for col in 0..across {
            let mut sums = [0.0; 6];
            for line in row..row + SIMILARITY_PX {
                for (sum, value) in sums.iter_mut().zip(rows[line * across + col]) {
                    *sum += value;
                }
            }
            if sums[5] > 0.0 {
                continue;
            }
            let [ux, uy, uxx, uyy, uxy] = [0, 1, 2, 3, 4].map(|at| sums[at] / count);
            let (vx, vy) = (sample * (uxx - ux * ux), sample * (uyy - uy * uy));
            let vxy = sample * (uxy - ux * uy);
            total += ((2.0 * ux * uy + c1) * (2.0 * vxy + c2))
                / ((ux * ux + uy * uy + c1) * (vx + vy + c2));
            windows += 1;
        }
    }
    (total, windows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::golden;
    use serde_json::Value;

    fn close(found: Option<f64>, expected: &Value, what: &str) {
        let (a, b) = (found.unwrap(), expected.as_f64().unwrap());
        // The product computes from f32 values.
        assert!(
            (a - b).abs() <= 1e-9 + 2e-6 * b.abs(),
            "{what}: {a} instead of {b}"
        );
    }

    /// `[row][col][band]` to planar.
    fn planar(value: &Value) -> Vec<f32> {
        let pixels: Vec<&Value> = value
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .collect();
        let bands = pixels[0].as_array().unwrap().len();
        (0..bands)
            .flat_map(|band| {
                pixels
                    .iter()
                    .map(move |pixel| pixel[band].as_f64().unwrap() as f32)
            })
            .collect()
    }

    fn flags(value: &Value) -> Vec<bool> {
        value
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(|flag| flag.as_i64() == Some(1))
            .collect()
    }

    #[test]
    fn image_errors_are_the_golden_ones_and_masked_pixels_never_matter() {
        let Some(golden) = golden("metrics/image_error.json") else {
            return;
        };
        let mut prediction = planar(&golden["prediction"]);
        let mut target = planar(&golden["target"]);
        let is_seen = flags(&golden["valid"]);
        let measure = |prediction: &[f32], target: &[f32]| {
            let pair = ForecastPair {
                prediction,
                target,
                is_seen: &is_seen,
                width: 12,
            };
            let mut sums = ImageErrorSums::new(4);
            let half: Vec<f32> = prediction.iter().map(|value| value / 2.0).collect();
            sums.add_against(&pair, Some(&half));
            sums.add_similarity(&pair, 1.0);
            sums.errors()
        };
        let found = measure(&prediction, &target);
        let expected = &golden["expected"];
        close(found.mse, &expected["mse"], "mse");
        close(found.rmse, &expected["rmse"], "rmse");
        close(found.mae, &expected["mae"], "mae");
        close(found.psnr, &expected["psnr"], "psnr");
        close(found.sam, &expected["sam_mean"], "sam");
        for (band, rmse) in found.per_band_rmse.iter().enumerate() {
            close(*rmse, &expected["per_band_rmse"][band], "rmse of a band");
        }
        assert!(found.skill.unwrap() > 0.5 && found.skill_n == found.n);
        for (at, is_seen) in is_seen.iter().cycle().take(target.len()).enumerate() {
            if !is_seen {
                (prediction[at], target[at]) = (1e9, -1e9);
            }
        }
        assert_eq!(measure(&prediction, &target), found);
    }

    #[test]
    fn skill_is_the_golden_one() {
        let Some(golden) = golden("metrics/skill.json") else {
            return;
        };
        for case in golden["cases"].as_array().unwrap() {
            let series = |key: &str| -> Vec<f32> {
                case[key]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|value| value.as_f64().unwrap() as f32)
                    .collect()
            };
            let (prediction, target) = (series("prediction"), series("reference"));
            let mut sums = ImageErrorSums::new(1);
            sums.add_against(
                &ForecastPair {
                    prediction: &prediction,
                    target: &target,
                    is_seen: &vec![true; target.len()],
                    width: target.len(),
                },
                Some(&series("baseline")),
            );
            close(sums.errors().skill, &case["expected"], "skill");
        }
        assert_eq!(skill(Some(0.1), Some(0.0)), None);
        assert_eq!(skill(Some(0.2), Some(0.1)), Some(-1.0));
    }

    #[test]
    fn pieces_join_to_the_whole_and_nothing_is_not_perfect() {
        let prediction: Vec<f32> = (0..200).map(|at| (at % 17) as f32 / 20.0).collect();
        let target: Vec<f32> = (0..200).map(|at| (at % 13) as f32 / 15.0).collect();
        let whole = ForecastPair {
            prediction: &prediction,
            target: &target,
            is_seen: &[true; 100],
            width: 10,
        };
        let mut at_once = ImageErrorSums::new(2);
        at_once.add(&whole);
        let mut joined = ImageErrorSums::default();
        for half in 0..2 {
            let part = |of: &[f32]| -> Vec<f32> {
                let rows = half * 50..half * 50 + 50;
                [&of[rows.clone()], &of[rows.start + 100..rows.end + 100]].concat()
            };
            let mut sums = ImageErrorSums::new(2);
            sums.add(&ForecastPair {
                prediction: &part(&prediction),
                target: &part(&target),
                is_seen: &[true; 50],
                width: 10,
            });
            joined.join(&sums);
        }
        let (a, b) = (at_once.errors(), joined.errors());
        assert_eq!((a.n, b.n), (100, 100));
        assert!((a.mse.unwrap() - b.mse.unwrap()).abs() < 1e-12);
        let nothing = ImageErrorSums::new(2).errors();
        assert_eq!((nothing.n, nothing.mse, nothing.skill), (0, None, None));
        assert_eq!(nothing.per_band_rmse, [None, None]);
    }

    #[test]
    fn equal_images_are_alike_and_days_fall_into_bins() {
        let plane: Vec<f64> = (0..100).map(|at| f64::from(at % 7) / 10.0).collect();
        let (sum, windows) = similarity_sum(&plane, &plane, None, 10, 1.0);
        assert_eq!(windows, 16);
        assert!((sum - 16.0).abs() < 1e-9);
        assert_eq!(
            similarity_sum(&plane[..30], &plane[..30], None, 5, 1.0),
            (0.0, 0)
        );
        let bins = [0, 1, 10, 11, 60, 61, 120, 121, -3].map(horizon_bin);
        assert_eq!(
            bins,
            [
                None,
                Some(0),
                Some(0),
                Some(1),
                Some(2),
                Some(3),
                Some(3),
                None,
                None
            ]
        );
    }
}
