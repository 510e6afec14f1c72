//! Bands and wavelengths: which bands are red, green and blue, presets, sensors, and the table in which every
//! wavelength shows where it came from and can be edited. Thousands of bands cost as much as the rows in view.

use std::sync::Arc;

use egui_extras::{Column, TableBuilder};
use terroir_scene::{
    BandInfo, Layer, Look, RampChoice, Stretch, Style, Third, Wavelength, WavelengthSource,
    apply_sensor, band_presets, sensors,
};

use super::classes::{classes_choice_ui, classes_ui};
use super::derived::{derived_ui, formula_choice_ui, index_menu_ui};
use super::missing_color::missing_color_ui;
use super::ramp::ramp_ui;
use super::spectral_axis::{spectral_axis_ui, wavelength_color};
use crate::language::t;
use crate::messages::Level;
use crate::state::State;
use crate::theme::{self, icon};

const TABLE_HEIGHT: f32 = 190.0;

pub fn bands_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(layer) = state.active_raster() else {
        theme::empty_ui(ui, t!("bands-no-raster"), t!("bands-no-raster-next"));
        return;
    };
    ui.add(egui::Label::new(egui::RichText::new(&layer.name).strong()).truncate());
    let Some(info) = state.raster_info(&layer).cloned() else {
        return;
    };
    if info.is_field() {
        ui.label(t!("bands-is-field"));
    } else {
        style_ui(ui, state, &layer, &info);
    }
    missing_color_ui(ui, state, &layer);
}

/// The style of bands, with the table of them.
fn style_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    info: &Arc<terroir_scene::RasterInfo>,
) {
    let bands = state.bands(layer);
    kind_ui(ui, state, layer, &bands);
    if matches!(layer.style, Some(Style::Palette { .. })) {
        classes_ui(ui, state, layer);
        return;
    }
    if bands.len() > 1 {
        choices_ui(ui, state, layer, info, &bands);
    }
    derived_ui(ui, state, layer, &bands);
    ramp_ui(ui, state, layer);
    let chosen = match &layer.style {
        Some(Style::Rgb { bands, .. }) => Some(*bands),
        _ => None,
    };
    // One channel has one histogram, which has its place beside the ramp; three have more to do with the table.
    if chosen.is_none() {
        super::stretch::stretch_ui(ui, state);
        ui.separator();
    }
    if std::mem::take(&mut state.session.shows_band_table) {
        ui.scroll_to_cursor(Some(egui::Align::TOP));
    }
    axis_ui(ui, state, layer, &bands, chosen);
    table_ui(ui, state, layer, &bands, chosen);
    missing_ui(ui, &bands);
    if chosen.is_some() {
        super::stretch::stretch_ui(ui, state);
    }
}

/// Combinations, indices, sensors and the unit of wavelengths.
fn choices_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    info: &Arc<terroir_scene::RasterInfo>,
    bands: &[BandInfo],
) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        presets_ui(ui, state, layer, bands);
        index_menu_ui(ui, state, layer, bands);
        sensor_ui(ui, state, layer, info);
        let unit = if state.session.wavelength_in_um {
            "µm"
        } else {
            "nm"
        };
        if ui
            .button(unit)
            .on_hover_text(t!("bands-unit-tip"))
            .clicked()
        {
            state.session.wavelength_in_um = !state.session.wavelength_in_um;
        }
    });
}

/// The bands along the spectrum, with those on show to be dragged.
fn axis_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    bands: &[BandInfo],
    chosen: Option<[usize; 3]>,
) {
    if bands.len() < 2 || bands.iter().all(|band| band.wavelength.is_none()) {
        return;
    }
    let change = spectral_axis_ui(ui, bands, chosen);
    if change.drag_started {
        state.history.begin_gesture(t!("bands-choose"));
    }
    if let Some(picked) = change.picked {
        set_rgb(state, layer, picked, Third::Band, t!("bands-choose"));
    }
    if change.drag_stopped {
        state.history.end_gesture();
    }
}

