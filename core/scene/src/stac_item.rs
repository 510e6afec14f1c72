//! STAC items of rasters that were written here: place, date, bands, classes and where they come from, as version 1.0.0 of the
//! standard has them. Knows what files say about themselves. Reading items is the task of `stac.rs`.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::{
    BandInfo, Crs, Grid, Raster, RasterInfo, Reprojection, SampleType, SceneError, SceneResult,
    classes_of_map, hex_from_rgb, write_beside,
};

/// Points along each side of the outline, so that bent sides stay bent.
const POINTS_A_SIDE: usize = 8;

/// Writes `<stem>.stac.json` beside `raster`, with `others` (maps of the same job in the same folder) as further assets.
///
/// # Errors
/// A raster that cannot be opened, or a folder that cannot be written.
pub fn write_stac_item_blocking(raster: &Path, others: &[PathBuf]) -> SceneResult<PathBuf> {
    let out = raster.with_extension("stac.json");
    let main = Raster::open(raster)?.info().clone();
    let others: Vec<RasterInfo> = others
        .iter()
        .map(|path| Ok(Raster::open(path)?.info().clone()))
        .collect::<SceneResult<_>>()?;
    let item = item_of(&main, &others);
    let text = serde_json::to_string_pretty(&item).map_err(|error| {
        SceneError::write(&out, "the STAC item could not be written").with_details(error)
    })?;
    write_beside(&out, text.as_bytes())?;
    Ok(out)
}

fn item_of(main: &RasterInfo, others: &[RasterInfo]) -> Value {
    let id = stem(&main.path);
    let mut uses = Uses::default();
    let mut assets = Map::new();
    assets.insert("map".to_owned(), asset(main, &mut uses));
    for other in others {
        let stem = stem(&other.path);
        let key = stem.strip_prefix(&format!("{id}_")).unwrap_or(&stem);
        assets.insert(key.to_owned(), asset(other, &mut uses));
    }
    let (geometry, bounds) = outline(&main.grid).map_or((Value::Null, None), |ring| {
        let (geometry, bounds) = geometry_of(&ring);
        (geometry, Some(bounds))
    });
    let mut item = json!({
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": id,
        "geometry": geometry,
        "properties": properties(main),
        "links": [],
        "assets": assets,
    });
    if let Some(bounds) = bounds {
        item["bbox"] = json!(bounds);
    }
    let mut extensions = vec!["processing/v1.1.0", "projection/v1.0.0", "raster/v1.0.0"];
    extensions.extend(uses.wavelengths.then_some("eo/v1.0.0"));
    extensions.extend(uses.classes.then_some("classification/v1.0.0"));
    extensions.sort_unstable();
    let address = |name: &&str| format!("https://stac-extensions.github.io/{name}/schema.json");
    item["stac_extensions"] = extensions.iter().map(address).collect();
    item
}

/// Extensions that only some items need.
#[derive(Default)]
struct Uses {
    wavelengths: bool,
    classes: bool,
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .filter(|stem| !stem.is_empty())
        .unwrap_or_else(|| "map".to_owned())
}

