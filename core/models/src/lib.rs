//! Earth-observation networks in Burn: the DOFA encoder, its start values and its checkpoints.
//! Knows tensors and weights files. Knows nothing of rasters, projects, jobs or windows.

mod catalogue;
mod checkpoint;
mod dofa;
mod error;
mod parameters;
mod position;
mod vit;
mod wavelength;
mod weights;
mod weights_file;

pub use catalogue::{CATALOGUE, DofaConfig};
pub use checkpoint::{LoadedDofa, load_dofa, load_dofa_as};
pub use dofa::{Dofa, PatchKernel};
pub use error::{KeyMismatch, Misshapen, ModelError};
pub use parameters::{Parameter, Start};
pub use position::{Resampling, resample_table, sin_cos_table};
pub use wavelength::{MAX_WAVELENGTH_UM, sine_table};
