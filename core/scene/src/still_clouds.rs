//! Clouds out of a picture: makes transparent what a mask hides, in a picture of a whole raster drawn by `still.rs`.

use crate::{
    Crs, Grid, MaskSource, Place, Raster, SceneResult, Still, extent_in_map, hidden_pixels_blocking,
};

/// Makes what `mask` hides of the raster of `grid` look as if it had no value, in a picture of it drawn in `map_crs` or the
/// raster's own reference system: transparent, or in the colour `missing`.
///
/// # Errors
/// The mask cannot be read or has another coordinate system; no way to `map_crs`.
pub fn hide_in_still_blocking(
    mask: &MaskSource,
    grid: &Grid,
    map_crs: Option<&Crs>,
    missing: Option<[u8; 3]>,
    still: &mut Still,
) -> SceneResult<()> {
    let place = Place::new(grid, map_crs.or(grid.georef.ground_crs()))?;
    // As fine as the picture, and never finer than the raster.
    let (width, height) = (still.width.max(1), still.height.max(1));
    let side = width.max(height);
    let thin = (grid.width.max(grid.height) as f64 / side as f64).max(1.0);
    let size = |pixels: usize| ((pixels as f64 / thin).round() as usize).clamp(1, pixels.max(1));
    let (cols, rows) = (size(grid.width), size(grid.height));
    let raster = Raster::open(&mask.path)?;
    let hidden = hidden_pixels_blocking(&raster, mask, grid, grid.window(), cols, rows)?;
    let extent = still
        .extent
        .unwrap_or_else(|| extent_in_map(&grid.transform(), grid.width, grid.height));
    let hidden_color = missing.map_or([0; 4], |[red, green, blue]| [red, green, blue, 255]);
    for (index, pixel) in still.rgba.chunks_exact_mut(4).enumerate() {
        let share = |at: usize, of: usize| (at as f64 + 0.5) / of as f64;
        let x = extent.min_x + extent.width() * share(index % width, width);
        let y = extent.max_y - extent.height() * share(index / width, height);
        let Some((col, row)) = place.pixel_from_map(x, y) else {
            continue;
        };
        let col = (col * cols as f64 / grid.width as f64).floor();
        let row = (row * rows as f64 / grid.height as f64).floor();
        let is_inside = col >= 0.0 && row >= 0.0 && col < cols as f64 && row < rows as f64;
        if is_inside && hidden.get(row as usize * cols + col as usize) == Some(&true) {
            pixel.copy_from_slice(&hidden_color);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MaskKind;
    use crate::made_raster::{Made, open};

    #[test]
    fn what_the_mask_hides_is_transparent_in_a_picture_of_any_size() {
        let folder = tempfile::tempdir().expect("folder");
        // The left half is hidden.
        let codes: Vec<u8> = (0..64).map(|pixel| u8::from(pixel % 8 < 4)).collect();
        let mut made = Made::new((8, 8), vec![codes]);
        made.transform = Some([500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0]);
        let path = made.write(folder.path(), "mask.tif");
        let grid = open(&path).info().grid.clone();
        let mask = MaskSource {
            path,
            band: 0,
            kind: MaskKind::User,
        };
        for side in [4_usize, 8, 16] {
            let mut still = Still {
                width: side,
                height: side,
                rgba: vec![255_u8; 4 * side * side],
                extent: None,
            };
            hide_in_still_blocking(&mask, &grid, None, None, &mut still).expect("read");
            for (index, pixel) in still.rgba.chunks_exact(4).enumerate() {
                let expected = if index % side < side / 2 { 0 } else { 255 };
                assert_eq!(pixel[3], expected, "side {side}, pixel {index}");
            }
        }
        // The same ground in another reference system: west is hidden, east is not.
        let scene = open(&mask.path);
        let crs = Crs::parse("EPSG:4326").expect("known");
        let style = crate::Style::gray(
            0,
            crate::Stretch {
                low: -1.0,
                high: 1.0,
                gamma: 1.0,
            },
            "grays",
        );
        let mut still =
            crate::render_still_blocking(&scene, &style, None, Some(&crs), 40, 40).expect("drawn");
        let opaque = |still: &Still, x: usize| {
            let middle = still.height / 2;
            still.rgba[4 * (middle * still.width + x) + 3] == 255
        };
        assert!(opaque(&still, 1) && opaque(&still, still.width - 2));
        let grid = &scene.info().grid;
        hide_in_still_blocking(&mask, grid, Some(&crs), None, &mut still).expect("read");
        assert!(!opaque(&still, 1) && opaque(&still, still.width - 2));
        // With a colour for missing values, what is hidden has it.
        hide_in_still_blocking(&mask, grid, Some(&crs), Some([1, 2, 3]), &mut still).expect("read");
        let at = 4 * (still.height / 2 * still.width + 1);
        assert_eq!(still.rgba[at..at + 4], [1, 2, 3, 255]);
    }
}
