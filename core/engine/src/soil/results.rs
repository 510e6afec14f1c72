//! The results of a soil-moisture job read back from its folder: what a window shows of it. Knows the report and the table of
//! estimates; works nothing out.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use serde_json::Value;

use crate::Failure;

/// Files larger than this are no results of ours.
const LARGEST_BYTES: u64 = 256 << 20;

/// Figures of one method on held-out values; `None` = not defined.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SoilFigures {
    pub key: String,
    pub title: String,
    pub n: u64,
    /// m³/m³, as the others but `r` and `r2`.
    pub rmse: Option<f64>,
    pub ubrmse: Option<f64>,
    pub bias: Option<f64>,
    pub r: Option<f64>,
    pub r2: Option<f64>,
    /// Means over stations.
    pub station_ubrmse: Option<f64>,
    pub station_r: Option<f64>,
}

/// A station's values beside the estimates that never saw them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SoilCurve {
    pub name: String,
    pub n: u64,
    pub rmse: Option<f64>,
    pub ubrmse: Option<f64>,
    pub r: Option<f64>,
    /// Day, measured, estimated; m³/m³.
    pub days: Vec<(Date, f64, Option<f64>)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct SoilResults {
    pub folder: PathBuf,
    /// Whole stations were held out, not only the last days.
    pub is_by_station: bool,
    /// Parts of whole stations.
    pub folds: u64,
    /// The method whose curves and maps are shown.
    pub shown: String,
    pub methods: Vec<SoilFigures>,
    /// The same with the last days held out, and the first of these.
    pub by_time: Vec<SoilFigures>,
    pub time_from: Option<Date>,
    pub stations: Vec<SoilCurve>,
    pub warnings: Vec<String>,
}

impl SoilResults {
    /// The page of the report.
    pub fn page(&self) -> PathBuf {
        self.folder.join("report.html")
    }

