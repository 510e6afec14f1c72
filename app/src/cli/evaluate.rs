//! `terroir evaluate`: how well simple heads do on fields, with a few labels of one's own.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use terroir_engine::{
    Candidate, CandidateSource, EvaluateSpec, Evaluation, JobSpec, Outcome, Shots,
};
use terroir_scene::{ArchiveSpec, CompositeStatistic, Period, Probe};

use super::failure::{CliError, CliResult};
use super::job::{CancelFlag, report, run_job};
use super::output::{Output, table};

#[derive(Debug, Args)]
pub struct EvaluateArgs {
    #[command(subcommand)]
    what: EvaluateWhat,
}

#[derive(Debug, Subcommand)]
enum EvaluateWhat {
    /// Compare fields on your own labels: nearest neighbours, linear and forest with few and with many labels
    Field(Box<EvaluateFieldArgs>),
    /// Put reports together in one Markdown table
    Table(EvaluateTableArgs),
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum HeadChoice {
    /// The label of the nearest labelled place
    Knn1,
    /// Majority of the three nearest, the mean for values
    Knn3,
    /// Least squares, one class against the rest
    Linear,
    /// Random forest
    Forest,
}

impl From<HeadChoice> for Probe {
    fn from(choice: HeadChoice) -> Self {
        match choice {
            HeadChoice::Knn1 => Self::Nearest1,
            HeadChoice::Knn3 => Self::Nearest3,
            HeadChoice::Linear => Self::Linear,
            HeadChoice::Forest => Self::Forest,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ArchiveChoice {
    /// The middle value of each band
    Median,
    /// The mean of each band
    Mean,
    /// All bands of the greenest image
    MaxNdvi,
    /// Mean, and waves of the year and the half year, of each band
    Harmonics,
    /// All bands of all dates
    Stack,
}

impl From<ArchiveChoice> for CandidateSource {
    fn from(choice: ArchiveChoice) -> Self {
        match choice {
            ArchiveChoice::Median => Self::Composite(CompositeStatistic::Median),
            ArchiveChoice::Mean => Self::Composite(CompositeStatistic::Mean),
            ArchiveChoice::MaxNdvi => Self::Composite(CompositeStatistic::MaxNdvi),
            ArchiveChoice::Harmonics => Self::Harmonics,
            ArchiveChoice::Stack => Self::Stack,
        }
    }
}

#[derive(Debug, Args)]
pub struct EvaluateFieldArgs {
    /// Fields to compare, best with names (NAME=FILE); the others are compared with the first
    #[arg(value_name = "[NAME=]FIELD")]
    fields: Vec<String>,
    /// Two fields of one place, for labels that say what changed: [NAME=]BEFORE AFTER; may be given again
    #[arg(long, num_args = 2, value_names = ["[NAME=]BEFORE", "AFTER"])]
    pair: Vec<String>,
    /// Dated images (folders, files, stacks) to work composites, harmonics and a raw stack out of, for comparison
    #[arg(long, num_args = 1.., value_name = "FILES")]
    archive: Vec<PathBuf>,
    /// Raster whose grid the archive is brought to
    #[arg(long, requires = "archive", value_name = "FILE")]
    reference: Option<PathBuf>,
    /// What is worked out of the archive
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "median,harmonics,stack"
    )]
    compare: Vec<ArchiveChoice>,
    /// Images of the archive to use: a year (2018), a month (2018-05) or two days, the second not part of it (2018-03-01..2018-09-01)
    #[arg(long, requires = "archive", value_name = "PERIOD")]
    period: Option<Period>,
    /// Labels: a raster (band 1 class, band 2 polygon), a vector file or a CSV of points (FILE or FILE:LAYER)
    #[arg(long)]
    labels: String,
    /// Column of the labels that holds the class; a usual name without this
    #[arg(long, value_name = "COLUMN")]
    class_attribute: Option<String>,
    /// Predict the numbers of this column (of a raster: band) instead of classes
    #[arg(long, value_name = "COLUMN", conflicts_with_all = ["class_attribute", "zero_is_class"])]
    value: Option<String>,
    /// In a raster of labels 0 is a class, not "no label"
    #[arg(long)]
    zero_is_class: bool,
    /// File of fixed splits (split.json); blocks and polygons are dealt out by chance without this
    #[arg(long, value_name = "FILE")]
    split: Option<PathBuf>,
    /// Heads to try
    #[arg(
        long,
        value_enum,
        value_delimiter = ',',
        default_value = "knn1,knn3,linear,forest"
    )]
    heads: Vec<HeadChoice>,
    /// Labels a class to learn from, for example 1,5,10,max; with --value labels in all [default: 1,10,max; 100,max]
    #[arg(long, value_delimiter = ',', value_name = "N")]
    shots: Vec<Shots>,
    /// Labels a class that max means at most; of values ten times as many in all
    #[arg(long, default_value_t = EvaluateSpec::MOST, value_name = "N")]
    most: usize,
    /// Splits to draw, each with its own labels
    #[arg(long, default_value_t = EvaluateSpec::SEEDS, value_name = "N")]
    seeds: usize,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the report goes (.json); its page goes beside it (.html)
    #[arg(long)]
    out: PathBuf,
}

