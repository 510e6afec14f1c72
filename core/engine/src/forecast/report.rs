//! The report of a forecast: `report.json` with all figures and `report.html` with the same for people (spec tasks 9). Says
//! at once where a rule without a model was nearer. Knows figures; works none out.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use terroir_scene::{Baseline, Grid, ImageErrors, hex_from_rgb, pixel_metres};

use crate::projection::write_renamed;
use crate::report_page::{escaped, page_begin, push_warnings};
use crate::{Failure, ForecastSpec, JobSpec, command_line};

use super::chart::{Course, courses_svg, legend_html};
use super::figures::{ForecastFigures, MethodFigures, TargetFigures};
use super::pictures::DayPictures;

/// Everything a report says.
pub(super) struct ForecastReport<'a> {
    pub spec: &'a ForecastSpec,
    /// What made the images, e.g. `Persistence`.
    pub method: String,
    /// What the method does, a sentence without a stop.
    pub method_sentence: String,
    pub model: Value,
    pub sensor: String,
    pub figures: &'a ForecastFigures,
    pub pictures: &'a [DayPictures],
    /// What the colours of the pictures are.
    pub colours: String,
    pub grid: &'a Grid,
    pub inputs: Vec<Value>,
    /// First and last day of the images used, and how many there are.
    pub images: (String, String, usize),
    pub land_cover: bool,
    pub started: String,
    pub warnings: Vec<String>,
}

impl ForecastReport<'_> {
    fn is_filling(&self) -> bool {
        self.spec.fill.is_some()
    }

    /// Whether anything could be compared.
    fn is_compared(&self) -> bool {
        self.figures.own.all.n > 0
    }
}

/// Writes the report, the page, the table of the files and the job into the folder of the results.
pub(super) fn write(report: &ForecastReport<'_>) -> Result<Vec<PathBuf>, Failure> {
    let now = jiff::Timestamp::now().to_string();
    let file = |name: &str| report.spec.out.join(name);
    let (index, text, page, job) = (
        file(index_name(report.spec)),
        file("report.json"),
        file("report.html"),
        file("job.json"),
    );
    let pretty = |value: &Value| {
        serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new("the report cannot be written").with_details(error))
    };
    write_renamed(&index, super::figures::index_csv(report.figures).as_bytes())?;
    write_renamed(&text, pretty(&report_json(report, &now)?)?.as_bytes())?;
    write_renamed(&page, page_html(report, &now).as_bytes())?;
    let spec = JobSpec::Forecast(report.spec.clone());
    let whole = json!({"spec": spec, "command": command_line(&spec), "app_version": env!("CARGO_PKG_VERSION")});
    write_renamed(&job, pretty(&whole)?.as_bytes())?;
    Ok(vec![page, text, index, job])
}

/// Name of the table of the files.
pub(super) fn index_name(spec: &ForecastSpec) -> &'static str {
    match spec.fill {
        Some(_) => "filled_index.csv",
        None => "forecast_index.csv",
    }
}

fn report_json(report: &ForecastReport<'_>, now: &str) -> Result<Value, Failure> {
    let grid = report.grid;
    let spec = JobSpec::Forecast(report.spec.clone());
    let figures = serde_json::to_value(report.figures)
        .map_err(|error| Failure::new("the report cannot be written").with_details(error))?;
    Ok(json!({
        "schema": 1,
        "task": if report.is_filling() { "missing" } else { "forecast" },
        "job": {
            "id": Value::Null, "started": report.started, "finished": now, "seed": Value::Null,
            "app_version": env!("CARGO_PKG_VERSION"), "command": command_line(&spec), "spec": spec,
        },
        "inputs": report.inputs,
        "model": report.model,
        "grid": {
            "crs": grid.crs().map(|crs| crs.name.clone()), "epsg": grid.crs().and_then(|crs| crs.epsg),
            "transform": grid.georef.transform.map(|transform| transform.0), "width": grid.width, "height": grid.height,
            "gsd_m": pixel_metres(grid),
        },
        "warnings": report.warnings,
        "forecast": figures,
    }))
}

/// Title of a rule by its word.
fn title_of(word: &str) -> &str {
    Baseline::ALL
        .into_iter()
        .find(|rule| rule.word() == word)
        .map_or(word, |rule| rule.title())
}

