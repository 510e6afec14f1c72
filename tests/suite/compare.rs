//! Layers over and beside each other: blend modes and clipped layers on the canvas against their formula, the divider and
//! the kept profiles in the window, with a real mouse.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use egui::{Event, Key, Modifiers, PointerButton, Pos2, Rect, pos2, vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::canvas::Viewport;
use terroir::window::Window;
use terroir_scene::{
    Blend, Document, Layer, LayerId, LayerSource, PaletteEntry, ProfileValues, Raster, Style,
    default_style_blocking, open_project, profiles_csv, save_project,
};

use crate::canvas::{Stage, as_is, layer, made_bands, write_tiff};
use crate::program::sample;
use crate::window::{CTRL, open, press, shows, wait};

const SIZE: (usize, usize) = (300, 270);
const NORTH_UP: [f64; 6] = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0];

/// Codes 0 to 4 across; 0 has no colour and is transparent.
fn write_codes(folder: &Path) -> PathBuf {
    let path = folder.join("codes.tif");
    let codes = (0..SIZE.0 * SIZE.1).map(|i| (i % SIZE.0 / 3 % 5) as u8);
    write_tiff(&path, SIZE, &[codes.collect()], NORTH_UP, false);
    path
}

const COLORS: [[u8; 4]; 5] = [
    [0; 4],
    [230, 40, 20, 255],
    [10, 200, 120, 255],
    [250, 250, 250, 255],
    [60, 60, 60, 255],
];

fn palette() -> Style {
    let entry = |value: usize| PaletteEntry {
        value: value as i64,
        name: value.to_string(),
        rgba: COLORS[value],
    };
    Style::Palette {
        band: 0,
        entries: (1..5).map(entry).collect(),
        hidden: Default::default(),
    }
}

fn view() -> Viewport {
    Viewport {
        center: (150.0, -130.0),
        units_per_point: 0.25,
        size: (320.0, 240.0),
    }
}

/// Colours of the two layers at a map point: (below, above).
fn colors_at(bands: &[Vec<u8>], (x, y): (f64, f64)) -> ([u8; 3], [u8; 4]) {
    let (col, row) = (x as usize, (-y) as usize);
    let at = row * SIZE.0 + col;
    ([0, 1, 2].map(|band| bands[band][at]), COLORS[col / 3 % 5])
}

#[test]
fn every_blend_mode_is_its_formula() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.tif");
    let bands = made_bands();
    write_tiff(&scene, SIZE, &bands, NORTH_UP, false);
    let codes = write_codes(folder.path());
    let layers = vec![layer(1, &scene, as_is()), layer(2, &codes, palette())];
    let Some(mut stage) = Stage::new(layers, view()) else {
        return;
    };
    for blend in Blend::ALL {
        for opacity in [1.0, 0.55] {
            let top = &mut stage.harness.state_mut().layers[1].layer;
            *top = Arc::new(Layer {
                blend,
                opacity,
                ..(**top).clone()
            });
            let drawn = stage.compare(|map| {
                let (below, above) = colors_at(&bands, map);
                let share = |value: u8| f32::from(value) / 255.0;
                let alpha = share(above[3]) * opacity;
                let color = [above[0], above[1], above[2]].map(share);
                let [red, green, blue] = blend
                    .over(color, alpha, below.map(share))
                    .map(|value| (value * 255.0).round() as u8);
                Some([red, green, blue, 255])
            });
            assert!(drawn > 1000, "{blend:?}: {drawn}");
        }
    }
}

#[test]
fn a_clipped_layer_ends_at_its_edge() {
    let folder = tempfile::tempdir().unwrap();
    let scene = folder.path().join("scene.tif");
    let bands = made_bands();
    write_tiff(&scene, SIZE, &bands, NORTH_UP, false);
    let codes = write_codes(folder.path());
    let layers = vec![layer(1, &scene, as_is()), layer(2, &codes, palette())];
    let Some(mut stage) = Stage::new(layers, view()) else {
        return;
    };
    let part = |left: f32, top: f32, right: f32, bottom: f32| {
        Some(Rect::from_min_max(pos2(left, top), pos2(right, bottom)))
    };
    let nothing = Some(Rect::ZERO);
    for (below_clip, above_clip) in [
        (None, part(0.0, 0.0, 0.3, 1.0)),
        (part(0.3, 0.0, 1.0, 1.0), part(0.0, 0.0, 0.3, 1.0)),
        (part(0.0, 0.0, 1.0, 0.7), part(0.0, 0.7, 1.0, 1.0)),
        (None, nothing),
    ] {
        let layers = &mut stage.harness.state_mut().layers;
        layers[0].clip = below_clip;
        layers[1].clip = above_clip;
        let is_in = |clip: Option<Rect>, (x, y): (f64, f64)| {
            clip.is_none_or(|clip| {
                let point = view().point_from_map((x, y));
                clip.contains(pos2(point.0 / 320.0, point.1 / 240.0)) && clip.area() > 0.0
            })
        };
        let drawn = stage.compare(|map| {
            let (below, above) = colors_at(&bands, map);
            if is_in(above_clip, map) && above[3] > 0 {
                return Some(above);
            }
            is_in(below_clip, map).then_some([below[0], below[1], below[2], 255])
        });
        assert!(drawn > 500, "{drawn}");
    }
}

