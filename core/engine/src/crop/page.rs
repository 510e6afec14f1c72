//! The page of a crop job: accuracy against the day, a line a description, with few labels and with many. Knows figures; works
//! none out.

use std::fmt::Write as _;

use super::results::{CropResults, CropSeason};
use super::spec::{CropMapOf, CropSpec};
use crate::evaluate::{Line, line_color, lines_svg, range_of};
use crate::provenance::file_name;
use crate::report_page::{escaped, page_begin, push_warnings};

pub(super) fn page(results: &CropResults, spec: &CropSpec) -> String {
    let labels = escaped(&file_name(&spec.labels));
    let mut page = page_begin(&format!("Crops on {labels}"));
    let text = |key: &str| {
        let value = results.job.get(key).and_then(|value| value.as_str());
        escaped(value.unwrap_or_default())
    };
    let finished = text("finished");
    let _ = write!(
        page,
        "<h1>How early can the crops be told apart?</h1><p class=sub>labels {labels}, {}</p>",
        finished.get(..10).unwrap_or(&finished)
    );
    push_warnings(&mut page, &results.warnings);
    if results.seasons.len() > 1 {
        push_charts(&mut page, results);
    }
    for shots in results.shots() {
        push_table(&mut page, results, shots);
    }
    let models: Vec<String> = spec
        .models
        .iter()
        .map(|model| escaped(&model.name))
        .collect();
    let _ = write!(
        page,
        "<h2>How it was made</h2><p>Every figure is that of the best of three simple heads (3 nearest neighbours, linear, random forest), \
         mean ± standard deviation over the splits; the accuracy page of each day has all heads, and says how the labels were split. All \
         descriptions of a day get the same labels and are judged on the same other places. Choosing the best head after the fact flatters all \
         of them alike.</p><p>{}</p>\
         <dl><dt>models<dd>{}<dt>repeat it<dd><code>{}</code><dt>written by<dd>Terroir {}, {finished}</dl></html>",
        map_sentence(results, spec),
        models.join(", "),
        text("command"),
        text("app_version"),
    );
    page
}

/// What the maps are made from.
fn map_sentence(results: &CropResults, spec: &CropSpec) -> String {
    let mut sources: Vec<&str> = results
        .seasons
        .iter()
        .map(|of| of.map_of.as_str())
        .collect();
    sources.dedup();
    let chosen = match spec.map_of {
        CropMapOf::Best => ", what did best there on the labels kept for testing",
        _ => "",
    };
    format!(
        "Each map is made from {}{chosen}, and taught on all labels but those marked as kept: a field by the classifier {}, harmonics and the \
         raw stack by a random forest, a network that is taught by its own head.",
        escaped(&sources.join(", ")),
        spec.kind.word()
    )
}

fn labels_text(shots: &str) -> String {
    match shots {
        "max" => "all labels".to_owned(),
        "1" => "1 label a class".to_owned(),
        count => format!("{count} labels a class"),
    }
}

/// `1 Jun`: years stand in the table.
fn short_day(season: &CropSeason) -> String {
    let day = season.as_of.unwrap_or(season.period.to);
    day.strftime("%-d %b").to_string()
}

fn push_charts(page: &mut String, results: &CropResults) {
    let candidates = results.candidates();
    let shots = results.shots();
    let days: Vec<String> = results.seasons.iter().map(short_day).collect();
    let lines: Vec<Vec<Line>> = shots
        .iter()
        .map(|shots| {
            let of = |(place, candidate): (usize, &&str)| Line {
                color: line_color(place),
                points: results
                    .seasons
                    .iter()
                    .map(|season| {
                        let figure = season.figure(candidate, shots)?;
                        let deviation = figure.deviation.unwrap_or(0.0);
                        Some((100.0 * figure.mean, 100.0 * deviation))
                    })
                    .collect(),
            };
            candidates.iter().enumerate().map(of).collect()
        })
        .collect();
    let range = range_of(&lines, true);
    page.push_str("<h2>Balanced accuracy of maps as of a day</h2><p>");
    for (place, candidate) in candidates.iter().enumerate() {
        let _ = write!(
            page,
            "<span style=\"white-space:nowrap;margin-right:1.2em\"><i class=c style=\"background:{}\"></i>{}</span>",
            line_color(place),
            escaped(candidate)
        );
    }
    page.push_str("</p><div class=pictures>");
    for (shots, lines) in shots.iter().zip(&lines) {
        page.push_str(&lines_svg(&labels_text(shots), lines, &days, range, " %"));
    }
    page.push_str("</div><p class=axis>Only images and weather before the day are used. Dots: mean over the splits. Whiskers: one standard deviation to each side.</p>");
}

