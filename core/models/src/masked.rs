//! Masked pretraining of DOFA: encoder on the visible patches, wavelength-conditioned decoder, the losses
//! (specification section 4). Knows images as tensors. Knows no optimiser, no schedule and no files but weights.

use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::{Device, Int, Tensor, TensorData};

use crate::dofa::{Dofa, PatchKernel};
use crate::error::{KeyMismatch, Misshapen, ModelError};
use crate::fused;
use crate::mask::Mask;
use crate::parameters::{Parameter, ParameterList, Start};
use crate::vit::{Block, EPSILON};
use crate::wavelength::{WeightGenerator, sine_tensor};
use crate::weights::{Layers, Seeded, Weights};
use crate::weights_file::WeightsFile;
use crate::{DofaConfig, TeacherView};

/// Where the decoder's weight generator stands in weights files.
const DECODER_GENERATOR: &str = "decoder_pred.weight_generator";

/// Numbers a block keeps of a token for the way back, in widths: two norms, three of attention and its answer, the projection,
/// two of the MLP at four widths, and what is added.
const BLOCK_WIDTHS: usize = 16;

/// Size of a masked autoencoder.
#[derive(Clone, Debug, PartialEq)]
pub struct MaskedConfig {
    pub encoder: DofaConfig,
    /// Side of the square images it is trained on, pixels; a multiple of the patch.
    pub image: usize,
    pub decoder_width: usize,
    pub decoder_depth: usize,
    pub decoder_heads: usize,
}

/// How the pixels of a target patch are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetOrder {
    /// Band, row, column: as the generated kernel predicts them.
    Bands,
    /// Row, column, band: as the published training had it, which compares bands with other bands (section 4.3). Only for
    /// comparing with its numbers.
    Reference,
}

/// Encoder, decoder and the projector of the distillation. Shapes: B images, C bands, N patches, P patch side, D encoder
/// and E decoder width.
#[derive(Module, Debug)]
pub struct MaskedDofa {
    encoder: Dofa,
    projector: Linear,
    decoder: Decoder,
    #[module(skip)]
    config: MaskedConfig,
}

#[derive(Module, Debug)]
struct Decoder {
    embed: Linear,
    mask_token: Param<Tensor<3>>,
    positions: Param<Tensor<3>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    generator: WeightGenerator,
}

impl MaskedConfig {
    /// The published decoder (512 wide, 8 blocks) for the published encoders, a small one for smaller encoders.
    pub fn of(encoder: DofaConfig, image: usize) -> Self {
        let (decoder_width, decoder_depth, decoder_heads) = match encoder.width {
            ..384 => (128, 2, 4),
            384..768 => (256, 4, 8),
            _ => (512, 8, 16),
        };
        Self {
            encoder,
            image,
            decoder_width,
            decoder_depth,
            decoder_heads,
        }
    }

    /// Patches along a side of the image.
    fn side(&self) -> usize {
        self.image / self.encoder.patch
    }

    /// The decoder's blocks in the words of an encoder.
    fn decoder(&self) -> DofaConfig {
        DofaConfig {
            image: self.image,
            patch: self.encoder.patch,
            width: self.decoder_width,
            depth: self.decoder_depth,
            heads: self.decoder_heads,
            layer_scale: false,
        }
    }

    /// Numbers of an image that the way back needs of the way forward, about: those of the blocks, and the image and its
    /// patches as they are told again.
    pub fn kept_floats(&self, bands: usize, mask_ratio: f64) -> usize {
        let patches = self.side() * self.side();
        let seen = (patches as f64 * (1.0 - mask_ratio)).ceil() as usize + 1;
        let of_blocks = |tokens: usize, config: &DofaConfig| {
            tokens * config.depth * (BLOCK_WIDTHS * config.width + config.heads * tokens)
        };
        of_blocks(seen, &self.encoder)
            + of_blocks(patches + 1, &self.decoder())
            + 3 * bands * self.image * self.image
    }

    /// What a masked autoencoder has beside its encoder, named as in the published training.
    pub fn decoder_parameters(&self) -> Vec<Parameter> {
        let (d, e, patch) = (self.encoder.width, self.decoder_width, self.encoder.patch);
        let side = self.side();
        let mut list = ParameterList(Vec::new());
        list.add("mask_token".to_owned(), &[1, 1, e], Start::Normal(0.02));
        list.linear("projector", d, d);
        list.linear("decoder_embed", d, e);
        list.add(
            "decoder_pos_embed".to_owned(),
            &[1, side * side + 1, e],
            Start::Positions { side, width: e },
        );
        list.blocks("decoder_blocks", &self.decoder());
        list.norm("decoder_norm", e);
        list.generator(DECODER_GENERATOR, patch * patch * e, e);
        list.0
    }