fn missing_ui(ui: &mut egui::Ui, bands: &[BandInfo]) {
    let without = bands
        .iter()
        .filter(|band| band.wavelength.is_none())
        .count();
    if without == 0 || bands.len() < 2 || terroir_scene::is_radar(bands) {
        return;
    }
    let warning = theme::colors(ui.visuals()).warning;
    let text = if without == bands.len() {
        t!("bands-no-wavelengths").to_owned()
    } else {
        t!(
            "bands-some-wavelengths",
            without = without,
            count = bands.len()
        )
    };
    ui.label(egui::RichText::new(text).color(warning));
}

/// Colour picture or one band through a ramp.
fn kind_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, bands: &[BandInfo]) {
    let is_rgb = matches!(layer.style, Some(Style::Rgb { .. }));
    let is_gray = matches!(layer.style, Some(Style::Gray { .. }));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        if bands.len() > 1
            && ui
                .selectable_label(is_rgb, t!("bands-colour"))
                .on_hover_text(t!("bands-colour-tip"))
                .clicked()
            && !is_rgb
        {
            match terroir_scene::radar_pair(bands).filter(|_| terroir_scene::is_radar(bands)) {
                Some([co, cross]) => set_rgb(
                    state,
                    layer,
                    [co, cross, co],
                    Third::Ratio,
                    t!("bands-show-colour"),
                ),
                None => {
                    let picked = terroir_scene::default_rgb(bands);
                    set_rgb(state, layer, picked, Third::Band, t!("bands-show-colour"));
                }
            }
        }
        if ui
            .selectable_label(is_gray, t!("bands-one"))
            .on_hover_text(t!("bands-one-tip"))
            .clicked()
            && !is_gray
        {
            let band = match &layer.style {
                Some(Style::Rgb { bands, .. }) => bands[0],
                _ => 0,
            };
            set_gray(state, layer, band);
        }
        formula_choice_ui(ui, state, layer, bands);
        classes_choice_ui(ui, state, layer);
    });
}

/// Shows three bands; each keeps its own limits, new ones get the layer's rule once their statistics are known.
fn set_rgb(state: &mut State, layer: &Arc<Layer>, bands: [usize; 3], third: Third, step: &str) {
    let Some(path) = state.raster_info(layer).map(|info| info.path.clone()) else {
        return;
    };
    let old = layer.style.clone();
    let mut look = kept_look(old.as_ref());
    look.third = third;
    if third == Third::Ratio && !look.decibel {
        // Values below zero are decibels already.
        let first = state.statistics(&path, bands[0]);
        match first {
            Some(known) if !known.is_linear_backscatter() => look.third = Third::Difference,
            _ => look.decibel = true,
        }
    }
    let known = old
        .iter()
        .flat_map(|style| style.channels().into_iter().zip(style.stretches().to_vec()));
    let known: Vec<_> = known.collect();
    let plain = Stretch {
        low: 0.0,
        high: 1.0,
        gamma: known.first().map_or(1.0, |(_, stretch)| stretch.gamma),
    };
    let mut style = Style::Rgb {
        bands,
        stretch: [plain; 3],
        look,
    };
    let mut waiting = Vec::new();
    let channels = style.channels();
    for (index, (channel, slot)) in channels
        .iter()
        .zip(style.stretches_mut().iter_mut())
        .enumerate()
    {
        if let Some((_, stretch)) = known.iter().find(|(old, _)| old == channel) {
            *slot = *stretch;
        } else if let Some(found) = state.channel_statistics(&path, channel, None) {
            *slot = found.stretch_by(super::stretch::rule(&look), plain);
        } else {
            // The picture keeps its limits until the new ones are there.
            if let Some((_, stretch)) = known.get(index) {
                *slot = *stretch;
            }
            waiting.push(index);
        }
    }
    state.change_layer(layer.id, step, |layer| layer.style = Some(style));
    if !waiting.is_empty() {
        state.take_limits(layer.id, waiting);
    }
}

fn set_gray(state: &mut State, layer: &Arc<Layer>, band: usize) {
    let ramp = match layer.style.as_ref().and_then(Style::ramp) {
        Some(ramp) if ramp.steps.is_none() => ramp.clone(),
        _ => RampChoice::from("grays"),
    };
    let mut look = kept_look(layer.style.as_ref());
    look.third = Third::Band;
    let plain = Stretch {
        low: 0.0,
        high: 1.0,
        gamma: 1.0,
    };
    let style = Style::Gray {
        band,
        stretch: plain,
        ramp,
        look,
    };
    super::derived::show_channel(state, layer, style, t!("bands-show-one"));
}

