//! Cloud masks: what the codes of quality bands mean, which pixels they hide, and how cloudy an image is.
//! Knows codes and rasters. Knows nothing of dates or series.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Grid, Raster, RasterInfo, Resampling, SceneError, SceneResult, Window};

/// The codes a quality band is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MaskKind {
    /// Scene classification of Sentinel-2 level 2A.
    Scl,
    /// Bits of the `Fmask` band of HLS.
    HlsFmask,
    /// Bits of `QA_PIXEL`, Landsat Collection 2.
    LandsatQa,
    /// Bits of `pixel_qa`, Landsat Collection 1.
    LandsatPixelQa,
    /// Codes of the Fmask program: 0 clear, 1 water, 2 shadow, 3 snow, 4 cloud, 255 nothing.
    FmaskCodes,
    /// 0 clear, 1 cloud, 2 shadow, 3 snow, 4 other, 255 nothing.
    CloudMask,
    /// 1 = not to be used.
    User,
}

/// What a code says about a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sight {
    Clear,
    /// Cloud, its shadow or edge, cirrus.
    Cloud,
    /// Not to be used for another reason: snow, a saturated or defective detector.
    Unusable,
    /// No image here.
    Missing,
}

impl MaskKind {
    pub const ALL: [Self; 7] = [
        Self::Scl,
        Self::HlsFmask,
        Self::LandsatQa,
        Self::LandsatPixelQa,
        Self::FmaskCodes,
        Self::CloudMask,
        Self::User,
    ];

    pub fn label(self) -> &'static str {
        match self {
            Self::Scl => "Sentinel-2 SCL",
            Self::HlsFmask => "HLS Fmask bits",
            Self::LandsatQa => "Landsat QA_PIXEL",
            Self::LandsatPixelQa => "Landsat pixel_qa",
            Self::FmaskCodes => "Fmask codes",
            Self::CloudMask => "Cloud mask 0 to 4",
            Self::User => "1 = hide",
        }
    }

    /// By the name of a band or file, or `None` for a band that is no mask.
    pub(crate) fn of_name(name: &str, is_hls: bool) -> Option<Self> {
        let name = name.trim().to_lowercase();
        Some(match name.as_str() {
            "scl" | "scene_classification" | "scl_20m" | "scl_60m" => Self::Scl,
            "fmask" if is_hls => Self::HlsFmask,
            "fmask" | "cfmask" => Self::FmaskCodes,
            "qa_pixel" => Self::LandsatQa,
            "pixel_qa" => Self::LandsatPixelQa,
            "cloud_mask" | "cloudmask" => Self::CloudMask,
            "invalid" | "user_mask" => Self::User,
            _ => return None,
        })
    }

    fn sight(self, code: u32) -> Sight {
        let bit = |number: u32| (code >> number) & 1 == 1;
        match self {
            Self::Scl => match code {
                2 | 4..=7 => Sight::Clear,
                3 | 8..=10 => Sight::Cloud,
                1 | 11 => Sight::Unusable,
                _ => Sight::Missing,
            },
            Self::HlsFmask if code >= 255 => Sight::Missing,
            Self::HlsFmask if bit(1) || bit(2) || bit(3) => Sight::Cloud,
            Self::HlsFmask if bit(4) => Sight::Unusable,
            Self::LandsatQa if bit(0) => Sight::Missing,
            Self::LandsatQa if bit(1) || bit(2) || bit(3) || bit(4) => Sight::Cloud,
            Self::LandsatQa if bit(5) => Sight::Unusable,
            Self::LandsatPixelQa if bit(0) || code == 0 => Sight::Missing,
            // Bits 8 and 9 together: cirrus of high confidence.
            Self::LandsatPixelQa if bit(3) || bit(5) || (bit(8) && bit(9)) => Sight::Cloud,
            Self::LandsatPixelQa if bit(4) => Sight::Unusable,
            Self::HlsFmask | Self::LandsatQa | Self::LandsatPixelQa => Sight::Clear,
            Self::FmaskCodes => match code {
                0 | 1 => Sight::Clear,
                2 | 4 => Sight::Cloud,
                3 => Sight::Unusable,
                _ => Sight::Missing,
            },
            Self::CloudMask => match code {
                0 => Sight::Clear,
                1 | 2 => Sight::Cloud,
                3 | 4 => Sight::Unusable,
                _ => Sight::Missing,
            },
            Self::User if code == 1 => Sight::Cloud,
            Self::User => Sight::Clear,
        }
    }

    /// Pixels by which clouds and shadows are grown. Two pixels of the scene classification, which is made at 20 m and
    /// counts as such where it was repeated to 10 m; the other masks hold grown edges of their own.
    fn grown_pixels(self, grid: &Grid) -> usize {
        const SCL_METRES: f64 = 20.0;
        const GROWN: f64 = 2.0;
        if self != Self::Scl {
            return 0;
        }
        let (width, height) = grid.transform().pixel_size();
        let metres = match grid.crs() {
            Some(crs) if crs.is_geographic => width.min(height) * 111_320.0,
            Some(_) => width.min(height),
            None => SCL_METRES,
        };
        if metres.is_finite() && metres > 0.0 {
            (GROWN * (SCL_METRES / metres).max(1.0)).round().min(40.0) as usize
        } else {
            GROWN as usize
        }
    }
}

