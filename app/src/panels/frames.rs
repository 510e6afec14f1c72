//! The images of a series as a list: file, date, clouds, mask. Dates can be typed, masks chosen; both can be undone.

use std::sync::Arc;

use egui_extras::{Column, TableBuilder};
use terroir_scene::{Frame, Layer, MaskKind, MaskSource, Series};

use crate::language::t;
use crate::state::State;
use crate::theme;

pub fn frames_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    if !state.session.timeline.list_open {
        return;
    }
    let Some(series) = layer.series() else {
        return;
    };
    let mut open = true;
    egui::Window::new(t!("timeline-dates-of", layer = layer.name.as_str()))
        .id(egui::Id::unique("dates"))
        .open(&mut open)
        .default_pos(egui::pos2(260.0, 96.0))
        .default_width(620.0)
        .default_height(380.0)
        .show(ui.ctx(), |ui| {
            mask_ui(ui, state, layer, series);
            ui.separator();
            table_ui(ui, state, layer, series);
        });
    state.session.timeline.list_open = open;
}

fn table_ui(ui: &mut egui::Ui, state: &mut State, layer: &Layer, series: &Series) {
    let weak = theme::colors(ui.visuals()).weak;
    let warning = theme::colors(ui.visuals()).warning;
    TableBuilder::new(ui)
        .id_salt("frames")
        .striped(true)
        .sense(egui::Sense::click())
        .auto_shrink([false, false])
        .column(Column::exact(170.0))
        .column(Column::exact(88.0))
        .column(Column::remainder().clip(true))
        .header(20.0, |mut header| {
            for name in [
                t!("timeline-column-date"),
                t!("timeline-column-clouds"),
                t!("timeline-column-file"),
            ] {
                header.col(|ui| {
                    ui.label(egui::RichText::new(name).small().color(weak));
                });
            }
        })
        .body(|body| {
            body.rows(theme::ROW, series.frames().len(), |mut row| {
                let index = row.index();
                let Some(frame) = series.frames().get(index) else {
                    return;
                };
                row.set_selected(index == series.shown());
                row.col(|ui| date_ui(ui, state, layer, series, index));
                row.col(|ui| {
                    let text = match state.clouds_of(frame).share() {
                        Some(share) => format!("{:.0} %", share * 100.0),
                        None => t!("timeline-unknown").to_owned(),
                    };
                    ui.label(egui::RichText::new(text).color(weak));
                });
                row.col(|ui| {
                    let text = egui::RichText::new(frame.file_name());
                    let text = if frame.info.is_none() {
                        text.color(warning)
                    } else {
                        text
                    };
                    let hint = match &frame.info {
                        Some(info) => terroir_scene::path_text(&info.path),
                        None => format!(
                            "{}\n{}",
                            t!("timeline-file-missing"),
                            frame.path().display()
                        ),
                    };
                    ui.add(egui::Label::new(text).truncate().selectable(false))
                        .on_hover_text(hint);
                });
                if row.response().clicked() {
                    state.show_frame(layer.id, index);
                }
            });
        });
}

/// The date as a text field; `Enter` or leaving takes it over.
fn date_ui(ui: &mut egui::Ui, state: &mut State, layer: &Layer, series: &Series, index: usize) {
    let Some(frame) = series.frames().get(index) else {
        return;
    };
    let known = frame.date.map(|date| date.to_string()).unwrap_or_default();
    let is_edited = matches!(&state.session.timeline.date_edit, Some((id, at, _)) if *id == layer.id && *at == index);
    let mut text = match &state.session.timeline.date_edit {
        Some((.., text)) if is_edited => text.clone(),
        _ => known.clone(),
    };
    let edit = ui.add(
        egui::TextEdit::singleline(&mut text)
            .desired_width(86.0)
            .hint_text(t!("timeline-date-form")),
    );
    if edit.changed() {
        state.session.timeline.date_edit = Some((layer.id, index, text.clone()));
    }
    let detail = series.label(index);
    if let Some(more) = detail
        .strip_prefix(&known)
        .filter(|more| !known.is_empty() && !more.is_empty())
    {
        ui.label(egui::RichText::new(more.trim()).color(theme::colors(ui.visuals()).weak));
    }
    if !edit.lost_focus() || !is_edited {
        return;
    }
    state.session.timeline.date_edit = None;
    let text = text.trim();
    let is_given_up = ui.input(|input| input.key_pressed(egui::Key::Escape));
    if is_given_up || text == known {
        return;
    }
    let date = if text.is_empty() {
        None
    } else {
        match text.parse::<jiff::civil::Date>() {
            Ok(date) => Some(date),
            Err(_) => {
                state.messages.show(
                    crate::messages::Level::Warning,
                    t!("timeline-no-date", text = text),
                );
                return;
            }
        }
    };
    let name = match date {
        Some(date) => t!(
            "timeline-set-date",
            file = frame.file_name(),
            date = date.to_string()
        ),
        None => t!("timeline-remove-date", file = frame.file_name()),
    };
    state.change_layer(layer.id, &name, |layer| {
        if let Some(series) = layer.series_mut() {
            series.set_date(index, date);
        }
    });
}

