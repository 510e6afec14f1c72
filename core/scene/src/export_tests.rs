//! Maps written and read back, by GDAL and by its own `gdalinfo`.

use std::process::Command;

use serde_json::Value;

use super::*;
use crate::{Class, Crs, FIELD_AXES, FIELD_NODATA, GeoTransform, Georef, Raster};

pub(super) fn grid(width: usize, height: usize, transform: Option<[f64; 6]>) -> Grid {
    let crs = transform.map(|_| Crs::parse("EPSG:32632").unwrap());
    Grid {
        width,
        height,
        georef: Georef {
            transform: transform.map(GeoTransform),
            crs,
            ..Georef::default()
        },
    }
}

pub(super) const NORTH_UP: [f64; 6] = [600_000.123_456_789, 10.0, 0.0, 4_500_000.1, 0.0, -10.0];
const ROTATED: [f64; 6] = [
    600_000.1,
    8.660_254_037_844_387,
    5.0,
    4_500_000.7,
    5.000_000_1,
    -8.66,
];
const SOUTH_UP: [f64; 6] = [600_000.1, 1.0 / 3.0, 0.0, 4_500_000.7, 0.0, 1.0 / 3.0];

pub(super) fn classes() -> Vec<Class> {
    vec![
        Class {
            id: 1,
            name: "Maize & \"friends\" <é>".to_owned(),
            color: [0xe6, 0x9f, 0x00],
        },
        Class {
            id: 2,
            name: "水".to_owned(),
            color: [0x56, 0xb4, 0xe9],
        },
        Class {
            id: 9,
            name: "forest".to_owned(),
            color: [0, 0x9e, 0x73],
        },
    ]
}

fn class_at(index: usize) -> u8 {
    [0, 1, 2, 9, 1, 1, 9][index / 7 % 7]
}

pub(super) fn write_classes(
    path: &Path,
    grid: &Grid,
    provenance: &Provenance,
) -> SceneResult<Vec<PathBuf>> {
    let mut writer = MapWriter::create(path, grid, MapKind::Classes(classes()))?;
    for window in cog::tiles(grid, 200) {
        let bytes: Vec<u8> = (0..window.width * window.height)
            .map(|index| {
                class_at(
                    (window.row + index / window.width) * grid.width
                        + window.col
                        + index % window.width,
                )
            })
            .collect();
        writer.write_bytes(window, &bytes)?;
    }
    writer.finish(provenance)
}

/// Our own reader finds the same place, colours, names and values.
fn check_classes(path: &Path, grid: &Grid) {
    let map = Raster::open(path).unwrap();
    let info = map.info();
    assert!(info.is_class_map() && !info.is_field());
    assert_eq!(
        (info.grid.width, info.grid.height),
        (grid.width, grid.height)
    );
    assert_eq!(info.grid.georef.transform, grid.georef.transform);
    assert!(info.grid.same_as(grid));
    let band = &info.bands[0];
    assert_eq!(band.nodata, Some(0.0));
    for class in classes() {
        let entry = band
            .palette
            .iter()
            .find(|entry| entry.value == i64::from(class.id))
            .unwrap();
        assert_eq!(
            (&entry.name, &entry.rgba[..3]),
            (&class.name, &class.color[..])
        );
    }
    assert!(
        info.metadata
            .iter()
            .any(|(key, value)| key == "TERROIR_MODEL" && value == "ridge")
    );
    let block = map
        .read_blocking(
            &[0],
            grid.window(),
            grid.width,
            grid.height,
            crate::Resampling::Nearest,
        )
        .unwrap();
    for (index, (value, is_valid)) in block.values.iter().zip(&block.valid).enumerate() {
        assert_eq!(*is_valid, class_at(index) != 0);
        assert!(!is_valid || *value == f32::from(class_at(index)));
    }
}

