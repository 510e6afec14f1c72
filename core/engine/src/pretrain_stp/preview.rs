//! What a run shows of itself: for each archive targets beside what the model makes of them, and the field in three colours; and
//! how often neighbours in the field have the same label. Knows rows and pictures. Learns nothing from labels.

use std::path::Path;

use burn::tensor::{Device, Tensor};
use terroir_models::{EMBEDDING, Stp};
use terroir_scene::Source;

use super::rows::Row;
use super::sources::{has_classes, is_radar};
use super::task::frames_of;
use super::watch::nearest_agreement;
use crate::Failure;
use crate::projection::{Moments, leading_axes};
use crate::setup::guarded;
use crate::training::write_picture;

/// Deviations from the mean that are black and white.
const RANGE: f32 = 2.5;
const GREY: u8 = 96;
const GAP: usize = 4;
/// Pictures are enlarged to about this side.
const SIDE_PX: usize = 128;
/// Targets of a row that are shown.
const SHOWN: usize = 2;
/// Rows that are worked on at once.
const TOGETHER: usize = 4;
/// Share of values beyond the ends of the colours.
const BEYOND: f64 = 0.02;

/// A pixel with a label: its row, place in the crop, class, and the ground it lies on (pixels of one polygon are no proof).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labelled {
    pub row: usize,
    pub pixel: usize,
    pub class: u8,
    pub ground: u32,
}

/// Rows that are shown again and again.
#[derive(Default)]
pub struct Previews {
    pub rows: Vec<Row>,
    pub side: usize,
    pub labelled_rows: Vec<Row>,
    pub labels: Vec<Labelled>,
}

impl Previews {
    /// How often a labelled pixel's nearest vector elsewhere has its class; `None` without labels.
    pub fn neighbours(
        &self,
        stp: &Stp,
        sources: &[Source],
        device: &Device,
    ) -> Result<Option<f64>, Failure> {
        if self.labels.is_empty() {
            return Ok(None);
        }
        let plain = device.clone().without_autodiff();
        let mut pixels = Vec::with_capacity(self.labels.len());
        for (chunk, rows) in self.labelled_rows.chunks(TOGETHER).enumerate() {
            let mu = guarded(|| values(field_of(stp, rows, sources, self.side, &plain)))?;
            let plane = self.side * self.side;
            for label in &self.labels {
                let Some(row) = label
                    .row
                    .checked_sub(chunk * TOGETHER)
                    .filter(|row| *row < rows.len())
                else {
                    continue;
                };
                let vector: Vec<f32> = (0..EMBEDDING)
                    .filter_map(|axis| {
                        let at = (row * EMBEDDING + axis) * plane + label.pixel;
                        mu.get(at).copied()
                    })
                    .collect();
                pixels.push((vector, label.class, label.ground));
            }
        }
        Ok(nearest_agreement(&pixels))
    }

    /// Draws the rows as a PNG file.
    pub fn write(
        &self,
        stp: &Stp,
        sources: &[Source],
        device: &Device,
        path: &Path,
    ) -> Result<(), Failure> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let plain = device.clone().without_autodiff();
        let side = self.side;
        let plane = side * side;
        let (mu, drawn) = guarded(|| {
            let (batch, _) = frames_of(&self.rows, sources, side, &plain);
            let encoded = stp.encode(&batch);
            let supports: Vec<(f64, f64)> = self.rows.iter().map(|row| row.support).collect();
            let mu = values(stp.summarise(&encoded, &supports))?;
            let mut drawn: Vec<Option<Vec<f32>>> = Vec::new();
            let mut number = 0;
            for (at, source) in sources.iter().enumerate() {
                if !source.is_target {
                    drawn.push(None);
                    continue;
                }
                let of = |row: &Row| row.targets[at].as_ref().map(|t| (t.period, t.tau));
                let periods: Vec<(f64, f64)> = self
                    .rows
                    .iter()
                    .map(|row| of(row).map_or(row.support, |(period, _)| period))
                    .collect();
                let times: Vec<f64> = self
                    .rows
                    .iter()
                    .map(|row| of(row).map_or(0.5, |(_, tau)| tau))
                    .collect();
                let u = stp.summarise(&encoded, &periods);
                drawn.push(Some(values(stp.decode(number, u, &times, None))?));
                number += 1;
            }
            Ok((mu, drawn))
        })?;
        let colours = colours(&mu, plane);
        let mut lines: Vec<Vec<Vec<u8>>> = Vec::new();
        for (number, row) in self.rows.iter().enumerate() {
            let mut cells = Vec::new();
            let with = (0..sources.len())
                .filter(|at| !has_classes(&sources[*at]))
                .filter_map(|at| Some((at, row.targets[at].as_ref()?, drawn[at].as_ref()?)));
            for (at, target, drawn) in with.take(SHOWN) {
                let bands = sources[at].bands.len();
                let own = drawn.chunks(bands * plane).nth(number).unwrap_or_default();
                let has_band = |band: usize| {
                    let of_band = target.chip.weight.chunks(plane).nth(band);
                    of_band.is_some_and(|weights| weights.iter().any(|weight| *weight > 0.0))
                };
                let channels = channels_of(&sources[at], has_band);
                cells.push(picture(&target.chip.values, channels, plane));
                cells.push(picture(own, channels, plane));
            }
            cells.extend(colours.get(number).cloned());
            lines.push(cells);
        }
        let (width, rgb) = sheet(&lines, side);
        write_picture(path, width, rgb.len() / (3 * width).max(1), &rgb)
    }
}

