//! Reader threads for the canvas: each owns its GDAL handles, the newest view is served first, stale requests are dropped
//! and stale reads ended. A source that hangs holds only some of the threads, and only until others take their place.
//! Knows rasters. Knows nothing of tiles, textures or windows.

use std::collections::{HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::reader_queue::{Reading, State};
use crate::warm_rasters::take_warm;
use crate::{
    Block, Derivation, Detail, MaskSource, Plane, Raster, Resampling, SceneError, SceneResult,
    Window, hidden_pixels_blocking, is_remote,
};

/// Rasters one thread keeps open.
const OPEN_RASTERS: usize = 16;
/// Threads at most that may hang before no more are started in their place.
const MOST_HANGING: usize = 8;
/// How long dropping the pool waits for reads under way. One that hangs in the system is left behind.
const PATIENCE: Duration = Duration::from_millis(800);

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
    pub detail: Detail,
}

#[derive(Clone, Debug)]
pub enum ReadData {
    /// One a band of the request, or the one derived channel.
    Planes(Vec<Arc<Plane>>),
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
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Threads that should be free to read.
    size: usize,
}

struct Shared {
    state: Mutex<State>,
    work: Condvar,
    wake: Arc<dyn Fn(bool) + Send + Sync>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Panics are caught outside the lock, so a poisoned state is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ReaderPool {
    /// `wake` is called after each reply is ready, on a reader thread, with whether nothing else is waited for.
    pub fn new(threads: usize, wake: Arc<dyn Fn(bool) + Send + Sync>) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            wake,
        });
        let pool = Self {
            shared,
            threads: Mutex::default(),
            size: threads.max(1),
        };
        (0..pool.size).for_each(|_| pool.start_thread());
        pool
    }

    fn start_thread(&self) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        let (shared, size) = (Arc::clone(&self.shared), self.size);
        let number = {
            let mut state = self.shared.lock();
            state.started_threads += 1;
            state.last_number += 1;
            state.last_number
        };
        let started = std::thread::Builder::new()
            .name(format!("reader-{number}"))
            .spawn(move || serve(&shared, size, number));
        match started {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                self.shared.lock().started_threads -= 1;
                log::error!("reader thread {number} cannot start: {error}");
            }
        }
    }

    /// Replaces what is wanted: requests queued before and not in one of the lists are dropped, and reads under way of no
    /// more use are ended; order = priority. `later` is read only while nothing else waits. Never blocks.
    /// What is being read right now is not queued again; its reply still comes.
    pub fn want(&self, wanted: Vec<ReadRequest>, later: Vec<ReadRequest>) {
        let mut state = self.shared.lock();
        let mut seen = HashSet::with_capacity(wanted.len() + later.len());
        let mut listed = |list: Vec<ReadRequest>, state: &State| -> VecDeque<ReadRequest> {
            list.into_iter()
                .filter(|request| seen.insert(request.clone()))
                .filter(|request| !state.in_flight.contains_key(request))
                .collect()
        };
        state.queue = listed(wanted, &state);
        state.later = listed(later, &state);
        for (request, reading) in &state.in_flight {
            if !seen.contains(request) {
                reading.stop.store(true, Ordering::Relaxed);
            }
        }
        drop(state);
        self.shared.work.notify_all();
        self.relieve();
    }

    /// Starts a thread in the place of one that hangs while others wait. To be called now and then while reads are pending.
    pub fn relieve(&self) {
        let is_short = {
            let state = self.shared.lock();
            let hanging = state.hanging().min(MOST_HANGING);
            !state.queue.is_empty() && state.started_threads < self.size + hanging
        };
        if is_short {
            self.start_thread();
        }
    }

    /// Everything that became ready; never blocks.
    pub fn drain(&self) -> Vec<ReadReply> {
        std::mem::take(&mut self.shared.lock().replies)
    }

    /// Forgets open handles of a path (file replaced or removed).
    pub fn forget(&self, path: &Path) {
        drop(take_warm(path));
        self.shared.lock().forgotten.push(path.to_owned());
    }

    /// Requests waiting or being read.
    pub fn pending(&self) -> usize {
        let state = self.shared.lock();
        state.queue.len() + state.later.len() + state.in_flight.len()
    }
}