/// A quality band: which file, which band (from 0), in which codes. Part of a read, so that hidden and whole tiles differ.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MaskSource {
    pub path: PathBuf,
    pub band: usize,
    pub kind: MaskKind,
}

impl MaskSource {
    /// The quality band among a raster's own bands, else a file of a known name beside it.
    pub fn find_blocking(info: &RasterInfo) -> Option<Self> {
        Self::among_bands(info).or_else(|| Self::beside(&info.path))
    }

    /// The quality band among a raster's own bands. A mask of clouds made for the scene wins over a classification.
    pub fn among_bands(info: &RasterInfo) -> Option<Self> {
        let is_hls = file_name(&info.path).starts_with("HLS.");
        let found = info
            .bands
            .iter()
            .filter_map(|band| Some((band.index, MaskKind::of_name(&band.name, is_hls)?)));
        let rank = |kind: MaskKind| match kind {
            MaskKind::User => 0,
            MaskKind::Scl => 2,
            _ => 1,
        };
        let (band, kind) = found.min_by_key(|(band, kind)| (rank(*kind), *band))?;
        Some(Self {
            path: info.path.clone(),
            band,
            kind,
        })
    }

    /// The file of a product that holds its mask: `..._SCL_20m.jp2`, `...Fmask.tif`, `..._QA_PIXEL.TIF`, or
    /// `<stem>_SCL.tif`, `<stem>_mask.tif` beside any raster.
    fn beside(path: &Path) -> Option<Self> {
        let name = file_name(path);
        let (stem, extension) = name.rsplit_once('.')?;
        let mut names: Vec<(String, MaskKind)> = Vec::new();
        let fields: Vec<&str> = stem.split('_').collect();
        if name.starts_with("HLS.") {
            let (product, _) = stem.rsplit_once('.')?;
            names.push((format!("{product}.Fmask.{extension}"), MaskKind::HlsFmask));
        } else if name.starts_with('L') && fields.len() >= 7 {
            let product = fields.get(..7)?.join("_");
            names.push((
                format!("{product}_QA_PIXEL.{extension}"),
                MaskKind::LandsatQa,
            ));
        } else if name.starts_with('T') && fields.len() == 4 {
            let product = fields.get(..2)?.join("_");
            for size in ["20m", "60m"] {
                names.push((format!("{product}_SCL_{size}.{extension}"), MaskKind::Scl));
            }
        }
        names.push((format!("{stem}_SCL.{extension}"), MaskKind::Scl));
        names.push((format!("{stem}_QA_PIXEL.{extension}"), MaskKind::LandsatQa));
        names.push((format!("{stem}_mask.{extension}"), MaskKind::User));
        names
            .into_iter()
            .map(|(name, kind)| (path.with_file_name(name), kind))
            .find(|(candidate, _)| candidate != path && candidate.is_file())
            .map(|(path, kind)| Self {
                path,
                band: 0,
                kind,
            })
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Mask pixels read at once at full resolution; beyond that a thinned mask has to do.
const EXACT_PIXELS: usize = 1 << 22;

/// Which pixels of a read the mask hides: one per pixel of `window` of `grid` scaled to `out_width x out_height`, row by
/// row. A pixel that stands for several is hidden when at least half of them are. Pixels the mask does not reach stay.
///
/// # Errors
/// The mask cannot be read or has another coordinate system than `grid`.
pub fn hidden_pixels_blocking(
    mask: &Raster,
    source: &MaskSource,
    grid: &Grid,
    window: Window,
    out_width: usize,
    out_height: usize,
) -> SceneResult<Vec<bool>> {
    let own = &mask.info().grid;
    if let (Some(a), Some(b)) = (own.crs(), grid.crs())
        && !a.same_as(b)
    {
        return Err(SceneError::file(
            &source.path,
            "the cloud mask has another coordinate system than its image; choose another mask",
        ));
    }
    let whole = own.window();
    let is_same = (own.width, own.height) == (grid.width, grid.height);
    let mask_from_map = own.transform().inverse();
    let mask_from_pixel = |col: f64, row: f64| match (&mask_from_map, is_same) {
        (_, true) | (None, _) => (col, row),
        (Some(mask_from_map), false) => {
            let (x, y) = grid.transform().map_from_pixel(col, row);
            mask_from_map.map_from_pixel(x, y)
        }
    };
    let visible = vec![false; out_width * out_height];
    // The part of the mask under the window, with room for what grows into it.
    let corners = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(right, down)| {
        mask_from_pixel(
            (window.col + right * window.width) as f64,
            (window.row + down * window.height) as f64,
        )
    });
    let grow = source.kind.grown_pixels(own);
    let range = |values: [f64; 4], size: usize| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let low = (low.floor() - grow as f64).clamp(0.0, size as f64) as usize;
        let high = (high.ceil() + grow as f64).clamp(0.0, size as f64) as usize;
        (low, high)
    };
    let (left, right) = range(corners.map(|corner| corner.0), whole.width);
    let (top, bottom) = range(corners.map(|corner| corner.1), whole.height);
    if right <= left || bottom <= top {
        return Ok(visible);
    }
    let part = Window {
        col: left,
        row: top,
        width: right - left,
        height: bottom - top,
    };
    // Thinned only where the exact mask would be too much to read.
    let thin = (part.pixels() as f64 / EXACT_PIXELS as f64).sqrt().max(1.0);
    let size = |pixels: usize| ((pixels as f64 / thin).ceil() as usize).max(1);
    let (width, height) = (size(part.width), size(part.height));
    let codes = codes_blocking(mask, source, part, width, height)?;
    let hidden = hidden(
        source.kind,
        &codes,
        width,
        (grow as f64 / thin).round() as usize,
    );
    let (x_scale, y_scale) = (
        width as f64 / part.width as f64,
        height as f64 / part.height as f64,
    );
    let at = |col: f64, row: f64| {
        let (x, y) = mask_from_pixel(col, row);
        (
            (x - part.col as f64) * x_scale,
            (y - part.row as f64) * y_scale,
        )
    };
    let (step_col, step_row) = (
        window.width as f64 / out_width as f64,
        window.height as f64 / out_height as f64,
    );
    let mut out = visible;
    for (index, out) in out.iter_mut().enumerate() {
        let col = window.col as f64 + (index % out_width) as f64 * step_col;
        let row = window.row as f64 + (index / out_width) as f64 * step_row;
        let (a, b) = (at(col, row), at(col + step_col, row + step_row));
        let span = |a: f64, b: f64, size: usize| {
            // The pixels whose centres lie in the cell, or the one its centre lies in.
            let (low, high) = (a.min(b), a.max(b));
            let (first, end) = ((low - 0.5).ceil(), (high - 0.5).ceil());
            let (first, end) = if end > first {
                (first, end)
            } else {
                let middle = f64::midpoint(low, high).floor();
                (middle, middle + 1.0)
            };
            (
                first.clamp(0.0, size as f64) as usize,
                end.clamp(0.0, size as f64) as usize,
            )
        };
        let ((x, x_end), (y, y_end)) = (span(a.0, b.0, width), span(a.1, b.1, height));
        let (mut inside, mut clouded) = (0_usize, 0_usize);
        for line in hidden.chunks_exact(width).take(y_end).skip(y) {
            for is_hidden in line.iter().take(x_end).skip(x) {
                inside += 1;
                clouded += usize::from(*is_hidden);
            }
        }
        *out = inside > 0 && 2 * clouded >= inside;
    }
    Ok(out)
}