/// How limits are found stays when other bands are shown; limits by hand belong to the old ones.
fn kept_look(style: Option<&Style>) -> Look {
    let mut look = style.and_then(Style::look).copied().unwrap_or_default();
    if look.limits == terroir_scene::Limits::Manual {
        look.limits = terroir_scene::Limits::Percentile;
    }
    look
}

/// The scene's name of a combination in the window's language.
fn preset_name(name: &'static str) -> &'static str {
    match name {
        "Natural colour" => t!("bands-preset-natural"),
        "Colour infrared" => t!("bands-preset-infrared"),
        "Short-wave infrared" => t!("bands-preset-swir"),
        "Agriculture" => t!("bands-preset-agriculture"),
        "Healthy vegetation" => t!("bands-preset-vegetation"),
        "Urban" => t!("bands-preset-urban"),
        "Soil / atmosphere" => t!("bands-preset-soil"),
        "Geology" => t!("bands-preset-geology"),
        polarisations => polarisations,
    }
}

fn source_text(source: WavelengthSource) -> &'static str {
    match source {
        WavelengthSource::Edited => t!("bands-source-edited"),
        WavelengthSource::StacSidecar => t!("bands-source-stac"),
        WavelengthSource::ImageryDomain => t!("bands-source-imagery"),
        WavelengthSource::BandMetadata => t!("bands-source-metadata"),
        WavelengthSource::EnviHeader => t!("bands-source-envi"),
        WavelengthSource::ProductXml => t!("bands-source-product"),
        WavelengthSource::BandName => t!("bands-source-name"),
        WavelengthSource::SensorTable => t!("bands-source-sensor"),
        WavelengthSource::ColorInterpretation => t!("bands-source-colour"),
        WavelengthSource::Guess => t!("bands-source-guess"),
    }
}

fn presets_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, bands: &[BandInfo]) {
    let presets = band_presets(bands);
    ui.add_enabled_ui(!presets.is_empty(), |ui| {
        ui.menu_button(
            format!("{} {}", t!("bands-combination"), icon::CARET_DOWN),
            |ui| {
                for preset in &presets {
                    let names: Vec<&str> = preset
                        .bands
                        .iter()
                        .filter_map(|band| bands.get(*band).map(|band| band.name.as_str()))
                        .collect();
                    let name = preset_name(preset.name);
                    if ui.button(name).on_hover_text(names.join(" · ")).clicked() {
                        set_rgb(state, layer, preset.bands, preset.third, name);
                        ui.close();
                    }
                }
            },
        )
        .response
        .on_hover_text(t!("bands-combination-tip"))
        .on_disabled_hover_text(t!("bands-combination-none"));
    });
}

fn sensor_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    info: &Arc<terroir_scene::RasterInfo>,
) {
    ui.menu_button(
        format!("{} {}", t!("bands-sensor"), icon::CARET_DOWN),
        |ui| {
            ui.set_min_width(220.0);
            let mut fits = 0;
            for sensor in sensors() {
                let Some(wavelengths) = apply_sensor(info, sensor) else {
                    continue;
                };
                fits += 1;
                if ui.button(&sensor.name).clicked() {
                    state.change_layer(
                        layer.id,
                        &t!("bands-wavelengths-of", sensor = sensor.name.as_str()),
                        |layer| {
                            layer.edited_wavelengths = wavelengths
                                .iter()
                                .enumerate()
                                .filter_map(|(band, wavelength)| {
                                    Some((band, wavelength.as_ref()?.center))
                                })
                                .collect();
                        },
                    );
                    ui.close();
                }
            }
            if fits == 0 {
                ui.label(t!("bands-sensor-none"));
            }
            if !layer.edited_wavelengths.is_empty() {
                ui.separator();
                if ui.button(t!("bands-wavelengths-back")).clicked() {
                    state.change_layer(layer.id, t!("bands-wavelengths-of-file"), |layer| {
                        layer.edited_wavelengths.clear()
                    });
                    ui.close();
                }
            }
        },
    )
    .response
    .on_hover_text(t!("bands-sensor-tip"));
}

