//! Real rasters: every labelled scene and every difficult file of the shared test data.
//! Skips aloud where the data is not there (`TERROIR_SHARED`, default `../shared` beside the workspace).

use std::path::PathBuf;

use crate::{
    Raster, RasterInfo, Resampling, SampleType, Wavelength, WavelengthSource, band_presets,
    default_rgb, nearest_band,
};

fn shared(part: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TERROIR_SHARED")
        .map(PathBuf::from)
        .unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")));
    let path = root.join(part);
    if path.exists() {
        return Some(path);
    }
    eprintln!(
        "SKIPPED: {} is not there; set TERROIR_SHARED",
        path.display()
    );
    None
}

fn info(part: &str) -> Option<RasterInfo> {
    let path = shared(part)?;
    Some(
        Raster::open(&path)
            .unwrap_or_else(|error| panic!("{error}"))
            .info()
            .clone(),
    )
}

fn centers(info: &RasterInfo) -> Vec<Option<f64>> {
    info.bands
        .iter()
        .map(|band| band.wavelength.map(|w| w.center.nm()))
        .collect()
}

fn sources(info: &RasterInfo) -> Vec<WavelengthSource> {
    info.bands
        .iter()
        .filter_map(|band| band.wavelength.map(|w| w.source))
        .collect()
}

/// Every known centre of a scene lies within `slack` nm of the truth.
fn assert_centers(part: &str, truth: &[(usize, f64)], slack: f64, source: WavelengthSource) {
    let Some(info) = info(&format!("data/{part}")) else {
        return;
    };
    let found = centers(&info);
    for (band, nm) in truth {
        let center = found
            .get(*band)
            .copied()
            .flatten()
            .unwrap_or_else(|| panic!("{part}: band {band} has no centre"));
        assert!(
            (center - nm).abs() <= slack,
            "{part}: band {band} is {center}, not {nm}"
        );
    }
    let known = found.iter().flatten().count();
    assert_eq!(known, truth.len(), "{part}: {found:?}");
    assert!(
        sources(&info).iter().all(|s| *s == source),
        "{part}: {:?}",
        sources(&info)
    );
}

const S2: [f64; 13] = [
    442.7, 492.4, 559.8, 664.6, 704.1, 740.5, 782.8, 832.8, 864.7, 945.1, 1373.5, 1613.7, 2202.4,
];

fn s2(order: &[usize]) -> Vec<(usize, f64)> {
    order
        .iter()
        .enumerate()
        .map(|(band, at)| (band, S2[*at]))
        .collect()
}

#[test]
fn sentinel_2_scenes_get_their_centres_by_name() {
    let name = WavelengthSource::BandName;
    let l2a = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12];
    assert_centers(
        "s2_berlin/S2A_L1C_20170216_10m.tif",
        &s2(&[1, 2, 3, 7]),
        1.0,
        name,
    );
    assert_centers(
        "s2_berlin/S2A_L1C_20170216_13bands_10m.tif",
        &s2(&[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]),
        1.0,
        name,
    );
    assert_centers(
        "s2_berlin/S2A_L1C_20170216_60m.tif",
        &s2(&[0, 9, 10]),
        1.0,
        name,
    );
    assert_centers("s2_amazon/s2_amazon.tif", &s2(&l2a), 13.0, name);
    assert_centers(
        "s2_portugal_2021/s2_l2a_12band/S2_2021-06-28.tif",
        &s2(&l2a),
        13.0,
        name,
    );
    assert_centers(
        "s2_portugal_2021/s2_minicube/S2_2021-05-14.tif",
        &s2(&[1, 2, 3, 8]),
        13.0,
        name,
    );
    assert_centers(
        "flanders_2018/s2/S2_2017-08-04.tif",
        &s2(&[1, 2, 3, 4, 5, 6, 7, 8, 11, 12]),
        13.0,
        name,
    );
}

