//! From band wavelengths to the kernel of the patch embedding (specification sections 2.1 to 2.4).
//! Knows wavelengths in micrometres. Knows nothing of images or sensors.

use burn::module::{Module, Param};
use burn::nn::{LayerNorm, Linear};
use burn::tensor::activation::relu;
use burn::tensor::{Device, Tensor, TensorData};

use crate::error::ModelError;
use crate::fused;
use crate::weights::{Layers, Weights};

/// Width E of the generator, fixed in the architecture.
pub(crate) const GENERATOR_WIDTH: usize = 128;
/// Learned tokens that stand before the bands.
pub(crate) const WEIGHT_TOKENS: usize = 128;
/// Hidden width of the generator's feed-forward part.
pub(crate) const FEED_FORWARD: usize = 2048;
/// Where the encoder's generator stands in the published files.
pub(crate) const ENCODER_GENERATOR: &str = "patch_embed.weight_generator";
const HEADS: usize = 4;
const EPSILON: f64 = 1e-5;
/// Factor on generated kernel and bias.
const SCALER: f32 = 0.01;

/// Longest wavelength taken for micrometres: nothing the model saw lies above 12 µm, every optical band in nanometres does.
pub const MAX_WAVELENGTH_UM: f32 = 20.0;

/// Sine table [C, 128] of wavelengths in micrometres, sines first; row-major.
///
/// Angles reach thousands of radians, where `sin` in f32 is the largest error of the whole model and WGSL promises
/// nothing: computed in f64 on the processor and rounded once.
///
/// # Errors
/// No bands, a wavelength that is no positive number, or one above [`MAX_WAVELENGTH_UM`].
pub fn sine_table(wavelengths_um: &[f32]) -> Result<Vec<f32>, ModelError> {
    if wavelengths_um.is_empty() {
        return Err(ModelError::NoBands);
    }
    let half = GENERATOR_WIDTH / 2;
    let omega: Vec<f64> = (0..half)
        .map(|k| 10_000_f64.powf(-(k as f64) / half as f64))
        .collect();
    let mut table = Vec::with_capacity(wavelengths_um.len() * GENERATOR_WIDTH);
    for (index, &value) in wavelengths_um.iter().enumerate() {
        let band = index + 1;
        if value > MAX_WAVELENGTH_UM {
            return Err(ModelError::Nanometres {
                band,
                value,
                limit: MAX_WAVELENGTH_UM,
            });
        }
        if value.is_nan() || value <= 0.0 {
            return Err(ModelError::Wavelength { band, value });
        }
        let nanometres = 1000.0 * f64::from(value);
        table.extend(omega.iter().map(|w| (nanometres * w).sin() as f32));
        table.extend(omega.iter().map(|w| (nanometres * w).cos() as f32));
    }
    Ok(table)
}

/// [`sine_table`] on a device: [C, 128].
pub(crate) fn sine_tensor(
    wavelengths_um: &[f32],
    device: &Device,
) -> Result<Tensor<2>, ModelError> {
    let values = sine_table(wavelengths_um)?;
    Ok(Tensor::from_data(
        TensorData::new(values, [wavelengths_um.len(), GENERATOR_WIDTH]),
        device,
    ))
}

/// Residual layer of two linear layers; both ReLUs come before the sum (section 2.2).
#[derive(Module, Debug)]
pub(crate) struct WaveLayer {
    w1: Linear,
    w2: Linear,
}

impl WaveLayer {
    pub fn build<W: Weights>(layers: &mut Layers<W>) -> Result<Self, W::Error> {
        let e = GENERATOR_WIDTH;
        Ok(Self {
            w1: layers.linear("patch_embed.fclayer.w1", e, e)?,
            w2: layers.linear("patch_embed.fclayer.w2", e, e)?,
        })
    }

    /// [C, 128] -> [C, 128]
    pub fn forward(&self, sines: Tensor<2>) -> Tensor<2> {
        sines.clone() + relu(self.w2.forward(relu(self.w1.forward(sines))))
    }
}

/// One post-norm transformer layer over weight tokens, bands and bias token, and its read-outs (section 2.3).
#[derive(Module, Debug)]
pub(crate) struct WeightGenerator {
    weight_tokens: Param<Tensor<2>>,
    bias_token: Param<Tensor<2>>,
    in_proj: Linear,
    out_proj: Linear,
    norm1: LayerNorm,
    linear1: Linear,
    linear2: Linear,
    norm2: LayerNorm,
    fc_weight: Linear,
    fc_bias: Linear,
}

