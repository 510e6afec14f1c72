//! Labels as text that gives back every bit: exact pixels in runs, exact coordinates, exact grids.
//! Knows labels. Knows nothing of files.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Crs, GeoTransform, Georef, Grid, GroundModel, LABEL_BLOCK, LabelBlock, LabelPolygon};

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
pub(crate) struct ExactPolygon {
    class_id: u8,
    source: String,
    usage: String,
    rings: Vec<Vec<(u64, u64)>>,
}

impl ExactPolygon {
    pub(crate) fn new(polygon: &LabelPolygon) -> Self {
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

    pub(crate) fn polygon(self) -> LabelPolygon {
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
pub(crate) struct BlockEntry(pub u32, pub u32, Vec<(u8, u16)>);

impl BlockEntry {
    pub(crate) fn new(key: (u32, u32), block: &LabelBlock) -> Self {
        Self(key.0, key.1, runs(block))
    }

    /// `None` when the runs do not fill a block.
    pub(crate) fn block(&self) -> Option<LabelBlock> {
        block(&self.2)
    }
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
