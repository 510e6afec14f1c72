//! `terroir crop`: images, weather and labels to a crop map, also of a season that has not ended: a field of images and weather
//! up to a day, how well it tells the classes apart beside the raw images, a classifier and a map. Each step is a job of its own that
//! can be done alone, too.

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;
use serde::Serialize;
use terroir_engine::{
    Candidate, CandidateSource, EmbedSeasonSpec, EvaluateSpec, Evaluation, FORECAST_MODELS,
    JobSpec, Outcome, PredictSpec, Shots, TrainSpec,
};
use terroir_scene::{Archive, ArchiveSpec, Period, Probe, WeatherSpec};

use super::embed::weights_of;
use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, run_job};
use super::output::{Output, table};
use super::train::HeadChoice;

#[derive(Debug, Args)]
pub struct CropArgs {
    /// Dated images of the place: folders, files, stacks and products
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Daily weather of the place
    #[arg(long, value_name = "FILE")]
    weather: PathBuf,
    /// Labels: a raster (band 1 class, band 2 polygon), a vector file or a CSV of points
    #[arg(long)]
    labels: PathBuf,
    /// Attribute that holds the class; well-known names are tried without this
    #[arg(long)]
    class_attribute: Option<String>,
    /// The model, a size of KG-VSF
    #[arg(long, default_value = "kgvsf-tiny")]
    model: String,
    /// Trained weights; without this those `terroir models` shows for the model
    #[arg(long)]
    weights: Option<PathBuf>,
    /// First day of the season; that of the first image without this
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// A map as of this day, of images and weather before it; may be repeated to see how accuracy grows; without it all images
    #[arg(long, value_name = "DATE")]
    as_of: Vec<Date>,
    /// Kind of classifier
    #[arg(long, value_enum, default_value = "forest")]
    kind: HeadChoice,
    /// File of fixed splits (split.json); blocks and polygons are dealt out by chance without this
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    /// Splits the accuracy is the mean of
    #[arg(long, default_value_t = 5)]
    seeds: usize,
    /// Labels a class the accuracy is measured with, for example 10,max
    #[arg(
        long,
        value_delimiter = ',',
        value_name = "N",
        default_value = "10,max"
    )]
    shots: Vec<Shots>,
    /// Seed of splits and of the classifier
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Raster whose grid the map has; the finest of the images' grids without this
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// `auto`, `cpu` or a name as `terroir devices` lists it
    #[arg(long, default_value = "auto")]
    device: String,
    /// Where the map goes (.tif); field, classifier and accuracy go beside it, the days are added to the names
    #[arg(long)]
    out: PathBuf,
}

/// What is compared: the field, and what the images alone give.
const COMPARED: [&str; 3] = ["field", "harmonics", "raw stack"];

/// What became of one day.
#[derive(Serialize)]
struct Season {
    up_to: String,
    map: PathBuf,
    accuracy: PathBuf,
    field: Outcome,
    prediction: Outcome,
    #[serde(skip)]
    row: Vec<String>,
}

pub fn run(args: &CropArgs, output: Output) -> CliResult {
    if !FORECAST_MODELS.contains(&args.model.as_str()) {
        return Err(CliError::usage(format!(
            "--model {}: no model of images and weather; known are {}.",
            args.model,
            FORECAST_MODELS.join(", ")
        )));
    }
    let Some(weights) = weights_of(&args.model, args.weights.as_deref(), false) else {
        return Err(CliError::failed(format!(
            "There are no trained weights of {} here; train some (terroir pretrain kgvsf) or name a file (--weights).",
            args.model
        )));
    };
    let archive = ArchiveSpec {
        files: args.files.clone(),
        reference: args.reference.clone(),
    };
    let seasons = seasons_of(args, &archive)?;
    let cancel = CancelFlag::on_ctrl_c()?;
    let mut done = Vec::new();
    for (as_of, period) in seasons {
        let suffix = as_of.map_or_else(String::new, |day| format!("_{day}"));
        done.push(season(
            args, &archive, &weights, period, &suffix, output, &cancel,
        )?);
    }
    if output.json {
        return output.print_json(&done);
    }
    let mut header = vec!["up to".to_owned()];
    for shots in &args.shots {
        let labels = match shots {
            Shots::Few(count) => format!("{count} labels"),
            Shots::Max => "all labels".to_owned(),
        };
        header.extend(COMPARED.map(|name| format!("{name}, {labels}")));
    }
    header.push("map".to_owned());
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    let rows: Vec<Vec<String>> = done.iter().map(|season| season.row.clone()).collect();
    let text = format!(
        "Balanced accuracy, %, of the best head: mean ± standard deviation over the splits\n{}",
        table(&header, &rows)
    );
    output.print(&text)
}

