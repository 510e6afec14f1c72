//! The spectrum panel: all values of the pixel under the cursor and of the pixel that was clicked, over wavelength.

use egui_plot::{Line, Plot, PlotPoints, Points};
use terroir_scene::BandInfo;

use crate::commands::Command;
use crate::probe::PixelAnswer;
use crate::state::State;
use crate::theme;
use crate::tools::Tool;

/// Gaps between neighbouring bands above this many times the usual step break the line.
const GAP_STEPS: f64 = 12.0;

pub fn spectrum_ui(ui: &mut egui::Ui, state: &mut State) {
    let hovered = state.session.hovered_pixel.clone();
    let clicked = state.session.clicked_pixel.clone();
    if hovered.is_none() && clicked.is_none() {
        theme::empty_ui(
            ui,
            "No pixel yet",
            "Move the cursor over the map. Press I and click to keep a pixel.",
        );
        if ui.button("Identify tool (I)").clicked() {
            state.queue.push_back(Command::UseTool(Tool::Identify));
        }
        return;
    }
    let colors = theme::colors(ui.visuals());
    let shown = [
        (hovered, "Cursor", colors.accent),
        (clicked.clone(), "Clicked", colors.warning),
    ];
    let mut series = Vec::new();
    let mut is_nm = true;
    let mut has_unit = false;
    for (answer, name, color) in shown {
        let Some(answer) = answer else {
            continue;
        };
        let Some(layer) = state
            .history
            .document()
            .layer(answer.question.layer)
            .cloned()
        else {
            continue;
        };
        let bands = state.bands(&layer);
        is_nm &= !answer.question.is_field && bands.iter().any(|band| band.wavelength.is_some());
        has_unit |= bands.iter().any(|band| band.scale != 1.0);
        ui.horizontal(|ui| {
            let (dot, _) = ui.allocate_exact_size(egui::vec2(10.0, 10.0), egui::Sense::hover());
            ui.painter().circle_filled(dot.center(), 4.0, color);
            let text = format!(
                "{name}: {}, pixel {}, {}",
                layer.name, answer.question.col, answer.question.row
            );
            ui.add(egui::Label::new(text).truncate());
        });
        series.push((name, color, answer, bands));
    }
    let axis = if is_nm { "Wavelength (nm)" } else { "Band" };
    let field = series
        .iter()
        .any(|(_, _, answer, _)| answer.question.is_field);
    let y_axis = if field {
        "Coordinate"
    } else if has_unit {
        "Value (scaled)"
    } else {
        "Value"
    };
    Plot::new("spectrum")
        .height(240.0)
        .x_axis_label(axis)
        .y_axis_label(y_axis)
        .allow_scroll(false)
        .show_background(false)
        .set_margin_fraction(egui::vec2(0.03, 0.08))
        .show(ui, |plot| {
            for (name, color, answer, bands) in &series {
                let points = points(answer, bands, is_nm);
                let step = usual_step(&points);
                let pieces = points.chunk_by(|a, b| b[0] - a[0] <= step * GAP_STEPS);
                for piece in pieces {
                    plot.line(
                        Line::new(*name, PlotPoints::from(piece.to_vec()))
                            .color(*color)
                            .width(1.6),
                    );
                }
                if points.len() <= 40 {
                    plot.points(
                        Points::new(*name, PlotPoints::from(points))
                            .color(*color)
                            .radius(2.6),
                    );
                }
            }
        });
    if let Some(answer) = clicked {
        values_ui(ui, state, &answer);
    }
}

/// (x, scaled value) of the valid bands, by growing x.
fn points(answer: &PixelAnswer, bands: &[BandInfo], is_nm: bool) -> Vec<[f64; 2]> {
    let mut points: Vec<[f64; 2]> = answer
        .values
        .iter()
        .enumerate()
        .filter_map(|(index, value)| {
            let value = f64::from((*value)?);
            let band = bands.get(index);
            let x = if is_nm {
                band?.wavelength?.center.nm()
            } else {
                index as f64 + 1.0
            };
            let value = match band {
                Some(band) if !answer.question.is_field => value * band.scale + band.offset,
                _ => value,
            };
            value.is_finite().then_some([x, value])
        })
        .collect();
    points.sort_by(|a, b| a[0].total_cmp(&b[0]));
    points
}

