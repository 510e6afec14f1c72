//! Bands by wavelength: where a wavelength came from, nearest-band choice and the named band combinations.
//! Knows bands as described values. Reads no files.

use serde::{Deserialize, Serialize};

use crate::{BandInfo, SceneError, SceneResult, Third, polarisation, radar_pair};

/// Nanometres; the only unit kept in memory. Constructors convert and refuse nonsense.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
pub struct Wavelength(pub f64);

impl Wavelength {
    /// From far ultraviolet to decimetre radar; anything else is a slip of unit.
    const RANGE_NM: std::ops::RangeInclusive<f64> = 10.0..=1e9;

    /// `None` unless finite, positive and a wavelength some sensor could have.
    pub fn from_nm(nm: f64) -> Option<Self> {
        Self::RANGE_NM.contains(&nm).then_some(Self(nm))
    }
    pub fn nm(self) -> f64 {
        self.0
    }
    pub fn um(self) -> f64 {
        self.0 / 1000.0
    }
    /// `665`, `665nm`, `665 nm`, `0.665um`, `0.665 µm`; a bare number above 100 is nm, else µm.
    pub fn parse(text: &str) -> SceneResult<Self> {
        let text = text.trim();
        let refuse = || {
            SceneError::input(format!(
                "`{text}` is not a wavelength; write for example 665nm or 0.665um"
            ))
        };
        let split = text
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '+' | '-')))
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(split);
        let value: f64 = number
            .trim()
            .replace(',', ".")
            .parse()
            .map_err(|_| refuse())?;
        let nm = match unit.trim() {
            "" if value > 100.0 => value,
            "" => value * 1000.0,
            unit => value * WavelengthUnit::parse(unit).ok_or_else(refuse)?.in_nm(),
        };
        Self::from_nm(nm).ok_or_else(refuse)
    }
}

/// Units of length that files give wavelengths in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WavelengthUnit {
    Nanometers,
    Micrometers,
    Millimeters,
}

impl WavelengthUnit {
    /// Case-insensitive; `None` for anything else, such as `Unknown`, `Index` or `decimal year`.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_lowercase().as_str() {
            "nm" | "nanometer" | "nanometers" | "nanometre" | "nanometres" => {
                Some(Self::Nanometers)
            }
            // Both the micro sign and the Greek letter are in use.
            "um" | "\u{b5}m" | "\u{3bc}m" | "micrometer" | "micrometers" | "micrometre"
            | "micrometres" | "micron" | "microns" => Some(Self::Micrometers),
            "mm" | "millimeter" | "millimeters" | "millimetre" | "millimetres" => {
                Some(Self::Millimeters)
            }
            _ => None,
        }
    }

    /// For values without a unit: nm when even the smallest is above 100, else µm.
    pub fn guess(smallest: f64) -> Self {
        if smallest > 100.0 {
            Self::Nanometers
        } else {
            Self::Micrometers
        }
    }

    /// One of this unit, in nanometres.
    pub fn in_nm(self) -> f64 {
        match self {
            Self::Nanometers => 1.0,
            Self::Micrometers => 1e3,
            Self::Millimeters => 1e6,
        }
    }
}

/// Where a wavelength was found, in the read order (first wins).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WavelengthSource {
    Edited,
    StacSidecar,
    ImageryDomain,
    BandMetadata,
    EnviHeader,
    ProductXml,
    BandName,
    SensorTable,
    ColorInterpretation,
    /// A proposal from the file name or the number of bands; to be confirmed by the user.
    Guess,
}