// -- the window

fn button(harness: &mut Harness<'static, Window>, at: Pos2, pressed: bool, modifiers: Modifiers) {
    harness.event(Event::PointerButton {
        pos: at,
        button: PointerButton::Primary,
        pressed,
        modifiers,
    });
    harness.step();
}

fn drag(harness: &mut Harness<'static, Window>, from: Pos2, to: Pos2) {
    harness.hover_at(from);
    harness.step();
    harness.step();
    button(harness, from, true, Modifiers::NONE);
    for step in 1..=5 {
        harness.hover_at(from + (to - from) * (step as f32 / 5.0));
        harness.step();
    }
    button(harness, to, false, Modifiers::NONE);
    harness.step();
}

fn click(harness: &mut Harness<'static, Window>, at: Pos2, modifiers: Modifiers) {
    harness.event(Event::PointerMoved(at));
    harness.event(Event::ModifiersChanged(modifiers));
    harness.step();
    button(harness, at, true, modifiers);
    button(harness, at, false, modifiers);
    harness.event(Event::ModifiersChanged(Modifiers::NONE));
    harness.step();
}

fn settle(harness: &mut Harness<'static, Window>) {
    wait(harness, "drawing", |window| !window.canvas().is_loading());
    for _ in 0..3 {
        harness.step();
    }
}

fn screen_from_map(window: &Window, map: (f64, f64)) -> Pos2 {
    let point = window.canvas().viewport().point_from_map(map);
    window.map_rect().min + vec2(point.0, point.1)
}

/// Keeps a picture of the window to look at.
fn keep_picture(harness: &mut Harness<'static, Window>, name: &str) {
    settle(harness);
    let picture = harness.render().unwrap();
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let file = std::fs::File::create(&path).unwrap();
    let mut encoder = png::Encoder::new(file, picture.width(), picture.height());
    encoder.set_color(png::ColorType::Rgba);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(picture.as_raw()).unwrap();
    eprintln!("{}", path.display());
}

/// The other theme, by the command palette.
fn change_theme(harness: &mut Harness<'static, Window>) {
    press(harness, CTRL, Key::K);
    harness.event(Event::Text("light or dark".to_owned()));
    harness.step();
    harness.step();
    press(harness, Modifiers::NONE, Key::Enter);
    harness.step();
}

/// Colours at map points.
fn sampled(harness: &mut Harness<'static, Window>, places: &[(f64, f64)]) -> Vec<[u8; 4]> {
    settle(harness);
    let picture = harness.render().unwrap();
    let at = |map: &(f64, f64)| {
        let pos = screen_from_map(harness.state(), *map);
        picture.get_pixel(pos.x as u32, pos.y as u32).0
    };
    places.iter().map(at).collect()
}

/// Two dates of one place as two layers, the later on top; the folder keeps their project.
fn two_scenes(folder: &Path) -> Harness<'static, Window> {
    let mut harness = open(vec![project(folder)]);
    wait(&mut harness, "opening two scenes", |window| {
        window.document().layers.len() == 2
    });
    settle(&mut harness);
    harness
}

/// A grid of places over the visible raster, away from the divider's knob and names.
fn places(window: &Window) -> Vec<(f64, f64)> {
    let view = *window.canvas().viewport();
    let at = |x: f32, y: f32| view.map_from_point((view.size.0 * x, view.size.1 * y));
    let mut places = Vec::new();
    for x in [0.28, 0.34, 0.4, 0.46, 0.54, 0.6, 0.66, 0.72] {
        for y in [0.3, 0.4, 0.6, 0.7] {
            places.push(at(x, y));
        }
    }
    places
}

