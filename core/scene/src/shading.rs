//! The numbers behind a style, as the shaders and their Rust twins both take them: uniform structs, colour tables and the
//! linear forms of a field. Plain data in the shaders' memory layout; knows nothing of devices or textures.

use bytemuck::{Pod, Zeroable};

use crate::class_patterns::{code_of, is_inked};
use crate::{
    FIELD_AXES, Look, MOST_STEPS, RampChoice, Stretch, Style, Third, Uncertainty, ink_of,
    pattern_of, ramp,
};

/// Width of a colour table laid out as a picture; longer tables take more rows.
pub const TABLE_WIDTH: usize = 256;
/// Class forms are stored four by four, as the columns of a matrix per four axes.
pub const FORMS_PER_GROUP: usize = 4;

const MODE_RGB: u32 = 0;
const MODE_RAMP: u32 = 1;
const MODE_TABLE: u32 = 2;
const MODE_STEPS: u32 = 3;
const FLAG_DECIBEL: u32 = 1;
const FLAG_RATIO: u32 = 2;
const FLAG_DIFFERENCE: u32 = 4;
const FLAG_PATTERNS: u32 = 8;
const MODE_FIELD_CLASSES: u32 = 1;
const MODE_FIELD_CONFIDENCE: u32 = 2;
const MODE_FIELD_SIMILARITY: u32 = 3;
const MODE_FIELD_MARGIN: u32 = 8;
const MODE_FIELD_ENTROPY: u32 = 9;
/// No similarity lies below.
const NO_FLOOR: f32 = -2.0;

/// Colours of whole codes from `first` on, or the 256 entries of a ramp; straight alpha.
#[derive(Clone, Debug, PartialEq)]
pub struct ColorTable {
    pub first: i32,
    pub colors: Vec<[u8; 4]>,
    /// Code of the pattern of each colour; empty where none has one.
    pub patterns: Vec<u8>,
}

impl ColorTable {
    /// Colours from code 0 on, without patterns.
    fn plain(colors: Vec<[u8; 4]>) -> Self {
        Self {
            first: 0,
            colors,
            patterns: Vec::new(),
        }
    }

    /// Classes in their order: number and colour.
    fn of_classes(classes: impl Iterator<Item = (i64, [u8; 3])>) -> Self {
        let mut table = Self::plain(Vec::new());
        for (class, color) in classes {
            table.colors.push([color[0], color[1], color[2], 255]);
            table.patterns.push(code_of(pattern_of(class, color)));
        }
        table.forget_plain_patterns();
        table
    }

    /// Keeps no list of patterns that says nothing.
    fn forget_plain_patterns(&mut self) {
        if self.patterns.iter().all(|code| *code == 0) {
            self.patterns.clear();
        }
    }

    /// Entry `index` at a pixel. Twin of `class_entry` in `common.wgsl`.
    fn at(&self, index: usize, (x, y): (usize, usize)) -> [u8; 4] {
        let Some(color) = self.colors.get(index).copied() else {
            return [0; 4];
        };
        let code = self.patterns.get(index).copied().unwrap_or(0);
        if is_inked(code, x, y) {
            let [red, green, blue] = ink_of([color[0], color[1], color[2]]);
            return [red, green, blue, color[3]];
        }
        color
    }

    fn from_ramp(name: &str) -> Self {
        Self::plain(ramp(name).iter().map(|c| [c[0], c[1], c[2], 255]).collect())
    }

    /// Codes without an entry are transparent. Codes a 32-bit float cannot hold exactly, and codes more than 65,535 above
    /// the first, have no place in the table and stay transparent too.
    fn from_entries(entries: &[crate::PaletteEntry], hidden: &[i64]) -> Self {
        const EXACT: i64 = 1 << 24;
        let usable = || {
            entries
                .iter()
                .filter(|entry| entry.value.abs() <= EXACT && !hidden.contains(&entry.value))
        };
        let Some(first) = usable().map(|entry| entry.value).min() else {
            return Self::plain(vec![[0; 4]]);
        };
        let last = usable()
            .map(|entry| entry.value)
            .filter(|value| value - first < 65_536)
            .max()
            .unwrap_or(first);
        let mut colors = vec![[0; 4]; (last - first + 1) as usize];
        let mut patterns = vec![0; colors.len()];
        for entry in usable() {
            let at = (entry.value - first) as usize;
            if let (Some(color), Some(code)) = (colors.get_mut(at), patterns.get_mut(at)) {
                let [red, green, blue, _] = entry.rgba;
                *color = entry.rgba;
                *code = code_of(pattern_of(entry.value, [red, green, blue]));
            }
        }
        let mut table = Self {
            first: first as i32,
            colors,
            patterns,
        };
        table.forget_plain_patterns();
        table
    }

