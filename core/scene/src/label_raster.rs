//! Label rasters: class codes of an integer raster taken over as painted pixels, on the same grid or by the nearest pixel.
//! Knows rasters and places. Knows nothing of shapes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::legend::{KnownClass, classes_beside};
use crate::{
    Class, Grid, ImportReport, LABEL_BLOCK, Labels, Raster, Reprojection, Resampling, SceneError,
    SceneResult, Window, class_color,
};

/// Codes of a block of the target grid; `None` = no label.
type Codes = Vec<Option<i64>>;

/// Reads band 1 of a raster as labels; 0 and nodata are unlabelled.
pub(crate) fn import_label_raster(path: &Path, grid: &Grid) -> SceneResult<(Labels, ImportReport)> {
    let raster = Raster::open(path).map_err(|error| {
        let details = error.details().map_or_else(|| error.to_string(), str::to_owned);
        SceneError::file(path, "this file can be read neither as shapes nor as a raster; it may be damaged: choose another one")
            .with_details(details)
    })?;
    let mut report = ImportReport::default();
    let reading = Reading::new(&raster, grid, path, &mut report)?;
    let mut blocks: BTreeMap<(u32, u32), Codes> = BTreeMap::new();
    let mut codes: BTreeSet<i64> = BTreeSet::new();
    for key in reading.block_keys() {
        let block = reading.block(key)?;
        let before = codes.len();
        codes.extend(block.iter().flatten());
        if codes.len() > before && codes.len() > 255 {
            return Err(SceneError::file(
                path,
                "this raster holds more than 255 different values; choose a raster of class codes",
            ));
        }
        if block.iter().any(Option::is_some) {
            blocks.insert(key, block);
        }
    }
    if codes.is_empty() {
        return Err(SceneError::file(
            path,
            "no labelled pixel of this raster lies on the scene; choose the labels of this scene",
        ));
    }
    let mut labels = Labels::new(grid.clone());
    let id_of = add_classes(&mut labels, &codes, &raster, path);
    for (key, block) in blocks {
        let (col, row) = crate::labels::first_pixel(key);
        for (at, code) in block.iter().enumerate() {
            if let Some(id) = code.and_then(|code| id_of.get(&code)) {
                labels.set_painted(col + at % LABEL_BLOCK, row + at / LABEL_BLOCK, *id);
                report.painted += 1;
            }
        }
    }
    Ok((labels, report))
}

/// Ids as in vector files: kept within 1..=255, else numbered in ascending order.
fn add_classes(
    labels: &mut Labels,
    codes: &BTreeSet<i64>,
    raster: &Raster,
    path: &Path,
) -> BTreeMap<i64, u8> {
    let fits = codes.iter().all(|code| (1..=255).contains(code));
    let beside = classes_beside(path);
    let palette: &[crate::PaletteEntry] = raster
        .info()
        .bands
        .first()
        .map_or(&[], |band| &band.palette);
    let mut id_of = BTreeMap::new();
    for (code, next) in codes.iter().zip(1_u8..=255) {
        let id = if fits {
            u8::try_from(*code).unwrap_or(next)
        } else {
            next
        };
        let entry = palette.iter().find(|entry| entry.value == *code);
        let listed: Option<&KnownClass> = beside.iter().find(|class| class.id == *code);
        let name = entry
            .map(|entry| entry.name.clone())
            .filter(|name| !name.is_empty());
        let color = entry.map(|entry| [entry.rgba[0], entry.rgba[1], entry.rgba[2]]);
        labels.set_class(Class {
            id,
            name: name
                .or(listed.map(|class| class.name.clone()))
                .unwrap_or_else(|| code.to_string()),
            color: color
                .or(listed.and_then(|class| class.color))
                .unwrap_or_else(|| class_color(id)),
        });
        id_of.insert(*code, id);
    }
    id_of
}

/// How the target's pixels find their value.
struct Reading<'a> {
    raster: &'a Raster,
    grid: &'a Grid,
    path: &'a Path,
    /// From the target's map to the raster's; `None` when the grids are the same.
    placed: Option<Placed>,
    /// Pixels of the target that may get a value.
    window: Window,
}

struct Placed {
    raster_from_grid: Option<Reprojection>,
    raster_pixel_from_map: crate::GeoTransform,
}

impl Placed {
    /// Raster pixel coordinates of a target pixel coordinate.
    fn raster_pixel(&self, grid: &Grid, col: f64, row: f64) -> Option<(f64, f64)> {
        let (x, y) = grid.transform().map_from_pixel(col, row);
        let (x, y) = match &self.raster_from_grid {
            Some(reprojection) => reprojection.point(x, y)?,
            None => (x, y),
        };
        let (col, row) = self.raster_pixel_from_map.map_from_pixel(x, y);
        (col.is_finite() && row.is_finite()).then_some((col, row))
    }
}

