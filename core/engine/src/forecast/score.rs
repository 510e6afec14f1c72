//! Comparing forecasts with what was seen later, and with the rules that need no model, on the same pixels. Walks over the
//! region in cubes of the benchmark's size. Knows written files and archives; words nothing.

use std::path::Path;

use jiff::civil::Date;
use rayon::prelude::*;
use terroir_scene::{
    Baseline, EARTHNET_PX, EarthNetCube, EarthNetParts, ForecastDay, ForecastPair, ImageErrorSums,
    NdviPixel, NdviScores, Raster, Resampling, TimeStack, Window,
};

use crate::monitor::{JobResult, Monitor};

use super::images::Target;
use super::place::{Place, Seen, parts_of};

/// Of reflectances.
const DATA_RANGE: f64 = 1.0;

/// A day with a forecast and an image.
#[derive(Clone, Debug)]
pub(super) struct Reference {
    /// Place among the targets.
    pub target: usize,
    pub frames: Vec<usize>,
}

/// Greenness of the pixels that were seen on a day, forecast and true, added up.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GreenSums {
    pub forecast: f64,
    pub seen: f64,
    pub n: u64,
}

/// What was found of one way to forecast.
#[derive(Clone, Debug)]
pub(super) struct MethodScore {
    pub method: Scored,
    /// One a reference.
    pub errors: Vec<ImageErrorSums>,
    pub greenness: Vec<GreenSums>,
    pub ndvi: NdviScores,
    pub cubes: Vec<EarthNetParts>,
}

/// Whose forecasts are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scored {
    /// The written files.
    Own,
    Rule(Baseline),
}

/// All ways to forecast, on the days with an image.
#[derive(Clone, Debug)]
pub(super) struct Scores {
    pub references: Vec<Reference>,
    pub methods: Vec<MethodScore>,
}

/// The days of the targets that were seen later.
pub(super) fn references(place: &Place, targets: &[Target]) -> Vec<Reference> {
    targets
        .iter()
        .enumerate()
        .map(|(target, of)| Reference {
            target,
            frames: place.frames_on(&place.later, of.date),
        })
        .filter(|reference| !reference.frames.is_empty())
        .collect()
}

/// Compares the written files and the rules beside them with the images of the days. `own_rule`: the rule the files were
/// made by, which then is not worked out twice.
pub(super) fn score(
    place: &Place,
    targets: &[Target],
    references: Vec<Reference>,
    own_rule: Option<Baseline>,
    land_cover: Option<&Raster>,
    monitor: &Monitor<'_>,
) -> JobResult<Scores> {
    let mut methods: Vec<Scored> = vec![Scored::Own];
    methods.extend(
        Baseline::FORECASTS
            .into_iter()
            .filter(|rule| Some(*rule) != own_rule)
            .map(Scored::Rule),
    );
    let count = references.len();
    let mut scores: Vec<MethodScore> = methods
        .into_iter()
        .map(|method| MethodScore {
            method,
            errors: vec![ImageErrorSums::new(place.bands.count()); count],
            greenness: vec![GreenSums::default(); count],
            ndvi: NdviScores::default(),
            cubes: Vec::new(),
        })
        .collect();
    let files: Vec<Raster> = references
        .iter()
        .filter_map(|reference| targets.get(reference.target))
        .map(|target| Raster::open(&target.file))
        .collect::<Result<_, _>>()?;
    let cubes = parts_of(place.region, EARTHNET_PX);
    let total = cubes.len() as u64;
    for (number, window) in cubes.iter().enumerate() {
        monitor.check()?;
        monitor.progress("comparing with what was seen", number as u64, total);
        let cube = Cube::read(
            place,
            targets,
            &references,
            &files,
            *window,
            &scores,
            monitor,
        )?;
        let cover = match land_cover {
            Some(raster) => Some(cover_of(raster, place.in_region(*window))?),
            None => None,
        };
        cube.compare(place, number, cover.as_deref(), own_rule, &mut scores);
    }
    Ok(Scores {
        references,
        methods: scores,
    })
}

