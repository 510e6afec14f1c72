//! What a model believes a sensor would have seen on a day: the question, its job, and the picture laid beside the nearest real
//! image, marked so that nobody takes it for one. Knows forms, layers and jobs. Draws nothing.

use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use terroir_engine::ReconstructSpec;
use terroir_scene::{Belief, Layer, LayerSource, Style, moved_style};

use crate::archive_facts::{ArchiveFacts, ImageFacts};
use crate::compare::{Compare, Divider};
use crate::files::OpenRole;
use crate::language::t;
use crate::series_field::{Facts, periods_of_text};
use crate::state::State;

/// Stored reflectances above this are whole numbers, 10000 for all light.
const LARGEST_SHARE: f32 = 20.0;

/// What is asked.
#[derive(Default)]
pub struct BeliefForm {
    /// Empty = the first the model can draw.
    pub sensor: String,
    /// As typed; empty = the date on show in the timeline, else the middle of the images.
    pub date: String,
    /// Days summed up around the date, as typed; empty = 15 before and after.
    pub valid: String,
    /// A picture that is to be marked and compared once it is a layer, with the image nearest to its date.
    to_show: Option<(ReconstructSpec, Option<ImageFacts>)>,
}

impl State {
    /// Sensors a model can draw, by name.
    pub fn drawn_sensors(facts: &ArchiveFacts) -> Vec<String> {
        let sensors = facts.sensors.iter().filter(|sensor| sensor.is_target);
        sensors.map(|sensor| sensor.name.clone()).collect()
    }

    /// The sensor that is drawn.
    pub fn drawn_sensor(&self, facts: &ArchiveFacts) -> Option<String> {
        let sensors = Self::drawn_sensors(facts);
        let chosen = &self.series_field.belief.sensor;
        let chosen = sensors.iter().find(|name| *name == chosen);
        chosen.or(sensors.first()).cloned()
    }

    /// The day that is drawn if none is typed.
    pub fn default_date(&self, facts: &ArchiveFacts) -> Option<Date> {
        let shown = self.series_layer().and_then(|layer| {
            let frame = layer.series()?.shown_frame()?;
            frame.period.map(|period| period.middle()).or(frame.date)
        });
        shown.or_else(|| facts.span().map(|span| span.middle()))
    }

    /// The day that is drawn.
    ///
    /// # Errors
    /// What was typed is no date.
    pub fn drawn_date(&self, facts: &ArchiveFacts) -> Result<Date, String> {
        match self.series_field.belief.date.trim() {
            "" => self
                .default_date(facts)
                .ok_or_else(|| t!("series-field-no-date").to_owned()),
            text => text
                .parse()
                .map_err(|_| t!("series-field-belief-not-a-date", text = text)),
        }
    }

    /// The job that draws it.
    ///
    /// # Errors
    /// What is missing, in words.
    pub fn belief_spec(&self, facts: &ArchiveFacts) -> Result<ReconstructSpec, String> {
        let form = &self.series_field;
        let source = self
            .drawn_sensor(facts)
            .ok_or(t!("series-field-belief-nothing-to-draw"))?;
        let date = self.drawn_date(facts)?;
        let valid = match periods_of_text(&form.belief.valid)?.as_slice() {
            [] => None,
            [only] if only.contains(date) => Some(*only),
            [only] => {
                return Err(t!(
                    "series-field-belief-outside",
                    date = date.to_string(),
                    period = only.name()
                ));
            }
            _ => return Err(t!("series-field-belief-one-period").to_owned()),
        };
        let window = match form.only_view {
            false => None,
            true => Some(
                self.view_window(&facts.grid, None)
                    .ok_or(t!("series-field-not-in-view"))?,
            ),
        };
        let suffix = format!("model_{}_{date}", file_word(&source));
        Ok(ReconstructSpec {
            archive: terroir_scene::ArchiveSpec {
                files: facts.files.clone(),
                reference: None,
            },
            model: form.model.clone(),
            weights: self.series_weights(),
            support: self.support_period()?,
            valid,
            source,
            date,
            device: self.run.device.clone(),
            seed: 0,
            window: window.filter(|window| *window != facts.grid.window()),
            out: self
                .series_out_path(facts, &suffix)
                .ok_or(t!("series-field-belief-folder"))?,
        })
    }

    /// The picture is written: it becomes a layer, and is marked then.
    pub fn take_belief(&mut self, spec: ReconstructSpec) {
        let nearest = match self.archive_facts() {
            Facts::Known(facts) if facts.files == spec.archive.files => {
                facts.nearest(&spec.source, spec.date).cloned()
            }
            _ => None,
        };
        let out = spec.out.clone();
        self.series_field.belief.to_show = Some((spec, nearest));
        self.open_raster(out, OpenRole::Result);
    }

