//! The class whose row in a legend is under the pointer: on the map it keeps its colour while the others fade, so that it is
//! found where colours are alike. Knows the styles of layers; draws nothing, and changes nothing that is saved.

use std::sync::Arc;

use terroir_scene::{Layer, LayerId, Style};

use crate::state::State;

/// A pointer that only passes over the legend leaves the map alone.
const RESTS_SECS: f64 = 0.2;

/// What the others keep of their opacity, one part in so many.
const FADED: u8 = 5;

/// A class of a layer, by the code its pixels hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassOfLayer {
    pub layer: LayerId,
    pub value: i64,
}

/// What the legends said in this frame, and what came of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct PointedClass {
    /// Under the pointer in the frame that is being made.
    seen: Option<ClassOfLayer>,
    /// Under the pointer since, in seconds of egui's clock.
    since: Option<(ClassOfLayer, f64)>,
    standing_out: Option<ClassOfLayer>,
}

impl PointedClass {
    /// The row of a class is under the pointer.
    pub fn point(&mut self, class: ClassOfLayer) {
        self.seen = Some(class);
    }

    /// The class that stands out on the map.
    pub fn standing_out(&self) -> Option<ClassOfLayer> {
        self.standing_out
    }

    /// Takes in a frame; returns in how many seconds to look again.
    fn take_frame(&mut self, now_secs: f64) -> Option<f64> {
        let seen = self.seen.take();
        self.since = seen.map(|class| match self.since {
            Some((before, since)) if before == class => (class, since),
            _ => (class, now_secs),
        });
        let rested = |(class, since): (ClassOfLayer, f64)| {
            // From one row to the next the map follows at once.
            let is_shown = self.standing_out.is_some();
            (is_shown || now_secs - since >= RESTS_SECS).then_some(class)
        };
        self.standing_out = self.since.and_then(rested);
        let waits = self.since.filter(|_| self.standing_out.is_none());
        waits.map(|(_, since)| (since + RESTS_SECS - now_secs).max(0.0))
    }
}

/// Takes in what the legends said; called once a frame before the map is drawn.
pub fn update(ctx: &egui::Context, state: &mut State) {
    let now = ctx.input(|input| input.time);
    if let Some(secs) = state.session.pointed_class.take_frame(now) {
        ctx.request_repaint_after(std::time::Duration::from_secs_f64(secs));
    }
}

/// `layer` with one class in its colours and the others faded; as it is where that class is none of its.
pub fn with_one_standing_out(layer: Arc<Layer>, class: ClassOfLayer) -> Arc<Layer> {
    if layer.id != class.layer {
        return layer;
    }
    let mut shown = Layer::clone(&layer);
    let Some(Style::Palette { entries, .. }) = &mut shown.style else {
        return layer;
    };
    for entry in entries
        .iter_mut()
        .filter(|entry| entry.value != class.value)
    {
        entry.rgba[3] /= FADED;
    }
    Arc::new(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHEAT: ClassOfLayer = ClassOfLayer {
        layer: LayerId(3),
        value: 1,
    };
    const MAIZE: ClassOfLayer = ClassOfLayer { value: 2, ..WHEAT };

    #[test]
    fn the_other_classes_of_the_layer_fade_and_no_other_layer_does() {
        let entry = |value: i64| terroir_scene::PaletteEntry {
            value,
            name: value.to_string(),
            rgba: [10, 20, 30, 255],
        };
        let layer = Arc::new(Layer {
            id: LayerId(3),
            name: "map".into(),
            source: terroir_scene::LayerSource::Labels,
            style: Some(Style::palette(0, vec![entry(1), entry(2)])),
            visible: true,
            opacity: 1.0,
            blend: Default::default(),
            missing_color: None,
            edited_wavelengths: Vec::new(),
            attribution: None,
        });
        let shown = with_one_standing_out(layer.clone(), WHEAT);
        let Some(Style::Palette { entries, .. }) = &shown.style else {
            panic!("{shown:?}");
        };
        assert_eq!(
            entries
                .iter()
                .map(|entry| entry.rgba[3])
                .collect::<Vec<_>>(),
            [255, 51]
        );
        let other = ClassOfLayer {
            layer: LayerId(4),
            ..WHEAT
        };
        assert_eq!(with_one_standing_out(layer.clone(), other), layer);
    }

    #[test]
    fn a_class_stands_out_once_the_pointer_rests_and_the_next_at_once() {
        let mut pointed = PointedClass::default();
        let mut frame = |class: Option<ClassOfLayer>, now: f64| {
            if let Some(class) = class {
                pointed.point(class);
            }
            let again = pointed.take_frame(now);
            (pointed.standing_out(), again.is_some())
        };
        assert_eq!(frame(None, 0.0), (None, false));
        assert_eq!(frame(Some(WHEAT), 1.0), (None, true));
        // Gone before it rested: the time begins anew.
        assert_eq!(frame(None, 1.1), (None, false));
        assert_eq!(frame(Some(WHEAT), 1.15), (None, true));
        assert_eq!(frame(Some(WHEAT), 1.3), (None, true));
        assert_eq!(frame(Some(WHEAT), 1.36), (Some(WHEAT), false));
        assert_eq!(frame(Some(MAIZE), 1.4), (Some(MAIZE), false));
        assert_eq!(frame(None, 1.5), (None, false));
    }
}
