//! Blend modes: how a layer's colours join with what lies below it. The formulas are those of the GPU's fixed blending in
//! `app/src/canvas/renderer`, and the fragment `draw_display_on_white` of `draw.wgsl`. Knows colours; knows no layers or devices.

use serde::{Deserialize, Serialize};

/// How a layer is drawn over the layers below it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Blend {
    #[default]
    Normal,
    Multiply,
    Screen,
    Add,
    Darken,
    Lighten,
}

impl Blend {
    pub const ALL: [Self; 6] = [
        Self::Normal,
        Self::Multiply,
        Self::Screen,
        Self::Add,
        Self::Darken,
        Self::Lighten,
    ];

    /// As GIS users know it.
    pub fn label(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Multiply => "Multiply",
            Self::Screen => "Screen",
            Self::Add => "Addition",
            Self::Darken => "Darken",
            Self::Lighten => "Lighten",
        }
    }

    /// What it is good for, in one line.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Normal => "Covers what lies below",
            Self::Multiply => "Darkens what lies below, such as a hill-shade over colours",
            Self::Screen => "Brightens what lies below",
            Self::Add => "Sums both, up to white",
            Self::Darken => "Keeps the darker of both",
            Self::Lighten => "Keeps the brighter of both",
        }
    }

    /// Display colour (0..1) of a layer's pixel over an opaque colour `below`. `color` is straight and `alpha` the pixel's
    /// alpha times the layer's opacity. Fading a layer out moves it to the colour its mode ignores: white for the darkening
    /// modes, black for the brightening ones.
    pub fn over(self, color: [f32; 3], alpha: f32, below: [f32; 3]) -> [f32; 3] {
        let mut out = [0.0; 3];
        for ((out, color), below) in out.iter_mut().zip(color).zip(below) {
            let source = color * alpha;
            let mixed = match self {
                Self::Normal => source + below * (1.0 - alpha),
                Self::Multiply => source * below + below * (1.0 - alpha),
                Self::Screen => source * (1.0 - below) + below,
                Self::Add => source + below,
                Self::Darken => (source + 1.0 - alpha).min(below),
                Self::Lighten => source.max(below),
            };
            *out = mixed.clamp(0.0, 1.0);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pixel_without_alpha_changes_nothing() {
        let below = [0.2, 0.5, 0.9];
        for blend in Blend::ALL {
            assert_eq!(blend.over([0.7, 0.1, 0.4], 0.0, below), below, "{blend:?}");
        }
    }

    #[test]
    fn opaque_pixels_follow_the_textbook() {
        let of = |blend: Blend| blend.over([0.5; 3], 1.0, [0.8, 0.25, 0.0]);
        assert_eq!(of(Blend::Normal), [0.5; 3]);
        assert_eq!(of(Blend::Multiply), [0.4, 0.125, 0.0]);
        assert_eq!(of(Blend::Screen), [0.9, 0.625, 0.5]);
        assert_eq!(of(Blend::Add), [1.0, 0.75, 0.5]);
        assert_eq!(of(Blend::Darken), [0.5, 0.25, 0.0]);
        assert_eq!(of(Blend::Lighten), [0.8, 0.5, 0.5]);
    }

    #[test]
    fn names_in_files_stay() {
        let names: Vec<String> = Blend::ALL
            .iter()
            .map(|blend| serde_json::to_string(blend).unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "\"normal\"",
                "\"multiply\"",
                "\"screen\"",
                "\"add\"",
                "\"darken\"",
                "\"lighten\""
            ]
        );
    }
}
