//! The page of an evaluation: one file with its drawings inside. Knows figures; works none out.

use std::fmt::Write as _;

use super::chart::{Line, line_color, lines_svg, range_of};
use super::figures::{Evaluation, Measure, head_name, measure_text, scale_of};
use super::scoring::{OWN_HEAD, THRESHOLD};
use crate::report_page::{escaped, page_begin, push_warnings};
use crate::{EvaluateSpec, JobSpec, command_line};

/// What a measure is called, and what it means.
fn words_of(measure: &str) -> (&'static str, &'static str) {
    match measure {
        "balanced_accuracy" => (
            "Balanced accuracy, %",
            "the share of each class that is found, averaged over the classes: rare classes count as much as common ones. \
             Guessing gives 100 divided by the number of classes.",
        ),
        "overall_accuracy" => (
            "Overall accuracy, %",
            "the share of all labelled places that is found right: common classes decide it.",
        ),
        "r2" => (
            "R² (of determination)",
            "1 is perfect, 0 is as good as always saying the mean, below 0 is worse than that.",
        ),
        _ => (
            "Mean absolute error",
            "in the unit of the values; smaller is better.",
        ),
    }
}

pub(super) fn page(report: &Evaluation, spec: &EvaluateSpec, labels: &str, now: &str) -> String {
    let mut page = page_begin(&format!("Comparison on {labels}"));
    push_head(&mut page, report, labels, now);
    push_warnings(&mut page, &report.warnings);
    push_charts(&mut page, report);
    for measure in report.measures() {
        push_table(&mut page, report, measure);
    }
    push_differences(&mut page, report);
    push_compared(&mut page, report, spec);
    push_making(&mut page, report, spec, now);
    page
}

fn push_head(page: &mut String, report: &Evaluation, labels: &str, now: &str) {
    let names: Vec<String> = report
        .candidates
        .iter()
        .map(|candidate| escaped(&candidate.name))
        .collect();
    let what = match names.as_slice() {
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
        [] => String::new(),
    };
    let _ = write!(
        page,
        "<h1>How well do simple heads do on {what}?</h1><p class=sub>{}, labels {}, {}</p><div class=figures>",
        match report.has_values() {
            true => format!("values of {}", escaped(&report.of)),
            false => format!("{} classes", report.classes.len()),
        },
        escaped(labels),
        escaped(now.get(..10).unwrap_or(now)),
    );
    let measure = report.measures()[0];
    let (factor, digits) = scale_of(measure);
    let unit = if report.has_values() { "" } else { " %" };
    for shots in report.shots() {
        let Some((row, mean)) = report.best(&shots) else {
            continue;
        };
        let _ = write!(
            page,
            "<div><b>{:.digits$}{unit}</b><span>best with {}:<br>{}, {}</span></div>",
            factor * mean,
            report.labels_text(&shots),
            escaped(&row.candidate),
            head_name(&row.head).to_lowercase()
        );
    }
    let _ = write!(
        page,
        "</div><p class=axis>Large figures: {}, mean over the splits.</p>",
        words_of(measure).0.to_lowercase().replace(", %", "")
    );
}

fn push_charts(page: &mut String, report: &Evaluation) {
    let measure = report.measures()[0];
    let (factor, _) = scale_of(measure);
    let shots = report.shots();
    let heads = report.heads();
    let lines: Vec<Vec<Line>> = heads
        .iter()
        .map(|head| {
            report
                .candidates
                .iter()
                .enumerate()
                .map(|(place, candidate)| Line {
                    color: line_color(place),
                    points: shots
                        .iter()
                        .map(|shots| {
                            let found = report.measure(&candidate.name, head, shots, measure)?;
                            Some((
                                factor * found.mean?,
                                factor * found.deviation.unwrap_or(0.0),
                            ))
                        })
                        .collect(),
                })
                .collect()
        })
        .collect();
    let range = range_of(&lines, !report.has_values());
    let unit = if report.has_values() { "" } else { " %" };
    let (name, _) = words_of(measure);
    let _ = write!(
        page,
        "<h2>{} against labels{}</h2><p>",
        name.replace(", %", ""),
        if report.has_values() { "" } else { " a class" }
    );
    for (place, candidate) in report.candidates.iter().enumerate() {
        let _ = write!(
            page,
            "<span style=\"white-space:nowrap;margin-right:1.2em\"><i class=c style=\"background:{}\"></i>{}</span>",
            line_color(place),
            escaped(&candidate.name)
        );
    }
    page.push_str("</p><div class=pictures>");
    for (head, lines) in heads.iter().zip(&lines) {
        page.push_str(&lines_svg(&head_name(head), lines, &shots, range, unit));
    }
    page.push_str("</div><p class=axis>Dots: mean over the splits. Whiskers: one standard deviation to each side; splits differ in which ground trains, so whiskers of all candidates move together: see the differences below.</p>");
}

