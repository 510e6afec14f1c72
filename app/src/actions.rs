//! What commands do. They run here, at the end of a frame, and never in the middle of drawing.

use std::path::{Path, PathBuf};

use egui::ViewportCommand;
use terroir_scene::{Document, History, LayerId};

use crate::arrangement::{Panel, Side};
use crate::commands::Command;
use crate::dialogs::{Dialog, ExportForm, Purpose};
use crate::files::{FileTask, OpenRole};
use crate::language::t;
use crate::messages::Level;
use crate::session::{AttributeTable, ViewRequest};
use crate::state::{Live, LiveLook, Project, State};
use crate::tools::Tool;

/// Runs one command. Says why when it cannot run now.
pub fn run(state: &mut State, ctx: &egui::Context, command: Command) {
    if let Err(why) = command.can_run(state) {
        state.messages.show(
            Level::Info,
            format!("{}: {why}.", command.info().name().trim_end_matches('…')),
        );
        return;
    }
    if changes_document(command) {
        crate::tools::end_stroke(state);
    }
    let active = state.active_layer().map(|layer| layer.id);
    match command {
        Command::NewProject => state.ask_unsaved(ctx, After::NewProject),
        Command::OpenProject => state.pick(ctx, Purpose::Open),
        Command::OpenFolder => state.pick(ctx, Purpose::OpenFolder),
        Command::OpenAddress => state.dialogs.open(Dialog::Address {
            text: String::new(),
        }),
        Command::Connect => state.connect_layers(),
        Command::OpenPath => state.dialogs.type_path(Purpose::Open, String::new(), None),
        Command::SaveProject => match state.project.path.clone() {
            Some(path) if !state.project.read_only => state.save_project(path),
            _ => state.pick(ctx, Purpose::SaveProject),
        },
        Command::SaveProjectAs => state.pick(ctx, Purpose::SaveProject),
        Command::AddRaster => state.pick(ctx, Purpose::AddRaster),
        Command::SeriesFromFolder => state.pick(ctx, Purpose::SeriesFolder),
        Command::SeriesFromLayers => state.series_from_layers(),
        Command::AddWeather => state.pick(ctx, Purpose::Weather),
        Command::NextDate => state.step_frame(false, false),
        Command::PreviousDate => state.step_frame(true, false),
        Command::PlayDates => {
            let timeline = &mut state.session.timeline;
            timeline.playing = match timeline.playing {
                Some(_) => None,
                None => Some(std::time::Instant::now()),
            };
        }
        Command::HideClouds => hide_clouds(state),
        Command::TimelinePanel => {
            state.session.timeline.is_open = !state.session.timeline.is_open;
        }
        Command::AddVector => state.pick(ctx, Purpose::AddVector),
        Command::UseAsLabels => state.use_as_labels(),
        Command::UseAsArea => state.use_as_area(),
        Command::AttributeTable => {
            state.session.attribute_table = active.map(|layer| AttributeTable {
                layer,
                sorted: None,
                order: None,
            });
        }
        Command::ImportLabels => state.pick(ctx, Purpose::ImportLabels),
        Command::ExportLabels => state.pick(ctx, Purpose::ExportLabels),
        Command::LoadClasses => state.pick(ctx, Purpose::LoadClasses),
        Command::SaveClasses => state.pick(ctx, Purpose::SaveClasses),
        Command::Export => {
            let form = ExportForm::new(state);
            state.dialogs.open(Dialog::Export(form));
        }
        Command::Quit => ctx.send_viewport_cmd(ViewportCommand::Close),
        Command::Undo => {
            state.history.undo();
        }
        Command::Redo => {
            state.history.redo();
        }
        Command::RemoveLayer => {
            if let Some(id) = active {
                remove_layer(state, id);
            }
        }
        Command::RenameLayer => {
            state.session.rename = state
                .active_layer()
                .map(|layer| (layer.id, layer.name.clone()));
        }
        Command::LayerProperties => state.session.properties = active,
        Command::Models => state.arrangement.show(Panel::Models),
        Command::Training => state.arrangement.show(Panel::Training),
        Command::CropMaps => state.arrangement.show(Panel::Crops),
        Command::SoilMoisture => state.arrangement.show(Panel::Soil),
        Command::ZoomToLayer => state.session.view = active.map(ViewRequest::Layer),
        Command::ZoomToPixels => state.session.view = active.map(ViewRequest::Pixels),
        Command::ZoomFull => state.session.view = Some(ViewRequest::Full),
        Command::ZoomIn => state.session.view = Some(ViewRequest::Zoom(2.0)),
        Command::ZoomOut => state.session.view = Some(ViewRequest::Zoom(0.5)),
        Command::Compare => state.toggle_compare(),
        Command::HideLayer => state.hide_for_a_moment(ctx.input(|input| input.time)),
        Command::Redraw => state.session.view = Some(ViewRequest::Redraw),
        Command::FullScreen => {
            let is_full = ctx.input(|input| input.viewport().fullscreen.unwrap_or(false));
            ctx.send_viewport_cmd(ViewportCommand::Fullscreen(!is_full));
        }
        Command::LeftPanel => state.arrangement.toggle_side(Side::Left),
        Command::RightPanel => state.arrangement.toggle_side(Side::Right),
        Command::TogglePanel(panel) => state.arrangement.toggle(panel),
        Command::ResetPanels => state.arrangement.reset(),
        Command::Palette => {
            state.session.palette = Some(String::new());
            state.session.palette_row = 0;
        }
        Command::Theme => {
            state.settings.dark = !state.settings.dark;
            state.save_settings();
        }
        Command::MapCrs => state.choose_map_crs(),
        Command::LayerCrs => {
            if let Some(id) = active {
                state.choose_layer_crs(id);
            }
        }
        Command::Graticule => {
            state.settings.graticule = !state.settings.graticule;
            state.save_settings();
        }
        Command::ScaleBar => {
            state.settings.scale_bar = !state.settings.scale_bar;
            state.save_settings();
        }
        Command::NorthArrow => {
            state.settings.north_arrow = !state.settings.north_arrow;
            state.save_settings();
        }
        Command::UseTool(tool) => {
            state.session.tool = tool;
            state.session.similar.pick = None;
        }
        Command::BrushSmaller => {
            state.session.brush_diameter =
                crate::tools::next_size(state.session.brush_diameter, false)
        }
        Command::BrushLarger => {
            state.session.brush_diameter =
                crate::tools::next_size(state.session.brush_diameter, true)
        }
        Command::SwapEraser => {
            state.session.tool = if state.session.tool == Tool::Brush {
                Tool::Eraser
            } else {
                Tool::Brush
            };
        }
        Command::NewClass => state.add_class(),
        Command::Protect => state.session.protect = !state.session.protect,
        Command::SnapStrokes => {
            state.session.snapping.is_on = !state.session.snapping.is_on;
            if state.session.snapping.is_on {
                // Only the brush snaps.
                state.session.tool = crate::tools::Tool::Brush;
            }
        }
        Command::LiveMap => state.live.visible = !state.live.visible,
        Command::LiveConfidence => {
            state.live.look = match state.live.look {
                LiveLook::Classes => LiveLook::Confidence,
                _ => LiveLook::Classes,
            };
            state.live.visible = true;
        }
        Command::NextPlace => state.next_place(),
        Command::KeepProfile => {
            state.arrangement.show(Panel::Spectrum);
            state.keep_profile();
        }
        Command::ProfileTable => state.pick(ctx, Purpose::ProfileTable),
        Command::ProfilePicture => state.pick(ctx, Purpose::ProfilePicture),
        Command::CopyProfiles => {
            let profiles = state.profiles_to_write();
            state.copy_profiles(ctx, &profiles);
        }
        Command::MakeField => state.arrangement.show(Panel::Run),
        Command::Forecast => state.ask_for_forecast(),
        Command::BuildOverviews => {
            state.build_overviews();
            state.arrangement.show(Panel::Run);
        }
        Command::CheckAccuracy => {
            state.arrangement.show(Panel::Accuracy);
            state.start_validation();
        }
        Command::Recover => state.ask_unsaved(ctx, After::Recover),
        Command::DiscardRecovery => {
            if let Some(folder) = state.recovery.take() {
                state.messages.drop_offers(Command::Recover);
                state.send(FileTask::DiscardRecovery { folder });
            }
        }
        Command::Help => state.session.keys.is_open = !state.session.keys.is_open,
        Command::About => {
            state.session.about_open = !state.session.about_open;
            state.session.about_system = false;
        }
        Command::SystemPage => {
            state.session.about_open = true;
            state.session.about_system = true;
        }
    }
}

