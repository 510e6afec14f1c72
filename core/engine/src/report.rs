//! Accuracy reports: `report.json`, a self-contained page, and two tables, each with inputs, model and date.
//! Rows = map, columns = reference, and every table says so.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use terroir_scene::{
    Accuracy, AreaEstimates, ConfusionMatrix, Estimated, HALF_WIDTH_95, RasterInfo, hex_from_rgb,
};

use crate::assess::title_of;
use crate::projection::write_renamed;
use crate::provenance::{classes_json, file_name, value_of};
use crate::train::metrics_json;
use crate::{AssessSpec, Failure, JobSpec, command_line};

/// Everything a report says.
pub(crate) struct Report<'a> {
    pub spec: &'a AssessSpec,
    pub info: &'a RasterInfo,
    pub map_sha256: Option<String>,
    pub reference_sha256: Option<String>,
    pub matrix: &'a ConfusionMatrix,
    pub accuracy: &'a Accuracy,
    /// Hectares of each class on the map, where the CRS allows it.
    pub mapped_ha: Vec<Option<f64>>,
    /// Of the whole map, where the reference is a random sample of it.
    pub estimates: Option<&'a AreaEstimates>,
    /// The areas of `estimates` are in hectares, else in pixels.
    pub is_in_hectares: bool,
    /// Reference pixels where the map has no class.
    pub unclassified: usize,
    pub warnings: Vec<String>,
}

/// Writes the four files; the JSON first.
pub(crate) fn write_report(report: &Report<'_>) -> Result<Vec<PathBuf>, Failure> {
    let now = jiff::Timestamp::now().to_string();
    let out = &report.spec.out;
    let beside = |name: &str| {
        let mut file = out.file_stem().unwrap_or_default().to_owned();
        file.push(name);
        out.with_file_name(file)
    };
    let (html, confusion, per_class) = (
        out.with_extension("html"),
        beside("_confusion.csv"),
        beside("_per_class.csv"),
    );
    let text = serde_json::to_string_pretty(&report_json(report, &now))
        .map_err(|error| Failure::new("the report cannot be written").with_details(error))?;
    write_renamed(out, text.as_bytes())?;
    write_renamed(&html, report_html(report, &now).as_bytes())?;
    write_renamed(&confusion, confusion_csv(report).as_bytes())?;
    write_renamed(&per_class, per_class_csv(report).as_bytes())?;
    Ok(vec![out.clone(), html, confusion, per_class])
}

fn report_json(report: &Report<'_>, now: &str) -> Value {
    let grid = &report.info.grid;
    let (across, _) = grid.transform().pixel_size();
    let is_metric = grid.crs().is_some_and(|crs| !crs.is_geographic);
    let model = value_of(report.info, "TERROIR_MODEL");
    let model: Value = model.map_or(Value::Null, |text| {
        serde_json::from_str(&text).unwrap_or(Value::String(text))
    });
    let job = JobSpec::Assess(report.spec.clone());
    json!({
        "schema": 1,
        "task": "crop",
        "job": {"finished": now, "app_version": env!("CARGO_PKG_VERSION"), "command": command_line(&job), "spec": job},
        "inputs": [
            {"path": report.spec.map.display().to_string(), "sha256": report.map_sha256, "role": "map", "date": report.info.date},
            {"path": report.spec.reference.display().to_string(), "sha256": report.reference_sha256, "role": "reference"},
        ],
        "model": model,
        "grid": {
            "crs": grid.crs().map(|crs| crs.name.clone()), "epsg": grid.crs().and_then(|crs| crs.epsg),
            "transform": grid.georef.transform.map(|transform| transform.0), "width": grid.width, "height": grid.height,
            "gsd_m": is_metric.then_some(across),
        },
        "warnings": report.warnings,
        "crop": {
            "classes": classes_json(&report.matrix.classes),
            "axes": {"rows": "map", "columns": "reference"},
            "sampling": sampling(report),
            "unclassified": report.unclassified,
            "error_matrix": report.matrix.counts,
            "metrics": metrics_json(report.accuracy),
            "design_based": report.estimates.map(|estimates| design_based(report, estimates)),
            "mapped_area_ha": report.mapped_ha,
        },
    })
}

