//! Where a forecast happens: which images of an archive are used and which are compared with, which bands in which unit, and
//! the values of a window by a rule. Knows archives and rules; writes nothing.

use jiff::civil::Date;
use rayon::prelude::*;
use terroir_scene::{
    Archive, ArchiveSource, Baseline, ForecastDay, Grid, Measure, TimeLine, TimeStack, Window,
    baseline_value, ndvi, ndvi_bands,
};

use crate::Failure;
use crate::composite::dated_sensor;
use crate::embed_series::part_of_grid;
use crate::monitor::{JobResult, Monitor};

use crate::weather_series::{ModelBand, Site};

use super::ForecastSpec;

/// Reflectances are stored times this in an archive.
const STORED_REFLECTANCE: f32 = 10_000.0;
/// Blue, green, red, near infrared of the EarthNetScore: wavelength and reach, nm.
const VISIBLE: [(f64, f64); 2] = [(490.0, 40.0), (560.0, 40.0)];

/// The bands that are forecast.
#[derive(Clone, Debug)]
pub(super) struct ForecastBands {
    /// In the source.
    pub slots: Vec<usize>,
    pub names: Vec<String>,
    pub units: Vec<String>,
    pub wavelengths_nm: Vec<Option<f64>>,
    pub is_reflectance: bool,
    /// Red and near infrared, places among these bands.
    pub ndvi: Option<(usize, usize)>,
    /// Blue, green, red, near infrared, places among these bands.
    pub earthnet: Option<[usize; 4]>,
}

impl ForecastBands {
    /// The bands of a network, by their places in the source.
    fn of_model(source: &ArchiveSource, slots: &[usize]) -> Self {
        Self::of_slots(source, slots.to_vec())
    }

    fn of(source: &ArchiveSource, monitor: &Monitor<'_>) -> Result<Self, Failure> {
        let bands = &source.source.bands;
        let is_reflectance = bands
            .iter()
            .any(|band| band.measure == Measure::Reflectance);
        let is_kept = |measure: Measure| match is_reflectance {
            true => measure == Measure::Reflectance,
            false => !matches!(measure, Measure::Classes | Measure::Degrees),
        };
        let slots: Vec<usize> = (0..bands.len())
            .filter(|slot| is_kept(bands[*slot].measure))
            .collect();
        if slots.is_empty() {
            return Err(Failure::new(format!(
                "{} has no band whose values can be forecast; choose another sensor",
                source.source.name
            )));
        }
        let left: Vec<&str> = bands
            .iter()
            .filter(|band| !is_kept(band.measure))
            .map(|band| band.name.as_str())
            .collect();
        if !left.is_empty() {
            monitor.warn(format!("not forecast: {}", left.join(", ")));
        }
        Ok(Self::of_slots(source, slots))
    }

    fn of_slots(source: &ArchiveSource, slots: Vec<usize>) -> Self {
        let kept: Vec<_> = slots
            .iter()
            .filter_map(|slot| source.source.bands.get(*slot).cloned())
            .collect();
        let is_reflectance = kept.iter().any(|band| band.measure == Measure::Reflectance);
        let ndvi = ndvi_bands(&kept).filter(|_| is_reflectance);
        let nearest = |(wanted, reach): (f64, f64)| {
            kept.iter()
                .enumerate()
                .filter_map(|(at, band)| Some((at, (band.wavelength_nm? - wanted).abs())))
                .filter(|(_, off)| *off <= reach)
                .min_by(|a, b| a.1.total_cmp(&b.1))
                .map(|(at, _)| at)
        };
        let earthnet = match (VISIBLE.map(nearest), ndvi) {
            ([Some(blue), Some(green)], Some((red, infrared))) => {
                Some([blue, green, red, infrared])
            }
            _ => None,
        };
        Self {
            names: kept.iter().map(|band| band.name.clone()).collect(),
            units: kept
                .iter()
                .map(|band| match band.measure {
                    Measure::Reflectance => "reflectance".to_owned(),
                    other => other.unit().to_owned(),
                })
                .collect(),
            wavelengths_nm: kept.iter().map(|band| band.wavelength_nm).collect(),
            slots,
            is_reflectance,
            ndvi,
            earthnet,
        }
    }

    pub fn count(&self) -> usize {
        self.slots.len()
    }

    /// From the archive's number to the unit that is written.
    fn written(&self, value: f32) -> f32 {
        if self.is_reflectance {
            value / STORED_REFLECTANCE
        } else {
            value
        }
    }

    /// NDVI of planar values, NaN where they say nothing; `None` without its bands.
    pub fn ndvi_plane(&self, values: &[f32], pixels: usize) -> Option<Vec<f32>> {
        let (red, infrared) = self.ndvi?;
        let plane = |band: usize| values.get(band * pixels..(band + 1) * pixels);
        let (red, infrared) = (plane(red)?, plane(infrared)?);
        let one = |(r, n): (&f32, &f32)| {
            ndvi(f64::from(*r), f64::from(*n)).map_or(f32::NAN, |value| value as f32)
        };
        Some(red.iter().zip(infrared).map(one).collect())
    }
}

