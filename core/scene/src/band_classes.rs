//! Classes a band carries: colour table, category names, attribute table and the classes we write ourselves.
//! Knows GDAL bands. Reads no pixels.

#![expect(
    unsafe_code,
    reason = "colour tables and category names of GDAL have no safe form"
)]

use std::collections::BTreeMap;
use std::ffi::c_int;

use gdal_sys::{GDALRATFieldUsage, GDALRasterBandH};
use serde_json::Value;

use crate::PaletteEntry;
use crate::gdal_setup::{owned_list, owned_text};

/// A table longer than this is no legend.
const MOST_CLASSES: c_int = 65_536;

#[derive(Default)]
struct Entry {
    name: String,
    rgba: Option<[u8; 4]>,
}

/// Colour table and names of an integer band; empty for continuous bands. Names come from the attribute table,
/// else the category names; colours from the colour table, else the attribute table.
pub(crate) fn palette_of(band: GDALRasterBandH) -> Vec<PaletteEntry> {
    let colors = color_table(band);
    let categories = categories(band);
    let mut entries: BTreeMap<i64, Entry> = attribute_table(band);
    for (value, name) in (0i64..).zip(categories) {
        if !name.is_empty() {
            let entry = entries.entry(value).or_default();
            if entry.name.is_empty() {
                entry.name = name;
            }
        }
    }
    // With names, only named classes make the legend; a bare colour table is shown whole.
    let has_names = entries.values().any(|entry| !entry.name.is_empty());
    for (value, rgba) in (0i64..).zip(colors) {
        if has_names {
            if let Some(entry) = entries.get_mut(&value) {
                entry.rgba = Some(rgba);
            }
        } else {
            entries.entry(value).or_default().rgba = Some(rgba);
        }
    }
    entries
        .into_iter()
        .map(|(value, entry)| PaletteEntry {
            value,
            name: if entry.name.is_empty() {
                value.to_string()
            } else {
                entry.name
            },
            rgba: entry.rgba.unwrap_or_else(|| fallback_color(value)),
        })
        .collect()
}

/// Classes as stored in our `TERROIR_CLASSES` item: a JSON list of objects with a number, a name and a colour.
pub(crate) fn classes_from_json(text: &str) -> Vec<PaletteEntry> {
    let Ok(Value::Array(items)) = serde_json::from_str(text) else {
        return Vec::new();
    };
    items
        .iter()
        .filter_map(|item| {
            let value = ["id", "value", "class_id"]
                .iter()
                .find_map(|key| item.get(key)?.as_i64())?;
            let name = ["name", "class_name"]
                .iter()
                .find_map(|key| item.get(key)?.as_str());
            let rgba = item
                .get("color")
                .and_then(color_from_json)
                .unwrap_or_else(|| fallback_color(value));
            Some(PaletteEntry {
                value,
                name: name.map_or_else(|| value.to_string(), str::to_owned),
                rgba,
            })
        })
        .collect()
}

fn color_from_json(value: &Value) -> Option<[u8; 4]> {
    match value {
        Value::String(text) => {
            let digits = text.strip_prefix('#')?;
            let channel = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
            Some([channel(0)?, channel(2)?, channel(4)?, 255])
        }
        Value::Array(parts) => {
            let channel = |at: usize| parts.get(at)?.as_u64().and_then(|v| u8::try_from(v).ok());
            Some([
                channel(0)?,
                channel(1)?,
                channel(2)?,
                channel(3).unwrap_or(255),
            ])
        }
        _ => None,
    }
}

fn color_table(band: GDALRasterBandH) -> Vec<[u8; 4]> {
    // SAFETY: a valid band; the table and its entries belong to it and are copied at once.
    unsafe {
        let table = gdal_sys::GDALGetRasterColorTable(band);
        if table.is_null() {
            return Vec::new();
        }
        (0..gdal_sys::GDALGetColorEntryCount(table).min(MOST_CLASSES))
            .map_while(|index| gdal_sys::GDALGetColorEntry(table, index).as_ref())
            .map(|color| [color.c1, color.c2, color.c3, color.c4].map(|c| c.clamp(0, 255) as u8))
            .collect()
    }
}

