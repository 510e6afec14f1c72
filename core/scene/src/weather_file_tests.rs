//! Files of the sources of weather, byte by byte as they are delivered.

use super::*;
use crate::{WeatherUnit, WeatherVariable as V};
use jiff::civil::Date;

fn opened_with(bytes: &[u8], reading: &WeatherReading) -> SceneResult<WeatherTable> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weather.csv");
    std::fs::write(&path, bytes).unwrap();
    WeatherTable::open_blocking(&path, reading)
}

fn opened(bytes: &[u8]) -> WeatherTable {
    opened_with(bytes, &WeatherReading::default()).unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

#[track_caller]
fn near(table: &WeatherTable, variable: V, on: &str, wanted: f64) {
    let value = f64::from(table.value(variable, day(on)).unwrap());
    let tolerance = 1e-4 * wanted.abs().max(1.0);
    assert!(
        (value - wanted).abs() < tolerance,
        "{variable:?} on {on}: {value}, not {wanted}"
    );
}

const DAYMET: &str = "Latitude: 41.9  Longitude: -93.6
X & Y on Lambert Conformal Conic: 506022.01 -44135.47
Tile: 11744
Elevation: 310 meters
All years; all variables; Daymet Software Version 4.0
How to cite: Thornton; M.M.; R. Shrestha; Y. Wei; P.E. Thornton; S-C. Kao; and B.E. Wilson. 2022. Daymet: Daily Surface Weather Data on a 1-km Grid for North America; Version 4 R1. ORNL DAAC; Oak Ridge; Tennessee; USA. https://doi.org/10.3334/ORNLDAAC/2129
year,yday,dayl (s),prcp (mm/day),srad (W/m^2),swe (kg/m^2),tmax (deg c),tmin (deg c),vp (Pa)
2023,1,32445.20,0.00,183.29,4.00,4.63,-3.47,472.61
2023,2,32489.76,24.66,99.73,4.00,3.28,-2.00,527.22
2023,3,32537.96,7.13,94.13,0.00,4.10,-0.85,574.05
";

#[test]
fn daymet_of_today() {
    let table = opened(DAYMET.as_bytes());
    assert_eq!(table.source, "Daymet");
    assert_eq!((table.first, table.days()), (day("2023-01-01"), 3));
    assert_eq!(table.place, Some((41.9, -93.6)));
    assert_eq!(table.elevation_m, Some(310.0));
    near(&table, V::Tmin, "2023-01-01", -3.47);
    near(&table, V::Tmax, "2023-01-03", 4.10);
    near(&table, V::Prcp, "2023-01-02", 24.66);
    near(&table, V::Srad, "2023-01-01", 183.29 * 32445.20 * 1e-6);
    near(&table, V::Vp, "2023-01-02", 0.527_22);
    near(&table, V::Swe, "2023-01-02", 4.0);
    assert!(table.doubts.is_empty() && table.checks(&[]).is_empty());
    // With the line ends of another system, and without its preamble, it says the same.
    let crlf = opened(DAYMET.replace('\n', "\r\n").as_bytes());
    assert_eq!(crlf.columns, table.columns);
    let bare = DAYMET.split_once("2129\n").unwrap().1;
    assert_eq!(opened(bare.as_bytes()).columns, table.columns);
    // Radiation over the daylight is no total without its length.
    let short = "year,yday,srad (W/m^2),tmax (deg c),tmin (deg c),prcp (mm/day)\n2023,1,183.29,4.63,-3.47,0\n";
    let text = DAYMET.split_once("year,yday").unwrap().0.to_owned() + short;
    let table = opened(text.as_bytes());
    assert!(!table.has(V::Srad));
    assert!(
        table.notes.iter().any(|note| note.contains("dayl")),
        "{:?}",
        table.notes
    );
}

#[test]
fn daymet_of_older_versions_and_leap_years() {
    let mut text = "Latitude: 35.5  Longitude: -85.3
X & Y on Lambert Conformal Conic: 1276601.34 -630704.95
Tile: 11208
Elevation: 243 meters
All years; all variables; Daymet Software Version 3.0; Daymet Data Version 3.0.
How to cite: Thornton; P.E.; M.M. Thornton; B.W. Mayer; Y. Wei; R. Devarakonda; R.S. Vose; and R.B. Cook. 2016. Daymet: Daily Surface Weather Data on a 1-km Grid for North America; Version 3. ORNL DAAC; Oak Ridge; Tennessee; USA. http://dx.doi.org/10.3334/ORNLDAAC/1328 

year,yday,tmax (deg c),tmin (deg c)
"
    .to_owned();
    for year in [2019, 2020, 2021] {
        for yday in 1..=365 {
            text += &format!("{year}.0,{yday}.0,{}.5,{}.0\n", yday % 30, yday % 30 - 9);
        }
    }
    let table = opened(text.as_bytes());
    assert_eq!(
        (table.first, table.last()),
        (day("2019-01-01"), day("2021-12-31"))
    );
    // 29 February is day 60; 31 December 2020 copies the day before, day 365.
    near(&table, V::Tmax, "2020-02-29", 0.5);
    near(&table, V::Tmax, "2020-12-30", 5.5);
    near(&table, V::Tmax, "2020-12-31", 5.5);
    near(&table, V::Tmin, "2020-12-31", -4.0);
    near(&table, V::Tmax, "2021-01-01", 1.5);
    assert!(table.checks(&[]).iter().all(|check| check.days.is_empty()));
    assert!(
        table.notes.iter().any(|note| note.contains("2020-12-31")),
        "{:?}",
        table.notes
    );
    // Also when the table ends with that year.
    let until = text.split_once("2021.0,1.0").unwrap().0;
    assert_eq!(opened(until.as_bytes()).last(), day("2020-12-31"));
}

const OPEN_METEO: &str = "latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation
52.54833,13.407822,38.0,7200,Europe/Berlin,GMT+2

time,temperature_2m_max (°C),temperature_2m_min (°C),precipitation_sum (mm),shortwave_radiation_sum (MJ/m²),et0_fao_evapotranspiration (mm),relative_humidity_2m_mean (%),wind_speed_10m_max (km/h),wind_speed_10m_mean (km/h),soil_moisture_0_to_7cm_mean (m³/m³)
2024-06-01,18.8,12.3,4.50,11.99,1.92,82,20.5,10.8,0.301
2024-06-02,20.1,11.2,0.00,NaN,3.05,75,18.0,9.0,0.296
";

#[test]
fn open_meteo_by_days() {
    let table = opened(OPEN_METEO.as_bytes());
    assert_eq!(table.source, "Open-Meteo");
    assert_eq!(table.place, Some((52.54833, 13.407822)));
    assert_eq!((table.first, table.days()), (day("2024-06-01"), 2));
    near(&table, V::Tmax, "2024-06-01", 18.8);
    near(&table, V::Prcp, "2024-06-01", 4.5);
    near(&table, V::Srad, "2024-06-01", 11.99);
    assert_eq!(table.value(V::Srad, day("2024-06-02")), None);
    near(&table, V::Wind, "2024-06-01", 3.0 * 0.747_951);
    near(&table, V::Sm1, "2024-06-02", 0.296);
    let vapour = |t: f64| 0.6108 * (17.27 * t / (t + 237.3)).exp();
    near(
        &table,
        V::Vp,
        "2024-06-01",
        0.82 * (vapour(12.3) + vapour(18.8)) / 2.0,
    );
    assert!(table.doubts.is_empty());
    assert_eq!(
        opened(OPEN_METEO.replace('\n', "\r\n").as_bytes()).columns,
        table.columns
    );
    let mut with_mark = "\u{feff}".as_bytes().to_vec();
    with_mark.extend_from_slice(OPEN_METEO.as_bytes());
    assert_eq!(opened(&with_mark).columns, table.columns);
    // The units a user may ask the service for.
    let other = OPEN_METEO
        .replace("(°C)", "(°F)")
        .replace("precipitation_sum (mm)", "precipitation_sum (inch)")
        .replace("km/h", "mp/h");
    let table = opened(other.as_bytes());
    near(&table, V::Tmax, "2024-06-02", (20.1 - 32.0) / 1.8);
    near(&table, V::Prcp, "2024-06-01", 4.5 * 25.4);
    near(&table, V::Wind, "2024-06-02", 9.0 * 0.44704 * 0.747_951);
}

#[test]
fn open_meteo_by_hours_in_seconds_and_of_several_places() {
    let hours = |stamp: &dyn Fn(usize) -> String| {
        let mut text = "latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation\n52.5,13.4,38.0,7200,Europe/Berlin,GMT+2\n\ntime,temperature_2m (°C),dew_point_2m (°C),precipitation (mm),shortwave_radiation (W/m²)\n".to_owned();
        for hour in 0..60 {
            text += &format!("{},{}.0,9.0,0.10,{}\n", stamp(hour), hour % 24, 100);
        }
        text
    };
    let iso = hours(&|hour| format!("2024-06-{:02}T{:02}:00", 1 + hour / 24, hour % 24));
    let table = opened(iso.as_bytes());
    // The third day has twelve hours: too few.
    assert_eq!((table.first, table.days()), (day("2024-06-01"), 2));
    near(&table, V::Tmin, "2024-06-01", 0.0);
    near(&table, V::Tmax, "2024-06-01", 23.0);
    near(&table, V::Tmean, "2024-06-02", 11.5);
    near(&table, V::Prcp, "2024-06-02", 2.4);
    near(&table, V::Srad, "2024-06-02", 8.64);
    near(
        &table,
        V::Vp,
        "2024-06-01",
        0.6108 * (17.27f64 * 9.0 / (9.0 + 237.3)).exp(),
    );
    assert!(
        table
            .notes
            .iter()
            .any(|note| note.contains("fewer than 20")),
        "{:?}",
        table.notes
    );
    // Seconds since 1970 are UTC; days are those of the place, two hours ahead.
    let midnight = 1_717_192_800;
    let unix = hours(&|hour| (midnight + 3600 * hour as i64).to_string());
    assert_eq!(opened(unix.as_bytes()).columns, table.columns);
    let several =
        "location_id,latitude,longitude,elevation,utc_offset_seconds,timezone,timezone_abbreviation
0,43.83,11.16,59.0,0,GMT,GMT
1,45.46,9.19,120.0,0,GMT,GMT

location_id,time,temperature_2m_max (°C),temperature_2m_min (°C)
0,2024-06-01,25.0,15.0
0,2024-06-02,26.0,16.0
1,2024-06-01,21.0,11.0
1,2024-06-02,22.0,12.0
";
    let error = opened_with(several.as_bytes(), &WeatherReading::default()).unwrap_err();
    assert!(error.to_string().contains("2 places"), "{error}");
    let reading = WeatherReading {
        place: Some((45.0, 9.0)),
        ..WeatherReading::default()
    };
    let table = opened_with(several.as_bytes(), &reading).unwrap();
    near(&table, V::Tmax, "2024-06-02", 22.0);
    assert_eq!(table.elevation_m, Some(120.0));
    // Hours and days in one file: the days go first, the hours add what they lack.
    let both = iso + "\ntime,temperature_2m_max (°C)\n2024-06-01,99.5\n2024-06-02,1.5\n";
    let table = opened(both.as_bytes());
    near(&table, V::Tmax, "2024-06-02", 1.5);
    near(&table, V::Tmin, "2024-06-02", 0.0);
}

const POWER: &str = "-BEGIN HEADER-\r\nNASA/POWER CERES/MERRA2 Native Resolution Daily Data \r\nDates (month/day/year): 12/30/2020 through 01/01/2021 \r\nLocation: Latitude  6.6237   Longitude -1.2132 \r\nElevation from MERRA-2: Average for 0.5 x 0.625 degree lat/lon region = 228.15 meters\r\nThe value for missing source data that cannot be computed or is outside of the sources availability range: -999 \r\nParameter(s): \r\nT2M_MAX               MERRA-2 Temperature at 2 Meters Maximum (C) \r\nT2M_MIN               MERRA-2 Temperature at 2 Meters Minimum (C) \r\nT2MDEW                MERRA-2 Dew/Frost Point at 2 Meters (C) \r\nPRECTOTCORR           MERRA-2 Precipitation Corrected (mm/day) \r\nALLSKY_SFC_SW_DWN     CERES SYN1deg All Sky Surface Shortwave Downward Irradiance (MJ/m^2/day) \r\nWS2M                  MERRA-2 Wind Speed at 2 Meters (m/s) \r\n-END HEADER-\r\nYEAR,DOY,T2M_MAX,T2M_MIN,T2MDEW,PRECTOTCORR,ALLSKY_SFC_SW_DWN,WS2M\r\n2020,365,31.2,22.1,20.0,0.52,18.36,1.10\r\n2020,366,31.9,22.4,20.5,-999,18.00,1.20\r\n2021,1,32.0,22.6,21.0,3.10,-999,-99\r\n";

#[test]
fn nasa_power_of_both_communities() {
    let table = opened(POWER.as_bytes());
    assert_eq!(table.source, "NASA POWER");
    assert_eq!(table.place, Some((6.6237, -1.2132)));
    assert_eq!(table.elevation_m, Some(228.15));
    assert_eq!((table.first, table.days()), (day("2020-12-30"), 3));
    near(&table, V::Tmax, "2020-12-31", 31.9);
    near(&table, V::Srad, "2020-12-30", 18.36);
    near(
        &table,
        V::Vp,
        "2020-12-30",
        0.6108 * (17.27f64 * 20.0 / 257.3).exp(),
    );
    near(&table, V::Wind, "2020-12-31", 1.2);
    assert_eq!(table.value(V::Prcp, day("2020-12-31")), None);
    assert_eq!(table.value(V::Srad, day("2021-01-01")), None);
    assert_eq!(table.value(V::Wind, day("2021-01-01")), None);
    assert!(table.doubts.is_empty(), "{:?}", table.doubts);
    let other = POWER
        .replace("MJ/m^2/day", "kW-hr/m^2/day")
        .replace("18.36", "5.1")
        .replace("YEAR,DOY,", "YEAR,MO,DY,")
        .replace("2020,365,", "2020,12,30,")
        .replace("2020,366,", "2020,12,31,")
        .replace("2021,1,", "2021,1,1,");
    let table = opened(other.as_bytes());
    assert_eq!((table.first, table.days()), (day("2020-12-30"), 3));
    near(&table, V::Srad, "2020-12-30", 18.36);
    // By hours.
    let mut hours = "-BEGIN HEADER-\nNASA/POWER CERES/MERRA2 Native Resolution Hourly Data \nLocation: Latitude  6.6237   Longitude -1.2132 \nParameter(s): \nT2M                   MERRA-2 Temperature at 2 Meters (C) \nPRECTOTCORR           MERRA-2 Precipitation Corrected (mm/hour) \nALLSKY_SFC_SW_DWN     CERES SYN1deg All Sky Surface Shortwave Downward Irradiance (Wh/m^2) \n-END HEADER-\nYEAR,MO,DY,HR,T2M,PRECTOTCORR,ALLSKY_SFC_SW_DWN\n".to_owned();
    for hour in 0..24 {
        hours += &format!("2021,6,3,{hour},{},0.5,200\n", 10 + hour);
    }
    let table = opened(hours.as_bytes());
    near(&table, V::Tmax, "2021-06-03", 33.0);
    near(&table, V::Prcp, "2021-06-03", 12.0);
    near(&table, V::Srad, "2021-06-03", 24.0 * 200.0 * 0.0036);
}

/// Hours of five days from 2021-06-01: total precipitation (m) and radiation (J/m2), per hour or through the day.
fn era5(is_accumulated: bool) -> String {
    let mut text = "valid_time,t2m,d2m,tp,ssrd,u10,v10,swvl1,latitude,longitude\n".to_owned();
    let (mut rain, mut sun) = (0.0, 0.0);
    for hour in 0..=(5 * 24) {
        let of_day = hour % 24;
        let (day, wet) = (1 + hour / 24, hour % 7 == 3);
        // What the hour before this time brought.
        let fell = if wet { 0.0004 } else { 0.0 };
        let shone = if (5..=20).contains(&of_day) {
            1_000_000.0
        } else {
            0.0
        };
        if of_day == 1 {
            (rain, sun) = (0.0, 0.0);
        }
        rain += fell;
        sun += shone;
        let (tp, ssrd) = if is_accumulated {
            (rain, sun)
        } else {
            (fell, shone)
        };
        text += &format!(
            "2021-06-{day:02} {of_day:02}:00:00,{},283.15,{tp:.6},{ssrd:.1},3.0,4.0,0.25,50.0,4.0\n",
            288.15 + of_day as f64 / 4.0
        );
    }
    text
}

#[test]
fn era5_land_says_the_same_accumulated_or_not() {
    let through_the_day = opened(era5(true).as_bytes());
    let by_hours = opened(era5(false).as_bytes());
    assert_eq!(through_the_day.source, "ERA5-Land");
    assert!(
        through_the_day
            .notes
            .iter()
            .any(|note| note.starts_with("tp accumulates"))
    );
    assert!(
        !by_hours
            .notes
            .iter()
            .any(|note| note.contains("accumulates"))
    );
    assert_eq!(through_the_day.days(), 5);
    for variable in [V::Prcp, V::Srad] {
        for row in 0..5 {
            let day = through_the_day.day(row);
            let (a, b) = (
                through_the_day.value(variable, day).unwrap(),
                by_hours.value(variable, day).unwrap(),
            );
            assert!((a - b).abs() < 1e-4, "{variable:?} {day}: {a} {b}");
        }
    }
    // Hours 3, 10, 17 and 24 of the first day.
    near(&by_hours, V::Prcp, "2021-06-01", 1.6);
    near(&by_hours, V::Srad, "2021-06-01", 16.0);
    near(&by_hours, V::Tmin, "2021-06-01", 15.0);
    near(&by_hours, V::Tmax, "2021-06-01", 20.75);
    near(
        &by_hours,
        V::Vp,
        "2021-06-01",
        0.6108 * (17.27f64 * 10.0 / 247.3).exp(),
    );
    near(&by_hours, V::Wind, "2021-06-01", 5.0 * 0.747_951);
    near(&by_hours, V::Sm1, "2021-06-01", 0.25);
    assert_eq!(by_hours.place, Some((50.0, 4.0)));
}

#[test]
fn earth_engine_by_days() {
    let text = "system:index,date,dewpoint_temperature_2m,surface_solar_radiation_downwards_sum,temperature_2m,temperature_2m_max,temperature_2m_min,total_precipitation_sum,u_component_of_wind_10m,v_component_of_wind_10m,volumetric_soil_water_layer_1,.geo
20210603,2021-06-03,283.15,2.0E7,290.15,296.15,284.15,0.0042,-3.0,4.0,0.31,\"{\"\"type\"\":\"\"Point\"\"}\"
20210604,2021-06-04,283.15,1.9E7,291.15,297.15,285.15,0,-3.0,4.0,0.30,\"{\"\"type\"\":\"\"Point\"\"}\"
";
    let table = opened(text.as_bytes());
    assert_eq!(table.source, "ERA5-Land (Earth Engine)");
    near(&table, V::Tmin, "2021-06-03", 11.0);
    near(&table, V::Tmax, "2021-06-04", 24.0);
    near(&table, V::Tmean, "2021-06-03", 17.0);
    near(&table, V::Prcp, "2021-06-03", 4.2);
    near(&table, V::Srad, "2021-06-03", 20.0);
    near(&table, V::Wind, "2021-06-03", 5.0 * 0.747_951);
    assert!(table.doubts.is_empty(), "{:?}", table.doubts);
    let stamped = text
        .replace("system:index,date", "system:index,system:time_start")
        .replace(",2021-06-03,", ",1622678400000,")
        .replace(",2021-06-04,", ",1.6227648E12,");
    assert_eq!(opened(stamped.as_bytes()).columns, table.columns);
    let written = text
        .replace("system:index,date", "system:index,system:time_start")
        .replace(",2021-06-03,", ",\"Jun 3, 2021\",")
        .replace(",2021-06-04,", ",\"Jun 4, 2021\",");
    assert_eq!(opened(written.as_bytes()).columns, table.columns);
}

#[test]
fn agera5_in_other_units_is_asked_about() {
    let header = "date,precipitation_flux,solar_radiation_flux,temperature_max,temperature_min,vapour_pressure\n";
    let table = opened(format!("{header}2018-05-06,1.5,20000000,296.1,286.2,13.1\n").as_bytes());
    assert!(table.doubts.is_empty(), "{:?}", table.doubts);
    near(&table, V::Tmax, "2018-05-06", 22.95);
    near(&table, V::Srad, "2018-05-06", 20.0);
    near(&table, V::Vp, "2018-05-06", 1.31);
    // Somebody made degrees Celsius of it: nothing is guessed.
    let table = opened(format!("{header}2018-05-06,1.5,20000000,23.0,13.1,13.1\n").as_bytes());
    let doubts: Vec<_> = table
        .doubts
        .iter()
        .map(|doubt| (doubt.key.as_str(), doubt.likely))
        .collect();
    assert_eq!(
        doubts,
        [
            ("tmin", Some(WeatherUnit::Celsius)),
            ("tmax", Some(WeatherUnit::Celsius))
        ]
    );
}

#[test]
fn old_letters_and_leap_days_left_out() {
    // The degree sign in Latin-1.
    let mut bytes = b"date,tmin (".to_vec();
    bytes.push(0xb0);
    bytes.extend_from_slice(b"C),tmax (");
    bytes.push(0xb0);
    bytes.extend_from_slice(b"C)\r2020-02-28,1,5\r2020-03-01,3,7\r");
    let table = opened(&bytes);
    assert!(table.doubts.is_empty());
    assert_eq!(table.days(), 3);
    let checks = table.checks(&[]);
    let gap = checks
        .iter()
        .find(|check| check.days == [day("2020-02-29")])
        .unwrap();
    assert!(gap.what.contains("365 days") && !gap.stops, "{gap:?}");
}
