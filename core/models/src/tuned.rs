//! A fine-tuned model: an encoder with a head for pixels or for whole patches, and the file it lives in.
//! Knows images and outputs as tensors. Knows nothing of classes' names, rasters or training.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use burn::module::{Module, ModuleVisitor, Param};
use burn::nn::{BatchNorm, Linear};
use burn::store::{ApplyError, ModuleSnapshot, SafetensorsStore};
use burn::tensor::{Device, Tensor};
use serde::{Deserialize, Serialize};

use crate::error::{KeyMismatch, Misshapen, ModelError};
use crate::feature_maps::resize_map;
use crate::parameters::{ParameterList, Start};
use crate::segmentation::{AUXILIARY_WEIGHT, SegmentationConfig, SegmentationHead};
use crate::target::Target;
use crate::weights::{Layers, Seeded};
use crate::{Dofa, DofaConfig, PatchKernel, Trainable};

/// Epsilon of the batch norm before a linear probe (specification 6.2).
const PROBE_EPSILON: f64 = 1e-6;
/// Entry of the file's header that holds what is to know about it, as JSON.
pub(crate) const ABOUT: &str = "terroir";

/// Kinds of heads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeadShape {
    /// Feature pyramid and UPerNet with an auxiliary head: numbers for every pixel.
    Pixels,
    /// One linear layer on the last block's tokens: numbers for every patch of the model, interpolated to pixels.
    PixelProbe,
    /// One linear layer on the pooled tokens: numbers for the whole image.
    Patch,
}

/// Size of a fine-tuned model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TunedConfig {
    pub encoder: DofaConfig,
    pub head: HeadShape,
    /// Classes, or 1 for a value.
    pub outputs: usize,
}

/// An encoder with its head.
#[derive(Module, Debug)]
pub struct TunedModel {
    encoder: Dofa,
    head: Head,
    #[module(skip)]
    config: TunedConfig,
}

#[derive(Module, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "one head a model; its tensors lie on the heap"
)]
enum Head {
    Pixels(SegmentationHead),
    PixelProbe(Probe),
    Patch(Probe),
}

/// Batch norm without scale and shift, then a linear layer.
#[derive(Module, Debug)]
struct Probe {
    norm: BatchNorm,
    linear: Linear,
}

/// What a model says of a batch.
pub struct TunedOutput {
    /// [B, outputs, H, W]: a grid of pixels or patches; 1 x 1 for a whole image.
    pub scores: Tensor<4>,
    /// Of the auxiliary head, where there is one.
    pub auxiliary: Option<Tensor<4>>,
}

impl TunedOutput {
    /// Loss against labels of any size, to which the scores are interpolated; the auxiliary head counts 0.4.
    pub fn loss(self, target: &Target) -> Tensor<1> {
        let (rows, columns) = target.size();
        let loss = target.loss(resize_map(self.scores, rows, columns));
        match self.auxiliary {
            Some(scores) => {
                loss + target.loss(resize_map(scores, rows, columns)) * AUXILIARY_WEIGHT
            }
            None => loss,
        }
    }
}

impl Probe {
    fn init(width: usize, outputs: usize, seed: u64, device: &Device) -> Self {
        let mut list = ParameterList(Vec::new());
        list.batch_norm("norm", width);
        list.add(
            "linear.weight".to_owned(),
            &[outputs, width],
            Start::Normal(0.01),
        );
        list.add("linear.bias".to_owned(), &[outputs], Start::Constant(0.0));
        let mut weights = Seeded::new(seed, list.0);
        let layers = &mut Layers {
            weights: &mut weights,
            device,
        };
        let Ok(mut norm) = layers.batch_norm("norm", width, PROBE_EPSILON);
        norm.gamma = norm.gamma.set_require_grad(false);
        norm.beta = norm.beta.set_require_grad(false);
        let Ok(linear) = layers.linear("linear", width, outputs);
        Self { norm, linear }
    }

    /// [M, D] -> [M, outputs]
    fn forward(&self, features: Tensor<2>) -> Tensor<2> {
        self.linear.forward(self.norm.forward(features))
    }
}

