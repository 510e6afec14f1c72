//! Place: affine transforms, coordinate reference systems and moving points between them.
//! Knows PROJ and GDAL's spatial reference. Knows nothing of pixels' values.

use serde::{Deserialize, Serialize};

use crate::SceneResult;

/// Map from pixel: `x = t[0] + t[1]*col + t[2]*row`, `y = t[3] + t[4]*col + t[5]*row` (GDAL order);
/// (0, 0) is the outer corner of the first pixel. Rotated, sheared and south-up transforms are all legal.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeoTransform(pub [f64; 6]);

impl GeoTransform {
    /// Pixel space drawn like a map: y grows upwards, one unit a pixel. For rasters without a place.
    pub const PIXELS: Self = Self([0.0, 1.0, 0.0, 0.0, 0.0, -1.0]);

    pub fn map_from_pixel(&self, col: f64, row: f64) -> (f64, f64) {
        let t = &self.0;
        (t[0] + t[1] * col + t[2] * row, t[3] + t[4] * col + t[5] * row)
    }

    /// `None` for a degenerate transform.
    pub fn inverse(&self) -> Option<Self> {
        let t = &self.0;
        let det = t[1] * t[5] - t[2] * t[4];
        if !det.is_finite() || det == 0.0 {
            return None;
        }
        let (a, b, d, e) = (t[5] / det, -t[2] / det, -t[4] / det, t[1] / det);
        Some(Self([-(a * t[0] + b * t[3]), a, b, -(d * t[0] + e * t[3]), d, e]))
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

/// Where a raster lies. `transform` is `None` when the file has none; GCPs/RPCs are said in `note`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Georef {
    pub transform: Option<GeoTransform>,
    pub crs: Option<Crs>,
    /// Said in the layer's properties, e.g. "placed by ground control points".
    pub note: Option<String>,
}

impl Georef {
    /// The transform to draw with: the file's, or pixel space.
    pub fn drawing_transform(&self) -> GeoTransform {
        self.transform.unwrap_or(GeoTransform::PIXELS)
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

impl Crs {
    /// From `EPSG:32629`, `32629`, WKT or a PROJ string.
    pub fn parse(_text: &str) -> SceneResult<Self> {
        todo!()
    }
}

/// Moves points from one CRS to another (x = easting or longitude first, always). Not `Send`: one per thread.
pub struct Reprojection {}

impl Reprojection {
    pub fn new(_from: &Crs, _to: &Crs) -> SceneResult<Self> {
        todo!()
    }

    /// `None` where the point has no image in the target CRS.
    pub fn point(&self, _x: f64, _y: f64) -> Option<(f64, f64)> {
        todo!()
    }
}

/// Tells whether GDAL's PROJ and the `proj` crate agree on a known point; called once at start.
pub fn projection_self_test() -> SceneResult<()> {
    todo!()
}
