//! Convolutions on the tile unit, and the gradients of their weights, against sums in 64 bits.

use super::*;

/// Numbers of many sizes and both signs, the same each time.
fn numbers(count: usize, mut state: u32) -> Vec<f32> {
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next() * (8.0 * next()).exp2()).collect()
}

/// Every product of a convolution: where it goes, which number of `x` and of the weights it is of.
fn each_product(shape: Shape, mut each: impl FnMut(usize, usize, usize)) {
    let (h, w) = (shape.out_height(), shape.out_width());
    for place in 0..shape.maps * h * w {
        let (map, row, column) = (place / (h * w), place / w % h, place % w);
        for tap in 0..TAPS {
            let row = (row * shape.stride + tap / 3).wrapping_sub(1);
            let column = (column * shape.stride + tap % 3).wrapping_sub(1);
            if row >= shape.height || column >= shape.width {
                continue;
            }
            let pixel = (map * shape.height + row) * shape.width + column;
            for input in 0..shape.inputs {
                for output in 0..shape.outputs {
                    each(
                        place * shape.outputs + output,
                        pixel * shape.inputs + input,
                        (tap * shape.inputs + input) * shape.outputs + output,
                    );
                }
            }
        }
    }
}

/// Sums, and of how large parts.
#[derive(Clone, Copy, Default)]
struct Sum {
    sum: f64,
    size: f64,
    count: f64,
}

impl Sum {
    fn add(&mut self, a: f32, b: f32) {
        let part = f64::from(a) * f64::from(b);
        self.sum += part;
        self.size += part.abs();
        self.count += 1.0;
    }

    /// Roundings of 32-bit sums, of which there are as many as numbers.
    fn assert_is(self, number: f32) {
        let most = self.size * (4.0 + self.count.sqrt()) * f64::from(f32::EPSILON);
        let wrong = (f64::from(number) - self.sum).abs();
        assert!(wrong <= most, "{number} is not {}", self.sum);
    }
}

/// Channels and widths that end within a tile, a step and a panel; pieces that end within a map.
#[test]
fn convolutions_and_gradients_are_as_exact_as_32_bit_floats() {
    if !tiles::are_there() {
        eprintln!(
            "SKIPPED: this processor has no tile unit, or the system does not let it be used"
        );
        return;
    }
    for ([maps, height, width], inputs, outputs, stride, rows) in [
        ([2, 5, 16], 16, 16, 1, 2),
        ([1, 7, 21], 3, 5, 1, 3),
        ([1, 4, 34], 40, 33, 1, 4),
        ([3, 3, 1], 17, 70, 1, 1),
        ([2, 9, 37], 10, 18, 2, 2),
    ] {
        let shape = Shape {
            maps,
            height,
            width,
            inputs,
            outputs,
            stride,
        };
        let x = numbers(maps * height * width * inputs, 1);
        let weight = numbers(TAPS * inputs * outputs, 2);
        let size = shape.out_height() * shape.out_width() * outputs;
        let gradient = numbers(maps * size, 3);
        let mut of_result = vec![Sum::default(); gradient.len()];
        let mut of_weight = vec![Sum::default(); weight.len()];
        each_product(shape, |place, from, by| {
            of_result[place].add(x[from], weight[by]);
            of_weight[by].add(x[from], gradient[place]);
        });

        let row = shape.out_width() * outputs;
        let place = |piece: &Piece| piece.map * size + piece.from * row;
        let mut result = vec![0.0; gradient.len()];
        let weights = Weights::new(shape, &weight);
        let mut adding = Adding::new(shape, rows);
        for piece in shape.pieces(rows) {
            let out = &mut result[place(&piece)..][..piece.rows * row];
            adding.add(&x, piece, &weights, out);
        }
        for (sum, number) in of_result.iter().zip(&result) {
            sum.assert_is(*number);
        }

        if stride > 1 {
            continue;
        }
        let mut total = vec![0.0; weight.len()];
        let mut adding = AddingWeights::new(shape, rows);
        for piece in shape.pieces(rows) {
            let gradient = &gradient[place(&piece)..][..piece.rows * row];
            adding.add(&x, piece, gradient, &mut total);
        }
        for (sum, number) in of_weight.iter().zip(&total) {
            sum.assert_is(*number);
        }
    }
}