#[test]
fn landsat_and_aerial_scenes_get_their_centres() {
    let l7 = [483.0, 565.0, 660.0, 825.0, 1650.0, 2220.0, 11450.0];
    let truth: Vec<_> = l7.into_iter().enumerate().collect();
    for file in ["LE07_1999-11-18.tif", "LE07_2002-04-16.tif"] {
        assert_centers(
            &format!("landsat7_chiapas/{file}"),
            &truth,
            1.0,
            WavelengthSource::BandName,
        );
    }
    let l8 = [482.0, 561.0, 655.0, 865.0, 1609.0, 2201.0, 10895.0, 12005.0];
    let truth: Vec<_> = l8.into_iter().enumerate().collect();
    assert_centers(
        "flanders_2018/l8/L8_2017-08-15.tif",
        &truth,
        3.0,
        WavelengthSource::BandName,
    );

    if let Some(naip) = info("data/naip_north_dakota/m_4709963_se_14_1_20100629_5m.tif") {
        eprintln!(
            "naip: {:?} {:?} {:?}",
            centers(&naip),
            sources(&naip),
            naip.sensor
        );
        let truth = [650.0, 560.0, 480.0, 842.0];
        for (center, nm) in centers(&naip).iter().zip(truth) {
            assert!(
                (center.expect("a centre") - nm).abs() <= 20.0,
                "{:?}",
                centers(&naip)
            );
        }
        assert_eq!(
            (naip.sensor.as_deref(), naip.date.as_deref()),
            (Some("naip"), Some("2010-06-29"))
        );
        assert_eq!(default_rgb(&naip.bands), [0, 1, 2]);
    }
}

#[test]
fn enmap_reads_band_metadata_and_leaves_bad_bands_out() {
    let Some(enmap) = info("data/enmap_potsdam/enmap_potsdam.tif") else {
        return;
    };
    let centers = centers(&enmap);
    assert_eq!((centers[0], centers[223]), (Some(418.24), Some(2445.53)));
    assert!(
        sources(&enmap)
            .iter()
            .all(|s| *s == WavelengthSource::BandMetadata)
    );
    assert!(
        enmap
            .bands
            .iter()
            .all(|band| band.wavelength.is_some_and(|w| w.fwhm_nm.is_some()))
    );
    let bad: Vec<usize> = enmap
        .bands
        .iter()
        .filter(|band| band.is_bad)
        .map(|band| band.index + 1)
        .collect();
    assert_eq!(bad, vec![130, 131, 132, 133, 134, 135]);
    assert_eq!(
        (enmap.sensor.as_deref(), enmap.date.as_deref()),
        (Some("enmap"), Some("2022-07-24"))
    );
    let red = nearest_band(&enmap.bands, Wavelength(665.0)).expect("a band");
    assert!((centers[red].expect("known") - 665.0).abs() < 4.0);
    assert_eq!(band_presets(&enmap.bands).len(), 8);
    assert_eq!(
        (enmap.bands[0].scale, enmap.bands[0].nodata),
        (0.0001, Some(-32768.0))
    );
}

#[test]
fn mixed_and_unnamed_files_claim_no_more_than_they_know() {
    if let Some(togo) = info("data/s1s2era5_togo_2019/98-togo_2019-02-06_2020-02-01.tif") {
        let centers = centers(&togo);
        // 12 months of VV, VH, 13 optical bands and two of weather, then elevation and slope.
        assert_eq!(centers.iter().flatten().count(), 12 * 15);
        assert_eq!(centers[0], Some(55.5e6));
        assert!((centers[5].expect("B4") - 665.0).abs() < 1.0 && centers[15].is_none());
    }
    for none in [
        "s2_amazon/srtm_elevation.tif",
        "s2_amazon/labels.tif",
        "modis_mato_grosso/MOD13Q1_doy.tif",
        "soilmoisture_cookfarm/predictors_2012-03-25.tif",
        "landsat57_timeseries/lsts_fmask.tif",
        "s2_portugal_2021/labels_worldcover.tif",
    ] {
        if let Some(other) = info(&format!("data/{none}")) {
            assert_eq!(
                centers(&other).iter().flatten().count(),
                0,
                "{none}: {:?}",
                centers(&other)
            );
        }
    }
    if let Some(radar) = info("data/s1_camargue/S1A_IW_A_20150309T173017_VV_gamma0_db.tif") {
        assert_eq!(
            (centers(&radar), radar.sensor.as_deref()),
            (vec![Some(55.5e6)], Some("sentinel-1"))
        );
    }
    if let Some(modis) = info("data/modis_mato_grosso/MOD13Q1_red.tif") {
        assert!(centers(&modis).iter().all(|c| *c == Some(645.0)));
        assert!(modis.has_guessed_wavelengths());
    }
    for file in [
        "landsat_pucallpa/landsat_1985.tif",
        "aerial_rgb_florida/OSBS_029.tif",
    ] {
        if let Some(other) = info(&format!("data/{file}")) {
            eprintln!(
                "{file}: {:?} {:?} {:?}",
                centers(&other),
                sources(&other),
                other
                    .bands
                    .iter()
                    .map(|b| (&b.name, &b.color_interpretation))
                    .collect::<Vec<_>>()
            );
        }
    }
}

