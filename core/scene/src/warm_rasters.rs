//! Rasters that were opened a moment ago, handed on to the thread that reads them next: its first reads find the header known
//! and, in GDAL's cache, the blocks that measuring the stretch has decoded. Knows nothing of what is read.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Raster;

/// Files held open for a reader that may never come.
const KEPT: usize = 2;

static WARM: Mutex<Vec<(PathBuf, Raster)>> = Mutex::new(Vec::new());

fn lock() -> MutexGuard<'static, Vec<(PathBuf, Raster)>> {
    WARM.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Leaves a raster to the reader that asks for its path first. The oldest is closed when there are too many.
pub fn keep_warm(raster: Raster) {
    let path = raster.info().path.clone();
    let mut closed = Vec::new();
    let mut warm = lock();
    while let Some(at) = warm.iter().position(|(kept, _)| *kept == path) {
        closed.push(warm.remove(at));
    }
    if warm.len() >= KEPT {
        closed.push(warm.remove(0));
    }
    warm.push((path, raster));
    drop(warm);
    // Closing may take a while; nobody waits for the lock meanwhile.
    drop(closed);
}

/// The raster of this path, if one was left.
pub(crate) fn take_warm(path: &Path) -> Option<Raster> {
    let mut warm = lock();
    let at = warm.iter().position(|(kept, _)| kept == path)?;
    Some(warm.remove(at).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_raster::Made;

    #[test]
    fn a_raster_is_handed_on_once() {
        let folder = tempfile::tempdir().expect("folder");
        let path = Made::new((4, 4), vec![vec![1_u8; 16]]).write(folder.path(), "warm.tif");
        keep_warm(Raster::open(&path).expect("opens"));
        keep_warm(Raster::open(&path).expect("opens"));
        // By a thread of its own, as readers are.
        let taken = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let raster = take_warm(&path)?;
                raster
                    .read_blocking(
                        &[0],
                        raster.info().grid.window(),
                        4,
                        4,
                        crate::Resampling::Nearest,
                    )
                    .ok()
            });
            reader.join().expect("no panic")
        });
        assert_eq!(taken.map(|block| block.values), Some(vec![1.0; 16]));
        assert!(take_warm(&path).is_none());
    }
}
