//! Starts the command line, which opens the window when no subcommand is given.

fn main() -> std::process::ExitCode {
    // Before any thread: a bundle's own data for the geographic libraries.
    terroir_scene::use_bundled_data();
    terroir::version::set_commit(option_env!("TERROIR_COMMIT"));
    terroir::cli::run(std::env::args_os())
}