/// Mean directions [B, 64, L, L] of rows over their support periods.
fn field_of(
    stp: &Stp,
    rows: &[Row],
    sources: &[Source],
    side: usize,
    device: &Device,
) -> Tensor<4> {
    let (batch, _) = frames_of(rows, sources, side, device);
    let supports: Vec<(f64, f64)> = rows.iter().map(|row| row.support).collect();
    stp.summarise(&stp.encode(&batch), &supports)
}

fn values(tensor: Tensor<4>) -> Result<Vec<f32>, String> {
    tensor
        .into_data()
        .try_into_vec::<f32>()
        .map_err(|error| format!("the device did not give the preview back: {error:?}"))
}

/// Bands shown as red, green and blue, of those an image has: by wavelength; of radar the first two and the first again; else
/// one three times.
fn channels_of(source: &Source, has_band: impl Fn(usize) -> bool) -> [usize; 3] {
    let bands = &source.bands;
    let there: Vec<usize> = (0..bands.len()).filter(|band| has_band(*band)).collect();
    if let (true, [first, second, ..]) = (is_radar(source), &there[..]) {
        return [*first, *second, *first];
    }
    let nearest = |wanted: f64| {
        let off = |at: &usize| {
            bands[*at]
                .wavelength_nm
                .map_or(f64::INFINITY, |nm| (nm - wanted).abs())
        };
        there
            .iter()
            .copied()
            .min_by(|a, b| off(a).total_cmp(&off(b)))
    };
    let known = there
        .iter()
        .filter(|band| bands[**band].wavelength_nm.is_some());
    if known.count() < 3 {
        return [there.first().copied().unwrap_or(0); 3];
    }
    [665.0, 560.0, 490.0].map(|nm| nearest(nm).unwrap_or(0))
}

fn picture(values: &[f32], channels: [usize; 3], plane: usize) -> Vec<u8> {
    let grey = |value: f32| ((value / RANGE + 1.0) * 127.5).clamp(0.0, 255.0) as u8;
    (0..plane)
        .flat_map(|at| {
            channels.map(|band| grey(values.get(band * plane + at).copied().unwrap_or(0.0)))
        })
        .collect()
}

/// The three leading components of all rows together, as red, green and blue of each row.
fn colours(mu: &[f32], plane: usize) -> Vec<Vec<u8>> {
    let rows = mu.len() / (EMBEDDING * plane).max(1);
    let vector = |row: usize, at: usize| -> Vec<f32> {
        (0..EMBEDDING)
            .map(|axis| mu[(row * EMBEDDING + axis) * plane + at])
            .collect()
    };
    let mut moments = Moments::new(EMBEDDING);
    for row in 0..rows {
        for at in 0..plane {
            moments.push(&vector(row, at));
        }
    }
    let mean = moments.mean();
    let (axes, _) = leading_axes(moments.covariance(), 3);
    let mut scores: Vec<Vec<f64>> = vec![Vec::with_capacity(rows * plane); axes.len()];
    for row in 0..rows {
        for at in 0..plane {
            let vector = vector(row, at);
            for (axis, scores) in axes.iter().zip(&mut scores) {
                let off = vector.iter().zip(&mean).map(|(v, m)| f64::from(*v) - m);
                scores.push(off.zip(axis).map(|(v, a)| v * a).sum());
            }
        }
    }
    let ends: Vec<(f64, f64)> = scores
        .iter()
        .map(|scores| {
            let mut sorted = scores.clone();
            sorted.sort_by(f64::total_cmp);
            let at = |share: f64| {
                let place = (share * sorted.len() as f64) as usize;
                sorted
                    .get(place.min(sorted.len().saturating_sub(1)))
                    .copied()
                    .unwrap_or(0.0)
            };
            (at(BEYOND), at(1.0 - BEYOND))
        })
        .collect();
    (0..rows)
        .map(|row| {
            (0..plane)
                .flat_map(|at| {
                    let (scores, ends) = (&scores, &ends);
                    (0..3).map(move |axis| {
                        let (Some(scores), Some((low, high))) = (scores.get(axis), ends.get(axis))
                        else {
                            return GREY;
                        };
                        let share = (scores[row * plane + at] - low) / (high - low).max(1e-12);
                        (share * 255.0).clamp(0.0, 255.0) as u8
                    })
                })
                .collect()
        })
        .collect()
}

