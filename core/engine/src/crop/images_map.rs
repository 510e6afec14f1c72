//! A map made of the images themselves, without any model: harmonics or all bands of all dates of every pixel, and a random forest.
//! Knows archives, tables and labels; knows no tensors.

use terroir_scene::{Archive, FeatureTable, LabelledPixel, TableForest, Window};

use super::map::{CropMap, Labelled};
use crate::evaluate::ImageNumbers;
use crate::monitor::{JobResult, Monitor, Stop};

/// Labelled pixels a forest is grown on; of more an even part.
const MOST_TAUGHT: usize = 20_000;
/// Numbers of a window that are held at once.
const WINDOW_NUMBERS: usize = 8 << 20;
const MOST_SIDE: usize = 256;

/// A forest on what a description says of a pixel.
pub(super) struct ImageForest<'a> {
    archive: &'a Archive,
    numbers: ImageNumbers,
    forest: TableForest,
    classes: usize,
    /// What stands where nothing is known, column by column.
    means: Vec<f32>,
}

impl<'a> ImageForest<'a> {
    /// Grows the forest on labelled pixels.
    ///
    /// # Errors
    /// No image in the period, no label where one shows something, a file that cannot be read, a cancel.
    pub fn grow_blocking(
        archive: &'a Archive,
        numbers: ImageNumbers,
        labelled: &Labelled,
        seed: u64,
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        let step = labelled.pixels.len().div_ceil(MOST_TAUGHT).max(1);
        let mut taught: Vec<&LabelledPixel> = labelled.pixels.iter().step_by(step).collect();
        let side = side_of(&numbers);
        taught.sort_by_key(|pixel| (pixel.row / side, pixel.col / side, pixel.row, pixel.col));
        let width = numbers.width();
        let (mut rows, mut class): (Vec<f32>, Vec<usize>) = (Vec::new(), Vec::new());
        let squares: Vec<&[&LabelledPixel]> = taught
            .chunk_by(|a, b| (a.row / side, a.col / side) == (b.row / side, b.col / side))
            .collect();
        let total = (squares.len() * numbers.images()) as u64;
        let mut done = 0;
        for pixels in squares {
            let Some(first) = pixels.first() else {
                continue;
            };
            let window = square(archive, first.row / side, first.col / side, side);
            let positions: Vec<usize> = pixels
                .iter()
                .map(|pixel| (pixel.row - window.row) * window.width + pixel.col - window.col)
                .collect();
            let mut go_on = || {
                monitor.progress("reading the labelled pixels", done, total);
                done += 1;
                !monitor.is_cancelled()
            };
            let values = numbers.read_blocking(archive, window, &positions, &mut go_on)?;
            for (pixel, row) in pixels.iter().zip(values.chunks_exact(width.max(1))) {
                if row.iter().any(|value| value.is_finite()) {
                    rows.extend_from_slice(row);
                    class.push(labelled.class_of(pixel));
                }
            }
        }
        if class.is_empty() {
            return Err(Stop::nothing_seen(
                "no image shows a labelled pixel; label other places, or choose more days",
            ));
        }
        let means = means_of(&rows, width);
        let table = table_of(&rows, width, &means);
        monitor.progress("growing the forest", 0, 1);
        let classes = labelled.classes.len();
        let forest = TableForest::of_classes(&table, &class, classes, seed, &|| false)?;
        Ok(Self {
            archive,
            numbers,
            forest,
            classes,
            means,
        })
    }

    /// Writes the map of the whole place.
    ///
    /// # Errors
    /// A file that cannot be read or written; a cancel.
    pub fn map_blocking(&self, map: &mut CropMap, monitor: &Monitor<'_>) -> JobResult<()> {
        let (side, width) = (side_of(&self.numbers), self.numbers.width());
        let grid = &self.archive.grid;
        let across = grid.width.div_ceil(side);
        let count = across * grid.height.div_ceil(side);
        let total = (count * self.numbers.images()) as u64;
        let mut done = 0;
        for at in 0..count {
            monitor.check()?;
            let window = square(self.archive, at / across, at % across, side);
            let positions: Vec<usize> = (0..window.pixels()).collect();
            let mut go_on = || {
                monitor.progress("classifying", done, total);
                done += 1;
                !monitor.is_cancelled()
            };
            let values =
                self.numbers
                    .read_blocking(self.archive, window, &positions, &mut go_on)?;
            let table = table_of(&values, width, &self.means);
            let found = self.forest.means(&table);
            let mut shares = vec![f32::NAN; self.classes * window.pixels()];
            for (pixel, (row, of_pixel)) in values
                .chunks_exact(width.max(1))
                .zip(found.chunks_exact(self.classes.max(1)))
                .enumerate()
            {
                if row.iter().any(|value| value.is_finite()) {
                    for (class, share) in of_pixel.iter().enumerate() {
                        shares[class * window.pixels() + pixel] = *share as f32;
                    }
                }
            }
            map.write(window, &shares)?;
        }
        Ok(())
    }
}

/// Side of the squares that are read at once.
fn side_of(numbers: &ImageNumbers) -> usize {
    let pixels = WINDOW_NUMBERS / numbers.width().max(1);
    (pixels as f64).sqrt().floor().clamp(8.0, MOST_SIDE as f64) as usize
}

/// A square of the grid, cut at its edge.
fn square(archive: &Archive, row: usize, col: usize, side: usize) -> Window {
    let grid = &archive.grid;
    let (row, col) = (row * side, col * side);
    Window {
        col,
        row,
        width: side.min(grid.width.saturating_sub(col)),
        height: side.min(grid.height.saturating_sub(row)),
    }
}

/// Mean of what is known, column by column.
fn means_of(rows: &[f32], width: usize) -> Vec<f32> {
    let (mut sums, mut counts) = (vec![0.0_f64; width], vec![0_u32; width]);
    for row in rows.chunks_exact(width.max(1)) {
        for ((sum, count), value) in sums.iter_mut().zip(&mut counts).zip(row) {
            if value.is_finite() {
                *sum += f64::from(*value);
                *count += 1;
            }
        }
    }
    sums.iter()
        .zip(counts)
        .map(|(sum, count)| (sum / f64::from(count.max(1))) as f32)
        .collect()
}

fn table_of(rows: &[f32], width: usize, means: &[f32]) -> FeatureTable {
    let mut table = FeatureTable::new(width);
    let mut filled = vec![0.0; width];
    for row in rows.chunks_exact(width.max(1)) {
        for ((filled, value), mean) in filled.iter_mut().zip(row).zip(means) {
            *filled = if value.is_finite() { *value } else { *mean };
        }
        table.push(&filled);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_are_filled_with_what_is_usual() {
        let rows = [1.0, f32::NAN, 3.0, 8.0];
        let means = means_of(&rows, 2);
        assert_eq!(means, [2.0, 8.0]);
        let table = table_of(&rows, 2, &means);
        assert_eq!(table.row(0), [1.0, 8.0]);
        assert_eq!(table.row(1), [3.0, 8.0]);
    }
}
