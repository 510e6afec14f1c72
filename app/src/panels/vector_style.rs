//! How a vector layer looks: one colour, a colour for each value, or a ramp over a number; lines, fill, symbols and labels.

use std::sync::Arc;

use egui::{Rect, Sense, Stroke, pos2, vec2};
use terroir_scene::{
    FillPattern, Graduation, Layer, LegendRow, PointSymbol, VectorColoring, VectorLabel,
    VectorLayer, VectorStyle, class_color, ramp, ramp_names,
};

use super::layers::{drag_step, end_drag_step};
use crate::language::t;
use crate::messages::Level;
use crate::state::State;
use crate::theme;
use crate::vectors::ColoringWish;

const LIST_HEIGHT: f32 = 260.0;
/// Classes a number is cut into at first.
const CLASSES: usize = 5;

pub fn vector_style_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    let Some(style) = layer.vector().map(|source| source.style.clone()) else {
        return;
    };
    ui.add(egui::Label::new(egui::RichText::new(&layer.name).strong()).truncate());
    let Some(data) = state.vectors.data(layer).cloned() else {
        let text = if state.vectors.is_missing(layer) {
            t!("vector-style-missing")
        } else {
            t!("vector-style-reading")
        };
        ui.label(egui::RichText::new(text).color(theme::colors(ui.visuals()).weak));
        return;
    };
    coloring_ui(ui, state, layer, &data, &style);
    ui.separator();
    strokes_ui(ui, state, layer, &data, &style);
    ui.separator();
    label_ui(ui, state, layer, &data, &style);
}

fn change(state: &mut State, layer: &Layer, step: &str, edit: impl FnOnce(&mut VectorStyle)) {
    state.change_layer(layer.id, step, |layer| {
        if let Some(source) = layer.vector_mut() {
            edit(&mut source.style);
        }
    });
}

/// Asks the background for colours made from an attribute.
fn ask(
    state: &mut State,
    layer: &Layer,
    data: &Arc<VectorLayer>,
    style: &VectorStyle,
    attribute: &str,
    wish: ColoringWish,
) {
    let is_sent = state.vectors.color(
        layer.id,
        data.clone(),
        attribute.to_owned(),
        wish,
        style.coloring.clone(),
    );
    if !is_sent {
        state.messages.show(Level::Warning, t!("vector-style-busy"));
    }
}

