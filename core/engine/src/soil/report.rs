//! The report of a soil-moisture job: every method's figures by station and by time, scatter and curves, as JSON and as a page;
//! and every value beside its estimates (`estimates.csv`). Knows figures; works none out.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use terroir_scene::{RegressionAccuracy, SoilSplit, regression_svg, soil_series_svg};

use super::{Findings, Held, Method};
use crate::projection::write_renamed;
use crate::provenance::{checksum_of, file_name};
use crate::report_page::{escaped, page_begin, push_warnings};
use crate::{Failure, JobSpec, command_line};

/// Stations whose curves are drawn.
const MOST_CURVES: usize = 12;
/// One of a method's splits.
type Choose = fn(&Method) -> Option<&Held>;

/// For orientation: what the SMAP mission set out to reach.
const SMAP_UBRMSE: f64 = 0.04;

/// Writes `report.json`, `report.html` and `estimates.csv` into the folder.
pub(super) fn write_report(findings: &Findings<'_>) -> Result<Vec<PathBuf>, Failure> {
    let now = jiff::Timestamp::now().to_string();
    let report = findings.spec.out.join("report.json");
    let page = findings.spec.out.join("report.html");
    let table = findings.spec.out.join("estimates.csv");
    let value = report_json(findings, &now)?;
    let text = serde_json::to_string_pretty(&value)
        .map_err(|error| Failure::new("the report cannot be written").with_details(error))?;
    write_renamed(&page, report_html(findings, &now).as_bytes())?;
    write_renamed(&report, text.as_bytes())?;
    write_renamed(&table, estimates_csv(findings).as_bytes())?;
    Ok(vec![page, report, table])
}

fn report_json(findings: &Findings<'_>, now: &str) -> Result<Value, Failure> {
    let spec = findings.spec;
    let shown = findings.shown();
    let headline = shown.and_then(Method::headline);
    let stations = spec.stations.iter().map(|path| (path, "stations"));
    let weather = spec.weather.iter().map(|of| (&of.path, "weather"));
    let mut inputs = stations
        .chain(weather)
        .map(|(path, role)| {
            Ok(json!({"path": file_name(path), "sha256": checksum_of(path)?, "role": role, "date": Value::Null}))
        })
        .collect::<Result<Vec<Value>, Failure>>()?;
    if let Some(images) = findings.images {
        for source in &images.archive.sources {
            inputs.extend(source.frames_in(None).into_iter().map(|frame| {
                let frame = &source.frames[frame];
                json!({"path": frame.name, "sha256": Value::Null, "role": source.source.name, "date": frame.date})
            }));
        }
    }
    let grid = findings.images.map(|images| {
        let grid = &images.archive.grid;
        json!({
            "crs": grid.crs().map(|crs| crs.name.clone()), "transform": grid.transform().0, "width": grid.width, "height": grid.height,
            "gsd_m": terroir_scene::pixel_metres(grid),
        })
    });
    let per_station: Vec<Value> = headline.map_or_else(Vec::new, |held| {
        findings
            .tables
            .stations
            .iter()
            .zip(&findings.places)
            .zip(&held.accuracy.per_station)
            .map(|((station, place), metrics)| {
                json!({
                    "id": station.name, "cell_m": station.cell_m, "lon": place.map(|place| place.0), "lat": place.map(|place| place.1), "n": metrics.n,
                    "metrics": metrics,
                })
            })
            .collect()
    });
    let of_split = |choose: Choose| -> Value {
        let figures = findings.methods.iter().filter_map(|method| {
            let held = choose(method)?;
            Some((
                method.key.to_owned(),
                json!({"title": method.title, "pooled": held.accuracy.pooled, "mean_over_stations": held.accuracy.mean_over_stations}),
            ))
        });
        Value::Object(figures.collect())
    };
    let time = findings.time_split.as_ref().map(|split| {
        let from = match split {
            SoilSplit::Time { from } => Some(*from),
            SoilSplit::Stations { .. } => None,
        };
        json!({"from": from, "methods": of_split(|method| method.by_time.as_ref())})
    });
    Ok(json!({
        "schema": 1,
        "task": "soil_moisture",
        "job": {
            "id": Value::Null, "started": findings.started, "finished": now, "seed": spec.seed, "app_version": env!("CARGO_PKG_VERSION"),
            "command": command_line(&JobSpec::Soil(spec.clone())),
        },
        "inputs": inputs,
        "model": {
            "arch": shown.map(|method| method.key), "preset": findings.taught.map(|taught| taught.network.sentence()),
            "checkpoint_sha256": findings.taught.map(|taught| taught.network.sha256.clone()),
            "bands": findings.images.map(|images| images.names.clone()), "predictors": findings.predictors, "weather": findings.weather,
        },
        "grid": grid,
        "warnings": findings.warnings,
        "soil_moisture": {
            "unit": "m3/m3",
            "depth_m": findings.tables.depth_m(),
            "values": findings.rows.len(),
            "split": if findings.station_split.is_some() { "station" } else { "time" },
            "folds": findings.station_split.as_ref().map(SoilSplit::parts),
            "pooled": headline.map(|held| &held.accuracy.pooled),
            "mean_over_stations": headline.map(|held| &held.accuracy.mean_over_stations),
            "per_station": per_station,
            "baselines": of_split(Method::headline),
            "time": time,
        },
    }))
}

