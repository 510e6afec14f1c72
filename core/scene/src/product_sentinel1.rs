//! Sentinel-1 products (SAFE, ground range detected): a band a polarisation, from the folder's names and `manifest.safe`.
//! Knows names and XML. Opens nothing.

use crate::product::{BandRole, Product, ProductBand, ProductKind};
use crate::product_folder::Folder;
use crate::product_xml::Element;
use crate::radar::polarisation_in;

/// Polarisations in the order they are shown: co-polarised first.
const ORDER: [&str; 4] = ["VV", "VH", "HH", "HV"];

/// `description`: the text of `manifest.safe`.
pub(crate) fn read(folder: &Folder, description: &str) -> Product {
    let document = Element::parse(description);
    let mut product = Product::new(ProductKind::Sentinel1, folder.root.clone());
    product.sensor = Some("sentinel-1");
    let name = folder
        .root
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    product.acquired = document
        .text_of("startTime")
        .map_or_else(|| Some(name.clone()), |time| Some(time.to_owned()));
    product.platform = match (document.text_of("familyName"), document.text_of("number")) {
        (Some(family), Some(number)) => {
            format!(
                "{}{number}",
                family.to_lowercase().replace("sentinel", "Sentinel")
            )
        }
        _ => "Sentinel-1".to_owned(),
    };
    product.item("PRODUCT_TYPE", document.text_of("productType"));
    product.item("MODE", document.text_of("mode"));
    product.item("ORBIT_DIRECTION", document.text_of("pass"));
    let mut bands: Vec<(usize, ProductBand)> = folder
        .files
        .iter()
        .filter(|file| is_measurement(file))
        .filter_map(|file| {
            let polarisation = polarisation_in(file.rsplit('/').next()?)?;
            let place = ORDER.iter().position(|known| *known == polarisation)?;
            let mut band =
                ProductBand::new(polarisation, folder.path(file), BandRole::Measured).without(0.0);
            band.unit = "amplitude".to_owned();
            Some((place, band))
        })
        .collect();
    bands.sort_by_key(|(place, _)| *place);
    // Wave mode and single looks hold several images a polarisation, on grids of their own.
    let count = bands.len();
    bands.dedup_by_key(|(place, _)| *place);
    if bands.len() < count {
        product.notes.push(format!(
            "the product holds {count} images; of each polarisation this is the first, open the others by themselves"
        ));
    }
    product.bands = bands.into_iter().map(|(_, band)| band).collect();
    product.notes.push(
        "amplitudes as stored: neither calibrated to backscatter nor corrected for terrain"
            .to_owned(),
    );
    let announced: Vec<&str> = document
        .all("transmitterReceiverPolarisation")
        .into_iter()
        .map(|element| element.text.as_str())
        .collect();
    let missing: Vec<String> = announced
        .into_iter()
        .filter(|wanted| product.bands.iter().all(|band| band.name != **wanted))
        .map(str::to_owned)
        .collect();
    product.note_missing(&missing);
    product
}

fn is_measurement(file: &str) -> bool {
    file.split_once('/').is_some_and(|(folder, name)| {
        folder.eq_ignore_ascii_case("measurement")
            && [".tiff", ".tif"]
                .iter()
                .any(|end| name.to_lowercase().ends_with(end))
    })
}

/// Whether a folder of that name with a `manifest.safe` is one.
pub(crate) fn is_folder(name: &str) -> bool {
    let upper = name.to_uppercase();
    upper.starts_with("S1") && upper.ends_with(".SAFE")
}