fn coloring_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    data: &Arc<VectorLayer>,
    style: &VectorStyle,
) {
    let numbers: Vec<&str> = data
        .columns
        .iter()
        .filter(|column| column.is_number())
        .map(|column| column.name.as_str())
        .collect();
    ui.horizontal(|ui| {
        let is_single = matches!(style.coloring, VectorColoring::Single { .. });
        let is_category = matches!(style.coloring, VectorColoring::Categories { .. });
        let is_graduated = matches!(style.coloring, VectorColoring::Graduated { .. });
        if ui
            .selectable_label(is_single, t!("vector-style-single"))
            .on_hover_text(t!("vector-style-single-tip"))
            .clicked()
            && !is_single
        {
            let color = style
                .legend()
                .first()
                .map_or(class_color(1), |row| row.color);
            change(state, layer, t!("vector-style-single"), |style| {
                style.coloring = VectorColoring::Single { color };
            });
        }
        let first = data.columns.first().map(|column| column.name.clone());
        let by_category = ui
            .add_enabled(
                first.is_some(),
                egui::Button::selectable(is_category, t!("vector-style-category")),
            )
            .on_hover_text(t!("vector-style-category-tip"))
            .on_disabled_hover_text(t!("vector-style-no-attributes"));
        if by_category.clicked()
            && !is_category
            && let Some(attribute) = style.attribute().map(str::to_owned).or(first)
        {
            ask(
                state,
                layer,
                data,
                style,
                &attribute,
                ColoringWish::Categories,
            );
        }
        let by_number = ui
            .add_enabled(
                !numbers.is_empty(),
                egui::Button::selectable(is_graduated, t!("vector-style-number")),
            )
            .on_hover_text(t!("vector-style-number-tip"))
            .on_disabled_hover_text(t!("vector-style-no-numbers"));
        if by_number.clicked() && !is_graduated {
            let attribute = style
                .attribute()
                .filter(|name| numbers.contains(name))
                .or(numbers.first().copied());
            if let Some(attribute) = attribute {
                let wish = ColoringWish::Graduated {
                    graduation: Graduation::EqualInterval,
                    classes: CLASSES,
                    ramp: "viridis".to_owned(),
                };
                ask(state, layer, data, style, attribute, wish);
            }
        }
    });
    match &style.coloring {
        VectorColoring::Single { color } => {
            ui.horizontal(|ui| {
                ui.label(t!("vector-style-colour"));
                let mut rgb = *color;
                let button = ui.color_edit_button_srgb(&mut rgb);
                if button.changed() {
                    change(state, layer, t!("vector-style-colour-step"), |style| {
                        style.coloring = VectorColoring::Single { color: rgb };
                    });
                }
            });
        }
        VectorColoring::Categories { attribute, .. } => {
            let names: Vec<&str> = data.columns.iter().map(|c| c.name.as_str()).collect();
            if let Some(chosen) = attribute_ui(ui, t!("vector-style-attribute"), attribute, &names)
            {
                ask(state, layer, data, style, &chosen, ColoringWish::Categories);
            }
            categories_ui(ui, state, layer, style);
        }
        VectorColoring::Graduated {
            attribute,
            graduation,
            ramp,
            breaks,
        } => {
            let mut wish = None;
            let mut wanted = attribute.clone();
            let classes = breaks.len().saturating_sub(1).max(1);
            let with = |graduation: Graduation, classes: usize, ramp: &str| {
                Some(ColoringWish::Graduated {
                    graduation,
                    classes,
                    ramp: ramp.to_owned(),
                })
            };
            if let Some(chosen) =
                attribute_ui(ui, t!("vector-style-attribute"), attribute, &numbers)
            {
                wish = with(*graduation, classes, ramp);
                wanted = chosen;
            }
            ui.horizontal(|ui| {
                let label = ui.label(t!("vector-style-cut-by"));
                let combo = egui::ComboBox::from_id_salt("graduation")
                    .selected_text(graduation_name(*graduation))
                    .show_ui(ui, |ui| {
                        for option in [Graduation::EqualInterval, Graduation::Quantile] {
                            let is_chosen = option == *graduation;
                            let name = graduation_name(option);
                            if ui.selectable_label(is_chosen, name).clicked() && !is_chosen {
                                wish = with(option, classes, ramp);
                            }
                        }
                    });
                combo.response.labelled_by(label.id);
                let mut count = classes;
                let drag = ui
                    .add(
                        egui::DragValue::new(&mut count)
                            .range(2..=20)
                            .suffix(format!(" {}", t!("vector-style-classes"))),
                    )
                    .labelled_by(label.id);
                if drag.changed() && count != classes {
                    wish = with(*graduation, count, ramp);
                }
            });
            if let Some(chosen) = ramp_ui(ui, ramp) {
                change(state, layer, t!("vector-style-colour-ramp"), |style| {
                    if let VectorColoring::Graduated { ramp, .. } = &mut style.coloring {
                        *ramp = chosen;
                    }
                });
            }
            if let Some(wish) = wish {
                ask(state, layer, data, style, &wanted, wish);
            }
            for row in style.legend() {
                legend_row_ui(ui, style, data.as_ref(), &row);
            }
        }
    }
}

fn attribute_ui(ui: &mut egui::Ui, what: &str, chosen: &str, names: &[&str]) -> Option<String> {
    let mut picked = None;
    ui.horizontal(|ui| {
        let label = ui.label(what);
        let combo = egui::ComboBox::from_id_salt(("attribute", what))
            .selected_text(chosen)
            .width((ui.available_width() - 8.0).max(80.0))
            .truncate()
            .show_ui(ui, |ui| {
                for name in names {
                    if ui.selectable_label(*name == chosen, *name).clicked() && *name != chosen {
                        picked = Some((*name).to_owned());
                    }
                }
            });
        combo.response.labelled_by(label.id);
    });
    picked
}

