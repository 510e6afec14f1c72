//! Menu bar and toolbar, both made from the table of commands.

use egui::containers::menu::{MenuBar, MenuButton};

use crate::arrangement::{Panel, Side};
use crate::commands::Command as C;
use crate::guide::Task;
use crate::language::{Language, t};
use crate::settings::Motion;
use crate::state::State;
use crate::theme::{self, icon};
use crate::tools::Tool;

const FILE: &[&[C]] = &[
    &[C::NewProject, C::OpenProject, C::OpenFolder],
    &[C::OpenPath, C::OpenAddress],
    &[C::SaveProject, C::SaveProjectAs],
    &[
        C::AddRaster,
        C::AddVector,
        C::SeriesFromFolder,
        C::ImportLabels,
    ],
    &[C::Export, C::ExportLabels],
];
const EDIT: &[&[C]] = &[
    &[C::Undo, C::Redo],
    &[C::NewClass, C::LoadClasses, C::SaveClasses],
    &[C::Protect, C::SnapStrokes, C::SwapEraser, C::NextPlace],
    &[C::Palette],
];
const VIEW: &[&[C]] = &[
    &[
        C::ZoomFull,
        C::ZoomToLayer,
        C::ZoomToPixels,
        C::ZoomIn,
        C::ZoomOut,
    ],
    &[C::Compare, C::HideLayer],
    &[C::LiveMap, C::LiveConfidence],
    &[C::PreviousDate, C::NextDate, C::PlayDates, C::HideClouds],
    &[C::MapCrs, C::ScaleBar, C::NorthArrow, C::Graticule],
    &[C::LeftPanel, C::RightPanel, C::TimelinePanel],
    &[C::Theme, C::FullScreen, C::Redraw],
];
const LAYER: &[&[C]] = &[
    &[
        C::AddRaster,
        C::AddVector,
        C::SeriesFromFolder,
        C::SeriesFromLayers,
        C::AddWeather,
    ],
    &[
        C::RenameLayer,
        C::LayerCrs,
        C::LayerProperties,
        C::Connect,
        C::RemoveLayer,
    ],
    &[C::AttributeTable, C::UseAsLabels, C::UseAsArea],
    &[
        C::KeepProfile,
        C::ProfileTable,
        C::ProfilePicture,
        C::CopyProfiles,
    ],
    &[
        C::BuildOverviews,
        C::MakeField,
        C::Forecast,
        C::Models,
        C::Training,
        C::CropMaps,
        C::SoilMoisture,
        C::CheckAccuracy,
    ],
];
const HELP: &[&[C]] = &[&[C::Help, C::SystemPage, C::About]];

pub fn menu_bar_ui(ui: &mut egui::Ui, state: &mut State) {
    let frame = egui::Frame::new()
        .fill(ui.visuals().panel_fill)
        .inner_margin(egui::Margin::symmetric(6, 3));
    egui::Panel::top("menu").frame(frame).show(ui, |ui| {
        MenuBar::new().ui(ui, |ui| {
            menu_ui(ui, t!("menu-file"), |ui| {
                items_ui(ui, state, FILE);
                recent_ui(ui, state);
                if state.recovery.is_some() {
                    ui.separator();
                    item_ui(ui, state, C::Recover);
                    item_ui(ui, state, C::DiscardRecovery);
                }
                ui.separator();
                item_ui(ui, state, C::Quit);
            });
            menu_ui(ui, t!("menu-edit"), |ui| items_ui(ui, state, EDIT));
            menu_ui(ui, t!("menu-view"), |ui| {
                items_ui(ui, state, VIEW);
                ui.separator();
                panels_ui(ui, state);
                scale_ui(ui, state);
                language_ui(ui, state);
                motion_ui(ui, state);
            });
            menu_ui(ui, t!("menu-layer"), |ui| items_ui(ui, state, LAYER));
            menu_ui(ui, t!("menu-help"), |ui| {
                items_ui(ui, state, HELP);
                guides_ui(ui, state);
            });
        });
    });
}

