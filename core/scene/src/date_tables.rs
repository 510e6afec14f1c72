//! Tables of dates beside rasters: the days of a stack's bands, and what else is known of each image of a folder.
//! Knows CSV files. Opens no raster.

use std::path::{Path, PathBuf};

use jiff::civil::{Date, Time};

use crate::dates::{date_in_text, time_in_text};

/// A table larger than this is something else.
const LARGEST_TABLE_BYTES: u64 = 16 << 20;

/// One line of `<name>.dates.csv`: which band of a stack shows what, when. Bands count from 0.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct BandDate {
    pub band: usize,
    pub date: Date,
    pub name: Option<String>,
}

/// `<stem>.dates.csv` or `<file>.dates.csv` with the columns `band` (from 1), `date` and, if wanted, `name`.
pub(crate) fn band_dates_blocking(raster: &Path) -> Vec<BandDate> {
    let name = raster
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let places = [
        raster.with_extension("dates.csv"),
        raster.with_file_name(format!("{name}.dates.csv")),
    ];
    let Some(table) = places.iter().find_map(|path| Table::read_blocking(path)) else {
        return Vec::new();
    };
    let (Some(date), band) = (
        table.column(|name| name == "date"),
        table.column(|name| name == "band"),
    ) else {
        return Vec::new();
    };
    let name = table.column(|name| name == "name");
    table
        .rows
        .iter()
        .enumerate()
        .filter_map(|(row, cells)| {
            let number = match band {
                Some(band) => cells.get(band)?.trim().parse::<usize>().ok()?,
                None => row + 1,
            };
            let name = name.and_then(|name| cells.get(name));
            Some(BandDate {
                band: number.checked_sub(1)?,
                date: date_in_text(cells.get(date)?)?,
                name: name
                    .map(|text| text.trim().to_owned())
                    .filter(|text| !text.is_empty()),
            })
        })
        .collect()
}

/// The dates of a stack of `bands` bands without names: a `dates.csv` in its folder with a line per band.
pub(crate) fn folder_dates_blocking(raster: &Path, bands: usize) -> Option<Vec<Date>> {
    let table = Table::read_blocking(&raster.with_file_name("dates.csv"))?;
    let date = table.column(|name| name == "date")?;
    let dates: Option<Vec<Date>> = table
        .rows
        .iter()
        .map(|cells| date_in_text(cells.get(date)?))
        .collect();
    dates.filter(|dates| dates.len() == bands)
}

/// What a table says about one image.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct ImageLine {
    pub date: Option<Date>,
    pub time: Option<Time>,
    /// Share of clouds, 0 to 1.
    pub clouds: Option<f32>,
}

/// Lines of the tables beside images, by the images' paths.
#[derive(Default)]
pub(crate) struct ImageTables {
    folders: std::collections::HashMap<PathBuf, Vec<(PathBuf, ImageLine)>>,
}

impl ImageTables {
    /// What the tables in the image's folder, and in the one above, say about it. A table has a column `file` and
    /// `dates` in its name.
    pub fn line_blocking(&mut self, image: &Path) -> ImageLine {
        let near = image.parent();
        let folders = [near, near.and_then(Path::parent)];
        for folder in folders.into_iter().flatten() {
            let lines = self
                .folders
                .entry(folder.to_owned())
                .or_insert_with(|| lines_in_blocking(folder));
            if let Some((_, line)) = lines.iter().find(|(path, _)| path == image) {
                return *line;
            }
        }
        ImageLine::default()
    }
}

fn lines_in_blocking(folder: &Path) -> Vec<(PathBuf, ImageLine)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut lines = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if !name.ends_with(".csv") || !name.contains("dates") {
            continue;
        }
        let Some(table) = Table::read_blocking(&entry.path()) else {
            continue;
        };
        let Some(file) = table.column(|name| name == "file") else {
            continue;
        };
        let date = table.column(|name| name == "date" || name.starts_with("time"));
        let clear = table.column(|name| name.starts_with("clear"));
        let cloud = table.column(|name| name.starts_with("cloud"));
        lines.extend(table.rows.iter().filter_map(|cells| {
            let share = |column: Option<usize>| {
                let share: f32 = cells.get(column?)?.trim().parse().ok()?;
                (0.0..=1.0).contains(&share).then_some(share)
            };
            let text = date.and_then(|date| cells.get(date));
            let path = folder.join(cells.get(file)?.trim());
            let line = ImageLine {
                date: text.and_then(|text| date_in_text(text)),
                time: text.and_then(|text| time_in_text(text)),
                clouds: share(cloud).or_else(|| share(clear).map(|clear| 1.0 - clear)),
            };
            Some((path, line))
        }));
    }
    lines
}

struct Table {
    /// Lower case.
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn read_blocking(path: &Path) -> Option<Self> {
        if std::fs::metadata(path).ok()?.len() > LARGEST_TABLE_BYTES {
            return None;
        }
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_path(path)
            .ok()?;
        let header = reader
            .headers()
            .ok()?
            .iter()
            .map(|name| name.trim().trim_start_matches('\u{feff}').to_lowercase())
            .collect();
        let rows = reader
            .records()
            .map_while(Result::ok)
            .map(|record| record.iter().map(str::to_owned).collect())
            .collect();
        Some(Self { header, rows })
    }

    fn column(&self, is_wanted: impl Fn(&str) -> bool) -> Option<usize> {
        self.header.iter().position(|name| is_wanted(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_cars_date_the_bands_of_a_stack() {
        let folder = tempfile::tempdir().expect("folder");
        let raster = folder.path().join("cube.tif");
        std::fs::write(
            folder.path().join("cube.dates.csv"),
            "band,date,name\n1,2021-06-03,B04\n2,2021-06-03,B08\n4,2021154,\nx,2021-06-03,\n5,,\n",
        )
        .expect("written");
        let found = band_dates_blocking(&raster);
        let line = |band, name: Option<&str>| BandDate {
            band,
            date: Date::constant(2021, 6, 3),
            name: name.map(str::to_owned),
        };
        assert_eq!(
            found,
            [line(0, Some("B04")), line(1, Some("B08")), line(3, None)]
        );
        assert_eq!(folder_dates_blocking(&raster, 2), None);
        std::fs::write(
            folder.path().join("dates.csv"),
            "date,scene\n2021-06-03,a\n2021-06-19,b\n",
        )
        .expect("written");
        let dates = folder_dates_blocking(&raster, 2).expect("two dates");
        assert_eq!(dates[1], Date::constant(2021, 6, 19));
        assert_eq!(folder_dates_blocking(&raster, 3), None);
    }

    #[test]
    fn tables_beside_images_tell_their_clouds() {
        let folder = tempfile::tempdir().expect("folder");
        std::fs::write(
            folder.path().join("s2_dates.csv"),
            "file,time_utc,clear_fraction_scl_4567\ns2/a.tif,2017-08-04T10:53:28,0.25\ns2/b.tif,,9\n",
        )
        .expect("written");
        let mut tables = ImageTables::default();
        let line = tables.line_blocking(&folder.path().join("s2").join("a.tif"));
        assert_eq!(line.date, Some(Date::constant(2017, 8, 4)));
        assert_eq!(line.time, Some(Time::constant(10, 53, 28, 0)));
        assert_eq!(line.clouds, Some(0.75));
        let other = tables.line_blocking(&folder.path().join("s2").join("b.tif"));
        assert_eq!(other, ImageLine::default());
    }
}
