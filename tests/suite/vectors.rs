//! Vector files from disk to picture: every format with points, lines, polygons and holes, their places against GDAL's own
//! tools, and what the command line says and draws.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use terroir_scene::{
    ColumnKind, Crs, PartKind, VectorLayer, place_vectors_blocking, read_vector_blocking,
    vector_tables,
};

use crate::program::{repository, run, shared_data};

/// GDAL's converter; says SKIPPED where it is not installed.
fn ogr2ogr(arguments: &[&str], folder: &Path) -> Option<()> {
    let output = match Command::new("ogr2ogr")
        .args(arguments)
        .current_dir(folder)
        .output()
    {
        Ok(output) => output,
        Err(_) => {
            eprintln!("SKIPPED: ogr2ogr is not installed");
            return None;
        }
    };
    assert!(
        output.status.success(),
        "ogr2ogr {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(())
}

fn read(path: &Path, table: Option<&str>) -> VectorLayer {
    read_vector_blocking(path, table, &Default::default()).unwrap()
}

fn feature(geometry: &str, name: Option<&str>, count: i64, share: f64) -> String {
    let name = name.map_or("null".to_owned(), |name| format!("\"{name}\""));
    format!(
        r#"{{"type":"Feature","properties":{{"name":{name},"count":{count},"share":{share}}},"geometry":{geometry}}}"#
    )
}

fn collection(features: &[String]) -> String {
    format!(
        r#"{{"type":"FeatureCollection","features":[{}]}}"#,
        features.join(",")
    )
}

const POLYGON: &str = r#"{"type":"Polygon","coordinates":[[[13,52],[13.1,52],[13.1,52.1],[13,52.1],[13,52]],[[13.04,52.04],[13.06,52.04],[13.06,52.06],[13.04,52.06],[13.04,52.04]]]}"#;
const TWO_POLYGONS: &str = r#"{"type":"MultiPolygon","coordinates":[[[[13.2,52],[13.3,52],[13.3,52.1],[13.2,52]]],[[[13.4,52],[13.5,52],[13.5,52.1],[13.4,52]]]]}"#;
const LINE: &str = r#"{"type":"LineString","coordinates":[[13,52,7],[13.1,52.1,8],[13.2,52,9]]}"#;
const TWO_LINES: &str =
    r#"{"type":"MultiLineString","coordinates":[[[13,52],[13.1,52]],[[13,52.2],[13.1,52.2]]]}"#;
const POINT: &str = r#"{"type":"Point","coordinates":[13.05,52.05]}"#;
const TWO_POINTS: &str = r#"{"type":"MultiPoint","coordinates":[[13,52],[13.1,52.1]]}"#;

/// Kind and vertices of each ring, part by part.
fn parts(layer: &VectorLayer) -> Vec<(PartKind, Vec<usize>)> {
    (0..layer.shapes.parts())
        .map(|part| {
            let part = layer.shapes.part(part).unwrap();
            (part.kind, part.rings().map(<[_]>::len).collect())
        })
        .collect()
}

/// The same shapes through GeoJSON, GeoPackage, FlatGeobuf and Shapefile come out the same.
#[test]
fn every_format_gives_the_same_shapes_and_attributes() {
    use PartKind::{Line, Point, Polygon};
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (
            "polygons",
            [POLYGON, TWO_POLYGONS],
            vec![
                (Polygon, vec![4, 4]),
                (Polygon, vec![3]),
                (Polygon, vec![3]),
            ],
        ),
        (
            "lines",
            [LINE, TWO_LINES],
            vec![(Line, vec![3]), (Line, vec![2]), (Line, vec![2])],
        ),
        (
            "points",
            [POINT, TWO_POINTS],
            vec![(Point, vec![1]), (Point, vec![1]), (Point, vec![1])],
        ),
    ];
    for (name, geometries, expected) in cases {
        let json = folder.path().join(format!("{name}.geojson"));
        let text = collection(&[
            feature(geometries[0], Some("Müsli"), 3, 0.25),
            feature(geometries[1], None, -7, 12.5),
        ]);
        std::fs::write(&json, text).unwrap();
        let source = json.display().to_string();
        for ending in ["geojson", "gpkg", "fgb", "shp"] {
            // A Shapefile has no mixed points and multipoints.
            if ending == "shp" && name == "points" {
                continue;
            }
            let path = folder.path().join(format!("{name}.{ending}"));
            if ending != "geojson" {
                let target = path.display().to_string();
                let mut arguments = vec![target.as_str(), source.as_str(), "-dim", "XY"];
                if ending == "fgb" {
                    arguments.extend(["-lco", "SPATIAL_INDEX=NO"]);
                }
                if ogr2ogr(&arguments, folder.path()).is_none() {
                    return;
                }
            }
            let layer = read(&path, None);
            assert_eq!(parts(&layer), expected, "{}", path.display());
            assert_eq!(layer.features(), 2);
            assert_eq!((layer.broken, layer.empty), (0, 0));
            assert_eq!(layer.crs.as_ref().and_then(|crs| crs.epsg), Some(4326));
            let kinds: Vec<(&str, ColumnKind)> = layer
                .columns
                .iter()
                .map(|column| (column.name.as_str(), column.kind))
                .collect();
            assert_eq!(
                kinds,
                [
                    ("name", ColumnKind::Text),
                    ("count", ColumnKind::Integer),
                    ("share", ColumnKind::Real)
                ]
            );
            let texts = |feature: usize| {
                layer
                    .columns
                    .iter()
                    .map(|column| column.text(feature))
                    .collect::<Vec<_>>()
            };
            let some = |text: &str| Some(text.to_owned());
            assert_eq!(texts(0), [some("Müsli"), some("3"), some("0.25")]);
            assert_eq!(texts(1), [None, some("-7"), some("12.5")]);
        }
    }
}