fn color_of(place: usize) -> String {
    let id = [4_u8, 1, 2, 3].get(place).copied().unwrap_or(5);
    hex_from_rgb(terroir_scene::class_color(id))
}

/// Own method first, then the rules beside it.
fn methods<'a>(report: &'a ForecastReport<'_>) -> Vec<(String, &'a MethodFigures)> {
    let mut methods = vec![(report.method.clone(), &report.figures.own)];
    let rules = report.figures.baselines.iter();
    methods.extend(rules.map(|(word, figures)| (title_of(word).to_owned(), figures)));
    methods
}

fn page_html(report: &ForecastReport<'_>, now: &str) -> String {
    let what = if report.is_filling() {
        "Filled images"
    } else {
        "Forecast"
    };
    let mut page = page_begin(&format!("{what}: {}", report.sensor));
    push_head(&mut page, report, now);
    push_verdict(&mut page, report);
    push_warnings(&mut page, &report.warnings);
    push_pictures(&mut page, report);
    if report.is_compared() {
        push_charts(&mut page, report);
        push_methods(&mut page, report);
        if !report.is_filling() {
            push_horizons(&mut page, report);
            push_greenness(&mut page, report);
            push_earthnet(&mut page, report);
        }
        push_bands(&mut page, report);
    }
    push_what_if(&mut page, report);
    push_days(&mut page, report);
    push_making(&mut page, report, now);
    page
}

fn push_head(page: &mut String, report: &ForecastReport<'_>, now: &str) {
    let days = report.figures.targets.len();
    let (first, last, images) = &report.images;
    let what = if report.is_filling() {
        format!("{days} images of {} without gaps", report.sensor)
    } else {
        format!("{} on {days} days", report.sensor)
    };
    let _ = write!(
        page,
        "<h1>{}</h1><p class=sub>{}: {}. From {images} images of {} to {}. {}</p>",
        escaped(&what),
        escaped(&report.method),
        escaped(&report.method_sentence),
        escaped(first),
        escaped(last),
        escaped(now.get(..10).unwrap_or(now)),
    );
    let own = &report.figures.own.all;
    if report.is_compared() {
        let _ = write!(
            page,
            "<div class=figures><div><b>{}</b><span>RMSE</span></div><div><b>{}</b><span>MAE</span></div>\
             <div><b>{}</b><span>{}</span></div><div><b>{}</b><span>pixels compared</span></div></div>",
            figure(own.rmse),
            figure(own.mae),
            skill_text(own.skill),
            if report.is_filling() {
                "skill over the last value"
            } else {
                "skill over persistence"
            },
            own.n
        );
    }
}

/// What a reader must not miss: whether the forecast is better than doing nothing.
fn push_verdict(page: &mut String, report: &ForecastReport<'_>) {
    if !report.is_compared() {
        page.push_str(
            "<p><b>No image shows any of these days, so nothing says how good this is.</b> Forecast days that were seen \
             (earlier last image, days of later images) to find out.</p>",
        );
        return;
    }
    let is_persistence = matches!(
        report.spec.method,
        crate::ForecastMethod::Baseline(Baseline::Persistence)
    );
    if report.is_filling() || is_persistence {
        return;
    }
    let lost = report.figures.lost_to_persistence();
    if !lost.is_empty() {
        let bins: Vec<String> = lost
            .iter()
            .map(|bin| {
                format!(
                    "{} to {} days ({})",
                    bin.bin.0,
                    bin.bin.1,
                    skill_text(bin.errors.skill)
                )
            })
            .collect();
        let _ = write!(
            page,
            "<p><b>The last clear image is nearer to what was seen than this forecast at {}.</b></p>",
            escaped(&bins.join(", "))
        );
    }
}

