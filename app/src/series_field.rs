//! A field made of dated images: what is asked before (which series, which days, which model), the jobs, and what becomes of
//! their results. Knows forms, layers and jobs. Draws nothing and reads no file.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use terroir_engine::{EmbedSeriesSpec, JobSpec, ModelInfo, SERIES_MODELS};
use terroir_scene::{
    ArchiveSpec, Belief, Grid, Layer, LayerId, LayerSource, Period, Series, Style, Window,
};

use crate::archive_facts::{ArchiveFacts, ArchiveQuestion, ImageFacts};
use crate::files::{FileTask, OpenRole};
use crate::jobs::beside;
use crate::language::t;
use crate::news::job_name;
use crate::state::State;

/// Side of the part whose periods are made to slide through, pixels.
pub const SLIDER_SIDE_PX: usize = 256;

/// Which days the fields sum up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    #[default]
    Year,
    Season,
    Month,
    Own,
    Monthly,
    Yearly,
}

impl When {
    pub const ALL: [Self; 6] = [
        Self::Year,
        Self::Season,
        Self::Month,
        Self::Own,
        Self::Monthly,
        Self::Yearly,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Year => t!("series-field-when-year"),
            Self::Season => t!("series-field-when-season"),
            Self::Month => t!("series-field-when-month"),
            Self::Own => t!("series-field-when-own"),
            Self::Monthly => t!("series-field-when-monthly"),
            Self::Yearly => t!("series-field-when-yearly"),
        }
    }

    /// Periods to choose one of, among the images and as far again beyond their last; empty where none is chosen from a list.
    pub fn choices(self, span: &Period) -> Vec<Period> {
        let beyond = |months: i64| {
            let to = span.to.saturating_add(jiff::Span::new().months(months));
            Period { to, ..*span }
        };
        match self {
            Self::Year => beyond(12).years(),
            Self::Month => beyond(3).months(),
            Self::Season => {
                // Whole seasons of the weather: December, March, June, September.
                let begin = span
                    .from
                    .first_of_month()
                    .saturating_sub(jiff::Span::new().months(i64::from(span.from.month() % 3)));
                Period {
                    from: begin,
                    ..beyond(5)
                }
                .sliding(3, 3)
            }
            Self::Own | Self::Monthly | Self::Yearly => Vec::new(),
        }
    }
}

/// Periods that were typed: separated by commas, each as `2018`, `2018-05` or `2018-03-01..2018-09-01`.
///
/// # Errors
/// Which text is no period.
pub fn periods_of_text(text: &str) -> Result<Vec<Period>, String> {
    let mut periods: Vec<Period> = Vec::new();
    for part in text.split([',', ';', '\n']).map(str::trim) {
        if part.is_empty() {
            continue;
        }
        let period = part
            .parse()
            .map_err(|error: terroir_scene::SceneError| sentence(&error.to_string()))?;
        if !periods.contains(&period) {
            periods.push(period);
        }
    }
    Ok(periods)
}

/// With a capital letter and a full stop.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase());
    let rest = letters.as_str();
    let end = if rest.ends_with('.') { "" } else { "." };
    format!(
        "{}{rest}{end}",
        first.map(String::from_iter).unwrap_or_default()
    )
}

/// What the form holds; not saved.
pub struct SeriesFieldForm {
    /// The Run panel is about series and not about one image.
    pub is_chosen: bool,
    /// Series that are open and not to be used.
    pub left_out: HashSet<LayerId>,
    /// Folders of images that are no layers.
    pub folders: Vec<PathBuf>,
    /// Days whose images are looked at, as typed; empty = all.
    pub support: String,
    pub when: When,
    /// The year, season or month; `None` = the one with most images.
    pub chosen: Option<Period>,
    /// Periods as typed.
    pub own: String,
    pub model: String,
    /// A weights file; empty = those installed.
    pub weights: String,
    pub is_untrained: bool,
    /// Only the part of the images that is in view.
    pub only_view: bool,
    /// Empty = beside the images.
    pub out: String,
    /// Of the periods to slide through.
    pub slides_by_year: bool,
    pub slide_months: u32,
    pub belief: crate::belief::BeliefForm,
    pub season: crate::season::SeasonForm,
    facts: Option<(ArchiveQuestion, Result<Arc<ArchiveFacts>, String>)>,
    asked: Option<ArchiveQuestion>,
}

