//! One file a band: HLS granules, Landsat scenes without their description, and any set of files named after bands.
//! Groups file names by their common beginning. Opens nothing.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::product::{BandRole, Product, ProductBand, ProductKind, QualityCode};
use crate::product_folder::Folder;
use crate::product_landsat::SURFACE_REFLECTANCE;
use crate::product_sentinel2::scene_classes;
use crate::sensor_hints::sensor_in_text;
use crate::sensors::BandName;

/// Words that name a band where it has no number.
const WORDS: [&str; 24] = [
    "coastal",
    "blue",
    "green",
    "yellow",
    "red",
    "rededge",
    "rededge1",
    "rededge2",
    "rededge3",
    "nir",
    "nir08",
    "nir09",
    "narrownir",
    "swir",
    "swir1",
    "swir2",
    "swir16",
    "swir22",
    "pan",
    "vv",
    "vh",
    "hh",
    "hv",
    "thermal",
];
/// Words that name a quality band.
const QUALITY_WORDS: [(&str, QualityCode); 4] = [
    ("scl", QualityCode::Scl),
    ("qapixel", QualityCode::QaPixel),
    ("fmask", QualityCode::Fmask),
    ("cloudmask", QualityCode::Other),
];
const RASTERS: [&str; 6] = ["tif", "tiff", "jp2", "img", "vrt", "bsq"];

/// Files of one place and time whose names differ in the band only.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Group {
    /// What the names begin with, without the separator before the band; empty for `B02.tif`.
    pub prefix: String,
    /// Band name and file, in the order of the bands.
    pub files: Vec<(String, String)>,
}

impl Group {
    pub fn is_hls(&self) -> bool {
        self.prefix.starts_with("HLS.")
    }
}

/// Groups of at least two bands among file names of one folder.
pub(crate) fn groups(names: &[String]) -> Vec<Group> {
    let mut found: BTreeMap<String, Vec<(String, String, u32)>> = BTreeMap::new();
    for name in names {
        if let Some((prefix, band, metres)) = split(name) {
            found
                .entry(prefix)
                .or_default()
                .push((band, name.clone(), metres));
        }
    }
    found
        .into_iter()
        .filter_map(|(prefix, mut files)| {
            // Of a band in several pixel sizes the finest is taken.
            files.sort_by(|a, b| (order(&a.0), &a.0, a.2).cmp(&(order(&b.0), &b.0, b.2)));
            files.dedup_by(|later, first| later.0.eq_ignore_ascii_case(&first.0));
            let measured = files
                .iter()
                .filter(|(band, _, _)| quality(band).is_none())
                .count();
            (measured >= 2).then(|| Group {
                prefix,
                files: files
                    .into_iter()
                    .map(|(band, file, _)| (band, file))
                    .collect(),
            })
        })
        .collect()
}

/// `T32TQM_20210603T101031_B04_10m.jp2` is (`T32TQM_20210603T101031`, `B04`, 10).
fn split(file: &str) -> Option<(String, String, u32)> {
    let (stem, extension) = file.rsplit_once('.')?;
    if !RASTERS.contains(&extension.to_lowercase().as_str()) {
        return None;
    }
    let is_separator = |c: char| matches!(c, '_' | '-' | '.' | ' ');
    let (stem, metres) = match stem.rsplit_once(is_separator) {
        Some((rest, last)) => match last.strip_suffix('m').and_then(|m| m.parse().ok()) {
            Some(metres) => (rest, metres),
            None => (stem, 0),
        },
        None => (stem, 0),
    };
    // `SR_B4` and `QA_PIXEL` are two words, `B04` and `red` one.
    let starts: Vec<usize> = stem
        .char_indices()
        .filter(|(_, c)| is_separator(*c))
        .map(|(at, _)| at + 1)
        .chain([0])
        .collect::<std::collections::BTreeSet<usize>>()
        .into_iter()
        .rev()
        .take(2)
        .collect();
    starts.iter().rev().find_map(|start| {
        let band = stem.get(*start..)?;
        if !is_band(band) {
            return None;
        }
        let prefix = stem.get(..*start)?.trim_end_matches(is_separator);
        Some((prefix.to_owned(), band.to_owned(), metres))
    })
}

fn is_band(text: &str) -> bool {
    let lower = text.to_lowercase();
    let number = ["sr_b", "st_b", "toa_b", "band_", "band", "b"]
        .iter()
        .find_map(|prefix| lower.strip_prefix(prefix));
    let is_number = number.is_some_and(|digits| {
        let digits = digits.strip_suffix('a').unwrap_or(digits);
        (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())
    });
    is_number || WORDS.contains(&lower.as_str()) || quality(text).is_some()
}

fn quality(band: &str) -> Option<QualityCode> {
    let joined = crate::sensors::joined(band);
    QUALITY_WORDS
        .iter()
        .find(|(word, _)| *word == joined)
        .map(|(_, code)| *code)
}

/// Numbers first in their order (8A after 8), then words by wavelength, then quality.
fn order(band: &str) -> (usize, usize, usize) {
    if quality(band).is_some() {
        return (3, 0, 0);
    }
    let lower = band.to_lowercase();
    if let Some(number) = BandName::parse(band).number {
        let digits = number.trim_end_matches('a');
        let is_thermal = usize::from(lower.starts_with("st_"));
        return (
            is_thermal,
            digits.parse().unwrap_or(usize::MAX),
            usize::from(number.ends_with('a')),
        );
    }
    let at = WORDS.iter().position(|word| *word == lower);
    (2, at.unwrap_or(WORDS.len()), 0)
}

