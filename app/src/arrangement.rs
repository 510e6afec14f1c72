//! Where the panels lie around the map: docked side by side or as tabs, dragged by their titles, hidden and shown, saved
//! and repaired. Knows the names of panels, not what is in them.

use std::collections::HashMap;

use egui::Vec2;
use egui_tiles::{Container, Linear, LinearDir, Tile, TileId, Tiles, Tree};
use serde::{Deserialize, Serialize};

use crate::language::t;

/// What can be docked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Panel {
    Map,
    Layers,
    Classes,
    Steps,
    Style,
    Spectrum,
    Time,
    Field,
    Run,
    Accuracy,
    Log,
    Models,
    Training,
    Crops,
    Soil,
}

impl Panel {
    pub const ALL: [Self; 15] = [
        Self::Map,
        Self::Layers,
        Self::Classes,
        Self::Steps,
        Self::Style,
        Self::Spectrum,
        Self::Time,
        Self::Field,
        Self::Run,
        Self::Accuracy,
        Self::Log,
        Self::Models,
        Self::Training,
        Self::Crops,
        Self::Soil,
    ];

    /// Need room, and lie behind the map until they are asked for.
    pub const WIDE: [Self; 4] = [Self::Models, Self::Training, Self::Crops, Self::Soil];

    pub fn title(self) -> &'static str {
        match self {
            Self::Map => t!("panel-map"),
            Self::Layers => t!("panel-layers"),
            Self::Classes => t!("panel-classes"),
            Self::Steps => t!("panel-steps"),
            Self::Style => t!("panel-style"),
            Self::Spectrum => t!("panel-spectrum"),
            Self::Time => t!("panel-time"),
            Self::Field => t!("panel-field"),
            Self::Run => t!("panel-run"),
            Self::Accuracy => t!("panel-accuracy"),
            Self::Log => t!("panel-log"),
            Self::Models => t!("models-title"),
            Self::Training => t!("training-title"),
            Self::Crops => t!("crops-title"),
            Self::Soil => t!("soil-title"),
        }
    }

    /// Narrower than this a panel scrolls sideways; points.
    pub fn least_width(self) -> f32 {
        match self {
            Self::Map => 0.0,
            Self::Layers | Self::Classes | Self::Steps => 170.0,
            Self::Log => 240.0,
            _ => 350.0,
        }
    }

    fn index(self) -> usize {
        self as usize
    }
}

/// A side of the map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Left,
    Right,
}

/// What a command or a tool wants of a panel; fulfilled before the next frame is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Show(Panel),
    Hide(Panel),
    Toggle(Panel),
    ToggleSide(Side),
    Reset,
}

/// Widths of the panels beside the map and heights of those below it are kept in points when the window changes its
/// size: the map takes what is left. The shares of the containers around the map are therefore points.
pub struct Arrangement {
    tree: Tree<Panel>,
    wishes: Vec<Wish>,
    /// By panel: drawn in the last frame, or about to be.
    on_show: [bool; Panel::ALL.len()],
    /// Sizes given to panels for want of room: share now, share with room.
    squeezed: HashMap<TileId, (f32, f32)>,
    /// Hidden together with their side, to come back with it.
    hidden: Vec<(Side, Panel)>,
    /// Something was moved since it was saved.
    is_changed: bool,
}

const TREE: &str = "panels";
const LEFT_POINTS: f32 = 236.0;
const RIGHT_POINTS: f32 = 372.0;
const LOG_POINTS: f32 = 140.0;
/// What a panel gets that is dropped beside the map.
const DROPPED_POINTS: f32 = 280.0;
/// The map is never squeezed below this.
const LEAST_MAP_POINTS: f32 = 240.0;
/// A smaller share is no size someone gave a panel.
const LEAST_POINTS: f32 = 60.0;

impl Default for Arrangement {
    fn default() -> Self {
        Self::of(default_tree())
    }
}