    /// A fresh autoencoder around an encoder; the same seed gives the same decoder on every device.
    ///
    /// # Errors
    /// The image is no multiple of the patch, or the encoder is not of this size.
    pub fn around(
        &self,
        encoder: Dofa,
        seed: u64,
        device: &Device,
    ) -> Result<MaskedDofa, ModelError> {
        self.check(&encoder)?;
        let mut weights = Seeded::new(seed, self.decoder_parameters());
        let Ok(model) = MaskedDofa::build(self, encoder, &mut weights, device);
        Ok(model)
    }

    /// An autoencoder around an encoder with everything else from files, each tensor from the first that has it.
    ///
    /// # Errors
    /// As [`Self::around`]; an unreadable file, or tensors that are missing or of another shape, all named.
    pub fn load(
        &self,
        encoder: Dofa,
        files: &[&Path],
        device: &Device,
    ) -> Result<MaskedDofa, ModelError> {
        self.check(&encoder)?;
        let files = files
            .iter()
            .map(|path| WeightsFile::open(path))
            .collect::<Result<Vec<_>, _>>()?;
        let shape_of = |name: &str| files.iter().find_map(|file| file.shape(name));
        let mut mismatch = KeyMismatch::default();
        for parameter in self.decoder_parameters() {
            match shape_of(&parameter.name) {
                None => mismatch.missing.push(parameter.name),
                Some(found) if found != parameter.shape => {
                    mismatch.misshapen.push(Misshapen {
                        key: parameter.name.clone(),
                        expected: parameter.shape,
                        found: found.to_vec(),
                    });
                }
                Some(_) => {}
            }
        }
        if !mismatch.is_empty() {
            let path = files.last().map(|file| file.path().to_path_buf());
            return Err(ModelError::OtherNetwork {
                network: "the decoder of a masked autoencoder",
                path: path.unwrap_or_default(),
                mismatch,
            });
        }
        MaskedDofa::build(self, encoder, &mut Files(files), device)
    }

    fn check(&self, encoder: &Dofa) -> Result<(), ModelError> {
        let patch = self.encoder.patch;
        if !self.image.is_multiple_of(patch) || self.side() < 2 {
            return Err(ModelError::ImageSize {
                image: self.image,
                patch,
            });
        }
        let found = encoder.config();
        if (found.width, found.patch) != (self.encoder.width, patch) {
            return Err(ModelError::OtherEncoder {
                width: found.width,
                patch: found.patch,
            });
        }
        Ok(())
    }
}

/// Values from whichever file has them.
struct Files(Vec<WeightsFile>);

impl Weights for Files {
    type Error = ModelError;

    fn take(&mut self, name: &str, _shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        let has = |file: &&mut WeightsFile| file.shape(name).is_some();
        match self.0.iter_mut().find(has) {
            Some(file) => file.take(name),
            None => Err(ModelError::Values {
                path: Default::default(),
                key: name.to_owned(),
                what: "nothing".to_owned(),
            }),
        }
    }
}

impl MaskedDofa {
    fn build<W: Weights>(
        config: &MaskedConfig,
        encoder: Dofa,
        weights: &mut W,
        device: &Device,
    ) -> Result<Self, W::Error> {
        let (d, e, patch) = (
            config.encoder.width,
            config.decoder_width,
            config.encoder.patch,
        );
        let tokens = config.side().pow(2) + 1;
        let decoder_config = config.decoder();
        let mut layers = Layers { weights, device };
        let blocks = (0..config.decoder_depth)
            .map(|index| {
                let name = format!("decoder_blocks.{index}");
                Block::build(&mut layers, &name, &decoder_config)
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            projector: layers.linear("projector", d, d)?,
            decoder: Decoder {
                embed: layers.linear("decoder_embed", d, e)?,
                mask_token: layers.tensor("mask_token", [1, 1, e])?,
                positions: layers
                    .tensor("decoder_pos_embed", [1, tokens, e])?
                    .set_require_grad(false),
                blocks,
                norm: layers.norm("decoder_norm", e, EPSILON)?,
                generator: WeightGenerator::build(
                    &mut layers,
                    DECODER_GENERATOR,
                    patch * patch * e,
                    e,
                )?,
            },
            encoder,
            config: config.clone(),
        })
    }

