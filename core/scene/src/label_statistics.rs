//! What has been labelled: pixels and separate patches of each class, what is kept for testing, and hints about classes a
//! map could not learn or a check could not test. Work goes with the labelled pixels, memory with one row of them.
//! Knows labels. Knows nothing of windows.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::labels::first_pixel;
use crate::{LABEL_BLOCK, LabelBlock, LabelUse, Labels, SceneError, SceneResult};

/// A class with fewer labelled pixels says little about its ground.
pub const FEW_PIXELS: usize = 20;
/// A class with less than this share of the largest one's pixels is rare.
pub const RARE_SHARE: f64 = 0.1;

/// What is labelled as one class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClassStatistics {
    pub id: u8,
    /// Painted and in polygons, whatever their use.
    pub pixels: usize,
    /// Of these, in polygons kept for testing.
    pub held_out: usize,
    /// Patches that touch nowhere, not even at a corner.
    pub patches: usize,
}

/// Statistics of all classes, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelStatistics {
    pub classes: Vec<ClassStatistics>,
}

/// Why a class may come out badly. The numbers say how it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LabelHint {
    /// Fewer than [`FEW_PIXELS`] pixels.
    FewPixels { class: u8, pixels: usize },
    /// Less than a tenth of the largest class.
    Rare {
        class: u8,
        largest: u8,
        percent: usize,
    },
    /// All in one patch: a check by blocks cannot hold it out as a whole and learn it elsewhere.
    OnePatch { class: u8 },
}

impl LabelHint {
    pub fn class(self) -> u8 {
        match self {
            Self::FewPixels { class, .. } | Self::Rare { class, .. } | Self::OnePatch { class } => {
                class
            }
        }
    }

    /// In words, with what to do; `name` gives the name of a class.
    pub fn words(self, name: impl Fn(u8) -> String) -> String {
        match self {
            Self::FewPixels { class, pixels } => format!(
                "{} has {pixels} labelled pixels; label at least {FEW_PIXELS}",
                name(class)
            ),
            Self::Rare {
                class,
                largest,
                percent,
            } => format!(
                "{} has {} % of the pixels of {}; label more of it, or raise its weight",
                name(class),
                if percent == 0 {
                    "under 1".to_owned()
                } else {
                    percent.to_string()
                },
                name(largest)
            ),
            Self::OnePatch { class } => format!(
                "{} lies in one patch; label a second place, so that it can be tested away from where it was learned",
                name(class)
            ),
        }
    }
}

impl LabelStatistics {
    /// Labelled pixels of all classes.
    pub fn pixels(&self) -> usize {
        self.classes.iter().map(|class| class.pixels).sum()
    }

    pub fn class(&self, id: u8) -> Option<&ClassStatistics> {
        self.classes.iter().find(|class| class.id == id)
    }

    /// One hint a class at most, the gravest; none while fewer than two classes have labels.
    pub fn hints(&self) -> Vec<LabelHint> {
        let labelled: Vec<&ClassStatistics> = self
            .classes
            .iter()
            .filter(|class| class.pixels > 0)
            .collect();
        let largest = labelled.iter().max_by_key(|class| class.pixels);
        let Some(largest) = largest.filter(|_| labelled.len() > 1) else {
            return Vec::new();
        };
        labelled
            .iter()
            .filter_map(|class| {
                let share = class.pixels as f64 / largest.pixels as f64;
                if class.pixels < FEW_PIXELS {
                    Some(LabelHint::FewPixels {
                        class: class.id,
                        pixels: class.pixels,
                    })
                } else if class.patches == 1 {
                    Some(LabelHint::OnePatch { class: class.id })
                } else if share < RARE_SHARE {
                    Some(LabelHint::Rare {
                        class: class.id,
                        largest: largest.id,
                        // Less than a tenth never reads "10 %".
                        percent: (share * 100.0).floor() as usize,
                    })
                } else {
                    None
                }
            })
            .collect()
    }
}

/// Counts pixels and patches of every class.
///
/// # Errors
/// `Cancelled`.
pub fn label_statistics(
    labels: &Labels,
    is_cancelled: &dyn Fn() -> bool,
) -> SceneResult<LabelStatistics> {
    let all = Counted::of(labels, is_cancelled)?;
    let tested = match labels.held_out_polygons() {
        0 => None,
        _ => Some(Counted::of(&labels.only(LabelUse::HeldOut), is_cancelled)?),
    };
    let classes = labels.classes.iter().map(|class| {
        let at = usize::from(class.id);
        ClassStatistics {
            id: class.id,
            pixels: all.pixels[at],
            held_out: tested.as_ref().map_or(0, |tested| tested.pixels[at]),
            patches: all.patches[at],
        }
    });
    Ok(LabelStatistics {
        classes: classes.collect(),
    })
}

