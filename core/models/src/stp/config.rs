//! Sizes of the STP encoder by name, and every tensor it has by name, shape and start value.
//! Knows shapes only; holds no weights.

use serde::{Deserialize, Serialize};

use crate::parameters::{Parameter, ParameterList, Start};

/// Names of the sizes, smallest first.
pub const STP_NAMES: [&str; 4] = ["stp-tiny", "stp-small", "stp-base", "stp-paper"];

/// Axes of an embedding.
pub const EMBEDDING: usize = 64;

/// Hidden channels of the precision path, in widths.
const PRECISION_EXPANSION: usize = 2;
const MLP_RATIO: usize = 4;

/// A sensor the encoder takes frames of. Names are the keys of the weights file: lower-case letters, digits, `-` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StpSource {
    pub name: String,
    pub bands: usize,
}

/// A sensor or map a decoder draws.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StpTarget {
    pub name: String,
    /// Bands, or classes.
    pub outputs: usize,
    /// Numbers of sensor metadata the decoder is told.
    pub meta: usize,
}

/// Size of an STP network (specification section 5.7).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StpConfig {
    /// Widths of the precision, time and space paths, D_P, D_T, D_S.
    pub precision: usize,
    pub time: usize,
    pub space: usize,
    pub blocks: usize,
    /// Attention heads of the space and time operators and of the summary.
    pub space_heads: usize,
    pub time_heads: usize,
    pub pool_heads: usize,
    /// Hidden width of the decoders.
    pub decoder: usize,
    /// Numbers of a time code, and of a time within a valid period.
    pub code: usize,
    pub relative_code: usize,
    pub sources: Vec<StpSource>,
    pub targets: Vec<StpTarget>,
}

impl StpConfig {
    /// The size of a name in [`STP_NAMES`], for these sensors.
    pub fn by_name(name: &str, sources: Vec<StpSource>, targets: Vec<StpTarget>) -> Option<Self> {
        let (widths, blocks, heads, decoder) = match name {
            "stp-tiny" => ([16, 32, 64], 2, [2, 2, 2], 64),
            "stp-small" => ([32, 96, 192], 4, [4, 4, 4], 256),
            "stp-base" => ([64, 256, 512], 8, [8, 8, 4], 512),
            "stp-paper" => ([128, 512, 1024], 15, [16, 8, 4], 512),
            _ => return None,
        };
        Some(Self {
            precision: widths[0],
            time: widths[1],
            space: widths[2],
            blocks,
            space_heads: heads[0],
            time_heads: heads[1],
            pool_heads: heads[2],
            decoder,
            code: 64,
            relative_code: 32,
            sources,
            targets,
        })
    }

