//! Archives of real sensors and of made ones: what belongs together, what is left out, and what pixels are read.

#![expect(
    unsafe_code,
    reason = "files are made with functions of GDAL that have no safe form"
)]

use super::*;
use crate::field::tests::shared;
use crate::made_raster::{Made, open};
use crate::{BandSums, Crs, Resampling, SourceBand, Window};

const PLACE: [f64; 6] = [500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0];

fn spec(paths: &[&Path]) -> ArchiveSpec {
    ArchiveSpec {
        files: paths.iter().map(|path| path.to_path_buf()).collect(),
        reference: None,
    }
}

fn archive(path: &Path) -> Archive {
    Archive::open(&spec(&[path]), None).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(spec: &ArchiveSpec, known: Option<&[Source]>) -> String {
    Archive::open(spec, known).expect_err("refused").to_string()
}

fn shape(archive: &Archive) -> Vec<(String, usize, String)> {
    archive
        .sources
        .iter()
        .map(|found| {
            (
                found.source.name.clone(),
                found.frames.len(),
                found.source.band_names(),
            )
        })
        .collect()
}

fn name_bands(path: &Path, names: &[&str]) {
    let options = gdal::DatasetOptions {
        open_flags: gdal::GdalOpenFlags::GDAL_OF_UPDATE,
        ..Default::default()
    };
    let dataset = gdal::Dataset::open_ex(path, options).expect("opened");
    for (number, name) in (1..).zip(names) {
        let band = dataset.rasterband(number).expect("band");
        let name = std::ffi::CString::new(*name).expect("text");
        // SAFETY: a band of the open dataset; GDAL copies the text.
        unsafe { gdal_sys::GDALSetDescription(band.c_rasterband(), name.as_ptr()) };
    }
}

/// An image of constant bands, `first`, `first + 100`, ...
fn image(folder: &Path, name: &str, place: [f64; 6], first: i16, bands: &[&str]) -> PathBuf {
    let values = (0_i16..).step_by(100).take(bands.len());
    let planes = values.map(|add| vec![first + add; 64]).collect();
    let mut made = Made::new((8, 8), planes);
    made.transform = Some(place);
    let path = made.write(folder, name);
    name_bands(&path, bands);
    path
}

#[test]
fn archives_are_read_from_any_thread() {
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Archive>();
}

#[test]
fn sensors_of_a_folder_are_told_apart() {
    let Some(folder) = shared("data/flanders_2018") else {
        return;
    };
    let archive = archive(&folder);
    let names = |name: &str, count: usize, bands: &str| (name.to_owned(), count, bands.to_owned());
    assert_eq!(
        shape(&archive),
        [
            names(
                "sentinel-2",
                118,
                "B02, B03, B04, B05, B06, B07, B08, B8A, B11, B12"
            ),
            names("sentinel-1", 159, "VV, VH"),
            names("landsat", 24, "B02, B03, B04, B05, B06, B07, B10, B11"),
        ]
    );
    assert_eq!((archive.grid.width, archive.grid.height), (64, 64));
    assert_eq!(
        archive.period().map(|period| period.to_string()).as_deref(),
        Some("2017-08-01..2018-11-30")
    );
    assert!(archive.notes.iter().any(|note| note.contains("labels.tif")));
    let frames = &archive.sources[0].frames;
    assert!(frames.windows(2).all(|pair| pair[0].day < pair[1].day));
    assert!(frames.iter().all(ArchiveFrame::has_mask));
    // The time of day is the file's own.
    let first = frames.first().expect("frames");
    assert_eq!(first.date, Date::constant(2017, 8, 4));
    assert!((first.day - 215.453_796).abs() < 1e-5);
    assert_eq!(
        archive.sources[0].nearest(Date::constant(2018, 5, 7)),
        frames
            .iter()
            .position(|frame| frame.name == "S2_2018-05-06.tif")
    );
    let june: Period = "2018-06".parse().expect("month");
    assert_eq!(
        archive.counts_text(Some(&june)),
        "sentinel-2 9, sentinel-1 10, landsat 2"
    );
}

#[test]
fn values_are_in_the_measure_of_their_source() {
    let Some(folder) = shared("data/flanders_2018") else {
        return;
    };
    let archive = archive(&folder);
    let window = Window {
        col: 5,
        row: 20,
        width: 40,
        height: 30,
    };
    let at = archive.sources[0]
        .nearest(Date::constant(2018, 5, 6))
        .expect("a frame");
    let block = archive.read_blocking(0, at, window).expect("read");
    let raw = open(&folder.join("s2/S2_2018-05-06.tif"))
        .read_blocking(&[2], window, 40, 30, Resampling::Nearest)
        .expect("read");
    let pixels = window.pixels();
    for (at, stored) in raw.values.iter().enumerate() {
        assert_eq!(block.is_valid[2 * pixels + at], raw.valid[at]);
        if raw.valid[at] {
            assert!(
                (block.values[2 * pixels + at] - stored).abs() < 0.01,
                "{at}"
            );
        }
    }
    let share =
        |flags: &[bool]| flags.iter().filter(|flag| **flag).count() as f64 / flags.len() as f64;
    assert!(share(&block.is_clear) > 0.95);
    // Radar of 20 m on a grid of 10 m, in decibels.
    let radar = archive
        .read_blocking(1, 40, archive.grid.window())
        .expect("read");
    assert!(share(&radar.is_valid) > 0.99);
    let mean = |values: &[f32]| {
        values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64
    };
    let [vv, vh] = [0, 1].map(|band| mean(&radar.values[band * 4096..(band + 1) * 4096]));
    let raw = open(&folder.join("s1_vv_sigma0.tif"));
    let raw = raw
        .read_blocking(&[40], raw.info().grid.window(), 32, 32, Resampling::Nearest)
        .expect("read");
    assert!(
        (vv - mean(&raw.values)).abs() < 0.1 && vh < vv - 4.0,
        "{vv} {vh}"
    );
    // Landsat: negative numbers that wrapped around are no reflectance; heat is in kelvins.
    let (mut wrapped, mut kelvins) = (0, 0);
    for (frame, found) in archive.sources[2].frames.iter().enumerate() {
        let block = archive
            .read_blocking(2, frame, archive.grid.window())
            .expect("read");
        let raw = open(&folder.join("l8").join(&found.name));
        let raw = raw
            .read_blocking(&[0], archive.grid.window(), 64, 64, Resampling::Nearest)
            .expect("read");
        for (at, stored) in raw.values.iter().enumerate() {
            if *stored > 60_000.0 {
                wrapped += 1;
                assert!(!block.is_valid[at]);
            }
            if block.is_valid[6 * 4096 + at] {
                kelvins += 1;
                assert!((200.0..330.0).contains(&block.values[6 * 4096 + at]));
            }
        }
    }
    assert!(wrapped > 0 && kelvins > 10_000, "{wrapped} {kelvins}");
}

#[test]
fn two_renderings_of_one_place_come_onto_one_grid() {
    let Some(folder) = shared("data/s2_portugal_2021") else {
        return;
    };
    let archive = archive(&folder);
    let [found] = archive.sources.as_slice() else {
        panic!("{:?}", shape(&archive));
    };
    assert_eq!((found.frames.len(), found.source.bands.len()), (37, 12));
    assert_eq!((archive.grid.width, archive.grid.height), (152, 135));
    assert_eq!(
        archive.grid.crs().map(Crs::label).as_deref(),
        Some("EPSG:32629")
    );
    let day = Date::constant(2021, 6, 28);
    let both: Vec<usize> = (0..37).filter(|at| found.frames[*at].date == day).collect();
    let blocks: Vec<_> = both
        .iter()
        .map(|at| {
            archive
                .read_blocking(0, *at, archive.grid.window())
                .expect("read")
        })
        .collect();
    // Red, where both have it: one is in degrees and was warped.
    let pixels = 152 * 135;
    let red: Vec<(f64, f64)> = (3 * pixels..4 * pixels)
        .filter(|at| blocks.iter().all(|block| block.is_valid[*at]))
        .map(|at| {
            (
                f64::from(blocks[0].values[at]),
                f64::from(blocks[1].values[at]),
            )
        })
        .collect();
    let count = red.len() as f64;
    assert!(count > 8000.0, "{count}");
    let (a, b) = red.iter().fold((0.0, 0.0), |sum, (a, b)| {
        (sum.0 + a / count, sum.1 + b / count)
    });
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in &red {
        ab += (x - a) * (y - b);
        aa += (x - a).powi(2);
        bb += (y - b).powi(2);
    }
    assert!(ab / (aa * bb).sqrt() > 0.95, "{}", ab / (aa * bb).sqrt());
    // One of the dates on a smaller grid of the same pixels: exact inside, missing outside.
    let at = found.frames.iter().position(|frame| {
        frame.date == Date::constant(2021, 8, 22) && frame.band_slots().len() == 12
    });
    let block = archive
        .read_blocking(0, at.expect("a frame"), archive.grid.window())
        .expect("read");
    let file = open(&folder.join("s2_l2a_12band/S2_2021-08-22.tif"));
    let raw = file
        .read_blocking(
            &[0],
            file.info().grid.window(),
            135,
            129,
            Resampling::Nearest,
        )
        .expect("read");
    // The smaller one begins 17 pixels to the east and 6 to the south.
    for (row, col) in [(0, 0), (64, 70), (128, 134)] {
        let (own, other) = ((row + 6) * 152 + col + 17, row * 135 + col);
        assert_eq!(block.is_valid[own], raw.valid[other]);
        assert!(!raw.valid[other] || (block.values[own] - raw.values[other]).abs() < 0.01);
    }
    assert!(!block.is_valid[0] && block.is_clear[0]);
}

#[test]
fn bands_in_files_of_their_own_make_one_image_a_date() {
    let (Some(landsat), Some(modis)) = (
        shared("data/landsat57_timeseries"),
        shared("data/modis_mato_grosso"),
    ) else {
        return;
    };
    let landsat = archive(&landsat);
    assert_eq!(
        shape(&landsat),
        [("landsat".to_owned(), 105, "b3, b4, b5".to_owned())]
    );
    assert_eq!(
        landsat.sources[0].source.bands[1].wavelength_nm,
        Some(830.0)
    );
    // -9999 is declared nowhere.
    for frame in 0..105 {
        let block = landsat
            .read_blocking(0, frame, landsat.grid.window())
            .expect("read");
        assert!(block.values.iter().all(|value| *value > -2001.0));
    }
    let modis = archive(&modis);
    assert_eq!(shape(&modis)[0].1, 137);
    assert_eq!(modis.sources[0].source.bands.len(), 6);
    assert_eq!(modis.sources[0].source.regrid_m, Some(231.7));
}

#[test]
fn images_without_dates_are_asked_for_them() {
    let (Some(pucallpa), Some(togo)) = (
        shared("data/landsat_pucallpa"),
        shared("data/s1s2era5_togo_2019"),
    ) else {
        return;
    };
    let error = refused(&spec(&[&pucallpa]), None);
    assert!(
        error.contains("landsat_1985.tif") && error.contains("dates.csv"),
        "{error}"
    );
    let error = refused(&spec(&[&togo]), None);
    assert!(
        error.contains("98-togo") && error.contains("band, date and name"),
        "{error}"
    );
}

#[test]
fn two_images_of_one_moment_are_refused_by_name() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    image(root, "S2_2021-06-03_a.tif", PLACE, 100, &["B02", "B04"]);
    image(root, "S2_2021-06-08.tif", PLACE, 100, &["B02", "B04"]);
    assert_eq!(shape(&archive(root))[0].1, 2);
    image(root, "S2_2021-06-03_b.tif", PLACE, 300, &["B02", "B04"]);
    let error = refused(&spec(&[root]), None);
    assert!(
        error.contains("S2_2021-06-03_a.tif and S2_2021-06-03_b.tif"),
        "{error}"
    );
    // With times of day they are two, and so are neighbours.
    std::fs::write(
        root.join("dates.csv"),
        "file,time\nS2_2021-06-03_a.tif,2021-06-03T10:00:00\nS2_2021-06-03_b.tif,2021-06-03T10:00:07\n",
    )
    .expect("written");
    assert_eq!(shape(&archive(root))[0].1, 3);
    let mut east = PLACE;
    east[0] += 40.0;
    image(root, "S2_2021-06-08_east.tif", east, 300, &["B02", "B04"]);
    let two = archive(root);
    assert_eq!(shape(&two)[0].1, 4);
    // Two polarisations of one moment are one image.
    let radar = tempfile::tempdir().expect("folder");
    for (pole, day) in [
        ("VV", "2021-06-03"),
        ("VH", "2021-06-03"),
        ("VV", "2021-06-09"),
    ] {
        let own = radar.path().join(pole);
        std::fs::create_dir_all(&own).expect("folder");
        image(&own, &format!("S1_{day}.tif"), PLACE, -12, &[pole]);
    }
    let radar = archive(radar.path());
    assert_eq!(
        shape(&radar),
        [("sentinel-1".to_owned(), 2, "VV, VH".to_owned())]
    );
    assert_eq!(radar.sources[0].frames[1].band_slots(), [0]);
    let block = radar
        .read_blocking(
            0,
            1,
            Window {
                col: 0,
                row: 0,
                width: 2,
                height: 1,
            },
        )
        .expect("read");
    assert_eq!(block.is_valid, [true, true, false, false]);
    assert_eq!(block.values[0], -12.0);
}