fn default_tree() -> Tree<Panel> {
    let mut tiles = Tiles::default();
    let tabs = |tiles: &mut Tiles<Panel>, panels: &[Panel]| {
        let children = panels
            .iter()
            .map(|panel| tiles.insert_pane(*panel))
            .collect();
        tiles.insert_tab_tile(children)
    };
    let layers = tabs(&mut tiles, &[Panel::Layers]);
    let classes = tabs(&mut tiles, &[Panel::Classes, Panel::Steps]);
    let left = tiles.insert_vertical_tile(vec![layers, classes]);
    let around_map: Vec<Panel> = [Panel::Map].into_iter().chain(Panel::WIDE).collect();
    let map = tabs(&mut tiles, &around_map);
    let right = tabs(
        &mut tiles,
        &[
            Panel::Style,
            Panel::Spectrum,
            Panel::Time,
            Panel::Field,
            Panel::Run,
            Panel::Accuracy,
        ],
    );
    let mut across = Linear::new(LinearDir::Horizontal, vec![left, map, right]);
    across.shares.set_share(left, LEFT_POINTS);
    across.shares.set_share(map, 700.0);
    across.shares.set_share(right, RIGHT_POINTS);
    let across = tiles.insert_container(Container::Linear(across));
    let log = tabs(&mut tiles, &[Panel::Log]);
    let mut down = Linear::new(LinearDir::Vertical, vec![across, log]);
    down.shares.set_share(across, 600.0);
    down.shares.set_share(log, LOG_POINTS);
    let root = tiles.insert_container(Container::Linear(down));
    for hidden in [Panel::Log, Panel::Steps].into_iter().chain(Panel::WIDE) {
        if let Some(tile) = tiles.find_pane(&hidden) {
            tiles.set_visible(tile, false);
        }
    }
    Tree::new(egui::Id::unique(TREE), root, tiles)
}

/// Panels that came to the program after an arrangement was saved go hidden behind the map, so that it is kept.
fn add_new_panels(tree: &mut Tree<Panel>) {
    let tiles = &mut tree.tiles;
    let map = tiles.find_pane(&Panel::Map);
    let Some(beside_map) = map.and_then(|map| tiles.parent_of(map)) else {
        return;
    };
    for panel in Panel::WIDE {
        if tiles.find_pane(&panel).is_some() {
            continue;
        }
        let tile = tiles.insert_pane(panel);
        tiles.set_visible(tile, false);
        if let Some(Tile::Container(Container::Tabs(tabs))) = tiles.get_mut(beside_map) {
            tabs.add_child(tile);
        }
    }
}

impl Arrangement {
    fn of(tree: Tree<Panel>) -> Self {
        let mut arrangement = Self {
            tree,
            wishes: Vec::new(),
            on_show: [false; Panel::ALL.len()],
            squeezed: HashMap::new(),
            hidden: Vec::new(),
            is_changed: false,
        };
        arrangement.note_what_shows();
        arrangement
    }

    /// The arrangement that was saved; the usual one where it does not hold every panel once, or hides the map.
    pub fn from_saved(saved: &serde_json::Value) -> Self {
        match serde_json::from_value::<Tree<Panel>>(saved.clone()) {
            Ok(mut tree) => {
                add_new_panels(&mut tree);
                if is_whole(&tree) {
                    Self::of(tree)
                } else {
                    Self::default()
                }
            }
            Err(_) => Self::default(),
        }
    }

    /// As it goes into the settings.
    pub fn to_saved(&self) -> Option<serde_json::Value> {
        serde_json::to_value(&self.tree).ok()
    }

    /// Whether it has to be saved; asks once.
    pub fn take_change(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }

    pub fn note_change(&mut self) {
        self.is_changed = true;
    }

    /// Brings a panel before everything it is stacked with.
    pub fn show(&mut self, panel: Panel) {
        self.wishes.push(Wish::Show(panel));
        self.on_show[panel.index()] = true;
    }

    pub fn hide(&mut self, panel: Panel) {
        self.wishes.push(Wish::Hide(panel));
    }

