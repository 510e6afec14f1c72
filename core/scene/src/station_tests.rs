//! Station files of all kinds and what is told of those that cannot be read.

use super::*;

fn date(text: &str) -> Date {
    text.parse().expect("a date")
}

/// Writes files into a folder and reads them in their order.
fn read(files: &[(&str, &str)], reading: &StationReading) -> SceneResult<StationTables> {
    let folder = tempfile::tempdir().expect("folder");
    let paths: Vec<PathBuf> = files
        .iter()
        .map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("written");
            path
        })
        .collect();
    StationTables::open_blocking(&paths, reading)
}

fn says(files: &[(&str, &str)], reading: &StationReading) -> String {
    read(files, reading).expect_err("refused").to_string()
}

#[test]
fn an_own_table_gives_a_value_a_day() {
    let table = "station,lat,lon,date,sm,flag,prcp,tmin,tmax\n\
                 north,51.2,4.5,2020-03-01,0.21,G,1.5,2,8\n\
                 north,51.2,4.5,2020-03-02,0.23,D01,0,3,9\n\
                 north,51.2,4.5,2020-03-03,NaN,G,0,,9\n\
                 north,51.2,4.5,2020-03-04,0.25,G,4,1,9\n\
                 south,51.1,4.5,2020-03-01,0.71,G,0,1,9\n";
    let found = read(&[("own.csv", table)], &StationReading::default()).expect("stations");
    assert_eq!(found.stations.len(), 1);
    let north = &found.stations[0];
    assert_eq!(north.name, "north");
    assert_eq!(
        north.place,
        Some(StationPlace::LonLat {
            lon: 4.5,
            lat: 51.2
        })
    );
    let days: Vec<(Date, f64)> = north
        .days
        .iter()
        .map(|(day, value)| (*day, *value))
        .collect();
    assert_eq!(
        days,
        [(date("2020-03-01"), 0.21), (date("2020-03-04"), 0.25)]
    );
    let weather = north.weather.as_ref().expect("weather");
    assert_eq!((weather.first, weather.days.len()), (date("2020-03-01"), 4));
    assert_eq!(weather.days[0].prcp_mm, Some(1.5));
    assert_eq!(weather.days[0].mean_temperature_c(), Some(5.0));
    assert_eq!(weather.days[2].mean_temperature_c(), None);
    assert_eq!(weather.last(), date("2020-03-04"));
    let notes = found.notes.join("\n");
    assert!(
        notes.contains("1 of 5 values are left out for their flags (D01 1)"),
        "{notes}"
    );
    assert!(notes.contains("outside 0 to 0.6"), "{notes}");
    assert!(
        notes.contains("left out, no value of theirs passes the filter: south"),
        "{notes}"
    );
}

#[test]
fn percent_and_doubled_days_are_never_mended_silently() {
    let percent = "station;lat;lon;date;sm\na;1;2;2020-03-01;21\na;1;2;2020-03-02;33.5\n";
    let plain = StationReading::default();
    let confirmed = StationReading {
        is_percent: true,
        ..StationReading::default()
    };
    assert!(says(&[("p.csv", percent)], &plain).contains("(--percent)"));
    let found = read(&[("p.csv", percent)], &confirmed).expect("stations");
    assert_eq!(found.stations[0].days[&date("2020-03-02")], 0.335);
    let share = "station,date,sm\na,2020-03-01,0.21\n";
    assert!(says(&[("s.csv", share)], &confirmed).contains("leave --percent out"));
    let twice = "station,date,sm\na,2020-03-01,0.21\nb,2020-03-01,0.2\na,2020-03-01,0.22\n";
    let text = says(&[("t.csv", twice)], &plain);
    assert!(
        text.contains("a has two values for 2020-03-01 (lines 2 and 4)"),
        "{text}"
    );
    let flagged = "station,date,sm,flag\na,2020-03-01,0.21,C03\na,2020-03-02,0.21,\n";
    let text = says(&[("f.csv", flagged)], &plain);
    assert!(
        text.contains("all 2 carry flags other than G") && text.contains("(--flags)"),
        "{text}"
    );
}

#[test]
fn many_values_a_day_become_their_mean_or_the_one_of_the_overpass() {
    let mut table = "station,datetime,sm\n".to_owned();
    for hour in 0..24 {
        table += &format!(
            "a,2020-03-01T{hour:02}:00:00Z,{}\n",
            0.1 + f64::from(hour) / 100.0
        );
    }
    table += "a,2020-03-02 09:30,0.4\na,2020-03-02T21:00,0.5\n";
    let found = read(&[("h.csv", &table)], &StationReading::default()).expect("stations");
    let days = &found.stations[0].days;
    assert_eq!(days.len(), 1);
    assert!((days[&date("2020-03-01")] - 0.215).abs() < 1e-12);
    assert!(
        found
            .notes
            .join("\n")
            .contains("1 days with fewer than 12 values")
    );
    let overpass = StationReading {
        time_of_day: Some(Time::constant(10, 40, 0, 0)),
        ..StationReading::default()
    };
    let found = read(&[("h.csv", &table)], &overpass).expect("stations");
    let days = &found.stations[0].days;
    assert!((days[&date("2020-03-01")] - 0.21).abs() < 1e-12);
    assert_eq!(days[&date("2020-03-02")], 0.4);
}

