//! From files to the images of an archive: which bands of a file are measurements, what they measure, on which scale, and
//! which sensor they seem to be of. Reads headers and a small picture of each kind of file. Knows nothing of a grid.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::civil::{Date, Time};

use crate::archive::{Piece, PieceBand, Reading, listed};
use crate::sensor_hints::sensor_in_text;
use crate::{
    BandInfo, Belief, Detail, FoundRasters, Frame, Grid, MaskKind, MaskSource, Measure,
    QualityCode, Raster, RasterInfo, Resampling, SampleType, SceneResult, WavelengthSource,
    one_series_blocking, polarisation, sensor, unique_values_blocking,
};

/// Side of the small picture that tells a file's scale.
const LOOK_PX: usize = 128;
/// A band of whole numbers with no more different ones than this is a band of classes, if nothing speaks against it.
const MOST_CLASSES: usize = 64;
/// Reflectance x 10000 outside is no reflectance: fill values, and negative numbers that wrapped around.
const REFLECTANCE: (f64, f64) = (-2000.0, 60_000.0);
const KELVIN: (f64, f64) = (150.0, 400.0);
/// Spec stp 2.2.
const DECIBEL: (f64, f64) = (-30.0, 10.0);
/// Wavelengths of heat, nm: longer than reflected light, shorter than radar.
const THERMAL_NM: std::ops::Range<f64> = 3000.0..1e6;
/// Words in the names of files that hold classes, whatever their date.
const LABEL_FILES: [&str; 8] = [
    "label",
    "labels",
    "classes",
    "landcover",
    "worldcover",
    "reference",
    "mask",
    "field",
];
/// Words in the names of bands that tell about a measurement but are none.
const NO_MEASUREMENTS: [&str; 20] = [
    "qa",
    "quality",
    "reliability",
    "mask",
    "doy",
    "dayofyear",
    "count",
    "class",
    "classes",
    "label",
    "labels",
    "lc",
    "landcover",
    "worldcover",
    "polygon",
    "aot",
    "wvp",
    "tci",
    "scl",
    "fmask",
];

/// An image as it was found.
pub(crate) struct Sighting {
    /// `sentinel-2`, `landsat`, `sentinel-1`, `modis`, a sensor of the table, else the folder's name.
    pub sensor: String,
    /// The name is a sensor's, not a folder's.
    pub is_sensor_known: bool,
    /// `None`: without a date, and named by the user.
    pub date: Option<Date>,
    pub time: Option<Time>,
    pub name: String,
    pub pieces: Vec<Piece>,
}

/// Every image among the found rasters. What is none is said in `notes`.
pub(crate) fn sightings_blocking(
    found: &FoundRasters,
    named: &[PathBuf],
    notes: &mut Vec<String>,
) -> SceneResult<Vec<Sighting>> {
    let mut finder = Finder {
        notes,
        grids: Vec::new(),
        looks: HashMap::new(),
        last: None,
    };
    let mut sightings = Vec::new();
    for series in &found.series {
        finder.looks.clear();
        let mut undated = Vec::new();
        for frame in &series.frames {
            let Some(info) = &frame.info else {
                continue;
            };
            if frame.date.is_none() {
                undated.push(frame.file_name());
                continue;
            }
            if is_label_file(frame) {
                continue;
            }
            finder.frame(frame, info, &mut sightings)?;
        }
        if !undated.is_empty() {
            finder.notes.push(format!(
                "left out, without a date: {}; give each file its day in its name, or in a table dates.csv with the columns file \
                 and date",
                listed(&undated)
            ));
        }
    }
    let mut undated = Vec::new();
    for path in &found.singles {
        finder.looks.clear();
        let is_named = named.contains(path);
        let one = one_series_blocking(std::slice::from_ref(path));
        let Some(frame) = one.series.first().and_then(|series| series.frames.first()) else {
            continue;
        };
        let Some(info) = &frame.info else {
            continue;
        };
        if info.is_field() {
            finder.notes.push(format!(
                "left out, it is a field and no image: {}",
                frame.file_name()
            ));
        } else if frame.date.is_some() && !info.is_class_map() && !is_label_file(frame) {
            finder.frame(frame, info, &mut sightings)?;
        } else if is_named {
            sightings.extend(finder.target_blocking(frame, info)?);
        } else {
            undated.push(frame.file_name());
        }
    }
    if !undated.is_empty() {
        finder.notes.push(format!(
            "left out, no dated images: {} (name such a file itself to have it reconstructed)",
            listed(&undated)
        ));
    }
    // A folder of loose band files is found as a whole and file by file.
    let inner: Vec<PathBuf> = sightings
        .iter()
        .flat_map(|sighting| sighting.pieces.iter().map(|piece| piece.path.clone()))
        .collect();
    sightings.retain(|sighting| {
        !sighting.pieces.iter().any(|piece| {
            let has_inner = |path: &PathBuf| *path != piece.path && path.starts_with(&piece.path);
            piece.path.is_dir() && inner.iter().any(has_inner)
        })
    });
    Ok(sightings)
}

