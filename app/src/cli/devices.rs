//! `terroir devices`: what can compute here.

use super::failure::CliResult;
use super::output::{Output, size_text, table};

pub fn run(output: Output) -> CliResult {
    let devices = terroir_engine::devices();
    if output.json {
        return output.print_json(&devices);
    }
    let rows: Vec<Vec<String>> = devices
        .iter()
        .map(|device| {
            vec![
                device.name.clone(),
                device.backend.clone(),
                device.kind.clone(),
                device.memory_bytes.map(size_text).unwrap_or_default(),
                device.driver.clone().unwrap_or_default(),
            ]
        })
        .collect();
    output.print(&table(
        &["name", "backend", "kind", "memory", "driver"],
        &rows,
    ))
}
