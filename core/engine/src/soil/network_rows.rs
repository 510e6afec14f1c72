//! What a head for soil moisture is given of single pixels: a network's embedding and the last image. Knows numbers and the head;
//! knows nothing of where they were read.

use burn::tensor::{Device, Tensor, TensorData};
use terroir_models::SoilHead;

use crate::Failure;
use crate::setup::guarded;

/// What the head is given of single pixels, one row each.
#[derive(Clone, Debug, Default)]
pub(super) struct NetworkRows {
    /// D
    pub width: usize,
    /// [rows, D]
    pub tokens: Vec<f32>,
    /// Of the pixel in its patch.
    pub places: Vec<usize>,
    /// [rows, C]: the last valid standardised image.
    pub extras: Vec<f32>,
    /// C
    pub bands: usize,
    /// False where no image of the days before shows the place.
    pub is_there: Vec<bool>,
}

impl NetworkRows {
    /// [rows] of some rows.
    pub fn estimate(&self, head: &SoilHead, rows: &[usize], device: &Device) -> Tensor<1> {
        let gathered = |values: &[f32], width: usize| -> Vec<f32> {
            rows.iter()
                .flat_map(|row| {
                    values
                        .get(row * width..(row + 1) * width)
                        .unwrap_or_default()
                })
                .copied()
                .collect()
        };
        let tokens = TensorData::new(gathered(&self.tokens, self.width), [rows.len(), self.width]);
        let extras = TensorData::new(gathered(&self.extras, self.bands), [rows.len(), self.bands]);
        let places: Vec<usize> = rows
            .iter()
            .map(|row| self.places.get(*row).copied().unwrap_or(0))
            .collect();
        head.pixels(
            Tensor::from_data(tokens, device),
            &places,
            Tensor::from_data(extras, device),
        )
    }

    /// m³/m³ of some rows; NaN where no image shows the place.
    ///
    /// # Errors
    /// A device that fails.
    pub fn estimates(&self, head: &SoilHead, rows: &[usize]) -> Result<Vec<f64>, Failure> {
        let mut out = Vec::with_capacity(rows.len());
        for part in rows.chunks(4096) {
            let values = guarded(|| {
                self.estimate(head, part, &Device::flex())
                    .into_data()
                    .try_to_vec::<f32>()
                    .map_err(|error| format!("{error:?}"))
            })?;
            out.extend(
                part.iter()
                    .zip(values)
                    .map(|(row, value)| match self.is_there.get(*row) {
                        Some(true) => f64::from(value),
                        _ => f64::NAN,
                    }),
            );
        }
        Ok(out)
    }

    /// Leaves out rows.
    pub fn keep(&mut self, keep: &[bool]) {
        let kept = |values: &[f32], width: usize| -> Vec<f32> {
            values
                .chunks_exact(width.max(1))
                .zip(keep)
                .filter(|(_, keep)| **keep)
                .flat_map(|(row, _)| row)
                .copied()
                .collect()
        };
        (self.tokens, self.extras) = (
            kept(&self.tokens, self.width),
            kept(&self.extras, self.bands),
        );
        let mut flags = keep.iter();
        self.places.retain(|_| flags.next() == Some(&true));
        let mut flags = keep.iter();
        self.is_there.retain(|_| flags.next() == Some(&true));
    }
}
