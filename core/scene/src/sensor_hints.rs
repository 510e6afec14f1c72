//! Which sensor took an image: judged from file names, platform names in the metadata and the way bands are named.
//! Knows the sensor table's ids. Says nothing when in doubt.

use std::collections::BTreeSet;

use crate::sensors::BandName;
use crate::{RasterInfo, SampleType};

/// Metadata keys that name a satellite or an instrument.
const PLATFORM_KEYS: [&str; 13] = [
    "SPACECRAFT_ID",
    "SPACECRAFT_NAME",
    "DATATAKE_1_SPACECRAFT_NAME",
    "SATELLITE",
    "SATELLITE_NAME",
    "SATELLITEID",
    "PLATFORM",
    "PLATFORM_NAME",
    "MISSION",
    "SENSOR",
    "SENSOR_TYPE",
    "SENSOR_ID",
    "INSTRUMENT",
];

/// Platform names the file itself carries, in one text.
pub(crate) fn platform_text(info: &RasterInfo, envi: &[(String, String)]) -> String {
    let names = |items: &[(String, String)]| -> Vec<String> {
        let is_platform = |key: &str| {
            PLATFORM_KEYS
                .iter()
                .any(|known| key.replace(' ', "_").eq_ignore_ascii_case(known))
        };
        items
            .iter()
            .filter(|(key, _)| is_platform(key))
            .map(|(_, value)| value.clone())
            .collect()
    };
    [names(&info.metadata), names(envi)].concat().join(" ")
}

/// The sensor a platform or product name means; `band_count` tells apart products of one satellite.
pub(crate) fn sensor_in_text(text: &str, band_count: usize) -> Option<&'static str> {
    let upper = text.to_uppercase();
    let tokens: Vec<&str> = upper
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|t| !t.is_empty())
        .collect();
    let joined: String = tokens.concat();
    let starts = |prefixes: &[&str]| {
        tokens
            .iter()
            .any(|token| prefixes.iter().any(|prefix| token.starts_with(prefix)))
    };
    let first_is = |names: &[&str]| tokens.first().is_some_and(|token| names.contains(token));
    let has = |names: &[&str]| names.iter().any(|name| joined.contains(name));
    if tokens.first() == Some(&"HLS") {
        return if tokens.contains(&"L30") {
            Some("landsat-8-9")
        } else {
            Some("sentinel-2")
        };
    }
    if has(&["SENTINEL2A"]) || starts(&["S2A"]) {
        return Some("sentinel-2a");
    }
    if has(&["SENTINEL2B"]) || starts(&["S2B"]) {
        return Some("sentinel-2b");
    }
    if has(&["SENTINEL2", "MSIL1C", "MSIL2A"]) || starts(&["S2C", "S2D"]) || first_is(&["S2"]) {
        return Some("sentinel-2");
    }
    if has(&["SENTINEL1"]) || starts(&["S1A", "S1B", "S1C", "S1D"]) || first_is(&["S1"]) {
        return Some("sentinel-1");
    }
    if has(&["LANDSAT8", "LANDSAT9"])
        || starts(&["LC08", "LC09", "LO08", "LO09", "LC8"])
        || first_is(&["L8", "L9"])
    {
        return Some("landsat-8-9");
    }
    if has(&["LANDSAT7"]) || starts(&["LE07", "LE7"]) || first_is(&["L7"]) {
        return Some("landsat-7");
    }
    if has(&["LANDSAT5", "LANDSAT4"])
        || starts(&["LT05", "LT04", "LT5", "LT4"])
        || first_is(&["L5", "L4"])
    {
        return Some("landsat-5");
    }
    if starts(&["ENMAP"]) {
        return Some("enmap");
    }
    if starts(&["NAIP"]) || is_quarter_quad(&tokens) {
        return Some("naip");
    }
    if has(&["PLANETSCOPE", "PSSCENE", "ANALYTICMS"]) {
        return Some(if band_count == 8 {
            "planetscope-8"
        } else {
            "planetscope-4"
        });
    }
    if starts(&["MOD09", "MYD09", "MCD43", "MOD13", "MYD13"]) {
        return Some("modis-land");
    }
    let is_pan = band_count == 1;
    if has(&["GAOFEN1"]) || starts(&["GF1"]) {
        return Some(if is_pan { "gaofen-1-pan" } else { "gaofen-1" });
    }
    if has(&["GAOFEN2"]) || starts(&["GF2"]) {
        return Some(if is_pan { "gaofen-2-pan" } else { "gaofen-2" });
    }
    if has(&["GAOFEN6"]) || starts(&["GF6"]) {
        return Some("gaofen-6-wfv");
    }
    None
}

