//! Writing maps other programs open coloured and named: COGs with colour table, category names, RAT, `.qml` and provenance.
//! Everything is written beside, checked by reopening, then renamed.

use std::path::{Path, PathBuf};

use gdal::{Dataset, Metadata};

use crate::beside::{refuse_protected, replace_together, with_suffix, write_error, write_synced};
use crate::cog::{self, Layout, Progress, Sample};
use crate::complaints::Complaints;
use crate::gdal_setup::lacks_memory;
use crate::imagery_items::repeat_wavelengths;
use crate::map_kind::{prepare, ramp_limits};
use crate::map_part::PART_KEY;
use crate::store::{
    deliver_blocking, is_store, leave_workplace, store_path, workplace, workplace_blocking,
};
use crate::{Grid, MapKind, MapPart, SceneError, SceneResult, Window, field_overviews, qml, sld};

/// Provenance keys without the `TERROIR_` prefix (`MODEL`, `INPUTS`, `LABELS`, `RUN`, `CLASSES`, `ACCURACY`) and their values.
/// `DESCRIPTION` becomes the file's one human sentence (`TIFFTAG_IMAGEDESCRIPTION`); `ATTRIBUTION` and `LICENSE` keep their
/// names, and the attribution is the copyright of the file as well.
pub type Provenance = Vec<(String, String)>;

/// Readers become slow above 100 kB of metadata; the rest is for our own keys.
const LARGEST_PROVENANCE: usize = 90_000;
/// Side of the windows a finished map is compared in.
const TILE: usize = 512;

/// Streams a raster to a temporary GTiff beside `path`, then `finish` turns it into a checked COG with its side-cars.
/// Memory stays bounded by the windows written. Holds a GDAL handle: one thread at a time.
pub struct MapWriter {
    path: PathBuf,
    /// Where it is made: the path itself, or this machine's folder for a store.
    local: PathBuf,
    grid: Grid,
    kind: MapKind,
    layout: Layout,
    raw: Option<Dataset>,
    temporaries: Temporaries,
    /// What it is a part of, if it is none of its own.
    pub(crate) part: Option<MapPart>,
}

/// Files beside the target that must not outlive the writer.
struct Temporaries {
    raw: PathBuf,
    part: PathBuf,
    style: PathBuf,
    open_style: PathBuf,
}

impl Drop for Temporaries {
    fn drop(&mut self) {
        for file in [&self.raw, &self.part, &self.style, &self.open_style] {
            for suffix in ["", ".aux.xml", ".ovr", ".ovr.tmp", ".msk.ovr.tmp", ".msk"] {
                std::fs::remove_file(with_suffix(file, suffix)).ok();
            }
        }
        leave_workplace(&self.raw);
    }
}

impl MapWriter {
    /// Opens the temporary. A missing or read-only folder, a protected target and bad classes are told here, before any work.
    pub fn create(path: &Path, grid: &Grid, kind: MapKind) -> SceneResult<Self> {
        kind.check().map_err(|what| SceneError::write(path, what))?;
        if grid.width == 0 || grid.height == 0 {
            return Err(SceneError::write(
                path,
                "a map without pixels cannot be written",
            ));
        }
        let Some(stem) = path.file_stem().and_then(|stem| stem.to_str()) else {
            return Err(SceneError::write(
                path,
                "this is no file name; give the map a name such as map.tif",
            ));
        };
        let path = &store_path(path);
        let local = workplace_blocking(path)?;
        refuse_protected(&local)?;
        let temporaries = Temporaries {
            raw: local.with_file_name(format!("{stem}.raw.part.tif")),
            part: local.with_file_name(format!("{stem}.part.tif")),
            style: local.with_file_name(format!("{stem}.part.qml")),
            open_style: local.with_file_name(format!("{stem}.part.sld")),
        };
        // Of a disk that broke before the file it was asked with could be taken away.
        std::fs::remove_file(with_suffix(&local, ".probe.part")).ok();
        // The system's own words on why a folder cannot be written are clearer than GDAL's.
        std::fs::File::create(&temporaries.raw).map_err(|error| write_error(path, &error))?;
        let layout = kind.layout();
        let complaints = Complaints::listen();
        let raw = cog::create(&temporaries.raw, grid, &layout)
            .and_then(|raw| prepare(&raw, &kind).map(|()| raw));
        let raw = raw.map_err(|what| failure(path, &what, &complaints))?;
        Ok(Self {
            path: path.to_owned(),
            local,
            grid: grid.clone(),
            kind,
            layout,
            raw: Some(raw),
            temporaries,
            part: None,
        })
    }

