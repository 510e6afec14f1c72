//! Acquisition dates: which day an image was taken, from its metadata, its name or its bands.
//! The first rule that fires wins; the file's time stamp on the disk is never used.

use jiff::civil::{Date, Time};

use crate::RasterInfo;
use crate::stac::StacSidecar;

/// Metadata keys that hold the time of acquisition, most trusted first.
const KEYS: [&str; 12] = [
    "ACQUISITION_DATE",
    "DATE_ACQUIRED",
    "SENSING_TIME",
    "PRODUCT_START_TIME",
    "DATATAKE_1_DATATAKE_SENSING_START",
    "ACQUISITION_TIME",
    "ACQUISITIONDATE",
    "ACQUISITIONDATETIME",
    "CEOS_ACQUISITION_TIME",
    "START_TIME",
    "TIME_COVERAGE_START",
    "NC_GLOBAL#TIME_COVERAGE_START",
];

/// `YYYY-MM-DD` (UTC), or `None` when nothing says it.
pub(crate) fn acquisition_date(info: &RasterInfo, stac: Option<&StacSidecar>) -> Option<String> {
    let from_item = |items: &[(String, String)], key: &str| {
        items
            .iter()
            .find(|(k, _)| k.eq_ignore_ascii_case(key))
            .and_then(|(_, value)| date_in_text(value))
    };
    let in_metadata = |key: &str| {
        from_item(&info.metadata, key).or_else(|| {
            info.bands
                .first()
                .and_then(|band| from_item(&band.metadata, key))
        })
    };
    stac.and_then(|stac| stac.date.as_deref().and_then(date_in_text))
        .or_else(|| KEYS.iter().find_map(|key| in_metadata(key)))
        .or_else(|| date_in_name(info))
        // Often the time of writing, so a name that says otherwise is believed; ours always is.
        .or_else(|| {
            let is_ours = info
                .metadata_item("TIFFTAG_SOFTWARE")
                .is_some_and(|s| s.starts_with("Terroir"));
            if is_ours {
                None
            } else {
                in_metadata("TIFFTAG_DATETIME")
            }
        })
        .or_else(|| date_of_bands(info))
        .map(|date| date.to_string())
}

fn date_in_name(info: &RasterInfo) -> Option<Date> {
    let name = info.path.file_name()?.to_string_lossy().into_owned();
    date_in_text(&name).or_else(|| {
        // Sentinel-2 metadata files have no date of their own: their product folder has.
        let folder = info
            .path
            .parent()?
            .file_name()?
            .to_string_lossy()
            .into_owned();
        folder
            .to_uppercase()
            .ends_with(".SAFE")
            .then(|| date_in_text(&folder))
            .flatten()
    })
}

/// Time of day (UTC) of an image whose day is known: from the first place that names that day together with a time.
/// Tells two images of one day apart.
pub(crate) fn acquisition_time(info: &RasterInfo, date: Date) -> Option<Time> {
    let of_items = |key: &str| {
        let items = info
            .metadata
            .iter()
            .chain(info.bands.iter().flat_map(|b| &b.metadata));
        items
            .filter(|(k, _)| k.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.clone())
            .next()
    };
    let name = info
        .path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    KEYS.iter()
        .filter_map(|key| of_items(key))
        .chain(name)
        .chain(of_items("TIFFTAG_DATETIME"))
        .filter(|text| date_in_text(text) == Some(date))
        .find_map(|text| time_in_text(&text))
}

/// The time of day behind a date: `20210603T101031`, `2021-06-03T10:10:31Z`, `2021:06:03 10:10:31`, `20210603101031`.
pub(crate) fn time_in_text(text: &str) -> Option<Time> {
    let runs = digit_runs(text);
    let number = |digits: &str| digits.parse::<i8>().ok();
    let from_digits = |digits: &str| {
        let part = |from: usize| number(digits.get(from..from + 2)?);
        Time::new(part(0)?, part(2)?, part(4)?, 0).ok()
    };
    let stamp = runs.windows(2).find_map(|pair| {
        let is_stamp = matches!(pair[0].digits.len(), 7 | 8)
            && pair[1].gap == "T"
            && pair[1].digits.len() >= 6;
        if is_stamp {
            from_digits(pair[1].digits)
        } else {
            None
        }
    });
    let joined = || {
        runs.iter()
            .filter(|run| matches!(run.digits.len(), 14 | 17))
            .find_map(|run| from_digits(run.digits.get(8..)?))
    };
    let split = || {
        runs.windows(6).find_map(|six| {
            let is_time = six[0].digits.len() == 4
                && matches!(six[3].gap, "T" | " " | "_")
                && six[4].gap == ":"
                && six[5].gap == ":";
            if !is_time {
                return None;
            }
            let part = |at: usize| number(six[at].digits);
            Time::new(part(3)?, part(4)?, part(5)?, 0).ok()
        })
    };
    stamp.or_else(joined).or_else(split)
}

