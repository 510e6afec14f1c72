//! Model and run: which model makes a field of which scene, on which device, and what that will cost, said before it starts.

use std::path::PathBuf;

use terroir_engine::{EmbedSpec, JobSpec, ModelInfo};

use super::sample::copy_ui;
use crate::arrangement::Panel;
use crate::dialogs::Purpose;
use crate::export::primary_button;
use crate::jobs::{beside, bytes_text, count_text, duration_text};
use crate::language::{said, t};
use crate::state::State;
use crate::theme::{self, icon};

pub fn model_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.label(egui::RichText::new(t!("models-make-field")).strong());
    ui.horizontal(|ui| {
        let form = &mut state.series_field;
        ui.selectable_value(&mut form.is_chosen, false, t!("models-of-image"));
        ui.selectable_value(&mut form.is_chosen, true, t!("models-of-series"))
            .on_hover_text(t!("models-of-series.tip"));
    });
    if state.series_field.is_chosen {
        super::series_field::series_field_ui(ui, state);
        return;
    }
    let Some(layer) = state.scene_layer() else {
        theme::empty_ui(ui, t!("models-no-scene"), t!("models-no-scene-next"));
        return;
    };
    state.jobs.want_devices();
    state.want_models();
    let bands = state.bands(&layer);
    let sensor = state
        .raster_info(&layer)
        .and_then(|info| info.sensor.as_deref());
    let usable = terroir_scene::bands_for_models(&bands, sensor).len();
    egui::Grid::new("model")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label(t!("models-scene"));
            ui.add(egui::Label::new(&layer.name).truncate());
            ui.end_row();

            ui.label(t!("models-bands"));
            let text = t!("models-bands-usable", usable = usable, all = bands.len());
            let color = if usable == 0 {
                theme::colors(ui.visuals()).warning
            } else {
                ui.visuals().text_color()
            };
            ui.label(egui::RichText::new(text).color(color));
            ui.end_row();

            ui.label(t!("models-model"));
            model_choice_ui(ui, state);
            ui.end_row();

            ui.label(t!("models-weights"));
            weights_ui(ui, state);
            ui.end_row();

            ui.label(t!("models-device"));
            device_ui(ui, state);
            ui.end_row();

            if state.history.document().area_of_interest.is_some() {
                ui.label(t!("models-area"));
                let area = state.area_name().unwrap_or_default();
                let inside = t!("models-inside", layer = area);
                ui.add(egui::Label::new(inside).truncate())
                    .on_hover_text(t!("models-inside-tip"));
                ui.end_row();
            }

            ui.label(t!("models-file"));
            out_ui(ui, state);
            ui.end_row();
        });
    let is_untrained = state.run_weights().is_none();
    if is_untrained {
        let warning = theme::colors(ui.visuals()).warning;
        ui.add(
            egui::Label::new(
                egui::RichText::new(format!(
                    "{} {}",
                    icon::WARNING,
                    t!("models-untrained-warning")
                ))
                .color(warning),
            )
            .wrap(),
        );
    }
    if usable == 0 {
        ui.label(t!("models-no-band"));
        return;
    }
    let Some(spec) = state.embed_spec() else {
        return;
    };
    estimate_ui(ui, state, &spec, true);
    ui.add_space(theme::SMALL_GAP);
    let runs = state
        .jobs
        .list
        .iter()
        .any(|job| !job.is_over() && job.spec == spec);
    let clicked = ui
        .horizontal(|ui| {
            let layout = egui::Layout::right_to_left(egui::Align::Center);
            ui.with_layout(layout, |ui| {
                copy_ui(ui, &spec);
                let button = primary_button(ui, t!("models-run"));
                let size = egui::vec2(ui.available_width(), 30.0);
                ui.add_enabled_ui(!runs, |ui| ui.add_sized(size, button))
                    .inner
                    .on_disabled_hover_text(t!("models-this-runs"))
                    .clicked()
            })
            .inner
        })
        .inner;
    if clicked {
        state.autosave_now();
        state.jobs.run(crate::news::job_name(&spec), spec);
    }
}

pub fn model_choice_ui(ui: &mut egui::Ui, state: &mut State) {
    let mut list = state.models.all();
    list.retain(|model| model.family == "DOFA");
    let chosen = list.iter().find(|model| model.name == state.run.model);
    let text = chosen.map_or_else(|| state.run.model.clone(), |model| model.name.clone());
    egui::ComboBox::from_id_salt("model choice")
        .width(ui.available_width())
        .selected_text(text)
        .show_ui(ui, |ui| {
            for model in &list {
                let text = model_text(model);
                let tip = t!(
                    "models-choice-tip",
                    family = &model.family,
                    patch = model.patch,
                    width = model.width,
                    depth = model.depth
                );
                if ui
                    .selectable_label(model.name == state.run.model, text)
                    .on_hover_text(tip)
                    .clicked()
                {
                    state.run.model = model.name.clone();
                }
            }
        })
        .response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, t!("models-model")));
}

