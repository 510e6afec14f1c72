//! Place: affine transforms, coordinate reference systems and moving points between them.
//! Knows PROJ and GDAL's spatial reference. Knows nothing of pixels' values.

#![expect(unsafe_code, reason = "reference systems of GDAL are C handles")]

use std::ffi::{CString, c_char, c_int};
use std::ptr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::gdal_setup::{gdal_setup, owned_text, take_gdal_messages};
use crate::{GroundModel, SceneError, SceneResult};

/// Map from pixel: `x = t[0] + t[1]*col + t[2]*row`, `y = t[3] + t[4]*col + t[5]*row` (GDAL order);
/// (0, 0) is the outer corner of the first pixel. Rotated, sheared and south-up transforms are all legal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeoTransform(pub [f64; 6]);

impl GeoTransform {
    /// Pixel space drawn like a map: y grows upwards, one unit a pixel. For rasters without a place.
    pub const PIXELS: Self = Self([0.0, 1.0, 0.0, 0.0, 0.0, -1.0]);

    pub fn map_from_pixel(&self, col: f64, row: f64) -> (f64, f64) {
        let t = &self.0;
        (
            t[0] + t[1] * col + t[2] * row,
            t[3] + t[4] * col + t[5] * row,
        )
    }

    /// `None` for a degenerate transform.
    pub fn inverse(&self) -> Option<Self> {
        let t = &self.0;
        let det = t[1] * t[5] - t[2] * t[4];
        if !det.is_finite() || det == 0.0 {
            return None;
        }
        let (a, b, d, e) = (t[5] / det, -t[2] / det, -t[4] / det, t[1] / det);
        Some(Self([
            -(a * t[0] + b * t[3]),
            a,
            b,
            -(d * t[0] + e * t[3]),
            d,
            e,
        ]))
    }

    /// Edge lengths of one pixel in map units (across columns, down rows), always positive.
    pub fn pixel_size(&self) -> (f64, f64) {
        let t = &self.0;
        (t[1].hypot(t[4]), t[2].hypot(t[5]))
    }

    /// The transform of a window of this raster that starts at (`col`, `row`).
    pub fn shifted(&self, col: f64, row: f64) -> Self {
        let (x, y) = self.map_from_pixel(col, row);
        let t = &self.0;
        Self([x, t[1], t[2], y, t[4], t[5]])
    }
}

/// A coordinate reference system as found in a file or named by the user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Crs {
    /// WKT as GDAL writes it (WKT2 when it needs to).
    pub wkt: String,
    /// e.g. `WGS 84 / UTM zone 29N`.
    pub name: String,
    pub epsg: Option<u32>,
    pub is_geographic: bool,
}

/// Where a raster lies. `transform` is `None` when the file has none.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Georef {
    pub transform: Option<GeoTransform>,
    pub crs: Option<Crs>,
    /// Said in the layer's properties, e.g. "placed by ground control points".
    pub note: Option<String>,
    /// Places the pixels where no transform can (control points, sensor coefficients). Then `transform` and `crs` are
    /// `None`: labels and fields keep to the raster's own pixels, and only drawing asks for the ground.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Arc<GroundModel>>,
    /// The file named no reference system; the user did.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub crs_is_assigned: bool,
}

impl Georef {
    /// From pixels to the coordinates that labels and maps on this raster use: the file's transform, or pixel space.
    pub fn drawing_transform(&self) -> GeoTransform {
        self.transform.unwrap_or(GeoTransform::PIXELS)
    }

    /// The system of the ground coordinates below.
    pub fn ground_crs(&self) -> Option<&Crs> {
        match &self.model {
            Some(model) => model.crs(),
            None => self.crs.as_ref(),
        }
    }

    /// Whether the user may name its system: the file names none.
    pub fn takes_crs(&self) -> bool {
        self.ground_crs().is_none() || self.crs_is_assigned
    }

    /// The system the user named.
    pub fn assigned_crs(&self) -> Option<&Crs> {
        self.ground_crs().filter(|_| self.crs_is_assigned)
    }

