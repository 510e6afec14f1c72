//! `terroir merge`: shards of a field or a map to the whole.

use std::path::PathBuf;

use clap::Args;
use terroir_engine::{JobSpec, MergeSpec};

use super::failure::CliResult;
use super::job::run_and_report;
use super::output::Output;

#[derive(Debug, Args)]
pub struct MergeArgs {
    /// Where the whole goes: what --out named when the shards were made
    out: PathBuf,
    /// The shards; without them those that lie beside OUT (<stem>.shard-1-of-4.tif and so on)
    shards: Vec<PathBuf>,
}

pub fn run(args: &MergeArgs, output: Output) -> CliResult {
    let spec = JobSpec::Merge(MergeSpec {
        out: args.out.clone(),
        shards: args.shards.clone(),
    });
    run_and_report(&spec, output)
}
