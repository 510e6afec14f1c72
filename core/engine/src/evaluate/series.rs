//! What an archive of dated images says of the labelled places: composites, harmonics, and all bands of all dates. Read once
//! for all of them, square by square, image by image. Knows archives and places; knows nothing of what is learnt.

use std::collections::BTreeMap;

use rayon::prelude::*;
use terroir_scene::{
    Archive, CompositeStatistic, FeatureTable, HARMONICS, Measure, Period, TimeStack, Window,
    composite_pixel, harmonics, measured_sources, ndvi_bands,
};

use super::features::Numbers;
use super::labels::LabelSet;
use super::spec::CandidateSource;
use crate::monitor::{JobResult, Monitor, Stop};

/// Side of the squares in which places are gathered.
const SQUARE: usize = 128;
/// Numbers that are kept in memory for one candidate at most, over all places.
const MOST_CELLS: usize = 40_000_000;
/// Numbers a place has at most.
const MOST_NUMBERS: usize = 4096;

/// What is worked out of the images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Composite(CompositeStatistic),
    Harmonics,
    Stack,
}

impl Kind {
    /// `None` for what needs no archive.
    pub fn of(source: &CandidateSource) -> Option<Self> {
        match source {
            CandidateSource::Composite(statistic) => Some(Self::Composite(*statistic)),
            CandidateSource::Harmonics => Some(Self::Harmonics),
            CandidateSource::Stack => Some(Self::Stack),
            CandidateSource::Field(_) | CandidateSource::Pair { .. } => None,
        }
    }

    fn about(self) -> String {
        match self {
            Self::Composite(CompositeStatistic::MaxNdvi) => {
                "all bands of the clear image with the highest NDVI".to_owned()
            }
            Self::Composite(statistic) => format!("{} of the clear images, band by band", statistic.word()),
            Self::Harmonics => {
                "mean, and sine and cosine of the year and of the half year of each band, by least squares on the clear images"
                    .to_owned()
            }
            Self::Stack => {
                "all bands of all dates, gaps filled in time between the clear images of the pixel".to_owned()
            }
        }
    }
}

/// The images of one sensor in one period.
struct Sensor {
    source: usize,
    bands: usize,
    frames: Vec<usize>,
    is_undated: bool,
    ndvi: Option<(usize, usize)>,
    /// Days the stack is brought to.
    stack_days: Vec<f64>,
}

impl Sensor {
    fn width(&self, kind: Kind) -> usize {
        match kind {
            _ if self.is_undated => self.bands,
            Kind::Composite(_) => self.bands,
            Kind::Harmonics => self.bands * HARMONICS,
            Kind::Stack => self.bands * self.stack_days.len(),
        }
    }

    /// The numbers of one pixel, band by band.
    fn numbers(&self, kind: Kind, stack: &TimeStack, pixel: usize) -> Vec<Option<f32>> {
        match kind {
            _ if self.is_undated => composite_pixel(stack, pixel, CompositeStatistic::Median, None),
            Kind::Composite(statistic) => composite_pixel(stack, pixel, statistic, self.ndvi),
            Kind::Harmonics => (0..self.bands)
                .flat_map(|band| match harmonics(stack.line(pixel, band)) {
                    Some(found) => found.map(Some),
                    None => [None; HARMONICS],
                })
                .collect(),
            Kind::Stack => (0..self.bands)
                .flat_map(
                    |band| match stack.line(pixel, band).at_days(&self.stack_days) {
                        Some(found) => found.into_iter().map(Some).collect(),
                        None => vec![None; self.stack_days.len()],
                    },
                )
                .collect(),
        }
    }
}

/// Numbers gathered for one candidate: sums over the pixels of a place.
struct Gathered {
    kind: Kind,
    width: usize,
    sums: Vec<f32>,
    counts: Vec<u16>,
}

impl Gathered {
    fn add(&mut self, place: usize, column: usize, numbers: &[Option<f32>]) {
        let start = place * self.width + column;
        for (at, number) in (start..).zip(numbers) {
            if let (Some(number), Some(sum), Some(count)) =
                (number, self.sums.get_mut(at), self.counts.get_mut(at))
            {
                *sum += number;
                *count = count.saturating_add(1);
            }
        }
    }