    /// Names the system of a raster whose file names none.
    pub fn assign_crs(&mut self, crs: Crs) {
        const BY_HAND: &str = "its coordinate system was named by hand";
        self.note = Some(match (&self.model, self.note.take()) {
            (Some(_), Some(note)) if note.ends_with(BY_HAND) => note,
            (Some(_), note) => format!("{}; {BY_HAND}", note.unwrap_or_default()),
            (None, _) => BY_HAND.to_owned(),
        });
        match self.model.as_mut().map(Arc::make_mut) {
            Some(GroundModel::ControlPoints(points)) => points.crs = Some(crs),
            Some(GroundModel::Rpc(_)) => {}
            None => self.crs = Some(crs),
        }
        self.crs_is_assigned = true;
    }

    /// Where a pixel lies on the ground (or in pixel space, when nothing places the raster).
    pub fn ground_from_pixel(&self, col: f64, row: f64) -> Option<(f64, f64)> {
        match &self.model {
            Some(model) => model.ground_from_pixel(col, row),
            None => Some(self.drawing_transform().map_from_pixel(col, row)),
        }
    }

    pub fn pixel_from_ground(&self, x: f64, y: f64) -> Option<(f64, f64)> {
        match &self.model {
            Some(model) => model.pixel_from_ground(x, y),
            None => Some(self.drawing_transform().inverse()?.map_from_pixel(x, y)),
        }
    }
}

/// Axis-aligned rectangle in map units.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapRect {
    pub min_x: f64,
    pub min_y: f64,
    pub max_x: f64,
    pub max_y: f64,
}

impl MapRect {
    pub fn width(&self) -> f64 {
        self.max_x - self.min_x
    }

    pub fn height(&self) -> f64 {
        self.max_y - self.min_y
    }

    /// The smallest rectangle around some points; `None` without any finite one.
    pub fn around(points: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        points
            .into_iter()
            .filter(|(x, y)| x.is_finite() && y.is_finite())
            .fold(None, |rect, (x, y)| {
                let rect = rect.unwrap_or(Self {
                    min_x: x,
                    min_y: y,
                    max_x: x,
                    max_y: y,
                });
                Some(Self {
                    min_x: rect.min_x.min(x),
                    min_y: rect.min_y.min(y),
                    max_x: rect.max_x.max(x),
                    max_y: rect.max_y.max(y),
                })
            })
    }
}

impl Crs {
    /// From `EPSG:32629`, `32629`, WKT or a PROJ string. Never opens files or the network.
    pub fn parse(text: &str) -> SceneResult<Self> {
        gdal_setup();
        let text = text.trim();
        let is_bare_code = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let input = if is_bare_code {
            format!("EPSG:{text}")
        } else {
            text.to_owned()
        };
        let refuse = || {
            let said = take_gdal_messages()
                .map(|words| format!(" ({words})"))
                .unwrap_or_default();
            let shown: String = text.chars().take(80).collect();
            SceneError::input(format!(
                "`{shown}` is not a coordinate reference system; give a code such as EPSG:32629, WKT or a PROJ string{said}"
            ))
        };
        // These two would make GDAL look for a file or a URL of that name.
        if input.is_empty() || input.contains("://") || std::path::Path::new(&input).exists() {
            return Err(refuse());
        }
        take_gdal_messages();
        let definition = CString::new(input).map_err(|_| refuse())?;
        let srs = OwnedSrs::new().ok_or_else(refuse)?;
        // SAFETY: valid handle and NUL-terminated text.
        let status = unsafe { gdal_sys::OSRSetFromUserInput(srs.0, definition.as_ptr()) };
        if status != gdal_sys::OGRErr::OGRERR_NONE {
            return Err(refuse());
        }
        // SAFETY: the handle lives until the end of this function.
        unsafe { Self::from_handle(srs.0) }.ok_or_else(refuse)
    }

    /// WGS 84 longitude and latitude.
    pub fn wgs84() -> SceneResult<Self> {
        Self::parse("EPSG:4326")
    }

    /// Reads a GDAL spatial reference; heights of a compound system are left out. `None` for an empty one.
    ///
    /// # Safety
    /// `handle` is null or a valid spatial reference that stays alive during the call; it is not changed.
    pub unsafe fn from_handle(handle: gdal_sys::OGRSpatialReferenceH) -> Option<Self> {
        if handle.is_null() {
            return None;
        }
        // SAFETY: `handle` is valid; the clone is ours and released on drop.
        let srs = unsafe { OwnedSrs(gdal_sys::OSRClone(handle)) };
        if srs.0.is_null() {
            return None;
        }
        // SAFETY: `srs` is a valid handle of our own throughout.
        unsafe {
            if gdal_sys::OSRIsCompound(srs.0) != 0 {
                gdal_sys::OSRStripVertical(srs.0);
            }
            let wkt = srs.wkt()?;
            let name = owned_text(gdal_sys::OSRGetName(srs.0));
            let epsg = srs.epsg();
            take_gdal_messages();
            Some(Self {
                wkt,
                name,
                epsg,
                is_geographic: gdal_sys::OSRIsGeographic(srs.0) != 0,
            })
        }
    }

