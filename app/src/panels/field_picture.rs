//! How a field is drawn, in the Field panel: principal components with shared colours, three axes as they are, similarity.

use std::sync::Arc;

use egui::{Button, DragValue, RichText};
use terroir_scene::{FIELD_AXES, Layer, LayerId, PcaBasis, PcaStretch, Style};

use super::sample::copy_ui;
use crate::dialogs::Purpose;
use crate::field_colors::ColorSources;
use crate::language::t;
use crate::similarity::PickExample;
use crate::state::State;
use crate::theme;

/// Axes with limits that are often shown (specification of fields, section 3.2).
const KNOWN_AXES: [([usize; 3], f32); 2] = [([1, 16, 9], 0.3), ([3, 2, 4], 0.25)];

pub fn field_picture_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    ui.label(RichText::new(t!("field-picture")).strong());
    let weak = theme::colors(ui.visuals()).weak;
    ui.add(egui::Label::new(RichText::new(&layer.name).color(weak)).truncate());
    let style = layer.style.as_ref();
    let is_pca = matches!(style, Some(Style::FieldPca { .. }));
    let is_axes = matches!(style, Some(Style::FieldAxes { .. }));
    let is_similarity = matches!(style, Some(Style::FieldSimilarity(_)));
    ui.horizontal_wrapped(|ui| {
        if ui
            .selectable_label(is_pca, t!("field-components"))
            .on_hover_text(t!("field-components.tip"))
            .clicked()
            && !is_pca
        {
            state.fit_colors(ColorSources::Layer(layer.id));
        }
        if ui
            .selectable_label(is_axes, t!("field-axes"))
            .on_hover_text(t!("field-axes.tip"))
            .clicked()
            && !is_axes
        {
            show_axes(state, layer.id, KNOWN_AXES[0].0, KNOWN_AXES[0].1);
        }
        if ui
            .selectable_label(
                is_similarity || state.session.similar.pick.is_some(),
                t!("field-similar"),
            )
            .on_hover_text(t!("field-similar.tip"))
            .clicked()
        {
            state.pick_example(PickExample::Pixel);
        }
    });
    match style {
        Some(Style::FieldPca {
            basis,
            axes,
            flips,
            stretch,
        }) => {
            components_ui(ui, state, layer.id, basis, (*axes, *flips, *stretch));
            colors_ui(ui, state, layer, basis);
        }
        Some(Style::FieldAxes { axes, low, high }) => {
            axes_ui(ui, state, layer.id, *axes, (*low, *high));
        }
        _ => {}
    }
    if is_similarity || state.session.similar.pick.is_some() {
        super::similarity::similarity_ui(ui, state, layer);
    }
}

type Shown = ([usize; 3], [bool; 3], PcaStretch);

/// Which component is red, green, blue and which way round, with the share of variance each carries.
fn components_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: LayerId,
    basis: &PcaBasis,
    shown: Shown,
) {
    let (mut axes, mut flips, mut stretch) = shown;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (channel, name) in ["R", "G", "B"].into_iter().enumerate() {
            let label = ui.label(name);
            egui::ComboBox::from_id_salt(("component", channel))
                .width(48.0)
                .selected_text(format!("{}", axes[channel] + 1))
                .show_ui(ui, |ui| {
                    for (index, share) in basis.shares.iter().enumerate() {
                        let text = t!(
                            "field-component-share",
                            number = index + 1,
                            percent = format!("{:.1}", share * 100.0)
                        );
                        ui.selectable_value(&mut axes[channel], index, text);
                    }
                })
                .response
                .labelled_by(label.id);
            let flip = Button::new("±").selected(flips[channel]);
            let flip = ui.add(flip).on_hover_text(t!("field-flip"));
            if theme::named(flip, &t!("field-flip-named", channel = name)).clicked() {
                flips[channel] = !flips[channel];
            }
        }
    });
    ui.horizontal(|ui| {
        let label = ui.label(t!("field-stretch"));
        egui::ComboBox::from_id_salt("stretch of components")
            .selected_text(stretch_name(stretch))
            .show_ui(ui, |ui| {
                for choice in PcaStretch::ALL {
                    let is_known = choice == PcaStretch::Percentile || basis.has_all_limits();
                    ui.add_enabled_ui(is_known, |ui| {
                        ui.selectable_value(&mut stretch, choice, stretch_name(choice))
                            .on_disabled_hover_text(t!("field-fit-again"));
                    });
                }
            })
            .response
            .labelled_by(label.id);
    });
    let total: f32 = axes.iter().filter_map(|axis| basis.shares.get(*axis)).sum();
    let weak = theme::colors(ui.visuals()).weak;
    let text = t!(
        "field-variance",
        percent = format!("{:.0}", total * 100.0),
        about = basis.about()
    );
    ui.label(RichText::new(text).color(weak));
    if (axes, flips, stretch) != shown {
        let step = match (axes != shown.0, flips != shown.1) {
            (true, _) => t!("field-step-components"),
            (_, true) => t!("field-step-flip"),
            _ => t!("field-step-stretch"),
        };
        state.change_layer(layer, step, |layer| {
            if let Some(Style::FieldPca {
                axes: old_axes,
                flips: old_flips,
                stretch: old_stretch,
                ..
            }) = &mut layer.style
            {
                (*old_axes, *old_flips, *old_stretch) = (axes, flips, stretch);
            }
        });
    }
}

fn stretch_name(stretch: PcaStretch) -> &'static str {
    match stretch {
        PcaStretch::Percentile => t!("field-stretch-percentile"),
        PcaStretch::Deviation => t!("field-stretch-deviation"),
        PcaStretch::Range => t!("field-stretch-range"),
    }
}

