//! Spectral indices by wavelength: the table of `assets/indices.toml`, and which of them a scene's bands allow.
//! Knows bands as described values. Reads no files.

use std::sync::OnceLock;

use serde::Deserialize;

use crate::{
    BandInfo, Derivation, Look, RampChoice, SampleType, SceneError, SceneResult, Stretch, Style,
};

const TABLE: &str = include_str!("../../../assets/indices.toml");

/// An index as the table defines it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpectralIndex {
    /// What the command line takes, e.g. `ndvi`.
    pub id: String,
    pub name: String,
    /// One line on what it shows.
    pub about: String,
    pub formula: String,
    /// Its constants mean reflectance between 0 and 1.
    #[serde(default)]
    pub reflectance: bool,
    pub low: f32,
    pub high: f32,
    pub ramp: String,
}

#[derive(Deserialize)]
struct Table {
    index: Vec<SpectralIndex>,
}

/// All indices, in the order menus show them.
pub fn spectral_indices() -> &'static [SpectralIndex] {
    static PARSED: OnceLock<Vec<SpectralIndex>> = OnceLock::new();
    // The table is part of the program and a test reads every entry.
    PARSED.get_or_init(|| toml::from_str::<Table>(TABLE).map_or_else(|_| Vec::new(), |t| t.index))
}

/// The index of that id, whatever its case.
pub fn spectral_index(id: &str) -> Option<&'static SpectralIndex> {
    spectral_indices()
        .iter()
        .find(|index| index.id.eq_ignore_ascii_case(id.trim()))
}

impl SpectralIndex {
    /// The index over these bands.
    ///
    /// # Errors
    /// Why these bands do not have it: a target without a band, or numbers that are no reflectance.
    pub fn derivation(&self, bands: &[BandInfo]) -> SceneResult<Derivation> {
        let derivation =
            Derivation::formula(&self.name, &self.formula, bands).map_err(|error| {
                // Of the formula's error only the missing band is news to the user.
                let text = error.to_string();
                let reason = text
                    .split_once("used: ")
                    .and_then(|(_, rest)| rest.split_once(" (at character"))
                    .map_or(text.as_str(), |(reason, _)| reason);
                SceneError::input(format!("{} cannot be shown: {reason}.", self.name))
            })?;
        let are_numbers = derivation
            .bands()
            .iter()
            .filter_map(|band| bands.get(*band))
            .any(|band| !may_be_reflectance(band));
        if self.reflectance && are_numbers {
            return Err(SceneError::input(format!(
                "{} cannot be shown: it needs reflectance between 0 and 1, and the file does not say what its numbers mean \
                 (no scale).",
                self.name
            )));
        }
        Ok(derivation)
    }

    /// The index as a picture, with its fixed limits and ramp.
    ///
    /// # Errors
    /// As [`SpectralIndex::derivation`].
    pub fn style(&self, bands: &[BandInfo]) -> SceneResult<Style> {
        Ok(Style::Derived {
            derivation: self.derivation(bands)?,
            stretch: Stretch {
                low: self.low,
                high: self.high,
                gamma: 1.0,
            },
            ramp: RampChoice::from(self.ramp.as_str()),
            look: Look {
                limits: crate::Limits::Manual,
                ..Look::default()
            },
        })
    }
}

/// Floats, and integers with a scale, can be reflectance; bare integers are counts.
fn may_be_reflectance(band: &BandInfo) -> bool {
    matches!(band.sample_type, SampleType::Float32 | SampleType::Float64)
        || (band.scale != 1.0 && band.scale > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BandWavelength, Formula, Wavelength, WavelengthSource};

    fn bands(centers: &[f64], scale: f64) -> Vec<BandInfo> {
        centers
            .iter()
            .enumerate()
            .map(|(index, nm)| BandInfo {
                index,
                name: format!("Band {}", index + 1),
                sample_type: SampleType::UInt16,
                nodata: None,
                scale,
                offset: 0.0,
                unit: String::new(),
                color_interpretation: "undefined".into(),
                palette: Vec::new(),
                block_size: (256, 256),
                overviews: Vec::new(),
                wavelength: Some(BandWavelength {
                    center: Wavelength(*nm),
                    fwhm_nm: None,
                    source: WavelengthSource::BandMetadata,
                }),
                is_bad: false,
                metadata: Vec::new(),
            })
            .collect()
    }

    const SENTINEL: [f64; 10] = [
        492.4, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 1613.7, 2202.4,
    ];

    #[test]
    fn the_embedded_table_is_whole() {
        let indices = spectral_indices();
        assert_eq!(indices.len(), 10);
        for index in indices {
            Formula::parse(&index.formula).unwrap_or_else(|error| panic!("{}: {error}", index.id));
            assert!(crate::ramp_names().contains(&index.ramp.as_str()));
            assert!(index.low < index.high && spectral_index(&index.id) == Some(index));
            assert!(index.style(&bands(&SENTINEL, 1e-4)).is_ok(), "{}", index.id);
        }
        assert!(spectral_index("NDVI ").is_some() && spectral_index("gold").is_none());
    }

    #[test]
    fn an_index_takes_the_bands_nearest_to_its_targets() {
        let all = bands(&SENTINEL, 1e-4);
        let of = |id: &str| {
            spectral_index(id)
                .unwrap()
                .derivation(&all)
                .unwrap()
                .bands()
        };
        assert_eq!(of("ndvi"), [6, 2]);
        assert_eq!(of("ndre"), [6, 3]);
        assert_eq!(of("nbr"), [6, 9]);
        assert_eq!(of("evi"), [6, 2, 0]);
    }

    #[test]
    fn what_a_scene_lacks_is_said() {
        let aerial = bands(&[650.0, 560.0, 480.0, 842.0], 1e-4);
        let why = |id: &str, bands: &[BandInfo]| {
            spectral_index(id)
                .unwrap()
                .style(bands)
                .map(|_| ())
                .expect_err(id)
                .to_string()
        };
        assert!(spectral_index("ndvi").unwrap().style(&aerial).is_ok());
        assert_eq!(
            why("ndmi", &aerial),
            "NDMI cannot be shown: no band is short-wave infrared (near 1614 nm)."
        );
        assert!(why("evi", &bands(&SENTINEL, 1.0)).contains("reflectance"));
        // A ratio needs no scale.
        assert!(
            spectral_index("ndvi")
                .unwrap()
                .style(&bands(&SENTINEL, 1.0))
                .is_ok()
        );
    }
}
