//! The docked panels of a frame: draws what `arrangement.rs` says lies where.

use egui::accesskit::Role;
use egui::{Response, Stroke, Ui, Visuals, WidgetInfo, WidgetText};
use egui_tiles::{
    Behavior, Container, EditAction, SimplificationOptions, TabState, TileId, Tiles, UiResponse,
};

use super::Window;
use crate::arrangement::{Arrangement, Panel};
use crate::{panels, theme};

const GAP: f32 = 1.0;
const TITLE_HEIGHT: f32 = 28.0;

/// What the tree of panels is drawn with.
struct Docked<'a> {
    window: &'a mut Window,
    map: Option<TileId>,
    map_is_alone: bool,
    /// What lies before the map, and shows the messages that else lie over it.
    in_its_place: Option<TileId>,
    is_moved: bool,
}

impl Window {
    /// All docked panels, the map among them.
    pub(super) fn docked_ui(&mut self, ui: &mut Ui) {
        let space = ui.available_size();
        let mut tree = self.state.arrangement.take_tree(space, GAP);
        let mut docked = Docked {
            map: tree.tiles.find_pane(&Panel::Map),
            map_is_alone: Arrangement::map_is_alone(&tree),
            in_its_place: in_place_of_map(&tree.tiles),
            window: self,
            is_moved: false,
        };
        tree.ui(&mut docked, ui);
        let is_moved = docked.is_moved;
        self.state.arrangement.put_back(tree);
        if is_moved {
            self.state.arrangement.note_change();
        }
        // Not while it is dragged.
        if !ui.input(|input| input.pointer.any_down()) && self.state.arrangement.take_change() {
            self.state.settings.arrangement = self.state.arrangement.to_saved();
            self.state.save_settings();
        }
    }

    fn map_panel_ui(&mut self, ui: &mut Ui) {
        ui.spacing_mut().item_spacing.y = 0.0;
        let (whole, below) = (ui.max_rect(), ui.painter().add(egui::Shape::Noop));
        let canvas = self.map_ui(ui);
        // The canvas draws its own ground, for less.
        let bare = match canvas {
            Some(canvas) => whole.with_max_y(canvas.top()),
            None => whole,
        };
        let well = theme::colors(ui.visuals()).well;
        ui.painter()
            .set(below, egui::Shape::rect_filled(bare, 0.0, well));
    }
}

/// A panel of fixed margins; one that is too narrow for what it holds scrolls sideways.
fn panel_ui(window: &mut Window, ui: &mut Ui, panel: Panel) {
    let rect = ui.available_rect_before_wrap();
    ui.painter().rect_filled(rect, 0.0, ui.visuals().panel_fill);
    let inner = rect.shrink2(egui::vec2(10.0, 6.0));
    let mut ui = ui.new_child(egui::UiBuilder::new().max_rect(inner));
    ui.shrink_clip_rect(rect.shrink2(egui::vec2(4.0, 0.0)));
    if inner.width() >= panel.least_width() {
        panels::panel_ui(&mut ui, &mut window.state, panel);
        return;
    }
    egui::ScrollArea::horizontal()
        .id_salt(("narrow", panel))
        .auto_shrink([false, false])
        .show(&mut ui, |ui| {
            ui.set_width(panel.least_width());
            panels::panel_ui(ui, &mut window.state, panel);
        });
}

/// The panel on show where the map would be; `None` while that is on show.
fn in_place_of_map(tiles: &Tiles<Panel>) -> Option<TileId> {
    let map = tiles.find_pane(&Panel::Map)?;
    let Container::Tabs(tabs) = tiles.get_container(tiles.parent_of(map)?)? else {
        return None;
    };
    tabs.active.filter(|active| *active != map)
}

fn panel_of(tiles: &Tiles<Panel>, tile: TileId) -> Option<Panel> {
    tiles.get_pane(&tile).copied()
}