#[test]
fn published_fields_are_signed_whatever_gdal_says() {
    for (file, south_up) in [
        ("layout_iowa_ag_y0_northup.tif", false),
        ("layout_iowa_ag_y1_bottomup.tif", true),
    ] {
        let Some(path) = shared(&format!("data/aef/{file}")) else {
            return;
        };
        let raster = Raster::open(&path).expect("opens");
        let info = raster.info();
        assert!(info.is_field());
        assert!(
            info.bands
                .iter()
                .all(|b| b.sample_type == SampleType::Int8 && b.nodata == Some(-128.0))
        );
        assert_eq!(info.grid.transform().0[5] > 0.0, south_up);
        let codes = raster
            .read_codes_blocking(info.grid.window(), 96, 96)
            .expect("reads");
        assert_eq!(codes.len(), 64 * 96 * 96);
        assert!(codes.iter().any(|c| *c < 0 && *c > -128));
        let missing = codes[..96 * 96].iter().filter(|c| **c == -128).count();
        if !south_up {
            assert_eq!(missing, 105);
        }
        let block = raster
            .read_blocking(&[0, 63], info.grid.window(), 96, 96, Resampling::Nearest)
            .expect("reads");
        assert_eq!(block.valid.iter().filter(|v| !**v).count(), missing);
        assert!(block.values.iter().all(|v| (-128.0..=127.0).contains(v)));
    }
}

#[test]
fn masks_and_alpha_hide_pixels() {
    for file in [
        "riotiler_rgb_internal_mask.tif",
        "gdal_jpeg_ycbcr_internal_mask.tif",
        "gdal_rgba.tif",
        "gdal_grey_alpha.tif",
    ] {
        let Some(path) = shared(&format!("data/tricky/{file}")) else {
            return;
        };
        let raster = Raster::open(&path).expect("opens");
        let window = raster.info().grid.window();
        for resampling in [Resampling::Nearest, Resampling::Average] {
            let block = raster
                .read_blocking(
                    &[0],
                    window,
                    window.width / 2,
                    window.height / 2,
                    resampling,
                )
                .expect("reads");
            let hidden = block.valid.iter().filter(|v| !**v).count();
            eprintln!(
                "{file} {resampling:?}: {hidden} of {} hidden",
                block.valid.len()
            );
            assert!(hidden < block.valid.len());
            assert!(
                hidden > 0 || file.contains("alpha") || file.contains("rgba"),
                "{file}"
            );
        }
    }
    if let Some(path) = shared("data/tricky/rasterio_all_nodata.tif") {
        let raster = Raster::open(&path).expect("opens");
        let block = raster
            .read_blocking(
                &[0, 1, 2],
                raster.info().grid.window(),
                50,
                50,
                Resampling::Average,
            )
            .expect("reads");
        assert!(block.valid.iter().all(|v| !v));
    }
}

#[test]
fn palettes_and_places_of_difficult_files() {
    if let Some(path) = shared("data/tricky/georust_color_table.tif") {
        let raster = Raster::open(&path).expect("opens");
        assert!(raster.info().is_class_map() && raster.info().bands[0].palette.len() > 2);
    }
    if let Some(path) = shared("data/tricky/riotiler_s1_gcps_only.tif") {
        let georef = Raster::open(&path)
            .expect("opens")
            .info()
            .grid
            .georef
            .clone();
        assert_eq!(
            georef.ground_crs().expect("from the points").epsg,
            Some(4326)
        );
        assert!(georef.transform.is_none() && georef.crs.is_none());
        let (x, y) = georef.ground_from_pixel(0.0, 0.0).expect("fitted");
        assert!(
            (x - 78.204).abs() < 0.01 && (y - 10.7375).abs() < 0.01,
            "{x} {y}"
        );
        assert!(georef.note.expect("said").contains("ground control points"));
    }
    if let Some(path) = shared("data/tricky/rioxarray_rpc.tif") {
        let georef = Raster::open(&path)
            .expect("opens")
            .info()
            .grid
            .georef
            .clone();
        assert!(
            georef.transform.is_none() && georef.note.expect("said").contains("orthorectified")
        );
    }
}
