//! The sizes of the encoder by name: what the user picks from.
//! Knows shapes only; holds no weights and says nothing about where to get them.

use burn::config::Config;

/// Names of the models this build can run, smallest first.
pub const CATALOGUE: [&str; 7] = [
    "dofa-tiny",
    "dofa-small",
    "dofa-v2-base",
    "dofa-base",
    "dofa-v2-large",
    "dofa-large",
    "dofa-huge",
];

/// Size of a DOFA encoder (specification section 1). The MLP is always four widths wide.
#[derive(Config, Debug, PartialEq, Eq)]
pub struct DofaConfig {
    /// Side of the square image the position table was made for, pixels.
    pub image: usize,
    /// Side of a patch, pixels.
    pub patch: usize,
    /// Embedding width D.
    pub width: usize,
    /// Number of transformer blocks.
    pub depth: usize,
    /// Attention heads of a block; divides the width.
    pub heads: usize,
    /// Version 2 of the encoder: learned scale on each residual branch, its own key names.
    pub layer_scale: bool,
}

impl DofaConfig {
    /// Our own size for processors without a GPU and for tests; nobody publishes weights for it.
    ///
    /// Patch 8 instead of 16: four times as many tokens per pixel matter more for a dense field than width does, and
    /// at width 192 and depth 4 a 112 x 112 window still costs about 0.9 GFLOP (a base window of 224 x 224 costs 36).
    /// The grid stays 14 x 14 and the head width 64, as in the published sizes.
    pub fn tiny() -> Self {
        Self {
            image: 112,
            patch: 8,
            width: 192,
            depth: 4,
            heads: 3,
            layer_scale: false,
        }
    }

    pub fn small() -> Self {
        Self {
            image: 224,
            patch: 16,
            width: 384,
            depth: 12,
            heads: 6,
            layer_scale: false,
        }
    }

    pub fn base() -> Self {
        Self {
            image: 224,
            patch: 16,
            width: 768,
            depth: 12,
            heads: 12,
            layer_scale: false,
        }
    }

    pub fn large() -> Self {
        Self {
            image: 224,
            patch: 16,
            width: 1024,
            depth: 24,
            heads: 16,
            layer_scale: false,
        }
    }

    /// The largest published size, of which no weights are published. Its heads are 80 wide and its patch is 14.
    pub fn huge() -> Self {
        Self {
            image: 224,
            patch: 14,
            width: 1280,
            depth: 32,
            heads: 16,
            layer_scale: false,
        }
    }

    /// Base size of version 2.
    pub fn base_v2() -> Self {
        Self {
            patch: 14,
            layer_scale: true,
            ..Self::base()
        }
    }

    /// Large size of version 2.
    pub fn large_v2() -> Self {
        Self {
            patch: 14,
            layer_scale: true,
            ..Self::large()
        }
    }

    /// The size of a name in [`CATALOGUE`].
    pub fn by_name(name: &str) -> Option<Self> {
        match name {
            "dofa-tiny" => Some(Self::tiny()),
            "dofa-small" => Some(Self::small()),
            "dofa-base" => Some(Self::base()),
            "dofa-large" => Some(Self::large()),
            "dofa-huge" => Some(Self::huge()),
            "dofa-v2-base" => Some(Self::base_v2()),
            "dofa-v2-large" => Some(Self::large_v2()),
            _ => None,
        }
    }

    /// The name in [`CATALOGUE`] of this very size.
    pub fn name(&self) -> Option<&'static str> {
        CATALOGUE
            .into_iter()
            .find(|name| Self::by_name(name).as_ref() == Some(self))
    }

    /// Token grid (rows, columns) of an image: floor((side + 2 - P) / P) + 1, from the padding of one pixel
    /// (specification 2.5). Zero where the image is smaller than a patch with its padding.
    pub fn grid(&self, height: usize, width: usize) -> (usize, usize) {
        let cells = |side: usize| {
            (side + 2)
                .checked_sub(self.patch)
                .map_or(0, |rest| rest / self.patch + 1)
        };
        (cells(height), cells(width))
    }

    /// Blocks, counted from 0, whose tokens a segmentation head takes (specification 6.1); quarters of the depth where
    /// nobody published a choice.
    pub fn taps(&self) -> [usize; 4] {
        match (self.depth, self.layer_scale) {
            (12, false) => [3, 5, 7, 11],
            (12, true) => [4, 6, 10, 11],
            (24, false) => [7, 11, 15, 23],
            (24, true) => [5, 11, 17, 23],
            (depth, _) => [1, 2, 3, 4].map(|quarter| (depth * quarter).div_ceil(4).max(1) - 1),
        }
    }

    /// Side of the square grid the position table was made for.
    pub fn table_side(&self) -> usize {
        self.grid(self.image, self.image).0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_size() {
        for name in CATALOGUE {
            let config = DofaConfig::by_name(name).unwrap();
            assert_eq!(config.width % config.heads, 0, "{name}");
            let head = if name == "dofa-huge" { 80 } else { 64 };
            assert_eq!(config.width / config.heads, head, "{name}");
            let side = if config.patch == 14 { 16 } else { 14 };
            assert_eq!(config.table_side(), side, "{name}");
            assert_eq!(config.name(), Some(name));
        }
        assert_eq!(DofaConfig::by_name("dofa-giant"), None);
        assert_eq!(DofaConfig::base_v2().table_side(), 16);
    }

    #[test]
    fn heads_tap_the_published_blocks() {
        assert_eq!(DofaConfig::base().taps(), [3, 5, 7, 11]);
        assert_eq!(DofaConfig::large_v2().taps(), [5, 11, 17, 23]);
        assert_eq!(DofaConfig::tiny().taps(), [0, 1, 2, 3]);
        let huge = DofaConfig {
            depth: 32,
            ..DofaConfig::base()
        };
        assert_eq!(huge.taps(), [7, 15, 23, 31]);
        let shallow = DofaConfig {
            depth: 1,
            ..DofaConfig::base()
        };
        assert_eq!(shallow.taps(), [0; 4]);
    }

    #[test]
    fn grid_counts_the_padding() {
        let base = DofaConfig::base();
        assert_eq!(base.grid(221, 222), (13, 14));
        assert_eq!(base.grid(237, 238), (14, 15));
        assert_eq!(base.grid(14, 13), (1, 0));
        let four = DofaConfig {
            image: 16,
            patch: 4,
            width: 32,
            depth: 2,
            heads: 4,
            layer_scale: false,
        };
        assert_eq!(four.grid(15, 19), (4, 5));
    }
}
