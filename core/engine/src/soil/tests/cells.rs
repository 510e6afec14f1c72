//! Coarse grids as labels: each cell stands for the mean over its ground.

use super::*;

#[test]
fn a_coarse_grid_teaches_by_the_mean_of_its_cells() {
    const CELL: usize = 8;
    const CELLS: usize = SIDE / CELL;
    let folder = tempfile::tempdir().expect("a folder");
    let mut spec = place(folder.path(), 1);
    let coarse = Grid {
        width: CELLS,
        height: CELLS,
        georef: Georef {
            transform: Some(GeoTransform([
                500_000.0,
                160.0,
                0.0,
                4_000_000.0,
                0.0,
                -160.0,
            ])),
            ..grid().georef
        },
    };
    let days: Vec<i64> = (0..DAYS).step_by(3).collect();
    let kind = MapKind::Continuous {
        bands: days
            .iter()
            .map(|after| (format!("swvl1 {}", day(*after)), "m3/m3".to_owned()))
            .collect(),
        ramp: "viridis".to_owned(),
    };
    let mean = |col: usize, after: i64| {
        let sum: f64 = (0..CELL).map(|at| truth(col * CELL + at, after)).sum();
        sum / CELL as f64
    };
    let path = folder.path().join("swvl1.tif");
    let mut writer = MapWriter::create(&path, &coarse, kind).expect("a file");
    let values: Vec<f32> = days
        .iter()
        .flat_map(|after| (0..CELLS * CELLS).map(move |cell| mean(cell % CELLS, *after) as f32))
        .collect();
    writer
        .write_floats(coarse.window(), &values)
        .expect("written");
    writer.finish(&Vec::new()).expect("finished");
    spec.stations = vec![path];
    let outcome = run(&spec).expect("done");
    let (mean_alone, ridge) = (
        metric(&outcome, "mean_station_rmse"),
        metric(&outcome, "ridge_station_rmse"),
    );
    assert!(
        ridge < 0.35 * mean_alone && ridge < 0.02,
        "{mean_alone} {ridge}"
    );
    for (col, value) in values_of_first_row(&spec).into_iter().enumerate() {
        assert!((value - truth(col, 97)).abs() < 0.03, "{col}: {value}");
    }
    let text = std::fs::read_to_string(spec.out.join("report.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let soil = &report["soil_moisture"];
    assert_eq!(
        soil["per_station"].as_array().map(Vec::len),
        Some(CELLS * CELLS)
    );
    assert_eq!(soil["per_station"][0]["cell_m"][0].as_f64(), Some(160.0));
    assert_eq!(soil["depth_m"][1].as_f64(), Some(0.07));

    // Every cell is compared with all of its ground, not with the pixel in its middle.
    let mut tables =
        terroir_scene::StationTables::open_blocking(&spec.stations, &spec.reading).expect("cells");
    let archive = spec.archive.as_ref().expect("images");
    let mut quiet = |_| {};
    let monitor = crate::monitor::Monitor::new(crate::JobId(0), &|| None, &mut quiet);
    let Ok(images) = crate::soil::images::Images::open(archive, &mut tables, &monitor) else {
        panic!("images");
    };
    assert_eq!(images.grounds[0].len(), CELL * CELL);
    let index = images
        .names
        .iter()
        .position(|name| name.to_lowercase().contains("ndmi"))
        .expect("an index of wetness");
    let seen = images.histories[0].on(day(60), 30.0).expect("clear")[index];
    let swir = |col: usize| 0.45 - 0.6 * truth(col, 60) as f32;
    // Stations come in the order of their names.
    let start = images.pixels[0].0 / CELL * CELL;
    let wanted: f32 = (start..start + CELL)
        .map(|col| (0.30 - swir(col)) / (0.30 + swir(col)))
        .sum::<f32>()
        / CELL as f32;
    assert!((seen - wanted).abs() < 1e-5, "{seen} {wanted}");
}

fn values_of_first_row(spec: &SoilSpec) -> Vec<f64> {
    let found = values(&spec.map_path(day(97)));
    found.into_iter().take(SIDE).map(f64::from).collect()
}
