//! Reading profiles: every band of a small square of pixels, each band with its own missing pixels.
//! Values are kept as doubles, so that they are the file's own to the last digit.

use gdal_sys::GDALDataType;

use crate::gdal_setup::take_gdal_messages;
use crate::profile::{ProfileBand, empty_bands};
use crate::raster_io::Shape;
use crate::raster_read::MissingFloat;
use crate::{
    BandInfo, Crs, Grid, Place, Raster, Resampling, SampleType, SceneError, SceneResult, Window,
};

/// Values read in one call, about.
const VALUES_AT_ONCE: usize = 1 << 20;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Number,
    SignedAsUnsigned,
    Complex,
}

impl Raster {
    /// The values of `bands` (described by the caller, who may know better wavelengths than the file) around a pixel: mean
    /// and standard deviation over a square of `side` pixels, cut at the raster's edge. Complex numbers count as their
    /// magnitude.
    ///
    /// # Errors
    /// The pixel lies outside, or the file cannot be read there.
    pub fn profile_blocking(
        &self,
        bands: &[BandInfo],
        (col, row): (usize, usize),
        side: usize,
    ) -> SceneResult<Vec<ProfileBand>> {
        let grid = &self.info.grid;
        if col >= grid.width || row >= grid.height {
            return Err(SceneError::file(
                &self.info.path,
                format!(
                    "column {col}, row {row} lies outside the raster of {} x {} pixels",
                    grid.width, grid.height
                ),
            ));
        }
        let reach = side.max(1) / 2;
        let (left, top) = (col.saturating_sub(reach), row.saturating_sub(reach));
        let window = Window {
            col: left,
            row: top,
            width: (col + reach + 1).min(grid.width) - left,
            height: (row + reach + 1).min(grid.height) - top,
        };
        let shape = Shape {
            window,
            width: window.width,
            height: window.height,
        };
        let pixels = shape.pixels();
        let mut profile = empty_bands(bands);
        let indices: Vec<usize> = bands.iter().map(|band| band.index).collect();
        let most = (VALUES_AT_ONCE / pixels.max(1)).max(1);
        let mut done = 0;
        while done < indices.len() {
            let kind = self.kind_of(indices[done])?;
            let run = indices[done..]
                .iter()
                .take(most)
                .take_while(|band| self.kind_of(**band).is_ok_and(|other| other == kind))
                .count()
                .max(1);
            let group = &indices[done..done + run];
            let values = self.exact_values(kind, group, shape)?;
            for ((band, plane), out) in group
                .iter()
                .zip(values.chunks_exact(pixels))
                .zip(&mut profile[done..done + run])
            {
                let mut valid = vec![true; pixels];
                self.apply_masks(&[*band], shape, Resampling::Nearest, |_, mask| {
                    for (valid, mask) in valid.iter_mut().zip(mask) {
                        *valid &= *mask > 0;
                    }
                })?;
                self.mark_missing(*band, plane, &mut valid);
                fill(out, plane, &valid);
            }
            done += run;
        }
        take_gdal_messages();
        Ok(profile)
    }

    fn kind_of(&self, band: usize) -> SceneResult<Kind> {
        let storage = self.storage.get(band).ok_or_else(|| {
            SceneError::file(
                &self.info.path,
                format!(
                    "there is no band {} any more; open the file again",
                    band + 1
                ),
            )
        })?;
        Ok(match storage.sample_type {
            SampleType::Int8 if storage.is_signed_as_unsigned => Kind::SignedAsUnsigned,
            SampleType::Complex => Kind::Complex,
            _ => Kind::Number,
        })
    }

