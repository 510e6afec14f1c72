//! Labels of a fine-tuning job by place: what trains, what validates, and what a window of the scene shows of them.
//! Knows labels and splits. Knows no tensors.

use std::collections::{BTreeMap, BTreeSet};

use terroir_scene::{
    Class, Grid, LabelUse, LabelledPixel, Window, block_px_of, import_labels, import_values,
    names_of, spatial_folds,
};

use super::scene_source::SceneSource;
use super::spec::{ClassWeights, FinetuneSpec, TuneTask};
use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::train::say_import;

/// Fewer training pixels of a class than this are said.
const FEW_PIXELS: usize = 20;
/// Side of the squares in which the scene is asked where it has data.
const READ_SIDE: usize = 256;
/// More labelled pixels than this are thinned evenly: they say no more, and splitting them takes long.
const MOST_LABELS: usize = 1_000_000;
/// Class weights stay within this factor of their mean.
const MOST_WEIGHT: f64 = 10.0;

/// Labels along either side of a scene whose own are not read.
const MADE_UP: usize = 8;

/// A labelled pixel. `label`: class from 0, or value on the scale the model learns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Labelled {
    pub col: usize,
    pub row: usize,
    pub label: f32,
    pub validates: bool,
}

/// All labelled pixels of a job.
pub(crate) struct LabelMap {
    /// Classes in use; none for values.
    pub classes: Vec<Class>,
    /// Mean and deviation of the training values; 0 and 1 for classes.
    pub scale: (f64, f64),
    /// By rows, then columns.
    pixels: Vec<Labelled>,
    /// First and last + 1 of each row's pixels.
    rows: BTreeMap<usize, (usize, usize)>,
}

impl LabelMap {
    pub fn read(
        spec: &FinetuneSpec,
        source: &SceneSource,
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        monitor.progress("reading the labels", 0, 1);
        let grid = source.grid();
        let (mut raw, classes) = match spec.task {
            TuneTask::Values => (read_values(spec, grid, monitor)?, Vec::new()),
            TuneTask::Pixels | TuneTask::Patches => read_classes(spec, grid, monitor)?,
        };
        thin(&mut raw, monitor);
        keep_valid(&mut raw, source, monitor)?;
        if raw.is_empty() {
            return Err(Failure::new(format!(
                "no labelled pixel lies on data of the scene; check that labels and scene show the same place\n{}",
                spec.labels.display()
            ))
            .into());
        }
        let classes: Vec<Class> = classes
            .into_iter()
            .filter(|class| raw.iter().any(|pixel| pixel.place.class_id == class.id))
            .collect();
        let is_values = spec.task == TuneTask::Values;
        if let [only] = classes.as_slice() {
            return Err(Failure::new(format!(
                "the labels hold one class only (\"{}\"); a model needs two or more to tell apart\n{}",
                only.name,
                spec.labels.display()
            ))
            .into());
        }
        let validates = split(spec, grid, &raw, monitor);
        let mut scale = (0.0, 1.0);
        if is_values {
            scale = scale_of(&raw, &validates);
            if scale.1 <= 0.0 {
                return Err(Failure::new(format!(
                    "all labels that train hold the same value, so there is nothing to learn; label places with other values\n{}",
                    spec.labels.display()
                ))
                .into());
            }
        }
        let mut pixels: Vec<Labelled> = raw
            .iter()
            .zip(&validates)
            .filter_map(|(pixel, validates)| {
                let label = if is_values {
                    ((pixel.value - scale.0) / scale.1) as f32
                } else {
                    let is_own = |class: &Class| class.id == pixel.place.class_id;
                    classes.iter().position(is_own)? as f32
                };
                Some(Labelled {
                    col: pixel.place.col,
                    row: pixel.place.row,
                    label,
                    validates: *validates,
                })
            })
            .collect();
        pixels.sort_by_key(|pixel| (pixel.row, pixel.col));
        let map = Self::of(classes, scale, pixels);
        map.say_few(monitor);
        Ok(map)
    }

    /// Labels made up all over a scene, for what is only timed: which they are changes nothing of that.
    pub fn made_up(task: TuneTask, grid: &Grid) -> Self {
        let (classes, pixels) = match task {
            TuneTask::Values => (Vec::new(), 1),
            TuneTask::Pixels | TuneTask::Patches => {
                let of = |id: u8| Class {
                    id,
                    name: id.to_string(),
                    color: [0; 3],
                };
                (vec![of(1), of(2)], 2)
            }
        };
        let along = |length: usize, at: usize| (2 * at + 1) * length / (2 * MADE_UP);
        let pixels = (0..MADE_UP * MADE_UP)
            .map(|at| Labelled {
                col: along(grid.width, at % MADE_UP),
                row: along(grid.height, at / MADE_UP),
                label: (at % pixels) as f32,
                validates: false,
            })
            .collect();
        Self::of(classes, (0.0, 1.0), pixels)
    }