fn push_table(page: &mut String, report: &Evaluation, measure: &str) {
    let (name, meaning) = words_of(measure);
    let shots = report.shots();
    let _ = write!(
        page,
        "<h2>{name}</h2><div class=scroll><table><tr><th class=l>candidate<th class=l>head"
    );
    for text in &shots {
        let _ = write!(page, "<th>{}", report.labels_text(text));
    }
    page.push_str("</tr>");
    let smaller_is_better = measure == "mae";
    let mean_of = |candidate: &str, head: &str, shots: &str| {
        let mean = report.measure(candidate, head, shots, measure)?.mean?;
        Some(if smaller_is_better { -mean } else { mean })
    };
    let best: Vec<f64> = shots
        .iter()
        .map(|shots| {
            let all = report.results.iter().filter(|row| row.shots == *shots);
            all.filter_map(|row| mean_of(&row.candidate, &row.head, shots))
                .fold(f64::NEG_INFINITY, f64::max)
        })
        .collect();
    for (place, candidate) in report.candidates.iter().enumerate() {
        let heads: Vec<String> = report
            .heads()
            .into_iter()
            .filter(|head| {
                report
                    .results
                    .iter()
                    .any(|row| row.candidate == candidate.name && row.head == *head)
            })
            .collect();
        for (number, head) in heads.iter().enumerate() {
            page.push_str("<tr>");
            if number == 0 {
                let _ = write!(
                    page,
                    "<td class=l rowspan={} style=\"vertical-align:top\"><i class=c style=\"background:{}\"></i>{}",
                    heads.len(),
                    line_color(place),
                    escaped(&candidate.name)
                );
            }
            let _ = write!(page, "<td class=l>{}", head_name(head).to_lowercase());
            for (shots, best) in shots.iter().zip(&best) {
                let is_best =
                    mean_of(&candidate.name, head, shots).is_some_and(|mean| mean >= best - 1e-12);
                let found = report.measure(&candidate.name, head, shots, measure);
                let _ = write!(
                    page,
                    "<td{}>{}",
                    if is_best { " class=d" } else { "" },
                    measure_text(found, measure)
                );
            }
            page.push_str("</tr>");
        }
    }
    let _ = write!(
        page,
        "</table></div><p class=axis>{}: {meaning} Mean ± standard deviation over the splits. Framed: the best of each column.</p>",
        name.replace(", %", "")
    );
}

/// How the others differ from the first candidate, seed by seed.
fn push_differences(page: &mut String, report: &Evaluation) {
    let [first, others @ ..] = report.candidates.as_slice() else {
        return;
    };
    if others.is_empty() {
        return;
    }
    let measure = report.measures()[0];
    let (factor, digits) = scale_of(measure);
    let (name, _) = words_of(measure);
    let unit = if report.has_values() { "" } else { " points" };
    let shots = report.shots();
    let _ = write!(
        page,
        "<h2>Against {}</h2><div class=scroll><table><tr><th class=l>candidate<th class=l>head",
        escaped(&first.name)
    );
    for text in &shots {
        let _ = write!(page, "<th>{}", report.labels_text(text));
    }
    page.push_str("</tr>");
    let text_of = |found: Option<&Measure>| {
        let Some(difference) = found.and_then(|found| found.against_first.as_ref()) else {
            return "-".to_owned();
        };
        let spread = difference
            .deviation
            .map(|deviation| format!(" ± {:.digits$}", factor * deviation))
            .unwrap_or_default();
        format!(
            "{:+.digits$}{spread}{unit}<br><span class=axis>better in {} of {}</span>",
            factor * difference.mean,
            difference.better,
            difference.n
        )
    };
    for candidate in others {
        for head in report.heads() {
            let cells: Vec<Option<&Measure>> = shots
                .iter()
                .map(|shots| report.measure(&candidate.name, &head, shots, measure))
                .collect();
            if cells
                .iter()
                .all(|cell| cell.is_none_or(|cell| cell.against_first.is_none()))
            {
                continue;
            }
            let _ = write!(
                page,
                "<tr><td class=l>{}<td class=l>{}",
                escaped(&candidate.name),
                head_name(&head).to_lowercase()
            );
            for cell in cells {
                let _ = write!(page, "<td>{}", text_of(cell));
            }
            page.push_str("</tr>");
        }
    }
    let _ = write!(
        page,
        "</table></div><p class=axis>{} of the candidate minus that of {}, both on the same labels; mean ± standard deviation of the differences over the splits, and in how many of them the candidate does better.</p>",
        name.replace(", %", ""),
        escaped(&first.name)
    );
}