    /// The name in [`STP_NAMES`] of a network of these widths, whatever its sensors.
    pub fn name(&self) -> Option<&'static str> {
        STP_NAMES.into_iter().find(|name| {
            Self::by_name(name, self.sources.clone(), self.targets.clone()).as_ref() == Some(self)
        })
    }

    /// Why no network can have this size, or `None`.
    pub fn complaint(&self) -> Option<String> {
        const MOST: usize = 1 << 14;
        let divides = |heads: usize, width: usize| heads > 0 && width.is_multiple_of(heads);
        let sizes = [self.precision, self.time, self.space, self.decoder];
        let fits = sizes.iter().all(|size| (1..=MOST).contains(size))
            && (1..=MOST).contains(&self.blocks)
            && self.space.is_multiple_of(4)
            && divides(self.space_heads, self.space)
            && divides(self.time_heads, self.time)
            && divides(self.pool_heads, self.precision)
            && [self.code, self.relative_code]
                .iter()
                .all(|code| code.is_multiple_of(2) && (4..=MOST).contains(code));
        if !fits {
            return Some("its widths, heads and blocks fit no network".to_owned());
        }
        if self.sources.is_empty() {
            return Some("it has no sensor to read".to_owned());
        }
        let names = |list: Vec<&str>| -> Option<String> {
            let is_key = |name: &str| {
                !name.is_empty()
                    && name
                        .chars()
                        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c))
            };
            let mut seen = std::collections::BTreeSet::new();
            let bad = list
                .into_iter()
                .find(|name| !is_key(name) || !seen.insert(name.to_owned()))?;
            Some(format!("{bad:?} is no sensor's name, or stands twice"))
        };
        let counts = self.sources.iter().map(|source| source.bands);
        let outputs = self.targets.iter().map(|target| target.outputs);
        if self.targets.iter().any(|target| target.meta > MOST) {
            return Some("a sensor with more numbers of metadata than any has".to_owned());
        }
        if !counts
            .chain(outputs)
            .all(|count| (1..=MOST).contains(&count))
        {
            return Some("a sensor without bands, or with more than any has".to_owned());
        }
        names(self.sources.iter().map(|s| s.name.as_str()).collect())
            .or_else(|| names(self.targets.iter().map(|t| t.name.as_str()).collect()))
    }

    /// Every tensor of the network, named and shaped as a weights file has it: convolutions [out, in, k, k], transposed
    /// ones [in, out, k, k], linear layers [out, in].
    pub fn parameters(&self) -> Vec<Parameter> {
        let (p, t, s) = (self.precision, self.time, self.space);
        let mut list = ParameterList(Vec::new());
        list.add("q0".to_owned(), &[p], Start::Normal(0.02));
        for source in &self.sources {
            let root = format!("proj.{}", source.name);
            list.convolution(&format!("{root}.conv1"), source.bands, p, 3);
            list.norm(&format!("{root}.gn"), p);
            list.convolution(&format!("{root}.conv2"), p, p, 3);
            list.add(format!("src.{}", source.name), &[p], Start::Normal(0.02));
        }
        list.convolution("in_pt", p, t, 4);
        list.convolution("in_ts", t, s, 2);
        for block in 0..self.blocks {
            let root = format!("blocks.{block}");
            list.attention_block(&format!("{root}.space"), s);
            list.attention_block(&format!("{root}.time"), t);
            list.even_linear(&format!("{root}.tcode"), self.code, t);
            list.norm(&format!("{root}.prec.gn"), p);
            let hidden = self.hidden();
            list.convolution(&format!("{root}.prec.conv1"), p, hidden, 3);
            list.convolution(&format!("{root}.prec.conv2"), hidden, p, 3);
            list.convolution(&format!("{root}.ex.down_pt"), p, t, 4);
            list.convolution(&format!("{root}.ex.down_ts"), t, s, 2);
            list.transposed_convolution(&format!("{root}.ex.up_st"), s, t, 2);
            list.transposed_convolution(&format!("{root}.ex.up_tp"), t, p, 4);
        }
        list.norm("ln", p);
        list.transposed_convolution("out_st", s, t, 2);
        list.transposed_convolution("out_tp", t, p, 4);
        list.even_linear("query.fc1", 2 * self.code, p);
        list.even_linear("query.fc2", p, p);
        list.even_linear("kcode", self.code, p);
        for part in ["q", "k", "v", "o"] {
            list.even_linear(&format!("pool.{part}"), p, p);
        }
        // Not of the specification: drawn freely, the four pixels a feature becomes have weights of their own, and a short
        // training leaves them as a checkerboard in the field.
        let limit = 1.0 / (p.max(1) as f32).sqrt();
        list.add(
            "up.weight".to_owned(),
            &[p, p, 4, 4],
            Start::Enlarging(limit),
        );
        list.add("up.bias".to_owned(), &[p], Start::Uniform(limit));
        list.convolution("head", p, EMBEDDING, 1);
        for target in &self.targets {
            let root = format!("dec.{}", target.name);
            let inputs = EMBEDDING + self.relative_code + target.meta;
            list.even_linear(&format!("{root}.fc1"), inputs, self.decoder);
            list.even_linear(&format!("{root}.fc2"), self.decoder, self.decoder);
            list.even_linear(&format!("{root}.fc3"), self.decoder, target.outputs);
        }
        list.0
    }

    /// Number of floats.
    pub fn parameter_count(&self) -> usize {
        self.parameters().iter().map(Parameter::len).sum()
    }

    /// Hidden channels of the precision operator.
    pub(crate) fn hidden(&self) -> usize {
        PRECISION_EXPANSION * self.precision
    }

    /// Multiplications of the encoder for a chip of `side` pixels and `frames` frames (specification 5.7).
    pub fn products(&self, side: usize, frames: usize) -> u64 {
        let square = |n: usize| (n * n) as u64;
        let per_frame = 18 * PRECISION_EXPANSION as u64 * square(self.precision) * square(side / 2)
            + 12 * square(self.time) * square(side / 8)
            + 12 * square(self.space) * square(side / 16);
        per_frame * (self.blocks * frames) as u64
    }
}

