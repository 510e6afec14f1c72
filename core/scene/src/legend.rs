//! The classes of a label file: which attribute holds them, their ids (1 to 255), names and colours.
//! Knows class attributes and class tables. Knows nothing of shapes, grids or GDAL.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::Deserialize;

use crate::{Class, SceneError, SceneResult, class_color, rgb_from_hex};

/// Attributes known to hold classes, in the order they are tried.
pub(crate) const CLASS_ATTRIBUTES: [&str; 7] = [
    "class_name",
    "class",
    "class_id",
    "label",
    "MC_ID",
    "C_ID",
    "macroclass_id",
];

/// What one value of the class attribute is: numbers sort as numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ClassKey {
    Number(i64),
    Text(String),
}

/// A row of a class table.
#[derive(Clone, Debug)]
pub(crate) struct KnownClass {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) color: Option<[u8; 3]>,
}

/// The attributes of a file that matter, as indices into its list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ClassColumns {
    pub(crate) class: Option<usize>,
    /// Numbers that go with a class attribute of text.
    pub(crate) id: Option<usize>,
    /// Names that go with a class attribute of numbers.
    pub(crate) name: Option<usize>,
    pub(crate) color: Option<usize>,
    pub(crate) usage: Option<usize>,
    pub(crate) source: Option<usize>,
}

/// One shape's words about its class.
pub(crate) struct ClassWords<'a> {
    pub(crate) class: Option<&'a str>,
    pub(crate) id: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
    pub(crate) color: Option<&'a str>,
}

impl ClassColumns {
    /// Finds the class attribute (the one asked for, else the well-known ones) and what goes with it.
    /// Returns a sentence when another one than asked for is used.
    pub(crate) fn find(
        attributes: &[String],
        asked: Option<&str>,
        is_home: bool,
        path: &Path,
    ) -> SceneResult<(Self, Option<String>)> {
        let column = |name: &str| attributes.iter().position(|have| is_name(have, name));
        let first = |names: &[&str]| names.iter().find_map(|name| column(name));
        let listed = || match attributes {
            [] => "it has no attributes at all".to_owned(),
            some => format!("it has: {}", some.join(", ")),
        };
        let well_known = || {
            if is_home {
                column("class_id")
            } else {
                first(&CLASS_ATTRIBUTES)
            }
        };
        let mut note = None;
        let class = match asked {
            None => well_known().ok_or_else(|| {
                SceneError::file(
                    path,
                    format!(
                        "no attribute of this file is known to hold classes; choose one ({})",
                        listed()
                    ),
                )
            })?,
            Some(asked) => match column(asked) {
                Some(class) => class,
                // A usual word for the class where the file uses another usual word.
                None if CLASS_ATTRIBUTES
                    .iter()
                    .any(|known| known.eq_ignore_ascii_case(asked))
                    && well_known().is_some() =>
                {
                    let class = well_known().unwrap_or_default();
                    note = attributes
                        .get(class)
                        .map(|used| format!("there is no attribute {asked}; {used} was used"));
                    class
                }
                None => {
                    let what = format!("there is no attribute {asked} in this file; {}", listed());
                    return Err(SceneError::file(path, what));
                }
            },
        };
        let other = |found: Option<usize>| found.filter(|index| *index != class);
        let used = attributes.get(class).map_or("", String::as_str);
        let sibling = used
            .strip_suffix("_ID")
            .or(used.strip_suffix("_id"))
            .map(|stem| format!("{stem}_name"));
        let columns = Self {
            class: Some(class),
            id: other(first(&["class_id", "classid", "class_code"])),
            name: other(sibling.and_then(|name| column(&name)).or(first(&[
                "class_name",
                "classname",
                "label",
                "name",
                "class",
            ]))),
            color: column("color").or(column("colour")),
            usage: column("use"),
            source: column("source").filter(|_| is_home || column("class_id").is_some()),
        };
        Ok((columns, note))
    }
}

/// Shapefiles keep ten characters of a name.
fn is_name(have: &str, asked: &str) -> bool {
    have.eq_ignore_ascii_case(asked)
        || (have.len() == 10
            && asked
                .get(..10)
                .is_some_and(|cut| have.eq_ignore_ascii_case(cut)))
}

