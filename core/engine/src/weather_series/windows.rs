//! Overlapping windows over a region, blended so that no seam shows: window = what a network was trained on, raised cosine over
//! the overlap, edges mirrored (spec kg-vsf 7.6). Rows of windows are summed in a fixed order and handed over as soon as no
//! later window reaches them. Knows numbers; knows no networks.

use terroir_scene::Window;

/// Where windows lie along both sides of a region.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct WindowPlan {
    /// Side of a window, pixels.
    pub size: usize,
    /// Pixels two neighbours share.
    pub overlap: usize,
    pub region: Window,
}

impl WindowPlan {
    fn stride(&self) -> usize {
        (self.size - self.overlap).max(1)
    }

    /// First pixels along a side of so many pixels, from the region's edge; the first window reaches half an overlap beyond it.
    fn starts(&self, length: usize) -> impl Iterator<Item = isize> + use<> {
        let (stride, overlap) = (self.stride(), self.overlap);
        (0..length.div_ceil(stride)).map(move |at| (at * stride) as isize - (overlap / 2) as isize)
    }

    /// First rows of the rows of windows.
    pub fn rows(&self) -> Vec<isize> {
        self.starts(self.region.height).collect()
    }

    /// First columns of the windows of a row.
    pub fn columns(&self) -> Vec<isize> {
        self.starts(self.region.width).collect()
    }

    /// First row and first column of every window that shows a pixel, without what it shows of it mirrored. `row`, `column`: of the
    /// pixel, from the region's edge.
    pub fn windows_over(&self, (row, column): (usize, usize)) -> Vec<(isize, isize)> {
        let stride = self.stride();
        let along = |at: usize, length: usize| {
            let reached = at + self.overlap / 2;
            let first = (reached + 1).saturating_sub(self.size).div_ceil(stride);
            let last = (reached / stride).min(length.div_ceil(stride).saturating_sub(1));
            let start =
                move |window: usize| (window * stride) as isize - (self.overlap / 2) as isize;
            (first..=last).map(start)
        };
        along(row, self.region.height)
            .flat_map(|row| along(column, self.region.width).map(move |column| (row, column)))
            .collect()
    }

    /// Weight of each pixel along a side.
    pub fn weights(&self) -> Vec<f32> {
        let overlap = self.overlap.min(self.size / 2);
        let ramp = |at: usize| {
            let share = (at as f64 + 0.5) / overlap as f64;
            (0.5 - 0.5 * (std::f64::consts::PI * share).cos()) as f32
        };
        (0..self.size)
            .map(|at| match at.min(self.size - 1 - at) {
                edge if edge < overlap => ramp(edge),
                _ => 1.0,
            })
            .collect()
    }

    /// The smallest part of a grid that holds mirrored places.
    pub fn part_of(rows: &[usize], columns: &[usize]) -> Window {
        let span = |places: &[usize]| {
            let low = places.iter().copied().min().unwrap_or(0);
            let high = places.iter().copied().max().unwrap_or(0);
            (low, high - low + 1)
        };
        let ((row, height), (col, width)) = (span(rows), span(columns));
        Window {
            col,
            row,
            width,
            height,
        }
    }

    /// Places of a window's pixels along a side of the archive's grid, mirrored at its ends. `from`: first pixel, in the grid.
    pub fn mirrored(from: isize, size: usize, length: usize) -> Vec<usize> {
        let period = 2 * length.max(1) as isize;
        (0..size as isize)
            .map(|at| {
                let place = (from + at).rem_euclid(period);
                place.min(period - 1 - place) as usize
            })
            .collect()
    }
}

/// Sums of the windows of a region, a strip of rows at a time. Planes of everything that is blended, planar.
pub(crate) struct BlendedRows {
    plan: WindowPlan,
    planes: usize,
    /// First row of the strip, from the region's edge.
    first: isize,
    sums: Vec<f32>,
    weights: Vec<f32>,
}

impl BlendedRows {
    pub fn new(plan: WindowPlan, planes: usize) -> Self {
        let pixels = plan.size * plan.region.width;
        Self {
            plan,
            planes,
            first: -((plan.overlap / 2) as isize),
            sums: vec![0.0; planes * pixels],
            weights: vec![0.0; pixels],
        }
    }

    /// Bytes a strip takes.
    pub fn bytes(plan: &WindowPlan, planes: usize) -> usize {
        4 * (planes + 1) * plan.size * plan.region.width
    }

    /// Adds a window of the strip's row of windows. `column`: its first pixel from the region's edge; `values`: planar, NaN where
    /// it says nothing.
    pub fn add(&mut self, column: isize, values: &[f32]) {
        let (size, width) = (self.plan.size, self.plan.region.width);
        let weights = self.plan.weights();
        let (window, strip) = (size * size, size * width);
        for (row, row_weight) in weights.iter().enumerate() {
            for (col, col_weight) in weights.iter().enumerate() {
                let x = column + col as isize;
                if x < 0 || x >= width as isize {
                    continue;
                }
                let (from, to) = (row * size + col, row * width + x as usize);
                // A window says something of a pixel in all planes or in none.
                if values.get(from).is_none_or(|value| value.is_nan()) {
                    continue;
                }
                let weight = row_weight * col_weight;
                self.weights[to] += weight;
                for plane in 0..self.planes {
                    self.sums[plane * strip + to] += weight * values[plane * window + from];
                }
            }
        }
    }

