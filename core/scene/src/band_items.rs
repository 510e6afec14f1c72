//! Wavelengths written as metadata items: per band, in an ENVI header, or as a dimension of a NetCDF variable.
//! Knows keys and units. Knows no files.

use crate::WavelengthUnit;

type Items = [(String, String)];

/// A centre and a width in nanometres, not yet checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Found {
    pub center_nm: f64,
    pub fwhm_nm: Option<f64>,
}

/// A value as written, before its unit is settled.
#[derive(Clone, Copy, Default)]
struct Written {
    center: f64,
    fwhm: Option<f64>,
    unit: Unit,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Unit {
    Known(WavelengthUnit),
    #[default]
    Unsaid,
    /// `decimal year`, `index` and whatever else is no length.
    Other,
}

impl Unit {
    fn of(text: Option<&str>) -> Self {
        match text.map(str::trim) {
            None | Some("") => Self::Unsaid,
            Some(text) if text.eq_ignore_ascii_case("unknown") => Self::Unsaid,
            Some(text) => WavelengthUnit::parse(text).map_or(Self::Other, Self::Known),
        }
    }
}

/// Band domain `IMAGERY`: always micrometres.
pub(crate) fn from_imagery(bands: &[Vec<(String, String)>]) -> Vec<Option<Found>> {
    let um = |items: &Items, key: &str| {
        value(items, &[key])?
            .trim()
            .parse::<f64>()
            .ok()
            .map(|um| um * 1e3)
    };
    bands
        .iter()
        .map(|items| {
            Some(Found {
                center_nm: um(items, "centralwavelengthum")?,
                fwhm_nm: um(items, "fwhmum"),
            })
        })
        .collect()
}

/// `wavelength` + `wavelength_units` (+ `fwhm`) and the spellings other programs use.
pub(crate) fn from_items(bands: &[Vec<(String, String)>]) -> Vec<Option<Found>> {
    const CENTER: [&str; 6] = [
        "wavelength",
        "wavelengths",
        "wl",
        "centerwavelength",
        "centralwavelength",
        "centrewavelength",
    ];
    const UNIT: [&str; 4] = ["wavelengthunits", "wavelengthunit", "wlunits", "wlunit"];
    const WIDTH: [&str; 3] = ["fwhm", "bandwidth", "fullwidthhalfmax"];
    let written = bands
        .iter()
        .map(|items| {
            if let Some(text) = value(items, &["centralwavelengthum", "centerwavelengthum"]) {
                let (center, _) = number_and_unit(text)?;
                let fwhm = value(items, &["fwhmum"])
                    .and_then(number_and_unit)
                    .map(|(width, _)| width);
                return Some(Written {
                    center,
                    fwhm,
                    unit: Unit::Known(WavelengthUnit::Micrometers),
                });
            }
            let (center, inline) = number_and_unit(value(items, &CENTER)?)?;
            let unit = Unit::of(inline.or(value(items, &UNIT)));
            let fwhm = value(items, &WIDTH)
                .and_then(number_and_unit)
                .map(|(width, _)| width);
            Some(Written { center, fwhm, unit })
        })
        .collect();
    settle(written)
}

/// GDAL's NetCDF reader: a band's place along a dimension named wavelength, the unit in the dataset's items.
pub(crate) fn from_dimensions(
    bands: &[Vec<(String, String)>],
    dataset: &Items,
) -> Vec<Option<Found>> {
    const NAMES: [&str; 4] = ["wavelength", "wavelengths", "wl", "lambda"];
    let written = bands
        .iter()
        .map(|items| {
            NAMES.iter().find_map(|name| {
                let text = item(items, &format!("NETCDF_DIM_{name}"))?;
                let unit = Unit::of(item(dataset, &format!("{name}#units")));
                Some(Written {
                    center: text.trim().parse().ok()?,
                    fwhm: None,
                    unit,
                })
            })
        })
        .collect();
    settle(written)
}

/// `wavelength={...}` with `wavelength_units` and `fwhm`; empty unless the list is as long as the bands.
pub(crate) fn from_envi(items: &Items, count: usize) -> Vec<Option<Found>> {
    let Some(centers) =
        list(items, "wavelength").filter(|centers| centers.len() == count && count > 1)
    else {
        return Vec::new();
    };
    let unit = Unit::of(value(items, &["wavelengthunits"]));
    let widths = list(items, "fwhm")
        .filter(|widths| widths.len() == count)
        .unwrap_or_default();
    let written = centers
        .iter()
        .enumerate()
        .map(|(index, center)| {
            Some(Written {
                center: *center,
                fwhm: widths.get(index).copied(),
                unit,
            })
        })
        .collect();
    settle(written)
}

/// The numbers of an item such as `{ 0.45, 0.55 }`; `None` if it is missing or not all numbers.
pub(crate) fn list(items: &Items, key: &str) -> Option<Vec<f64>> {
    let text = value(items, &[key])?
        .trim()
        .trim_start_matches('{')
        .trim_end_matches('}');
    text.split(',')
        .map(|part| part.trim().parse::<f64>().ok())
        .collect()
}

/// Gives every value its unit. Without one, all together are nm when even the smallest is above 100, else µm; values
/// that cannot be wavelengths either way (band numbers, years) are dropped.
fn settle(written: Vec<Option<Written>>) -> Vec<Option<Found>> {
    let unsaid: Vec<f64> = written
        .iter()
        .flatten()
        .filter(|w| w.unit == Unit::Unsaid)
        .map(|w| w.center)
        .collect();
    let guessed = WavelengthUnit::guess(unsaid.iter().copied().fold(f64::INFINITY, f64::min));
    let is_optical = unsaid
        .iter()
        .all(|center| (200.0..=20_000.0).contains(&(center * guessed.in_nm())));
    let is_count = unsaid.len() > 1
        && unsaid
            .iter()
            .enumerate()
            .all(|(index, center)| *center == (index + 1) as f64);
    written
        .into_iter()
        .map(|written| {
            let written = written?;
            let unit = match written.unit {
                Unit::Known(unit) => unit,
                Unit::Unsaid if is_optical && !is_count => guessed,
                Unit::Unsaid | Unit::Other => return None,
            };
            let scale = unit.in_nm();
            Some(Found {
                center_nm: written.center * scale,
                fwhm_nm: written.fwhm.map(|width| width * scale),
            })
        })
        .collect()
}

/// An item by exact key, whatever its case.
fn item<'a>(items: &'a Items, key: &str) -> Option<&'a str> {
    items
        .iter()
        .find(|(own, _)| own.eq_ignore_ascii_case(key))
        .map(|(_, value)| value.as_str())
}

