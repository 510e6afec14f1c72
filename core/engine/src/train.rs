//! The train-head job: labelled pixels of a field to a head, with its spatially blocked cross-validation.
//! Knows labels, fields and heads. Knows no tensors.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};
use terroir_scene::{
    Accuracy, Class, ConfusionMatrix, DEFAULT_NEIGHBOURS, FIELD_AXES, FIELD_NODATA, FitOptions,
    Grid, Head, ImportReport, LabelUse, LabelledPixel, MOST_NEIGHBOURS, Raster, TrainingPixel,
    Window, block_px_of, decode_pixel, import_labels, names_of, spatial_folds,
};

use crate::monitor::{JobResult, Monitor};
use crate::provenance::{checksum_of, classes_json, file_name, value_of};
use crate::unseen::{Calibrated, HeldOut, UnseenPixels};
use crate::{Failure, JobSpec, Outcome, TrainSpec};

/// Fewer labelled pixels of a class than this are said.
const FEW_PIXELS: usize = 20;
/// Side of the squares in which codes are read.
const READ_SIDE: usize = 256;

pub(crate) fn train(spec: &TrainSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    let begun = Instant::now();
    monitor.started("cpu");
    let field = open_field(&spec.field)?;
    monitor.progress("reading the labels", 0, 1);
    let grid = field.info().grid.clone();
    let (labels, report) = import_labels(&spec.labels, &grid, spec.class_attribute.as_deref())?;
    say_import(monitor, &report);
    let labelled = labels.pixels_for(LabelUse::Train);
    let samples = read_samples_blocking(&field, &labelled, monitor)?;
    let held_out = labels.pixels_for(LabelUse::HeldOut);
    let held_out = read_samples_blocking(&field, &held_out, monitor)?;
    let missing = labelled.len() - samples.len();
    if missing > 0 {
        monitor.warn(format!(
            "{missing} labelled pixels lie where the field has no data and are left out"
        ));
    }
    let classes = classes_in_use(&labels.classes, &samples, spec)?;
    say_few(monitor, &classes, &samples);
    let options = fit_options(spec, &classes)?;

    let validation = if spec.folds > 0 {
        cross_validate(spec, &options, monitor, &grid, &classes, &samples)?
    } else {
        None
    };
    monitor.check()?;
    monitor.progress("fitting the head", 0, 1);
    let everything: Vec<TrainingPixel> = samples
        .iter()
        .filter_map(|sample| sample.training(&classes))
        .collect();
    // Seconds at most, so a wish to stop waits for the end of a fit.
    let mut head = Head::fit(&options, &classes, &everything, &|| false)?;

    let counts: serde_json::Map<String, Value> = classes
        .iter()
        .map(|class| {
            (
                class.name.clone(),
                json!(
                    samples
                        .iter()
                        .filter(|sample| sample.pixel.class_id == class.id)
                        .count()
                ),
            )
        })
        .collect();
    let job = JobSpec::Train(spec.clone());
    head.provenance.insert("job".to_owned(), json!(job));
    head.provenance
        .insert("field".to_owned(), json!(file_name(&spec.field)));
    head.provenance.insert(
        "field_model".to_owned(),
        json!(value_of(field.info(), "TERROIR_MODEL")),
    );
    let labels_sha256 = checksum_of(&spec.labels)?;
    head.provenance.insert(
        "labels".to_owned(),
        json!({"file": file_name(&spec.labels), "sha256": labels_sha256, "pixels": counts, "seed": spec.seed}),
    );
    let mut metrics = vec![
        ("pixels".to_owned(), samples.len() as f64),
        ("classes".to_owned(), classes.len() as f64),
    ];
    let mut figure = String::new();
    if let Some(validation) = &validation {
        head.provenance
            .insert("accuracy".to_owned(), validation.summary.clone());
        head.provenance
            .insert("cross_validation".to_owned(), validation.details.clone());
        for (name, value) in [
            ("overall_accuracy", validation.pooled.overall),
            ("macro_f1", validation.pooled.macro_f1),
        ] {
            metrics.extend(value.map(|value| (name.to_owned(), value)));
        }
        if let Some(calibrated) = &validation.calibrated {
            head.temperature = calibrated.temperature as f32;
            for (name, value) in [
                ("expected_calibration_error", calibrated.after.ece),
                ("brier_score", calibrated.after.brier),
                ("negative_log_likelihood", calibrated.after.nll),
            ] {
                metrics.extend(value.map(|value| (name.to_owned(), value)));
            }
        }
        if let Some(overall) = validation.pooled.overall {
            figure = format!(
                "; {:.1} % right in {} spatial blocks-out folds",
                100.0 * overall,
                validation.folds
            );
        }
    }
    if labels.held_out_polygons() > 0 {
        let all_classes = with_classes_of(&classes, &labels.classes, &held_out);
        let shapes = labels.held_out_polygons();
        let found = HeldOut::of(&head, &all_classes, &held_out, shapes);
        metrics.push(("held_out_pixels".to_owned(), found.pixels as f64));
        figure += &format!(
            "; {} pixels of {shapes} {} marked test or validation were held out",
            found.pixels,
            if shapes == 1 { "shape" } else { "shapes" }
        );
        if let Some(overall) = found.accuracy.overall {
            metrics.push(("held_out_overall_accuracy".to_owned(), overall));
            figure += &format!(": {:.1} % right", 100.0 * overall);
        }
        head.provenance.insert("held_out".to_owned(), found.json());
    }
    head.save(&spec.out)?;
    metrics.push(("seconds".to_owned(), begun.elapsed().as_secs_f64()));
    Ok(Outcome {
        files: vec![spec.out.clone()],
        summary: format!(
            "Head for {} classes from {} labelled pixels{figure}",
            classes.len(),
            samples.len()
        ),
        metrics,
        warnings: monitor.warnings(),
    })
}

