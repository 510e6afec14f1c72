//! Pictures of layers: alone, in part, over each other, and what is said of those that are not there.

use std::path::Path;

use super::*;
use crate::made_raster::{Made, open};
use crate::{LayerId, Stretch, render_still_blocking};

const TRANSFORM: [f64; 6] = [500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0];

/// A raster of 40 x 30 pixels whose values tell their place, on the ground from `col` pixels east of the first one's.
fn raster(folder: &Path, name: &str, col: f64) -> Raster {
    let values: Vec<u8> = (0..1200).map(|at| (at * 7 % 251) as u8).collect();
    let mut made = Made::new((40, 30), vec![values]);
    let mut transform = TRANSFORM;
    transform[0] += 10.0 * col;
    made.transform = Some(transform);
    open(&made.write(folder, name))
}

fn grays() -> Style {
    let stretch = Stretch {
        low: 0.0,
        high: 255.0,
        gamma: 1.0,
    };
    Style::gray(0, stretch, "grays")
}

fn layer(raster: &Raster) -> Layer {
    Layer {
        id: LayerId(0),
        name: "a scene".to_owned(),
        source: LayerSource::Raster {
            path: raster.info().path.clone(),
            info: Some(Arc::new(raster.info().clone())),
        },
        style: Some(grays()),
        visible: true,
        opacity: 1.0,
        blend: Blend::Normal,
        missing_color: None,
        edited_wavelengths: Vec::new(),
        attribution: None,
    }
}

fn order<'a>(map_crs: Option<&'a Crs>, bounds: Option<MapRect>) -> ViewOrder<'a> {
    ViewOrder {
        map_crs,
        bounds,
        max_width: 64,
        max_height: 64,
        may_enlarge: false,
    }
}

fn pixel(still: &Still, col: usize, row: usize) -> [u8; 4] {
    let at = 4 * (row * still.width + col);
    still.rgba[at..at + 4].try_into().expect("four bytes")
}

#[test]
fn one_layer_looks_as_its_raster_does() {
    let folder = tempfile::tempdir().expect("folder");
    let raster = raster(folder.path(), "a.tif", 0.0);
    let mut document = Document::default();
    document.add_layer(layer(&raster));
    for crs in [None, Some(Crs::parse("EPSG:3857").expect("known"))] {
        let view = render_view_blocking(&document, &order(crs.as_ref(), None)).expect("drawn");
        let alone = render_still_blocking(&raster, &grays(), None, crs.as_ref(), 64, 64);
        let alone = alone.expect("drawn");
        assert_eq!(
            (view.still.width, view.still.height),
            (alone.width, alone.height)
        );
        assert_eq!(view.still.rgba, alone.rgba);
        assert_eq!(view.still.extent, alone.extent);
        assert!(view.left_out.is_empty());
    }
}

#[test]
fn a_part_is_cut_out_of_the_whole() {
    let folder = tempfile::tempdir().expect("folder");
    let raster = raster(folder.path(), "a.tif", 0.0);
    let mut document = Document::default();
    document.add_layer(layer(&raster));
    let whole = render_view_blocking(&document, &order(None, None)).expect("drawn");
    // Eight pixels from the fifth on, and four beyond the lower edge.
    let bounds = MapRect {
        min_x: 500_050.0,
        max_x: 500_130.0,
        min_y: 3_999_660.0,
        max_y: 3_999_800.0,
    };
    let part = render_view_blocking(&document, &order(None, Some(bounds))).expect("drawn");
    assert_eq!((part.still.width, part.still.height), (8, 14));
    assert_eq!(part.still.extent, Some(bounds));
    for row in 0..14 {
        for col in 0..8 {
            let expected = if row < 10 {
                pixel(&whole.still, 5 + col, 20 + row)
            } else {
                [0; 4]
            };
            assert_eq!(pixel(&part.still, col, row), expected, "{col}, {row}");
        }
    }
    // Enlarged, every pixel is a square.
    let large = ViewOrder {
        may_enlarge: true,
        ..order(None, Some(bounds))
    };
    let large = render_view_blocking(&document, &large).expect("drawn");
    assert_eq!((large.still.width, large.still.height), (37, 64));
    assert_eq!(pixel(&large.still, 0, 0), pixel(&part.still, 0, 0));
    assert_eq!(pixel(&large.still, 36, 44), pixel(&part.still, 7, 9));

    let mut elsewhere = bounds;
    elsewhere.min_x += 1e6;
    elsewhere.max_x += 1e6;
    let refused = render_view_blocking(&document, &order(None, Some(elsewhere)));
    let words = refused.err().expect("refused").to_string();
    assert!(
        words.contains("nothing that is visible lies there"),
        "{words}"
    );
}

