//! A raster saved as another one, as the export dialog asks for it: which layer, which bands, how much of it, and the job that
//! does it. Knows the form and the layers; reads and writes no file.

use std::path::PathBuf;
use std::sync::Arc;

use terroir_engine::{ExportRasterSpec, JobSpec};
use terroir_scene::{Layer, LayerId};

use crate::language::t;
use crate::state::State;
use crate::theme;

/// How much of a raster is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    #[default]
    Whole,
    /// What the view shows of it.
    View,
    /// What lies inside the area of interest.
    Area,
}

/// What is asked of a copy.
#[derive(Clone, Debug, Default)]
pub struct RasterCopy {
    /// `None` = the active raster.
    layer: Option<LayerId>,
    /// As typed, counted from 1; empty = all.
    pub bands: String,
    pub extent: Extent,
}

impl RasterCopy {
    pub fn of(layer: LayerId) -> Self {
        Self {
            layer: Some(layer),
            ..Self::default()
        }
    }

    /// The layer that is copied.
    pub fn layer(&self, state: &State) -> Option<Arc<Layer>> {
        let chosen = self
            .layer
            .and_then(|id| state.history.document().layer(id).cloned());
        chosen
            .filter(|layer| state.raster_info(layer).is_some())
            .or_else(|| state.active_raster())
    }

    /// Bands from 0; empty = all.
    ///
    /// # Errors
    /// The text is none, in words.
    pub fn bands(&self, state: &State) -> Result<Vec<usize>, String> {
        let count = self
            .layer(state)
            .and_then(|layer| Some(state.raster_info(&layer)?.bands.len()))
            .unwrap_or(0);
        bands_of_text(&self.bands, count).ok_or_else(|| {
            t!(
                "export-bands-wrong",
                text = self.bands.trim(),
                count = count
            )
        })
    }

    /// The job; `None` without a raster, or with bands that are none.
    pub fn job(&self, state: &State, out: PathBuf) -> Option<JobSpec> {
        let layer = self.layer(state)?;
        let window = match self.extent {
            Extent::View => Some(state.session.in_view.at_rest(layer.id)?),
            Extent::Whole | Extent::Area => None,
        };
        let aoi = match self.extent {
            Extent::Area => Some(state.area_of_interest()?),
            Extent::Whole | Extent::View => None,
        };
        Some(JobSpec::ExportRaster(ExportRasterSpec {
            raster: state.raster_info(&layer)?.path.clone(),
            bands: self.bands(state).ok()?,
            window,
            aoi,
            out,
        }))
    }

    pub fn form_ui(&mut self, ui: &mut egui::Ui, state: &State) {
        let Some(layer) = self.layer(state) else {
            return;
        };
        egui::Grid::new("raster copy")
            .num_columns(2)
            .spacing([10.0, 6.0])
            .show(ui, |ui| {
                let label = ui.label(t!("export-bands"));
                ui.add(
                    egui::TextEdit::singleline(&mut self.bands)
                        .desired_width(340.0)
                        .hint_text(t!("export-bands-hint")),
                )
                .labelled_by(label.id);
                ui.end_row();
                ui.label(t!("export-extent"));
                ui.horizontal(|ui| {
                    let in_view = state.session.in_view.at_rest(layer.id).is_some();
                    let has_area = state.area_of_interest().is_some();
                    for (extent, name, can_be) in [
                        (Extent::Whole, t!("export-extent-whole"), true),
                        (Extent::View, t!("export-extent-view"), in_view),
                        (Extent::Area, t!("export-extent-area"), has_area),
                    ] {
                        ui.add_enabled_ui(can_be, |ui| {
                            ui.radio_value(&mut self.extent, extent, name);
                        });
                    }
                });
                ui.end_row();
            });
        if let Err(why) = self.bands(state) {
            let error = theme::colors(ui.visuals()).error;
            ui.label(egui::RichText::new(why).color(error));
        }
    }
}

/// `1-4, 8` of a raster with so many bands, from 0, each once in the order they are named.
fn bands_of_text(text: &str, count: usize) -> Option<Vec<usize>> {
    let mut bands = Vec::new();
    for part in text.split([',', ';', ' ']).map(str::trim) {
        if part.is_empty() {
            continue;
        }
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        if first == 0 || first > last || last > count {
            return None;
        }
        for band in first - 1..last {
            if !bands.contains(&band) {
                bands.push(band);
            }
        }
    }
    Some(bands)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_are_typed_as_numbers_and_spans() {
        assert_eq!(bands_of_text(" ", 3), Some(vec![]));
        assert_eq!(bands_of_text("8, 1-3 2", 8), Some(vec![7, 0, 1, 2]));
        for wrong in ["0", "9", "3-1", "red", "1-"] {
            assert_eq!(bands_of_text(wrong, 8), None, "{wrong}");
        }
    }
}
