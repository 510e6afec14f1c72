//! Where to label next: a thread of its own ranks places of the field by the doubt of the live map, anew after every refit,
//! and the window goes from one to the next. Places that were visited are remembered for the session.
//! Knows fields, labels and heads; the window's thread only sends requests and takes answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use terroir_scene::{
    FieldSample, KnownPlaces, LabelUse, Labels, LayerId, LinearHead, Raster, RasterInfo,
    SceneError, SceneResult, SuggestOptions, Suggestion, suggest_places,
};

use crate::arrangement::Panel;
use crate::language::t;
use crate::live_head::{FieldPixels, FieldVectors};
use crate::messages::Level;
use crate::session::ViewRequest;
use crate::slot::{SlotReceiver, SlotSender, slot};
use crate::state::State;

/// Vectors of labelled pixels that candidates are compared with.
const KNOWN_VECTORS: usize = 512;
/// Points on the screen a pixel of the field takes at least after a jump.
pub const POINTS_A_PIXEL: f64 = 4.0;

struct SuggestRequest {
    field: Arc<RasterInfo>,
    head: Arc<LinearHead>,
    labels: Labels,
    visited: Vec<(usize, usize)>,
}

enum SuggestReply {
    Found(Found),
    Failed(SceneError),
}

struct Found {
    field: Arc<RasterInfo>,
    head: Arc<LinearHead>,
    places: Vec<Suggestion>,
    /// Pixels looked at, and all the field has.
    sampled: usize,
    field_pixels: usize,
}

/// The suggestions on show and the thread that makes them; dropping it ends the thread.
pub struct Suggestions {
    requests: SlotSender<SuggestRequest>,
    replies: Receiver<SuggestReply>,
    /// Best first.
    pub places: Vec<Suggestion>,
    /// The field and head the list was made of.
    made_of: Option<(Arc<RasterInfo>, Arc<LinearHead>)>,
    asked: Option<Arc<LinearHead>>,
    pub is_asking: bool,
    /// The user asked for places once; from then on the list follows the labels.
    pub is_wanted: bool,
    /// Go to the best place as soon as the list is there.
    goes: bool,
    /// Where the view was brought last.
    pub shown: Option<(usize, usize)>,
    /// Places of the field that are not suggested again in this session.
    pub visited: Vec<(usize, usize)>,
    pub sampled: usize,
    pub field_pixels: usize,
}

impl Suggestions {
    pub fn start(wake: Arc<dyn Fn() + Send + Sync>) -> std::io::Result<Self> {
        let (requests, asked) = slot();
        let (sender, replies) = sync_channel(4);
        std::thread::Builder::new()
            .name("suggestions".to_owned())
            .spawn(move || answer(&asked, &sender, &*wake))?;
        Ok(Self {
            requests,
            replies,
            places: Vec::new(),
            made_of: None,
            asked: None,
            is_asking: false,
            is_wanted: false,
            goes: false,
            shown: None,
            visited: Vec::new(),
            sampled: 0,
            field_pixels: 0,
        })
    }

    /// Forgets everything, as for another document.
    pub fn clear(&mut self) {
        self.places.clear();
        self.made_of = None;
        self.asked = None;
        self.is_asking = false;
        self.is_wanted = false;
        self.goes = false;
        self.shown = None;
        self.visited.clear();
    }

    pub fn is_made_of(&self, head: &Arc<LinearHead>) -> bool {
        self.made_of
            .as_ref()
            .is_some_and(|(_, known)| Arc::ptr_eq(known, head))
    }
}

fn answer(
    requests: &SlotReceiver<SuggestRequest>,
    replies: &SyncSender<SuggestReply>,
    wake: &(dyn Fn() + Send + Sync),
) {
    let mut sample: Option<(PathBuf, FieldSample)> = None;
    let mut vectors = FieldVectors::default();
    while let Some(request) = requests.take_blocking() {
        let is_outdated = || requests.is_outdated();
        let reply = match find_blocking(&request, &mut sample, &mut vectors, &is_outdated) {
            Ok(found) => SuggestReply::Found(found),
            Err(SceneError::Cancelled) => continue,
            Err(error) => {
                sample = None;
                SuggestReply::Failed(error)
            }
        };
        if replies.send(reply).is_err() {
            return;
        }
        wake();
    }
}

