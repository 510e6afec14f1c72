//! What leaves the program for others: map sheets as PDF and PNG, fields in our own coding, class maps with styles beside them.

use std::path::Path;

use egui::OutputCommand;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use terroir::window::Window;
use terroir_scene::{
    Class, Crs, FieldProduct, GeoTransform, Georef, Grid, Labels, LayerSource, MapKind, MapWriter,
    Raster, Resampling, Window as Part, import_labels, save_project,
};

use crate::golden;
use crate::program::{run, sample, terroir};
use crate::window::{CTRL, open, press, settle, wait, wait_until};

fn write_map(folder: &Path) {
    let grid = Grid {
        width: 90,
        height: 60,
        georef: Georef {
            transform: Some(GeoTransform([
                500_000.0,
                10.0,
                0.0,
                4_000_000.0,
                0.0,
                -10.0,
            ])),
            crs: Crs::parse("EPSG:32629").ok(),
            ..Georef::default()
        },
    };
    let class = |id: u8, name: &str, color: [u8; 3]| Class {
        id,
        name: name.to_owned(),
        color,
    };
    let classes = vec![
        class(1, "maize", [240, 228, 66]),
        class(2, "wheat & rye", [0, 114, 178]),
    ];
    let kind = MapKind::Classes(classes);
    let mut writer = MapWriter::create(&folder.join("map.tif"), &grid, kind).unwrap();
    let ids: Vec<u8> = (0..90 * 60).map(|at| 1 + u8::from(at % 90 > 50)).collect();
    writer.write_bytes(grid.window(), &ids).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

#[test]
fn a_map_becomes_a_sheet_with_its_legend() {
    let folder = tempfile::tempdir().unwrap();
    write_map(folder.path());
    let lay = |out: &str, more: &[&str]| {
        let mut words = vec!["layout", "map.tif", "--out", out];
        words.extend(more);
        run(folder.path(), &words)
    };
    lay(
        "sheet.png",
        &[
            "--title",
            "Crops of the valley",
            "--date",
            "2021-07-28",
            "--dpi",
            "100",
            "--attribution",
            "Contains modified Copernicus Sentinel data 2021",
        ],
    )
    .done();
    let (width, height, pixels) = pixels_of(&folder.path().join("sheet.png"));
    assert_eq!(
        (width, height),
        (1169, 827),
        "A4 across at 100 dots an inch"
    );
    let count = |color: [u8; 3]| pixels.iter().filter(|pixel| pixel[..3] == color).count();
    // Both classes are on the map and in the legend, on white paper.
    assert!(count([240, 228, 66]) > 100_000 && count([0, 114, 178]) > 100_000);
    assert!(count([255, 255, 255]) > 200_000);

    lay("sheet.pdf", &["--page", "a3-portrait"]).done();
    let pdf = std::fs::read(folder.path().join("sheet.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-") && pdf.len() > 3000);
    lay("sheet.docx", &[]).failed(2, &[".pdf, .png or .svg"]);
}

/// Width, height and RGBA of a picture.
fn pixels_of(path: &Path) -> (usize, usize, Vec<[u8; 4]>) {
    let file = std::fs::File::open(path).unwrap();
    let mut reader = png::Decoder::new(std::io::BufReader::new(file))
        .read_info()
        .unwrap();
    let (width, height) = (reader.info().width, reader.info().height);
    let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut bytes).unwrap();
    let (pixels, _) = bytes.as_chunks();
    (width as usize, height as usize, pixels.to_vec())
}

