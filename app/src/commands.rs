//! The one table of commands: name, tooltip, icon, keys and whether it can run now. Menu, toolbar, palette, keyboard
//! and tests all read it. What a command does stands in `actions.rs`.

use egui::{Key, Modifiers};

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
    StylePanel,
    UndoPanel,
    LogPanel,
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
    SoilMoisture,
    CheckAccuracy,
    BuildOverviews,
    Recover,
    DiscardRecovery,
    Help,
    About,
}

/// A key with exactly these modifiers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shortcut {
    pub modifiers: Modifiers,
    pub key: Key,
}

pub struct CommandInfo {
    pub command: Command,
    pub name: &'static str,
    pub tooltip: &'static str,
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

const fn row(
    command: Command,
    name: &'static str,
    icon: &'static str,
    keys: &'static [Shortcut],
    tooltip: &'static str,
) -> CommandInfo {
    CommandInfo {
        command,
        name,
        tooltip,
        icon,
        keys,
    }
}

use Command as C;
use Tool as T;

/// Every command, in the order the palette shows them.
pub static COMMANDS: &[CommandInfo] = &[
    row(
        C::NewProject,
        "New project",
        icon::FILE_PLUS,
        &[key(CTRL, Key::N)],
        "Start with an empty project",
    ),
    row(
        C::OpenProject,
        "Open…",
        icon::FOLDER_OPEN,
        &[key(CTRL, Key::O)],
        "Open a project, raster or vector file",
    ),
    row(
        C::OpenFolder,
        "Open folder…",
        icon::FOLDERS,
        &[],
        "Open a sensor product that is a folder: Sentinel-2, Landsat, HLS, EnMAP, PlanetScope, STAC or one file a band",
    ),
    row(
        C::OpenPath,
        "Open by path…",
        icon::TEXT_T,
        &[key(CTRL_SHIFT, Key::O)],
        "Type the path of a project, raster or vector file, or the name of a sub-dataset",
    ),
    row(
        C::OpenAddress,
        "Open address…",
        icon::GLOBE,
        &[],
        "Open a raster on a web server; nothing else is read from the network",
    ),
    row(
        C::SaveProject,
        "Save project",
        icon::FLOPPY_DISK,
        &[key(CTRL, Key::S)],
        "Save the project and its labels",
    ),
    row(
        C::SaveProjectAs,
        "Save project as…",
        icon::FLOPPY_DISK_BACK,
        &[key(CTRL_SHIFT, Key::S)],
        "Save the project and its labels under another name",
    ),
    row(
        C::AddRaster,
        "Add raster…",
        icon::STACK_PLUS,
        &[key(CTRL_SHIFT, Key::R)],
        "Add a scene, field or map as a layer",
    ),
    row(
        C::SeriesFromFolder,
        "New series from a folder…",
        icon::FOLDERS,
        &[],
        "Open the dated images of a folder as one layer with a timeline",
    ),
    row(
        C::SeriesFromLayers,
        "New series from layers",
        icon::STACK_SIMPLE,
        &[],
        "Put the raster layers of this project into one layer with a timeline, by their dates",
    ),
    row(
        C::AddWeather,
        "Add weather…",
        icon::THERMOMETER,
        &[],
        "Add daily weather of this place: Daymet, Open-Meteo, NASA POWER, ERA5-Land, AgERA5, E-OBS or your own table",
    ),
    row(
        C::NextDate,
        "Next date",
        icon::SKIP_FORWARD,
        &[key(NONE, Key::Period)],
        "Show the next date of the series",
    ),
    row(
        C::PreviousDate,
        "Previous date",
        icon::SKIP_BACK,
        &[key(NONE, Key::Comma)],
        "Show the date before",
    ),
    row(
        C::PlayDates,
        "Play or pause the dates",
        icon::PLAY,
        &[key(CTRL, Key::Period)],
        "Go through the dates of the series one after another",
    ),
    row(
        C::HideClouds,
        "Hide clouds",
        icon::CLOUD_SLASH,
        &[],
        "Make pixels under clouds, shadows and snow transparent, by the mask of each date",
    ),
    row(
        C::TimelinePanel,
        "Timeline panel",
        icon::CALENDAR_DOTS,
        &[key(CTRL, Key::Num4)],
        "Show or hide the timeline of a series",
    ),
    row(
        C::AddVector,
        "Add vector…",
        icon::POLYGON,
        &[key(CTRL_SHIFT, Key::V)],
        "Add points, lines or polygons as a layer",
    ),
    row(
        C::UseAsLabels,
        "Use as labels…",
        icon::TAG,
        &[],
        "Take the shapes of the active vector layer as labels",
    ),
    row(
        C::UseAsArea,
        "Use as area of interest",
        icon::SELECTION,
        &[],
        "Restrict fields and maps to the polygons of the active vector layer; again to take it back",
    ),
    row(
        C::AttributeTable,
        "Attribute table",
        icon::TABLE,
        &[key(NONE, Key::F6)],
        "Rows of the active vector layer: sort, choose, zoom to",
    ),
    row(
        C::ImportLabels,
        "Import labels…",
        icon::DOWNLOAD_SIMPLE,
        &[],
        "Read polygons or points as labels",
    ),
    row(
        C::ExportLabels,
        "Export labels…",
        icon::TAG,
        &[],
        "Write the labels as GeoPackage, GeoJSON or Shapefile",
    ),
    row(
        C::Export,
        "Export…",
        icon::EXPORT,
        &[key(CTRL, Key::E)],
        "Write the class map as GeoTIFF, the labels, or a picture of the view",
    ),
    row(
        C::Quit,
        "Quit",
        icon::SIGN_OUT,
        &[key(CTRL, Key::Q)],
        "Close the window",
    ),
    row(
        C::Undo,
        "Undo",
        icon::ARROW_U_UP_LEFT,
        &[key(CTRL, Key::Z)],
        "Take back the last step",
    ),
    row(
        C::Redo,
        "Redo",
        icon::ARROW_U_UP_RIGHT,
        &[key(CTRL_SHIFT, Key::Z), key(CTRL, Key::Y)],
        "Do again what was taken back",
    ),
    row(
        C::RemoveLayer,
        "Remove layer",
        icon::TRASH,
        &[key(CTRL, Key::D)],
        "Remove the active layer; can be undone",
    ),
    row(
        C::RenameLayer,
        "Rename layer",
        icon::PENCIL_SIMPLE,
        &[key(NONE, Key::F2)],
        "Give the active layer another name",
    ),
    row(
        C::LayerProperties,
        "Layer properties…",
        icon::INFO,
        &[],
        "Size, place, bands and statistics of the active layer",
    ),
    row(
        C::ZoomToLayer,
        "Zoom to layer",
        icon::FRAME_CORNERS,
        &[],
        "Show the whole active layer",
    ),
    row(
        C::ZoomToPixels,
        "Zoom to 1:1 pixels",
        icon::MAGNIFYING_GLASS,
        &[],
        "One pixel of the active layer is one on the screen",
    ),
    row(
        C::ZoomFull,
        "Full extent",
        icon::ARROWS_OUT,
        &[key(CTRL_SHIFT, Key::F)],
        "Show all layers",
    ),
    row(
        C::ZoomIn,
        "Zoom in",
        icon::MAGNIFYING_GLASS_PLUS,
        &[
            key(NONE, Key::PageUp),
            key(CTRL, Key::Plus),
            key(CTRL, Key::Equals),
        ],
        "Twice as near",
    ),
    row(
        C::ZoomOut,
        "Zoom out",
        icon::MAGNIFYING_GLASS_MINUS,
        &[key(NONE, Key::PageDown), key(CTRL, Key::Minus)],
        "Twice as far",
    ),
    row(
        C::Compare,
        "Compare layers",
        icon::SPLIT_HORIZONTAL,
        &[key(NONE, Key::W)],
        "Draw two layers on the two sides of a divider that is dragged over the map",
    ),
    row(
        C::HideLayer,
        "Hide while held",
        icon::EYE_SLASH,
        &[key(NONE, crate::compare::HIDE_KEY)],
        "Hide the compared or the active layer as long as the key is held",
    ),
    row(
        C::Redraw,
        "Redraw",
        icon::ARROWS_CLOCKWISE,
        &[key(NONE, Key::F5)],
        "Read the visible layers again from their files",
    ),
    row(
        C::FullScreen,
        "Full screen",
        icon::CORNERS_OUT,
        &[key(NONE, Key::F11)],
        "Use the whole screen, or leave it",
    ),
    row(
        C::LeftPanel,
        "Layers panel",
        icon::SIDEBAR_SIMPLE,
        &[key(CTRL, Key::Num1)],
        "Show or hide layers and classes",
    ),
    row(
        C::RightPanel,
        "Tools panel",
        icon::SIDEBAR,
        &[key(CTRL, Key::Num2)],
        "Show or hide the panel on the right",
    ),
    row(
        C::StylePanel,
        "Styling panel",
        icon::PALETTE,
        &[key(CTRL, Key::Num3)],
        "Bands, wavelengths and stretch of the active layer",
    ),
    row(
        C::UndoPanel,
        "Undo panel",
        icon::CLOCK_COUNTER_CLOCKWISE,
        &[key(CTRL, Key::Num5)],
        "Show or hide the list of steps",
    ),
    row(
        C::LogPanel,
        "Log",
        icon::LIST_CHECKS,
        &[key(CTRL, Key::L)],
        "Show or hide the messages of this session",
    ),
    row(
        C::Palette,
        "Find a command or layer…",
        icon::COMMAND,
        &[key(CTRL, Key::K)],
        "Type to find any command or layer",
    ),
    row(
        C::Theme,
        "Light or dark",
        icon::CIRCLE_HALF,
        &[],
        "Change between the light and the dark theme",
    ),
    row(
        C::MapCrs,
        "Coordinate system of the map…",
        icon::GLOBE,
        &[],
        "Draw all layers in another coordinate system",
    ),
    row(
        C::LayerCrs,
        "Coordinate system of the layer…",
        icon::GLOBE_STAND,
        &[],
        "Name the coordinate system of a raster whose file names none",
    ),
    row(
        C::Graticule,
        "Graticule",
        icon::GRID_NINE,
        &[],
        "Show or hide lines of longitude and latitude",
    ),
    row(
        C::ScaleBar,
        "Scale bar",
        icon::RULER,
        &[],
        "Show or hide a length on the ground, true at the middle of the view",
    ),
    row(
        C::NorthArrow,
        "North arrow",
        icon::NAVIGATION_ARROW,
        &[],
        "Show or hide the direction of true north at the middle of the view",
    ),
    row(
        C::UseTool(T::Pan),
        "Pan",
        icon::HAND,
        &[key(NONE, Key::H)],
        "Drag the map; click to centre",
    ),
    row(
        C::UseTool(T::Identify),
        "Identify",
        icon::INFO,
        &[key(NONE, Key::I), key(CTRL_SHIFT, Key::I)],
        "Click a pixel for its coordinates, values and spectrum",
    ),
    row(
        C::UseTool(T::Brush),
        "Brush",
        icon::PAINT_BRUSH,
        &[key(NONE, Key::P), key(NONE, Key::Num2)],
        "Paint pixels of the chosen class",
    ),
    row(
        C::UseTool(T::Eraser),
        "Eraser",
        icon::ERASER,
        &[key(NONE, Key::E), key(NONE, Key::Num1)],
        "Remove painted pixels",
    ),
    row(
        C::UseTool(T::Polygon),
        "Polygon",
        icon::POLYGON,
        &[key(NONE, Key::Num3)],
        "Click corners; double-click or Enter closes, right click drops the last, Esc cancels",
    ),
    row(
        C::UseTool(T::Fill),
        "Fill",
        icon::PAINT_BUCKET,
        &[key(NONE, Key::F), key(NONE, Key::Num4)],
        "Give a painted patch the chosen class",
    ),
    row(
        C::UseTool(T::Pick),
        "Pick class",
        icon::EYEDROPPER,
        &[key(NONE, Key::L), key(NONE, Key::Num5)],
        "Choose the class under the cursor",
    ),
    row(
        C::BrushSmaller,
        "Smaller brush",
        icon::MINUS,
        &[key(NONE, Key::OpenBracket)],
        "Make the brush smaller",
    ),
    row(
        C::BrushLarger,
        "Larger brush",
        icon::PLUS,
        &[key(NONE, Key::CloseBracket)],
        "Make the brush larger",
    ),
    row(
        C::SwapEraser,
        "Swap brush and eraser",
        icon::SWAP,
        &[key(NONE, Key::X)],
        "Change between brush and eraser",
    ),
    row(
        C::NewClass,
        "New class",
        icon::PLUS,
        &[key(NONE, Key::M)],
        "Add a class and choose it",
    ),
    row(
        C::Protect,
        "Protect painted pixels",
        icon::LOCK_SIMPLE,
        &[key(NONE, Key::B)],
        "Painting leaves pixels that already have a class",
    ),
    row(
        C::LiveMap,
        "Live map",
        icon::MAP_TRIFOLD,
        &[key(NONE, Key::V)],
        "Show or hide the class map that follows your labels",
    ),
    row(
        C::LiveConfidence,
        "Live confidence",
        icon::CHART_BAR,
        &[key(NONE, Key::C)],
        "Show how sure the live map is instead of its classes",
    ),
    row(
        C::NextPlace,
        "Next place to label",
        icon::CROSSHAIR,
        &[key(NONE, Key::N)],
        "Go to the unlabelled place where a label helps the live map most: where it is unsure and the ground is unlike any label",
    ),
    row(
        C::Connect,
        "Connect",
        icon::PLUGS,
        &[],
        "Read the layers that are on the network and were not connected yet",
    ),
    row(
        C::KeepProfile,
        "Keep profile",
        icon::CHART_LINE,
        &[key(NONE, Key::K)],
        "Keep the spectrum of the clicked place, else of the place under the cursor; Shift+click keeps too",
    ),
    row(
        C::ProfileTable,
        "Export profiles…",
        icon::FILE_CSV,
        &[],
        "Write the kept profiles as a table (CSV)",
    ),
    row(
        C::ProfilePicture,
        "Export profiles as picture…",
        icon::FILE_SVG,
        &[],
        "Draw the kept profiles into a picture (SVG)",
    ),
    row(
        C::CopyProfiles,
        "Copy profiles",
        icon::COPY,
        &[],
        "Copy the kept profiles as a table (CSV)",
    ),
    row(
        C::MakeField,
        "Make a field…",
        icon::CUBE,
        &[],
        "Turn the scene into an embedding field with a model",
    ),
    row(
        C::Forecast,
        "Forecast or fill a series…",
        icon::CALENDAR_PLUS,
        &[],
        "Images of days that were not seen, and of those under clouds, from the dates of a series",
    ),
    row(
        C::Models,
        "Models…",
        icon::BRAIN,
        &[],
        "Get, import, verify and remove the weights of models",
    ),
    row(
        C::Training,
        "Train a model…",
        icon::GRADUATION_CAP,
        &[],
        "Pretrain a model on your scenes, or fit one to labels, and watch it learn",
    ),
    row(
        C::SoilMoisture,
        "Soil moisture…",
        icon::DROP,
        &[],
        "Estimate soil moisture from stations, weather and dated images, tested at stations held out",
    ),
    row(
        C::CheckAccuracy,
        "Check accuracy",
        icon::TARGET,
        &[],
        "Cross-validate the live map on blocks of the current labels",
    ),
    row(
        C::BuildOverviews,
        "Build overviews",
        icon::STACK_SIMPLE,
        &[],
        "Write smaller copies of the active raster beside it, so that the whole of it is drawn at once",
    ),
    row(
        C::Recover,
        "Recover unsaved work",
        icon::LIFEBUOY,
        &[],
        "Open what was saved automatically before the program stopped",
    ),
    row(
        C::DiscardRecovery,
        "Discard unsaved work",
        icon::TRASH,
        &[],
        "Delete what was saved automatically before the program stopped",
    ),
    row(
        C::Help,
        "Keys and mouse",
        icon::QUESTION,
        &[key(NONE, Key::F1)],
        "All keys and mouse gestures",
    ),
    row(
        C::About,
        "About Terroir",
        icon::INFO,
        &[],
        "Version and licence",
    ),
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
            C::Undo => need(state.history.undo_name().is_some(), "Nothing to undo"),
            C::Redo => need(state.history.redo_name().is_some(), "Nothing to redo"),
            C::SaveProject | C::SaveProjectAs | C::ZoomFull | C::Redraw | C::Export => {
                need(!document.layers.is_empty(), "Add a layer first")
            }
            C::RemoveLayer | C::RenameLayer | C::LayerProperties | C::ZoomToLayer => {
                need(state.active_layer().is_some(), "Choose a layer first")
            }
            C::KeepProfile => need(has_raster, "Add a raster first"),
            C::ProfileTable | C::ProfilePicture | C::CopyProfiles => need(
                !document.profiles.is_empty() || !state.session.profiles.clicked.is_empty(),
                "Keep a profile first",
            ),
            C::Compare => crate::compare::can_compare(state),
            C::HideLayer => need(state.active_layer().is_some(), "Choose a layer first"),
            C::ZoomToPixels => need(
                state
                    .active_layer()
                    .is_some_and(|layer| state.raster_info(layer).is_some()),
                "Choose a raster layer first",
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
                "Add the images of each date first",
            ),
            C::NextDate | C::PreviousDate | C::PlayDates | C::TimelinePanel => {
                need(state.series_layer().is_some(), "Open a series first")
            }
            C::HideClouds => need(
                state.series_layer().is_some_and(|layer| {
                    layer
                        .series()
                        .is_some_and(|series| series.frames().iter().any(|f| f.mask.is_some()))
                }),
                "Needs a series with cloud masks",
            ),
            C::MapCrs => need(has_raster, "Add a raster first"),
            C::LayerCrs => need(
                state.active_layer().is_some_and(|layer| {
                    layer.series().is_none()
                        && state.raster_info(layer).is_some_and(|info| {
                            let georef = &info.grid.georef;
                            georef.ground_crs().is_none() || georef.crs_is_assigned
                        })
                }),
                "Choose a raster whose file names no coordinate system",
            ),
            C::ImportLabels | C::NewClass => need(has_raster, "Add a raster first"),
            C::AttributeTable | C::UseAsArea if !state.active_is_vector() => {
                Err("Choose a vector layer first")
            }
            C::UseAsLabels if state.labels_source().is_none() => Err("Choose a vector layer first"),
            C::UseAsLabels => need(
                state.has_label_grid(),
                "Labels need a scene to lie on; add a raster first",
            ),
            C::UseTool(tool) if tool.paints() => need(has_raster, "Add a raster first"),
            C::ExportLabels => need(
                document
                    .labels
                    .as_ref()
                    .is_some_and(|labels| !labels.is_empty()),
                "Paint or import labels first",
            ),
            C::LiveMap | C::LiveConfidence | C::NextPlace | C::CheckAccuracy => need(
                state.live.fit.is_some(),
                "Needs a field and labels of two classes",
            ),
            C::Connect => need(
                !state.unconnected_layers().is_empty(),
                "No layer waits for a connection",
            ),
            C::MakeField => need(
                document.layers.iter().any(|layer| {
                    state
                        .raster_info(layer)
                        .is_some_and(|info| !info.is_field())
                }),
                "Add a scene first",
            ),
            C::Forecast => need(
                !state.image_series().is_empty(),
                "Open a series of images first",
            ),
            C::BuildOverviews => state.can_build_overviews(),
            C::Recover | C::DiscardRecovery => {
                need(state.recovery.is_some(), "There is nothing to recover")
            }
            _ => Ok(()),
        }
    }
}

