//! The export dialog: the class map as GeoTIFF with its confidence, the labels, or a picture of the view.

use std::path::PathBuf;
use std::sync::Arc;

use terroir_engine::{JobSpec, PredictSpec};

use crate::dialogs::{Dialog, Purpose};
use crate::files::FileTask;
use crate::jobs::{beside, bytes_text, count_text};
use crate::state::{PendingExport, State};
use crate::theme;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportKind {
    Map,
    Labels,
    Picture,
}

pub struct ExportForm {
    pub kind: ExportKind,
    pub path: String,
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
        Self {
            kind,
            path: suggested(state, kind),
        }
    }
}

fn suggested(state: &State, kind: ExportKind) -> String {
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

pub fn export_ui(ui: &mut egui::Ui, state: &State, form: &mut ExportForm) -> ExportStep {
    let mut step = ExportStep::Stay;
    ui.set_width(460.0);
    ui.heading("Export");
    ui.add_space(theme::SMALL_GAP);
    let before = form.kind;
    let has_labels = state
        .history
        .document()
        .labels
        .as_ref()
        .is_some_and(|labels| !labels.is_empty());
    ui.add_enabled_ui(state.live.fit.is_some(), |ui| {
        ui.radio_value(
            &mut form.kind,
            ExportKind::Map,
            "Class map and confidence (GeoTIFF)",
        )
        .on_disabled_hover_text("Needs a field and labels of two classes");
    });
    ui.add_enabled_ui(has_labels, |ui| {
        ui.radio_value(
            &mut form.kind,
            ExportKind::Labels,
            "Labels (GeoPackage, GeoJSON or Shapefile)",
        )
        .on_disabled_hover_text("Paint or import labels first");
    });
    ui.radio_value(
        &mut form.kind,
        ExportKind::Picture,
        "Picture of the view (PNG)",
    );
    if form.kind != before {
        form.path = suggested(state, form.kind);
    }
    ui.add_space(theme::SMALL_GAP);
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(egui::RichText::new(explanation(state, form.kind)).color(weak));
    ui.add_space(theme::GAP);
    ui.horizontal(|ui| {
        ui.label("File");
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if ui.button("Choose…").clicked() {
                step = ExportStep::PickPath;
            }
            let width = ui.available_width();
            ui.add(egui::TextEdit::singleline(&mut form.path).desired_width(width));
        });
    });
    ui.add_space(theme::GAP);
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let ready = !form.path.trim().is_empty();
            if ui
                .add_enabled(ready, primary_button(ui, "Export"))
                .clicked()
            {
                step = ExportStep::Start;
            }
            if ui.button("Cancel").clicked() {
                step = ExportStep::Close;
            }
        });
    });
    step
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
                format!(
                    "{} classes, {} x {} = {} pixels on the field's grid, at most {}. Colours, names and how the map was \
                     made are stored in the file; a style for QGIS, the confidence and the classifier lie beside it.",
                    fit.head.classes.len(),
                    grid.width,
                    grid.height,
                    count_text(pixels),
                    bytes_text(pixels),
                )
            }
            None => "Needs a field and labels of two classes.".to_owned(),
        },
        ExportKind::Labels => {
            "The ending decides: .gpkg keeps everything, .geojson is in longitude and latitude, \
                               .shp cuts names to 10 characters."
                .to_owned()
        }
        ExportKind::Picture => "The map as it is drawn now, without the panels.".to_owned(),
    }
}

/// Starts what the form asks for. A picture needs the window, so its path is handed back.
#[must_use]
pub fn start(state: &mut State, form: &ExportForm) -> Option<PathBuf> {
    let path = PathBuf::from(form.path.trim());
    match form.kind {
        ExportKind::Map => {
            if let Some(fit) = state.live.fit.clone() {
                let path = with_default_extension(path, "tif");
                let head_path = beside(&path, "classifier", "json");
                let job = JobSpec::Predict(PredictSpec {
                    uncertainty: None,
                    field: fit.field.path.clone(),
                    head: head_path.clone(),
                    out: path,
                    aoi: state.area_of_interest(),
                });
                state.autosave_now();
                if state.live.kind.is_linear() {
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
        ExportKind::Labels => {
            if let Some(labels) = state.history.document().labels.clone() {
                state.send(FileTask::ExportLabels {
                    labels,
                    path: with_default_extension(path, "gpkg"),
                });
            }
            None
        }
        ExportKind::Picture => Some(with_default_extension(path, "png")),
    }
}

fn with_default_extension(path: PathBuf, extension: &str) -> PathBuf {
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
