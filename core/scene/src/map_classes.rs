//! Which classes a map has: by its own record, else by its colour table. Knows what a file says about itself; reads no pixel.

use serde_json::Value;

use crate::{Class, RasterInfo, class_color, rgb_from_hex};

/// Where our own maps name their classes.
const RECORD: &str = "TERROIR_CLASSES";

/// Classes of a map: those it records, else the entries of its colour table from 1 to 255, and of `present` values those
/// that neither names.
pub fn classes_of_map(info: &RasterInfo, present: &[u8]) -> Vec<Class> {
    let recorded = info
        .metadata_item(RECORD)
        .and_then(|text| serde_json::from_str::<Vec<Value>>(text).ok());
    if let Some(list) = recorded {
        return list.iter().filter_map(recorded_class).collect();
    }
    let palette = info
        .bands
        .first()
        .map(|band| band.palette.as_slice())
        .unwrap_or_default();
    let mut values: Vec<u8> = present.to_vec();
    if values.is_empty() {
        let named = palette.iter().filter(|entry| !entry.name.is_empty());
        values.extend(named.filter_map(|entry| u8::try_from(entry.value).ok()));
    }
    if values.is_empty() {
        values.extend(
            palette
                .iter()
                .filter_map(|entry| u8::try_from(entry.value).ok()),
        );
    }
    values.retain(|value| *value > 0);
    values.sort_unstable();
    values.dedup();
    values
        .into_iter()
        .map(|id| {
            let entry = palette.iter().find(|entry| entry.value == i64::from(id));
            let name = entry
                .map(|entry| entry.name.clone())
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| id.to_string());
            let color = entry.map_or_else(
                || class_color(id),
                |entry| [entry.rgba[0], entry.rgba[1], entry.rgba[2]],
            );
            Class { id, name, color }
        })
        .collect()
}

fn recorded_class(value: &Value) -> Option<Class> {
    Some(Class {
        id: u8::try_from(value.get("id")?.as_u64()?).ok()?,
        name: value.get("name")?.as_str()?.to_owned(),
        color: value
            .get("color")
            .and_then(Value::as_str)
            .and_then(rgb_from_hex)
            .unwrap_or([128; 3]),
    })
}
