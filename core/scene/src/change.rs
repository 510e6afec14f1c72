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
}

impl ChangeMeasure {
    pub const ALL: [Self; 3] = [Self::Dot, Self::Distance, Self::Angle];

    /// As the command line writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Dot => "dot",
            Self::Distance => "distance",
            Self::Angle => "angle",
        }
    }

    /// As people read it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dot => "Dot product",
            Self::Distance => "Distance",
            Self::Angle => "Angle",
        }
    }

    pub fn unit(self) -> &'static str {
        match self {
            Self::Dot | Self::Distance => "1",
            Self::Angle => "degree",
        }
    }

    /// Smallest and largest value there can be.
    pub fn range(self) -> (f32, f32) {
        match self {
            Self::Dot => (-1.0, 1.0),
            Self::Distance => (0.0, 1.0),
            Self::Angle => (0.0, 180.0),
        }
    }

    /// The same amount of change in each measure: a dot product of 0.8.
    pub fn default_threshold(self) -> f64 {
        match self {
            Self::Dot => 0.8,
            Self::Distance => 0.1,
            Self::Angle => 0.8f64.acos().to_degrees(),
        }
    }

    /// Of two unit vectors. Small changes come from the difference of the two, where `1 - u1 . u2` would be lost in rounding.
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
        }
    }

    /// Whether a value is change at this threshold: below it for the dot product, above it for the others.
    pub fn is_changed(self, value: f32, threshold: f64) -> bool {
        match self {
            Self::Dot => f64::from(value) < threshold,
            Self::Distance | Self::Angle => f64::from(value) > threshold,
        }
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
    fn the_default_thresholds_say_the_same() {
        for dot in [0.79f64, 0.81] {
            let angle = dot.acos();
            let values = [dot, (1.0 - dot) / 2.0, angle.to_degrees()];
            for (measure, value) in ChangeMeasure::ALL.into_iter().zip(values) {
                let is_changed = measure.is_changed(value as f32, measure.default_threshold());
                assert_eq!(is_changed, dot < 0.8, "{measure:?} {value}");
            }
        }
    }
}
