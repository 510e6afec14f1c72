//! DOFA: one vision transformer for any set of bands (arXiv 2403.15356).
//! Knows images as tensors and bands as wavelengths. Knows nothing of rasters, normalisation or windows.

use burn::module::{Module, Param};
use burn::nn::LayerNorm;
use burn::tensor::ops::PadMode;
use burn::tensor::{Device, Tensor};

use crate::DofaConfig;
use crate::error::ModelError;
use crate::fused;
use crate::parameters::Parameter;
use crate::position::{Resampling, resample_table};
use crate::vit::{Block, EPSILON};
use crate::wavelength::{ENCODER_GENERATOR, WaveLayer, WeightGenerator, sine_tensor};
use crate::weights::{Layers, Seeded, Weights};

/// Patch embedding of one set of bands. Depends on weights and wavelengths only: make it once per band set.
#[derive(Clone, Debug)]
pub struct PatchKernel {
    /// [C * P * P, D], rows ordered by band, patch row, patch column; factor 0.01 applied.
    pub weight: Tensor<2>,
    /// `[D]`, factor 0.01 applied.
    pub bias: Tensor<1>,
    /// Number of bands C, in the order of the wavelengths.
    pub bands: usize,
}

/// The encoder. Shapes: B images, C bands, N = Gh * Gw patches row by row, D width.
///
/// Images are normalised by the caller, [B, C, H, W]; every size of at least P - 2 pixels a side is legal
/// ([`DofaConfig::grid`]), the position table is resampled to its grid. The embedding pads one pixel of zeros, so cell
/// (r, c) covers image rows P r - 1 to P r + P - 2: one pixel up and left of the plain grid (section 2.5).
#[derive(Module, Debug)]
pub struct Dofa {
    wave_layer: WaveLayer,
    generator: WeightGenerator,
    class_token: Param<Tensor<3>>,
    positions: Param<Tensor<3>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    #[module(skip)]
    config: DofaConfig,
}

impl DofaConfig {
    /// An **untrained** encoder of this size, started to be used as it is ([`Self::untrained_parameters`]). The same
    /// seed gives the same values on every device: they are drawn on the processor and uploaded.
    pub fn init(&self, seed: u64, device: &Device) -> Dofa {
        self.draw(seed, self.untrained_parameters(), device)
    }

    /// An **untrained** encoder to begin pretraining with: the published start, but with the larger read-out of
    /// [`Self::untrained_parameters`], so that patches are heard beside their positions from the first step.
    pub fn init_for_pretraining(&self, seed: u64, device: &Device) -> Dofa {
        self.draw(seed, self.pretraining_parameters(), device)
    }

    /// An **untrained** encoder with the published start of a training run ([`Self::parameters`]); of little use
    /// before that run.
    pub fn init_for_training(&self, seed: u64, device: &Device) -> Dofa {
        self.draw(seed, self.parameters(), device)
    }

    /// What stands for the wavelength of C-band radar in the published training, micrometres: no true one, a token.
    pub fn radar_um(&self) -> f32 {
        if self.layer_scale { 5.405 } else { 3.75 }
    }

    fn draw(&self, seed: u64, parameters: Vec<Parameter>, device: &Device) -> Dofa {
        let Ok(model) = Dofa::build(self, &mut Seeded::new(seed, parameters), device);
        model
    }
}

