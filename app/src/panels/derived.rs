//! Channels that are worked out: spectral indices that fit the bands, a formula of one's own with its picture as it is
//! typed, hill-shade of an elevation band.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::RichText;
use terroir_engine::{CalcSpec, JobSpec};
use terroir_scene::{
    BandInfo, Derivation, Formula, Hillshade, Layer, LayerId, Look, RampChoice, Stretch, Style,
    spectral_indices,
};

use super::sample::copy_ui;
use crate::arrangement::Panel;
use crate::dialogs::Purpose;
use crate::jobs::beside;
use crate::language::{said, t};
use crate::state::State;
use crate::theme::{self, icon};

/// A formula is shown when typing rests: every new one has to be read and measured.
const TYPING_RESTS: Duration = Duration::from_millis(400);

/// A formula on its way.
pub struct FormulaEdit {
    pub layer: LayerId,
    pub text: String,
    pub typed_at: Instant,
}

const PLAIN: Stretch = Stretch {
    low: 0.0,
    high: 1.0,
    gamma: 1.0,
};

/// Shows one channel with limits by its look's rule, now or once its statistics are known.
pub fn show_channel(state: &mut State, layer: &Arc<Layer>, mut style: Style, step: &str) {
    let Some(path) = state.raster_info(layer).map(|info| info.path.clone()) else {
        return;
    };
    let look = style.look().copied().unwrap_or_default();
    let known = style
        .channels()
        .first()
        .and_then(|channel| state.channel_statistics(&path, channel, None));
    if let (Some(known), Some(slot)) = (&known, style.stretches_mut().first_mut()) {
        *slot = known.stretch_by(super::stretch::rule(&look), *slot);
    }
    state.change_layer(layer.id, step, |layer| layer.style = Some(style));
    if known.is_none() {
        state.take_limits(layer.id, Vec::new());
    }
}

/// Spectral indices; those the bands do not allow say why.
pub fn index_menu_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, bands: &[BandInfo]) {
    let has_wavelengths = bands.iter().any(|band| band.wavelength.is_some());
    ui.add_enabled_ui(has_wavelengths, |ui| {
        ui.menu_button(
            format!("{} {}", t!("derived-index"), icon::CARET_DOWN),
            |ui| {
                ui.set_min_width(150.0);
                for index in spectral_indices() {
                    match index.style(bands) {
                        Ok(style) => {
                            let tip = format!("{}\n{}", index.about, index.formula);
                            if ui.button(&index.name).on_hover_text(tip).clicked() {
                                state.session.formula_edit = None;
                                let step = t!("derived-show", index = index.name.as_str());
                                state.change_layer(layer.id, &step, |layer| {
                                    layer.style = Some(style)
                                });
                                ui.close();
                            }
                        }
                        Err(reason) => {
                            ui.add_enabled(false, egui::Button::new(&index.name))
                                .on_disabled_hover_text(reason.to_string());
                        }
                    }
                }
            },
        )
        .response
        .on_hover_text(t!("derived-index-tip"))
        .on_disabled_hover_text(t!("derived-index-none"));
    });
}

/// The entries beside "Colour" and "One band".
pub fn formula_choice_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    bands: &[BandInfo],
) {
    let derivation = layer.style.as_ref().and_then(Style::derivation);
    let is_formula = matches!(derivation, Some(Derivation::Formula { .. }));
    let is_shade = matches!(derivation, Some(Derivation::Hillshade(_)));
    if ui
        .selectable_label(is_formula, t!("derived-formula"))
        .on_hover_text(t!("derived-formula-tip"))
        .clicked()
        && !is_formula
    {
        let text = match &layer.style {
            Some(Style::Gray { band, .. }) => format!("b{}", band + 1),
            _ => "(nir - red) / (nir + red)".to_owned(),
        };
        let derivation =
            Derivation::formula("", &text, bands).or_else(|_| Derivation::formula("", "b1", bands));
        if let Ok(derivation) = derivation {
            show_channel(
                state,
                layer,
                derived(derivation),
                t!("derived-show-formula"),
            );
        }
    }
    if bands.len() == 1
        && ui
            .selectable_label(is_shade, t!("derived-hillshade"))
            .on_hover_text(t!("derived-hillshade-tip"))
            .clicked()
        && !is_shade
    {
        state.change_layer(layer.id, t!("derived-hillshade"), |layer| {
            layer.style = Some(Style::hillshade(Hillshade::of_band(0)));
        });
    }
}

