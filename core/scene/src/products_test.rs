//! Products in the layout of the real ones, opened whole: bands, grids, values, wavelengths, masks, dates, what is missing.

use std::path::Path;

use crate::made_product::{
    LANDSAT_NAME, SENTINEL_NAME, SIDE, Sheet, hls, landsat, sample_band, sentinel2, thinned,
};
use crate::made_raster::{Made, open, whole};
use crate::{
    Block, ProductKind, QualityCode, Raster, RasterInfo, Resampling, WavelengthSource, Window,
    find_series_blocking, products_in, recognise_product,
};

fn names(info: &RasterInfo) -> Vec<&str> {
    info.bands.iter().map(|band| band.name.as_str()).collect()
}

fn band(info: &RasterInfo, name: &str) -> usize {
    names(info)
        .iter()
        .position(|known| *known == name)
        .unwrap_or_else(|| panic!("no {name} in {:?}", names(info)))
}

fn read(raster: &Raster, bands: &[usize], window: Window) -> Block {
    raster
        .read_blocking(
            bands,
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )
        .expect("reads")
}

fn source(info: &RasterInfo, band: usize) -> Option<WavelengthSource> {
    info.bands[band].wavelength.map(|w| w.source)
}

#[test]
fn a_sentinel_2_folder_is_one_raster_on_its_ten_metre_grid() {
    let folder = tempfile::tempdir().expect("folder");
    let root = sentinel2(folder.path());
    let found = recognise_product(&root).expect("a product");
    assert_eq!(
        (found.kind, found.path.as_path()),
        (ProductKind::Sentinel2, root.as_path())
    );
    let raster = open(&root);
    let info = raster.info();
    assert_eq!(
        names(info),
        [
            "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12",
            "SCL"
        ]
    );
    assert_eq!((info.grid.width, info.grid.height), (SIDE, SIDE));
    assert_eq!(info.grid.transform().pixel_size(), (10.0, 10.0));
    assert_eq!(info.grid.crs().and_then(|crs| crs.epsg), Some(32629));
    assert_eq!(info.date.as_deref(), Some("2022-07-28"));
    assert_eq!(info.sensor.as_deref(), Some("sentinel-2b"));
    assert_eq!(info.metadata_item("CLOUD_COVER"), Some("12.5"));
    assert_eq!(info.grid.georef.note, None);
    assert!(info.size_bytes > 10_000);

    // The very pixels, and the reflectance they stand for.
    let red = band(info, "B04");
    let expected = sample_band("B04");
    let block = read(&raster, &[red], whole(&raster));
    for (value, sample) in block.values.iter().zip(&expected) {
        assert_eq!(*value, f32::from(*sample) + 1000.0);
    }
    let reflectance = info.bands[red].scaled(f64::from(block.values[77]));
    assert!((reflectance - f64::from(expected[77]) * 1e-4).abs() < 1e-9);
    assert_eq!(info.bands[red].nodata, Some(0.0));

    let wavelength = info.bands[red].wavelength.expect("a wavelength");
    assert_eq!(
        (wavelength.center.nm(), wavelength.fwhm_nm),
        (665.0, Some(31.0))
    );
    for index in 0..12 {
        assert_eq!(source(info, index), Some(WavelengthSource::ProductXml));
    }

    // The classification: codes with names and colours, never mixed, no band for a model.
    let scl = band(info, "SCL");
    assert_eq!(source(info, scl), None);
    assert_eq!(
        info.bands[scl]
            .metadata_item(QualityCode::ITEM)
            .and_then(QualityCode::parse),
        Some(QualityCode::Scl)
    );
    assert!(
        info.bands[scl]
            .palette
            .iter()
            .any(|entry| entry.value == 9 && entry.name.contains("cloud"))
    );
    let codes = read(&raster, &[scl], whole(&raster));
    assert!(codes.values.iter().all(|code| *code == 4.0 || *code == 9.0));
    assert_eq!(codes.values[0], 9.0);
    assert_eq!(codes.values[SIDE * SIDE - 1], 4.0);
}