impl WavelengthSource {
    /// e.g. "band metadata", shown in the Bands panel.
    pub fn label(self) -> &'static str {
        match self {
            Self::Edited => "edited",
            Self::StacSidecar => "STAC file beside it",
            Self::ImageryDomain => "IMAGERY metadata",
            Self::BandMetadata => "band metadata",
            Self::EnviHeader => "ENVI header",
            Self::ProductXml => "product metadata",
            Self::BandName => "band name",
            Self::SensorTable => "sensor table",
            Self::ColorInterpretation => "colour interpretation",
            Self::Guess => "guess, please confirm",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BandWavelength {
    pub center: Wavelength,
    /// Full width at half maximum, nm.
    pub fwhm_nm: Option<f64>,
    pub source: WavelengthSource,
}

/// Index (from 0) of the usable band whose centre is nearest to `target`; `None` if no band has a wavelength.
/// The first of equally near bands wins.
pub fn nearest_band(bands: &[BandInfo], target: Wavelength) -> Option<usize> {
    nearest(bands, target.nm(), |_| true)
}

fn nearest(bands: &[BandInfo], target_nm: f64, accept: impl Fn(f64) -> bool) -> Option<usize> {
    let usable = bands.iter().filter(|band| !band.is_bad);
    let mut best: Option<(f64, usize)> = None;
    for (band, center) in
        usable.filter_map(|band| band.wavelength.map(|w| (band.index, w.center.nm())))
    {
        let distance = (center - target_nm).abs();
        if accept(center) && best.is_none_or(|(nearest, _)| distance < nearest) {
            best = Some((distance, band));
        }
    }
    best.map(|(_, band)| band)
}

/// A named R,G,B choice, offered only when every pick fits.
#[derive(Clone, Debug, PartialEq)]
pub struct BandPreset {
    pub name: &'static str,
    /// Band indices from 0.
    pub bands: [usize; 3],
    /// What the third channel shows; the third band counts only where it is one.
    pub third: Third,
}

/// A spectral target: centre and width, and the wider range of the same name in the STAC electro-optical extension.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpectralTarget {
    /// As people say it: `red`, `near infrared`.
    pub name: &'static str,
    pub center_nm: f64,
    pub width_nm: f64,
    range_nm: (f64, f64),
}

impl SpectralTarget {
    const fn new(name: &'static str, center_nm: f64, width_nm: f64, range_nm: (f64, f64)) -> Self {
        Self {
            name,
            center_nm,
            width_nm,
            range_nm,
        }
    }

    /// The target a formula calls by one word: the STAC common names and the usual short ones.
    pub fn named(word: &str) -> Option<Self> {
        Some(match word.to_lowercase().as_str() {
            "coastal" => COASTAL,
            "blue" => BLUE,
            "green" => GREEN,
            "red" => RED,
            "rededge" | "re1" | "rededge071" => RED_EDGE_1,
            "re2" | "rededge075" => RED_EDGE_2,
            "re3" | "rededge078" => RED_EDGE_3,
            "nir" => NIR,
            "nir08" => NIR_NARROW,
            "swir16" | "swir1" => SWIR1,
            "swir22" | "swir2" => SWIR2,
            _ => return None,
        })
    }