    /// Reads the report and the estimates of a job's folder.
    ///
    /// # Errors
    /// Files that are missing, too large, or none of ours.
    pub fn read_blocking(folder: &Path) -> Result<Self, Failure> {
        let path = folder.join("report.json");
        let report: Value = serde_json::from_str(&text_of(&path)?).map_err(|error| {
            Failure::new(format!("this is no report\n{}", path.display())).with_details(error)
        })?;
        let soil = report
            .get("soil_moisture")
            .filter(|soil| soil.is_object())
            .ok_or_else(|| {
                Failure::new(format!(
                    "this is no report of soil moisture\n{}",
                    path.display()
                ))
            })?;
        let shown = report
            .pointer("/model/arch")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let is_by_station = soil.get("split").and_then(Value::as_str) == Some("station");
        let mut stations: Vec<SoilCurve> = soil
            .get("per_station")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .map(|station| {
                let figure = |name: &str| {
                    station
                        .pointer(&format!("/metrics/{name}"))
                        .and_then(Value::as_f64)
                };
                SoilCurve {
                    name: station
                        .get("id")
                        .and_then(Value::as_str)
                        .unwrap_or_default()
                        .to_owned(),
                    n: station.get("n").and_then(Value::as_u64).unwrap_or(0),
                    rmse: figure("rmse"),
                    ubrmse: figure("ubrmse"),
                    r: figure("r"),
                    days: Vec::new(),
                }
            })
            .collect();
        let split = if is_by_station { "station" } else { "time" };
        let table = folder.join("estimates.csv");
        read_days(
            &text_of(&table)?,
            &format!("{shown}_by_{split}"),
            &mut stations,
        )
        .ok_or_else(|| {
            Failure::new(format!(
                "this is no table of estimates\n{}",
                table.display()
            ))
        })?;
        let warnings = report.get("warnings").and_then(Value::as_array);
        Ok(Self {
            folder: folder.to_owned(),
            is_by_station,
            folds: soil.get("folds").and_then(Value::as_u64).unwrap_or(0),
            shown,
            methods: figures_of(soil.get("baselines")),
            by_time: figures_of(soil.pointer("/time/methods")),
            time_from: soil
                .pointer("/time/from")
                .and_then(Value::as_str)
                .and_then(|text| text.parse().ok()),
            stations,
            warnings: warnings
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
        })
    }
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::io("the results cannot be read", path, &error);
    if std::fs::metadata(path).map_err(failed)?.len() > LARGEST_BYTES {
        return Err(Failure::new(format!(
            "this file is too large for results of soil moisture\n{}",
            path.display()
        )));
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// In the order of their usual names.
fn figures_of(methods: Option<&Value>) -> Vec<SoilFigures> {
    let mut all: Vec<SoilFigures> = methods
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(key, method)| {
            let figure = |path: &str| method.pointer(path).and_then(Value::as_f64);
            SoilFigures {
                key: key.clone(),
                title: method
                    .get("title")
                    .and_then(Value::as_str)
                    .unwrap_or(key)
                    .to_owned(),
                n: method
                    .pointer("/pooled/n")
                    .and_then(Value::as_u64)
                    .unwrap_or(0),
                rmse: figure("/pooled/rmse"),
                ubrmse: figure("/pooled/ubrmse"),
                bias: figure("/pooled/bias"),
                r: figure("/pooled/r"),
                r2: figure("/pooled/r2_determination"),
                station_ubrmse: figure("/mean_over_stations/ubrmse"),
                station_r: figure("/mean_over_stations/r"),
            }
        })
        .collect();
    let place = |figures: &SoilFigures| {
        let known = terroir_scene::SoilBaseline::ALL.iter();
        known
            .map(|baseline| baseline.key())
            .position(|key| key == figures.key)
    };
    // What knows a network or a field comes first.
    all.sort_by_key(|figures| place(figures).map_or(0, |place| place + 1));
    all
}

/// Fills the stations' days from the table; `None` where it is another table. Only the first cell of a line may be quoted.
fn read_days(text: &str, wanted: &str, stations: &mut [SoilCurve]) -> Option<()> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next()?.split(',').collect();
    if header.first() != Some(&"station") {
        return None;
    }
    let column = header.iter().position(|name| *name == wanted)?;
    let mut last = 0;
    for line in lines {
        let mut cells: Vec<&str> = line.rsplitn(header.len(), ',').collect();
        cells.reverse();
        let name = cells.first()?;
        let name = match name
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'))
        {
            Some(quoted) => quoted.replace("\"\"", "\""),
            None => (*name).to_owned(),
        };
        let (date, value) = (cells.get(1)?.parse().ok()?, cells.get(2)?.parse().ok()?);
        // Lines of a station stand together.
        if stations
            .get(last)
            .is_none_or(|station| station.name != name)
        {
            last = stations.iter().position(|station| station.name == name)?;
        }
        let estimate = cells.get(column)?.parse().ok();
        stations.get_mut(last)?.days.push((date, value, estimate));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_with_commas_come_back_and_other_tables_are_told() {
        let station = |name: &str| SoilCurve {
            name: name.to_owned(),
            ..SoilCurve::default()
        };
        let mut stations = [station("a,\"b\""), station("c")];
        let text = "station,date,value,mean_by_station,ridge_by_station\n\"a,\"\"b\"\"\",2020-01-01,0.2,0.3,0.25\nc,2020-01-02,0.4,0.3,\n";
        assert_eq!(read_days(text, "ridge_by_station", &mut stations), Some(()));
        let day = |text: &str| text.parse::<Date>().expect("a date");
        assert_eq!(stations[0].days, [(day("2020-01-01"), 0.2, Some(0.25))]);
        assert_eq!(stations[1].days, [(day("2020-01-02"), 0.4, None)]);
        assert_eq!(
            read_days("a,b\n1,2\n", "ridge_by_station", &mut stations),
            None
        );
        assert_eq!(read_days(text, "ridge_by_time", &mut stations), None);
    }
}
