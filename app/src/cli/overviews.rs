//! `terroir overviews`: smaller copies of a raster in a file beside it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use terroir_engine::{JobSpec, OverviewsSpec};
use terroir_scene::Resampling;

use super::failure::CliResult;
use super::job::run_and_report;
use super::output::Output;

#[derive(Debug, Args)]
pub struct OverviewsArgs {
    /// The raster; it is only read. The overviews go beside it as FILE.ovr
    file: PathBuf,
    /// How pixels are made fewer; without it classes keep the most frequent one and everything else is averaged
    #[arg(long, value_enum)]
    resampling: Option<Choice>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Choice {
    Average,
    Nearest,
    Mode,
}

pub fn run(args: &OverviewsArgs, output: Output) -> CliResult {
    let spec = JobSpec::Overviews(OverviewsSpec {
        raster: args.file.clone(),
        resampling: args.resampling.map(|choice| match choice {
            Choice::Average => Resampling::Average,
            Choice::Nearest => Resampling::Nearest,
            Choice::Mode => Resampling::Mode,
        }),
    });
    run_and_report(&spec, output)
}
