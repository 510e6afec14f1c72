//! Choosing a coordinate system: for the map, or for a raster whose file names none. Searches PROJ's register by code,
//! name and place; a definition (WKT, PROJ string) can be typed as well.

use std::path::PathBuf;
use std::sync::Arc;

use egui::{Id, Key, Modal, RichText};
use terroir_scene::{
    AssignedCrs, Crs, CrsEntry, CrsKind, Document, Layer, LayerId, LayerSource, LonLatBox,
    assign_systems,
};

use crate::export::primary_button;
use crate::files::FileTask;
use crate::language::t;
use crate::messages::Level;
use crate::session::ViewRequest;
use crate::state::State;
use crate::theme;

const RECENT: usize = 8;
const LIST_HEIGHT: f32 = 300.0;

/// What the system is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrsPurpose {
    Map,
    /// A raster whose file names none.
    Layer(LayerId),
}

/// The register, read once on the file thread.
#[derive(Default)]
pub enum CrsCatalogue {
    #[default]
    Unread,
    Reading,
    Known(Arc<Vec<CrsEntry>>),
}

/// The open chooser.
pub struct CrsChooser {
    purpose: CrsPurpose,
    text: String,
    kind: Option<CrsKind>,
    only_here: bool,
    /// Longitude and latitude of the view's middle, where known.
    here: Option<(f64, f64)>,
    chosen: Option<u32>,
    /// Indices into the register that pass the filters, recent ones first.
    rows: Vec<usize>,
    /// How many of `rows` are recent ones.
    recent_rows: usize,
    filtered_by: Option<(String, Option<CrsKind>, bool)>,
    wants_scroll: bool,
}

impl CrsChooser {
    pub fn new(purpose: CrsPurpose, now: Option<&Crs>, here: Option<(f64, f64)>) -> Self {
        Self {
            purpose,
            text: String::new(),
            kind: None,
            only_here: false,
            here,
            chosen: now.and_then(|crs| crs.epsg),
            rows: Vec::new(),
            recent_rows: 0,
            filtered_by: None,
            wants_scroll: false,
        }
    }

    fn filter(&mut self, all: &[CrsEntry], recent: &[u32]) {
        let key = (self.text.clone(), self.kind, self.only_here);
        if self.filtered_by.as_ref() == Some(&key) {
            return;
        }
        let text = self.text.to_lowercase();
        let words: Vec<&str> = text.split_whitespace().collect();
        let passes = |entry: &CrsEntry| {
            self.kind.is_none_or(|kind| entry.kind == kind)
                && (!self.only_here || is_here(entry, self.here))
                && entry.matches(&words)
        };
        let place = |code: &u32| all.binary_search_by_key(code, |entry| entry.epsg).ok();
        let mut rows: Vec<usize> = recent
            .iter()
            .filter_map(place)
            .filter(|index| all.get(*index).is_some_and(passes))
            .collect();
        self.recent_rows = rows.len();
        let mut others: Vec<usize> = all
            .iter()
            .enumerate()
            .filter(|(index, entry)| !rows.contains(index) && passes(entry))
            .map(|(index, _)| index)
            .collect();
        // A code that is typed comes before codes that only hold it.
        let code = text.trim_start_matches("epsg:").trim().parse::<u32>().ok();
        others.sort_by_key(|index| all.get(*index).map(|entry| Some(entry.epsg) != code));
        rows.extend(others);
        if self.filtered_by.is_some() && !words.is_empty() {
            self.chosen = rows
                .first()
                .and_then(|index| all.get(*index))
                .map(|entry| entry.epsg);
        }
        self.rows = rows;
        self.filtered_by = Some(key);
    }
}

fn is_here(entry: &CrsEntry, here: Option<(f64, f64)>) -> bool {
    match (entry.area, here) {
        (Some(area), Some((lon, lat))) => area.holds(lon, lat),
        _ => true,
    }
}

