//! The statistics job: exact figures of a raster's bands, told band by band and written nowhere.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

use terroir_scene::{Raster, SceneError, exact_statistics_blocking};

use crate::monitor::{JobResult, Monitor};
use crate::{Outcome, device};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatisticsSpec {
    /// All its bands are read.
    pub raster: PathBuf,
}

/// Values are counted in millions: steps that a bar can show.
const STEP: u64 = 1 << 20;

pub(crate) fn statistics(spec: &StatisticsSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    monitor.started(device::CPU);
    let started = std::time::Instant::now();
    let raster = Raster::open(&spec.raster)?;
    let info = raster.info();
    let bands: Vec<usize> = (0..info.bands.len()).collect();
    let mut goes_on = |done: u64, total: u64| {
        monitor.progress(
            "reading every pixel",
            done.div_ceil(STEP),
            total.div_ceil(STEP),
        );
        !monitor.is_cancelled()
    };
    let mut known = |statistics| monitor.statistics(&spec.raster, statistics);
    let read = exact_statistics_blocking(&raster, &bands, &mut goes_on, &mut known);
    // Cancelled or interrupted: the monitor knows which.
    if matches!(read, Err(SceneError::Cancelled)) {
        monitor.check()?;
    }
    read?;
    let name = spec
        .raster
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    Ok(Outcome {
        files: Vec::new(),
        summary: format!(
            "Exact figures of {name}: {} bands of {} pixels.",
            bands.len(),
            info.grid.window().pixels()
        ),
        metrics: vec![("seconds".to_owned(), started.elapsed().as_secs_f64())],
        warnings: monitor.warnings(),
    })
}
