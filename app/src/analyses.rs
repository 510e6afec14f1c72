//! What is asked of a field beside the live map: change between two fields, clusters, and maps of measured values. Forms of the
//! panels, the jobs they start, and what becomes of the results.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use terroir_engine::{ChangeSpec, ClusterSpec, JobSpec, Outcome, RegressSpec, ValueModel};
use terroir_scene::{
    ChangeMeasure, Clusters, Labels, Layer, LayerId, LayerSource, Look, RampChoice, Steps, Stretch,
    Style, value_columns,
};

use crate::arrangement::Panel;
use crate::files::FileTask;
use crate::jobs::{JobState, beside};
use crate::language::t;
use crate::messages::Level;
use crate::state::State;

/// A field that can be compared: a layer, or a date of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldChoice {
    pub name: String,
    pub path: PathBuf,
    /// Orders fields in time; empty where nobody knows.
    date: String,
}

/// The colours of a result.
#[derive(Clone, Debug, PartialEq)]
pub enum Coloring {
    /// Changed or not, at a threshold.
    Change(ChangeMeasure, f64),
    /// A named ramp between the limits found.
    Ramp(String),
}

/// Forms of the panels; not saved.
pub struct Analyses {
    pub before: Option<PathBuf>,
    pub after: Option<PathBuf>,
    pub measure: ChangeMeasure,
    /// Of the next job; `None` = the measure's own.
    pub threshold: Option<f64>,
    pub least_area_m2: f64,
    /// A result that is to be coloured once it is a layer.
    pub to_color: Option<(PathBuf, Coloring)>,
    /// Text of the cluster being named.
    pub cluster_name: Option<(LayerId, usize, String)>,
    pub clusters: usize,
    pub seed: u64,
    pub values_layer: Option<LayerId>,
    pub value: String,
    pub unit: String,
}

impl Default for Analyses {
    fn default() -> Self {
        Self {
            before: None,
            after: None,
            measure: ChangeMeasure::Dot,
            threshold: None,
            least_area_m2: ChangeSpec::LEAST_AREA_M2,
            to_color: None,
            cluster_name: None,
            clusters: ClusterSpec::CLUSTERS,
            seed: 0,
            values_layer: None,
            value: String::new(),
            unit: String::new(),
        }
    }
}

/// Two colours at a threshold, changed ones bright.
fn change_style(measure: ChangeMeasure, threshold: f64) -> Style {
    let (low, high) = measure.range();
    Style::Gray {
        band: 0,
        stretch: Stretch {
            low,
            high,
            gamma: 1.0,
        },
        ramp: RampChoice {
            inverted: measure == ChangeMeasure::Dot,
            steps: Some(Steps::At {
                breaks: vec![threshold as f32],
            }),
            ..RampChoice::from("similarity")
        },
        look: Look {
            limits: terroir_scene::Limits::Manual,
            ..Look::default()
        },
    }
}

impl State {
    // -- change

    /// Fields of the document, dates of series one by one, oldest first as far as dates are known.
    pub fn fields(&self) -> Vec<FieldChoice> {
        let mut fields: Vec<FieldChoice> = Vec::new();
        // The layer added last is on top, and most likely the later one.
        for layer in self.history.document().layers.iter().rev() {
            match layer.series() {
                Some(series) => {
                    for (index, frame) in series.frames().iter().enumerate() {
                        let Some(info) = frame.info.as_ref().filter(|info| info.is_field()) else {
                            continue;
                        };
                        fields.push(FieldChoice {
                            name: format!("{}, {}", layer.name, series.label(index)),
                            path: info.path.clone(),
                            date: frame.date.map(|date| date.to_string()).unwrap_or_default(),
                        });
                    }
                }
                None => {
                    if let Some(info) = self.raster_info(layer).filter(|info| info.is_field()) {
                        fields.push(FieldChoice {
                            name: layer.name.clone(),
                            path: info.path.clone(),
                            date: info.date.clone().unwrap_or_default(),
                        });
                    }
                }
            }
        }
        fields.sort_by(|a, b| a.date.cmp(&b.date));
        fields.dedup_by(|a, b| a.path == b.path);
        fields
    }

    /// The two fields of the form; without a choice of the user's the last two.
    pub fn compared_fields(&self, fields: &[FieldChoice]) -> Option<(FieldChoice, FieldChoice)> {
        let form = &self.session.analyses;
        let known = |path: &Option<PathBuf>| {
            fields
                .iter()
                .find(|field| Some(&field.path) == path.as_ref())
                .cloned()
        };
        let before = known(&form.before).or_else(|| fields.iter().rev().nth(1).cloned())?;
        let after = known(&form.after).or_else(|| {
            fields
                .iter()
                .rev()
                .find(|field| field.path != before.path)
                .cloned()
        })?;
        Some((before, after))
    }

