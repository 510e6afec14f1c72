//! Everything the window knows, in the four kinds the house keeps apart: the document (behind `History`), the session,
//! what is derived, and what runs. Panels and tools get this; only `window.rs` also has the canvas.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use terroir_scene::{
    AssignedCrs, BandInfo, BandStatistics, BandWavelength, Blend, Channel, Document, Grid,
    HeadKind, History, Labels, Layer, LayerId, LayerSource, MaskSource, Method, RasterInfo, Style,
    Uncertainty, WavelengthSource, Window, block_px_of,
};

use crate::arrangement::Arrangement;
use crate::clouds::Clouds;
use crate::commands::Command;
use crate::crops::CropForm;
use crate::crs_chooser::CrsCatalogue;
use crate::dialogs::Dialogs;
use crate::files::{FileTask, Files};
use crate::forecast::ForecastForm;
use crate::jobs::{JobLink, Jobs};
use crate::keyboard::Keyboard;
use crate::label_work::LabelWork;
use crate::language::{said, t};
use crate::live_head::{LiveFit, LiveHead, LiveRequest, LiveTask, Validation};
use crate::memory::Memory;
use crate::messages::{Level, Messages};
use crate::models::Models;
use crate::places::Places;
use crate::probe::{PixelQuestion, Probe, StatisticsQuestion};
use crate::series_field::SeriesFieldForm;
use crate::session::Session;
use crate::settings::{Motion, Settings};
use crate::soil::SoilForm;
use crate::statistics::Statistics;
use crate::suggestions::Suggestions;
use crate::system::SystemPage;
use crate::system_motion::SystemMotion;
use crate::time_points::TimeProfiles;
use crate::training::TrainingForm;
use crate::vectors::Vectors;

/// The live map's place in the canvas; never an id of the document.
pub const LIVE_LAYER: LayerId = LayerId(u64::MAX);

/// What the live map shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveLook {
    Classes,
    Confidence,
    Doubt(Uncertainty),
}

/// A class map to be exported once its head is fitted: where both go.
#[derive(Clone, Debug)]
pub struct PendingExport {
    pub head: PathBuf,
    pub job: terroir_engine::JobSpec,
}

/// What the last fit was asked for with; a change of any of it asks again.
#[derive(Clone, PartialEq)]
struct Asked {
    labels: Labels,
    field: PathBuf,
    kind: HeadKind,
    class_weights: BTreeMap<u8, f32>,
}

/// The live map: what is shown and what was fitted.
pub struct Live {
    pub visible: bool,
    pub look: LiveLook,
    pub fit: Option<LiveFit>,
    asked: Option<Asked>,
    checked: Option<(u64, LayerId, HeadKind, BTreeMap<u8, f32>)>,
    /// A map of another method that waits for its head.
    pub pending_export: Option<PendingExport>,
    pub is_fitting: bool,
    pub validation: Option<Validation>,
    pub is_validating: bool,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            visible: true,
            look: LiveLook::Classes,
            fit: None,
            asked: None,
            checked: None,
            pending_export: None,
            is_fitting: false,
            validation: None,
            is_validating: false,
        }
    }
}

/// Caches that may vanish at any time.
#[derive(Default)]
pub struct Derived {
    pub statistics: Statistics,
    bands: HashMap<LayerId, (Arc<Layer>, Arc<Vec<BandInfo>>)>,
    pixel_asked: Option<PixelQuestion>,
    /// A click waits for its answer: questions of hovering would take its place.
    pub click_waits: bool,
    /// Share of clouds by mask; `None` where the mask does not say.
    pub clouds: HashMap<MaskSource, Option<f32>>,
    pub clouds_asked: HashSet<MaskSource>,
    /// Styles that layers got with their file, by no user's hand.
    pub given_styles: HashMap<LayerId, Style>,
}

/// What the Run panel holds before a job starts.
#[derive(Default)]
pub struct RunForm {
    pub model: String,
    pub weights: String,
    /// No weights, even if some are installed.
    pub untrained: bool,
    pub device: String,
    /// Empty = beside the scene.
    pub out: String,
    pub show_log_of: Option<terroir_engine::JobId>,
}

/// The project file in use.
#[derive(Default)]
pub struct Project {
    pub path: Option<PathBuf>,
    pub read_only: bool,
    /// Revision that is being written.
    pub saving: Option<u64>,
}

