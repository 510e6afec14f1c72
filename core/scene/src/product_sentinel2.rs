//! Sentinel-2 products (SAFE, level 1C and 2A): bands, offsets and centres from `MTD_MSIL*.xml`.
//! Knows names and XML. Opens nothing.

use std::collections::BTreeMap;

use crate::PaletteEntry;
use crate::product::{BandRole, Product, ProductBand, ProductKind, QualityCode, class};
use crate::product_folder::Folder;
use crate::product_xml::{Element, finite};
use crate::sensors::BandName;

/// Spectral bands in the order of their numbers.
const BANDS: [&str; 13] = [
    "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12",
];

/// `description`: the text of `MTD_MSIL1C.xml` or `MTD_MSIL2A.xml`.
pub(crate) fn read(folder: &Folder, description: &str) -> Product {
    let document = Element::parse(description);
    let mut product = Product::new(ProductKind::Sentinel2, folder.root.clone());
    product.acquired = document
        .text_of("DATATAKE_SENSING_START")
        .or_else(|| document.text_of("PRODUCT_START_TIME"))
        .map(str::to_owned);
    product.platform = document
        .text_of("SPACECRAFT_NAME")
        .unwrap_or("Sentinel-2")
        .to_owned();
    product.item("PRODUCT_TYPE", document.text_of("PRODUCT_TYPE"));
    product.item(
        "PROCESSING_BASELINE",
        document.text_of("PROCESSING_BASELINE"),
    );
    product.item("CLOUD_COVER", document.text_of("Cloud_Coverage_Assessment"));

    let quantification = document
        .number_of("BOA_QUANTIFICATION_VALUE")
        .or_else(|| document.number_of("QUANTIFICATION_VALUE"))
        .filter(|value| *value > 0.0);
    if quantification.is_none() {
        product.notes.push(
            "its description gives no quantification value, so numbers are as stored".to_owned(),
        );
    }
    let offsets = offsets(&document);
    let centers = centers(&document);

    let (found, tiles) = files(folder);
    if tiles.len() > 1 {
        product.notes.push(format!(
            "the product holds {} tiles; this is {}",
            tiles.len(),
            tiles[0]
        ));
    }
    for name in BANDS {
        let Some(file) = found.get(name) else {
            continue;
        };
        let mut band =
            ProductBand::new(name, folder.path(file), BandRole::Reflectance).without(0.0);
        if let Some(quantification) = quantification {
            let offset = offsets.get(name).copied().unwrap_or(0.0);
            band = band.scaled(1.0 / quantification, offset / quantification);
        }
        band.wavelength_nm = centers.get(name).map(|center| (*center, None));
        product.bands.push(band);
    }
    if let Some(file) = found.get("SCL") {
        let mut band = ProductBand::new(
            "SCL",
            folder.path(file),
            BandRole::Quality(QualityCode::Scl),
        )
        .without(0.0);
        band.classes = scene_classes();
        product.bands.push(band);
    }
    let missing: Vec<String> = expected(&document)
        .into_iter()
        .filter(|name| !found.contains_key(name))
        .collect();
    product.note_missing(&missing);
    product
}

/// Offsets by band name. They are in the description since baseline 04.00; the date says nothing about them.
fn offsets(document: &Element) -> BTreeMap<&'static str, f64> {
    ["BOA_ADD_OFFSET", "RADIO_ADD_OFFSET"]
        .iter()
        .flat_map(|name| document.all(name))
        .filter_map(|element| {
            let id: usize = element.attribute("band_id")?.trim().parse().ok()?;
            Some((*BANDS.get(id)?, finite(&element.text)?))
        })
        .collect()
}

/// Band centres in nm by band name.
fn centers(document: &Element) -> BTreeMap<&'static str, f64> {
    document
        .all("Spectral_Information")
        .into_iter()
        .filter_map(|element| {
            let number = BandName::parse(element.attribute("physicalBand")?).number?;
            let name = BANDS
                .iter()
                .find(|name| BandName::parse(name).number.as_ref() == Some(&number))?;
            let center = element
                .first("Wavelength")?
                .number_of("CENTRAL")
                .filter(|center| *center > 0.0)?;
            Some((*name, center))
        })
        .collect()
}