/// How the heads are fitted, or which class weight names no class.
fn fit_options(spec: &TrainSpec, classes: &[Class]) -> JobResult<FitOptions> {
    let mut options = FitOptions {
        neighbours: spec.neighbours.unwrap_or(DEFAULT_NEIGHBOURS),
        seed: spec.seed,
        ..FitOptions::new(spec.kind)
    };
    if !(1..=MOST_NEIGHBOURS).contains(&options.neighbours) {
        return Err(Failure::new(format!(
            "{} neighbours cannot vote; 1 to {MOST_NEIGHBOURS} can",
            options.neighbours
        ))
        .into());
    }
    if spec.class_weights.is_empty() {
        return Ok(options);
    }
    options.class_weights = vec![1.0; classes.len()];
    for (name, weight) in &spec.class_weights {
        let Some(class) = classes.iter().position(|class| class.name == *name) else {
            let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
            return Err(Failure::new(format!(
                "a weight is given for the class \"{name}\", which the labels do not hold; they hold {}",
                names.join(", ")
            ))
            .into());
        };
        if let Some(slot) = options.class_weights.get_mut(class) {
            *slot = *weight as f32;
        }
    }
    Ok(options)
}

/// The classes trained on, and after them those that only samples held out have.
fn with_classes_of(trained: &[Class], all: &[Class], held_out: &[Sample]) -> Vec<Class> {
    let mut classes = trained.to_vec();
    for class in all {
        let is_known = trained.iter().any(|known| known.id == class.id);
        if !is_known
            && held_out
                .iter()
                .any(|sample| sample.pixel.class_id == class.id)
        {
            classes.push(class.clone());
        }
    }
    classes
}

pub(crate) fn open_field(path: &std::path::Path) -> JobResult<Raster> {
    let raster = Raster::open(path)?;
    if !raster.info().is_field() {
        return Err(Failure::new(format!(
            "this file is not a field (64 signed bytes a pixel); make one from the scene first (embed)\n{}",
            path.display()
        ))
        .into());
    }
    Ok(raster)
}

pub(crate) fn say_import(monitor: &Monitor<'_>, report: &ImportReport) {
    let say = |count: usize, what: &str| {
        if count > 0 {
            monitor.warn(format!(
                "{count} {} {what}",
                if count == 1 { "shape" } else { "shapes" }
            ));
        }
    };
    say(report.outside, "outside the scene left out");
    say(report.empty, "without any pixel left out");
    say(report.invalid, "with an invalid outline left out");
    say(report.without_class, "without a class left out");
}