/// Keys as the user reads them, e.g. `Ctrl+Shift+Z`.
pub fn keys_text(ctx: &egui::Context, info: &CommandInfo) -> Option<String> {
    let first = info.keys.first()?;
    Some(ctx.format_shortcut(&egui::KeyboardShortcut::new(first.modifiers, first.key)))
}

/// Commands whose keys were pressed in this frame; their events are taken out of the input.
/// While a text is edited, keys that would write a letter stay with the text.
pub fn take_shortcuts(ctx: &egui::Context) -> Vec<Command> {
    let editing = ctx.text_edit_focused();
    ctx.input_mut(|input| {
        let mut pressed = Vec::new();
        input.events.retain(|event| {
            let egui::Event::Key {
                key,
                pressed: true,
                modifiers,
                ..
            } = event
            else {
                return true;
            };
            let Some(command) = command_for(*modifiers, *key) else {
                return true;
            };
            if editing && !modifiers.command && !is_function_key(*key) {
                return true;
            }
            // Undo inside a text belongs to the text.
            if editing && matches!(command, C::Undo | C::Redo) {
                return true;
            }
            pressed.push(command);
            false
        });
        pressed
    })
}

fn is_function_key(key: Key) -> bool {
    matches!(key, Key::F1 | Key::F2 | Key::F5 | Key::F6 | Key::F11)
}