impl Dofa {
    pub(crate) fn build<W: Weights>(
        config: &DofaConfig,
        weights: &mut W,
        device: &Device,
    ) -> Result<Self, W::Error> {
        let d = config.width;
        let root = config.backbone();
        let tokens = config.table_side().pow(2) + 1;
        let mut layers = Layers { weights, device };
        let blocks = (0..config.depth)
            .map(|index| Block::build(&mut layers, &format!("{root}blocks.{index}"), config))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            wave_layer: WaveLayer::build(&mut layers)?,
            generator: WeightGenerator::build(
                &mut layers,
                ENCODER_GENERATOR,
                config.patch * config.patch * d,
                d,
            )?,
            class_token: layers.tensor(&format!("{root}cls_token"), [1, 1, d])?,
            // Frozen in the published training; resampling differentiates, learning it is not wanted.
            positions: layers
                .tensor(&format!("{root}pos_embed"), [1, tokens, d])?
                .set_require_grad(false),
            blocks,
            norm: layers.norm(&format!("{root}norm"), d, EPSILON)?,
            config: config.clone(),
        })
    }

    pub fn config(&self) -> &DofaConfig {
        &self.config
    }

    /// Number of floats the encoder computes with, position table included.
    pub fn parameter_count(&self) -> usize {
        self.num_params()
    }

    /// Wave features [C, 128] of a sine table [C, 128] (section 2.2).
    pub fn wave_features(&self, sines: Tensor<2>) -> Tensor<2> {
        self.wave_layer.forward(sines)
    }

    /// Input and output of the weight generator's transformer layer, each [128 + C + 1, 128]: weight tokens, bands,
    /// bias token (section 2.3).
    pub fn generator_tokens(&self, wave_features: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let sequence = self.generator.sequence(wave_features);
        (sequence.clone(), self.generator.transform(sequence))
    }

    /// Patch embedding of wave features [C, 128] (sections 2.3, 2.4).
    pub fn generate_kernel(&self, wave_features: Tensor<2>) -> PatchKernel {
        let [bands, _] = wave_features.dims();
        let (weight, bias) = self.generator.kernel(wave_features, self.config.width);
        PatchKernel {
            weight,
            bias,
            bands,
        }
    }

    /// Patch embedding for these bands, in the order of the image's bands.
    ///
    /// Bands of equal wavelength get equal kernels: the model then sees only their sum (section 2.3).
    ///
    /// # Errors
    /// As [`crate::sine_table`]: no bands, no positive number, or nanometres.
    pub fn patch_kernel(&self, wavelengths_um: &[f32]) -> Result<PatchKernel, ModelError> {
        let sines = sine_tensor(wavelengths_um, &self.class_token.val().device())?;
        Ok(self.generate_kernel(self.wave_features(sines)))
    }

    /// Patch tokens [B, N, D] before positions and blocks (section 2.5): padded by one pixel, gathered into patches,
    /// multiplied by the kernel.
    ///
    /// # Panics
    /// If the image has other bands than the kernel or holds no patch.
    pub fn patch_tokens(&self, image: Tensor<4>, kernel: &PatchKernel) -> Tensor<3> {
        let [batch, bands, height, width] = image.dims();
        let p = self.config.patch;
        let (rows, columns) = self.config.grid(height, width);
        assert_eq!(
            bands, kernel.bands,
            "the image has {bands} bands, the kernel was made for {}",
            kernel.bands
        );
        assert!(
            rows * columns > 0,
            "an image of {height} x {width} holds no patch of {p} pixels"
        );

        let padded = image.pad([(1, 1), (1, 1)], PadMode::Constant(0.0));
        let patches = padded
            .narrow(2, 0, rows * p)
            .narrow(3, 0, columns * p)
            .reshape([batch, bands, rows, p, columns, p])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch * rows * columns, bands * p * p]);
        let tokens = fused::affine(patches, kernel.weight.clone(), kernel.bias.clone());
        tokens.reshape([batch, rows * columns, self.config.width])
    }

    /// Tokens as the first block takes them: class token first, positions added. [B, 1 + N, D]
    ///
    /// # Panics
    /// As [`Self::patch_tokens`].
    pub fn tokens(&self, image: Tensor<4>, kernel: &PatchKernel) -> Tensor<3> {
        let [_, _, height, width] = image.dims();
        let (rows, columns) = self.config.grid(height, width);
        let patches = self.patch_tokens(image, kernel);
        self.with_positions(patches, rows, columns)
    }

    /// Adds class token and positions to patch tokens [B, rows * columns, D]: [B, 1 + rows * columns, D].
    pub fn with_positions(&self, patches: Tensor<3>, rows: usize, columns: usize) -> Tensor<3> {
        let [batch, _, d] = patches.dims();
        let how = if self.config.layer_scale {
            Resampling::BicubicAntialiased
        } else {
            Resampling::Bicubic
        };
        let positions = resample_table(self.positions.val(), rows, columns, how);
        let class = self.class_token.val().expand([batch, 1, d]);
        Tensor::cat(vec![class, patches], 1) + positions
    }

    /// All tokens [B, 1 + N, D] after the chosen blocks, counted from 0, in the order asked for; class token first, no
    /// final norm. Runs no further than the last block chosen.
    ///
    /// # Panics
    /// If a chosen block does not exist.
    pub fn run_blocks(&self, tokens: Tensor<3>, which: &[usize]) -> Vec<Tensor<3>> {
        let depth = self.blocks.len();
        assert!(
            which.iter().all(|&index| index < depth),
            "blocks {which:?} of a model with {depth} blocks"
        );
        let end = which.iter().max().map_or(0, |last| last + 1);
        let mut kept = vec![None; depth];
        let mut x = tokens;
        for (index, block) in self.blocks.iter().take(end).enumerate() {
            x = block.forward(x);
            if which.contains(&index) {
                kept[index] = Some(x.clone());
            }
        }
        which
            .iter()
            .filter_map(|&index| kept[index].clone())
            .collect()
    }

    /// Patch tokens [B, N, D] after the chosen blocks, without norm: the dense features the authors use (section 3.1).
    /// Reshape to [B, Gh, Gw, D] with [`DofaConfig::grid`].
    ///
    /// # Panics
    /// As [`Self::patch_tokens`] and [`Self::run_blocks`].
    pub fn blocks(
        &self,
        image: Tensor<4>,
        kernel: &PatchKernel,
        which: &[usize],
    ) -> Vec<Tensor<3>> {
        self.run_blocks(self.tokens(image, kernel), which)
            .into_iter()
            .map(without_class)
            .collect()
    }

    /// One vector per image [B, D], global pool: version 1 takes the mean of the patch tokens and normalises it
    /// (scale and shift of that norm belong to a trained head, here 1 and 0); version 2 the mean of the normed tokens.
    ///
    /// # Panics
    /// As [`Self::patch_tokens`].
    pub fn features(&self, image: Tensor<4>, kernel: &PatchKernel) -> Tensor<2> {
        let tokens = self.last(image, kernel);
        if self.config.layer_scale {
            return mean_of_patches(self.final_norm(tokens));
        }
        let pooled = mean_of_patches(tokens);
        let centred = pooled.clone() - pooled.mean_dim(1);
        let variance = centred.clone().square().mean_dim(1);
        centred / (variance + EPSILON).sqrt()
    }

    /// One vector per image [B, D]: the class token after the final norm.
    ///
    /// # Panics
    /// As [`Self::patch_tokens`].
    pub fn class_features(&self, image: Tensor<4>, kernel: &PatchKernel) -> Tensor<2> {
        self.final_norm(self.last(image, kernel))
            .narrow(1, 0, 1)
            .squeeze_dim(1)
    }

    /// The final norm: [B, 1 + N, D] -> [B, 1 + N, D]. Dense features are taken before it.
    pub fn final_norm(&self, tokens: Tensor<3>) -> Tensor<3> {
        fused::norm(&self.norm, tokens, EPSILON)
    }

    /// All blocks and the final norm on any tokens: [B, T, D] -> [B, T, D].
    pub(crate) fn encode_tokens(&self, tokens: Tensor<3>) -> Tensor<3> {
        let tokens = self.blocks.iter().fold(tokens, |x, block| block.forward(x));
        self.final_norm(tokens)
    }

    /// Tokens after all blocks.
    fn last(&self, image: Tensor<4>, kernel: &PatchKernel) -> Tensor<3> {
        self.blocks
            .iter()
            .fold(self.tokens(image, kernel), |x, block| block.forward(x))
    }
}

fn without_class(tokens: Tensor<3>) -> Tensor<3> {
    let [_, count, _] = tokens.dims();
    tokens.narrow(1, 1, count - 1)
}

fn mean_of_patches(tokens: Tensor<3>) -> Tensor<2> {
    without_class(tokens).mean_dim(1).squeeze_dim(1)
}
