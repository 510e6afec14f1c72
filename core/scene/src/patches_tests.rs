//! Polygons of patches, their areas, and tables of places, written and read back.

use super::*;
use crate::{GeoTransform, Georef, MapKind, MapWriter};

fn grid(epsg: &str, transform: [f64; 6]) -> Grid {
    Grid {
        width: 40,
        height: 30,
        georef: Georef {
            transform: Some(GeoTransform(transform)),
            crs: Crs::parse(epsg).ok(),
            ..Georef::default()
        },
    }
}

fn classes() -> Vec<Class> {
    [(1, "similar"), (2, "other")]
        .map(|(id, name)| Class {
            id,
            name: name.to_owned(),
            color: [id * 40, 90, 120],
        })
        .to_vec()
}

/// Two squares of class 1 that touch at a corner, a ring of class 2 with a hole, and a single pixel.
fn map(folder: &Path, grid: &Grid) -> PathBuf {
    let path = folder.join("map.tif");
    let mut values = vec![0u8; grid.width * grid.height];
    let mut fill = |cols: std::ops::Range<usize>, rows: std::ops::Range<usize>, value: u8| {
        for row in rows {
            for col in cols.clone() {
                values[row * 40 + col] = value;
            }
        }
    };
    fill(2..6, 2..6, 1);
    fill(6..9, 6..9, 1);
    fill(20..30, 10..20, 2);
    fill(23..27, 13..17, 0);
    fill(38..39, 28..29, 2);
    let mut writer = MapWriter::create(&path, grid, MapKind::Classes(classes())).unwrap();
    writer.write_bytes(grid.window(), &values).unwrap();
    writer.finish(&Vec::new()).unwrap();
    path
}

fn rows(path: &Path) -> Vec<(String, i64, f64, usize)> {
    let dataset = Dataset::open(path).unwrap();
    let mut layer = dataset.layer_by_name("similar").unwrap();
    let mut rows: Vec<_> = layer
        .features()
        .map(|feature| {
            (
                feature.field_as_string(1).unwrap().unwrap(),
                feature.field_as_integer64(2).unwrap().unwrap(),
                feature.field_as_double(3).unwrap().unwrap(),
                feature.geometry().unwrap().geometry_count(),
            )
        })
        .collect();
    rows.sort_by_key(|row| row.1);
    rows
}

#[test]
fn patches_touching_at_corners_are_two_and_holes_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let grid = grid("EPSG:32629", [5e5, 10.0, 0.0, 4e6, 0.0, -10.0]);
    let map = map(folder.path(), &grid);
    let out = folder.path().join("patches.gpkg");
    let classes = classes();
    let layer = PatchLayer {
        name: "similar",
        classes: &classes,
        least_pixels: 2,
    };
    let place = FoundPlace {
        similarity: 0.75,
        col: 3,
        row: 4,
        x: 500_035.0,
        y: 3_999_955.0,
    };
    let items = [("ATTRIBUTION".to_owned(), "made by hand".to_owned())];
    let counts = write_patches_blocking(
        Some((&map, &layer)),
        &[place],
        &grid,
        &items,
        &out,
        &mut |_| true,
    )
    .unwrap();
    assert_eq!((counts.patches, counts.left_out), (3, 1));
    assert!((counts.area_m2.unwrap() - 100.0 * (16.0 + 9.0 + 84.0)).abs() < 1e-6);
    let found = rows(&out);
    assert_eq!(
        found,
        [
            ("similar".to_owned(), 9, 900.0, 1),
            ("similar".to_owned(), 16, 1600.0, 1),
            ("other".to_owned(), 84, 8400.0, 2)
        ]
    );
    let dataset = Dataset::open(&out).unwrap();
    assert_eq!(
        dataset.metadata_item("ATTRIBUTION", "").as_deref(),
        Some("made by hand")
    );
    let mut points = dataset.layer_by_name("places").unwrap();
    let point = points.features().next().unwrap();
    assert_eq!(point.geometry().unwrap().get_point(0).0, 500_035.0);
    // Only the files asked for remain.
    let names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.contains("patches"))
        .collect();
    assert_eq!(names, ["patches.gpkg"]);

    let stopped = write_patches_blocking(
        Some((&map, &layer)),
        &[],
        &grid,
        &[],
        &folder.path().join("stopped.gpkg"),
        &mut |_| false,
    );
    assert!(matches!(stopped, Err(SceneError::Cancelled)));
    assert!(!folder.path().join("stopped.gpkg").exists());
}

#[test]
fn degrees_are_measured_on_the_ellipsoid() {
    let folder = tempfile::tempdir().unwrap();
    let grid = grid("EPSG:4326", [10.0, 0.25, 0.0, 60.0, 0.0, -0.25]);
    let map = map(folder.path(), &grid);
    let out = folder.path().join("patches.gpkg");
    let classes = classes();
    let layer = PatchLayer {
        name: "similar",
        classes: &classes,
        least_pixels: 10,
    };
    write_patches_blocking(Some((&map, &layer)), &[], &grid, &[], &out, &mut |_| true).unwrap();
    // Latitude 58.5 to 59.5, one degree of longitude: both radii of curvature integrated in 200,000 steps.
    let area = rows(&out)[0].2;
    assert!((area / 6_402_382_777.473_295 - 1.0).abs() < 1e-9, "{area}");
    // The whole globe.
    let e = 0.081_819_190_842_6;
    let world = [
        (-180.0, -90.0, 0.0),
        (180.0, -90.0, 0.0),
        (180.0, 90.0, 0.0),
        (-180.0, 90.0, 0.0),
        (-180.0, -90.0, 0.0),
    ];
    let area = globe_area(&world, 1f64.to_radians(), e) * 6_378_137f64.powi(2) / 2.0;
    assert!((area / 510_065_621_724_089.0 - 1.0).abs() < 1e-9, "{area}");
}

#[test]
fn a_table_of_places_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let grid = grid("EPSG:32629", [5e5, 10.0, 0.0, 4e6, 0.0, -10.0]);
    let path = folder.path().join("places.csv");
    let places = [(3, 4, 0.75), (20, 9, 0.5)].map(|(col, row, similarity)| FoundPlace {
        similarity,
        col,
        row,
        x: 5e5 + 10.0 * (col as f64 + 0.5),
        y: 4e6 - 10.0 * (row as f64 + 0.5),
    });
    write_places_table(&places, &grid, &path).unwrap();
    assert_eq!(read_places_table(&path).unwrap(), places);
    std::fs::write(&path, "a,b\n1,2\n").unwrap();
    assert!(read_places_table(&path).is_err());
}
