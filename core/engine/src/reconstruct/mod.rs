//! The reconstruct job: what a network believes a sensor would have seen on a day, drawn by the sensor's decoder from the
//! embedding of a valid period around it, in the sensor's own units. Knows the order of the steps.

mod spec;

use std::time::Instant;

use burn::module::Module;
use burn::tensor::{Tensor, TensorData};
use serde_json::json;
use terroir_scene::{
    FIELD_AXES, MapKind, MapWriter, Measure, Provenance, Source, SourceBand, Window, day_number,
};

use crate::embed_series::{
    Block, ChosenFrame, ModelChoice, Run, SeriesModel, attribution_of, chip_plan, counts_text,
    inputs_text, part_of_grid, run_chips, standing_of,
};
use crate::monitor::{JobResult, Monitor};
use crate::setup::guarded;
use crate::{Failure, JobSpec, Outcome, command_line};

pub use spec::ReconstructSpec;

impl ReconstructSpec {
    fn choice(&self) -> ModelChoice<'_> {
        ModelChoice {
            archive: &self.archive,
            model: &self.model,
            weights: self.weights.as_deref(),
            seed: self.seed,
            device: &self.device,
        }
    }
}

/// The decoder and what its numbers are.
struct Drawing {
    /// Place among the network's targets.
    target: usize,
    source: Source,
    /// Time of the date inside the valid period, 0 to 1.
    time: f64,
}

pub(crate) fn reconstruct(spec: &ReconstructSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    let begun = Instant::now();
    let valid = spec.valid_period();
    if !valid.contains(spec.date) {
        return Err(Failure::new(format!(
            "the date {} does not lie in the valid period {valid}; choose one that holds it (--valid)",
            spec.date
        ))
        .into());
    }
    let mut series = SeriesModel::open(spec.choice(), monitor)?;
    let drawing = drawing_of(spec, &series)?;
    let frames = series.frames(spec.support.as_ref())?;
    let days: Vec<f64> = frames.iter().map(|frame| frame.day).collect();
    if let Some(note) = standing_of(&valid, &days) {
        monitor.warn(note);
    }
    let whole = series.archive.grid.window();
    let region = spec.window.unwrap_or(whole);
    if whole.intersection(&region) != Some(region) {
        return Err(Failure::new(format!(
            "the part to draw does not lie inside the grid of {} x {} pixels; choose another one (--window)",
            whole.width, whole.height
        ))
        .into());
    }
    let grid = part_of_grid(&series.archive.grid, region)?;
    let plan = chip_plan(&series, &frames, region)?;
    let bands = &drawing.source.bands;
    let kind = MapKind::Continuous {
        bands: bands
            .iter()
            .map(|band| (band.name.clone(), unit_of(band.measure).to_owned()))
            .collect(),
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(&spec.out, &grid, kind)?;
    let wavelengths: Vec<Option<f64>> = bands.iter().map(|band| band.wavelength_nm).collect();
    writer.set_wavelengths(&wavelengths)?;
    let periods_days = [valid.days()];
    let run = Run {
        choice: spec.choice(),
        plan,
        frames: &frames,
        periods_days: &periods_days,
    };
    // The decoder works on finished blocks, on the processor: it is small beside the encoder.
    let decoder = series
        .model
        .clone()
        .to_device(&burn::tensor::Device::flex());
    let mut drawn = 0_u64;
    run_chips(
        &mut series,
        &run,
        |_| true,
        monitor,
        |block| {
            let values = draw(&decoder, &drawing, &block)?;
            drawn += block.frames.iter().filter(|count| **count > 0).count() as u64;
            let window = Window {
                col: block.window.col - region.col,
                row: block.window.row - region.row,
                ..block.window
            };
            writer.write_floats(window, &values)?;
            monitor.check()
        },
    )?;
    if drawn == 0 {
        return Err(Failure::new(format!(
            "no image of the support shows anything of this part; choose other days (--support) or another part\n{}",
            spec.out.display()
        ))
        .into());
    }
    monitor.check()?;
    monitor.progress("writing the picture", 0, 1);
    let nearest = nearest_image(spec, &series, &frames);
    let keys = keys_of(spec, &series, &frames, nearest.as_deref(), begun);
    let files = writer.finish(&keys)?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Outcome {
        files,
        summary: format!(
            "{} as {} believes it on {}, from {} images ({}){}, {seconds:.1} s",
            spec.source,
            series.identity.short(),
            spec.date,
            frames.len(),
            counts_text(&series, &frames),
            nearest
                .map(|nearest| format!("; {nearest}"))
                .unwrap_or_default()
        ),
        metrics: vec![
            ("seconds".to_owned(), seconds),
            ("pixels".to_owned(), drawn as f64),
        ],
        warnings: monitor.warnings(),
    })
}

fn drawing_of(spec: &ReconstructSpec, series: &SeriesModel) -> Result<Drawing, Failure> {
    let targets = &series.model.config().targets;
    let found = targets
        .iter()
        .position(|target| target.name == spec.source)
        .zip(
            series
                .archive
                .sources
                .iter()
                .find(|found| found.source.name == spec.source),
        );
    let Some((target, found)) = found else {
        let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
        return Err(Failure::new(format!(
            "the model draws no \"{}\"; it knows {} (--source)",
            spec.source,
            names.join(", ")
        )));
    };
    if targets[target].meta != 0 {
        return Err(Failure::new(format!(
            "the decoder of {} wants to be told of the satellite's path, which a date alone does not say; choose another source",
            spec.source
        )));
    }
    let outputs = crate::embed_series::outputs_of(&found.source);
    if outputs != targets[target].outputs {
        return Err(Failure::new(format!(
            "the weights contradict themselves: {} has {outputs} bands or classes and its decoder {}; take others",
            spec.source, targets[target].outputs
        )));
    }
    let (from, to) = spec.valid_period().days();
    Ok(Drawing {
        target,
        source: found.source.clone(),
        time: ((day_number(spec.date) + 0.5 - from) / (to - from)).clamp(0.0, 1.0),
    })
}

