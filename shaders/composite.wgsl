// Planar data tile to styled tile: one or three bands, linear or in decibels, stretched, then as they are, through a ramp,
// in steps or through a table of codes.
// Rust twin: `CompositeParams` and `CompositeShading::color` in core/scene/src/shading.rs.

const MODE_RAMP: u32 = 1u;
const MODE_TABLE: u32 = 2u;
const MODE_STEPS: u32 = 3u;
const FLAG_DECIBEL: u32 = 1u;
const FLAG_RATIO: u32 = 2u;
const FLAG_DIFFERENCE: u32 = 4u;

struct Composite {
    low: vec4<f32>,
    scale: vec4<f32>,
    exponent: vec4<f32>,
    // MODE and FLAGS of the pipeline.
    mode: u32,
    table_first: i32,
    table_count: u32,
    flags: u32,
    breaks: array<vec4<f32>, 4>,
    // What missing pixels show, as a styled tile stores it.
    missing: vec4<f32>,
}

@group(0) @binding(0) var<uniform> composite: Composite;
// The bands, then one layer that is 1 where the pixel holds a value.
@group(1) @binding(0) var planes: texture_2d_array<f32>;

fn stored_value(texel: vec2<i32>, band: i32) -> f32 {
    return textureLoad(planes, texel, band, 0).r;
}

// What a channel shows before it is stretched.
fn value_of(texel: vec2<i32>, band: i32) -> f32 {
    if (band == 2 && is_set(FLAG_RATIO)) {
        let first = stored_value(texel, 0);
        let second = stored_value(texel, 1);
        // The logarithm of a ratio is a difference, which no small divisor upsets.
        if (is_set(FLAG_DECIBEL)) {
            return decibels(first) - decibels(second);
        }
        return first / max(second, 1e-30);
    }
    if (band == 2 && is_set(FLAG_DIFFERENCE)) {
        return stored_value(texel, 0) - stored_value(texel, 1);
    }
    if (is_set(FLAG_DECIBEL)) {
        return decibels(stored_value(texel, band));
    }
    return stored_value(texel, band);
}

fn channel(texel: vec2<i32>, band: i32) -> f32 {
    let value = value_of(texel, band);
    return stretched(value, composite.low[band], composite.scale[band], composite.exponent[band]);
}

@fragment
fn composite_pixel(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let texel = vec2<i32>(position.xy);
    let mask_layer = i32(textureNumLayers(planes)) - 1;
    if (textureLoad(planes, texel, mask_layer, 0).r < 0.5) {
        return composite.missing;
    }
    if (MODE == MODE_TABLE) {
        let code = i32(floor(textureLoad(planes, texel, 0, 0).r + 0.5));
        if (code < composite.table_first) {
            return vec4<f32>(0.0);
        }
        let index = u32(code) - u32(composite.table_first);
        if (index >= composite.table_count) {
            return vec4<f32>(0.0);
        }
        return stored(class_entry(index, composite.table_count, is_set(FLAG_PATTERNS), texel));
    }
    if (MODE == MODE_STEPS) {
        let value = value_of(texel, 0);
        var class_index = 0u;
        for (var index = 0u; index + 1u < composite.table_count; index++) {
            if (value >= composite.breaks[index / 4u][index % 4u]) {
                class_index++;
            }
        }
        return stored(table_entry(class_index));
    }
    if (MODE == MODE_RAMP) {
        return stored(ramp_color(channel(texel, 0)));
    }
    let rgb = vec3<f32>(channel(texel, 0), channel(texel, 1), channel(texel, 2));
    return stored(vec4<f32>(floor(rgb * 255.0 + 0.5), 255.0));
}
