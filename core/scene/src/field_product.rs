//! Whose field a raster is: known products by bands, metadata and paths, with the year they stand for, their licence and the
//! words it asks for (specification of fields, section 1). Knows what a file says. Knows nothing of its pixels.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::{FIELD_AXES, Period, RasterInfo, SampleType};

/// What the licence of the AlphaEarth product asks to be shown and passed on.
pub const ALPHAEARTH_ATTRIBUTION: &str = "The AlphaEarth Foundations Satellite Embedding dataset is produced by Google and Google DeepMind.";
const ALPHAEARTH_LICENCE: &str = "CC-BY 4.0";
/// Side of a published file, pixels.
const ALPHAEARTH_SIDE: usize = 8192;
/// Folders of the published copies, above `<year>/<zone>/<file>`.
const ALPHAEARTH_FOLDERS: [&str; 2] = ["satellite_embedding/v1/annual", "aef/v1/annual"];

/// What is known of a field beside its numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FieldProduct {
    pub name: String,
    /// The calendar year it summarises.
    pub year: Option<i16>,
    /// To be shown, and written into everything derived from the field.
    pub attribution: Option<String>,
    pub licence: Option<String>,
    pub note: Option<String>,
}

impl FieldProduct {
    /// `None` for rasters that are no field.
    pub fn of(info: &RasterInfo) -> Option<Self> {
        if !info.is_field() {
            return None;
        }
        let stated = |key: &str| info.metadata_item(key).map(str::to_owned);
        // A field of ours, or a copy of one; what it was derived from rides along.
        if let Some(model) = stated("TERROIR_MODEL") {
            return Some(Self {
                name: format!("Terroir field ({model})"),
                year: valid_period(info)
                    .filter(|valid| Period::of_year(valid.from.year()) == Some(*valid))
                    .map(|valid| valid.from.year()),
                attribution: stated("ATTRIBUTION"),
                licence: stated("LICENSE"),
                note: None,
            });
        }
        if !is_alphaearth(info) {
            return Some(Self {
                name: "Field of an unknown maker, read in the AlphaEarth coding".to_owned(),
                attribution: stated("ATTRIBUTION"),
                licence: stated("LICENSE"),
                ..Self::default()
            });
        }
        let is_tile = (info.grid.width, info.grid.height) == (ALPHAEARTH_SIDE, ALPHAEARTH_SIDE);
        let is_coded = info
            .bands
            .iter()
            .all(|band| band.sample_type == SampleType::Int8);
        let note = match (is_coded, is_tile) {
            (true, true) => "a whole published file",
            (true, false) => "a part or a mosaic of published files",
            (false, _) => "decoded to decimal numbers, as Earth Engine exports it",
        };
        Some(Self {
            name: "AlphaEarth Foundations Satellite Embedding V1, annual".to_owned(),
            year: year_of(info),
            attribution: Some(
                stated("ATTRIBUTION").unwrap_or_else(|| ALPHAEARTH_ATTRIBUTION.to_owned()),
            ),
            licence: Some(stated("LICENSE").unwrap_or_else(|| ALPHAEARTH_LICENCE.to_owned())),
            note: Some(note.to_owned()),
        })
    }

    /// Attribution and licence in a line, as maps show them.
    pub fn credit(&self) -> Option<String> {
        let attribution = self.attribution.as_ref()?;
        Some(match &self.licence {
            Some(licence) => format!("{attribution} {licence}."),
            None => attribution.clone(),
        })
    }
}

/// Attribution and licence of a raster in a line: of a field's product, of anything else what the file states.
pub fn credit_of(info: &RasterInfo) -> Option<String> {
    let stated = |key: &str| info.metadata_item(key).map(str::to_owned);
    let product = FieldProduct::of(info).unwrap_or_else(|| FieldProduct {
        attribution: stated("ATTRIBUTION"),
        licence: stated("LICENSE"),
        ..FieldProduct::default()
    });
    product.credit()
}

/// 64 axes called `A00` to `A63` that are not ours, or a path of the published copies.
fn is_alphaearth(info: &RasterInfo) -> bool {
    let has_names = info.bands.len() == FIELD_AXES
        && info
            .bands
            .iter()
            .enumerate()
            .all(|(index, band)| band.name == format!("A{index:02}"));
    has_names || folders_of(info).is_some()
}

/// The part of the path below a known folder.
fn folders_of(info: &RasterInfo) -> Option<String> {
    let path = info.path.to_string_lossy().replace('\\', "/");
    ALPHAEARTH_FOLDERS.iter().find_map(|folder| {
        let at = path.find(folder)?;
        Some(path[at + folder.len()..].trim_start_matches('/').to_owned())
    })
}

