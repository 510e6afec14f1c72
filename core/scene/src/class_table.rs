//! Class tables: ids, names and colours of classes in a file of their own, and what becomes of classes that are there
//! already when one is taken in. Reads CSV, QGIS styles, GDAL colour tables, projects, label files and rasters of classes.
//! Knows classes. Knows nothing of pixels or windows.

use std::path::Path;

use crate::beside::write_beside;
use crate::project::labels_file_of_project;
use crate::qml_classes::QmlClasses;
use crate::shapes::{ShapeSource, has_extension};
use crate::{
    Class, Labels, Raster, SceneError, SceneResult, class_color, classes_of_map, hex_from_rgb,
    rgb_from_hex,
};

/// Tables are some kB.
const LARGEST_TABLE_BYTES: u64 = 4 << 20;
/// More rows than this are no table of classes.
const MOST_ROWS: usize = 10_000;
const LONGEST_NAME: usize = 200;

const IDS: [&str; 6] = ["class_id", "classid", "id", "value", "code", "class"];
const NAMES: [&str; 7] = [
    "class_name",
    "classname",
    "name",
    "label",
    "class",
    "title",
    "description",
];
const COLORS: [&str; 4] = ["color", "colour", "hex", "rgb"];

/// One class of a table. Ids may be any number; those that labels cannot have get another when they are taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassRow {
    pub id: i64,
    pub name: String,
    pub color: Option<[u8; 3]>,
}

/// What became of a table's rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TakenClasses {
    pub added: usize,
    /// Classes of the same name that got the table's colour.
    pub recolored: usize,
    /// Classes whose number was taken or is not possible: name and the number they have now.
    pub renumbered: Vec<(String, u8)>,
    /// Rows for which there was no number left.
    pub left_out: usize,
}

impl From<&Class> for ClassRow {
    fn from(class: &Class) -> Self {
        Self {
            id: i64::from(class.id),
            name: class.name.clone(),
            color: Some(class.color),
        }
    }
}

impl Labels {
    /// Takes classes in. One whose name is there already only lends its colour, so that no label changes its meaning; the
    /// others come with their number where it is free, else with the next free one.
    pub fn take_classes(&mut self, rows: &[ClassRow]) -> TakenClasses {
        let mut taken = TakenClasses::default();
        for row in rows.iter().filter(|row| row.id != 0) {
            let known = self
                .classes
                .iter()
                .find(|class| class.name.to_lowercase() == row.name.to_lowercase())
                .map(|class| (class.id, class.color));
            if let Some((id, color)) = known {
                if let Some(wanted) = row.color.filter(|wanted| *wanted != color) {
                    self.recolor_class(id, wanted);
                    taken.recolored += 1;
                }
                continue;
            }
            let own = u8::try_from(row.id)
                .ok()
                .filter(|id| self.class(*id).is_none());
            let id = own.or_else(|| (1..=u8::MAX).find(|id| self.class(*id).is_none()));
            let Some(id) = id else {
                taken.left_out += 1;
                continue;
            };
            self.set_class(Class {
                id,
                name: row.name.clone(),
                color: row.color.unwrap_or_else(|| class_color(id)),
            });
            taken.added += 1;
            if own.is_none() {
                taken.renumbered.push((row.name.clone(), id));
            }
        }
        taken
    }
}

/// Reads the classes of a file, in its order: a table (`.csv`, `.clr`, `.txt`), a QGIS style (`.qml`), a project, a label
/// file of ours (`.gpkg`), or a raster with a colour table. 0 is unlabelled and no class.
///
/// # Errors
/// Not readable, or no class in it.
pub fn read_class_table_blocking(path: &Path) -> SceneResult<Vec<ClassRow>> {
    let mut rows = if has_extension(path, &["csv", "tsv"]) {
        rows_of_csv(&text_of(path)?, path)?
    } else if has_extension(path, &["clr", "txt"]) {
        let text = text_of(path)?;
        let rows = rows_of_color_table(&text);
        if rows.is_empty() {
            rows_of_csv(&text, path)?
        } else {
            rows
        }
    } else if has_extension(path, &["qml"]) {
        let text = text_of(path)?;
        let classes = QmlClasses::parse(&text).ok_or_else(|| {
            SceneError::file(
                path,
                "this style has no classes (only styles of the kind \"Paletted/Unique values\" do); choose another file",
            )
        })?;
        let entries = classes.entries.into_iter().map(|entry| ClassRow {
            id: entry.value,
            name: entry.name,
            color: Some([entry.rgba[0], entry.rgba[1], entry.rgba[2]]),
        });
        entries.collect()
    } else if has_extension(path, &["terroir"]) {
        let file = labels_file_of_project(path)?.ok_or_else(|| {
            SceneError::file(
                path,
                "this project has no labels and so no classes; choose another one",
            )
        })?;
        rows_of_label_file(&file)?
    } else if has_extension(path, &["gpkg"]) {
        rows_of_label_file(path)?
    } else {
        classes_of_map(Raster::open(path)?.info(), &[])
            .iter()
            .map(ClassRow::from)
            .collect()
    };
    for row in &mut rows {
        row.name = clean_name(&row.name, row.id);
    }
    let mut seen = std::collections::HashSet::new();
    rows.retain(|row| row.id != 0 && seen.insert(row.id));
    rows.truncate(MOST_ROWS);
    if rows.is_empty() {
        return Err(SceneError::file(
            path,
            "there are no classes in this file; choose a table with the columns class_id, class_name and color, a QGIS style, a project or a class map",
        ));
    }
    Ok(rows)
}

