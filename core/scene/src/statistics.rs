//! Band statistics from a sample of full-resolution blocks, and the style a freshly opened raster gets from them.
//! Knows rasters. Knows nothing of colours beyond naming a ramp.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::qml_classes::QmlClasses;
use crate::{
    BandInfo, Channel, ChannelSource, Detail, Limits, Look, Raster, RasterInfo, Resampling,
    SampleType, SceneError, SceneResult, Stretch, Style, Window, default_rgb, fit_pca_blocking,
    is_radar, is_remote, radar_pair, radar_style_blocking,
};

/// Percentiles and histogram of a band from <= 64 full-resolution blocks on a low-discrepancy grid.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BandStatistics {
    /// From 0; the first band of a derived channel.
    pub band: usize,
    pub min: f64,
    pub max: f64,
    pub mean: f64,
    pub std: f64,
    /// 2nd and 98th percentile.
    pub low: f64,
    pub high: f64,
    /// 256 equal bins from `min` to `max`.
    pub histogram: Vec<u32>,
    /// 0th to 100th percentile, of some ten thousand of the pixels; empty without any.
    pub percentiles: Vec<f32>,
    /// Valid pixels looked at.
    pub count: u64,
    /// False when every pixel was read.
    pub is_sampled: bool,
}

/// Blocks looked at first; more only while valid pixels are scarce.
const SAMPLE_BLOCKS: usize = 64;
const SAMPLE_BLOCKS_MAX: usize = 1024;
/// Fewer where blocks are large: opening waits for this.
const SAMPLE_BLOCKS_MIN: usize = 24;
const SAMPLE_BYTES: usize = 48 << 20;
/// Pixels of one sampled block; larger file blocks are read in part.
const PIXELS_PER_BLOCK: usize = 1 << 16;
/// Fewer valid pixels than this make percentiles too rough.
const ENOUGH_PIXELS: usize = 10_000;
/// Rasters up to this size are read whole: no more than a sample would cost.
const WHOLE_PIXELS: usize = SAMPLE_BLOCKS * PIXELS_PER_BLOCK;
/// Pixels sorted for the percentiles.
const SORTED_PIXELS: usize = 1 << 16;
/// Windows below this are read through one handle.
const WORTH_A_SECOND_HANDLE: usize = 16;
/// Bands gathered at once, which bounds memory to about 128 MiB.
const BANDS_AT_ONCE: usize = 8;

/// Reads sampled statistics of the given bands; all-nodata bands give `count == 0`.
///
/// # Errors
/// A band that does not exist, or blocks that cannot be read.
pub fn band_statistics_blocking(
    raster: &Raster,
    bands: &[usize],
) -> SceneResult<Vec<BandStatistics>> {
    let info = raster.info();
    let mut statistics = Vec::with_capacity(bands.len());
    for group in bands.chunks(BANDS_AT_ONCE) {
        let Some(first) = group.first().and_then(|band| info.bands.get(*band)) else {
            return Err(missing_band(info, group[0]));
        };
        if let Some(band) = group.iter().find(|band| **band >= info.bands.len()) {
            return Err(missing_band(info, *band));
        }
        let plan = SamplePlan::new(info, first, info.grid.window());
        let (sure, spare) = plan.windows.split_at(plan.first.min(plan.windows.len()));
        let mut values = valid_values_side_by_side(raster, group, sure)?;
        for window in spare {
            let is_needed = |values: &Vec<f32>| !plan.is_sampled || values.len() < ENOUGH_PIXELS;
            let wanted: Vec<usize> = group
                .iter()
                .zip(&values)
                .filter(|(_, values)| is_needed(values))
                .map(|(band, _)| *band)
                .collect();
            if wanted.is_empty() {
                break;
            }
            let more = valid_values(raster, &wanted, std::slice::from_ref(window))?;
            let needy = values.iter_mut().filter(|values| is_needed(values));
            for (values, more) in needy.zip(more) {
                values.extend(more);
            }
        }
        statistics.par_extend(
            group
                .par_iter()
                .zip(values)
                .map(|(band, values)| summary(*band, values, plan.is_sampled)),
        );
    }
    Ok(statistics)
}