/// The year a product stands for: from its own metadata, the published folders, then folder and file names.
fn year_of(info: &RasterInfo) -> Option<i16> {
    let item = |key: &str| {
        let bands = info.bands.iter().flat_map(|band| &band.metadata);
        let mut items = info.metadata.iter().chain(bands);
        items
            .find(|(name, _)| name.eq_ignore_ascii_case(key))
            .map(|(_, value)| value.trim().to_owned())
    };
    let from_start = || {
        let text = item("system:time_start").or_else(|| item("SYSTEM_TIME_START"))?;
        match text.parse::<i64>() {
            Ok(milliseconds) => {
                let at = Timestamp::from_millisecond(milliseconds).ok()?;
                Some(at.to_zoned(TimeZone::UTC).year())
            }
            Err(_) => year(text.get(..4)?),
        }
    };
    let from_folders = || year(folders_of(info)?.split('/').next()?);
    let from_names = || {
        let parts: Vec<_> = info.path.components().rev().take(4).collect();
        parts.iter().find_map(|part| {
            let name = part.as_os_str().to_string_lossy().into_owned();
            name.split(|c: char| !c.is_ascii_digit()).find_map(year)
        })
    };
    item("year")
        .and_then(|text| year(&text))
        .or_else(from_start)
        .or_else(from_folders)
        .or_else(from_names)
}

/// Exactly four digits of a year satellites were there.
pub(crate) fn year(text: &str) -> Option<i16> {
    let is_year = text.len() == 4 && text.chars().all(|c| c.is_ascii_digit());
    let year: i16 = is_year.then(|| text.parse().ok())??;
    (1972..2100).contains(&year).then_some(year)
}

/// The days a field of ours sums up, where it was made of a series.
pub fn valid_period(info: &RasterInfo) -> Option<Period> {
    info.metadata_item("TERROIR_VALID")?.parse().ok()
}

/// The first day of the year or period a field stands for, `YYYY-MM-DD`: how series and the timeline know it.
pub(crate) fn first_day_of(info: &RasterInfo) -> Option<String> {
    let product = FieldProduct::of(info)?;
    if let Some(valid) = valid_period(info) {
        return Some(valid.from.to_string());
    }
    product.year.map(|year| format!("{year:04}-01-01"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Raster;
    use crate::field::tests::shared;

    #[test]
    fn the_published_layout_is_known_with_its_year_and_words() {
        let Some(folder) = shared("data/aef") else {
            return;
        };
        let raster = Raster::open(&folder.join("layout_iowa_ag_y1_bottomup.tif")).unwrap();
        let mut info = raster.info().clone();
        let product = FieldProduct::of(&info).unwrap();
        assert!(product.name.contains("AlphaEarth"));
        assert_eq!(product.attribution.as_deref(), Some(ALPHAEARTH_ATTRIBUTION));
        assert!(product.credit().unwrap().ends_with("DeepMind. CC-BY 4.0."));
        assert_eq!(product.year, None);
        for (path, year) in [
            (
                "/d/satellite_embedding/v1/annual/2021/15N/x3-0000000000-0000008192.tiff",
                Some(2021),
            ),
            (
                "/vsicurl/https://host/tge-labs/aef/v1/annual/2019/10N/x1-0000008192-0000000000.tiff",
                Some(2019),
            ),
            ("/mine/iowa/2023/field.tif", Some(2023)),
            ("/mine/aef_2020_iowa.tif", Some(2020)),
            ("/mine/x12345-0000008192.tif", None),
        ] {
            info.path = path.into();
            assert_eq!(FieldProduct::of(&info).unwrap().year, year, "{path}");
        }
        info.metadata
            .push(("system:time_start".to_owned(), "1672531200000".to_owned()));
        assert_eq!(FieldProduct::of(&info).unwrap().year, Some(2023));
        info.metadata
            .push(("TERROIR_MODEL".to_owned(), "dofa-tiny".to_owned()));
        let ours = FieldProduct::of(&info).unwrap();
        assert!(ours.name.contains("dofa-tiny") && ours.attribution.is_none());
        assert_eq!((ours.year, valid_period(&info)), (None, None));
        let valid = "2018-05-01..2018-06-01".to_owned();
        info.metadata.push(("TERROIR_VALID".to_owned(), valid));
        assert_eq!(first_day_of(&info).as_deref(), Some("2018-05-01"));
        assert_eq!(FieldProduct::of(&info).unwrap().year, None);
        info.bands.pop();
        assert_eq!(FieldProduct::of(&info), None);
    }
}
