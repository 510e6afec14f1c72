//! What a field is asked in the window, with the real worker: what changed, which pixels are alike, and a measured value mapped.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use terroir::window::{Services, Window, WindowOptions, waker};
use terroir_engine::WorkerLink;
use terroir_scene::{Layer, Raster, Style, decode_planar_pixel};

use crate::program::shared_data;
use crate::window::{CTRL, keep_picture, press, settle, shows, wait_until};
use crate::worker::real_worker;

fn open(home: &Path, files: Vec<std::path::PathBuf>) -> Harness<'static, Window> {
    let worker = real_worker(home);
    let data_folder = Some(home.join("data"));
    Harness::builder()
        .with_size(egui::vec2(1280.0, 800.0))
        .with_max_steps(8)
        .with_accessibility_check(false)
        .wgpu()
        .build_eframe(|creation| {
            let wake = waker(&creation.egui_ctx);
            let services = Services {
                wake: wake.clone(),
                link: Box::new(WorkerLink::new(worker, wake)),
                data_folder,
            };
            let options = WindowOptions {
                files,
                ..WindowOptions::default()
            };
            Window::new(creation, services, options).unwrap()
        })
}

/// Clicks the widget with exactly this name, where it can be seen.
fn click(harness: &mut Harness<'static, Window>, name: &str) {
    let named = |harness: &Harness<'static, Window>| {
        harness
            .query_all_by_label(name)
            .next()
            .unwrap_or_else(|| panic!("nothing is called {name}"))
            .scroll_to_me();
    };
    named(harness);
    settle(harness);
    harness.query_all_by_label(name).next().unwrap().click();
    settle(harness);
}

fn layer_named<'a>(harness: &'a Harness<'static, Window>, name: &str) -> Option<&'a Layer> {
    let layers = &harness.state().document().layers;
    layers
        .iter()
        .find(|layer| layer.name == name)
        .map(|layer| &**layer)
}

/// Values that hang on the field, at places all over it.
fn write_points(field: &Path, to: &Path) {
    let raster = Raster::open(field).unwrap();
    let grid = raster.info().grid.clone();
    let codes = raster
        .read_codes_blocking(grid.window(), grid.width, grid.height)
        .unwrap();
    let mut table = String::from("x,y,crs,carbon\n");
    for at in (0..grid.width * grid.height).step_by(41) {
        let Some(unit) = decode_planar_pixel(&codes, grid.width * grid.height, at) else {
            continue;
        };
        let (col, row) = (
            (at % grid.width) as f64 + 0.5,
            (at / grid.width) as f64 + 0.5,
        );
        let (x, y) = grid.transform().map_from_pixel(col, row);
        let value = 40.0 + 60.0 * unit[0] - 35.0 * unit[17] + ((at % 7) as f32 - 3.0);
        writeln!(table, "{x},{y},EPSG:32615,{value}").unwrap();
    }
    std::fs::write(to, table).unwrap();
}