#[test]
fn a_column_a_station_takes_places_and_weather_from_other_tables() {
    let values = "Date,CAF003,CAF007\n2010-01-01,,0.3\n2010-01-02,0.29,0.31\n";
    let places = "SOURCEID,Easting,Northing,DEM,TWI\nCAF003,493383.1,5180586.1,788.2,4.3\nCAF007,493510.7,5180568.3,788.4,3.9\n";
    let weather =
        "Date,Precip_wrcc,MaxT_wrcc,MinT_wrcc\n2010-01-01,5.8,2.8,-3.3\n2010-01-02,6.9,6.1,0.6\n";
    let files = [
        ("vwc_depth030cm.csv", values),
        ("sensors.csv", places),
        ("weather.csv", weather),
    ];
    let text = says(&files, &StationReading::default());
    assert!(
        text.contains("0.3 m 3") && text.contains("(--depth)"),
        "{text}"
    );
    let reading = StationReading {
        depth_m: (0.2, 0.4),
        ..StationReading::default()
    };
    let found = read(&files, &reading).expect("stations");
    let one = &found.stations[0];
    assert_eq!((one.name.as_str(), one.days.len()), ("CAF003", 1));
    assert_eq!(
        one.place,
        Some(StationPlace::Map {
            x: 493_383.1,
            y: 5_180_586.1
        })
    );
    assert_eq!(
        one.facts,
        [("DEM".to_owned(), 788.2), ("TWI".to_owned(), 4.3)]
    );
    assert_eq!(found.depth_m(), Some((0.3, 0.3)));
    let days = &one.weather.as_ref().expect("weather").days;
    assert_eq!((days[1].prcp_mm, days[1].tmin_c), (Some(6.9), Some(0.6)));
}

#[test]
fn what_is_no_table_of_stations_is_said() {
    let plain = StationReading::default();
    for (table, word) in [
        ("", "empty"),
        ("a,b\n1,2\n", "no table of stations"),
        (
            "station,date,sm\na,yesterday,0.2\n",
            "`yesterday` is no date",
        ),
        (
            "station,date,sm\na,2020-03-01,wet\n",
            "`wet` in sm is no number",
        ),
        (
            "station,lat,lon,date,sm\na,95,2,2020-03-01,0.2\n",
            "nowhere on Earth",
        ),
        ("station,date,temp\na,2020-03-01,3\n", "(--value-column)"),
        ("station,lat,lon\na,5,2\n", "only places or weather"),
        ("station,date,sm\na,2020-03-01,\n", "all 1 are missing"),
    ] {
        let text = says(&[("t.csv", table)], &plain);
        assert!(text.contains(word), "{table:?}: {text}");
    }
    let column = StationReading {
        column: Some("wetness".to_owned()),
        ..StationReading::default()
    };
    let found = read(
        &[("t.csv", "station,date,Wetness (m3/m3)\na,2020-03-01,0.2\n")],
        &column,
    );
    assert_eq!(found.expect("stations").values(), 1);
    assert!(
        says(&[("t.csv", "station,date,x1\na,2020-03-01,0.2\n")], &column)
            .contains("no column wetness")
    );
}

/// A day of hourly values in both formats: `U` in the night, one missing.
fn ismn_lines(format: impl Fn(u32, &str, &str) -> String) -> Vec<String> {
    (0..24)
        .map(|hour| {
            let (value, flag) = match hour {
                3 => ("-9999.0000".to_owned(), "M"),
                0..6 => (format!("{:.4}", 0.2), "U"),
                _ => (format!("{:.4}", 0.1 + f64::from(hour) * 0.01), "G"),
            };
            format(hour, &value, flag)
        })
        .collect()
}

const CEOP: &str =
    "RISMA_RISMA_MB5_sm_0.000000_0.050000_Hydraprobe_II_sdi_12_20150401_20150402.stm";

fn ceop() -> Vec<String> {
    ismn_lines(|hour, value, flag| {
        let when = format!("2015/04/01 {hour:02}:00");
        format!(
            "{when} {when}   RISMA      RISMA            MB5       49.90500  -97.98000   263.00    0.00    0.05   {value} {flag}     M"
        )
    })
}

