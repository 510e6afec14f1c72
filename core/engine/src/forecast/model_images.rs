//! Writing the forecasts of a network: windows over the region, blended, one file a day; the spread over the members of the
//! weather in a file of its own, and the same under changed weather. Streams rows of windows; memory depends on the width of the
//! region, never on its height or on how many images there are.

use std::time::Instant;

use jiff::civil::Date;
use terroir_scene::{MapKind, MapWriter, Provenance, Window};

use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::weather_series::{BlendedRows, KgvsfAbout, SiteWeather, WindowPlan};

use super::images::{Target, append_ndvi, image_kind};
use super::model::{ContextImage, Ensemble, ModelRun, WindowPast};
use super::place::Place;
use super::spec::ModelForecast;
use super::weather::DrivenWeather;

/// An image counts as one where it shows this share of a window (spec kg-vsf 5.2).
const USABLE_SHARE: f64 = 0.5;
/// Images looked back at for pixels that the newest ones do not show.
const MOST_LOOKED_AT: usize = 24;
/// Bytes of the strips that are blended.
const STRIP_BYTES: usize = 192 << 20;
/// Numbers of one batch of forecasts.
const BATCH_NUMBERS: usize = 4 << 20;
const MOST_WINDOWS: usize = 32;
/// Files of one walk.
const AT_ONCE: usize = 24;

/// Which of a day's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    Forecast,
    /// Deviation over the members of the weather.
    Spread,
    /// Under changed weather.
    WhatIf,
}

/// What is blended of one target under one group of weather: means, then deviations.
#[derive(Clone, Copy, Debug)]
struct Layout {
    bands: usize,
    groups: usize,
    has_spread: bool,
}

impl Layout {
    fn of(place: &Place, weather: &DrivenWeather) -> Self {
        Self {
            bands: place.bands.count(),
            groups: 1 + usize::from(weather.what_if.is_some()),
            has_spread: weather.members.len() > 1,
        }
    }

    /// Days of one walk over the windows.
    fn at_once(&self, plan: &WindowPlan) -> usize {
        let one = BlendedRows::bytes(plan, self.a_target()).max(1);
        (STRIP_BYTES / one).clamp(1, AT_ONCE)
    }

    /// Planes of one target: means of every group, then the spread of the first.
    fn a_target(&self) -> usize {
        self.groups * self.bands + if self.has_spread { self.bands + 1 } else { 0 }
    }

    /// The first plane says what is known.
    fn planes(&self, targets: usize) -> usize {
        1 + targets * self.a_target()
    }
}

/// The files of a day that are being written.
struct Writers {
    forecast: MapWriter,
    spread: Option<MapWriter>,
    what_if: Option<MapWriter>,
    known: u64,
    ndvi: [Sum; 3],
}

/// Sum and count of a mean.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    sum: f64,
    n: u64,
}

impl Sum {
    fn add(&mut self, values: &[f32]) {
        for value in values.iter().filter(|value| value.is_finite()) {
            self.sum += f64::from(*value);
            self.n += 1;
        }
    }

    fn mean(self) -> Option<f64> {
        (self.n > 0).then(|| self.sum / self.n as f64)
    }
}

/// Makes the images of all targets.
pub(super) fn write_by_model(
    place: &Place,
    run: &mut ModelRun,
    spec: &ModelForecast,
    weather: &DrivenWeather,
    targets: &mut [Target],
    keys: &dyn Fn(&Target, FileKind) -> Provenance,
    monitor: &Monitor<'_>,
) -> JobResult<()> {
    let plan = plan_of(place, run);
    let mut groups: Vec<&[SiteWeather]> = vec![&weather.members];
    groups.extend(weather.what_if.as_deref());
    let layout = Layout::of(place, weather);
    let at_once = layout.at_once(&plan);
    let passes = targets.len().div_ceil(at_once);
    let total = (passes * plan.rows().len() * plan.columns().len()) as u64;
    let mut done = 0;
    for chunk in targets.chunks_mut(at_once) {
        let days: Vec<Date> = chunk.iter().map(|target| target.date).collect();
        let mut writers = open_writers(place, chunk, layout)?;
        let mut strip = BlendedRows::new(plan, layout.planes(chunk.len()));
        let batch = batch_size(run, days.len());
        let rows = plan.rows();
        for (number, row) in rows.iter().enumerate() {
            for columns in plan.columns().chunks(batch) {
                monitor.check()?;
                monitor.progress("forecasting", done, total);
                done += columns.len() as u64;
                let mut pasts = Vec::new();
                for column in columns {
                    let past = read_past(place, run, weather, &plan, (*row, *column), monitor)?;
                    if let Some(past) = past {
                        pasts.push((*column, past));
                    }
                }
                let (places, windows): (Vec<isize>, Vec<WindowPast>) = pasts.into_iter().unzip();
                if windows.is_empty() {
                    continue;
                }
                let made =
                    run.forecast(spec, &windows, &days, &groups, place.bands.ndvi, monitor)?;
                for ((column, window), ensembles) in places.iter().zip(&windows).zip(&made) {
                    strip.add(*column, &planes_of(window, ensembles, days.len(), layout));
                }
            }
            if let Some((first, values)) = strip.finish(number + 1 == rows.len()) {
                write_rows(place, &mut writers, layout, first, &values)?;
            }
        }
        let all = place.region.pixels().max(1) as f64;
        for (files, target) in writers.into_iter().zip(chunk.iter_mut()) {
            let share = files.known as f64 / all;
            target.base_share = Some(share);
            target.made_share = Some(share);
            target.mean_ndvi = files.ndvi[0].mean();
            target.what_if_ndvi = files.ndvi[1].mean();
            target.ndvi_spread = files.ndvi[2].mean();
            finish(files, target, keys, monitor)?;
        }
    }
    if targets.iter().all(|target| target.made_share == Some(0.0)) {
        return Err(Failure::new(
            "no image shows a clear pixel of this part; choose another part, or other images",
        )
        .into());
    }
    Ok(())
}

