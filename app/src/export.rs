//! The export dialog: the class map as GeoTIFF with its confidence or as polygons, the labels, a picture of the view, or a
//! map sheet of it.

use std::path::PathBuf;
use std::sync::Arc;

use terroir_engine::{ExportFieldSpec, JobSpec, PolygonsSpec, PredictSpec, command_line};
use terroir_scene::{Companion, Layer, LayerSource, SheetSize, SheetWords};

use crate::dialogs::{Dialog, Purpose};
use crate::export_command::export_command_ui;
use crate::export_raster::RasterCopy;
use crate::files::FileTask;
use crate::jobs::{beside, bytes_text, count_text};
use crate::language::t;
use crate::state::{PendingExport, State};
use crate::theme;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    Map,
    Polygons,
    Field,
    Raster,
    Labels,
    Picture,
    Sheet,
}

pub struct ExportForm {
    pub kind: ExportKind,
    pub path: String,
    /// Patches of fewer pixels are joined to their neighbours.
    pub least_pixels: usize,
    /// The probability of every class beside the map.
    pub with_probabilities: bool,
    pub raster: RasterCopy,
    /// What else is written beside a map or a field.
    pub companions: Vec<Companion>,
    pub words: SheetWords,
}

/// A picture that only the window can take.
pub struct PictureOrder {
    pub path: PathBuf,
    /// The view laid out as a sheet, instead of as it is.
    pub sheet: Option<SheetWords>,
}

impl ExportForm {
    pub fn new(state: &State) -> Self {
        let kind = if state.live.fit.is_some() {
            ExportKind::Map
        } else if state
            .history
            .document()
            .labels
            .as_ref()
            .is_some_and(|labels| !labels.is_empty())
        {
            ExportKind::Labels
        } else {
            ExportKind::Picture
        };
        Self::of_kind(state, kind)
    }

    /// What the active layer is best saved as: a field or labels as they are, a map of classes as polygons, all else as
    /// the picture on show.
    pub fn of_layer(state: &State, layer: &Layer) -> Self {
        let is_same = |other: Option<Arc<Layer>>| other.is_some_and(|other| other.id == layer.id);
        let kind = if layer.source == LayerSource::Labels {
            ExportKind::Labels
        } else if is_same(state.field_layer()) {
            ExportKind::Field
        } else if is_same(state.map_to_sample()) {
            ExportKind::Polygons
        } else if state.raster_info(layer).is_some() {
            ExportKind::Raster
        } else {
            ExportKind::Picture
        };
        let raster = RasterCopy::of(layer.id);
        let path = suggested(state, kind, &raster);
        Self {
            path,
            raster,
            ..Self::of_kind(state, kind)
        }
    }

    fn of_kind(state: &State, kind: ExportKind) -> Self {
        Self {
            kind,
            path: suggested(state, kind, &RasterCopy::default()),
            least_pixels: 0,
            with_probabilities: false,
            raster: RasterCopy::default(),
            companions: Vec::new(),
            words: words_of(state),
        }
    }
}

/// What is known of the sheet already: scene, date and whom to credit.
fn words_of(state: &State) -> SheetWords {
    let scene = state.scene_layer().or_else(|| state.active_raster());
    let document = state.history.document();
    let mut credits: Vec<&str> = document
        .layers
        .iter()
        .filter(|layer| layer.visible)
        .filter_map(|layer| layer.attribution.as_deref())
        .collect();
    credits.dedup();
    SheetWords {
        title: scene
            .as_ref()
            .map_or_else(String::new, |layer| layer.name.clone()),
        attribution: credits.join("\n"),
        date: scene
            .as_ref()
            .and_then(|layer| layer.raster_info()?.date.clone())
            .unwrap_or_default(),
        size: SheetSize::A4Landscape,
        has_graticule: state.settings.graticule,
    }
}

