//! What of a scene goes into a field, and how much of each: the choices measured in docs/field.md, and the fit of a projection to them.

use serde::{Deserialize, Serialize};
use terroir_scene::{Raster, Window};

use crate::blocks::around;
use crate::catalogue::Identity;
use crate::dense::Encoder;
use crate::inputs::{InputBand, Region, read_region_blocking, sample_tiles};
use crate::local::{LocalFeatures, REACH};
use crate::monitor::{JobResult, Monitor};
use crate::projection::{Moments, PROJECTION_SCHEMA, Projection, SPECTRAL_AXES, fit, leading_axes};
use crate::setup::guarded;
use crate::{EmbedSpec, Failure};

/// Windows and pixels a projection is fitted on.
pub(crate) const FIT_WINDOWS: usize = 64;
const FIT_PIXELS: usize = 24_000;

/// The choices behind a field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Design {
    /// Weight of the pixel's own bands.
    pub bands: f64,
    /// Weight of mean and spread over the neighbourhood.
    pub neighbourhood: f64,
    /// Weight of the tokens of an untrained model: together as loud as the bands when 1.
    pub tokens_untrained: f64,
    /// The same with trained weights; measured with a small model after a short pretraining.
    pub tokens_trained: f64,
    /// Scene pixels a side that a patch covers, about.
    pub patch_px: usize,
    /// Exponent on the variances of the axes.
    pub whitening: f64,
    /// Value of the axis that keeps dark and bright apart.
    pub constant: f32,
}

impl Default for Design {
    fn default() -> Self {
        Self {
            bands: 1.0,
            neighbourhood: 1.0,
            tokens_untrained: 0.3,
            tokens_trained: 0.3,
            patch_px: 4,
            whitening: -0.25,
            constant: 1.0,
        }
    }
}

/// Fits the projection on pixels of windows spread over the scene.
pub(crate) fn fit_projection(
    spec: &EmbedSpec,
    design: &Design,
    monitor: &Monitor<'_>,
    raster: &Raster,
    bands: &[InputBand],
    encoder: &Encoder,
    identity: &Identity,
) -> JobResult<Projection> {
    let geometry = encoder.geometry();
    let extent = raster.info().grid.window();
    let windows = sample_tiles(extent, geometry.window, FIT_WINDOWS);
    let each = FIT_PIXELS.div_ceil(windows.len().max(1));
    let mut projection = Projection {
        schema: PROJECTION_SCHEMA,
        model: spec.model.clone(),
        weights: identity.weights.clone(),
        bands: bands.to_vec(),
        spectral_axes: Vec::new(),
        window_px: geometry.window,
        upsampling: geometry.upsampling,
        token_weight: if identity.is_trained {
            design.tokens_trained
        } else {
            design.tokens_untrained
        },
        sampled_pixels: 0,
        shares: Vec::new(),
        components: Vec::new(),
        offset: Vec::new(),
        constant: design.constant,
    };
    if bands.len() > SPECTRAL_AXES {
        projection.spectral_axes = fit_spectral_axes(monitor, raster, bands, &windows, each)?;
    }
    let table = geometry.interpolation();
    let len = projection.local_len() + geometry.width;
    let mut moments = Moments::new(len);
    let mut numbers = vec![0.0f32; len];
    for (done, window) in windows.iter().enumerate() {
        monitor.check()?;
        monitor.progress("fitting the projection", done as u64, windows.len() as u64);
        let region = read_region_blocking(raster, bands, around(*window, extent, REACH))?;
        if !region.valid.contains(&true) {
            continue;
        }
        let features = LocalFeatures::new(&region, &projection.axes());
        let mut image = Vec::new();
        geometry.image_of(&region, *window, bands.len(), &mut image);
        let tokens = guarded(|| encoder.raw_tokens(image))?;
        for (col, row) in spread_pixels(&region, *window, each) {
            let (local, dense) = numbers.split_at_mut(projection.local_len());
            features.pixel(col, row, local);
            let (r0, r1, rs) = table[row - window.row];
            let (c0, c1, cs) = table[col - window.col];
            let token = |r: usize, c: usize| {
                &tokens[(r * geometry.grid + c) * geometry.width..][..geometry.width]
            };
            let (a, b, c, d) = (token(r0, c0), token(r0, c1), token(r1, c0), token(r1, c1));
            for (i, value) in dense.iter_mut().enumerate() {
                let (upper, lower) = (a[i] + (b[i] - a[i]) * cs, c[i] + (d[i] - c[i]) * cs);
                *value = upper + (lower - upper) * rs;
            }
            moments.push(&numbers);
        }
    }
    if moments.count() < 2 {
        return Err(Failure::new(format!(
            "no pixel has a value in every band at once; name fewer bands or choose another scene\n{}",
            spec.scene.display()
        ))
        .into());
    }
    // Tokens together weigh as much as the bands together, times the token weight.
    let covariance = moments.covariance();
    let token_variance: f64 = (projection.local_len()..len)
        .map(|i| covariance[(i, i)].max(0.0))
        .sum();
    let token_scale =
        projection.token_weight * (bands.len() as f64 / token_variance.max(1e-12)).sqrt();
    let scale: Vec<f64> = (0..len)
        .map(|i| match i {
            own if own < bands.len() => design.bands,
            around if around < projection.local_len() => design.neighbourhood,
            _ => token_scale,
        })
        .collect();
    let fit = fit(&moments, &scale, design.whitening);
    projection.sampled_pixels = moments.count();
    projection.components = fit.components;
    projection.offset = fit.offset;
    projection.shares = fit.shares;
    Ok(projection)
}

fn fit_spectral_axes(
    monitor: &Monitor<'_>,
    raster: &Raster,
    bands: &[InputBand],
    windows: &[Window],
    each: usize,
) -> JobResult<Vec<Vec<f32>>> {
    let mut moments = Moments::new(bands.len());
    let mut numbers = vec![0.0f32; bands.len()];
    for (done, window) in windows.iter().enumerate() {
        monitor.check()?;
        monitor.progress("measuring the spectra", done as u64, windows.len() as u64);
        let region = read_region_blocking(raster, bands, *window)?;
        for (col, row) in spread_pixels(&region, *window, each) {
            let at = (row - window.row) * window.width + col - window.col;
            for (band, value) in numbers.iter_mut().enumerate() {
                *value = region.plane(band)[at];
            }
            moments.push(&numbers);
        }
    }
    let (axes, _) = leading_axes(moments.covariance(), SPECTRAL_AXES);
    Ok(axes
        .into_iter()
        .map(|axis| axis.into_iter().map(|value| value as f32).collect())
        .collect())
}

/// At most `count` valid pixels of a window, evenly spread, as scene coordinates.
fn spread_pixels(region: &Region, window: Window, count: usize) -> Vec<(usize, usize)> {
    let valid: Vec<(usize, usize)> = (window.row..window.row + window.height)
        .flat_map(|row| (window.col..window.col + window.width).map(move |col| (col, row)))
        .filter(|(col, row)| {
            region.valid[(row - region.window.row) * region.window.width + col - region.window.col]
        })
        .collect();
    let taken = count.min(valid.len());
    (0..taken).map(|i| valid[i * valid.len() / taken]).collect()
}
