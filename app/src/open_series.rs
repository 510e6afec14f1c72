//! Several dated rasters at once: asking whether they are one layer with a timeline or layers of their own, and opening
//! what was answered.

use std::collections::BTreeSet;
use std::path::PathBuf;

use egui::{Id, Modal};
use terroir_scene::{
    Blend, Document, FoundRasters, FoundSeries, Layer, LayerId, LayerSource, Series, Style,
};

use crate::dialogs::Dialog;
use crate::export::primary_button;
use crate::files::{FileTask, OpenRole};
use crate::language::t;
use crate::messages::Level;
use crate::questions::enters;
use crate::session::ViewRequest;
use crate::state::State;
use crate::theme;

/// Rasters beside a series that are opened with it unless there are more.
const FEW: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Series,
    Separate,
    Nothing,
}

struct Offer {
    found: FoundSeries,
    facts: String,
    choice: Choice,
}

/// The question with its answers so far.
pub struct SeriesForm {
    offers: Vec<Offer>,
    others: Vec<PathBuf>,
    with_others: bool,
}

impl SeriesForm {
    fn new(series: Vec<FoundSeries>, others: Vec<PathBuf>) -> Self {
        let offers = series.into_iter().map(|found| Offer {
            facts: facts(&found),
            choice: if found.is_sensible {
                Choice::Series
            } else {
                Choice::Separate
            },
            found,
        });
        Self {
            offers: offers.collect(),
            with_others: others.len() <= FEW,
            others,
        }
    }
}

/// `7 dates, 2021-06-28 to 2021-10-06, 13 bands`, and what stands against one layer.
fn facts(found: &FoundSeries) -> String {
    let dates: BTreeSet<_> = found.frames.iter().filter_map(|frame| frame.date).collect();
    let dated = found
        .frames
        .iter()
        .filter(|frame| frame.date.is_some())
        .count();
    let bands: BTreeSet<usize> = found
        .frames
        .iter()
        .filter_map(|frame| frame.info.as_ref().map(|info| info.bands.len()))
        .collect();
    let mut facts = match (dates.first(), dates.last()) {
        (Some(first), Some(last)) if first != last => {
            let (first, last) = (first.to_string(), last.to_string());
            vec![
                t!("open-series-images", count = dated),
                t!("open-series-span", first = first, last = last),
            ]
        }
        (Some(only), _) => vec![t!("open-series-images", count = dated), only.to_string()],
        _ => vec![
            t!("open-series-images", count = found.frames.len()),
            t!("open-series-no-dates").to_owned(),
        ],
    };
    if let (Some(least), Some(most)) = (bands.first(), bands.last()) {
        facts.push(if least == most {
            t!("open-series-bands", count = *least)
        } else {
            t!("open-series-bands-between", least = *least, most = *most)
        });
    }
    let undated = found.frames.len() - dated;
    if undated > 0 && dated > 0 {
        facts.push(t!("open-series-undated", count = undated));
    }
    facts.join(" · ")
}

/// Draws the question; puts it back while it is not answered.
pub fn series_form_ui(ctx: &egui::Context, state: &mut State, mut form: SeriesForm) {
    let (mut accepted, mut cancelled) = (false, false);
    let modal = Modal::new(Id::unique("series")).show(ctx, |ui| {
        ui.set_width(460.0);
        ui.heading(t!("open-series-title"));
        let weak = theme::colors(ui.visuals()).weak;
        ui.label(egui::RichText::new(t!("open-series-about")).color(weak));
        ui.add_space(theme::SMALL_GAP);
        egui::ScrollArea::vertical()
            .max_height(320.0)
            .auto_shrink([false, true])
            .show(ui, |ui| {
                for (index, offer) in form.offers.iter_mut().enumerate() {
                    if index > 0 {
                        ui.separator();
                    }
                    offer_ui(ui, offer);
                }
            });
        if !form.others.is_empty() {
            ui.separator();
            let text = t!("open-series-others", count = form.others.len());
            let names: Vec<String> = form
                .others
                .iter()
                .take(20)
                .map(|path| path.display().to_string())
                .collect();
            ui.checkbox(&mut form.with_others, text)
                .on_hover_text(names.join("\n"));
        }
        ui.add_space(theme::GAP);
        ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
            let is_any = form
                .offers
                .iter()
                .any(|offer| offer.choice != Choice::Nothing)
                || (form.with_others && !form.others.is_empty());
            accepted = ui
                .add_enabled(is_any, primary_button(ui, t!("open-series-open")))
                .clicked();
            accepted |= is_any && enters(ui);
            cancelled = ui.button(t!("open-series-cancel")).clicked();
        });
    });
    if accepted {
        state.open_answered(form);
    } else if !(cancelled || modal.should_close()) {
        state.dialogs.put_back(Dialog::Series(form));
    }
}

