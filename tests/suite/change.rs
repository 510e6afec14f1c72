//! Change between two fields, from the command line: the pair of layout rasters with its reference, fields larger than the
//! squares they are read in, and pairs that cannot be compared.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use terroir_scene::{
    Crs, FIELD_AXES, FIELD_NODATA, GeoTransform, Georef, Grid, MapKind, MapWriter, Raster,
    Resampling, Window, encode_value, read_vector_blocking,
};

use crate::golden::file;
use crate::program::{run, shared_data};

fn metric(outcome: &serde_json::Value, name: &str) -> f64 {
    outcome["metrics"]
        .as_array()
        .unwrap()
        .iter()
        .find(|metric| metric[0] == name)
        .unwrap_or_else(|| panic!("no {name} in {outcome}"))[1]
        .as_f64()
        .unwrap()
}

/// Values of the first band, no-data as NaN, first row northernmost whatever the file says.
fn values(path: &Path) -> (usize, usize, Vec<f32>) {
    let raster = Raster::open(path).unwrap();
    let grid = raster.info().grid.clone();
    let block = raster
        .read_blocking(
            &[0],
            grid.window(),
            grid.width,
            grid.height,
            Resampling::Nearest,
        )
        .unwrap();
    let values = block
        .values
        .iter()
        .zip(&block.valid)
        .map(|(value, valid)| if *valid { *value } else { f32::NAN });
    (grid.width, grid.height, values.collect())
}

pub(crate) fn golden_json(name: &str) -> Option<serde_json::Value> {
    let text = fs::read_to_string(file(&format!("golden/{name}"))?).unwrap();
    Some(serde_json::from_str(&text).unwrap())
}

fn layout() -> Option<(PathBuf, PathBuf, PathBuf)> {
    let folder = shared_data("the layout rasters")?.join("aef");
    Some((
        folder.join("layout_iowa_ag_y0_northup.tif"),
        folder.join("layout_iowa_ag_y1_bottomup.tif"),
        folder.join("layout_iowa_ag_changed.tif"),
    ))
}

#[test]
fn the_layout_pair_gives_the_golden_change() {
    let Some(((before, after, reference), golden)) =
        layout().zip(golden_json("aef/scene_iowa.json"))
    else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let words = |more: &[&str]| -> serde_json::Value {
        let mut words = vec!["change", "--before", before.to_str().unwrap(), "--after"];
        words.extend([after.to_str().unwrap(), "--json"]);
        words.extend(more);
        run(folder.path(), &words).json()
    };
    let outcome = words(&["--out", "change.tif"]);
    for (name, key) in [
        ("pixels", "valid_pixels"),
        ("changed_pixels", "dot_lt_0.8_pixels"),
    ] {
        assert_eq!(
            metric(&outcome, name),
            golden[key].as_f64().unwrap(),
            "{name}"
        );
    }
    let mean = golden["mean_dot_valid"].as_f64().unwrap();
    assert!((metric(&outcome, "mean_dot") - mean).abs() < 1e-4);
    let (width, height, dots) = values(&folder.path().join("change.tif"));
    let missing = dots.iter().filter(|dot| dot.is_nan()).count();
    assert_eq!(missing as u64, golden["nodata_pixels"].as_u64().unwrap());
    let here = f64::from(dots[50 * width + 50]);
    assert!(
        (here - golden["dot_at_row50_col50"].as_f64().unwrap()).abs() < 1e-4,
        "{here}"
    );

    // The threshold against the reference.
    let truth = values(&reference).2;
    let pairs: Vec<(bool, bool)> = dots
        .iter()
        .zip(&truth)
        .filter(|(dot, truth)| dot.is_finite() && truth.is_finite())
        .map(|(dot, truth)| (*dot < 0.8, *truth == 1.0))
        .collect();
    let right = pairs.iter().filter(|(found, truth)| found == truth).count();
    let overall = right as f64 / pairs.len() as f64;
    eprintln!(
        "dot < 0.8: {right} of {} pixels right, {:.3} %",
        pairs.len(),
        100.0 * overall
    );
    assert_eq!((width, height), (96, 96));
    assert!(overall > 0.999, "{overall}");

    // The polygons hold the changed pixels of patches that are large enough.
    let layer = read_vector_blocking(
        &folder.path().join("change.gpkg"),
        None,
        &Default::default(),
    )
    .unwrap();
    assert_eq!(layer.features() as f64, metric(&outcome, "polygons"));
    let (areas, means) = (
        layer.column("area_m2").unwrap(),
        layer.column("mean_dot").unwrap(),
    );
    for feature in 0..layer.features() {
        assert!(areas.number(feature).unwrap() >= 20_000.0);
        assert!(means.number(feature).unwrap() < 0.8);
    }
    let style = fs::read_to_string(folder.path().join("change.qml")).unwrap();
    assert!(style.contains("singlebandpseudocolor"));

    // The other measures say the same at their own thresholds.
    for measure in ["distance", "angle"] {
        let out = format!("{measure}.tif");
        let other = words(&["--measure", measure, "--no-polygons", "--out", &out]);
        assert_eq!(
            metric(&other, "changed_pixels"),
            metric(&outcome, "changed_pixels")
        );
        assert!(!folder.path().join(format!("{measure}.gpkg")).exists());
    }
    // Both ways round is the same change.
    let turned = [
        "change",
        "--before",
        after.to_str().unwrap(),
        "--after",
        before.to_str().unwrap(),
    ];
    let turned: Vec<&str> = turned.into_iter().chain(["--out", "turned.tif"]).collect();
    run(folder.path(), &turned).done();
    let other = values(&folder.path().join("turned.tif")).2;
    assert!(
        dots.iter()
            .zip(&other)
            .all(|(a, b)| a == b || (a.is_nan() && b.is_nan()))
    );

    let printed = run(folder.path(), &["reproduce", "change.tif", "--print"]).done();
    assert!(printed.starts_with("terroir change --before"), "{printed}");
    let again = run(folder.path(), &["reproduce", "change.tif"]).done();
    assert!(again.contains("is the same as before"), "{again}");
}

