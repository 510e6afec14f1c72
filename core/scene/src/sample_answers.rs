//! The answers to a validation sample, kept in its own file: GeoPackage or CSV, one class a point. Every answer is written
//! beside and renamed, and whatever else the file holds stays. Knows points and words; knows nothing of maps or windows.

use std::path::Path;

use gdal::vector::LayerAccess;
use gdal::vsi::create_mem_file;
use gdal::{Dataset, DatasetOptions, GdalOpenFlags};

use crate::beside::write_beside;
use crate::label_file::{MemoryFolder, unwritten};
use crate::shapes::{Part, ShapeSource, has_extension};
use crate::{Grid, SceneError, SceneResult, gdal_setup, take_gdal_messages};

/// What the note of a point says that was looked at and could not be told.
const UNSURE: &str = "not sure";

/// What was said of a point.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum SampleAnswer {
    /// Nobody has looked at it yet.
    #[default]
    Open,
    /// Looked at, and it cannot be told: it is left out of the estimates and counted.
    Unsure,
    /// Name of a class.
    Class(String),
}

/// A point of a sample in the order of its file, which is random.
#[derive(Clone, Debug, PartialEq)]
pub struct SamplePoint {
    /// Its `id` in the file.
    pub id: i64,
    /// Pixel of the map it stands for.
    pub col: usize,
    pub row: usize,
    pub answer: SampleAnswer,
}

/// Reads the points of a sample that was drawn of a map on `grid`.
///
/// # Errors
/// Not a file of points with `id`, `class` and `note`, or points that lie on no pixel of the map.
pub fn read_sample_blocking(path: &Path, grid: &Grid) -> SceneResult<Vec<SamplePoint>> {
    let strange = |what: &str| {
        SceneError::file(
            path,
            format!("{what}; choose a file drawn as a validation sample of this map"),
        )
    };
    let source = ShapeSource::open(path)?.ok_or_else(|| strange("this file holds no points"))?;
    let column = |name: &str| {
        let found = source.attributes().iter().position(|known| known == name);
        found.ok_or_else(|| strange(&format!("this file has no `{name}`")))
    };
    let wanted = [
        Some(column("id")?),
        Some(column("class")?),
        Some(column("note")?),
    ];
    let file = source.read(path, &wanted)?;
    let mut points = Vec::with_capacity(file.shapes.len());
    for shape in &file.shapes {
        let word = |index: usize| shape.values.get(index).cloned().flatten();
        let (Some(id), [Part::Point((x, y))]) = (
            word(0).and_then(|text| text.parse().ok()),
            shape.parts.as_slice(),
        ) else {
            return Err(strange(
                "this file holds something else than numbered points",
            ));
        };
        let pixel = grid
            .pixel_from_ground(*x, *y)
            .filter(|(col, row)| grid.holds(*col, *row));
        let Some((col, row)) = pixel else {
            return Err(strange("a point of this file lies outside the map"));
        };
        let answer = match (word(1), word(2).as_deref()) {
            (Some(class), _) => SampleAnswer::Class(class),
            (None, Some(UNSURE)) => SampleAnswer::Unsure,
            (None, _) => SampleAnswer::Open,
        };
        points.push(SamplePoint {
            id,
            col: col as usize,
            row: row as usize,
            answer,
        });
    }
    if points.is_empty() {
        return Err(strange("this file holds no points"));
    }
    Ok(points)
}

/// Writes what was said of one point; the file is replaced whole or stays as it was.
///
/// # Errors
/// The file is gone, has no such point, or cannot be written.
pub fn answer_sample_point_blocking(
    path: &Path,
    id: i64,
    answer: &SampleAnswer,
) -> SceneResult<()> {
    let bytes = std::fs::read(path).map_err(|error| {
        SceneError::file(path, "the sample cannot be read; put the file back").with_details(error)
    })?;
    let bytes = if has_extension(path, &["csv"]) {
        answered_table(path, &bytes, id, answer)?
    } else {
        answered_geopackage(path, bytes, id, answer)?
    };
    write_beside(path, &bytes)
}

fn class_of(answer: &SampleAnswer) -> &str {
    match answer {
        SampleAnswer::Class(name) => name,
        SampleAnswer::Open | SampleAnswer::Unsure => "",
    }
}

/// The note after an answer: words of the user stay.
fn note_of(answer: &SampleAnswer, before: &str) -> String {
    match answer {
        SampleAnswer::Unsure => UNSURE.to_owned(),
        _ if before == UNSURE => String::new(),
        _ => before.to_owned(),
    }
}

fn no_such_point(path: &Path, id: i64) -> SceneError {
    SceneError::file(
        path,
        format!("the sample has no point {id} with `class` and `note`; was it changed elsewhere?"),
    )
}