/// A Shapefile says its encoding in a .cpg beside it.
#[test]
fn shapefiles_follow_their_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("a.geojson");
    std::fs::write(
        &json,
        collection(&[feature(POLYGON, Some("Größe œuf"), 1, 1.0)]),
    )
    .unwrap();
    let arguments = ["b.shp", "a.geojson", "-lco", "ENCODING=CP1252"];
    if ogr2ogr(&arguments, folder.path()).is_none() {
        return;
    }
    let bytes = std::fs::read(folder.path().join("b.dbf")).unwrap();
    assert!(bytes.windows(4).any(|four| four == b"Gr\xf6\xdf"));
    assert!(folder.path().join("b.cpg").is_file());
    let layer = read(&folder.path().join("b.shp"), None);
    assert_eq!(layer.columns[0].text(0).as_deref(), Some("Größe œuf"));
}

/// Curves become lines, collections fall into their parts, heights are dropped, faults are counted.
#[test]
fn odd_geometries_are_read_as_far_as_they_go() {
    let folder = tempfile::tempdir().unwrap();
    let rows = [
        r#""CURVEPOLYGON (CIRCULARSTRING (0 0,10 0,10 10,0 10,0 0))",circle"#,
        r#""GEOMETRYCOLLECTION Z (POINT Z (1 2 3),LINESTRING Z (0 0 0,5 5 5),POLYGON Z ((0 0 1,1 0 1,1 1 1,0 0 1)))",mixed"#,
        r#""POLYGON ((0 0,1 1,0 0))",flat"#,
        r#""POLYGON EMPTY",empty"#,
        r#","nothing""#,
        r#""TIN Z (((0 0 0,1 0 0,0 1 0,0 0 0)),((1 0 0,1 1 0,0 1 0,1 0 0)))",tin"#,
    ];
    let path = folder.path().join("odd.csv");
    std::fs::write(&path, format!("WKT,name\n{}\n", rows.join("\n"))).unwrap();
    let layer = read(&path, None);
    assert_eq!(layer.features(), 6);
    assert_eq!((layer.broken, layer.empty), (1, 2));
    let counts: Vec<usize> = (0..6).map(|at| layer.shapes.feature(at).count()).collect();
    assert_eq!(counts, [1, 3, 0, 0, 0, 2]);
    let circle = layer.shapes.feature(0).next().unwrap();
    let ring = circle.rings().next().unwrap();
    assert!(ring.len() > 40);
    let center = [5.0, 5.0];
    for [x, y] in ring {
        let radius = (x - center[0]).hypot(y - center[1]);
        assert!((radius - 50.0_f64.sqrt()).abs() < 1e-9);
    }
    let complaint = layer.complaint().unwrap();
    assert!(
        complaint.contains("1 shape with broken geometry"),
        "{complaint}"
    );
    assert!(
        complaint.contains("2 shapes without geometry"),
        "{complaint}"
    );
}

