//! Reading an archive: a window of one image on the archive's grid, in its measure, with what is missing and what is
//! under clouds; and the statistics of all of it. Opened files are kept, a bounded number of them.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::archive::{Archive, Piece};
use crate::archive_grid::{Lattice, is_on, lattice};
use crate::{
    Detail, Grid, MaskSource, Measure, Plane, Raster, Resampling, SceneError, SceneResult, Source,
    Window, hidden_pixels_blocking, plan_windows,
};

/// Files kept open. Reads go through all images again and again, so the first ones stay and later ones are closed.
const MOST_OPEN: usize = 192;
/// Side of the windows whose pixels make the statistics, and how many of an image's windows are looked at.
const STATISTICS_PX: usize = 256;
const STATISTICS_WINDOWS: usize = 16;

/// One image over a window, planar.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameBlock {
    pub bands: usize,
    pub height: usize,
    pub width: usize,
    /// `[bands, height, width]` in the measures of the source; 0 where missing.
    pub values: Vec<f32>,
    /// `[bands, height, width]`: false for nodata, outside the image, and in bands the image lacks.
    pub is_valid: Vec<bool>,
    /// `[height, width]`: false under clouds and their shadows, where a mask tells; true without a mask.
    pub is_clear: Vec<bool>,
}

impl FrameBlock {
    /// The values as a network sees them, missing ones 0 (the mean; spec stp 2.2).
    pub fn normalised(&self, source: &Source) -> Vec<f32> {
        let pixels = (self.height * self.width).max(1);
        let mut out = vec![0.0; self.values.len()];
        let planes = self.values.chunks_exact(pixels);
        let valid = self.is_valid.chunks_exact(pixels);
        for (((values, valid), out), band) in planes
            .zip(valid)
            .zip(out.chunks_exact_mut(pixels))
            .zip(&source.bands)
        {
            for ((value, is_valid), out) in values.iter().zip(valid).zip(out) {
                if *is_valid {
                    *out = band.normalise(*value);
                }
            }
        }
        out
    }

    /// Whether any pixel of any band was measured.
    pub fn has_values(&self) -> bool {
        self.is_valid.contains(&true)
    }

    /// Pixels with any band measured and no cloud above, one a pixel.
    pub fn is_usable(&self) -> Vec<bool> {
        let pixels = self.height * self.width;
        (0..pixels)
            .map(|at| {
                self.is_clear[at] && (0..self.bands).any(|band| self.is_valid[band * pixels + at])
            })
            .collect()
    }
}

/// Opened rasters, each used by one thread at a time.
#[derive(Default)]
pub(crate) struct OpenFiles(Mutex<Vec<(PathBuf, Raster)>>);

impl std::fmt::Debug for OpenFiles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OpenFiles")
    }
}

impl OpenFiles {
    fn with<T>(&self, path: &Path, read: impl FnOnce(&Raster) -> SceneResult<T>) -> SceneResult<T> {
        let taken = {
            let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let place = open.iter().position(|(known, _)| known == path);
            place.map(|place| open.swap_remove(place).1)
        };
        let raster = match taken {
            Some(raster) => raster,
            None => Raster::open(path)?,
        };
        let result = read(&raster);
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() < MOST_OPEN {
            open.push((path.to_owned(), raster));
        }
        result
    }
}

/// Count, mean and squared deviations of a band's scaled values; parts are joined.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BandSums {
    pub count: u64,
    pub mean: f64,
    pub squares: f64,
}

impl BandSums {
    fn add(&mut self, value: f64) {
        self.count += 1;
        let step = value - self.mean;
        self.mean += step / self.count as f64;
        self.squares += step * (value - self.mean);
    }

    /// As if the values of both had been added to one.
    pub fn join(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (a, b) = (self.count as f64, other.count as f64);
        let step = other.mean - self.mean;
        self.mean += step * b / (a + b);
        self.squares += other.squares + step * step * a * b / (a + b);
        self.count += other.count;
    }

    /// 1 where nothing was measured or nothing differs.
    pub fn deviation(&self) -> f64 {
        let deviation = (self.squares / self.count.max(1) as f64).sqrt();
        if deviation > 0.0 { deviation } else { 1.0 }
    }
}

impl Archive {
    /// A window (inside the grid) of one image. Images on other grids are resampled: bilinear, classes and masks by the
    /// nearest pixel; finer ones are averaged.
    ///
    /// # Errors
    /// A file that cannot be read any more, or no such image.
    pub fn read_blocking(
        &self,
        source: usize,
        frame: usize,
        window: Window,
    ) -> SceneResult<FrameBlock> {
        let found = self
            .sources
            .get(source)
            .and_then(|source| Some((source, source.frames.get(frame)?)));
        let Some((source, frame)) = found else {
            return Err(SceneError::input("there is no such image in the archive"));
        };
        let inside = self.grid.window().intersection(&window);
        if inside != Some(window) {
            return Err(SceneError::input(
                "this part lies outside the grid of the archive",
            ));
        }
        let pixels = window.pixels();
        let mut block = FrameBlock {
            bands: source.source.bands.len(),
            height: window.height,
            width: window.width,
            values: vec![0.0; source.source.bands.len() * pixels],
            is_valid: vec![false; source.source.bands.len() * pixels],
            is_clear: vec![true; pixels],
        };
        for piece in &frame.pieces {
            self.read_piece(piece, window, &mut block)?;
        }
        Ok(block)
    }

