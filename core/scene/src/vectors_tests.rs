//! Label files there and back, and what cannot be read or written.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::{Crs, Georef, export_labels};

/// UTM 32N, 10 m, north up, over the Alps.
fn grid(width: usize, height: usize) -> Grid {
    let georef = Georef {
        transform: Some(GeoTransform([
            600_000.0,
            10.0,
            0.0,
            5_200_000.0,
            0.0,
            -10.0,
        ])),
        crs: Some(Crs::parse("EPSG:32632").unwrap()),
        note: None,
    };
    Grid {
        width,
        height,
        georef,
    }
}

fn rotated(width: usize, height: usize) -> Grid {
    let mut grid = grid(width, height);
    grid.georef.transform = Some(GeoTransform([
        600_000.0,
        8.66,
        5.0,
        5_200_000.0,
        5.0,
        -8.66,
    ]));
    grid
}

/// Three classes (two of one name), strokes with holes and corners, polygons of several kinds.
fn painted(grid: Grid) -> Labels {
    let transform = grid.transform();
    let mut labels = Labels::new(grid);
    for (id, name) in [
        (1, "winter wheat"),
        (7, "mäis, grün"),
        (200, "winter wheat"),
        (255, "no shape yet"),
    ] {
        labels.set_class(Class {
            id,
            name: name.to_owned(),
            color: [id, 255 - id, 9],
        });
    }
    labels.paint_stroke((20.0, 20.0), (90.0, 70.0), 13.0, 1, false);
    labels.paint_stroke((50.0, 42.0), (50.0, 42.0), 5.0, 0, false);
    labels.paint_stroke((60.0, 50.0), (61.0, 50.0), 4.0, 7, false);
    labels.paint_stroke((199.0, 149.0), (150.0, 100.0), 1.0, 200, false);
    for (class_id, source, usage, corners) in [
        (
            1,
            "polygon",
            "train",
            [(100.3, 10.2), (130.7, 11.1), (128.2, 30.9), (99.1, 28.8)],
        ),
        (
            7,
            "import",
            "test",
            [(110.0, 12.0), (120.0, 12.0), (120.0, 40.0), (110.0, 40.0)],
        ),
        (
            200,
            "point",
            "val",
            [(5.0, 140.0), (6.0, 140.0), (6.0, 141.0), (5.0, 141.0)],
        ),
        (
            7,
            "polygon",
            "ignore",
            [(0.0, 100.0), (9.0, 100.0), (9.0, 110.0), (0.0, 110.0)],
        ),
    ] {
        let mut rings = vec![corners.to_vec()];
        if source == "polygon" {
            // A hole half as large.
            let (x, y) = corners.iter().fold((0.0, 0.0), |sum, corner| {
                (sum.0 + corner.0 / 4.0, sum.1 + corner.1 / 4.0)
            });
            rings.push(
                corners
                    .iter()
                    .map(|corner| ((corner.0 + x) / 2.0, (corner.1 + y) / 2.0))
                    .collect(),
            );
        }
        let rings = rings.into_iter().map(|ring| {
            ring.into_iter()
                .map(|(x, y)| transform.map_from_pixel(x, y))
                .collect()
        });
        labels.add_polygon(LabelPolygon {
            class_id,
            rings: rings.collect(),
            source: source.to_owned(),
            usage: usage.to_owned(),
        });
    }
    labels
}

fn sorted_pixels(labels: &Labels) -> Vec<(usize, usize, u8, u32)> {
    let mut pixels: Vec<_> = labels
        .pixels()
        .iter()
        .map(|pixel| (pixel.row, pixel.col, pixel.class_id, pixel.polygon))
        .collect();
    pixels.sort_unstable();
    pixels
}

#[test]
fn every_format_gives_back_the_same_pixels() {
    let folder = tempfile::tempdir().unwrap();
    for (place, grid) in [grid(200, 150), rotated(200, 150)].into_iter().enumerate() {
        let labels = painted(grid.clone());
        for ending in ["gpkg", "geojson", "shp"] {
            let path = folder.path().join(format!("labels-{place}.{ending}"));
            export_labels(&labels, &path).unwrap();
            let (back, report) = import_labels(&path, &grid, Some("class_id")).unwrap();
            assert_eq!(sorted_pixels(&back), sorted_pixels(&labels), "{ending}");
            assert_eq!(back.blocks, labels.blocks, "{ending}");
            assert_eq!(
                (
                    report.outside,
                    report.empty,
                    report.invalid,
                    report.without_class
                ),
                (0, 0, 0, 0)
            );
            for (a, b) in back.polygons.iter().zip(labels.polygons.iter()) {
                assert_eq!(
                    (a.class_id, &a.source, &a.usage),
                    (b.class_id, &b.source, &b.usage),
                    "{ending}"
                );
            }
            for class in back.classes.iter() {
                assert_eq!(Some(class), labels.class(class.id), "{ending}");
            }
            // Written again over itself, and nothing else lies beside.
            export_labels(&labels, &path).unwrap();
        }
        let path = folder.path().join(format!("labels-{place}.gpkg"));
        let (home, _) = import_labels(&path, &grid, None).unwrap();
        assert_eq!(
            home, labels,
            "the home format keeps everything, also the class without a shape"
        );
    }
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let expected: Vec<String> = ["0", "1"]
        .iter()
        .flat_map(|place| {
            ["cpg", "dbf", "geojson", "gpkg", "prj", "shp", "shx"]
                .map(|ending| format!("labels-{place}.{ending}"))
        })
        .collect();
    assert_eq!(names, expected);
}

