//! Files of ours that hold one JSON document with a `format` and a `schema`: read with a bound on their size and told from
//! other files, written beside and renamed. Knows nothing of what they hold.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use crate::beside::write_beside;
use crate::{SceneError, SceneResult};

/// A kind of document, and the words for what is none.
pub(crate) struct JsonDocument {
    pub format: &'static str,
    /// The newest this build reads.
    pub schema: u32,
    pub largest_bytes: u64,
    /// "the head file"
    pub name: &'static str,
    /// "this is not a head file"
    pub is_other: &'static str,
    /// "this JSON file is not a head"
    pub holds_other: &'static str,
    /// "choose the .json written by training a head"
    pub choose: &'static str,
}

impl JsonDocument {
    /// The document, whose numbers are still to be checked.
    ///
    /// # Errors
    /// No such file, one that is too large or no JSON, another format, a newer schema.
    pub fn read(&self, path: &Path) -> SceneResult<Value> {
        let Self { name, choose, .. } = self;
        let wrong = |what: String| SceneError::file(path, what);
        let size = std::fs::metadata(path)
            .map_err(|error| {
                wrong(format!("{name} cannot be opened; check the path")).with_details(error)
            })?
            .len();
        if size > self.largest_bytes {
            return Err(wrong(format!(
                "{}: it is too large; {choose}",
                self.is_other
            )));
        }
        let text = std::fs::read(path)
            .map_err(|error| wrong(format!("{name} cannot be read")).with_details(error))?;
        let value: Value = serde_json::from_slice(&text).map_err(|error| {
            wrong(format!(
                "{}: it is no complete JSON document; {choose}",
                self.is_other
            ))
            .with_details(error)
        })?;
        if value.get("format").and_then(Value::as_str) != Some(self.format) {
            return Err(wrong(format!("{}; {choose}", self.holds_other)));
        }
        let schema = value.get("schema").and_then(Value::as_u64);
        if schema.is_some_and(|schema| schema > u64::from(self.schema)) {
            return Err(wrong(format!(
                "{name} was written by a newer version of Terroir; update to read it"
            )));
        }
        Ok(value)
    }

    /// Writes `file` beside `path`, then renames; `is_long` without line breaks.
    pub fn write(&self, path: &Path, file: &impl Serialize, is_long: bool) -> SceneResult<()> {
        let text = match is_long {
            true => serde_json::to_vec(file),
            false => serde_json::to_vec_pretty(file),
        };
        let mut text = text.map_err(|error| {
            SceneError::write(path, format!("{} could not be put into words", self.name))
                .with_details(error)
        })?;
        text.push(b'\n');
        write_beside(path, &text)
    }
}