/// The seasons asked for: the day each is as of, and its period.
fn seasons_of(args: &CropArgs, archive: &ArchiveSpec) -> CliResult<Vec<(Option<Date>, Period)>> {
    let whole = Archive::open(archive, None)?
        .period()
        .ok_or_else(|| CliError::failed("There is no dated image."))?;
    let from = args.from.unwrap_or(whole.from);
    let period = |to: Date| {
        Period::new(from, to).map_err(|_| {
            CliError::usage(format!(
                "The season from {from} to {to} has no day; choose a later day (--as-of) or an earlier first one (--from)."
            ))
        })
    };
    if args.as_of.is_empty() {
        return Ok(vec![(None, period(whole.to)?)]);
    }
    args.as_of
        .iter()
        .map(|day| Ok((Some(*day), period(*day)?)))
        .collect()
}

/// `map.tif` with a suffix and another ending.
fn beside(out: &Path, suffix: &str, ending: &str) -> PathBuf {
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!("{stem}{suffix}{ending}"))
}

fn season(
    args: &CropArgs,
    archive: &ArchiveSpec,
    weights: &Path,
    period: Period,
    suffix: &str,
    output: Output,
    cancel: &CancelFlag,
) -> CliResult<Season> {
    output.remark(&format!("Season {period}"));
    let field_path = beside(&args.out, &format!("{suffix}_field"), ".tif");
    let field = JobSpec::EmbedSeason(EmbedSeasonSpec {
        archive: archive.clone(),
        weather: WeatherSpec::new(&args.weather),
        model: args.model.clone(),
        weights: weights.to_owned(),
        support: Some(period),
        device: args.device.clone(),
        out: field_path.clone(),
        aoi: None,
    });
    let field = run_job(&field, output, cancel)?;
    let accuracy = beside(&args.out, &format!("{suffix}_accuracy"), ".json");
    let candidate = |name: &str, source: CandidateSource| Candidate {
        name: name.to_owned(),
        source,
    };
    let evaluation = JobSpec::Evaluate(EvaluateSpec {
        candidates: vec![
            candidate(COMPARED[0], CandidateSource::Field(field_path.clone())),
            candidate(COMPARED[1], CandidateSource::Harmonics),
            candidate(COMPARED[2], CandidateSource::Stack),
        ],
        archive: Some(archive.clone()),
        period: Some(period),
        labels: args.labels.display().to_string(),
        class_attribute: args.class_attribute.clone(),
        value: None,
        zero_is_class: false,
        split: args.split.clone(),
        heads: vec![Probe::Nearest3, Probe::Linear, Probe::Forest],
        shots: args.shots.clone(),
        most: EvaluateSpec::MOST,
        seeds: args.seeds,
        seed: args.seed,
        out: accuracy.clone(),
    });
    run_job(&evaluation, output, cancel)?;
    let head = beside(&args.out, &format!("{suffix}_classifier"), ".json");
    let train = JobSpec::Train(TrainSpec {
        field: field_path.clone(),
        labels: args.labels.clone(),
        class_attribute: args.class_attribute.clone(),
        kind: args.kind.into(),
        out: head.clone(),
        folds: 0,
        seed: args.seed,
        class_weights: Vec::new(),
        neighbours: None,
    });
    run_job(&train, output, cancel)?;
    let map = beside(&args.out, suffix, ".tif");
    let prediction = JobSpec::Predict(PredictSpec {
        field: field_path,
        head,
        uncertainty: None,
        probabilities: false,
        out: map.clone(),
        aoi: None,
    });
    let prediction = run_job(&prediction, output, cancel)?;
    let report = Evaluation::read(&accuracy)?;
    let up_to = period.to.yesterday().unwrap_or(period.to).to_string();
    let mut row = vec![up_to.clone()];
    for shots in &args.shots {
        for name in COMPARED {
            row.push(best_of(&report, name, &shots.to_string()));
        }
    }
    row.push(map.display().to_string());
    Ok(Season {
        up_to,
        map,
        accuracy,
        field,
        prediction,
        row,
    })
}

/// Mean and deviation of the head that does best.
fn best_of(report: &Evaluation, candidate: &str, shots: &str) -> String {
    let mean = |head: &str| {
        report
            .results
            .iter()
            .find(|row| row.candidate == candidate && row.head == head && row.shots == shots)
            .and_then(|row| row.measures.get("balanced_accuracy")?.mean)
    };
    let best = report
        .heads()
        .into_iter()
        .filter_map(|head| Some((mean(&head)?, head)))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    best.map_or_else(
        || "–".to_owned(),
        |(_, head)| report.text(candidate, &head, shots),
    )
}
