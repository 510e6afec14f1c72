//! What an embed job computes with: device, model for the scene's bands, projection; and what happens when a device fails.
//! Knows nothing of blocks, journals or files.

use std::panic::{AssertUnwindSafe, catch_unwind};

use terroir_scene::Raster;

use crate::catalogue::{Identity, ModelShelf};
use crate::dense::Encoder;
use crate::design::{Design, fit_projection};
use crate::device::{self, Compute};
use crate::inputs::{InputBand, choose_bands_blocking, wavelengths_um};
use crate::lost_device;
use crate::monitor::{JobResult, Monitor, Stop};
use crate::projection::Projection;
use crate::worker::failure_of_panic;
use crate::{EmbedSpec, Failure};

/// Scene, bands and model of a job, ready to compute.
pub(crate) struct Setup {
    pub raster: Raster,
    pub encoder: Encoder,
    pub compute: Compute,
    pub identity: Identity,
    pub projection: Projection,
    pub patch_px: usize,
}

pub(crate) fn open_device(spec: &EmbedSpec, monitor: &Monitor<'_>) -> Compute {
    monitor.progress("opening the device", 0, 1);
    let compute = device::open(&spec.device);
    if let Some(reason) = &compute.fallback {
        monitor.warn(reason.clone());
    }
    compute
}

pub(crate) fn make_encoder(
    spec: &EmbedSpec,
    patch_px: usize,
    shelf: &mut ModelShelf,
    compute: &Compute,
    bands: &[InputBand],
    monitor: &Monitor<'_>,
) -> JobResult<(Identity, Encoder)> {
    monitor.progress("preparing the model", 0, 1);
    let (identity, model) = shelf.take(&spec.model, spec.weights.as_deref(), spec.seed, compute)?;
    identity
        .notes
        .iter()
        .for_each(|note| monitor.warn(note.clone()));
    let wavelengths = wavelengths_um(bands, model.config().radar_um(), monitor);
    if !compute.is_cpu() {
        monitor.progress("preparing kernels", 0, 1);
    }
    let encoder = guarded(|| {
        let kernel = shelf.kernel(&wavelengths).map_err(|failure| failure.what)?;
        Ok(Encoder::new(model, kernel, patch_px, &compute.device))
    })?;
    Ok((identity, encoder))
}

/// Runs tensor code: a panic of a device becomes words.
pub(crate) fn guarded<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, Failure> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(text)) => Err(Failure::new(text)),
        Err(payload) => Err(failure_of_panic(payload.as_ref())),
    }
}

pub(crate) fn prepare(
    spec: &EmbedSpec,
    design: &Design,
    monitor: &Monitor<'_>,
    shelf: &mut ModelShelf,
    raster: Raster,
    mut compute: Compute,
    kept: Option<Projection>,
) -> JobResult<Setup> {
    let bands = match &kept {
        Some(projection) => projection.bands.clone(),
        None => choose_bands_blocking(&raster, spec, monitor)?,
    };
    let (identity, mut encoder) =
        match make_encoder(spec, design.patch_px, shelf, &compute, &bands, monitor) {
            Err(Stop::Failed(failure)) if !compute.is_cpu() => {
                compute = give_up_device(&compute, &failure, monitor);
                make_encoder(spec, design.patch_px, shelf, &compute, &bands, monitor)?
            }
            other => other?,
        };
    let projection = match kept {
        Some(projection) => projection,
        None => match fit_projection(spec, design, monitor, &raster, &bands, &encoder, &identity) {
            Err(Stop::Failed(failure)) if !compute.is_cpu() => {
                compute = give_up_device(&compute, &failure, monitor);
                encoder = make_encoder(spec, design.patch_px, shelf, &compute, &bands, monitor)?.1;
                fit_projection(spec, design, monitor, &raster, &bands, &encoder, &identity)?
            }
            other => other?,
        },
    };
    let (from, to) = (
        projection.local_len(),
        projection.local_len() + encoder.geometry().width,
    );
    encoder.project_with(&projection.matrix(from, to));
    Ok(Setup {
        raster,
        encoder,
        compute,
        identity,
        projection,
        patch_px: design.patch_px,
    })
}

pub(crate) fn give_up_device(
    compute: &Compute,
    failure: &Failure,
    monitor: &Monitor<'_>,
) -> Compute {
    lost_device::give_up();
    let reason = failure.details.as_ref().unwrap_or(&failure.what);
    let text = format!(
        "{} failed ({}); the job goes on with the CPU",
        compute.name,
        reason.lines().next().unwrap_or("no reason given")
    );
    monitor.warn(text);
    Compute::cpu()
}
