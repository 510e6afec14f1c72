//! The daily table: its rows, gaps, drivers, checks and what follows it.

use super::*;
use crate::WeatherConcern;

fn opened(text: &str, reading: &WeatherReading) -> SceneResult<WeatherTable> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weather.csv");
    std::fs::write(&path, text).unwrap();
    WeatherTable::open_blocking(&path, reading)
}

fn own(text: &str) -> WeatherTable {
    opened(text, &WeatherReading::default()).unwrap()
}

fn day(text: &str) -> Date {
    text.parse().unwrap()
}

/// An own table of so many days from 2021-05-01 on, one line each.
fn own_days(count: usize, header: &str, line: impl Fn(usize) -> Option<String>) -> String {
    let mut text = format!("{header}\n");
    for row in 0..count {
        if let Some(cells) = line(row) {
            text += &format!("{},{cells}\n", later(day("2021-05-01"), row as i64));
        }
    }
    text
}

const HEADER: &str = "date,tmin,tmax,prcp,srad,vp";

#[test]
fn an_own_table_gives_drivers() {
    let table = own(&own_days(10, HEADER, |row| {
        Some(format!("{},{},1.5,20,1.1", row, row + 10))
    }));
    assert_eq!(table.first, day("2021-05-01"));
    assert_eq!(table.last(), day("2021-05-10"));
    assert_eq!(table.source, "own table");
    assert_eq!(
        table.value(WeatherVariable::Tmean, day("2021-05-03")),
        Some(7.0)
    );
    let rows = table.drivers(day("2021-05-02"), day("2021-05-04")).unwrap();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0], [1.0, 11.0, 1.5, 20.0, 1.1]);
    assert!(table.checks(&[]).is_empty(), "{:?}", table.checks(&[]));
    // Written and read again it is the same.
    let again = own(&table.csv());
    assert_eq!(again.columns, table.columns);
}

#[test]
fn units_in_the_header_are_converted() {
    let text = "date;tmin (F);tmax [K];prcp (inch);srad (W/m2);vp (hPa);wind10 (km/h)\n2021-06-03;50;293.15;0,1;100;13;36\n";
    let table = own(text);
    let value = |variable| table.value(variable, day("2021-06-03")).unwrap();
    let near = |variable, wanted: f32| {
        let value = value(variable);
        assert!(
            (value - wanted).abs() < 1e-4,
            "{variable:?} {value} {wanted}"
        );
    };
    near(WeatherVariable::Tmin, 10.0);
    near(WeatherVariable::Tmax, 20.0);
    near(WeatherVariable::Prcp, 2.54);
    near(WeatherVariable::Srad, 8.64);
    near(WeatherVariable::Vp, 1.3);
    near(WeatherVariable::Wind, 7.4795);
    assert!(table.doubts.is_empty());
}

#[test]
fn units_that_look_wrong_are_asked_for_and_never_changed() {
    let text = own_days(40, HEADER, |row| {
        Some(format!("{},{},0.00{},20,1.1", 280, 290, row % 10))
    });
    let table = own(&text);
    assert_eq!(
        table.value(WeatherVariable::Tmax, day("2021-05-01")),
        Some(290.0)
    );
    let keys: Vec<_> = table
        .doubts
        .iter()
        .map(|doubt| doubt.key.as_str())
        .collect();
    assert_eq!(keys, ["tmin", "tmax", "prcp"]);
    let likely: Vec<_> = table
        .doubts
        .iter()
        .map(|doubt| doubt.likely.unwrap())
        .collect();
    assert_eq!(
        likely,
        [WeatherUnit::Kelvin, WeatherUnit::Kelvin, WeatherUnit::Metre]
    );
    let error = table
        .drivers(day("2021-05-01"), day("2021-05-02"))
        .unwrap_err();
    assert!(error.to_string().contains("--unit tmin=K"), "{error}");
    let mut reading = WeatherReading::default();
    for (key, unit) in [("tmin", "K"), ("tmax", "K"), ("prcp", "m")] {
        reading
            .units
            .insert(key.into(), WeatherUnit::parse(unit).unwrap());
    }
    let table = opened(&text, &reading).unwrap();
    assert!(table.doubts.is_empty());
    let rows = table.drivers(day("2021-05-02"), day("2021-05-02")).unwrap();
    assert!(
        (rows[0][1] - 16.85).abs() < 1e-4 && (rows[0][2] - 1.0).abs() < 1e-5,
        "{rows:?}"
    );
    // A person may also say that the values are right.
    let mut right = WeatherReading::default();
    for key in ["tmin", "tmax"] {
        right.units.insert(key.into(), WeatherUnit::Celsius);
    }
    right.units.insert("prcp".into(), WeatherUnit::Millimetre);
    assert!(opened(&text, &right).unwrap().doubts.is_empty());
    let mut wrong = WeatherReading::default();
    wrong.units.insert("tmax".into(), WeatherUnit::Millimetre);
    let error = opened(&text, &wrong).unwrap_err().to_string();
    assert!(error.contains("tmax cannot be in mm"), "{error}");
}

