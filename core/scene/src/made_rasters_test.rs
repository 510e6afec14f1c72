//! Rasters made for one difficulty each: signed bytes, south-up, rotated, nodata beside NaN, thousands of bands, ENVI
//! headers, containers, damage.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use gdal::raster::RasterCreationOptions;
use gdal::{DriverManager, Metadata};

use crate::made_raster::{Made, open, whole};
use crate::{
    Raster, Resampling, SampleType, WavelengthSource, Window, contained_blocking, gdal_setup,
    subdatasets,
};

#[test]
fn signed_bytes_are_signed_with_and_without_the_flag() {
    let folder = tempfile::tempdir().expect("folder");
    let bytes: Vec<u8> = [-128i8, -28, 0, 127].map(i8::cast_unsigned).to_vec();
    let mut made = Made::new((2, 2), vec![bytes]);
    made.nodata = Some(-128.0);
    made.options = vec!["PIXELTYPE=SIGNEDBYTE"];
    let raster = open(&made.write(folder.path(), "signed.tif"));
    let band = &raster.info().bands[0];
    assert_eq!(
        (band.sample_type, band.nodata),
        (SampleType::Int8, Some(-128.0))
    );
    let block = raster
        .read_blocking(&[0], whole(&raster), 2, 2, Resampling::Average)
        .expect("reads");
    assert_eq!(block.values, vec![-128.0, -28.0, 0.0, 127.0]);
    assert_eq!(block.valid, vec![false, true, true, true]);
}

#[test]
fn nodata_and_nan_are_both_missing_in_any_requested_band() {
    let folder = tempfile::tempdir().expect("folder");
    let lowest = f64::from(f32::MIN);
    let mut made = Made::new(
        (4, 1),
        vec![
            vec![1.0f32, f32::NAN, f32::MIN, 4.0],
            vec![1.0f32, 2.0, 3.0, f32::INFINITY],
        ],
    );
    // As many programs write it: shortened, so that the double differs from the stored float.
    made.nodata = Some(-3.40282e38);
    let raster = open(&made.write(folder.path(), "nan.tif"));
    let block = raster
        .read_blocking(&[0, 1], whole(&raster), 4, 1, Resampling::Nearest)
        .expect("reads");
    assert_eq!(block.valid, vec![true, false, false, false]);
    assert_eq!(block.band(1)[..3], [1.0, 2.0, 3.0]);
    made.nodata = Some(lowest);
    let raster = open(&made.write(folder.path(), "lowest.tif"));
    let block = raster
        .read_blocking(&[0], whole(&raster), 4, 1, Resampling::Nearest)
        .expect("reads");
    assert_eq!(block.valid, vec![true, false, false, true]);
    let second = raster
        .read_blocking(&[1], whole(&raster), 4, 1, Resampling::Nearest)
        .expect("reads");
    assert_eq!(second.valid, vec![true, true, true, false]);
}

#[test]
fn wide_integers_are_compared_before_they_lose_digits() {
    let folder = tempfile::tempdir().expect("folder");
    // Neighbours that are the same number as f32.
    let mut made = Made::new((2, 1), vec![vec![2_147_483_647i32, 2_147_483_646]]);
    made.nodata = Some(2_147_483_647.0);
    let raster = open(&made.write(folder.path(), "wide.tif"));
    let block = raster
        .read_blocking(&[0], whole(&raster), 2, 1, Resampling::Nearest)
        .expect("reads");
    assert_eq!(block.valid, vec![false, true]);
}

#[test]
fn averages_leave_missing_pixels_out() {
    let folder = tempfile::tempdir().expect("folder");
    let mut made = Made::new((4, 2), vec![vec![10u16, 0, 0, 0, 20, 30, 0, 0]]);
    made.nodata = Some(0.0);
    let raster = open(&made.write(folder.path(), "average.tif"));
    let block = raster
        .read_blocking(&[0], whole(&raster), 2, 1, Resampling::Average)
        .expect("reads");
    assert_eq!((block.values[0], block.valid), (20.0, vec![true, false]));
    let all_missing = Made {
        nodata: Some(0.0),
        ..Made::new((3, 3), vec![vec![0u8; 9]])
    };
    let raster = open(&all_missing.write(folder.path(), "empty.tif"));
    let block = raster
        .read_blocking(&[0], whole(&raster), 3, 3, Resampling::Average)
        .expect("reads");
    assert!(block.valid.iter().all(|v| !v));
}

