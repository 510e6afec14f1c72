//! PlanetScope scenes: the analytic image, its coefficients from XML, and the usable data mask beside it.
//! Knows names and descriptions. Opens nothing.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::product::{BandRole, Product, ProductBand, ProductKind, QualityCode};
use crate::product_folder::Folder;
use crate::product_xml::Element;

/// Surface reflectance is stored as ten thousandths.
const SURFACE_REFLECTANCE: f64 = 0.0001;
/// Bands of the usable data mask that are masks or a percentage.
const MASKS: [&str; 8] = [
    "clear",
    "snow",
    "shadow",
    "light haze",
    "heavy haze",
    "cloud",
    "confidence",
    "unusable",
];

/// `20210603_101031_ssc1_3B_AnalyticMS_SR_8b_clip.tif`.
pub(crate) fn is_image(name: &str) -> bool {
    let lower = name.to_lowercase();
    lower.ends_with(".tif") && lower.contains("_analyticms") && !lower.contains("_udm")
}

/// `..._3B_AnalyticMS_metadata.xml`, `..._metadata.json` of a scene.
pub(crate) fn is_description(name: &str) -> bool {
    let lower = name.to_lowercase();
    (lower.contains("_analyticms") && lower.ends_with(".xml") && lower.contains("_metadata"))
        || (lower.ends_with("_metadata.json") && scene(name).is_some())
}

/// `20210603_101031_ssc1` of any file of a scene: day, time, maybe hundredths, satellite.
fn scene(name: &str) -> Option<&str> {
    let is_digits = |part: &str, length: usize| {
        part.len() == length && part.bytes().all(|b| b.is_ascii_digit())
    };
    let parts: Vec<&str> = name.split(['_', '.']).collect();
    let [day, time, third, ..] = parts.as_slice() else {
        return None;
    };
    if !is_digits(day, 8) || !is_digits(time, 6) {
        return None;
    }
    let mut length = day.len() + time.len() + third.len() + 2;
    if is_digits(third, 2) {
        length += parts.get(3)?.len() + 1;
    }
    name.get(..length)
}

/// The one image a description is of.
pub(crate) fn image_of(folder: &Folder, description: &str) -> Option<PathBuf> {
    let scene = scene(description)?;
    let mut images = folder
        .files
        .iter()
        .filter(|name| is_image(name) && name.starts_with(scene));
    // Surface reflectance before radiance where both were ordered.
    let first = images.next()?;
    let best = images
        .find(|name| is_surface_reflectance(name))
        .filter(|_| !is_surface_reflectance(first))
        .unwrap_or(first);
    Some(folder.path(best))
}

/// The XML of an image's scene, else the JSON.
pub(crate) fn description(folder: &Folder, image: &Path) -> Option<PathBuf> {
    let name = image.file_name()?.to_string_lossy().into_owned();
    let scene = scene(&name)?;
    let of_scene = |extension: &str| {
        folder.files.iter().find(|file| {
            file.starts_with(scene)
                && is_description(file)
                && file.to_lowercase().ends_with(extension)
        })
    };
    let found = of_scene(".xml").or_else(|| of_scene(".json"))?;
    Some(folder.path(found))
}

fn is_surface_reflectance(name: &str) -> bool {
    name.to_lowercase().contains("_analyticms_sr")
}