#[test]
fn each_quantity_off_by_its_unit_is_noticed() {
    let likely = |header: &str, cells: &str| {
        let table = own(&own_days(60, header, |_| Some(cells.to_owned())));
        let doubts: Vec<_> = table
            .doubts
            .iter()
            .map(|doubt| (doubt.key.clone(), doubt.likely))
            .collect();
        doubts
    };
    use WeatherUnit::*;
    for (cells, key, unit) in [
        ("68,95,1,20,1.1", "tmin", Fahrenheit),
        ("8,18,1,230,1.1", "srad", Watt),
        ("8,18,1,20000000,1.1", "srad", Joule),
        ("8,18,1,20000,1.1", "srad", Kilojoule),
        ("8,18,1,20,11", "vp", Hectopascal),
        ("8,18,1,20,1100", "vp", Pascal),
        ("8,18,0.004,20,1.1", "prcp", Metre),
    ] {
        let found = likely(HEADER, cells);
        assert_eq!(
            found.first(),
            Some(&(key.to_owned(), Some(unit))),
            "{cells}: {found:?}"
        );
    }
    // A cold winter's hectopascals are in the range of kilopascals, but not in that air.
    assert_eq!(
        likely(HEADER, "-10,-2,1,3,4.2"),
        [("vp".to_owned(), Some(Hectopascal))]
    );
    assert_eq!(
        likely(HEADER, "8,18,1200,20,1.1"),
        [("prcp".to_owned(), None)]
    );
    assert_eq!(likely("date,tmax (furlong)", "20")[0].1, None);
}

#[test]
fn short_gaps_are_bridged_and_long_ones_named() {
    let text = own_days(40, HEADER, |row| match row {
        5..=9 => None,
        12 => Some("1,11,,20,1".into()),
        20..=25 => None,
        _ => Some(format!("{row},{},1,20,1", row + 10)),
    });
    let table = own(&text);
    let rows = table.drivers(day("2021-05-05"), day("2021-05-14")).unwrap();
    assert_eq!(rows[1][0], 5.0);
    assert_eq!(rows[5][0], 9.0);
    assert_eq!(rows[1][2], 0.0);
    assert_eq!(rows[8][2], 0.0);
    let error = table
        .drivers(day("2021-05-01"), day("2021-06-01"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("from 2021-05-21 to 2021-05-26, 6 days"),
        "{error}"
    );
    let checks = table.checks(&[]);
    assert!(
        checks
            .iter()
            .any(|check| check.stops && check.what.contains("6 days in a row"))
    );
    let prcp = checks
        .iter()
        .find(|check| check.variable == Some(WeatherVariable::Prcp));
    assert_eq!(prcp.unwrap().days, [day("2021-05-13")]);
}

#[test]
fn days_outside_and_drivers_not_there_are_named() {
    let table = own(&own_days(10, "date,tmin,tmax,prcp", |_| {
        Some("1,11,1".into())
    }));
    // Vapour pressure comes from tmin, radiation from nowhere.
    assert!(table.has(WeatherVariable::Vp));
    let error = table
        .drivers(day("2021-05-01"), day("2021-05-02"))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("no solar radiation (srad, MJ/m2/day)"),
        "{error}"
    );
    let table = own(&own_days(10, HEADER, |_| Some("1,11,1,20,1".into())));
    let error = |from: &str, to: &str| table.drivers(day(from), day(to)).unwrap_err().to_string();
    assert!(error("2021-04-30", "2021-05-02").contains("begins on 2021-05-01"));
    assert!(error("2021-05-02", "2021-05-11").contains("ends on 2021-05-10"));
    assert!(error("2021-05-03", "2021-05-02").contains("holds no day"));
    let checks = table.checks(&[day("2021-05-04"), day("2021-05-20")]);
    let cover = checks
        .iter()
        .find(|check| check.concern == WeatherConcern::Cover)
        .unwrap();
    assert!(
        cover.stops && cover.days == [day("2021-05-20")],
        "{cover:?}"
    );
}

