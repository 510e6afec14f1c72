//! Every file the window opens or writes, on four named threads: one opens files, one fetches addresses, one saves, one keeps
//! the journal of unsaved work, so that a slow disk or server never holds the window or the journal. The window sends tasks
//! and drains replies.

mod answers;
mod reply;
mod task;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use terroir_engine::{Trial, TrialOpener};
use terroir_scene::{forgive_file, is_remote};

use crate::recovery::{self, RecoveryFolder};

use answers::answer_blocking;
pub use answers::write_error;
pub use reply::{FileReply, OpenedRaster};
pub use task::{FileTask, OpenRole};

/// Tasks waiting at once; more are refused with a message instead of blocking the window.
const WAITING_TASKS: usize = 256;

pub struct Files {
    links: Option<Links>,
    /// Threads that finish what they write before the program ends.
    writers: Vec<JoinHandle<()>>,
}

struct Links {
    opener: SyncSender<FileTask>,
    saver: SyncSender<FileTask>,
    fetcher: SyncSender<FileTask>,
    keeper: SyncSender<FileTask>,
    replies: Receiver<FileReply>,
}

impl Drop for Files {
    fn drop(&mut self) {
        // Without links the threads end after what they have to do.
        self.links = None;
        for writer in self.writers.drain(..) {
            writer.join().ok();
        }
    }
}

impl Files {
    /// `data_folder`: where settings and recovery files live; `None` keeps nothing (tests).
    /// `program`: opens every file first, in a process of its own; without one they are opened untried (tests).
    pub fn start(
        data_folder: Option<PathBuf>,
        program: Option<PathBuf>,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> std::io::Result<Self> {
        let (opener, open_tasks) = sync_channel(WAITING_TASKS);
        let (saver, save_tasks) = sync_channel(WAITING_TASKS);
        let (fetcher, fetch_tasks) = sync_channel(WAITING_TASKS);
        let (keeper, keep_tasks) = sync_channel(WAITING_TASKS);
        let (sender, replies) = sync_channel(WAITING_TASKS);
        let mut writers = Vec::new();
        for (name, tasks, writes) in [
            ("file opener", open_tasks, false),
            ("file saver", save_tasks, true),
            ("file fetcher", fetch_tasks, false),
            ("file journal", keep_tasks, true),
        ] {
            let (folder, sender, wake) = (data_folder.clone(), sender.clone(), wake.clone());
            let opener = program
                .clone()
                .filter(|_| name == "file opener")
                .map(TrialOpener::new);
            let thread = std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || work(&tasks, folder, opener, &sender, &*wake))?;
            if writes {
                writers.push(thread);
            }
        }
        let links = Some(Links {
            opener,
            saver,
            fetcher,
            keeper,
            replies,
        });
        Ok(Self { links, writers })
    }

    /// False when so many tasks wait that this one was refused. Never blocks.
    #[must_use]
    pub fn send(&self, task: FileTask) -> bool {
        let saves = matches!(
            task,
            FileTask::SaveProject { .. }
                | FileTask::ExportLabels { .. }
                | FileTask::SaveClasses { .. }
                | FileTask::SaveCompanions { .. }
                | FileTask::SaveTimeTable { .. }
                | FileTask::SaveWeather { .. }
                | FileTask::SaveHead { .. }
                | FileTask::SaveClusters { .. }
                | FileTask::SaveLabels { .. }
                | FileTask::SavePicture { .. }
                | FileTask::SaveSheet { .. }
                | FileTask::SaveProfiles { .. }
                | FileTask::SaveBasis { .. }
                | FileTask::AnswerPoint { .. }
                | FileTask::SaveSettings(_)
                | FileTask::DiscardRecovery { .. }
        );
        // A silent server must not keep files on the disk waiting.
        let is_fetched = matches!(&task, FileTask::OpenRaster { path, .. } if is_remote(path));
        let is_kept = matches!(task, FileTask::Journal { .. } | FileTask::ForgetJournal);
        let Some(links) = &self.links else {
            return false;
        };
        let queue = match (saves, is_fetched) {
            _ if is_kept => &links.keeper,
            (true, _) => &links.saver,
            (_, true) => &links.fetcher,
            _ => &links.opener,
        };
        queue.try_send(task).is_ok()
    }

    pub fn drain(&self) -> Vec<FileReply> {
        let links = self.links.iter();
        links.flat_map(|links| links.replies.try_iter()).collect()
    }
}

