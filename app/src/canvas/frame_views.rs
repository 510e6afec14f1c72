//! The views of one layer, one a file it showed: a series that goes to another date keeps the old picture until the new
//! one is whole, and finds the pictures of dates it showed before. Knows nothing of input or of other layers.

use std::path::Path;
use std::time::{Duration, Instant};

use terroir_scene::{Crs, Window};

use super::CanvasLayer;
use super::layer_view::{Budget, LayerView, Plan, Wants};
use super::renderer::Renderer;
use super::tile_store::TileStore;
use super::tiles::TileId;
use super::viewport::Viewport;

/// Dates of a series whose pictures are remembered while the budgets allow.
const VIEWS_KEPT: usize = 32;
/// After this long a coarse picture of the new date is better than the old one.
const COARSE_AFTER: Duration = Duration::from_millis(400);

/// What a frame of the window works with.
pub struct Pass<'a> {
    pub viewport: &'a Viewport,
    pub pixels_per_point: f64,
    pub renderer: &'a Renderer,
    pub store: &'a mut TileStore,
    pub budget: &'a mut Budget,
    pub frame: u64,
}

/// Names a view for as long as it lives.
pub type ViewId = u64;

struct Kept {
    id: ViewId,
    view: LayerView,
}

#[derive(Default)]
pub struct FrameViews {
    /// The last one used comes last.
    kept: Vec<Kept>,
    next_id: ViewId,
    /// What the layer shows now; `None` while it has nothing to draw.
    current: Option<ViewId>,
    /// What is on the screen until the current one is whole.
    drawn: Option<ViewId>,
    changed_at: Option<Instant>,
}

impl FrameViews {
    /// Follows the layer: its file's view becomes the current one, made anew where there is none yet.
    pub fn sync(&mut self, renderer: &Renderer, input: &CanvasLayer, map_crs: Option<&Crs>) {
        let id = self.view_for(renderer, input, map_crs);
        if id != self.current {
            self.changed_at = Some(Instant::now());
            self.current = id;
            // A first picture, or none at all, has nothing to wait for.
            if id.is_none() || self.drawn.is_none_or(|drawn| self.get(drawn).is_none()) {
                self.drawn = id;
            }
        }
        while self.kept.len() > VIEWS_KEPT {
            let (current, drawn) = (self.current, self.drawn);
            let is_idle = |kept: &Kept| Some(kept.id) != current && Some(kept.id) != drawn;
            match self.kept.iter().position(is_idle) {
                Some(at) => {
                    self.kept.remove(at);
                }
                None => break,
            }
        }
    }

    /// The view of a layer's file, brought up to date; `None` when there is nothing to draw.
    fn view_for(
        &mut self,
        renderer: &Renderer,
        input: &CanvasLayer,
        map_crs: Option<&Crs>,
    ) -> Option<ViewId> {
        let path = input.layer.raster_info().map(|info| info.path.as_path());
        let same_file = |kept: &Kept| kept.view.info().map(|info| info.path.as_path()) == path;
        let at = self.kept.iter().position(same_file);
        let mut kept = at.map(|at| self.kept.remove(at));
        if let Some(found) = &mut kept
            && !found.view.sync(renderer, input, map_crs)
        {
            kept = None;
        }
        let kept = match kept {
            Some(kept) => kept,
            None => {
                self.next_id += 1;
                Kept {
                    id: self.next_id,
                    view: LayerView::new(renderer, input, map_crs)?,
                }
            }
        };
        let id = kept.id;
        self.kept.push(kept);
        Some(id)
    }

    pub fn get(&self, id: ViewId) -> Option<&LayerView> {
        let kept = self.kept.iter().find(|kept| kept.id == id)?;
        Some(&kept.view)
    }

    pub fn get_mut(&mut self, id: ViewId) -> Option<&mut LayerView> {
        let kept = self.kept.iter_mut().find(|kept| kept.id == id)?;
        Some(&mut kept.view)
    }

    /// The view of what the layer shows now.
    pub fn current(&self) -> Option<&LayerView> {
        self.get(self.current?)
    }

    /// Whether the picture on the screen is the layer's own, not one it showed before.
    pub fn is_settled(&self) -> bool {
        self.current == self.drawn
    }

    /// When to look again although no tile arrives; `None` when nothing is waited for.
    pub fn looks_again_in(&self) -> Option<Duration> {
        let left = COARSE_AFTER.checked_sub(self.changed_at?.elapsed())?;
        (!self.is_settled()).then_some(left)
    }

    /// Prepares the current view for this frame. Returns the view to draw with its plan, and the reads that are missing.
    pub fn update(&mut self, pass: &mut Pass<'_>) -> Option<(ViewId, Plan, Wants)> {
        let current = self.current?;
        let view = self.get_mut(current)?;
        let (plan, wanted) = bring(view, pass);
        let (is_whole, has_coarse) = (view.is_whole(&plan, pass.store), view.has_top());
        if self.is_settled() {
            return Some((current, plan, wanted));
        }
        let is_late = self
            .changed_at
            .is_none_or(|since| since.elapsed() > COARSE_AFTER);
        let is_ready = is_whole || (has_coarse && is_late);
        let old = self.drawn.filter(|_| !is_ready);
        if let Some(old) = old
            && let Some(view) = self.get_mut(old)
        {
            // What the old date lacks is not read any more.
            let (plan, _) = bring(view, pass);
            return Some((old, plan, wanted));
        }
        self.drawn = Some(current);
        Some((current, plan, wanted))
    }

    /// Brings the tiles of a date that comes next to the GPU while there is budget. Returns the reads that are missing.
    pub fn prepare(
        &mut self,
        input: &CanvasLayer,
        map_crs: Option<&Crs>,
        pass: &mut Pass<'_>,
    ) -> Wants {
        self.view_for(pass.renderer, input, map_crs)
            .and_then(|id| self.get_mut(id))
            .map(|view| bring(view, pass).1)
            .unwrap_or_default()
    }

    pub fn invalidate(&mut self, path: &Path, window: Option<Window>) {
        for kept in &mut self.kept {
            kept.view.invalidate(path, window);
        }
    }

    pub fn gpu_bytes(&self) -> usize {
        self.kept.iter().map(|kept| kept.view.gpu_bytes()).sum()
    }

    /// Tiles not drawn in this frame: the frame they were last used in, whose they are, bytes.
    pub fn idle_tiles(
        &self,
        frame: u64,
    ) -> impl Iterator<Item = (u64, ViewId, TileId, usize)> + '_ {
        self.kept.iter().flat_map(move |kept| {
            kept.view
                .idle_tiles(frame)
                .map(|(used, tile, bytes)| (used, kept.id, tile, bytes))
        })
    }
}

fn bring(view: &mut LayerView, pass: &mut Pass<'_>) -> (Plan, Wants) {
    let plan = view.plan(pass.viewport, pass.pixels_per_point);
    let wanted = view.update(&plan, pass.renderer, pass.store, pass.budget, pass.frame);
    (plan, wanted)
}