#[test]
fn odd_rows_are_shown() {
    let text = own_days(40, HEADER, |row| {
        Some(match row {
            3 => "12,11,1,20,1".into(),
            4 => "1,75,1,20,1".into(),
            5 => "1,11,-2,20,1".into(),
            6 => "1,11,600,20,1".into(),
            7 => "1,11,1,60,1".into(),
            8 => "1,11,1,20,3".into(),
            _ => "1,11,1,20,1".to_owned(),
        })
    });
    let checks = own(&text).checks(&[]);
    let days: Vec<_> = checks
        .iter()
        .map(|check| (check.variable.unwrap(), check.days[0]))
        .collect();
    use WeatherVariable as V;
    assert_eq!(
        days,
        [
            (V::Tmin, day("2021-05-04")),
            (V::Tmax, day("2021-05-05")),
            (V::Prcp, day("2021-05-06")),
            (V::Srad, day("2021-05-08")),
            (V::Vp, day("2021-05-09")),
        ]
    );
    assert!(checks.iter().all(|check| !check.stops));
}

#[test]
fn tables_follow_each_other() {
    let past = own(&own_days(10, HEADER, |_| Some("1,11,1,20,1".into())));
    let future = own(&own_days(30, HEADER, |_| Some("2,12,2,21,1.2".into())));
    let joined = past.followed_by(&future);
    assert_eq!(joined.days(), 30);
    assert_eq!(
        joined.value(WeatherVariable::Tmin, day("2021-05-10")),
        Some(1.0)
    );
    assert_eq!(
        joined.value(WeatherVariable::Tmin, day("2021-05-11")),
        Some(2.0)
    );
    assert!(
        joined.source.contains("from 2021-05-11"),
        "{}",
        joined.source
    );
    assert_eq!(future.followed_by(&past).days(), 30);
    let cut = joined.until(day("2021-05-05")).unwrap();
    assert_eq!(cut.last(), day("2021-05-05"));
    assert!(joined.until(day("2021-04-30")).is_none());
    let warm = joined.changed_from(day("2021-05-20"), 2.0, 0.5);
    assert_eq!(
        warm.value(WeatherVariable::Tmax, day("2021-05-19")),
        Some(12.0)
    );
    assert_eq!(
        warm.value(WeatherVariable::Tmax, day("2021-05-20")),
        Some(14.0)
    );
    assert_eq!(
        warm.value(WeatherVariable::Prcp, day("2021-05-20")),
        Some(1.0)
    );
}

