//! Fields as files: the coding of every byte, both ways up, decimal numbers, years as a series, whose they are, and colours
//! shared between years; window and command line.

use std::path::{Path, PathBuf};

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::Window;
use terroir_scene::{
    ALPHAEARTH_ATTRIBUTION, FIELD_AXES, FIELD_NODATA, FieldProduct, GeoTransform, Grid, MapKind,
    MapWriter, PcaBasis, PcaStretch, Raster, Style, decode_table, encode_value, field_composite,
    find_series_blocking, series_in_raster_blocking,
};

use crate::program::{run, shared_data};
use crate::similarity::WorksHere;
use crate::window::{CTRL, keep_picture, open_with, press, shows, wait};

fn layouts() -> Option<[PathBuf; 2]> {
    let folder = shared_data("fields")?.join("aef");
    Some(
        [
            "layout_iowa_ag_y0_northup.tif",
            "layout_iowa_ag_y1_bottomup.tif",
        ]
        .map(|name| folder.join(name)),
    )
}

fn codes_of(path: &Path) -> (Grid, Vec<i8>) {
    let raster = Raster::open(path).unwrap();
    let window = raster.info().grid.window();
    let codes = raster
        .read_codes_blocking(window, window.width, window.height)
        .unwrap();
    (raster.info().grid.clone(), codes)
}

