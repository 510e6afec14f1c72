//! The view as a value: centre, scale, size.

use terroir_scene::MapRect;

/// Centre in map coordinates (f64), map units per logical point, size in logical points. North is up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    pub center: (f64, f64),
    pub units_per_point: f64,
    pub size: (f32, f32),
}

impl Viewport {
    pub fn fitting(rect: MapRect, size: (f32, f32)) -> Self {
        let width = (rect.max_x - rect.min_x).max(f64::MIN_POSITIVE);
        let height = (rect.max_y - rect.min_y).max(f64::MIN_POSITIVE);
        let scale = (width / f64::from(size.0.max(1.0))).max(height / f64::from(size.1.max(1.0)));
        Self {
            center: ((rect.min_x + rect.max_x) / 2.0, (rect.min_y + rect.max_y) / 2.0),
            units_per_point: scale * 1.05,
            size,
        }
    }

    /// `point` from the upper left corner of the view.
    pub fn map_from_point(&self, point: (f32, f32)) -> (f64, f64) {
        (
            self.center.0 + f64::from(point.0 - self.size.0 / 2.0) * self.units_per_point,
            self.center.1 - f64::from(point.1 - self.size.1 / 2.0) * self.units_per_point,
        )
    }

    pub fn point_from_map(&self, map: (f64, f64)) -> (f32, f32) {
        (
            ((map.0 - self.center.0) / self.units_per_point) as f32 + self.size.0 / 2.0,
            (-(map.1 - self.center.1) / self.units_per_point) as f32 + self.size.1 / 2.0,
        )
    }

    /// Zooms by `factor` (> 1 = in) keeping the map point under `point` fixed.
    pub fn zoomed_about(&self, point: (f32, f32), factor: f64) -> Self {
        let fixed = self.map_from_point(point);
        let mut view = Self { units_per_point: self.units_per_point / factor, ..*self };
        let moved = view.map_from_point(point);
        view.center.0 += fixed.0 - moved.0;
        view.center.1 += fixed.1 - moved.1;
        view
    }

    pub fn panned(&self, by_points: (f32, f32)) -> Self {
        let mut view = *self;
        view.center.0 -= f64::from(by_points.0) * self.units_per_point;
        view.center.1 += f64::from(by_points.1) * self.units_per_point;
        view
    }

    pub fn rect(&self) -> MapRect {
        let (x0, y1) = self.map_from_point((0.0, 0.0));
        let (x1, y0) = self.map_from_point(self.size);
        MapRect { min_x: x0, min_y: y0, max_x: x1, max_y: y1 }
    }
}
