//! What jobs cost that read rasters from one end to the other, said before they run: a square in the middle is read and timed.
//! Knows rasters and sizes, not what a job makes of them.

use std::path::Path;
use std::time::Instant;

use terroir_scene::{Archive, ArchiveSpec, Detail, Raster, Resampling, Window};

use crate::monitor::{JobResult, Monitor};
use crate::{Estimate, Failure, device};

/// Side of the square that is read, and about that of the windows of such jobs.
const SIDE: usize = crate::predict::SIDE;
/// What a job holds for a pixel of a square while it works on it, bytes.
const WORK_BYTES: u64 = 256;
/// More bands of a scene are not read to know the speed.
const MOST_BANDS: usize = 8;

/// The same for a job that goes over several, and writes as many pixels as the first has.
pub(crate) fn of_rasters(paths: &[&Path], bytes_a_pixel: u64) -> JobResult<Estimate> {
    let (first, others) = paths
        .split_first()
        .ok_or_else(|| Failure::new("no raster was named"))?;
    let mut whole = of_raster(first, bytes_a_pixel)?;
    for path in others {
        let other = of_raster(path, 0)?;
        whole.pixels += other.pixels;
        whole.windows += other.windows;
        whole.memory_bytes += other.memory_bytes;
        whole.seconds = whole.seconds.zip(other.seconds).map(|(a, b)| a + b);
    }
    Ok(whole)
}

/// A job that goes over one raster and writes `bytes_a_pixel`. The time is that of reading; what the job makes of the pixels,
/// and the writing, come on top.
pub(crate) fn of_raster(path: &Path, bytes_a_pixel: u64) -> JobResult<Estimate> {
    let raster = Raster::open(path)?;
    let grid = &raster.info().grid;
    let pixels = (grid.width * grid.height) as u64;
    let square = middle(grid.window());
    let seconds = seconds_a_pixel(&raster, square)? * pixels as f64;
    Ok(Estimate {
        pixels,
        windows: pixels.div_ceil((SIDE * SIDE) as u64),
        seconds: Some(seconds),
        memory_bytes: square.pixels() as u64 * WORK_BYTES,
        // The working file and the finished one, at worst side by side.
        disk_bytes: 2 * pixels * bytes_a_pixel,
        device: device::CPU.to_owned(),
        notes: Vec::new(),
    })
}

/// What a job makes of an archive's images.
pub(crate) struct ImagesMade {
    /// The part of the grid that is worked on; `None` = all of it.
    pub window: Option<Window>,
    /// Images that are written, and their bands; of a band 32-bit numbers.
    pub count: u64,
    pub bands: u64,
    /// Reading takes most of the time; false where a network works on the images, whose speed is known once it runs.
    pub is_timed: bool,
    pub device: String,
}

/// A job that goes over all images of an archive.
pub(crate) fn of_archive(
    spec: &ArchiveSpec,
    made: &ImagesMade,
    monitor: &Monitor<'_>,
) -> JobResult<Estimate> {
    let archive = Archive::open(spec, None)?;
    monitor.check()?;
    let of_grid = made
        .window
        .unwrap_or_else(|| archive.grid.window())
        .pixels() as u64;
    let frames: Vec<_> = archive.sources.iter().flat_map(|of| &of.frames).collect();
    let first = frames
        .iter()
        .find_map(|frame| frame.files().first().copied());
    let first = first.ok_or_else(|| Failure::new("the archive has no images"))?;
    let raster = Raster::open(first)?;
    let of_pixel = seconds_a_pixel(&raster, middle(raster.info().grid.window()))?;
    let pixels = of_grid * frames.len() as u64;
    Ok(Estimate {
        pixels,
        windows: of_grid.div_ceil((SIDE * SIDE) as u64) * frames.len() as u64,
        seconds: made.is_timed.then_some(of_pixel * pixels as f64),
        memory_bytes: of_grid.min((SIDE * SIDE) as u64) * 8 * (frames.len() as u64 + made.count),
        disk_bytes: of_grid * made.count * made.bands * 4,
        device: made.device.clone(),
        notes: archive.notes.clone(),
    })
}

/// Reads a square as a job would: the codes of a field, the first bands of a scene.
fn seconds_a_pixel(raster: &Raster, square: Window) -> JobResult<f64> {
    let (width, height) = (square.width, square.height);
    let clock = Instant::now();
    if raster.info().is_field() {
        raster.read_codes_blocking(square, width, height)?;
    } else {
        let bands: Vec<usize> = (0..raster.info().bands.len().min(MOST_BANDS)).collect();
        let (nearest, whole) = (Resampling::Nearest, Detail::Full);
        raster.read_planes_blocking(&bands, square, width, height, nearest, whole)?;
    }
    Ok(clock.elapsed().as_secs_f64() / square.pixels().max(1) as f64)
}

/// The square in the middle of an extent, or all of a smaller one.
fn middle(extent: Window) -> Window {
    let (width, height) = (extent.width.min(SIDE), extent.height.min(SIDE));
    Window {
        col: extent.col + (extent.width - width) / 2,
        row: extent.row + (extent.height - height) / 2,
        width,
        height,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_lies_in_the_middle_and_inside() {
        let of = |width, height| {
            middle(Window {
                col: 10,
                row: 20,
                width,
                height,
            })
        };
        let square = of(SIDE * 3, SIDE);
        assert_eq!((square.col, square.row), (10 + SIDE, 20));
        assert_eq!((square.width, square.height), (SIDE, SIDE));
        let small = of(3, 5);
        assert_eq!(
            (small.col, small.row, small.width, small.height),
            (10, 20, 3, 5)
        );
        assert_eq!(of(0, 0).pixels(), 0);
    }
}