fn sampling(report: &Report<'_>) -> &'static str {
    if report.estimates.is_some() {
        "a stratified random sample, strata are the map's classes"
    } else {
        "all labelled reference pixels; not a probability sample"
    }
}

/// Values, standard errors and halves of 95 % intervals (Olofsson et al. 2014).
fn design_based(report: &Report<'_>, estimates: &AreaEstimates) -> Value {
    let one = |estimated: &Estimated| {
        json!({
            "value": estimated.value,
            "standard_error": estimated.standard_error,
            "half_width_95": estimated.standard_error.map(|error| HALF_WIDTH_95 * error),
        })
    };
    let classes: Vec<Value> = report
        .matrix
        .classes
        .iter()
        .zip(&estimates.classes)
        .map(|(class, estimate)| {
            json!({
                "class": class.name,
                "users": estimate.users.as_ref().map(one),
                "producers": estimate.producers.as_ref().map(one),
                "share": one(&estimate.share),
                "area": one(&estimate.area),
            })
        })
        .collect();
    json!({
        "method": "Olofsson et al. 2014",
        "area_unit": if report.is_in_hectares { "ha" } else { "pixel" },
        "overall": one(&estimates.overall),
        "classes": classes,
        "quantity_disagreement": estimates.quantity_disagreement,
        "allocation_disagreement": estimates.allocation_disagreement,
    })
}

/// The table of areas; intervals are cut at what can be.
fn areas_html(report: &Report<'_>, estimates: &AreaEstimates) -> String {
    let unit = if report.is_in_hectares {
        "ha"
    } else {
        "pixels"
    };
    let share = |estimated: Option<&Estimated>| {
        estimated.map_or_else(
            || "not defined".to_owned(),
            |one| match one.standard_error {
                Some(error) => format!(
                    "{:.1} ± {:.1} %",
                    100.0 * one.value,
                    100.0 * HALF_WIDTH_95 * error
                ),
                None => format!("{:.1} %", 100.0 * one.value),
            },
        )
    };
    let mut text = format!(
        "<h2>The whole map, from the sample</h2><p>Overall accuracy <b>{}</b></p><div class=scroll><table><tr>\
         <th class=l>class<th>mapped area<th>estimated area, {unit}<th>95 % interval<th>user's accuracy<th>producer's accuracy</tr>",
        share(Some(&estimates.overall))
    );
    for (index, (class, estimate)) in report
        .matrix
        .classes
        .iter()
        .zip(&estimates.classes)
        .enumerate()
    {
        let area = estimate.area;
        let half = HALF_WIDTH_95 * area.standard_error.unwrap_or(0.0);
        let mapped = report
            .mapped_ha
            .get(index)
            .copied()
            .flatten()
            .map_or_else(|| "-".to_owned(), |ha| format!("{ha:.1} ha"));
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "<tr><td class=l>{}<td>{mapped}<td>{:.1}<td>{:.1} to {:.1}<td>{}<td>{}</tr>",
            escaped(&class.name),
            area.value,
            (area.value - half).max(0.0),
            area.value + half,
            share(estimate.users.as_ref()),
            share(estimate.producers.as_ref()),
        );
    }
    text.push_str(
        "</table></div><p class=axis>Estimates for the whole map after Olofsson et al. (2014): every stratum weighs as much as \
         its area on the map. ± is half of a 95 % interval.</p>",
    );
    text
}

