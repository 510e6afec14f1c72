//! Bands of a raster as they are stored, for files that keep its numbers: their type, scale, offset, names, wavelengths and colours.
//! Knows bands and windows; knows nothing of how a file is written.

use gdal::raster::ColorInterpretation;
use gdal::{Dataset, Metadata};
use serde::{Deserialize, Serialize};

use crate::cog::{self, Sample};
use crate::{
    BandInfo, Detail, MapKind, PaletteEntry, Raster, Resampling, SampleType, SceneError,
    SceneResult, Window,
};

/// A band of a file that keeps another one's numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredBand {
    pub name: String,
    pub unit: String,
    pub scale: f64,
    pub offset: f64,
    /// As GDAL names it; empty for none.
    pub color_interpretation: String,
    /// Centre and, where known, width, nm.
    pub wavelength_nm: Option<(f64, Option<f64>)>,
    pub palette: Vec<PaletteEntry>,
}

impl StoredBand {
    pub fn of(band: &BandInfo) -> Self {
        Self {
            name: band.name.clone(),
            unit: band.unit.clone(),
            scale: band.scale,
            offset: band.offset,
            color_interpretation: band.color_interpretation.clone(),
            wavelength_nm: band.wavelength.map(|of| (of.center.nm(), of.fwhm_nm)),
            palette: band.palette.clone(),
        }
    }
}

/// How numbers of a type are written; `None` for those of eight bytes and complex ones.
pub(crate) fn sample_of(of: SampleType) -> Option<Sample> {
    Some(match of {
        SampleType::UInt8 => Sample::Byte,
        SampleType::Int8 => Sample::SignedByte,
        SampleType::UInt16 => Sample::Short,
        SampleType::Int16 => Sample::SignedShort,
        SampleType::UInt32 => Sample::Long,
        SampleType::Int32 => Sample::SignedLong,
        SampleType::Float32 => Sample::Float,
        SampleType::Float64 => Sample::Double,
        SampleType::UInt64 | SampleType::Int64 | SampleType::Complex => return None,
    })
}

/// The smallest type that holds all numbers of two.
fn joined(a: SampleType, b: SampleType) -> SampleType {
    use SampleType as T;
    let bytes = |of: T| match of {
        T::UInt8 | T::Int8 => 1,
        T::UInt16 | T::Int16 => 2,
        T::UInt32 | T::Int32 | T::Float32 => 4,
        T::UInt64 | T::Int64 | T::Float64 | T::Complex => 8,
    };
    let is_signed = |of: T| matches!(of, T::Int8 | T::Int16 | T::Int32 | T::Int64);
    match (a.is_integer(), b.is_integer()) {
        _ if a == b => a,
        (true, true) if !is_signed(a) && !is_signed(b) => match bytes(a) > bytes(b) {
            true => a,
            false => b,
        },
        (true, true) if is_signed(a) && !is_signed(b) && bytes(a) > bytes(b) => a,
        (true, true) if is_signed(b) && !is_signed(a) && bytes(b) > bytes(a) => b,
        (true, true) if is_signed(a) && is_signed(b) => match bytes(a) > bytes(b) {
            true => a,
            false => b,
        },
        (true, true) if bytes(a).max(bytes(b)) < 2 => T::Int16,
        (true, true) if bytes(a).max(bytes(b)) < 4 => T::Int32,
        // Up to two bytes fit the digits of a short decimal number.
        (true, false) if b == T::Float32 && bytes(a) <= 2 => b,
        (false, true) if a == T::Float32 && bytes(b) <= 2 => a,
        _ => T::Float64,
    }
}

impl Raster {
    /// The kind of a file that keeps the numbers of some bands, and what of them it cannot keep. `hides`: some pixels are to
    /// have no value there.
    ///
    /// # Errors
    /// Numbers that are not written, or no such band.
    pub fn kind_of_copy(
        &self,
        bands: &[usize],
        hides: bool,
    ) -> SceneResult<(MapKind, Vec<String>)> {
        let infos: Option<Vec<&BandInfo>> = bands
            .iter()
            .map(|band| self.info().bands.get(*band))
            .collect();
        let infos = infos.filter(|infos| !infos.is_empty()).ok_or_else(|| {
            SceneError::file(&self.info().path, "it has no such band; choose others")
        })?;
        let sample = infos
            .iter()
            .map(|band| band.sample_type)
            .reduce(joined)
            .unwrap_or(SampleType::Float64);
        if sample_of(sample).is_none() {
            return Err(SceneError::file(
                &self.info().path,
                "its numbers are of eight bytes or complex, which are not copied; make a raster of them by a formula (calc)",
            ));
        }
        let mut notes = Vec::new();
        let mut nodata = infos.iter().find_map(|band| band.nodata);
        if infos
            .iter()
            .any(|band| band.nodata.is_some_and(|own| Some(own) != nodata))
        {
            notes.push(
                "bands with other numbers for missing pixels have that of the first one now"
                    .to_owned(),
            );
        }
        if nodata.is_none() && !sample.is_integer() {
            nodata = Some(f64::NAN);
        }
        if nodata.is_none() && hides {
            nodata = Some(0.0);
            notes.push("the file names no number for missing pixels, so that 0 stands for them now, inside the area as well".to_owned());
        }
        let kind = MapKind::Like {
            sample,
            nodata,
            bands: infos.into_iter().map(StoredBand::of).collect(),
        };
        Ok((kind, notes))
    }