    /// Says at which wavelengths the bands lie, where they do. Told before the end, so that it stands inside the file.
    ///
    /// # Errors
    /// The temporary cannot be written.
    pub fn set_wavelengths(&mut self, wavelengths_nm: &[Option<f64>]) -> SceneResult<()> {
        let complaints = Complaints::listen();
        let Some(raw) = &self.raw else {
            return Ok(());
        };
        for (number, nm) in (1..).zip(wavelengths_nm) {
            let Some(nm) = nm else {
                continue;
            };
            let items = [
                ("wavelength", format!("{nm}")),
                ("wavelength_units", "Nanometers".to_owned()),
            ];
            let written = raw.rasterband(number).and_then(|mut band| {
                items
                    .iter()
                    .try_for_each(|(key, value)| band.set_metadata_item(key, value, ""))
            });
            written.map_err(|error| failure(&self.path, &error.to_string(), &complaints))?;
        }
        Ok(())
    }

    /// Planar bytes of all bands for a window (classes, confidence; fields as `i8 as u8`; counts in two bytes each, in the
    /// machine's order).
    pub fn write_bytes(&mut self, window: Window, bytes: &[u8]) -> SceneResult<()> {
        if self.layout.sample == Sample::Float {
            return Err(SceneError::write(
                &self.path,
                "this map holds decimal numbers, not bytes",
            ));
        }
        self.write(window, bytes)
    }

    /// Planar values of all bands for a window of a continuous map; NaN = no data.
    pub fn write_floats(&mut self, window: Window, values: &[f32]) -> SceneResult<()> {
        if self.layout.sample != Sample::Float {
            return Err(SceneError::write(
                &self.path,
                "this map holds bytes, not decimal numbers",
            ));
        }
        if self.layout.nodata.is_nan() {
            return self.write(window, bytemuck::cast_slice(values));
        }
        let nodata = self.layout.nodata as f32;
        let filled: Vec<f32> = values
            .iter()
            .map(|value| if value.is_nan() { nodata } else { *value })
            .collect();
        self.write(window, bytemuck::cast_slice(&filled))
    }

    /// Planar samples of all bands of a window as the file stores them, in the machine's order.
    pub fn write_stored(&mut self, window: Window, bytes: &[u8]) -> SceneResult<()> {
        self.write(window, bytes)
    }

    /// Planar samples of all bands as they are stored.
    pub(crate) fn write(&mut self, window: Window, bytes: &[u8]) -> SceneResult<()> {
        let Some(raw) = &self.raw else {
            return Err(SceneError::write(&self.path, "the map is closed already"));
        };
        let inside = match &self.part {
            Some(part) => part.inside(window),
            None => (self.grid.window().intersection(&window) == Some(window)).then_some(window),
        };
        let Some(window) = inside else {
            return Err(SceneError::write(
                &self.path,
                "a window lies outside the map",
            ));
        };
        let complaints = Complaints::listen();
        match cog::write(raw, window, self.layout.sample, bytes) {
            Ok(()) if !complaints.has_failed() => Ok(()),
            Ok(()) => Err(failure(
                &self.path,
                "a part of the map could not be written",
                &complaints,
            )),
            Err(what) => Err(failure(&self.path, &what, &complaints)),
        }
    }

    /// Makes the COG, side-cars and checks; returns every file written, map first. Dropping without `finish` removes the temporary.
    pub fn finish(self, provenance: &Provenance) -> SceneResult<Vec<PathBuf>> {
        self.finish_observed(provenance, &mut |_| true)
    }