/// A menu that scrolls where the window is lower than all its items.
fn menu_ui(ui: &mut egui::Ui, name: &str, content: impl FnOnce(&mut egui::Ui)) {
    /// The bar above it, and its own frame.
    const AROUND: f32 = 48.0;
    MenuButton::new(name).ui(ui, |ui| {
        let room = ui.ctx().content_rect().height() - AROUND;
        ui.set_max_height(room);
        egui::ScrollArea::vertical()
            .max_height(room)
            .show(ui, content);
    });
}

fn items_ui(ui: &mut egui::Ui, state: &mut State, groups: &[&[C]]) {
    ui.set_min_width(240.0);
    for (index, group) in groups.iter().enumerate() {
        if index > 0 {
            ui.separator();
        }
        for command in *group {
            item_ui(ui, state, *command);
        }
    }
}

/// One command as a menu row with its icon and key.
pub fn item_ui(ui: &mut egui::Ui, state: &mut State, command: C) {
    let info = command.info();
    let can_run = command.can_run(state);
    let mut button = egui::Button::new(format!("{}  {}", info.icon, info.name()));
    if let Some(keys) = state.keyboard.text(ui.ctx(), info) {
        button = button.shortcut_text(keys);
    }
    let response = ui
        .add_enabled(can_run.is_ok(), button)
        .on_hover_text(info.tooltip());
    let response = match can_run {
        Ok(()) => response,
        Err(why) => response.on_disabled_hover_text(why),
    };
    if response.clicked() {
        state.queue.push_back(command);
        ui.close();
    }
}

fn recent_ui(ui: &mut egui::Ui, state: &mut State) {
    if state.settings.recent.is_empty() {
        return;
    }
    ui.separator();
    let mut chosen = None;
    ui.menu_button(
        format!("{}  {}", icon::CLOCK_COUNTER_CLOCKWISE, t!("menu-recent")),
        |ui| {
            for path in &state.settings.recent {
                let name = path.file_name().map_or_else(
                    || path.display().to_string(),
                    |name| name.to_string_lossy().into_owned(),
                );
                if ui
                    .button(name)
                    .on_hover_text(path.display().to_string())
                    .clicked()
                {
                    chosen = Some(path.clone());
                    ui.close();
                }
            }
        },
    );
    if let Some(path) = chosen {
        let ctx = ui.ctx().clone();
        state.open_files(&ctx, vec![path]);
    }
}

fn scale_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.menu_button(format!("{}  {}", icon::TEXT_AA, t!("menu-size")), |ui| {
        for percent in [75, 100, 125, 150, 200, 300] {
            let scale = percent as f32 / 100.0;
            if ui
                .radio(
                    state.settings.ui_scale == scale,
                    t!("menu-percent", percent = percent),
                )
                .clicked()
            {
                state.settings.ui_scale = scale;
                state.save_settings();
                ui.close();
            }
        }
    });
}

fn panels_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.menu_button(
        format!("{}  {}", icon::SQUARES_FOUR, t!("menu-panels")),
        |ui| {
            for panel in Panel::ALL {
                // Those have commands of their own.
                if panel != Panel::Map && !Panel::WIDE.contains(&panel) {
                    item_ui(ui, state, C::TogglePanel(panel));
                }
            }
            ui.separator();
            item_ui(ui, state, C::ResetPanels);
        },
    );
}

/// The ways through a task; the one on show is marked, and a click on it closes it.
fn guides_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.separator();
    ui.menu_button(format!("{}  {}", icon::SIGNPOST, t!("guide-menu")), |ui| {
        for task in Task::ALL {
            let is_shown = state.settings.guide == Some(task);
            let response = ui.radio(is_shown, task.title()).on_hover_text(task.tip());
            if response.clicked() {
                state.settings.guide = (!is_shown).then_some(task);
                state.save_settings();
                ui.close();
            }
        }
    });
}

fn motion_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.menu_button(format!("{}  {}", icon::PLAY, t!("menu-motion")), |ui| {
        let mut chosen = state.settings.motion;
        for (motion, name) in [
            (Motion::System, t!("menu-motion-system")),
            (Motion::Less, t!("menu-motion-less")),
            (Motion::Full, t!("menu-motion-full")),
        ] {
            ui.radio_value(&mut chosen, motion, name);
        }
        if chosen != state.settings.motion {
            state.settings.motion = chosen;
            state.save_settings();
            ui.close();
        }
    })
    .response
    .on_hover_text(t!("menu-motion-tip"));
}

