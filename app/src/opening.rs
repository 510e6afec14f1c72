//! Opening what needs a question first: which rasters of a container, which address on the network; and connecting the
//! layers of a project that lie there, which nothing touches before the user says so.

use std::path::PathBuf;

use egui::{Id, Key, Modal};
use egui_extras::{Column, TableBuilder};
use terroir_scene::{
    Contained, LayerId, LayerSource, address_of, is_remote, proposed_choice, remote_path,
};

use crate::commands::Command;
use crate::dialogs::Dialog;
use crate::export::primary_button;
use crate::files::OpenRole;
use crate::language::t;
use crate::messages::Level;
use crate::state::State;
use crate::theme;

const TABLE_HEIGHT: f32 = 260.0;

/// Which rasters of a container to open.
pub struct Chooser {
    pub path: PathBuf,
    pub inside: Vec<Contained>,
    pub chosen: Vec<bool>,
}

impl Chooser {
    pub fn new(path: PathBuf, inside: Vec<Contained>) -> Self {
        let chosen = proposed_choice(&inside);
        Self {
            path,
            inside,
            chosen,
        }
    }

    fn count(&self) -> usize {
        self.chosen.iter().filter(|chosen| **chosen).count()
    }

    fn choose_all(&mut self, wanted: bool) {
        for (chosen, one) in self.chosen.iter_mut().zip(&self.inside) {
            *chosen = wanted && one.opens();
        }
    }
}

pub fn chooser_ui(ctx: &egui::Context, state: &mut State, mut form: Chooser) {
    let (mut accepted, mut cancelled) = (false, false);
    let modal = Modal::new(Id::unique("choose rasters")).show(ctx, |ui| {
        ui.set_width(700.0);
        ui.heading(t!("dialogs-rasters-title"));
        let name = form
            .path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        ui.label(t!(
            "dialogs-rasters-count",
            name = name,
            count = form.inside.len()
        ))
        .on_hover_text(form.path.display().to_string());
        ui.add_space(theme::SMALL_GAP);
        table_ui(ui, &mut form);
        ui.add_space(theme::GAP);
        ui.horizontal(|ui| {
            if ui.button(t!("dialogs-all")).clicked() {
                form.choose_all(true);
            }
            if ui.button(t!("dialogs-none")).clicked() {
                form.choose_all(false);
            }
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                let text = match form.count() {
                    0 => t!("dialogs-open").to_owned(),
                    count => t!("dialogs-rasters-open", count = count),
                };
                accepted = ui
                    .add_enabled(form.count() > 0, primary_button(ui, &text))
                    .clicked();
                cancelled = ui.button(t!("dialogs-cancel")).clicked();
            });
        });
        accepted |= form.count() > 0 && ui.input(|input| input.key_pressed(Key::Enter));
    });
    if accepted {
        let wanted = form.inside.iter().zip(&form.chosen);
        for (one, _) in wanted.filter(|(_, chosen)| **chosen) {
            state.open_raster(one.path.clone(), OpenRole::Add);
        }
    } else if !(cancelled || modal.should_close()) {
        state.dialogs.put_back(Dialog::Choose(form));
    }
}

fn table_ui(ui: &mut egui::Ui, form: &mut Chooser) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.spacing_mut().item_spacing = egui::vec2(8.0, 2.0);
    TableBuilder::new(ui)
        .striped(true)
        .auto_shrink([false, true])
        .max_scroll_height(TABLE_HEIGHT)
        .cell_layout(egui::Layout::left_to_right(egui::Align::Center))
        .column(Column::exact(170.0).clip(true))
        .column(Column::exact(110.0))
        .column(Column::exact(80.0))
        .column(Column::remainder().clip(true))
        .header(20.0, |mut header| {
            for title in [
                t!("dialogs-rasters-raster"),
                t!("dialogs-rasters-size"),
                t!("dialogs-rasters-type"),
                t!("dialogs-rasters-what"),
            ] {
                header.col(|ui| {
                    ui.label(egui::RichText::new(title).small().color(weak));
                });
            }
        })
        .body(|body| {
            body.rows(22.0, form.inside.len(), |mut row| {
                let index = row.index();
                let (Some(one), Some(chosen)) =
                    (form.inside.get(index), form.chosen.get_mut(index))
                else {
                    return;
                };
                row.col(|ui| {
                    ui.add_enabled(one.opens(), egui::Checkbox::new(chosen, &one.variable))
                        .on_disabled_hover_text(t!("dialogs-rasters-closed"));
                });
                row.col(|ui| {
                    if one.opens() {
                        ui.label(size_text(one));
                    }
                });
                row.col(|ui| {
                    ui.label(one.sample_type.map_or("", |kind| kind.label()));
                });
                row.col(|ui| {
                    let text = what_text(one);
                    ui.label(&text).on_hover_text(&text);
                });
            });
        });
}

