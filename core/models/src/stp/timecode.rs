//! Times as numbers a network can tell apart: sines and cosines of many periods (specification section 3).
//! Worked out in f64: milliseconds since 1970 times a frequency are noise in f32.

/// 2017-01-01T00:00:00Z in milliseconds since 1970.
const EPOCH_MS: i64 = 1_483_228_800_000;
const DAY_MS: f64 = 86_400_000.0;

/// Ten years and four days.
const LONGEST_DAYS: f64 = 3652.425;
const SHORTEST_DAYS: f64 = 4.0;

/// Of times within a valid period, which lasts 1.
const LONGEST_RELATIVE: f64 = 2.0;
const SHORTEST_RELATIVE: f64 = 1.0 / 64.0;

/// Days since 2017-01-01T00:00:00Z of milliseconds since 1970.
pub fn day_of(ms: i64) -> f64 {
    (ms - EPOCH_MS) as f64 / DAY_MS
}

/// Code of a time in days: `count` numbers, sines then cosines.
pub fn time_code(days: f64, count: usize) -> Vec<f32> {
    code(days, count, LONGEST_DAYS, SHORTEST_DAYS)
}

/// Code of a time within a valid period, 0 at its start and 1 at its end.
pub fn relative_code(time: f64, count: usize) -> Vec<f32> {
    code(time, count, LONGEST_RELATIVE, SHORTEST_RELATIVE)
}

fn code(time: f64, count: usize, longest: f64, shortest: f64) -> Vec<f32> {
    let half = count / 2;
    let phases = (0..half).map(|k| {
        let period = longest * (shortest / longest).powf(k as f64 / (half as f64 - 1.0));
        let turns = time / period;
        std::f64::consts::TAU * (turns - turns.floor())
    });
    let (sines, cosines): (Vec<f32>, Vec<f32>) = phases
        .map(|phase| (phase.sin() as f32, phase.cos() as f32))
        .unzip();
    [sines, cosines].concat()
}