impl Default for SeriesFieldForm {
    fn default() -> Self {
        Self {
            is_chosen: false,
            left_out: HashSet::new(),
            folders: Vec::new(),
            support: String::new(),
            when: When::Year,
            chosen: None,
            own: String::new(),
            model: SERIES_MODELS
                .first()
                .copied()
                .unwrap_or_default()
                .to_owned(),
            weights: String::new(),
            is_untrained: false,
            only_view: false,
            out: String::new(),
            slides_by_year: false,
            slide_months: 1,
            belief: crate::belief::BeliefForm::default(),
            season: crate::season::SeasonForm::default(),
            facts: None,
            asked: None,
        }
    }
}

impl SeriesFieldForm {
    /// Forgets what belongs to the layers of the document before; the model stays.
    pub fn begin_document(&mut self) {
        *self = Self {
            model: std::mem::take(&mut self.model),
            weights: std::mem::take(&mut self.weights),
            is_untrained: self.is_untrained,
            ..Self::default()
        };
    }
}

/// How far the look at the images is.
pub enum Facts {
    /// Nothing is chosen.
    Nothing,
    Looking,
    Known(Arc<ArchiveFacts>),
    Wrong(String),
}

impl State {
    // -- what

    /// Series of images of the document, top first: not those of fields, nor of what was forecast.
    pub fn image_series(&self) -> Vec<Arc<Layer>> {
        let is_of_images = |layer: &&Arc<Layer>| {
            let frames = layer.series().map(Series::frames).unwrap_or_default();
            let infos = frames.iter().filter_map(|frame| frame.info.as_ref());
            infos.clone().next().is_some()
                && infos
                    .into_iter()
                    .all(|info| !info.is_field() && Belief::of(info).is_none())
        };
        let layers = self.history.document().layers.iter();
        layers.filter(is_of_images).cloned().collect()
    }

    /// The files of the series that are used, and the folders.
    fn archive_files(&self) -> Vec<PathBuf> {
        let form = &self.series_field;
        let mut used = self.image_series();
        used.retain(|layer| !form.left_out.contains(&layer.id));
        let mut files = Self::files_of_series(&used);
        files.extend(form.folders.iter().cloned());
        files
    }

    /// What is known of the chosen images; asks for it where it is not known yet.
    pub fn archive_facts(&mut self) -> Facts {
        let question = ArchiveQuestion {
            files: self.archive_files(),
            weights: self.series_weights(),
        };
        if question.files.is_empty() {
            return Facts::Nothing;
        }
        let form = &self.series_field;
        if let Some((known, facts)) = &form.facts
            && *known == question
        {
            return match facts {
                Ok(facts) => Facts::Known(facts.clone()),
                Err(why) => Facts::Wrong(why.clone()),
            };
        }
        if form.asked.as_ref() != Some(&question) {
            self.series_field.asked = Some(question.clone());
            self.send(FileTask::LookIntoArchive { question });
        }
        Facts::Looking
    }

    pub fn take_archive_facts(
        &mut self,
        question: ArchiveQuestion,
        facts: Result<ArchiveFacts, String>,
    ) {
        let facts = facts.map(Arc::new);
        self.take_forecast_facts(&question, &facts);
        if self.series_field.asked.as_ref() == Some(&question) {
            self.series_field.facts = Some((question, facts));
        }
    }

    /// Dates that were typed in the timeline: a job reads them from the files and does not know them.
    pub fn typed_dates(&self) -> usize {
        self.image_series()
            .iter()
            .filter(|layer| !self.series_field.left_out.contains(&layer.id))
            .filter_map(|layer| layer.series())
            .flat_map(Series::frames)
            .filter(|frame| frame.is_date_edited)
            .count()
    }

    // -- when

    /// The days whose images are looked at; `None` = all.
    ///
    /// # Errors
    /// What was typed is no period.
    pub fn support_period(&self) -> Result<Option<Period>, String> {
        let periods = periods_of_text(&self.series_field.support)?;
        match periods.as_slice() {
            [] => Ok(None),
            [only] => Ok(Some(*only)),
            _ => Err(t!("series-field-one-support").to_owned()),
        }
    }

