//! `terroir cluster`: a field to groups of pixels that are alike.

use std::path::PathBuf;

use clap::Args;
use terroir_engine::{ClusterSpec, JobSpec};

use super::failure::{CliError, CliResult};
use super::job::run_and_report;
use super::output::Output;

#[derive(Debug, Args)]
pub struct ClusterArgs {
    /// The field
    #[arg(long)]
    field: PathBuf,
    /// How many clusters to find, 2 to 30
    #[arg(long = "k", value_name = "COUNT", default_value_t = ClusterSpec::CLUSTERS, conflicts_with = "from")]
    clusters: usize,
    /// Pixels they are found on, drawn over the whole field; 1000 to 200000
    #[arg(long, value_name = "COUNT", default_value_t = ClusterSpec::FIT_PIXELS, conflicts_with = "from")]
    fit_pixels: usize,
    /// Seed of the draw and of the start; the same seed gives the same clusters
    #[arg(long, default_value_t = 0, conflicts_with = "from")]
    seed: u64,
    /// Use the clusters of this file (.json) instead of finding new ones
    #[arg(long, value_name = "CLUSTERS")]
    from: Option<PathBuf>,
    /// Name a cluster, for example 3=Water; may be given again. Clusters of one name become one class
    #[arg(long = "name", value_name = "NUMBER=NAME")]
    names: Vec<String>,
    /// Where the map goes (.tif, with the clusters beside it), or the clusters alone (.json)
    #[arg(long)]
    out: PathBuf,
}

pub fn run(args: &ClusterArgs, output: Output) -> CliResult {
    let names = args
        .names
        .iter()
        .map(|text| numbered_name(text))
        .collect::<CliResult<Vec<_>>>()?;
    let spec = JobSpec::Cluster(ClusterSpec {
        field: args.field.clone(),
        clusters: args.clusters,
        fit_pixels: args.fit_pixels,
        seed: args.seed,
        from: args.from.clone(),
        names,
        out: args.out.clone(),
    });
    run_and_report(&spec, output)
}

fn numbered_name(text: &str) -> CliResult<(usize, String)> {
    let parsed = text.split_once('=').and_then(|(number, name)| {
        let number = number.trim().parse::<usize>().ok()?;
        let name = name.trim();
        (number > 0 && !name.is_empty()).then(|| (number, name.to_owned()))
    });
    parsed.ok_or_else(|| {
        CliError::usage(format!(
            "--name {text}: give the number of a cluster and a name, for example 3=Water."
        ))
    })
}
