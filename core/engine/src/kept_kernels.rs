//! Which kernels are the fastest on a graphics card: found out by trying them, which takes a card most of its first minute, and
//! kept for the next start of the program. Knows Burn's settings and a folder. Knows no devices.

use std::path::PathBuf;
use std::sync::Once;

use cubecl::config::autotune::AutotuneConfig;
use cubecl::config::cache::CacheConfig;
use cubecl::config::compilation::CompilationConfig;
use cubecl::config::environment::EnvironmentConfig;
use cubecl::config::{CubeClRuntimeConfig, RuntimeConfig};

/// Says to Burn where they are kept, before the first device is opened. A folder that cannot be written to costs what the
/// trials take, as does none. Files named `cubecl.toml` and `burn.toml` in the folder of the user's work are not looked at.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let folder = folder();
        let settings = CubeClRuntimeConfig {
            autotune: AutotuneConfig {
                disable_cache: folder.is_none(),
                ..AutotuneConfig::default()
            },
            compilation: CompilationConfig {
                cache: folder.is_some(),
                ..CompilationConfig::default()
            },
            environment: EnvironmentConfig {
                path: folder.map_or_else(CacheConfig::default, CacheConfig::Directory),
                ..EnvironmentConfig::default()
            },
            ..CubeClRuntimeConfig::default()
        };
        if !CubeClRuntimeConfig::try_set(settings) {
            log::info!("a device was opened before it was said where its kernels are kept");
        }
    });
}

/// `kernels` among what the system keeps for the program and may throw away.
fn folder() -> Option<PathBuf> {
    directories::ProjectDirs::from("", "", "terroir").map(|dirs| dirs.cache_dir().join("kernels"))
}