#[test]
fn layers_join_by_order_opacity_and_blend() {
    let folder = tempfile::tempdir().expect("folder");
    let (west, east) = (
        raster(folder.path(), "west.tif", 0.0),
        raster(folder.path(), "east.tif", 20.0),
    );
    let mut document = Document::default();
    document.add_layer(layer(&west));
    let mut above = layer(&east);
    above.opacity = 0.25;
    document.add_layer(above);
    let mut unseen = layer(&west);
    unseen.visible = false;
    document.add_layer(unseen);
    let gray = |col: usize, row: usize| ((row * 40 + col) * 7 % 251) as f32;
    for blend in [Blend::Normal, Blend::Multiply, Blend::Screen] {
        let at = document.layers[1].id;
        document.layer_mut(at).expect("there").blend = blend;
        let view = render_view_blocking(&document, &order(None, None)).expect("drawn");
        assert_eq!((view.still.width, view.still.height), (60, 30));
        for (col, row) in [(3, 4), (25, 7), (39, 29), (50, 11)] {
            let found = pixel(&view.still, col, row);
            let expected = if col < 20 {
                (gray(col, row), 255.0)
            } else if col < 40 {
                let (above, below) = (gray(col - 20, row) / 255.0, gray(col, row) / 255.0);
                let mixed = match blend {
                    Blend::Multiply => above * below,
                    Blend::Screen => above + below - above * below,
                    _ => above,
                };
                (255.0 * (0.25 * mixed + 0.75 * below), 255.0)
            } else {
                (gray(col - 20, row), 64.0)
            };
            assert!(
                (f32::from(found[0]) - expected.0).abs() <= 1.01,
                "{blend:?} {col}, {row}: {found:?} {expected:?}"
            );
            assert_eq!(f32::from(found[3]), expected.1);
        }
    }
}

#[test]
fn labels_lie_in_the_colours_of_their_classes() {
    let folder = tempfile::tempdir().expect("folder");
    let raster = raster(folder.path(), "a.tif", 0.0);
    let mut document = Document::default();
    document.add_layer(layer(&raster));
    let mut labels = Labels::new(raster.info().grid.clone());
    let class = labels.add_class("water").expect("a class");
    labels.recolor_class(class, [10, 200, 30]);
    labels.paint_stroke((8.5, 9.5), (8.5, 9.5), 1.0, class, false);
    document.labels = Some(labels);
    let mut above = layer(&raster);
    (above.source, above.style) = (LayerSource::Labels, None);
    document.add_layer(above);
    let view = render_view_blocking(&document, &order(None, None)).expect("drawn");
    assert_eq!(pixel(&view.still, 8, 9), [10, 200, 30, 255]);
    let beside = pixel(&view.still, 20, 20);
    assert_eq!(beside[0], beside[1], "{beside:?}");
}

#[test]
fn what_cannot_be_drawn_is_named() {
    let folder = tempfile::tempdir().expect("folder");
    let raster = raster(folder.path(), "a.tif", 0.0);
    let mut document = Document::default();
    let refused = render_view_blocking(&document, &order(None, None));
    let words = refused.err().expect("refused").to_string();
    assert!(words.contains("no layer is visible"), "{words}");
    document.add_layer(layer(&raster));
    let mut gone = layer(&raster);
    gone.name = "last year".to_owned();
    gone.source = LayerSource::Raster {
        path: folder.path().join("gone.tif"),
        info: None,
    };
    document.add_layer(gone);
    let view = render_view_blocking(&document, &order(None, None)).expect("drawn");
    assert_eq!(view.left_out.len(), 1);
    assert!(
        view.left_out[0].starts_with("last year: "),
        "{:?}",
        view.left_out
    );
    assert!(view.left_out[0].contains("gone.tif"), "{:?}", view.left_out);
}

#[test]
fn shapes_cover_the_picture_by_their_opacity() {
    let mut under = vec![100, 100, 100, 255, 0, 0, 0, 0];
    let drawn = straight(vec![100, 0, 0, 128, 0, 64, 0, 64]);
    lay_over(&mut under, &drawn, 1.0, Blend::Normal);
    assert_eq!(under, [150, 50, 50, 255, 0, 255, 0, 64]);
}