fn plan_of(place: &Place, run: &ModelRun) -> WindowPlan {
    WindowPlan {
        size: run.config().image_px,
        overlap: (4 * run.config().patch_px).min(run.config().image_px / 2),
        region: place.region,
    }
}

/// What the images of all days will take: those of some windows in the middle are made, and thrown away.
pub(super) fn secs_blocking(
    place: &Place,
    run: &mut ModelRun,
    spec: &ModelForecast,
    weather: &DrivenWeather,
    days: &[Date],
    monitor: &Monitor<'_>,
) -> JobResult<f64> {
    let plan = plan_of(place, run);
    let mut groups: Vec<&[SiteWeather]> = vec![&weather.members];
    groups.extend(weather.what_if.as_deref());
    let at_once = Layout::of(place, weather).at_once(&plan);
    let (rows, columns) = (plan.rows(), plan.columns());
    let of_walk: Vec<Date> = days.iter().take(at_once).copied().collect();
    let row = rows.get(rows.len() / 2).copied().unwrap_or_default();
    let batch = batch_size(run, of_walk.len());
    let middle = columns.len().saturating_sub(batch) / 2;
    let mut of_window = 0.0;
    // On a graphics device the first round compiles kernels; the second one counts.
    for _ in 0..if run.compute.is_cpu() { 1 } else { 2 } {
        let clock = Instant::now();
        let mut pasts = Vec::new();
        let some = columns.iter().skip(middle).take(batch);
        let count = some.len();
        for column in some {
            pasts.extend(read_past(
                place,
                run,
                weather,
                &plan,
                (row, *column),
                monitor,
            )?);
        }
        if !pasts.is_empty() {
            run.forecast(spec, &pasts, &of_walk, &groups, place.bands.ndvi, monitor)?;
        }
        of_window = clock.elapsed().as_secs_f64() / count.max(1) as f64;
    }
    let walks = days.len() as f64 / of_walk.len().max(1) as f64;
    Ok(of_window * walks * (rows.len() * columns.len()) as f64)
}

fn batch_size(run: &ModelRun, days: usize) -> usize {
    let config = run.config();
    let one = days.max(1) * config.bands * config.image_px * config.image_px;
    (BATCH_NUMBERS / one.max(1)).clamp(1, MOST_WINDOWS)
}

fn open_writers(place: &Place, targets: &[Target], layout: Layout) -> JobResult<Vec<Writers>> {
    targets
        .iter()
        .map(|target| {
            let open = |path: &std::path::Path| -> JobResult<MapWriter> {
                let (kind, wavelengths) = image_kind(place, false);
                let mut writer = MapWriter::create(path, &place.grid, kind)?;
                writer.set_wavelengths(&wavelengths)?;
                Ok(writer)
            };
            let spread = match (&target.spread, layout.has_spread) {
                (Some(path), true) => {
                    Some(MapWriter::create(path, &place.grid, spread_kind(place))?)
                }
                _ => None,
            };
            Ok(Writers {
                forecast: open(&target.file)?,
                spread,
                what_if: match &target.what_if {
                    Some(path) => Some(open(path)?),
                    None => None,
                },
                known: 0,
                ndvi: [Sum::default(); 3],
            })
        })
        .collect()
}

fn spread_kind(place: &Place) -> MapKind {
    let mut bands: Vec<(String, String)> = place
        .bands
        .names
        .iter()
        .zip(&place.bands.units)
        .map(|(name, unit)| (format!("{name} deviation"), unit.clone()))
        .collect();
    bands.push(("NDVI deviation".to_owned(), String::new()));
    MapKind::Continuous {
        bands,
        ramp: "viridis".to_owned(),
    }
}

