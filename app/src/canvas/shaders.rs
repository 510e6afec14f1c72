//! The shader programs as text, assembled from `shaders/*.wgsl`. Knows nothing of devices; the tests validate these texts.

/// Band styles: `cover` and `composite_pixel`.
pub const COMPOSITE: &str = concat!(
    include_str!("../../../shaders/common.wgsl"),
    include_str!("../../../shaders/composite.wgsl")
);
/// Field styles: `cover` and `field_pixel`.
pub const FIELD: &str = concat!(
    include_str!("../../../shaders/common.wgsl"),
    include_str!("../../../shaders/field.wgsl")
);
/// Label tiles: `cover` and `label_pixel`.
pub const LABELS: &str = concat!(
    include_str!("../../../shaders/common.wgsl"),
    include_str!("../../../shaders/labels.wgsl")
);
/// Styled tiles to the screen: `place` with `draw_display` or `draw_srgb`.
pub const DRAW: &str = include_str!("../../../shaders/draw.wgsl");

/// All programs by name.
pub const ALL: [(&str, &str); 4] = [
    ("composite", COMPOSITE),
    ("field", FIELD),
    ("labels", LABELS),
    ("draw", DRAW),
];