/// The finest file of each band in the first tile, and the names of all tiles.
fn files(folder: &Folder) -> (BTreeMap<String, String>, Vec<String>) {
    let mut found: BTreeMap<String, (u32, String)> = BTreeMap::new();
    let mut tiles: Vec<String> = Vec::new();
    for file in &folder.files {
        let Some((tile, in_tile)) = file
            .strip_prefix("GRANULE/")
            .and_then(|rest| rest.split_once('/'))
        else {
            continue;
        };
        let Some((name, metres)) = in_tile
            .strip_prefix("IMG_DATA/")
            .and_then(|rest| rest.rsplit('/').next())
            .and_then(band_of_file)
        else {
            continue;
        };
        if !tiles.iter().any(|known| known == tile) {
            tiles.push(tile.to_owned());
        }
        if tiles.first().is_some_and(|first| first != tile) {
            continue;
        }
        let is_finer = found.get(&name).is_none_or(|(known, _)| metres < *known);
        if is_finer {
            found.insert(name, (metres, file.clone()));
        }
    }
    let files = found
        .into_iter()
        .map(|(name, (_, file))| (name, file))
        .collect();
    (files, tiles)
}

/// `T32TQM_20210603T101031_B04_10m.jp2` is (`B04`, 10); level 1C names have no pixel size.
fn band_of_file(file: &str) -> Option<(String, u32)> {
    let (stem, extension) = file.rsplit_once('.')?;
    if !["jp2", "tif", "tiff"].contains(&extension.to_lowercase().as_str()) {
        return None;
    }
    let mut parts = stem.rsplit('_');
    let last = parts.next()?;
    let (name, metres) = match last.strip_suffix('m').and_then(|m| m.parse().ok()) {
        Some(metres) => (parts.next()?, metres),
        None => (last, 0),
    };
    (BANDS.contains(&name) || name == "SCL").then(|| (name.to_owned(), metres))
}

/// Bands the description names files for.
fn expected(document: &Element) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for tag in ["IMAGE_FILE", "IMAGE_FILE_2A"] {
        for element in document.all(tag) {
            let file = element.text.rsplit('/').next().unwrap_or_default();
            if let Some((name, _)) = band_of_file(&format!("{file}.jp2"))
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
    }
    names
}

/// Codes, names and usual colours of the scene classification.
pub(crate) fn scene_classes() -> Vec<PaletteEntry> {
    vec![
        class(0, "no data", [0, 0, 0]),
        class(1, "saturated or defective", [255, 0, 0]),
        class(2, "dark area", [47, 47, 47]),
        class(3, "cloud shadow", [100, 50, 0]),
        class(4, "vegetation", [0, 160, 0]),
        class(5, "not vegetated", [255, 230, 90]),
        class(6, "water", [0, 0, 255]),
        class(7, "unclassified", [128, 128, 128]),
        class(8, "cloud, medium probability", [192, 192, 192]),
        class(9, "cloud, high probability", [255, 255, 255]),
        class(10, "thin cirrus", [100, 200, 255]),
        class(11, "snow or ice", [255, 150, 255]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_of_both_levels_tell_the_band() {
        assert_eq!(
            band_of_file("T32TQM_20210603T101031_B04_10m.jp2"),
            Some(("B04".to_owned(), 10))
        );
        assert_eq!(
            band_of_file("T32TQM_20210603T101031_B8A.jp2"),
            Some(("B8A".to_owned(), 0))
        );
        assert_eq!(
            band_of_file("T32TQM_20210603T101031_SCL_20m.jp2"),
            Some(("SCL".to_owned(), 20))
        );
        assert_eq!(band_of_file("T32TQM_20210603T101031_TCI_10m.jp2"), None);
        assert_eq!(band_of_file("MTD_TL.xml"), None);
    }

    #[test]
    fn offsets_are_read_by_band_and_never_supposed() {
        let text = r#"<n1:L2A xmlns:n1="x"><BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>
            <BOA_ADD_OFFSET band_id="3">-1000</BOA_ADD_OFFSET>
            <Spectral_Information bandId="8" physicalBand="B8A"><Wavelength><CENTRAL unit="nm">864.0</CENTRAL></Wavelength>
            </Spectral_Information></n1:L2A>"#;
        let folder = Folder {
            root: "S2B.SAFE".into(),
            files: ["B04_10m", "B04_20m", "B8A_20m"]
                .map(|end| format!("GRANULE/L2A_T1/IMG_DATA/R/T1_20220603T101031_{end}.jp2"))
                .to_vec(),
        };
        let product = read(&folder, text);
        let red = &product.bands[0];
        assert_eq!(red.scale_offset, Some((0.0001, -0.1)));
        assert!(red.file.ends_with("T1_20220603T101031_B04_10m.jp2"));
        // Acquired after the change of 2022, yet the description has no offset for it.
        assert_eq!(product.bands[1].scale_offset, Some((0.0001, 0.0)));
        assert_eq!(product.bands[1].wavelength_nm, Some((864.0, None)));
    }
}
