//! The assess job: a class map against reference labels. Rows of every matrix are the map, columns the reference.

use std::collections::BTreeMap;

use serde_json::Value;
use terroir_scene::{
    Class, ConfusionMatrix, HALF_WIDTH_95, LabelledPixel, Labels, Raster, RasterInfo, Resampling,
    Window, classes_of_map, estimate_areas, import_labels,
};

use crate::monitor::{JobResult, Monitor};
use crate::provenance::{checksum_of, file_name, value_of};
use crate::report::{Report, write_report};
use crate::report_pictures::{calibration_blocking, picture_of};
use crate::train::say_import;
use crate::{AssessSpec, Failure, Outcome};

const SIDE: usize = 512;

pub(crate) fn assess(spec: &AssessSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    monitor.started("cpu");
    let started = jiff::Timestamp::now().to_string();
    let map = Raster::open(&spec.map)?;
    let info = map.info().clone();
    if info.bands.len() != 1 {
        return Err(Failure::new(format!(
            "a class map has one band, this file has {}; choose the map made by predict\n{}",
            info.bands.len(),
            spec.map.display()
        ))
        .into());
    }
    monitor.progress("reading the reference", 0, 1);
    let (reference, report) =
        import_labels(&spec.reference, &info.grid, spec.class_attribute.as_deref())?;
    say_import(monitor, &report);
    let pixels = reference.pixels();
    let (values, areas) = read_map_blocking(&map, &pixels, monitor)?;
    let in_use = values.iter().filter(|value| **value > 0);
    let present: Vec<u8> = areas.keys().chain(in_use).copied().collect();
    let map_classes = classes_of_map(&info, &present);
    let matched = match_classes(&map_classes, &reference, &pixels);
    if let Some(text) = &matched.warning {
        monitor.warn(text.clone());
    }

    let mut matrix = ConfusionMatrix::new(matched.classes.clone());
    let mut unclassified = 0usize;
    let rows: Vec<Option<usize>> = values.iter().map(|value| matched.of_map(*value)).collect();
    let columns: Vec<Option<usize>> = pixels
        .iter()
        .map(|pixel| matched.of_reference(pixel.class_id))
        .collect();
    for (row, column) in rows.iter().zip(&columns) {
        match (row, column) {
            (Some(row), Some(column)) => matrix.add(*row, *column),
            _ => unclassified += 1,
        }
    }
    let accuracy = matrix.accuracy();
    if accuracy.n == 0 {
        return Err(Failure::new(format!(
            "no reference pixel lies on a classified pixel of the map; check that both show the same place\n{}",
            spec.reference.display()
        ))
        .into());
    }
    if unclassified > 0 {
        monitor.warn(format!(
            "{unclassified} reference pixels lie where the map has no class; they are not counted"
        ));
    }
    if spec.is_stratified_sample {
        refuse_training_labels(spec, &reference, &pixels)?;
    }
    let reference_sha256 = checksum_of(&spec.reference)?;
    say_sampling(spec, &info, reference_sha256.as_deref(), monitor);
    for (name, value) in [
        ("overall_accuracy", accuracy.overall),
        ("macro_f1", accuracy.macro_f1),
    ] {
        if let Some(value) = value {
            monitor.metric(name, value);
        }
    }
    let hectares = crate::predict::hectares_per_pixel(&info.grid);
    let mapped_pixels: Vec<f64> = (0..matched.classes.len())
        .map(|row| {
            areas
                .iter()
                .filter(|(value, _)| matched.of_map(**value) == Some(row))
                .map(|(_, count)| *count as f64)
                .sum()
        })
        .collect();
    let in_hectares = |pixels: &f64| hectares.map(|each| pixels * each);
    let unit = hectares.unwrap_or(1.0);
    let mapped: Vec<f64> = mapped_pixels.iter().map(|pixels| pixels * unit).collect();
    let estimates =
        match spec.is_stratified_sample {
            true => {
                say_thin_strata(&matrix, &mapped, monitor);
                Some(estimate_areas(&matrix.counts, &mapped).map_err(|error| {
                    Failure::new(format!("{error}\n{}", spec.reference.display()))
                })?)
            }
            false => None,
        };
    if let Some(estimates) = &estimates {
        monitor.metric("overall_accuracy_estimated", estimates.overall.value);
    }
    let calibration =
        calibration_blocking(&spec.map, &info.grid, &pixels, &rows, &columns, monitor)?;
    monitor.check()?;
    monitor.progress("drawing the report", 0, 1);
    let pictures = [Some(&spec.map), spec.scene.as_ref()]
        .into_iter()
        .flatten()
        .filter_map(|path| picture_of(path, monitor))
        .collect();
    let report = Report {
        spec,
        info: &info,
        reference_sha256,
        map_sha256: checksum_of(&spec.map)?,
        matrix: &matrix,
        accuracy: &accuracy,
        mapped_ha: mapped_pixels.iter().map(in_hectares).collect(),
        mapped,
        pictures,
        calibration,
        started,
        estimates: estimates.as_ref(),
        is_in_hectares: hectares.is_some(),
        unclassified,
        warnings: monitor.warnings(),
    };
    let files = write_report(&report)?;
    let percent = accuracy.overall.map_or_else(
        || "not defined".to_owned(),
        |value| format!("{:.1} %", 100.0 * value),
    );
    let mut metrics = vec![("n".to_owned(), accuracy.n as f64)];
    for (name, value) in [
        ("overall_accuracy", accuracy.overall),
        ("macro_f1", accuracy.macro_f1),
    ] {
        metrics.extend(value.map(|value| (name.to_owned(), value)));
    }
    let summary = match &estimates {
        Some(estimates) => {
            let half = HALF_WIDTH_95 * estimates.overall.standard_error.unwrap_or(0.0);
            metrics.push((
                "overall_accuracy_estimated".to_owned(),
                estimates.overall.value,
            ));
            metrics.push(("overall_accuracy_half_width_95".to_owned(), half));
            format!(
                "Overall accuracy of the whole map {:.1} ± {:.1} % (95 %), from {} sample points",
                100.0 * estimates.overall.value,
                100.0 * half,
                accuracy.n
            )
        }
        None => format!(
            "Overall accuracy {percent} on {} reference pixels",
            accuracy.n
        ),
    };
    Ok(Outcome {
        files,
        summary,
        metrics,
        warnings: monitor.warnings(),
    })
}