/// Everything of one square of the region.
struct Cube {
    window: Window,
    /// One a reference.
    seen: Vec<Seen>,
    /// `[method][reference]`, planar.
    forecasts: Vec<Vec<Vec<f32>>>,
    /// NDVI of every image used, one list a pixel.
    context: Vec<Vec<Option<f64>>>,
}

impl Cube {
    fn read(
        place: &Place,
        targets: &[Target],
        references: &[Reference],
        files: &[Raster],
        window: Window,
        scores: &[MethodScore],
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        let (pixels, bands) = (window.pixels(), place.bands.count());
        let numbers: Vec<usize> = (0..bands).collect();
        let inside = place.in_region(window);
        let own: Vec<Vec<f32>> = files
            .iter()
            .map(|file| {
                let block = file.read_blocking(
                    &numbers,
                    inside,
                    window.width,
                    window.height,
                    Resampling::Nearest,
                )?;
                let mut values = block.values;
                for (at, value) in values.iter_mut().enumerate() {
                    if block.valid.get(at % pixels) != Some(&true) {
                        *value = f32::NAN;
                    }
                }
                Ok(values)
            })
            .collect::<Result<_, terroir_scene::SceneError>>()?;
        let mut forecasts: Vec<Vec<Vec<f32>>> = scores
            .iter()
            .map(|score| match score.method {
                Scored::Own => own.clone(),
                Scored::Rule(_) => vec![vec![f32::NAN; bands * pixels]; references.len()],
            })
            .collect();
        let days: Vec<ForecastDay> = references
            .iter()
            .filter_map(|reference| targets.get(reference.target))
            .map(|target| ForecastDay::new(target.date, &place.input_days()))
            .collect();
        let mut context = vec![Vec::new(); pixels];
        for part in parts_of(window, place.side().min(EARTHNET_PX)) {
            let mut go_on = || !monitor.is_cancelled();
            let stack = place.stack(part, &mut go_on)?;
            let within = Inside {
                part,
                window,
                bands,
            };
            for (score, made) in scores.iter().zip(&mut forecasts) {
                let Scored::Rule(rule) = score.method else {
                    continue;
                };
                for (day, values) in days.iter().zip(made.iter_mut()) {
                    within.put(&place.by_rule(&stack, rule, day, &[]), values);
                }
            }
            courses(place, &stack, &within, &mut context);
        }
        let seen = references
            .iter()
            .map(|reference| place.seen(&reference.frames, window))
            .collect::<JobResult<_>>()?;
        Ok(Self {
            window,
            seen,
            forecasts,
            context,
        })
    }

    fn compare(
        &self,
        place: &Place,
        number: usize,
        cover: Option<&[u8]>,
        own_rule: Option<Baseline>,
        scores: &mut [MethodScore],
    ) {
        let at_of = |rule: Baseline| {
            scores.iter().position(|score| {
                score.method == Scored::Rule(rule)
                    || (score.method == Scored::Own && own_rule == Some(rule))
            })
        };
        let persistence = at_of(Baseline::Persistence);
        let climatology = at_of(Baseline::Climatology);
        for (score, made) in scores.iter_mut().zip(&self.forecasts) {
            for (at, (seen, values)) in self.seen.iter().zip(made).enumerate() {
                let pair = ForecastPair {
                    prediction: values,
                    target: &seen.values,
                    is_seen: &seen.is_seen,
                    width: self.window.width,
                };
                let last = persistence
                    .and_then(|method| self.forecasts.get(method)?.get(at))
                    .map(Vec::as_slice);
                if let Some(errors) = score.errors.get_mut(at) {
                    errors.add_against(&pair, last);
                    if place.bands.is_reflectance {
                        errors.add_similarity(&pair, DATA_RANGE);
                    }
                }
            }
            self.compare_cube(place, score, made);
        }
        self.compare_greenness(place, number, cover, climatology, scores);
    }

