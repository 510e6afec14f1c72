//! The report of a regression: its figures and page, and every value beside its prediction (`.csv`). Knows figures; works none out.

use std::fmt::Write as _;
use std::path::PathBuf;

use terroir_scene::{RegressionAccuracy, ValueHead};

use super::validation::Validation;
use super::vectors::MeasuredPlace;
use crate::projection::write_renamed;
use crate::provenance::file_name;
use crate::regression_report::{RegressionReport, write_regression_report};
use crate::{Failure, JobSpec, RegressSpec, command_line};

/// Writes `<stem>_report.json`, `<stem>_report.html` and `<stem>_values.csv` beside the map.
pub(super) fn write_report(
    spec: &RegressSpec,
    places: &[MeasuredPlace],
    validation: &Validation,
    head: &ValueHead,
) -> Result<Vec<PathBuf>, Failure> {
    let stem = spec.out.file_stem().unwrap_or_default().to_string_lossy();
    let beside = |ending: &str| spec.out.with_file_name(format!("{stem}_{ending}"));
    let pairs: Vec<(f64, f64)> = places
        .iter()
        .zip(&validation.predicted)
        .filter_map(|(place, predicted)| Some(((*predicted)?, place.value)))
        .collect();
    let parts: Vec<(String, RegressionAccuracy)> = (1..)
        .zip(&validation.folds)
        .map(|(number, fold)| (format!("fold {number}"), fold.clone()))
        .collect();
    let quantity = if spec.unit.is_empty() {
        spec.value.clone()
    } else {
        format!("{} ({})", spec.value, spec.unit)
    };
    let chosen = match spec.lambda {
        Some(_) => "given",
        None => "chosen by leave-one-out errors, in each fold anew",
    };
    let report = RegressionReport {
        title: file_name(&spec.out),
        quantity,
        design: format!(
            "{}: every value was predicted by a regression that had seen no value of its block of ground",
            validation.design()
        ),
        pairs: &pairs,
        parts: &parts,
        made_from: vec![
            ("field".to_owned(), file_name(&spec.field)),
            (
                "values".to_owned(),
                format!(
                    "{}, column {}",
                    spec.points.as_deref().unwrap_or_default(),
                    spec.value
                ),
            ),
            (
                "regression".to_owned(),
                format!("ridge on 64 numbers, penalty {} ({chosen})", head.lambda),
            ),
            (
                "range of the values".to_owned(),
                format!("{} to {}", head.low, head.high),
            ),
        ],
        command: command_line(&JobSpec::Regress(spec.clone())),
        warnings: validation.remarks.clone(),
    };
    let mut files = write_regression_report(&beside("report.json"), &report)?;
    let table = beside("values.csv");
    write_renamed(&table, values_csv(places, validation).as_bytes())?;
    files.push(table);
    Ok(files)
}

/// All cells are numbers or words of ours: nothing to be quoted.
fn values_csv(places: &[MeasuredPlace], validation: &Validation) -> String {
    let mut text = String::from("row,kind,value,predicted,difference,fold,pixels,coherence\n");
    for (place, (predicted, fold)) in places
        .iter()
        .zip(validation.predicted.iter().zip(&validation.fold_of))
    {
        let kind = if place.is_polygon { "polygon" } else { "point" };
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{},{kind},{},{},{},{},{},{:.4}",
            place.feature + 1,
            place.value,
            number(*predicted),
            number(predicted.map(|predicted| predicted - place.value)),
            fold + 1,
            place.pixels,
            place.coherence
        );
    }
    text
}
