//! The page of an accuracy report: one file with its pictures inside, readable in any browser without a connection, and
//! what all our report pages share. Knows what a report says; works nothing out.

use std::fmt::Write as _;

use terroir_scene::{AreaEstimates, Estimated, HALF_WIDTH_95, hex_from_rgb};

use crate::assess::title_of;
use crate::provenance::{file_name, value_of};
use crate::report::{Report, sampling};
use crate::report_charts::{AreaBar, areas_svg, calibration_svg};
use crate::{JobSpec, command_line};

/// Text keeps to a width that reads well; a table takes all there is to the right of it, then scrolls under its first
/// column. On paper nothing scrolls, so cells wrap and type shrinks.
const PAGE_STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1d2421;--soft:#5c6863;--line:#d5dcd8;--page:#fbfcfb;--mark:#0b7a5c;--shade:#1d242133;--warn:#8a5a00;--warnbg:#fff6e0}\
@media(prefers-color-scheme:dark){:root{--ink:#e6ece9;--soft:#9fada7;--line:#35403b;--page:#151a18;--mark:#5fd0ac;--shade:#0009;--warn:#f0c36a;--warnbg:#2c2515}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:64rem;margin:2.5rem auto;padding:0 1.5rem}\
h1{font-size:1.5rem;margin:0;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2.2rem 0 .6rem}p.sub{color:var(--soft);margin:.2rem 0 1.6rem;overflow-wrap:anywhere}\
.figures{display:flex;flex-wrap:wrap;gap:1.2rem 2.5rem;margin:1rem 0}.figures b{display:block;font-size:1.9rem;color:var(--mark);font-weight:600}\
.figures span{color:var(--soft)}\
.scroll{overflow-x:auto;width:fit-content;max-width:max(100%,50vw + 50% - 2.5rem);background:linear-gradient(to left,var(--page) 2rem,transparent) right/4rem 100% no-repeat local,linear-gradient(to left,var(--shade),transparent) right/.8rem 100% no-repeat scroll}\
table{border-collapse:collapse;font-variant-numeric:tabular-nums}\
th,td{padding:.35rem .7rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}th{font-weight:600;white-space:normal;vertical-align:bottom}th.l{white-space:nowrap}\
th.l,td.l{text-align:left}td.l:not(:first-child){white-space:normal;min-width:9rem}td.d{outline:1px solid var(--mark);outline-offset:-1px;font-weight:600}.axis{color:var(--soft);font-weight:400}\
.scroll .l:first-child,.side+.l{position:sticky;left:0;background:var(--page)}\
th.side{writing-mode:vertical-rl;transform:rotate(180deg);text-align:center;border-bottom:0}th.top{text-align:left;border-bottom:0}\
th.up{padding:.35rem .2rem}th.up div{writing-mode:vertical-rl;transform:rotate(180deg);text-align:left;max-height:12rem;margin-left:auto}th.up i.c{margin:0 0 .5em}table.m td{padding:.35rem .45rem}\
i.c{display:inline-block;width:.8em;height:.8em;border-radius:2px;margin-right:.5em;vertical-align:-.05em;border:1px solid var(--line)}\
.pictures{display:flex;flex-wrap:wrap;gap:1.5rem;align-items:flex-start}figure{margin:0}figure img{max-width:100%;width:26rem;border:1px solid var(--line);image-rendering:pixelated;background:#fff}\
figcaption{color:var(--soft);font-size:.9em}ul.legend{list-style:none;padding:0;margin:0}svg{max-width:100%;height:auto}\
ul.w{background:var(--warnbg);color:var(--warn);padding:.8rem 1rem .8rem 2rem;border-radius:6px}dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1.2rem}\
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}code{font-size:.9em}\
@media(max-width:44rem){body{margin:1.5rem auto;padding:0 1rem}dl{grid-template-columns:1fr}dd{margin-bottom:.6rem}th,td{padding:.35rem .5rem}}\
@media print{@page{margin:14mm}:root{--ink:#000;--soft:#444;--line:#bbb;--page:#fff;--mark:#0b7a5c;--warn:#8a5a00;--warnbg:#fff6e0}\
body{max-width:none;margin:0;padding:0;font-size:10pt;print-color-adjust:exact;-webkit-print-color-adjust:exact}\
.scroll{overflow:visible;width:auto;max-width:100%;background:none}table{font-size:8pt}table.m{font-size:7pt;break-inside:avoid}th,td{padding:.15rem .3rem}th.l,td.l,td.l:not(:first-child){white-space:normal;min-width:0;overflow-wrap:break-word}\
table.m td{padding:.1rem .2rem}th.up div{max-height:9rem}\
.scroll .l{position:static!important}tr:first-child{break-after:avoid}tr,figure,svg,ul.w,.figures{break-inside:avoid}h2{break-after:avoid}}";

/// Matrices of more classes have the names of their columns upright.
const UPRIGHT_FROM: usize = 6;

/// Everything before a page's first heading.
pub(crate) fn page_begin(title: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>{}</title><style>{PAGE_STYLE}</style>",
        escaped(title)
    )
}

/// The strip of what must be read before the figures.
pub(crate) fn push_warnings(page: &mut String, warnings: &[String]) {
    if warnings.is_empty() {
        return;
    }
    page.push_str("<h2>Read this first</h2><ul class=w>");
    for warning in warnings {
        let _ = write!(page, "<li>{}</li>", escaped(warning));
    }
    page.push_str("</ul>");
}

pub(crate) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

pub(crate) fn percent(value: Option<f64>) -> String {
    value.map_or_else(
        || "not defined".to_owned(),
        |value| format!("{:.1} %", 100.0 * value),
    )
}

pub(crate) fn decimal(value: Option<f64>) -> String {
    value.map_or_else(|| "not defined".to_owned(), |value| format!("{value:.3}"))
}

/// A share with half of its 95 % interval.
fn share_and_half(estimated: Option<&Estimated>) -> String {
    let Some(one) = estimated else {
        return "not defined".to_owned();
    };
    match one.standard_error {
        Some(error) => format!(
            "{:.1} ± {:.1} %",
            100.0 * one.value,
            100.0 * HALF_WIDTH_95 * error
        ),
        None => format!("{:.1} %", 100.0 * one.value),
    }
}

pub(crate) fn report_html(report: &Report<'_>, now: &str) -> String {
    let mut page = page_begin(&format!("Accuracy: {}", title_of(report.spec)));
    push_head(&mut page, report, now);
    push_warnings(&mut page, &report.warnings);
    let _ = write!(
        page,
        "<h2>What was compared</h2><p>{}</p>",
        escaped(&sampling(report))
    );
    push_pictures(&mut page, report);
    if let Some(estimates) = report.estimates {
        push_estimates(&mut page, report, estimates);
    }
    push_matrix(&mut page, report);
    push_classes(&mut page, report);
    push_measures(&mut page, report);
    push_calibration(&mut page, report);
    push_making(&mut page, report, now);
    page
}

fn push_head(page: &mut String, report: &Report<'_>, now: &str) {
    let accuracy = report.accuracy;
    let figure = |value: &str, what: &str| format!("<div><b>{value}</b><span>{what}</span></div>");
    let figures = match report.estimates {
        Some(estimates) => [
            figure(
                &share_and_half(Some(&estimates.overall)),
                "overall accuracy of the whole map (95 %)",
            ),
            figure(&accuracy.n.to_string(), "sample points"),
            String::new(),
        ],
        None => [
            figure(&percent(accuracy.overall), "overall accuracy"),
            figure(&percent(accuracy.macro_f1), "macro F1"),
            figure(&accuracy.n.to_string(), "reference pixels"),
        ],
    };
    let _ = write!(
        page,
        "<h1>Accuracy of {map}</h1><p class=sub>against {reference}, {date}</p><div class=figures>{figures}</div>",
        map = escaped(&file_name(&report.spec.map)),
        reference = escaped(&file_name(&report.spec.reference)),
        date = escaped(now.get(..10).unwrap_or(now)),
        figures = figures.concat(),
    );
}

fn swatch(report: &Report<'_>, index: usize) -> String {
    report
        .matrix
        .classes
        .get(index)
        .map_or_else(String::new, |class| {
            format!(
                "<i class=c style=\"background:{}\"></i>{}",
                hex_from_rgb(class.color),
                escaped(&class.name)
            )
        })
}

fn push_pictures(page: &mut String, report: &Report<'_>) {
    if report.pictures.is_empty() {
        return;
    }
    page.push_str("<h2>The map</h2><div class=pictures>");
    for (caption, address) in &report.pictures {
        let _ = write!(
            page,
            "<figure><img alt=\"{caption}\" src=\"{address}\"><figcaption>{caption}</figcaption></figure>",
            caption = escaped(caption)
        );
    }
    page.push_str("<ul class=legend>");
    for index in 0..report.matrix.classes.len() {
        let _ = write!(page, "<li>{}</li>", swatch(report, index));
    }
    page.push_str("</ul></div>");
}

/// The table and the chart of areas; intervals are cut at what can be.
fn push_estimates(page: &mut String, report: &Report<'_>, estimates: &AreaEstimates) {
    let unit = report.area_unit();
    let _ = write!(
        page,
        "<h2>The whole map, from the sample</h2><p>Overall accuracy <b>{}</b></p><div class=scroll><table><tr>\
         <th class=l>class<th>area on the map, {unit}<th>estimated area, {unit}<th>95 % interval<th>user's accuracy<th>producer's accuracy</tr>",
        share_and_half(Some(&estimates.overall))
    );
    let mut bars = Vec::new();
    for (index, (class, estimate)) in report
        .matrix
        .classes
        .iter()
        .zip(&estimates.classes)
        .enumerate()
    {
        let area = estimate.area;
        let half = area.standard_error.map(|error| HALF_WIDTH_95 * error);
        let around = half.unwrap_or(0.0);
        let mapped = report.mapped.get(index).copied().unwrap_or(0.0);
        let _ = write!(
            page,
            "<tr><td class=l>{}<td>{mapped:.1}<td>{:.1}<td>{:.1} to {:.1}<td>{}<td>{}</tr>",
            swatch(report, index),
            area.value,
            (area.value - around).max(0.0),
            area.value + around,
            share_and_half(estimate.users.as_ref()),
            share_and_half(estimate.producers.as_ref()),
        );
        bars.push(AreaBar {
            name: class.name.clone(),
            color: hex_from_rgb(class.color),
            mapped,
            estimate: area.value,
            half,
        });
    }
    let _ = write!(
        page,
        "</table></div><p class=axis>Estimates for the whole map after Olofsson et al. (2014): every stratum weighs as much as \
         its area on the map. ± is half of a 95 % interval. Intervals are cut at 0.</p>{}",
        areas_svg(&bars, unit)
    );
}

fn push_matrix(page: &mut String, report: &Report<'_>) {
    let count = report.matrix.classes.len();
    let _ = write!(
        page,
        "<h2>Confusion matrix</h2><div class=scroll><table class=m><tr><th class=top colspan=2><th class=top colspan={}><span class=axis>columns: reference &#8594;</span></tr>\
         <tr><th><th>",
        count + 1
    );
    // Names side by side would need more room than the numbers below them.
    for index in 0..count {
        let name = swatch(report, index);
        let _ = match count > UPRIGHT_FROM {
            true => write!(page, "<th class=up><div>{name}</div>"),
            false => write!(page, "<th>{name}"),
        };
    }
    page.push_str("<th>total</tr>");
    for (row, counts) in report.matrix.counts.iter().enumerate() {
        page.push_str("<tr>");
        if row == 0 {
            let _ = write!(
                page,
                "<th class=side rowspan={}><span class=axis>rows: map &#8592;</span>",
                count + 1
            );
        }
        let _ = write!(page, "<th class=l>{}", swatch(report, row));
        for (column, count) in counts.iter().enumerate() {
            let mark = if row == column { " class=d" } else { "" };
            let _ = write!(page, "<td{mark}>{count}");
        }
        let _ = write!(page, "<td>{}</tr>", counts.iter().sum::<u64>());
    }
    page.push_str("<tr><th class=l>total");
    for column in 0..count {
        let rows = report.matrix.counts.iter();
        let total: u64 = rows.filter_map(|row| row.get(column)).sum();
        let _ = write!(page, "<td>{total}");
    }
    let _ = write!(page, "<td>{}</tr></table></div>", report.accuracy.n);
    if report.estimates.is_some() {
        page.push_str("<p class=axis>Points as drawn: rare classes have more of them than their area, so shares of this table are not shares of the map.</p>");
    }
}

fn push_classes(page: &mut String, report: &Report<'_>) {
    page.push_str("<h2>Classes</h2><div class=scroll><table><tr><th class=l>class<th>map pixels<th>reference pixels<th>user's accuracy<th>producer's accuracy<th>F1<th>IoU<th>area on the map</tr>");
    for (index, class) in report.accuracy.per_class.iter().enumerate() {
        let area = report
            .mapped_ha
            .get(index)
            .copied()
            .flatten()
            .map_or_else(|| "-".to_owned(), |ha| format!("{ha:.1} ha"));
        let _ = write!(
            page,
            "<tr><td class=l>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{area}</tr>",
            swatch(report, index),
            class.n_map,
            class.n_reference,
            percent(class.users),
            percent(class.producers),
            percent(class.f1),
            percent(class.iou)
        );
    }
    page.push_str("</table></div><p class=axis>Map and reference pixels are those compared, each counting once. User's accuracy: of the pixels the map calls so, the share that is. Producer's accuracy: of the pixels that are, the share the map found.</p>");
}

fn push_measures(page: &mut String, report: &Report<'_>) {
    let accuracy = report.accuracy;
    let mut rows = vec![
        (
            "overall accuracy",
            percent(accuracy.overall),
            "share of pixels that agree",
        ),
        (
            "macro F1",
            percent(accuracy.macro_f1),
            "mean over the classes",
        ),
        (
            "balanced accuracy",
            percent(accuracy.balanced),
            "mean producer's accuracy over the classes of the reference",
        ),
        (
            "mean IoU",
            percent(accuracy.mean_iou),
            "mean over the classes",
        ),
        (
            "quantity disagreement",
            percent(accuracy.quantity_disagreement),
            "wrong amounts of classes",
        ),
        (
            "allocation disagreement",
            percent(accuracy.allocation_disagreement),
            "right amounts in wrong places",
        ),
    ];
    if report.spec.with_kappa {
        rows.push((
            "MCC",
            decimal(accuracy.mcc),
            "correlation of map and reference, -1 to 1",
        ));
        rows.push((
            "kappa",
            decimal(accuracy.kappa),
            "not recommended: for comparison with older work only, its correction for chance misleads",
        ));
    }
    page.push_str("<h2>Measures of the matrix as counted</h2><div class=scroll><table>");
    for (what, value, note) in rows {
        let _ = write!(
            page,
            "<tr><td class=l>{what}<td>{value}<td class=l><span class=axis>{note}</span></tr>"
        );
    }
    page.push_str("</table></div>");
}

fn push_calibration(page: &mut String, report: &Report<'_>) {
    let Some((of, measures)) = &report.calibration else {
        return;
    };
    let _ = write!(
        page,
        "<h2>Can the confidence be believed?</h2><p>Of {n} reference pixels with a confidence in {of}: expected calibration error \
         <b>{ece}</b>, largest gap {mce}{rest}.</p>{svg}<p class=axis>Each dot is a tenth of confidence: on the dashed line, a map that says 80 % is right \
         eight times in ten; below it the map is too sure of itself. Larger dots hold more pixels.</p>",
        n = measures.n,
        of = escaped(of),
        ece = percent(measures.ece),
        mce = percent(measures.mce),
        rest = match (measures.brier, measures.nll) {
            (Some(brier), Some(nll)) => format!(", Brier score {brier:.3}, log loss {nll:.3}"),
            _ => String::new(),
        },
        svg = calibration_svg(measures),
    );
}

fn push_making(page: &mut String, report: &Report<'_>, now: &str) {
    let item = |what: &str, value: &str| format!("<dt>{what}<dd>{}", escaped(value));
    let record = |key: &str| value_of(report.info, key);
    let unknown = || "not recorded in the map".to_owned();
    let mut items = vec![
        item("map", &report.spec.map.display().to_string()),
        item("model", &record("TERROIR_MODEL").unwrap_or_else(unknown)),
    ];
    if let Some(labels) = record("TERROIR_LABELS") {
        items.push(item("trained with", &labels));
    }
    items.push(item(
        "reference",
        &report.spec.reference.display().to_string(),
    ));
    for (what, sha) in [
        ("SHA-256 of the map", &report.map_sha256),
        ("SHA-256 of the reference", &report.reference_sha256),
    ] {
        if let Some(sha) = sha {
            items.push(item(what, sha));
        }
    }
    items.push(item(
        "not counted",
        &format!(
            "{} reference pixels without a map class",
            report.unclassified
        ),
    ));
    items.push(format!(
        "<dt>repeat it<dd><code>{}</code>",
        escaped(&command_line(&JobSpec::Assess(report.spec.clone())))
    ));
    items.push(item(
        "written by",
        &format!("Terroir {}, {now}", env!("CARGO_PKG_VERSION")),
    ));
    let _ = write!(
        page,
        "<h2>How it was made</h2><dl>{}</dl></html>",
        items.concat()
    );
}