fn push_pictures(page: &mut String, report: &ForecastReport<'_>) {
    if report.pictures.is_empty() {
        return;
    }
    page.push_str("<h2>Forecast and seen</h2><div class=pictures>");
    for pictures in report.pictures {
        let Some(target) = report.figures.targets.get(pictures.target) else {
            continue;
        };
        let ahead = target
            .days_ahead
            .map_or_else(String::new, |days| format!(", {days} days ahead"));
        let _ = write!(
            page,
            "<figure style=\"width:26rem\"><img style=\"width:12.8rem\" alt=\"forecast of {date}\" src=\"{}\"> \
             <img style=\"width:12.8rem\" alt=\"seen on {date}\" src=\"{}\"><figcaption>{date}{ahead}. Left: forecast. Right: seen.</figcaption></figure>",
            pictures.forecast,
            pictures.seen,
            date = escaped(&target.date),
        );
    }
    let _ = write!(
        page,
        "</div><p class=axis>The middle of the area; {}. Both pictures of a day have one scale of brightness, that of the image seen. White: no value, or cloud.</p>",
        escaped(&report.colours)
    );
}

fn push_charts(page: &mut String, report: &ForecastReport<'_>) {
    let targets = &report.figures.targets;
    let day_of = |target: &TargetFigures| target.days_ahead.map(|days| days as f64);
    let is_filling = report.is_filling();
    let x_of = |at: usize, target: &TargetFigures| match is_filling {
        true => Some(at as f64 + 1.0),
        false => day_of(target),
    };
    let course = |place: usize, name: &str, of: &dyn Fn(&TargetFigures) -> Option<f64>| Course {
        name: name.to_owned(),
        color: color_of(place),
        points: targets
            .iter()
            .enumerate()
            .filter_map(|(at, target)| Some((x_of(at, target)?, of(target)?)))
            .collect(),
        is_dashed: place > 0,
    };
    let mut errors = vec![course(0, &report.method, &|target| {
        target.metrics.as_ref()?.rmse
    })];
    for (place, word) in report.figures.baselines.keys().enumerate() {
        errors.push(course(place + 1, title_of(word), &|target| {
            target.baselines.get(word)?.rmse
        }));
    }
    let below = if is_filling { "image" } else { "days ahead" };
    let _ = write!(
        page,
        "<h2>Error{}</h2><p>{}</p><div class=pictures>{}",
        if is_filling { "" } else { " by day" },
        legend_html(&errors),
        courses_svg("RMSE of all bands", &errors, below)
    );
    let green = [
        course(0, "forecast", &|target| Some(target.mean_ndvi?.forecast)),
        Course {
            is_dashed: true,
            ..course(1, "seen", &|target| Some(target.mean_ndvi?.seen))
        },
    ];
    if green.iter().any(|course| !course.points.is_empty()) {
        let _ = write!(
            page,
            "<div>{}<p style=\"margin:0\">{}</p></div>",
            courses_svg("Mean NDVI of the pixels seen", &green, below),
            legend_html(&green)
        );
    }
    page.push_str("</div>");
}

fn push_methods(page: &mut String, report: &ForecastReport<'_>) {
    page.push_str("<h2>All days together</h2><div class=scroll><table><tr><th class=l>method<th>pixels<th>RMSE<th>MAE<th>bias<th>PSNR, dB<th>spectral angle<th>SSIM<th>skill</tr>");
    for (name, figures) in methods(report) {
        push_errors(page, &name, &figures.all);
    }
    let _ = write!(
        page,
        "</table></div><p class=axis>Only pixels seen clearly in every band. Bias: forecast minus seen. Skill: 1 - MSE / MSE of {}, on the \
         pixels where both say something: 0 is as good, below 0 worse. SSIM: windows of 7 x 7 pixels that were seen wholly.</p>",
        if report.is_filling() {
            "the last value before the day"
        } else {
            "persistence"
        }
    );
}

fn push_errors(page: &mut String, name: &str, errors: &ImageErrors) {
    let _ = write!(
        page,
        "<tr><td class=l>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
        escaped(name),
        errors.n,
        figure(errors.rmse),
        figure(errors.mae),
        figure(errors.bias),
        errors
            .psnr
            .map_or_else(|| "-".to_owned(), |value| format!("{value:.1}")),
        errors
            .sam
            .map_or_else(|| "-".to_owned(), |value| format!("{value:.2}°")),
        errors
            .ssim
            .map_or_else(|| "-".to_owned(), |value| format!("{value:.3}")),
        skill_text(errors.skill),
    );
}

