//! Part of the field panel: groups of pixels that are alike, named and merged into classes.

use std::sync::Arc;

use egui::{DragValue, RichText, TextEdit};
use terroir_engine::JobSpec;
use terroir_scene::{Clusters, Layer, Style};

use crate::export::primary_button;
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
        ui.label("Clusters");
        ui.add(DragValue::new(&mut form.clusters).range(2..=30));
        ui.label("Seed")
            .on_hover_text("Another seed may find other clusters; the same seed finds the same");
        ui.add(DragValue::new(&mut form.seed));
    });
    ui.horizontal(|ui| {
        let button = ui.add_enabled(!runs, primary_button(ui, "Find clusters"));
        if button
            .on_disabled_hover_text("Running")
            .on_hover_text("Groups the pixels of the whole field; no labels are needed")
            .clicked()
        {
            state.start_clusters(&field);
        }
        if runs {
            ui.spinner();
            if ui.link("Progress").clicked() {
                state.show_jobs();
            }
        }
    });
    let Some(Style::FieldClusters { clusters }) = &layer.style else {
        ui.label(
            RichText::new(
                "The field is then drawn by its clusters, and they can be named and merged here.",
            )
            .color(weak),
        );
        return;
    };
    ui.label(RichText::new("Name them; clusters of the same name become one class.").color(weak));
    table_ui(ui, state, layer, clusters);
    let (classes, _) = clusters.classes();
    ui.horizontal_wrapped(|ui| {
        if ui
            .add_enabled(!runs, egui::Button::new("Write map"))
            .on_hover_text("A class map of the whole field beside it, with these names and colours")
            .clicked()
        {
            state.start_cluster_map(&field, clusters);
        }
        if ui
            .button("Use as classes")
            .on_hover_text("Adds the names to the classes on the left, to label with")
            .clicked()
        {
            state.clusters_to_classes(clusters);
        }
        ui.label(RichText::new(format!("{} classes", classes.len())).color(weak));
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
                    let label = format!("Colour of {}", cluster.name);
                    if theme::named(ui.color_edit_button_srgb(&mut color), &label).changed() {
                        state.change_clusters(layer.id, "Colour of a cluster", |clusters| {
                            clusters.recolor(index, color);
                        });
                    }
                    name_ui(ui, state, layer, index, &cluster.name);
                    ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                        ui.label(
                            RichText::new(format!("{:.1} %", 100.0 * cluster.share)).color(weak),
                        )
                        .on_hover_text("Share of the field's pixels");
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
            state.change_clusters(layer.id, "Name a cluster", |clusters| {
                clusters.rename(index, &text);
            });
        }
    }
}