    pub fn config(&self) -> &MaskedConfig {
        &self.config
    }

    pub fn encoder(&self) -> &Dofa {
        &self.encoder
    }

    /// Patches of an image.
    pub fn patches(&self) -> usize {
        self.config.side().pow(2)
    }

    /// Wave features [C, 128] that encoder and decoder share, with their gradient.
    ///
    /// # Errors
    /// As [`crate::sine_table`].
    pub fn wave_features(&self, wavelengths_um: &[f32]) -> Result<Tensor<2>, ModelError> {
        let device = self.decoder.mask_token.val().device();
        let sines = sine_tensor(wavelengths_um, &device)?;
        Ok(self.encoder.wave_features(sines))
    }

    /// Latent of the visible patches, class token first: [B, C, H, W] -> [B, 1 + V, D] (section 4.1).
    ///
    /// # Panics
    /// If image, kernel and mask do not fit each other.
    pub fn encode(&self, image: Tensor<4>, kernel: &PatchKernel, mask: &Mask) -> Tensor<3> {
        let tokens = self.encoder.tokens(image, kernel);
        let [batch, all, width] = tokens.dims();
        let rows = indices(mask.visible_rows(), &tokens.device());
        let visible = tokens
            .reshape([batch * all, width])
            .select(0, rows)
            .reshape([batch, mask.visible() + 1, width]);
        self.encoder.encode_tokens(visible)
    }

    /// [B, 1 + V, D] -> [B, 1 + V, E]
    pub fn embed_latent(&self, latent: Tensor<3>) -> Tensor<3> {
        fused::linear(&self.decoder.embed, latent)
    }

    /// All patches in their order with their positions, mask token where hidden: [B, 1 + V, E] -> [B, 1 + N, E].
    pub fn decoder_tokens(&self, embedded: Tensor<3>, mask: &Mask) -> Tensor<3> {
        let [batch, visible, width] = embedded.dims();
        let device = embedded.device();
        let token = self.decoder.mask_token.val().reshape([1, width]);
        let rows = Tensor::cat(vec![embedded.reshape([batch * visible, width]), token], 0);
        let restored = rows
            .select(0, indices(mask.restored_rows(), &device))
            .reshape([batch, mask.patches() + 1, width]);
        restored + self.decoder.positions.val()
    }

    /// One block of the decoder: [B, 1 + N, E] -> [B, 1 + N, E]; the last block's result where there is no such block.
    pub fn decoder_block(&self, index: usize, tokens: Tensor<3>) -> Tensor<3> {
        match self.decoder.blocks.get(index) {
            Some(block) => block.forward(tokens),
            None => tokens,
        }
    }

    /// What the decoder multiplies its tokens by: [C * P * P, E], rows by band, row, column; factor 0.01 applied.
    pub fn pixel_kernel(&self, waves: Tensor<2>) -> Tensor<2> {
        self.decoder
            .generator
            .kernel(waves, self.config.decoder_width)
            .0
    }

    /// Pixels of every patch: [B, 1 + N, E] after the blocks -> [B, N, C * P * P] (section 4.2).
    pub fn predict(&self, tokens: Tensor<3>, pixel_kernel: Tensor<2>) -> Tensor<3> {
        let [batch, all, width] = tokens.dims();
        let tokens = fused::norm(&self.decoder.norm, tokens, EPSILON)
            .narrow(1, 1, all - 1)
            .reshape([batch * (all - 1), width]);
        let pixels = tokens.matmul(pixel_kernel.transpose());
        let [_, values] = pixels.dims();
        pixels.reshape([batch, all - 1, values])
    }

    /// Predicted pixels of an image whose hidden patches were not seen: [B, N, C * P * P].
    ///
    /// # Errors
    /// As [`Self::wave_features`].
    pub fn reconstruct(
        &self,
        image: Tensor<4>,
        wavelengths_um: &[f32],
        mask: &Mask,
    ) -> Result<Tensor<3>, ModelError> {
        let waves = self.wave_features(wavelengths_um)?;
        let kernel = self.encoder.generate_kernel(waves.clone());
        let latent = self.encode(image, &kernel, mask);
        let mut tokens = self.decoder_tokens(self.embed_latent(latent), mask);
        for block in &self.decoder.blocks {
            tokens = block.forward(tokens);
        }
        Ok(self.predict(tokens, self.pixel_kernel(waves)))
    }