fn percent(value: Option<f64>) -> String {
    value.map_or_else(
        || "not defined".to_owned(),
        |value| format!("{:.1} %", 100.0 * value),
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

const PAGE_STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2421;--soft:#5c6863;--line:#d5dcd8;--page:#fbfcfb;--mark:#0b7a5c;--warn:#8a5a00;--warnbg:#fff6e0}\
@media(prefers-color-scheme:dark){:root{--ink:#e6ece9;--soft:#9fada7;--line:#35403b;--page:#151a18;--mark:#5fd0ac;--warn:#f0c36a;--warnbg:#2c2515}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:60rem;margin:2.5rem auto;padding:0 1.5rem}\
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}p.sub{color:var(--soft);margin:.2rem 0 1.6rem}\
.figures{display:flex;flex-wrap:wrap;gap:2.5rem;margin:1rem 0}.figures b{display:block;font-size:1.9rem;color:var(--mark);font-weight:600}\
.figures span{color:var(--soft)}.scroll{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
th,td{padding:.35rem .7rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}th{font-weight:600}\
th.l,td.l{text-align:left}td.d{outline:1px solid var(--mark);outline-offset:-1px;font-weight:600}.axis{color:var(--soft);font-weight:400}\
i.c{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.5em;vertical-align:-.05em;border:1px solid var(--line)}\
ul.w{background:var(--warnbg);color:var(--warn);padding:.8rem 1rem .8rem 2rem;border-radius:6px}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem}\
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}code{font-size:.9em}";

fn report_html(report: &Report<'_>, now: &str) -> String {
    let accuracy = report.accuracy;
    let mut page = String::with_capacity(16 << 10);
    let swatch = |index: usize| {
        let class = report.matrix.classes.get(index);
        class.map_or_else(String::new, |class| {
            format!(
                "<i class=c style=\"background:{}\"></i>{}",
                hex_from_rgb(class.color),
                escaped(&class.name)
            )
        })
    };
    // Writing to a String cannot fail.
    let _ = write!(
        page,
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Accuracy: {title}</title><style>{PAGE_STYLE}</style>\
         <h1>Accuracy of {map}</h1><p class=sub>against {reference}, {now}</p>\
         <div class=figures><div><b>{overall}</b><span>overall accuracy</span></div>\
         <div><b>{f1}</b><span>macro F1</span></div><div><b>{balanced}</b><span>balanced accuracy</span></div>\
         <div><b>{n}</b><span>reference pixels</span></div></div>",
        title = escaped(&title_of(report.spec)),
        map = escaped(&file_name(&report.spec.map)),
        reference = escaped(&file_name(&report.spec.reference)),
        now = escaped(now.get(..10).unwrap_or(now)),
        overall = percent(accuracy.overall),
        f1 = percent(accuracy.macro_f1),
        balanced = percent(accuracy.balanced),
        n = accuracy.n,
    );
    if !report.warnings.is_empty() {
        page.push_str("<h2>Read this first</h2><ul class=w>");
        for warning in &report.warnings {
            let _ = write!(page, "<li>{}</li>", escaped(warning));
        }
        page.push_str("</ul>");
    }
    if let Some(estimates) = report.estimates {
        page.push_str(&areas_html(report, estimates));
    }
    page.push_str("<h2>Classes</h2><div class=scroll><table><tr><th class=l>class<th>map pixels<th>reference pixels<th>user's accuracy<th>producer's accuracy<th>F1<th>IoU<th>mapped area</tr>");
    for (index, class) in accuracy.per_class.iter().enumerate() {
        let area = report
            .mapped_ha
            .get(index)
            .copied()
            .flatten()
            .map_or_else(|| "-".to_owned(), |ha| format!("{ha:.1} ha"));
        let _ = write!(
            page,
            "<tr><td class=l>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{area}</tr>",
            swatch(index),
            class.n_map,
            class.n_reference,
            percent(class.users),
            percent(class.producers),
            percent(class.f1),
            percent(class.iou)
        );
    }
    page.push_str("</table></div><p class=axis>Map and reference pixels are those compared. User's accuracy: of the pixels the map calls so, the share that is. Producer's accuracy: of the pixels that are, the share the map found.</p>");
    page.push_str("<h2>Confusion matrix</h2><div class=scroll><table><tr><th class=l><span class=axis>rows: map &#8595; &nbsp; columns: reference &#8594;</span>");
    for index in 0..report.matrix.classes.len() {
        let _ = write!(page, "<th>{}", swatch(index));
    }
    page.push_str("<th>total</tr>");
    for (row, counts) in report.matrix.counts.iter().enumerate() {
        let _ = write!(page, "<tr><th class=l>{}", swatch(row));
        for (column, count) in counts.iter().enumerate() {
            let _ = write!(
                page,
                "<td{}>{count}",
                if row == column { " class=d" } else { "" }
            );
        }
        let _ = write!(page, "<td>{}</tr>", counts.iter().sum::<u64>());
    }
    page.push_str("<tr><th class=l>total");
    for column in 0..report.matrix.classes.len() {
        let _ = write!(
            page,
            "<td>{}",
            report
                .matrix
                .counts
                .iter()
                .filter_map(|row| row.get(column))
                .sum::<u64>()
        );
    }
    let _ = write!(page, "<td>{}</tr></table></div>", accuracy.n);
    let number = |value: Option<f64>| {
        value.map_or_else(|| "not defined".to_owned(), |value| format!("{value:.3}"))
    };
    let _ = write!(
        page,
        "<h2>How it was made</h2><dl><dt>map<dd>{map}<dt>model<dd>{model}<dt>reference<dd>{reference}\
         <dt>sampling<dd>{sampling}\
         <dt>not counted<dd>{unclassified} reference pixels without a map class\
         <dt>quantity / allocation disagreement<dd>{quantity} / {allocation}\
         <dt>mean IoU, MCC<dd>{iou}, {mcc}<dt>command<dd><code>{command}</code><dt>written by<dd>Terroir {version}, {now}</dl></html>",
        map = escaped(&report.spec.map.display().to_string()),
        model = escaped(
            &value_of(report.info, "TERROIR_MODEL")
                .unwrap_or_else(|| "not recorded in the map".to_owned())
        ),
        reference = escaped(&report.spec.reference.display().to_string()),
        sampling = sampling(report),
        unclassified = report.unclassified,
        quantity = number(accuracy.quantity_disagreement),
        allocation = number(accuracy.allocation_disagreement),
        iou = number(accuracy.mean_iou),
        mcc = number(accuracy.mcc),
        command = escaped(&command_line(&JobSpec::Assess(report.spec.clone()))),
        version = env!("CARGO_PKG_VERSION"),
        now = escaped(now),
    );
    page
}

/// One CSV field.
fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn confusion_csv(report: &Report<'_>) -> String {
    let names: Vec<String> = report
        .matrix
        .classes
        .iter()
        .map(|class| cell(&class.name))
        .collect();
    let mut text = format!("map (rows) / reference (columns),{}\n", names.join(","));
    for (name, counts) in names.iter().zip(&report.matrix.counts) {
        let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
        let _ = writeln!(text, "{name},{}", counts.join(","));
    }
    text
}

fn per_class_csv(report: &Report<'_>) -> String {
    let mut text = "class_id,class_name,n_map,n_reference,users_accuracy,producers_accuracy,f1,iou,mapped_ha\n".to_owned();
    let number = |value: Option<f64>| value.map_or_else(String::new, |value| format!("{value:.6}"));
    for (index, class) in report.accuracy.per_class.iter().enumerate() {
        let _ = writeln!(
            text,
            "{},{},{},{},{},{},{},{},{}",
            class.class_id,
            cell(&class.name),
            class.n_map,
            class.n_reference,
            number(class.users),
            number(class.producers),
            number(class.f1),
            number(class.iou),
            number(report.mapped_ha.get(index).copied().flatten())
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use terroir_scene::{Class, Grid};

    #[test]
    fn every_table_names_its_axes_and_unequal_accuracies_do_not_swap() {
        let class = |id: u8, name: &str| Class {
            id,
            name: name.to_owned(),
            color: [1, 2, 3],
        };
        let mut matrix = ConfusionMatrix::new(vec![class(1, "a<b"), class(2, "c,d")]);
        (0..8).for_each(|_| matrix.add(0, 0));
        (0..2).for_each(|_| matrix.add(0, 1));
        (0..5).for_each(|_| matrix.add(1, 1));
        let accuracy = matrix.accuracy();
        let folder = tempfile::tempdir().unwrap();
        let spec = AssessSpec {
            map: "map.tif".into(),
            reference: "r.geojson".into(),
            class_attribute: None,
            is_stratified_sample: false,
            out: folder.path().join("report.json"),
        };
        let info = RasterInfo {
            path: "map.tif".into(),
            driver: "GTiff".into(),
            grid: Grid {
                width: 5,
                height: 3,
                georef: Default::default(),
            },
            bands: vec![],
            metadata: vec![],
            compression: None,
            is_interleaved: false,
            size_bytes: 1,
            date: None,
            sensor: None,
        };
        let report = Report {
            spec: &spec,
            info: &info,
            map_sha256: None,
            reference_sha256: None,
            matrix: &matrix,
            accuracy: &accuracy,
            mapped_ha: vec![None, Some(2.5)],
            estimates: None,
            is_in_hectares: false,
            unclassified: 0,
            warnings: vec!["look <here>".to_owned()],
        };
        let files = write_report(&report).unwrap();
        assert_eq!(files.len(), 4);
        let value: Value =
            serde_json::from_str(&std::fs::read_to_string(&files[0]).unwrap()).unwrap();
        assert_eq!(value["crop"]["error_matrix"], json!([[8, 2], [0, 5]]));
        assert_eq!(
            value["crop"]["metrics"]["per_class"][0]["users"],
            json!(0.8)
        );
        assert_eq!(
            value["crop"]["metrics"]["per_class"][0]["producers"],
            json!(1.0)
        );
        let html = std::fs::read_to_string(&files[1]).unwrap();
        assert!(
            html.contains("rows: map")
                && html.contains("a&lt;b")
                && html.contains("look &lt;here&gt;")
        );
        let csv = std::fs::read_to_string(&files[2]).unwrap();
        assert!(csv.starts_with("map (rows) / reference (columns),a<b,\"c,d\"\na<b,8,2\n"));
    }
}
