//! Shapes under the clicked place: which ones, and their attributes.

use std::sync::Arc;

use terroir_scene::{AreaPart, ColumnKind, LayerId, PartKind, VectorLayer};

use crate::language::t;
use crate::session::{FoundShape, ViewRequest};
use crate::state::State;
use crate::theme::{self, icon};

/// Columns and lengths of values that are offered as areas of interest.
const MOST_COLUMNS: usize = 12;
const LONGEST_VALUE: usize = 60;

/// Nothing when no shape was clicked.
pub fn shapes_here_ui(ui: &mut egui::Ui, state: &mut State) {
    let found = state.session.found_shapes.clone();
    if found.is_empty() {
        return;
    }
    let chosen = state.session.found_chosen.min(found.len() - 1);
    ui.horizontal(|ui| {
        let title = t!("shapes-here", count = found.len());
        ui.label(egui::RichText::new(title).strong());
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            if theme::icon_button(ui, icon::X, t!("shapes-forget")).clicked() {
                state.forget_shapes();
            }
        });
    });
    if found.len() > 1 {
        egui::ScrollArea::vertical()
            .id_salt("shapes here")
            .max_height(110.0)
            .auto_shrink([false, true])
            .show(ui, |ui| {
                for (index, shape) in found.iter().enumerate() {
                    let text = name_of(state, shape);
                    let row = egui::Button::selectable(index == chosen, text)
                        .truncate()
                        .min_size(egui::vec2(ui.available_width(), 0.0));
                    if ui.add(row).clicked() {
                        state.session.found_chosen = index;
                        state.choose_shapes(shape.layer, vec![shape.feature]);
                    }
                }
            });
    }
    let Some(shape) = found.get(chosen) else {
        return;
    };
    let Some(data) = data_of(state, shape.layer) else {
        return;
    };
    ui.horizontal(|ui| {
        let text = name_of(state, shape);
        if theme::icon_button(ui, icon::FRAME_CORNERS, t!("shapes-zoom")).clicked() {
            state.session.view = Some(ViewRequest::Shapes(shape.layer));
        }
        area_ui(ui, state, shape, &data);
        ui.add(egui::Label::new(text).truncate());
    });
    egui::Grid::new("attributes of the shape")
        .num_columns(2)
        .striped(true)
        .spacing([12.0, 3.0])
        .show(ui, |ui| {
            for column in &data.columns {
                let weak = theme::colors(ui.visuals()).weak;
                ui.label(egui::RichText::new(&column.name).small().color(weak))
                    .on_hover_text(kind_name(column.kind));
                match column.text(shape.feature) {
                    Some(text) => {
                        ui.add(egui::Label::new(&text).wrap());
                    }
                    None => {
                        ui.label(
                            egui::RichText::new(t!("shapes-no-value"))
                                .italics()
                                .color(weak),
                        );
                    }
                }
                ui.end_row();
            }
        });
    if data.columns.is_empty() {
        ui.label(t!("shapes-no-attributes"));
    }
    ui.separator();
}

/// Takes the shape, or all with one of its values, as area of interest.
fn area_ui(ui: &mut egui::Ui, state: &mut State, shape: &FoundShape, data: &VectorLayer) {
    let is_polygon = data
        .shapes
        .feature(shape.feature)
        .any(|part| part.kind == PartKind::Polygon);
    if !is_polygon {
        return;
    }
    let menu = ui.menu_button(icon::SELECTION, |ui| {
        let mut wanted = None;
        let number = data.ids.get(shape.feature).copied();
        if ui.button(t!("shapes-area-this")).clicked() {
            wanted = number.map(|number| AreaPart::Shapes(vec![number]));
        }
        for column in data.columns.iter().take(MOST_COLUMNS) {
            let value = column.text(shape.feature);
            let Some(value) = value.filter(|value| value.len() <= LONGEST_VALUE) else {
                continue;
            };
            let name = column.name.clone();
            let text = t!(
                "shapes-area-all",
                column = name.as_str(),
                value = value.as_str()
            );
            if ui.button(text).clicked() {
                wanted = Some(AreaPart::Value {
                    column: name,
                    value,
                });
            }
        }
        if let Some(part) = wanted {
            state.use_part_as_area(shape.layer, part);
            ui.close();
        }
    });
    theme::named(menu.response, t!("shapes-area"));
}

fn kind_name(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Integer => t!("shapes-kind-integer"),
        ColumnKind::Real => t!("shapes-kind-real"),
        ColumnKind::Boolean => t!("shapes-kind-boolean"),
        ColumnKind::Text => t!("shapes-kind-text"),
        ColumnKind::Date => t!("shapes-kind-date"),
        ColumnKind::Time => t!("shapes-kind-time"),
        ColumnKind::DateTime => t!("shapes-kind-date-time"),
        ColumnKind::Other => t!("shapes-kind-other"),
    }
}

fn data_of(state: &State, layer: LayerId) -> Option<Arc<VectorLayer>> {
    let layer = state.history.document().layer(layer)?;
    state.vectors.data(layer).cloned()
}

fn name_of(state: &State, shape: &FoundShape) -> String {
    let Some(layer) = state.history.document().layer(shape.layer) else {
        return t!("shapes-removed-layer").to_owned();
    };
    let id = state
        .vectors
        .data(layer)
        .and_then(|data| data.ids.get(shape.feature).copied())
        .unwrap_or(shape.feature as i64);
    t!(
        "shapes-name",
        layer = layer.name.as_str(),
        id = id.to_string()
    )
}