fn info(path: &Path) -> Option<Value> {
    let Ok(output) = Command::new("gdalinfo").arg("-json").arg(path).output() else {
        eprintln!("SKIPPED: the gdalinfo program is not installed");
        return None;
    };
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

pub(super) fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn class_maps_open_coloured_named_and_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("map.tif");
    for (size, transform) in [
        ((152, 135), NORTH_UP),
        ((700, 600), ROTATED),
        ((60, 1), SOUTH_UP),
    ] {
        let grid = grid(size.0, size.1, Some(transform));
        let provenance = vec![
            ("MODEL".to_owned(), "ridge".to_owned()),
            ("RUN".to_owned(), "x".repeat(200_000)),
        ];
        let files = write_classes(&path, &grid, &provenance).unwrap();
        assert_eq!(
            files,
            ["map.tif", "map.tif.aux.xml", "map.qml", "map.sld"]
                .map(|name| folder.path().join(name))
        );
        assert_eq!(
            names_in(folder.path()),
            ["map.qml", "map.sld", "map.tif", "map.tif.aux.xml"]
        );
        assert!(
            std::fs::read_to_string(folder.path().join("map.qml"))
                .unwrap()
                .contains("#56b4e9")
        );

        check_classes(&path, &grid);
        let Some(info) = info(&path) else { continue };
        assert_eq!(info["size"], serde_json::json!([size.0, size.1]));
        assert!(
            info["coordinateSystem"]["wkt"]
                .as_str()
                .unwrap()
                .contains("32632")
        );
        assert_eq!(info["metadata"]["IMAGE_STRUCTURE"]["LAYOUT"], "COG");
        let items = &info["metadata"][""];
        assert_eq!(items["TERROIR_MODEL"], "ridge");
        assert!(
            items["TIFFTAG_SOFTWARE"]
                .as_str()
                .unwrap()
                .starts_with("Terroir ")
        );
        assert!(
            items["TERROIR_RUN"]
                .as_str()
                .unwrap()
                .ends_with("[shortened]")
        );
        assert!(serde_json::to_string(items).unwrap().len() < 100_000);
        let band = &info["bands"][0];
        assert_eq!(
            (&band["type"], &band["noDataValue"]),
            (&"Byte".into(), &0.0.into())
        );
        assert_eq!(band["block"], serde_json::json!([512, 512]));
        assert_eq!(
            band["colorTable"]["entries"][9],
            serde_json::json!([0, 0x9e, 0x73, 255])
        );
    }
    let side = std::fs::read_to_string(folder.path().join("map.tif.aux.xml")).unwrap();
    for part in [
        "<Category>水</Category>",
        "Maize &amp; \"friends\" &lt;é&gt;",
        "GDALRasterAttributeTable",
        "<F>forest</F>",
    ] {
        assert!(side.contains(part), "{part} not in {side}");
    }

    // The file alone still knows its colours, its classes and where it came from.
    std::fs::remove_file(folder.path().join("map.tif.aux.xml")).unwrap();
    check_classes(&path, &grid(60, 1, Some(SOUTH_UP)));
    let alone = Dataset::open(&path).unwrap();
    let stored: Value =
        serde_json::from_str(&alone.metadata_item("TERROIR_CLASSES", "").unwrap()).unwrap();
    assert_eq!(
        stored[1],
        serde_json::json!({"id": 2, "name": "水", "color": "#56b4e9"})
    );
    assert!(alone.rasterband(1).unwrap().color_table().is_some());
}

#[test]
fn large_maps_have_overviews_of_real_classes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.tif");
    let grid = grid(3000, 2000, Some(NORTH_UP));
    write_classes(&path, &grid, &Vec::new()).unwrap();
    let map = Dataset::open(&path).unwrap();
    let band = map.rasterband(1).unwrap();
    assert_eq!(band.overview_count().unwrap(), 3);
    let overview = band.overview(2).unwrap();
    let values = overview
        .read_as::<u8>((0, 0), overview.size(), overview.size(), None)
        .unwrap();
    assert!(
        values
            .data()
            .iter()
            .all(|value| [0, 1, 2, 9].contains(value))
    );
    let all = band
        .read_as::<u8>((0, 0), (3000, 2000), (3000, 2000), None)
        .unwrap();
    assert!(
        all.data()
            .iter()
            .enumerate()
            .all(|(index, &value)| value == class_at(index))
    );
}

#[test]
fn maps_without_a_place_stay_without() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.tif");
    write_classes(&path, &grid(33, 20, None), &Vec::new()).unwrap();
    let map = Dataset::open(&path).unwrap();
    assert!(map.geo_transform().is_err() && map.spatial_ref().is_err());
}

