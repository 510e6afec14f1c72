//! Colour bases of fields as values and files: what principal components are drawn with, shared by several layers, saved
//! with the project and beside it. How one is fitted stands in `pca.rs`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::beside::write_beside;
use crate::{FIELD_AXES, SceneError, SceneResult};

/// What the files are told apart by.
const SCHEMA: u32 = 1;
const KIND: &str = "terroir field colours";
/// Larger files hold something else.
const LARGEST_FILE: u64 = 4 << 20;

/// A colour basis: projection is `components[k] . (u - mean)`, stretched to `low..high` or one of the other limits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PcaBasis {
    pub mean: Vec<f32>,
    /// Each of length 64, descending variance, entry of largest magnitude positive.
    pub components: Vec<Vec<f32>>,
    /// Share of variance of each component.
    pub shares: Vec<f32>,
    /// 2nd and 98th percentile of each projected component.
    pub low: Vec<f32>,
    pub high: Vec<f32>,
    /// Standard deviation of each projected component; bases of older projects have none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deviations: Vec<f32>,
    /// Smallest and largest projection among the pixels the percentiles are of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub least: Vec<f32>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub greatest: Vec<f32>,
    /// Pixels it was fitted on; 0 = not known.
    #[serde(default)]
    pub pixels: u64,
    /// All pixels of the sources, not a part of them.
    #[serde(default)]
    pub is_whole: bool,
    /// Fields it was fitted on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<PathBuf>,
}

/// Which limits a projected component is stretched to (specification of fields, section 3.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PcaStretch {
    /// 2nd to 98th percentile.
    #[default]
    Percentile,
    /// Mean ± 2 standard deviations.
    Deviation,
    /// Smallest to largest.
    Range,
}

impl PcaStretch {
    pub const ALL: [Self; 3] = [Self::Percentile, Self::Deviation, Self::Range];

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Percentile => "2 to 98 %",
            Self::Deviation => "mean ± 2 SD",
            Self::Range => "min to max",
        }
    }
}

impl PcaBasis {
    /// Projection of a vector on component `k`, before the stretch; 0 for a component the basis lacks.
    pub fn project(&self, vector: &[f32], k: usize) -> f32 {
        self.components.get(k).map_or(0.0, |component| {
            component
                .iter()
                .zip(vector)
                .zip(&self.mean)
                .map(|((c, v), m)| c * (v - m))
                .sum()
        })
    }

    /// Limits of component `k`; the percentiles where a basis knows no others.
    pub fn limits(&self, k: usize, stretch: PcaStretch) -> (f32, f32) {
        let percentiles = (
            self.low.get(k).copied().unwrap_or(0.0),
            self.high.get(k).copied().unwrap_or(1.0),
        );
        match stretch {
            PcaStretch::Percentile => percentiles,
            // Projections have mean 0.
            PcaStretch::Deviation => self
                .deviations
                .get(k)
                .map_or(percentiles, |sd| (-2.0 * sd, 2.0 * sd)),
            PcaStretch::Range => self
                .least
                .get(k)
                .copied()
                .zip(self.greatest.get(k).copied())
                .unwrap_or(percentiles),
        }
    }

    /// Whether it knows more limits than the percentiles.
    pub fn has_all_limits(&self) -> bool {
        let count = self.components.len();
        [&self.deviations, &self.least, &self.greatest]
            .iter()
            .all(|limits| limits.len() == count)
    }

    /// `3 fields, all 27,333 pixels` without the grouping.
    pub fn about(&self) -> String {
        let fields = match self.sources.len() {
            0 => "its field".to_owned(),
            1 => "1 field".to_owned(),
            count => format!("{count} fields"),
        };
        match (self.pixels, self.is_whole) {
            (0, _) => format!("Fitted on {fields}."),
            (pixels, true) => format!("Fitted on {fields}, all {pixels} pixels."),
            (pixels, false) => format!("Fitted on {fields}, a sample of {pixels} pixels."),
        }
    }

    /// Writes the basis as JSON, beside and renamed.
    ///
    /// # Errors
    /// What stops the writing; the old file stays as it was.
    pub fn save(&self, path: &Path) -> SceneResult<()> {
        let file = BasisFile {
            kind: KIND.to_owned(),
            schema: SCHEMA,
            program: format!("Terroir {}", env!("CARGO_PKG_VERSION")),
            basis: self.clone(),
        };
        let text = serde_json::to_string_pretty(&file)
            .map_err(|error| SceneError::write(path, error.to_string()))?;
        write_beside(path, (text + "\n").as_bytes())
    }

