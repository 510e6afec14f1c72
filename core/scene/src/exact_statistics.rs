//! Statistics of whole bands, every pixel counted. Windows are read one after the other and only counts are kept, so that memory
//! does not grow with the raster. Knows rasters. Knows nothing of jobs or styles.

use rayon::prelude::*;

use crate::{
    BandStatistics, Detail, Plane, Raster, RasterInfo, Resampling, SampleType, SceneError,
    SceneResult, Window,
};

/// Values of a window over all bands read together.
const WINDOW_VALUES: usize = 1 << 22;
/// Bands read together: many where blocks hold all of them, so that no block is read more often than it has to be.
const BANDS_TOGETHER: usize = 16;
const INTERLEAVED_TOGETHER: usize = 64;
/// The second pass over numbers that are no short integers counts more finely and takes more memory.
const FINE_TOGETHER: usize = 4;
const BINS: usize = 256;
const COUNTERS: usize = 1 << 16;

/// Reads every pixel of the bands and hands over each band's statistics as soon as they are known. Short integers are read
/// once, other numbers twice. Values are the stored ones, as 32-bit floats. `goes_on` gets the values read and those there are
/// to read, and says whether to go on.
///
/// # Errors
/// A band that does not exist, blocks that cannot be read, or [`SceneError::Cancelled`].
pub fn exact_statistics_blocking(
    raster: &Raster,
    bands: &[usize],
    goes_on: &mut dyn FnMut(u64, u64) -> bool,
    known: &mut dyn FnMut(BandStatistics),
) -> SceneResult<()> {
    let info = raster.info();
    let kinds: Vec<(usize, Option<f32>)> = bands
        .iter()
        .map(|band| {
            let found = info.bands.get(*band);
            let found = found.ok_or_else(|| crate::statistics::missing_band(info, *band))?;
            Ok((*band, least_of_short(found.sample_type)))
        })
        .collect::<SceneResult<_>>()?;
    let pixels = info.grid.window().pixels() as u64;
    let passes: u64 = kinds
        .iter()
        .map(|(_, least)| if least.is_some() { 1 } else { 2 })
        .sum();
    let total = pixels * passes;
    let mut done = 0;
    let together = if info.is_interleaved {
        INTERLEAVED_TOGETHER
    } else {
        BANDS_TOGETHER
    };
    for group in kinds.chunks(together) {
        let mut tallies: Vec<Tally> = group
            .iter()
            .map(|(band, least)| Tally::new(*band, *least))
            .collect();
        let numbers: Vec<usize> = group.iter().map(|(band, _)| *band).collect();
        for window in windows(info, &numbers) {
            let planes = read(raster, &numbers, window)?;
            tallies
                .par_iter_mut()
                .zip(&planes)
                .for_each(|(tally, plane)| tally.add(plane));
            done += (window.pixels() * numbers.len()) as u64;
            if !goes_on(done, total) {
                return Err(SceneError::Cancelled);
            }
        }
        let (short, other): (Vec<Tally>, Vec<Tally>) =
            tallies.into_iter().partition(|tally| tally.least.is_some());
        short.iter().map(Tally::of_short).for_each(&mut *known);
        for part in other.chunks(FINE_TOGETHER) {
            let mut fine: Vec<Fine<'_>> = part.iter().map(Fine::new).collect();
            let numbers: Vec<usize> = part.iter().map(|tally| tally.band).collect();
            for window in windows(info, &numbers) {
                let planes = read(raster, &numbers, window)?;
                fine.par_iter_mut()
                    .zip(&planes)
                    .for_each(|(fine, plane)| fine.add(plane));
                done += (window.pixels() * numbers.len()) as u64;
                if !goes_on(done, total) {
                    return Err(SceneError::Cancelled);
                }
            }
            fine.iter().map(Fine::statistics).for_each(&mut *known);
        }
    }
    Ok(())
}

fn read(raster: &Raster, bands: &[usize], window: Window) -> SceneResult<Vec<Plane>> {
    let (width, height) = (window.width, window.height);
    raster.read_planes_blocking(
        bands,
        window,
        width,
        height,
        Resampling::Nearest,
        Detail::Full,
    )
}

