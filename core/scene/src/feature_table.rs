//! Numbers of places, one row a place: what classifiers are compared on when they do not all have 64 numbers.
//! Knows numbers only; knows nothing of where they were read or of what they are for.

/// Rows of equally many numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureTable {
    width: usize,
    values: Vec<f32>,
}

impl FeatureTable {
    /// No row yet; every row will have `width` numbers.
    pub fn new(width: usize) -> Self {
        Self {
            width,
            values: Vec::new(),
        }
    }

    /// Numbers a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn len(&self) -> usize {
        self.values.len().checked_div(self.width).unwrap_or(0)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a row; one that is too short is filled with nought, one that is too long is cut.
    pub fn push(&mut self, row: &[f32]) {
        let end = self.values.len() + self.width;
        self.values.extend(row.iter().take(self.width));
        self.values.resize(end, 0.0);
    }

    /// The numbers of a row; empty where there is no such row.
    pub fn row(&self, row: usize) -> &[f32] {
        let start = row.saturating_mul(self.width);
        self.values
            .get(start..start.saturating_add(self.width))
            .unwrap_or_default()
    }

    pub fn rows(&self) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact(self.width.max(1))
    }

    /// Some of the rows, in the order named.
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut selected = Self::new(self.width);
        selected.values.reserve(rows.len() * self.width);
        for row in rows {
            selected.push(self.row(*row));
        }
        selected
    }

    /// Brings every column to mean 0 and standard deviation 1, so that none counts more because of its unit. A column that
    /// does not vary becomes nought.
    pub fn standardise(&mut self) {
        let rows = self.len();
        if rows == 0 {
            return;
        }
        let mut mean = vec![0.0f64; self.width];
        for row in self.rows() {
            for (sum, value) in mean.iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
        }
        mean.iter_mut().for_each(|sum| *sum /= rows as f64);
        let mut squares = vec![0.0f64; self.width];
        for row in self.rows() {
            for ((sum, value), mean) in squares.iter_mut().zip(row).zip(&mean) {
                *sum += (f64::from(*value) - mean).powi(2);
            }
        }
        let scale: Vec<f64> = squares
            .iter()
            .zip(&mean)
            .map(|(squares, mean)| {
                let deviation = (squares / rows as f64).sqrt();
                if deviation > 1e-9 * mean.abs().max(1e-9) {
                    1.0 / deviation
                } else {
                    0.0
                }
            })
            .collect();
        for row in self.values.chunks_exact_mut(self.width) {
            for ((value, mean), scale) in row.iter_mut().zip(&mean).zip(&scale) {
                *value = ((f64::from(*value) - mean) * scale) as f32;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_are_selected_in_order() {
        let mut table = FeatureTable::new(2);
        assert!(table.is_empty() && table.row(0).is_empty());
        for row in [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]] {
            table.push(&row);
        }
        table.push(&[7.0]);
        assert_eq!((table.len(), table.row(3)), (4, [7.0, 0.0].as_slice()));
        let chosen = table.select(&[2, 0]);
        assert_eq!(chosen.rows().collect::<Vec<_>>(), [[5.0, 6.0], [1.0, 2.0]]);
        assert!(table.row(4).is_empty());
        assert_eq!(FeatureTable::new(0).len(), 0);
    }

    #[test]
    fn standardised_columns_weigh_the_same_and_flat_ones_nothing() {
        let mut table = FeatureTable::new(3);
        for value in [1.0, 2.0, 3.0, 6.0] {
            table.push(&[value, 1000.0 * value + 5.0, 7.0]);
        }
        table.standardise();
        let column = |at: usize| table.rows().map(|row| row[at]).collect::<Vec<_>>();
        let (a, b) = (column(0), column(1));
        assert!(a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5));
        assert!(a.iter().sum::<f32>().abs() < 1e-5);
        assert_eq!(column(2), [0.0; 4]);
        FeatureTable::new(3).standardise();
    }
}
