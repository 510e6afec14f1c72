//! Similarity search as the window drives it: examples by click, outline or labels, jobs that write the matches, and the
//! list of places found. What is alike, and how much, is worked out in the scene; panels and tools only draw this.

use std::path::{Path, PathBuf};

use terroir_engine::{JobSpec, SimilarSpec};
use terroir_scene::{
    Example, FoundPlace, Grid, Labels, LayerId, MOST_EXAMPLES, Raster, Rings, SceneError,
    SceneResult, Similarity, Style, example_of_area_blocking, outlines_of_class,
};

use crate::files::{FileTask, OpenRole};
use crate::jobs::beside;
use crate::language::t;
use crate::messages::Level;
use crate::news::job_name;
use crate::probe::PixelAnswer;
use crate::session::ViewRequest;
use crate::state::State;
use crate::tools::Tool;

/// How the next example is pointed at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PickExample {
    Pixel,
    Area,
}

/// What the search has to do with the session.
pub struct SimilarView {
    pub pick: Option<PickExample>,
    /// The click under way adds to the examples instead of replacing them.
    pub adds: bool,
    pub places_wanted: usize,
    pub apart_px: u32,
    pub places: Vec<FoundPlace>,
    /// The field they lie in.
    pub places_of: Option<LayerId>,
    pub chosen_place: Option<usize>,
    /// Files whose job is under way, and the layer that was searched.
    waiting: Vec<(PathBuf, LayerId)>,
}

impl Default for SimilarView {
    fn default() -> Self {
        Self {
            pick: None,
            adds: false,
            places_wanted: 10,
            apart_px: 50,
            places: Vec::new(),
            places_of: None,
            chosen_place: None,
            waiting: Vec::new(),
        }
    }
}

/// Where examples that are no single pixel come from.
pub enum ExampleSource {
    /// An outline in the field's map coordinates.
    Area(Rings),
    /// Every polygon and painted patch of a class.
    Class { labels: Box<Labels>, class_id: u8 },
}

/// Means over the outlines; those without data are left out unless none is left.
pub fn examples_blocking(path: &Path, source: &ExampleSource) -> SceneResult<Vec<Example>> {
    let field = Raster::open(path)?;
    let outlines = match source {
        ExampleSource::Area(rings) => vec![rings.clone()],
        ExampleSource::Class { labels, class_id } => {
            let same = match (labels.grid.crs(), field.info().grid.crs()) {
                (Some(a), Some(b)) => a.same_as(b),
                (None, None) => labels.grid.same_as(&field.info().grid),
                _ => false,
            };
            if !same {
                return Err(SceneError::file(path, t!("similarity-other-crs")));
            }
            outlines_of_class(labels, *class_id)
        }
    };
    let mut examples = Vec::new();
    let mut failed = None;
    for rings in outlines.iter().take(MOST_EXAMPLES) {
        match example_of_area_blocking(&field, rings, &|| true) {
            Ok(example) => examples.push(example),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) if examples.is_empty() => Err(error),
        _ if examples.is_empty() => Err(SceneError::file(path, t!("similarity-not-on-field"))),
        _ => Ok(examples),
    }
}

impl State {
    /// The search the field on show has, if any.
    pub fn similarity(&self) -> Option<(LayerId, &Similarity)> {
        let layer = self.field_layer()?;
        let document = self.history.document();
        match document.layer(layer.id)?.style.as_ref()? {
            Style::FieldSimilarity(similarity) => Some((layer.id, similarity)),
            _ => None,
        }
    }

    /// The next click or outline becomes an example.
    pub fn pick_example(&mut self, pick: PickExample) {
        self.session.tool = match pick {
            PickExample::Pixel => Tool::Identify,
            PickExample::Area => Tool::Polygon,
        };
        self.session.similar.pick = Some(pick);
    }

    /// Shows the field's likeness to a pixel that was clicked, alone or with those before.
    pub fn take_example_pixel(&mut self, answer: PixelAnswer) {
        let Some(vector) = answer.vector else {
            self.messages.show(Level::Info, t!("similarity-no-value"));
            return;
        };
        let adds = std::mem::take(&mut self.session.similar.adds);
        let question = answer.question;
        let at = self
            .history
            .document()
            .layer(question.layer)
            .and_then(|layer| {
                let grid = &self.raster_info(layer)?.grid;
                Some(middle_of(grid, (question.col, question.row)))
            });
        let example = Example::pixel(vector, at);
        self.show_examples(question.layer, &question.path, vec![example], adds);
    }

    /// A closed outline in label coordinates becomes an example.
    pub fn take_example_area(&mut self, ring: &[(f64, f64)]) {
        let Some(layer) = self.field_layer() else {
            return;
        };
        let Some(info) = self.raster_info(&layer) else {
            return;
        };
        let on_field: Option<Vec<(f64, f64)>> = ring
            .iter()
            .map(|corner| {
                let map_xy = self.map_from_label_point(*corner)?;
                let (col, row) = self.pixel_from_map(&info.grid, map_xy)?;
                Some(info.grid.transform().map_from_pixel(col, row))
            })
            .collect();
        let path = info.path.clone();
        if let Some(ring) = on_field {
            self.send(FileTask::Examples {
                layer: layer.id,
                path,
                source: ExampleSource::Area(vec![ring]),
            });
        }
    }