#[test]
fn the_divider_shows_one_layer_on_each_side_and_follows_the_mouse() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = two_scenes(folder.path());
    let places = places(harness.state());
    let top = sampled(&mut harness, &places);
    // Holding the key hides the active layer, releasing brings it back.
    harness.event(Event::Key {
        key: Key::Z,
        physical_key: None,
        pressed: true,
        repeat: false,
        modifiers: Modifiers::NONE,
    });
    harness.step();
    let bottom = sampled(&mut harness, &places);
    harness.event(Event::Key {
        key: Key::Z,
        physical_key: None,
        pressed: false,
        repeat: false,
        modifiers: Modifiers::NONE,
    });
    harness.step();
    assert_eq!(sampled(&mut harness, &places), top);
    let differing = top.iter().zip(&bottom).filter(|(a, b)| a != b).count();
    assert!(differing > 20, "the two dates look the same: {differing}");

    press(&mut harness, Modifiers::NONE, Key::W);
    let divider = harness.state().divider().unwrap();
    assert_eq!(divider, 0.5);
    assert!(shows(
        &harness,
        "Divider between S2_2021-10-06 and S2_2021-06-28"
    ));
    let check = |harness: &mut Harness<'static, Window>| {
        let share = harness.state().divider().unwrap();
        let found = sampled(harness, &places);
        let view = *harness.state().canvas().viewport();
        for (index, place) in places.iter().enumerate() {
            let x = view.point_from_map(*place).0 / view.size.0;
            let wanted = if x < share { top[index] } else { bottom[index] };
            let worst = found[index]
                .iter()
                .zip(&wanted)
                .map(|(a, b)| a.abs_diff(*b))
                .max();
            assert!(
                worst <= Some(2),
                "at {x} of {share}: {:?} instead of {wanted:?}",
                found[index]
            );
        }
    };
    check(&mut harness);

    // The knob is dragged also while painting, and nothing is painted by it.
    press(&mut harness, Modifiers::NONE, Key::P);
    let rect = harness.state().map_rect();
    drag(
        &mut harness,
        rect.center(),
        pos2(rect.left() + 0.37 * rect.width(), rect.center().y + 20.0),
    );
    let share = harness.state().divider().unwrap();
    assert!((share - 0.37).abs() < 0.01, "{share}");
    assert!(harness.state().document().labels.is_none());
    check(&mut harness);

    // With the map tool the whole line is a handle, and the map stays where it is.
    press(&mut harness, Modifiers::NONE, Key::H);
    let view = *harness.state().canvas().viewport();
    let from = pos2(rect.left() + share * rect.width(), rect.top() + 150.0);
    drag(&mut harness, from, from + vec2(0.26 * rect.width(), 0.0));
    let share = harness.state().divider().unwrap();
    assert!((share - 0.63).abs() < 0.01, "{share}");
    assert_eq!(*harness.state().canvas().viewport(), view);
    check(&mut harness);
    keep_picture(&mut harness, "swipe.png");
    change_theme(&mut harness);
    keep_picture(&mut harness, "swipe_other_theme.png");
    change_theme(&mut harness);

    press(&mut harness, Modifiers::NONE, Key::Escape);
    assert!(harness.state().divider().is_none());
    assert_eq!(sampled(&mut harness, &places), top);
}

#[test]
fn blending_is_an_undoable_step() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = two_scenes(folder.path());
    let blend = |harness: &Harness<'static, Window>| harness.state().document().layers[0].blend;
    harness.get_by_label_contains("Blend of").click();
    harness.step();
    harness.step();
    harness.get_by_label("Multiply").click();
    harness.step();
    harness.step();
    assert_eq!(blend(&harness), Blend::Multiply);
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(blend(&harness), Blend::Normal);
}

/// A project with one scene, so that saving asks for no name.
fn project(folder: &Path) -> PathBuf {
    let mut document = Document::default();
    for name in ["S2_2021-06-28.tif", "S2_2021-10-06.tif"] {
        let raster = Raster::open(&sample().join(name)).unwrap();
        document.add_layer(Layer {
            id: LayerId(0),
            name: name.trim_end_matches(".tif").to_owned(),
            source: LayerSource::Raster {
                path: sample().join(name),
                info: Some(Arc::new(raster.info().clone())),
            },
            style: Some(default_style_blocking(&raster).unwrap()),
            visible: true,
            opacity: 1.0,
            blend: Blend::Normal,
            missing_color: None,
            edited_wavelengths: Vec::new(),
            attribution: None,
        });
    }
    let path = folder.join("profiles.terroir");
    save_project(&document, &path).unwrap();
    path
}

