//! The window: layout, the order of a frame, and the only place where state and canvas meet.

mod docked;
mod pictures;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use egui::{Event, Key, Rect, ViewportCommand};
use terroir_engine::{JobSpec, WorkerLink};
use terroir_scene::{
    Blend, Document, HeadKind, Layer, LayerId, LayerSource, LinearHead, MapRect, Profile, Style,
};

use self::pictures::Screenshot;
use crate::actions::{self, After};
use crate::arrangement::Panel;
use crate::canvas::{Canvas, CanvasLayer, VectorInput, Viewport, adapter_text};
use crate::compare::{self, Compare};
use crate::decorations::{Decorations, Scenery};
use crate::export::PictureOrder;
use crate::files::FileTask;
use crate::frame_times::FrameTimes;
pub use crate::jobs::JobLink;
pub use crate::language::Language;
use crate::language::t;
use crate::messages::Level;
use crate::session::{FoundShape, Hover, ViewRequest};
pub use crate::state::Services;
use crate::state::{LIVE_LAYER, LiveLook, State};
use crate::tools::{self, MapView, Tool};
use crate::{answering, language, menu, panels, questions, status_bar, theme};

/// How the window starts.
#[derive(Clone, Debug, Default)]
pub struct WindowOptions {
    /// Projects, rasters and label files to open.
    pub files: Vec<PathBuf>,
    /// Open the bundled sample when no files are given.
    pub sample: bool,
    /// Write a picture of the window to this file once everything is drawn, then close.
    pub screenshot: Option<PathBuf>,
    /// Speak this language, whatever the settings say.
    pub language: Option<Language>,
    /// Spoken to a user who chose none.
    pub system_language: Language,
    /// Paths are typed into the window's own question, and the system's dialogs are never shown.
    pub types_paths: bool,
    /// How long the frames took is written to this file when the window closes.
    pub frame_log: Option<PathBuf>,
}

/// Opens the window and returns when it is closed. Must be called on the main thread.
pub fn open_window(options: WindowOptions) -> anyhow::Result<()> {
    let start = std::time::Instant::now();
    let frame_log = options.frame_log.clone();
    let program = std::env::current_exe().context("the program's own file could not be found")?;
    crate::assets::folder_for_results(std::path::Path::new(""));
    let data_folder = directories::ProjectDirs::from("", "", "terroir")
        .map(|dirs| dirs.data_local_dir().to_owned());
    let native = eframe::NativeOptions {
        viewport: egui::ViewportBuilder::default()
            .with_title("Terroir")
            .with_app_id("terroir")
            .with_inner_size([1280.0, 800.0])
            .with_min_inner_size([1024.0, 640.0])
            .with_drag_and_drop(true),
        renderer: eframe::Renderer::Wgpu,
        ..eframe::NativeOptions::default()
    };
    eframe::run_native(
        "Terroir",
        native,
        Box::new(move |creation| {
            let wake = waker(&creation.egui_ctx);
            let services = Services { link: Box::new(WorkerLink::new(program, wake.clone())), wake, data_folder };
            let mut window = Window::new(creation, services, options)?;
            window.frame_log = frame_log.map(|path| (path, FrameTimes::new(start)));
            Ok(Box::new(window))
        }),
    )
    .map_err(|error| anyhow::anyhow!("The window could not be opened: {error}. Is there a display? `terroir demo` needs none."))
}

/// Asks for a new frame from any thread.
pub fn waker(ctx: &egui::Context) -> Arc<dyn Fn() + Send + Sync> {
    let ctx = ctx.clone();
    Arc::new(move || ctx.request_repaint())
}

/// What the cached list of canvas layers was made of.
#[derive(PartialEq)]
struct LayersKey {
    document_number: u64,
    revision: u64,
    live: Option<(u64, LiveLook, u32)>,
    /// Limits that follow the view.
    followed: u64,
    compare: Option<Compare>,
    hidden: Option<LayerId>,
    is_answering: bool,
}

pub struct Window {
    state: State,
    canvas: Canvas,
    frame_log: Option<(PathBuf, FrameTimes)>,
    decorations: Decorations,
    layers: Vec<CanvasLayer>,
    layers_key: Option<LayersKey>,
    map_rect: Rect,
    screenshot: Option<Screenshot>,
    /// A sheet that waits for a frame without scale bar and arrow over the map.
    sheet_order: Option<PictureOrder>,
    /// A chart that waits for a frame without its menu.
    chart_order: Option<Rect>,
    /// Close after this picture of the whole window.
    final_screenshot: Option<PathBuf>,
    frames_at_rest: u32,
    title: String,
    forced_language: Option<Language>,
    system_language: Language,
    /// One list for all layers without a chosen shape.
    no_shapes: Arc<[usize]>,
}

