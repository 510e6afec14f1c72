//! Landsat products: bands, scales and quality from the `MTL` description as text, JSON or XML.
//! Knows names and descriptions. Opens nothing.

use serde_json::Value;

use crate::product::{BandRole, Product, ProductBand, ProductKind, QualityCode};
use crate::product_folder::Folder;
use crate::product_xml::{Element, finite};

/// Collection 2 level 2 reflectance, where the description leaves it out.
pub(crate) const SURFACE_REFLECTANCE: (f64, f64) = (0.000_027_5, -0.2);

/// The description's items with the group each stands in.
pub(crate) struct Description {
    items: Vec<(String, String, String)>,
}

impl Description {
    /// Any of the three forms USGS writes.
    pub fn parse(text: &str) -> Self {
        let start = text.trim_start();
        let items = if start.starts_with('{') {
            Self::from_json(text)
        } else if start.starts_with('<') {
            Self::from_xml(text)
        } else {
            Self::from_text(text)
        };
        Self { items }
    }

    fn from_text(text: &str) -> Vec<(String, String, String)> {
        let mut groups: Vec<String> = Vec::new();
        let mut items = Vec::new();
        for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
            let value = value.trim().trim_matches('"').to_owned();
            match key.trim() {
                "GROUP" => groups.push(value),
                "END_GROUP" => {
                    groups.pop();
                }
                key => items.push((
                    groups.last().cloned().unwrap_or_default(),
                    key.to_owned(),
                    value,
                )),
            }
        }
        items
    }

    fn from_json(text: &str) -> Vec<(String, String, String)> {
        let Ok(Value::Object(root)) = serde_json::from_str(text) else {
            return Vec::new();
        };
        let groups = root.values().filter_map(Value::as_object).flatten();
        groups
            .filter_map(|(group, items)| Some((group, items.as_object()?)))
            .flat_map(|(group, items)| {
                items.iter().map(|(key, value)| {
                    let value = value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned);
                    (group.clone(), key.clone(), value)
                })
            })
            .collect()
    }

    fn from_xml(text: &str) -> Vec<(String, String, String)> {
        let document = Element::parse(text);
        let groups = document.children.iter().flat_map(|root| &root.children);
        groups
            .flat_map(|group| {
                group
                    .children
                    .iter()
                    .map(|item| (group.name.clone(), item.name.clone(), item.text.clone()))
            })
            .collect()
    }

    /// The item of that group; without the group (older collections name groups otherwise) the first of that key.
    fn get(&self, group: &str, key: &str) -> Option<&str> {
        let is_known = self.items.iter().any(|(g, _, _)| g == group);
        self.items
            .iter()
            .find(|(g, k, _)| k == key && (g == group || !is_known))
            .map(|(_, _, value)| value.as_str())
    }

    fn number(&self, group: &str, key: &str) -> Option<f64> {
        finite(self.get(group, key)?)
    }
}

/// `description`: the text of the `MTL` file; `folder` holds the files beside it.
pub(crate) fn read(folder: &Folder, path: std::path::PathBuf, description: &str) -> Product {
    const CONTENTS: &str = "PRODUCT_CONTENTS";
    const IMAGE: &str = "IMAGE_ATTRIBUTES";
    let mtl = Description::parse(description);
    let mut product = Product::new(ProductKind::Landsat, path);
    product.acquired =
        mtl.get(IMAGE, "DATE_ACQUIRED")
            .map(|day| match mtl.get(IMAGE, "SCENE_CENTER_TIME") {
                Some(time) => format!("{day}T{time}"),
                None => day.to_owned(),
            });
    product.platform = mtl
        .get(IMAGE, "SPACECRAFT_ID")
        .unwrap_or("Landsat")
        .to_owned();
    product.item("CLOUD_COVER", mtl.get(IMAGE, "CLOUD_COVER"));
    let level = mtl
        .get(CONTENTS, "PROCESSING_LEVEL")
        .or_else(|| mtl.get(CONTENTS, "DATA_TYPE"));
    product.item("PROCESSING_LEVEL", level);
    let is_level_2 = level.is_some_and(|level| level.starts_with("L2"));

    let mut missing = Vec::new();
    let mut find = |key: &str| {
        let named = mtl.get(CONTENTS, key)?;
        let found = folder.find(named);
        if found.is_none() {
            missing.push(named.to_owned());
        }
        found
    };
    let level_1_thermal = ["6", "6_VCID_1", "6_VCID_2", "10", "11"];
    for number in [
        "1", "2", "3", "4", "5", "6", "6_VCID_1", "6_VCID_2", "7", "8", "9", "10", "11",
    ] {
        let Some(file) = find(&format!("FILE_NAME_BAND_{number}")) else {
            continue;
        };
        let prefix = if is_level_2 { "SR_B" } else { "B" };
        let is_tirs = product.platform.ends_with('8') || product.platform.ends_with('9');
        let is_thermal =
            !is_level_2 && level_1_thermal.contains(&number) && !(number == "6" && is_tirs);
        let role = if is_thermal || number == "8" {
            BandRole::Measured
        } else {
            BandRole::Reflectance
        };
        let mut band = ProductBand::new(format!("{prefix}{number}"), file, role).without(0.0);
        let scale = if is_level_2 {
            let group = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS";
            Some((
                mtl.number(group, &format!("REFLECTANCE_MULT_BAND_{number}"))
                    .unwrap_or(SURFACE_REFLECTANCE.0),
                mtl.number(group, &format!("REFLECTANCE_ADD_BAND_{number}"))
                    .unwrap_or(SURFACE_REFLECTANCE.1),
            ))
        } else {
            level_1_scale(&mtl, number, is_thermal)
        };
        if let Some((scale, offset)) = scale {
            band = band.scaled(scale, offset);
        }
        if is_thermal {
            band.unit = "W m-2 sr-1 um-1".to_owned();
        }
        product.bands.push(band);
    }
    for name in ["ST_B6", "ST_B10"] {
        if let Some(file) = find(&format!("FILE_NAME_BAND_{name}")) {
            let group = "LEVEL2_SURFACE_TEMPERATURE_PARAMETERS";
            let mut band = ProductBand::new(name, file, BandRole::Measured).without(0.0);
            if let (Some(scale), Some(offset)) = (
                mtl.number(group, &format!("TEMPERATURE_MULT_BAND_{name}")),
                mtl.number(group, &format!("TEMPERATURE_ADD_BAND_{name}")),
            ) {
                band = band.scaled(scale, offset);
                band.unit = "K".to_owned();
            }
            product.bands.push(band);
        }
    }
    for (key, name, code, nodata) in [
        (
            "FILE_NAME_QUALITY_L1_PIXEL",
            "QA_PIXEL",
            QualityCode::QaPixel,
            Some(1.0),
        ),
        (
            "FILE_NAME_QUALITY_L1_RADIOMETRIC_SATURATION",
            "QA_RADSAT",
            QualityCode::Other,
            None,
        ),
        (
            "FILE_NAME_QUALITY_L2_AEROSOL",
            "SR_QA_AEROSOL",
            QualityCode::Other,
            Some(1.0),
        ),
    ] {
        if let Some(file) = find(key) {
            let mut band = ProductBand::new(name, file, BandRole::Quality(code));
            band.nodata = nodata;
            product.bands.push(band);
        }
    }
    product.note_missing(&missing);
    product
}

