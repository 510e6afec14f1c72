//! A crop map on its way to the disk: shares of the classes, window by window, to class and confidence. Knows shares and classes;
//! knows nothing of where the shares come from.

use std::path::Path;

use serde_json::json;
use terroir_scene::{
    Archive, Class, Grid, LabelUse, LabelledPixel, MapKind, MapWriter, Period, Provenance, Window,
    import_labels,
};

use super::spec::CropSpec;
use crate::embed_series::{ChosenFrame, attribution_of};
use crate::monitor::{JobResult, Monitor};
use crate::predict::{byte_of_share, confidence_path};
use crate::provenance::{checksum_of, classes_json, file_name, short};
use crate::train::say_import;
use crate::{Failure, JobSpec, command_line};

/// Confidence of a pixel without a class.
const NO_CONFIDENCE: u8 = 255;

/// Labelled pixels of a map, and the classes they are of.
pub(super) struct Labelled {
    pub classes: Vec<Class>,
    pub pixels: Vec<LabelledPixel>,
}

impl Labelled {
    /// The labels a map is taught by: all but those kept for testing.
    ///
    /// # Errors
    /// A file that cannot be read, fewer than two classes on the grid.
    pub fn read_blocking(spec: &CropSpec, grid: &Grid, monitor: &Monitor<'_>) -> JobResult<Self> {
        monitor.progress("reading the labels", 0, 1);
        let (labels, report) = import_labels(&spec.labels, grid, spec.class_attribute.as_deref())?;
        say_import(monitor, &report);
        let pixels = labels.pixels_for(LabelUse::Train);
        let mut classes = labels.classes.as_ref().clone();
        classes.retain(|class| pixels.iter().any(|pixel| pixel.class_id == class.id));
        if classes.len() < 2 {
            return Err(Failure::new(format!(
                "a crop map needs labels of two classes at least; here are {}\n{}",
                classes.len(),
                spec.labels.display()
            ))
            .into());
        }
        Ok(Self { classes, pixels })
    }

    /// Place of a pixel's class in the list.
    pub fn class_of(&self, pixel: &LabelledPixel) -> usize {
        let place = |class: &Class| class.id == pixel.class_id;
        self.classes.iter().position(place).unwrap_or(0)
    }
}

/// The map and its confidence, while they are written.
pub(super) struct CropMap {
    map: MapWriter,
    confidence: MapWriter,
    ids: Vec<u8>,
}

impl CropMap {
    pub fn create(path: &Path, grid: &Grid, classes: &[Class]) -> JobResult<Self> {
        let confidence = MapKind::Confidence(vec!["confidence".to_owned()]);
        Ok(Self {
            map: MapWriter::create(path, grid, MapKind::Classes(classes.to_vec()))?,
            confidence: MapWriter::create(&confidence_path(path), grid, confidence)?,
            ids: classes.iter().map(|class| class.id).collect(),
        })
    }

    /// Shares [K, pixels] of a window; NaN where nothing is known of a pixel.
    pub fn write(&mut self, window: Window, shares: &[f32]) -> JobResult<()> {
        let pixels = window.pixels();
        let (mut classes, mut confidence) = (vec![0_u8; pixels], vec![NO_CONFIDENCE; pixels]);
        for at in 0..pixels {
            let of_pixel = shares.iter().skip(at).step_by(pixels.max(1));
            let best = of_pixel
                .zip(&self.ids)
                .filter(|(share, _)| share.is_finite())
                .reduce(|best, other| if other.0 > best.0 { other } else { best });
            if let Some((share, id)) = best {
                classes[at] = *id;
                confidence[at] = byte_of_share(*share);
            }
        }
        self.map.write_bytes(window, &classes)?;
        self.confidence.write_bytes(window, &confidence)?;
        Ok(())
    }

    /// Closes both files.
    pub fn finish(self, keys: &Provenance) -> JobResult<()> {
        self.map.finish(keys)?;
        self.confidence.finish(keys)?;
        Ok(())
    }
}

/// What is to be said of a map that no field was made for.
pub(super) struct About<'a> {
    pub spec: &'a CropSpec,
    pub archive: &'a Archive,
    pub period: Period,
    pub labelled: &'a Labelled,
    /// What the images were made into, and what learnt from it.
    pub description: String,
    pub device: &'a str,
}

impl About<'_> {
    /// Its `TERROIR_*` keys. The job they name makes the map of that day alone.
    ///
    /// # Errors
    /// Labels that cannot be read any more.
    pub fn keys(&self) -> Result<Provenance, Failure> {
        let job = JobSpec::Crop(self.spec.clone());
        let run = json!({
            "spec": job, "command": command_line(&job), "device": self.device, "precision": "f32",
        });
        let names: Vec<String> = self
            .spec
            .archive
            .files
            .iter()
            .map(|path| file_name(path))
            .collect();
        let inputs = json!({"images": names, "period": self.period.to_string()});
        let labels = json!({
            "file": file_name(&self.spec.labels), "sha256": checksum_of(&self.spec.labels)?,
            "pixels": self.labelled.pixels.len(),
        });
        let mut keys = vec![
            ("MODEL".to_owned(), self.description.clone()),
            ("INPUTS".to_owned(), short(inputs.to_string())),
            ("LABELS".to_owned(), labels.to_string()),
            ("RUN".to_owned(), run.to_string()),
            (
                "CLASSES".to_owned(),
                short(classes_json(&self.labelled.classes).to_string()),
            ),
        ];
        let frames = self.frames();
        keys.extend(
            attribution_of(self.archive, &frames).map(|words| ("ATTRIBUTION".to_owned(), words)),
        );
        Ok(keys)
    }

    /// All images of the period.
    fn frames(&self) -> Vec<ChosenFrame> {
        let mut chosen = Vec::new();
        for (source, of) in self.archive.sources.iter().enumerate() {
            for frame in of.frames_in(Some(&self.period)) {
                chosen.push(ChosenFrame {
                    source,
                    input: source,
                    frame,
                    day: of.frames.get(frame).map_or(0.0, |frame| frame.day),
                });
            }
        }
        chosen
    }
}