fn write_field(path: &Path, grid: &Grid, codes: &[i8]) {
    let mut writer = MapWriter::create(path, grid, MapKind::Field).unwrap();
    let bytes: Vec<u8> = codes.iter().map(|code| code.cast_unsigned()).collect();
    writer.write_bytes(grid.window(), &bytes).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

/// Decimal numbers of 64 axes or another count, called as told.
fn write_floats(path: &Path, grid: &Grid, names: &[String], values: &[f32]) {
    let kind = MapKind::Continuous {
        bands: names
            .iter()
            .map(|name| (name.clone(), String::new()))
            .collect(),
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(path, grid, kind).unwrap();
    writer.write_floats(grid.window(), values).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

fn axis_names() -> Vec<String> {
    (0..FIELD_AXES).map(|axis| format!("A{axis:02}")).collect()
}

/// The same rows from the last to the first.
fn flipped<T: Copy>(values: &[T], width: usize, height: usize) -> Vec<T> {
    values
        .chunks_exact(width * height)
        .flat_map(|plane| {
            plane
                .chunks_exact(width)
                .rev()
                .flatten()
                .copied()
                .collect::<Vec<_>>()
        })
        .collect()
}

#[test]
fn every_code_survives_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("codes.tif");
    let grid = Grid {
        width: 20,
        height: 15,
        georef: Default::default(),
    };
    let pixels = grid.width * grid.height;
    // Every axis runs through all 255 codes of values; one pixel is missing.
    let mut codes: Vec<i8> = (0..FIELD_AXES)
        .flat_map(|axis| {
            (0..pixels).map(move |pixel| (((pixel + 4 * axis) % 255) as i16 - 127) as i8)
        })
        .collect();
    for axis in 0..FIELD_AXES {
        codes[axis * pixels + 7] = FIELD_NODATA;
    }
    let mut seen = [false; 256];
    codes
        .iter()
        .for_each(|code| seen[usize::from(code.cast_unsigned())] = true);
    assert!(seen.iter().all(|seen| *seen));
    write_field(&path, &grid, &codes);
    assert_eq!(codes_of(&path).1, codes);
    for code in -127..=127i8 {
        let value = decode_table()[usize::from(code.cast_unsigned())];
        assert_eq!(encode_value(value), code);
    }
}

#[test]
fn a_field_stored_upside_down_gives_the_same_map() {
    let Some([north_up, _]) = layouts() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (grid, codes) = codes_of(&north_up);
    let t = grid.transform().0;
    let mut twin = grid.clone();
    twin.georef.transform = Some(GeoTransform([
        t[0],
        t[1],
        0.0,
        t[3] + t[5] * grid.height as f64,
        0.0,
        -t[5],
    ]));
    let bottom_up = folder.path().join("bottom_up.tif");
    write_field(&bottom_up, &twin, &flipped(&codes, grid.width, grid.height));
    assert!(codes_of(&bottom_up).0.transform().0[5] > 0.0);
    let labels = north_up.with_file_name("layout_iowa_ag_labels.tif");
    let at = |path: &Path| path.to_str().unwrap().to_owned();
    run(
        folder.path(),
        &[
            "train",
            "--field",
            &at(&north_up),
            "--labels",
            &at(&labels),
            "--kind",
            "ridge",
            "--folds",
            "0",
            "--out",
            "head.json",
        ],
    )
    .done();
    let mut maps = Vec::new();
    for (field, out) in [(&north_up, "a.tif"), (&bottom_up, "b.tif")] {
        run(
            folder.path(),
            &[
                "predict",
                "--field",
                &at(field),
                "--head",
                "head.json",
                "--out",
                out,
            ],
        )
        .done();
        for name in [out.to_owned(), out.replace(".tif", "_confidence.tif")] {
            let raster = Raster::open(&folder.path().join(name)).unwrap();
            let window = raster.info().grid.window();
            let block = raster
                .read_blocking(
                    &[0],
                    window,
                    window.width,
                    window.height,
                    terroir_scene::Resampling::Nearest,
                )
                .unwrap();
            maps.push((raster.info().clone(), block.values));
        }
    }
    let [
        (first, classes),
        (_, confidence),
        (second, other_classes),
        (_, other_confidence),
    ] = &maps[..]
    else {
        panic!("four rasters");
    };
    assert_eq!(*other_classes, flipped(classes, grid.width, grid.height));
    assert_eq!(
        *other_confidence,
        flipped(confidence, grid.width, grid.height)
    );
    assert!(classes.iter().any(|value| *value != classes[5000]));
    assert!(second.grid.transform().0[5] > 0.0 && first.grid.transform().0[5] < 0.0);
    // Both say whose vectors they were made of; ours was written without.
    assert_eq!(
        first.metadata_item("ATTRIBUTION"),
        Some(ALPHAEARTH_ATTRIBUTION)
    );
    assert_eq!(
        first.metadata_item("TIFFTAG_COPYRIGHT"),
        Some(ALPHAEARTH_ATTRIBUTION)
    );
    assert_eq!(first.metadata_item("LICENSE"), Some("CC-BY 4.0"));
}

#[test]
fn decimal_numbers_are_a_field_when_they_are_unit_vectors() {
    let Some([north_up, _]) = layouts() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (grid, codes) = codes_of(&north_up);
    let pixels = grid.width * grid.height;
    let mut values: Vec<f32> = codes
        .iter()
        .map(|code| match *code {
            FIELD_NODATA => f32::NAN,
            code => decode_table()[usize::from(code.cast_unsigned())],
        })
        .collect();
    // Fill of exports: zeros.
    let filled = 50 * grid.width + 50;
    (0..FIELD_AXES).for_each(|axis| values[axis * pixels + filled] = 0.0);
    let named = folder.path().join("named.tif");
    write_floats(&named, &grid, &axis_names(), &values);
    let plain = folder.path().join("plain.tif");
    let names: Vec<String> = (0..FIELD_AXES).map(|axis| format!("e{axis}")).collect();
    write_floats(&plain, &grid, &names, &values);
    for path in [&named, &plain] {
        let raster = Raster::open(path).unwrap();
        assert!(raster.info().is_field(), "{}", path.display());
        let (_, found) = codes_of(path);
        let mut differing = 0;
        for pixel in 0..pixels {
            let is_missing = codes[pixel] == FIELD_NODATA || pixel == filled;
            for axis in 0..FIELD_AXES {
                let (ours, theirs) = (found[axis * pixels + pixel], codes[axis * pixels + pixel]);
                if is_missing {
                    assert_eq!(ours, FIELD_NODATA);
                } else {
                    // Lengths are brought to 1 first, which moves a code by one at most.
                    assert!(ours.abs_diff(theirs) <= 1, "{ours} {theirs}");
                    differing += usize::from(ours != theirs);
                }
            }
        }
        assert!(differing * 20 < codes.len(), "{differing}");
    }
    let product = FieldProduct::of(Raster::open(&named).unwrap().info()).unwrap();
    assert_eq!(product.attribution.as_deref(), Some(ALPHAEARTH_ATTRIBUTION));
    let product = FieldProduct::of(Raster::open(&plain).unwrap().info()).unwrap();
    assert_eq!(product.attribution, None);

    // A spectrum of 64 bands is none, nor are axes that were scaled.
    let spectrum: Vec<f32> = (0..FIELD_AXES * pixels)
        .map(|at| 0.1 + (at % 97) as f32 / 200.0)
        .collect();
    let bands = folder.path().join("spectrum.tif");
    write_floats(&bands, &grid, &names, &spectrum);
    assert!(!Raster::open(&bands).unwrap().info().is_field());
    let scaled = folder.path().join("scaled.tif");
    let tens: Vec<f32> = values.iter().map(|value| value * 10.0).collect();
    write_floats(&scaled, &grid, &axis_names(), &tens);
    let text = run(folder.path(), &["info", "scaled.tif"]).done();
    assert!(
        text.contains("this is no field") && !text.contains("embedding field"),
        "{text}"
    );
    // 128 axes open, and are said to be no field.
    let tessera = folder.path().join("tessera.tif");
    let names: Vec<String> = (0..128).map(|axis| format!("Band_{axis}")).collect();
    write_floats(&tessera, &grid, &names, &[values.clone(), values].concat());
    let text = run(folder.path(), &["info", "tessera.tif"]).done();
    assert!(text.contains("TESSERA"), "{text}");
}

#[test]
fn a_zarr_store_this_gdal_cannot_read_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("mosaic.zarr");
    std::fs::create_dir(&store).unwrap();
    std::fs::write(
        store.join("zarr.json"),
        r#"{"zarr_format":3,"node_type":"group"}"#,
    )
    .unwrap();
    run(folder.path(), &["info", "mosaic.zarr"]).failed(1, &["Zarr store of version 3", "GDAL"]);
}

#[test]
fn years_of_a_place_are_a_series() {
    let Some([north_up, bottom_up]) = layouts() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    for (year, file) in [(2023, &north_up), (2024, &bottom_up)] {
        let zone = folder.path().join(format!("aef/v1/annual/{year}/15N"));
        std::fs::create_dir_all(&zone).unwrap();
        std::fs::copy(file, zone.join("x1-0000000000-0000000000.tiff")).unwrap();
    }
    let annual = folder.path().join("aef/v1/annual");
    let text = run(
        folder.path(),
        &[
            "info",
            "aef/v1/annual/2024/15N/x1-0000000000-0000000000.tiff",
        ],
    )
    .done();
    for words in ["AlphaEarth", "2024", ALPHAEARTH_ATTRIBUTION, "CC-BY 4.0"] {
        assert!(text.contains(words), "no {words} in {text}");
    }
    let found = find_series_blocking(&[annual]);
    let [series] = found.series.as_slice() else {
        panic!("{found:?}");
    };
    let dates: Vec<String> = series
        .frames
        .iter()
        .map(|frame| frame.date.unwrap().to_string())
        .collect();
    assert_eq!(dates, ["2023-01-01", "2024-01-01"]);
    assert!(series.is_sensible && found.singles.is_empty());

    // Both years in one file, as bands called by axis and year.
    let band = |number: usize, year: i32| {
        let (axis, source) = (number % FIELD_AXES, north_up.display());
        format!(
            "<VRTRasterBand dataType=\"Byte\" band=\"{}\"><Description>A{axis:02}_{year}</Description>\
             <Metadata domain=\"IMAGE_STRUCTURE\"><MDI key=\"PIXELTYPE\">SIGNEDBYTE</MDI></Metadata>\
             <NoDataValue>-128</NoDataValue><SimpleSource><SourceFilename>{source}</SourceFilename>\
             <SourceBand>{}</SourceBand></SimpleSource></VRTRasterBand>",
            number + 1,
            axis + 1
        )
    };
    let bands: String = (0..2 * FIELD_AXES)
        .map(|number| band(number, 2020 + (number / FIELD_AXES) as i32))
        .collect();
    let (grid, codes) = codes_of(&north_up);
    let terms: Vec<String> = grid.transform().0.iter().map(f64::to_string).collect();
    let stack = folder.path().join("stack.vrt");
    std::fs::write(
        &stack,
        format!(
            "<VRTDataset rasterXSize=\"96\" rasterYSize=\"96\"><SRS>EPSG:32615</SRS><GeoTransform>{}</GeoTransform>{bands}</VRTDataset>",
            terms.join(",")
        ),
    )
    .unwrap();
    let found = series_in_raster_blocking(Raster::open(&stack).unwrap().info()).unwrap();
    let frames = &found.series[0].frames;
    assert_eq!(frames.len(), 2);
    for (frame, year) in frames.iter().zip([2020, 2021]) {
        assert_eq!(frame.date.unwrap().to_string(), format!("{year}-01-01"));
        let info = frame.info.as_ref().unwrap();
        assert!(info.is_field());
        assert_eq!(codes_of(&info.path).1, codes);
    }
}

#[test]
fn one_basis_colours_several_years_from_the_command_line() {
    let Some([first, second]) = layouts() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let at = |path: &Path| path.to_str().unwrap().to_owned();
    let (a, b) = (at(&first), at(&second));
    let json = run(
        folder.path(),
        &[
            "pca",
            "--field",
            &a,
            "--field",
            &b,
            "--out",
            "colours.json",
            "--json",
        ],
    )
    .json();
    let basis = PcaBasis::load(&folder.path().join("colours.json")).unwrap();
    assert!(basis.is_whole && basis.sources.len() == 2);
    let valid = |path: &Path| {
        codes_of(path).1[..96 * 96]
            .iter()
            .filter(|code| **code != FIELD_NODATA)
            .count()
    };
    assert_eq!(basis.pixels as usize, valid(&first) + valid(&second));
    assert_eq!(json["files"][0], "colours.json");
    let picture = |arguments: &[&str], out: &str| -> Vec<u8> {
        let all: Vec<&str> = ["render", &a, "--size", "96", "--out", out]
            .iter()
            .chain(arguments)
            .copied()
            .collect();
        run(folder.path(), &all).done();
        let file = std::fs::File::open(folder.path().join(out)).unwrap();
        let mut reader = png::Decoder::new(std::io::BufReader::new(file))
            .read_info()
            .unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        reader.next_frame(&mut bytes).unwrap();
        bytes
    };
    let (_, codes) = codes_of(&first);
    let drawn = |style: &Style| field_composite(&codes, 96 * 96, style);
    let shown = |axes, flips, stretch| Style::FieldPca {
        basis: basis.clone(),
        axes,
        flips,
        stretch,
    };
    let arguments = [
        "--basis",
        "colours.json",
        "--components",
        "2,-1,4",
        "--stretch",
        "sd",
    ];
    assert_eq!(
        picture(&arguments, "sd.png"),
        drawn(&shown(
            [1, 0, 3],
            [false, true, false],
            PcaStretch::Deviation
        ))
    );
    assert_eq!(
        picture(&["--basis", "colours.json"], "shared.png"),
        drawn(&shown([0, 1, 2], [false; 3], PcaStretch::Percentile))
    );
    assert_eq!(
        picture(&["--axes", "A01,A16,A09"], "axes.png"),
        drawn(&Style::FieldAxes {
            axes: [1, 16, 9],
            low: -0.3,
            high: 0.3
        })
    );
    for (arguments, words) in [
        (["--components", "1,2"], "three components"),
        (["--components", "1,2,9"], "from 1 to 8"),
        (["--axes", "A01,A64,A02"], "A00 to A63"),
    ] {
        let all: Vec<&str> = ["render", &a, "--out", "no.png"]
            .into_iter()
            .chain(arguments)
            .collect();
        run(folder.path(), &all).failed(2, &[words]);
    }
    let labels = at(&first.with_file_name("layout_iowa_ag_labels.tif"));
    run(
        folder.path(),
        &["pca", "--field", &labels, "--out", "no.json"],
    )
    .failed(1, &["not a field"]);
}

/// The widget of exactly this name, else the first whose name holds it.
fn click(harness: &mut Harness<'static, Window>, name: &str) {
    let exact = harness.query_all_by_label(name).next();
    let node = exact.or_else(|| harness.query_all_by_label_contains(name).next());
    node.unwrap_or_else(|| panic!("no {name}"))
        .click_accesskit();
    for _ in 0..3 {
        harness.step();
    }
}

fn basis_of(window: &Window, layer: usize) -> Option<&PcaBasis> {
    match window.document().layers.get(layer)?.style.as_ref()? {
        Style::FieldPca { basis, .. } => Some(basis),
        _ => None,
    }
}

#[test]
fn years_share_their_colours_in_the_window() {
    let Some([first, second]) = layouts() else {
        return;
    };
    let mut harness = open_with(vec![first, second], Box::new(WorksHere::default()));
    wait(&mut harness, "both years", |window| {
        basis_of(window, 0).is_some() && basis_of(window, 1).is_some()
    });
    let differ = |window: &Window| basis_of(window, 0) != basis_of(window, 1);
    assert!(
        differ(harness.state()),
        "every layer begins with colours of its own"
    );
    click(&mut harness, "Field");
    assert!(shows(&harness, "AlphaEarth"));
    click(&mut harness, "Colours");
    click(&mut harness, "Fit over all fields (2)");
    wait(&mut harness, "shared colours", |window| !differ(window));
    assert_eq!(basis_of(harness.state(), 0).unwrap().sources.len(), 2);
    assert!(shows(&harness, "shared with 1 other layer"));
    keep_picture(&mut harness, "shared_colours.png");
    // One step takes both back.
    press(&mut harness, CTRL, Key::Z);
    assert!(differ(harness.state()));
    click(&mut harness, "Colours");
    click(&mut harness, "Use the colours of");
    assert!(!differ(harness.state()));
    click(&mut harness, "Flip G");
    let flips = |window: &Window| {
        window.document().layers.iter().filter(|layer| {
        matches!(&layer.style, Some(Style::FieldPca { flips, .. }) if *flips == [false, true, false])
    }).count()
    };
    assert_eq!(flips(harness.state()), 1);
    click(&mut harness, "Three axes");
    assert!(
        harness
            .state()
            .document()
            .layers
            .iter()
            .any(|layer| matches!(
                layer.style,
                Some(Style::FieldAxes {
                    axes: [1, 16, 9],
                    ..
                })
            ))
    );
    keep_picture(&mut harness, "three_axes.png");
    // The basis is saved with the project.
    let folder = tempfile::tempdir().unwrap();
    press(&mut harness, CTRL, Key::Z);
    let project = folder.path().join("colours.terroir");
    terroir_scene::save_project(harness.state().document(), &project).unwrap();
    let opened = terroir_scene::open_project(&project).unwrap();
    for (layer, saved) in harness
        .state()
        .document()
        .layers
        .iter()
        .zip(&opened.document.layers)
    {
        assert_eq!(layer.style, saved.style);
        assert!(
            saved
                .attribution
                .as_ref()
                .unwrap()
                .contains("Google DeepMind")
        );
    }
    press(&mut harness, Modifiers::NONE, Key::Escape);
}