/// The valid pixels of some bands, all windows one after the other. The bands are read together, so that blocks that hold
/// all of them are read once.
fn valid_values(
    raster: &Raster,
    bands: &[usize],
    windows: &[Window],
) -> SceneResult<Vec<Vec<f32>>> {
    let mut values: Vec<Vec<f32>> = vec![Vec::new(); bands.len()];
    for window in windows {
        let planes = raster.read_planes_blocking(
            bands,
            *window,
            window.width,
            window.height,
            Resampling::Nearest,
            Detail::Full,
        )?;
        for (values, plane) in values.iter_mut().zip(&planes) {
            let valid = plane
                .values
                .iter()
                .zip(&plane.valid)
                .filter(|(value, valid)| **valid && value.is_finite());
            values.extend(valid.map(|(value, _)| *value));
        }
    }
    Ok(values)
}

/// The same with half of the windows read through a second handle where there are many: opening waits for this.
fn valid_values_side_by_side(
    raster: &Raster,
    bands: &[usize],
    windows: &[Window],
) -> SceneResult<Vec<Vec<f32>>> {
    let path = &raster.info().path;
    if windows.len() < WORTH_A_SECOND_HANDLE || is_remote(path) {
        return valid_values(raster, bands, windows);
    }
    let (ours, theirs) = windows.split_at(windows.len() / 2);
    let (ours, theirs) = std::thread::scope(|scope| {
        let second = scope.spawn(|| {
            let raster = Raster::open(path)?;
            valid_values(&raster, bands, theirs)
        });
        let ours = valid_values(raster, bands, ours);
        (ours, second.join())
    });
    let mut values = ours?;
    let theirs = match theirs {
        Ok(theirs) => theirs?,
        Err(panic) => std::panic::resume_unwind(panic),
    };
    for (values, more) in values.iter_mut().zip(theirs) {
        values.extend(more);
    }
    Ok(values)
}

/// The same of one channel, derived or in decibels, over `within` (the whole raster without it; cut to the raster).
///
/// # Errors
/// A band that does not exist, a formula that does not fit, or blocks that cannot be read.
pub fn channel_statistics_blocking(
    raster: &Raster,
    channel: &Channel,
    within: Option<Window>,
) -> SceneResult<BandStatistics> {
    let info = raster.info();
    let band = match &channel.source {
        ChannelSource::Band(band) => *band,
        ChannelSource::Derived(derivation) => derivation.bands().first().copied().unwrap_or(0),
    };
    let Some(first) = info.bands.get(band) else {
        return Err(missing_band(info, band));
    };
    let whole = info.grid.window();
    let within = within.map_or(Some(whole), |part| part.intersection(&whole));
    let Some(within) = within else {
        return Ok(summary(band, Vec::new(), false));
    };
    let plan = SamplePlan::new(info, first, within);
    let mut values = Vec::new();
    for (index, window) in plan.windows.iter().enumerate() {
        if index >= plan.first && plan.is_sampled && values.len() >= ENOUGH_PIXELS {
            break;
        }
        let (width, height) = (window.width, window.height);
        let block = match &channel.source {
            ChannelSource::Band(band) => {
                raster.read_blocking(&[*band], *window, width, height, Resampling::Nearest)?
            }
            ChannelSource::Derived(derivation) => {
                raster.read_derived_blocking(derivation, *window, width, height)?
            }
        };
        let valid = block
            .values
            .iter()
            .zip(&block.valid)
            .filter(|(value, valid)| {
                **valid && value.is_finite() && (!channel.decibel || **value > 0.0)
            });
        values.extend(valid.map(|(value, _)| {
            if channel.decibel {
                crate::shading::decibels(*value)
            } else {
                *value
            }
        }));
    }
    Ok(summary(band, values, plan.is_sampled))
}

pub(crate) fn missing_band(info: &RasterInfo, band: usize) -> SceneError {
    SceneError::file(
        &info.path,
        format!(
            "There is no band {}: this raster has {}.",
            band + 1,
            info.bands.len()
        ),
    )
}

struct SamplePlan {
    windows: Vec<Window>,
    /// Looked at in any case; the others only while valid pixels are scarce.
    first: usize,
    is_sampled: bool,
}

