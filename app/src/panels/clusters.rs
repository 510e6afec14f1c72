//! Part of the field panel: groups of pixels that are alike, named and merged into classes.

use std::sync::Arc;

use egui::{DragValue, RichText, TextEdit};
use terroir_engine::JobSpec;
use terroir_scene::{Clusters, Layer, Style};

use super::model::cost_ui;
use super::sample::copy_ui;
use crate::export::primary_button;
use crate::language::t;
use crate::state::State;
use crate::theme;

/// Rows before the table scrolls.
const TABLE_HEIGHT: f32 = 260.0;

pub fn clusters_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    let Some(field) = state.raster_info(layer).map(|info| info.path.clone()) else {
        return;
    };
    let weak = theme::colors(ui.visuals()).weak;
    let runs = state.is_analysing(|spec| matches!(spec, JobSpec::Cluster(_)));
    ui.horizontal(|ui| {
        let form = &mut state.session.analyses;
        ui.label(t!("analyses-clusters"));
        ui.add(DragValue::new(&mut form.clusters).range(2..=30));
        ui.label(t!("analyses-seed"))
            .on_hover_text(t!("analyses-seed.tip"));
        ui.add(DragValue::new(&mut form.seed));
    });
    let job = state.clusters_job(&field);
    cost_ui(ui, state, &job);
    ui.horizontal(|ui| {
        let button = ui.add_enabled(!runs, primary_button(ui, t!("analyses-find-clusters")));
        let is_started = button
            .on_disabled_hover_text(t!("analyses-running"))
            .on_hover_text(t!("analyses-find-clusters.tip"))
            .clicked();
        copy_ui(ui, &job);
        if is_started {
            state.start_analysis(job);
        }
        if runs {
            ui.spinner();
            if ui.link(t!("analyses-progress")).clicked() {
                state.show_jobs();
            }
        }
    });
    let Some(Style::FieldClusters { clusters }) = &layer.style else {
        ui.label(RichText::new(t!("analyses-clusters-hint")).color(weak));
        return;
    };
    ui.label(RichText::new(t!("analyses-clusters-name")).color(weak));
    table_ui(ui, state, layer, clusters);
    let (classes, _) = clusters.classes();
    ui.horizontal_wrapped(|ui| {
        if ui
            .add_enabled(!runs, egui::Button::new(t!("analyses-write-map")))
            .on_hover_text(t!("analyses-write-map.tip"))
            .clicked()
        {
            state.start_cluster_map(&field, clusters);
        }
        if ui
            .button(t!("analyses-use-classes"))
            .on_hover_text(t!("analyses-use-classes.tip"))
            .clicked()
        {
            state.clusters_to_classes(clusters);
        }
        ui.label(RichText::new(t!("analyses-classes", count = classes.len())).color(weak));
    });
}

fn table_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, clusters: &Clusters) {
    let weak = theme::colors(ui.visuals()).weak;
    egui::ScrollArea::vertical()
        .id_salt("clusters")
        .max_height(TABLE_HEIGHT)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            for (index, cluster) in clusters.clusters.iter().enumerate() {
                ui.horizontal(|ui| {
                    let mut color = cluster.color;
                    let label = t!("analyses-colour-of", name = &cluster.name);
                    if theme::named(ui.color_edit_button_srgb(&mut color), &label).changed() {
                        state.change_clusters(layer.id, t!("analyses-step-colour"), |clusters| {
                            clusters.recolor(index, color);
                        });
                    }
                    name_ui(ui, state, layer, index, &cluster.name);
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        ui.label(
                            RichText::new(format!("{:.1} %", 100.0 * cluster.share)).color(weak),
                        )
                        .on_hover_text(t!("analyses-share"));
                    });
                });
            }
        });
}

/// A name is taken when its field is left, so that half-typed ones merge nothing.
fn name_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, index: usize, name: &str) {
    let mut text = match &state.session.analyses.cluster_name {
        Some((id, at, text)) if *id == layer.id && *at == index => text.clone(),
        _ => name.to_owned(),
    };
    let width = (ui.available_width() - 64.0).max(80.0);
    let edit = ui.add(
        TextEdit::singleline(&mut text)
            .id_salt(("cluster name", index))
            .desired_width(width),
    );
    if edit.changed() {
        state.session.analyses.cluster_name = Some((layer.id, index, text.clone()));
    }
    if edit.lost_focus() {
        state.session.analyses.cluster_name = None;
        if text.trim() != name {
            state.change_clusters(layer.id, t!("analyses-step-name"), |clusters| {
                clusters.rename(index, &text);
            });
        }
    }
}
