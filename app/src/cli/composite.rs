//! `terroir composite`: many dated images to one raster, clouds left out.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use terroir_engine::{CompositeKind, CompositeSpec, JobSpec};
use terroir_scene::{ArchiveSpec, CompositeStatistic, Period};

use super::failure::CliResult;
use super::job::run_and_report;
use super::output::Output;
use super::shard::ShardOption;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum StatisticChoice {
    /// The middle value of each band
    Median,
    /// The mean of each band
    Mean,
    /// All bands of the image in which the pixel is greenest
    MaxNdvi,
    /// Mean, and sine and cosine of the year and of the half year, of each band
    Harmonics,
}

impl From<StatisticChoice> for CompositeKind {
    fn from(choice: StatisticChoice) -> Self {
        match choice {
            StatisticChoice::Median => Self::Statistic(CompositeStatistic::Median),
            StatisticChoice::Mean => Self::Statistic(CompositeStatistic::Mean),
            StatisticChoice::MaxNdvi => Self::Statistic(CompositeStatistic::MaxNdvi),
            StatisticChoice::Harmonics => Self::Harmonics,
        }
    }
}

#[derive(Debug, Args)]
pub struct CompositeArgs {
    /// Dated images of one place: folders, files, stacks with a band a date
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Raster whose grid is used; the finest of the images without this
    #[arg(long, value_name = "FILE")]
    reference: Option<PathBuf>,
    /// A year (2018), a month (2018-05) or two days, the second not part of it (2018-03-01..2018-09-01); all dates without this
    #[arg(long, value_name = "PERIOD")]
    period: Option<Period>,
    /// What stands for all images
    #[arg(long, value_enum, default_value = "median")]
    statistic: StatisticChoice,
    /// Which sensor, where the files hold images of several
    #[arg(long, value_name = "NAME")]
    sensor: Option<String>,
    /// Where the result goes (.tif); its last band counts the clear images
    #[arg(long)]
    out: PathBuf,
    #[command(flatten)]
    shard: ShardOption,
}

pub fn run(args: &CompositeArgs, output: Output) -> CliResult {
    let spec = JobSpec::Composite(CompositeSpec {
        archive: ArchiveSpec {
            files: args.files.clone(),
            reference: args.reference.clone(),
        },
        period: args.period,
        kind: args.statistic.into(),
        sensor: args.sensor.clone(),
        out: args.out.clone(),
    });
    run_and_report(&args.shard.of(spec), output)
}
