//! Questions about a place of the map: the value there, the pixel, the shapes, and which part of a raster the view shows.
//! Answers come from what is in memory; nothing is waited for.

use terroir_scene::{Layer, LayerId, Place, Window};

use super::frame_views::FrameViews;
use super::placement::Placement;
use super::probe::{derived_in, derived_of, probe_request, values_in};
use super::vector_view::VectorView;
use super::{Canvas, PixelValue};

impl Canvas {
    /// Stored values of the pixel under a map point: all bands when they were read, else those drawn at full resolution,
    /// else none yet (the read is asked for and `wake` called when it is there). `None` outside the raster.
    pub fn value_at(&self, layer: LayerId, map_xy: (f64, f64)) -> Option<PixelValue> {
        let view = self.views.get(&layer)?.current()?;
        let info = view.info()?;
        let (col, row) = whole_pixel(view.placement.as_ref().ok()?, map_xy)?;
        let tile = view.pyramid.tile_of_pixel(col, row)?;
        let probe = probe_request(view, info.bands.len(), col, row);
        let drawn = view.request(tile);
        let found = [Some(&probe), drawn.as_ref()]
            .into_iter()
            .flatten()
            .find_map(|request| Some((request, self.store.peek(request)?)));
        let values = found
            .map(|(request, data)| values_in(request, &data, col, row))
            .unwrap_or_default();
        let derived = view.derivation().and_then(|derivation| {
            drawn
                .as_ref()
                .and_then(|request| Some((request, self.store.peek(request)?)))
                .and_then(|(request, data)| derived_in(request, &data, col, row))
                .or_else(|| derived_of(derivation, &info.bands, &values))
        });
        self.store.probe(probe);
        Some(PixelValue {
            layer,
            col,
            row,
            values,
            derived,
        })
    }

    /// The part of a raster layer that the view shows; `None` when none of it is in view.
    pub fn window_in_view(&self, layer: LayerId) -> Option<Window> {
        const STEPS: usize = 8;
        let view = self.views.get(&layer)?.current()?;
        let placement = view.placement.as_ref().ok()?;
        let (width, height) = (view.pyramid.width as f64, view.pyramid.height as f64);
        let rect = self.viewport.rect();
        let (mut low, mut high) = ((f64::MAX, f64::MAX), (f64::MIN, f64::MIN));
        for (i, j) in (0..=STEPS).flat_map(|i| (0..=STEPS).map(move |j| (i, j))) {
            let share = |k: usize| k as f64 / STEPS as f64;
            let x = rect.min_x + share(i) * (rect.max_x - rect.min_x);
            let y = rect.min_y + share(j) * (rect.max_y - rect.min_y);
            if let Some((col, row)) = placement.pixel_from_map(x, y) {
                low = (low.0.min(col), low.1.min(row));
                high = (high.0.max(col), high.1.max(row));
            }
        }
        let (left, top) = (
            low.0.clamp(0.0, width).floor(),
            low.1.clamp(0.0, height).floor(),
        );
        let (right, bottom) = (
            high.0.clamp(0.0, width).ceil(),
            high.1.clamp(0.0, height).ceil(),
        );
        (right > left && bottom > top).then_some(Window {
            col: left as usize,
            row: top as usize,
            width: (right - left) as usize,
            height: (bottom - top) as usize,
        })
    }

    /// Pixel of a layer under a map point (reprojected); `None` outside.
    pub fn pixel_at(&self, layer: &Layer, map_xy: (f64, f64)) -> Option<(f64, f64)> {
        let (width, height, pixel) = match self.views.get(&layer.id).and_then(FrameViews::current) {
            Some(view) => {
                let pixel = view
                    .placement
                    .as_ref()
                    .ok()?
                    .pixel_from_map(map_xy.0, map_xy.1)?;
                (view.pyramid.width, view.pyramid.height, pixel)
            }
            None => {
                let grid = &layer.raster_info()?.grid;
                (
                    grid.width,
                    grid.height,
                    Place::new(grid, self.map_crs.as_ref())
                        .ok()?
                        .pixel_from_map(map_xy.0, map_xy.1)?,
                )
            }
        };
        let is_inside =
            pixel.0 >= 0.0 && pixel.1 >= 0.0 && pixel.0 < width as f64 && pixel.1 < height as f64;
        is_inside.then_some(pixel)
    }

    /// Features of a vector layer within `reach` points of a map point, topmost first; none until it was placed.
    pub fn features_at(&self, layer: LayerId, map_xy: (f64, f64), reach: f32) -> Vec<usize> {
        let placed = self.vector_views.get(&layer).and_then(VectorView::placed);
        let reach = f64::from(reach) * self.viewport.units_per_point;
        placed.map_or_else(Vec::new, |placed| placed.features_at(map_xy, reach))
    }
}

fn whole_pixel(placement: &Placement, map: (f64, f64)) -> Option<(usize, usize)> {
    let (col, row) = placement.pixel_from_map(map.0, map.1)?;
    (col >= 0.0 && row >= 0.0).then_some((col as usize, row as usize))
}