#[test]
fn coarser_bands_are_interpolated_without_seams_between_tiles() {
    let folder = tempfile::tempdir().expect("folder");
    let raster = open(&sentinel2(folder.path()));
    let bands = [band(raster.info(), "B8A"), band(raster.info(), "B09")];
    let at_once = read(&raster, &bands, whole(&raster));
    for (col, row) in [(0, 0), (37, 13), (64, 64), (101, 90)] {
        let window = Window {
            col,
            row,
            width: 19,
            height: 29,
        };
        let part = read(&raster, &bands, window);
        for band in 0..bands.len() {
            for y in 0..window.height {
                for x in 0..window.width {
                    let one = part.band(band)[y * window.width + x];
                    let other = at_once.band(band)[(row + y) * SIDE + col + x];
                    assert!(
                        (one - other).abs() <= 1.0,
                        "{one} {other} at {col}+{x} {row}+{y}"
                    );
                }
            }
        }
    }
    // Between its neighbours, not a repetition of them.
    let coarse = thinned(&sample_band("B8A"), 2);
    let (west, east) = (f32::from(coarse[0]) + 1000.0, f32::from(coarse[1]) + 1000.0);
    let middle = at_once.band(0)[1];
    assert!(
        (middle - (0.75 * west + 0.25 * east)).abs() <= 1.0,
        "{middle} {west} {east}"
    );
}

#[test]
fn missing_pixels_are_no_part_of_an_interpolation() {
    let folder = tempfile::tempdir().expect("folder");
    let mut fine = vec![2000u16; 16 * 16];
    let mut coarse = vec![3000u16; 8 * 8];
    for row in 0..8 {
        coarse[row * 8..row * 8 + 3].fill(0);
    }
    fine[0] = 0;
    Sheet::new(&fine, 10.0).write(&folder.path().join("x_2021-06-03_B04.tif"));
    // Landsat scenes declare their fill in the description only.
    let name = format!("{LANDSAT_NAME}_SR_B4.TIF");
    Sheet::new(&fine, 30.0).write(&folder.path().join(name));
    Sheet::new(&coarse, 60.0).write(&folder.path().join(format!("{LANDSAT_NAME}_SR_B5.TIF")));
    let raster = open(&folder.path().join(LANDSAT_NAME));
    let block = read(&raster, &[1], whole(&raster));
    for (value, valid) in block.values.iter().zip(&block.valid) {
        assert!(
            if *valid {
                *value == 3000.0
            } else {
                *value == 0.0
            },
            "{value} {valid}"
        );
    }
    assert!(block.valid[8] && !block.valid[0]);
}

#[test]
fn the_description_opens_the_product_and_a_band_file_opens_alone() {
    let folder = tempfile::tempdir().expect("folder");
    let root = sentinel2(folder.path());
    let by_description = open(&root.join("MTD_MSIL2A.xml"));
    assert_eq!(by_description.info().path, root);
    assert_eq!(by_description.info().bands.len(), 13);
    let image = root.join("GRANULE/L2A_T29SND_A028158_20220728T112853/IMG_DATA/R20m/T29SND_20220728T112119_B8A_20m.jp2");
    assert_eq!(recognise_product(&image), None);
    let alone = open(&image);
    assert_eq!(
        (alone.info().bands.len(), alone.info().grid.width),
        (1, SIDE / 2)
    );
    assert_eq!(source(alone.info(), 0), Some(WavelengthSource::ProductXml));
    // What an archive was unpacked into.
    let found = recognise_product(folder.path()).expect("one level down");
    assert_eq!(found.path, root);
    assert_eq!(open(folder.path()).info().bands.len(), 13);
}

#[test]
fn missing_bands_are_named_and_damage_is_left_out() {
    let folder = tempfile::tempdir().expect("folder");
    let root = sentinel2(folder.path());
    let images = root.join("GRANULE/L2A_T29SND_A028158_20220728T112853/IMG_DATA");
    for metres in [10, 20, 60] {
        let file = format!("R{metres}m/T29SND_20220728T112119_B02_{metres}m.jp2");
        std::fs::remove_file(images.join(file)).expect("removed");
    }
    std::fs::write(
        images.join("R20m/T29SND_20220728T112119_B11_20m.jp2"),
        b"cut",
    )
    .expect("written");
    let raster = open(&root);
    let note = raster.info().grid.georef.note.clone().unwrap_or_default();
    assert!(note.contains("not there: B02"), "{note}");
    assert!(note.contains("cannot be read: B11"), "{note}");
    assert_eq!(raster.info().bands.len(), 11);
    // Comes back as soon as it is there again.
    Sheet::new(&sample_band("B02"), 10.0)
        .write(&images.join("R10m/T29SND_20220728T112119_B02_10m.jp2"));
    assert_eq!(open(&root).info().bands.len(), 12);

    std::fs::remove_dir_all(root.join("GRANULE")).expect("removed");
    let error = Raster::open(&root).err().expect("no bands").to_string();
    assert!(
        error.contains("Sentinel-2 product") && error.contains(SENTINEL_NAME),
        "{error}"
    );
}

