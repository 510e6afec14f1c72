//! The document: layers, styles, labels. A value that is cheap to clone; changed only through `History`.
//! Knows layers, styles and labels. Knows nothing of files, undo or windows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    AreaPart, Blend, Crs, FollowedPlace, HeadKind, Labels, Profile, RasterInfo, SampleAnswer,
    Series, Style, VectorStyle, Wavelength, WeatherSpec, class_color,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LayerId(pub u64);

/// What a layer shows. Labels live in the document once and have a layer of their own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum LayerSource {
    /// A scene, a field or a map: whatever `info` says.
    Raster {
        path: PathBuf,
        info: Option<Arc<RasterInfo>>,
    },
    /// Dated images of one place; the shown one stands for the layer.
    Series(Series),
    Labels,
    /// Shapes of a vector file. They are read beside the document and never part of it.
    Vector(Box<VectorSource>),
}

/// Which shapes a vector layer shows and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VectorSource {
    pub path: PathBuf,
    /// Layer inside the file; empty = the first with shapes.
    pub table: String,
    /// Coordinate system of the file, as it was when last read.
    pub crs: Option<Crs>,
    pub style: VectorStyle,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layer {
    pub id: LayerId,
    pub name: String,
    pub source: LayerSource,
    pub style: Option<Style>,
    pub visible: bool,
    /// 0..1.
    pub opacity: f32,
    #[serde(default)]
    pub blend: Blend,
    /// What is drawn where a raster has no value; nothing without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_color: Option<[u8; 3]>,
    /// Wavelengths the user edited: (band from 0, value).
    pub edited_wavelengths: Vec<(usize, Wavelength)>,
    /// Attribution shown in the layer's properties and on exports.
    pub attribution: Option<String>,
}

impl VectorSource {
    fn size_bytes(&self) -> usize {
        let rows = match &self.style.coloring {
            crate::VectorColoring::Categories { entries, .. } => entries.len(),
            _ => 0,
        };
        // A category is two short texts and a colour.
        size_of::<Self>() + 128 * rows + self.crs.as_ref().map_or(0, |crs| crs.wkt.len())
    }
}

impl Layer {
    /// What the layer's raster says about itself; of a series the shown frame. `None` for labels and missing files.
    pub fn raster_info(&self) -> Option<&Arc<RasterInfo>> {
        match &self.source {
            LayerSource::Raster { info, .. } => info.as_ref(),
            LayerSource::Series(series) => series.shown_frame()?.info.as_ref(),
            LayerSource::Labels | LayerSource::Vector(_) => None,
        }
    }

    pub fn vector(&self) -> Option<&VectorSource> {
        match &self.source {
            LayerSource::Vector(source) => Some(source),
            _ => None,
        }
    }

    pub fn vector_mut(&mut self) -> Option<&mut VectorSource> {
        match &mut self.source {
            LayerSource::Vector(source) => Some(source),
            _ => None,
        }
    }

    /// The raster's file, there or not; of a series the shown frame's. `None` for labels and shapes.
    pub fn raster_path(&self) -> Option<&Path> {
        match &self.source {
            LayerSource::Raster { path, .. } => Some(path),
            LayerSource::Series(series) => Some(series.shown_frame()?.path()),
            LayerSource::Labels | LayerSource::Vector(_) => None,
        }
    }

    /// The system the user named for the layer's files, where they name none.
    pub fn assigned_crs(&self) -> Option<&Crs> {
        match &self.source {
            LayerSource::Raster { info, .. } => info.as_ref()?.grid.georef.assigned_crs(),
            LayerSource::Series(series) => series
                .frames()
                .iter()
                .find_map(|frame| frame.info.as_ref()?.grid.georef.assigned_crs()),
            LayerSource::Labels | LayerSource::Vector(_) => None,
        }
    }