#[test]
fn a_project_is_drawn_as_it_was_saved() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    write_map(here);
    let mut harness = open(vec![here.join("map.tif")]);
    wait(&mut harness, "opening the map", |window| {
        !window.document().layers.is_empty()
    });
    let mut document = harness.state().document().clone();
    drop(harness);
    let info = document.layers[0].raster_info().unwrap().clone();
    let mut labels = Labels::new(info.grid.clone());
    let class = labels.add_class("flooded").unwrap();
    labels.recolor_class(class, [12, 34, 56]);
    labels.paint_stroke((70.5, 20.5), (80.5, 20.5), 9.0, class, false);
    document.labels = Some(labels);
    let mut above = (*document.layers[0]).clone();
    (above.source, above.style) = (LayerSource::Labels, None);
    above.opacity = 0.5;
    document.add_layer(above);
    let mut hidden = (*document.layers[1]).clone();
    hidden.visible = false;
    document.add_layer(hidden);
    save_project(&document, &here.join("valley.terroir")).unwrap();

    let (maize, wheat) = ([240, 228, 66, 255], [0, 114, 178, 255]);
    run(
        here,
        &[
            "render",
            "valley.terroir",
            "--out",
            "all.png",
            "--world-file",
        ],
    )
    .done();
    let (width, height, pixels) = pixels_of(&here.join("all.png"));
    assert_eq!((width, height), (90, 60), "no finer than the finest layer");
    assert_eq!(pixels[10 * 90 + 20], maize);
    assert_eq!(pixels[50 * 90 + 75], wheat);
    // Half of the label, half of the map below it.
    assert_eq!(pixels[20 * 90 + 75], [6, 74, 117, 255]);
    let place = std::fs::read_to_string(here.join("all.pgw")).unwrap();
    assert!(place.starts_with("10\n0\n0\n-10\n500005\n"), "{place}");

    // A part of it, and the whole in another system.
    let bounds = "500700,3999700,500800,3999900";
    let words = [
        "render",
        "valley.terroir",
        "--bounds",
        bounds,
        "--out",
        "part.png",
    ];
    run(here, &words).done();
    let (width, height, pixels) = pixels_of(&here.join("part.png"));
    assert_eq!((width, height), (10, 20));
    assert_eq!(pixels[10 * 10 + 5], [6, 74, 117, 255]);
    assert_eq!(pixels[19 * 10 + 5], wheat);
    let degrees = [
        "render",
        "valley.terroir",
        "--crs",
        "EPSG:4326",
        "--out",
        "world.png",
    ];
    run(here, &degrees).done();
    let (.., pixels) = pixels_of(&here.join("world.png"));
    for color in [maize, wheat, [6, 74, 117, 255]] {
        assert!(
            pixels.iter().filter(|pixel| **pixel == color).count() > 20,
            "{color:?}"
        );
    }

    // As a sheet, with the legend of the map below the labels.
    run(here, &["layout", "valley.terroir", "--out", "sheet.svg"]).done();
    let sheet = std::fs::read_to_string(here.join("sheet.svg")).unwrap();
    for word in ["<title>valley", "fill=\"#f0e442\"", "fill=\"#0072b2\""] {
        assert!(sheet.contains(word), "{word}");
    }

    let refused = |more: &[&str], words: &[&str], code: i32| {
        let mut all = vec!["render", "valley.terroir", "--out", "none.png"];
        all.extend(more);
        run(here, &all).failed(code, words);
    };
    refused(&["--bands", "1"], &["--bands is for a raster"], 2);
    refused(&["--ramp", "viridis"], &["--ramp is for a raster"], 2);
    refused(
        &["--bounds", "5,5,1,1"],
        &["east must be larger than west"],
        2,
    );
    refused(
        &["--bounds", "1,1,5,5"],
        &["nothing that is visible lies there"],
        1,
    );
    // What is left of a project whose map was moved away, said so.
    std::fs::remove_file(here.join("map.tif")).unwrap();
    let left = run(here, &["render", "valley.terroir", "--out", "left.png"]);
    assert!(left.stderr.contains("map.tif"), "{}", left.stderr);
    left.done();
    let (.., pixels) = pixels_of(&here.join("left.png"));
    assert_eq!(pixels[20 * 90 + 75], [12, 34, 56, 128]);
    assert!(!here.join("none.png").exists());
}