/// The day all dated band names agree on; a time series has none.
fn date_of_bands(info: &RasterInfo) -> Option<Date> {
    let mut dates = info
        .bands
        .iter()
        .filter_map(|band| date_in_text(&band.name));
    let first = dates.next()?;
    dates.all(|date| date == first).then_some(first)
}

/// The first date in a text: a stamp with time (`20210603T101031`), a day of year with time (`2021154T170851`), then
/// year, month, day with optional `-`, `_`, `.`, `:` or `/` between, then year and day of year.
pub(crate) fn date_in_text(text: &str) -> Option<Date> {
    let runs = digit_runs(text);
    let stamp = |length: usize, read: fn(&str) -> Option<Date>| {
        runs.windows(2).find_map(|pair| {
            let (day, time) = (&pair[0], &pair[1]);
            let is_stamp = day.digits.len() == length && time.gap == "T" && time.digits.len() >= 6;
            if is_stamp { read(day.digits) } else { None }
        })
    };
    stamp(8, year_month_day)
        .or_else(|| stamp(7, year_and_day))
        .or_else(|| {
            runs.iter()
                .filter(|run| run.digits.len() >= 8)
                .find_map(|run| leading_date(run.digits))
        })
        .or_else(|| {
            runs.windows(3).find_map(|three| {
                let [year, month, day] = three else {
                    return None;
                };
                let is_split = year.digits.len() == 4
                    && month.digits.len() == 2
                    && day.digits.len() == 2
                    && is_separator(month.gap)
                    && is_separator(day.gap);
                if !is_split {
                    return None;
                }
                year_month_day(&format!("{}{}{}", year.digits, month.digits, day.digits))
            })
        })
        .or_else(|| {
            runs.iter()
                .filter(|run| run.digits.len() == 7)
                .find_map(|run| year_and_day(run.digits))
        })
        .or_else(|| landsat_scene(text))
        .or_else(|| {
            runs.windows(2).find_map(|pair| {
                let is_split = pair[0].digits.len() == 4
                    && pair[1].digits.len() == 3
                    && is_separator(pair[1].gap);
                if is_split {
                    year_and_day(&format!("{}{}", pair[0].digits, pair[1].digits))
                } else {
                    None
                }
            })
        })
}

/// Landsat scene names of before 2017, `LT50350322008110PAC01`: sensor, path, row, year, day of year, station, version.
fn landsat_scene(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    (0..bytes.len()).find_map(|start| {
        let name = bytes.get(start..start + 21)?;
        let is_scene = name[0] == b'L'
            && name[1].is_ascii_uppercase()
            && name[2..16].iter().all(u8::is_ascii_digit)
            && name[16..19].iter().all(u8::is_ascii_uppercase);
        if is_scene {
            year_and_day(text.get(start + 9..start + 16)?)
        } else {
            None
        }
    })
}

/// Digits in a row and the text between them and the digits before.
struct Run<'a> {
    gap: &'a str,
    digits: &'a str,
}

fn digit_runs(text: &str) -> Vec<Run<'_>> {
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (gap, from) = rest.split_at(start);
        let end = from
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        runs.push(Run { gap, digits });
        rest = after;
    }
    runs
}

fn is_separator(gap: &str) -> bool {
    matches!(gap, "-" | "_" | "." | ":" | "/")
}

/// Eight digits alone, or the first eight of a stamp of date and time without a `T`.
fn leading_date(digits: &str) -> Option<Date> {
    match digits.len() {
        8 | 12 | 14 | 17 => year_month_day(digits.get(..8)?),
        _ => None,
    }
}

fn year(text: &str) -> Option<i16> {
    let year = text.parse().ok()?;
    (1900..2100).contains(&year).then_some(year)
}

fn year_month_day(digits: &str) -> Option<Date> {
    Date::new(
        year(digits.get(..4)?)?,
        digits.get(4..6)?.parse().ok()?,
        digits.get(6..8)?.parse().ok()?,
    )
    .ok()
}

