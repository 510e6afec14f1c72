//! The method of the class map: which kind of head, what classes weigh, and which methods the canvas cannot follow.

use egui::RichText;
use terroir_scene::HeadKind;

use crate::state::State;
use crate::theme;

/// Heaviest and lightest a class can be made here.
const WEIGHTS: std::ops::RangeInclusive<f32> = 0.05..=20.0;

pub fn method_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.horizontal(|ui| {
        ui.label("Method");
        egui::ComboBox::from_id_salt("head kind")
            .width(180.0)
            .selected_text(state.live.kind.name())
            .show_ui(ui, |ui| {
                for kind in HeadKind::ALL {
                    ui.selectable_value(&mut state.live.kind, kind, kind.name())
                        .on_hover_text(about(kind));
                }
            });
    });
    let kind = state.live.kind;
    if !kind.is_linear() {
        let text = format!(
            "{} cannot follow the brush: the canvas multiplies with one row of numbers a class, and this method has none. \
             While you paint you see logistic regression; Export and Check accuracy use {}.",
            kind.name(),
            kind.name().to_lowercase()
        );
        ui.label(
            RichText::new(text)
                .small()
                .color(theme::colors(ui.visuals()).weak),
        );
    }
    weights_ui(ui, state);
}

fn about(kind: HeadKind) -> &'static str {
    match kind {
        HeadKind::Logistic => "Honest probabilities from few labels; follows the brush",
        HeadKind::Ridge => "The quickest; follows the brush",
        HeadKind::Neighbours => {
            "The three most similar labelled pixels vote; good from very few labels"
        }
        HeadKind::Forest => "100 trees vote; for many labels and classes with several faces",
        HeadKind::Network => "Two layers; for many labels and classes with several faces",
    }
}

fn weights_ui(ui: &mut egui::Ui, state: &mut State) {
    let classes = match &state.history.document().labels {
        Some(labels) if labels.classes.len() > 1 => labels.classes.clone(),
        _ => return,
    };
    let changed = classes
        .iter()
        .filter(|class| state.live.class_weights.contains_key(&class.id))
        .count();
    let title = match changed {
        0 => "Class weights".to_owned(),
        count => format!("Class weights ({count} changed)"),
    };
    egui::CollapsingHeader::new(title)
        .id_salt("class weights")
        .show(ui, |ui| {
            ui.label(
                RichText::new("A class that weighs more is found in more places.")
                    .small()
                    .color(theme::colors(ui.visuals()).weak),
            );
            egui::Grid::new("class weights")
                .num_columns(2)
                .spacing([10.0, 3.0])
                .show(ui, |ui| {
                    for class in classes.iter() {
                        let mut weight = state.live.weight(class.id);
                        ui.horizontal(|ui| {
                            let (rect, _) = ui
                                .allocate_exact_size(egui::vec2(11.0, 11.0), egui::Sense::hover());
                            ui.painter().rect_filled(rect, 2.0, theme::rgb(class.color));
                            ui.add(egui::Label::new(&class.name).truncate());
                        });
                        let drag = egui::DragValue::new(&mut weight)
                            .range(WEIGHTS)
                            .speed(0.02)
                            .max_decimals(2);
                        if ui.add(drag).changed() {
                            state.live.set_weight(class.id, weight);
                        }
                        ui.end_row();
                    }
                });
            if changed > 0 && ui.link("All equal").clicked() {
                state.live.class_weights.clear();
            }
        });
}
