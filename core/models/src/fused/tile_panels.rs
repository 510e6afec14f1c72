//! How matrices are laid out for the tile unit: panels of 32 rows or columns, cut into tiles of 16 rows of 32 numbers, each number as
//! three of eight digits whose sum it is.
//! Knows vector instructions. Knows no products.

#![expect(unsafe_code, reason = "numbers are read and laid out through pointers")]

use std::arch::x86_64::*;

/// Rows and columns of what one tile of sums holds.
pub const SIDE: usize = 16;
/// Numbers of the common axis in a tile.
pub const DEPTH: usize = 32;
/// Rows of `a`, or columns of `b`, that are laid out together: two tiles.
pub const PANEL: usize = 2 * SIDE;
/// Lines of a panel for `DEPTH` of the common axis: three parts of two tiles.
pub const STEP: usize = 3 * PANEL;

/// A row of a tile.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub struct Line([u32; 16]);

impl Line {
    pub const ZEROS: Self = Self([0; SIDE]);
}

/// Steps of `DEPTH` along an axis.
pub fn steps_of(depth: usize) -> usize {
    depth.div_ceil(DEPTH)
}

/// Panels of a matrix: `PANEL` rows each, the last perhaps less, and up to `DEEPEST` columns.
pub struct Part {
    pub from: *const f32,
    pub row_step: usize,
    pub column_step: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Part {
    /// Asks for columns from `column` on before they are needed: those that lie far apart no processor foresees.
    #[target_feature(enable = "avx512f")]
    fn ask_for(&self, column: usize) {
        if self.column_step == 1 {
            return;
        }
        for column in column..self.columns.min(column + DEPTH) {
            for row in (0..self.rows).step_by(SIDE) {
                let at = column * self.column_step + row;
                _mm_prefetch::<_MM_HINT_T1>(self.from.wrapping_add(at).cast());
            }
        }
    }
}

/// Tiles that are read where their numbers lie, as three arrays of digits.
pub struct Numbers<const TILES: usize> {
    /// The first digits of every tile.
    pub from: [*const u16; TILES],
    /// Digits from a line of a tile to the next, and from array to array.
    pub line: usize,
    pub array: usize,
}

/// What a line of a tile holds.
#[derive(Clone, Copy, PartialEq)]
pub enum By {
    /// 32 numbers of a row of the part.
    Row,
    /// Numbers of two columns of the part, of 16 rows.
    Pair,
}

/// Lays panels out as tiles: for every 32 columns the first parts of two tiles, the second, the third. Numbers beyond the
/// part are zeros; a second tile without rows is left out.
///
/// # Safety
/// The part must be numbers that are there, `lines` must have room for its tiles, and the processor must have AVX-512.
#[target_feature(enable = "avx512f")]
pub unsafe fn lay_out(part: Part, by: By, lines: *mut Line) {
    // Numbers are read as they lie: along rows, or across all of them.
    let together = match part.column_step {
        1 => PANEL,
        _ => part.rows,
    };
    let panel = steps_of(part.columns) * STEP;
    for first in (0..part.rows).step_by(together) {
        let last = part.rows.min(first + together);
        for (step, column) in (0..part.columns).step_by(DEPTH).enumerate() {
            part.ask_for(column + DEPTH);
            for row in (first..last).step_by(SIDE) {
                // SAFETY: as asked for above.
                unsafe {
                    let tile = Part {
                        from: part
                            .from
                            .add(row * part.row_step + column * part.column_step),
                        rows: (part.rows - row).min(SIDE),
                        columns: (part.columns - column).min(DEPTH),
                        ..part
                    };
                    let at = row / PANEL * panel + step * STEP + row % PANEL;
                    lay_tile(tile, by, lines.add(at));
                }
            }
        }
    }
}

/// # Safety
/// As for [`lay_out`], of one tile.
#[target_feature(enable = "avx512f")]
unsafe fn lay_tile(part: Part, by: By, lines: *mut Line) {
    let lies_by = if part.column_step == 1 {
        By::Row
    } else {
        By::Pair
    };
    // SAFETY: as asked for.
    unsafe {
        if lies_by == by {
            // Rows without a line give sums that no one asks for; columns without one must be zeros.
            let put = |index: usize, line: usize, numbers| {
                _mm512_store_si512(lines.add(index * PANEL + line).cast(), numbers)
            };
            match lies_by {
                By::Row => rows_of(part, put),
                By::Pair => pairs_of(part, put),
            }
            return;
        }
        let mut digits = [[_mm512_setzero_si512(); SIDE]; 3];
        let put = |index: usize, line: usize, numbers| digits[index][line] = numbers;
        match lies_by {
            By::Row => rows_of(part, put),
            By::Pair => pairs_of(part, put),
        }
        for (index, digits) in digits.iter_mut().enumerate() {
            transpose(digits);
            for (line, numbers) in digits.iter().enumerate() {
                _mm512_store_si512(lines.add(index * PANEL + line).cast(), *numbers);
            }
        }
    }
}

/// Writes the three parts of every number of a row, each to an array.
///
/// # Safety
/// The arrays must have room for the row, and the processor must have AVX-512.
#[target_feature(enable = "avx512f")]
pub unsafe fn split_row(row: &[f32], arrays: [*mut u16; 3]) {
    let (blocks, rest) = row.as_chunks::<SIDE>();
    let half = |numbers| _mm512_srli_epi32::<16>(numbers);
    for (index, block) in blocks.iter().enumerate() {
        // SAFETY: as asked for.
        unsafe {
            let digits = split(_mm512_loadu_ps(block.as_ptr()));
            for (array, digits) in arrays.into_iter().zip(digits) {
                let at = array.add(index * SIDE);
                _mm256_storeu_si256(at.cast(), _mm512_cvtepi32_epi16(half(digits)));
            }
        }
    }
    if rest.is_empty() {
        return;
    }
    let there = first(rest.len());
    // SAFETY: the mask keeps to the rest of the row.
    unsafe {
        let digits = split(_mm512_maskz_loadu_ps(there, rest.as_ptr()));
        for (array, digits) in arrays.into_iter().zip(digits) {
            let at = array.add(blocks.len() * SIDE);
            _mm512_mask_cvtepi32_storeu_epi16(at.cast(), there, half(digits));
        }
    }
}

/// Writes the three parts of the rows of a part whose columns lie without gaps, each to an array: sixteen rows of 32 digits,
/// `step` digits from row to row; zeros beyond the part.
///
/// # Safety
/// The part must be numbers that are there, up to 16 rows of 32; the arrays must have room, and the processor must have AVX-512.
#[target_feature(enable = "avx512f")]
pub unsafe fn lay_rows_of_pairs(part: Part, arrays: [*mut u16; 3], step: usize) {
    let mut digits = [[_mm512_setzero_si512(); SIDE]; 3];
    // SAFETY: as asked for.
    unsafe {
        pairs_of(part, |index, line, numbers| digits[index][line] = numbers);
        for (array, digits) in arrays.into_iter().zip(&mut digits) {
            transpose(digits);
            for (row, numbers) in digits.iter().enumerate() {
                _mm512_storeu_si512(array.add(row * step).cast(), *numbers);
            }
        }
    }
}

/// Mask of the first numbers of sixteen.
fn first(count: usize) -> u16 {
    ((1_u32 << count.min(SIDE)) - 1) as u16
}

/// Gives `put` the three parts of every row of a tile, whose rows lie without gaps.
///
/// # Safety
/// As for [`lay_out`].
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn rows_of(part: Part, mut put: impl FnMut(usize, usize, __m512i)) {
    let (left, right) = (
        first(part.columns),
        first(part.columns.saturating_sub(SIDE)),
    );
    let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    let odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    for row in 0..part.rows {
        // SAFETY: the masks keep to numbers of the part.
        let (left, right) = unsafe {
            let from = part.from.add(row * part.row_step);
            (
                _mm512_maskz_loadu_ps(left, from),
                _mm512_maskz_loadu_ps(right, from.wrapping_add(SIDE)),
            )
        };
        for (index, (left, right)) in split(left).into_iter().zip(split(right)).enumerate() {
            let (first, second) = (
                _mm512_permutex2var_epi32(left, even, right),
                _mm512_permutex2var_epi32(left, odd, right),
            );
            put(index, row, paired(first, second));
        }
    }
}

/// Gives `put` the three parts of every pair of columns of a tile, whose columns lie without gaps.
///
/// # Safety
/// As for [`lay_out`].
#[inline]
#[target_feature(enable = "avx512f")]
unsafe fn pairs_of(part: Part, mut put: impl FnMut(usize, usize, __m512i)) {
    let rows = first(part.rows);
    for pair in 0..SIDE {
        let is_there = |column: usize| if column < part.columns { rows } else { 0 };
        let from = part.from.wrapping_add(2 * pair * part.column_step);
        // SAFETY: the masks keep to numbers of the part.
        let (first, second) = unsafe {
            (
                _mm512_maskz_loadu_ps(is_there(2 * pair), from),
                _mm512_maskz_loadu_ps(is_there(2 * pair + 1), from.wrapping_add(part.column_step)),
            )
        };
        for (index, (first, second)) in split(first).into_iter().zip(split(second)).enumerate() {
            put(index, pair, paired(first, second));
        }
    }
}

/// Three floats of eight digits each, whose sum each number is.
#[target_feature(enable = "avx512f")]
fn split(numbers: __m512) -> [__m512i; 3] {
    let rounded = |numbers| {
        let half = _mm512_set1_epi32(0x8000);
        _mm512_and_si512(
            _mm512_add_epi32(_mm512_castps_si512(numbers), half),
            upper_half(),
        )
    };
    let first = rounded(numbers);
    let rest = _mm512_sub_ps(numbers, _mm512_castsi512_ps(first));
    let second = rounded(rest);
    let third = _mm512_sub_ps(rest, _mm512_castsi512_ps(second));
    [first, second, _mm512_castps_si512(third)]
}

#[target_feature(enable = "avx512f")]
fn upper_half() -> __m512i {
    _mm512_set1_epi32(0xFFFF_0000_u32 as i32)
}

/// Upper halves beside each other.
#[target_feature(enable = "avx512f")]
fn paired(first: __m512i, second: __m512i) -> __m512i {
    _mm512_or_si512(
        _mm512_srli_epi32::<16>(first),
        _mm512_and_si512(second, upper_half()),
    )
}

/// Rows become columns, of 16 x 16 pairs.
#[target_feature(enable = "avx512f")]
fn transpose(rows: &mut [__m512i; SIDE]) {
    let mut half = *rows;
    for (to, from) in half.chunks_exact_mut(2).zip(rows.chunks_exact(2)) {
        to[0] = _mm512_unpacklo_epi32(from[0], from[1]);
        to[1] = _mm512_unpackhi_epi32(from[0], from[1]);
    }
    for (to, from) in rows.chunks_exact_mut(4).zip(half.chunks_exact(4)) {
        to[0] = _mm512_unpacklo_epi64(from[0], from[2]);
        to[1] = _mm512_unpackhi_epi64(from[0], from[2]);
        to[2] = _mm512_unpacklo_epi64(from[1], from[3]);
        to[3] = _mm512_unpackhi_epi64(from[1], from[3]);
    }
    for quarter in 0..4 {
        for (to, from) in [(quarter, quarter), (quarter + 8, quarter + 8)] {
            half[to] = _mm512_shuffle_i32x4::<0x88>(rows[from], rows[from + 4]);
            half[to + 4] = _mm512_shuffle_i32x4::<0xdd>(rows[from], rows[from + 4]);
        }
    }
    for row in 0..8 {
        rows[row] = _mm512_shuffle_i32x4::<0x88>(half[row], half[row + 8]);
        rows[row + 8] = _mm512_shuffle_i32x4::<0xdd>(half[row], half[row + 8]);
    }
}