fn categories(band: GDALRasterBandH) -> Vec<String> {
    // SAFETY: a valid band, which owns the list.
    unsafe { owned_list(gdal_sys::GDALGetRasterCategoryNames(band)) }
}

/// Value, name and colour columns of the attribute table, where it has a value column or starts at 0.
fn attribute_table(band: GDALRasterBandH) -> BTreeMap<i64, Entry> {
    let mut entries = BTreeMap::new();
    // SAFETY: a valid band, which owns the table; columns and rows stay within the counts GDAL gives.
    unsafe {
        let table = gdal_sys::GDALGetDefaultRAT(band);
        if table.is_null() {
            return entries;
        }
        let column = |usage| {
            let column = gdal_sys::GDALRATGetColOfUsage(table, usage);
            (column >= 0).then_some(column)
        };
        let value = column(GDALRATFieldUsage::GFU_MinMax)
            .or_else(|| column(GDALRATFieldUsage::GFU_Min))
            .or_else(|| {
                // Written by other programs with the usage left generic.
                (0..gdal_sys::GDALRATGetColumnCount(table)).find(|&c| {
                    owned_text(gdal_sys::GDALRATGetNameOfCol(table, c))
                        .eq_ignore_ascii_case("value")
                })
            });
        let name = column(GDALRATFieldUsage::GFU_Name);
        let colors = [
            GDALRATFieldUsage::GFU_Red,
            GDALRATFieldUsage::GFU_Green,
            GDALRATFieldUsage::GFU_Blue,
        ]
        .map(column);
        if name.is_none() && colors.iter().any(Option::is_none) {
            // A histogram, not a legend.
            return entries;
        }
        let alpha = column(GDALRATFieldUsage::GFU_Alpha);
        for row in 0..gdal_sys::GDALRATGetRowCount(table).min(MOST_CLASSES) {
            let number = |column: c_int| gdal_sys::GDALRATGetValueAsInt(table, row, column);
            let key = i64::from(value.map_or(row, number));
            let entry: &mut Entry = entries.entry(key).or_default();
            if let Some(name) = name {
                entry.name = owned_text(gdal_sys::GDALRATGetValueAsString(table, row, name));
            }
            if let [Some(red), Some(green), Some(blue)] = colors {
                let channel = |column: c_int| number(column).clamp(0, 255) as u8;
                entry.rgba = Some([
                    channel(red),
                    channel(green),
                    channel(blue),
                    alpha.map_or(255, channel),
                ]);
            }
        }
    }
    entries
}

/// For named classes without a colour: hues far apart, always the same for a value.
fn fallback_color(value: i64) -> [u8; 4] {
    let turn = (value as f64 * 0.618_033_988_749_895).rem_euclid(1.0) * 6.0;
    let rise = |shift: f64| {
        let at = ((turn + shift).rem_euclid(6.0) - 3.0).abs() - 1.0;
        (70.0 + 170.0 * at.clamp(0.0, 1.0)) as u8
    };
    [rise(0.0), rise(4.0), rise(2.0), 255]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_classes_are_read_in_both_color_forms() {
        let text = r##"[{"id":1,"name":"water","color":"#0040ff"},{"value":2,"class_name":"wood","color":[0,90,10]},{"name":"no number"}]"##;
        let classes = classes_from_json(text);
        assert_eq!(classes.len(), 2);
        assert_eq!(
            (classes[0].value, classes[0].name.as_str(), classes[0].rgba),
            (1, "water", [0, 64, 255, 255])
        );
        assert_eq!((classes[1].value, classes[1].rgba), (2, [0, 90, 10, 255]));
        assert!(classes_from_json("not json").is_empty());
    }

    #[test]
    fn fallback_colors_differ() {
        assert_ne!(fallback_color(1), fallback_color(2));
        assert_eq!(fallback_color(7), fallback_color(7));
    }
}