/// Windows of whole blocks that cover the raster.
fn windows(info: &RasterInfo, bands: &[usize]) -> Vec<Window> {
    let (width, height) = (info.grid.width, info.grid.height);
    let block = bands
        .first()
        .and_then(|band| info.bands.get(*band))
        .map_or((256, 256), |band| band.block_size);
    let whole_blocks = |wanted: usize, block: usize, most: usize| {
        let block = block.clamp(1, most.max(1));
        (wanted / block)
            .max(1)
            .saturating_mul(block)
            .min(most.max(1))
    };
    let most = (WINDOW_VALUES / bands.len().max(1)).max(1);
    let across = whole_blocks(2048, block.0, width);
    // A block that is larger than a window is read in part.
    let down = whole_blocks(most / across, block.1, height).min((most / across).max(1));
    let starts = |step: usize, end: usize| (0..end).step_by(step.max(1));
    starts(down, height)
        .flat_map(|row| starts(across, width).map(move |col| (col, row)))
        .map(|(col, row)| Window {
            col,
            row,
            width: across.min(width - col),
            height: down.min(height - row),
        })
        .collect()
}

/// The least value of a type that has a counter for each of its values.
fn least_of_short(sample_type: SampleType) -> Option<f32> {
    match sample_type {
        SampleType::UInt8 | SampleType::UInt16 => Some(0.0),
        SampleType::Int8 => Some(-128.0),
        SampleType::Int16 => Some(-32_768.0),
        _ => None,
    }
}

fn values(plane: &Plane) -> impl Iterator<Item = f32> + '_ {
    let both = plane.values.iter().zip(&plane.valid);
    both.filter(|(value, valid)| **valid && value.is_finite())
        .map(|(value, _)| *value)
}

/// Whole numbers in the order of the floats they are made of.
fn key(value: f32) -> u32 {
    let bits = value.to_bits();
    if bits >> 31 == 1 {
        !bits
    } else {
        bits | 0x8000_0000
    }
}

fn value_of(key: u32) -> f32 {
    f32::from_bits(if key >> 31 == 1 {
        key & 0x7fff_ffff
    } else {
        !key
    })
}

/// What the first pass keeps of a band.
struct Tally {
    band: usize,
    /// Value of the first counter; without it the counters are of the upper halves of keys.
    least: Option<f32>,
    counts: Vec<u64>,
    count: u64,
    min: f32,
    max: f32,
    mean: f64,
    /// Sum of squared differences to the mean.
    squares: f64,
}

impl Tally {
    fn new(band: usize, least: Option<f32>) -> Self {
        Self {
            band,
            least,
            counts: vec![0; COUNTERS],
            count: 0,
            min: f32::INFINITY,
            max: f32::NEG_INFINITY,
            mean: 0.0,
            squares: 0.0,
        }
    }

    fn add(&mut self, plane: &Plane) {
        let (mut count, mut sum) = (0_u64, 0.0_f64);
        for value in values(plane) {
            let at = match self.least {
                Some(least) => (value - least) as usize,
                None => (key(value) >> 16) as usize,
            };
            if let Some(counter) = self.counts.get_mut(at.min(COUNTERS - 1)) {
                *counter += 1;
            }
            (self.min, self.max) = (self.min.min(value), self.max.max(value));
            count += 1;
            sum += f64::from(value);
        }
        if count == 0 {
            return;
        }
        // Merged window by window (Chan and others 1979), which keeps digits that one long sum loses.
        let mean = sum / count as f64;
        let squares: f64 = values(plane)
            .map(|value| (f64::from(value) - mean).powi(2))
            .sum();
        let (before, all) = (self.count as f64, (self.count + count) as f64);
        let apart = mean - self.mean;
        self.squares += squares + apart * apart * before * count as f64 / all;
        self.mean += apart * count as f64 / all;
        self.count += count;
    }

    fn statistics(&self, order: &dyn Fn(u64) -> f32, histogram: Vec<u32>) -> BandStatistics {
        let mut statistics = BandStatistics {
            band: self.band,
            min: 0.0,
            max: 0.0,
            mean: 0.0,
            std: 0.0,
            low: 0.0,
            high: 0.0,
            histogram,
            percentiles: Vec::new(),
            count: self.count,
            is_sampled: false,
        };
        let Some(last) = self.count.checked_sub(1) else {
            return statistics;
        };
        (statistics.min, statistics.max) = (f64::from(self.min), f64::from(self.max));
        statistics.mean = self.mean;
        statistics.std = (self.squares / self.count as f64).sqrt();
        let between = |share: f64| {
            let (rank, next, part) = place(share, last);
            let (low, high) = (f64::from(order(rank)), f64::from(order(next)));
            low + (high - low) * part
        };
        (statistics.low, statistics.high) = (between(0.02), between(0.98));
        statistics.percentiles = (0..=100).map(|share| order(share * last / 100)).collect();
        statistics
    }