/// Writes classes by the ending: `.csv`, `.qml` (QGIS), `.clr` or `.txt` (GDAL, ArcMap). Written beside and renamed.
///
/// # Errors
/// Another ending, or writing failed.
pub fn write_class_table(classes: &[Class], path: &Path) -> SceneResult<()> {
    let text = if has_extension(path, &["csv"]) {
        csv_of(classes, path)?
    } else if has_extension(path, &["qml"]) {
        crate::qml::paletted(classes)
    } else if has_extension(path, &["clr", "txt"]) {
        classes
            .iter()
            .map(|class| {
                let [r, g, b] = class.color;
                format!("{} {r} {g} {b} 255 {}\n", class.id, class.name)
            })
            .collect()
    } else {
        return Err(SceneError::write(
            path,
            "class tables are written as .csv, .qml, .clr or .txt; choose one of these endings",
        ));
    };
    write_beside(path, text.as_bytes())
}

fn csv_of(classes: &[Class], path: &Path) -> SceneResult<String> {
    let unwritable = |error: &dyn std::fmt::Display| {
        SceneError::write(path, "the class table could not be written").with_details(error)
    };
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(["class_id", "class_name", "color"])
        .map_err(|error| unwritable(&error))?;
    for class in classes {
        let id = class.id.to_string();
        writer
            .write_record([id.as_str(), class.name.as_str(), &hex_from_rgb(class.color)])
            .map_err(|error| unwritable(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| unwritable(&error))?;
    String::from_utf8(bytes).map_err(|error| unwritable(&error))
}

fn text_of(path: &Path) -> SceneResult<String> {
    let unreadable = |error: std::io::Error| {
        SceneError::file(
            path,
            "this class table cannot be read; check that the file is there and may be read",
        )
        .with_details(error)
    };
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() || found.len() > LARGEST_TABLE_BYTES {
        return Err(SceneError::file(
            path,
            "this file is no class table (it is far too large, or no file); choose another one",
        ));
    }
    let bytes = std::fs::read(path).map_err(unreadable)?;
    let text = String::from_utf8_lossy(&bytes);
    Ok(text.trim_start_matches('\u{feff}').to_owned())
}

fn clean_name(name: &str, id: i64) -> String {
    let words: String = name
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_NAME)
        .collect();
    match words.trim() {
        "" => id.to_string(),
        name => name.to_owned(),
    }
}

fn rows_of_label_file(path: &Path) -> SceneResult<Vec<ClassRow>> {
    let source = ShapeSource::open(path)?;
    let rows = source
        .map(|source| source.class_table())
        .unwrap_or_default();
    Ok(rows
        .into_iter()
        .map(|(id, name, color)| ClassRow {
            id,
            name,
            color: color.as_deref().and_then(rgb_from_hex),
        })
        .collect())
}

/// Names its columns in the first line; without such a line number, name and colour stand in this order.
fn rows_of_csv(text: &str, path: &Path) -> SceneResult<Vec<ClassRow>> {
    let first = text.lines().next().unwrap_or_default();
    let delimiter = [b';', b'\t', b',']
        .into_iter()
        .max_by_key(|mark| first.bytes().filter(|byte| byte == mark).count())
        .unwrap_or(b',');
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut records = Vec::new();
    for record in reader.records().take(MOST_ROWS) {
        records.push(record.map_err(|error| {
            SceneError::file(path, "this is no table of values separated by commas")
                .with_details(error)
        })?);
    }
    let Some(header) = records.first() else {
        return Ok(Vec::new());
    };
    let column = |names: &[&str]| {
        names.iter().find_map(|name| {
            header
                .iter()
                .position(|cell| cell.eq_ignore_ascii_case(name))
        })
    };
    let has_header = header
        .get(0)
        .is_none_or(|cell| cell.parse::<i64>().is_err());
    let (id, name, color, parts) = if has_header {
        let id = column(&IDS);
        let name = column(&NAMES).filter(|name| Some(*name) != id);
        let parts = [["red", "r"], ["green", "g"], ["blue", "b"]].map(|names| column(&names));
        (id, name, column(&COLORS), parts)
    } else {
        (Some(0), Some(1), Some(2), [None; 3])
    };
    if id.is_none() && name.is_none() {
        return Err(SceneError::file(
            path,
            format!(
                "this table has neither a column class_id nor class_name (it has: {}); name its columns class_id, class_name and color",
                header.iter().collect::<Vec<_>>().join(", ")
            ),
        ));
    }
    let cell = |record: &csv::StringRecord, at: Option<usize>| {
        at.and_then(|at| record.get(at)).map(str::to_owned)
    };
    Ok(records
        .iter()
        .skip(usize::from(has_header))
        .enumerate()
        .filter_map(|(row, record)| {
            let name = cell(record, name).unwrap_or_default();
            let id = match id {
                Some(_) => cell(record, id)?.parse().ok()?,
                None if name.is_empty() => return None,
                None => i64::try_from(row + 1).ok()?,
            };
            let [r, g, b] = parts.map(|at| cell(record, at).and_then(|text| text.parse().ok()));
            let mixed = r.zip(g).zip(b).map(|((r, g), b)| [r, g, b]);
            let color = cell(record, color).and_then(|text| rgb_from_hex(&text));
            Some(ClassRow {
                id,
                name,
                color: color.or(mixed),
            })
        })
        .collect())
}

/// Lines of `value r g b [alpha] [label]`, apart by blanks or by commas; other lines (comments, `nv`) are no classes.
fn rows_of_color_table(text: &str) -> Vec<ClassRow> {
    text.lines().filter_map(row_of_color_line).collect()
}

fn row_of_color_line(line: &str) -> Option<ClassRow> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    // What follows the value; a name may hold any number of either.
    let by_comma = line
        .split_once(|mark: char| mark == ',' || mark.is_whitespace())
        .is_some_and(|(value, _)| line[value.len()..].trim_start().starts_with(','));
    let split = |text: &'_ str| -> (String, String) {
        let (first, rest) = if by_comma {
            text.split_once(',').unwrap_or((text, ""))
        } else {
            text.split_once(char::is_whitespace).unwrap_or((text, ""))
        };
        (first.trim().to_owned(), rest.trim_start().to_owned())
    };
    let (value, mut rest) = split(line);
    let value: f64 = value.parse().ok()?;
    if value.fract() != 0.0 || value.abs() > 9e15 {
        return None;
    }
    let mut color = [0_u8; 3];
    for channel in &mut color {
        let (first, after) = split(&rest);
        *channel = first.parse().ok()?;
        rest = after;
    }
    let (alpha, label) = split(&rest);
    let name = if alpha.parse::<u8>().is_ok() {
        label
    } else {
        rest
    };
    Some(ClassRow {
        id: value as i64,
        name: name.trim().to_owned(),
        color: Some(color),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Georef, Grid};

    fn labels() -> Labels {
        Labels::new(Grid {
            width: 64,
            height: 64,
            georef: Georef::default(),
        })
    }

    fn row(id: i64, name: &str, color: Option<[u8; 3]>) -> ClassRow {
        ClassRow {
            id,
            name: name.to_owned(),
            color,
        }
    }

    fn read(name: &str, text: &str) -> SceneResult<Vec<ClassRow>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read_class_table_blocking(&path)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn what_is_written_comes_back(
            classes in proptest::collection::btree_map(1..=255_u8, ("[ -~äöé&<>\"',;]{1,30}", any::<[u8; 3]>()), 1..20),
            ending in prop_oneof![Just("csv"), Just("qml"), Just("clr"), Just("txt")],
        ) {
            let classes: Vec<Class> = classes
                .into_iter()
                .map(|(id, (name, color))| Class { id, name: format!("x{}x", name.trim()), color })
                .collect();
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join(format!("classes.{ending}"));
            write_class_table(&classes, &path).unwrap();
            let expected: Vec<ClassRow> = classes.iter().map(ClassRow::from).collect();
            prop_assert_eq!(read_class_table_blocking(&path).unwrap(), expected);
        }

        #[test]
        fn rubbish_is_no_panic(text in ".{0,200}", ending in prop_oneof![Just("csv"), Just("qml"), Just("clr"), Just("terroir")]) {
            read(&format!("rubbish.{ending}"), &text).ok();
        }
    }

    #[test]
    fn tables_of_others_are_understood() {
        let qgis = "# QGIS Generated Color Map Export File\nINTERPOLATION:EXACT\n1,230,159,0,255,Dry, bare soil\n2,86,180,233,255,Water\n";
        assert_eq!(
            read("qgis.txt", qgis).unwrap(),
            [
                row(1, "Dry, bare soil", Some([230, 159, 0])),
                row(2, "Water", Some([86, 180, 233]))
            ]
        );
        assert_eq!(
            read("commas.clr", "1 0 0 1 255 x,,,x\n").unwrap(),
            [row(1, "x,,,x", Some([0, 0, 1]))]
        );
        let arc = "0 0 0 0\n10 0 100 0 Tree cover\n20 255 187 34\nnv 0 0 0\n";
        assert_eq!(
            read("arc.clr", arc).unwrap(),
            [
                row(10, "Tree cover", Some([0, 100, 0])),
                row(20, "20", Some([255, 187, 34]))
            ]
        );
        let semicolons = "\u{feff}Value;Label;Red;Green;Blue\n311;Laubwald;128;255;0\n";
        assert_eq!(
            read("corine.csv", semicolons).unwrap(),
            [row(311, "Laubwald", Some([128, 255, 0]))]
        );
        assert_eq!(
            read("bare.csv", "3,wheat,#010203\n").unwrap(),
            [row(3, "wheat", Some([1, 2, 3]))]
        );
        assert_eq!(
            read("names.csv", "name\nwheat\nmaize\n").unwrap(),
            [row(1, "wheat", None), row(2, "maize", None)]
        );
        let error = read("other.csv", "lon,lat\n1,2\n").unwrap_err().to_string();
        // The first cell is no number, so this line names columns.
        assert!(
            error.contains("class_id") && error.contains("lon, lat"),
            "{error}"
        );
        assert!(read("empty.csv", "").is_err());
    }

    #[test]
    fn no_label_changes_its_meaning() {
        let mut labels = labels();
        let water = labels.add_class("Water").unwrap();
        labels.paint_stroke((5.0, 5.0), (9.0, 5.0), 3.0, water, false);
        let before = labels.counts();
        let taken = labels.take_classes(&[
            row(1, "Forest", Some([0, 100, 0])),
            row(7, "water", Some([0, 0, 200])),
            row(300, "Ice", None),
            row(0, "Unlabelled", None),
            row(9, "Sand", None),
        ]);
        assert_eq!((taken.added, taken.recolored, taken.left_out), (3, 1, 0));
        assert_eq!(
            taken.renumbered,
            [("Forest".to_owned(), 2), ("Ice".to_owned(), 3)]
        );
        assert_eq!(labels.counts()[&water], before[&water]);
        assert_eq!(labels.class(water).unwrap().color, [0, 0, 200]);
        assert_eq!(labels.class(9).unwrap().name, "Sand");
        // Once more changes nothing.
        let again = labels.clone();
        assert_eq!(
            labels.take_classes(&[row(9, "Sand", None)]),
            TakenClasses::default()
        );
        assert_eq!(labels, again);
    }

    #[test]
    fn a_full_table_leaves_the_rest_out() {
        let mut labels = labels();
        let rows: Vec<ClassRow> = (1..=300)
            .map(|id| row(id, &format!("c{id}"), None))
            .collect();
        let taken = labels.take_classes(&rows);
        assert_eq!((taken.added, taken.left_out), (255, 45));
    }

    #[test]
    fn classes_come_from_projects() {
        let folder = tempfile::tempdir().unwrap();
        let mut labels = labels();
        labels.add_class("Maize");
        labels.set_class(Class {
            id: 40,
            name: "Wheat".to_owned(),
            color: [9, 8, 7],
        });
        let document = crate::Document {
            labels: Some(labels.clone()),
            ..crate::Document::default()
        };
        let path = folder.path().join("fields.terroir");
        crate::save_project(&document, &path).unwrap();
        let expected: Vec<ClassRow> = labels.classes.iter().map(ClassRow::from).collect();
        assert_eq!(read_class_table_blocking(&path).unwrap(), expected);
        let empty = folder.path().join("empty.terroir");
        crate::save_project(&crate::Document::default(), &empty).unwrap();
        let error = read_class_table_blocking(&empty).unwrap_err().to_string();
        assert!(error.contains("no labels"), "{error}");
    }
}
