//! What the channels of a picture show and how their limits are found: bands or derived channels, linear or in decibels,
//! through which part of a ramp. Plain values; the maths is in `shading.rs`, the numbers come from `statistics.rs`.

use serde::{Deserialize, Serialize};

use crate::{Derivation, Hillshade, Stretch, Style};

/// More classes than eyes tell apart on a ramp.
pub const MOST_STEPS: usize = 16;

/// Which limits a stretch takes from the statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limits {
    /// 2nd to 98th percentile.
    #[default]
    Percentile,
    MinMax,
    /// Mean and two standard deviations to both sides.
    Deviation,
    /// Set by hand.
    Manual,
}

/// The part of the raster that limits are taken from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StretchExtent {
    #[default]
    Whole,
    /// The part in view when the limits were taken.
    View,
    /// The part in view, again after every move.
    Follow,
}

/// The third channel of a colour picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Third {
    #[default]
    Band,
    /// The first band over the second.
    Ratio,
    /// The first band less the second: the ratio of values that are stored in decibels.
    Difference,
}

/// How a style takes its values and finds its limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Look {
    /// Values are shown as 10 log10; limits are in decibels then.
    pub decibel: bool,
    pub third: Third,
    pub limits: Limits,
    pub extent: StretchExtent,
    /// All channels have the same limits.
    pub linked: bool,
}

/// Colours between the limits: a named ramp, perhaps turned round, perhaps in steps.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "RampForm", into = "RampForm")]
pub struct RampChoice {
    /// One of `ramp_names`.
    pub name: String,
    pub inverted: bool,
    pub steps: Option<Steps>,
}

/// Classes of one colour each instead of a smooth ramp.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Steps {
    /// So many classes of equal width between the limits.
    Equal { count: usize },
    /// Classes between these ascending values.
    At { breaks: Vec<f32> },
}

/// A plain ramp is written as its name, as older projects have it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum RampForm {
    Name(String),
    Whole {
        name: String,
        #[serde(default)]
        inverted: bool,
        #[serde(default)]
        steps: Option<Steps>,
    },
}

impl From<RampForm> for RampChoice {
    fn from(form: RampForm) -> Self {
        match form {
            RampForm::Name(name) => Self::from(name),
            RampForm::Whole {
                name,
                inverted,
                steps,
            } => Self {
                name,
                inverted,
                steps,
            },
        }
    }
}

impl From<RampChoice> for RampForm {
    fn from(ramp: RampChoice) -> Self {
        match ramp {
            RampChoice {
                name,
                inverted: false,
                steps: None,
            } => Self::Name(name),
            RampChoice {
                name,
                inverted,
                steps,
            } => Self::Whole {
                name,
                inverted,
                steps,
            },
        }
    }
}

impl From<String> for RampChoice {
    fn from(name: String) -> Self {
        Self {
            name,
            inverted: false,
            steps: None,
        }
    }
}

impl From<&str> for RampChoice {
    fn from(name: &str) -> Self {
        Self::from(name.to_owned())
    }
}

impl RampChoice {
    /// The 256 colours from the low to the high limit.
    pub fn colors(&self) -> Vec<[u8; 4]> {
        let opaque = |c: &[u8; 3]| [c[0], c[1], c[2], 255];
        let ramp = crate::ramp(&self.name);
        if self.inverted {
            ramp.iter().rev().map(opaque).collect()
        } else {
            ramp.iter().map(opaque).collect()
        }
    }

    /// Values between the classes, ascending; `None` for a smooth ramp.
    pub fn breaks(&self, stretch: &Stretch) -> Option<Vec<f32>> {
        Some(match self.steps.as_ref()? {
            Steps::Equal { count } => {
                let count = (*count).clamp(2, MOST_STEPS);
                (1..count)
                    .map(|k| {
                        let share = k as f32 / count as f32;
                        stretch.low + share * (stretch.high - stretch.low)
                    })
                    .collect()
            }
            Steps::At { breaks } => {
                let mut breaks: Vec<f32> =
                    breaks.iter().copied().filter(|b| b.is_finite()).collect();
                breaks.sort_by(f32::total_cmp);
                breaks.truncate(MOST_STEPS - 1);
                breaks
            }
        })
    }

    /// One colour for each class of `breaks`, spread over the whole ramp.
    pub fn step_colors(&self, breaks: &[f32]) -> Vec<[u8; 4]> {
        let colors = self.colors();
        let last = breaks.len();
        (0..=last)
            .map(|k| {
                let index = (k * 255).checked_div(last).unwrap_or(127);
                colors.get(index).copied().unwrap_or([0, 0, 0, 255])
            })
            .collect()
    }
}

/// What one channel shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Channel {
    pub source: ChannelSource,
    /// Values are 10 log10 of the source's.
    pub decibel: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChannelSource {
    /// A band (from 0), as stored.
    Band(usize),
    Derived(Derivation),
}

impl Channel {
    /// A band as it is stored.
    pub fn band(band: usize) -> Self {
        Self {
            source: ChannelSource::Band(band),
            decibel: false,
        }
    }
}

impl Style {
    /// Hill-shade as it is: grey levels from 1 to 255.
    pub fn hillshade(light: Hillshade) -> Self {
        Self::Derived {
            derivation: Derivation::Hillshade(light),
            stretch: Stretch {
                low: 0.0,
                high: 255.0,
                gamma: 1.0,
            },
            ramp: RampChoice::from("grays"),
            look: Look {
                limits: Limits::Manual,
                ..Look::default()
            },
        }
    }

