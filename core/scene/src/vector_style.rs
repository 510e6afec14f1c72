//! How shapes look: one colour, a colour for each value of an attribute, or a ramp over a number. A value that is saved and
//! undone. Knows attribute tables; knows nothing of maps, pictures or windows.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::legend::classes_beside;
use crate::{
    ColumnValues, SceneError, SceneResult, VectorColumn, VectorLayer, class_color, ramp,
    rgb_from_hex,
};

/// More values than this are no classes; the rest is drawn as "other".
pub const MOST_CATEGORIES: usize = 256;
/// Values tried when a file is opened, before one colour is taken for all.
const FEW_CATEGORIES: usize = 32;
/// Grey of shapes whose value is not in the legend.
pub const OTHER_COLOR: [u8; 3] = [150, 150, 150];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PointSymbol {
    #[default]
    Circle,
    Square,
    Triangle,
    Cross,
}

impl PointSymbol {
    pub const ALL: [Self; 4] = [Self::Circle, Self::Square, Self::Triangle, Self::Cross];

    pub fn name(self) -> &'static str {
        match self {
            Self::Circle => "Circle",
            Self::Square => "Square",
            Self::Triangle => "Triangle",
            Self::Cross => "Cross",
        }
    }
}

/// What tells polygons of equal colour apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FillPattern {
    #[default]
    Solid,
    Hatch,
    Dots,
    CrossHatch,
}

impl FillPattern {
    pub const ALL: [Self; 4] = [Self::Solid, Self::Hatch, Self::Dots, Self::CrossHatch];

    pub fn name(self) -> &'static str {
        match self {
            Self::Solid => "Solid",
            Self::Hatch => "Hatch",
            Self::Dots => "Dots",
            Self::CrossHatch => "Cross-hatch",
        }
    }
}

/// One row of a legend by category.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VectorCategory {
    /// The attribute's value as text; `None` = no value.
    pub value: Option<String>,
    /// What the legend says.
    pub name: String,
    pub color: [u8; 3],
    #[serde(default)]
    pub pattern: FillPattern,
    #[serde(default = "shown")]
    pub visible: bool,
}

fn shown() -> bool {
    true
}

/// How a number is cut into classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Graduation {
    #[default]
    EqualInterval,
    /// Every class holds about as many shapes.
    Quantile,
}

impl Graduation {
    pub fn name(self) -> &'static str {
        match self {
            Self::EqualInterval => "Equal intervals",
            Self::Quantile => "Equal counts",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum VectorColoring {
    Single {
        color: [u8; 3],
    },
    Categories {
        attribute: String,
        entries: Vec<VectorCategory>,
        /// Colour of values that are not in `entries`; `None` hides them.
        other: Option<[u8; 3]>,
    },
    Graduated {
        attribute: String,
        graduation: Graduation,
        ramp: String,
        /// Ascending; one more than there are classes. A class holds its lower limit, the last one both.
        breaks: Vec<f64>,
    },
}

/// Text beside the shapes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VectorLabel {
    pub attribute: String,
    /// Points.
    pub size: f32,
}

/// Lengths are in points of the screen: 1/96 inch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct VectorStyle {
    pub coloring: VectorColoring,
    pub line_width: f32,
    /// 0..1, of polygons.
    pub fill_opacity: f32,
    pub symbol: PointSymbol,
    pub symbol_size: f32,
    pub label: Option<VectorLabel>,
}

impl Default for VectorStyle {
    fn default() -> Self {
        Self {
            coloring: VectorColoring::Single {
                color: class_color(1),
            },
            line_width: 1.5,
            fill_opacity: 0.4,
            symbol: PointSymbol::Circle,
            symbol_size: 8.0,
            label: None,
        }
    }
}

/// One row of a legend.
#[derive(Clone, Debug, PartialEq)]
pub struct LegendRow {
    pub name: String,
    pub color: [u8; 3],
    pub pattern: FillPattern,
    pub visible: bool,
}