/// A definition rather than words to search for.
fn is_definition(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('+') || text.contains('[') || text.to_uppercase().starts_with("ESRI:")
}

enum Step {
    Stay,
    Close,
    Use(String),
}

/// Draws the chooser while it is open.
pub fn crs_chooser_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(mut chooser) = state.session.crs_chooser.take() else {
        return;
    };
    let all = match &state.crs_catalogue {
        CrsCatalogue::Known(all) => Some(all.clone()),
        CrsCatalogue::Reading => None,
        CrsCatalogue::Unread => {
            state.crs_catalogue = CrsCatalogue::Reading;
            state.send(FileTask::CrsCatalogue);
            None
        }
    };
    if let Some(all) = &all {
        chooser.filter(all, &state.settings.recent_crs);
    }
    let title = match chooser.purpose {
        CrsPurpose::Map => t!("dialogs-crs-map").to_owned(),
        CrsPurpose::Layer(id) => {
            let name = state
                .history
                .document()
                .layer(id)
                .map(|layer| layer.name.clone());
            t!("dialogs-crs-layer", name = name.unwrap_or_default())
        }
    };
    let mut step = Step::Stay;
    let modal = Modal::new(Id::unique("crs chooser")).show(ui.ctx(), |ui| {
        ui.set_width(560.0);
        ui.heading(title);
        let hint = match chooser.purpose {
            CrsPurpose::Map => t!("dialogs-crs-map-what"),
            CrsPurpose::Layer(_) => t!("dialogs-crs-layer-what"),
        };
        ui.label(RichText::new(hint).color(theme::colors(ui.visuals()).weak));
        ui.add_space(theme::SMALL_GAP);
        step = content_ui(ui, &mut chooser, all.as_deref().map(Vec::as_slice));
    });
    if modal.should_close() {
        step = Step::Close;
    }
    match step {
        Step::Stay => state.session.crs_chooser = Some(chooser),
        Step::Close => {}
        Step::Use(text) => {
            let purpose = chooser.purpose;
            state.send(FileTask::ParseCrs { text, purpose });
        }
    }
}

fn content_ui(ui: &mut egui::Ui, chooser: &mut CrsChooser, all: Option<&[CrsEntry]>) -> Step {
    let (up, down, enter) = ui.input_mut(|input| {
        (
            input.consume_key(egui::Modifiers::NONE, Key::ArrowUp),
            input.consume_key(egui::Modifiers::NONE, Key::ArrowDown),
            input.key_pressed(Key::Enter),
        )
    });
    let edit = ui.add(
        egui::TextEdit::singleline(&mut chooser.text)
            .desired_width(f32::INFINITY)
            .hint_text(t!("dialogs-crs-hint")),
    );
    edit.request_focus();
    ui.horizontal(|ui| {
        for (name, kind) in [
            (t!("dialogs-all"), None),
            (t!("dialogs-crs-projected"), Some(CrsKind::Projected)),
            (t!("dialogs-crs-geographic"), Some(CrsKind::Geographic)),
        ] {
            ui.selectable_value(&mut chooser.kind, kind, name);
        }
        if chooser.here.is_some() {
            ui.separator();
            ui.checkbox(&mut chooser.only_here, t!("dialogs-crs-here"))
                .on_hover_text(t!("dialogs-crs-here-tip"));
        }
    });
    ui.add_space(theme::SMALL_GAP);
    let is_definition = is_definition(&chooser.text);
    let mut picked = false;
    match all {
        None => {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label(t!("dialogs-crs-reading"));
            });
            ui.add_space(LIST_HEIGHT - 22.0);
        }
        Some(_) if is_definition => {
            ui.label(t!("dialogs-crs-definition"));
            ui.add_space(LIST_HEIGHT - 18.0);
        }
        Some(all) => {
            if up || down {
                let at = chooser
                    .rows
                    .iter()
                    .position(|index| all.get(*index).map(|entry| entry.epsg) == chooser.chosen);
                let next = match at {
                    None => 0,
                    Some(at) if up => at.saturating_sub(1),
                    Some(at) => (at + 1).min(chooser.rows.len().saturating_sub(1)),
                };
                let entry = chooser.rows.get(next).and_then(|index| all.get(*index));
                chooser.chosen = entry.map(|entry| entry.epsg).or(chooser.chosen);
                chooser.wants_scroll = true;
            }
            picked = list_ui(ui, chooser, all);
        }
    }
    ui.separator();
    let chosen = all.and_then(|all| {
        let code = chooser.chosen?;
        all.binary_search_by_key(&code, |entry| entry.epsg)
            .ok()
            .and_then(|index| all.get(index))
    });
    preview_ui(ui, chosen.filter(|_| !is_definition), chooser.here);
    ui.add_space(theme::SMALL_GAP);
    let text = if is_definition {
        Some(chooser.text.trim().to_owned())
    } else {
        chosen.map(|entry| format!("EPSG:{}", entry.epsg))
    };
    let mut step = Step::Stay;
    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
        let uses = ui
            .add_enabled(text.is_some(), primary_button(ui, t!("dialogs-use")))
            .clicked();
        if ui.button(t!("dialogs-cancel")).clicked() {
            step = Step::Close;
        }
        if let Some(text) = text.filter(|_| uses || picked || enter) {
            step = Step::Use(text);
        }
    });
    step
}