impl TunedModel {
    /// `encoder` with a head that has learnt nothing yet; `seed` names the head's start.
    pub fn new(encoder: Dofa, head: HeadShape, outputs: usize, seed: u64, device: &Device) -> Self {
        let config = TunedConfig {
            encoder: encoder.config().clone(),
            head,
            outputs,
        };
        let width = config.encoder.width;
        let probe = || Probe::init(width, outputs, seed, device);
        let head = match head {
            HeadShape::Pixels => {
                Head::Pixels(SegmentationConfig::of(width, outputs).init(seed, device))
            }
            HeadShape::PixelProbe => Head::PixelProbe(probe()),
            HeadShape::Patch => Head::Patch(probe()),
        };
        Self {
            encoder,
            head,
            config,
        }
    }

    pub fn config(&self) -> &TunedConfig {
        &self.config
    }

    /// Marks what of the encoder learns; the head always does.
    #[must_use]
    pub fn learning(mut self, what: Trainable, seed: u64) -> Self {
        self.encoder = what.apply(self.encoder, seed);
        self
    }

    /// Patch embedding for these bands ([`Dofa::patch_kernel`]).
    ///
    /// # Errors
    /// As [`crate::sine_table`]: no bands, no positive number, or nanometres.
    pub fn patch_kernel(&self, wavelengths_um: &[f32]) -> Result<PatchKernel, ModelError> {
        self.encoder.patch_kernel(wavelengths_um)
    }

    /// `image` [B, C, H, W]. `draw` as in [`SegmentationHead::forward`]: a number while training, else `None`.
    ///
    /// # Panics
    /// As [`Dofa::patch_tokens`].
    pub fn forward(
        &self,
        image: Tensor<4>,
        kernel: &PatchKernel,
        draw: Option<u64>,
    ) -> TunedOutput {
        let [batch, _, height, width] = image.dims();
        let (rows, columns) = self.config.encoder.grid(height, width);
        let outputs = self.config.outputs;
        let as_map = |tokens: Tensor<3>| {
            let [_, _, channels] = tokens.dims();
            tokens
                .reshape([batch, rows, columns, channels])
                .permute([0, 3, 1, 2])
        };
        match &self.head {
            Head::Pixels(head) => {
                let taps = self.config.encoder.taps();
                let tokens = self.encoder.blocks(image, kernel, &taps);
                let said = head.forward(tokens.into_iter().map(as_map).collect(), draw);
                TunedOutput {
                    scores: said.scores,
                    auxiliary: Some(said.auxiliary),
                }
            }
            Head::PixelProbe(probe) => {
                let last = self.config.encoder.depth - 1;
                let tokens = Tensor::cat(self.encoder.blocks(image, kernel, &[last]), 0);
                let [_, count, channels] = tokens.dims();
                let scores = probe.forward(tokens.reshape([batch * count, channels]));
                TunedOutput {
                    scores: as_map(scores.reshape([batch, count, outputs])),
                    auxiliary: None,
                }
            }
            Head::Patch(probe) => {
                let scores = probe.forward(self.encoder.features(image, kernel));
                TunedOutput {
                    scores: scores.reshape([batch, outputs, 1, 1]),
                    auxiliary: None,
                }
            }
        }
    }

    /// Number of floats that learn.
    pub fn learning_count(&self) -> usize {
        struct Count(usize);
        impl ModuleVisitor for Count {
            fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
                if param.is_require_grad() {
                    self.0 += param.lazy_shape().num_elements();
                }
            }
        }
        let mut count = Count(0);
        self.visit(&mut count);
        count.0
    }

    /// The model as it is used: nothing learns, low-rank additions merged into the weights they belong to.
    #[must_use]
    pub fn for_use(&self) -> Self {
        self.valid().materialize()
    }

    /// Writes the model as it is used, and what is to know about it, to a safetensors file: beside its place, then renamed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path, about: &serde_json::Value) -> Result<(), ModelError> {
        let header = serde_json::json!({ "model": self.config, "about": about });
        let mut store = SafetensorsStore::from_file(path)
            .overwrite(true)
            .metadata(ABOUT, header.to_string());
        self.for_use()
            .save_into(&mut store)
            .map_err(|error| ModelError::Write {
                path: path.to_path_buf(),
                source: unwritten(&error.to_string()),
            })
    }
}

/// The library gives the system's reason as text only.
fn unwritten(reason: &str) -> std::io::Error {
    let no_room = ["os error 28)", "os error 112)", "No space left"];
    match no_room.iter().any(|text| reason.contains(text)) {
        true => std::io::ErrorKind::StorageFull.into(),
        false => std::io::Error::other(reason.to_owned()),
    }
}

