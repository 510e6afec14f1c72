//! Scenes, bands, labels, fields and maps: everything Terroir knows about the data itself.
//! Knows GDAL and PROJ. Knows nothing of tensors, textures, windows or jobs.

mod accuracy;
mod bands;
mod document;
mod error;
mod export;
mod field;
mod georef;
mod grid;
mod head;
mod history;
mod labels;
mod palette;
mod project;
mod raster;
mod reader;
mod sensors;
mod style;
mod vectors;

pub use accuracy::*;
pub use bands::*;
pub use document::*;
pub use error::*;
pub use export::*;
pub use field::*;
pub use georef::*;
pub use grid::*;
pub use head::*;
pub use history::*;
pub use labels::*;
pub use palette::*;
pub use project::*;
pub use raster::*;
pub use reader::*;
pub use sensors::*;
pub use style::*;
pub use vectors::*;
