//! The window: layout, the order of a frame, and the only place where state and canvas meet.

mod docked;
mod drawn_layers;
mod driven;
mod keys;
mod pictures;
mod views;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use egui::{Event, Rect, ViewportCommand};
use terroir_engine::WorkerLink;
use terroir_scene::LayerId;

use self::pictures::Screenshot;
use crate::actions::{self, After};
use crate::arrangement::Panel;
use crate::canvas::{Canvas, CanvasLayer, adapter_text};
use crate::compare::{self, Compare};
use crate::decorations::{Decorations, Scenery};
use crate::export::PictureOrder;
use crate::files::FileTask;
use crate::frame_times::FrameTimes;
pub use crate::jobs::JobLink;
pub use crate::language::Language;
use crate::language::t;
use crate::pointed_class::{self, ClassOfLayer};
use crate::session::ViewRequest;
pub use crate::state::Services;
use crate::state::{LiveLook, State};
pub use crate::system_motion::SystemMotion;
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
    /// Whether the system asks for less motion.
    pub system_motion: SystemMotion,
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
            let options = WindowOptions {
                system_motion: SystemMotion::ask(wake.clone()),
                ..options
            };
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

/// Asks for a new frame after a while, from any thread.
fn later_waker(ctx: &egui::Context) -> Arc<dyn Fn(Duration) + Send + Sync> {
    let ctx = ctx.clone();
    Arc::new(move |wait| ctx.request_repaint_after(wait))
}

/// What the cached list of canvas layers was made of.
#[derive(PartialEq)]
struct LayersKey {
    document_number: u64,
    revision: u64,
    live: Option<(u64, LiveLook)>,
    /// Limits that follow the view.
    followed: u64,
    compare: Option<Compare>,
    hidden: Option<LayerId>,
    pointed_class: Option<ClassOfLayer>,
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
    /// A picture that waits for a frame without the dialog, and without what does not belong into it.
    picture_order: Option<PictureOrder>,
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
        let canvas = Canvas::new(render_state, later_waker(ctx));
        let mut state = State::new(services)?;
        state.system.adapter = adapter_text(render_state);
        state.dialogs.types_paths = options.types_paths;
        state.system_motion = options.system_motion;
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
            picture_order: None,
            chart_order: None,
            final_screenshot: options.screenshot,
            frames_at_rest: 0,
            title: String::new(),
            forced_language: options.language,
            system_language: options.system_language,
            no_shapes: Arc::new([]),
        })
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
        pointed_class::update(ui.ctx(), &mut self.state);
        self.state.update_limits();
        self.state.see_followed();
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
        let is_wanted = self.state.session.view.is_some() || self.picture_order.is_some();
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

    /// Graticule, scale bar and north arrow.
    fn decorate(&mut self, ui: &egui::Ui) {
        // A sheet has its own.
        if self.takes_picture(|is_sheet| is_sheet) {
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
        // Marks belong to their list, and in a picture that leaves the program nobody has it.
        if self.takes_picture(|_| true) || !self.state.arrangement.is_on_show(Panel::Field) {
            return;
        }
        let painter = ui.painter().with_clip_rect(self.map_rect);
        let (view, corner) = (scenery.view, self.map_rect.min);
        panels::suggestion_marks_ui(&painter, &self.state, |map| {
            let (x, y) = view.point_from_map(map);
            corner + egui::vec2(x, y)
        });
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
        self.state.tell_systems();
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
        theme::hold_still(&ctx, self.state.has_less_motion());
        if self.state.settings.ui_scale != ctx.zoom_factor() {
            ctx.set_zoom_factor(self.state.settings.ui_scale);
        }
        self.hold(&ctx);
        self.shortcuts(&ctx);
        self.state.follow_answers();
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
