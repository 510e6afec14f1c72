//! Forecasts in the window: what is asked of a series, the job, and what becomes of its images. Knows forms, layers and jobs.
//! Draws nothing and reads no file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;
use terroir_engine::{
    FillSpec, ForecastMethod, ForecastSpec, JobSpec, ModelForecast, Outcome, TargetDays,
    USUAL_HORIZON_DAYS, USUAL_STEP_DAYS, WhatIf,
};
use terroir_scene::{
    ArchiveSpec, Baseline, DEFAULT_WEATHER_MEMBERS, FutureWeather, Layer, LayerId, Series,
};

use crate::archive_facts::{ArchiveFacts, ArchiveQuestion, SensorFacts};
use crate::arrangement::Panel;
use crate::belief::style_like;
use crate::compare::{Compare, Divider};
use crate::files::{FileTask, OpenRole};
use crate::jobs::JobState;
use crate::language::t;
use crate::series_field::Facts;
use crate::state::State;

/// What is to be made of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForecastTask {
    /// Images of days to come.
    #[default]
    Ahead,
    /// The images there are, without gaps.
    Gaps,
}

/// Which days are forecast.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForecastWhen {
    /// Every so many days up to a horizon.
    #[default]
    Steps,
    /// Days of the images that came later, to see how good it is.
    Images,
    /// As typed.
    Dates,
}

impl ForecastWhen {
    pub const ALL: [Self; 3] = [Self::Steps, Self::Images, Self::Dates];

    pub fn name(self) -> &'static str {
        match self {
            Self::Steps => t!("forecast-when-steps"),
            Self::Images => t!("forecast-when-images"),
            Self::Dates => t!("forecast-when-dates"),
        }
    }
}

/// Where the weather of the days to come is from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WeatherToCome {
    /// What the weather file knows of them, else its climatology.
    #[default]
    Known,
    File,
    Usual,
}

impl WeatherToCome {
    pub const ALL: [Self; 3] = [Self::Known, Self::File, Self::Usual];

    pub fn name(self) -> &'static str {
        match self {
            Self::Known => t!("forecast-weather-known"),
            Self::File => t!("forecast-weather-file"),
            Self::Usual => t!("forecast-weather-usual"),
        }
    }
}

/// Side of the part in view whose weather is changed by sliders, pixels.
const WHAT_IF_SIDE_PX: usize = 256;
/// The network whose installed weights are used.
const NETWORK: &str = "kgvsf-tiny";

/// Whose forecasts are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AheadBy {
    Rule(Baseline),
    /// The network that weather drives.
    Network,
}

impl AheadBy {
    pub const ALL: [Self; 4] = [
        Self::Network,
        Self::Rule(Baseline::Climatology),
        Self::Rule(Baseline::LastYear),
        Self::Rule(Baseline::Persistence),
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule_title(rule),
            Self::Network => t!("forecast-network"),
        }
    }

    pub fn sentence(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule_sentence(rule),
            Self::Network => t!("forecast-network-tip"),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.word(),
            Self::Network => "kgvsf",
        }
    }
}

/// What the network is given.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkForm {
    /// Empty = those installed.
    pub weights: String,
    pub to_come: WeatherToCome,
    /// File of the weather to come.
    pub future: String,
    pub members: usize,
    pub warmer_c: f64,
    pub rain_percent: f64,
}

impl Default for NetworkForm {
    fn default() -> Self {
        Self {
            weights: String::new(),
            to_come: WeatherToCome::default(),
            future: String::new(),
            members: DEFAULT_WEATHER_MEMBERS,
            warmer_c: 0.0,
            rain_percent: 100.0,
        }
    }
}

/// Images that became layers and are to look like their series.
struct ToShow {
    spec: ForecastSpec,
    made: Vec<PathBuf>,
    /// Under changed weather.
    changed: Vec<PathBuf>,
}