#[test]
fn fields_come_back_code_by_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("field.tif");
    let (width, height) = (1100, 700);
    let grid = grid(width, height, Some(SOUTH_UP));
    let code = |axis: usize, col: usize, row: usize| -> i8 {
        if col < 3 {
            FIELD_NODATA
        } else {
            ((axis * 31 + col / 64 * 7 + row / 50 * 3) % 255) as i32 as u8 as i8
        }
        .max(if col < 3 { -128 } else { -127 })
    };
    let mut writer = MapWriter::create(&path, &grid, MapKind::Field).unwrap();
    for window in cog::tiles(&grid, 300) {
        let mut bytes = Vec::new();
        for axis in 0..FIELD_AXES {
            for row in 0..window.height {
                bytes.extend(
                    (0..window.width)
                        .map(|col| code(axis, window.col + col, window.row + row) as u8),
                );
            }
        }
        writer.write_bytes(window, &bytes).unwrap();
    }
    let mut heard = Vec::new();
    let files = writer
        .finish_observed(
            &vec![("MODEL".to_owned(), "dofa-tiny (untrained)".to_owned())],
            &mut |done| {
                heard.push(done);
                true
            },
        )
        .unwrap();
    assert_eq!(files, std::slice::from_ref(&path));
    assert_eq!(names_in(folder.path()), ["field.tif"]);
    assert!(
        heard.is_sorted() && heard.last().is_some_and(|&done| done == 1.0),
        "{heard:?}"
    );

    let field = Dataset::open(&path).unwrap();
    assert_eq!(field.geo_transform().unwrap(), SOUTH_UP);
    let window = Window {
        col: 0,
        row: 0,
        width,
        height,
    };
    let codes = cog::read(&field, window, Sample::SignedByte).unwrap();
    for axis in 0..FIELD_AXES {
        for row in 0..height {
            for col in 0..width {
                assert_eq!(
                    codes[(axis * height + row) * width + col] as i8,
                    code(axis, col, row)
                );
            }
        }
    }
    // One level (550 x 350) of a second (275 x 175) suffices; all-valid blocks of equal codes keep their direction.
    assert_eq!(field.rasterband(1).unwrap().overview_count().unwrap(), 2);
    let small = cog::read_level(
        &field,
        1,
        Window {
            col: 0,
            row: 0,
            width: 550,
            height: 350,
        },
    )
    .unwrap();
    let pixel = |col: usize, row: usize| {
        crate::decode_planar_pixel(bytemuck::cast_slice(&small), 550 * 350, row * 550 + col)
    };
    assert!(pixel(0, 0).is_none() && pixel(1, 0).is_some());
    let full = crate::decode_planar_pixel(
        bytemuck::cast_slice(&codes),
        width * height,
        10 * width + 10,
    )
    .unwrap();
    assert!(crate::similarity(&pixel(5, 5).unwrap(), &full) > 0.9999);
    drop(field);

    let ours = Raster::open(&path).unwrap();
    assert!(ours.info().is_field() && ours.info().grid.same_as(&grid));
    let read = ours.read_codes_blocking(window, width, height).unwrap();
    assert_eq!(bytemuck::cast_slice::<i8, u8>(&read), codes);
    drop(ours);

    let Some(info) = info(&path) else { return };
    assert_eq!(info["metadata"][""]["EMBEDDING_QUANTIZATION"], "sqrt127.5");
    assert_eq!(
        info["metadata"][""]["TERROIR_MODEL"],
        "dofa-tiny (untrained)"
    );
    let bands = info["bands"].as_array().unwrap();
    assert_eq!(bands.len(), 64);
    for (axis, band) in bands.iter().enumerate() {
        assert_eq!(band["description"].as_str().unwrap(), format!("A{axis:02}"));
        assert_eq!(band["noDataValue"], -128.0);
        let is_signed = band["type"] == "Int8"
            || band["metadata"]["IMAGE_STRUCTURE"]["PIXELTYPE"] == "SIGNEDBYTE";
        assert!(is_signed, "{band}");
    }
}