#[derive(Debug, Args)]
pub struct EvaluateTableArgs {
    /// Reports of evaluate field (.json)
    #[arg(required = true)]
    reports: Vec<PathBuf>,
    /// Only these heads
    #[arg(long, value_enum, value_delimiter = ',')]
    heads: Vec<HeadChoice>,
}

pub fn run(args: &EvaluateArgs, output: Output) -> CliResult {
    let args = match &args.what {
        EvaluateWhat::Field(args) => args,
        EvaluateWhat::Table(args) => return print_together(args, output),
    };
    let spec = JobSpec::Evaluate(spec_of(args)?);
    let cancel = CancelFlag::on_ctrl_c()?;
    let outcome = run_job(&spec, output, &cancel)?;
    print(&outcome, output)
}

fn spec_of(args: &EvaluateFieldArgs) -> CliResult<EvaluateSpec> {
    let mut candidates = Vec::new();
    for word in &args.fields {
        let (name, path) = name_and_path(word);
        let name = name.unwrap_or_else(|| free_name(&candidates, &path));
        candidates.push(Candidate {
            name,
            source: CandidateSource::Field(path),
        });
    }
    for pair in args.pair.chunks_exact(2) {
        let [before, after] = pair else { continue };
        let (name, before) = name_and_path(before);
        let after = PathBuf::from(after);
        let name = name.unwrap_or_else(|| free_name(&candidates, &after));
        candidates.push(Candidate {
            name,
            source: CandidateSource::Pair { before, after },
        });
    }
    if !args.archive.is_empty() {
        for source in args.compare.iter().copied().map(CandidateSource::from) {
            let name = source.archive_name().unwrap_or_default().to_owned();
            candidates.push(Candidate { name, source });
        }
    }
    if candidates.is_empty() {
        return Err(CliError::usage(
            "Name the fields to compare, for example mine=field.tif, two fields with --pair, or images with --archive.",
        ));
    }
    Ok(EvaluateSpec {
        candidates,
        archive: (!args.archive.is_empty()).then(|| ArchiveSpec {
            files: args.archive.clone(),
            reference: args.reference.clone(),
        }),
        period: args.period,
        labels: args.labels.clone(),
        class_attribute: args.class_attribute.clone(),
        value: args.value.clone(),
        zero_is_class: args.zero_is_class,
        split: args.split.clone(),
        heads: args.heads.iter().copied().map(Probe::from).collect(),
        shots: if args.shots.is_empty() {
            EvaluateSpec::default_shots(args.value.is_some())
        } else {
            args.shots.clone()
        },
        most: args.most,
        seeds: args.seeds,
        seed: args.seed,
        out: args.out.clone(),
    })
}

/// `mine=a.tif` is a name and a file, unless there is a file of that whole name.
fn name_and_path(word: &str) -> (Option<String>, PathBuf) {
    if Path::new(word).exists() {
        return (None, PathBuf::from(word));
    }
    match word.split_once('=') {
        Some((name, path)) if !name.is_empty() && !name.contains(['/', '\\', ':']) => {
            (Some(name.to_owned()), PathBuf::from(path))
        }
        _ => (None, PathBuf::from(word)),
    }
}