#[test]
fn south_up_and_rotated_rasters_keep_their_rows_and_their_transform() {
    let folder = tempfile::tempdir().expect("folder");
    for (name, transform) in [
        ("south.tif", [500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, 10.0]),
        (
            "rotated.tif",
            [500_000.0, 7.0, -7.0, 4_000_000.0, -7.0, -7.0],
        ),
    ] {
        let mut made = Made::new((2, 2), vec![vec![1u8, 2, 3, 4]]);
        made.transform = Some(transform);
        let raster = open(&made.write(folder.path(), name));
        let georef = &raster.info().grid.georef;
        assert_eq!(georef.transform.expect("kept").0, transform);
        assert_eq!(georef.crs.as_ref().and_then(|crs| crs.epsg), Some(32629));
        let bottom = Window {
            col: 0,
            row: 1,
            width: 2,
            height: 1,
        };
        let block = raster
            .read_blocking(&[0], bottom, 2, 1, Resampling::Nearest)
            .expect("reads");
        assert_eq!(block.values, vec![3.0, 4.0]);
    }
    let placeless =
        open(&Made::new((2, 2), vec![vec![1u8; 4]]).write(folder.path(), "nowhere.tif"));
    let georef = &placeless.info().grid.georef;
    assert!(georef.transform.is_none() && georef.crs.is_none() && georef.note.is_some());
}

#[test]
fn scale_offset_unit_and_names_are_told_but_not_applied() {
    let folder = tempfile::tempdir().expect("folder");
    let path = Made::new((2, 1), vec![vec![100i16, 200]]).write(folder.path(), "scaled.tif");
    {
        let dataset = gdal::Dataset::open_ex(
            &path,
            gdal::DatasetOptions {
                open_flags: gdal::GdalOpenFlags::GDAL_OF_UPDATE,
                ..Default::default()
            },
        )
        .expect("update");
        let mut band = dataset.rasterband(1).expect("band");
        band.set_scale(0.5).expect("scale");
        band.set_offset(-10.0).expect("offset");
        band.set_description("moisture").expect("name");
    }
    let raster = open(&path);
    let band = &raster.info().bands[0];
    assert_eq!(
        (band.scale, band.offset, band.name.as_str()),
        (0.5, -10.0, "moisture")
    );
    let block = raster
        .read_blocking(&[0], whole(&raster), 2, 1, Resampling::Nearest)
        .expect("reads");
    assert_eq!(block.values, vec![100.0, 200.0]);
    assert_eq!(band.scaled(200.0), 90.0);
}

#[test]
fn five_thousand_bands_open_at_once() {
    let folder = tempfile::tempdir().expect("folder");
    Made::new((8, 8), vec![vec![7u16; 64]]).write(folder.path(), "one.tif");
    let mut vrt = String::from("<VRTDataset rasterXSize=\"8\" rasterYSize=\"8\">\n");
    for number in 1..=5000 {
        vrt.push_str(&format!(
            "<VRTRasterBand dataType=\"UInt16\" band=\"{number}\"><SimpleSource><SourceFilename \
             relativeToVRT=\"1\">one.tif</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand>\n"
        ));
    }
    vrt.push_str("</VRTDataset>\n");
    let path = folder.path().join("many.vrt");
    std::fs::write(&path, vrt).expect("written");
    let started = Instant::now();
    let raster = open(&path);
    let seconds = started.elapsed().as_secs_f32();
    eprintln!("5,000 bands opened in {seconds:.2} s");
    assert!(seconds < 5.0, "{seconds} s");
    assert_eq!(raster.info().bands.len(), 5000);
    let block = raster
        .read_blocking(&[4999, 0], whole(&raster), 8, 8, Resampling::Nearest)
        .expect("reads");
    assert!(block.values.iter().all(|v| *v == 7.0));
}

