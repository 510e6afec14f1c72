//! Texts about places, as vectors the user worked out with a language model of theirs, and the small network that brings them
//! to the sphere of the embeddings (specification 7.4). Knows vectors and pixels. Knows no language.

use std::path::Path;

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::activation::gelu;
use burn::tensor::{Device, Tensor, TensorData};
use terroir_models::{EMBEDDING, Stream, read_tensors, time_code};
use terroir_scene::{Crs, Grid, Place as GridPlace};

use super::places::Pixel;
use super::sampling::pick;
use crate::Failure;
use crate::setup::guarded;

/// Numbers of a time code in the text head, and its hidden width.
const CODE: usize = 16;
const HIDDEN: usize = 128;
/// Inverse temperature at the start and at most.
const START: f32 = 1.0 / 0.07;
const MOST: f32 = 100.0;

/// Texts that lie in the archives.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextPoints {
    /// Of each.
    places: Vec<Pixel>,
    /// Vectors of one width.
    vectors: Vec<Vec<f32>>,
}

impl TextPoints {
    /// Reads `x,y,vector` (degrees east and north; the vector as further columns, or as one with blanks between its numbers),
    /// or a `.safetensors` file with `xy` [n, 2] and `vectors` [n, d]; keeps those inside the grids.
    ///
    /// # Errors
    /// The file cannot be read, or no text lies in an archive.
    pub fn read_blocking(path: &Path, grids: &[&Grid]) -> Result<Self, Failure> {
        let is_tensors = path
            .extension()
            .is_some_and(|ending| ending.eq_ignore_ascii_case("safetensors"));
        let rows = if is_tensors {
            rows_of_tensors(path)?
        } else {
            let text = std::fs::read_to_string(path)
                .map_err(|error| Failure::io("the texts cannot be read", path, &error))?;
            rows_of_csv(&text).map_err(|what| unreadable(path, &what))?
        };
        let lon_lat = Crs::wgs84().map_err(Failure::from)?;
        let mut found = Self::default();
        for (archive, grid) in grids.iter().enumerate() {
            let place = GridPlace::new(grid, Some(&lon_lat)).map_err(Failure::from)?;
            for (x, y, vector) in &rows {
                if let Some((col, row)) = place.pixel_from_map(*x, *y)
                    && grid.holds(col, row)
                {
                    found.places.push((archive, col as usize, row as usize));
                    found.vectors.push(vector.clone());
                }
            }
        }
        if found.places.is_empty() {
            let what =
                "none of its texts lies in an archive; x and y must be degrees east and north";
            return Err(unreadable(path, what));
        }
        Ok(found)
    }

    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Numbers of a vector.
    pub fn width(&self) -> usize {
        self.vectors.first().map_or(0, Vec::len)
    }

    pub fn vector(&self, text: usize) -> &[f32] {
        self.vectors.get(text).map_or(&[], |vector| vector)
    }

    /// Any of the texts and its place.
    pub fn any(&self, chance: &mut Stream) -> Option<(usize, Pixel)> {
        let text = pick(self.places.len(), chance);
        Some((text, *self.places.get(text)?))
    }
}

fn unreadable(path: &Path, what: &str) -> Failure {
    Failure::new(format!(
        "the texts cannot be used: {what}\n{}",
        path.display()
    ))
}

type TextRow = (f64, f64, Vec<f32>);

fn rows_of_tensors(path: &Path) -> Result<Vec<TextRow>, Failure> {
    let tensors = guarded(|| read_tensors(path).map_err(|error| error.to_string()))?;
    let named = |name: &str| {
        tensors
            .iter()
            .find(|tensor| tensor.name == name && tensor.shape.len() == 2)
            .ok_or_else(|| unreadable(path, &format!("it has no tensor \"{name}\" of two axes")))
    };
    let (xy, vectors) = (named("xy")?, named("vectors")?);
    let width = vectors.shape[1];
    if xy.shape[1] != 2 || xy.shape[0] != vectors.shape[0] || width == 0 {
        return Err(unreadable(path, "xy must be [n, 2] and vectors [n, d]"));
    }
    let rows = xy
        .values
        .chunks_exact(2)
        .zip(vectors.values.chunks_exact(width));
    Ok(rows
        .map(|(xy, vector)| (f64::from(xy[0]), f64::from(xy[1]), vector.to_vec()))
        .collect())
}