/// Starts of section 8.2: uniform in one over the root of the inputs a number is summed from.
impl ParameterList {
    fn even(&mut self, name: &str, shape: &[usize], outputs: usize, inputs: usize) {
        let limit = 1.0 / (inputs.max(1) as f32).sqrt();
        self.add(format!("{name}.weight"), shape, Start::Uniform(limit));
        self.add(format!("{name}.bias"), &[outputs], Start::Uniform(limit));
    }

    fn even_linear(&mut self, name: &str, inputs: usize, outputs: usize) {
        self.even(name, &[outputs, inputs], outputs, inputs);
    }

    fn convolution(&mut self, name: &str, inputs: usize, outputs: usize, kernel: usize) {
        let shape = [outputs, inputs, kernel, kernel];
        self.even(name, &shape, outputs, inputs * kernel * kernel);
    }

    fn transposed_convolution(&mut self, name: &str, inputs: usize, outputs: usize, side: usize) {
        self.even(name, &[inputs, outputs, side, side], outputs, inputs);
    }

    fn attention_block(&mut self, root: &str, width: usize) {
        self.norm(&format!("{root}.ln1"), width);
        for part in ["q", "k", "v", "o"] {
            self.even_linear(&format!("{root}.attn.{part}"), width, width);
        }
        self.norm(&format!("{root}.ln2"), width);
        self.even_linear(&format!("{root}.mlp.fc1"), width, MLP_RATIO * width);
        self.even_linear(&format!("{root}.mlp.fc2"), MLP_RATIO * width, width);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, bands: usize) -> StpSource {
        StpSource {
            name: name.to_owned(),
            bands,
        }
    }

    fn target(name: &str, outputs: usize) -> StpTarget {
        StpTarget {
            name: name.to_owned(),
            outputs,
            meta: 0,
        }
    }

    /// Specification 5.7: Sentinel-2, Sentinel-1 and Landsat in; those and elevation out.
    fn published(name: &str) -> StpConfig {
        let sources = vec![source("s2", 5), source("s1", 5), source("l8", 7)];
        let targets = vec![
            target("s2", 5),
            StpTarget {
                meta: 2,
                ..target("s1", 5)
            },
            target("l8", 7),
            target("dem", 1),
        ];
        StpConfig::by_name(name, sources, targets).unwrap()
    }

    #[test]
    fn sizes_count_as_published() {
        for (name, blocks) in [
            ("stp-tiny", 106_976),
            ("stp-small", 846_144),
            ("stp-base", 5_680_512),
            ("stp-paper", 22_665_984),
        ] {
            let config = published(name);
            let of_block: usize = config
                .parameters()
                .iter()
                .filter(|parameter| parameter.name.starts_with("blocks.0."))
                .map(Parameter::len)
                .sum();
            assert_eq!(of_block, blocks, "{name}");
            assert_eq!(config.complaint(), None);
            assert_eq!(config.name(), Some(name));
        }
        let whole = ["stp-tiny", "stp-small", "stp-base", "stp-paper"]
            .map(|name| published(name).parameter_count());
        assert_eq!(whole, [308_946, 4_061_522, 48_502_098, 348_385_106]);
        assert_eq!(
            StpConfig::by_name("stp-giant", Vec::new(), Vec::new()),
            None
        );
    }

    #[test]
    fn impossible_sizes_are_complained_about() {
        let mut config = published("stp-tiny");
        config.time_heads = 3;
        assert!(config.complaint().is_some());
        let mut config = published("stp-tiny");
        config.sources[0].name = "a.b".to_owned();
        assert!(config.complaint().unwrap().contains("a.b"));
        config.sources.clear();
        assert!(config.complaint().unwrap().contains("no sensor"));
    }
}