/// An archive ready to forecast from.
pub(super) struct Place {
    pub archive: Archive,
    /// Which sensor.
    pub source: usize,
    pub bands: ForecastBands,
    /// Images that may be used, in order of time.
    pub inputs: Vec<usize>,
    /// Images after the last day that is used.
    pub later: Vec<usize>,
    pub region: Window,
    /// Of the region.
    pub grid: Grid,
}

/// One image as it was seen, in the unit that is written.
pub(super) struct Seen {
    /// Planar.
    pub values: Vec<f32>,
    /// One a pixel: every band measured, no cloud.
    pub is_seen: Vec<bool>,
}

impl Place {
    pub fn open(spec: &ForecastSpec, monitor: &Monitor<'_>) -> JobResult<Self> {
        let archive = Archive::open(&spec.archive, None)?;
        archive
            .notes
            .iter()
            .for_each(|note| monitor.warn(note.clone()));
        let (number, source) = dated_sensor(&archive, spec.sensor.as_deref())?;
        let bands = ForecastBands::of(source, monitor)?;
        let frames = source.frames_in(None);
        Self::with(spec, archive, (number, bands, frames), monitor)
    }

    /// The place as a network sees it: its bands, and the images that have all of them.
    pub fn open_for(
        spec: &ForecastSpec,
        bands: &[ModelBand],
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        let site = Site::open(String::new(), &spec.archive, bands)?;
        site.notes
            .iter()
            .for_each(|note| monitor.warn(note.clone()));
        let name_of = |number: usize| {
            let source = site.archive.sources.get(number);
            source.map_or("", |source| source.source.name.as_str())
        };
        let is_wanted = |number: usize| {
            let wanted = spec.sensor.as_deref();
            wanted.is_none_or(|name| name_of(number).eq_ignore_ascii_case(name))
        };
        let first = site
            .images
            .iter()
            .filter(|image| is_wanted(image.source))
            .min_by_key(|image| image.source);
        let Some(first) = first.copied() else {
            return Err(Failure::new(format!(
                "no image of {} has all bands of the model; choose another sensor",
                spec.sensor.as_deref().unwrap_or_default()
            ))
            .into());
        };
        let frames: Vec<usize> = site
            .images
            .iter()
            .filter(|image| image.source == first.source)
            .map(|image| image.frame)
            .collect();
        let bands = match site.archive.sources.get(first.source) {
            Some(source) => ForecastBands::of_model(source, site.slots(&first)),
            None => return Err(Failure::new("there is no such sensor in the archive").into()),
        };
        Self::with(spec, site.archive, (first.source, bands, frames), monitor)
    }

    fn with(
        spec: &ForecastSpec,
        archive: Archive,
        (number, bands, frames): (usize, ForecastBands, Vec<usize>),
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        let source = archive
            .sources
            .get(number)
            .ok_or_else(|| Failure::new("there is no such sensor in the archive"))?;
        let is_used = |date: Date| spec.until.is_none_or(|until| date <= until);
        let (inputs, later): (Vec<usize>, Vec<usize>) = frames
            .into_iter()
            .partition(|frame| source.frames.get(*frame).is_some_and(|f| is_used(f.date)));
        if inputs.is_empty() {
            return Err(Failure::new(format!(
                "there is no image of {} up to {}; there are images from {}",
                source.source.name,
                spec.until.map_or_else(String::new, |day| day.to_string()),
                archive
                    .period()
                    .map_or_else(|| "no day".to_owned(), |all| all.to_string())
            ))
            .into());
        }
        if !source.frames.iter().any(|frame| frame.has_mask()) {
            monitor.warn(format!(
                "no cloud mask belongs to the images of {}: clouds count as ground, in forecasts and in figures",
                source.source.name
            ));
        }
        let whole = archive.grid.window();
        let region = spec.window.unwrap_or(whole);
        if whole.intersection(&region) != Some(region) || region.pixels() == 0 {
            return Err(Failure::new(format!(
                "the part to forecast does not lie inside the grid of {} x {} pixels; choose another one (--window)",
                whole.width, whole.height
            ))
            .into());
        }
        let grid = part_of_grid(&archive.grid, region)?;
        Ok(Self {
            source: number,
            bands,
            inputs,
            later,
            region,
            grid,
            archive,
        })
    }

    pub fn sensor(&self) -> Option<&ArchiveSource> {
        self.archive.sources.get(self.source)
    }

    pub fn sensor_name(&self) -> &str {
        self.sensor().map_or("", |sensor| &sensor.source.name)
    }

    pub fn date_of(&self, frame: usize) -> Option<Date> {
        Some(self.sensor()?.frames.get(frame)?.date)
    }

    pub fn dates_of(&self, frames: &[usize]) -> Vec<Date> {
        let mut dates: Vec<Date> = frames
            .iter()
            .filter_map(|frame| self.date_of(*frame))
            .collect();
        dates.dedup();
        dates
    }