/// Pixels of one class next to each other in a row, and the patch they belong to.
#[derive(Clone, Copy)]
struct Run {
    start: usize,
    /// Past the last.
    end: usize,
    class_id: u8,
    patch: usize,
}

struct Counted {
    pixels: [usize; 256],
    patches: [usize; 256],
    /// The patch each patch was joined to; itself where it was not.
    joined: Vec<usize>,
}

impl Counted {
    fn of(labels: &Labels, is_cancelled: &dyn Fn() -> bool) -> SceneResult<Self> {
        let mut counted = Self {
            pixels: [0; 256],
            patches: [0; 256],
            joined: Vec::new(),
        };
        let mut painted: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        for (col, row) in labels.blocks.keys() {
            painted.entry(*row).or_default().push(*col);
        }
        for row in labels.polygon_block_rows() {
            painted.entry(row).or_default();
        }
        let mut above: (usize, Vec<Run>) = (0, Vec::new());
        for (block_row, cols) in painted {
            if is_cancelled() {
                return Err(SceneError::Cancelled);
            }
            let strip = labels.shown_strip(block_row, &cols);
            for line in 0..LABEL_BLOCK {
                let row = block_row as usize * LABEL_BLOCK + line;
                let mut runs = runs_of(&strip, line);
                if above.0 + 1 != row {
                    above.1.clear();
                }
                counted.add(&mut runs, &above.1);
                above = (row, runs);
            }
        }
        Ok(counted)
    }

    fn root(&mut self, mut patch: usize) -> usize {
        while self.joined[patch] != patch {
            self.joined[patch] = self.joined[self.joined[patch]];
            patch = self.joined[patch];
        }
        patch
    }

    /// Gives the runs of a row their patches: those of runs above that touch them, corners too.
    fn add(&mut self, runs: &mut [Run], above: &[Run]) {
        let mut first = 0;
        for run in runs {
            self.pixels[usize::from(run.class_id)] += run.end - run.start;
            while above.get(first).is_some_and(|over| over.end < run.start) {
                first += 1;
            }
            let mut patch = None;
            for over in above[first..]
                .iter()
                .take_while(|over| over.start <= run.end)
                .filter(|over| over.class_id == run.class_id)
            {
                let other = self.root(over.patch);
                match patch {
                    None => patch = Some(other),
                    Some(own) if own != other => {
                        self.joined[other] = own;
                        self.patches[usize::from(run.class_id)] -= 1;
                    }
                    Some(_) => {}
                }
            }
            run.patch = patch.unwrap_or_else(|| {
                self.joined.push(self.joined.len());
                self.patches[usize::from(run.class_id)] += 1;
                self.joined.len() - 1
            });
        }
    }
}

