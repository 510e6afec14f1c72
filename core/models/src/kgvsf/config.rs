//! Sizes of a KG-VSF network and the table of its parameters (specification 4.3, 4.4). Allocates nothing but names.

use serde::{Deserialize, Serialize};

use crate::parameters::{Parameter, ParameterList, Start};

/// Sizes there are, from small to large.
pub const KGVSF_NAMES: [&str; 3] = ["kgvsf-tiny", "kgvsf-small", "kgvsf-base"];

/// Numbers that tell the day of the year: sine and cosine of four frequencies.
pub(super) const DAY_FEATURES: usize = 8;
/// Numbers that tell a gap in days.
pub(super) const GAP_FEATURES: usize = 2;

/// What weather does in the network (specification 4.5): the paper's rivals are the first two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WeatherUse {
    /// Nothing: its table is zero.
    None,
    /// It is fused with the images; a forecast is not told what comes.
    Context,
    /// It drives the forecast.
    #[default]
    Driver,
}

/// Size of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KgvsfConfig {
    /// Side of the images it is trained on; others work too, in multiples of the patch.
    pub image_px: usize,
    pub patch_px: usize,
    /// D
    pub width: usize,
    pub heads: usize,
    /// Hidden width of the MLPs.
    pub mlp: usize,
    /// Blocks over the tokens of an image.
    pub image_blocks: usize,
    /// Blocks over the images of a place.
    pub sequence_blocks: usize,
    pub decoder_blocks: usize,
    /// T: images looked at.
    pub images: usize,
    /// L: days of weather looked at.
    pub weather_days: usize,
    /// C
    pub bands: usize,
    /// V
    pub drivers: usize,
    #[serde(default)]
    pub weather: WeatherUse,
}

impl KgvsfConfig {
    /// A published size (specification 4.3) for so many bands and drivers.
    pub fn by_name(name: &str, bands: usize, drivers: usize) -> Option<Self> {
        let tiny = Self {
            image_px: 32,
            patch_px: 4,
            width: 64,
            heads: 4,
            mlp: 128,
            image_blocks: 2,
            sequence_blocks: 1,
            decoder_blocks: 1,
            images: 4,
            weather_days: 240,
            bands,
            drivers,
            weather: WeatherUse::Driver,
        };
        match name {
            "kgvsf-tiny" => Some(tiny),
            "kgvsf-small" => Some(Self {
                image_px: 64,
                width: 192,
                heads: 6,
                mlp: 768,
                image_blocks: 4,
                sequence_blocks: 2,
                images: 6,
                weather_days: 365,
                ..tiny
            }),
            "kgvsf-base" => Some(Self {
                image_px: 128,
                patch_px: 8,
                width: 384,
                heads: 6,
                mlp: 1536,
                image_blocks: 6,
                sequence_blocks: 2,
                decoder_blocks: 2,
                images: 6,
                weather_days: 365,
                ..tiny
            }),
            _ => None,
        }
    }