fn find_blocking(
    request: &SuggestRequest,
    kept: &mut Option<(PathBuf, FieldSample)>,
    vectors: &mut FieldVectors,
    is_outdated: &(dyn Fn() -> bool + Sync),
) -> SceneResult<Found> {
    let path = &request.field.path;
    // The sample is read once a field; a refit only ranks it anew.
    if kept.as_ref().is_none_or(|(known, _)| known != path) {
        let raster = Raster::open(path)?;
        *kept = Some((
            path.clone(),
            FieldSample::read_blocking(&raster, is_outdated)?,
        ));
    }
    let Some((_, sample)) = kept else {
        return Err(SceneError::file(path, t!("field-unreadable")));
    };
    let field = FieldPixels::new(&request.labels, &request.field)?;
    let labelled = request.labels.pixels();
    let training = request.labels.pixels_for(LabelUse::Train);
    let step = training.len().div_ceil(KNOWN_VECTORS).max(1);
    let compared: Vec<(usize, usize)> = training
        .iter()
        .step_by(step)
        .filter_map(|pixel| field.pixel(pixel))
        .collect();
    vectors.load(path, &compared, is_outdated)?;
    let known = KnownPlaces {
        labelled: labelled
            .iter()
            .filter_map(|pixel| field.pixel(pixel))
            .collect(),
        vectors: compared
            .into_iter()
            .filter_map(|place| vectors.get(place))
            .collect(),
        visited: request.visited.clone(),
    };
    let head = &request.head;
    let places = suggest_places(
        sample,
        &head.classes,
        &|unit, out| head.probabilities(unit, out),
        &known,
        &SuggestOptions::default(),
        is_outdated,
    )?;
    Ok(Found {
        field: request.field.clone(),
        head: head.clone(),
        places,
        sampled: sample.pixels(),
        field_pixels: sample.field_pixels,
    })
}

impl State {
    /// Takes answers, and asks anew when the live map changed since the last question.
    pub fn update_suggestions(&mut self) {
        while let Ok(reply) = self.suggestions.replies.try_recv() {
            self.take_suggestions(reply);
        }
        if !self.suggestions.is_wanted {
            return;
        }
        let Some(fit) = self.live.fit.as_ref().filter(|_| !self.live.is_fitting) else {
            return;
        };
        let is_asked = self
            .suggestions
            .asked
            .as_ref()
            .is_some_and(|asked| Arc::ptr_eq(asked, &fit.head));
        if !is_asked {
            self.ask_suggestions();
        }
    }

    fn ask_suggestions(&mut self) {
        let (Some(fit), Some(labels)) = (&self.live.fit, &self.history.document().labels) else {
            return;
        };
        let is_same_field = self
            .suggestions
            .made_of
            .as_ref()
            .is_none_or(|(field, _)| field.path == fit.field.path);
        if !is_same_field {
            self.suggestions.visited.clear();
            self.suggestions.places.clear();
            self.suggestions.shown = None;
            self.suggestions.made_of = None;
        }
        self.suggestions.asked = Some(fit.head.clone());
        self.suggestions.is_asking = true;
        self.suggestions.requests.put(SuggestRequest {
            field: fit.field.clone(),
            head: fit.head.clone(),
            labels: labels.clone(),
            visited: self.suggestions.visited.clone(),
        });
    }

