//! From files to series: which rasters of a folder or a list belong together, and opening the frames of one again.
//! Knows rasters and tables of dates. Knows nothing of windows.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::Date;

use crate::date_tables::{ImageTables, band_dates_blocking, folder_dates_blocking};
use crate::dates::{acquisition_time, date_in_text};
use crate::field_product::year;
use crate::virtual_raster::{PickedBand, virtual_raster};
use crate::wavelength_sources::wavelength_of_name;
use crate::{
    FIELD_AXES, Frame, FramePart, MapRect, MaskSource, ProductKind, Raster, RasterInfo,
    Reprojection, SceneResult, extent_in_map, products_in, valid_period,
};

/// Rasters opened for one question; a folder with more is left to a narrower choice.
const MOST_FILES: usize = 4000;
/// Files a folder is searched for; other extensions are opened when named themselves.
const RASTER_EXTENSIONS: [&str; 13] = [
    "tif", "tiff", "jp2", "vrt", "img", "nc", "h5", "hdf", "dat", "bsq", "bil", "asc", "grd",
];

/// Dated rasters that belong together.
#[derive(Clone, Debug)]
pub struct FoundSeries {
    pub name: String,
    /// In no particular order; those without a date have none.
    pub frames: Vec<Frame>,
    /// Same bands, and pictures that overlap: as one layer by default.
    pub is_sensible: bool,
    /// Files of the frames: several for stacks of one variable each.
    pub files: Vec<PathBuf>,
}

/// What a list of files and folders holds.
#[derive(Clone, Debug, Default)]
pub struct FoundRasters {
    pub series: Vec<FoundSeries>,
    /// Rasters that belong to no series.
    pub singles: Vec<PathBuf>,
    /// Files that could not be opened, and why.
    pub failed: Vec<(PathBuf, String)>,
    /// More files than are opened for one question were left out.
    pub is_cut: bool,
}

/// Looks into files and folders (two levels deep) and sorts their rasters into series. Rasters of one folder with the
/// same bands are a series when at least two have different dates; so are stacks with a date per band, one or several
/// of the same dates and grid. Files named one by one make one series when they have the same bands, wherever they lie.
pub fn find_series_blocking(paths: &[PathBuf]) -> FoundRasters {
    let mut found = FoundRasters::default();
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            rasters_in(path, 2, &mut files);
        } else {
            files.push((path.clone(), PathBuf::new()));
        }
    }
    found.is_cut = files.len() > MOST_FILES;
    files.truncate(MOST_FILES);

    let mut tables = ImageTables::default();
    let mut stacks: Vec<Stack> = Vec::new();
    let mut groups: BTreeMap<(PathBuf, Vec<String>), Vec<Frame>> = BTreeMap::new();
    for (path, folder) in files {
        let info = match Raster::open(&path) {
            Ok(raster) => Arc::new(raster.info().clone()),
            Err(error) => {
                found.failed.push((path, error.to_string()));
                continue;
            }
        };
        if info.is_field() && info.date.is_some() {
            // Years of one tile lie in a folder each.
            let frame = single_frame_blocking(info.clone(), &mut tables);
            groups
                .entry((PathBuf::new(), field_place(&info)))
                .or_default()
                .push(frame);
        } else if info.is_field() || info.is_class_map() {
            found.singles.push(path);
        } else if let Some(stack) = Stack::of_blocking(&info) {
            stacks.push(stack);
        } else {
            let names = info.bands.iter().map(|band| band.name.clone()).collect();
            let frame = single_frame_blocking(info, &mut tables);
            groups.entry((folder, names)).or_default().push(frame);
        }
    }
    // The masks of other rasters are no images.
    let masks: std::collections::HashSet<PathBuf> = groups
        .values()
        .flatten()
        .filter(|frame| !frame.has_own_mask())
        .filter_map(|frame| Some(frame.mask.as_ref()?.path.clone()))
        .collect();
    for ((folder, _), mut frames) in groups {
        frames.retain(|frame| !masks.contains(frame.path()));
        let dates: std::collections::BTreeSet<_> =
            frames.iter().filter_map(|frame| frame.date).collect();
        // Files without any date may be a series too, once the user dates them, if they are of one kind.
        let can_be_series = dates.len() > 1
            || (frames.len() > 1
                && dates.is_empty()
                && differ_by_digits(&frames)
                && overlap(&frames));
        if !can_be_series {
            found
                .singles
                .extend(frames.iter().map(|frame| frame.path().to_owned()));
            continue;
        }
        let files: Vec<PathBuf> = frames.iter().map(|frame| frame.path().to_owned()).collect();
        found.series.push(FoundSeries {
            name: series_name(&folder, &files),
            is_sensible: dates.len() > 1 && overlap(&frames),
            frames,
            files,
        });
    }
    found.series.extend(series_of_stacks(stacks));
    found.singles.sort();
    found
}

