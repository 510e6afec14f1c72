//! `terroir similar`: what in a field is like some places or polygons, as a map, polygons or a list of places.

use std::path::PathBuf;

use clap::Args;
use terroir_engine::{JobSpec, SimilarSpec};
use terroir_scene::{Combine, Rings};

use super::area::AreaOption;
use super::failure::{CliError, CliResult};
use super::job::run_and_report;
use super::output::Output;
use super::shard::ShardOption;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("examples").required(true).multiple(true))]
pub struct SimilarArgs {
    /// The field to search
    #[arg(long)]
    field: PathBuf,
    /// An example pixel, in the map coordinates of the field; may be given several times
    #[arg(
        long,
        value_name = "X,Y",
        allow_hyphen_values = true,
        group = "examples"
    )]
    at: Vec<String>,
    /// Example areas: the polygons of this vector file (`file:layer` names one of its layers); each counts as its mean
    #[arg(long, value_name = "FILE", group = "examples")]
    polygons: Option<String>,
    /// An example area by its corners, "X Y,X Y,X Y"; holes after semicolons; may be given several times
    #[arg(
        long,
        value_name = "CORNERS",
        allow_hyphen_values = true,
        group = "examples"
    )]
    area: Vec<String>,
    /// The field the examples lie in, such as another year's; --field itself without this
    #[arg(long, value_name = "FIELD")]
    from: Option<PathBuf>,
    /// Like any of the examples instead of like all of them: the largest dot product, not their mean
    #[arg(long)]
    max: bool,
    /// What is at least this similar counts as found, -1 to 1
    #[arg(long, default_value_t = 0.9, value_parser = likeness, allow_hyphen_values = true)]
    threshold: f32,
    /// Also find this many of the most similar places
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    places: usize,
    /// Places are at least this many pixels from each other and from the examples
    #[arg(long, value_name = "PIXELS", default_value_t = 50.0, value_parser = distance)]
    apart: f64,
    /// Patches of fewer pixels do not become polygons
    #[arg(long, value_name = "PIXELS", default_value_t = 0)]
    least: u64,
    /// Write the similarity itself into a .tif instead of a mask
    #[arg(long)]
    values: bool,
    #[command(flatten)]
    inside: AreaOption,
    /// Where the result goes: .tif is a mask, .gpkg polygons with their areas, .csv the places; may be given several times
    #[arg(long, required = true)]
    out: Vec<PathBuf>,
    #[command(flatten)]
    shard: ShardOption,
}

fn likeness(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(value) if (-1.0..=1.0).contains(&value) => Ok(value),
        _ => Err("a number from -1 to 1 is needed".to_owned()),
    }
}

fn distance(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value >= 1.0 && value.is_finite() => Ok(value),
        _ => Err("a number of pixels from 1 on is needed".to_owned()),
    }
}

pub fn run(args: &SimilarArgs, output: Output) -> CliResult {
    let at = args
        .at
        .iter()
        .map(|text| corner(text, ','))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| {
            CliError::usage(
                "--at needs two numbers with a comma between them, such as 500000,4649000.",
            )
        })?;
    let areas = args
        .area
        .iter()
        .map(|text| rings(text))
        .collect::<Option<Vec<Rings>>>()
        .ok_or_else(|| {
            CliError::usage("--area needs three corners or more, such as \"0 0,10 0,10 10\".")
        })?;
    run_and_report(
        &args.shard.of(JobSpec::Similar(SimilarSpec {
            field: args.field.clone(),
            from: args.from.clone(),
            at,
            areas,
            polygons: args.polygons.clone(),
            combine: if args.max {
                Combine::Max
            } else {
                Combine::Mean
            },
            threshold: args.threshold,
            places: args.places,
            apart_px: args.apart,
            least_px: args.least,
            values: args.values,
            aoi: args.inside.spec(),
            out: args.out.clone(),
        })),
        output,
    )
}

fn corner(text: &str, between: char) -> Option<(f64, f64)> {
    let (x, y) = text.trim().split_once(between)?;
    let number = |text: &str| {
        let value: f64 = text.trim().parse().ok()?;
        value.is_finite().then_some(value)
    };
    Some((number(x)?, number(y)?))
}

fn rings(text: &str) -> Option<Rings> {
    text.split(';')
        .map(|ring| {
            let corners: Vec<_> = ring
                .split(',')
                .map(|text| corner(text, ' '))
                .collect::<Option<_>>()?;
            (corners.len() >= 3).then_some(corners)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::rings;

    #[test]
    fn areas_are_corners_and_holes() {
        assert_eq!(
            rings("0 0, 4 0,4 -4;1 -1,2 -1,2 -2"),
            Some(vec![
                vec![(0.0, 0.0), (4.0, 0.0), (4.0, -4.0)],
                vec![(1.0, -1.0), (2.0, -1.0), (2.0, -2.0)]
            ])
        );
        assert_eq!(rings("0 0,1 1"), None);
        assert_eq!(rings("0,1;2"), None);
    }
}