fn offer_ui(ui: &mut egui::Ui, offer: &mut Offer) {
    let weak = theme::colors(ui.visuals()).weak;
    ui.add(egui::Label::new(egui::RichText::new(&offer.found.name).strong()).truncate());
    ui.label(egui::RichText::new(&offer.facts).color(weak));
    let dated = offer.found.frames.iter().any(|frame| frame.date.is_some());
    if !offer.found.is_sensible {
        let why = if dated {
            t!("open-series-apart")
        } else {
            t!("open-series-dates-missing")
        };
        ui.label(egui::RichText::new(why).color(theme::colors(ui.visuals()).warning));
    }
    ui.horizontal(|ui| {
        ui.radio_value(&mut offer.choice, Choice::Series, t!("open-series-one"));
        // Dates of a stack are no files that could be layers of their own.
        let separate = t!("open-series-separate", count = offer.found.files.len());
        ui.radio_value(&mut offer.choice, Choice::Separate, separate);
        ui.radio_value(
            &mut offer.choice,
            Choice::Nothing,
            t!("open-series-leave-out"),
        );
    });
}

impl State {
    /// Looks into files and folders in the background; the answer is asked about when it is there.
    pub fn find_series(&mut self, paths: Vec<PathBuf>) {
        self.opening += 1;
        self.send(FileTask::FindSeries { paths });
    }

    /// One series of the raster layers of the project that have files of their own.
    pub fn series_from_layers(&mut self) {
        let paths: Vec<PathBuf> = self
            .history
            .document()
            .layers
            .iter()
            .filter_map(|layer| match &layer.source {
                LayerSource::Raster { path, info } => {
                    let info = info.as_ref()?;
                    (!info.is_field() && !info.is_class_map()).then(|| path.clone())
                }
                _ => None,
            })
            .collect();
        self.opening += 1;
        self.send(FileTask::FindOneSeries { paths });
    }

    /// What the look into files found: nothing in series is opened at once, series are asked about.
    pub fn take_found(&mut self, found: FoundRasters, asks: bool) {
        let FoundRasters {
            series,
            singles,
            failed,
            is_cut,
        } = found;
        match failed.as_slice() {
            [] => {}
            [(_, error)] => self.messages.show(Level::Warning, error.clone()),
            [(path, _), rest @ ..] => {
                let others = rest.iter().map(|(path, _)| path.display().to_string());
                let all: Vec<String> = std::iter::once(path.display().to_string())
                    .chain(others)
                    .collect();
                self.messages.show_with_details(
                    Level::Warning,
                    t!("open-series-failed", count = all.len()),
                    Some(all.join("\n")),
                );
            }
        }
        if is_cut {
            self.messages.show(Level::Warning, t!("open-series-cut"));
        }
        if series.is_empty() {
            if singles.is_empty() && failed.is_empty() {
                self.messages.show(Level::Info, t!("open-series-no-raster"));
            }
            for path in singles {
                self.open_raster(path, OpenRole::Add);
            }
        } else if asks {
            self.dialogs
                .open(Dialog::Series(SeriesForm::new(series, singles)));
        } else {
            for found in series {
                self.open_series(found);
            }
        }
    }

