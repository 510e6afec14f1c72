//! Weather out of rasters: stacks of days, the nearest cell, what has no days.

use super::*;
use crate::made_raster::Made;
use crate::{WeatherTable, WeatherVariable as V, gdal_setup};
use gdal::raster::RasterCreationOptions;
use gdal::{DriverManager, Metadata};

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

fn at(latitude: f64, longitude: f64) -> WeatherReading {
    WeatherReading {
        place: Some((latitude, longitude)),
        ..WeatherReading::default()
    }
}

/// A stack of 3 x 2 cells in UTM zone 29 whose cells hold `of(band, cell)`.
fn stack(folder: &Path, name: &str, names: &[String], of: impl Fn(usize, usize) -> f32) -> PathBuf {
    let bands = (0..names.len())
        .map(|band| (0..6).map(|cell| of(band, cell)).collect())
        .collect();
    let mut made = Made::new((3, 2), bands);
    made.nodata = Some(-9999.0);
    made.transform = Some([500_000.0, 10_000.0, 0.0, 4_000_000.0, 0.0, -10_000.0]);
    let path = made.write(folder, name);
    let dataset = gdal::Dataset::open_ex(
        &path,
        gdal::DatasetOptions {
            open_flags: gdal::GdalOpenFlags::GDAL_OF_UPDATE,
            ..Default::default()
        },
    )
    .unwrap();
    for (number, name) in (1..).zip(names) {
        dataset
            .rasterband(number)
            .unwrap()
            .set_description(name)
            .unwrap();
    }
    path
}

/// The middle of the cell of the second row and column.
const PLACE: (f64, f64) = (36.009, -8.834);

#[test]
fn stacks_with_days_in_their_band_names() {
    let folder = tempfile::tempdir().unwrap();
    let variables = ["tmin", "tmax", "prcp", "srad", "vp"];
    for style in 0..4 {
        let names: Vec<String> = (3..6)
            .flat_map(|day| {
                variables.iter().map(move |name| match style {
                    0 => format!("{name} 2021-06-{day:02}"),
                    1 => format!("2021060{day}_{name}"),
                    2 => format!("{name}_2021_06_{day:02}"),
                    _ => format!("2021-06-{day:02} {}", name.to_uppercase()),
                })
            })
            .collect();
        let values = [8.0, 18.0, 1.5, 20.0, 1.1];
        let path = stack(
            folder.path(),
            &format!("{style}.tif"),
            &names,
            |band, cell| values[band % 5] + if cell == 4 { 0.25 } else { 0.0 },
        );
        let error = WeatherTable::open_blocking(&path, &WeatherReading::default()).unwrap_err();
        assert!(error.to_string().contains("3 x 2 cells"), "{error}");
        let table = WeatherTable::open_blocking(&path, &at(PLACE.0, PLACE.1)).unwrap();
        assert_eq!(
            (table.first, table.days()),
            (day("2021-06-03"), 3),
            "{names:?}"
        );
        let rows = table.drivers(day("2021-06-03"), day("2021-06-05")).unwrap();
        assert_eq!(rows[2], [8.25, 18.25, 1.75, 20.25, 1.35]);
        assert!(WeatherTable::open_blocking(&path, &at(60.0, 10.0)).is_err());
    }
}

#[test]
fn a_cell_without_values_gives_way_to_one_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (3..6).map(|day| format!("tmax 2021-06-{day:02}")).collect();
    let path = stack(folder.path(), "sea.tif", &names, |_, cell| {
        if cell == 4 { -9999.0 } else { cell as f32 }
    });
    let table = WeatherTable::open_blocking(&path, &at(PLACE.0, PLACE.1)).unwrap();
    assert_eq!(table.value(V::Tmax, day("2021-06-03")), Some(1.0));
    assert!(
        table
            .notes
            .iter()
            .any(|note| note.contains("holds nothing")),
        "{:?}",
        table.notes
    );
}

#[test]
fn a_file_per_variable_in_a_folder_is_one_table() {
    let folder = tempfile::tempdir().unwrap();
    for (name, value) in [("tmin", 280.0), ("tmax", 290.0)] {
        let names: Vec<String> = (3..6).map(|day| format!("2021-06-{day:02}")).collect();
        stack(
            folder.path(),
            &format!("{name}_2021.tif"),
            &names,
            |_, _| value,
        );
    }
    let mut reading = at(PLACE.0, PLACE.1);
    // Files are named `tmin_2021`, which is no day.
    reading.columns.insert("tmin".into(), "tmin_2021".into());
    reading.columns.insert("tmax".into(), "tmax_2021".into());
    reading
        .units
        .insert("tmin".into(), crate::WeatherUnit::Kelvin);
    reading
        .units
        .insert("tmax".into(), crate::WeatherUnit::Kelvin);
    let table = WeatherTable::open_blocking(folder.path(), &reading).unwrap();
    assert!((table.value(V::Tmax, day("2021-06-04")).unwrap() - 16.85).abs() < 1e-3);
    assert!(table.has(V::Tmin));
}

