//! Radar scenes: which bands are polarisations, whether their numbers are linear or already decibels, and their picture.
//! Knows bands and statistics. Reads pixels only through them.

use crate::{
    BandInfo, BandStatistics, Channel, Look, Raster, SceneResult, Stretch, Style, Third,
    channel_statistics_blocking,
};

/// Backscatter is rarely brighter; decibels are mostly negative and digital numbers far above.
const LINEAR_MEDIAN_BELOW: f64 = 1.5;

/// `VV`, `VH`, `HH` or `HV` where the band's name says so.
pub fn polarisation(band: &BandInfo) -> Option<&'static str> {
    polarisation_in(&band.name)
}

/// The same of a name alone.
pub(crate) fn polarisation_in(name: &str) -> Option<&'static str> {
    name.split(|letter: char| !letter.is_ascii_alphanumeric())
        .find_map(|word| {
            ["VV", "VH", "HH", "HV"]
                .into_iter()
                .find(|known| known.eq_ignore_ascii_case(word))
        })
}

/// The first co- and the first cross-polarised band, from 0.
pub fn radar_pair(bands: &[BandInfo]) -> Option<[usize; 2]> {
    let first = |wanted: &str| {
        bands
            .iter()
            .find(|band| polarisation(band) == Some(wanted))
            .map(|band| band.index)
    };
    [("VV", "VH"), ("HH", "HV")]
        .into_iter()
        .find_map(|(co, cross)| Some([first(co)?, first(cross)?]))
}

/// Every band is a polarisation.
pub fn is_radar(bands: &[BandInfo]) -> bool {
    let mut drawable = bands
        .iter()
        .filter(|band| band.color_interpretation != "alpha")
        .peekable();
    drawable.peek().is_some() && drawable.all(|band| polarisation(band).is_some())
}

impl BandStatistics {
    /// Backscatter as a power ratio, which is shown in decibels: nothing below zero and half the pixels below 1.5.
    pub fn is_linear_backscatter(&self) -> bool {
        self.count > 0 && self.min >= 0.0 && self.percentile(50) < LINEAR_MEDIAN_BELOW
    }
}

/// Two polarisations and their ratio as red, green and blue, in decibels, each channel 2-98 %.
///
/// # Errors
/// Bands that do not exist or cannot be read.
pub fn radar_style_blocking(raster: &Raster, pair: [usize; 2]) -> SceneResult<Style> {
    let first = channel_statistics_blocking(raster, &Channel::band(pair[0]), None)?;
    let is_linear = first.is_linear_backscatter();
    let mut style = radar_style(pair, is_linear);
    let channels = style.channels();
    for (channel, stretch) in channels.iter().zip(style.stretches_mut()) {
        *stretch = channel_statistics_blocking(raster, channel, None)?.stretch();
    }
    Ok(style)
}

/// The same with limits still to be found.
pub fn radar_style(pair: [usize; 2], is_linear: bool) -> Style {
    Style::Rgb {
        bands: [pair[0], pair[1], pair[0]],
        stretch: [Stretch {
            low: 0.0,
            high: 1.0,
            gamma: 1.0,
        }; 3],
        look: Look {
            decibel: is_linear,
            third: if is_linear {
                Third::Ratio
            } else {
                Third::Difference
            },
            ..Look::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_raster::{Made, open};

    #[test]
    fn linear_backscatter_is_shown_in_decibels() {
        let folder = tempfile::tempdir().unwrap();
        let vv: Vec<f32> = (0..4096).map(|i| 0.01 + (i % 97) as f32 * 0.004).collect();
        let vh: Vec<f32> = vv.iter().map(|value| value * 0.1).collect();
        let path = Made::new((64, 64), vec![vv, vh]).write(folder.path(), "s1.tif");
        let raster = open(&path);
        let style = radar_style_blocking(&raster, [0, 1]).unwrap();
        let Style::Rgb { stretch, look, .. } = &style else {
            panic!("{style:?}");
        };
        assert_eq!((look.decibel, look.third), (true, Third::Ratio));
        // 10 log10 of 0.01 and of 0.394; the ratio is 10 everywhere, 10 dB.
        assert!(stretch[0].low >= -20.01 && stretch[0].high <= -4.0);
        assert!((stretch[2].low - 9.0).abs() < 1e-3 && (stretch[2].high - 11.0).abs() < 1e-3);
        assert_eq!(crate::style_bands(&style), [0, 1]);
    }

    #[test]
    fn decibels_stay_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let vv: Vec<f32> = (0..4096).map(|i| -25.0 + (i % 20) as f32).collect();
        let vh: Vec<f32> = vv.iter().map(|value| value - 7.0).collect();
        let path = Made::new((64, 64), vec![vv, vh]).write(folder.path(), "s1.tif");
        let style = radar_style_blocking(&open(&path), [0, 1]).unwrap();
        let Style::Rgb { stretch, look, .. } = &style else {
            panic!("{style:?}");
        };
        assert_eq!((look.decibel, look.third), (false, Third::Difference));
        assert!((stretch[2].low - 6.0).abs() < 1e-3 && (stretch[2].high - 8.0).abs() < 1e-3);
    }
}