fn known(name: &str, bands: &[(&str, Option<f64>, Measure)]) -> Source {
    Source {
        name: name.to_owned(),
        is_input: true,
        is_target: true,
        bands: bands
            .iter()
            .map(|(name, wavelength_nm, measure)| SourceBand {
                name: (*name).to_owned(),
                wavelength_nm: *wavelength_nm,
                measure: *measure,
                mean: 0.5,
                deviation: 0.25,
                classes: Vec::new(),
            })
            .collect(),
        loss_weight: 1.0,
        shift_m: None,
        regrid_m: None,
    }
}

#[test]
fn a_model_takes_the_bands_it_knows() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    image(
        root,
        "S2_2021-06-03.tif",
        PLACE,
        100,
        &["B02", "B04", "B8A"],
    );
    image(root, "S2_2021-06-08.tif", PLACE, 100, &["B04"]);
    let drone = image(root, "drone_2021-06-08.tif", PLACE, 5, &["height"]);
    let s2 = known(
        "sentinel-2",
        &[
            ("red", Some(664.6), Measure::Reflectance),
            ("nir", Some(832.8), Measure::Reflectance),
            ("blue", Some(492.4), Measure::Reflectance),
        ],
    );
    let radar = known("sentinel-1", &[("VV", None, Measure::Decibel)]);
    let archive = Archive::open(&spec(&[root]), Some(&[radar.clone(), s2])).expect("opened");
    assert_eq!(archive.sources[0].frames.len(), 0);
    let [first, second] = archive.sources[1].frames.as_slice() else {
        panic!("{:?}", shape(&archive));
    };
    assert_eq!(
        (first.band_slots(), second.band_slots()),
        (vec![0, 2], vec![0])
    );
    assert_eq!(archive.sources[1].source.bands[0].deviation, 0.25);
    let block = archive
        .read_blocking(1, 0, archive.grid.window())
        .expect("read");
    assert_eq!(
        (block.values[0], block.values[64], block.values[128]),
        (200.0, 0.0, 100.0)
    );
    assert_eq!((block.is_valid[0], block.is_valid[64]), (true, false));
    let has = |words: &[&str]| {
        archive
            .notes
            .iter()
            .any(|note| words.iter().all(|word| note.contains(word)))
    };
    assert!(
        has(&["never saw", "drone_2021-06-08.tif"]),
        "{:?}",
        archive.notes
    );
    assert!(
        has(&["nowhere in these images", "nir"]),
        "{:?}",
        archive.notes
    );
    assert!(has(&["no such bands", "B8A"]), "{:?}", archive.notes);
    let error = refused(&spec(&[root]), Some(&[radar]));
    assert!(
        error.contains("other bands") && error.contains("sentinel-1 (VV)"),
        "{error}"
    );
    // One image is allowed, and said.
    let one = Archive::open(&spec(&[&drone]), None).expect("opened");
    assert!(
        one.notes
            .iter()
            .any(|note| note.contains("only one dated image"))
    );
    let elsewhere = image(
        root,
        "far.tif",
        [900_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0],
        1,
        &["x"],
    );
    let far = ArchiveSpec {
        reference: Some(elsewhere),
        ..spec(&[&drone])
    };
    assert!(refused(&far, None).contains("overlaps"));
    assert!(refused(&spec(&[&root.join("nothing")]), None).contains("check the path"));
    assert!(refused(&ArchiveSpec::default(), None).contains("name a folder"));
}