    /// The image a forecast of a day starts from.
    pub fn anchor(&self, day: Date) -> Option<Date> {
        let dates = self.dates_of(&self.inputs);
        dates.into_iter().rev().find(|date| *date <= day)
    }

    /// Images of one day among some.
    pub fn frames_on(&self, frames: &[usize], day: Date) -> Vec<usize> {
        frames
            .iter()
            .copied()
            .filter(|frame| self.date_of(*frame) == Some(day))
            .collect()
    }

    /// Side of the windows the region is walked over in.
    pub fn side(&self) -> usize {
        let bands = self.sensor().map_or(1, |sensor| sensor.source.bands.len());
        TimeStack::side_for(self.inputs.len(), bands)
    }

    /// Windows of the region, in the archive's grid, row by row.
    pub fn windows(&self, side: usize) -> Vec<Window> {
        parts_of(self.region, side)
    }

    /// Where a window of the archive's grid lies in the region.
    pub fn in_region(&self, window: Window) -> Window {
        Window {
            col: window.col - self.region.col,
            row: window.row - self.region.row,
            ..window
        }
    }

    pub fn stack(&self, window: Window, go_on: &mut dyn FnMut() -> bool) -> JobResult<TimeStack> {
        Ok(TimeStack::read_window_blocking(
            &self.archive,
            self.source,
            &self.inputs,
            window,
            go_on,
        )?)
    }

    /// Days of the images used, as stacks have them.
    pub fn input_days(&self) -> Vec<f64> {
        let frames = self.sensor().map(|sensor| &sensor.frames);
        self.inputs
            .iter()
            .filter_map(|frame| Some(frames?.get(*frame)?.day))
            .collect()
    }

    /// Planar values of all bands of a window by a rule, NaN where the images do not say. `without`: images that are not
    /// looked at, places among the inputs.
    pub fn by_rule(
        &self,
        stack: &TimeStack,
        rule: Baseline,
        day: &ForecastDay,
        without: &[usize],
    ) -> Vec<f32> {
        let pixels = stack.pixels;
        (0..self.bands.count() * pixels)
            .into_par_iter()
            .map(|at| {
                let (band, pixel) = (at / pixels, at % pixels);
                let line = stack.line(pixel, self.bands.slots[band]);
                let value = if without.is_empty() {
                    baseline_value(rule, line, day)
                } else {
                    let mut is_there = line.is_there.to_vec();
                    for image in without {
                        if let Some(there) = is_there.get_mut(*image) {
                            *there = false;
                        }
                    }
                    let others = TimeLine {
                        is_there: &is_there,
                        ..line
                    };
                    baseline_value(rule, others, day)
                };
                value.map_or(f32::NAN, |value| self.bands.written(value))
            })
            .collect()
    }

    /// What the images of one day show of a window; where two of them do, the first counts.
    pub fn seen(&self, frames: &[usize], window: Window) -> JobResult<Seen> {
        let (pixels, count) = (window.pixels(), self.bands.count());
        let mut seen = Seen {
            values: vec![f32::NAN; count * pixels],
            is_seen: vec![false; pixels],
        };
        for frame in frames {
            let block = self.archive.read_blocking(self.source, *frame, window)?;
            for pixel in 0..pixels {
                let is_new = !seen.is_seen[pixel]
                    && block.is_clear[pixel]
                    && self
                        .bands
                        .slots
                        .iter()
                        .all(|slot| block.is_valid[slot * pixels + pixel]);
                if is_new {
                    seen.is_seen[pixel] = true;
                    for (band, slot) in self.bands.slots.iter().enumerate() {
                        seen.values[band * pixels + pixel] =
                            self.bands.written(block.values[slot * pixels + pixel]);
                    }
                }
            }
        }
        Ok(seen)
    }

    /// NDVI of a pixel in every image of a stack, where it was seen.
    pub fn ndvi_course(&self, stack: &TimeStack, pixel: usize) -> Vec<Option<f64>> {
        let Some((red, infrared)) = self.bands.ndvi else {
            return Vec::new();
        };
        let line = |band: usize| stack.line(pixel, self.bands.slots[band]);
        let (red, infrared) = (line(red), line(infrared));
        (0..stack.days.len())
            .map(|image| {
                let is_there = *red.is_there.get(image)? && *infrared.is_there.get(image)?;
                let value =
                    |of: TimeLine<'_>| Some(f64::from(self.bands.written(*of.values.get(image)?)));
                is_there.then(|| ndvi(value(red)?, value(infrared)?))?
            })
            .collect()
    }
}

/// Squares that cover a window, row by row.
pub(super) fn parts_of(whole: Window, side: usize) -> Vec<Window> {
    let side = side.max(1);
    (0..whole.height)
        .step_by(side)
        .flat_map(|row| (0..whole.width).step_by(side).map(move |col| (col, row)))
        .map(|(col, row)| Window {
            col: whole.col + col,
            row: whole.row + row,
            width: side.min(whole.width - col),
            height: side.min(whole.height - row),
        })
        .collect()
}