/// The first item whose key, without case and separators, is one of `keys`.
fn value<'a>(items: &'a Items, keys: &[&str]) -> Option<&'a str> {
    keys.iter().find_map(|wanted| {
        items
            .iter()
            .find(|(own, _)| {
                own.chars()
                    .filter(|c| c.is_alphanumeric())
                    .map(|c| c.to_ascii_lowercase())
                    .eq(wanted.chars())
            })
            .map(|(_, value)| value.as_str())
    })
}

/// `665`, `665 nm`
fn number_and_unit(text: &str) -> Option<(f64, Option<&str>)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E')))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let unit = unit.trim();
    Some((number.parse().ok()?, (!unit.is_empty()).then_some(unit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn centers(found: &[Option<Found>]) -> Vec<Option<f64>> {
        found
            .iter()
            .map(|f| f.map(|f| (f.center_nm * 1e3).round() / 1e3))
            .collect()
    }

    #[test]
    fn band_items_come_in_many_spellings() {
        let bands = vec![
            items(&[
                ("wavelength", "418.24"),
                ("wavelength_units", "Nanometers"),
                ("fwhm", "6.9"),
            ]),
            items(&[("Wavelength", "0.665"), ("Wavelength_unit", "micrometers")]),
            items(&[("WAVELENGTH", "842 nm"), ("BANDWIDTH", "115")]),
            items(&[("CENTRAL_WAVELENGTH_UM", "1.61")]),
            items(&[
                ("wavelength", "2020.5"),
                ("wavelength_units", "decimal year"),
            ]),
            items(&[("wavelength", "3"), ("wavelength_units", "Index")]),
            items(&[("other", "1")]),
        ];
        let found = from_items(&bands);
        assert_eq!(
            centers(&found),
            vec![
                Some(418.24),
                Some(665.0),
                Some(842.0),
                Some(1610.0),
                None,
                None,
                None
            ]
        );
        assert_eq!(found[0].and_then(|f| f.fwhm_nm), Some(6.9));
        assert_eq!(found[2].and_then(|f| f.fwhm_nm), Some(115.0));
    }

    #[test]
    fn without_a_unit_the_size_decides() {
        let um = [items(&[("wl", "0.45")]), items(&[("wl", "2.2")])];
        assert_eq!(centers(&from_items(&um)), vec![Some(450.0), Some(2200.0)]);
        let nm = [items(&[("wl", "450")]), items(&[("wl", "2200")])];
        assert_eq!(centers(&from_items(&nm)), vec![Some(450.0), Some(2200.0)]);
        let numbers = [
            items(&[("wl", "1")]),
            items(&[("wl", "2")]),
            items(&[("wl", "3")]),
        ];
        assert_eq!(centers(&from_items(&numbers)), vec![None; 3]);
    }

    #[test]
    fn envi_lists_must_fit_the_bands() {
        let header = items(&[
            ("wavelength", "{ 0.45, 0.55 }"),
            ("wavelength_units", "Micrometers"),
            ("fwhm", "{0.01,0.02}"),
        ]);
        let found = from_envi(&header, 2);
        assert_eq!(centers(&found), vec![Some(450.0), Some(550.0)]);
        assert_eq!(found[1].and_then(|f| f.fwhm_nm), Some(20.0));
        assert!(from_envi(&header, 3).is_empty());
    }

    #[test]
    fn netcdf_dimensions_name_their_unit_once() {
        let bands = [
            items(&[("NETCDF_DIM_wavelength", "450")]),
            items(&[("NETCDF_DIM_wavelength", "550")]),
        ];
        assert_eq!(
            centers(&from_dimensions(
                &bands,
                &items(&[("wavelength#units", "nm")])
            )),
            vec![Some(450.0), Some(550.0)]
        );
    }
}
