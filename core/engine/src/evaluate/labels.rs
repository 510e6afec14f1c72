//! The labelled places of an evaluation: read from a raster, a vector file or a table, thinned to what is compared. Knows
//! label files and grids; knows nothing of what the places are compared by.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use terroir_scene::{
    Class, Grid, LabelUse, LabelledPixel, PartKind, Period, Raster, Reprojection, Resampling,
    VectorColumn, VectorLayer, block_fold, class_color, class_names_beside, file_and_layer,
    import_labels_of, place_vectors_blocking, read_value_places_blocking, read_vector_blocking,
};

use crate::monitor::{JobResult, Monitor};
use crate::predict::squares;
use crate::split_file::{SplitFile, Unit};
use crate::train::say_import;
use crate::{EvaluateSpec, Failure};

/// Places that are compared, of all classes together.
const MOST_PLACES: usize = 30_000;
/// Labelled pixels of a raster that are remembered while it is read; of more an even part.
const MOST_FOUND: usize = 2_000_000;
/// A raster of more codes than this is no raster of classes.
const MOST_CLASSES: usize = 255;
/// Names of columns that hold classes, in the order they are tried.
const CLASS_COLUMNS: [&str; 7] = [
    "class_name",
    "class",
    "class_id",
    "label",
    "MC_ID",
    "C_ID",
    "macroclass_id",
];

/// A labelled place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    /// Its number in the file, whatever else is read: pixel or row.
    pub id: u64,
    /// Ground coordinates of the pixels it stands for, in the system of [`LabelSet::grid`].
    pub ground: Vec<(f64, f64)>,
    /// Column and row on [`LabelSet::grid`].
    pub pixel: (usize, usize),
    /// Index of the class; 0 for values.
    pub class: usize,
    pub value: f64,
    /// What is never cut in two: the polygon, or the unit of a split file; 0 = none.
    pub unit: u32,
    /// Marked as kept for testing.
    pub is_held_out: bool,
    /// When it holds, where the table of points says so.
    pub period: Option<Period>,
}

/// All of them, and what they are about.
#[derive(Clone, Debug)]
pub(super) struct LabelSet {
    pub path: PathBuf,
    pub grid: Grid,
    /// In ascending order; ids are places in this list from 1. Empty for values.
    pub classes: Vec<Class>,
    pub places: Vec<Place>,
    /// Labelled places of each class before thinning.
    pub totals: Vec<usize>,
}

impl LabelSet {
    pub fn has_values(&self) -> bool {
        self.classes.is_empty()
    }

    /// What a place of each class stands for, so that shares are those of all labels.
    pub fn weights(&self) -> Vec<f64> {
        let mut kept = vec![0usize; self.totals.len()];
        for place in &self.places {
            if let Some(count) = kept.get_mut(place.class) {
                *count += 1;
            }
        }
        self.totals
            .iter()
            .zip(kept)
            .map(|(total, kept)| *total as f64 / kept.max(1) as f64)
            .collect()
    }

    /// Pixels of the places on another grid; places beside it have none.
    ///
    /// # Errors
    /// One of both has no place on the ground and they differ in size; no way between the systems.
    pub fn pixels_on(&self, grid: &Grid, path: &Path) -> JobResult<Vec<Vec<(usize, usize)>>> {
        let is_placed =
            |grid: &Grid| grid.georef.transform.is_some() || grid.georef.model.is_some();
        if !is_placed(grid) || !is_placed(&self.grid) {
            if (grid.width, grid.height) != (self.grid.width, self.grid.height) {
                return Err(Failure::new(format!(
                    "the labels are {} x {} pixels and this raster {} x {}, and one of both has no place on the ground; use labels of the same size\n{}",
                    self.grid.width, self.grid.height, grid.width, grid.height,
                    path.display()
                ))
                .into());
            }
            return Ok(self.places.iter().map(|place| vec![place.pixel]).collect());
        }
        let systems = self
            .grid
            .georef
            .ground_crs()
            .zip(grid.georef.ground_crs())
            .filter(|(own, theirs)| !own.same_as(theirs));
        let reprojection = systems
            .map(|(own, theirs)| Reprojection::new(own, theirs))
            .transpose()?;
        let pixel = |(x, y): (f64, f64)| {
            let (x, y) = match &reprojection {
                Some(reprojection) => reprojection.point(x, y)?,
                None => (x, y),
            };
            let (col, row) = grid.pixel_from_ground(x, y)?;
            grid.holds(col, row).then_some((col as usize, row as usize))
        };
        Ok(self
            .places
            .iter()
            .map(|place| place.ground.iter().filter_map(|at| pixel(*at)).collect())
            .collect())
    }