fn suggested(state: &State, kind: ExportKind, raster: &RasterCopy) -> String {
    if kind == ExportKind::Raster
        && let Some(layer) = raster.layer(state)
        && let Some(path) = layer.raster_path()
    {
        return beside(path, "copy", "tif").display().to_string();
    }
    let home = state
        .project
        .path
        .clone()
        .or_else(|| {
            state
                .scene_layer()
                .and_then(|layer| layer.raster_path().map(std::path::Path::to_owned))
        })
        .or_else(|| {
            state
                .active_raster()
                .and_then(|layer| layer.raster_path().map(std::path::Path::to_owned))
        });
    let Some(home) = home else {
        return String::new();
    };
    let path = match kind {
        ExportKind::Map => beside(&home, "map", "tif"),
        ExportKind::Labels => beside(&home, "labels", "gpkg"),
        ExportKind::Picture => beside(&home, "view", "png"),
        ExportKind::Sheet => beside(&home, "sheet", "pdf"),
        ExportKind::Field => beside(&home, "field_copy", "tif"),
        ExportKind::Raster => beside(&home, "copy", "tif"),
        ExportKind::Polygons => match state
            .map_to_sample()
            .as_ref()
            .and_then(|map| map.raster_path())
        {
            Some(map) => beside(map, "polygons", "gpkg"),
            None => beside(&home, "polygons", "gpkg"),
        },
    };
    path.display().to_string()
}

/// What the dialog decided in this frame.
pub enum ExportStep {
    Stay,
    Close,
    PickPath,
    Start,
}

pub fn export_ui(ui: &mut egui::Ui, state: &mut State, form: &mut ExportForm) -> ExportStep {
    let mut step = ExportStep::Stay;
    ui.set_width(460.0);
    ui.heading(t!("export-title"));
    ui.add_space(theme::SMALL_GAP);
    let before = form.kind;
    let has_labels = state
        .history
        .document()
        .labels
        .as_ref()
        .is_some_and(|labels| !labels.is_empty());
    ui.add_enabled_ui(state.live.fit.is_some(), |ui| {
        ui.radio_value(&mut form.kind, ExportKind::Map, t!("export-map"))
            .on_disabled_hover_text(t!("export-needs-two-classes"));
    });
    ui.add_enabled_ui(state.map_to_sample().is_some(), |ui| {
        ui.radio_value(&mut form.kind, ExportKind::Polygons, t!("export-polygons"))
            .on_disabled_hover_text(t!("export-needs-map"));
    });
    ui.add_enabled_ui(state.field_layer().is_some(), |ui| {
        ui.radio_value(&mut form.kind, ExportKind::Field, t!("export-field"))
            .on_disabled_hover_text(t!("export-needs-field"));
    });
    ui.add_enabled_ui(form.raster.layer(state).is_some(), |ui| {
        ui.radio_value(&mut form.kind, ExportKind::Raster, t!("export-raster"))
            .on_disabled_hover_text(t!("export-copy-no-raster"));
    });
    ui.add_enabled_ui(has_labels, |ui| {
        ui.radio_value(
            &mut form.kind,
            ExportKind::Labels,
            t!("export-label-shapes"),
        )
        .on_disabled_hover_text(t!("export-needs-labels"));
    });
    ui.radio_value(&mut form.kind, ExportKind::Picture, t!("export-picture"));
    ui.radio_value(&mut form.kind, ExportKind::Sheet, t!("export-sheet"));
    if form.kind != before {
        form.path = suggested(state, form.kind, &form.raster);
    }
    ui.add_space(theme::SMALL_GAP);
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(egui::RichText::new(explanation(state, form.kind)).color(weak));
    if form.kind == ExportKind::Raster {
        form.raster.form_ui(ui, state);
    }
    details_ui(ui, form);
    ui.add_space(theme::GAP);
    ui.horizontal(|ui| {
        let label = ui.label(t!("export-file"));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.button(t!("export-choose")).clicked() {
                step = ExportStep::PickPath;
            }
            let width = ui.available_width();
            let edit = ui
                .add(egui::TextEdit::singleline(&mut form.path).desired_width(width))
                .labelled_by(label.id);
            let pressed = ui.input(|input| input.key_pressed(egui::Key::Enter));
            let enters = (pressed && edit.lost_focus()) || crate::questions::enters(ui);
            if enters && !form.path.trim().is_empty() {
                step = ExportStep::Start;
            }
        });
    });
    if let Some(job) = job_of(state, form).filter(|_| !form.path.trim().is_empty()) {
        crate::panels::cost_ui(ui, state, &job);
    }
    ui.add_space(theme::GAP);
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let is_understood = form.kind != ExportKind::Raster || form.raster.bands(state).is_ok();
            let ready = !form.path.trim().is_empty() && is_understood;
            if ui
                .add_enabled(ready, primary_button(ui, t!("export-title")))
                .clicked()
            {
                step = ExportStep::Start;
            }
            if ui.button(t!("dialogs-cancel")).clicked() {
                step = ExportStep::Close;
            }
            if ready {
                export_command_ui(ui, state, form);
            }
        });
    });
    step
}