#[test]
fn undated_rasters_are_targets_only_when_named() {
    let Some(folder) = shared("data/s2_portugal_2021") else {
        return;
    };
    let archive = Archive::open(
        &spec(&[
            &folder,
            &folder.join("cop_dem_minicube.tif"),
            &folder.join("labels_worldcover.tif"),
        ]),
        None,
    )
    .expect("opened");
    let names: Vec<&str> = archive
        .sources
        .iter()
        .map(|found| found.source.name.as_str())
        .collect();
    assert_eq!(names, ["sentinel-2", "elevation", "esa-worldcover-class"]);
    let [s2, elevation, classes] = archive.sources.as_slice() else {
        panic!("{names:?}");
    };
    assert!(s2.source.is_input && !elevation.source.is_input && !classes.source.is_input);
    assert!(elevation.frames[0].is_static && elevation.frames_in(None).is_empty());
    assert!(
        archive
            .period()
            .expect("dated")
            .contains(elevation.frames[0].date)
    );
    let band = &classes.source.bands[0];
    assert_eq!(band.measure, Measure::Classes);
    assert!(band.classes.len() > 2, "{:?}", band.classes);
    let block = archive
        .read_blocking(2, 0, archive.grid.window())
        .expect("read");
    let codes: Vec<i64> = band.classes.iter().map(|class| class.0).collect();
    let read = block
        .values
        .iter()
        .zip(&block.is_valid)
        .filter(|(_, valid)| **valid);
    assert!(
        read.map(|(value, _)| *value as i64)
            .all(|code| codes.contains(&code))
    );
    let heights = archive
        .read_blocking(1, 0, archive.grid.window())
        .expect("read");
    assert!(heights.has_values());
}