    fn size_bytes(&self) -> usize {
        // Styles and band lists are bounded guesses: a basis is 3 x 64 numbers, a head a few hundred.
        const STYLE: usize = 4096;
        size_of::<Self>()
            + self.name.len()
            + STYLE
            + self.vector().map_or(0, VectorSource::size_bytes)
            + self.edited_wavelengths.len() * size_of::<(usize, Wavelength)>()
    }
}

/// Everything that is saved and undone.
#[derive(Clone, Debug, Default)]
pub struct Document {
    /// Top of the list draws on top.
    pub layers: Vec<Arc<Layer>>,
    pub active: Option<LayerId>,
    pub map_crs: Option<Crs>,
    pub labels: Option<Labels>,
    pub next_layer_id: u64,
    /// Vector layer whose polygons jobs are restricted to.
    pub area_of_interest: Option<LayerId>,
    /// Some of its shapes; all without one.
    pub area_part: Option<AreaPart>,
    /// Kept spectral profiles, oldest first.
    pub profiles: Vec<Arc<Profile>>,
    /// Places kept for the Time panel, oldest first.
    pub followed: Vec<FollowedPlace>,
    /// The validation sample in use.
    pub sample: Option<DrawnSample>,
    /// The daily weather of this place.
    pub weather: Option<WeatherSpec>,
    /// What was said of points of the sample since its file was read, by their numbers. The file has it, too; here it stands to
    /// be taken back.
    pub answers: Arc<BTreeMap<i64, SampleAnswer>>,
    /// How classes are told apart.
    pub method: Method,
    pub live_opacity: LiveOpacity,
}

/// How much of the live class map shows, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveOpacity(pub f32);

impl Default for LiveOpacity {
    fn default() -> Self {
        Self(0.75)
    }
}

/// The head of the class map: its kind, and what classes weigh where not 1.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Method {
    pub kind: HeadKind,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub class_weights: BTreeMap<u8, f32>,
}

impl Method {
    /// The kind the canvas draws: what is not linear it cannot follow.
    pub fn drawn_kind(&self) -> HeadKind {
        if self.kind.is_linear() {
            self.kind
        } else {
            HeadKind::Logistic
        }
    }

    pub fn weight(&self, class_id: u8) -> f32 {
        self.class_weights.get(&class_id).copied().unwrap_or(1.0)
    }

    /// Weights that are no number, or not above 0, change nothing.
    pub fn set_weight(&mut self, class_id: u8, weight: f32) {
        if (weight - 1.0).abs() < 1e-3 {
            self.class_weights.remove(&class_id);
        } else if weight.is_finite() && weight > 0.0 {
            self.class_weights.insert(class_id, weight);
        }
    }
}

/// A validation sample and the map it was drawn of. Its points and their answers live in their own file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawnSample {
    pub map: PathBuf,
    pub points: PathBuf,
}

impl PartialEq for Document {
    /// Shared layers are equal without a look inside.
    fn eq(&self, other: &Self) -> bool {
        self.active == other.active
            && self.area_of_interest == other.area_of_interest
            && self.area_part == other.area_part
            && self.next_layer_id == other.next_layer_id
            && self.layers.len() == other.layers.len()
            && self
                .layers
                .iter()
                .zip(&other.layers)
                .all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
            && self.map_crs == other.map_crs
            && self.labels == other.labels
            && self.followed == other.followed
            && self.sample == other.sample
            && self.weather == other.weather
            && self.answers == other.answers
            && self.method == other.method
            && self.live_opacity == other.live_opacity
            && self.profiles.len() == other.profiles.len()
            && self
                .profiles
                .iter()
                .zip(&other.profiles)
                .all(|(a, b)| Arc::ptr_eq(a, b) || a == b)
    }
}

