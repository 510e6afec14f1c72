//! The spectrum panel: curves over wavelength of the pixel under the cursor, of the place that was clicked and of the kept
//! profiles, with the values of one of them as a list.

use std::sync::Arc;

use egui::{Color32, Stroke, vec2};
use egui_plot::{FilledArea, Line, LineStyle, Plot, PlotBounds, PlotPoint, PlotPoints, Points};
use terroir_scene::{
    BandInfo, CurvePoint, Derivation, Profile, ProfileValues, curve_pieces, profile_number,
    profiles_csv,
};

use super::chart::chart_menu_ui;
use super::kept_profiles::kept_profiles_ui;
use crate::commands::Command;
use crate::language::t;
use crate::probe::PixelAnswer;
use crate::state::State;
use crate::theme;
use crate::tools::Tool;

/// Curves of more bands are drawn without discs.
const BANDS_WITH_DISCS: usize = 40;
/// Columns of the plot that a long curve is thinned to.
const COLUMNS: usize = 640;
/// How near the pointer must come to a point, in points of the screen.
const REACH: f32 = 28.0;

/// One line of the plot.
struct Curve {
    name: String,
    color: Color32,
    style: LineStyle,
    width: f32,
    pieces: Vec<Vec<CurvePoint>>,
    bands: Bands,
}

/// What the hover text says about a band.
enum Bands {
    Layer(Arc<Vec<BandInfo>>),
    Profile(Arc<Profile>),
}

impl Bands {
    fn name(&self, band: usize) -> &str {
        match self {
            Self::Layer(bands) => bands.get(band).map_or("", |band| &band.name),
            Self::Profile(profile) => profile
                .bands
                .iter()
                .find(|one| one.index == band)
                .map_or("", |band| &band.name),
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Layer(bands) => bands.len(),
            Self::Profile(profile) => profile.bands.len(),
        }
    }
}

pub fn spectrum_ui(ui: &mut egui::Ui, state: &mut State) {
    controls_ui(ui, state);
    let has_kept = !state.history.document().profiles.is_empty();
    let curves = curves(ui, state);
    if curves.is_empty() && !has_kept {
        theme::empty_ui(ui, t!("spectrum-none"), t!("spectrum-none-next"));
        if ui.button(t!("spectrum-identify")).clicked() {
            state.queue.push_back(Command::UseTool(Tool::Identify));
        }
        return;
    }
    legend_ui(ui, state);
    plot_ui(ui, state, &curves);
    kept_profiles_ui(ui, state);
    values_ui(ui, state);
}

fn controls_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.horizontal(|ui| {
        let view = &mut state.session.profiles;
        let before = (view.side, view.all_layers);
        let text = |side: usize| {
            if side == 1 {
                t!("spectrum-one-pixel").to_owned()
            } else {
                t!("spectrum-side", side = side)
            }
        };
        let combo = egui::ComboBox::from_id_salt("profile side")
            .selected_text(text(view.side))
            .width(74.0)
            .show_ui(ui, |ui| {
                for side in [1, 3, 5, 7, 9, 15] {
                    ui.selectable_value(&mut view.side, side, text(side));
                }
            })
            .response;
        let name = t!("spectrum-averaged", side = text(view.side));
        combo.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &name));
        combo.on_hover_text(t!("spectrum-averaged-tip"));
        ui.checkbox(&mut view.all_layers, t!("spectrum-all-layers"))
            .on_hover_text(t!("spectrum-all-layers-tip"));
        let asks_again = before != (view.side, view.all_layers);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            let values = &mut state.session.profiles.values;
            ui.selectable_value(values, ProfileValues::Stored, t!("spectrum-stored"))
                .on_hover_text(t!("spectrum-stored-tip"));
            ui.selectable_value(values, ProfileValues::Scaled, t!("spectrum-scaled"))
                .on_hover_text(t!("spectrum-scaled-tip"));
        });
        if asks_again {
            state.ask_clicked_again();
        }
    });
}

