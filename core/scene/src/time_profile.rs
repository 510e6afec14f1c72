//! One place through all dates of a series: the value of a band or an index per frame, and which values lie under
//! clouds. Reads one pixel a file. Knows nothing of windows.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::beside::write_beside;
use crate::{
    BandInfo, BandWavelength, Block, Crs, Frame, Grid, Raster, Reprojection, Resampling,
    SceneError, SceneResult, Series, Wavelength, WavelengthSource, Window, hidden_pixels_blocking,
    nearest_band, spectral_index,
};

/// What is followed over time.
#[derive(Clone, Debug, PartialEq)]
pub enum TimeQuantity {
    /// The band nearest to a wavelength, scaled.
    Wavelength(Wavelength),
    /// A band by its name, scaled.
    Band(String),
    /// A spectral index by its id, e.g. `ndvi`.
    Index(String),
}

impl TimeQuantity {
    pub fn label(&self) -> String {
        match self {
            Self::Wavelength(wavelength) => format!("{:.0} nm", wavelength.nm()),
            Self::Band(name) => name.clone(),
            Self::Index(id) => {
                spectral_index(id).map_or_else(|| id.clone(), |index| index.name.clone())
            }
        }
    }

    /// The value at the pixel of `window`; `None` where these bands lack what it needs, or nothing was measured.
    fn read_blocking(
        &self,
        raster: &Raster,
        bands: &[BandInfo],
        window: Window,
    ) -> SceneResult<Option<f64>> {
        let band = match self {
            Self::Wavelength(wavelength) => nearest_band(bands, *wavelength),
            Self::Band(name) => bands
                .iter()
                .find(|band| band.name == *name)
                .map(|band| band.index),
            Self::Index(id) => {
                let derivation = spectral_index(id).map(|index| index.derivation(bands));
                let Some(Ok(derivation)) = derivation else {
                    return Ok(None);
                };
                let block = raster.read_derived_blocking(&derivation, window, 1, 1)?;
                return Ok(first_value(&block));
            }
        };
        let Some(band) = band.and_then(|band| bands.get(band)) else {
            return Ok(None);
        };
        let block = raster.read_blocking(&[band.index], window, 1, 1, Resampling::Nearest)?;
        Ok(first_value(&block).map(|stored| band.scaled(stored)))
    }
}

fn first_value(block: &Block) -> Option<f64> {
    let value = block.values.first().copied().map(f64::from)?;
    (block.valid.first() == Some(&true) && value.is_finite()).then_some(value)
}

/// A place on the ground; without a reference system the coordinates are pixels of every frame.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimePlace {
    pub xy: (f64, f64),
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crs: Option<Crs>,
}

/// A place that stays when another is clicked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowedPlace {
    #[serde(flatten)]
    pub place: TimePlace,
    pub color: [u8; 3],
}

/// The value of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TimeValue {
    /// `None` outside the frame's picture, where nothing was measured, or where the frame lacks the band.
    pub value: Option<f64>,
    /// The mask of the frame hides the pixel.
    pub is_hidden: bool,
}

/// Reads one place of frame after frame; keeps ways between reference systems.
#[derive(Default)]
pub struct TimeReader {
    ways: Vec<(Crs, Crs, Option<Reprojection>)>,
    edited_wavelengths: Vec<(usize, Wavelength)>,
}

impl TimeReader {
    /// With the wavelengths the user gave the bands of the layer.
    pub fn new(edited_wavelengths: Vec<(usize, Wavelength)>) -> Self {
        Self {
            ways: Vec::new(),
            edited_wavelengths,
        }
    }

    /// The values of all `quantities` at a place, in one frame.
    ///
    /// # Errors
    /// The file or its mask cannot be read.
    pub fn values_blocking(
        &mut self,
        frame: &Frame,
        place: &TimePlace,
        quantities: &[TimeQuantity],
    ) -> SceneResult<Vec<TimeValue>> {
        let Some(info) = &frame.info else {
            return Err(SceneError::file(
                frame.path(),
                "the file of this date is missing",
            ));
        };
        let Some(window) = self.pixel(&info.grid, place) else {
            return Ok(vec![TimeValue::default(); quantities.len()]);
        };
        let raster = Raster::open(&info.path)?;
        let is_hidden = match &frame.mask {
            Some(mask) if mask.path == info.path => {
                hidden_pixels_blocking(&raster, mask, &info.grid, window, 1, 1)?
            }
            Some(mask) => {
                let other = Raster::open(&mask.path)?;
                hidden_pixels_blocking(&other, mask, &info.grid, window, 1, 1)?
            }
            None => Vec::new(),
        };
        let is_hidden = is_hidden.first().copied().unwrap_or(false);
        let bands = self.bands(&info.bands);
        quantities
            .iter()
            .map(|quantity| {
                let value = quantity.read_blocking(&raster, &bands, window)?;
                Ok(TimeValue { value, is_hidden })
            })
            .collect()
    }

