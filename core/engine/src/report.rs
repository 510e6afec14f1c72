//! Accuracy reports: `report.json` and two tables, each with inputs, model and date; the page is in `report_page`.
//! Rows = map, columns = reference, and every table says so.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use terroir_scene::{
    Accuracy, AreaEstimates, CalibrationMeasures, ConfusionMatrix, Estimated, HALF_WIDTH_95,
    RasterInfo,
};

use crate::projection::write_renamed;
use crate::provenance::{classes_json, file_name, value_of};
use crate::report_page::report_html;
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
    /// The same in the unit of the estimates.
    pub mapped: Vec<f64>,
    /// Small pictures as `data:` addresses with their captions.
    pub pictures: Vec<(String, String)>,
    /// How far the confidence beside the map can be believed, and the file it is in.
    pub calibration: Option<(String, CalibrationMeasures)>,
    /// When the job began.
    pub started: String,
    /// Of the whole map, where the reference is a random sample of it.
    pub estimates: Option<&'a AreaEstimates>,
    /// The areas of `estimates` are in hectares, else in pixels.
    pub is_in_hectares: bool,
    /// Reference pixels where the map has no class.
    pub unclassified: usize,
    pub warnings: Vec<String>,
}

impl Report<'_> {
    pub fn area_unit(&self) -> &'static str {
        if self.is_in_hectares { "ha" } else { "pixels" }
    }
}

/// Writes the four files; the JSON last, so that it is the old one until all of the new report is there.
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
    write_renamed(&html, report_html(report, &now).as_bytes())?;
    write_renamed(&confusion, confusion_csv(report, &now).as_bytes())?;
    write_renamed(&per_class, per_class_csv(report, &now).as_bytes())?;
    write_renamed(out, text.as_bytes())?;
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
        "job": {"id": Value::Null, "started": report.started, "finished": now, "seed": Value::Null, "app_version": env!("CARGO_PKG_VERSION"), "command": command_line(&job), "spec": job},
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
            "calibration": report.calibration.as_ref().map(|(of, measures)| json!({"file": of, "measures": measures})),
            "cv": value_of(report.info, "TERROIR_ACCURACY").and_then(|text| serde_json::from_str::<Value>(&text).ok()),
            "design_based": report.estimates.map(|estimates| design_based(report, estimates)),
            "mapped_area_ha": report.mapped_ha,
        },
    })
}

/// How the reference was chosen, in a sentence or two.
pub(crate) fn sampling(report: &Report<'_>) -> String {
    if report.estimates.is_none() {
        return "All labelled reference pixels that lie on the map; not a probability sample. The figures hold for these \
                pixels, not for the whole map."
            .to_owned();
    }
    let strata: Vec<String> = report
        .matrix
        .classes
        .iter()
        .zip(&report.matrix.counts)
        .map(|(class, counts)| (class, counts.iter().sum::<u64>()))
        .filter(|(_, points)| *points > 0)
        .map(|(class, points)| format!("{} {points}", class.name))
        .collect();
    format!(
        "A stratified random sample of the map: the strata are its classes, within a class every pixel had the same chance. \
         Points answered by stratum: {}. Estimates weigh each stratum by its area on the map.",
        strata.join(", ")
    )
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
    let total: f64 = report.mapped.iter().sum();
    let strata: Vec<Value> = report
        .matrix
        .classes
        .iter()
        .zip(&report.matrix.counts)
        .zip(&report.mapped)
        .filter(|(_, mapped)| **mapped > 0.0)
        .map(|((class, counts), mapped)| {
            json!({
                "class": class.name, "n": counts.iter().sum::<u64>(), "mapped_area": mapped, "weight": mapped / total,
            })
        })
        .collect();
    json!({
        "method": "Olofsson et al. 2014",
        "area_unit": if report.is_in_hectares { "ha" } else { "pixel" },
        "strata": strata,
        "error_matrix": report.matrix.counts,
        "estimates": {
            "overall": one(&estimates.overall),
            "classes": classes,
            "quantity_disagreement": estimates.quantity_disagreement,
            "allocation_disagreement": estimates.allocation_disagreement,
        },
    })
}

/// One CSV field.
pub(crate) fn cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

/// Inputs, model and date, as lines that programs skip as comments.
fn comments(report: &Report<'_>, now: &str) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let value = value.replace(['\r', '\n'], " ");
        let _ = writeln!(text, "# {name}: {value}");
    };
    let file = |path: &std::path::Path, sha256: Option<&String>| {
        let name = file_name(path);
        sha256.map_or_else(
            || name.clone(),
            |sha256| format!("{name} (SHA-256 {sha256})"),
        )
    };
    line("map", &file(&report.spec.map, report.map_sha256.as_ref()));
    if let Some(date) = &report.info.date {
        line("date of the map", date);
    }
    line(
        "reference",
        &file(&report.spec.reference, report.reference_sha256.as_ref()),
    );
    let model = value_of(report.info, "TERROIR_MODEL");
    line("model", model.as_deref().unwrap_or("not said by the map"));
    line("sampling", &sampling(report));
    line("date", now);
    line("program", &format!("Terroir {}", env!("CARGO_PKG_VERSION")));
    text
}

fn confusion_csv(report: &Report<'_>, now: &str) -> String {
    let names: Vec<String> = report
        .matrix
        .classes
        .iter()
        .map(|class| cell(&class.name))
        .collect();
    let mut text = comments(report, now);
    let _ = writeln!(text, "map (rows) / reference (columns),{}", names.join(","));
    for (name, counts) in names.iter().zip(&report.matrix.counts) {
        let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
        let _ = writeln!(text, "{name},{}", counts.join(","));
    }
    text
}

fn per_class_csv(report: &Report<'_>, now: &str) -> String {
    let mut text = comments(report, now);
    text += "class_id,class_name,n_map,n_reference,users_accuracy,producers_accuracy,f1,iou,mapped_ha\n";
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
            scene: None,
            with_kappa: true,
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
            metadata: vec![(
                "TERROIR_MODEL".to_owned(),
                "dofa-tiny, untrained".to_owned(),
            )],
            compression: None,
            is_interleaved: false,
            size_bytes: 1,
            date: None,
            sensor: None,
            unit_vectors: None,
        };
        let report = Report {
            spec: &spec,
            info: &info,
            map_sha256: None,
            reference_sha256: None,
            matrix: &matrix,
            accuracy: &accuracy,
            mapped_ha: vec![None, Some(2.5)],
            mapped: vec![10.0, 5.0],
            pictures: vec![("map.tif".to_owned(), "data:image/png;base64,".to_owned())],
            calibration: None,
            started: String::new(),
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
                && html.contains("columns: reference")
                && html.contains("not recommended")
                && html.contains("a&lt;b")
                && html.contains("look &lt;here&gt;")
        );
        let csv = std::fs::read_to_string(&files[2]).unwrap();
        assert!(csv.contains("\nmap (rows) / reference (columns),a<b,\"c,d\"\na<b,8,2\n"));
        for table in [&files[2], &files[3]] {
            let text = std::fs::read_to_string(table).unwrap();
            let comments: Vec<&str> = text
                .lines()
                .take_while(|line| line.starts_with("# "))
                .collect();
            for said in [
                "map: map.tif",
                "reference: r.geojson",
                "model: dofa",
                "date: 2",
            ] {
                assert!(
                    comments.iter().any(|line| line.contains(said)),
                    "{said} in {text}"
                );
            }
            // What skips comments reads a header and a row for each class.
            assert_eq!(
                text.lines().filter(|line| !line.starts_with('#')).count(),
                3
            );
        }
    }
}
