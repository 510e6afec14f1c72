//! The cluster job: a field to groups of pixels that are alike, as a file of centroids and as a map. Streams; memory depends on
//! the pixels drawn for the fit, not on the field's area. Knows fields; knows nothing of how clusters are drawn.

use std::path::{Path, PathBuf};
use std::time::Instant;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use serde_json::json;
use terroir_scene::{
    Clusters, FIELD_AXES, KMeans, MapKind, MapWriter, NorthUp, PixelAreas, Raster, Reservoir,
    decode_planar_pixel,
};

use crate::monitor::{JobResult, Monitor};
use crate::predict::squares;
use crate::provenance::{classes_json, file_name, of_result, sha256_of_file, value_of};
use crate::train::open_field;
use crate::{Failure, JobSpec, Outcome};

/// Field to clusters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClusterSpec {
    pub field: PathBuf,
    /// How many to find, 2 to 30.
    pub clusters: usize,
    /// Pixels they are found on, 1,000 to 200,000.
    pub fit_pixels: usize,
    #[serde(default)]
    pub seed: u64,
    /// Clusters found before, instead of finding new ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<PathBuf>,
    /// Names of clusters, which count from 1; clusters of one name become one class.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub names: Vec<(usize, String)>,
    /// A map (`.tif`, with the clusters in a `.json` beside it), or the clusters alone (`.json`).
    pub out: PathBuf,
}

impl ClusterSpec {
    /// Clusters, unless the user says otherwise (specification of fields, section 3.7).
    pub const CLUSTERS: usize = 8;
    /// Pixels of the fit, unless the user says otherwise: more change the centroids by less than the start does.
    pub const FIT_PIXELS: usize = 100_000;

    /// Options of the command line that say the same, what is as by default left out.
    pub(crate) fn words(&self) -> Vec<(&'static str, Option<String>)> {
        let mut words = vec![("--field", Some(self.field.display().to_string()))];
        match &self.from {
            Some(from) => words.push(("--from", Some(from.display().to_string()))),
            None => {
                words.push(("--k", Some(self.clusters.to_string())));
                if self.fit_pixels != Self::FIT_PIXELS {
                    words.push(("--fit-pixels", Some(self.fit_pixels.to_string())));
                }
                if self.seed != 0 {
                    words.push(("--seed", Some(self.seed.to_string())));
                }
            }
        }
        for (number, name) in &self.names {
            words.push(("--name", Some(format!("{number}={name}"))));
        }
        words.push(("--out", Some(self.out.display().to_string())));
        words
    }

    fn wants_map(&self) -> bool {
        !self
            .out
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
    }
}

pub(crate) fn cluster(spec: &ClusterSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    let begun = Instant::now();
    monitor.started("cpu");
    check(spec)?;
    let field = open_field(&spec.field)?;
    let north_up = NorthUp::of(&field.info().grid);
    let mut metrics = Vec::new();
    let mut clusters = match &spec.from {
        Some(from) => known(from, &field, monitor)?,
        None => find(spec, &field, &north_up, &mut metrics, monitor)?,
    };
    for (number, name) in &spec.names {
        if *number == 0 || *number > clusters.clusters.len() {
            return Err(Failure::new(format!(
                "there is no cluster {number} to be named {name}; there are {}",
                clusters.clusters.len()
            ))
            .into());
        }
        clusters.rename(number - 1, name);
    }
    let job = JobSpec::Cluster(spec.clone());
    clusters.provenance.insert("job".to_owned(), json!(job));
    let beside = spec.out.with_extension("json");
    let count = clusters.clusters.len();
    metrics.push(("clusters".to_owned(), count as f64));
    if !spec.wants_map() {
        monitor.check()?;
        clusters.save(&spec.out)?;
        let seconds = begun.elapsed().as_secs_f64();
        metrics.push(("seconds".to_owned(), seconds));
        return Ok(Outcome {
            files: vec![spec.out.clone()],
            summary: format!("{count} clusters, {seconds:.1} s"),
            metrics,
            warnings: monitor.warnings(),
        });
    }
    let map = write_map(spec, &field, &north_up, &clusters, begun, monitor)?;
    let mut files = map.files;
    metrics.extend(map.metrics);
    // A map made from a file has its clusters there.
    if spec.from.is_none() || !spec.names.is_empty() {
        clusters.save(&beside)?;
        files.push(beside);
    }
    let seconds = begun.elapsed().as_secs_f64();
    metrics.push(("seconds".to_owned(), seconds));
    Ok(Outcome {
        files,
        summary: format!("{}, {seconds:.1} s", map.sentence),
        metrics,
        warnings: monitor.warnings(),
    })
}

