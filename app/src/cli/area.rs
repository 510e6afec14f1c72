//! Options that restrict a job to an area.

use clap::Args;
use terroir_scene::{AreaPart, AreaSpec};

#[derive(Clone, Debug, Args)]
pub struct AreaOption {
    /// Work only inside the polygons of this vector file (`file:layer` names one of its layers); outside becomes nodata
    #[arg(long, value_name = "FILE")]
    aoi: Option<String>,
    /// Of the polygons only those with this value in a column; fid=3,7 are the shapes of these numbers
    #[arg(long, value_name = "COLUMN=VALUE", requires = "aoi")]
    aoi_where: Option<AreaPart>,
}

impl AreaOption {
    pub fn spec(&self) -> Option<AreaSpec> {
        Some(AreaSpec {
            file: self.aoi.clone()?,
            part: self.aoi_where.clone(),
        })
    }
}
