//! Patches written to a GeoPackage as they are found: outline, area and mean value of each. Beside the target, then renamed.
//! Knows patches, grids and OGR; knows nothing of what the values mean.

use std::path::{Path, PathBuf};

use gdal::vector::{Feature, FieldDefn, LayerAccess, LayerOptions};
use gdal::{Dataset, DriverManager};
use gdal_sys::{OGRFieldType, OGRwkbGeometryType};

use crate::beside::{refuse_protected, with_suffix, write_error};
use crate::label_file::{polygon, spatial_ref};
use crate::shapes::has_extension;
use crate::{
    GeoTransform, Grid, SceneError, SceneResult, ValuePatch, gdal_setup, take_gdal_messages,
};

/// A GeoPackage that grows batch by batch. Dropping it without `finish` leaves nothing behind.
pub struct ValuePatchWriter {
    path: PathBuf,
    part: PathBuf,
    map_from_pixel: GeoTransform,
    dataset: Option<Dataset>,
    written: i64,
}

impl ValuePatchWriter {
    /// `layer` is the layer's name, `value` that of the column with the mean.
    ///
    /// # Errors
    /// Another ending than `.gpkg`, and whatever stops the writing.
    pub fn create(path: &Path, grid: &Grid, layer: &str, value: &str) -> SceneResult<Self> {
        gdal_setup();
        if !has_extension(path, &["gpkg"]) {
            return Err(SceneError::write(
                path,
                "polygons are written as a GeoPackage; give the file the ending .gpkg",
            ));
        }
        refuse_protected(path)?;
        let part = path.with_extension("part.gpkg");
        // The system's own words on why a folder cannot be written are clearer than GDAL's.
        std::fs::File::create(&part).map_err(|error| write_error(path, &error))?;
        std::fs::remove_file(&part).map_err(|error| write_error(path, &error))?;
        let mut writer = Self {
            path: path.to_owned(),
            part,
            map_from_pixel: grid.transform(),
            dataset: None,
            written: 0,
        };
        take_gdal_messages();
        let create = || -> gdal::errors::Result<Dataset> {
            let srs = spatial_ref(grid.crs())?;
            let mut dataset =
                DriverManager::get_driver_by_name("GPKG")?.create_vector_only(&writer.part)?;
            let layer = dataset.create_layer(LayerOptions {
                name: layer,
                srs: srs.as_ref(),
                ty: OGRwkbGeometryType::wkbPolygon,
                options: Some(&["GEOMETRY_NAME=geom"]),
            })?;
            for (name, kind) in [
                ("id", OGRFieldType::OFTInteger64),
                ("pixels", OGRFieldType::OFTInteger64),
                ("area_m2", OGRFieldType::OFTReal),
                ("area_ha", OGRFieldType::OFTReal),
                (value, OGRFieldType::OFTReal),
            ] {
                FieldDefn::new(name, kind)?.add_to_layer(&layer)?;
            }
            Ok(dataset)
        };
        let dataset = create().map_err(|error| writer.failed(&error))?;
        writer.dataset = Some(dataset);
        Ok(writer)
    }

    /// Appends patches; each batch is one transaction.
    pub fn write(&mut self, patches: &[ValuePatch]) -> SceneResult<()> {
        if patches.is_empty() {
            return Ok(());
        }
        let Some(mut dataset) = self.dataset.take() else {
            return Err(SceneError::write(
                &self.path,
                "the polygons are closed already",
            ));
        };
        let map_from_pixel = self.map_from_pixel;
        let first = self.written + 1;
        let append = |dataset: &mut Dataset| -> gdal::errors::Result<()> {
            let transaction = dataset.start_transaction()?;
            let layer = transaction.layer(0)?;
            for (id, patch) in (first..).zip(patches) {
                let rings: Vec<Vec<(f64, f64)>> = patch
                    .rings
                    .iter()
                    .map(|ring| {
                        ring.iter()
                            .map(|(col, row)| {
                                map_from_pixel.map_from_pixel(*col as f64, *row as f64)
                            })
                            .collect()
                    })
                    .collect();
                let mut feature = Feature::new(layer.defn())?;
                feature.set_field_integer64(0, id)?;
                feature.set_field_integer64(1, patch.pixels as i64)?;
                feature.set_field_double(2, patch.area_m2)?;
                feature.set_field_double(3, patch.area_m2 / 10_000.0)?;
                feature.set_field_double(4, patch.mean)?;
                feature.set_geometry(polygon(&rings)?)?;
                feature.create(&layer)?;
            }
            transaction.commit()
        };
        append(&mut dataset).map_err(|error| self.failed(&error))?;
        self.dataset = Some(dataset);
        self.written += patches.len() as i64;
        Ok(())
    }

