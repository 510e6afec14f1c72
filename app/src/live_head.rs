//! The live map's own thread: reads the labelled pixels' vectors from the field (each once), fits a linear head and
//! hands it back. The newest labels win; work for older ones is dropped half-way. Also cross-validates on request.
//! Knows fields, labels and heads. Knows nothing of windows or Burn.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::time::Instant;

use terroir_scene::{
    Accuracy, Class, ConfusionMatrix, FIELD_AXES, FitOptions, Head, HeadKind, LabelUse,
    LabelledPixel, Labels, LinearHead, Raster, RasterInfo, Reprojection, SceneError, SceneResult,
    TrainingPixel, Window, decode_pixel, names_of, spatial_folds,
};

use crate::language::t;
use crate::slot::{SlotReceiver, SlotSender, slot};

/// Vectors kept from earlier fits (256 bytes each).
const CACHE_PIXELS: usize = 400_000;
/// Pixels of one class a fit looks at; more change the head little and cost time.
const FIT_PIXELS_PER_CLASS: usize = 2_000;
/// Pixels cross-validation looks at, of all classes together.
const FOLD_PIXELS: usize = 20_000;
/// Labelled pixels are read in squares of this side.
const READ_SIDE: usize = 128;

/// What to fit; the labels are a frozen copy.
#[derive(Clone)]
pub struct LiveRequest {
    pub field: Arc<RasterInfo>,
    pub labels: Labels,
    pub kind: HeadKind,
    /// What classes weigh, where not 1.
    pub class_weights: BTreeMap<u8, f32>,
    pub task: LiveTask,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LiveTask {
    /// A linear head for the canvas.
    Fit,
    /// A head of any kind, to be saved.
    FitOther,
    /// Blocked cross-validation: side of a block in pixels, number of folds.
    Validate {
        block_px: usize,
        folds: usize,
        seed: u64,
    },
}

#[derive(Clone, Debug)]
pub struct LiveFit {
    pub field: Arc<RasterInfo>,
    pub head: Arc<LinearHead>,
    /// Labelled pixels with a vector, per class of the head.
    pub counts: Vec<usize>,
    /// Labelled pixels outside the field or on its missing pixels.
    pub without_vector: usize,
    /// Labelled pixels kept for testing (`use` is test or validation).
    pub held_out: usize,
    pub secs: f64,
}

#[derive(Clone, Debug)]
pub struct Validation {
    pub matrix: ConfusionMatrix,
    pub accuracy: Accuracy,
    pub block_px: usize,
    pub folds: usize,
    pub pixels: usize,
    /// Mean and standard deviation of the parts' overall accuracies, where there are several.
    pub over_parts: Option<(f64, f64)>,
    /// On polygons marked test or validation, where there are any.
    pub held_out: Option<HeldOut>,
    pub warnings: Vec<String>,
}

#[derive(Debug)]
pub enum LiveReply {
    Fitted(LiveFit),
    Other(Arc<Head>),
    /// Fewer than two classes have pixels on the field.
    NotEnough,
    Validated(Box<Validation>),
    Failed {
        text: String,
        details: Option<String>,
    },
}

/// The window's handle of the thread; dropping it ends the thread.
pub struct LiveHead {
    fits: SlotSender<LiveRequest>,
    validations: SlotSender<LiveRequest>,
    others: SlotSender<LiveRequest>,
    replies: Receiver<LiveReply>,
}

impl LiveHead {
    pub fn start(wake: Arc<dyn Fn() + Send + Sync>) -> std::io::Result<Self> {
        let (fits, fit_requests) = slot();
        let (validations, validation_requests) = slot();
        let (others, other_requests) = slot();
        let (sender, replies) = sync_channel(16);
        spawn("live map", fit_requests, sender.clone(), wake.clone())?;
        spawn("other heads", other_requests, sender.clone(), wake.clone())?;
        spawn("live accuracy", validation_requests, sender, wake)?;
        Ok(Self {
            fits,
            validations,
            others,
            replies,
        })
    }

    /// Replaces any request not yet done. Never blocks.
    pub fn request(&self, request: LiveRequest) {
        match request.task {
            LiveTask::Fit => self.fits.put(request),
            LiveTask::FitOther => self.others.put(request),
            LiveTask::Validate { .. } => self.validations.put(request),
        }
    }