    /// Keeps an even part of each class, and all that the split file names.
    fn thin(&mut self, exact: &HashSet<u64>) {
        self.totals = vec![0; self.classes.len().max(1)];
        for place in &self.places {
            if let Some(total) = self.totals.get_mut(place.class) {
                *total += 1;
            }
        }
        if self.places.len() <= MOST_PLACES {
            return;
        }
        let most = MOST_PLACES / self.totals.len();
        let mut by_class: Vec<Vec<(usize, usize)>> = vec![Vec::new(); self.totals.len()];
        for (index, place) in self.places.iter().enumerate() {
            let key = if exact.contains(&place.id) {
                0
            } else {
                order_key(place.id, 0).max(1)
            };
            if let Some(list) = by_class.get_mut(place.class) {
                list.push((key, index));
            }
        }
        let mut is_kept = vec![false; self.places.len()];
        for list in &mut by_class {
            list.sort_unstable();
            let exact = list.partition_point(|(key, _)| *key == 0);
            for (_, index) in list.iter().take(most.max(exact)) {
                if let Some(kept) = is_kept.get_mut(*index) {
                    *kept = true;
                }
            }
        }
        let mut kept = is_kept.into_iter();
        self.places.retain(|_| kept.next().unwrap_or(false));
    }
}

/// A number by which places are put in random order: the same for a place and a seed whatever other places there are.
pub(super) fn order_key(id: u64, seed: u64) -> usize {
    block_fold(
        i64::from(id as u32),
        i64::from((id >> 32) as u32),
        usize::MAX,
        seed,
    )
}

/// Reads the labels. `reference` is the grid blocks are counted on where the labels have none of their own.
pub(super) fn read_labels(
    spec: &EvaluateSpec,
    reference: &Grid,
    split: Option<&SplitFile>,
    monitor: &Monitor<'_>,
) -> JobResult<LabelSet> {
    let (path, table) = file_and_layer(&spec.labels);
    let shapes = match read_vector_blocking(&path, table.as_deref(), &Default::default()) {
        Ok(layer) => Some(layer),
        Err(error) if table.is_some() || Raster::open(&path).is_err() => return Err(error.into()),
        Err(_) => None,
    };
    let has_only_points = |layer: &VectorLayer| {
        (0..layer.shapes.parts())
            .filter_map(|part| layer.shapes.part(part))
            .all(|part| part.kind == PartKind::Point)
    };
    let mut set = match (shapes, &spec.value) {
        (None, _) => of_raster(&path, spec, split, monitor)?,
        (Some(_), Some(column)) => {
            of_values(&path, table.as_deref(), column, reference, split, monitor)?
        }
        (Some(layer), None) if has_only_points(&layer) => {
            of_points(&layer, spec, reference, split, monitor)?
        }
        (Some(_), None) => {
            if split.is_some() {
                return Err(Failure::new(format!(
                    "a file of splits numbers the pixels of a raster or the rows of a table of points; name that as the labels instead of polygons\n{}",
                    path.display()
                ))
                .into());
            }
            of_polygons(&path, table.as_deref(), spec, reference, monitor)?
        }
    };
    if let Some(split) = split {
        only_of(&mut set, split)?;
    }
    if set.places.is_empty() {
        return Err(Failure::new(format!(
            "the labels hold no labelled place; choose another file\n{}",
            path.display()
        ))
        .into());
    }
    if !set.has_values() && set.classes.len() < 2 {
        return Err(Failure::new(format!(
            "the labels hold one class only (\"{}\"); two or more are needed to tell apart\n{}",
            set.classes.first().map_or("", |class| &class.name),
            path.display()
        ))
        .into());
    }
    set.thin(&exact_ids(split, set.grid.width));
    Ok(set)
}