    /// `pixels` by rows, then columns.
    fn of(classes: Vec<Class>, scale: (f64, f64), pixels: Vec<Labelled>) -> Self {
        let mut rows: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
        for (index, pixel) in pixels.iter().enumerate() {
            rows.entry(pixel.row).or_insert((index, index)).1 = index + 1;
        }
        Self {
            classes,
            scale,
            pixels,
            rows,
        }
    }

    /// Classes, or 1 for values.
    pub fn outputs(&self) -> usize {
        self.classes.len().max(1)
    }

    pub fn pixels(&self, validates: bool) -> impl Iterator<Item = &Labelled> {
        self.pixels
            .iter()
            .filter(move |pixel| pixel.validates == validates)
    }

    /// Training pixels by class; one group for values.
    pub fn training_groups(&self) -> Vec<Vec<Labelled>> {
        let mut groups = vec![Vec::new(); self.outputs()];
        for pixel in self.pixels(false) {
            let group = if self.classes.is_empty() {
                0
            } else {
                pixel.label as usize
            };
            if let Some(group) = groups.get_mut(group) {
                group.push(*pixel);
            }
        }
        groups.retain(|group| !group.is_empty());
        groups
    }

    /// Labels of a window, `side * side` by rows from its upper left; NaN where there are none.
    pub fn in_window(&self, window: Window, side: usize, validates: bool) -> Vec<f32> {
        let mut labels = vec![f32::NAN; side * side];
        let height = side.min(window.height);
        for (row, (first, end)) in self.rows.range(window.row..window.row + height) {
            let line = self.pixels.get(*first..*end).unwrap_or_default();
            let start = line.partition_point(|pixel| pixel.col < window.col);
            for pixel in line.iter().skip(start) {
                let across = pixel.col - window.col;
                if across >= side.min(window.width) {
                    break;
                }
                if pixel.validates == validates {
                    labels[(row - window.row) * side + across] = pixel.label;
                }
            }
        }
        labels
    }

    /// Weights of the classes in the loss; a single 1 for values.
    pub fn weights(&self, asked: &ClassWeights) -> Result<Vec<f32>, Failure> {
        if self.classes.is_empty() {
            return Ok(vec![1.0]);
        }
        match asked {
            ClassWeights::Even => Ok(vec![1.0; self.classes.len()]),
            ClassWeights::Balanced => Ok(balanced(&self.counts(false))),
            ClassWeights::Given(given) => {
                let known = |name: &String| self.classes.iter().any(|class| class.name == *name);
                if let Some((name, _)) = given.iter().find(|(name, _)| !known(name)) {
                    let names: Vec<&str> = self
                        .classes
                        .iter()
                        .map(|class| class.name.as_str())
                        .collect();
                    return Err(Failure::new(format!(
                        "a weight is given for the class \"{name}\", which the labels do not hold; they hold {}",
                        names.join(", ")
                    )));
                }
                if let Some((name, weight)) = given
                    .iter()
                    .find(|(_, weight)| !(weight.is_finite() && *weight > 0.0))
                {
                    return Err(Failure::new(format!(
                        "the weight {weight} of the class \"{name}\" is no number above zero"
                    )));
                }
                let weight_of = |class: &Class| {
                    let named = given.iter().rev().find(|(name, _)| *name == class.name);
                    named.map_or(1.0, |(_, weight)| *weight as f32)
                };
                Ok(self.classes.iter().map(weight_of).collect())
            }
        }
    }

    /// Pixels of each class.
    pub fn counts(&self, validates: bool) -> Vec<usize> {
        let mut counts = vec![0; self.outputs()];
        for pixel in self.pixels(validates) {
            let class = if self.classes.is_empty() {
                0
            } else {
                pixel.label as usize
            };
            if let Some(count) = counts.get_mut(class) {
                *count += 1;
            }
        }
        counts
    }

    fn say_few(&self, monitor: &Monitor<'_>) {
        let names = self.classes.iter().map(|class| class.name.as_str());
        let few: Vec<String> = names
            .chain(self.classes.is_empty().then_some("values"))
            .zip(self.counts(false))
            .filter(|(_, count)| *count < FEW_PIXELS)
            .map(|(name, count)| format!("{name} ({count})"))
            .collect();
        if !few.is_empty() {
            monitor.warn(format!(
                "few labelled pixels to train on, so expect little: {}",
                few.join(", ")
            ));
        }
    }
}