/// What the form holds; not saved.
pub struct ForecastForm {
    /// The Time panel shows it instead of the values of places.
    pub is_shown: bool,
    pub task: ForecastTask,
    /// Empty = the first there is.
    pub sensor: String,
    pub ahead: AheadBy,
    pub network: NetworkForm,
    pub gaps: Baseline,
    pub when: ForecastWhen,
    /// The last day whose images are used, as typed; empty = all.
    pub until: String,
    pub step_days: u16,
    pub horizon_days: u16,
    /// As typed, with commas.
    pub dates: String,
    pub only_view: bool,
    /// Folder; empty = beside the images.
    pub out: String,
    facts: Option<(ArchiveQuestion, Result<Arc<ArchiveFacts>, String>)>,
    asked: Option<ArchiveQuestion>,
    /// Images that are to look like their series once they are a layer.
    to_show: Option<ToShow>,
}

impl Default for ForecastForm {
    fn default() -> Self {
        Self {
            is_shown: false,
            task: ForecastTask::default(),
            sensor: String::new(),
            ahead: AheadBy::Rule(Baseline::Persistence),
            network: NetworkForm::default(),
            gaps: Baseline::Interpolation,
            when: ForecastWhen::default(),
            until: String::new(),
            step_days: USUAL_STEP_DAYS,
            horizon_days: USUAL_HORIZON_DAYS,
            dates: String::new(),
            only_view: false,
            out: String::new(),
            facts: None,
            asked: None,
            to_show: None,
        }
    }
}

/// A rule's name in the window's language.
pub fn rule_title(rule: Baseline) -> &'static str {
    match rule {
        Baseline::Persistence => t!("forecast-persistence"),
        Baseline::LastYear => t!("forecast-last-year"),
        Baseline::Climatology => t!("forecast-climatology"),
        Baseline::Interpolation => t!("forecast-interpolation"),
    }
}

/// What a rule does, without a stop.
pub fn rule_sentence(rule: Baseline) -> &'static str {
    match rule {
        Baseline::Persistence => t!("forecast-persistence.tip"),
        Baseline::LastYear => t!("forecast-last-year.tip"),
        Baseline::Climatology => t!("forecast-climatology.tip"),
        Baseline::Interpolation => t!("forecast-interpolation.tip"),
    }
}

/// A method's name in the window's language.
pub fn method_title(method: &ForecastMethod) -> String {
    match method.rule() {
        Some(rule) => rule_title(rule).to_owned(),
        None => method.title(),
    }
}

/// Dates that were typed, separated by commas or blanks.
///
/// # Errors
/// Which text is no date.
pub fn dates_of_text(text: &str) -> Result<Vec<Date>, String> {
    text.split([',', ';', ' ', '\n'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.parse()
                .map_err(|_| t!("forecast-no-date", text = part))
        })
        .collect()
}

impl State {
    /// The series that is forecast: the one chosen in the list, or the first.
    pub fn forecast_series(&self) -> Option<Arc<Layer>> {
        let all = self.image_series();
        let active = self.active_layer().map(|layer| layer.id);
        let chosen = all.iter().find(|layer| Some(layer.id) == active);
        chosen.or(all.first()).cloned()
    }

    /// What is known of its images; asks for it where it is not known yet.
    pub fn forecast_facts(&mut self) -> Facts {
        let Some(layer) = self.forecast_series() else {
            return Facts::Nothing;
        };
        let mut files: Vec<PathBuf> = Vec::new();
        let frames = layer.series().map(Series::frames).unwrap_or_default();
        for part in frames.iter().flat_map(|frame| &frame.parts) {
            if files.last() != Some(&part.path) && !files.contains(&part.path) {
                files.push(part.path.clone());
            }
        }
        let question = ArchiveQuestion {
            files,
            weights: None,
        };
        if question.files.is_empty() {
            return Facts::Nothing;
        }
        if let Some((known, facts)) = &self.forecast.facts
            && *known == question
        {
            return match facts {
                Ok(facts) => Facts::Known(facts.clone()),
                Err(why) => Facts::Wrong(why.clone()),
            };
        }
        if self.forecast.asked.as_ref() != Some(&question) {
            self.forecast.asked = Some(question.clone());
            self.send(FileTask::LookIntoArchive { question });
        }
        Facts::Looking
    }