fn ramp_ui(ui: &mut egui::Ui, chosen: &str) -> Option<String> {
    let mut picked = None;
    ui.horizontal(|ui| {
        let label = ui.label(t!("vector-style-ramp"));
        let combo = egui::ComboBox::from_id_salt("vector ramp")
            .selected_text(chosen)
            .show_ui(ui, |ui| {
                for name in ramp_names() {
                    if ui.selectable_label(*name == chosen, *name).clicked() {
                        picked = Some((*name).to_owned());
                    }
                }
            });
        combo.response.labelled_by(label.id);
        let (rect, _) =
            ui.allocate_exact_size(vec2(ui.available_width().max(20.0), 14.0), Sense::hover());
        let colors = ramp(chosen);
        let steps = 48;
        for step in 0..steps {
            let x = |at: usize| rect.left() + rect.width() * at as f32 / steps as f32;
            let strip =
                Rect::from_min_max(pos2(x(step), rect.top()), pos2(x(step + 1), rect.bottom()));
            let [r, g, b] = colors[step * 255 / (steps - 1)];
            ui.painter().rect_filled(strip, 0.0, theme::rgb([r, g, b]));
        }
    });
    picked
}

fn categories_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, style: &VectorStyle) {
    let VectorColoring::Categories { entries, other, .. } = &style.coloring else {
        return;
    };
    let mut edited = None;
    egui::ScrollArea::vertical()
        .id_salt("categories")
        .max_height(LIST_HEIGHT)
        .auto_shrink([false, true])
        .show_rows(ui, theme::ROW - 6.0, entries.len(), |ui, rows| {
            for index in rows {
                let Some(entry) = entries.get(index) else {
                    continue;
                };
                ui.horizontal(|ui| {
                    let mut entry = entry.clone();
                    let shown = ui.checkbox(&mut entry.visible, "");
                    let shown =
                        theme::named(shown, &t!("vector-style-show", name = entry.name.as_str()));
                    let color = ui.color_edit_button_srgb(&mut entry.color);
                    let mut changed = shown.changed() || color.changed();
                    if entry.pattern != FillPattern::Solid {
                        ui.menu_button(pattern_name(entry.pattern), |ui| {
                            for pattern in FillPattern::ALL {
                                if ui.button(pattern_name(pattern)).clicked() {
                                    entry.pattern = pattern;
                                    changed = true;
                                    ui.close();
                                }
                            }
                        });
                    }
                    ui.add(egui::Label::new(&entry.name).truncate());
                    if changed {
                        edited = Some((index, entry));
                    }
                });
            }
        });
    if other.is_some() {
        let weak = theme::colors(ui.visuals()).weak;
        let text = t!("vector-style-other", count = entries.len());
        ui.label(egui::RichText::new(text).color(weak));
    }
    if let Some((index, entry)) = edited {
        let step = t!("vector-style-look", name = entry.name.as_str());
        change(state, layer, &step, |style| {
            if let VectorColoring::Categories { entries, .. } = &mut style.coloring
                && let Some(slot) = entries.get_mut(index)
            {
                *slot = entry;
            }
        });
    }
}

fn graduation_name(graduation: Graduation) -> &'static str {
    match graduation {
        Graduation::EqualInterval => t!("vector-style-equal-intervals"),
        Graduation::Quantile => t!("vector-style-equal-counts"),
    }
}

fn pattern_name(pattern: FillPattern) -> &'static str {
    match pattern {
        FillPattern::Solid => t!("vector-style-pattern-solid"),
        FillPattern::Hatch => t!("vector-style-pattern-hatch"),
        FillPattern::Dots => t!("vector-style-pattern-dots"),
        FillPattern::CrossHatch => t!("vector-style-pattern-cross"),
    }
}

