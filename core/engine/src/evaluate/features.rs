//! The numbers of every labelled place, candidate by candidate. Read square by square: memory depends on the places, not on
//! the rasters' area. Knows candidates and places; knows nothing of what is learnt from the numbers.

use std::collections::BTreeMap;
use std::path::Path;

use terroir_scene::{
    Archive, ChangeMeasure, FIELD_AXES, FeatureTable, Grid, NorthUp, Raster, Window,
    decode_planar_pixel,
};

use super::labels::LabelSet;
use super::series::{self, Kind};
use super::spec::{Candidate, CandidateSource};
use crate::monitor::{JobResult, Monitor, Stop};
use crate::provenance::value_of;
use crate::train::open_field;
use crate::{EvaluateSpec, Failure};

/// Side of the squares in which rasters are read.
const READ_SIDE: usize = 256;

/// What one candidate says of all places.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    /// A row a place; rows of places without data hold nought.
    pub table: FeatureTable,
    pub is_there: Vec<bool>,
    /// Unit vectors, which keep their scale.
    pub is_unit: bool,
    /// Of two fields: how far they lie apart, from 0 to 1.
    pub distance: Option<Vec<f64>>,
    /// What it is, for people.
    pub about: String,
}

/// The grid labels without one of their own are laid on: the first field's, else the archive's.
pub(super) fn reference_grid(
    candidates: &[Candidate],
    archive: Option<&Archive>,
) -> JobResult<Grid> {
    let path = candidates
        .iter()
        .find_map(|candidate| candidate.rasters().into_iter().next());
    match (path, archive) {
        (Some(path), _) => Ok(NorthUp::of(&Raster::open(path)?.info().grid).grid),
        (None, Some(archive)) => Ok(archive.grid.clone()),
        (None, None) => Err(Failure::new(
            "nothing to compare was named; name one field or more, or an archive of images",
        )
        .into()),
    }
}

/// Reads what all candidates say of the places, in their order; the archive once for all that is made of it.
pub(super) fn read_all_blocking(
    spec: &EvaluateSpec,
    archive: Option<&Archive>,
    set: &LabelSet,
    monitor: &Monitor<'_>,
) -> JobResult<Vec<(String, Numbers)>> {
    let kinds: Vec<Kind> = spec
        .candidates
        .iter()
        .filter_map(|candidate| Kind::of(&candidate.source))
        .collect();
    let of_archive = match (archive, kinds.is_empty()) {
        (_, true) => Vec::new(),
        (Some(archive), false) => {
            series::read_blocking(archive, spec.period.as_ref(), &kinds, set, monitor)?
        }
        (None, false) => {
            return Err(Failure::new(
                "composites, harmonics and stacks are made of an archive of images; name one (--archive)",
            )
            .into());
        }
    };
    let mut of_archive = of_archive.into_iter();
    let mut all = Vec::new();
    for candidate in &spec.candidates {
        let numbers = match Kind::of(&candidate.source) {
            Some(_) => of_archive.next(),
            None => Some(read_blocking(candidate, set, monitor)?),
        };
        let Some(numbers) = numbers.filter(|numbers| numbers.is_there.contains(&true)) else {
            return Err(Stop::nothing_seen(format!(
                "{} has no data at any labelled place; check that it shows the same ground as the labels\n{}",
                candidate.name,
                set.path.display()
            )));
        };
        all.push((candidate.name.clone(), numbers));
    }
    Ok(all)
}

/// Reads what a candidate says of the places.
fn read_blocking(
    candidate: &Candidate,
    set: &LabelSet,
    monitor: &Monitor<'_>,
) -> JobResult<Numbers> {
    match &candidate.source {
        CandidateSource::Field(path) => field_blocking(path, set, monitor),
        CandidateSource::Pair { before, after } => {
            let (before, after) = (
                field_blocking(before, set, monitor)?,
                field_blocking(after, set, monitor)?,
            );
            Ok(pair(&before, &after))
        }
        CandidateSource::Composite(_) | CandidateSource::Harmonics | CandidateSource::Stack => {
            Err(Failure::new("this is worked out of an archive").into())
        }
    }
}

