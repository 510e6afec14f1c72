//! The similar job: examples in a field to what is like them in the whole of it, as a map, polygons or a list of places.
//! Streams; memory does not depend on the scene's area. Knows fields and jobs, not how examples were pointed at.

mod spec;

use std::path::{Path, PathBuf};
use std::time::Instant;

use terroir_scene::{
    AreaOfInterest, BestPlaces, Class, Combine, Example, FoundPlace, MapKind, MapWriter,
    PatchCounts, PatchLayer, Raster, SimilarityForms, Window, edge_pixels, example_at_blocking,
    example_of_area_blocking, outlines_blocking, pixel_at, write_patches_blocking,
    write_places_table,
};

use crate::journal::fingerprint;
use crate::monitor::{JobResult, Monitor, Stop};
use crate::predict::{area_of, fingerprint_of_area, squares_of};
use crate::provenance::of_result;
use crate::shard::{Share, key_of};
use crate::train::open_field;
use crate::{Failure, JobSpec, Outcome};

use spec::Output;
pub use spec::SimilarSpec;

/// Value and colour of what is alike enough in a mask; everything else is 0.
const SIMILAR: Class = Class {
    id: 1,
    name: String::new(),
    color: [252, 141, 98],
};

/// What the likeness of a window needs.
struct Search<'a> {
    field: &'a Raster,
    forms: SimilarityForms,
    area: Option<AreaOfInterest>,
}

impl Search<'_> {
    /// NaN where there is no data or the area of interest does not reach.
    fn values(&self, window: Window) -> JobResult<Vec<f32>> {
        let mask = self.area.as_ref().map(|area| area.mask(window));
        if mask.as_ref().is_some_and(|mask| !mask.contains(&true)) {
            return Ok(vec![f32::NAN; window.pixels()]);
        }
        let codes = self
            .field
            .read_codes_blocking(window, window.width, window.height)?;
        let mut values = self.forms.values(&codes, window.pixels());
        for (value, inside) in values.iter_mut().zip(mask.iter().flatten()) {
            if !inside {
                *value = f32::NAN;
            }
        }
        Ok(values)
    }
}

