//! Similarity search as a user meets it: examples by click and outline, the heat map, the threshold, matches as files, and
//! the best places of the whole field; window and command line.

use std::path::{Path, PathBuf};

use egui::{Event, Modifiers, PointerButton, Pos2};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::{JobLink, Window};
use terroir_engine::{Event as JobEvent, JobId, JobSpec, run_here};
use terroir_scene::{
    Combine, FIELD_AXES, Raster, Similarity, Style, VectorProgress, decode_planar_pixel,
    read_vector_blocking, similarity, similarity_reference,
};

use crate::program::{files_in, run, shared_data};
use crate::window::{CTRL, keep_picture, open_with, press, shows, wait};

/// Does every job at once, in the test's own process.
#[derive(Default)]
pub(crate) struct WorksHere {
    next: u64,
    events: Vec<JobEvent>,
}

impl JobLink for WorksHere {
    fn run(&mut self, spec: JobSpec) -> JobId {
        self.next += 1;
        let id = JobId(self.next);
        let device = "CPU".to_owned();
        self.events.push(JobEvent::Started { id, device });
        let outcome = run_here(&spec, &mut |_| {}, &|| false);
        self.events.push(match outcome {
            Ok(outcome) => JobEvent::Finished { id, outcome },
            Err(failure) => JobEvent::Failed { id, failure },
        });
        id
    }
    fn estimate(&mut self, _spec: JobSpec) -> JobId {
        self.next += 1;
        JobId(self.next)
    }
    fn cancel(&mut self, _id: JobId) {}
    fn request_devices(&mut self) {}
    fn drain(&mut self) -> Vec<JobEvent> {
        std::mem::take(&mut self.events)
    }
    fn process_id(&self) -> Option<u32> {
        None
    }
}

/// The unit vectors of a field, row by row.
fn units(path: &Path) -> (Raster, Vec<Option<[f32; FIELD_AXES]>>) {
    let field = Raster::open(path).unwrap();
    let window = field.info().grid.window();
    let codes = field
        .read_codes_blocking(window, window.width, window.height)
        .unwrap();
    let pixels = window.pixels();
    let units = (0..pixels)
        .map(|index| decode_planar_pixel(&codes, pixels, index))
        .collect();
    (field, units)
}

fn field() -> Option<PathBuf> {
    Some(shared_data("similarity search")?.join("aef/layout_iowa_ag_y0_northup.tif"))
}

#[test]
fn the_command_line_writes_mask_polygons_and_places() {
    let Some(path) = field() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (raster, units) = units(&path);
    let grid = raster.info().grid.clone();
    let at = |col: usize, row: usize| {
        grid.transform()
            .map_from_pixel(col as f64 + 0.5, row as f64 + 0.5)
    };
    let example = units[40 * grid.width + 40].unwrap();
    let second = units[60 * grid.width + 70].unwrap();
    let place = |(x, y): (f64, f64)| format!("{x},{y}");
    let json = run(
        folder.path(),
        &[
            "similar",
            "--field",
            path.to_str().unwrap(),
            "--at",
            &place(at(40, 40)),
            "--at",
            &place(at(70, 60)),
            "--max",
            "--threshold",
            "0.85",
            "--places",
            "4",
            "--apart",
            "12",
            "--out",
            "mask.tif",
            "--out",
            "found.gpkg",
            "--out",
            "places.csv",
            "--json",
        ],
    )
    .json();
    assert_eq!(
        files_in(folder.path()),
        [
            "found.gpkg",
            "mask.qml",
            "mask.sld",
            "mask.tif",
            "mask.tif.aux.xml",
            "places.csv"
        ]
    );
    let likeness: Vec<Option<f32>> = units
        .iter()
        .map(|unit| unit.map(|unit| similarity(&unit, &example).max(similarity(&unit, &second))))
        .collect();
    let is_match = |value: &Option<f32>| value.is_some_and(|value| value >= 0.85);
    let matches = likeness.iter().filter(|value| is_match(value)).count();
    assert!(matches > 100, "{matches}");
    let mask = Raster::open(&folder.path().join("mask.tif")).unwrap();
    let window = grid.window();
    let block = mask
        .read_blocking(
            &[0],
            window,
            window.width,
            window.height,
            terroir_scene::Resampling::Nearest,
        )
        .unwrap();
    for (value, expected) in block.values.iter().zip(&likeness) {
        assert_eq!(*value == 1.0, is_match(expected));
    }
    let metric = |name: &str| {
        json["metrics"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one[0] == name)
            .map(|one| one[1].as_f64().unwrap())
    };
    assert_eq!(metric("matching_pixels"), Some(matches as f64));
    // Pixels of 10 m: a hundredth of a hectare each.
    let hectares = metric("hectares").unwrap();
    assert!(
        (hectares - matches as f64 / 100.0).abs() < 1e-6,
        "{hectares}"
    );
    let found = folder.path().join("found.gpkg");
    let layer = read_vector_blocking(&found, Some("similar"), &VectorProgress::default()).unwrap();
    assert_eq!(Some(layer.shapes.features() as f64), metric("polygons"));
    // The best places lie apart from each other and from the examples.
    let table = std::fs::read_to_string(folder.path().join("places.csv")).unwrap();
    let mut places = vec![(40usize, 40usize), (70, 60)];
    let mut last = f32::MAX;
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let value: f32 = cells[1].parse().unwrap();
        let pixel: (usize, usize) = (cells[6].parse().unwrap(), cells[7].parse().unwrap());
        assert!(
            value <= last
                && (value - likeness[pixel.1 * grid.width + pixel.0].unwrap()).abs() < 1e-4
        );
        for other in &places {
            let (dx, dy) = (other.0.abs_diff(pixel.0), other.1.abs_diff(pixel.1));
            assert!(dx * dx + dy * dy >= 144, "{pixel:?} {other:?}");
        }
        places.push(pixel);
        last = value;
    }
    assert_eq!(places.len(), 6);
    // The mask says how it was made.
    let again = run(
        folder.path(),
        &["reproduce", "mask.tif", "--out", "again.tif"],
    )
    .done();
    assert!(again.contains("Every pixel is the same"), "{again}");
}

