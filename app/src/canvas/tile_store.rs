//! Tiles in memory: what was read, what is wanted, what failed. Talks to the reader threads; never waits for them.
//! Knows nothing of layers, styles or textures.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use terroir_scene::{ReadData, ReadRequest, ReaderPool, Window};

struct Entry {
    data: ReadData,
    size_bytes: usize,
    last_used: u64,
}

pub struct TileStore {
    pool: ReaderPool,
    tiles: HashMap<ReadRequest, Entry>,
    size_bytes: usize,
    budget_bytes: usize,
    frame: u64,
    failed: HashSet<ReadRequest>,
    errors: HashMap<PathBuf, String>,
    /// Asked for before their file changed: the first answer is dropped.
    outdated: HashSet<ReadRequest>,
    queue: RefCell<Queue>,
}

/// What the pool was told last.
#[derive(Default)]
struct Queue {
    wanted: Vec<ReadRequest>,
    probe: Option<ReadRequest>,
}

impl Queue {
    fn send(&self, pool: &ReaderPool) {
        pool.want(self.probe.iter().chain(&self.wanted).cloned().collect());
    }
}

fn size_of_data(data: &ReadData) -> usize {
    match data {
        ReadData::Block(block) => 4 * block.values.len() + block.valid.len(),
        ReadData::Codes(codes) => codes.len(),
    }
}

impl TileStore {
    pub fn new(threads: usize, budget_bytes: usize, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self {
            pool: ReaderPool::new(threads, wake),
            tiles: HashMap::new(),
            size_bytes: 0,
            budget_bytes,
            frame: 0,
            failed: HashSet::new(),
            errors: HashMap::new(),
            outdated: HashSet::new(),
            queue: RefCell::default(),
        }
    }

    /// Takes what the readers finished; drops the oldest tiles beyond the budget.
    pub fn begin_frame(&mut self) {
        self.frame += 1;
        for reply in self.pool.drain() {
            {
                let mut queue = self.queue.borrow_mut();
                if queue.probe.as_ref() == Some(&reply.request) {
                    queue.probe = None;
                }
                queue.wanted.retain(|wanted| *wanted != reply.request);
            }
            if self.outdated.remove(&reply.request) {
                continue;
            }
            match reply.result {
                Ok(data) => {
                    self.errors.remove(&reply.request.path);
                    let size_bytes = size_of_data(&data);
                    let entry = Entry {
                        data,
                        size_bytes,
                        last_used: self.frame,
                    };
                    self.size_bytes += size_bytes;
                    if let Some(old) = self.tiles.insert(reply.request, entry) {
                        self.size_bytes -= old.size_bytes;
                    }
                }
                Err(terroir_scene::SceneError::Cancelled) => {}
                Err(error) => {
                    self.errors
                        .insert(reply.request.path.clone(), error.to_string());
                    self.failed.insert(reply.request);
                }
            }
        }
        self.evict();
    }

    fn evict(&mut self) {
        if self.size_bytes <= self.budget_bytes {
            return;
        }
        let mut by_age: Vec<(u64, ReadRequest)> = self
            .tiles
            .iter()
            .map(|(request, entry)| (entry.last_used, request.clone()))
            .collect();
        by_age.sort_unstable_by_key(|(last_used, _)| *last_used);
        for (last_used, request) in by_age {
            // What this or the last frame needed stays, whatever the budget says.
            if self.size_bytes <= self.budget_bytes || last_used + 1 >= self.frame {
                break;
            }
            if let Some(entry) = self.tiles.remove(&request) {
                self.size_bytes -= entry.size_bytes;
            }
        }
    }

    pub fn get(&mut self, request: &ReadRequest) -> Option<ReadData> {
        let frame = self.frame;
        self.tiles.get_mut(request).map(|entry| {
            entry.last_used = frame;
            entry.data.clone()
        })
    }

    pub fn peek(&self, request: &ReadRequest) -> Option<&ReadData> {
        self.tiles.get(request).map(|entry| &entry.data)
    }

    pub fn has_failed(&self, request: &ReadRequest) -> bool {
        self.failed.contains(request)
    }

    /// Replaces what the view wants, most urgent first; tells the readers only when something changed.
    pub fn want(&mut self, wanted: Vec<ReadRequest>) {
        let mut queue = self.queue.borrow_mut();
        if queue.wanted != wanted {
            queue.wanted = wanted;
            queue.send(&self.pool);
        }
    }

    /// Asks for one read ahead of the view's; a newer probe replaces it.
    pub fn probe(&self, request: ReadRequest) {
        if self.tiles.contains_key(&request) || self.failed.contains(&request) {
            return;
        }
        let mut queue = self.queue.borrow_mut();
        if queue.probe.as_ref() != Some(&request) {
            queue.probe = Some(request);
            queue.send(&self.pool);
        }
    }

    pub fn error(&self, path: &Path) -> Option<&str> {
        self.errors.get(path).map(String::as_str)
    }

    /// Forgets tiles of a file that touch `window` (all of them without one).
    pub fn invalidate(&mut self, path: &Path, window: Option<Window>) {
        let is_hit = |request: &ReadRequest| {
            request.path == path && window.is_none_or(|w| overlaps(&request.window, &w))
        };
        self.pool.forget(path);
        let gone: usize = self
            .tiles
            .iter()
            .filter(|(request, _)| is_hit(request))
            .map(|(_, entry)| entry.size_bytes)
            .sum();
        self.tiles.retain(|request, _| !is_hit(request));
        self.size_bytes -= gone;
        self.failed.retain(|request| request.path != path);
        self.errors.remove(path);
        let mut queue = self.queue.borrow_mut();
        let Queue { wanted, probe } = &mut *queue;
        self.outdated.extend(
            wanted
                .iter()
                .chain(probe.iter())
                .filter(|request| is_hit(request))
                .cloned(),
        );
        // Sent again with the next frame, so that the answer is a new one.
        wanted.clear();
        *probe = None;
    }
}

/// True when two windows share a pixel.
pub fn overlaps(a: &Window, b: &Window) -> bool {
    a.col < b.col + b.width
        && b.col < a.col + a.width
        && a.row < b.row + b.height
        && b.row < a.row + a.height
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_overlap_only_when_they_share_a_pixel() {
        let window = |col, row, width, height| Window {
            col,
            row,
            width,
            height,
        };
        assert!(overlaps(&window(0, 0, 10, 10), &window(9, 9, 1, 1)));
        assert!(!overlaps(&window(0, 0, 10, 10), &window(10, 0, 5, 5)));
        assert!(
            !overlaps(&window(0, 0, 10, 10), &window(0, 0, 0, 0)) || window(0, 0, 0, 0).width == 0
        );
    }
}
