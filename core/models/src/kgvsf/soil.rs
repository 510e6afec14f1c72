//! Soil moisture of a pixel from an embedding moved to its day, beside what the last image showed (specification 7.2).
//! Knows numbers. Knows nothing of stations, bands or units but its own: m³/m³.

use burn::module::Module;
use burn::nn::Linear;
use burn::tensor::activation::{gelu, sigmoid};
use burn::tensor::{Device, Tensor, TensorData};
use serde::{Deserialize, Serialize};

use crate::parameters::ParameterList;
use crate::weights::{Layers, Seeded, Weights};

/// Numbers of a pixel that its patch's embedding gives.
const PIXEL: usize = 16;
const HIDDEN: usize = 32;
/// The wettest soil there is, m³/m³.
const WETTEST: f64 = 0.60;
/// Errors beyond this count in proportion, m³/m³.
const HUBER: f64 = 0.05;

/// Size of the head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SoilHeadConfig {
    /// D of the network.
    pub width: usize,
    pub patch_px: usize,
    /// Numbers of the pixel itself: the last valid standardised image, radar.
    pub extras: usize,
}

/// The head.
#[derive(Module, Debug)]
pub struct SoilHead {
    spread: Linear,
    first: Linear,
    last: Linear,
    #[module(skip)]
    config: SoilHeadConfig,
}

impl SoilHeadConfig {
    fn parameters(&self) -> ParameterList {
        let mut list = ParameterList(Vec::new());
        list.linear("spread", self.width, self.patch_px * self.patch_px * PIXEL);
        list.linear("first", PIXEL + self.extras, HIDDEN);
        list.linear("last", HIDDEN, 1);
        list
    }

    /// An **untrained** head. The same seed gives the same values on every device.
    pub fn init(&self, seed: u64, device: &Device) -> SoilHead {
        let mut weights = Seeded::new(seed, self.parameters().0);
        let mut layers = Layers {
            weights: &mut weights,
            device,
        };
        let Ok(head) = self.build(&mut layers);
        head
    }

    fn build<W: Weights>(&self, layers: &mut Layers<'_, W>) -> Result<SoilHead, W::Error> {
        let pixels = self.patch_px * self.patch_px;
        Ok(SoilHead {
            spread: layers.linear("spread", self.width, pixels * PIXEL)?,
            first: layers.linear("first", PIXEL + self.extras, HIDDEN)?,
            last: layers.linear("last", HIDDEN, 1)?,
            config: self.clone(),
        })
    }
}

impl SoilHead {
    pub fn config(&self) -> &SoilHeadConfig {
        &self.config
    }

    /// m³/m³ of all pixels of some patches, [R, p * p], row by row in a patch. `tokens` [R, D]; `extras` [R, p * p, E].
    ///
    /// # Panics
    /// If the shapes do not fit each other or the config.
    pub fn patches(&self, tokens: Tensor<2>, extras: Tensor<3>) -> Tensor<2> {
        let [rows, _] = tokens.dims();
        let pixels = self.config.patch_px * self.config.patch_px;
        let of_patch = self.spread.forward(tokens).reshape([rows, pixels, PIXEL]);
        let all = match self.config.extras {
            0 => of_patch,
            _ => Tensor::cat(vec![of_patch, extras], 2),
        };
        self.wetness(all.reshape([rows * pixels, PIXEL + self.config.extras]))
            .reshape([rows, pixels])
    }

    /// m³/m³ of single pixels, `[R]`. `place`: of each in its patch, row by row; `extras` `[R, E]`.
    ///
    /// # Panics
    /// As [`Self::patches`].
    pub fn pixels(&self, tokens: Tensor<2>, place: &[usize], extras: Tensor<2>) -> Tensor<1> {
        let [rows, _] = tokens.dims();
        let pixels = self.config.patch_px * self.config.patch_px;
        assert_eq!(place.len(), rows, "a place for every pixel");
        let mut chosen = vec![0.0_f32; rows * pixels];
        for (row, place) in place.iter().enumerate() {
            chosen[row * pixels + place] = 1.0;
        }
        let device = tokens.device();
        let chosen = Tensor::<3>::from_data(TensorData::new(chosen, [rows, pixels, 1]), &device);
        let of_patch = self.spread.forward(tokens).reshape([rows, pixels, PIXEL]);
        let own = (of_patch * chosen).sum_dim(1).reshape([rows, PIXEL]);
        let all = match self.config.extras {
            0 => own,
            _ => Tensor::cat(vec![own, extras], 1),
        };
        self.wetness(all).reshape([rows])
    }

    /// [R, 16 + E] to [R, 1].
    fn wetness(&self, numbers: Tensor<2>) -> Tensor<2> {
        let hidden = gelu(self.first.forward(numbers));
        sigmoid(self.last.forward(hidden)) * WETTEST
    }
}

/// Huber's loss of soil moisture, delta 0.05 m³/m³, over the delta: about 1 for an error of the delta and a half.
pub fn soil_loss(estimate: Tensor<1>, truth: Tensor<1>) -> Tensor<1> {
    let error = ((estimate - truth) / HUBER).abs();
    let small = error.clone().clamp_max(1.0);
    // 0.5 e^2 up to 1, e - 0.5 beyond: both are small * (error - small / 2).
    (small.clone() * (error - small * 0.5)).mean()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
        tensor.into_data().try_to_vec::<f32>().unwrap()
    }

    #[test]
    fn single_pixels_are_those_of_their_patches() {
        let device = Device::flex();
        let config = SoilHeadConfig {
            width: 8,
            patch_px: 2,
            extras: 3,
        };
        let head = config.init(7, &device);
        let ramp =
            |count: usize| -> Vec<f32> { (0..count).map(|at| (at as f32 * 0.7).sin()).collect() };
        let tokens = Tensor::<2>::from_data(TensorData::new(ramp(16), [2, 8]), &device);
        let extras = Tensor::<3>::from_data(TensorData::new(ramp(24), [2, 4, 3]), &device);
        let all = numbers(head.patches(tokens.clone(), extras.clone()));
        assert!(all.iter().all(|value| (0.0..=0.6).contains(value)));
        let own = extras.slice([0..2, 2..3, 0..3]).reshape([2, 3]);
        let single = numbers(head.pixels(tokens, &[2, 2], own));
        for (at, value) in single.iter().enumerate() {
            assert!((value - all[at * 4 + 2]).abs() < 1e-6);
        }
    }

    #[test]
    fn the_loss_is_hubers() {
        let device = Device::flex();
        let of = |values: [f32; 3]| {
            Tensor::<1>::from_data(TensorData::new(values.to_vec(), [3]), &device)
        };
        let loss = numbers(soil_loss(of([0.1, 0.2, 0.3]), of([0.1, 0.225, 0.4])))[0];
        // 0, 0.5 * 0.5 * 0.5, 2 - 0.5.
        assert!((loss - (0.125 + 1.5) / 3.0).abs() < 1e-5, "{loss}");
    }
}
