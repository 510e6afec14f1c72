//! Statistics of channels that are known, sampled or exact, and those that were asked for. Bounded: of a part of a raster only the newest
//! is kept for each channel.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use terroir_scene::{BandStatistics, Channel};

use crate::probe::{Probe, StatisticsQuestion};

/// Formulas tried one after the other leave their numbers behind; beyond this they are forgotten together.
const MOST_KNOWN: usize = 4096;

#[derive(Default)]
pub struct Statistics {
    known: HashMap<StatisticsQuestion, Arc<BandStatistics>>,
    asked: HashSet<StatisticsQuestion>,
    /// Sampled figures that exact ones took the place of, while limits may still come from them.
    replaced: HashMap<StatisticsQuestion, Arc<BandStatistics>>,
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
        // A sample that was asked for earlier is no news.
        let is_exact = |known: &Arc<BandStatistics>| !known.is_sampled;
        if !(statistics.is_sampled && self.known.get(&question).is_some_and(is_exact)) {
            self.known.insert(question, Arc::new(statistics));
        }
    }

    /// Figures of a whole band, every pixel counted.
    pub fn take_exact(&mut self, path: PathBuf, statistics: BandStatistics) {
        let question = StatisticsQuestion {
            path,
            channel: Channel::band(statistics.band),
            within: None,
        };
        if let Some(sampled) = self.known.get(&question).filter(|known| known.is_sampled) {
            self.replaced.insert(question.clone(), sampled.clone());
        }
        self.take(question, statistics);
    }

    /// The sampled and the exact figures of the bands of a file that were measured anew; they are handed over once.
    pub fn measured(&mut self, path: &Path) -> HashMap<Channel, [Arc<BandStatistics>; 2]> {
        let replaced = std::mem::take(&mut self.replaced);
        let (of_file, others) = replaced
            .into_iter()
            .partition(|(question, _)| question.path == path);
        self.replaced = others;
        let of_file: HashMap<StatisticsQuestion, Arc<BandStatistics>> = of_file;
        of_file
            .into_iter()
            .filter_map(|(question, sampled)| {
                let exact = self.known.get(&question)?.clone();
                Some((question.channel, [sampled, exact]))
            })
            .collect()
    }

    pub fn forget(&mut self, path: &Path) {
        self.known.retain(|known, _| known.path != path);
        self.asked.retain(|known| known.path != path);
        self.replaced.retain(|known, _| known.path != path);
    }
}
