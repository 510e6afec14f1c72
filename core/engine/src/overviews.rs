//! The overviews job: smaller copies of a raster in a file beside it.

use terroir_scene::{Raster, Resampling, build_overviews_blocking};

use crate::monitor::{JobResult, Monitor};
use crate::{Estimate, Outcome, OverviewsSpec, device};

/// Parts progress is told in.
const PARTS: u64 = 100;

pub(crate) fn overviews(spec: &OverviewsSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    monitor.started(device::CPU);
    monitor.progress("building overviews", 0, PARTS);
    let started = std::time::Instant::now();
    let built = build_overviews_blocking(&spec.raster, spec.resampling, &mut |share| {
        monitor.progress("building overviews", (share * PARTS as f64) as u64, PARTS);
        !monitor.is_cancelled()
    });
    // Cancelled or interrupted: the monitor knows which.
    if matches!(built, Err(terroir_scene::SceneError::Cancelled)) {
        monitor.check()?;
    }
    let built = built?;
    let name = spec
        .raster
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    Ok(Outcome {
        files: vec![built.path],
        summary: format!(
            "Overviews of {name}: {} levels by {}, {:.1} MB.",
            built.levels,
            word(built.resampling),
            built.size_bytes as f64 / 1e6
        ),
        metrics: vec![("seconds".to_owned(), started.elapsed().as_secs_f64())],
        warnings: monitor.warnings(),
    })
}

pub(crate) fn estimate(spec: &OverviewsSpec) -> JobResult<Estimate> {
    let raster = Raster::open(&spec.raster)?;
    let info = raster.info();
    let pixels = (info.grid.width * info.grid.height) as u64;
    let pixel_bytes: usize = info.bands.iter().map(|band| band.sample_type.bytes()).sum();
    Ok(Estimate {
        pixels,
        windows: PARTS,
        seconds: None,
        memory_bytes: 256 << 20,
        // Without compression the levels are a third of the raster together.
        disk_bytes: pixels * pixel_bytes as u64 / 3,
        device: device::CPU.to_owned(),
        notes: Vec::new(),
    })
}

/// As the command line writes it.
pub(crate) fn word(resampling: Resampling) -> &'static str {
    match resampling {
        Resampling::Nearest => "nearest",
        Resampling::Average => "average",
        Resampling::Bilinear => "bilinear",
        Resampling::Mode => "mode",
    }
}
