//! What two files of one job differ in. Knows rasters and what they say about themselves; knows no jobs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde_json::Value;
use terroir_scene::{Block, Raster, RasterInfo, Resampling, Window};

use crate::cli::failure::CliResult;

/// What two files of one job differ in, dates and seconds aside.
pub(super) struct Differences {
    pub has_equal_bytes: bool,
    pub pixels: u64,
    /// What is said about the file or a band: name, before, after.
    pub items: Vec<(String, String, String)>,
}

impl Differences {
    pub fn between(first: &Raster, second: &Raster) -> CliResult<Self> {
        Ok(Self {
            has_equal_bytes: same_bytes(&first.info().path, &second.info().path).unwrap_or(false),
            pixels: differing_pixels(first, second)?,
            items: differing_items(first.info(), second.info()),
        })
    }

    pub fn text(&self) -> String {
        if self.has_equal_bytes {
            return "Every byte is the same as before.\n".to_owned();
        }
        let mut text = match self.pixels {
            0 => "Every pixel is the same as before.\n".to_owned(),
            1 => "1 pixel differs from before.\n".to_owned(),
            count => format!("{count} pixels differ from before.\n"),
        };
        if self.items.is_empty() {
            text += "All that is said about the file is the same, dates and seconds aside.\n";
        }
        for (item, before, after) in &self.items {
            text += &format!("{item}\n  before: {before}\n  now:    {after}\n");
        }
        text
    }
}

/// Whether two files are the same, read piece by piece.
fn same_bytes(first: &Path, second: &Path) -> std::io::Result<bool> {
    const PIECE: u64 = 1 << 20;
    let (mut a, mut b) = (File::open(first)?, File::open(second)?);
    let (mut one, mut other) = (Vec::new(), Vec::new());
    loop {
        one.clear();
        other.clear();
        a.by_ref().take(PIECE).read_to_end(&mut one)?;
        b.by_ref().take(PIECE).read_to_end(&mut other)?;
        if one != other || one.is_empty() {
            return Ok(one == other);
        }
    }
}

fn differing_items(first: &RasterInfo, second: &RasterInfo) -> Vec<(String, String, String)> {
    let (before, after) = (items_of(first), items_of(second));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let missing = || "not there".to_owned();
    names
        .into_iter()
        .filter(|name| before.get(*name) != after.get(*name))
        .map(|name| {
            let value = |items: &BTreeMap<String, String>| {
                items.get(name).map_or_else(missing, |text| shortened(text))
            };
            (name.clone(), value(&before), value(&after))
        })
        .collect()
}

fn shortened(text: &str) -> String {
    const MOST: usize = 200;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    let kept: String = text.chars().take(MOST).collect();
    format!("{kept}…")
}

/// Everything a file says about itself that a second run should say again.
fn items_of(info: &RasterInfo) -> BTreeMap<String, String> {
    let mut items: BTreeMap<String, String> = info
        .metadata
        .iter()
        .filter(|(key, _)| key != "TIFFTAG_DATETIME")
        .map(|(key, value)| (key.clone(), without_time_and_place(value)))
        .collect();
    let grid = &info.grid;
    items.insert(
        "size".to_owned(),
        format!("{} x {}", grid.width, grid.height),
    );
    items.insert(
        "transform".to_owned(),
        format!("{:?}", grid.georef.transform.map(|transform| transform.0)),
    );
    items.insert(
        "coordinate system".to_owned(),
        grid.crs().map(|crs| crs.wkt.clone()).unwrap_or_default(),
    );
    items.insert("bands".to_owned(), info.bands.len().to_string());
    for band in &info.bands {
        let name = |what: &str| format!("band {}: {what}", band.index + 1);
        let palette: Vec<String> = band
            .palette
            .iter()
            .map(|entry| format!("{} {} {:?}", entry.value, entry.name, entry.rgba))
            .collect();
        items.insert(name("name"), band.name.clone());
        items.insert(name("type"), format!("{:?}", band.sample_type));
        items.insert(name("no-data"), format!("{:?}", band.nodata));
        items.insert(name("scale"), format!("{} {}", band.scale, band.offset));
        items.insert(name("colours"), palette.join(", "));
    }
    items
}

/// A value without what changes from run to run: seconds, the command (told by its parts), where the result went, and
/// folders of files.
fn without_time_and_place(text: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(text) else {
        return text.to_owned();
    };
    if let Some(object) = value.as_object_mut() {
        object.remove("seconds");
        object.remove("command");
        if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
            spec.remove("out");
            // The whole of which a shard was made.
            if let Some(whole) = spec.get_mut("of").and_then(Value::as_object_mut) {
                whole.remove("out");
            }
        }
        if object.contains_key("shard") {
            object.remove("key");
        }
    }
    keep_names(&mut value);
    value.to_string()
}

fn keep_names(value: &mut Value) {
    match value {
        Value::String(text) => {
            let name = text.rsplit(['/', '\\']).next().map(str::to_owned);
            if let Some(name) = name.filter(|name| !name.is_empty()) {
                *text = name;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(keep_names),
        Value::Object(object) => object.values_mut().for_each(keep_names),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Pixels where any band differs, compared row by row.
fn differing_pixels(first: &Raster, second: &Raster) -> CliResult<u64> {
    let grid = &first.info().grid;
    if !grid.same_as(&second.info().grid) || first.info().bands.len() != second.info().bands.len() {
        return Ok((grid.width * grid.height) as u64);
    }
    let bands: Vec<usize> = (0..first.info().bands.len()).collect();
    let mut differing = 0;
    for row in 0..grid.height {
        let window = Window {
            col: 0,
            row,
            width: grid.width,
            height: 1,
        };
        let read = |raster: &Raster| {
            raster.read_blocking(&bands, window, grid.width, 1, Resampling::Nearest)
        };
        let (a, b) = (read(first)?, read(second)?);
        let pixel = |block: &Block, col: usize| -> Option<Vec<f32>> {
            let is_valid = block.valid.get(col) == Some(&true);
            is_valid.then(|| {
                block
                    .values
                    .iter()
                    .skip(col)
                    .step_by(grid.width)
                    .copied()
                    .collect()
            })
        };
        differing += (0..grid.width)
            .filter(|&col| pixel(&a, col) != pixel(&b, col))
            .count() as u64;
    }
    Ok(differing)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn time_and_place_are_no_difference_but_parameters_are() {
        let run = |seconds: f64, folder: &str, seed: u64| {
            json!({
                "seconds": seconds, "command": format!("terroir embed {folder}/a.tif"),
                "spec": {"scene": format!("{folder}/a.tif"), "out": format!("{folder}/o.tif"), "seed": seed},
            })
            .to_string()
        };
        let plain = |text: String| without_time_and_place(&text);
        assert_eq!(plain(run(1.0, "/x", 3)), plain(run(2.5, "/y/z", 3)));
        assert_ne!(plain(run(1.0, "/x", 3)), plain(run(1.0, "/x", 4)));
        let shard = |out: &str| {
            let of = json!({"scene": "a.tif", "out": out});
            json!({"spec": {"job": "shard", "shard": "1/2", "of": of}}).to_string()
        };
        assert_eq!(plain(shard("a.tif")), plain(shard("b.tif")));
        assert_eq!(
            without_time_and_place("no json / at all"),
            "no json / at all"
        );
    }
}