/// Places a split file names one by one.
fn exact_ids(split: Option<&SplitFile>, width: usize) -> HashSet<u64> {
    let seeds = split.into_iter().flat_map(|split| &split.seeds);
    seeds
        .flat_map(|seed| seed.few_shot.values().flatten())
        .filter_map(|place| exact_id(place, width))
        .collect()
}

/// The [`Place::id`] of what a split file calls row and column, or row.
pub(super) fn exact_id(place: &[usize], width: usize) -> Option<u64> {
    match place {
        [row, col] => Some((row * width + col) as u64),
        [row] => Some(*row as u64),
        _ => None,
    }
}

/// Keeps the classes that the split can score, in its order.
fn only_of(set: &mut LabelSet, split: &SplitFile) -> Result<(), Failure> {
    if set.has_values() || split.classes.is_empty() {
        return Ok(());
    }
    let matches = |class: &Class, (code, name): &(i64, String)| {
        class.name.eq_ignore_ascii_case(name) || class.name == code.to_string()
    };
    let place_of: Vec<Option<usize>> = set
        .classes
        .iter()
        .map(|class| split.classes.iter().position(|known| matches(class, known)))
        .collect();
    let classes: Vec<Class> = (1..=u8::MAX)
        .zip(&split.classes)
        .map(|(id, known)| Class {
            id,
            name: known.1.clone(),
            color: set
                .classes
                .iter()
                .find(|class| matches(class, known))
                .map_or_else(|| class_color(id), |class| class.color),
        })
        .collect();
    if place_of.iter().all(Option::is_none) {
        return Err(Failure::new(format!(
            "the split file is about other classes than these labels hold\n{}",
            set.path.display()
        )));
    }
    set.classes = classes;
    set.places
        .retain_mut(|place| match place_of.get(place.class).copied().flatten() {
            Some(class) => {
                place.class = class;
                true
            }
            None => false,
        });
    Ok(())
}

/// A labelled pixel of a raster.
#[derive(Clone, Copy)]
struct Found {
    col: u32,
    row: u32,
    code: i64,
    value: f32,
    polygon: u32,
}