/// What cannot be, said before anything is read.
fn check(spec: &ClusterSpec) -> Result<(), Failure> {
    if spec.from.is_none() && !(2..=30).contains(&spec.clusters) {
        return Err(Failure::new(format!(
            "{} clusters cannot be made; give a number from 2 to 30",
            spec.clusters
        )));
    }
    if spec.from.is_none() && !(1_000..=200_000).contains(&spec.fit_pixels) {
        return Err(Failure::new(format!(
            "clusters are found on 1000 to 200000 pixels, not on {}",
            spec.fit_pixels
        )));
    }
    if spec.out == spec.field || spec.from.as_ref() == Some(&spec.out) {
        return Err(Failure::new(format!(
            "the result would overwrite its own input; choose another name\n{}",
            spec.out.display()
        )));
    }
    Ok(())
}

/// Clusters of a file, and a word where they were found on another kind of field.
fn known(from: &Path, field: &Raster, monitor: &Monitor<'_>) -> JobResult<Clusters> {
    let mut clusters = Clusters::load(from)?;
    let theirs = clusters
        .provenance
        .get("field_model")
        .and_then(|model| model.as_str());
    let ours = value_of(field.info(), "TERROIR_MODEL");
    if let (Some(theirs), Some(ours)) = (theirs, &ours)
        && theirs != ours
    {
        monitor.warn("the clusters were found on another field, whose axes may mean other things; check the map with care");
    }
    let sha256 = sha256_of_file(from)?;
    clusters.provenance.insert(
        "from".to_owned(),
        json!({"file": file_name(from), "sha256": sha256}),
    );
    Ok(clusters)
}

/// Draws pixels over the whole field and groups them.
fn find(
    spec: &ClusterSpec,
    field: &Raster,
    north_up: &NorthUp,
    metrics: &mut Vec<(String, f64)>,
    monitor: &Monitor<'_>,
) -> JobResult<Clusters> {
    let width = north_up.grid.width;
    let mut reservoir = Reservoir::new(spec.fit_pixels, spec.seed);
    let windows = squares(width, north_up.grid.height);
    for (done, window) in windows.iter().enumerate() {
        monitor.check()?;
        monitor.progress("drawing pixels", done as u64, windows.len() as u64);
        let codes = north_up.read_codes_blocking(field, *window)?;
        let count = window.pixels();
        let drawn: Vec<(u64, [f32; FIELD_AXES])> = (0..count)
            .into_par_iter()
            .filter_map(|at| {
                let (col, row) = (at % window.width, at / window.width);
                let key = (window.row + row) as u64 * width as u64 + (window.col + col) as u64;
                let ticket = reservoir.ticket(key)?;
                Some((ticket, decode_planar_pixel(&codes, count, at)?))
            })
            .collect();
        for (ticket, vector) in drawn {
            reservoir.put(ticket, vector);
        }
    }
    let vectors = reservoir.finish();
    if vectors.is_empty() {
        return Err(Failure::new(format!(
            "the field has no pixel with data, so there is nothing to group\n{}",
            spec.field.display()
        ))
        .into());
    }
    monitor.progress("finding clusters", 0, 1);
    let found = KMeans::fit(&vectors, spec.clusters, spec.seed, &|| {
        monitor.is_cancelled()
    })?;
    if found.centroids.len() < spec.clusters {
        monitor.warn(format!(
            "the field holds only {} different kinds of pixels, so there are no more clusters than that",
            found.centroids.len()
        ));
    }
    let mean_dot = 1.0 - found.objective / vectors.len() as f64;
    metrics.extend([
        ("fit_pixels".to_owned(), vectors.len() as f64),
        ("rounds".to_owned(), found.rounds as f64),
        ("objective".to_owned(), found.objective),
        ("mean_dot".to_owned(), mean_dot),
    ]);
    let mut clusters = Clusters::new(&found);
    let facts = [
        ("field", json!(file_name(&spec.field))),
        (
            "field_model",
            json!(value_of(field.info(), "TERROIR_MODEL")),
        ),
        ("method", json!("spherical k-means, k-means++ start")),
        ("fit_pixels", json!(vectors.len())),
        ("rounds", json!(found.rounds)),
        ("objective", json!(found.objective)),
        ("mean_dot", json!(mean_dot)),
    ];
    for (key, value) in facts {
        clusters.provenance.insert(key.to_owned(), value);
    }
    Ok(clusters)
}