    /// As [`MapWriter::finish`]; `progress` hears the share done (0 to 1) and stops the work by returning false
    /// ([`SceneError::Cancelled`]; the old file, if any, stays).
    pub fn finish_observed(
        mut self,
        provenance: &Provenance,
        progress: Progress,
    ) -> SceneResult<Vec<PathBuf>> {
        let Some(mut raw) = self.raw.take() else {
            return Err(SceneError::write(&self.path, "the map is closed already"));
        };
        let complaints = Complaints::listen();
        let mut is_stopped = false;
        let mut observe = |done: f64| {
            is_stopped |= !progress(done);
            !is_stopped
        };
        let outcome = self.assemble(&mut raw, provenance, &mut observe);
        if outcome.is_err() && is_disk_broken(&self.path) {
            // libtiff looks for its directory for ever when it closes a file it can neither write nor read back.
            std::mem::forget(raw);
        } else {
            drop(raw);
        }
        if is_stopped {
            return Err(SceneError::Cancelled);
        }
        outcome.map_err(|what| failure(&self.path, &what, &complaints))?;
        drop(complaints);
        self.place()
    }

    /// From the filled temporary to checked files beside the target.
    fn assemble(
        &self,
        raw: &mut Dataset,
        provenance: &Provenance,
        progress: Progress,
    ) -> Result<(), String> {
        let part = &self.temporaries.part;
        let name = self.path.file_stem().unwrap_or_default().to_string_lossy();
        let ramp_styles = |ramp: &str, low: f64, high: f64, unit: &str| {
            (
                qml::pseudocolor(ramp, low, high, unit),
                sld::ramp(&name, ramp, low, high, unit),
            )
        };
        let mut styles = match &self.kind {
            MapKind::Classes(classes) => {
                Some((qml::paletted(classes), sld::classes(&name, classes)))
            }
            MapKind::Confidence(names) => {
                // Doubt is grey, so that it is not taken for confidence.
                let is_doubt = names.iter().all(|name| name.starts_with("uncertainty"));
                let ramp = if is_doubt { "grays" } else { "cividis" };
                Some(ramp_styles(ramp, 0.0, 1.0, ""))
            }
            MapKind::Field
            | MapKind::Counts(_)
            | MapKind::Continuous { .. }
            | MapKind::Measured { .. }
            | MapKind::Like { .. } => None,
        };
        raw.flush_cache().map_err(|error| error.to_string())?;
        self.check_disk()?;
        match &self.kind {
            MapKind::Field => {
                field_overviews::build(raw, &self.grid, &mut |done| progress(0.3 * done))?;
                raw.set_metadata_item("EMBEDDING_QUANTIZATION", "sqrt127.5", "")
                    .map_err(|error| error.to_string())?;
            }
            MapKind::Continuous { bands, ramp } | MapKind::Measured { bands, ramp, .. } => {
                let spans = self.set_statistics(raw, bands.len())?;
                if let Some(&(low, high)) = spans.first() {
                    let (low, high) = ramp_limits(ramp, low, high);
                    let unit = bands.first().map_or("", |(_, unit)| unit);
                    styles = Some(ramp_styles(ramp, low, high, unit));
                }
            }
            MapKind::Counts(names) => {
                let spans = self.set_statistics(raw, names.len())?;
                if let Some(&(low, high)) = spans.first() {
                    styles = Some(ramp_styles("viridis", low, high.max(low + 1.0), ""));
                }
            }
            MapKind::Classes(_) | MapKind::Confidence(_) | MapKind::Like { .. } => {}
        }
        for (key, value) in self.tags(provenance)? {
            raw.set_metadata_item(&key, &value, "")
                .map_err(|error| error.to_string())?;
        }
        self.check_disk()?;
        cog::copy(raw, part, &self.kind.options(), &mut |done| {
            progress(0.3 + 0.5 * done)
        })?;
        let counts = self.compare(raw, part, &mut |done| progress(0.8 + 0.2 * done))?;
        repeat_wavelengths(part)?;
        if let MapKind::Classes(classes) = &self.kind {
            cog::name_categories(part, classes, &counts)?;
            if !with_suffix(part, ".aux.xml").exists() {
                return Err("the class names could not be written".to_owned());
            }
        }
        if let Some((style, open_style)) = styles {
            write_synced(&self.temporaries.style, style.as_bytes())
                .and_then(|()| write_synced(&self.temporaries.open_style, open_style.as_bytes()))
                .map_err(|error| error.to_string())?;
        }
        self.check_identity(part)
    }

