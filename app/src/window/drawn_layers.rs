//! What the canvas is given to draw: the layers of the document as they are shown now, their vectors, and what they say went
//! wrong. Knows document and canvas.

use std::collections::HashMap;
use std::sync::Arc;

use egui::Rect;
use terroir_scene::{Blend, Layer, LayerId, LayerSource, Style};

use super::{LayersKey, Window};
use crate::answering;
use crate::canvas::{CanvasLayer, VectorInput};
use crate::language::t;
use crate::messages::Level;
use crate::pointed_class::with_one_standing_out;
use crate::state::{LIVE_LAYER, LiveLook};

impl Window {
    /// Layers for the canvas, bottom first; made anew only when something changed.
    pub(super) fn update_layers(&mut self) {
        let live = &self.state.live;
        let is_answering = self.state.session.sample.is_answering();
        let fit = live.fit.as_ref().filter(|_| live.visible && !is_answering);
        let key = LayersKey {
            document_number: self.state.document_number,
            revision: self.state.history.revision(),
            live: fit.map(|fit| (Arc::as_ptr(&fit.head) as u64, live.look)),
            followed: self.state.session.in_view.revision(),
            compare: self.state.session.compare,
            hidden: self.state.session.hidden.map(|hidden| hidden.layer),
            pointed_class: self.state.session.pointed_class.standing_out(),
            is_answering,
        };
        if self.layers_key.as_ref() == Some(&key) {
            return;
        }
        let document = self.state.history.document();
        let mut layers: Vec<CanvasLayer> = Vec::new();
        let is_kept_back = |layer: &Arc<Layer>| {
            is_answering && answering::is_kept_from_answers(layer, document.sample.as_ref())
        };
        for layer in document
            .layers
            .iter()
            .rev()
            .filter(|layer| layer.visible && !is_kept_back(layer))
        {
            let labels = (layer.source == LayerSource::Labels)
                .then(|| document.labels.clone())
                .flatten();
            layers.push(CanvasLayer {
                labels,
                ..CanvasLayer::new(self.as_shown(layer))
            });
        }
        if let Some(fit) = fit {
            let head = (*fit.head).clone();
            let style = match live.look {
                LiveLook::Classes => Style::FieldClasses { head },
                LiveLook::Confidence => Style::FieldConfidence { head },
                LiveLook::Doubt(measure) => Style::FieldUncertainty { head, measure },
            };
            let layer = Layer {
                id: LIVE_LAYER,
                name: t!("layers-live-map").to_owned(),
                source: LayerSource::Raster {
                    path: fit.field.path.clone(),
                    info: Some(fit.field.clone()),
                },
                style: Some(style),
                visible: true,
                opacity: document.live_opacity.0,
                blend: Blend::Normal,
                missing_color: None,
                edited_wavelengths: Vec::new(),
                attribution: None,
            };
            // Below the labels, so that strokes stay visible.
            let at = layers
                .iter()
                .position(|layer| layer.labels.is_some())
                .unwrap_or(layers.len());
            layers.insert(at, CanvasLayer::new(Arc::new(layer)));
        }
        for layer in &mut layers {
            let id = layer.layer.id;
            layer.clip = if key.hidden == Some(id) {
                // Its tiles stay, so that it comes back at once.
                Some(Rect::ZERO)
            } else {
                key.compare.and_then(|compare| compare.clip_of(id))
            };
        }
        self.layers = layers;
        self.layers_key = Some(key);
        self.canvas.prepare(self.state.frames_ahead());
    }

    /// The layer with the limits that follow the view, where it has such, and with the class that is pointed at standing out.
    pub(super) fn as_shown(&self, layer: &Arc<Layer>) -> Arc<Layer> {
        let shown = self.with_followed_limits(layer);
        match self.state.session.pointed_class.standing_out() {
            Some(class) => with_one_standing_out(shown, class),
            None => shown,
        }
    }

    fn with_followed_limits(&self, layer: &Arc<Layer>) -> Arc<Layer> {
        let Some(followed) = self.state.session.in_view.followed(layer.id) else {
            return layer.clone();
        };
        let mut shown = Layer::clone(layer);
        if let Some(style) = &mut shown.style {
            for (slot, stretch) in style.stretches_mut().iter_mut().zip(followed) {
                *slot = *stretch;
            }
        }
        Arc::new(shown)
    }

    /// Shapes of the visible vector layers, as far as they are read.
    pub(super) fn vector_inputs(&self) -> HashMap<LayerId, VectorInput> {
        let none: Arc<[usize]> = self.no_shapes.clone();
        let chosen = self.state.session.chosen_shapes.as_ref();
        let layers = self.state.history.document().layers.iter();
        layers
            .filter_map(|layer| {
                let data = self.state.vectors.data(layer)?.clone();
                let chosen = chosen
                    .filter(|(id, _)| *id == layer.id)
                    .map_or_else(|| none.clone(), |(_, shapes)| shapes.clone());
                Some((layer.id, VectorInput { data, chosen }))
            })
            .collect()
    }

    /// Errors of tiles become strips, once per layer and text.
    pub(super) fn layer_errors(&mut self) {
        for (id, text) in self.canvas.layer_errors() {
            let is_known = self.state.session.layer_errors.get(&id) == Some(&text);
            if !is_known {
                self.state.session.layer_errors.insert(id, text.clone());
                self.state.messages.show(Level::Error, text);
            }
        }
    }
}
