//! The field's vector of each measured place: a point's pixel, or the mean over a polygon scaled to length 1. Read square by square.

use std::collections::BTreeMap;

use terroir_scene::{
    FIELD_AXES, NorthUp, Raster, ValuePlace, ValueSample, Window, decode_planar_pixel,
};

use crate::monitor::{JobResult, Monitor};

/// Side of the squares in which codes are read.
const READ_SIDE: usize = 256;

/// A measured value with what the field says there.
#[derive(Clone, Debug)]
pub(super) struct MeasuredPlace {
    pub value: f64,
    pub vector: [f32; FIELD_AXES],
    /// Length of the mean before it was scaled: 1 where all pixels are the same.
    pub coherence: f64,
    /// Pixels with data.
    pub pixels: u64,
    /// Mean column and row, in pixels of the north-up grid.
    pub at: (f64, f64),
    /// Index in the file.
    pub feature: usize,
    pub is_polygon: bool,
}

impl MeasuredPlace {
    pub fn sample(&self) -> ValueSample {
        ValueSample {
            vector: self.vector,
            value: self.value,
        }
    }
}

/// A pixel of a place.
struct Wanted {
    index: usize,
    col: usize,
    row: usize,
}

/// Places on data, in the file's order.
pub(super) fn read_blocking(
    field: &Raster,
    north_up: &NorthUp,
    places: &[ValuePlace],
    monitor: &Monitor<'_>,
) -> JobResult<Vec<MeasuredPlace>> {
    let grid = &north_up.grid;
    let mut squares: BTreeMap<(usize, usize), Vec<Wanted>> = BTreeMap::new();
    for (index, place) in places.iter().enumerate() {
        for (col, row) in &place.pixels {
            squares
                .entry((row / READ_SIDE, col / READ_SIDE))
                .or_default()
                .push(Wanted {
                    index,
                    col: *col,
                    row: *row,
                });
        }
    }
    let mut sums = vec![([0.0f64; FIELD_AXES], 0u64, (0.0f64, 0.0f64)); places.len()];
    let total = squares.len() as u64;
    for (done, ((square_row, square_col), members)) in squares.into_iter().enumerate() {
        monitor.check()?;
        monitor.progress("reading the field", done as u64, total);
        let (first_row, first_col) = (square_row * READ_SIDE, square_col * READ_SIDE);
        let window = Window {
            col: first_col,
            row: first_row,
            width: READ_SIDE.min(grid.width - first_col),
            height: READ_SIDE.min(grid.height - first_row),
        };
        let codes = north_up.read_codes_blocking(field, window)?;
        for Wanted { index, col, row } in members {
            let at = (row - first_row) * window.width + col - first_col;
            let Some(unit) = decode_planar_pixel(&codes, window.pixels(), at) else {
                continue;
            };
            if let Some((sum, count, place)) = sums.get_mut(index) {
                for (sum, value) in sum.iter_mut().zip(&unit) {
                    *sum += f64::from(*value);
                }
                *count += 1;
                place.0 += col as f64 + 0.5;
                place.1 += row as f64 + 0.5;
            }
        }
    }
    let measured = places
        .iter()
        .zip(sums)
        .filter_map(|(place, (sum, count, at))| {
            let pixels = count as f64;
            let length = sum.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
            (count > 0 && length > 0.0).then(|| MeasuredPlace {
                value: place.value,
                vector: sum.map(|sum| (sum / length) as f32),
                coherence: length / pixels,
                pixels: count,
                at: (at.0 / pixels, at.1 / pixels),
                feature: place.feature,
                is_polygon: place.is_polygon,
            })
        });
    Ok(measured.collect())
}