    /// Rows of `TABLE_WIDTH` entries, the codes of patterns after the colours, the last row filled with transparent ones; bytes
    /// in reading order.
    pub fn as_picture(&self) -> (usize, usize, Vec<u8>) {
        let entries = self.colors.len() + self.patterns.len();
        let rows = entries.div_ceil(TABLE_WIDTH).max(1);
        let codes = self.patterns.iter().map(|code| [*code, 0, 0, 0]);
        let mut bytes: Vec<u8> = self.colors.iter().copied().chain(codes).flatten().collect();
        bytes.resize(4 * rows * TABLE_WIDTH, 0);
        (TABLE_WIDTH, rows, bytes)
    }

    fn color(&self, value: f32, place: (usize, usize)) -> [u8; 4] {
        let index = i64::from((value + 0.5).floor() as i32) - i64::from(self.first);
        usize::try_from(index).map_or([0; 4], |index| self.at(index, place))
    }

    /// Twin of `ramp_color` in `common.wgsl`: linear between entries, `t` in 0..1.
    pub(crate) fn interpolated(&self, t: f32) -> [u8; 4] {
        let position = t * 255.0;
        let left = position.floor().min(254.0);
        let share = position - left;
        let entry = |index: usize| self.colors.get(index).copied().unwrap_or([0; 4]);
        let (a, b) = (entry(left as usize), entry(left as usize + 1));
        let mix = |a: u8, b: u8| {
            (f32::from(a) + (f32::from(b) - f32::from(a)) * share + 0.5).floor() as u8
        };
        [mix(a[0], b[0]), mix(a[1], b[1]), mix(a[2], b[2]), 255]
    }
}

/// `struct Composite` of `composite.wgsl`: stretch of up to three channels, then as is, through a ramp or a table.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct CompositeParams {
    pub low: [f32; 4],
    /// 1 / (high - low).
    pub scale: [f32; 4],
    /// 1 / gamma.
    pub exponent: [f32; 4],
    /// 0 three channels, 1 ramp, 2 table of codes, 3 steps.
    pub mode: u32,
    pub table_first: i32,
    pub table_count: u32,
    /// 1 values in decibels, 2 the third channel is the first over the second, 4 their difference, 8 codes have patterns.
    pub flags: u32,
    /// Ascending values between the classes of mode 3, `table_count - 1` of them.
    pub breaks: [[f32; 4]; MOST_STEPS / 4],
    /// What missing pixels show, 0..1 and premultiplied; zeros are transparent.
    pub missing: [f32; 4],
}
const _: () = assert!(size_of::<CompositeParams>() == 144);

/// `struct Field` of `field.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct FieldParams {
    pub low: [f32; 4],
    pub scale: [f32; 4],
    /// 0 three components, 1 classes, 2 confidence, 3 the largest similarity.
    pub mode: u32,
    /// Linear forms in use.
    pub count: u32,
    pub temperature: f32,
    /// Similarities below it are not drawn.
    pub floor: f32,
    /// What missing pixels show, 0..1 and premultiplied; zeros are transparent.
    pub missing: [f32; 4],
    /// 1 where classes have patterns.
    pub has_patterns: u32,
    pub unused: [u32; 3],
}
const _: () = assert!(size_of::<FieldParams>() == 80);

/// `struct Labels` of `labels.wgsl`.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Pod, Zeroable)]
pub struct LabelParams {
    /// Class colours in the table; ids beyond are transparent.
    pub table_count: u32,
    /// 1 where classes have patterns.
    pub has_patterns: u32,
    pub unused: [u32; 2],
}
const _: () = assert!(size_of::<LabelParams>() == 16);

/// Everything a band style needs beside the values.
#[derive(Clone, Debug, PartialEq)]
pub struct CompositeShading {
    pub params: CompositeParams,
    pub table: ColorTable,
}

/// Everything a field style needs beside the codes: linear forms `rows[k] . u + bias[k]` and a colour table.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldShading {
    pub params: FieldParams,
    pub rows: Vec<[f32; FIELD_AXES]>,
    pub bias: Vec<f32>,
    pub table: ColorTable,
}