/// `1440 x 721, 24 bands`.
fn size_text(one: &Contained) -> String {
    let size = format!("{} × {}", one.width, one.height);
    match one.bands {
        0 | 1 => size,
        bands => format!("{size} × {bands}"),
    }
}

fn what_text(one: &Contained) -> String {
    let dates = one.dates.as_ref().map(|(first, last)| {
        if first == last {
            first.clone()
        } else {
            t!("dialogs-rasters-dates", first = first, last = last)
        }
    });
    match (one.title.is_empty(), dates) {
        (true, None) => String::new(),
        (false, None) => one.title.clone(),
        (true, Some(dates)) => dates,
        (false, Some(dates)) => format!("{}, {dates}", one.title),
    }
}

pub fn address_ui(ctx: &egui::Context, state: &mut State, mut text: String) {
    let (mut accepted, mut cancelled) = (false, false);
    let path = remote_path(&text);
    let modal = Modal::new(Id::unique("open address")).show(ctx, |ui| {
        ui.set_width(520.0);
        ui.heading(t!("dialogs-address-title"));
        ui.label(t!("dialogs-address-what"));
        ui.add_space(theme::SMALL_GAP);
        let edit = ui.add(
            egui::TextEdit::singleline(&mut text)
                .desired_width(f32::INFINITY)
                .hint_text("https://server/scene.tif"),
        );
        let edit = theme::named(edit, t!("dialogs-address-name"));
        if !edit.has_focus() && !edit.lost_focus() {
            edit.request_focus();
        }
        accepted = edit.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        let weak = theme::colors(ui.visuals()).weak;
        let note = if !text.trim().is_empty() && path.is_none() {
            t!("dialogs-address-wrong")
        } else {
            t!("dialogs-address-only")
        };
        ui.label(egui::RichText::new(note).small().color(weak));
        ui.add_space(theme::GAP);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            accepted |= ui
                .add_enabled(path.is_some(), primary_button(ui, t!("dialogs-open")))
                .clicked();
            cancelled = ui.button(t!("dialogs-cancel")).clicked();
        });
    });
    match path {
        Some(path) if accepted => {
            state.dialogs.close();
            state.open_raster(path, OpenRole::Add);
        }
        _ if cancelled || modal.should_close() => state.dialogs.close(),
        _ => state.dialogs.put_back(Dialog::Address { text }),
    }
}

impl State {
    /// Layers on the network that nothing was read of yet, with their addresses.
    pub fn unconnected_layers(&self) -> Vec<(LayerId, PathBuf)> {
        let layers = &self.history.document().layers;
        layers
            .iter()
            .filter_map(|layer| match &layer.source {
                LayerSource::Raster { path, info: None } if is_remote(path) => {
                    Some((layer.id, path.clone()))
                }
                _ => None,
            })
            .collect()
    }

    /// Reads the layers on the network, as the user asked.
    pub fn connect_layers(&mut self) {
        for (id, path) in self.unconnected_layers() {
            self.open_raster(path, OpenRole::Refresh(id));
        }
    }

    /// After a project was opened: what of it lies on the network, and a button to connect it.
    pub fn say_unconnected(&mut self) {
        let layers = self.unconnected_layers();
        let Some((_, first)) = layers.first() else {
            return;
        };
        let more = if layers.len() > 1 { " …" } else { "" };
        let text = format!(
            "{}\n{}{more}",
            t!("news-unconnected", count = layers.len()),
            address_of(first)
        );
        self.messages
            .show_with_action(Level::Info, text, t!("news-connect"), Command::Connect);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_is_said_in_a_few_words() {
        let one = Contained {
            path: "a.nc:ndvi".into(),
            variable: "ndvi".into(),
            title: "vegetation index".into(),
            width: 12,
            height: 10,
            bands: 4,
            sample_type: Some(terroir_scene::SampleType::Float32),
            dates: Some(("2021-06-03".into(), "2021-06-18".into())),
        };
        assert_eq!(size_text(&one), "12 × 10 × 4");
        assert_eq!(
            what_text(&one),
            "vegetation index, 2021-06-03 to 2021-06-18"
        );
        let small = Contained {
            width: 6,
            ..one.clone()
        };
        let broken = Contained {
            sample_type: None,
            ..one.clone()
        };
        let mut form = Chooser::new("a.nc".into(), vec![one, small, broken]);
        assert_eq!(form.chosen, [true, false, false]);
        form.choose_all(true);
        assert_eq!(form.chosen, [true, true, false]);
    }
}
