//! Band statistics, of large rasters from a sample, and the style a freshly opened raster gets from them.
//! Knows rasters. Knows nothing of colours beyond naming a ramp.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::qml_classes::QmlClasses;
use crate::sample_plan::SamplePlan;
use crate::sample_read::{Sample, Subject};
use crate::{
    BandInfo, Channel, ChannelSource, Limits, Look, Raster, RasterInfo, SampleType, SceneError,
    SceneResult, Stretch, Style, Window, default_rgb, fit_pca_blocking, is_radar, radar_pair,
    radar_style_blocking,
};

/// Percentiles and histogram of a band: of all pixels of a small raster, else of full-resolution blocks on a low-discrepancy
/// grid (`sample_plan.rs`), their values as common as an overview says (`strata.rs`).
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
    /// 256 equal bins from `min` to `max`; of a sample, of the values that stand for all.
    pub histogram: Vec<u32>,
    /// 0th to 100th percentile, of some ten thousand of the pixels; empty without any.
    pub percentiles: Vec<f32>,
    /// Valid pixels looked at.
    pub count: u64,
    /// False when every pixel was read.
    pub is_sampled: bool,
}

/// Pixels sorted for the percentiles.
const SORTED_PIXELS: usize = 1 << 16;
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
        let plan = SamplePlan::new(info, first, info.grid.window(), first.palette.is_empty());
        let found = Sample::read_blocking(raster, Subject::Bands(group), &plan)?;
        statistics.par_extend(
            group
                .par_iter()
                .zip(found)
                .map(|(band, sample)| of_sample(*band, sample, plan.is_sampled)),
        );
    }
    Ok(statistics)
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
    let (band, is_derived) = match &channel.source {
        ChannelSource::Band(band) => (*band, false),
        ChannelSource::Derived(derivation) => {
            (derivation.bands().first().copied().unwrap_or(0), true)
        }
    };
    let Some(first) = info.bands.get(band) else {
        return Err(missing_band(info, band));
    };
    let whole = info.grid.window();
    let within = within.map_or(Some(whole), |part| part.intersection(&whole));
    let Some(within) = within else {
        return Ok(summary(band, Vec::new(), false));
    };
    let has_overview = !is_derived && first.palette.is_empty();
    let plan = SamplePlan::new(info, first, within, has_overview);
    let found = Sample::read_blocking(raster, Subject::Channel(channel), &plan)?;
    let sample = found.into_iter().next().unwrap_or_default();
    Ok(of_sample(band, sample, plan.is_sampled))
}

fn of_sample(band: usize, sample: Sample, is_sampled: bool) -> BandStatistics {
    BandStatistics {
        count: sample.looked.values.len() as u64,
        ..summary(band, sample.standing(), is_sampled)
    }
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
}
