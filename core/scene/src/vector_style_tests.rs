//! Tests of `vector_style`.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{ColumnKind, PartKind, ShapeStore};

fn layer(columns: Vec<VectorColumn>, features: usize) -> VectorLayer {
    let mut shapes = ShapeStore::default();
    for feature in 0..features {
        shapes.add_part(PartKind::Point, &[[[feature as f64, 0.0]]]);
        shapes.end_feature();
    }
    VectorLayer {
        path: "/no/such/folder/made.gpkg".into(),
        table: "made".to_owned(),
        driver: "GPKG".to_owned(),
        crs: None,
        geometry: "Point".to_owned(),
        shapes: Arc::new(shapes),
        ids: (0..features as i64).collect(),
        columns,
        empty: 0,
        broken: 0,
        notes: Vec::new(),
    }
}

fn text(name: &str, values: &[Option<&str>]) -> VectorColumn {
    VectorColumn {
        name: name.to_owned(),
        kind: ColumnKind::Text,
        values: ColumnValues::Text(values.iter().map(|v| v.map(Arc::from)).collect()),
    }
}

fn real(name: &str, values: &[Option<f64>]) -> VectorColumn {
    VectorColumn {
        name: name.to_owned(),
        kind: ColumnKind::Real,
        values: ColumnValues::Real(values.to_vec()),
    }
}

fn plain() -> VectorColoring {
    VectorColoring::Single { color: [1, 2, 3] }
}

#[test]
fn categories_sort_and_take_imported_colours() {
    let values = [Some("wheat"), Some("maize"), None, Some("wheat")];
    let colors = [Some("#102030"), None, None, Some("#999999")];
    let layer = layer(vec![text("crop", &values), text("color", &colors)], 4);
    let VectorColoring::Categories { entries, other, .. } =
        categories(&layer, "crop", &plain()).unwrap()
    else {
        panic!("no categories");
    };
    let names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["maize", "wheat", "no value"]);
    assert_eq!(entries[0].color, class_color(1));
    assert_eq!(
        entries[1].color,
        [0x10, 0x20, 0x30],
        "the file's own colour"
    );
    assert_eq!((entries[2].color, other), (OTHER_COLOR, None));
    let style = VectorStyle {
        coloring: categories(&layer, "crop", &plain()).unwrap(),
        ..VectorStyle::default()
    };
    assert_eq!(VectorLook::new(&layer, &style).counts(), [1, 2, 1]);
    let error = categories(&layer, "kind", &plain()).unwrap_err();
    assert!(error.to_string().contains("crop, color"), "{error}");
}

#[test]
fn beyond_sixteen_classes_patterns_tell_them_apart() {
    let names: Vec<String> = (0..40).map(|index| format!("{index:02}")).collect();
    let values: Vec<Option<&str>> = names.iter().map(|name| Some(name.as_str())).collect();
    let layer = layer(vec![text("class", &values)], 40);
    let VectorColoring::Categories { entries, .. } = categories(&layer, "class", &plain()).unwrap()
    else {
        panic!("no categories");
    };
    let mut looks: Vec<_> = entries
        .iter()
        .map(|entry| (entry.color, entry.pattern.name()))
        .collect();
    looks.sort_unstable();
    looks.dedup();
    assert_eq!(looks.len(), 40);
    assert_eq!(entries[16].color, entries[0].color);
    // So many classes are not drawn unasked.
    assert!(matches!(
        VectorStyle::fresh(&layer, 0).coloring,
        VectorColoring::Single { .. }
    ));
}

#[test]
fn hidden_categories_are_not_shown() {
    let layer = layer(vec![text("crop", &[Some("a"), Some("b")])], 2);
    let mut style = VectorStyle {
        coloring: categories(&layer, "crop", &plain()).unwrap(),
        ..VectorStyle::default()
    };
    if let VectorColoring::Categories { entries, .. } = &mut style.coloring {
        entries[1].visible = false;
    }
    let look = VectorLook::new(&layer, &style);
    assert_eq!((look.row(0), look.row(1)), (Some(0), None));
}

#[test]
fn quantiles_hold_equal_counts_and_intervals_equal_widths() {
    let values: Vec<Option<f64>> = (0..100).map(|v| Some(f64::from(v * v))).collect();
    let layer = layer(vec![real("area", &values)], 100);
    let style = |graduation| VectorStyle {
        coloring: graduated(&layer, "area", graduation, 4, "viridis").unwrap(),
        ..VectorStyle::default()
    };
    let quantiles = VectorLook::new(&layer, &style(Graduation::Quantile)).counts();
    assert_eq!(quantiles, [25, 25, 25, 25]);
    let VectorColoring::Graduated { breaks, .. } = style(Graduation::EqualInterval).coloring else {
        panic!("not graduated");
    };
    assert_eq!(breaks, [0.0, 2450.25, 4900.5, 7350.75, 9801.0]);
}

#[test]
fn a_constant_number_is_one_class() {
    let layer = layer(vec![real("area", &[Some(2.0), Some(2.0), None])], 3);
    let style = VectorStyle {
        coloring: graduated(&layer, "area", Graduation::Quantile, 5, "viridis").unwrap(),
        ..VectorStyle::default()
    };
    let look = VectorLook::new(&layer, &style);
    assert_eq!(look.counts(), [2]);
    assert_eq!(look.row(2), None);
}

#[test]
fn numbers_of_a_legend_are_short() {
    for (value, expected) in [
        (0.0, "0"),
        (2450.25, "2450.2"),
        (0.123_456_7, "0.12346"),
        (12.0, "12"),
        (-3.5, "-3.5"),
        (123_456_789.0, "1.235e8"),
    ] {
        assert_eq!(short_number(value), expected);
    }
}

proptest! {
    /// Every value between the first and the last limit has exactly the class whose limits surround it.
    #[test]
    fn classes_cover_their_range(value in 0.0..10.0_f64, mut limits in proptest::collection::vec(0.0..10.0_f64, 2..8)) {
        limits.sort_by(f64::total_cmp);
        limits.dedup();
        prop_assume!(limits.len() > 1);
        let (low, high) = (limits[0], limits[limits.len() - 1]);
        match class_of(value, &limits) {
            None => prop_assert!(value < low || value > high),
            Some(class) => {
                prop_assert!(limits[class] <= value);
                prop_assert!(value < limits[class + 1] || (value == high && class + 2 == limits.len()));
            }
        }
    }
}