/// The series that a single raster of dated bands holds; `None` for any other raster.
pub fn series_in_raster_blocking(info: &RasterInfo) -> Option<FoundRasters> {
    let stack = Stack::of_blocking(&Arc::new(info.clone()))?;
    Some(FoundRasters {
        series: vec![series_of_stack(&[stack])],
        ..FoundRasters::default()
    })
}

/// What fields have in common that are years of one another: maker, axes and grid.
fn field_place(info: &RasterInfo) -> Vec<String> {
    let grid = &info.grid;
    let model = info.metadata_item("TERROIR_MODEL").unwrap_or_default();
    let crs = grid.crs().map(|crs| crs.wkt.clone()).unwrap_or_default();
    // A year may be stored the other way up.
    let extent = extent_in_map(&grid.transform(), grid.width, grid.height);
    let corners = [extent.min_x, extent.min_y, extent.max_x, extent.max_y]
        .map(|value| format!("{value:.3}"))
        .join(" ");
    vec![
        "field".to_owned(),
        model.to_owned(),
        crs,
        format!("{} {}", grid.width, grid.height),
        corners,
    ]
}

/// `landsat_1985`, `landsat_1995`: one kind of image, numbered.
fn differ_by_digits(frames: &[Frame]) -> bool {
    let letters = |frame: &Frame| -> String {
        let stem = stem(frame.path());
        stem.chars().filter(|c| !c.is_ascii_digit()).collect()
    };
    frames
        .windows(2)
        .all(|pair| letters(&pair[0]) == letters(&pair[1]))
}

/// One series of the files as they are given, whatever their bands.
pub fn one_series_blocking(paths: &[PathBuf]) -> FoundRasters {
    let mut found = FoundRasters::default();
    let mut tables = ImageTables::default();
    let mut frames = Vec::new();
    for path in paths {
        match Raster::open(path) {
            Ok(raster) => frames.push(single_frame_blocking(
                Arc::new(raster.info().clone()),
                &mut tables,
            )),
            Err(error) => found.failed.push((path.clone(), error.to_string())),
        }
    }
    if !frames.is_empty() {
        found.series.push(FoundSeries {
            name: series_name(Path::new(""), paths),
            is_sensible: true,
            frames,
            files: paths.to_vec(),
        });
    }
    found
}

