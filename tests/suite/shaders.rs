//! Shaders: each one is validated without a GPU, and each style pass is compared with its Rust twin on random pixels.

use terroir::canvas::renderer::{Renderer, TileData};
use terroir::canvas::shaders;
use terroir_scene::{
    Block, Class, Combine, Example, FIELD_NODATA, HeadKind, LinearHead, Look, MOST_STEPS,
    PaletteEntry, PcaBasis, PcaStretch, Shading, Similarity, Steps, Stretch, Style, Third,
    Uncertainty, composite, composite_shaded, field_composite, field_composite_shaded,
    label_colors, label_table, ramp_names,
};

/// Side of a test tile; a row of it is 256 bytes, as copying a texture to a buffer asks for.
const SIDE: usize = 64;
const PIXELS: usize = SIDE * SIDE;

#[test]
fn every_shader_is_valid() {
    for (name, source) in shaders::ALL {
        let module = naga::front::wgsl::parse_str(source)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(source)));
        let mut validator = naga::valid::Validator::new(
            naga::valid::ValidationFlags::all(),
            naga::valid::Capabilities::default(),
        );
        validator
            .validate(&module)
            .unwrap_or_else(|error| panic!("{name}: {}", error.emit_to_string(source)));
    }
}

pub struct Gpu {
    device: wgpu::Device,
    queue: wgpu::Queue,
    renderer: Renderer,
}

/// The software rasteriser or whatever adapter there is; `None`, said aloud, without any.
fn gpu() -> Option<Gpu> {
    let state = crate::canvas::render_state()?;
    Some(Gpu {
        renderer: Renderer::new(&state),
        device: state.device,
        queue: state.queue,
    })
}

impl Gpu {
    fn styled(&self, style: &Style, data: &TileData) -> Vec<u8> {
        self.shaded(&style.shading(), data)
    }

    fn shaded(&self, shading: &Shading, data: &TileData) -> Vec<u8> {
        let tile = self.renderer.upload(data, [0; 2]).unwrap();
        self.renderer
            .run_style_passes([(&self.renderer.style(shading), &tile)]);
        self.read_back(self.renderer.styled_texture(&tile))
    }

    fn read_back(&self, texture: &wgpu::Texture) -> Vec<u8> {
        let buffer = self.device.create_buffer(&wgpu::BufferDescriptor {
            label: None,
            size: 4 * PIXELS as u64,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        let mut encoder = self
            .device
            .create_command_encoder(&wgpu::CommandEncoderDescriptor::default());
        let layout = wgpu::TexelCopyBufferLayout {
            offset: 0,
            bytes_per_row: Some(4 * SIDE as u32),
            rows_per_image: None,
        };
        encoder.copy_texture_to_buffer(
            texture.as_image_copy(),
            wgpu::TexelCopyBufferInfo {
                buffer: &buffer,
                layout,
            },
            texture.size(),
        );
        self.queue.submit([encoder.finish()]);
        buffer
            .slice(..)
            .map_async(wgpu::MapMode::Read, |result| result.unwrap());
        self.device
            .poll(wgpu::PollType::wait_indefinitely())
            .unwrap();
        buffer.slice(..).get_mapped_range().unwrap().to_vec()
    }
}

/// Small fixed generator: the same pixels on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn share(&mut self) -> f32 {
        self.next() as f32 / (1_u64 << 31) as f32
    }
}

fn premultiplied(rgba: &[u8]) -> Vec<u8> {
    let over =
        |value: u8, alpha: u8| (f32::from(value) * f32::from(alpha) / 255.0 + 0.5).floor() as u8;
    rgba.chunks_exact(4)
        .flat_map(|p| [over(p[0], p[3]), over(p[1], p[3]), over(p[2], p[3]), p[3]])
        .collect()
}

fn assert_same(name: &str, gpu: &[u8], twin: &[u8]) {
    let twin = premultiplied(twin);
    assert_eq!(gpu.len(), twin.len(), "{name}");
    let worst = gpu
        .iter()
        .zip(&twin)
        .map(|(a, b)| a.abs_diff(*b))
        .max()
        .unwrap();
    let at = gpu
        .iter()
        .zip(&twin)
        .position(|(a, b)| a.abs_diff(*b) == worst)
        .unwrap()
        / 4
        * 4;
    assert!(
        worst <= 1,
        "{name}: {worst}/255 at pixel {}: {:?} on the GPU, {:?} expected",
        at / 4,
        &gpu[at..at + 4],
        &twin[at..at + 4]
    );
}