    fn open_answered(&mut self, form: SeriesForm) {
        for offer in form.offers {
            match offer.choice {
                Choice::Series => self.open_series(offer.found),
                Choice::Separate => {
                    for path in offer.found.files {
                        self.open_raster(path, OpenRole::Part);
                    }
                }
                Choice::Nothing => {}
            }
        }
        if form.with_others {
            for path in form.others {
                self.open_raster(path, OpenRole::Part);
            }
        }
    }

    fn open_series(&mut self, found: FoundSeries) {
        self.opening += 1;
        self.send(FileTask::OpenSeries {
            name: found.name,
            frames: found.frames,
        });
    }

    /// One missing file of a series lies at `to` now; the others are looked for beside it.
    pub fn locate_frames(&mut self, id: LayerId, to: PathBuf) {
        let layer = self.history.document().layer(id).cloned();
        let Some(series) = layer.as_ref().and_then(|layer| layer.series()) else {
            return;
        };
        let missing = series
            .shown_frame()
            .filter(|frame| frame.info.is_none())
            .or(series.first_missing());
        let Some(from) = missing.map(|frame| frame.path().to_owned()) else {
            return;
        };
        self.opening += 1;
        self.send(FileTask::LocateFrames {
            layer: id,
            frames: series.frames().to_vec(),
            from,
            to,
        });
    }

    pub fn take_frames(&mut self, id: LayerId, frames: Vec<terroir_scene::Frame>, missing: usize) {
        self.change_layer(id, t!("open-series-find-missing"), |layer| {
            if let Some(series) = layer.series_mut() {
                *series = series.with_frames(frames);
            }
        });
        if missing > 0 {
            self.messages.show(
                Level::Warning,
                t!("open-series-still-missing", count = missing),
            );
        }
    }

    /// Adds a series layer, as one step.
    pub fn take_series(&mut self, name: String, series: Series, style: Option<Style>) {
        let undated: Vec<String> = series
            .frames()
            .iter()
            .skip(series.dated())
            .map(terroir_scene::Frame::file_name)
            .collect();
        let paths: BTreeSet<PathBuf> = series
            .frames()
            .iter()
            .map(|frame| frame.path().to_owned())
            .collect();
        let opened_from = match paths.len() {
            0 | 1 => paths.first().cloned(),
            _ => paths.first().and_then(|path| path.parent()).map(Into::into),
        };
        let is_first = !self
            .history
            .document()
            .layers
            .iter()
            .any(|layer| layer.source != LayerSource::Labels);
        let attribution = series
            .shown_frame()
            .and_then(|frame| frame.info.as_ref())
            .and_then(|info| terroir_scene::FieldProduct::of(info)?.credit());
        let mut added = LayerId(0);
        self.history.change(
            &t!("open-series-add", name = name.as_str()),
            |document: &mut Document| {
                added = document.add_layer(Layer {
                    id: LayerId(0),
                    name,
                    source: LayerSource::Series(series),
                    style,
                    visible: true,
                    opacity: 1.0,
                    blend: Blend::Normal,
                    missing_color: None,
                    edited_wavelengths: Vec::new(),
                    attribution,
                });
                crate::news::raise_labels(document);
            },
        );
        // What would be dropped to open it again: the folder, or the stack.
        if let Some(path) = opened_from {
            self.remember_file(&path);
        }
        self.session.active = None;
        self.session.timeline.is_open = true;
        if is_first {
            self.session.view = Some(ViewRequest::Layer(added));
        }
        if !undated.is_empty() {
            let listed = undated
                .iter()
                .take(5)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            let files = match undated.len() {
                0..=5 => listed,
                count => t!("open-series-and-more", files = listed, count = count - 5),
            };
            self.messages
                .show(Level::Warning, t!("open-series-no-date-for", files = files));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_words() {
        assert_eq!(t!("open-series-bands", count = 1), "1 band");
        assert_eq!(t!("open-series-images", count = 7), "7 images");
    }
}