/// A model with its size, and whether it is trained.
pub fn model_text(model: &ModelInfo) -> String {
    t!(
        "models-choice",
        name = &model.name,
        millions = millions(model.parameters),
        state = state_name(&model.state)
    )
}

/// What the engine says of a model's weights, in the window's language.
fn state_name(state: &str) -> &str {
    match state {
        "trained" => t!("models-trained"),
        "untrained" => t!("models-untrained"),
        other => other,
    }
}

/// Millions to one digit.
pub fn millions(count: u64) -> String {
    format!("{:.1}", count as f64 / 1e6)
}

fn weights_ui(ui: &mut egui::Ui, state: &mut State) {
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            let standard = state.models.weights_of(&state.run.model);
            if state.run.untrained && standard.is_some() {
                if theme::icon_button(
                    ui,
                    icon::ARROW_COUNTER_CLOCKWISE,
                    t!("models-use-installed"),
                )
                .clicked()
                {
                    state.run.untrained = false;
                }
            } else if state.run_weights().is_some()
                && theme::icon_button(ui, icon::X, t!("models-use-none")).clicked()
            {
                state.run.weights.clear();
                state.run.untrained = standard.is_some();
            }
            if theme::icon_button(ui, icon::BRAIN, t!("models-open")).clicked() {
                state.arrangement.show(Panel::Models);
            }
            if ui
                .button("…")
                .on_hover_text(t!("models-choose-weights"))
                .clicked()
            {
                let ctx = ui.ctx().clone();
                state.pick(&ctx, Purpose::Weights);
            }
            let width = ui.available_width();
            let hint = match standard.filter(|_| !state.run.untrained) {
                Some(path) => path
                    .file_name()
                    .map(|name| name.to_string_lossy().into_owned())
                    .unwrap_or_default(),
                None => t!("models-none").to_owned(),
            };
            ui.add(
                egui::TextEdit::singleline(&mut state.run.weights)
                    .desired_width(width)
                    .hint_text(hint),
            );
        });
    });
}

pub fn device_ui(ui: &mut egui::Ui, state: &mut State) {
    let text = if state.run.device == "auto" {
        t!("models-automatic").to_owned()
    } else {
        state.run.device.clone()
    };
    let devices = state.jobs.devices.clone();
    egui::ComboBox::from_id_salt("device")
        .width(ui.available_width())
        .truncate()
        .selected_text(text)
        .show_ui(ui, |ui| {
            ui.selectable_value(
                &mut state.run.device,
                "auto".to_owned(),
                t!("models-automatic"),
            );
            match devices {
                None => {
                    ui.label(t!("models-looking-devices"));
                }
                Some(devices) => {
                    for device in devices {
                        let memory = device
                            .memory_bytes
                            .map(|bytes| format!(" · {}", bytes_text(bytes)))
                            .unwrap_or_default();
                        let text = format!(
                            "{} · {} · {}{memory}",
                            device.name, device.backend, device.kind
                        );
                        ui.selectable_value(&mut state.run.device, device.name.clone(), text);
                    }
                }
            }
        })
        .response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, t!("models-device")));
}

fn out_ui(ui: &mut egui::Ui, state: &mut State) {
    let default = state
        .field_out_path()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if ui
                .button("…")
                .on_hover_text(t!("models-choose-out"))
                .clicked()
            {
                let ctx = ui.ctx().clone();
                state.pick(&ctx, Purpose::FieldOut);
            }
            let width = ui.available_width();
            ui.add(
                egui::TextEdit::singleline(&mut state.run.out)
                    .desired_width(width)
                    .hint_text(&default),
            )
            .on_hover_text(if state.run.out.is_empty() {
                default
            } else {
                state.run.out.clone()
            });
        });
    });
}

/// Why nothing is said yet.
fn waiting_text(state: &State, spec: &JobSpec) -> &'static str {
    if state.jobs.is_estimating(spec) || !state.jobs.is_busy() {
        t!("models-measuring")
    } else {
        t!("models-measured-later")
    }
}

/// How long a job will take, and a training for how many steps.
fn time_text(spec: &JobSpec, secs: Option<f64>) -> String {
    let Some(secs) = secs else {
        return t!("models-time-unknown").to_owned();
    };
    let time = duration_text(secs);
    match crate::training::steps_of(spec) {
        Some(steps) => t!("models-time-steps", time = time, steps = count_text(steps)),
        None => t!("models-time-about", time = time),
    }
}

