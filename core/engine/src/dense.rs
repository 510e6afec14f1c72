//! From patches to pixels: windows of a scene are enlarged, encoded, and the tokens interpolated back to every pixel.
//! Owns the tensors of an embed job. Knows nothing of files.

use burn::tensor::{Device, Tensor, TensorData};
use terroir_models::{Dofa, DofaConfig, PatchKernel};
use terroir_scene::{FIELD_AXES, Window};

use crate::inputs::Region;

/// Windows overlap by this share of their side.
const OVERLAP: usize = 4;

/// How windows, enlarged images and token grids fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Side of a window in scene pixels.
    pub window: usize,
    /// Image pixels a scene pixel becomes, a side.
    pub upsampling: usize,
    /// Side of the image the model sees.
    pub image: usize,
    pub patch: usize,
    /// Side of the token grid.
    pub grid: usize,
    pub width: usize,
}

impl Geometry {
    /// `patch_px`: scene pixels a side that a patch of the model covers after enlarging, about.
    pub fn of(config: &DofaConfig, patch_px: usize) -> Self {
        let upsampling = ((config.patch + patch_px / 2) / patch_px.max(1)).max(1);
        let window = (config.image / upsampling).max(1);
        let image = window * upsampling;
        Self {
            window,
            upsampling,
            image,
            patch: config.patch,
            grid: config.grid(image, image).0,
            width: config.width,
        }
    }

    /// Windows of exactly `window` scene pixels a side, enlarged as far as the model's own image size allows.
    pub fn with_window(config: &DofaConfig, window: usize) -> Self {
        // Below two pixels there is nothing to see around a pixel, and an image holds a patch at least.
        let window = window.max(2);
        let upsampling = (config.image / window)
            .max(config.patch.div_ceil(window))
            .max(1);
        let image = window * upsampling;
        Self {
            window,
            upsampling,
            image,
            patch: config.patch,
            grid: config.grid(image, image).0,
            width: config.width,
        }
    }

    /// Pixels by which neighbouring windows overlap at least.
    pub fn overlap(&self) -> usize {
        self.window / OVERLAP
    }

    /// For each pixel of a window along one axis: the tokens before and after it and the share of the latter.
    /// Token `r` is centred on image pixel `P r - 1 + (P - 1) / 2`, because the embedding pads by one pixel.
    pub fn interpolation(&self) -> Vec<(usize, usize, f32)> {
        (0..self.window)
            .map(|pixel| {
                let in_image = (pixel as f64 + 0.5) * self.upsampling as f64 - 0.5;
                let centre = (self.patch as f64 - 1.0) / 2.0 - 1.0;
                let at =
                    ((in_image - centre) / self.patch as f64).clamp(0.0, (self.grid - 1) as f64);
                let before = at.floor();
                (
                    before as usize,
                    (before as usize + 1).min(self.grid - 1),
                    (at - before) as f32,
                )
            })
            .collect()
    }

    /// Blending weight along one axis: 1 in the middle, falling linearly over the overlap, never 0.
    pub fn blending(&self) -> Vec<f32> {
        let ramp = (self.overlap() + 1) as f32;
        (0..self.window)
            .map(|i| ((i + 1).min(self.window - i) as f32).min(ramp) / ramp)
            .collect()
    }

    /// The enlarged image of a window (bilinear, planar) in the middle of a region that contains it. Where the scene is
    /// smaller than the window, its edge is repeated.
    pub fn image_of(&self, region: &Region, window: Window, bands: usize, out: &mut Vec<f32>) {
        let (left, top) = (
            window.col - region.window.col,
            window.row - region.window.row,
        );
        let axis = |size: usize| -> Vec<(usize, usize, f32)> {
            (0..self.image)
                .map(|i| {
                    let at = ((i as f64 + 0.5) / self.upsampling as f64 - 0.5)
                        .clamp(0.0, (size - 1) as f64);
                    let before = at.floor() as usize;
                    (
                        before,
                        (before + 1).min(size - 1),
                        (at - before as f64) as f32,
                    )
                })
                .collect()
        };
        let (columns, rows) = (axis(window.width), axis(window.height));
        let mut line = vec![0.0f32; window.width];
        for band in 0..bands {
            let plane = region.plane(band);
            let row_at = |row: usize| {
                let start = (top + row) * region.window.width + left;
                &plane[start..start + window.width]
            };
            for (upper, lower, share) in &rows {
                let (a, b) = (row_at(*upper), row_at(*lower));
                for ((value, a), b) in line.iter_mut().zip(a).zip(b) {
                    *value = a + (b - a) * share;
                }
                out.extend(columns.iter().map(|(before, after, share)| {
                    let (a, b) = (line[*before], line[*after]);
                    a + (b - a) * share
                }));
            }
        }
    }
}

/// The encoder on one set of bands, on one device.
pub struct Encoder {
    model: Dofa,
    kernel: PatchKernel,
    device: Device,
    geometry: Geometry,
    bands: usize,
    /// Tokens of an empty image: what the position table alone says.
    blank: Tensor<3>,
    /// Token part of the projection, `[width, 64]`.
    projection: Option<Tensor<2>>,
}