fn properties(info: &RasterInfo) -> Value {
    let created = info
        .metadata_item("TIFFTAG_DATETIME")
        .and_then(|text| jiff::civil::DateTime::strptime("%Y:%m:%d %H:%M:%S", text).ok())
        .map(|time| format!("{}Z", time.strftime("%Y-%m-%dT%H:%M:%S")));
    let now = || {
        jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string()
    };
    let created = created.unwrap_or_else(now);
    let noon = |date: String| format!("{}T12:00:00Z", date.get(..10).unwrap_or(&date));
    // The standard asks for a date. Without one of the images it is that of the making, and reading knows what that means.
    let date = date_of(info).map_or_else(|| created.clone(), noon);
    let mut properties = json!({
        "datetime": date,
        "created": created,
        "title": stem(&info.path),
        "processing:software": { "Terroir": env!("CARGO_PKG_VERSION") },
        "proj:epsg": info.grid.crs().and_then(|crs| crs.epsg),
        "proj:shape": [info.grid.height, info.grid.width],
    });
    if let Some(sentence) = info.metadata_item("TIFFTAG_IMAGEDESCRIPTION") {
        properties["processing:lineage"] = json!(sentence);
    }
    if let Some(credit) = info.metadata_item("ATTRIBUTION") {
        properties["terroir:attribution"] = json!(credit);
    }
    if let Some(transform) = info.grid.georef.transform {
        let [x, across, x_down, y, y_across, down] = transform.0;
        properties["proj:transform"] = json!([across, x_down, x, y_across, down, y]);
        let bounds = crate::extent_in_map(&transform, info.grid.width, info.grid.height);
        properties["proj:bbox"] = json!([bounds.min_x, bounds.min_y, bounds.max_x, bounds.max_y]);
    }
    // Our own keys as they stand in the file, so that nobody has to open it to know where it comes from.
    for (key, value) in &info.metadata {
        let Some(name) = key
            .strip_prefix("TERROIR_")
            .filter(|name| *name != "CLASSES")
        else {
            continue;
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value.as_str()));
        properties[format!("terroir:{}", name.to_lowercase())] = value;
    }
    properties
}

/// The file's own date, or the latest of what it was made from.
fn date_of(info: &RasterInfo) -> Option<String> {
    let of_inputs = || {
        let list: Vec<Value> = serde_json::from_str(info.metadata_item("TERROIR_INPUTS")?).ok()?;
        let dates = list.iter().filter_map(|input| input.get("date")?.as_str());
        dates.map(str::to_owned).max()
    };
    let is_day = |text: &String| {
        text.get(..10)
            .is_some_and(|day| day.parse::<jiff::civil::Date>().is_ok())
    };
    info.date.clone().or_else(of_inputs).filter(is_day)
}

fn asset(info: &RasterInfo, uses: &mut Uses) -> Value {
    let name = info
        .path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let profile = if info
        .metadata
        .iter()
        .any(|(key, _)| key == "TIFFTAG_SOFTWARE")
    {
        "image/tiff; application=geotiff; profile=cloud-optimized"
    } else {
        "image/tiff; application=geotiff"
    };
    let mut asset = json!({
        "href": format!("./{name}"),
        "type": profile,
        "roles": ["data"],
        "raster:bands": info.bands.iter().map(raster_band).collect::<Vec<_>>(),
    });
    if let Some(sentence) = info.metadata_item("TIFFTAG_IMAGEDESCRIPTION") {
        asset["title"] = json!(sentence);
    }
    if info.bands.iter().any(|band| band.wavelength.is_some()) {
        uses.wavelengths = true;
        asset["eo:bands"] = info.bands.iter().map(eo_band).collect();
    }
    let classes = if info.is_class_map() {
        classes_of_map(info, &[])
    } else {
        Vec::new()
    };
    if !classes.is_empty() {
        uses.classes = true;
        let list = classes.iter().map(|class| {
            json!({
                "value": class.id,
                "name": word(&class.name, class.id),
                "description": class.name,
                "color_hint": hex_from_rgb(class.color).trim_start_matches('#').to_uppercase(),
            })
        });
        asset["classification:classes"] = list.collect();
    }
    asset
}

/// A class name for machines: letters, digits, `-` and `_`.
fn word(name: &str, id: u8) -> String {
    let plain: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    let plain = plain.trim_matches('_');
    // Names in other letters leave nothing that tells one from another.
    if plain.is_empty() || !name.is_ascii() {
        format!("class_{id}")
    } else {
        plain.to_owned()
    }
}

