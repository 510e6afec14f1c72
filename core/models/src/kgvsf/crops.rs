//! Classes of pixels from the embeddings of a season, beside what each pixel showed by itself (specification 7.1): attention chooses
//! among the images, and a branch of the pixels' own numbers keeps the edges of fields sharp. Knows numbers on the grid of an
//! image. Knows nothing of crops' names, bands or days.

use burn::module::{Module, Param, ParamGroup};
use burn::nn::Linear;
use burn::tensor::activation::softmax;
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use super::{ImageSeries, Kgvsf};
use crate::fused;
use crate::parameters::{ParameterList, Start};
use crate::weights::{Layers, Seeded, Stream, Weights};

/// Maps that the tokens give, and that the pixels' own numbers give.
const MAPS: usize = 32;
const MIXED: usize = 2 * MAPS;
/// Pixels of a 3 x 3 convolution.
const TAPS: usize = 9;
/// Share of the mixed numbers that is left out while learning. Our choice, as few labels are soon known by heart.
const DROPPED: f64 = 0.3;
/// What is added to the score of an image that is only padding.
const NEVER: f32 = -1e9;

/// Size of the head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CropHeadConfig {
    /// D of the network.
    pub width: usize,
    pub patch_px: usize,
    /// Numbers of the pixel itself.
    pub own: usize,
    pub classes: usize,
}

/// The head.
#[derive(Module, Debug)]
pub struct CropHead {
    pool: Linear,
    query: Param<Tensor<1>>,
    spread: Linear,
    own: Linear,
    /// 3 x 3, as layers on the gathered pixels.
    first: Linear,
    second: Linear,
    last: Linear,
    #[module(skip)]
    config: CropHeadConfig,
}

/// What of a network and its head learns from labels (specification 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KgvsfTuning {
    /// The head alone.
    Frozen,
    /// The sequence encoder and the fusion with it.
    Last,
    /// Everything, the network with a tenth of the head's learning rate.
    Full,
}

/// A network with the head on it, taught together.
#[derive(Module, Debug)]
pub struct CropNetwork {
    pub base: Kgvsf,
    pub head: CropHead,
}

impl KgvsfTuning {
    /// The usual one for so many labelled pixels.
    pub fn for_labels(pixels: usize) -> Self {
        match pixels {
            0..2_000 => Self::Frozen,
            2_000..=20_000 => Self::Last,
            _ => Self::Full,
        }
    }

    /// Marks what of a network learns.
    pub fn apply(self, network: Kgvsf) -> Kgvsf {
        /// Beginnings of the names of sequence encoder and fusion.
        const LAST: [&str; 8] = [
            "seq.", "seq_n.", "fuse_n.", "fu1.", "fu2.", "w_in.", "doy.", "delta.",
        ];
        match self {
            Self::Frozen => network.no_grad(),
            Self::Last => {
                let paths = LAST.map(str::to_owned).to_vec();
                network
                    .no_grad()
                    .set_require_grad_group(ParamGroup::from_any_predicates(paths), true)
            }
            Self::Full => network.set_require_grad(true),
        }
    }
}

impl CropHeadConfig {
    /// Names, inputs and outputs of the layers on pixels.
    fn layers(&self) -> [(&'static str, usize, usize); 4] {
        [
            ("own", self.own, MAPS),
            ("first", TAPS * MIXED, MIXED),
            ("second", TAPS * MIXED, MIXED),
            ("last", MIXED, self.classes),
        ]
    }

    fn parameters(&self) -> ParameterList {
        let mut list = ParameterList(Vec::new());
        list.linear("pool", self.width, self.width);
        list.add("query".to_owned(), &[self.width], Start::Normal(0.02));
        list.linear("spread", self.width, self.patch_px * self.patch_px * MAPS);
        for (name, inputs, outputs) in self.layers() {
            list.linear(name, inputs, outputs);
        }
        list
    }

    /// An **untrained** head. The same seed gives the same values on every device.
    pub fn init(&self, seed: u64, device: &Device) -> CropHead {
        let mut weights = Seeded::new(seed, self.parameters().0);
        let mut layers = Layers {
            weights: &mut weights,
            device,
        };
        let Ok(head) = self.build(&mut layers);
        head
    }

    fn build<W: Weights>(&self, layers: &mut Layers<'_, W>) -> Result<CropHead, W::Error> {
        let numbers = self.patch_px * self.patch_px * MAPS;
        let [own, first, second, last] = self.layers();
        let pool = layers.linear("pool", self.width, self.width)?;
        let query = layers.tensor("query", [self.width])?;
        let spread = layers.linear("spread", self.width, numbers)?;
        let mut layer = |(name, inputs, outputs)| layers.linear(name, inputs, outputs);
        Ok(CropHead {
            pool,
            query,
            spread,
            own: layer(own)?,
            first: layer(first)?,
            second: layer(second)?,
            last: layer(last)?,
            config: self.clone(),
        })
    }
}

impl CropHead {
    /// Scores [B, K, H, W] of the classes. `embedding` [B, T, N, D] of the images, `is_padding` of the B * T of them, `own`
    /// [B, F, H, W] of the pixels. `drop`: while learning, names which numbers are left out.
    ///
    /// # Panics
    /// If the shapes do not fit each other or the config.
    pub fn forward(
        &self,
        embedding: Tensor<4>,
        is_padding: &[bool],
        own: Tensor<4>,
        drop: Option<u64>,
    ) -> Tensor<4> {
        let [places, images, tokens, d] = embedding.dims();
        let [_, _, height, width] = own.dims();
        assert_eq!(is_padding.len(), places * images, "a flag for every image");
        let device = embedding.device();
        let rows = places * images * tokens;
        let answers = self
            .pool
            .forward(embedding.clone().reshape([rows, d]))
            .tanh();
        let scores = answers
            .matmul(self.query.val().reshape([d, 1]))
            .reshape([places, images, tokens, 1]);
        let never: Vec<f32> = is_padding
            .iter()
            .map(|is_padding| if *is_padding { NEVER } else { 0.0 })
            .collect();
        let never = Tensor::<4>::from_data(TensorData::new(never, [places, images, 1, 1]), &device);
        let shares = softmax(scores + never, 1);
        let pooled = (embedding * shares)
            .sum_dim(1)
            .reshape([places * tokens, d]);
        let p = self.config.patch_px;
        let maps = self
            .spread
            .forward(pooled)
            .reshape([places, height / p, width / p, p, p, MAPS])
            .permute([0, 1, 3, 2, 4, 5])
            .reshape([places, height, width, MAPS]);
        let own = fused::linear(&self.own, fused::channels_last(own));
        let mixed = Tensor::cat(vec![maps, own], 3);
        let mixed = match drop {
            Some(draw) => dropped(mixed, draw),
            None => mixed,
        };
        let hidden = fused::convolution_gelu(&self.first, mixed);
        let hidden = fused::convolution_gelu(&self.second, hidden);
        fused::channels_first(fused::linear(&self.last, hidden))
    }
}

impl CropNetwork {
    /// Scores [B, K, H, W] of the classes from images and weather. `own` [B, F, H, W] of the pixels; `drop` as in
    /// [`CropHead::forward`].
    ///
    /// # Panics
    /// As [`CropHead::forward`].
    pub fn forward(&self, series: &ImageSeries, own: Tensor<4>, drop: Option<u64>) -> Tensor<4> {
        let embedding = self.base.encode(series).embedding();
        self.head.forward(embedding, &series.is_padding, own, drop)
    }
}

/// Numbers of a map by chance 0 and the others raised, drawn on the processor: the same on every device.
fn dropped(map: Tensor<4>, draw: u64) -> Tensor<4> {
    let shape = map.dims();
    let kept = Stream::new(draw, "dropped").kept(DROPPED, shape.iter().product());
    let kept = Tensor::<4>::from_data(TensorData::new(kept, shape), &map.device());
    map * kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KgvsfConfig;

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_into_vec::<f32>().unwrap()
    }

