//! Earth-observation networks in Burn: the DOFA encoder with its masked pretraining and heads, the STP
//! encoder and the KG-VSF forecaster with their losses, their start values and their weights files.
//! Knows tensors and weights files. Knows nothing of rasters, projects, jobs or windows.

mod burnpack_file;
mod catalogue;
mod checkpoint;
mod dofa;
mod error;
mod export;
mod feature_maps;
mod fused;
mod kgvsf;
mod mask;
mod masked;
mod network_file;
mod parameters;
mod pickle;
mod plain_tensors;
mod position;
mod pth_file;
mod published;
mod safetensors_file;
mod segmentation;
mod stored;
mod stp;
mod target;
mod teacher;
mod trainable;
mod tuned;
mod vit;
mod wavelength;
mod weights;
mod weights_file;

pub use catalogue::{CATALOGUE, DofaConfig};
pub use checkpoint::{DofaOutline, LoadedDofa, load_dofa, load_dofa_as, origin, outline_dofa};
pub use dofa::{Dofa, PatchKernel};
pub use error::{KeyMismatch, Misshapen, ModelError};
pub use export::{NamedTensor, named_tensors, published_name, save_dofa, write_safetensors};
pub use feature_maps::resize_map;
pub use fused::{FusedAdamW, has_tiles, layer_product};
pub use kgvsf::{
    CropHead, CropHeadConfig, CropNetwork, Forecast, ForecastDays, HiddenParts, ImageSeries,
    IndexBands, KGVSF_NAMES, Kgvsf, KgvsfConfig, KgvsfTuning, LoadedKgvsf, MaskedKgvsf,
    MaskedLosses, SeriesState, SoilHead, SoilHeadConfig, WeatherRows, WeatherUse, about_kgvsf,
    day_of_year_code, gap_code, load_kgvsf, masked_huber, masked_index_error, save_kgvsf,
    soil_loss,
};
pub use mask::Mask;
pub use masked::{MaskedConfig, MaskedDofa, TargetOrder, normalised_patches, target};
pub use parameters::{Parameter, Start};
pub use plain_tensors::read_tensors;
pub use position::{Resampling, resample_table, sin_cos_table};
pub use published::{PUBLISHED, PublishedFile, published_file, published_with_hash};
pub use segmentation::{
    AUXILIARY_WEIGHT, Segmentation, SegmentationConfig, SegmentationHead, load_segmentation_head,
};
pub use stp::{
    EMBEDDING, Encoded, FrameBatch, KAPPA, LoadedStp, STP_NAMES, Stp, StpConfig, StpSource,
    StpTarget, about_stp, clip, consistency, day_of, load_stp, masked_l1, mean_resultant,
    regridded, regridded_classes, relative_code, sample_vmf, save_stp, shift_invariant, time_code,
    uniformity,
};
pub use target::{Target, VOID};
pub use teacher::{Teacher, TeacherView, load_teacher};
pub use trainable::Trainable;
pub use tuned::{HeadShape, TunedConfig, TunedModel, TunedOutput, about_tuned, load_tuned};
pub use wavelength::{MAX_WAVELENGTH_UM, sine_table};
pub use weights::Stream;