pub(crate) fn similar(
    spec: &SimilarSpec,
    share: Share,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    let begun = Instant::now();
    monitor.started("cpu");
    spec.check()?;
    let is_raster = |out: &PathBuf| Output::of(out) == Some(Output::Raster);
    if share.is_shard() && (spec.places > 0 || !spec.out.iter().all(is_raster)) {
        return Err(Failure::new(
            "shards write the map alone; leave places and polygons out, and make them of the joined map (terroir polygons)",
        )
        .into());
    }
    let field = open_field(&spec.field)?;
    let examples = examples_of(spec, &field, monitor)?;
    let grid = field.info().grid.clone();
    let search = Search {
        forms: SimilarityForms::new(
            spec.combine,
            examples.iter().map(|example| example.vector.as_slice()),
        ),
        area: area_of(spec.aoi.as_ref(), &grid)?,
        field: &field,
    };
    let rows = share.rows(grid.window());
    let windows = squares_of(&grid, rows);
    let mut best = BestPlaces::new(windows.clone(), spec.apart_px);
    let inside = own_areas(spec, &examples, &grid, &mut best);
    let kind_of = |values: bool| {
        if values {
            MapKind::Continuous {
                bands: vec![("similarity".to_owned(), "1".to_owned())],
                ramp: "similarity".to_owned(),
            }
        } else {
            MapKind::Classes(vec![similar_class()])
        }
    };
    let raster = spec.out.iter().find(|out| is_raster(out));
    let polygons = spec
        .out
        .iter()
        .find(|out| Output::of(out) == Some(Output::Polygons));
    let job = share.job(JobSpec::Similar(spec.clone()));
    // The examples themselves, whichever file they came from.
    let vectors: Vec<&[f32]> = examples
        .iter()
        .map(|example| example.vector.as_slice())
        .collect();
    let area = fingerprint_of_area(spec.aoi.as_ref());
    let inputs = [fingerprint(&spec.field), format!("{vectors:?}"), area];
    let key = key_of(&job, &inputs.each_ref().map(String::as_str))?;
    if let Some(done) = share.done_blocking(rows, &spec.out, &key, monitor) {
        return Ok(done);
    }
    let mut map = raster
        .map(|out| share.writer(out, &grid, rows, kind_of(spec.values)))
        .transpose()?;
    // Polygons are made of a mask; where none is written, one lives beside them for a while.
    let spare = polygons
        .filter(|_| raster.is_none() || spec.values)
        .map(|out| SpareMask(beside(out)));
    let mut mask = spare
        .as_ref()
        .map(|spare| MapWriter::create(&spare.0, &grid, kind_of(false)))
        .transpose()?;
    let (mut matches, mut pixels) = (0u64, 0u64);
    for (number, window) in windows.iter().enumerate() {
        monitor.check()?;
        monitor.progress("comparing", number as u64, windows.len() as u64);
        let values = search.values(*window)?;
        let is_match = |value: &f32| *value >= spec.threshold;
        let bytes = || -> Vec<u8> {
            values
                .iter()
                .map(|value| u8::from(is_match(value)))
                .collect()
        };
        matches += values.iter().filter(|value| is_match(value)).count() as u64;
        pixels += values.iter().filter(|value| !value.is_nan()).count() as u64;
        match &mut map {
            Some(map) if spec.values => map.write_floats(*window, &values)?,
            Some(map) => map.write_bytes(*window, &bytes())?,
            None => {}
        }
        if let Some(mask) = &mut mask {
            mask.write_bytes(*window, &bytes())?;
        }
        if spec.places > 0 {
            best.look(number, &without(values, *window, &inside));
        }
    }
    let mut places = Vec::new();
    while places.len() < spec.places {
        monitor.check()?;
        monitor.progress("finding places", places.len() as u64, spec.places as u64);
        let next = best.next_blocking::<Stop>(&mut |window| {
            Ok(without(search.values(window)?, window, &inside))
        })?;
        let Some((similarity, (col, row))) = next else {
            break;
        };
        let (x, y) = grid
            .transform()
            .map_from_pixel(col as f64 + 0.5, row as f64 + 0.5);
        places.push(FoundPlace {
            similarity,
            col,
            row,
            x,
            y,
        });
    }
    let mut keys = of_result(
        &job,
        &[field.info()],
        &sentence(spec, &examples),
        begun.elapsed().as_secs_f64(),
    );
    keys.extend(share.provenance(&key));
    let go_on = |stage: &'static str| {
        move |share: f64| {
            monitor.progress(stage, (100.0 * share) as u64, 100);
            !monitor.is_cancelled()
        }
    };
    let mut files = Vec::new();
    if let Some(map) = map {
        files.extend(map.finish_observed(&keys, &mut go_on("writing the map"))?);
    }
    if let Some(mask) = mask {
        mask.finish_observed(&Vec::new(), &mut go_on("writing the mask"))?;
    }
    let mut counts = PatchCounts::default();
    if let Some(out) = polygons {
        let source = spare.as_ref().map(|spare| &spare.0).or(raster);
        let classes = [similar_class()];
        let layer = PatchLayer {
            name: "similar",
            classes: &classes,
            least_pixels: spec.least_px,
        };
        let source = source.map(|source| (source.as_path(), &layer));
        let items: Vec<(String, String)> = keys
            .iter()
            .map(|(key, value)| match key.as_str() {
                "ATTRIBUTION" | "LICENSE" | "DESCRIPTION" => (key.clone(), value.clone()),
                _ => (format!("TERROIR_{key}"), value.clone()),
            })
            .collect();
        let mut go_on = go_on("drawing polygons");
        counts = write_patches_blocking(source, &places, &grid, &items, out, &mut go_on)?;
        files.push(out.clone());
    }
    for out in spec
        .out
        .iter()
        .filter(|out| Output::of(out) == Some(Output::Places))
    {
        write_places_table(&places, &grid, out)?;
        files.push(out.clone());
    }
    let seconds = begun.elapsed().as_secs_f64();
    let share = matches as f64 / (pixels.max(1)) as f64;
    let mut summary = format!(
        "{matches} of {pixels} pixels ({:.2} %) are at least {} alike",
        100.0 * share,
        spec.threshold
    );
    let mut metrics = vec![
        ("pixels".to_owned(), pixels as f64),
        ("matching_pixels".to_owned(), matches as f64),
    ];
    if polygons.is_some() {
        summary.push_str(&format!(", in {} polygons", counts.patches));
        metrics.push(("polygons".to_owned(), counts.patches as f64));
        if counts.left_out > 0 {
            metrics.push((
                "smaller_patches_left_out".to_owned(),
                counts.left_out as f64,
            ));
        }
        metrics.extend(
            counts
                .area_m2
                .map(|area| ("hectares".to_owned(), area / 10_000.0)),
        );
    }
    if spec.places > 0 {
        summary.push_str(&format!("; {} places found", places.len()));
        metrics.push(("places".to_owned(), places.len() as f64));
        if let Some(first) = places.first() {
            metrics.push(("best_similarity".to_owned(), f64::from(first.similarity)));
        }
    }
    metrics.push(("seconds".to_owned(), seconds));
    summary.push_str(&format!("; {seconds:.1} s"));
    Ok(Outcome {
        files,
        summary,
        metrics,
        warnings: monitor.warnings(),
    })
}

