//! STAC items whose assets lie on the disk, as products: an item file, or one item of a collection file.
//! Knows the item's JSON. Assets on the network are named and never touched.

use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::WavelengthSource;
use crate::product::{BandRole, Product, ProductBand, ProductKind, QualityCode};
use crate::product_folder::text;
use crate::product_sentinel2::scene_classes;
use crate::sensors::joined;
use crate::stac::StacSidecar;

/// JSON files looked into in one folder.
const MOST_LOOKED_INTO: usize = 16;
/// Item files larger than this are something else.
const LARGEST_ITEM_BYTES: u64 = 16 << 20;
const RASTERS: [&str; 7] = ["tif", "tiff", "jp2", "img", "vrt", "nc", "h5"];
/// Asset roles that are no data of their own.
const IGNORED_ROLES: [&str; 4] = ["thumbnail", "overview", "metadata", "visual"];
/// Asset roles of quality layers.
const QUALITY_ROLES: [&str; 9] = [
    "cloud",
    "cloud-shadow",
    "snow-ice",
    "water-mask",
    "land-water",
    "data-mask",
    "saturation",
    "mask",
    "quality",
];

/// Whether the file is an item, or a collection of one item.
pub(crate) fn is_item(path: &Path) -> bool {
    items_blocking(path).len() == 1
}