#[test]
fn probabilities_and_quantities_keep_names_scales_and_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let grid = grid(40, 30, Some(NORTH_UP));
    let path = folder.path().join("confidence.tif");
    let names = ["maize", "wheat", "other"].map(str::to_owned).to_vec();
    let mut writer = MapWriter::create(&path, &grid, MapKind::Confidence(names)).unwrap();
    writer
        .write_bytes(grid.window(), &vec![150; 3 * 1200])
        .unwrap();
    writer.finish(&Vec::new()).unwrap();
    if let Some(info) = info(&path) {
        assert_eq!(info["bands"][1]["description"], "wheat");
        assert_eq!(
            (&info["bands"][2]["scale"], &info["bands"][2]["noDataValue"]),
            (&0.005.into(), &255.0.into())
        );
        assert_eq!(info["bands"][0]["colorInterpretation"], "Gray");
    }

    let path = folder.path().join("moisture.tif");
    let kind = MapKind::Continuous {
        bands: vec![("soil moisture".to_owned(), "m3 m-3".to_owned())],
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(&path, &grid, kind).unwrap();
    assert!(writer.write_bytes(grid.window(), &[]).is_err());
    let values: Vec<f32> = (0..1200)
        .map(|index| {
            if index < 200 {
                f32::NAN
            } else {
                index as f32 / 4000.0
            }
        })
        .collect();
    writer.write_floats(grid.window(), &values).unwrap();
    let files = writer.finish(&Vec::new()).unwrap();
    assert!(files.contains(&folder.path().join("moisture.qml")));
    let map = Dataset::open(&path).unwrap();
    let band = map.rasterband(1).unwrap();
    let read = band
        .read_as::<f32>((0, 0), (40, 30), (40, 30), None)
        .unwrap();
    assert!(
        read.data()
            .iter()
            .zip(&values)
            .all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
    );
    assert_eq!(band.unit(), "m3 m-3");
    assert!(band.no_data_value().unwrap().is_nan());
    let statistic = |key: &str| {
        band.metadata_item(&format!("STATISTICS_{key}"), "")
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    assert!(
        (statistic("MINIMUM") - 0.05).abs() < 1e-6 && (statistic("MEAN") - 0.174_875).abs() < 1e-6
    );
}

#[test]
fn a_number_stands_for_no_data_where_one_is_wanted() {
    let folder = tempfile::tempdir().unwrap();
    let grid = grid(20, 10, Some(NORTH_UP));
    let path = folder.path().join("soil.tif");
    let kind = MapKind::Measured {
        bands: vec![("soil moisture".to_owned(), "m3 m-3".to_owned())],
        ramp: "moisture".to_owned(),
        nodata: -9999.0,
    };
    let mut writer = MapWriter::create(&path, &grid, kind).unwrap();
    let mut values = vec![0.25_f32; 200];
    values[7] = f32::NAN;
    writer.write_floats(grid.window(), &values).unwrap();
    let files = writer.finish(&Vec::new()).unwrap();
    assert!(files.contains(&folder.path().join("soil.qml")));
    let map = Dataset::open(&path).unwrap();
    let band = map.rasterband(1).unwrap();
    let read = band
        .read_as::<f32>((0, 0), (20, 10), (20, 10), None)
        .unwrap();
    assert_eq!((read.data()[7], read.data()[8]), (-9999.0, 0.25));
    assert_eq!(band.no_data_value(), Some(-9999.0));
    assert_eq!(
        band.metadata_item("STATISTICS_MINIMUM", "").as_deref(),
        Some("0.25")
    );
}

#[test]
fn wavelengths_stand_twice_and_the_file_stays_cloud_optimised() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.tif");
    let stored = |name: &str, wavelength_nm: Option<(f64, Option<f64>)>| crate::StoredBand {
        name: name.to_owned(),
        unit: String::new(),
        scale: 1e-4,
        offset: -0.1,
        color_interpretation: String::new(),
        wavelength_nm,
        palette: Vec::new(),
    };
    let kind = MapKind::Like {
        sample: crate::SampleType::Int16,
        nodata: Some(-9999.0),
        bands: vec![
            stored("red", Some((664.6, Some(31.0)))),
            stored("nir", Some((832.8, None))),
            stored("mask", None),
        ],
    };
    let grid = grid(3, 2, Some(SOUTH_UP));
    let mut writer = MapWriter::create(&path, &grid, kind).unwrap();
    let numbers: Vec<u8> = (0..18_i16)
        .flat_map(|number| (100 * number - 900).to_ne_bytes())
        .collect();
    writer.write_stored(grid.window(), &numbers).unwrap();
    let files = writer.finish(&Vec::new()).unwrap();
    assert_eq!(files.len(), 2, "{files:?}");
    let dataset = Dataset::open(&path).unwrap();
    assert_eq!(
        dataset
            .metadata_item("LAYOUT", "IMAGE_STRUCTURE")
            .as_deref(),
        Some("COG")
    );
    let item = |band: usize, key: &str, domain: &str| {
        let band = dataset.rasterband(band).unwrap();
        band.metadata_item(key, domain)
    };
    for (band, centre, width) in [
        (1, Some("0.6646"), Some("0.031")),
        (2, Some("0.8328"), None),
        (3, None, None),
    ] {
        assert_eq!(
            item(band, "CENTRAL_WAVELENGTH_UM", "IMAGERY").as_deref(),
            centre
        );
        assert_eq!(item(band, "FWHM_UM", "IMAGERY").as_deref(), width);
    }
    assert_eq!(item(1, "wavelength", "").as_deref(), Some("664.6"));
    assert_eq!(item(1, "fwhm", "").as_deref(), Some("31"));
    let info = crate::Raster::open(&path).unwrap().info().clone();
    assert_eq!(info.bands[0].wavelength.unwrap().center.nm(), 664.6);
    assert_eq!(
        (
            info.bands[1].scale,
            info.bands[1].offset,
            info.bands[1].nodata
        ),
        (1e-4, -0.1, Some(-9999.0))
    );
}
