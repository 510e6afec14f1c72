//! Where wavelengths are found, in order: STAC file, IMAGERY items, band metadata, ENVI header, product metadata, band
//! names, colour interpretation, and at last a proposal from the file name or band count. First place wins, band by band.

use gdal::Dataset;

use crate::band_items::{Found, from_dimensions, from_envi, from_imagery, from_items, list};
use crate::product::Product;
use crate::product_metadata::ProductMetadata;
use crate::raster_header::{band_handle, metadata};
use crate::sensor_hints::{platform_text, sensor_by_count, sensor_by_names, sensor_in_text};
use crate::sensors::{BandName, by_order};
use crate::stac::StacSidecar;
use crate::{
    BandInfo, BandWavelength, RasterInfo, Sensor, Wavelength, WavelengthSource, WavelengthUnit,
    sensor,
};

/// Fills wavelengths, bad bands and the sensor of `info`, whose date and metadata are known.
/// `stacked`: the product the dataset was stacked from.
pub(crate) fn assign(
    dataset: &Dataset,
    info: &mut RasterInfo,
    stac: Option<&StacSidecar>,
    stacked: Option<&Product>,
) {
    let envi = metadata(dataset.c_dataset(), Some(c"ENVI"));
    let product = match stacked {
        Some(_) => None,
        None => ProductMetadata::beside(&info.path),
    };
    let sensor_id = stacked
        .and_then(|product| product.sensor)
        .or_else(|| recognise(info, &envi, stac, product.as_ref()));
    let known = sensor_id.and_then(sensor);
    mark_bad_bands(info, &envi);

    let count = info.bands.len();
    fill(info, WavelengthSource::StacSidecar, from_stac(stac));
    fill(
        info,
        WavelengthSource::ImageryDomain,
        from_imagery(&domain(dataset, count, c"IMAGERY")),
    );
    let own: Vec<_> = info
        .bands
        .iter()
        .map(|band| band.metadata.clone())
        .collect();
    fill(info, WavelengthSource::BandMetadata, from_items(&own));
    fill(
        info,
        WavelengthSource::BandMetadata,
        from_items(&domain(dataset, count, c"FORCE")),
    );
    fill(
        info,
        WavelengthSource::BandMetadata,
        from_dimensions(&own, &info.metadata),
    );
    fill(info, WavelengthSource::EnviHeader, from_envi(&envi, count));
    // The same list in the default domain, as some converters leave it.
    fill(
        info,
        WavelengthSource::EnviHeader,
        from_envi(&info.metadata, count),
    );
    complete_widths(info, &envi);
    if let Some(stacked) = stacked {
        fill(info, stacked.wavelength_source, from_stack(stacked, known));
    }
    fill(
        info,
        WavelengthSource::ProductXml,
        from_product(product.as_ref(), info),
    );
    fill(info, WavelengthSource::BandName, from_names(info, known));
    if info.bands.iter().all(|band| band.wavelength.is_none()) {
        fill(
            info,
            WavelengthSource::ColorInterpretation,
            from_colors(&info.bands),
        );
    }
    let proposal = propose(info, known);
    info.sensor = sensor_id
        .or(proposal.as_ref().map(|(id, _)| *id))
        .map(str::to_owned);
    fill(
        info,
        WavelengthSource::Guess,
        proposal.map(|(_, found)| found).unwrap_or_default(),
    );
}

/// Gives every band without a wavelength what a place says about it; entries beyond the list stay empty.
fn fill(info: &mut RasterInfo, source: WavelengthSource, found: Vec<Option<Found>>) {
    for (band, found) in info.bands.iter_mut().zip(found) {
        if band.wavelength.is_none()
            && let Some(found) = found
            && let Some(center) = Wavelength::from_nm(found.center_nm)
        {
            let fwhm_nm = found
                .fwhm_nm
                .filter(|width| width.is_finite() && *width > 0.0);
            band.wavelength = Some(BandWavelength {
                center,
                fwhm_nm,
                source,
            });
        }
    }
}

