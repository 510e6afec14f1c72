//! Ridge regression of one-against-rest targets: one 64 x 64 system for all classes.
//! Knows vectors and weights. Knows nothing of fields, files or drawing.

use nalgebra::{Cholesky, DMatrix, DVector, SymmetricEigen};

use crate::head::{FitSet, FittedScores};
use crate::temperature::{UnseenScores, likeliest_temperature};
use crate::{FIELD_AXES, SceneError, SceneResult};

/// Pull towards zero. Features have unit length, so it is comparable with one pixel's worth of evidence.
pub(crate) const LAMBDA: f64 = 1.0;
/// Scores of a few pixels can look like none at all.
const LEAST_TEMPERATURE: f64 = 0.5;
/// Used when no class has a second pixel to be left out.
const DEFAULT_TEMPERATURE: f64 = 3.0;

/// `W = (X' D X + lambda I)^-1 X' D Y` on centred features and centred targets +-1, `D` the weights.
/// `lambda` 0 takes the least-squares solution of smallest length.
///
/// The temperature is the one that makes the leave-one-out scores (closed form) most likely; pixels of a stroke resemble
/// each other, so it leans to the confident side.
pub(crate) fn fit(
    set: &FitSet,
    lambda: f64,
    cancelled: &dyn Fn() -> bool,
) -> SceneResult<FittedScores> {
    let total: f64 = set.weight.iter().map(|&weight| f64::from(weight)).sum();
    let mut mean = [0.0f64; FIELD_AXES];
    let mut share = vec![0.0f64; set.class_count];
    for ((vector, &weight), &class) in set.vectors.iter().zip(&set.weight).zip(&set.class) {
        for (sum, &value) in mean.iter_mut().zip(vector) {
            *sum += f64::from(weight) * f64::from(value);
        }
        share[class] += f64::from(weight) / total;
    }
    mean.iter_mut().for_each(|value| *value /= total);
    let centred = |vector: &[f32; FIELD_AXES]| -> [f64; FIELD_AXES] {
        std::array::from_fn(|axis| f64::from(vector[axis]) - mean[axis])
    };

    // Centred features sum to zero, so centring the targets too changes nothing here: +1 for the own class is enough.
    let mut gram = vec![0.0f64; FIELD_AXES * FIELD_AXES];
    let mut cross = DMatrix::<f64>::zeros(FIELD_AXES, set.class_count);
    for (index, ((vector, &weight), &class)) in set
        .vectors
        .iter()
        .zip(&set.weight)
        .zip(&set.class)
        .enumerate()
    {
        if index % 4096 == 0 && cancelled() {
            return Err(SceneError::Cancelled);
        }
        let x = centred(vector);
        let weight = f64::from(weight);
        for (axis, row) in gram.chunks_exact_mut(FIELD_AXES).enumerate() {
            let scaled = weight * x[axis];
            for (sum, other) in row[axis..].iter_mut().zip(&x[axis..]) {
                *sum += scaled * other;
            }
            cross[(axis, class)] += 2.0 * scaled;
        }
    }
    let gram = DMatrix::from_fn(FIELD_AXES, FIELD_AXES, |i, j| {
        gram[i.min(j) * FIELD_AXES + i.max(j)] + if i == j { lambda } else { 0.0 }
    });
    if cancelled() {
        return Err(SceneError::Cancelled);
    }
    let inverse = invert(gram)?;
    let solution = &inverse * &cross;
    let mut fitted = FittedScores {
        weights: Vec::new(),
        bias: Vec::new(),
        temperature: DEFAULT_TEMPERATURE,
    };
    for (column, share) in solution.column_iter().zip(&share) {
        let weights: [f64; FIELD_AXES] = std::array::from_fn(|axis| column[axis]);
        fitted
            .bias
            .push(2.0 * share - 1.0 - weights.iter().zip(&mean).map(|(w, m)| w * m).sum::<f64>());
        fitted.weights.push(weights);
    }

    // Leave-one-out scores: y - (y - y^) / (1 - h), h the pixel's own share in its score.
    let mut per_class = vec![0usize; set.class_count];
    set.class.iter().for_each(|&class| per_class[class] += 1);
    let mut left_out = Vec::new();
    for (index, ((vector, &weight), &class)) in set
        .vectors
        .iter()
        .zip(&set.weight)
        .zip(&set.class)
        .enumerate()
    {
        if index % 1024 == 0 && cancelled() {
            return Err(SceneError::Cancelled);
        }
        if per_class[class] < 2 {
            continue;
        }
        let x = DVector::from_row_slice(&centred(vector));
        let own = f64::from(weight) * (1.0 / total + (&inverse * &x).dot(&x));
        let remaining = (1.0 - own).max(1e-3);
        let scores = (0..set.class_count).map(|k| {
            let target = if k == class { 1.0 } else { -1.0 };
            let score = 2.0 * share[k] - 1.0 + solution.column(k).dot(&x);
            target - (target - score) / remaining
        });
        left_out.push(UnseenScores {
            class,
            weight: f64::from(weight),
            scores: scores.collect(),
        });
    }
    if let Some(temperature) = likeliest_temperature(&left_out) {
        fitted.temperature = temperature.max(LEAST_TEMPERATURE);
    }
    Ok(fitted)
}

/// Inverse, or pseudo-inverse where the matrix is singular (`lambda` 0 and fewer pixels than axes).
pub(crate) fn invert(matrix: DMatrix<f64>) -> SceneResult<DMatrix<f64>> {
    let diagonal = matrix.diagonal().max();
    if let Some(cholesky) = Cholesky::new(matrix.clone()) {
        let pivots = cholesky.l_dirty().diagonal();
        if pivots.min().powi(2) > 1e-11 * diagonal {
            return Ok(cholesky.inverse());
        }
    }
    let eigen = SymmetricEigen::try_new(matrix, 1e-15, 10_000).ok_or_else(|| {
        SceneError::input("the labelled pixels could not be solved for; check the field file")
    })?;
    let floor = 1e-11 * eigen.eigenvalues.amax();
    let inverted = eigen
        .eigenvalues
        .map(|value| if value > floor { 1.0 / value } else { 0.0 });
    Ok(&eigen.eigenvectors * DMatrix::from_diagonal(&inverted) * eigen.eigenvectors.transpose())
}
