//! Products and containers no sample of which comes along, made small and opened as a user would: values, what is missing,
//! wavelengths, scales and place, against what was written.

use std::path::{Path, PathBuf};

use gdal::DriverManager;
use gdal::raster::{Buffer, RasterCreationOptions};

use crate::made_product::{CORNER, SIDE, Sheet, sample_band};
use crate::made_raster::{Made, open, whole};
use crate::{
    BandInfo, Detail, Raster, Resampling, WavelengthSource, contained_blocking, gdal_setup,
};

fn band<'a>(raster: &'a Raster, name: &str) -> &'a BandInfo {
    let bands = &raster.info().bands;
    bands
        .iter()
        .find(|band| band.name == name)
        .unwrap_or_else(|| panic!("no {name} in {bands:?}"))
}

/// Every stored number is there, and what is missing is `nodata`.
fn compare(raster: &Raster, name: &str, expected: &[f32], nodata: f32) {
    let (window, band) = (whole(raster), band(raster, name));
    let size = (window.width, window.height);
    let planes = raster.read_planes_blocking(
        &[band.index],
        window,
        size.0,
        size.1,
        Resampling::Nearest,
        Detail::Full,
    );
    let plane = &planes.expect("reads")[0];
    assert_eq!(band.nodata, Some(f64::from(nodata)), "{name}");
    assert_eq!(plane.values.len(), expected.len(), "{name}");
    for (at, value) in expected.iter().enumerate() {
        assert_eq!(plane.valid[at], *value != nodata, "{name}, pixel {at}");
        if *value != nodata {
            assert_eq!(plane.values[at], *value, "{name}, pixel {at}");
        }
    }
}

/// The sample's numbers, the first three of them missing.
fn numbers(name: &str) -> Vec<u16> {
    let mut values = sample_band(name);
    values[..3].fill(0);
    values
}

fn floats(values: &[u16]) -> Vec<f32> {
    values.iter().map(|value| f32::from(*value)).collect()
}

#[test]
fn landsat_of_level_1_is_reflectance_under_the_sun_and_radiance_of_heat() {
    const NAME: &str = "LC08_L1TP_203033_20210728_20210804_02_T1";
    let folder = tempfile::tempdir().expect("folder");
    let mut contents = String::new();
    for (number, from) in [(2, "B02"), (4, "B04"), (5, "B8A"), (10, "B12")] {
        let name = format!("{NAME}_B{number}.TIF");
        Sheet::new(&numbers(from), 30.0).write(&folder.path().join(&name));
        contents += &format!("    FILE_NAME_BAND_{number} = \"{name}\"\n");
    }
    let mut rescaling = String::new();
    for number in [2, 4, 5] {
        rescaling += &format!(
            "    RADIANCE_MULT_BAND_{number} = 1.2E-02\n    RADIANCE_ADD_BAND_{number} = -60.0\n    \
             REFLECTANCE_MULT_BAND_{number} = 2.0000E-05\n    REFLECTANCE_ADD_BAND_{number} = -0.100000\n"
        );
    }
    rescaling += "    RADIANCE_MULT_BAND_10 = 3.3420E-04\n    RADIANCE_ADD_BAND_10 = 0.10000\n";
    let description = folder.path().join(format!("{NAME}_MTL.txt"));
    std::fs::write(
        &description,
        format!(
            "GROUP = LANDSAT_METADATA_FILE\n  GROUP = PRODUCT_CONTENTS\n    LANDSAT_PRODUCT_ID = \"{NAME}\"\n    \
             PROCESSING_LEVEL = \"L1TP\"\n{contents}  END_GROUP = PRODUCT_CONTENTS\n  GROUP = IMAGE_ATTRIBUTES\n    \
             SPACECRAFT_ID = \"LANDSAT_8\"\n    DATE_ACQUIRED = 2021-07-28\n    SUN_ELEVATION = 30.0\n  \
             END_GROUP = IMAGE_ATTRIBUTES\n  GROUP = LEVEL1_RADIOMETRIC_RESCALING\n{rescaling}  \
             END_GROUP = LEVEL1_RADIOMETRIC_RESCALING\nEND_GROUP = LANDSAT_METADATA_FILE\nEND\n"
        ),
    )
    .expect("written");
    for path in [folder.path(), &description] {
        let raster = open(path);
        let info = raster.info();
        assert_eq!(info.bands.len(), 4);
        assert_eq!(info.date.as_deref(), Some("2021-07-28"));
        assert_eq!(
            info.grid.transform().0,
            [CORNER.0, 30.0, 0.0, CORNER.1, 0.0, -30.0]
        );
        assert_eq!(info.grid.crs().and_then(|crs| crs.epsg), Some(32629));
        for (name, from, center_nm) in [
            ("B2", "B02", 480.0),
            ("B4", "B04", 655.0),
            ("B5", "B8A", 865.0),
        ] {
            let stored = numbers(from);
            compare(&raster, name, &floats(&stored), 0.0);
            let band = band(&raster, name);
            let center = band.wavelength.map(|found| found.center.nm());
            assert_eq!(center, Some(center_nm), "{name}");
            // The sun stands at 30 degrees: half of it falls on level ground.
            let expected = (f64::from(stored[77]) * 2e-5 - 0.1) / 0.5;
            assert!((band.scaled(f64::from(stored[77])) - expected).abs() < 1e-12);
        }
        let heat = band(&raster, "B10");
        compare(&raster, "B10", &floats(&numbers("B12")), 0.0);
        assert_eq!(heat.unit, "W m-2 sr-1 um-1");
        assert!((heat.scaled(1000.0) - (0.3342 + 0.1)).abs() < 1e-12);
    }
}