fn number(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// Classes of a file, and which of them each shape has.
pub(crate) struct Legend {
    pub(crate) classes: Vec<Class>,
    /// In the order of the shapes; `None` without a class.
    pub(crate) of_shape: Vec<Option<u8>>,
}

impl Legend {
    /// Ids within 1..=255 are kept; otherwise classes are numbered from 1 in ascending order of id or name.
    /// `known` names and colours classes; with `keep_all` its classes stay although no shape has them.
    pub(crate) fn new(
        words: &[ClassWords<'_>],
        known: &[KnownClass],
        keep_all: bool,
        path: &Path,
    ) -> SceneResult<Self> {
        let keys = class_keys(words, known);
        let mut first_words: BTreeMap<&ClassKey, (Option<&str>, Option<[u8; 3]>)> = BTreeMap::new();
        // A name attribute that says different things about one class names the shapes, not the classes.
        let names_classes = names_agree(&keys, words);
        for (key, words) in keys.iter().zip(words) {
            let Some(key) = key else { continue };
            let entry = first_words.entry(key).or_default();
            // A class attribute of text that numbers go with: the text is the name.
            let own = words.class.filter(|class| number(class).is_none());
            entry.0 = entry.0.or(own).or(words.name.filter(|_| names_classes));
            entry.1 = entry.1.or(words.color.and_then(rgb_from_hex));
        }
        let extra: Vec<ClassKey> = match keep_all {
            true => known
                .iter()
                .map(|class| ClassKey::Number(class.id))
                .collect(),
            false => Vec::new(),
        };
        let all: BTreeSet<&ClassKey> = first_words.keys().copied().chain(&extra).collect();
        if all.len() > 255 {
            let what = format!(
                "this attribute has {} different values, and at most 255 classes are possible; choose the attribute that holds the class",
                all.len()
            );
            return Err(SceneError::file(path, what));
        }
        let ids = class_ids(&all);
        let classes = all
            .iter()
            .zip(&ids)
            .map(|(key, id)| {
                let listed = known.iter().find(|class| match key {
                    ClassKey::Number(id) => class.id == *id,
                    ClassKey::Text(name) => class.name.eq_ignore_ascii_case(name),
                });
                let (name, color) = first_words.get(*key).copied().unwrap_or_default();
                let name = match (key, name, listed) {
                    (ClassKey::Text(text), ..) => text.clone(),
                    (_, Some(name), _) => name.to_owned(),
                    (_, None, Some(class)) => class.name.clone(),
                    (ClassKey::Number(id), None, None) => id.to_string(),
                };
                let color = color
                    .or(listed.and_then(|class| class.color))
                    .unwrap_or_else(|| class_color(*id));
                Class {
                    id: *id,
                    name,
                    color,
                }
            })
            .collect();
        let id_of: BTreeMap<&ClassKey, u8> = all.into_iter().zip(ids).collect();
        let of_shape = keys
            .iter()
            .map(|key| key.as_ref().and_then(|key| id_of.get(key).copied()))
            .collect();
        Ok(Self { classes, of_shape })
    }
}

/// Ids for keys in ascending order.
fn class_ids(keys: &BTreeSet<&ClassKey>) -> Vec<u8> {
    let own: Option<Vec<u8>> = keys
        .iter()
        .map(|key| match key {
            ClassKey::Number(id) => u8::try_from(*id).ok().filter(|id| *id != 0),
            ClassKey::Text(_) => None,
        })
        .collect();
    own.unwrap_or_else(|| (1..=u8::MAX).take(keys.len()).collect())
}

/// The class of each shape: numbers when all values are numbers, or when each name goes with one number of its own
/// (from an attribute beside it or from a class table); text otherwise.
fn class_keys(words: &[ClassWords<'_>], known: &[KnownClass]) -> Vec<Option<ClassKey>> {
    if words
        .iter()
        .filter_map(|words| words.class)
        .all(|class| number(class).is_some())
    {
        return words
            .iter()
            .map(|words| words.class.and_then(number).map(ClassKey::Number))
            .collect();
    }
    let beside = words
        .iter()
        .filter_map(|words| Some((words.class?, words.id.and_then(number))));
    let numbers = one_to_one(beside).or_else(|| {
        one_to_one(words.iter().filter_map(|words| {
            let class = words.class?;
            Some((
                class,
                known
                    .iter()
                    .find(|known| known.name.eq_ignore_ascii_case(class))
                    .map(|known| known.id),
            ))
        }))
    });
    words
        .iter()
        .map(|words| {
            let class = words.class?;
            Some(
                match numbers.as_ref().and_then(|numbers| numbers.get(class)) {
                    Some(id) => ClassKey::Number(*id),
                    None => ClassKey::Text(class.to_owned()),
                },
            )
        })
        .collect()
}

fn names_agree(keys: &[Option<ClassKey>], words: &[ClassWords<'_>]) -> bool {
    let mut names: BTreeMap<&ClassKey, &str> = BTreeMap::new();
    keys.iter()
        .zip(words)
        .filter_map(|(key, words)| Some((key.as_ref()?, words.name?)))
        .all(|(key, name)| *names.entry(key).or_insert(name) == name)
}

/// Names to numbers, if every name has exactly one and no two share one.
fn one_to_one<'a>(
    pairs: impl Iterator<Item = (&'a str, Option<i64>)>,
) -> Option<BTreeMap<&'a str, i64>> {
    let mut numbers = BTreeMap::new();
    for (name, number) in pairs {
        let number = number?;
        if *numbers.entry(name).or_insert(number) != number {
            return None;
        }
    }
    let distinct: BTreeSet<i64> = numbers.values().copied().collect();
    (!numbers.is_empty() && distinct.len() == numbers.len()).then_some(numbers)
}

/// Id, name and colour of the classes listed in `classes.json` beside a label file; none where there is no such list.
pub fn class_names_beside(path: &Path) -> Vec<(i64, String, Option<[u8; 3]>)> {
    classes_beside(path)
        .into_iter()
        .map(|class| (class.id, class.name, class.color))
        .collect()
}

/// `classes.json` beside a label file: a list of id, name and colour. A missing or different file gives none.
pub(crate) fn classes_beside(path: &Path) -> Vec<KnownClass> {
    #[derive(Deserialize)]
    struct Row {
        id: i64,
        name: String,
        #[serde(default)]
        color: Option<String>,
    }
    let Ok(text) = std::fs::read_to_string(path.with_file_name("classes.json")) else {
        return Vec::new();
    };
    match serde_json::from_str::<Vec<Row>>(&text) {
        Ok(rows) => rows
            .into_iter()
            .map(|row| KnownClass {
                id: row.id,
                name: row.name,
                color: row.color.as_deref().and_then(rgb_from_hex),
            })
            .collect(),
        Err(error) => {
            log::warn!(
                "classes.json beside {} is not a list of classes: {error}",
                path.display()
            );
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn legend(rows: &[(&str, Option<&str>, Option<&str>)], known: &[KnownClass]) -> Legend {
        let words: Vec<ClassWords<'_>> = rows
            .iter()
            .map(|(class, id, name)| ClassWords {
                class: Some(*class).filter(|class| !class.is_empty()),
                id: *id,
                name: *name,
                color: None,
            })
            .collect();
        Legend::new(&words, known, false, Path::new("labels.geojson")).unwrap()
    }

    fn names(legend: &Legend) -> Vec<(u8, &str)> {
        legend
            .classes
            .iter()
            .map(|class| (class.id, class.name.as_str()))
            .collect()
    }

    #[test]
    fn numbers_keep_their_ids_when_they_can() {
        let small = legend(
            &[
                ("30", None, Some("grass")),
                ("7", None, None),
                ("30", None, None),
            ],
            &[],
        );
        assert_eq!(names(&small), [(7, "7"), (30, "grass")]);
        assert_eq!(small.of_shape, [Some(30), Some(7), Some(30)]);
        let large = legend(
            &[
                ("9120", None, Some("pasture")),
                ("", None, None),
                ("1110", None, Some("wheat")),
            ],
            &[],
        );
        assert_eq!(names(&large), [(1, "wheat"), (2, "pasture")]);
        assert_eq!(large.of_shape, [Some(2), None, Some(1)]);
        let from_zero = legend(&[("0", None, None), ("1", None, None)], &[]);
        assert_eq!(names(&from_zero), [(1, "0"), (2, "1")]);
    }

    #[test]
    fn text_takes_numbers_that_go_with_it() {
        let beside = legend(
            &[("wheat", Some("5"), None), ("maize", Some("3"), None)],
            &[],
        );
        assert_eq!(names(&beside), [(3, "maize"), (5, "wheat")]);
        let torn = legend(
            &[("wheat", Some("5"), None), ("maize", Some("5"), None)],
            &[],
        );
        assert_eq!(names(&torn), [(1, "maize"), (2, "wheat")]);
        let known = [KnownClass {
            id: 9,
            name: "Wheat".to_owned(),
            color: Some([1, 2, 3]),
        }];
        let listed = legend(&[("wheat", None, None)], &known);
        assert_eq!(
            (names(&listed), listed.classes[0].color),
            (vec![(9, "wheat")], [1, 2, 3])
        );
    }

    #[test]
    fn the_class_attribute_is_found_or_named() {
        let have = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let path = Path::new("labels.shp");
        let scp = have(&["MC_ID", "MC_name", "C_ID", "C_name"]);
        let (columns, _) = ClassColumns::find(&scp, Some("c_id"), false, path).unwrap();
        assert_eq!((columns.class, columns.name), (Some(2), Some(3)));
        let cut = have(&["macroclass", "kind"]);
        assert_eq!(
            ClassColumns::find(&cut, None, false, path).unwrap().0.class,
            Some(0)
        );
        let error = ClassColumns::find(&cut, Some("crop"), false, path)
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("no attribute crop") && error.contains("macroclass, kind"),
            "{error}"
        );
        let (columns, note) =
            ClassColumns::find(&have(&["class_id"]), Some("class"), false, path).unwrap();
        assert_eq!((columns.class, note.is_some()), (Some(0), true));
    }

    #[test]
    fn more_than_255_classes_are_refused() {
        let texts: Vec<String> = (0..300).map(|value| format!("parcel {value}")).collect();
        let words: Vec<ClassWords<'_>> = texts
            .iter()
            .map(|text| ClassWords {
                class: Some(text),
                id: None,
                name: None,
                color: None,
            })
            .collect();
        let error = Legend::new(&words, &[], false, Path::new("fields.shp"))
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("300 different values"), "{error}");
    }
}