/// Reads a model that [`TunedModel::save`] wrote, and what it says about itself.
///
/// # Errors
/// Unreadable, no such file of ours, or tensors missing or of another shape.
pub fn load_tuned(
    path: &Path,
    device: &Device,
) -> Result<(TunedModel, serde_json::Value), ModelError> {
    let (config, about) = about_tuned(path)?;
    let seed = 0;
    let encoder = config.encoder.init(seed, device);
    let mut model = TunedModel::new(encoder, config.head, config.outputs, seed, device);
    let not_ours = |reason: String| ModelError::NotTuned {
        path: path.to_path_buf(),
        reason,
    };
    let mut store = SafetensorsStore::from_file(path)
        .map_indices_contiguous(false)
        .validate(false)
        .allow_partial(true);
    let damaged =
        |error: &dyn std::fmt::Display| not_ours(format!("it is cut short or damaged ({error})"));
    let applied = model
        .load_from(&mut store)
        .map_err(|error| damaged(&error))?;
    let mut mismatch = KeyMismatch {
        missing: applied.missing.into_iter().map(|(name, _)| name).collect(),
        extra: applied.unused,
        misshapen: Vec::new(),
    };
    for error in applied.errors {
        let ApplyError::ShapeMismatch {
            path: key,
            expected,
            found,
        } = error
        else {
            return Err(damaged(&error));
        };
        mismatch.misshapen.push(Misshapen {
            key,
            expected: expected.to_vec(),
            found: found.to_vec(),
        });
    }
    if !mismatch.is_empty() {
        return Err(ModelError::Mismatch {
            path: path.to_path_buf(),
            mismatch,
        });
    }
    device.sync().map_err(|error| ModelError::Device {
        reason: error.to_string(),
    })?;
    Ok((model.valid(), about))
}

/// What a file of [`TunedModel::save`] says about itself, without reading its tensors.
///
/// # Errors
/// Unreadable, or no such file of ours.
pub fn about_tuned(path: &Path) -> Result<(TunedConfig, serde_json::Value), ModelError> {
    #[derive(Deserialize)]
    struct Header {
        model: TunedConfig,
        about: serde_json::Value,
    }
    let not_ours = |reason: &str| ModelError::NotTuned {
        path: path.to_path_buf(),
        reason: reason.to_owned(),
    };
    let text = header_text(path)
        .map_err(|source| ModelError::Read {
            path: path.to_path_buf(),
            source,
        })?
        .ok_or_else(|| not_ours("its header does not say what it was trained for"))?;
    let header: Header = serde_json::from_str(&text)
        .map_err(|error| not_ours(&format!("its header cannot be read ({error})")))?;
    let (encoder, bytes) = (
        &header.model.encoder,
        std::fs::metadata(path).map(|m| m.len()),
    );
    // A made-up size must not make us allocate what the file cannot hold.
    let side_limit = 1 << 12;
    let is_sane = encoder.heads > 0
        && encoder.width.is_multiple_of(encoder.heads)
        && encoder.width.is_multiple_of(4)
        && (1..side_limit).contains(&encoder.patch)
        && (1..side_limit).contains(&encoder.depth)
        && (1..4 * side_limit).contains(&encoder.width)
        && (1..side_limit).contains(&encoder.image)
        && (1..=usize::from(u8::MAX)).contains(&header.model.outputs)
        && encoder.image + 2 >= encoder.patch
        && bytes.is_ok_and(|bytes| bytes >= 2 * encoder.parameter_count() as u64);
    if !is_sane {
        return Err(not_ours(
            "the size in its header fits no model it could hold",
        ));
    }
    Ok((header.model, header.about))
}

/// Our entry of a safetensors header; `None` where there is no such entry or no such header.
pub(crate) fn header_text(path: &Path) -> std::io::Result<Option<String>> {
    /// Readers of the format refuse longer headers too.
    const LONGEST: u64 = 100_000_000;
    let mut file = File::open(path)?;
    let mut length = [0; 8];
    if file.read_exact(&mut length).is_err() {
        return Ok(None);
    }
    let header = file.take(u64::from_le_bytes(length).min(LONGEST));
    let header: Option<serde_json::Value> = serde_json::from_reader(BufReader::new(header)).ok();
    Ok(header.and_then(|header| {
        let text = header.get("__metadata__")?.get(ABOUT)?.as_str()?;
        Some(text.to_owned())
    }))
}
