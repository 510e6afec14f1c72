//! How layers look: stretch, ramps, classes, field pictures. Every function here is the CPU twin of a shader in
//! `shaders/` (same name, same maths); `terroir render` and the tests use it. Knows nothing of devices or windows.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::{
    Block, Clusters, Derivation, FIELD_AXES, FIELD_NODATA, LinearHead, Look, PcaBasis, PcaStretch,
    RampChoice, Shading, Similarity, Third, Uncertainty,
};

/// Display limits of one channel, in stored values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stretch {
    pub low: f32,
    pub high: f32,
    pub gamma: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Style {
    /// Three bands (from 0) as red, green, blue.
    Rgb {
        bands: [usize; 3],
        stretch: [Stretch; 3],
        #[serde(default)]
        look: Look,
    },
    /// One band through a colour ramp.
    Gray {
        band: usize,
        stretch: Stretch,
        ramp: RampChoice,
        #[serde(default)]
        look: Look,
    },
    /// A channel worked out from the bands (an index, a formula, hill-shade) through a colour ramp.
    Derived {
        derivation: Derivation,
        stretch: Stretch,
        ramp: RampChoice,
        #[serde(default)]
        look: Look,
    },
    /// One band of class codes, a colour each: the file's own, or edited.
    Palette {
        band: usize,
        entries: Vec<crate::PaletteEntry>,
        /// Codes that are not drawn.
        #[serde(default)]
        hidden: Vec<i64>,
    },
    /// A field as the first three principal components (or any `axes`) of `basis`.
    FieldPca {
        basis: PcaBasis,
        axes: [usize; 3],
        /// Channels whose bright end is their dark one.
        #[serde(default)]
        flips: [bool; 3],
        #[serde(default)]
        stretch: PcaStretch,
    },
    /// Three of a field's axes (from 0) as red, green, blue, between fixed limits (specification, section 3.2).
    FieldAxes {
        axes: [usize; 3],
        low: f32,
        high: f32,
    },
    /// A field through a linear head: class colours.
    FieldClasses { head: LinearHead },
    /// A field through a linear head: confidence of the winning class, cividis.
    FieldConfidence { head: LinearHead },
    /// A field by its clusters, in their colours.
    FieldClusters { clusters: Clusters },
    /// A field through a linear head: how unsure it is, from nothing (dark) to full doubt.
    FieldUncertainty {
        head: LinearHead,
        #[serde(default)]
        measure: Uncertainty,
    },
    /// A field's similarity (-1..1) to some examples.
    FieldSimilarity(Similarity),
}

impl Style {
    /// Three bands as red, green, blue, as they are.
    pub fn rgb(bands: [usize; 3], stretch: [Stretch; 3]) -> Self {
        Self::Rgb {
            bands,
            stretch,
            look: Look::default(),
        }
    }

    /// A field in the first three components of a basis, as they come.
    pub fn pca(basis: PcaBasis) -> Self {
        Self::FieldPca {
            basis,
            axes: [0, 1, 2],
            flips: [false; 3],
            stretch: PcaStretch::default(),
        }
    }

    /// One band through a ramp.
    pub fn gray(band: usize, stretch: Stretch, ramp: impl Into<RampChoice>) -> Self {
        Self::Gray {
            band,
            stretch,
            ramp: ramp.into(),
            look: Look::default(),
        }
    }

    /// Classes in these colours.
    pub fn palette(band: usize, entries: Vec<crate::PaletteEntry>) -> Self {
        Self::Palette {
            band,
            entries,
            hidden: Vec::new(),
        }
    }

    /// Reads the 64 codes of a field rather than bands.
    pub fn is_field(&self) -> bool {
        matches!(
            self,
            Self::FieldPca { .. }
                | Self::FieldAxes { .. }
                | Self::FieldClasses { .. }
                | Self::FieldConfidence { .. }
                | Self::FieldClusters { .. }
                | Self::FieldUncertainty { .. }
                | Self::FieldSimilarity(_)
        )
    }

    /// Shows classes: never interpolated between pixels.
    pub fn is_categorical(&self) -> bool {
        matches!(
            self,
            Self::Palette { .. } | Self::FieldClasses { .. } | Self::FieldClusters { .. }
        )
    }
}

/// Bands a style needs, in the order the shaders expect them (empty for field styles, which take all 64 codes).
pub fn style_bands(style: &Style) -> Vec<usize> {
    match style {
        // A third channel that is worked out from the other two needs no band.
        Style::Rgb { bands, look, .. } if look.third != Third::Band => bands[..2].to_vec(),
        Style::Rgb { bands, .. } => bands.to_vec(),
        Style::Gray { band, .. } | Style::Palette { band, .. } => vec![*band],
        Style::Derived { derivation, .. } => derivation.bands(),
        _ => Vec::new(),
    }
}

