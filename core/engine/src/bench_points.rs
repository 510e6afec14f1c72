//! A table of labelled points whose 64 numbers are columns, with its five ways of splitting it by ground: which points train,
//! which test, and how well heads do. Knows such tables; knows nothing of rasters.

use std::path::Path;

use terroir_scene::{
    Class, FIELD_AXES, HeadKind, LabelledPixel, block_fold, class_color, decode_pixel,
};

use crate::Failure;
use crate::monitor::{JobResult, Monitor};
use crate::split::score_of;
use crate::train::Sample;

/// Side of a block of ground in degrees: about ten kilometres.
const BLOCK_DEG: f64 = 0.1;
/// Splits of the table.
const SEEDS: u64 = 5;

/// Points with their vectors.
pub(crate) struct Points {
    classes: Vec<Class>,
    samples: Vec<Sample>,
    /// Block of ground of each point, from west and from south.
    blocks: Vec<(i64, i64)>,
}

impl Points {
    /// Columns `lon`, `lat`, `dw_label` and the codes `A00` to `A63`.
    pub fn read(path: &Path) -> JobResult<Self> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Failure::io("the table of points cannot be read", path, &error))?;
        let broken = |line: usize| {
            Failure::new(format!(
                "line {} of the table of points is not as expected: lon, lat, dw_label and A00 to A63 are needed\n{}",
                line + 1,
                path.display()
            ))
        };
        let mut lines = text.lines().enumerate();
        let names: Vec<&str> = match lines.next() {
            Some((_, heading)) => heading.split(',').map(str::trim).collect(),
            None => return Err(broken(0).into()),
        };
        let place = |name: &str| names.iter().position(|own| *own == name);
        let axes = (0..FIELD_AXES).map(|axis| place(&format!("A{axis:02}")));
        let found = (
            place("lon"),
            place("lat"),
            place("dw_label"),
            axes.collect::<Option<Vec<usize>>>(),
        );
        let (Some(lon), Some(lat), Some(label), Some(axes)) = found else {
            return Err(broken(0).into());
        };
        let (mut samples, mut blocks) = (Vec::new(), Vec::new());
        for (number, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let cells: Vec<&str> = line.split(',').map(str::trim).collect();
            let point = (|| {
                let degrees = |at: usize| cells.get(at)?.parse::<f64>().ok();
                let block = |at: usize| Some((degrees(at)? / BLOCK_DEG).floor() as i64);
                let mut codes = [0_i8; FIELD_AXES];
                for (code, at) in codes.iter_mut().zip(&axes) {
                    *code = cells.get(*at)?.parse().ok()?;
                }
                let class = cells.get(label)?.parse::<u8>().ok()?.checked_add(1)?;
                Some(((block(lon)?, block(lat)?), class, codes))
            })();
            let (block, class_id, codes) = point.ok_or_else(|| broken(number))?;
            let pixel = LabelledPixel {
                col: samples.len(),
                row: 0,
                class_id,
                polygon: 0,
            };
            if let Some(vector) = decode_pixel(&codes) {
                samples.push(Sample { pixel, vector });
                blocks.push(block);
            }
        }
        let mut ids: Vec<u8> = samples.iter().map(|one| one.pixel.class_id).collect();
        ids.sort_unstable();
        ids.dedup();
        let classes = ids.into_iter().map(|id| Class {
            id,
            name: id.to_string(),
            color: class_color(id),
        });
        Ok(Self {
            classes: classes.collect(),
            samples,
            blocks,
        })
    }

    /// Overall accuracy and macro F1 of every split: half of the blocks learn, the others are judged on. `labels` is a number
    /// a class, or all there are.
    pub fn score(
        &self,
        kind: HeadKind,
        labels: &str,
        monitor: &Monitor<'_>,
    ) -> JobResult<Vec<(f64, f64)>> {
        let most = labels.parse::<usize>().unwrap_or(usize::MAX);
        (0..SEEDS)
            .map(|seed| {
                monitor.check()?;
                let (training, test) = self.parts(seed, most);
                score_of(&self.classes, kind, &training, &test)
            })
            .collect()
    }

    /// Points of the learning half, at most so many a class, and those of the other half.
    fn parts(&self, seed: u64, most: usize) -> (Vec<&Sample>, Vec<&Sample>) {
        let both = self.samples.iter().zip(&self.blocks);
        let (learning, test): (Vec<_>, Vec<_>) =
            both.partition(|(_, (col, row))| block_fold(*col, *row, 2, seed) == 0);
        let mut learning: Vec<&Sample> = learning.into_iter().map(|(sample, _)| sample).collect();
        // In an order by chance, so that fewer labels are a part of more.
        learning.sort_by_key(|one| block_fold(one.pixel.col as i64, -1, 1 << 30, seed));
        let mut left = [most; 1 + u8::MAX as usize];
        learning.retain(|one| {
            let left = &mut left[usize::from(one.pixel.class_id)];
            let is_kept = *left > 0;
            *left = left.saturating_sub(1);
            is_kept
        });
        let test = test.into_iter().map(|(sample, _)| sample).collect();
        (learning, test)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::JobId;

    /// Two kinds of ground in a chequer of blocks.
    fn table() -> String {
        let names: Vec<String> = (0..FIELD_AXES).map(|axis| format!("A{axis:02}")).collect();
        let mut text = format!("id,lon,lat,dw_label,{}\n", names.join(","));
        for point in 0..400_usize {
            let label = point % 2;
            let codes: Vec<String> = (0..FIELD_AXES)
                .map(|axis| match axis == label {
                    true => "120".to_owned(),
                    false => ((point * 7 + axis) % 9).to_string(),
                })
                .collect();
            let (lon, lat) = ((point % 20) as f64 * 0.05, (point / 20) as f64 * 0.05);
            text += &format!("{point},{lon},{lat},{label},{}\n", codes.join(","));
        }
        text
    }

    #[test]
    fn halves_share_no_block_and_every_head_tells_the_kinds_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("points.csv");
        std::fs::write(&path, table()).unwrap();
        let points = Points::read(&path).unwrap();
        assert_eq!((points.samples.len(), points.classes.len()), (400, 2));
        let (few, test) = points.parts(3, 5);
        let (all, _) = points.parts(3, usize::MAX);
        assert_eq!(few.len(), 10);
        assert_eq!(all.len() + test.len(), 400);
        let block = |one: &&Sample| points.blocks[one.pixel.col];
        assert!(
            all.iter()
                .all(|one| !test.iter().map(block).any(|other| other == block(one)))
        );
        assert!(
            few.iter()
                .all(|one| all.iter().any(|other| other.pixel == one.pixel))
        );
        let mut ignore = |_| {};
        let monitor = Monitor::new(JobId(0), &|| None, &mut ignore);
        for kind in HeadKind::ALL {
            let scores = points.score(kind, "10", &monitor).unwrap();
            assert_eq!(scores.len(), 5);
            assert!(
                scores
                    .iter()
                    .all(|(overall, f1)| *overall > 0.75 && *f1 > 0.75),
                "{kind:?} {scores:?}"
            );
        }
        std::fs::write(&path, table().replace(",120,", ",many,")).unwrap();
        assert!(Points::read(&path).is_err());
    }
}
