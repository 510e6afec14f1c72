//! Matrix products on the tile unit (AMX) of Intel's processors since 2023, to the precision of 32-bit floats.
//! The unit multiplies numbers of eight binary digits (bf16) sixteen times as fast as the vector unit does 32-bit floats. A float
//! of 24 digits is exactly the sum of three such parts; of the nine products of two floats' parts the six largest are
//! summed, in 32 bits. The other three are below 2^-25 of a product, less than its rounding.
//! Knows pointers and strides. Knows no tensors, and not when a product is worth it.

#![expect(
    unsafe_code,
    reason = "the tile unit is reached by its instructions, which take pointers"
)]

use std::arch::asm;
use std::arch::x86_64::*;
use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::OnceLock;
use std::thread::LocalKey;

use rayon::prelude::*;

use super::product::{Cores, Matrix};
use super::tile_steps::{sum_one_row, sum_two_rows};

/// Rows and columns of what one tile of sums holds.
pub(super) const SIDE: usize = 16;
/// Numbers of the common axis in a tile.
const DEPTH: usize = 32;
/// Rows of `a`, or columns of `b`, that are laid out together: two tiles.
const PANEL: usize = 2 * SIDE;
/// Lines of a panel for `DEPTH` of the common axis: three parts of two tiles.
const STEP: usize = 3 * PANEL;
/// Of the common axis at once. A panel of this depth is 147 kB.
const DEEPEST: usize = 768;
/// Panels of `b` that stay in a core's second cache while those of `a` go by, and as few as that is still worth it for.
const WIDEST: usize = 8;
const NARROWEST: usize = 5;
/// Panels of `a` that are worth laying the same panels of `b` out once more.
const LOWEST: usize = 16;
/// Panels of `a` that are laid out at once: 9 MB.
const HIGHEST: usize = 64;

/// A row of a tile.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
pub(super) struct Line([u32; 16]);

/// What the tiles hold: all of them 16 rows of 64 bytes.
#[repr(C, align(64))]
struct Shape([u8; 64]);

const SHAPE: Shape = {
    let mut shape = [0; 64];
    shape[0] = 1;
    let mut tile = 0;
    while tile < 8 {
        shape[16 + 2 * tile] = 64;
        shape[48 + tile] = SIDE as u8;
        tile += 1;
    }
    Shape(shape)
};

/// Whether this processor has the unit and the system lets this process use it.
pub fn are_there() -> bool {
    static ARE_THERE: OnceLock<bool> = OnceLock::new();
    *ARE_THERE.get_or_init(|| {
        // Leaf 7, register edx: bf16 products and tiles.
        const BOTH: u32 = 1 << 22 | 1 << 24;
        !cfg!(miri)
            && is_x86_feature_detected!("avx512f")
            && __cpuid(0).eax >= 7
            && __cpuid_count(7, 0).edx & BOTH == BOTH
            && are_allowed()
    })
}

/// Asks for the tiles' registers, which Linux gives to processes that ask.
#[cfg(target_os = "linux")]
fn are_allowed() -> bool {
    const ASK_FOR_STATE: usize = 0x1023;
    const TILE_DATA: usize = 18;
    // SAFETY: the call changes nothing but which registers this process may use.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ASK_FOR_STATE, TILE_DATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn are_allowed() -> bool {
    false
}

/// A pointer that goes to several cores.
struct Shared<T>(*mut T);

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

// SAFETY: every task of a product writes a part of its own.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// # Safety
    /// As for [`pointer::add`].
    unsafe fn at(self, count: usize) -> *mut T {
        // SAFETY: as asked for.
        unsafe { self.0.add(count) }
    }
}

/// `out` (row after row) becomes a b, or grows by it.
///
/// # Safety
/// The unit must be there ([`are_there`]). `out` must hold `a.rows` x `b.columns` numbers, written ones if it grows, that
/// nothing else uses; one step of each matrix must be 1, and `a.columns` = `b.rows` > 0.
pub unsafe fn multiply(out: *mut f32, a: Matrix<'_>, b: Matrix<'_>, is_added: bool, cores: Cores) {
    let cores = match cores {
        Cores::This => 1,
        Cores::All => rayon::current_num_threads(),
    };
    let (rows, depth) = (a.rows.div_ceil(PANEL), a.columns);
    let high = rows.min(HIGHEST);
    let lines = Lines::take(&OF_ROWS, high * steps_of(depth.min(DEEPEST)) * STEP);
    for from in (0..depth).step_by(DEEPEST) {
        let block = Block {
            a,
            b,
            out: Shared(out),
            depth: from..depth.min(from + DEEPEST),
            is_added: is_added || from > 0,
            cores,
        };
        for top in (0..rows).step_by(high) {
            let rows = top..rows.min(top + high);
            // SAFETY: as asked for, and the rows have room.
            unsafe {
                block.lay_rows(&rows, lines.begin());
                block.sum(&rows, lines.begin());
            }
        }
    }
}