impl SamplePlan {
    fn new(info: &RasterInfo, band: &BandInfo, within: Window) -> Self {
        let (width, height) = (within.width, within.height);
        // Whole file blocks where they are small, else a part: wide strips give long flat windows, tiles give square ones.
        let block_width = band.block_size.0.clamp(1, width.clamp(1, 4096));
        let block_height = band
            .block_size
            .1
            .max(256)
            .min((PIXELS_PER_BLOCK / block_width).max(1))
            .clamp(1, height.max(1));
        let block_width = block_width.min((PIXELS_PER_BLOCK / block_height).max(1));
        let (columns, rows) = (width.div_ceil(block_width), height.div_ceil(block_height));
        let window = |column: usize, row: usize| {
            let (col, row) = (column * block_width, row * block_height);
            Window {
                col: within.col + col,
                row: within.row + row,
                width: block_width.min(width - col),
                height: block_height.min(height - row),
            }
        };
        if width.saturating_mul(height) <= WHOLE_PIXELS
            || columns.saturating_mul(rows) <= SAMPLE_BLOCKS
        {
            let windows = (0..rows).flat_map(|row| (0..columns).map(move |column| (column, row)));
            return Self {
                windows: windows.map(|(column, row)| window(column, row)).collect(),
                first: SAMPLE_BLOCKS,
                is_sampled: false,
            };
        }
        let mut seen = std::collections::HashSet::new();
        let windows = low_discrepancy(columns, rows)
            .take(4 * SAMPLE_BLOCKS_MAX)
            .filter(|place| seen.insert(*place))
            .take(SAMPLE_BLOCKS_MAX)
            .map(|(column, row)| window(column, row))
            .collect();
        let together = if info.is_interleaved {
            info.bands.len()
        } else {
            1
        };
        let block_bytes =
            band.block_size.0 * band.block_size.1 * band.sample_type.bytes() * together;
        let affordable = SAMPLE_BYTES / block_bytes.max(1);
        Self {
            windows,
            first: affordable.clamp(SAMPLE_BLOCKS_MIN, SAMPLE_BLOCKS),
            is_sampled: true,
        }
    }
}

/// The R2 sequence (Roberts 2018): evenly spread for any count, never along a diagonal.
fn low_discrepancy(columns: usize, rows: usize) -> impl Iterator<Item = (usize, usize)> {
    const STEP: (f64, f64) = (0.754_877_666_246_692_7, 0.569_840_290_998_053_2);
    (0_u32..).map(move |index| {
        let place = |step: f64, count: usize| {
            let share = (0.5 + f64::from(index) * step).fract();
            ((share * count as f64) as usize).min(count.saturating_sub(1))
        };
        (place(STEP.0, columns), place(STEP.1, rows))
    })
}

fn summary(band: usize, mut values: Vec<f32>, is_sampled: bool) -> BandStatistics {
    let count = values.len();
    let mut statistics = BandStatistics {
        band,
        min: 0.0,
        max: 0.0,
        mean: 0.0,
        std: 0.0,
        low: 0.0,
        high: 0.0,
        histogram: vec![0; 256],
        percentiles: Vec::new(),
        count: count as u64,
        is_sampled,
    };
    if count == 0 {
        return statistics;
    }
    let (mut min, mut max, mut sum) = (f32::INFINITY, f32::NEG_INFINITY, 0.0_f64);
    for value in &values {
        (min, max) = (min.min(*value), max.max(*value));
        sum += f64::from(*value);
    }
    let mean = sum / count as f64;
    let squares: f64 = values
        .iter()
        .map(|value| (f64::from(*value) - mean).powi(2))
        .sum();
    (statistics.min, statistics.max) = (f64::from(min), f64::from(max));
    statistics.mean = mean;
    statistics.std = (squares / count as f64).sqrt();
    let range = statistics.max - statistics.min;
    for value in &values {
        let share = if range > 0.0 {
            (f64::from(*value) - statistics.min) / range
        } else {
            0.5
        };
        let bin = ((share * 256.0) as usize).min(255);
        statistics.histogram[bin] = statistics.histogram[bin].saturating_add(1);
    }
    statistics.low = percentile(&mut values, 0.02);
    statistics.high = percentile(&mut values, 0.98);
    // Legends and classes need no more than a part of the pixels, which is quick to sort.
    let mut part: Vec<f32> = values
        .into_iter()
        .step_by(count.div_ceil(SORTED_PIXELS))
        .collect();
    part.sort_unstable_by(f32::total_cmp);
    let last = part.len() - 1;
    statistics.percentiles = (0..=100).map(|share| part[share * last / 100]).collect();
    statistics
}

/// Linear interpolation between order statistics at `share * (n - 1)`; reorders `values`, which must not be empty.
fn percentile(values: &mut [f32], share: f64) -> f64 {
    let position = share * (values.len() - 1) as f64;
    let index = position.floor() as usize;
    let (_, low, above) = values.select_nth_unstable_by(index, f32::total_cmp);
    let low = f64::from(*low);
    let high = above
        .iter()
        .copied()
        .min_by(f32::total_cmp)
        .map_or(low, f64::from);
    low + (high - low) * (position - index as f64)
}

impl BandStatistics {
    /// The value that `share` of a hundred pixels lie below; 0 without any.
    pub fn percentile(&self, share: usize) -> f64 {
        self.percentiles
            .get(share.min(100))
            .copied()
            .map_or(0.0, f64::from)
    }