    /// Whether both name the same system, whatever their texts look like.
    pub fn same_as(&self, other: &Self) -> bool {
        if self.wkt == other.wkt {
            return true;
        }
        if let (Some(a), Some(b)) = (self.epsg, other.epsg) {
            return a == b;
        }
        gdal_setup();
        let same = match (
            OwnedSrs::from_wkt(&self.wkt),
            OwnedSrs::from_wkt(&other.wkt),
        ) {
            // SAFETY: both handles are valid.
            (Some(a), Some(b)) => unsafe { gdal_sys::OSRIsSame(a.0, b.0) != 0 },
            _ => false,
        };
        take_gdal_messages();
        same
    }

    /// Metres of one unit of a projected system (0.3048 for feet); `None` where its text cannot be understood.
    pub fn linear_unit_metres(&self) -> Option<f64> {
        gdal_setup();
        let srs = OwnedSrs::from_wkt(&self.wkt)?;
        // SAFETY: a valid handle; without a place for the name only the number is told.
        let metres = unsafe { gdal_sys::OSRGetLinearUnits(srs.0, ptr::null_mut()) };
        take_gdal_messages();
        (metres.is_finite() && metres > 0.0).then_some(metres)
    }

    /// `EPSG:32629`, or the name where there is no code.
    pub fn label(&self) -> String {
        match self.epsg {
            Some(code) => format!("EPSG:{code}"),
            None => self.name.clone(),
        }
    }
}

/// A spatial reference handle that is released on drop.
pub(crate) struct OwnedSrs(pub(crate) gdal_sys::OGRSpatialReferenceH);

impl OwnedSrs {
    pub(crate) fn new() -> Option<Self> {
        // SAFETY: null makes an empty spatial reference.
        let handle = unsafe { gdal_sys::OSRNewSpatialReference(ptr::null()) };
        (!handle.is_null()).then_some(Self(handle))
    }

    pub(crate) fn from_epsg(code: u32) -> Option<Self> {
        let srs = Self::new()?;
        let code = c_int::try_from(code).ok()?;
        // SAFETY: a valid handle of our own.
        let status = unsafe { gdal_sys::OSRImportFromEPSG(srs.0, code) };
        (status == gdal_sys::OGRErr::OGRERR_NONE).then_some(srs)
    }

    /// As a value, without looking its code up in PROJ's database.
    pub(crate) fn plain_crs(&self) -> Option<Crs> {
        // SAFETY: a valid handle of our own; texts are copied.
        unsafe {
            Some(Crs {
                wkt: self.wkt()?,
                name: owned_text(gdal_sys::OSRGetName(self.0)),
                epsg: authority_code(self.0),
                is_geographic: gdal_sys::OSRIsGeographic(self.0) != 0,
            })
        }
    }

    pub(crate) fn from_wkt(wkt: &str) -> Option<Self> {
        let srs = Self::new()?;
        let text = CString::new(wkt).ok()?;
        let mut at = text.as_ptr().cast_mut();
        // SAFETY: GDAL advances `at` within the text and does not write to it.
        let status = unsafe { gdal_sys::OSRImportFromWkt(srs.0, &mut at) };
        (status == gdal_sys::OGRErr::OGRERR_NONE).then_some(srs)
    }

    /// WKT 1 where it can say everything, else WKT 2.
    fn wkt(&self) -> Option<String> {
        for options in [None, Some(c"FORMAT=WKT2_2018")] {
            let list: [*const c_char; 2] =
                [options.map_or(ptr::null(), |o| o.as_ptr()), ptr::null()];
            let mut text: *mut c_char = ptr::null_mut();
            // SAFETY: valid handle and option list; GDAL allocates `text`, which is freed below.
            let wkt = unsafe {
                let status = gdal_sys::OSRExportToWktEx(self.0, &mut text, list.as_ptr());
                let wkt = owned_text(text);
                gdal_sys::VSIFree(text.cast());
                if status == gdal_sys::OGRErr::OGRERR_NONE {
                    wkt
                } else {
                    String::new()
                }
            };
            if !wkt.is_empty() {
                return Some(wkt);
            }
        }
        None
    }