/// Share (0 to 1) of the pixels with an image that clouds, their shadows and edges cover; `None` when there is no image.
/// Exact up to 512 x 512 pixels, beyond that from every n-th pixel.
///
/// # Errors
/// The mask cannot be read.
pub fn cloud_share_blocking(mask: &Raster, source: &MaskSource) -> SceneResult<Option<f32>> {
    const SIDE: usize = 512;
    let whole = mask.info().grid.window();
    let thin = whole.width.max(whole.height).div_ceil(SIDE).max(1);
    let (width, height) = (whole.width.div_ceil(thin), whole.height.div_ceil(thin));
    let codes = codes_blocking(mask, source, whole, width, height)?;
    let (mut seen, mut clouded) = (0_usize, 0_usize);
    for code in codes {
        let sight = source.kind.sight(code);
        seen += usize::from(sight != Sight::Missing);
        clouded += usize::from(sight == Sight::Cloud);
    }
    Ok((seen > 0).then(|| clouded as f32 / seen as f32))
}

fn codes_blocking(
    mask: &Raster,
    source: &MaskSource,
    window: Window,
    width: usize,
    height: usize,
) -> SceneResult<Vec<u32>> {
    let block = mask.read_blocking(&[source.band], window, width, height, Resampling::Nearest)?;
    // What the file declares missing is often code 0, which the codes know better than a nodata value.
    Ok(block
        .values
        .iter()
        .map(|value| {
            if value.is_finite() {
                *value as u32
            } else {
                u32::MAX
            }
        })
        .collect())
}