/// The runs of one line of a strip of blocks, from left to right.
fn runs_of(strip: &BTreeMap<u32, Arc<LabelBlock>>, line: usize) -> Vec<Run> {
    let mut runs: Vec<Run> = Vec::new();
    for (block_col, block) in strip {
        let mut start = first_pixel((*block_col, 0)).0;
        let values = &block[line * LABEL_BLOCK..(line + 1) * LABEL_BLOCK];
        for same in values.chunk_by(|a, b| a == b) {
            let (class_id, end) = (same[0], start + same.len());
            if class_id != 0 {
                match runs.last_mut() {
                    Some(last) if last.end == start && last.class_id == class_id => last.end = end,
                    _ => runs.push(Run {
                        start,
                        end,
                        class_id,
                        patch: 0,
                    }),
                }
            }
            start = end;
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Class, Georef, Grid, LabelPolygon};

    fn labels(side: usize) -> Labels {
        let mut labels = Labels::new(Grid {
            width: side,
            height: side,
            georef: Georef {
                transform: Some(crate::GeoTransform([0.0, 1.0, 0.0, 0.0, 0.0, 1.0])),
                ..Georef::default()
            },
        });
        for id in 1..=3 {
            labels.set_class(Class {
                id,
                name: format!("class {id}"),
                color: [id; 3],
            });
        }
        labels
    }

    fn dot(labels: &mut Labels, col: usize, row: usize, class_id: u8) {
        let at = (col as f64 + 0.5, row as f64 + 0.5);
        labels.paint_stroke(at, at, 1.0, class_id, false);
    }

    fn found(labels: &Labels) -> LabelStatistics {
        label_statistics(labels, &|| false).unwrap()
    }

    fn square(class_id: u8, from: f64, to: f64, usage: &str) -> LabelPolygon {
        LabelPolygon {
            class_id,
            rings: vec![vec![(from, from), (to, from), (to, to), (from, to)]],
            source: "polygon".to_owned(),
            usage: usage.to_owned(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn pixels_and_patches_are_what_a_search_finds(
            strokes in proptest::collection::vec(
                ((0.0..140.0_f64, 0.0..140.0_f64), (0.0..140.0_f64, 0.0..140.0_f64), 1.0..5.0_f64, 0..4_u8),
                0..16,
            ),
            polygon in (1..4_u8, 0.0..60.0_f64, 60.0..130.0_f64),
        ) {
            let mut labels = labels(140);
            labels.add_polygon(square(polygon.0, polygon.1, polygon.2, "train"));
            for (from, to, diameter, class_id) in strokes {
                labels.paint_stroke(from, to, diameter, class_id, false);
            }
            let statistics = found(&labels);
            let mut seen = std::collections::HashSet::new();
            let mut patches = [0; 4];
            for start in (0..140_i64).flat_map(|row| (0..140_i64).map(move |col| (col, row))) {
                let class_of = |(col, row): (i64, i64)| {
                    match (usize::try_from(col), usize::try_from(row)) {
                        (Ok(col), Ok(row)) => labels.class_at(col, row),
                        _ => 0,
                    }
                };
                let class_id = class_of(start);
                if class_id == 0 || seen.contains(&start) {
                    continue;
                }
                patches[usize::from(class_id)] += 1;
                let mut next = vec![start];
                while let Some(at) = next.pop() {
                    if class_of(at) == class_id && seen.insert(at) {
                        next.extend((-1..=1).flat_map(|y| (-1..=1).map(move |x| (at.0 + x, at.1 + y))));
                    }
                }
            }
            for class in &statistics.classes {
                prop_assert_eq!(class.pixels, labels.counts()[&class.id]);
                prop_assert_eq!(class.patches, patches[usize::from(class.id)]);
            }
        }
    }

    #[test]
    fn hints_name_the_gravest_matter_of_a_class() {
        let mut labels = labels(200);
        labels.add_polygon(square(1, 0.0, 80.0, "train"));
        assert_eq!(
            found(&labels).hints(),
            [],
            "one class alone is no comparison"
        );
        for col in 0..19 {
            dot(&mut labels, 100 + 3 * col, 120, 2);
        }
        labels.add_polygon(square(3, 150.0, 160.0, "train"));
        let statistics = found(&labels);
        assert_eq!(
            statistics.hints(),
            [
                LabelHint::OnePatch { class: 1 },
                LabelHint::FewPixels {
                    class: 2,
                    pixels: 19
                },
                LabelHint::OnePatch { class: 3 }
            ]
        );
        dot(&mut labels, 10, 190, 1);
        dot(&mut labels, 20, 190, 3);
        dot(&mut labels, 100, 190, 2);
        let hints = found(&labels).hints();
        assert_eq!(
            hints,
            [
                LabelHint::Rare {
                    class: 2,
                    largest: 1,
                    percent: 0
                },
                LabelHint::Rare {
                    class: 3,
                    largest: 1,
                    percent: 1
                }
            ]
        );
        let words = hints[1].words(|id| format!("class {id}"));
        assert!(
            words.contains("class 3 has 1 %") && words.contains("class 1"),
            "{words}"
        );
    }

    #[test]
    fn what_is_held_out_is_told_apart() {
        let mut labels = labels(100);
        labels.add_polygon(square(1, 0.0, 10.0, "train"));
        labels.add_polygon(square(1, 20.0, 30.0, "test"));
        labels.add_polygon(square(2, 40.0, 50.0, "ignore"));
        let statistics = found(&labels);
        let class = statistics.class(1).unwrap();
        assert_eq!((class.pixels, class.held_out, class.patches), (200, 100, 2));
        assert_eq!(statistics.class(2).unwrap().pixels, 0);
        assert_eq!(statistics.pixels(), 200);
    }

    #[test]
    fn it_can_be_stopped() {
        let mut labels = labels(100);
        dot(&mut labels, 1, 1, 1);
        assert!(matches!(
            label_statistics(&labels, &|| true),
            Err(SceneError::Cancelled)
        ));
    }
}
