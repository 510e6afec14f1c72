//! Vector layers coming in: from the chosen file to a layer in the document, and what the user does with its shapes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use terroir_scene::{
    AreaPart, AreaSpec, Layer, LayerId, LayerSource, SceneResult, VectorLayer, VectorSource,
    VectorStyle, VectorTable, shapes_text,
};

use crate::commands::Command;
use crate::dialogs::Dialog;
use crate::files::{FileTask, OpenRole};
use crate::language::t;
use crate::messages::Level;
use crate::session::ViewRequest;
use crate::state::State;
use crate::vectors::{VectorKey, VectorReply, file_name, tables_to_choose};

impl State {
    /// Opens a vector file as layers; what turns out to hold no shapes is tried as a raster.
    pub fn open_vector(&mut self, path: PathBuf) {
        if self.vectors.ask_tables(path) {
            self.opening += 1;
        } else {
            self.say_too_many();
        }
    }

    fn say_too_many(&mut self) {
        self.messages
            .show(Level::Warning, t!("news-too-many-files"));
    }

    /// Adds one layer of a vector file.
    pub fn open_vector_table(&mut self, path: PathBuf, table: String) {
        if self.vectors.open(VectorKey { path, table }) {
            self.opening += 1;
        } else {
            self.say_too_many();
        }
    }

    pub fn take_vector_news(&mut self) {
        for reply in self.vectors.drain() {
            match reply {
                VectorReply::Tables { path, tables } => {
                    self.opening = self.opening.saturating_sub(1);
                    self.take_tables(path, tables);
                }
                VectorReply::Read {
                    key,
                    is_new,
                    result,
                } => {
                    self.vectors.take_read(&key, is_new, &result);
                    self.take_shapes(&key, is_new, result);
                }
                VectorReply::Colored { layer, result } => match result {
                    Ok(coloring) => self.change_layer(layer, t!("undo-shape-colours"), |layer| {
                        if let Some(source) = layer.vector_mut() {
                            source.style.coloring = coloring;
                        }
                    }),
                    Err(error) => self.messages.error(&error),
                },
                VectorReply::Sorted { layer, by, order } => {
                    if let Some(table) = &mut self.session.attribute_table
                        && table.layer == layer
                    {
                        table.sorted = by;
                        table.order = Some(order);
                    }
                }
            }
        }
        let revision = self.history.revision();
        self.vectors
            .follow(self.history.document(), self.document_number, revision);
    }

    fn take_tables(&mut self, path: PathBuf, tables: SceneResult<Option<Vec<VectorTable>>>) {
        match tables {
            Err(error) => self.messages.error(&error),
            Ok(None) => self.open_raster(path, OpenRole::Add),
            Ok(Some(tables)) => {
                let tables = tables_to_choose(&tables);
                match tables.as_slice() {
                    [] => self.messages.show(
                        Level::Error,
                        format!("{}\n{}", t!("news-no-shapes"), path.display()),
                    ),
                    [only] => self.open_vector_table(path, only.name.clone()),
                    several => {
                        let chosen = vec![true; several.len()];
                        self.dialogs.open(Dialog::ChooseTables {
                            path,
                            tables,
                            chosen,
                        });
                    }
                }
            }
        }
    }

    fn take_shapes(
        &mut self,
        key: &VectorKey,
        is_new: bool,
        result: SceneResult<Arc<VectorLayer>>,
    ) {
        if is_new {
            self.opening = self.opening.saturating_sub(1);
        }
        let data = match result {
            Ok(data) => data,
            Err(terroir_scene::SceneError::Cancelled) => return,
            Err(error) => {
                self.messages.error(&error);
                return;
            }
        };
        if let Some(complaint) = data.complaint() {
            self.messages.show(
                Level::Warning,
                format!("{complaint}\n{}", data.path.display()),
            );
        }
        if is_new {
            self.add_vector_layer(key, &data);
        }
    }

    fn add_vector_layer(&mut self, key: &VectorKey, data: &Arc<VectorLayer>) {
        let document = self.history.document();
        let is_first = !document
            .layers
            .iter()
            .any(|layer| layer.source != LayerSource::Labels);
        let number = document
            .layers
            .iter()
            .filter(|layer| layer.vector().is_some())
            .count();
        let stem = key
            .path
            .file_stem()
            .map(|stem| stem.to_string_lossy().into_owned())
            .unwrap_or_default();
        let name = if data.table.is_empty() || data.table == stem {
            stem
        } else {
            data.table.clone()
        };
        let source = VectorSource {
            path: key.path.clone(),
            table: key.table.clone(),
            crs: data.crs.clone(),
            style: VectorStyle::fresh(data, number),
        };
        let mut added = LayerId(0);
        self.history
            .change(&t!("undo-add", name = &name), |document| {
                added = document.add_layer(Layer {
                    id: LayerId(0),
                    name: name.clone(),
                    source: LayerSource::Vector(Box::new(source)),
                    style: None,
                    visible: true,
                    opacity: 1.0,
                    edited_wavelengths: Vec::new(),
                    attribution: None,
                    blend: terroir_scene::Blend::Normal,
                    missing_color: None,
                });
            });
        self.session.active = None;
        self.session.offered_labels = Some(added);
        if is_first {
            self.session.view = Some(ViewRequest::Layer(added));
        }
        self.remember_file(&key.path);
        let count = shapes_text(data.features());
        let has_map = self.history.document().map_crs.is_some();
        if data.crs.is_none() && has_map {
            self.messages.show(
                Level::Warning,
                format!(
                    "{}\n{}",
                    t!("news-vector-no-crs", name = &name),
                    key.path.display()
                ),
            );
        }
        let sample = self.history.document().sample.as_ref();
        if sample.is_some_and(|sample| sample.points == key.path) {
            return;
        }
        self.messages.show_with_action(
            Level::Info,
            t!("news-added", name = &name, count = count),
            t!("news-use-as-labels"),
            Command::UseAsLabels,
        );
    }