#[test]
fn offsets_come_from_the_description_alone() {
    let folder = tempfile::tempdir().expect("folder");
    let root = sentinel2(folder.path());
    let description = root.join("MTD_MSIL2A.xml");
    let text = std::fs::read_to_string(&description).expect("text");
    let without = text.replace("BOA_ADD_OFFSET", "SOMETHING_ELSE");
    std::fs::remove_file(&description).expect("removed");
    std::fs::write(&description, without).expect("written");
    let raster = open(&root);
    let red = &raster.info().bands[band(raster.info(), "B04")];
    assert_eq!((red.scale, red.offset), (0.0001, 0.0));
}

#[test]
fn a_landsat_scene_opens_by_its_folder_its_description_and_its_name() {
    let folder = tempfile::tempdir().expect("folder");
    let description = landsat(folder.path());
    for path in [folder.path(), &description] {
        let raster = open(path);
        let info = raster.info();
        assert_eq!(
            names(info),
            [
                "SR_B1", "SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7", "ST_B10", "QA_PIXEL"
            ]
        );
        assert_eq!(info.sensor.as_deref(), Some("landsat-8-9"));
        assert_eq!(info.date.as_deref(), Some("2021-07-28"));
        let red = band(info, "SR_B4");
        assert_eq!(
            info.bands[red].wavelength.map(|w| w.center.nm()),
            Some(655.0)
        );
        let block = read(&raster, &[red], whole(&raster));
        for (value, sample) in block.values.iter().zip(sample_band("B04")) {
            let reflectance = info.bands[red].scaled(f64::from(*value));
            assert!((reflectance - f64::from(sample) * 1e-4).abs() < 2e-5);
        }
        let heat = &info.bands[band(info, "ST_B10")];
        assert_eq!(heat.unit, "K");
        assert!((heat.scaled(45_000.0) - 302.81).abs() < 0.01);
        assert_eq!(
            info.bands[8].metadata_item(QualityCode::ITEM),
            Some("qa_pixel")
        );
    }
    // Without its description the name still tells level and collection.
    std::fs::remove_file(&description).expect("removed");
    let raster = open(&folder.path().join(LANDSAT_NAME));
    let red = &raster.info().bands[band(raster.info(), "SR_B4")];
    assert_eq!(
        (red.scale, red.offset, red.nodata),
        (0.000_027_5, -0.2, Some(0.0))
    );
    assert_eq!(raster.info().sensor.as_deref(), Some("landsat-8-9"));
    assert_eq!(raster.info().date.as_deref(), Some("2021-07-28"));
}

#[test]
fn hls_granules_side_by_side_are_told_apart() {
    let folder = tempfile::tempdir().expect("folder");
    let first = hls(folder.path(), "2021209T112119");
    let second = hls(folder.path(), "2021214T112121");
    assert_eq!(recognise_product(folder.path()), None);
    let found = products_in(folder.path());
    assert_eq!(
        found
            .iter()
            .map(|f| (f.kind, f.path.clone()))
            .collect::<Vec<_>>(),
        vec![
            (ProductKind::Hls, first.clone()),
            (ProductKind::Hls, second)
        ]
    );
    let raster = open(&first);
    let info = raster.info();
    assert_eq!(names(info), ["B02", "B03", "B04", "B8A", "Fmask"]);
    assert_eq!(info.date.as_deref(), Some("2021-07-28"));
    let red = &info.bands[2];
    assert_eq!((red.scale, red.nodata), (0.0001, Some(-9999.0)));
    assert_eq!(red.wavelength.map(|w| w.center.nm()), Some(665.0));
    let block = read(&raster, &[2], whole(&raster));
    assert!(!block.valid[0] && block.valid[1]);
    let error = Raster::open(folder.path()).err().expect("two").to_string();
    assert!(error.contains("2 products"), "{error}");
}