fn symbol_name(symbol: PointSymbol) -> &'static str {
    match symbol {
        PointSymbol::Circle => t!("vector-style-circle"),
        PointSymbol::Square => t!("vector-style-square"),
        PointSymbol::Triangle => t!("vector-style-triangle"),
        PointSymbol::Cross => t!("vector-style-cross"),
    }
}

/// What a slider changes: its name, its range and how its number is written.
struct Knob {
    what: &'static str,
    range: std::ops::RangeInclusive<f32>,
    suffix: &'static str,
    decimals: usize,
}

/// One slider as one step.
fn slider_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Layer,
    knob: Knob,
    value: f32,
    set: impl FnOnce(&mut VectorStyle, f32),
) {
    let what = knob.what;
    ui.horizontal(|ui| {
        let left = egui::Layout::left_to_right(egui::Align::Center);
        let label = ui
            .allocate_ui_with_layout(vec2(84.0, 18.0), left, |ui| {
                ui.set_min_width(84.0);
                ui.label(what)
            })
            .inner;
        let mut value = value;
        let response = theme::slider_ui(
            ui,
            &label,
            &mut value,
            knob.range,
            knob.suffix,
            knob.decimals,
        );
        drag_step(state, &response, what);
        if response.changed() {
            change(state, layer, what, |style| set(style, value));
        }
        end_drag_step(state, &response);
    });
}

/// Kinds of shapes a layer may hold, from what the file says.
fn has_kind(data: &VectorLayer, word: &str) -> bool {
    let geometry = data.geometry.to_lowercase();
    geometry.contains(word)
        || !["point", "line", "polygon", "surface", "curve"]
            .iter()
            .any(|known| geometry.contains(known))
}

fn strokes_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    data: &VectorLayer,
    style: &VectorStyle,
) {
    slider_ui(
        ui,
        state,
        layer,
        Knob {
            what: t!("vector-style-line-width"),
            range: 0.0..=10.0,
            suffix: "",
            decimals: 1,
        },
        style.line_width,
        |style, value| style.line_width = value,
    );
    if has_kind(data, "polygon") || has_kind(data, "surface") {
        slider_ui(
            ui,
            state,
            layer,
            Knob {
                what: t!("vector-style-fill-opacity"),
                range: 0.0..=100.0,
                suffix: " %",
                decimals: 0,
            },
            style.fill_opacity * 100.0,
            |style, value| style.fill_opacity = value / 100.0,
        );
    }
    if has_kind(data, "point") {
        ui.horizontal(|ui| {
            ui.label(t!("vector-style-symbol"));
            for symbol in PointSymbol::ALL {
                let is_chosen = symbol == style.symbol;
                let name = symbol_name(symbol);
                if ui.selectable_label(is_chosen, name).clicked() && !is_chosen {
                    change(state, layer, t!("vector-style-symbol"), |style| {
                        style.symbol = symbol
                    });
                }
            }
        });
        slider_ui(
            ui,
            state,
            layer,
            Knob {
                what: t!("vector-style-symbol-size"),
                range: 2.0..=40.0,
                suffix: "",
                decimals: 0,
            },
            style.symbol_size,
            |style, value| style.symbol_size = value,
        );
    }
}

fn label_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    data: &VectorLayer,
    style: &VectorStyle,
) {
    let none = t!("vector-style-no-labels");
    let names: Vec<&str> = std::iter::once(none)
        .chain(data.columns.iter().map(|column| column.name.as_str()))
        .collect();
    let chosen = style
        .label
        .as_ref()
        .map_or(none, |label| label.attribute.as_str());
    if let Some(picked) = attribute_ui(ui, t!("vector-style-label"), chosen, &names) {
        let size = style.label.as_ref().map_or(13.0, |label| label.size);
        change(state, layer, t!("vector-style-labels-step"), |style| {
            style.label = (picked != none).then_some(VectorLabel {
                attribute: picked,
                size,
            });
        });
    }
    if let Some(label) = &style.label {
        slider_ui(
            ui,
            state,
            layer,
            Knob {
                what: t!("vector-style-text-size"),
                range: 8.0..=32.0,
                suffix: "",
                decimals: 0,
            },
            label.size,
            |style, value| {
                if let Some(label) = &mut style.label {
                    label.size = value;
                }
            },
        );
    }
}