/// A fifth of the pixels is missing, and holds what missing pixels hold: NaN, infinity, sentinels.
fn random_block(random: &mut Random, bands: usize, range: f32) -> Block {
    let valid: Vec<bool> = (0..PIXELS)
        .map(|_| !random.next().is_multiple_of(5))
        .collect();
    let values = (0..bands * PIXELS)
        .map(|index| match valid[index % PIXELS] {
            true => (random.share() - 0.25) * range,
            false => [f32::NAN, f32::INFINITY, -32768.0, f32::MIN][random.next() as usize % 4],
        })
        .collect();
    Block {
        width: SIDE,
        height: SIDE,
        bands,
        values,
        valid,
    }
}

#[test]
fn band_styles_agree_with_their_twin() {
    let Some(gpu) = gpu() else {
        return;
    };
    let mut random = Random(1);
    for gamma in [1.0, 0.45, 2.2] {
        let block = random_block(&mut random, 3, 10_000.0);
        let stretch = [(0.0, 5000.0), (4000.0, -100.0), (123.4, 123.4)]
            .map(|(low, high)| Stretch { low, high, gamma });
        let style = Style::rgb([2, 0, 1], stretch);
        assert_same(
            "three bands",
            &gpu.styled(&style, &TileData::Block(&block)),
            &composite(&block, &style),
        );
    }
    for name in ramp_names() {
        let block = random_block(&mut random, 1, 2.0);
        let style = Style::gray(
            0,
            Stretch {
                low: -0.2,
                high: 1.0,
                gamma: 1.0,
            },
            *name,
        );
        assert_same(
            name,
            &gpu.styled(&style, &TileData::Block(&block)),
            &composite(&block, &style),
        );
    }
}

/// Missing pixels in a colour: the tiles hold what missing pixels hold, and a class that is hidden stays transparent.
#[test]
fn the_colour_of_missing_pixels_agrees_with_its_twin() {
    let Some(gpu) = gpu() else {
        return;
    };
    let mut random = Random(11);
    let plain = Stretch {
        low: 0.0,
        high: 1.0,
        gamma: 1.0,
    };
    let block = random_block(&mut random, 1, 2.0);
    let entry = PaletteEntry {
        value: 0,
        name: String::new(),
        rgba: [9, 8, 7, 255],
    };
    let codes = random_codes(&mut random);
    let field = TileData::Codes {
        codes: &codes,
        width: SIDE,
        height: SIDE,
    };
    let pink = [255, 0, 254, 255];
    for style in [
        Style::gray(0, plain, "viridis"),
        Style::palette(0, vec![entry]),
        Style::FieldClasses {
            head: random_head(&mut random, 3),
        },
    ] {
        let shading = style.shading().with_missing(Some([255, 0, 254]));
        let (data, twin) = if style.is_field() {
            (
                &field,
                field_composite_shaded(&codes, (SIDE, SIDE), &shading),
            )
        } else {
            (&TileData::Block(&block), composite_shaded(&block, &shading))
        };
        let drawn = gpu.shaded(&shading, data);
        assert_same("missing pixels", &drawn, &twin);
        let missing = twin.chunks_exact(4).filter(|pixel| **pixel == pink);
        assert!(missing.count() > PIXELS / 20);
    }
}

/// Backscatter from far below to far above what scenes hold; the ratio of it as the third channel.
#[test]
fn decibels_agree_with_their_twin() {
    let Some(gpu) = gpu() else {
        return;
    };
    let mut random = Random(7);
    let stretch = [(-25.0, 0.0), (-30.0, -5.0), (0.0, 15.0)].map(|(low, high)| Stretch {
        low,
        high,
        gamma: 1.0,
    });
    for (decibel, third) in [
        (true, Third::Ratio),
        (false, Third::Ratio),
        (false, Third::Difference),
        (true, Third::Band),
    ] {
        let bands = if third == Third::Band { 3 } else { 2 };
        let mut block = random_block(&mut random, bands, 2.0);
        block.values.iter_mut().for_each(|value| {
            *value = if decibel || third == Third::Ratio {
                10_f32.powf(*value * 2.0 - 2.0)
            } else {
                *value * 10.0
            };
        });
        let style = Style::Rgb {
            bands: [0, 1, 2],
            stretch,
            look: Look {
                decibel,
                third,
                ..Look::default()
            },
        };
        assert_same(
            &format!("{third:?}, decibels {decibel}"),
            &gpu.styled(&style, &TileData::Block(&block)),
            &composite(&block, &style),
        );
    }
}

