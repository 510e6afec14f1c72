//! The sensor table of `assets/sensors.toml`: band names, centres and widths used when a product carries none.
//! Knows how products name their bands. Reads no files.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use crate::{BandWavelength, RasterInfo, Wavelength, WavelengthSource};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorBand {
    pub name: String,
    pub center_nm: f64,
    #[serde(default)]
    pub width_nm: Option<f64>,
    /// Other names, lower case without separators, e.g. `nir08`.
    #[serde(default)]
    pub aliases: Vec<String>,
}

impl SensorBand {
    /// This band's values, marked with where the match came from.
    pub fn wavelength(&self, source: WavelengthSource) -> BandWavelength {
        BandWavelength {
            center: Wavelength(self.center_nm),
            fwhm_nm: self.width_nm,
            source,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensor {
    /// e.g. `sentinel-2a`.
    pub id: String,
    pub name: String,
    pub bands: Vec<SensorBand>,
}

impl Sensor {
    /// The band a file's band name means; `None` for quality layers, dates and the like.
    pub fn band_named(&self, name: &str) -> Option<&SensorBand> {
        let wanted = BandName::parse(name);
        if let Some(number) = &wanted.number {
            let by_number = self
                .bands
                .iter()
                .find(|band| BandName::parse(&band.name).number.as_ref() == Some(number));
            if by_number.is_some() {
                return by_number;
            }
        }
        self.band_by_word(&wanted)
    }

    /// The band a colour word means (`red`, `nir08`, `VV`), leaving numbers aside.
    pub(crate) fn band_by_word(&self, name: &BandName) -> Option<&SensorBand> {
        self.bands.iter().find(|band| {
            let own = joined(&band.name);
            name.words
                .iter()
                .any(|word| *word == own || band.aliases.iter().any(|alias| alias == word))
        })
    }
}

#[derive(Deserialize)]
struct SensorTable {
    sensor: Vec<Sensor>,
}

/// All sensors, parsed once from the embedded table.
pub fn sensors() -> &'static [Sensor] {
    static TABLE: OnceLock<Vec<Sensor>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let text = include_str!("../../../assets/sensors.toml");
        // A test parses the table, so an error here means a broken build; the program still runs without it.
        toml::from_str::<SensorTable>(text)
            .map(|table| table.sensor)
            .unwrap_or_else(|error| {
                log::error!("the built-in sensor table cannot be read: {error}");
                Vec::new()
            })
    })
}

/// The sensor of that id.
pub fn sensor(id: &str) -> Option<&'static Sensor> {
    sensors().iter().find(|sensor| sensor.id == id)
}

/// Assigns a sensor's wavelengths to a raster's bands, one entry a band (by name, else by order when the counts agree);
/// `None` when it does not fit.
pub fn apply_sensor(info: &RasterInfo, sensor: &Sensor) -> Option<Vec<Option<BandWavelength>>> {
    let source = WavelengthSource::SensorTable;
    let by_name: Vec<_> = info
        .bands
        .iter()
        .map(|band| {
            sensor
                .band_named(&band.name)
                .map(|found| found.wavelength(source))
        })
        .collect();
    if by_name.iter().any(Option::is_some) {
        return Some(by_name);
    }
    by_order(info.bands.len(), sensor, source)
}

/// The sensor's bands in its usual file order; `None` unless the counts agree.
pub(crate) fn by_order(
    count: usize,
    sensor: &Sensor,
    source: WavelengthSource,
) -> Option<Vec<Option<BandWavelength>>> {
    (count == sensor.bands.len()).then(|| {
        sensor
            .bands
            .iter()
            .map(|band| Some(band.wavelength(source)))
            .collect()
    })
}

/// A band name taken apart: `SR_B04_10m` has the number `4`, `nir08` the word `nir08`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct BandName {
    /// The band number without leading zeros, with the letter of `8a`.
    pub number: Option<String>,
    /// The number was written with a leading zero (`B04`), as Sentinel-2 products do.
    pub is_zero_padded: bool,
    /// The number stood alone or after the word "band", which says nothing about a sensor.
    pub is_generic: bool,
    /// What may be a colour name: the whole name joined, and its last word.
    pub words: Vec<String>,
}

