//! The learning rate of every step: a linear warm-up from zero, then down to zero along half a cosine or a line.
//! Knows step numbers. Knows nothing of what is trained.

use serde::{Deserialize, Serialize};

/// How a rate falls to zero after its warm-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fall {
    /// Half a cosine (DOFA specification 4.6).
    #[default]
    Cosine,
    /// A straight line (STP specification 8.2).
    Linear,
}

/// Learning rate over the steps of a run (DOFA specification 4.6, with steps in place of fractional epochs).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// Highest rate, reached at the end of the warm-up.
    pub peak: f64,
    pub warmup_steps: u64,
    /// Steps of the whole run.
    pub steps: u64,
    #[serde(default)]
    pub fall: Fall,
}

impl Schedule {
    /// Rate of a step, counted from 0. The first step of a warm-up has rate 0, as in the published training.
    pub fn rate(&self, step: u64) -> f64 {
        if step < self.warmup_steps {
            return self.peak * step as f64 / self.warmup_steps as f64;
        }
        let rest = self.steps.saturating_sub(self.warmup_steps).max(1);
        let share = ((step - self.warmup_steps) as f64 / rest as f64).min(1.0);
        let left = match self.fall {
            Fall::Cosine => 0.5 * (1.0 + (std::f64::consts::PI * share).cos()),
            Fall::Linear => 1.0 - share,
        };
        self.peak * left
    }

    /// The same, but falling to a share of the peak instead of to zero.
    pub fn rate_down_to(&self, step: u64, share: f64) -> f64 {
        match step < self.warmup_steps {
            true => self.rate(step),
            false => share * self.peak + (1.0 - share) * self.rate(step),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_linearly_and_falls_as_half_a_cosine() {
        let schedule = Schedule {
            peak: 1e-3,
            warmup_steps: 20,
            steps: 120,
            fall: Fall::Cosine,
        };
        assert_eq!(schedule.rate(0), 0.0);
        assert!((schedule.rate(10) - 5e-4).abs() < 1e-12);
        assert!((schedule.rate(20) - 1e-3).abs() < 1e-12);
        assert!((schedule.rate(70) - 5e-4).abs() < 1e-12);
        let quarter = 1e-3 * 0.5 * (1.0 + (std::f64::consts::PI * 0.25).cos());
        assert!((schedule.rate(45) - quarter).abs() < 1e-12);
        assert!(schedule.rate(120) < 1e-12);
        assert!(schedule.rate(500) < 1e-12);
    }

    #[test]
    fn it_goes_without_warm_up() {
        let schedule = Schedule {
            peak: 2.0,
            warmup_steps: 0,
            steps: 0,
            fall: Fall::Cosine,
        };
        assert_eq!(schedule.rate(0), 2.0);
    }
    #[test]
    fn a_line_falls_evenly() {
        let schedule = Schedule {
            peak: 1.0,
            warmup_steps: 5,
            steps: 105,
            fall: Fall::Linear,
        };
        assert!((schedule.rate(1) - 0.2).abs() < 1e-12);
        assert!((schedule.rate(55) - 0.5).abs() < 1e-12);
        assert!((schedule.rate(80) - 0.25).abs() < 1e-12);
        assert_eq!(schedule.rate(105), 0.0);
    }
}