/// Labels that train are no random sample, and neither is what was painted or comes as a raster.
fn refuse_training_labels(
    spec: &AssessSpec,
    reference: &Labels,
    pixels: &[LabelledPixel],
) -> Result<(), Failure> {
    let training = reference
        .polygons
        .iter()
        .filter(|polygon| polygon.usage == "train")
        .count();
    let painted = pixels.iter().filter(|pixel| pixel.polygon == 0).count();
    let what = match (training, painted) {
        (0, 0) => return Ok(()),
        (0, painted) => {
            format!("{painted} pixels of the reference are painted or come from a raster")
        }
        (training, _) => format!(
            "{training} shapes of the reference are not marked as validation (attribute `use`)"
        ),
    };
    Err(Failure::new(format!(
        "{what}, so they are no random sample of the map; draw one with `terroir sample`, or leave --stratified-sample out\n{}",
        spec.reference.display()
    )))
}

/// One point says nothing of how sure it is.
fn say_thin_strata(matrix: &ConfusionMatrix, mapped: &[f64], monitor: &Monitor<'_>) {
    for ((class, counts), area) in matrix.classes.iter().zip(&matrix.counts).zip(mapped) {
        if *area > 0.0 && counts.iter().sum::<u64>() == 1 {
            monitor.warn(format!(
                "class {} has one sample point: intervals leave its uncertainty out",
                class.name
            ));
        }
    }
}

/// Says what the figures cannot carry.
fn say_sampling(
    spec: &AssessSpec,
    info: &RasterInfo,
    reference_sha256: Option<&str>,
    monitor: &Monitor<'_>,
) {
    if !spec.is_stratified_sample {
        monitor.warn(
            "the reference pixels were not drawn as a probability sample of the map: the figures hold for these pixels, \
             not for the whole map, and no areas are estimated from them",
        );
    }
    let trained_with =
        value_of(info, "TERROIR_LABELS").and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let trained_sha = trained_with
        .as_ref()
        .and_then(|value| value.get("sha256"))
        .and_then(Value::as_str);
    if trained_sha.is_some() && trained_sha == reference_sha256 {
        monitor.warn("the map was trained with this very reference file: the figures flatter; use labels the training has not seen");
    }
}

/// Map values at the given pixels, and how many pixels of the map have each value.
fn read_map_blocking(
    map: &Raster,
    pixels: &[LabelledPixel],
    monitor: &Monitor<'_>,
) -> JobResult<(Vec<u8>, BTreeMap<u8, u64>)> {
    let (width, height) = (map.info().grid.width, map.info().grid.height);
    let mut members: BTreeMap<(usize, usize), Vec<usize>> = BTreeMap::new();
    for (index, pixel) in pixels.iter().enumerate() {
        members
            .entry((pixel.row / SIDE, pixel.col / SIDE))
            .or_default()
            .push(index);
    }
    let mut values = vec![0u8; pixels.len()];
    let mut areas = BTreeMap::new();
    let (rows, columns) = (height.div_ceil(SIDE), width.div_ceil(SIDE));
    for square in 0..rows * columns {
        monitor.check()?;
        monitor.progress("comparing", square as u64, (rows * columns) as u64);
        let (square_row, square_col) = (square / columns, square % columns);
        let (row, col) = (square_row * SIDE, square_col * SIDE);
        let window = Window {
            col,
            row,
            width: SIDE.min(width - col),
            height: SIDE.min(height - row),
        };
        let block = map.read_blocking(
            &[0],
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )?;
        let value_at = |at: usize| -> u8 {
            match (block.valid.get(at), block.values.get(at)) {
                (Some(true), Some(value)) if (1.0..=255.0).contains(value) => *value as u8,
                _ => 0,
            }
        };
        for at in 0..window.width * window.height {
            *areas.entry(value_at(at)).or_insert(0) += 1;
        }
        for index in members.get(&(square_row, square_col)).into_iter().flatten() {
            let pixel = pixels[*index];
            values[*index] = value_at((pixel.row - row) * window.width + pixel.col - col);
        }
    }
    areas.remove(&0);
    Ok((values, areas))
}

