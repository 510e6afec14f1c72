//! The label files of real scenes against their rasters, and label rasters on other grids.

use std::path::PathBuf;

use super::*;
use crate::{Crs, Georef, Raster, Resampling, export_labels};

fn sorted_pixels(labels: &Labels) -> Vec<(usize, usize, u8)> {
    let mut pixels: Vec<_> = labels
        .pixels()
        .iter()
        .map(|pixel| (pixel.row, pixel.col, pixel.class_id))
        .collect();
    pixels.sort_unstable();
    pixels
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
        note: None,
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
        georef: Georef {
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
        },
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
