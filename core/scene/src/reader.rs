//! Reader threads for the canvas: each owns its GDAL handles, the newest view is served first, stale requests are dropped.

use std::path::PathBuf;
use std::sync::Arc;

use crate::{Block, SceneError, Window};

/// What a tile needs: a raster, a window of it and a size. `bands` empty = field codes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReadRequest {
    pub path: PathBuf,
    pub bands: Vec<usize>,
    pub window: Window,
    pub out_width: usize,
    pub out_height: usize,
}

#[derive(Clone, Debug)]
pub enum ReadData {
    Block(Arc<Block>),
    /// Planar `64 * out_width * out_height`.
    Codes(Arc<Vec<i8>>),
}

pub struct ReadReply {
    pub request: ReadRequest,
    pub result: Result<ReadData, SceneError>,
}

/// A pool of named threads. Dropping it stops them.
pub struct ReaderPool {}

impl ReaderPool {
    /// `wake` is called after each reply is ready.
    pub fn new(_threads: usize, _wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        todo!()
    }
    /// Replaces what is wanted: requests queued before and not in `wanted` are dropped; order = priority. Never blocks.
    pub fn want(&self, _wanted: Vec<ReadRequest>) {
        todo!()
    }
    /// Everything that became ready; never blocks.
    pub fn drain(&self) -> Vec<ReadReply> {
        todo!()
    }
    /// Forgets open handles of a path (file replaced or removed).
    pub fn forget(&self, _path: &std::path::Path) {
        todo!()
    }
}
