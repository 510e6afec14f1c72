//! Reads the pixels a sample plan names, of bands or of a channel, and what an overview holds beside them. Opening a raster
//! waits for this, so that two threads share the blocks. Knows nothing of what is made of the numbers.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sample_plan::SamplePlan;
use crate::strata::Looked;
use crate::{
    Block, Channel, ChannelSource, Detail, Plane, Raster, Resampling, SceneError, SceneResult,
    Window, is_remote,
};

/// Fewer valid pixels than this make percentiles too rough.
const ENOUGH_PIXELS: usize = 10_000;
/// Pixels of an overview that are kept, and rows of it that are read at once.
const OVERVIEW_KEPT: usize = 1 << 18;
const OVERVIEW_ROWS: usize = 16;
/// Windows of a small raster below this are read through one handle.
const WORTH_A_SECOND_HANDLE: usize = 16;

/// What is measured.
#[derive(Clone, Copy)]
pub(crate) enum Subject<'a> {
    Bands(&'a [usize]),
    Channel(&'a Channel),
}

impl Subject<'_> {
    fn count(self) -> usize {
        match self {
            Self::Bands(bands) => bands.len(),
            Self::Channel(_) => 1,
        }
    }

    /// One plane a band, read together, so that blocks that hold all of them are read once.
    fn read(self, raster: &Raster, window: Window, out: (usize, usize)) -> SceneResult<Vec<Plane>> {
        let read = |bands: &[usize]| {
            let (full, nearest) = (Detail::Full, Resampling::Nearest);
            raster.read_planes_blocking(bands, window, out.0, out.1, nearest, full)
        };
        let channel = match self {
            Self::Bands(bands) => return read(bands),
            Self::Channel(channel) => channel,
        };
        let mut planes = match &channel.source {
            ChannelSource::Band(band) => read(&[*band])?,
            ChannelSource::Derived(derivation) => {
                let Block { values, valid, .. } =
                    raster.read_derived_blocking(derivation, window, out.0, out.1)?;
                vec![Plane { values, valid }]
            }
        };
        for plane in planes.iter_mut().filter(|_| channel.decibel) {
            for (value, valid) in plane.values.iter_mut().zip(&mut plane.valid) {
                *valid &= *value > 0.0;
                *value = crate::shading::decibels(*value);
            }
        }
        Ok(planes)
    }
}

/// The pixels of one band or channel that were looked at, and all valid ones of its overview.
#[derive(Default)]
pub(crate) struct Sample {
    pub looked: Looked,
    overview: Vec<f32>,
}

/// An overview with every so many of its rows and columns.
struct Overview {
    width: usize,
    height: usize,
    step: usize,
    /// One a band, NaN where a pixel is missing.
    planes: Vec<Vec<f32>>,
}

/// What one window brought of one band or channel.
#[derive(Default)]
struct Pixels {
    values: Vec<f32>,
    /// Where they lie in the raster; only beside an overview.
    places: Vec<(u32, u32)>,
}

impl Sample {
    /// One a band of the subject.
    pub fn read_blocking(
        raster: &Raster,
        subject: Subject,
        plan: &SamplePlan,
    ) -> SceneResult<Vec<Self>> {
        let (sure, spare) = plan.windows.split_at(plan.first.min(plan.windows.len()));
        let whole = raster.info().grid.window();
        let (overview, parts) = side_by_side(raster, subject, plan, sure)?;
        let mut found: Vec<Self> = (0..subject.count()).map(|_| Self::default()).collect();
        let beside = |at: usize, place: &(u32, u32)| {
            let overview = overview.as_ref()?;
            overview.value(at, (place.0 as usize, place.1 as usize), &whole)
        };
        let take = |found: &mut [Self], part: Vec<Pixels>| {
            for (at, (sample, mut pixels)) in found.iter_mut().zip(part).enumerate() {
                let places = pixels.places.iter();
                let besides = places.map(|place| beside(at, place).unwrap_or(f32::NAN));
                sample.looked.beside.extend(besides);
                sample.looked.values.append(&mut pixels.values);
            }
        };
        for part in parts {
            take(&mut found, part);
        }
        for window in spare {
            let mut counts = found.iter().map(|sample| sample.looked.values.len());
            if counts.all(|count| count >= ENOUGH_PIXELS) {
                break;
            }
            let part = pixels_of(raster, subject, plan, *window)?;
            take(&mut found, part);
        }
        let planes = overview.into_iter().flat_map(|overview| overview.planes);
        for (sample, mut plane) in found.iter_mut().zip(planes) {
            plane.retain(|value| value.is_finite());
            sample.overview = plane;
        }
        Ok(found)
    }

    /// Values that are as common as in the raster.
    pub fn standing(self) -> Vec<f32> {
        self.looked.representative(&self.overview)
    }
}

