//! Tests of `vector_picture`.

use std::sync::Arc;

use super::*;
use crate::{
    ShapeStore, VectorColoring, VectorLayer, VectorStyle, is_inside, place_vectors_blocking,
};

const SIDE: u32 = 64;

fn frame() -> PictureFrame {
    PictureFrame {
        left: 0.0,
        top: 64.0,
        units_per_pixel: 1.0,
        width: SIDE,
        height: SIDE,
        pixels_per_point: 1.0,
    }
}

fn layer(parts: &[(PartKind, Vec<Vec<[f64; 2]>>)]) -> VectorLayer {
    let mut shapes = ShapeStore::default();
    for (kind, rings) in parts {
        shapes.add_part(*kind, rings);
        shapes.end_feature();
    }
    VectorLayer {
        path: "made.gpkg".into(),
        table: "made".to_owned(),
        driver: "GPKG".to_owned(),
        crs: None,
        geometry: "Unknown".to_owned(),
        ids: (0..shapes.features() as i64).collect(),
        shapes: Arc::new(shapes),
        columns: Vec::new(),
        empty: 0,
        broken: 0,
        notes: Vec::new(),
    }
}

fn style(line_width: f32, fill_opacity: f32) -> VectorStyle {
    VectorStyle {
        coloring: VectorColoring::Single {
            color: [200, 100, 50],
        },
        line_width,
        fill_opacity,
        ..VectorStyle::default()
    }
}

fn draw(layer: &VectorLayer, style: &VectorStyle, frame: &PictureFrame) -> Vec<u8> {
    let stop = AtomicBool::new(false);
    let placed = place_vectors_blocking(layer, None, &stop).unwrap();
    let look = VectorLook::new(layer, style);
    draw_vectors(&placed, &look, frame, Shown::All, &stop).unwrap()
}

fn alpha(picture: &[u8], x: usize, y: usize) -> u8 {
    picture[4 * (y * SIDE as usize + x) + 3]
}

/// Pixels that differ visibly. Where an edge is cut, its slope in the drawing's own fixed-point numbers changes a little.
fn differing(a: &[u8], b: &[u8]) -> usize {
    assert_eq!(a.len(), b.len());
    let is_off = |(a, b): (&[u8], &[u8])| a.iter().zip(b).any(|(a, b)| a.abs_diff(*b) > 24);
    a.chunks_exact(4)
        .zip(b.chunks_exact(4))
        .filter(|pair| is_off(*pair))
        .count()
}

fn square(x: f64, y: f64, side: f64) -> Vec<[f64; 2]> {
    vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side]]
}

/// Pixels whose centre is inside are filled, those outside are not; the hole stays empty.
#[test]
fn polygons_are_filled_where_their_pixels_are_inside() {
    let rings = vec![
        vec![[5.3, 4.1], [60.2, 10.7], [50.9, 58.4], [9.6, 49.2]],
        square(20.0, 20.0, 15.0),
    ];
    let layer = layer(&[(PartKind::Polygon, rings.clone())]);
    let picture = draw(&layer, &style(0.0, 1.0), &frame());
    let mut inside = 0;
    for y in 0..SIDE as usize {
        for x in 0..SIDE as usize {
            let center = [x as f64 + 0.5, 64.0 - y as f64 - 0.5];
            let is_in = |at: [f64; 2]| is_inside(rings.iter().map(Vec::as_slice), at);
            let corners = [-0.6, 0.0, 0.6]
                .into_iter()
                .flat_map(|dx| [-0.6, 0.0, 0.6].map(|dy| [center[0] + dx, center[1] + dy]))
                .map(is_in);
            let here = is_in(center);
            // Pixels an edge runs through are partly covered.
            if corners.into_iter().any(|other| other != here) {
                continue;
            }
            inside += usize::from(here);
            assert_eq!(alpha(&picture, x, y), if here { 255 } else { 0 }, "{x} {y}");
        }
    }
    assert!(inside > 1000);
}