#[test]
fn files_with_several_layers_are_told_and_read_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, geometry: &str| {
        let text = collection(&[feature(geometry, Some(name), 1, 1.0)]);
        std::fs::write(folder.path().join(format!("{name}.geojson")), text).unwrap();
    };
    write("fields", POLYGON);
    write("roads", LINE);
    let first = ["both.gpkg", "fields.geojson"];
    let second = ["-update", "both.gpkg", "roads.geojson"];
    if ogr2ogr(&first, folder.path()).is_none() || ogr2ogr(&second, folder.path()).is_none() {
        return;
    }
    let path = folder.path().join("both.gpkg");
    let tables = vector_tables(&path).unwrap().unwrap();
    let names: Vec<&str> = tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["fields", "roads"]);
    assert_eq!(
        read(&path, Some("roads")).columns[0].text(0).as_deref(),
        Some("roads")
    );
    assert_eq!(read(&path, None).table, "fields");
    let error = read_vector_blocking(&path, Some("rivers"), &Default::default()).unwrap_err();
    assert!(error.to_string().contains("fields, roads"), "{error}");
    // A raster is no vector file.
    let scene = repository().join("assets");
    assert!(scene.is_dir());
    run(folder.path(), &["info", "both.gpkg"]).done();
    let json = run(folder.path(), &["info", "--json", "both.gpkg"]).json();
    assert_eq!(json["layers"][1]["name"], "roads");
    assert_eq!(json["layers"][0]["vertices"], 8);
    assert_eq!(json["layers"][0]["epsg"], 4326);
}

/// Every vertex lies where `ogr2ogr -t_srs` puts it, to a millimetre.
#[test]
fn real_polygons_are_placed_as_gdal_places_them() {
    let Some(data) = shared_data("placing real polygons") else {
        return;
    };
    let labels = data.join("s2_berlin/labels.geojson");
    let folder = tempfile::tempdir().unwrap();
    let source = labels.display().to_string();
    let layer = read(&labels, None);
    assert!(layer.features() > 100);
    for code in [32633, 3857, 3035, 4258] {
        let target = format!("b{code}.gpkg");
        let system = format!("EPSG:{code}");
        let arguments = [target.as_str(), source.as_str(), "-t_srs", system.as_str()];
        if ogr2ogr(&arguments, folder.path()).is_none() {
            return;
        }
        let theirs = read(&folder.path().join(&target), None);
        let crs = Crs::parse(&system).unwrap();
        let ours = place_vectors_blocking(&layer, Some(&crs), &AtomicBool::new(false)).unwrap();
        let unit = if crs.is_geographic { 1e-8 } else { 1e-3 };
        for feature in 0..layer.features() {
            let vertices = |store: &terroir_scene::ShapeStore| -> Vec<[f64; 2]> {
                store
                    .feature(feature)
                    .flat_map(|part| part.rings().flatten().copied().collect::<Vec<_>>())
                    .collect()
            };
            let (ours, theirs) = (vertices(&ours.shapes), vertices(&theirs.shapes));
            assert!(ours.len() >= theirs.len());
            // Ours may have more where an edge bends; the order is the same.
            let mut rest = ours.iter();
            for [x, y] in theirs {
                let found = rest.any(|[a, b]| (a - x).hypot(b - y) < unit);
                assert!(found, "EPSG:{code}, shape {feature}: {x} {y}");
            }
        }
    }
}

