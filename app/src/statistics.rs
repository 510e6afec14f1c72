//! Statistics of channels that are known, and those that were asked for. Bounded: of a part of a raster only the newest
//! is kept for each channel.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use terroir_scene::BandStatistics;

use crate::probe::{Probe, StatisticsQuestion};

/// Formulas tried one after the other leave their numbers behind; beyond this they are forgotten together.
const MOST_KNOWN: usize = 4096;

#[derive(Default)]
pub struct Statistics {
    known: HashMap<StatisticsQuestion, Arc<BandStatistics>>,
    asked: HashSet<StatisticsQuestion>,
}

impl Statistics {
    /// The answer if it is there; asks for it once otherwise. Never waits.
    pub fn get_or_ask(
        &mut self,
        question: StatisticsQuestion,
        probe: &Probe,
    ) -> Option<Arc<BandStatistics>> {
        if let Some(known) = self.known.get(&question) {
            return Some(known.clone());
        }
        if !self.asked.contains(&question) && probe.ask_statistics(question.clone()) {
            self.asked.insert(question);
        }
        None
    }

    pub fn take(&mut self, question: StatisticsQuestion, statistics: BandStatistics) {
        self.asked.remove(&question);
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        if question.within.is_some() {
            self.known.retain(|known, _| {
                known.within.is_none()
                    || known.path != question.path
                    || known.channel != question.channel
            });
        }
        self.known.insert(question, Arc::new(statistics));
    }

    pub fn forget(&mut self, path: &Path) {
        self.known.retain(|known, _| known.path != path);
        self.asked.retain(|known| known.path != path);
    }
}
