//! A labelled raster with its fixed splits: which pixels train, which test, and how well a field does on them.
//! Knows nothing of designs, tables or how the field was made.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde_json::Value;
use terroir_scene::{
    Class, ConfusionMatrix, HeadKind, LabelledPixel, LinearHead, Raster, Resampling, class_color,
};

use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::train::{Sample, read_samples_blocking};

/// Full training and test parts are thinned to this many pixels, as in the published baselines.
const MOST_PIXELS: usize = 20_000;

/// A labelled raster and its five ways of splitting it.
pub(crate) struct Split {
    width: usize,
    classes: Vec<Class>,
    class_of: Vec<u8>,
    unit_of: Vec<u32>,
    seeds: Vec<Seed>,
}

struct Seed {
    train_units: HashSet<u32>,
    test_units: HashSet<u32>,
    /// `5` and `10` to pixels (row, column).
    few_shot: BTreeMap<String, Vec<(usize, usize)>>,
}

impl Split {
    pub fn read(folder: &Path, labels: &str) -> JobResult<Self> {
        let path = folder.join("split.json");
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Failure::io("the split cannot be read", &path, &error))?;
        let split: Value = serde_json::from_str(&text).map_err(|error| {
            Failure::new(format!("not a split file\n{}", path.display())).with_details(error)
        })?;
        let broken = || {
            Failure::new(format!(
                "the split file lacks what it should hold\n{}",
                path.display()
            ))
        };
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
        // Units are polygons of band 2, or blocks: "block 8x8 px".
        let unit = split["unit"].as_str().ok_or_else(broken)?;
        let unit_of = match unit
            .strip_prefix("block ")
            .and_then(|rest| rest.split('x').next())
        {
            Some(side) => {
                let side: usize = side.parse().map_err(|_| broken())?;
                let columns = width.div_ceil(side);
                (0..width * height)
                    .map(|at| ((at / width / side) * columns + at % width / side + 1) as u32)
                    .collect()
            }
            None => read(1)?,
        };
        let ids: Vec<u8> = split["class_ids_used"]
            .as_array()
            .ok_or_else(broken)?
            .iter()
            .filter_map(|id| id.as_u64().and_then(|id| u8::try_from(id).ok()))
            .collect();
        let name = |id: u8| {
            split["class_names"][id.to_string()]
                .as_str()
                .unwrap_or("class")
                .to_owned()
        };
        let classes = ids
            .iter()
            .map(|id| Class {
                id: *id,
                name: name(*id),
                color: class_color(*id),
            })
            .collect();
        let units = |value: &Value| {
            value
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|unit| unit.as_u64().map(|unit| unit as u32))
                .collect()
        };
        let seeds = split["seeds"]
            .as_array()
            .ok_or_else(broken)?
            .iter()
            .map(|seed| Seed {
                train_units: units(&seed["train_units"]),
                test_units: units(&seed["test_units"]),
                few_shot: few_shot(&seed["few_shot"]),
            });
        let class_of = read(0)?
            .into_iter()
            .map(|value| {
                u8::try_from(value)
                    .ok()
                    .filter(|id| ids.contains(id))
                    .unwrap_or(0)
            })
            .collect();
        Ok(Self {
            width,
            classes,
            class_of,
            unit_of,
            seeds: seeds.collect(),
        })
    }

    /// Labelled pixels of some units, thinned evenly.
    fn pixels_of(&self, units: &HashSet<u32>) -> Vec<LabelledPixel> {
        let all: Vec<usize> = (0..self.class_of.len())
            .filter(|at| self.class_of[*at] > 0 && units.contains(&self.unit_of[*at]))
            .collect();
        let kept = all.len().min(MOST_PIXELS);
        (0..kept)
            .map(|i| self.pixel(all[i * all.len() / kept]))
            .collect()
    }

    fn pixel(&self, at: usize) -> LabelledPixel {
        LabelledPixel {
            col: at % self.width,
            row: at / self.width,
            class_id: self.class_of[at],
            polygon: self.unit_of[at],
        }
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
                        .map(|(row, col)| self.pixel(row * self.width + col))
                        .collect(),
                    None => self.pixels_of(&seed.train_units),
                };
                let training = read_samples_blocking(field, &training, monitor)?;
                let test =
                    read_samples_blocking(field, &self.pixels_of(&seed.test_units), monitor)?;
                self.score_seed(kind, &training, &test)
            })
            .collect()
    }

    fn score_seed(
        &self,
        kind: HeadKind,
        training: &[Sample],
        test: &[Sample],
    ) -> JobResult<(f64, f64)> {
        let pixels: Vec<_> = training
            .iter()
            .filter_map(|sample| sample.training(&self.classes))
            .collect();
        let head = LinearHead::fit(kind, &self.classes, &pixels, &|| false)?;
        let mut matrix = ConfusionMatrix::new(self.classes.clone());
        let place = |id: u8| self.classes.iter().position(|class| class.id == id);
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
            / self.classes.len().max(1) as f64;
        Ok((accuracy.overall.unwrap_or(0.0), f1))
    }
}

fn few_shot(value: &Value) -> BTreeMap<String, Vec<(usize, usize)>> {
    let pixel = |pair: &Value| {
        Some((
            pair.get(0)?.as_u64()? as usize,
            pair.get(1)?.as_u64()? as usize,
        ))
    };
    let pixels = |classes: &Value| {
        let lists = classes
            .as_object()
            .into_iter()
            .flat_map(|classes| classes.values());
        lists
            .flat_map(|list| list.as_array().into_iter().flatten().filter_map(pixel))
            .collect()
    };
    value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(count, classes)| (count.clone(), pixels(classes)))
        .collect()
}
