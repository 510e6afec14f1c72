//! STAC side-cars: what a JSON item beside a raster says about its bands and date.
//! Knows the item's JSON. Follows no links.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// An item larger than this is something else.
const LARGEST_ITEM_BYTES: u64 = 16 << 20;

/// One band of an item, micrometres.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct StacBand {
    pub center_um: Option<f64>,
    pub fwhm_um: Option<f64>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct StacSidecar {
    /// One a band of the raster, or empty.
    pub bands: Vec<StacBand>,
    /// `datetime`, or the middle of start and end.
    pub date: Option<String>,
    /// Platform and instruments, in one text.
    pub platform: String,
}

impl StacSidecar {
    /// Looks for `<file>.stac.json`, `<stem>.stac.json` and `<stem>.json`.
    pub fn beside(raster: &Path, band_count: usize) -> Option<Self> {
        let name = raster.file_name()?.to_string_lossy().into_owned();
        let candidates: [PathBuf; 3] = [
            raster.with_file_name(format!("{name}.stac.json")),
            raster.with_extension("stac.json"),
            raster.with_extension("json"),
        ];
        candidates.iter().find_map(|path| {
            let size = std::fs::metadata(path).ok()?.len();
            if size > LARGEST_ITEM_BYTES {
                return None;
            }
            let item = serde_json::from_str(&std::fs::read_to_string(path).ok()?).ok()?;
            Self::from_item(&item, &name, band_count)
        })
    }

    /// `None` for JSON that is not a STAC item.
    pub fn from_item(item: &Value, file_name: &str, band_count: usize) -> Option<Self> {
        if item.get("stac_version").is_none()
            && item.get("assets").is_none()
            && bands_of(item).is_none()
        {
            return None;
        }
        let properties = item.get("properties").unwrap_or(item);
        let text = |key: &str| {
            properties
                .get(key)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        // The standard asks for a date; one that is no more than that of the item's making says nothing of the image.
        let date = text("datetime").filter(|date| text("created").as_ref() != Some(date));
        let date = date.or_else(|| {
            let (start, end) = (text("start_datetime")?, text("end_datetime"));
            Some(middle(&start, end.as_deref()).unwrap_or(start))
        });
        let mut platform = ["platform", "constellation"]
            .iter()
            .filter_map(|key| text(key))
            .collect::<Vec<_>>();
        if let Some(Value::Array(instruments)) = properties.get("instruments") {
            platform.extend(
                instruments
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned),
            );
        }
        Some(Self {
            bands: find_bands(item, properties, file_name, band_count),
            date,
            platform: platform.join(" "),
        })
    }
}

/// The band list of the asset that is this file, else any list of the right length.
fn find_bands(item: &Value, properties: &Value, file_name: &str, count: usize) -> Vec<StacBand> {
    let assets: Vec<&Value> = item
        .get("assets")
        .and_then(Value::as_object)
        .map(|all| all.values().collect())
        .unwrap_or_default();
    let is_this_file = |asset: &&&Value| {
        asset
            .get("href")
            .and_then(Value::as_str)
            .is_some_and(|href| href.rsplit('/').next() == Some(file_name))
    };
    let own = assets.iter().find(is_this_file).copied();
    own.into_iter()
        .chain([item, properties])
        .chain(assets.iter().copied())
        .filter_map(bands_of)
        .find(|bands| bands.len() == count && bands.iter().any(|band| band.center_um.is_some()))
        .unwrap_or_default()
}

/// `bands` with `eo:` fields, or the older `eo:bands`.
fn bands_of(object: &Value) -> Option<Vec<StacBand>> {
    let list = ["bands", "eo:bands"]
        .iter()
        .find_map(|key| object.get(key)?.as_array())?;
    let number =
        |band: &Value, keys: [&str; 2]| keys.iter().find_map(|key| band.get(key)?.as_f64());
    Some(
        list.iter()
            .map(|band| StacBand {
                center_um: number(band, ["eo:center_wavelength", "center_wavelength"]),
                fwhm_um: number(band, ["eo:full_width_half_max", "full_width_half_max"]),
            })
            .collect(),
    )
}

fn middle(start: &str, end: Option<&str>) -> Option<String> {
    let start: jiff::Timestamp = start.parse().ok()?;
    let end: jiff::Timestamp = end?.parse().ok()?;
    let seconds = i64::midpoint(start.as_second(), end.as_second());
    Some(jiff::Timestamp::from_second(seconds).ok()?.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, count: usize) -> Option<StacSidecar> {
        StacSidecar::from_item(
            &serde_json::from_str(text).expect("JSON"),
            "scene.tif",
            count,
        )
    }

    #[test]
    fn both_generations_of_band_lists_are_read() {
        let new = read(
            r#"{"stac_version":"1.1.0","properties":{"datetime":"2021-06-03T10:10:31Z","platform":"sentinel-2b"},
                "assets":{"x":{"href":"./a/scene.tif","bands":[{"eo:center_wavelength":0.665,"eo:full_width_half_max":0.031}]}}}"#,
            1,
        )
        .expect("an item");
        assert_eq!(
            new.bands,
            vec![StacBand {
                center_um: Some(0.665),
                fwhm_um: Some(0.031)
            }]
        );
        assert_eq!(
            (new.date.as_deref(), new.platform.as_str()),
            (Some("2021-06-03T10:10:31Z"), "sentinel-2b")
        );
        let old = read(
            r#"{"properties":{"eo:bands":[{"center_wavelength":0.49},{"name":"qa"}]}, "stac_version":"1.0.0"}"#,
            2,
        );
        assert_eq!(old.expect("an item").bands.len(), 2);
    }

    #[test]
    fn a_null_date_takes_the_middle() {
        let text = r#"{"stac_version":"1.0.0","properties":{"datetime":null,
            "start_datetime":"2021-01-01T00:00:00Z","end_datetime":"2021-01-03T00:00:00Z"}}"#;
        assert!(
            read(text, 1)
                .expect("an item")
                .date
                .expect("middle")
                .starts_with("2021-01-02")
        );
    }

    #[test]
    fn other_json_is_left_alone() {
        assert_eq!(read(r#"[{"id":1,"name":"water"}]"#, 1), None);
        assert_eq!(
            read(r#"{"type":"FeatureCollection","features":[]}"#, 1),
            None
        );
    }
}