/// Where the colours come from and who shares them.
fn colors_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, basis: &PcaBasis) {
    let fields = state.fields_to_color();
    let others: Vec<(LayerId, String)> = state
        .history
        .document()
        .layers
        .iter()
        .filter(|other| other.id != layer.id)
        .filter(|other| match &other.style {
            Some(Style::FieldPca { basis: theirs, .. }) => theirs != basis,
            _ => false,
        })
        .map(|other| (other.id, other.name.clone()))
        .collect();
    let sharing = state
        .history
        .document()
        .layers
        .iter()
        .filter(|other| other.id != layer.id)
        .filter(|other| matches!(&other.style, Some(Style::FieldPca { basis: theirs, .. }) if theirs == basis))
        .count();
    ui.horizontal_wrapped(|ui| {
        ui.menu_button(t!("field-colours"), |ui| {
            if ui
                .button(t!("field-fit-layer"))
                .on_hover_text(t!("field-fit-layer.tip"))
                .clicked()
            {
                state.fit_colors(ColorSources::Layer(layer.id));
                ui.close();
            }
            let text = t!("field-fit-all", count = fields.len());
            if ui
                .add_enabled(fields.len() > 1, Button::new(text))
                .on_hover_text(t!("field-fit-all-tip"))
                .on_disabled_hover_text(t!("field-fit-only-one"))
                .clicked()
            {
                state.fit_colors(ColorSources::All);
                ui.close();
            }
            ui.horizontal(|ui| {
                if ui
                    .button(t!("field-fit-every"))
                    .on_hover_text(t!("field-fit-every.tip"))
                    .clicked()
                {
                    let purpose = Purpose::BasisOut { fits: true };
                    let suggestion = state.suggested_path(&purpose);
                    state.pick_with(ui.ctx(), purpose, &suggestion);
                    ui.close();
                }
                let out = state.basis_out();
                if let Some(job) = out.and_then(|out| state.pca_job(out)) {
                    copy_ui(ui, &job);
                }
            });
            if !others.is_empty() {
                ui.separator();
                for (id, name) in &others {
                    if ui.button(t!("field-use-colours", layer = name)).clicked() {
                        state.use_colors_of(layer.id, *id);
                        ui.close();
                    }
                }
            }
            ui.separator();
            if ui.button(t!("field-open-colours")).clicked() {
                state.pick_with(ui.ctx(), Purpose::BasisIn(layer.id), "");
                ui.close();
            }
            if ui.button(t!("field-save-colours")).clicked() {
                let purpose = Purpose::BasisOut { fits: false };
                let suggestion = state.suggested_path(&purpose);
                state.pick_with(ui.ctx(), purpose, &suggestion);
                ui.close();
            }
        });
        if sharing > 0 {
            let text = t!("field-shared", count = sharing);
            ui.label(RichText::new(text).color(theme::colors(ui.visuals()).weak));
        }
    });
}

fn axes_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: LayerId,
    axes: [usize; 3],
    limits: (f32, f32),
) {
    let (mut new_axes, mut new_limits) = (axes, limits);
    ui.horizontal(|ui| {
        for (channel, name) in ["R", "G", "B"].into_iter().enumerate() {
            let label = ui.label(name);
            egui::ComboBox::from_id_salt(("axis", channel))
                .width(56.0)
                .selected_text(format!("A{:02}", axes[channel]))
                .show_ui(ui, |ui| {
                    for axis in 0..FIELD_AXES {
                        ui.selectable_value(&mut new_axes[channel], axis, format!("A{axis:02}"));
                    }
                })
                .response
                .labelled_by(label.id);
        }
    });
    let mut responses = Vec::new();
    ui.horizontal(|ui| {
        ui.label(t!("field-from"));
        let value = DragValue::new(&mut new_limits.0)
            .speed(0.005)
            .range(-1.0..=1.0)
            .fixed_decimals(2);
        responses.push(ui.add(value));
        ui.label(t!("field-to"));
        let value = DragValue::new(&mut new_limits.1)
            .speed(0.005)
            .range(-1.0..=1.0)
            .fixed_decimals(2);
        responses.push(ui.add(value));
        for (known, reach) in KNOWN_AXES {
            let name = known.map(|axis| axis.to_string()).join("/");
            if ui
                .small_button(&name)
                .on_hover_text(t!(
                    "field-axes-known",
                    axes = &name,
                    low = format!("-{reach}"),
                    high = format!("{reach}")
                ))
                .clicked()
            {
                (new_axes, new_limits) = (known, (-reach, reach));
            }
        }
    });
    let weak = theme::colors(ui.visuals()).weak;
    let text = t!("field-axes-note");
    ui.label(RichText::new(text).color(weak));
    for response in &responses {
        super::layers::drag_step(state, response, t!("field-step-limits"));
    }
    if (new_axes, new_limits) != (axes, limits) && new_limits.1 > new_limits.0 {
        state.change_layer(layer, t!("field-step-choose-axes"), |layer| {
            layer.style = Some(Style::FieldAxes {
                axes: new_axes,
                low: new_limits.0,
                high: new_limits.1,
            });
        });
    }
    for response in &responses {
        super::layers::end_drag_step(state, response);
    }
}

fn show_axes(state: &mut State, layer: LayerId, axes: [usize; 3], reach: f32) {
    state.change_layer(layer, t!("field-step-show-axes"), |layer| {
        layer.style = Some(Style::FieldAxes {
            axes,
            low: -reach,
            high: reach,
        });
    });
}