    /// A short integer's counters are all there is to know.
    fn of_short(&self) -> BandStatistics {
        let least = self.least.unwrap_or(0.0);
        let mut sums = Vec::with_capacity(COUNTERS);
        let mut sum = 0_u64;
        let mut histogram = vec![0_u64; BINS];
        for (at, count) in self.counts.iter().enumerate() {
            sum += count;
            sums.push(sum);
            if *count > 0 {
                histogram[bin(least + at as f32, self.min, self.max)] += count;
            }
        }
        let order = |rank: u64| least + sums.partition_point(|sum| *sum <= rank) as f32;
        self.statistics(&order, capped(&histogram))
    }
}

/// The order statistics around a share of the pixels, counted from 0, and the part of the way between them.
fn place(share: f64, last: u64) -> (u64, u64, f64) {
    let position = share * last as f64;
    let rank = (position.floor() as u64).min(last);
    (rank, (rank + 1).min(last), position - position.floor())
}

fn bin(value: f32, min: f32, max: f32) -> usize {
    let (value, min, max) = (f64::from(value), f64::from(min), f64::from(max));
    let share = if max > min {
        (value - min) / (max - min)
    } else {
        0.5
    };
    ((share * BINS as f64) as usize).min(BINS - 1)
}

fn capped(histogram: &[u64]) -> Vec<u32> {
    let cap = |count: &u64| u32::try_from(*count).unwrap_or(u32::MAX);
    histogram.iter().map(cap).collect()
}

/// The second pass: the upper halves of keys in which a wanted order statistic lies, counted by their lower halves.
struct Fine<'a> {
    tally: &'a Tally,
    /// Pixels with a smaller upper half, one more than there are counters.
    before: Vec<u64>,
    /// Place in `counts` for each upper half.
    places: Vec<Option<u16>>,
    counts: Vec<Vec<u64>>,
    histogram: Vec<u64>,
}

impl<'a> Fine<'a> {
    fn new(tally: &'a Tally) -> Self {
        let mut before = Vec::with_capacity(COUNTERS + 1);
        let mut sum = 0_u64;
        before.push(sum);
        for count in &tally.counts {
            sum += count;
            before.push(sum);
        }
        let mut fine = Self {
            tally,
            before,
            places: vec![None; COUNTERS],
            counts: Vec::new(),
            histogram: vec![0; BINS],
        };
        if let Some(last) = tally.count.checked_sub(1) {
            let mut wanted: Vec<u64> = (0..=100).map(|share| share * last / 100).collect();
            for share in [0.02, 0.98] {
                let (rank, next, _) = place(share, last);
                wanted.extend([rank, next]);
            }
            for rank in wanted {
                let upper = fine.upper_of(rank);
                if let Some(slot) = fine.places.get_mut(upper)
                    && slot.is_none()
                {
                    *slot = u16::try_from(fine.counts.len()).ok();
                    fine.counts.push(vec![0; COUNTERS]);
                }
            }
        }
        fine
    }

    fn upper_of(&self, rank: u64) -> usize {
        self.before
            .partition_point(|sum| *sum <= rank)
            .saturating_sub(1)
    }

    fn counts_of(&self, upper: usize) -> Option<&Vec<u64>> {
        let place = self.places.get(upper).copied().flatten()?;
        self.counts.get(usize::from(place))
    }

    fn add(&mut self, plane: &Plane) {
        for value in values(plane) {
            self.histogram[bin(value, self.tally.min, self.tally.max)] += 1;
            let key = key(value);
            let place = self.places.get((key >> 16) as usize).copied().flatten();
            let counts = place.and_then(|place| self.counts.get_mut(usize::from(place)));
            if let Some(counter) = counts.and_then(|counts| counts.get_mut((key & 0xffff) as usize))
            {
                *counter += 1;
            }
        }
    }

    fn order(&self, rank: u64) -> f32 {
        let upper = self.upper_of(rank);
        let mut left = rank - self.before.get(upper).copied().unwrap_or(0);
        let lower = self.counts_of(upper).and_then(|counts| {
            counts.iter().position(|count| {
                let is_here = left < *count;
                left = left.saturating_sub(*count);
                is_here
            })
        });
        value_of(((upper as u32) << 16) | lower.unwrap_or(0) as u32)
    }

