//! The report of predicted numbers: measures with their intervals and a scatter, as JSON and as a page. Knows pairs of
//! numbers and where they come from; knows nothing of how they were predicted.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use terroir_scene::{MeanRegressionAccuracy, RegressionAccuracy, regression_svg};

use crate::Failure;
use crate::projection::write_renamed;
use crate::report_page::{escaped, page_begin, push_warnings};

/// Everything a report of predicted numbers says.
pub struct RegressionReport<'a> {
    /// What was predicted, e.g. the file of the map.
    pub title: String,
    /// With its unit, e.g. `soil moisture (m³/m³)`.
    pub quantity: String,
    /// How pairs were chosen and kept apart from training, in a sentence.
    pub design: String,
    /// (prediction, reference).
    pub pairs: &'a [(f64, f64)],
    /// Parts that were held out one after another, or stations: name and measures.
    pub parts: &'a [(String, RegressionAccuracy)],
    /// (what, value) of inputs, model and the like.
    pub made_from: Vec<(String, String)>,
    /// Command line that repeats it.
    pub command: String,
    pub warnings: Vec<String>,
}

/// Writes `out` (`.json`) and the page beside it; the JSON first.
pub fn write_regression_report(
    out: &Path,
    report: &RegressionReport<'_>,
) -> Result<Vec<PathBuf>, Failure> {
    let now = jiff::Timestamp::now().to_string();
    let pooled = RegressionAccuracy::of(report.pairs);
    let each: Vec<RegressionAccuracy> = report.parts.iter().map(|(_, part)| part.clone()).collect();
    let mean = MeanRegressionAccuracy::of(&each);
    let value = report_json(report, &pooled, &mean, &now);
    let text = serde_json::to_string_pretty(&value)
        .map_err(|error| Failure::new("the report cannot be written").with_details(error))?;
    let page = out.with_extension("html");
    write_renamed(out, text.as_bytes())?;
    write_renamed(&page, report_html(report, &pooled, &mean, &now).as_bytes())?;
    Ok(vec![out.to_owned(), page])
}

fn report_json(
    report: &RegressionReport<'_>,
    pooled: &RegressionAccuracy,
    mean: &MeanRegressionAccuracy,
    now: &str,
) -> Value {
    let parts: Vec<Value> = report
        .parts
        .iter()
        .map(|(name, part)| json!({"id": name, "n": part.n, "metrics": part}))
        .collect();
    let made_from: serde_json::Map<String, Value> = report
        .made_from
        .iter()
        .map(|(what, value)| (what.clone(), json!(value)))
        .collect();
    json!({
        "schema": 1,
        "task": "regression",
        "job": {"finished": now, "app_version": env!("CARGO_PKG_VERSION"), "command": report.command},
        "inputs": made_from,
        "warnings": report.warnings,
        "regression": {
            "quantity": report.quantity, "design": report.design,
            "pooled": pooled, "parts": parts, "mean_over_parts": mean,
        },
    })
}

fn report_html(
    report: &RegressionReport<'_>,
    pooled: &RegressionAccuracy,
    mean: &MeanRegressionAccuracy,
    now: &str,
) -> String {
    let mut page = page_begin(&format!("Accuracy: {}", report.title));
    let _ = write!(
        page,
        "<h1>Accuracy of {}</h1><p class=sub>{}, {}</p><div class=figures><div><b>{}</b><span>RMSE</span></div>\
         <div><b>{}</b><span>bias</span></div><div><b>{}</b><span>R²</span></div><div><b>{}</b><span>pairs</span></div></div>",
        escaped(&report.title),
        escaped(&report.quantity),
        escaped(now.get(..10).unwrap_or(now)),
        figure(pooled.rmse),
        figure(pooled.bias),
        figure(pooled.r2_determination),
        pooled.n
    );
    push_warnings(&mut page, &report.warnings);
    let _ = write!(
        page,
        "<h2>What was compared</h2><p>{}</p>{}",
        escaped(&report.design),
        regression_svg(report.pairs, pooled, &report.quantity)
    );
    page.push_str("<p class=axis>Dashed: prediction equals reference. Solid: line fitted to the points.</p><h2>Measures</h2><div class=scroll><table><tr><th class=l>measure<th>value<th>95 % interval<th class=l>meaning</tr>");
    for (name, value, interval, meaning) in measures(pooled) {
        let interval = interval.map_or_else(String::new, |(low, high)| {
            format!("{} to {}", figure(Some(low)), figure(Some(high)))
        });
        let _ = write!(
            page,
            "<tr><td class=l>{name}<td>{}<td>{interval}<td class=l><span class=axis>{meaning}</span></tr>",
            figure(value)
        );
    }
    page.push_str("</table></div><p class=axis>Difference = prediction - reference. Neighbouring pixels and days depend on each other, so the true intervals are wider than these.</p>");
    push_parts(&mut page, report, mean);
    page.push_str("<h2>How it was made</h2><dl>");
    for (what, value) in &report.made_from {
        let _ = write!(page, "<dt>{}<dd>{}", escaped(what), escaped(value));
    }
    let _ = write!(
        page,
        "<dt>repeat it<dd><code>{}</code><dt>written by<dd>Terroir {}, {}</dl></html>",
        escaped(&report.command),
        env!("CARGO_PKG_VERSION"),
        escaped(now)
    );
    page
}