    fn exact_values(&self, kind: Kind, bands: &[usize], shape: Shape) -> SceneResult<Vec<f64>> {
        let count = bands.len() * shape.pixels();
        let nearest = Resampling::Nearest;
        Ok(match kind {
            Kind::Number => {
                let mut values = vec![0f64; count];
                self.raster_io(
                    bands,
                    shape,
                    GDALDataType::GDT_Float64,
                    nearest,
                    &mut values,
                )?;
                values
            }
            Kind::SignedAsUnsigned => {
                let mut bytes = vec![0u8; count];
                self.raster_io(bands, shape, GDALDataType::GDT_Byte, nearest, &mut bytes)?;
                bytes
                    .iter()
                    .map(|byte| f64::from(byte.cast_signed()))
                    .collect()
            }
            Kind::Complex => {
                let mut pairs = vec![[0f64; 2]; count];
                self.raster_io(
                    bands,
                    shape,
                    GDALDataType::GDT_CFloat64,
                    nearest,
                    &mut pairs,
                )?;
                pairs
                    .iter()
                    .map(|[real, imaginary]| real.hypot(*imaginary))
                    .collect()
            }
        })
    }

    fn mark_missing(&self, band: usize, values: &[f64], valid: &mut [bool]) {
        let storage = self.storage.get(band);
        let nodata = storage.and_then(|storage| storage.nodata);
        let is_single = storage.is_some_and(|storage| storage.sample_type == SampleType::Float32);
        let rounded = nodata.map(|nodata| MissingFloat::new(nodata.as_f64()));
        for (value, valid) in values.iter().zip(valid) {
            let is_nodata = match (nodata, rounded) {
                (Some(_), Some(rounded)) if is_single => rounded.matches(*value as f32),
                (Some(nodata), _) => *value == nodata.as_f64(),
                _ => false,
            };
            *valid &= value.is_finite() && !is_nodata;
        }
    }
}

fn fill(band: &mut ProfileBand, values: &[f64], valid: &[bool]) {
    let found = || {
        values
            .iter()
            .zip(valid)
            .filter(|(_, valid)| **valid)
            .map(|(value, _)| *value)
    };
    band.pixels = found().count();
    if band.pixels == 0 {
        return;
    }
    let mean = found().sum::<f64>() / band.pixels as f64;
    band.value = Some(mean);
    if band.pixels > 1 {
        let squares: f64 = found().map(|value| (value - mean).powi(2)).sum();
        band.sd = Some((squares / (band.pixels - 1) as f64).sqrt());
    }
}

