//! What can go wrong with a scene, in words a user can act on: cause first, path last.

use std::path::PathBuf;

/// One error type for the whole crate; `what` says cause and next step, `details` holds the library's own words.
#[derive(Debug, thiserror::Error)]
pub enum SceneError {
    /// A file could not be opened, read or understood.
    #[error("{what}\n{}", crate::path_text(path))]
    File {
        what: String,
        path: PathBuf,
        details: Option<String>,
    },
    /// Images of none of the bands a model was trained on.
    #[error("{what}\n{}", crate::path_text(path))]
    OtherBands { what: String, path: PathBuf },
    /// A value given by the user cannot be used.
    #[error("{0}")]
    Input(String),
    /// Writing failed; nothing half-written was left behind.
    #[error("{what}\n{}", crate::path_text(path))]
    Write {
        what: String,
        path: PathBuf,
        details: Option<String>,
    },
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

pub type SceneResult<T> = Result<T, SceneError>;

impl SceneError {
    pub fn file(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self::File {
            what: what.into(),
            path: path.into(),
            details: None,
        }
    }

    pub fn write(path: impl Into<PathBuf>, what: impl Into<String>) -> Self {
        Self::Write {
            what: what.into(),
            path: path.into(),
            details: None,
        }
    }

    pub fn input(what: impl Into<String>) -> Self {
        Self::Input(what.into())
    }

    /// Attaches the library's raw text, shown only under "Details".
    pub fn with_details(mut self, text: impl ToString) -> Self {
        if let Self::File { details, .. } | Self::Write { details, .. } = &mut self {
            *details = Some(text.to_string());
        }
        self
    }

    pub fn details(&self) -> Option<&str> {
        match self {
            Self::File { details, .. } | Self::Write { details, .. } => details.as_deref(),
            _ => None,
        }
    }
}
