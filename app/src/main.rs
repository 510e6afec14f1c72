//! Starts the command line, which opens the window when no subcommand is given.

fn main() -> std::process::ExitCode {
    terroir::cli::run(std::env::args_os())
}