/// What of a style is fixed when its pipeline is made: the `override`s of `common.wgsl`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Variant {
    pub mode: u32,
    pub flags: u32,
    pub has_gamma: bool,
}

impl Variant {
    /// Of label tiles.
    pub fn of_labels(params: &LabelParams) -> Self {
        Self {
            flags: params.has_patterns * FLAG_PATTERNS,
            ..Self::default()
        }
    }
}

/// What to run for a style.
#[derive(Clone, Debug, PartialEq)]
pub enum Shading {
    Composite(CompositeShading),
    Field(FieldShading),
}

impl Shading {
    pub fn variant(&self) -> Variant {
        match self {
            Self::Composite(CompositeShading { params, .. }) => Variant {
                mode: params.mode,
                flags: params.flags,
                has_gamma: matches!(params.mode, MODE_RGB | MODE_RAMP)
                    && params.exponent.iter().any(|exponent| *exponent != 1.0),
            },
            Self::Field(FieldShading { params, .. }) => Variant {
                mode: params.mode,
                flags: params.has_patterns * FLAG_PATTERNS,
                has_gamma: false,
            },
        }
    }

    /// The same with missing pixels in a colour instead of transparent.
    #[must_use]
    pub fn with_missing(mut self, color: Option<[u8; 3]>) -> Self {
        let missing = match &mut self {
            Self::Composite(shading) => &mut shading.params.missing,
            Self::Field(shading) => &mut shading.params.missing,
        };
        *missing = color.map_or([0.0; 4], |[red, green, blue]| {
            [red, green, blue, 255].map(|channel| f32::from(channel) / 255.0)
        });
        self
    }
}

/// Equal limits make a step: below or at the limit dark, above it bright.
fn inverse_range(low: f32, high: f32) -> f32 {
    let range = high - low;
    if range == 0.0 || !range.is_finite() {
        1e30
    } else {
        1.0 / range
    }
}

fn row_of(values: &[f32]) -> [f32; FIELD_AXES] {
    let mut row = [0.0; FIELD_AXES];
    for (to, from) in row.iter_mut().zip(values) {
        *to = *from;
    }
    row
}

