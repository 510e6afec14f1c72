//! The form of the Training panel: what to train on what, and how; pretraining on scenes, archives or images with weather, or fine-tuning on labels.
//! Draws and asks; reads no file itself.

use egui::{RichText, vec2};
use terroir_engine::{ClassWeights, JobSpec, TuneMode, TuneTask, command_line};

use super::training_rows::{batch_row, begin_row, file_name_of, rate_row, steps_row};
use crate::dialogs::Purpose;
use crate::export::primary_button;
use crate::language::t;
use crate::state::State;
use crate::theme::{self, icon};
use crate::training::{Kind, TrainingForm};

/// As many as the largest encoder has.
const MOST_BLOCKS: usize = 32;
/// More is learning everything.
const MOST_RANK: usize = 128;

pub fn training_form_ui(ui: &mut egui::Ui, state: &mut State) {
    kind_ui(ui, state);
    if let Ok(spec) = state.training_spec() {
        ui.add_space(theme::SMALL_GAP);
        super::model::estimate_ui(ui, state, &spec, true);
    }
}

/// What is trained, and the form of that.
fn kind_ui(ui: &mut egui::Ui, state: &mut State) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.horizontal(|ui| {
        ui.selectable_value(
            &mut state.training.kind,
            Kind::Pretrain,
            t!("training-kind-scenes"),
        )
        .on_hover_text(t!("training-kind-scenes.tip"));
        ui.selectable_value(
            &mut state.training.kind,
            Kind::PretrainStp,
            t!("training-kind-archives"),
        )
        .on_hover_text(t!("training-kind-archives.tip"));
        ui.selectable_value(
            &mut state.training.kind,
            Kind::PretrainKgvsf,
            t!("training-kind-weather"),
        )
        .on_hover_text(t!("training-kind-weather.tip"));
        ui.selectable_value(
            &mut state.training.kind,
            Kind::Finetune,
            t!("training-kind-tune"),
        );
    });
    match state.training.kind {
        Kind::Pretrain => {}
        Kind::PretrainStp => {
            super::training_stp::training_stp_ui(ui, state);
            return;
        }
        Kind::PretrainKgvsf => {
            super::training_kgvsf::training_kgvsf_ui(ui, state);
            return;
        }
        Kind::Finetune => {
            tune_ui(ui, state);
            return;
        }
    }
    ui.label(RichText::new(t!("training-scenes")).strong());
    ui.label(
        RichText::new(t!("training-scenes-about"))
            .small()
            .color(weak),
    );
    theme::section_ui(ui, t!("training-kind-scenes"));
    let scenes = state.training_scenes();
    if scenes.is_empty() {
        ui.label(RichText::new(t!("training-open-scene")).color(weak));
    }
    for layer in &scenes {
        let bands = state.bands(layer);
        let sensor = state
            .raster_info(layer)
            .and_then(|info| info.sensor.as_deref());
        let usable = terroir_scene::bands_for_models(&bands, sensor).len();
        let mut is_used = !state.training.left_out.contains(&layer.id);
        ui.horizontal(|ui| {
            if ui.checkbox(&mut is_used, &layer.name).changed() {
                if is_used {
                    state.training.left_out.remove(&layer.id);
                } else {
                    state.training.left_out.insert(layer.id);
                }
            }
            ui.label(
                RichText::new(t!("training-bands", count = usable))
                    .small()
                    .color(weak),
            );
        });
    }
    theme::section_ui(ui, t!("training-model"));
    egui::Grid::new("training form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label(t!("training-size"));
            super::model::model_choice_ui(ui, state);
            ui.end_row();

            let name = file_name_of(state.run_weights().as_deref());
            let form = &mut state.training;
            begin_row(ui, "training begin", name, &mut form.from_weights, "");
            teacher_row(ui, state);
            let form = &mut state.training;
            steps_row(ui, &mut form.steps, 20.0);
            batch_row(ui, &mut form.batch, 1..=4096, t!("training-images"), "");
            rate_row(ui, &mut form.rate);

            ui.label(t!("training-device"));
            super::model::device_ui(ui, state);
            ui.end_row();

            ui.label(t!("training-file"));
            out_ui(ui, state);
            ui.end_row();
        });
}

