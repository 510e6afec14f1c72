//! The journal of unsaved work: one file that grows by what each step changed, so that a program killed at any moment leaves
//! all steps but the last. A line is a step: the project's text where it changed, and the labels' changed blocks. What a
//! kill cuts off is a line without its end, and is left out.
//! Knows documents and their text. Knows nothing of undo or windows.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::beside::{write_beside, write_error};
use crate::exact_labels::{BlockEntry, ExactGrid, ExactPolygon};
use crate::project::{open_project_text, project_line};
use crate::{Class, Document, Labels, OpenedProject, SceneError, SceneResult};

/// A journal is written anew, as one line, when it is larger than this and than `GROWTH` times that line.
const SMALLEST_REWRITE_BYTES: u64 = 8 << 20;
const GROWTH: u64 = 4;

/// One line.
#[derive(Serialize, Deserialize)]
struct Step {
    /// Text of the project without its labels; absent = as before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    project: Option<String>,
    /// The file the work was opened from or saved to last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    home: Option<PathBuf>,
    #[serde(default, skip_serializing_if = "LabelsStep::is_same")]
    labels: LabelsStep,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LabelsStep {
    #[default]
    Same,
    /// There are no labels.
    Absent,
    Changed(Box<LabelsChange>),
}

impl LabelsStep {
    fn is_same(&self) -> bool {
        matches!(self, Self::Same)
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct LabelsChange {
    /// The labels before are forgotten, and new ones begin on this grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    grid: Option<ExactGrid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    classes: Option<Vec<Class>>,
    /// So many of the polygons before stay, and these follow; absent = all stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    polygons: Option<(usize, Vec<ExactPolygon>)>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    blocks: Vec<BlockEntry>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    emptied: Vec<(u32, u32)>,
}

/// A journal being written. Call from one thread that may wait for the disk.
pub struct Journal {
    path: PathBuf,
    /// What the file says now; without it the next write begins the file anew.
    written: Option<Written>,
    smallest_rewrite_bytes: u64,
}

struct Written {
    file: File,
    document: Document,
    project: String,
    home: Option<PathBuf>,
    bytes: u64,
    first_line_bytes: u64,
}

impl Journal {
    /// A journal at `path`; nothing is written yet.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            written: None,
            smallest_rewrite_bytes: SMALLEST_REWRITE_BYTES,
        }
    }

    /// Writes what changed since the last call, and all of it at the first. `home` is the project's file, where it has one.
    ///
    /// # Errors
    /// Writing failed; the next call writes everything.
    pub fn write_blocking(&mut self, document: &Document, home: Option<&Path>) -> SceneResult<()> {
        let project = project_line(document, &self.path)?;
        match self.written.take() {
            Some(written) if !self.is_overgrown(&written) => {
                self.written = Some(self.append(written, document, project, home)?);
            }
            _ => self.written = Some(self.begin(document, project, home)?),
        }
        Ok(())
    }

    fn is_overgrown(&self, written: &Written) -> bool {
        written.bytes
            > self
                .smallest_rewrite_bytes
                .max(GROWTH * written.first_line_bytes)
    }

    fn begin(
        &self,
        document: &Document,
        project: String,
        home: Option<&Path>,
    ) -> SceneResult<Written> {
        let step = Step {
            project: Some(project.clone()),
            home: home.map(Path::to_owned),
            labels: labels_step(None, document.labels.as_ref()),
        };
        let line = self.line(&step)?;
        write_beside(&self.path, &line)?;
        let file = File::options()
            .append(true)
            .open(&self.path)
            .map_err(|error| write_error(&self.path, &error))?;
        let bytes = line.len() as u64;
        Ok(Written {
            file,
            document: document.clone(),
            project,
            home: home.map(Path::to_owned),
            bytes,
            first_line_bytes: bytes,
        })
    }