impl Overview {
    /// In strips, whose memory is used again; the file's blocks are decoded once all the same.
    fn read(raster: &Raster, subject: Subject, size: (usize, usize)) -> SceneResult<Self> {
        let whole = raster.info().grid.window();
        let (width, height) = size;
        let step = (width * height).div_ceil(OVERVIEW_KEPT).isqrt().max(1);
        let mut planes: Vec<Vec<f32>> = vec![Vec::new(); subject.count()];
        for from in (0..height).step_by(OVERVIEW_ROWS) {
            let to = (from + OVERVIEW_ROWS).min(height);
            let at = |row: usize| row * whole.height / height;
            let strip = Window {
                row: at(from),
                height: (at(to) - at(from)).max(1),
                ..whole
            };
            let read = subject.read(raster, strip, (width, to - from))?;
            for (kept, plane) in planes.iter_mut().zip(&read) {
                for row in (from..to).filter(|row| row % step == 0) {
                    let line = (row - from) * width..(row - from + 1) * width;
                    let (values, valid) = (&plane.values[line.clone()], &plane.valid[line]);
                    let pixels = values.iter().zip(valid).step_by(step);
                    kept.extend(pixels.map(|(value, valid)| {
                        if *valid && value.is_finite() {
                            *value
                        } else {
                            f32::NAN
                        }
                    }));
                }
            }
        }
        Ok(Self {
            width,
            height,
            step,
            planes,
        })
    }

    fn value(&self, band: usize, pixel: (usize, usize), whole: &Window) -> Option<f32> {
        let col = pixel.0 * self.width / whole.width.max(1) / self.step;
        let row = pixel.1 * self.height / whole.height.max(1) / self.step;
        let plane = self.planes.get(band)?;
        plane
            .get(row * self.width.div_ceil(self.step) + col)
            .copied()
    }
}

/// The overview, where the plan names one, and what the windows hold, in their order. Where there is much to decode,
/// a second thread with a handle of its own takes half of it.
fn side_by_side(
    raster: &Raster,
    subject: Subject,
    plan: &SamplePlan,
    windows: &[Window],
) -> SceneResult<(Option<Overview>, Vec<Vec<Pixels>>)> {
    let path = &raster.info().path;
    // One that cannot be read is no reason not to show the raster; whoever reads its picture says what is wrong.
    let overview = |raster: &Raster| {
        let size = plan.overview;
        match size.map(|size| Overview::read(raster, subject, size)) {
            Some(Err(SceneError::Cancelled)) => Err(SceneError::Cancelled),
            Some(Err(error)) => {
                log::debug!("{}: {error}", path.display());
                Ok(None)
            }
            Some(Ok(overview)) => Ok(Some(overview)),
            None => Ok(None),
        }
    };
    let next = AtomicUsize::new(0);
    let parts: Mutex<Vec<(usize, SceneResult<Vec<Pixels>>)>> = Mutex::default();
    let read_windows = |raster: &Raster| {
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(window) = windows.get(at) else {
                return;
            };
            let part = pixels_of(raster, subject, plan, *window);
            if part.is_err() {
                next.store(windows.len(), Ordering::Relaxed);
            }
            parts
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((at, part));
        }
    };
    let is_alone = !plan.is_sampled && windows.len() < WORTH_A_SECOND_HANDLE;
    let planes = if is_alone || is_remote(path) {
        let overview = overview(raster)?;
        read_windows(raster);
        overview
    } else {
        let twin = raster.twin();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| twin.open().map(|twin| read_windows(&twin)));
            let planes = overview(raster);
            if planes.is_ok() {
                read_windows(raster);
            }
            match second.join() {
                Ok(theirs) => theirs.and(planes),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })?
    };
    let mut parts = parts.into_inner().unwrap_or_else(PoisonError::into_inner);
    // Windows are begun in their order and what is begun is finished: of a damaged file the same place is named each time.
    parts.sort_unstable_by_key(|(at, _)| *at);
    let parts: SceneResult<Vec<_>> = parts.into_iter().map(|(_, part)| part).collect();
    Ok((planes, parts?))
}

/// The valid pixels of a window that the plan keeps, one list a band.
fn pixels_of(
    raster: &Raster,
    subject: Subject,
    plan: &SamplePlan,
    window: Window,
) -> SceneResult<Vec<Pixels>> {
    let mut found: Vec<Pixels> = (0..subject.count()).map(|_| Pixels::default()).collect();
    let height = if plan.is_by_rows { 1 } else { window.height };
    let step = if plan.is_by_rows {
        plan.row_step
    } else {
        window.height.max(1)
    };
    for row in (window.row..window.end_row()).step_by(step) {
        let part = Window {
            row,
            height,
            ..window
        };
        let planes = subject.read(raster, part, (part.width, part.height))?;
        for (pixels, plane) in found.iter_mut().zip(&planes) {
            for down in (0..height).step_by(plan.row_step) {
                let from = down * part.width;
                let line = from..from + part.width;
                let (values, valid) = (&plane.values[line.clone()], &plane.valid[line]);
                let kept = values.iter().zip(valid).enumerate().step_by(plan.col_step);
                let kept = kept.filter(|(_, (value, valid))| **valid && value.is_finite());
                for (right, (value, _)) in kept {
                    pixels.values.push(*value);
                    if plan.overview.is_some() {
                        pixels
                            .places
                            .push(((part.col + right) as u32, (row + down) as u32));
                    }
                }
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
#[path = "sample_tests.rs"]
mod tests;