#[test]
fn a_map_is_described_for_catalogues_and_coloured_for_others_on_request() {
    let folder = tempfile::tempdir().unwrap();
    write_map(folder.path());
    let words = [
        "export",
        "map.tif",
        "--out",
        "fresh.tif",
        "--beside",
        "stac,clr,txt",
        "--json",
    ];
    let told = run(folder.path(), &words).json();
    let listed = told["files"].to_string();
    assert!(
        listed.contains("fresh.stac.json") && listed.contains("fresh.txt"),
        "{listed}"
    );
    let text = std::fs::read_to_string(folder.path().join("fresh.stac.json")).unwrap();
    let item: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(item["stac_version"], "1.0.0");
    assert_eq!(item["properties"]["proj:epsg"], 32629);
    let classes = &item["assets"]["map"]["classification:classes"];
    assert_eq!(classes[1]["description"], "wheat & rye");
    let table = std::fs::read_to_string(folder.path().join("fresh.clr")).unwrap();
    assert_eq!(table.lines().next(), Some("1 240 228 66 255 maize"));
    // The map with its item opens as the map it is.
    let info = run(folder.path(), &["info", "fresh.tif", "--json"]).json();
    assert_eq!(
        (&info["is_class_map"], &info["width"]),
        (&true.into(), &90.into())
    );
    run(
        folder.path(),
        &["export", "map.tif", "--out", "a.png", "--beside", "stac"],
    )
    .failed(2, &["--beside"]);
    run(
        folder.path(),
        &["export", "map.tif", "--out", "b.tif", "--beside", "kml"],
    )
    .failed(2, &["stac, clr and txt"]);
}

#[test]
fn missing_pixels_are_transparent_or_in_the_colour_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let text =
        "ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 10\nNODATA_value -1\n1 -1\n3 4\n";
    std::fs::write(folder.path().join("four.asc"), text).unwrap();
    let second_pixel = |more: &[&str]| {
        let mut words = vec!["render", "four.asc", "--size", "2", "--out", "view.png"];
        words.extend(more);
        run(folder.path(), &words).done();
        let file = std::fs::File::open(folder.path().join("view.png")).unwrap();
        let mut reader = png::Decoder::new(std::io::BufReader::new(file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut pixels).unwrap();
        assert_eq!(pixels.len(), 16);
        assert!([3, 11, 15].iter().all(|alpha| pixels[*alpha] == 255));
        pixels[4..8].to_vec()
    };
    assert_eq!(second_pixel(&[]), [0; 4]);
    assert_eq!(
        second_pixel(&["--nodata-color", "#ff00fe"]),
        [255, 0, 254, 255]
    );
    let wrong = [
        "render",
        "four.asc",
        "--out",
        "view.png",
        "--nodata-color",
        "pink",
    ];
    run(folder.path(), &wrong).failed(2, &["six hexadecimal digits"]);
}

#[test]
fn a_field_is_written_anew_with_every_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut fields = vec![sample().join("field.tif")];
    fields.extend(golden::file("data/aef/layout_iowa_ag_y1_bottomup.tif"));
    for field in fields.iter().filter(|field| field.exists()) {
        let words = ["export", field.to_str().unwrap(), "--out", "copy.tif"];
        run(folder.path(), &words).done();
        let (first, second) = (
            Raster::open(field).unwrap(),
            Raster::open(&folder.path().join("copy.tif")).unwrap(),
        );
        assert!(second.info().is_field());
        assert!(first.info().grid.same_as(&second.info().grid));
        let window = first.info().grid.window();
        let codes = |raster: &Raster| {
            raster
                .read_codes_blocking(window, window.width, window.height)
                .unwrap()
        };
        assert_eq!(codes(&first), codes(&second), "{}", field.display());
        // Whoever reads the copy alone learns whom to credit, and so does the picture and the sheet.
        if let Some(product) = FieldProduct::of(first.info())
            && let Some(words) = product.attribution
        {
            assert_eq!(second.info().metadata_item("ATTRIBUTION"), Some(&*words));
            run(
                folder.path(),
                &["render", "copy.tif", "--out", "copy.png", "--size", "64"],
            )
            .done();
            let file = std::fs::File::open(folder.path().join("copy.png")).unwrap();
            let reader = png::Decoder::new(std::io::BufReader::new(file))
                .read_info()
                .unwrap();
            let texts = &reader.info().utf8_text;
            let text = texts.iter().find(|text| text.keyword == "Copyright");
            assert!(text.unwrap().get_text().unwrap().starts_with(&words));
            // Letters are outlines there, so a sheet with words of credit is longer than one without.
            let length = |out: &str, more: &[&str]| {
                let mut words = vec!["layout", "copy.tif", "--out", out];
                words.extend(more);
                run(folder.path(), &words).done();
                std::fs::metadata(folder.path().join(out)).unwrap().len()
            };
            assert!(length("copy.svg", &[]) > length("bare.svg", &["--attribution", ""]));
        }
    }
}