fn push_table(page: &mut String, results: &CropResults, shots: &str) {
    let candidates = results.candidates();
    let _ = write!(
        page,
        "<h2>{}: balanced accuracy, %</h2><div class=scroll><table><tr><th class=l>images up to",
        labels_text(shots)
    );
    for candidate in &candidates {
        let _ = write!(page, "<th>{}", escaped(candidate));
    }
    page.push_str("<th class=l>all heads<th class=l>map<th class=l>made from</tr>");
    for season in &results.seasons {
        let best = season
            .figures
            .iter()
            .filter(|figure| figure.shots == shots)
            .map(|figure| figure.mean)
            .fold(f64::NEG_INFINITY, f64::max);
        let _ = write!(page, "<tr><td class=l>{}", season.up_to());
        for candidate in &candidates {
            match season.figure(candidate, shots) {
                Some(figure) => {
                    let _ = write!(
                        page,
                        "<td{} title=\"{}\">{}",
                        if figure.mean >= best { " class=d" } else { "" },
                        escaped(&figure.head),
                        figure.text()
                    );
                }
                None => page.push_str("<td>-"),
            }
        }
        let accuracy = season.accuracy.with_extension("html");
        let _ = write!(
            page,
            "<td class=l><a href=\"{0}\">{0}</a><td class=l>{1}<td class=l>{2}</tr>",
            escaped(&accuracy.display().to_string()),
            escaped(&season.map.display().to_string()),
            escaped(&season.map_of)
        );
    }
    page.push_str("</table></div><p class=axis>Framed: the best of each day.</p>");
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use terroir_scene::HeadKind;

    use super::*;
    use crate::{CropFigure, CropModel};

    #[test]
    fn the_page_shows_every_day_and_escapes_names() {
        let season = |day: &str, mean: f64| CropSeason {
            as_of: day.parse().ok(),
            period: format!("2018-03-01..{day}").parse().unwrap(),
            map: format!("crops_{day}.tif").into(),
            map_of: "kgvsf-tiny".to_owned(),
            accuracy: format!("crops_{day}_accuracy.json").into(),
            figures: ["kgvsf-tiny", "raw stack"]
                .map(|candidate| CropFigure {
                    candidate: candidate.to_owned(),
                    shots: "10".to_owned(),
                    head: "Linear".to_owned(),
                    mean,
                    deviation: None,
                    splits: 1,
                })
                .to_vec(),
        };
        let job = json!({"finished": "2026-01-02T03:04:05Z", "command": "terroir crop <x>", "app_version": "0"});
        let seasons = vec![season("2018-06-01", 0.5), season("2018-07-01", 0.75)];
        let results = CropResults::new(job, seasons, vec!["few <labels>".to_owned()]);
        let spec = CropSpec {
            archive: terroir_scene::ArchiveSpec::default(),
            weather: None,
            labels: "a&b.gpkg".into(),
            class_attribute: None,
            models: vec![CropModel {
                name: "kgvsf-tiny".to_owned(),
                weights: "w".into(),
            }],
            taught: None,
            map_of: CropMapOf::Field,
            from: None,
            as_of: Vec::new(),
            kind: HeadKind::Forest,
            split: None,
            shots: CropSpec::SHOTS.to_vec(),
            seeds: 1,
            seed: 0,
            device: "cpu".to_owned(),
            out: "crops.tif".into(),
        };
        let page = page(&results, &spec);
        for part in [
            "a&amp;b.gpkg",
            "few &lt;labels&gt;",
            "2018-05-31",
            "2018-06-30",
            "1 Jun",
            "75.0",
            "crops_2018-07-01_accuracy.html",
            "terroir crop &lt;x&gt;",
            "</svg>",
        ] {
            assert!(page.contains(part), "{part} is missing");
        }
        assert!(!page.contains("<labels>") && page.ends_with("</html>"));
    }
}
