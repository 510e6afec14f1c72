//! The Crops panel: series, days and models of the maps; beside or under them how early the crops can be told apart, by each
//! description of the images. Draws and asks; reads no file itself.

use std::path::{Path, PathBuf};

use egui::{Align, Color32, DragValue, Layout, RichText, TextEdit};
use egui_plot::{Line, Plot, PlotPoints, Points};
use terroir_engine::{
    CropFigure, CropMapOf, CropResults, CropSeason, CropSpec, CropTuning, JobId, JobSpec,
    ModelInfo, command_line,
};
use terroir_scene::HeadKind;

use super::chart::{chart_menu_ui, csv};
use super::image_choice::image_choice_ui;
use super::method::head_name;
use super::model::model_text;
use super::progress::{Run, run_progress_ui};
use super::remarks::remarks_ui;
use super::series_field::{weak_ui, wrong_ui};
use super::time::{EPOCH, over_days};
use super::timeline::days_between;
use super::{FormParts, form_and_outcome_ui};
use crate::commands::Command;
use crate::dialogs::Purpose;
use crate::export::primary_button;
use crate::files::FileTask;
use crate::language::t;
use crate::soil::short_name;
use crate::state::State;
use crate::theme::{self, icon};

/// What a click asks for, done after drawing.
enum Wish {
    Start(Box<CropSpec>),
    Cancel(JobId),
    OpenPage(PathBuf),
    ShowFolder(PathBuf),
}

pub fn crops_ui(ui: &mut egui::Ui, state: &mut State) {
    state.want_models();
    let mut wish = None;
    // Told once a frame: what it lists may be long.
    let spec = state.crop_spec();
    let parts = FormParts {
        form: &|ui, state, _wish| form_ui(ui, state, &spec),
        start: &|ui, state, wish| start_ui(ui, state, &spec, wish),
        outcome: &outcome_ui,
    };
    form_and_outcome_ui(ui, state, &mut wish, &parts);
    match wish {
        None => {}
        Some(Wish::Start(spec)) => state.start_crops(*spec),
        Some(Wish::Cancel(id)) => state.jobs.cancel(id),
        Some(Wish::OpenPage(path)) => state.send(FileTask::OpenPage { path }),
        Some(Wish::ShowFolder(path)) => state.send(FileTask::ShowInFolder { path }),
    }
}

fn form_ui(ui: &mut egui::Ui, state: &mut State, spec: &Result<CropSpec, String>) {
    theme::section_ui(ui, t!("crops-images"));
    let series = state.image_series();
    if series.is_empty() {
        weak_ui(ui, t!("crops-no-series"));
        if ui.button(Command::SeriesFromFolder.info().name()).clicked() {
            let ctx = ui.ctx().clone();
            state.pick(&ctx, Purpose::SeriesFolder);
        }
    }
    image_choice_ui(ui, &series, &mut state.crops.left_out);
    theme::section_ui(ui, t!("crops-labels"));
    match state.labelled_classes() {
        0 | 1 => weak_ui(ui, t!("crops-few-labels")),
        count => weak_ui(ui, &t!("crops-classes", count = count)),
    }
    theme::section_ui(ui, t!("crops-season"));
    season_ui(ui, state);
    theme::section_ui(ui, t!("crops-models"));
    models_ui(ui, state);
    theme::section_ui(ui, t!("crops-map"));
    map_ui(ui, state);
    if let Ok(spec) = spec {
        super::model::estimate_ui(ui, state, &JobSpec::Crop(spec.clone()), true);
    }
}

fn season_ui(ui: &mut egui::Ui, state: &mut State) {
    egui::Grid::new("crop season")
        .num_columns(2)
        .spacing([10.0, 4.0])
        .show(ui, |ui| {
            let label = ui.label(t!("crops-from"));
            ui.add(
                TextEdit::singleline(&mut state.crops.from)
                    .desired_width(ui.available_width())
                    .hint_text(t!("crops-from-hint")),
            )
            .labelled_by(label.id);
            ui.end_row();
            let label = ui.label(t!("crops-as-of"));
            ui.add(
                TextEdit::multiline(&mut state.crops.as_of)
                    .desired_rows(1)
                    .desired_width(ui.available_width())
                    .hint_text(t!("crops-as-of-hint")),
            )
            .labelled_by(label.id)
            .on_hover_text(t!("crops-as-of-tip"));
            ui.end_row();
        });
    let months = state.crop_months();
    if ui
        .add_enabled(
            !months.is_empty(),
            egui::Button::new(t!("crops-every-month")),
        )
        .on_hover_text(t!("crops-every-month-tip"))
        .clicked()
    {
        state.crops.as_of = months;
    }
}

