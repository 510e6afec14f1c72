//! The command line: one file a subcommand.

use std::ffi::OsString;
use std::process::ExitCode;

/// Runs the command line; 0 = done, 1 = failed, 2 = wrong usage.
pub fn run(_args: impl IntoIterator<Item = OsString>) -> ExitCode {
    todo!()
}