impl Encoder {
    /// `kernel`: the model's, for the bands in their order.
    pub fn new(model: Dofa, kernel: PatchKernel, patch_px: usize, device: &Device) -> Self {
        let geometry = Geometry::of(model.config(), patch_px);
        let bands = kernel.bands;
        let empty = Tensor::<4>::zeros([1, bands, geometry.image, geometry.image], device);
        let blank = last_tokens(&model, empty, &kernel);
        Self {
            model,
            kernel,
            device: device.clone(),
            geometry,
            bands,
            blank,
            projection: None,
        }
    }

    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// Sets the token part of the projection: `width` rows of 64.
    pub fn project_with(&mut self, matrix: &[[f32; FIELD_AXES]]) {
        let data = TensorData::new(matrix.concat(), [matrix.len(), FIELD_AXES]);
        self.projection = Some(Tensor::from_data(data, &self.device));
    }

    /// Tokens of `count` images (`[count, bands, image, image]` flat), relative to those of an empty image: a field must not
    /// know where in its window a pixel lay.
    fn tokens(&self, images: Vec<f32>, count: usize) -> Tensor<3> {
        let side = self.geometry.image;
        let data = TensorData::new(images, [count, self.bands, side, side]);
        last_tokens(
            &self.model,
            Tensor::from_data(data, &self.device),
            &self.kernel,
        ) - self.blank.clone()
    }

    /// Raw tokens of one image, `[grid * grid * width]`, for the fit.
    pub fn raw_tokens(&self, image: Vec<f32>) -> Result<Vec<f32>, String> {
        read(self.tokens(image, 1))
    }

    /// Projected tokens of `count` images, `[count * grid * grid * 64]`.
    pub fn projected_tokens(&self, images: Vec<f32>, count: usize) -> Result<Vec<f32>, String> {
        let tokens = self.tokens(images, count);
        match &self.projection {
            Some(projection) => {
                let [count, each, width] = tokens.dims();
                let flat = tokens
                    .reshape([count * each, width])
                    .matmul(projection.clone());
                flat.into_data()
                    .try_to_vec::<f32>()
                    .map_err(|error| format!("{error:?}"))
            }
            None => Err("the projection is not set".to_owned()),
        }
    }
}

fn last_tokens(model: &Dofa, image: Tensor<4>, kernel: &PatchKernel) -> Tensor<3> {
    let last = model.config().depth - 1;
    let [batch, ..] = image.dims();
    let mut tokens = model.blocks(image, kernel, &[last]);
    // `blocks` answers with one tensor for each block asked for.
    tokens
        .pop()
        .unwrap_or_else(|| Tensor::zeros([batch, 1, model.config().width], &kernel.bias.device()))
}

fn read(tensor: Tensor<3>) -> Result<Vec<f32>, String> {
    tensor
        .into_data()
        .try_to_vec::<f32>()
        .map_err(|error| format!("{error:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tiny() -> Geometry {
        Geometry::of(&DofaConfig::tiny(), 4)
    }

    #[test]
    fn windows_fill_the_image_exactly() {
        for config in [DofaConfig::tiny(), DofaConfig::small(), DofaConfig::large()] {
            let geometry = Geometry::of(&config, 4);
            assert_eq!(geometry.window * geometry.upsampling, geometry.image);
            assert_eq!(geometry.image, config.image);
        }
        assert_eq!(tiny().window, 56);
    }

    #[test]
    fn a_window_of_any_size_keeps_it() {
        let config = DofaConfig::tiny();
        assert_eq!(Geometry::with_window(&config, 56), tiny());
        for (window, upsampling) in [(20, 5), (3, 37), (112, 1), (200, 1)] {
            let geometry = Geometry::with_window(&config, window);
            assert_eq!((geometry.window, geometry.upsampling), (window, upsampling));
            assert_eq!(geometry.image, window * upsampling);
            assert!(geometry.grid > 0);
        }
    }

    #[test]
    fn interpolation_is_centred_on_the_patches() {
        let geometry = tiny();
        let table = geometry.interpolation();
        assert_eq!(table.len(), 56);
        // Patch 8, twice enlarged: the first token is centred on image pixel 2.5, that is pixel 1 (image 2.5).
        assert_eq!(table[1], (0, 1, 0.0));
        assert!(
            table
                .iter()
                .all(|(a, b, share)| *a <= *b && *b < geometry.grid && (0.0..=1.0).contains(share))
        );
    }

    #[test]
    fn blending_weights_are_even_and_positive() {
        let weights = tiny().blending();
        assert!(weights.iter().all(|w| *w > 0.0 && *w <= 1.0));
        assert!(
            weights
                .iter()
                .zip(weights.iter().rev())
                .all(|(a, b)| a == b)
        );
    }

    #[test]
    fn a_tiny_scene_repeats_its_edge() {
        let geometry = tiny();
        let window = Window {
            col: 0,
            row: 0,
            width: 1,
            height: 1,
        };
        let region = Region {
            window,
            values: vec![2.5],
            valid: vec![true],
        };
        let mut image = Vec::new();
        geometry.image_of(&region, window, 1, &mut image);
        assert_eq!(image.len(), geometry.image * geometry.image);
        assert!(image.iter().all(|value| *value == 2.5));
    }
}
