//! The grid of an archive: which of its images' grids is used, and where the pixels of one grid lie on another.
//! Knows grids and reference systems. Reads no pixels.

use std::cell::RefCell;
use std::rc::Rc;

use crate::archive::ArchiveSource;
use crate::{Crs, Grid, MapGeometry, Reprojection, Window, extent_in_map};

/// Grids whose pixels differ by less are equally fine.
const EQUALLY_FINE: f64 = 1.02;
/// Between reference systems, pixels this far apart are placed exactly and those between them in proportion.
const NODE_PX: usize = 16;
/// Ways between reference systems a thread keeps.
const MOST_WAYS: usize = 16;

/// The finest grid of the dated images; of equally fine ones one in metres before one in degrees, then the one most images
/// have, then the earliest.
pub(crate) fn choose_grid(sources: &[ArchiveSource]) -> Option<Grid> {
    let mut grids: Vec<(&Grid, f64, usize, f64)> = Vec::new();
    let frames = sources.iter().flat_map(|source| &source.frames);
    for frame in frames.filter(|frame| !frame.is_static) {
        for piece in &frame.pieces {
            match grids.iter_mut().find(|known| known.0.same_as(&piece.grid)) {
                Some(known) => {
                    known.2 += 1;
                    known.3 = known.3.min(frame.day);
                }
                None => {
                    // Images without a place come after those with one.
                    let metres = pixel_metres(&piece.grid).unwrap_or(f64::INFINITY);
                    grids.push((&piece.grid, metres, 1, frame.day));
                }
            }
        }
    }
    let finest = grids
        .iter()
        .map(|grid| grid.1)
        .fold(f64::INFINITY, f64::min);
    grids
        .into_iter()
        .filter(|grid| grid.1 <= finest * EQUALLY_FINE)
        .min_by(|a, b| {
            let is_geographic = |grid: &Grid| grid.crs().is_some_and(|crs| crs.is_geographic);
            (is_geographic(a.0).cmp(&is_geographic(b.0)))
                .then(b.2.cmp(&a.2))
                .then(a.3.total_cmp(&b.3))
        })
        .map(|grid| grid.0.clone())
}

/// Side of a pixel on the ground, in the middle of the raster; `None` for a raster without a place.
pub fn pixel_metres(grid: &Grid) -> Option<f64> {
    let transform = grid.georef.transform?;
    let crs = grid.crs()?;
    let (across, down) = transform.pixel_size();
    if !crs.is_geographic {
        return Some(across.min(down) * crs.linear_unit_metres()?);
    }
    let geometry = MapGeometry::shared(crs)?;
    let (col, row) = (grid.width as f64 / 2.0, grid.height as f64 / 2.0);
    let at = |col: f64, row: f64| transform.map_from_pixel(col, row);
    let right = geometry.metres_between(at(col - 0.5, row), at(col + 0.5, row))?;
    let below = geometry.metres_between(at(col, row - 0.5), at(col, row + 0.5))?;
    Some(right.min(below))
}

/// Whether two grids have ground in common. Grids without a place have it when they are of one size.
pub(crate) fn overlaps(grid: &Grid, other: &Grid) -> bool {
    if grid.same_as(other) {
        return true;
    }
    match (is_placed(grid), is_placed(other)) {
        (true, true) => {}
        (false, false) => return (grid.width, grid.height) == (other.width, other.height),
        _ => return false,
    }
    if let (Some(a), Some(b)) = (grid.crs(), other.crs()) {
        let rect = extent_in_map(&other.transform(), other.width, other.height);
        let own = extent_in_map(&grid.transform(), grid.width, grid.height);
        let moved = if a.same_as(b) {
            Some(rect)
        } else {
            way(b, a).and_then(|way| way.rect(rect))
        };
        return moved.is_some_and(|rect| {
            rect.min_x < own.max_x
                && own.min_x < rect.max_x
                && rect.min_y < own.max_y
                && own.min_y < rect.max_y
        });
    }
    lattice(grid, grid.window(), other).is_some_and(|lattice| lattice.bounds(other).is_some())
}

fn is_placed(grid: &Grid) -> bool {
    grid.georef.transform.is_some() || grid.georef.model.is_some()
}

/// Where the centres of the pixels of a window lie on another grid, in its pixels. NaN where no way leads there.
pub(crate) struct Lattice {
    pub width: usize,
    pub height: usize,
    pub cols: Vec<f64>,
    pub rows: Vec<f64>,
}

impl Lattice {
    /// The window of the other grid under all pixels, with one more around; `None` when none lies on it.
    pub fn bounds(&self, other: &Grid) -> Option<Window> {
        let (mut low, mut high) = (
            (f64::INFINITY, f64::INFINITY),
            (f64::NEG_INFINITY, f64::NEG_INFINITY),
        );
        for (col, row) in self.cols.iter().zip(&self.rows) {
            if is_on(other, *col, *row) {
                low = (low.0.min(*col), low.1.min(*row));
                high = (high.0.max(*col), high.1.max(*row));
            }
        }
        if low.0 > high.0 {
            return None;
        }
        let from = |value: f64| (value.floor() - 1.0).max(0.0) as usize;
        let to = |value: f64, size: usize| ((value.floor() + 2.0).max(1.0) as usize).min(size);
        let (col, row) = (from(low.0), from(low.1));
        Some(Window {
            col,
            row,
            width: to(high.0, other.width).saturating_sub(col).max(1),
            height: to(high.1, other.height).saturating_sub(row).max(1),
        })
    }