#[test]
fn polygons_and_another_years_examples_search_too() {
    let Some(path) = field() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let (raster, units) = units(&path);
    let grid = raster.info().grid.clone();
    let corner = |col: f64, row: f64| {
        let (x, y) = grid.transform().map_from_pixel(col, row);
        format!("[{x},{y}]")
    };
    let corners = [
        (40.0, 50.0),
        (44.0, 50.0),
        (44.0, 53.0),
        (40.0, 53.0),
        (40.0, 50.0),
    ]
    .map(|(col, row)| corner(col, row));
    let text = format!(
        r#"{{"type":"FeatureCollection","crs":{{"type":"name","properties":{{"name":"urn:ogc:def:crs:EPSG::32615"}}}},"features":[{{"type":"Feature","properties":{{}},"geometry":{{"type":"Polygon","coordinates":[[{}]]}}}}]}}"#,
        corners.join(",")
    );
    std::fs::write(folder.path().join("area.geojson"), text).unwrap();
    let other = path.with_file_name("layout_iowa_ag_y1_bottomup.tif");
    run(
        folder.path(),
        &[
            "similar",
            "--field",
            other.to_str().unwrap(),
            "--from",
            path.to_str().unwrap(),
            "--polygons",
            "area.geojson",
            "--values",
            "--out",
            "likeness.tif",
        ],
    )
    .done();
    let inside: Vec<[f32; FIELD_AXES]> = (50..53)
        .flat_map(|row| (40..44).map(move |col| row * 96 + col))
        .filter_map(|index| units[index])
        .collect();
    let mean = similarity_reference(&inside).unwrap();
    let length = similarity(&mean, &mean).sqrt();
    let mean = mean.map(|value| value / length);
    let (_, next_year) = self::units(&other);
    let found = Raster::open(&folder.path().join("likeness.tif")).unwrap();
    let window = grid.window();
    let block = found
        .read_blocking(
            &[0],
            window,
            window.width,
            window.height,
            terroir_scene::Resampling::Nearest,
        )
        .unwrap();
    for (at, unit) in next_year.iter().enumerate() {
        assert_eq!(block.valid[at], unit.is_some());
        if let Some(unit) = unit {
            assert!((block.values[at] - similarity(&mean, unit)).abs() < 1e-5);
        }
    }
    run(
        folder.path(),
        &[
            "similar",
            "--field",
            path.to_str().unwrap(),
            "--out",
            "a.tif",
        ],
    )
    .failed(2, &["--at"]);
    run(
        folder.path(),
        &[
            "similar",
            "--field",
            path.to_str().unwrap(),
            "--at",
            "0,0",
            "--out",
            "a.tif",
        ],
    )
    .failed(1, &["outside the field"]);
    assert_eq!(
        files_in(folder.path())
            .iter()
            .filter(|name| name.contains("a.tif"))
            .count(),
        0
    );
}

fn search(window: &Window) -> Option<&Similarity> {
    let layers = &window.document().layers;
    layers.iter().find_map(|layer| match &layer.style {
        Some(Style::FieldSimilarity(similarity)) => Some(similarity),
        _ => None,
    })
}