impl BandName {
    pub fn parse(name: &str) -> Self {
        let tokens: Vec<String> = name
            .split(|c: char| !c.is_alphanumeric())
            .filter(|t| !t.is_empty())
            .map(str::to_lowercase)
            .collect();
        let mut parsed = Self::default();
        for (index, token) in tokens.iter().enumerate() {
            let after_band = index > 0 && tokens.get(index - 1).is_some_and(|t| t == "band");
            let digits = match token
                .strip_prefix("band")
                .or_else(|| token.strip_prefix('b'))
            {
                Some(rest) => rest,
                None if after_band => token.as_str(),
                None => continue,
            };
            let Some((number, is_zero_padded)) = band_number(digits) else {
                continue;
            };
            parsed.number = Some(number);
            parsed.is_zero_padded = is_zero_padded;
            parsed.is_generic = after_band || token.starts_with("band");
            break;
        }
        let whole = joined(name);
        // `VV_3`, `red_2021`: the word before trailing numbers.
        let is_word = |token: &&String| !token.bytes().all(|b| b.is_ascii_digit());
        if let Some(last) = tokens.iter().rfind(is_word)
            && *last != whole
        {
            parsed.words.push(last.clone());
        }
        parsed.words.insert(0, whole);
        parsed
    }
}

/// `04` is (`4`, padded), `8a` is (`8a`, not padded); `None` for anything else.
fn band_number(text: &str) -> Option<(String, bool)> {
    let (digits, letter) = match text.strip_suffix('a') {
        Some(digits) => (digits, "a"),
        None => (text, ""),
    };
    if digits.is_empty() || digits.len() > 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u32 = digits.parse().ok()?;
    Some((
        format!("{number}{letter}"),
        digits.len() > 1 && digits.starts_with('0'),
    ))
}

/// Lower case without separators.
pub(crate) fn joined(name: &str) -> String {
    name.chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete() {
        let ids: Vec<&str> = sensors().iter().map(|s| s.id.as_str()).collect();
        for id in [
            "sentinel-2",
            "sentinel-2a",
            "sentinel-2b",
            "landsat-8-9",
            "landsat-7",
            "landsat-5",
            "gaofen-1",
            "gaofen-2",
            "gaofen-6-wfv",
            "naip",
            "planetscope-8",
            "planetscope-4",
            "planetscope-ps2",
            "planetscope-ps2-sd",
            "modis-land",
            "enmap",
            "sentinel-1",
        ] {
            assert!(ids.contains(&id), "{id} is missing");
        }
        assert_eq!(sensor("enmap").expect("table").bands.len(), 224);
        assert_eq!(sensor("enmap").expect("table").bands[91].center_nm, 902.0);
        let unique: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len());
    }

    #[test]
    fn names_are_taken_apart() {
        let b04 = BandName::parse("T32TQM_20210603T101031_B04_10m");
        assert_eq!(
            (b04.number.as_deref(), b04.is_zero_padded, b04.is_generic),
            (Some("4"), true, false)
        );
        assert_eq!(BandName::parse("SR_B4").number.as_deref(), Some("4"));
        assert_eq!(BandName::parse("B8A").number.as_deref(), Some("8a"));
        assert!(BandName::parse("band 12 (513.0 Nanometers)").is_generic);
        for none in ["2017-08-01", "SCL", "fmask", "blue", "bbox"] {
            assert_eq!(BandName::parse(none).number, None, "{none}");
        }
    }

    #[test]
    fn bands_are_found_by_number_and_by_color_name() {
        let s2 = sensor("sentinel-2a").expect("table");
        for (name, center) in [
            ("B4", 664.6),
            ("B04", 664.6),
            ("B8A", 864.7),
            ("nir08", 864.7),
            ("red", 664.6),
            ("B12", 2202.4),
        ] {
            assert_eq!(
                s2.band_named(name).map(|b| b.center_nm),
                Some(center),
                "{name}"
            );
        }
        for none in ["SCL", "cloud_mask", "NDVI", "B13", "temperature_2m"] {
            assert_eq!(s2.band_named(none), None, "{none}");
        }
    }
}