    /// The frame's bands with what the user knows better.
    fn bands(&self, bands: &[BandInfo]) -> Vec<BandInfo> {
        let mut bands = bands.to_vec();
        for (index, wavelength) in &self.edited_wavelengths {
            if let Some(band) = bands.get_mut(*index) {
                band.wavelength = Some(BandWavelength {
                    center: *wavelength,
                    fwhm_nm: None,
                    source: WavelengthSource::Edited,
                });
            }
        }
        bands
    }

    /// The pixel of a grid under a place; `None` outside.
    fn pixel(&mut self, grid: &Grid, place: &TimePlace) -> Option<Window> {
        let (x, y) = match (&place.crs, grid.georef.ground_crs()) {
            (Some(from), Some(to)) if from != to => {
                self.way(from, to)?.point(place.xy.0, place.xy.1)?
            }
            _ => place.xy,
        };
        let (col, row) = match &place.crs {
            None => (x, y),
            Some(_) => grid.pixel_from_ground(x, y)?,
        };
        grid.holds(col, row).then_some(Window {
            col: col as usize,
            row: row as usize,
            width: 1,
            height: 1,
        })
    }

    fn way(&mut self, from: &Crs, to: &Crs) -> Option<&Reprojection> {
        let known = |way: &(Crs, Crs, Option<Reprojection>)| way.0 == *from && way.1 == *to;
        let at = match self.ways.iter().position(known) {
            Some(at) => at,
            None => {
                let way = Reprojection::new(from, to).ok();
                self.ways.push((from.clone(), to.clone(), way));
                self.ways.len() - 1
            }
        };
        self.ways.get(at)?.2.as_ref()
    }
}

/// Places through time as a table.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeTable {
    /// Names of the columns of values.
    pub quantities: Vec<String>,
    pub rows: Vec<TimeRow>,
}

/// One place on one date.
#[derive(Clone, Debug, PartialEq)]
pub struct TimeRow {
    pub point: String,
    pub place: TimePlace,
    /// `YYYY-MM-DD`, empty where there is none.
    pub date: String,
    /// `HH:MM:SS` UTC, where known.
    pub time: String,
    pub is_hidden: bool,
    /// One a quantity.
    pub values: Vec<Option<f64>>,
    pub file: PathBuf,
}

impl TimeTable {
    /// Adds a place: `values` has a list of one value per quantity for each frame of the series.
    pub fn add(
        &mut self,
        point: &str,
        place: &TimePlace,
        series: &Series,
        values: &[Vec<TimeValue>],
    ) {
        let count = match series.dated() {
            0 => series.frames().len(),
            dated => dated,
        };
        let frames = series.frames().iter().take(count);
        self.rows
            .extend(frames.zip(values).map(|(frame, values)| TimeRow {
                point: point.to_owned(),
                place: place.clone(),
                date: frame.date.map(|date| date.to_string()).unwrap_or_default(),
                time: frame.time.map(|time| time.to_string()).unwrap_or_default(),
                is_hidden: values.iter().any(|value| value.is_hidden),
                values: values.iter().map(|value| value.value).collect(),
                file: frame.path().to_owned(),
            }));
    }

