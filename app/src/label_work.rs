//! What is worked out about labels beside the window: regions to fill, regions grown by spectrum, segments under strokes, and
//! statistics. Named
//! threads; of a region being tuned and of statistics only the newest question counts.
//! Knows labels and rasters; the window's thread only sends questions and takes answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use terroir_scene::{
    Followed, Grid, Grower, LabelRegion, LabelStatistics, Labels, Likeness, SceneError,
    SceneResult, Segmenter, SnapStroke, label_statistics,
};

use crate::slot::{SlotReceiver, SlotSender, slot};
use crate::state::State;

/// Fills waiting at once; a click beyond that is refused.
const WAITING_FILLS: usize = 16;
/// While a stroke is drawn, statistics follow this often.
const STATISTICS_EVERY: Duration = Duration::from_millis(300);

/// A patch to be given a class.
#[derive(Clone, Debug)]
pub struct FillQuestion {
    pub labels: Labels,
    /// Label pixel (column, row) that was clicked.
    pub at: (usize, usize),
    pub class_id: u8,
    pub limit: usize,
    /// How often the labels changed while it was looked for.
    pub tries: usize,
}

/// A region to be grown from a label pixel.
#[derive(Clone, Debug, PartialEq)]
pub struct GrowQuestion {
    pub path: PathBuf,
    /// From 0.
    pub bands: Vec<usize>,
    pub grid: Grid,
    pub at: (usize, usize),
    pub likeness: Likeness,
    pub tolerance: f32,
    pub limit: usize,
}

/// A stroke that is to snap to the segments it goes through.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapQuestion {
    pub path: PathBuf,
    /// From 0.
    pub bands: Vec<usize>,
    pub grid: Grid,
    pub stroke: SnapStroke,
    pub class_id: u8,
    pub protect: bool,
}

pub enum LabelReply {
    Snapped {
        question: Box<SnapQuestion>,
        found: SceneResult<LabelRegion>,
    },
    Filled {
        question: Box<FillQuestion>,
        found: Followed,
    },
    Grown {
        question: Box<GrowQuestion>,
        found: SceneResult<Followed>,
    },
    Statistics(Arc<LabelStatistics>),
}

/// The window's handle of the threads; dropping it ends them.
pub struct LabelWork {
    fills: SyncSender<FillQuestion>,
    strokes: SyncSender<SnapQuestion>,
    regions: SlotSender<GrowQuestion>,
    statistics: SlotSender<Labels>,
    replies: Receiver<LabelReply>,
    /// The newest answer.
    pub known: Option<Arc<LabelStatistics>>,
    asked: Option<Labels>,
    /// Document and revision that were looked at, and when statistics were asked for.
    looked_at: Option<(u64, u64)>,
    asked_at: Option<Instant>,
}

impl LabelWork {
    pub fn start(wake: Arc<dyn Fn() + Send + Sync>) -> std::io::Result<Self> {
        let (fills, fill_questions) = sync_channel(WAITING_FILLS);
        let (strokes, stroke_questions) = sync_channel(WAITING_FILLS);
        let (regions, region_questions) = slot();
        let (statistics, statistics_questions) = slot();
        let (sender, replies) = sync_channel(WAITING_FILLS);
        let (fill_sender, fill_wake) = (sender.clone(), wake.clone());
        std::thread::Builder::new()
            .name("label fills".to_owned())
            .spawn(move || answer_fills(&fill_questions, &fill_sender, &*fill_wake))?;
        let (stroke_sender, stroke_wake) = (sender.clone(), wake.clone());
        std::thread::Builder::new()
            .name("label segments".to_owned())
            .spawn(move || answer_strokes(&stroke_questions, &stroke_sender, &*stroke_wake))?;
        let (region_sender, region_wake) = (sender.clone(), wake.clone());
        std::thread::Builder::new()
            .name("label regions".to_owned())
            .spawn(move || answer_regions(&region_questions, &region_sender, &*region_wake))?;
        std::thread::Builder::new()
            .name("label statistics".to_owned())
            .spawn(move || answer_statistics(&statistics_questions, &sender, &*wake))?;
        Ok(Self {
            fills,
            strokes,
            regions,
            statistics,
            replies,
            known: None,
            asked: None,
            looked_at: None,
            asked_at: None,
        })
    }

    /// False when so many fills wait that this one was refused.
    #[must_use]
    pub fn fill(&self, question: FillQuestion) -> bool {
        self.fills.try_send(question).is_ok()
    }

    /// False when so many strokes wait that this one was refused.
    #[must_use]
    pub fn snap(&self, question: SnapQuestion) -> bool {
        self.strokes.try_send(question).is_ok()
    }

    /// Forgets what was counted, as for another document.
    pub fn forget(&mut self) {
        self.known = None;
        self.asked = None;
        self.looked_at = None;
    }

    /// Replaces a region that is not grown yet.
    pub fn grow(&self, question: GrowQuestion) {
        self.regions.put(question);
    }

    pub fn drain(&self) -> Vec<LabelReply> {
        self.replies.try_iter().collect()
    }
}