    /// The channels that have limits of their own, in the order of `stretches`; none for classes and fields.
    pub fn channels(&self) -> Vec<Channel> {
        let band = |band: usize, look: &Look| Channel {
            source: ChannelSource::Band(band),
            decibel: look.decibel,
        };
        match self {
            Self::Rgb { bands, look, .. } => {
                let [r, g, b] = *bands;
                let third = match look.third {
                    Third::Band => band(b, look),
                    Third::Ratio | Third::Difference => {
                        let sign = if look.third == Third::Ratio { '/' } else { '-' };
                        Channel {
                            source: ChannelSource::Derived(Derivation::Formula {
                                name: String::new(),
                                text: format!("b{} {sign} b{}", r + 1, g + 1),
                                bands: if r == g { vec![r] } else { vec![r, g] },
                            }),
                            decibel: look.decibel,
                        }
                    }
                };
                vec![band(r, look), band(g, look), third]
            }
            Self::Gray { band: b, look, .. } => vec![band(*b, look)],
            Self::Derived {
                derivation, look, ..
            } => vec![Channel {
                source: ChannelSource::Derived(derivation.clone()),
                decibel: look.decibel,
            }],
            _ => Vec::new(),
        }
    }

    /// Limits of each channel.
    pub fn stretches(&self) -> &[Stretch] {
        match self {
            Self::Rgb { stretch, .. } => stretch,
            Self::Gray { stretch, .. } | Self::Derived { stretch, .. } => {
                std::slice::from_ref(stretch)
            }
            _ => &[],
        }
    }

    pub fn stretches_mut(&mut self) -> &mut [Stretch] {
        match self {
            Self::Rgb { stretch, .. } => stretch,
            Self::Gray { stretch, .. } | Self::Derived { stretch, .. } => {
                std::slice::from_mut(stretch)
            }
            _ => &mut [],
        }
    }

    pub fn look(&self) -> Option<&Look> {
        match self {
            Self::Rgb { look, .. } | Self::Gray { look, .. } | Self::Derived { look, .. } => {
                Some(look)
            }
            _ => None,
        }
    }

    pub fn look_mut(&mut self) -> Option<&mut Look> {
        match self {
            Self::Rgb { look, .. } | Self::Gray { look, .. } | Self::Derived { look, .. } => {
                Some(look)
            }
            _ => None,
        }
    }

    pub fn ramp(&self) -> Option<&RampChoice> {
        match self {
            Self::Gray { ramp, .. } | Self::Derived { ramp, .. } => Some(ramp),
            _ => None,
        }
    }

    pub fn ramp_mut(&mut self) -> Option<&mut RampChoice> {
        match self {
            Self::Gray { ramp, .. } | Self::Derived { ramp, .. } => Some(ramp),
            _ => None,
        }
    }

    /// The channel worked out from the bands, where the style shows one.
    pub fn derivation(&self) -> Option<&Derivation> {
        match self {
            Self::Derived { derivation, .. } => Some(derivation),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_ramps_are_written_as_older_projects_have_them() {
        let plain = RampChoice::from("viridis");
        assert_eq!(serde_json::to_string(&plain).unwrap(), "\"viridis\"");
        assert_eq!(
            serde_json::from_str::<RampChoice>("\"viridis\"").unwrap(),
            plain
        );
        let stepped = RampChoice {
            inverted: true,
            steps: Some(Steps::At {
                breaks: vec![1.0, 2.0],
            }),
            ..plain
        };
        let text = serde_json::to_string(&stepped).unwrap();
        assert_eq!(serde_json::from_str::<RampChoice>(&text).unwrap(), stepped);
    }

    #[test]
    fn styles_of_older_projects_open() {
        let text = r#"{"kind":"gray","band":2,"stretch":{"low":0.0,"high":1.0,"gamma":1.0},"ramp":"grays"}"#;
        let style: Style = serde_json::from_str(text).unwrap();
        assert_eq!(style.look(), Some(&Look::default()));
        assert_eq!(style.ramp(), Some(&RampChoice::from("grays")));
        let text = r#"{"kind":"rgb","bands":[2,1,0],"stretch":[{"low":0,"high":1,"gamma":1},{"low":0,"high":1,"gamma":1},{"low":0,"high":1,"gamma":1}]}"#;
        let style: Style = serde_json::from_str(text).unwrap();
        assert_eq!(style.channels().len(), 3);
        let text = r#"{"kind":"palette","band":0,"entries":[]}"#;
        assert!(serde_json::from_str::<Style>(text).is_ok());
    }

    #[test]
    fn steps_divide_the_range_and_span_the_ramp() {
        let stretch = Stretch {
            low: 0.0,
            high: 8.0,
            gamma: 1.0,
        };
        let mut ramp = RampChoice {
            steps: Some(Steps::Equal { count: 4 }),
            ..RampChoice::from("grays")
        };
        let breaks = ramp.breaks(&stretch).unwrap();
        assert_eq!(breaks, [2.0, 4.0, 6.0]);
        let colors = ramp.step_colors(&breaks);
        assert_eq!((colors[0][0], colors[3][0], colors.len()), (0, 255, 4));
        ramp.inverted = true;
        assert_eq!(ramp.step_colors(&breaks)[0][0], 255);
        ramp.steps = Some(Steps::At {
            breaks: vec![3.0, f32::NAN, 1.0],
        });
        assert_eq!(ramp.breaks(&stretch), Some(vec![1.0, 3.0]));
        assert_eq!(RampChoice::from("grays").breaks(&stretch), None);
    }
}
