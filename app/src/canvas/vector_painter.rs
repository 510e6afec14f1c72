//! Threads that place and draw shapes for the canvas: the newest view first, stale work dropped or stopped. Never waits on
//! the window's thread. Knows nothing of textures or layers' order.

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use terroir_scene::{
    Crs, PictureFrame, PlacedVectors, SceneError, SceneResult, Shown, VectorLayer, VectorLook,
    VectorStyle, draw_vectors, place_vectors_blocking,
};

use crate::language::t;

/// A tile of a picture, counted from the upper left corner of its grid.
pub type TilePlace = (i64, i64);

/// Names a piece of work; a number is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskKey {
    Place(u64),
    Look(u64),
    Tile(u64, TilePlace),
}

pub enum Work {
    Place {
        layer: Arc<VectorLayer>,
        map_crs: Option<Crs>,
    },
    Look {
        layer: Arc<VectorLayer>,
        style: VectorStyle,
    },
    Tile {
        placed: Arc<PlacedVectors>,
        look: Arc<VectorLook>,
        frame: PictureFrame,
        /// Only these features, as chosen ones.
        chosen: Option<Arc<[usize]>>,
    },
}

pub struct Task {
    pub key: TaskKey,
    pub work: Work,
}

pub enum Made {
    Placed(SceneResult<Arc<PlacedVectors>>),
    Look(Arc<VectorLook>),
    /// Premultiplied RGBA; `None` where nothing is drawn.
    Tile(Option<Vec<u8>>),
    /// Was no longer wanted.
    Stopped,
}

/// A pool of named threads. Dropping it stops them.
pub struct VectorPainter {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// The last list was empty: nothing to take back.
    is_idle: bool,
}

struct Shared {
    state: Mutex<Queue>,
    work: Condvar,
    wake: Arc<dyn Fn() + Send + Sync>,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Task>,
    in_flight: HashMap<TaskKey, Arc<AtomicBool>>,
    made: Vec<(TaskKey, Made)>,
    is_stopping: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Panics are caught outside the lock, so a poisoned queue is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl VectorPainter {
    /// `wake` is called after each piece of work.
    pub fn new(threads: usize, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            work: Condvar::new(),
            wake,
        });
        let threads = (0..threads.max(1))
            .filter_map(|number| {
                let shared = Arc::clone(&shared);
                std::thread::Builder::new()
                    .name(format!("vector-painter-{number}"))
                    .spawn(move || serve(&shared))
                    .inspect_err(|error| {
                        log::error!("vector painter {number} cannot start: {error}")
                    })
                    .ok()
            })
            .collect();
        Self {
            shared,
            threads,
            is_idle: true,
        }
    }

    /// Replaces what is wanted; what waits or runs and is not in the list is dropped. Order is priority.
    pub fn want(&mut self, wanted: Vec<Task>) {
        if wanted.is_empty() && self.is_idle {
            return;
        }
        self.is_idle = wanted.is_empty();
        let keys: HashSet<TaskKey> = wanted.iter().map(|task| task.key).collect();
        let mut queue = self.shared.lock();
        for (key, stop) in &queue.in_flight {
            if !keys.contains(key) {
                stop.store(true, Ordering::Relaxed);
            }
        }
        let waiting = wanted
            .into_iter()
            .filter(|task| !queue.in_flight.contains_key(&task.key))
            .collect();
        queue.waiting = waiting;
        drop(queue);
        self.shared.work.notify_all();
    }

    /// Everything that became ready.
    pub fn drain(&self) -> Vec<(TaskKey, Made)> {
        std::mem::take(&mut self.shared.lock().made)
    }
}

impl Drop for VectorPainter {
    fn drop(&mut self) {
        {
            let mut queue = self.shared.lock();
            queue.is_stopping = true;
            queue.waiting.clear();
            for stop in queue.in_flight.values() {
                stop.store(true, Ordering::Relaxed);
            }
        }
        self.shared.work.notify_all();
        for thread in self.threads.drain(..) {
            thread.join().ok();
        }
    }
}

fn serve(shared: &Shared) {
    loop {
        let mut queue = shared.lock();
        let task = loop {
            if queue.is_stopping {
                return;
            }
            if let Some(task) = queue.waiting.pop_front() {
                break task;
            }
            queue = shared
                .work
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        };
        let (key, stop) = (task.key, Arc::new(AtomicBool::new(false)));
        queue.in_flight.insert(key, stop.clone());
        drop(queue);
        let made = catch_unwind(AssertUnwindSafe(|| make(task.work, &stop))).unwrap_or_else(|_| {
            log::error!("drawing shapes failed unexpectedly");
            match key {
                TaskKey::Place(_) => Made::Placed(Err(SceneError::input(t!("news-shapes-fault")))),
                _ => Made::Tile(None),
            }
        });
        let mut queue = shared.lock();
        queue.in_flight.remove(&key);
        queue.made.push((key, made));
        let is_stopping = queue.is_stopping;
        drop(queue);
        if !is_stopping {
            (shared.wake)();
        }
    }
}

fn make(work: Work, stop: &AtomicBool) -> Made {
    match work {
        Work::Place { layer, map_crs } => {
            match place_vectors_blocking(&layer, map_crs.as_ref(), stop) {
                Err(SceneError::Cancelled) => Made::Stopped,
                placed => Made::Placed(placed.map(Arc::new)),
            }
        }
        Work::Look { layer, style } => Made::Look(Arc::new(VectorLook::new(&layer, &style))),
        Work::Tile {
            placed,
            look,
            frame,
            chosen,
        } => {
            let shown = match &chosen {
                None => Shown::All,
                Some(features) => Shown::Chosen(features),
            };
            match draw_vectors(&placed, &look, &frame, shown, stop) {
                None => Made::Stopped,
                Some(rgba) => Made::Tile(rgba.iter().any(|byte| *byte != 0).then_some(rgba)),
            }
        }
    }
}
