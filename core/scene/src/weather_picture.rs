//! A weather table as a drawing (SVG): a curve per variable over the days, the days of images under them, gaps and doubtful units
//! shown. Knows tables; knows no window.

use std::fmt::Write as _;

use jiff::civil::Date;

use crate::profile_picture::{Axis, escaped};
use crate::weather::days_between;
use crate::{DRIVERS, WeatherTable, WeatherVariable};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 66.0;
const RIGHT: f64 = 18.0;
const TOP: f64 = 46.0;
/// Of one curve with its title.
const ROW: f64 = 118.0;
const TITLE: f64 = 24.0;
const IMAGES: f64 = 30.0;
const BOTTOM: f64 = 30.0;
/// Names of days that fit under the curves.
const MOST_NAMES: usize = 12;
const COLORS: [(&str, WeatherVariable); 5] = [
    ("#2b6cb0", WeatherVariable::Tmin),
    ("#c2410c", WeatherVariable::Tmax),
    ("#1d70a2", WeatherVariable::Prcp),
    ("#b7791f", WeatherVariable::Srad),
    ("#2f855a", WeatherVariable::Vp),
];

/// The drivers and whatever else the table holds, as an SVG 960 points wide on white. `images`: days with an image, marked under
/// the curves.
pub fn weather_svg(table: &WeatherTable, images: &[Date]) -> String {
    let mut variables: Vec<WeatherVariable> = DRIVERS
        .into_iter()
        .filter(|driver| table.has(*driver))
        .collect();
    variables.extend(
        table
            .variables()
            .filter(|variable| !DRIVERS.contains(variable) && *variable != WeatherVariable::Tmean),
    );
    let (first, last) = span(table, images);
    let x = Days {
        first,
        days: (days_between(first, last) + 1).max(1) as f64,
    };
    let rows = ROW * variables.len() as f64;
    let height = TOP + rows + IMAGES + BOTTOM;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\" role=\"img\" aria-label=\"Weather\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"white\"/>\n"
    );
    let title = format!(
        "{}, {} to {}, {} days",
        table.source,
        table.first,
        table.last(),
        table.days()
    );
    push(
        &mut svg,
        format_args!(
            "<text x=\"{LEFT}\" y=\"24\" font-size=\"15\">{}</text>",
            escaped(&title)
        ),
    );
    let bottom = TOP + rows + IMAGES;
    for (day, name) in named_days(first, last) {
        let at = x.place(day);
        push(
            &mut svg,
            format_args!("<path d=\"M{at:.1} {TOP}V{bottom}\" stroke=\"#e4e4e4\"/>"),
        );
        push(
            &mut svg,
            format_args!(
                "<text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
                bottom + 18.0
            ),
        );
    }
    for (row, variable) in variables.iter().enumerate() {
        draw_row(&mut svg, table, *variable, TOP + ROW * row as f64, &x);
    }
    let at = TOP + rows;
    push(
        &mut svg,
        format_args!(
            "<text x=\"{LEFT}\" y=\"{}\" fill=\"#666\">{}</text>",
            at + 12.0,
            image_words(images)
        ),
    );
    for day in images {
        let across = x.place(*day);
        push(
            &mut svg,
            format_args!(
                "<path d=\"M{across:.1} {}v11\" stroke=\"#111\" stroke-width=\"1.4\"/>",
                at + 17.0
            ),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn image_words(images: &[Date]) -> String {
    match images.len() {
        0 => "No images named".into(),
        1 => "1 image".into(),
        count => format!("{count} images"),
    }
}

/// From the first to the last day of weather or images.
fn span(table: &WeatherTable, images: &[Date]) -> (Date, Date) {
    images
        .iter()
        .fold((table.first, table.last()), |(low, high), day| {
            (low.min(*day), high.max(*day))
        })
}

struct Days {
    first: Date,
    days: f64,
}

impl Days {
    fn place(&self, day: Date) -> f64 {
        LEFT + days_between(self.first, day) as f64 / self.days * (WIDTH - LEFT - RIGHT)
    }
}

/// The first days of months or years, so many that their names fit.
fn named_days(first: Date, last: Date) -> Vec<(Date, String)> {
    let months = days_between(first, last) as f64 / 30.4;
    let step = [1, 2, 3, 6, 12, 24, 60, 120, 240, 600]
        .into_iter()
        .find(|step| months / f64::from(*step) <= MOST_NAMES as f64)
        .unwrap_or(1200);
    let start = i32::from(first.year()) * 12 + i32::from(first.month()) - 1;
    let end = i32::from(last.year()) * 12 + i32::from(last.month()) - 1;
    (start..=end)
        .filter(|month| month.rem_euclid(step) == 0)
        .filter_map(|month| {
            let year = i16::try_from(month.div_euclid(12)).ok()?;
            let day = Date::new(year, i8::try_from(month.rem_euclid(12)).ok()? + 1, 1).ok()?;
            let is_in = first <= day && day <= last;
            let name = if step % 12 == 0 {
                year.to_string()
            } else {
                day.strftime("%Y-%m").to_string()
            };
            is_in.then_some((day, name))
        })
        .collect()
}

fn draw_row(svg: &mut String, table: &WeatherTable, variable: WeatherVariable, top: f64, x: &Days) {
    let Some(column) = table.column(variable) else {
        return;
    };
    let color = COLORS
        .iter()
        .find(|(_, known)| *known == variable)
        .map_or("#6b46c1", |(color, _)| *color);
    let (upper, lower) = (top + TITLE, top + ROW - 8.0);
    let is_rain = variable == WeatherVariable::Prcp;
    let values = column.iter().flatten().map(|value| f64::from(*value));
    let zero = is_rain.then_some(0.0);
    let y = Axis::new(values.chain(zero), lower, upper);
    let doubt = table.doubts.iter().find(|doubt| doubt.variable == variable);
    let (words, ink) = match doubt {
        Some(doubt) => (
            format!(
                "{}, unit to be confirmed (read as {})",
                variable.title(),
                doubt.assumed
            ),
            "#b91c1c",
        ),
        None => (
            format!("{} ({})", variable.title(), variable.unit()),
            "#333",
        ),
    };
    push(
        svg,
        format_args!(
            "<text x=\"{LEFT}\" y=\"{:.1}\" fill=\"{ink}\">{}</text>",
            upper - 7.0,
            escaped(&words)
        ),
    );
    // Every other tick: the rows are low.
    for tick in y.ticks().into_iter().step_by(2) {
        let up = y.place(tick);
        push(
            svg,
            format_args!(
                "<path d=\"M{LEFT} {up:.1}H{}\" stroke=\"#e4e4e4\"/>",
                WIDTH - RIGHT
            ),
        );
        push(
            svg,
            format_args!(
                "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                LEFT - 7.0,
                up + 4.0,
                tick_text(tick)
            ),
        );
    }
    let (mut line, mut gaps) = (String::new(), String::new());
    let mut goes_on = false;
    let width = (WIDTH - LEFT - RIGHT) / x.days;
    for (row, value) in column.iter().enumerate() {
        let across = x.place(table.day(row));
        match value {
            Some(value) if is_rain => {
                if *value > 0.0 {
                    let (up, base) = (y.place(f64::from(*value)), y.place(0.0));
                    write!(line, "M{across:.1} {base:.1}V{up:.1}").ok();
                }
            }
            Some(value) => {
                let letter = if goes_on { 'L' } else { 'M' };
                write!(
                    line,
                    "{letter}{across:.1} {:.1}",
                    y.place(f64::from(*value))
                )
                .ok();
                goes_on = true;
            }
            None => {
                write!(
                    gaps,
                    "M{across:.1} {upper:.1}h{width:.2}V{lower:.1}h-{width:.2}z"
                )
                .ok();
                goes_on = false;
            }
        }
    }
    if !gaps.is_empty() {
        push(
            svg,
            format_args!("<path d=\"{gaps}\" fill=\"#f2b8b5\" fill-opacity=\".7\"/>"),
        );
    }
    if !line.is_empty() {
        let stroke = if is_rain { width.clamp(0.6, 4.0) } else { 1.2 };
        push(
            svg,
            format_args!(
                "<path d=\"{line}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"{stroke:.1}\"/>"
            ),
        );
    }
    push(
        svg,
        format_args!(
            "<rect x=\"{LEFT}\" y=\"{upper:.1}\" width=\"{}\" height=\"{:.1}\" fill=\"none\" stroke=\"#999\"/>",
            WIDTH - LEFT - RIGHT,
            lower - upper
        ),
    );
}

fn tick_text(value: f64) -> String {
    // Adding zero turns -0 into 0; ticks are multiples of a round step.
    let rounded = format!("{value:.9}").parse::<f64>().unwrap_or(value) + 0.0;
    format!("{rounded}")
}

fn push(svg: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    writeln!(svg, "{line}").ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_picture_is_well_formed_and_shows_images_gaps_and_doubts() {
        let day: Date = "2020-11-20".parse().unwrap();
        let rain = (0..90)
            .map(|row| (row != 40).then_some((row % 7) as f32))
            .collect();
        let warm = (0..90).map(|row| Some(row as f32 / 9.0)).collect();
        let mut table = WeatherTable::new(
            "own <table>",
            day,
            [(WeatherVariable::Prcp, rain), (WeatherVariable::Tmax, warm)],
        )
        .unwrap();
        let images = ["2020-12-01".parse().unwrap(), "2021-03-15".parse().unwrap()];
        let svg = weather_svg(&table, &images);
        let mut reader = quick_xml::Reader::from_str(&svg);
        while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
        assert!(svg.contains("own &lt;table&gt;") && svg.contains("2 images"));
        assert!(svg.contains("2021-01") && svg.contains("Precipitation (mm/day)"));
        assert!(svg.contains("#f2b8b5") && !svg.contains("NaN"));
        table.doubts.push(crate::UnitDoubt {
            key: "tmax".into(),
            variable: WeatherVariable::Tmax,
            column: "tmax".into(),
            assumed: crate::WeatherUnit::Celsius,
            likely: None,
            why: String::new(),
        });
        assert!(weather_svg(&table, &[]).contains("to be confirmed (read as degC)"));
        // A century, and a single day without values.
        let long = WeatherTable::new(
            "long",
            day,
            [(WeatherVariable::Tmax, vec![Some(1.0); 36_525])],
        );
        assert!(weather_svg(&long.unwrap(), &[]).contains(">2120<"));
        let empty = WeatherTable::new("empty", day, [(WeatherVariable::Tmax, vec![None])]);
        assert!(!weather_svg(&empty.unwrap(), &[]).contains("NaN"));
    }
}
