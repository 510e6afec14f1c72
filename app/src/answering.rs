//! A validation sample in the window: drawing it, answering its points one by one, and what follows from the answers.
//! Every answer is in the file before the next but one is asked. Knows the document; the file threads read and write.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{Color32, Key, Modifiers, Pos2, Stroke};
use terroir_engine::{AreaFigures, AssessSpec, JobSpec, SampleSpec};
use terroir_scene::{
    Class, DrawnSample, Layer, LayerId, LayerSource, RasterInfo, SampleAnswer, SamplePoint,
    classes_of_map,
};

use crate::arrangement::Panel;
use crate::files::FileTask;
use crate::jobs::beside;
use crate::language::t;
use crate::messages::Level;
use crate::session::ViewRequest;
use crate::state::State;
use crate::tools::MapView;

/// Screen points that the pixel asked for is wide at first.
const PIXEL_POINTS: f64 = 20.0;
/// Attribute of the points that holds the answer.
const CLASS: &str = "class";

/// How a sample is to be drawn, as the panel shows it.
pub struct DrawForm {
    /// Layer of the map; `None` = the first there is.
    pub map: Option<LayerId>,
    /// As many points as the wanted error needs, instead of `points`.
    pub by_error: bool,
    /// Standard error of the overall accuracy, percent.
    pub error_percent: f64,
    pub points: usize,
    pub least: usize,
    pub leaves_labels_out: bool,
    pub seed: u64,
}

impl Default for DrawForm {
    fn default() -> Self {
        Self {
            map: None,
            by_error: true,
            error_percent: 1.0,
            points: 500,
            least: 50,
            leaves_labels_out: true,
            seed: 0,
        }
    }
}

/// The sample of the document as the session sees it.
#[derive(Default)]
pub struct SampleView {
    pub form: DrawForm,
    /// File the points are of, asked for or read.
    of: Option<PathBuf>,
    pub points: Vec<SamplePoint>,
    /// What files said before they were answered here, by point: where taking back leads to.
    before: HashMap<PathBuf, BTreeMap<i64, SampleAnswer>>,
    /// The document's answers that the points and their file say, too.
    followed: Arc<BTreeMap<i64, SampleAnswer>>,
    /// Point that is asked, while answering.
    pub at: Option<usize>,
    /// Estimates and the report they stand in.
    pub figures: Option<(PathBuf, AreaFigures)>,
}

impl SampleView {
    pub fn is_answering(&self) -> bool {
        self.at.is_some()
    }

    /// Another document has other points.
    pub fn forget(&mut self) {
        *self = Self {
            form: std::mem::take(&mut self.form),
            ..Self::default()
        };
    }

    /// Points with a class, and points that could not be told.
    pub fn answered(&self) -> (usize, usize) {
        let count = |is: fn(&SampleAnswer) -> bool| {
            self.points.iter().filter(|point| is(&point.answer)).count()
        };
        (
            count(|answer| matches!(answer, SampleAnswer::Class(_))),
            count(|answer| *answer == SampleAnswer::Unsure),
        )
    }

    /// The first point nobody has looked at, from `from` on and then from the beginning.
    fn next_open(&self, from: usize) -> Option<usize> {
        let is_open = |at: &usize| {
            self.points
                .get(*at)
                .is_some_and(|point| point.answer == SampleAnswer::Open)
        };
        (from..self.points.len())
            .find(is_open)
            .or_else(|| (0..from.min(self.points.len())).find(is_open))
    }
}

impl State {
    /// Layers that are class maps.
    pub fn map_layers(&self) -> Vec<Arc<Layer>> {
        let is_map = |layer: &&Arc<Layer>| {
            self.raster_info(layer)
                .is_some_and(|info| info.is_class_map())
        };
        let layers = self.history.document().layers.iter();
        layers.filter(is_map).cloned().collect()
    }

    /// The map that would be sampled.
    pub fn map_to_sample(&self) -> Option<Arc<Layer>> {
        let maps = self.map_layers();
        let chosen = self.session.sample.form.map;
        let found = maps.iter().find(|layer| Some(layer.id) == chosen);
        found.or(maps.first()).cloned()
    }