fn table_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    bands: &Arc<Vec<BandInfo>>,
    chosen: Option<[usize; 3]>,
) {
    let mut shown: Option<Vec<usize>> = None;
    if bands.len() > 24 {
        ui.add(
            egui::TextEdit::singleline(&mut state.session.band_filter)
                .desired_width(f32::INFINITY)
                .hint_text(t!("bands-find")),
        );
        let needle = state.session.band_filter.trim().to_lowercase();
        if !needle.is_empty() {
            shown = Some(matching(bands, &needle));
        }
    }
    let count = shown.as_ref().map_or(bands.len(), Vec::len);
    let gray = match &layer.style {
        Some(Style::Gray { band, .. }) => Some(*band),
        _ => None,
    };
    let mut picked = None;
    let height = TABLE_HEIGHT.min((count as f32 + 1.0) * 22.0 + 12.0);
    ui.push_id("bands", |ui| {
        ui.spacing_mut().item_spacing = egui::vec2(4.0, 2.0);
        TableBuilder::new(ui)
            .striped(true)
            .auto_shrink([false, true])
            .max_scroll_height(height)
            .min_scrolled_height(height)
            .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
            .column(Column::exact(if chosen.is_some() { 76.0 } else { 24.0 }))
            .column(Column::remainder().at_least(70.0).clip(true))
            .column(Column::exact(70.0))
            .column(Column::exact(92.0).clip(true))
            .header(20.0, |mut header| {
                let weak = |ui: &mut egui::Ui, text: &str| {
                    let color = theme::colors(ui.visuals()).weak;
                    ui.label(egui::RichText::new(text).small().color(color));
                };
                header.col(|ui| {
                    weak(
                        ui,
                        if chosen.is_some() {
                            "  R       G       B"
                        } else {
                            ""
                        },
                    )
                });
                header.col(|ui| weak(ui, t!("bands-column-band")));
                let unit = if state.session.wavelength_in_um {
                    "µm"
                } else {
                    "nm"
                };
                header.col(|ui| weak(ui, unit));
                header.col(|ui| weak(ui, t!("bands-column-from")));
            })
            .body(|body| {
                body.rows(20.0, count, |mut row| {
                    let index = shown
                        .as_ref()
                        .map_or(row.index(), |shown| shown[row.index()]);
                    let Some(band) = bands.get(index) else {
                        return;
                    };
                    row.col(|ui| {
                        ui.spacing_mut().item_spacing.x = 2.0;
                        if let Some(chosen) = chosen {
                            let band = band.name.as_str();
                            let names = [
                                t!("bands-show-red", band = band),
                                t!("bands-show-green", band = band),
                                t!("bands-show-blue", band = band),
                            ];
                            for (channel, name) in names.iter().enumerate() {
                                let radio = ui.radio(chosen[channel] == index, "");
                                if theme::named(radio, name).clicked() {
                                    let mut bands = chosen;
                                    bands[channel] = index;
                                    picked = Some(bands);
                                }
                            }
                        } else {
                            let radio = ui.radio(gray == Some(index), "");
                            if theme::named(radio, &t!("bands-show", band = band.name.as_str()))
                                .clicked()
                            {
                                picked = Some([index; 3]);
                            }
                        }
                    });
                    row.col(|ui| name_ui(ui, band));
                    row.col(|ui| wavelength_ui(ui, state, layer, band));
                    row.col(|ui| {
                        let source = band
                            .wavelength
                            .map_or("–", |wavelength| source_text(wavelength.source));
                        let color = match band.wavelength.map(|wavelength| wavelength.source) {
                            Some(WavelengthSource::Edited) => theme::colors(ui.visuals()).accent,
                            Some(WavelengthSource::Guess) => theme::colors(ui.visuals()).warning,
                            _ => theme::colors(ui.visuals()).weak,
                        };
                        let text = egui::RichText::new(source).small().color(color);
                        ui.add(egui::Label::new(text).truncate())
                            .on_hover_text(t!("bands-found-in", source = source));
                    });
                });
            });
    });
    if let Some(bands) = picked {
        match chosen {
            Some(_) => set_rgb(state, layer, bands, Third::Band, t!("bands-choose")),
            None => set_gray(state, layer, bands[0]),
        }
    }
}

