//! Harmonics: the course of a year at a pixel as a mean and two waves, the year's and the half year's, by least squares on the
//! clear images. Knows values through time; knows nothing of files.

use nalgebra::{SMatrix, SVector};

use crate::time_stack::TimeLine;

/// Mean, sine and cosine of the year, sine and cosine of the half year.
pub const HARMONICS: usize = 5;
/// What the numbers are called.
pub const HARMONIC_NAMES: [&str; HARMONICS] =
    ["mean", "year sin", "year cos", "half sin", "half cos"];
/// Days of a year.
const YEAR: f64 = 365.2425;
/// How strongly the waves (not the mean) are held to nought: as much as one image says, so that few images or a short period
/// give small waves instead of wild ones.
const PENALTY: f64 = 1.0;

type Vector = SVector<f64, HARMONICS>;

fn waves(day: f64) -> Vector {
    let angle = std::f64::consts::TAU * (day / YEAR).fract();
    Vector::from([
        1.0,
        angle.sin(),
        angle.cos(),
        (2.0 * angle).sin(),
        (2.0 * angle).cos(),
    ])
}

/// The five numbers of one band at one pixel; `None` without any clear value.
pub fn harmonics(line: TimeLine<'_>) -> Option<[f32; HARMONICS]> {
    let mut matrix = SMatrix::<f64, HARMONICS, HARMONICS>::zeros();
    let (mut right, mut sum, mut count) = (Vector::zeros(), 0.0, 0u32);
    for (_, value) in line.known() {
        sum += f64::from(value);
        count += 1;
    }
    if count == 0 {
        return None;
    }
    // Around the mean, so that large offsets do not eat the digits.
    let mean = sum / f64::from(count);
    for (day, value) in line.known() {
        let waves = waves(day);
        matrix += waves * waves.transpose();
        right += waves * (f64::from(value) - mean);
    }
    for wave in 1..HARMONICS {
        matrix[(wave, wave)] += PENALTY;
    }
    let mut found = matrix.cholesky().map(|solver| solver.solve(&right))?;
    found[0] += mean;
    Some(std::array::from_fn(|number| found[number] as f32))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time_stack::TimeStack;

    fn of(days: &[f64], value: impl Fn(f64) -> Option<f32>) -> Option<[f32; HARMONICS]> {
        let values: Vec<Option<f32>> = days.iter().map(|day| value(*day)).collect();
        harmonics(TimeStack::of_values(days, 1, &values).line(0, 0))
    }

    #[test]
    fn waves_are_found_through_gaps() {
        let days: Vec<f64> = (0..300).map(|at| f64::from(at) * 2.5).collect();
        let truth = [3000.0, 400.0, -250.0, 120.0, 60.0];
        let found = of(&days, |day| {
            let value = waves(day).dot(&Vector::from(truth));
            // A third is cloudy.
            (!(day as u32).is_multiple_of(3)).then_some(value as f32)
        })
        .unwrap();
        assert!((f64::from(found[0]) - truth[0]).abs() < 5.0, "{found:?}");
        for (found, truth) in found[1..].iter().zip(&truth[1..]) {
            // One image's worth of penalty against a hundred of evidence.
            assert!(
                (f64::from(*found) - truth).abs() < 0.03 * truth.abs() + 2.0,
                "{found} {truth}"
            );
        }
    }

    #[test]
    fn few_images_give_small_waves() {
        assert_eq!(of(&[10.0, 20.0], |_| None), None);
        let one = of(&[10.0], |_| Some(7.0)).unwrap();
        assert_eq!(one, [7.0, 0.0, 0.0, 0.0, 0.0]);
        let short = of(&[100.0, 105.0, 110.0, 120.0, 125.0], |day| {
            Some(if day > 107.0 { 1.0 } else { 0.0 })
        })
        .unwrap();
        assert!(short.iter().all(|number| number.abs() < 3.0), "{short:?}");
    }
}
