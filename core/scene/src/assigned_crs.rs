//! Coordinate systems that the user named for rasters whose files name none, as this process knows them: every raster opened by
//! such a path carries its system. Knows paths and systems; the files stay as they are.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use serde::{Deserialize, Serialize};

use crate::Crs;

/// A raster and its system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AssignedCrs {
    pub path: PathBuf,
    pub crs: Crs,
}

/// Plain data: a panic while it is locked leaves it whole.
static ASSIGNED: RwLock<Vec<AssignedCrs>> = RwLock::new(Vec::new());

/// From now on exactly these systems are assigned.
pub fn assign_systems(systems: Vec<AssignedCrs>) {
    *ASSIGNED.write().unwrap_or_else(PoisonError::into_inner) = systems;
}

/// The system of a raster, where one was named for it, or for a folder it lies in.
pub fn assigned_to(path: &Path) -> Option<Crs> {
    let known = ASSIGNED.read().unwrap_or_else(PoisonError::into_inner);
    let own = known.iter().find(|assigned| assigned.path == path);
    let found = own.or_else(|| {
        let whole = std::path::absolute(path).ok()?;
        let holds = |assigned: &&AssignedCrs| {
            std::path::absolute(&assigned.path).is_ok_and(|folder| whole.starts_with(folder))
        };
        // The innermost folder knows best.
        known
            .iter()
            .filter(holds)
            .max_by_key(|assigned| assigned.path.components().count())
    });
    found.map(|assigned| assigned.crs.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_a_folder_has_its_system() {
        let named = |path: &str, code: &str| AssignedCrs {
            path: path.into(),
            crs: Crs::parse(code).expect("a system"),
        };
        assign_systems(vec![
            named("somewhere/archive", "EPSG:32629"),
            named("./somewhere/archive/north", "EPSG:32630"),
            named("somewhere/archive/north/one.tif", "EPSG:3035"),
        ]);
        let epsg = |path: &str| assigned_to(Path::new(path)).and_then(|crs| crs.epsg);
        assert_eq!(epsg("somewhere/archive/2020.tif"), Some(32629));
        assert_eq!(epsg("somewhere/archive/north/two.tif"), Some(32630));
        assert_eq!(epsg("somewhere/archive/north/one.tif"), Some(3035));
        assert_eq!(epsg("somewhere/archive.tif"), None);
        assert_eq!(epsg("archive/2020.tif"), None);
        assign_systems(Vec::new());
        assert_eq!(epsg("somewhere/archive/2020.tif"), None);
    }
}
