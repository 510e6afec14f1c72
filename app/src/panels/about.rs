//! The About window: what Terroir is, and the System page one can paste into a report of a fault.
//! Draws; the report comes from `system.rs`.

use egui::RichText;

use crate::doctor::{Check, Health, Report};
use crate::language::t;
use crate::state::State;
use crate::system::SystemState;
use crate::theme::{self, icon};

/// Points for the names of the checks.
const NAMES_WIDTH: f32 = 150.0;

pub fn about_ui(ui: &mut egui::Ui, state: &mut State) {
    let mut open = state.session.about_open;
    egui::Window::new(t!("system-title"))
        .id(egui::Id::unique("about"))
        .open(&mut open)
        .default_pos([300.0, 110.0])
        .default_size([680.0, 540.0])
        .min_width(480.0)
        .collapsible(false)
        .show(ui.ctx(), |ui| {
            ui.horizontal(|ui| {
                ui.selectable_value(&mut state.session.about_system, false, t!("system-about"));
                ui.selectable_value(&mut state.session.about_system, true, t!("system-page"));
            });
            ui.separator();
            if state.session.about_system {
                system_ui(ui, state);
            } else {
                program_ui(ui);
            }
        });
    state.session.about_open = open;
}

fn program_ui(ui: &mut egui::Ui) {
    ui.heading(format!("Terroir {}", crate::version::text()));
    ui.label(t!("system-tagline"));
    ui.label(t!("system-licence", licence = env!("CARGO_PKG_LICENSE")));
    ui.label(t!("system-offline"));
}

fn system_ui(ui: &mut egui::Ui, state: &mut State) {
    if state.system.state == SystemState::NotAsked {
        state.system.ask(state.jobs.program(), state.wake.clone());
    }
    let mut asks_again = false;
    let text = state.system.text();
    egui::Panel::bottom("system foot")
        .frame(egui::Frame::new().inner_margin(egui::Margin::symmetric(0, 6)))
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                let copy = egui::Button::new(format!("{}  {}", icon::COPY, t!("system-copy")));
                let response = ui
                    .add_enabled(text.is_some(), copy)
                    .on_hover_text(t!("system-copy-tip"));
                if let (true, Some(text)) = (response.clicked(), &text) {
                    ui.ctx().copy_text(text.clone());
                }
                let is_idle = state.system.state != SystemState::Asked;
                asks_again = ui
                    .add_enabled(is_idle, egui::Button::new(t!("system-again")))
                    .clicked();
                if let SystemState::Report(report) = &state.system.state {
                    ui.label(RichText::new(report.sum()).color(theme::colors(ui.visuals()).weak));
                }
            });
        });
    match &state.system.state {
        SystemState::NotAsked | SystemState::Asked => {
            ui.horizontal(|ui| {
                ui.spinner();
                ui.label(t!("system-looking"));
            });
            ui.allocate_space(ui.available_size());
        }
        SystemState::Failed(why) => theme::empty_ui(ui, t!("system-no-report"), why),
        SystemState::Report(report) => {
            egui::ScrollArea::vertical()
                .auto_shrink([false, false])
                .show(ui, |ui| report_ui(ui, report, &state.system.adapter));
        }
    }
    if asks_again {
        state.system.ask(state.jobs.program(), state.wake.clone());
    }
}

fn report_ui(ui: &mut egui::Ui, report: &Report, adapter: &str) {
    let mut at = 0;
    while let Some(first) = report.checks.get(at) {
        theme::section_ui(ui, &first.area);
        let end = report
            .checks
            .iter()
            .skip(at)
            .position(|check| check.area != first.area)
            .map_or(report.checks.len(), |length| at + length);
        for check in report.checks.iter().take(end).skip(at) {
            check_ui(ui, check);
        }
        at = end;
    }
    theme::section_ui(ui, t!("system-this-window"));
    ui.label(adapter);
}

fn check_ui(ui: &mut egui::Ui, check: &Check) {
    let colors = theme::colors(ui.visuals());
    let (glyph, color) = match check.health {
        Health::Ok => (icon::CHECK_CIRCLE, colors.good),
        Health::Warning => (icon::WARNING, colors.warning),
        Health::Failed => (icon::WARNING_CIRCLE, colors.error),
    };
    ui.horizontal_top(|ui| {
        ui.label(RichText::new(glyph).color(color))
            .on_hover_text(check.health.word());
        // One column for all areas.
        let size = egui::vec2(NAMES_WIDTH, ui.text_style_height(&egui::TextStyle::Body));
        ui.allocate_ui_with_layout(size, egui::Layout::left_to_right(egui::Align::Min), |ui| {
            ui.set_min_width(NAMES_WIDTH);
            ui.label(RichText::new(&check.name).color(colors.weak));
        });
        ui.vertical(|ui| {
            ui.add(egui::Label::new(&check.found).wrap().selectable(true));
            if let Some(advice) = &check.advice {
                ui.add(egui::Label::new(RichText::new(advice).color(color)).wrap());
            }
        });
    });
}
