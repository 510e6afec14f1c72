//! The field of one model, of what it reads of a season: which job that is. Knows families of models; knows no pixels.

use std::path::PathBuf;

use terroir_scene::Period;

use super::clear_image::clearest_blocking;
use super::spec::{CropFamily, CropModel, CropSpec};
use crate::catalogue::ModelShelf;
use crate::design::Design;
use crate::monitor::{JobResult, Monitor};
use crate::shard::Share;
use crate::{
    EmbedSeasonSpec, EmbedSeriesSpec, EmbedSpec, Estimate, Failure, Outcome, embed, embed_season,
    embed_series,
};

/// A field of a season, by the family of its model.
pub(super) enum FieldJob {
    Weather(EmbedSeasonSpec),
    Series(EmbedSeriesSpec),
    Single(EmbedSpec),
}

impl FieldJob {
    /// # Errors
    /// No image of the days that the model can read, a model that makes no field.
    pub fn of(
        spec: &CropSpec,
        model: &CropModel,
        period: &Period,
        out: PathBuf,
        monitor: &Monitor<'_>,
    ) -> JobResult<Self> {
        let (name, device) = (model.name.clone(), spec.device.clone());
        Ok(match (CropFamily::of(&model.name), &spec.weather) {
            (Some(CropFamily::Weather), Some(weather)) => Self::Weather(EmbedSeasonSpec {
                archive: spec.archive.clone(),
                weather: weather.clone(),
                model: name,
                weights: model.weights.clone(),
                support: Some(*period),
                device,
                out,
                aoi: None,
            }),
            (Some(CropFamily::Series), _) => Self::Series(EmbedSeriesSpec {
                archive: spec.archive.clone(),
                model: name,
                weights: Some(model.weights.clone()),
                support: Some(*period),
                periods: vec![*period],
                device,
                out,
                seed: 0,
                aoi: None,
                window: None,
            }),
            (Some(CropFamily::Single), _) => {
                let image = clearest_blocking(&spec.archive, period, monitor)?;
                match image.clouds {
                    Some(clouds) if clouds > 0.1 => monitor.warn(format!(
                        "{name} is shown the image of {}, the clearest, of which clouds hide {:.0} %",
                        image.date,
                        100.0 * clouds
                    )),
                    Some(_) => {}
                    None => monitor.warn(format!(
                        "{name} is shown the image of {}; no mask tells which is the clearest",
                        image.date
                    )),
                }
                Self::Single(EmbedSpec {
                    scene: image.path,
                    model: name,
                    weights: Some(model.weights.clone()),
                    device,
                    out,
                    wavelengths_nm: Vec::new(),
                    bands: image.bands,
                    seed: 0,
                    aoi: None,
                })
            }
            (Some(CropFamily::Weather), None) | (None, _) => {
                return Err(super::check(spec)
                    .err()
                    .unwrap_or_else(|| {
                        Failure::new(format!("{} makes no field of images", model.name))
                    })
                    .into());
            }
        })
    }

    pub fn run(&self, monitor: &Monitor<'_>, shelf: &mut ModelShelf) -> JobResult<Outcome> {
        match self {
            Self::Weather(spec) => embed_season::embed_season(spec, monitor),
            Self::Series(spec) => embed_series::embed_series(spec, Share::WHOLE, monitor),
            Self::Single(spec) => {
                embed::embed(spec, Share::WHOLE, &Design::default(), monitor, shelf)
            }
        }
    }

    pub fn estimate(&self, monitor: &Monitor<'_>, shelf: &mut ModelShelf) -> JobResult<Estimate> {
        match self {
            Self::Weather(spec) => embed_season::estimate(spec, monitor),
            Self::Series(spec) => embed_series::estimate(spec, monitor),
            Self::Single(spec) => embed::estimate(spec, monitor, shelf),
        }
    }

    /// Whether its time grows with the images of the season.
    pub fn reads_all_images(&self) -> bool {
        !matches!(self, Self::Single(_))
    }
}
