//! What the panels look like, against pictures that are kept: every panel on the sample, in both themes, on usual and on dense
//! screens. `TERROIR_UPDATE_PICTURES=1` keeps new ones, to be looked at before they are committed.

use std::path::{Path, PathBuf};

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::{Window, WindowOptions};

use crate::window::{open_in, settle, show_panel, wait_until};

const TABS: [&str; 6] = ["Layers", "Style", "Spectrum", "Time", "Field", "Accuracy"];
/// A channel may differ by this much: rasterisers round differently.
const ROUNDING: u8 = 3;
/// Of all pixels.
const MOST_DIFFERENT: f64 = 0.0005;

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("pictures")
}

fn open_sample(data: &Path, pixels_per_point: f32, is_dark: bool) -> Harness<'static, Window> {
    std::fs::create_dir_all(data).unwrap();
    let settings = serde_json::json!({ "dark": is_dark });
    std::fs::write(data.join("settings.json"), settings.to_string()).unwrap();
    let options = WindowOptions {
        sample: true,
        ..WindowOptions::default()
    };
    let mut harness = open_in(data, pixels_per_point, options);
    wait_until(&mut harness, "the sample", |harness| {
        harness.state().has_settings()
            && harness.state().document().layers.len() >= 2
            && harness.state().canvas().is_at_rest()
    });
    harness
}

/// The side of the window a panel lies on, as a picture of its own.
fn side_with(harness: &mut Harness<'static, Window>, title: &str) -> (usize, usize, Vec<u8>) {
    let at = show_panel(harness, title).center();
    // The pointer lights up what it is over.
    harness.hover_at(harness.state().map_rect().center());
    settle(harness);
    let map = harness.state().map_rect();
    let tops = harness
        .query_all_by_role(Role::Tab)
        .map(|tab| tab.rect().top());
    let top = tops.fold(map.top(), f32::min);
    let (left, right) = if at.x < map.left() {
        (0.0, map.left())
    } else {
        (map.right(), 1280.0)
    };
    let picture = harness.render().unwrap();
    let scale = picture.width() as f32 / 1280.0;
    let pixel = |points: f32| (points * scale).round() as u32;
    let (top, bottom) = (pixel(top), pixel(map.bottom()));
    let (left, right) = (pixel(left), pixel(right).min(picture.width()));
    let mut rgb = Vec::new();
    for row in top..bottom {
        for col in left..right {
            rgb.extend_from_slice(&picture.get_pixel(col, row).0[..3]);
        }
    }
    ((right - left) as usize, (bottom - top) as usize, rgb)
}

fn read(path: &Path) -> Option<(usize, usize, Vec<u8>)> {
    let file = std::io::BufReader::new(std::fs::File::open(path).ok()?);
    let mut reader = png::Decoder::new(file).read_info().unwrap();
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut rgb).unwrap();
    Some((info.width as usize, info.height as usize, rgb))
}

fn write(path: &Path, (width, height, rgb): &(usize, usize, Vec<u8>)) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = png::Encoder::new(file, *width as u32, *height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(rgb).unwrap();
}

#[test]
fn every_panel_looks_as_it_is_kept() {
    let updates = std::env::var_os("TERROIR_UPDATE_PICTURES").is_some();
    let mut wrong = Vec::new();
    for (scale, scale_name) in [(1.0, "1x"), (2.0, "2x")] {
        for (is_dark, theme) in [(true, "dark"), (false, "light")] {
            let home = tempfile::tempdir().unwrap();
            let mut harness = open_sample(home.path(), scale, is_dark);
            for title in TABS {
                let drawn = side_with(&mut harness, title);
                let name = format!("{}_{theme}_{scale_name}.png", title.to_lowercase());
                if updates {
                    write(&kept().join(&name), &drawn);
                    continue;
                }
                let before = read(&kept().join(&name)).unwrap_or_else(|| panic!("no {name}"));
                if (before.0, before.1) != (drawn.0, drawn.1) {
                    wrong.push(format!("{name} has another size"));
                    continue;
                }
                let pairs = before.2.chunks_exact(3).zip(drawn.2.chunks_exact(3));
                let different = pairs
                    .filter(|(a, b)| a.iter().zip(*b).any(|(a, b)| a.abs_diff(*b) > ROUNDING))
                    .count();
                let share = different as f64 / (drawn.0 * drawn.1) as f64;
                if share > MOST_DIFFERENT {
                    let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
                    write(&beside, &drawn);
                    wrong.push(format!(
                        "{name}: {different} pixels differ, see {}",
                        beside.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
