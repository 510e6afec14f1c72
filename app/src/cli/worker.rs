//! `terroir worker`: the engine behind a pipe, one JSON document a line. The window starts it.

use super::failure::CliResult;

pub fn run() -> CliResult {
    Ok(terroir_engine::worker_main()?)
}