/// `image`: the analytic image; `description`: the text of its metadata, XML or JSON.
pub(crate) fn read(
    folder: &Folder,
    path: PathBuf,
    image: &Path,
    description: Option<&str>,
) -> Product {
    let name = image
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let scene = scene(&name).unwrap_or(&name).to_owned();
    let document = description
        .filter(|text| text.trim_start().starts_with('<'))
        .map(Element::parse)
        .unwrap_or_default();
    let json: Value = description
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default();
    let mut product = Product::new(ProductKind::PlanetScope, path);
    product.wavelength_source = crate::WavelengthSource::BandName;
    product.platform = "PlanetScope".to_owned();
    product.acquired = ["acquisitionDateTime", "acquisitionDate", "beginPosition"]
        .iter()
        .find_map(|key| document.text_of(key))
        .or_else(|| json.pointer("/properties/acquired").and_then(Value::as_str))
        .map_or_else(|| Some(scene.clone()), |time| Some(time.to_owned()));
    let cover = document
        .text_of("cloudCoverPercentage")
        .map(str::to_owned)
        .or_else(|| {
            json.pointer("/properties/cloud_percent")
                .map(Value::to_string)
        });
    product.item("CLOUD_COVER", cover.as_deref());

    let coefficients: BTreeMap<usize, f64> = document
        .all("bandSpecificMetadata")
        .into_iter()
        .filter_map(|band| {
            let number = band.text_of("bandNumber")?.parse().ok()?;
            Some((number, band.number_of("reflectanceCoefficient")?))
        })
        .collect();
    let is_eight = name.to_lowercase().contains("_8b") || coefficients.len() == 8;
    let instrument = document
        .first("Instrument")
        .and_then(|instrument| instrument.text_of("shortName"))
        .or_else(|| {
            json.pointer("/properties/instrument")
                .and_then(Value::as_str)
        });
    product.sensor = Some(match instrument {
        _ if is_eight => "planetscope-8",
        // The filters of the first two generations; SuperDoves look through those of the eight bands.
        Some("PS2") => "planetscope-ps2",
        Some("PS2.SD") => "planetscope-ps2-sd",
        _ => "planetscope-4",
    });
    let names: &[&str] = if is_eight {
        &[
            "coastal_blue",
            "blue",
            "green_i",
            "green",
            "yellow",
            "red",
            "rededge",
            "nir",
        ]
    } else {
        &["blue", "green", "red", "nir"]
    };
    let is_surface = is_surface_reflectance(&name);
    if !is_surface && coefficients.is_empty() {
        product.notes.push(
            "its description with the reflectance coefficients is missing, so numbers are as stored".to_owned(),
        );
    }
    for (number, band_name) in (1..).zip(names) {
        let mut band =
            ProductBand::new(*band_name, image.to_owned(), BandRole::Reflectance).without(0.0);
        band.file_band = number;
        if is_surface {
            band = band.scaled(SURFACE_REFLECTANCE, 0.0);
        } else if let Some(coefficient) = coefficients.get(&number) {
            band = band.scaled(*coefficient, 0.0);
        }
        product.bands.push(band);
    }
    let mask = folder.files.iter().find(|file| {
        let lower = file.to_lowercase();
        file.starts_with(&scene) && lower.contains("_udm2") && lower.ends_with(".tif")
    });
    if let Some(mask) = mask {
        for (number, name) in (1..).zip(MASKS) {
            let mut band = ProductBand::new(
                format!("UDM2 {name}"),
                folder.path(mask),
                BandRole::Quality(QualityCode::Udm2),
            );
            band.file_band = number;
            product.bands.push(band);
        }
    }
    product
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_one_scene_belong_together() {
        for (name, id) in [
            (
                "20210603_101031_ssc1_3B_AnalyticMS_SR.tif",
                "20210603_101031_ssc1",
            ),
            (
                "20210603_101031_58_2413_3B_AnalyticMS_metadata.xml",
                "20210603_101031_58_2413",
            ),
            ("20210603_101031_ssc1_metadata.json", "20210603_101031_ssc1"),
        ] {
            assert_eq!(scene(name), Some(id), "{name}");
        }
        assert_eq!(scene("notes_metadata.json"), None);
        assert!(is_image(
            "20210603_101031_ssc1_3B_AnalyticMS_SR_8b_clip.tif"
        ));
        assert!(!is_image("20210603_101031_ssc1_3B_udm2.tif"));
        assert!(!is_image("20210603_101031_ssc1_3B_AnalyticMS_DN_udm.tif"));
        assert!(is_description(
            "20210603_101031_ssc1_3B_AnalyticMS_metadata.xml"
        ));
        assert!(!is_description("package_metadata.json"));
    }
}