    /// Reads and checks what [`PcaBasis::save`] wrote.
    ///
    /// # Errors
    /// No such file, another kind of file, or numbers that cannot be.
    pub fn load(path: &Path) -> SceneResult<Self> {
        let wrong = |what: &str| {
            SceneError::file(
                path,
                format!(
                    "{what}; colours of fields are written by `terroir pca` or the Field panel"
                ),
            )
        };
        let size = std::fs::metadata(path)
            .map_err(|error| wrong("the file cannot be read").with_details(error))?
            .len();
        if size > LARGEST_FILE {
            return Err(wrong("this file is too large for a basis of colours"));
        }
        let text = std::fs::read_to_string(path)
            .map_err(|error| wrong("the file cannot be read").with_details(error))?;
        let file: BasisFile = serde_json::from_str(&text)
            .map_err(|error| wrong("this file is no basis of colours").with_details(error))?;
        if file.kind != KIND {
            return Err(wrong("this file is no basis of colours"));
        }
        if file.schema > SCHEMA {
            return Err(wrong("this file is from a newer Terroir"));
        }
        file.basis.check().map_err(wrong)?;
        Ok(file.basis)
    }

    fn check(&self) -> Result<(), &'static str> {
        let count = self.components.len();
        let fits = |values: &[f32], length: usize| {
            values.len() == length && values.iter().all(|value| value.is_finite())
        };
        let is_whole = fits(&self.mean, FIELD_AXES)
            && (1..=FIELD_AXES).contains(&count)
            && self.components.iter().all(|row| fits(row, FIELD_AXES))
            && [&self.shares, &self.low, &self.high]
                .iter()
                .all(|values| fits(values, count))
            && [&self.deviations, &self.least, &self.greatest]
                .iter()
                .all(|values| values.is_empty() || fits(values, count));
        if is_whole {
            Ok(())
        } else {
            Err("the basis in this file lacks numbers or holds wrong ones")
        }
    }
}

#[derive(Serialize, Deserialize)]
struct BasisFile {
    kind: String,
    schema: u32,
    #[serde(default)]
    program: String,
    #[serde(flatten)]
    basis: PcaBasis,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basis() -> PcaBasis {
        PcaBasis {
            mean: vec![0.125; FIELD_AXES],
            components: vec![vec![0.25; FIELD_AXES]; 2],
            shares: vec![0.6, 0.1],
            low: vec![-0.3, -0.2],
            high: vec![0.4, 0.2],
            deviations: vec![0.2, 0.1],
            least: vec![-0.9, -0.8],
            greatest: vec![0.7, 0.6],
            pixels: 1000,
            is_whole: true,
            sources: vec!["a.tif".into(), "b.tif".into()],
        }
    }

    #[test]
    fn a_basis_is_read_back_and_damaged_ones_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("colours.json");
        basis().save(&path).unwrap();
        assert_eq!(PcaBasis::load(&path).unwrap(), basis());
        let text = std::fs::read_to_string(&path).unwrap();
        for (from, to, words) in [
            ("terroir field colours", "something", "no basis of colours"),
            ("\"schema\": 1", "\"schema\": 9", "newer Terroir"),
            ("0.6,", "", "lacks numbers"),
            ("{", "", "no basis of colours"),
        ] {
            std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
            let error = PcaBasis::load(&path).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
        assert!(PcaBasis::load(&folder.path().join("none.json")).is_err());
    }

    #[test]
    fn every_stretch_has_its_limits_and_old_bases_their_percentiles() {
        let mut basis = basis();
        assert_eq!(basis.limits(1, PcaStretch::Percentile), (-0.2, 0.2));
        assert_eq!(basis.limits(1, PcaStretch::Deviation), (-0.2, 0.2));
        assert_eq!(basis.limits(0, PcaStretch::Deviation), (-0.4, 0.4));
        assert_eq!(basis.limits(0, PcaStretch::Range), (-0.9, 0.7));
        assert!(basis.has_all_limits());
        (basis.deviations, basis.least) = (Vec::new(), Vec::new());
        assert_eq!(basis.limits(0, PcaStretch::Range), (-0.3, 0.4));
        assert_eq!(basis.limits(0, PcaStretch::Deviation), (-0.3, 0.4));
        assert!(!basis.has_all_limits());
    }
}