impl Window {
    pub fn new(
        creation: &eframe::CreationContext<'_>,
        services: Services,
        options: WindowOptions,
    ) -> anyhow::Result<Self> {
        let ctx = &creation.egui_ctx;
        theme::install(ctx);
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let render_state = creation.wgpu_render_state.as_ref().context(
            "no graphics adapter was found; install a Vulkan driver (mesa-vulkan-drivers)",
        )?;
        let canvas = Canvas::new(render_state, services.wake.clone());
        let mut state = State::new(services)?;
        state.system.adapter = adapter_text(render_state);
        state.dialogs.types_paths = options.types_paths;
        state.send(FileTask::Settings);
        state.send(FileTask::FindRecovery);
        if let Err(error) = terroir_scene::projection_self_test() {
            state.messages.error(&error);
        }
        if !options.files.is_empty() {
            state.open_files(ctx, options.files);
        } else {
            state.is_sample_wanted = options.sample;
        }
        Ok(Self {
            state,
            canvas,
            frame_log: None,
            decorations: Decorations::default(),
            layers: Vec::new(),
            layers_key: None,
            map_rect: Rect::NOTHING,
            screenshot: None,
            sheet_order: None,
            chart_order: None,
            final_screenshot: options.screenshot,
            frames_at_rest: 0,
            title: String::new(),
            forced_language: options.language,
            system_language: options.system_language,
            no_shapes: Arc::new([]),
        })
    }

    /// The document as it is now.
    pub fn document(&self) -> &Document {
        self.state.history.document()
    }

    /// Whether what was kept from earlier sessions is read.
    pub fn has_settings(&self) -> bool {
        self.state.has_settings
    }

    /// Counts the documents this window has shown: a new or opened one starts with no steps.
    pub fn document_number(&self) -> u64 {
        self.state.document_number
    }

    /// Steps to take back, a stroke or drag under way among them, and those to do again.
    pub fn steps(&self) -> (usize, usize) {
        let history = &self.state.history;
        let (names, applied) = history.steps();
        let under_way = usize::from(history.is_in_gesture());
        (applied + under_way, names.len() - applied)
    }

    /// Takes one step back, as the command does; false when there is none.
    pub fn take_back(&mut self) -> bool {
        tools::end_stroke(&mut self.state);
        self.state.history.undo()
    }

    /// Does one step again; false when there is none.
    pub fn do_again(&mut self) -> bool {
        tools::end_stroke(&mut self.state);
        self.state.history.redo()
    }

    /// How the commands are called in the code, in the order of their table.
    pub fn commands() -> Vec<String> {
        crate::commands::COMMANDS
            .iter()
            .map(|info| format!("{:?}", info.command))
            .collect()
    }

    /// Runs a command at the end of the next frame, by its place in the table.
    pub fn run_command(&mut self, place: usize) {
        let command = crate::commands::COMMANDS
            .get(place)
            .map(|info| info.command);
        self.state.queue.extend(command);
    }