#[test]
fn change_clusters_and_values_are_asked_in_the_window() {
    let Some(data) = shared_data("the layout rasters") else {
        return;
    };
    let home = tempfile::tempdir().unwrap();
    let at = |name: &str| home.path().join(name);
    let pair = [
        ("layout_iowa_ag_y0_northup.tif", "iowa_2023.tif"),
        ("layout_iowa_ag_y1_bottomup.tif", "iowa_2024.tif"),
    ];
    for (from, to) in pair {
        std::fs::copy(data.join("aef").join(from), at(to)).unwrap();
    }
    write_points(&at("iowa_2023.tif"), &at("soil.csv"));
    let files = vec![at("iowa_2023.tif"), at("iowa_2024.tif"), at("soil.csv")];
    let mut harness = open(home.path(), files);
    // Two years of one place could be a series; here they are wanted side by side.
    wait_until(&mut harness, "the question", |harness| {
        harness.query_by_label("Images of several dates").is_some()
    });
    click(&mut harness, "2 separate layers");
    click(&mut harness, "Open");
    wait_until(&mut harness, "opening", |harness| {
        harness.state().document().layers.len() == 3
    });
    click(&mut harness, "Field");

    // Change: a raster in two colours, and its polygons on demand.
    click(&mut harness, "Change between two fields");
    keep_picture(&mut harness, "field_change_form.png");
    click(&mut harness, "Find change");
    let change = "iowa_2024_change_since_iowa_2023";
    wait_until(&mut harness, "the change", |harness| {
        layer_named(harness, change).is_some_and(|layer| {
            layer
                .style
                .as_ref()
                .and_then(Style::ramp)
                .is_some_and(|ramp| ramp.steps.is_some())
        })
    });
    assert!(shows(&harness, "20.5 % of 9111 pixels changed"));
    click(&mut harness, "Add polygons");
    wait_until(&mut harness, "the polygons", |harness| {
        harness.state().document().layers.len() == 5
    });
    std::thread::sleep(Duration::from_millis(300));
    settle(&mut harness);
    keep_picture(&mut harness, "field_change.png");
    click(&mut harness, "All values");
    let style = layer_named(&harness, change)
        .unwrap()
        .style
        .clone()
        .unwrap();
    assert!(style.ramp().unwrap().steps.is_none());
    press(&mut harness, CTRL, Key::Z);
    let style = layer_named(&harness, change)
        .unwrap()
        .style
        .clone()
        .unwrap();
    assert!(style.ramp().unwrap().steps.is_some());
    // The two layers of the change are out of the way of what follows.
    while harness.state().document().layers.len() > 3 {
        press(&mut harness, CTRL, Key::Z);
    }
    click(&mut harness, "Change between two fields");

    // Clusters: drawn on the field at once, named, merged, mapped.
    click(&mut harness, "Clusters");
    click(&mut harness, "Find clusters");
    wait_until(&mut harness, "the clusters", |harness| {
        clusters(harness).is_some()
    });
    let found = clusters(&harness).unwrap();
    assert_eq!(found.clusters.len(), 8);
    name_cluster(&mut harness, "Cluster 1", "Cropland");
    name_cluster(&mut harness, "Cluster 3", "Cropland");
    let named = clusters(&harness).unwrap();
    assert_eq!(named.classes().0.len(), 7);
    assert_eq!(named.clusters[2].color, named.clusters[0].color);
    std::thread::sleep(Duration::from_millis(300));
    settle(&mut harness);
    keep_picture(&mut harness, "field_clusters.png");
    press(&mut harness, CTRL, Key::Z);
    assert_eq!(clusters(&harness).unwrap().classes().0.len(), 8);
    press(&mut harness, CTRL, Key::Y);
    click(&mut harness, "Use as classes");
    let labels = harness.state().document().labels.clone().unwrap();
    assert!(labels.classes.iter().any(|class| class.name == "Cropland"));
    click(&mut harness, "Write map");
    wait_until(&mut harness, "the map of clusters", |harness| {
        harness
            .state()
            .document()
            .layers
            .iter()
            .any(|layer| layer.name.ends_with("cluster_map"))
    });
    click(&mut harness, "Clusters");

    // Values: the table is a layer already.
    click(&mut harness, "Map of measured values");
    click(&mut harness, "Map values");
    wait_until(&mut harness, "the map of values", |harness| {
        harness
            .state()
            .document()
            .layers
            .iter()
            .any(|layer| layer.name.ends_with("carbon"))
    });
    assert!(shows(&harness, "R² "));
    std::thread::sleep(Duration::from_millis(300));
    settle(&mut harness);
    keep_picture(&mut harness, "field_values.png");
}

fn clusters(harness: &Harness<'static, Window>) -> Option<terroir_scene::Clusters> {
    let layers = &harness.state().document().layers;
    layers.iter().find_map(|layer| match &layer.style {
        Some(Style::FieldClusters { clusters }) => Some(clusters.clone()),
        _ => None,
    })
}

/// Types another name into the field that holds the old one.
fn name_cluster(harness: &mut Harness<'static, Window>, old: &str, new: &str) {
    let find = |harness: &Harness<'static, Window>| {
        harness
            .query_all_by_role(Role::TextInput)
            .find(|node| node.accesskit_node().value().as_deref() == Some(old))
            .unwrap_or_else(|| panic!("no cluster is called {old}"))
            .focus();
    };
    find(harness);
    settle(harness);
    press(harness, CTRL, Key::A);
    harness.event(egui::Event::Text(new.to_owned()));
    settle(harness);
    press(harness, Modifiers::NONE, Key::Enter);
    settle(harness);
}
