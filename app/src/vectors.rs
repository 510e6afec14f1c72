//! Vector files the window reads, on a thread of their own so that a large one delays no other file: which layers a file has,
//! their shapes, and their tables in another order. What was read is kept beside the document and may vanish at any time.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use terroir_engine::{Trial, TrialOpener};
use terroir_scene::{
    Document, Layer, LayerId, SceneError, SceneResult, VectorColoring, VectorLayer, VectorProgress,
    VectorSource, VectorTable, drawable_tables, forgive_file, read_vector_blocking, vector_tables,
};

use crate::language::t;

const WAITING_TASKS: usize = 256;

/// A layer of a file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VectorKey {
    pub path: PathBuf,
    /// Empty = the first with shapes.
    pub table: String,
}

impl VectorKey {
    fn of(source: &VectorSource) -> Self {
        Self {
            path: source.path.clone(),
            table: source.table.clone(),
        }
    }
}

/// How the colours of a layer are to be made from an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum ColoringWish {
    Categories,
    Graduated {
        graduation: terroir_scene::Graduation,
        classes: usize,
        ramp: String,
    },
}

enum Task {
    Tables {
        path: PathBuf,
    },
    Read {
        key: VectorKey,
        /// The user asked for a layer; else one of the document is filled.
        is_new: bool,
        progress: Arc<VectorProgress>,
    },
    Color {
        layer: LayerId,
        data: Arc<VectorLayer>,
        attribute: String,
        wish: ColoringWish,
        before: VectorColoring,
    },
    Sort {
        layer: LayerId,
        data: Arc<VectorLayer>,
        /// Column and whether the largest comes first; `None` = as in the file.
        by: Option<(usize, bool)>,
    },
}

pub enum VectorReply {
    /// `None`: the file holds no shapes; it may be a raster.
    Tables {
        path: PathBuf,
        tables: SceneResult<Option<Vec<VectorTable>>>,
    },
    Read {
        key: VectorKey,
        is_new: bool,
        result: SceneResult<Arc<VectorLayer>>,
    },
    Colored {
        layer: LayerId,
        result: SceneResult<VectorColoring>,
    },
    Sorted {
        layer: LayerId,
        by: Option<(usize, bool)>,
        order: Arc<[u32]>,
    },
}

enum Known {
    Reading(Arc<VectorProgress>),
    Ready(Arc<VectorLayer>),
    Failed,
}

pub struct Vectors {
    tasks: SyncSender<Task>,
    replies: Receiver<VectorReply>,
    known: HashMap<VectorKey, Known>,
    /// Layers the user asked for that are being read.
    opening: Vec<(VectorKey, Arc<VectorProgress>)>,
    /// Document and revision `known` was last compared with.
    checked: Option<(u64, u64)>,
}

