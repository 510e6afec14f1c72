//! One place through all dates of a series: the value of a band or an index per frame, and which values lie under
//! clouds. Reads one pixel a file. Knows nothing of windows.

use std::path::{Path, PathBuf};

use crate::beside::write_beside;
use crate::{
    BandInfo, BandWavelength, Crs, Frame, Grid, Raster, Reprojection, Resampling, SceneError,
    SceneResult, Series, Wavelength, WavelengthSource, Window, hidden_pixels_blocking,
    nearest_band,
};

/// What is followed over time.
#[derive(Clone, Debug, PartialEq)]
pub enum TimeQuantity {
    /// The band nearest to a wavelength, scaled.
    Wavelength(Wavelength),
    /// A band by its name, scaled.
    Band(String),
    /// A normalised difference of two bands.
    Index(TimeIndex),
}

/// Normalised differences, by the ranges of wavelength their bands lie in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeIndex {
    Ndvi,
    Ndwi,
    Ndmi,
    Nbr,
}

/// Centre and range of a spectral target, nm.
type Target = (f64, std::ops::RangeInclusive<f64>);

impl TimeIndex {
    pub const ALL: [Self; 4] = [Self::Ndvi, Self::Ndwi, Self::Ndmi, Self::Nbr];

    pub fn label(self) -> &'static str {
        match self {
            Self::Ndvi => "NDVI",
            Self::Ndwi => "NDWI",
            Self::Ndmi => "NDMI",
            Self::Nbr => "NBR",
        }
    }

    fn targets(self) -> [Target; 2] {
        let nir = (833.0, 760.0..=1000.0);
        match self {
            Self::Ndvi => [nir, (665.0, 620.0..=690.0)],
            Self::Ndwi => [(560.0, 510.0..=600.0), nir],
            Self::Ndmi => [nir, (1614.0, 1550.0..=1750.0)],
            Self::Nbr => [nir, (2202.0, 2080.0..=2350.0)],
        }
    }

    /// The two bands it is made of; `None` where these bands lack one.
    pub fn bands(self, bands: &[BandInfo]) -> Option<[usize; 2]> {
        let [a, b] = self.targets().map(|(center, range)| {
            let found = nearest_band(bands, Wavelength::from_nm(center)?)?;
            let nm = bands.get(found)?.wavelength?.center.nm();
            range.contains(&nm).then_some(found)
        });
        Some([a?, b?])
    }
}

impl TimeQuantity {
    pub fn label(&self) -> String {
        match self {
            Self::Wavelength(wavelength) => format!("{:.0} nm", wavelength.nm()),
            Self::Band(name) => name.clone(),
            Self::Index(index) => index.label().to_owned(),
        }
    }

    fn bands(&self, bands: &[BandInfo]) -> Option<Vec<usize>> {
        match self {
            Self::Wavelength(wavelength) => Some(vec![nearest_band(bands, *wavelength)?]),
            Self::Band(name) => {
                let band = bands.iter().find(|band| band.name == *name)?;
                Some(vec![band.index])
            }
            Self::Index(index) => Some(index.bands(bands)?.to_vec()),
        }
    }
}

/// A place on the ground; without a reference system the coordinates are pixels of every frame.
#[derive(Clone, Debug, PartialEq)]
pub struct TimePlace {
    pub xy: (f64, f64),
    pub crs: Option<Crs>,
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
                let value = match quantity.bands(&bands) {
                    Some(picked) => value_blocking(&raster, &bands, &picked, window)?,
                    None => None,
                };
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
        let (x, y) = match (&place.crs, grid.crs()) {
            (Some(from), Some(to)) if from != to => {
                self.way(from, to)?.point(place.xy.0, place.xy.1)?
            }
            _ => place.xy,
        };
        let (col, row) = match &place.crs {
            None => (x, y),
            Some(_) => grid.transform().inverse()?.map_from_pixel(x, y),
        };
        let is_inside =
            col >= 0.0 && row >= 0.0 && col < grid.width as f64 && row < grid.height as f64;
        is_inside.then_some(Window {
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

/// The scaled value of one band, or the normalised difference of two.
fn value_blocking(
    raster: &Raster,
    bands: &[BandInfo],
    picked: &[usize],
    window: Window,
) -> SceneResult<Option<f64>> {
    let block = raster.read_blocking(picked, window, 1, 1, Resampling::Nearest)?;
    if block.valid.first() != Some(&true) {
        return Ok(None);
    }
    let scaled = |at: usize| {
        let stored = f64::from(*block.values.get(at)?);
        let band = bands.get(*picked.get(at)?)?;
        Some(band.scaled(stored))
    };
    let value = match (scaled(0), scaled(1)) {
        (Some(a), Some(b)) => Some((a - b) / (a + b)),
        (only, _) => only,
    };
    Ok(value.filter(|value| value.is_finite()))
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
            TimeQuantity::Index(TimeIndex::Ndvi),
            TimeQuantity::Index(TimeIndex::Nbr),
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
        let numbers = |values: &[TimeValue]| values.iter().map(|v| v.value).collect::<Vec<_>>();
        assert_eq!(
            numbers(&values[0]),
            [Some(5.0), Some(100.0 / 110.0), None, Some(105.0)]
        );
        assert_eq!(
            numbers(&values[1]),
            [Some(4.0), Some(100.0 / 108.0), None, Some(104.0)]
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