/// A legend row: how shapes of this row look, and its name.
pub fn legend_row_ui(ui: &mut egui::Ui, style: &VectorStyle, data: &VectorLayer, row: &LegendRow) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let (rect, _) = ui.allocate_exact_size(vec2(16.0, 14.0), Sense::hover());
        swatch(ui.painter(), rect, style, &data.geometry, row);
        let mut text = egui::RichText::new(&row.name).small();
        if !row.visible {
            text = text.color(theme::colors(ui.visuals()).weak).strikethrough();
        }
        ui.add(egui::Label::new(text).truncate());
    });
}

/// A sample of a look: a point, a line or a patch.
pub fn swatch(
    painter: &egui::Painter,
    rect: Rect,
    style: &VectorStyle,
    geometry: &str,
    row: &LegendRow,
) {
    let color = theme::rgb(row.color);
    let geometry = geometry.to_lowercase();
    let width = style.line_width.clamp(1.0, 4.0);
    if geometry.contains("point") {
        let radius = (style.symbol_size / 2.0).clamp(2.5, rect.height() / 2.0);
        let center = rect.center();
        let rim = Stroke::new(1.0, egui::Color32::from_black_alpha(200));
        match style.symbol {
            PointSymbol::Circle => {
                painter.circle(center, radius, color, rim);
            }
            PointSymbol::Square => {
                let square = Rect::from_center_size(center, vec2(radius, radius) * 1.77);
                painter.rect(square, 0.0, color, rim, egui::StrokeKind::Middle);
            }
            PointSymbol::Triangle => {
                let at = |x: f32, y: f32| center + vec2(x, y) * radius * 1.2;
                let corners = vec![at(0.0, -1.0), at(0.866, 0.5), at(-0.866, 0.5)];
                painter.add(egui::Shape::convex_polygon(corners, color, rim));
            }
            PointSymbol::Cross => {
                for along in [vec2(radius, 0.0), vec2(0.0, radius)] {
                    painter.line_segment([center - along, center + along], Stroke::new(2.0, color));
                }
            }
        }
    } else if geometry.contains("line") || geometry.contains("curve") {
        let (left, right) = (
            pos2(rect.left() + 1.0, rect.bottom() - 3.0),
            pos2(rect.right() - 1.0, rect.top() + 3.0),
        );
        painter.line_segment([left, right], Stroke::new(width, color));
    } else {
        let patch = rect.shrink(1.0);
        let fill = color.gamma_multiply(style.fill_opacity.clamp(0.0, 1.0));
        let border = Stroke::new(width.min(2.0), color);
        painter.rect_filled(patch, 2.0, fill);
        let lines = painter.with_clip_rect(patch);
        let hatch = Stroke::new(1.0, color);
        if matches!(row.pattern, FillPattern::Hatch | FillPattern::CrossHatch) {
            for shift in [-8.0, -2.0, 4.0, 10.0] {
                lines.line_segment(
                    [
                        patch.left_bottom() + vec2(shift, 0.0),
                        patch.left_bottom() + vec2(shift + 12.0, -12.0),
                    ],
                    hatch,
                );
            }
        }
        if row.pattern == FillPattern::CrossHatch {
            for shift in [-8.0, -2.0, 4.0, 10.0] {
                lines.line_segment(
                    [
                        patch.left_top() + vec2(shift, 0.0),
                        patch.left_top() + vec2(shift + 12.0, 12.0),
                    ],
                    hatch,
                );
            }
        }
        if row.pattern == FillPattern::Dots {
            for (x, y) in [(0.25, 0.3), (0.7, 0.3), (0.45, 0.7), (0.9, 0.7)] {
                let at = patch.left_top() + vec2(x * patch.width(), y * patch.height());
                lines.circle_filled(at, 1.2, color);
            }
        }
        painter.rect_stroke(patch, 2.0, border, egui::StrokeKind::Inside);
    }
}