fn steps_of(depth: usize) -> usize {
    depth.div_ceil(DEPTH)
}

/// A product along a part of the common axis.
struct Block<'a> {
    a: Matrix<'a>,
    b: Matrix<'a>,
    out: Shared<f32>,
    depth: Range<usize>,
    is_added: bool,
    cores: usize,
}

impl Block<'_> {
    /// Lines of a panel.
    fn panel(&self) -> usize {
        steps_of(self.depth.len()) * STEP
    }

    /// Lays panels of rows out, one after the other.
    ///
    /// # Safety
    /// As for [`multiply`]; there must be room for the panels.
    unsafe fn lay_rows(&self, rows: &Range<usize>, lines: Shared<Line>) {
        // SAFETY: every panel has lines of its own.
        self.for_each(rows.len(), |index| unsafe {
            self.lay(
                self.a,
                rows.start + index,
                By::Row,
                lines.at(index * self.panel()),
            );
        });
    }

    /// # Safety
    /// As for [`lay_out`]; the panel must begin inside the matrix.
    unsafe fn lay(&self, matrix: Matrix<'_>, panel: usize, by: By, lines: *mut Line) {
        let row = panel * PANEL;
        let from = row * matrix.row_step + self.depth.start * matrix.column_step;
        // SAFETY: the part lies in the matrix.
        unsafe {
            let part = Part {
                from: matrix.values.as_ptr().add(from),
                row_step: matrix.row_step,
                column_step: matrix.column_step,
                rows: (matrix.rows - row).min(PANEL),
                columns: self.depth.len(),
            };
            lay_out(part, by, lines);
        }
    }

    /// Sums all columns of some panels of rows. A task lays a few panels of columns out, which stay in its core's second cache
    /// while the rows go by; where that makes too few tasks for the cores, several of them lay the same ones out.
    ///
    /// # Safety
    /// As for [`multiply`]; the rows must be laid out in `lines`.
    unsafe fn sum(&self, rows: &Range<usize>, lines: Shared<Line>) {
        let columns = self.b.columns.div_ceil(PANEL);
        let wanted = 2 * self.cores;
        let fewest = columns.div_ceil(WIDEST);
        let heights = match columns < NARROWEST * wanted {
            true => wanted.div_ceil(fewest).min(rows.len() / LOWEST).max(1),
            false => 1,
        };
        let widths = fewest.max(wanted.div_ceil(heights));
        let widths = widths.next_multiple_of(self.cores).min(columns);
        self.for_each(heights * widths, |task| {
            let columns = share(columns, task % widths, widths);
            let here = share(rows.len(), task / widths, heights);
            let laid = Lines::take(&OF_COLUMNS, columns.len() * self.panel());
            // SAFETY: the lines have room, the unit is there and its shape is set before any other of its instructions; no
            // other task has the same sums.
            unsafe {
                for (index, column) in columns.clone().enumerate() {
                    let lines = laid.begin().at(index * self.panel());
                    self.lay(self.b.transposed(), column, By::Pair, lines);
                }
                asm!("ldtilecfg [{}]", in(reg) &SHAPE.0, options(nostack, readonly));
                for row in here {
                    for (index, column) in columns.clone().enumerate() {
                        self.place(rows.start + row, column).sum(
                            lines.at(row * self.panel()),
                            laid.begin().at(index * self.panel()),
                            steps_of(self.depth.len()),
                            self.is_added,
                        );
                    }
                }
                asm!("tilerelease", options(nostack, nomem));
            }
        });
    }

    /// Where the sums of a panel of rows and one of columns go.
    ///
    /// # Safety
    /// Both must begin inside the product.
    unsafe fn place(&self, row: usize, column: usize) -> Place {
        let (row, column) = (row * PANEL, column * PANEL);
        Place {
            // SAFETY: as asked for.
            at: unsafe { self.out.at(row * self.b.columns + column) },
            row_step: self.b.columns,
            rows: (self.a.rows - row).min(PANEL),
            columns: (self.b.columns - column).min(PANEL),
        }
    }

    fn for_each(&self, tasks: usize, each: impl Fn(usize) + Send + Sync) {
        match self.cores {
            1 => (0..tasks).for_each(each),
            _ => (0..tasks).into_par_iter().for_each(each),
        }
    }
}