#[test]
fn containers_list_what_they_hold() {
    let folder = tempfile::tempdir().expect("folder");
    gdal_setup();
    let path = folder.path().join("pages.tif");
    Made::new((2, 2), vec![vec![1u8; 4]]).write(folder.path(), "pages.tif");
    let second = Made {
        options: vec!["APPEND_SUBDATASET=YES"],
        ..Made::new((3, 2), vec![vec![2u8; 6]])
    };
    second.write(folder.path(), "pages.tif");
    let pages = subdatasets(&path).expect("pages");
    assert_eq!(pages.len(), 2);
    assert!(
        open(&path)
            .info()
            .grid
            .georef
            .note
            .as_ref()
            .expect("said")
            .contains("2 images")
    );
    assert_eq!(open(Path::new(&pages[1].name)).info().grid.width, 3);

    let Ok(netcdf) = DriverManager::get_driver_by_name("netCDF") else {
        eprintln!("SKIPPED: this GDAL has no netCDF");
        return;
    };
    // GDAL writes each band as a variable: the file itself then has no raster.
    for (bands, name) in [(2, "two.nc"), (1, "one.nc")] {
        let source =
            Made::new((4, 3), vec![vec![3i16; 12]; bands]).write(folder.path(), "source.tif");
        let container = folder.path().join(name);
        let source = gdal::Dataset::open(&source).expect("source");
        source
            .create_copy(&netcdf, &container, &RasterCreationOptions::new())
            .expect("copied")
            .close()
            .expect("closed");
    }
    let error = Raster::open(&folder.path().join("two.nc"))
        .err()
        .expect("a container")
        .to_string();
    assert!(
        error.contains("container of 2 rasters") && error.contains("two.nc:Band2"),
        "{error}"
    );
    let by_variable = open(&folder.path().join("two.nc:Band2"));
    assert_eq!(by_variable.info().grid.width, 4);
    let error = Raster::open(&folder.path().join("two.nc:Band9"))
        .err()
        .expect("no such variable")
        .to_string();
    assert!(
        error.contains("Band9") && error.contains("Band1, Band2"),
        "{error}"
    );
    let inside = contained_blocking(&folder.path().join("two.nc"))
        .expect("opens")
        .expect("a container");
    assert_eq!(
        inside
            .iter()
            .map(|one| one.variable.as_str())
            .collect::<Vec<_>>(),
        ["Band1", "Band2"]
    );
    assert!(inside.iter().all(|one| one.width == 4 && one.opens()));
    let inside = subdatasets(&folder.path().join("two.nc")).expect("variables");
    assert_eq!(open(Path::new(&inside[0].name)).info().grid.width, 4);
    assert_eq!(open(&folder.path().join("one.nc")).info().bands.len(), 1);
}

#[test]
fn envi_headers_give_centres_widths_bad_bands_and_gains() {
    let folder = tempfile::tempdir().expect("folder");
    let path = Made::new((2, 2), vec![vec![1i16; 4], vec![2; 4], vec![3; 4]])
        .write(folder.path(), "cube.img");
    let header = path.with_extension("hdr");
    let mut text = std::fs::read_to_string(&header).expect("header");
    text.push_str(
        "wavelength units = Micrometers\nwavelength = {0.45, 0.665, 2.2}\nfwhm = {0.01, 0.02, 0.03}\nbbl = {1, 1, 0}\n\
         data gain values = {0.1, 0.2, 0.3}\n",
    );
    std::fs::write(&header, text).expect("header");
    let raster = open(&path);
    let bands = &raster.info().bands;
    let told: Vec<_> = bands
        .iter()
        .map(|b| {
            b.wavelength
                .map(|w| (w.center.nm().round(), w.fwhm_nm.map(f64::round)))
        })
        .collect();
    assert_eq!(
        told,
        vec![
            Some((450.0, Some(10.0))),
            Some((665.0, Some(20.0))),
            Some((2200.0, Some(30.0)))
        ]
    );
    assert!(bands.iter().all(|b| b.wavelength.is_some_and(|w| {
        matches!(
            w.source,
            WavelengthSource::BandMetadata
                | WavelengthSource::EnviHeader
                | WavelengthSource::ImageryDomain
        )
    })));
    assert_eq!(
        bands.iter().map(|b| b.is_bad).collect::<Vec<_>>(),
        vec![false, false, true]
    );
    assert_eq!(
        bands.iter().map(|b| b.scale).collect::<Vec<_>>(),
        vec![0.1, 0.2, 0.3]
    );
}

#[test]
fn a_stac_file_beside_wins_over_names() {
    let folder = tempfile::tempdir().expect("folder");
    let path = Made::new((1, 1), vec![vec![1u8], vec![2]]).write(folder.path(), "scene.tif");
    std::fs::write(
        folder.path().join("scene.json"),
        r#"{"stac_version":"1.0.0","properties":{"datetime":"2020-05-06T07:08:09Z","platform":"sentinel-2a"},
            "assets":{"data":{"href":"scene.tif","eo:bands":[{"center_wavelength":0.49},{"center_wavelength":0.83}]}}}"#,
    )
    .expect("written");
    let raster = open(&path);
    let info = raster.info();
    assert_eq!(
        (info.date.as_deref(), info.sensor.as_deref()),
        (Some("2020-05-06"), Some("sentinel-2a"))
    );
    assert!(info.bands.iter().all(|b| {
        b.wavelength
            .is_some_and(|w| w.source == WavelengthSource::StacSidecar)
    }));
}

