//! The canvas, drawn by the software rasteriser: pictures of made rasters in several orientations against the CPU twins.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui_kittest::Harness;
use egui_kittest::wgpu::{WgpuTestRenderer, create_render_state, default_wgpu_setup};
use terroir::canvas::{Canvas, CanvasLayer, Viewport};
use terroir_scene::{
    Blend, Crs, Example, GeoTransform, Labels, Layer, LayerId, LayerSource, PcaBasis, Raster,
    Resampling, Similarity, Stretch, Style, composite, field_composite, style_bands,
};

/// A device of its own on whatever adapter there is, software first; `None`, said aloud, without any.
pub fn render_state() -> Option<egui_wgpu::RenderState> {
    let made = std::panic::catch_unwind(|| {
        create_render_state(
            default_wgpu_setup(),
            egui_wgpu::RendererOptions::PREDICTABLE,
        )
    });
    if made.is_err() {
        eprintln!("SKIPPED: no graphics adapter, not even a software one");
    }
    made.ok()
}

/// An uncompressed planar GeoTIFF of bytes (signed for fields), placed by a full affine matrix.
pub fn write_tiff(
    path: &Path,
    size: (usize, usize),
    bands: &[Vec<u8>],
    transform: [f64; 6],
    is_signed: bool,
) {
    let (width, height) = size;
    let count = bands.len();
    let pixels = width * height;
    let mut entries: Vec<(u16, u16, u32, Vec<u8>)> = Vec::new();
    let shorts = |values: &[u16]| {
        values
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let longs = |values: &[u32]| {
        values
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>()
    };
    entries.push((256, 4, 1, longs(&[width as u32])));
    entries.push((257, 4, 1, longs(&[height as u32])));
    entries.push((258, 3, count as u32, shorts(&vec![8; count])));
    entries.push((259, 3, 1, shorts(&[1])));
    entries.push((262, 3, 1, shorts(&[1])));
    let offsets: Vec<u32> = (0..count).map(|band| (8 + band * pixels) as u32).collect();
    entries.push((273, 4, count as u32, longs(&offsets)));
    entries.push((277, 3, 1, shorts(&[count as u16])));
    entries.push((278, 4, 1, longs(&[height as u32])));
    entries.push((279, 4, count as u32, longs(&vec![pixels as u32; count])));
    entries.push((284, 3, 1, shorts(&[2])));
    if count > 1 {
        entries.push((338, 3, count as u32 - 1, shorts(&vec![0; count - 1])));
    }
    entries.push((
        339,
        3,
        count as u32,
        shorts(&vec![if is_signed { 2 } else { 1 }; count]),
    ));
    let t = transform;
    let matrix = [
        t[1], t[2], 0.0, t[0], t[4], t[5], 0.0, t[3], 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0,
    ];
    entries.push((
        34264,
        12,
        16,
        matrix.iter().flat_map(|v: &f64| v.to_le_bytes()).collect(),
    ));

    let directory = 8 + count * pixels + (count * pixels) % 2;
    let mut file = Vec::new();
    file.extend(b"II\x2a\0");
    file.extend((directory as u32).to_le_bytes());
    bands.iter().for_each(|band| file.extend(band));
    file.resize(directory, 0);
    file.extend((entries.len() as u16).to_le_bytes());
    let mut far = directory + 2 + 12 * entries.len() + 4;
    let mut values = Vec::new();
    for (tag, kind, count, mut bytes) in entries {
        file.extend(tag.to_le_bytes());
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        if bytes.len() <= 4 {
            bytes.resize(4, 0);
            file.extend(bytes);
        } else {
            file.extend((far as u32).to_le_bytes());
            far += bytes.len();
            values.extend(bytes);
        }
    }
    file.extend([0; 4]);
    file.extend(values);
    std::fs::write(path, file).unwrap();
}

pub struct Scene {
    pub canvas: Canvas,
    pub layers: Vec<CanvasLayer>,
    map_crs: Option<Crs>,
    rect: egui::Rect,
}

pub struct Stage {
    pub harness: Harness<'static, Scene>,
}

impl Stage {
    pub fn new(layers: Vec<CanvasLayer>, view: Viewport) -> Option<Self> {
        Self::woken(layers, view, Arc::new(|_| ()))
    }

    /// `wake` is called by the reader threads.
    pub fn woken(
        layers: Vec<CanvasLayer>,
        view: Viewport,
        wake: Arc<dyn Fn(Duration) + Send + Sync>,
    ) -> Option<Self> {
        let state = render_state()?;
        let mut canvas = Canvas::new(&state, wake);
        canvas.set_viewport(view);
        let scene = Scene {
            canvas,
            layers,
            map_crs: None,
            rect: egui::Rect::NOTHING,
        };
        let harness = Harness::builder()
            .with_size(egui::vec2(view.size.0, view.size.1))
            .renderer(WgpuTestRenderer::from_render_state(state))
            .build_ui_state(
                |ui, scene: &mut Scene| {
                    scene.rect = scene
                        .canvas
                        .show(ui, &scene.layers, scene.map_crs.as_ref(), false)
                        .response
                        .rect;
                },
                scene,
            );
        Some(Self { harness })
    }

    pub fn set_map_crs(&mut self, crs: Crs) {
        self.harness.state_mut().map_crs = Some(crs);
    }

    pub fn view(&self) -> Viewport {
        *self.harness.state().canvas.viewport()
    }

    /// The view as gray values; `None` where the background shows.
    pub fn grays(&mut self) -> Vec<Option<f32>> {
        let picture = self.harness.render().unwrap();
        let scene = self.harness.state();
        let view = *scene.canvas.viewport();
        let background = egui::Color32::to_array(&egui::Visuals::dark().extreme_bg_color);
        let (left, top) = (scene.rect.min.x as u32, scene.rect.min.y as u32);
        (0..view.size.1 as u32)
            .flat_map(|y| (0..view.size.0 as u32).map(move |x| (x, y)))
            .map(|(x, y)| {
                let pixel = picture.get_pixel(x + left, y + top).0;
                (pixel != background).then_some(f32::from(pixel[0]))
            })
            .collect()
    }

    /// Frames until nothing is on its way any more.
    pub fn settle(&mut self) {
        let start = Instant::now();
        self.harness.step();
        while self.harness.state().canvas.is_loading() {
            assert!(
                start.elapsed() < Duration::from_secs(60),
                "tiles never came"
            );
            std::thread::sleep(Duration::from_millis(5));
            self.harness.step();
        }
        self.harness.step();
    }

    /// Compares every 7th point of the view with the colour expected of its raster pixel; `None` means background.
    pub fn compare(&mut self, expected: impl Fn((f64, f64)) -> Option<[u8; 4]>) -> usize {
        self.settle();
        let picture = self.harness.render().unwrap();
        let scene = self.harness.state();
        let view = *scene.canvas.viewport();
        let background = egui::Color32::to_array(&egui::Visuals::dark().extreme_bg_color);
        let mut drawn = 0;
        for y in (0..view.size.1 as u32).step_by(7) {
            for x in (0..view.size.0 as u32).step_by(7) {
                let map = view.map_from_point((x as f32 + 0.5, y as f32 + 0.5));
                let (px, py) = (x + scene.rect.min.x as u32, y + scene.rect.min.y as u32);
                let found = picture.get_pixel(px, py).0;
                let color = expected(map);
                drawn += usize::from(color.is_some_and(|color| color[3] > 0));
                let wanted = match color {
                    Some(color) if color[3] > 0 => color,
                    _ => background,
                };
                let worst = found
                    .iter()
                    .zip(&wanted)
                    .map(|(a, b)| a.abs_diff(*b))
                    .max()
                    .unwrap();
                assert!(
                    worst <= 2,
                    "at {x}, {y}: {found:?} drawn, {wanted:?} expected (map {map:?})"
                );
            }
        }
        drawn
    }
}

pub fn layer(id: u64, path: &Path, style: Style) -> CanvasLayer {
    let info = Raster::open(path).unwrap().info().clone();
    CanvasLayer::new(Arc::new(layer_value(
        id,
        LayerSource::Raster {
            path: path.into(),
            info: Some(Arc::new(info)),
        },
        Some(style),
    )))
}

fn layer_value(id: u64, source: LayerSource, style: Option<Style>) -> Layer {
    let name = format!("layer {id}");
    Layer {
        id: LayerId(id),
        name,
        source,
        style,
        visible: true,
        opacity: 1.0,
        blend: Blend::Normal,
        missing_color: None,
        edited_wavelengths: Vec::new(),
        attribution: None,
    }
}

const WIDTH: usize = 300;
const HEIGHT: usize = 270;

pub fn made_bands() -> Vec<Vec<u8>> {
    let band = |across: usize, down: usize| {
        (0..WIDTH * HEIGHT)
            .map(|i| ((i % WIDTH) * across + (i / WIDTH) * down) as u8)
            .collect()
    };
    vec![band(7, 3), band(1, 11), band(13, 5)]
}

pub fn as_is() -> Style {
    Style::rgb(
        [0, 1, 2],
        [Stretch {
            low: 0.0,
            high: 255.0,
            gamma: 1.0,
        }; 3],
    )
}

/// Pixel under a map point of a raster with `transform`, away from pixel edges where rounding decides.
fn pixel_under(transform: [f64; 6], map: (f64, f64)) -> Option<(usize, usize, bool)> {
    let (col, row) = GeoTransform(transform)
        .inverse()
        .unwrap()
        .map_from_pixel(map.0, map.1);
    let is_edge = |v: f64| (v - v.round()).abs() < 0.02;
    let is_inside = col >= 0.0 && row >= 0.0 && col < WIDTH as f64 && row < HEIGHT as f64;
    is_inside.then_some((col as usize, row as usize, is_edge(col) || is_edge(row)))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn compare_orientation(name: &str, transform: [f64; 6]) {
    let folder = folder();
    let path: PathBuf = folder.path().join(format!("{name}.tif"));
    write_tiff(&path, (WIDTH, HEIGHT), &made_bands(), transform, false);
    let raster = Raster::open(&path).unwrap();
    assert_eq!(
        raster.info().grid.transform(),
        GeoTransform(transform),
        "{name}"
    );
    let block = raster
        .read_blocking(
            &style_bands(&as_is()),
            raster.info().grid.window(),
            WIDTH,
            HEIGHT,
            Resampling::Nearest,
        )
        .unwrap();
    let colors = composite(&block, &as_is());
    // Five screen pixels a raster pixel, around the seam between tiles.
    let center = GeoTransform(transform).map_from_pixel(256.2, 256.3);
    let pixel = GeoTransform(transform).pixel_size().0;
    let view = Viewport {
        center,
        units_per_point: pixel / 5.0,
        size: (420.0, 330.0),
    };
    let Some(mut stage) = Stage::new(vec![layer(1, &path, as_is())], view) else {
        return;
    };
    stage.settle();
    let picture = stage.harness.render().unwrap();
    let rect = stage.harness.state().rect;
    let view = *stage.harness.state().canvas.viewport();
    let (mut seen, mut wrong) = (0, 0);
    for y in (0..view.size.1 as u32).step_by(3) {
        for x in (0..view.size.0 as u32).step_by(3) {
            let map = view.map_from_point((x as f32 + 0.5, y as f32 + 0.5));
            let Some((col, row, is_edge)) = pixel_under(transform, map) else {
                continue;
            };
            if is_edge {
                continue;
            }
            let found = picture
                .get_pixel(x + rect.min.x as u32, y + rect.min.y as u32)
                .0;
            let at = 4 * (row * WIDTH + col);
            seen += 1;
            wrong += usize::from(
                found
                    .iter()
                    .zip(&colors[at..at + 4])
                    .any(|(a, b)| a.abs_diff(*b) > 1),
            );
        }
    }
    assert!(seen > 2000, "{name}: only {seen} points on the raster");
    assert_eq!(
        wrong, 0,
        "{name}: {wrong} of {seen} points show another pixel"
    );
    let value = stage
        .harness
        .state()
        .canvas
        .value_at(LayerId(1), center)
        .unwrap();
    assert_eq!((value.col, value.row), (256, 256));
    let expected: Vec<_> = made_bands()
        .iter()
        .map(|band| Some(f32::from(band[256 * WIDTH + 256])))
        .collect();
    assert_eq!(
        value
            .values
            .iter()
            .map(|(_, value)| *value)
            .collect::<Vec<_>>(),
        expected,
        "{name}"
    );
}

#[test]
fn a_north_up_raster_lies_where_its_transform_says() {
    compare_orientation("north up", [500_000.0, 10.0, 0.0, 4_500_000.0, 0.0, -10.0]);
}

#[test]
fn a_south_up_raster_lies_where_its_transform_says() {
    compare_orientation("south up", [500_000.0, 10.0, 0.0, 4_500_000.0, 0.0, 10.0]);
}

#[test]
fn a_rotated_raster_lies_where_its_transform_says() {
    compare_orientation("rotated", [500_000.0, 8.0, 6.0, 4_500_000.0, 6.0, -8.0]);
}

#[test]
fn zoomed_out_rasters_show_averages_from_coarser_tiles() {
    let folder = folder();
    let path = folder.path().join("flat.tif");
    let size = (1200, 900);
    let bands: Vec<Vec<u8>> = [50, 120, 200]
        .map(|value| vec![value; size.0 * size.1])
        .into();
    write_tiff(&path, size, &bands, [0.0, 1.0, 0.0, 0.0, 0.0, -1.0], false);
    let view = Viewport {
        center: (600.0, -452.0),
        units_per_point: 4.0,
        size: (400.0, 300.0),
    };
    let Some(mut stage) = Stage::new(vec![layer(1, &path, as_is())], view) else {
        return;
    };
    let drawn = stage.compare(|(x, y)| {
        // The raster's edges lie between screen pixels in this view.
        let is_inside = x > 0.0 && y < 0.0 && x < 1200.0 && y > -900.0;
        is_inside.then_some([50, 120, 200, 255])
    });
    assert!(drawn > 1000);
}

fn field_codes(size: (usize, usize)) -> Vec<Vec<u8>> {
    (0..64_usize)
        .map(|axis| {
            (0..size.0 * size.1)
                .map(|i| {
                    let (x, y) = (i % size.0, i / size.0);
                    if x < 5 {
                        -128_i8 as u8
                    } else {
                        (((x * (axis + 3) + y * (axis % 7)) % 121) as i8 - 60) as u8
                    }
                })
                .collect()
        })
        .collect()
}

#[test]
fn a_field_shows_its_components_and_follows_a_new_style() {
    let size = (40, 30);
    let folder = folder();
    let path = folder.path().join("field.tif");
    let codes = field_codes(size);
    write_tiff(&path, size, &codes, [0.0, 1.0, 0.0, 0.0, 0.0, -1.0], true);
    let raster = Raster::open(&path).unwrap();
    assert!(
        raster.info().is_field(),
        "{:?}",
        raster.info().bands.first()
    );
    let planar = raster
        .read_codes_blocking(raster.info().grid.window(), size.0, size.1)
        .unwrap();
    assert_eq!(
        planar,
        codes
            .concat()
            .iter()
            .map(|byte| *byte as i8)
            .collect::<Vec<_>>()
    );
    let component = |k: usize| {
        (0..64)
            .map(|axis| if axis % 3 == k { 0.3 } else { -0.1 })
            .collect::<Vec<f32>>()
    };
    let basis = PcaBasis {
        mean: vec![0.02; 64],
        components: (0..3).map(component).collect(),
        shares: vec![0.3; 3],
        low: vec![-0.5; 3],
        high: vec![0.5; 3],
        ..PcaBasis::default()
    };
    let pca = Style::pca(basis);
    let similar = Style::FieldSimilarity(Similarity {
        examples: vec![Example::pixel(component(1), None)],
        low: -0.6,
        high: 0.6,
        ..Similarity::default()
    });
    let view = Viewport {
        center: (20.0, -15.0),
        units_per_point: 0.125,
        size: (320.0, 240.0),
    };
    let Some(mut stage) = Stage::new(vec![layer(1, &path, pca.clone())], view) else {
        return;
    };
    for style in [pca, similar] {
        let old = stage.harness.state().layers[0].layer.clone();
        stage.harness.state_mut().layers[0].layer = Arc::new(Layer {
            style: Some(style.clone()),
            ..(*old).clone()
        });
        let colors = field_composite(&planar, size.0 * size.1, &style);
        let drawn = stage.compare(|(x, y)| {
            if x < 0.0 || y > 0.0 || x >= size.0 as f64 || y <= -(size.1 as f64) {
                return None;
            }
            let at = 4 * ((-y) as usize * size.0 + x as usize);
            Some([colors[at], colors[at + 1], colors[at + 2], colors[at + 3]])
        });
        assert!(drawn > 500, "{drawn}");
    }
}

#[test]
fn painted_labels_are_drawn_in_their_colors() {
    let folder = folder();
    let path = folder.path().join("scene.tif");
    write_tiff(
        &path,
        (WIDTH, HEIGHT),
        &made_bands(),
        [0.0, 1.0, 0.0, 0.0, 0.0, -1.0],
        false,
    );
    let grid = Raster::open(&path).unwrap().info().grid.clone();
    let mut labels = Labels::new(grid);
    let wheat = labels.add_class("Wheat").unwrap();
    labels.paint_stroke((100.0, 100.0), (160.0, 130.0), 12.0, wheat, false);
    let source = CanvasLayer {
        labels: Some(labels.clone()),
        ..CanvasLayer::new(Arc::new(layer_value(2, LayerSource::Labels, None)))
    };
    let view = Viewport {
        center: (130.0, -115.0),
        units_per_point: 0.5,
        size: (300.0, 200.0),
    };
    let Some(mut stage) = Stage::new(vec![source], view) else {
        return;
    };
    let color = labels.class(wheat).unwrap().color;
    let expected = |labels: Labels| {
        move |(x, y): (f64, f64)| {
            (labels.painted(x as usize, (-y) as usize) == wheat)
                .then_some([color[0], color[1], color[2], 255])
        }
    };
    let before = stage.compare(expected(labels.clone()));
    labels.paint_stroke((100.0, 130.0), (160.0, 100.0), 12.0, wheat, false);
    stage.harness.state_mut().layers[0].labels = Some(labels.clone());
    let after = stage.compare(expected(labels));
    assert!(before > 20 && after > before + 10, "{before} {after}");
}

#[test]
fn an_unreadable_file_is_an_error_of_its_layer() {
    let folder = folder();
    let path = folder.path().join("gone.tif");
    write_tiff(
        &path,
        (WIDTH, HEIGHT),
        &made_bands(),
        [0.0, 1.0, 0.0, 0.0, 0.0, -1.0],
        false,
    );
    let input = layer(9, &path, as_is());
    std::fs::remove_file(&path).unwrap();
    let view = Viewport {
        center: (150.0, -130.0),
        units_per_point: 1.0,
        size: (200.0, 200.0),
    };
    let Some(mut stage) = Stage::new(vec![input], view) else {
        return;
    };
    stage.settle();
    let errors = stage.harness.state().canvas.layer_errors();
    assert_eq!(errors.len(), 1);
    assert_eq!(errors[0].0, LayerId(9));
    assert!(errors[0].1.contains("gone.tif"), "{}", errors[0].1);
    // The file comes back.
    write_tiff(
        &path,
        (WIDTH, HEIGHT),
        &made_bands(),
        [0.0, 1.0, 0.0, 0.0, 0.0, -1.0],
        false,
    );
    stage.harness.state_mut().canvas.invalidate(&path);
    stage.settle();
    assert!(stage.harness.state().canvas.layer_errors().is_empty());
}

#[test]
fn an_idle_canvas_asks_for_no_frame() {
    let folder = folder();
    let path = folder.path().join("scene.tif");
    write_tiff(
        &path,
        (WIDTH, HEIGHT),
        &made_bands(),
        [0.0, 1.0, 0.0, 0.0, 0.0, -1.0],
        false,
    );
    let view = Viewport {
        center: (150.0, -130.0),
        units_per_point: 1.0,
        size: (200.0, 200.0),
    };
    let Some(mut stage) = Stage::new(vec![layer(1, &path, as_is())], view) else {
        return;
    };
    stage.settle();
    stage.harness.step();
    let delay = stage
        .harness
        .output()
        .viewport_output
        .values()
        .map(|output| output.repaint_delay)
        .min()
        .unwrap();
    assert_eq!(delay, Duration::MAX);
}

#[test]
fn the_wheel_zooms_about_the_pointer_and_drags_move_the_ground() {
    let view = Viewport {
        center: (150.0, -130.0),
        units_per_point: 1.0,
        size: (400.0, 300.0),
    };
    let Some(mut stage) = Stage::new(Vec::new(), view) else {
        return;
    };
    stage.settle();
    let at = stage.harness.state().rect.min + egui::vec2(100.0, 50.0);
    let before = stage
        .harness
        .state()
        .canvas
        .viewport()
        .map_from_point((100.0, 50.0));
    stage.harness.hover_at(at);
    stage.harness.step();
    stage.harness.event(egui::Event::MouseWheel {
        unit: egui::MouseWheelUnit::Line,
        delta: egui::vec2(0.0, 1.0),
        phase: egui::TouchPhase::Move,
        source: egui::MouseWheelSource::Unknown,
        modifiers: egui::Modifiers::NONE,
    });
    stage.harness.step();
    let zoomed = *stage.harness.state().canvas.viewport();
    let after = zoomed.map_from_point((100.0, 50.0));
    assert!((zoomed.units_per_point - 0.5).abs() < 1e-12);
    assert!((after.0 - before.0).abs() < 1e-9 && (after.1 - before.1).abs() < 1e-9);
    stage.harness.drag_at(at);
    stage.harness.step();
    stage.harness.hover_at(at + egui::vec2(40.0, 10.0));
    stage.harness.step();
    stage.harness.drop_at(at + egui::vec2(40.0, 10.0));
    stage.harness.step();
    let panned = stage.harness.state().canvas.viewport();
    assert!(
        (panned.center.0 - (zoomed.center.0 - 20.0)).abs() < 1e-9
            && (panned.center.1 - (zoomed.center.1 + 5.0)).abs() < 1e-9
    );
}