    /// Everything labelled with a class becomes examples, one an outline.
    pub fn examples_from_class(&mut self, class_id: u8) {
        let Some(layer) = self.field_layer() else {
            return;
        };
        let path = self.raster_info(&layer).map(|info| info.path.clone());
        if let (Some(path), Some(labels)) = (path, self.history.document().labels.clone()) {
            self.send(FileTask::Examples {
                layer: layer.id,
                path,
                source: ExampleSource::Class {
                    labels: Box::new(labels),
                    class_id,
                },
            });
        }
    }

    /// Examples in an undoable step. Those of another file are replaced, since a place means another pixel there.
    pub fn show_examples(
        &mut self,
        layer: LayerId,
        path: &Path,
        examples: Vec<Example>,
        adds: bool,
    ) {
        let step = match (adds, examples.first().is_some_and(Example::is_area)) {
            (_, true) => t!("similarity-step-add-area"),
            (true, false) => t!("similarity-step-add-pixel"),
            (false, false) => t!("similarity-step-pixel"),
        };
        self.session.similar.places.clear();
        self.change_layer(layer, step, |layer| {
            let mut similarity = match layer.style.take() {
                Some(Style::FieldSimilarity(similarity)) => similarity,
                _ => Similarity::default(),
            };
            if !adds || similarity.field.as_deref() != Some(path) {
                similarity.examples.clear();
            }
            similarity.examples.extend(examples);
            similarity.examples.truncate(MOST_EXAMPLES);
            similarity.field = Some(path.to_owned());
            layer.style = Some(Style::FieldSimilarity(similarity));
        });
    }

    /// The job that searches the whole field, or why it cannot be.
    pub fn similar_spec(
        &self,
        out: Vec<PathBuf>,
        places: usize,
    ) -> Result<SimilarSpec, &'static str> {
        let (id, similarity) = self.similarity().ok_or(t!("similarity-choose-example"))?;
        let layer = self.history.document().layer(id);
        let field = layer
            .and_then(|layer| self.raster_info(layer))
            .map(|info| info.path.clone())
            .ok_or(t!("similarity-unreadable"))?;
        if similarity.examples.is_empty() {
            return Err(t!("similarity-choose-example"));
        }
        if similarity
            .examples
            .iter()
            .any(|example| example.at.is_none())
        {
            return Err(t!("similarity-old-project"));
        }
        let at = similarity
            .examples
            .iter()
            .filter(|example| !example.is_area());
        let areas = similarity
            .examples
            .iter()
            .filter(|example| example.is_area());
        Ok(SimilarSpec {
            from: similarity.taken_elsewhere(&field).map(Path::to_owned),
            field,
            at: at.filter_map(|example| example.at).collect(),
            areas: areas.map(|example| example.rings.clone()).collect(),
            polygons: None,
            combine: similarity.combine,
            threshold: similarity.threshold,
            places,
            apart_px: f64::from(self.session.similar.apart_px.max(1)),
            least_px: 0,
            values: false,
            aoi: self.area_of_interest(),
            out,
        })
    }

    /// Beside the field, by what it will hold.
    pub fn similar_out(&self, suffix: &str, extension: &str) -> Option<PathBuf> {
        let layer = self.field_layer()?;
        let info = self.raster_info(&layer)?;
        Some(beside(&info.path, suffix, extension))
    }

    pub fn start_similar(&mut self, out: PathBuf, places: usize) {
        match self.similar_spec(vec![out.clone()], places) {
            Ok(spec) => {
                if let Some((layer, _)) = self.similarity() {
                    self.session.similar.waiting.push((out, layer));
                }
                let job = JobSpec::Similar(spec);
                self.jobs.run(job_name(&job), job);
            }
            Err(why) => self.messages.show(Level::Info, format!("{why}.")),
        }
    }

    /// Shows what a search wrote: rasters and polygons as layers, places as a list.
    pub fn take_similar(&mut self, files: Vec<PathBuf>) {
        for path in files {
            match path.extension().and_then(|extension| extension.to_str()) {
                Some("tif") => self.open_raster(path, OpenRole::Result),
                Some("gpkg") => self.open_vector(path),
                Some("csv") => self.send(FileTask::ReadPlaces { path }),
                _ => {}
            }
        }
    }

    /// Places a job has found.
    pub fn take_places(&mut self, path: &Path, places: Vec<FoundPlace>) {
        let similar = &mut self.session.similar;
        let at = similar
            .waiting
            .iter()
            .position(|(waiting, _)| waiting == path);
        similar.places_of = at
            .map(|at| similar.waiting.remove(at).1)
            .or(similar.places_of);
        similar.places = places;
        similar.chosen_place = None;
    }

    /// Brings a found place to the middle of the view, near enough to see its pixels.
    pub fn go_to_found(&mut self, index: usize) {
        let similar = &mut self.session.similar;
        similar.chosen_place = Some(index);
        let Some((place, layer)) = similar.places.get(index).copied().zip(similar.places_of) else {
            return;
        };
        let middle = (place.col as f64 + 0.5, place.row as f64 + 0.5);
        if let Some(map_xy) = self.map_from_layer_pixel(layer, middle) {
            self.session.view = Some(ViewRequest::Place {
                layer,
                center: map_xy,
            });
        }
    }
}

fn middle_of(grid: &Grid, (col, row): (usize, usize)) -> (f64, f64) {
    grid.transform()
        .map_from_pixel(col as f64 + 0.5, row as f64 + 0.5)
}
