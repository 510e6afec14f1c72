//! What one row of a batch looks at: a support period, the frames of every source in it, a frame of each to be found again,
//! the periods they are asked for, and what the student does not get to see (STP specification 2.3, 7.3, 8.2).
//! Knows days and chance. Knows no pixels, no files and no tensors.

use terroir_models::Stream;

/// Support periods are about a year long.
const YEAR_DAYS: f64 = 365.25;
/// Valid periods are longer than this.
const SHORTEST_DAYS: f64 = 4.0;
/// Frames of a row whose dates lie so far apart that no year holds two.
const FRAMES_ACROSS_YEARS: usize = 8;
/// Places tried for a support period before one is made around two frames.
const TRIES: usize = 8;

/// Dates of the frames of a source at a place, rising; days since 2017-01-01.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SourceTimes {
    pub days: Vec<f64>,
    pub is_input: bool,
    pub is_target: bool,
    /// It says what is there at any time: elevation, land cover.
    pub is_static: bool,
    /// Its frames are what the others accompany: it gets most places in a row and the student keeps it.
    pub is_main: bool,
}

/// The frame of a source that is removed from the inputs and to be found again.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetPlan {
    pub frame: usize,
    /// `[t_s, t_e)`, holds the frame's day.
    pub period: (f64, f64),
    /// Place of the frame's day in the period, 0 to 1.
    pub tau: f32,
}

/// A row, by source.
#[derive(Clone, Debug, PartialEq)]
pub struct RowPlan {
    pub support: (f64, f64),
    /// Frames the teacher sees, rising.
    pub inputs: Vec<Vec<usize>>,
    pub targets: Vec<Option<TargetPlan>>,
    /// Frames of the support period that may stand in for the target, if that shows nothing.
    spare: Vec<Vec<usize>>,
    /// For each of `inputs`: the student sees it, too.
    pub student: Vec<Vec<bool>>,
    /// Period both are asked for.
    pub shared: (f64, f64),
}

impl RowPlan {
    /// Draws a row of at most `frames` inputs; `None` where no two frames are there to look at one and find the other.
    pub fn draw(sources: &[SourceTimes], frames: usize, chance: &mut Stream) -> Option<Self> {
        let support = support(sources, chance)?;
        let within = |source: &SourceTimes| -> Vec<usize> {
            let is_in = |day: f64| day >= support.0 && day < support.1;
            let all = source.days.iter().enumerate();
            all.filter(|(_, day)| source.is_static || is_in(**day))
                .map(|(frame, _)| frame)
                .collect()
        };
        let mut there: Vec<Vec<usize>> = sources.iter().map(within).collect();
        let mut targets: Vec<Option<TargetPlan>> = Vec::with_capacity(sources.len());
        for (source, there) in sources.iter().zip(&mut there) {
            let target = (source.is_target && !there.is_empty())
                .then(|| there.remove(pick(there.len(), chance)));
            targets.push(target.map(|frame| target_of(source, frame, support, chance)));
        }
        // A row without anything to look at gives one of its targets back.
        let left = |there: &[Vec<usize>]| -> usize {
            let inputs = sources.iter().zip(there);
            inputs
                .filter(|(source, _)| source.is_input)
                .map(|(_, there)| there.len())
                .sum()
        };
        if left(&there) == 0 {
            let held: Vec<usize> = (0..sources.len())
                .filter(|at| sources[*at].is_input && targets[*at].is_some())
                .collect();
            let back = *held.get(pick(held.len(), chance))?;
            there[back].extend(targets[back].take().map(|target| target.frame));
            targets.iter().any(Option::is_some).then_some(())?;
        }
        let counts: Vec<usize> = sources
            .iter()
            .zip(&there)
            .map(
                |(source, there)| {
                    if source.is_input { there.len() } else { 0 }
                },
            )
            .collect();
        let mains: Vec<bool> = sources.iter().map(|source| source.is_main).collect();
        let quotas = quotas(&counts, &mains, frames.max(1));
        let inputs: Vec<Vec<usize>> = there
            .iter()
            .zip(&quotas)
            .map(|(there, quota)| some_of(there, *quota, chance))
            .collect();
        let (student, shared) = student(sources, &inputs, support, chance);
        Some(Self {
            support,
            inputs,
            targets,
            spare: there,
            student,
            shared,
        })
    }

