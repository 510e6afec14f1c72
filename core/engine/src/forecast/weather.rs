//! The weather a forecast is driven by: what was measured, then what is to come, in one or many members, and the same changed
//! for a what-if. Says where it is from. Knows weather tables; knows no images.

use jiff::Span;
use jiff::civil::Date;
use terroir_scene::{DEFAULT_WEATHER_MEMBERS, FutureWeather, WeatherTable, future_members};

use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::weather_series::{KgvsfAbout, SiteWeather};

use super::spec::ModelForecast;

/// Weather of a place up to the last day that is forecast.
pub(super) struct DrivenWeather {
    /// Where the weather of the days to come is from.
    pub source: String,
    /// One or more courses of the weather to come.
    pub members: Vec<SiteWeather>,
    /// The same, changed.
    pub what_if: Option<Vec<SiteWeather>>,
}

impl DrivenWeather {
    /// # Errors
    /// Weather that does not reach the days, a unit nobody confirmed, a gap; each named.
    pub fn of(
        spec: &ModelForecast,
        about: &KgvsfAbout,
        last_image: Date,
        last_day: Date,
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        let table = spec.weather.open_blocking()?;
        let path = spec.weather.path.display();
        if !(table.first..=table.last()).contains(&last_image) {
            return Err(Failure::new(format!(
                "the weather reaches from {} to {} and the last image used is of {last_image}; give a table with that day\n{path}",
                table.first,
                table.last()
            ))
            .into());
        }
        let (members, source) = members_of(spec, &table, last_image, last_day, monitor)?;
        let after = last_image.saturating_add(Span::new().days(1));
        let standardised = |tables: &[WeatherTable]| -> Result<Vec<SiteWeather>, Failure> {
            tables
                .iter()
                .map(|table| SiteWeather::of(table, &about.drivers, Some(last_day)))
                .collect()
        };
        let what_if = match &spec.what_if {
            Some(change) => {
                let is_possible =
                    change.warmer_c.abs() <= 30.0 && (0.0..=20.0).contains(&change.rain_factor);
                if !is_possible {
                    return Err(Failure::new(format!(
                        "weather {} cannot be; choose up to 30 degC, and 0 to 20 times the rain",
                        change.text()
                    ))
                    .into());
                }
                let changed: Vec<WeatherTable> = members
                    .iter()
                    .map(|member| member.changed_from(after, change.warmer_c, change.rain_factor))
                    .collect();
                Some(standardised(&changed)?)
            }
            None => None,
        };
        Ok(Self {
            source,
            members: standardised(&members)?,
            what_if,
        })
    }
}

fn members_of(
    spec: &ModelForecast,
    table: &WeatherTable,
    last_image: Date,
    last_day: Date,
    monitor: &Monitor<'_>,
) -> JobResult<(Vec<WeatherTable>, String)> {
    let known_then = || {
        table.until(last_image).ok_or_else(|| {
            Failure::new(format!(
                "the weather begins on {}, after the last image",
                table.first
            ))
        })
    };
    Ok(match &spec.future {
        None if table.last() >= last_day => (
            vec![table.clone()],
            format!("{}, known for the days forecast", table.source),
        ),
        None => {
            let future = FutureWeather::Climatology {
                members: DEFAULT_WEATHER_MEMBERS,
                seed: 0,
            };
            let members = future_members(table, &future, last_day)?;
            let source = format!(
                "climatology of {} in place of future weather (the table ends on {}), {} members",
                table.source,
                table.last(),
                members.len()
            );
            monitor.warn(format!("no future weather was named: {source}"));
            (members, source)
        }
        Some(future @ FutureWeather::Table(_)) => {
            let members = future_members(table, future, last_day)?;
            let source = members
                .first()
                .map_or_else(String::new, |member| member.source.clone());
            (members, source)
        }
        Some(future @ FutureWeather::Climatology { .. }) => {
            let past = known_then()?;
            let members = future_members(&past, future, last_day)?;
            let source = format!("climatology of {}, {} members", past.source, members.len());
            (members, source)
        }
        Some(
            future @ FutureWeather::Scenario {
                warmer_c,
                rain_factor,
            },
        ) => {
            let past = known_then()?;
            let members = future_members(&past, future, last_day)?;
            let source = format!(
                "scenario: climatology of {}, {warmer_c:+} degC, rain x {rain_factor}, {} members",
                past.source,
                members.len()
            );
            (members, source)
        }
    })
}