    /// Whether a command of the table can run now.
    ///
    /// # Errors
    /// Why not, in words.
    pub fn can_run(&self, place: usize) -> Result<(), &'static str> {
        let info = crate::commands::COMMANDS.get(place);
        info.map_or(Ok(()), |info| info.command.can_run(&self.state))
    }

    /// Head of the live map, while there is one.
    pub fn live_map(&self) -> Option<&LinearHead> {
        self.state.live.fit.as_ref().map(|fit| &*fit.head)
    }

    /// Adds a weather file as the dialog does.
    pub fn add_weather(&mut self, path: PathBuf) {
        self.state.add_weather(path);
    }

    /// The weather on show; `None` while there is none, or it is not read yet.
    pub fn weather(&self) -> Option<&terroir_scene::WeatherTable> {
        self.state.session.weather.table.as_deref()
    }

    /// Chooses the method of the class map.
    pub fn set_method(&mut self, kind: HeadKind) {
        self.state.set_method(kind);
    }

    /// Exports the class map as the dialog does.
    pub fn export_map(&mut self, path: &Path) {
        let mut form = crate::export::ExportForm::new(&self.state);
        form.kind = crate::export::ExportKind::Map;
        form.path = path.display().to_string();
        let _picture = crate::export::start(&mut self.state, &form);
    }

    /// Pixel of the field the view was brought to last by "next place to label".
    pub fn suggested_place(&self) -> Option<(usize, usize)> {
        self.state.suggestions.shown
    }

    /// Pixels of the field suggested for labelling, best first.
    pub fn suggested_places(&self) -> Vec<(usize, usize)> {
        let places = &self.state.suggestions.places;
        places.iter().map(|place| (place.col, place.row)).collect()
    }

    /// Whether the suggestions were made of the live map on show.
    pub fn suggestions_are_current(&self) -> bool {
        let head = self.state.live.fit.as_ref().map(|fit| &fit.head);
        !self.state.live.is_fitting
            && head.is_some_and(|head| self.state.suggestions.is_made_of(head))
    }

    /// Values over time at the followed places, one list a place; `None` where they are not read yet.
    pub fn followed_values(&self) -> Vec<Vec<Option<terroir_scene::TimeValue>>> {
        let points = &self.state.session.time.points;
        points.iter().map(|point| point.values.clone()).collect()
    }

    /// Limits that follow the view, for layers that have such.
    pub fn limits_in_view(&self, layer: LayerId) -> Option<&[terroir_scene::Stretch]> {
        self.state.session.in_view.followed(layer)
    }

    /// Messages of this session, oldest first.
    pub fn log(&self) -> Vec<String> {
        self.state
            .messages
            .log
            .iter()
            .map(|line| line.text.clone())
            .collect()
    }

    /// The System page's text, once the report is there.
    pub fn system_text(&self) -> Option<String> {
        self.state.system.text()
    }

    /// Takes in the classes of a table, a style, a project or a map.
    pub fn load_classes(&mut self, path: PathBuf) {
        self.state
            .send(crate::files::FileTask::ReadClasses { path });
    }

    /// Starts a job in the worker.
    pub fn run_job(&mut self, spec: JobSpec) {
        self.state.jobs.run(crate::news::job_name(&spec), spec);
    }

    /// Sets the stations and the folder of results of the Soil moisture panel, and gives the run it describes.
    ///
    /// # Errors
    /// What is missing for a run.
    pub fn set_soil(&mut self, stations: Vec<PathBuf>, out: &Path) -> Result<JobSpec, String> {
        self.state.soil.stations = stations;
        self.state.soil.out = out.display().to_string();
        self.state.soil_spec()
    }

    /// Sets steps and batch of the Training panel, and gives the run it describes.
    ///
    /// # Errors
    /// What is missing for a run.
    pub fn set_training(&mut self, steps: u64, batch: usize) -> Result<JobSpec, &'static str> {
        (self.state.training.steps, self.state.training.batch) = (steps, batch);
        self.state.training_spec()
    }

    /// Sets the Training panel to a linear probe on the painted labels, and gives the run it describes.
    ///
    /// # Errors
    /// What is missing for a run.
    pub fn set_probe(&mut self, steps: usize, batch: usize) -> Result<JobSpec, &'static str> {
        let form = &mut self.state.training;
        form.kind = crate::training::Kind::Finetune;
        form.mode = terroir_engine::TuneMode::Probe;
        (form.tune_steps, form.tune_batch) = (steps, batch);
        self.state.training_spec()
    }

    /// Sets the Training panel to a pretraining on folders of dated scenes, and gives the run it describes.
    ///
    /// # Errors
    /// What is missing for a run.
    pub fn set_archives(
        &mut self,
        folders: Vec<PathBuf>,
        steps: u64,
        side: usize,
    ) -> Result<JobSpec, &'static str> {
        let form = &mut self.state.training;
        form.kind = crate::training::Kind::PretrainStp;
        (form.stp.folders, form.stp.steps, form.stp.side) = (folders, steps, side);
        (form.stp.batch, form.stp.frames) = (4, 8);
        self.state.training_spec()
    }

    /// Sets the Training panel to a pretraining on the open series and the weather, and gives the run it describes.
    ///
    /// # Errors
    /// What is missing for a run.
    pub fn set_forecaster(&mut self, steps: u64, batch: usize) -> Result<JobSpec, &'static str> {
        let form = &mut self.state.training;
        form.kind = crate::training::Kind::PretrainKgvsf;
        (form.kgvsf.steps, form.kgvsf.batch) = (steps, batch);
        self.state.training_spec()
    }

    /// The job that compares the fields on the labels.
    ///
    /// # Errors
    /// What is missing for it.
    pub fn comparison(&self) -> Result<terroir_engine::EvaluateSpec, &'static str> {
        self.state.comparison_spec()
    }

    /// Sets the periods the fields of a series sum up, as typed, and gives them.
    ///
    /// # Errors
    /// What is no period.
    pub fn set_valid_periods(&mut self, text: &str) -> Result<Vec<terroir_scene::Period>, String> {
        self.state.series_field.when = crate::series_field::When::Own;
        text.clone_into(&mut self.state.series_field.own);
        crate::series_field::periods_of_text(text)
    }

    /// The job of "series to field" as the form stands; `None` while something is missing.
    pub fn series_field_job(&mut self) -> Option<JobSpec> {
        match self.state.archive_facts() {
            crate::series_field::Facts::Known(facts) => self.state.series_field_spec(&facts).ok(),
            _ => None,
        }
    }

    /// Sets what a forecast is made of: the last day whose images are used, so that later ones are compared with, and for the
    /// network how many degrees warmer the weather is to be.
    pub fn set_forecast(&mut self, until: &str, warmer_c: Option<f64>) {
        let form = &mut self.state.forecast;
        until.clone_into(&mut form.until);
        form.when = crate::forecast::ForecastWhen::Images;
        form.horizon_days = 120;
        if let Some(warmer_c) = warmer_c {
            form.ahead = crate::forecast::AheadBy::Network;
            form.network.warmer_c = warmer_c;
        }
    }

    /// Sets how many points a validation sample gets, and how many of every class at least.
    pub fn set_sample(&mut self, points: usize, least: usize) {
        let form = &mut self.state.session.sample.form;
        (form.by_error, form.points, form.least) = (false, points, least);
    }

    /// Pixel of the sampled map (column, row) that an answer is wanted for, while points are answered.
    pub fn asked_pixel(&self) -> Option<(usize, usize)> {
        let sample = &self.state.session.sample;
        let point = sample.points.get(sample.at?)?;
        Some((point.col, point.row))
    }

    /// Goes on with a validation sample from its file.
    pub fn open_sample_points(&mut self, points: PathBuf) {
        self.state.open_sample_points(points);
    }

    /// Names of what is drawn on the map, bottom first.
    pub fn shown_layers(&self) -> Vec<&str> {
        self.layers
            .iter()
            .map(|layer| layer.layer.name.as_str())
            .collect()
    }

    /// Place of the divider between two compared layers, a share of the map's width or height.
    pub fn divider(&self) -> Option<f32> {
        self.state.session.compare.map(|compare| compare.share)
    }

    /// Profiles of the place clicked last that are not kept yet.
    pub fn clicked_profiles(&self) -> &[Arc<Profile>] {
        &self.state.session.profiles.clicked
    }

    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    /// Where the map is drawn, for tests.
    pub fn map_rect(&self) -> Rect {
        self.map_rect
    }

    /// What is changed under a held pointer is one step; a stroke ends with the press, or with its tool.
    fn hold(&mut self, ctx: &egui::Context) {
        let (is_held, is_new, paints) = ctx.input(|input| {
            let pointer = &input.pointer;
            (
                pointer.any_down() || pointer.any_released(),
                pointer.any_pressed(),
                pointer.primary_down() || pointer.primary_released(),
            )
        });
        if !paints || !matches!(self.state.session.tool, Tool::Brush | Tool::Eraser) {
            tools::end_stroke(&mut self.state);
        }
        self.state.history.hold(is_held, is_new);
        self.state.session.value_at_frame = self.state.history.value();
    }

    fn shortcuts(&mut self, ctx: &egui::Context) {
        // Digits are tools otherwise.
        answering::keys(ctx, &mut self.state);
        panels::take_new_key(ctx, &mut self.state);
        let pressed = self.state.keyboard.take(ctx);
        self.state.queue.extend(pressed);
        if ctx.text_edit_focused() {
            return;
        }
        self.class_keys(ctx);
        // An open menu takes it for itself.
        if ctx.input(|input| input.key_pressed(Key::Escape)) && !egui::Popup::is_any_open(ctx) {
            self.escape();
        }
    }

    /// Alt + digit chooses a class by its place in the list.
    fn class_keys(&mut self, ctx: &egui::Context) {
        const DIGITS: [Key; 10] = [
            Key::Num1,
            Key::Num2,
            Key::Num3,
            Key::Num4,
            Key::Num5,
            Key::Num6,
            Key::Num7,
            Key::Num8,
            Key::Num9,
            Key::Num0,
        ];
        let pressed = ctx.input(|input| {
            input.events.iter().find_map(|event| match event {
                Event::Key {
                    key,
                    pressed: true,
                    modifiers,
                    ..
                } if modifiers.alt && !modifiers.command => {
                    DIGITS.iter().position(|digit| digit == key)
                }
                _ => None,
            })
        });
        let class = pressed.and_then(|index| {
            self.state
                .history
                .document()
                .labels
                .as_ref()?
                .classes
                .get(index)
                .map(|class| class.id)
        });
        if let Some(id) = class {
            self.state.session.class_id = id;
        }
    }

    /// Stops drawing; leaves the shape, then the comparison, then the tool; cancels the job under the pointer.
    fn escape(&mut self) {
        if self.canvas.stop_drawing() || self.state.drop_grown() {
            return;
        }
        let session = &mut self.state.session;
        if !session.polygon.is_empty() {
            session.polygon.clear();
        } else if session.similar.pick.take().is_some() {
            session.tool = Tool::Pan;
        } else if session.stroke.take().is_some() {
            self.state.history.cancel_gesture();
        } else if session.compare.is_some() {
            session.compare = None;
        } else if session.tool != Tool::Pan {
            session.tool = Tool::Pan;
        } else if let Some(job) = session.hovered_job {
            self.state.jobs.cancel(job);
        }
    }

    fn dropped_files(&mut self, ctx: &egui::Context) {
        let paths: Vec<PathBuf> = ctx.input(|input| {
            input
                .raw
                .dropped_files
                .iter()
                .map(|file| file.path().to_owned())
                .collect()
        });
        if !paths.is_empty() {
            self.state.open_files(ctx, paths);
        }
    }

    /// Layers for the canvas, bottom first; made anew only when something changed.
    fn update_layers(&mut self) {
        let live = &self.state.live;
        let is_answering = self.state.session.sample.is_answering();
        let fit = live.fit.as_ref().filter(|_| live.visible && !is_answering);
        let key = LayersKey {
            document_number: self.state.document_number,
            revision: self.state.history.revision(),
            live: fit.map(|fit| {
                (
                    Arc::as_ptr(&fit.head) as u64,
                    live.look,
                    live.opacity.to_bits(),
                )
            }),
            followed: self.state.session.in_view.revision(),
            compare: self.state.session.compare,
            hidden: self.state.session.hidden.map(|hidden| hidden.layer),
            is_answering,
        };
        if self.layers_key.as_ref() == Some(&key) {
            return;
        }
        let document = self.state.history.document();
        let mut layers: Vec<CanvasLayer> = Vec::new();
        let is_kept_back = |layer: &Arc<Layer>| {
            is_answering && answering::is_kept_from_answers(layer, document.sample.as_ref())
        };
        for layer in document
            .layers
            .iter()
            .rev()
            .filter(|layer| layer.visible && !is_kept_back(layer))
        {
            let labels = (layer.source == LayerSource::Labels)
                .then(|| document.labels.clone())
                .flatten();
            layers.push(CanvasLayer {
                labels,
                ..CanvasLayer::new(self.as_shown(layer))
            });
        }
        if let Some(fit) = fit {
            let head = (*fit.head).clone();
            let style = match live.look {
                LiveLook::Classes => Style::FieldClasses { head },
                LiveLook::Confidence => Style::FieldConfidence { head },
                LiveLook::Doubt(measure) => Style::FieldUncertainty { head, measure },
            };
            let layer = Layer {
                id: LIVE_LAYER,
                name: t!("layers-live-map").to_owned(),
                source: LayerSource::Raster {
                    path: fit.field.path.clone(),
                    info: Some(fit.field.clone()),
                },
                style: Some(style),
                visible: true,
                opacity: live.opacity,
                blend: Blend::Normal,
                edited_wavelengths: Vec::new(),
                attribution: None,
            };
            // Below the labels, so that strokes stay visible.
            let at = layers
                .iter()
                .position(|layer| layer.labels.is_some())
                .unwrap_or(layers.len());
            layers.insert(at, CanvasLayer::new(Arc::new(layer)));
        }
        for layer in &mut layers {
            let id = layer.layer.id;
            layer.clip = if key.hidden == Some(id) {
                // Its tiles stay, so that it comes back at once.
                Some(Rect::ZERO)
            } else {
                key.compare.and_then(|compare| compare.clip_of(id))
            };
        }
        self.layers = layers;
        self.layers_key = Some(key);
        self.canvas.prepare(self.state.frames_ahead());
    }

    /// The layer with the limits that follow the view, where it has such.
    fn as_shown(&self, layer: &Arc<Layer>) -> Arc<Layer> {
        let Some(followed) = self.state.session.in_view.followed(layer.id) else {
            return layer.clone();
        };
        let mut shown = Layer::clone(layer);
        if let Some(style) = &mut shown.style {
            for (slot, stretch) in style.stretches_mut().iter_mut().zip(followed) {
                *slot = *stretch;
            }
        }
        Arc::new(shown)
    }

    /// Notes the part of each raster in view, for limits that are taken from it.
    fn see_view(&mut self, ctx: &egui::Context) {
        let now = std::time::Instant::now();
        let active = self.state.active_raster().map(|layer| layer.id);
        let is_measured = |layer: &Arc<Layer>| {
            let look = layer.style.as_ref().and_then(Style::look);
            Some(layer.id) == active
                || look.is_some_and(|look| look.extent == terroir_scene::StretchExtent::Follow)
        };
        let measured: Vec<LayerId> = self
            .document()
            .layers
            .iter()
            .filter(|layer| layer.visible && is_measured(layer))
            .map(|layer| layer.id)
            .collect();
        let mut is_moving = false;
        for id in measured {
            let window = self.canvas.window_in_view(id);
            is_moving |= self.state.session.in_view.see(id, window, now);
        }
        if is_moving {
            ctx.request_repaint_after(crate::in_view::REST);
        }
    }

    /// Messages that wait to be read.
    fn strips_ui(&mut self, ui: &mut egui::Ui) {
        if let Some(command) = self.state.messages.strips_ui(ui) {
            self.state.queue.push_back(command);
        }
    }

    /// Strips and map. Returns where the canvas is, if there is one.
    fn map_ui(&mut self, ui: &mut egui::Ui) -> Option<Rect> {
        self.strips_ui(ui);
        if !self.state.history.document().layers.is_empty() {
            panels::guide_ui(ui, &mut self.state);
        }
        self.map_rect = ui.available_rect_before_wrap();
        if self.state.history.document().layers.is_empty() && self.state.opening == 0 {
            panels::start_ui(ui, &mut self.state);
            return None;
        }
        compare::update(ui.ctx(), &mut self.state);
        compare::compare_bar_ui(ui, &mut self.state);
        compare::divider_keys(ui.ctx(), &mut self.state);
        self.state.update_limits();
        self.update_layers();
        self.canvas.set_vectors(self.vector_inputs());
        let owns = tools::owns_primary_now(ui, self.state.session.tool);
        let map_crs = self.state.history.document().map_crs.clone();
        let shown = self.canvas.show(ui, &self.layers, map_crs.as_ref(), owns);
        self.map_rect = shown.response.rect;
        self.see_view(ui.ctx());
        self.state.session.view_center = Some(self.canvas.viewport().center);
        self.state.session.view_extent = Some(self.canvas.viewport().rect());
        if shown.lost_place {
            self.state.session.view = Some(ViewRequest::Full);
        }
        self.decorate(ui);
        let view = MapView {
            response: &shown.response,
            viewport: *self.canvas.viewport(),
            pointer_in_map: shown.pointer_in_map,
        };
        self.state.session.hover = self.hover(shown.pointer_in_map);
        if let (Some(layer), Some(map_xy)) = (self.state.active_raster(), shown.pointer_in_map) {
            self.state.ask_pixel(&layer, map_xy, false);
        }
        let on_divider = compare::divider_ui(ui, &mut self.state, self.map_rect);
        let is_free = !shown.is_navigating && !on_divider;
        tools::tool_ui(ui, &mut self.state, &view, is_free);
        answering::mark_ui(ui, &self.state, &view);
        self.find_shapes();
        panels::map_overlay_ui(ui, &self.state, self.map_rect, self.reading_text());
        Some(self.map_rect)
    }

    /// What the canvas is at, in words; empty when all is drawn as well as the files allow at once.
    fn reading_text(&self) -> &'static str {
        let is_coarse = !self.canvas.coarse_layers().is_empty();
        let is_loading = self.canvas.is_loading();
        if self.canvas.is_stopped() {
            return t!("map-stopped");
        }
        match (is_loading || self.canvas.is_refining(), is_coarse) {
            (true, true) => t!("map-coarse-reading"),
            (false, true) => t!("map-coarse"),
            _ if is_loading => t!("map-reading"),
            _ => "",
        }
    }

    /// What asks for another view or a picture of the map wants it seen.
    fn bring_map_forward(&mut self) {
        let is_wanted = self.state.session.view.is_some() || self.sheet_order.is_some();
        if is_wanted && !self.state.arrangement.is_on_show(Panel::Map) {
            self.state.arrangement.show(Panel::Map);
        }
    }

    /// Goes on playing a series: never faster than its tiles arrive.
    fn play(&mut self, ctx: &egui::Context) {
        let is_drawn = self
            .state
            .series_layer()
            .is_none_or(|layer| !layer.visible || self.canvas.is_settled(layer.id));
        if let Some(wait) = self.state.play(is_drawn) {
            ctx.request_repaint_after(wait);
        }
    }

    /// Shapes of the visible vector layers, as far as they are read.
    fn vector_inputs(&self) -> HashMap<LayerId, VectorInput> {
        let none: Arc<[usize]> = self.no_shapes.clone();
        let chosen = self.state.session.chosen_shapes.as_ref();
        let layers = self.state.history.document().layers.iter();
        layers
            .filter_map(|layer| {
                let data = self.state.vectors.data(layer)?.clone();
                let chosen = chosen
                    .filter(|(id, _)| *id == layer.id)
                    .map_or_else(|| none.clone(), |(_, shapes)| shapes.clone());
                Some((layer.id, VectorInput { data, chosen }))
            })
            .collect()
    }

    /// Looks up the shapes under a place that the identify tool clicked: all visible vector layers, topmost first.
    fn find_shapes(&mut self) {
        /// Points around the click.
        const REACH: f32 = 6.0;
        const MOST: usize = 100;
        let Some(map_xy) = self.state.session.identify_at.take() else {
            return;
        };
        let mut found: Vec<FoundShape> = Vec::new();
        for layer in &self.state.history.document().layers {
            if layer.visible && layer.vector().is_some() {
                let here = self.canvas.features_at(layer.id, map_xy, REACH);
                found.extend(here.into_iter().map(|feature| FoundShape {
                    layer: layer.id,
                    feature,
                }));
            }
        }
        found.truncate(MOST);
        self.state.forget_shapes();
        if let Some(first) = found.first() {
            self.state.choose_shapes(first.layer, vec![first.feature]);
            self.state.arrangement.show(Panel::Spectrum);
        }
        self.state.session.found_shapes = found;
    }

    /// Graticule, scale bar and north arrow.
    fn decorate(&mut self, ui: &egui::Ui) {
        // A sheet has its own.
        let is_for_sheet = self
            .screenshot
            .as_ref()
            .is_some_and(Screenshot::is_for_sheet);
        if self.sheet_order.is_some() || is_for_sheet {
            return;
        }
        let crs = self.state.history.document().map_crs.as_ref();
        let scenery = Scenery {
            view: self.canvas.viewport(),
            rect: self.map_rect,
            crs,
            geometry: crs.and_then(|crs| self.state.places.geometry(crs)),
            unit_is_pixel: self
                .state
                .active_raster()
                .and_then(|layer| layer.raster_info().cloned())
                .is_some_and(|info| info.grid.georef.transform.is_none()),
        };
        self.decorations
            .paint(ui.painter(), &self.state.settings, &scenery);
        let painter = ui.painter().with_clip_rect(self.map_rect);
        let (view, corner) = (scenery.view, self.map_rect.min);
        panels::suggestion_marks_ui(&painter, &self.state, |map| {
            let (x, y) = view.point_from_map(map);
            corner + egui::vec2(x, y)
        });
    }

    fn hover(&self, pointer_in_map: Option<(f64, f64)>) -> Hover {
        let pixel = pointer_in_map
            .zip(self.state.active_raster())
            .and_then(|(map_xy, layer)| self.canvas.value_at(layer.id, map_xy));
        Hover {
            map_xy: pointer_in_map,
            pixel,
        }
    }

    /// Extent of every layer together.
    fn full_extent(&self) -> Option<MapRect> {
        let document = self.state.history.document();
        let rects = document
            .layers
            .iter()
            .filter_map(|layer| self.extent(layer.id));
        rects.reduce(|a, b| MapRect {
            min_x: a.min_x.min(b.min_x),
            min_y: a.min_y.min(b.min_y),
            max_x: a.max_x.max(b.max_x),
            max_y: a.max_y.max(b.max_y),
        })
    }

    /// Extent of a layer in map coordinates; labels have their grid's raster layer's.
    fn extent(&self, id: LayerId) -> Option<MapRect> {
        let document = self.state.history.document();
        let layer = document.layer(id)?;
        let crs = document.map_crs.as_ref();
        if layer.source == LayerSource::Labels {
            let grid = self.state.label_grid()?;
            let same = document.layers.iter().find(|other| {
                self.state
                    .raster_info(other)
                    .is_some_and(|info| info.grid.same_as(&grid))
            })?;
            return self.canvas.layer_extent(same, crs);
        }
        self.canvas.layer_extent(layer, crs)
    }

    fn apply_view_request(&mut self) {
        // The view's size is known after the first frame of the canvas; nothing is fitted into a map without room.
        const LEAST: f32 = 24.0;
        if self.map_rect.width() < LEAST || self.map_rect.height() < LEAST {
            return;
        }
        // A view in a coordinate system that the canvas has not taken over yet waits for the next frame.
        let document = self.state.history.document();
        if self.state.session.view.is_some()
            && !document.layers.is_empty()
            && self.canvas.map_crs().is_some()
            && self.canvas.map_crs() != document.map_crs.as_ref()
        {
            (self.state.wake)();
            return;
        }
        let Some(request) = self.state.session.view.take() else {
            return;
        };
        let size = (self.map_rect.width(), self.map_rect.height());
        let view = Viewport {
            size,
            ..*self.canvas.viewport()
        };
        match request {
            ViewRequest::Layer(id) => {
                if let Some(rect) = self.extent(id) {
                    self.canvas.set_viewport(Viewport::fitting(rect, size));
                }
            }
            ViewRequest::Shapes(id) => {
                let chosen = self.state.session.chosen_shapes.as_ref();
                let rect = chosen
                    .filter(|(layer, _)| *layer == id)
                    .and_then(|(_, shapes)| self.canvas.features_extent(id, shapes));
                if let Some(rect) = rect {
                    let view = Viewport::fitting(rect, size);
                    // A point has no size: the scale stays.
                    let is_point = rect.width() == 0.0 && rect.height() == 0.0;
                    let units_per_point = if is_point {
                        self.canvas.viewport().units_per_point
                    } else {
                        view.units_per_point * 1.2
                    };
                    self.canvas.set_viewport(Viewport {
                        units_per_point,
                        ..view
                    });
                }
            }
            ViewRequest::Full => {
                if let Some(rect) = self.full_extent() {
                    self.canvas.set_viewport(Viewport::fitting(rect, size));
                }
            }
            ViewRequest::Zoom(factor) => {
                self.canvas
                    .set_viewport(view.zoomed_about((size.0 / 2.0, size.1 / 2.0), factor));
            }
            ViewRequest::Scale(units_per_point) => {
                self.canvas.set_viewport(Viewport {
                    units_per_point,
                    ..view
                });
            }
            ViewRequest::Pixels(id) => {
                if let Some(units) = self.pixel_units(id) {
                    self.canvas.set_viewport(Viewport {
                        units_per_point: units,
                        ..view
                    });
                }
            }
            ViewRequest::Point(center) => {
                self.canvas.set_viewport(Viewport { center, ..view });
            }
            ViewRequest::Place { layer, center } => {
                let near = self.pixel_units(layer).map_or(f64::INFINITY, |units| {
                    units / crate::suggestions::POINTS_A_PIXEL
                });
                self.canvas.set_viewport(Viewport {
                    center,
                    units_per_point: view.units_per_point.min(near),
                    ..view
                });
            }
            ViewRequest::Close(center, units_per_point) => {
                self.canvas.set_viewport(Viewport {
                    center,
                    units_per_point,
                    ..view
                });
            }
            ViewRequest::Redraw => {
                let paths: Vec<PathBuf> = self
                    .state
                    .history
                    .document()
                    .layers
                    .iter()
                    .filter_map(|layer| self.state.raster_info(layer).map(|info| info.path.clone()))
                    .collect();
                for path in paths {
                    self.canvas.invalidate(&path);
                }
                self.state.vectors.forget();
            }
        }
    }

    /// Map units per point at which one pixel of a layer covers one point.
    fn pixel_units(&self, id: LayerId) -> Option<f64> {
        let document = self.state.history.document();
        let info = self.state.raster_info(document.layer(id)?)?;
        let center = (info.grid.width as f64 / 2.0, info.grid.height as f64 / 2.0);
        let a = self.state.map_from_layer_pixel(id, center)?;
        let b = self
            .state
            .map_from_layer_pixel(id, (center.0 + 1.0, center.1))?;
        let units = (b.0 - a.0).hypot(b.1 - a.1);
        (units.is_finite() && units > 0.0).then_some(units)
    }

    /// Errors of tiles become strips, once per layer and text.
    fn layer_errors(&mut self) {
        for (id, text) in self.canvas.layer_errors() {
            let is_known = self.state.session.layer_errors.get(&id) == Some(&text);
            if !is_known {
                self.state.session.layer_errors.insert(id, text.clone());
                self.state.messages.show(Level::Error, text);
            }
        }
    }

    fn title(&mut self, ctx: &egui::Context) {
        let name = self.state.project.path.as_deref().and_then(Path::file_stem);
        let name = name.map_or_else(
            || t!("map-untitled").to_owned(),
            |name| name.to_string_lossy().into_owned(),
        );
        let mark = if self.state.history.is_dirty() {
            "*"
        } else {
            ""
        };
        let title = format!("{mark}{name} — Terroir");
        if title != self.title {
            ctx.send_viewport_cmd(ViewportCommand::Title(title.clone()));
            self.title = title;
        }
    }

    fn closing(&mut self, ctx: &egui::Context) {
        if ctx.input(|input| input.viewport().close_requested())
            && !self.state.session.is_closing
            && self.state.history.is_dirty()
        {
            ctx.send_viewport_cmd(ViewportCommand::CancelClose);
            self.state.ask_unsaved(ctx, After::Quit);
        }
    }
}