/// Cursor, clicked and kept, in the order they are drawn: kept below.
fn curves(ui: &egui::Ui, state: &mut State) -> Vec<Curve> {
    let colors = theme::colors(ui.visuals());
    let values = state.session.profiles.values;
    let kept = state.history.document().profiles.clone();
    let clicked = state.session.profiles.clicked.clone();
    let hovered = state.session.hovered_pixel.clone();
    let hovered = hovered.and_then(|answer| {
        let layer = state
            .history
            .document()
            .layer(answer.question.layer)?
            .clone();
        Some((answer, layer.name.clone(), state.bands(&layer)))
    });
    let over_nm = kept.iter().chain(&clicked).any(|one| one.has_wavelengths())
        || hovered
            .as_ref()
            .is_some_and(|(_, _, bands)| bands.iter().any(|band| band.wavelength.is_some()));
    let mut curves = Vec::new();
    for (index, profile) in kept.iter().enumerate() {
        let same_place = |other: &&Arc<Profile>| other.place == profile.place;
        let earlier = kept[..index].iter().filter(same_place).count();
        let is_selected = state.session.profiles.selected == Some(profile.id);
        curves.push(Curve {
            name: format!("{}, {}", profile.name, profile.layer),
            color: theme::rgb(profile.color),
            style: style_of(earlier),
            width: if is_selected { 3.0 } else { 1.6 },
            pieces: profile.curve(values, over_nm),
            bands: Bands::Profile(profile.clone()),
        });
    }
    for (index, profile) in clicked.iter().enumerate() {
        curves.push(Curve {
            name: t!("spectrum-clicked-curve", layer = profile.layer.as_str()),
            color: colors.warning,
            style: style_of(index),
            width: 1.6,
            pieces: profile.curve(values, over_nm),
            bands: Bands::Profile(profile.clone()),
        });
    }
    if let Some((answer, layer, bands)) = hovered {
        curves.push(Curve {
            name: t!("spectrum-cursor-curve", layer = layer.as_str()),
            color: colors.accent,
            style: LineStyle::Solid,
            width: 1.4,
            pieces: cursor_curve(&answer, &bands, values, over_nm),
            bands: Bands::Layer(bands),
        });
    }
    curves
}

/// Layers of one place share its colour and differ in their line.
fn style_of(earlier: usize) -> LineStyle {
    match earlier % 3 {
        0 => LineStyle::Solid,
        1 => LineStyle::Dashed { length: 7.0 },
        _ => LineStyle::Dotted { spacing: 4.0 },
    }
}

fn cursor_curve(
    answer: &PixelAnswer,
    bands: &[BandInfo],
    values: ProfileValues,
    over_nm: bool,
) -> Vec<Vec<CurvePoint>> {
    curve_pieces(
        answer
            .values
            .iter()
            .enumerate()
            .filter_map(|(index, value)| {
                let band = bands.get(index)?;
                let x = if over_nm {
                    band.wavelength?.center.nm()
                } else {
                    index as f64 + 1.0
                };
                let y = value.filter(|_| !band.is_bad).map(f64::from);
                let y = match values {
                    // A field's answer is decoded already.
                    ProfileValues::Scaled if !answer.question.is_field => y.map(|y| band.scaled(y)),
                    _ => y,
                };
                Some(CurvePoint {
                    x,
                    y: y.unwrap_or(f64::NAN),
                    sd: None,
                    band: index,
                })
            }),
    )
}

/// What the two passing curves are.
fn legend_ui(ui: &mut egui::Ui, state: &mut State) {
    let colors = theme::colors(ui.visuals());
    let document = state.history.document();
    let hovered = state.session.hovered_pixel.as_ref().and_then(|answer| {
        let layer = document.layer(answer.question.layer)?;
        let (col, row) = (answer.question.col, answer.question.row);
        Some(t!(
            "spectrum-cursor",
            layer = layer.name.as_str(),
            col = col,
            row = row
        ))
    });
    let clicked = state.session.profiles.clicked.clone();
    let clicked_text = match clicked.as_slice() {
        [] => None,
        [one] => Some(t!(
            "spectrum-clicked",
            layer = one.layer.as_str(),
            col = one.col,
            row = one.row
        )),
        many => Some(t!("spectrum-clicked-layers", count = many.len())),
    };
    for (text, color, can_keep) in [
        (hovered, colors.accent, false),
        (clicked_text, colors.warning, true),
    ] {
        let Some(text) = text else {
            continue;
        };
        ui.horizontal(|ui| {
            let (dot, _) = ui.allocate_exact_size(vec2(10.0, 10.0), egui::Sense::hover());
            ui.painter().circle_filled(dot.center(), 4.0, color);
            if can_keep {
                ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                    let keep = ui
                        .button(t!("spectrum-keep"))
                        .on_hover_text(t!("spectrum-keep-tip"));
                    if keep.clicked() {
                        state.queue.push_back(Command::KeepProfile);
                    }
                    ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                        ui.add(egui::Label::new(text).truncate());
                    });
                });
            } else {
                ui.add(egui::Label::new(text).truncate());
            }
        });
    }
}