    /// Puts the finished file in its place and returns how many polygons it holds.
    pub fn finish(mut self) -> SceneResult<u64> {
        if let Some(dataset) = self.dataset.take() {
            dataset.close().map_err(|error| self.failed(&error))?;
        }
        let sync = std::fs::File::open(&self.part).and_then(|file| file.sync_all());
        sync.and_then(|()| std::fs::rename(&self.part, &self.path))
            .map_err(|error| write_error(&self.path, &error))?;
        Ok(self.written as u64)
    }

    fn failed(&self, words: &dyn std::fmt::Display) -> SceneError {
        let said = take_gdal_messages()
            .map(|said| format!("{words}\n{said}"))
            .unwrap_or_else(|| words.to_string());
        SceneError::write(
            &self.path,
            "the polygons could not be written; check the space on the disk, or choose another folder",
        )
        .with_details(said)
    }
}

impl Drop for ValuePatchWriter {
    fn drop(&mut self) {
        drop(self.dataset.take());
        for suffix in ["", "-journal", "-wal", "-shm"] {
            std::fs::remove_file(with_suffix(&self.part, suffix)).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crs, Georef, read_vector_blocking};

    fn grid() -> Grid {
        Grid {
            width: 10,
            height: 10,
            georef: Georef {
                transform: Some(GeoTransform([
                    500_000.0,
                    10.0,
                    0.0,
                    4_000_000.0,
                    0.0,
                    -10.0,
                ])),
                crs: Crs::parse("EPSG:32629").ok(),
                ..Georef::default()
            },
        }
    }

    #[test]
    fn patches_are_read_back_with_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("change.gpkg");
        let patch = |col: i64| ValuePatch {
            pixels: 4,
            area_m2: 400.0,
            mean: 0.25,
            rings: vec![vec![(col, 2), (col + 2, 2), (col + 2, 4), (col, 4)]],
        };
        let mut writer = ValuePatchWriter::create(&path, &grid(), "change", "mean_dot").unwrap();
        writer.write(&[patch(1)]).unwrap();
        writer.write(&[patch(5)]).unwrap();
        assert_eq!(writer.finish().unwrap(), 2);
        let layer = read_vector_blocking(&path, Some("change"), &Default::default()).unwrap();
        assert_eq!(layer.features(), 2);
        assert_eq!(layer.crs.as_ref().and_then(|crs| crs.epsg), Some(32629));
        assert_eq!(layer.column("area_m2").unwrap().number(1), Some(400.0));
        assert_eq!(layer.column("mean_dot").unwrap().number(0), Some(0.25));
        let bounds = layer.extent().unwrap();
        assert_eq!((bounds.min_x, bounds.max_y), (500_010.0, 3_999_980.0));
        let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("change.gpkg");
        drop(ValuePatchWriter::create(&path, &grid(), "change", "mean_dot").unwrap());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let other = ValuePatchWriter::create(&folder.path().join("a.shp"), &grid(), "a", "b");
        assert!(other.err().unwrap().to_string().contains(".gpkg"));
        let nowhere = ValuePatchWriter::create(&folder.path().join("no/a.gpkg"), &grid(), "a", "b");
        assert!(nowhere.is_err());
    }
}
