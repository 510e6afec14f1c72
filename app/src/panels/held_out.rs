//! Accuracy on polygons that were kept out of training by their attribute `use`.

use egui::RichText;

use crate::language::t;
use crate::live_head::HeldOut;
use crate::theme;

pub fn held_out_ui(ui: &mut egui::Ui, held_out: &HeldOut) {
    let weak = theme::colors(ui.visuals()).weak;
    theme::section_ui(ui, t!("accuracy-held-out"));
    let percent = |value: Option<f64>| {
        value.map_or_else(
            || t!("accuracy-not-defined").to_owned(),
            |value| format!("{:.1} %", 100.0 * value),
        )
    };
    ui.label(t!(
        "accuracy-held-out-figures",
        overall = percent(held_out.accuracy.overall),
        f1 = percent(held_out.accuracy.macro_f1)
    ));
    ui.label(
        RichText::new(t!(
            "accuracy-held-out-basis",
            pixels = crate::jobs::count_text(held_out.pixels as u64),
            polygons = held_out.polygons
        ))
        .small()
        .color(weak),
    );
    let mut mistakes: Vec<(u64, &str, &str)> = Vec::new();
    for (map, row) in held_out.matrix.classes.iter().zip(&held_out.matrix.counts) {
        for (reference, count) in held_out.matrix.classes.iter().zip(row) {
            if map.id != reference.id && *count > 0 {
                mistakes.push((*count, &reference.name, &map.name));
            }
        }
    }
    super::accuracy::per_class_ui(ui, "held out per class", &held_out.accuracy);
    mistakes.sort_by_key(|mistake| std::cmp::Reverse(mistake.0));
    for (count, is, taken_for) in mistakes.into_iter().take(3) {
        let text = t!(
            "accuracy-mistake",
            is = is,
            taken = taken_for,
            count = count
        );
        ui.label(RichText::new(text).small().color(weak));
    }
}
