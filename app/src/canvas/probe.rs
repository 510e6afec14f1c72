//! Values under the pointer: which small read gives them, and picking one pixel out of a read.
//! Knows nothing of views or textures.

use terroir_scene::{BandInfo, Derivation, Detail, Formula, ReadData, ReadRequest, Window};

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
        derivation: None,
        are_codes: false,
        window: Window {
            col: left,
            row: top,
            width,
            height,
        },
        out_width: width,
        out_height: height,
        mask: None,
        detail: Detail::Full,
    }
}

/// A full-resolution read's values at one of its pixels.
pub fn values_in(
    request: &ReadRequest,
    data: &ReadData,
    col: usize,
    row: usize,
) -> Vec<(usize, Option<f32>)> {
    // A derived tile holds no band.
    if request.derivation.is_some() {
        return Vec::new();
    }
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
        ReadData::Planes(planes) => request
            .bands
            .iter()
            .zip(planes)
            .map(|(band, plane)| {
                let is_valid = plane.valid.get(index).copied().unwrap_or(false);
                let value = plane.values.get(index).copied();
                (*band, value.filter(|value| is_valid && value.is_finite()))
            })
            .collect(),
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

/// The value of a derived channel at a pixel of a full-resolution tile of it.
pub fn derived_in(request: &ReadRequest, data: &ReadData, col: usize, row: usize) -> Option<f32> {
    let plain = ReadRequest {
        derivation: None,
        bands: vec![0],
        ..request.clone()
    };
    values_in(&plain, data, col, row)
        .first()
        .and_then(|(_, value)| *value)
}

/// The same from the stored values of the bands, for formulas.
pub fn derived_of(
    derivation: &Derivation,
    bands: &[BandInfo],
    values: &[(usize, Option<f32>)],
) -> Option<f32> {
    let Derivation::Formula {
        text,
        bands: needed,
        ..
    } = derivation
    else {
        return None;
    };
    let planes: Vec<[f32; 1]> = needed
        .iter()
        .map(|wanted| {
            let (_, value) = values.iter().find(|(band, _)| band == wanted)?;
            let scaled = bands.get(*wanted)?.scaled(f64::from((*value)?));
            Some([scaled as f32])
        })
        .collect::<Option<_>>()?;
    let planes: Vec<&[f32]> = planes.iter().map(|plane| &plane[..]).collect();
    let mut out = [f32::NAN];
    Formula::parse(text).ok()?.evaluate(&planes, &mut out);
    Some(out[0]).filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use terroir_scene::Plane;

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
            derivation: None,
            are_codes: false,
            window,
            out_width: 2,
            out_height: 2,
            mask: None,
            detail: Detail::Full,
        }
    }

    #[test]
    fn values_are_picked_from_the_right_pixel() {
        let plane = |values: Vec<f32>, is_last_valid| {
            let valid = vec![true, true, true, is_last_valid];
            Arc::new(Plane { values, valid })
        };
        let data = ReadData::Planes(vec![
            plane(vec![1.0, 2.0, 3.0, 4.0], false),
            plane(vec![5.0, 6.0, 7.0, 8.0], true),
        ]);
        assert_eq!(
            values_in(&request("a"), &data, 5, 8),
            [(3, Some(2.0)), (1, Some(6.0))]
        );
        assert_eq!(
            values_in(&request("a"), &data, 5, 9),
            [(3, None), (1, Some(8.0))]
        );
        assert!(values_in(&request("a"), &data, 6, 8).is_empty());
        assert!(values_in(&request("a"), &data, 3, 8).is_empty());
    }
}
