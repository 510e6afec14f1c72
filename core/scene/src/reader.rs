//! Reader threads for the canvas: each owns its GDAL handles, the newest view is served first, stale requests are dropped.
//! Knows rasters. Knows nothing of tiles, textures or windows.

use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use crate::{
    Block, Derivation, MaskSource, Raster, Resampling, SceneError, SceneResult, Window,
    hidden_pixels_blocking,
};

/// Rasters one thread keeps open.
const OPEN_RASTERS: usize = 16;

/// What a tile needs: a raster, a window of it and a size. `bands` empty = field codes; with a derivation the tile is the
/// one channel made of the bands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ReadRequest {
    pub path: PathBuf,
    pub bands: Vec<usize>,
    pub derivation: Option<Arc<Derivation>>,
    /// The values are codes of classes, which are counted and never averaged.
    pub are_codes: bool,
    pub window: Window,
    pub out_width: usize,
    pub out_height: usize,
    /// Pixels this mask hides are missing in the reply.
    pub mask: Option<MaskSource>,
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

/// A pool of named threads. Dropping it stops them, reads under way included.
pub struct ReaderPool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    wake: Arc<dyn Fn() + Send + Sync>,
    /// Ends reads under way when the pool is dropped.
    stop: Arc<AtomicBool>,
}

#[derive(Default)]
struct State {
    /// Most urgent first; holds only what the newest view wants.
    queue: VecDeque<ReadRequest>,
    /// Being read right now.
    in_flight: HashSet<ReadRequest>,
    replies: Vec<ReadReply>,
    /// Every path forgotten so far; each thread follows the list before it uses a kept handle.
    forgotten: Vec<PathBuf>,
    is_stopping: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Panics are caught outside the lock, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReaderPool {
    /// `wake` is called after each reply is ready, on a reader thread.
    pub fn new(threads: usize, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            wake,
            stop: Arc::default(),
        });
        let threads = (0..threads.max(1))
            .filter_map(|number| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new()
                    .name(format!("reader-{number}"))
                    .spawn(move || serve(&shared))
                    .inspect_err(|error| {
                        log::error!("reader thread {number} cannot start: {error}")
                    })
                    .ok()
            })
            .collect();
        Self { shared, threads }
    }

    /// Replaces what is wanted: requests queued before and not in `wanted` are dropped; order = priority. Never blocks.
    /// What is being read right now is not queued again; its reply still comes.
    pub fn want(&self, wanted: Vec<ReadRequest>) {
        let mut state = self.shared.lock();
        let mut seen = HashSet::with_capacity(wanted.len());
        let in_flight = std::mem::take(&mut state.in_flight);
        state.queue = wanted
            .into_iter()
            .filter(|r| !in_flight.contains(r) && seen.insert(r.clone()))
            .collect();
        state.in_flight = in_flight;
        drop(state);
        self.shared.work.notify_all();
    }

    /// Everything that became ready; never blocks.
    pub fn drain(&self) -> Vec<ReadReply> {
        std::mem::take(&mut self.shared.lock().replies)
    }

    /// Forgets open handles of a path (file replaced or removed).
    pub fn forget(&self, path: &Path) {
        self.shared.lock().forgotten.push(path.to_owned());
    }

    /// Requests waiting or being read.
    pub fn pending(&self) -> usize {
        let state = self.shared.lock();
        state.queue.len() + state.in_flight.len()
    }
}

impl Drop for ReaderPool {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.is_stopping = true;
            self.shared.stop.store(true, Ordering::Relaxed);
            state.queue.clear();
        }
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

/// One thread: takes the most urgent request, reads, replies.
fn serve(shared: &Shared) {
    let mut open = OpenRasters::default();
    loop {
        let mut state = shared.lock();
        let request = loop {
            if state.is_stopping {
                return;
            }
            if let Some(request) = state.queue.pop_front() {
                break request;
            }
            state = shared
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        };
        state.in_flight.insert(request.clone());
        open.forget(&state.forgotten);
        drop(state);

        let result = catch_unwind(AssertUnwindSafe(|| read(&mut open, &request, &shared.stop)))
            .unwrap_or_else(|_| {
                open = OpenRasters::default();
                Err(SceneError::file(
                    &request.path,
                    "reading failed unexpectedly; this is a fault of the program, please report it",
                ))
            });

        let mut state = shared.lock();
        state.in_flight.remove(&request);
        let is_stopping = state.is_stopping;
        state.replies.push(ReadReply { request, result });
        drop(state);
        if !is_stopping {
            (shared.wake)();
        }
    }
}

fn read(
    open: &mut OpenRasters,
    request: &ReadRequest,
    stop: &Arc<AtomicBool>,
) -> SceneResult<ReadData> {
    let (window, width, height) = (request.window, request.out_width, request.out_height);
    let hidden = match &request.mask {
        Some(mask) => {
            let grid = open.get(&request.path, stop)?.info().grid.clone();
            let raster = open.get(&mask.path, stop)?;
            hidden_pixels_blocking(raster, mask, &grid, window, width, height)?
        }
        None => Vec::new(),
    };
    let masked = |mut block: Block| {
        for (valid, hidden) in block.valid.iter_mut().zip(&hidden) {
            *valid &= !hidden;
        }
        ReadData::Block(Arc::new(block))
    };
    let raster = open.get(&request.path, stop)?;
    if let Some(derivation) = &request.derivation {
        return raster
            .read_derived_blocking(derivation, window, width, height)
            .map(masked);
    }
    if request.bands.is_empty() {
        return raster
            .read_codes_blocking(window, width, height)
            .map(|codes| ReadData::Codes(Arc::new(codes)));
    }
    let is_classes = request.are_codes
        || request.bands.iter().any(|band| {
            raster
                .info()
                .bands
                .get(*band)
                .is_some_and(|b| !b.palette.is_empty())
        });
    let is_reducing = width < window.width || height < window.height;
    let resampling = match (is_reducing, is_classes) {
        // Pixels stay visible when zoomed in.
        (false, _) => Resampling::Nearest,
        (true, true) => Resampling::Mode,
        (true, false) => Resampling::Average,
    };
    raster
        .read_blocking(&request.bands, window, width, height, resampling)
        .map(masked)
}

/// The rasters a thread keeps open, last used last.
#[derive(Default)]
struct OpenRasters {
    rasters: Vec<(PathBuf, Raster)>,
    /// How much of the pool's list of forgotten paths has been followed.
    forgotten: usize,
}

impl OpenRasters {
    fn get(&mut self, path: &Path, stop: &Arc<AtomicBool>) -> SceneResult<&Raster> {
        let raster = match self.rasters.iter().position(|(open, _)| open == path) {
            Some(at) => self.rasters.remove(at),
            None => {
                let mut raster = Raster::open(path)?;
                raster.stop_with(Arc::clone(stop));
                (path.to_owned(), raster)
            }
        };
        if self.rasters.len() >= OPEN_RASTERS {
            self.rasters.remove(0);
        }
        self.rasters.push(raster);
        let last = self.rasters.len() - 1;
        Ok(&self.rasters[last].1)
    }

    fn forget(&mut self, all: &[PathBuf]) {
        for path in all.iter().skip(self.forgotten) {
            self.rasters.retain(|(open, _)| open != path);
        }
        self.forgotten = all.len();
    }
}