#[test]
fn statistics_are_of_all_images_and_parts_can_be_joined() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    image(root, "S2_2021-06-03.tif", PLACE, 100, &["B02", "B04"]);
    image(root, "S2_2021-06-08.tif", PLACE, 300, &["B02", "B04"]);
    let mut archive = archive(root);
    let mut seen = Vec::new();
    archive
        .fit_statistics(|done, total| {
            seen.push((done, total));
            true
        })
        .expect("fitted");
    assert_eq!(seen, [(0, 2), (1, 2), (2, 2)]);
    let band = &archive.sources[0].source.bands[0];
    let logs = [100.0, 300.0].map(|value| Measure::Reflectance.scaled(value));
    assert!((band.mean - f64::midpoint(logs[0], logs[1])).abs() < 1e-12);
    assert!((band.deviation - (logs[1] - logs[0]) / 2.0).abs() < 1e-12);
    let block = archive
        .read_blocking(0, 1, archive.grid.window())
        .expect("read");
    let normal = block.normalised(&archive.sources[0].source);
    assert!((normal[0] - 1.0).abs() < 1e-5);
    assert!(matches!(
        archive.fit_statistics(|_, _| false),
        Err(SceneError::Cancelled)
    ));
    let sums = archive.sums_blocking(|_, _| true).expect("sums");
    let mut joined = BandSums::default();
    joined.join(&sums[0][0]);
    joined.join(&sums[0][1]);
    joined.join(&BandSums::default());
    assert_eq!(joined.count, 256);
}

