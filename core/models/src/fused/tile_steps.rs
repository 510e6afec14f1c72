//! What the tile unit does for two panels: tiles loaded, multiplied, summed, stored.
//! Knows the unit's instructions and how panels are laid out. Knows no matrices.

#![expect(
    unsafe_code,
    reason = "the tile unit is reached by its instructions, which take pointers"
)]

use std::arch::asm;

use super::tile_panels::{Line, Numbers, SIDE, STEP};

/// The bytes of a step, which stand in the instructions below.
const _: () = assert!(STEP * size_of::<Line>() == 6144);

/// Two tiles beside each other (tmm0, tmm1), or four, from one of `a` (tmm4) or two (tmm4, tmm5) and two of `b` (tmm6, tmm7).
macro_rules! products {
    (one) => {
        "tdpbf16ps tmm0, tmm4, tmm6\n tdpbf16ps tmm1, tmm4, tmm7\n"
    };
    (two) => {
        concat!(
            products!(one),
            "tdpbf16ps tmm2, tmm5, tmm6\n tdpbf16ps tmm3, tmm5, tmm7\n"
        )
    };
}

/// The tiles of a part, which begin `$at` bytes after those of the first.
macro_rules! tiles_of_a {
    (one, $at:literal) => {
        concat!("tileloadd tmm4, [{a} + {line} + ", $at, "]\n")
    };
    (two, $at:literal) => {
        concat!(
            tiles_of_a!(one, $at),
            "tileloadd tmm5, [{a} + {line} + ",
            $at,
            " + 1024]\n"
        )
    };
}

macro_rules! tiles_of_b {
    ($at:literal) => {
        concat!(
            "tileloadd tmm6, [{b} + {line} + ",
            $at,
            "]\n tileloadd tmm7, [{b} + {line} + ",
            $at,
            " + 1024]\n"
        )
    };
}

/// Asks for the lines of the next step of tile `$at` before they are needed: loads of tiles are waited for.
macro_rules! soon {
    ($at:literal) => {
        concat!(
            soon!($at, 0),
            soon!($at, 64),
            soon!($at, 128),
            soon!($at, 192),
            soon!($at, 256),
            soon!($at, 320),
            soon!($at, 384),
            soon!($at, 448),
            soon!($at, 512),
            soon!($at, 576),
            soon!($at, 640),
            soon!($at, 704),
            soon!($at, 768),
            soon!($at, 832),
            soon!($at, 896),
            soon!($at, 960),
        )
    };
    ($at:literal, $line:literal) => {
        concat!(
            "prefetcht0 [{a} + 6144 + ",
            $at,
            " + ",
            $line,
            "]\n",
            "prefetcht0 [{b} + 6144 + ",
            $at,
            " + ",
            $line,
            "]\n",
        )
    };
}

/// All steps: the six products of parts, so ordered that few tiles are loaded twice.
macro_rules! steps {
    ($rows:tt) => {
        concat!(
            "2:\n",
            tiles_of_a!($rows, 0),
            tiles_of_b!(4096),
            products!($rows),
            soon!(0),
            tiles_of_b!(2048),
            products!($rows),
            soon!(1024),
            tiles_of_a!($rows, 2048),
            products!($rows),
            soon!(2048),
            tiles_of_b!(0),
            products!($rows),
            soon!(3072),
            tiles_of_a!($rows, 4096),
            products!($rows),
            soon!(4096),
            tiles_of_a!($rows, 0),
            products!($rows),
            soon!(5120),
            "add {a}, 6144\n add {b}, 6144\n dec {steps}\n jnz 2b\n",
        )
    };
}

