//! Sources: what a network of several sensors knows of each: its bands, what they measure, and how their numbers become
//! values near zero and back. Plain values, kept in the checkpoint.

use serde::{Deserialize, Serialize};

/// Values beyond this many deviations are cut off (spec stp 2.2).
const MOST_DEVIATIONS: f64 = 6.0;
/// Constant bands are not blown up.
const SMALLEST_DEVIATION: f64 = 1e-6;

/// What the numbers of a band are, and so how they are prepared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Reflectance x 10000, of the surface or above the atmosphere.
    Reflectance,
    /// Brightness temperature.
    Kelvin,
    /// Radar backscatter, 10 log10 of the power ratio.
    Decibel,
    /// An angle.
    Degrees,
    /// Anything else: elevation, an index, weather.
    #[default]
    Plain,
    /// Codes of classes: compared, never averaged.
    Classes,
}

impl Measure {
    /// As people write the unit; empty where there is none.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Reflectance => "reflectance x 10000",
            Self::Kelvin => "K",
            Self::Decibel => "dB",
            Self::Degrees => "degrees",
            Self::Plain => "",
            Self::Classes => "class",
        }
    }

    /// The value on the scale that is standardised: the logarithm of reflectances, radians of degrees.
    pub fn scaled(self, value: f64) -> f64 {
        match self {
            // Reflectances below zero are noise of dark pixels.
            Self::Reflectance => value.max(0.0).ln_1p() / 10.0,
            Self::Degrees => value.to_radians(),
            Self::Kelvin | Self::Decibel | Self::Plain | Self::Classes => value,
        }
    }

    /// Back from [`Self::scaled`].
    pub fn unscaled(self, scaled: f64) -> f64 {
        match self {
            Self::Reflectance => (scaled * 10.0).exp_m1(),
            Self::Degrees => scaled.to_degrees(),
            Self::Kelvin | Self::Decibel | Self::Plain | Self::Classes => scaled,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceBand {
    pub name: String,
    /// Also of radar bands, where the file says it.
    #[serde(default)]
    pub wavelength_nm: Option<f64>,
    #[serde(default)]
    pub measure: Measure,
    /// Of the scaled values ([`Measure::scaled`]) of the training set.
    #[serde(default)]
    pub mean: f64,
    #[serde(default = "one")]
    pub deviation: f64,
    /// Code and name, of a band of classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<(i64, String)>,
}

impl SourceBand {
    /// The value as a network sees it: scaled, standardised, cut off at 6 deviations. Class codes stay as they are.
    pub fn normalise(&self, value: f32) -> f32 {
        if self.measure == Measure::Classes {
            return value;
        }
        let scaled = self.measure.scaled(f64::from(value));
        let standard = (scaled - self.mean) / self.deviation.max(SMALLEST_DEVIATION);
        standard.clamp(-MOST_DEVIATIONS, MOST_DEVIATIONS) as f32
    }

    /// What a network's number stands for, in the band's measure.
    pub fn physical(&self, normalised: f32) -> f32 {
        if self.measure == Measure::Classes {
            return normalised;
        }
        let scaled = f64::from(normalised) * self.deviation.max(SMALLEST_DEVIATION) + self.mean;
        self.measure.unscaled(scaled) as f32
    }

    /// A polarisation (`VV`, `VH`, `HH`, `HV`) where the name says so.
    pub fn polarisation(&self) -> Option<&'static str> {
        crate::radar::polarisation_in(&self.name)
    }
}

/// What a model knows of one sensor, or of one target to reconstruct.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Source {
    pub name: String,
    pub is_input: bool,
    pub is_target: bool,
    pub bands: Vec<SourceBand>,
    /// Weight of its reconstruction among the losses.
    #[serde(default = "one")]
    pub loss_weight: f64,
    /// How far its pixels may lie off: the reconstruction is compared under shifts up to this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shift_m: Option<f64>,
    /// The pixel it is compared on, where that is coarser than the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regrid_m: Option<f64>,
}

impl Source {
    /// Names of its bands, for messages.
    pub fn band_names(&self) -> String {
        let names: Vec<&str> = self.bands.iter().map(|band| band.name.as_str()).collect();
        names.join(", ")
    }
}

fn one() -> f64 {
    1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field::tests::{golden, numbers};

    fn band(measure: Measure, mean: f64, deviation: f64) -> SourceBand {
        SourceBand {
            name: "B04".into(),
            wavelength_nm: Some(664.6),
            measure,
            mean,
            deviation,
            classes: Vec::new(),
        }
    }

    #[test]
    fn values_are_prepared_as_the_golden_ones() {
        let Some(golden) = golden("aef/normalise.json") else {
            return;
        };
        let log = &golden["optical_log"];
        let plain = band(Measure::Reflectance, 0.0, 1.0);
        for (x, s) in numbers(&log["x"]).into_iter().zip(numbers(&log["s"])) {
            assert!((Measure::Reflectance.scaled(x) - s).abs() < 1e-7, "{x}");
            assert!(
                (f64::from(plain.normalise(x as f32)) - s).abs() < 1e-6,
                "{x}"
            );
        }
        let clip = &golden["standardise_clip6"];
        let value = |key: &str| clip[key].as_f64().expect("a number");
        let cut = band(Measure::Plain, value("mean"), value("std"));
        for (x, z) in numbers(&clip["x"]).into_iter().zip(numbers(&clip["z"])) {
            assert!((f64::from(cut.normalise(x as f32)) - z).abs() < 1e-5, "{x}");
        }
    }

    #[test]
    fn physical_values_come_back() {
        for (measure, value) in [
            (Measure::Reflectance, 1234.0),
            (Measure::Kelvin, 293.5),
            (Measure::Decibel, -17.25),
            (Measure::Degrees, 39.0),
            (Measure::Plain, 812.0),
            (Measure::Classes, 1200.0),
        ] {
            let mean = measure.scaled(f64::from(value)) * 0.9;
            let one = band(measure, mean, mean.abs());
            let back = one.physical(one.normalise(value));
            assert!(
                (back - value).abs() < 1e-3 * value.abs(),
                "{measure:?}: {back}"
            );
        }
        let constant = band(Measure::Plain, 5.0, 0.0);
        assert_eq!(constant.normalise(5.0), 0.0);
        assert!(constant.normalise(9.0).is_finite() && constant.physical(1.0).is_finite());
        assert_eq!(band(Measure::Reflectance, 0.0, 1.0).normalise(-40.0), 0.0);
    }

    #[test]
    fn sources_are_read_with_what_older_files_lack() {
        let text = r#"{"name": "sentinel-2", "is_input": true, "is_target": true, "bands": [{"name": "B04"}]}"#;
        let source: Source = serde_json::from_str(text).expect("a source");
        assert_eq!((source.loss_weight, source.shift_m), (1.0, None));
        assert_eq!(
            (source.bands[0].deviation, source.bands[0].measure),
            (1.0, Measure::Plain)
        );
        let again: Source =
            serde_json::from_str(&serde_json::to_string(&source).expect("text")).expect("a source");
        assert_eq!(again, source);
        let json = serde_json::to_value(Measure::Reflectance).expect("text");
        assert_eq!(json, "reflectance");
    }
}
