//! A part of a map: a file of some rows of a larger one that says where it belongs, so that the whole can be put together
//! again as if it had been written at once. Knows grids and files; knows nothing of jobs or of how parts are chosen.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::cog;
use crate::{
    Crs, GeoTransform, Georef, Grid, MapKind, MapWriter, Raster, RasterInfo, SceneError,
    SceneResult, Window,
};

/// Where the file says what it is a part of.
pub(crate) const PART_KEY: &str = "TERROIR_PART";
/// Side of the windows that are carried from a part to the whole.
const TILE: usize = 512;

/// What a part of a map knows of the whole.
#[derive(Clone, Debug, PartialEq)]
pub struct MapPart {
    /// Of the whole map.
    pub grid: Grid,
    /// Pixels of the whole that this part holds.
    pub window: Window,
    pub kind: MapKind,
}

/// The same as it stands in the file. Numbers of the transform are texts: they must come back to the last digit.
#[derive(Serialize, Deserialize)]
struct Written {
    width: usize,
    height: usize,
    transform: Option<[String; 6]>,
    crs: Option<Crs>,
    window: Window,
    kind: MapKind,
}

impl MapPart {
    /// The grid of the part's own file.
    pub fn own_grid(&self) -> Grid {
        let (col, row) = (self.window.col as f64, self.window.row as f64);
        let transform = self.grid.georef.transform;
        Grid {
            width: self.window.width,
            height: self.window.height,
            georef: Georef {
                transform: transform.map(|transform| transform.shifted(col, row)),
                crs: self.grid.georef.crs.clone(),
                ..Georef::default()
            },
        }
    }

    /// A window of the whole as the part's file counts it; `None` where it lies outside the part.
    pub fn inside(&self, window: Window) -> Option<Window> {
        (self.window.intersection(&window) == Some(window)).then(|| Window {
            col: window.col - self.window.col,
            row: window.row - self.window.row,
            ..window
        })
    }

    pub(crate) fn text(&self) -> Result<String, String> {
        let transform = self.grid.georef.transform;
        let written = Written {
            width: self.grid.width,
            height: self.grid.height,
            transform: transform.map(|transform| transform.0.map(|number| format!("{number:?}"))),
            crs: self.grid.georef.crs.clone(),
            window: self.window,
            kind: self.kind.clone(),
        };
        serde_json::to_string(&written).map_err(|error| error.to_string())
    }

    /// What a file says it is a part of; `None` for a file that is whole.
    ///
    /// # Errors
    /// What it says cannot be read, or does not fit the file.
    pub fn of(info: &RasterInfo) -> SceneResult<Option<Self>> {
        let Some((_, text)) = info.metadata.iter().find(|(key, _)| key == PART_KEY) else {
            return Ok(None);
        };
        let refuse = |details: &str| {
            let what =
                "what this part of a map says about the whole cannot be used; make the part again";
            SceneError::file(&info.path, what).with_details(details)
        };
        let written: Written =
            serde_json::from_str(text).map_err(|error| refuse(&error.to_string()))?;
        let mut georef = Georef {
            crs: written.crs,
            ..Georef::default()
        };
        if let Some(numbers) = written.transform {
            let mut transform = [0.0; 6];
            for (number, text) in transform.iter_mut().zip(&numbers) {
                *number = text.parse().map_err(|_| refuse(text))?;
            }
            georef.transform = Some(GeoTransform(transform));
        }
        let part = Self {
            grid: Grid {
                width: written.width,
                height: written.height,
                georef,
            },
            window: written.window,
            kind: written.kind,
        };
        let size = (info.grid.width, info.grid.height);
        if part.grid.window().intersection(&part.window) != Some(part.window)
            || (part.window.width, part.window.height) != size
            || part.kind.layout().bands != info.bands.len()
        {
            return Err(refuse("the file has another size than its part"));
        }
        part.kind.check().map_err(|what| refuse(&what))?;
        Ok(Some(part))
    }
}