fn header_values() -> Vec<String> {
    let mut lines = vec![
        "RISMA    RISMA  MB5   49.90500  -97.98000   263.00    0.00    0.05  Hydraprobe II SDI-12"
            .to_owned(),
    ];
    lines.extend(ismn_lines(|hour, value, flag| {
        format!("2015/04/01 {hour:02}:00     {value}   {flag}   M")
    }));
    lines
}

#[test]
fn both_ismn_formats_and_all_line_ends_give_the_same_series() {
    let mut all = Vec::new();
    for lines in [ceop(), header_values()] {
        for end in ["\n", "\r\n", "\r", "\n\r"] {
            let text = lines.join(end) + end;
            let found = read(&[(CEOP, &text)], &StationReading::default()).expect("stations");
            all.push(found);
        }
    }
    let first = &all[0];
    let station = &first.stations[0];
    assert_eq!(station.name, "RISMA MB5");
    assert_eq!(station.depth_m, Some((0.0, 0.05)));
    assert_eq!(
        station.place,
        Some(StationPlace::LonLat {
            lon: -97.98,
            lat: 49.905
        })
    );
    // 18 values of 06:00 to 23:00.
    assert!((station.days[&date("2015-04-01")] - 0.245).abs() < 1e-9);
    for other in &all {
        assert_eq!(other, first);
    }
}

#[test]
fn ismn_folders_are_searched_and_other_quantities_passed_over() {
    let folder = tempfile::tempdir().expect("folder");
    let inner = folder.path().join("RISMA").join("MB5");
    std::fs::create_dir_all(&inner).expect("folder");
    std::fs::write(inner.join(CEOP), ceop().join("\r")).expect("written");
    let temperature = CEOP.replace("_sm_", "_ts_");
    std::fs::write(inner.join(&temperature), ceop().join("\r")).expect("written");
    std::fs::write(
        inner.join("RISMA_static_variables.csv"),
        "quantity_name;unit\n",
    )
    .expect("written");
    let deep = ceop().join("\n").replace("0.00    0.05", "0.05    0.10");
    std::fs::write(
        inner.join(CEOP.replace("0.000000_0.05", "0.050000_0.10")),
        deep,
    )
    .expect("written");
    let reading = StationReading::default();
    let found =
        StationTables::open_blocking(&[folder.path().to_owned()], &reading).expect("stations");
    assert_eq!(found.stations.len(), 1);
    assert!(
        found
            .notes
            .join("\n")
            .contains("the shallowest is used (0 to 0.05 m)"),
        "{:?}",
        found.notes
    );
    let named = StationTables::open_blocking(&[inner.join(&temperature)], &reading);
    assert!(
        named
            .expect_err("refused")
            .to_string()
            .contains("holds `ts`")
    );
    let cut = says(
        &[(CEOP, "2015/04/01 00:00 2015/04/01 00:00 RISMA\n")],
        &reading,
    );
    assert!(cut.contains("cut short"), "{cut}");
    let other = says(&[("x.stm", "hello world\n")], &reading);
    assert!(other.contains("this is no ISMN file"), "{other}");
}

#[test]
fn the_shared_tables_are_read() {
    let Some(folder) = crate::field::tests::shared("data") else {
        return;
    };
    let uscrn = folder.join("soilmoisture_uscrn_2020/uscrn_daily_2020.csv");
    let found =
        StationTables::open_blocking(&[uscrn], &StationReading::default()).expect("stations");
    assert_eq!(found.stations.len(), 30);
    let first = &found.stations[0];
    assert_eq!(
        (first.name.as_str(), first.depth_m),
        ("03047", Some((0.05, 0.05)))
    );
    assert_eq!(first.days[&date("2020-01-01")], 0.036);
    let weather = first.weather.as_ref().expect("weather");
    assert_eq!(weather.days.len(), 366);
    assert_eq!(weather.days[0].srad_mj, Some(3.62));
    let cook = folder.join("soilmoisture_cookfarm");
    let files = [
        "soil_moisture_vwc_depth030cm.csv",
        "sensors.csv",
        "weather_daily.csv",
    ]
    .map(|name| cook.join(name));
    let reading = StationReading {
        depth_m: (0.3, 0.3),
        ..StationReading::default()
    };
    let found = StationTables::open_blocking(&files, &reading).expect("stations");
    assert_eq!(found.stations.len(), 42);
    assert_eq!(found.values(), 26_566);
    assert!(found.stations.iter().all(|station| station.facts.len() == 4
        && station.place.is_some()
        && station.weather.is_some()));
}

