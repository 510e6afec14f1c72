//! Files are tried before a window opens them: a process of its own opens them first, reads what they say and a few pixels,
//! and tells which file it is at. If a library crashes or hangs there, the window lives, knows the file and leaves it alone.
//! Knows what opening a file means. Knows no windows and no jobs.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use terroir_scene::{
    Raster, avoid_file, avoided_files, contained_blocking, default_style_blocking,
    find_series_blocking, is_remote, listen_to_openings, open_project, read_class_table_blocking,
    restore_work, series_in_raster_blocking, vector_tables,
};

/// A file that takes longer than this for its header and a few pixels hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Files that crash in one go: more, and the rest is opened untried no more.
const MOST_CRASHES: usize = 16;

/// What is to be opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trial {
    Raster(PathBuf),
    /// Files and folders looked through for series.
    Series(Vec<PathBuf>),
    Project(PathBuf),
    /// Unsaved work of a window that did not close.
    Journal(PathBuf),
    Vector(PathBuf),
    Classes(PathBuf),
}

/// One line to the process that tries.
#[derive(Serialize, Deserialize)]
struct Question {
    /// Files it must not open.
    avoid: Vec<PathBuf>,
    open: Trial,
}

/// One line back.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    /// A library gets this file now.
    Opening(PathBuf),
    /// Everything was opened, or refused in words.
    Done,
}

/// A process that opens files first. Starts with the first file, and again after it died; ends with its owner.
pub struct TrialOpener {
    program: PathBuf,
    process: Option<TrialProcess>,
    patience: Duration,
}

struct TrialProcess {
    child: Child,
    questions: ChildStdin,
    answers: Receiver<Answer>,
}

impl TrialOpener {
    /// `program`: the terroir executable; it is started with the single argument `trial`.
    pub fn new(program: PathBuf) -> Self {
        Self {
            program,
            process: None,
            patience: PATIENCE,
        }
    }

    /// The same with another limit for one file.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Opens what is asked for in the other process until it no longer dies of it. Files that made it crash or hang are
    /// avoided in this process from now on, and handed back.
    pub fn try_blocking(&mut self, open: &Trial) -> Vec<PathBuf> {
        let mut crashed = Vec::new();
        while crashed.len() < MOST_CRASHES {
            match self.ask(open) {
                Outcome::Done => break,
                Outcome::Unknown(why) => {
                    // Not the file's fault: then it is opened as it was before there were trials.
                    log::warn!("files cannot be tried before they are opened: {why}");
                    break;
                }
                Outcome::Died(path) => {
                    log::warn!("{} ended the process that tried it", path.display());
                    avoid_file(&path);
                    crashed.push(path);
                }
            }
        }
        crashed
    }

    fn ask(&mut self, open: &Trial) -> Outcome {
        let process = match self.process.take() {
            Some(process) => Ok(process),
            None => TrialProcess::start(&self.program),
        };
        let mut process = match process {
            Ok(process) => process,
            Err(error) => return Outcome::Unknown(error.to_string()),
        };
        let question = Question {
            avoid: avoided_files(),
            open: open.clone(),
        };
        let sent = serde_json::to_string(&question)
            .map_err(std::io::Error::other)
            .and_then(|line| writeln!(process.questions, "{line}"))
            .and_then(|()| process.questions.flush());
        if let Err(error) = sent {
            process.end();
            return Outcome::Unknown(error.to_string());
        }
        let mut opening = None;
        loop {
            match process.answers.recv_timeout(self.patience) {
                Ok(Answer::Opening(path)) => opening = Some(path),
                Ok(Answer::Done) => {
                    self.process = Some(process);
                    return Outcome::Done;
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    process.end();
                    return match opening {
                        Some(path) => Outcome::Died(path),
                        None => Outcome::Unknown("the process ended without a word".to_owned()),
                    };
                }
            }
        }
    }
}

impl Drop for TrialOpener {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            process.end();
        }
    }
}

enum Outcome {
    Done,
    /// With this file in its hands.
    Died(PathBuf),
    Unknown(String),
}

impl TrialProcess {
    fn start(program: &Path) -> std::io::Result<Self> {
        let mut child = std::process::Command::new(program)
            .arg("trial")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let (Some(questions), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            child.kill().ok();
            child.wait().ok();
            return Err(std::io::Error::other("a pipe to the process is missing"));
        };
        let (sender, answers) = sync_channel(64);
        let reader = std::thread::Builder::new()
            .name("trial answers".to_owned())
            .spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    // A library that prints on its own is no answer.
                    if let Ok(answer) = serde_json::from_str(&line)
                        && sender.send(answer).is_err()
                    {
                        return;
                    }
                }
            });
        if let Err(error) = reader {
            child.kill().ok();
            child.wait().ok();
            return Err(error);
        }
        Ok(Self {
            child,
            questions,
            answers,
        })
    }

    fn end(mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The process that tries: questions on standard input, answers on standard output, until the input ends.
pub fn trial_main() {
    listen_to_openings(|path| say(&Answer::Opening(path.to_owned())));
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let Ok(question) = serde_json::from_str::<Question>(&line) else {
            continue;
        };
        for path in &question.avoid {
            avoid_file(path);
        }
        open_blocking(&question.open);
        say(&Answer::Done);
    }
}

fn say(answer: &Answer) {
    if let Ok(line) = serde_json::to_string(answer) {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).ok();
    }
}

/// Everything a window does with a file when it is opened. What is refused in words is refused there, too.
fn open_blocking(open: &Trial) {
    match open {
        Trial::Raster(path) if is_remote(path) => {}
        Trial::Raster(path) => match Raster::open(path) {
            Ok(raster) => {
                series_in_raster_blocking(raster.info());
                default_style_blocking(&raster).ok();
            }
            Err(_) if path.is_dir() => {
                find_series_blocking(std::slice::from_ref(path));
            }
            Err(_) => {
                contained_blocking(path).ok();
            }
        },
        Trial::Series(paths) => {
            find_series_blocking(paths);
        }
        Trial::Project(path) => {
            open_project(path).ok();
        }
        Trial::Journal(path) => {
            restore_work(path).ok();
        }
        Trial::Vector(path) => {
            // Labels may be a raster of classes.
            if !matches!(vector_tables(path), Ok(Some(_))) {
                Raster::open(path).ok();
            }
        }
        Trial::Classes(path) => {
            read_class_table_blocking(path).ok();
        }
    }
}