/// The list; true when a row was double-clicked.
fn list_ui(ui: &mut egui::Ui, chooser: &mut CrsChooser, all: &[CrsEntry]) -> bool {
    if chooser.rows.is_empty() {
        theme::empty_ui(ui, t!("dialogs-crs-nothing"), t!("dialogs-crs-nothing-tip"));
        ui.add_space(LIST_HEIGHT - 64.0);
        return false;
    }
    let mut picked = false;
    let mut area = egui::ScrollArea::vertical()
        .max_height(LIST_HEIGHT)
        .min_scrolled_height(LIST_HEIGHT)
        .auto_shrink([false, false]);
    let row_height = theme::ROW;
    if std::mem::take(&mut chooser.wants_scroll) {
        let at = chooser
            .rows
            .iter()
            .position(|index| all.get(*index).map(|entry| entry.epsg) == chooser.chosen);
        if let Some(at) = at {
            let spacing = ui.spacing().item_spacing.y;
            let y = at as f32 * (row_height + spacing) - LIST_HEIGHT / 2.0;
            area = area.vertical_scroll_offset(y.max(0.0));
        }
    }
    area.show_rows(ui, row_height, chooser.rows.len(), |ui, range| {
        for at in range {
            let Some(entry) = chooser.rows.get(at).and_then(|index| all.get(*index)) else {
                continue;
            };
            let is_chosen = chooser.chosen == Some(entry.epsg);
            let width = ui.available_width();
            let mark = if at < chooser.recent_rows {
                theme::icon::CLOCK_COUNTER_CLOCKWISE
            } else {
                ""
            };
            let text = format!("{:<7}{}", entry.epsg, entry.name);
            let button = egui::Button::selectable(is_chosen, RichText::new(text))
                .truncate()
                .right_text(RichText::new(mark).weak())
                .min_size(egui::vec2(width, row_height));
            let response = ui.add_sized([width, row_height], button);
            picked |= response.double_clicked();
            if response.clicked() {
                chooser.chosen = Some(entry.epsg);
            }
            if !entry.area_name.is_empty() {
                response.on_hover_text(&entry.area_name);
            }
        }
    });
    picked
}

