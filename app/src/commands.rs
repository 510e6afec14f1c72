//! The one table of commands: words, icon, keys and whether it can run now. Menu, toolbar, palette, keyboard
//! and tests all read it. What a command does stands in `actions.rs`.

use egui::{Key, Modifiers};

use crate::arrangement::Panel;
use crate::language::{self, t};
use crate::state::State;
use crate::theme::icon;
use crate::tools::Tool;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    NewProject,
    OpenProject,
    OpenFolder,
    OpenPath,
    OpenAddress,
    SaveProject,
    SaveProjectAs,
    AddRaster,
    SeriesFromFolder,
    SeriesFromLayers,
    AddWeather,
    NextDate,
    PreviousDate,
    PlayDates,
    HideClouds,
    TimelinePanel,
    AddVector,
    UseAsLabels,
    UseAsArea,
    AttributeTable,
    ImportLabels,
    ExportLabels,
    LoadClasses,
    SaveClasses,
    Export,
    Quit,
    Undo,
    Redo,
    RemoveLayer,
    RenameLayer,
    LayerProperties,
    ZoomToLayer,
    ZoomToPixels,
    ZoomFull,
    ZoomIn,
    ZoomOut,
    Compare,
    HideLayer,
    Redraw,
    FullScreen,
    LeftPanel,
    RightPanel,
    TogglePanel(Panel),
    ResetPanels,
    Palette,
    Theme,
    MapCrs,
    LayerCrs,
    Graticule,
    ScaleBar,
    NorthArrow,
    UseTool(Tool),
    BrushSmaller,
    BrushLarger,
    SwapEraser,
    NewClass,
    Protect,
    SnapStrokes,
    LiveMap,
    LiveConfidence,
    NextPlace,
    Connect,
    KeepProfile,
    ProfileTable,
    ProfilePicture,
    CopyProfiles,
    MakeField,
    Forecast,
    Models,
    Training,
    CropMaps,
    SoilMoisture,
    CheckAccuracy,
    BuildOverviews,
    Recover,
    DiscardRecovery,
    Help,
    About,
    SystemPage,
}

/// A key with exactly these modifiers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shortcut {
    pub modifiers: Modifiers,
    pub key: Key,
}

pub struct CommandInfo {
    pub command: Command,
    /// Id of its name in the catalogue.
    pub id: &'static str,
    /// Id of its tooltip: the attribute `tip` of the name.
    pub tip: &'static str,
    pub icon: &'static str,
    pub keys: &'static [Shortcut],
}

const NONE: Modifiers = Modifiers::NONE;
const CTRL: Modifiers = Modifiers::COMMAND;
const CTRL_SHIFT: Modifiers = Modifiers {
    alt: false,
    ctrl: false,
    shift: true,
    mac_cmd: false,
    command: true,
};

const fn key(modifiers: Modifiers, key: Key) -> Shortcut {
    Shortcut { modifiers, key }
}

/// A row of the table; the words stand in `commands.ftl` under the id and its attribute `tip`.
macro_rules! row {
    ($command:expr, $id:literal, $icon:expr, $keys:expr $(,)?) => {
        CommandInfo {
            command: $command,
            id: $id,
            tip: concat!($id, ".tip"),
            icon: $icon,
            keys: $keys,
        }
    };
}

impl CommandInfo {
    /// In the window's language.
    pub fn name(&self) -> &'static str {
        language::words(self.id)
    }

    /// What it does, in the window's language.
    pub fn tooltip(&self) -> &'static str {
        language::words(self.tip)
    }
}

use Command as C;
use Tool as T;

