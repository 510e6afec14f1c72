//! Spectral profiles: what the bands of a raster hold at one place, kept with the project, drawn as curves over wavelength
//! and written as tables. Knows values and places; reads no raster (see `profile_read.rs`).

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::beside::write_beside;
use crate::{BandInfo, Crs, SceneError, SceneResult, decode_table};

/// Bands from which on a gap in the wavelengths breaks the curve: below, every gap is wide.
const MANY_BANDS: usize = 40;
/// A gap of this many usual steps is a gap of the detector.
const GAP_STEPS: f64 = 12.0;

/// The numbers of a file, or what they stand for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProfileValues {
    /// Scale and offset applied; the coordinates of a field.
    #[default]
    Scaled,
    Stored,
}

/// One band at the place of a profile, self-contained: a profile outlives its layer and its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProfileBand {
    /// From 0.
    pub index: usize,
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wavelength_nm: Option<f64>,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub scale: f64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: f64,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unit: String,
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_bad: bool,
    /// Mean of the pixels that hold a value, as stored; `None` where none does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Sample standard deviation, as stored; `None` below two pixels.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sd: Option<f64>,
    /// Pixels that hold a value.
    pub pixels: usize,
}

fn one() -> f64 {
    1.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands references out"
)]
fn is_one(value: &f64) -> bool {
    *value == 1.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands references out"
)]
fn is_zero(value: &f64) -> bool {
    *value == 0.0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands references out"
)]
fn is_false(value: &bool) -> bool {
    !*value
}

/// The values of one raster at one place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Never used twice in a document; 0 = not kept.
    pub id: u64,
    /// Profiles of one click share it.
    pub place: u64,
    pub name: String,
    pub color: [u8; 3],
    /// Name of the layer when the profile was taken.
    pub layer: String,
    /// The project stores it relative to itself.
    #[serde(skip)]
    pub file: PathBuf,
    /// The place, in `crs`; pixel space without one.
    pub x: f64,
    pub y: f64,
    #[serde(default)]
    pub crs: Option<Crs>,
    /// The pixel at the place, from 0.
    pub col: usize,
    pub row: usize,
    /// Pixels a side of the square that was averaged, odd.
    pub side: usize,
    /// Values are codes of a field.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_field: bool,
    pub bands: Vec<ProfileBand>,
}

/// A point of a curve; `x` is a wavelength (nm) or a band number from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    pub x: f64,
    pub y: f64,
    pub sd: Option<f64>,
    /// From 0.
    pub band: usize,
}

impl Profile {
    /// Approximate bytes, for the undo budget.
    pub(crate) fn size_bytes(&self) -> usize {
        const NAME: usize = 16;
        size_of::<Self>() + self.bands.len() * (size_of::<ProfileBand>() + NAME)
    }

    pub fn has_wavelengths(&self) -> bool {
        self.bands.iter().any(|band| band.wavelength_nm.is_some())
    }

    /// Whether scaled and stored values differ.
    pub fn is_scaled(&self) -> bool {
        self.is_field
            || self
                .bands
                .iter()
                .any(|band| band.scale != 1.0 || band.offset != 0.0)
    }

    pub fn value(&self, band: &ProfileBand, values: ProfileValues) -> Option<f64> {
        match values {
            ProfileValues::Stored => band.value,
            // The mean of coded pixels is no code any more; between two codes the decoding is taken as straight.
            ProfileValues::Scaled if self.is_field => band.value.map(decoded),
            ProfileValues::Scaled => band.value.map(|value| value * band.scale + band.offset),
        }
    }

    pub fn sd(&self, band: &ProfileBand, values: ProfileValues) -> Option<f64> {
        match values {
            ProfileValues::Stored => band.sd,
            ProfileValues::Scaled if self.is_field => None,
            ProfileValues::Scaled => band.sd.map(|sd| sd * band.scale.abs()),
        }
    }

