// Shared by the style passes; put in front of each of them. Rust twin: core/scene/src/shading.rs.

const TABLE_WIDTH: u32 = 256u;

// What a style is made of is fixed when its pipeline is made: a software rasteriser runs every branch that is left.
override MODE: u32 = 0u;
override FLAGS: u32 = 0u;
override HAS_GAMMA: bool = true;

const FLAG_PATTERNS: u32 = 8u;

fn is_set(flag: u32) -> bool {
    return (FLAGS & flag) != 0u;
}

// Colours of a ramp or of codes, rows of TABLE_WIDTH, straight alpha.
@group(0) @binding(1) var table: texture_2d<u32>;

// Where a tile's first pixel lies in its pyramid's level, as far as patterns ask.
struct Tile {
    origin: vec2<u32>,
    unused: vec2<u32>,
}

@group(1) @binding(1) var<uniform> tile: Tile;

// One oversized triangle over the whole target.
@vertex
fn cover(@builtin(vertex_index) index: u32) -> @builtin(position) vec4<f32> {
    let x = f32((index & 1u) * 4u) - 1.0;
    let y = f32((index >> 1u) * 4u) - 1.0;
    return vec4<f32>(x, y, 0.0, 1.0);
}

fn stretched(value: f32, low: f32, scale: f32, exponent: f32) -> f32 {
    let t = clamp((value - low) * scale, 0.0, 1.0);
    if (!HAS_GAMMA || exponent == 1.0) {
        return t;
    }
    return pow(t, exponent);
}

// Zero and below count as -300 dB.
fn decibels(value: f32) -> f32 {
    return 3.0103 * log2(max(value, 1e-30));
}

fn quantised(t: f32) -> f32 {
    return floor(t * 255.0 + 0.5);
}

fn table_entry(index: u32) -> vec4<f32> {
    return vec4<f32>(textureLoad(table, vec2<u32>(index % TABLE_WIDTH, index / TABLE_WIDTH), 0));
}

// Pixels after which a pattern repeats.
const PATTERN_SIDE: u32 = 8u;

// Whether a pattern draws its ink at a pixel. Rust twin: core/scene/src/class_patterns.rs.
fn is_inked(code: u32, texel: vec2<i32>) -> bool {
    let at = (vec2<u32>(texel) + tile.origin) % PATTERN_SIDE;
    let rising = (at.x + at.y) % PATTERN_SIDE;
    let falling = (at.x + PATTERN_SIDE - at.y) % PATTERN_SIDE;
    if (code == 1u) {
        return rising < 3u;
    }
    if (code == 2u) {
        return at.x % 4u < 2u && at.y % 4u < 2u;
    }
    return code == 3u && (rising < 2u || falling < 2u);
}

// Darker where the colour is light, lighter where it is dark.
fn ink_of(color: vec4<f32>) -> vec4<f32> {
    let light = 0.299 * color.r + 0.587 * color.g + 0.114 * color.b;
    let towards = select(255.0, 0.0, light > 128.0);
    return vec4<f32>(floor(color.rgb * 0.4 + towards * 0.6 + 0.5), color.a);
}

// A class at a pixel; the codes of patterns follow the `count` colours of the table where there are any.
fn class_entry(index: u32, count: u32, has_patterns: bool, texel: vec2<i32>) -> vec4<f32> {
    let color = table_entry(index);
    if (!has_patterns) {
        return color;
    }
    let code = u32(table_entry(count + index).r);
    if (is_inked(code, texel)) {
        return ink_of(color);
    }
    return color;
}

// Linear between entries, t in 0..1; bytes as floats.
fn ramp_color(t: f32) -> vec4<f32> {
    let position = t * 255.0;
    let left = min(floor(position), 254.0);
    let a = table_entry(u32(left));
    let b = table_entry(u32(left) + 1u);
    return vec4<f32>(floor(a.rgb + (b.rgb - a.rgb) * (position - left) + 0.5), 255.0);
}

// Bytes with straight alpha to what a styled tile stores: premultiplied, 0..1, so that smooth sampling never bleeds missing pixels.
fn stored(bytes: vec4<f32>) -> vec4<f32> {
    let alpha = bytes.a / 255.0;
    return vec4<f32>(floor(bytes.rgb * alpha + 0.5) / 255.0, alpha);
}