#[test]
fn what_is_no_weather_is_refused() {
    let says = |text: &str| {
        opened(text, &WeatherReading::default())
            .unwrap_err()
            .to_string()
    };
    assert!(says("").contains("no weather table"));
    assert!(says("date,tmin\n").contains("no rows"));
    assert!(says("a,b\n1,2\n").contains("no column date"));
    assert!(says("date,a\n2021-01-01,2\n").contains("no column of the table is known"));
    assert!(says("date,tmin\n03.06.2021,2\n").contains("line 2"));
    assert!(says("date,tmin\n2021-06-03,2\n2021-06-03,3\n").contains("two rows for 2021-06-03"));
    assert!(says("date,tmin\n2021-06-03,2\n9021-06-03,3\n").contains("one of these dates"));
    assert!(says("date,tmin\n2021-06-03,\0\n").contains("no text"));
    let odd = own("date,tmin,tmax\n2021-06-03,x,3\n2021-06-04,1,3\n");
    assert!(
        odd.notes[0].contains("1 cells of tmin are no numbers"),
        "{:?}",
        odd.notes
    );
    let missing =
        WeatherTable::open_blocking("/nowhere/weather.csv".as_ref(), &WeatherReading::default());
    assert!(
        missing
            .unwrap_err()
            .to_string()
            .contains("cannot be opened")
    );
}

#[test]
fn columns_of_other_names_and_places_are_chosen() {
    let text = "Date,lat,lon,Rain_here,tmin,tmax\n2021-06-03,50,4,1,2,3\n2021-06-03,51,4,4,5,6\n2021-06-04,50,4,1,2,3\n";
    let error = opened(text, &WeatherReading::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("2 places") && error.contains("--at"),
        "{error}"
    );
    let mut reading = WeatherReading {
        place: Some((50.9, 4.0)),
        ..WeatherReading::default()
    };
    reading.columns.insert("prcp".into(), "Rain_here".into());
    let table = opened(text, &reading).unwrap();
    assert_eq!(
        table.value(WeatherVariable::Prcp, day("2021-06-03")),
        Some(4.0)
    );
    assert_eq!(table.place, Some((51.0, 4.0)));
    reading.is_weighted = true;
    reading.place = Some((50.5, 4.0));
    let table = opened(text, &reading).unwrap();
    assert_eq!(
        table.value(WeatherVariable::Prcp, day("2021-06-03")),
        Some(2.5)
    );
    assert_eq!(
        table.value(WeatherVariable::Prcp, day("2021-06-04")),
        Some(1.0)
    );
    reading.columns.insert("srad".into(), "sun".into());
    assert!(
        opened(text, &reading)
            .unwrap_err()
            .to_string()
            .contains("no column sun")
    );
}

fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("TERROIR_SHARED").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"),
        PathBuf::from,
    );
    let file = root.join("data").join(path);
    if !file.exists() {
        eprintln!("SKIPPED: {} is not there", file.display());
        return None;
    }
    Some(file)
}

#[test]
fn shared_tables_are_recognised_without_questions() {
    for (path, source, days, first) in [
        (
            "flanders_2018/weather_agera5_daily.csv",
            "AgERA5",
            487,
            [13.31, 22.72, 0.09, 17.091_846, 1.3067],
        ),
        (
            "flanders_2019_a/weather_agera5_daily.csv",
            "AgERA5",
            487,
            [15.82, 23.94, 0.0, 22.201_872, 1.5943],
        ),
        (
            "s2_portugal_2021/weather_eobs_daily.csv",
            "E-OBS",
            150,
            [8.0, 16.0, 15.0, 21.5136, 1.257_33],
        ),
        (
            "s2_sweden_2021/weather_eobs_daily.csv",
            "E-OBS",
            150,
            [-5.0, -1.0, 0.0, 8.208, 0.415_78],
        ),
    ] {
        let Some(file) = shared(path) else { continue };
        let table = WeatherTable::open_blocking(&file, &WeatherReading::default()).unwrap();
        assert_eq!(table.source, source);
        assert_eq!(table.days(), days);
        assert!(table.doubts.is_empty(), "{:?}", table.doubts);
        let rows = table.drivers(table.first, table.last()).unwrap();
        for (value, wanted) in rows[0].iter().zip(first) {
            assert!(
                (value - wanted).abs() < 2e-3,
                "{path}: {:?} {first:?}",
                rows[0]
            );
        }
        let stops: Vec<_> = table
            .checks(&[])
            .into_iter()
            .filter(|check| check.stops)
            .collect();
        assert!(stops.is_empty(), "{stops:?}");
    }
}
