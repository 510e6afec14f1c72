//! Models as the window sees them: the catalogue with what is installed, and what is being asked about it.
//! The list is read on a file thread; fetching, taking in and checking are jobs of the worker.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use terroir_engine::{
    Failure, JobSpec, ModelInfo, ModelStore, ModelsAction, ModelsSpec, models_folder,
};

use crate::arrangement::Panel;
use crate::files::FileTask;
use crate::jobs::{Job, JobState};
use crate::news::job_name;
use crate::state::State;

/// What a look into the folder found.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelList {
    pub folder: PathBuf,
    pub models: Vec<ModelInfo>,
}

/// Weights the user is asked about before they are deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Removal {
    pub name: String,
    pub path: PathBuf,
    pub bytes: u64,
}

#[derive(Default)]
pub struct Models {
    pub list: Option<Arc<ModelList>>,
    is_asked: bool,
    pub removal: Option<Removal>,
}

impl Models {
    /// The weights a model is run with if nothing else is said; `None` also before the first look.
    pub fn weights_of(&self, model: &str) -> Option<PathBuf> {
        let list = self.list.as_ref()?;
        let model = list.models.iter().find(|known| known.name == model)?;
        model.weights().map(Path::to_owned)
    }

    /// The catalogue: with what is installed once that is known.
    pub fn all(&self) -> Vec<ModelInfo> {
        match &self.list {
            Some(list) => list.models.clone(),
            None => terroir_engine::models(),
        }
    }
}

/// Looks into the folder. `data_folder`: the window's own; `None` keeps nothing and has no weights.
pub fn list_models_blocking(data_folder: Option<&Path>) -> ModelList {
    let folder = match data_folder {
        // The variable wins, as in the command line.
        Some(folder) if std::env::var_os("TERROIR_MODELS").is_none() => folder.join("models"),
        Some(_) => models_folder().unwrap_or_default(),
        None => PathBuf::new(),
    };
    let built_in = crate::assets::built_in_weights_folder();
    let models = ModelStore::new(&folder).models_blocking(built_in.as_deref());
    ModelList { folder, models }
}

impl State {
    /// Asks for the list once; it arrives with a later frame.
    pub fn want_models(&mut self) {
        if !self.models.is_asked {
            self.ask_for_models();
        }
    }

    pub fn ask_for_models(&mut self) {
        self.models.is_asked = true;
        self.send(FileTask::ListModels);
    }

    /// The job of an action in the user's folder, unless the folder is not known yet.
    pub fn models_spec(&self, action: ModelsAction) -> Option<JobSpec> {
        let folder = self.models.list.as_ref()?.folder.clone();
        Some(JobSpec::Models(ModelsSpec { folder, action }))
    }

    /// Starts an action on weights, unless the same one waits or runs already.
    pub fn start_models_job(&mut self, action: ModelsAction) {
        let Some(spec) = self.models_spec(action) else {
            return;
        };
        let is_known = self
            .jobs
            .list
            .iter()
            .any(|job| !job.is_over() && job.spec == spec);
        if !is_known {
            self.jobs.run(job_name(&spec), spec);
        }
    }

    /// Takes a weights file in and shows the list.
    pub fn import_weights(&mut self, file: PathBuf) {
        self.arrangement.show(Panel::Models);
        self.want_models();
        match &self.models.list {
            Some(_) => self.start_models_job(ModelsAction::Import { file }),
            None => self.waiting_weights.push(file),
        }
    }

    pub fn take_models(&mut self, list: ModelList) {
        self.models.list = Some(Arc::new(list));
        for file in std::mem::take(&mut self.waiting_weights) {
            self.start_models_job(ModelsAction::Import { file });
        }
    }

    /// The newest job that fetches this file.
    pub fn fetching(&self, file: &str) -> Option<&Job> {
        self.newest_models_job(
            |action| matches!(action, ModelsAction::Get { name, .. } if name == file),
        )
    }

    /// Why the newest job of a kind failed, if it did.
    pub fn import_failure(&self) -> Option<&Failure> {
        failure_of(self.newest_models_job(|action| matches!(action, ModelsAction::Import { .. }))?)
    }

    /// The newest check, of one file or of all.
    pub fn verifying(&self) -> Option<&Job> {
        self.newest_models_job(|action| matches!(action, ModelsAction::Verify { .. }))
    }

    fn newest_models_job(&self, is_it: impl Fn(&ModelsAction) -> bool) -> Option<&Job> {
        self.jobs
            .list
            .iter()
            .rev()
            .find(|job| matches!(&job.spec, JobSpec::Models(spec) if is_it(&spec.action)))
    }
}

pub fn failure_of(job: &Job) -> Option<&Failure> {
    match &job.state {
        JobState::Failed(failure) => Some(failure),
        _ => None,
    }
}