/// Commands that are no part of a stroke under way: it ends before them.
fn changes_document(command: Command) -> bool {
    matches!(
        command,
        Command::Undo
            | Command::Redo
            | Command::RemoveLayer
            | Command::NewClass
            | Command::UseAsLabels
            | Command::UseAsArea
            | Command::HideClouds
    )
}

/// Makes what the masks of the series hide transparent, or shows it again.
fn hide_clouds(state: &mut State) {
    let Some(layer) = state.series_layer() else {
        return;
    };
    let hides = layer.series().is_some_and(|series| series.hide_clouds);
    let name = if hides {
        t!("undo-show-clouds", name = &layer.name)
    } else {
        t!("undo-hide-clouds", name = &layer.name)
    };
    state.change_layer(layer.id, &name, |layer| {
        if let Some(series) = layer.series_mut() {
            series.hide_clouds = !hides;
        }
    });
}

pub fn remove_layer(state: &mut State, id: LayerId) {
    let Some(name) = state
        .history
        .document()
        .layer(id)
        .map(|layer| layer.name.clone())
    else {
        return;
    };
    state
        .history
        .change(&t!("undo-remove", name = &name), |document| {
            document.remove_layer(id)
        });
    state.messages.show_with_action(
        Level::Info,
        t!("news-removed", name = &name),
        t!("news-undo"),
        Command::Undo,
    );
}