/// Platform names beat file names, and both beat the way bands are named.
fn recognise(
    info: &RasterInfo,
    envi: &[(String, String)],
    stac: Option<&StacSidecar>,
    product: Option<&ProductMetadata>,
) -> Option<&'static str> {
    let count = info.bands.len();
    if product.is_some_and(|product| product.is_enmap) {
        return Some("enmap");
    }
    let platform = platform_text(info, envi);
    [
        Some(platform.as_str()),
        stac.map(|s| s.platform.as_str()),
        product.map(|p| p.platform.as_str()),
    ]
    .into_iter()
    .flatten()
    .find_map(|text| sensor_in_text(text, count))
    .or_else(|| sensor_in_text(&file_stem(info), count))
    .or_else(|| {
        let names: Vec<&str> = info.bands.iter().map(|band| band.name.as_str()).collect();
        let year = info
            .date
            .as_deref()
            .and_then(|date| date.get(..4)?.parse().ok());
        sensor_by_names(&names, year)
    })
}

fn domain(dataset: &Dataset, count: usize, name: &std::ffi::CStr) -> Vec<Vec<(String, String)>> {
    (0..count)
        .map(|index| {
            band_handle(dataset, index)
                .map(|band| metadata(band, Some(name)))
                .unwrap_or_default()
        })
        .collect()
}

/// ENVI `bbl` 0 or `good_band=false`: not for models.
fn mark_bad_bands(info: &mut RasterInfo, envi: &[(String, String)]) {
    let header = list(envi, "bbl").filter(|flags| flags.len() == info.bands.len());
    for (index, band) in info.bands.iter_mut().enumerate() {
        let is_zero = |key: &str| {
            band.metadata_item(key).is_some_and(|value| {
                matches!(value.trim().to_lowercase().as_str(), "0" | "false" | "no")
            })
        };
        let in_header = header
            .as_ref()
            .and_then(|flags| flags.get(index))
            .is_some_and(|flag| *flag == 0.0);
        band.is_bad = in_header || is_zero("bbl") || is_zero("good_band");
    }
}

fn from_stac(stac: Option<&StacSidecar>) -> Vec<Option<Found>> {
    let bands = stac.map(|stac| stac.bands.as_slice()).unwrap_or_default();
    bands
        .iter()
        .map(|band| {
            Some(Found {
                center_nm: band.center_um? * 1e3,
                fwhm_nm: band.fwhm_um.map(|width| width * 1e3),
            })
        })
        .collect()
}

/// GDAL 3.6 gives ENVI widths only in the header's own domain, centres also per band.
fn complete_widths(info: &mut RasterInfo, envi: &[(String, String)]) {
    let found = from_envi(envi, info.bands.len());
    for (band, found) in info.bands.iter_mut().zip(found) {
        if let (Some(wavelength), Some(found)) = (band.wavelength.as_mut(), found)
            && (wavelength.center.nm() - found.center_nm).abs() < 0.5
        {
            wavelength.fwhm_nm = wavelength.fwhm_nm.or(found.fwhm_nm);
        }
    }
}

/// What a product says of its bands. Widths it leaves out are the sensor's, where the centre is the sensor's too.
fn from_stack(product: &Product, known: Option<&Sensor>) -> Vec<Option<Found>> {
    product
        .bands
        .iter()
        .map(|band| {
            let (center_nm, fwhm_nm) = band.wavelength_nm?;
            let of_sensor = known
                .and_then(|known| known.band_named(&band.name))
                .filter(|known| (known.center_nm - center_nm).abs() < 2.0)
                .and_then(|known| known.width_nm);
            Some(Found {
                center_nm,
                fwhm_nm: fwhm_nm.or(of_sensor),
            })
        })
        .collect()
}