/// A field of vectors in the plane of the first two axes; `angle` of each pixel in radians, NaN for no data.
pub(crate) fn write_plane_field(
    path: &Path,
    size: (usize, usize),
    is_bottom_up: bool,
    angle: impl Fn(usize, usize) -> f32,
) {
    let (width, height) = size;
    let transform = if is_bottom_up {
        GeoTransform([
            500_000.0,
            10.0,
            0.0,
            4_000_000.0 - 10.0 * height as f64,
            0.0,
            10.0,
        ])
    } else {
        GeoTransform([500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0])
    };
    let grid = Grid {
        width,
        height,
        georef: Georef {
            transform: Some(transform),
            crs: Crs::parse("EPSG:32629").ok(),
            ..Georef::default()
        },
    };
    let mut writer = MapWriter::create(path, &grid, MapKind::Field).unwrap();
    for first in (0..height).step_by(256) {
        let rows = 256.min(height - first);
        let mut codes = vec![0_u8; FIELD_AXES * width * rows];
        for line in 0..rows {
            let row = if is_bottom_up {
                height - 1 - first - line
            } else {
                first + line
            };
            for col in 0..width {
                let angle = angle(col, row);
                let at = line * width + col;
                for axis in 0..FIELD_AXES {
                    codes[axis * width * rows + at] = match axis {
                        _ if angle.is_nan() => FIELD_NODATA as u8,
                        0 => encode_value(angle.cos()) as u8,
                        1 => encode_value(angle.sin()) as u8,
                        _ => 0,
                    };
                }
            }
        }
        let window = Window {
            col: 0,
            row: first,
            width,
            height: rows,
        };
        writer.write_bytes(window, &codes).unwrap();
    }
    writer.finish(&Vec::new()).unwrap();
}