/// The pixel of a grid under a point of `crs` (`None`: the grid's own), from 0; where control points or sensor coefficients
/// place the raster, the pixel that is drawn there.
///
/// # Errors
/// The point lies outside, or PROJ knows no way.
pub fn pixel_under_point(
    grid: &Grid,
    crs: Option<&Crs>,
    (x, y): (f64, f64),
) -> SceneResult<(usize, usize)> {
    let outside = || SceneError::input(format!("{x}, {y} lies outside the raster"));
    let ground = grid.georef.ground_crs();
    if let (Some(from), None) = (crs, ground) {
        return Err(SceneError::input(format!(
            "the raster has no coordinate system, so a point of {} cannot be found in it; give its pixel",
            from.label()
        )));
    }
    let place = Place::new(grid, crs.or(ground))?;
    let (col, row) = place.pixel_from_map(x, y).ok_or_else(outside)?;
    if grid.holds(col, row) {
        Ok((col as usize, row as usize))
    } else {
        Err(outside())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A text grid that GDAL opens: five by four, one missing pixel.
    fn raster(folder: &Path) -> Raster {
        let path = folder.join("grid.asc");
        let text = "ncols 5\nnrows 4\nxllcorner 100\nyllcorner 200\ncellsize 10\nNODATA_value -9\n\
                    1 2 3 4 5\n6 7 8 9 10\n11 12 -9 14 15\n16 17 18 19 20\n";
        std::fs::write(&path, text).unwrap();
        Raster::open(&path).unwrap()
    }

    #[test]
    fn a_square_is_averaged_without_what_is_missing_and_cut_at_the_edge() {
        let folder = tempfile::tempdir().unwrap();
        let raster = raster(folder.path());
        let read = |pixel, side| {
            let bands = raster.info().bands.clone();
            raster.profile_blocking(&bands, pixel, side).unwrap()[0].clone()
        };
        let one = read((1, 1), 1);
        assert_eq!((one.value, one.sd, one.pixels), (Some(7.0), None, 1));
        let missing = read((2, 2), 1);
        assert_eq!((missing.value, missing.pixels), (None, 0));
        let around = read((2, 2), 3);
        // 7 8 9, 12 14, 17 18 19
        assert_eq!((around.value, around.pixels), (Some(13.0), 8));
        let sd = [7.0, 8.0, 9.0, 12.0, 14.0, 17.0, 18.0, 19.0f64]
            .iter()
            .map(|value| (value - 13.0).powi(2))
            .sum::<f64>()
            / 7.0;
        assert!((around.sd.unwrap() - sd.sqrt()).abs() < 1e-12);
        let corner = read((0, 0), 3);
        assert_eq!((corner.value, corner.pixels), (Some(4.0), 4));
        assert!(
            raster
                .profile_blocking(&raster.info().bands, (5, 0), 1)
                .is_err()
        );
    }

    #[test]
    fn points_find_their_pixel_also_from_another_system() {
        let folder = tempfile::tempdir().unwrap();
        let mut grid = raster(folder.path()).info().grid.clone();
        assert_eq!(
            pixel_under_point(&grid, None, (125.0, 239.9)).unwrap(),
            (2, 0)
        );
        assert!(pixel_under_point(&grid, None, (150.0, 220.0)).is_err());
        let wgs = Crs::wgs84().unwrap();
        assert!(pixel_under_point(&grid, Some(&wgs), (0.0, 0.0)).is_err());
        grid.georef.crs = Crs::parse("EPSG:3857").ok();
        // 111.319 m of Web Mercator are a thousandth of a degree at the equator.
        let pixel = pixel_under_point(&grid, Some(&wgs), (0.001, 0.002)).unwrap();
        assert_eq!(pixel, (1, 1));
    }

    #[test]
    fn points_find_the_pixel_that_control_points_draw_there() {
        let folder = tempfile::tempdir().unwrap();
        raster(folder.path());
        // No affine transform meets them.
        let x = |col: f64| 500_100.0 + 10.0 * col + 0.3 * col * col;
        let mut points = String::new();
        for (col, row) in [0.0, 2.5, 5.0]
            .into_iter()
            .flat_map(|col| [0.0, 2.0, 4.0].map(|row| (col, row)))
        {
            points += &format!(
                "<GCP Id=\"\" Pixel=\"{col}\" Line=\"{row}\" X=\"{}\" Y=\"{}\"/>",
                x(col),
                4_000_000.0 - 10.0 * row
            );
        }
        let path = folder.path().join("bent.vrt");
        let text = format!(
            "<VRTDataset rasterXSize=\"5\" rasterYSize=\"4\"><GCPList Projection=\"EPSG:32629\">{points}</GCPList>\
             <VRTRasterBand dataType=\"Float32\" band=\"1\"><SimpleSource><SourceFilename relativeToVRT=\"1\">grid.asc\
             </SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
        );
        std::fs::write(&path, text).unwrap();
        let bent = Raster::open(&path).unwrap();
        let grid = &bent.info().grid;
        assert!(grid.georef.model.is_some());
        let own = (x(3.5), 4_000_000.0 - 15.0);
        assert_eq!(pixel_under_point(grid, None, own).unwrap(), (3, 1));
        let wgs = Crs::wgs84().unwrap();
        let utm = Crs::parse("EPSG:32629").unwrap();
        let lon_lat = crate::Reprojection::new(&utm, &wgs)
            .unwrap()
            .point(own.0, own.1)
            .unwrap();
        assert_eq!(
            pixel_under_point(grid, Some(&wgs), lon_lat).unwrap(),
            (3, 1)
        );
        assert!(pixel_under_point(grid, None, (x(-2.0), own.1)).is_err());
    }
}
