//! Limits by rule: asked from the statistics of the whole raster or the part in view, and taken when they are known.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use terroir_scene::{
    BandStatistics, Channel, Layer, LayerId, Limits, Look, Stretch, StretchExtent, Style, Window,
};

use crate::language::t;
use crate::state::State;

/// Limits that wait for statistics.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingLimits {
    pub layer: LayerId,
    /// Places in `Style::channels`.
    pub channels: Vec<usize>,
    pub within: Option<Window>,
    /// Classes of about the same number of pixels instead of limits.
    pub quantiles: Option<usize>,
    /// The document's value after the step that asked for them: they are part of it. `None` = they are a step of their own.
    pub made: Option<u64>,
}

impl State {
    /// Takes limits by the layer's rule for these channels (all of them when empty), now or when they are known.
    pub fn take_limits(&mut self, layer: LayerId, channels: Vec<usize>) {
        let Some(found) = self.history.document().layer(layer).cloned() else {
            return;
        };
        let Some(style) = &found.style else {
            return;
        };
        let channels = if channels.is_empty() {
            (0..style.channels().len()).collect()
        } else {
            channels
        };
        let is_part = style
            .look()
            .is_some_and(|look| look.extent == StretchExtent::View);
        let within = if is_part {
            self.session.in_view.at_rest(layer)
        } else {
            None
        };
        self.wait_for_limits(PendingLimits {
            layer,
            channels,
            within,
            quantiles: None,
            made: self.made_in_this_frame(),
        });
    }

    /// Parts a ramp into classes of about the same number of pixels.
    pub fn take_quantiles(&mut self, layer: LayerId, count: usize) {
        self.wait_for_limits(PendingLimits {
            layer,
            channels: vec![0],
            within: None,
            quantiles: Some(count),
            made: self.made_in_this_frame(),
        });
    }

    /// The document's value, where it changed in this frame.
    fn made_in_this_frame(&self) -> Option<u64> {
        let value = self.history.value();
        (value != self.session.value_at_frame).then_some(value)
    }

    /// Changes a layer as part of the step that asked for it, else in a step of its own. What was asked for by a step that
    /// was taken back is not done.
    fn change_late(&mut self, pending: &PendingLimits, name: &str, edit: impl FnOnce(&mut Layer)) {
        let is_newest = pending.made == Some(self.history.value());
        if is_newest && !self.history.is_in_gesture() && self.history.redo_name().is_none() {
            let made = self.history.value();
            self.history.amend(made, |document| {
                if let Some(layer) = document.layer_mut(pending.layer) {
                    edit(layer);
                }
            });
        } else if pending.made.is_none() || self.history.redo_name().is_none() {
            self.change_layer(pending.layer, name, edit);
        }
    }

    fn wait_for_limits(&mut self, pending: PendingLimits) {
        self.session
            .pending_limits
            .retain(|known| known.layer != pending.layer || known.quantiles != pending.quantiles);
        self.session.pending_limits.push(pending);
        self.update_limits();
    }

    /// Takes the limits whose statistics have arrived; once a frame.
    pub fn update_limits(&mut self) {
        for pending in std::mem::take(&mut self.session.pending_limits) {
            let Some(layer) = self.history.document().layer(pending.layer).cloned() else {
                continue;
            };
            if !self.try_limits(&layer, &pending) {
                self.session.pending_limits.push(pending);
            }
        }
        self.follow_view();
    }