impl WeightGenerator {
    /// `root`: [`ENCODER_GENERATOR`] or the decoder's; `kernel_values`: P * P * D.
    pub fn build<W: Weights>(
        layers: &mut Layers<W>,
        root: &str,
        kernel_values: usize,
        width: usize,
    ) -> Result<Self, W::Error> {
        let e = GENERATOR_WIDTH;
        let layer = format!("{root}.transformer_encoder.layers.0");
        Ok(Self {
            weight_tokens: layers.tensor(&format!("{root}.weight_tokens"), [WEIGHT_TOKENS, e])?,
            bias_token: layers.tensor(&format!("{root}.bias_token"), [1, e])?,
            in_proj: layers.linear_named(
                &format!("{layer}.self_attn.in_proj_weight"),
                &format!("{layer}.self_attn.in_proj_bias"),
                e,
                3 * e,
            )?,
            out_proj: layers.linear(&format!("{layer}.self_attn.out_proj"), e, e)?,
            norm1: layers.norm(&format!("{layer}.norm1"), e, EPSILON)?,
            linear1: layers.linear(&format!("{layer}.linear1"), e, FEED_FORWARD)?,
            linear2: layers.linear(&format!("{layer}.linear2"), FEED_FORWARD, e)?,
            norm2: layers.norm(&format!("{layer}.norm2"), e, EPSILON)?,
            fc_weight: layers.linear(&format!("{root}.fc_weight"), e, kernel_values)?,
            fc_bias: layers.linear(&format!("{root}.fc_bias"), e, width)?,
        })
    }

    /// Transformer input: weight tokens, bands, bias token. [C, 128] -> [128 + C + 1, 128]
    pub fn sequence(&self, waves: Tensor<2>) -> Tensor<2> {
        Tensor::cat(
            vec![self.weight_tokens.val(), waves, self.bias_token.val()],
            0,
        )
    }

    /// The transformer layer: [S, 128] -> [S, 128]. No positions, no mask: bands in any order give the same kernels.
    pub fn transform(&self, x: Tensor<2>) -> Tensor<2> {
        let [tokens, e] = x.dims();
        let qkv = fused::linear(&self.in_proj, x.clone()).unsqueeze::<3>();
        let mixed = fused::attention(qkv, HEADS).reshape([tokens, e]);
        let x = fused::linear_onto(x, &self.out_proj, mixed);
        let x = fused::norm(&self.norm1, x, EPSILON);
        let fed = fused::linear_gelu(&self.linear1, x.clone());
        let x = fused::linear_onto(x, &self.linear2, fed);
        fused::norm(&self.norm2, x, EPSILON)
    }

    /// Kernel [C * P * P, D] (rows by band, patch row, patch column) and bias [D] from the wave features [C, 128].
    ///
    /// The file's layout of a band's output, [P, P, D], is already the layout the gathered patches multiply (2.4).
    pub fn kernel(&self, waves: Tensor<2>, width: usize) -> (Tensor<2>, Tensor<1>) {
        let [bands, e] = waves.dims();
        let out = self.transform(self.sequence(waves.clone()));
        let band_tokens = out.clone().narrow(0, WEIGHT_TOKENS, bands) + waves;
        let kernel = fused::linear(&self.fc_weight, band_tokens).reshape([-1, width as i64]);
        let bias_token = out.narrow(0, WEIGHT_TOKENS + bands, 1).reshape([1, e]);
        let bias = fused::linear(&self.fc_bias, bias_token).reshape([width]);
        (kernel * SCALER, bias * SCALER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sines_come_first_and_angles_are_in_nanometres() {
        let table = sine_table(&[0.5, 2.0]).unwrap();
        assert_eq!(table.len(), 256);
        assert!((table[0] - 500_f64.sin() as f32).abs() < 1e-6);
        assert!((table[64] - 500_f64.cos() as f32).abs() < 1e-6);
        assert!(
            (table[128 + 63] - (2000.0 * 10_000_f64.powf(-63.0 / 64.0)).sin() as f32).abs() < 1e-6
        );
    }

    #[test]
    fn refuses_what_is_no_wavelength() {
        assert!(matches!(sine_table(&[]), Err(ModelError::NoBands)));
        assert!(matches!(
            sine_table(&[0.5, 664.6]),
            Err(ModelError::Nanometres { band: 2, .. })
        ));
        for bad in [0.0, -0.5, f32::NAN] {
            assert!(
                matches!(
                    sine_table(&[bad]),
                    Err(ModelError::Wavelength { band: 1, .. })
                ),
                "{bad}"
            );
        }
        assert!(matches!(
            sine_table(&[f32::INFINITY]),
            Err(ModelError::Nanometres { .. })
        ));
        assert!(sine_table(&[12.0, 5.405]).is_ok());
    }
}