    /// The job of the Change part.
    pub fn change_job(&self, before: &Path, after: &Path) -> JobSpec {
        let form = &self.session.analyses;
        // What is usual is seen in all other years.
        let also = if form.measure == ChangeMeasure::LocalZ {
            let others = self.fields().into_iter().map(|field| field.path);
            others
                .filter(|path| path != before && path != after)
                .collect()
        } else {
            Vec::new()
        };
        let stem = before.file_stem().unwrap_or_default().to_string_lossy();
        JobSpec::Change(ChangeSpec {
            before: before.to_owned(),
            after: after.to_owned(),
            also,
            measure: form.measure,
            threshold: form.threshold,
            least_area_m2: form.least_area_m2,
            polygons: true,
            // The name tells both.
            out: beside(after, &format!("change_since_{stem}"), "tif"),
        })
    }

    /// The newest raster of change that is a layer, with the job that made it.
    pub fn shown_change(&self) -> Option<(Arc<Layer>, ChangeSpec)> {
        self.jobs.list.iter().rev().find_map(|job| {
            let (JobSpec::Change(spec), JobState::Finished(_)) = (&job.spec, &job.state) else {
                return None;
            };
            Some((self.layer_of_file(&spec.out)?, spec.clone()))
        })
    }

    /// The layer that shows a raster file.
    pub fn layer_of_file(&self, path: &Path) -> Option<Arc<Layer>> {
        let document = self.history.document();
        let is_of = |layer: &&Arc<Layer>| matches!(&layer.source, LayerSource::Raster { path: known, .. } if known == path);
        document.layers.iter().find(is_of).cloned()
    }

    /// Where the colours of a layer of change part, if they do.
    pub fn change_threshold_shown(layer: &Layer) -> Option<f64> {
        match layer.style.as_ref()?.ramp()?.steps.as_ref()? {
            Steps::At { breaks } => breaks.first().map(|value| f64::from(*value)),
            Steps::Equal { .. } => None,
        }
    }

    /// Moves the threshold a layer of change is coloured by; `None` shows all values.
    pub fn color_change(&mut self, layer: &Layer, measure: ChangeMeasure, threshold: Option<f64>) {
        let style = match threshold {
            Some(threshold) => change_style(measure, threshold),
            None => {
                let mut style = change_style(measure, 0.0);
                if let Some(ramp) = style.ramp_mut() {
                    ramp.steps = None;
                }
                style
            }
        };
        self.change_layer(layer.id, t!("analyses-step-threshold"), |layer| {
            layer.style = Some(style);
        });
    }

    // -- clusters

    /// The job that finds clusters; the map of them is a picture of the field.
    pub fn clusters_job(&self, field: &Path) -> JobSpec {
        let form = &self.session.analyses;
        JobSpec::Cluster(ClusterSpec {
            field: field.to_owned(),
            clusters: form.clusters,
            fit_pixels: ClusterSpec::FIT_PIXELS,
            seed: form.seed,
            from: None,
            names: Vec::new(),
            out: beside(field, "clusters", "json"),
        })
    }

    /// Shows clusters on the field they were found on.
    pub fn take_clusters(&mut self, field: &Path, clusters: Clusters) {
        let Some(layer) = self.field_of_file(field) else {
            return;
        };
        self.change_layer(layer.id, t!("analyses-step-show-clusters"), |layer| {
            layer.style = Some(Style::FieldClusters { clusters });
        });
    }

    fn field_of_file(&self, path: &Path) -> Option<Arc<Layer>> {
        let document = self.history.document();
        let is_of = |layer: &&Arc<Layer>| {
            self.raster_info(layer)
                .is_some_and(|info| info.is_field() && info.path == path)
        };
        document.layers.iter().find(is_of).cloned()
    }

    /// Changes the clusters a field is drawn by, as one step to undo.
    pub fn change_clusters(
        &mut self,
        layer: LayerId,
        step: &str,
        edit: impl FnOnce(&mut Clusters),
    ) {
        self.change_layer(layer, step, |layer| {
            if let Some(Style::FieldClusters { clusters }) = &mut layer.style {
                edit(clusters);
            }
        });
    }

    /// Writes the clusters with their names, then maps them as classes.
    pub fn start_cluster_map(&mut self, field: &Path, clusters: &Clusters) {
        let path = beside(field, "cluster_classes", "json");
        let job = JobSpec::Cluster(ClusterSpec {
            field: field.to_owned(),
            clusters: clusters.clusters.len(),
            fit_pixels: ClusterSpec::FIT_PIXELS,
            seed: 0,
            from: Some(path.clone()),
            names: Vec::new(),
            out: beside(field, "cluster_map", "tif"),
        });
        self.send(FileTask::SaveClusters {
            clusters: Box::new(clusters.clone()),
            path,
            job,
        });
    }

    /// Takes the names of clusters as classes to label with; names that are classes already stay what they are.
    pub fn clusters_to_classes(&mut self, clusters: &Clusters) {
        let (classes, _) = clusters.classes();
        let mut added = 0;
        self.history.begin_gesture(t!("analyses-step-classes"));
        if self.prepare_labels() {
            self.history
                .change(t!("analyses-step-classes"), |document| {
                    let Some(labels) = &mut document.labels else {
                        return;
                    };
                    added = add_classes(labels, &classes);
                });
        }
        self.history.end_gesture();
        self.messages.show(
            Level::Info,
            match added {
                0 => t!("analyses-classes-known").to_owned(),
                added => t!("analyses-classes-added", count = added),
            },
        );
    }