impl Style {
    /// The style as numbers. Missing rows of a damaged basis or head count as zero, so that a bad file draws flat instead of failing.
    pub fn shading(&self) -> Shading {
        let composite = |params: CompositeParams, table: ColorTable| {
            Shading::Composite(CompositeShading {
                params: CompositeParams {
                    table_first: table.first,
                    table_count: table.colors.len() as u32,
                    flags: params.flags
                        | if table.patterns.is_empty() {
                            0
                        } else {
                            FLAG_PATTERNS
                        },
                    ..params
                },
                table,
            })
        };
        let plain = CompositeParams {
            exponent: [1.0; 4],
            ..Zeroable::zeroed()
        };
        match self {
            Self::Rgb { stretch, look, .. } => {
                let mut params = CompositeParams {
                    mode: MODE_RGB,
                    flags: flags_of(look),
                    ..plain
                };
                for (channel, limits) in stretch.iter().enumerate() {
                    params.low[channel] = limits.low;
                    params.scale[channel] = inverse_range(limits.low, limits.high);
                    params.exponent[channel] = 1.0 / limits.gamma.max(1e-3);
                }
                composite(params, ColorTable::plain(vec![[0; 4]]))
            }
            Self::Gray {
                stretch,
                ramp,
                look,
                ..
            }
            | Self::Derived {
                stretch,
                ramp,
                look,
                ..
            } => {
                let (mut params, table) = ramp_shading(plain, stretch, ramp);
                params.flags = flags_of(look) & FLAG_DECIBEL;
                composite(params, table)
            }
            Self::Palette {
                entries, hidden, ..
            } => composite(
                CompositeParams {
                    mode: MODE_TABLE,
                    ..plain
                },
                ColorTable::from_entries(entries, hidden),
            ),
            Self::FieldPca {
                basis,
                axes,
                flips,
                stretch,
            } => {
                let mean = row_of(&basis.mean);
                let mut shading = FieldShading {
                    params: FieldParams {
                        mode: MODE_RGB,
                        count: 3,
                        temperature: 1.0,
                        ..Zeroable::zeroed()
                    },
                    rows: Vec::with_capacity(3),
                    bias: Vec::with_capacity(3),
                    table: ColorTable::plain(vec![[0; 4]]),
                };
                for (channel, axis) in axes.iter().enumerate() {
                    let mut row = row_of(basis.components.get(*axis).map_or(&[], Vec::as_slice));
                    let (mut low, mut high) = basis.limits(*axis, *stretch);
                    if flips[channel] {
                        row.iter_mut().for_each(|value| *value = -*value);
                        (low, high) = (-high, -low);
                    }
                    shading.params.low[channel] = low;
                    shading.params.scale[channel] = inverse_range(low, high);
                    let offset: f64 = row
                        .iter()
                        .zip(&mean)
                        .map(|(a, b)| f64::from(*a) * f64::from(*b))
                        .sum();
                    shading.rows.push(row);
                    shading.bias.push(-offset as f32);
                }
                Shading::Field(shading)
            }
            Self::FieldAxes { axes, low, high } => {
                let scale = inverse_range(*low, *high);
                let rows = axes.map(|axis| std::array::from_fn(|at| f32::from(at == axis)));
                Shading::Field(FieldShading {
                    params: FieldParams {
                        low: [*low; 4],
                        scale: [scale; 4],
                        mode: MODE_RGB,
                        count: 3,
                        temperature: 1.0,
                        ..Zeroable::zeroed()
                    },
                    rows: rows.to_vec(),
                    bias: vec![0.0; 3],
                    table: ColorTable::plain(vec![[0; 4]]),
                })
            }
            Self::FieldClasses { head } => {
                let classes = head.classes.iter();
                let classes = classes.map(|class| (i64::from(class.id), class.color));
                head_shading(head, MODE_FIELD_CLASSES, ColorTable::of_classes(classes))
            }
            Self::FieldClusters { clusters } => {
                let clusters = &clusters.clusters;
                let colors = clusters.iter().map(|cluster| cluster.color);
                let table = ColorTable::of_classes((1..).zip(colors));
                Shading::Field(FieldShading {
                    params: FieldParams {
                        mode: MODE_FIELD_CLASSES,
                        count: clusters.len() as u32,
                        has_patterns: u32::from(!table.patterns.is_empty()),
                        temperature: 1.0,
                        ..Zeroable::zeroed()
                    },
                    rows: clusters
                        .iter()
                        .map(|cluster| row_of(&cluster.centroid))
                        .collect(),
                    bias: vec![0.0; clusters.len()],
                    table,
                })
            }
            Self::FieldConfidence { head } => head_shading(
                head,
                MODE_FIELD_CONFIDENCE,
                ColorTable::from_ramp("cividis"),
            ),
            Self::FieldUncertainty { head, measure } => {
                let mode = match measure {
                    Uncertainty::Margin => MODE_FIELD_MARGIN,
                    Uncertainty::Entropy => MODE_FIELD_ENTROPY,
                };
                head_shading(head, mode, ColorTable::from_ramp("grays"))
            }
            Self::FieldSimilarity(similarity) => {
                let rows = similarity.forms().rows;
                let mut params = FieldParams {
                    mode: MODE_FIELD_SIMILARITY,
                    count: rows.len() as u32,
                    temperature: 1.0,
                    floor: if similarity.only_matches {
                        similarity.threshold
                    } else {
                        NO_FLOOR
                    },
                    ..Zeroable::zeroed()
                };
                params.low[0] = similarity.low;
                params.scale[0] = inverse_range(similarity.low, similarity.high);
                Shading::Field(FieldShading {
                    params,
                    bias: vec![0.0; rows.len()],
                    rows,
                    table: ColorTable::from_ramp("similarity"),
                })
            }
        }
    }
}

fn flags_of(look: &Look) -> u32 {
    let third = match look.third {
        Third::Band => 0,
        Third::Ratio => FLAG_RATIO,
        Third::Difference => FLAG_DIFFERENCE,
    };
    third | if look.decibel { FLAG_DECIBEL } else { 0 }
}

fn ramp_shading(
    plain: CompositeParams,
    stretch: &Stretch,
    ramp: &RampChoice,
) -> (CompositeParams, ColorTable) {
    let table = ColorTable::plain;
    if let Some(breaks) = ramp.breaks(stretch) {
        let mut params = CompositeParams {
            mode: MODE_STEPS,
            ..plain
        };
        for (slot, value) in params.breaks.as_flattened_mut().iter_mut().zip(&breaks) {
            *slot = *value;
        }
        return (params, table(ramp.step_colors(&breaks)));
    }
    let mut params = CompositeParams {
        mode: MODE_RAMP,
        ..plain
    };
    params.low[0] = stretch.low;
    params.scale[0] = inverse_range(stretch.low, stretch.high);
    params.exponent[0] = 1.0 / stretch.gamma.max(1e-3);
    (params, table(ramp.colors()))
}

