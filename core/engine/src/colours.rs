//! The pca job: one or several fields to one basis of colours, in one pass over every pixel. Streams; memory does not
//! depend on the fields' size. Knows fields and jobs, not how the colours are drawn.

use std::path::PathBuf;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use terroir_scene::{Raster, fit_pca_of_blocking};

use crate::monitor::{JobResult, Monitor};
use crate::train::open_field;
use crate::{Failure, Outcome};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PcaSpec {
    /// Fitted on all of them together.
    pub fields: Vec<PathBuf>,
    /// At most a million evenly thinned pixels instead of all.
    #[serde(default)]
    pub is_preview: bool,
    /// The basis (`.json`).
    pub out: PathBuf,
}

impl PcaSpec {
    /// Options of `terroir pca`.
    pub(crate) fn words(&self) -> Vec<(&'static str, Option<String>)> {
        let mut words: Vec<_> = self
            .fields
            .iter()
            .map(|field| ("--field", Some(field.display().to_string())))
            .collect();
        if self.is_preview {
            words.push(("--preview", None));
        }
        words.push(("--out", Some(self.out.display().to_string())));
        words
    }
}

pub(crate) fn pca(spec: &PcaSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    let begun = Instant::now();
    monitor.started("cpu");
    let fields: Vec<Raster> = spec
        .fields
        .iter()
        .map(|field| open_field(field))
        .collect::<JobResult<_>>()?;
    if spec.fields.contains(&spec.out) {
        return Err(Failure::new(format!(
            "the colours would overwrite a field; choose another name\n{}",
            spec.out.display()
        ))
        .into());
    }
    let basis = fit_pca_of_blocking(&fields, !spec.is_preview, &mut |share| {
        monitor.progress("fitting colours", (1000.0 * share) as u64, 1000);
        !monitor.is_cancelled()
    })?;
    basis.save(&spec.out)?;
    let seconds = begun.elapsed().as_secs_f64();
    let first_three: f32 = basis.shares.iter().take(3).sum();
    let mut metrics: Vec<(String, f64)> = basis
        .shares
        .iter()
        .enumerate()
        .map(|(k, share)| (format!("share_of_component_{}", k + 1), f64::from(*share)))
        .collect();
    metrics.push(("pixels".to_owned(), basis.pixels as f64));
    metrics.push(("seconds".to_owned(), seconds));
    Ok(Outcome {
        files: vec![spec.out.clone()],
        summary: format!(
            "Colours of {} {} from {} pixels; the first three components carry {:.1} % of the variance; {seconds:.1} s",
            fields.len(),
            if fields.len() == 1 { "field" } else { "fields" },
            basis.pixels,
            100.0 * first_three
        ),
        metrics,
        warnings: monitor.warnings(),
    })
}