/// The same in a line, where there is less room.
pub fn cost_ui(ui: &mut egui::Ui, state: &mut State, spec: &JobSpec) {
    if !ui.ctx().text_edit_focused() && !state.jobs.is_busy() {
        state.jobs.want_estimate(spec);
    }
    let text = match state.jobs.estimate_of(spec) {
        Some(Ok(estimate)) => {
            let time = time_text(spec, estimate.seconds);
            t!(
                "models-cost-line",
                pixels = count_text(estimate.pixels),
                time = time,
                memory = bytes_text(estimate.memory_bytes),
                disk = bytes_text(estimate.disk_bytes)
            )
        }
        Some(Err(failure)) => said(&failure.what),
        None => waiting_text(state, spec).to_owned(),
    };
    let weak = theme::colors(ui.visuals()).weak;
    ui.add(egui::Label::new(egui::RichText::new(text).small().color(weak)).wrap());
}

/// What is said of a job before it runs.
const ROWS: usize = 5;

/// Pixels, time, memory and disk, from the worker; nothing is guessed here. `may_ask`: false while the job still changes.
pub fn estimate_ui(ui: &mut egui::Ui, state: &mut State, spec: &JobSpec, may_ask: bool) {
    // Half-typed paths are not asked about.
    if may_ask && !ui.ctx().text_edit_focused() && !state.jobs.is_busy() {
        state.jobs.want_estimate(spec);
    }
    let weak = theme::colors(ui.visuals()).weak;
    theme::section_ui(ui, t!("models-before"));
    match state.jobs.estimate_of(spec) {
        Some(Ok(estimate)) => {
            egui::Grid::new("estimate")
                .num_columns(2)
                .spacing([10.0, 2.0])
                .show(ui, |ui| {
                    let time = time_text(spec, estimate.seconds);
                    let pixels = (estimate.pixels > 0).then(|| {
                        t!(
                            "models-pixels-windows",
                            pixels = count_text(estimate.pixels),
                            windows = count_text(estimate.windows)
                        )
                    });
                    let rows: [_; ROWS] = [
                        (t!("models-pixels"), pixels),
                        (t!("models-time"), Some(time)),
                        (t!("models-memory"), Some(bytes_text(estimate.memory_bytes))),
                        (t!("models-disk"), Some(bytes_text(estimate.disk_bytes))),
                        (t!("models-runs-on"), Some(estimate.device.clone())),
                    ];
                    for (name, text) in rows {
                        let Some(text) = text else { continue };
                        ui.label(egui::RichText::new(name).color(weak));
                        ui.add(egui::Label::new(text).truncate());
                        ui.end_row();
                    }
                });
            for note in &estimate.notes {
                ui.add(
                    egui::Label::new(
                        egui::RichText::new(format!("{} {}", icon::INFO, said(note))).color(weak),
                    )
                    .wrap(),
                );
            }
        }
        Some(Err(failure)) => {
            let color = theme::colors(ui.visuals()).error;
            ui.add(egui::Label::new(egui::RichText::new(said(&failure.what)).color(color)).wrap());
        }
        None => {
            ui.horizontal(|ui| {
                if state.jobs.is_estimating(spec) {
                    ui.spinner();
                }
                ui.label(egui::RichText::new(waiting_text(state, spec)).color(weak));
            });
            // The button below must not jump away from the pointer when the answer comes.
            let row = ui.text_style_height(&egui::TextStyle::Body) + 2.0;
            ui.add_space((ROWS - 1) as f32 * row);
        }
    }
}

impl State {
    /// `<scene>_field.tif` beside the scene.
    pub fn field_out_path(&self) -> Option<PathBuf> {
        let layer = self.scene_layer()?;
        // The dates of a series share their folder, and a stack its file: the date keeps their fields apart.
        let date = layer
            .series()
            .and_then(|series| series.shown_frame()?.date)
            .map_or_else(String::new, |date| format!("_{date}"));
        let path = layer.raster_path()?;
        let is_told = path.to_string_lossy().contains(&date);
        let suffix = if is_told { "" } else { &date };
        Some(beside(path, &format!("field{suffix}"), "tif"))
    }

    /// The weights of the next run: those named, else those installed for the model, unless none are wanted.
    pub fn run_weights(&self) -> Option<PathBuf> {
        let named = self.run.weights.trim();
        if !named.is_empty() {
            return Some(PathBuf::from(named));
        }
        if self.run.untrained {
            return None;
        }
        self.models.weights_of(&self.run.model)
    }

    /// The job the Run button starts.
    pub fn embed_spec(&self) -> Option<JobSpec> {
        let layer = self.scene_layer()?;
        let info = self.raster_info(&layer)?;
        let out = self.run.out.trim();
        Some(JobSpec::Embed(EmbedSpec {
            scene: info.path.clone(),
            model: self.run.model.clone(),
            weights: self.run_weights(),
            device: self.run.device.clone(),
            out: if out.is_empty() {
                self.field_out_path()?
            } else {
                PathBuf::from(out)
            },
            wavelengths_nm: layer
                .edited_wavelengths
                .iter()
                .map(|(band, wavelength)| (*band, wavelength.nm()))
                .collect(),
            bands: Vec::new(),
            seed: 0,
            aoi: self.area_of_interest(),
        }))
    }
}
