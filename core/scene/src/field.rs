//! Embedding fields: 64 signed bytes a pixel in the AlphaEarth coding, their decoding and similarity.
//! Knows nothing of files, models or how a field is drawn.

use std::sync::LazyLock;

/// Axes of a field.
pub const FIELD_AXES: usize = 64;
/// The code of a missing pixel, in all axes at once.
pub const FIELD_NODATA: i8 = -128;
/// Decoded vectors shorter than this are fill (all-zero exports), not places: real ones are 0.994 to 1.006 long.
pub(crate) const SHORTEST_VECTOR: f32 = 0.5;

static DECODE_TABLE: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|byte| {
        let code = f64::from((byte as u8) as i8);
        (code.signum() * (code / 127.5).powi(2)) as f32
    })
});

/// `sign(c) * (c / 127.5)^2`, computed in f64 and rounded once; index by `code as u8`.
/// The entry of the missing code is out of range (-1.0079) on purpose: test for [`FIELD_NODATA`] first.
pub fn decode_table() -> &'static [f32; 256] {
    &DECODE_TABLE
}

/// `clamp(round(sign(v) * sqrt(|v|) * 127.5), -127, 127)`, halves to even; NaN gives [`FIELD_NODATA`].
pub fn encode_value(value: f32) -> i8 {
    if value.is_nan() {
        return FIELD_NODATA;
    }
    let value = f64::from(value);
    (value.abs().sqrt() * 127.5)
        .copysign(value)
        .round_ties_even()
        .clamp(-127.0, 127.0) as i8
}

/// Codes of a whole pixel after scaling it to length 1. A vector that is not finite or has no length is missing in all axes.
pub fn encode_pixel(vector: &[f32; FIELD_AXES]) -> [i8; FIELD_AXES] {
    let length = length(vector);
    if !length.is_finite() || length <= 0.0 {
        return [FIELD_NODATA; FIELD_AXES];
    }
    std::array::from_fn(|axis| encode_value(vector[axis] / length))
}

/// Decodes one pixel and renormalises it to length 1; `None` if missing (any axis missing, or all near zero).
pub fn decode_pixel(codes: &[i8; FIELD_AXES]) -> Option<[f32; FIELD_AXES]> {
    let table = decode_table();
    let mut vector = [0.0; FIELD_AXES];
    for (value, &code) in vector.iter_mut().zip(codes) {
        if code == FIELD_NODATA {
            return None;
        }
        *value = table[usize::from(code as u8)];
    }
    let length = length(&vector);
    if length < SHORTEST_VECTOR {
        return None;
    }
    let scale = 1.0 / length;
    vector.iter_mut().for_each(|value| *value *= scale);
    Some(vector)
}

/// Decodes pixel `index` of planar codes (`64 * pixels`, as `Raster::read_codes_blocking` gives them); `None` if missing or outside.
pub fn decode_planar_pixel(codes: &[i8], pixels: usize, index: usize) -> Option<[f32; FIELD_AXES]> {
    if index >= pixels || codes.len() < FIELD_AXES * pixels {
        return None;
    }
    let mut pixel = [0; FIELD_AXES];
    for (axis, code) in pixel.iter_mut().enumerate() {
        *code = codes[axis * pixels + index];
    }
    decode_pixel(&pixel)
}

/// The reference whose dot product with a unit vector is the mean of its dots with all examples.
/// Not renormalised: a scattered set of examples is similar to nothing. `None` without examples.
pub fn similarity_reference(examples: &[[f32; FIELD_AXES]]) -> Option<[f32; FIELD_AXES]> {
    if examples.is_empty() {
        return None;
    }
    let mut sum = [0.0f64; FIELD_AXES];
    for example in examples {
        for (total, &value) in sum.iter_mut().zip(example) {
            *total += f64::from(value);
        }
    }
    Some(sum.map(|total| (total / examples.len() as f64) as f32))
}

/// Dot product of two 64-vectors; -1 to 1 for unit vectors.
pub fn similarity(a: &[f32; FIELD_AXES], b: &[f32; FIELD_AXES]) -> f32 {
    // Eight running sums: order fixed, and wide registers can be used.
    let mut sums = [0.0f32; 8];
    for (left, right) in a.as_chunks::<8>().0.iter().zip(b.as_chunks::<8>().0) {
        for lane in 0..8 {
            sums[lane] += left[lane] * right[lane];
        }
    }
    sums.iter().sum()
}