/// Classes of both sides in one list.
struct Matched {
    classes: Vec<Class>,
    /// Map value to row.
    rows: BTreeMap<u8, usize>,
    /// Reference class to column.
    columns: BTreeMap<u8, usize>,
    warning: Option<String>,
}

impl Matched {
    fn of_map(&self, value: u8) -> Option<usize> {
        self.rows.get(&value).copied()
    }

    fn of_reference(&self, class: u8) -> Option<usize> {
        self.columns.get(&class).copied()
    }
}

/// By name; if no name agrees, by number (a reference whose attribute holds the map's values).
fn match_classes(map: &[Class], reference: &Labels, pixels: &[LabelledPixel]) -> Matched {
    let used: Vec<&Class> = reference
        .classes
        .iter()
        .filter(|class| pixels.iter().any(|pixel| pixel.class_id == class.id))
        .collect();
    let plain = |name: &str| name.trim().to_lowercase();
    let same_name = |a: &Class, b: &Class| plain(&a.name) == plain(&b.name);
    let by_name = used
        .iter()
        .any(|class| map.iter().any(|other| same_name(class, other)));
    let number = |class: &Class| class.name.trim().parse::<u8>().unwrap_or(class.id);
    let mut classes = map.to_vec();
    let rows = map
        .iter()
        .enumerate()
        .map(|(row, class)| (class.id, row))
        .collect();
    let (mut columns, mut strangers) = (BTreeMap::new(), Vec::new());
    for class in used {
        let found = map.iter().position(|other| {
            if by_name {
                same_name(class, other)
            } else {
                other.id == number(class)
            }
        });
        let column = found.unwrap_or_else(|| {
            strangers.push(class.name.clone());
            classes.push(class.clone());
            classes.len() - 1
        });
        columns.insert(class.id, column);
    }
    let mut said = Vec::new();
    if !by_name {
        said.push("no class name of the map occurs in the reference, so classes were matched by their numbers".to_owned());
    }
    if !strangers.is_empty() {
        said.push(format!(
            "classes of the reference that the map does not have: {}",
            strangers.join(", ")
        ));
    }
    Matched {
        classes,
        rows,
        columns,
        warning: (!said.is_empty()).then(|| said.join("; ")),
    }
}

/// For messages: the file's name without its folder.
pub(crate) fn title_of(spec: &AssessSpec) -> String {
    format!(
        "{} against {}",
        file_name(&spec.map),
        file_name(&spec.reference)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use terroir_scene::Grid;

    fn class(id: u8, name: &str) -> Class {
        Class {
            id,
            name: name.to_owned(),
            color: [0; 3],
        }
    }

    fn labels(classes: Vec<Class>) -> (Labels, Vec<LabelledPixel>) {
        let pixels = classes
            .iter()
            .map(|class| LabelledPixel {
                col: 0,
                row: 0,
                class_id: class.id,
                polygon: 1,
            })
            .collect();
        let grid = Grid {
            width: 1,
            height: 1,
            georef: Default::default(),
        };
        let mut labels = Labels::new(grid);
        labels.classes = classes.into();
        (labels, pixels)
    }

    #[test]
    fn names_win_over_numbers_and_strangers_are_said() {
        let (labels, pixels) = labels(vec![class(1, "Water"), class(2, "rock")]);
        let matched = match_classes(&[class(1, "forest"), class(2, "water")], &labels, &pixels);
        assert_eq!(matched.of_reference(1), Some(1));
        assert_eq!(matched.of_reference(2), Some(2));
        assert!(matched.warning.unwrap().contains("rock"));
    }

    #[test]
    fn numbers_serve_where_no_name_agrees() {
        let (labels, pixels) = labels(vec![class(1, "20"), class(2, "10")]);
        let matched = match_classes(&[class(10, "tree"), class(20, "shrub")], &labels, &pixels);
        assert_eq!(matched.of_reference(1), Some(1));
        assert_eq!(matched.of_reference(2), Some(0));
    }
}