impl<'a> Reading<'a> {
    fn new(
        raster: &'a Raster,
        grid: &'a Grid,
        path: &'a Path,
        report: &mut ImportReport,
    ) -> SceneResult<Self> {
        let info = raster.info();
        if info.bands.is_empty() {
            return Err(SceneError::file(
                path,
                "this raster has no bands; choose a raster of class codes",
            ));
        }
        let is_same_size = info.grid.width == grid.width && info.grid.height == grid.height;
        let has_no_place = info.grid.georef.transform.is_none() || grid.georef.transform.is_none();
        if info.grid.same_as(grid) || (is_same_size && has_no_place) {
            if has_no_place && !info.grid.same_as(grid) {
                report.notes.push(
                    "one of both has no place on the map; pixels were taken one to one".to_owned(),
                );
            }
            return Ok(Self {
                raster,
                grid,
                path,
                placed: None,
                window: grid.window(),
            });
        }
        if has_no_place {
            let what = format!(
                "this label raster is {} x {} pixels, the scene {} x {}, and one of both has no place on the map; use labels of the same size",
                info.grid.width, info.grid.height, grid.width, grid.height
            );
            return Err(SceneError::file(path, what));
        }
        let cannot = |error: SceneError| {
            SceneError::file(
                path,
                format!("these labels cannot be moved to the scene: {error}"),
            )
        };
        let systems = info.grid.crs().zip(grid.crs());
        let raster_from_grid = systems
            .map(|(theirs, ours)| Reprojection::new(ours, theirs))
            .transpose()
            .map_err(cannot)?;
        let grid_from_raster = systems
            .map(|(theirs, ours)| Reprojection::new(theirs, ours))
            .transpose()
            .map_err(cannot)?;
        let no_size = || {
            SceneError::file(
                path,
                "the pixels of one of both rasters have no size on the map",
            )
        };
        let raster_pixel_from_map = info.grid.transform().inverse().ok_or_else(no_size)?;
        let pixel_from_map = grid.transform().inverse().ok_or_else(no_size)?;
        let window = outline(&info.grid, |x, y| {
            let (x, y) = match &grid_from_raster {
                Some(reprojection) => reprojection.point(x, y)?,
                None => (x, y),
            };
            Some(pixel_from_map.map_from_pixel(x, y))
        })
        .and_then(|rect| overlap(rect, grid));
        let Some(window) = window else {
            return Err(SceneError::file(
                path,
                "this label raster lies outside the scene; choose the labels of this scene",
            ));
        };
        report.notes.push(
            "the labels lie on another grid; each pixel took the class of the nearest one"
                .to_owned(),
        );
        Ok(Self {
            raster,
            grid,
            path,
            placed: Some(Placed {
                raster_from_grid,
                raster_pixel_from_map,
            }),
            window,
        })
    }

    fn block_keys(&self) -> Vec<(u32, u32)> {
        let Window {
            col,
            row,
            width,
            height,
        } = self.window;
        if width == 0 || height == 0 {
            return Vec::new();
        }
        let rows = row / LABEL_BLOCK..=(row + height - 1) / LABEL_BLOCK;
        rows.flat_map(|block_row| {
            (col / LABEL_BLOCK..=(col + width - 1) / LABEL_BLOCK)
                .map(move |block_col| (block_col as u32, block_row as u32))
        })
        .collect()
    }

    fn block(&self, key: (u32, u32)) -> SceneResult<Codes> {
        let (col, row) = crate::labels::first_pixel(key);
        let (width, height) = (
            LABEL_BLOCK.min(self.grid.width.saturating_sub(col)),
            LABEL_BLOCK.min(self.grid.height.saturating_sub(row)),
        );
        let mut codes = vec![None; LABEL_BLOCK * LABEL_BLOCK];
        let Some(placed) = &self.placed else {
            let values = self.values(Window {
                col,
                row,
                width,
                height,
            })?;
            for (at, code) in values.into_iter().enumerate() {
                codes[at / width * LABEL_BLOCK + at % width] = code;
            }
            return Ok(codes);
        };
        let places = nearest_pixels(placed, self.grid, (col, row), (width, height));
        let size = (
            self.raster.info().grid.width as f64,
            self.raster.info().grid.height as f64,
        );
        let inside: Vec<(usize, usize, usize)> = places
            .iter()
            .enumerate()
            .filter_map(|(at, place)| {
                let (x, y) = (*place)?;
                let is_inside = x >= 0.0 && y >= 0.0 && x < size.0 && y < size.1;
                is_inside.then_some((at, x as usize, y as usize))
            })
            .collect();
        let range = |of: fn(&(usize, usize, usize)) -> usize| {
            Some((inside.iter().map(of).min()?, inside.iter().map(of).max()?))
        };
        let (Some(cols), Some(rows)) = (range(|place| place.1), range(|place| place.2)) else {
            return Ok(codes);
        };
        let window = Window {
            col: cols.0,
            row: rows.0,
            width: cols.1 - cols.0 + 1,
            height: rows.1 - rows.0 + 1,
        };
        // A much finer raster: read only the rows that are asked for.
        if window.width * window.height > 64 << 20 {
            for (at, x, y) in inside {
                let value = self.values(Window {
                    col: x,
                    row: y,
                    width: 1,
                    height: 1,
                })?;
                codes[at / width * LABEL_BLOCK + at % width] = value.first().copied().flatten();
            }
            return Ok(codes);
        }
        let values = self.values(window)?;
        for (at, x, y) in inside {
            let value = values.get((y - window.row) * window.width + x - window.col);
            codes[at / width * LABEL_BLOCK + at % width] = value.copied().flatten();
        }
        Ok(codes)
    }