    fn compare_cube(&self, place: &Place, score: &mut MethodScore, made: &[Vec<f32>]) {
        let Some(bands) = place.bands.earthnet else {
            return;
        };
        let pixels = self.window.pixels();
        let chosen = |values: &[f32]| -> Vec<f32> {
            bands
                .iter()
                .flat_map(|band| values[band * pixels..(band + 1) * pixels].iter().copied())
                .collect()
        };
        let prediction: Vec<f32> = made.iter().flat_map(|values| chosen(values)).collect();
        // Where nothing is forecast there is nothing to compare.
        let is_made = |step: usize, pixel: usize| {
            (0..4).all(|band| prediction[(step * 4 + band) * pixels + pixel].is_finite())
        };
        let target: Vec<f32> = self
            .seen
            .iter()
            .flat_map(|seen| chosen(&seen.values))
            .collect();
        let is_seen: Vec<bool> = self
            .seen
            .iter()
            .enumerate()
            .flat_map(|(step, seen)| {
                let is_made = &is_made;
                (0..pixels).map(move |pixel| seen.is_seen[pixel] && is_made(step, pixel))
            })
            .collect();
        let cube = EarthNetCube {
            prediction: &prediction,
            target: &target,
            is_seen: &is_seen,
            steps: self.seen.len(),
            width: self.window.width,
        };
        score.cubes.push(cube.parts());
    }

    fn compare_greenness(
        &self,
        place: &Place,
        number: usize,
        cover: Option<&[u8]>,
        climatology: Option<usize>,
        scores: &mut [MethodScore],
    ) {
        let pixels = self.window.pixels();
        let plane = |values: &[f32]| place.bands.ndvi_plane(values, pixels);
        let seen: Option<Vec<Vec<f32>>> =
            self.seen.iter().map(|seen| plane(&seen.values)).collect();
        let made: Option<Vec<Vec<Vec<f32>>>> = self
            .forecasts
            .iter()
            .map(|made| made.iter().map(|values| plane(values)).collect())
            .collect();
        let (Some(seen), Some(made)) = (seen, made) else {
            return;
        };
        for (score, made) in scores.iter_mut().zip(&made) {
            for (at, sums) in score.greenness.iter_mut().enumerate() {
                let pairs = made[at].iter().zip(&seen[at]).zip(&self.seen[at].is_seen);
                for ((forecast, seen), is_seen) in pairs {
                    if *is_seen && forecast.is_finite() && seen.is_finite() {
                        sums.forecast += f64::from(*forecast);
                        sums.seen += f64::from(*seen);
                        sums.n += 1;
                    }
                }
            }
        }
        let known = |value: f32| value.is_finite().then(|| f64::from(value));
        // One list of methods a pixel.
        let measured: Vec<Vec<NdviPixel>> = (0..pixels)
            .into_par_iter()
            .map(|pixel| {
                let target: Vec<Option<f64>> = seen
                    .iter()
                    .zip(&self.seen)
                    .map(|(plane, seen)| known(plane[pixel]).filter(|_| seen.is_seen[pixel]))
                    .collect();
                made.iter()
                    .map(|steps| {
                        let forecast: Vec<Option<f64>> =
                            steps.iter().map(|plane| known(plane[pixel])).collect();
                        // Without any forecast there is nothing to score, not a forecast of 0.5.
                        if forecast.iter().all(Option::is_none) {
                            return NdviPixel::default();
                        }
                        NdviPixel::of(&self.context[pixel], &target, &forecast)
                    })
                    .collect()
            })
            .collect();
        for (pixel, methods) in measured.iter().enumerate() {
            let cover = cover.map(|cover| cover[pixel]);
            let usual = climatology
                .and_then(|at| methods.get(at))
                .filter(|usual| usual.n_obs > 0);
            for (at, (score, own)) in scores.iter_mut().zip(methods).enumerate() {
                let usual = usual.filter(|_| climatology != Some(at));
                score.ndvi.add(number, cover, own, usual);
            }
        }
    }
}