/// Reflectance at the top of the atmosphere, for the sun's height; radiance for thermal bands.
fn level_1_scale(mtl: &Description, number: &str, is_thermal: bool) -> Option<(f64, f64)> {
    const RESCALING: &str = "LEVEL1_RADIOMETRIC_RESCALING";
    let quantity = if is_thermal {
        "RADIANCE"
    } else {
        "REFLECTANCE"
    };
    let of = |what: &str| mtl.number(RESCALING, &format!("{quantity}_{what}_BAND_{number}"));
    let (scale, offset) = (of("MULT")?, of("ADD")?);
    if is_thermal {
        return Some((scale, offset));
    }
    let elevation = mtl.number("IMAGE_ATTRIBUTES", "SUN_ELEVATION")?;
    let sine = elevation.to_radians().sin();
    (sine > 0.0).then_some((scale / sine, offset / sine))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_three_forms_say_the_same_and_groups_are_kept_apart() {
        let text = "GROUP = LANDSAT_METADATA_FILE\n  GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS\n    REFLECTANCE_MULT_BAND_1 = 2.75e-05\n  \
                    END_GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS\n  GROUP = LEVEL1_RADIOMETRIC_RESCALING\n    \
                    REFLECTANCE_MULT_BAND_1 = 2.0E-05\n  END_GROUP = LEVEL1_RADIOMETRIC_RESCALING\nEND_GROUP = LANDSAT_METADATA_FILE\nEND\n";
        let json = r#"{"LANDSAT_METADATA_FILE":{"LEVEL2_SURFACE_REFLECTANCE_PARAMETERS":{"REFLECTANCE_MULT_BAND_1":"2.75e-05"},
            "LEVEL1_RADIOMETRIC_RESCALING":{"REFLECTANCE_MULT_BAND_1":"2.0E-05"}}}"#;
        let xml = "<LANDSAT_METADATA_FILE><LEVEL2_SURFACE_REFLECTANCE_PARAMETERS><REFLECTANCE_MULT_BAND_1>2.75e-05</REFLECTANCE_MULT_BAND_1>\
            </LEVEL2_SURFACE_REFLECTANCE_PARAMETERS><LEVEL1_RADIOMETRIC_RESCALING><REFLECTANCE_MULT_BAND_1>2.0E-05</REFLECTANCE_MULT_BAND_1>\
            </LEVEL1_RADIOMETRIC_RESCALING></LANDSAT_METADATA_FILE>";
        for form in [text, json, xml] {
            let found = Description::parse(form);
            let of = |group: &str| found.number(group, "REFLECTANCE_MULT_BAND_1");
            assert_eq!(of("LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"), Some(2.75e-5));
            assert_eq!(of("LEVEL1_RADIOMETRIC_RESCALING"), Some(2e-5));
        }
        assert!(Description::parse("{\"a\":1}").items.is_empty());
    }

    #[test]
    fn level_1_reflectance_knows_the_height_of_the_sun() {
        let mtl = Description::parse(
            "GROUP = IMAGE_ATTRIBUTES\nSUN_ELEVATION = 30.0\nEND_GROUP = IMAGE_ATTRIBUTES\n\
             GROUP = LEVEL1_RADIOMETRIC_RESCALING\nREFLECTANCE_MULT_BAND_4 = 2.0E-05\nREFLECTANCE_ADD_BAND_4 = -0.1\n",
        );
        let (scale, offset) = level_1_scale(&mtl, "4", false).expect("both factors");
        assert!((scale - 4e-5).abs() < 1e-12 && (offset + 0.2).abs() < 1e-12);
    }
}
