//! Similarity searches against goldens, real fields and brute force.

use super::*;
use crate::field::tests::{golden, numbers, points, raw, shared};
use crate::{decode_pixel, encode_pixel, similarity};

fn unit(first: f32, second: f32) -> [f32; FIELD_AXES] {
    let mut vector = [0.0; FIELD_AXES];
    (vector[0], vector[1]) = (first, second);
    decode_pixel(&encode_pixel(&vector)).unwrap()
}

#[test]
fn projects_with_one_reference_still_open() {
    let vector = unit(1.0, 0.5).to_vec();
    let old = serde_json::json!({"kind": "field_similarity", "reference": vector, "low": 0.1, "high": 0.9});
    let style: crate::Style = serde_json::from_value(old).unwrap();
    let crate::Style::FieldSimilarity(found) = &style else {
        panic!("{style:?}");
    };
    assert_eq!(found.examples, [Example::pixel(vector, None)]);
    assert_eq!((found.low, found.high, found.threshold), (0.1, 0.9, 0.9));
    let again: crate::Style =
        serde_json::from_value(serde_json::to_value(&style).unwrap()).unwrap();
    assert_eq!(again, style);
}

#[test]
fn real_points_come_in_the_golden_order() {
    let Some((golden, rows)) = golden("aef/similarity_kmeans_iowa.json").zip(points("iowa_ag"))
    else {
        return;
    };
    let pixels = rows.len();
    let codes: Vec<i8> = (0..FIELD_AXES)
        .flat_map(|axis| rows.iter().map(move |(_, codes)| codes[axis]))
        .collect();
    let units: Vec<Vec<f32>> = rows[..3]
        .iter()
        .map(|(_, codes)| decode_pixel(codes).unwrap().to_vec())
        .collect();
    let forms = SimilarityForms::new(Combine::Mean, units.iter().map(Vec::as_slice));
    let values = forms.values(&codes, pixels);
    let mut ranked: Vec<usize> = (0..pixels).collect();
    ranked.sort_by(|a, b| values[*b].total_cmp(&values[*a]));
    let order: Vec<f64> = ranked[..10].iter().map(|row| *row as f64).collect();
    assert_eq!(
        order,
        numbers(&golden["similarity_mean_of_dots_rows_0_1_2_top10"])
    );
    for (row, expected) in ranked
        .iter()
        .zip(numbers(&golden["similarity_top10_value"]))
    {
        assert!((f64::from(values[*row]) - expected).abs() < 1e-5);
    }
    // Any of the examples: each is most like itself.
    let any = SimilarityForms::new(Combine::Max, units.iter().map(Vec::as_slice));
    let any = any.values(&codes, pixels);
    assert!(any[..3].iter().all(|value| (value - 1.0).abs() < 1e-5));
    assert!(
        any.iter()
            .zip(&values)
            .all(|(any, mean)| *any >= mean - 1e-5)
    );
}

#[test]
fn wrong_readings_give_other_cosines() {
    let Some((golden, rows)) = golden("aef/wrong_readings.json").zip(points("iowa_ag")) else {
        return;
    };
    let dots = |vector: &dyn Fn(&[i8; FIELD_AXES]) -> [f32; FIELD_AXES]| -> Vec<f64> {
        let unit = |row: usize| {
            let vector = vector(&rows[row].1).map(f64::from);
            let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
            vector.map(|value| value / length)
        };
        golden["pairs"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pair| {
                let pair = numbers(pair);
                let (a, b) = (unit(pair[0] as usize), unit(pair[1] as usize));
                a.iter().zip(&b).map(|(a, b)| a * b).sum()
            })
            .collect()
    };
    let close = |found: &[f64], key: &str| {
        let expected = numbers(&golden[key]);
        found
            .iter()
            .zip(&expected)
            .all(|(a, b)| (a - b).abs() < 1e-6)
            && found.len() == expected.len()
    };
    let right = dots(&|codes| raw(codes));
    assert!(close(&right, "right_dequantised"), "{right:?}");
    assert!(close(
        &dots(&|codes| codes.map(f32::from)),
        "wrong_raw_codes"
    ));
    let unsigned = dots(&|codes| codes.map(|code| f32::from(code.cast_unsigned())));
    assert!(close(&unsigned, "wrong_unsigned_bytes"));
    // What the program computes is the right one, and none of the wrong ones.
    for (pair, (right, raw_codes)) in golden["pairs"]
        .as_array()
        .unwrap()
        .iter()
        .zip(right.iter().zip(numbers(&golden["wrong_raw_codes"])))
    {
        let pair = numbers(pair);
        let ours = |row: f64| decode_pixel(&rows[row as usize].1).unwrap();
        let ours = f64::from(similarity(&ours(pair[0]), &ours(pair[1])));
        assert!((ours - right).abs() < 1e-5);
        assert!((ours - raw_codes).abs() > 5e-3);
    }
}