#[test]
fn enmap_of_level_1b_is_one_detector_in_its_own_pixels() {
    const NAME: &str = "ENMAP01-____L1B-DT0000001867_20220724T104526Z_008_V010302_20230628T165614Z";
    let folder = tempfile::tempdir().expect("folder");
    let near = ["B02", "B03", "B04"].map(numbers);
    let write = |layer: &str, bands: Vec<Vec<u16>>| {
        Made::new((SIDE, SIDE), bands).write(folder.path(), &format!("{NAME}-{layer}.TIF"))
    };
    write("SPECTRAL_IMAGE_VNIR", near.to_vec());
    let far = write("SPECTRAL_IMAGE_SWIR", vec![numbers("B11"), numbers("B12")]);
    // Counts from the first band of the first detector to the last of the second.
    let listed: String = [
        (487.1, 6.1),
        (561.1, 6.4),
        (660.2, 7.2),
        (1610.4, 11.9),
        (2201.5, 8.9),
    ]
    .iter()
    .zip(1..)
    .map(|((center, width), number)| {
        format!(
            "<bandID number=\"{number}\"><wavelengthCenterOfBand>{center}</wavelengthCenterOfBand>\
             <FWHMOfBand>{width}</FWHMOfBand><GainOfBand>0.00{number}</GainOfBand><OffsetOfBand>0.5</OffsetOfBand></bandID>"
        )
    })
    .collect();
    let description = folder.path().join(format!("{NAME}-METADATA.XML"));
    std::fs::write(
        &description,
        format!(
            "<level_X><base><level>L1B</level><temporalCoverage><startTime>2022-07-24T10:45:26.000Z</startTime>\
             </temporalCoverage></base><specific><bandCharacterisation>{listed}</bandCharacterisation></specific></level_X>"
        ),
    )
    .expect("written");
    let raster = open(folder.path());
    let info = raster.info();
    let names: Vec<&str> = info.bands.iter().map(|band| band.name.as_str()).collect();
    assert_eq!(names, ["Band 001", "Band 002", "Band 003"]);
    for ((name, values), (center_nm, gain)) in
        names
            .iter()
            .zip(&near)
            .zip([(487.1, 0.001), (561.1, 0.002), (660.2, 0.003)])
    {
        compare(&raster, name, &floats(values), 0.0);
        let band = band(&raster, name);
        assert_eq!((band.scale, band.offset), (gain, 0.5), "{name}");
        assert_eq!(band.unit, "W m-2 sr-1 nm-1");
        let wavelength = band.wavelength.expect("a wavelength");
        assert_eq!(
            (wavelength.center.nm(), wavelength.source),
            (center_nm, WavelengthSource::ProductXml)
        );
    }
    assert_eq!(info.date.as_deref(), Some("2022-07-24"));
    assert!(info.grid.georef.transform.is_none() && info.grid.georef.ground_crs().is_none());
    let note = info.grid.georef.note.clone().unwrap_or_default();
    assert!(note.contains("SPECTRAL_IMAGE_SWIR"), "{note}");
    assert!(
        note.contains("names 2 bands more") && !note.contains("cannot be read"),
        "{note}"
    );
    // The other detector opens by itself.
    assert_eq!(open(&far).info().bands.len(), 2);
}

