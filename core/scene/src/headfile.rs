//! Head files: a head of any kind as one JSON document, checked on the way in and written beside before it is renamed.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::json_document::JsonDocument;
use crate::{
    Class, FIELD_AXES, Forest, HEAD_SCHEMA, Head, HeadKind, HeadModel, LinearHead, Neighbours,
    Network, SceneError, SceneResult,
};

const DOCUMENT: JsonDocument = JsonDocument {
    format: "terroir-head",
    schema: HEAD_SCHEMA,
    // A forest of noisy labels takes a few tens of megabytes.
    largest_bytes: 256 << 20,
    name: "the head file",
    is_other: "this is not a head file",
    holds_other: "this JSON file is not a head",
    choose: "choose the .json written by training a head",
};

/// The document. Schema 1 had weights and bias only.
#[derive(Serialize, Deserialize)]
struct HeadFile {
    format: String,
    schema: u32,
    kind: HeadKind,
    classes: Vec<Class>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    weights: Vec<Vec<f32>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bias: Vec<f32>,
    temperature: f32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    neighbours: Option<Neighbours>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    forest: Option<Forest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    network: Option<Network>,
    #[serde(default)]
    provenance: serde_json::Map<String, serde_json::Value>,
}

impl HeadFile {
    fn of(head: &Head) -> Self {
        let mut file = Self {
            format: DOCUMENT.format.to_owned(),
            schema: HEAD_SCHEMA,
            kind: head.kind,
            classes: head.classes.clone(),
            weights: Vec::new(),
            bias: Vec::new(),
            temperature: head.temperature,
            neighbours: None,
            forest: None,
            network: None,
            provenance: head.provenance.clone(),
        };
        match head.model.clone() {
            HeadModel::Linear { weights, bias } => (file.weights, file.bias) = (weights, bias),
            HeadModel::Neighbours(model) => file.neighbours = Some(model),
            HeadModel::Forest(model) => file.forest = Some(model),
            HeadModel::Network(model) => file.network = Some(model),
        }
        file
    }

    fn head(self) -> Result<Head, String> {
        let lacks = || format!("it says it is {} but lacks its numbers", self.kind.name());
        let model = match self.kind {
            HeadKind::Ridge | HeadKind::Logistic => HeadModel::Linear {
                weights: self.weights,
                bias: self.bias,
            },
            HeadKind::Neighbours => HeadModel::Neighbours(self.neighbours.ok_or_else(lacks)?),
            HeadKind::Forest => HeadModel::Forest(self.forest.ok_or_else(lacks)?),
            HeadKind::Network => HeadModel::Network(self.network.ok_or_else(lacks)?),
        };
        let head = Head {
            kind: self.kind,
            classes: self.classes,
            temperature: self.temperature,
            model,
            provenance: self.provenance,
        };
        head.check()?;
        Ok(head)
    }
}

impl LinearHead {
    /// Writes the head as JSON beside `path`, then renames; an existing file is replaced whole or not at all.
    pub fn save(&self, path: &Path) -> SceneResult<()> {
        Head::from(self.clone()).save(path)
    }

    /// Reads a head file that holds a linear head.
    pub fn load(path: &Path) -> SceneResult<Self> {
        Head::load(path)?
            .linear()
            .ok_or_else(|| SceneError::file(path, "this head is not linear"))
    }
}

impl Head {
    /// Writes the head as JSON beside `path`, then renames; an existing file is replaced whole or not at all.
    pub fn save(&self, path: &Path) -> SceneResult<()> {
        self.check()
            .map_err(|what| SceneError::write(path, format!("the head is not written: {what}")))?;
        let file = HeadFile::of(self);
        // One number a line would make a forest unreadable and four times as long.
        let is_long = !matches!(self.model, HeadModel::Linear { .. });
        DOCUMENT.write(path, &file, is_long)
    }

    /// Reads and checks a head file. Another kind of file, a newer version, missing rows and non-finite numbers are errors.
    pub fn load(path: &Path) -> SceneResult<Self> {
        let value = DOCUMENT.read(path)?;
        let file: HeadFile = serde_json::from_value(value).map_err(|error| {
            SceneError::file(path, "this head file is damaged; train the head again")
                .with_details(error)
        })?;
        file.head().map_err(|what| {
            SceneError::file(
                path,
                format!("this head file is damaged: {what}; train the head again"),
            )
        })
    }

    /// What is wrong with the numbers, if anything.
    fn check(&self) -> Result<(), String> {
        let count = self.classes.len();
        if count < 2 {
            return Err(format!("it has {count} classes, and a map needs two"));
        }
        if count > usize::from(u8::MAX) {
            return Err(format!("it has {count} classes, and a map holds 255"));
        }
        self.check_model()?;
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

pub(crate) fn check_linear(count: usize, weights: &[Vec<f32>], bias: &[f32]) -> Result<(), String> {
    if weights.len() != count || bias.len() != count {
        return Err(format!(
            "{count} classes, but {} rows of weights and {} biases",
            weights.len(),
            bias.len()
        ));
    }
    if let Some((row, weights)) = weights
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
    if !weights.iter().flatten().chain(bias).all(|v| v.is_finite()) {
        return Err("a weight is not a number".to_owned());
    }
    Ok(())
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
    fn files_of_the_first_schema_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("head.json");
        head().save(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text.replace("\"schema\": 2", "\"schema\": 1")).unwrap();
        assert_eq!(Head::load(&path).unwrap(), Head::from(head()));
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
        assert!(loaded(&text.replace("\"schema\": 2", "\"schema\": 9")).contains("newer"));
        assert!(loaded(&text.replace("\"logistic\"", "\"forest\"")).contains("lacks its numbers"));
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
