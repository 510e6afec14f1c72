//! Small rasters made for tests.

use std::path::{Path, PathBuf};

use gdal::DriverManager;
use gdal::raster::{Buffer, GdalType, RasterCreationOptions};

use crate::{Raster, Window, gdal_setup};

pub(crate) struct Made<T: GdalType + Copy> {
    pub size: (usize, usize),
    pub bands: Vec<Vec<T>>,
    pub nodata: Option<f64>,
    pub transform: Option<[f64; 6]>,
    pub options: Vec<&'static str>,
}

impl<T: GdalType + Copy> Made<T> {
    pub fn new(size: (usize, usize), bands: Vec<Vec<T>>) -> Self {
        Self {
            size,
            bands,
            nodata: None,
            transform: None,
            options: Vec::new(),
        }
    }

    pub fn write(&self, folder: &Path, name: &str) -> PathBuf {
        gdal_setup();
        let path = folder.join(name);
        let driver = if name.ends_with(".img") {
            "ENVI"
        } else {
            "GTiff"
        };
        let options = RasterCreationOptions::from_iter(self.options.iter().copied());
        let mut dataset = DriverManager::get_driver_by_name(driver)
            .expect("driver")
            .create_with_band_type_with_options::<T, _>(
                &path,
                self.size.0,
                self.size.1,
                self.bands.len(),
                &options,
            )
            .expect("created");
        if let Some(transform) = self.transform {
            dataset.set_geo_transform(&transform).expect("transform");
            let srs = gdal::spatial_ref::SpatialRef::from_epsg(32629).expect("EPSG");
            dataset.set_spatial_ref(&srs).expect("CRS");
        }
        for (number, values) in (1..).zip(&self.bands) {
            let mut band = dataset.rasterband(number).expect("band");
            if self.nodata.is_some() {
                band.set_no_data_value(self.nodata).expect("nodata");
            }
            band.write(
                (0, 0),
                self.size,
                &mut Buffer::new(self.size, values.clone()),
            )
            .expect("written");
        }
        dataset.flush_cache().expect("flushed");
        path
    }
}

pub(crate) fn open(path: &Path) -> Raster {
    Raster::open(path).unwrap_or_else(|error| panic!("{error} {:?}", error.details()))
}

pub(crate) fn whole(raster: &Raster) -> Window {
    raster.info().grid.window()
}