    /// The unit a value is in; empty when the file names none.
    pub fn unit<'a>(&self, band: &'a ProfileBand, values: ProfileValues) -> &'a str {
        let is_raw = band.scale != 1.0 || band.offset != 0.0 || self.is_field;
        match values {
            ProfileValues::Stored if is_raw => "stored",
            _ => &band.unit,
        }
    }

    /// The curve over wavelength (`over_nm`) or band number, in pieces: bad and missing bands and gaps of the detector
    /// break it. Empty over wavelength without any.
    pub fn curve(&self, values: ProfileValues, over_nm: bool) -> Vec<Vec<CurvePoint>> {
        curve_pieces(self.bands.iter().filter_map(|band| {
            let x = if over_nm {
                band.wavelength_nm?
            } else {
                band.index as f64 + 1.0
            };
            let y = self.value(band, values).filter(|_| !band.is_bad);
            let point = CurvePoint {
                x,
                y: y.unwrap_or(f64::NAN),
                sd: self.sd(band, values),
                band: band.index,
            };
            Some(point)
        }))
    }
}

fn decoded(code: f64) -> f64 {
    let at = |code: f64| f64::from(decode_table()[usize::from(code as i8 as u8)]);
    let (low, high) = (code.floor(), code.ceil());
    let (from, to) = (at(low), at(high));
    if low == high {
        from
    } else {
        from + (to - from) * (code - low)
    }
}

/// Points by growing x in pieces; a `y` that is not finite breaks the curve.
pub fn curve_pieces(points: impl Iterator<Item = CurvePoint>) -> Vec<Vec<CurvePoint>> {
    let mut points: Vec<CurvePoint> = points.filter(|point| point.x.is_finite()).collect();
    points.sort_by(|a, b| a.x.total_cmp(&b.x));
    let longest = if points.len() > MANY_BANDS {
        usual_step(&points) * GAP_STEPS
    } else {
        f64::INFINITY
    };
    let mut pieces: Vec<Vec<CurvePoint>> = Vec::new();
    let mut is_open = false;
    for point in points {
        if !point.y.is_finite() {
            is_open = false;
            continue;
        }
        match pieces.last_mut() {
            Some(piece)
                if is_open && piece.last().is_none_or(|last| point.x - last.x <= longest) =>
            {
                piece.push(point);
            }
            _ => pieces.push(vec![point]),
        }
        is_open = true;
    }
    pieces
}

/// Median distance between neighbours.
fn usual_step(points: &[CurvePoint]) -> f64 {
    let mut steps: Vec<f64> = points
        .windows(2)
        .map(|pair| pair[1].x - pair[0].x)
        .filter(|step| *step > 0.0)
        .collect();
    steps.sort_by(f64::total_cmp);
    steps.get(steps.len() / 2).copied().unwrap_or(1.0)
}

/// Describes bands without values; `Raster::profile_blocking` fills them in.
pub(crate) fn empty_bands(bands: &[BandInfo]) -> Vec<ProfileBand> {
    bands
        .iter()
        .map(|band| ProfileBand {
            index: band.index,
            name: band.name.clone(),
            wavelength_nm: band.wavelength.map(|wavelength| wavelength.center.nm()),
            scale: band.scale,
            offset: band.offset,
            unit: band.unit.clone(),
            is_bad: band.is_bad,
            value: None,
            sd: None,
            pixels: 0,
        })
        .collect()
}