    /// False while statistics are missing.
    fn try_limits(&mut self, layer: &Arc<Layer>, pending: &PendingLimits) -> bool {
        let (Some(style), Some(path)) = (
            layer.style.clone(),
            self.raster_info(layer).map(|info| info.path.clone()),
        ) else {
            return true;
        };
        let channels = style.channels();
        let wanted: Vec<(usize, &Channel)> = pending
            .channels
            .iter()
            .filter_map(|index| Some((*index, channels.get(*index)?)))
            .collect();
        let Some(found) = self.all_statistics(&path, &wanted, pending.within) else {
            return false;
        };
        if let Some(count) = pending.quantiles {
            let Some((_, statistics)) = found.first() else {
                return true;
            };
            let breaks = statistics.quantile_breaks(count);
            self.change_late(pending, t!("ramp-counts-step"), |layer| {
                if let Some(ramp) = layer.style.as_mut().and_then(Style::ramp_mut) {
                    ramp.steps = Some(terroir_scene::Steps::At { breaks });
                }
            });
            return true;
        }
        let look = style.look().copied().unwrap_or_default();
        let limits = limits_of(&style, &look, &found);
        self.change_late(pending, t!("stretch-title"), |layer| {
            let Some(style) = &mut layer.style else {
                return;
            };
            for (index, stretch) in limits {
                if let Some(slot) = style.stretches_mut().get_mut(index) {
                    *slot = stretch;
                }
            }
        });
        true
    }

    fn all_statistics(
        &mut self,
        path: &Path,
        wanted: &[(usize, &Channel)],
        within: Option<Window>,
    ) -> Option<Vec<(usize, Arc<BandStatistics>)>> {
        let mut found = Vec::with_capacity(wanted.len());
        let mut is_whole = true;
        for (index, channel) in wanted {
            match self.channel_statistics(path, channel, within) {
                Some(statistics) => found.push((*index, statistics)),
                None => is_whole = false,
            }
        }
        is_whole.then_some(found)
    }

    /// Limits that came from a sample of a file's bands are taken from the exact figures; limits of another origin stay.
    pub fn take_exact_limits(&mut self, path: &Path) {
        let measured = self.derived.statistics.measured(path);
        let layers: Vec<Arc<Layer>> = self.history.document().layers.to_vec();
        for layer in layers {
            let Some(style) = layer
                .style
                .as_ref()
                .filter(|_| layer.raster_info().is_some_and(|info| info.path == path))
            else {
                continue;
            };
            if let Some(limits) = exact_limits(style, &measured) {
                self.change_layer(layer.id, t!("stretch-title"), |layer| {
                    let slots = layer.style.as_mut().map(Style::stretches_mut);
                    for (slot, limits) in slots.into_iter().flatten().zip(limits) {
                        *slot = limits;
                    }
                });
            }
        }
    }

    /// New limits for layers that follow the view, once the view rests.
    fn follow_view(&mut self) {
        let followers: Vec<(LayerId, PathBuf, Style)> = self
            .history
            .document()
            .layers
            .iter()
            .filter_map(|layer| {
                let style = layer.style.clone()?;
                let follows = style.look()?.extent == StretchExtent::Follow;
                let path = self.raster_info(layer)?.path.clone();
                follows.then_some((layer.id, path, style))
            })
            .collect();
        self.session
            .in_view
            .keep_followed(|id| followers.iter().any(|(known, ..)| *known == id));
        for (id, path, style) in followers {
            let Some(within) = self.session.in_view.at_rest(id) else {
                continue;
            };
            let channels = style.channels();
            let wanted: Vec<(usize, &Channel)> = channels.iter().enumerate().collect();
            let Some(found) = self.all_statistics(&path, &wanted, Some(within)) else {
                continue;
            };
            // A view of nothing but missing pixels keeps the limits it came with.
            if found.iter().any(|(_, statistics)| statistics.count == 0) {
                continue;
            }
            let look = style.look().copied().unwrap_or_default();
            let limits = limits_of(&style, &look, &found);
            let stretches = limits.into_iter().map(|(_, stretch)| stretch).collect();
            self.session.in_view.set_followed(id, stretches);
        }
    }
}