    fn read_piece(&self, piece: &Piece, window: Window, block: &mut FrameBlock) -> SceneResult<()> {
        if piece.grid.same_as(&self.grid) {
            let planes = self.planes(
                piece,
                window,
                (window.width, window.height),
                Resampling::Nearest,
            )?;
            for (band, (values, valid)) in piece.bands.iter().zip(planes) {
                block.put(band.slot, values, valid);
            }
            if let Some(mask) = &piece.mask {
                let hidden = self.hidden(mask, &piece.grid, window, window.width, window.height)?;
                block.hide(&hidden);
            }
            return Ok(());
        }
        let Some(lattice) = lattice(&self.grid, window, &piece.grid) else {
            return Ok(());
        };
        let Some(part) = lattice.bounds(&piece.grid) else {
            return Ok(());
        };
        let (across, down) = lattice.step();
        // Finer images are averaged down to about the grid's pixels first.
        let reduced = |size: usize, step: f64| size.div_ceil((step.floor() as usize).max(1));
        let (width, height) = (reduced(part.width, across), reduced(part.height, down));
        let is_reduced = (width, height) != (part.width, part.height);
        let has_classes = piece
            .bands
            .iter()
            .any(|band| band.measure == Measure::Classes);
        let resampling = if is_reduced && !has_classes {
            Resampling::Average
        } else {
            Resampling::Nearest
        };
        let planes = self.planes(piece, part, (width, height), resampling)?;
        let view = View {
            lattice: &lattice,
            grid: &piece.grid,
            part,
            width,
            height,
        };
        for (band, (values, valid)) in piece.bands.iter().zip(planes) {
            let (values, valid) = if band.measure == Measure::Classes {
                view.nearest(&values, &valid)
            } else {
                view.bilinear(&values, &valid)
            };
            block.put(band.slot, values, valid);
        }
        if let Some(mask) = &piece.mask {
            let hidden = self.hidden(mask, &piece.grid, part, width, height)?;
            let (_, hidden) = view.nearest(&vec![0.0; hidden.len()], &hidden);
            block.hide(&hidden);
        }
        Ok(())
    }

    /// The bands of a piece over a part of its file, in their measures.
    fn planes(
        &self,
        piece: &Piece,
        part: Window,
        (width, height): (usize, usize),
        resampling: Resampling,
    ) -> SceneResult<Vec<(Vec<f32>, Vec<bool>)>> {
        let numbers: Vec<usize> = piece.bands.iter().map(|band| band.band).collect();
        let mut planes: Vec<Plane> = self.files.with(&piece.path, |raster| {
            raster.read_planes_blocking(&numbers, part, width, height, resampling, Detail::Full)
        })?;
        let may_be_empty: Vec<usize> = (0..piece.bands.len())
            .filter(|at| piece.bands[*at].is_zero_missing)
            .collect();
        if !may_be_empty.is_empty() {
            for pixel in 0..width * height {
                if may_be_empty
                    .iter()
                    .all(|at| planes[*at].values[pixel] == 0.0)
                {
                    may_be_empty
                        .iter()
                        .for_each(|at| planes[*at].valid[pixel] = false);
                }
            }
        }
        Ok(piece
            .bands
            .iter()
            .zip(planes)
            .map(
                |(
                    band,
                    Plane {
                        mut values,
                        mut valid,
                    },
                )| {
                    for (value, valid) in values.iter_mut().zip(&mut valid) {
                        let read = if *valid {
                            band.reading.value(*value)
                        } else {
                            None
                        };
                        *valid = read.is_some();
                        *value = read.unwrap_or(0.0);
                    }
                    (values, valid)
                },
            )
            .collect())
    }

    fn hidden(
        &self,
        mask: &MaskSource,
        grid: &Grid,
        window: Window,
        width: usize,
        height: usize,
    ) -> SceneResult<Vec<bool>> {
        self.files.with(&mask.path, |raster| {
            hidden_pixels_blocking(raster, mask, grid, window, width, height)
        })
    }

