//! From tokens to pixels: feature pyramid, UPerNet head and its auxiliary head (specification 6.1).
//! Knows feature maps. Knows nothing of classes' names, rasters or training.

use std::path::Path;

use burn::config::Config;
use burn::module::{Module, Param};
use burn::nn::BatchNorm;
use burn::tensor::activation::{gelu, relu};
use burn::tensor::module::{conv2d, max_pool2d};
use burn::tensor::ops::{ConvOptions, MaxPoolOptions};
use burn::tensor::{Device, Tensor, TensorData};

use crate::error::{KeyMismatch, Misshapen, ModelError};
use crate::feature_maps::{pool_map, resize_map};
use crate::parameters::{Parameter, ParameterList, Start};
use crate::weights::{Layers, Seeded, Stream, Weights};
use crate::weights_file::WeightsFile;

/// Epsilon of every batch norm of the head.
const EPSILON: f64 = 1e-5;
/// Windows a side of the pyramid pooling.
const POOLS: [usize; 4] = [1, 2, 3, 6];
/// Maps the head takes.
const LEVELS: usize = 4;
/// Share of channels dropped before the last layer while training.
const DROPPED: f64 = 0.1;
/// Share of the auxiliary loss.
pub const AUXILIARY_WEIGHT: f32 = 0.4;

/// Size of a segmentation head.
#[derive(Config, Debug, PartialEq, Eq)]
pub struct SegmentationConfig {
    /// Width D of the encoder's tokens.
    pub width: usize,
    /// Channels of the head; 512 in the published one.
    pub channels: usize,
    /// Channels of the auxiliary head; 256 in the published one.
    pub auxiliary_channels: usize,
    /// Classes, or 1 for a value.
    pub outputs: usize,
}

impl SegmentationConfig {
    /// The published size for the published encoders, less for smaller ones: the head costs more than the encoder
    /// (at 512 channels 42 GMAC an image whatever the encoder), and a third of the width suits the small.
    pub fn of(width: usize, outputs: usize) -> Self {
        let channels = if width >= 768 {
            512
        } else {
            (width / 3).max(16)
        };
        Self {
            width,
            channels,
            auxiliary_channels: channels / 2,
            outputs,
        }
    }

    /// Every tensor of the head, named as in mmsegmentation's files.
    pub fn parameters(&self) -> Vec<Parameter> {
        let (d, c, a) = (self.width, self.channels, self.auxiliary_channels);
        let mut list = ParameterList(Vec::new());
        for name in ["upsample_4x.0", "upsample_4x.3", "upsample_2x.0"] {
            up_parameters(&mut list, &format!("neck.{name}"), d);
        }
        list.batch_norm("neck.upsample_4x.1", d);
        for pool in 0..POOLS.len() {
            conv_parameters(&mut list, &format!("decoder.psp_modules.{pool}.1"), d, c, 1);
        }
        let pooled = d + POOLS.len() * c;
        conv_parameters(&mut list, "decoder.bottleneck", pooled, c, 3);
        for level in 0..LEVELS - 1 {
            conv_parameters(
                &mut list,
                &format!("decoder.lateral_convs.{level}"),
                d,
                c,
                1,
            );
            conv_parameters(&mut list, &format!("decoder.fpn_convs.{level}"), c, c, 3);
        }
        conv_parameters(&mut list, "decoder.fpn_bottleneck", LEVELS * c, c, 3);
        conv_parameters(&mut list, "aux_head.convs.0", d, a, 3);
        for (name, channels) in [("decoder", c), ("aux_head", a)] {
            let shape = [self.outputs, channels, 1, 1];
            list.add(
                format!("{name}.conv_seg.weight"),
                &shape,
                Start::Normal(0.01),
            );
            list.add(
                format!("{name}.conv_seg.bias"),
                &[self.outputs],
                Start::Constant(0.0),
            );
        }
        list.0
    }

    /// A head that has learnt nothing yet; the same seed gives the same values on every device.
    pub fn init(&self, seed: u64, device: &Device) -> SegmentationHead {
        let mut weights = Seeded::new(seed, self.parameters());
        let Ok(head) = SegmentationHead::build(self, &mut weights, device);
        head
    }
}