fn language_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.menu_button(
        format!("{}  {}", icon::TRANSLATE, t!("menu-language")),
        |ui| {
            let mut chosen = state.settings.language;
            ui.radio_value(&mut chosen, None, t!("menu-language-system"));
            for language in Language::ALL {
                ui.radio_value(&mut chosen, Some(language), language.name());
            }
            if chosen != state.settings.language {
                state.settings.language = chosen;
                state.save_settings();
                ui.close();
            }
        },
    );
}

/// Groups of the toolbar, from the left. What has no room goes into a menu at their end.
#[derive(Clone, Copy)]
enum ToolGroup {
    Files,
    Steps,
    Tools,
    Brush,
    Zoom,
    Maps,
}

impl ToolGroup {
    const ALL: [Self; 6] = [
        Self::Files,
        Self::Steps,
        Self::Tools,
        Self::Brush,
        Self::Zoom,
        Self::Maps,
    ];

    /// Commands as buttons; the brush has controls of its own.
    fn commands(self) -> &'static [C] {
        match self {
            Self::Files => &[C::OpenProject, C::SaveProject, C::AddRaster],
            Self::Steps => &[C::Undo, C::Redo],
            Self::Tools => &[
                C::UseTool(Tool::Pan),
                C::UseTool(Tool::Identify),
                C::UseTool(Tool::Brush),
                C::UseTool(Tool::Eraser),
                C::UseTool(Tool::Polygon),
                C::UseTool(Tool::Fill),
                C::UseTool(Tool::Grow),
                C::UseTool(Tool::Pick),
            ],
            Self::Brush => &[],
            Self::Zoom => &[C::ZoomFull, C::ZoomToLayer, C::ZoomToPixels],
            Self::Maps => &[C::LiveMap, C::LiveConfidence, C::Compare, C::Export],
        }
    }

    /// Points it takes, with the line before it.
    fn width(self) -> f32 {
        match self {
            Self::Brush => 170.0,
            group => group.commands().len() as f32 * TOOL_WIDTH + 14.0,
        }
    }
}

/// At the right end, from the right.
const PANEL_TOOLS: [C; 4] = [C::Theme, C::RightPanel, C::LeftPanel, C::Palette];
/// Longer names of classes are cut in the toolbar, points.
const BRUSH_NAME: f32 = 160.0;
/// A button of the toolbar with the gap after it, points.
const TOOL_WIDTH: f32 = 36.0;

fn is_chosen(state: &State, command: C) -> bool {
    let shows = state.live.visible && state.live.fit.is_some();
    match command {
        C::UseTool(tool) => state.session.tool == tool,
        C::LiveMap => shows,
        C::LiveConfidence => shows && state.live.look != crate::state::LiveLook::Classes,
        C::Compare => state.session.compare.is_some(),
        C::LeftPanel => state.arrangement.has_side(Side::Left),
        C::RightPanel => state.arrangement.has_side(Side::Right),
        _ => false,
    }
}

pub fn toolbar_ui(ui: &mut egui::Ui, state: &mut State) {
    let frame = egui::Frame::new()
        .fill(ui.visuals().panel_fill)
        .inner_margin(egui::Margin::symmetric(8, 4));
    egui::Panel::top("toolbar").frame(frame).show(ui, |ui| {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 2.0;
            let at_right = PANEL_TOOLS.len() as f32 * TOOL_WIDTH;
            let mut room = ui.available_width() - at_right;
            let whole: f32 = ToolGroup::ALL.into_iter().map(ToolGroup::width).sum();
            if whole > room {
                room -= TOOL_WIDTH;
            }
            let mut rest = &ToolGroup::ALL[..];
            while let [group, others @ ..] = rest
                && group.width() <= room
            {
                room -= group.width();
                rest = others;
                tool_group_ui(ui, state, *group);
                if !others.is_empty() {
                    ui.separator();
                }
            }
            if !rest.is_empty() {
                more_ui(ui, state, rest);
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                for command in PANEL_TOOLS {
                    tool_button(ui, state, command);
                }
            });
        });
    });
}

