//! Below the class list: how much is labelled, hints about classes that may come out badly, and a table of pixels, shares and
//! patches for who wants the numbers.

use egui::RichText;
use terroir_scene::{LabelHint, LabelStatistics};

use crate::jobs::count_text;
use crate::language::t;
use crate::state::State;
use crate::theme::{self, icon};

/// Hints on show; the others are counted.
const HINTS: usize = 4;

pub fn label_statistics_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(statistics) = state.label_work.known.clone() else {
        return;
    };
    if statistics.pixels() == 0 {
        return;
    }
    ui.add_space(theme::SMALL_GAP);
    hints_ui(ui, state, &statistics);
    egui::CollapsingHeader::new(RichText::new(t!("label-statistics")).small())
        .id_salt("label statistics")
        .show(ui, |ui| table_ui(ui, state, &statistics));
}

fn hints_ui(ui: &mut egui::Ui, state: &mut State, statistics: &LabelStatistics) {
    let hints = statistics.hints();
    let colors = theme::colors(ui.visuals());
    for hint in hints.iter().take(HINTS) {
        let text = format!("{}  {}", icon::WARNING, words(state, *hint));
        let label = egui::Label::new(RichText::new(text).small().color(colors.warning))
            .wrap()
            .sense(egui::Sense::click());
        // A click chooses the class to go on with.
        if ui.add(label).on_hover_text(t!("label-hint-tip")).clicked() {
            state.session.class_id = hint.class();
        }
    }
    if hints.len() > HINTS {
        let text = t!("label-hints-more", count = hints.len() - HINTS);
        ui.label(RichText::new(text).small().color(colors.weak));
    }
}

fn words(state: &State, hint: LabelHint) -> String {
    let name = |id: u8| state.class_name(id).unwrap_or_default();
    match hint {
        LabelHint::FewPixels { class, pixels } => {
            t!("label-hint-few", class = name(class), count = pixels)
        }
        LabelHint::Rare {
            class,
            largest,
            percent: 0,
        } => t!(
            "label-hint-very-rare",
            class = name(class),
            largest = name(largest)
        ),
        LabelHint::Rare {
            class,
            largest,
            percent,
        } => t!(
            "label-hint-rare",
            class = name(class),
            largest = name(largest),
            percent = percent
        ),
        LabelHint::OnePatch { class } => t!("label-hint-one-patch", class = name(class)),
    }
}

fn table_ui(ui: &mut egui::Ui, state: &State, statistics: &LabelStatistics) {
    let total = statistics.pixels().max(1) as f64;
    let has_tested = statistics.classes.iter().any(|class| class.held_out > 0);
    let weak = theme::colors(ui.visuals()).weak;
    let columns = if has_tested { 5 } else { 4 };
    egui::Grid::new("label statistics table")
        .num_columns(columns)
        .spacing([8.0, 3.0])
        .striped(true)
        .show(ui, |ui| {
            let head = |ui: &mut egui::Ui, text: &str, tip: &str| {
                ui.label(RichText::new(text).small().color(weak))
                    .on_hover_text(tip);
            };
            head(ui, t!("label-class"), "");
            head(ui, t!("label-pixels"), t!("label-pixels-tip"));
            head(ui, "%", t!("label-share-tip"));
            head(ui, t!("label-patches"), t!("label-patches-tip"));
            if has_tested {
                head(ui, t!("label-tested"), t!("label-tested-tip"));
            }
            ui.end_row();
            for class in &statistics.classes {
                let name = state.class_name(class.id).unwrap_or_default();
                let shown: String = name.chars().take(14).collect();
                ui.label(RichText::new(shown).small()).on_hover_text(name);
                let share = class.pixels as f64 / total * 100.0;
                let number = |ui: &mut egui::Ui, text: String| {
                    ui.label(RichText::new(text).small());
                };
                number(ui, count_text(class.pixels as u64));
                number(ui, format!("{share:.1}"));
                number(ui, count_text(class.patches as u64));
                if has_tested {
                    number(ui, count_text(class.held_out as u64));
                }
                ui.end_row();
            }
        });
}