impl VectorStyle {
    /// The attribute colours come from.
    pub fn attribute(&self) -> Option<&str> {
        match &self.coloring {
            VectorColoring::Single { .. } => None,
            VectorColoring::Categories { attribute, .. }
            | VectorColoring::Graduated { attribute, .. } => Some(attribute),
        }
    }

    /// One row for each look, top first; a single look has one row without a name.
    pub fn legend(&self) -> Vec<LegendRow> {
        let row = |name: String, color, pattern, visible| LegendRow {
            name,
            color,
            pattern,
            visible,
        };
        match &self.coloring {
            VectorColoring::Single { color } => {
                vec![row(String::new(), *color, FillPattern::Solid, true)]
            }
            VectorColoring::Categories { entries, other, .. } => entries
                .iter()
                .map(|entry| {
                    row(
                        entry.name.clone(),
                        entry.color,
                        entry.pattern,
                        entry.visible,
                    )
                })
                .chain(other.map(|color| row("other".to_owned(), color, FillPattern::Solid, true)))
                .collect(),
            VectorColoring::Graduated { ramp, breaks, .. } => {
                let classes = breaks.len().saturating_sub(1);
                breaks
                    .windows(2)
                    .enumerate()
                    .map(|(index, pair)| {
                        let name = format!("{} – {}", short_number(pair[0]), short_number(pair[1]));
                        row(
                            name,
                            ramp_color(ramp, index, classes),
                            FillPattern::Solid,
                            true,
                        )
                    })
                    .collect()
            }
        }
    }

    /// For a freshly opened layer: its classes where one of the usual attributes holds a few, else one colour, another for
    /// each layer (`number` counts them).
    pub fn fresh(layer: &VectorLayer, number: usize) -> Self {
        let single = VectorColoring::Single {
            color: class_color((number % 16) as u8 + 1),
        };
        let usual = crate::legend::CLASS_ATTRIBUTES.iter().find_map(|name| {
            layer
                .columns
                .iter()
                .find(|column| column.name.eq_ignore_ascii_case(name))
        });
        let coloring = usual
            .and_then(|column| categories(layer, &column.name, &single).ok())
            .filter(|coloring| {
                matches!(coloring, VectorColoring::Categories { entries, .. }
                    if (2..=FEW_CATEGORIES).contains(&entries.len()))
            })
            .unwrap_or(single);
        Self {
            coloring,
            ..Self::default()
        }
    }
}