fn models_ui(ui: &mut egui::Ui, state: &mut State) {
    let usable = state.crop_models();
    weak_ui(ui, t!("crops-models-about"));
    if usable.is_empty() {
        wrong_ui(ui, t!("crops-needs-model"));
    }
    let mut chosen = state.chosen_crop_models();
    for model in &usable {
        let mut is_in = chosen.contains(&model.name);
        if ui
            .checkbox(&mut is_in, model_text(model))
            .on_hover_text(reads_text(model))
            .changed()
        {
            match is_in {
                true => chosen.push(model.name.clone()),
                false => chosen.retain(|name| *name != model.name),
            }
            state.crops.models = Some(chosen.clone());
        }
    }
    let knows_weather = state.history.document().weather.is_some();
    if !knows_weather {
        weak_ui(ui, t!("crops-no-weather"));
    }
    if state.can_teach_crops() {
        teach_ui(ui, &mut state.crops.taught);
    }
}

/// Whether a network is taught the labels itself.
fn teach_ui(ui: &mut egui::Ui, taught: &mut Option<CropTuning>) {
    let text = |of: Option<CropTuning>| match of {
        None => t!("crops-teach-not"),
        Some(CropTuning::Auto) => t!("crops-teach-auto"),
        Some(CropTuning::Frozen) => t!("crops-teach-frozen"),
        Some(CropTuning::Last) => t!("crops-teach-last"),
        Some(CropTuning::Full) => t!("crops-teach-full"),
    };
    ui.horizontal(|ui| {
        let label = ui.label(t!("crops-teach"));
        egui::ComboBox::from_id_salt("crop teaching")
            .width(ui.available_width())
            .truncate()
            .selected_text(text(*taught))
            .show_ui(ui, |ui| {
                let all = CropTuning::ALL.into_iter().map(Some);
                for of in std::iter::once(None).chain(all) {
                    ui.selectable_value(taught, of, text(of));
                }
            })
            .response
            .on_hover_text(t!("crops-teach-tip"))
            .labelled_by(label.id);
    });
}

/// What a map can be made from, beside the fields of models.
fn map_source_text(source: CropMapOf) -> &'static str {
    match source {
        CropMapOf::Taught => t!("crops-of-taught"),
        CropMapOf::Harmonics => t!("crops-of-harmonics"),
        CropMapOf::Stack => t!("crops-of-stack"),
        CropMapOf::Field | CropMapOf::Best => t!("crops-of-best"),
    }
}

/// What a model reads of the season.
fn reads_text(model: &ModelInfo) -> &'static str {
    match terroir_engine::CropFamily::of(&model.name) {
        Some(terroir_engine::CropFamily::Weather) => t!("crops-reads-weather"),
        Some(terroir_engine::CropFamily::Series) => t!("crops-reads-series"),
        Some(terroir_engine::CropFamily::Single) | None => t!("crops-reads-single"),
    }
}

fn map_ui(ui: &mut egui::Ui, state: &mut State) {
    let chosen = state.chosen_crop_models();
    let is_taught = state.can_teach_crops() && state.crops.taught.is_some();
    let map_of = state.crops.map_of_or_field(is_taught);
    egui::Grid::new("crop map")
        .num_columns(2)
        .spacing([10.0, 4.0])
        .show(ui, |ui| {
            let label = ui.label(t!("crops-mapped-by"));
            egui::ComboBox::from_id_salt("crop model")
                .width(ui.available_width())
                .truncate()
                .selected_text(match map_of {
                    CropMapOf::Field => chosen.first().map_or("–", String::as_str),
                    other => map_source_text(other),
                })
                .show_ui(ui, |ui| {
                    for name in &chosen {
                        let is_it = map_of == CropMapOf::Field && chosen.first() == Some(name);
                        if ui.selectable_label(is_it, name).clicked() {
                            state.crops.mapped_by = Some(name.clone());
                            state.crops.map_of = CropMapOf::Field;
                        }
                    }
                    for source in CropMapOf::ALL {
                        if source == CropMapOf::Field || source == CropMapOf::Taught && !is_taught {
                            continue;
                        }
                        let text = map_source_text(source);
                        if ui.selectable_label(map_of == source, text).clicked() {
                            state.crops.map_of = source;
                        }
                    }
                })
                .response
                .labelled_by(label.id);
            ui.end_row();
            let label = ui.label(t!("field-method"));
            let kind = &mut state.crops.kind;
            egui::ComboBox::from_id_salt("crop head")
                .width(ui.available_width())
                .selected_text(head_name(*kind))
                .show_ui(ui, |ui| {
                    for of in HeadKind::ALL {
                        ui.selectable_value(kind, of, head_name(of));
                    }
                })
                .response
                .labelled_by(label.id);
            ui.end_row();
            let label = ui.label(t!("accuracy-compare-splits"));
            ui.add(DragValue::new(&mut state.crops.seeds).range(1..=50))
                .on_hover_text(t!("accuracy-compare-splits.tip"))
                .labelled_by(label.id);
            ui.end_row();
            let label = ui.label(t!("crops-file"));
            let default = state
                .crop_out_path()
                .map(|path| path.display().to_string())
                .unwrap_or_default();
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.button("…").on_hover_text(t!("crops-file-tip")).clicked() {
                    let ctx = ui.ctx().clone();
                    state.pick(&ctx, Purpose::CropOut);
                }
                ui.add(
                    TextEdit::singleline(&mut state.crops.out)
                        .desired_width(ui.available_width())
                        .hint_text(short_name(Path::new(&default))),
                )
                .labelled_by(label.id)
                .on_hover_text(default);
            });
            ui.end_row();
        });
}