/// Threads and links a window is built on; tests bring their own worker.
pub struct Services {
    pub wake: Arc<dyn Fn() + Send + Sync>,
    pub link: Box<dyn JobLink>,
    /// Settings and recovery files; `None` keeps nothing.
    pub data_folder: Option<PathBuf>,
}

pub struct State {
    pub history: History,
    pub session: Session,
    pub live: Live,
    pub arrangement: Arrangement,
    pub keyboard: Keyboard,
    /// The settings are read; before that they are not written.
    pub has_settings: bool,
    /// Open the sample once the settings say that nothing was opened before.
    pub is_sample_wanted: bool,
    pub derived: Derived,
    pub run: RunForm,
    pub series_field: SeriesFieldForm,
    pub forecast: ForecastForm,
    pub project: Project,
    pub recovery: Option<PathBuf>,
    pub settings: Settings,
    pub system_motion: SystemMotion,
    pub dialogs: Dialogs,
    pub messages: Messages,
    pub jobs: Jobs,
    pub models: Models,
    pub training: TrainingForm,
    pub crops: CropForm,
    pub soil: SoilForm,
    pub files: Files,
    /// The first page of this book, where it is installed.
    pub book: Option<PathBuf>,
    pub vectors: Vectors,
    pub probe: Probe,
    pub clouds: Clouds,
    pub time_profiles: TimeProfiles,
    pub live_head: LiveHead,
    pub label_work: LabelWork,
    pub suggestions: Suggestions,
    pub places: Places,
    pub crs_catalogue: CrsCatalogue,
    pub memory: Memory,
    pub system: SystemPage,
    /// Commands to run at the end of the frame, never in the middle of drawing.
    pub queue: VecDeque<Command>,
    /// Label files waiting for the first raster.
    pub waiting_labels: Vec<PathBuf>,
    /// Weights files waiting for the folder's first look.
    pub waiting_weights: Vec<PathBuf>,
    /// Files being opened.
    pub opening: usize,
    /// Counts documents: revisions of two of them say nothing about each other.
    pub document_number: u64,
    /// Systems named by hand, as they were told to the worker, and the document they were read from.
    pub told_systems: (Option<(u64, u64)>, Vec<AssignedCrs>),
    /// The document's value that was handed to the journal of unsaved work last; `None` = it is to be handed over.
    pub journaled: Option<u64>,
    /// The journal is being written.
    pub is_journaling: bool,
    /// Recovered work's old folder, to be removed once the work is in this window's journal.
    pub recovered_from: Option<PathBuf>,
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

impl State {
    pub fn new(services: Services) -> std::io::Result<Self> {
        let Services {
            wake,
            link,
            data_folder,
        } = services;
        let program = link.program();
        Ok(Self {
            history: History::new(Document::default()),
            session: Session::default(),
            arrangement: Arrangement::default(),
            keyboard: Keyboard::default(),
            has_settings: false,
            is_sample_wanted: false,
            live: Live::default(),
            derived: Derived::default(),
            run: RunForm {
                model: "dofa-tiny".to_owned(),
                device: "auto".to_owned(),
                ..RunForm::default()
            },
            series_field: SeriesFieldForm::default(),
            forecast: ForecastForm::default(),
            project: Project::default(),
            recovery: None,
            settings: Settings::default(),
            system_motion: SystemMotion::default(),
            dialogs: Dialogs::default(),
            messages: Messages::default(),
            jobs: Jobs::new(link),
            models: Models::default(),
            training: TrainingForm::default(),
            crops: CropForm::default(),
            soil: SoilForm::default(),
            book: crate::book::find_blocking(),
            files: Files::start(data_folder, program.clone(), wake.clone())?,
            vectors: Vectors::start(program.clone(), wake.clone())?,
            probe: Probe::start(wake.clone())?,
            clouds: Clouds::start(wake.clone())?,
            time_profiles: TimeProfiles::start(wake.clone())?,
            live_head: LiveHead::start(wake.clone())?,
            label_work: LabelWork::start(wake.clone())?,
            suggestions: Suggestions::start(wake.clone())?,
            places: Places::default(),
            crs_catalogue: CrsCatalogue::default(),
            memory: Memory::start()?,
            system: SystemPage::default(),
            queue: VecDeque::new(),
            waiting_labels: Vec::new(),
            waiting_weights: Vec::new(),
            opening: 0,
            document_number: 0,
            told_systems: (None, Vec::new()),
            journaled: Some(0),
            is_journaling: false,
            recovered_from: None,
            wake,
        })
    }