    /// The published size this is, whatever its bands, drivers and use of weather.
    pub fn name(&self) -> Option<&'static str> {
        KGVSF_NAMES.into_iter().find(|name| {
            Self::by_name(name, self.bands, self.drivers).is_some_and(|known| {
                Self {
                    weather: self.weather,
                    ..known
                } == *self
            })
        })
    }

    /// Why no network of this size can be made.
    pub fn complaint(&self) -> Option<String> {
        let sizes = [
            self.image_px,
            self.patch_px,
            self.width,
            self.heads,
            self.mlp,
            self.images,
            self.weather_days,
        ];
        /// Far beyond any machine, and far from what would overflow.
        const MOST: usize = 1 << 16;
        if sizes.iter().any(|size| *size == 0 || *size > MOST) {
            return Some("a size is zero or beyond any machine".to_owned());
        }
        if self
            .image_blocks
            .max(self.sequence_blocks)
            .max(self.decoder_blocks)
            > 256
        {
            return Some("more blocks than any network has".to_owned());
        }
        if !self.width.is_multiple_of(4) || !self.width.is_multiple_of(self.heads) {
            return Some(format!(
                "a width of {} cannot be split into {} heads, and into four for the positions",
                self.width, self.heads
            ));
        }
        if !self.image_px.is_multiple_of(self.patch_px) {
            return Some(format!(
                "images of {} pixels cannot be cut into patches of {}",
                self.image_px, self.patch_px
            ));
        }
        if self.bands == 0 || self.bands > 1000 || self.drivers == 0 || self.drivers > 1000 {
            return Some("no bands or no drivers, or more than there are".to_owned());
        }
        None
    }

    /// Numbers of a patch with its mask beside the bands.
    pub(super) fn patch_numbers(&self) -> usize {
        self.patch_px * self.patch_px * (self.bands + 1)
    }

    /// Every tensor of the network, named and shaped as a weights file has it; linear layers [out, in].
    pub fn parameters(&self) -> Vec<Parameter> {
        let d = self.width;
        let mut list = ParameterList(Vec::new());
        list.linear("embed", self.patch_numbers(), d);
        list.norm("embed_n", d);
        list.add("cloud".to_owned(), &[d], Start::Normal(0.02));
        list.add("mask_tok".to_owned(), &[d], Start::Normal(0.02));
        list.token_blocks("vit", self.image_blocks, d, self.mlp);
        list.norm("vit_n", d);
        let limit = Start::Uniform(1.0 / (d as f32).sqrt());
        list.add(
            "lstm.weight_ih_l0".to_owned(),
            &[4 * d, self.drivers],
            limit,
        );
        list.add("lstm.weight_hh_l0".to_owned(), &[4 * d, d], limit);
        list.add("lstm.bias_ih_l0".to_owned(), &[4 * d], limit);
        list.add("lstm.bias_hh_l0".to_owned(), &[4 * d], limit);
        list.norm("h_n", d);
        list.linear("doy", DAY_FEATURES, d);
        list.linear("delta", GAP_FEATURES, d);
        list.linear("w_in", d, d);
        list.norm("fuse_n", d);
        list.linear("fu1", d, 2 * d);
        list.linear("fu2", 2 * d, d);
        list.token_blocks("seq", self.sequence_blocks, d, self.mlp);
        list.norm("seq_n", d);
        list.linear("drive_h", 2 * d, d);
        list.linear("drive_a", 4 * self.drivers + 1, d);
        list.norm("cn", d);
        list.zero_linear("film", d, 2 * d);
        list.norm("fn", d);
        list.linear("f1", d, 2 * d);
        list.zero_linear("f2", 2 * d, d);
        list.token_blocks("dec", self.decoder_blocks, d, self.mlp);
        list.norm("dec_n", d);
        let pixels = self.patch_px * self.patch_px * self.bands;
        list.add("out.weight".to_owned(), &[pixels, d], Start::Normal(0.02));
        list.add("out.bias".to_owned(), &[pixels], Start::Constant(0.0));
        list.0
    }

    /// Number of floats.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(Parameter::len).sum()
    }
}

impl ParameterList {
    fn zero_linear(&mut self, name: &str, inputs: usize, outputs: usize) {
        self.add(
            format!("{name}.weight"),
            &[outputs, inputs],
            Start::Constant(0.0),
        );
        self.add(format!("{name}.bias"), &[outputs], Start::Constant(0.0));
    }

    fn token_blocks(&mut self, root: &str, count: usize, d: usize, mlp: usize) {
        for index in 0..count {
            let block = format!("{root}.{index}");
            self.norm(&format!("{block}.n1"), d);
            self.linear(&format!("{block}.qkv"), d, 3 * d);
            self.linear(&format!("{block}.proj"), d, d);
            self.norm(&format!("{block}.n2"), d);
            self.linear(&format!("{block}.f1"), d, mlp);
            self.linear(&format!("{block}.f2"), mlp, d);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_count_as_specified() {
        let counts = KGVSF_NAMES.map(|name| {
            let config = KgvsfConfig::by_name(name, 6, 5).unwrap();
            assert_eq!(config.complaint(), None);
            assert_eq!(config.name(), Some(name));
            config.parameter_count()
        });
        assert_eq!(counts, [222_752, 3_798_240, 20_606_208]);
        assert_eq!(KgvsfConfig::by_name("kgvsf-giant", 6, 5), None);
    }

    #[test]
    fn impossible_sizes_are_complained_about() {
        let tiny = KgvsfConfig::by_name("kgvsf-tiny", 6, 5).unwrap();
        let complaint = |change: fn(&mut KgvsfConfig)| {
            let mut config = tiny.clone();
            change(&mut config);
            config.complaint().unwrap()
        };
        assert!(complaint(|config| config.heads = 3).contains("3 heads"));
        assert!(complaint(|config| config.patch_px = 5).contains("patches of 5"));
        assert!(complaint(|config| config.bands = 0).contains("no bands"));
        assert!(complaint(|config| config.images = 0).contains("zero"));
    }
}
