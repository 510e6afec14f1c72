//! Values under the pointer: which small read gives them, and picking one pixel out of a read.
//! Knows nothing of views or textures.

use terroir_scene::{ReadData, ReadRequest, Window};

use super::layer_view::LayerView;

/// Values read around the pointer at once, all bands together.
const PROBE_VALUES: usize = 1 << 14;

/// A small window of every band around a pixel, aligned so that neighbouring pixels share it.
pub fn probe_request(view: &LayerView, bands: usize, col: usize, row: usize) -> ReadRequest {
    let mut side = 32;
    while side > 1 && side * side * bands > PROBE_VALUES {
        side /= 2;
    }
    let (left, top) = (col / side * side, row / side * side);
    let (width, height) = (
        side.min(view.pyramid.width - left),
        side.min(view.pyramid.height - top),
    );
    let is_field = view.info().is_some_and(|info| info.is_field());
    ReadRequest {
        path: view
            .info()
            .map(|info| info.path.clone())
            .unwrap_or_default(),
        bands: if is_field {
            Vec::new()
        } else {
            (0..bands).collect()
        },
        window: Window {
            col: left,
            row: top,
            width,
            height,
        },
        out_width: width,
        out_height: height,
        mask: None,
    }
}

/// A full-resolution read's values at one of its pixels.
pub fn values_in(
    request: &ReadRequest,
    data: &ReadData,
    col: usize,
    row: usize,
) -> Vec<(usize, Option<f32>)> {
    let (width, height) = (request.out_width, request.out_height);
    let (Some(x), Some(y)) = (
        col.checked_sub(request.window.col),
        row.checked_sub(request.window.row),
    ) else {
        return Vec::new();
    };
    if x >= width || y >= height {
        return Vec::new();
    }
    let (index, pixels) = (y * width + x, width * height);
    match data {
        ReadData::Block(block) => {
            let is_valid = block.valid.get(index).copied().unwrap_or(false);
            let value = |plane: usize| {
                block
                    .values
                    .get(plane * pixels + index)
                    .copied()
                    .filter(|value| is_valid && value.is_finite())
            };
            request
                .bands
                .iter()
                .enumerate()
                .map(|(plane, band)| (*band, value(plane)))
                .collect()
        }
        ReadData::Codes(codes) => codes
            .chunks_exact(pixels)
            .enumerate()
            .map(|(axis, plane)| {
                (
                    axis,
                    plane
                        .get(index)
                        .filter(|code| **code != terroir_scene::FIELD_NODATA)
                        .map(|code| f32::from(*code)),
                )
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn request(name: &str) -> ReadRequest {
        let window = Window {
            col: 4,
            row: 8,
            width: 2,
            height: 2,
        };
        ReadRequest {
            path: name.into(),
            bands: vec![3, 1],
            window,
            out_width: 2,
            out_height: 2,
            mask: None,
        }
    }

    #[test]
    fn values_are_picked_from_the_right_pixel() {
        let block = terroir_scene::Block {
            width: 2,
            height: 2,
            bands: 2,
            values: vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
            valid: vec![true, true, true, false],
        };
        let data = ReadData::Block(Arc::new(block));
        assert_eq!(
            values_in(&request("a"), &data, 5, 8),
            [(3, Some(2.0)), (1, Some(6.0))]
        );
        assert_eq!(
            values_in(&request("a"), &data, 5, 9),
            [(3, None), (1, None)]
        );
        assert!(values_in(&request("a"), &data, 6, 8).is_empty());
        assert!(values_in(&request("a"), &data, 3, 8).is_empty());
    }
}
