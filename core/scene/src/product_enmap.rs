//! EnMAP products (level 1B, 1C and 2A): centres, widths and gains from `*-METADATA.XML`, quality layers beside it.
//! Knows names and XML. Opens nothing.

use std::path::{Path, PathBuf};

use crate::product::{BandRole, Product, ProductBand, ProductKind, QualityCode, class};
use crate::product_folder::Folder;
use crate::product_xml::{Element, finite};

/// Quality layers, in the order they follow the spectral bands.
const QUALITY: [&str; 7] = [
    "QUALITY_CLASSES",
    "QUALITY_CLOUD",
    "QUALITY_CLOUDSHADOW",
    "QUALITY_HAZE",
    "QUALITY_CIRRUS",
    "QUALITY_SNOW",
    "QUALITY_TESTFLAGS",
];

struct SpectralBand {
    center_nm: Option<f64>,
    fwhm_nm: Option<f64>,
    gain: Option<f64>,
    offset: f64,
}

/// `description` at `file`: the product's XML. `path`: what the product is opened by.
pub(crate) fn read(folder: &Folder, path: PathBuf, file: &Path, description: &str) -> Product {
    let document = Element::parse(description);
    let mut product = Product::new(ProductKind::EnMap, path);
    product.platform = "EnMAP".to_owned();
    product.sensor = Some("enmap");
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let beginning = name
        .get(..name.len().saturating_sub("-METADATA.XML".len()))
        .unwrap_or_default();
    product.acquired = document
        .text_of("startTime")
        .map_or_else(|| Some(beginning.to_owned()), |time| Some(time.to_owned()));
    product.item("PROCESSING_LEVEL", document.text_of("level"));
    product.item("CLOUD_COVER", document.text_of("cloudCover"));

    let find = |layer: &str| {
        ["", "_COG"]
            .iter()
            .find_map(|end| folder.find(&format!("{beginning}-{layer}{end}.TIF")))
    };
    let bands = spectral_bands(&document);
    let is_level_1 = beginning.contains("L1B") || beginning.contains("L1C");
    let background = document
        .number_of("backgroundValue")
        .unwrap_or(if is_level_1 { 0.0 } else { -32768.0 });
    let image = find("SPECTRAL_IMAGE").or_else(|| {
        let image = find("SPECTRAL_IMAGE_VNIR")?;
        product.notes.push(
            "level 1B keeps its two detectors in images of different geometry; this is the visible and near-infrared \
             one, open SPECTRAL_IMAGE_SWIR by itself"
                .to_owned(),
        );
        Some(image)
    });
    let Some(image) = image else {
        product.note_missing(&["SPECTRAL_IMAGE".to_owned()]);
        return product;
    };
    for (number, band) in (1..).zip(&bands) {
        let mut one = ProductBand::new(
            format!("Band {number:03}"),
            image.clone(),
            BandRole::Reflectance,
        )
        .without(background);
        one.file_band = number;
        if let Some(gain) = band.gain {
            one = one.scaled(gain, band.offset);
        }
        if is_level_1 {
            one.unit = "W m-2 sr-1 nm-1".to_owned();
        }
        one.wavelength_nm = band.center_nm.map(|center| (center, band.fwhm_nm));
        product.bands.push(one);
    }
    if bands.is_empty() {
        product.notes.push(
            "its description lists no bands, so wavelengths and gains are not known".to_owned(),
        );
        let mut all = ProductBand::new("Band", image, BandRole::Reflectance).without(background);
        all.file_band = ProductBand::EVERY_BAND;
        product.bands.push(all);
    }
    for layer in QUALITY {
        if let Some(file) = find(&format!("QL_{layer}")) {
            let mut band = ProductBand::new(layer, file, BandRole::Quality(QualityCode::Other));
            if layer == "QUALITY_CLASSES" {
                band.classes = vec![
                    class(1, "land", [150, 120, 70]),
                    class(2, "water", [0, 80, 200]),
                    class(3, "background", [0, 0, 0]),
                ];
            }
            product.bands.push(band);
        }
    }
    product
}

/// In the order of the band numbers, which is the order in the file.
fn spectral_bands(document: &Element) -> Vec<SpectralBand> {
    let Some(list) = document.first("bandCharacterisation") else {
        return Vec::new();
    };
    let mut bands: Vec<(u32, SpectralBand)> = list
        .all("bandID")
        .into_iter()
        .zip(1..)
        .map(|(element, place)| {
            let number = element
                .attribute("number")
                .and_then(|number| number.trim().parse().ok())
                .unwrap_or(place);
            let positive = |name: &str| element.number_of(name).filter(|value| *value > 0.0);
            let band = SpectralBand {
                center_nm: positive("wavelengthCenterOfBand"),
                fwhm_nm: positive("FWHMOfBand"),
                gain: element.text_of("GainOfBand").and_then(finite),
                offset: element
                    .text_of("OffsetOfBand")
                    .and_then(finite)
                    .unwrap_or(0.0),
            };
            (number, band)
        })
        .collect();
    bands.sort_by_key(|(number, _)| *number);
    bands.into_iter().map(|(_, band)| band).collect()
}
