//! What was opened becomes layers: rasters, projects, recovered work, the sample. Knows documents and the state of the window;
//! draws nothing.

use std::path::PathBuf;
use std::sync::Arc;

use terroir_scene::{
    BandInfo, Blend, Document, Layer, LayerId, LayerSource, Limits, RasterInfo, Style, credit_of,
};

use crate::commands::Command;
use crate::files::{OpenRole, OpenedRaster};
use crate::language::t;
use crate::messages::Level;
use crate::session::ViewRequest;
use crate::state::State;

impl State {
    pub(super) fn take_raster(&mut self, opened: OpenedRaster) {
        let OpenedRaster {
            role,
            mut info,
            style,
            style_error,
        } = opened;
        if let Some(error) = style_error {
            self.messages.error(&error);
        }
        let path = info.path.clone();
        self.forget_file(&path);
        let document = self.history.document();
        let same_file = |layer: &&Arc<Layer>| matches!(&layer.source, LayerSource::Raster { path: known, .. } if *known == path);
        // A job that wrote a known file again refreshes its layer.
        let known = match role {
            OpenRole::Refresh(id) => Some(id),
            OpenRole::Result => document.layers.iter().find(same_file).map(|layer| layer.id),
            OpenRole::Add | OpenRole::Part => None,
        };
        if let Some(id) = known {
            // What the user named stays, unless the file names a system now.
            let assigned = self
                .history
                .document()
                .layer(id)
                .and_then(|layer| layer.raster_info())
                .map(|old| &old.grid.georef)
                .filter(|old| old.crs_is_assigned && info.grid.georef.ground_crs().is_none())
                .and_then(|old| old.ground_crs().cloned());
            if let Some(crs) = assigned {
                Arc::make_mut(&mut info).grid.georef.assign_crs(crs);
            }
            let given = self.derived.given_styles.get(&id);
            let keeps = self.history.document().layer(id).is_some_and(|layer| {
                layer.style.is_some()
                    && (role != OpenRole::Result || is_by_hand(layer, given, &info))
            });
            let is_ruled = keeps
                && role == OpenRole::Result
                && self
                    .history
                    .document()
                    .layer(id)
                    .is_some_and(|layer| layer.style.as_ref().is_some_and(is_ruled));
            if let (false, Some(style)) = (keeps, &style) {
                self.derived.given_styles.insert(id, style.clone());
            }
            self.change_layer(id, t!("undo-read-again"), |layer| {
                layer.source = LayerSource::Raster {
                    path: path.clone(),
                    info: Some(info.clone()),
                };
                if !keeps {
                    layer.style = style;
                }
            });
            if is_ruled {
                // Limits by a rule are those of the values that are there now.
                self.take_limits(id, Vec::new());
            }
            return;
        }
        let is_first = !document
            .layers
            .iter()
            .any(|layer| layer.source != LayerSource::Labels);
        let name = layer_name(&path);
        let given = style.clone();
        let mut added = LayerId(0);
        self.history
            .change(&t!("undo-add", name = &name), |document| {
                added = document.add_layer(Layer {
                    id: LayerId(0),
                    name,
                    source: LayerSource::Raster {
                        path: path.clone(),
                        info: Some(info.clone()),
                    },
                    style,
                    visible: true,
                    opacity: 1.0,
                    blend: Blend::Normal,
                    missing_color: None,
                    edited_wavelengths: Vec::new(),
                    attribution: credit_of(&info),
                });
                below_shapes(document, added);
                raise_labels(document);
            });
        self.derived
            .given_styles
            .extend(given.map(|style| (added, style)));
        self.session.active = None;
        if is_first {
            self.session.view = Some(ViewRequest::Layer(added));
            if info.grid.georef.ground_crs().is_none() {
                self.messages.show(
                    Level::Warning,
                    format!("{}\n{}", t!("news-no-crs"), path.display()),
                );
            }
        }
        if matches!(role, OpenRole::Add | OpenRole::Part) {
            self.remember_file(&path);
        }
        self.say_overviews(&info);
        if info.bands.len() > 1
            && !info.is_field()
            && info.bands.iter().all(|band| band.wavelength.is_none())
        {
            self.messages.show(
                Level::Info,
                format!("{}\n{}", t!("news-no-wavelengths"), path.display()),
            );
        }
    }

    pub(super) fn take_project(&mut self, path: PathBuf, project: terroir_scene::OpenedProject) {
        let missing: Vec<String> = project.warnings;
        self.replace_document(project.document, Some(path.clone()), project.read_only);
        self.choose_first_class();
        for warning in missing {
            self.messages.show(Level::Warning, warning);
        }
        self.say_unconnected();
        if project.read_only {
            self.messages.show(Level::Warning, t!("news-newer-version"));
        }
        self.remember_file(&path);
        self.say_first_steps();
    }