/// Numbers as they are stored, whatever their scale.
fn stored(raster: &Raster, bands: &[usize], window: Part) -> Vec<f32> {
    let (width, height) = (window.width, window.height);
    let block = raster.read_blocking(bands, window, width, height, Resampling::Nearest);
    block.unwrap().values
}

#[test]
fn a_part_of_a_scene_is_written_anew_with_its_numbers_type_scale_and_names() {
    let folder = tempfile::tempdir().unwrap();
    let scene = sample().join("S2_2021-07-28.tif");
    let first = Raster::open(&scene).unwrap();
    let part = Part {
        col: 10,
        row: 20,
        width: 60,
        height: 50,
    };
    let path = scene.display().to_string();
    let words = ["export", &path, "--bands", "8,4", "--window", "10,20,60,50"];
    let words: Vec<&str> = words.into_iter().chain(["--out", "part.tif"]).collect();
    run(folder.path(), &words).done();
    let copy = Raster::open(&folder.path().join("part.tif")).unwrap();
    let whole = Part {
        col: 0,
        row: 0,
        ..part
    };
    assert_eq!(
        stored(&copy, &[0, 1], whole),
        stored(&first, &[7, 3], part),
        "the same numbers"
    );
    for (new, old) in [(0, 7), (1, 3)] {
        let (new, old) = (&copy.info().bands[new], &first.info().bands[old]);
        assert_eq!(
            (&new.name, new.sample_type, new.scale, new.offset, &new.unit),
            (&old.name, old.sample_type, old.scale, old.offset, &old.unit)
        );
        assert_eq!(new.nodata, old.nodata);
        let nm = |band: &terroir_scene::BandInfo| band.wavelength.map(|of| of.center.nm());
        assert_eq!(nm(new), nm(old));
    }
    let corner = |raster: &Raster, col: f64, row: f64| {
        raster.info().grid.transform().map_from_pixel(col, row)
    };
    assert_eq!(corner(&copy, 0.0, 0.0), corner(&first, 10.0, 20.0));

    // Outside of an area nothing has a value; a raster without a number for that gets one, and is told so.
    let (left, top) = corner(&first, 10.0, 20.0);
    let (right, bottom) = corner(&first, 40.0, 50.0);
    let ring = [
        [left, top],
        [right, top],
        [right, bottom],
        [left, bottom],
        [left, top],
    ];
    let crs = first.info().grid.crs().unwrap().epsg.unwrap();
    let area = serde_json::json!({"type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": format!("urn:ogc:def:crs:EPSG::{crs}")}},
        "features": [{"type": "Feature", "properties": {},
            "geometry": {"type": "Polygon", "coordinates": [ring]}}]});
    std::fs::write(folder.path().join("area.geojson"), area.to_string()).unwrap();
    let clipped = [
        "export",
        &path,
        "--bands",
        "4",
        "--aoi",
        "area.geojson",
        "--out",
        "area.tif",
    ];
    run(folder.path(), &clipped).done();
    let copy = Raster::open(&folder.path().join("area.tif")).unwrap();
    let size = copy.info().grid.window();
    let block = copy
        .read_blocking(&[0], size, size.width, size.height, Resampling::Nearest)
        .unwrap();
    for (at, is_valid) in block.valid.iter().enumerate() {
        let (col, row) = (at % size.width, at / size.width);
        let is_in = (10..40).contains(&col) && (20..50).contains(&row);
        assert!(is_in || !is_valid, "{col} {row}");
    }
    assert!(block.valid.iter().filter(|is| **is).count() > 800);
    let outside = ["export", &path, "--window", "0,0,9999,9", "--out", "x.tif"];
    run(folder.path(), &outside).failed(1, &["does not lie inside"]);
    let picture = ["export", &path, "--bands", "1", "--out", "x.png"];
    run(folder.path(), &picture).failed(2, &["written as .tif"]);
}