#[test]
fn band_files_stack_and_grids_that_do_not_fit_are_named() {
    let folder = tempfile::tempdir().expect("folder");
    let values = vec![700u16; 20 * 20];
    for (name, epsg, corner) in [
        ("B02", 32629, (500_000.0, 4_000_000.0)),
        ("B03", 32629, (500_000.0, 4_000_000.0)),
        ("B04", 32629, (500_050.0, 4_000_000.0)),
        ("B08", 32630, (500_000.0, 4_000_000.0)),
    ] {
        let mut sheet = Sheet::new(&values, 10.0);
        sheet.epsg = epsg;
        sheet.corner = corner;
        sheet.write(&folder.path().join(format!("place_2021-06-03_{name}.tif")));
    }
    let raster = open(folder.path());
    let info = raster.info();
    assert_eq!(names(info), ["B02", "B03", "B04"]);
    assert_eq!(info.date.as_deref(), Some("2021-06-03"));
    let note = info.grid.georef.note.clone().unwrap_or_default();
    assert!(
        note.contains("another coordinate system") && note.contains("B08"),
        "{note}"
    );
    assert!(
        note.contains("another area") && note.contains("B04"),
        "{note}"
    );
    // Five pixels further east, as its own georeference says.
    let block = read(&raster, &[2], whole(&raster));
    assert_eq!(block.valid[..6], [false, false, false, false, false, true]);
    assert_eq!(block.values[5], 700.0);
}

#[test]
fn folders_that_are_no_product_stay_what_they_are() {
    let folder = tempfile::tempdir().expect("folder");
    let values = vec![7u16; 16];
    for day in ["2021-06-03", "2021-06-08"] {
        Sheet::new(&values, 10.0).write(&folder.path().join(format!("S2_{day}.tif")));
    }
    assert_eq!(recognise_product(folder.path()), None);
    assert!(products_in(folder.path()).is_empty());
    let error = Raster::open(folder.path())
        .err()
        .expect("a folder")
        .to_string();
    assert!(error.contains("no product"), "{error}");
    assert_eq!(recognise_product(Path::new("/nowhere/at/all")), None);
}

#[test]
fn archives_open_as_they_were_downloaded() {
    let folder = tempfile::tempdir().expect("folder");
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).expect("folder");
    let root = sentinel2(&inside);
    let archive = folder.path().join(format!("{SENTINEL_NAME}.zip"));
    crate::made_product::zip(&inside, &archive);
    std::fs::remove_dir_all(&inside).expect("removed");
    assert!(!root.exists());
    let raster = open(&archive);
    assert_eq!(raster.info().bands.len(), 13);
    assert_eq!(raster.info().path, archive);
    let block = read(&raster, &[3], whole(&raster));
    assert_eq!(block.values[5], f32::from(sample_band("B04")[5]) + 1000.0);
}

#[test]
fn products_of_several_dates_are_a_series() {
    let folder = tempfile::tempdir().expect("folder");
    let first = hls(folder.path(), "2021209T112119");
    let second = hls(folder.path(), "2021214T112121");
    let found = find_series_blocking(&[folder.path().to_owned()]);
    assert_eq!(found.series.len(), 1, "{:?}", found.singles);
    let mut files = found.series[0].files.clone();
    files.sort();
    assert_eq!(files, [first, second]);
    assert!(found.singles.is_empty() && found.failed.is_empty());
    let days: Vec<Option<String>> = found.series[0]
        .frames
        .iter()
        .map(|frame| frame.date.map(|date| date.to_string()))
        .collect();
    assert!(days.contains(&Some("2021-07-28".to_owned())), "{days:?}");
    // Their own quality bands tell the clouds.
    assert!(
        found.series[0]
            .frames
            .iter()
            .all(|frame| frame.has_own_mask())
    );
}

fn many_bands(folder: &Path, name: &str, bands: Vec<Vec<i16>>) {
    let mut made = Made::new((SIDE, SIDE), bands);
    made.transform = Some([536_640.0, 30.0, 0.0, 4_350_300.0, 0.0, -30.0]);
    made.write(folder, name);
}

fn signed(name: &str) -> Vec<i16> {
    sample_band(name)
        .iter()
        .map(|value| i16::try_from(*value).expect("small"))
        .collect()
}

