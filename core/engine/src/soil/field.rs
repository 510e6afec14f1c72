//! A field beside the images of a soil-moisture job: what a model found at a place over a season, in its first principal
//! components. It does not change from day to day, but tells places apart. Knows fields and grids; knows nothing of fits.

use std::path::{Path, PathBuf};

use terroir_scene::{
    Grid, PcaBasis, Raster, Reprojection, Window, decode_planar_pixel, fit_pca_of_blocking,
};

use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::provenance::{checksum_of, file_name, value_of};

/// Principal components that are used: with more of them a few stations are told apart one by one, and nothing is learnt of soil.
const COMPONENTS: usize = 4;

pub(super) struct Field {
    path: PathBuf,
    sha256: Option<String>,
    raster: Raster,
    basis: PcaBasis,
    /// Of the images.
    grid: Grid,
    /// From the map of the images to that of the field, where they differ.
    to_field: Option<Reprojection>,
}

impl Field {
    /// # Errors
    /// No field, one without data or without a place on the ground, a cancel.
    pub fn open(path: &Path, grid: &Grid, monitor: &Monitor<'_>) -> JobResult<Self> {
        let raster = Raster::open(path)?;
        if !raster.info().is_field() {
            return Err(Failure::new(format!(
                "this is no field of 64 numbers a pixel; make one of the images (terroir embed), or leave it out\n{}",
                path.display()
            ))
            .into());
        }
        let (own, theirs) = (
            grid.georef.ground_crs(),
            raster.info().grid.georef.ground_crs(),
        );
        let to_field = match (own, theirs) {
            (Some(own), Some(theirs)) if !own.same_as(theirs) => {
                Some(Reprojection::new(own, theirs)?)
            }
            _ => None,
        };
        let mut go_on = |share: f64| {
            monitor.progress("looking at the field", (100.0 * share) as u64, 100);
            !monitor.is_cancelled()
        };
        let basis = fit_pca_of_blocking(std::slice::from_ref(&raster), false, &mut go_on);
        monitor.check()?;
        Ok(Self {
            path: path.to_owned(),
            sha256: checksum_of(path)?,
            raster,
            basis: basis?,
            grid: grid.clone(),
            to_field,
        })
    }

    fn components(&self) -> usize {
        self.basis.components.len().min(COMPONENTS)
    }

    /// What its numbers are called.
    pub fn names(&self) -> Vec<String> {
        (1..=self.components())
            .map(|number| format!("field component {number}"))
            .collect()
    }

    /// For reports and provenance: the file, its hash and the model that made it.
    pub fn about(&self) -> serde_json::Value {
        serde_json::json!({
            "file": file_name(&self.path), "sha256": self.sha256,
            "model": value_of(self.raster.info(), "TERROIR_MODEL"), "components": self.components(),
            "shares": self.basis.shares.iter().take(self.components()).collect::<Vec<_>>(),
        })
    }

    /// The pixel of the field under one of the images' grid.
    fn pixel(&self, col: usize, row: usize) -> Option<(usize, usize)> {
        let (x, y) = self
            .grid
            .ground_from_pixel(col as f64 + 0.5, row as f64 + 0.5)?;
        let (x, y) = match &self.to_field {
            Some(to_field) => to_field.point(x, y)?,
            None => (x, y),
        };
        let grid = &self.raster.info().grid;
        let (col, row) = grid.pixel_from_ground(x, y)?;
        grid.holds(col, row).then_some((col as usize, row as usize))
    }

    /// Numbers of every pixel of a window of the images' grid; `None` where the field has no data.
    ///
    /// # Errors
    /// The file cannot be read any more.
    pub fn read_blocking(&self, window: Window) -> JobResult<Vec<Option<Vec<f32>>>> {
        let pixels: Vec<Option<(usize, usize)>> = (window.row..window.end_row())
            .flat_map(|row| (window.col..window.col + window.width).map(move |col| (col, row)))
            .map(|(col, row)| self.pixel(col, row))
            .collect();
        let there = || pixels.iter().flatten();
        let (Some(left), Some(right), Some(top), Some(bottom)) = (
            there().map(|at| at.0).min(),
            there().map(|at| at.0).max(),
            there().map(|at| at.1).min(),
            there().map(|at| at.1).max(),
        ) else {
            return Ok(vec![None; pixels.len()]);
        };
        let (width, height) = (right - left + 1, bottom - top + 1);
        let part = Window {
            col: left,
            row: top,
            width,
            height,
        };
        let codes = self.raster.read_codes_blocking(part, width, height)?;
        let numbers = |(col, row): (usize, usize)| {
            let at = (row - top) * width + (col - left);
            let vector = decode_planar_pixel(&codes, width * height, at)?;
            let of = (0..self.components()).map(|k| self.basis.project(&vector, k));
            Some(of.collect())
        };
        Ok(pixels.into_iter().map(|at| numbers(at?)).collect())
    }
}
