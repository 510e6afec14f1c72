//! Similarity search (specification of fields, section 3.3): examples, what is compared with them, and the best places.
//! Knows fields as rasters and outlines. Knows nothing of jobs, of how the result is drawn, or of who clicked.

use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::polygons::PixelShape;
use crate::{
    FIELD_AXES, FIELD_NODATA, Grid, Raster, SceneError, SceneResult, Window, decode_planar_pixel,
    decode_table, similarity_reference,
};

/// Matches are at least this alike unless the user says otherwise.
pub const DEFAULT_THRESHOLD: f32 = 0.90;
/// Examples a search takes: the shader compares every pixel with each of them.
pub const MOST_EXAMPLES: usize = 64;
/// A mean shorter than this is of vectors that point everywhere: it stands for none of them.
pub const MIXED_COHERENCE: f32 = 0.2;
/// Decoded vectors shorter than this are fill, squared.
const SHORTEST_SQUARED: f32 = 0.25;
/// Pixels compared by one thread at a time.
const PIXELS_PER_TASK: usize = 4096;
/// Side of the squares in which an area is read.
const READ_SIDE: usize = 512;

/// Rings of an outline in map coordinates, the outer one first, then holes.
pub type Rings = Vec<Vec<(f64, f64)>>;

/// How several examples make one likeness.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combine {
    /// Mean of the dot products: like all of them.
    #[default]
    Mean,
    /// The largest dot product: like any of them.
    Max,
}

/// Something the user pointed at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// Unit length, 64 numbers.
    pub vector: Vec<f32>,
    /// A pixel's middle or an area's first corner, in the map coordinates of the field; older projects do not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<(f64, f64)>,
    /// Outline of an area in the same coordinates; empty for a pixel.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rings: Rings,
    /// Pixels with data the vector is the mean of.
    #[serde(default = "one")]
    pub pixels: u64,
    /// Length of the mean before it was scaled to 1: 1 when all pixels are the same.
    #[serde(default = "whole")]
    pub coherence: f32,
}

fn one() -> u64 {
    1
}

fn whole() -> f32 {
    1.0
}

impl Example {
    /// One pixel.
    pub fn pixel(vector: Vec<f32>, at: Option<(f64, f64)>) -> Self {
        Self {
            vector,
            at,
            rings: Vec::new(),
            pixels: 1,
            coherence: 1.0,
        }
    }

    pub fn is_area(&self) -> bool {
        !self.rings.is_empty()
    }
}

/// A search as a style shows it: heat map between `low` and `high`, or only what is alike enough.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredSimilarity")]
pub struct Similarity {
    pub examples: Vec<Example>,
    pub combine: Combine,
    pub low: f32,
    pub high: f32,
    pub threshold: f32,
    /// What is less alike than `threshold` is not drawn.
    pub only_matches: bool,
    /// File the examples were taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<PathBuf>,
}

impl Default for Similarity {
    fn default() -> Self {
        Self {
            examples: Vec::new(),
            combine: Combine::Mean,
            low: 0.0,
            high: 1.0,
            threshold: DEFAULT_THRESHOLD,
            only_matches: false,
            field: None,
        }
    }
}

/// What project files hold: before there were several examples, one `reference`.
#[derive(Deserialize)]
struct StoredSimilarity {
    #[serde(default)]
    examples: Vec<Example>,
    #[serde(default)]
    reference: Vec<f32>,
    #[serde(default)]
    combine: Combine,
    low: f32,
    high: f32,
    threshold: Option<f32>,
    #[serde(default)]
    only_matches: bool,
    field: Option<PathBuf>,
}

impl From<StoredSimilarity> for Similarity {
    fn from(stored: StoredSimilarity) -> Self {
        let mut examples = stored.examples;
        if examples.is_empty() && !stored.reference.is_empty() {
            examples.push(Example::pixel(stored.reference, None));
        }
        Self {
            examples,
            combine: stored.combine,
            low: stored.low,
            high: stored.high,
            threshold: stored.threshold.unwrap_or(DEFAULT_THRESHOLD),
            only_matches: stored.only_matches,
            field: stored.field,
        }
    }
}

impl Similarity {
    /// The vectors every pixel is compared with.
    pub fn forms(&self) -> SimilarityForms {
        SimilarityForms::new(
            self.combine,
            self.examples
                .iter()
                .map(|example| example.vector.as_slice()),
        )
    }

    /// The file the examples lie in, if that is another one than `shown`. A project moved to another folder keeps its names.
    pub fn taken_elsewhere(&self, shown: &Path) -> Option<&Path> {
        self.field
            .as_deref()
            .filter(|field| *field != shown && field.file_name() != shown.file_name())
    }
}

/// Rows a unit vector is multiplied with; the likeness is the largest product.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarityForms {
    pub rows: Vec<[f32; FIELD_AXES]>,
}