/// The run to start, once its button is pressed.
pub fn training_start_ui(ui: &mut egui::Ui, state: &State) -> Option<JobSpec> {
    let spec = state.training_spec();
    let runs = state
        .jobs
        .list
        .iter()
        .any(|job| !job.is_over() && spec.as_ref().is_ok_and(|spec| job.spec == *spec));
    let button = primary_button(ui, t!("training-start"));
    let size = vec2(ui.available_width(), 30.0);
    let response = ui
        .add_enabled_ui(spec.is_ok() && !runs, |ui| ui.add_sized(size, button))
        .inner
        .on_disabled_hover_text(match &spec {
            Ok(_) => t!("training-runs"),
            Err(why) => why,
        });
    let spec = spec.ok()?;
    if ui
        .button(format!("{}  {}", icon::COPY, t!("training-copy")))
        .on_hover_text(t!("training-copy.tip"))
        .clicked()
    {
        ui.ctx().copy_text(command_line(&spec));
    }
    response.clicked().then_some(spec)
}

/// Scene and labels, what the model answers with and what of it learns.
fn tune_ui(ui: &mut egui::Ui, state: &mut State) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.label(RichText::new(t!("training-tune")).strong());
    ui.label(RichText::new(t!("training-tune-about")).small().color(weak));
    ui.add_space(theme::SMALL_GAP);
    egui::Grid::new("tuning form")
        .num_columns(2)
        .spacing([10.0, 6.0])
        .show(ui, |ui| {
            ui.label(t!("training-scene"));
            let name = state.scene_layer().map(|layer| layer.name.clone());
            ui.add(
                egui::Label::new(name.unwrap_or_else(|| t!("training-scene-none").to_owned()))
                    .truncate(),
            );
            ui.end_row();

            ui.label(t!("training-labels"));
            let painted = state
                .history
                .document()
                .labels
                .as_ref()
                .map_or(0, |labels| labels.classes.len());
            let hint = if painted > 0 {
                t!("training-labels-painted", count = painted)
            } else {
                t!("training-labels-file").to_owned()
            };
            let width = ui.available_width();
            ui.add(
                egui::TextEdit::singleline(&mut state.training.labels)
                    .desired_width(width)
                    .hint_text(hint),
            )
            .on_hover_text(t!("training-labels-tip"));
            ui.end_row();

            ui.label(t!("training-answers"));
            choice_ui(
                ui,
                "tune task",
                t!("training-answers"),
                &mut state.training.task,
                &tasks(),
            );
            ui.end_row();

            ui.label(t!("training-learns"));
            choice_ui(
                ui,
                "tune mode",
                t!("training-learns"),
                &mut state.training.mode,
                &modes(),
            );
            ui.end_row();
            learning_rows(ui, &mut state.training);

            ui.label(t!("training-model"));
            super::model::model_choice_ui(ui, state);
            ui.end_row();

            ui.label(t!("training-weights"));
            let name = state.run_weights().and_then(|path| {
                path.file_name()
                    .map(|name| name.to_string_lossy().into_owned())
            });
            ui.add(
                egui::Label::new(name.unwrap_or_else(|| t!("training-weights-none").to_owned()))
                    .truncate(),
            )
            .on_hover_text(t!("training-weights.tip"));
            ui.end_row();

            let label = ui.label(t!("training-steps"));
            ui.add(
                egui::DragValue::new(&mut state.training.tune_steps)
                    .range(1..=1_000_000)
                    .speed(5.0),
            )
            .labelled_by(label.id);
            ui.end_row();

            let label = ui.label(t!("training-batch"));
            ui.add(
                egui::DragValue::new(&mut state.training.tune_batch)
                    .range(1..=4096)
                    .suffix(format!(" {}", t!("training-windows"))),
            )
            .labelled_by(label.id);
            ui.end_row();

            ui.label(t!("training-device"));
            super::model::device_ui(ui, state);
            ui.end_row();

            ui.label(t!("training-file"));
            out_ui(ui, state);
            ui.end_row();
        });
}

