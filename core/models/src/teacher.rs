//! The teacher of the distillation: a plain vision transformer in timm's naming, frozen, and the three-channel view of
//! any sensor it is shown (specification 4.4). Knows nothing of the student.

use std::collections::BTreeSet;
use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::{Device, Tensor};

use crate::DofaConfig;
use crate::error::{KeyMismatch, Misshapen, ModelError};
use crate::parameters::{ParameterList, Start};
use crate::position::{Resampling, resample_table};
use crate::vit::Block;
use crate::weights::{Layers, Weights};
use crate::weights_file::{WeightsFile, sha256};

/// Parts of a classifier that come after what is asked of the teacher.
const NOT_NEEDED: [&str; 5] = ["head.", "norm.", "fc_norm.", "pre_logits.", "head_drop."];

/// A plain vision transformer, up to its second-to-last block.
#[derive(Module, Debug)]
pub struct Teacher {
    /// Patch pixels (3 * P * P) to width.
    patches: Linear,
    class_token: Param<Tensor<3>>,
    positions: Param<Tensor<3>>,
    blocks: Vec<Block>,
    #[module(skip)]
    config: DofaConfig,
}

/// Loads a teacher; its size is read off the shapes, heads are width / 64 unless a `.safetensors` header tells
/// `num_heads`. Returns the SHA-256 of the file with it.
///
/// # Errors
/// Unreadable or no weights file, or tensors missing, extra or of another shape than a plain vision transformer has (all
/// named): no class token, register tokens and query-key norms are such.
pub fn load_teacher(path: &Path, device: &Device) -> Result<(Teacher, String), ModelError> {
    let mut file = WeightsFile::open(path)?;
    let config = config_of(&file)?;
    check(&file, &config)?;
    let sha256 = sha256(path)?;
    let (d, p) = (config.width, config.patch);
    let heads_fit = config.heads > 0 && d.is_multiple_of(config.heads);
    if !heads_fit {
        return Err(ModelError::Heads {
            path: path.to_path_buf(),
            heads: config.heads,
            width: d,
        });
    }
    let side = config.image / p;
    let mut values = OneFile(&mut file);
    // [D, 3, P, P] read as [D, 3 * P * P] is a linear layer on gathered patches.
    let mut layers = Layers {
        weights: &mut values,
        device,
    };
    let blocks = (0..config.depth - 1)
        .map(|index| Block::build(&mut layers, &format!("blocks.{index}"), &config))
        .collect::<Result<_, _>>()?;
    let teacher = Teacher {
        patches: layers.linear("patch_embed.proj", 3 * p * p, d)?,
        class_token: layers.tensor("cls_token", [1, 1, d])?,
        positions: layers.tensor("pos_embed", [1, side * side + 1, d])?,
        blocks,
        config,
    };
    Ok((teacher.no_grad(), sha256))
}

struct OneFile<'a>(&'a mut WeightsFile);

impl Weights for OneFile<'_> {
    type Error = ModelError;

    fn take(&mut self, name: &str, _shape: &[usize]) -> Result<Vec<f32>, ModelError> {
        self.0.take(name)
    }
}

fn config_of(file: &WeightsFile) -> Result<DofaConfig, ModelError> {
    let not_one = |reason: &str| ModelError::NotTeacher {
        path: file.path().to_path_buf(),
        reason: reason.to_owned(),
    };
    let Some([width, 3, patch, patch_width]) = file.shape("patch_embed.proj.weight") else {
        return Err(not_one(
            "it has no patch_embed.proj.weight for three channels",
        ));
    };
    if patch != patch_width || *patch == 0 || *width == 0 {
        return Err(not_one("its patches are not square"));
    }
    let side = match file.shape("pos_embed") {
        Some([1, tokens, _]) if *tokens > 1 => (tokens - 1).isqrt(),
        _ => return Err(not_one("it has no pos_embed")),
    };
    let depth = file
        .names()
        .filter_map(|name| {
            name.strip_prefix("blocks.")?
                .split('.')
                .next()?
                .parse()
                .ok()
        })
        .max()
        .map_or(0, |last: usize| last.saturating_add(1));
    if depth < 2 || depth > file.names().count() {
        return Err(not_one("it has no two transformer blocks"));
    }
    Ok(DofaConfig {
        image: side * patch,
        patch: *patch,
        width: *width,
        depth,
        heads: file.heads().unwrap_or_else(|| (width / 64).max(1)),
        layer_scale: file.shape("blocks.0.ls1.gamma").is_some(),
    })
}

fn check(file: &WeightsFile, config: &DofaConfig) -> Result<(), ModelError> {
    let (d, p) = (config.width, config.patch);
    let side = config.image / p;
    let mut list = ParameterList(Vec::new());
    let none = Start::Constant(0.0);
    list.add("cls_token".to_owned(), &[1, 1, d], none);
    list.add("pos_embed".to_owned(), &[1, side * side + 1, d], none);
    list.add("patch_embed.proj.weight".to_owned(), &[d, 3, p, p], none);
    list.add("patch_embed.proj.bias".to_owned(), &[d], none);
    list.blocks("blocks", config);
    let mut mismatch = KeyMismatch::default();
    let mut known = BTreeSet::new();
    for parameter in list.0 {
        match file.shape(&parameter.name) {
            None => mismatch.missing.push(parameter.name.clone()),
            Some(found) if found != parameter.shape => {
                mismatch.misshapen.push(Misshapen {
                    key: parameter.name.clone(),
                    expected: parameter.shape,
                    found: found.to_vec(),
                });
            }
            Some(_) => {}
        }
        known.insert(parameter.name);
    }
    let is_extra = |name: &&str| {
        !known.contains(*name) && !NOT_NEEDED.iter().any(|start| name.starts_with(start))
    };
    mismatch.extra = file.names().filter(is_extra).map(str::to_owned).collect();
    if mismatch.is_empty() {
        return Ok(());
    }
    Err(ModelError::OtherNetwork {
        network: "a plain vision transformer",
        path: file.path().to_path_buf(),
        mismatch,
    })
}

