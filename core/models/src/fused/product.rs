//! Matrix products on slices: by the processor's tile unit where it has one and the matrices are worth it, else by the library
//! that also serves Burn's processor backend. Both write over numbers that are there: Burn's own products make their result
//! by filling zeros and copying them once more, on one core.
//! Knows slices. Knows no tensors.

#![expect(unsafe_code, reason = "the matrix product takes pointers and strides")]

use std::mem::MaybeUninit;

#[cfg(target_arch = "x86_64")]
use super::tiles;

/// A matrix in a slice.
#[derive(Clone, Copy)]
pub struct Matrix<'a> {
    pub(super) values: &'a [f32],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) row_step: usize,
    pub(super) column_step: usize,
    is_of_a_batch: bool,
}

impl<'a> Matrix<'a> {
    /// Row after row without gaps.
    pub fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self::with_step(values, rows, columns, columns)
    }

    /// Rows that begin `row_step` numbers after each other.
    ///
    /// # Panics
    /// If the slice ends before the matrix does.
    pub fn with_step(values: &'a [f32], rows: usize, columns: usize, row_step: usize) -> Self {
        let end = match rows {
            0 => 0,
            rows => (rows - 1) * row_step + columns,
        };
        assert!(end <= values.len(), "a matrix ends beyond its numbers");
        Self {
            values,
            rows,
            columns,
            row_step,
            column_step: 1,
            is_of_a_batch: false,
        }
    }

    /// Says that there are more rows with more examples, or fewer cores. Their number then does not choose how a product is
    /// worked out: a shorter last batch would round otherwise than the rest.
    pub fn of_a_batch(self) -> Self {
        Self {
            is_of_a_batch: true,
            ..self
        }
    }

    pub fn transposed(self) -> Self {
        Self {
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
            ..self
        }
    }
}

/// On which cores a product runs.
#[derive(Clone, Copy, PartialEq)]
pub enum Cores {
    All,
    This,
}

/// `out` (row after row) becomes a b.
pub fn product(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, cores: Cores) {
    multiply(out, a, b, false, cores);
}

/// Adds a b to `out` (row after row).
pub fn add_product(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, cores: Cores) {
    multiply(out, a, b, true, cores);
}

/// a b, row after row.
pub fn new_product(a: Matrix<'_>, b: Matrix<'_>, cores: Cores) -> Vec<f32> {
    let count = a.rows * b.columns;
    let mut out = Vec::with_capacity(count);
    if a.columns == 0 {
        out.resize(count, 0.0);
        return out;
    }
    multiply_into(&mut out.spare_capacity_mut()[..count], a, b, false, cores);
    // SAFETY: a product that is not added to writes every one of its numbers.
    unsafe { out.set_len(count) };
    out
}

fn multiply(out: &mut [f32], a: Matrix<'_>, b: Matrix<'_>, is_added: bool, cores: Cores) {
    // SAFETY: numbers that are there stay there; nothing is ever taken back out of the slice.
    let out = unsafe { &mut *(std::ptr::from_mut(out) as *mut [MaybeUninit<f32>]) };
    multiply_into(out, a, b, is_added, cores);
}

