//! What a forecasting network knows of its data: bands, drivers, how they are standardised, and how well it did. It stands in
//! the header of the weights file (specification kg-vsf 4.2, 4.6). Knows numbers and names.

use std::path::Path;

use burn::tensor::Device;
use serde::{Deserialize, Serialize};
use terroir_models::{Kgvsf, load_kgvsf};
use terroir_scene::{DRIVERS, Measure, SourceBand, WeatherVariable};

use crate::Failure;
use crate::setup::guarded;

/// Standardised values beyond this are cut (specification 4.1).
const FURTHEST: f64 = 5.0;
/// Archives hold reflectance times this.
const REFLECTANCE_SCALE: f64 = 1e4;
/// Reflectances are cut here (specification 4.4, step 12).
const HIGHEST_REFLECTANCE: f64 = 1.5;

/// Wavelength (nm), mean and deviation of the six bands a model starts from before it has seen data (specification 4.1, 4.2).
const USUAL_BANDS: [(&str, f64, f64, f64); 6] = [
    ("blue", 490.0, 0.065, 0.03),
    ("green", 560.0, 0.10, 0.035),
    ("red", 665.0, 0.11, 0.06),
    ("near infrared", 865.0, 0.34, 0.09),
    ("short-wave infrared 1", 1610.0, 0.28, 0.07),
    ("short-wave infrared 2", 2190.0, 0.20, 0.09),
];

/// A band of the network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelBand {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wavelength_nm: Option<f64>,
    pub measure: Measure,
    /// Of valid pixels: reflectance between 0 and 1, or the measure's own unit.
    pub mean: f64,
    pub deviation: f64,
}

/// A driver of the network, in the units of a weather table; precipitation as ln(1 + mm).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ModelDriver {
    pub variable: WeatherVariable,
    pub mean: f64,
    pub deviation: f64,
}

/// How well forecasts of one bin did on images that were not trained on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct BinSkill {
    pub days: (u32, u32),
    /// Forecasts.
    pub count: usize,
    /// Mean square error over valid pixels of all bands; of the model, and of the last image kept as it was.
    pub mse: f64,
    pub persistence_mse: f64,
}

impl BinSkill {
    /// 1 - MSE / MSE of persistence; `None` where persistence makes no error.
    pub fn skill(&self) -> Option<f64> {
        (self.persistence_mse > 0.0).then(|| 1.0 - self.mse / self.persistence_mse)
    }
}

/// The notes of a weights file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct KgvsfAbout {
    pub bands: Vec<ModelBand>,
    pub drivers: Vec<ModelDriver>,
    /// Pixel size of what it was trained on, metres.
    #[serde(default)]
    pub gsd_m: Option<f64>,
    #[serde(default)]
    pub skill: Vec<BinSkill>,
    /// What it was trained on and how.
    #[serde(default)]
    pub training: serde_json::Value,
}

impl ModelBand {
    fn scale(&self) -> f64 {
        match self.measure {
            Measure::Reflectance => REFLECTANCE_SCALE,
            _ => 1.0,
        }
    }

    /// The value of an archive in the unit of mean and deviation.
    pub fn plain(&self, value: f32) -> f64 {
        f64::from(value) / self.scale()
    }

    pub fn standardised(&self, value: f32) -> f32 {
        let off = (self.plain(value) - self.mean) / self.deviation;
        off.clamp(-FURTHEST, FURTHEST) as f32
    }

    /// The same of a value in the unit of mean and deviation.
    pub fn standardised_physical(&self, value: f32) -> f32 {
        let off = (f64::from(value) - self.mean) / self.deviation;
        off.clamp(-FURTHEST, FURTHEST) as f32
    }

    /// Back to the unit of mean and deviation; reflectances are kept between 0 and 1.5.
    pub fn physical(&self, standardised: f32) -> f32 {
        let value = f64::from(standardised) * self.deviation + self.mean;
        match self.measure {
            Measure::Reflectance => value.clamp(0.0, HIGHEST_REFLECTANCE) as f32,
            _ => value as f32,
        }
    }