    /// Work a killed window left: it is unsaved as before, and its old folder goes once this window's journal has it.
    pub(super) fn take_recovered(&mut self, folder: PathBuf, work: terroir_scene::RestoredWork) {
        let mut document = work.project.document;
        let has_layer = document
            .layers
            .iter()
            .any(|layer| layer.source == LayerSource::Labels);
        if document.labels.is_some() && !has_layer {
            crate::state::add_labels_layer(&mut document);
        }
        self.replace_document(document, work.home, false);
        self.history.mark_unsaved();
        self.recovery = None;
        self.recovered_from = Some(folder);
        self.choose_first_class();
        for warning in work.project.warnings {
            self.messages.show(Level::Warning, warning);
        }
        self.say_unconnected();
        self.messages.show_with_action(
            Level::Info,
            t!("news-recovered"),
            t!("dialogs-save"),
            Command::SaveProject,
        );
    }

    pub(super) fn take_sample(&mut self, mut document: Document) {
        // A slow start must not replace what the user opened meanwhile.
        if !self.history.document().layers.is_empty() {
            return;
        }
        if document.labels.is_some() {
            crate::state::add_labels_layer(&mut document);
        }
        self.replace_document(document, None, false);
        self.choose_first_class();
        self.say_first_steps();
    }

    pub(super) fn choose_first_class(&mut self) {
        let first = self
            .history
            .document()
            .labels
            .as_ref()
            .and_then(|labels| labels.classes.first());
        self.session.class_id = first.map_or(0, |class| class.id);
    }
}

/// Whether a layer's style is the user's, and still fits what its file holds now. `given`: the style it got with its file.
fn is_by_hand(layer: &Layer, given: Option<&Style>, now: &RasterInfo) -> bool {
    let is_alike = layer.raster_info().is_some_and(|before| {
        let same = |(a, b): (&BandInfo, &BandInfo)| a.name == b.name && a.palette == b.palette;
        before.is_field() == now.is_field()
            && before.bands.len() == now.bands.len()
            && before.bands.iter().zip(&now.bands).all(same)
    });
    is_alike && layer.style.as_ref().map(without_limits) != given.map(without_limits)
}

fn is_ruled(style: &Style) -> bool {
    style
        .look()
        .is_some_and(|look| look.limits != Limits::Manual)
}

/// A style but for limits that a rule gave it: these come later than the style.
fn without_limits(style: &Style) -> Style {
    let mut style = style.clone();
    let is_ruled = style
        .look()
        .is_some_and(|look| look.limits != Limits::Manual);
    if is_ruled {
        for stretch in style.stretches_mut() {
            (stretch.low, stretch.high) = (0.0, 1.0);
        }
    }
    style
}

/// Shapes that are on top stay on top of rasters that are added later.
fn below_shapes(document: &mut Document, raster: LayerId) {
    let above = document
        .layers
        .iter()
        .skip(1)
        .take_while(|layer| !matches!(layer.source, LayerSource::Raster { .. }))
        .filter(|layer| layer.vector().is_some())
        .count();
    document.move_layer(raster, above);
}

/// Labels stay on top of rasters that are added later.
pub fn raise_labels(document: &mut Document) {
    let labels = document
        .layers
        .iter()
        .find(|layer| layer.source == LayerSource::Labels)
        .map(|layer| layer.id);
    if let Some(id) = labels {
        document.move_layer(id, 0);
    }
}

/// `scene.tif` is `scene`, `a.nc:ndvi` is `a ndvi`, a product's description is the product.
fn layer_name(path: &std::path::Path) -> String {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else {
        return path.display().to_string();
    };
    let (file, variable) = match name.split_once(':') {
        Some((file, variable)) if file.contains('.') => (file, variable),
        _ => (name.as_ref(), ""),
    };
    // The end of `HLS.S30.T15TVK.2021154T170851.v2.0` is no extension.
    let stem = match file.rsplit_once('.') {
        Some((stem, extension))
            if !stem.is_empty() && extension.starts_with(|c: char| c.is_ascii_alphabetic()) =>
        {
            stem
        }
        _ => file,
    };
    let stem = ["_MTL", "-METADATA"]
        .iter()
        .find_map(|end| stem.strip_suffix(end))
        .unwrap_or(stem);
    if variable.is_empty() {
        stem.to_owned()
    } else {
        format!("{stem} {variable}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_called_as_their_user_calls_the_data() {
        for (path, name) in [
            ("/a/scene.v2.tif", "scene.v2"),
            ("/a/S2B_MSIL2A_X.SAFE", "S2B_MSIL2A_X"),
            ("/a/t.nc:ndvi", "t ndvi"),
            (
                "/a/HLS.S30.T15TVK.2021154T170851.v2.0",
                "HLS.S30.T15TVK.2021154T170851.v2.0",
            ),
            ("/a/LC08_L2SP_1_MTL.txt", "LC08_L2SP_1"),
            ("/vsicurl/https://host/b/c.tif", "c"),
            ("/a/folder", "folder"),
        ] {
            assert_eq!(layer_name(std::path::Path::new(path)), name);
        }
    }
}