    fn values(&self, window: Window) -> SceneResult<Codes> {
        let block = self.raster.read_blocking(
            &[0],
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )?;
        block
            .values
            .iter()
            .zip(&block.valid)
            .map(|(value, is_valid)| match (*value, *is_valid) {
                (_, false) | (0.0, _) => Ok(None),
                (value, _) if value.fract() == 0.0 && value.abs() < 16_777_216.0 => Ok(Some(value as i64)),
                (value, _) => Err(SceneError::file(
                    self.path,
                    format!("band 1 holds {value}, which is no class code; choose a raster of whole numbers"),
                )),
            })
            .collect()
    }
}

/// Raster pixel coordinates of each pixel centre of a block: exact at the block's corners, in between as well unless
/// straight interpolation is right to a twentieth of a pixel.
fn nearest_pixels(
    placed: &Placed,
    grid: &Grid,
    first: (usize, usize),
    size: (usize, usize),
) -> Vec<Option<(f64, f64)>> {
    let at =
        |col: f64, row: f64| placed.raster_pixel(grid, first.0 as f64 + col, first.1 as f64 + row);
    let (width, height) = (size.0 as f64, size.1 as f64);
    let corners = [
        at(0.0, 0.0),
        at(width, 0.0),
        at(0.0, height),
        at(width, height),
    ];
    let straight = |col: f64, row: f64| -> Option<(f64, f64)> {
        let (u, v) = (col / width, row / height);
        let shares = [(1.0 - u) * (1.0 - v), u * (1.0 - v), (1.0 - u) * v, u * v];
        corners
            .iter()
            .zip(shares)
            .try_fold((0.0, 0.0), |sum, (corner, share)| {
                corner.map(|corner| (sum.0 + share * corner.0, sum.1 + share * corner.1))
            })
    };
    let probes = [(0.5, 0.5), (0.5, 0.0), (0.0, 0.5), (1.0, 0.5), (0.5, 1.0)];
    let is_straight = probes.iter().all(|(u, v)| {
        match (at(u * width, v * height), straight(u * width, v * height)) {
            (Some(exact), Some(near)) => {
                (exact.0 - near.0).abs() < 0.05 && (exact.1 - near.1).abs() < 0.05
            }
            _ => false,
        }
    });
    (0..size.0 * size.1)
        .map(|index| {
            let (col, row) = ((index % size.0) as f64 + 0.5, (index / size.0) as f64 + 0.5);
            if is_straight {
                straight(col, row)
            } else {
                at(col, row)
            }
        })
        .collect()
}

/// The rectangle around a grid's outline after `place`.
fn outline(grid: &Grid, place: impl Fn(f64, f64) -> Option<(f64, f64)>) -> Option<crate::MapRect> {
    const STEPS: usize = 32;
    let transform = grid.transform();
    let points = (0..=STEPS).flat_map(|step| {
        let share = step as f64 / STEPS as f64;
        let (width, height) = (grid.width as f64, grid.height as f64);
        [
            (share * width, 0.0),
            (share * width, height),
            (0.0, share * height),
            (width, share * height),
        ]
    });
    crate::MapRect::around(points.filter_map(|(col, row)| {
        let (x, y) = transform.map_from_pixel(col, row);
        place(x, y)
    }))
}

/// The part of a grid under a rectangle in its pixel coordinates, one pixel wider for safety.
fn overlap(rect: crate::MapRect, grid: &Grid) -> Option<Window> {
    let cut = |value: f64, end: usize| value.clamp(0.0, end as f64) as usize;
    let (col, end_col) = (
        cut((rect.min_x - 1.0).floor(), grid.width),
        cut((rect.max_x + 1.0).ceil(), grid.width),
    );
    let (row, end_row) = (
        cut((rect.min_y - 1.0).floor(), grid.height),
        cut((rect.max_y + 1.0).ceil(), grid.height),
    );
    let overlaps = rect.max_x > 0.0 && rect.max_y > 0.0 && col < end_col && row < end_row;
    overlaps.then_some(Window {
        col,
        row,
        width: end_col - col,
        height: end_row - row,
    })
}
