//! The method of the class map: which kind of head, what classes weigh, and which methods the canvas cannot follow.

use egui::RichText;
use terroir_scene::HeadKind;

use crate::language::t;
use crate::state::State;
use crate::theme;

/// Heaviest and lightest a class can be made here.
const WEIGHTS: std::ops::RangeInclusive<f32> = 0.05..=20.0;

pub fn method_ui(ui: &mut egui::Ui, state: &mut State) {
    let mut chosen = state.method().kind;
    ui.horizontal(|ui| {
        let label = ui.label(t!("field-method"));
        egui::ComboBox::from_id_salt("head kind")
            .width(180.0)
            .selected_text(head_name(chosen))
            .show_ui(ui, |ui| {
                for kind in HeadKind::ALL {
                    ui.selectable_value(&mut chosen, kind, head_name(kind))
                        .on_hover_text(about(kind));
                }
            })
            .response
            .labelled_by(label.id);
    });
    if chosen != state.method().kind {
        state.set_method(chosen);
    }
    let kind = chosen;
    if !kind.is_linear() {
        let text = t!(
            "field-head-not-live",
            name = head_name(kind),
            inside = head_name_inside(kind)
        );
        ui.label(
            RichText::new(text)
                .small()
                .color(theme::colors(ui.visuals()).weak),
        );
    }
    weights_ui(ui, state);
}

/// What a classifier is called in the window.
pub fn head_name(kind: HeadKind) -> &'static str {
    match kind {
        HeadKind::Logistic => t!("field-head-logistic"),
        HeadKind::Ridge => t!("field-head-ridge"),
        HeadKind::Neighbours => t!("field-head-neighbours"),
        HeadKind::Forest => t!("field-head-forest"),
        HeadKind::Network => t!("field-head-network"),
    }
}

/// Its name inside a sentence.
fn head_name_inside(kind: HeadKind) -> &'static str {
    match kind {
        HeadKind::Logistic | HeadKind::Ridge => head_name(kind),
        HeadKind::Neighbours => t!("field-head-neighbours.inside"),
        HeadKind::Forest => t!("field-head-forest.inside"),
        HeadKind::Network => t!("field-head-network.inside"),
    }
}

fn about(kind: HeadKind) -> &'static str {
    match kind {
        HeadKind::Logistic => t!("field-head-logistic.tip"),
        HeadKind::Ridge => t!("field-head-ridge.tip"),
        HeadKind::Neighbours => {
            t!("field-head-neighbours.tip")
        }
        HeadKind::Forest => t!("field-head-forest.tip"),
        HeadKind::Network => t!("field-head-network.tip"),
    }
}

fn weights_ui(ui: &mut egui::Ui, state: &mut State) {
    let classes = match &state.history.document().labels {
        Some(labels) if labels.classes.len() > 1 => labels.classes.clone(),
        _ => return,
    };
    let changed = classes
        .iter()
        .filter(|class| state.method().class_weights.contains_key(&class.id))
        .count();
    let title = match changed {
        0 => t!("field-weights").to_owned(),
        count => t!("field-weights-changed", count = count),
    };
    egui::CollapsingHeader::new(title)
        .id_salt("class weights")
        .show(ui, |ui| {
            ui.label(
                RichText::new(t!("field-weights-note"))
                    .small()
                    .color(theme::colors(ui.visuals()).weak),
            );
            egui::Grid::new("class weights")
                .num_columns(2)
                .spacing([10.0, 3.0])
                .show(ui, |ui| {
                    for class in classes.iter() {
                        let mut weight = state.method().weight(class.id);
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
                            let step = t!("undo-weight", name = &class.name);
                            state.history.change(&step, |document| {
                                document.method.set_weight(class.id, weight)
                            });
                        }
                        ui.end_row();
                    }
                });
            if changed > 0 && ui.link(t!("field-weights-equal")).clicked() {
                state.history.change(t!("undo-equal-weights"), |document| {
                    document.method.class_weights.clear();
                });
            }
        });
}