    /// What is not known at a place is as on average over the others.
    fn finish(self, about: String) -> Numbers {
        let width = self.width.max(1);
        let (mut totals, mut known) = (vec![0.0f64; width], vec![0u32; width]);
        for (sums, counts) in self.sums.chunks(width).zip(self.counts.chunks(width)) {
            for (column, (sum, count)) in sums.iter().zip(counts).enumerate() {
                if let (Some(total), Some(known), true) =
                    (totals.get_mut(column), known.get_mut(column), *count > 0)
                {
                    *total += f64::from(sum / f32::from(*count));
                    *known += 1;
                }
            }
        }
        let means: Vec<f32> = totals
            .iter()
            .zip(&known)
            .map(|(total, known)| (total / f64::from((*known).max(1))) as f32)
            .collect();
        let mut table = FeatureTable::new(self.width);
        let mut is_there = Vec::new();
        for (sums, counts) in self.sums.chunks(width).zip(self.counts.chunks(width)) {
            let row: Vec<f32> = sums
                .iter()
                .zip(counts)
                .zip(&means)
                .map(|((sum, count), mean)| match count {
                    0 => *mean,
                    count => sum / f32::from(*count),
                })
                .collect();
            table.push(&row);
            is_there.push(counts.iter().any(|count| *count > 0));
        }
        Numbers {
            table,
            is_there,
            is_unit: false,
            distance: None,
            about,
        }
    }
}

/// What one description says of any pixels of an archive, in one period.
pub(crate) struct ImageNumbers {
    kind: Kind,
    sensors: Vec<Sensor>,
}

impl ImageNumbers {
    /// `places`: how many are remembered at once, which bounds how many days are told apart. `None` for a description that is
    /// worked out of no archive.
    ///
    /// # Errors
    /// No image in the period.
    pub fn of(
        source: &CandidateSource,
        archive: &Archive,
        period: Period,
        places: usize,
    ) -> JobResult<Option<Self>> {
        let Some(kind) = Kind::of(source) else {
            return Ok(None);
        };
        let groups = BTreeMap::from([(Some(period), Vec::new())]);
        let sensors = sensors_of(archive, &groups, places)?;
        let sensors = sensors.into_values().next().unwrap_or_default();
        Ok(Some(Self { kind, sensors }))
    }

    /// Numbers of a pixel.
    pub fn width(&self) -> usize {
        self.sensors
            .iter()
            .map(|sensor| sensor.width(self.kind))
            .sum()
    }

    /// Images that are read for a window.
    pub fn images(&self) -> usize {
        self.sensors.iter().map(|sensor| sensor.frames.len()).sum()
    }

    /// Numbers `[positions, width]` of pixels of a window (places in it, row by row), NaN where nothing is known.
    ///
    /// # Errors
    /// A file that cannot be read; `go_on` said no.
    pub fn read_blocking(
        &self,
        archive: &Archive,
        window: Window,
        positions: &[usize],
        go_on: &mut dyn FnMut() -> bool,
    ) -> JobResult<Vec<f32>> {
        let width = self.width();
        let mut out = vec![f32::NAN; positions.len() * width];
        let mut column = 0;
        for sensor in &self.sensors {
            let stack = TimeStack::read_blocking(
                archive,
                sensor.source,
                &sensor.frames,
                window,
                positions,
                &mut *go_on,
            )?;
            let of_sensor = sensor.width(self.kind);
            out.par_chunks_exact_mut(width.max(1))
                .enumerate()
                .for_each(|(pixel, row)| {
                    let numbers = sensor.numbers(self.kind, &stack, pixel);
                    let row = row.get_mut(column..column + of_sensor).unwrap_or_default();
                    for (into, number) in row.iter_mut().zip(numbers) {
                        *into = number.unwrap_or(f32::NAN);
                    }
                });
            column += of_sensor;
        }
        Ok(out)
    }
}