#[test]
fn a_cut_off_image_says_where_it_is_missing() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    image(root, "S2_2021-06-03.tif", PLACE, 100, &["B02", "B04"]);
    // Half a pixel to the east and twice as coarse.
    image(
        root,
        "S2_2021-06-08.tif",
        [500_005.0, 20.0, 0.0, 4_000_000.0, 0.0, -20.0],
        300,
        &["B02", "B04"],
    );
    let archive = archive(root);
    assert_eq!(archive.grid.transform().pixel_size(), (10.0, 10.0));
    let block = archive
        .read_blocking(0, 1, archive.grid.window())
        .expect("read");
    assert_eq!((block.values[7], block.is_valid[7]), (300.0, true));
    // The first column's centres lie on the edge of the other image, which still counts.
    assert_eq!(block.values[0], 300.0);
    let outside = Window {
        col: 4,
        row: 0,
        width: 8,
        height: 1,
    };
    assert!(archive.read_blocking(0, 1, outside).is_err());
    assert!(archive.read_blocking(4, 1, archive.grid.window()).is_err());
    // Zero in every band means nothing was measured, where nothing is declared to.
    let mut empty = Made::new((8, 8), vec![vec![0_i16; 64], vec![0; 64]]);
    empty.transform = Some(PLACE);
    let path = empty.write(root, "S2_2021-06-13.tif");
    name_bands(&path, &["B02", "B04"]);
    let archive = super::tests::archive(root);
    let block = archive
        .read_blocking(0, 2, archive.grid.window())
        .expect("read");
    assert!(!block.has_values() && !block.is_usable().contains(&true));
}