fn raster_band(band: &BandInfo) -> Value {
    let data_type = match band.sample_type {
        SampleType::UInt8 => "uint8",
        SampleType::Int8 => "int8",
        SampleType::UInt16 => "uint16",
        SampleType::Int16 => "int16",
        SampleType::UInt32 => "uint32",
        SampleType::Int32 => "int32",
        SampleType::UInt64 => "uint64",
        SampleType::Int64 => "int64",
        SampleType::Float32 => "float32",
        SampleType::Float64 => "float64",
        SampleType::Complex => "other",
    };
    let mut value = json!({ "name": band.name, "data_type": data_type, "sampling": "area" });
    match band.nodata {
        Some(nodata) if nodata.is_nan() => value["nodata"] = json!("nan"),
        Some(nodata) if nodata.is_finite() => value["nodata"] = json!(nodata),
        _ => {}
    }
    if band.scale != 1.0 || band.offset != 0.0 {
        value["scale"] = json!(band.scale);
        value["offset"] = json!(band.offset);
    }
    if !band.unit.is_empty() {
        value["unit"] = json!(band.unit);
    }
    let figure = |key: &str| {
        let (_, text) = band.metadata.iter().find(|(known, _)| known == key)?;
        text.trim()
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
    };
    let named = [
        ("minimum", "STATISTICS_MINIMUM"),
        ("maximum", "STATISTICS_MAXIMUM"),
        ("mean", "STATISTICS_MEAN"),
        ("stddev", "STATISTICS_STDDEV"),
    ];
    let known = named
        .iter()
        .filter_map(|(name, key)| Some(((*name).to_owned(), json!(figure(key)?))));
    let statistics: Map<String, Value> = known.collect();
    if !statistics.is_empty() {
        value["statistics"] = Value::Object(statistics);
    }
    value
}

fn eo_band(band: &BandInfo) -> Value {
    let mut value = json!({ "name": band.name });
    if let Some(wavelength) = band.wavelength {
        value["center_wavelength"] = json!(rounded(wavelength.center.um(), 1e6));
        if let Some(width_nm) = wavelength.fwhm_nm {
            value["full_width_half_max"] = json!(rounded(width_nm / 1000.0, 1e6));
        }
    }
    value
}

fn rounded(value: f64, parts: f64) -> f64 {
    (value * parts).round() / parts
}

/// The outline of a grid in longitude and latitude, anticlockwise, closed; longitudes run on over the antimeridian.
fn outline(grid: &Grid) -> Option<Vec<[f64; 2]>> {
    let lon_lat = Reprojection::new(grid.georef.ground_crs()?, &Crs::wgs84().ok()?).ok()?;
    let (width, height) = (grid.width as f64, grid.height as f64);
    let corners = [(0.0, 0.0), (0.0, height), (width, height), (width, 0.0)];
    let mut ring: Vec<[f64; 2]> = Vec::with_capacity(4 * POINTS_A_SIDE + 1);
    for (from, to) in corners.iter().zip(corners.iter().cycle().skip(1)) {
        for step in 0..POINTS_A_SIDE {
            let part = step as f64 / POINTS_A_SIDE as f64;
            let (col, row) = (
                from.0 + (to.0 - from.0) * part,
                from.1 + (to.1 - from.1) * part,
            );
            let (x, y) = grid.ground_from_pixel(col, row)?;
            let (mut lon, lat) = lon_lat.point(x, y)?;
            if let Some([before, _]) = ring.last() {
                lon -= 360.0 * ((lon - before) / 360.0).round();
            }
            ring.push([rounded(lon, 1e7), rounded(lat, 1e7)]);
        }
    }
    if area_of(&ring) < 0.0 {
        ring.reverse();
    }
    ring.push(*ring.first()?);
    Some(ring)
}

/// Twice the area; positive where the ring runs anticlockwise.
fn area_of(ring: &[[f64; 2]]) -> f64 {
    let next = ring.iter().cycle().skip(1);
    ring.iter()
        .zip(next)
        .map(|(a, b)| a[0] * b[1] - b[0] * a[1])
        .sum()
}

