//! What is said of a field of a series: where its period lies among the images, and the keys of its file.
//! Knows words and values; reads nothing.

use std::path::Path;

use serde_json::{Value, json};
use terroir_scene::{Archive, Period, Provenance};

use crate::provenance::short;
use crate::{JobSpec, command_line};

use super::{ChosenFrame, EmbedSeriesSpec, SeriesModel, Setup, job_of_file};

/// Where a valid period lies if no image lies in it: in a gap, or before or after all of them.
pub(crate) fn standing_of(period: &Period, days: &[f64]) -> Option<String> {
    let (from, to) = period.days();
    if days.iter().any(|day| (from..to).contains(day)) {
        return None;
    }
    let before = days.iter().copied().filter(|day| *day < from);
    let after = days.iter().copied().filter(|day| *day >= to);
    let last_before = before.fold(None, |last: Option<f64>, day| {
        Some(last.map_or(day, |last| last.max(day)))
    });
    let first_after = after.fold(None, |first: Option<f64>, day| {
        Some(first.map_or(day, |first| first.min(day)))
    });
    let days_text = |days: f64| match days.ceil() as i64 {
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    Some(match (last_before, first_after) {
        (Some(last), Some(first)) => format!(
            "no image lies in {period}; the field is interpolated from images {} before and {} after",
            days_text(from - last),
            days_text(first - to)
        ),
        (Some(last), None) => format!(
            "{period} lies after all images; the field is extrapolated, {} beyond the last",
            days_text(to - last)
        ),
        (None, Some(first)) => format!(
            "{period} lies before all images; the field is extrapolated, {} before the first",
            days_text(first - from)
        ),
        (None, None) => format!("no image lies in {period}"),
    })
}

/// The sensors, how many images of each, their span and their bands.
pub(crate) fn inputs_text(series: &SeriesModel, frames: &[ChosenFrame]) -> String {
    let sources = series.inputs.iter().enumerate();
    let list: Vec<Value> = sources
        .filter_map(|(input, place)| {
            let found = series.archive.sources.get(*place)?;
            let mut own = frames
                .iter()
                .filter(|frame| frame.input == input)
                .filter_map(|frame| found.frames.get(frame.frame));
            let first = own.next()?;
            let count = 1 + own.clone().count();
            let last = own.next_back().unwrap_or(first);
            Some(json!({
                "sensor": found.source.name, "frames": count, "first": first.date.to_string(), "last": last.date.to_string(),
                "bands": found.source.bands.iter().map(|band| band.name.clone()).collect::<Vec<_>>(),
            }))
        })
        .collect();
    short(Value::from(list).to_string())
}

/// The words the makers of the images ask for, by sensor and years.
pub(crate) fn attribution_of(archive: &Archive, frames: &[ChosenFrame]) -> Option<String> {
    let years = |name: &str| -> Option<String> {
        let own = frames.iter().filter_map(|frame| {
            let found = archive.sources.get(frame.source)?;
            let is_own = found.source.name.starts_with(name);
            is_own.then(|| found.frames.get(frame.frame).map(|frame| frame.date))?
        });
        let period = Period::of_dates(own)?;
        let (first, last) = (period.from.year(), period.to.yesterday().ok()?.year());
        Some(if first == last {
            first.to_string()
        } else {
            format!("{first}-{last}")
        })
    };
    let mut words = Vec::new();
    if let Some(years) = years("sentinel") {
        words.push(format!(
            "Contains modified Copernicus Sentinel data {years}."
        ));
    }
    if years("landsat").is_some() {
        words.push("Landsat data courtesy of the U.S. Geological Survey.".to_owned());
    }
    if years("modis").is_some() {
        words.push("MODIS data courtesy of NASA LP DAAC.".to_owned());
    }
    (!words.is_empty()).then(|| words.join(" "))
}

/// Keys of one field.
pub(super) fn of_series_field(
    spec: &EmbedSeriesSpec,
    setup: &Setup,
    period: &Period,
    path: &Path,
    seconds: f64,
) -> Provenance {
    let job = setup.share.job(job_of_file(spec, period, path));
    let days: Vec<f64> = setup.frames.iter().map(|frame| frame.day).collect();
    let mut sentence = format!(
        "Embedding field of {period} of 64 signed bytes a pixel; value = sign(c) * (c / 127.5)^2, -128 = no data"
    );
    let standing = standing_of(period, &days);
    if let Some(standing) = &standing {
        sentence += &format!("; {standing}");
    }
    let mut keys = shared_keys(setup, &job, seconds);
    keys.push(("VALID".to_owned(), period.to_string()));
    keys.push(("QUANTIZATION".to_owned(), "sqrt127.5".to_owned()));
    keys.push(("DESCRIPTION".to_owned(), sentence));
    if let Some(standing) = standing {
        keys.push(("NOTES".to_owned(), standing));
    }
    keys
}

/// Keys of the counts.
pub(super) fn of_counts(spec: &EmbedSeriesSpec, setup: &Setup) -> Provenance {
    let mut keys = shared_keys(
        setup,
        &setup.share.job(JobSpec::EmbedSeries(spec.clone())),
        0.0,
    );
    keys.retain(|(key, _)| key != "MODEL");
    keys.push((
        "DESCRIPTION".to_owned(),
        "Images with a value at each pixel, and those of them without a cloud".to_owned(),
    ));
    keys
}

fn shared_keys(setup: &Setup, job: &JobSpec, seconds: f64) -> Provenance {
    let series = &setup.series;
    let run = json!({
        "spec": job, "command": command_line(job), "chip_px": setup.plan.side, "device": series.compute.name,
        "precision": "f32", "seconds": (seconds * 10.0).round() / 10.0,
    });
    let whole = match job {
        JobSpec::Shard(spec) => &*spec.of,
        whole => whole,
    };
    let support = match whole {
        JobSpec::EmbedSeries(spec) => spec.support.or_else(|| series.archive.period()),
        _ => None,
    };
    let mut keys = vec![
        ("MODEL".to_owned(), series.identity.sentence()),
        ("INPUTS".to_owned(), inputs_text(series, &setup.frames)),
        ("RUN".to_owned(), run.to_string()),
    ];
    keys.extend(support.map(|support| ("SUPPORT".to_owned(), support.to_string())));
    keys.extend(
        attribution_of(&series.archive, &setup.frames)
            .map(|words| ("ATTRIBUTION".to_owned(), words)),
    );
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_and_the_future_are_said() {
        let period = |text: &str| -> Period { text.parse().unwrap() };
        let days = [10.5, 40.5, 200.5];
        assert_eq!(standing_of(&period("2017-02"), &days), None);
        let gap = standing_of(&period("2017-04"), &days).unwrap();
        assert!(
            gap.contains("interpolated") && gap.contains("50 days before"),
            "{gap}"
        );
        let later = standing_of(&period("2018"), &days).unwrap();
        assert!(later.contains("extrapolated, 530 days beyond"), "{later}");
        let sooner = standing_of(&period("2016"), &days).unwrap();
        assert!(sooner.contains("before the first"), "{sooner}");
        assert!(standing_of(&period("2016"), &[]).is_some());
    }
}
