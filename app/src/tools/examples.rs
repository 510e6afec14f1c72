//! Marks of a similarity search on the map: rings around example pixels, outlines of example areas, numbers at the places
//! found. Drawn while the Field panel is open.

use egui::{Align2, Color32, FontId, Pos2, Shape, Stroke};

use super::MapView;
use crate::arrangement::Panel;
use crate::state::State;
use crate::theme;

const HALO: Color32 = Color32::from_black_alpha(170);

pub fn examples_ui(ui: &egui::Ui, state: &State, view: &MapView<'_>) {
    if !state.arrangement.is_on_show(Panel::Field) {
        return;
    }
    let painter = ui.painter().with_clip_rect(view.response.rect);
    let accent = theme::colors(ui.visuals()).accent;
    if let Some((id, similarity)) = state.similarity() {
        let document = state.history.document();
        let grid = document
            .layer(id)
            .and_then(|layer| state.raster_info(layer))
            .map(|info| &info.grid);
        let pixel_from_field = grid.and_then(|grid| grid.transform().inverse());
        let on_screen = |at: (f64, f64)| -> Option<Pos2> {
            let pixel = pixel_from_field?.map_from_pixel(at.0, at.1);
            Some(view.screen_from_map(state.map_from_layer_pixel(id, pixel)?))
        };
        for example in &similarity.examples {
            if example.is_area() {
                for ring in &example.rings {
                    let corners: Vec<Pos2> = ring
                        .iter()
                        .filter_map(|corner| on_screen(*corner))
                        .collect();
                    painter.add(Shape::closed_line(corners.clone(), Stroke::new(4.0, HALO)));
                    painter.add(Shape::closed_line(corners, Stroke::new(2.0, accent)));
                }
            } else if let Some(at) = example.at.and_then(on_screen) {
                painter.circle_stroke(at, 7.0, Stroke::new(4.0, HALO));
                painter.circle_stroke(at, 7.0, Stroke::new(2.0, accent));
            }
        }
    }
    let similar = &state.session.similar;
    let Some(layer) = similar.places_of else {
        return;
    };
    for (index, place) in similar.places.iter().enumerate() {
        let middle = (place.col as f64 + 0.5, place.row as f64 + 0.5);
        let Some(map_xy) = state.map_from_layer_pixel(layer, middle) else {
            continue;
        };
        let at = view.screen_from_map(map_xy);
        let is_chosen = similar.chosen_place == Some(index);
        let fill = if is_chosen { accent } else { Color32::WHITE };
        let radius = if is_chosen { 10.0 } else { 8.5 };
        painter.circle(at, radius, fill, Stroke::new(1.5, Color32::BLACK));
        painter.text(
            at,
            Align2::CENTER_CENTER,
            index + 1,
            FontId::proportional(12.0),
            Color32::BLACK,
        );
    }
}