#[test]
fn class_names_survive_a_lost_side_car() {
    let folder = tempfile::tempdir().expect("folder");
    let path = Made::new((2, 1), vec![vec![1u8, 2]]).write(folder.path(), "map.tif");
    {
        let mut dataset = gdal::Dataset::open_ex(
            &path,
            gdal::DatasetOptions {
                open_flags: gdal::GdalOpenFlags::GDAL_OF_UPDATE,
                ..Default::default()
            },
        )
        .expect("update");
        let classes = r##"[{"id":1,"name":"water","color":"#0000ff"},{"id":2,"name":"wood","color":"#008000"}]"##;
        dataset
            .set_metadata_item("TERROIR_CLASSES", classes, "")
            .expect("item");
    }
    let raster = open(&path);
    assert!(raster.info().is_class_map());
    assert_eq!(raster.info().bands[0].palette[1].name, "wood");
}

#[test]
fn damage_and_absence_are_said_in_words() {
    let folder = tempfile::tempdir().expect("folder");
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("empty.tif"), b"").expect("written");
    std::fs::write(at("text.tif"), b"this is no raster at all").expect("written");
    std::fs::write(
        at("points.geojson"),
        r#"{"type":"FeatureCollection","features":[]}"#,
    )
    .expect("written");
    let mut made = Made::new(
        (256, 256),
        vec![(0..65536u32).map(|v| (v * 7919 % 65521) as u16).collect()],
    );
    made.options = vec!["COMPRESS=DEFLATE"];
    let good = made.write(folder.path(), "good.tif");
    let bytes = std::fs::read(&good).expect("read");
    std::fs::write(at("half.tif"), &bytes[..bytes.len() / 2]).expect("written");
    std::fs::write(at("header.tif"), &bytes[..6]).expect("written");
    for (name, words) in [
        ("missing.tif", "no such file"),
        ("empty.tif", "empty"),
        ("text.tif", "no raster"),
        ("header.tif", ""),
        ("points.geojson", ""),
        (".", "folder"),
    ] {
        let error = Raster::open(&at(name))
            .err()
            .unwrap_or_else(|| panic!("{name} opened"));
        assert!(error.to_string().contains(words), "{name}: {error}");
        assert!(!error.to_string().contains("ERROR"), "{name}: {error}");
    }
    let failed = Raster::open(&at("half.tif")).and_then(|raster| {
        let window = raster.info().grid.window();
        raster
            .read_blocking(&[0], window, 256, 256, Resampling::Nearest)
            .map(|_| ())
    });
    assert!(
        failed
            .expect_err("half a file")
            .to_string()
            .contains("half.tif")
    );
    let remote = Raster::open(Path::new("/vsicurl/http://127.0.0.1:9/x.tif"))
        .err()
        .expect("refused");
    assert!(remote.to_string().contains("network"), "{remote}");
}

#[test]
fn wrong_requests_are_errors() {
    let folder = tempfile::tempdir().expect("folder");
    let raster = open(&Made::new((4, 4), vec![vec![1u8; 16]]).write(folder.path(), "small.tif"));
    let outside = Window {
        col: 2,
        row: 0,
        width: 3,
        height: 4,
    };
    let huge = Window {
        col: usize::MAX,
        row: 0,
        width: 2,
        height: 2,
    };
    for (bands, window, size) in [
        (vec![0], outside, 4),
        (vec![0], huge, 4),
        (vec![1], whole(&raster), 4),
        (vec![], whole(&raster), 4),
        (vec![0], whole(&raster), 0),
    ] {
        assert!(
            raster
                .read_blocking(&bands, window, size, size, Resampling::Nearest)
                .is_err(),
            "{bands:?} {window:?}"
        );
    }
    assert!(raster.read_codes_blocking(whole(&raster), 4, 4).is_err());
}

#[test]
fn a_read_under_way_can_be_stopped() {
    let folder = tempfile::tempdir().expect("folder");
    let mut raster =
        open(&Made::new((64, 64), vec![vec![5u8; 4096]]).write(folder.path(), "a.tif"));
    let flag = Arc::new(std::sync::atomic::AtomicBool::new(false));
    raster.stop_with(Arc::clone(&flag));
    for resampling in [Resampling::Nearest, Resampling::Average] {
        flag.store(false, Ordering::Relaxed);
        assert!(
            raster
                .read_blocking(&[0], whole(&raster), 16, 16, resampling)
                .is_ok()
        );
        flag.store(true, Ordering::Relaxed);
        let stopped = raster.read_blocking(&[0], whole(&raster), 16, 16, resampling);
        assert!(
            matches!(stopped, Err(crate::SceneError::Cancelled)),
            "{resampling:?}: {stopped:?}"
        );
    }
}

