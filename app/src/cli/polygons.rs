//! `terroir polygons`: a class map as polygons with class, name and area.

use std::path::PathBuf;

use clap::Args;
use terroir_engine::{JobSpec, PolygonsSpec};

use super::failure::CliResult;
use super::job::run_and_report;
use super::output::Output;

#[derive(Debug, Args)]
pub struct PolygonsArgs {
    /// The class map
    map: PathBuf,
    /// Where the polygons go (.gpkg), with the attributes class, name and area_ha
    #[arg(long)]
    out: PathBuf,
    /// Patches of fewer pixels take the class of their largest neighbour
    #[arg(long, value_name = "PIXELS", default_value_t = 0)]
    sieve: usize,
}

pub fn run(args: &PolygonsArgs, output: Output) -> CliResult {
    let spec = JobSpec::Polygons(PolygonsSpec {
        map: args.map.clone(),
        least_pixels: args.sieve,
        out: args.out.clone(),
    });
    run_and_report(&spec, output)
}