#[test]
fn a_table_may_say_that_its_values_are_means_of_cells() {
    let values = "station,date,sm\na,2020-03-01,0.2\nb,2020-03-01,0.3\n";
    let places = "station,lat,lon,cell_km\na,51.2,4.5,9\nb,51.1,4.5,\n";
    let found = read(
        &[("values.csv", values), ("places.csv", places)],
        &StationReading::default(),
    )
    .expect("stations");
    let cells: Vec<_> = found.stations.iter().map(|one| one.cell_m).collect();
    assert_eq!(cells, [Some((9000.0, 9000.0)), None]);
    assert!(found.stations.iter().all(|one| one.facts.is_empty()));
}

/// A grid of cells in degrees with the bands it is given.
fn grid_file(folder: &Path, width: usize, bands: &[&str], values: &[f32]) -> PathBuf {
    use crate::{Crs, GeoTransform, Georef, Grid, MapKind, MapWriter};
    let grid = Grid {
        width,
        height: 1,
        georef: Georef {
            transform: Some(GeoTransform([4.0, 0.1, 0.0, 51.0, 0.0, -0.1])),
            crs: Crs::wgs84().ok(),
            ..Georef::default()
        },
    };
    let path = folder.join("grid.tif");
    let kind = MapKind::Continuous {
        bands: bands
            .iter()
            .map(|name| ((*name).to_owned(), String::new()))
            .collect(),
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(&path, &grid, kind).expect("a file");
    writer.write_floats(grid.window(), values).expect("written");
    writer.finish(&Vec::new()).expect("finished");
    path
}

#[test]
fn cells_of_a_grid_are_stations_that_know_their_ground() {
    let folder = tempfile::tempdir().expect("folder");
    let bands = [
        "sm_surface 2021-06-03T01:30",
        "sm_surface 2021-06-03T13:30",
        "sm_rootzone 2021-06-03T01:30",
    ];
    // The third cell is sea.
    let values = [0.2, 0.3, f32::NAN, 0.4, 0.3, f32::NAN, 0.5, 0.5, f32::NAN];
    grid_file(folder.path(), 3, &bands, &values);
    // As GDAL tells of a NetCDF file.
    let told: String = bands
        .iter()
        .enumerate()
        .map(|(at, name)| {
            let variable = name.split(' ').next().unwrap_or_default();
            format!(
                r#"<VRTRasterBand dataType="Float32" band="{0}"><Description>{name}</Description>
                <Metadata><MDI key="NETCDF_VARNAME">{variable}</MDI></Metadata><NoDataValue>nan</NoDataValue>
                <SimpleSource><SourceFilename relativeToVRT="1">grid.tif</SourceFilename>
                <SourceBand>{0}</SourceBand></SimpleSource></VRTRasterBand>"#,
                at + 1
            )
        })
        .collect();
    let path = folder.path().join("smap.vrt");
    let text = format!(
        r#"<VRTDataset rasterXSize="3" rasterYSize="1"><SRS>EPSG:4326</SRS>
        <GeoTransform>4.0, 0.1, 0.0, 51.0, 0.0, -0.1</GeoTransform>{told}</VRTDataset>"#
    );
    std::fs::write(&path, text).expect("written");
    let files = [path];
    let open = |reading: &StationReading| StationTables::open_blocking(&files, reading);
    let found = open(&StationReading::default()).expect("cells");
    assert_eq!(found.stations.len(), 2);
    let first = &found.stations[0];
    assert_eq!(first.name, "cell 50.9500 4.0500");
    assert_eq!(first.depth_m, Some((0.0, 0.05)));
    let (width, height) = first.cell_m.expect("a cell");
    assert!((height - 11_132.0).abs() < 1.0 && (width - 7_013.0).abs() < 5.0);
    // Few values a day are all there are; the root zone is deeper than asked for.
    let means: Vec<f64> = found
        .stations
        .iter()
        .flat_map(|one| one.days.values().copied())
        .collect();
    assert!((means[0] - 0.3).abs() < 1e-6 && (means[1] - 0.3).abs() < 1e-6);
    assert!(found.notes.iter().any(|note| note.contains("other depths")));
    let morning = StationReading {
        time_of_day: Some(Time::constant(2, 0, 0, 0)),
        ..StationReading::default()
    };
    let found = open(&morning).expect("cells");
    assert!((found.stations[0].days[&date("2021-06-03")] - 0.2).abs() < 1e-6);

    let unknown = grid_file(folder.path(), 1, &["wetness 2021-06-03"], &[0.2]);
    let refused =
        StationTables::open_blocking(std::slice::from_ref(&unknown), &StationReading::default());
    let words = refused.expect_err("refused").to_string();
    assert!(words.contains("--value-column"), "{words}");
    let named = StationReading {
        column: Some("wetness".to_owned()),
        ..StationReading::default()
    };
    let found = StationTables::open_blocking(&[unknown], &named).expect("cells");
    assert_eq!(found.stations[0].days[&date("2021-06-03")] as f32, 0.2);
}