fn derived(derivation: Derivation) -> Style {
    Style::Derived {
        derivation,
        stretch: PLAIN,
        ramp: RampChoice::from("viridis"),
        look: Look::default(),
    }
}

pub fn derived_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, bands: &[BandInfo]) {
    match layer.style.as_ref().and_then(Style::derivation) {
        Some(Derivation::Formula { name, text, .. }) => {
            formula_ui(ui, state, layer, bands, name, text)
        }
        Some(Derivation::Hillshade(light)) => light_ui(ui, state, layer, *light),
        None => {}
    }
}

fn formula_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    layer: &Arc<Layer>,
    bands: &[BandInfo],
    name: &str,
    text: &str,
) {
    let mut typed = match &state.session.formula_edit {
        Some(edit) if edit.layer == layer.id => edit.text.clone(),
        _ => text.to_owned(),
    };
    ui.horizontal(|ui| {
        let title = if name.is_empty() {
            t!("derived-formula")
        } else {
            name
        };
        ui.label(RichText::new(title).strong());
        ui.label(RichText::new(icon::QUESTION).color(theme::colors(ui.visuals()).weak))
            .on_hover_text(t!("derived-help"));
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let save = ui
                .button(format!("{}  {}", icon::FLOPPY_DISK, t!("derived-save")))
                .on_hover_text(t!("derived-save-tip"));
            if save.clicked() {
                let ctx = ui.ctx().clone();
                state.pick(&ctx, Purpose::CalcOut(layer.id));
            }
            let out = state.calc_out_path(layer.id);
            if let Some(job) = out.and_then(|out| state.calc_job(layer.id, out)) {
                copy_ui(ui, &job);
            }
        });
    });
    let edit = ui.add(
        egui::TextEdit::multiline(&mut typed)
            .id_salt("formula")
            .font(egui::TextStyle::Monospace)
            .desired_rows(2)
            .desired_width(f32::INFINITY)
            .hint_text("(nir - red) / (nir + red)"),
    );
    if edit.changed() {
        state.session.formula_edit = Some(FormulaEdit {
            layer: layer.id,
            text: typed.clone(),
            typed_at: Instant::now(),
        });
    }
    let found = terroir_scene::formula_for(&typed, bands);
    match &found {
        Ok((formula, picks)) => {
            ui.label(
                RichText::new(bands_text(formula, picks, bands))
                    .small()
                    .color(theme::colors(ui.visuals()).weak),
            );
        }
        Err(error) => {
            let color = theme::colors(ui.visuals()).error;
            let words = error.to_string();
            let words = words
                .strip_prefix("The formula cannot be used: ")
                .unwrap_or(&words);
            ui.add(
                egui::Label::new(RichText::new(capital(&said(words))).small().color(color)).wrap(),
            );
        }
    }
    let Some(pending) = &state.session.formula_edit else {
        return;
    };
    if pending.layer != layer.id {
        return;
    }
    let waited = pending.typed_at.elapsed();
    if waited < TYPING_RESTS && !edit.lost_focus() {
        ui.ctx().request_repaint_after(TYPING_RESTS - waited);
        return;
    }
    if typed.trim() == text {
        if !edit.has_focus() {
            state.session.formula_edit = None;
        }
        return;
    }
    if found.is_ok()
        && let Ok(derivation) = Derivation::formula("", &typed, bands)
    {
        let mut style = layer
            .style
            .clone()
            .unwrap_or_else(|| derived(derivation.clone()));
        if let Style::Derived {
            derivation: slot,
            look,
            ramp,
            ..
        } = &mut style
        {
            *slot = derivation;
            // Fixed limits belonged to the index it was.
            look.limits = super::stretch::rule(look);
            if let Some(terroir_scene::Steps::At { breaks }) = &ramp.steps {
                ramp.steps = Some(terroir_scene::Steps::Equal {
                    count: breaks.len() + 1,
                });
            }
        }
        show_channel(state, layer, style, t!("derived-change"));
    }
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