    /// Numbers of bands of a window as a file of `kind` stores them, planar; missing pixels, and those of `is_hidden`, hold its
    /// number for them. Also how many pixels are missing that the file has no number for.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read_stored_blocking(
        &self,
        bands: &[usize],
        window: Window,
        kind: &MapKind,
        is_hidden: Option<&[bool]>,
    ) -> SceneResult<(Vec<u8>, u64)> {
        let MapKind::Like { sample, nodata, .. } = kind else {
            return Err(SceneError::input(
                "this kind of file keeps no numbers of another",
            ));
        };
        let sample = sample_of(*sample)
            .ok_or_else(|| SceneError::input("numbers of this type are not written"))?;
        let mut bytes = cog::read_bands(self.dataset(), bands, window, sample)
            .map_err(|what| SceneError::file(&self.info().path, what))?;
        let planes = self.read_planes_blocking(
            bands,
            window,
            window.width,
            window.height,
            Resampling::Nearest,
            Detail::Full,
        )?;
        let missing = nodata.map(|nodata| sample.bytes_of(nodata));
        let mut without_number = 0;
        let numbers = bytes.chunks_exact_mut(sample.size());
        let valid = planes
            .iter()
            .flat_map(|plane| plane.valid.iter().enumerate());
        for (number, (pixel, is_valid)) in numbers.zip(valid) {
            let hides = is_hidden.is_some_and(|hidden| hidden.get(pixel) == Some(&true));
            if *is_valid && !hides {
                continue;
            }
            match &missing {
                Some(missing) => number.copy_from_slice(missing),
                None => without_number += 1,
            }
        }
        Ok((bytes, without_number))
    }
}

/// Names, scales, wavelengths and colours of such a file, before the first pixel.
pub(crate) fn describe(raw: &Dataset, bands: &[StoredBand]) -> Result<(), String> {
    let mut is_photo = false;
    for (number, band) in bands.iter().enumerate() {
        let scale = (band.scale != 1.0 || band.offset != 0.0).then_some((band.scale, band.offset));
        cog::describe_band(raw, number, &band.name, &band.unit, scale)?;
        let mut written = raw
            .rasterband(number + 1)
            .map_err(|error| error.to_string())?;
        if let Some((nm, width)) = band.wavelength_nm {
            let items = [
                ("wavelength", Some(format!("{nm}"))),
                ("wavelength_units", Some("Nanometers".to_owned())),
                ("fwhm", width.map(|width| format!("{width}"))),
            ];
            for (key, value) in items {
                if let Some(value) = value {
                    written
                        .set_metadata_item(key, &value, "")
                        .map_err(|error| error.to_string())?;
                }
            }
        }
        is_photo |= matches!(
            band.color_interpretation.as_str(),
            "red" | "green" | "blue" | "alpha"
        );
    }
    if is_photo {
        for (number, band) in bands.iter().enumerate() {
            if let Ok(of) = ColorInterpretation::from_name(&band.color_interpretation) {
                raw.rasterband(number + 1)
                    .and_then(|mut band| band.set_color_interpretation(of))
                    .map_err(|error| error.to_string())?;
            }
        }
    }
    match bands {
        [band] if !band.palette.is_empty() => cog::set_palette(raw, &band.palette),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_type_that_holds_both() {
        use SampleType as T;
        for (a, b, both) in [
            (T::UInt8, T::UInt16, T::UInt16),
            (T::UInt8, T::Int8, T::Int16),
            (T::UInt16, T::Int16, T::Int32),
            (T::UInt8, T::Int16, T::Int16),
            (T::Int8, T::Int32, T::Int32),
            (T::Int16, T::Float32, T::Float32),
            (T::Int32, T::Float32, T::Float64),
            (T::UInt32, T::Int32, T::Float64),
        ] {
            assert_eq!(joined(a, b), both, "{a:?} {b:?}");
            assert_eq!(joined(b, a), both, "{b:?} {a:?}");
        }
        assert!(sample_of(T::Complex).is_none());
    }
}