fn year_and_day(digits: &str) -> Option<Date> {
    let year = year(digits.get(..4)?)?;
    let day: i64 = digits.get(4..7)?.parse().ok()?;
    let first = Date::new(year, 1, 1).ok()?;
    let is_in_year = (1..=i64::from(first.days_in_year())).contains(&day);
    if !is_in_year {
        return None;
    }
    first
        .checked_add(jiff::Span::new().try_days(day - 1).ok()?)
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_name_gives_its_day() {
        for (name, day) in [
            (
                "S2B_MSIL2A_20210603T101031_N0500_R022_T32TQM_20210603T140000.SAFE",
                "2021-06-03",
            ),
            ("T32TQM_20210603T101031_B04_10m.jp2", "2021-06-03"),
            (
                "S1A_IW_GRDH_1SDV_20210603T053412_20210603T053437_038180_0481A1_F5A4",
                "2021-06-03",
            ),
            ("HLS.S30.T15TVK.2021154T170851.v2.0.B04.tif", "2021-06-03"),
            (
                "LC08_L2SP_029030_20210603_20210614_02_T1_SR_B4.TIF",
                "2021-06-03",
            ),
            ("20210603T101031_20210603T101030_T32TQM", "2021-06-03"),
            ("x_2021-06-03_y.tif", "2021-06-03"),
            ("20210603", "2021-06-03"),
            ("2021.06.03", "2021-06-03"),
            ("2021_154", "2021-06-03"),
            ("2021154", "2021-06-03"),
            ("m_4709963_se_14_1_20100629_5m.tif", "2010-06-29"),
            (
                "ENMAP01-____L2A-DT0000001867_20220724T104526Z_008_V010302",
                "2022-07-24",
            ),
            ("2021:06:28 11:00:00", "2021-06-28"),
            ("2020366", "2020-12-31"),
            ("MOD09A1.A2020153.h18v04", "2020-06-01"),
            ("19970718024119087", "1997-07-18"),
            ("LT50350322008110PAC01", "2008-04-19"),
            ("LE70350322008118EDC00_b3.tif", "2008-04-27"),
            (
                "S1A_IW_GRDH_1SDV_20210603T053412_20210604T000001_038180.tif",
                "2021-06-03",
            ),
            ("x_2021_06_03_y", "2021-06-03"),
            ("x_2021.06.03.tif", "2021-06-03"),
            ("2021-06-03 B04", "2021-06-03"),
        ] {
            assert_eq!(
                date_in_text(name).map(|d| d.to_string()).as_deref(),
                Some(day),
                "{name}"
            );
        }
    }

    #[test]
    fn times_of_day_tell_two_images_of_a_day_apart() {
        for (text, time) in [
            ("T32TQM_20210603T101031_B04_10m.jp2", Some("10:10:31")),
            (
                "HLS.S30.T15TVK.2021154T170851.v2.0.B04.tif",
                Some("17:08:51"),
            ),
            ("2021:06:28 11:00:05", Some("11:00:05")),
            ("2021-06-03T10:10:31Z", Some("10:10:31")),
            ("20210603101031", Some("10:10:31")),
            ("S2_2021-06-28.tif", None),
            ("20210603", None),
        ] {
            let found = time_in_text(text).map(|time| time.to_string());
            assert_eq!(found.as_deref(), time, "{text}");
        }
    }

    fn info(name: &str, metadata: &[(&str, &str)]) -> RasterInfo {
        RasterInfo {
            path: name.into(),
            driver: "GTiff".into(),
            grid: crate::Grid {
                width: 1,
                height: 1,
                georef: crate::Georef::default(),
            },
            bands: Vec::new(),
            metadata: metadata
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
            compression: None,
            is_interleaved: false,
            size_bytes: 0,
            date: None,
            sensor: None,
            unit_vectors: None,
        }
    }

    #[test]
    fn the_first_rule_that_fires_wins() {
        let stac = StacSidecar {
            date: Some("2019-01-02T00:00:00Z".into()),
            ..StacSidecar::default()
        };
        let tagged = info(
            "x_20210603.tif",
            &[
                ("DATE_ACQUIRED", "2020-02-03"),
                ("TIFFTAG_DATETIME", "2024:05:06 01:02:03"),
            ],
        );
        let date = |info: &RasterInfo, stac| acquisition_date(info, stac);
        assert_eq!(date(&tagged, Some(&stac)).as_deref(), Some("2019-01-02"));
        assert_eq!(date(&tagged, None).as_deref(), Some("2020-02-03"));
        // Often the time of writing: a name that says otherwise is believed.
        let written = [("TIFFTAG_DATETIME", "2024:05:06 01:02:03")];
        let named = info("x_20210603.tif", &written);
        assert_eq!(date(&named, None).as_deref(), Some("2021-06-03"));
        assert_eq!(acquisition_time(&named, Date::constant(2021, 6, 3)), None);
        let unnamed = info("x.tif", &written);
        assert_eq!(date(&unnamed, None).as_deref(), Some("2024-05-06"));
        assert_eq!(
            acquisition_time(&unnamed, Date::constant(2024, 5, 6)),
            Some(Time::constant(1, 2, 3, 0))
        );
        assert_eq!(date(&info("landsat_1985.tif", &[]), None), None);
    }

    #[test]
    fn other_numbers_are_no_dates() {
        for name in [
            "98-togo",
            "tile_4709963",
            "20211301",
            "2021366",
            "12345678",
            "landsat_1985",
            "OSBS_029",
            "",
        ] {
            assert_eq!(date_in_text(name), None, "{name}");
        }
    }
}