impl Teacher {
    pub fn width(&self) -> usize {
        self.config.width
    }

    /// Mean of all tokens, class token included, after the second-to-last block, without norm: [B, 3, H, W] -> [B, D].
    /// Other sizes than the teacher's own resample its positions.
    ///
    /// # Panics
    /// If the image holds no patch or has other than three channels.
    pub fn vector(&self, image: Tensor<4>) -> Tensor<2> {
        let [batch, channels, height, width] = image.dims();
        let p = self.config.patch;
        let (rows, columns) = (height / p, width / p);
        assert!(
            rows * columns > 0 && channels == 3,
            "an image of {channels} x {height} x {width} is none for a teacher with patches of {p} pixels"
        );
        let patches = image
            .narrow(2, 0, rows * p)
            .narrow(3, 0, columns * p)
            .reshape([batch, 3, rows, p, columns, p])
            .permute([0, 2, 4, 1, 3, 5])
            .reshape([batch, rows * columns, 3 * p * p]);
        let patches = self.patches.forward(patches);
        let class = self.class_token.val().expand([batch, 1, self.config.width]);
        let how = Resampling::BicubicAntialiased;
        let positions = resample_table(self.positions.val(), rows, columns, how);
        let tokens = Tensor::cat(vec![class, patches], 1) + positions;
        let tokens = self
            .blocks
            .iter()
            .fold(tokens, |tokens, block| block.forward(tokens));
        tokens.mean_dim(1).squeeze_dim(1)
    }
}

/// How a sensor is shown to the teacher, and to the student beside it: three channels and the wavelengths told to the
/// student.
#[derive(Clone, Debug, PartialEq)]
pub struct TeacherView {
    /// Bands of the image; `None` is a channel of zeros.
    pub channels: [Option<usize>; 3],
    pub wavelengths_um: [f32; 3],
}

impl TeacherView {
    /// The view of a set of bands: the published choice for 2, 3, 4, 9 and 202 bands, otherwise the bands nearest to red,
    /// green and blue. `None` without bands.
    pub fn of(wavelengths_um: &[f32]) -> Option<Self> {
        let first = *wavelengths_um.first()?;
        let of = |bands: [usize; 3]| -> Option<Self> {
            let mut wavelengths = [0.0; 3];
            for (to, band) in wavelengths.iter_mut().zip(bands) {
                *to = *wavelengths_um.get(band)?;
            }
            Some(Self {
                channels: bands.map(Some),
                wavelengths_um: wavelengths,
            })
        };
        match wavelengths_um.len() {
            1 | 2 => Some(Self {
                channels: [Some(0), Some(wavelengths_um.len() - 1), None],
                wavelengths_um: [first; 3],
            }),
            3 | 4 | 9 => of([0, 1, 2]),
            202 => of([47, 29, 15]),
            _ => of([0.665, 0.56, 0.49].map(|wanted| nearest(wavelengths_um, wanted))),
        }
    }

    /// [B, C, H, W] -> [B, 3, H, W]
    pub fn image(&self, image: Tensor<4>) -> Tensor<4> {
        let channels = self.channels.map(|channel| match channel {
            Some(band) => image.clone().narrow(1, band, 1),
            None => image.clone().narrow(1, 0, 1).zeros_like(),
        });
        Tensor::cat(channels.to_vec(), 1)
    }
}

/// Band nearest to a wavelength.
fn nearest(wavelengths_um: &[f32], wanted: f32) -> usize {
    let distance = |band: &usize| (wavelengths_um[*band] - wanted).abs();
    (0..wavelengths_um.len())
        .min_by(|a, b| distance(a).total_cmp(&distance(b)))
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_are_the_published_ones_where_there_are_any() {
        let view = TeacherView::of(&[3.75, 3.75]).unwrap();
        assert_eq!(view.channels, [Some(0), Some(1), None]);
        assert_eq!(view.wavelengths_um, [3.75; 3]);
        let view = TeacherView::of(&[0.49, 0.56, 0.665, 0.83]).unwrap();
        assert_eq!(view.channels, [Some(0), Some(1), Some(2)]);
        let many: Vec<f32> = (0..202).map(|band| 0.4 + band as f32 * 0.01).collect();
        let view = TeacherView::of(&many).unwrap();
        assert_eq!(view.channels, [Some(47), Some(29), Some(15)]);
        // Ten bands, blue first: red, green, blue are found by wavelength.
        let view =
            TeacherView::of(&[0.49, 0.56, 0.665, 0.7, 0.74, 0.78, 0.84, 0.86, 1.6, 2.2]).unwrap();
        assert_eq!(view.channels, [Some(2), Some(1), Some(0)]);
        assert_eq!(TeacherView::of(&[0.6]).unwrap().channels[1], Some(0));
        assert!(TeacherView::of(&[]).is_none());
    }

    #[test]
    fn a_missing_channel_is_zero() {
        let device = Device::flex();
        let image = Tensor::<4>::ones([1, 2, 2, 2], &device);
        let shown = TeacherView::of(&[3.75, 3.75]).unwrap().image(image);
        let values = shown.into_data().try_into_vec::<f32>().unwrap();
        assert_eq!(values[..8], [1.0; 8]);
        assert_eq!(values[8..], [0.0; 4]);
    }
}
