//! The attribute table of a vector layer: a million rows cost what is in view. Sorting happens in the background; a chosen row
//! is highlighted on the map.

use egui_extras::{Column, TableBuilder};

use crate::jobs::count_text;
use crate::language::t;
use crate::session::ViewRequest;
use crate::state::State;
use crate::theme::{self, icon};

pub fn attribute_table_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(table) = state.session.attribute_table.clone() else {
        return;
    };
    let Some(layer) = state.history.document().layer(table.layer).cloned() else {
        state.session.attribute_table = None;
        return;
    };
    let mut open = true;
    egui::Window::new(t!("shapes-attributes-of", layer = layer.name.as_str()))
        .id(egui::Id::unique("attribute table"))
        .open(&mut open)
        .default_size([640.0, 360.0])
        .min_width(320.0)
        .show(ui.ctx(), |ui| {
            let Some(data) = state.vectors.data(&layer).cloned() else {
                ui.label(t!("shapes-reading"));
                return;
            };
            let chosen = state.session.chosen_shapes.clone();
            let is_chosen = |feature: usize| {
                chosen
                    .as_ref()
                    .is_some_and(|(id, shapes)| *id == layer.id && shapes.contains(&feature))
            };
            let chosen_count = chosen
                .as_ref()
                .filter(|(id, _)| *id == layer.id)
                .map_or(0, |(_, shapes)| shapes.len());
            ui.horizontal(|ui| {
                let count = count_text(data.features() as u64);
                let text = match chosen_count {
                    0 => t!("shapes-count", count = count),
                    chosen => t!("shapes-count-chosen", count = count, chosen = chosen),
                };
                ui.label(text);
                let has_chosen = chosen_count > 0;
                let zoom = format!("{}  {}", icon::FRAME_CORNERS, t!("shapes-zoom-chosen"));
                let zoom = egui::Button::new(zoom);
                if ui.add_enabled(has_chosen, zoom).clicked() {
                    state.session.view = Some(ViewRequest::Shapes(layer.id));
                }
                let area = format!("{}  {}", icon::SELECTION, t!("shapes-area-chosen"));
                let area = ui.add_enabled(has_chosen, egui::Button::new(area));
                if area.on_hover_text(t!("layers-area-tip")).clicked()
                    && let Some(part) = state.chosen_part(&layer)
                {
                    state.use_part_as_area(layer.id, part);
                }
                if ui
                    .add_enabled(has_chosen, egui::Button::new(t!("shapes-choose-none")))
                    .clicked()
                {
                    state.forget_shapes();
                }
            });
            ui.separator();
            if data.features() == 0 {
                theme::empty_ui(ui, t!("shapes-none"), t!("shapes-none-next"));
                return;
            }
            let mut sort = None;
            let mut clicked = None;
            let header = |ui: &mut egui::Ui, name: &str, column: usize| {
                let arrow = match table.sorted {
                    Some((at, false)) if at == column => icon::CARET_UP,
                    Some((at, true)) if at == column => icon::CARET_DOWN,
                    _ => "",
                };
                let text = egui::RichText::new(format!("{name} {arrow}")).strong();
                ui.add(
                    egui::Label::new(text)
                        .truncate()
                        .selectable(false)
                        .sense(egui::Sense::click()),
                )
                .on_hover_text(t!("shapes-sort-by", name = name))
                .clicked()
            };
            egui::ScrollArea::horizontal().show(ui, |ui| {
                let mut builder = TableBuilder::new(ui)
                    .id_salt(("attributes", layer.id.0))
                    .striped(true)
                    .sense(egui::Sense::click())
                    .resizable(true)
                    .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
                    .auto_shrink([false, false])
                    .column(Column::initial(64.0).at_least(40.0).clip(true));
                for _ in &data.columns {
                    builder = builder.column(Column::initial(120.0).at_least(40.0).clip(true));
                }
                builder
                    .header(theme::ROW, |mut row| {
                        row.col(|ui| {
                            let tip = t!("shapes-column-shape-tip");
                            let text = egui::RichText::new(t!("shapes-column-shape")).strong();
                            let label = egui::Label::new(text)
                                .selectable(false)
                                .sense(egui::Sense::click());
                            if ui.add(label).on_hover_text(tip).clicked() {
                                sort = Some(None);
                            }
                        });
                        for (index, column) in data.columns.iter().enumerate() {
                            row.col(|ui| {
                                if header(ui, &column.name, index) {
                                    let again = table.sorted == Some((index, false));
                                    sort = Some(Some((index, again)));
                                }
                            });
                        }
                    })
                    .body(|body| {
                        body.rows(theme::ROW - 4.0, data.features(), |mut row| {
                            let place = row.index();
                            let feature = table
                                .order
                                .as_ref()
                                .and_then(|order| order.get(place))
                                .map_or(place, |feature| *feature as usize);
                            row.set_selected(is_chosen(feature));
                            row.col(|ui| {
                                let id = data.ids.get(feature).copied().unwrap_or_default();
                                ui.add(egui::Label::new(id.to_string()).selectable(false));
                            });
                            for column in &data.columns {
                                row.col(|ui| {
                                    if let Some(text) = column.text(feature) {
                                        ui.add(egui::Label::new(text).truncate().selectable(false));
                                    }
                                });
                            }
                            if row.response().clicked() {
                                clicked = Some(feature);
                            }
                        });
                    });
            });
            if let Some(by) = sort {
                // A refusal only means that the order stays.
                let _ = state.vectors.sort(layer.id, data.clone(), by);
            }
            if let Some(feature) = clicked {
                let (adds, was) = (
                    ui.input(|input| input.modifiers.command),
                    state.session.chosen_shapes.clone(),
                );
                let mut shapes = match was {
                    Some((id, shapes)) if adds && id == layer.id => shapes.to_vec(),
                    _ => Vec::new(),
                };
                match shapes.iter().position(|known| *known == feature) {
                    Some(at) => {
                        shapes.remove(at);
                    }
                    None => shapes.push(feature),
                }
                state.choose_shapes(layer.id, shapes);
            }
        });
    if !open {
        state.session.attribute_table = None;
    }
}