    // -- values

    /// Vector layers that are read and have a column of numbers, with those columns.
    pub fn value_layers(&self) -> Vec<(Arc<Layer>, Vec<String>)> {
        let layers = self.history.document().layers.iter();
        layers
            .filter_map(|layer| {
                let columns = value_columns(self.vectors.data(layer)?);
                (!columns.is_empty()).then(|| (layer.clone(), columns))
            })
            .collect()
    }

    /// The job that maps a measured value; `None` for a layer without shapes.
    pub fn regression_job(&self, field: &Path, layer: &Layer, value: &str) -> Option<JobSpec> {
        let source = layer.vector()?;
        let points = if source.table.is_empty() {
            source.path.display().to_string()
        } else {
            format!("{}:{}", source.path.display(), source.table)
        };
        // A table of points has no layers, whatever it is called here.
        let is_table = source
            .path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        let points = if is_table {
            source.path.display().to_string()
        } else {
            points
        };
        let word: String = value
            .chars()
            .map(|letter| {
                if letter.is_alphanumeric() {
                    letter
                } else {
                    '_'
                }
            })
            .collect();
        Some(JobSpec::Regress(RegressSpec {
            field: field.to_owned(),
            points: Some(points),
            value: value.to_owned(),
            unit: self.session.analyses.unit.trim().to_owned(),
            model: ValueModel::Ridge,
            lambda: None,
            folds: 5,
            seed: 0,
            head: None,
            ramp: "viridis".to_owned(),
            out: beside(field, &word, "tif"),
        }))
    }

    /// Starts an analysis.
    pub fn start_analysis(&mut self, job: JobSpec) {
        self.jobs.run(crate::news::job_name(&job), job);
    }

    /// The newest regression on a field.
    pub fn last_regression(&self, field: &Path) -> Option<(RegressSpec, Outcome)> {
        self.jobs
            .list
            .iter()
            .rev()
            .find_map(|job| match (&job.spec, &job.state) {
                (JobSpec::Regress(spec), JobState::Finished(outcome)) if spec.field == field => {
                    Some((spec.clone(), outcome.clone()))
                }
                _ => None,
            })
    }

    // -- results

    /// What the window does with the result of one of these jobs; true if it was one.
    pub fn take_analysis(&mut self, spec: &JobSpec, files: &[PathBuf]) -> bool {
        let Some(first) = files.first().cloned() else {
            return false;
        };
        match spec {
            JobSpec::Change(spec) => {
                let coloring = Coloring::Change(spec.measure, spec.threshold());
                self.session.analyses.to_color = Some((first.clone(), coloring));
                self.open_raster(first, crate::files::OpenRole::Result);
            }
            JobSpec::Regress(spec) => {
                let coloring = Coloring::Ramp(spec.ramp.clone());
                self.session.analyses.to_color = Some((first.clone(), coloring));
                self.open_raster(first, crate::files::OpenRole::Result);
            }
            JobSpec::Cluster(spec) if first.extension().is_some_and(|e| e == "json") => {
                self.send(FileTask::LoadClusters {
                    path: first,
                    field: spec.field.clone(),
                });
            }
            JobSpec::Cluster(_) => {
                self.open_raster(first, crate::files::OpenRole::Result);
            }
            _ => return false,
        }
        true
    }

    /// Colours a result that has become a layer.
    pub fn color_new_result(&mut self) {
        if self.opening > 0 {
            return;
        }
        let Some((path, coloring)) = self.session.analyses.to_color.take() else {
            return;
        };
        let Some(layer) = self.layer_of_file(&path) else {
            return;
        };
        match coloring {
            Coloring::Change(measure, threshold) => {
                self.color_change(&layer, measure, Some(threshold));
            }
            Coloring::Ramp(name) => {
                self.change_layer(layer.id, t!("analyses-step-colours"), |layer| {
                    if let Some(ramp) = layer.style.as_mut().and_then(Style::ramp_mut) {
                        *ramp = RampChoice::from(name.as_str());
                    }
                })
            }
        }
    }

    /// Whether a job of these is under way.
    pub fn is_analysing(&self, is_one: impl Fn(&JobSpec) -> bool) -> bool {
        self.jobs
            .list
            .iter()
            .any(|job| !job.is_over() && is_one(&job.spec))
    }

    /// Shows the list of jobs with their progress.
    pub fn show_jobs(&mut self) {
        self.arrangement.show(Panel::Run);
    }
}

/// Adds classes by name and colour; returns how many were new.
fn add_classes(labels: &mut Labels, classes: &[terroir_scene::Class]) -> usize {
    let mut added = 0;
    for class in classes {
        if labels.classes.iter().any(|known| known.name == class.name) {
            continue;
        }
        if let Some(id) = labels.add_class(&class.name) {
            labels.recolor_class(id, class.color);
            added += 1;
        }
    }
    added
}
