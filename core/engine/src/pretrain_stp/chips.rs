//! Frames as the network sees them: normalised, missing pixels at the mean, turned one of eight ways, a line of radar frames
//! blanked; and what their pixels weigh in the losses (specification 2.2). Knows numbers and sources. Opens no file.

use terroir_models::Stream;
use terroir_scene::{FrameBlock, Source, Window};

use super::sources::{has_classes, outputs};

/// Width of a blanked line, pixels.
const LINE_PX: (f64, f64) = (0.5, 2.0);

/// A frame of a crop.
#[derive(Clone, Debug, PartialEq)]
pub struct Chip {
    /// [C, side, side]; of classes [K, side, side] with 1 in the plane of a pixel's class.
    pub values: Vec<f32>,
    /// [C, side, side], of classes [1, side, side]: 0 where nothing is known or a cloud is.
    pub weight: Vec<f32>,
}

impl Chip {
    /// Share of the weights that count.
    pub fn known(&self) -> f64 {
        let sum: f64 = self.weight.iter().map(|weight| f64::from(*weight)).sum();
        sum / self.weight.len().max(1) as f64
    }
}

/// Where each pixel of a turned crop comes from, of `side * side`.
pub fn turned(turn: u8, side: usize) -> Vec<usize> {
    let (is_swapped, flips_rows, flips_columns) = (turn & 1 > 0, turn & 2 > 0, turn & 4 > 0);
    (0..side * side)
        .map(|at| {
            let (mut row, mut column) = (at / side, at % side);
            if is_swapped {
                (row, column) = (column, row);
            }
            if flips_rows {
                row = side - 1 - row;
            }
            if flips_columns {
                column = side - 1 - column;
            }
            row * side + column
        })
        .collect()
}

/// Cuts `window` out of a block that lies at `at`, and prepares it. What the archive does not reach is missing.
pub fn chip(
    block: &FrameBlock,
    at: Window,
    window: Window,
    source: &Source,
    turn: &[usize],
    side: usize,
) -> Chip {
    let pixels = side * side;
    let of_block = at.pixels();
    // Place in the block of each pixel of the crop.
    let places: Vec<Option<usize>> = turn
        .iter()
        .map(|from| {
            let (row, column) = (from / side, from % side);
            if row >= window.height || column >= window.width {
                return None;
            }
            let row = (window.row + row).checked_sub(at.row)?;
            let column = (window.col + column).checked_sub(at.col)?;
            (row < at.height && column < at.width).then_some(row * at.width + column)
        })
        .collect();
    let is_clear = |place: usize| block.is_clear.get(place).copied().unwrap_or(false);
    let read = |band: usize, place: usize| -> Option<f32> {
        let index = band * of_block + place;
        let value = block.values.get(index).copied()?;
        let is_valid = block.is_valid.get(index).copied().unwrap_or(false);
        (is_valid && value.is_finite()).then_some(value)
    };
    if has_classes(source) {
        let mut values = vec![0.0; outputs(source) * pixels];
        let mut weight = vec![0.0; pixels];
        let classes = source.bands.first().map(|band| &band.classes[..]);
        for (pixel, place) in places.iter().enumerate() {
            let code = place.and_then(|place| read(0, place));
            let class = code.and_then(|code| {
                let classes = classes.unwrap_or_default();
                classes.iter().position(|(known, _)| *known as f32 == code)
            });
            if let Some(class) = class {
                values[class * pixels + pixel] = 1.0;
                weight[pixel] = 1.0;
            }
        }
        return Chip { values, weight };
    }
    let mut values = Vec::with_capacity(source.bands.len() * pixels);
    let mut weight = Vec::with_capacity(source.bands.len() * pixels);
    for (number, band) in source.bands.iter().enumerate() {
        for place in &places {
            let value = place.and_then(|place| read(number, place));
            values.push(value.map_or(0.0, |value| band.normalise(value)));
            let counts = value.is_some() && place.is_some_and(is_clear);
            weight.push(f32::from(u8::from(counts)));
        }
    }
    Chip { values, weight }
}