fn of_raster(
    path: &Path,
    spec: &EvaluateSpec,
    split: Option<&SplitFile>,
    monitor: &Monitor<'_>,
) -> JobResult<LabelSet> {
    let raster = Raster::open(path)?;
    let info = raster.info();
    let grid = info.grid.clone();
    let band = match &spec.value {
        None => 0,
        Some(name) => {
            let named = info.bands.iter().position(|band| band.name == *name);
            let numbered = name
                .parse::<usize>()
                .ok()
                .and_then(|number| number.checked_sub(1));
            named
                .or(numbered)
                .filter(|band| *band < info.bands.len())
                .ok_or_else(|| {
                    Failure::new(format!(
                        "there is no band {name} of values in this raster; it has {}\n{}",
                        info.bands.len(),
                        path.display()
                    ))
                })?
        }
    };
    let has_polygons = spec.value.is_none()
        && info
            .bands
            .get(1)
            .is_some_and(|band| band.sample_type.is_integer());
    let exact = exact_ids(split, grid.width);
    let (mut found, mut thinning): (Vec<Found>, usize) = (Vec::new(), 1);
    let mut codes: BTreeMap<i64, usize> = BTreeMap::new();
    let id_of = |found: &Found| found.row as u64 * grid.width as u64 + u64::from(found.col);
    let windows = squares(grid.width, grid.height);
    for (done, window) in windows.iter().enumerate() {
        monitor.check()?;
        monitor.progress("reading the labels", done as u64, windows.len() as u64);
        let read = |band: usize| {
            raster.read_blocking(
                &[band],
                *window,
                window.width,
                window.height,
                Resampling::Nearest,
            )
        };
        let labels = read(band)?;
        let polygons = if has_polygons { Some(read(1)?) } else { None };
        for (at, (value, _)) in labels
            .values
            .iter()
            .zip(&labels.valid)
            .enumerate()
            .filter(|(_, (value, is_valid))| **is_valid && value.is_finite())
        {
            let code = if spec.value.is_some() {
                1
            } else {
                *value as i64
            };
            if code == 0 && !spec.zero_is_class {
                continue;
            }
            *codes.entry(code).or_default() += 1;
            if codes.len() > MOST_CLASSES {
                return Err(Failure::new(format!(
                    "this raster holds more than {MOST_CLASSES} different codes; choose a raster of classes, or name its values (--value)\n{}",
                    path.display()
                ))
                .into());
            }
            let polygon = polygons.as_ref().map_or(0, |polygons| {
                match (polygons.values.get(at), polygons.valid.get(at)) {
                    (Some(polygon), Some(true)) => *polygon as u32,
                    _ => 0,
                }
            });
            let one = Found {
                col: (window.col + at % window.width) as u32,
                row: (window.row + at / window.width) as u32,
                code,
                value: *value,
                polygon,
            };
            let id = id_of(&one);
            if order_key(id, 1).is_multiple_of(thinning) || exact.contains(&id) {
                found.push(one);
            }
        }
        while found.len() > MOST_FOUND {
            thinning *= 2;
            found.retain(|one| {
                let id = id_of(one);
                order_key(id, 1).is_multiple_of(thinning) || exact.contains(&id)
            });
        }
    }
    let classes = if spec.value.is_some() {
        Vec::new()
    } else {
        classes_of(&codes, info, path, split)
    };
    let place_of: BTreeMap<i64, usize> = codes.keys().copied().zip(0..).collect();
    let block = match split.map(|split| &split.unit) {
        Some(Unit::Block(side)) => Some(*side),
        _ => None,
    };
    let places = found
        .iter()
        .filter_map(|one| {
            let (col, row) = (one.col as usize, one.row as usize);
            Some(Place {
                id: id_of(one),
                ground: vec![grid.ground_from_pixel(col as f64 + 0.5, row as f64 + 0.5)?],
                pixel: (col, row),
                class: *place_of.get(&one.code)?,
                value: f64::from(one.value),
                unit: block.map_or(one.polygon, |side| {
                    ((row / side) * grid.width.div_ceil(side) + col / side + 1) as u32
                }),
                is_held_out: false,
                period: None,
            })
        })
        .collect();
    Ok(LabelSet {
        path: path.to_owned(),
        grid,
        classes,
        places,
        totals: Vec::new(),
    })
}

/// Names and colours of the codes: from the split file, the raster's palette, or the table of classes beside it.
fn classes_of(
    codes: &BTreeMap<i64, usize>,
    info: &terroir_scene::RasterInfo,
    path: &Path,
    split: Option<&SplitFile>,
) -> Vec<Class> {
    let beside = class_names_beside(path);
    let palette = info.bands.first().map_or(&[][..], |band| &band.palette);
    let named = split.map_or(&[][..], |split| &split.classes);
    (1..=u8::MAX)
        .zip(codes.keys())
        .map(|(id, code)| {
            let entry = palette.iter().find(|entry| entry.value == *code);
            let listed = beside.iter().find(|(known, _, _)| known == code);
            let name = named
                .iter()
                .find(|(known, _)| known == code)
                .map(|(_, name)| name.clone())
                .or_else(|| entry.map(|entry| entry.name.clone()))
                .filter(|name| !name.is_empty())
                .or_else(|| listed.map(|(_, name, _)| name.clone()))
                .unwrap_or_else(|| code.to_string());
            let color = listed
                .and_then(|(_, _, color)| *color)
                .unwrap_or_else(|| class_color(id));
            Class { id, name, color }
        })
        .collect()
}