#[test]
fn steps_agree_with_their_twin() {
    let Some(gpu) = gpu() else {
        return;
    };
    let mut random = Random(8);
    let stretch = Stretch {
        low: -0.2,
        high: 1.0,
        gamma: 1.0,
    };
    for steps in [
        Steps::Equal { count: 2 },
        Steps::Equal { count: MOST_STEPS },
        Steps::At {
            breaks: vec![0.0, 0.25, 0.3],
        },
        Steps::At { breaks: Vec::new() },
    ] {
        let block = random_block(&mut random, 1, 2.0);
        let mut style = Style::gray(0, stretch, "viridis");
        if let Some(ramp) = style.ramp_mut() {
            ramp.inverted = true;
            ramp.steps = Some(steps.clone());
        }
        assert_same(
            &format!("{steps:?}"),
            &gpu.styled(&style, &TileData::Block(&block)),
            &composite(&block, &style),
        );
    }
}

#[test]
fn palettes_agree_with_their_twin() {
    let Some(gpu) = gpu() else {
        return;
    };
    let mut random = Random(2);
    let mut block = random_block(&mut random, 1, 1000.0);
    block
        .values
        .iter_mut()
        .for_each(|value| *value = value.round());
    for first in [-50, 0, 7, 300] {
        let entries = (first..first + 400)
            .filter(|value| value % 3 > 0)
            .map(|value| PaletteEntry {
                value,
                name: String::new(),
                rgba: [value as u8, 10, 200, [255, 128][value as usize % 2]],
            })
            .collect();
        let mut style = Style::palette(0, entries);
        if let Style::Palette { hidden, .. } = &mut style {
            hidden.push(first + 1);
        }
        assert_same(
            "palette",
            &gpu.styled(&style, &TileData::Block(&block)),
            &composite(&block, &style),
        );
    }
}

fn random_codes(random: &mut Random) -> Vec<i8> {
    let mut codes: Vec<i8> = (0..64 * PIXELS)
        .map(|_| ((random.next() % 131) as i16 - 65) as i8)
        .collect();
    for pixel in 0..PIXELS {
        match random.next() % 10 {
            0 => (0..64).for_each(|axis| codes[axis * PIXELS + pixel] = FIELD_NODATA),
            1 => codes[(random.next() % 64) as usize * PIXELS + pixel] = FIELD_NODATA,
            2 => (0..64).for_each(|axis| codes[axis * PIXELS + pixel] = 0),
            _ => {}
        }
    }
    codes
}

fn random_row(random: &mut Random) -> Vec<f32> {
    (0..64).map(|_| random.share() - 0.5).collect()
}

#[test]
fn field_pictures_agree_with_their_twin() {
    let Some(gpu) = gpu() else {
        return;
    };
    let mut random = Random(3);
    let codes = random_codes(&mut random);
    let data = TileData::Codes {
        codes: &codes,
        width: SIDE,
        height: SIDE,
    };
    let basis = PcaBasis {
        mean: random_row(&mut random)
            .iter()
            .map(|value| value / 8.0)
            .collect(),
        components: (0..4).map(|_| random_row(&mut random)).collect(),
        shares: vec![0.25; 4],
        low: vec![-0.4, -0.3, -0.2, -0.1],
        high: vec![0.4, 0.5, 0.6, 0.7],
        deviations: vec![0.15, 0.2, 0.25, 0.3],
        least: vec![-0.8; 4],
        greatest: vec![0.9; 4],
        ..PcaBasis::default()
    };
    let mut styles = vec![Style::FieldAxes {
        axes: [1, 16, 9],
        low: -0.3,
        high: 0.3,
    }];
    for (flips, stretch) in [
        ([false; 3], PcaStretch::Percentile),
        ([true, false, true], PcaStretch::Deviation),
        ([false, true, false], PcaStretch::Range),
    ] {
        styles.push(Style::FieldPca {
            basis: basis.clone(),
            axes: [3, 0, 1],
            flips,
            stretch,
        });
    }
    for (examples, combine) in [
        (1, Combine::Mean),
        (3, Combine::Mean),
        (3, Combine::Max),
        (11, Combine::Max),
    ] {
        styles.push(Style::FieldSimilarity(random_search(
            &mut random,
            examples,
            combine,
        )));
    }
    for count in [1, 2, 5, 13] {
        styles.push(Style::FieldConfidence {
            head: random_head(&mut random, count),
        });
        for measure in [Uncertainty::Margin, Uncertainty::Entropy] {
            styles.push(Style::FieldUncertainty {
                head: random_head(&mut random, count),
                measure,
            });
        }
    }
    for style in &styles {
        assert_same(
            "field",
            &gpu.styled(style, &data),
            &field_composite(&codes, PIXELS, style),
        );
    }
}