/// What only some kinds ask for.
fn details_ui(ui: &mut egui::Ui, form: &mut ExportForm) {
    match form.kind {
        ExportKind::Map => {
            ui.checkbox(&mut form.with_probabilities, t!("export-probabilities"));
            companions_ui(ui, form, &Companion::ALL);
        }
        ExportKind::Polygons => {
            ui.horizontal(|ui| {
                ui.label(t!("export-join-before"));
                ui.add(egui::DragValue::new(&mut form.least_pixels).range(0..=100_000));
                ui.label(t!("export-join-after"));
            });
        }
        ExportKind::Sheet => {
            egui::Grid::new("sheet words")
                .num_columns(2)
                .spacing([10.0, 6.0])
                .show(ui, |ui| {
                    for (name, text) in [
                        (t!("export-sheet-title"), &mut form.words.title),
                        (t!("export-sheet-date"), &mut form.words.date),
                        (t!("export-sheet-attribution"), &mut form.words.attribution),
                    ] {
                        let label = ui.label(name);
                        ui.add(egui::TextEdit::singleline(text).desired_width(340.0))
                            .labelled_by(label.id);
                        ui.end_row();
                    }
                    ui.label(t!("export-paper"));
                    ui.horizontal(|ui| {
                        for (size, name) in [
                            (SheetSize::A4Landscape, "A4"),
                            (SheetSize::A4Portrait, t!("export-a4-portrait")),
                            (SheetSize::A3Landscape, "A3"),
                            (SheetSize::A3Portrait, t!("export-a3-portrait")),
                        ] {
                            ui.selectable_value(&mut form.words.size, size, name);
                        }
                    });
                    ui.end_row();
                    ui.label("");
                    ui.checkbox(&mut form.words.has_graticule, t!("export-sheet-graticule"));
                    ui.end_row();
                });
        }
        ExportKind::Field => companions_ui(ui, form, &[Companion::Stac]),
        ExportKind::Raster | ExportKind::Labels | ExportKind::Picture => {}
    }
}

/// Files for other programs beside the map.
fn companions_ui(ui: &mut egui::Ui, form: &mut ExportForm, offered: &[Companion]) {
    ui.horizontal(|ui| {
        for companion in offered {
            let name = match companion {
                Companion::Stac => t!("export-stac"),
                Companion::Clr => ".clr",
                Companion::Txt => ".txt",
            };
            let tip = match companion {
                Companion::Stac => t!("export-stac-tip"),
                Companion::Clr | Companion::Txt => t!("export-colours-tip"),
            };
            let mut is_wanted = form.companions.contains(companion);
            if ui
                .checkbox(&mut is_wanted, name)
                .on_hover_text(tip)
                .changed()
            {
                form.companions.retain(|known| known != companion);
                form.companions.extend(is_wanted.then_some(*companion));
            }
        }
    });
}

/// What the form wants beside what the job writes.
fn companions_of(form: &ExportForm) -> Vec<Companion> {
    let fits = |companion: &&Companion| match form.kind {
        ExportKind::Map => true,
        ExportKind::Field => **companion == Companion::Stac,
        _ => false,
    };
    form.companions.iter().filter(fits).copied().collect()
}

/// The command line that does what the form says.
pub fn command_of(job: &JobSpec, form: &ExportForm) -> String {
    let words: Vec<&str> = companions_of(form)
        .iter()
        .map(|wanted| wanted.word())
        .collect();
    if words.is_empty() {
        return command_line(job);
    }
    format!("{} --beside {}", command_line(job), words.join(","))
}

/// The one button of a dialog that goes on.
pub fn primary_button<'a>(ui: &egui::Ui, text: &'a str) -> egui::Button<'a> {
    let colors = theme::colors(ui.visuals());
    let dark = ui.visuals().dark_mode;
    let ink = if dark {
        egui::Color32::from_rgb(10, 28, 25)
    } else {
        egui::Color32::WHITE
    };
    egui::Button::new(egui::RichText::new(text).color(ink).strong()).fill(colors.accent)
}