fn rows_of_csv(text: &str) -> Result<Vec<TextRow>, String> {
    let mut rows: Vec<TextRow> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let numbers: Result<Vec<f64>, _> = line
            .split([',', ';', ' ', '\t', '"', '[', ']'])
            .filter(|word| !word.is_empty())
            .map(str::parse::<f64>)
            .collect();
        match numbers {
            Ok(numbers) if numbers.len() > 2 && numbers.iter().all(|value| value.is_finite()) => {
                let vector: Vec<f32> = numbers[2..].iter().map(|value| *value as f32).collect();
                let width = rows
                    .first()
                    .map_or(vector.len(), |(_, _, first)| first.len());
                if vector.len() != width {
                    return Err(format!(
                        "line {} has a vector of {} numbers, the lines before it of {width}",
                        number + 1,
                        vector.len()
                    ));
                }
                rows.push((numbers[0], numbers[1], vector));
            }
            // The first line may name the columns.
            Err(_) if rows.is_empty() && number == 0 => {}
            _ => {
                return Err(format!(
                    "line {} is not x, y and the numbers of a vector",
                    number + 1
                ));
            }
        }
    }
    Ok(rows)
}

/// Brings a text's vector and a period to a direction on the sphere.
#[derive(Module, Debug)]
pub struct TextHead {
    fc1: Linear,
    fc2: Linear,
    /// Logarithm of the inverse temperature.
    log_scale: Param<Tensor<1>>,
}

impl TextHead {
    pub fn new(width: usize, seed: u64, device: &Device) -> Self {
        let linear = |name: &str, inputs: usize, outputs: usize| {
            let mut chance = Stream::new(seed, name);
            let limit = 1.0 / (inputs as f64).sqrt();
            let mut values = |count: usize| -> Vec<f32> {
                (0..count)
                    .map(|_| (limit * (2.0 * chance.uniform() - 1.0)) as f32)
                    .collect()
            };
            let weight = TensorData::new(values(inputs * outputs), [inputs, outputs]);
            let bias = TensorData::new(values(outputs), [outputs]);
            Linear {
                weight: Param::from_data(weight, device),
                bias: Some(Param::from_data(bias, device)),
            }
        };
        Self {
            fc1: linear("text fc1", width + 2 * CODE, HIDDEN),
            fc2: linear("text fc2", HIDDEN, EMBEDDING),
            log_scale: Param::from_data(TensorData::new(vec![START.ln()], [1]), device),
        }
    }

    /// Directions [n, 64] of texts with their periods, and the inverse temperature.
    pub fn forward(&self, texts: &[(&[f32], (f64, f64))]) -> (Tensor<2>, Tensor<1>) {
        let device = self.log_scale.val().device();
        let width = texts.first().map_or(0, |(vector, _)| vector.len());
        let mut values = Vec::new();
        for (vector, (from, to)) in texts {
            values.extend_from_slice(vector);
            values.extend(time_code(*from, CODE));
            values.extend(time_code(*to, CODE));
        }
        let data = TensorData::new(values, [texts.len(), width + 2 * CODE]);
        let x = gelu(self.fc1.forward(Tensor::<2>::from_data(data, &device)));
        let x = self.fc2.forward(x);
        let length = x.clone().square().sum_dim(1).sqrt().clamp_min(1e-6);
        let scale = self.log_scale.val().exp().clamp_max(MOST);
        (x / length, scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_read_from_columns_or_from_one() {
        let columns = "x,y,v0,v1\n4.5,51.1,0.25,-1\n\n4.6,51.2,0.5,1e-1\n";
        let one = "lon;lat;vector\n4.5;51.1;\"0.25 -1\"\n4.6;51.2;\"[0.5 0.1]\"\n";
        let rows = rows_of_csv(columns).unwrap();
        assert_eq!(rows, rows_of_csv(one).unwrap());
        assert_eq!(rows[0], (4.5, 51.1, vec![0.25, -1.0]));
        let uneven = rows_of_csv("1,2,3,4\n1,2,3\n").unwrap_err();
        assert!(
            uneven.contains("line 2") && uneven.contains("of 1"),
            "{uneven}"
        );
        assert!(
            rows_of_csv("x,y,v\n1,2,a\n")
                .unwrap_err()
                .contains("line 2")
        );
        assert!(rows_of_csv("1,2\n").unwrap_err().contains("line 1"));
    }

    #[test]
    fn directions_have_length_one_and_depend_on_text_and_period() {
        let head = TextHead::new(3, 1, &Device::flex());
        let (a, b) = ([1.0f32, 0.0, 0.5], [0.0f32, 1.0, 0.5]);
        let texts: [(&[f32], (f64, f64)); 3] =
            [(&a, (10.0, 40.0)), (&b, (10.0, 40.0)), (&a, (200.0, 300.0))];
        let (directions, scale) = head.forward(&texts);
        let values = directions.into_data().try_into_vec::<f32>().unwrap();
        for row in values.chunks(EMBEDDING) {
            let length: f32 = row.iter().map(|value| value * value).sum();
            assert!((length - 1.0).abs() < 1e-5);
        }
        assert_ne!(values[..64], values[64..128]);
        assert_ne!(values[..64], values[128..]);
        let scale = scale.into_data().try_into_vec::<f32>().unwrap();
        assert!((scale[0] - 1.0 / 0.07).abs() < 1e-3);
    }
}