fn report_html(findings: &Findings<'_>, now: &str) -> String {
    let mut page = page_begin("Soil moisture: accuracy");
    let shown = findings.shown();
    let headline = shown.and_then(Method::headline);
    let pooled = headline
        .map(|held| held.accuracy.pooled.clone())
        .unwrap_or_default();
    let of_stations = headline.and_then(|held| held.accuracy.mean_over_stations.ubrmse);
    let title = shown.map_or("", |method| method.title.as_str());
    let depth = match findings.tables.depth_m() {
        Some((from, to)) if from == to => format!(" at {from} m"),
        Some((from, to)) => format!(" at {from} to {to} m"),
        None => String::new(),
    };
    let _ = write!(
        page,
        "<h1>Soil moisture{depth}</h1><p class=sub>{} values of {} stations, {title}, {}</p><div class=figures><div><b>{}</b><span>RMSE, m³/m³</span></div>\
         <div><b>{}</b><span>ubRMSE, mean over stations</span></div><div><b>{}</b><span>bias</span></div><div><b>{}</b><span>R²</span></div></div>",
        findings.rows.len(),
        findings.tables.stations.len(),
        escaped(now.get(..10).unwrap_or(now)),
        figure(pooled.rmse),
        figure(of_stations),
        figure(pooled.bias),
        figure(pooled.r2_determination)
    );
    push_warnings(&mut page, &findings.warnings);
    let _ = write!(
        page,
        "<h2>What was compared</h2><p>{}</p>",
        escaped(&design(findings))
    );
    if findings.station_split.is_some() {
        push_methods(&mut page, findings, "Stations held out", |method| {
            method.by_station.as_ref()
        });
    }
    if let Some(SoilSplit::Time { from }) = &findings.time_split {
        let heading = format!("The last days held out, from {from} on");
        push_methods(&mut page, findings, &heading, |method| {
            method.by_time.as_ref()
        });
    }
    let _ = write!(
        page,
        "<p class=axis>RMSE, ubRMSE and bias in m³/m³; difference = estimate - station. R² is 1 - squared differences over squared deviations of the \
         stations: below 0 their mean would do better. ubRMSE and R over stations: the mean of every station's own. For orientation, the SMAP \
         mission set out to reach an ubRMSE of {SMAP_UBRMSE}.</p>"
    );
    if let Some(held) = headline {
        let pairs = pairs(findings, held);
        let _ = write!(
            page,
            "<h2>Estimate against station</h2>{}<p class=axis>Dashed: estimate equals station. Solid: line fitted to the points.</p>",
            regression_svg(&pairs, &held.accuracy.pooled, "soil moisture (m³/m³)")
        );
        push_curves(&mut page, findings, held);
        push_stations(&mut page, findings, held);
    }
    push_making(&mut page, findings, now);
    page
}

