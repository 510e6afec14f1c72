//! `terroir sample`: draws a stratified random sample of a class map, to be answered and given to `terroir assess`.

use std::path::PathBuf;

use clap::Args;
use terroir_engine::{JobSpec, Outcome, SampleSpec};

use super::failure::CliResult;
use super::job::{CancelFlag, report, run_job};
use super::output::{Output, table};

#[derive(Debug, Args)]
pub struct SampleArgs {
    /// The class map to be checked
    #[arg(long)]
    map: PathBuf,
    /// Where the points go (.gpkg or .csv): in random order and without the map's class; fill in their `class`
    #[arg(long)]
    out: PathBuf,
    /// Points in all; as many as --standard-error needs without this
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    points: Option<u32>,
    /// Wanted standard error of the overall accuracy
    #[arg(long, default_value_t = 0.01, value_parser = share, conflicts_with = "points")]
    standard_error: f64,
    /// User's accuracy you expect of the classes
    #[arg(long, default_value_t = 0.85, value_parser = share)]
    expected_accuracy: f64,
    /// Points of every class at least
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(2..))]
    least: u32,
    /// Labels the map was trained with: their pixels are not drawn
    #[arg(long, value_name = "FILE")]
    exclude: Option<PathBuf>,
    /// Attribute of --exclude that holds the class; well-known names are tried without this
    #[arg(long, requires = "exclude")]
    class_attribute: Option<String>,
    /// The same seed draws the same points
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value < 1.0 => Ok(value),
        _ => Err("a number between 0 and 1 is needed".to_owned()),
    }
}

pub fn run(args: &SampleArgs, output: Output) -> CliResult {
    let spec = SampleSpec {
        map: args.map.clone(),
        points: args.points.map(|points| points as usize),
        standard_error: args.standard_error,
        expected_users: args.expected_accuracy,
        least: args.least as usize,
        exclude: args.exclude.clone(),
        class_attribute: args.class_attribute.clone(),
        seed: args.seed,
        out: args.out.clone(),
    };
    let cancel = CancelFlag::on_ctrl_c()?;
    let outcome = run_job(&JobSpec::Sample(spec), output, &cancel)?;
    if output.json {
        return report(&outcome, output);
    }
    output.print(&format!(
        "{}\n  {}\n{}Fill in `class`, then: terroir assess --map {} --reference {} \
         --class-attribute class --stratified-sample --out report.json\n",
        outcome.summary,
        args.out.display(),
        table(&["class of the map", "pixels", "points"], &strata(&outcome)),
        args.map.display(),
        args.out.display(),
    ))
}

/// Class, pixels and points of every stratum.
fn strata(outcome: &Outcome) -> Vec<Vec<String>> {
    let value = |name: &str| {
        let found = outcome.metrics.iter().find(|(known, _)| known == name);
        found.map_or_else(String::new, |(_, value)| format!("{value:.0}"))
    };
    outcome
        .metrics
        .iter()
        .filter_map(|(name, pixels)| {
            let class = name.strip_prefix("pixels of ")?;
            let points = value(&format!("points of {class}"));
            Some(vec![class.to_owned(), format!("{pixels:.0}"), points])
        })
        .collect()
}
