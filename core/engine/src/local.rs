//! What a pixel shows by itself and with its neighbours: its own normalised bands, and the mean and spread
//! of the spectrum over a small square around it. The part of a field that keeps single pixels sharp.

use terroir_scene::Window;

use crate::inputs::Region;

/// Pixels from the centre to the edge of the neighbourhood: a 5 x 5 square.
pub const REACH: usize = 2;

/// Spectral axes: what the neighbourhood is measured on. Few bands are taken as they are, many through their
/// leading principal components (rows: axes, columns: bands).
#[derive(Clone, Debug, PartialEq)]
pub enum SpectralAxes<'a> {
    Bands(usize),
    Components(&'a [Vec<f32>]),
}

impl SpectralAxes<'_> {
    pub fn len(&self) -> usize {
        match self {
            Self::Bands(count) => *count,
            Self::Components(rows) => rows.len(),
        }
    }
}

/// Local features of the pixels of a window inside a region.
pub struct LocalFeatures<'a> {
    region: &'a Region,
    bands: usize,
    /// Axis planes over the region, zero where missing.
    axes: Vec<Vec<f32>>,
}

impl<'a> LocalFeatures<'a> {
    pub fn new(region: &'a Region, axes: &SpectralAxes<'_>) -> Self {
        let pixels = region.window.width * region.window.height;
        let bands = region.values.len().checked_div(pixels).unwrap_or(0);
        let axes = match axes {
            SpectralAxes::Bands(count) => (0..*count)
                .map(|band| region.plane(band).to_vec())
                .collect(),
            SpectralAxes::Components(rows) => rows
                .iter()
                .map(|row| {
                    let mut plane = vec![0.0f32; pixels];
                    for (band, weight) in row.iter().enumerate() {
                        for (sum, value) in plane.iter_mut().zip(region.plane(band)) {
                            *sum += weight * value;
                        }
                    }
                    plane
                })
                .collect(),
        };
        Self {
            region,
            bands,
            axes,
        }
    }

    /// Numbers a pixel: bands, then means, then spreads.
    pub fn len(&self) -> usize {
        self.bands + 2 * self.axes.len()
    }

    /// Writes the features of the pixel at (`col`, `row`) of the scene into `out` (`len` numbers).
    /// Missing neighbours do not count; the order of the sums is fixed, so a pixel gets the same numbers from every region.
    pub fn pixel(&self, col: usize, row: usize, out: &mut [f32]) {
        let Window {
            col: left,
            row: top,
            width,
            height,
        } = self.region.window;
        let (x, y) = (col - left, row - top);
        let (own, around) = out.split_at_mut(self.bands);
        let pixels = width * height;
        for (band, value) in own.iter_mut().enumerate() {
            *value = self.region.values[band * pixels + y * width + x];
        }
        let (means, spreads) = around.split_at_mut(self.axes.len());
        means.fill(0.0);
        spreads.fill(0.0);
        let mut count = 0.0f32;
        for ny in y.saturating_sub(REACH)..(y + REACH + 1).min(height) {
            for nx in x.saturating_sub(REACH)..(x + REACH + 1).min(width) {
                let at = ny * width + nx;
                if !self.region.valid[at] {
                    continue;
                }
                count += 1.0;
                for ((plane, mean), square) in self
                    .axes
                    .iter()
                    .zip(means.iter_mut())
                    .zip(spreads.iter_mut())
                {
                    let value = plane[at];
                    *mean += value;
                    *square += value * value;
                }
            }
        }
        let share = 1.0 / count.max(1.0);
        for (mean, spread) in means.iter_mut().zip(spreads.iter_mut()) {
            *mean *= share;
            *spread = (*spread * share - *mean * *mean).max(0.0).sqrt();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn region(width: usize, height: usize) -> Region {
        let pixels = width * height;
        let values: Vec<f32> = (0..2 * pixels)
            .map(|i| ((i * 37) % 11) as f32 - 5.0)
            .collect();
        Region {
            window: Window {
                col: 10,
                row: 20,
                width,
                height,
            },
            values,
            valid: vec![true; pixels],
        }
    }

    #[test]
    fn a_single_pixel_is_its_own_neighbourhood() {
        let region = region(1, 1);
        let features = LocalFeatures::new(&region, &SpectralAxes::Bands(2));
        let mut out = vec![0.0; features.len()];
        features.pixel(10, 20, &mut out);
        assert_eq!(out[..2], out[2..4]);
        assert_eq!(out[4..], [0.0, 0.0]);
    }

    #[test]
    fn missing_neighbours_do_not_count() {
        let mut region = region(5, 5);
        region
            .valid
            .iter_mut()
            .enumerate()
            .for_each(|(i, valid)| *valid = i == 12);
        let features = LocalFeatures::new(&region, &SpectralAxes::Bands(2));
        let mut out = vec![0.0; features.len()];
        features.pixel(12, 22, &mut out);
        assert_eq!(out[0], out[2]);
        assert_eq!(out[4], 0.0);
    }

    #[test]
    fn mean_and_spread_agree_with_a_plain_sum() {
        let region = region(9, 9);
        let features = LocalFeatures::new(&region, &SpectralAxes::Bands(2));
        let mut out = vec![0.0; features.len()];
        features.pixel(14, 24, &mut out);
        let around: Vec<f32> = (2..7)
            .flat_map(|y| (2..7).map(move |x| y * 9 + x))
            .map(|at| region.values[at])
            .collect();
        let mean = around.iter().sum::<f32>() / 25.0;
        let spread = (around.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / 25.0).sqrt();
        assert!((out[2] - mean).abs() < 1e-5 && (out[4] - spread).abs() < 1e-4);
    }
}
