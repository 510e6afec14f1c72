//! The temperature that makes probabilities honest: found on scores of pixels the head had not seen.
//! Knows scores and classes; knows nothing of heads or fields.

/// Scores of one pixel by a head that was fitted without it, one a class, and the class it has.
#[derive(Clone, Debug, PartialEq)]
pub struct UnseenScores {
    pub class: usize,
    pub weight: f64,
    pub scores: Vec<f64>,
}

/// Steepest and flattest temperature looked for.
const RANGE: (f64, f64) = (0.1, 40.0);

/// The temperature of smallest negative log-likelihood of `softmax(temperature * scores)`, between 0.1 and 40; `None` without
/// usable scores.
pub fn likeliest_temperature(unseen: &[UnseenScores]) -> Option<f64> {
    let is_usable = |pixel: &&UnseenScores| {
        pixel.class < pixel.scores.len()
            && pixel.weight > 0.0
            && pixel.scores.iter().all(|score| score.is_finite())
    };
    let usable: Vec<&UnseenScores> = unseen.iter().filter(is_usable).collect();
    if usable.is_empty() {
        return None;
    }
    let loss = |temperature: f64| -> f64 {
        usable
            .iter()
            .map(|pixel| {
                let highest = pixel
                    .scores
                    .iter()
                    .copied()
                    .fold(f64::NEG_INFINITY, f64::max);
                let total: f64 = pixel
                    .scores
                    .iter()
                    .map(|score| (temperature * (score - highest)).exp())
                    .sum();
                pixel.weight * (total.ln() - temperature * (pixel.scores[pixel.class] - highest))
            })
            .sum()
    };
    // Convex in the temperature, so unimodal in its logarithm: golden-section search to 1 %.
    let ratio = (5f64.sqrt() - 1.0) / 2.0;
    let (mut low, mut high) = (RANGE.0.ln(), RANGE.1.ln());
    let (mut left, mut right) = (high - ratio * (high - low), low + ratio * (high - low));
    let (mut at_left, mut at_right) = (loss(left.exp()), loss(right.exp()));
    while high - low > 0.01 {
        if at_left <= at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - ratio * (high - low);
            at_left = loss(left.exp());
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + ratio * (high - low);
            at_right = loss(right.exp());
        }
    }
    Some(((low + high) / 2.0).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_that_promise_too_much_are_cooled() {
        // Right three times in four, with scores that claim far more.
        let unseen: Vec<UnseenScores> = (0..400)
            .map(|index| UnseenScores {
                class: usize::from(index % 4 == 0),
                weight: 1.0,
                scores: vec![8.0, 0.0],
            })
            .collect();
        let temperature = likeliest_temperature(&unseen).unwrap();
        let stated = 1.0 / (1.0 + (-8.0 * temperature).exp());
        assert!((stated - 0.75).abs() < 0.01, "{temperature}: {stated}");
        assert_eq!(likeliest_temperature(&[]), None);
        let broken = UnseenScores {
            class: 5,
            weight: 1.0,
            scores: vec![f64::NAN],
        };
        assert_eq!(likeliest_temperature(&[broken]), None);
    }
}