    /// Everything that is ready; never blocks.
    pub fn drain(&self) -> Vec<LiveReply> {
        let mut replies = Vec::new();
        loop {
            match self.replies.try_recv() {
                Ok(reply) => replies.push(reply),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => return replies,
            }
        }
    }
}

fn spawn(
    name: &str,
    requests: SlotReceiver<LiveRequest>,
    replies: SyncSender<LiveReply>,
    wake: Arc<dyn Fn() + Send + Sync>,
) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || {
            let mut vectors = FieldVectors::default();
            while let Some(request) = requests.take_blocking() {
                let reply = match request.task {
                    LiveTask::Fit => {
                        fit_blocking(&request, &mut vectors, &|| requests.is_outdated())
                    }
                    LiveTask::FitOther => {
                        fit_other_blocking(&request, &mut vectors, &|| requests.is_outdated())
                    }
                    LiveTask::Validate {
                        block_px,
                        folds,
                        seed,
                    } => validate_blocking(&request, &mut vectors, block_px, folds, seed, &|| {
                        requests.is_outdated()
                    }),
                };
                let reply = match reply {
                    Ok(reply) => reply,
                    Err(SceneError::Cancelled) => continue,
                    Err(error) => LiveReply::Failed {
                        details: error.details().map(str::to_owned),
                        text: error.to_string(),
                    },
                };
                if replies.send(reply).is_err() {
                    return;
                }
                wake();
            }
        })?;
    Ok(())
}

/// Vectors of field pixels, read once and kept while the field stays the same.
#[derive(Default)]
pub(crate) struct FieldVectors {
    open: Option<(PathBuf, Raster)>,
    known: HashMap<(usize, usize), Option<[f32; FIELD_AXES]>>,
}

impl FieldVectors {
    fn raster(&mut self, path: &Path) -> SceneResult<&Raster> {
        if self.open.as_ref().is_none_or(|(open, _)| open != path) {
            self.known.clear();
            self.open = Some((path.to_owned(), Raster::open(path)?));
        }
        match &self.open {
            Some((_, raster)) => Ok(raster),
            None => Err(SceneError::file(path, t!("field-unopened"))),
        }
    }

    /// Makes sure that every pixel of `wanted` (column, row of the field) is known.
    pub(crate) fn load(
        &mut self,
        path: &Path,
        wanted: &[(usize, usize)],
        cancelled: &dyn Fn() -> bool,
    ) -> SceneResult<()> {
        self.raster(path)?;
        if self.known.len() > CACHE_PIXELS {
            self.known.clear();
        }
        let mut squares: HashMap<(usize, usize), Vec<(usize, usize)>> = HashMap::new();
        for &(col, row) in wanted {
            if !self.known.contains_key(&(col, row)) {
                squares
                    .entry((col / READ_SIDE, row / READ_SIDE))
                    .or_default()
                    .push((col, row));
            }
        }
        for pixels in squares.into_values() {
            if cancelled() {
                return Err(SceneError::Cancelled);
            }
            self.load_square(path, &pixels)?;
        }
        Ok(())
    }

    /// Reads the smallest window that holds `pixels`.
    fn load_square(&mut self, path: &Path, pixels: &[(usize, usize)]) -> SceneResult<()> {
        let Some(&first) = pixels.first() else {
            return Ok(());
        };
        let (mut low, mut high) = (first, first);
        for &(col, row) in pixels {
            low = (low.0.min(col), low.1.min(row));
            high = (high.0.max(col), high.1.max(row));
        }
        let window = Window {
            col: low.0,
            row: low.1,
            width: high.0 - low.0 + 1,
            height: high.1 - low.1 + 1,
        };
        let codes = self
            .raster(path)?
            .read_codes_blocking(window, window.width, window.height)?;
        let plane = window.width * window.height;
        for &(col, row) in pixels {
            let at = (row - low.1) * window.width + (col - low.0);
            let mut pixel = [0_i8; FIELD_AXES];
            for (axis, code) in pixel.iter_mut().enumerate() {
                *code = codes
                    .get(axis * plane + at)
                    .copied()
                    .unwrap_or(terroir_scene::FIELD_NODATA);
            }
            self.known.insert((col, row), decode_pixel(&pixel));
        }
        Ok(())
    }