    fn statistics(&self) -> BandStatistics {
        let order = |rank: u64| self.order(rank);
        self.tally.statistics(&order, capped(&self.histogram))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::band_statistics_blocking;
    use crate::made_raster::{Made, open};

    fn exact(raster: &Raster) -> Vec<BandStatistics> {
        let bands: Vec<usize> = (0..raster.info().bands.len()).collect();
        let mut found = Vec::new();
        let mut last = (0, 0);
        let mut goes_on = |done, total| {
            last = (done, total);
            true
        };
        exact_statistics_blocking(raster, &bands, &mut goes_on, &mut |one| found.push(one))
            .expect("read");
        assert_eq!(last.0, last.1, "all was told");
        found
    }

    /// A small raster is read whole by both ways, which then have to agree.
    fn agree(raster: &Raster) {
        let bands: Vec<usize> = (0..raster.info().bands.len()).collect();
        let plain = band_statistics_blocking(raster, &bands).expect("read");
        for (exact, plain) in exact(raster).iter().zip(&plain) {
            assert!(!plain.is_sampled && !exact.is_sampled);
            assert_eq!((exact.count, exact.band), (plain.count, plain.band));
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + b.abs());
            for (a, b) in [
                (exact.min, plain.min),
                (exact.max, plain.max),
                (exact.mean, plain.mean),
                (exact.std, plain.std),
                (exact.low, plain.low),
                (exact.high, plain.high),
            ] {
                assert!(close(a, b), "{a} {b}\n{exact:?}\n{plain:?}");
            }
            assert_eq!(exact.histogram, plain.histogram);
            assert_eq!(exact.percentiles, plain.percentiles);
        }
    }

    fn spread(index: usize) -> usize {
        index.wrapping_mul(2_654_435_761) >> 7 & 0xffff
    }

    #[test]
    fn every_type_gives_what_sorting_gives() {
        let folder = tempfile::tempdir().expect("folder");
        let count = 200 * 150;
        let size = (200, 150);
        let mut bytes = Made::new(size, vec![(0..count).map(|at| spread(at) as u8).collect()]);
        bytes.nodata = Some(0.0);
        agree(&open(&bytes.write(folder.path(), "bytes.tif")));
        let signed = (0..count).map(|at| (spread(at) as i32 - 40_000).max(-32_768) as i16);
        let signed = Made::new(size, vec![signed.collect()]);
        agree(&open(&signed.write(folder.path(), "signed.tif")));
        let float = |at: usize| match at % 11 {
            0 => f32::NAN,
            1 => 0.0,
            2 => -(spread(at) as f32) * 1e-6,
            _ => (spread(at) as f32 / 3000.0).exp(),
        };
        let mut floats = Made::new(
            size,
            vec![
                (0..count).map(float).collect(),
                vec![7.5; count],
                vec![f32::NAN; count],
            ],
        );
        floats.nodata = Some(f64::NAN);
        agree(&open(&floats.write(folder.path(), "floats.tif")));
    }

    /// A raster of 5 million pixels with two odd ones, of which a sample sees less than half.
    #[test]
    fn single_pixels_count() {
        let folder = tempfile::tempdir().expect("folder");
        let (width, height) = (2500, 2000);
        let mut codes: Vec<u16> = (0..width * height)
            .map(|at| 1000 + (at % 7) as u16)
            .collect();
        codes[1_234_567] = 60_000;
        codes[4_321_098] = 3;
        let mut made = Made::new((width, height), vec![codes]);
        made.options = vec!["TILED=YES", "BLOCKXSIZE=128", "BLOCKYSIZE=128"];
        let raster = open(&made.write(folder.path(), "large.tif"));
        let [found] = &exact(&raster)[..] else {
            panic!("one band");
        };
        assert_eq!(
            (found.min, found.max, found.count),
            (3.0, 60_000.0, 5_000_000)
        );
        assert_eq!(found.histogram.iter().sum::<u32>(), 5_000_000);
        assert_eq!((found.low, found.high), (1000.0, 1006.0));
        let sampled = band_statistics_blocking(&raster, &[0]).expect("read");
        assert!(sampled[0].is_sampled && sampled[0].count < found.count);
    }

    #[test]
    fn a_stop_ends_the_reading() {
        let folder = tempfile::tempdir().expect("folder");
        let made = Made::new((64, 64), vec![vec![1.5_f32; 64 * 64]]);
        let raster = open(&made.write(folder.path(), "a.tif"));
        let stopped = exact_statistics_blocking(&raster, &[0], &mut |_, _| false, &mut |_| {
            panic!("nothing is known")
        });
        assert!(matches!(stopped, Err(SceneError::Cancelled)));
        let missing = exact_statistics_blocking(&raster, &[3], &mut |_, _| true, &mut |_| {});
        assert!(missing.unwrap_err().to_string().contains("no band 4"));
    }

    #[test]
    fn keys_are_in_the_order_of_their_floats() {
        let floats = [f32::MIN, -2.5, -1e-30, 0.0, 1e-30, 0.75, 3.0, f32::MAX];
        assert!(floats.map(key).is_sorted());
        assert_eq!(floats.map(|value| value_of(key(value))), floats);
    }
}
