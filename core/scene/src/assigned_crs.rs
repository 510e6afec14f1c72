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

/// The system of a raster, where one was named.
pub fn assigned_to(path: &Path) -> Option<Crs> {
    let known = ASSIGNED.read().unwrap_or_else(PoisonError::into_inner);
    let found = known.iter().find(|assigned| assigned.path == path);
    found.map(|assigned| assigned.crs.clone())
}