impl SimilarityForms {
    /// `Mean` needs one row only: the mean of dot products is the dot product with the mean. Vectors of another length
    /// than 64 count as zeros at the end.
    pub fn new<'a>(combine: Combine, vectors: impl Iterator<Item = &'a [f32]>) -> Self {
        let mut rows: Vec<[f32; FIELD_AXES]> = vectors
            .take(MOST_EXAMPLES)
            .map(|vector| std::array::from_fn(|axis| vector.get(axis).copied().unwrap_or_default()))
            .collect();
        if combine == Combine::Mean {
            rows = similarity_reference(&rows).into_iter().collect();
        }
        Self { rows }
    }

    /// Likeness of every pixel of planar codes (`64 * pixels`), -1 to 1; NaN where the field has no data.
    pub fn values(&self, codes: &[i8], pixels: usize) -> Vec<f32> {
        let mut values = vec![f32::NAN; pixels];
        if codes.len() < FIELD_AXES * pixels || self.rows.is_empty() {
            return values;
        }
        let table = decode_table();
        values
            .par_chunks_mut(PIXELS_PER_TASK)
            .enumerate()
            .for_each(|(task, values)| {
                let first = task * PIXELS_PER_TASK;
                let mut squares = vec![0.0f32; values.len()];
                let mut products = vec![0.0f32; values.len() * self.rows.len()];
                let mut missing = vec![false; values.len()];
                let mut decoded = vec![0.0f32; values.len()];
                for axis in 0..FIELD_AXES {
                    let plane = &codes[axis * pixels + first..][..values.len()];
                    for (at, code) in plane.iter().enumerate() {
                        decoded[at] = table[usize::from(code.cast_unsigned())];
                        missing[at] |= *code == FIELD_NODATA;
                        squares[at] += decoded[at] * decoded[at];
                    }
                    for (row, products) in self
                        .rows
                        .iter()
                        .zip(products.chunks_exact_mut(values.len()))
                    {
                        for (product, value) in products.iter_mut().zip(&decoded) {
                            *product += row[axis] * value;
                        }
                    }
                }
                for (at, value) in values.iter_mut().enumerate() {
                    if missing[at] || squares[at] < SHORTEST_SQUARED {
                        continue;
                    }
                    let best = products
                        .iter()
                        .skip(at)
                        .step_by(squares.len())
                        .copied()
                        .fold(f32::MIN, f32::max);
                    *value = best / squares[at].sqrt();
                }
            });
        values
    }
}

/// The pixel at a place in the field's map coordinates.
///
/// # Errors
/// The place lies outside, or the field has no data there.
pub fn example_at_blocking(field: &Raster, at: (f64, f64)) -> SceneResult<Example> {
    let (path, grid) = (&field.info().path, &field.info().grid);
    let pixel = pixel_at(grid, at).ok_or_else(|| {
        SceneError::file(
            path,
            format!("the place {}, {} lies outside the field", at.0, at.1),
        )
    })?;
    let window = Window {
        col: pixel.0,
        row: pixel.1,
        width: 1,
        height: 1,
    };
    let codes = field.read_codes_blocking(window, 1, 1)?;
    let vector = decode_planar_pixel(&codes, 1, 0).ok_or_else(|| {
        SceneError::file(
            path,
            format!(
                "the field has no data at {}, {}; choose another place",
                at.0, at.1
            ),
        )
    })?;
    Ok(Example::pixel(vector.to_vec(), Some(at)))
}

/// Column and row under a place in map coordinates; `None` outside.
pub fn pixel_at(grid: &Grid, at: (f64, f64)) -> Option<(usize, usize)> {
    let (col, row) = grid.transform().inverse()?.map_from_pixel(at.0, at.1);
    grid.holds(col, row).then_some((col as usize, row as usize))
}

/// The mean over the pixels whose centre lies inside an outline, scaled to length 1 (section 3.8). Reads square by square.
///
/// # Errors
/// No pixel with data inside, vectors that cancel out, or `go_on` said no.
pub fn example_of_area_blocking(
    field: &Raster,
    rings: &Rings,
    go_on: &dyn Fn() -> bool,
) -> SceneResult<Example> {
    let (path, grid) = (&field.info().path, &field.info().grid);
    let empty = || {
        SceneError::file(
            path,
            "the field has no data inside the area; draw it elsewhere or larger",
        )
    };
    let pixel_from_map = grid.transform().inverse().ok_or_else(empty)?;
    let shape =
        PixelShape::new(rings, &pixel_from_map, grid.width, grid.height).ok_or_else(empty)?;
    let extent = shape.extent();
    let (mut sum, mut pixels) = ([0.0f64; FIELD_AXES], 0u64);
    for window in squares_of(extent, READ_SIDE) {
        if !go_on() {
            return Err(SceneError::Cancelled);
        }
        let mut inside = Vec::new();
        shape.spans(window.row..window.end_row(), |row, cols| {
            let cols = cols.start.max(window.col)..cols.end.min(window.end_col());
            inside.extend(cols.map(|col| (row - window.row) * window.width + col - window.col));
        });
        if inside.is_empty() {
            continue;
        }
        let codes = field.read_codes_blocking(window, window.width, window.height)?;
        for index in inside {
            if let Some(vector) = decode_planar_pixel(&codes, window.pixels(), index) {
                pixels += 1;
                for (sum, value) in sum.iter_mut().zip(&vector) {
                    *sum += f64::from(*value);
                }
            }
        }
    }
    if pixels == 0 {
        return Err(empty());
    }
    let mean = sum.map(|sum| sum / pixels as f64);
    let length = mean.iter().map(|value| value * value).sum::<f64>().sqrt();
    if length < 1e-6 {
        return Err(SceneError::file(
            path,
            "the pixels inside the area have nothing in common; draw a smaller one",
        ));
    }
    Ok(Example {
        vector: mean.iter().map(|value| (value / length) as f32).collect(),
        at: rings.first().and_then(|ring| ring.first()).copied(),
        rings: rings.clone(),
        pixels,
        coherence: length as f32,
    })
}

