//! Tiles in memory: what was read, what is wanted, what failed. Talks to the reader threads; never waits for them.
//! Knows nothing of layers, styles or textures.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use terroir_scene::{
    Derivation, Detail, MaskSource, Plane, ReadData, ReadRequest, ReaderPool, SceneError, Window,
};

/// What is kept together: a window of a file at a size, whatever its bands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Place {
    path: PathBuf,
    window: Window,
    out: (usize, usize),
    mask: Option<MaskSource>,
    derivation: Option<Arc<Derivation>>,
    are_codes: bool,
    detail: Detail,
}

impl Place {
    fn of(request: &ReadRequest) -> Self {
        Self {
            path: request.path.clone(),
            window: request.window,
            out: (request.out_width, request.out_height),
            mask: request.mask.clone(),
            derivation: request.derivation.clone(),
            are_codes: request.are_codes,
            detail: request.detail,
        }
    }
}

/// A band, the one derived channel of a place, or the codes of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Part {
    Band(usize),
    Derived,
    Codes,
}

#[derive(Clone)]
enum PartData {
    Plane(Arc<Plane>),
    Codes(Arc<Vec<i8>>),
}

impl PartData {
    fn size_bytes(&self) -> usize {
        match self {
            Self::Plane(plane) => plane.size_bytes(),
            Self::Codes(codes) => codes.len(),
        }
    }
}

struct Entry {
    data: PartData,
    last_used: u64,
}

/// What was read since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReadCounts {
    /// Reads the threads answered, probes of pixels included.
    pub reads: u64,
    /// Bands those reads brought; a field counts as one.
    pub bands: u64,
    /// Bytes they brought.
    pub bytes: u64,
}

pub struct TileStore {
    pool: ReaderPool,
    tiles: HashMap<Place, HashMap<Part, Entry>>,
    size_bytes: usize,
    budget_bytes: usize,
    frame: u64,
    failed: HashMap<Place, HashSet<Part>>,
    errors: HashMap<PathBuf, String>,
    /// Asked for before their file changed: the first answer is dropped.
    outdated: HashSet<ReadRequest>,
    queue: RefCell<Queue>,
    counts: ReadCounts,
}

/// What the pool was told last.
#[derive(Default)]
struct Queue {
    wanted: Vec<ReadRequest>,
    later: Vec<ReadRequest>,
    probe: Option<ReadRequest>,
}

impl Queue {
    fn send(&self, pool: &ReaderPool) {
        let wanted = self.probe.iter().chain(&self.wanted).cloned().collect();
        pool.want(wanted, self.later.clone());
    }
}

fn parts_of(request: &ReadRequest) -> Vec<Part> {
    if request.derivation.is_some() {
        vec![Part::Derived]
    } else if request.bands.is_empty() {
        vec![Part::Codes]
    } else {
        request.bands.iter().copied().map(Part::Band).collect()
    }
}

