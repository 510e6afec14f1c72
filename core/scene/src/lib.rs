//! Scenes, bands, labels, fields and maps: everything Terroir knows about the data itself.
//! Knows GDAL and PROJ. Knows nothing of tensors, textures, windows or jobs.

mod accuracy;
mod autosave;
mod band_classes;
mod band_items;
mod bands;
mod beside;
mod brush;
mod calibration;
mod cog;
mod complaints;
mod dates;
mod document;
mod error;
mod export;
mod field;
mod field_overviews;
mod folds;
mod gdal_setup;
mod georef;
mod grid;
mod head;
mod headfile;
mod history;
mod label_file;
mod label_raster;
mod labels;
mod legend;
mod logistic;
mod map_kind;
mod outlines;
mod palette;
mod pca;
mod polygons;
mod product_metadata;
mod project;
mod qml;
mod raster;
mod raster_file;
mod raster_header;
mod raster_io;
mod raster_read;
mod reader;
mod reprojection;
mod ridge;
mod sensor_hints;
mod sensors;
mod shading;
mod shapes;
mod stac;
mod statistics;
mod still;
mod style;
mod vectors;
mod wavelength_sources;

#[cfg(test)]
mod made_raster;
#[cfg(test)]
mod made_rasters_test;
#[cfg(test)]
mod reader_test;
#[cfg(test)]
mod shared_rasters_test;

pub use accuracy::*;
pub use autosave::*;
pub use bands::*;
pub use calibration::*;
pub use document::*;
pub use error::*;
pub use export::*;
pub use field::*;
pub use folds::*;
pub use gdal_setup::{gdal_setup, take_gdal_messages};
pub use georef::*;
pub use grid::*;
pub use head::*;
pub use history::*;
pub use label_file::*;
pub use labels::*;
pub use map_kind::*;
pub use palette::*;
pub use pca::*;
pub use project::*;
pub use raster::*;
pub use raster_file::*;
pub use reader::*;
pub use reprojection::*;
pub use sensors::*;
pub use shading::*;
pub use statistics::*;
pub use still::*;
pub use style::*;
pub use vectors::*;