    /// Writes [`Self::csv`] to a file.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, path: &Path) -> SceneResult<()> {
        write_beside(path, self.csv().as_bytes())
    }

    /// Comma-separated values: point, x, y, crs, date, time, cloud (1 = under clouds), a column a quantity, file.
    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        let mut header = vec!["point", "x", "y", "crs", "date", "time", "cloud"];
        header.extend(self.quantities.iter().map(String::as_str));
        header.push("file");
        // Writing to memory cannot fail.
        writer.write_record(&header).ok();
        for row in &self.rows {
            let crs = match &row.place.crs {
                None => "pixel".to_owned(),
                Some(crs) => crs
                    .epsg
                    .map_or_else(|| crs.name.clone(), |code| format!("EPSG:{code}")),
            };
            let mut cells = vec![
                row.point.clone(),
                row.place.xy.0.to_string(),
                row.place.xy.1.to_string(),
                crs,
                row.date.clone(),
                row.time.clone(),
                u8::from(row.is_hidden).to_string(),
            ];
            cells.extend(row.values.iter().map(|value| {
                // Short enough to read, long enough to come back as the same stored number.
                value.map_or(String::new(), |value| {
                    let rounded = format!("{value:.7}").parse::<f64>().unwrap_or(value);
                    rounded.to_string()
                })
            }));
            cells.push(row.file.display().to_string());
            writer.write_record(&cells).ok();
        }
        let bytes = writer.into_inner().unwrap_or_default();
        String::from_utf8(bytes).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_raster::Made;
    use crate::{MaskKind, MaskSource};

    #[test]
    fn a_place_is_followed_over_frames_of_different_grids() {
        let folder = tempfile::tempdir().expect("folder");
        let write = |name: &str, left: f64, add: i16| {
            let bands = (0..2_i16)
                .map(|band| (0..16_i16).map(|pixel| 100 * band + pixel + add).collect())
                .collect();
            let mut made = Made::new((4, 4), bands);
            made.nodata = Some(9.0);
            made.transform = Some([left, 10.0, 0.0, 4_000_000.0, 0.0, -10.0]);
            made.write(folder.path(), name)
        };
        let paths = [
            write("a_2021-06-03.tif", 500_000.0, 0),
            write("b_2021-06-08.tif", 500_010.0, 0),
            write("c_2021-06-13.tif", 600_000.0, 0),
        ];
        let found = crate::one_series_blocking(&paths);
        let mut series = Series::new(found.series[0].frames.clone(), 0);
        series.set_masks(|frame| {
            Some(MaskSource {
                path: frame.info.as_ref()?.path.clone(),
                band: 0,
                kind: MaskKind::User,
            })
        });
        let wavelengths = vec![(0, Wavelength(665.0)), (1, Wavelength(842.0))];
        let mut reader = TimeReader::new(wavelengths);
        let quantities = [
            TimeQuantity::Wavelength(Wavelength(660.0)),
            TimeQuantity::Index("ndvi".into()),
            TimeQuantity::Index("nbr".into()),
            TimeQuantity::Band("Band 2".into()),
        ];
        let utm = Crs::parse("EPSG:32629").expect("known");
        let mut at = |xy, crs: Option<&Crs>| -> Vec<Vec<TimeValue>> {
            let place = TimePlace {
                xy,
                crs: crs.cloned(),
            };
            let frames = series.frames().iter();
            frames
                .map(|frame| {
                    reader
                        .values_blocking(frame, &place, &quantities)
                        .expect("read")
                })
                .collect()
        };
        // Column 1, row 1 of the first frame is column 0 of the second, and outside of the third.
        let values = at((500_015.0, 3_999_985.0), Some(&utm));
        let rounded = |value: f64| (value * 1e6).round() / 1e6;
        let numbers = |values: &[TimeValue]| -> Vec<Option<f64>> {
            values.iter().map(|v| v.value.map(rounded)).collect()
        };
        assert_eq!(
            numbers(&values[0]),
            [Some(5.0), Some(0.909091), None, Some(105.0)]
        );
        assert_eq!(
            numbers(&values[1]),
            [Some(4.0), Some(0.925926), None, Some(104.0)]
        );
        assert_eq!(numbers(&values[2]), [None; 4]);
        // Value 1 of the user's mask hides, 9 is missing; pixels count from the frame's own corner.
        let values = at((1.5, 0.5), None);
        assert!(
            values
                .iter()
                .all(|values| values[0].is_hidden && values[0].value == Some(1.0))
        );
        let values = at((1.5, 2.5), None);
        assert_eq!(numbers(&values[0]), [None, None, None, Some(109.0)]);

        let mut table = TimeTable {
            quantities: quantities.iter().map(TimeQuantity::label).collect(),
            rows: Vec::new(),
        };
        let place = TimePlace {
            xy: (500_015.0, 3_999_985.0),
            crs: Some(utm.clone()),
        };
        let values = at(place.xy, Some(&utm));
        table.add("1", &place, &series, &values);
        let text = table.csv();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "point,x,y,crs,date,time,cloud,660 nm,NDVI,NBR,Band 2,file"
        );
        assert!(
            lines[1].starts_with("1,500015,3999985,EPSG:32629,2021-06-03,,0,5,0.9090909,,105,"),
            "{text}"
        );
        assert_eq!(lines.len(), 4);
    }
}