/// Which of `count` things the task `index` of `tasks` gets.
fn share(count: usize, index: usize, tasks: usize) -> Range<usize> {
    count * index / tasks..count * (index + 1) / tasks
}

/// Lines to lay panels out in. A thread keeps those of its last product, 11 MB at most: new ones would be cleared by the
/// system, page by page, for every product.
struct Lines {
    lines: Vec<Line>,
    kept: &'static LocalKey<RefCell<Vec<Line>>>,
}

thread_local! {
    static OF_ROWS: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
    static OF_COLUMNS: RefCell<Vec<Line>> = const { RefCell::new(Vec::new()) };
}

impl Lines {
    /// Room for `count` lines; nothing is in them.
    fn take(kept: &'static LocalKey<RefCell<Vec<Line>>>, count: usize) -> Self {
        let mut lines = kept.take();
        lines.reserve_exact(count);
        Self { lines, kept }
    }

    fn begin(&self) -> Shared<Line> {
        Shared(self.lines.as_ptr().cast_mut())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.kept.set(std::mem::take(&mut self.lines));
    }
}

/// A panel of a matrix: up to `PANEL` rows, up to `DEEPEST` columns.
struct Part {
    from: *const f32,
    row_step: usize,
    column_step: usize,
    rows: usize,
    columns: usize,
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

/// What a line of a tile holds.
#[derive(Clone, Copy, PartialEq)]
enum By {
    /// 32 numbers of a row of the part.
    Row,
    /// Numbers of two columns of the part, of 16 rows.
    Pair,
}

/// Lays `part` out as tiles: for every 32 columns the first parts of two tiles, the second, the third. Numbers beyond the
/// part are zeros; a second tile without rows is left out.
///
/// # Safety
/// The part must be numbers that are there, `lines` must have room for its tiles, and the processor must have AVX-512.
#[target_feature(enable = "avx512f")]
unsafe fn lay_out(part: Part, by: By, lines: *mut Line) {
    for (step, column) in (0..part.columns).step_by(DEPTH).enumerate() {
        part.ask_for(column + DEPTH);
        for (tile, row) in (0..part.rows).step_by(SIDE).enumerate() {
            // SAFETY: as asked for above.
            unsafe {
                let tile_of = Part {
                    from: part
                        .from
                        .add(row * part.row_step + column * part.column_step),
                    rows: (part.rows - row).min(SIDE),
                    columns: (part.columns - column).min(DEPTH),
                    ..part
                };
                lay_tile(tile_of, by, lines.add(step * STEP + tile * SIDE));
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

/// Where sums of a row panel and a column panel go.
struct Place {
    at: *mut f32,
    row_step: usize,
    rows: usize,
    columns: usize,
}

impl Place {
    /// # Safety
    /// The unit must be set, the place be written to by no one else, and the panels laid out for `steps` of the common axis.
    unsafe fn sum(&self, a: *const Line, b: *const Line, steps: usize, is_added: bool) {
        let mut beside = [const { MaybeUninit::<f32>::uninit() }; PANEL * PANEL];
        let is_whole = self.rows == PANEL && self.columns == PANEL;
        let (at, row_step) = match is_whole {
            true => (self.at, self.row_step),
            false => (beside.as_mut_ptr().cast::<f32>(), PANEL),
        };
        // SAFETY: what the place lacks of two tiles by two is worked out beside it.
        unsafe {
            if !is_whole && is_added {
                self.copy(|there, row| {
                    there.copy_to_nonoverlapping(at.add(row * PANEL), self.columns)
                });
            }
            match self.rows > SIDE {
                true => sum_two_rows(a, b, steps, at, row_step, is_added),
                false => sum_one_row(a, b, steps, at, row_step, is_added),
            }
            if !is_whole {
                self.copy(|there, row| {
                    there.copy_from_nonoverlapping(at.add(row * PANEL), self.columns)
                });
            }
        }
    }

    /// Every row of the place by its first number.
    ///
    /// # Safety
    /// The place must be there.
    unsafe fn copy(&self, each: impl Fn(*mut f32, usize)) {
        for row in 0..self.rows {
            // SAFETY: a row of the place.
            each(unsafe { self.at.add(row * self.row_step) }, row);
        }
    }
}

#[cfg(test)]
#[path = "tiles_tests.rs"]
mod tests;