#[test]
fn types_colours_and_photos_survive_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    // Rows of a grid whose numbers are whole, signed and beyond two bytes.
    let text = "ncols 3\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 10\nNODATA_value -9999\n70000 -9999 -3\n";
    std::fs::write(here.join("whole.asc"), text).unwrap();
    run(here, &["export", "whole.asc", "--out", "whole.tif"]).done();
    let (first, copy) = (
        Raster::open(&here.join("whole.asc")).unwrap(),
        Raster::open(&here.join("whole.tif")).unwrap(),
    );
    assert_eq!(
        copy.info().bands[0].sample_type,
        first.info().bands[0].sample_type
    );
    let size = first.info().grid.window();
    let block = copy
        .read_blocking(&[0], size, 3, 1, Resampling::Nearest)
        .unwrap();
    assert_eq!((block.values[0], block.values[2]), (70000.0, -3.0));
    assert_eq!(block.valid, [true, false, true]);
    // A photograph keeps its colours.
    let photo = sample().join("m_4709963_se_14_1_20160816_5m.tif");
    let path = photo.display().to_string();
    run(here, &["export", &path, "--out", "photo.tif"]).done();
    let (first, copy) = (
        Raster::open(&photo).unwrap(),
        Raster::open(&here.join("photo.tif")).unwrap(),
    );
    let colours = |raster: &Raster| -> Vec<String> {
        let bands = raster.info().bands.iter();
        bands
            .map(|band| band.color_interpretation.clone())
            .collect()
    };
    assert_eq!(colours(&copy), colours(&first));
    let size = first.info().grid.window();
    let all: Vec<usize> = (0..first.info().bands.len()).collect();
    assert_eq!(stored(&copy, &all, size), stored(&first, &all, size));
}

#[test]
fn a_layer_is_saved_as_a_raster_by_the_window() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.tif");
    std::fs::copy(sample().join("S2_2021-07-28.tif"), &scene).unwrap();
    let mut harness = open(vec![scene.clone()]);
    wait(&mut harness, "the scene", |window| {
        !window.document().layers.is_empty()
    });
    let row = harness.query_all_by_label_contains("scene").next().unwrap();
    row.click_secondary();
    settle(&mut harness);
    harness.get_by_label_contains("Save as").click();
    settle(&mut harness);
    let chosen = harness.get_by_label_contains("Raster as it is stored");
    assert_eq!(
        chosen.accesskit_node().toggled(),
        Some(egui::accesskit::Toggled::True)
    );
    let line = copied(&mut harness);
    assert!(line.ends_with("scene_copy.tif"), "{line}");
    run_line(&line);
    let copy = Raster::open(&folder.path().join("scene_copy.tif")).unwrap();
    let first = Raster::open(&scene).unwrap();
    let size = first.info().grid.window();
    assert_eq!(stored(&copy, &[2], size), stored(&first, &[2], size));
    // Part of it, by words that are understood or told to be none.
    harness.get_by_label("Bands").focus();
    harness.get_by_label("Bands").type_text("4, 99");
    settle(&mut harness);
    assert!(
        harness
            .query_by_label_contains("names no bands of this raster")
            .is_some()
    );
}