fn random_search(random: &mut Random, examples: usize, combine: Combine) -> Similarity {
    Similarity {
        examples: (0..examples)
            .map(|_| Example::pixel(random_row(random), None))
            .collect(),
        combine,
        low: -1.0,
        ..Similarity::default()
    }
}

#[test]
fn thresholds_of_similarity_agree_with_their_twin() {
    let Some(gpu) = gpu() else {
        return;
    };
    let mut random = Random(5);
    let codes = random_codes(&mut random);
    let data = TileData::Codes {
        codes: &codes,
        width: SIDE,
        height: SIDE,
    };
    for (examples, combine) in [(1, Combine::Mean), (6, Combine::Max)] {
        let mut search = random_search(&mut random, examples, combine);
        (search.only_matches, search.threshold) = (true, 0.2);
        let style = Style::FieldSimilarity(search);
        let on_gpu = gpu.styled(&style, &data);
        let twin = field_composite(&codes, PIXELS, &style);
        let drawn = |rgba: &[u8]| rgba.chunks_exact(4).filter(|pixel| pixel[3] > 0).count();
        let differing = on_gpu
            .chunks_exact(4)
            .zip(twin.chunks_exact(4))
            .filter(|(a, b)| a[3] != b[3])
            .count();
        // Rounding may decide about a pixel that lies on the threshold, and nothing else.
        assert!(differing <= 2, "{differing} of {PIXELS} pixels differ");
        assert!(
            (PIXELS / 20..PIXELS).contains(&drawn(&twin)),
            "{}",
            drawn(&twin)
        );
    }
}

fn random_head(random: &mut Random, count: u8) -> LinearHead {
    LinearHead {
        schema: 1,
        kind: HeadKind::Logistic,
        classes: (1..=count)
            .map(|id| Class {
                id,
                name: id.to_string(),
                color: [id * 11, 255 - id, id * 7],
            })
            .collect(),
        weights: (0..count).map(|_| random_row(random)).collect(),
        bias: (0..count).map(|_| random.share() / 10.0).collect(),
        temperature: 3.0,
        provenance: serde_json::Map::new(),
    }
}

#[test]
fn field_classes_agree_with_their_twin() {
    let Some(gpu) = gpu() else {
        return;
    };
    let mut random = Random(4);
    let codes = random_codes(&mut random);
    for count in [1, 3, 4, 9, 21] {
        let head = random_head(&mut random, count);
        let style = Style::FieldClasses { head };
        let on_gpu = gpu.styled(
            &style,
            &TileData::Codes {
                codes: &codes,
                width: SIDE,
                height: SIDE,
            },
        );
        let twin = field_composite(&codes, PIXELS, &style);
        let differing = on_gpu
            .chunks_exact(4)
            .zip(twin.chunks_exact(4))
            .filter(|(a, b)| a != b)
            .count();
        // Sums in another order may turn a tie the other way, and nothing else.
        assert!(
            differing <= 2,
            "{differing} of {PIXELS} pixels took another of {count} classes"
        );
    }
}

#[test]
fn labels_agree_with_their_twin() {
    let Some(gpu) = gpu() else {
        return;
    };
    let mut random = Random(5);
    let ids: Vec<u8> = (0..PIXELS).map(|_| (random.next() % 60) as u8).collect();
    // The later ones have the colours of the first, and patterns.
    let classes: Vec<Class> = [1, 3, 7, 17, 19, 33, 35, 49, 51]
        .map(|id| Class {
            id,
            name: String::new(),
            color: terroir_scene::class_color(id),
        })
        .into();
    let table = label_table(&classes);
    let tile = gpu
        .renderer
        .upload(
            &TileData::Ids {
                ids: &ids,
                width: SIDE,
                height: SIDE,
            },
            [0; 2],
        )
        .unwrap();
    gpu.renderer
        .run_style_passes([(&gpu.renderer.label_style(&table), &tile)]);
    assert_same(
        "labels",
        &gpu.read_back(gpu.renderer.styled_texture(&tile)),
        &label_colors(&ids, SIDE, &table),
    );
}