/// Reads all that is asked for, in the order of `kinds`. Places with a period of their own are given the images in it, others
/// those in `period`.
pub(super) fn read_blocking(
    archive: &Archive,
    period: Option<&Period>,
    kinds: &[Kind],
    set: &LabelSet,
    monitor: &Monitor<'_>,
) -> JobResult<Vec<Numbers>> {
    let mut groups: BTreeMap<Option<Period>, Vec<usize>> = BTreeMap::new();
    for (index, place) in set.places.iter().enumerate() {
        let own = place.period.or_else(|| period.copied());
        groups.entry(own).or_default().push(index);
    }
    let sensors = sensors_of(archive, &groups, set.places.len())?;
    let mut gathered: Vec<Gathered> = kinds
        .iter()
        .map(|kind| {
            let widths = sensors.values().next();
            let width = widths.map_or(0, |sensors| sensors.iter().map(|s| s.width(*kind)).sum());
            Gathered {
                kind: *kind,
                width,
                sums: vec![0.0; width * set.places.len()],
                counts: vec![0; width * set.places.len()],
            }
        })
        .collect();
    let name = set.path.clone();
    let pixels = set.pixels_on(&archive.grid, &name)?;
    let images: usize = sensors.values().flatten().map(|s| s.frames.len()).sum();
    let mut done = 0;
    for (own, places) in &groups {
        let Some(sensors) = sensors.get(own) else {
            continue;
        };
        let squares = by_square(places, &pixels);
        let total = (squares.len() * images) as u64;
        for members in squares.values() {
            let Some(window) = around(members) else {
                continue;
            };
            let positions: Vec<usize> = members
                .keys()
                .map(|(row, col)| (row - window.row) * window.width + col - window.col)
                .collect();
            let mut columns = vec![0; gathered.len()];
            for sensor in sensors {
                let mut go_on = || {
                    monitor.progress("reading the images", done, total);
                    done += 1;
                    !monitor.is_cancelled()
                };
                let stack = TimeStack::read_blocking(
                    archive,
                    sensor.source,
                    &sensor.frames,
                    window,
                    &positions,
                    &mut go_on,
                )?;
                for (pixel, places) in members.values().enumerate() {
                    for (gathered, column) in gathered.iter_mut().zip(&columns) {
                        let numbers = sensor.numbers(gathered.kind, &stack, pixel);
                        for place in places {
                            gathered.add(*place, *column, &numbers);
                        }
                    }
                }
                for (gathered, column) in gathered.iter().zip(&mut columns) {
                    *column += sensor.width(gathered.kind);
                }
            }
        }
    }
    let of = words_of(archive, &sensors);
    Ok(gathered
        .into_iter()
        .map(|gathered| {
            let about = format!("{}: {of}", gathered.kind.about());
            gathered.finish(about)
        })
        .collect())
}

type Groups = BTreeMap<Option<Period>, Vec<usize>>;

