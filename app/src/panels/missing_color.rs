//! What pixels without a value look like: transparent, or in a colour that can be seen. One for each layer, whatever its style.

use std::sync::Arc;

use terroir_scene::Layer;

use crate::language::t;
use crate::state::State;
use crate::theme;

/// Not on any ramp and rare in nature.
const FIRST_COLOR: [u8; 3] = [255, 0, 255];

pub fn missing_color_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    ui.separator();
    ui.horizontal(|ui| {
        ui.spacing_mut().interact_size = egui::vec2(18.0, 16.0);
        let mut is_drawn = layer.missing_color.is_some();
        if ui
            .checkbox(&mut is_drawn, t!("stretch-missing"))
            .on_hover_text(t!("stretch-missing-tip"))
            .changed()
        {
            set(state, layer, is_drawn.then_some(FIRST_COLOR));
        }
        let Some(before) = layer.missing_color else {
            return;
        };
        let mut rgb = before;
        let swatch = theme::named(
            ui.color_edit_button_srgb(&mut rgb),
            t!("stretch-missing-colour"),
        );
        super::layers::drag_step(state, &swatch, t!("stretch-missing-colour"));
        if rgb != before {
            set(state, layer, Some(rgb));
        }
        super::layers::end_drag_step(state, &swatch);
    });
}

fn set(state: &mut State, layer: &Arc<Layer>, color: Option<[u8; 3]>) {
    state.change_layer(layer.id, t!("stretch-missing-colour"), |layer| {
        layer.missing_color = color;
    });
}