/// What a frame has to do, for the log of long frames: keys, buttons and the tool.
fn doing_of(ctx: &egui::Context, state: &State) -> String {
    let mut words: Vec<String> = state
        .queue
        .iter()
        .map(|command| format!("{command:?}"))
        .collect();
    ctx.input(|input| {
        for event in &input.events {
            match event {
                Event::Key {
                    key, pressed: true, ..
                } => words.push(format!("key {}", key.name())),
                Event::PointerButton { pressed: true, .. } => words.push("press".to_owned()),
                Event::PointerButton { pressed: false, .. } => words.push("release".to_owned()),
                Event::MouseWheel { .. } => words.push("wheel".to_owned()),
                _ => {}
            }
        }
        if input.pointer.any_down() {
            words.push("drag".to_owned());
        }
    });
    words.push(format!("{:?}", state.session.tool));
    words.dedup();
    words.join(", ")
}

impl eframe::App for Window {
    fn logic(&mut self, ctx: &egui::Context, _frame: &mut eframe::Frame) {
        self.state.messages.take_records();
        self.state.system.take();
        for path in self.state.take_news(ctx) {
            self.canvas.invalidate(&path);
        }
        self.take_screenshot(ctx);
        self.closing(ctx);
    }

    fn on_exit(&mut self) {
        if let Some((path, times)) = self.frame_log.take()
            && let Err(error) = times.save_blocking(&path)
        {
            log::error!("{error}");
        }
    }

