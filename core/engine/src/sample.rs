//! The sample job: draws a stratified random sample of a class map, to be answered and given to assess.

use std::collections::HashSet;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use terroir_scene::{
    Raster, SampleDesign, classes_of_map, draw_validation_sample_blocking, import_labels,
    write_validation_points,
};

use crate::monitor::{JobResult, Monitor};
use crate::train::say_import;
use crate::{Failure, Outcome};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleSpec {
    /// The class map to be checked; its classes are the strata.
    pub map: PathBuf,
    /// Points in all; `None` = as many as `standard_error` needs.
    #[serde(default)]
    pub points: Option<usize>,
    /// Wanted standard error of the overall accuracy.
    pub standard_error: f64,
    /// User's accuracy expected of every class.
    pub expected_users: f64,
    /// Points of every class at least.
    pub least: usize,
    /// Labels the map was trained with: their pixels are not drawn.
    #[serde(default)]
    pub exclude: Option<PathBuf>,
    /// Attribute of `exclude` that holds the class.
    #[serde(default)]
    pub class_attribute: Option<String>,
    #[serde(default)]
    pub seed: u64,
    /// `.gpkg` or `.csv`.
    pub out: PathBuf,
}

impl SampleSpec {
    /// The usual design for a map.
    pub fn new(map: PathBuf, out: PathBuf) -> Self {
        let design = SampleDesign::default();
        Self {
            map,
            points: design.points,
            standard_error: design.standard_error,
            expected_users: design.expected_users,
            least: design.least,
            exclude: None,
            class_attribute: None,
            seed: design.seed,
            out,
        }
    }

    /// Words of its command line after `sample`.
    pub(crate) fn words(&self) -> Vec<(&'static str, Option<String>)> {
        let path = |path: &PathBuf| Some(path.display().to_string());
        let mut words = vec![("--map", path(&self.map))];
        match self.points {
            Some(points) => words.push(("--points", Some(points.to_string()))),
            None => words.push(("--standard-error", Some(self.standard_error.to_string()))),
        }
        words.push(("--expected-accuracy", Some(self.expected_users.to_string())));
        words.push(("--least", Some(self.least.to_string())));
        if let Some(file) = &self.exclude {
            words.push(("--exclude", path(file)));
            if let Some(attribute) = &self.class_attribute {
                words.push(("--class-attribute", Some(attribute.clone())));
            }
        }
        if self.seed != 0 {
            words.push(("--seed", Some(self.seed.to_string())));
        }
        words.push(("--out", path(&self.out)));
        words
    }
}

pub(crate) fn sample(spec: &SampleSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    monitor.started("cpu");
    let map = Raster::open(&spec.map)?;
    let grid = &map.info().grid;
    if spec.out == spec.map {
        return Err(Failure::new(format!(
            "the points would overwrite the map; choose another name\n{}",
            spec.out.display()
        ))
        .into());
    }
    let mut excluded = HashSet::new();
    if let Some(file) = &spec.exclude {
        monitor.progress("reading the labels", 0, 1);
        let (labels, report) = import_labels(file, grid, spec.class_attribute.as_deref())?;
        say_import(monitor, &report);
        let pixels = labels.pixels().into_iter();
        excluded.extend(pixels.map(|pixel| (pixel.col, pixel.row)));
    }
    let design = SampleDesign {
        points: spec.points,
        standard_error: spec.standard_error,
        expected_users: spec.expected_users,
        least: spec.least,
        seed: spec.seed,
    };
    let drawn = draw_validation_sample_blocking(&map, &design, &excluded, &mut |share| {
        monitor.progress("drawing", (share * 1000.0) as u64, 1000);
        !monitor.is_cancelled()
    })?;
    write_validation_points(&spec.out, grid, &drawn.pixels)?;
    let present: Vec<u8> = drawn.strata.iter().map(|(value, ..)| *value).collect();
    let classes = classes_of_map(map.info(), &present);
    let mut metrics = vec![("points".to_owned(), drawn.pixels.len() as f64)];
    for (value, pixels, points) in &drawn.strata {
        let class = classes.iter().find(|class| class.id == *value);
        let name = class.map_or_else(|| value.to_string(), |class| class.name.clone());
        metrics.push((format!("pixels of {name}"), *pixels as f64));
        metrics.push((format!("points of {name}"), *points as f64));
        if (*points as u64) < spec.least as u64 {
            monitor.warn(format!(
                "class {name} has {pixels} pixels to draw from, fewer than the {} points wanted",
                spec.least
            ));
        }
    }
    Ok(Outcome {
        files: vec![spec.out.clone()],
        summary: format!(
            "{} points drawn, in random order and without the map's classes",
            drawn.pixels.len()
        ),
        metrics,
        warnings: monitor.warnings(),
    })
}
