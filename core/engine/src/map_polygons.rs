//! The polygons job: a class map to polygons with class, name and area.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use terroir_scene::write_map_polygons_blocking;

use crate::Outcome;
use crate::monitor::{JobResult, Monitor};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolygonsSpec {
    pub map: PathBuf,
    /// Patches of fewer pixels take the class of their largest neighbour; 0 keeps all.
    #[serde(default)]
    pub least_pixels: usize,
    /// `.gpkg`.
    pub out: PathBuf,
}

impl PolygonsSpec {
    /// Words of its command line after `polygons`.
    pub(crate) fn words(&self) -> Vec<(&'static str, Option<String>)> {
        let mut words = Vec::new();
        if self.least_pixels > 1 {
            words.push(("--sieve", Some(self.least_pixels.to_string())));
        }
        words.push(("--out", Some(self.out.display().to_string())));
        words
    }
}

pub(crate) fn polygons(spec: &PolygonsSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    monitor.started("cpu");
    let written =
        write_map_polygons_blocking(&spec.map, &spec.out, spec.least_pixels, &mut |share| {
            monitor.progress("outlining", (share * 1000.0) as u64, 1000);
            !monitor.is_cancelled()
        })?;
    let mut metrics = vec![("polygons".to_owned(), written.polygons as f64)];
    for (name, polygons, hectares) in &written.classes {
        metrics.push((format!("polygons of {name}"), *polygons as f64));
        metrics.extend(hectares.map(|hectares| (format!("hectares {name}"), hectares)));
    }
    Ok(Outcome {
        files: vec![spec.out.clone()],
        summary: format!(
            "{} polygons in {} classes",
            written.polygons,
            written.classes.len()
        ),
        metrics,
        warnings: monitor.warnings(),
    })
}