/// NAIP file names: `m_4709963_se_14_1_20100629`.
fn is_quarter_quad(tokens: &[&str]) -> bool {
    matches!(tokens, ["M", quad, quarter, ..]
        if quad.len() == 7 && quad.bytes().all(|b| b.is_ascii_digit()) && ["NE", "NW", "SE", "SW"].contains(quarter))
}

/// The sensor whose naming the bands follow. `B8A` or numbers with a leading zero are Sentinel-2's way, unless other
/// bands are Landsat's own (quality, temperature); plain numbers are Landsat's.
pub(crate) fn sensor_by_names(names: &[&str], year: Option<i32>) -> Option<&'static str> {
    let parsed: Vec<BandName> = names
        .iter()
        .map(|name| BandName::parse(name))
        .filter(|name| !name.is_generic)
        .collect();
    let numbers: BTreeSet<&str> = parsed
        .iter()
        .filter_map(|name| name.number.as_deref())
        .collect();
    if numbers.is_empty() {
        return None;
    }
    let has = |number: &str| numbers.contains(number);
    let upper: Vec<String> = names.iter().map(|name| name.to_uppercase()).collect();
    let says = |words: &[&str]| {
        upper
            .iter()
            .any(|name| words.iter().any(|word| name.contains(word)))
    };
    let is_landsat_like = says(&[
        "QA_PIXEL",
        "PIXEL_QA",
        "QA_RADSAT",
        "FMASK",
        "TEMP_",
        "_TEMP",
        "THERMAL",
        "VCID",
    ]) || upper
        .iter()
        .any(|name| name.starts_with("SR_B") || name.starts_with("ST_B"));
    if has("8a") {
        return Some("sentinel-2");
    }
    if !is_landsat_like {
        let is_padded = parsed.iter().any(|name| name.is_zero_padded);
        let is_ten_metre_set = ["2", "3", "4", "8"].iter().all(|number| has(number)) && !has("5");
        if is_padded || has("12") || is_ten_metre_set {
            return Some("sentinel-2");
        }
    }
    if numbers
        .iter()
        .any(|number| number.parse::<u32>().is_ok_and(|n| n > 11))
    {
        return None;
    }
    let is_sixth_thermal = upper.iter().any(|name| {
        BandName::parse(name).number.as_deref() == Some("6")
            && ["TEMP", "THERMAL", "VCID"]
                .iter()
                .any(|word| name.contains(word))
    });
    let skips_sixth = has("5") && has("7") && !has("6");
    // Landsat 8 began in 2013; before it only TM and ETM+ numbered bands this way.
    let is_old = year.is_some_and(|year| year < 2013) || is_sixth_thermal || skips_sixth;
    match (is_old, year) {
        (false, _) => Some("landsat-8-9"),
        (true, Some(year)) if year < 1999 => Some("landsat-5"),
        (true, _) => Some("landsat-7"),
    }
}

/// A proposal from the number of bands alone, and the sensor's bands (by position in its table) in file order.
pub(crate) fn sensor_by_count(info: &RasterInfo) -> Option<(&'static str, Vec<usize>)> {
    let first = info.bands.first()?.sample_type;
    if info
        .bands
        .iter()
        .any(|band| band.sample_type != first || !band.palette.is_empty())
    {
        return None;
    }
    let is_reflectance_like = matches!(
        first,
        SampleType::UInt16 | SampleType::Int16 | SampleType::Float32
    );
    match info.bands.len() {
        4 if first == SampleType::UInt8 && is_aerial(info) => Some(("naip", (0..4).collect())),
        4 if first == SampleType::UInt16 => Some(("planetscope-4", (0..4).collect())),
        10 if is_reflectance_like => Some(("sentinel-2", vec![1, 2, 3, 4, 5, 6, 7, 8, 11, 12])),
        12 if is_reflectance_like => {
            Some(("sentinel-2", vec![0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12]))
        }
        13 if is_reflectance_like => Some(("sentinel-2", (0..13).collect())),
        224 if is_reflectance_like => Some(("enmap", (0..224).collect())),
        _ => None,
    }
}

