//! Which wavelengths hold nothing of the ground, because water vapour swallows the light on its way. Asked only of spectra: a
//! band of a few that is placed there on purpose, as for cirrus, is none of them.

use std::ops::Range;

use crate::BandInfo;

/// Bands with a wavelength from which on a scene is a spectrum rather than a choice of bands.
const SPECTRUM_BANDS: usize = 50;
/// Nanometres; wherever the air is not very dry and thin.
const STRONG: [Range<f64>; 2] = [1350.0..1430.0, 1800.0..1950.0];
/// Between bands 126 and 127, 141 and 142, 160 and 161, 167 and 168 of EnMAP, which is how it is mostly used: with 202 bands.
const ENMAP: [Range<f64>; 2] = [1289.0..1524.0, 1733.0..1972.0];

/// The wavelengths that hold no ground in a scene of a sensor (as [`crate::RasterInfo`] names it) with so many bands of a
/// known wavelength, in nanometres; none where it is no spectrum.
pub fn water_vapour_nm(sensor: Option<&str>, bands: usize) -> &'static [Range<f64>] {
    let is_enmap = sensor.is_some_and(|sensor| sensor.to_lowercase().contains("enmap"));
    match (bands >= SPECTRUM_BANDS, is_enmap) {
        (false, _) => &[],
        (true, true) => &ENMAP,
        (true, false) => &STRONG,
    }
}

/// The bands that models take unless others are asked for: with a wavelength, not marked bad, not in water vapour.
pub fn bands_for_models<'a>(bands: &'a [BandInfo], sensor: Option<&str>) -> Vec<&'a BandInfo> {
    let good = bands
        .iter()
        .filter(|band| band.wavelength.is_some() && !band.is_bad);
    let mut good: Vec<&BandInfo> = good.collect();
    let vapour = water_vapour_nm(sensor, good.len());
    good.retain(|band| {
        let nm = band
            .wavelength
            .map_or(0.0, |wavelength| wavelength.center.nm());
        !vapour.iter().any(|range| range.contains(&nm))
    });
    good
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_raster::{Made, open};

    /// How many of a scene's bands models leave out.
    fn left_out(sensor: Option<&str>, count: usize, nm: impl Fn(usize) -> f64) -> usize {
        let folder = tempfile::tempdir().expect("folder");
        let path = Made::new((1, 1), vec![vec![1_u16]; count]).write(folder.path(), "a.tif");
        let list: Vec<String> = (0..count)
            .map(|at| format!("{{\"eo:center_wavelength\": {}}}", nm(at) / 1000.0))
            .collect();
        let item = format!(
            r#"{{"stac_version":"1.1.0","properties":{{}},"assets":{{"a":{{"href":"a.tif","bands":[{}]}}}}}}"#,
            list.join(",")
        );
        std::fs::write(path.with_extension("stac.json"), item).expect("written");
        let info = open(&path).info().clone();
        count - bands_for_models(&info.bands, sensor).len()
    }

    #[test]
    fn enmap_keeps_202_of_its_224_bands() {
        let enmap = crate::sensor("enmap").expect("known");
        let nm = |at: usize| enmap.bands[at].center_nm;
        assert_eq!(left_out(Some("enmap"), 224, nm), 22);
    }

    #[test]
    fn other_spectra_lose_the_strongest_and_few_bands_nothing() {
        // Ten nanometres apart from 400 nm on.
        let nm = |at: usize| 400.0 + 10.0 * at as f64;
        assert_eq!(left_out(None, 210, nm), 8 + 15);
        // A band for cirrus among few.
        assert_eq!(
            left_out(Some("enmap"), 3, |at| 1360.0 + 10.0 * at as f64),
            0
        );
    }
}