#[test]
fn a_field_larger_than_what_is_read_at_once_is_compared_whole() {
    let folder = TempDir::new().unwrap();
    let (before, after) = (folder.path().join("a.tif"), folder.path().join("b.tif"));
    let size = (1100, 700);
    write_plane_field(&before, size, false, |_, _| 0.0);
    // A block of change across the seams of the squares, a thin line, and a hole in the data.
    let is_block = |col: usize, row: usize| (400..600).contains(&col) && (480..540).contains(&row);
    let is_line = |col: usize, row: usize| row == 20 && (100..1000).contains(&col);
    write_plane_field(&after, size, true, |col, row| {
        if (510..515).contains(&col) && (500..505).contains(&row) {
            f32::NAN
        } else if is_block(col, row) || is_line(col, row) {
            1.2
        } else {
            0.1
        }
    });
    let words =
        "change --before a.tif --after b.tif --measure angle --least-area 50000 --json --out c.tif";
    let outcome = run(folder.path(), &words.split(' ').collect::<Vec<_>>()).json();
    let changed = (200 * 60 - 25 + 900) as f64;
    assert_eq!(metric(&outcome, "changed_pixels"), changed);
    assert_eq!(metric(&outcome, "pixels"), (1100 * 700 - 25) as f64);
    assert!((metric(&outcome, "changed_hectares") - changed / 100.0).abs() < 1e-6);
    let (width, _, angles) = values(&folder.path().join("c.tif"));
    for (at, angle) in angles.iter().enumerate() {
        let (col, row) = (at % width, at / width);
        let expected = if is_block(col, row) || is_line(col, row) {
            1.2f32
        } else {
            0.1
        };
        assert!(
            angle.is_nan() || (angle - expected.to_degrees()).abs() < 0.6,
            "{col} {row}: {angle}"
        );
    }
    let layer =
        read_vector_blocking(&folder.path().join("c.gpkg"), None, &Default::default()).unwrap();
    let mut areas: Vec<f64> = (0..layer.features())
        .map(|feature| layer.column("area_m2").unwrap().number(feature).unwrap())
        .collect();
    areas.sort_by(f64::total_cmp);
    assert_eq!(areas, [90_000.0, 1_197_500.0]);
    // The hole in the data is a hole in the polygon.
    let rings: usize = (0..layer.shapes.parts())
        .filter_map(|part| layer.shapes.part(part))
        .map(|part| part.rings().count())
        .sum();
    assert_eq!(rings, 3);
}

#[test]
fn fields_that_cannot_be_compared_say_why() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    write_plane_field(&at("a.tif"), (40, 30), false, |_, _| 0.0);
    write_plane_field(&at("small.tif"), (40, 20), false, |_, _| 0.0);
    let change = |words: &str| run(folder.path(), &words.split(' ').collect::<Vec<_>>());
    let other = change("change --before a.tif --after small.tif --out c.tif");
    other.failed(
        1,
        &["40 x 30 against 40 x 20", "gdalwarp -r near", "small.tif"],
    );
    let same = change("change --before a.tif --after a.tif --out c.tif");
    same.failed(1, &["same file", "different dates"]);
    let over = change("change --before a.tif --after small.tif --out a.tif");
    over.failed(1, &["overwrite"]);
    let far = change("change --before a.tif --after small.tif --threshold 3 --out c.tif");
    far.failed(1, &["threshold of 3", "-1 to 1"]);
    let none = change("change --before a.tif --after none.tif --out c.tif");
    none.failed(1, &["none.tif"]);
    assert!(!at("c.tif").exists() && !at("c.gpkg").exists() && !at("c.part.gpkg").exists());
}

/// Ground that varies every year is not taken for change; ground that never did is.
#[test]
fn a_local_z_needs_four_years_and_knows_what_is_usual() {
    let folder = TempDir::new().unwrap();
    let years = [0.0f32, 0.7, 0.1, 0.8, 0.75];
    for (year, angle) in years.iter().enumerate() {
        let path = folder.path().join(format!("y{year}.tif"));
        // Left a field that varies, right a forest that changes in the last year; one year has a hole.
        write_plane_field(&path, (60, 40), year % 2 == 1, |col, row| {
            match (col, row) {
                (5, 5) if year == 2 => f32::NAN,
                (col, _) if col < 30 => *angle,
                _ if year == 4 => 0.75,
                _ => 0.02 * year as f32,
            }
        });
    }
    let change = |words: &str| run(folder.path(), &words.split(' ').collect::<Vec<_>>());
    let z = "change --before y0.tif --also y1.tif --also y2.tif --also y3.tif --after y4.tif --measure local-z";
    let outcome = change(&format!("{z} --json --out z.tif")).json();
    assert_eq!(metric(&outcome, "changed_pixels"), 1200.0);
    assert_eq!(metric(&outcome, "pixels"), 2400.0);
    let (width, _, values) = values(&folder.path().join("z.tif"));
    assert!(values[10 * width + 10] < 1.0 && values[10 * width + 50] > 10.0);
    let plain = change("change --before y0.tif --after y4.tif --json --out dot.tif").json();
    assert_eq!(metric(&plain, "changed_pixels"), 2400.0);
    let few =
        change("change --before y0.tif --also y1.tif --after y4.tif --measure local-z --out f.tif");
    few.failed(1, &["4 fields or more", "there are 3"]);
    let many = change("change --before y0.tif --also y1.tif --after y4.tif --out f.tif");
    many.failed(1, &["only the local z"]);
    let printed = change("reproduce z.tif --print").done();
    assert!(printed.contains("--also y1.tif --also y2.tif"), "{printed}");
}