    /// Memory of window and worker, as the status bar shows it.
    pub fn memory_text(&self) -> String {
        match self.memory.bytes() {
            0 => String::new(),
            bytes => crate::jobs::bytes_text(bytes),
        }
    }

    /// Hands a task to the file threads; a refusal is said, not hidden.
    pub fn send(&mut self, task: FileTask) {
        if !self.files.send(task) {
            self.messages
                .show(Level::Warning, t!("news-too-many-files"));
        }
    }

    // -- layers

    /// The layer chosen in the list.
    pub fn active_layer(&self) -> Option<&Arc<Layer>> {
        let document = self.history.document();
        let chosen = self.session.active.and_then(|id| document.layer(id));
        chosen.or_else(|| document.active_layer())
    }

    pub fn active_is_vector(&self) -> bool {
        self.active_layer()
            .is_some_and(|layer| layer.vector().is_some())
    }

    /// Choosing a layer is not a step to undo.
    pub fn choose_layer(&mut self, id: LayerId) {
        self.session.active = Some(id);
    }

    pub fn raster_info<'a>(&self, layer: &'a Layer) -> Option<&'a Arc<RasterInfo>> {
        layer.raster_info()
    }

    /// Whether as little as possible moves: as the user says, else as the system wishes.
    pub fn has_less_motion(&self) -> bool {
        match self.settings.motion {
            Motion::System => self.system_motion.wishes_less(),
            Motion::Less => true,
            Motion::Full => false,
        }
    }

    /// The active layer if it is a raster that could be read, else the topmost such layer.
    pub fn active_raster(&self) -> Option<Arc<Layer>> {
        let document = self.history.document();
        let readable = |layer: &&Arc<Layer>| self.raster_info(layer).is_some();
        self.active_layer()
            .filter(readable)
            .or_else(|| document.layers.iter().find(readable))
            .cloned()
    }

    /// The scene a model would read: the active layer or the topmost raster that is an image: neither field nor class map nor drawn by a model.
    pub fn scene_layer(&self) -> Option<Arc<Layer>> {
        let document = self.history.document();
        let is_scene = |layer: &&Arc<Layer>| crate::belief::is_image(layer);
        self.active_layer()
            .filter(is_scene)
            .or_else(|| document.layers.iter().find(is_scene))
            .cloned()
    }

    /// The field the live map is made of: the one on the labels' grid, else the active or topmost field.
    pub fn field_layer(&self) -> Option<Arc<Layer>> {
        let document = self.history.document();
        let is_field =
            |layer: &&Arc<Layer>| self.raster_info(layer).is_some_and(|info| info.is_field());
        let on_grid = document.labels.as_ref().and_then(|labels| {
            document.layers.iter().filter(is_field).find(|layer| {
                self.raster_info(layer)
                    .is_some_and(|info| info.grid.same_as(&labels.grid))
            })
        });
        let active = self.active_layer().filter(is_field);
        active
            .filter(|layer| on_grid.is_none() || on_grid.is_some_and(|found| found.id == layer.id))
            .or(on_grid)
            .or_else(|| document.layers.iter().find(is_field))
            .cloned()
    }

    /// A layer's bands with the wavelengths the user edited.
    pub fn bands(&mut self, layer: &Arc<Layer>) -> Arc<Vec<BandInfo>> {
        if let Some((known, bands)) = self.derived.bands.get(&layer.id)
            && Arc::ptr_eq(known, layer)
        {
            return bands.clone();
        }
        let mut bands = self
            .raster_info(layer)
            .map(|info| info.bands.clone())
            .unwrap_or_default();
        for (band, wavelength) in &layer.edited_wavelengths {
            if let Some(band) = bands.get_mut(*band) {
                let fwhm_nm = band.wavelength.and_then(|known| known.fwhm_nm);
                band.wavelength = Some(BandWavelength {
                    center: *wavelength,
                    fwhm_nm,
                    source: WavelengthSource::Edited,
                });
            }
        }
        let bands = Arc::new(bands);
        self.derived
            .bands
            .insert(layer.id, (layer.clone(), bands.clone()));
        bands
    }

    /// The bundled sample, as the first start shows it.
    pub fn open_sample(&mut self) {
        self.opening += 1;
        self.send(FileTask::OpenSample);
    }

    /// Changes one layer in one undoable step.
    pub fn change_layer(&mut self, id: LayerId, name: &str, edit: impl FnOnce(&mut Layer)) {
        self.history.change(name, |document| {
            if let Some(layer) = document.layer_mut(id) {
                edit(layer);
            }
        });
    }

    pub fn save_keys(&mut self) {
        self.settings.keys = self.keyboard.to_saved();
        self.save_settings();
    }

    // -- labels

    /// Grid new labels would lie on: the field's, else the active raster's.
    fn new_label_grid(&self) -> Option<Grid> {
        let layer = self.field_layer().or_else(|| self.active_raster())?;
        self.raster_info(&layer).map(|info| info.grid.clone())
    }

    pub fn label_grid(&self) -> Option<Grid> {
        match &self.history.document().labels {
            Some(labels) => Some(labels.grid.clone()),
            None => self.new_label_grid(),
        }
    }

    pub fn has_label_grid(&self) -> bool {
        self.history.document().labels.is_some() || self.active_raster().is_some()
    }

    /// Makes labels and their layer if there are none yet. Part of the step under way.
    pub fn prepare_labels(&mut self) -> bool {
        let Some(grid) = self.label_grid() else {
            return false;
        };
        let document = self.history.document();
        let has_layer = document
            .layers
            .iter()
            .any(|layer| layer.source == LayerSource::Labels);
        if document.labels.is_none() || !has_layer {
            self.history.change(t!("undo-add-labels"), |document| {
                if document.labels.is_none() {
                    document.labels = Some(Labels::new(grid));
                }
                if !has_layer {
                    add_labels_layer(document);
                }
            });
        }
        true
    }

    /// The class to paint with; makes labels and a first class when there are none. Part of the step under way.
    pub fn prepare_class(&mut self) -> u8 {
        if !self.prepare_labels() {
            return 0;
        }
        let known = self.history.document().labels.as_ref().and_then(|labels| {
            labels
                .class(self.session.class_id)
                .or_else(|| labels.classes.first())
                .map(|class| class.id)
        });
        self.session.class_id = match known {
            Some(id) => id,
            None => self.make_class().unwrap_or(0),
        };
        self.session.class_id
    }

    /// Adds a class and chooses it, as one step.
    pub fn add_class(&mut self) {
        self.history.begin_gesture(t!("undo-new-class"));
        if self.prepare_labels() {
            self.make_class();
        }
        self.history.end_gesture();
    }

    fn make_class(&mut self) -> Option<u8> {
        let mut added = None;
        self.history.change(t!("undo-new-class"), |document| {
            if let Some(labels) = &mut document.labels {
                let name = t!("news-class-number", number = labels.classes.len() + 1);
                added = labels.add_class(&name);
            }
        });
        match added {
            Some(id) => self.session.class_id = id,
            None => self
                .messages
                .show(Level::Warning, t!("news-no-more-classes")),
        }
        added
    }

    pub fn class_name(&self, id: u8) -> Option<String> {
        self.history
            .document()
            .labels
            .as_ref()?
            .class(id)
            .map(|class| class.name.clone())
    }

    /// Labelled pixels per class, as far as they were counted: a thread of its own does, a moment after each change.
    pub fn label_counts(&self) -> BTreeMap<u8, usize> {
        let known = self.label_work.known.iter();
        known
            .flat_map(|known| &known.classes)
            .map(|class| (class.id, class.pixels))
            .collect()
    }

    pub fn class_color(&self, id: u8) -> Option<[u8; 3]> {
        self.history
            .document()
            .labels
            .as_ref()?
            .class(id)
            .map(|class| class.color)
    }

    /// Class at a label pixel, painted or by polygon; 0 = none.
    pub fn label_at(&self, col: usize, row: usize) -> u8 {
        self.history
            .document()
            .labels
            .as_ref()
            .map_or(0, |labels| labels.class_at(col, row))
    }

    // -- places

    /// A map point in the coordinates labels are kept in: those of their grid's reference system, or pixel space.
    pub fn label_point_from_map(&self, map_xy: (f64, f64)) -> Option<(f64, f64)> {
        let grid = self.label_grid()?;
        let (col, row) = self.pixel_from_map(&grid, map_xy)?;
        Some(grid.transform().map_from_pixel(col, row))
    }

    pub fn map_from_label_point(&self, xy: (f64, f64)) -> Option<(f64, f64)> {
        let grid = self.label_grid()?;
        let (col, row) = grid.transform().inverse()?.map_from_pixel(xy.0, xy.1);
        self.map_from_pixel(&grid, (col, row))
    }

    pub fn label_pixel_from_map(&self, map_xy: (f64, f64)) -> Option<(f64, f64)> {
        self.pixel_from_map(&self.label_grid()?, map_xy)
    }

    pub fn map_from_label_pixel(&self, pixel: (f64, f64)) -> Option<(f64, f64)> {
        self.map_from_pixel(&self.label_grid()?, pixel)
    }

    pub fn layer_pixel_from_map(
        &self,
        layer: &Layer,
        map_xy: (f64, f64),
    ) -> Option<(usize, usize)> {
        let grid = &self.raster_info(layer)?.grid;
        let (col, row) = self.pixel_from_map(grid, map_xy)?;
        grid.holds(col, row).then_some((col as usize, row as usize))
    }

    pub fn map_from_layer_pixel(&self, layer: LayerId, pixel: (f64, f64)) -> Option<(f64, f64)> {
        let document = self.history.document();
        let grid = &self.raster_info(document.layer(layer)?)?.grid;
        self.map_from_pixel(grid, pixel)
    }

    pub fn pixel_from_map(&self, grid: &Grid, map_xy: (f64, f64)) -> Option<(f64, f64)> {
        let map_crs = self.history.document().map_crs.as_ref();
        let (x, y) = self
            .places
            .point(map_crs, grid.georef.ground_crs(), map_xy)?;
        grid.pixel_from_ground(x, y)
    }

    pub fn map_from_pixel(&self, grid: &Grid, pixel: (f64, f64)) -> Option<(f64, f64)> {
        let map_crs = self.history.document().map_crs.as_ref();
        let ground = grid.ground_from_pixel(pixel.0, pixel.1)?;
        let (x, y) = self
            .places
            .point(grid.georef.ground_crs(), map_crs, ground)?;
        // Where the map repeats, the copy in view.
        let wrap = map_crs
            .filter(|_| grid.georef.ground_crs().is_some())
            .and_then(|crs| self.places.geometry(crs))
            .and_then(|geometry| geometry.wrap());
        Some(match (wrap, self.session.view_center) {
            (Some(wrap), Some(center)) => (wrap.near(x, center.0), y),
            _ => (x, y),
        })
    }

    // -- questions to the background

    /// Asks for all values of a pixel, unless that was the last question.
    pub fn ask_pixel(&mut self, layer: &Layer, map_xy: (f64, f64), is_click: bool) {
        let (Some(info), Some((col, row))) = (
            self.raster_info(layer),
            self.layer_pixel_from_map(layer, map_xy),
        ) else {
            return;
        };
        let question = PixelQuestion {
            layer: layer.id,
            path: info.path.clone(),
            col,
            row,
            is_field: info.is_field(),
            derivation: layer
                .style
                .as_ref()
                .and_then(terroir_scene::Style::derivation)
                .cloned(),
            is_click,
        };
        let is_new = self.derived.pixel_asked.as_ref() != Some(&question);
        if is_click || (is_new && !self.derived.click_waits) {
            self.derived.click_waits |= is_click;
            self.derived.pixel_asked = Some(question.clone());
            self.probe.ask_pixel(question);
        }
    }

    /// Statistics of a band if known; asks for them otherwise.
    pub fn statistics(&mut self, path: &Path, band: usize) -> Option<BandStatistics> {
        self.channel_statistics(path, &Channel::band(band), None)
            .map(|known| (*known).clone())
    }

    /// The same of a channel as a style shows it, over `within` (the whole raster without it).
    pub fn channel_statistics(
        &mut self,
        path: &Path,
        channel: &Channel,
        within: Option<Window>,
    ) -> Option<Arc<BandStatistics>> {
        let question = StatisticsQuestion {
            path: path.to_owned(),
            channel: channel.clone(),
            within,
        };
        self.derived.statistics.get_or_ask(question, &self.probe)
    }

    /// Forgets what was derived from a file that changed.
    pub fn forget_file(&mut self, path: &Path) {
        self.derived.statistics.forget(path);
        self.derived.clouds.retain(|mask, _| mask.path != path);
        self.derived.clouds_asked.retain(|mask| mask.path != path);
    }

    /// Asks for a new live map when labels, field or method changed since the last one.
    pub fn update_live(&mut self) {
        let (Some(labels), Some(field)) = (&self.history.document().labels, self.field_layer())
        else {
            self.live.fit = None;
            self.live.asked = None;
            self.live.checked = None;
            self.live.is_fitting = false;
            return;
        };
        let method = &self.history.document().method;
        let kind = method.drawn_kind();
        let class_weights = method.class_weights.clone();
        let checked = Some((
            self.history.revision(),
            field.id,
            kind,
            class_weights.clone(),
        ));
        if self.live.checked == checked {
            return;
        }
        self.live.checked = checked;
        let Some(info) = self.raster_info(&field).cloned() else {
            return;
        };
        let asked = Asked {
            labels: labels.clone(),
            field: info.path.clone(),
            kind,
            class_weights,
        };
        if self.live.asked.as_ref() == Some(&asked) {
            return;
        }
        self.live.asked = Some(asked);
        if labels.classes.len() < 2 {
            self.live.fit = None;
            self.live.is_fitting = false;
            return;
        }
        self.live.is_fitting = true;
        let request = LiveRequest {
            kind,
            ..self.live_request(info, labels.clone(), LiveTask::Fit)
        };
        self.live_head.request(request);
    }

    /// The method of the class map; where it is not linear, logistic regression is drawn and this one is exported.
    pub fn method(&self) -> &Method {
        &self.history.document().method
    }

    pub fn set_method(&mut self, kind: HeadKind) {
        let step = t!("undo-method", name = said(kind.name()));
        self.history
            .change(&step, |document| document.method.kind = kind);
    }

    /// Fits a head of the chosen method, whatever it is, and exports the map it makes.
    pub fn export_with_method(&mut self, pending: PendingExport) {
        let (Some(labels), Some(field)) =
            (self.history.document().labels.clone(), self.field_layer())
        else {
            return;
        };
        let Some(info) = self.raster_info(&field).cloned() else {
            return;
        };
        self.live.pending_export = Some(pending);
        let request = self.live_request(info, labels, LiveTask::FitOther);
        self.live_head.request(request);
    }

    /// Cross-validates the live head on the current labels.
    pub fn start_validation(&mut self) {
        let (Some(labels), Some(field)) =
            (self.history.document().labels.clone(), self.field_layer())
        else {
            return;
        };
        let Some(info) = self.raster_info(&field).cloned() else {
            return;
        };
        let task = LiveTask::Validate {
            block_px: self
                .session
                .accuracy_block_px
                .unwrap_or_else(|| block_px_of(&info.grid)),
            folds: self.session.accuracy_folds.max(2),
            seed: 0,
        };
        self.live.is_validating = true;
        let request = self.live_request(info, labels, task);
        self.live_head.request(request);
    }

    fn live_request(&self, field: Arc<RasterInfo>, labels: Labels, task: LiveTask) -> LiveRequest {
        LiveRequest {
            field,
            labels,
            kind: self.method().kind,
            class_weights: self.method().class_weights.clone(),
            task,
        }
    }
}

/// Adds the layer that shows the labels, on top, without making it active.
pub fn add_labels_layer(document: &mut Document) -> LayerId {
    let active = document.active;
    let id = document.add_layer(Layer {
        id: LayerId(0),
        name: t!("news-labels-layer").to_owned(),
        source: LayerSource::Labels,
        style: None,
        visible: true,
        opacity: 1.0,
        blend: Blend::Normal,
        missing_color: None,
        edited_wavelengths: Vec::new(),
        attribution: None,
    });
    if active.is_some() {
        document.active = active;
    }
    id
}
