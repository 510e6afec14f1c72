//! Images of a place with its weather as a forecasting network takes them: which images have the model's bands, how bands and
//! drivers are standardised, crops over all dates, batches of them. Shared by all jobs of such networks.
//! Knows archives, weather tables and masks. Knows no job and no loss.

mod about;
mod batch;
mod crop;
mod site;
mod windows;

pub(crate) use about::{
    BinSkill, KgvsfAbout, ModelBand, ModelDriver, bands_by_wavelength, index_pair, known_model,
};
pub(crate) use batch::{Batch, Sample, SampleTarget, batch_of};
pub(crate) use crop::{Crop, read_crop_blocking, read_mirrored_crop_blocking, starts};
pub(crate) use site::{Site, SiteWeather, day_of_year, notes_on_drivers};
pub(crate) use windows::{BlendedRows, WindowPlan};
