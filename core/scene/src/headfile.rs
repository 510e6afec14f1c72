//! Head files: a linear head as one JSON document, checked on the way in and written beside before it is renamed.

use std::path::Path;

use serde::Serialize;

use crate::beside::write_beside;
use crate::{FIELD_AXES, HEAD_SCHEMA, LinearHead, SceneError, SceneResult};

/// Tells a head file from any other JSON.
const FORMAT: &str = "terroir-head";
/// 255 classes of 64 numbers stay far below.
const LARGEST_FILE: u64 = 16 << 20;

#[derive(Serialize)]
struct HeadFile<'a> {
    format: &'a str,
    #[serde(flatten)]
    head: &'a LinearHead,
}

impl LinearHead {
    /// Writes the head as JSON beside `path`, then renames; an existing file is replaced whole or not at all.
    pub fn save(&self, path: &Path) -> SceneResult<()> {
        self.check()
            .map_err(|what| SceneError::write(path, format!("the head is not written: {what}")))?;
        let mut text = serde_json::to_vec_pretty(&HeadFile {
            format: FORMAT,
            head: self,
        })
        .map_err(|error| {
            SceneError::write(path, "the head could not be put into words").with_details(error)
        })?;
        text.push(b'\n');
        write_beside(path, &text)
    }

    /// Reads and checks a head file. Another kind of file, a newer version, missing rows and non-finite numbers are errors.
    pub fn load(path: &Path) -> SceneResult<Self> {
        let other = |what: &str| SceneError::file(path, what);
        let size = std::fs::metadata(path)
            .map_err(|error| {
                other("the head file cannot be opened; check the path").with_details(error)
            })?
            .len();
        if size > LARGEST_FILE {
            return Err(other(
                "this is not a head file: it is too large; choose the .json written by training a head",
            ));
        }
        let text = std::fs::read(path)
            .map_err(|error| other("the head file cannot be read").with_details(error))?;
        let value: serde_json::Value = serde_json::from_slice(&text).map_err(|error| {
            other("this is not a head file: it is no complete JSON document; train the head again").with_details(error)
        })?;
        if value.get("format").and_then(|format| format.as_str()) != Some(FORMAT) {
            return Err(other(
                "this JSON file is not a head; choose the one written by training a head",
            ));
        }
        if value
            .get("schema")
            .and_then(serde_json::Value::as_u64)
            .is_some_and(|schema| schema > u64::from(HEAD_SCHEMA))
        {
            return Err(other(
                "this head was written by a newer version of Terroir; update to read it",
            ));
        }
        let head: Self = serde_json::from_value(value).map_err(|error| {
            other("this head file is damaged; train the head again").with_details(error)
        })?;
        head.check().map_err(|what| {
            SceneError::file(
                path,
                format!("this head file is damaged: {what}; train the head again"),
            )
        })?;
        Ok(head)
    }

    /// What is wrong with the numbers, if anything.
    fn check(&self) -> Result<(), String> {
        let count = self.classes.len();
        if count < 2 {
            return Err(format!("it has {count} classes, and a map needs two"));
        }
        if self.weights.len() != count || self.bias.len() != count {
            return Err(format!(
                "{count} classes, but {} rows of weights and {} biases",
                self.weights.len(),
                self.bias.len()
            ));
        }
        if let Some((row, weights)) = self
            .weights
            .iter()
            .enumerate()
            .find(|(_, weights)| weights.len() != FIELD_AXES)
        {
            return Err(format!(
                "row {} has {} weights instead of {FIELD_AXES}",
                row + 1,
                weights.len()
            ));
        }
        let is_finite = self
            .weights
            .iter()
            .flatten()
            .chain(&self.bias)
            .all(|value| value.is_finite());
        if !is_finite {
            return Err("a weight is not a number".to_owned());
        }
        if !(self.temperature.is_finite() && self.temperature > 0.0) {
            return Err(format!("its temperature is {}", self.temperature));
        }
        let mut seen = [false; 256];
        for class in &self.classes {
            if class.id == 0 || std::mem::replace(&mut seen[usize::from(class.id)], true) {
                return Err(format!("class number {} is 0 or used twice", class.id));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, HeadKind};

    fn head() -> LinearHead {
        let class = |id: u8| Class {
            id,
            name: format!("class \"{id}\""),
            color: [id, 2, 3],
        };
        LinearHead {
            schema: HEAD_SCHEMA,
            kind: HeadKind::Logistic,
            classes: vec![class(1), class(7)],
            weights: vec![vec![0.1; FIELD_AXES], vec![-1.0 / 3.0; FIELD_AXES]],
            bias: vec![1e-30, -2.5],
            temperature: 3.3,
            provenance: serde_json::Map::new(),
        }
    }

    #[test]
    fn heads_survive_the_file_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head.json");
        head().save(&path).unwrap();
        head().save(&path).unwrap();
        assert_eq!(LinearHead::load(&path).unwrap(), head());
        assert_eq!(
            std::fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no temporary is left"
        );
    }

    #[test]
    fn other_and_damaged_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head.json");
        let loaded = |text: &str| {
            std::fs::write(&path, text).unwrap();
            LinearHead::load(&path).unwrap_err().to_string()
        };
        assert!(loaded("II*\0").contains("not a head file"));
        assert!(loaded(r#"{"type":"FeatureCollection"}"#).contains("not a head"));
        head().save(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(loaded(&text[..text.len() / 2]).contains("complete JSON"));
        assert!(loaded(&text.replace("\"schema\": 1", "\"schema\": 9")).contains("newer"));
        assert!(loaded(&text.replace("-2.5", "null")).contains("damaged"));
        assert!(loaded(&text.replace("-2.5", "1e39")).contains("not a number"));
        assert!(loaded(&text.replace("3.3", "0")).contains("temperature"));
        assert!(loaded(&text.replace("\"id\": 7", "\"id\": 1")).contains("twice"));
        assert!(loaded(&text.replacen("0.1,", "", 1)).contains("63 weights"));
        assert!(
            LinearHead::load(&folder.path().join("none.json"))
                .unwrap_err()
                .to_string()
                .contains("none.json")
        );
        let mut broken = head();
        broken.weights[0][5] = f32::NAN;
        assert!(broken.save(&path).is_err());
    }
}