/// Pixels one thread colours at a time.
const PIXELS_PER_TASK: usize = 1 << 14;

fn colored(pixels: usize, color: impl Fn(usize) -> [u8; 4] + Sync) -> Vec<u8> {
    let mut rgba = vec![0_u8; 4 * pixels];
    rgba.par_chunks_mut(4 * PIXELS_PER_TASK)
        .enumerate()
        .for_each(|(task, bytes)| {
            for (offset, out) in bytes.chunks_exact_mut(4).enumerate() {
                out.copy_from_slice(&color(task * PIXELS_PER_TASK + offset));
            }
        });
    rgba
}

/// A block as `style` shows it; missing pixels are all zero.
pub fn composite(block: &Block, style: &Style) -> Vec<u8> {
    composite_shaded(block, &style.shading())
}

/// Twin of `composite.wgsl`: RGBA, straight alpha, `4 * width * height` bytes.
/// `block` holds the bands of `style_bands`, or the one derived channel; bands it lacks count as zero.
pub fn composite_shaded(block: &Block, shading: &Shading) -> Vec<u8> {
    let pixels = block.width * block.height;
    let Shading::Composite(shading) = shading else {
        return vec![0; 4 * pixels];
    };
    colored(pixels, |pixel| {
        if !block.valid.get(pixel).copied().unwrap_or(false) {
            return shading.missing();
        }
        let mut values = [0.0; 3];
        for (band, value) in values.iter_mut().enumerate().take(block.bands) {
            *value = block
                .values
                .get(band * pixels + pixel)
                .copied()
                .unwrap_or(0.0);
        }
        shading.color(values, (pixel % block.width, pixel / block.width))
    })
}

/// A field as `style` shows it; missing pixels are all zero.
pub fn field_composite(codes: &[i8], pixels: usize, style: &Style) -> Vec<u8> {
    field_composite_shaded(codes, (pixels, 1), &style.shading())
}

/// Twin of `field.wgsl`: `codes` planar, 64 axes of `width * height` pixels, RGBA out.
pub fn field_composite_shaded(
    codes: &[i8],
    (width, height): (usize, usize),
    shading: &Shading,
) -> Vec<u8> {
    let pixels = width * height;
    let Shading::Field(shading) = shading else {
        return vec![0; 4 * pixels];
    };
    if codes.len() < FIELD_AXES * pixels {
        return vec![0; 4 * pixels];
    }
    colored(pixels, |pixel| {
        unit_vector(|axis| codes[axis * pixels + pixel]).map_or_else(
            || shading.missing(),
            |unit| shading.color(&unit, (pixel % width, pixel / width)),
        )
    })
}