/// Every command, in the order the palette shows them.
pub static COMMANDS: &[CommandInfo] = &[
    row!(
        C::NewProject,
        "new-project",
        icon::FILE_PLUS,
        &[key(CTRL, Key::N)]
    ),
    row!(
        C::OpenProject,
        "open-project",
        icon::FOLDER_OPEN,
        &[key(CTRL, Key::O)]
    ),
    row!(C::OpenFolder, "open-folder", icon::FOLDERS, &[]),
    row!(
        C::OpenPath,
        "open-path",
        icon::TEXT_T,
        &[key(CTRL_SHIFT, Key::O)]
    ),
    row!(C::OpenAddress, "open-address", icon::GLOBE, &[]),
    row!(
        C::SaveProject,
        "save-project",
        icon::FLOPPY_DISK,
        &[key(CTRL, Key::S)]
    ),
    row!(
        C::SaveProjectAs,
        "save-project-as",
        icon::FLOPPY_DISK_BACK,
        &[key(CTRL_SHIFT, Key::S)]
    ),
    row!(
        C::AddRaster,
        "add-raster",
        icon::STACK_PLUS,
        &[key(CTRL_SHIFT, Key::R)]
    ),
    row!(
        C::SeriesFromFolder,
        "series-from-folder",
        icon::FOLDERS,
        &[]
    ),
    row!(
        C::SeriesFromLayers,
        "series-from-layers",
        icon::STACK_SIMPLE,
        &[]
    ),
    row!(C::AddWeather, "add-weather", icon::THERMOMETER, &[]),
    row!(
        C::NextDate,
        "next-date",
        icon::SKIP_FORWARD,
        &[key(NONE, Key::Period)]
    ),
    row!(
        C::PreviousDate,
        "previous-date",
        icon::SKIP_BACK,
        &[key(NONE, Key::Comma)]
    ),
    row!(
        C::PlayDates,
        "play-dates",
        icon::PLAY,
        &[key(CTRL, Key::Period)]
    ),
    row!(C::HideClouds, "hide-clouds", icon::CLOUD_SLASH, &[]),
    row!(
        C::TimelinePanel,
        "timeline-panel",
        icon::CALENDAR_DOTS,
        &[key(CTRL, Key::Num4)]
    ),
    row!(
        C::AddVector,
        "add-vector",
        icon::POLYGON,
        &[key(CTRL_SHIFT, Key::V)]
    ),
    row!(C::UseAsLabels, "use-as-labels", icon::TAG, &[]),
    row!(C::UseAsArea, "use-as-area", icon::SELECTION, &[]),
    row!(
        C::AttributeTable,
        "attribute-table",
        icon::TABLE,
        &[key(NONE, Key::F6)]
    ),
    row!(C::ImportLabels, "import-labels", icon::DOWNLOAD_SIMPLE, &[]),
    row!(C::ExportLabels, "export-labels", icon::TAG, &[]),
    row!(C::Export, "export", icon::EXPORT, &[key(CTRL, Key::E)]),
    row!(C::Quit, "quit", icon::SIGN_OUT, &[key(CTRL, Key::Q)]),
    row!(C::Undo, "undo", icon::ARROW_U_UP_LEFT, &[key(CTRL, Key::Z)]),
    row!(
        C::Redo,
        "redo",
        icon::ARROW_U_UP_RIGHT,
        &[key(CTRL_SHIFT, Key::Z), key(CTRL, Key::Y)]
    ),
    row!(
        C::RemoveLayer,
        "remove-layer",
        icon::TRASH,
        &[key(CTRL, Key::D)]
    ),
    row!(
        C::RenameLayer,
        "rename-layer",
        icon::PENCIL_SIMPLE,
        &[key(NONE, Key::F2)]
    ),
    row!(C::LayerProperties, "layer-properties", icon::INFO, &[]),
    row!(C::ZoomToLayer, "zoom-to-layer", icon::FRAME_CORNERS, &[]),
    row!(
        C::ZoomToPixels,
        "zoom-to-pixels",
        icon::MAGNIFYING_GLASS,
        &[]
    ),
    row!(
        C::ZoomFull,
        "zoom-full",
        icon::ARROWS_OUT,
        &[key(CTRL_SHIFT, Key::F)]
    ),
    row!(
        C::ZoomIn,
        "zoom-in",
        icon::MAGNIFYING_GLASS_PLUS,
        &[
            key(NONE, Key::PageUp),
            key(CTRL, Key::Plus),
            key(CTRL, Key::Equals),
        ]
    ),
    row!(
        C::ZoomOut,
        "zoom-out",
        icon::MAGNIFYING_GLASS_MINUS,
        &[key(NONE, Key::PageDown), key(CTRL, Key::Minus)]
    ),
    row!(
        C::Compare,
        "compare",
        icon::SPLIT_HORIZONTAL,
        &[key(NONE, Key::W)]
    ),
    row!(
        C::HideLayer,
        "hide-layer",
        icon::EYE_SLASH,
        &[key(NONE, crate::compare::HIDE_KEY)]
    ),
    row!(
        C::Redraw,
        "redraw",
        icon::ARROWS_CLOCKWISE,
        &[key(NONE, Key::F5)]
    ),
    row!(
        C::FullScreen,
        "full-screen",
        icon::CORNERS_OUT,
        &[key(NONE, Key::F11)]
    ),
    row!(
        C::LeftPanel,
        "left-panel",
        icon::SIDEBAR_SIMPLE,
        &[key(CTRL, Key::Num7)]
    ),
    row!(
        C::RightPanel,
        "right-panel",
        icon::SIDEBAR,
        &[key(CTRL, Key::Num2)]
    ),
    row!(
        C::TogglePanel(Panel::Layers),
        "layers-panel",
        icon::STACK,
        &[key(CTRL, Key::Num1)]
    ),
    row!(
        C::TogglePanel(Panel::Classes),
        "classes-panel",
        icon::TAG,
        &[]
    ),
    row!(
        C::TogglePanel(Panel::Style),
        "style-panel",
        icon::PALETTE,
        &[key(CTRL, Key::Num3)]
    ),
    row!(
        C::TogglePanel(Panel::Spectrum),
        "spectrum-panel",
        icon::WAVE_SINE,
        &[]
    ),
    row!(
        C::TogglePanel(Panel::Time),
        "time-panel",
        icon::CALENDAR_DOTS,
        &[key(CTRL, Key::Num6)]
    ),
    row!(C::TogglePanel(Panel::Field), "field-panel", icon::CUBE, &[]),
    row!(C::TogglePanel(Panel::Run), "run-panel", icon::PLAY, &[]),
    row!(
        C::TogglePanel(Panel::Accuracy),
        "accuracy-panel",
        icon::TARGET,
        &[]
    ),
    row!(
        C::TogglePanel(Panel::Steps),
        "undo-panel",
        icon::CLOCK_COUNTER_CLOCKWISE,
        &[key(CTRL, Key::Num5)]
    ),
    row!(
        C::TogglePanel(Panel::Log),
        "log-panel",
        icon::LIST_CHECKS,
        &[key(CTRL, Key::L)]
    ),
    row!(C::ResetPanels, "reset-panels", icon::SQUARES_FOUR, &[]),
    row!(C::Palette, "palette", icon::COMMAND, &[key(CTRL, Key::K)]),
    row!(C::Theme, "theme", icon::CIRCLE_HALF, &[]),
    row!(C::MapCrs, "map-crs", icon::GLOBE, &[]),
    row!(C::LayerCrs, "layer-crs", icon::GLOBE_STAND, &[]),
    row!(C::Graticule, "graticule", icon::GRID_NINE, &[]),
    row!(C::ScaleBar, "scale-bar", icon::RULER, &[]),
    row!(C::NorthArrow, "north-arrow", icon::NAVIGATION_ARROW, &[]),
    row!(
        C::UseTool(T::Pan),
        "tool-pan",
        icon::HAND,
        &[key(NONE, Key::H)]
    ),
    row!(
        C::UseTool(T::Identify),
        "tool-identify",
        icon::INFO,
        &[key(NONE, Key::I), key(CTRL_SHIFT, Key::I)]
    ),
    row!(
        C::UseTool(T::Brush),
        "tool-brush",
        icon::PAINT_BRUSH,
        &[key(NONE, Key::P), key(NONE, Key::Num2)]
    ),
    row!(
        C::UseTool(T::Eraser),
        "tool-eraser",
        icon::ERASER,
        &[key(NONE, Key::E), key(NONE, Key::Num1)]
    ),
    row!(
        C::UseTool(T::Polygon),
        "tool-polygon",
        icon::POLYGON,
        &[key(NONE, Key::Num3)]
    ),
    row!(
        C::UseTool(T::Fill),
        "tool-fill",
        icon::PAINT_BUCKET,
        &[key(NONE, Key::F), key(NONE, Key::Num4)]
    ),
    row!(
        C::UseTool(T::Grow),
        "tool-grow",
        icon::MAGIC_WAND,
        &[key(NONE, Key::G), key(NONE, Key::Num6)]
    ),
    row!(
        C::UseTool(T::Pick),
        "tool-pick",
        icon::EYEDROPPER,
        &[key(NONE, Key::L), key(NONE, Key::Num5)]
    ),
    row!(
        C::BrushSmaller,
        "brush-smaller",
        icon::MINUS,
        &[key(NONE, Key::OpenBracket)]
    ),
    row!(
        C::BrushLarger,
        "brush-larger",
        icon::PLUS,
        &[key(NONE, Key::CloseBracket)]
    ),
    row!(
        C::SwapEraser,
        "swap-eraser",
        icon::SWAP,
        &[key(NONE, Key::X)]
    ),
    row!(C::NewClass, "new-class", icon::PLUS, &[key(NONE, Key::M)]),
    row!(C::LoadClasses, "load-classes", icon::FOLDER_OPEN, &[]),
    row!(C::SaveClasses, "save-classes", icon::FILE_CSV, &[]),
    row!(
        C::Protect,
        "protect",
        icon::LOCK_SIMPLE,
        &[key(NONE, Key::B)]
    ),
    row!(C::SnapStrokes, "snap-strokes", icon::MAGNET, &[]),
    row!(
        C::LiveMap,
        "live-map",
        icon::MAP_TRIFOLD,
        &[key(NONE, Key::V)]
    ),
    row!(
        C::LiveConfidence,
        "live-confidence",
        icon::CHART_BAR,
        &[key(NONE, Key::C)]
    ),
    row!(
        C::NextPlace,
        "next-place",
        icon::CROSSHAIR,
        &[key(NONE, Key::N)]
    ),
    row!(C::Connect, "connect", icon::PLUGS, &[]),
    row!(
        C::KeepProfile,
        "keep-profile",
        icon::CHART_LINE,
        &[key(NONE, Key::K)]
    ),
    row!(C::ProfileTable, "profile-table", icon::FILE_CSV, &[]),
    row!(C::ProfilePicture, "profile-picture", icon::FILE_SVG, &[]),
    row!(C::CopyProfiles, "copy-profiles", icon::COPY, &[]),
    row!(C::MakeField, "make-field", icon::CUBE, &[]),
    row!(C::Forecast, "forecast", icon::CALENDAR_PLUS, &[]),
    row!(C::Models, "models", icon::BRAIN, &[]),
    row!(C::Training, "training", icon::GRADUATION_CAP, &[]),
    row!(C::CropMaps, "crop-maps", icon::PLANT, &[]),
    row!(C::SoilMoisture, "soil-moisture", icon::DROP, &[]),
    row!(C::CheckAccuracy, "check-accuracy", icon::TARGET, &[]),
    row!(
        C::BuildOverviews,
        "build-overviews",
        icon::STACK_SIMPLE,
        &[]
    ),
    row!(C::Recover, "recover", icon::LIFEBUOY, &[]),
    row!(C::DiscardRecovery, "discard-recovery", icon::TRASH, &[]),
    row!(C::Help, "help", icon::QUESTION, &[key(NONE, Key::F1)]),
    row!(C::About, "about", icon::INFO, &[]),
    row!(C::SystemPage, "system-report", icon::STETHOSCOPE, &[]),
];

