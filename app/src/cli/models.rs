//! `terroir models`: what this build can run.

use super::failure::CliResult;
use super::output::{Output, table};

pub fn run(output: Output) -> CliResult {
    let models = terroir_engine::models();
    if output.json {
        return output.print_json(&models);
    }
    let rows: Vec<Vec<String>> = models
        .iter()
        .map(|model| {
            vec![
                model.name.clone(),
                model.family.clone(),
                format!("{:.1} M", model.parameters as f64 / 1e6),
                model.patch.to_string(),
                model.width.to_string(),
                model.depth.to_string(),
                model.state.clone(),
            ]
        })
        .collect();
    output.print(&table(
        &[
            "name",
            "family",
            "parameters",
            "patch",
            "width",
            "depth",
            "weights",
        ],
        &rows,
    ))
}
