//! `terroir doctor`: what there is, what works, and what to do about what does not.

use super::failure::{CliError, CliResult};
use super::output::Output;
use crate::doctor::{Health, Report};

pub fn run(output: Output) -> CliResult {
    output.remark("Looking at the machine, the libraries, a model and the worker …");
    let program = std::env::current_exe().ok();
    let report = Report::gather_blocking(program.as_deref());
    if output.json {
        output.print_json(&report)?;
    } else {
        output.print(&report.text())?;
    }
    match report.count(Health::Failed) {
        0 => Ok(()),
        _ => Err(CliError::failed(format!(
            "{} The lines marked FAILED say what to do.",
            report.sum()
        ))),
    }
}