fn conv_parameters(list: &mut ParameterList, name: &str, from: usize, to: usize, side: usize) {
    // Kaiming's normal start over the outputs, as the reference draws it.
    let deviation = (2.0 / (to * side * side) as f32).sqrt();
    list.add(
        format!("{name}.conv.weight"),
        &[to, from, side, side],
        Start::Normal(deviation),
    );
    list.batch_norm(&format!("{name}.bn"), to);
}

fn up_parameters(list: &mut ParameterList, name: &str, width: usize) {
    let limit = 1.0 / ((width * 4) as f32).sqrt();
    list.add(
        format!("{name}.weight"),
        &[width, width, 2, 2],
        Start::Uniform(limit),
    );
    list.add(format!("{name}.bias"), &[width], Start::Uniform(limit));
}

/// Transposed convolution 2 x 2, stride 2: doubles both sides. Its windows do not overlap, so it is a matrix product.
#[derive(Module, Debug)]
struct Doubling {
    /// [in, out * 2 * 2]
    weight: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Doubling {
    fn build<W: Weights>(
        layers: &mut Layers<W>,
        name: &str,
        width: usize,
    ) -> Result<Self, W::Error> {
        let values = layers
            .weights
            .take(&format!("{name}.weight"), &[width, width, 2, 2])?;
        Ok(Self {
            weight: Param::from_data(TensorData::new(values, [width, width * 4]), layers.device),
            bias: layers.tensor(&format!("{name}.bias"), [width])?,
        })
    }

    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        let [batch, channels, rows, columns] = map.dims();
        let pixels = map
            .permute([0, 2, 3, 1])
            .reshape([batch * rows * columns, channels]);
        let bias = self.bias.val().reshape([1, channels, 1, 1]);
        pixels
            .matmul(self.weight.val())
            .reshape([batch, rows, columns, channels, 2, 2])
            .permute([0, 3, 1, 4, 2, 5])
            .reshape([batch, channels, 2 * rows, 2 * columns])
            + bias
    }
}

/// Convolution without bias, batch norm, ReLU.
#[derive(Module, Debug)]
struct ConvNorm {
    weight: Param<Tensor<4>>,
    norm: BatchNorm,
}

impl ConvNorm {
    fn build<W: Weights>(
        layers: &mut Layers<W>,
        name: &str,
        from: usize,
        to: usize,
        side: usize,
    ) -> Result<Self, W::Error> {
        Ok(Self {
            weight: layers.tensor(&format!("{name}.conv.weight"), [to, from, side, side])?,
            norm: layers.batch_norm(&format!("{name}.bn"), to, EPSILON)?,
        })
    }

    fn forward(&self, map: Tensor<4>) -> Tensor<4> {
        relu(self.norm.forward(convolve(map, self.weight.val(), None)))
    }
}

/// Keeps the size: padding is half the kernel. Kernels of one pixel are a matrix product, which devices do faster.
fn convolve(map: Tensor<4>, weight: Tensor<4>, bias: Option<Tensor<1>>) -> Tensor<4> {
    let [outputs, inputs, side, _] = weight.dims();
    if side > 1 {
        let options = ConvOptions::new([1, 1], [side / 2, side / 2], [1, 1], 1);
        return conv2d(map, weight, bias, options);
    }
    let [batch, _, rows, columns] = map.dims();
    let pixels = map.reshape([batch, inputs, rows * columns]);
    let product = weight
        .reshape([1, outputs, inputs])
        .matmul(pixels)
        .reshape([batch, outputs, rows, columns]);
    match bias {
        Some(bias) => product + bias.reshape([1, outputs, 1, 1]),
        None => product,
    }
}

/// The last layer: drops channels while training, then one number an output and pixel.
#[derive(Module, Debug)]
struct Scores {
    weight: Param<Tensor<4>>,
    bias: Param<Tensor<1>>,
}

impl Scores {
    fn build<W: Weights>(
        layers: &mut Layers<W>,
        name: &str,
        channels: usize,
        outputs: usize,
    ) -> Result<Self, W::Error> {
        Ok(Self {
            weight: layers.tensor(&format!("{name}.weight"), [outputs, channels, 1, 1])?,
            bias: layers.tensor(&format!("{name}.bias"), [outputs])?,
        })
    }

    fn forward(&self, map: Tensor<4>, drop: Option<(u64, &str)>) -> Tensor<4> {
        let map = match drop {
            Some((draw, name)) => drop_channels(map, draw, name),
            None => map,
        };
        convolve(map, self.weight.val(), Some(self.bias.val()))
    }
}