impl TileStore {
    /// `wake` is called from reader threads when a read is done, with whether nothing else is on its way.
    pub fn new(threads: usize, budget_bytes: usize, wake: Arc<dyn Fn(bool) + Send + Sync>) -> Self {
        Self {
            pool: ReaderPool::new(threads, wake),
            tiles: HashMap::new(),
            size_bytes: 0,
            budget_bytes,
            frame: 0,
            failed: HashMap::new(),
            errors: HashMap::new(),
            outdated: HashSet::new(),
            queue: RefCell::default(),
            counts: ReadCounts::default(),
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
                queue.later.retain(|wanted| *wanted != reply.request);
            }
            if self.outdated.remove(&reply.request) {
                continue;
            }
            match reply.result {
                Ok(data) => {
                    self.errors.remove(&reply.request.path);
                    self.keep(&reply.request, data);
                }
                Err(SceneError::Cancelled) => {}
                Err(error) => {
                    self.errors
                        .insert(reply.request.path.clone(), error.to_string());
                    self.failed
                        .entry(Place::of(&reply.request))
                        .or_default()
                        .extend(parts_of(&reply.request));
                }
            }
        }
        if self.is_reading() {
            self.pool.relieve();
        }
        self.evict();
    }

    fn keep(&mut self, request: &ReadRequest, data: ReadData) {
        let parts: Vec<PartData> = match data {
            ReadData::Planes(planes) => planes.into_iter().map(PartData::Plane).collect(),
            ReadData::Codes(codes) => vec![PartData::Codes(codes)],
        };
        self.counts.reads += 1;
        let kept = self.tiles.entry(Place::of(request)).or_default();
        for (part, data) in parts_of(request).into_iter().zip(parts) {
            let size_bytes = data.size_bytes();
            self.counts.bands += 1;
            self.counts.bytes += size_bytes as u64;
            self.size_bytes += size_bytes;
            let entry = Entry {
                data,
                last_used: self.frame,
            };
            if let Some(old) = kept.insert(part, entry) {
                self.size_bytes -= old.data.size_bytes();
            }
        }
    }

    fn evict(&mut self) {
        if self.size_bytes <= self.budget_bytes {
            return;
        }
        let mut by_age: Vec<(u64, Place, Part)> = self
            .tiles
            .iter()
            .flat_map(|(place, parts)| {
                parts
                    .iter()
                    .map(|(part, entry)| (entry.last_used, place.clone(), *part))
            })
            .collect();
        by_age.sort_unstable_by_key(|(last_used, _, part)| (*last_used, *part));
        for (last_used, place, part) in by_age {
            // What this or the last frame needed stays, whatever the budget says.
            if self.size_bytes <= self.budget_bytes || last_used + 1 >= self.frame {
                break;
            }
            let Some(parts) = self.tiles.get_mut(&place) else {
                continue;
            };
            if let Some(entry) = parts.remove(&part) {
                self.size_bytes -= entry.data.size_bytes();
            }
            if parts.is_empty() {
                self.tiles.remove(&place);
            }
        }
    }

    /// The data of a read when all its bands are here, whichever reads brought them.
    pub fn get(&mut self, request: &ReadRequest) -> Option<ReadData> {
        let frame = self.frame;
        let kept = self.tiles.get_mut(&Place::of(request))?;
        collected(request, |part| {
            let entry = kept.get_mut(&part)?;
            entry.last_used = frame;
            Some(entry.data.clone())
        })
    }

    pub fn peek(&self, request: &ReadRequest) -> Option<ReadData> {
        let kept = self.tiles.get(&Place::of(request))?;
        collected(request, |part| Some(kept.get(&part)?.data.clone()))
    }

    pub fn has(&self, request: &ReadRequest) -> bool {
        self.missing(request).is_none()
    }

    /// The part of a read that is not here yet; `None` when all is.
    fn missing(&self, request: &ReadRequest) -> Option<ReadRequest> {
        let Some(kept) = self.tiles.get(&Place::of(request)) else {
            return Some(request.clone());
        };
        if let [only @ (Part::Derived | Part::Codes)] = parts_of(request)[..] {
            return (!kept.contains_key(&only)).then(|| request.clone());
        }
        let mut bands: Vec<usize> = request
            .bands
            .iter()
            .copied()
            .filter(|band| !kept.contains_key(&Part::Band(*band)))
            .collect();
        bands.sort_unstable();
        bands.dedup();
        (!bands.is_empty()).then(|| ReadRequest {
            bands,
            ..request.clone()
        })
    }

    pub fn has_failed(&self, request: &ReadRequest) -> bool {
        self.failed
            .get(&Place::of(request))
            .is_some_and(|failed| parts_of(request).iter().any(|part| failed.contains(part)))
    }

    /// Replaces what the view wants, most urgent first, and what is read `later`, when nothing else is; tells the readers only
    /// when something changed. Bands that are here are not read again.
    pub fn want(&mut self, wanted: &[ReadRequest], later: &[ReadRequest]) {
        let missing = |list: &[ReadRequest]| -> Vec<ReadRequest> {
            list.iter()
                .filter_map(|request| self.missing(request))
                .collect()
        };
        let (wanted, later) = (missing(wanted), missing(later));
        let mut queue = self.queue.borrow_mut();
        if queue.wanted != wanted || queue.later != later {
            queue.wanted = wanted;
            queue.later = later;
            queue.send(&self.pool);
        }
    }

    /// Asks for one read ahead of the view's; a newer probe replaces it.
    pub fn probe(&self, request: ReadRequest) {
        if self.has(&request) || self.has_failed(&request) {
            return;
        }
        let mut queue = self.queue.borrow_mut();
        if queue.probe.as_ref() != Some(&request) {
            queue.probe = Some(request);
            queue.send(&self.pool);
        }
    }

    /// Anything is on its way, for the view, for a better picture of it or for what lies around.
    pub fn is_reading(&self) -> bool {
        let queue = self.queue.borrow();
        !queue.wanted.is_empty() || !queue.later.is_empty()
    }

    pub fn counts(&self) -> ReadCounts {
        self.counts
    }

    /// What the tiles in memory take.
    pub fn size_bytes(&self) -> usize {
        self.size_bytes
    }

    pub fn error(&self, path: &Path) -> Option<&str> {
        self.errors.get(path).map(String::as_str)
    }

    /// Forgets tiles of a file that touch `window` (all of them without one).
    pub fn invalidate(&mut self, path: &Path, window: Option<Window>) {
        let is_hit = |of: &Path, place: &Window| {
            of == path && window.is_none_or(|window| overlaps(place, &window))
        };
        self.pool.forget(path);
        let mut gone = 0;
        self.tiles.retain(|place, parts| {
            let hit = is_hit(&place.path, &place.window);
            if hit {
                gone += parts
                    .values()
                    .map(|entry| entry.data.size_bytes())
                    .sum::<usize>();
            }
            !hit
        });
        self.size_bytes -= gone;
        self.failed.retain(|place, _| place.path != path);
        self.errors.remove(path);
        let mut queue = self.queue.borrow_mut();
        let Queue {
            wanted,
            later,
            probe,
        } = &mut *queue;
        self.outdated.extend(
            wanted
                .iter()
                .chain(later.iter())
                .chain(probe.iter())
                .filter(|request| is_hit(&request.path, &request.window))
                .cloned(),
        );
        // Sent again with the next frame, so that the answer is a new one.
        wanted.clear();
        later.clear();
        *probe = None;
    }
}

fn collected(
    request: &ReadRequest,
    mut find: impl FnMut(Part) -> Option<PartData>,
) -> Option<ReadData> {
    let mut planes = Vec::with_capacity(request.bands.len());
    for part in parts_of(request) {
        match find(part)? {
            PartData::Plane(plane) => planes.push(plane),
            PartData::Codes(codes) => return Some(ReadData::Codes(codes)),
        }
    }
    Some(ReadData::Planes(planes))
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