/// A ring as GeoJSON, cut at the antimeridian, and what it spans: west, south, east, north. West is larger than east where
/// it crosses.
fn geometry_of(ring: &[[f64; 2]]) -> (Value, [f64; 4]) {
    let span = |axis: usize| {
        let values = ring.iter().map(|point| point[axis]);
        values.fold((f64::MAX, f64::MIN), |(low, high), value| {
            (low.min(value), high.max(value))
        })
    };
    let ((mut west, mut east), (south, north)) = (span(0), span(1));
    let turn = 360.0 * ((west + 180.0) / 360.0).floor();
    let ring: Vec<[f64; 2]> = ring.iter().map(|[lon, lat]| [lon - turn, *lat]).collect();
    (west, east) = (west - turn, east - turn);
    if east <= 180.0 {
        let geometry = json!({ "type": "Polygon", "coordinates": [ring] });
        return (geometry, [west, south, east, north]);
    }
    let first = cut(&ring, |lon| lon <= 180.0);
    let mut second = cut(&ring, |lon| lon >= 180.0);
    second.iter_mut().for_each(|point| point[0] -= 360.0);
    let geometry = json!({ "type": "MultiPolygon", "coordinates": [[first], [second]] });
    (geometry, [west, south, east - 360.0, north])
}

/// The part of a closed ring on one side of the antimeridian, closed again.
fn cut(ring: &[[f64; 2]], keeps: impl Fn(f64) -> bool) -> Vec<[f64; 2]> {
    let mut part = Vec::new();
    for (a, b) in ring.iter().zip(ring.iter().skip(1)) {
        if keeps(a[0]) {
            part.push(*a);
        }
        if keeps(a[0]) != keeps(b[0]) {
            let share = (180.0 - a[0]) / (b[0] - a[0]);
            part.push([180.0, rounded(a[1] + (b[1] - a[1]) * share, 1e7)]);
        }
    }
    part.extend(part.first().copied());
    part
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, GeoTransform, Georef, MapKind, MapWriter};

    fn grid(transform: [f64; 6], crs: &str) -> Grid {
        Grid {
            width: 60,
            height: 40,
            georef: Georef {
                transform: Some(GeoTransform(transform)),
                crs: Crs::parse(crs).ok(),
                ..Georef::default()
            },
        }
    }

    fn write(path: &Path, grid: &Grid, kind: MapKind, date: Option<&str>) {
        let mut writer = MapWriter::create(path, grid, kind).expect("created");
        writer
            .write_bytes(grid.window(), &vec![1; 60 * 40])
            .expect("written");
        let inputs = json!([{ "file": "scene.tif", "date": date }]).to_string();
        let provenance = vec![("INPUTS".to_owned(), inputs)];
        writer.finish(&provenance).expect("finished");
    }

    fn classes() -> MapKind {
        let class = |id, name: &str, color| Class {
            id,
            name: name.to_owned(),
            color,
        };
        MapKind::Classes(vec![
            class(1, "Winter wheat", [230, 159, 0]),
            class(9, "水田", [86, 180, 233]),
        ])
    }

    fn item_beside(raster: &Path, others: &[PathBuf]) -> Value {
        let out = write_stac_item_blocking(raster, others).expect("written");
        serde_json::from_slice(&std::fs::read(out).expect("there")).expect("JSON")
    }

    #[test]
    fn a_map_gets_an_item_with_place_date_bands_and_classes() {
        let folder = tempfile::tempdir().expect("folder");
        let utm = grid(
            [500_000.0, 10.0, 0.0, 5_400_000.0, 0.0, -10.0],
            "EPSG:32632",
        );
        let (map, sure) = (
            folder.path().join("map.tif"),
            folder.path().join("map_confidence.tif"),
        );
        write(&map, &utm, classes(), Some("2021-07-28"));
        write(
            &sure,
            &utm,
            MapKind::Confidence(vec!["confidence".to_owned()]),
            None,
        );
        let item = item_beside(&map, &[sure]);
        assert_eq!(
            (&item["type"], &item["stac_version"], &item["id"]),
            (&json!("Feature"), &json!("1.0.0"), &json!("map"))
        );
        let properties = &item["properties"];
        assert_eq!(properties["datetime"], "2021-07-28T12:00:00Z");
        assert_eq!(properties["proj:epsg"], 32632);
        assert_eq!(properties["proj:shape"], json!([40, 60]));
        assert_eq!(
            properties["proj:transform"],
            json!([10.0, 0.0, 500_000.0, 0.0, -10.0, 5_400_000.0])
        );
        assert_eq!(
            properties["proj:bbox"],
            json!([500_000.0, 5_399_600.0, 500_600.0, 5_400_000.0])
        );
        assert_eq!(properties["terroir:inputs"][0]["file"], "scene.tif");
        let bounds: Vec<f64> = item["bbox"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_f64)
            .collect();
        assert!(
            (bounds[0] - 9.0).abs() < 1e-6 && (bounds[3] - 48.75).abs() < 0.01,
            "{bounds:?}"
        );
        let ring = item["geometry"]["coordinates"][0].as_array().unwrap();
        assert_eq!((ring.len(), ring.first()), (33, ring.last()));
        let map = &item["assets"]["map"];
        assert_eq!(map["href"], "./map.tif");
        assert_eq!(map["raster:bands"][0]["nodata"], 0.0);
        let classes = &map["classification:classes"];
        assert_eq!(
            classes[0],
            json!({ "value": 1, "name": "winter_wheat", "description": "Winter wheat", "color_hint": "E69F00" })
        );
        assert_eq!(
            (&classes[1]["name"], &classes[1]["description"]),
            (&json!("class_9"), &json!("水田"))
        );
        let sure = &item["assets"]["confidence"]["raster:bands"][0];
        assert_eq!(
            (&sure["scale"], &sure["data_type"]),
            (&json!(0.005), &json!("uint8"))
        );
        let extensions = item["stac_extensions"].to_string();
        assert!(
            extensions.contains("classification") && !extensions.contains("/eo/"),
            "{extensions}"
        );
        // Read back, the item tells the date of the map.
        let again = Raster::open(&folder.path().join("map.tif")).expect("opens");
        assert_eq!(again.info().date.as_deref(), Some("2021-07-28"));
        // It is no image of its own, and no product that would stand for the folder.
        let path = folder.path().join("map.stac.json");
        assert_eq!(crate::recognise_product(folder.path()), None);
        assert_eq!(crate::recognise_product(&path), None);
    }

    #[test]
    fn without_a_date_the_making_stands_for_it_and_is_not_taken_for_one() {
        let folder = tempfile::tempdir().expect("folder");
        let map = folder.path().join("map.tif");
        let nowhere = Grid {
            width: 60,
            height: 40,
            georef: Georef::default(),
        };
        write(&map, &nowhere, classes(), None);
        let item = item_beside(&map, &[]);
        assert_eq!(item["geometry"], Value::Null);
        assert!(item.get("bbox").is_none());
        assert_eq!(
            item["properties"]["datetime"],
            item["properties"]["created"]
        );
        assert_eq!(Raster::open(&map).expect("opens").info().date, None);
    }

    #[test]
    fn outlines_over_the_antimeridian_are_cut_there() {
        let ring =
            outline(&grid([179.4, 0.02, 0.0, 52.0, 0.0, -0.02], "EPSG:4326")).expect("placed");
        let (geometry, bounds) = geometry_of(&ring);
        assert_eq!(geometry["type"], "MultiPolygon");
        assert_eq!(bounds, [179.4, 51.2, -179.4, 52.0]);
        for part in geometry["coordinates"].as_array().unwrap() {
            let ring: Vec<[f64; 2]> = serde_json::from_value(part[0].clone()).unwrap();
            assert!(ring.iter().all(|[lon, _]| (-180.0..=180.0).contains(lon)));
            assert_eq!(ring.first(), ring.last());
            assert!(area_of(&ring) > 0.0, "anticlockwise");
        }
    }
}
