//! `terroir crop`: images, labels and weather to crop maps, also of a season that has not ended: fields of the images up to a day,
//! how well they tell the crops apart beside the raw images, a classifier and a map.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use terroir_engine::{
    CropFamily, CropFigure, CropMapOf, CropModel, CropResults, CropSpec, CropTuning, EvaluateSpec,
    JobSpec, Shots,
};
use terroir_scene::{ArchiveSpec, WeatherSpec};

use super::embed::weights_of;
use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, run_job};
use super::output::{Output, table};
use super::train::HeadChoice;
use super::weather_reading::WeatherReadingArgs;

#[derive(Debug, Args)]
pub struct CropArgs {
    /// Dated images of the place: folders, files, stacks and products
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Daily weather of the place, for models of KG-VSF
    #[arg(long, value_name = "FILE")]
    weather: Option<PathBuf>,
    #[command(flatten)]
    reading: WeatherReadingArgs,
    /// Labels: a raster (band 1 class, band 2 polygon), a vector file or a CSV of points
    #[arg(long)]
    labels: PathBuf,
    /// Attribute that holds the class; well-known names are tried without this
    #[arg(long)]
    class_attribute: Option<String>,
    /// A model that makes a field of the images, with a file of weights where it is not to be what `terroir models` shows; may be
    /// repeated: all are compared. KG-VSF reads images and weather, STP images of several
    /// sensors, DOFA the clearest image
    #[arg(long, value_name = "NAME[=WEIGHTS]", default_value = "kgvsf-tiny")]
    model: Vec<String>,
    /// Also teach the network of KG-VSF itself with the labels: `frozen` a head on it, `last` its last layers, too, `full` all of
    /// it, `auto` what the labels are enough for
    #[arg(long, value_name = "HOW")]
    teach: Option<TuningChoice>,
    /// What the map is made from: the first model's field, the network that is taught, the images themselves (harmonics, or all bands
    /// of all dates) by a random forest, or what does best on the labels kept for testing
    #[arg(long, value_enum, default_value = "field", value_name = "WHAT")]
    map_of: MapChoice,
    /// First day of the season; that of the first image without this
    #[arg(long, value_name = "DATE")]
    from: Option<Date>,
    /// A map as of this day, of images and weather before it; may be repeated to see how accuracy grows; without it all images
    #[arg(long, value_name = "DATE")]
    as_of: Vec<Date>,
    /// Kind of classifier of a field
    #[arg(long, value_enum, default_value = "forest")]
    kind: HeadChoice,
    /// File of fixed splits (split.json); blocks and polygons are dealt out by chance without this
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    /// Splits the accuracy is the mean of
    #[arg(long, default_value_t = EvaluateSpec::SEEDS)]
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
    /// Where the map goes (.tif); fields, classifier, accuracy and results (.json, .html) go beside it, the days are added to the names
    #[arg(long)]
    out: PathBuf,
}

/// How much of a network learns.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum TuningChoice {
    Auto,
    Frozen,
    Last,
    Full,
}

impl From<TuningChoice> for CropTuning {
    fn from(choice: TuningChoice) -> Self {
        match choice {
            TuningChoice::Auto => Self::Auto,
            TuningChoice::Frozen => Self::Frozen,
            TuningChoice::Last => Self::Last,
            TuningChoice::Full => Self::Full,
        }
    }
}

/// What the map is made from.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum MapChoice {
    Field,
    Taught,
    Harmonics,
    Stack,
    Best,
}

impl From<MapChoice> for CropMapOf {
    fn from(choice: MapChoice) -> Self {
        match choice {
            MapChoice::Field => Self::Field,
            MapChoice::Taught => Self::Taught,
            MapChoice::Harmonics => Self::Harmonics,
            MapChoice::Stack => Self::Stack,
            MapChoice::Best => Self::Best,
        }
    }
}

pub fn run(args: &CropArgs, output: Output) -> CliResult {
    let spec = CropSpec {
        archive: ArchiveSpec {
            files: args.files.clone(),
            reference: args.reference.clone(),
        },
        weather: args.weather.as_ref().map(|path| WeatherSpec {
            path: path.clone(),
            reading: args.reading.reading(),
        }),
        labels: args.labels.clone(),
        class_attribute: args.class_attribute.clone(),
        models: models_of(args)?,
        taught: args.teach.map(Into::into),
        map_of: args.map_of.into(),
        from: args.from,
        as_of: args.as_of.clone(),
        kind: args.kind.into(),
        split: args.split.clone(),
        shots: args.shots.clone(),
        seeds: args.seeds,
        seed: args.seed,
        device: args.device.clone(),
        out: args.out.clone(),
    };
    let results = spec.results_path();
    let cancel = CancelFlag::on_ctrl_c()?;
    run_job(&JobSpec::Crop(spec), output, &cancel)?;
    let results = CropResults::read_blocking(&results)?;
    if output.json {
        return output.print_json(&results);
    }
    output.print(&text_of(&results))
}

/// Every model with its weights.
fn models_of(args: &CropArgs) -> CliResult<Vec<CropModel>> {
    let one = |text: &String| {
        let (name, file) = match text.split_once('=') {
            Some((name, file)) => (name, Some(PathBuf::from(file))),
            None => (text.as_str(), None),
        };
        let Some(family) = CropFamily::of(name) else {
            return Err(CliError::usage(format!(
                "--model {name}: there is no such model; `terroir models` lists them."
            )));
        };
        if family == CropFamily::Weather && args.weather.is_none() {
            return Err(CliError::usage(format!(
                "{name} reads the weather of every day: name a table of it (--weather), or another model (--model)."
            )));
        }
        let weights = weights_of(name, file.as_deref(), false).ok_or_else(|| {
            CliError::failed(format!(
                "There are no trained weights of {name} here; train some (terroir pretrain), get them (terroir models get), or name a file (--model {name}=FILE)."
            ))
        })?;
        Ok(CropModel {
            name: name.to_owned(),
            weights,
        })
    };
    args.model.iter().map(one).collect()
}

fn text_of(results: &CropResults) -> String {
    let (candidates, shots) = (results.candidates(), results.shots());
    let mut header = vec!["up to".to_owned()];
    for shots in &shots {
        let labels = match *shots {
            "max" => "all labels".to_owned(),
            count => format!("{count} labels"),
        };
        header.extend(
            candidates
                .iter()
                .map(|candidate| format!("{candidate}, {labels}")),
        );
    }
    header.extend(["map", "made from"].map(str::to_owned));
    let rows: Vec<Vec<String>> = results
        .seasons
        .iter()
        .map(|season| {
            let mut row = vec![season.up_to().to_string()];
            for shots in &shots {
                row.extend(candidates.iter().map(|candidate| {
                    let figure = season.figure(candidate, shots);
                    figure.map_or_else(|| "–".to_owned(), CropFigure::text)
                }));
            }
            row.extend([season.map.display().to_string(), season.map_of.clone()]);
            row
        })
        .collect();
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    format!(
        "Balanced accuracy, %, of the best head: mean ± standard deviation over the splits\n{}",
        table(&header, &rows)
    )
}