/// Reads what a window was: the newest images that show enough of it, and older values where these show nothing. `None` where
/// nothing was ever seen.
fn read_past(
    place: &Place,
    run: &ModelRun,
    weather: &DrivenWeather,
    plan: &WindowPlan,
    (row, column): (isize, isize),
    monitor: &Monitor<'_>,
) -> JobResult<Option<WindowPast>> {
    let size = plan.size;
    let grid = place.archive.grid.window();
    let rows = WindowPlan::mirrored(plan.region.row as isize + row, size, grid.height);
    let cols = WindowPlan::mirrored(plan.region.col as isize + column, size, grid.width);
    let part = WindowPlan::part_of(&rows, &cols);
    let first_day = weather
        .members
        .first()
        .map_or(i32::MIN, |member| member.first_day);
    let mut past = PastReader::new(size, &run.about);
    for frame in place.inputs.iter().rev().take(MOST_LOOKED_AT) {
        monitor.check()?;
        let Some(date) = place.date_of(*frame) else {
            continue;
        };
        if terroir_scene::day_number(date) < f64::from(first_day) {
            break;
        }
        let seen = place.seen(&[*frame], part)?;
        past.look_at(date, &seen.values, &seen.is_seen, &rows, &cols, part);
        if past.is_complete(run.config().images) {
            break;
        }
    }
    Ok(past.finish(run.config().images))
}

/// Images of a window, newest first, until enough is known.
struct PastReader<'a> {
    size: usize,
    about: &'a KgvsfAbout,
    images: Vec<ContextImage>,
    /// The image that shows most of what is too little.
    fullest: Option<(usize, ContextImage)>,
    /// [C, H, W] and [H, W] of images that are none of the above.
    last: Vec<f32>,
    is_known: Vec<bool>,
}

impl<'a> PastReader<'a> {
    fn new(size: usize, about: &'a KgvsfAbout) -> Self {
        Self {
            size,
            about,
            images: Vec::new(),
            fullest: None,
            last: vec![0.0; about.bands.len() * size * size],
            is_known: vec![false; size * size],
        }
    }

    fn look_at(
        &mut self,
        date: Date,
        values: &[f32],
        is_seen: &[bool],
        rows: &[usize],
        cols: &[usize],
        part: Window,
    ) {
        let (pixels, plane) = (self.size * self.size, part.pixels());
        let mut image = ContextImage {
            date,
            values: vec![0.0; self.about.bands.len() * pixels],
            is_seen: vec![false; pixels],
        };
        let mut count = 0;
        for (y, row) in rows.iter().enumerate() {
            for (x, col) in cols.iter().enumerate() {
                let (to, from) = (
                    y * self.size + x,
                    (row - part.row) * part.width + col - part.col,
                );
                if !is_seen[from] {
                    continue;
                }
                count += 1;
                image.is_seen[to] = true;
                for (band, model) in self.about.bands.iter().enumerate() {
                    image.values[band * pixels + to] =
                        model.standardised_physical(values[band * plane + from]);
                }
            }
        }
        for at in (0..pixels).filter(|at| image.is_seen[*at]) {
            if !self.is_known[at] {
                self.is_known[at] = true;
                for band in 0..self.about.bands.len() {
                    self.last[band * pixels + at] = image.values[band * pixels + at];
                }
            }
        }
        if count as f64 >= USABLE_SHARE * pixels as f64 {
            self.images.push(image);
        } else if count > 0 && self.fullest.as_ref().is_none_or(|(most, _)| count > *most) {
            self.fullest = Some((count, image));
        }
    }

    fn is_complete(&self, images: usize) -> bool {
        self.images.len() >= images && self.is_known.iter().all(|known| *known)
    }

    fn finish(mut self, images: usize) -> Option<WindowPast> {
        self.images.truncate(images);
        if self.images.is_empty() {
            self.images
                .extend(self.fullest.take().map(|(_, image)| image));
        }
        if self.images.is_empty() {
            return None;
        }
        self.images.reverse();
        let pixels = self.size * self.size;
        let mut older = self.last;
        for at in 0..pixels {
            let is_shown = self.images.iter().any(|image| image.is_seen[at]);
            if is_shown || !self.is_known[at] {
                for band in 0..self.about.bands.len() {
                    older[band * pixels + at] = 0.0;
                }
            }
        }
        Some(WindowPast {
            images: self.images,
            older,
            is_known: self.is_known,
        })
    }
}