    /// As people call it: `B04 665 nm`.
    pub fn title(&self) -> String {
        match self.wavelength_nm {
            Some(nm) => format!("{} {nm:.0} nm", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether a band of a sensor measures the same: by wavelength, else by polarisation or name.
    pub fn is_like(&self, band: &SourceBand) -> bool {
        /// Bands this near are the same, nanometres or share of the wavelength, whichever is more.
        const NEAR_NM: f64 = 20.0;
        const NEAR_SHARE: f64 = 0.04;
        if band.measure != self.measure {
            return false;
        }
        match (self.wavelength_nm, band.wavelength_nm) {
            (Some(a), Some(b)) => (a - b).abs() <= NEAR_NM.max(NEAR_SHARE * a),
            (None, None) => self.name == band.name,
            _ => false,
        }
    }
}

impl ModelDriver {
    /// The five of the specification with its statistics, for tables too short to have their own.
    pub fn usual() -> Vec<Self> {
        let statistics = [
            (7.0, 10.0),
            (18.0, 11.0),
            (0.45, 0.85),
            (15.0, 8.0),
            (1.1, 0.7),
        ];
        DRIVERS
            .into_iter()
            .zip(statistics)
            .map(|(variable, (mean, deviation))| Self {
                variable,
                mean,
                deviation,
            })
            .collect()
    }

    /// The number whose mean and deviation are kept.
    pub fn transformed(&self, value: f32) -> f64 {
        match self.variable {
            WeatherVariable::Prcp => f64::from(value).max(0.0).ln_1p(),
            _ => f64::from(value),
        }
    }

    pub fn standardised(&self, value: f32) -> f32 {
        ((self.transformed(value) - self.mean) / self.deviation) as f32
    }
}

/// Number of the band nearest to a wavelength, if one lies within `most_nm` of it.
pub(crate) fn band_near(bands: &[ModelBand], nm: f64, most_nm: f64) -> Option<usize> {
    let off = |at: usize| {
        let own = bands[at].wavelength_nm;
        own.map_or(f64::INFINITY, |own| (own - nm).abs())
    };
    (0..bands.len())
        .filter(|at| off(*at) <= most_nm)
        .min_by(|a, b| off(*a).total_cmp(&off(*b)))
}

/// The bands of the vegetation index, red and near infrared, where the model has both.
pub(crate) fn index_pair(bands: &[ModelBand]) -> Option<(usize, usize)> {
    Some((
        band_near(bands, 665.0, 40.0)?,
        band_near(bands, 850.0, 60.0)?,
    ))
}

/// Bands nearest to wavelengths, with the statistics of the usual ones near them; the usual six without wavelengths.
pub(crate) fn bands_by_wavelength(wavelengths_nm: &[f64]) -> Vec<ModelBand> {
    let usual = |(name, nm, mean, deviation): (&str, f64, f64, f64)| ModelBand {
        name: name.to_owned(),
        wavelength_nm: Some(nm),
        measure: Measure::Reflectance,
        mean,
        deviation,
    };
    if wavelengths_nm.is_empty() {
        return USUAL_BANDS.map(usual).to_vec();
    }
    wavelengths_nm
        .iter()
        .map(|nm| {
            let nearest = USUAL_BANDS
                .into_iter()
                .min_by(|a, b| (a.1 - nm).abs().total_cmp(&(b.1 - nm).abs()));
            let mut band = usual(nearest.unwrap_or(USUAL_BANDS[0]));
            band.name = format!("{nm:.0} nm");
            band.wavelength_nm = Some(*nm);
            band
        })
        .collect()
}

/// A network with what its file says of its data.
///
/// # Errors
/// Unreadable, another network, or a file without these notes.
pub(crate) fn known_model(
    path: &Path,
    device: &Device,
) -> Result<(Kgvsf, KgvsfAbout, String), Failure> {
    let loaded = guarded(|| load_kgvsf(path, device).map_err(|error| error.to_string()))?;
    let unclear = |why: String| {
        Failure::new(format!(
            "these weights do not say which bands and weather they were trained on, so they cannot be used on images ({why}); \
             take weights made by `terroir pretrain kgvsf`\n{}",
            path.display()
        ))
    };
    let about: KgvsfAbout =
        serde_json::from_value(loaded.about).map_err(|error| unclear(error.to_string()))?;
    let config = loaded.model.config();
    if (config.bands, config.drivers) != (about.bands.len(), about.drivers.len()) {
        return Err(unclear("its notes name other bands or drivers".to_owned()));
    }
    let is_usual = about
        .drivers
        .iter()
        .map(|driver| driver.variable)
        .eq(DRIVERS);
    if !is_usual {
        let names: Vec<&str> = about.drivers.iter().map(|d| d.variable.name()).collect();
        return Err(Failure::new(format!(
            "the model was trained on other weather than a table gives: {}; choose another model\n{}",
            names.join(", "),
            path.display()
        )));
    }
    Ok((loaded.model, about, loaded.sha256))
}