    /// Hides a panel that is on show, shows any other.
    pub fn toggle(&mut self, panel: Panel) {
        self.wishes.push(Wish::Toggle(panel));
    }

    /// Hides what lies on a side of the map, or brings it back.
    pub fn toggle_side(&mut self, side: Side) {
        self.wishes.push(Wish::ToggleSide(side));
    }

    pub fn reset(&mut self) {
        self.wishes.push(Wish::Reset);
    }

    /// Drawn in the last frame, or about to be.
    pub fn is_on_show(&self, panel: Panel) -> bool {
        self.on_show[panel.index()]
    }

    /// Whether anything lies on a side of the map.
    pub fn has_side(&self, side: Side) -> bool {
        Panel::ALL
            .into_iter()
            .any(|panel| self.is_on_show(panel) && self.side_of(panel) == Some(side))
    }

    /// Takes the tree out to be drawn in a space of this size; `put_back` after it.
    pub fn take_tree(&mut self, space: Vec2, gap: f32) -> Tree<Panel> {
        for wish in std::mem::take(&mut self.wishes) {
            self.fulfil(wish);
            self.is_changed = true;
        }
        if let Some(root) = self.tree.root {
            keep_sizes(&mut self.tree.tiles, &mut self.squeezed, root, space, gap);
        }
        std::mem::replace(&mut self.tree, Tree::empty(egui::Id::unique(TREE)))
    }

    pub fn put_back(&mut self, tree: Tree<Panel>) {
        self.tree = tree;
        self.note_what_shows();
        for wish in &self.wishes {
            if let Wish::Show(panel) = wish {
                self.on_show[panel.index()] = true;
            }
        }
    }

    /// Whether nothing that is not hidden shares the place of the map.
    pub fn map_is_alone(tree: &Tree<Panel>) -> bool {
        let tiles = &tree.tiles;
        let map = tiles.find_pane(&Panel::Map);
        let beside = map.and_then(|map| tiles.parent_of(map));
        let Some(Container::Tabs(tabs)) = beside.and_then(|tile| tiles.get_container(tile)) else {
            return true;
        };
        let mut shown = tabs.children.iter().filter(|tile| tiles.is_visible(**tile));
        shown.all(|tile| Some(*tile) == map)
    }

    fn note_what_shows(&mut self) {
        for panel in Panel::ALL {
            self.on_show[panel.index()] = self.is_before_others(panel);
        }
    }

    fn is_before_others(&self, panel: Panel) -> bool {
        let tiles = &self.tree.tiles;
        let Some(mut tile) = tiles.find_pane(&panel) else {
            return false;
        };
        if !tiles.is_visible(tile) {
            return false;
        }
        while let Some(parent) = tiles.parent_of(tile) {
            if !tiles.is_visible(parent) {
                return false;
            }
            if let Some(Container::Tabs(tabs)) = tiles.get_container(parent)
                && tabs.next_active(tiles) != Some(tile)
            {
                return false;
            }
            tile = parent;
        }
        true
    }

    fn fulfil(&mut self, wish: Wish) {
        match wish {
            Wish::Show(panel) => self.bring_forward(panel),
            Wish::Hide(panel) => self.hide_now(panel),
            Wish::Toggle(Panel::Map) => self.bring_forward(Panel::Map),
            Wish::Toggle(panel) if self.is_before_others(panel) => self.hide_now(panel),
            Wish::Toggle(panel) => self.bring_forward(panel),
            Wish::ToggleSide(side) => self.toggle_side_now(side),
            Wish::Reset => *self = Self::default(),
        }
        self.note_what_shows();
    }

    fn bring_forward(&mut self, panel: Panel) {
        self.hidden.retain(|(_, hidden)| *hidden != panel);
        let tiles = &mut self.tree.tiles;
        let Some(mut tile) = tiles.find_pane(&panel) else {
            return;
        };
        tiles.set_visible(tile, true);
        while let Some(parent) = tiles.parent_of(tile) {
            tiles.set_visible(parent, true);
            if let Some(Tile::Container(Container::Tabs(tabs))) = tiles.get_mut(parent) {
                tabs.set_active(tile);
            }
            tile = parent;
        }
    }