/// Blanks a straight line of random place, angle and width in all bands: it becomes missing.
pub fn blank_line(values: &mut [f32], side: usize, chance: &mut Stream) {
    let angle = std::f64::consts::PI * chance.uniform();
    let (across, down) = (angle.cos(), angle.sin());
    let through = (
        chance.uniform() * side as f64,
        chance.uniform() * side as f64,
    );
    let width = LINE_PX.0 + chance.uniform() * (LINE_PX.1 - LINE_PX.0);
    for plane in values.chunks_mut((side * side).max(1)) {
        for (at, value) in plane.iter_mut().enumerate() {
            let (x, y) = ((at % side) as f64 + 0.5, (at / side) as f64 + 0.5);
            let off = (x - through.0) * across + (y - through.1) * down;
            if off.abs() <= width / 2.0 {
                *value = 0.0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::sources::tests::{band, source};
    use super::*;
    use terroir_scene::Measure;

    fn block() -> (FrameBlock, Window) {
        let at = Window {
            col: 10,
            row: 20,
            width: 4,
            height: 3,
        };
        let mut block = FrameBlock {
            bands: 2,
            height: at.height,
            width: at.width,
            values: (0..24).map(|value| value as f32).collect(),
            is_valid: vec![true; 24],
            is_clear: vec![true; 12],
        };
        block.is_valid[5] = false;
        block.is_clear[6] = false;
        block.values[7] = f32::NAN;
        (block, at)
    }

    #[test]
    fn missing_pixels_are_the_mean_and_clouds_only_weigh_nothing() {
        let (block, at) = block();
        let mut both = source(
            "s1",
            vec![band("VV", 0.0, 3.0, 2.0), band("VH", 0.0, 0.0, 4.0)],
        );
        let window = Window { width: 3, ..at };
        let chip = chip(&block, at, window, &both, &turned(0, 3), 3);
        assert_eq!(chip.values[..3], [-1.5, -1.0, -0.5]);
        // The second row: valid, missing, cloudy.
        assert_eq!(chip.values[3..6], [0.5, 0.0, 1.5]);
        assert_eq!(chip.weight[..6], [1.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
        assert_eq!(chip.values[9..12], [3.0, 3.25, 3.5]);
        assert_eq!(chip.weight[13..15], [1.0, 0.0]);
        assert!((chip.known() - 15.0 / 18.0).abs() < 1e-9);
        // Beyond the archive nothing is known.
        both.bands.truncate(1);
        let small = super::chip(&block, at, at, &both, &turned(0, 6), 6);
        assert_eq!(small.values.len(), 36);
        assert!(
            small.weight[4..6]
                .iter()
                .chain(&small.weight[18..])
                .all(|weight| *weight == 0.0)
        );
        assert_eq!(small.weight[3], 1.0);
    }

    #[test]
    fn classes_become_planes() {
        let (block, at) = block();
        let mut cover = source("cover", vec![band("class", 0.0, 0.0, 1.0)]);
        cover.bands[0].measure = Measure::Classes;
        cover.bands[0].classes = vec![(2, "a".to_owned()), (8, "b".to_owned())];
        let chip = chip(
            &block,
            at,
            Window { width: 3, ..at },
            &cover,
            &turned(0, 3),
            3,
        );
        assert_eq!(chip.values.len(), 18);
        assert_eq!(chip.weight.iter().sum::<f32>(), 2.0);
        assert_eq!((chip.values[2], chip.values[9 + 6]), (1.0, 1.0));
    }

    #[test]
    fn the_eight_turns_are_eight_and_lose_nothing() {
        let mut seen: Vec<Vec<usize>> = Vec::new();
        for turn in 0..8 {
            let order = turned(turn, 3);
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..9).collect::<Vec<_>>());
            assert!(!seen.contains(&order));
            seen.push(order);
        }
        assert_eq!(seen[0], (0..9).collect::<Vec<_>>());
    }

    #[test]
    fn a_line_of_every_angle_is_thin_and_the_same_in_all_bands() {
        let mut chance = Stream::new(4, "lines");
        let (mut most, mut none, mut straight) = (0, 0, 0);
        for _ in 0..200 {
            let mut values = vec![1.0; 2 * 32 * 32];
            blank_line(&mut values, 32, &mut chance);
            assert_eq!(values[..1024], values[1024..]);
            let blank: Vec<usize> = (0..1024).filter(|at| values[*at] == 0.0).collect();
            most = most.max(blank.len());
            none += usize::from(blank.is_empty());
            let rows: std::collections::BTreeSet<usize> = blank.iter().map(|at| at / 32).collect();
            straight += usize::from(rows.len() <= 3);
        }
        assert!(most <= 3 * 46 && most > 40, "{most}");
        assert!(none < 30 && straight < 60, "{none} {straight}");
    }
}