fn push_compared(page: &mut String, report: &Evaluation, spec: &EvaluateSpec) {
    let test = |pick: fn(usize, usize) -> usize| {
        let all = report
            .results
            .iter()
            .flat_map(|row| row.n_test.iter().copied());
        all.reduce(pick).unwrap_or(0)
    };
    let drawn = if report.has_values() {
        format!(
            "From the part to learn from, that many values are drawn by chance, \"max\" means all up to {}",
            spec.most.saturating_mul(10)
        )
    } else {
        format!(
            "From the part to learn from, that many labels of each class are drawn by chance, \"max\" means all up to {} of each class",
            spec.most
        )
    };
    let _ = write!(
        page,
        "<h2>How it was compared</h2><p>{}. {drawn}; fewer labels are a part of more. Every candidate and head gets exactly the same \
         labels and is judged on the same other places ({} to {} of them).</p>\
         <p>The heads have nothing to tune: <b>nearest neighbour</b> takes the label of the nearest labelled place (Euclidean distance), \
         <b>3 nearest neighbours</b> the majority of three (the mean for values), <b>linear</b> is least squares with an intercept and no penalty, \
         one class against the rest, and <b>random forest</b> has 100 trees.{}{} Fields are compared as unit vectors; the columns of all other \
         candidates are brought to mean 0 and deviation 1 over all labelled places first.</p>",
        escaped(&report.design),
        test(usize::min),
        test(usize::max),
        if report.heads().iter().any(|head| head == THRESHOLD) {
            " The <b>threshold</b> only asks how far two fields lie apart: it takes the border among 0.1, 0.2 to 0.9 that does best on the labels to learn from; of the two classes, the second is taken as change."
        } else {
            ""
        },
        if report.heads().iter().any(|head| head == OWN_HEAD) {
            " A network with a <b>head of its own</b> is taught anew by the same labels of every split."
        } else {
            ""
        }
    );
    page.push_str("<div class=scroll><table><tr><th class=l>candidate<th class=l>what it is<th>numbers a place</tr>");
    for (place, candidate) in report.candidates.iter().enumerate() {
        let _ = write!(
            page,
            "<tr><td class=l><i class=c style=\"background:{}\"></i>{}<td class=l style=\"white-space:normal\">{}<td>{}</tr>",
            line_color(place),
            escaped(&candidate.name),
            escaped(&candidate.about),
            candidate.numbers
        );
    }
    page.push_str("</table></div>");
    if report.has_values() {
        for class in &report.classes {
            let _ = write!(
                page,
                "<p>{} places with a value of {}, {} of them compared.</p>",
                class.labelled,
                escaped(&report.of),
                class.places
            );
        }
        return;
    }
    page.push_str("<div class=scroll style=\"margin-top:1.2rem\"><table><tr><th class=l>class<th>labelled<th>compared</tr>");
    for class in &report.classes {
        let _ = write!(
            page,
            "<tr><td class=l>{}<td>{}<td>{}</tr>",
            escaped(&class.name),
            class.labelled,
            class.places
        );
    }
    page.push_str("</table></div>");
}

fn push_making(page: &mut String, report: &Evaluation, spec: &EvaluateSpec, now: &str) {
    page.push_str("<h2>How it was made</h2><dl>");
    for input in &report.inputs {
        let text = |key: &str| {
            let value = input.get(key).and_then(|value| value.as_str());
            escaped(value.unwrap_or_default())
        };
        let _ = write!(
            page,
            "<dt>{}<dd>{}<br><span class=axis>SHA-256 {}</span>",
            text("role"),
            text("path"),
            match text("sha256") {
                empty if empty.is_empty() => "not worked out (a folder, or very large)".to_owned(),
                sha256 => sha256,
            }
        );
    }
    let seeds: Vec<String> = report
        .results
        .first()
        .map(|row| row.seeds.iter().map(u64::to_string).collect())
        .unwrap_or_default();
    let _ = write!(
        page,
        "<dt>seeds<dd>{}<dt>repeat it<dd><code>{}</code><dt>written by<dd>Terroir {}, {}</dl></html>",
        seeds.join(", "),
        escaped(&command_line(&JobSpec::Evaluate(spec.clone()))),
        env!("CARGO_PKG_VERSION"),
        escaped(now)
    );
}