/// Presses *Copy as command* of the dialog in front and gives the line.
fn copied(harness: &mut Harness<'static, Window>) -> String {
    let button = harness.query_all_by_label("Copy as command").last();
    button.unwrap().click();
    for _ in 0..6 {
        harness.step();
        let commands = &harness.output().platform_output.commands;
        let line = commands.iter().find_map(|command| match command {
            OutputCommand::CopyText(text) => Some(text.clone()),
            _ => None,
        });
        if let Some(line) = line {
            return line;
        }
    }
    panic!("nothing was copied");
}

/// Runs a line as a shell would that has the program on its path.
fn run_line(line: &str) {
    let folder = terroir().parent().unwrap().display().to_string();
    let path = std::env::var("PATH").unwrap_or_default();
    let ran = std::process::Command::new("sh")
        .args(["-c", line])
        .env("PATH", format!("{folder}:{path}"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{line}\n{said}");
}

#[test]
fn the_export_dialog_copies_lines_that_do_the_same() {
    let folder = tempfile::tempdir().unwrap();
    write_map(folder.path());
    let map = folder.path().join("map.tif");
    let mut opened = open(vec![map.clone()]);
    wait(&mut opened, "the map", |window| {
        !window.document().layers.is_empty()
    });
    let mut document = opened.state().document().clone();
    let grid = Raster::open(&map).unwrap().info().grid.clone();
    let points = folder.path().join("points.csv");
    std::fs::write(
        &points,
        "x,y,class\n500105,3999895,maize\n500405,3999695,it's rye\n",
    )
    .unwrap();
    let (labels, _) = import_labels(&points, &grid, Some("class")).unwrap();
    document.labels = Some(labels);
    // A name that a shell would take apart.
    let project = folder.path().join("my fields.terroir");
    save_project(&document, &project).unwrap();

    let mut harness = open(vec![project.clone()]);
    wait(&mut harness, "the project", |window| {
        window.document().labels.is_some()
    });
    press(&mut harness, CTRL, egui::Key::E);
    settle(&mut harness);
    let choose = |harness: &mut Harness<'static, Window>, name: &str| {
        harness.get_by_label_contains(name).click();
        settle(harness);
    };
    choose(&mut harness, "Labels (GeoPackage");
    let line = copied(&mut harness);
    assert!(line.starts_with("terroir export '"), "{line}");
    run_line(&line);
    let written = folder.path().join("my fields_labels.gpkg");
    let read = |path: &Path| -> Labels { import_labels(path, &grid, None).unwrap().0 };
    let by_line = read(&written);
    assert_eq!(by_line.counts().values().sum::<usize>(), 2);
    std::fs::remove_file(&written).unwrap();

    choose(&mut harness, "Picture of the view");
    let line = copied(&mut harness);
    run_line(&line);
    let picture = folder.path().join("my fields_view.png");
    let (width, height, pixels) = pixels_of(&picture);
    // The view reaches beyond the map. A column or row more or less falls to either class.
    assert!(width * height > 90 * 60, "{line}: {width} x {height}");
    let labelled = |color: [u8; 4]| pixels.iter().filter(|pixel| **pixel == color).count();
    let (maize, wheat) = (labelled([240, 228, 66, 255]), labelled([0, 114, 178, 255]));
    assert!((3_000..3_200).contains(&maize), "{line}: {maize}");
    assert!((2_250..2_450).contains(&wheat), "{line}: {wheat}");

    choose(&mut harness, "Map sheet");
    let line = copied(&mut harness);
    assert!(
        line.contains("--title=map") && line.contains("--page=a4"),
        "{line}"
    );
    run_line(&line);
    let sheet = std::fs::read(folder.path().join("my fields_sheet.pdf")).unwrap();
    assert!(sheet.starts_with(b"%PDF"));

    // The window writes the same labels.
    choose(&mut harness, "Labels (GeoPackage");
    harness.query_all_by_label("Export").last().unwrap().click();
    wait_until(&mut harness, "the labels", |_| written.is_file());
    let by_window = read(&written);
    assert_eq!(by_window.counts(), by_line.counts());
    assert_eq!(by_window.pixels(), by_line.pixels());
    assert_eq!(by_window.classes, by_line.classes);
}