/// With `is_added` every number of `out` must be there.
fn multiply_into(
    out: &mut [MaybeUninit<f32>],
    a: Matrix<'_>,
    b: Matrix<'_>,
    is_added: bool,
    cores: Cores,
) {
    assert_eq!(a.columns, b.rows, "matrices that do not fit each other");
    assert_eq!(
        out.len(),
        a.rows * b.columns,
        "a product that does not fit its place"
    );
    if out.is_empty() {
        return;
    }
    // Less than this is done before other cores have woken up.
    const WORTH_SHARING: usize = 1 << 20;
    let cores = match cores {
        Cores::All if a.rows * a.columns * b.columns >= WORTH_SHARING => Cores::All,
        _ => Cores::This,
    };
    #[cfg(target_arch = "x86_64")]
    if is_worth_laying_out(a, b) && tiles::are_there() {
        // SAFETY: the unit is there, the asserts above hold, and one step of every matrix is 1.
        return unsafe { tiles::multiply(out.as_mut_ptr().cast(), a, b, is_added, cores) };
    }
    let parallelism = match cores {
        Cores::All => gemm::Parallelism::Rayon(0),
        Cores::This => gemm::Parallelism::None,
    };
    // SAFETY: the asserts here and in `Matrix::with_step` keep every number that is read or written inside its slice, and
    // `out` is borrowed alone.
    unsafe {
        gemm::gemm(
            a.rows,
            b.columns,
            a.columns,
            out.as_mut_ptr().cast::<f32>(),
            1,
            b.columns as isize,
            is_added,
            a.values.as_ptr(),
            a.column_step as isize,
            a.row_step as isize,
            b.values.as_ptr(),
            b.column_step as isize,
            b.row_step as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// Whether the tile unit saves more than it costs to lay both matrices out for it: every number of `a` must go into many
/// columns, every number of `b` into many rows.
#[cfg(target_arch = "x86_64")]
fn is_worth_laying_out(a: Matrix<'_>, b: Matrix<'_>) -> bool {
    const FEWEST: usize = 90;
    const SHALLOWEST: usize = 48;
    // Of a batch: many rows are to be expected, unless the other matrix is larger than the weights of a layer.
    const FEWEST_OF_A_BATCH: usize = 160;
    const MOST_OF_A_BATCH: usize = 1 << 23;
    let are_many = match a.is_of_a_batch {
        true => b.columns >= FEWEST_OF_A_BATCH && b.rows * b.columns <= MOST_OF_A_BATCH,
        false => a.rows * b.columns >= FEWEST * (a.rows + b.columns),
    };
    are_many && a.columns >= SHALLOWEST
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_views_are_those_of_their_numbers() {
        // a = rows [1 2] [4 5] inside rows of three; b = its transpose.
        let numbers = [1.0, 2.0, 3.0, 4.0, 5.0];
        let a = Matrix::with_step(&numbers, 2, 2, 3);
        let mut out = [100.0; 4];
        product(&mut out, a, a.transposed(), Cores::All);
        assert_eq!(out, [5.0, 14.0, 14.0, 41.0]);
        add_product(&mut out, a, a.transposed(), Cores::This);
        assert_eq!(out, [10.0, 28.0, 28.0, 82.0]);
    }

    #[test]
    fn new_products_are_those_written_over_old_numbers() {
        let numbers: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let (a, b) = (Matrix::new(&numbers, 3, 4), Matrix::new(&numbers, 4, 3));
        let mut out = [7.0; 9];
        product(&mut out, a, b, Cores::This);
        assert_eq!(new_product(a, b, Cores::This), out);
        let nothing = Matrix::new(&[], 2, 0);
        let sums = new_product(nothing, nothing.transposed(), Cores::All);
        assert_eq!(sums, [0.0; 4]);
    }

    /// The last batch of a map, or of a part of it made elsewhere, may be shorter than the others.
    #[test]
    fn rows_of_a_batch_do_not_depend_on_how_many_there_are() {
        let numbers: Vec<f32> = (0..90 * 200).map(|i| ((i * 37) as f32).sin()).collect();
        for (depth, columns) in [(60, 200), (48, 90)] {
            let weights = Matrix::new(&numbers, depth, columns);
            let whole = Matrix::new(&numbers, 150, depth).of_a_batch();
            let whole = new_product(whole, weights, Cores::All);
            for rows in [2, 17, 40] {
                let part = Matrix::new(&numbers, rows, depth).of_a_batch();
                let part = new_product(part, weights, Cores::This);
                assert_eq!(part, whole[..rows * columns]);
            }
        }
    }

    #[test]
    #[should_panic(expected = "ends beyond")]
    fn a_matrix_beyond_its_numbers_is_refused() {
        Matrix::with_step(&[0.0; 4], 2, 2, 3);
    }
}
