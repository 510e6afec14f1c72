//! Change between two fields: how far the vectors of a pixel lie apart, measured in one of three ways, and what counts as
//! changed. Plain numbers; knows no files and no grids.

use serde::{Deserialize, Serialize};

use crate::{FIELD_AXES, similarity};

/// What is written for every pixel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeMeasure {
    /// `u1 . u2`: 1 for no change, down to -1.
    #[default]
    Dot,
    /// `(1 - u1 . u2) / 2`: 0 for no change, up to 1.
    Distance,
    /// The angle between the two, degrees: 0 for no change, up to 180.
    Angle,
    /// How unusual the year is among four or more at the same pixel ([`local_z`]): ground that varies every year is not
    /// taken for change.
    LocalZ,
}

impl ChangeMeasure {
    pub const ALL: [Self; 4] = [Self::Dot, Self::Distance, Self::Angle, Self::LocalZ];

    /// As the command line writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Distance => "distance",
            Self::Angle => "angle",
            Self::LocalZ => "local-z",
        }
    }

    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dot => "Dot product",
            Self::Distance => "Distance",
            Self::Angle => "Angle",
            Self::LocalZ => "Local z",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Self::Dot | Self::Distance | Self::LocalZ => "1",
            Self::Angle => "degree",
        }
    }

    /// Smallest and largest value there can be.
    pub fn range(self) -> (f32, f32) {
        match self {
            Self::Dot => (-1.0, 1.0),
            Self::Distance => (0.0, 1.0),
            Self::Angle => (0.0, 180.0),
            // Distances are at most 1, deviations at least the floor below.
            Self::LocalZ => (-135.0, 135.0),
        }
    }

    /// The same amount of change in each measure of two vectors, a dot product of 0.8; three deviations for the local z.
    pub fn default_threshold(self) -> f64 {
        match self {
            Self::Dot => 0.8,
            Self::Distance => 0.1,
            Self::Angle => 0.8f64.acos().to_degrees(),
            Self::LocalZ => 3.0,
        }
    }

    /// At the last of some years' unit vectors, the others before it; the measures of two vectors compare it with the first.
    /// NaN where the local z has too few years.
    pub fn of_years(self, years: &[[f32; FIELD_AXES]]) -> f32 {
        match (self, years) {
            (Self::LocalZ, _) => local_z(years).unwrap_or(f32::NAN),
            (_, [before, .., after]) => self.of(before, after),
            _ => f32::NAN,
        }
    }

    /// Of two unit vectors; NaN for the local z, which needs more. Small changes come from the difference of the two, where `1 - u1 . u2` would be lost in rounding.
    pub fn of(self, before: &[f32; FIELD_AXES], after: &[f32; FIELD_AXES]) -> f32 {
        let half_chord = || {
            let squares: f64 = before
                .iter()
                .zip(after)
                .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
                .sum();
            (squares.sqrt() / 2.0).min(1.0)
        };
        match self {
            Self::Dot => similarity(before, after).clamp(-1.0, 1.0),
            Self::Distance => half_chord().powi(2) as f32,
            Self::Angle => (2.0 * half_chord().asin()).to_degrees() as f32,
            Self::LocalZ => f32::NAN,
        }
    }

    /// Whether a value is change at this threshold: below it for the dot product, above it for the others.
    pub fn is_changed(self, value: f32, threshold: f64) -> bool {
        match self {
            Self::Dot => f64::from(value) < threshold,
            Self::Distance | Self::Angle | Self::LocalZ => f64::from(value) > threshold,
        }
    }
}

/// Years a local z needs at least.
pub const FEWEST_YEARS: usize = 4;
/// The median deviation of few years can be next to nothing by chance.
const LEAST_DEVIATION: f64 = 0.005;
/// Makes the median deviation of normally distributed numbers their standard deviation.
const NORMAL: f64 = 1.4826;