/// Median distance between neighbours.
fn usual_step(points: &[[f64; 2]]) -> f64 {
    let mut steps: Vec<f64> = points
        .windows(2)
        .map(|pair| pair[1][0] - pair[0][0])
        .filter(|step| *step > 0.0)
        .collect();
    steps.sort_by(f64::total_cmp);
    steps.get(steps.len() / 2).copied().unwrap_or(1.0)
}

fn values_ui(ui: &mut egui::Ui, state: &mut State, answer: &PixelAnswer) {
    let Some(layer) = state
        .history
        .document()
        .layer(answer.question.layer)
        .cloned()
    else {
        return;
    };
    let bands = state.bands(&layer);
    theme::section_ui(ui, "Values of the clicked pixel");
    if let Some(map_xy) = state.map_from_layer_pixel(
        layer.id,
        (
            answer.question.col as f64 + 0.5,
            answer.question.row as f64 + 0.5,
        ),
    ) {
        let text = crate::status_bar::coordinate_text(map_xy, 0.01);
        ui.label(egui::RichText::new(text).color(theme::colors(ui.visuals()).weak));
    }
    if let Some(derivation) = &answer.question.derivation {
        let value = answer
            .derived
            .map_or_else(|| "missing".to_owned(), number_text);
        ui.horizontal(|ui| {
            ui.add(egui::Label::new(derivation.label()).truncate());
            ui.monospace(value);
        });
    }
    ui.spacing_mut().item_spacing = egui::vec2(4.0, 2.0);
    egui_extras::TableBuilder::new(ui)
        .id_salt("values")
        .striped(true)
        .auto_shrink([false, true])
        .max_scroll_height(220.0)
        .column(egui_extras::Column::remainder().clip(true))
        .column(egui_extras::Column::exact(78.0))
        .column(egui_extras::Column::exact(90.0))
        .header(18.0, |mut header| {
            for name in ["Band", "Stored", "Scaled"] {
                header.col(|ui| {
                    let weak = theme::colors(ui.visuals()).weak;
                    ui.label(egui::RichText::new(name).small().color(weak));
                });
            }
        })
        .body(|body| {
            body.rows(18.0, answer.values.len(), |mut row| {
                let index = row.index();
                let value = answer.values.get(index).copied().flatten();
                let band = bands.get(index);
                row.col(|ui| {
                    let name = band
                        .map_or_else(|| format!("Band {}", index + 1), |band| band.name.clone());
                    ui.add(egui::Label::new(name).truncate());
                });
                row.col(|ui| {
                    ui.monospace(value.map_or("missing".to_owned(), number_text));
                });
                row.col(|ui| {
                    let scaled = value
                        .zip(band)
                        .map(|(value, band)| f64::from(value) * band.scale + band.offset);
                    ui.monospace(scaled.map_or(String::new(), |value| number_text(value as f32)));
                });
            });
        });
}

/// Four significant places, without needless zeros.
pub fn number_text(value: f32) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e7 {
        return format!("{value:.0}");
    }
    if !(1e-4..1e7).contains(&size) {
        return format!("{value:.3e}");
    }
    let decimals = (3 - size.log10().floor() as i32).clamp(0, 7) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_four_places() {
        assert_eq!(number_text(0.0), "0");
        assert_eq!(number_text(1234.0), "1234");
        assert_eq!(number_text(0.123456), "0.1235");
        assert_eq!(number_text(1.0e-6), "1.000e-6");
    }

    #[test]
    fn the_usual_step_ignores_detector_gaps() {
        let points: Vec<[f64; 2]> = [400.0, 410.0, 420.0, 900.0, 910.0]
            .into_iter()
            .map(|x| [x, 0.0])
            .collect();
        assert_eq!(usual_step(&points), 10.0);
    }
}