fn preview_ui(ui: &mut egui::Ui, entry: Option<&CrsEntry>, here: Option<(f64, f64)>) {
    ui.allocate_ui(egui::vec2(ui.available_width(), 66.0), |ui| {
        ui.set_min_height(66.0);
        let Some(entry) = entry else {
            return;
        };
        let weak = theme::colors(ui.visuals()).weak;
        let kind = match entry.kind {
            CrsKind::Geographic => t!("dialogs-crs-lon-lat"),
            CrsKind::Projected if entry.method.is_empty() => t!("dialogs-crs-is-projected"),
            CrsKind::Projected => &entry.method,
        };
        ui.label(RichText::new(format!("EPSG:{}  {}", entry.epsg, entry.name)).strong());
        let area = entry.area.map(area_text).unwrap_or_default();
        let line = format!("{kind}. {area}");
        ui.add(egui::Label::new(RichText::new(line).small().color(weak)).truncate());
        if is_here(entry, here) {
            ui.add(
                egui::Label::new(RichText::new(&entry.area_name).small().color(weak)).truncate(),
            )
            .on_hover_text(&entry.area_name);
        } else {
            let text = t!("dialogs-crs-elsewhere", area = &entry.area_name);
            let color = theme::colors(ui.visuals()).warning;
            ui.add(egui::Label::new(RichText::new(text).small().color(color)).truncate())
                .on_hover_text(&entry.area_name);
        }
    });
}

fn area_text(area: LonLatBox) -> String {
    let lon = |value: f64| {
        let side = if value < 0.0 { "W" } else { "E" };
        format!("{:.1}°{side}", value.abs())
    };
    let lat = |value: f64| {
        let side = if value < 0.0 { "S" } else { "N" };
        format!("{:.1}°{side}", value.abs())
    };
    t!(
        "dialogs-crs-area",
        west = lon(area.west),
        east = lon(area.east),
        south = lat(area.south),
        north = lat(area.north)
    )
}

impl State {
    /// Opens the chooser for the map, or for the active raster when neither knows a system yet.
    pub fn choose_map_crs(&mut self) {
        let document = self.history.document();
        if document.map_crs.is_none()
            && let Some(layer) = self.active_raster()
        {
            self.choose_layer_crs(layer.id);
            return;
        }
        let now = document.map_crs.clone();
        let here = now
            .as_ref()
            .zip(self.session.view_center)
            .and_then(|(crs, center)| self.places.lon_lat(crs, center));
        self.session.crs_chooser = Some(CrsChooser::new(CrsPurpose::Map, now.as_ref(), here));
    }

    pub fn choose_layer_crs(&mut self, id: LayerId) {
        let now = self
            .history
            .document()
            .layer(id)
            .and_then(|layer| layer.raster_info())
            .and_then(|info| info.grid.crs().cloned());
        self.session.crs_chooser = Some(CrsChooser::new(CrsPurpose::Layer(id), now.as_ref(), None));
    }

    /// A system was chosen and understood.
    pub fn take_crs(&mut self, crs: Crs, purpose: CrsPurpose) {
        if let Some(code) = crs.epsg {
            self.settings.remember_crs(code, RECENT);
            self.save_settings();
        }
        match purpose {
            CrsPurpose::Map => {
                let name = t!("undo-map-crs", crs = crs.label());
                self.history
                    .change(&name, |document| document.map_crs = Some(crs));
            }
            CrsPurpose::Layer(id) => {
                let Some(layer) = self.history.document().layer(id).cloned() else {
                    return;
                };
                let name = t!("undo-layer-crs", name = &layer.name, crs = crs.label());
                let was_unknown = self.history.document().map_crs.is_none();
                self.history
                    .change(&name, |document| assign(document, id, &crs));
                if !was_unknown {
                    self.session.view = Some(ViewRequest::Layer(id));
                }
                self.messages.show(
                    Level::Info,
                    t!("dialogs-crs-taken", name = &layer.name, crs = &crs.name),
                );
            }
        }
    }
}