/// Values of a block, planar; NaN where no image shows anything.
fn draw(
    model: &terroir_models::Stp,
    drawing: &Drawing,
    block: &Block<'_>,
) -> Result<Vec<f32>, Failure> {
    let pixels = block.window.pixels();
    let mut unit = vec![0.0_f32; FIELD_AXES * pixels];
    if let Some(vectors) = block.vectors.first() {
        for (at, vector) in vectors.chunks_exact(FIELD_AXES).enumerate() {
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            for (axis, value) in vector.iter().enumerate() {
                unit[axis * pixels + at] = value / length.max(1e-6);
            }
        }
    }
    let shape = [1, FIELD_AXES, block.window.height, block.window.width];
    let drawn = guarded(|| {
        let u = Tensor::from_data(TensorData::new(unit, shape), &burn::tensor::Device::flex());
        model
            .decode(drawing.target, u, &[drawing.time], None)
            .into_data()
            .try_to_vec::<f32>()
            .map_err(|error| format!("{error:?}"))
    })?;
    let bands = &drawing.source.bands;
    let mut out = match bands.first() {
        Some(band) if band.measure == Measure::Classes => codes(&drawn, band, pixels),
        _ => drawn
            .chunks_exact(pixels)
            .zip(bands)
            .flat_map(|(plane, band)| {
                let factor = if band.measure == Measure::Reflectance {
                    1e-4
                } else {
                    1.0
                };
                plane
                    .iter()
                    .map(move |value| band.physical(*value) * factor)
            })
            .collect(),
    };
    for plane in out.chunks_exact_mut(pixels) {
        for (value, frames) in plane.iter_mut().zip(block.frames) {
            if *frames == 0 {
                *value = f32::NAN;
            }
        }
    }
    Ok(out)
}

/// The code of the likeliest class of each pixel.
fn codes(drawn: &[f32], band: &SourceBand, pixels: usize) -> Vec<f32> {
    (0..pixels)
        .map(|at| {
            let best = (0..band.classes.len())
                .max_by(|a, b| drawn[a * pixels + at].total_cmp(&drawn[b * pixels + at]));
            best.and_then(|best| band.classes.get(best))
                .map_or(f32::NAN, |class| class.0 as f32)
        })
        .collect()
}

/// Reflectances are written as shares of 1.
fn unit_of(measure: Measure) -> &'static str {
    match measure {
        Measure::Reflectance => "reflectance",
        other => other.unit(),
    }
}

/// The real image next to the date, in words.
fn nearest_image(
    spec: &ReconstructSpec,
    series: &SeriesModel,
    frames: &[ChosenFrame],
) -> Option<String> {
    let day = day_number(spec.date) + 0.5;
    let found = series
        .archive
        .sources
        .iter()
        .find(|found| found.source.name == spec.source)?;
    let place = found.nearest(spec.date)?;
    let frame = found.frames.get(place).filter(|frame| !frame.is_static)?;
    let apart = (frame.day - day).abs().round() as i64;
    let was_seen = frames.iter().any(|chosen| {
        chosen.frame == place
            && series
                .archive
                .sources
                .get(chosen.source)
                .is_some_and(|source| source.source.name == spec.source)
    });
    let seen = if was_seen {
        "which the model has seen"
    } else {
        "which the model has not seen"
    };
    Some(match apart {
        0 => format!("the nearest image is {} of that day, {seen}", frame.name),
        apart => format!(
            "the nearest image is {} of {}, {apart} days away, {seen}",
            frame.name, frame.date
        ),
    })
}

fn keys_of(
    spec: &ReconstructSpec,
    series: &SeriesModel,
    frames: &[ChosenFrame],
    nearest: Option<&str>,
    begun: Instant,
) -> Provenance {
    let job = JobSpec::Reconstruct(spec.clone());
    let seconds = begun.elapsed().as_secs_f64();
    let run = json!({
        "spec": job, "command": command_line(&job), "device": series.compute.name, "precision": "f32",
        "seconds": (seconds * 10.0).round() / 10.0,
    });
    let mut sentence = format!(
        "What {} believes {} would have seen on {}; not an image",
        series.identity.short(),
        spec.source,
        spec.date
    );
    if let Some(nearest) = nearest {
        sentence += &format!("; {nearest}");
    }
    let mut keys = vec![
        ("MODEL".to_owned(), series.identity.sentence()),
        ("INPUTS".to_owned(), inputs_text(series, frames)),
        ("RUN".to_owned(), run.to_string()),
        ("VALID".to_owned(), spec.valid_period().to_string()),
        ("DATE".to_owned(), spec.date.to_string()),
        ("DESCRIPTION".to_owned(), sentence),
    ];
    let words = attribution_of(&series.archive, frames);
    keys.extend(words.map(|words| ("ATTRIBUTION".to_owned(), words)));
    keys
}
