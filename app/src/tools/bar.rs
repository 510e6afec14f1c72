//! A small bar over the map with the settings of a tool, at the top in the middle.

use egui::{Align2, Rect, vec2};

/// Draws the bar; `id` tells one from another.
pub fn bar_ui(ui: &egui::Ui, id: &str, map: Rect, content: impl FnOnce(&mut egui::Ui)) {
    egui::Area::new(egui::Id::unique(id))
        .order(egui::Order::Middle)
        .pivot(Align2::CENTER_TOP)
        .fixed_pos(map.center_top() + vec2(0.0, 10.0))
        .constrain_to(map)
        .show(ui.ctx(), |ui| {
            egui::Frame::popup(ui.style())
                .inner_margin(egui::Margin::symmetric(10, 6))
                .show(ui, |ui| {
                    ui.set_max_width((map.width() - 40.0).max(200.0));
                    ui.horizontal_wrapped(|ui| {
                        ui.spacing_mut().item_spacing.x = 6.0;
                        content(ui);
                    });
                });
        });
}