/// A window cut into squares of `side`, row by row.
pub fn squares_of(extent: Window, side: usize) -> Vec<Window> {
    (extent.row..extent.end_row())
        .step_by(side)
        .flat_map(|row| {
            (extent.col..extent.end_col())
                .step_by(side)
                .map(move |col| (col, row))
        })
        .map(|(col, row)| Window {
            col,
            row,
            width: side.min(extent.end_col() - col),
            height: side.min(extent.end_row() - row),
        })
        .collect()
}

/// Polygons of a vector file (`file:layer` names one of its layers) in the map coordinates of a grid, a part each.
///
/// # Errors
/// No such file or layer, or no polygons in it.
pub fn outlines_blocking(name: &str, grid: &Grid) -> SceneResult<Vec<Rings>> {
    let (path, table) = crate::file_and_layer(name);
    let layer = crate::read_vector_blocking(&path, table.as_deref(), &Default::default())?;
    let placed = crate::place_vectors_blocking(
        &layer,
        grid.crs(),
        &std::sync::atomic::AtomicBool::new(false),
    )?;
    let outlines: Vec<Rings> = (0..placed.shapes.parts())
        .filter_map(|part| placed.shapes.part(part))
        .filter(|part| part.kind == crate::PartKind::Polygon)
        .map(|part| {
            part.rings()
                .map(|ring| ring.iter().map(|[x, y]| (*x, *y)).collect())
                .collect()
        })
        .collect();
    if outlines.is_empty() {
        return Err(SceneError::file(
            path,
            "there are no polygons in this file or layer; choose one with polygons",
        ));
    }
    Ok(outlines)
}

/// Outlines of everything labelled with a class, polygons first, then painted patches, in the labels' map coordinates.
pub fn outlines_of_class(labels: &crate::Labels, class_id: u8) -> Vec<Rings> {
    let transform = labels.grid.transform();
    let polygons = labels
        .polygons
        .iter()
        .filter(|polygon| polygon.class_id == class_id)
        .map(|polygon| polygon.rings.clone());
    let painted = crate::outlines::painted_patches(labels)
        .into_iter()
        .filter(|patch| patch.class_id == class_id)
        .map(|patch| {
            let on_map = |ring: &Vec<(i64, i64)>| {
                ring.iter()
                    .map(|(col, row)| transform.map_from_pixel(*col as f64, *row as f64))
                    .collect()
            };
            patch.rings.iter().map(on_map).collect()
        });
    polygons.chain(painted).collect()
}

/// Pixels along the edge of an outline: what is to be kept away from.
pub fn edge_pixels(grid: &Grid, rings: &Rings) -> Vec<(usize, usize)> {
    let Some(shape) = grid
        .transform()
        .inverse()
        .and_then(|inverse| PixelShape::new(rings, &inverse, grid.width, grid.height))
    else {
        return Vec::new();
    };
    let extent = shape.extent();
    let (mut edge, mut above) = (Vec::new(), Vec::<std::ops::Range<usize>>::new());
    let (mut line, mut last) = (Vec::<std::ops::Range<usize>>::new(), extent.row);
    let mut pixels =
        |row: usize, line: &[std::ops::Range<usize>], above: &[std::ops::Range<usize>]| {
            for cols in line {
                for col in cols.clone() {
                    let is_end = col == cols.start || col + 1 == cols.end;
                    let is_open = !above.iter().any(|above| above.contains(&col));
                    if is_end || is_open || row + 1 == extent.end_row() {
                        edge.push((col, row));
                    }
                }
            }
        };
    shape.spans(extent.row..extent.end_row(), |row, cols| {
        if row != last {
            pixels(last, &line, &above);
            above = std::mem::take(&mut line);
            last = row;
        }
        line.push(cols);
    });
    pixels(last, &line, &above);
    edge
}

#[cfg(test)]
#[path = "similarity_tests.rs"]
mod tests;
