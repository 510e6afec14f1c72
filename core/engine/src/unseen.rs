//! What heads say of pixels they were not fitted on: whether their probabilities are honest, and how right they are on
//! shapes that were held out. Knows heads and samples; knows nothing of files.

use serde_json::{Value, json};
use terroir_scene::{
    Accuracy, Calibration, CalibrationMeasures, Class, ConfusionMatrix, Head, UnseenScores,
    likeliest_temperature, softmax, unseen_scores,
};

use crate::train::{Sample, metrics_json};

/// A temperature is not told from fewer pixels than this.
const FEWEST: usize = 100;

/// Scores of the folds' test pixels, each by the head that had not seen it.
#[derive(Default)]
pub(crate) struct UnseenPixels {
    scores: Vec<UnseenScores>,
    fold: Vec<usize>,
    /// Temperature of the head that gave the scores.
    own: Vec<f64>,
}

/// How honest probabilities are before and after the temperature is fitted to unseen pixels.
pub(crate) struct Calibrated {
    /// For the head fitted on everything.
    pub temperature: f64,
    before: CalibrationMeasures,
    /// Each fold at the temperature of the others.
    pub after: CalibrationMeasures,
}

impl UnseenPixels {
    pub fn add(&mut self, fold: usize, head: &Head, classes: &[Class], sample: &Sample) {
        let class = classes
            .iter()
            .position(|class| class.id == sample.pixel.class_id);
        if let Some(class) = class {
            self.scores
                .push(unseen_scores(head, classes, &sample.vector, class, 1.0));
            self.fold.push(fold);
            self.own.push(f64::from(head.temperature));
        }
    }

    /// `None` with too few pixels or only one fold.
    pub fn calibrated(&self) -> Option<Calibrated> {
        let mut folds = self.fold.clone();
        folds.sort_unstable();
        folds.dedup();
        if self.scores.len() < FEWEST || folds.len() < 2 {
            return None;
        }
        let (mut before, mut after) = (Calibration::new(), Calibration::new());
        for fold in folds {
            let others: Vec<UnseenScores> =
                self.part(|of| of != fold).map(|(s, _)| s.clone()).collect();
            let temperature = likeliest_temperature(&others)?;
            for (pixel, own) in self.part(|of| of == fold) {
                before.add(&softmax(&pixel.scores, own), pixel.class);
                after.add(&softmax(&pixel.scores, temperature), pixel.class);
            }
        }
        Some(Calibrated {
            temperature: likeliest_temperature(&self.scores)?,
            before: before.measures(),
            after: after.measures(),
        })
    }

    fn part(&self, wanted: impl Fn(usize) -> bool) -> impl Iterator<Item = (&UnseenScores, f64)> {
        self.scores
            .iter()
            .zip(&self.own)
            .zip(&self.fold)
            .filter(move |(_, fold)| wanted(**fold))
            .map(|((scores, own), _)| (scores, *own))
    }
}

impl Calibrated {
    pub fn json(&self) -> Value {
        json!({
            "method": "temperature fitted on the scores of the other folds",
            "temperature": self.temperature, "before": self.before, "after": self.after,
        })
    }
}

/// Accuracy on shapes whose attribute `use` kept them out of training.
pub(crate) struct HeldOut {
    pub pixels: usize,
    pub shapes: usize,
    pub matrix: ConfusionMatrix,
    pub accuracy: Accuracy,
    calibration: CalibrationMeasures,
}

impl HeldOut {
    /// Classes of held-out shapes that the head does not know count as errors.
    pub fn of(head: &Head, classes: &[Class], samples: &[Sample], shapes: usize) -> Self {
        let mut matrix = ConfusionMatrix::new(classes.to_vec());
        let mut calibration = Calibration::new();
        let place = |id: u8| classes.iter().position(|class| class.id == id);
        for sample in samples {
            let (winner, _) = head.classify(&sample.vector);
            let found = head.classes.get(winner).and_then(|class| place(class.id));
            if let (Some(found), Some(truth)) = (found, place(sample.pixel.class_id)) {
                matrix.add(found, truth);
                let scores = unseen_scores(head, classes, &sample.vector, truth, 1.0).scores;
                calibration.add(&softmax(&scores, f64::from(head.temperature)), truth);
            }
        }
        Self {
            pixels: samples.len(),
            shapes,
            accuracy: matrix.accuracy(),
            matrix,
            calibration: calibration.measures(),
        }
    }

    pub fn json(&self) -> Value {
        json!({
            "design": "held-out polygons", "pixels": self.pixels, "polygons": self.shapes,
            "error_matrix": self.matrix.counts, "metrics": metrics_json(&self.accuracy),
            "calibration": self.calibration,
        })
    }
}