fn of_polygons(
    path: &Path,
    table: Option<&str>,
    spec: &EvaluateSpec,
    reference: &Grid,
    monitor: &Monitor<'_>,
) -> JobResult<LabelSet> {
    let attribute = spec.class_attribute.as_deref();
    let (labels, report) = import_labels_of(path, table, reference, attribute)?;
    say_import(monitor, &report);
    let of_use = |usage: LabelUse| labels.pixels_for(usage);
    let (train, test) = (of_use(LabelUse::Train), of_use(LabelUse::HeldOut));
    let used: BTreeSet<u8> = train
        .iter()
        .chain(&test)
        .map(|pixel| pixel.class_id)
        .collect();
    let classes: Vec<Class> = (1..=u8::MAX)
        .zip(
            labels
                .classes
                .iter()
                .filter(|class| used.contains(&class.id)),
        )
        .map(|(id, class)| Class {
            id,
            ..class.clone()
        })
        .collect();
    let place_of: BTreeMap<u8, usize> = used.iter().copied().zip(0..).collect();
    let place = |pixel: &LabelledPixel, is_held_out: bool| {
        let (col, row) = (pixel.col, pixel.row);
        Some(Place {
            id: (row * reference.width + col) as u64,
            ground: vec![reference.ground_from_pixel(col as f64 + 0.5, row as f64 + 0.5)?],
            pixel: (col, row),
            class: *place_of.get(&pixel.class_id)?,
            value: 0.0,
            unit: pixel.polygon,
            is_held_out,
            period: None,
        })
    };
    let places = train
        .iter()
        .filter_map(|pixel| place(pixel, false))
        .chain(test.iter().filter_map(|pixel| place(pixel, true)))
        .collect();
    Ok(LabelSet {
        path: path.to_owned(),
        grid: reference.clone(),
        classes,
        places,
        totals: Vec::new(),
    })
}

/// The column asked for, else the first of the well-known ones.
fn class_column<'a>(
    layer: &'a VectorLayer,
    asked: Option<&str>,
) -> Result<&'a VectorColumn, Failure> {
    let column = |name: &str| {
        let mut columns = layer.columns.iter();
        columns.find(|column| column.name.eq_ignore_ascii_case(name))
    };
    let found = match asked {
        Some(name) => column(name),
        None => CLASS_COLUMNS.iter().find_map(|name| column(name)),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = layer.columns.iter().map(|c| c.name.as_str()).collect();
        Failure::new(format!(
            "{}; name the one that holds the classes (--class-attribute): {}\n{}",
            match asked {
                Some(name) => format!("there is no column {name}"),
                None => "no column is known to hold classes".to_owned(),
            },
            names.join(", "),
            layer.path.display()
        ))
    })
}

/// Numbers in their order, then words in theirs.
fn class_order(text: &str) -> (i64, String) {
    let number = text.parse::<i64>().unwrap_or(i64::MAX);
    (number, text.to_owned())
}