impl Document {
    /// Adds on top under a new id, makes it active, returns the id. The first layer with a CRS sets the map's CRS.
    pub fn add_layer(&mut self, mut layer: Layer) -> LayerId {
        let id = LayerId(self.next_layer_id);
        self.next_layer_id += 1;
        layer.id = id;
        if self.map_crs.is_none() {
            self.map_crs = match &layer.source {
                LayerSource::Labels => self
                    .labels
                    .as_ref()
                    .and_then(|labels| labels.grid.georef.ground_crs())
                    .cloned(),
                LayerSource::Vector(source) => source.crs.clone(),
                _ => layer
                    .raster_info()
                    .and_then(|info| info.grid.georef.ground_crs())
                    .cloned(),
            };
        }
        self.layers.insert(0, Arc::new(layer));
        self.active = Some(id);
        id
    }

    pub fn layer(&self, id: LayerId) -> Option<&Arc<Layer>> {
        self.layers.iter().find(|layer| layer.id == id)
    }

    pub fn layer_mut(&mut self, id: LayerId) -> Option<&mut Layer> {
        self.layers
            .iter_mut()
            .find(|layer| layer.id == id)
            .map(Arc::make_mut)
    }

    /// Removes a layer; the one that takes its place becomes active. The labels go with their layer, and when the last
    /// layer goes, the next one chooses the map's CRS anew.
    pub fn remove_layer(&mut self, id: LayerId) {
        let Some(at) = self.layers.iter().position(|layer| layer.id == id) else {
            return;
        };
        let layer = self.layers.remove(at);
        if matches!(layer.source, LayerSource::Labels) {
            self.labels = None;
        }
        if self.area_of_interest == Some(id) {
            self.area_of_interest = None;
            self.area_part = None;
        }
        if self.active == Some(id) {
            self.active = self
                .layers
                .get(at)
                .or(self.layers.last())
                .map(|layer| layer.id);
        }
        if self.layers.is_empty() {
            self.map_crs = None;
        }
    }

    /// Moves a layer to place `to` of the list (0 = top; beyond the end = bottom).
    pub fn move_layer(&mut self, id: LayerId, to: usize) {
        if let Some(at) = self.layers.iter().position(|layer| layer.id == id) {
            let layer = self.layers.remove(at);
            self.layers.insert(to.min(self.layers.len()), layer);
        }
    }

    /// Shows the same frames of series as `other` does.
    pub fn show_frames_of(&mut self, other: &Self) {
        for theirs in &other.layers {
            let Some(shown) = theirs.series().map(Series::shown) else {
                continue;
            };
            let differs = self
                .layer(theirs.id)
                .and_then(|layer| layer.series())
                .is_some_and(|own| own.shown() != shown);
            if differs && let Some(own) = self.layer_mut(theirs.id) {
                own.show_frame(shown);
            }
        }
    }

    pub fn active_layer(&self) -> Option<&Arc<Layer>> {
        self.layer(self.active?)
    }

    /// Keeps the profiles of one click: they get ids, a place of their own, its colour and a name.
    pub fn keep_profiles(&mut self, profiles: impl IntoIterator<Item = Profile>) {
        let last = |number: fn(&Profile) -> u64| {
            self.profiles
                .iter()
                .map(|profile| number(profile))
                .max()
                .unwrap_or(0)
        };
        let (mut id, place) = (
            last(|profile| profile.id),
            last(|profile| profile.place) + 1,
        );
        let color = class_color((place % 255) as u8);
        for profile in profiles {
            id += 1;
            self.profiles.push(Arc::new(Profile {
                id,
                place,
                color,
                name: format!("Profile {place}"),
                ..profile
            }));
        }
    }

    pub fn profile(&self, id: u64) -> Option<&Arc<Profile>> {
        self.profiles.iter().find(|profile| profile.id == id)
    }

    pub fn profile_mut(&mut self, id: u64) -> Option<&mut Profile> {
        self.profiles
            .iter_mut()
            .find(|profile| profile.id == id)
            .map(Arc::make_mut)
    }

