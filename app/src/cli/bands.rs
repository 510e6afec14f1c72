//! Bands as the user types them: `665nm,560nm,490nm`, `4,3,2` (numbers from 1), `B04,B03,B02`, or a named combination.

use terroir_scene::{BandPreset, RasterInfo, Wavelength, band_presets, nearest_band};

use super::failure::{CliError, CliResult};

/// Band indices from 0 for a comma-separated choice.
pub fn parse_bands(text: &str, info: &RasterInfo) -> CliResult<Vec<usize>> {
    if let Some(preset) = named_preset(text, info) {
        return Ok(preset.bands.to_vec());
    }
    text.split(',')
        .map(|item| parse_band(item.trim(), info))
        .collect()
}

/// The combination of that name, where these bands allow it.
pub fn named_preset(text: &str, info: &RasterInfo) -> Option<BandPreset> {
    band_presets(&info.bands)
        .into_iter()
        .find(|preset| same_name(preset.name, text))
}

/// Exactly three bands for red, green and blue.
pub fn parse_rgb(text: &str, info: &RasterInfo) -> CliResult<[usize; 3]> {
    let bands = parse_bands(text, info)?;
    <[usize; 3]>::try_from(bands).map_err(|bands| {
        CliError::usage(format!(
            "--bands {text}: a picture needs three bands (red, green, blue), {} given.",
            bands.len()
        ))
    })
}

/// `4=833nm` as (band from 0, nm).
pub fn parse_band_wavelength(text: &str, info: &RasterInfo) -> CliResult<(usize, f64)> {
    let Some((band, wavelength)) = text.split_once('=') else {
        return Err(CliError::usage(format!(
            "--wavelengths {text}: write BAND=WAVELENGTH, for example 4=665nm."
        )));
    };
    let wavelength = Wavelength::parse(wavelength.trim()).map_err(|_| {
        CliError::usage(format!(
            "--wavelengths {text}: {wavelength} is no wavelength; write 665nm or 0.665um."
        ))
    })?;
    Ok((parse_number_or_name(band.trim(), info)?, wavelength.nm()))
}

fn parse_band(item: &str, info: &RasterInfo) -> CliResult<usize> {
    if is_wavelength(item) {
        let target = Wavelength::parse(item).map_err(|_| {
            CliError::usage(format!(
                "--bands: {item} is no wavelength; write 665nm or 0.665um."
            ))
        })?;
        return nearest_band(&info.bands, target).ok_or_else(|| {
            CliError::failed(format!(
                "No band has a wavelength, so {item} cannot be found. Name the bands by number, for example --bands 3,2,1.\n{}",
                info.path.display()
            ))
        });
    }
    parse_number_or_name(item, info)
}

fn parse_number_or_name(item: &str, info: &RasterInfo) -> CliResult<usize> {
    // A name such as `4` in the file would be ambiguous: numbers win.
    if let Ok(number) = item.parse::<usize>() {
        return match number.checked_sub(1) {
            Some(index) if index < info.bands.len() => Ok(index),
            _ => Err(CliError::usage(format!(
                "--bands: there is no band {number}; the bands are numbered 1 to {}.\n{}",
                info.bands.len(),
                info.path.display()
            ))),
        };
    }
    if let Some(band) = info.bands.iter().find(|band| same_name(&band.name, item)) {
        return Ok(band.index);
    }
    let mut known: Vec<&str> = band_presets(&info.bands)
        .iter()
        .map(|preset| preset.name)
        .collect();
    known.sort_unstable();
    let combinations = if known.is_empty() {
        String::new()
    } else {
        format!(" Combinations for this file: {}.", known.join(", "))
    };
    Err(CliError::usage(format!(
        "--bands: {item} is neither a wavelength (665nm), a band number, a band name nor a combination.{combinations}\n{}",
        info.path.display()
    )))
}

/// A number followed by a unit of length.
fn is_wavelength(item: &str) -> bool {
    let unit = item
        .trim_start_matches(|c: char| c.is_ascii_digit() || c == '.')
        .trim();
    unit.len() < item.len()
        && !unit.is_empty()
        && ["nm", "um", "µm", "μm", "nanometers", "micrometers"]
            .contains(&unit.to_lowercase().as_str())
}

/// Case, spaces, hyphens and underscores do not matter.
fn same_name(a: &str, b: &str) -> bool {
    let letters = |text: &str| -> Vec<char> {
        text.chars()
            .filter(|c| c.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    !b.is_empty() && letters(a) == letters(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_make_a_wavelength() {
        for text in ["665nm", "665 nm", "0.665um", "0.665µm"] {
            assert!(is_wavelength(text), "{text}");
        }
        for text in ["4", "B04", "nm", "red"] {
            assert!(!is_wavelength(text), "{text}");
        }
    }

    #[test]
    fn names_forgive_case_and_hyphens() {
        assert!(same_name("Natural colour", "natural-colour"));
        assert!(!same_name("B04", "B4"));
        assert!(!same_name("", ""));
    }
}