    fn hide_now(&mut self, panel: Panel) {
        if let Some(tile) = self.tree.tiles.find_pane(&panel) {
            self.tree.tiles.set_visible(tile, false);
        }
    }

    fn toggle_side_now(&mut self, side: Side) {
        let shown: Vec<Panel> = Panel::ALL
            .into_iter()
            .filter(|panel| {
                let tile = self.tree.tiles.find_pane(panel);
                tile.is_some_and(|tile| self.tree.tiles.is_visible(tile))
                    && self.side_of(*panel) == Some(side)
            })
            .collect();
        if !shown.is_empty() {
            for panel in shown {
                self.hide_now(panel);
                self.hidden.push((side, panel));
            }
            return;
        }
        let mut back: Vec<Panel> = self
            .hidden
            .iter()
            .filter(|(hidden, _)| *hidden == side)
            .map(|(_, panel)| *panel)
            .collect();
        if back.is_empty() {
            back = Panel::ALL
                .into_iter()
                .filter(|panel| self.side_of(*panel) == Some(side) && *panel != Panel::Steps)
                .collect();
        }
        for panel in &back {
            if let Some(tile) = self.tree.tiles.find_pane(panel) {
                self.tree.tiles.set_visible(tile, true);
            }
        }
        self.hidden.retain(|(hidden, _)| *hidden != side);
    }

    /// Side of the map, by the place in the container across; `None` = above, below or behind it.
    fn side_of(&self, panel: Panel) -> Option<Side> {
        let tiles = &self.tree.tiles;
        let above = |panel: Panel| {
            let mut path: Vec<TileId> = tiles.find_pane(&panel).into_iter().collect();
            while let Some(parent) = path.last().and_then(|tile| tiles.parent_of(*tile)) {
                path.push(parent);
            }
            path
        };
        let (of_map, of_panel) = (above(Panel::Map), above(panel));
        let common = of_panel.iter().find(|tile| of_map.contains(tile))?;
        let Container::Linear(linear) = tiles.get_container(*common)? else {
            return None;
        };
        if linear.dir != LinearDir::Horizontal {
            return None;
        }
        let place = |path: &[TileId]| {
            linear
                .children
                .iter()
                .position(|child| path.contains(child))
        };
        Some(if place(&of_panel)? < place(&of_map)? {
            Side::Left
        } else {
            Side::Right
        })
    }
}

/// Every panel once, and the map where it can be seen.
fn is_whole(tree: &Tree<Panel>) -> bool {
    let mut seen = [0; Panel::ALL.len()];
    let mut waiting: Vec<TileId> = tree.root.into_iter().collect();
    let mut steps = 0;
    while let Some(tile) = waiting.pop() {
        steps += 1;
        // More tiles than there are: a container that holds itself.
        if steps > tree.tiles.len() {
            return false;
        }
        match tree.tiles.get(tile) {
            Some(Tile::Pane(panel)) => seen[panel.index()] += 1,
            Some(Tile::Container(container)) => waiting.extend(container.children()),
            None => return false,
        }
    }
    let map = tree.tiles.find_pane(&Panel::Map);
    seen.iter().all(|times| *times == 1)
        && map.is_some_and(|map| tree.tiles.is_visible_in_layout(map))
}

fn holds_map(tiles: &Tiles<Panel>, tile: TileId) -> bool {
    match tiles.get(tile) {
        Some(Tile::Pane(panel)) => *panel == Panel::Map,
        Some(Tile::Container(container)) => {
            container.children().any(|child| holds_map(tiles, *child))
        }
        None => false,
    }
}

