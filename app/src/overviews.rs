//! Overviews in the window: which layers lack them, what is said about it, and the job that builds them.

use std::path::Path;

use terroir_engine::{JobSpec, OverviewsSpec};
use terroir_scene::{LayerId, LayerSource, RasterInfo};

use crate::commands::Command;
use crate::files::{FileTask, OpenRole};
use crate::language::t;
use crate::messages::Level;
use crate::state::State;

/// Rasters of fewer pixels are quick without.
const LARGE_PIXELS: usize = 1 << 24;
/// Below this side a raster is one tile.
const SMALL_SIDE: usize = 256;

/// A file of its own on this machine, not a part of a container or a picture put together in memory.
fn is_plain_file(info: &RasterInfo) -> bool {
    info.size_bytes > 0 && !info.path.to_string_lossy().starts_with('<')
}

/// Zoomed out, this raster is drawn from a sample of its blocks.
pub fn lacks_overviews(info: &RasterInfo) -> bool {
    info.grid.width.saturating_mul(info.grid.height) > LARGE_PIXELS
        && info
            .bands
            .first()
            .is_some_and(|band| band.overviews.is_empty())
}

impl State {
    /// `Err` says why the active layer cannot get overviews.
    pub fn can_build_overviews(&self) -> Result<(), &'static str> {
        let info = self
            .active_layer()
            .and_then(|layer| self.raster_info(layer))
            .ok_or(t!("news-overviews-choose"))?;
        if !is_plain_file(info) {
            return Err(t!("news-overviews-local"));
        }
        if info.grid.width.max(info.grid.height) <= SMALL_SIDE {
            return Err(t!("news-overviews-small"));
        }
        Ok(())
    }

    pub fn build_overviews(&mut self) {
        let path = self
            .active_layer()
            .and_then(|layer| self.raster_info(layer))
            .map(|info| info.path.clone());
        if let Some(raster) = path {
            let spec = JobSpec::Overviews(OverviewsSpec {
                raster,
                resampling: None,
            });
            self.jobs.run(crate::news::job_name(&spec), spec);
        }
    }

    /// Once for a large raster that was just added.
    pub fn say_overviews(&mut self, info: &RasterInfo) {
        if lacks_overviews(info) && is_plain_file(info) {
            let name = info
                .path
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
                .unwrap_or_default();
            self.messages.show_with_action(
                Level::Hint,
                t!("news-no-overviews", name = name),
                t!("news-build-overviews"),
                Command::BuildOverviews,
            );
        }
    }

    /// Overviews of a raster are there: every layer of it is read again.
    pub fn take_overviews(&mut self, raster: &Path) {
        let layers: Vec<LayerId> = self
            .history
            .document()
            .layers
            .iter()
            .filter(
                |layer| matches!(&layer.source, LayerSource::Raster { path, .. } if path == raster),
            )
            .map(|layer| layer.id)
            .collect();
        for id in layers {
            self.opening += 1;
            self.send(FileTask::OpenRaster {
                path: raster.to_owned(),
                role: OpenRole::Refresh(id),
            });
        }
    }
}