/// The command line draws what the file says: class colours inside the polygons and the scene as it was elsewhere.
#[test]
fn render_draws_shapes_over_a_scene() {
    let Some(data) = shared_data("drawing real polygons") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let scene = data.join("s2_berlin/S2A_L1C_20170216_10m.tif");
    let labels = data.join("s2_berlin/labels.geojson").display().to_string();
    let scene = scene.display().to_string();
    let draw = |out: &str, more: &[&str]| -> PathBuf {
        let mut arguments = vec!["render", scene.as_str(), "--size", "600", "--out", out];
        arguments.extend(more);
        run(folder.path(), &arguments).done();
        folder.path().join(out)
    };
    let plain = pixels(&draw("plain.png", &[]));
    let styled = pixels(&draw(
        "styled.png",
        &["--vectors", &labels, "--style-by", "class_name"],
    ));
    assert_eq!(plain.len(), styled.len());
    let changed = |plain: &[u8], styled: &[u8]| {
        let pairs = plain.chunks_exact(4).zip(styled.chunks_exact(4));
        // Corners of a reprojected picture are empty.
        let seen: Vec<bool> = pairs
            .filter(|(a, _)| a[3] > 0)
            .map(|(a, b)| a != b)
            .collect();
        seen.iter().filter(|differs| **differs).count() as f64 / seen.len() as f64
    };
    let share = changed(&plain, &styled);
    // In another coordinate system the same ground is covered.
    let turned = pixels(&draw("turned.png", &["--crs", "EPSG:3035"]));
    let turned_styled = pixels(&draw(
        "turned_styled.png",
        &[
            "--crs",
            "EPSG:3035",
            "--vectors",
            &labels,
            "--style-by",
            "class_name",
        ],
    ));
    let turned_share = changed(&turned, &turned_styled);
    assert!(
        (turned_share / share - 1.0).abs() < 0.1,
        "{turned_share} of the reprojected picture changed, {share} of the plain one"
    );
    assert!(
        (0.005..0.6).contains(&share),
        "{share} of the picture changed"
    );
    let arguments = [
        "render",
        &scene,
        "--out",
        "c.png",
        "--vectors",
        &labels,
        "--style-by",
        "crop",
    ];
    run(folder.path(), &arguments).failed(1, &["crop", "class_name"]);
}

fn pixels(path: &Path) -> Vec<u8> {
    let file = std::io::BufReader::new(std::fs::File::open(path).unwrap());
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut bytes).unwrap();
    bytes
}