/// Pixels of at most ten metres: eight-bit composites of coarser satellites have their bands in any order.
fn is_aerial(info: &RasterInfo) -> bool {
    const METRES_PER_DEGREE: f64 = 111_320.0;
    let Some(transform) = info.grid.georef.transform else {
        return false;
    };
    let is_geographic = info.grid.crs().is_some_and(|crs| crs.is_geographic);
    let (_, height) = transform.pixel_size();
    height
        * if is_geographic {
            METRES_PER_DEGREE
        } else {
            1.0
        }
        <= 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_tell_the_sensor() {
        for (name, count, id) in [
            ("S2A_L1C_20170216_10m.tif", 4, Some("sentinel-2a")),
            (
                "S2B_MSIL2A_20210603T101031_N0500_R022_T32TQM_20210603T140000.SAFE",
                1,
                Some("sentinel-2b"),
            ),
            ("S2_2021-06-28.tif", 13, Some("sentinel-2")),
            ("LE07_1999-11-18.tif", 8, Some("landsat-7")),
            (
                "LC09_L2SP_029030_20230603_20230614_02_T1_SR_B4.TIF",
                1,
                Some("landsat-8-9"),
            ),
            ("L8_2017-08-15.tif", 9, Some("landsat-8-9")),
            ("m_4709963_se_14_1_20100629_5m.tif", 4, Some("naip")),
            ("enmap_potsdam.tif", 224, Some("enmap")),
            ("s1_vv_sigma0.tif", 3, Some("sentinel-1")),
            (
                "HLS.L30.T15TVK.2021154T170851.v2.0.B04.tif",
                1,
                Some("landsat-8-9"),
            ),
            (
                "20210603_101031_ssc1_AnalyticMS_SR_8b.tif",
                8,
                Some("planetscope-8"),
            ),
            ("GF2_PMS1_E113.6_N23.2_20150211.tiff", 4, Some("gaofen-2")),
            ("OSBS_029.tif", 3, None),
            ("labels.tif", 2, None),
        ] {
            assert_eq!(sensor_in_text(name, count), id, "{name}");
        }
    }

    #[test]
    fn band_names_tell_sentinel_from_landsat() {
        for (names, year, id) in [
            (vec!["B02", "B03", "B04", "B08"], None, Some("sentinel-2")),
            (
                vec!["B1", "B2", "B8", "B8A", "B11", "B12"],
                None,
                Some("sentinel-2"),
            ),
            (vec!["B2", "B3", "B4", "B8"], None, Some("sentinel-2")),
            (
                vec!["B02", "B03", "B04", "B05", "pixel_qa"],
                None,
                Some("landsat-8-9"),
            ),
            (
                vec!["SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7"],
                None,
                Some("landsat-8-9"),
            ),
            (
                vec!["SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B7"],
                None,
                Some("landsat-7"),
            ),
            (
                vec![
                    "B1",
                    "B2",
                    "B3",
                    "B4",
                    "B5",
                    "B7",
                    "B6_temperature",
                    "fmask",
                ],
                Some(1999),
                Some("landsat-7"),
            ),
            (
                vec!["B1", "B2", "B3", "B4", "B5", "B6", "B7"],
                Some(1987),
                Some("landsat-5"),
            ),
            (
                vec!["B1", "B2", "B3", "B4", "B5", "B6", "B7"],
                None,
                Some("landsat-8-9"),
            ),
            (vec!["elevation", "slope"], None, None),
            (vec!["Band 1", "Band 2"], None, None),
        ] {
            assert_eq!(sensor_by_names(&names, year), id, "{names:?}");
        }
    }
}