    /// The job that draws what the form asks for.
    ///
    /// # Errors
    /// What is missing.
    pub fn sample_spec(&self) -> Result<SampleSpec, &'static str> {
        let map = self.map_to_sample().ok_or(t!("accuracy-map-first"))?;
        let map = map.raster_path().ok_or(t!("accuracy-map-first"))?;
        let form = &self.session.sample.form;
        let labels = form.leaves_labels_out && self.has_label_pixels();
        Ok(SampleSpec {
            points: (!form.by_error).then_some(form.points),
            standard_error: form.error_percent / 100.0,
            least: form.least,
            exclude: labels.then(|| beside(map, "training_labels", "gpkg")),
            seed: form.seed,
            ..SampleSpec::new(map.to_owned(), beside(map, "sample", "gpkg"))
        })
    }

    pub fn has_label_pixels(&self) -> bool {
        let labels = self.history.document().labels.as_ref();
        labels.is_some_and(|labels| !labels.is_empty())
    }

    pub fn draw_sample(&mut self) {
        let Ok(spec) = self.sample_spec() else { return };
        let labels = self.history.document().labels.clone();
        match (spec.exclude.clone(), labels) {
            // The job reads them from a file.
            (Some(path), Some(labels)) => self.send(FileTask::SaveLabels {
                labels,
                path,
                job: Box::new(JobSpec::Sample(spec)),
            }),
            _ => {
                let job = JobSpec::Sample(spec);
                self.jobs.run(crate::news::job_name(&job), job);
            }
        }
    }

    /// A sample was drawn: it becomes the document's, and its points a layer.
    pub fn take_drawn_sample(&mut self, spec: SampleSpec) {
        let sample = DrawnSample {
            map: spec.map,
            points: spec.out,
        };
        let is_shown = self.history.document().layers.iter().any(|layer| {
            layer
                .vector()
                .is_some_and(|source| source.path == sample.points)
        });
        if !is_shown {
            self.open_vector(sample.points.clone());
        }
        self.use_sample(sample);
    }

    /// Goes on with a sample that lies in a file, drawn of the map chosen in the form.
    pub fn open_sample_points(&mut self, points: PathBuf) {
        if let Some(map) = self
            .map_to_sample()
            .and_then(|layer| layer.raster_path().map(Path::to_owned))
        {
            self.use_sample(DrawnSample { map, points });
        }
    }

    fn use_sample(&mut self, sample: DrawnSample) {
        self.session.sample.of = None;
        self.session.sample.points.clear();
        self.session.sample.at = None;
        self.session.sample.figures = None;
        self.history.change(t!("accuracy-step-sample"), |document| {
            document.sample = Some(sample);
            document.answers = Arc::default();
        });
        self.arrangement.show(Panel::Accuracy);
    }

    /// What the map of the sample says about itself; `None` while the map is not in the document.
    pub fn sampled_map(&self) -> Option<Arc<RasterInfo>> {
        let document = self.history.document();
        let sample = document.sample.as_ref()?;
        let is_it = |layer: &&Arc<Layer>| layer.raster_path() == Some(sample.map.as_path());
        let layer = document.layers.iter().find(is_it)?;
        self.raster_info(layer).cloned()
    }

    /// Reads the points of the document's sample, once.
    pub fn want_sample(&mut self) {
        let points = self.history.document().sample.as_ref();
        let Some(path) = points.map(|sample| sample.points.clone()) else {
            self.session.sample.of = None;
            self.session.sample.points.clear();
            return;
        };
        if self.session.sample.of.as_ref() == Some(&path) {
            return;
        }
        if let Some(info) = self.sampled_map() {
            self.session.sample.of = Some(path.clone());
            self.session.sample.points.clear();
            self.send(FileTask::ReadSample {
                path,
                grid: info.grid.clone(),
            });
        }
    }

    pub fn take_sample_points(&mut self, path: PathBuf, points: Vec<SamplePoint>) {
        let answers = self.history.document().answers.clone();
        let sample = &mut self.session.sample;
        if sample.of.as_ref() != Some(&path) {
            return;
        }
        let before = sample.before.entry(path).or_default();
        for point in &points {
            // What was answered here the file says already.
            if !answers.contains_key(&point.id) || !before.contains_key(&point.id) {
                before.insert(point.id, point.answer.clone());
            }
        }
        sample.points = points;
        sample.followed = answers;
    }

    /// Answers that were given, taken back or made again go to the points and their file; the last such point is asked again.
    pub fn follow_answers(&mut self) {
        let answers = self.history.document().answers.clone();
        let of_document = self.history.document().sample.as_ref();
        let sample = &mut self.session.sample;
        let is_read = sample.of.is_some()
            && sample.of.as_ref() == of_document.map(|sample| &sample.points)
            && !sample.points.is_empty();
        if !is_read || Arc::ptr_eq(&sample.followed, &answers) {
            return;
        }
        let Some(path) = sample.of.clone() else {
            return;
        };
        let before = sample.before.get(&path);
        let mut changed = Vec::new();
        for (at, point) in sample.points.iter_mut().enumerate() {
            let (was, is) = (sample.followed.get(&point.id), answers.get(&point.id));
            if was == is {
                continue;
            }
            let answer = is.or_else(|| before?.get(&point.id)).cloned();
            let answer = answer.unwrap_or_default();
            if point.answer != answer {
                point.answer = answer.clone();
                changed.push((at, point.id, answer));
            }
        }
        sample.followed = answers;
        let last = changed.last().map(|(at, ..)| *at);
        for (_, id, answer) in changed {
            let path = path.clone();
            self.send(FileTask::AnswerPoint { path, id, answer });
        }
        if let (true, Some(at)) = (self.session.sample.is_answering(), last) {
            self.session.sample.at = Some(at);
            self.look_at_point(false);
        }
    }

    /// Classes an answer can be.
    pub fn answer_classes(&self) -> Vec<Class> {
        self.sampled_map()
            .map(|info| classes_of_map(&info, &[]))
            .unwrap_or_default()
    }

    /// Asks for the first point that is open; without one for the first of all, to look the answers through.
    pub fn start_answering(&mut self) {
        if self.session.sample.points.is_empty() {
            return;
        }
        self.session.sample.at = Some(self.session.sample.next_open(0).unwrap_or(0));
        self.session.clicked_pixel = None;
        self.look_at_point(true);
    }

    pub fn stop_answering(&mut self) {
        self.session.sample.at = None;
    }

    /// Brings the asked pixel to the middle; `anew` also chooses the scale, which is the user's afterwards.
    fn look_at_point(&mut self, anew: bool) {
        let (Some(corners), Some(center)) = (self.asked_corners(), self.asked_center()) else {
            return;
        };
        let [a, b, ..] = corners;
        let units = (b.0 - a.0).hypot(b.1 - a.1) / PIXEL_POINTS;
        self.session.view = Some(if anew && units > 0.0 && units.is_finite() {
            ViewRequest::Close(center, units)
        } else {
            ViewRequest::Point(center)
        });
    }

    fn asked_point(&self) -> Option<&SamplePoint> {
        self.session.sample.points.get(self.session.sample.at?)
    }

    fn asked_center(&self) -> Option<(f64, f64)> {
        let (point, info) = (self.asked_point()?, self.sampled_map()?);
        let pixel = (point.col as f64 + 0.5, point.row as f64 + 0.5);
        self.map_from_pixel(&info.grid, pixel)
    }

    /// Corners of the asked pixel on the map, clockwise from its upper left.
    fn asked_corners(&self) -> Option<[(f64, f64); 4]> {
        let (point, info) = (self.asked_point()?, self.sampled_map()?);
        let at = |col: usize, row: usize| self.map_from_pixel(&info.grid, (col as f64, row as f64));
        Some([
            at(point.col, point.row)?,
            at(point.col + 1, point.row)?,
            at(point.col + 1, point.row + 1)?,
            at(point.col, point.row + 1)?,
        ])
    }

    /// Notes and saves the answer to the asked point, and asks the next open one.
    pub fn answer(&mut self, answer: SampleAnswer) {
        let sample = &self.session.sample;
        let Some(at) = sample.at else { return };
        let Some(point) = sample.points.get(at) else {
            return;
        };
        if point.answer != answer {
            let (id, step) = (point.id, t!("accuracy-step-answer", number = at + 1));
            self.history.change_beside(&step, |document| {
                Arc::make_mut(&mut document.answers).insert(id, answer);
            });
            self.follow_answers();
        }
        match self.session.sample.next_open(at + 1) {
            Some(next) => {
                self.session.sample.at = Some(next);
                self.look_at_point(false);
            }
            None => {
                self.stop_answering();
                self.messages.show(Level::Info, t!("accuracy-all-answered"));
            }
        }
    }

    /// One point back or on, whatever was said of it.
    pub fn step_point(&mut self, back: bool) {
        let count = self.session.sample.points.len();
        let Some(at) = self.session.sample.at.filter(|_| count > 0) else {
            return;
        };
        let next = if back { at + count - 1 } else { at + 1 } % count;
        self.session.sample.at = Some(next);
        self.look_at_point(false);
    }

    /// The job that makes accuracy and areas of the answers.
    pub fn areas_spec(&self) -> Option<AssessSpec> {
        let sample = self.history.document().sample.as_ref()?;
        let scene = self.scene_layer();
        Some(AssessSpec {
            map: sample.map.clone(),
            reference: sample.points.clone(),
            class_attribute: Some(CLASS.to_owned()),
            is_stratified_sample: true,
            scene: scene.and_then(|layer| layer.raster_path().map(Path::to_owned)),
            with_kappa: self.session.with_kappa,
            out: beside(&sample.map, "accuracy", "json"),
        })
    }

    pub fn estimate_areas(&mut self) {
        if let Some(spec) = self.areas_spec() {
            let job = JobSpec::Assess(spec);
            self.jobs.run(crate::news::job_name(&job), job);
        }
    }

    /// A map was assessed: of the sample's own the figures are shown.
    pub fn take_assessment(&mut self, spec: &AssessSpec) {
        let is_ours = self
            .areas_spec()
            .is_some_and(|ours| spec.is_stratified_sample && ours.out == spec.out);
        if is_ours {
            let path = spec.out.clone();
            self.send(FileTask::ReadAreas { path });
        }
    }
}

