//! What the readers of the canvas are to read: which request a free thread takes next, and which thread keeps to which part of a
//! file. Knows requests; reads nothing.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use crate::{ReadReply, ReadRequest};

/// A read of one tile that takes longer than this hangs on its disk or network.
const HANGING: Duration = Duration::from_secs(2);
/// Side, in pixels of the reply, of the parts of a file that one thread reads: its handle has decoded the blocks that
/// neighbours share.
const REGION_SIDE: usize = 1024;
/// Parts whose thread is remembered.
const REGIONS_KEPT: usize = 4096;

/// A part of a file at one scale.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Region(u64);

impl Region {
    fn of(request: &ReadRequest) -> Self {
        let window = request.window;
        let side =
            |pixels: usize, out: usize| REGION_SIDE.saturating_mul((pixels / out.max(1)).max(1));
        let across = side(window.width, request.out_width);
        let down = side(window.height, request.out_height);
        let mut hasher = DefaultHasher::new();
        let middle = (
            window.col + window.width / 2,
            window.row + window.height / 2,
        );
        (
            &request.path,
            across,
            down,
            middle.0 / across,
            middle.1 / down,
        )
            .hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A part of a file that a thread has begun.
struct Begun {
    thread: usize,
    /// Its tiles are cut from the same decoded blocks: another thread would have to decode them once more. So it is until the
    /// thread has opened the file and says otherwise.
    shares_blocks: bool,
}

#[derive(Default)]
pub(crate) struct State {
    /// Most urgent first; holds only what the newest view wants.
    pub queue: VecDeque<ReadRequest>,
    /// Wanted when nothing else is; never by all threads at once.
    pub later: VecDeque<ReadRequest>,
    /// Being read right now.
    pub in_flight: HashMap<ReadRequest, Reading>,
    pub replies: Vec<ReadReply>,
    /// Which thread read what last, and which threads read from a file so far.
    regions: HashMap<Region, Begun>,
    readers: HashMap<PathBuf, Vec<usize>>,
    /// Every path forgotten so far; each thread follows the list before it uses a kept handle.
    pub forgotten: Vec<PathBuf>,
    pub is_stopping: bool,
    pub started_threads: usize,
    /// No two threads have the same number, whether they still run or not.
    pub last_number: usize,
}

pub(crate) struct Reading {
    pub since: Instant,
    /// Number of the thread.
    pub thread: usize,
    pub is_later: bool,
    /// Set to end the read between two blocks.
    pub stop: Arc<AtomicBool>,
}

impl State {
    /// A thread ends: others may take its files over.
    pub fn forget_readers(&mut self) {
        self.readers.clear();
    }

    pub fn hanging(&self) -> usize {
        let is_hanging = |reading: &&Reading| {
            let patience = if reading.is_later {
                10 * HANGING
            } else {
                HANGING
            };
            reading.since.elapsed() > patience
        };
        self.in_flight.values().filter(is_hanging).count()
    }

    /// The reads in the part of this one decode blocks of their own: others may help.
    pub fn note_own_blocks(&mut self, request: &ReadRequest) {
        if let Some(begun) = self.regions.get_mut(&Region::of(request)) {
            begun.shares_blocks = false;
        }
    }

    /// The next read for the free thread `number` of `size`, and whether it is one of those for later.
    pub fn next(&mut self, size: usize, number: usize) -> Option<(ReadRequest, bool)> {
        let mut by_path: HashMap<&Path, usize> = HashMap::new();
        for request in self.in_flight.keys() {
            *by_path.entry(&request.path).or_insert(0) += 1;
        }
        // No file takes every thread: should it hang, the others go on.
        let most = size.saturating_sub(1).max(1);
        let is_free = |request: &ReadRequest| {
            by_path.get(request.path.as_path()).copied().unwrap_or(0) < most
        };
        // Every thread has handles of its own: the fewer of them decode the same blocks, the better. What another thread
        // has begun is left to it as long as there is something else.
        // Readers that are busy with another file, which may hang, do not count.
        let is_elsewhere = |thread: usize, path: &Path| {
            let mut readings = self.in_flight.iter();
            readings.any(|(request, reading)| reading.thread == thread && request.path != path)
        };
        let is_reader = |request: &ReadRequest| {
            let Some(readers) = self.readers.get(&request.path) else {
                return true;
            };
            let here = readers
                .iter()
                .filter(|reader| !is_elsewhere(**reader, &request.path));
            readers.contains(&number) || here.count() < most
        };
        let is_ours = |request: &ReadRequest| {
            let begun = self.regions.get(&Region::of(request));
            is_free(request)
                && is_reader(request)
                && begun.is_none_or(|begun| begun.thread == number)
        };
        // To decode the same blocks again takes longer than to wait for who has them, unless that one hangs.
        let is_left_alone = |request: &ReadRequest| {
            let begun = self.regions.get(&Region::of(request));
            begun.is_some_and(|begun| {
                let is_at_it = |(other, reading): (&ReadRequest, &Reading)| {
                    reading.thread == begun.thread
                        && other.path == request.path
                        && reading.since.elapsed() < HANGING
                };
                begun.shares_blocks && self.in_flight.iter().any(is_at_it)
            })
        };
        let first = |list: &VecDeque<ReadRequest>| {
            let ours = list.iter().position(is_ours);
            let helps = |r: &ReadRequest| is_free(r) && is_reader(r) && !is_left_alone(r);
            ours.or_else(|| list.iter().position(helps))
        };
        let busy_later = self.in_flight.values().filter(|r| r.is_later).count();
        let (at, is_later) = match first(&self.queue) {
            Some(at) => (at, false),
            None if self.queue.iter().any(is_left_alone) => return None,
            None if busy_later < most => (first(&self.later)?, true),
            None => return None,
        };
        let list = if is_later {
            &mut self.later
        } else {
            &mut self.queue
        };
        let request = list.remove(at)?;
        if self.regions.len() >= REGIONS_KEPT {
            self.regions.clear();
            self.readers.clear();
        }
        let begun = self.regions.entry(Region::of(&request));
        begun
            .or_insert(Begun {
                thread: number,
                shares_blocks: true,
            })
            .thread = number;
        let readers = self.readers.entry(request.path.clone()).or_default();
        if !readers.contains(&number) {
            readers.push(number);
        }
        Some((request, is_later))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Detail, Window};

    #[test]
    fn a_thread_goes_on_with_the_part_it_began_and_a_file_keeps_its_threads() {
        let at = |col: usize| ReadRequest {
            path: PathBuf::from("scene.tif"),
            bands: vec![0],
            derivation: None,
            are_codes: false,
            window: Window {
                col,
                row: 0,
                width: 512,
                height: 512,
            },
            out_width: 256,
            out_height: 256,
            mask: None,
            detail: Detail::Full,
        };
        // Parts of 1024 x 1024 pixels of the reply are 2048 of the file wide here.
        let mut state = State {
            queue: [0, 512, 4096, 1024, 4608].map(at).into(),
            ..State::default()
        };
        let mut next = |number| state.next(3, number).map(|(request, _)| request.window.col);
        assert_eq!(next(1), Some(0));
        assert_eq!(next(2), Some(4096));
        // Two of three threads read this file; the third is there for others.
        assert_eq!(next(3), None);
        assert_eq!([next(2), next(1)], [Some(4608), Some(512)]);
        // Nothing of its own is left, and the rest is cut from blocks the first has decoded.
        let reading = |thread| Reading {
            since: Instant::now(),
            thread,
            is_later: false,
            stop: Arc::default(),
        };
        state.in_flight.insert(at(512), reading(1));
        let next = |state: &mut State, number| {
            state.next(3, number).map(|(request, _)| request.window.col)
        };
        assert_eq!(next(&mut state, 2), None);
        // Were every tile made of blocks of its own, it would help.
        state.note_own_blocks(&at(512));
        assert_eq!(
            [next(&mut state, 2), next(&mut state, 2)],
            [Some(1024), None]
        );
        state.in_flight.clear();

        // Both readers hang on another file: the third takes their place.
        for thread in [1, 2] {
            let elsewhere = ReadRequest {
                path: PathBuf::from("share.tif"),
                ..at(thread)
            };
            state.in_flight.insert(elsewhere, reading(thread));
        }
        state.queue.push_back(at(0));
        let found = state.next(3, 3).map(|(request, _)| request.window.col);
        assert_eq!(found, Some(0));
    }
}
