//! Which images of a crop a sample looks at and which days it forecasts (specification kg-vsf 5, steps 2 to 4): an anchor, usable
//! images before it with gaps left by chance, and a later image out of a bin of horizons. Knows days and chance. Knows no pixels.

use terroir_models::Stream;
use terroir_scene::HORIZON_BINS;

use super::crops::pick;
use crate::weather_series::SampleTarget;

/// Chance that a usable image before the anchor is kept.
const KEPT: f64 = 0.7;
/// Of the bins of horizons.
const BIN_CHANCES: [f64; 4] = [0.30, 0.30, 0.25, 0.15];

/// An image of a crop that may be used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usable {
    /// Place among the crop's images.
    pub image: usize,
    pub day: i32,
    pub day_of_year: f32,
}

/// Images of a sample, by their places among the crop's, and the days to forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    pub images: Vec<usize>,
    pub targets: Vec<SampleTarget>,
}

/// Draws a sample out of `usable` images (by day). `anchors`: which of them may be the last one looked at; `wanted`: which days
/// may be forecast from it. `bin`: the bin to forecast in, drawn if `None`. `None` where there is nothing to be drawn.
pub fn draw(
    usable: &[Usable],
    [most_images, most_days]: [usize; 2],
    is_anchor: impl Fn(&Usable) -> bool,
    is_wanted: impl Fn(&Usable) -> bool,
    bin: Option<usize>,
    chance: &mut Stream,
) -> Option<Chosen> {
    let anchors: Vec<usize> = (0..usable.len())
        .filter(|at| is_anchor(&usable[*at]))
        .collect();
    let anchor = *anchors.get(pick(anchors.len(), chance))?;
    let target = target_of(
        &usable[anchor],
        &usable[anchor + 1..],
        is_wanted,
        bin,
        chance,
    )?;
    // The weather the network reads ends on the last day and does not reach back further than this.
    let first_day = target.day - most_days as i32 + 1;
    let mut kept = vec![anchor];
    for at in (0..anchor).rev() {
        if kept.len() >= most_images || usable[at].day < first_day {
            break;
        }
        if chance.uniform() < KEPT {
            kept.push(at);
        }
    }
    if usable[anchor].day < first_day {
        return None;
    }
    kept.reverse();
    // Every image but the last foretells the next one.
    let mut targets: Vec<SampleTarget> = kept
        .windows(2)
        .enumerate()
        .filter_map(|(anchor, pair)| Some((anchor, usable.get(*pair.get(1)?)?)))
        .map(|(anchor, next)| told(anchor, next))
        .collect();
    targets.push(told(kept.len() - 1, &target));
    Some(Chosen {
        images: kept.iter().map(|at| usable[*at].image).collect(),
        targets,
    })
}

fn told(anchor: usize, image: &Usable) -> SampleTarget {
    SampleTarget {
        anchor,
        day: image.day,
        day_of_year: image.day_of_year,
        truth: Some(image.image),
    }
}

/// A later image out of a bin; if that is empty, out of the others in a random order.
fn target_of(
    anchor: &Usable,
    later: &[Usable],
    is_wanted: impl Fn(&Usable) -> bool,
    bin: Option<usize>,
    chance: &mut Stream,
) -> Option<Usable> {
    let within = |bin: usize| -> Vec<Usable> {
        let (from, to) = HORIZON_BINS[bin];
        later
            .iter()
            .filter(|image| {
                let ahead = (image.day - anchor.day).max(0) as u32;
                (from..=to).contains(&ahead) && is_wanted(image)
            })
            .copied()
            .collect()
    };
    let bins: Vec<usize> = match bin {
        Some(bin) => vec![bin],
        None => {
            let mut left: Vec<usize> = (0..HORIZON_BINS.len()).collect();
            let mut order = vec![left.remove(weighted(&BIN_CHANCES, chance))];
            while !left.is_empty() {
                order.push(left.remove(pick(left.len(), chance)));
            }
            order
        }
    };
    bins.into_iter().find_map(|bin| {
        let images = within(bin);
        images.get(pick(images.len(), chance)).copied()
    })
}

fn weighted(chances: &[f64], chance: &mut Stream) -> usize {
    let mut left = chance.uniform() * chances.iter().sum::<f64>();
    for (at, share) in chances.iter().enumerate() {
        left -= share;
        if left < 0.0 {
            return at;
        }
    }
    chances.len().saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images() -> Vec<Usable> {
        (0..40)
            .map(|image| Usable {
                image: 2 * image,
                day: 5 * image as i32,
                day_of_year: 1.0 + 5.0 * image as f32,
            })
            .collect()
    }

    #[test]
    fn samples_look_back_and_forecast_forward() {
        let images = images();
        let mut bins = [0; 4];
        for number in 0..300 {
            let mut chance = Stream::new(7, &format!("draw {number}"));
            let drawn = draw(&images, [4, 240], |_| true, |_| true, None, &mut chance);
            let Some(chosen) = drawn else { continue };
            assert!(chosen.images.windows(2).all(|pair| pair[0] < pair[1]));
            assert!((1..=4).contains(&chosen.images.len()));
            assert_eq!(chosen.targets.len(), chosen.images.len());
            for (at, target) in chosen.targets.iter().enumerate() {
                assert_eq!(target.anchor, at);
                let anchor_day = 5 * chosen.images[at] as i32 / 2;
                assert!(target.day > anchor_day);
            }
            let last = chosen.targets.last().unwrap();
            let ahead = last.day - 5 * chosen.images.last().copied().unwrap() as i32 / 2;
            bins[terroir_scene::horizon_bin(i64::from(ahead)).unwrap()] += 1;
            assert!(last.day - 5 * chosen.images[0] as i32 / 2 < 240);
        }
        assert!(bins.iter().all(|count| *count > 15), "{bins:?}");
    }

    #[test]
    fn what_may_not_be_seen_is_not() {
        let images = images();
        for number in 0..100 {
            let mut chance = Stream::new(3, &format!("draw {number}"));
            let cut = 100;
            let chosen = draw(
                &images,
                [4, 240],
                |image| image.day <= cut,
                |image| image.day <= cut,
                None,
                &mut chance,
            );
            if let Some(chosen) = chosen {
                assert!(chosen.targets.iter().all(|target| target.day <= cut));
            }
        }
        let none = draw(
            &images[..1],
            [4, 240],
            |_| true,
            |_| true,
            None,
            &mut Stream::new(1, "none"),
        );
        assert_eq!(none, None);
    }
}