    /// Sets minimum, maximum, mean and deviation of every band; returns (2nd, 98th percentile) of each, sampled.
    fn set_statistics(&self, raw: &Dataset, bands: usize) -> Result<Vec<(f64, f64)>, String> {
        let stride = (self.grid.width * self.grid.height)
            .div_ceil(200_000)
            .max(1);
        let mut sums = vec![(0u64, 0.0f64, 0.0f64, f64::INFINITY, f64::NEG_INFINITY); bands];
        let mut samples: Vec<Vec<f32>> = vec![Vec::new(); bands];
        for tile in cog::tiles(&self.grid, TILE) {
            let bytes = cog::read(raw, tile, Sample::Float)?;
            let pixels = tile.width * tile.height;
            let values = bytes
                .as_chunks::<4>()
                .0
                .iter()
                .map(|value| f32::from_ne_bytes(*value));
            let is_data = |value: f32| value.is_finite() && f64::from(value) != self.layout.nodata;
            for (index, value) in values.enumerate().filter(|(_, value)| is_data(*value)) {
                let (band, wide) = (index / pixels, f64::from(value));
                let (count, sum, squares, low, high) = &mut sums[band];
                *count += 1;
                *sum += wide;
                *squares += wide * wide;
                *low = low.min(wide);
                *high = high.max(wide);
                if *count % stride as u64 == 0 || *count < 1000 {
                    samples[band].push(value);
                }
            }
        }
        let mut spans = Vec::new();
        for (band, ((count, sum, squares, low, high), sample)) in
            sums.iter().zip(&mut samples).enumerate()
        {
            if *count == 0 {
                spans.push((0.0, 1.0));
                continue;
            }
            let mean = sum / *count as f64;
            let variance = (squares / *count as f64 - mean * mean).max(0.0);
            cog::set_statistics(raw, band, [*low, *high, mean, variance.sqrt()])?;
            sample.sort_unstable_by(f32::total_cmp);
            let at = |q: f64| {
                sample
                    .get((q * sample.len().saturating_sub(1) as f64) as usize)
                    .copied()
                    .map_or(0.0, f64::from)
            };
            spans.push((at(0.02), at(0.98)));
        }
        Ok(spans)
    }

    /// All default-domain items: they live inside the file, whatever happens to its side-cars.
    fn tags(&self, provenance: &Provenance) -> Result<Vec<(String, String)>, String> {
        let text = |value: &str| value.replace('\0', " ");
        let described = provenance
            .iter()
            .find(|(key, _)| key == "DESCRIPTION")
            .map(|(_, value)| text(value));
        let mut tags = vec![
            (
                "TIFFTAG_SOFTWARE".to_owned(),
                format!("Terroir {}", env!("CARGO_PKG_VERSION")),
            ),
            (
                "TIFFTAG_DATETIME".to_owned(),
                jiff::Timestamp::now()
                    .strftime("%Y:%m:%d %H:%M:%S")
                    .to_string(),
            ),
            (
                "TIFFTAG_IMAGEDESCRIPTION".to_owned(),
                described.unwrap_or_else(|| self.kind.sentence()),
            ),
        ];
        // Words other programs look for keep the names those know.
        for (key, value) in provenance {
            let names: &[&str] = match key.as_str() {
                "ATTRIBUTION" => &["ATTRIBUTION", "TIFFTAG_COPYRIGHT"],
                "LICENSE" => &["LICENSE"],
                _ => &[],
            };
            tags.extend(names.iter().map(|name| ((*name).to_owned(), text(value))));
        }
        let is_own = |key: &str| !matches!(key, "DESCRIPTION" | "ATTRIBUTION" | "LICENSE");
        let mut classes = None;
        if let MapKind::Classes(list) = &self.kind {
            let list: Vec<_> = list
                .iter()
                .map(|class| serde_json::json!({"id": class.id, "name": class.name, "color": crate::hex_from_rgb(class.color)}))
                .collect();
            classes = Some((
                "TERROIR_CLASSES".to_owned(),
                serde_json::Value::from(list).to_string(),
            ));
        }
        let part = match &self.part {
            Some(part) => Some((PART_KEY.to_owned(), part.text()?)),
            None => None,
        };
        let mut used: usize = tags
            .iter()
            .chain(&classes)
            .chain(&part)
            .map(|(key, value)| key.len() + value.len())
            .sum();
        for (key, value) in provenance.iter().filter(|(key, _)| is_own(key)) {
            if key == "CLASSES" && classes.is_some() {
                continue;
            }
            let mut value = text(value);
            let room = LARGEST_PROVENANCE.saturating_sub(used);
            if value.len() > room {
                let end = (0..=room)
                    .rev()
                    .find(|&end| value.is_char_boundary(end))
                    .unwrap_or(0);
                value.truncate(end);
                value.push_str(" [shortened]");
            }
            used += key.len() + value.len();
            tags.push((format!("TERROIR_{key}"), value));
        }
        tags.extend(classes);
        tags.extend(part);
        Ok(tags)
    }