/// The one item file among the files of a folder.
pub(crate) fn only_item(folder: &Path, files: &[String]) -> Option<PathBuf> {
    let mut items = files
        .iter()
        .filter(|name| name.to_lowercase().ends_with(".json"))
        .take(MOST_LOOKED_INTO)
        .map(|name| folder.join(name))
        .filter(|path| is_item(path));
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// Ids of the items in a file, in its order; empty when it is no STAC file.
pub(crate) fn items_blocking(path: &Path) -> Vec<String> {
    let is_small = std::fs::metadata(path).is_ok_and(|found| found.len() <= LARGEST_ITEM_BYTES);
    if !is_small {
        return Vec::new();
    }
    text(path)
        .and_then(|text| serde_json::from_str(&text).ok())
        .map(|document: Value| items(&document).iter().map(|item| id(item)).collect())
        .unwrap_or_default()
}

fn items(document: &Value) -> Vec<&Value> {
    // An item of our own describes a file that opens by itself, beside which it lies.
    let is_own = |value: &Value| {
        let software = value.pointer("/properties/processing:software/Terroir");
        software.is_some()
    };
    let is_item = |value: &&Value| {
        value.get("stac_version").is_some()
            && value.get("assets").is_some_and(Value::is_object)
            && !is_own(value)
    };
    match document.get("features").and_then(Value::as_array) {
        Some(features) => features.iter().filter(is_item).collect(),
        None => [document].into_iter().filter(is_item).collect(),
    }
}

fn id(item: &Value) -> String {
    item.get("id")
        .and_then(Value::as_str)
        .unwrap_or("item")
        .to_owned()
}

/// `file` holds the item `wanted` (`None`: its only one) as `content`; `path`: what the product is opened by.
pub(crate) fn read(
    file: &Path,
    path: PathBuf,
    wanted: Option<&str>,
    content: &str,
) -> Option<Product> {
    let document: Value = serde_json::from_str(content).ok()?;
    let item = items(&document)
        .into_iter()
        .find(|item| wanted.is_none_or(|wanted| id(item) == wanted))?;
    let folder = file.parent()?;
    let mut product = Product::new(ProductKind::Stac, path);
    product.wavelength_source = WavelengthSource::StacSidecar;
    if let Some(header) = StacSidecar::from_item(item, "", 0) {
        product.acquired = header.date;
        product.platform = header.platform;
    }
    let properties = item.get("properties").unwrap_or(&Value::Null);
    product.item("STAC_ITEM", Some(&id(item)));
    let cover = properties.get("eo:cloud_cover").map(Value::to_string);
    product.item("CLOUD_COVER", cover.as_deref());
    let is_offset_applied = properties
        .get("earthsearch:boa_offset_applied")
        .and_then(Value::as_bool)
        .unwrap_or(false);

    let (mut remote, mut outside, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for (key, asset) in item.get("assets").and_then(Value::as_object)? {
        if !is_data(asset) {
            continue;
        }
        let href = asset
            .get("href")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let local = match place_of(folder, href) {
            Place::Inside(local) => local,
            Place::Network => {
                remote.push(key.clone());
                continue;
            }
            Place::Outside => {
                outside.push(key.clone());
                continue;
            }
        };
        if !local.exists() {
            missing.push(key.clone());
            continue;
        }
        product
            .bands
            .extend(asset_bands(key, asset, &local, is_offset_applied));
    }
    // Measured bands first, as people number them.
    product
        .bands
        .sort_by_key(|band| matches!(band.role, BandRole::Quality(_)));
    if is_offset_applied {
        product.notes.push(
            "the item says its offset is already in the numbers, so the offset it lists is left out".to_owned(),
        );
    }
    product.note_missing(&missing);
    if !remote.is_empty() {
        product.notes.push(format!(
            "{} of its assets are on the network and were not touched: {}",
            remote.len(),
            remote.join(", ")
        ));
    }
    if !outside.is_empty() {
        product.notes.push(format!(
            "{} of its assets lie outside the item's folder and were not opened (open these files themselves): {}",
            outside.len(),
            outside.join(", ")
        ));
    }
    Some(product)
}

fn roles(asset: &Value) -> Vec<&str> {
    asset
        .get("roles")
        .and_then(Value::as_array)
        .map(|roles| roles.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default()
}

/// Rasters that are neither pictures for people nor descriptions.
fn is_data(asset: &Value) -> bool {
    let text = |key: &str| {
        asset
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_lowercase()
    };
    let (href, kind) = (text("href"), text("type"));
    let path = href.split(['?', '#']).next().unwrap_or_default().to_owned();
    let is_raster = path
        .rsplit_once('.')
        .is_some_and(|(_, extension)| RASTERS.contains(&extension))
        || ["image/tiff", "image/jp2", "geotiff"]
            .iter()
            .any(|known| kind.contains(known));
    let is_ignored = roles(asset).iter().any(|role| IGNORED_ROLES.contains(role));
    is_raster && !is_ignored
}

/// Where an asset says it lies.
#[derive(Debug, PartialEq)]
enum Place {
    /// In the item's folder or below.
    Inside(PathBuf),
    Network,
    /// Anywhere else on the disk: an item that somebody sent opens no file of its reader.
    Outside,
}

fn place_of(folder: &Path, href: &str) -> Place {
    let (text, is_file) = match href.strip_prefix("file://") {
        Some(text) => (text, true),
        None => (href, false),
    };
    let has_scheme = text
        .split_once("://")
        .is_some_and(|(scheme, _)| scheme.len() > 1);
    if has_scheme || text.starts_with("/vsi") || text.trim().is_empty() {
        return Place::Network;
    }
    let path = folder.join(text.trim_start_matches("./"));
    let rest = match path.strip_prefix(folder) {
        Ok(rest) => rest,
        // The folder may be named otherwise than the item names it.
        Err(_) if is_file || Path::new(text).is_absolute() => {
            match std::path::absolute(folder)
                .ok()
                .filter(|whole| path.starts_with(whole))
            {
                Some(whole) => {
                    let inside = path.strip_prefix(&whole).unwrap_or(&path).to_owned();
                    return inside_of(folder, &inside);
                }
                None => return Place::Outside,
            }
        }
        Err(_) => return Place::Outside,
    };
    inside_of(folder, rest)
}

fn inside_of(folder: &Path, rest: &Path) -> Place {
    let stays = rest
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    // A name with a colon would be GDAL's own, of a driver and what it opens.
    let is_plain = !rest.to_string_lossy().contains([':', '\\']);
    if stays && is_plain {
        Place::Inside(folder.join(rest))
    } else {
        Place::Outside
    }
}

fn asset_bands(key: &str, asset: &Value, file: &Path, is_offset_applied: bool) -> Vec<ProductBand> {
    let list = |key: &str| asset.get(key).and_then(Value::as_array);
    // Version 1.1 has one list; before, optical and raster properties had one each.
    let (named, stored) = match list("bands") {
        Some(bands) => (Some(bands), Some(bands)),
        None => (list("eo:bands"), list("raster:bands")),
    };
    let count = named.map(Vec::len).or(stored.map(Vec::len)).unwrap_or(0);
    let number = |band: Option<&Value>, keys: [&str; 2]| {
        keys.iter()
            .find_map(|key| band?.get(key))
            .or_else(|| asset.get(keys[0]))
            .and_then(Value::as_f64)
    };
    let code = quality_code(key, asset);
    let one = |place: usize| {
        let name_of = named.and_then(|bands| bands.get(place));
        let stored_as = stored.and_then(|bands| bands.get(place));
        let name = ["name", "common_name", "eo:common_name"]
            .iter()
            .find_map(|key| name_of?.get(key)?.as_str())
            .unwrap_or(key);
        let mut band = ProductBand::new(
            name,
            file.to_owned(),
            code.map_or(BandRole::Reflectance, BandRole::Quality),
        );
        band.file_band = place + 1;
        let scale = number(stored_as, ["raster:scale", "scale"]);
        let offset = number(stored_as, ["raster:offset", "offset"]);
        if code.is_none() && (scale.is_some() || offset.is_some()) {
            let offset = if is_offset_applied {
                0.0
            } else {
                offset.unwrap_or(0.0)
            };
            band = band.scaled(scale.unwrap_or(1.0), offset);
        }
        band.nodata = number(stored_as, ["nodata", "nodata"]);
        if let Some(unit) = stored_as
            .and_then(|band| band.get("unit"))
            .and_then(Value::as_str)
        {
            band.unit = unit.to_owned();
        }
        let micrometres = |keys| number(name_of, keys).filter(|value| *value > 0.0);
        band.wavelength_nm =
            micrometres(["eo:center_wavelength", "center_wavelength"]).map(|center| {
                let width = micrometres(["eo:full_width_half_max", "full_width_half_max"]);
                (center * 1e3, width.map(|width| width * 1e3))
            });
        if code == Some(QualityCode::Scl) {
            band.classes = scene_classes();
        }
        band
    };
    if count == 0 {
        let mut every = one(0);
        every.file_band = ProductBand::EVERY_BAND;
        return vec![every];
    }
    (0..count).map(one).collect()
}

fn quality_code(key: &str, asset: &Value) -> Option<QualityCode> {
    match joined(key).as_str() {
        "scl" => Some(QualityCode::Scl),
        "fmask" => Some(QualityCode::Fmask),
        "qapixel" => Some(QualityCode::QaPixel),
        _ => roles(asset)
            .iter()
            .any(|role| QUALITY_ROLES.contains(role))
            .then_some(QualityCode::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_generations_give_the_same_bands() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("r.tif"), b"x").expect("written");
        let old = r#"{"type":"Feature","stac_version":"1.0.0","id":"a","properties":{"datetime":"2021-06-03T10:10:31Z","platform":"sentinel-2b"},
            "assets":{"red":{"href":"./r.tif","roles":["data"],"eo:bands":[{"name":"B04","common_name":"red","center_wavelength":0.665,"full_width_half_max":0.038}],
            "raster:bands":[{"nodata":0,"scale":0.0001,"offset":-0.1}]},
            "nir":{"href":"https://example.com/nir.tif","type":"image/tiff; application=geotiff"},
            "thumbnail":{"href":"t.tif","roles":["thumbnail"]},"gone":{"href":"gone.tif"}}}"#;
        let new = r#"{"type":"Feature","stac_version":"1.1.0","id":"a","properties":{"datetime":"2021-06-03T10:10:31Z","platform":"sentinel-2b"},
            "assets":{"red":{"href":"r.tif","bands":[{"name":"B04","eo:common_name":"red","eo:center_wavelength":0.665,"eo:full_width_half_max":0.038,
            "nodata":0,"raster:scale":0.0001,"raster:offset":-0.1}]},
            "nir":{"href":"s3://bucket/nir.tif"},"gone":{"href":"gone.tif"}}}"#;
        let file = folder.path().join("item.json");
        let read_one = |text: &str| read(&file, file.clone(), None, text).expect("an item");
        let (old, new) = (read_one(old), read_one(new));
        assert_eq!(old.bands, new.bands);
        let band = &old.bands[0];
        assert_eq!(
            (
                band.name.as_str(),
                band.scale_offset,
                band.nodata,
                band.wavelength_nm
            ),
            (
                "B04",
                Some((0.0001, -0.1)),
                Some(0.0),
                Some((665.0, Some(38.0)))
            )
        );
        assert_eq!(old.notes, new.notes);
        assert!(old.notes[0].contains("gone") && old.notes[1].contains("1 of its assets"));
    }

    #[test]
    fn an_offset_that_is_in_the_numbers_is_not_applied_again() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(folder.path().join("r.tif"), b"x").expect("written");
        let file = folder.path().join("item.json");
        let text = r#"{"stac_version":"1.0.0","id":"a","properties":{"earthsearch:boa_offset_applied":true},
            "assets":{"red":{"href":"r.tif","raster:bands":[{"scale":0.0001,"offset":-0.1}]}}}"#;
        let product = read(&file, file.clone(), None, text).expect("an item");
        assert_eq!(product.bands[0].scale_offset, Some((0.0001, 0.0)));
        assert_eq!(product.notes.len(), 1);
    }

    #[test]
    fn assets_stay_in_the_folder_of_their_item() {
        let folder = tempfile::tempdir().expect("folder");
        let here = folder.path().join("item");
        std::fs::create_dir_all(here.join("deeper")).expect("made");
        let inside = |name: &str| Place::Inside(here.join(name));
        assert_eq!(place_of(&here, "./r.tif"), inside("r.tif"));
        assert_eq!(place_of(&here, "deeper/r.tif"), inside("deeper/r.tif"));
        let whole = here.join("r.tif").to_string_lossy().into_owned();
        assert_eq!(place_of(&here, &whole), inside("r.tif"));
        assert_eq!(place_of(&here, &format!("file://{whole}")), inside("r.tif"));
        for href in [
            "../r.tif",
            "deeper/../../r.tif",
            "./../r.tif",
            "/etc/passwd.tif",
            "file:///etc/passwd.tif",
            "NETCDF:../r.nc",
            "..\\r.tif",
            "\\\\server\\share\\r.tif",
        ] {
            assert_eq!(place_of(&here, href), Place::Outside, "{href}");
        }
        for href in [
            "https://a.example/r.tif",
            "s3://a/r.tif",
            "/vsicurl/http://a.example/r.tif",
            "",
        ] {
            assert_eq!(place_of(&here, href), Place::Network, "{href}");
        }
        // A raster outside that is there is named, and not opened.
        std::fs::write(folder.path().join("secret.tif"), b"x").expect("written");
        let text = r#"{"stac_version":"1.0.0","id":"a","properties":{},"assets":{"red":{"href":"../secret.tif"}}}"#;
        let file = here.join("item.json");
        let product = read(&file, file.clone(), None, text).expect("an item");
        assert!(product.bands.is_empty());
        assert!(
            product
                .notes
                .iter()
                .any(|note| note.contains("outside") && note.contains("red"))
        );
    }
}