fn plot_ui(ui: &mut egui::Ui, state: &State, curves: &[Curve]) {
    let values = state.session.profiles.values;
    let over_nm = curves.iter().any(|curve| match &curve.bands {
        Bands::Layer(bands) => bands.iter().any(|band| band.wavelength.is_some()),
        Bands::Profile(profile) => profile.has_wavelengths(),
    });
    let y_axis = match values {
        ProfileValues::Scaled => t!("spectrum-value-scaled"),
        ProfileValues::Stored => t!("spectrum-value-stored"),
    };
    let plot = Plot::new("spectrum")
        .height(240.0)
        .x_axis_label(if over_nm {
            t!("spectrum-wavelength")
        } else {
            t!("spectrum-column-band")
        })
        .y_axis_label(y_axis)
        .allow_scroll(false)
        .show_background(false)
        .show_crosshair(false)
        .label_formatter(|_| None)
        .set_margin_fraction(vec2(0.03, 0.08))
        .show(ui, |plot| {
            let bounds = plot.plot_bounds();
            for curve in curves {
                for piece in &curve.pieces {
                    draw_piece(plot, curve, piece, &bounds);
                }
            }
        });
    let response = plot.response;
    response.widget_info(|| {
        let text = t!("spectrum-places", count = curves.len());
        egui::WidgetInfo::labeled(egui::Role::Image, true, text)
    });
    chart_menu_ui(&response, || {
        let profiles = state.profiles_to_write();
        // What cannot be written as a table has none.
        profiles_csv(profiles.iter().map(|profile| &**profile), values).unwrap_or_default()
    });
    let Some(pointer) = response.hover_pos() else {
        return;
    };
    let screen = |point: &CurvePoint| {
        plot.transform
            .position_from_point(&PlotPoint::new(point.x, point.y))
    };
    let nearest = curves
        .iter()
        .flat_map(|curve| {
            curve
                .pieces
                .iter()
                .flatten()
                .map(move |point| (curve, point))
        })
        .map(|(curve, point)| (screen(point).distance(pointer), curve, point))
        .filter(|(distance, _, _)| *distance <= REACH)
        .min_by(|a, b| a.0.total_cmp(&b.0));
    if let Some((_, curve, point)) = nearest {
        let ring = Stroke::new(2.0, ui.visuals().strong_text_color());
        ui.painter().circle(screen(point), 4.5, curve.color, ring);
        response.on_hover_text_at_pointer(hover_text(curve, point, values, over_nm));
    }
}

fn hover_text(curve: &Curve, point: &CurvePoint, values: ProfileValues, over_nm: bool) -> String {
    let number = point.band + 1;
    let name = curve.bands.name(point.band);
    let band = if name == format!("Band {number}") || name.is_empty() {
        t!("spectrum-band", number = number)
    } else {
        t!("spectrum-band-name", number = number, name = name)
    };
    let wavelength = if over_nm {
        format!(", {} nm", number_text(point.x as f32))
    } else {
        String::new()
    };
    let value = match point.sd {
        Some(sd) => format!(
            "{} ± {}",
            number_text(point.y as f32),
            number_text(sd as f32)
        ),
        None => profile_number(point.y, values),
    };
    format!("{}\n{band}{wavelength}\n{value}", curve.name)
}

fn draw_piece(
    plot: &mut egui_plot::PlotUi<'_>,
    curve: &Curve,
    piece: &[CurvePoint],
    bounds: &PlotBounds,
) {
    let drawn = thinned(piece, bounds.min()[0], bounds.max()[0]);
    if drawn.len() > 1 && drawn.iter().any(|point| point.sd.is_some()) {
        let xs: Vec<f64> = drawn.iter().map(|point| point.x).collect();
        let edge = |sign: f64| -> Vec<f64> {
            drawn
                .iter()
                .map(|point| point.y + sign * point.sd.unwrap_or(0.0))
                .collect()
        };
        plot.add(
            FilledArea::new(&curve.name, &xs, &edge(-1.0), &edge(1.0))
                .fill_color(curve.color.gamma_multiply(0.16)),
        );
    }
    let positions: Vec<[f64; 2]> = drawn.iter().map(|point| [point.x, point.y]).collect();
    let has_discs = curve.bands.len() <= BANDS_WITH_DISCS || positions.len() == 1;
    if has_discs {
        plot.points(
            Points::new(&curve.name, PlotPoints::from(positions.clone()))
                .color(curve.color)
                .radius(2.6),
        );
    }
    plot.line(
        Line::new(&curve.name, PlotPoints::from(positions))
            .color(curve.color)
            .style(curve.style)
            .width(curve.width),
    );
}

/// The lowest and highest point of every column that is in view, so that a curve of thousands of bands costs no more than
/// one of hundreds.
fn thinned(piece: &[CurvePoint], low: f64, high: f64) -> Vec<CurvePoint> {
    if piece.len() <= 3 * COLUMNS || high.partial_cmp(&low) != Some(std::cmp::Ordering::Greater) {
        return piece.to_vec();
    }
    let column_of = |point: &CurvePoint| {
        let share = (point.x - low) / (high - low);
        (share * COLUMNS as f64).floor().clamp(-1.0, COLUMNS as f64)
    };
    let mut kept = Vec::with_capacity(2 * COLUMNS + 4);
    for column in piece.chunk_by(|a, b| column_of(a) == column_of(b)) {
        let by_y = |a: &&CurvePoint, b: &&CurvePoint| a.y.total_cmp(&b.y);
        let (Some(least), Some(most)) = (column.iter().min_by(by_y), column.iter().max_by(by_y))
        else {
            continue;
        };
        let (first, second) = if least.x <= most.x {
            (least, most)
        } else {
            (most, least)
        };
        kept.push(*first);
        if first != second {
            kept.push(*second);
        }
    }
    kept
}