/// A NetCDF file of one variable with a time axis.
fn netcdf(
    folder: &Path,
    variable: &str,
    unit: &str,
    values: &[f32],
    times: &[i32],
    calendar: &str,
) -> PathBuf {
    let mut made = Made::new((3, 2), values.iter().map(|value| vec![*value; 6]).collect());
    made.transform = Some([500_000.0, 10_000.0, 0.0, 4_000_000.0, 0.0, -10_000.0]);
    let source = made.write(folder, "source.tif");
    let mut source = gdal::Dataset::open(&source).unwrap();
    let list = |values: Vec<String>| format!("{{{}}}", values.join(","));
    let times = list(times.iter().map(ToString::to_string).collect());
    let length = format!("{{{},6}}", values.len());
    let items = [
        ("NETCDF_DIM_EXTRA", "{time}"),
        ("NETCDF_DIM_time_DEF", length.as_str()),
        ("NETCDF_DIM_time_VALUES", times.as_str()),
        ("time#units", "days since 2020-12-29 12:00:00"),
        ("time#calendar", calendar),
    ];
    for (key, value) in items {
        source.set_metadata_item(key, value, "").unwrap();
    }
    for number in 1..=values.len() {
        let mut band = source.rasterband(number).unwrap();
        band.set_metadata_item("NETCDF_VARNAME", variable, "")
            .unwrap();
        band.set_metadata_item("units", unit, "").unwrap();
    }
    let path = folder.join(format!("daymet_v4_daily_na_{variable}_2020.nc"));
    let driver = DriverManager::get_driver_by_name("netCDF").unwrap();
    source
        .create_copy(&driver, &path, &RasterCreationOptions::new())
        .unwrap()
        .close()
        .unwrap();
    std::fs::remove_file(folder.join("source.tif")).unwrap();
    path
}