    pub(crate) fn get(&self, pixel: (usize, usize)) -> Option<[f32; FIELD_AXES]> {
        self.known.get(&pixel).copied().flatten()
    }
}

/// Pixel of the field under the centre of a labelled pixel; `None` outside.
pub(crate) struct FieldPixels<'a> {
    labels: &'a Labels,
    field: &'a RasterInfo,
    same_grid: bool,
    pixel_from_map: Option<terroir_scene::GeoTransform>,
    reprojection: Option<Reprojection>,
}

impl<'a> FieldPixels<'a> {
    pub(crate) fn new(labels: &'a Labels, field: &'a RasterInfo) -> SceneResult<Self> {
        let same_grid = labels.grid.same_as(&field.grid);
        let reprojection = match (labels.grid.crs(), field.grid.crs()) {
            (Some(from), Some(to)) if !same_grid && from != to => {
                Some(Reprojection::new(from, to)?)
            }
            _ => None,
        };
        Ok(Self {
            labels,
            field,
            same_grid,
            pixel_from_map: field.grid.transform().inverse(),
            reprojection,
        })
    }

    pub(crate) fn pixel(&self, label: &LabelledPixel) -> Option<(usize, usize)> {
        let (width, height) = (self.field.grid.width, self.field.grid.height);
        let (col, row) = if self.same_grid {
            (label.col, label.row)
        } else {
            let center = self
                .labels
                .grid
                .transform()
                .map_from_pixel(label.col as f64 + 0.5, label.row as f64 + 0.5);
            let (x, y) = match &self.reprojection {
                Some(reprojection) => reprojection.point(center.0, center.1)?,
                None => center,
            };
            let (col, row) = self.pixel_from_map?.map_from_pixel(x, y);
            if !(col >= 0.0 && row >= 0.0) {
                return None;
            }
            (col as usize, row as usize)
        };
        (col < width && row < height).then_some((col, row))
    }
}

/// Labelled pixels with their vectors, and how many have none. `limit` thins the pixels of each class evenly.
fn training_blocking(
    request: &LiveRequest,
    vectors: &mut FieldVectors,
    limit: impl Fn(usize) -> usize,
    cancelled: &dyn Fn() -> bool,
) -> SceneResult<Training> {
    let labels = &request.labels;
    let field = FieldPixels::new(labels, &request.field)?;
    let mut pixels = labels.pixels_for(LabelUse::Train);
    let mut counts: HashMap<u8, usize> = HashMap::new();
    for pixel in &pixels {
        *counts.entry(pixel.class_id).or_default() += 1;
    }
    // Every n-th pixel of a class, so that thinning keeps all places and repeats exactly.
    let mut seen: HashMap<u8, usize> = HashMap::new();
    pixels.retain(|pixel| {
        let total = counts.get(&pixel.class_id).copied().unwrap_or(1);
        let step = total.div_ceil(limit(total).max(1)).max(1);
        let index = seen.entry(pixel.class_id).or_default();
        *index += 1;
        (*index - 1).is_multiple_of(step)
    });
    let places: Vec<Option<(usize, usize)>> =
        pixels.iter().map(|pixel| field.pixel(pixel)).collect();
    let wanted: Vec<(usize, usize)> = places.iter().copied().flatten().collect();
    vectors.load(&request.field.path, &wanted, cancelled)?;

    let mut training = Training::default();
    for (label, place) in pixels.into_iter().zip(places) {
        match place.and_then(|place| vectors.get(place)) {
            Some(vector) => training.pixels.push((label, vector)),
            None => training.without_vector += 1,
        }
    }
    for class in labels.classes.iter() {
        let count = training
            .pixels
            .iter()
            .filter(|(label, _)| label.class_id == class.id)
            .count();
        if count > 0 {
            training.classes.push(class.clone());
            training.counts.push(count);
        }
    }
    Ok(training)
}

#[derive(Default)]
struct Training {
    pixels: Vec<(LabelledPixel, [f32; FIELD_AXES])>,
    /// Classes that have at least one vector.
    classes: Vec<Class>,
    counts: Vec<usize>,
    without_vector: usize,
}