/// Lines of square pictures, enlarged, with gaps; width and bytes.
fn sheet(lines: &[Vec<Vec<u8>>], side: usize) -> (usize, Vec<u8>) {
    let zoom = (SIDE_PX / side.max(1)).max(1);
    let shown = side * zoom;
    let most = lines.iter().map(Vec::len).max().unwrap_or(0).max(1);
    let width = most * shown + (most - 1) * GAP;
    let mut rgb = Vec::new();
    for (number, cells) in lines.iter().enumerate() {
        if number > 0 {
            rgb.extend(std::iter::repeat_n(GREY, 3 * GAP * width));
        }
        for y in 0..shown {
            let start = rgb.len();
            for (at, cell) in cells.iter().enumerate() {
                if at > 0 {
                    rgb.extend([GREY; 3 * GAP]);
                }
                for x in 0..shown {
                    let from = 3 * ((y / zoom) * side + x / zoom);
                    rgb.extend_from_slice(cell.get(from..from + 3).unwrap_or(&[GREY; 3]));
                }
            }
            rgb.resize(start + 3 * width, GREY);
        }
    }
    (width, rgb)
}

#[cfg(test)]
mod tests {
    use super::super::sources::tests::{band, source};
    use super::*;

    #[test]
    fn colours_follow_what_differs_most() {
        // Two rows of 16 pixels; one axis tells their halves apart.
        let plane = 16;
        let mut mu = vec![0.0; 2 * EMBEDDING * plane];
        for row in 0..2 {
            for at in 0..plane {
                mu[(row * EMBEDDING + 9) * plane + at] = if at < 8 { 0.9 } else { -0.9 };
                mu[(row * EMBEDDING + 3) * plane + at] = 0.1 * row as f32;
            }
        }
        let pictures = colours(&mu, plane);
        assert_eq!((pictures.len(), pictures[0].len()), (2, 48));
        for picture in &pictures {
            assert!(picture[0].abs_diff(picture[3 * 15]) == 255, "{picture:?}");
            assert_eq!(picture[0], picture[3 * 7]);
        }
        assert_ne!(pictures[0][1], pictures[1][1]);
        assert!(colours(&[], plane).is_empty());
    }

    #[test]
    fn sheets_have_whole_lines() {
        let cell = |value: u8| vec![value; 3 * 16];
        let (width, rgb) = sheet(&[vec![cell(1), cell(2), cell(3)], vec![cell(4)]], 4);
        let shown = 128;
        assert_eq!(width, 3 * shown + 2 * GAP);
        assert_eq!(rgb.len(), 3 * width * (2 * shown + GAP));
        assert_eq!(
            (rgb[0], rgb[3 * shown], rgb[3 * (shown + GAP)]),
            (1, GREY, 2)
        );
        let second = 3 * width * (shown + GAP);
        assert_eq!((rgb[second], rgb[second + 3 * shown]), (4, GREY));
    }

    #[test]
    fn channels_are_red_green_and_blue_where_they_are_known() {
        let bands = [
            ("B02", 492.4),
            ("B03", 559.8),
            ("B04", 664.6),
            ("B08", 832.8),
        ];
        let bands = bands.map(|(name, nm)| band(name, nm, 0.0, 1.0));
        let optical = source("s2", bands.to_vec());
        assert_eq!(channels_of(&optical, |_| true), [2, 1, 0]);
        assert_eq!(channels_of(&optical, |band| band != 2), [1, 1, 0]);
        assert_eq!(channels_of(&optical, |band| band == 3), [3; 3]);
        let radar = vec![band("VV", 0.0, 0.0, 1.0), band("VH", 0.0, 0.0, 1.0)];
        assert_eq!(channels_of(&source("s1", radar), |_| true), [0, 1, 0]);
        let one = source("x", vec![band("a", 500.0, 0.0, 1.0)]);
        assert_eq!(channels_of(&one, |_| true), [0; 3]);
    }
}
