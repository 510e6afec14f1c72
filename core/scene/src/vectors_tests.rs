//! Label files there and back, and the label files of real scenes against their rasters.

use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::{Crs, Georef, Raster, Resampling, export_labels};

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
        ..Georef::default()
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

#[test]
fn points_in_a_table_give_back_the_same_pixels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.csv");
    let nowhere = Grid {
        width: 200,
        height: 150,
        georef: Georef::default(),
    };
    for grid in [grid(200, 150), rotated(200, 150), nowhere] {
        let labels = painted(grid.clone());
        export_labels(&labels, &path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let has_lon_lat = text.lines().next().unwrap().ends_with("longitude,latitude");
        assert_eq!(has_lon_lat, grid.crs().is_some());
        let (back, report) = import_labels(&path, &grid, None).unwrap();
        assert!(report.painted > 1000, "{report:?}");
        assert_eq!(
            (report.outside, report.invalid, report.without_class),
            (0, 0, 0)
        );
        for usage in [crate::LabelUse::Train, crate::LabelUse::HeldOut] {
            let places = |labels: &Labels| {
                let pixels = labels.pixels_for(usage);
                let name = |id| labels.class(id).unwrap().name.clone();
                let all = pixels
                    .iter()
                    .map(|pixel| (pixel.row, pixel.col, name(pixel.class_id)));
                all.collect::<std::collections::BTreeSet<_>>()
            };
            assert_eq!(places(&back), places(&labels));
        }
        let held_out = |labels: &Labels| {
            let polygons = labels
                .polygons
                .iter()
                .filter(|polygon| polygon.is_held_out());
            polygons
                .map(|polygon| polygon.usage.clone())
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(held_out(&back), held_out(&labels));
    }
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
    assert!(wrong.contains(".gpkg, .geojson, .shp or .csv"), "{wrong}");
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
    assert_eq!(vector_attributes(&path, None).unwrap(), ["class", "other"]);
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

fn shared() -> Option<PathBuf> {
    let default = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared");
    let folder =
        PathBuf::from(std::env::var_os("TERROIR_SHARED").unwrap_or_else(|| default.into()))
            .join("data");
    if !folder.is_dir() {
        eprintln!(
            "SKIPPED: no real scenes in {} (set TERROIR_SHARED)",
            folder.display()
        );
        return None;
    }
    Some(folder)
}

#[test]
fn real_label_files_fall_on_their_rasters() {
    let Some(data) = shared() else { return };
    // The rasters of these scenes leave out edges (Berlin) or hold every pixel of the source raster.
    for (scene, at_least) in [
        ("s2_amazon", 0.999),
        ("landsat7_chiapas", 0.999),
        ("flanders_2018", 0.999),
        ("flanders_2019_a", 0.999),
        ("enmap_potsdam", 0.999),
        ("s2_berlin", 0.999),
    ] {
        let raster = Raster::open(&data.join(scene).join("labels.tif")).unwrap();
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
        let path = data.join(scene).join("labels.geojson");
        let (labels, report) = import_labels(&path, &grid, None).unwrap();
        // Codes above 255 are numbered in ascending order.
        let mut codes: Vec<i64> = block
            .band(0)
            .iter()
            .map(|value| *value as i64)
            .filter(|code| *code != 0)
            .collect();
        codes.sort_unstable();
        codes.dedup();
        let keeps_ids = codes.iter().all(|code| *code <= 255);
        let id_of = |code: i64| {
            if keeps_ids {
                code as u8
            } else {
                codes
                    .iter()
                    .position(|known| *known == code)
                    .map_or(0, |at| at as u8 + 1)
            }
        };
        let (mut equal, mut labelled, mut wrong) = (0_usize, 0_usize, 0_usize);
        for (at, value) in block
            .band(0)
            .iter()
            .enumerate()
            .filter(|(_, value)| **value != 0.0)
        {
            let ours = labels.class_at(at % grid.width, at / grid.width);
            labelled += 1;
            equal += usize::from(ours == id_of(*value as i64));
            wrong += usize::from(ours != 0 && ours != id_of(*value as i64));
        }
        let share = equal as f64 / labelled as f64;
        let ours: usize = labels.counts().values().sum();
        eprintln!(
            "{scene}: {} shapes, {equal} of {labelled} labelled pixels equal ({share:.4}), {wrong} of another class, {ours} pixels of ours",
            report.imported
        );
        assert!(share >= at_least, "{scene}: {share}");
        assert!(
            report.outside + report.empty + report.invalid + report.without_class == 0,
            "{scene}: {report:?}"
        );
        assert!(
            labels
                .classes
                .iter()
                .all(|class| class.name.parse::<i64>().is_err()),
            "{scene}: classes have names"
        );

        // The raster itself imports to exactly its labelled pixels, in the colours beside it.
        let (from_raster, report) =
            import_labels(&data.join(scene).join("labels.tif"), &grid, None).unwrap();
        assert_eq!(report.painted, labelled);
        let names = |labels: &Labels| {
            labels
                .classes
                .iter()
                .map(|class| (class.id, class.name.clone(), class.color))
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&from_raster), names(&labels), "{scene}");

        // And everything survives a file.
        let folder = tempfile::tempdir().unwrap();
        for ending in ["gpkg", "shp", "geojson"] {
            for (labels, name) in [(&labels, "shapes"), (&from_raster, "painted")] {
                let path = folder.path().join(format!("{name}.{ending}"));
                export_labels(labels, &path).unwrap();
                let (back, _) = import_labels(&path, &grid, Some("class_id")).unwrap();
                assert_eq!(
                    sorted_pixels(&back),
                    sorted_pixels(labels),
                    "{scene} {name}.{ending}"
                );
            }
        }
    }
}

#[test]
fn label_rasters_move_to_another_grid() {
    let Some(data) = shared() else { return };
    let path = data.join("s2_portugal_2021/labels_worldcover.tif");
    let source = Raster::open(&path).unwrap().info().grid.clone();
    // The same place in longitude and latitude, about twice as fine.
    let place = Reprojection::new(source.crs().unwrap(), &Crs::wgs84().unwrap()).unwrap();
    let (x, y) = source.transform().map_from_pixel(20.0, 20.0);
    let (lon, lat) = place.point(x, y).unwrap();
    let georef = Georef {
        transform: Some(GeoTransform([lon, 0.0001, 0.0, lat, 0.0, -0.0001])),
        crs: Some(Crs::wgs84().unwrap()),
        ..Georef::default()
    };
    let target = Grid {
        width: 200,
        height: 180,
        georef,
    };
    let (labels, report) = import_labels(&path, &target, None).unwrap();
    assert!(
        report
            .notes
            .iter()
            .any(|note| note.contains("another grid")),
        "{report:?}"
    );
    let (exact, _) = import_labels(&path, &source, None).unwrap();
    let back = Reprojection::new(&Crs::wgs84().unwrap(), source.crs().unwrap()).unwrap();
    let inverse = source.transform().inverse().unwrap();
    let mut checked = 0;
    for row in 0..180 {
        for col in 0..200 {
            let (lon, lat) = target
                .transform()
                .map_from_pixel(col as f64 + 0.5, row as f64 + 0.5);
            let (x, y) = back.point(lon, lat).unwrap();
            let (x, y) = inverse.map_from_pixel(x, y);
            let near_edge = [x, y]
                .iter()
                .any(|value| (value - value.round()).abs() < 0.06);
            if x >= 0.0 && y >= 0.0 && !near_edge {
                assert_eq!(
                    labels.painted(col, row),
                    exact.painted(x as usize, y as usize),
                    "{col} {row}"
                );
                checked += usize::from(labels.painted(col, row) != 0);
            }
        }
    }
    assert!(checked > 10_000, "{checked}");
    assert_eq!(
        labels
            .class(40)
            .map(|class| (class.name.as_str(), class.color)),
        Some(("cropland", [0xf0, 0x96, 0xff]))
    );
    let far = Grid {
        width: 10,
        height: 10,
        georef: grid(1, 1).georef,
    };
    assert!(
        import_labels(&path, &far, None)
            .unwrap_err()
            .to_string()
            .contains("outside the scene")
    );
    // An image of numbers in between is no label raster.
    let image = data.join("s1_camargue");
    let image = std::fs::read_dir(image)
        .unwrap()
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "tif"))
        .unwrap();
    let grid = Raster::open(&image).unwrap().info().grid.clone();
    let error = import_labels(&image, &grid, None).unwrap_err().to_string();
    assert!(
        error.contains("no class code") || error.contains("more than 255"),
        "{error}"
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