impl Behavior<Panel> for Docked<'_> {
    fn pane_ui(&mut self, ui: &mut Ui, tile: TileId, panel: &mut Panel) -> UiResponse {
        match panel {
            Panel::Map => self.window.map_panel_ui(ui),
            panel => {
                if self.in_its_place == Some(tile) {
                    let whole = ui.max_rect();
                    ui.painter()
                        .rect_filled(whole, 0.0, ui.visuals().panel_fill);
                    ui.spacing_mut().item_spacing.y = 0.0;
                    self.window.strips_ui(ui);
                    ui.reset_style();
                }
                panel_ui(self.window, ui, *panel);
            }
        }
        UiResponse::None
    }

    fn tab_title_for_pane(&mut self, panel: &Panel) -> WidgetText {
        panel.title().into()
    }

    fn is_tile_draggable(&self, tiles: &Tiles<Panel>, tile: TileId) -> bool {
        panel_of(tiles, tile) != Some(Panel::Map)
    }

    fn is_tab_closable(&self, tiles: &Tiles<Panel>, tile: TileId) -> bool {
        panel_of(tiles, tile).is_some_and(|panel| Panel::WIDE.contains(&panel))
    }

    fn on_tab_close(&mut self, tiles: &mut Tiles<Panel>, tile: TileId) -> bool {
        if let Some(panel) = panel_of(tiles, tile) {
            self.window.state.arrangement.hide(panel);
        }
        // Hidden, not thrown away.
        false
    }

    fn is_tab_bar_visible(&self, _tile: TileId, tabs: &egui_tiles::Tabs) -> bool {
        // The map alone needs no title.
        !(self.map_is_alone && self.map.is_some_and(|map| tabs.children.contains(&map)))
    }

    fn on_tab_button(
        &mut self,
        tiles: &mut Tiles<Panel>,
        tile: TileId,
        response: Response,
    ) -> Response {
        if let Some(panel) = panel_of(tiles, tile) {
            // Named as a tab, not as the button the library says it is.
            response.widget_info(|| {
                let is_shown = tiles.parent_of(tile).is_some_and(|parent| {
                    matches!(tiles.get_container(parent), Some(Container::Tabs(tabs)) if tabs.active == Some(tile))
                });
                WidgetInfo::selected(Role::Tab, true, is_shown, panel.title())
            });
        }
        if let Some(panel) = panel_of(tiles, tile).filter(|panel| *panel != Panel::Map) {
            response.context_menu(|ui| {
                let arrangement = &mut self.window.state.arrangement;
                if ui.button(crate::language::t!("panel-hide")).clicked() {
                    arrangement.hide(panel);
                    ui.close();
                }
                if ui.button(crate::language::t!("panel-reset")).clicked() {
                    arrangement.reset();
                    ui.close();
                }
            });
        }
        response
    }

    fn top_bar_right_ui(
        &mut self,
        tiles: &Tiles<Panel>,
        ui: &mut Ui,
        _tile: TileId,
        tabs: &egui_tiles::Tabs,
        _scroll_offset: &mut f32,
    ) {
        ui.add_space(8.0);
        if let Some(panel) = tabs.active.and_then(|tile| panel_of(tiles, tile)) {
            panels::title_buttons_ui(ui, &mut self.window.state, panel);
        }
    }

    fn tab_bar_height(&self, _style: &egui::Style) -> f32 {
        TITLE_HEIGHT
    }

    fn gap_width(&self, _style: &egui::Style) -> f32 {
        GAP
    }

    fn min_size(&self) -> f32 {
        80.0
    }

    fn simplification_options(&self) -> SimplificationOptions {
        SimplificationOptions {
            all_panes_must_have_tabs: true,
            ..SimplificationOptions::default()
        }
    }

    fn tab_bar_color(&self, visuals: &Visuals) -> egui::Color32 {
        visuals.faint_bg_color
    }

    fn tab_bg_color(
        &self,
        visuals: &Visuals,
        _tiles: &Tiles<Panel>,
        _tile: TileId,
        state: &TabState,
    ) -> egui::Color32 {
        if state.active {
            visuals.panel_fill
        } else {
            egui::Color32::TRANSPARENT
        }
    }

    fn tab_outline_stroke(
        &self,
        _visuals: &Visuals,
        _tiles: &Tiles<Panel>,
        _tile: TileId,
        _state: &TabState,
    ) -> Stroke {
        Stroke::NONE
    }

    fn tab_bar_hline_stroke(&self, visuals: &Visuals) -> Stroke {
        Stroke::new(1.0, theme::colors(visuals).line)
    }

    fn tab_text_color(
        &self,
        visuals: &Visuals,
        _tiles: &Tiles<Panel>,
        _tile: TileId,
        state: &TabState,
    ) -> egui::Color32 {
        if state.active {
            visuals.strong_text_color()
        } else {
            theme::colors(visuals).weak
        }
    }

    fn tab_title_spacing(&self, _visuals: &Visuals) -> f32 {
        8.0
    }

    fn resize_stroke(&self, style: &egui::Style, resize_state: egui_tiles::ResizeState) -> Stroke {
        let colors = theme::colors(&style.visuals);
        match resize_state {
            egui_tiles::ResizeState::Idle => Stroke::new(GAP, colors.line),
            _ => Stroke::new(2.0, colors.accent),
        }
    }

    fn on_edit(&mut self, _action: EditAction) {
        self.is_moved = true;
    }
}