fn design(findings: &Findings<'_>) -> String {
    let mut text = match &findings.station_split {
        Some(split) => format!(
            "Every value was estimated by a fit that had seen no value of its station ({} parts of whole stations). ",
            split.parts()
        ),
        None => String::new(),
    };
    if let Some(SoilSplit::Time { from }) = &findings.time_split {
        text += &format!(
            "By time: the days from {from} on (the last fifth of the days with a value) were estimated from the days before. "
        );
    }
    text += "All methods are compared on the same values. Neighbouring days depend on each other, so true intervals are wider than those stated.";
    text
}

fn push_methods(page: &mut String, findings: &Findings<'_>, heading: &str, choose: Choose) {
    let _ = write!(
        page,
        "<h2>{}</h2><div class=scroll><table><tr><th class=l>method<th>n<th>RMSE<th>ubRMSE<th>bias<th>R<th>R²<th>ubRMSE over stations<th>R over stations</tr>",
        escaped(heading)
    );
    for method in &findings.methods {
        let Some(held) = choose(method) else {
            continue;
        };
        let (pooled, stations) = (&held.accuracy.pooled, &held.accuracy.mean_over_stations);
        let _ = write!(
            page,
            "<tr><td class=l>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            escaped(&method.title),
            pooled.n,
            figure(pooled.rmse),
            figure(pooled.ubrmse),
            figure(pooled.bias),
            figure(pooled.r),
            figure(pooled.r2_determination),
            figure(stations.ubrmse),
            figure(stations.r)
        );
    }
    page.push_str("</table></div>");
}

fn pairs(findings: &Findings<'_>, held: &Held) -> Vec<(f64, f64)> {
    findings
        .rows
        .iter()
        .zip(&held.estimates)
        .filter_map(|(row, estimate)| Some(((*estimate)?, row.value)))
        .collect()
}

/// Curves of all stations, or of a dozen from the best to the worst.
fn push_curves(page: &mut String, findings: &Findings<'_>, held: &Held) {
    let mut order: Vec<(usize, f64)> = held
        .accuracy
        .per_station
        .iter()
        .enumerate()
        .filter_map(|(station, accuracy)| Some((station, accuracy.rmse?)))
        .collect();
    order.sort_by(|a, b| a.1.total_cmp(&b.1));
    let all = order.len();
    let shown = all.min(MOST_CURVES);
    let chosen: Vec<usize> = (0..shown)
        .filter_map(|place| {
            order.get(place * all.saturating_sub(1) / shown.saturating_sub(1).max(1))
        })
        .map(|(station, _)| *station)
        .collect();
    if chosen.is_empty() {
        return;
    }
    page.push_str("<h2>Through time</h2><p>");
    if shown < all {
        let _ = write!(
            page,
            "{shown} of {all} stations, spread evenly from the smallest to the largest error. "
        );
    }
    page.push_str("The estimate never saw the values it is drawn beside.</p><div class=pictures>");
    for station in chosen {
        let days: Vec<(jiff::civil::Date, f64, Option<f64>)> = findings
            .rows
            .iter()
            .zip(&held.estimates)
            .filter(|(row, _)| row.station == station)
            .map(|(row, estimate)| (row.date, row.value, *estimate))
            .collect();
        let name = findings
            .tables
            .stations
            .get(station)
            .map_or("", |station| station.name.as_str());
        page.push_str(&soil_series_svg(name, &days));
    }
    page.push_str("</div>");
}