fn from_product(product: Option<&ProductMetadata>, info: &RasterInfo) -> Vec<Option<Found>> {
    let Some(product) = product else {
        return Vec::new();
    };
    let found = |band: &crate::product_metadata::ProductBand| {
        Some(Found {
            center_nm: band.center_nm?,
            fwhm_nm: band.fwhm_nm,
        })
    };
    if product.is_enmap {
        let is_whole = product.bands.len() == info.bands.len();
        return if is_whole {
            product.bands.iter().map(found).collect()
        } else {
            Vec::new()
        };
    }
    info.bands
        .iter()
        .map(|band| {
            let number = BandName::parse(&telling_name(info, band)).number?;
            let is_same = |other: &&crate::product_metadata::ProductBand| {
                BandName::parse(&other.name).number.as_ref() == Some(&number)
            };
            product.bands.iter().find(is_same).and_then(found)
        })
        .collect()
}

/// The band's name, or the file's where one band has none of its own (`T32TQM_..._B04_10m.jp2`).
fn telling_name(info: &RasterInfo, band: &BandInfo) -> String {
    if info.bands.len() == 1 && is_placeholder(band) {
        file_stem(info)
    } else {
        band.name.clone()
    }
}

fn is_placeholder(band: &BandInfo) -> bool {
    band.name == format!("Band {}", band.index + 1)
}

fn file_stem(info: &RasterInfo) -> String {
    info.path
        .file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn from_names(info: &RasterInfo, known: Option<&Sensor>) -> Vec<Option<Found>> {
    let from_table = |band: &crate::SensorBand| Found {
        center_nm: band.center_nm,
        fwhm_nm: band.width_nm,
    };
    info.bands
        .iter()
        .map(|band| {
            let name = telling_name(info, band);
            if is_placeholder(band) && info.bands.len() > 1 {
                return None;
            }
            if let Some(found) = number_with_unit(&name) {
                return Some(found);
            }
            if let Some(found) = known.and_then(|known| known.band_named(&name)) {
                return Some(from_table(found));
            }
            if is_placeholder(band) {
                // A file name is no band name unless it is a known product's.
                return None;
            }
            let words = BandName::parse(&name);
            ["sentinel-1", "sentinel-2"]
                .iter()
                .filter_map(|id| sensor(id))
                .find_map(|common| common.band_by_word(&words))
                .map(from_table)
        })
        .collect()
}

/// What a band's name alone says, with the product that the file's name names: for bands cut out of stacks.
pub(crate) fn wavelength_of_name(name: &str, path: &std::path::Path) -> Option<BandWavelength> {
    let file = path.file_stem()?.to_string_lossy();
    let known = sensor_in_text(&file, 0).and_then(sensor);
    let words = BandName::parse(name);
    let common = ["sentinel-1", "sentinel-2"].iter();
    let found = number_with_unit(name).or_else(|| {
        let of_table = known.and_then(|known| known.band_named(name)).or_else(|| {
            common
                .filter_map(|id| sensor(id))
                .find_map(|sensor| sensor.band_by_word(&words))
        })?;
        Some(Found {
            center_nm: of_table.center_nm,
            fwhm_nm: of_table.width_nm,
        })
    })?;
    Some(BandWavelength {
        center: Wavelength::from_nm(found.center_nm)?,
        fwhm_nm: found.fwhm_nm,
        source: WavelengthSource::BandName,
    })
}

/// `665 nm`, `band 12 (513.0 Nanometers)`, `B4, central wavelength 665 nm`; only units no map scale uses.
fn number_with_unit(name: &str) -> Option<Found> {
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut rest = name;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let from = &rest[start..];
        let end = from.find(|c| !is_number(c)).unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        let unit = after.trim_start_matches([' ', '_', '-']);
        let unit: String = unit.chars().take_while(|c| c.is_alphabetic()).collect();
        let unit = WavelengthUnit::parse(&unit).filter(|unit| *unit != WavelengthUnit::Millimeters);
        if let (Ok(value), Some(unit)) = (number.trim_end_matches('.').parse::<f64>(), unit) {
            let center_nm = value * unit.in_nm();
            if (200.0..=20_000.0).contains(&center_nm) {
                return Some(Found {
                    center_nm,
                    fwhm_nm: None,
                });
            }
        }
        rest = after;
    }
    None
}