/// Total over classes times count: 1 for every class where all have as many pixels.
fn balanced(counts: &[usize]) -> Vec<f32> {
    let present = counts.iter().filter(|count| **count > 0).count();
    let total: usize = counts.iter().sum();
    let weight = |count: usize| match count {
        // A class without a training pixel weighs nothing anyway.
        0 => 1.0,
        _ => total as f64 / (present * count) as f64,
    };
    counts
        .iter()
        .map(|count| weight(*count).clamp(1.0 / MOST_WEIGHT, MOST_WEIGHT) as f32)
        .collect()
}

/// A labelled pixel as the file has it.
struct Raw {
    place: LabelledPixel,
    value: f64,
}

fn read_classes(
    spec: &FinetuneSpec,
    grid: &Grid,
    monitor: &Monitor<'_>,
) -> JobResult<(Vec<Raw>, Vec<Class>)> {
    let (labels, report) = import_labels(&spec.labels, grid, spec.class_attribute.as_deref())?;
    say_import(monitor, &report);
    report.notes.into_iter().for_each(|note| monitor.warn(note));
    let held_out = labels.pixels_for(LabelUse::HeldOut).len();
    if held_out > 0 {
        monitor.warn(format!(
            "{held_out} pixels of {} shapes marked test or validation are held out of training",
            labels.held_out_polygons()
        ));
    }
    let raw = labels
        .pixels_for(LabelUse::Train)
        .into_iter()
        .map(|place| Raw { place, value: 0.0 })
        .collect();
    Ok((raw, labels.classes.to_vec()))
}

fn read_values(spec: &FinetuneSpec, grid: &Grid, monitor: &Monitor<'_>) -> JobResult<Vec<Raw>> {
    let (values, report) = import_values(&spec.labels, grid, spec.class_attribute.as_deref())?;
    say_import(monitor, &report);
    report.notes.into_iter().for_each(|note| monitor.warn(note));
    let raw = values.into_iter().map(|pixel| Raw {
        place: LabelledPixel {
            col: pixel.col,
            row: pixel.row,
            class_id: 1,
            polygon: pixel.polygon,
        },
        value: pixel.value,
    });
    Ok(raw.collect())
}

fn thin(raw: &mut Vec<Raw>, monitor: &Monitor<'_>) {
    let every = raw.len().div_ceil(MOST_LABELS);
    if every > 1 {
        let mut at = 0;
        raw.retain(|_| {
            at += 1;
            at % every == 1
        });
        monitor.warn(format!(
            "the labels are thinned to every {every}th pixel, {} in all",
            raw.len()
        ));
    }
}

/// Drops what lies where the scene has no data.
fn keep_valid(raw: &mut Vec<Raw>, source: &SceneSource, monitor: &Monitor<'_>) -> JobResult<()> {
    let extent = source.grid().window();
    let squares: BTreeSet<(usize, usize)> = raw
        .iter()
        .map(|pixel| (pixel.place.row / READ_SIDE, pixel.place.col / READ_SIDE))
        .collect();
    let mut valid = BTreeMap::new();
    for (done, (row, col)) in squares.iter().enumerate() {
        monitor.check()?;
        monitor.progress("reading the scene", done as u64, squares.len() as u64);
        let (top, left) = (row * READ_SIDE, col * READ_SIDE);
        let window = Window {
            col: left,
            row: top,
            width: READ_SIDE.min(extent.width.saturating_sub(left)),
            height: READ_SIDE.min(extent.height.saturating_sub(top)),
        };
        if window.width > 0 && window.height > 0 {
            valid.insert((*row, *col), (window, source.valid_blocking(window)?));
        }
    }
    let before = raw.len();
    raw.retain(|pixel| {
        let (col, row) = (pixel.place.col, pixel.place.row);
        valid
            .get(&(row / READ_SIDE, col / READ_SIDE))
            .is_some_and(|(window, valid)| {
                let at = (row - window.row) * window.width + (col - window.col);
                col - window.col < window.width && valid.get(at) == Some(&true)
            })
    });
    if raw.len() < before {
        monitor.warn(format!(
            "{} labelled pixels lie where the scene has no data and are left out",
            before - raw.len()
        ));
    }
    Ok(())
}