fn start_ui(
    ui: &mut egui::Ui,
    state: &State,
    spec: &Result<CropSpec, String>,
    wish: &mut Option<Wish>,
) {
    let runs = state.crops_run();
    ui.horizontal(|ui| {
        let button = ui.add_enabled(spec.is_ok() && !runs, primary_button(ui, t!("crops-start")));
        let why = match spec {
            Err(why) => why.as_str(),
            Ok(_) => t!("soil-running"),
        };
        if button
            .on_disabled_hover_text(why)
            .on_hover_text(t!("crops-start-tip"))
            .clicked()
            && let Ok(spec) = spec
        {
            *wish = Some(Wish::Start(Box::new(spec.clone())));
        }
        if let Ok(spec) = spec
            && ui.button(t!("soil-copy-command")).clicked()
        {
            ui.ctx()
                .copy_text(command_line(&JobSpec::Crop(spec.clone())));
        }
    });
    if let Err(why) = spec {
        weak_ui(ui, why);
    }
}

fn outcome_ui(ui: &mut egui::Ui, state: &mut State, wish: &mut Option<Wish>) {
    if let Some(job) = state.crop_job() {
        match run_progress_ui(ui, job) {
            Run::GoesOn => return,
            Run::Stop(id) => {
                *wish = Some(Wish::Cancel(id));
                return;
            }
            Run::IsOver => {}
        }
    }
    let Some((path, results)) = state.crops.results.clone() else {
        theme::empty_ui(ui, t!("crops-none"), t!("crops-none-next"));
        return;
    };
    let page = path.with_extension("html");
    let shots = shots_ui(ui, state, &results, |ui| {
        if ui.button(t!("soil-open-report")).clicked() {
            *wish = Some(Wish::OpenPage(page.clone()));
        }
        if theme::icon_button(ui, icon::FOLDER_OPEN, t!("soil-show-folder")).clicked() {
            *wish = Some(Wish::ShowFolder(page.clone()));
        }
    });
    if results.seasons.len() > 1 {
        chart_ui(ui, &results, &shots);
    }
    ui.add_space(theme::SMALL_GAP);
    egui::ScrollArea::horizontal()
        .id_salt("crop figures")
        .show(ui, |ui| table_ui(ui, &results, &shots));
    weak_ui(ui, t!("crops-figures-about"));
    remarks_ui(ui, &results.warnings, 8, weak_ui);
}

/// Which number of labels is on show, and buttons beside the choice.
fn shots_ui(
    ui: &mut egui::Ui,
    state: &mut State,
    results: &CropResults,
    buttons: impl FnOnce(&mut egui::Ui),
) -> String {
    let all = results.shots();
    let shown = &mut state.crops.shots;
    let mut shots = match shown {
        Some(shots) if all.contains(&shots.as_str()) => shots.clone(),
        _ => all.last().copied().unwrap_or_default().to_owned(),
    };
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(t!("crops-figures")).strong());
        for of in all {
            let text = match of {
                "max" => t!("crops-all-labels").to_owned(),
                count => t!("crops-some-labels", count = count),
            };
            ui.selectable_value(&mut shots, of.to_owned(), text);
        }
        buttons(ui);
    });
    *shown = Some(shots.clone());
    shots
}

/// Colour of a description by its place, as in the report.
fn line_color(place: usize) -> Color32 {
    let id = u8::try_from(place % 16 + 1).unwrap_or(1);
    let [r, g, b] = terroir_scene::class_color(id);
    Color32::from_rgb(r, g, b)
}

