//! Results that are written once: memory is asked for, and each core writes its parts. Zeros first would be a second pass over
//! it. Knows numbers. Knows nothing of what they are.

#![expect(
    unsafe_code,
    reason = "memory is filled by many threads before it is read"
)]

use std::mem::MaybeUninit;

use rayon::prelude::*;

/// Numbers of a part that a core writes at a time, where parts have no other size.
pub const NUMBERS: usize = 1 << 15;

/// A vector whose parts of `size` numbers are written by all cores. `write` is given a part's index and its place, and returns
/// that place with every number written.
///
/// # Panics
/// If it returns another place.
pub fn written(
    count: usize,
    size: usize,
    write: impl for<'a> Fn(usize, &'a mut [MaybeUninit<f32>]) -> &'a mut [f32] + Sync,
) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(count);
    let place = &mut numbers.spare_capacity_mut()[..count];
    let whole = |(index, part): (usize, &mut [MaybeUninit<f32>])| write_whole(index, part, &write);
    // Fewer numbers than this are written before other cores have woken up.
    match count < 4 * NUMBERS {
        true => place.chunks_mut(size.max(1)).enumerate().for_each(whole),
        false => place
            .par_chunks_mut(size.max(1))
            .enumerate()
            .for_each(whole),
    }
    // SAFETY: the parts are the whole, and each came back as numbers that are there.
    unsafe { numbers.set_len(count) };
    numbers
}

/// As many zeros.
pub fn zeros(count: usize) -> Vec<f32> {
    written(count, NUMBERS, |_, part| {
        write_rows(part, 1 << 10, |_, row| write_from(row, &ZEROS, |zero| zero))
    })
}

const ZEROS: [f32; 1 << 10] = [0.0; 1 << 10];

/// Writes rows of `width` numbers one after the other; `write` as in [`written`].
///
/// # Panics
/// As [`written`].
#[inline(always)]
pub fn write_rows(
    place: &mut [MaybeUninit<f32>],
    width: usize,
    write: impl for<'a> Fn(usize, &'a mut [MaybeUninit<f32>]) -> &'a mut [f32],
) -> &mut [f32] {
    for (index, row) in place.chunks_mut(width.max(1)).enumerate() {
        write_whole(index, row, &write);
    }
    // SAFETY: the rows are the whole, and each came back as numbers that are there.
    unsafe { place.assume_init_mut() }
}

#[inline(always)]
fn write_whole(
    index: usize,
    place: &mut [MaybeUninit<f32>],
    write: &impl for<'a> Fn(usize, &'a mut [MaybeUninit<f32>]) -> &'a mut [f32],
) {
    let (start, length) = (place.as_ptr().cast::<f32>(), place.len());
    let done = write(index, place);
    assert!(
        done.as_ptr() == start && done.len() == length,
        "a part of a result that was not written"
    );
}

/// Writes `f` of every number of `x`.
///
/// # Panics
/// If there are fewer numbers than places.
#[inline(always)]
pub fn write_from<'a>(
    place: &'a mut [MaybeUninit<f32>],
    x: &[f32],
    f: impl Fn(f32) -> f32,
) -> &'a mut [f32] {
    let x = &x[..place.len()];
    for (number, x) in place.iter_mut().zip(x) {
        number.write(f(*x));
    }
    // SAFETY: there is a number for every place, and it was written just now.
    unsafe { place.assume_init_mut() }
}

/// Writes `f` of every number of `x` with those of `a` and `b` beside it.
///
/// # Panics
/// If there are fewer numbers than places.
#[inline(always)]
pub fn write_from_three<'a>(
    place: &'a mut [MaybeUninit<f32>],
    [x, a, b]: [&[f32]; 3],
    f: impl Fn(f32, f32, f32) -> f32,
) -> &'a mut [f32] {
    let count = place.len();
    let beside = a[..count].iter().zip(&b[..count]);
    for ((number, x), (a, b)) in place.iter_mut().zip(&x[..count]).zip(beside) {
        number.write(f(*x, *a, *b));
    }
    // SAFETY: there is a number for every place, and it was written just now.
    unsafe { place.assume_init_mut() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_written_once() {
        for count in [0, 5, 3 * NUMBERS + 7, 9 * NUMBERS + 1] {
            let x: Vec<f32> = (0..count).map(|i| i as f32).collect();
            let twice = written(count, 1000, |part, place| {
                write_from(place, &x[part * 1000..], |x| 2.0 * x)
            });
            let expected: Vec<f32> = x.iter().map(|x| 2.0 * x).collect();
            assert_eq!(twice, expected);
            assert!(zeros(count).iter().all(|zero| *zero == 0.0));
        }
    }

    #[test]
    #[should_panic(expected = "not written")]
    fn a_part_that_was_not_written_is_noticed() {
        written(4, 4, |_, place| {
            write_from(&mut place[..2], &[1.0, 2.0], |x| x)
        });
    }
}