/// `path`: what the group is opened by.
pub(crate) fn read(folder: &Folder, path: PathBuf, group: &Group) -> Product {
    let kind = if group.is_hls() {
        ProductKind::Hls
    } else {
        ProductKind::BandFiles
    };
    let mut product = Product::new(kind, path);
    product.wavelength_source = crate::WavelengthSource::BandName;
    product.acquired = crate::dates::date_in_text(&group.prefix).map(|date| date.to_string());
    product.sensor = sensor_in_text(&group.prefix, group.files.len());
    let is_landsat_level_2 = is_landsat_level_2(&group.prefix);
    for (name, file) in &group.files {
        let code = quality(name);
        let lower = name.to_lowercase();
        let is_thermal = lower.starts_with("st_")
            || (group.is_hls() && group.prefix.starts_with("HLS.L30") && is_thermal_oli(name));
        let role = match code {
            Some(code) => BandRole::Quality(code),
            None if is_thermal || lower == "pan" || lower == "thermal" => BandRole::Measured,
            None => BandRole::Reflectance,
        };
        let mut band = ProductBand::new(name, folder.path(file), role);
        match (code, kind) {
            (Some(QualityCode::Scl), _) => {
                band.classes = scene_classes();
                band.nodata = Some(0.0);
            }
            (Some(QualityCode::Fmask), ProductKind::Hls) => band.nodata = Some(255.0),
            (Some(_), _) => {}
            (None, ProductKind::Hls) => {
                // Surface reflectance; brightness temperature in hundredths of a degree Celsius.
                band = band
                    .scaled(if is_thermal { 0.01 } else { 0.0001 }, 0.0)
                    .without(-9999.0);
                if is_thermal {
                    band.unit = "degC".to_owned();
                }
            }
            (None, _) if is_landsat_level_2 && lower.starts_with("sr_") => {
                band = band
                    .scaled(SURFACE_REFLECTANCE.0, SURFACE_REFLECTANCE.1)
                    .without(0.0);
            }
            (None, _) => {}
        }
        product.bands.push(band);
    }
    product
}

fn is_thermal_oli(name: &str) -> bool {
    matches!(BandName::parse(name).number.as_deref(), Some("10" | "11"))
}

/// `LC08_L2SP_029030_20210603_20210614_02_T1`: level and collection stand in the name.
fn is_landsat_level_2(prefix: &str) -> bool {
    let mut parts = prefix.split('_');
    let sensor = parts.next().unwrap_or_default();
    sensor.len() == 4
        && sensor.starts_with('L')
        && parts.next().is_some_and(|level| level.starts_with("L2"))
        && parts.nth(3) == Some("02")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn bands_are_split_from_the_common_beginning() {
        for (file, prefix, band) in [
            (
                "T32TQM_20210603T101031_B04_10m.jp2",
                "T32TQM_20210603T101031",
                "B04",
            ),
            (
                "LC08_L2SP_029030_20210603_20210614_02_T1_SR_B4.TIF",
                "LC08_L2SP_029030_20210603_20210614_02_T1",
                "SR_B4",
            ),
            (
                "LC08_L2SP_029030_20210603_20210614_02_T1_QA_PIXEL.TIF",
                "LC08_L2SP_029030_20210603_20210614_02_T1",
                "QA_PIXEL",
            ),
            (
                "HLS.S30.T15TVK.2021154T170851.v2.0.B8A.tif",
                "HLS.S30.T15TVK.2021154T170851.v2.0",
                "B8A",
            ),
            (
                "HLS.S30.T15TVK.2021154T170851.v2.0.Fmask.tif",
                "HLS.S30.T15TVK.2021154T170851.v2.0",
                "Fmask",
            ),
            ("x_2021-06-03_red.tif", "x_2021-06-03", "red"),
            ("B02.tif", "", "B02"),
            ("nir.tif", "", "nir"),
        ] {
            assert_eq!(
                split(file).map(|(prefix, band, _)| (prefix, band)),
                Some((prefix.to_owned(), band.to_owned())),
                "{file}"
            );
        }
        for file in [
            "S2_2017-08-04.tif",
            "labels.tif",
            "B04.xml",
            "a_b2c.tif",
            "HLS.S30.T15TVK.2021154T170851.v2.0.SAA.tif",
        ] {
            assert_eq!(split(file), None, "{file}");
        }
    }

    #[test]
    fn groups_are_of_one_date_and_their_bands_in_order() {
        let found = groups(&names(&[
            "a_2021-06-03_B11.tif",
            "a_2021-06-03_B8A.tif",
            "a_2021-06-03_B08_20m.tif",
            "a_2021-06-03_B08_10m.tif",
            "a_2021-06-03_SCL.tif",
            "a_2021-06-08_B11.tif",
            "a_2021-06-08_B8A.tif",
            "lonely_B04.tif",
        ]));
        assert_eq!(found.len(), 2);
        let bands: Vec<&str> = found[0]
            .files
            .iter()
            .map(|(band, _)| band.as_str())
            .collect();
        assert_eq!(bands, ["B08", "B8A", "B11", "SCL"]);
        assert_eq!(found[0].files[0].1, "a_2021-06-03_B08_10m.tif");
        assert_eq!(found[1].prefix, "a_2021-06-08");
    }

    #[test]
    fn a_landsat_name_alone_tells_the_scale_of_reflectance() {
        assert!(is_landsat_level_2(
            "LC08_L2SP_029030_20210603_20210614_02_T1"
        ));
        assert!(!is_landsat_level_2(
            "LC08_L1TP_029030_20210603_20210614_02_T1"
        ));
        assert!(!is_landsat_level_2(
            "LC08_L2SP_029030_20210603_20210614_01_T1"
        ));
    }
}
