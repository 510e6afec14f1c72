//! The line of the command line that does what the export dialog is about to do, and what of it comes out otherwise.
//! Knows the form and the layers; starts nothing.

use std::path::{Path, PathBuf};

use terroir_engine::shell_line;
use terroir_scene::SheetSize;

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
            let out = with_default_extension(out, "png");
            of_view(state, "render", Vec::new(), &out)
        }
        ExportKind::Sheet => {
            let out = with_default_extension(out, "pdf");
            of_view(state, "layout", words_of_sheet(form), &out)
        }
    }
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

/// `terroir render` or `terroir layout` of the part of the project in view.
fn of_view(
    state: &State,
    command: &str,
    more: Vec<String>,
    out: &Path,
) -> Result<ExportCommand, &'static str> {
    let project = state.project.path.as_ref();
    let Some(project) = project.filter(|_| !state.history.is_dirty()) else {
        return Err(t!("export-copy-unsaved-view"));
    };
    let mut words = vec![
        "terroir".to_owned(),
        command.to_owned(),
        project.display().to_string(),
    ];
    words.extend(more);
    if let Some(view) = state.session.view_extent {
        // A hundredth of what a pixel of the window measures is enough.
        let digits = (2.0 - (view.width() / 1000.0).log10()).clamp(0.0, 9.0) as usize;
        let [west, south, east, north] = [view.min_x, view.min_y, view.max_x, view.max_y]
            .map(|coordinate| format!("{coordinate:.digits$}"));
        words.push(format!("--bounds={west},{south},{east},{north}"));
    }
    words.extend(["--out".to_owned(), out.display().to_string()]);
    Ok(ExportCommand {
        line: shell_line(&words),
        differs: Some(t!("export-copy-view").to_owned()),
    })
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