    fn ramp<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
        let count: usize = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|at| (at as f32 * 0.37).sin()).collect();
        Tensor::from_data(TensorData::new(values, shape), device)
    }

    fn head(device: &Device) -> CropHead {
        let config = CropHeadConfig {
            width: 8,
            patch_px: 2,
            own: 5,
            classes: 3,
        };
        config.init(7, device)
    }

    #[test]
    fn padding_has_no_say_and_one_image_is_enough() {
        let device = Device::flex();
        let head = head(&device);
        let own = ramp([1, 5, 4, 6], &device);
        let images = ramp([1, 2, 6, 8], &device);
        let plain = numbers(head.forward(images.clone(), &[false; 2], own.clone(), None));
        let padded = Tensor::cat(vec![ramp([1, 1, 6, 8], &device) * 9.0, images.clone()], 1);
        let with_padding = numbers(head.forward(padded, &[true, false, false], own.clone(), None));
        assert_eq!(plain.len(), 3 * 24);
        for (a, b) in plain.iter().zip(&with_padding) {
            assert!((a - b).abs() < 1e-5, "{a} {b}");
        }
        let single = numbers(head.forward(images.narrow(1, 0, 1), &[false], own, None));
        assert!(single.iter().all(|value| value.is_finite()) && single != plain);
    }

    #[test]
    fn a_token_reaches_its_patch_and_the_pixels_around_it() {
        let device = Device::flex();
        let head = head(&device);
        let own = Tensor::<4>::zeros([1, 5, 12, 12], &device);
        let images = ramp([1, 1, 36, 8], &device);
        let before = numbers(head.forward(images.clone(), &[false], own.clone(), None));
        // The token of rows 4 and 5, columns 6 and 7.
        let changed = images.clone().slice_assign(
            [0..1, 0..1, 15..16, 0..8],
            images.slice([0..1, 0..1, 15..16, 0..8]) + 1.0,
        );
        let after = numbers(head.forward(changed, &[false], own, None));
        for (at, (before, after)) in before.iter().zip(&after).enumerate() {
            let (row, col) = (at % 144 / 12, at % 12);
            // Two convolutions of three pixels reach two pixels further.
            let is_near = (2..=7).contains(&row) && (4..=9).contains(&col);
            assert_eq!(before != after, is_near, "row {row} column {col}");
        }
    }

    #[test]
    fn what_is_marked_learns() {
        let device = Device::flex().autodiff();
        let config = KgvsfConfig::by_name("kgvsf-tiny", 3, 2).unwrap();
        let learning = |tuning: KgvsfTuning| {
            let network = tuning.apply(config.init(1, &device));
            let is_learning = |tensor: &Param<Tensor<2>>| tensor.val().is_require_grad();
            [
                is_learning(&network.embed.weight),
                is_learning(&network.fu1.weight),
                is_learning(&network.out.weight),
            ]
        };
        assert_eq!(learning(KgvsfTuning::Frozen), [false; 3]);
        assert_eq!(learning(KgvsfTuning::Last), [false, true, false]);
        assert_eq!(learning(KgvsfTuning::Full), [true; 3]);
        for (pixels, tuning) in [
            (1_999, KgvsfTuning::Frozen),
            (2_000, KgvsfTuning::Last),
            (20_001, KgvsfTuning::Full),
        ] {
            assert_eq!(KgvsfTuning::for_labels(pixels), tuning);
        }
    }
}
