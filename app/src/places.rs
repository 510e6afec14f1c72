//! Points from one coordinate system to another on the window thread, with the transformations kept.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use terroir_scene::{Crs, MapGeometry, Reprojection};

#[derive(Default)]
pub struct Places {
    /// By the two WKT texts; `None` where PROJ knows no way.
    known: RefCell<HashMap<(String, String), Option<Reprojection>>>,
    lon_lat: RefCell<Option<Crs>>,
}

impl Places {
    /// Without a coordinate system on either side the point stays what it is: everything is drawn in pixel space then.
    pub fn point(
        &self,
        from: Option<&Crs>,
        to: Option<&Crs>,
        xy: (f64, f64),
    ) -> Option<(f64, f64)> {
        let (Some(from), Some(to)) = (from, to) else {
            return Some(xy);
        };
        if from.wkt == to.wkt || (from.epsg.is_some() && from.epsg == to.epsg) {
            return Some(xy);
        }
        let mut known = self.known.borrow_mut();
        let way = known
            .entry((from.wkt.clone(), to.wkt.clone()))
            .or_insert_with(|| Reprojection::new(from, to).ok());
        way.as_ref()?.point(xy.0, xy.1)
    }

    /// What the coordinates of a map mean on the ground; `None` where PROJ knows no ground under it.
    pub fn geometry(&self, crs: &Crs) -> Option<Rc<MapGeometry>> {
        MapGeometry::shared(crs)
    }

    /// WGS 84 longitude and latitude of a map point.
    pub fn lon_lat(&self, from: &Crs, xy: (f64, f64)) -> Option<(f64, f64)> {
        let mut wgs84 = self.lon_lat.borrow_mut();
        if wgs84.is_none() {
            *wgs84 = Crs::parse("EPSG:4326").ok();
        }
        self.point(Some(from), wgs84.as_ref(), xy)
    }
}