impl Training {
    fn class_index(&self, id: u8) -> Option<usize> {
        self.classes.iter().position(|class| class.id == id)
    }

    fn training_pixels(&self, keep: impl Fn(usize) -> bool) -> Vec<TrainingPixel> {
        self.pixels
            .iter()
            .enumerate()
            .filter(|(index, _)| keep(*index))
            .filter_map(|(_, (label, vector))| {
                Some(TrainingPixel {
                    vector: *vector,
                    class: self.class_index(label.class_id)?,
                    weight: 1.0,
                })
            })
            .collect()
    }
}

fn fit_blocking(
    request: &LiveRequest,
    vectors: &mut FieldVectors,
    cancelled: &dyn Fn() -> bool,
) -> SceneResult<LiveReply> {
    let start = Instant::now();
    let training = training_blocking(request, vectors, |_| FIT_PIXELS_PER_CLASS, cancelled)?;
    if training.classes.len() < 2 {
        return Ok(LiveReply::NotEnough);
    }
    let head = LinearHead::fit_weighted(
        request.kind,
        &training.classes,
        &weights_of(request, &training.classes),
        &training.training_pixels(|_| true),
        cancelled,
    )?;
    Ok(LiveReply::Fitted(LiveFit {
        field: request.field.clone(),
        head: Arc::new(head),
        counts: training.counts,
        without_vector: training.without_vector,
        held_out: request.labels.pixels_for(LabelUse::HeldOut).len(),
        secs: start.elapsed().as_secs_f64(),
    }))
}

fn weights_of(request: &LiveRequest, classes: &[Class]) -> Vec<f32> {
    let weight = |class: &Class| request.class_weights.get(&class.id).copied().unwrap_or(1.0);
    classes.iter().map(weight).collect()
}

