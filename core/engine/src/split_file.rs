//! A file of fixed splits: which units of labels train and which test, and the exact places of few labels, seed by seed.
//! Knows the file; knows nothing of rasters, fields or heads.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use serde_json::Value;

use crate::Failure;

/// What is never cut in two.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Unit {
    /// Squares of this many pixels, counted from 1 along the rows of the label raster.
    Block(usize),
    /// Polygons as band 2 of the label raster numbers them.
    Polygon,
    /// The unit of every row of a table.
    Row(Vec<u32>),
}

/// A way of splitting.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct SplitSeed {
    pub seed: u64,
    pub train_units: HashSet<u32>,
    pub test_units: HashSet<u32>,
    /// `5`, `10` (labels a class) to places: row and column of the label raster, or the row of a table.
    pub few_shot: BTreeMap<String, Vec<Vec<usize>>>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SplitFile {
    pub unit: Unit,
    /// Code and name of the classes that can be scored.
    pub classes: Vec<(i64, String)>,
    pub seeds: Vec<SplitSeed>,
}

impl SplitFile {
    /// # Errors
    /// No such file, no JSON, or without what a split must say.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::io("the split cannot be read", path, &error))?;
        let split: Value = serde_json::from_str(&text).map_err(|error| {
            Failure::new(format!("not a split file\n{}", path.display())).with_details(error)
        })?;
        Self::of(&split).ok_or_else(|| {
            Failure::new(format!(
                "the split file lacks what it should hold (unit, class_ids_used, seeds)\n{}",
                path.display()
            ))
        })
    }

    fn of(split: &Value) -> Option<Self> {
        let unit = split.get("unit")?.as_str()?;
        let block = unit
            .strip_prefix("block ")
            .and_then(|rest| rest.split('x').next())
            .map(str::parse::<usize>);
        let unit = match (split.get("row_unit").and_then(units_of_rows), block) {
            (Some(rows), _) => Unit::Row(rows),
            (None, Some(side)) => Unit::Block(side.ok().filter(|side| *side > 0)?),
            (None, None) => Unit::Polygon,
        };
        let names = split.get("class_names");
        let classes = split
            .get("class_ids_used")?
            .as_array()?
            .iter()
            .filter_map(Value::as_i64)
            .map(|id| {
                let name = names.and_then(|names| names.get(id.to_string())?.as_str());
                (id, name.map_or_else(|| id.to_string(), str::to_owned))
            })
            .collect();
        let seeds: Vec<SplitSeed> = split
            .get("seeds")?
            .as_array()?
            .iter()
            .zip(0..)
            .map(|(seed, number)| SplitSeed {
                seed: seed.get("seed").and_then(Value::as_u64).unwrap_or(number),
                train_units: units(seed.get("train_units")),
                test_units: units(seed.get("test_units")),
                few_shot: few_shot(seed.get("few_shot")),
            })
            .collect();
        (!seeds.is_empty()).then_some(Self {
            unit,
            classes,
            seeds,
        })
    }
}

/// The unit of every row: a list, or row numbers with their units; 0 for rows that are not named.
fn units_of_rows(value: &Value) -> Option<Vec<u32>> {
    const MOST_ROWS: usize = 10_000_000;
    let unit = |value: &Value| value.as_u64().map_or(0, |unit| unit as u32);
    if let Some(list) = value.as_array() {
        return Some(list.iter().map(unit).collect());
    }
    let mut rows = Vec::new();
    for (row, value) in value.as_object()? {
        let row: usize = row.parse().ok().filter(|row| *row < MOST_ROWS)?;
        if rows.len() <= row {
            rows.resize(row + 1, 0);
        }
        if let Some(own) = rows.get_mut(row) {
            *own = unit(value);
        }
    }
    Some(rows)
}

fn units(value: Option<&Value>) -> HashSet<u32> {
    let list = value.and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|unit| unit.as_u64().map(|unit| unit as u32))
        .collect()
}

fn few_shot(value: Option<&Value>) -> BTreeMap<String, Vec<Vec<usize>>> {
    let numbers = |place: &Value| -> Option<Vec<usize>> {
        let numbers = place.as_array()?.iter();
        numbers
            .map(|number| number.as_u64().map(|number| number as usize))
            .collect()
    };
    let counts = value.and_then(Value::as_object).into_iter().flatten();
    counts
        .map(|(count, classes)| {
            let lists = classes.as_object().into_iter().flatten();
            let places = lists
                .flat_map(|(_, list)| list.as_array().into_iter().flatten())
                .filter_map(numbers);
            (count.clone(), places.collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn units_are_blocks_polygons_or_rows() {
        let file = |unit: &str, rows: Value| {
            json!({
                "unit": unit, "class_ids_used": [1200, 7], "class_names": {"1200": "maize"}, "row_unit": rows,
                "seeds": [{"seed": 4, "train_units": [1, 3], "test_units": [2], "few_shot": {"5": {"7": [[3, 8]], "1200": [[9, 1]]}}}],
            })
        };
        let split = SplitFile::of(&file("block 16x16 px", Value::Null)).unwrap();
        assert_eq!(split.unit, Unit::Block(16));
        assert_eq!(
            split.classes,
            [(1200, "maize".to_owned()), (7, "7".to_owned())]
        );
        let seed = &split.seeds[0];
        assert_eq!((seed.seed, seed.train_units.len()), (4, 2));
        assert_eq!(seed.few_shot["5"].len(), 2);
        let polygons = SplitFile::of(&file("field polygon", Value::Null)).unwrap();
        assert_eq!(polygons.unit, Unit::Polygon);
        let rows = SplitFile::of(&file("block 4x4 px", json!([2, 2, 5]))).unwrap();
        assert_eq!(rows.unit, Unit::Row(vec![2, 2, 5]));
        let named = file("block 4x4 px", json!({"3": 7, "0": 2}));
        let rows = SplitFile::of(&named).unwrap();
        assert_eq!(rows.unit, Unit::Row(vec![2, 0, 0, 7]));
        for broken in [json!({}), json!([]), file("block 0x0 px", Value::Null)] {
            assert!(SplitFile::of(&broken).is_none());
        }
    }
}