/// Which pixels validate: one spatial part of the labels, never sharing a block or a polygon with what trains.
fn split(spec: &FinetuneSpec, grid: &Grid, raw: &[Raw], monitor: &Monitor<'_>) -> Vec<bool> {
    let none = vec![false; raw.len()];
    if spec.folds == 0 {
        return none;
    }
    let places: Vec<LabelledPixel> = raw.iter().map(|pixel| pixel.place).collect();
    let (fold_of, warnings) = spatial_folds(
        &places,
        block_px_of(grid),
        spec.folds,
        spec.seed,
        &names_of(&[]),
    );
    // For values, the words on classes would mislead.
    if spec.task != TuneTask::Values {
        warnings.into_iter().for_each(|text| monitor.warn(text));
    }
    let classes_of = |inside: &dyn Fn(usize) -> bool| -> BTreeSet<u8> {
        let members = places.iter().zip(&fold_of);
        members
            .filter(|(_, fold)| inside(**fold))
            .map(|(pixel, _)| pixel.class_id)
            .collect()
    };
    // The part that shows most classes; of equals, the one nearest to a fair share.
    let fair = raw.len() as f64 / spec.folds.max(2) as f64;
    let folds: BTreeSet<usize> = fold_of.iter().copied().collect();
    let best = folds
        .iter()
        .copied()
        .filter(|_| folds.len() > 1)
        .max_by(|a, b| {
            let rank = |fold: usize| {
                let count = fold_of.iter().filter(|of| **of == fold).count() as f64;
                (
                    classes_of(&|of| of == fold).len(),
                    -(count / fair.max(1.0)).ln().abs(),
                )
            };
            rank(*a)
                .partial_cmp(&rank(*b))
                .unwrap_or(std::cmp::Ordering::Equal)
        });
    let Some(best) = best else {
        monitor.warn(
            "the labels lie too close together for a spatially separate validation; all of them train, the last step is kept and no accuracy is given",
        );
        return none;
    };
    // What is labelled in one place only has to train.
    let trains = classes_of(&|of| of != best);
    fold_of
        .iter()
        .zip(&places)
        .map(|(fold, pixel)| *fold == best && trains.contains(&pixel.class_id))
        .collect()
}

/// Mean and deviation of the values that train; a deviation of 0 where they are all the same.
fn scale_of(raw: &[Raw], validates: &[bool]) -> (f64, f64) {
    let training: Vec<f64> = raw
        .iter()
        .zip(validates)
        .filter(|(_, validates)| !**validates)
        .map(|(pixel, _)| pixel.value)
        .collect();
    let count = training.len().max(1) as f64;
    let mean = training.iter().sum::<f64>() / count;
    let squares = training.iter().map(|value| (value - mean).powi(2));
    let deviation = (squares.sum::<f64>() / count).sqrt();
    if deviation <= 1e-12 * mean.abs() {
        return (mean, 0.0);
    }
    (mean, deviation)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> LabelMap {
        let pixel = |col, row, label, validates| Labelled {
            col,
            row,
            label,
            validates,
        };
        let pixels = vec![
            pixel(3, 1, 0.0, false),
            pixel(5, 1, 1.0, true),
            pixel(9, 1, 1.0, false),
            pixel(4, 4, 1.0, false),
        ];
        let class = |id: u8, name: &str| Class {
            id,
            name: name.to_owned(),
            color: [id; 3],
        };
        LabelMap::of(vec![class(1, "a"), class(7, "b")], (0.0, 1.0), pixels)
    }

    #[test]
    fn a_window_shows_the_labels_inside_it_of_one_part() {
        let window = Window {
            col: 3,
            row: 1,
            width: 4,
            height: 4,
        };
        let labels = map().in_window(window, 4, false);
        assert_eq!(labels[0], 0.0);
        assert_eq!(labels[3 * 4 + 1], 1.0);
        assert_eq!(labels.iter().filter(|label| !label.is_nan()).count(), 2);
        let labels = map().in_window(window, 4, true);
        assert_eq!(labels[2], 1.0);
        assert_eq!(labels.iter().filter(|label| !label.is_nan()).count(), 1);
    }

    #[test]
    fn weights_balance_and_are_checked() {
        assert_eq!(balanced(&[10, 10]), [1.0, 1.0]);
        let weights = balanced(&[30, 10]);
        assert!((weights[1] / weights[0] - 3.0).abs() < 1e-5, "{weights:?}");
        assert!((balanced(&[1_000_000, 1])[1] - 10.0).abs() < 1e-6);
        let given = ClassWeights::Given(vec![("b".to_owned(), 2.5)]);
        assert_eq!(map().weights(&given).unwrap(), [1.0, 2.5]);
        let unknown = ClassWeights::Given(vec![("c".to_owned(), 2.5)]);
        assert!(map().weights(&unknown).unwrap_err().what.contains("a, b"));
        let wrong = ClassWeights::Given(vec![("a".to_owned(), -1.0)]);
        assert!(map().weights(&wrong).is_err());
    }
}