    /// Marks a drawn picture that has become a layer and lays it beside the real image.
    pub fn show_new_belief(&mut self) {
        if self.opening > 0 {
            return;
        }
        let out = match &self.series_field.belief.to_show {
            Some((spec, _)) => spec.out.clone(),
            None => return,
        };
        let Some((layer, belief)) = self.belief_layer(&out) else {
            return;
        };
        let Some((spec, nearest)) = self.series_field.belief.to_show.take() else {
            return;
        };
        let real = nearest
            .as_ref()
            .and_then(|image| self.layer_of_image(image));
        if let Some((real, frame)) = real {
            self.show_frame(real, frame);
        }
        let name = t!(
            "series-field-belief-layer",
            sensor = &spec.source,
            date = spec.date.to_string()
        );
        let words = layer
            .raster_info()
            .and_then(|info| info.metadata_item("ATTRIBUTION"));
        let credit = match words {
            Some(words) => format!("{}. {words}", belief.warning()),
            None => format!("{}.", belief.warning()),
        };
        let real_layer = real.and_then(|(id, _)| self.history.document().layer(id).cloned());
        let style = real_layer
            .as_deref()
            .and_then(|real| style_like(real, &layer));
        self.history.change(&name.clone(), |document| {
            if let Some(layer) = document.layer_mut(layer.id) {
                layer.name = name;
                layer.attribution = Some(credit);
                if let Some(style) = style {
                    layer.style = Some(style);
                }
            }
            if let Some((real, _)) = real {
                if let Some(layer) = document.layer_mut(real) {
                    layer.visible = true;
                }
                // Nothing lies over the two that are compared.
                document.move_layer(real, 0);
                document.move_layer(layer.id, 0);
                crate::news::raise_labels(document);
            }
        });
        match real {
            Some((real, _)) => {
                self.session.compare = Some(Compare {
                    first: layer.id,
                    second: Some(real),
                    divider: Divider::Vertical,
                    share: 0.5,
                });
            }
            None => {
                if let Some(image) = nearest {
                    self.messages.show(
                        crate::messages::Level::Info,
                        t!(
                            "series-field-belief-open-series",
                            image = &image.name,
                            date = image.date.to_string()
                        ),
                    );
                }
            }
        }
    }

    fn belief_layer(&self, path: &Path) -> Option<(Arc<Layer>, Belief)> {
        let document = self.history.document();
        let is_of = |layer: &&Arc<Layer>| matches!(&layer.source, LayerSource::Raster { path: known, .. } if known == path);
        let layer = document.layers.iter().find(is_of)?;
        Some((layer.clone(), Belief::of(layer.raster_info()?)?))
    }
}

/// Whether a layer is a picture that a model drew.
pub fn belief_of(layer: &Layer) -> Option<Belief> {
    Belief::of(layer.raster_info()?)
}

/// The colours of the real image for the drawn one, where both can be drawn alike: same limits, whatever the unit.
pub fn style_like(real: &Layer, drawn: &Layer) -> Option<Style> {
    let style = real.style.as_ref()?;
    if !matches!(style, Style::Rgb { .. }) {
        return None;
    }
    let (from, to) = (real.raster_info()?, drawn.raster_info()?);
    // Radar and heat have limits and units of their own.
    if !to.bands.iter().any(|band| band.unit == "reflectance") {
        return None;
    }
    let mut style = moved_style(style, &from.bands, &to.bands);
    let largest = style
        .stretches()
        .iter()
        .map(|limits| limits.high)
        .fold(0.0, f32::max);
    if largest > LARGEST_SHARE {
        for limits in style.stretches_mut() {
            limits.low *= 1e-4;
            limits.high *= 1e-4;
        }
    }
    Some(style)
}

/// `sentinel-2` stays, what a file name cannot hold becomes `_`.
fn file_word(text: &str) -> String {
    let is_plain = |letter: char| letter.is_alphanumeric() || letter == '-';
    text.chars()
        .map(|letter| if is_plain(letter) { letter } else { '_' })
        .collect()
}

/// Layers that may be taken for an observation: neither fields nor maps nor pictures a model drew.
pub fn is_image(layer: &Layer) -> bool {
    layer
        .raster_info()
        .is_some_and(|info| !info.is_field() && !info.is_class_map() && Belief::of(info).is_none())
}