/// A style's limits from exact figures; `None` where they were not taken from the sampled ones by its rule.
fn exact_limits(
    style: &Style,
    measured: &HashMap<Channel, [Arc<BandStatistics>; 2]>,
) -> Option<Vec<Stretch>> {
    let look = style.look()?;
    if look.limits == Limits::Manual || look.extent != StretchExtent::Whole {
        return None;
    }
    let channels = style.channels();
    let by = |which: usize| -> Option<Vec<Stretch>> {
        let found = channels
            .iter()
            .enumerate()
            .map(|(index, channel)| Some((index, measured.get(channel)?.get(which)?.clone())));
        let limits = limits_of(style, look, &found.collect::<Option<Vec<_>>>()?);
        Some(limits.into_iter().map(|(_, stretch)| stretch).collect())
    };
    let [sampled, exact] = [by(0)?, by(1)?];
    let is_same = |a: &Stretch, b: &Stretch| {
        let close = |a: f32, b: f32| (a - b).abs() <= 1e-5 * (b.abs() + (a - b).abs());
        a == b || (close(a.low, b.low) && close(a.high, b.high))
    };
    let shown = style.stretches();
    let came_from_sample =
        sampled.len() == shown.len() && sampled.iter().zip(shown).all(|(a, b)| is_same(a, b));
    (came_from_sample && exact.as_slice() != shown).then_some(exact)
}

/// Limits by the style's rule; linked channels share the widest.
fn limits_of(
    style: &Style,
    look: &Look,
    found: &[(usize, Arc<BandStatistics>)],
) -> Vec<(usize, Stretch)> {
    // By hand there is nothing to take; who asks all the same means the usual rule.
    let rule = match look.limits {
        Limits::Manual => Limits::Percentile,
        other => other,
    };
    let mut limits: Vec<(usize, Stretch)> = found
        .iter()
        .filter_map(|(index, statistics)| {
            let old = *style.stretches().get(*index)?;
            Some((*index, statistics.stretch_by(rule, old)))
        })
        .collect();
    if look.linked {
        let low = limits.iter().map(|(_, s)| s.low).fold(f32::MAX, f32::min);
        let high = limits.iter().map(|(_, s)| s.high).fold(f32::MIN, f32::max);
        for (_, stretch) in &mut limits {
            (stretch.low, stretch.high) = (low, high);
        }
    }
    limits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(low: f64, high: f64) -> Arc<BandStatistics> {
        Arc::new(BandStatistics {
            band: 0,
            min: low - 1.0,
            max: high + 1.0,
            mean: (low + high) / 2.0,
            std: 1.0,
            low,
            high,
            histogram: vec![1; 256],
            percentiles: vec![0.0; 101],
            count: 100,
            is_sampled: false,
        })
    }

    #[test]
    fn limits_of_a_sample_become_exact_and_others_stay() {
        let plain = Stretch {
            low: 1.0,
            high: 5.0,
            gamma: 1.5,
        };
        let measured = HashMap::from([(
            Channel::band(3),
            [statistics(1.0, 5.0), statistics(0.5, 7.0)],
        )]);
        let style = Style::gray(3, plain, "grays");
        let limits = exact_limits(&style, &measured).unwrap();
        assert_eq!(
            (limits[0].low, limits[0].high, limits[0].gamma),
            (0.5, 7.0, 1.5)
        );
        // As a picture of bytes is, from 0 to 255 whatever its pixels hold.
        let fixed = Style::gray(
            3,
            Stretch {
                high: 255.0,
                ..plain
            },
            "grays",
        );
        assert_eq!(exact_limits(&fixed, &measured), None);
        let mut by_hand = style.clone();
        by_hand.look_mut().unwrap().limits = Limits::Manual;
        assert_eq!(exact_limits(&by_hand, &measured), None);
        assert_eq!(
            exact_limits(&Style::gray(2, plain, "grays"), &measured),
            None
        );
    }

    #[test]
    fn linked_channels_share_the_widest_limits() {
        let plain = Stretch {
            low: 0.0,
            high: 1.0,
            gamma: 1.5,
        };
        let style = Style::rgb([0, 1, 2], [plain; 3]);
        let found = vec![
            (0, statistics(1.0, 5.0)),
            (1, statistics(2.0, 9.0)),
            (2, statistics(0.5, 3.0)),
        ];
        let look = Look {
            linked: true,
            ..Look::default()
        };
        let limits = limits_of(&style, &look, &found);
        assert!(
            limits
                .iter()
                .all(|(_, s)| (s.low, s.high, s.gamma) == (0.5, 9.0, 1.5))
        );
        let limits = limits_of(&style, &Look::default(), &found);
        assert_eq!((limits[1].1.low, limits[1].1.high), (2.0, 9.0));
    }
}
