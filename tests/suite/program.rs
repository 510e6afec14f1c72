//! The real `terroir` executable, run as a user runs it. Also where the larger real scenes lie.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The executable of this build; built first if need be, so that no stale one is tested. `TERROIR_PROGRAM` names another.
pub fn terroir() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(program) = std::env::var_os("TERROIR_PROGRAM") {
            return PathBuf::from(program);
        }
        // target/debug/deps/terroir-0123 -> target/debug/terroir
        let here = std::env::current_exe().unwrap();
        let profile = here.parent().and_then(Path::parent).unwrap().to_path_buf();
        let target = profile.parent().unwrap();
        let mut build = Command::new(env!("CARGO"));
        build
            .args(["build", "--workspace", "--target-dir"])
            .arg(target)
            .current_dir(repository());
        if profile.ends_with("release") {
            build.arg("--release");
        }
        // What `cargo test` says of this package is no news to the build: some build scripts (ring's) watch it, and all that
        // depends on them would be compiled anew for each run of the tests.
        let of_package = |name: &std::ffi::OsString| {
            let name = name.to_string_lossy();
            [
                "CARGO_PKG_",
                "CARGO_MANIFEST_",
                "CARGO_BIN_",
                "CARGO_CRATE_",
            ]
            .iter()
            .any(|start| name.starts_with(start))
        };
        for (name, _) in std::env::vars_os().filter(|(name, _)| of_package(name)) {
            build.env_remove(name);
        }
        let built = build.output().unwrap();
        assert!(
            built.status.success(),
            "cargo build failed:\n{}",
            String::from_utf8_lossy(&built.stderr)
        );
        profile
            .join("terroir")
            .with_extension(std::env::consts::EXE_EXTENSION)
    })
}

/// Sends a signal (`KILL`, `INT`) through the shell's own `kill`: a bare system has no program of that name.
pub fn signal(name: &str, process: u32) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -s {name} {process}")])
        .status()
        .unwrap();
    assert!(sent.success(), "signal {name} to {process}: {sent}");
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_path_buf()
}

pub fn sample() -> PathBuf {
    repository().join("assets/sample")
}

/// The larger real scenes; `None`, said aloud, when they are not there.
pub fn shared_data(what: &str) -> Option<PathBuf> {
    let shared = std::env::var_os("TERROIR_SHARED")
        .map_or_else(|| repository().join("../shared"), PathBuf::from);
    let data = shared.join("data");
    if data.is_dir() {
        return Some(data);
    }
    eprintln!(
        "SKIPPED {what}: no scenes at {} (set TERROIR_SHARED)",
        data.display()
    );
    None
}

/// What a run said and how it ended.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    /// The run must have succeeded; its standard output.
    #[track_caller]
    pub fn done(self) -> String {
        assert_eq!(
            self.code,
            Some(0),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self.stdout
    }

    /// The run must have succeeded and printed one JSON document.
    #[track_caller]
    pub fn json(self) -> serde_json::Value {
        let text = self.done();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in:\n{text}"))
    }

    /// The run must have failed in words: exit code, a message with all of `words`, no trace of a panic.
    #[track_caller]
    pub fn failed(&self, code: i32, words: &[&str]) {
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        let message = self.stderr.to_lowercase();
        for word in words {
            assert!(
                message.contains(&word.to_lowercase()),
                "no {word:?} in:\n{}",
                self.stderr
            );
        }
        for word in ["panicked", "rust_backtrace", "unwrap", "fault of its own"] {
            assert!(!message.contains(word), "{word:?} in:\n{}", self.stderr);
        }
        assert!(
            self.stderr.trim().len() > 20,
            "too short to help: {:?}",
            self.stderr
        );
    }
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// `terroir` with `arguments` in `folder`, not started yet.
pub fn command<A: AsRef<OsStr>>(folder: &Path, arguments: &[A]) -> Command {
    let mut command = Command::new(terroir());
    command
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        // What this user has installed is nobody's business here.
        .env("TERROIR_MODELS", folder.join("no weights"))
        .env_remove("RUST_BACKTRACE");
    command
}

/// Runs `terroir` with `arguments` in `folder`.
pub fn run<A: AsRef<OsStr>>(folder: &Path, arguments: &[A]) -> Run {
    command(folder, arguments).output().unwrap().into()
}

/// Names of everything in a folder, sorted.
pub fn files_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