#[test]
fn an_enmap_product_has_the_centres_widths_and_gains_of_its_description() {
    let folder = tempfile::tempdir().expect("folder");
    let beginning = "ENMAP01-____L2A-DT0000001867_20220724T104526Z_008_V010302_20230628T165614Z";
    let mut blue = signed("B02");
    blue[0] = -32768;
    many_bands(
        folder.path(),
        &format!("{beginning}-SPECTRAL_IMAGE.TIF"),
        vec![blue, signed("B03"), signed("B04")],
    );
    let classes = vec![1i16; SIDE * SIDE];
    many_bands(
        folder.path(),
        &format!("{beginning}-QL_QUALITY_CLASSES.TIF"),
        vec![classes],
    );
    let listed: String = [(1, 487.1, 6.1), (2, 561.1, 6.4), (3, 660.2, 7.2)]
        .iter()
        .map(|(number, center, width)| {
            format!(
                "<bandID number=\"{number}\"><wavelengthCenterOfBand>{center}</wavelengthCenterOfBand><FWHMOfBand>{width}</FWHMOfBand>\
                 <GainOfBand>0.0001</GainOfBand><OffsetOfBand>0</OffsetOfBand></bandID>"
            )
        })
        .collect();
    let description = folder.path().join(format!("{beginning}-METADATA.XML"));
    std::fs::write(
        &description,
        format!(
            "<level_X><base><level>L2A</level><temporalCoverage><startTime>2022-07-24T10:45:26.000Z</startTime></temporalCoverage></base>\
             <specific><cloudCover>7</cloudCover><bandCharacterisation>{listed}</bandCharacterisation></specific></level_X>"
        ),
    )
    .expect("written");
    for path in [folder.path(), description.as_path()] {
        let raster = open(path);
        let info = raster.info();
        assert_eq!(info.driver, ProductKind::EnMap.label());
        assert_eq!(
            names(info),
            ["Band 001", "Band 002", "Band 003", "QUALITY_CLASSES"]
        );
        assert_eq!(info.sensor.as_deref(), Some("enmap"));
        assert_eq!(info.date.as_deref(), Some("2022-07-24"));
        let red = info.bands[2].wavelength.expect("a wavelength");
        assert_eq!(
            (red.center.nm(), red.fwhm_nm, red.source),
            (660.2, Some(7.2), WavelengthSource::ProductXml)
        );
        assert_eq!(
            (info.bands[2].scale, info.bands[2].nodata),
            (0.0001, Some(-32768.0))
        );
        assert!(
            info.bands[3]
                .palette
                .iter()
                .any(|entry| entry.name == "water")
        );
        let block = read(&raster, &[0], whole(&raster));
        assert!(!block.valid[0] && block.valid[1]);
        assert_eq!(block.values[1], f32::from(signed("B02")[1]));
    }
}

#[test]
fn a_planetscope_scene_takes_its_coefficients_and_its_mask() {
    let folder = tempfile::tempdir().expect("folder");
    let scene = "20210603_101031_ssc1";
    let bands = ["B02", "B03", "B04", "B08"].map(signed).to_vec();
    many_bands(folder.path(), &format!("{scene}_3B_AnalyticMS.tif"), bands);
    let mask = vec![vec![1i16; SIDE * SIDE]; 8];
    many_bands(folder.path(), &format!("{scene}_3B_udm2.tif"), mask);
    let listed: String = (1..=4)
        .map(|number| {
            format!(
                "<ps:bandSpecificMetadata><ps:bandNumber>{number}</ps:bandNumber>\
                 <ps:reflectanceCoefficient>{number}e-05</ps:reflectanceCoefficient></ps:bandSpecificMetadata>"
            )
        })
        .collect();
    let description = folder
        .path()
        .join(format!("{scene}_3B_AnalyticMS_metadata.xml"));
    let text = format!(
        "<ps:EarthObservation xmlns:ps=\"x\"><ps:acquisitionDateTime>2021-06-03T10:10:31+00:00</ps:acquisitionDateTime>{listed}</ps:EarthObservation>"
    );
    std::fs::write(&description, text).expect("written");
    for path in [folder.path(), description.as_path()] {
        let raster = open(path);
        let info = raster.info();
        assert_eq!(
            &names(info)[..5],
            ["blue", "green", "red", "nir", "UDM2 clear"]
        );
        assert_eq!(
            (info.bands.len(), info.date.as_deref()),
            (12, Some("2021-06-03"))
        );
        assert_eq!(
            (info.bands[2].scale, info.bands[2].nodata),
            (3e-5, Some(0.0))
        );
        assert_eq!(info.bands[2].wavelength.map(|w| w.center.nm()), Some(665.0));
        assert_eq!(source(info, 4), None);
    }
    // The satellites before looked through other filters, which only the description tells.
    for (instrument, red_nm) in [("PS2", 630.0), ("PS2.SD", 666.0), ("PSB.SD", 665.0)] {
        let folder = tempfile::tempdir().expect("folder");
        let bands = ["B02", "B03", "B04", "B08"].map(signed).to_vec();
        many_bands(folder.path(), &format!("{scene}_3B_AnalyticMS.tif"), bands);
        let text = format!(
            "<ps:EarthObservation xmlns:ps=\"x\" xmlns:eop=\"y\"><eop:Platform><eop:shortName>PlanetScope</eop:shortName>\
             </eop:Platform><eop:Instrument><eop:shortName>{instrument}</eop:shortName></eop:Instrument>{listed}\
             </ps:EarthObservation>"
        );
        let description = format!("{scene}_3B_AnalyticMS_metadata.xml");
        std::fs::write(folder.path().join(description), text).expect("written");
        let raster = open(folder.path());
        let red = raster.info().bands[2].wavelength.map(|w| w.center.nm());
        assert_eq!(red, Some(red_nm), "{instrument}");
    }
}

