//! What a forecasting network knows at every pixel of a crop: the embeddings of its images, averaged over the quarters of the
//! season, so that they still tell when something happened. Knows crops and tensors. Knows no files.

use burn::tensor::Device;
use terroir_models::Kgvsf;

use crate::Failure;
use crate::setup::guarded;
use crate::weather_series::{Crop, Sample, Site, SiteWeather, batch_of};

/// Parts of the season that are told apart.
pub const PARTS: usize = 4;
/// Images of a crop that are looked at, spread evenly over the usable ones.
const MOST_IMAGES: usize = 24;
/// An image is usable where at least this share of a crop is valid.
const LEAST_VALID: f64 = 0.5;

/// The season, days since 2017-01-01, the last one not in it.
#[derive(Clone, Copy, Debug)]
pub struct Season {
    pub first_day: i32,
    pub end_day: i32,
}

impl Season {
    /// Where a day lies in the season, 0 to 1.
    pub fn share_of(&self, day: i32) -> f32 {
        let length = (self.end_day - self.first_day).max(1);
        (day - self.first_day) as f32 / length as f32
    }

    fn part_of(&self, day: i32) -> usize {
        let length = (self.end_day - self.first_day).max(1);
        let share = PARTS as i32 * (day - self.first_day).clamp(0, length - 1) / length;
        share as usize
    }
}

/// Vectors of the patches of crops.
pub struct Tokens {
    /// For each crop [patches, PARTS * D], or nothing where it has no usable image.
    pub of_crops: Vec<Option<Vec<f32>>>,
    /// PARTS * D
    pub width: usize,
}

/// Embeds crops of one size.
pub fn tokens_of(
    model: &Kgvsf,
    site: &Site,
    weather: &SiteWeather,
    crops: &[Crop],
    season: Season,
    device: &Device,
) -> Result<Tokens, Failure> {
    let d = model.config().width;
    let width = PARTS * d;
    let samples: Vec<Option<Sample<'_>>> = crops
        .iter()
        .map(|crop| {
            let images = usable_images(crop);
            (!images.is_empty()).then(|| Sample {
                site,
                weather,
                crop,
                images,
                targets: Vec::new(),
                turn: 0,
            })
        })
        .collect();
    let there: Vec<Sample<'_>> = samples.iter().flatten().cloned().collect();
    let Some(images) = there.iter().map(|sample| sample.images.len()).max() else {
        return Ok(Tokens {
            of_crops: vec![None; crops.len()],
            width,
        });
    };
    let batch = batch_of(&there, images, model.config().weather_days, device);
    let values = guarded(|| {
        model
            .encode(&batch.series)
            .embedding()
            .into_data()
            .try_into_vec::<f32>()
            .map_err(|error| format!("the device did not give the embedding back: {error:?}"))
    })?;
    let of_sample = values.len() / there.len().max(1);
    let patches = of_sample / (images * d).max(1);
    let mut rest = values.chunks_exact(of_sample.max(1));
    let of_crops = samples
        .into_iter()
        .map(|sample| {
            let sample = sample?;
            let embedding = rest.next()?;
            let missing = images - sample.images.len();
            let days: Vec<i32> = sample
                .images
                .iter()
                .filter_map(|image| {
                    let number = sample.crop.images.get(*image)?;
                    Some(sample.site.images.get(*number)?.day)
                })
                .collect();
            Some(in_parts(embedding, [missing, patches, d], &days, season))
        })
        .collect();
    Ok(Tokens { of_crops, width })
}

/// Usable images of a crop, spread evenly if there are many.
pub fn usable_images(crop: &Crop) -> Vec<usize> {
    let usable: Vec<usize> = (0..crop.images.len())
        .filter(|image| crop.share_of(*image) >= LEAST_VALID)
        .collect();
    if usable.len() <= MOST_IMAGES {
        return usable;
    }
    (0..MOST_IMAGES)
        .filter_map(|at| {
            usable
                .get(at * (usable.len() - 1) / (MOST_IMAGES - 1))
                .copied()
        })
        .collect()
}

/// Means of the images' embeddings [missing + images, patches, D] over the parts of the season; a part without images has the
/// mean of all.
fn in_parts(
    embedding: &[f32],
    [missing, patches, d]: [usize; 3],
    days: &[i32],
    season: Season,
) -> Vec<f32> {
    let mut counts = [0.0_f32; PARTS];
    for day in days {
        counts[season.part_of(*day)] += 1.0;
    }
    let all: f32 = counts.iter().sum();
    let mut out = vec![0.0; patches * PARTS * d];
    let mut mean = vec![0.0; d];
    for (patch, out) in out.chunks_exact_mut(PARTS * d).enumerate() {
        mean.fill(0.0);
        for (image, day) in days.iter().enumerate() {
            let from = ((missing + image) * patches + patch) * d;
            let vector = &embedding[from..from + d];
            let part = season.part_of(*day);
            for ((sum, mean), value) in out[part * d..(part + 1) * d]
                .iter_mut()
                .zip(&mut mean)
                .zip(vector)
            {
                *sum += value / counts[part];
                *mean += value / all;
            }
        }
        for (part, out) in out.chunks_exact_mut(d).enumerate() {
            if counts[part] == 0.0 {
                out.copy_from_slice(&mean);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarters_without_images_have_the_mean_of_all() {
        let season = Season {
            first_day: 0,
            end_day: 100,
        };
        // One padding image, then two of two patches with one number each.
        let embedding = [9.0, 9.0, 1.0, 2.0, 3.0, 6.0];
        let found = in_parts(&embedding, [1, 2, 1], &[10, 60], season);
        assert_eq!(found, [1.0, 2.0, 3.0, 2.0, 2.0, 4.0, 6.0, 4.0]);
        assert_eq!(season.part_of(99), 3);
        assert_eq!(season.part_of(24), 0);
    }
}