fn head_shading(head: &crate::LinearHead, mode: u32, table: ColorTable) -> Shading {
    let count = head.classes.len();
    let at = |k: usize| head.weights.get(k).map_or(&[][..], Vec::as_slice);
    Shading::Field(FieldShading {
        params: FieldParams {
            mode,
            count: count as u32,
            has_patterns: u32::from(!table.patterns.is_empty()),
            temperature: head.temperature,
            ..Zeroable::zeroed()
        },
        rows: (0..count).map(|k| row_of(at(k))).collect(),
        bias: (0..count)
            .map(|k| head.bias.get(k).copied().unwrap_or(0.0))
            .collect(),
        table,
    })
}

impl FieldShading {
    /// Forms as `array<mat4x4<f32>>`: matrix `16 * (k / 4) + j` holds axes `4j..4j+4` of forms `4(k/4)..`, one form a column.
    pub fn packed_forms(&self) -> Vec<[[f32; 4]; FORMS_PER_GROUP]> {
        let groups = self.rows.len().div_ceil(FORMS_PER_GROUP).max(1);
        let mut packed = vec![[[0.0; 4]; FORMS_PER_GROUP]; groups * FIELD_AXES / 4];
        for (k, row) in self.rows.iter().enumerate() {
            for (j, axes) in row.chunks_exact(4).enumerate() {
                packed[(k / FORMS_PER_GROUP) * (FIELD_AXES / 4) + j][k % FORMS_PER_GROUP]
                    .copy_from_slice(axes);
            }
        }
        packed
    }

    /// Biases as `array<vec4<f32>>`.
    pub fn packed_bias(&self) -> Vec<[f32; FORMS_PER_GROUP]> {
        let mut packed =
            vec![[0.0; FORMS_PER_GROUP]; self.bias.len().div_ceil(FORMS_PER_GROUP).max(1)];
        for (k, bias) in self.bias.iter().enumerate() {
            packed[k / FORMS_PER_GROUP][k % FORMS_PER_GROUP] = *bias;
        }
        packed
    }
}

/// Class colours by id, for labels; id 0 and gaps are transparent.
pub fn label_table(classes: &[crate::Class]) -> ColorTable {
    let count = classes
        .iter()
        .map(|class| usize::from(class.id) + 1)
        .max()
        .unwrap_or(1);
    let mut table = ColorTable::plain(vec![[0; 4]; count]);
    table.patterns = vec![0; count];
    for class in classes.iter().filter(|class| class.id > 0) {
        let at = usize::from(class.id);
        if let (Some(color), Some(code)) = (table.colors.get_mut(at), table.patterns.get_mut(at)) {
            *color = [class.color[0], class.color[1], class.color[2], 255];
            *code = code_of(pattern_of(i64::from(class.id), class.color));
        }
    }
    table.forget_plain_patterns();
    table
}

/// Twin of `labels.wgsl`, of rows of `width` pixels: RGBA, straight alpha.
pub fn label_colors(ids: &[u8], width: usize, table: &ColorTable) -> Vec<u8> {
    let width = width.max(1);
    ids.iter()
        .enumerate()
        .flat_map(|(pixel, id)| table.at(usize::from(*id), (pixel % width, pixel / width)))
        .collect()
}

/// Twin of `stretched` in `common.wgsl`: 0..1.
pub(crate) fn stretched(value: f32, low: f32, scale: f32, exponent: f32) -> f32 {
    let t = ((value - low) * scale).clamp(0.0, 1.0);
    if exponent == 1.0 { t } else { t.powf(exponent) }
}

/// Twin of `quantised` in `common.wgsl`.
pub(crate) fn byte_of(t: f32) -> u8 {
    (t * 255.0 + 0.5).floor() as u8
}

/// Twin of `decibels` in `common.wgsl`; zero and below count as -300 dB.
pub(crate) fn decibels(value: f32) -> f32 {
    3.010_3 * value.max(1e-30).log2()
}

impl CompositeShading {
    /// A pixel without a value.
    pub fn missing(&self) -> [u8; 4] {
        self.params.missing.map(byte_of)
    }