/// At most six digits, without a tail of zeros.
fn short_number(value: f64) -> String {
    if value != 0.0 && !(1e-3..1e7).contains(&value.abs()) {
        return format!("{value:.3e}");
    }
    let digits = if value == 0.0 {
        0.0
    } else {
        value.abs().log10().floor()
    };
    let text = format!("{value:.*}", (4.0 - digits).clamp(0.0, 6.0) as usize);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn ramp_color(name: &str, class: usize, classes: usize) -> [u8; 3] {
    let ramp = ramp(name);
    let at = if classes > 1 {
        class * 255 / (classes - 1)
    } else {
        200
    };
    ramp[at.min(255)]
}

/// The colour of class `index` of a legend (from 0) and its pattern: sixteen colours, then the same ones hatched.
fn house_look(index: usize) -> ([u8; 3], FillPattern) {
    let pattern = FillPattern::ALL[(index / 16) % FillPattern::ALL.len()];
    (class_color((index % 16) as u8 + 1), pattern)
}

/// One category for each value of an attribute. A known category keeps its look (`before`); else the file's `color`
/// attribute or the class table beside it wins over the house colours.
///
/// # Errors
/// No such attribute.
pub fn categories(
    layer: &VectorLayer,
    attribute: &str,
    before: &VectorColoring,
) -> SceneResult<VectorColoring> {
    let column = needed(layer, attribute)?;
    // The first feature of each value, in order of the values.
    let mut firsts: Vec<usize> = Vec::new();
    let mut seen: HashMap<Option<String>, ()> = HashMap::new();
    let mut is_cut = false;
    for feature in 0..layer.features() {
        let value = column.text(feature);
        if seen.contains_key(&value) {
            continue;
        }
        if seen.len() == MOST_CATEGORIES {
            is_cut = true;
            break;
        }
        seen.insert(value, ());
        firsts.push(feature);
    }
    firsts.sort_by(|a, b| column.compare(*a, *b));
    let known = match before {
        VectorColoring::Categories {
            attribute: same,
            entries,
            ..
        } if same == attribute => entries.as_slice(),
        _ => &[],
    };
    let colors = layer
        .columns
        .iter()
        .find(|column| ["color", "colour"].contains(&column.name.to_lowercase().as_str()));
    let beside = colors_beside(&layer.path);
    let mut entries = Vec::with_capacity(firsts.len());
    for feature in firsts {
        let value = column.text(feature);
        if let Some(entry) = known.iter().find(|entry| entry.value == value) {
            entries.push(entry.clone());
            continue;
        }
        let (house, pattern) = house_look(entries.len());
        let own = colors
            .and_then(|column| rgb_from_hex(&column.text(feature)?))
            .or_else(|| beside.get(value.as_deref()?).copied());
        let (color, pattern) = match (own, &value) {
            (Some(color), _) => (color, FillPattern::Solid),
            (None, None) => (OTHER_COLOR, FillPattern::Solid),
            (None, Some(_)) => (house, pattern),
        };
        entries.push(VectorCategory {
            name: value.clone().unwrap_or_else(|| "no value".to_owned()),
            value,
            color,
            pattern,
            visible: true,
        });
    }
    Ok(VectorColoring::Categories {
        attribute: attribute.to_owned(),
        entries,
        other: is_cut.then_some(OTHER_COLOR),
    })
}

/// Colours of the class table beside a file, by name and by number.
fn colors_beside(path: &Path) -> BTreeMap<String, [u8; 3]> {
    classes_beside(path)
        .into_iter()
        .filter_map(|class| {
            class
                .color
                .map(|color| [(class.name, color), (class.id.to_string(), color)])
        })
        .flatten()
        .collect()
}

fn needed<'a>(layer: &'a VectorLayer, attribute: &str) -> SceneResult<&'a VectorColumn> {
    layer.column(attribute).ok_or_else(|| {
        let listed: Vec<&str> = layer.columns.iter().map(|c| c.name.as_str()).collect();
        let has = if listed.is_empty() {
            "it has no attributes at all".to_owned()
        } else {
            format!("it has: {}", listed.join(", "))
        };
        SceneError::file(
            &layer.path,
            format!("there is no attribute {attribute} in this layer; {has}"),
        )
    })
}

/// Cuts a number into `classes` classes.
///
/// # Errors
/// No such attribute, or it holds no numbers.
pub fn graduated(
    layer: &VectorLayer,
    attribute: &str,
    graduation: Graduation,
    classes: usize,
    ramp: &str,
) -> SceneResult<VectorColoring> {
    let column = needed(layer, attribute)?;
    let mut values: Vec<f64> = (0..layer.features())
        .filter_map(|feature| column.number(feature))
        .collect();
    if values.is_empty() || !column.is_number() {
        return Err(SceneError::file(
            &layer.path,
            format!("the attribute {attribute} holds no numbers; colour it by category"),
        ));
    }
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[0], values[values.len() - 1]);
    let classes = classes.clamp(1, 64);
    let mut breaks: Vec<f64> = (0..=classes)
        .map(|index| match graduation {
            Graduation::EqualInterval => low + (high - low) * index as f64 / classes as f64,
            Graduation::Quantile => {
                // Linear between order statistics, as the usual definition has it.
                let place = (values.len() - 1) as f64 * index as f64 / classes as f64;
                let (below, share) = (place.floor() as usize, place.fract());
                let above = (below + 1).min(values.len() - 1);
                values[below] + (values[above] - values[below]) * share
            }
        })
        .collect();
    breaks.dedup();
    if breaks.len() == 1 {
        breaks.push(high);
    }
    Ok(VectorColoring::Graduated {
        attribute: attribute.to_owned(),
        graduation,
        ramp: ramp.to_owned(),
        breaks,
    })
}

