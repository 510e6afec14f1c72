//! What the canvas reads beyond the view's own tiles, and what it forgets: reads around the view as far as memory has room,
//! and tiles on the GPU that were not drawn for longest. Knows nothing of styles or input.

use terroir_scene::{LayerId, ReadRequest};

use super::frame_views::{FrameViews, ViewId};
use super::layer_view::Plan;
use super::vector_view::VectorView;
use super::{Canvas, GPU_BYTES, GPU_BYTES_SOFTWARE, MEMORY_BYTES};

impl Canvas {
    /// Reads around the view that are not here yet, as long as they leave room for the view's own tiles.
    pub(super) fn around(&self, plans: &[(LayerId, ViewId, Plan)]) -> Vec<ReadRequest> {
        let size_bytes = |request: &ReadRequest| {
            let pixel_bytes = match request.bands.len() {
                0 => terroir_scene::FIELD_AXES,
                bands => 5 * bands,
            };
            pixel_bytes * request.out_width * request.out_height
        };
        let mut room = MEMORY_BYTES / 2;
        let mut lists = Vec::new();
        for (layer, view, plan) in plans {
            let Some(view) = self.view(*layer, *view) else {
                continue;
            };
            let around = view.around(plan);
            let own: usize = plan
                .tiles
                .iter()
                .filter_map(|tile| view.request(*tile))
                .map(|request| size_bytes(&request))
                .sum();
            room = room.saturating_sub(own);
            let fits = around.into_iter().take_while(|request| {
                let size = size_bytes(request);
                let fits = size <= room;
                room = room.saturating_sub(size);
                fits
            });
            lists.push(fits.collect());
        }
        let mut all = interleaved(lists);
        all.retain(|request| !self.store.has(request) && !self.store.has_failed(request));
        all
    }

    pub(super) fn evict(&mut self) {
        let most = if self.renderer.is_software() {
            GPU_BYTES_SOFTWARE
        } else {
            GPU_BYTES
        };
        let vector_bytes: usize = self.vector_views.values().map(VectorView::gpu_bytes).sum();
        let raster_bytes: usize = self.views.values().map(FrameViews::gpu_bytes).sum();
        let mut size_bytes = raster_bytes + vector_bytes;
        if size_bytes <= most {
            return;
        }
        let mut idle: Vec<_> = self
            .views
            .iter()
            .flat_map(|(id, views)| {
                views
                    .idle_tiles(self.frame)
                    .map(|(used, view, tile, bytes)| (used, *id, view, tile, bytes))
            })
            .collect();
        idle.sort_unstable_by_key(|(used, id, view, tile, _)| (*used, *id, *view, *tile));
        for (_, id, view, tile, bytes) in idle {
            if size_bytes <= most {
                break;
            }
            if let Some(view) = self
                .views
                .get_mut(&id)
                .and_then(|views| views.get_mut(view))
            {
                view.drop_tile(tile);
                size_bytes -= bytes;
            }
        }
    }
}

/// First tiles of each layer first, so that no layer waits for another's last tile.
pub(super) fn interleaved(mut lists: Vec<Vec<ReadRequest>>) -> Vec<ReadRequest> {
    lists.iter_mut().for_each(|list| list.reverse());
    let mut all = Vec::with_capacity(lists.iter().map(Vec::len).sum());
    while lists.iter().any(|list| !list.is_empty()) {
        all.extend(lists.iter_mut().filter_map(Vec::pop));
    }
    all
}

#[cfg(test)]
mod tests {
    use terroir_scene::Window;

    use super::*;

    fn request(name: &str) -> ReadRequest {
        let window = Window {
            col: 4,
            row: 8,
            width: 2,
            height: 2,
        };
        ReadRequest {
            path: name.into(),
            bands: vec![3, 1],
            derivation: None,
            are_codes: false,
            window,
            out_width: 2,
            out_height: 2,
            mask: None,
            detail: terroir_scene::Detail::Full,
        }
    }

    #[test]
    fn no_layer_waits_for_the_last_tile_of_another() {
        let lists = vec![
            vec![request("a1"), request("a2"), request("a3")],
            vec![request("b1")],
        ];
        let order: Vec<_> = interleaved(lists)
            .into_iter()
            .map(|request| request.path.display().to_string())
            .collect();
        assert_eq!(order, ["a1", "b1", "a2", "a3"]);
    }
}