/// Twin of the decoding in `field.wgsl` (`decode_pixel` with the missing rule of the spec): `None` when any axis is
/// missing or the vector is shorter than one half, which only fill values are.
fn unit_vector(code: impl Fn(usize) -> i8) -> Option<[f32; FIELD_AXES]> {
    let mut unit = [0.0_f32; FIELD_AXES];
    let mut squares = 0.0_f32;
    for (axis, value) in unit.iter_mut().enumerate() {
        let code = code(axis);
        if code == FIELD_NODATA {
            return None;
        }
        let share = f32::from(code) / 127.5;
        *value = share * share.abs();
        squares += *value * *value;
    }
    if squares < 0.25 {
        return None;
    }
    let length = squares.sqrt();
    unit.iter_mut().for_each(|value| *value /= length);
    Some(unit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, Example, HeadKind, PaletteEntry};

    fn block(values: Vec<f32>, bands: usize, valid: Vec<bool>) -> Block {
        Block {
            width: valid.len(),
            height: 1,
            bands,
            values,
            valid,
        }
    }

    #[test]
    fn three_bands_are_stretched_and_missing_pixels_vanish() {
        let limits = |low, high, gamma| Stretch { low, high, gamma };
        let style = Style::rgb(
            [2, 1, 0],
            [
                limits(0.0, 10.0, 1.0),
                limits(10.0, 0.0, 1.0),
                limits(0.0, 1.0, 2.0),
            ],
        );
        let rgba = composite(
            &block(vec![5.0, 20.0, 2.5, 0.0, 0.25, 1.0], 3, vec![true, false]),
            &style,
        );
        assert_eq!(rgba, [128, 191, 128, 255, 0, 0, 0, 0]);
        assert_eq!(style_bands(&style), [2, 1, 0]);
    }

    #[test]
    fn equal_limits_make_a_step() {
        let style = Style::gray(
            0,
            Stretch {
                low: 3.0,
                high: 3.0,
                gamma: 1.0,
            },
            "grays",
        );
        let rgba = composite(&block(vec![2.0, 3.0, 4.0], 1, vec![true; 3]), &style);
        assert_eq!([rgba[0], rgba[4], rgba[8]], [0, 0, 255]);
    }

    #[test]
    fn ramps_run_through_their_colors() {
        let style = Style::gray(
            4,
            Stretch {
                low: 0.0,
                high: 255.0,
                gamma: 1.0,
            },
            "viridis",
        );
        let values: Vec<f32> = (0_u8..=255).map(f32::from).collect();
        let rgba = composite(&block(values, 1, vec![true; 256]), &style);
        for (index, pixel) in rgba.chunks_exact(4).enumerate() {
            let expected = crate::ramp("viridis")[index];
            assert!(
                pixel
                    .iter()
                    .zip(&expected)
                    .all(|(a, b)| a.abs_diff(*b) <= 1),
                "{index}: {pixel:?} {expected:?}"
            );
        }
        assert_eq!(style_bands(&style), [4]);
    }

    #[test]
    fn codes_take_the_files_colors_and_unknown_ones_are_transparent() {
        let entry = |value, rgba| PaletteEntry {
            value,
            name: String::new(),
            rgba,
        };
        let style = Style::palette(
            0,
            vec![
                entry(-2, [9, 8, 7, 255]),
                entry(300, [1, 2, 3, 128]),
                entry(1 << 40, [1; 4]),
            ],
        );
        let rgba = composite(
            &block(vec![-2.0, 300.0, 0.0, 301.0, f32::MAX], 1, vec![true; 5]),
            &style,
        );
        assert_eq!(rgba[..8], [9, 8, 7, 255, 1, 2, 3, 128]);
        assert!(rgba[8..].iter().all(|byte| *byte == 0));
    }

    fn head() -> LinearHead {
        let class = |id, color| Class {
            id,
            name: format!("class {id}"),
            color,
        };
        let mut weights = vec![vec![0.0; 64]; 2];
        weights[0][0] = 4.0;
        weights[1][1] = 4.0;
        LinearHead {
            schema: 1,
            kind: HeadKind::Ridge,
            classes: vec![class(1, [10, 20, 30]), class(5, [40, 50, 60])],
            weights,
            bias: vec![0.0, 0.0],
            temperature: 1.0,
            provenance: serde_json::Map::new(),
        }
    }

    /// Pixels along axis 0, along axis 1, missing, all zero.
    fn codes() -> Vec<i8> {
        let mut codes = vec![0_i8; 64 * 4];
        codes[0] = 127;
        codes[4 + 1] = 127;
        (0..64).for_each(|axis| codes[axis * 4 + 2] = FIELD_NODATA);
        codes
    }

    #[test]
    fn fields_show_classes_and_confidence() {
        let rgba = field_composite(&codes(), 4, &Style::FieldClasses { head: head() });
        assert_eq!(rgba[..8], [10, 20, 30, 255, 40, 50, 60, 255]);
        assert!(rgba[8..].iter().all(|byte| *byte == 0));
        let rgba = field_composite(&codes(), 4, &Style::FieldConfidence { head: head() });
        let probability = 1.0 / (1.0 + (-4.0_f32).exp());
        let expected = crate::ramp("cividis")[(probability * 255.0).round() as usize];
        assert!(
            rgba[..3]
                .iter()
                .zip(&expected)
                .all(|(a, b)| a.abs_diff(*b) <= 2),
            "{rgba:?} {expected:?}"
        );
    }

    #[test]
    fn fields_show_how_unsure_a_head_is() {
        for (measure, of) in [
            (Uncertainty::Margin, Uncertainty::Margin),
            (Uncertainty::Entropy, Uncertainty::Entropy),
        ] {
            let style = Style::FieldUncertainty {
                head: head(),
                measure,
            };
            let rgba = field_composite(&codes(), 4, &style);
            let first = 1.0 / (1.0 + (-4.0_f32).exp());
            let doubt = of.of(&[first, 1.0 - first]);
            let expected = crate::ramp("grays")[(doubt * 255.0).round() as usize];
            for pixel in rgba[..8].chunks_exact(4) {
                assert!(
                    pixel
                        .iter()
                        .zip(&expected)
                        .all(|(a, b)| a.abs_diff(*b) <= 2),
                    "{measure:?}: {pixel:?} {expected:?}"
                );
            }
            assert!(rgba[8..].iter().all(|byte| *byte == 0));
        }
    }

    #[test]
    fn fields_show_components_and_similarity() {
        let mut components = vec![vec![0.0; 64]; 3];
        (0..3).for_each(|k| components[k][k] = 1.0);
        let mut mean = vec![0.0; 64];
        mean[0] = 0.5;
        let basis = PcaBasis {
            mean,
            components,
            shares: vec![0.5; 3],
            low: vec![0.0; 3],
            high: vec![1.0; 3],
            deviations: vec![0.25; 3],
            ..PcaBasis::default()
        };
        let rgba = field_composite(&codes(), 4, &Style::pca(basis.clone()));
        assert_eq!(rgba[..8], [128, 0, 0, 255, 0, 255, 0, 255]);
        let flipped = |stretch| Style::FieldPca {
            basis: basis.clone(),
            axes: [0, 1, 2],
            flips: [true, false, true],
            stretch,
        };
        let rgba = field_composite(&codes(), 4, &flipped(PcaStretch::Percentile));
        assert_eq!(rgba[..8], [128, 0, 255, 255, 255, 255, 255, 255]);
        let rgba = field_composite(&codes(), 4, &flipped(PcaStretch::Deviation));
        assert_eq!(rgba[..4], [0, 128, 128, 255]);
        let axes = Style::FieldAxes {
            axes: [1, 0, 63],
            low: -1.0,
            high: 1.0,
        };
        let rgba = field_composite(&codes(), 4, &axes);
        assert_eq!(rgba[..8], [128, 255, 128, 255, 255, 128, 128, 255]);
        assert!(rgba[8..].iter().all(|byte| *byte == 0));
        let mut reference = vec![0.0; 64];
        reference[0] = 1.0;
        let mut similarity = Similarity {
            examples: vec![Example::pixel(reference, None)],
            low: -1.0,
            high: 1.0,
            ..Similarity::default()
        };
        let rgba = field_composite(&codes(), 4, &Style::FieldSimilarity(similarity.clone()));
        assert_eq!(rgba[..3], crate::ramp("similarity")[255]);
        assert!(
            rgba[4..7]
                .iter()
                .zip(&crate::ramp("similarity")[127])
                .all(|(a, b)| a.abs_diff(*b) <= 2)
        );
        // Below the threshold nothing is drawn; with a second example, like any of the two is enough.
        similarity.only_matches = true;
        let rgba = field_composite(&codes(), 4, &Style::FieldSimilarity(similarity.clone()));
        assert_eq!([rgba[3], rgba[7], rgba[11]], [255, 0, 0]);
        let mut second = vec![0.0; 64];
        second[1] = 1.0;
        similarity.examples.push(Example::pixel(second, None));
        let rgba = field_composite(&codes(), 4, &Style::FieldSimilarity(similarity.clone()));
        assert_eq!([rgba[3], rgba[7], rgba[11]], [0, 0, 0]);
        similarity.combine = crate::Combine::Max;
        let rgba = field_composite(&codes(), 4, &Style::FieldSimilarity(similarity));
        assert_eq!([rgba[3], rgba[7], rgba[11]], [255, 255, 0]);
    }

    #[test]
    fn fields_show_clusters() {
        let mut centroids = vec![vec![0.0; 64]; 2];
        (centroids[0][0], centroids[1][1]) = (1.0, 1.0);
        let cluster = |centroid: Vec<f32>, color| crate::Cluster {
            name: "a".to_owned(),
            color,
            share: 0.5,
            centroid,
        };
        let mut clusters = Clusters {
            clusters: centroids
                .into_iter()
                .zip([[1, 2, 3], [4, 5, 6]])
                .map(|(centroid, color)| cluster(centroid, color))
                .collect(),
            provenance: serde_json::Map::new(),
        };
        let style = Style::FieldClusters {
            clusters: clusters.clone(),
        };
        assert!(style.is_field() && style.is_categorical());
        let rgba = field_composite(&codes(), 4, &style);
        assert_eq!(rgba[..8], [1, 2, 3, 255, 4, 5, 6, 255]);
        assert!(rgba[8..].iter().all(|byte| *byte == 0));
        // A damaged project still draws.
        clusters.clusters[0].centroid.clear();
        let rgba = field_composite(&codes(), 4, &Style::FieldClusters { clusters });
        assert_eq!(rgba[4..8], [4, 5, 6, 255]);
    }

    #[test]
    fn damaged_styles_draw_flat_instead_of_failing() {
        let mut broken = head();
        broken.weights.clear();
        broken.bias.clear();
        assert_eq!(
            field_composite(
                &codes(),
                4,
                &Style::FieldClasses {
                    head: broken.clone()
                }
            )[3],
            255
        );
        broken.classes.clear();
        assert!(
            field_composite(&codes(), 4, &Style::FieldConfidence { head: broken })
                .iter()
                .all(|byte| *byte == 0)
        );
        assert_eq!(
            field_composite(&[], 4, &Style::FieldClasses { head: head() }).len(),
            16
        );
    }
}