/// A style applied to a layer: which row of the legend each feature has.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorLook {
    pub style: VectorStyle,
    /// Colour and pattern of each row.
    pub rows: Vec<([u8; 3], FillPattern)>,
    /// Row of each feature; `NOT_SHOWN` for those that are hidden.
    of_feature: Vec<u16>,
}

const NOT_SHOWN: u16 = u16::MAX;

impl VectorLook {
    /// Features whose attribute has no value in the legend are not shown, unless it has a colour for others.
    pub fn new(layer: &VectorLayer, style: &VectorStyle) -> Self {
        let rows: Vec<([u8; 3], FillPattern)> = style
            .legend()
            .iter()
            .map(|row| (row.color, row.pattern))
            .collect();
        let of_feature = match &style.coloring {
            VectorColoring::Single { .. } => vec![0; layer.features()],
            VectorColoring::Categories {
                attribute,
                entries,
                other,
            } => {
                let other = other.map_or(NOT_SHOWN, |_| entries.len() as u16);
                category_rows(layer, attribute, entries, other)
            }
            VectorColoring::Graduated {
                attribute, breaks, ..
            } => {
                let column = layer.column(attribute);
                (0..layer.features())
                    .map(|feature| {
                        column
                            .and_then(|column| column.number(feature))
                            .and_then(|value| class_of(value, breaks))
                            .map_or(NOT_SHOWN, |row| row as u16)
                    })
                    .collect()
            }
        };
        Self {
            style: style.clone(),
            rows,
            of_feature,
        }
    }

    /// Legend row of a feature; `None` = hidden.
    pub fn row(&self, feature: usize) -> Option<usize> {
        let row = *self.of_feature.get(feature)?;
        (row != NOT_SHOWN).then_some(row as usize)
    }

    /// Features on show for each row of the legend.
    pub fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.rows.len()];
        for row in &self.of_feature {
            if let Some(count) = counts.get_mut(usize::from(*row)) {
                *count += 1;
            }
        }
        counts
    }
}

fn category_rows(
    layer: &VectorLayer,
    attribute: &str,
    entries: &[VectorCategory],
    other: u16,
) -> Vec<u16> {
    let Some(column) = layer.column(attribute) else {
        return vec![other; layer.features()];
    };
    let rows: HashMap<Option<&str>, u16> = entries
        .iter()
        .enumerate()
        .map(|(row, entry)| {
            let row = if entry.visible { row as u16 } else { NOT_SHOWN };
            (entry.value.as_deref(), row)
        })
        .collect();
    (0..layer.features())
        .map(|feature| match &column.values {
            // Texts need no copy.
            ColumnValues::Text(values) => {
                let value = values.get(feature).and_then(Option::as_deref);
                rows.get(&value).copied().unwrap_or(other)
            }
            _ => rows
                .get(&column.text(feature).as_deref())
                .copied()
                .unwrap_or(other),
        })
        .collect()
}

/// Class of a value: each holds its lower limit, the last one both.
fn class_of(value: f64, breaks: &[f64]) -> Option<usize> {
    let (low, high) = (*breaks.first()?, *breaks.last()?);
    if breaks.len() < 2 || value < low || value > high {
        return None;
    }
    let above = breaks.partition_point(|limit| *limit <= value);
    Some((above.max(1) - 1).min(breaks.len() - 2))
}

#[cfg(test)]
#[path = "vector_style_tests.rs"]
mod tests;