    /// The periods of the form.
    ///
    /// # Errors
    /// Why there is none.
    pub fn chosen_periods(&self, facts: &ArchiveFacts) -> Result<Vec<Period>, String> {
        let form = &self.series_field;
        let support = self.support_period()?;
        let span = support
            .or_else(|| facts.span())
            .ok_or(t!("series-field-no-date"))?;
        match form.when {
            When::Monthly => Ok(span.sliding(1, 1)),
            When::Yearly => Ok(span.years()),
            When::Own => {
                let periods = periods_of_text(&form.own)?;
                match periods.is_empty() {
                    true => Err(t!("series-field-type-days").to_owned()),
                    false => Ok(periods),
                }
            }
            When::Year | When::Season | When::Month => {
                let choices = form.when.choices(&span);
                let chosen = form.chosen.filter(|chosen| choices.contains(chosen));
                let fullest = || {
                    let count = |period: &&Period| match facts.standing(period, support.as_ref()) {
                        crate::archive_facts::Standing::Seen(count) => count,
                        _ => 0,
                    };
                    // The last of several that are as full.
                    choices.iter().max_by_key(count).copied()
                };
                let period = chosen.or_else(fullest).ok_or(t!("series-field-no-date"))?;
                Ok(vec![period])
            }
        }
    }

    // -- which model

    /// Models of time as far as they are known.
    pub fn series_model(&self, name: &str) -> Option<ModelInfo> {
        self.models
            .all()
            .into_iter()
            .find(|model| model.name == name)
    }

    /// The weights of the next run; `None` = untrained.
    pub fn series_weights(&self) -> Option<PathBuf> {
        let form = &self.series_field;
        let named = form.weights.trim();
        if !named.is_empty() {
            return Some(PathBuf::from(named));
        }
        if form.is_untrained {
            return None;
        }
        self.models.weights_of(&form.model)
    }

    // -- where

    /// The part of a grid that is in view, at most `most_px` wide and high around the middle of the view.
    pub fn view_window(&self, grid: &Grid, most_px: Option<usize>) -> Option<Window> {
        const STEPS: usize = 8;
        let rect = self.session.view_extent?;
        let share = |step: usize| step as f64 / STEPS as f64;
        let places = (0..=STEPS).flat_map(|i| (0..=STEPS).map(move |j| (i, j)));
        let pixels: Vec<(f64, f64)> = places
            .filter_map(|(i, j)| {
                let x = rect.min_x + share(i) * rect.width();
                let y = rect.min_y + share(j) * rect.height();
                self.pixel_from_map(grid, (x, y))
            })
            .collect();
        let along = |pixel: &dyn Fn(&(f64, f64)) -> f64, length: usize| {
            let (low, high) = pixels
                .iter()
                .map(pixel)
                .fold((f64::MAX, f64::MIN), |(low, high), at| {
                    (low.min(at), high.max(at))
                });
            part_in_view(low, high, length, most_px)
        };
        let (col, width) = along(&|pixel| pixel.0, grid.width)?;
        let (row, height) = along(&|pixel| pixel.1, grid.height)?;
        Some(Window {
            col,
            row,
            width,
            height,
        })
    }

    /// Where the fields go if nothing else is said: beside the images, called after their folder.
    pub fn series_out_path(&self, facts: &ArchiveFacts, suffix: &str) -> Option<PathBuf> {
        let mut folder = facts.files.first()?.parent()?.to_owned();
        for file in &facts.files {
            while !file.starts_with(&folder) && folder.pop() {}
        }
        let name = match facts.files.as_slice() {
            [only] => only.file_stem(),
            _ => folder.file_name(),
        };
        let stem = name.map_or_else(|| "series".into(), |name| name.to_string_lossy());
        Some(beside(&folder.join(format!("{stem}.tif")), suffix, "tif"))
    }

