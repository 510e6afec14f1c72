//! Scenes, bands, labels, fields and maps: everything Terroir knows about the data itself.
//! Knows GDAL and PROJ. Knows nothing of tensors, textures, windows or jobs.

mod accuracy;
mod bands;
mod beside;
mod document;
mod error;
mod export;
mod field;
mod folds;
mod georef;
mod grid;
mod head;
mod headfile;
mod history;
mod labels;
mod logistic;
mod palette;
mod pca;
mod project;
mod raster;
mod reader;
mod ridge;
mod sensors;
mod style;
mod vectors;

pub use accuracy::*;
pub use bands::*;
pub use document::*;
pub use error::*;
pub use export::*;
pub use field::*;
pub use folds::*;
pub use georef::*;
pub use grid::*;
pub use head::*;
pub use history::*;
pub use labels::*;
pub use palette::*;
pub use pca::*;
pub use project::*;
pub use raster::*;
pub use reader::*;
pub use sensors::*;
pub use style::*;
pub use vectors::*;