    /// Loss of the masked image modelling, a single number: the mean squared error over hidden patches, of pixels brought
    /// to mean 0 and deviation 1 in each patch where `is_normalised` (section 4.3).
    ///
    /// # Errors
    /// As [`Self::wave_features`].
    pub fn masked_loss(
        &self,
        image: Tensor<4>,
        wavelengths_um: &[f32],
        mask: &Mask,
        order: TargetOrder,
        is_normalised: bool,
    ) -> Result<Tensor<1>, ModelError> {
        let target = target(image.clone(), self.config.encoder.patch, order);
        let target = if is_normalised {
            normalised_patches(target)
        } else {
            target
        };
        let predicted = self.reconstruct(image, wavelengths_um, mask)?;
        Ok(masked_error(predicted, target, mask))
    }

    /// The student's answer to the teacher: mean of all tokens before the last block, projected (section 4.4).
    /// `image`: [B, 3, H, W], unmasked. Returns [B, D].
    ///
    /// # Errors
    /// As [`Self::wave_features`].
    pub fn student(
        &self,
        image: Tensor<4>,
        wavelengths_um: &[f32],
    ) -> Result<Tensor<2>, ModelError> {
        let waves = self.wave_features(wavelengths_um)?;
        let kernel = self.encoder.generate_kernel(waves);
        let tokens = self.encoder.tokens(image, &kernel);
        let before_last = self.config.encoder.depth.saturating_sub(2);
        let mut tokens = self.encoder.run_blocks(tokens, &[before_last]);
        // `run_blocks` answers with one tensor for each block asked for.
        let mean = match tokens.pop() {
            Some(tokens) => tokens.mean_dim(1).squeeze_dim::<2>(1),
            None => return Err(ModelError::NoBands),
        };
        Ok(self.projector.forward(mean))
    }

    /// Loss of the distillation: minus the mean cosine between student and teacher, both [B, D].
    ///
    /// # Errors
    /// As [`Self::wave_features`].
    pub fn distillation_loss(
        &self,
        image: Tensor<4>,
        view: &TeacherView,
        teacher: Tensor<2>,
    ) -> Result<Tensor<1>, ModelError> {
        let student = self.student(view.image(image), &view.wavelengths_um)?;
        Ok(-cosine(student, teacher).mean())
    }
}

/// Pixels of every patch on the plain grid (no shift): [B, C, H, W] -> [B, N, C * P * P].
pub fn target(image: Tensor<4>, patch: usize, order: TargetOrder) -> Tensor<3> {
    let [batch, bands, height, width] = image.dims();
    let (rows, columns) = (height / patch, width / patch);
    let axes = match order {
        TargetOrder::Bands => [0, 2, 4, 1, 3, 5],
        TargetOrder::Reference => [0, 2, 4, 3, 5, 1],
    };
    image
        .narrow(2, 0, rows * patch)
        .narrow(3, 0, columns * patch)
        .reshape([batch, bands, rows, patch, columns, patch])
        .permute(axes)
        .reshape([batch, rows * columns, bands * patch * patch])
}

/// Each patch brought to mean 0 and deviation 1 over all its values: [B, N, K] -> [B, N, K].
pub fn normalised_patches(target: Tensor<3>) -> Tensor<3> {
    let (variance, mean) = target.clone().var_mean(2);
    (target - mean) / (variance + 1e-6).sqrt()
}

/// Mean squared error over the hidden patches.
fn masked_error(predicted: Tensor<3>, target: Tensor<3>, mask: &Mask) -> Tensor<1> {
    let error = (predicted - target).square().mean_dim(2);
    let [batch, patches, _] = error.dims();
    let hidden = Tensor::<3>::from_data(
        TensorData::new(mask.hidden_values(), [batch, patches, 1]),
        &error.device(),
    );
    (error * hidden).sum() / mask.hidden_count() as f32
}

/// Cosine between the rows of two [B, D].
fn cosine(a: Tensor<2>, b: Tensor<2>) -> Tensor<2> {
    let length = |x: Tensor<2>| x.square().sum_dim(1).sqrt().clamp_min(1e-8);
    (a.clone() * b.clone()).sum_dim(1) / (length(a) * length(b))
}

fn indices(rows: Vec<i32>, device: &Device) -> Tensor<1, Int> {
    let count = rows.len();
    Tensor::from_data(TensorData::new(rows, [count]), device)
}
