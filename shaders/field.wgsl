// A field tile, 64 signed bytes a pixel, through linear forms of its unit vector: three components as colour, the winning
// class, its confidence, how unsure it is, or the largest similarity to some vectors.
// Rust twin: `FieldParams` and `FieldShading::color` in core/scene/src/shading.rs, decoding in core/scene/src/style.rs.

const MODE_CLASSES: u32 = 1u;
const MODE_CONFIDENCE: u32 = 2u;
const MODE_SIMILARITY: u32 = 3u;
const MODE_MARGIN: u32 = 8u;
const MODE_ENTROPY: u32 = 9u;
const MISSING: i32 = -128;
// 64 axes, four a layer.
const LAYERS: u32 = 16u;

struct Field {
    low: vec4<f32>,
    scale: vec4<f32>,
    // MODE of the pipeline.
    mode: u32,
    count: u32,
    temperature: f32,
    // Similarities below it are not drawn.
    floor: f32,
    // What missing pixels show, as a styled tile stores it.
    missing: vec4<f32>,
    has_patterns: u32,
    unused_0: u32,
    unused_1: u32,
    unused_2: u32,
}

@group(0) @binding(0) var<uniform> field: Field;
// Matrix 16 g + j: axes 4j.. of the forms 4g.., one form a column.
@group(0) @binding(2) var<storage, read> forms: array<mat4x4<f32>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;
@group(1) @binding(0) var codes: texture_2d_array<i32>;

// Square law, before the vector is brought to length 1.
fn decoded(texel: vec2<i32>, layer: u32) -> vec4<f32> {
    let share = vec4<f32>(textureLoad(codes, texel, layer, 0)) / 127.5;
    return share * abs(share);
}

@fragment
fn field_pixel(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let texel = vec2<i32>(position.xy);
    var squares = 0.0;
    var first = vec4<f32>(0.0);
    for (var layer = 0u; layer < LAYERS; layer++) {
        let raw = textureLoad(codes, texel, layer, 0);
        if (any(raw == vec4<i32>(MISSING))) {
            return field.missing;
        }
        let share = vec4<f32>(raw) / 127.5;
        let value = share * abs(share);
        squares += dot(value, value);
        first += value * forms[layer];
    }
    // Only fill values are shorter than one half.
    if (squares < 0.25) {
        return field.missing;
    }
    if (field.count == 0u) {
        return vec4<f32>(0.0);
    }
    let inverse_length = inverseSqrt(squares);
    var scores = first * inverse_length + bias[0];

    if (MODE == MODE_CLASSES || MODE == MODE_CONFIDENCE
        || MODE == MODE_MARGIN || MODE == MODE_ENTROPY) {
        var best = 0u;
        // Score of the class after the best, and the sum of shares times their logarithms.
        var second = -3.0e38;
        var weighted = 0.0;
        var best_score = -3.0e38;
        var sum = 0.0;
        for (var group = 0u; group * 4u < field.count; group++) {
            if (group > 0u) {
                var product = vec4<f32>(0.0);
                for (var layer = 0u; layer < LAYERS; layer++) {
                    product += decoded(texel, layer) * forms[group * LAYERS + layer];
                }
                scores = product * inverse_length + bias[group];
            }
            let members = min(field.count - group * 4u, 4u);
            for (var member = 0u; member < members; member++) {
                let score = scores[member];
                if (score > best_score) {
                    if (sum > 0.0) {
                        let below = field.temperature * (best_score - score);
                        weighted = (weighted + below * sum) * exp(below);
                        sum *= exp(below);
                    }
                    sum += 1.0;
                    second = best_score;
                    best = group * 4u + member;
                    best_score = score;
                } else {
                    let below = field.temperature * (score - best_score);
                    sum += exp(below);
                    weighted += below * exp(below);
                    second = max(second, score);
                }
            }
        }
        if (MODE == MODE_CLASSES) {
            return stored(class_entry(best, field.count, is_set(FLAG_PATTERNS), texel));
        }
        if (MODE == MODE_MARGIN) {
            // With one class there is no second, and no doubt.
            var behind = 0.0;
            if (field.count > 1u) {
                behind = exp(field.temperature * (second - best_score));
            }
            return stored(ramp_color(clamp(1.0 - (1.0 - behind) / sum, 0.0, 1.0)));
        }
        if (MODE == MODE_ENTROPY) {
            let most = log(f32(max(field.count, 2u)));
            return stored(ramp_color(clamp((log(sum) - weighted / sum) / most, 0.0, 1.0)));
        }
        return stored(ramp_color(clamp(1.0 / sum, 0.0, 1.0)));
    }

    if (MODE == MODE_SIMILARITY) {
        var best = -3.0e38;
        for (var group = 0u; group * 4u < field.count; group++) {
            if (group > 0u) {
                var product = vec4<f32>(0.0);
                for (var layer = 0u; layer < LAYERS; layer++) {
                    product += decoded(texel, layer) * forms[group * LAYERS + layer];
                }
                scores = product * inverse_length + bias[group];
            }
            let members = min(field.count - group * 4u, 4u);
            for (var member = 0u; member < members; member++) {
                best = max(best, scores[member]);
            }
        }
        if (best < field.floor) {
            return vec4<f32>(0.0);
        }
        return stored(ramp_color(clamp((best - field.low.x) * field.scale.x, 0.0, 1.0)));
    }

    let t = clamp((scores - field.low) * field.scale, vec4<f32>(0.0), vec4<f32>(1.0));
    return stored(vec4<f32>(floor(t.xyz * 255.0 + 0.5), 255.0));
}
