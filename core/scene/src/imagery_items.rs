//! Wavelengths of a finished file a second time, where other programs look for them: as items of GDAL's `IMAGERY` domain. Older
//! GDAL drops these while it copies, so that they are set afterwards and lie in the side-car. Knows files; knows no scenes.

use std::path::Path;

use gdal::{Dataset, Metadata};

/// The bands' own items, nm, and those of the domain, µm.
const ITEMS: [(&str, &str); 2] = [("wavelength", "CENTRAL_WAVELENGTH_UM"), ("fwhm", "FWHM_UM")];
const DOMAIN: &str = "IMAGERY";

/// Tells what the bands' own items say in that domain, too; a file without wavelengths stays as it is.
pub(crate) fn repeat_wavelengths(path: &Path) -> Result<(), String> {
    let dataset = Dataset::open(path).map_err(|error| error.to_string())?;
    for number in 1..=dataset.raster_count() {
        let mut band = dataset
            .rasterband(number)
            .map_err(|error| error.to_string())?;
        for (own, of_domain) in ITEMS {
            let nm = band
                .metadata_item(own, "")
                .and_then(|text| text.trim().parse::<f64>().ok());
            if let Some(nm) = nm.filter(|nm| nm.is_finite()) {
                band.set_metadata_item(of_domain, &format!("{}", nm / 1000.0), DOMAIN)
                    .map_err(|error| error.to_string())?;
            }
        }
    }
    Ok(())
}