/// The file's name without its ending, with the folder's where that is taken.
fn free_name(candidates: &[Candidate], path: &Path) -> String {
    let text = |part: Option<&std::ffi::OsStr>| {
        part.map_or_else(String::new, |part| part.to_string_lossy().into_owned())
    };
    let stem = text(path.file_stem());
    let is_free = |name: &str| candidates.iter().all(|known| known.name != name);
    if is_free(&stem) {
        return stem;
    }
    let folder = text(path.parent().and_then(Path::file_name));
    let longer = format!("{folder}/{stem}");
    if is_free(&longer) {
        return longer;
    }
    (2..)
        .map(|number| format!("{stem} ({number})"))
        .find(|name| is_free(name))
        .unwrap_or(stem)
}

/// The tables of a finished report.
pub fn print(outcome: &Outcome, output: Output) -> CliResult {
    let Some(file) = outcome.files.first().filter(|_| !output.json) else {
        return report(outcome, output);
    };
    let evaluation = Evaluation::read(file)?;
    let mut text = String::new();
    for measure in evaluation.measures() {
        let (header, rows) = evaluation.table(measure);
        let header: Vec<&str> = header.iter().map(String::as_str).collect();
        text += &format!("{}\n", title_of(measure));
        text += &table(&header, &rows);
        text.push('\n');
    }
    output.print(&text)?;
    report(outcome, output)
}

/// One table of the main measure of several reports.
fn print_together(args: &EvaluateTableArgs, output: Output) -> CliResult {
    let heads: Vec<&str> = args
        .heads
        .iter()
        .map(|head| Probe::from(*head).word())
        .collect();
    let mut reports = Vec::new();
    let mut shots: Vec<String> = Vec::new();
    for path in &args.reports {
        let report = Evaluation::read(path)?;
        for own in report.shots() {
            if !shots.contains(&own) {
                shots.push(own);
            }
        }
        let name = path.file_stem().unwrap_or_default();
        reports.push((name.to_string_lossy().into_owned(), report));
    }
    let mut lines = vec![
        format!("| report | candidate | head | {} |", shots.join(" | ")),
        format!("|---|---|---|{}", "---|".repeat(shots.len())),
    ];
    for (name, report) in &reports {
        for candidate in &report.candidates {
            for head in report.heads() {
                if !heads.is_empty() && !heads.contains(&head.as_str()) {
                    continue;
                }
                let cells: Vec<String> = shots
                    .iter()
                    .map(|shots| report.text(&candidate.name, &head, shots))
                    .collect();
                lines.push(format!(
                    "| {name} | {} | {head} | {} |",
                    candidate.name.replace('|', "/"),
                    cells.join(" | ")
                ));
            }
        }
    }
    if output.json {
        let reports: Vec<&Evaluation> = reports.iter().map(|(_, report)| report).collect();
        return output.print_json(&reports);
    }
    output.print(&(lines.join("\n") + "\n"))
}

fn title_of(measure: &str) -> &'static str {
    match measure {
        "balanced_accuracy" => "Balanced accuracy, %: mean ± standard deviation over the splits",
        "overall_accuracy" => "Overall accuracy, %",
        "r2" => "R² of determination: mean ± standard deviation over the splits",
        _ => "Mean absolute error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_before_the_file_or_from_it() {
        let named = |word: &str| name_and_path(word);
        assert_eq!(named("a=b.tif"), (Some("a".to_owned()), "b.tif".into()));
        assert_eq!(named("x/a=b.tif"), (None, "x/a=b.tif".into()));
        assert_eq!(named("b.tif"), (None, "b.tif".into()));
        let mut known = Vec::new();
        let mut names = Vec::new();
        for path in ["2019/f.tif", "2020/f.tif", "2020/f.tif"] {
            let name = free_name(&known, Path::new(path));
            known.push(Candidate::field(&name, Path::new(path)));
            names.push(name);
        }
        assert_eq!(names, ["f", "2020/f", "f (2)"]);
    }
}
