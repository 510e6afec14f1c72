// Styled tiles onto the screen: textured meshes, premultiplied. Rust twin of the vertex: `Vertex` in app/src/canvas/renderer;
// of the colours: `Blend::over` in core/scene/src/blend.rs.

struct Vertex {
    // Clip space of the canvas' viewport.
    @location(0) position: vec2<f32>,
    // 0..1 over the styled tile, border included.
    @location(1) uv: vec2<f32>,
    @location(2) opacity: f32,
}

struct Placed {
    @builtin(position) position: vec4<f32>,
    @location(0) uv: vec2<f32>,
    @location(1) opacity: f32,
}

@group(0) @binding(0) var styled: texture_2d<f32>;
@group(0) @binding(1) var styled_sampler: sampler;

@vertex
fn place(vertex: Vertex) -> Placed {
    return Placed(vec4<f32>(vertex.position, 0.0, 1.0), vertex.uv, vertex.opacity);
}

fn faded(placed: Placed) -> vec4<f32> {
    return textureSample(styled, styled_sampler, placed.uv) * placed.opacity;
}

// What the colour hides no more is white, which the darker of two colours never is.
fn on_white(color: vec4<f32>) -> vec4<f32> {
    return vec4<f32>(color.rgb + 1.0 - color.a, color.a);
}

fn linear(display: vec4<f32>) -> vec4<f32> {
    let low = display.rgb / 12.92;
    let high = pow((display.rgb + 0.055) / 1.055, vec3<f32>(2.4));
    return vec4<f32>(select(high, low, display.rgb <= vec3<f32>(0.04045)), display.a);
}

// For targets that store display values, which is what styles produce.
@fragment
fn draw_display(placed: Placed) -> @location(0) vec4<f32> {
    return faded(placed);
}

@fragment
fn draw_display_on_white(placed: Placed) -> @location(0) vec4<f32> {
    return on_white(faded(placed));
}

// For sRGB targets, which encode what they are given.
@fragment
fn draw_srgb(placed: Placed) -> @location(0) vec4<f32> {
    return linear(faded(placed));
}

@fragment
fn draw_srgb_on_white(placed: Placed) -> @location(0) vec4<f32> {
    return linear(on_white(faded(placed)));
}

struct Ground {
    @builtin(position) position: vec4<f32>,
    // As the target stores it before encoding.
    @location(0) @interpolate(flat) color: vec3<f32>,
}

// What lies below all tiles: one colour, taken from the vertex.
@vertex
fn place_ground(vertex: Vertex) -> Ground {
    return Ground(vec4<f32>(vertex.position, 0.0, 1.0), vec3<f32>(vertex.uv, vertex.opacity));
}

@fragment
fn draw_ground(ground: Ground) -> @location(0) vec4<f32> {
    return vec4<f32>(ground.color, 1.0);
}