/// The values of the selected kept profile, else of the clicked place.
fn values_ui(ui: &mut egui::Ui, state: &mut State) {
    let view = &state.session.profiles;
    let selected = view
        .selected
        .and_then(|id| state.history.document().profile(id).cloned());
    let (profile, title) = match (selected, view.clicked.first()) {
        (Some(profile), _) => {
            let title = t!("spectrum-values-of", name = profile.name.as_str());
            (profile, title)
        }
        (None, Some(profile)) => (profile.clone(), t!("spectrum-values-clicked").to_owned()),
        (None, None) => return,
    };
    let values = state.session.profiles.values;
    let has_sd = profile.bands.iter().any(|band| band.sd.is_some());
    theme::section_ui(ui, &title);
    let text = crate::status_bar::coordinate_text((profile.x, profile.y), 0.01);
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(egui::RichText::new(text).color(weak));
    // What the layer shows instead of a band, at the clicked place.
    if let Some(answer) = state.session.clicked_pixel.as_ref()
        && profile.id == 0
        && let Some(derivation) = &answer.question.derivation
    {
        let value = answer
            .derived
            .map_or_else(|| t!("spectrum-missing").to_owned(), number_text);
        ui.horizontal(|ui| {
            let name = match derivation {
                Derivation::Hillshade(_) => t!("derived-hillshade"),
                Derivation::Formula { .. } => derivation.label(),
            };
            ui.add(egui::Label::new(name).truncate());
            ui.monospace(value);
        });
    }
    ui.spacing_mut().item_spacing = vec2(4.0, 2.0);
    let mut columns = vec![
        t!("spectrum-column-band"),
        "nm",
        t!("spectrum-column-value"),
    ];
    if has_sd {
        columns.push(t!("spectrum-column-sd"));
    }
    let mut table = egui_extras::TableBuilder::new(ui)
        .id_salt("values")
        .striped(true)
        .auto_shrink([false, true])
        .max_scroll_height(220.0)
        .column(egui_extras::Column::remainder().clip(true))
        .column(egui_extras::Column::exact(62.0))
        .column(egui_extras::Column::exact(82.0));
    if has_sd {
        table = table.column(egui_extras::Column::exact(70.0));
    }
    table
        .header(18.0, |mut header| {
            for name in columns {
                header.col(|ui| {
                    ui.label(egui::RichText::new(name).small().color(weak));
                });
            }
        })
        .body(|body| {
            body.rows(18.0, profile.bands.len(), |mut row| {
                let Some(band) = profile.bands.get(row.index()) else {
                    return;
                };
                row.col(|ui| {
                    let mut text = egui::RichText::new(&band.name);
                    if band.is_bad {
                        text = text.color(weak).strikethrough();
                    }
                    ui.add(egui::Label::new(text).truncate());
                });
                row.col(|ui| {
                    let nm = band.wavelength_nm.map(|nm| number_text(nm as f32));
                    ui.monospace(nm.unwrap_or_default());
                });
                row.col(|ui| {
                    let value = profile.value(band, values);
                    ui.monospace(
                        value.map_or(t!("spectrum-missing").to_owned(), |v| number_text(v as f32)),
                    );
                });
                if has_sd {
                    row.col(|ui| {
                        let sd = profile.sd(band, values);
                        ui.monospace(sd.map_or(String::new(), |sd| number_text(sd as f32)));
                    });
                }
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
    fn long_curves_are_thinned_and_keep_their_peaks() {
        let point = |index: usize| CurvePoint {
            x: index as f64,
            y: if index == 3333 {
                50.0
            } else {
                (index % 7) as f64
            },
            sd: None,
            band: index,
        };
        let piece: Vec<CurvePoint> = (0..5000).map(point).collect();
        let thin = thinned(&piece, 0.0, 5000.0);
        assert!(thin.len() <= 2 * COLUMNS + 4, "{}", thin.len());
        assert!(thin.iter().any(|point| point.y == 50.0));
        assert!(thin.windows(2).all(|pair| pair[0].x < pair[1].x));
        // Zoomed in, every band of the view is there.
        let near = thinned(&piece, 3300.0, 3400.0);
        let inside = near
            .iter()
            .filter(|point| (3300.0..3400.0).contains(&point.x));
        assert_eq!(inside.count(), 100);
        assert_eq!(thinned(&piece[..100], 0.0, 100.0).len(), 100);
    }
}