#[test]
fn a_stac_item_opens_with_its_local_assets_and_names_the_others() {
    let folder = tempfile::tempdir().expect("folder");
    let red = sample_band("B04");
    Sheet::new(&red, 10.0).write(&folder.path().join("r.tif"));
    Sheet::new(&thinned(&sample_band("B8A"), 2), 20.0).write(&folder.path().join("n.tif"));
    Sheet::new(&vec![4; 3600], 20.0).write(&folder.path().join("scl.tif"));
    let item = |id: &str| {
        format!(
            r#"{{"type":"Feature","stac_version":"1.1.0","id":"{id}","properties":{{"datetime":"2021-07-28T11:21:19Z","platform":"sentinel-2b",
            "eo:cloud_cover":4.5}},"assets":{{"red":{{"href":"./r.tif","roles":["data"],"bands":[{{"name":"B04","eo:center_wavelength":0.665,
            "nodata":0,"raster:scale":0.0001,"raster:offset":-0.1}}]}},"nir08":{{"href":"n.tif","roles":["data"],"bands":[{{"name":"B8A",
            "eo:center_wavelength":0.864,"nodata":0,"raster:scale":0.0001,"raster:offset":-0.1}}]}},"scl":{{"href":"scl.tif","roles":["data"]}},
            "far":{{"href":"https://example.invalid/f.tif"}}}}}}"#
        )
    };
    let path = folder.path().join("item.json");
    std::fs::write(&path, item("one")).expect("written");
    for path in [folder.path(), path.as_path()] {
        let raster = open(path);
        let info = raster.info();
        assert_eq!(names(info), ["B04", "B8A", "scl"]);
        assert_eq!(
            (info.grid.width, info.date.as_deref()),
            (SIDE, Some("2021-07-28"))
        );
        assert_eq!((info.bands[0].scale, info.bands[0].offset), (0.0001, -0.1));
        assert_eq!(source(info, 1), Some(WavelengthSource::StacSidecar));
        assert_eq!(info.metadata_item("CLOUD_COVER"), Some("4.5"));
        let note = info.grid.georef.note.clone().unwrap_or_default();
        assert!(
            note.contains("not touched") && note.contains("far"),
            "{note}"
        );
        assert_eq!(
            read(&raster, &[0], whole(&raster)).values[9],
            f32::from(red[9])
        );
    }
    // A collection file holds several images.
    let all = folder.path().join("all.json");
    let text = format!(
        r#"{{"type":"FeatureCollection","features":[{},{}]}}"#,
        item("one"),
        item("two")
    );
    std::fs::write(&all, text).expect("written");
    let found = products_in(&all);
    assert_eq!(found.len(), 2);
    assert_eq!(
        open(&found[1].path).info().metadata_item("STAC_ITEM"),
        Some("two")
    );
}