impl Command {
    pub fn info(self) -> &'static CommandInfo {
        // The table holds every command (see the test), so the fallback is never shown.
        COMMANDS
            .iter()
            .find(|info| info.command == self)
            .unwrap_or(&COMMANDS[0])
    }

    /// `Err` says why it cannot run now and what would help.
    pub fn can_run(self, state: &State) -> Result<(), &'static str> {
        let document = state.history.document();
        let need = |ok: bool, why: &'static str| if ok { Ok(()) } else { Err(why) };
        let has_raster = document
            .layers
            .iter()
            .any(|layer| state.raster_info(layer).is_some());
        match self {
            C::Undo => need(
                state.history.undo_name().is_some(),
                t!("why-nothing-to-undo"),
            ),
            C::Redo => need(
                state.history.redo_name().is_some(),
                t!("why-nothing-to-redo"),
            ),
            C::SaveProject | C::SaveProjectAs | C::ZoomFull | C::Redraw | C::Export => {
                need(!document.layers.is_empty(), t!("why-add-layer"))
            }
            C::RemoveLayer | C::RenameLayer | C::LayerProperties | C::ZoomToLayer => {
                need(state.active_layer().is_some(), t!("why-choose-layer"))
            }
            C::KeepProfile => need(has_raster, t!("why-add-raster")),
            C::ProfileTable | C::ProfilePicture | C::CopyProfiles => need(
                !document.profiles.is_empty() || !state.session.profiles.clicked.is_empty(),
                t!("why-keep-profile"),
            ),
            C::Compare => crate::compare::can_compare(state),
            C::HideLayer => need(state.active_layer().is_some(), t!("why-choose-layer")),
            C::ZoomToPixels => need(
                state
                    .active_layer()
                    .is_some_and(|layer| state.raster_info(layer).is_some()),
                t!("why-choose-raster"),
            ),
            C::SeriesFromLayers => need(
                document
                    .layers
                    .iter()
                    .filter(|layer| {
                        matches!(layer.source, terroir_scene::LayerSource::Raster { .. })
                    })
                    .count()
                    > 0,
                t!("why-add-dates"),
            ),
            C::NextDate | C::PreviousDate | C::PlayDates | C::TimelinePanel => {
                need(state.series_layer().is_some(), t!("why-open-series"))
            }
            C::HideClouds => need(
                state.series_layer().is_some_and(|layer| {
                    layer
                        .series()
                        .is_some_and(|series| series.frames().iter().any(|f| f.mask.is_some()))
                }),
                t!("why-no-masks"),
            ),
            C::MapCrs => need(has_raster, t!("why-add-raster")),
            C::LayerCrs => need(
                state.active_layer().is_some_and(|layer| {
                    let info = state.raster_info(layer);
                    info.is_some_and(|info| info.grid.georef.takes_crs())
                }),
                t!("why-has-crs"),
            ),
            C::SaveClasses => need(
                document
                    .labels
                    .as_ref()
                    .is_some_and(|labels| !labels.classes.is_empty()),
                t!("why-no-classes"),
            ),
            C::ImportLabels | C::LoadClasses | C::NewClass => {
                need(has_raster, t!("why-add-raster"))
            }
            C::AttributeTable | C::UseAsArea if !state.active_is_vector() => {
                Err(t!("why-choose-vector"))
            }
            C::UseAsLabels if state.labels_source().is_none() => Err(t!("why-choose-vector")),
            C::UseAsLabels => need(state.has_label_grid(), t!("why-labels-need-scene")),
            C::UseTool(tool) if tool.paints() => need(has_raster, t!("why-add-raster")),
            C::SnapStrokes => need(has_raster, t!("why-add-raster")),
            C::ExportLabels => need(
                document
                    .labels
                    .as_ref()
                    .is_some_and(|labels| !labels.is_empty()),
                t!("why-no-labels"),
            ),
            C::LiveMap | C::LiveConfidence | C::NextPlace | C::CheckAccuracy => {
                need(state.live.fit.is_some(), t!("why-no-live-map"))
            }
            C::Connect => need(
                !state.unconnected_layers().is_empty(),
                t!("why-all-connected"),
            ),
            C::MakeField => need(
                document.layers.iter().any(|layer| {
                    state
                        .raster_info(layer)
                        .is_some_and(|info| !info.is_field())
                }),
                t!("why-add-scene"),
            ),
            C::Forecast => need(
                !state.image_series().is_empty(),
                t!("why-open-image-series"),
            ),
            C::BuildOverviews => state.can_build_overviews(),
            C::Recover | C::DiscardRecovery => {
                need(state.recovery.is_some(), t!("why-nothing-to-recover"))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_stands_once_in_the_table() {
        for (index, info) in COMMANDS.iter().enumerate() {
            assert!(
                !COMMANDS[..index]
                    .iter()
                    .any(|other| other.command == info.command),
                "{} twice",
                info.id
            );
            assert_eq!(info.command.info().id, info.id);
        }
    }

    #[test]
    fn no_key_means_two_things() {
        let mut seen: Vec<(Shortcut, &str)> = Vec::new();
        for info in COMMANDS {
            for shortcut in info.keys {
                assert!(
                    !seen.iter().any(|(other, _)| other == shortcut),
                    "{:?} of {} is taken",
                    shortcut,
                    info.id
                );
                seen.push((*shortcut, info.id));
            }
        }
    }
}
