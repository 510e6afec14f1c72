//! Labelled pixels a run is watched by: crops with many labels, the same throughout. Nothing is learnt from them.
//! Knows labels, archives and chance. Knows nothing of tensors.

use std::collections::BTreeMap;
use std::path::Path;

use terroir_models::Stream;
use terroir_scene::{LabelledPixel, SceneResult, Window, import_labels};

use super::chips::turned;
use super::places::Place;
use super::preview::Labelled;
use super::rows::{Row, Rows};
use super::sampling::pick;
use crate::Failure;

/// Crops that are looked at.
const CROPS: usize = 6;
/// Pixels of a class in a crop.
const OF_CLASS: usize = 24;

/// Rows with labels, and the labelled pixels in them.
///
/// # Errors
/// No archive has any of the labels.
pub fn labelled_blocking(
    rows: &mut Rows,
    path: &Path,
    go_on: &dyn Fn() -> bool,
) -> Result<(Vec<Row>, Vec<Labelled>), Failure> {
    let mut crops: Vec<(Place, Vec<LabelledPixel>)> = Vec::new();
    let mut last = None;
    for (archive, opened) in rows.archives.iter().enumerate() {
        let grid = &opened.archive.grid;
        match import_labels(path, grid, None) {
            Ok((labels, _)) => {
                crops.extend(crops_of(
                    archive,
                    &labels.pixels(),
                    [grid.width, grid.height],
                    rows.side,
                ));
            }
            Err(error) => last = Some(error),
        }
    }
    if crops.is_empty() {
        return Err(match last {
            Some(error) => Failure::from(error),
            None => Failure::new(format!(
                "no archive has any of these labels\n{}",
                path.display()
            )),
        });
    }
    // Many labels first, the archives in turn.
    crops.sort_by_key(|(_, pixels)| std::cmp::Reverse(pixels.len()));
    crops.truncate(CROPS);
    read(rows, crops, go_on).map_err(Failure::from)
}

/// Labelled pixels by crop, of a lattice of crops over the archive.
fn crops_of(
    archive: usize,
    pixels: &[LabelledPixel],
    [width, height]: [usize; 2],
    side: usize,
) -> Vec<(Place, Vec<LabelledPixel>)> {
    let mut crops: BTreeMap<(usize, usize), Vec<LabelledPixel>> = BTreeMap::new();
    for pixel in pixels {
        let key = (pixel.row / side, pixel.col / side);
        crops.entry(key).or_default().push(*pixel);
    }
    crops
        .into_iter()
        .map(|((row, col), pixels)| {
            let window = Window {
                col: (col * side).min(width.saturating_sub(side)),
                row: (row * side).min(height.saturating_sub(side)),
                width: side.min(width),
                height: side.min(height),
            };
            (Place { archive, window }, pixels)
        })
        .collect()
}

fn read(
    rows: &mut Rows,
    crops: Vec<(Place, Vec<LabelledPixel>)>,
    go_on: &dyn Fn() -> bool,
) -> SceneResult<(Vec<Row>, Vec<Labelled>)> {
    let (mut found, mut labels) = (Vec::new(), Vec::new());
    for (number, (place, pixels)) in crops.into_iter().enumerate() {
        let mut chance = Stream::new(0, &format!("labelled {number}"));
        let Some(row) = rows.row_blocking(place, None, &mut chance, go_on)? else {
            continue;
        };
        let order = turned(row.turn, rows.side);
        let mut by_class: BTreeMap<u8, Vec<LabelledPixel>> = BTreeMap::new();
        for pixel in pixels {
            by_class.entry(pixel.class_id).or_default().push(pixel);
        }
        for (class, mut pixels) in by_class {
            for at in 0..OF_CLASS.min(pixels.len()) {
                let other = at + pick(pixels.len() - at, &mut chance);
                pixels.swap(at, other);
            }
            pixels.truncate(OF_CLASS);
            for pixel in pixels {
                let inside =
                    (pixel.row - place.window.row) * rows.side + pixel.col - place.window.col;
                let Some(at) = order.iter().position(|from| *from == inside) else {
                    continue;
                };
                // Painted pixels have no polygon: their crop stands for it.
                let ground = match pixel.polygon {
                    0 => u32::MAX - number as u32,
                    polygon => polygon + (place.archive as u32) * 0x0100_0000,
                };
                labels.push(Labelled {
                    row: found.len(),
                    pixel: at,
                    class,
                    ground,
                });
            }
        }
        found.push(row);
    }
    Ok((found, labels))
}