/// Inside the area a field and a map are what they are without one; outside they are nodata. Provenance names the area.
#[test]
fn jobs_work_inside_the_area_of_interest_only() {
    use terroir_engine::{EmbedSpec, JobSpec, PredictSpec, reproduce_spec, run_here};
    use terroir_scene::{
        AreaSpec, Class, FIELD_AXES, FIELD_NODATA, Grid, HeadKind, LinearHead, MapKind, MapWriter,
        Raster, Resampling,
    };
    const SIZE: (usize, usize) = (64, 40);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let grid = Grid {
        width: SIZE.0,
        height: SIZE.1,
        georef: Default::default(),
    };
    let bands = (0..4)
        .map(|b| (format!("layer {b}"), String::new()))
        .collect();
    let ramp = "viridis".to_owned();
    let kind = MapKind::Continuous { bands, ramp };
    let mut writer = MapWriter::create(&path("scene.tif"), &grid, kind).unwrap();
    let values: Vec<f32> = (0..4)
        .flat_map(|band| {
            (0..SIZE.0 * SIZE.1).map(move |at| ((at * (band + 3)) % 17 + band * at / 64) as f32)
        })
        .collect();
    writer.write_floats(grid.window(), &values).unwrap();
    writer.finish(&Vec::new()).unwrap();
    // Columns 10 to 29, whichever way rows count.
    let ring = "[[10,-900],[30,-900],[30,900],[10,900],[10,-900]]";
    let polygon = |ring: &str| format!(r#"{{"type":"Polygon","coordinates":[{ring}]}}"#);
    let other = "[[40,-900],[50,-900],[50,900],[40,900],[40,-900]]";
    let fields = [
        feature(&polygon(ring), None, 1, 1.0),
        feature(&polygon(other), None, 2, 1.0),
    ];
    std::fs::write(path("area.geojson"), collection(&fields)).unwrap();
    let area = Some(AreaSpec {
        file: path("area.geojson").display().to_string(),
        part: Some("count=1".parse().unwrap()),
    });
    let run = |spec: &JobSpec| run_here(spec, &mut |_| {}, &|| false).unwrap();

    let whole = EmbedSpec {
        scene: path("scene.tif"),
        model: "dofa-tiny".to_owned(),
        weights: None,
        device: "cpu".to_owned(),
        out: path("whole.tif"),
        wavelengths_nm: vec![(0, 650.0), (1, 560.0), (2, 480.0), (3, 842.0)],
        bands: Vec::new(),
        seed: 0,
        aoi: None,
    };
    let part = EmbedSpec {
        out: path("part.tif"),
        aoi: area.clone(),
        ..whole.clone()
    };
    run(&JobSpec::Embed(whole));
    run(&JobSpec::Embed(part.clone()));
    let codes = |name: &str| {
        let raster = Raster::open(&path(name)).unwrap();
        assert!(raster.info().grid.same_as(&grid));
        raster
            .read_codes_blocking(grid.window(), SIZE.0, SIZE.1)
            .unwrap()
    };
    let (all, some) = (codes("whole.tif"), codes("part.tif"));
    let pixels = SIZE.0 * SIZE.1;
    for at in 0..pixels * FIELD_AXES {
        let inside = (10..30).contains(&(at % pixels % SIZE.0));
        assert_eq!(
            some[at],
            if inside { all[at] } else { FIELD_NODATA },
            "{at}"
        );
    }
    let made = reproduce_spec(&path("part.tif")).unwrap();
    assert_eq!(made, [JobSpec::Embed(part)]);
    assert!(terroir_engine::command_line(&made[0]).contains("--aoi-where count=1"));

    let class = |id: u8| Class {
        id,
        name: format!("class {id}"),
        color: [10 * id, 20, 30],
    };
    let mut weights = vec![vec![0.0; FIELD_AXES]; 2];
    weights[0][0] = 4.0;
    weights[1][1] = 4.0;
    let head = LinearHead {
        schema: 1,
        kind: HeadKind::Ridge,
        classes: vec![class(1), class(2)],
        weights,
        bias: vec![0.0, 0.0],
        temperature: 1.0,
        provenance: serde_json::Map::new(),
    };
    head.save(&path("head.json")).unwrap();
    for (name, aoi) in [("map.tif", None), ("inside.tif", area)] {
        run(&JobSpec::Predict(PredictSpec {
            probabilities: false,
            uncertainty: None,
            field: path("whole.tif"),
            head: path("head.json"),
            out: path(name),
            aoi,
        }));
    }
    let classes = |name: &str| {
        let raster = Raster::open(&path(name)).unwrap();
        raster
            .read_blocking(&[0], grid.window(), SIZE.0, SIZE.1, Resampling::Nearest)
            .unwrap()
    };
    let (map, inside) = (classes("map.tif"), classes("inside.tif"));
    for at in 0..pixels {
        let is_in = (10..30).contains(&(at % SIZE.0));
        assert_eq!(inside.valid[at], is_in, "{at}");
        if is_in {
            assert_eq!(inside.values[at], map.values[at]);
        }
    }
}