fn explanation(state: &State, kind: ExportKind) -> String {
    match kind {
        ExportKind::Map => match &state.live.fit {
            Some(fit) => {
                let grid = &fit.field.grid;
                let pixels = (grid.width * grid.height) as u64;
                t!(
                    "export-what-map",
                    classes = fit.head.classes.len(),
                    width = grid.width,
                    height = grid.height,
                    pixels = count_text(pixels),
                    size = bytes_text(pixels)
                )
            }
            None => t!("export-what-no-map").to_owned(),
        },
        ExportKind::Labels => t!("export-what-labels").to_owned(),
        ExportKind::Picture => t!("export-what-picture").to_owned(),
        ExportKind::Field => t!("export-what-field").to_owned(),
        ExportKind::Raster => t!("export-what-raster").to_owned(),
        ExportKind::Polygons => match state.map_to_sample() {
            Some(map) => t!("export-what-polygons", name = &map.name),
            None => t!("export-what-no-polygons").to_owned(),
        },
        ExportKind::Sheet => t!("export-what-sheet").to_owned(),
    }
}

/// The job that does what the form asks for; none where the window itself writes.
pub fn job_of(state: &State, form: &ExportForm) -> Option<JobSpec> {
    let path = PathBuf::from(form.path.trim());
    match form.kind {
        ExportKind::Map => {
            let fit = state.live.fit.as_ref()?;
            let path = with_default_extension(path, "tif");
            Some(JobSpec::Predict(PredictSpec {
                uncertainty: None,
                probabilities: form.with_probabilities,
                field: fit.field.path.clone(),
                head: beside(&path, "classifier", "json"),
                out: path,
                aoi: state.area_of_interest(),
            }))
        }
        ExportKind::Polygons => Some(JobSpec::Polygons(PolygonsSpec {
            map: state.map_to_sample()?.raster_path()?.to_owned(),
            least_pixels: form.least_pixels,
            out: with_default_extension(path, "gpkg"),
        })),
        ExportKind::Field => Some(JobSpec::ExportField(ExportFieldSpec {
            field: state.field_layer()?.raster_path()?.to_owned(),
            out: with_default_extension(path, "tif"),
        })),
        ExportKind::Raster => form.raster.job(state, with_default_extension(path, "tif")),
        ExportKind::Labels | ExportKind::Picture | ExportKind::Sheet => None,
    }
}

/// Starts what the form asks for. A picture needs the window, so it is handed back.
#[must_use]
pub fn start(state: &mut State, form: &ExportForm) -> Option<PictureOrder> {
    let path = PathBuf::from(form.path.trim());
    if let Some(
        JobSpec::Predict(PredictSpec { out, .. })
        | JobSpec::ExportField(ExportFieldSpec { out, .. }),
    ) = job_of(state, form)
    {
        state.jobs.companions.insert(out, companions_of(form));
    }
    match form.kind {
        ExportKind::Map => {
            if let (Some(fit), Some(JobSpec::Predict(spec))) =
                (state.live.fit.clone(), job_of(state, form))
            {
                state.autosave_now();
                let head_path = spec.head.clone();
                let job = JobSpec::Predict(spec);
                if state.method().kind.is_linear() {
                    state.send(FileTask::SaveHead {
                        head: Arc::new((*fit.head).clone().into()),
                        path: head_path,
                        job,
                    });
                } else {
                    state.export_with_method(PendingExport {
                        head: head_path,
                        job,
                    });
                }
            }
            None
        }
        ExportKind::Polygons | ExportKind::Field | ExportKind::Raster => {
            if let Some(job) = job_of(state, form) {
                state.jobs.run(crate::news::job_name(&job), job);
            }
            None
        }
        ExportKind::Labels => {
            if let Some(labels) = state.history.document().labels.clone() {
                state.send(FileTask::ExportLabels {
                    labels,
                    path: with_default_extension(path, "gpkg"),
                });
            }
            None
        }
        ExportKind::Picture => Some(PictureOrder {
            path: with_default_extension(path, "png"),
            sheet: None,
        }),
        ExportKind::Sheet => Some(PictureOrder {
            path: with_default_extension(path, "pdf"),
            sheet: Some(form.words.clone()),
        }),
    }
}

pub fn with_default_extension(path: PathBuf, extension: &str) -> PathBuf {
    if path.extension().is_none() {
        path.with_extension(extension)
    } else {
        path
    }
}

/// Opens the path dialog for the form under way.
pub fn pick_path(state: &mut State, ctx: &egui::Context, form: ExportForm) {
    let text = form.path.clone();
    state.dialogs.open(Dialog::Export(form));
    state.pick_with(ctx, Purpose::ExportOut, &text);
}