/// Whole channels of an image set to zero and the others raised, drawn on the processor: a resumed run and another device
/// drop the same ones.
fn drop_channels(map: Tensor<4>, draw: u64, name: &str) -> Tensor<4> {
    let [batch, channels, _, _] = map.dims();
    let kept = Stream::new(draw, name).kept(DROPPED, batch * channels);
    let kept = TensorData::new(kept, [batch, channels, 1, 1]);
    let kept = Tensor::<4>::from_data(kept, &map.device());
    map * kept
}

/// What a head says of a batch.
pub struct Segmentation {
    /// The feature pyramid, finest first.
    pub pyramid: Vec<Tensor<4>>,
    /// [B, outputs, 4 G, 4 G] for maps of G x G.
    pub scores: Tensor<4>,
    /// [B, outputs, G, G], of the auxiliary head.
    pub auxiliary: Tensor<4>,
}

/// Feature pyramid, UPerNet head and auxiliary head.
#[derive(Module, Debug)]
pub struct SegmentationHead {
    quadruple: Doubling,
    quadruple_norm: BatchNorm,
    quadruple_again: Doubling,
    double: Doubling,
    pooled: Vec<ConvNorm>,
    bottleneck: ConvNorm,
    laterals: Vec<ConvNorm>,
    smooth: Vec<ConvNorm>,
    fuse: ConvNorm,
    scores: Scores,
    auxiliary: ConvNorm,
    auxiliary_scores: Scores,
}

impl SegmentationHead {
    pub(crate) fn build<W: Weights>(
        config: &SegmentationConfig,
        weights: &mut W,
        device: &Device,
    ) -> Result<Self, W::Error> {
        let (d, c, a) = (config.width, config.channels, config.auxiliary_channels);
        let layers = &mut Layers { weights, device };
        let levels = 0..LEVELS - 1;
        Ok(Self {
            quadruple: Doubling::build(layers, "neck.upsample_4x.0", d)?,
            quadruple_norm: layers.batch_norm("neck.upsample_4x.1", d, EPSILON)?,
            quadruple_again: Doubling::build(layers, "neck.upsample_4x.3", d)?,
            double: Doubling::build(layers, "neck.upsample_2x.0", d)?,
            pooled: (0..POOLS.len())
                .map(|pool| {
                    let name = format!("decoder.psp_modules.{pool}.1");
                    ConvNorm::build(layers, &name, d, c, 1)
                })
                .collect::<Result<_, _>>()?,
            bottleneck: ConvNorm::build(layers, "decoder.bottleneck", d + POOLS.len() * c, c, 3)?,
            laterals: levels
                .clone()
                .map(|level| {
                    let name = format!("decoder.lateral_convs.{level}");
                    ConvNorm::build(layers, &name, d, c, 1)
                })
                .collect::<Result<_, _>>()?,
            smooth: levels
                .map(|level| {
                    let name = format!("decoder.fpn_convs.{level}");
                    ConvNorm::build(layers, &name, c, c, 3)
                })
                .collect::<Result<_, _>>()?,
            fuse: ConvNorm::build(layers, "decoder.fpn_bottleneck", LEVELS * c, c, 3)?,
            scores: Scores::build(layers, "decoder.conv_seg", c, config.outputs)?,
            auxiliary: ConvNorm::build(layers, "aux_head.convs.0", d, a, 3)?,
            auxiliary_scores: Scores::build(layers, "aux_head.conv_seg", a, config.outputs)?,
        })
    }

    /// `maps`: four of [B, D, G, G], of the blocks tapped, shallow to deep. `draw`: a number that names the channels dropped
    /// in this training step; `None` drops none.
    ///
    /// # Panics
    /// If there are not four maps.
    pub fn forward(&self, maps: Vec<Tensor<4>>, draw: Option<u64>) -> Segmentation {
        let maps = maps
            .try_into()
            .unwrap_or_else(|maps: Vec<_>| panic!("{} maps instead of {LEVELS}", maps.len()));
        let pyramid = self.pyramid(maps);
        let fused = self.fused(&pyramid);
        let scores = self
            .scores
            .forward(fused, draw.map(|draw| (draw, "decoder")));
        let [_, _, third, _] = &pyramid;
        let auxiliary = self.auxiliary_scores.forward(
            self.auxiliary.forward(third.clone()),
            draw.map(|draw| (draw, "aux_head")),
        );
        Segmentation {
            pyramid: pyramid.into(),
            scores,
            auxiliary,
        }
    }

