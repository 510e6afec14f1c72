//! Values of a formula, plane by plane: each step works on a run of pixels at once.

use super::Formula;
use super::grammar::{Node, One, Two};

/// Pixels of one run; small enough for every step to stay in the cache.
const RUN: usize = 2048;

/// One value for all pixels of a run, or one each.
enum Value {
    Number(f64),
    Plane(Vec<f64>),
}

impl Formula {
    /// Values of every pixel: `planes` are the scaled bands of `names` in order, all as long as `out`.
    /// What has no value (a root of a negative number, a division by zero, a missing band) becomes NaN.
    pub fn evaluate(&self, planes: &[&[f32]], out: &mut [f32]) {
        for (index, out) in out.chunks_mut(RUN).enumerate() {
            let start = index * RUN;
            let run = |band: usize| {
                planes
                    .get(band)
                    .and_then(|plane| plane.get(start..start + out.len()))
                    .map(|values| values.iter().map(|value| f64::from(*value)).collect())
            };
            match value_of(&self.root, &run) {
                Value::Number(value) => out.fill(stored(value)),
                Value::Plane(values) => {
                    for (out, value) in out.iter_mut().zip(values) {
                        *out = stored(value);
                    }
                }
            }
        }
    }
}

fn stored(value: f64) -> f32 {
    let value = value as f32;
    if value.is_finite() { value } else { f32::NAN }
}

fn value_of(node: &Node, run: &dyn Fn(usize) -> Option<Vec<f64>>) -> Value {
    match node {
        Node::Number(value) => Value::Number(*value),
        Node::Band(band) => run(*band).map_or(Value::Number(f64::NAN), Value::Plane),
        Node::One(kind, inner) => {
            let function = one(*kind);
            match value_of(inner, run) {
                Value::Number(value) => Value::Number(function(value)),
                Value::Plane(mut values) => {
                    values
                        .iter_mut()
                        .for_each(|value| *value = function(*value));
                    Value::Plane(values)
                }
            }
        }
        Node::Two(kind, a, b) => both(*kind, value_of(a, run), value_of(b, run)),
        Node::Where(parts) => {
            let [condition, yes, no] = &**parts;
            let (yes, no) = (value_of(yes, run), value_of(no, run));
            let choose = |condition: f64, yes: f64, no: f64| {
                if condition.is_nan() {
                    f64::NAN
                } else if condition != 0.0 {
                    yes
                } else {
                    no
                }
            };
            match value_of(condition, run) {
                Value::Number(condition) => {
                    if condition.is_nan() {
                        Value::Number(f64::NAN)
                    } else if condition != 0.0 {
                        yes
                    } else {
                        no
                    }
                }
                Value::Plane(mut values) => {
                    for (index, value) in values.iter_mut().enumerate() {
                        *value = choose(*value, yes.at(index), no.at(index));
                    }
                    Value::Plane(values)
                }
            }
        }
    }
}

impl Value {
    fn at(&self, index: usize) -> f64 {
        match self {
            Self::Number(value) => *value,
            Self::Plane(values) => values.get(index).copied().unwrap_or(f64::NAN),
        }
    }
}

fn both(kind: Two, a: Value, b: Value) -> Value {
    // The kind is settled before the loop, so that the loop is one plain operation.
    match kind {
        Two::Add => zip(a, b, |a, b| a + b),
        Two::Subtract => zip(a, b, |a, b| a - b),
        Two::Multiply => zip(a, b, |a, b| a * b),
        Two::Divide => zip(a, b, |a, b| a / b),
        // The sign of the divisor, as Python and numpy have it.
        Two::Remainder => zip(a, b, |a, b| a - b * (a / b).floor()),
        Two::Power => zip(a, b, f64::powf),
        Two::Less => zip(a, b, |a, b| truth(a, b, a < b)),
        Two::LessEqual => zip(a, b, |a, b| truth(a, b, a <= b)),
        Two::Greater => zip(a, b, |a, b| truth(a, b, a > b)),
        Two::GreaterEqual => zip(a, b, |a, b| truth(a, b, a >= b)),
        Two::Equal => zip(a, b, |a, b| truth(a, b, a == b)),
        Two::NotEqual => zip(a, b, |a, b| truth(a, b, a != b)),
        Two::And => zip(a, b, |a, b| truth(a, b, a != 0.0 && b != 0.0)),
        Two::Or => zip(a, b, |a, b| truth(a, b, a != 0.0 || b != 0.0)),
        // Missing stays missing, where Rust's own min and max would drop it.
        Two::Min => zip(a, b, |a, b| if a.is_nan() || a < b { a } else { b }),
        Two::Max => zip(a, b, |a, b| if a.is_nan() || a > b { a } else { b }),
    }
}

/// 1 or 0; missing when either side is.
fn truth(a: f64, b: f64, is_true: bool) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        f64::from(u8::from(is_true))
    }
}

fn zip(a: Value, b: Value, apply: impl Fn(f64, f64) -> f64) -> Value {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => Value::Number(apply(a, b)),
        (Value::Plane(mut a), Value::Number(b)) => {
            a.iter_mut().for_each(|a| *a = apply(*a, b));
            Value::Plane(a)
        }
        (Value::Number(a), Value::Plane(mut b)) => {
            b.iter_mut().for_each(|b| *b = apply(a, *b));
            Value::Plane(b)
        }
        (Value::Plane(mut a), Value::Plane(b)) => {
            a.iter_mut().zip(&b).for_each(|(a, b)| *a = apply(*a, *b));
            Value::Plane(a)
        }
    }
}

fn one(kind: One) -> fn(f64) -> f64 {
    match kind {
        One::Negative => |value| -value,
        One::Not => |value| {
            if value.is_nan() {
                value
            } else {
                f64::from(u8::from(value == 0.0))
            }
        },
        One::Abs => f64::abs,
        One::Sqrt => f64::sqrt,
        One::Ln => f64::ln,
        One::Log10 => f64::log10,
        One::Exp => f64::exp,
        One::Sin => f64::sin,
        One::Cos => f64::cos,
        One::Tan => f64::tan,
        One::Asin => f64::asin,
        One::Acos => f64::acos,
        One::Atan => f64::atan,
        // Halves to the even number, as numpy does.
        One::Round => f64::round_ties_even,
        One::Floor => f64::floor,
        One::Ceil => f64::ceil,
        One::Sign => |value| {
            if value == 0.0 || value.is_nan() {
                value
            } else {
                value.signum()
            }
        },
        One::Decibel => |value| {
            if value > 0.0 {
                10.0 * value.log10()
            } else {
                f64::NAN
            }
        },
    }
}