/// # Safety
/// The unit must be set, both panels be laid out for `steps` > 0 of the common axis, and `at` be two tiles by two, `row_step` numbers from row to row.
pub unsafe fn sum_two_rows(
    a: *const Line,
    b: *const Line,
    steps: usize,
    at: *mut f32,
    row_step: usize,
    is_added: bool,
) {
    // SAFETY: as asked for.
    unsafe {
        asm!(
            "test {is_added}, {is_added}",
            "jz 3f",
            "tileloadd tmm0, [{upper} + {row}]",
            "tileloadd tmm1, [{upper} + {row} + 64]",
            "tileloadd tmm2, [{lower} + {row}]",
            "tileloadd tmm3, [{lower} + {row} + 64]",
            "jmp 2f",
            "3:",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            steps!(two),
            "tilestored [{upper} + {row}], tmm0",
            "tilestored [{upper} + {row} + 64], tmm1",
            "tilestored [{lower} + {row}], tmm2",
            "tilestored [{lower} + {row} + 64], tmm3",
            a = inout(reg) a => _,
            b = inout(reg) b => _,
            steps = inout(reg) steps => _,
            upper = in(reg) at,
            lower = in(reg) at.add(SIDE * row_step),
            row = in(reg) row_step * size_of::<f32>(),
            line = in(reg) size_of::<Line>(),
            is_added = in(reg) usize::from(is_added),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// # Safety
/// As for [`sum_two_rows`], of the upper two tiles; panel `a` needs only its first tile.
pub unsafe fn sum_one_row(
    a: *const Line,
    b: *const Line,
    steps: usize,
    at: *mut f32,
    row_step: usize,
    is_added: bool,
) {
    // SAFETY: as asked for.
    unsafe {
        asm!(
            "test {is_added}, {is_added}",
            "jz 3f",
            "tileloadd tmm0, [{upper} + {row}]",
            "tileloadd tmm1, [{upper} + {row} + 64]",
            "jmp 2f",
            "3:",
            "tilezero tmm0",
            "tilezero tmm1",
            steps!(one),
            "tilestored [{upper} + {row}], tmm0",
            "tilestored [{upper} + {row} + 64], tmm1",
            a = inout(reg) a => _,
            b = inout(reg) b => _,
            steps = inout(reg) steps => _,
            upper = in(reg) at,
            row = in(reg) row_step * size_of::<f32>(),
            line = in(reg) size_of::<Line>(),
            is_added = in(reg) usize::from(is_added),
            out("tmm0") _, out("tmm1") _, out("tmm4") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// Tiles that [`sum_three`] sums beside each other: with three of `b` and two of `a` all of the unit's.
pub const TILES: usize = 3;

/// Three tiles of `a` by turns (tmm6, tmm7), each times tiles of `b`.
macro_rules! three_products {
    ($($b:literal),+) => {
        concat!(
            three_products!(load 0, "tmm6"),
            three_products!(load 8, "tmm7"),
            three_products!(sum "tmm0", "tmm6", $($b),+),
            three_products!(sum "tmm1", "tmm7", $($b),+),
            three_products!(load 16, "tmm6"),
            three_products!(sum "tmm2", "tmm6", $($b),+),
        )
    };
    (load $tile:literal, $a:literal) => {
        concat!(
            "mov {at}, [{tiles} + ",
            $tile,
            "]\n add {at}, {offset}\n tileloadd ",
            $a,
            ", [{at} + {a_line}]\n"
        )
    };
    (sum $sums:literal, $a:literal, $($b:literal),+) => {
        concat!($("tdpbf16ps ", $sums, ", ", $a, ", ", $b, "\n"),+)
    };
}

/// `sums` [3, 16, 16] becomes what the tiles of `a` give with the columns of `b`, one tile of a panel, along the steps that begin
/// `offsets` bytes after the tiles.
///
/// # Safety
/// The unit must be set; from all tiles and offsets on there must be 16 lines of 32 digits in every array, and `b` must be laid
/// out for as many steps, at least one.
pub unsafe fn sum_three(
    a: &Numbers<TILES>,
    offsets: &[usize],
    b: *const Line,
    sums: &mut [f32; TILES * SIDE * SIDE],
) {
    // SAFETY: as asked for.
    unsafe {
        asm!(
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "2:",
            "mov {offset}, [{offsets}]",
            "tileloadd tmm3, [{b} + {line}]",
            "tileloadd tmm4, [{b} + {line} + 2048]",
            "tileloadd tmm5, [{b} + {line} + 4096]",
            three_products!("tmm5", "tmm4", "tmm3"),
            "add {offset}, {array}",
            three_products!("tmm4", "tmm3"),
            "add {offset}, {array}",
            three_products!("tmm3"),
            "add {b}, 6144",
            "add {offsets}, 8",
            "dec {steps}",
            "jnz 2b",
            "tilestored [{sums} + {line}], tmm0",
            "tilestored [{sums} + {line} + 1024], tmm1",
            "tilestored [{sums} + {line} + 2048], tmm2",
            at = out(reg) _,
            offset = out(reg) _,
            tiles = in(reg) a.from.as_ptr(),
            a_line = in(reg) a.line * size_of::<u16>(),
            array = in(reg) a.array * size_of::<u16>(),
            offsets = inout(reg) offsets.as_ptr() => _,
            steps = inout(reg) offsets.len() => _,
            b = inout(reg) b => _,
            sums = in(reg) sums.as_mut_ptr(),
            line = in(reg) size_of::<Line>(),
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}