    fn pyramid(&self, [first, second, third, fourth]: [Tensor<4>; LEVELS]) -> [Tensor<4>; LEVELS] {
        let [_, _, rows, columns] = fourth.dims();
        let doubled = self.quadruple_norm.forward(self.quadruple.forward(first));
        let finest = self.quadruple_again.forward(gelu(doubled));
        // A map of one cell has no half.
        let coarsest = if rows > 1 && columns > 1 {
            max_pool2d(fourth, MaxPoolOptions::new([2, 2]))
        } else {
            fourth
        };
        [finest, self.double.forward(second), third, coarsest]
    }

    fn fused(&self, pyramid: &[Tensor<4>; LEVELS]) -> Tensor<4> {
        let [finer @ .., coarsest] = pyramid;
        let [_, _, rows, columns] = coarsest.dims();
        let mut pooled = vec![coarsest.clone()];
        pooled.extend(POOLS.iter().zip(&self.pooled).map(|(side, layer)| {
            let map = layer.forward(pool_map(coarsest.clone(), *side));
            resize_map(map, rows, columns)
        }));
        let top = self.bottleneck.forward(Tensor::cat(pooled, 1));

        // From the coarsest to the finest, each is added to the next.
        let mut laterals = vec![top];
        for (map, layer) in finer.iter().zip(&self.laterals).rev() {
            let lateral = layer.forward(map.clone());
            let [_, _, rows, columns] = lateral.dims();
            let summed = match laterals.last() {
                Some(coarser) => lateral + resize_map(coarser.clone(), rows, columns),
                None => lateral,
            };
            laterals.push(summed);
        }
        laterals.reverse();
        let [_, _, rows, columns] = pyramid[0].dims();
        let maps = laterals
            .into_iter()
            .enumerate()
            .map(|(level, lateral)| match self.smooth.get(level) {
                Some(layer) => resize_map(layer.forward(lateral), rows, columns),
                None => resize_map(lateral, rows, columns),
            })
            .collect();
        self.fuse.forward(Tensor::cat(maps, 1))
    }
}

/// Reads a head from a file of mmsegmentation's names; `prefix` stands before each of them. Its size is read off the shapes.
///
/// # Errors
/// Unreadable or not a weights file, keys missing or of wrong shape, values that are not finite.
pub fn load_segmentation_head(
    path: &Path,
    prefix: &str,
    device: &Device,
) -> Result<SegmentationHead, ModelError> {
    let file = WeightsFile::open(path)?;
    let axis = |name: &str, axis: usize| {
        let shape = file.shape(&format!("{prefix}{name}"))?;
        shape.get(axis).copied()
    };
    let sizes = (
        axis("neck.upsample_2x.0.bias", 0),
        axis("decoder.conv_seg.weight", 1),
        axis("aux_head.conv_seg.weight", 1),
        axis("decoder.conv_seg.bias", 0),
    );
    let (Some(width), Some(channels), Some(auxiliary_channels), Some(outputs)) = sizes else {
        return Err(ModelError::NotWeights {
            path: path.to_path_buf(),
            reason: "it holds no feature pyramid with UPerNet and auxiliary head".to_owned(),
        });
    };
    let config = SegmentationConfig {
        width,
        channels,
        auxiliary_channels,
        outputs,
    };
    let mut mismatch = KeyMismatch::default();
    for parameter in config.parameters() {
        let key = format!("{prefix}{}", parameter.name);
        match file.shape(&key) {
            None => mismatch.missing.push(key),
            Some(found) if found != parameter.shape => mismatch.misshapen.push(Misshapen {
                key,
                expected: parameter.shape,
                found: found.to_vec(),
            }),
            Some(_) => {}
        }
    }
    if !mismatch.is_empty() {
        return Err(ModelError::Mismatch {
            path: path.to_path_buf(),
            mismatch,
        });
    }
    let mut values = Prefixed { file, prefix };
    SegmentationHead::build(&config, &mut values, device)
}

/// Values of a checked file.
struct Prefixed<'a> {
    file: WeightsFile,
    prefix: &'a str,
}

impl Weights for Prefixed<'_> {
    type Error = ModelError;

    fn take(&mut self, name: &str, _shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        self.file.take(&format!("{}{name}", self.prefix))
    }
}