    fn append(
        &self,
        mut written: Written,
        document: &Document,
        project: String,
        home: Option<&Path>,
    ) -> SceneResult<Written> {
        let is_known = project == written.project && home == written.home.as_deref();
        let step = Step {
            project: (!is_known).then(|| project.clone()),
            home: (!is_known).then(|| home.map(Path::to_owned)).flatten(),
            labels: labels_step(written.document.labels.as_ref(), document.labels.as_ref()),
        };
        if !is_known || !step.labels.is_same() {
            let line = self.line(&step)?;
            written
                .file
                .write_all(&line)
                .and_then(|()| written.file.sync_data())
                .map_err(|error| write_error(&self.path, &error))?;
            written.bytes += line.len() as u64;
        }
        written.document = document.clone();
        (written.project, written.home) = (project, home.map(Path::to_owned));
        Ok(written)
    }

    fn line(&self, step: &Step) -> SceneResult<Vec<u8>> {
        let mut line = serde_json::to_vec(step).map_err(|error| {
            SceneError::write(
                &self.path,
                "the work cannot be saved automatically; save the project",
            )
            .with_details(error)
        })?;
        line.push(b'\n');
        Ok(line)
    }
}

/// What leads from the labels before to those after. Shared blocks and polygons are not looked into.
fn labels_step(before: Option<&Labels>, after: Option<&Labels>) -> LabelsStep {
    let Some(after) = after else {
        return match before {
            Some(_) => LabelsStep::Absent,
            None => LabelsStep::Same,
        };
    };
    let none = Labels::new(after.grid.clone());
    let (before, is_new) = match before.filter(|before| before.grid == after.grid) {
        Some(before) => (before, false),
        None => (&none, true),
    };
    let mut change = LabelsChange {
        grid: is_new.then(|| ExactGrid::new(&after.grid)),
        classes: (before.classes != after.classes).then(|| after.classes.to_vec()),
        ..LabelsChange::default()
    };
    if !Arc::ptr_eq(&before.polygons, &after.polygons) && before.polygons != after.polygons {
        let kept = before
            .polygons
            .iter()
            .zip(after.polygons.iter())
            .take_while(|(a, b)| Arc::ptr_eq(a, b) || a == b)
            .count();
        let added = after.polygons.iter().skip(kept);
        change.polygons = Some((
            kept,
            added.map(|polygon| ExactPolygon::new(polygon)).collect(),
        ));
    }
    for (key, block) in &after.blocks {
        if before
            .blocks
            .get(key)
            .is_none_or(|known| !Arc::ptr_eq(known, block) && known != block)
        {
            change.blocks.push(BlockEntry::new(*key, block));
        }
    }
    let gone = before
        .blocks
        .keys()
        .filter(|key| !after.blocks.contains_key(key));
    change.emptied = gone.copied().collect();
    let is_same = change.grid.is_none()
        && change.classes.is_none()
        && change.polygons.is_none()
        && change.blocks.is_empty()
        && change.emptied.is_empty();
    if is_same {
        LabelsStep::Same
    } else {
        LabelsStep::Changed(Box::new(change))
    }
}

impl LabelsChange {
    /// `None` when it does not fit the labels before.
    fn apply(self, before: Option<Labels>) -> Option<Labels> {
        let mut labels = match self.grid {
            Some(grid) => Labels::new(grid.grid()?),
            None => before?,
        };
        if let Some(classes) = self.classes {
            labels.classes = Arc::new(classes);
        }
        if let Some((kept, added)) = self.polygons {
            let kept = labels.polygons.get(..kept)?.iter().cloned();
            let added = added.into_iter().map(|polygon| Arc::new(polygon.polygon()));
            labels.polygons = Arc::new(kept.chain(added).collect());
        }
        for entry in self.blocks {
            labels
                .blocks
                .insert((entry.0, entry.1), Arc::new(entry.block()?));
        }
        for key in self.emptied {
            labels.blocks.remove(&key);
        }
        Some(labels)
    }
}

/// Work that comes back from a journal.
#[derive(Debug)]
pub struct RestoredWork {
    pub project: OpenedProject,
    /// The file the work was opened from or saved to last.
    pub home: Option<PathBuf>,
}

/// The work as it was after the last whole step in the journal.
///
/// # Errors
/// The file cannot be read or holds no whole step.
pub fn restore_work(path: &Path) -> SceneResult<RestoredWork> {
    let bytes = std::fs::read(path).map_err(|error| {
        SceneError::file(path, "the automatically saved work cannot be read").with_details(error)
    })?;
    let (mut project, mut home, mut labels) = (None, None, None);
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let Some(step) = line
            .strip_suffix(b"\n")
            .and_then(|line| serde_json::from_slice::<Step>(line).ok())
        else {
            break;
        };
        let changed = match step.labels {
            LabelsStep::Same => labels.clone(),
            LabelsStep::Absent => None,
            LabelsStep::Changed(change) => match change.apply(labels.clone()) {
                Some(changed) => Some(changed),
                None => break,
            },
        };
        labels = changed;
        if step.project.is_some() {
            (project, home) = (step.project, step.home);
        }
    }
    let text = project.ok_or_else(|| {
        SceneError::file(path, "the automatically saved work is damaged; discard it")
    })?;
    let mut project = open_project_text(text.as_bytes(), path)?;
    project.document.labels = labels;
    Ok(RestoredWork { project, home })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Blend, GeoTransform, Georef, Grid, LabelPolygon, Layer, LayerId, LayerSource, Wavelength,
    };

    fn grid() -> Grid {
        Grid {
            width: 700,
            height: 500,
            georef: Georef {
                transform: Some(GeoTransform([0.1, 1.0 / 3.0, 0.0, 7.7, 0.0, -1.0 / 3.0])),
                ..Georef::default()
            },
        }
    }

    fn layer(name: &str, source: LayerSource) -> Layer {
        Layer {
            id: LayerId(0),
            name: name.to_owned(),
            source,
            style: None,
            visible: true,
            opacity: 1.0,
            blend: Blend::Normal,
            missing_color: None,
            edited_wavelengths: Vec::new(),
            attribution: None,
        }
    }

    /// Random work: everything a step can change.
    fn work_on(document: &mut Document, step: u32, random: &mut impl FnMut(usize) -> usize) {
        if document.labels.is_none() {
            document.labels = Some(Labels::new(grid()));
            document.add_layer(layer("Labels", LayerSource::Labels));
        }
        let scene = document.layers.last().unwrap().id;
        let labels = document.labels.as_mut().unwrap();
        if labels.classes.is_empty() {
            labels.add_class("first \"class\"\n");
        }
        let class = labels.classes[random(labels.classes.len())].id;
        let (x, y) = (random(700) as f64, random(500) as f64);
        match random(12) {
            0..=4 => {
                labels.paint_stroke((x, y), (x + 60.0, y), 9.0, class, false);
            }
            5 => {
                labels.paint_stroke((0.0, y), (700.0, y), 120.0, 0, false);
            }
            6 => {
                labels.add_class(&format!("class {step}"));
            }
            7 if labels.classes.len() > 1 => labels.remove_class(class),
            8 => {
                labels.add_polygon(LabelPolygon {
                    class_id: class,
                    rings: vec![vec![(x / 3.0, 1.0 / 7.0), (1e-7, 5.5), (3.3, y)]],
                    source: "polygon".to_owned(),
                    usage: "val".to_owned(),
                });
            }
            9 => labels.remove_polygon(random(3)),
            10 => {
                let layer = document.layer_mut(scene).unwrap();
                layer.name = format!("scene {step}");
                layer.edited_wavelengths = vec![(0, Wavelength(664.5))];
            }
            _ => {
                let labels = document
                    .layers
                    .iter()
                    .find(|layer| layer.source == LayerSource::Labels)
                    .map(|layer| layer.id);
                document.remove_layer(labels.unwrap());
            }
        }
    }

    /// The journal of a session, cut at every line and at many places between, is the work after a step each time.
    #[test]
    fn a_journal_cut_anywhere_is_the_work_after_the_last_whole_step() {
        let folder = tempfile::tempdir().unwrap();
        let scene = folder.path().join("scene.asc");
        std::fs::write(
            &scene,
            "ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 10\n1 2\n3 4\n",
        )
        .unwrap();
        let mut seed = 20_u64;
        let mut random = move |below: usize| {
            seed = seed
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % below.max(1)
        };
        let mut document = Document::default();
        let info = crate::Raster::open(&scene).unwrap().info().clone();
        document.add_layer(layer(
            "scene",
            LayerSource::Raster {
                path: scene.clone(),
                info: Some(Arc::new(info)),
            },
        ));
        let path = folder.path().join("work.journal");
        let home = folder.path().join("mine.terroir");
        let mut journal = Journal::new(path.clone());
        let mut values: Vec<(u64, Document)> = Vec::new();
        for step in 0..150 {
            // Now and then an older value comes back, as undo makes it.
            match values.len().checked_sub(1 + random(4)) {
                Some(at) if random(6) == 0 => document = values[at].1.clone(),
                _ => work_on(&mut document, step, &mut random),
            }
            journal.write_blocking(&document, Some(&home)).unwrap();
            let bytes = std::fs::metadata(&path).unwrap().len();
            values.push((bytes, document.clone()));
        }
        let whole = std::fs::read(&path).unwrap();
        eprintln!(
            "{} steps in {} bytes, the first in {}",
            values.len(),
            whole.len(),
            values[0].0
        );
        let cut_path = folder.path().join("cut.journal");
        let first = values[0].0;
        let edges = values.iter().flat_map(|(end, _)| [*end, end + 1, end - 1]);
        let between = (0..300).map(|_| first + random(whole.len()) as u64);
        for cut in edges.chain(between).collect::<Vec<_>>() {
            if cut < first || cut > whole.len() as u64 {
                continue;
            }
            std::fs::write(&cut_path, &whole[..cut as usize]).unwrap();
            let restored = restore_work(&cut_path).unwrap();
            let (_, expected) = values.iter().rfind(|(end, _)| *end <= cut).unwrap();
            assert_eq!(&restored.project.document, expected, "cut at {cut}");
            assert_eq!(restored.home.as_deref(), Some(home.as_path()));
        }
        std::fs::write(&cut_path, &whole[..first as usize - 1]).unwrap();
        assert!(restore_work(&cut_path).is_err(), "no whole step");
        std::fs::write(&cut_path, [0_u8; 4096]).unwrap();
        assert!(restore_work(&cut_path).is_err());
    }

    #[test]
    fn a_stroke_costs_what_it_touches_and_the_journal_stays_bounded() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("work.journal");
        let mut labels = Labels::new(Grid {
            width: 40_000,
            height: 40_000,
            georef: Georef::default(),
        });
        labels.add_class("wheat");
        // A tenth of a million labelled blocks.
        let block = Arc::new([1; crate::LABEL_BLOCK * crate::LABEL_BLOCK]);
        for key in 0..100_000_u32 {
            labels.blocks.insert((key % 600, key / 600), block.clone());
        }
        let mut document = Document {
            labels: Some(labels),
            ..Document::default()
        };
        let mut journal = Journal::new(path.clone());
        journal.smallest_rewrite_bytes = 1000;
        journal.write_blocking(&document, None).unwrap();
        let size = || std::fs::metadata(&path).unwrap().len();
        let (first, start) = (size(), std::time::Instant::now());
        for stroke in 0..40 {
            let labels = document.labels.as_mut().unwrap();
            let y = 20_000.0 + f64::from(stroke);
            labels.paint_stroke((100.0, y), (400.0, y), 5.0, 1, false);
            let before = size();
            journal.write_blocking(&document, None).unwrap();
            assert!(size() - before < 4000, "{} bytes", size() - before);
        }
        eprintln!(
            "{first} bytes for 100 000 blocks, then {:?} a stroke",
            start.elapsed() / 40
        );
        // The same work over and over does not grow the file for ever.
        let mut small = Document::default();
        let mut journal = Journal::new(path.clone());
        journal.smallest_rewrite_bytes = 20_000;
        for step in 0..400_u32 {
            small.add_layer(layer(&format!("{step}"), LayerSource::Labels));
            if small.layers.len() > 2 {
                small.layers.pop();
            }
            journal.write_blocking(&small, None).unwrap();
            assert!(size() < 25_000);
        }
        assert_eq!(restore_work(&path).unwrap().project.document, small);
    }
}