    /// Approximate bytes held by this value alone, for the undo budget. File descriptions are shared and not counted.
    pub fn size_bytes(&self) -> usize {
        self.size_beyond(None)
    }

    /// Approximate bytes this value holds that `other` does not share.
    pub fn size_beyond(&self, other: Option<&Self>) -> usize {
        let layers: usize = self
            .layers
            .iter()
            .filter(|layer| {
                !other.is_some_and(|other| {
                    other.layers.iter().any(|theirs| Arc::ptr_eq(theirs, layer))
                })
            })
            .map(|layer| layer.size_bytes())
            .sum();
        let crs = self
            .map_crs
            .as_ref()
            .map_or(0, |crs| crs.wkt.len() + crs.name.len());
        let labels = self.labels.as_ref().map_or(0, |labels| {
            labels.size_beyond(other.and_then(|other| other.labels.as_ref()))
        });
        let profiles: usize = self
            .profiles
            .iter()
            .filter(|profile| {
                !other.is_some_and(|other| {
                    other
                        .profiles
                        .iter()
                        .any(|theirs| Arc::ptr_eq(theirs, profile))
                })
            })
            .map(|profile| profile.size_bytes())
            .sum();
        let followed: usize = self
            .followed
            .iter()
            .map(|one| size_of_val(one) + one.place.crs.as_ref().map_or(0, |crs| crs.wkt.len()))
            .sum();
        /// A number, a word and their place in the tree, about.
        const ANSWER: usize = 64;
        let is_shared = other.is_some_and(|other| Arc::ptr_eq(&self.answers, &other.answers));
        let answers = if is_shared {
            0
        } else {
            self.answers.len() * ANSWER
        };
        size_of::<Self>()
            + answers
            + self.layers.len() * size_of::<Arc<Layer>>()
            + layers
            + crs
            + labels
            + profiles
            + followed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str) -> Layer {
        Layer {
            id: LayerId(0),
            name: name.to_owned(),
            source: LayerSource::Raster {
                path: PathBuf::from(name),
                info: None,
            },
            style: None,
            visible: true,
            opacity: 1.0,
            blend: Blend::Normal,
            missing_color: None,
            edited_wavelengths: Vec::new(),
            attribution: None,
        }
    }

    fn names(document: &Document) -> Vec<&str> {
        document
            .layers
            .iter()
            .map(|layer| layer.name.as_str())
            .collect()
    }

    #[test]
    fn layers_stack_with_the_newest_on_top() {
        let mut document = Document::default();
        let first = document.add_layer(layer("scene"));
        let second = document.add_layer(layer("map"));
        assert_eq!(names(&document), ["map", "scene"]);
        assert_eq!(document.active, Some(second));
        document.move_layer(second, 9);
        assert_eq!(names(&document), ["scene", "map"]);
        document.remove_layer(second);
        assert_eq!(document.active, Some(first));
        let third = document.add_layer(layer("again"));
        assert!(third > second, "ids are never used twice");
    }

    #[test]
    fn removing_the_label_layer_removes_the_labels() {
        let mut document = Document {
            labels: Some(Labels::new(crate::Grid {
                width: 4,
                height: 4,
                georef: crate::Georef::default(),
            })),
            ..Document::default()
        };
        let id = document.add_layer(Layer {
            source: LayerSource::Labels,
            ..layer("Labels")
        });
        document.remove_layer(id);
        assert!(document.labels.is_none());
        assert!(document.active.is_none());
    }

    #[test]
    fn shared_layers_are_counted_once() {
        let mut before = Document::default();
        let id = before.add_layer(layer("scene"));
        let mut after = before.clone();
        assert!(after.size_beyond(Some(&before)) < before.size_bytes());
        after.layer_mut(id).unwrap().opacity = 0.5;
        assert!(after.size_beyond(Some(&before)) >= before.size_bytes() - 64);
        assert_ne!(after, before);
    }
}