    /// The nearest band within half the width; else the nearest one within the wider range.
    pub fn pick(&self, bands: &[BandInfo]) -> Option<usize> {
        nearest(bands, self.center_nm, |nm| {
            (nm - self.center_nm).abs() <= self.width_nm / 2.0
        })
        .or_else(|| {
            nearest(bands, self.center_nm, |nm| {
                (self.range_nm.0..=self.range_nm.1).contains(&nm)
            })
        })
    }
}

const COASTAL: SpectralTarget = SpectralTarget::new("coastal blue", 443.0, 21.0, (400.0, 450.0));
const BLUE: SpectralTarget = SpectralTarget::new("blue", 492.0, 66.0, (450.0, 530.0));
const GREEN: SpectralTarget = SpectralTarget::new("green", 560.0, 36.0, (510.0, 600.0));
const RED: SpectralTarget = SpectralTarget::new("red", 665.0, 31.0, (620.0, 690.0));
const RED_EDGE_1: SpectralTarget = SpectralTarget::new("red edge", 704.0, 15.0, (690.0, 730.0));
const RED_EDGE_2: SpectralTarget =
    SpectralTarget::new("second red edge", 741.0, 15.0, (730.0, 765.0));
const RED_EDGE_3: SpectralTarget =
    SpectralTarget::new("third red edge", 783.0, 20.0, (765.0, 800.0));
const NIR: SpectralTarget = SpectralTarget::new("near infrared", 833.0, 106.0, (760.0, 1000.0));
const NIR_NARROW: SpectralTarget =
    SpectralTarget::new("narrow near infrared", 865.0, 21.0, (760.0, 1000.0));
const SWIR1: SpectralTarget =
    SpectralTarget::new("short-wave infrared", 1614.0, 91.0, (1550.0, 1750.0));
const SWIR2: SpectralTarget = SpectralTarget::new(
    "second short-wave infrared",
    2202.0,
    175.0,
    (2080.0, 2350.0),
);

const PRESETS: [(&str, [SpectralTarget; 3]); 8] = [
    ("Natural colour", [RED, GREEN, BLUE]),
    ("Colour infrared", [NIR, RED, GREEN]),
    ("Short-wave infrared", [SWIR2, NIR_NARROW, RED]),
    ("Agriculture", [SWIR1, NIR, BLUE]),
    ("Healthy vegetation", [NIR, SWIR1, BLUE]),
    ("Urban", [SWIR2, SWIR1, RED]),
    ("Soil / atmosphere", [SWIR2, SWIR1, NIR_NARROW]),
    ("Geology", [SWIR2, SWIR1, BLUE]),
];

/// The combinations these bands allow. Radar scenes get their two polarisations and the ratio of them.
pub fn band_presets(bands: &[BandInfo]) -> Vec<BandPreset> {
    let mut presets: Vec<BandPreset> = PRESETS
        .iter()
        .filter_map(|(name, targets)| {
            let [r, g, b] = targets.map(|target| target.pick(bands));
            let picks = [r?, g?, b?];
            are_distinct(picks).then_some(BandPreset {
                name,
                bands: picks,
                third: Third::Band,
            })
        })
        .collect();
    if let Some([co, cross]) = radar_pair(bands) {
        presets.push(BandPreset {
            name: if bands.get(co).and_then(polarisation) == Some("VV") {
                "SAR (VV, VH, VV/VH)"
            } else {
                "SAR (HH, HV, HH/HV)"
            },
            bands: [co, cross, co],
            third: Third::Ratio,
        });
    }
    presets
}

fn are_distinct([r, g, b]: [usize; 3]) -> bool {
    r != g && g != b && r != b
}

/// R,G,B to show first: nearest 665/560/490 nm, else colour interpretation, else the first three (one band: thrice).
/// A wavelength counts only if it is near its target and the three picks differ.
pub fn default_rgb(bands: &[BandInfo]) -> [usize; 3] {
    const NEAR_NM: f64 = 60.0;
    let by_wavelength =
        [665.0, 560.0, 490.0].map(|nm| nearest(bands, nm, |center| (center - nm).abs() <= NEAR_NM));
    if let [Some(r), Some(g), Some(b)] = by_wavelength
        && are_distinct([r, g, b])
    {
        return [r, g, b];
    }
    let colored = |wanted: &str| {
        bands
            .iter()
            .find(|band| band.color_interpretation == wanted)
            .map(|band| band.index)
    };
    if let (Some(r), Some(g), Some(b)) = (colored("red"), colored("green"), colored("blue")) {
        return [r, g, b];
    }
    // Alpha is transparency, not a colour to show.
    let mut drawable = bands
        .iter()
        .filter(|band| band.color_interpretation != "alpha" && !band.is_bad)
        .map(|band| band.index);
    match (drawable.next(), drawable.next(), drawable.next()) {
        (Some(r), Some(g), Some(b)) => [r, g, b],
        (Some(only), _, _) => [only; 3],
        _ => [0; 3],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SampleType;

    fn band(index: usize, nm: Option<f64>) -> BandInfo {
        BandInfo {
            index,
            name: format!("Band {}", index + 1),
            sample_type: SampleType::UInt16,
            nodata: None,
            scale: 1.0,
            offset: 0.0,
            unit: String::new(),
            color_interpretation: "undefined".into(),
            palette: Vec::new(),
            block_size: (256, 256),
            overviews: Vec::new(),
            wavelength: nm.map(|nm| BandWavelength {
                center: Wavelength(nm),
                fwhm_nm: None,
                source: WavelengthSource::BandMetadata,
            }),
            is_bad: false,
            metadata: Vec::new(),
        }
    }

    fn bands(centers: &[f64]) -> Vec<BandInfo> {
        centers
            .iter()
            .enumerate()
            .map(|(index, nm)| band(index, Some(*nm)))
            .collect()
    }

    #[test]
    fn wavelengths_parse_in_both_units() {
        for text in [
            "665",
            "665nm",
            "665 nm",
            "0.665um",
            "0.665 \u{b5}m",
            "0.665 \u{3bc}m",
            "0.665",
            "665 Nanometers",
        ] {
            let nm = Wavelength::parse(text).expect(text).nm();
            assert!((nm - 665.0).abs() < 1e-9, "{text}: {nm}");
        }
        for text in [
            "",
            "nm",
            "-665nm",
            "0",
            "665 m",
            "2020.5 decimal year",
            "1e400nm",
            "red",
            "NaN",
        ] {
            assert!(Wavelength::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_nearest_usable_band_is_picked() {
        let mut all = bands(&[490.0, 560.0, 664.0, 667.0]);
        assert_eq!(nearest_band(&all, Wavelength(665.0)), Some(2));
        all[2].is_bad = true;
        assert_eq!(nearest_band(&all, Wavelength(665.0)), Some(3));
        assert_eq!(nearest_band(&[band(0, None)], Wavelength(665.0)), None);
    }

    #[test]
    fn presets_fit_exactly_or_by_the_wider_range() {
        let s2 = bands(&[492.4, 559.8, 664.6, 832.8, 864.7, 1613.7, 2202.4]);
        let of = |all: &[BandInfo], name: &str| {
            band_presets(all)
                .iter()
                .find(|preset| preset.name == name)
                .map(|preset| preset.bands)
        };
        assert_eq!(of(&s2, "Natural colour"), Some([2, 1, 0]));
        assert_eq!(of(&s2, "Colour infrared"), Some([3, 2, 1]));
        assert_eq!(of(&s2, "Soil / atmosphere"), Some([6, 5, 4]));
        assert_eq!(band_presets(&s2).len(), 8);
        // Landsat 7: its blue, near and short-wave bands lie outside the narrow targets.
        let l7 = bands(&[483.0, 565.0, 660.0, 825.0, 1650.0, 2220.0]);
        assert_eq!(band_presets(&l7).len(), 8);
        // Aerial: no short-wave infrared, no such presets.
        let names: Vec<_> = band_presets(&bands(&[650.0, 560.0, 480.0, 842.0]))
            .iter()
            .map(|p| p.name)
            .collect();
        assert_eq!(names, vec!["Natural colour", "Colour infrared"]);
        assert!(band_presets(&bands(&[10_895.0, 12_005.0])).is_empty());
    }

    #[test]
    fn the_first_picture_shows_what_the_bands_are() {
        assert_eq!(
            default_rgb(&bands(&[490.0, 560.0, 665.0, 842.0])),
            [2, 1, 0]
        );
        // Near infrared, red, green: no blue, so they are shown as they come.
        assert_eq!(default_rgb(&bands(&[842.0, 665.0, 560.0])), [0, 1, 2]);
        assert_eq!(default_rgb(&bands(&[443.0, 945.0, 1375.0])), [0, 1, 2]);
        assert_eq!(default_rgb(&[band(0, None)]), [0; 3]);
        assert_eq!(default_rgb(&[]), [0; 3]);
        let mut colored = vec![band(0, None), band(1, None), band(2, None), band(3, None)];
        for (band, color) in colored.iter_mut().zip(["alpha", "blue", "green", "red"]) {
            band.color_interpretation = color.into();
        }
        assert_eq!(default_rgb(&colored), [3, 2, 1]);
    }

    #[test]
    fn radar_has_its_own_preset() {
        let mut all = bands(&[55.5e6, 55.5e6]);
        all[0].name = "VV".into();
        all[1].name = "VH".into();
        assert_eq!(band_presets(&all).first().map(|p| p.bands), Some([0, 1, 0]));
    }
}
