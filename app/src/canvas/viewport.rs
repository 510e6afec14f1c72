//! The view as a value: centre, scale, size.

use terroir_scene::{Crs, MapGeometry, MapRect};

/// Centre in map coordinates (f64), map units per logical point, size in logical points. North is up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Viewport {
    pub center: (f64, f64),
    pub units_per_point: f64,
    pub size: (f32, f32),
}

/// Scales beyond these lose the precision of screen coordinates.
const FINEST: f64 = 1e-9;
const COARSEST: f64 = 1e9;

impl Viewport {
    /// The whole rectangle with a small margin.
    pub fn fitting(rect: MapRect, size: (f32, f32)) -> Self {
        let view = Self::filling(rect, size);
        Self {
            units_per_point: view.units_per_point * 1.05,
            ..view
        }
    }

    /// The whole rectangle, as large as it goes.
    pub fn filling(rect: MapRect, size: (f32, f32)) -> Self {
        let width = rect.max_x - rect.min_x;
        let height = rect.max_y - rect.min_y;
        let scale = (width / f64::from(size.0.max(1.0))).max(height / f64::from(size.1.max(1.0)));
        Self {
            center: (
                (rect.min_x + rect.max_x) / 2.0,
                (rect.min_y + rect.max_y) / 2.0,
            ),
            units_per_point: scale.clamp(FINEST, COARSEST),
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
        let units_per_point = (self.units_per_point / factor).clamp(FINEST, COARSEST);
        let mut view = Self {
            units_per_point,
            ..*self
        };
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

    /// The same ground at the same scale on a map in another coordinate system; `None` where the middle of the view has
    /// no place on it.
    pub fn carried(&self, from: &Crs, to: &Crs) -> Option<Self> {
        let (old, new) = (MapGeometry::shared(from)?, MapGeometry::shared(to)?);
        let (lon, lat) = old.lon_lat(self.center.0, self.center.1)?;
        let center = new.map_from_lon_lat(lon, lat)?;
        let span = 100.0 * self.units_per_point;
        let metres_per_point = old.metres_per_unit(self.center, span)? * self.units_per_point;
        // Two rounds: the second measures over about as much ground as the first view did.
        let mut units_per_point = self.units_per_point;
        for round in 0..2 {
            let span = if round == 0 {
                1e-6 * new.wrap().map_or(1e7, |wrap| wrap.period)
            } else {
                100.0 * units_per_point
            };
            units_per_point = metres_per_point / new.metres_per_unit(center, span)?;
        }
        let view = Self {
            center,
            units_per_point: units_per_point.clamp(FINEST, COARSEST),
            ..*self
        };
        (units_per_point.is_finite() && units_per_point > 0.0).then_some(view)
    }

    pub fn rect(&self) -> MapRect {
        let (x0, y1) = self.map_from_point((0.0, 0.0));
        let (x1, y0) = self.map_from_point(self.size);
        MapRect {
            min_x: x0,
            min_y: y0,
            max_x: x1,
            max_y: y1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VIEW: Viewport = Viewport {
        center: (500_000.0, 4_000_000.0),
        units_per_point: 2.5,
        size: (800.0, 600.0),
    };

    #[test]
    fn zooming_keeps_the_point_under_the_cursor() {
        let before = VIEW.map_from_point((123.0, 456.0));
        let after = VIEW
            .zoomed_about((123.0, 456.0), 2.0)
            .map_from_point((123.0, 456.0));
        assert!((before.0 - after.0).abs() < 1e-6 && (before.1 - after.1).abs() < 1e-6);
    }

    #[test]
    fn another_map_shows_the_same_ground_at_the_same_scale() {
        let crs = |code: &str| Crs::parse(code).unwrap();
        let (utm, mercator, degrees) = (crs("EPSG:32629"), crs("EPSG:3857"), crs("EPSG:4326"));
        let view = VIEW.carried(&utm, &mercator).unwrap();
        // Mercator at 36 degrees north stretches by 1 / cos(36 degrees).
        assert!((view.units_per_point - 2.5 / 36.143_f64.to_radians().cos()).abs() < 0.01);
        let there = VIEW.carried(&utm, &degrees).unwrap();
        assert!((there.center.0 + 9.0).abs() < 1e-6 && (36.0..36.3).contains(&there.center.1));
        let back = there.carried(&degrees, &utm).unwrap();
        assert!((back.center.0 - VIEW.center.0).abs() < 1e-3);
        assert!((back.center.1 - VIEW.center.1).abs() < 1e-3);
        assert!((back.units_per_point - 2.5).abs() < 1e-3);
    }

    #[test]
    fn panning_moves_the_ground_with_the_hand() {
        let grabbed = VIEW.map_from_point((100.0, 100.0));
        assert_eq!(
            VIEW.panned((30.0, -20.0)).point_from_map(grabbed),
            (130.0, 80.0)
        );
    }

    #[test]
    fn fitting_shows_the_whole_rectangle() {
        let rect = MapRect {
            min_x: 10.0,
            min_y: 20.0,
            max_x: 110.0,
            max_y: 40.0,
        };
        let shown = Viewport::fitting(rect, (200.0, 100.0)).rect();
        assert!(
            shown.min_x < 10.0 && shown.max_x > 110.0 && shown.min_y < 20.0 && shown.max_y > 40.0
        );
        let flat = Viewport::fitting(
            MapRect {
                max_x: 10.0,
                max_y: 20.0,
                ..rect
            },
            (200.0, 100.0),
        );
        assert!(flat.units_per_point > 0.0 && flat.units_per_point.is_finite());
    }
}