    /// Sums of the scaled values of every band of every source, from windows spread over each image, clouds and all
    /// (spec stp 2.2). `go_on` is told images done and all of them, and ends it with `false`.
    ///
    /// # Errors
    /// A file that cannot be read, or [`SceneError::Cancelled`].
    pub fn sums_blocking(
        &self,
        mut go_on: impl FnMut(u64, u64) -> bool,
    ) -> SceneResult<Vec<Vec<BandSums>>> {
        let windows = plan_windows(self.grid.window(), STATISTICS_PX, 0);
        let step = windows.len().div_ceil(STATISTICS_WINDOWS).max(1);
        let total: usize = self.sources.iter().map(|source| source.frames.len()).sum();
        let mut done = 0_u64;
        let mut all = Vec::with_capacity(self.sources.len());
        for (number, source) in self.sources.iter().enumerate() {
            let bands = &source.source.bands;
            let mut sums = vec![BandSums::default(); bands.len()];
            for frame in 0..source.frames.len() {
                // Other windows in the next image, so that all of the place is seen.
                for window in windows.iter().skip(frame % step).step_by(step) {
                    if !go_on(done, total as u64) {
                        return Err(SceneError::Cancelled);
                    }
                    let block = self.read_blocking(number, frame, *window)?;
                    let pixels = window.pixels().max(1);
                    for ((band, sums), (values, valid)) in bands.iter().zip(&mut sums).zip(
                        block
                            .values
                            .chunks_exact(pixels)
                            .zip(block.is_valid.chunks_exact(pixels)),
                    ) {
                        for (value, _) in values.iter().zip(valid).filter(|(_, valid)| **valid) {
                            sums.add(band.measure.scaled(f64::from(*value)));
                        }
                    }
                }
                done += 1;
            }
            all.push(sums);
        }
        go_on(total as u64, total as u64);
        Ok(all)
    }

    /// Gives every source's bands the mean and deviation of this archive; classes keep 0 and 1.
    ///
    /// # Errors
    /// As [`Self::sums_blocking`].
    pub fn fit_statistics(&mut self, go_on: impl FnMut(u64, u64) -> bool) -> SceneResult<()> {
        let sums = self.sums_blocking(go_on)?;
        for (source, sums) in self.sources.iter_mut().zip(&sums) {
            source.source.set_statistics(sums);
        }
        Ok(())
    }
}

impl Source {
    /// Mean and deviation of every band from sums, one a band; classes and bands without a value keep theirs.
    pub fn set_statistics(&mut self, sums: &[BandSums]) {
        for (band, sums) in self.bands.iter_mut().zip(sums) {
            if band.measure != Measure::Classes && sums.count > 0 {
                band.mean = sums.mean;
                band.deviation = sums.deviation();
            }
        }
    }
}

impl FrameBlock {
    fn put(&mut self, slot: usize, values: Vec<f32>, valid: Vec<bool>) {
        let pixels = self.height * self.width;
        let range = slot * pixels..(slot + 1) * pixels;
        if let (Some(own), Some(own_valid)) = (
            self.values.get_mut(range.clone()),
            self.is_valid.get_mut(range),
        ) {
            own.copy_from_slice(&values);
            own_valid.copy_from_slice(&valid);
        }
    }

    fn hide(&mut self, hidden: &[bool]) {
        for (clear, hidden) in self.is_clear.iter_mut().zip(hidden) {
            *clear &= !hidden;
        }
    }
}

/// A part of another grid's pixels, seen from the lattice.
struct View<'a> {
    lattice: &'a Lattice,
    grid: &'a Grid,
    part: Window,
    /// Of the read part, which may be reduced.
    width: usize,
    height: usize,
}

impl View<'_> {
    /// Places of the lattice in pixels of the read part; `None` off the image.
    fn places(&self) -> impl Iterator<Item = Option<(f64, f64)>> {
        let scale = (
            self.width as f64 / self.part.width as f64,
            self.height as f64 / self.part.height as f64,
        );
        self.lattice
            .cols
            .iter()
            .zip(&self.lattice.rows)
            .map(move |(col, row)| {
                is_on(self.grid, *col, *row).then(|| {
                    (
                        (col - self.part.col as f64) * scale.0,
                        (row - self.part.row as f64) * scale.1,
                    )
                })
            })
    }

    fn nearest(&self, values: &[f32], valid: &[bool]) -> (Vec<f32>, Vec<bool>) {
        self.places()
            .map(|place| {
                let Some((x, y)) = place else {
                    return (0.0, false);
                };
                let at = (y.max(0.0) as usize).min(self.height - 1) * self.width
                    + (x.max(0.0) as usize).min(self.width - 1);
                (values[at], valid[at])
            })
            .unzip()
    }

    /// The mean of the valid neighbours by their shares, where these are at least half.
    fn bilinear(&self, values: &[f32], valid: &[bool]) -> (Vec<f32>, Vec<bool>) {
        let axis = |place: f64, size: usize| {
            let place = (place - 0.5).clamp(0.0, (size - 1) as f64);
            let low = place.floor();
            (
                low as usize,
                (low as usize + 1).min(size - 1),
                (place - low) as f32,
            )
        };
        self.places()
            .map(|place| {
                let Some((x, y)) = place else {
                    return (0.0, false);
                };
                let ((left, right, u), (top, bottom, v)) =
                    (axis(x, self.width), axis(y, self.height));
                let (mut sum, mut weight) = (0.0_f32, 0.0_f32);
                for (row, col, share) in [
                    (top, left, (1.0 - u) * (1.0 - v)),
                    (top, right, u * (1.0 - v)),
                    (bottom, left, (1.0 - u) * v),
                    (bottom, right, u * v),
                ] {
                    let at = row * self.width + col;
                    if valid[at] && share > 0.0 {
                        sum += share * values[at];
                        weight += share;
                    }
                }
                if weight >= 0.499 {
                    (sum / weight, true)
                } else {
                    (0.0, false)
                }
            })
            .unzip()
    }
}