/// All planes of a window that are blended: what is known, then of each target the means of every group and the spread.
fn planes_of(
    window: &WindowPast,
    ensembles: &[Ensemble],
    targets: usize,
    layout: Layout,
) -> Vec<f32> {
    let pixels = window.is_known.len();
    let mut planes = Vec::with_capacity(layout.planes(targets) * pixels);
    planes.extend(
        window
            .is_known
            .iter()
            .map(|known| if *known { 1.0 } else { f32::NAN }),
    );
    let size = layout.bands * pixels;
    for target in 0..targets {
        for ensemble in ensembles {
            planes.extend_from_slice(&ensemble.mean[target * size..(target + 1) * size]);
        }
        if let (true, Some(first)) = (layout.has_spread, ensembles.first()) {
            planes.extend_from_slice(&first.spread[target * size..(target + 1) * size]);
            planes.extend_from_slice(&first.ndvi_spread[target * pixels..(target + 1) * pixels]);
        }
    }
    planes
}

/// Writes finished rows of all targets.
fn write_rows(
    place: &Place,
    writers: &mut [Writers],
    layout: Layout,
    first: usize,
    values: &[f32],
) -> JobResult<()> {
    let width = place.region.width;
    let planes = layout.planes(writers.len());
    let pixels = values.len() / planes.max(1);
    let window = Window {
        col: 0,
        row: first,
        width,
        height: pixels / width.max(1),
    };
    let size = layout.bands * pixels;
    for (number, files) in writers.iter_mut().enumerate() {
        let mut at = pixels * (1 + number * layout.a_target());
        let mut take = |count: usize| {
            let from = at;
            at += count;
            values[from..at].to_vec()
        };
        let mut means = take(size);
        files.known += means
            .iter()
            .take(pixels)
            .filter(|value| value.is_finite())
            .count() as u64;
        append_ndvi(place, &mut means, pixels);
        files.ndvi[0].add(means.get(size..).unwrap_or_default());
        files.forecast.write_floats(window, &means)?;
        if layout.groups > 1 {
            let mut changed = take(size);
            append_ndvi(place, &mut changed, pixels);
            files.ndvi[1].add(changed.get(size..).unwrap_or_default());
            if let Some(writer) = &mut files.what_if {
                writer.write_floats(window, &changed)?;
            }
        }
        if layout.has_spread {
            let spread = take(size + pixels);
            files.ndvi[2].add(spread.get(size..).unwrap_or_default());
            if let Some(writer) = &mut files.spread {
                writer.write_floats(window, &spread)?;
            }
        }
    }
    Ok(())
}

fn finish(
    files: Writers,
    target: &Target,
    keys: &dyn Fn(&Target, FileKind) -> Provenance,
    monitor: &Monitor<'_>,
) -> JobResult<()> {
    monitor.progress("writing the files", 0, 1);
    let each = [
        (Some(files.forecast), FileKind::Forecast),
        (files.spread, FileKind::Spread),
        (files.what_if, FileKind::WhatIf),
    ];
    for (writer, kind) in each {
        if let Some(writer) = writer {
            writer.finish_observed(&keys(target, kind), &mut |_| !monitor.is_cancelled())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weather_series::{ModelDriver, bands_by_wavelength};

    #[test]
    fn a_window_takes_the_newest_images_and_older_values_where_these_show_nothing() {
        let about = KgvsfAbout {
            bands: bands_by_wavelength(&[490.0]),
            drivers: ModelDriver::usual(),
            gsd_m: None,
            skill: Vec::new(),
            training: serde_json::Value::Null,
        };
        let part = Window {
            col: 0,
            row: 0,
            width: 4,
            height: 4,
        };
        let all: Vec<usize> = (0..4).collect();
        let mut reader = PastReader::new(4, &about);
        let date = |day: i8| Date::constant(2021, 5, day);
        let of = |value: f32| about.bands[0].standardised_physical(value);
        let mut seen = vec![true; 16];
        seen[0] = false;
        seen[1] = false;
        reader.look_at(date(20), &[0.1; 16], &seen, &all, &all, part);
        // Mostly cloud: no image, but its one pixel is known.
        let mut few = vec![false; 16];
        few[0] = true;
        reader.look_at(date(10), &[0.08; 16], &few, &all, &all, part);
        assert!(!reader.is_complete(1));
        let past = reader.finish(2).expect("an image");
        assert_eq!(past.images.len(), 1);
        assert_eq!(past.images[0].date, date(20));
        assert_eq!(past.older[0], of(0.08));
        assert_eq!((past.older[1], past.older[2]), (0.0, 0.0));
        assert_eq!(past.is_known[..3], [true, false, true]);
        // Without any usable image the fullest one stands in; without any pixel there is nothing.
        let mut reader = PastReader::new(4, &about);
        reader.look_at(date(10), &[0.08; 16], &few, &all, &all, part);
        assert_eq!(reader.finish(2).expect("an image").images.len(), 1);
        let mut reader = PastReader::new(4, &about);
        reader.look_at(date(10), &[0.08; 16], &[false; 16], &all, &all, part);
        assert!(reader.finish(2).is_none());
    }
}