/// A scaled number without the digits that only rounding made; stored ones are given whole.
pub fn profile_number(value: f64, values: ProfileValues) -> String {
    if values == ProfileValues::Stored || value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let digits = 11 - value.abs().log10().floor() as i32;
    if !(0..=20).contains(&digits) {
        return value.to_string();
    }
    let text = format!("{value:.*}", digits as usize);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

const COLUMNS: [&str; 15] = [
    "profile",
    "layer",
    "file",
    "x",
    "y",
    "crs",
    "col",
    "row",
    "band",
    "name",
    "wavelength_nm",
    "value",
    "unit",
    "sd",
    "pixels",
];

/// Profiles as CSV, one row a profile and band; bands count from 1, pixels from 0, missing values are empty.
///
/// # Errors
/// Never in practice: the table is written to memory.
pub fn profiles_csv<'a>(
    profiles: impl IntoIterator<Item = &'a Profile>,
    values: ProfileValues,
) -> SceneResult<String> {
    let failed = |error: &dyn std::fmt::Display| {
        SceneError::input(format!("the table of profiles cannot be made: {error}"))
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|e| failed(&e))?;
    for profile in profiles {
        let file = profile.file.to_string_lossy();
        let (x, y) = (profile.x.to_string(), profile.y.to_string());
        let crs = profile.crs.as_ref().map(Crs::label).unwrap_or_default();
        let (col, row) = (profile.col.to_string(), profile.row.to_string());
        let number = |value: Option<f64>| {
            value.map_or_else(String::new, |value| profile_number(value, values))
        };
        for band in &profile.bands {
            let wavelength = band
                .wavelength_nm
                .map_or_else(String::new, |nm| profile_number(nm, ProfileValues::Scaled));
            writer
                .write_record([
                    profile.name.as_str(),
                    &profile.layer,
                    &file,
                    &x,
                    &y,
                    &crs,
                    &col,
                    &row,
                    &(band.index + 1).to_string(),
                    &band.name,
                    &wavelength,
                    &number(profile.value(band, values)),
                    profile.unit(band, values),
                    &number(profile.sd(band, values)),
                    &band.pixels.to_string(),
                ])
                .map_err(|e| failed(&e))?;
        }
    }
    let bytes = writer.into_inner().map_err(|e| failed(&e))?;
    String::from_utf8(bytes).map_err(|e| failed(&e))
}

