//! Products on the tile unit against sums in 64 bits.

#![expect(unsafe_code, reason = "the products take pointers")]

use super::*;

/// Numbers of many sizes and both signs, the same each time.
fn numbers(count: usize) -> Vec<f32> {
    let mut state = 7_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 - 0.5
    };
    (0..count).map(|_| next() * (8.0 * next()).exp2()).collect()
}

/// Matrices that end within a tile, a pair, a panel, or beyond the deepest, by rows and by columns.
#[test]
fn products_are_as_exact_as_32_bit_floats() {
    if !are_there() {
        eprintln!(
            "SKIPPED: this processor has no tile unit, or the system does not let it be used"
        );
        return;
    }
    for (rows, columns, depth) in [
        (1, 1, 1),
        (33, 17, 5),
        (16, 32, 31),
        (64, 96, 64),
        (197, 70, 65),
        (290, 40, 33),
        (40, 300, DEEPEST + 3),
    ] {
        let (a, b) = (numbers(rows * depth), numbers(depth * columns));
        for (a, b) in [
            (
                Matrix::new(&a, rows, depth),
                Matrix::new(&b, depth, columns),
            ),
            (
                Matrix::new(&a, depth, rows).transposed(),
                Matrix::new(&b, depth, columns),
            ),
            (
                Matrix::new(&a, rows, depth),
                Matrix::new(&b, columns, depth).transposed(),
            ),
        ] {
            for cores in [Cores::All, Cores::This] {
                let mut out = vec![f32::NAN; rows * columns];
                // SAFETY: the unit is there, and everything fits.
                unsafe { multiply(out.as_mut_ptr(), a, b, false, cores) };
                let once = out.clone();
                // SAFETY: as above.
                unsafe { multiply(out.as_mut_ptr(), a, b, true, cores) };
                for (index, (once, twice)) in once.iter().zip(&out).enumerate() {
                    let at = |matrix: Matrix<'_>, row: usize, column: usize| {
                        f64::from(
                            matrix.values[row * matrix.row_step + column * matrix.column_step],
                        )
                    };
                    let parts =
                        (0..depth).map(|k| at(a, index / columns, k) * at(b, k, index % columns));
                    let (sum, size) = parts.fold((0.0, 0.0), |(sum, size), part| {
                        (sum + part, size + part.abs())
                    });
                    // Roundings of 32-bit sums, of which there are as many as numbers.
                    let most = size * (4.0 + (depth as f64).sqrt()) * f64::from(f32::EPSILON);
                    assert!(
                        (f64::from(*once) - sum).abs() <= most,
                        "{once} is not {sum}"
                    );
                    assert!(
                        (f64::from(*twice) - 2.0 * sum).abs() <= 2.0 * most,
                        "{twice} is not 2 x {sum}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_is_not_a_number_is_none_in_the_sums_it_goes_into() {
    if !are_there() {
        eprintln!(
            "SKIPPED: this processor has no tile unit, or the system does not let it be used"
        );
        return;
    }
    let (mut a, b) = (vec![1.0; 4 * 40], vec![2.0; 40 * 3]);
    (a[5], a[45], a[90]) = (f32::NAN, f32::INFINITY, f32::MIN_POSITIVE / 4.0);
    let mut out = [0.0; 12];
    // SAFETY: the unit is there, and everything fits.
    unsafe {
        multiply(
            out.as_mut_ptr(),
            Matrix::new(&a, 4, 40),
            Matrix::new(&b, 40, 3),
            false,
            Cores::This,
        )
    };
    assert!(out[..6].iter().all(|sum| !sum.is_finite()));
    assert_eq!(out[6..9], [78.0; 3]);
    assert_eq!(out[9..], [80.0; 3]);
}