    fn ui(&mut self, ui: &mut egui::Ui, frame: &mut eframe::Frame) {
        let ctx = ui.ctx().clone();
        if let Some((_, times)) = &mut self.frame_log {
            times.begin(frame.info().cpu_usage, doing_of(&ctx, &self.state));
        }
        let chosen = self.forced_language.or(self.state.settings.language);
        language::choose(chosen.unwrap_or(self.system_language));
        ctx.set_theme(if self.state.settings.dark {
            egui::Theme::Dark
        } else {
            egui::Theme::Light
        });
        if self.state.settings.ui_scale != ctx.zoom_factor() {
            ctx.set_zoom_factor(self.state.settings.ui_scale);
        }
        self.hold(&ctx);
        self.shortcuts(&ctx);
        self.state.session.hovered_job = None;
        self.dropped_files(&ctx);

        menu::menu_bar_ui(ui, &mut self.state);
        menu::toolbar_ui(ui, &mut self.state);
        status_bar::status_bar_ui(ui, &mut self.state, self.canvas.viewport());
        panels::around_ui(ui, &mut self.state);
        egui::CentralPanel::no_frame().show(ui, |ui| self.docked_ui(ui));
        let picture = questions::questions_ui(ui, &mut self.state);
        self.order_pictures(&ctx, picture);

        while let Some(command) = self.state.queue.pop_front() {
            actions::run(&mut self.state, &ctx, command);
        }
        self.play(&ctx);
        self.bring_map_forward();
        self.apply_view_request();
        self.layer_errors();
        self.final_screenshot(&ctx);
        self.title(&ctx);
    }
}
