//! Which bands of a scene stand for the bands a model was trained on. Knows wavelengths. Knows no tensors.

use terroir_scene::RasterInfo;

use crate::Failure;
use crate::inputs::InputBand;
use crate::monitor::Monitor;

/// Bands this near are taken for the same, nanometres or share of the wavelength, whichever is more: sensors of a family
/// differ by less, neighbouring bands of most sensors by more.
const NEAR_NM: f64 = 20.0;
const NEAR_SHARE: f64 = 0.04;

/// Bands of the scene in the order of the model's, each with the statistics of the training, and the positions of those that
/// were found in the model's list. A band that is missing is left out, which the model allows, and said.
///
/// `wavelengths_nm`: the user's own (band from 0, nm) win over the file's.
///
/// # Errors
/// Fewer than half of the model's bands are there.
pub(crate) fn match_bands(
    wanted: &[InputBand],
    scene: &RasterInfo,
    wavelengths_nm: &[(usize, f64)],
    monitor: &Monitor<'_>,
) -> Result<(Vec<InputBand>, Vec<usize>), Failure> {
    let known: Vec<(usize, f64)> = scene
        .bands
        .iter()
        .filter_map(|band| {
            let edited = wavelengths_nm
                .iter()
                .rev()
                .find(|(index, _)| *index == band.index);
            let nm = edited
                .map(|(_, nm)| *nm)
                .or(band.wavelength.as_ref().map(|known| known.center.nm()))?;
            Some((band.index, nm))
        })
        .collect();
    let mut used = vec![false; known.len()];
    let (mut found, mut positions, mut missing) = (Vec::new(), Vec::new(), Vec::new());
    for (position, band) in wanted.iter().enumerate() {
        let reach = NEAR_NM.max(NEAR_SHARE * band.wavelength_nm);
        let name_of = |index: usize| scene.bands.get(index).map_or("", |band| band.name.as_str());
        let best = known
            .iter()
            .enumerate()
            .filter(|(at, (_, nm))| !used[*at] && (nm - band.wavelength_nm).abs() <= reach)
            .min_by(|(_, (a, a_nm)), (_, (b, b_nm))| {
                let rank = |index: usize, nm: f64| {
                    (
                        name_of(index) != band.name,
                        (nm - band.wavelength_nm).abs(),
                        index.abs_diff(band.band),
                    )
                };
                rank(*a, *a_nm)
                    .partial_cmp(&rank(*b, *b_nm))
                    .unwrap_or(std::cmp::Ordering::Equal)
            });
        let Some((at, (index, nm))) = best else {
            missing.push(format!("{} ({:.0} nm)", band.name, band.wavelength_nm));
            continue;
        };
        used[at] = true;
        let (scale, offset) = scene
            .bands
            .get(*index)
            .map_or((1.0, 0.0), |band| (band.scale, band.offset));
        found.push(InputBand {
            band: *index,
            name: name_of(*index).to_owned(),
            wavelength_nm: *nm,
            scale,
            offset,
            ..band.clone()
        });
        positions.push(position);
    }
    if found.len() * 2 < wanted.len() || found.is_empty() {
        return Err(Failure::new(format!(
            "the model was trained on {} bands, and the scene has {} of them; missing: {}; choose a scene of that sensor, or name \
             its wavelengths (--wavelengths 1=490nm,2=560nm,...)\n{}",
            wanted.len(),
            found.len(),
            missing.join(", "),
            scene.path.display()
        )));
    }
    if !missing.is_empty() {
        monitor.warn(format!(
            "bands of the training are not in this scene and left out, so expect less: {}",
            missing.join(", ")
        ));
    }
    Ok((found, positions))
}
