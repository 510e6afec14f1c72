//! `terroir pca`: colours for one or several fields, which mean the same in all of them.

use std::path::PathBuf;

use clap::Args;
use terroir_engine::{JobSpec, PcaSpec};

use super::failure::CliResult;
use super::job::run_and_report;
use super::output::Output;

#[derive(Debug, Args)]
pub struct PcaArgs {
    /// A field, of any year or place; given several times, one basis is fitted on all of them
    #[arg(long, required = true)]
    field: Vec<PathBuf>,
    /// Look at a million evenly thinned pixels instead of all
    #[arg(long)]
    preview: bool,
    /// Where the basis goes (.json): mean, components and limits, for `terroir render --basis` and the window
    #[arg(long)]
    out: PathBuf,
}

pub fn run(args: &PcaArgs, output: Output) -> CliResult {
    let spec = JobSpec::Pca(PcaSpec {
        fields: args.field.clone(),
        is_preview: args.preview,
        out: args.out.clone(),
    });
    run_and_report(&spec, output)
}
