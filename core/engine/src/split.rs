//! A labelled raster with its fixed splits: which pixels train, which test, and how well a field does on them.
//! Knows nothing of designs, tables or how the field was made.

use std::collections::HashSet;
use std::path::Path;

use terroir_scene::{
    Class, ConfusionMatrix, FitOptions, Head, HeadKind, LabelledPixel, Raster, Resampling,
    class_color,
};

use crate::monitor::{JobResult, Monitor};
use crate::split_file::{SplitFile, SplitSeed, Unit};
use crate::train::{Sample, read_samples_blocking};

/// Full training and test parts are thinned to this many pixels, as in the published baselines.
const MOST_PIXELS: usize = 20_000;

/// A labelled raster and its five ways of splitting it.
pub(crate) struct Split {
    width: usize,
    classes: Vec<Class>,
    class_of: Vec<u8>,
    unit_of: Vec<u32>,
    seeds: Vec<SplitSeed>,
}

impl Split {
    pub fn read(folder: &Path, labels: &str) -> JobResult<Self> {
        let file = SplitFile::read(&folder.join("split.json"))?;
        let raster = Raster::open(&folder.join(labels))?;
        let grid = &raster.info().grid;
        let (width, height) = (grid.width, grid.height);
        let read = |band: usize| -> JobResult<Vec<u32>> {
            let block =
                raster.read_blocking(&[band], grid.window(), width, height, Resampling::Nearest)?;
            Ok(block
                .values
                .iter()
                .zip(&block.valid)
                .map(|(value, valid)| if *valid { *value as u32 } else { 0 })
                .collect())
        };
        let unit_of = match &file.unit {
            Unit::Block(side) => {
                let columns = width.div_ceil(*side);
                (0..width * height)
                    .map(|at| ((at / width / side) * columns + at % width / side + 1) as u32)
                    .collect()
            }
            Unit::Polygon | Unit::Row(_) => read(1)?,
        };
        let ids = (1..=u8::MAX).zip(&file.classes);
        let classes = ids
            .map(|(id, (_, name))| Class {
                id,
                name: name.clone(),
                color: class_color(id),
            })
            .collect();
        let id_of = |code: u32| {
            let place = file
                .classes
                .iter()
                .position(|(known, _)| *known == i64::from(code));
            place.and_then(|place| u8::try_from(place + 1).ok())
        };
        let class_of = read(0)?
            .into_iter()
            .map(|code| id_of(code).unwrap_or(0))
            .collect();
        Ok(Self {
            width,
            classes,
            class_of,
            unit_of,
            seeds: file.seeds,
        })
    }

    /// Labelled pixels of some units, thinned evenly.
    fn pixels_of(&self, units: &HashSet<u32>) -> Vec<LabelledPixel> {
        let all: Vec<usize> = (0..self.class_of.len())
            .filter(|at| self.class_of[*at] > 0 && units.contains(&self.unit_of[*at]))
            .collect();
        let kept = all.len().min(MOST_PIXELS);
        (0..kept)
            .filter_map(|i| self.pixel(*all.get(i * all.len() / kept)?))
            .collect()
    }

    fn pixel(&self, at: usize) -> Option<LabelledPixel> {
        Some(LabelledPixel {
            col: at % self.width,
            row: at / self.width,
            class_id: *self.class_of.get(at)?,
            polygon: *self.unit_of.get(at)?,
        })
    }

    /// Overall accuracy and macro F1 of every seed.
    pub fn score(
        &self,
        field: &Raster,
        kind: HeadKind,
        labels: &str,
        monitor: &Monitor<'_>,
    ) -> JobResult<Vec<(f64, f64)>> {
        self.seeds
            .iter()
            .map(|seed| {
                monitor.check()?;
                let training = match seed.few_shot.get(labels) {
                    Some(pixels) => pixels
                        .iter()
                        .filter_map(|place| match place.as_slice() {
                            [row, col] => self.pixel(row * self.width + col),
                            _ => None,
                        })
                        .collect(),
                    None => self.pixels_of(&seed.train_units),
                };
                let training = read_samples_blocking(field, &training, monitor)?;
                let test =
                    read_samples_blocking(field, &self.pixels_of(&seed.test_units), monitor)?;
                let (training, test): (Vec<&Sample>, Vec<&Sample>) =
                    (training.iter().collect(), test.iter().collect());
                score_of(&self.classes, kind, &training, &test)
            })
            .collect()
    }
}

/// Overall accuracy and macro F1 of a head on samples it has not seen.
pub(crate) fn score_of(
    classes: &[Class],
    kind: HeadKind,
    training: &[&Sample],
    test: &[&Sample],
) -> JobResult<(f64, f64)> {
    let pixels: Vec<_> = training
        .iter()
        .filter_map(|sample| sample.training(classes))
        .collect();
    let head = Head::fit(&FitOptions::new(kind), classes, &pixels, &|| false)?;
    let mut matrix = ConfusionMatrix::new(classes.to_vec());
    let place = |id: u8| classes.iter().position(|class| class.id == id);
    for sample in test {
        let (winner, _) = head.classify(&sample.vector);
        let found = head.classes.get(winner).and_then(|class| place(class.id));
        if let (Some(found), Some(truth)) = (found, place(sample.pixel.class_id)) {
            matrix.add(found, truth);
        }
    }
    let accuracy = matrix.accuracy();
    // A class neither found nor there counts as 0, as in the baselines: the mean is over the classes used.
    let f1 = accuracy
        .per_class
        .iter()
        .filter_map(|class| class.f1)
        .sum::<f64>()
        / classes.len().max(1) as f64;
    Ok((accuracy.overall.unwrap_or(0.0), f1))
}