/// The screen position of a pixel of the first layer.
fn on_screen(harness: &Harness<'static, Window>, col: f64, row: f64) -> Pos2 {
    let layers = &harness.state().document().layers;
    let info = layers
        .iter()
        .find_map(|layer| layer.raster_info().filter(|info| info.is_field()))
        .unwrap();
    let map = info.grid.transform().map_from_pixel(col, row);
    let point = harness.state().canvas().viewport().point_from_map(map);
    harness.state().map_rect().min + egui::vec2(point.0, point.1)
}

fn click_pixel(harness: &mut Harness<'static, Window>, col: f64, row: f64, modifiers: Modifiers) {
    let pos = on_screen(harness, col, row);
    harness.event(Event::PointerMoved(pos));
    harness.event(Event::ModifiersChanged(modifiers));
    harness.step();
    for pressed in [true, false] {
        harness.event(Event::PointerButton {
            pos,
            button: PointerButton::Primary,
            pressed,
            modifiers,
        });
        harness.step();
    }
    harness.event(Event::ModifiersChanged(Modifiers::NONE));
    harness.step();
}

fn click_name(harness: &mut Harness<'static, Window>, name: &str) {
    harness.get_by_label(name).click_accesskit();
    for _ in 0..3 {
        harness.step();
    }
}

#[test]
fn clicks_make_a_heat_map_a_threshold_and_a_list_of_places() {
    let Some(path) = field() else {
        return;
    };
    // Results go beside the field.
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("iowa_2024.tif");
    std::fs::copy(&path, &copy).unwrap();
    let mut harness = open_with(vec![copy.clone()], Box::new(WorksHere::default()));
    wait(&mut harness, "opening the field", |window| {
        window
            .document()
            .layers
            .first()
            .is_some_and(|layer| layer.style.is_some())
    });
    click_name(&mut harness, "Field");
    click_name(&mut harness, "Similar places");
    assert!(shows(&harness, "Shift+click adds"));
    click_pixel(&mut harness, 40.5, 40.5, Modifiers::NONE);
    wait(&mut harness, "the heat map", |window| {
        search(window).is_some()
    });
    let (_, units) = units(&path);
    let expected = units[40 * 96 + 40].unwrap();
    let vector = search(harness.state()).unwrap().examples[0].vector.clone();
    assert_eq!(vector, expected);

    click_pixel(&mut harness, 70.5, 60.5, Modifiers::SHIFT);
    wait(&mut harness, "the second example", |window| {
        search(window).is_some_and(|search| search.examples.len() == 2)
    });
    click_name(&mut harness, "any of them");
    assert_eq!(search(harness.state()).unwrap().combine, Combine::Max);
    press(&mut harness, CTRL, egui::Key::Z);
    assert_eq!(search(harness.state()).unwrap().combine, Combine::Mean);
    // A click without Shift begins anew.
    click_pixel(&mut harness, 20.5, 75.5, Modifiers::NONE);
    wait(&mut harness, "a new search", |window| {
        search(window).is_some_and(|search| search.examples.len() == 1)
    });
    // An outline adds its mean.
    click_name(&mut harness, "Area");
    for (col, row) in [(10.0, 10.0), (18.0, 10.0), (18.0, 18.0)] {
        click_pixel(&mut harness, col, row, Modifiers::NONE);
    }
    press(&mut harness, Modifiers::NONE, egui::Key::Enter);
    wait(&mut harness, "the area", |window| {
        search(window).is_some_and(|search| search.examples.len() == 2)
    });
    assert!(
        harness.state().document().labels.is_none(),
        "an example is no label"
    );
    let area = search(harness.state()).unwrap().examples[1].clone();
    assert!(area.is_area() && area.pixels > 20 && area.coherence > 0.2);
    press(&mut harness, Modifiers::NONE, egui::Key::Escape);
    click_name(&mut harness, "any of them");
    keep_picture(&mut harness, "similar.png");
    click_name(&mut harness, "Only above");
    assert!(search(harness.state()).unwrap().only_matches);

    click_name(&mut harness, "Find");
    wait(&mut harness, "the places", |window| {
        window
            .log()
            .iter()
            .any(|line| line.contains("places found"))
    });
    wait(&mut harness, "the list", |_| true);
    for _ in 0..20 {
        harness.step();
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(folder.path().join("iowa_2024_similar_places.csv").exists());
    let before = *harness.state().canvas().viewport();
    click_name(&mut harness, "2");
    harness.step();
    assert_ne!(before.center, harness.state().canvas().viewport().center);
    keep_picture(&mut harness, "similar_places.png");

    // The search is saved with the project and comes back.
    let project = folder.path().join("search.terroir");
    terroir_scene::save_project(harness.state().document(), &project).unwrap();
    let opened = terroir_scene::open_project(&project).unwrap();
    assert_eq!(
        opened.document.layers[0].style,
        harness.state().document().layers[0].style
    );
}
