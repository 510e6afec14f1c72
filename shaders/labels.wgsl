// Class ids of labels to class colours; 0 and unknown ids are transparent.
// Rust twin: `LabelParams` and `label_colors` in core/scene/src/shading.rs.

struct Labels {
    table_count: u32,
    has_patterns: u32,
    unused_0: u32,
    unused_1: u32,
}

@group(0) @binding(0) var<uniform> labels: Labels;
@group(1) @binding(0) var ids: texture_2d<u32>;

@fragment
fn label_pixel(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let texel = vec2<i32>(position.xy);
    let id = textureLoad(ids, texel, 0).r;
    if (id == 0u || id >= labels.table_count) {
        return vec4<f32>(0.0);
    }
    return stored(class_entry(id, labels.table_count, is_set(FLAG_PATTERNS), texel));
}