impl State {
    /// Tells the worker, and whatever this process reads, the systems that were named by hand; looks only after a change.
    pub fn tell_systems(&mut self) {
        let now = (self.document_number, self.history.value());
        if self.told_systems.0 == Some(now) {
            return;
        }
        let mut systems: Vec<AssignedCrs> = Vec::new();
        for layer in &self.history.document().layers {
            let Some(crs) = layer.assigned_crs() else {
                continue;
            };
            systems.extend(files_of(layer).into_iter().map(|path| AssignedCrs {
                path,
                crs: crs.clone(),
            }));
        }
        if systems != self.told_systems.1 {
            assign_systems(systems.clone());
            self.jobs.assign(systems.clone());
        }
        self.told_systems = (Some(now), systems);
    }
}

/// What is opened to read a layer: its file, or the images of a series with what they are cut out of and their masks. A
/// system that is named is of those among them that name none.
fn files_of(layer: &Layer) -> Vec<PathBuf> {
    match &layer.source {
        LayerSource::Raster { path, .. } => vec![path.clone()],
        LayerSource::Series(series) => {
            let mut files = Vec::new();
            for frame in series.frames() {
                let info = frame.info.as_ref();
                if info.is_some_and(|info| info.grid.georef.crs_is_assigned) {
                    files.extend(frame.parts.iter().map(|part| part.path.clone()));
                    files.extend(frame.mask.as_ref().map(|mask| mask.path.clone()));
                    files.extend(info.map(|info| info.path.clone()));
                }
            }
            files.sort_unstable();
            files.dedup();
            files
        }
        LayerSource::Labels | LayerSource::Vector(_) => Vec::new(),
    }
}

/// Gives a raster or the images of a series a system; labels on its pixels follow, and a map without one takes it over.
fn assign(document: &mut Document, id: LayerId, crs: &Crs) {
    let Some(layer) = document.layer_mut(id) else {
        return;
    };
    let Some(before) = layer.raster_info().map(|info| info.grid.clone()) else {
        return;
    };
    match &mut layer.source {
        LayerSource::Raster {
            info: Some(info), ..
        } => Arc::make_mut(info).grid.georef.assign_crs(crs.clone()),
        LayerSource::Series(series) => series.assign_crs(crs),
        _ => return,
    }
    if let Some(labels) = document
        .labels
        .as_mut()
        .filter(|labels| labels.grid.same_as(&before))
    {
        labels.grid.georef.assign_crs(crs.clone());
    }
    if document.map_crs.is_none() {
        document.map_crs = Some(crs.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_told_from_words() {
        assert!(is_definition("+proj=laea +lat_0=52"));
        assert!(is_definition("PROJCS[\"a\"]") && is_definition("ESRI:54030"));
        assert!(!is_definition("WGS 84 / UTM zone 29N") && !is_definition("EPSG:3035"));
    }

    #[test]
    fn typed_codes_come_first_and_recent_ones_lead() {
        let all = terroir_scene::crs_catalogue_blocking();
        let mut chooser = CrsChooser::new(CrsPurpose::Map, None, Some((-8.5, 39.5)));
        chooser.filter(&all, &[3763, 4326]);
        assert_eq!(chooser.recent_rows, 2);
        assert_eq!(all[chooser.rows[0]].epsg, 3763);
        chooser.text = "2154".to_owned();
        chooser.filter(&all, &[3763, 4326]);
        assert_eq!(
            (all[chooser.rows[0]].epsg, chooser.chosen),
            (2154, Some(2154))
        );
        chooser.text = "utm".to_owned();
        chooser.only_here = true;
        chooser.filter(&all, &[]);
        let found: Vec<u32> = chooser.rows.iter().map(|index| all[*index].epsg).collect();
        assert!(
            found.contains(&32629) && !found.contains(&32633),
            "{found:?}"
        );
        assert!(
            chooser
                .rows
                .iter()
                .all(|index| is_here(&all[*index], chooser.here))
        );
    }
}