/// How much learns, and how much each class counts.
fn learning_rows(ui: &mut egui::Ui, form: &mut TrainingForm) {
    let (number, range, name, tip) = match form.mode {
        TuneMode::LastBlocks(_) => (
            Some(&mut form.blocks),
            1..=MOST_BLOCKS,
            t!("training-blocks"),
            t!("training-blocks.tip"),
        ),
        TuneMode::Lora { .. } => (
            Some(&mut form.rank),
            1..=MOST_RANK,
            t!("training-rank"),
            t!("training-rank.tip"),
        ),
        _ => (None, 1..=1, "", ""),
    };
    if let Some(number) = number {
        let label = ui.label(name);
        ui.add(egui::DragValue::new(number).range(range).speed(0.1))
            .on_hover_text(tip)
            .labelled_by(label.id);
        ui.end_row();
    }
    if form.task == TuneTask::Values {
        return;
    }
    ui.label(t!("training-class-weights"));
    let all = [
        (true, t!("training-class-weights-balanced")),
        (false, t!("training-class-weights-even")),
    ];
    let mut is_balanced = form.class_weights == ClassWeights::Balanced;
    choice_ui(
        ui,
        "tune class weights",
        t!("training-class-weights"),
        &mut is_balanced,
        &all,
    );
    form.class_weights = if is_balanced {
        ClassWeights::Balanced
    } else {
        ClassWeights::Even
    };
    ui.end_row();
}

/// A network whose features the new one is to have as well.
fn teacher_row(ui: &mut egui::Ui, state: &mut State) {
    let label = ui.label(t!("training-teacher"));
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if ui
                .button("…")
                .on_hover_text(t!("training-teacher-choose"))
                .clicked()
            {
                let ctx = ui.ctx().clone();
                state.pick(&ctx, Purpose::Teacher);
            }
            let width = ui.available_width();
            ui.add(
                egui::TextEdit::singleline(&mut state.training.teacher)
                    .desired_width(width)
                    .hint_text(t!("training-teacher-none")),
            )
            .on_hover_text(t!("training-teacher.tip"))
            .labelled_by(label.id);
        });
    });
    ui.end_row();
}

fn tasks() -> [(TuneTask, &'static str); 3] {
    [
        (TuneTask::Pixels, t!("training-task-pixels")),
        (TuneTask::Patches, t!("training-task-patches")),
        (TuneTask::Values, t!("training-task-values")),
    ]
}

fn modes() -> [(TuneMode, &'static str); 5] {
    [
        (TuneMode::Probe, t!("training-mode-probe")),
        (TuneMode::Frozen, t!("training-mode-frozen")),
        (TuneMode::LastBlocks(2), t!("training-mode-last")),
        (
            TuneMode::Lora {
                rank: 8,
                alpha: 16.0,
            },
            t!("training-mode-lora"),
        ),
        (TuneMode::Full, t!("training-mode-full")),
    ]
}

/// `name`: what a screen reader says.
fn choice_ui<T: Copy + PartialEq>(
    ui: &mut egui::Ui,
    id: &str,
    name: &str,
    chosen: &mut T,
    all: &[(T, &str)],
) {
    let text = all
        .iter()
        .find(|(value, _)| value == chosen)
        .map_or("", |(_, text)| text);
    egui::ComboBox::from_id_salt(id)
        .width(ui.available_width())
        .truncate()
        .selected_text(text)
        .show_ui(ui, |ui| {
            for (value, text) in all {
                ui.selectable_value(chosen, *value, *text);
            }
        })
        .response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, name));
}

pub fn out_ui(ui: &mut egui::Ui, state: &mut State) {
    let default = state
        .training_out_path()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    ui.horizontal(|ui| {
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            if ui
                .button("…")
                .on_hover_text(t!("training-choose-out"))
                .clicked()
            {
                let ctx = ui.ctx().clone();
                state.pick(&ctx, Purpose::TrainingOut);
            }
            let width = ui.available_width();
            let tip = if state.training.out.is_empty() {
                default.clone()
            } else {
                state.training.out.clone()
            };
            ui.add(
                egui::TextEdit::singleline(&mut state.training.out)
                    .desired_width(width)
                    .hint_text(default),
            )
            .on_hover_text(tip);
        });
    });
}