fn push_horizons(page: &mut String, report: &ForecastReport<'_>) {
    page.push_str("<h2>By horizon</h2><div class=scroll><table><tr><th class=l>days ahead<th class=l>method<th>days<th>pixels<th>RMSE<th>MAE<th>skill</tr>");
    for bin in &report.figures.own.by_horizon {
        for (name, figures) in methods(report) {
            let Some(own) = figures.by_horizon.iter().find(|other| other.bin == bin.bin) else {
                continue;
            };
            let _ = write!(
                page,
                "<tr><td class=l>{} to {}<td class=l>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
                bin.bin.0,
                bin.bin.1,
                escaped(&name),
                own.days,
                own.errors.n,
                figure(own.errors.rmse),
                figure(own.errors.mae),
                skill_text(own.errors.skill)
            );
        }
    }
    page.push_str("</table></div>");
}

fn push_greenness(page: &mut String, report: &ForecastReport<'_>) {
    page.push_str("<h2>Greenness through time</h2>");
    if methods(report)
        .iter()
        .all(|(_, figures)| figures.ndvi.is_none())
    {
        page.push_str(
            "<p>No pixel can be scored by the protocol of GreenEarthNet: it wants at least 10 days seen and forecast, 3 images before \
             them, NDVI above 0 throughout, and an NDVI that changes (standard deviation above 0.1).</p>",
        );
        return;
    }
    page.push_str("<div class=scroll><table><tr><th class=l>method<th>pixels<th>NSE<th>R²<th>RMSE<th>|bias|<th>outdoes climatology</tr>");
    for (name, figures) in methods(report) {
        let Some(ndvi) = &figures.ndvi else { continue };
        let _ = write!(
            page,
            "<tr><td class=l>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            escaped(&name),
            ndvi.n_pixels,
            figure(ndvi.all.nse),
            figure(ndvi.all.r2),
            figure(ndvi.all.rmse),
            figure(ndvi.all.bias_abs),
            ndvi.outperformance
                .map_or_else(|| "-".to_owned(), |share| format!("{:.0} %", 100.0 * share)),
        );
    }
    let _ = write!(
        page,
        "</table></div><p class=axis>Protocol of GreenEarthNet: one series of NDVI a pixel, averaged by square of 128 pixels and land cover. {}</p>",
        if report.land_cover {
            "Only trees, shrubs, grass and crops by the land-cover map."
        } else {
            "Without a land-cover map all pixels count, which the protocol would not do."
        }
    );
}

fn push_earthnet(page: &mut String, report: &ForecastReport<'_>) {
    if methods(report)
        .iter()
        .all(|(_, figures)| figures.earthnet.is_none())
    {
        return;
    }
    page.push_str("<h2>EarthNetScore</h2><div class=scroll><table><tr><th class=l>method<th>squares<th>MAD<th>OLS<th>EMD<th>SSIM<th>score</tr>");
    for (name, figures) in methods(report) {
        let Some(net) = &figures.earthnet else {
            continue;
        };
        let part = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"))
        };
        let _ = write!(
            page,
            "<tr><td class=l>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td>{}</tr>",
            escaped(&name),
            net.cubes,
            part(net.parts.mad),
            part(net.parts.ols),
            part(net.parts.emd),
            part(net.parts.ssim),
            part(net.score)
        );
    }
    page.push_str("</table></div><p class=axis>From 0 to 1, more is better: values (MAD), trend (OLS) and spread (EMD) of NDVI, structures (SSIM), and their harmonic mean, over squares of 128 pixels.</p>");
}

fn push_bands(page: &mut String, report: &ForecastReport<'_>) {
    page.push_str(
        "<h2>Bands</h2><div class=scroll><table><tr><th class=l>band<th>RMSE<th>MAE<th>bias</tr>",
    );
    let own = &report.figures.own.all;
    for (at, name) in report.figures.bands.iter().enumerate() {
        let of = |values: &[Option<f64>]| figure(values.get(at).copied().flatten());
        let _ = write!(
            page,
            "<tr><td class=l>{}<td>{}<td>{}<td>{}</tr>",
            escaped(name),
            of(&own.per_band_rmse),
            of(&own.per_band_mae),
            of(&own.per_band_bias)
        );
    }
    page.push_str("</table></div>");
}