    /// The same for the fields of the form: a single period is part of the name, several are added by the job.
    pub fn field_of_series_path(
        &self,
        facts: &ArchiveFacts,
        periods: &[Period],
    ) -> Option<PathBuf> {
        let part = if self.series_field.only_view {
            "part"
        } else {
            "field"
        };
        let suffix = match periods {
            [only] => format!("{part}_{}", only.file_name()),
            _ => part.to_owned(),
        };
        self.series_out_path(facts, &suffix)
    }

    // -- jobs

    /// The job of the form.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn series_field_spec(&self, facts: &ArchiveFacts) -> Result<JobSpec, String> {
        let form = &self.series_field;
        let window = match form.only_view {
            false => None,
            true => Some(
                self.view_window(&facts.grid, None)
                    .ok_or(t!("series-field-not-in-view"))?,
            ),
        };
        let periods = self.chosen_periods(facts)?;
        let out = match form.out.trim() {
            "" => self
                .field_of_series_path(facts, &periods)
                .ok_or(t!("series-field-name-file"))?,
            text => PathBuf::from(text),
        };
        Ok(JobSpec::EmbedSeries(EmbedSeriesSpec {
            periods,
            window: window.filter(|window| *window != facts.grid.window()),
            out,
            ..self.series_spec(facts)?
        }))
    }

    /// The job that makes all periods of the view to slide through, from one pass of the encoder.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn slider_spec(&self, facts: &ArchiveFacts) -> Result<JobSpec, String> {
        let form = &self.series_field;
        let support = self.support_period()?;
        let span = support
            .or_else(|| facts.span())
            .ok_or(t!("series-field-no-date"))?;
        let periods = match form.slides_by_year {
            true => span.years(),
            false => span.sliding(1, form.slide_months),
        };
        if periods.len() < 2 {
            return Err(t!("series-field-one-period-only").to_owned());
        }
        let window = self
            .view_window(&facts.grid, Some(SLIDER_SIDE_PX))
            .ok_or(t!("series-field-not-in-view"))?;
        Ok(JobSpec::EmbedSeries(EmbedSeriesSpec {
            periods,
            window: Some(window).filter(|window| *window != facts.grid.window()),
            out: self
                .series_out_path(facts, "view")
                .ok_or(t!("series-field-name-file"))?,
            ..self.series_spec(facts)?
        }))
    }

    /// What all jobs of the form share.
    fn series_spec(&self, facts: &ArchiveFacts) -> Result<EmbedSeriesSpec, String> {
        let form = &self.series_field;
        Ok(EmbedSeriesSpec {
            archive: ArchiveSpec {
                files: facts.files.clone(),
                reference: None,
            },
            model: form.model.clone(),
            weights: self.series_weights(),
            support: self.support_period()?,
            periods: Vec::new(),
            device: self.run.device.clone(),
            out: PathBuf::new(),
            seed: 0,
            aoi: self.area_of_interest(),
            window: None,
        })
    }

    pub fn start_series_job(&mut self, spec: JobSpec) {
        self.autosave_now();
        self.jobs.run(job_name(&spec), spec);
    }

    // -- results

    /// One field opens as a field, several as one series whose timeline goes through the periods.
    pub fn take_series_fields(&mut self, spec: &EmbedSeriesSpec) {
        let paths = spec.field_paths();
        match paths.as_slice() {
            [only] => self.open_raster(only.clone(), OpenRole::Result),
            _ => {
                let stem = spec.out.file_stem().unwrap_or_default().to_string_lossy();
                self.opening += 1;
                self.send(FileTask::OpenFields {
                    name: t!(
                        "series-field-periods-layer",
                        name = stem,
                        count = paths.len()
                    ),
                    paths,
                });
            }
        }
    }

    /// Fields of several periods, or images a job wrote, as a layer; one that shows these files already shows what is in them now.
    pub fn take_fields(&mut self, name: String, series: Series, style: Option<Style>) {
        let files = |series: &Series| -> BTreeSet<PathBuf> {
            let frames = series.frames().iter();
            frames.map(|frame| frame.path().to_owned()).collect()
        };
        let own = files(&series);
        let document = self.history.document();
        let known = document.layers.iter().find(|layer| {
            layer
                .series()
                .is_some_and(|series| !files(series).is_disjoint(&own))
        });
        let Some(known) = known.map(|layer| layer.id) else {
            self.take_series(name, series, style);
            return;
        };
        self.change_layer(known, t!("series-field-step-read-again"), |layer| {
            let shown = layer.series().map_or(0, Series::shown);
            layer.name = name;
            layer.source = LayerSource::Series(Series::new(series.frames().to_vec(), shown));
            layer.style = style;
        });
        self.choose_layer(known);
        self.session.timeline.is_open = true;
    }

    // -- change between two periods

    /// The two dates of a series of fields a change is asked between: those chosen, else the first and the one on show.
    pub fn change_ends(&self, series: &Series) -> Option<(usize, usize)> {
        let is_of_fields =
            |frame: &terroir_scene::Frame| frame.info.as_ref().is_some_and(|info| info.is_field());
        if series.dated() < 2 || !series.frames().iter().all(is_of_fields) {
            return None;
        }
        let place = |path: &Option<PathBuf>| {
            let path = path.as_ref()?;
            series
                .frames()
                .iter()
                .position(|frame| frame.path() == path)
        };
        let form = &self.session.analyses;
        let before = place(&form.before).unwrap_or(0);
        Some((before, place(&form.after).unwrap_or(series.shown())))
    }

    /// The real image a reconstruction is laid beside: a layer and its frame.
    pub fn layer_of_image(&self, image: &ImageFacts) -> Option<(LayerId, usize)> {
        self.image_series().iter().find_map(|layer| {
            let frames = layer.series()?.frames();
            let at = frames.iter().position(|frame| {
                frame.date == Some(image.date)
                    && frame
                        .parts
                        .iter()
                        .any(|part| image.files.contains(&part.path))
            })?;
            Some((layer.id, at))
        })
    }
}