fn length(vector: &[f32; FIELD_AXES]) -> f32 {
    vector
        .iter()
        .map(|&value| f64::from(value) * f64::from(value))
        .sum::<f64>()
        .sqrt() as f32
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A file of the golden and data collection, or `None` said aloud when it is absent.
    pub(crate) fn shared(relative: &str) -> Option<std::path::PathBuf> {
        let root = std::env::var_os("TERROIR_SHARED").map_or_else(
            || std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared")),
            std::path::PathBuf::from,
        );
        let path = root.join(relative);
        if path.exists() {
            return Some(path);
        }
        eprintln!("SKIPPED: {} is absent (set TERROIR_SHARED)", path.display());
        None
    }

    pub(crate) fn golden(relative: &str) -> Option<serde_json::Value> {
        let text = std::fs::read_to_string(shared(&format!("golden/{relative}"))?).unwrap();
        Some(serde_json::from_str(&text).unwrap())
    }

    pub(crate) fn numbers(value: &serde_json::Value) -> Vec<f64> {
        value
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v.as_f64().unwrap())
            .collect()
    }

    /// Labelled codes of a table of real points.
    pub(crate) fn points(region: &str) -> Option<Vec<(usize, [i8; FIELD_AXES])>> {
        let mut reader =
            csv::Reader::from_path(shared(&format!("data/aef/points_2024_{region}.csv"))?).unwrap();
        let rows = reader.records().map(|record| {
            let record = record.unwrap();
            (
                record[3].parse().unwrap(),
                std::array::from_fn(|axis| record[6 + axis].parse().unwrap()),
            )
        });
        Some(rows.collect())
    }

    /// Dequantised but not renormalised.
    pub(crate) fn raw(codes: &[i8; FIELD_AXES]) -> [f32; FIELD_AXES] {
        codes.map(|code| decode_table()[usize::from(code as u8)])
    }

    #[test]
    fn decoding_is_exact_to_the_bit() {
        let Some(path) = shared("golden/aef/dequant_table.csv") else {
            return;
        };
        let mut reader = csv::Reader::from_path(path).unwrap();
        let mut rows = 0;
        for record in reader.records() {
            let record = record.unwrap();
            let code: i8 = record[0].parse().unwrap();
            rows += 1;
            if code == FIELD_NODATA {
                continue;
            }
            let value = decode_table()[usize::from(code as u8)];
            assert_eq!(
                value.to_bits(),
                u32::from_str_radix(&record[3], 16).unwrap(),
                "code {code}"
            );
            assert_eq!(encode_value(value), code);
        }
        assert_eq!(rows, 256);
    }

    #[test]
    fn encoding_matches_every_case() {
        let Some(cases) = golden("aef/quantise_cases.json") else {
            return;
        };
        for (value, code) in numbers(&cases["input"]).iter().zip(numbers(&cases["code"])) {
            assert_eq!(f64::from(encode_value(*value as f32)), code, "{value}");
        }
        assert_eq!(encode_value(f32::NAN), FIELD_NODATA);
    }

    #[test]
    fn pixels_survive_a_round_trip_and_missing_ones_stay_missing() {
        let vector: [f32; FIELD_AXES] =
            std::array::from_fn(|axis| ((axis * 37 % 64) as f32 - 31.0) / 100.0);
        let codes = encode_pixel(&vector);
        let unit = decode_pixel(&codes).unwrap();
        assert!((length(&unit) - 1.0).abs() < 1e-6);
        assert!(similarity(&unit, &vector) / length(&vector) > 0.999);
        assert_eq!(encode_pixel(&unit), codes);

        assert_eq!(encode_pixel(&[0.0; FIELD_AXES]), [FIELD_NODATA; FIELD_AXES]);
        assert_eq!(
            encode_pixel(&[f32::NAN; FIELD_AXES]),
            [FIELD_NODATA; FIELD_AXES]
        );
        assert_eq!(decode_pixel(&[0; FIELD_AXES]), None);
        let mut holed = codes;
        holed[63] = FIELD_NODATA;
        assert_eq!(decode_pixel(&holed), None);
    }

    #[test]
    fn planar_codes_are_gathered_by_pixel() {
        let first = encode_pixel(&std::array::from_fn(|axis| axis as f32 - 20.0));
        let second = [FIELD_NODATA; FIELD_AXES];
        let planar: Vec<i8> = (0..FIELD_AXES)
            .flat_map(|axis| [first[axis], second[axis]])
            .collect();
        assert_eq!(decode_planar_pixel(&planar, 2, 0), decode_pixel(&first));
        assert_eq!(decode_planar_pixel(&planar, 2, 1), None);
        assert_eq!(decode_planar_pixel(&planar, 2, 2), None);
    }

    #[test]
    fn similarity_is_the_mean_of_dots() {
        let Some((golden, rows)) = golden("aef/similarity_kmeans_iowa.json").zip(points("iowa_ag"))
        else {
            return;
        };
        let units: Vec<_> = rows
            .iter()
            .map(|(_, codes)| decode_pixel(codes).unwrap())
            .collect();
        let reference = similarity_reference(&units[..3]).unwrap();
        let mut ranked: Vec<(usize, f32)> = units
            .iter()
            .map(|unit| similarity(&reference, unit))
            .enumerate()
            .collect();
        ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
        let order: Vec<f64> = ranked[..10].iter().map(|(row, _)| *row as f64).collect();
        assert_eq!(
            order,
            numbers(&golden["similarity_mean_of_dots_rows_0_1_2_top10"])
        );
        for ((_, value), expected) in ranked
            .iter()
            .zip(numbers(&golden["similarity_top10_value"]))
        {
            assert!((f64::from(*value) - expected).abs() < 1e-5);
        }
        for (unit, expected) in units
            .iter()
            .zip(numbers(&golden["change_distance_row0_to_first10"]))
        {
            assert!((f64::from(1.0 - similarity(&units[0], unit)) / 2.0 - expected).abs() < 1e-5);
        }
    }
}