/// Classes beyond the sixteenth, also in a tile that begins within a pattern.
#[test]
fn patterns_of_classes_agree_with_their_twin_and_go_on_over_tiles() {
    let Some(gpu) = gpu() else {
        return;
    };
    let entries = (1..=64).map(|code| {
        let [red, green, blue] = terroir_scene::class_color(code);
        PaletteEntry {
            value: i64::from(code),
            name: code.to_string(),
            rgba: [red, green, blue, 255],
        }
    });
    let style = Style::palette(0, entries.collect());
    // Two tiles of one raster: the second begins five pixels to the right.
    const SHIFT: usize = 5;
    let code = |x: usize, y: usize| ((x / 16 + y / 16 * 4) * 7 % 64 + 1) as f32;
    let block = |start: usize| Block {
        width: SIDE,
        height: SIDE,
        bands: 1,
        values: (0..PIXELS)
            .map(|at| code(at % SIDE + start, at / SIDE))
            .collect(),
        valid: vec![true; PIXELS],
    };
    let drawn = |start: usize| {
        let tile = gpu
            .renderer
            .upload(&TileData::Block(&block(start)), [start, 0])
            .unwrap();
        let style = gpu.renderer.style(&style.shading());
        gpu.renderer.run_style_passes([(&style, &tile)]);
        gpu.read_back(gpu.renderer.styled_texture(&tile))
    };
    let (first, second) = (drawn(0), drawn(SHIFT));
    assert_same("patterns", &first, &composite(&block(0), &style));
    let mut inked = std::collections::BTreeSet::new();
    for y in 0..SIDE {
        for x in 0..SIDE - SHIFT {
            let at = |x: usize| 4 * (y * SIDE + x);
            assert_eq!(first[at(x + SHIFT)..][..4], second[at(x)..][..4], "{x} {y}");
            inked.insert(first[at(x)..][..4].to_vec());
        }
    }
    assert!(inked.len() > 16, "{} colours", inked.len());
}

/// A head of twenty classes in house colours.
#[test]
fn patterns_of_a_live_map_agree_with_their_twin() {
    let Some(gpu) = gpu() else {
        return;
    };
    let mut random = Random(13);
    let codes = random_codes(&mut random);
    let mut head = random_head(&mut random, 20);
    for (class, id) in head.classes.iter_mut().zip(1..) {
        class.color = terroir_scene::class_color(id);
    }
    let shading = Style::FieldClasses { head }.shading();
    let data = TileData::Codes {
        codes: &codes,
        width: SIDE,
        height: SIDE,
    };
    let drawn = gpu.shaded(&shading, &data);
    let twin = premultiplied(&field_composite_shaded(&codes, (SIDE, SIDE), &shading));
    let differing = drawn
        .chunks_exact(4)
        .zip(twin.chunks_exact(4))
        .filter(|(a, b)| a.iter().zip(b.iter()).any(|(a, b)| a.abs_diff(*b) > 1));
    // Sums in another order may turn a tie the other way, and nothing else.
    assert!(differing.count() <= 2);
}

#[test]
fn tiles_of_a_wrong_length_are_refused() {
    let Some(gpu) = gpu() else {
        return;
    };
    assert!(
        gpu.renderer
            .upload(
                &TileData::Codes {
                    codes: &[0; 100],
                    width: 2,
                    height: 2
                },
                [0; 2]
            )
            .is_none()
    );
    assert!(
        gpu.renderer
            .upload(
                &TileData::Ids {
                    ids: &[],
                    width: 0,
                    height: 0
                },
                [0; 2]
            )
            .is_none()
    );
    let block = Block {
        width: 2,
        height: 2,
        bands: 1,
        values: vec![0.0; 3],
        valid: vec![true; 4],
    };
    assert!(
        gpu.renderer
            .upload(&TileData::Block(&block), [0; 2])
            .is_none()
    );
}