#[test]
fn labels_without_a_place_go_to_geopackage_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let labels = painted(Grid {
        width: 200,
        height: 150,
        georef: Georef::default(),
    });
    let path = folder.path().join("labels.gpkg");
    export_labels(&labels, &path).unwrap();
    let (back, _) = import_labels(&path, &labels.grid, None).unwrap();
    assert_eq!(back, labels);
    let error = export_labels(&labels, &folder.path().join("labels.geojson"))
        .unwrap_err()
        .to_string();
    assert!(error.contains("save the labels as GeoPackage"), "{error}");
    assert!(!folder.path().join("labels.geojson").exists());
}

#[test]
fn empty_labels_are_a_file_too() {
    let folder = tempfile::tempdir().unwrap();
    let mut labels = Labels::new(grid(30, 30));
    labels.set_class(Class {
        id: 3,
        name: "later".to_owned(),
        color: [1, 2, 3],
    });
    let path = folder.path().join("labels.gpkg");
    export_labels(&labels, &path).unwrap();
    assert_eq!(import_labels(&path, &labels.grid, None).unwrap().0, labels);
}

#[test]
fn what_cannot_be_written_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let labels = painted(grid(200, 150));
    let wrong = export_labels(&labels, &folder.path().join("labels.kml"))
        .unwrap_err()
        .to_string();
    assert!(wrong.contains(".gpkg, .geojson or .shp"), "{wrong}");
    let nowhere = export_labels(&labels, &folder.path().join("missing/labels.gpkg"))
        .unwrap_err()
        .to_string();
    assert!(nowhere.contains("folder does not exist"), "{nowhere}");
    // /dev/full behaves like a full disk; a link makes it the temporary's target.
    #[cfg(target_os = "linux")]
    {
        let path = folder.path().join("full.gpkg");
        std::fs::write(&path, "old").unwrap();
        std::os::unix::fs::symlink("/dev/full", folder.path().join("full.gpkg.part")).unwrap();
        let full = export_labels(&labels, &path).unwrap_err().to_string();
        assert!(full.contains("disk is full"), "{full}");
        assert_eq!(std::fs::read(&path).unwrap(), b"old");
        assert!(!folder.path().join("full.gpkg.part").exists());
    }
}