#[test]
fn other_formats_read_alike() {
    let folder = tempfile::tempdir().expect("folder");
    let mut made = Made::new((64, 48), vec![(0..64 * 48).map(|v| v as u16).collect(); 3]);
    made.transform = Some([500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0]);
    let source = made.write(folder.path(), "source.tif");
    let expected = open(&source).read_blocking(
        &[2],
        Window {
            col: 3,
            row: 5,
            width: 9,
            height: 7,
        },
        9,
        7,
        Resampling::Nearest,
    );
    let expected = expected.expect("reads");
    for (driver, name, options) in [
        (
            "JP2OpenJPEG",
            "copy.jp2",
            vec!["QUALITY=100", "REVERSIBLE=YES"],
        ),
        ("COG", "copy_cog.tif", vec!["COMPRESS=DEFLATE"]),
        ("VRT", "copy.vrt", vec![]),
        ("HFA", "copy.img", vec![]),
    ] {
        let Ok(driver) = DriverManager::get_driver_by_name(driver) else {
            eprintln!("SKIPPED: this GDAL has no {driver}");
            continue;
        };
        let path = folder.path().join(name);
        let options = RasterCreationOptions::from_iter(options);
        let dataset = gdal::Dataset::open(&source).expect("source");
        dataset
            .create_copy(&driver, &path, &options)
            .expect("copied")
            .close()
            .expect("closed");
        let raster = open(&path);
        assert_eq!(
            raster
                .info()
                .grid
                .georef
                .crs
                .as_ref()
                .and_then(|crs| crs.epsg),
            Some(32629),
            "{name}"
        );
        assert!(
            raster.info().grid.same_as(&open(&source).info().grid),
            "{name}"
        );
        let block = raster
            .read_blocking(
                &[2],
                Window {
                    col: 3,
                    row: 5,
                    width: 9,
                    height: 7,
                },
                9,
                7,
                Resampling::Nearest,
            )
            .expect("reads");
        assert_eq!(block, expected, "{name}");
    }
}

#[test]
fn nodata_of_all_bands_at_once_is_a_mask() {
    let folder = tempfile::tempdir().expect("folder");
    let path =
        Made::new((3, 1), vec![vec![0u8, 0, 1], vec![0, 1, 1]]).write(folder.path(), "values.tif");
    {
        let mut dataset = gdal::Dataset::open_ex(
            &path,
            gdal::DatasetOptions {
                open_flags: gdal::GdalOpenFlags::GDAL_OF_UPDATE,
                ..Default::default()
            },
        )
        .expect("update");
        dataset
            .set_metadata_item("NODATA_VALUES", "0 0", "")
            .expect("item");
    }
    let raster = open(&path);
    let block = raster
        .read_blocking(&[0], whole(&raster), 3, 1, Resampling::Nearest)
        .expect("reads");
    assert_eq!(block.valid, vec![false, true, true]);
}

#[test]
fn steps_in_time_are_named_after_their_days() {
    gdal_setup();
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("series.nc");
    let mut made = Made::new((4, 3), vec![vec![3i16; 12]; 3]);
    made.transform = Some([500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0]);
    let source = made.write(folder.path(), "source.tif");
    let mut source = gdal::Dataset::open(&source).expect("source");
    let items = [
        ("NETCDF_DIM_EXTRA", "{time}"),
        ("NETCDF_DIM_time_DEF", "{3,6}"),
        ("NETCDF_DIM_time_VALUES", "{0,5,10}"),
        ("time#units", "days since 2021-06-03 00:00:00"),
        ("time#calendar", "standard"),
    ];
    for (key, value) in items {
        source.set_metadata_item(key, value, "").expect("item");
    }
    for band in 1..=3 {
        let mut band = source.rasterband(band).expect("band");
        band.set_metadata_item("NETCDF_VARNAME", "ndvi", "")
            .expect("item");
    }
    let netcdf = DriverManager::get_driver_by_name("netCDF").expect("driver");
    source
        .create_copy(&netcdf, &path, &RasterCreationOptions::new())
        .expect("copied")
        .close()
        .expect("closed");
    let raster = open(&path);
    let names: Vec<&str> = raster
        .info()
        .bands
        .iter()
        .map(|b| b.name.as_str())
        .collect();
    assert_eq!(
        names,
        ["ndvi 2021-06-03", "ndvi 2021-06-08", "ndvi 2021-06-13"]
    );
    assert_eq!(raster.info().date, None);
}