    /// GDAL tells nothing of a flush that failed, and libtiff looks for ever for the directory of a file whose writes are lost.
    fn check_disk(&self) -> Result<(), String> {
        if is_disk_broken(&self.path) {
            return Err("GDAL's writes are lost".to_owned());
        }
        Ok(())
    }

    /// Every sample of the finished file equals what was written. Counts byte values of band 1 on the way.
    fn compare(
        &self,
        raw: &Dataset,
        part: &Path,
        progress: Progress,
    ) -> Result<[u64; 256], String> {
        let copy = Dataset::open(part).map_err(|error| error.to_string())?;
        if copy.raster_size() != raw.raster_size() || copy.raster_count() != raw.raster_count() {
            return Err("the finished map has another size than what was written".to_owned());
        }
        let mut counts = [0; 256];
        let tiles = cog::tiles(&self.grid, TILE);
        for (index, tile) in tiles.iter().enumerate() {
            let written = cog::read(raw, *tile, self.layout.sample)?;
            let found = cog::read(&copy, *tile, self.layout.sample)?;
            if written != found {
                return Err("the finished map differs from what was written".to_owned());
            }
            if matches!(self.kind, MapKind::Classes(_)) {
                found
                    .iter()
                    .for_each(|value| counts[usize::from(*value)] += 1);
            }
            if !progress((index + 1) as f64 / tiles.len() as f64) {
                return Err("stopped".to_owned());
            }
        }
        Ok(counts)
    }

    /// Place, names, colours and nodata of the finished file, as another program would read them.
    fn check_identity(&self, part: &Path) -> Result<(), String> {
        let copy = Dataset::open(part).map_err(|error| error.to_string())?;
        let is_placed = match self.grid.georef.transform {
            // GDAL does not store the transform that says nothing.
            Some(transform) if transform.0 != [0.0, 1.0, 0.0, 0.0, 0.0, 1.0] => {
                copy.geo_transform().is_ok_and(|found| found == transform.0)
            }
            _ => true,
        };
        if !is_placed {
            return Err("the finished map lies elsewhere than the scene".to_owned());
        }
        if self.grid.crs().is_some() && copy.spatial_ref().is_err() {
            return Err("the finished map has lost its coordinate system".to_owned());
        }
        for band in 1..=copy.raster_count() {
            let band = copy.rasterband(band).map_err(|error| error.to_string())?;
            let nodata = band.no_data_value().unwrap_or(f64::INFINITY);
            if nodata != self.layout.nodata && !(nodata.is_nan() && self.layout.nodata.is_nan()) {
                return Err("the finished map has lost its no-data value".to_owned());
            }
        }
        if let MapKind::Classes(classes) = &self.kind {
            let band = copy.rasterband(1).map_err(|error| error.to_string())?;
            let table = band
                .color_table()
                .ok_or("the finished map has lost its colours")?;
            for class in classes {
                let [r, g, b] = class.color.map(i16::from);
                let is_same = table
                    .entry_as_rgb(usize::from(class.id))
                    .is_some_and(|found| (found.r, found.g, found.b) == (r, g, b));
                if !is_same {
                    return Err(format!(
                        "the finished map has lost the colour of \"{}\"",
                        class.name
                    ));
                }
            }
        }
        Ok(())
    }

