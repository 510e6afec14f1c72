//! The calc job: a formula over a scene's bands to a raster of floats. Streams; memory does not depend on the scene's area.

use std::time::Instant;

use terroir_scene::{
    BandInfo, BandWavelength, Derivation, MapKind, Raster, Wavelength, WavelengthSource,
    spectral_index,
};

use crate::journal::fingerprint;
use crate::monitor::{JobResult, Monitor};
use crate::predict::squares_of;
use crate::provenance::of_calc;
use crate::shard::{Share, key_of};
use crate::{CalcSpec, Failure, JobSpec, Outcome};

pub(crate) fn calc(spec: &CalcSpec, share: Share, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    let begun = Instant::now();
    monitor.started("cpu");
    let raster = Raster::open(&spec.scene)?;
    if is_same_file(spec) {
        return Err(Failure::new(format!(
            "the result would overwrite the scene; choose another name\n{}",
            spec.out.display()
        ))
        .into());
    }
    let bands = known_bands(&raster, &spec.wavelengths_nm);
    let derivation = derivation_of(spec, &bands)?;
    let grid = raster.info().grid.clone();
    let kind = MapKind::Continuous {
        // An index is a plain number; what a formula of one's own counts in, nobody knows.
        bands: vec![(derivation.label().to_owned(), unit_of(spec).to_owned())],
        ramp: spec.ramp.clone(),
    };
    let rows = share.rows(grid.window());
    let job = share.job(JobSpec::Calc(spec.clone()));
    let key = key_of(&job, &[&fingerprint(&spec.scene)])?;
    let outputs = std::slice::from_ref(&spec.out);
    if let Some(done) = share.done_blocking(rows, outputs, &key, monitor) {
        return Ok(done);
    }
    let mut map = share.writer(&spec.out, &grid, rows, kind)?;
    let windows = squares_of(&grid, rows);
    let mut pixels = 0u64;
    for (done, window) in windows.iter().enumerate() {
        monitor.check()?;
        monitor.progress("calculating", done as u64, windows.len() as u64);
        let block =
            raster.read_derived_blocking(&derivation, *window, window.width, window.height)?;
        let values: Vec<f32> = block
            .values
            .iter()
            .zip(&block.valid)
            .map(|(value, valid)| if *valid { *value } else { f32::NAN })
            .collect();
        pixels += block.valid.iter().filter(|valid| **valid).count() as u64;
        map.write_floats(*window, &values)?;
    }
    if pixels == 0 {
        monitor.warn("no pixel has a value: every one is missing or the formula has none for it");
    }
    let seconds = begun.elapsed().as_secs_f64();
    let mut keys = of_calc(spec, share, raster.info(), &bands, &derivation, seconds);
    keys.extend(share.provenance(&key));
    let files = map.finish_observed(&keys, &mut |share| {
        monitor.progress("writing the file", (100.0 * share) as u64, 100);
        !monitor.is_cancelled()
    })?;
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Outcome {
        files,
        summary: format!("{} of {pixels} pixels, {seconds:.1} s", derivation.label()),
        metrics: vec![
            ("pixels".to_owned(), pixels as f64),
            ("seconds".to_owned(), seconds),
        ],
        warnings: monitor.warnings(),
    })
}

/// The formula with its bands, or why it cannot be.
pub(crate) fn derivation_of(spec: &CalcSpec, bands: &[BandInfo]) -> Result<Derivation, Failure> {
    let failed = |error: terroir_scene::SceneError| {
        Failure::new(format!("{error}\n{}", spec.scene.display()))
    };
    if let Some(index) = spectral_index(&spec.name)
        && index.formula == spec.expression
    {
        return index.derivation(bands).map_err(failed);
    }
    Derivation::formula(&spec.name, &spec.expression, bands).map_err(failed)
}

fn unit_of(spec: &CalcSpec) -> &'static str {
    let is_index = spectral_index(&spec.name).is_some_and(|index| index.formula == spec.expression);
    if is_index { "1" } else { "" }
}

fn is_same_file(spec: &CalcSpec) -> bool {
    spec.out == spec.scene
        || spec
            .out
            .canonicalize()
            .is_ok_and(|out| spec.scene.canonicalize().is_ok_and(|scene| scene == out))
}

/// The bands with the wavelengths the user gave.
fn known_bands(raster: &Raster, wavelengths_nm: &[(usize, f64)]) -> Vec<BandInfo> {
    let mut bands = raster.info().bands.clone();
    for (band, nm) in wavelengths_nm {
        if let (Some(band), Some(center)) = (bands.get_mut(*band), Wavelength::from_nm(*nm)) {
            band.wavelength = Some(BandWavelength {
                center,
                fwhm_nm: band.wavelength.and_then(|known| known.fwhm_nm),
                source: WavelengthSource::Edited,
            });
        }
    }
    bands
}
