//! The sensor table of `assets/sensors.toml`: band names, centres and widths used when a product carries none.

use serde::{Deserialize, Serialize};

use crate::RasterInfo;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SensorBand {
    pub name: String,
    pub center_nm: f64,
    #[serde(default)]
    pub width_nm: Option<f64>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sensor {
    /// e.g. `sentinel-2a`.
    pub id: String,
    pub name: String,
    pub bands: Vec<SensorBand>,
}

/// All sensors, parsed once from the embedded table.
pub fn sensors() -> &'static [Sensor] {
    todo!()
}

/// Assigns a sensor's wavelengths to a raster's bands (by name, else by order when the counts agree);
/// `None` when it does not fit.
pub fn apply_sensor(_info: &RasterInfo, _sensor: &Sensor) -> Option<Vec<crate::BandWavelength>> {
    todo!()
}