/// The sensors of each period, the same ones in the same order for all.
fn sensors_of(
    archive: &Archive,
    groups: &Groups,
    places: usize,
) -> JobResult<BTreeMap<Option<Period>, Vec<Sensor>>> {
    let is_measured = |source: usize| {
        archive.sources.get(source).is_some_and(|source| {
            let mut bands = source.source.bands.iter();
            bands.any(|band| band.measure != Measure::Classes)
        })
    };
    let found: BTreeMap<Option<Period>, Vec<(usize, Vec<usize>)>> = groups
        .keys()
        .map(|own| {
            let mut sources = measured_sources(archive, own.as_ref());
            sources.retain(|(source, _)| is_measured(*source));
            (*own, sources)
        })
        .collect();
    // Only what every period has.
    let in_all = |source: usize| {
        found
            .values()
            .all(|sources| sources.iter().any(|(known, _)| *known == source))
    };
    let bands_of = |source: usize| {
        let source = archive.sources.get(source);
        source.map_or(0, |source| source.source.bands.len())
    };
    let used: Vec<usize> = (0..archive.sources.len())
        .filter(|source| is_measured(*source) && in_all(*source))
        .collect();
    if used.is_empty() {
        return Err(Stop::nothing_seen(
            "the archive holds no image in the period of the labels; choose another period (--period), or name other images",
        ));
    }
    let all_bands: usize = used.iter().map(|source| bands_of(*source)).sum();
    let most_numbers = (MOST_CELLS / places.max(1)).min(MOST_NUMBERS);
    let most_days = (most_numbers / all_bands.max(1)).max(1);
    let has_own = groups.keys().filter(|own| own.is_some()).count() > 1;
    let mut sensors: BTreeMap<Option<Period>, Vec<Sensor>> = BTreeMap::new();
    for source in used {
        let frames_in = |own: &Option<Period>| -> Vec<usize> {
            let sources = found.get(own).into_iter().flatten();
            sources
                .filter(|(known, _)| *known == source)
                .flat_map(|(_, frames)| frames.iter().copied())
                .collect()
        };
        let least = groups.keys().map(|own| frames_in(own).len()).min();
        let steps = least.unwrap_or(1).clamp(1, most_days);
        for own in groups.keys() {
            let frames = frames_in(own);
            let Some(of) = archive.sources.get(source) else {
                continue;
            };
            let days: Vec<f64> = frames
                .iter()
                .filter_map(|frame| Some(of.frames.get(*frame)?.day))
                .collect();
            let stack_days = if has_own || days.len() > most_days {
                even_days(own.as_ref(), &days, steps)
            } else {
                days
            };
            sensors.entry(*own).or_default().push(Sensor {
                source,
                bands: of.source.bands.len(),
                is_undated: of.frames.iter().all(|frame| frame.is_static),
                frames,
                ndvi: ndvi_bands(&of.source.bands),
                stack_days,
            });
        }
    }
    Ok(sensors)
}

/// Days evenly spread over a period, or over the days of the images.
fn even_days(period: Option<&Period>, days: &[f64], steps: usize) -> Vec<f64> {
    let (first, last) = match period {
        Some(period) => period.days(),
        None => (
            days.iter().copied().fold(f64::INFINITY, f64::min),
            days.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        ),
    };
    (0..steps)
        .map(|step| first + (step as f64 + 0.5) / steps as f64 * (last - first))
        .collect()
}

/// Places by the pixel they lie on, (row, column).
type Members = BTreeMap<(usize, usize), Vec<usize>>;

fn by_square(
    places: &[usize],
    pixels: &[Vec<(usize, usize)>],
) -> BTreeMap<(usize, usize), Members> {
    let mut squares: BTreeMap<(usize, usize), Members> = BTreeMap::new();
    for place in places {
        for (col, row) in pixels.get(*place).into_iter().flatten() {
            squares
                .entry((row / SQUARE, col / SQUARE))
                .or_default()
                .entry((*row, *col))
                .or_default()
                .push(*place);
        }
    }
    squares
}

/// The smallest window that holds all pixels.
fn around(members: &Members) -> Option<Window> {
    let rows = (members.keys().next()?.0, members.keys().next_back()?.0);
    let cols = members.keys().map(|(_, col)| *col);
    let (first, last) = (cols.clone().min()?, cols.max()?);
    Some(Window {
        col: first,
        row: rows.0,
        width: last - first + 1,
        height: rows.1 - rows.0 + 1,
    })
}

/// `Sentinel-2 (10 bands, 118 images), ...`.
fn words_of(archive: &Archive, sensors: &BTreeMap<Option<Period>, Vec<Sensor>>) -> String {
    let mut images: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
    for sensor in sensors.values().flatten() {
        let known = images.entry(sensor.source).or_insert((sensor.bands, 0));
        known.1 = known.1.max(sensor.frames.len());
    }
    let list: Vec<String> = images
        .into_iter()
        .map(|(source, (bands, images))| {
            let name = archive
                .sources
                .get(source)
                .map_or_else(String::new, |source| source.source.name.clone());
            format!("{name} ({bands} bands, {images} images)")
        })
        .collect();
    list.join(", ")
}