/// A labelled pixel with its vector.
#[derive(Clone)]
pub(crate) struct Sample {
    pub pixel: LabelledPixel,
    pub vector: [f32; FIELD_AXES],
}

impl Sample {
    pub fn training(&self, classes: &[Class]) -> Option<TrainingPixel> {
        let class = classes
            .iter()
            .position(|class| class.id == self.pixel.class_id)?;
        Some(TrainingPixel {
            vector: self.vector,
            class,
            weight: 1.0,
        })
    }
}

/// Vectors of labelled pixels; those without data are left out.
pub(crate) fn read_samples_blocking(
    field: &Raster,
    pixels: &[LabelledPixel],
    monitor: &Monitor<'_>,
) -> JobResult<Vec<Sample>> {
    let (width, height) = (field.info().grid.width, field.info().grid.height);
    let mut squares: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (index, pixel) in pixels
        .iter()
        .enumerate()
        .filter(|(_, pixel)| pixel.col < width && pixel.row < height)
    {
        squares
            .entry((pixel.row / READ_SIDE, pixel.col / READ_SIDE))
            .or_default()
            .push(index);
    }
    let mut samples: Vec<Option<Sample>> = vec![None; pixels.len()];
    let total = squares.len() as u64;
    for (done, ((square_row, square_col), members)) in squares.into_iter().enumerate() {
        monitor.check()?;
        monitor.progress("reading the field", done as u64, total);
        let (row, col) = (square_row * READ_SIDE, square_col * READ_SIDE);
        let window = Window {
            col,
            row,
            width: READ_SIDE.min(width - col),
            height: READ_SIDE.min(height - row),
        };
        let codes = field.read_codes_blocking(window, window.width, window.height)?;
        for index in members {
            let pixel = pixels[index];
            let at = (pixel.row - row) * window.width + pixel.col - col;
            let own = codes_of(&codes, window.width * window.height, at);
            samples[index] = decode_pixel(&own).map(|vector| Sample { pixel, vector });
        }
    }
    Ok(samples.into_iter().flatten().collect())
}

/// The 64 codes of a pixel of a planar window.
pub(crate) fn codes_of(codes: &[i8], pixels: usize, at: usize) -> [i8; FIELD_AXES] {
    std::array::from_fn(|axis| {
        codes
            .get(axis * pixels + at)
            .copied()
            .unwrap_or(FIELD_NODATA)
    })
}

fn classes_in_use(all: &[Class], samples: &[Sample], spec: &TrainSpec) -> JobResult<Vec<Class>> {
    let used = |class: &&Class| {
        samples
            .iter()
            .any(|sample| sample.pixel.class_id == class.id)
    };
    let classes: Vec<Class> = all.iter().filter(used).cloned().collect();
    match classes.as_slice() {
        [] => Err(Failure::new(format!(
            "no labelled pixel lies on data of the field; check that labels and field show the same place\n{}",
            spec.labels.display()
        ))
        .into()),
        [only] => Err(Failure::new(format!(
            "the labels hold one class only (\"{}\"); a head needs two or more to tell apart\n{}",
            only.name,
            spec.labels.display()
        ))
        .into()),
        _ => Ok(classes),
    }
}

fn say_few(monitor: &Monitor<'_>, classes: &[Class], samples: &[Sample]) {
    let few: Vec<String> = classes
        .iter()
        .filter_map(|class| {
            let count = samples
                .iter()
                .filter(|sample| sample.pixel.class_id == class.id)
                .count();
            (count < FEW_PIXELS).then(|| format!("{} ({count})", class.name))
        })
        .collect();
    if !few.is_empty() {
        monitor.warn(format!(
            "few labelled pixels, so the figures are rough: {}",
            few.join(", ")
        ));
    }
}

struct Validation {
    folds: usize,
    pooled: Accuracy,
    calibrated: Option<Calibrated>,
    summary: Value,
    details: Value,
}