/// Writes profiles to a file: a picture for `.svg`, else CSV. Written beside and renamed.
///
/// # Errors
/// The file cannot be written.
pub fn export_profiles<'a>(
    profiles: impl IntoIterator<Item = &'a Profile>,
    values: ProfileValues,
    path: &Path,
) -> SceneResult<()> {
    let is_picture = path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("svg"));
    let text = if is_picture {
        let profiles: Vec<&Profile> = profiles.into_iter().collect();
        crate::profile_picture::profiles_svg(&profiles, values)
    } else {
        profiles_csv(profiles, values)?
    };
    write_beside(path, text.as_bytes())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn band(index: usize, nm: Option<f64>, value: Option<f64>) -> ProfileBand {
        ProfileBand {
            index,
            name: format!("B{}", index + 1),
            wavelength_nm: nm,
            scale: 1e-4,
            offset: -0.1,
            unit: String::new(),
            is_bad: false,
            value,
            sd: Some(20.0),
            pixels: 9,
        }
    }

    pub(crate) fn profile(bands: Vec<ProfileBand>) -> Profile {
        Profile {
            id: 1,
            place: 1,
            name: "Profile 1".to_owned(),
            color: [200, 30, 60],
            layer: "scene, \"quoted\"".to_owned(),
            file: "/data/scene.tif".into(),
            x: 500_005.5,
            y: 4_000_000.25,
            crs: Crs::parse("EPSG:32629").ok(),
            col: 3,
            row: 4,
            side: 3,
            is_field: false,
            bands,
        }
    }

    fn lengths(profile: &Profile) -> Vec<usize> {
        profile
            .curve(ProfileValues::Stored, true)
            .iter()
            .map(Vec::len)
            .collect()
    }

    #[test]
    fn bad_and_missing_bands_and_detector_gaps_break_the_curve() {
        let mut few = profile(
            [443.0, 490.0, 560.0, 665.0, 842.0, 1610.0, 2190.0]
                .iter()
                .enumerate()
                .map(|(index, nm)| band(index, Some(*nm), Some(1000.0)))
                .collect(),
        );
        assert_eq!(lengths(&few), [7], "few bands are always joined");
        few.bands[2].value = None;
        few.bands[5].is_bad = true;
        assert_eq!(lengths(&few), [2, 2, 1]);

        let many = (0..60).map(|index| {
            let nm = 400.0 + 10.0 * index as f64 + if index >= 30 { 300.0 } else { 0.0 };
            band(index, Some(nm), Some(1.0))
        });
        let mut many = profile(many.collect());
        assert_eq!(lengths(&many), [30, 30]);
        many.bands.reverse();
        assert_eq!(
            lengths(&many),
            [30, 30],
            "the order of bands does not matter"
        );
        assert!(
            profile(vec![band(0, None, Some(1.0))])
                .curve(ProfileValues::Stored, true)
                .is_empty()
        );
    }

    #[test]
    fn scale_and_offset_apply_to_values_and_scale_to_deviations() {
        let one = profile(vec![band(0, Some(665.0), Some(3000.0))]);
        let first = &one.bands[0];
        let close = |a: Option<f64>, b: f64| (a.unwrap() - b).abs() < 1e-12;
        assert!(close(one.value(first, ProfileValues::Scaled), 0.2));
        assert!(close(one.sd(first, ProfileValues::Scaled), 0.002));
        assert_eq!(one.value(first, ProfileValues::Stored), Some(3000.0));
        assert_eq!(one.unit(first, ProfileValues::Stored), "stored");
        assert_eq!(one.unit(first, ProfileValues::Scaled), "");
    }

    #[test]
    fn codes_of_a_field_become_coordinates() {
        let mut field = profile(vec![band(0, None, Some(127.0)), band(1, None, Some(-0.5))]);
        field.is_field = true;
        let value = |band: &ProfileBand| field.value(band, ProfileValues::Scaled).unwrap();
        assert!((value(&field.bands[0]) - (127.0f64 / 127.5).powi(2)).abs() < 1e-6);
        let half = value(&field.bands[1]);
        assert!(half < 0.0 && half > -(1.0f64 / 127.5).powi(2));
    }

    #[test]
    fn the_table_has_one_row_a_band_and_quotes_what_it_must() {
        let one = profile(vec![
            band(0, Some(664.6), Some(3000.0)),
            band(1, None, None),
        ]);
        let text = profiles_csv([&one], ProfileValues::Scaled).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "profile,layer,file,x,y,crs,col,row,band,name,wavelength_nm,value,unit,sd,pixels"
        );
        assert_eq!(
            lines[1],
            "Profile 1,\"scene, \"\"quoted\"\"\",/data/scene.tif,500005.5,4000000.25,EPSG:32629,3,4,1,B1,664.6,0.2,,0.002,9"
        );
        assert_eq!(
            lines[2],
            "Profile 1,\"scene, \"\"quoted\"\"\",/data/scene.tif,500005.5,4000000.25,EPSG:32629,3,4,2,B2,,,,0.002,9"
        );
        assert_eq!(lines.len(), 3);
        let stored = profiles_csv([&one], ProfileValues::Stored).unwrap();
        assert!(stored.contains(",B1,664.6,3000,stored,20,9"), "{stored}");
    }

    #[test]
    fn numbers_lose_only_what_rounding_made() {
        let scaled = |value| profile_number(value, ProfileValues::Scaled);
        assert_eq!(scaled(0.1 + 0.2), "0.3");
        assert_eq!(scaled(1.0 / 3.0), "0.333333333333");
        assert_eq!(scaled(-1234.5), "-1234.5");
        assert_eq!(scaled(1e30), 1e30.to_string());
        assert_eq!(
            profile_number(0.1 + 0.2, ProfileValues::Stored),
            "0.30000000000000004"
        );
    }
}