/// Which of a block of codes are hidden, clouds and shadows grown by `grow` pixels (in rows and columns).
fn hidden(kind: MaskKind, codes: &[u32], width: usize, grow: usize) -> Vec<bool> {
    let sights: Vec<Sight> = codes.iter().map(|code| kind.sight(*code)).collect();
    let mut hidden: Vec<bool> = sights.iter().map(|sight| *sight != Sight::Clear).collect();
    if grow == 0 || width == 0 {
        return hidden;
    }
    let height = codes.len() / width;
    let mut across = vec![false; codes.len()];
    for (index, _) in sights
        .iter()
        .enumerate()
        .filter(|(_, s)| **s == Sight::Cloud)
    {
        let (row, col) = (index / width, index % width);
        let line = row * width;
        let range = line + col.saturating_sub(grow)..=line + (col + grow).min(width - 1);
        across[range].fill(true);
    }
    for (index, _) in across.iter().enumerate().filter(|(_, grown)| **grown) {
        let (row, col) = (index / width, index % width);
        for row in row.saturating_sub(grow)..=(row + grow).min(height.saturating_sub(1)) {
            hidden[row * width + col] = true;
        }
    }
    hidden
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_raster::{Made, open};

    #[test]
    fn codes_mean_what_their_makers_say() {
        let seen = |kind: MaskKind, codes: &[u32]| -> String {
            codes
                .iter()
                .map(|code| match kind.sight(*code) {
                    Sight::Clear => 'o',
                    Sight::Cloud => 'c',
                    Sight::Unusable => 'u',
                    Sight::Missing => '-',
                })
                .collect()
        };
        let scl: Vec<u32> = (0..=12).collect();
        assert_eq!(seen(MaskKind::Scl, &scl), "-uocooooccc".to_owned() + "u-");
        // Bits: nothing, cirrus bit unused, cloud, adjacent, shadow, snow, water, aerosol high, fill.
        assert_eq!(
            seen(MaskKind::HlsFmask, &[0, 1, 2, 4, 8, 16, 32, 192, 255]),
            "ooccc".to_owned() + "uoo-"
        );
        // Values met in Collection 2: fill, clear, water, cloud, dilated, shadow, snow, cirrus.
        assert_eq!(
            seen(
                MaskKind::LandsatQa,
                &[1, 21824, 21952, 22280, 21826, 23888, 30048, 54596]
            ),
            "-oocccuc"
        );
        // Values met in Collection 1: clear, water, shadow, snow, cloud, cirrus high, fill.
        assert_eq!(
            seen(
                MaskKind::LandsatPixelQa,
                &[322, 324, 328, 336, 480, 416, 834, 1, 0]
            ),
            "oocuccc--"
        );
        assert_eq!(seen(MaskKind::FmaskCodes, &[0, 1, 2, 3, 4, 255]), "oocuc-");
        assert_eq!(seen(MaskKind::CloudMask, &[0, 1, 2, 3, 4, 255]), "occuu-");
        assert_eq!(seen(MaskKind::User, &[0, 1, 2]), "oco");
    }

    #[test]
    fn clouds_grow_and_snow_does_not() {
        let mut codes = vec![4_u32; 7 * 7];
        codes[3 * 7 + 3] = 9;
        let grown = hidden(MaskKind::Scl, &codes, 7, 2);
        assert_eq!(grown.iter().filter(|hidden| **hidden).count(), 25);
        assert!(!grown[0] && grown[7 + 1] && grown[5 * 7 + 5] && !grown[6 * 7 + 6]);
        codes[3 * 7 + 3] = 11;
        let snow = hidden(MaskKind::Scl, &codes, 7, 2);
        assert_eq!(snow.iter().filter(|hidden| **hidden).count(), 1);
    }

    #[test]
    fn masks_are_found_by_the_names_of_bands_and_files() {
        let folder = tempfile::tempdir().expect("folder");
        let write = |name: &str| Made::new((4, 4), vec![vec![0_u8; 16]]).write(folder.path(), name);
        let scene = write("HLS.S30.T15TVK.2021154T170851.v2.0.B04.tif");
        let mask = write("HLS.S30.T15TVK.2021154T170851.v2.0.Fmask.tif");
        let found = MaskSource::find_blocking(open(&scene).info()).expect("a mask");
        assert_eq!((found.path, found.kind), (mask, MaskKind::HlsFmask));
        let scene = write("LC08_L2SP_029030_20210603_20210614_02_T1_SR_B4.TIF");
        let mask = write("LC08_L2SP_029030_20210603_20210614_02_T1_QA_PIXEL.TIF");
        let found = MaskSource::find_blocking(open(&scene).info()).expect("a mask");
        assert_eq!((found.path, found.kind), (mask, MaskKind::LandsatQa));
        let scene = write("field_2021-06-03.tif");
        assert_eq!(MaskSource::find_blocking(open(&scene).info()), None);
        let mask = write("field_2021-06-03_mask.tif");
        let found = MaskSource::find_blocking(open(&scene).info()).expect("a mask");
        assert_eq!((found.path, found.kind), (mask, MaskKind::User));
    }

    /// A 10 m image under a 20 m mask: each code hides its four pixels and two mask pixels around clouds.
    #[test]
    fn masks_of_another_pixel_size_are_laid_over_their_image() {
        let folder = tempfile::tempdir().expect("folder");
        let mut codes = vec![4_u8; 100];
        codes[0] = 9;
        codes[99] = 11;
        let mut made = Made::new((10, 10), vec![codes]);
        made.transform = Some([500_000.0, 20.0, 0.0, 4_000_000.0, 0.0, -20.0]);
        made.nodata = Some(0.0);
        let path = made.write(folder.path(), "scl.tif");
        let mask = open(&path);
        let source = MaskSource {
            path,
            band: 0,
            kind: MaskKind::Scl,
        };
        let mut image = Made::new((20, 20), vec![vec![0_u8; 400]]);
        image.transform = Some([500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0]);
        let image = open(&image.write(folder.path(), "image.tif"));
        let grid = &image.info().grid;
        let all =
            hidden_pixels_blocking(&mask, &source, grid, grid.window(), 20, 20).expect("read");
        for (index, hidden) in all.iter().enumerate() {
            let (col, row) = (index % 20, index / 20);
            let expected = (col < 6 && row < 6) || (col >= 18 && row >= 18);
            assert_eq!(*hidden, expected, "column {col}, row {row}");
        }
        // A part of it, and the same at half size, agree.
        let part = Window {
            col: 4,
            row: 4,
            width: 8,
            height: 8,
        };
        let some = hidden_pixels_blocking(&mask, &source, grid, part, 8, 8).expect("read");
        let half = hidden_pixels_blocking(&mask, &source, grid, part, 4, 4).expect("read");
        assert_eq!(some.iter().filter(|hidden| **hidden).count(), 4);
        assert_eq!(half.iter().filter(|hidden| **hidden).count(), 1);
        let share = cloud_share_blocking(&mask, &source).expect("read");
        assert_eq!(share, Some(0.01));
    }
}