    fn take_suggestions(&mut self, reply: SuggestReply) {
        let suggestions = &mut self.suggestions;
        match reply {
            SuggestReply::Failed(error) => {
                suggestions.is_asking = false;
                suggestions.goes = false;
                self.messages.error(&error);
            }
            // An answer to an older question: the newer one is on its way.
            SuggestReply::Found(found)
                if suggestions
                    .asked
                    .as_ref()
                    .is_none_or(|asked| !Arc::ptr_eq(asked, &found.head)) => {}
            SuggestReply::Found(found) => {
                suggestions.is_asking = false;
                suggestions.places = found.places;
                suggestions.sampled = found.sampled;
                suggestions.field_pixels = found.field_pixels;
                suggestions.made_of = Some((found.field, found.head));
                if std::mem::take(&mut suggestions.goes) {
                    self.go_to_best_place();
                }
            }
        }
    }

    /// Brings the view to the best place that was not visited yet; works it out first where needed.
    pub fn next_place(&mut self) {
        if !self.suggestions.is_wanted {
            self.arrangement.show(Panel::Field);
        }
        self.suggestions.is_wanted = true;
        self.leave_place();
        let is_ready = !self.live.is_fitting
            && !self.suggestions.places.is_empty()
            && self
                .live
                .fit
                .as_ref()
                .is_some_and(|fit| self.suggestions.is_made_of(&fit.head));
        if is_ready {
            self.go_to_best_place();
        } else {
            self.suggestions.goes = true;
            if !self.live.is_fitting {
                self.ask_suggestions();
            }
        }
    }

    /// The place on show does not come again.
    fn leave_place(&mut self) {
        if let Some(place) = self.suggestions.shown.take() {
            if !self.suggestions.visited.contains(&place) {
                self.suggestions.visited.push(place);
            }
            self.suggestions
                .places
                .retain(|known| (known.col, known.row) != place);
        }
    }

    /// Suggests visited places again.
    pub fn forget_visited_places(&mut self) {
        self.suggestions.visited.clear();
        self.suggestions.shown = None;
        self.ask_suggestions();
    }

    fn go_to_best_place(&mut self) {
        match self.suggestions.places.first().cloned() {
            Some(place) => self.go_to_place(&place),
            None => self
                .messages
                .show(Level::Info, t!("field-next-none-message")),
        }
    }

    pub fn go_to_place(&mut self, place: &Suggestion) {
        if self.suggestions.shown != Some((place.col, place.row)) {
            self.leave_place();
        }
        let Some(layer) = self.suggested_layer() else {
            return;
        };
        let pixel = (place.col as f64 + 0.5, place.row as f64 + 0.5);
        if let Some(center) = self.map_from_layer_pixel(layer, pixel) {
            self.suggestions.shown = Some((place.col, place.row));
            self.session.view = Some(ViewRequest::Place { layer, center });
        }
    }

    /// The layer whose field the list is about.
    fn suggested_layer(&self) -> Option<LayerId> {
        let (field, _) = self.suggestions.made_of.as_ref()?;
        self.history
            .document()
            .layers
            .iter()
            .find(|layer| {
                layer
                    .raster_info()
                    .is_some_and(|info| info.path == field.path)
            })
            .map(|layer| layer.id)
    }

    /// Where the suggested places lie on the map, with the number each has in the list; the one on show has none.
    pub fn suggestion_marks(&self) -> Vec<((f64, f64), Option<usize>)> {
        let Some(layer) = self.suggested_layer().filter(|_| self.live.visible) else {
            return Vec::new();
        };
        let on_map = |(col, row): (usize, usize)| {
            self.map_from_layer_pixel(layer, (col as f64 + 0.5, row as f64 + 0.5))
        };
        let shown = self.suggestions.shown;
        let others = self
            .suggestions
            .places
            .iter()
            .zip(1..)
            .filter_map(|(place, number)| {
                let place = (place.col, place.row);
                (shown != Some(place)).then(|| Some((on_map(place)?, Some(number))))?
            });
        let mut marks: Vec<_> = others.collect();
        marks.extend(shown.and_then(on_map).map(|place| (place, None)));
        marks
    }
}
