//! Which area a job works in, as specs, projects and the command line name it. Plain values; opens no file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The column that stands for a shape's number in its file.
const NUMBER: &str = "fid";

/// Polygons of a vector file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written", into = "Written")]
pub struct AreaSpec {
    /// `file`, or `file:layer`.
    pub file: String,
    /// All of its polygons without one.
    pub part: Option<AreaPart>,
}

/// Some shapes of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum AreaPart {
    /// By their numbers in the file.
    Shapes(Vec<i64>),
    /// Those with this value of an attribute.
    Value { column: String, value: String },
}

/// A whole file is a text, as it was before parts could be named.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Whole(String),
    Part { file: String, part: AreaPart },
}

impl AreaSpec {
    pub fn whole(file: impl Into<String>) -> Self {
        Self {
            file: file.into(),
            part: None,
        }
    }

    /// Options of the command line that say the same.
    pub fn words(&self) -> Vec<(&'static str, String)> {
        let part = self.part.as_ref();
        std::iter::once(("--aoi", self.file.clone()))
            .chain(part.map(|part| ("--aoi-where", part.to_string())))
            .collect()
    }
}

impl From<Written> for AreaSpec {
    fn from(written: Written) -> Self {
        match written {
            Written::Whole(file) => Self::whole(file),
            Written::Part { file, part } => Self {
                file,
                part: Some(part),
            },
        }
    }
}

impl From<AreaSpec> for Written {
    fn from(spec: AreaSpec) -> Self {
        let file = spec.file;
        match spec.part {
            None => Self::Whole(file),
            Some(part) => Self::Part { file, part },
        }
    }
}

impl fmt::Display for AreaPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shapes(ids) => {
                let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
                write!(f, "{NUMBER}={}", ids.join(","))
            }
            Self::Value { column, value } => write!(f, "{column}={value}"),
        }
    }
}

impl From<AreaPart> for String {
    fn from(part: AreaPart) -> Self {
        part.to_string()
    }
}

impl TryFrom<String> for AreaPart {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for AreaPart {
    type Err = String;

    /// `COLUMN=VALUE`; the first `=` parts. `fid=3,7` are the shapes of these numbers.
    fn from_str(text: &str) -> Result<Self, String> {
        let (column, value) = text
            .split_once('=')
            .filter(|(column, _)| !column.trim().is_empty())
            .ok_or("write COLUMN=VALUE, for example crop=wheat")?;
        let (column, value) = (column.trim(), value.trim());
        if column.eq_ignore_ascii_case(NUMBER) {
            let ids: Result<Vec<i64>, _> = value.split(',').map(|id| id.trim().parse()).collect();
            return ids
                .map(Self::Shapes)
                .map_err(|_| format!("{value} are no numbers of shapes; write fid=3,7"));
        }
        Ok(Self::Value {
            column: column.to_owned(),
            value: value.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_written_as_they_are_read() {
        let whole = AreaSpec::whole("fields.gpkg:crops");
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(text, "\"fields.gpkg:crops\"");
        for part in ["crop=winter wheat", "rule=a=b", "fid=3,7"] {
            let spec = AreaSpec {
                part: Some(part.parse().unwrap()),
                ..whole.clone()
            };
            assert_eq!(
                spec.words(),
                [
                    ("--aoi", "fields.gpkg:crops".to_owned()),
                    ("--aoi-where", part.to_owned())
                ]
            );
            let text = serde_json::to_string(&spec).unwrap();
            assert_eq!(serde_json::from_str::<AreaSpec>(&text).unwrap(), spec);
        }
        assert_eq!(serde_json::from_str::<AreaSpec>(&text).unwrap(), whole);
        for wrong in ["crop", "=wheat", "fid=first"] {
            assert!(wrong.parse::<AreaPart>().is_err(), "{wrong}");
        }
    }
}