/// While points are answered, nothing is drawn that tells what the map says there.
pub fn is_kept_from_answers(layer: &Layer, sample: Option<&DrawnSample>) -> bool {
    match &layer.source {
        LayerSource::Labels => true,
        LayerSource::Vector(source) => sample.is_some_and(|sample| sample.points == source.path),
        LayerSource::Raster { .. } | LayerSource::Series(_) => {
            layer.raster_info().is_some_and(|info| {
                info.is_class_map() || info.metadata_item("TERROIR_LABELS").is_some()
            })
        }
    }
}

/// Keys while answering: digits name classes, 0 is "not sure", Backspace goes back, Enter on, Escape ends.
pub fn keys(ctx: &egui::Context, state: &mut State) {
    const DIGITS: [Key; 10] = [
        Key::Num0,
        Key::Num1,
        Key::Num2,
        Key::Num3,
        Key::Num4,
        Key::Num5,
        Key::Num6,
        Key::Num7,
        Key::Num8,
        Key::Num9,
    ];
    if !state.session.sample.is_answering()
        || ctx.text_edit_focused()
        || state.dialogs.current().is_some()
    {
        return;
    }
    let (digit, back, on, ends) = ctx.input_mut(|input| {
        let mut pressed = |key: Key| input.consume_key(Modifiers::NONE, key);
        (
            DIGITS.iter().position(|key| pressed(*key)),
            pressed(Key::Backspace),
            pressed(Key::Enter),
            pressed(Key::Escape),
        )
    });
    match digit {
        Some(0) => state.answer(SampleAnswer::Unsure),
        Some(number) => {
            if let Some(class) = state.answer_classes().get(number - 1) {
                state.answer(SampleAnswer::Class(class.name.clone()));
            }
        }
        None if back => state.step_point(true),
        None if on => state.step_point(false),
        None if ends => state.stop_answering(),
        None => {}
    }
}