    /// Renames the checked files into place, all or none.
    fn place(self) -> SceneResult<Vec<PathBuf>> {
        let stem = self.local.with_extension("");
        let targets = [
            (self.temporaries.part.clone(), self.local.clone()),
            (
                with_suffix(&self.temporaries.part, ".aux.xml"),
                with_suffix(&self.local, ".aux.xml"),
            ),
            (self.temporaries.style.clone(), with_suffix(&stem, ".qml")),
            (
                self.temporaries.open_style.clone(),
                with_suffix(&stem, ".sld"),
            ),
        ];
        let pairs: Vec<(PathBuf, PathBuf)> = targets
            .into_iter()
            .filter(|(part, _)| part.exists())
            .collect();
        // Side-cars of a file that stood here before would be taken for the new map's.
        let outdated: Vec<PathBuf> = [".aux.xml", ".ovr", ".msk"]
            .iter()
            .map(|suffix| with_suffix(&self.local, suffix))
            .filter(|file| pairs.iter().all(|(_, target)| target != file))
            .collect();
        refuse_protected(&self.local)?;
        replace_together(&pairs, &outdated).map_err(|error| write_error(&self.path, &error))?;
        let files: Vec<PathBuf> = pairs.into_iter().map(|(_, target)| target).collect();
        if !is_store(&self.path) {
            return Ok(files);
        }
        let in_store = |file: &PathBuf| {
            self.path
                .with_file_name(file.file_name().unwrap_or_default())
        };
        // The map last: where it stands, all is there.
        for file in files.iter().rev() {
            deliver_blocking(file, &in_store(file))?;
        }
        Ok(files.iter().map(in_store).collect())
    }
}

/// Whether the folder takes no bytes at all for another reason than room and rights, as a disk that was unplugged.
fn is_disk_broken(path: &Path) -> bool {
    use std::io::ErrorKind;
    let probe = with_suffix(&workplace(path), ".probe.part");
    let probed = write_synced(&probe, &[0; 4096]);
    std::fs::remove_file(&probe).ok();
    probed.is_err_and(|error| {
        !matches!(
            error.kind(),
            ErrorKind::StorageFull
                | ErrorKind::QuotaExceeded
                | ErrorKind::PermissionDenied
                | ErrorKind::ReadOnlyFilesystem
                | ErrorKind::NotFound
        )
    })
}

/// What stopped GDAL, in plain words where the system can tell.
fn failure(path: &Path, what: &str, complaints: &Complaints) -> SceneError {
    let details = format!("{what}\n{}", complaints.text());
    // GDAL keeps no error number: a small write beside tells whether the disk is full or the folder gone.
    let probe = with_suffix(&workplace(path), ".probe.part");
    let probed = write_synced(&probe, &vec![0; 1 << 20]);
    std::fs::remove_file(&probe).ok();
    match probed {
        Err(error) => write_error(path, &error).with_details(details),
        Ok(()) if details.contains("No space left") || details.contains("file size") => {
            write_error(path, &std::io::ErrorKind::StorageFull.into()).with_details(details)
        }
        Ok(()) if lacks_memory(&details) => SceneError::write(
            path,
            "there is not enough memory to write the map; close other programs and run it again",
        )
        .with_details(details),
        // The library's own words, which end up in the details, help nobody.
        Ok(()) if what.contains("GDAL") || what.contains("os error") => SceneError::write(
            path,
            "the map could not be written; run it again, or choose another folder",
        )
        .with_details(details),
        Ok(()) => SceneError::write(
            path,
            format!("the map could not be written: {what}; run it again, or choose another folder"),
        )
        .with_details(details),
    }
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "export_fault_tests.rs"]
mod fault_tests;