fn similar_class() -> Class {
    Class {
        name: "similar".to_owned(),
        ..SIMILAR
    }
}

fn sentence(spec: &SimilarSpec, examples: &[Example]) -> String {
    let how = match spec.combine {
        Combine::Mean => "mean of the dot products",
        Combine::Max => "largest dot product",
    };
    format!(
        "Similarity to {} examples ({how}), threshold {}",
        examples.len(),
        spec.threshold
    )
}

/// Pixels, then areas, then the polygons of the file.
fn examples_of(
    spec: &SimilarSpec,
    field: &Raster,
    monitor: &Monitor<'_>,
) -> JobResult<Vec<Example>> {
    monitor.progress("reading the examples", 0, 1);
    let other = spec.from.as_deref().map(open_field).transpose()?;
    let source = other.as_ref().unwrap_or(field);
    let mut areas = spec.areas.clone();
    if let Some(name) = &spec.polygons {
        areas.extend(outlines_blocking(name, &source.info().grid)?);
    }
    let mut examples = Vec::new();
    for at in &spec.at {
        examples.push(example_at_blocking(source, *at)?);
    }
    let mut outside = 0;
    for rings in &areas {
        monitor.check()?;
        match example_of_area_blocking(source, rings, &|| !monitor.is_cancelled()) {
            Ok(example) => {
                if example.coherence < terroir_scene::MIXED_COHERENCE {
                    monitor.warn(
                        "an area holds very different things; its mean stands for none of them",
                    );
                }
                examples.push(example);
            }
            Err(terroir_scene::SceneError::Cancelled) => return Err(Stop::Cancelled),
            // One of many polygons may lie elsewhere; the only one may not.
            Err(error) if areas.len() == 1 => return Err(error.into()),
            Err(_) => outside += 1,
        }
    }
    if outside > 0 {
        monitor.warn(format!(
            "{outside} of {} areas hold no data of the field and are left out",
            areas.len()
        ));
    }
    if examples.is_empty() {
        return Err(
            Failure::new("none of the areas holds data of the field; choose others").into(),
        );
    }
    if examples.len() > terroir_scene::MOST_EXAMPLES {
        monitor.warn(format!(
            "only the first {} examples of {} are used",
            terroir_scene::MOST_EXAMPLES,
            examples.len()
        ));
    }
    Ok(examples)
}

/// Outlines of the examples that lie in the searched field; their pixels and what is around them are no new places.
fn own_areas(
    spec: &SimilarSpec,
    examples: &[Example],
    grid: &terroir_scene::Grid,
    best: &mut BestPlaces,
) -> Option<AreaOfInterest> {
    if spec.from.is_some() {
        return None;
    }
    let mut outlines = Vec::new();
    for example in examples {
        if example.is_area() {
            edge_pixels(grid, &example.rings)
                .into_iter()
                .for_each(|pixel| best.avoid(pixel));
            outlines.push(&example.rings);
        } else if let Some(pixel) = example.at.and_then(|at| pixel_at(grid, at)) {
            best.avoid(pixel);
        }
    }
    AreaOfInterest::of_outlines(&outlines, grid)
}

/// Values outside of the areas.
fn without(mut values: Vec<f32>, window: Window, inside: &Option<AreaOfInterest>) -> Vec<f32> {
    if let Some(area) = inside.as_ref().filter(|area| area.touches(window)) {
        for (value, inside) in values.iter_mut().zip(area.mask(window)) {
            if inside {
                *value = f32::NAN;
            }
        }
    }
    values
}

/// A mask that is gone when the job is.
struct SpareMask(PathBuf);

impl Drop for SpareMask {
    fn drop(&mut self) {
        let name = self.0.display().to_string();
        let style = self.0.with_extension("qml");
        for file in [self.0.clone(), format!("{name}.aux.xml").into(), style] {
            std::fs::remove_file(file).ok();
        }
    }
}

fn beside(out: &Path) -> PathBuf {
    let mut name = out.file_stem().unwrap_or_default().to_owned();
    name.push(format!(".mask.{}.part.tif", std::process::id()));
    out.with_file_name(name)
}
