//! Jobs as the window sees them: what runs in the worker process, how far it is, what came out. The worker sits behind
//! a small trait so that tests can play its part.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use terroir_engine::{DeviceInfo, Estimate, Event, Failure, JobId, JobSpec, Outcome, WorkerLink};
use terroir_scene::{AssignedCrs, BandStatistics, Companion};

use crate::language::{said, t};

/// Time left is shown once a job ran this long.
const TIME_LEFT_AFTER_SECS: f64 = 3.0;
/// Points kept per curve of a job.
const CURVE_POINTS: usize = 4000;
/// Estimates kept; several forms may be on show.
const ESTIMATES: usize = 16;
/// Lines kept per job.
const LOG_LINES: usize = 200;

/// The window's side of a worker; never blocks.
pub trait JobLink {
    fn run(&mut self, spec: JobSpec) -> JobId;
    fn estimate(&mut self, spec: JobSpec) -> JobId;
    /// Systems of rasters whose files name none, for jobs from now on.
    fn assign(&mut self, _systems: Vec<AssignedCrs>) {}
    fn cancel(&mut self, id: JobId);
    fn request_devices(&mut self);
    fn drain(&mut self) -> Vec<Event>;
    fn process_id(&self) -> Option<u32>;
    /// The executable workers are started from; `None` for links that start none.
    fn program(&self) -> Option<std::path::PathBuf> {
        None
    }
}