    /// Pixels of the other grid to one of this, across and down, at least 1.
    pub fn step(&self) -> (f64, f64) {
        let middle = (self.height / 2) * self.width + self.width / 2;
        let beside = if self.width > 1 { middle - 1 } else { middle };
        let above = if self.height > 1 {
            middle - self.width
        } else {
            middle
        };
        let apart = |values: &[f64]| {
            let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
            let (a, b) = (
                (at(middle) - at(beside)).abs(),
                (at(middle) - at(above)).abs(),
            );
            let most = a.max(b);
            if most.is_finite() { most.max(1.0) } else { 1.0 }
        };
        (apart(&self.cols), apart(&self.rows))
    }
}

pub(crate) fn is_on(grid: &Grid, col: f64, row: f64) -> bool {
    (0.0..=grid.width as f64).contains(&col) && (0.0..=grid.height as f64).contains(&row)
}

/// `None` when no way leads from one reference system to the other.
pub(crate) fn lattice(grid: &Grid, window: Window, other: &Grid) -> Option<Lattice> {
    let count = window.pixels();
    let (mut cols, mut rows) = (Vec::with_capacity(count), Vec::with_capacity(count));
    let place = |col: usize, row: usize| {
        (
            (window.col + col) as f64 + 0.5,
            (window.row + row) as f64 + 0.5,
        )
    };
    let is_plain = grid.georef.model.is_none() && other.georef.model.is_none();
    let is_one_system = match (grid.crs(), other.crs()) {
        (Some(a), Some(b)) => a.same_as(b),
        _ => true,
    };
    if is_plain && is_one_system {
        let (from, to) = (grid.transform(), other.transform().inverse()?);
        for row in 0..window.height {
            for col in 0..window.width {
                let (col, row) = place(col, row);
                let (x, y) = from.map_from_pixel(col, row);
                let (col, row) = to.map_from_pixel(x, y);
                cols.push(col);
                rows.push(row);
            }
        }
        return Some(Lattice {
            width: window.width,
            height: window.height,
            cols,
            rows,
        });
    }
    let way = match (grid.georef.ground_crs(), other.georef.ground_crs()) {
        (Some(a), Some(b)) => Some(way(a, b)?),
        _ => None,
    };
    let exact = |col: usize, row: usize| -> (f64, f64) {
        let (col, row) = place(col, row);
        let found = grid.ground_from_pixel(col, row).and_then(|(x, y)| {
            let (x, y) = match &way {
                Some(way) => way.point(x, y)?,
                None => (x, y),
            };
            other.pixel_from_ground(x, y)
        });
        found.unwrap_or((f64::NAN, f64::NAN))
    };
    let nodes = |size: usize| -> Vec<usize> {
        let mut nodes: Vec<usize> = (0..size).step_by(NODE_PX).collect();
        if nodes.last() != Some(&(size - 1)) {
            nodes.push(size - 1);
        }
        nodes
    };
    if count == 0 {
        return None;
    }
    let (across, down) = (nodes(window.width), nodes(window.height));
    let placed: Vec<Vec<(f64, f64)>> = down
        .iter()
        .map(|row| across.iter().map(|col| exact(*col, *row)).collect())
        .collect();
    let span = |nodes: &[usize], at: usize| {
        let low = (at / NODE_PX).min(nodes.len().saturating_sub(2));
        let high = (low + 1).min(nodes.len() - 1);
        let length = nodes[high] - nodes[low];
        let share = if length == 0 {
            0.0
        } else {
            (at - nodes[low]) as f64 / length as f64
        };
        (low, high, share)
    };
    for row in 0..window.height {
        let (top, bottom, v) = span(&down, row);
        for col in 0..window.width {
            let (left, right, u) = span(&across, col);
            let mix = |pick: fn(&(f64, f64)) -> f64| {
                let upper = pick(&placed[top][left]) * (1.0 - u) + pick(&placed[top][right]) * u;
                let lower =
                    pick(&placed[bottom][left]) * (1.0 - u) + pick(&placed[bottom][right]) * u;
                upper * (1.0 - v) + lower * v
            };
            cols.push(mix(|place| place.0));
            rows.push(mix(|place| place.1));
        }
    }
    Some(Lattice {
        width: window.width,
        height: window.height,
        cols,
        rows,
    })
}

/// The way from one reference system to another; kept by each thread, since PROJ's stay on theirs.
fn way(from: &Crs, to: &Crs) -> Option<Rc<Reprojection>> {
    type Way = (Crs, Crs, Option<Rc<Reprojection>>);
    thread_local! {
        static WAYS: RefCell<Vec<Way>> = const { RefCell::new(Vec::new()) };
    }
    WAYS.with_borrow_mut(|ways| {
        if let Some(known) = ways.iter().find(|way| way.0 == *from && way.1 == *to) {
            return known.2.clone();
        }
        let way = Reprojection::new(from, to).ok().map(Rc::new);
        if ways.len() >= MOST_WAYS {
            ways.remove(0);
        }
        ways.push((from.clone(), to.clone(), way.clone()));
        way
    })
}