/// What a small picture of a band shows.
#[derive(Clone, Copy, Debug)]
struct Glimpse {
    low: f64,
    median: f64,
    high: f64,
}

struct Finder<'a> {
    notes: &'a mut Vec<String>,
    /// Frames share what they have in common.
    grids: Vec<Arc<Grid>>,
    /// By the name of the band, within one series.
    looks: HashMap<String, Option<Glimpse>>,
    /// The file looked at last: its other bands come next.
    last: Option<(PathBuf, Raster)>,
}

impl Finder<'_> {
    fn grid(&mut self, grid: &Grid) -> Arc<Grid> {
        if let Some(known) = self.grids.iter().find(|known| ***known == *grid) {
            return known.clone();
        }
        let grid = Arc::new(grid.clone());
        self.grids.push(grid.clone());
        grid
    }

    /// The dated images in one frame: radar and other bands of one file are two.
    fn frame(
        &mut self,
        frame: &Frame,
        info: &Arc<RasterInfo>,
        sightings: &mut Vec<Sighting>,
    ) -> SceneResult<()> {
        // What a model drew is no observation.
        if info.is_field() || Belief::of(info).is_some() {
            return Ok(());
        }
        let places = places_of(frame, info);
        let mask = mask_of(frame, info, &places);
        let name = match frame.parts.as_slice() {
            [part] if part.bands.is_empty() => frame.file_name(),
            _ => format!(
                "{} {}",
                frame.file_name(),
                frame.date.map(|date| date.to_string()).unwrap_or_default()
            ),
        };
        let hint = sensor_hint(info, frame.path());
        let (mut radar, mut other): (Vec<Piece>, Vec<Piece>) = (Vec::new(), Vec::new());
        let mut unusable = Vec::new();
        for (band, (path, index)) in info.bands.iter().zip(&places) {
            if !is_measurement(band) {
                continue;
            }
            let known = named_band(band, frame.path(), hint);
            let Some(read) = self.band_blocking(&known, path, *index)? else {
                unusable.push(band.name.clone());
                continue;
            };
            let is_radar = read.measure == Measure::Decibel;
            let pieces = if is_radar { &mut radar } else { &mut other };
            match pieces.iter_mut().find(|piece| piece.path == *path) {
                Some(piece) => piece.bands.push(read),
                None => {
                    let grid = self.grid(&info.grid);
                    pieces.push(Piece {
                        path: path.clone(),
                        grid,
                        bands: vec![read],
                        mask: None,
                    });
                }
            }
        }
        if !unusable.is_empty() {
            self.notes.push(format!(
                "left out, radar numbers that are neither decibels nor power ratios (calibrate them first): {} of {name}",
                listed(&unusable)
            ));
        }
        for (mut pieces, is_radar) in [(other, false), (radar, true)] {
            let bands: Vec<&PieceBand> = pieces.iter().flat_map(|piece| &piece.bands).collect();
            if bands.is_empty() {
                continue;
            }
            if let Some(twice) = repeated(&bands) {
                self.notes.push(format!(
                    "left out, {name} holds several bands {twice} and does not say of which date each is; add a table \
                     `<file>.dates.csv` with the columns band, date and name"
                ));
                continue;
            }
            if let Some(first) = pieces.first_mut() {
                first.mask = mask.clone().filter(|_| !is_radar);
            }
            let (sensor, is_sensor_known) = sensor_name(hint, is_radar, frame.path());
            sightings.push(Sighting {
                sensor,
                is_sensor_known,
                date: frame.date,
                time: frame.time,
                name: name.clone(),
                pieces,
            });
        }
        Ok(())
    }

    /// A raster without a date as something to reconstruct.
    fn target_blocking(
        &mut self,
        frame: &Frame,
        info: &Arc<RasterInfo>,
    ) -> SceneResult<Option<Sighting>> {
        let raster = Raster::open(&info.path)?;
        let is_labels = info.bands.iter().any(|band| band.name == "polygon_id");
        let mut bands = Vec::new();
        for band in &info.bands {
            let is_usable = band.color_interpretation != "alpha"
                && band.sample_type != SampleType::Complex
                && !(is_labels && band.name != "class_id");
            if !is_usable {
                continue;
            }
            let classes = if band.sample_type.is_integer() && band.wavelength.is_none() {
                classes_blocking(&raster, band)
            } else {
                Vec::new()
            };
            let measure = if classes.is_empty() {
                Measure::Plain
            } else {
                Measure::Classes
            };
            bands.push(PieceBand {
                band: band.index,
                slot: 0,
                name: band.name.clone(),
                wavelength_nm: None,
                measure,
                reading: Reading {
                    scale: if classes.is_empty() { band.scale } else { 1.0 },
                    offset: if classes.is_empty() { band.offset } else { 0.0 },
                    is_power: false,
                    limits: (f64::MIN, f64::MAX),
                },
                is_zero_missing: false,
                classes,
            });
        }
        // Classes and numbers are compared in different ways.
        let has_classes = bands.iter().any(|band| band.measure == Measure::Classes);
        if has_classes {
            bands.retain(|band| band.measure == Measure::Classes);
            bands.truncate(1);
        }
        let Some(first) = bands.first() else {
            return Ok(None);
        };
        let is_telling = bands.len() == 1
            && !first.name.starts_with("Band ")
            && first.name.chars().count() > 2
            && first.name != "class_id";
        let sensor = if is_telling {
            slug(&first.name)
        } else {
            slug(&stem_of(frame.path()))
        };
        let grid = self.grid(&info.grid);
        Ok(Some(Sighting {
            sensor,
            is_sensor_known: true,
            date: None,
            time: None,
            name: frame.file_name(),
            pieces: vec![Piece {
                path: info.path.clone(),
                grid,
                bands,
                mask: None,
            }],
        }))
    }

    /// How a band is read; `None` for radar numbers without a known scale.
    fn band_blocking(
        &mut self,
        band: &NamedBand<'_>,
        path: &Path,
        index: usize,
    ) -> SceneResult<Option<PieceBand>> {
        let measure = band.measure();
        let needs_look = match measure {
            Measure::Reflectance => {
                band.info.scale == 1.0 && band.info.sample_type != SampleType::UInt8
            }
            Measure::Kelvin | Measure::Decibel => true,
            _ => false,
        };
        let look = if needs_look {
            self.look_blocking(&band.name, path, index, band.info)?
        } else {
            None
        };
        let (scale, offset) = (band.info.scale, band.info.offset);
        let mut reading = Reading {
            scale,
            offset,
            is_power: false,
            limits: (f64::MIN, f64::MAX),
        };
        match measure {
            Measure::Reflectance => {
                let factor = if scale != 1.0 {
                    1e4
                } else if band.info.sample_type == SampleType::UInt8 {
                    1e4 / 255.0
                } else if look.is_some_and(|look| look.high <= 3.0) {
                    1e4
                } else {
                    1.0
                };
                reading.scale *= factor;
                reading.offset *= factor;
                reading.limits = REFLECTANCE;
            }
            Measure::Kelvin => {
                let typical = look.map_or(300.0, |look| look.median.abs());
                // Tenths and hundredths of kelvins, and degrees Celsius, that say nothing of it.
                let factor = match typical {
                    t if (1500.0..4000.0).contains(&t) => 0.1,
                    t if (15_000.0..40_000.0).contains(&t) => 0.01,
                    _ => 1.0,
                };
                reading.scale *= factor;
                reading.offset *= factor;
                if typical < 80.0 {
                    reading.offset += 273.15;
                }
                reading.limits = KELVIN;
            }
            Measure::Decibel => {
                if let Some(look) = look.filter(|look| look.low >= 0.0) {
                    if look.median >= 1.5 {
                        return Ok(None);
                    }
                    reading.is_power = true;
                }
                reading.limits = DECIBEL;
            }
            Measure::Degrees | Measure::Plain | Measure::Classes => {}
        }
        Ok(Some(PieceBand {
            band: index,
            slot: 0,
            name: band.name.clone(),
            wavelength_nm: band.wavelength_nm,
            measure,
            reading,
            is_zero_missing: measure == Measure::Reflectance
                && band.info.sample_type.is_integer()
                && band.info.nodata.is_none(),
            classes: Vec::new(),
        }))
    }

    /// The same band of other dates of a series is taken to be on the same scale.
    fn look_blocking(
        &mut self,
        name: &str,
        path: &Path,
        index: usize,
        band: &BandInfo,
    ) -> SceneResult<Option<Glimpse>> {
        if let Some(Some(look)) = self.looks.get(name) {
            return Ok(Some(*look));
        }
        let raster = match self.last.take().filter(|last| last.0 == path) {
            Some((_, raster)) => raster,
            None => Raster::open(path)?,
        };
        let whole = raster.info().grid.window();
        let (width, height) = (whole.width.min(LOOK_PX), whole.height.min(LOOK_PX));
        let planes = raster.read_planes_blocking(
            &[index],
            whole,
            width,
            height,
            Resampling::Nearest,
            Detail::Coarse,
        )?;
        let look = planes.first().and_then(|plane| {
            let mut values: Vec<f64> = plane
                .values
                .iter()
                .zip(&plane.valid)
                .filter(|(value, valid)| **valid && **value != 0.0)
                .map(|(value, _)| band.scaled(f64::from(*value)))
                .collect();
            values.sort_by(f64::total_cmp);
            let at = |share: f64| values.get((share * (values.len().max(1) - 1) as f64) as usize);
            Some(Glimpse {
                low: *at(0.0)?,
                median: *at(0.5)?,
                high: *at(0.98)?,
            })
        });
        self.looks.insert(name.to_owned(), look);
        self.last = Some((path.to_owned(), raster));
        Ok(look)
    }
}