    /// A layer's file lies elsewhere now.
    pub fn locate_vector(&mut self, layer: LayerId, path: PathBuf) {
        let name = file_name(&path);
        self.change_layer(layer, &t!("undo-locate", name = &name), |layer| {
            if let Some(source) = layer.vector_mut() {
                source.path = path;
            }
        });
    }

    /// The vector layer that would become labels: the active one, else the one added last.
    pub fn labels_source(&self) -> Option<&Arc<Layer>> {
        let offered = self.session.offered_labels;
        self.active_layer()
            .filter(|layer| layer.vector().is_some())
            .or_else(|| self.history.document().layer(offered?))
    }

    /// Imports the shapes of a vector layer as labels; asks which attribute is the class.
    pub fn use_as_labels(&mut self) {
        let source = self
            .labels_source()
            .and_then(|layer| layer.vector())
            .map(|source| (source.path.clone(), source.table.clone()));
        if let Some((path, table)) = source {
            let table = (!table.is_empty()).then_some(table);
            self.send(FileTask::Attributes { path, table });
        }
    }

    // -- area of interest

    /// Makes the active vector layer the area of interest, or takes that back.
    pub fn use_as_area(&mut self) {
        let Some(layer) = self.active_layer().cloned() else {
            return;
        };
        if self.history.document().area_of_interest == Some(layer.id) {
            self.history.change(t!("undo-clear-area"), |document| {
                document.area_of_interest = None;
                document.area_part = None;
            });
            let text = t!("news-area-cleared").to_owned();
            self.messages
                .show_with_action(Level::Info, text, t!("news-undo"), Command::Undo);
            return;
        }
        self.set_area(&layer, None);
    }

    /// Makes some shapes of a vector layer the area of interest.
    pub fn use_part_as_area(&mut self, layer: LayerId, part: AreaPart) {
        if let Some(layer) = self.history.document().layer(layer).cloned() {
            self.set_area(&layer, Some(part));
        }
    }

    /// The chosen shapes of a layer by their numbers in the file.
    pub fn chosen_part(&self, layer: &Layer) -> Option<AreaPart> {
        let (chosen, shapes) = self.session.chosen_shapes.as_ref()?;
        let data = self.vectors.data(layer).filter(|_| *chosen == layer.id)?;
        let ids = shapes.iter().filter_map(|shape| data.ids.get(*shape));
        Some(AreaPart::Shapes(ids.copied().collect()))
    }

    fn set_area(&mut self, layer: &Layer, part: Option<AreaPart>) {
        let has_polygons = self.vectors.data(layer).is_none_or(|data| {
            (0..data.shapes.parts())
                .filter_map(|part| data.shapes.part(part))
                .any(|part| part.kind == terroir_scene::PartKind::Polygon)
        });
        if !has_polygons {
            self.messages
                .show(Level::Warning, t!("news-no-polygons", name = &layer.name));
            return;
        }
        self.history.change(t!("undo-set-area"), |document| {
            document.area_of_interest = Some(layer.id);
            document.area_part = part;
        });
        let name = self.area_name().unwrap_or_default();
        let text = t!("news-area-set", name = name);
        self.messages
            .show_with_action(Level::Info, text, t!("news-undo"), Command::Undo);
    }

    /// The area of interest in words: the layer, and which of its shapes.
    pub fn area_name(&self) -> Option<String> {
        let document = self.history.document();
        let layer = &document.layer(document.area_of_interest?)?.name;
        Some(match &document.area_part {
            None => layer.clone(),
            Some(AreaPart::Shapes(ids)) => match ids.as_slice() {
                [id] => t!("shapes-name", layer = layer, id = id.to_string()),
                ids => t!("shapes-area-count", layer = layer, count = ids.len()),
            },
            Some(AreaPart::Value { column, value }) => {
                format!("{layer}, {column} = {value}")
            }
        })
    }

    /// What a job is told: the file, or a layer of it, and which of its shapes.
    pub fn area_of_interest(&self) -> Option<AreaSpec> {
        let document = self.history.document();
        let source = document.layer(document.area_of_interest?)?.vector()?;
        let file = if source.table.is_empty() {
            source.path.display().to_string()
        } else {
            format!("{}:{}", source.path.display(), source.table)
        };
        Some(AreaSpec {
            file,
            part: document.area_part.clone(),
        })
    }

    // -- choosing shapes

    /// Highlights shapes of a layer; none takes the highlight away.
    pub fn choose_shapes(&mut self, layer: LayerId, shapes: Vec<usize>) {
        self.session.chosen_shapes = (!shapes.is_empty()).then(|| (layer, shapes.into()));
    }

    pub fn forget_shapes(&mut self) {
        self.session.chosen_shapes = None;
        self.session.found_shapes.clear();
        self.session.found_chosen = 0;
    }
}

/// Raster or vector: what a layer is read from.
pub fn layer_path(layer: &Layer) -> Option<&Path> {
    match layer.vector() {
        Some(source) => Some(&source.path),
        None => layer.raster_path(),
    }
}