impl Vectors {
    /// `program`: opens files first, in a process of its own.
    pub fn start(
        program: Option<PathBuf>,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> std::io::Result<Self> {
        let (tasks, waiting) = sync_channel(WAITING_TASKS);
        let (sender, replies) = sync_channel(WAITING_TASKS);
        std::thread::Builder::new()
            .name("vector reader".to_owned())
            .spawn(move || {
                let mut opener = program.map(TrialOpener::new);
                for task in waiting.iter() {
                    let path = match &task {
                        Task::Tables { path } => Some(path),
                        Task::Read { key, .. } => Some(&key.path),
                        Task::Color { .. } | Task::Sort { .. } => None,
                    };
                    if let (Some(opener), Some(path)) = (&mut opener, path) {
                        if matches!(task, Task::Tables { .. }) {
                            forgive_file(path);
                        }
                        opener.try_blocking(&Trial::Vector(path.clone()));
                    }
                    if sender.send(answer_blocking(task)).is_err() {
                        break;
                    }
                    wake();
                }
            })?;
        Ok(Self {
            tasks,
            replies,
            known: HashMap::new(),
            opening: Vec::new(),
            checked: None,
        })
    }

    pub fn drain(&self) -> Vec<VectorReply> {
        self.replies.try_iter().collect()
    }

    /// Asks which layers a file has; false when too much waits.
    #[must_use]
    pub fn ask_tables(&self, path: PathBuf) -> bool {
        self.tasks.try_send(Task::Tables { path }).is_ok()
    }

    /// Reads a layer that is to be added; false when too much waits.
    #[must_use]
    pub fn open(&mut self, key: VectorKey) -> bool {
        let progress = Arc::new(VectorProgress::default());
        let task = Task::Read {
            key: key.clone(),
            is_new: true,
            progress: progress.clone(),
        };
        let is_sent = self.tasks.try_send(task).is_ok();
        if is_sent {
            self.opening.push((key, progress));
        }
        is_sent
    }

    /// Makes the colours of a layer anew in the background.
    #[must_use]
    pub fn color(
        &self,
        layer: LayerId,
        data: Arc<VectorLayer>,
        attribute: String,
        wish: ColoringWish,
        before: VectorColoring,
    ) -> bool {
        let task = Task::Color {
            layer,
            data,
            attribute,
            wish,
            before,
        };
        self.tasks.try_send(task).is_ok()
    }

    /// Sorts a layer's table in the background.
    #[must_use]
    pub fn sort(&self, layer: LayerId, data: Arc<VectorLayer>, by: Option<(usize, bool)>) -> bool {
        self.tasks.try_send(Task::Sort { layer, data, by }).is_ok()
    }

    /// Keeps what a read brought.
    pub fn take_read(
        &mut self,
        key: &VectorKey,
        is_new: bool,
        result: &SceneResult<Arc<VectorLayer>>,
    ) {
        if is_new && let Some(at) = self.opening.iter().position(|(open, _)| open == key) {
            self.opening.remove(at);
        }
        match result {
            Ok(data) => {
                self.known.insert(key.clone(), Known::Ready(data.clone()));
            }
            Err(_) if !is_new => {
                self.known.insert(key.clone(), Known::Failed);
            }
            Err(_) => {}
        }
    }

    /// Asks for the shapes of every vector layer that has none yet, and lets go of those no layer shows.
    pub fn follow(&mut self, document: &Document, document_number: u64, revision: u64) {
        let now = Some((document_number, revision));
        if self.checked == now {
            return;
        }
        self.checked = now;
        let keys: Vec<VectorKey> = document
            .layers
            .iter()
            .filter_map(|layer| layer.vector().map(VectorKey::of))
            .collect();
        self.known.retain(|key, known| {
            let is_used = keys.contains(key);
            if let (false, Known::Reading(progress)) = (is_used, known) {
                progress.stop.store(true, Ordering::Relaxed);
            }
            is_used
        });
        for key in keys {
            if self.known.contains_key(&key) {
                continue;
            }
            let progress = Arc::new(VectorProgress::default());
            let task = Task::Read {
                key: key.clone(),
                is_new: false,
                progress: progress.clone(),
            };
            if self.tasks.try_send(task).is_ok() {
                self.known.insert(key, Known::Reading(progress));
            } else {
                // Too much waits: tried again at the next look.
                self.checked = None;
            }
        }
    }

    /// Reads every file again at the next look.
    pub fn forget(&mut self) {
        self.known
            .retain(|_, known| matches!(known, Known::Reading(_)));
        self.checked = None;
    }

    pub fn data(&self, layer: &Layer) -> Option<&Arc<VectorLayer>> {
        match self.known.get(&VectorKey::of(layer.vector()?))? {
            Known::Ready(data) => Some(data),
            Known::Reading(_) | Known::Failed => None,
        }
    }

    /// The file could not be read.
    pub fn is_missing(&self, layer: &Layer) -> bool {
        layer.vector().is_some_and(|source| {
            matches!(self.known.get(&VectorKey::of(source)), Some(Known::Failed))
        })
    }

    /// What is being read and how far it is; `None` when nothing is.
    pub fn progress_text(&self) -> Option<String> {
        let reading = self.known.iter().filter_map(|(key, known)| match known {
            Known::Reading(progress) => Some((key, progress)),
            Known::Ready(_) | Known::Failed => None,
        });
        let opening = self.opening.iter().map(|(key, progress)| (key, progress));
        let (key, progress) = opening
            .chain(reading)
            .max_by_key(|(_, progress)| progress.done.load(Ordering::Relaxed))?;
        let (done, total) = (
            progress.done.load(Ordering::Relaxed),
            progress.total.load(Ordering::Relaxed),
        );
        let name = file_name(&key.path);
        Some(match (done, total) {
            (0, _) => t!("shapes-opening", file = name),
            (done, 0) => t!(
                "shapes-opening-done",
                file = name,
                done = crate::jobs::count_text(done)
            ),
            (done, total) => t!(
                "shapes-opening-of",
                file = name,
                done = crate::jobs::count_text(done.min(total)),
                total = crate::jobs::count_text(total)
            ),
        })
    }
}

impl Drop for Vectors {
    fn drop(&mut self) {
        let reading = self.known.values().filter_map(|known| match known {
            Known::Reading(progress) => Some(progress),
            Known::Ready(_) | Known::Failed => None,
        });
        for progress in self.opening.iter().map(|(_, p)| p).chain(reading) {
            progress.stop.store(true, Ordering::Relaxed);
        }
    }
}

pub fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// Layers worth a row in the chooser.
pub fn tables_to_choose(tables: &[VectorTable]) -> Vec<VectorTable> {
    drawable_tables(tables).into_iter().cloned().collect()
}

fn answer_blocking(task: Task) -> VectorReply {
    match task {
        Task::Tables { path } => {
            let tables = vector_tables(&path);
            VectorReply::Tables { path, tables }
        }
        Task::Read {
            key,
            is_new,
            progress,
        } => {
            let table = (!key.table.is_empty()).then_some(key.table.as_str());
            let result = if progress.stop.load(Ordering::Relaxed) {
                Err(SceneError::Cancelled)
            } else {
                read_vector_blocking(&key.path, table, &progress).map(Arc::new)
            };
            VectorReply::Read {
                key,
                is_new,
                result,
            }
        }
        Task::Color {
            layer,
            data,
            attribute,
            wish,
            before,
        } => {
            let result = match wish {
                ColoringWish::Categories => terroir_scene::categories(&data, &attribute, &before),
                ColoringWish::Graduated {
                    graduation,
                    classes,
                    ramp,
                } => terroir_scene::graduated(&data, &attribute, graduation, classes, &ramp),
            };
            VectorReply::Colored { layer, result }
        }
        Task::Sort { layer, data, by } => {
            let mut order: Vec<u32> = (0..data.features() as u32).collect();
            if let Some((column, is_descending)) = by
                && let Some(column) = data.columns.get(column)
            {
                order.sort_by(|a, b| column.compare(*a as usize, *b as usize));
                if is_descending {
                    order.reverse();
                }
            }
            VectorReply::Sorted {
                layer,
                by,
                order: order.into(),
            }
        }
    }
}