    /// Values that part the pixels into `count` classes of about the same number, ascending and different.
    pub fn quantile_breaks(&self, count: usize) -> Vec<f32> {
        let mut breaks: Vec<f32> = (1..count.max(1))
            .map(|k| self.percentile((100 * k + count / 2) / count) as f32)
            .collect();
        breaks.dedup();
        breaks
    }

    /// The limits of a rule, in the channel's values; by hand keeps `old`. The gamma of `old` stays.
    pub fn stretch_by(&self, limits: Limits, old: Stretch) -> Stretch {
        let between = |low: f64, high: f64| {
            let plain = BandStatistics {
                low,
                high,
                ..self.clone()
            };
            Stretch {
                gamma: old.gamma,
                ..plain.stretch()
            }
        };
        match limits {
            Limits::Manual => old,
            Limits::Percentile => between(self.low, self.high),
            Limits::MinMax => between(self.min, self.max),
            Limits::Deviation => between(
                (self.mean - 2.0 * self.std).max(self.min),
                (self.mean + 2.0 * self.std).min(self.max),
            ),
        }
    }

    /// Limits between the 2nd and 98th percentile; flat bands get room on both sides, empty ones 0 to 1.
    pub fn stretch(&self) -> Stretch {
        let (low, high) = match self.count {
            0 => (0.0, 1.0),
            _ if self.high > self.low => (self.low, self.high),
            _ if self.max > self.min => (self.min, self.max),
            _ => (self.min - 1.0, self.max + 1.0),
        };
        Stretch {
            low: low as f32,
            high: high as f32,
            gamma: 1.0,
        }
    }
}

/// The style a freshly opened raster gets: RGB by wavelength with 2-98 %, 8-bit as is, palettes, PCA for fields.
///
/// # Errors
/// A raster without bands, or blocks that cannot be read.
pub fn default_style_blocking(raster: &Raster) -> SceneResult<Style> {
    let info = raster.info();
    if info.is_field() {
        return Ok(Style::pca(fit_pca_blocking(raster)?));
    }
    let Some(first) = info.bands.first() else {
        return Err(SceneError::file(
            &info.path,
            "There is no band to draw in this file.",
        ));
    };
    let colors: Vec<&BandInfo> = info
        .bands
        .iter()
        .filter(|band| band.color_interpretation != "alpha")
        .collect();
    if let Some(pair) = radar_pair(&info.bands).filter(|_| is_radar(&info.bands)) {
        return radar_style_blocking(raster, pair);
    }
    if colors.len() < 3 {
        return single_band_style(raster, first);
    }
    let bands = default_rgb(&info.bands);
    let is_byte = bands.iter().all(|band| {
        info.bands
            .get(*band)
            .is_some_and(|band| band.sample_type == SampleType::UInt8)
    });
    if is_byte {
        return Ok(Style::rgb(
            bands,
            [Stretch {
                low: 0.0,
                high: 255.0,
                gamma: 1.0,
            }; 3],
        ));
    }
    let statistics = band_statistics_blocking(raster, &bands)?;
    let mut stretch = [Stretch {
        low: 0.0,
        high: 1.0,
        gamma: 1.0,
    }; 3];
    for (limits, statistics) in stretch.iter_mut().zip(&statistics) {
        *limits = statistics.stretch();
    }
    Ok(Style::rgb(bands, stretch))
}