/// Midpoints of the ranges GDAL's colour names stand for. Infrared names span too much to be a number for a model.
fn from_colors(bands: &[BandInfo]) -> Vec<Option<Found>> {
    let is_print = bands
        .iter()
        .any(|band| matches!(band.color_interpretation.as_str(), "cyan" | "magenta"));
    let center_of = |color: &str| {
        Some(match color {
            "coastal" => 425.0,
            "blue" => 490.0,
            "green" => 555.0,
            "yellow" if !is_print => 600.0,
            "red" => 655.0,
            "rededge" => 740.0,
            "nir" => 880.0,
            _ => return None,
        })
    };
    bands
        .iter()
        .map(|band| {
            Some(Found {
                center_nm: center_of(&band.color_interpretation)?,
                fwhm_nm: None,
            })
        })
        .collect()
}

/// What the file name or the number of bands suggests for bands that nothing else tells about.
fn propose(
    info: &RasterInfo,
    known: Option<&'static Sensor>,
) -> Option<(&'static str, Vec<Option<Found>>)> {
    let is_settled = |band: &BandInfo| {
        band.wavelength
            .is_some_and(|wavelength| wavelength.source != WavelengthSource::ColorInterpretation)
    };
    let is_missing =
        |band: &BandInfo| band.wavelength.is_none() && band.color_interpretation != "alpha";
    let is_legend = info.bands.iter().any(|band| !band.palette.is_empty());
    if info.bands.iter().any(is_settled)
        || !info.bands.iter().any(is_missing)
        || is_legend
        || info.is_field()
    {
        return None;
    }
    let is_dated = |band: &BandInfo| crate::dates::date_in_text(&band.name).is_some();
    let is_silent = info
        .bands
        .iter()
        .all(|band| is_placeholder(band) || is_dated(band));
    if !is_silent {
        return None;
    }
    let plain = |wavelength: BandWavelength| Found {
        center_nm: wavelength.center.nm(),
        fwhm_nm: wavelength.fwhm_nm,
    };
    if let Some(known) = known {
        // One variable per file, one band per date: `MOD13Q1_red.tif`, `s1_vv.tif`.
        let stem = file_stem(info);
        let of_file = stem
            .split(|c: char| !c.is_alphanumeric())
            .find_map(|word| known.band_by_word(&BandName::parse(word)))
            .map(|band| Some(plain(band.wavelength(WavelengthSource::Guess))));
        if let Some(found) = of_file {
            return Some((known.id.as_str(), vec![found; info.bands.len()]));
        }
        let ordered = by_order(info.bands.len(), known, WavelengthSource::Guess)?;
        return Some((
            known.id.as_str(),
            ordered.into_iter().map(|w| w.map(plain)).collect(),
        ));
    }
    if info.bands.iter().any(is_dated) {
        return None;
    }
    let (id, order) = sensor_by_count(info)?;
    let table = sensor(id)?;
    let found: Vec<Option<Found>> = order
        .iter()
        .map(|at| {
            table.bands.get(*at).map(|band| Found {
                center_nm: band.center_nm,
                fwhm_nm: band.width_nm,
            })
        })
        .collect();
    Some((id, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_need_a_unit() {
        for (name, nm) in [
            ("665 nm", Some(665.0)),
            ("band 12 (513.0 Nanometers)", Some(513.0)),
            ("B4, central wavelength 665 nm", Some(665.0)),
            ("0.842um", Some(842.0)),
            ("1.61 \u{b5}m", Some(1610.0)),
            ("B04_10m", None),
            ("precipitation 10 mm", None),
            ("band 12", None),
            ("2017-08-01", None),
        ] {
            assert_eq!(
                number_with_unit(name).map(|found| found.center_nm),
                nm,
                "{name}"
            );
        }
    }
}