fn is_label_file(frame: &Frame) -> bool {
    let stem = stem_of(frame.path()).to_lowercase();
    stem.split(|c: char| !c.is_ascii_alphabetic())
        .any(|word| LABEL_FILES.contains(&word))
}

/// The file and the band in it (from 0) behind each band of a frame.
fn places_of(frame: &Frame, info: &RasterInfo) -> Vec<(PathBuf, usize)> {
    match frame.parts.as_slice() {
        [part] if part.bands.is_empty() => info
            .bands
            .iter()
            .map(|band| (info.path.clone(), band.index))
            .collect(),
        parts => parts
            .iter()
            .flat_map(|part| part.bands.iter().map(|band| (part.path.clone(), *band)))
            .collect(),
    }
}

/// The mask in its own file, also where the frame is cut out of stacks.
fn mask_of(frame: &Frame, info: &RasterInfo, places: &[(PathBuf, usize)]) -> Option<MaskSource> {
    let mask = frame.mask.clone()?;
    if mask.path != info.path {
        return Some(mask);
    }
    let (path, band) = places.get(mask.band)?.clone();
    Some(MaskSource {
        path,
        band,
        kind: mask.kind,
    })
}

fn is_measurement(band: &BandInfo) -> bool {
    let words = || {
        band.name
            .split(|c: char| !c.is_ascii_alphanumeric())
            .map(str::to_lowercase)
    };
    band.color_interpretation != "alpha"
        && band.palette.is_empty()
        && band.sample_type != SampleType::Complex
        && !band.is_bad
        && band.metadata_item(QualityCode::ITEM).is_none()
        && MaskKind::of_name(&band.name, false).is_none()
        && !words().any(|word| NO_MEASUREMENTS.contains(&word.as_str()))
}