fn write(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn feature(properties: &str, geometry: &str) -> String {
    format!(r#"{{"type":"Feature","properties":{{{properties}}},"geometry":{geometry}}}"#)
}

fn collection(features: &[String]) -> String {
    format!(
        r#"{{"type":"FeatureCollection","features":[{}]}}"#,
        features.join(",")
    )
}

/// A square of `size` pixels from pixel (col, row) of `grid(200, 150)`, as GeoJSON.
fn square(col: f64, row: f64, size: f64) -> String {
    let grid = grid(200, 150);
    let place = Reprojection::new(grid.crs().unwrap(), &Crs::wgs84().unwrap()).unwrap();
    let corners: Vec<String> = [
        (0.0, 0.0),
        (size, 0.0),
        (size, size),
        (0.0, size),
        (0.0, 0.0),
    ]
    .iter()
    .map(|(x, y)| {
        let (x, y) = grid.transform().map_from_pixel(col + x, row + y);
        let (lon, lat) = place.point(x, y).unwrap();
        format!("[{lon:.10},{lat:.10}]")
    })
    .collect();
    format!(
        r#"{{"type":"Polygon","coordinates":[[{}]]}}"#,
        corners.join(",")
    )
}

#[test]
fn everything_left_out_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let text = collection(&[
        feature(r#""class":"wheat""#, &square(10.0, 10.0, 5.0)),
        feature(r#""class":"maize""#, &square(30.0, 10.0, 4.0)),
        feature(r#""class":"maize""#, &square(-500.0, 10.0, 4.0)),
        feature(r#""class":null"#, &square(40.0, 10.0, 4.0)),
        feature(r#""other":1"#, &square(40.0, 10.0, 4.0)),
        feature(r#""class":"maize""#, "null"),
        feature(
            r#""class":"maize""#,
            r#"{"type":"Polygon","coordinates":[]}"#,
        ),
        feature(r#""class":"wheat""#, &square(50.2, 10.2, 0.2)),
    ]);
    let path = write(&folder, "fields.geojson", &text);
    let (labels, report) = import_labels(&path, &grid(200, 150), None).unwrap();
    assert_eq!(
        (
            report.imported,
            report.outside,
            report.empty,
            report.without_class
        ),
        (3, 1, 2, 2),
        "{report:?}"
    );
    assert_eq!(
        labels.counts().into_iter().collect::<Vec<_>>(),
        [(1, 16), (2, 25)]
    );
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("smaller than a pixel")),
        "{report:?}"
    );
    assert_eq!(
        report.summary(),
        "3 shapes imported; left out: 1 outside the scene, 2 empty, 2 without a class; 1 shapes are smaller than a pixel and label none"
    );
    assert_eq!(vector_attributes(&path).unwrap(), ["class", "other"]);
}

#[test]
fn errors_say_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let grid = grid(200, 150);
    let fails = |path: &Path, attribute: Option<&str>| {
        import_labels(path, &grid, attribute)
            .unwrap_err()
            .to_string()
    };
    let inside = write(
        &folder,
        "in.geojson",
        &collection(&[feature(
            r#""kind":"wheat","area":3"#,
            &square(1.0, 1.0, 5.0),
        )]),
    );
    let missing = fails(&inside, Some("crop"));
    assert!(
        missing.contains("no attribute crop") && missing.contains("kind, area"),
        "{missing}"
    );
    assert!(fails(&inside, None).contains("kind, area"));
    let outside = write(
        &folder,
        "out.geojson",
        &collection(&[feature(r#""class":1"#, &square(900.0, 1.0, 5.0))]),
    );
    let text = fails(&outside, None);
    assert!(
        text.contains("all 1 shapes lie outside the scene") && text.contains("EPSG:32632"),
        "{text}"
    );
    assert!(
        fails(
            &write(&folder, "none.geojson", &collection(&[])),
            Some("class")
        )
        .contains("no shapes")
    );
    let null = write(
        &folder,
        "null.geojson",
        &collection(&[feature(r#""class":null"#, &square(1.0, 1.0, 5.0))]),
    );
    assert!(fails(&null, None).contains("no shape has a value"));
    assert!(
        fails(
            &write(&folder, "broken.gpkg", "SQLite format 3\0 and nothing more"),
            None
        )
        .contains("damaged")
    );
    assert!(fails(&write(&folder, "notes.txt", "dear diary"), None).contains("damaged"));
    assert!(fails(&folder.path().join("nowhere.shp"), None).contains("no such file"));
    let many: Vec<String> = (0..300)
        .map(|id| {
            feature(
                &format!(r#""class":{id}"#),
                &square(f64::from(id % 100), 1.0, 1.0),
            )
        })
        .collect();
    assert!(
        fails(&write(&folder, "many.geojson", &collection(&many)), None)
            .contains("300 different values")
    );
}

#[test]
fn points_lines_and_parts() {
    let folder = tempfile::tempdir().unwrap();
    let grid = grid(200, 150);
    let csv = "x;y;crs;class_id;class_name\n600105;5199895;EPSG:32632;3;dry, bare\n600195;5199895;32632;5;wet\n\
               9.0;46.9;EPSG:4326;5;wet\n;;;5;wet\nnorth;1;;5;wet\n600105;5199995;;3;dry, bare\n";
    let (labels, report) = import_labels(&write(&folder, "points.csv", csv), &grid, None).unwrap();
    assert_eq!(
        (
            report.imported,
            report.outside,
            report.empty,
            report.invalid
        ),
        (3, 1, 1, 1),
        "{report:?}"
    );
    assert_eq!(
        (
            labels.class_at(10, 10),
            labels.class_at(19, 10),
            labels.class_at(10, 0)
        ),
        (3, 5, 3)
    );
    assert_eq!(
        labels.class(3).map(|class| class.name.as_str()),
        Some("dry, bare")
    );
    assert!(
        labels
            .polygons
            .iter()
            .all(|polygon| polygon.source == "point")
    );
    assert_eq!(labels.counts()[&3] + labels.counts()[&5], 3);

    let wkt = "WKT,class\n\"LINESTRING (600005 5199995, 600095 5199995, 600095 5199955)\",road\n\
               \"MULTIPOLYGON (((600500 5199500, 600520 5199500, 600520 5199480, 600500 5199480)),((600600 5199500, 600630 5199500, 600630 5199490, 600600 5199490)))\",house\n";
    let (labels, report) =
        import_labels(&write(&folder, "lines.csv", wkt), &grid, Some("class")).unwrap();
    assert_eq!((report.imported, labels.polygons.len()), (2, 3));
    assert_eq!(
        labels.counts().into_values().collect::<Vec<_>>(),
        [4 + 3, 14]
    );
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("EPSG:32632 was assumed"))
    );
}

#[test]
fn shared_polygons_stay_shared() {
    let labels = painted(grid(200, 150));
    let mut more = labels.clone();
    more.add_polygon((*labels.polygons[0]).clone());
    assert!(Arc::ptr_eq(&labels.polygons[1], &more.polygons[1]));
    assert!(more.size_beyond(Some(&labels)) < 4000);
}
