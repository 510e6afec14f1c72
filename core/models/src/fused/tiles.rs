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
use std::arch::x86_64::{__cpuid, __cpuid_count};
use std::cell::RefCell;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::sync::OnceLock;
use std::thread::LocalKey;

use rayon::prelude::*;

use super::product::{Cores, Matrix};
use super::tile_panels::{By, Line, PANEL, Part, SIDE, STEP, lay_out, steps_of};
use super::tile_steps::{sum_one_row, sum_two_rows};

/// Of the common axis at once. A panel of this depth is 147 kB.
const DEEPEST: usize = 768;
/// Panels of `b` that stay in a core's second cache while those of `a` go by, and as few as that is still worth it for.
const WIDEST: usize = 8;
const NARROWEST: usize = 5;
/// Panels of `a` that are worth laying the same panels of `b` out once more.
const LOWEST: usize = 16;
/// Panels of `a` that are laid out at once: 9 MB.
const HIGHEST: usize = 64;

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

/// As the unit's instruction takes it.
pub fn shape() -> &'static [u8; 64] {
    &SHAPE.0
}

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
    let mut kept = Lines::take(&OF_ROWS, high * steps_of(depth.min(DEEPEST)) * STEP);
    let lines = kept.begin();
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
                block.lay_rows(&rows, lines);
                block.sum(&rows, lines);
            }
        }
    }
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
        self.for_each(rows.len(), |index| {
            let panel = rows.start + index;
            // SAFETY: every panel has lines of its own.
            unsafe {
                let lines = lines.at(index * self.panel());
                self.lay(self.a, panel..panel + 1, By::Row, lines);
            }
        });
    }

    /// # Safety
    /// As for [`lay_out`]; the panels must be the matrix's.
    unsafe fn lay(&self, matrix: Matrix<'_>, panels: Range<usize>, by: By, lines: *mut Line) {
        let row = panels.start * PANEL;
        let from = row * matrix.row_step + self.depth.start * matrix.column_step;
        // SAFETY: the part lies in the matrix.
        unsafe {
            let part = Part {
                from: matrix.values.as_ptr().add(from),
                row_step: matrix.row_step,
                column_step: matrix.column_step,
                rows: matrix.rows.min(panels.end * PANEL) - row,
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
            let mut kept = Lines::take(&OF_COLUMNS, columns.len() * self.panel());
            let laid = kept.begin();
            // SAFETY: the lines have room, the unit is there and its shape is set before any other of its instructions; no
            // other task has the same sums.
            unsafe {
                let across = self.b.transposed();
                self.lay(across, columns.clone(), By::Pair, laid.0);
                asm!("ldtilecfg [{}]", in(reg) shape(), options(nostack, readonly));
                for row in here {
                    for (index, column) in columns.clone().enumerate() {
                        self.place(rows.start + row, column).sum(
                            lines.at(row * self.panel()),
                            laid.at(index * self.panel()),
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

    fn begin(&mut self) -> Shared<Line> {
        Shared(self.lines.as_mut_ptr())
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.kept.set(std::mem::take(&mut self.lines));
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