fn day_of(season: &CropSeason) -> f64 {
    days_between(EPOCH, season.as_of.unwrap_or(season.period.to))
}

fn chart_ui(ui: &mut egui::Ui, results: &CropResults, shots: &str) {
    let most = (ui.available_width() / 90.0).max(1.0) as usize;
    let plot = Plot::new("crop accuracy")
        .height(240.0)
        .allow_scroll(false)
        .allow_double_click_reset(true)
        .show_background(false)
        .y_axis_formatter(|mark, _| format!("{:.0} %", mark.value))
        .set_margin_fraction(egui::vec2(0.04, 0.08));
    let response = over_days(plot, most)
        .show(ui, |plot| {
            for (place, candidate) in results.candidates().into_iter().enumerate() {
                let points: Vec<[f64; 2]> = results
                    .seasons
                    .iter()
                    .filter_map(|season| {
                        let figure = season.figure(candidate, shots)?;
                        Some([day_of(season), 100.0 * figure.mean])
                    })
                    .collect();
                let color = line_color(place);
                plot.line(
                    Line::new(candidate, PlotPoints::from(points.clone()))
                        .color(color)
                        .width(1.8),
                );
                plot.points(
                    Points::new(candidate, PlotPoints::from(points))
                        .color(color)
                        .radius(3.0),
                );
            }
        })
        .response;
    response
        .widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, t!("crops-chart-name")));
    chart_menu_ui(&response, || values_csv(results));
    legend_ui(ui, results);
}

/// Under the chart, where it hides no line.
fn legend_ui(ui: &mut egui::Ui, results: &CropResults) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.horizontal_wrapped(|ui| {
        for (place, candidate) in results.candidates().into_iter().enumerate() {
            let (rect, _) = ui.allocate_exact_size(egui::vec2(18.0, 10.0), egui::Sense::hover());
            let stroke = egui::Stroke::new(2.0, line_color(place));
            ui.painter().hline(rect.x_range(), rect.center().y, stroke);
            ui.label(RichText::new(candidate).small().color(weak));
        }
    });
}

/// Every figure, for a table program.
fn values_csv(results: &CropResults) -> String {
    let rows = results.seasons.iter().flat_map(|season| {
        season.figures.iter().map(|figure| {
            let deviation = figure
                .deviation
                .map_or_else(String::new, |deviation| deviation.to_string());
            vec![
                season.up_to().to_string(),
                figure.candidate.clone(),
                figure.shots.clone(),
                figure.head.clone(),
                figure.mean.to_string(),
                deviation,
            ]
        })
    });
    csv(
        &[
            "up_to",
            "description",
            "labels_a_class",
            "head",
            "balanced_accuracy",
            "standard_deviation",
        ],
        rows,
    )
}

fn table_ui(ui: &mut egui::Ui, results: &CropResults, shots: &str) {
    let colors = theme::colors(ui.visuals());
    let candidates = results.candidates();
    egui::Grid::new("crop figures")
        .num_columns(candidates.len() + 2)
        .striped(true)
        .spacing([16.0, 4.0])
        .show(ui, |ui| {
            ui.label(
                RichText::new(t!("crops-column-up-to"))
                    .small()
                    .color(colors.weak),
            )
            .on_hover_text(t!("crops-column-up-to-tip"));
            for candidate in &candidates {
                ui.label(RichText::new(*candidate).small().color(colors.weak));
            }
            ui.label(
                RichText::new(t!("crops-mapped-by"))
                    .small()
                    .color(colors.weak),
            )
            .on_hover_text(t!("crops-column-map-tip"));
            ui.end_row();
            for season in &results.seasons {
                ui.label(season.up_to().to_string());
                let means = candidates
                    .iter()
                    .filter_map(|candidate| Some(season.figure(candidate, shots)?.mean));
                let best = means.fold(f64::NEG_INFINITY, f64::max);
                for candidate in &candidates {
                    let figure = season.figure(candidate, shots);
                    let text = figure.map_or_else(|| "–".to_owned(), CropFigure::text);
                    let mut text = RichText::new(text).monospace();
                    if figure.is_some_and(|figure| figure.mean >= best) {
                        text = text.color(colors.accent).strong();
                    }
                    let label = ui.label(text);
                    if let Some(figure) = figure {
                        label.on_hover_text(t!("crops-head-tip", head = &figure.head));
                    }
                }
                ui.label(RichText::new(&season.map_of).small());
                ui.end_row();
            }
        });
}