/// What follows once the user decided about unsaved changes.
#[derive(Clone, Debug, PartialEq)]
pub enum After {
    NewProject,
    OpenProject(PathBuf),
    Recover,
    Quit,
}

impl State {
    /// Asks about unsaved changes, then goes on.
    pub fn ask_unsaved(&mut self, ctx: &egui::Context, after: After) {
        if self.history.is_dirty() {
            self.dialogs.open(Dialog::Unsaved {
                after,
                is_saving: false,
            });
        } else {
            self.go_on(ctx, after);
        }
    }

    /// Does what was waiting for the answer about unsaved changes.
    pub fn go_on(&mut self, ctx: &egui::Context, after: After) {
        match after {
            After::NewProject => self.replace_document(Document::default(), None, false),
            After::OpenProject(path) => {
                self.opening += 1;
                self.send(FileTask::OpenProject { path });
            }
            After::Recover => {
                if let Some(folder) = self.recovery.clone() {
                    self.opening += 1;
                    self.send(FileTask::OpenRecovery { folder });
                }
            }
            After::Quit => {
                self.session.is_closing = true;
                ctx.send_viewport_cmd(ViewportCommand::Close);
            }
        }
    }

    /// A new document takes the window over; session and caches start afresh.
    pub fn replace_document(&mut self, document: Document, path: Option<PathBuf>, read_only: bool) {
        self.history = History::new(document);
        self.document_number += 1;
        self.project = Project {
            path,
            read_only,
            saving: None,
        };
        // What the journal holds is of the document before.
        self.journaled = None;
        self.derived = crate::state::Derived::default();
        self.live = Live::default();
        self.session.sample.forget();
        self.suggestions.clear();
        self.series_field.begin_document();
        self.forecast = crate::forecast::ForecastForm::default();
        self.session.class_id = 0;
        self.session.active = None;
        self.session.stroke = None;
        self.session.growing.keep();
        self.session.snapping.forget();
        self.label_work.forget();
        self.session.clicked_pixel = None;
        self.session.hovered_pixel = None;
        self.session.similar = crate::similarity::SimilarView::default();
        self.session.profiles.clicked.clear();
        self.session.profiles.clicked_at = None;
        self.session.profiles.selected = None;
        self.session.properties = None;
        self.session.timeline.playing = None;
        self.session.timeline.date_edit = None;
        self.session.time = crate::time_points::TimeView::default();
        self.session.attribute_table = None;
        self.session.folded.clear();
        self.forget_shapes();
        self.session.sample = crate::answering::SampleView::default();
        self.session.compare = None;
        self.session.hidden = None;
        self.session.pending_limits.clear();
        self.session.view = Some(ViewRequest::Full);
        self.waiting_labels.clear();
    }