type Measure = (&'static str, Option<f64>, Option<(f64, f64)>, &'static str);

fn measures(of: &RegressionAccuracy) -> Vec<Measure> {
    vec![
        ("bias", of.bias, of.bias_ci95, "mean difference"),
        ("MAE", of.mae, None, "mean absolute difference"),
        ("RMSE", of.rmse, None, "root of the mean squared difference"),
        (
            "ubRMSE",
            of.ubrmse,
            of.ubrmse_ci95,
            "the same after the bias is taken off",
        ),
        ("R", of.r, of.r_ci95, "Pearson's correlation"),
        ("R² of the line", of.r2_pearson, None, "squared correlation"),
        (
            "R² of determination",
            of.r2_determination,
            None,
            "1 - squared differences over squared deviations of the reference; below 0 the mean would predict better",
        ),
        (
            "slope",
            of.slope,
            None,
            "of prediction on reference; below 1 extremes are flattened",
        ),
        (
            "CCC",
            of.ccc,
            None,
            "Lin's concordance: 1 only where prediction equals reference",
        ),
        ("KGE", of.kge2009, None, "Kling-Gupta efficiency (2009)"),
        ("rank correlation", of.spearman, None, "Spearman's"),
    ]
}

fn push_parts(page: &mut String, report: &RegressionReport<'_>, mean: &MeanRegressionAccuracy) {
    if report.parts.len() < 2 {
        return;
    }
    page.push_str("<h2>Parts</h2><div class=scroll><table><tr><th class=l>part<th>n<th>bias<th>MAE<th>RMSE<th>ubRMSE<th>R² of determination<th>R</tr>");
    for (name, part) in report.parts {
        // A correlation of a few pairs says nothing.
        let r = part.r.filter(|_| part.n >= 10);
        let _ = write!(
            page,
            "<tr><td class=l>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            escaped(name),
            part.n,
            figure(part.bias),
            figure(part.mae),
            figure(part.rmse),
            figure(part.ubrmse),
            figure(part.r2_determination),
            figure(r)
        );
    }
    let _ = write!(
        page,
        "<tr><th class=l>mean<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr></table></div>",
        mean.n,
        figure(mean.bias),
        figure(mean.mae),
        figure(mean.rmse),
        figure(mean.ubrmse),
        figure(mean.r2_determination),
        figure(mean.r)
    );
}

/// Four significant digits.
fn figure(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "not defined".to_owned();
    };
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let digits = (3 - value.abs().log10().floor() as i32).clamp(0, 9) as usize;
    format!("{value:.digits$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_files_say_the_same_and_nothing_breaks_the_page() {
        let folder = tempfile::tempdir().unwrap();
        let pairs: Vec<(f64, f64)> = (0..40)
            .map(|i| (0.1 + 0.005 * f64::from(i), 0.1 + 0.006 * f64::from(i)))
            .collect();
        let parts: Vec<(String, RegressionAccuracy)> = [&pairs[..20], &pairs[20..]]
            .iter()
            .enumerate()
            .map(|(number, part)| (format!("block <{number}>"), RegressionAccuracy::of(part)))
            .collect();
        let report = RegressionReport {
            title: "moisture.tif".to_owned(),
            quantity: "soil moisture (m³/m³)".to_owned(),
            design: "five spatial blocks".to_owned(),
            pairs: &pairs,
            parts: &parts,
            made_from: vec![("points".to_owned(), "p&q.csv".to_owned())],
            command: "terroir regress".to_owned(),
            warnings: vec!["few <points>".to_owned()],
        };
        let files = write_regression_report(&folder.path().join("r.json"), &report).unwrap();
        let value: Value =
            serde_json::from_str(&std::fs::read_to_string(&files[0]).unwrap()).unwrap();
        let expected = RegressionAccuracy::of(&pairs);
        assert_eq!(
            value["regression"]["pooled"]["rmse"].as_f64(),
            expected.rmse
        );
        assert_eq!(value["regression"]["mean_over_parts"]["n"], 2);
        let page = std::fs::read_to_string(&files[1]).unwrap();
        assert!(page.contains("few &lt;points&gt;") && page.contains("p&amp;q.csv"));
        assert!(page.contains("block &lt;0&gt;") && page.contains("<svg") && !page.contains("NaN"));
    }

    #[test]
    fn figures_have_four_digits() {
        assert_eq!(figure(Some(0.012_345_6)), "0.01235");
        assert_eq!(figure(Some(1234.56)), "1235");
        assert_eq!(figure(None), "not defined");
    }
}