/// A frame around the asked pixel, dark and light so that it shows on everything, with ticks that lead the eye to it.
pub fn mark_ui(ui: &egui::Ui, state: &State, view: &MapView<'_>) {
    let Some(corners) = state.asked_corners() else {
        return;
    };
    let ring: Vec<Pos2> = corners
        .iter()
        .map(|corner| view.screen_from_map(*corner))
        .collect();
    let bounds = egui::Rect::from_points(&ring);
    let painter = ui.painter().with_clip_rect(view.response.rect);
    for (width, color) in [(4.0, Color32::from_black_alpha(190)), (1.6, Color32::WHITE)] {
        let stroke = Stroke::new(width, color);
        painter.add(egui::Shape::closed_line(ring.clone(), stroke));
        for (from, direction) in [
            (bounds.left_center(), egui::vec2(-1.0, 0.0)),
            (bounds.right_center(), egui::vec2(1.0, 0.0)),
            (bounds.center_top(), egui::vec2(0.0, -1.0)),
            (bounds.center_bottom(), egui::vec2(0.0, 1.0)),
        ] {
            painter.line_segment([from + direction * 4.0, from + direction * 14.0], stroke);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_open_point_goes_round() {
        let point = |answer: SampleAnswer| SamplePoint {
            id: 1,
            col: 0,
            row: 0,
            answer,
        };
        let class = || SampleAnswer::Class("a".to_owned());
        let mut view = SampleView {
            points: vec![
                point(SampleAnswer::Open),
                point(class()),
                point(SampleAnswer::Unsure),
                point(SampleAnswer::Open),
            ],
            ..SampleView::default()
        };
        assert_eq!(view.next_open(1), Some(3));
        assert_eq!(view.next_open(4), Some(0));
        assert_eq!(view.answered(), (1, 1));
        view.points
            .iter_mut()
            .for_each(|point| point.answer = class());
        assert_eq!(view.next_open(0), None);
    }
}