/// A band with the name and wavelength it goes by.
struct NamedBand<'a> {
    info: &'a BandInfo,
    name: String,
    wavelength_nm: Option<f64>,
    is_radar: bool,
}

impl NamedBand<'_> {
    fn measure(&self) -> Measure {
        let name = self.name.to_lowercase();
        if self.is_radar {
            Measure::Decibel
        } else if name.contains("angle") || name.contains("incidence") {
            Measure::Degrees
        } else {
            match self.wavelength_nm {
                Some(nm) if THERMAL_NM.contains(&nm) => Measure::Kelvin,
                Some(nm) if nm < THERMAL_NM.start => Measure::Reflectance,
                _ => Measure::Plain,
            }
        }
    }
}

fn named_band<'a>(band: &'a BandInfo, file: &Path, hint: Option<&str>) -> NamedBand<'a> {
    // A polarisation is also told by the name of a file of one band.
    let is_unnamed = band.name.starts_with("Band ");
    let pole = polarisation(band).or_else(|| {
        let own = is_unnamed.then(|| stem_of(file))?;
        crate::radar::polarisation_in(&own)
    });
    let known = band
        .wavelength
        .filter(|known| known.source != WavelengthSource::Guess || hint.is_some())
        .map(|known| known.center.nm());
    let from_sensor = || {
        let table = hint.and_then(sensor)?;
        Some(table.band_named(&band.name)?.center_nm)
    };
    NamedBand {
        info: band,
        name: pole.map_or_else(|| band.name.clone(), str::to_owned),
        wavelength_nm: known.or_else(from_sensor),
        is_radar: pole.is_some(),
    }
}

