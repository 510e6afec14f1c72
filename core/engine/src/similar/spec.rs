//! What a similarity search is asked for: examples, threshold, places and files, and the same as a command line.
//! Plain data; knows nothing of how it is done.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use terroir_scene::{Combine, DEFAULT_THRESHOLD, Rings};

use crate::Failure;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SimilarSpec {
    pub field: PathBuf,
    /// The field the examples lie in; `None` = the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
    /// Example pixels, in the map coordinates of their field.
    #[serde(default)]
    pub at: Vec<(f64, f64)>,
    /// Example areas, likewise; each is the mean over its pixels.
    #[serde(default)]
    pub areas: Vec<Rings>,
    /// Polygons of this file, or of a layer of it (`file:layer`), are example areas too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub polygons: Option<String>,
    #[serde(default)]
    pub combine: Combine,
    /// Alike enough, -1 to 1.
    pub threshold: f32,
    /// Best places to find.
    #[serde(default)]
    pub places: usize,
    /// Places are at least this far from each other and from the examples, in pixels.
    pub apart_px: f64,
    /// Smaller patches do not become polygons, in pixels.
    #[serde(default)]
    pub least_px: u64,
    /// A `.tif` holds the likeness itself instead of a mask.
    #[serde(default)]
    pub values: bool,
    /// Only pixels inside these polygons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aoi: Option<terroir_scene::AreaSpec>,
    /// By their endings: `.tif` mask or likeness, `.gpkg` polygons and places, `.csv` places.
    pub out: Vec<PathBuf>,
}

impl Default for SimilarSpec {
    fn default() -> Self {
        Self {
            field: PathBuf::new(),
            from: None,
            at: Vec::new(),
            areas: Vec::new(),
            polygons: None,
            combine: Combine::Mean,
            threshold: DEFAULT_THRESHOLD,
            places: 0,
            apart_px: 50.0,
            least_px: 0,
            values: false,
            aoi: None,
            out: Vec::new(),
        }
    }
}

impl SimilarSpec {
    pub(crate) fn rasters(&self) -> Vec<&Path> {
        std::iter::once(self.field.as_path())
            .chain(self.from.as_deref())
            .collect()
    }

    /// Options of `terroir similar`.
    pub(crate) fn words(&self) -> Vec<(&'static str, Option<String>)> {
        let path = |path: &Path| Some(path.display().to_string());
        let mut words = vec![("--field", path(&self.field))];
        if let Some(from) = &self.from {
            words.push(("--from", path(from)));
        }
        for (x, y) in &self.at {
            words.push(("--at", Some(format!("{x},{y}"))));
        }
        for rings in &self.areas {
            words.push(("--area", Some(area_text(rings))));
        }
        if let Some(polygons) = &self.polygons {
            words.push(("--polygons", Some(polygons.clone())));
        }
        if self.combine == Combine::Max {
            words.push(("--max", None));
        }
        words.push(("--threshold", Some(self.threshold.to_string())));
        if self.places > 0 {
            words.push(("--places", Some(self.places.to_string())));
            words.push(("--apart", Some(self.apart_px.to_string())));
        }
        if self.least_px > 0 {
            words.push(("--least", Some(self.least_px.to_string())));
        }
        if self.values {
            words.push(("--values", None));
        }
        for (word, value) in self.aoi.iter().flat_map(|aoi| aoi.words()) {
            words.push((word, Some(value)));
        }
        for out in &self.out {
            words.push(("--out", path(out)));
        }
        words
    }

    pub(crate) fn bytes_a_pixel(&self) -> u64 {
        let is_raster = self
            .out
            .iter()
            .any(|out| Output::of(out) == Some(Output::Raster));
        match (is_raster, self.values) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => 4,
        }
    }

    /// Words about an output that cannot be, or a search without examples.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.at.is_empty() && self.areas.is_empty() && self.polygons.is_none() {
            return Err(Failure::new(
                "there is nothing to be similar to; give a place (--at) or polygons (--polygons)",
            ));
        }
        for out in &self.out {
            let Some(kind) = Output::of(out) else {
                return Err(Failure::new(format!(
                    "the result is written as .tif (map), .gpkg (polygons) or .csv (places); choose one of these endings\n{}",
                    out.display()
                )));
            };
            if kind == Output::Places && self.places == 0 {
                return Err(Failure::new(format!(
                    "a table holds places, and none are asked for; say how many (--places)\n{}",
                    out.display()
                )));
            }
            if self.rasters().contains(&out.as_path()) {
                return Err(Failure::new(format!(
                    "the result would overwrite the field; choose another name\n{}",
                    out.display()
                )));
            }
        }
        if self.out.is_empty() {
            return Err(Failure::new("no file to write was named (--out)"));
        }
        Ok(())
    }
}

/// `x y,x y;x y,...`: rings with semicolons between them.
fn area_text(rings: &Rings) -> String {
    let ring = |ring: &Vec<(f64, f64)>| {
        let corners: Vec<String> = ring.iter().map(|(x, y)| format!("{x} {y}")).collect();
        corners.join(",")
    };
    rings.iter().map(ring).collect::<Vec<_>>().join(";")
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Output {
    Raster,
    Polygons,
    Places,
}

impl Output {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let ending = path.extension()?.to_string_lossy().to_lowercase();
        match ending.as_str() {
            "tif" | "tiff" => Some(Self::Raster),
            "gpkg" => Some(Self::Polygons),
            "csv" => Some(Self::Places),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobSpec;

    #[test]
    fn a_search_is_a_command_line() {
        let spec = JobSpec::Similar(SimilarSpec {
            field: "f.tif".into(),
            at: vec![(500_005.0, -3.5)],
            areas: vec![vec![vec![(0.0, 0.0), (1.5, 0.0), (1.0, 2.0)]]],
            combine: Combine::Max,
            threshold: 0.85,
            places: 3,
            out: vec!["m.tif".into(), "p.gpkg".into()],
            ..SimilarSpec::default()
        });
        assert_eq!(
            crate::command_line(&spec),
            "terroir similar --field f.tif --at 500005,-3.5 --area '0 0,1.5 0,1 2' --max --threshold 0.85 \
             --places 3 --apart 50 --out m.tif --out p.gpkg"
        );
    }

    #[test]
    fn outputs_that_cannot_be_are_told_before_any_work() {
        let mut spec = SimilarSpec {
            field: "f.tif".into(),
            at: vec![(0.0, 0.0)],
            out: vec!["places.csv".into()],
            ..SimilarSpec::default()
        };
        let what = |spec: &SimilarSpec| spec.check().unwrap_err().what;
        assert!(what(&spec).contains("--places"));
        spec.out = vec!["map.png".into()];
        assert!(what(&spec).contains(".gpkg"));
        spec.out = vec!["f.tif".into()];
        assert!(what(&spec).contains("overwrite"));
        spec.out.clear();
        assert!(what(&spec).contains("--out"));
        spec.at.clear();
        assert!(what(&spec).contains("nothing to be similar to"));
    }
}