impl Drop for ReaderPool {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.is_stopping = true;
            for reading in state.in_flight.values() {
                reading.stop.store(true, Ordering::Relaxed);
            }
            state.queue.clear();
            state.later.clear();
        }
        self.shared.work.notify_all();
        let deadline = Instant::now() + PATIENCE;
        let threads = std::mem::take(
            self.threads
                .get_mut()
                .unwrap_or_else(PoisonError::into_inner),
        );
        for thread in threads {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
            if thread.is_finished() {
                thread.join().ok();
            } else {
                log::warn!("a read that hangs was left behind");
            }
        }
    }
}

/// One thread: takes the most urgent request, reads, replies.
fn serve(shared: &Shared, size: usize, number: usize) {
    let mut open = OpenRasters::default();
    loop {
        let mut state = shared.lock();
        let (request, is_later) = loop {
            // Started in the place of a thread that hung, which is free again.
            let is_spare = state.started_threads > size + state.hanging();
            if state.is_stopping || is_spare {
                state.started_threads -= 1;
                state.forget_readers();
                return;
            }
            if let Some(next) = state.next(size, number) {
                break next;
            }
            state = shared
                .work
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        };
        let stop = Arc::new(AtomicBool::new(false));
        let reading = Reading {
            since: Instant::now(),
            thread: number,
            is_later,
            stop: Arc::clone(&stop),
        };
        state.in_flight.insert(request.clone(), reading);
        open.forget(&state.forgotten);
        // Under the lock: the thread that came first reads most of the picture.
        open.adopt(&request.path);
        drop(state);

        let result = catch_unwind(AssertUnwindSafe(|| {
            let raster = open.get(&request.path, &stop)?;
            // Far away it is the way that takes time.
            if is_remote(&request.path) || request.block_plan(raster.info()).is_some() {
                shared.lock().note_own_blocks(&request);
                shared.work.notify_all();
            }
            read(&mut open, &request, &stop)
        }))
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
        let is_last = state.queue.is_empty()
            && state
                .in_flight
                .values()
                .all(|reading| reading.is_later && !is_later)
            && (!is_later || state.later.is_empty());
        state.replies.push(ReadReply { request, result });
        drop(state);
        if !is_stopping {
            (shared.wake)(is_last);
        }
        // A request of the same path may have waited for this one, and not every thread may take it.
        shared.work.notify_all();
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
    let masked = |mut planes: Vec<Plane>| {
        for plane in &mut planes {
            for (valid, hidden) in plane.valid.iter_mut().zip(&hidden) {
                *valid &= !hidden;
            }
        }
        ReadData::Planes(planes.into_iter().map(Arc::new).collect())
    };
    let raster = open.get(&request.path, stop)?;
    if let Some(derivation) = &request.derivation {
        return raster
            .read_derived_to_detail_blocking(derivation, window, (width, height), request.detail)
            .map(|Block { values, valid, .. }| masked(vec![Plane { values, valid }]));
    }
    if request.bands.is_empty() {
        return raster
            .read_codes_to_detail_blocking(window, width, height, request.detail)
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
        .read_planes_blocking(
            &request.bands,
            window,
            width,
            height,
            resampling,
            request.detail,
        )
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
        let (path, mut raster) = match self.rasters.iter().position(|(open, _)| open == path) {
            Some(at) => self.rasters.remove(at),
            None => (path.to_owned(), Raster::open(path)?),
        };
        raster.stop_with(Arc::clone(stop));
        if self.rasters.len() >= OPEN_RASTERS {
            self.rasters.remove(0);
        }
        self.rasters.push((path, raster));
        let last = self.rasters.len() - 1;
        Ok(&self.rasters[last].1)
    }

    /// Takes over the handle that whoever opened the file has left.
    fn adopt(&mut self, path: &Path) {
        let is_open = self.rasters.iter().any(|(open, _)| open == path);
        if !is_open && let Some(raster) = take_warm(path) {
            self.rasters.push((path.to_owned(), raster));
        }
    }

    fn forget(&mut self, all: &[PathBuf]) {
        for path in all.iter().skip(self.forgotten) {
            self.rasters.retain(|(open, _)| open != path);
        }
        self.forgotten = all.len();
    }
}