/// However far a shape reaches beyond the picture, what is inside looks the same.
#[test]
fn far_reaching_shapes_are_cut_without_a_trace() {
    let near = layer(&[(PartKind::Polygon, vec![square(-20.0, 10.0, 50.0)])]);
    let far = vec![[-3e7, 10.0], [30.0, 10.0], [30.0, 60.0], [-3e7, 60.0]];
    let far = layer(&[(PartKind::Polygon, vec![far])]);
    let (near, far) = (
        draw(&near, &style(3.0, 0.5), &frame()),
        draw(&far, &style(3.0, 0.5), &frame()),
    );
    assert_eq!(differing(&near, &far), 0);
    let near = layer(&[(
        PartKind::Line,
        vec![vec![[-64.0, 0.0], [64.0, 64.0], [64.0, 200.0]]],
    )]);
    let far = vec![[-6.4e6, -3.199_968e6], [64.0, 64.0], [64.0, 9e6]];
    let far = layer(&[(PartKind::Line, vec![far])]);
    let (near, far) = (
        draw(&near, &style(3.0, 0.5), &frame()),
        draw(&far, &style(3.0, 0.5), &frame()),
    );
    assert_eq!(differing(&near, &far), 0);
}

/// Pictures side by side show what one large picture shows.
#[test]
fn tiles_fit_together() {
    let rings = vec![vec![[2.0, 3.0], [61.0, 20.0], [40.0, 62.0], [11.0, 33.0]]];
    let layer = layer(&[
        (PartKind::Polygon, rings),
        (PartKind::Point, vec![vec![[32.0, 32.0]]]),
    ]);
    let style = style(2.0, 0.5);
    let whole = draw(&layer, &style, &frame());
    let half = PictureFrame {
        left: 32.0,
        width: 32,
        ..frame()
    };
    let right = draw(&layer, &style, &half);
    for y in 0..SIDE as usize {
        let line = &whole[4 * (y * 64 + 32)..4 * (y * 64 + 64)];
        let other = &right[4 * y * 32..4 * (y + 1) * 32];
        assert_eq!(differing(line, other), 0, "row {y}");
    }
}

#[test]
fn every_symbol_lies_around_its_point() {
    for symbol in PointSymbol::ALL {
        let layer = layer(&[(PartKind::Point, vec![vec![[20.5, 40.5]]])]);
        let style = VectorStyle {
            symbol,
            symbol_size: 12.0,
            ..style(2.0, 1.0)
        };
        let picture = draw(&layer, &style, &frame());
        assert_eq!(alpha(&picture, 20, 23), 255, "{symbol:?}");
        let (mut sum, mut x_sum) = (0.0, 0.0);
        for y in 0..64 {
            for x in 0..64 {
                let a = f64::from(alpha(&picture, x, y));
                sum += a;
                x_sum += a * (x as f64 + 0.5);
            }
        }
        assert!((x_sum / sum - 20.5).abs() < 0.1, "{symbol:?}");
    }
}

#[test]
fn patterns_leave_gaps_and_shapes_without_size_stay_visible() {
    let layer = layer(&[(PartKind::Polygon, vec![square(0.0, 0.0, 64.0)])]);
    for pattern in FillPattern::ALL {
        let stop = AtomicBool::new(false);
        let placed = place_vectors_blocking(&layer, None, &stop).unwrap();
        let mut look = VectorLook::new(&layer, &style(0.0, 0.5));
        look.rows[0].1 = pattern;
        let picture = draw_vectors(&placed, &look, &frame(), Shown::All, &stop).unwrap();
        let alphas: Vec<u8> = picture.chunks_exact(4).map(|pixel| pixel[3]).collect();
        let (least, most) = (alphas.iter().min().unwrap(), alphas.iter().max().unwrap());
        assert_eq!(
            pattern == FillPattern::Solid,
            most - least < 3,
            "{pattern:?}"
        );
    }
    let far_out = PictureFrame {
        units_per_pixel: 1000.0,
        left: -32_000.0,
        top: 32_000.0,
        ..frame()
    };
    let picture = draw(&layer, &style(1.0, 0.5), &far_out);
    assert!(picture.iter().any(|byte| *byte > 0));
}

#[test]
fn a_stopped_drawing_is_none() {
    let layer = layer(&[(PartKind::Point, vec![vec![[1.0, 1.0]]])]);
    let placed = place_vectors_blocking(&layer, None, &AtomicBool::new(false)).unwrap();
    let look = VectorLook::new(&layer, &style(1.0, 1.0));
    let stop = AtomicBool::new(true);
    assert!(draw_vectors(&placed, &look, &frame(), Shown::All, &stop).is_none());
}
