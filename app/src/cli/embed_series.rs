//! `terroir embed` with a model of time: dated images of several sensors to a field for each valid period.

use std::path::PathBuf;

use clap::Args;
use terroir_engine::{EmbedSeriesSpec, JobSpec};
use terroir_scene::{Archive, ArchiveSpec, Period, Window};

use super::embed::weights_of;
use super::failure::{CliError, CliResult};
use super::job::run_and_report;
use super::output::Output;
use super::shard::ShardOption;

/// Options of models over time alone.
#[derive(Debug, Args)]
#[command(next_help_heading = "Models over time (stp; support and reference also kgvsf)")]
pub struct SeriesOptions {
    /// Days whose images the model looks at, the last one not included; all of them without this
    #[arg(long, value_name = "FROM..TO")]
    support: Option<Period>,
    /// Days the field sums up (also 2018 or 2018-05); may be repeated, may lie in a gap of the images or beyond them; the
    /// support without this
    #[arg(long, value_name = "FROM..TO")]
    valid: Vec<Period>,
    /// One field for each month of the support
    #[arg(long, conflicts_with_all = ["valid", "yearly"])]
    monthly: bool,
    /// One field for each year of the support
    #[arg(long, conflicts_with = "valid")]
    yearly: bool,
    /// Raster whose grid the field has; the finest of the images' grids without this
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// Only this part of the grid, in pixels from its upper left corner
    #[arg(long, value_name = "COL,ROW,WIDTH,HEIGHT", value_parser = parse_window)]
    window: Option<Window>,
}

impl SeriesOptions {
    /// Support and reference, for models that make one field of a season.
    ///
    /// # Errors
    /// Options such models do not take.
    pub fn of_one_season(&self) -> Result<(Option<Period>, Option<PathBuf>), CliError> {
        let others = Self {
            support: None,
            reference: None,
            valid: self.valid.clone(),
            ..*self
        };
        match others.first_given() {
            Some(option) => Err(CliError::usage(format!(
                "{option} is for stp models; models of images and weather make one field of the support (--support)."
            ))),
            None => Ok((self.support, self.reference.clone())),
        }
    }

    /// The first option given, none of which other models take.
    pub fn first_given(&self) -> Option<&'static str> {
        [
            ("--support", self.support.is_some()),
            ("--valid", !self.valid.is_empty()),
            ("--monthly", self.monthly),
            ("--yearly", self.yearly),
            ("--reference", self.reference.is_some()),
            ("--window", self.window.is_some()),
        ]
        .into_iter()
        .find_map(|(name, is_given)| is_given.then_some(name))
    }
}

/// What `embed` says for any model.
pub struct Common<'a> {
    pub files: &'a [PathBuf],
    pub model: &'a str,
    pub weights: Option<&'a std::path::Path>,
    pub is_untrained: bool,
    pub device: &'a str,
    pub out: &'a std::path::Path,
    pub seed: u64,
    pub aoi: Option<terroir_scene::AreaSpec>,
}

pub fn run(
    common: Common<'_>,
    options: &SeriesOptions,
    shard: ShardOption,
    output: Output,
) -> CliResult {
    let archive = ArchiveSpec {
        files: common.files.to_vec(),
        reference: options.reference.clone(),
    };
    let periods = if options.monthly || options.yearly {
        let support = match options.support {
            Some(support) => support,
            None => whole_period(&archive)?,
        };
        if options.monthly {
            support.months()
        } else {
            support.years()
        }
    } else {
        options.valid.clone()
    };
    let spec = JobSpec::EmbedSeries(EmbedSeriesSpec {
        archive,
        model: common.model.to_owned(),
        weights: weights_of(common.model, common.weights, common.is_untrained),
        support: options.support,
        periods,
        device: common.device.to_owned(),
        out: common.out.to_owned(),
        seed: common.seed,
        aoi: common.aoi,
        window: options.window,
    });
    run_and_report(&shard.of(spec), output)
}

fn whole_period(archive: &ArchiveSpec) -> Result<Period, CliError> {
    let archive = Archive::open(archive, None)?;
    archive
        .period()
        .ok_or_else(|| CliError::failed("There is no dated image."))
}

/// `3,4,50,60`
pub fn parse_window(text: &str) -> Result<Window, String> {
    let numbers: Option<Vec<usize>> = text
        .split(',')
        .map(|number| number.trim().parse().ok())
        .collect();
    match numbers.as_deref() {
        Some([col, row, width, height]) if *width > 0 && *height > 0 => Ok(Window {
            col: *col,
            row: *row,
            width: *width,
            height: *height,
        }),
        _ => Err(
            "write four whole numbers: column, row, width, height, for example 0,0,256,256"
                .to_owned(),
        ),
    }
}
