//! Patterns of classes whose house colour belongs to a class before them as well, so that colour is not all that tells them apart.
//! `is_inked` and `inked` are twins of functions in `shaders/common.wgsl`. Knows colours; knows nothing of rasters.

use crate::{FillPattern, class_color};

/// House colours before the first comes again.
const HOUSE_COLORS: u8 = 16;
/// Pixels after which a pattern repeats; tiles are a multiple of it.
pub const PATTERN_SIDE: usize = 8;

/// The pattern of a class (numbered from 1) in a colour: none for the first sixteen, then another each time the house colours
/// begin anew. A class in a colour of its own, or of other origin, has none.
pub fn pattern_of(class: i64, color: [u8; 3]) -> FillPattern {
    let Some(id) = u8::try_from(class).ok().filter(|id| *id > 0) else {
        return FillPattern::Solid;
    };
    if color != class_color(id) {
        return FillPattern::Solid;
    }
    FillPattern::ALL[usize::from((id - 1) / HOUSE_COLORS) % FillPattern::ALL.len()]
}

/// Place in `FillPattern::ALL`, as tables of colours hold it.
pub(crate) fn code_of(pattern: FillPattern) -> u8 {
    match pattern {
        FillPattern::Solid => 0,
        FillPattern::Hatch => 1,
        FillPattern::Dots => 2,
        FillPattern::CrossHatch => 3,
    }
}

/// Whether the pattern of this code draws its ink at a pixel.
pub(crate) fn is_inked(code: u8, x: usize, y: usize) -> bool {
    let (x, y) = (x % PATTERN_SIDE, y % PATTERN_SIDE);
    let rising = (x + y) % PATTERN_SIDE;
    let falling = (x + PATTERN_SIDE - y) % PATTERN_SIDE;
    match code {
        1 => rising < 3,
        2 => x % 4 < 2 && y % 4 < 2,
        3 => rising < 2 || falling < 2,
        _ => false,
    }
}

/// A colour's ink: it, darkened where it is light and lightened where it is dark.
pub fn ink_of([red, green, blue]: [u8; 3]) -> [u8; 3] {
    let light = 0.299 * f32::from(red) + 0.587 * f32::from(green) + 0.114 * f32::from(blue);
    let towards = if light > 128.0 { 0.0 } else { 255.0 };
    [red, green, blue].map(|channel| (f32::from(channel) * 0.4 + towards * 0.6 + 0.5).floor() as u8)
}

/// A pattern on a swatch of a legend: lines and the middles of dots, from its upper left corner, `step` apart.
pub struct PatternMarks {
    pub lines: Vec<[(f64, f64); 2]>,
    pub dots: Vec<(f64, f64)>,
}

pub fn pattern_marks(pattern: FillPattern, (width, height): (f64, f64), step: f64) -> PatternMarks {
    let mut marks = PatternMarks {
        lines: Vec::new(),
        dots: Vec::new(),
    };
    let steps = |from: f64, end: f64| {
        (0_u32..1000)
            .map(move |at| from + step * f64::from(at))
            .take_while(move |at| *at < end)
    };
    // Down to the left, cut to the swatch, and the same mirrored.
    for at in steps(step, width + height) {
        let (start, end) = (at.min(width), (at - height).max(0.0));
        let line = [(start, at - start), (end, at - end)];
        if matches!(pattern, FillPattern::Hatch | FillPattern::CrossHatch) {
            marks.lines.push(line);
        }
        if pattern == FillPattern::CrossHatch {
            marks.lines.push(line.map(|(x, y)| (x, height - y)));
        }
    }
    if pattern == FillPattern::Dots {
        let places =
            steps(step / 2.0, width).flat_map(|x| steps(step / 2.0, height).map(move |y| (x, y)));
        marks.dots = places.collect();
    }
    marks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seventeenth_class_is_hatched_and_foreign_colours_are_not() {
        let of = |class: i64| pattern_of(class, class_color(class as u8));
        assert!((1..=16).all(|class| of(class) == FillPattern::Solid));
        assert!((17..=32).all(|class| of(class) == FillPattern::Hatch));
        assert!((33..=48).all(|class| of(class) == FillPattern::Dots));
        assert_eq!(of(64), FillPattern::CrossHatch);
        assert_eq!(of(65), FillPattern::Solid);
        assert_eq!(pattern_of(17, [1, 2, 3]), FillPattern::Solid);
        assert_eq!(pattern_of(-3, class_color(1)), FillPattern::Solid);
        assert_eq!(pattern_of(0, class_color(1)), FillPattern::Solid);
    }

    #[test]
    fn patterns_repeat_and_leave_room_for_the_colour() {
        for code in 1..=3 {
            let places = || (0..64).map(|at| (at % 8, at / 8));
            let inked = places().filter(|(x, y)| is_inked(code, *x, *y)).count();
            assert!((12..=36).contains(&inked), "{code}: {inked} of 64");
            assert!(places().all(|(x, y)| is_inked(code, x, y) == is_inked(code, x + 16, y + 8)));
        }
        for pattern in FillPattern::ALL {
            let marks = pattern_marks(pattern, (18.0, 12.0), 4.5);
            let ends = marks.lines.iter().flatten().chain(&marks.dots);
            assert_eq!(ends.clone().count() > 0, pattern != FillPattern::Solid);
            ends.for_each(|(x, y)| {
                assert!(
                    (0.0..=18.0).contains(x) && (0.0..=12.0).contains(y),
                    "{x} {y}"
                );
            });
        }
        assert!(!is_inked(0, 0, 0));
        assert_eq!(ink_of([255, 255, 255]), [102; 3]);
        assert_eq!(ink_of([0, 0, 0]), [153; 3]);
    }
}