#[test]
fn missing_pixels_are_like_nothing() {
    let codes_of = |pixels: &[[i8; FIELD_AXES]]| -> Vec<i8> {
        (0..FIELD_AXES)
            .flat_map(|axis| pixels.iter().map(move |pixel| pixel[axis]))
            .collect()
    };
    let along = encode_pixel(&unit(1.0, 0.0));
    let mut holed = along;
    holed[40] = FIELD_NODATA;
    let codes = codes_of(&[along, holed, [0; FIELD_AXES], encode_pixel(&unit(0.0, 1.0))]);
    let example = unit(1.0, 0.0);
    let forms = SimilarityForms::new(Combine::Mean, std::iter::once(example.as_slice()));
    let values = forms.values(&codes, 4);
    assert!((values[0] - 1.0).abs() < 1e-6 && values[1].is_nan() && values[2].is_nan());
    assert!(values[3].abs() < 1e-6);
    let none = SimilarityForms::new(Combine::Max, std::iter::empty());
    assert!(none.values(&codes, 4).iter().all(|value| value.is_nan()));
}

#[test]
fn an_area_is_its_mean_and_a_place_its_pixel() {
    let Some(folder) = shared("data/aef") else {
        return;
    };
    let field = Raster::open(&folder.join("layout_iowa_ag_y1_bottomup.tif")).unwrap();
    let grid = &field.info().grid;
    let corner = |col: f64, row: f64| grid.transform().map_from_pixel(col, row);
    let rings: Rings = vec![vec![
        corner(40.0, 50.0),
        corner(43.0, 50.0),
        corner(43.0, 52.0),
        corner(40.0, 52.0),
    ]];
    let area = example_of_area_blocking(&field, &rings, &|| true).unwrap();
    assert_eq!(area.pixels, 6);
    let mut sum = [0.0f64; FIELD_AXES];
    for (col, row) in (40..43).flat_map(|col| (50..52).map(move |row| (col, row))) {
        let at = corner(col as f64 + 0.5, row as f64 + 0.5);
        let pixel = example_at_blocking(&field, at).unwrap();
        for (sum, value) in sum.iter_mut().zip(&pixel.vector) {
            *sum += f64::from(*value) / 6.0;
        }
    }
    let length = sum.iter().map(|value| value * value).sum::<f64>().sqrt();
    assert!((f64::from(area.coherence) - length).abs() < 1e-6 && length < 1.0);
    for (mean, sum) in area.vector.iter().zip(&sum) {
        assert!((f64::from(*mean) - sum / length).abs() < 1e-6);
    }
    let mut edge = edge_pixels(grid, &rings);
    edge.sort_unstable();
    assert_eq!(
        edge,
        [(40, 50), (40, 51), (41, 50), (41, 51), (42, 50), (42, 51)]
    );
    let outside = example_at_blocking(&field, corner(-5.0, 3.0)).unwrap_err();
    assert!(
        outside.to_string().contains("outside the field"),
        "{outside}"
    );
    let missing = example_of_area_blocking(
        &field,
        &vec![vec![
            corner(-9.0, -9.0),
            corner(-5.0, -9.0),
            corner(-5.0, -5.0),
        ]],
        &|| true,
    );
    assert!(missing.is_err());
}
