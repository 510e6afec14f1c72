//! What a job writes: the files and folders two jobs must not write at once. Knows specs; opens nothing.

use std::path::PathBuf;

use terroir_scene::{Claim, SceneResult, is_store, overviews_path};

use crate::JobSpec;

impl JobSpec {
    /// The files or folders the job is named after; what lies beside them goes by their names.
    pub fn outputs(&self) -> Vec<PathBuf> {
        match self {
            Self::Embed(spec) => vec![spec.out.clone()],
            Self::Train(spec) => vec![spec.out.clone()],
            Self::Predict(spec) => vec![spec.out.clone()],
            Self::Assess(spec) => vec![spec.out.clone()],
            Self::Calc(spec) => vec![spec.out.clone()],
            Self::Overviews(spec) => vec![overviews_path(&spec.raster)],
            Self::Pretrain(spec) => vec![spec.out.clone()],
            Self::PretrainStp(spec) => vec![spec.out.clone()],
            Self::PretrainKgvsf(spec) => vec![spec.out.clone()],
            // What it finds out is told and written nowhere.
            Self::Statistics(_) => Vec::new(),
            // Named only once the address is known: claimed there.
            Self::Models(_) => Vec::new(),
            Self::Finetune(spec) => vec![spec.out.clone()],
            Self::MapScene(spec) => vec![spec.out.clone()],
            Self::Sample(spec) => vec![spec.out.clone()],
            Self::Polygons(spec) => vec![spec.out.clone()],
            Self::Change(spec) => vec![spec.out.clone()],
            Self::Cluster(spec) => vec![spec.out.clone()],
            Self::Regress(spec) => vec![spec.out.clone()],
            Self::ExportField(spec) => vec![spec.out.clone()],
            Self::ExportRaster(spec) => vec![spec.out.clone()],
            Self::Similar(spec) => spec.out.clone(),
            Self::Pca(spec) => vec![spec.out.clone()],
            Self::Evaluate(spec) => vec![spec.out.clone()],
            Self::EmbedSeries(spec) => vec![spec.out.clone()],
            Self::EmbedSeason(spec) => vec![spec.out.clone()],
            Self::Reconstruct(spec) => vec![spec.out.clone()],
            Self::Composite(spec) => vec![spec.out.clone()],
            Self::Crop(spec) => {
                let mut outputs = spec.map_paths();
                outputs.push(spec.results_path());
                outputs
            }
            Self::Soil(spec) => vec![spec.out.clone()],
            Self::Forecast(spec) => vec![spec.out.clone()],
            Self::Shard(spec) => {
                let whole = spec.of.outputs();
                whole.iter().map(|out| spec.shard.path_of(out)).collect()
            }
            Self::Merge(spec) => vec![spec.out.clone()],
        }
    }

    /// Takes the marks of the claims away, before a process ends whose job will never do it.
    pub fn leave_outputs(&self) {
        for out in self.outputs().into_iter().filter(|out| !is_store(out)) {
            Claim::leave(&out);
        }
    }

    /// Claims all of them until the claims are dropped.
    ///
    /// # Errors
    /// Another process writes one of them.
    pub(crate) fn claim_outputs(&self) -> SceneResult<Vec<Claim>> {
        let mut claims = Vec::new();
        // A store knows no claims; what is carried there appears whole.
        let here = self.outputs().into_iter().filter(|out| !is_store(out));
        for out in here {
            claims.extend(Claim::take(&out)?);
        }
        Ok(claims)
    }
}