#[test]
fn netcdf_files_of_daymet_are_read_and_their_leap_year_filled() {
    gdal_setup();
    if DriverManager::get_driver_by_name("netCDF").is_err() {
        eprintln!("SKIPPED: this GDAL has no netCDF");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // 29 and 30 December 2020, then 1 January 2021: the 31st is left out.
    for (variable, unit, values) in [
        ("tmin", "degrees C", [1.0, 2.0, 3.0]),
        ("tmax", "degrees C", [9.0, 10.0, 11.0]),
        ("prcp", "mm/day", [0.0, 4.0, 0.0]),
        ("srad", "W/m2", [200.0, 210.0, 220.0]),
        ("dayl", "s", [36000.0, 36000.0, 36000.0]),
        ("vp", "Pa", [500.0, 510.0, 520.0]),
    ] {
        netcdf(
            folder.path(),
            variable,
            unit,
            &values,
            &[0, 1, 3],
            "standard",
        );
    }
    let table = WeatherTable::open_blocking(folder.path(), &at(PLACE.0, PLACE.1)).unwrap();
    assert_eq!(table.source, "Daymet");
    assert_eq!((table.first, table.days()), (day("2020-12-29"), 4));
    let rows = table.drivers(day("2020-12-29"), day("2021-01-01")).unwrap();
    assert_eq!(rows[2], rows[1]);
    let wanted = [2.0, 10.0, 4.0, 7.56, 0.51];
    for (value, wanted) in rows[1].iter().zip(wanted) {
        assert!((value - wanted).abs() < 1e-3, "{rows:?}");
    }
    assert!(table.doubts.is_empty(), "{:?}", table.doubts);
}

#[test]
fn steps_of_thirty_days_are_said_and_never_taken_for_days() {
    let root = std::env::var_os("TERROIR_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let path = root.join("data/s1s2era5_togo_2019/98-togo_2019-02-06_2020-02-01.tif");
    if !path.exists() {
        eprintln!("SKIPPED: {} is not there", path.display());
        return;
    }
    let raster = Raster::open(&path).unwrap();
    let (x, y) = raster.info().grid.ground_from_pixel(8.5, 8.5).unwrap();
    let table = WeatherTable::open_blocking(&path, &at(y, x)).unwrap();
    assert_eq!(table.first, day("2019-02-06"));
    assert_eq!(table.last(), day("2020-01-02"));
    let mean = table.column(V::Tmean).unwrap();
    assert_eq!(mean.iter().flatten().count(), 12);
    assert!(
        mean.iter()
            .flatten()
            .all(|value| (20.0..40.0).contains(value)),
        "{mean:?}"
    );
    assert!(
        table
            .notes
            .iter()
            .any(|note| note.contains("every 30 days")),
        "{:?}",
        table.notes
    );
    assert!(table.checks(&[]).iter().any(|check| check.stops));
    assert!(table.drivers(table.first, table.last()).is_err());
}

#[test]
fn names_and_days_are_told_apart() {
    let apart = |text: &str| {
        let (name, stamp) = without_date(&plain_name(text));
        (name, stamp.map(|stamp| stamp.date.to_string()))
    };
    let june = Some("2021-06-03".to_owned());
    assert_eq!(
        apart("20210603_total_precipitation_sum"),
        ("total_precipitation_sum".into(), june.clone())
    );
    assert_eq!(apart("tmax 2021-06-03"), ("tmax".into(), june.clone()));
    assert_eq!(
        apart("volumetric_soil_water_layer_1 2021-06-03"),
        ("volumetric_soil_water_layer_1".into(), june)
    );
    assert_eq!(
        apart("soil_moisture_0_to_7cm"),
        ("soil_moisture_0_to_7cm".into(), None)
    );
    assert_eq!(
        first_stamp("t2m 2021-06-03T12:00").unwrap().minute,
        Some(720)
    );
    assert_eq!(first_stamp("temperature_2m_10000000000"), None);
    assert_eq!(dates_in("98-togo_2019-02-06_2020-02-01").len(), 2);
}

#[test]
fn hours_of_a_grib_file_are_days_of_weather() {
    gdal_setup();
    let Ok(driver) = DriverManager::get_driver_by_name("GRIB") else {
        eprintln!("SKIPPED: this GDAL has no GRIB");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    // Temperature at two metres and at 850 hPa, and precipitation, of every hour.
    let kinds = [
        ("0 0 2 0 0 0 0 1 0 103 0 2 255 0 0", 10.0),
        ("0 0 2 0 0 0 0 1 0 100 0 85000 255 0 0", -30.0),
        ("1 8 2 0 0 0 0 1 0 1 0 0 255 0 0", 0.25),
    ];
    let mut options = vec![
        "DISCIPLINE=0".to_owned(),
        "PDS_PDTN=0".to_owned(),
        "DATA_ENCODING=IEEE_FLOATING_POINT".to_owned(),
    ];
    let mut bands = Vec::new();
    for hour in 0..24 {
        for (template, value) in kinds {
            let warmer = if value == 10.0 {
                f64::from(hour) / 2.0
            } else {
                0.0
            };
            bands.push(vec![(value + warmer) as f32; 6]);
            let band = bands.len();
            options.push(format!(
                "BAND_{band}_PDS_TEMPLATE_ASSEMBLED_VALUES={template}"
            ));
            options.push(format!(
                "BAND_{band}_IDS_REF_TIME=2021-06-03T{hour:02}:00:00Z"
            ));
        }
    }
    let mut made = Made::new((3, 2), bands);
    made.transform = Some([500_000.0, 10_000.0, 0.0, 4_000_000.0, 0.0, -10_000.0]);
    let plain = gdal::Dataset::open(made.write(folder.path(), "plain.tif")).unwrap();
    let path = folder.path().join("hours.grib2");
    let options: RasterCreationOptions = options.iter().map(String::as_str).collect();
    drop(plain.create_copy(&driver, &path, &options).unwrap());
    let table = WeatherTable::open_blocking(&path, &at(PLACE.0, PLACE.1)).unwrap();
    assert_eq!(table.first, day("2021-06-03"));
    let value = |variable: V| f64::from(table.value(variable, day("2021-06-03")).unwrap());
    assert!((value(V::Tmin) - 10.0).abs() < 0.05, "{}", value(V::Tmin));
    assert!((value(V::Tmax) - 21.5).abs() < 0.05, "{}", value(V::Tmax));
    // What fell in the hour before: that of midnight belongs to the day before.
    assert!((value(V::Prcp) - 5.75).abs() < 0.05, "{}", value(V::Prcp));
    assert!(table.doubts.is_empty(), "{:?}", table.doubts);
}