    /// The rows no later window reaches: first row from the region's edge, and planar values, NaN where no window said anything.
    /// The strip moves on. `is_last`: no row of windows follows.
    pub fn finish(&mut self, is_last: bool) -> Option<(usize, Vec<f32>)> {
        let (size, region) = (self.plan.size, self.plan.region);
        let done = if is_last { size } else { self.plan.stride() };
        let width = region.width;
        let rows: Vec<usize> = (0..done)
            .filter(|row| {
                let at = self.first + *row as isize;
                at >= 0 && at < region.height as isize
            })
            .collect();
        let first = rows
            .first()
            .map(|row| (self.first + *row as isize) as usize);
        let strip = size * width;
        let mut out = Vec::with_capacity(self.planes * rows.len() * width);
        for plane in 0..self.planes {
            for row in &rows {
                for at in row * width..(row + 1) * width {
                    let weight = self.weights[at];
                    out.push(match weight > 0.0 {
                        true => self.sums[plane * strip + at] / weight,
                        false => f32::NAN,
                    });
                }
            }
        }
        // What later windows add to moves up.
        let kept = done * width;
        for plane in 0..self.planes {
            let sums = &mut self.sums[plane * strip..(plane + 1) * strip];
            sums.copy_within(kept.., 0);
            sums[strip - kept..].fill(0.0);
        }
        self.weights.copy_within(kept.., 0);
        let end = self.weights.len() - kept;
        self.weights[end..].fill(0.0);
        self.first += done as isize;
        Some((first?, out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(width: usize, height: usize) -> WindowPlan {
        WindowPlan {
            size: 32,
            overlap: 16,
            region: Window {
                col: 5,
                row: 7,
                width,
                height,
            },
        }
    }

    #[test]
    fn every_pixel_is_reached_and_what_is_equal_stays_equal() {
        for (width, height) in [(1, 1), (17, 17), (64, 40), (100, 33)] {
            let plan = plan(width, height);
            let mut rows = BlendedRows::new(plan, 2);
            let mut whole = vec![0.0; 2 * width * height];
            let starts = plan.rows();
            for (number, start) in starts.iter().enumerate() {
                for column in plan.columns() {
                    // Value of a pixel by its place in the region.
                    let values: Vec<f32> = (0..2 * 32 * 32)
                        .map(|at| {
                            let (plane, at) = (at / 1024, at % 1024);
                            let (row, col) =
                                (start + (at / 32) as isize, column + (at % 32) as isize);
                            (row * 1000 + col) as f32 + 0.25 * plane as f32
                        })
                        .collect();
                    rows.add(column, &values);
                }
                if let Some((first, values)) = rows.finish(number + 1 == starts.len()) {
                    let count = values.len() / (2 * width);
                    for plane in 0..2 {
                        for row in 0..count {
                            for col in 0..width {
                                whole[(plane * height + first + row) * width + col] =
                                    values[(plane * count + row) * width + col];
                            }
                        }
                    }
                }
            }
            for plane in 0..2 {
                for row in 0..height {
                    for col in 0..width {
                        let expected = (row * 1000 + col) as f32 + 0.25 * plane as f32;
                        let found = whole[(plane * height + row) * width + col];
                        assert!(
                            (found - expected).abs() < 0.01,
                            "{row} {col}: {found} {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn windows_over_a_pixel_are_all_that_show_it() {
        let plan = plan(70, 41);
        for pixel in [(0, 0), (7, 8), (23, 24), (40, 69)] {
            let shows = |start: isize, at: usize| (0..32).contains(&(at as isize - start));
            let mut expected = Vec::new();
            for row in plan.rows().into_iter().filter(|row| shows(*row, pixel.0)) {
                let columns = plan.columns().into_iter();
                expected.extend(
                    columns
                        .filter(|column| shows(*column, pixel.1))
                        .map(|column| (row, column)),
                );
            }
            assert!(!expected.is_empty());
            assert_eq!(plan.windows_over(pixel), expected, "{pixel:?}");
        }
    }

    #[test]
    fn weights_of_neighbours_add_up_and_edges_are_mirrored() {
        let plan = plan(64, 64);
        let weights = plan.weights();
        for at in 0..16 {
            let both = weights[16 + at] + weights[at];
            assert!((both - 1.0).abs() < 1e-6, "{both}");
        }
        assert_eq!(WindowPlan::mirrored(-2, 6, 3), [1, 0, 0, 1, 2, 2]);
        assert_eq!(WindowPlan::mirrored(0, 5, 1), [0; 5]);
    }

    #[test]
    fn windows_that_say_nothing_leave_gaps() {
        let plan = plan(20, 20);
        let mut rows = BlendedRows::new(plan, 1);
        let starts = plan.rows();
        let mut known = 0;
        for number in 0..starts.len() {
            for (at, column) in plan.columns().into_iter().enumerate() {
                let value = if at == 0 { 1.0 } else { f32::NAN };
                rows.add(column, &[value; 1024]);
            }
            if let Some((_, values)) = rows.finish(number + 1 == starts.len()) {
                known += values.iter().filter(|value| **value == 1.0).count();
            }
        }
        assert_eq!(known, 20 * 20, "the first window reaches all of it");
    }
}