fn cross_validate(
    spec: &TrainSpec,
    options: &FitOptions,
    monitor: &Monitor<'_>,
    grid: &Grid,
    classes: &[Class],
    samples: &[Sample],
) -> JobResult<Option<Validation>> {
    let pixels: Vec<LabelledPixel> = samples.iter().map(|sample| sample.pixel).collect();
    let block = block_px_of(grid);
    let (fold_of, warnings) =
        spatial_folds(&pixels, block, spec.folds, spec.seed, &names_of(classes));
    warnings.into_iter().for_each(|text| monitor.warn(text));
    let folds = fold_of.iter().copied().max().map_or(0, |last| last + 1);
    let mut pooled = ConfusionMatrix::new(classes.to_vec());
    let (mut each, mut overalls) = (Vec::new(), Vec::new());
    let mut unseen = UnseenPixels::default();
    for fold in 0..folds {
        monitor.check()?;
        monitor.progress("cross-validating", fold as u64, folds as u64);
        let part = |inside: bool| {
            samples
                .iter()
                .zip(&fold_of)
                .filter(move |(_, of)| (**of == fold) == inside)
                .map(|(sample, _)| sample)
        };
        let training: Vec<TrainingPixel> = part(false)
            .filter_map(|sample| sample.training(classes))
            .collect();
        let test: Vec<&Sample> = part(true).collect();
        let first = training.first().map(|pixel| pixel.class);
        if test.is_empty() || training.iter().all(|pixel| Some(pixel.class) == first) {
            continue;
        }
        let head = Head::fit(options, classes, &training, &|| false)?;
        let mut matrix = ConfusionMatrix::new(classes.to_vec());
        for sample in &test {
            unseen.add(fold, &head, classes, sample);
            let (winner, _) = head.classify(&sample.vector);
            let found = head
                .classes
                .get(winner)
                .and_then(|class| classes.iter().position(|other| other.id == class.id));
            let truth = classes
                .iter()
                .position(|class| class.id == sample.pixel.class_id);
            if let (Some(found), Some(truth)) = (found, truth) {
                matrix.add(found, truth);
                pooled.add(found, truth);
            }
        }
        let accuracy = matrix.accuracy();
        if let Some(overall) = accuracy.overall {
            monitor.metric("fold_overall_accuracy", overall);
            overalls.push(overall);
        }
        each.push(json!({"n_train": training.len(), "n_test": test.len(), "metrics": metrics_json(&accuracy)}));
    }
    if each.len() < 2 {
        monitor.warn("the labels lie too close together for a spatial cross-validation; no accuracy is given");
        return Ok(None);
    }
    let accuracy = pooled.accuracy();
    let calibrated = unseen.calibrated();
    let spread = spread(&overalls);
    for (name, value) in [
        ("overall_accuracy", accuracy.overall),
        ("macro_f1", accuracy.macro_f1),
        ("overall_accuracy_spread", spread),
    ] {
        if let Some(value) = value {
            monitor.metric(name, value);
        }
    }
    let design = format!(
        "spatially blocked cross-validation, {} folds, blocks of {block} pixels, polygons uncut",
        each.len()
    );
    Ok(Some(Validation {
        folds: each.len(),
        summary: json!({
            "design": design, "n": accuracy.n, "overall_accuracy": accuracy.overall, "macro_f1": accuracy.macro_f1,
            "overall_accuracy_spread": spread,
        }),
        details: json!({
            "scheme": "block", "block_px": block, "k": each.len(), "folds": each, "classes": classes_json(classes),
            "pooled": {"error_matrix": pooled.counts, "metrics": metrics_json(&accuracy)},
            "calibration": calibrated.as_ref().map(Calibrated::json),
        }),
        calibrated,
        pooled: accuracy,
    }))
}

/// Standard deviation over the folds (n - 1).
fn spread(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    Some(
        (values
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>()
            / (values.len() - 1) as f64)
            .sqrt(),
    )
}

pub(crate) fn metrics_json(accuracy: &Accuracy) -> Value {
    serde_json::to_value(accuracy).unwrap_or(Value::Null)
}