/// Where a part lies in its window.
struct Inside {
    part: Window,
    window: Window,
    bands: usize,
}

impl Inside {
    fn pixel(&self, at: usize) -> usize {
        let (row, col) = (at / self.part.width, at % self.part.width);
        (self.part.row - self.window.row + row) * self.window.width + self.part.col
            - self.window.col
            + col
    }

    fn put(&self, values: &[f32], whole: &mut [f32]) {
        let (own, all) = (self.part.pixels(), self.window.pixels());
        for band in 0..self.bands {
            for at in 0..own {
                whole[band * all + self.pixel(at)] = values[band * own + at];
            }
        }
    }
}

fn courses(place: &Place, stack: &TimeStack, within: &Inside, context: &mut [Vec<Option<f64>>]) {
    for at in 0..within.part.pixels() {
        if let Some(course) = context.get_mut(within.pixel(at)) {
            *course = place.ndvi_course(stack, at);
        }
    }
}

/// Codes of land cover of a window, 0 where there is none.
fn cover_of(raster: &Raster, window: Window) -> JobResult<Vec<u8>> {
    let block = raster.read_blocking(
        &[0],
        window,
        window.width,
        window.height,
        Resampling::Nearest,
    )?;
    let code = |(value, valid): (&f32, &bool)| match valid {
        true if (1.0..=255.0).contains(value) => *value as u8,
        _ => 0,
    };
    Ok(block.values.iter().zip(&block.valid).map(code).collect())
}

/// Opens the land cover, which has to lie on the grid of the results.
pub(super) fn open_cover(path: &Path, place: &Place) -> JobResult<Raster> {
    let raster = Raster::open(path)?;
    if !raster.info().grid.same_as(&place.grid) {
        return Err(crate::Failure::new(format!(
            "the land cover lies on another grid than the images; bring it onto theirs first\n{}",
            path.display()
        ))
        .into());
    }
    Ok(raster)
}

/// How far filled values lie from the values that were seen, made from the other days only.
pub(super) struct FillScore {
    /// One a target.
    pub errors: Vec<ImageErrorSums>,
}

/// Compares, on each day, what the other days say with what was seen.
pub(super) fn score_filling(
    place: &Place,
    rule: Baseline,
    targets: &[Target],
    monitor: &Monitor<'_>,
) -> JobResult<FillScore> {
    let input_days = place.input_days();
    let days: Vec<(Date, ForecastDay, Vec<usize>)> = targets
        .iter()
        .map(|target| {
            let day = ForecastDay::new(target.date, &input_days);
            let own = super::images::own_images(place, target.date);
            (target.date, day, own)
        })
        .collect();
    let mut errors = vec![ImageErrorSums::new(place.bands.count()); targets.len()];
    let windows = place.windows(place.side().min(EARTHNET_PX));
    for (number, window) in windows.iter().enumerate() {
        monitor.progress(
            "comparing with what was seen",
            number as u64,
            windows.len() as u64,
        );
        let stack = place.stack(*window, &mut || !monitor.is_cancelled())?;
        for ((date, day, own), errors) in days.iter().zip(&mut errors) {
            monitor.check()?;
            if own.is_empty() {
                continue;
            }
            let seen = place.seen(&place.frames_on(&place.inputs, *date), *window)?;
            let made = place.by_rule(&stack, rule, day, own);
            let last = place.by_rule(&stack, Baseline::Persistence, day, own);
            let pair = ForecastPair {
                prediction: &made,
                target: &seen.values,
                is_seen: &seen.is_seen,
                width: window.width,
            };
            errors.add_against(&pair, Some(&last));
            if place.bands.is_reflectance {
                errors.add_similarity(&pair, DATA_RANGE);
            }
        }
    }
    Ok(FillScore { errors })
}
