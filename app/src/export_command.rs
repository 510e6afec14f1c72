//! The line of the command line that does what the export dialog is about to do, and what of it comes out otherwise.
//! Knows the form and the layers; starts nothing.

use std::path::PathBuf;
use std::sync::Arc;

use terroir_engine::shell_line;
use terroir_scene::{Crs, Layer, SheetSize, Style};

use crate::export::{ExportForm, ExportKind, command_of, job_of, with_default_extension};
use crate::language::t;
use crate::state::State;
use crate::theme::{self, icon};

pub struct ExportCommand {
    pub line: String,
    /// What the line does otherwise than the dialog.
    pub differs: Option<String>,
}

/// `Err` says why no line does the same.
pub fn export_command(state: &State, form: &ExportForm) -> Result<ExportCommand, &'static str> {
    if let Some(job) = job_of(state, form) {
        return Ok(ExportCommand {
            line: command_of(&job, form),
            differs: (form.kind == ExportKind::Map).then(|| t!("export-copy-head").to_owned()),
        });
    }
    let out = PathBuf::from(form.path.trim());
    match form.kind {
        ExportKind::Map => Err(t!("export-needs-two-classes")),
        ExportKind::Polygons => Err(t!("export-needs-map")),
        ExportKind::Field => Err(t!("export-needs-field")),
        ExportKind::Raster => Err(t!("export-copy-no-raster")),
        // The command reads what the file of the project holds.
        ExportKind::Labels => match &state.project.path {
            Some(project) if !state.history.is_dirty() => Ok(ExportCommand {
                line: shell_line(&[
                    "terroir".to_owned(),
                    "export".to_owned(),
                    project.display().to_string(),
                    "--out".to_owned(),
                    with_default_extension(out, "gpkg").display().to_string(),
                ]),
                differs: None,
            }),
            _ => Err(t!("export-copy-unsaved")),
        },
        ExportKind::Picture => {
            let layer = seen_layer(state, |_| true).ok_or(t!("export-copy-no-raster"))?;
            let out = with_default_extension(out, "png");
            Ok(of_layer(state, "render", &layer, &out, Vec::new()))
        }
        ExportKind::Sheet => {
            let has_classes = |layer: &Layer| matches!(layer.style, Some(Style::Palette { .. }));
            let layer = seen_layer(state, has_classes)
                .or_else(|| seen_layer(state, |_| true))
                .ok_or(t!("export-copy-no-raster"))?;
            let out = with_default_extension(out, "pdf");
            Ok(of_layer(
                state,
                "layout",
                &layer,
                &out,
                words_of_sheet(form),
            ))
        }
    }
}

/// The topmost raster on show that is as wanted.
fn seen_layer(state: &State, is_wanted: impl Fn(&Layer) -> bool) -> Option<Arc<Layer>> {
    let layers = &state.history.document().layers;
    let found = layers
        .iter()
        .find(|layer| layer.visible && layer.raster_info().is_some() && is_wanted(layer));
    found.cloned()
}

fn words_of_sheet(form: &ExportForm) -> Vec<String> {
    let said = &form.words;
    let page = match said.size {
        SheetSize::A4Landscape => "a4",
        SheetSize::A4Portrait => "a4-portrait",
        SheetSize::A3Landscape => "a3",
        SheetSize::A3Portrait => "a3-portrait",
    };
    let mut words = Vec::new();
    for (name, value) in [
        ("--title", said.title.as_str()),
        ("--attribution", &said.attribution),
        ("--date", &said.date),
        ("--page", page),
    ] {
        // Joined, so that a value may begin with a minus.
        words.push(format!("{name}={value}"));
    }
    if said.has_graticule {
        words.push("--graticule".to_owned());
    }
    words
}

/// `terroir render` or `terroir layout` of the whole of a layer.
fn of_layer(
    state: &State,
    command: &str,
    layer: &Layer,
    out: &std::path::Path,
    more: Vec<String>,
) -> ExportCommand {
    let mut words = vec!["terroir".to_owned(), command.to_owned()];
    words.extend(layer.raster_path().map(|path| path.display().to_string()));
    words.extend(more);
    let own = layer.raster_info().and_then(|info| info.grid.crs());
    let map = state.history.document().map_crs.as_ref();
    if let Some(map) = map.filter(|map| Some(*map) != own) {
        words.extend(["--crs".to_owned(), crs_word(map)]);
    }
    words.extend(["--out".to_owned(), out.display().to_string()]);
    ExportCommand {
        line: shell_line(&words),
        differs: Some(t!("export-copy-whole", layer = &layer.name)),
    }
}

fn crs_word(crs: &Crs) -> String {
    crs.epsg
        .map_or_else(|| crs.wkt.clone(), |code| format!("EPSG:{code}"))
}

/// The button that copies the line.
pub fn export_command_ui(ui: &mut egui::Ui, state: &State, form: &ExportForm) {
    let found = export_command(state, form);
    let tip: &str = match &found {
        Ok(ExportCommand {
            differs: Some(differs),
            ..
        }) => differs.as_str(),
        Ok(_) => t!("accuracy-copy.tip"),
        Err(why) => why,
    };
    let button = ui
        .add_enabled(found.is_ok(), egui::Button::new(icon::COPY))
        .on_hover_text(tip)
        .on_disabled_hover_text(tip);
    if theme::named(button, t!("accuracy-copy")).clicked()
        && let Ok(found) = found
    {
        ui.ctx().copy_text(found.line);
    }
}