fn rasters_in(folder: &Path, levels: usize, files: &mut Vec<(PathBuf, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    // A sensor product is one image, however many files it has.
    let products = products_in(folder);
    files.extend(
        products
            .iter()
            .map(|product| (product.path.clone(), folder.to_owned())),
    );
    // The folder is one itself: what lies in it is part of it. Loose band files may have others beside them.
    if let [only] = products.as_slice()
        && only.path == folder
        && only.kind != ProductKind::BandFiles
    {
        return;
    }
    for path in paths {
        if products.iter().any(|product| product.owns(&path)) {
            continue;
        }
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if is_hidden || files.len() > MOST_FILES {
            continue;
        }
        let extension = path
            .extension()
            .map(|extension| extension.to_string_lossy().to_lowercase())
            .unwrap_or_default();
        if path.is_dir() {
            // A folder of a year is no level of its own: products keep zones below it.
            let is_year = path
                .file_name()
                .is_some_and(|name| year(&name.to_string_lossy()).is_some());
            if levels > 1 || is_year {
                let below = if is_year { levels } else { levels - 1 };
                rasters_in(&path, below.min(2), files);
            }
        } else if RASTER_EXTENSIONS.contains(&extension.as_str()) {
            files.push((path, folder.to_owned()));
        }
    }
}

/// The folder's name, else what the names of the files have in common.
fn series_name(folder: &Path, files: &[PathBuf]) -> String {
    if let Some(name) = folder.file_name() {
        return name.to_string_lossy().into_owned();
    }
    let stems: Vec<String> = files.iter().map(|path| stem(path)).collect();
    let common = common_start(&stems);
    let name = common.trim_end_matches(|c: char| !c.is_alphabetic());
    match files.first().and_then(|path| path.parent()?.file_name()) {
        _ if name.chars().count() > 3 => name.to_owned(),
        Some(folder) => folder.to_string_lossy().into_owned(),
        None => "Series".to_owned(),
    }
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

fn common_start(texts: &[String]) -> String {
    let Some(first) = texts.first() else {
        return String::new();
    };
    let mut common: Vec<char> = first.chars().collect();
    for text in &texts[1..] {
        let shared = common
            .iter()
            .zip(text.chars())
            .take_while(|(a, b)| **a == *b)
            .count();
        common.truncate(shared);
    }
    common.into_iter().collect()
}

fn single_frame_blocking(info: Arc<RasterInfo>, tables: &mut ImageTables) -> Frame {
    let line = tables.line_blocking(&info.path);
    let date = info
        .date
        .as_deref()
        .and_then(|text| text.parse().ok())
        .or(line.date);
    let time = date
        .and_then(|date| acquisition_time(&info, date))
        .or(line.time.filter(|_| line.date == date));
    // Results other than fields name their period, too, and stand for a day.
    let period = valid_period(&info).filter(|_| info.is_field());
    Frame {
        parts: vec![FramePart {
            path: info.path.clone(),
            bands: Vec::new(),
        }],
        names: Vec::new(),
        date,
        time,
        period,
        is_date_edited: false,
        mask: MaskSource::find_blocking(&info),
        stated_clouds: line.clouds,
        info: Some(info),
    }
}

/// Whether every frame's picture overlaps the first one's. Pictures without a place must have the same size.
fn overlap(frames: &[Frame]) -> bool {
    let infos: Vec<&Arc<RasterInfo>> = frames.iter().filter_map(|f| f.info.as_ref()).collect();
    let Some(first) = infos.first() else {
        return false;
    };
    let extent = |info: &RasterInfo| -> Option<MapRect> {
        let grid = &info.grid;
        let rect = extent_in_map(&grid.transform(), grid.width, grid.height);
        match (grid.crs(), first.grid.crs()) {
            (Some(from), Some(to)) if !from.same_as(to) => {
                Reprojection::new(from, to).ok()?.rect(rect)
            }
            (None, None) | (Some(_), Some(_)) => Some(rect),
            _ => None,
        }
    };
    let Some(area) = extent(first) else {
        return false;
    };
    infos.iter().all(|info| {
        extent(info).is_some_and(|other| {
            other.min_x < area.max_x
                && area.min_x < other.max_x
                && other.min_y < area.max_y
                && area.min_y < other.max_y
        })
    })
}

/// A raster whose bands have dates: one variable, or several in turn.
struct Stack {
    info: Arc<RasterInfo>,
    /// Date, band from 0, name without the date.
    bands: Vec<(Date, usize, String)>,
}

impl Stack {
    fn of_blocking(info: &Arc<RasterInfo>) -> Option<Self> {
        if info.bands.len() < 2 {
            return None;
        }
        if let Some(bands) = years_of_axes(info) {
            return Some(Self {
                info: info.clone(),
                bands,
            });
        }
        let listed = band_dates_blocking(&info.path);
        let from_names = || {
            let named = info.bands.iter().filter_map(|band| {
                let date = date_in_text(&band.name)?;
                Some((date, band.index, name_without_date(&band.name, date)))
            });
            named.collect::<Vec<_>>()
        };
        let mut bands: Vec<_> = if listed.is_empty() {
            from_names()
        } else {
            listed
                .into_iter()
                .filter(|line| line.band < info.bands.len())
                .map(|line| (line.date, line.band, line.name.unwrap_or_default()))
                .collect()
        };
        if bands.is_empty()
            && let Some(dates) = folder_dates_blocking(&info.path, info.bands.len())
        {
            bands = (0..)
                .zip(dates)
                .map(|(band, date)| (date, band, String::new()))
                .collect();
        }
        let first = bands.first()?.0;
        let is_stack = bands.iter().any(|(date, ..)| *date != first);
        is_stack.then(|| Self {
            info: info.clone(),
            bands,
        })
    }

    fn dates(&self) -> Vec<Date> {
        let mut dates: Vec<Date> = self.bands.iter().map(|(date, ..)| *date).collect();
        dates.sort_unstable();
        dates.dedup();
        dates
    }
}

/// Fields of several years in one file, 64 axes a year: `A00_2020` or `2020 A00`, in any order.
fn years_of_axes(info: &RasterInfo) -> Option<Vec<(Date, usize, String)>> {
    let count = info.bands.len();
    if count <= FIELD_AXES || !count.is_multiple_of(FIELD_AXES) {
        return None;
    }
    let mut years: BTreeMap<i16, Vec<Option<usize>>> = BTreeMap::new();
    for band in &info.bands {
        let words = || band.name.split(|c: char| !c.is_ascii_alphanumeric());
        let found = words().find_map(year)?;
        let axis = words().find_map(|word| {
            let digits = word.strip_prefix(['A', 'a'])?;
            let is_axis = digits.len() == 2 && digits.chars().all(|c| c.is_ascii_digit());
            is_axis.then(|| digits.parse::<usize>().ok())?
        })?;
        let slots = years.entry(found).or_insert_with(|| vec![None; FIELD_AXES]);
        let slot = slots.get_mut(axis).filter(|slot| slot.is_none())?;
        *slot = Some(band.index);
    }
    let mut bands = Vec::with_capacity(count);
    for (found, slots) in years {
        let date = Date::new(found, 1, 1).ok()?;
        for (axis, band) in slots.into_iter().enumerate() {
            bands.push((date, band?, format!("A{axis:02}")));
        }
    }
    Some(bands)
}

/// What a band is called beside its date: `B04` of `2021-06-03 B04`.
fn name_without_date(name: &str, date: Date) -> String {
    let words = name
        .split([' ', ',', ';'])
        .filter(|word| !word.is_empty() && date_in_text(word) != Some(date));
    words.collect::<Vec<_>>().join(" ")
}

/// Stacks of the same dates on the same grid are the variables of one series.
fn series_of_stacks(stacks: Vec<Stack>) -> Vec<FoundSeries> {
    let mut groups: Vec<Vec<Stack>> = Vec::new();
    for stack in stacks {
        let fits = |group: &&mut Vec<Stack>| {
            group.first().is_some_and(|first| {
                first.info.path.parent() == stack.info.path.parent()
                    && first.info.grid.same_as(&stack.info.grid)
                    && first.dates() == stack.dates()
            })
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(stack),
            None => groups.push(vec![stack]),
        }
    }
    for group in &mut groups {
        // Longest wavelength first, what is no band last: as red, green and blue such bands make a usual picture.
        group.sort_by(|a, b| {
            let nm = |stack: &Stack| {
                wavelength_of_stack(stack).map_or(f64::NEG_INFINITY, |found| found.center.nm())
            };
            nm(b).total_cmp(&nm(a))
        });
    }
    groups.iter().map(|group| series_of_stack(group)).collect()
}

fn wavelength_of_stack(stack: &Stack) -> Option<crate::BandWavelength> {
    let (_, band, _) = stack.bands.first()?;
    let known = stack.info.bands.get(*band)?.wavelength;
    let stem = stem(&stack.info.path);
    let variable = stem.rsplit(['_', '-', '.', ' ']).next()?;
    known.or_else(|| wavelength_of_name(variable, &stack.info.path))
}

fn series_of_stack(group: &[Stack]) -> FoundSeries {
    let files: Vec<PathBuf> = group.iter().map(|stack| stack.info.path.clone()).collect();
    let stems: Vec<String> = files.iter().map(|path| stem(path)).collect();
    let common = common_start(&stems);
    // `lsts_b3`, `lsts_b4`: what differs, from the last separator on.
    let start = if group.len() > 1 {
        common.rfind(['_', '-', '.', ' ']).map_or(0, |at| at + 1)
    } else {
        0
    };
    let mut frames: BTreeMap<Date, Frame> = BTreeMap::new();
    for (stack, stem) in group.iter().zip(&stems) {
        let variable = stem.get(start..).unwrap_or(stem);
        for (date, band, name) in &stack.bands {
            let frame = frames.entry(*date).or_insert_with(|| Frame {
                parts: Vec::new(),
                names: Vec::new(),
                date: Some(*date),
                time: None,
                period: None,
                is_date_edited: false,
                info: None,
                mask: None,
                stated_clouds: None,
            });
            let is_same = |part: &&mut FramePart| part.path == stack.info.path;
            match frame.parts.iter_mut().find(is_same) {
                Some(part) => part.bands.push(*band),
                None => frame.parts.push(FramePart {
                    path: stack.info.path.clone(),
                    bands: vec![*band],
                }),
            }
            frame.names.push(match (name.is_empty(), group.len()) {
                (true, _) => variable.to_owned(),
                (false, 1) => name.clone(),
                (false, _) => format!("{variable} {name}"),
            });
        }
    }
    let known: HashMap<PathBuf, Arc<RasterInfo>> = group
        .iter()
        .map(|stack| (stack.info.path.clone(), stack.info.clone()))
        .collect();
    let mut frames: Vec<Frame> = frames.into_values().collect();
    for frame in &mut frames {
        frame.info = cut_out(frame, &known);
        frame.mask = frame.info.as_deref().and_then(MaskSource::among_bands);
    }
    let name = match stems.as_slice() {
        [only] => only.clone(),
        _ => {
            let name = common.trim_end_matches(['_', '-', '.', ' ']);
            let name = if name.chars().count() > 1 { name } else { "" };
            match files.first().and_then(|path| path.parent()?.file_name()) {
                Some(folder) if name.is_empty() => folder.to_string_lossy().into_owned(),
                _ if name.is_empty() => "Series".to_owned(),
                _ => name.to_owned(),
            }
        }
    };
    FoundSeries {
        name,
        frames,
        is_sensible: true,
        files,
    }
}

/// The virtual raster of a frame that is cut out of stacks; `None` when one of them is missing or has lost bands.
fn cut_out(frame: &Frame, known: &HashMap<PathBuf, Arc<RasterInfo>>) -> Option<Arc<RasterInfo>> {
    let mut picked = Vec::new();
    let mut names = frame.names.iter();
    for part in &frame.parts {
        let info = known.get(&part.path)?;
        for band in &part.bands {
            info.bands.get(*band)?;
            let name = names.next().cloned().unwrap_or_default();
            picked.push(PickedBand {
                info,
                band: *band,
                wavelength: wavelength_of_name(&name, &info.path),
                name,
            });
        }
    }
    let date = frame.date.map(|date| date.to_string());
    virtual_raster(&picked, date.as_deref()).map(Arc::new)
}

/// Opens the files of frames (after a project was opened, or files were found again); a frame whose file is missing
/// keeps its place without `info`. Returns what could not be opened: file and reason, once each.
pub fn open_frames_blocking(frames: &mut [Frame]) -> Vec<(PathBuf, String)> {
    let mut known: HashMap<PathBuf, Arc<RasterInfo>> = HashMap::new();
    let mut failed: Vec<(PathBuf, String)> = Vec::new();
    for frame in frames {
        for part in &frame.parts {
            let is_new = !known.contains_key(&part.path)
                && !failed.iter().any(|(path, _)| *path == part.path);
            if !is_new {
                continue;
            }
            match Raster::open(&part.path) {
                Ok(raster) => {
                    known.insert(part.path.clone(), Arc::new(raster.info().clone()));
                }
                Err(error) => failed.push((part.path.clone(), error.to_string())),
            }
        }
        // A mask among the frame's own bands is read from where the frame is read.
        let has_own_mask = frame.has_own_mask();
        frame.info = match frame.parts.as_slice() {
            [part] if part.bands.is_empty() => known.get(&part.path).cloned(),
            _ => cut_out(frame, &known),
        };
        if let (Some(info), Some(mask)) = (&frame.info, &mut frame.mask)
            && has_own_mask
        {
            mask.path = info.path.clone();
        }
    }
    failed
}

/// Looks for missing files of frames where one of them was found: the file `from` is now `to`, and others that lay beside
/// it may lie beside `to`, under the same folders. Opens what is there. Returns how many files are still missing.
pub fn relocate_frames_blocking(frames: &mut [Frame], from: &Path, to: &Path) -> usize {
    // The deepest folders the two names have in common at their ends are the ones that moved.
    let (mut old, mut new) = (from.to_owned(), to.to_owned());
    while old.file_name() == new.file_name() && old.pop() && new.pop() {}
    let moved = |path: &mut PathBuf| {
        if path == from {
            *path = to.to_owned();
        } else if !path.exists()
            && let Ok(rest) = path.strip_prefix(&old)
            && new.join(rest).exists()
        {
            *path = new.join(rest);
        }
    };
    for frame in &mut *frames {
        frame
            .parts
            .iter_mut()
            .for_each(|part| moved(&mut part.path));
        if !frame.has_own_mask()
            && let Some(mask) = &mut frame.mask
        {
            moved(&mut mask.path);
        }
    }
    open_frames_blocking(frames).len()
}

/// Share of clouds of a frame, by its mask, else by a table beside it; `None` when nothing tells.
///
/// # Errors
/// The mask cannot be read.
pub fn frame_clouds_blocking(frame: &Frame) -> SceneResult<Option<f32>> {
    match &frame.mask {
        Some(mask) => crate::cloud_share_blocking(&Raster::open(&mask.path)?, mask),
        None => Ok(frame.stated_clouds),
    }
}

/// The frame to show first, of a list in order: the clearest of a few spread over the dates, so that the first picture
/// and its stretch are not made of clouds.
pub fn clearest_frame_blocking(frames: &[Frame]) -> usize {
    const LOOKED_AT: usize = 8;
    let usable: Vec<usize> = (0..frames.len())
        .filter(|index| frames[*index].info.is_some())
        .collect();
    let step = usable.len().div_ceil(LOOKED_AT).max(1);
    let mut best: Option<(f32, usize)> = None;
    for index in usable.iter().copied().step_by(step) {
        let clouds = frame_clouds_blocking(&frames[index]).ok().flatten();
        let clouds = clouds.unwrap_or(1.0);
        if best.is_none_or(|(least, _)| clouds < least) {
            best = Some((clouds, index));
        }
        if clouds <= 0.001 {
            break;
        }
    }
    best.map_or(0, |(_, index)| index)
}

#[cfg(test)]
#[path = "series_files_tests.rs"]
mod tests;