/// The same days under changed weather, beside the unchanged.
fn push_what_if(page: &mut String, report: &ForecastReport<'_>) {
    let crate::ForecastMethod::Model(model) = &report.spec.method else {
        return;
    };
    let Some(what_if) = &model.what_if else {
        return;
    };
    let _ = write!(
        page,
        "<h2>What if: {}</h2><p>Model output of the same network from the same images, under the unchanged weather and under the changed \
         one after the last image. It shows what the network has learnt weather to do, not what would happen.</p><div class=scroll><table>\
         <tr><th class=l>day<th>NDVI, unchanged<th>NDVI, changed<th>difference<th class=l>file</tr>",
        escaped(&what_if.text())
    );
    let digits =
        |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.3}"));
    for target in &report.figures.targets {
        let Some(found) = &target.what_if else {
            continue;
        };
        let difference = found
            .changed_ndvi
            .zip(found.unchanged_ndvi)
            .map(|(a, b)| a - b);
        let _ = write!(
            page,
            "<tr><td class=l>{}<td>{}<td>{}<td>{}<td class=l>{}</tr>",
            escaped(&target.date),
            digits(found.unchanged_ndvi),
            digits(found.changed_ndvi),
            difference.map_or_else(|| "-".to_owned(), |value| format!("{value:+.3}")),
            escaped(&found.file)
        );
    }
    page.push_str("</table></div><p class=axis>Mean over all pixels of the area.</p>");
}

fn push_days(page: &mut String, report: &ForecastReport<'_>) {
    let filling = report.is_filling();
    let _ = write!(
        page,
        "<h2>Days</h2><div class=scroll><table><tr><th class=l>day<th>{}<th>{}<th>with a value<th>RMSE<th>skill<th class=l>file<th class=l>to know</tr>",
        if filling {
            "nearest image before"
        } else {
            "days ahead"
        },
        if filling {
            "seen"
        } else {
            "with a start value"
        },
    );
    let percent = |value: Option<f64>| {
        value.map_or_else(|| "-".to_owned(), |value| format!("{:.0} %", 100.0 * value))
    };
    for target in &report.figures.targets {
        let second = match filling {
            true => target.anchor.clone().unwrap_or_else(|| "-".to_owned()),
            false => target
                .days_ahead
                .map_or_else(|| "-".to_owned(), |days| days.to_string()),
        };
        let errors = target.metrics.as_ref().filter(|errors| errors.n > 0);
        let _ = write!(
            page,
            "<tr><td class=l>{}<td>{}<td>{}<td>{}<td>{}<td>{}<td class=l>{}<td class=l style=\"white-space:normal\">{}</tr>",
            escaped(&target.date),
            escaped(&second),
            percent(target.base_share),
            percent(target.made_share),
            errors.map_or_else(|| "not seen".to_owned(), |errors| figure(errors.rmse)),
            errors.map_or_else(|| "-".to_owned(), |errors| skill_text(errors.skill)),
            escaped(&target.file),
            escaped(&target.checks.join("; "))
        );
    }
    page.push_str("</table></div>");
}

fn push_making(page: &mut String, report: &ForecastReport<'_>, now: &str) {
    let weather = report
        .figures
        .targets
        .iter()
        .find_map(|target| target.weather_source.clone());
    let _ = write!(
        page,
        "<h2>How it was made</h2><dl><dt>method<dd>{}: {}<dt>weather<dd>{}<dt>repeat it<dd><code>{}</code><dt>written by<dd>Terroir {}, {}</dl></html>",
        escaped(&report.method),
        escaped(&report.method_sentence),
        escaped(weather.as_deref().unwrap_or("not used")),
        escaped(&command_line(&JobSpec::Forecast(report.spec.clone()))),
        env!("CARGO_PKG_VERSION"),
        escaped(now)
    );
}

fn skill_text(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:+.2}"))
}

/// Three significant digits and more.
fn figure(value: Option<f64>) -> String {
    let Some(value) = value else {
        return "-".to_owned();
    };
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let digits = (2 - value.abs().log10().floor() as i32).clamp(0, 6) as usize;
    format!("{value:.digits$}")
}
