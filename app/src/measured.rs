//! Values as a band measures them, of the numbers its file stores: what limits, classes and legends of a channel are told in.
//! Knows bands and styles. Draws nothing.

use terroir_scene::{ChannelSource, RasterInfo, Style};

/// How the numbers of a channel become what it measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measured {
    scale: f64,
    offset: f64,
}

impl Measured {
    /// Numbers that are told as they are.
    pub const AS_STORED: Self = Self {
        scale: 1.0,
        offset: 0.0,
    };

    /// Of a channel of a style. What is worked out of bands, and decibels, are no stored numbers.
    pub fn of(info: Option<&RasterInfo>, style: &Style, channel: usize) -> Self {
        let band = match style.channels().get(channel) {
            Some(channel) if !channel.decibel => match channel.source {
                ChannelSource::Band(band) => info.and_then(|info| info.bands.get(band)),
                ChannelSource::Derived(_) => None,
            },
            _ => None,
        };
        match band {
            Some(band)
                if band.scale != 0.0 && band.scale.is_finite() && band.offset.is_finite() =>
            {
                Self {
                    scale: band.scale,
                    offset: band.offset,
                }
            }
            _ => Self::AS_STORED,
        }
    }

    pub fn is_as_stored(self) -> bool {
        self == Self::AS_STORED
    }

    pub fn value(self, stored: f32) -> f64 {
        f64::from(stored) * self.scale + self.offset
    }

    pub fn stored(self, value: f64) -> f32 {
        ((value - self.offset) / self.scale) as f32
    }

    /// A difference of stored numbers.
    pub fn span(self, stored: f64) -> f64 {
        stored * self.scale.abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_go_there_and_back() {
        let reflectance = Measured {
            scale: 2.75e-5,
            offset: -0.2,
        };
        for stored in [0.0_f32, 7273.0, 65535.0] {
            assert_eq!(reflectance.stored(reflectance.value(stored)), stored);
        }
        assert!((reflectance.span(10_000.0) - 0.275).abs() < 1e-12);
        assert!(Measured::AS_STORED.is_as_stored() && !reflectance.is_as_stored());
    }
}
