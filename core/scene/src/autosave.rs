//! Autosaved labels: one JSON file with exact pixels, made for speed and for being whole after any crash.
//! Knows labels. Knows nothing of projects or GDAL.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::beside::write_beside;
use crate::{
    Class, Crs, GeoTransform, Georef, Grid, GroundModel, LABEL_BLOCK, LabelBlock, LabelPolygon,
    Labels, SceneError, SceneResult,
};

const AUTOSAVE_SCHEMA: u32 = 1;

#[derive(Serialize, Deserialize)]
struct AutosaveFile {
    schema: u32,
    program: String,
    grid: ExactGrid,
    classes: Vec<Class>,
    polygons: Vec<ExactPolygon>,
    blocks: Vec<BlockEntry>,
}

/// A grid whose numbers come back to the last bit: JSON readers may round plain numbers.
#[derive(Serialize, Deserialize)]
pub(crate) struct ExactGrid {
    width: usize,
    height: usize,
    /// GDAL order, as shortest decimal text.
    transform: Option<[String; 6]>,
    crs: Option<Crs>,
    note: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<Arc<GroundModel>>,
}

impl ExactGrid {
    pub(crate) fn new(grid: &Grid) -> Self {
        let georef = grid.georef.clone();
        Self {
            width: grid.width,
            height: grid.height,
            transform: georef
                .transform
                .map(|transform| transform.0.map(|number| number.to_string())),
            crs: georef.crs,
            note: georef.note,
            model: georef.model,
        }
    }

    /// `None` when a number is none.
    pub(crate) fn grid(self) -> Option<Grid> {
        let mut transform = None;
        if let Some(texts) = self.transform {
            let mut numbers = [0.0; 6];
            for (number, text) in numbers.iter_mut().zip(&texts) {
                *number = text.parse().ok()?;
            }
            transform = Some(GeoTransform(numbers));
        }
        let georef = Georef {
            transform,
            crs: self.crs,
            note: self.note,
            model: self.model,
            crs_is_assigned: false,
        };
        Some(Grid {
            width: self.width,
            height: self.height,
            georef,
        })
    }
}

/// A polygon with the bits of its coordinates.
#[derive(Serialize, Deserialize)]
struct ExactPolygon {
    class_id: u8,
    source: String,
    usage: String,
    rings: Vec<Vec<(u64, u64)>>,
}

impl ExactPolygon {
    fn new(polygon: &LabelPolygon) -> Self {
        let bits = |ring: &Vec<(f64, f64)>| {
            ring.iter()
                .map(|(x, y)| (x.to_bits(), y.to_bits()))
                .collect()
        };
        Self {
            class_id: polygon.class_id,
            source: polygon.source.clone(),
            usage: polygon.usage.clone(),
            rings: polygon.rings.iter().map(bits).collect(),
        }
    }

    fn polygon(self) -> LabelPolygon {
        let numbers = |ring: Vec<(u64, u64)>| {
            ring.into_iter()
                .map(|(x, y)| (f64::from_bits(x), f64::from_bits(y)))
                .collect()
        };
        LabelPolygon {
            class_id: self.class_id,
            rings: self.rings.into_iter().map(numbers).collect(),
            source: self.source,
            usage: self.usage,
        }
    }
}

/// Block column, block row, and runs of (class id, pixels) row by row.
#[derive(Serialize, Deserialize)]
struct BlockEntry(u32, u32, Vec<(u8, u16)>);

/// Labels autosave used every 30 s and before training: written beside, flushed and renamed; exact pixels.
/// May run on any thread on a clone of the labels.
pub fn autosave_labels(labels: &Labels, path: &Path) -> SceneResult<()> {
    let file = AutosaveFile {
        schema: AUTOSAVE_SCHEMA,
        program: format!("Terroir {}", env!("CARGO_PKG_VERSION")),
        grid: ExactGrid::new(&labels.grid),
        classes: labels.classes.to_vec(),
        polygons: labels
            .polygons
            .iter()
            .map(|polygon| ExactPolygon::new(polygon))
            .collect(),
        blocks: labels
            .blocks
            .iter()
            .map(|((col, row), block)| BlockEntry(*col, *row, runs(block)))
            .collect(),
    };
    let bytes = serde_json::to_vec(&file).map_err(|error| {
        SceneError::write(
            path,
            "these labels cannot be saved; export them as GeoPackage",
        )
        .with_details(error)
    })?;
    write_beside(path, &bytes)
}