/// The sensor a file says, else its name or that of its folders.
fn sensor_hint<'a>(info: &'a RasterInfo, file: &Path) -> Option<&'a str> {
    if let Some(known) = info.sensor.as_deref() {
        return Some(known);
    }
    let folders = file.ancestors().skip(1).take(2);
    std::iter::once(stem_of(file))
        .chain(folders.filter_map(|folder| {
            folder
                .file_name()
                .map(|name| name.to_string_lossy().into_owned())
        }))
        .find_map(|text| sensor_in_text(&text, info.bands.len()))
}

fn sensor_name(hint: Option<&str>, is_radar: bool, file: &Path) -> (String, bool) {
    if is_radar {
        return ("sentinel-1".to_owned(), true);
    }
    let family = hint.map(|id| {
        ["sentinel-2", "landsat", "modis"]
            .into_iter()
            .find(|family| id.starts_with(family))
            .unwrap_or(id)
    });
    match family.filter(|id| *id != "sentinel-1") {
        Some(family) => (family.to_owned(), true),
        None => {
            let folder = file.parent().and_then(Path::file_name);
            let name = folder.map(|name| slug(&name.to_string_lossy()));
            (name.unwrap_or_else(|| slug(&stem_of(file))), false)
        }
    }
}

/// The name of a band that comes twice, or of one whose wavelength comes so often that these must be several dates.
fn repeated(bands: &[&PieceBand]) -> Option<String> {
    const MOST_OF_ONE_WAVELENGTH: usize = 2;
    bands.iter().enumerate().find_map(|(at, band)| {
        let earlier = || bands.iter().take(at);
        let nm = |band: &PieceBand| band.wavelength_nm.map(|nm| nm.round() as i64);
        let is_twice = earlier().any(|other| other.name == band.name && nm(other) == nm(band));
        let alike = earlier().filter(|other| nm(other).is_some() && nm(other) == nm(band));
        (is_twice || alike.count() >= MOST_OF_ONE_WAVELENGTH).then(|| band.name.clone())
    })
}

/// Codes and names of a band of classes; empty for a band of numbers.
fn classes_blocking(raster: &Raster, band: &BandInfo) -> Vec<(i64, String)> {
    if !band.palette.is_empty() {
        let entries = band.palette.iter();
        return entries
            .filter(|entry| band.nodata != Some(entry.value as f64))
            .map(|entry| (entry.value, entry.name.clone()))
            .collect();
    }
    match unique_values_blocking(raster, band.index) {
        Ok((counts, _)) if (2..=MOST_CLASSES).contains(&counts.len()) => counts
            .into_keys()
            .map(|code| (code, code.to_string()))
            .collect(),
        _ => Vec::new(),
    }
}

fn stem_of(path: &Path) -> String {
    path.file_stem()
        .map(|stem| stem.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// Lower-case letters and digits, words joined by `-`: a name that is also a key of a weights file.
fn slug(text: &str) -> String {
    let words = text
        .split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .filter(|word| !word.is_empty());
    let joined = words.collect::<Vec<_>>().join("-").to_lowercase();
    if joined.is_empty() {
        "sensor".to_owned()
    } else {
        joined
    }
}