fn push_stations(page: &mut String, findings: &Findings<'_>, held: &Held) {
    page.push_str(
        "<h2>Stations</h2><div class=scroll><table><tr><th class=l>station<th>longitude<th>latitude<th>n<th>bias<th>MAE<th>RMSE<th>ubRMSE<th>R<th>R²</tr>",
    );
    let mut few = false;
    for ((station, place), accuracy) in findings
        .tables
        .stations
        .iter()
        .zip(&findings.places)
        .zip(&held.accuracy.per_station)
    {
        few |= accuracy.n < 10;
        let degrees = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
        };
        let _ = write!(
            page,
            "<tr><td class=l>{}<td>{}<td>{}<td>{}{}</tr>",
            escaped(&station.name),
            degrees(place.map(|place| place.0)),
            degrees(place.map(|place| place.1)),
            accuracy.n,
            cells(accuracy)
        );
    }
    let mean = &held.accuracy.mean_over_stations;
    let _ = write!(
        page,
        "<tr><th class=l>mean over {} stations<td><td><td><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>\
         <tr><th class=l>pooled<td><td><td>{}{}</tr></table></div>",
        mean.n,
        figure(mean.bias),
        figure(mean.mae),
        figure(mean.rmse),
        figure(mean.ubrmse),
        figure(mean.r),
        figure(mean.r2_determination),
        held.accuracy.pooled.n,
        cells(&held.accuracy.pooled)
    );
    page.push_str("<p class=axis>The mean of R is taken through Fisher's z.");
    if few {
        page.push_str(" With fewer than 10 values no correlation is given.");
    }
    page.push_str("</p>");
}

fn cells(accuracy: &RegressionAccuracy) -> String {
    [
        accuracy.bias,
        accuracy.mae,
        accuracy.rmse,
        accuracy.ubrmse,
        accuracy.r,
        accuracy.r2_determination,
    ]
    .into_iter()
    .map(|value| format!("<td>{}", figure(value)))
    .collect()
}

fn push_making(page: &mut String, findings: &Findings<'_>, now: &str) {
    let spec = findings.spec;
    let names = |files: &[PathBuf]| -> String {
        files
            .iter()
            .map(|path| file_name(path))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut items = vec![
        ("stations", names(&spec.stations)),
        ("weather", findings.weather.clone()),
        ("estimated from", findings.predictors.join("; ")),
    ];
    if let Some(images) = findings.images {
        items.push(("images", images.archive.counts_text(None)));
    }
    if let Some(taught) = findings.taught {
        let about = format!(
            "{}, as it is; a head taught on the stations",
            taught.network.sentence()
        );
        items.push(("network", about));
    }
    items.push(("repeat it", command_line(&JobSpec::Soil(spec.clone()))));
    items.push((
        "written by",
        format!("Terroir {}, {now}", env!("CARGO_PKG_VERSION")),
    ));
    page.push_str("<h2>How it was made</h2><dl>");
    for (what, value) in items {
        let _ = write!(page, "<dt>{what}<dd>{}", escaped(&value));
    }
    page.push_str("</dl></html>");
}

/// A line a value: station, day, m³/m³, and the estimate of every method on both splits.
fn estimates_csv(findings: &Findings<'_>) -> String {
    let mut text = "station,date,value".to_owned();
    let splits: [(&str, Choose); 2] = [
        ("station", |method| method.by_station.as_ref()),
        ("time", |method| method.by_time.as_ref()),
    ];
    let columns: Vec<(String, &Held)> = splits
        .iter()
        .flat_map(|(word, choose)| {
            findings.methods.iter().filter_map(move |method| {
                Some((format!("{}_by_{word}", method.key), choose(method)?))
            })
        })
        .collect();
    for (name, _) in &columns {
        let _ = write!(text, ",{name}");
    }
    text.push('\n');
    for (index, row) in findings.rows.iter().enumerate() {
        let name = findings
            .tables
            .stations
            .get(row.station)
            .map_or("", |station| station.name.as_str());
        let name = if name.contains([',', '"', '\n', '\r']) {
            format!("\"{}\"", name.replace('"', "\"\""))
        } else {
            name.to_owned()
        };
        let _ = write!(text, "{name},{},{}", row.date, row.value);
        for (_, held) in &columns {
            match held.estimates.get(index).copied().flatten() {
                Some(estimate) => {
                    let _ = write!(text, ",{estimate:.5}");
                }
                None => text.push(','),
            }
        }
        text.push('\n');
    }
    text
}

/// Four digits behind the point, as soil moisture is given.
fn figure(value: Option<f64>) -> String {
    value.map_or_else(
        || "not defined".to_owned(),
        |value| format!("{:.4}", value + 0.0),
    )
}