/// The whole pixels of a line of `length` pixels between two places, cut to `most` around the middle.
fn part_in_view(low: f64, high: f64, length: usize, most: Option<usize>) -> Option<(usize, usize)> {
    let end = length as f64;
    let (low, high) = (low.clamp(0.0, end).floor(), high.clamp(0.0, end).ceil());
    if high <= low {
        return None;
    }
    let (first, count) = (low as usize, (high - low) as usize);
    match most.filter(|most| count > *most) {
        Some(most) => Some((first + (count - most) / 2, most)),
        None => Some((first, count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typed_periods_are_read_one_by_one() {
        let names = |text: &str| -> Vec<String> {
            let periods = periods_of_text(text).unwrap();
            periods.iter().map(Period::name).collect()
        };
        assert_eq!(
            names("2018-03..2018-05, 2018; 2018-03-01..2018-06-01"),
            ["Mar–May 2018", "2018"]
        );
        assert!(names(" , ").is_empty());
        let wrong = periods_of_text("2018-05, spring").unwrap_err();
        assert!(wrong.starts_with("`spring` is no period"), "{wrong}");
        assert!(wrong.ends_with('.'));
    }

    #[test]
    fn presets_reach_beyond_the_images() {
        let span: Period = "2017-08-04..2018-11-28".parse().unwrap();
        let names =
            |when: When| -> Vec<String> { when.choices(&span).iter().map(Period::name).collect() };
        assert_eq!(names(When::Year), ["2017", "2018", "2019"]);
        let months = names(When::Month);
        assert_eq!(
            (
                months.first().unwrap().as_str(),
                months.last().unwrap().as_str()
            ),
            ("Aug 2017", "Feb 2019")
        );
        assert_eq!(
            names(When::Season),
            [
                "Jun–Aug 2017",
                "Sep–Nov 2017",
                "Dec 2017–Feb 2018",
                "Mar–May 2018",
                "Jun–Aug 2018",
                "Sep–Nov 2018",
                "Dec 2018–Feb 2019"
            ]
        );
        assert!(When::Own.choices(&span).is_empty());
    }

    #[test]
    fn the_part_in_view_is_whole_pixels_inside() {
        assert_eq!(part_in_view(-5.0, 20.3, 64, None), Some((0, 21)));
        assert_eq!(part_in_view(10.2, 900.0, 400, Some(256)), Some((77, 256)));
        assert_eq!(part_in_view(70.0, 90.0, 64, None), None);
        assert_eq!(part_in_view(f64::MAX, f64::MIN, 64, None), None);
    }
}