    /// One valid pixel; `values` are the style's bands in order, `place` its column and row.
    pub fn color(&self, values: [f32; 3], place: (usize, usize)) -> [u8; 4] {
        let p = &self.params;
        let channel =
            |c: usize| stretched(self.value(values, c), p.low[c], p.scale[c], p.exponent[c]);
        match p.mode {
            MODE_TABLE => self.table.color(values[0], place),
            MODE_RAMP => self.table.interpolated(channel(0)),
            MODE_STEPS => {
                let value = self.value(values, 0);
                let last = (p.table_count as usize).saturating_sub(1);
                let breaks = p.breaks.as_flattened().iter().take(last);
                let class = breaks.filter(|limit| value >= **limit).count();
                self.table.colors.get(class).copied().unwrap_or([0; 4])
            }
            _ => [
                byte_of(channel(0)),
                byte_of(channel(1)),
                byte_of(channel(2)),
                255,
            ],
        }
    }

    /// Twin of `value_of` in `composite.wgsl`: what a channel shows before it is stretched.
    fn value(&self, values: [f32; 3], channel: usize) -> f32 {
        let flags = self.params.flags;
        let shown = |value: f32| {
            if flags & FLAG_DECIBEL != 0 {
                decibels(value)
            } else {
                value
            }
        };
        if channel == 2 && flags & FLAG_RATIO != 0 {
            // The logarithm of a ratio is a difference, which no small divisor upsets.
            return if flags & FLAG_DECIBEL != 0 {
                decibels(values[0]) - decibels(values[1])
            } else {
                values[0] / values[1].max(1e-30)
            };
        }
        if channel == 2 && flags & FLAG_DIFFERENCE != 0 {
            return values[0] - values[1];
        }
        shown(values[channel])
    }
}

impl FieldShading {
    /// A pixel without a vector.
    pub fn missing(&self) -> [u8; 4] {
        self.params.missing.map(byte_of)
    }

    /// One pixel's unit vector; `place` is its column and row.
    pub fn color(&self, unit: &[f32; FIELD_AXES], place: (usize, usize)) -> [u8; 4] {
        let p = &self.params;
        let scores = self
            .rows
            .iter()
            .zip(&self.bias)
            .map(|(row, bias)| row.iter().zip(unit).map(|(a, b)| a * b).sum::<f32>() + bias);
        let of_head = [
            MODE_FIELD_CLASSES,
            MODE_FIELD_CONFIDENCE,
            MODE_FIELD_MARGIN,
            MODE_FIELD_ENTROPY,
        ];
        if of_head.contains(&p.mode) {
            let (mut best, mut best_score, mut sum) = (0, f32::MIN, 0.0_f32);
            // Score of the class after the best, and the sum of shares times their logarithms.
            let (mut second, mut weighted) = (f32::MIN, 0.0_f32);
            for (k, score) in scores.enumerate() {
                if score > best_score {
                    if sum > 0.0 {
                        let below = p.temperature * (best_score - score);
                        weighted = (weighted + below * sum) * below.exp();
                        sum *= below.exp();
                    }
                    sum += 1.0;
                    second = best_score;
                    (best, best_score) = (k, score);
                } else {
                    let below = p.temperature * (score - best_score);
                    sum += below.exp();
                    weighted += below * below.exp();
                    second = second.max(score);
                }
            }
            if sum == 0.0 {
                return [0; 4];
            }
            return match p.mode {
                MODE_FIELD_CLASSES => self.table.at(best, place),
                MODE_FIELD_MARGIN => {
                    let second = (p.temperature * (second - best_score)).exp();
                    self.table
                        .interpolated((1.0 - (1.0 - second) / sum).clamp(0.0, 1.0))
                }
                MODE_FIELD_ENTROPY => {
                    let most = (p.count.max(2) as f32).ln();
                    let entropy = sum.ln() - weighted / sum;
                    self.table.interpolated((entropy / most).clamp(0.0, 1.0))
                }
                _ => self.table.interpolated((1.0 / sum).clamp(0.0, 1.0)),
            };
        }
        if p.mode == MODE_FIELD_SIMILARITY {
            let best = scores.fold(f32::MIN, f32::max);
            if self.rows.is_empty() || best < p.floor {
                return [0; 4];
            }
            let t = stretched(best, p.low[0], p.scale[0], 1.0);
            return self.table.interpolated(t);
        }
        let mut t = [0.0; 3];
        for ((t, score), c) in t.iter_mut().zip(scores).zip(0..3) {
            *t = stretched(score, p.low[c], p.scale[c], 1.0);
        }
        [byte_of(t[0]), byte_of(t[1]), byte_of(t[2]), 255]
    }
}