    /// Keeps the answer if it was asked for here.
    pub fn take_forecast_facts(
        &mut self,
        question: &ArchiveQuestion,
        facts: &Result<Arc<ArchiveFacts>, String>,
    ) {
        if self.forecast.asked.as_ref() == Some(question) {
            self.forecast.facts = Some((question.clone(), facts.clone()));
        }
    }

    /// The sensor that is forecast.
    pub fn forecast_sensor<'a>(&self, facts: &'a ArchiveFacts) -> Option<&'a SensorFacts> {
        let mut dated = facts.sensors.iter().filter(|sensor| sensor.is_input);
        let first = dated.clone().next();
        dated
            .find(|sensor| sensor.name == self.forecast.sensor)
            .or(first)
    }

    /// The last day whose images are used, where one was typed.
    ///
    /// # Errors
    /// What was typed is no date.
    pub fn forecast_until(&self) -> Result<Option<Date>, String> {
        let dates = dates_of_text(&self.forecast.until)?;
        match dates.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(*only)),
            _ => Err(t!("forecast-one-day").to_owned()),
        }
    }

    /// Where the results go if nothing else is said: a folder beside the images.
    pub fn forecast_out_path(&self, facts: &ArchiveFacts, suffix: &str) -> Option<PathBuf> {
        let beside = self.series_out_path(facts, suffix)?;
        Some(beside.with_extension(""))
    }

    /// The weights of the network; `None` = none are named or installed.
    pub fn forecast_weights(&self) -> Option<PathBuf> {
        match self.forecast.network.weights.trim() {
            "" => self.models.weights_of(NETWORK),
            named => Some(PathBuf::from(named)),
        }
    }

    /// What the network is given.
    fn network_forecast(&self) -> Result<ModelForecast, String> {
        let form = &self.forecast.network;
        let weights = self
            .forecast_weights()
            .ok_or(t!("forecast-needs-weights"))?;
        let weather = self
            .history
            .document()
            .weather
            .clone()
            .ok_or(t!("forecast-needs-weather"))?;
        let future = match form.to_come {
            WeatherToCome::Known => None,
            WeatherToCome::File if form.future.trim().is_empty() => {
                return Err(t!("forecast-needs-future").to_owned());
            }
            WeatherToCome::File => Some(FutureWeather::Table(form.future.trim().into())),
            WeatherToCome::Usual => Some(FutureWeather::Climatology {
                members: form.members,
                seed: 0,
            }),
        };
        Ok(ModelForecast {
            weights,
            device: self.run.device.clone(),
            weather,
            future,
            what_if: None,
        })
    }

    /// The weather the sliders ask for; `None` where they change nothing.
    pub fn changed_weather(&self) -> Option<WhatIf> {
        let form = &self.forecast.network;
        let what_if = WhatIf {
            warmer_c: form.warmer_c,
            rain_factor: form.rain_percent / 100.0,
        };
        (what_if.warmer_c != 0.0 || what_if.rain_factor != 1.0).then_some(what_if)
    }

    /// The job that shows the part in view under changed weather, beside the unchanged.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn what_if_spec(&self, facts: &ArchiveFacts) -> Result<ForecastSpec, String> {
        let change = self.changed_weather().ok_or(t!("forecast-move-slider"))?;
        let mut spec = self.forecast_spec(facts)?;
        let ForecastMethod::Model(model) = &mut spec.method else {
            return Err(t!("forecast-network-only").to_owned());
        };
        model.what_if = Some(change);
        let window = self
            .view_window(&facts.grid, Some(WHAT_IF_SIDE_PX))
            .ok_or(t!("forecast-view-outside"))?;
        spec.window = Some(window).filter(|window| *window != facts.grid.window());
        spec.out = self
            .forecast_out_path(facts, "what_if")
            .ok_or(t!("forecast-needs-folder"))?;
        Ok(spec)
    }

    /// The job of the form.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn forecast_spec(&self, facts: &ArchiveFacts) -> Result<ForecastSpec, String> {
        let form = &self.forecast;
        let sensor = self
            .forecast_sensor(facts)
            .ok_or(t!("forecast-no-dated-image"))?;
        let several = facts.sensors.iter().filter(|known| known.is_input).count() > 1;
        let window = match form.only_view {
            false => None,
            true => Some(
                self.view_window(&facts.grid, None)
                    .ok_or(t!("forecast-view-outside"))?,
            ),
        };
        let suffix = match form.task {
            ForecastTask::Gaps => "filled".to_owned(),
            ForecastTask::Ahead => format!("forecast_{}", form.ahead.word()),
        };
        let out = match form.out.trim() {
            "" => self
                .forecast_out_path(facts, &suffix)
                .ok_or(t!("forecast-needs-folder"))?,
            text => PathBuf::from(text),
        };
        let spec = ForecastSpec {
            archive: ArchiveSpec {
                files: facts.files.clone(),
                reference: None,
            },
            sensor: several.then(|| sensor.name.clone()),
            method: ForecastMethod::Baseline(form.gaps),
            until: None,
            days: TargetDays::default(),
            fill: None,
            land_cover: None,
            window: window.filter(|window| *window != facts.grid.window()),
            out,
        };
        match form.task {
            ForecastTask::Gaps => Ok(ForecastSpec {
                fill: Some(FillSpec {
                    dates: dates_of_text(&form.dates)?,
                    replaces_seen: false,
                }),
                ..spec
            }),
            ForecastTask::Ahead => {
                let until = self.forecast_until()?;
                Ok(ForecastSpec {
                    method: match form.ahead {
                        AheadBy::Rule(rule) => ForecastMethod::Baseline(rule),
                        AheadBy::Network => {
                            ForecastMethod::Model(Box::new(self.network_forecast()?))
                        }
                    },
                    days: self.days_ahead(sensor, until)?,
                    until,
                    ..spec
                })
            }
        }
    }

    /// The days that are forecast.
    fn days_ahead(&self, sensor: &SensorFacts, until: Option<Date>) -> Result<TargetDays, String> {
        let form = &self.forecast;
        if let Some(until) = until
            && !sensor.images.iter().any(|image| image.date <= until)
        {
            return Err(t!("forecast-no-image-until", date = until.to_string()));
        }
        let horizon = form.horizon_days;
        match form.when {
            ForecastWhen::Steps => Ok(TargetDays::Every {
                days: form.step_days,
                horizon,
            }),
            ForecastWhen::Images => {
                let last = until.ok_or(t!("forecast-needs-until"))?;
                match sensor.images.iter().any(|image| image.date > last) {
                    true => Ok(TargetDays::Images { horizon }),
                    false => Err(t!("forecast-no-image-after", date = last.to_string())),
                }
            }
            ForecastWhen::Dates => match dates_of_text(&form.dates)? {
                dates if dates.is_empty() => Err(t!("forecast-needs-dates").to_owned()),
                dates => Ok(TargetDays::Dates(dates)),
            },
        }
    }

    /// The newest finished forecast of these images, and what came of it.
    pub fn last_forecast(&self, facts: &ArchiveFacts) -> Option<(ForecastSpec, Outcome)> {
        self.jobs
            .list
            .iter()
            .rev()
            .find_map(|job| match (&job.spec, &job.state) {
                (JobSpec::Forecast(spec), JobState::Finished(outcome))
                    if spec.archive.files == facts.files =>
                {
                    Some((spec.clone(), outcome.clone()))
                }
                _ => None,
            })
    }

    // -- results

    /// One image opens as a raster, several as one series whose timeline goes through the days; those under changed weather as
    /// another one.
    pub fn take_forecast(&mut self, spec: &ForecastSpec, files: Vec<PathBuf>) {
        let of = |stem: &str| -> Vec<PathBuf> {
            let is_one = |file: &&PathBuf| {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with(stem) && name.ends_with(".tif")
            };
            files.iter().filter(is_one).cloned().collect()
        };
        let made = match spec.fill {
            Some(_) => of("filled_"),
            None => of("forecast_"),
        };
        let changed = of("whatif_");
        self.open_images(&forecast_name(spec), &made);
        if let (ForecastMethod::Model(model), false) = (&spec.method, changed.is_empty()) {
            let what_if = model.what_if.map(|what_if| what_if.text());
            let name = t!(
                "forecast-what-if-name",
                change = what_if.unwrap_or_default()
            );
            self.open_images(&name, &changed);
        }
        self.forecast.to_show = Some(ToShow {
            spec: spec.clone(),
            made,
            changed,
        });
    }

    fn open_images(&mut self, name: &str, images: &[PathBuf]) {
        match images {
            [] => {}
            [only] => self.open_raster(only.clone(), OpenRole::Result),
            _ => {
                self.opening += 1;
                self.send(FileTask::OpenImages {
                    name: name.to_owned(),
                    paths: images.to_vec(),
                });
            }
        }
    }

    /// Gives forecasts that have become a layer the colours of the images they were made from, and lays those under changed
    /// weather beside them.
    pub fn show_new_forecast(&mut self) {
        if self.opening > 0 {
            return;
        }
        let Some(shown) = self.forecast.to_show.take() else {
            return;
        };
        let source = self.image_series().into_iter().find(|layer| {
            let frames = layer.series().map(Series::frames).unwrap_or_default();
            frames.iter().flat_map(|frame| &frame.parts).any(|part| {
                let files = &shown.spec.archive.files;
                files.iter().any(|file| part.path.starts_with(file))
            })
        });
        let colour = |state: &mut Self, images: &[PathBuf]| -> Option<LayerId> {
            let made = images
                .first()
                .and_then(|image| state.layer_showing(image))?;
            let style = source.as_deref().and_then(|real| style_like(real, &made));
            if let Some(style) = style.filter(|style| made.style.as_ref() != Some(style)) {
                state.change_layer(made.id, t!("forecast-colours-step"), |layer| {
                    layer.style = Some(style);
                });
            }
            Some(made.id)
        };
        let made = colour(self, &shown.made);
        let changed = colour(self, &shown.changed);
        if let (Some(made), Some(changed)) = (made, changed) {
            self.session.compare = Some(Compare {
                first: made,
                second: Some(changed),
                divider: Divider::Vertical,
                share: 0.5,
            });
        }
    }

    /// A layer that shows this file, alone or as one of its days.
    fn layer_showing(&self, path: &Path) -> Option<Arc<Layer>> {
        if let Some(layer) = self.layer_of_file(path) {
            return Some(layer);
        }
        let shows = |layer: &&Arc<Layer>| {
            let frames = layer.series().map(Series::frames).unwrap_or_default();
            frames.iter().any(|frame| frame.path() == path)
        };
        self.history.document().layers.iter().find(shows).cloned()
    }

    /// Shows the part of the panel that forecasts.
    pub fn ask_for_forecast(&mut self) {
        self.arrangement.show(Panel::Time);
        self.session.weather.is_shown = false;
        self.forecast.is_shown = true;
    }
}

/// What the layer of a forecast is called.
fn forecast_name(spec: &ForecastSpec) -> String {
    match spec.fill {
        Some(_) => t!("forecast-filled-name", method = spec.method.word()),
        None => t!("forecast-name", method = spec.method.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_dates_are_read_one_by_one() {
        let found = dates_of_text("2021-07-01, 2021-07-11;2021-08-01").expect("dates");
        assert_eq!(found.len(), 3);
        assert_eq!(dates_of_text(" "), Ok(Vec::new()));
        assert!(
            dates_of_text("2021-07-01, soon")
                .unwrap_err()
                .contains("`soon`")
        );
    }
}