impl MapWriter {
    /// As [`MapWriter::create`], for a part of a map: windows are counted as in the whole, the file holds the part alone
    /// and says where it belongs.
    ///
    /// # Errors
    /// As [`MapWriter::create`].
    pub fn create_part(path: &Path, part: MapPart) -> SceneResult<Self> {
        let mut writer = Self::create(path, &part.own_grid(), part.kind.clone())?;
        writer.part = Some(part);
        Ok(writer)
    }

    /// Carries the pixels of a part's file over to where they belong, bit by bit. `progress` hears the share done (0 to 1)
    /// and stops the work by returning false.
    ///
    /// # Errors
    /// The part cannot be read or the map not be written; [`SceneError::Cancelled`] when stopped.
    pub fn take_part(
        &mut self,
        path: &Path,
        part: &MapPart,
        progress: &mut dyn FnMut(f64) -> bool,
    ) -> SceneResult<()> {
        let raster = Raster::open(path)?;
        let sample = part.kind.layout().sample;
        let tiles = cog::tiles(&part.own_grid(), TILE);
        for (index, tile) in tiles.iter().enumerate() {
            let bytes = cog::read(raster.dataset(), *tile, sample).map_err(|what| {
                let words = "a part of the map cannot be read; make it again";
                SceneError::file(path, words).with_details(what)
            })?;
            let window = Window {
                col: part.window.col + tile.col,
                row: part.window.row + tile.row,
                ..*tile
            };
            self.write(window, &bytes)?;
            if !progress((index + 1) as f64 / tiles.len() as f64) {
                return Err(SceneError::Cancelled);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Class;

    /// The samples of a row.
    type RowBytes<'a> = &'a dyn Fn(usize) -> Vec<u8>;

    fn classes() -> Vec<Class> {
        vec![
            Class {
                id: 1,
                name: "wheat".to_owned(),
                color: [200, 180, 40],
            },
            Class {
                id: 7,
                name: "a \"named\" wood".to_owned(),
                color: [20, 90, 30],
            },
        ]
    }

    fn grid(width: usize, height: usize) -> Grid {
        Grid {
            width,
            height,
            georef: Georef {
                // Numbers that no short text holds.
                transform: Some(GeoTransform([
                    1.0 / 3.0,
                    0.1 + 0.2,
                    0.0,
                    -7.0 / 11.0,
                    0.0,
                    -(0.1 + 0.2),
                ])),
                crs: Crs::parse("EPSG:32629").ok(),
                ..Georef::default()
            },
        }
    }

    /// A window of whole rows.
    fn rows(grid: &Grid, row: usize, height: usize) -> Window {
        Window {
            row,
            height,
            ..grid.window()
        }
    }

    fn written(folder: &Path, kind: &MapKind, bytes: RowBytes<'_>) -> [Vec<u8>; 2] {
        let grid = grid(70, 50);
        let keys = vec![("MODEL".to_owned(), "none".to_owned())];
        let (whole, joined) = (folder.join("whole.tif"), folder.join("joined.tif"));
        let mut writer = MapWriter::create(&whole, &grid, kind.clone()).unwrap();
        (0..grid.height).for_each(|row| {
            writer.write(rows(&grid, row, 1), &bytes(row)).unwrap();
        });
        writer.finish(&keys).unwrap();

        let mut join = MapWriter::create(&joined, &grid, kind.clone()).unwrap();
        for (number, window) in [rows(&grid, 0, 31), rows(&grid, 31, 19)]
            .into_iter()
            .enumerate()
        {
            let path = folder.join(format!("part{number}.tif"));
            let part = MapPart {
                grid: grid.clone(),
                window,
                kind: kind.clone(),
            };
            let mut writer = MapWriter::create_part(&path, part.clone()).unwrap();
            (window.row..window.end_row()).for_each(|row| {
                writer.write(rows(&grid, row, 1), &bytes(row)).unwrap();
            });
            assert!(writer.write(rows(&grid, 30, 2), &[]).is_err());
            writer.finish(&keys).unwrap();
            let info = Raster::open(&path).unwrap().info().clone();
            assert_eq!(MapPart::of(&info).unwrap().unwrap(), part);
            assert!(info.grid.same_as(&part.own_grid()));
            join.take_part(&path, &part, &mut |_| true).unwrap();
        }
        join.finish(&keys).unwrap();
        let info = Raster::open(&joined).unwrap().info().clone();
        assert_eq!(MapPart::of(&info).unwrap(), None);
        assert_eq!(info.grid.georef.transform, grid.georef.transform);
        [whole, joined].map(|path| without_date(std::fs::read(path).unwrap()))
    }

    /// The bytes without the second at which they were written.
    fn without_date(mut bytes: Vec<u8>) -> Vec<u8> {
        let is_date = |text: &[u8]| {
            text.iter().enumerate().all(|(at, byte)| match at {
                4 | 7 | 13 | 16 => *byte == b':',
                10 => *byte == b' ',
                _ => byte.is_ascii_digit(),
            })
        };
        let found: Vec<usize> = bytes
            .windows(19)
            .enumerate()
            .filter(|(_, text)| is_date(text))
            .map(|(at, _)| at)
            .collect();
        assert_eq!(found.len(), 1);
        bytes[found[0]..found[0] + 19].fill(b'0');
        bytes
    }

    #[test]
    fn parts_of_every_kind_of_map_are_joined_to_the_same_bytes() {
        let float = |row: usize| -> Vec<u8> {
            let values = (0..70).map(|col| match (row + col) % 9 {
                0 => f32::NAN,
                some => some as f32 * 0.37,
            });
            values.flat_map(f32::to_ne_bytes).collect()
        };
        let cases: [(MapKind, RowBytes<'_>); 4] = [
            (MapKind::Classes(classes()), &|row| {
                (0..70).map(|col| [0, 1, 7][(row / 5 + col) % 3]).collect()
            }),
            (MapKind::Confidence(vec!["confidence".to_owned()]), &|row| {
                (0..70).map(|col| ((row * col) % 201) as u8).collect()
            }),
            (MapKind::Field, &|row| {
                (0..64 * 70).map(|at| ((row + at) % 251) as u8).collect()
            }),
            (
                MapKind::Continuous {
                    bands: vec![("NDVI".to_owned(), "1".to_owned())],
                    ramp: "ndvi".to_owned(),
                },
                &float,
            ),
        ];
        for (kind, bytes) in cases {
            let folder = tempfile::tempdir().unwrap();
            let [whole, joined] = written(folder.path(), &kind, bytes);
            assert!(whole == joined, "{kind:?}");
            let beside = |name: &str| std::fs::read(folder.path().join(name)).ok();
            for ending in [".tif.aux.xml", ".qml"] {
                assert_eq!(
                    beside(&format!("whole{ending}")),
                    beside(&format!("joined{ending}")),
                    "{kind:?} {ending}"
                );
            }
        }
    }

    #[test]
    fn a_part_that_does_not_fit_its_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let grid = grid(20, 20);
        let path = folder.path().join("part.tif");
        let part = MapPart {
            window: rows(&grid, 5, 10),
            grid,
            kind: MapKind::Confidence(vec!["confidence".to_owned()]),
        };
        MapWriter::create_part(&path, part)
            .unwrap()
            .finish(&Vec::new())
            .unwrap();
        let info = Raster::open(&path).unwrap().info().clone();
        assert!(MapPart::of(&info).unwrap().is_some());
        for (from, to) in [
            ("\"row\":5", "\"row\":11"),
            ("\"height\":10", "\"height\":9"),
            ("confidence\"]", "confidence\",\"another\"]"),
            ("\"width\":20", "\"width\":-3"),
            ("\"transform\":[\"", "\"transform\":[\"x"),
        ] {
            let mut info = info.clone();
            let text = info.metadata.iter_mut().find(|(key, _)| key == PART_KEY);
            let text = &mut text.unwrap().1;
            assert!(text.contains(from), "{text}");
            *text = text.replace(from, to);
            let error = MapPart::of(&info).unwrap_err().to_string();
            assert!(error.contains("make the part again"), "{to}: {error}");
        }
    }
}
