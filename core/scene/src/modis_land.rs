//! MODIS surface reflectance whose fill value and scale were lost on the way to the file: both are the same in every such
//! product, so that its name is enough. Knows names; opens nothing.

use crate::raster_header::{BandStorage, Nodata};
use crate::{RasterInfo, SampleType};

const FILL: i64 = -28_672;
const SCALE: f64 = 0.0001;

/// Completes the land bands of a file that is named as MOD09 or MYD09; what the file says itself stays.
pub(crate) fn complete(info: &mut RasterInfo, storage: &mut [BandStorage]) {
    let stem = info
        .path
        .file_stem()
        .map(|stem| stem.to_string_lossy().to_uppercase());
    let is_reflectance = stem.is_some_and(|stem| {
        let mut words = stem.split(|c: char| !c.is_ascii_alphanumeric());
        words.any(|word| word.starts_with("MOD09") || word.starts_with("MYD09"))
    });
    if !is_reflectance || info.sensor.as_deref() != Some("modis-land") {
        return;
    }
    // Quality and angles, which lie beside the reflectance, have no wavelength or another type.
    let is_land =
        |band: &crate::BandInfo| band.sample_type == SampleType::Int16 && band.wavelength.is_some();
    for (band, storage) in info.bands.iter_mut().zip(storage) {
        if !is_land(band) {
            continue;
        }
        if band.nodata.is_none() {
            band.nodata = Some(FILL as f64);
            storage.nodata = Some(Nodata::Signed(FILL));
        }
        if band.scale == 1.0 && band.offset == 0.0 {
            band.scale = SCALE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_raster::{Made, open, whole};

    fn bands() -> Vec<Vec<i16>> {
        (0..7)
            .map(|band| vec![100 * (band + 1), FILL as i16])
            .collect()
    }

    #[test]
    fn fill_and_scale_come_back_by_the_name_of_the_product() {
        let folder = tempfile::tempdir().expect("folder");
        let made = Made::new((2, 1), bands());
        let raster = open(&made.write(folder.path(), "MYD09A1.A2019185.h18v04.tif"));
        let band = &raster.info().bands[2];
        assert_eq!((band.nodata, band.scale), (Some(-28_672.0), 0.0001));
        assert_eq!(band.wavelength.map(|known| known.center.nm()), Some(469.0));
        let window = whole(&raster);
        let block = raster
            .read_blocking(&[2], window, 2, 1, crate::Resampling::Nearest)
            .expect("read");
        assert_eq!(block.valid, [true, false]);
    }

    #[test]
    fn what_the_file_says_stays_and_other_products_are_left_alone() {
        let folder = tempfile::tempdir().expect("folder");
        let mut made = Made::new((2, 1), bands());
        made.nodata = Some(-1.0);
        let raster = open(&made.write(folder.path(), "MOD09A1.A2019185.tif"));
        assert_eq!(raster.info().bands[0].nodata, Some(-1.0));
        made.nodata = None;
        let other = open(&made.write(folder.path(), "MOD13Q1.A2019185.tif"));
        let band = &other.info().bands[0];
        assert_eq!((band.nodata, band.scale), (None, 1.0));
    }
}