fn work(
    tasks: &Receiver<FileTask>,
    data_folder: Option<PathBuf>,
    mut opener: Option<TrialOpener>,
    replies: &SyncSender<FileReply>,
    wake: &(dyn Fn() + Send + Sync),
) {
    // Made with the first unsaved change; removed when the thread ends, which is when the window closes in order.
    let mut recovery: Option<RecoveryFolder> = None;
    for task in tasks.iter() {
        let doing = doing(&task);
        if let (Some(opener), Some(trial)) = (&mut opener, trial_of(&task)) {
            if let Trial::Raster(path) | Trial::Vector(path) | Trial::Classes(path) = &trial {
                forgive_file(path);
            }
            opener.try_blocking(&trial);
        }
        let reply = match answer_blocking(task, data_folder.as_deref(), &mut recovery) {
            Ok(reply) => reply,
            Err(error) => FileReply::Failed { doing, error },
        };
        if replies.send(reply).is_err() {
            break;
        }
        wake();
    }
}

/// What a task opens that nobody here knows yet.
fn trial_of(task: &FileTask) -> Option<Trial> {
    Some(match task {
        FileTask::OpenRaster {
            path,
            role: OpenRole::Add | OpenRole::Part | OpenRole::Refresh(_),
        } => Trial::Raster(path.clone()),
        FileTask::FindSeries { paths } | FileTask::FindOneSeries { paths } => {
            Trial::Series(paths.clone())
        }
        FileTask::OpenProject { path } => Trial::Project(path.clone()),
        FileTask::OpenRecovery { folder } => Trial::Journal(recovery::journal_path(folder)),
        FileTask::Attributes { path, .. } | FileTask::ImportLabels { path, .. } => {
            Trial::Vector(path.clone())
        }
        FileTask::ReadClasses { path } => Trial::Classes(path.clone()),
        _ => return None,
    })
}

fn doing(task: &FileTask) -> &'static str {
    match task {
        FileTask::Settings | FileTask::SaveSettings(_) => "settings",
        FileTask::FindRecovery | FileTask::DiscardRecovery { .. } => "recovery",
        FileTask::OpenRaster { .. }
        | FileTask::FindSeries { .. }
        | FileTask::FindOneSeries { .. }
        | FileTask::OpenSeries { .. }
        | FileTask::OpenFields { .. }
        | FileTask::OpenImages { .. }
        | FileTask::LocateFrames { .. } => "opening the raster",
        FileTask::LookIntoArchive { .. } => "looking at the images",
        FileTask::ReadSoil { .. } | FileTask::ReadCrops { .. } => "reading the results",
        FileTask::OpenProject { .. } | FileTask::OpenSample | FileTask::OpenRecovery { .. } => {
            "opening the project"
        }
        FileTask::Attributes { .. } | FileTask::ImportLabels { .. } => "importing labels",
        FileTask::ReadClasses { .. } => "reading the class table",
        FileTask::SaveClasses { .. } => "writing the class table",
        FileTask::SaveCompanions { .. } => "writing beside the map",
        FileTask::UniqueValues { .. } => "finding the values of the raster",
        FileTask::FitPca { .. } => "fitting the colours of the field",
        FileTask::ReadBasis { .. } => "reading colours",
        FileTask::SaveBasis { .. } => "saving the colours",
        FileTask::Examples { .. } => "reading the examples",
        FileTask::ReadPlaces { .. } => "reading the places found",
        FileTask::ParseCrs { .. } | FileTask::CrsCatalogue => "reading the coordinate system",
        FileTask::ShowInFolder { .. } => "showing the file",
        FileTask::LoadPicture { .. } => "reading a picture",
        FileTask::ReadSample { .. } => "reading the sample",
        FileTask::AnswerPoint { .. } => "saving the answer",
        FileTask::ReadAreas { .. } => "reading the report",
        FileTask::OpenPage { .. } => "opening the report",
        FileTask::ListModels | FileTask::RemoveWeights { .. } => "looking after weights",
        FileTask::SaveProject { .. } => "saving the project",
        FileTask::ExportLabels { .. } => "exporting labels",
        FileTask::SaveTimeTable { .. } | FileTask::SaveWeather { .. } => "saving the table",
        FileTask::ReadWeather { .. } => "reading the weather",
        FileTask::Journal { .. } | FileTask::ForgetJournal => "autosave",
        FileTask::SaveHead { .. } => "saving the classifier",
        FileTask::SaveClusters { .. } => "saving the clusters",
        FileTask::LoadClusters { .. } => "reading the clusters",
        FileTask::SaveLabels { .. } => "saving the labels",
        FileTask::SavePicture { .. } | FileTask::SaveSheet { .. } => "saving the picture",
        FileTask::SaveProfiles { .. } => "saving the profiles",
    }
}