/// Labels exactly as they were saved.
///
/// # Errors
/// The file cannot be read, is damaged, or comes from a newer Terroir.
pub fn restore_labels(path: &Path) -> SceneResult<Labels> {
    let bytes = std::fs::read(path).map_err(|error| {
        SceneError::file(
            path,
            "the saved labels cannot be read; open the project instead",
        )
        .with_details(error)
    })?;
    let damaged = |words: &str| {
        SceneError::file(
            path,
            "these saved labels are damaged; open the project instead",
        )
        .with_details(words)
    };
    let file: AutosaveFile =
        serde_json::from_slice(&bytes).map_err(|error| damaged(&error.to_string()))?;
    if file.schema > AUTOSAVE_SCHEMA {
        return Err(SceneError::file(
            path,
            "these labels were saved by a newer Terroir; open them there",
        ));
    }
    let mut labels = Labels::new(
        file.grid
            .grid()
            .ok_or_else(|| damaged("the grid is damaged"))?,
    );
    file.classes
        .into_iter()
        .for_each(|class| labels.set_class(class));
    for polygon in file.polygons {
        if !labels.add_polygon(polygon.polygon()) {
            return Err(damaged("a polygon has no class or no shape"));
        }
    }
    for BlockEntry(col, row, runs) in file.blocks {
        if !runs
            .iter()
            .all(|(id, _)| *id == 0 || labels.class(*id).is_some())
        {
            return Err(damaged("a pixel has no class"));
        }
        let block = block(&runs).ok_or_else(|| damaged("a block has the wrong length"))?;
        labels.blocks.insert((col, row), Arc::new(block));
    }
    Ok(labels)
}

fn runs(block: &LabelBlock) -> Vec<(u8, u16)> {
    block
        .chunk_by(|a, b| a == b)
        .map(|run| (run[0], run.len() as u16))
        .collect()
}

fn block(runs: &[(u8, u16)]) -> Option<LabelBlock> {
    let mut block = [0; LABEL_BLOCK * LABEL_BLOCK];
    let mut at = 0;
    for (id, count) in runs {
        let end = at + usize::from(*count);
        block.get_mut(at..end)?.fill(*id);
        at = end;
    }
    (at == block.len()).then_some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        let georef = Georef {
            transform: Some(GeoTransform([0.1, 1.0 / 3.0, 0.0, 7.7, 0.0, -1.0 / 3.0])),
            crs: None,
            ..Georef::default()
        };
        let mut labels = Labels::new(Grid {
            width: 1000,
            height: 700,
            georef,
        });
        for id in [1, 2, 255] {
            labels.set_class(Class {
                id,
                name: format!("class \"{id}\""),
                color: [id, 0, 1],
            });
            labels.paint_stroke(
                (f64::from(id), 20.0),
                (500.0, f64::from(id) * 2.0),
                21.0,
                id,
                false,
            );
        }
        labels.add_polygon(LabelPolygon {
            class_id: 2,
            rings: vec![vec![(0.1 + 0.2, 1.0 / 7.0), (1e-7, 5.5), (3.3, 2.2)]],
            source: "polygon".to_owned(),
            usage: "val".to_owned(),
        });
        labels
    }

    #[test]
    fn restored_labels_are_equal_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.autosave");
        let labels = labels();
        let start = std::time::Instant::now();
        autosave_labels(&labels, &path).unwrap();
        eprintln!(
            "autosave: {} blocks in {:?}, {} bytes",
            labels.blocks.len(),
            start.elapsed(),
            std::fs::metadata(&path).unwrap().len()
        );
        assert_eq!(restore_labels(&path).unwrap(), labels);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn an_interrupted_save_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let (path, other) = (
            folder.path().join("labels.autosave"),
            folder.path().join("other"),
        );
        let before = labels();
        let mut after = before.clone();
        after.fill(700, 500, 1, usize::MAX);
        autosave_labels(&before, &path).unwrap();
        autosave_labels(&after, &other).unwrap();
        let bytes = std::fs::read(&other).unwrap();
        let part = crate::beside::with_suffix(&path, ".part");
        for cut in (0..=16).map(|sixteenth| bytes.len() * sixteenth / 16) {
            // Killed while the temporary was at this length: the old file is untouched, the stray one does no harm.
            std::fs::write(&part, &bytes[..cut]).unwrap();
            assert_eq!(restore_labels(&path).unwrap(), before);
            // Even if a cut file stood in its place, it would never pass for labels.
            if cut < bytes.len() {
                let error = restore_labels(&part).unwrap_err().to_string();
                assert!(error.contains("damaged"), "{error}");
            }
        }
        autosave_labels(&after, &path).unwrap();
        assert_eq!(restore_labels(&path).unwrap(), after);
        assert!(!part.exists());
        assert!(restore_labels(&folder.path().join("missing")).is_err());
    }
}