struct Written {
    files: Vec<PathBuf>,
    metrics: Vec<(String, f64)>,
    sentence: String,
}

/// The class of every pixel.
fn write_map(
    spec: &ClusterSpec,
    field: &Raster,
    north_up: &NorthUp,
    clusters: &Clusters,
    begun: Instant,
    monitor: &Monitor<'_>,
) -> JobResult<Written> {
    let grid = &north_up.grid;
    let areas = PixelAreas::of(grid);
    let (classes, class_of) = clusters.classes();
    let centroids = clusters.centroids();
    let mut map = MapWriter::create(&spec.out, grid, MapKind::Classes(classes.clone()))?;
    let mut counts = vec![0u64; 256];
    let mut square_metres = vec![0.0f64; 256];
    let windows = squares(grid.width, grid.height);
    for (done, window) in windows.iter().enumerate() {
        monitor.check()?;
        monitor.progress("mapping", done as u64, windows.len() as u64);
        let codes = north_up.read_codes_blocking(field, *window)?;
        let count = window.pixels();
        let bytes: Vec<u8> = (0..count)
            .into_par_iter()
            .map(|at| {
                decode_planar_pixel(&codes, count, at)
                    .and_then(|unit| class_of.get(Clusters::nearest(&centroids, &unit)).copied())
                    .unwrap_or(0)
            })
            .collect();
        for (line, bytes) in bytes.chunks(window.width).enumerate() {
            let pixel_m2 = areas
                .as_ref()
                .map_or(0.0, |areas| areas.of_row(window.row + line));
            for class in bytes {
                counts[usize::from(*class)] += 1;
                square_metres[usize::from(*class)] += pixel_m2;
            }
        }
        map.write_bytes(*window, &bytes)?;
    }
    monitor.check()?;
    let total: u64 = counts.iter().skip(1).sum();
    let mut metrics = vec![("pixels".to_owned(), total as f64)];
    let mut areas_json = Vec::new();
    for class in &classes {
        let id = usize::from(class.id);
        metrics.push((format!("pixels {}", class.name), counts[id] as f64));
        let hectares = areas.as_ref().map(|_| square_metres[id] / 10_000.0);
        metrics.extend(hectares.map(|hectares| (format!("hectares {}", class.name), hectares)));
        areas_json.push(json!({"class": class.name, "pixels": counts[id], "hectares": hectares}));
    }
    let sentence = format!(
        "{total} pixels in {} {}",
        classes.len(),
        if classes.len() == clusters.clusters.len() {
            "clusters".to_owned()
        } else {
            format!("classes of {} clusters", clusters.clusters.len())
        }
    );
    let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
    let description = format!("Clusters of a field: {}", names.join(", "));
    let job = JobSpec::Cluster(spec.clone());
    let seconds = begun.elapsed().as_secs_f64();
    let mut keys = of_result(&job, &[field.info()], &description, seconds);
    keys.push(("CLASSES".to_owned(), classes_json(&classes).to_string()));
    keys.push((
        "AREAS".to_owned(),
        serde_json::Value::from(areas_json).to_string(),
    ));
    let files = map.finish_observed(&keys, &mut |share| {
        monitor.progress("writing the file", (100.0 * share) as u64, 100);
        !monitor.is_cancelled()
    })?;
    Ok(Written {
        files,
        metrics,
        sentence,
    })
}