/// Gives the containers around the map shares in points: what lies beside the map keeps its size.
fn keep_sizes(
    tiles: &mut Tiles<Panel>,
    squeezed: &mut HashMap<TileId, (f32, f32)>,
    tile: TileId,
    space: Vec2,
    gap: f32,
) {
    let Some(Tile::Container(Container::Linear(linear))) = tiles.get(tile) else {
        return;
    };
    let (dir, children) = (linear.dir, linear.children.clone());
    let shares: Vec<f32> = children.iter().map(|child| linear.shares[*child]).collect();
    let Some(at) = children.iter().position(|child| holds_map(tiles, *child)) else {
        return;
    };
    let whole = match dir {
        LinearDir::Horizontal => space.x,
        LinearDir::Vertical => space.y,
    };
    let shown: Vec<usize> = (0..children.len())
        .filter(|index| *index == at || tiles.is_visible_in_layout(children[*index]))
        .collect();
    let free = whole - gap * (shown.len().saturating_sub(1)) as f32;
    // A share nobody touched since it was squeezed stands for what it was.
    let points = |index: usize| match squeezed.get(&children[index]) {
        Some((now, before)) if (now - shares[index]).abs() < 0.5 => *before,
        _ if shares[index] < LEAST_POINTS => DROPPED_POINTS,
        _ => shares[index],
    };
    let wanted: Vec<f32> = (0..children.len()).map(points).collect();
    let beside: f32 = shown
        .iter()
        .filter(|index| **index != at)
        .map(|index| wanted[*index])
        .sum();
    // A small window takes from all of them alike.
    let most = (free - LEAST_MAP_POINTS).max(free * 0.3).max(1.0);
    let scale = (most / beside.max(1.0)).min(1.0);
    let left = (free - beside * scale).max(1.0);
    if let Some(Tile::Container(Container::Linear(linear))) = tiles.get_mut(tile) {
        for index in shown {
            let share = if index == at {
                left
            } else {
                wanted[index] * scale
            };
            if index != at && scale < 1.0 {
                squeezed.insert(children[index], (share, wanted[index]));
            } else {
                squeezed.remove(&children[index]);
            }
            linear.shares.set_share(children[index], share);
        }
    }
    let inner = match dir {
        LinearDir::Horizontal => egui::vec2(left, space.y),
        LinearDir::Vertical => egui::vec2(space.x, left),
    };
    keep_sizes(tiles, squeezed, children[at], inner, gap);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share_of(arrangement: &Arrangement, panel: Panel) -> f32 {
        let tiles = &arrangement.tree.tiles;
        let mut tile = tiles.find_pane(&panel).unwrap();
        loop {
            let parent = tiles.parent_of(tile).unwrap();
            if let Some(Container::Linear(linear)) = tiles.get_container(parent)
                && linear.dir == LinearDir::Horizontal
            {
                return linear.shares[tile];
            }
            tile = parent;
        }
    }

    fn lay_out(arrangement: &mut Arrangement, width: f32, height: f32) {
        let tree = arrangement.take_tree(egui::vec2(width, height), 1.0);
        arrangement.put_back(tree);
    }

    #[test]
    fn panels_keep_their_width_and_the_map_takes_the_rest() {
        let mut arrangement = Arrangement::default();
        for width in [1280.0, 3840.0, 1024.0, 1280.0] {
            lay_out(&mut arrangement, width, 700.0);
            assert_eq!(share_of(&arrangement, Panel::Layers), LEFT_POINTS);
            assert_eq!(share_of(&arrangement, Panel::Style), RIGHT_POINTS);
            let map = width - 2.0 - LEFT_POINTS - RIGHT_POINTS;
            assert_eq!(share_of(&arrangement, Panel::Map), map);
        }
        lay_out(&mut arrangement, 500.0, 300.0);
        assert!(share_of(&arrangement, Panel::Map) >= LEAST_MAP_POINTS);
        assert!(share_of(&arrangement, Panel::Style) < RIGHT_POINTS);
        lay_out(&mut arrangement, 420.0, 300.0);
        lay_out(&mut arrangement, 1280.0, 700.0);
        assert_eq!(share_of(&arrangement, Panel::Layers), LEFT_POINTS);
        assert_eq!(share_of(&arrangement, Panel::Style), RIGHT_POINTS);
    }

    #[test]
    fn panels_come_forward_and_go() {
        let mut arrangement = Arrangement::default();
        assert!(arrangement.is_on_show(Panel::Style));
        assert!(!arrangement.is_on_show(Panel::Time));
        arrangement.show(Panel::Time);
        assert!(arrangement.is_on_show(Panel::Time));
        lay_out(&mut arrangement, 1280.0, 800.0);
        assert!(arrangement.is_on_show(Panel::Time) && !arrangement.is_on_show(Panel::Style));
        arrangement.toggle(Panel::Time);
        lay_out(&mut arrangement, 1280.0, 800.0);
        assert!(!arrangement.is_on_show(Panel::Time));
        arrangement.toggle_side(Side::Right);
        lay_out(&mut arrangement, 1280.0, 800.0);
        assert!(!arrangement.has_side(Side::Right) && arrangement.has_side(Side::Left));
        arrangement.toggle_side(Side::Right);
        lay_out(&mut arrangement, 1280.0, 800.0);
        assert!(arrangement.has_side(Side::Right));
        assert!(
            !arrangement.is_on_show(Panel::Time),
            "it was hidden by hand"
        );
        arrangement.toggle(Panel::Map);
        arrangement.show(Panel::Log);
        lay_out(&mut arrangement, 1280.0, 800.0);
        assert!(arrangement.is_on_show(Panel::Map) && arrangement.is_on_show(Panel::Log));
        arrangement.reset();
        lay_out(&mut arrangement, 1280.0, 800.0);
        assert!(!arrangement.is_on_show(Panel::Log));
    }

    #[test]
    fn wide_panels_lie_behind_the_map_and_come_into_older_arrangements() {
        let mut arrangement = Arrangement::default();
        assert!(Arrangement::map_is_alone(&arrangement.tree));
        arrangement.toggle(Panel::Soil);
        lay_out(&mut arrangement, 1280.0, 800.0);
        assert!(arrangement.is_on_show(Panel::Soil) && !arrangement.is_on_show(Panel::Map));
        assert!(!Arrangement::map_is_alone(&arrangement.tree));
        arrangement.toggle(Panel::Soil);
        lay_out(&mut arrangement, 1280.0, 800.0);
        assert!(!arrangement.is_on_show(Panel::Soil) && arrangement.is_on_show(Panel::Map));
        // As an older program saved it: without them, and with the accuracy before the style.
        arrangement.show(Panel::Accuracy);
        lay_out(&mut arrangement, 1280.0, 800.0);
        for panel in Panel::WIDE {
            let tile = arrangement.tree.tiles.find_pane(&panel).unwrap();
            arrangement.tree.remove_recursively(tile);
        }
        let saved = arrangement.to_saved().unwrap();
        assert!(!saved.to_string().contains("soil"));
        let mut back = Arrangement::from_saved(&saved);
        assert!(is_whole(&back.tree) && back.is_on_show(Panel::Accuracy));
        back.show(Panel::Models);
        lay_out(&mut back, 1280.0, 800.0);
        assert!(back.is_on_show(Panel::Models));
    }

    #[test]
    fn what_was_saved_comes_back_and_what_is_broken_does_not() {
        let mut arrangement = Arrangement::default();
        arrangement.show(Panel::Accuracy);
        lay_out(&mut arrangement, 1280.0, 800.0);
        let saved = arrangement.to_saved().unwrap();
        let back = Arrangement::from_saved(&saved);
        assert!(back.is_on_show(Panel::Accuracy));
        let whole = saved.to_string();
        for broken in [
            whole.replace("\"style\"", "\"time\""),
            whole.replace("\"style\"", "\"from-the-future\""),
            "null".to_owned(),
            "{\"root\":{\"0\":7}}".to_owned(),
        ] {
            let value = serde_json::from_str(&broken).unwrap();
            let repaired = Arrangement::from_saved(&value);
            assert!(repaired.is_on_show(Panel::Style), "{broken}");
            assert!(is_whole(&repaired.tree));
        }
    }
}