/// The command of a key, if any.
pub fn command_for(modifiers: Modifiers, pressed: Key) -> Option<Command> {
    let same = |wanted: Modifiers| {
        wanted.command == modifiers.command
            && wanted.alt == modifiers.alt
            // `+` needs Shift on many keyboards.
            && (wanted.shift == modifiers.shift || pressed == Key::Plus)
    };
    COMMANDS
        .iter()
        .find(|info| {
            info.keys
                .iter()
                .any(|shortcut| shortcut.key == pressed && same(shortcut.modifiers))
        })
        .map(|info| info.command)
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
                info.name
            );
            assert_eq!(info.command.info().name, info.name);
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
                    info.name
                );
                seen.push((*shortcut, info.name));
            }
        }
    }

    #[test]
    fn keys_need_exactly_their_modifiers() {
        let ctrl = Modifiers {
            ctrl: true,
            command: true,
            ..Modifiers::NONE
        };
        let ctrl_shift = Modifiers {
            shift: true,
            ..ctrl
        };
        assert_eq!(command_for(ctrl, Key::Z), Some(Command::Undo));
        assert_eq!(command_for(ctrl_shift, Key::Z), Some(Command::Redo));
        assert_eq!(
            command_for(Modifiers::NONE, Key::P),
            Some(Command::UseTool(Tool::Brush))
        );
        assert_eq!(command_for(Modifiers::SHIFT, Key::P), None);
    }
}