fn single_band_style(raster: &Raster, band: &BandInfo) -> SceneResult<Style> {
    if !band.palette.is_empty() {
        // As QGIS does: the style beside the file wins over the table inside it.
        let beside = QmlClasses::beside(&raster.info().path).filter(|qml| qml.band == band.index);
        let entries = beside.map_or_else(|| band.palette.clone(), |qml| qml.entries);
        return Ok(Style::palette(band.index, entries));
    }
    let fixed = |low: f32, high: f32, ramp: &str| {
        Ok(Style::gray(
            band.index,
            Stretch {
                low,
                high,
                gamma: 1.0,
            },
            ramp,
        ))
    };
    let is_float = matches!(band.sample_type, SampleType::Float32 | SampleType::Float64);
    let name = band.name.to_lowercase();
    if is_float && name.contains("ndvi") {
        return fixed(-0.2, 1.0, "ndvi");
    }
    if is_float && band.unit == "m3 m-3" {
        return fixed(0.0, 0.5, "moisture");
    }
    if band.sample_type == SampleType::UInt8 && band.scale > 0.0 {
        let whole = (1.0 / band.scale) as f32;
        if name.contains("confidence") {
            return fixed(0.0, whole, "cividis");
        }
        // Doubt is grey, so that it is not taken for confidence.
        if name.contains("uncertainty") {
            return fixed(0.0, whole, "grays");
        }
    }
    let mut statistics = channel_statistics_blocking(raster, &Channel::band(band.index), None)?;
    let is_backscatter = is_radar(std::slice::from_ref(band));
    let look = Look {
        decibel: is_backscatter && statistics.is_linear_backscatter(),
        ..Look::default()
    };
    if look.decibel {
        let channel = Channel {
            decibel: true,
            ..Channel::band(band.index)
        };
        statistics = channel_statistics_blocking(raster, &channel, None)?;
    }
    // Integers are mostly what a camera counted; floats are mostly quantities, but for radar.
    let ramp = if is_float && !is_backscatter {
        "viridis"
    } else {
        "grays"
    };
    Ok(Style::Gray {
        band: band.index,
        stretch: statistics.stretch(),
        ramp: ramp.into(),
        look,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_interpolate_between_order_statistics() {
        let mut values: Vec<f32> = (0..=100).rev().map(|value| value as f32).collect();
        assert!((percentile(&mut values, 0.02) - 2.0).abs() < 1e-9);
        assert!((percentile(&mut values, 0.98) - 98.0).abs() < 1e-9);
        assert!((percentile(&mut [1.0, 2.0], 0.25) - 1.25).abs() < 1e-9);
        assert!((percentile(&mut [7.0], 0.98) - 7.0).abs() < 1e-9);
    }

    #[test]
    fn limits_follow_their_rule() {
        let values: Vec<f32> = (0..=1000).map(|value| value as f32).collect();
        let statistics = summary(0, values, false);
        let old = Stretch {
            low: -7.0,
            high: 7.0,
            gamma: 2.0,
        };
        let of = |limits| {
            let stretch = statistics.stretch_by(limits, old);
            assert!((stretch.gamma - 2.0).abs() < 1e-6);
            (stretch.low, stretch.high)
        };
        assert_eq!(of(Limits::Percentile), (20.0, 980.0));
        assert_eq!(of(Limits::MinMax), (0.0, 1000.0));
        assert_eq!(of(Limits::Manual), (-7.0, 7.0));
        // 500 +- 2 * 288.96 reaches beyond the values on both sides.
        assert_eq!(of(Limits::Deviation), (0.0, 1000.0));
        assert_eq!(statistics.quantile_breaks(4), [250.0, 500.0, 750.0]);
        assert_eq!(summary(0, vec![3.0; 50], false).quantile_breaks(4), [3.0]);
    }

    #[test]
    fn summaries_hold_for_flat_and_empty_bands() {
        let flat = summary(0, vec![5.0; 100], true);
        assert_eq!(
            (flat.min, flat.max, flat.std, flat.histogram[128]),
            (5.0, 5.0, 0.0, 100)
        );
        assert_eq!(
            flat.stretch(),
            Stretch {
                low: 4.0,
                high: 6.0,
                gamma: 1.0
            }
        );
        let empty = summary(3, Vec::new(), true);
        assert_eq!((empty.count, empty.band), (0, 3));
        assert_eq!(
            empty.stretch(),
            Stretch {
                low: 0.0,
                high: 1.0,
                gamma: 1.0
            }
        );
        let mixed = summary(0, vec![0.0, 1.0, 2.0, 3.0], false);
        assert!((mixed.mean - 1.5).abs() < 1e-12 && (mixed.std - 1.25_f64.sqrt()).abs() < 1e-12);
        assert_eq!(mixed.histogram.iter().sum::<u32>(), 4);
        assert_eq!((mixed.histogram[0], mixed.histogram[255]), (1, 1));
    }

    /// The trap of sampling along a diagonal: a scene whose valid part is a corner must still be met.
    #[test]
    fn sampled_places_are_spread_over_the_raster() {
        let (columns, rows) = (160, 160);
        let places: Vec<(usize, usize)> =
            low_discrepancy(columns, rows).take(SAMPLE_BLOCKS).collect();
        for quarter in 0..16 {
            let (left, top) = (quarter % 4 * 40, quarter / 4 * 40);
            let inside = places
                .iter()
                .filter(|(c, r)| (left..left + 40).contains(c) && (top..top + 40).contains(r))
                .count();
            assert!(
                (2..=6).contains(&inside),
                "{inside} of 64 places in sixteenth {quarter}"
            );
        }
    }
}