    /// The EPSG code the text names, or the one PROJ's database knows it by.
    fn epsg(&self) -> Option<u32> {
        if let Some(code) = authority_code(self.0) {
            return Some(code);
        }
        // SAFETY: our own handle; on failure it is left as it was.
        let identified =
            unsafe { gdal_sys::OSRAutoIdentifyEPSG(self.0) == gdal_sys::OGRErr::OGRERR_NONE };
        if identified && let Some(code) = authority_code(self.0) {
            return Some(code);
        }
        self.best_match()
    }

    /// Looks the definition up in PROJ's database: an equivalent system counts, whatever its name, if it is the only one.
    fn best_match(&self) -> Option<u32> {
        const EQUIVALENT: c_int = 70;
        let mut count: c_int = 0;
        let mut confidence: *mut c_int = ptr::null_mut();
        // SAFETY: GDAL fills `count` entries in both arrays, which are freed below.
        unsafe {
            let found =
                gdal_sys::OSRFindMatches(self.0, ptr::null_mut(), &mut count, &mut confidence);
            if found.is_null() {
                return None;
            }
            let mut code = None;
            if let Ok(count) = usize::try_from(count)
                && !confidence.is_null()
            {
                let confidence = std::slice::from_raw_parts(confidence, count);
                let found = std::slice::from_raw_parts(found, count);
                // Best first.
                let is_clear = match confidence {
                    [] => false,
                    [only] => *only >= EQUIVALENT,
                    [first, second, ..] => *first >= EQUIVALENT && first > second,
                };
                code = found
                    .first()
                    .filter(|_| is_clear)
                    .and_then(|best| authority_code(*best));
            }
            gdal_sys::OSRFreeSRSArray(found);
            gdal_sys::VSIFree(confidence.cast());
            code
        }
    }
}

impl Drop for OwnedSrs {
    fn drop(&mut self) {
        // SAFETY: created by GDAL and released once; null is allowed.
        unsafe { gdal_sys::OSRRelease(self.0) }
    }
}

fn authority_code(handle: gdal_sys::OGRSpatialReferenceH) -> Option<u32> {
    // SAFETY: valid handle; null asks for the root's authority.
    unsafe {
        let name = owned_text(gdal_sys::OSRGetAuthorityName(handle, ptr::null()));
        if name != "EPSG" {
            return None;
        }
        owned_text(gdal_sys::OSRGetAuthorityCode(handle, ptr::null()))
            .parse()
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_wkt_and_proj_strings_parse() {
        let utm = Crs::parse("32629").expect("bare code");
        assert_eq!(
            (utm.name.as_str(), utm.epsg, utm.is_geographic),
            ("WGS 84 / UTM zone 29N", Some(32629), false)
        );
        let again = Crs::parse(&utm.wkt).expect("its own WKT");
        assert!(again.same_as(&utm));
        let from_proj =
            Crs::parse("+proj=utm +zone=29 +datum=WGS84 +units=m +no_defs").expect("PROJ string");
        assert_eq!(from_proj.epsg, Some(32629));
        assert!(Crs::parse("EPSG:4326").expect("code").is_geographic);
    }

    #[test]
    fn nonsense_is_refused_in_words() {
        for text in [
            "",
            "nonsense",
            "EPSG:99999999",
            "https://example.com/crs",
            "/etc/hostname",
        ] {
            let error = Crs::parse(text).expect_err(text).to_string();
            assert!(error.contains("coordinate reference system"), "{error}");
        }
    }

    #[test]
    fn heights_of_a_compound_system_are_left_out() {
        let crs = Crs::parse("EPSG:4326+3855").expect("compound");
        assert_eq!((crs.name.as_str(), crs.epsg), ("WGS 84", Some(4326)));
    }

    #[test]
    fn transforms_invert_even_rotated() {
        let t = GeoTransform([1_841_001.75, 1.5, -5.0, 1_144_003.25, -5.0, -1.5]);
        let (x, y) = t.map_from_pixel(12.25, 7.5);
        let (col, row) = t.inverse().expect("regular").map_from_pixel(x, y);
        assert!((col - 12.25).abs() < 1e-6 && (row - 7.5).abs() < 1e-6);
        assert!(GeoTransform([0.0; 6]).inverse().is_none());
    }
}
