//! Whatever raster lies however under whatever view: its tiles cover every point of it once.

use proptest::prelude::*;
use terroir_scene::{GeoTransform, Georef};

use super::Viewport;
use super::placement::Placement;
use super::tiles::Pyramid;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn every_point_of_the_raster_in_the_view_lies_in_one_tile(
        size in (1_usize..60_000, 1_usize..60_000),
        angle in 0.0_f64..std::f64::consts::TAU,
        pixel_size in (0.01_f64..5000.0, 0.5_f64..2.0),
        is_flipped: bool,
        center in (-0.2_f64..1.2, -0.2_f64..1.2),
        zoom in -3.0_f64..9.0,
        screen in (50.0_f32..1000.0, 50.0_f32..700.0),
        points in proptest::collection::vec((0.0_f32..1.0, 0.0_f32..1.0), 40),
    ) {
        let (width, height) = size;
        let (sin, cos) = angle.sin_cos();
        let across = pixel_size.0;
        let down = pixel_size.0 * pixel_size.1 * if is_flipped { 1.0 } else { -1.0 };
        let georef = Georef {
            transform: Some(GeoTransform([
                500_000.0, across * cos, -down * sin, 4_000_000.0, across * sin, down * cos,
            ])),
            ..Georef::default()
        };
        let place = Placement::new(&georef, None).unwrap();
        let at = place
            .map_from_pixel(center.0 * width as f64, center.1 * height as f64)
            .unwrap();
        // A view of a few screens' worth of tiles at most, as zooming out ends at the whole raster.
        let most = (width.max(height) as f64 / 50.0).max(1.0).log2();
        let view = Viewport {
            center: at,
            units_per_point: across * zoom.min(most).exp2(),
            size: screen,
        };
        let pyramid = Pyramid::new(width, height);
        let pixel = place.pixel_size_near(view.center, width, height).unwrap();
        let level = pyramid.level_for(view.units_per_point / pixel);
        let rect = view.rect();
        let tiles = pyramid.tiles_seen(level, usize::MAX, |tile| {
            place.mesh(pyramid.pixels(tile), 0.25 * view.units_per_point).touches(&rect)
        });
        prop_assert!(tiles.iter().all(|tile| tile.level == level && pyramid.contains(*tile)));
        for (x, y) in points {
            let map = view.map_from_point((x * screen.0, y * screen.1));
            let (col, row) = place.pixel_from_map(map.0, map.1).unwrap();
            let is_inside =
                col >= 0.0 && row >= 0.0 && col < width as f64 && row < height as f64;
            let holding = tiles
                .iter()
                .filter(|tile| {
                    let pixels = pyramid.pixels(**tile);
                    col >= pixels.left as f64
                        && col < pixels.right as f64
                        && row >= pixels.top as f64
                        && row < pixels.bottom as f64
                })
                .count();
            prop_assert_eq!(holding, usize::from(is_inside), "pixel {}, {}", col, row);
        }
    }

    /// What is read for a tile holds what it shows, and no more than the border around it.
    #[test]
    fn windows_hold_their_tiles(
        width in 1_usize..60_000,
        height in 1_usize..60_000,
        level in 0_u8..9,
        place in (0.0_f64..1.0, 0.0_f64..1.0),
    ) {
        let pyramid = Pyramid::new(width, height);
        let level = level.min(pyramid.top_level());
        let span = super::tiles::TILE << level;
        let tile = super::tiles::TileId {
            level,
            col: (place.0 * width.div_ceil(span) as f64) as u32,
            row: (place.1 * height.div_ceil(span) as f64) as u32,
        };
        prop_assume!(pyramid.contains(tile));
        let (pixels, read) = (pyramid.pixels(tile), pyramid.read(tile));
        let window = read.window;
        prop_assert!(window.col <= pixels.left && window.end_col() >= pixels.right);
        prop_assert!(window.row <= pixels.top && window.end_row() >= pixels.bottom);
        prop_assert!(window.end_col() <= width && window.end_row() <= height);
        let step = 1 << level;
        prop_assert!(window.width <= pixels.right - pixels.left + 2 * step);
        prop_assert!(window.height <= pixels.bottom - pixels.top + 2 * step);
        prop_assert_eq!(read.out_width, window.width.div_ceil(step));
        prop_assert_eq!(read.out_height, window.height.div_ceil(step));
    }
}