fn answer_fills(
    questions: &Receiver<FillQuestion>,
    replies: &SyncSender<LabelReply>,
    wake: &(dyn Fn() + Send + Sync),
) {
    for question in questions.iter() {
        let found = question
            .labels
            .region_at(question.at.0, question.at.1, question.limit, &|| false)
            .unwrap_or(Followed::Whole(LabelRegion::default()));
        let question = Box::new(question);
        if replies
            .send(LabelReply::Filled { question, found })
            .is_err()
        {
            return;
        }
        wake();
    }
}

fn answer_strokes(
    questions: &Receiver<SnapQuestion>,
    replies: &SyncSender<LabelReply>,
    wake: &(dyn Fn() + Send + Sync),
) {
    let mut open: Option<(SnapQuestion, Segmenter)> = None;
    for question in questions.iter() {
        let is_open = open.as_ref().is_some_and(|(known, _)| {
            (&known.path, &known.bands, &known.grid)
                == (&question.path, &question.bands, &question.grid)
        });
        if !is_open {
            open = None;
        }
        let found = snap_blocking(&mut open, &question);
        let question = Box::new(question);
        if replies
            .send(LabelReply::Snapped { question, found })
            .is_err()
        {
            return;
        }
        wake();
    }
}

fn snap_blocking(
    open: &mut Option<(SnapQuestion, Segmenter)>,
    question: &SnapQuestion,
) -> SceneResult<LabelRegion> {
    let (_, segmenter) = match open {
        Some(open) => open,
        None => {
            let segmenter =
                Segmenter::open_blocking(&question.path, &question.bands, &question.grid)?;
            open.insert((question.clone(), segmenter))
        }
    };
    segmenter.snap_blocking(&question.stroke)
}

fn answer_regions(
    questions: &SlotReceiver<GrowQuestion>,
    replies: &SyncSender<LabelReply>,
    wake: &(dyn Fn() + Send + Sync),
) {
    // Distances stay with the raster while only the tolerance changes.
    let mut open: Option<(GrowQuestion, Grower)> = None;
    while let Some(question) = questions.take_blocking() {
        let is_open = open.as_ref().is_some_and(|(known, _)| {
            (&known.path, &known.bands, &known.grid)
                == (&question.path, &question.bands, &question.grid)
        });
        if !is_open {
            open = None;
        }
        let found = grow_blocking(&mut open, &question, &|| questions.is_outdated());
        if matches!(found, Err(SceneError::Cancelled)) {
            continue;
        }
        if found.is_err() {
            open = None;
        }
        let question = Box::new(question);
        if replies.send(LabelReply::Grown { question, found }).is_err() {
            return;
        }
        wake();
    }
}

fn grow_blocking(
    open: &mut Option<(GrowQuestion, Grower)>,
    question: &GrowQuestion,
    is_outdated: &dyn Fn() -> bool,
) -> SceneResult<Followed> {
    let (_, grower) = match open {
        Some(open) => open,
        None => {
            let grower = Grower::open_blocking(&question.path, &question.bands, &question.grid)?;
            open.insert((question.clone(), grower))
        }
    };
    grower.region_blocking(
        question.at,
        question.likeness,
        question.tolerance,
        question.limit,
        is_outdated,
    )
}

fn answer_statistics(
    questions: &SlotReceiver<Labels>,
    replies: &SyncSender<LabelReply>,
    wake: &(dyn Fn() + Send + Sync),
) {
    while let Some(labels) = questions.take_blocking() {
        let Ok(statistics) = label_statistics(&labels, &|| questions.is_outdated()) else {
            continue;
        };
        let reply = LabelReply::Statistics(Arc::new(statistics));
        if replies.send(reply).is_err() {
            return;
        }
        wake();
    }
}

impl State {
    /// Takes answers about labels, and asks for statistics when labels changed since the last question.
    pub fn update_label_work(&mut self) {
        for reply in self.label_work.drain() {
            match reply {
                LabelReply::Filled { question, found } => self.take_fill(*question, found),
                LabelReply::Grown { question, found } => self.take_grown(*question, found),
                LabelReply::Snapped { question, found } => self.take_snapped(&question, found),
                LabelReply::Statistics(statistics) => {
                    // Labels may be gone meanwhile.
                    let is_wanted = self.history.document().labels.is_some();
                    self.label_work.known = is_wanted.then_some(statistics);
                }
            }
        }
        self.ask_label_statistics();
    }

    fn ask_label_statistics(&mut self) {
        let now = (self.document_number, self.history.revision());
        if self.label_work.looked_at == Some(now) {
            return;
        }
        let is_recent = self
            .label_work
            .asked_at
            .is_some_and(|asked| asked.elapsed() < STATISTICS_EVERY);
        if self.session.stroke.is_some() && is_recent {
            return;
        }
        self.label_work.looked_at = Some(now);
        let labels = &self.history.document().labels;
        if *labels == self.label_work.asked {
            return;
        }
        self.label_work.asked = labels.clone();
        match labels {
            None => self.label_work.known = None,
            Some(labels) => {
                self.label_work.asked_at = Some(Instant::now());
                self.label_work.statistics.put(labels.clone());
            }
        }
    }

    /// Classes that have labels, as far as they were counted.
    pub fn labelled_classes(&self) -> usize {
        self.label_work.known.as_ref().map_or(0, |known| {
            known
                .classes
                .iter()
                .filter(|class| class.pixels > 0)
                .count()
        })
    }
}