#[test]
fn profiles_are_kept_renamed_undone_saved_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = project(folder.path());
    let mut harness = open(vec![path.clone()]);
    wait(&mut harness, "opening the project", |window| {
        window.document().layers.len() == 2
    });
    settle(&mut harness);
    let profiles = |window: &Window| window.document().profiles.clone();

    // Click, then keep.
    press(&mut harness, Modifiers::NONE, Key::I);
    let first = harness.state().map_rect().center();
    click(&mut harness, first, Modifiers::NONE);
    wait(&mut harness, "the clicked profile", |window| {
        !window.clicked_profiles().is_empty()
    });
    harness.step();
    assert!(shows(&harness, "Clicked: S2_2021-10-06"));
    harness.get_by_label("Keep").click();
    harness.step();
    harness.step();
    assert_eq!(profiles(harness.state()).len(), 1);
    assert!(shows(&harness, "Kept profiles (1)"));

    // The values are those of the file, without the layer's style.
    let kept = profiles(harness.state())[0].clone();
    let raster = Raster::open(&sample().join("S2_2021-10-06.tif")).unwrap();
    let read = raster
        .profile_blocking(&raster.info().bands, (kept.col, kept.row), 1)
        .unwrap();
    assert_eq!(kept.bands, read);
    let map = harness.state().canvas().viewport().map_from_point({
        let at = first - harness.state().map_rect().min;
        (at.x, at.y)
    });
    assert!((kept.x - map.0).abs() < 1e-6 && (kept.y - map.1).abs() < 1e-6);

    // Shift + click keeps at once, of all layers in one step.
    harness.get_by_label("All layers").click();
    harness.step();
    let second = first + vec2(60.0, -40.0);
    click(&mut harness, second, Modifiers::SHIFT);
    wait(&mut harness, "two more profiles", |window| {
        window.document().profiles.len() == 3
    });
    let all = profiles(harness.state());
    assert_eq!(all[1].place, all[2].place);
    assert_ne!(all[0].place, all[1].place);
    assert_eq!(all[1].color, all[2].color);
    assert_ne!(all[1].layer, all[2].layer);
    let third = first + vec2(-90.0, 70.0);
    harness.hover_at(third);
    harness.step();
    keep_picture(&mut harness, "profiles.png");
    change_theme(&mut harness);
    keep_picture(&mut harness, "profiles_other_theme.png");
    change_theme(&mut harness);

    // Its mark on the map has its colour.
    let picture = harness.render().unwrap();
    let [red, green, blue] = all[1].color;
    assert_eq!(
        picture.get_pixel(second.x as u32, second.y as u32).0,
        [red, green, blue, 255]
    );

    // Rename by double click.
    let label = format!("{}, {}", all[0].name, all[0].layer);
    let row = harness.get_by_label(&label).rect().center();
    harness.hover_at(row);
    harness.step();
    for pressed in [true, false, true, false] {
        // In one frame: queued events would each take a quarter of a second.
        harness.input_mut().events.push(Event::PointerButton {
            pos: row,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        });
    }
    for _ in 0..3 {
        harness.step();
    }
    harness.event(Event::Text(" orchard".to_owned()));
    harness.step();
    press(&mut harness, Modifiers::NONE, Key::Enter);
    harness.step();
    assert_eq!(profiles(harness.state())[0].name, "Profile 1 orchard");
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(profiles(harness.state())[0].name, "Profile 1");
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(profiles(harness.state()).len(), 1);
    press(&mut harness, CTRL, Key::Y);
    press(&mut harness, CTRL, Key::Y);
    assert_eq!(profiles(harness.state()).len(), 3);

    // Saved with the project and there again.
    press(&mut harness, CTRL, Key::S);
    wait(&mut harness, "saving", |window| {
        window
            .log()
            .iter()
            .any(|line| line.contains("Project saved"))
    });
    let opened = open_project(&path).unwrap();
    assert_eq!(opened.document.profiles, profiles(harness.state()));
    let kept = opened.document.profiles.iter().map(|one| &**one);
    let table = profiles_csv(kept, ProfileValues::Scaled).unwrap();
    assert!(
        table
            .lines()
            .any(|line| line.starts_with("Profile 1 orchard,S2_2021-10-06,"))
    );

    let mut again = open(vec![path]);
    wait(&mut again, "opening again", |window| {
        window.document().profiles.len() == 3
    });
    settle(&mut again);
}

/// A layer of thousands of bands stays a layer like any other.
#[test]
fn a_profile_of_many_bands_is_kept_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("many.tif");
    let bands: Vec<Vec<u8>> = (0..5000).map(|band| vec![(band % 251) as u8; 16]).collect();
    write_tiff(&path, (4, 4), &bands, NORTH_UP, false);
    let mut harness = open(vec![path]);
    wait(&mut harness, "opening 5,000 bands", |window| {
        !window.document().layers.is_empty()
    });
    settle(&mut harness);
    let at = harness.state().map_rect().center() + vec2(5.0, 5.0);
    harness.hover_at(at);
    harness.step();
    press(&mut harness, Modifiers::NONE, Key::K);
    wait(&mut harness, "the profile", |window| {
        window.document().profiles.len() == 1
    });
    settle(&mut harness);
    let profile = harness.state().document().profiles[0].clone();
    assert_eq!(profile.bands.len(), 5000);
    assert_eq!(profile.bands[4321].value, Some(f64::from(4321 % 251)));
    assert!(shows(&harness, "Spectra of"));
}