fn tool_group_ui(ui: &mut egui::Ui, state: &mut State, group: ToolGroup) {
    if matches!(group, ToolGroup::Brush) {
        ui.spacing_mut().item_spacing.x = 6.0;
        brush_ui(ui, state);
        ui.spacing_mut().item_spacing.x = 2.0;
    }
    for command in group.commands() {
        tool_button(ui, state, *command);
    }
}

/// What of the toolbar has no room.
fn more_ui(ui: &mut egui::Ui, state: &mut State, groups: &[ToolGroup]) {
    let glyph = egui::RichText::new(icon::CARET_DOUBLE_RIGHT).size(16.0);
    let response = ui.menu_button(glyph, |ui| {
        for (at, group) in groups.iter().enumerate() {
            if at > 0 {
                ui.separator();
            }
            if matches!(group, ToolGroup::Brush) {
                ui.horizontal(|ui| brush_ui(ui, state));
            }
            for command in group.commands() {
                item_ui(ui, state, *command);
            }
        }
    });
    theme::named(response.response, t!("menu-more"));
}

fn tool_button(ui: &mut egui::Ui, state: &mut State, command: C) {
    let is_chosen = is_chosen(state, command);
    let info = command.info();
    let can_run = command.can_run(state);
    let color = if is_chosen {
        theme::colors(ui.visuals()).accent
    } else {
        ui.visuals().text_color()
    };
    let glyph = egui::RichText::new(info.icon).size(18.0).color(color);
    let button = egui::Button::selectable(is_chosen, glyph).min_size(egui::vec2(30.0, 28.0));
    let response = ui.add_enabled(can_run.is_ok(), button);
    let keys = state
        .keyboard
        .text(ui.ctx(), info)
        .map(|keys| format!(" ({keys})"))
        .unwrap_or_default();
    let tip = format!(
        "{}{keys}\n{}",
        info.name().trim_end_matches('…'),
        info.tooltip()
    );
    let enabled = response.enabled();
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, enabled, info.name()));
    let response = response
        .on_hover_text(&tip)
        .on_disabled_hover_text(match can_run {
            Ok(()) => tip.clone(),
            Err(why) => format!("{tip}\n{why}"),
        });
    if response.clicked() {
        state.queue.push_back(command);
    }
}

/// Size and class of the brush.
fn brush_ui(ui: &mut egui::Ui, state: &mut State) {
    // In a narrow window the pictures come first.
    let has_room = ui.ctx().content_rect().width() > 1180.0;
    ui.add_enabled_ui(state.has_label_grid(), |ui| {
        if has_room {
            ui.label(t!("menu-brush-size"));
        }
        let size = egui::DragValue::new(&mut state.session.brush_diameter)
            .range(1.0..=500.0)
            .max_decimals(0)
            .suffix(" px");
        ui.add(size).on_hover_text(t!("menu-brush-size-tip"));
        if let Some(name) = state.class_name(state.session.class_id) {
            let color = state
                .class_color(state.session.class_id)
                .map_or(egui::Color32::GRAY, theme::rgb);
            let (rect, swatch) =
                ui.allocate_exact_size(egui::vec2(14.0, 14.0), egui::Sense::hover());
            ui.painter().rect_filled(rect, 3.0, color);
            if has_room {
                ui.scope(|ui| {
                    ui.set_max_width(BRUSH_NAME);
                    ui.add(egui::Label::new(name).truncate())
                        .on_hover_text(t!("menu-brush-class-tip"));
                });
            } else {
                swatch.on_hover_text(format!("{name}\n{}", t!("menu-brush-class-tip")));
            }
        }
        let lock = if state.session.protect {
            icon::LOCK_SIMPLE
        } else {
            icon::LOCK_SIMPLE_OPEN
        };
        let protect = state.session.protect;
        let response = ui.add(egui::Button::selectable(
            protect,
            egui::RichText::new(lock).size(16.0),
        ));
        if theme::named(response, t!("menu-protect-tip")).clicked() {
            state.queue.push_back(C::Protect);
        }
        let magnet = egui::RichText::new(icon::MAGNET).size(16.0);
        let response = ui.add(egui::Button::selectable(
            state.session.snapping.is_on,
            magnet,
        ));
        if theme::named(response, C::SnapStrokes.info().tooltip()).clicked() {
            state.queue.push_back(C::SnapStrokes);
        }
    });
}