/// How far the last year lies from what is usual at its pixel (specification of fields, section 3.4): for every year the
/// distance to the medoid of the others, then `(last - median) / (1.4826 * MAD)` over the years, MAD at least 0.005.
/// `None` with fewer than [`FEWEST_YEARS`].
pub fn local_z(years: &[[f32; FIELD_AXES]]) -> Option<f32> {
    let count = years.len();
    if count < FEWEST_YEARS {
        return None;
    }
    let mut apart = vec![0.0f64; count * count];
    for a in 0..count {
        for b in a + 1..count {
            let distance = f64::from(ChangeMeasure::Distance.of(&years[a], &years[b]));
            (apart[a * count + b], apart[b * count + a]) = (distance, distance);
        }
    }
    let left_out: Vec<f64> = (0..count)
        .map(|year| {
            let others = || (0..count).filter(move |other| *other != year);
            let sum = |of: usize| -> f64 { others().map(|other| apart[of * count + other]).sum() };
            let medoid = others().min_by(|a, b| sum(*a).total_cmp(&sum(*b)));
            medoid.map_or(0.0, |medoid| apart[year * count + medoid])
        })
        .collect();
    let middle = median(left_out.clone());
    let deviation = median(
        left_out
            .iter()
            .map(|value| (value - middle).abs())
            .collect(),
    );
    let last = left_out.last()?;
    Some(((last - middle) / (NORMAL * deviation.max(LEAST_DEVIATION))) as f32)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let half = values.len() / 2;
    match (
        values.get(half),
        half.checked_sub(1).and_then(|below| values.get(below)),
    ) {
        (Some(upper), Some(lower)) if values.len().is_multiple_of(2) => (upper + lower) / 2.0,
        (Some(middle), _) => *middle,
        (None, _) => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::{golden, numbers, points};
    use crate::{decode_pixel, encode_pixel};

    #[test]
    fn the_distance_is_the_golden_one() {
        let Some((golden, rows)) = golden("aef/similarity_kmeans_iowa.json").zip(points("iowa_ag"))
        else {
            return;
        };
        let units: Vec<_> = rows
            .iter()
            .map(|(_, codes)| decode_pixel(codes).unwrap())
            .collect();
        let expected = numbers(&golden["change_distance_row0_to_first10"]);
        assert_eq!(expected.len(), 10);
        for (unit, expected) in units.iter().zip(expected) {
            let found = f64::from(ChangeMeasure::Distance.of(&units[0], unit));
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            let dot = f64::from(ChangeMeasure::Dot.of(&units[0], unit));
            assert!((dot - (1.0 - 2.0 * expected)).abs() < 1e-5);
            let angle = f64::from(ChangeMeasure::Angle.of(&units[0], unit));
            assert!((angle.to_radians().cos() - dot).abs() < 1e-5);
        }
    }

    #[test]
    fn tiny_angles_are_not_lost() {
        let unit: [f32; FIELD_AXES] = decode_pixel(&encode_pixel(&std::array::from_fn(|axis| {
            1.0 + (axis % 7) as f32
        })))
        .unwrap();
        assert_eq!(ChangeMeasure::Angle.of(&unit, &unit), 0.0);
        // Turned by a ten-thousandth of a radian towards a direction at right angles.
        let mut side = [0.0f32; FIELD_AXES];
        (side[0], side[1]) = (unit[1], -unit[0]);
        let length = side[0].hypot(side[1]);
        let turned: [f32; FIELD_AXES] =
            std::array::from_fn(|axis| unit[axis] + 1e-4 * side[axis] / length);
        let angle = ChangeMeasure::Angle.of(&unit, &turned).to_radians();
        assert!((angle - 1e-4).abs() < 2e-7, "{angle}");
        let opposite = unit.map(|value| -value);
        assert!((ChangeMeasure::Angle.of(&unit, &opposite) - 180.0).abs() < 0.1);
        assert!((ChangeMeasure::Distance.of(&unit, &opposite) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_year_is_unusual_by_what_its_pixel_does_in_others() {
        let turned = |angle: f32| -> [f32; FIELD_AXES] {
            let mut unit = [0.0; FIELD_AXES];
            (unit[0], unit[1]) = (angle.cos(), angle.sin());
            unit
        };
        let z = |angles: &[f32]| {
            let years: Vec<_> = angles.iter().map(|angle| turned(*angle)).collect();
            local_z(&years)
        };
        assert_eq!(z(&[0.0, 0.1, 0.9]), None);
        // A forest that hardly varies, and a field that always does: the same step is change in one of them only.
        let forest = z(&[0.0, 0.02, 0.01, 0.02, 0.5]).unwrap();
        let field = z(&[0.0, 0.6, 0.1, 0.8, 0.5]).unwrap();
        assert!(forest > 3.0 && field < 1.0, "{forest} {field}");
        // By hand: the medoid of the others is 0.1 for the first and the third year, 0 for the two others.
        let d = |a: f64, b: f64| (1.0 - (a - b).cos()) / 2.0;
        let left_out = [d(0.0, 0.1), d(0.0, 0.1), d(0.0, 0.1), d(0.0, 1.0)];
        let mut sorted = left_out;
        sorted.sort_by(f64::total_cmp);
        let middle = (sorted[1] + sorted[2]) / 2.0;
        let expected = (left_out[3] - middle) / (1.4826 * 0.005);
        let found = f64::from(z(&[0.0, 0.1, 0.0, 1.0]).unwrap());
        assert!(
            (found - expected).abs() < 0.02 * expected,
            "{found} {expected}"
        );
    }

    #[test]
    fn the_default_thresholds_say_the_same() {
        for dot in [0.79f64, 0.81] {
            let angle = dot.acos();
            let values = [dot, (1.0 - dot) / 2.0, angle.to_degrees()];
            for (measure, value) in ChangeMeasure::ALL.into_iter().take(3).zip(values) {
                let is_changed = measure.is_changed(value as f32, measure.default_threshold());
                assert_eq!(is_changed, dot < 0.8, "{measure:?} {value}");
            }
        }
    }
}