/// Which band each name means: `nir = B08 (833 nm)`.
fn bands_text(formula: &Formula, picks: &[usize], bands: &[BandInfo]) -> String {
    let parts: Vec<String> = formula
        .names()
        .iter()
        .zip(picks)
        .filter_map(|(name, pick)| {
            let band = bands.get(*pick)?;
            let place = band
                .wavelength
                .map(|wavelength| format!(" ({:.0} nm)", wavelength.center.nm()))
                .unwrap_or_default();
            Some(format!("{} = {}{place}", name.text, band.name))
        })
        .collect();
    parts.join(", ")
}

fn light_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, light: Hillshade) {
    egui::Grid::new("light")
        .num_columns(2)
        .spacing([10.0, 4.0])
        .show(ui, |ui| {
            for (name, tip, range, suffix, which) in [
                (
                    t!("derived-sun-from"),
                    t!("derived-sun-from-tip"),
                    0.0..=360.0,
                    "°",
                    0,
                ),
                (
                    t!("derived-sun-height"),
                    t!("derived-sun-height-tip"),
                    1.0..=90.0,
                    "°",
                    1,
                ),
                (
                    t!("derived-exaggeration"),
                    t!("derived-exaggeration-tip"),
                    0.01..=50.0,
                    " x",
                    2,
                ),
            ] {
                let mut new = light;
                let value = match which {
                    0 => &mut new.azimuth_deg,
                    1 => &mut new.altitude_deg,
                    _ => &mut new.z_factor,
                };
                ui.label(name);
                let slider = ui
                    .add(
                        egui::Slider::new(value, range)
                            .suffix(suffix)
                            .logarithmic(which == 2)
                            .max_decimals(if which == 2 { 2 } else { 0 }),
                    )
                    .on_hover_text(tip);
                super::layers::drag_step(state, &slider, name);
                if slider.changed() {
                    state.change_layer(layer.id, name, |layer| {
                        if let Some(Style::Derived { derivation, .. }) = &mut layer.style {
                            *derivation = Derivation::Hillshade(new);
                        }
                    });
                }
                super::layers::end_drag_step(state, &slider);
                ui.end_row();
            }
        });
}

impl State {
    /// `<scene>_ndvi.tif` beside the scene.
    pub fn calc_out_path(&self, id: LayerId) -> Option<PathBuf> {
        let layer = self.history.document().layer(id)?;
        let info = self.raster_info(layer)?;
        let word = match layer.style.as_ref()?.derivation()? {
            Derivation::Formula { name, .. } if !name.is_empty() => name.to_lowercase(),
            _ => "formula".to_owned(),
        };
        Some(beside(&info.path, &word, "tif"))
    }

    /// Writes the raster of a layer's formula, as a job.
    pub fn start_calc(&mut self, id: LayerId, out: PathBuf) {
        if let Some(job) = self.calc_job(id, out) {
            self.jobs.run(crate::news::job_name(&job), job);
            self.arrangement.show(Panel::Run);
        }
    }

    fn calc_job(&self, id: LayerId, out: PathBuf) -> Option<JobSpec> {
        let layer = self.history.document().layer(id)?;
        let (info, style) = (self.raster_info(layer)?, layer.style.as_ref()?);
        let Derivation::Formula { name, text, .. } = style.derivation()? else {
            return None;
        };
        Some(JobSpec::Calc(CalcSpec {
            scene: info.path.clone(),
            expression: text.clone(),
            name: name.clone(),
            out,
            wavelengths_nm: layer
                .edited_wavelengths
                .iter()
                .map(|(band, wavelength)| (*band, wavelength.nm()))
                .collect(),
            ramp: style
                .ramp()
                .map_or_else(|| "viridis".to_owned(), |ramp| ramp.name.clone()),
        }))
    }
}