impl JobLink for WorkerLink {
    fn run(&mut self, spec: JobSpec) -> JobId {
        Self::run(self, spec)
    }
    fn estimate(&mut self, spec: JobSpec) -> JobId {
        Self::estimate(self, spec)
    }
    fn assign(&mut self, systems: Vec<AssignedCrs>) {
        Self::assign(self, systems);
    }
    fn cancel(&mut self, id: JobId) {
        Self::cancel(self, id);
    }
    fn request_devices(&mut self) {
        Self::request_devices(self);
    }
    fn drain(&mut self) -> Vec<Event> {
        Self::drain(self)
    }
    fn process_id(&self) -> Option<u32> {
        Self::process_id(self)
    }
    fn program(&self) -> Option<std::path::PathBuf> {
        Some(Self::program(self).to_owned())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum JobState {
    Waiting,
    Running,
    Finished(Outcome),
    Cancelled,
    Failed(Failure),
}

pub struct Job {
    pub id: JobId,
    pub name: String,
    pub spec: JobSpec,
    pub state: JobState,
    pub device: Option<String>,
    pub stage: String,
    pub done: u64,
    pub total: u64,
    pub started: Instant,
    /// When the present stage began: its rate gives the time left.
    stage_started: Instant,
    pub secs: f64,
    pub metrics: Vec<(String, f64)>,
    /// Every figure over the steps at which it was told.
    pub curves: Vec<(String, Vec<[f64; 2]>)>,
    /// The newest picture the job made of how far it is, and how many there were.
    pub preview: Option<PathBuf>,
    pub previews: usize,
    pub log: Vec<String>,
}

impl Job {
    pub fn is_over(&self) -> bool {
        !matches!(self.state, JobState::Waiting | JobState::Running)
    }

    pub fn fraction(&self) -> Option<f32> {
        (self.total > 0).then(|| (self.done as f64 / self.total as f64).clamp(0.0, 1.0) as f32)
    }

    /// Seconds left from this stage's own rate; `None` before three seconds or without progress.
    pub fn secs_left(&self, now: Instant) -> Option<f64> {
        let elapsed = now.duration_since(self.stage_started).as_secs_f64();
        let is_known =
            self.state == JobState::Running && self.done > 0 && elapsed >= TIME_LEFT_AFTER_SECS;
        is_known.then(|| elapsed / self.done as f64 * self.total.saturating_sub(self.done) as f64)
    }

    /// What is done a second in this stage; `None` as for the time left.
    pub fn rate(&self, now: Instant) -> Option<f64> {
        let left = self.secs_left(now)?;
        let done = self.total.saturating_sub(self.done) as f64;
        (left > 0.0).then(|| done / left)
    }

    /// Adds a figure to its curve; of a long one every second point is given up.
    fn draw(&mut self, name: &str, value: f64) {
        if !value.is_finite() {
            return;
        }
        let at = self.curves.iter().position(|(known, _)| known == name);
        let at = at.unwrap_or_else(|| {
            self.curves.push((name.to_owned(), Vec::new()));
            self.curves.len() - 1
        });
        if let Some((_, points)) = self.curves.get_mut(at) {
            if points.len() >= CURVE_POINTS {
                let mut number = 0;
                points.retain(|_| {
                    number += 1;
                    number % 2 == 1
                });
            }
            // A figure is told after its step, the progress before it.
            points.push([self.done as f64 + 1.0, value]);
        }
    }

    fn note(&mut self, line: String) {
        if self.log.len() == LOG_LINES {
            self.log.remove(0);
        }
        self.log.push(line);
    }
}

/// What happened that the rest of the window must act on.
#[derive(Clone, Debug, PartialEq)]
pub enum JobNews {
    Finished {
        id: JobId,
    },
    Failed {
        name: String,
        failure: Failure,
    },
    Cancelled {
        name: String,
    },
    Warning {
        id: JobId,
        name: String,
        text: String,
    },
    /// A window of a file changed on the disk.
    Wrote {
        path: PathBuf,
    },
    /// Exact figures of a band are known.
    Measured {
        path: PathBuf,
        statistics: BandStatistics,
    },
}

/// An estimate that was asked for.
struct Asked {
    id: JobId,
    spec: JobSpec,
    /// A form asked for it since the last look at the worker's answers.
    is_wanted: bool,
}

pub struct Jobs {
    link: Box<dyn JobLink>,
    /// Oldest first.
    pub list: Vec<Job>,
    /// What is written beside a map once its job is done, by the map.
    pub companions: HashMap<PathBuf, Vec<Companion>>,
    /// `None` until the worker answered.
    pub devices: Option<Vec<DeviceInfo>>,
    devices_requested: bool,
    pub worker_version: Option<String>,
    estimating: Vec<Asked>,
    /// What jobs will cost, oldest answer first.
    estimates: Vec<(JobSpec, Result<Estimate, Failure>)>,
}

impl Jobs {
    /// Systems of rasters whose files name none, for jobs from now on.
    pub fn assign(&mut self, systems: Vec<AssignedCrs>) {
        self.link.assign(systems);
    }

    pub fn new(link: Box<dyn JobLink>) -> Self {
        Self {
            link,
            list: Vec::new(),
            companions: HashMap::new(),
            devices: None,
            devices_requested: false,
            worker_version: None,
            estimating: Vec::new(),
            estimates: Vec::new(),
        }
    }

    /// Asks for the devices once; they arrive with a later `drain`.
    pub fn want_devices(&mut self) {
        if !self.devices_requested {
            self.devices_requested = true;
            self.link.request_devices();
        }
    }

    pub fn run(&mut self, name: impl Into<String>, spec: JobSpec) -> JobId {
        let id = self.link.run(spec.clone());
        let now = Instant::now();
        self.list.push(Job {
            id,
            name: name.into(),
            spec,
            state: JobState::Waiting,
            device: None,
            stage: t!("job-waiting").to_owned(),
            done: 0,
            total: 0,
            started: now,
            stage_started: now,
            secs: 0.0,
            metrics: Vec::new(),
            curves: Vec::new(),
            preview: None,
            previews: 0,
            log: Vec::new(),
        });
        id
    }

    pub fn cancel(&mut self, id: JobId) {
        self.link.cancel(id);
    }

    /// Asks what `spec` would cost, unless that is known or asked already.
    pub fn want_estimate(&mut self, spec: &JobSpec) {
        if self.estimate_of(spec).is_some() {
            return;
        }
        if let Some(asked) = self.estimating.iter_mut().find(|asked| asked.spec == *spec) {
            asked.is_wanted = true;
            return;
        }
        let id = self.link.estimate(spec.clone());
        self.estimating.push(Asked {
            id,
            spec: spec.clone(),
            is_wanted: true,
        });
    }

    /// A form that changed or went makes its question pointless.
    fn drop_unwanted(&mut self) {
        let link = &mut self.link;
        self.estimating.retain_mut(|asked| {
            let is_wanted = std::mem::take(&mut asked.is_wanted);
            if !is_wanted {
                link.cancel(asked.id);
            }
            is_wanted
        });
    }

    /// What the worker said `spec` would cost; `None` = not asked, or not answered yet.
    pub fn estimate_of(&self, spec: &JobSpec) -> Option<&Result<Estimate, Failure>> {
        let mut known = self.estimates.iter();
        known.find(|(known, _)| known == spec).map(|(_, said)| said)
    }

    fn note_estimate(&mut self, id: JobId, said: Result<Estimate, Failure>) {
        let Some(at) = self.estimating.iter().position(|asked| asked.id == id) else {
            return;
        };
        let Asked { spec, .. } = self.estimating.remove(at);
        if self.estimates.len() == ESTIMATES {
            drop(self.estimates.remove(0));
        }
        self.estimates.push((spec, said));
    }

    /// Costs may be others now: files were written.
    fn forget_estimates(&mut self) {
        self.estimates.clear();
    }

    pub fn is_estimating(&self, spec: &JobSpec) -> bool {
        self.estimating.iter().any(|asked| asked.spec == *spec)
    }

    pub fn get(&self, id: JobId) -> Option<&Job> {
        self.list.iter().find(|job| job.id == id)
    }

    /// The job shown in the status bar.
    pub fn front(&self) -> Option<&Job> {
        let running = self.list.iter().find(|job| job.state == JobState::Running);
        running.or_else(|| self.list.iter().find(|job| job.state == JobState::Waiting))
    }

    pub fn is_busy(&self) -> bool {
        self.front().is_some()
    }

    pub fn clear_finished(&mut self) {
        self.list.retain(|job| !job.is_over());
    }

    pub fn program(&self) -> Option<std::path::PathBuf> {
        self.link.program()
    }

    pub fn worker_process(&self) -> Option<u32> {
        self.link.process_id()
    }

    /// Takes in everything the worker said; call every frame.
    pub fn drain(&mut self) -> Vec<JobNews> {
        let mut news = Vec::new();
        for event in self.link.drain() {
            self.take(event, &mut news);
        }
        self.drop_unwanted();
        news
    }

    fn take(&mut self, event: Event, news: &mut Vec<JobNews>) {
        let now = Instant::now();
        match event {
            Event::Ready { version } => self.worker_version = Some(version),
            Event::Devices { devices } => self.devices = Some(devices),
            Event::Estimate { id, estimate } => self.note_estimate(id, Ok(estimate)),
            Event::Failed { id, failure } if self.estimating.iter().any(|asked| asked.id == id) => {
                self.note_estimate(id, Err(failure));
            }
            Event::Started { id, device } => {
                if let Some(job) = self.job_mut(id) {
                    job.state = JobState::Running;
                    job.started = now;
                    job.stage_started = now;
                    job.note(t!("job-started", device = &device));
                    job.device = Some(device);
                }
            }
            Event::Progress {
                id,
                stage,
                done,
                total,
            } => {
                if let Some(job) = self.job_mut(id) {
                    if job.stage != stage {
                        job.stage_started = now;
                        job.note(said(&stage));
                        job.stage = stage;
                    }
                    (job.done, job.total) = (done, total);
                }
            }
            Event::Metric { id, name, value } => {
                if let Some(job) = self.job_mut(id) {
                    job.draw(&name, value);
                    // A figure that comes with every step would drive everything else out of the log.
                    if job.stage != "training" {
                        job.note(format!("{name}: {value:.4}"));
                    }
                    job.metrics.retain(|(known, _)| *known != name);
                    job.metrics.push((name, value));
                }
            }
            Event::Tile { path, .. } => news.push(JobNews::Wrote { path }),
            Event::Statistics {
                path, statistics, ..
            } => news.push(JobNews::Measured { path, statistics }),
            Event::Preview { id, path } => {
                if let Some(job) = self.job_mut(id) {
                    job.note(t!("job-preview", path = path.display().to_string()));
                    job.preview = Some(path);
                    job.previews += 1;
                }
            }
            Event::Warning { id, text } => {
                let text = said(&text);
                if let Some(job) = self.job_mut(id) {
                    job.note(t!("job-warning", text = &text));
                    news.push(JobNews::Warning {
                        id,
                        name: job.name.clone(),
                        text,
                    });
                }
            }
            Event::Finished { id, mut outcome } => {
                outcome.summary = said(&outcome.summary);
                self.forget_estimates();
                if let Some(job) = self.job_mut(id) {
                    job.secs = now.duration_since(job.started).as_secs_f64();
                    job.note(outcome.summary.clone());
                    job.state = JobState::Finished(outcome);
                    news.push(JobNews::Finished { id });
                }
            }
            Event::Cancelled { id } => {
                if let Some(job) = self.job_mut(id) {
                    job.secs = now.duration_since(job.started).as_secs_f64();
                    job.note(t!("job-cancelled").to_owned());
                    job.state = JobState::Cancelled;
                    news.push(JobNews::Cancelled {
                        name: job.name.clone(),
                    });
                }
            }
            Event::Failed { id, mut failure } => {
                failure.what = said(&failure.what);
                if let Some(job) = self.job_mut(id) {
                    job.secs = now.duration_since(job.started).as_secs_f64();
                    job.note(t!("job-failed", what = &failure.what));
                    news.push(JobNews::Failed {
                        name: job.name.clone(),
                        failure: failure.clone(),
                    });
                    job.state = JobState::Failed(failure);
                }
            }
        }
    }

    fn job_mut(&mut self, id: JobId) -> Option<&mut Job> {
        self.list.iter_mut().find(|job| job.id == id)
    }
}

/// `<folder>/<stem>_<suffix>.<extension>` beside a file; for files of the bundled sample in the user's own folder.
pub fn beside(path: &Path, suffix: &str, extension: &str) -> PathBuf {
    let stem = path.file_stem().map_or_else(
        || "scene".into(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    let name = format!("{stem}_{suffix}.{extension}");
    match crate::assets::folder_for_results(path) {
        Some(folder) => folder.join(name),
        None => path.with_file_name(name),
    }
}

/// `45 s`, `3 min 20 s`, `2 h 5 min`.
pub fn duration_text(secs: f64) -> String {
    let secs = secs.max(0.0);
    if secs < 10.0 {
        return format!("{secs:.1} s");
    }
    let whole = secs.round() as u64;
    match whole {
        0..=99 => format!("{whole} s"),
        100..=5999 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// `12 kB`, `3.4 MB`, `1.2 GB`.
pub fn bytes_text(bytes: u64) -> String {
    let value = bytes as f64;
    match bytes {
        0..=999 => format!("{bytes} B"),
        1_000..=999_999 => format!("{:.0} kB", value / 1e3),
        1_000_000..=999_999_999 => format!("{:.1} MB", value / 1e6),
        _ => format!("{:.1} GB", value / 1e9),
    }
}

/// `12,345,678`.
pub fn count_text(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use terroir_engine::PredictSpec;

    #[derive(Default)]
    struct Script(Vec<Event>);

    impl JobLink for Script {
        fn run(&mut self, _spec: JobSpec) -> JobId {
            JobId(1)
        }
        fn estimate(&mut self, _spec: JobSpec) -> JobId {
            JobId(2)
        }
        fn cancel(&mut self, id: JobId) {
            self.0.push(Event::Cancelled { id });
        }
        fn request_devices(&mut self) {}
        fn drain(&mut self) -> Vec<Event> {
            std::mem::take(&mut self.0)
        }
        fn process_id(&self) -> Option<u32> {
            None
        }
    }

    fn spec() -> JobSpec {
        JobSpec::Predict(PredictSpec {
            probabilities: false,
            uncertainty: None,
            field: "f.tif".into(),
            head: "h.json".into(),
            out: "m.tif".into(),
            aoi: None,
        })
    }

    #[test]
    fn a_dead_worker_fails_its_job_and_nothing_else() {
        let id = JobId(1);
        let failure = Failure {
            what: "The worker was killed (signal 9).".to_owned(),
            details: None,
        };
        let mut jobs = Jobs::new(Box::new(Script(vec![
            Event::Started {
                id,
                device: "CPU".to_owned(),
            },
            Event::Progress {
                id,
                stage: "mapping".to_owned(),
                done: 3,
                total: 10,
            },
            Event::Failed {
                id,
                failure: failure.clone(),
            },
        ])));
        jobs.run("Map", spec());
        assert!(jobs.is_busy());
        let news = jobs.drain();
        assert_eq!(
            news,
            [JobNews::Failed {
                name: "Map".to_owned(),
                failure
            }]
        );
        assert!(!jobs.is_busy());
        assert_eq!(jobs.list[0].fraction(), Some(0.3));
    }

    #[test]
    fn estimates_of_several_forms_wait_side_by_side_and_go_with_their_forms() {
        /// Counts, and never answers.
        #[derive(Default)]
        struct Deaf {
            asked: u64,
            cancelled: std::rc::Rc<std::cell::RefCell<Vec<JobId>>>,
        }
        impl JobLink for Deaf {
            fn run(&mut self, _spec: JobSpec) -> JobId {
                JobId(0)
            }
            fn estimate(&mut self, _spec: JobSpec) -> JobId {
                self.asked += 1;
                JobId(self.asked)
            }
            fn cancel(&mut self, id: JobId) {
                self.cancelled.borrow_mut().push(id);
            }
            fn request_devices(&mut self) {}
            fn drain(&mut self) -> Vec<Event> {
                Vec::new()
            }
            fn process_id(&self) -> Option<u32> {
                None
            }
        }
        let deaf = Deaf::default();
        let cancelled = deaf.cancelled.clone();
        let mut jobs = Jobs::new(Box::new(deaf));
        let of = |field: usize| {
            let JobSpec::Predict(mut spec) = spec() else {
                panic!("another job");
            };
            spec.field = format!("{field}.tif").into();
            JobSpec::Predict(spec)
        };
        for _ in 0..5 {
            (0..8).for_each(|field| jobs.want_estimate(&of(field)));
            jobs.drain();
        }
        assert!(cancelled.borrow().is_empty());
        assert!((0..8).all(|field| jobs.is_estimating(&of(field))));
        jobs.want_estimate(&of(3));
        jobs.drain();
        assert_eq!(cancelled.borrow().len(), 7);
        assert!(jobs.is_estimating(&of(3)) && !jobs.is_estimating(&of(4)));
    }

    #[test]
    fn cancel_is_shown_once_the_worker_says_so() {
        let mut jobs = Jobs::new(Box::new(Script::default()));
        let id = jobs.run("Map", spec());
        jobs.cancel(id);
        assert_eq!(
            jobs.drain(),
            [JobNews::Cancelled {
                name: "Map".to_owned()
            }]
        );
        jobs.clear_finished();
        assert!(jobs.list.is_empty());
    }

    #[test]
    fn numbers_read_like_a_person_writes_them() {
        assert_eq!(duration_text(3.25), "3.2 s");
        assert_eq!(duration_text(200.0), "3 min 20 s");
        assert_eq!(duration_text(7500.0), "2 h 5 min");
        assert_eq!(bytes_text(1_200_000_000), "1.2 GB");
        assert_eq!(count_text(1_234_567), "1,234,567");
        assert_eq!(
            beside(Path::new("/a/b.tif"), "field", "tif"),
            Path::new("/a/b_field.tif")
        );
    }
}
