//! Which open series of images a job is to use: a box a series. Draws and asks.

use std::collections::HashSet;
use std::sync::Arc;

use egui::RichText;
use terroir_scene::{Layer, LayerId};

use crate::language::t;
use crate::theme;

/// Returns whether any is used.
pub fn image_choice_ui(
    ui: &mut egui::Ui,
    series: &[Arc<Layer>],
    left_out: &mut HashSet<LayerId>,
) -> bool {
    let weak = theme::colors(ui.visuals()).weak;
    for layer in series {
        let mut is_used = !left_out.contains(&layer.id);
        ui.horizontal(|ui| {
            if ui.checkbox(&mut is_used, &layer.name).changed() {
                if is_used {
                    left_out.remove(&layer.id);
                } else {
                    left_out.insert(layer.id);
                }
            }
            let dated = layer.series().map_or(0, |series| series.dated());
            ui.label(
                RichText::new(t!("soil-dates", count = dated))
                    .small()
                    .color(weak),
            );
        });
    }
    series.iter().any(|layer| !left_out.contains(&layer.id))
}