fn answered_table(
    path: &Path,
    bytes: &[u8],
    id: i64,
    answer: &SampleAnswer,
) -> SceneResult<Vec<u8>> {
    let failed = |error: csv::Error| {
        SceneError::file(path, "the sample is no table any more").with_details(error)
    };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(bytes);
    let header = reader.headers().map_err(failed)?.clone();
    let column = |name: &str| {
        let found = header.iter().position(|known| known == name);
        found.ok_or_else(|| no_such_point(path, id))
    };
    let (number, class, note) = (column("id")?, column("class")?, column("note")?);
    let mut writer = csv::WriterBuilder::new()
        .flexible(true)
        .from_writer(Vec::new());
    writer.write_record(&header).map_err(failed)?;
    let mut is_found = false;
    for row in reader.records() {
        let row = row.map_err(failed)?;
        if row.get(number).and_then(|text| text.trim().parse().ok()) != Some(id) {
            writer.write_record(&row).map_err(failed)?;
            continue;
        }
        is_found = true;
        let mut cells: Vec<String> = row.iter().map(str::to_owned).collect();
        cells.resize(cells.len().max(header.len()), String::new());
        if let Some(cell) = cells.get_mut(class) {
            *cell = class_of(answer).to_owned();
        }
        if let Some(cell) = cells.get_mut(note) {
            *cell = note_of(answer, cell);
        }
        writer.write_record(&cells).map_err(failed)?;
    }
    if !is_found {
        return Err(no_such_point(path, id));
    }
    writer.into_inner().map_err(|error| {
        SceneError::write(path, "the answer could not be written").with_details(error)
    })
}

/// A copy in memory is changed, so that the file is never half written.
fn answered_geopackage(
    path: &Path,
    bytes: Vec<u8>,
    id: i64,
    answer: &SampleAnswer,
) -> SceneResult<Vec<u8>> {
    gdal_setup();
    let folder = MemoryFolder::new();
    take_gdal_messages();
    let change = || -> gdal::errors::Result<bool> {
        create_mem_file(folder.path("sample.gpkg"), bytes)?;
        let options = DatasetOptions {
            open_flags: GdalOpenFlags::GDAL_OF_VECTOR | GdalOpenFlags::GDAL_OF_UPDATE,
            ..DatasetOptions::default()
        };
        let dataset = Dataset::open_ex(folder.path("sample.gpkg"), options)?;
        let mut is_found = false;
        {
            let mut layer = dataset.layer(0)?;
            let index = |name: &str| layer.defn().field_index(name);
            let (number, class, note) = (index("id")?, index("class")?, index("note")?);
            let wanted = layer.features().find_map(|feature| {
                let is_it = feature.field_as_integer64(number).ok().flatten() == Some(id);
                feature.fid().filter(|_| is_it)
            });
            if let Some(mut feature) = wanted.and_then(|fid| layer.feature(fid)) {
                let before = feature.field_as_string(note)?.unwrap_or_default();
                match class_of(answer) {
                    "" => feature.set_field_null(class)?,
                    name => feature.set_field_string(class, name)?,
                }
                match note_of(answer, &before).as_str() {
                    "" => feature.set_field_null(note)?,
                    words => feature.set_field_string(note, words)?,
                }
                layer.set_feature(feature)?;
                is_found = true;
            }
        }
        dataset.close()?;
        Ok(is_found)
    };
    match change() {
        Ok(true) => folder.bytes("sample.gpkg", path),
        Ok(false) => Err(no_such_point(path, id)),
        Err(error) => Err(unwritten(path, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Crs, GeoTransform, Georef, write_validation_points};

    fn grid() -> Grid {
        Grid {
            width: 40,
            height: 30,
            georef: Georef {
                transform: Some(GeoTransform([
                    500_000.0,
                    10.0,
                    0.0,
                    4_000_000.0,
                    0.0,
                    -10.0,
                ])),
                crs: Crs::parse("EPSG:32629").ok(),
                ..Georef::default()
            },
        }
    }

    #[test]
    fn answers_are_kept_one_by_one_and_can_be_changed() {
        let folder = tempfile::tempdir().unwrap();
        let pixels = [(3, 4), (39, 29), (0, 0)];
        for name in ["s.gpkg", "s.csv"] {
            let path = folder.path().join(name);
            write_validation_points(&path, &grid(), &pixels).unwrap();
            let read = || read_sample_blocking(&path, &grid()).unwrap();
            let places: Vec<_> = read().iter().map(|point| (point.col, point.row)).collect();
            assert_eq!(places, pixels, "{name}");
            assert!(read().iter().all(|p| p.answer == SampleAnswer::Open));
            let maize = SampleAnswer::Class("maize, sweet".to_owned());
            for (id, answer) in [
                (2, &SampleAnswer::Unsure),
                (3, &maize),
                (2, &maize),
                (1, &SampleAnswer::Unsure),
            ] {
                answer_sample_point_blocking(&path, id, answer).unwrap();
            }
            let answers: Vec<_> = read().into_iter().map(|point| point.answer).collect();
            assert_eq!(answers, [SampleAnswer::Unsure, maize.clone(), maize]);
            answer_sample_point_blocking(&path, 3, &SampleAnswer::Open).unwrap();
            assert_eq!(read()[2].answer, SampleAnswer::Open);
            let error = answer_sample_point_blocking(&path, 9, &SampleAnswer::Unsure).unwrap_err();
            assert!(error.to_string().contains("no point 9"), "{error}");
            // Nothing is left beside it.
            let beside = std::fs::read_dir(folder.path()).unwrap().count();
            assert_eq!(beside, if name == "s.gpkg" { 1 } else { 2 });
        }
        let path = folder.path().join("s.gpkg");
        let small = Grid {
            width: 10,
            ..grid()
        };
        assert!(read_sample_blocking(&path, &small).is_err());
    }

    #[test]
    fn columns_of_the_user_stay() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.csv");
        let text =
            "id,x,y,crs,class,use,note,who\n1,500005,3999995,EPSG:32629,,validation,wet,me\n";
        std::fs::write(&path, text).unwrap();
        let class = SampleAnswer::Class("rice".to_owned());
        answer_sample_point_blocking(&path, 1, &class).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("rice,validation,wet,me"), "{text}");
    }
}