    /// Takes another frame for the target of a source, one that was not tried, and gives the one before to the inputs if the
    /// new one was among them. Says whether there was one.
    pub fn retarget(&mut self, source: usize, times: &SourceTimes, chance: &mut Stream) -> bool {
        let (Some(Some(target)), Some(spare)) =
            (self.targets.get_mut(source), self.spare.get_mut(source))
        else {
            return false;
        };
        if spare.is_empty() {
            return false;
        }
        let frame = spare.remove(pick(spare.len(), chance));
        let before = target.frame;
        *target = target_of(times, frame, self.support, chance);
        if let Some(inputs) = self.inputs.get_mut(source)
            && let Some(place) = inputs.iter().position(|seen| *seen == frame)
        {
            inputs[place] = before;
            // What the student keeps was drawn by date; it does without the newcomer if it has others.
            let kept: usize = self
                .student
                .iter()
                .flatten()
                .map(|kept| usize::from(*kept))
                .sum();
            if let Some(is_kept) = self
                .student
                .get_mut(source)
                .and_then(|of| of.get_mut(place))
            {
                *is_kept &= kept == 1;
            }
        }
        true
    }

    /// A period of random length around a random day of the support period.
    pub fn any_period(&self, chance: &mut Stream) -> (f64, f64) {
        let days = self.support.1 - self.support.0;
        let day = self.support.0 + chance.uniform() * days;
        period_around(day, days, chance).0
    }
}

/// About a year with two frames or more of what the model looks at; where dates lie further apart, as long as it takes.
fn support(sources: &[SourceTimes], chance: &mut Stream) -> Option<(f64, f64)> {
    let mut days: Vec<f64> = sources
        .iter()
        .filter(|source| source.is_input && !source.is_static)
        .flat_map(|source| source.days.iter().copied())
        .collect();
    days.sort_by(f64::total_cmp);
    let (first, last) = (*days.first()?, *days.last()?);
    let is_static_target = |source: &&SourceTimes| source.is_target && source.is_static;
    // With something static to find, one frame is enough to look at.
    let least = match sources.iter().find(is_static_target) {
        Some(_) => 1,
        None => 2,
    };
    if days.len() < least {
        return None;
    }
    let span = last + 1.0 - first;
    if span <= YEAR_DAYS {
        return Some((first, last + 1.0));
    }
    for _ in 0..TRIES {
        let start = first + chance.uniform() * (span - YEAR_DAYS);
        let end = start + YEAR_DAYS;
        let inside =
            days.partition_point(|day| *day < end) - days.partition_point(|day| *day < start);
        if inside >= least {
            return Some((start, end));
        }
    }
    let start = pick(days.len() - least + 1, chance);
    let end = (start + FRAMES_ACROSS_YEARS).min(days.len());
    Some((days[start], days[end - 1] + 1.0))
}

fn target_of(
    source: &SourceTimes,
    frame: usize,
    support: (f64, f64),
    chance: &mut Stream,
) -> TargetPlan {
    let length = support.1 - support.0;
    let day = match source.days.get(frame) {
        Some(day) if !source.is_static => *day,
        _ => support.0 + chance.uniform() * length,
    };
    let (period, tau) = period_around(day, length, chance);
    TargetPlan { frame, period, tau }
}

/// A period of random length, above four days and at most as long as the support period, that holds a day.
fn period_around(day: f64, support_days: f64, chance: &mut Stream) -> ((f64, f64), f32) {
    let longest = support_days.max(2.0 * SHORTEST_DAYS);
    let length = SHORTEST_DAYS + chance.uniform() * (longest - SHORTEST_DAYS);
    let tau = chance.uniform();
    let start = day - tau * length;
    ((start, start + length), tau as f32)
}