fn matching(bands: &[BandInfo], needle: &str) -> Vec<usize> {
    bands
        .iter()
        .filter(|band| {
            band.name.to_lowercase().contains(needle)
                || band.wavelength.is_some_and(|wavelength| {
                    format!("{:.1}", wavelength.center.nm()).starts_with(needle)
                })
        })
        .map(|band| band.index)
        .collect()
}

fn name_ui(ui: &mut egui::Ui, band: &BandInfo) {
    if let Some(wavelength) = band.wavelength {
        let (rect, _) = ui.allocate_exact_size(egui::vec2(4.0, 14.0), egui::Sense::hover());
        ui.painter()
            .rect_filled(rect, 1.0, wavelength_color(wavelength.center.nm()));
    }
    let mut text = egui::RichText::new(&band.name);
    if band.is_bad {
        text = text.strikethrough();
    }
    let mut tip = t!(
        "bands-name",
        number = band.index + 1,
        name = band.name.as_str()
    );
    if band.is_bad {
        tip.push('\n');
        tip.push_str(t!("bands-bad"));
    }
    ui.add(egui::Label::new(text).truncate()).on_hover_text(tip);
}

/// The wavelength as text that can be edited; Enter or leaving the field takes it.
fn wavelength_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, band: &BandInfo) {
    let in_um = state.session.wavelength_in_um;
    let shown = band.wavelength.map_or_else(String::new, |wavelength| {
        if in_um {
            format!("{:.4}", wavelength.center.um())
        } else {
            format!("{:.1}", wavelength.center.nm())
        }
    });
    let is_edited = state
        .session
        .wavelength_edit
        .as_ref()
        .is_some_and(|(id, index, _)| *id == layer.id && *index == band.index);
    let mut text = match &state.session.wavelength_edit {
        Some((_, _, text)) if is_edited => text.clone(),
        _ => shown.clone(),
    };
    let edit = ui.add(
        egui::TextEdit::singleline(&mut text)
            .id_salt(("wavelength", band.index))
            .desired_width(62.0)
            .margin(egui::Margin::symmetric(4, 1))
            .hint_text("–"),
    );
    let edit = edit.on_hover_text(t!("bands-wavelength-tip"));
    if edit.changed() || (edit.has_focus() && !is_edited) {
        state.session.wavelength_edit = Some((layer.id, band.index, text.clone()));
    }
    if edit.lost_focus() && is_edited {
        state.session.wavelength_edit = None;
        let is_given_up = ui.input(|input| input.key_pressed(egui::Key::Escape));
        if !is_given_up && text.trim() != shown {
            take_wavelength(state, layer, band, text.trim(), in_um);
        }
    }
}

fn take_wavelength(
    state: &mut State,
    layer: &Arc<Layer>,
    band: &BandInfo,
    text: &str,
    in_um: bool,
) {
    let index = band.index;
    let step = t!("bands-wavelength-of", band = band.name.as_str());
    if text.is_empty() {
        state.change_layer(layer.id, &step, |layer| {
            layer
                .edited_wavelengths
                .retain(|(known, _)| *known != index);
        });
        return;
    }
    // A bare number is in the unit shown.
    let is_bare = text
        .chars()
        .all(|letter| letter.is_ascii_digit() || letter == '.');
    let with_unit = if is_bare {
        format!("{text} {}", if in_um { "um" } else { "nm" })
    } else {
        text.to_owned()
    };
    match Wavelength::parse(&with_unit) {
        Ok(wavelength) => state.change_layer(layer.id, &step, |layer| {
            layer
                .edited_wavelengths
                .retain(|(known, _)| *known != index);
            layer.edited_wavelengths.push((index, wavelength));
        }),
        Err(error) => state.messages.show(Level::Warning, error.to_string()),
    }
}