/// Both fields beside each other, and how far they lie apart.
fn pair(before: &Numbers, after: &Numbers) -> Numbers {
    let mut table = FeatureTable::new(before.table.width() + after.table.width());
    let (mut row, mut distance) = (Vec::new(), Vec::new());
    for (one, other) in before.table.rows().zip(after.table.rows()) {
        row.clear();
        row.extend_from_slice(one);
        row.extend_from_slice(other);
        table.push(&row);
        let units: Option<(&[f32; FIELD_AXES], &[f32; FIELD_AXES])> =
            one.try_into().ok().zip(other.try_into().ok());
        distance.push(units.map_or(0.0, |(a, b)| f64::from(ChangeMeasure::Distance.of(a, b))));
    }
    let is_there = before.is_there.iter().zip(&after.is_there);
    Numbers {
        table,
        is_there: is_there.map(|(a, b)| *a && *b).collect(),
        is_unit: true,
        distance: Some(distance),
        about: format!(
            "two fields beside each other: {}; {}",
            before.about, after.about
        ),
    }
}

/// A pixel of a place.
struct Wanted {
    place: usize,
    col: usize,
    row: usize,
}

/// The wanted pixels by the square they lie in.
fn by_square(pixels: &[Vec<(usize, usize)>], side: usize) -> BTreeMap<(usize, usize), Vec<Wanted>> {
    let mut squares: BTreeMap<(usize, usize), Vec<Wanted>> = BTreeMap::new();
    for (place, pixels) in pixels.iter().enumerate() {
        for (col, row) in pixels {
            squares
                .entry((row / side, col / side))
                .or_default()
                .push(Wanted {
                    place,
                    col: *col,
                    row: *row,
                });
        }
    }
    squares
}

/// The square of a grid, cut at its edge.
fn window_of((square_row, square_col): (usize, usize), side: usize, grid: &Grid) -> Window {
    let (col, row) = (square_col * side, square_row * side);
    Window {
        col,
        row,
        width: side.min(grid.width.saturating_sub(col)),
        height: side.min(grid.height.saturating_sub(row)),
    }
}

/// Vectors of the places; of several pixels their mean, scaled to length 1 again.
fn field_blocking(path: &Path, set: &LabelSet, monitor: &Monitor<'_>) -> JobResult<Numbers> {
    let field = open_field(path)?;
    let north_up = NorthUp::of(&field.info().grid);
    let pixels = set.pixels_on(&north_up.grid, path)?;
    let mut sums = vec![([0.0f64; FIELD_AXES], 0u32); set.places.len()];
    let squares = by_square(&pixels, READ_SIDE);
    let total = squares.len() as u64;
    for (done, (square, members)) in squares.into_iter().enumerate() {
        monitor.check()?;
        monitor.progress("reading the fields", done as u64, total);
        let window = window_of(square, READ_SIDE, &north_up.grid);
        let codes = north_up.read_codes_blocking(&field, window)?;
        for Wanted { place, col, row } in members {
            let at = (row - window.row) * window.width + col - window.col;
            let Some(unit) = decode_planar_pixel(&codes, window.pixels(), at) else {
                continue;
            };
            if let Some((sum, count)) = sums.get_mut(place) {
                for (sum, value) in sum.iter_mut().zip(&unit) {
                    *sum += f64::from(*value);
                }
                *count += 1;
            }
        }
    }
    let mut table = FeatureTable::new(FIELD_AXES);
    let mut is_there = Vec::with_capacity(sums.len());
    for (sum, count) in sums {
        let length = sum.iter().map(|sum| sum * sum).sum::<f64>().sqrt();
        is_there.push(count > 0 && length > 0.0);
        let scale = if length > 0.0 { 1.0 / length } else { 0.0 };
        table.push(&sum.map(|sum| (sum * scale) as f32));
    }
    let model = value_of(field.info(), "TERROIR_MODEL")
        .or_else(|| terroir_scene::FieldProduct::of(field.info()).map(|product| product.name));
    Ok(Numbers {
        table,
        is_there,
        is_unit: true,
        distance: None,
        about: match model {
            Some(model) => format!("field ({model})"),
            None => "field".to_owned(),
        },
    })
}