/// A period of random length above four days that lies within another one.
fn period_inside((from, to): (f64, f64), chance: &mut Stream) -> (f64, f64) {
    let free = (to - from - SHORTEST_DAYS).max(0.0);
    let length = SHORTEST_DAYS + chance.uniform() * free;
    let start = from + chance.uniform() * (to - from - length).max(0.0);
    (start, start + length)
}

/// Places of a row by source: those of a main source count twice, places a source cannot fill go to the others.
fn quotas(counts: &[usize], is_main: &[bool], frames: usize) -> Vec<usize> {
    let mut quotas = vec![0; counts.len()];
    let weight = |at: usize| if is_main[at] { 2.0 } else { 1.0 };
    // One place at a time to whoever is furthest from its share: as fair as rounding allows.
    for _ in 0..frames {
        let next = (0..counts.len())
            .filter(|at| quotas[*at] < counts[*at])
            .min_by(|a, b| {
                let share = |at: usize| (quotas[at] as f64 + 0.5) / weight(at);
                share(*a).total_cmp(&share(*b))
            });
        match next {
            Some(at) => quotas[at] += 1,
            None => break,
        }
    }
    quotas
}

/// What of the inputs the student keeps, and the period it is compared over (specification 7.3): first whole sources are
/// dropped, then frames at random, or those of the last or of the first half year. At least one frame is kept.
fn student(
    sources: &[SourceTimes],
    inputs: &[Vec<usize>],
    support: (f64, f64),
    chance: &mut Stream,
) -> (Vec<Vec<bool>>, (f64, f64)) {
    let days = support.1 - support.0;
    let half = (YEAR_DAYS / 2.0).min(days / 2.0);
    let (first, last) = (support.0 + half, support.1 - half);
    let case = pick(3, chance);
    let shared = match case {
        0 => {
            let longest = days.max(2.0 * SHORTEST_DAYS);
            let length = SHORTEST_DAYS + chance.uniform() * (longest - SHORTEST_DAYS);
            let start = support.0 - length + chance.uniform() * (days + length);
            (start, start + length)
        }
        1 => period_inside((last, support.1), chance),
        _ => period_inside((support.0, first), chance),
    };
    let mut kept: Vec<Vec<bool>> = Vec::with_capacity(inputs.len());
    for (source, frames) in sources.iter().zip(inputs) {
        let is_dropped = !source.is_main && chance.uniform() < 0.3;
        let chance_of_frame = if source.is_main { 0.5 } else { 0.3 };
        let keep = frames
            .iter()
            .map(|frame| {
                let day = source.days.get(*frame).copied().unwrap_or(support.0);
                let is_kept = match case {
                    0 => chance.uniform() >= chance_of_frame,
                    1 => day < last,
                    _ => day >= first,
                };
                is_kept && !is_dropped
            })
            .collect();
        kept.push(keep);
    }
    if !kept.iter().flatten().any(|kept| *kept) {
        let all: usize = inputs.iter().map(Vec::len).sum();
        if all > 0 {
            let one = pick(all, chance);
            if let Some(frame) = kept.iter_mut().flatten().nth(one) {
                *frame = true;
            }
        }
    }
    (kept, shared)
}

/// A number below `count`; 0 where there is none.
pub fn pick(count: usize, chance: &mut Stream) -> usize {
    ((chance.uniform() * count as f64) as usize).min(count.saturating_sub(1))
}

/// `most` of the frames, drawn, rising.
fn some_of(frames: &[usize], most: usize, chance: &mut Stream) -> Vec<usize> {
    let mut all = frames.to_vec();
    for place in 0..most.min(all.len()) {
        let other = place + pick(all.len() - place, chance);
        all.swap(place, other);
    }
    all.truncate(most);
    all.sort_unstable();
    all
}

/// The source the others accompany: the optical one with most frames, else the one with most frames. Arguments: whether a
/// source is looked at and is optical, and its frames.
pub fn main_source(sources: &[(bool, bool, usize)]) -> Option<usize> {
    (0..sources.len())
        .filter(|at| sources[*at].0 && sources[*at].2 > 0)
        .max_by_key(|at| (sources[*at].1, sources[*at].2, usize::MAX - *at))
}

#[cfg(test)]
#[path = "sampling_tests.rs"]
mod tests;