/// A head of the request's kind on all labels, for a map that is exported.
fn fit_other_blocking(
    request: &LiveRequest,
    vectors: &mut FieldVectors,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> SceneResult<LiveReply> {
    let training = training_blocking(request, vectors, |_| FIT_PIXELS_PER_CLASS, cancelled)?;
    if training.classes.len() < 2 {
        return Err(SceneError::input(t!("field-fit-classes")));
    }
    let options = FitOptions {
        class_weights: weights_of(request, &training.classes),
        ..FitOptions::new(request.kind)
    };
    let pixels = training.training_pixels(|_| true);
    let head = Head::fit(&options, &training.classes, &pixels, cancelled)?;
    Ok(LiveReply::Other(Arc::new(head)))
}

/// Accuracy on the polygons marked test or validation, by the method trained on all other labels.
#[derive(Clone, Debug)]
pub struct HeldOut {
    pub matrix: ConfusionMatrix,
    pub accuracy: Accuracy,
    pub pixels: usize,
    pub polygons: usize,
}

fn held_out_blocking(
    request: &LiveRequest,
    vectors: &mut FieldVectors,
    training: &Training,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> SceneResult<Option<HeldOut>> {
    let polygons = request.labels.held_out_polygons();
    if polygons == 0 {
        return Ok(None);
    }
    let field = FieldPixels::new(&request.labels, &request.field)?;
    let mut pixels = request.labels.pixels_for(LabelUse::HeldOut);
    let step = pixels.len().div_ceil(FOLD_PIXELS).max(1);
    let mut at = 0;
    pixels.retain(|_| {
        at += 1;
        (at - 1_usize).is_multiple_of(step)
    });
    let places: Vec<Option<(usize, usize)>> =
        pixels.iter().map(|pixel| field.pixel(pixel)).collect();
    let wanted: Vec<(usize, usize)> = places.iter().copied().flatten().collect();
    vectors.load(&request.field.path, &wanted, cancelled)?;
    let options = FitOptions {
        class_weights: weights_of(request, &training.classes),
        ..FitOptions::new(request.kind)
    };
    let train = training.training_pixels(|_| true);
    let head = Head::fit(&options, &training.classes, &train, cancelled)?;
    // Classes that only test polygons have count as errors.
    let mut classes = training.classes.clone();
    for class in request.labels.classes.iter() {
        let is_known = classes.iter().any(|known| known.id == class.id);
        if !is_known && pixels.iter().any(|pixel| pixel.class_id == class.id) {
            classes.push(class.clone());
        }
    }
    let mut matrix = ConfusionMatrix::new(classes.clone());
    let mut counted = 0;
    for (pixel, place) in pixels.iter().zip(places) {
        let Some(vector) = place.and_then(|place| vectors.get(place)) else {
            continue;
        };
        let found = head.classes.get(head.classify(&vector).0).map(|c| c.id);
        let place = |id| classes.iter().position(|class| Some(class.id) == id);
        if let (Some(map), Some(reference)) = (place(found), place(Some(pixel.class_id))) {
            matrix.add(map, reference);
            counted += 1;
        }
    }
    Ok(Some(HeldOut {
        accuracy: matrix.accuracy(),
        matrix,
        pixels: counted,
        polygons,
    }))
}

fn validate_blocking(
    request: &LiveRequest,
    vectors: &mut FieldVectors,
    block_px: usize,
    folds: usize,
    seed: u64,
    cancelled: &(dyn Fn() -> bool + Sync),
) -> SceneResult<LiveReply> {
    let classes = request.labels.classes.len().max(1);
    let training = training_blocking(request, vectors, |_| FOLD_PIXELS / classes, cancelled)?;
    if training.classes.len() < 2 {
        return Err(SceneError::input(t!("accuracy-classes")));
    }
    let labels: Vec<LabelledPixel> = training.pixels.iter().map(|(label, _)| *label).collect();
    let (fold_of, mut warnings) =
        spatial_folds(&labels, block_px, folds, seed, &names_of(&training.classes));
    let mut overalls = Vec::new();
    let mut matrix = ConfusionMatrix::new(training.classes.clone());
    for fold in 0..folds {
        if cancelled() {
            return Err(SceneError::Cancelled);
        }
        let pixels = training.training_pixels(|index| fold_of.get(index) != Some(&fold));
        let mut present = vec![false; training.classes.len()];
        for pixel in &pixels {
            if let Some(slot) = present.get_mut(pixel.class) {
                *slot = true;
            }
        }
        if present.iter().filter(|present| **present).count() < 2 {
            warnings.push(t!("accuracy-part-left-out", part = fold + 1, parts = folds));
            continue;
        }
        // A head knows only classes it was given, so classes without pixels are taken out and mapped back.
        let kept: Vec<usize> = (0..present.len()).filter(|index| present[*index]).collect();
        let kept_classes: Vec<Class> = kept
            .iter()
            .filter_map(|index| training.classes.get(*index).cloned())
            .collect();
        let pixels: Vec<TrainingPixel> = pixels
            .into_iter()
            .filter_map(|pixel| {
                let class = kept.iter().position(|index| *index == pixel.class)?;
                Some(TrainingPixel { class, ..pixel })
            })
            .collect();
        let options = FitOptions {
            class_weights: weights_of(request, &kept_classes),
            ..FitOptions::new(request.kind)
        };
        let head = Head::fit(&options, &kept_classes, &pixels, cancelled)?;
        let mut part = ConfusionMatrix::new(training.classes.clone());
        for (index, (label, vector)) in training.pixels.iter().enumerate() {
            if fold_of.get(index) == Some(&fold)
                && let Some(reference) = training.class_index(label.class_id)
                && let Some(map) = kept.get(head.classify(vector).0)
            {
                part.add(*map, reference);
            }
        }
        overalls.extend(part.accuracy().overall);
        matrix.merge(&part);
    }
    let accuracy = matrix.accuracy();
    let held_out = held_out_blocking(request, vectors, &training, cancelled)?;
    Ok(LiveReply::Validated(Box::new(Validation {
        held_out,
        accuracy,
        matrix,
        block_px,
        folds,
        pixels: training.pixels.len(),
        over_parts: mean_and_spread(&overalls),
        warnings,
    })))
}

/// Standard deviation with n - 1; `None` for fewer than two values.
fn mean_and_spread(values: &[f64]) -> Option<(f64, f64)> {
    if values.len() < 2 {
        return None;
    }
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((mean, (squares / (values.len() - 1) as f64).sqrt()))
}