#[test]
fn a_sentinel_1_scene_has_its_polarisations_where_control_points_put_them() {
    const NAME: &str = "S1A_IW_GRDH_1SDV_20210728T063035_20210728T063100_038979_049978_1F2C.SAFE";
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path().join(NAME);
    let images = root.join("measurement");
    std::fs::create_dir_all(&images).expect("folders");
    // A swath of longitudes and latitudes that no affine transform meets.
    let on_ground = |col: f64, row: f64| {
        (
            -8.6 + 1e-4 * col + 2e-5 * row + 4e-8 * col * col,
            39.3 - 1e-4 * row + 2e-5 * col,
        )
    };
    let write = |polarisation: &str, number: u32, from: &str| {
        gdal_setup();
        let path = images.join(format!(
            "s1a-iw-grd-{polarisation}-20210728t063035-20210728t063100-038979-049978-00{number}.tiff"
        ));
        let mut points = String::new();
        for (col, row) in [0.0, 60.0, 120.0]
            .into_iter()
            .flat_map(|col| [0.0, 60.0, 120.0].map(|row| (col, row)))
        {
            let (x, y) = on_ground(col, row);
            points += &format!(r#"<GCP Id="" Pixel="{col}" Line="{row}" X="{x}" Y="{y}" Z="0"/>"#);
        }
        let flat = folder.path().join(format!("{polarisation}.tif"));
        Sheet::new(&numbers(from), 10.0).write(&flat);
        let text = format!(
            r#"<VRTDataset rasterXSize="{SIDE}" rasterYSize="{SIDE}"><GCPList Projection="EPSG:4326">{points}</GCPList>
            <VRTRasterBand dataType="UInt16" band="1"><SimpleSource><SourceFilename relativeToVRT="0">{}</SourceFilename>
            <SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"#,
            flat.display()
        );
        let bent = gdal::Dataset::open(Path::new(&text)).expect("points");
        let driver = DriverManager::get_driver_by_name("GTiff").expect("driver");
        let mut copy = bent
            .create_copy(&driver, &path, &RasterCreationOptions::default())
            .expect("copied");
        copy.flush_cache().expect("flushed");
    };
    write("vh", 2, "B03");
    write("vv", 1, "B04");
    std::fs::write(
        root.join("manifest.safe"),
        "<xfdu:XFDU xmlns:xfdu=\"urn:ccsds:schema:xfdu:1\" xmlns:safe=\"http://www.esa.int/safe/sentinel-1.0\" \
         xmlns:s1sarl1=\"http://www.esa.int/safe/sentinel-1.0/sentinel-1/sar/level-1\"><metadataSection>\
         <safe:platform><safe:familyName>SENTINEL-1</safe:familyName><safe:number>A</safe:number></safe:platform>\
         <s1sarl1:productType>GRD</s1sarl1:productType><s1sarl1:mode>IW</s1sarl1:mode>\
         <s1sarl1:transmitterReceiverPolarisation>VV</s1sarl1:transmitterReceiverPolarisation>\
         <s1sarl1:transmitterReceiverPolarisation>VH</s1sarl1:transmitterReceiverPolarisation>\
         <safe:acquisitionPeriod><safe:startTime>2021-07-28T06:30:35.123456</safe:startTime></safe:acquisitionPeriod>\
         </metadataSection></xfdu:XFDU>",
    )
    .expect("written");
    for path in [
        root.clone(),
        root.join("manifest.safe"),
        folder.path().to_owned(),
    ] {
        if path == folder.path() {
            // Other images lie beside it here.
            for name in ["vv.tif", "vh.tif"] {
                std::fs::remove_file(folder.path().join(name)).expect("removed");
            }
        }
        let found = crate::recognise_product(&path).expect("a product");
        assert_eq!(
            (found.kind, found.path.as_path()),
            (crate::ProductKind::Sentinel1, root.as_path())
        );
        let raster = open(&path);
        let info = raster.info();
        let names: Vec<&str> = info.bands.iter().map(|band| band.name.as_str()).collect();
        assert_eq!(names, ["VV", "VH"]);
        assert_eq!(info.date.as_deref(), Some("2021-07-28"));
        assert_eq!(info.sensor.as_deref(), Some("sentinel-1"));
        assert_eq!(info.metadata_item("SPACECRAFT_NAME"), Some("Sentinel-1A"));
        compare(&raster, "VV", &floats(&numbers("B04")), 0.0);
        compare(&raster, "VH", &floats(&numbers("B03")), 0.0);
        let grid = &info.grid;
        assert_eq!(
            grid.georef.ground_crs().and_then(|crs| crs.epsg),
            Some(4326)
        );
        for (col, row) in [(0.5, 0.5), (33.0, 101.5), (119.5, 60.25)] {
            let (x, y) = on_ground(col, row);
            let found = grid.ground_from_pixel(col, row).expect("a place");
            assert!((found.0 - x).abs() < 1e-7 && (found.1 - y).abs() < 1e-7);
            let back = grid.pixel_from_ground(x, y).expect("a pixel");
            assert!((back.0 - col).abs() < 0.01 && (back.1 - row).abs() < 0.01);
        }
        let note = grid.georef.note.clone().unwrap_or_default();
        assert!(note.contains("calibrated"), "{note}");
    }
    // One of the announced polarisations is gone.
    let vh = images.join("s1a-iw-grd-vh-20210728t063035-20210728t063100-038979-049978-002.tiff");
    std::fs::remove_file(vh).expect("removed");
    let raster = open(&root);
    let note = raster.info().grid.georef.note.clone().unwrap_or_default();
    assert!(
        raster.info().bands.len() == 1 && note.contains("not there: VH"),
        "{note}"
    );
}

/// Two bands in a container of one of GDAL's formats; `None`, said aloud, where this GDAL does not write it.
fn container(path: &Path, driver: &str, options: &[&str]) -> Option<[Vec<f32>; 2]> {
    gdal_setup();
    let Ok(writer) = DriverManager::get_driver_by_name(driver) else {
        eprintln!("SKIPPED: this GDAL has no {driver}");
        return None;
    };
    let memory = DriverManager::get_driver_by_name("MEM").expect("driver");
    let mut dataset = memory
        .create_with_band_type::<f32, _>("", SIDE, SIDE, 2)
        .expect("created");
    let (left, top) = CORNER;
    dataset
        .set_geo_transform(&[left, 30.0, 0.0, top, 0.0, -30.0])
        .expect("transform");
    let srs = gdal::spatial_ref::SpatialRef::from_epsg(32629).expect("EPSG");
    dataset.set_spatial_ref(&srs).expect("CRS");
    let values = ["B04", "B08"].map(|name| -> Vec<f32> {
        let mut values: Vec<f32> = floats(&numbers(name)).iter().map(|v| v * 1e-4).collect();
        values[..3].fill(-9999.0);
        values
    });
    for (number, values) in (1..).zip(&values) {
        let mut band = dataset.rasterband(number).expect("band");
        band.set_no_data_value(Some(-9999.0)).expect("nodata");
        band.write(
            (0, 0),
            (SIDE, SIDE),
            &mut Buffer::new((SIDE, SIDE), values.clone()),
        )
        .expect("written");
    }
    let options = RasterCreationOptions::from_iter(options.iter().copied());
    match dataset.create_copy(&writer, path, &options) {
        Ok(mut copy) => {
            copy.flush_cache().expect("flushed");
            Some(values)
        }
        Err(error) => {
            eprintln!("SKIPPED: this GDAL writes no {driver}: {error}");
            None
        }
    }
}

/// The chooser's list, and each of its rasters.
fn compare_contained(path: &Path, values: &[Vec<f32>; 2]) -> Vec<Raster> {
    let inside = contained_blocking(path).expect("opens").expect("several");
    let rasters: Vec<_> = inside
        .iter()
        .filter(|one| (one.width, one.height) == (SIDE, SIDE))
        .collect();
    let names: Vec<&str> = rasters.iter().map(|one| one.variable.as_str()).collect();
    assert_eq!(names, ["Band1", "Band2"], "{inside:?}");
    rasters
        .iter()
        .zip(values)
        .map(|(one, values)| {
            let raster = open(&one.path);
            let name = raster.info().bands[0].name.clone();
            compare(&raster, &name, values, -9999.0);
            raster
        })
        .collect()
}

fn lies_where_it_was_written(raster: &Raster) {
    let grid = &raster.info().grid;
    assert_eq!(
        grid.transform().0,
        [CORNER.0, 30.0, 0.0, CORNER.1, 0.0, -30.0]
    );
    assert_eq!(grid.crs().and_then(|crs| crs.epsg), Some(32629));
}

#[test]
fn data_sets_of_an_hdf5_file_are_offered_and_hold_their_numbers() {
    let folder = tempfile::tempdir().expect("folder");
    // Such NetCDF files are HDF5.
    let made = folder.path().join("made.nc");
    let options = ["FORMAT=NC4", "WRITE_BOTTOMUP=NO"];
    let Some(values) = container(&made, "netCDF", &options) else {
        return;
    };
    for raster in compare_contained(&made, &values) {
        lies_where_it_was_written(&raster);
    }
    if DriverManager::get_driver_by_name("HDF5").is_err() {
        eprintln!("SKIPPED: this GDAL has no HDF5");
        return;
    }
    let path: PathBuf = folder.path().join("made.h5");
    std::fs::rename(&made, &path).expect("renamed");
    compare_contained(&path, &values);
}

#[test]
fn arrays_of_a_zarr_store_are_offered_and_lie_where_they_say() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("made.zarr");
    let Some(values) = container(&path, "Zarr", &[]) else {
        return;
    };
    for raster in compare_contained(&path, &values) {
        lies_where_it_was_written(&raster);
    }
}
