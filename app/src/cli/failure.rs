//! How a command fails: words for people, the library's own text on request, and the exit code.
//! Knows the error types of scene and engine. Prints nothing by itself.

use std::fmt::Display;
use std::path::Path;
use std::process::ExitCode;

use terroir_engine::Failure;
use terroir_scene::SceneError;

/// Why a command stopped.
#[derive(Debug)]
pub enum CliError {
    /// An option or its value is wrong: exit code 2.
    Usage(String),
    /// The work could not be done: exit code 1. `what` says what happened and what to do next, path last.
    Failed {
        what: String,
        details: Option<String>,
    },
    /// The user asked to stop: exit code 1.
    Cancelled,
    /// Whoever read our output went away (`terroir info x | head`): not an error.
    ReaderGone,
}

pub type CliResult<T = ()> = Result<T, CliError>;

impl CliError {
    pub fn usage(what: impl Into<String>) -> Self {
        Self::Usage(what.into())
    }

    pub fn failed(what: impl Into<String>) -> Self {
        Self::Failed {
            what: what.into(),
            details: None,
        }
    }

    /// A file of ours could not be written or read: `what` first, path last, the system's reason as details.
    pub fn file(what: impl Display, path: &Path, error: &std::io::Error) -> Self {
        let reason = match error.kind() {
            std::io::ErrorKind::NotFound => " The folder or file does not exist; check its name.",
            std::io::ErrorKind::PermissionDenied => {
                " You may not write or read there; choose another folder."
            }
            std::io::ErrorKind::StorageFull => {
                " The disk is full; free some space or choose another folder."
            }
            std::io::ErrorKind::ReadOnlyFilesystem => {
                " The folder is read-only; choose another one."
            }
            _ => "",
        };
        Self::Failed {
            what: format!("{what}{reason}\n{}", path.display()),
            details: Some(error.to_string()),
        }
    }

    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            Self::Failed { .. } | Self::Cancelled => ExitCode::from(1),
            Self::ReaderGone => ExitCode::SUCCESS,
        }
    }

    /// The lines for standard error; `verbose` adds the library's own words. Empty when there is nothing to say.
    pub fn message(&self, verbose: bool) -> String {
        match self {
            Self::Usage(what) => format!("terroir: {}\nTry `terroir --help`.\n", sentence(what)),
            Self::Failed { what, details } => match details {
                None => format!("terroir: {}\n", sentence(what)),
                Some(details) if verbose => {
                    format!(
                        "terroir: {}\nDetails: {}\n",
                        sentence(what),
                        details.trim_end()
                    )
                }
                Some(_) => format!(
                    "terroir: {}\n(--verbose shows the details.)\n",
                    sentence(what)
                ),
            },
            Self::Cancelled => "terroir: Cancelled. No half-written file was left behind.\n".into(),
            Self::ReaderGone => String::new(),
        }
    }
}

/// A message that begins like a sentence, wherever it was written.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_uppercase().chain(letters).collect(),
        None => String::new(),
    }
}

impl From<SceneError> for CliError {
    fn from(error: SceneError) -> Self {
        match error {
            SceneError::Cancelled => Self::Cancelled,
            other => Self::Failed {
                details: other.details().map(str::to_owned),
                what: other.to_string(),
            },
        }
    }
}

impl From<Failure> for CliError {
    fn from(failure: Failure) -> Self {
        Self::Failed {
            what: failure.what,
            details: failure.details,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_comes_last_and_details_only_on_request() {
        let error = CliError::from(
            SceneError::file("/data/a.tif", "The file is cut short.").with_details("TIFF: bad"),
        );
        assert_eq!(
            error.message(true),
            "terroir: The file is cut short.\n/data/a.tif\nDetails: TIFF: bad\n"
        );
        assert!(!error.message(false).contains("TIFF: bad"));
    }
}