    /// Opens files of any kind the window knows: projects, vectors, rasters.
    pub fn open_files(&mut self, ctx: &egui::Context, paths: Vec<PathBuf>) {
        let mut rasters = Vec::new();
        for path in paths {
            match kind_of(&path) {
                FileKind::Project => self.ask_unsaved(ctx, After::OpenProject(path)),
                FileKind::Vector => self.open_vector(path),
                FileKind::Weights => self.import_weights(path),
                FileKind::Raster => rasters.push(path),
            }
        }
        self.add_rasters(rasters);
    }

    /// One raster is opened; of several, and of folders, is found out first what belongs together.
    pub fn add_rasters(&mut self, paths: Vec<PathBuf>) {
        match paths.as_slice() {
            [] => {}
            // Whether it is a folder is for the file thread to see.
            [only] => self.open_raster(only.clone(), OpenRole::Add),
            _ => self.find_series(paths),
        }
    }

    pub fn open_raster(&mut self, path: PathBuf, role: OpenRole) {
        self.opening += 1;
        self.send(FileTask::OpenRaster { path, role });
    }

    /// Asks for the attributes first; waits while rasters are still being opened, because labels need a grid.
    pub fn import_labels(&mut self, path: PathBuf) {
        if self.has_label_grid() {
            self.send(FileTask::Attributes { path, table: None });
        } else if self.opening > 0 {
            self.waiting_labels.push(path);
        } else {
            self.messages.show(
                Level::Warning,
                format!("{}\n{}", t!("news-labels-need-scene"), path.display()),
            );
        }
    }

    pub fn save_project(&mut self, path: PathBuf) {
        let path = if path.extension().is_none() {
            path.with_extension("terroir")
        } else {
            path
        };
        let (document, revision) = (self.history.document().clone(), self.history.value());
        self.project.saving = Some(revision);
        self.send(FileTask::SaveProject {
            document,
            path,
            revision,
        });
    }

    pub fn save_settings(&mut self) {
        if !self.has_settings {
            return;
        }
        let settings = self.settings.clone();
        self.send(FileTask::SaveSettings(settings));
    }

    pub fn remember_file(&mut self, path: &Path) {
        // Sub-datasets and addresses are no places in a folder.
        let is_file = !path.to_string_lossy().contains(':');
        let whole = is_file.then(|| std::path::absolute(path).ok()).flatten();
        self.settings.remember(whole.as_deref().unwrap_or(path));
        self.save_settings();
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Project,
    Vector,
    Weights,
    Raster,
}

/// By the name alone; what is no project, vector or weights file is tried as a raster.
pub fn kind_of(path: &Path) -> FileKind {
    let extension = path
        .extension()
        .map(|extension| extension.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    match extension.as_str() {
        "terroir" => FileKind::Project,
        "geojson" | "gpkg" | "shp" | "csv" | "kml" | "fgb" | "gml" | "gpx" => FileKind::Vector,
        "pth" | "pt" | "safetensors" | "bpk" => FileKind::Weights,
        _ => FileKind::Raster,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_apart_by_name() {
        assert_eq!(kind_of(Path::new("a/b.terroir")), FileKind::Project);
        assert_eq!(kind_of(Path::new("labels.GeoJSON")), FileKind::Vector);
        assert_eq!(kind_of(Path::new("scene.tif")), FileKind::Raster);
        assert_eq!(kind_of(Path::new("a.PTH")), FileKind::Weights);
        assert_eq!(
            kind_of(Path::new("NETCDF:a.nc:reflectance")),
            FileKind::Raster
        );
    }
}