fn of_points(
    layer: &VectorLayer,
    spec: &EvaluateSpec,
    reference: &Grid,
    split: Option<&SplitFile>,
    monitor: &Monitor<'_>,
) -> JobResult<LabelSet> {
    let column = class_column(layer, spec.class_attribute.as_deref())?;
    let placed = place_vectors_blocking(
        layer,
        reference.georef.ground_crs(),
        &AtomicBool::new(false),
    )?;
    let class_text = |feature: usize| {
        let text = column.text(feature)?.trim().to_owned();
        (!text.is_empty()).then_some(text)
    };
    let names: BTreeSet<(i64, String)> = (0..layer.features())
        .filter_map(class_text)
        .map(|text| class_order(&text))
        .collect();
    if names.len() > MOST_CLASSES {
        return Err(Failure::new(format!(
            "the column {} holds {} different classes; choose another one (--class-attribute)\n{}",
            column.name,
            names.len(),
            layer.path.display()
        ))
        .into());
    }
    let classes = (1..=u8::MAX)
        .zip(&names)
        .map(|(id, (_, name))| Class {
            id,
            name: name.clone(),
            color: class_color(id),
        })
        .collect();
    let (mut places, mut outside, mut without_class) = (Vec::new(), 0, 0);
    for feature in 0..layer.features() {
        let Some(text) = class_text(feature) else {
            without_class += 1;
            continue;
        };
        let mut points = placed.shapes.feature(feature).flat_map(|part| part.rings());
        let point = points.find_map(|ring| ring.first().copied());
        let pixel = point.and_then(|[x, y]| {
            let (col, row) = reference.pixel_from_ground(x, y)?;
            reference
                .holds(col, row)
                .then_some((col as usize, row as usize))
        });
        let (Some([x, y]), Some(pixel)) = (point, pixel) else {
            outside += 1;
            continue;
        };
        let order = class_order(&text);
        places.push(Place {
            id: feature as u64,
            ground: vec![(x, y)],
            pixel,
            class: names.iter().position(|name| *name == order).unwrap_or(0),
            value: 0.0,
            unit: unit_of_row(split, feature),
            is_held_out: false,
            period: period_of(layer, feature),
        });
    }
    for (count, what) in [
        (outside, "lie beside the first raster and are left out"),
        (without_class, "have no class and are left out"),
    ] {
        if count > 0 {
            monitor.warn(format!("{count} of {} points {what}", layer.features()));
        }
    }
    Ok(LabelSet {
        path: layer.path.clone(),
        grid: reference.clone(),
        classes,
        places,
        totals: Vec::new(),
    })
}

/// From the columns `start_date` and `end_date`, if there are any.
fn period_of(layer: &VectorLayer, feature: usize) -> Option<Period> {
    let date = |name: &str| -> Option<jiff::civil::Date> {
        let text = layer.column(name)?.text(feature)?.replace('/', "-");
        text.trim().get(..10)?.parse().ok()
    };
    Period::new(date("start_date")?, date("end_date")?).ok()
}

fn unit_of_row(split: Option<&SplitFile>, row: usize) -> u32 {
    match split.map(|split| &split.unit) {
        Some(Unit::Row(units)) => units.get(row).copied().unwrap_or(0),
        _ => 0,
    }
}

fn of_values(
    path: &Path,
    table: Option<&str>,
    column: &str,
    reference: &Grid,
    split: Option<&SplitFile>,
    monitor: &Monitor<'_>,
) -> JobResult<LabelSet> {
    let found = read_value_places_blocking(path, table, column, reference)?;
    for (count, what) in [
        (found.outside, "lie beside the first raster"),
        (found.without_value, "have no number in this column"),
        (found.without_shape, "have no point or polygon"),
    ] {
        if count > 0 {
            monitor.warn(format!("{count} places {what} and are left out"));
        }
    }
    let places = found
        .places
        .iter()
        .filter_map(|place| {
            let ground = place
                .pixels
                .iter()
                .filter_map(|(col, row)| {
                    reference.ground_from_pixel(*col as f64 + 0.5, *row as f64 + 0.5)
                })
                .collect();
            let middle = *place.pixels.get(place.pixels.len() / 2)?;
            let own = if place.is_polygon {
                place.feature as u32 + 1
            } else {
                0
            };
            Some(Place {
                id: place.feature as u64,
                ground,
                pixel: middle,
                class: 0,
                value: place.value,
                unit: if split.is_some() {
                    unit_of_row(split, place.feature)
                } else {
                    own
                },
                is_held_out: false,
                period: None,
            })
        })
        .collect();
    Ok(LabelSet {
        path: path.to_owned(),
        grid: reference.clone(),
        classes: Vec::new(),
        places,
        totals: Vec::new(),
    })
}
