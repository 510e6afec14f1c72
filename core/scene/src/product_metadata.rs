//! Product metadata beside a raster: Sentinel-2 and EnMAP XML, Landsat MTL text.
//! Knows where the products keep band centres and the satellite's name. Reads no pixels.

use std::path::{Path, PathBuf};

use quick_xml::Reader;
use quick_xml::events::Event;

/// Product descriptions are a few MiB at most.
const LARGEST_FILE_BYTES: u64 = 64 << 20;
/// From a band file of a Sentinel-2 product up to the folder of its description.
const FOLDERS_UP: usize = 5;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ProductBand {
    /// `B4`, or the band's number.
    pub name: String,
    pub center_nm: Option<f64>,
    pub fwhm_nm: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ProductMetadata {
    pub bands: Vec<ProductBand>,
    /// e.g. `Sentinel-2B`, `LANDSAT_8`.
    pub platform: String,
    pub is_enmap: bool,
}

impl ProductMetadata {
    /// The description of the product a raster belongs to, judged by names only.
    pub fn beside(raster: &Path) -> Option<Self> {
        let name = raster.file_name()?.to_string_lossy().to_uppercase();
        let file = find_description(raster, &name)?;
        if std::fs::metadata(&file).ok()?.len() > LARGEST_FILE_BYTES {
            return None;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&file).ok()?).into_owned();
        let found = if file
            .extension()
            .is_some_and(|e| e.eq_ignore_ascii_case("txt"))
        {
            Self::from_mtl(&text)
        } else {
            Self::from_xml(&text)
        };
        (found != Self::default()).then_some(found)
    }

    /// `SPACECRAFT_ID = "LANDSAT_8"`; says the sensor only.
    fn from_mtl(text: &str) -> Self {
        let platform = text
            .lines()
            .filter_map(|line| line.split_once('='))
            .find(|(key, _)| key.trim() == "SPACECRAFT_ID")
            .map(|(_, value)| value.trim().trim_matches('"').to_owned());
        Self {
            platform: platform.unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Sentinel-2 `Spectral_Information/Wavelength/CENTRAL` or EnMAP `bandCharacterisation/bandID`, both in nm.
    /// Broken XML gives what stood before the break.
    fn from_xml(text: &str) -> Self {
        let mut found = Self::default();
        let mut reader = Reader::from_str(text);
        let mut path: Vec<String> = Vec::new();
        let mut band: Option<ProductBand> = None;
        loop {
            match reader.read_event() {
                Ok(Event::Start(tag)) => {
                    let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
                    let attribute = |key: &str| {
                        tag.attributes()
                            .flatten()
                            .find(|a| a.key.as_ref() == key.as_bytes())
                            .map(|a| String::from_utf8_lossy(&a.value).into_owned())
                    };
                    match name.as_str() {
                        "Spectral_Information" => {
                            band = Some(ProductBand {
                                name: attribute("physicalBand").unwrap_or_default(),
                                ..ProductBand::default()
                            });
                        }
                        "bandID"
                            if path
                                .last()
                                .is_some_and(|parent| parent == "bandCharacterisation") =>
                        {
                            found.is_enmap = true;
                            band = Some(ProductBand {
                                name: attribute("number").unwrap_or_default(),
                                ..ProductBand::default()
                            });
                        }
                        _ => {}
                    }
                    path.push(name);
                }
                Ok(Event::End(_)) => {
                    let name = path.pop();
                    if matches!(name.as_deref(), Some("Spectral_Information" | "bandID"))
                        && let Some(done) = band.take()
                    {
                        found.bands.push(done);
                    }
                }
                Ok(Event::Text(text)) => {
                    let value = String::from_utf8_lossy(&text).trim().to_owned();
                    let number = || {
                        value
                            .parse::<f64>()
                            .ok()
                            .filter(|v| v.is_finite() && *v > 0.0)
                    };
                    match (path.last().map(String::as_str), band.as_mut()) {
                        (Some("CENTRAL" | "wavelengthCenterOfBand"), Some(band)) => {
                            band.center_nm = number()
                        }
                        (Some("FWHMOfBand"), Some(band)) => band.fwhm_nm = number(),
                        (Some("SPACECRAFT_NAME"), _) if found.platform.is_empty() => {
                            found.platform = value
                        }
                        _ => {}
                    }
                }
                Ok(Event::Eof) | Err(_) => return found,
                Ok(_) => {}
            }
        }
    }
}

fn find_description(raster: &Path, name: &str) -> Option<PathBuf> {
    let is_sentinel =
        name.starts_with("S2") || name.contains("MSIL") || is_sentinel_band_file(name);
    if is_sentinel {
        return raster
            .ancestors()
            .skip(1)
            .take(FOLDERS_UP)
            .find_map(|folder| {
                ["MTD_MSIL2A.xml", "MTD_MSIL1C.xml"]
                    .iter()
                    .map(|file| folder.join(file))
                    .find(|file| file.is_file())
            });
    }
    let folder = raster.parent()?;
    if name.starts_with("ENMAP") {
        // `...-SPECTRAL_IMAGE_VNIR.TIF` lies beside `...-METADATA.XML` of the same product.
        let prefix = name.split("-SPECTRAL_IMAGE").next()?.to_owned();
        return first_in(folder, |file| {
            file.starts_with(&prefix) && file.ends_with("METADATA.XML")
        });
    }
    let is_landsat = ["LC0", "LE0", "LT0", "LO0", "LM0"]
        .iter()
        .any(|start| name.starts_with(start));
    if is_landsat {
        // `LC08_L2SP_029030_20210603_20210614_02_T1` comes before the band.
        let product: Vec<&str> = name.split('_').take(7).collect();
        let wanted = format!("{}_MTL.TXT", product.join("_"));
        return first_in(folder, |file| file == wanted);
    }
    None
}

/// `T32TQM_20210603T101031_B04_10m.jp2`
fn is_sentinel_band_file(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() > 7
        && bytes[0] == b'T'
        && bytes[1..3].iter().all(u8::is_ascii_digit)
        && bytes[3..6].iter().all(u8::is_ascii_uppercase)
        && bytes[6] == b'_'
}

/// The first file whose upper-case name fits, in name order.
fn first_in(folder: &Path, fits: impl Fn(&str) -> bool) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path());
    entries
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| fits(&name.to_string_lossy().to_uppercase()))
        })
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentinel_xml_gives_centres_by_band() {
        let text = r#"<n1:Level-2A_User_Product><General_Info><Datatake><SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME></Datatake>
            <Spectral_Information_List><Spectral_Information bandId="3" physicalBand="B4"><RESOLUTION>10</RESOLUTION>
            <Wavelength><MIN unit="nm">646</MIN><MAX unit="nm">685</MAX><CENTRAL unit="nm">665</CENTRAL></Wavelength>
            </Spectral_Information></Spectral_Information_List></General_Info></n1:Level-2A_User_Product>"#;
        let found = ProductMetadata::from_xml(text);
        assert_eq!(found.platform, "Sentinel-2B");
        assert_eq!(
            found.bands,
            vec![ProductBand {
                name: "B4".into(),
                center_nm: Some(665.0),
                fwhm_nm: None
            }]
        );
    }

    #[test]
    fn enmap_xml_gives_centres_and_widths() {
        let text = r#"<level_X><specific><bandCharacterisation><bandID number="1"><wavelengthCenterOfBand>418.24</wavelengthCenterOfBand>
            <FWHMOfBand>6.99</FWHMOfBand></bandID><bandID number="2"><wavelengthCenterOfBand>423.87</wavelengthCenterOfBand></bandID>
            </bandCharacterisation></specific></level_X>"#;
        let found = ProductMetadata::from_xml(text);
        assert!(found.is_enmap);
        assert_eq!(found.bands.len(), 2);
        assert_eq!(
            (found.bands[0].center_nm, found.bands[0].fwhm_nm),
            (Some(418.24), Some(6.99))
        );
    }

    #[test]
    fn broken_xml_is_not_fatal() {
        assert_eq!(ProductMetadata::from_xml("<a><b>").bands.len(), 0);
        assert_eq!(
            ProductMetadata::from_xml("no xml at all"),
            ProductMetadata::default()
        );
    }

    #[test]
    fn descriptions_are_found_by_the_products_own_names() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let product = "LC08_L2SP_029030_20210603_20210614_02_T1";
        std::fs::write(
            folder.path().join(format!("{product}_MTL.txt")),
            "  SPACECRAFT_ID = \"LANDSAT_8\"\n",
        )
        .expect("write");
        let found = ProductMetadata::beside(&folder.path().join(format!("{product}_SR_B4.TIF")))
            .expect("MTL");
        assert_eq!(found.platform, "LANDSAT_8");
        assert_eq!(
            ProductMetadata::beside(&folder.path().join("other.tif")),
            None
        );
    }
}