fn kind_name(kind: MaskKind) -> &'static str {
    match kind {
        MaskKind::HlsFmask => t!("timeline-mask-hls"),
        MaskKind::FmaskCodes => t!("timeline-mask-fmask-codes"),
        MaskKind::CloudMask => t!("timeline-mask-cloud"),
        MaskKind::User => t!("timeline-mask-user"),
        // Names of products and bands.
        MaskKind::Scl | MaskKind::LandsatQa | MaskKind::LandsatPixelQa => kind.label(),
    }
}

/// Which band or file says where clouds are, for all dates at once.
fn mask_ui(ui: &mut egui::Ui, state: &mut State, layer: &Layer, series: &Series) {
    let shown = series.shown_frame();
    let mask = shown.and_then(|frame| frame.mask.as_ref());
    let bands = shown
        .and_then(|frame| frame.info.as_ref())
        .map(|info| &info.bands);
    let text = match (mask, bands) {
        (None, _) => t!("timeline-mask-none").to_owned(),
        (Some(mask), Some(bands)) if shown.is_some_and(Frame::has_own_mask) => {
            bands.get(mask.band).map_or_else(
                || t!("timeline-mask-band", number = mask.band + 1),
                |band| band.name.clone(),
            )
        }
        (Some(mask), _) => mask
            .path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default(),
    };
    enum Pick {
        Found,
        Nothing,
        Band(String),
        Kind(MaskKind),
    }
    let mut picked = None;
    ui.horizontal(|ui| {
        let label = ui.label(t!("timeline-mask-in"));
        egui::ComboBox::from_id_salt("mask band")
            .selected_text(text)
            .width(150.0)
            .show_ui(ui, |ui| {
                if ui
                    .selectable_label(false, t!("timeline-mask-found"))
                    .clicked()
                {
                    picked = Some(Pick::Found);
                }
                if ui
                    .selectable_label(mask.is_none(), t!("timeline-mask-nothing"))
                    .clicked()
                {
                    picked = Some(Pick::Nothing);
                }
                ui.separator();
                for band in bands.into_iter().flatten() {
                    if ui.selectable_label(false, &band.name).clicked() {
                        picked = Some(Pick::Band(band.name.clone()));
                    }
                }
            })
            .response
            .labelled_by(label.id);
        let Some(mask) = mask else {
            return;
        };
        let label = ui.label(t!("timeline-mask-as"));
        egui::ComboBox::from_id_salt("mask kind")
            .selected_text(kind_name(mask.kind))
            .width(150.0)
            .show_ui(ui, |ui| {
                for kind in MaskKind::ALL {
                    if ui
                        .selectable_label(kind == mask.kind, kind_name(kind))
                        .clicked()
                    {
                        picked = Some(Pick::Kind(kind));
                    }
                }
            })
            .response
            .labelled_by(label.id);
    });
    let Some(picked) = picked else {
        return;
    };
    let kind = mask.map_or(MaskKind::User, |mask| mask.kind);
    let choose = move |frame: &Frame| -> Option<MaskSource> {
        match &picked {
            Pick::Nothing => None,
            // Only looks at names; files beside were looked for when the series was made.
            Pick::Found => frame
                .info
                .as_deref()
                .and_then(MaskSource::among_bands)
                .or_else(|| frame.mask.clone().filter(|_| !frame.has_own_mask())),
            Pick::Band(name) => {
                let info = frame.info.as_deref()?;
                let band = info.bands.iter().find(|band| band.name == *name)?;
                let known = MaskSource::among_bands(info).filter(|known| known.band == band.index);
                Some(MaskSource {
                    path: info.path.clone(),
                    band: band.index,
                    kind: known.map_or(kind, |known| known.kind),
                })
            }
            Pick::Kind(kind) => frame.mask.clone().map(|mask| MaskSource {
                kind: *kind,
                ..mask
            }),
        }
    };
    state.change_layer(
        layer.id,
        &t!("timeline-mask-of", layer = layer.name.as_str()),
        |layer| {
            if let Some(series) = layer.series_mut() {
                series.set_masks(choose);
            }
        },
    );
}
