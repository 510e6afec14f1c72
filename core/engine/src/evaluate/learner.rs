//! What learns by itself from labelled pixels, to be judged beside descriptions that simple heads learn from. Knows pixels and
//! classes; knows nothing of how it learns.

use terroir_scene::Grid;

use crate::monitor::{JobResult, Monitor};

/// A model that is taught by every split anew.
pub(crate) trait Learner {
    /// What it is called in the report.
    fn name(&self) -> String;

    /// What it is, for people.
    fn about(&self) -> String;

    /// Numbers it reads of a pixel.
    fn numbers(&self) -> usize;

    /// The grid its pixels are counted on.
    fn grid(&self) -> &Grid;

    /// Of every place (column and row of its pixels) whether it sees one of them.
    ///
    /// # Errors
    /// A file that cannot be read; a cancel.
    fn see_blocking(
        &mut self,
        places: &[Vec<(usize, usize)>],
        monitor: &Monitor<'_>,
    ) -> JobResult<Vec<bool>>;

    /// Learns some places and returns the class of each of the others.
    ///
    /// # Errors
    /// Nothing to learn from, a device that fails, a cancel.
    fn classify(&mut self, task: &Task<'_>, monitor: &Monitor<'_>) -> JobResult<Vec<usize>>;
}

/// One split, as something that learns by itself sees it.
pub(crate) struct Task<'a> {
    /// Column and row of the pixels of every place.
    pub pixels: &'a [Vec<(usize, usize)>],
    /// Class of every place, from 0.
    pub class: &'a [usize],
    pub classes: usize,
    /// Places that teach, and those that are asked for.
    pub train: &'a [usize],
    pub test: &'a [usize],
    pub seed: u64,
}
