//! Heads of every kind from the command line to a map, shapes that are held out, and the method in the window.

use std::path::Path;

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable as _;
use terroir_scene::{Head, HeadKind, Raster, Resampling, import_labels, save_project};

use crate::program::run;
use crate::suggestions::three_grounds;
use crate::window::{
    CTRL, SIDE, grid, keep_picture, open, press, show_panel, shows, stroke, wait, wait_shown,
};

/// 150 labelled pixels of three classes; every tenth is kept for testing, and ten of those are wrong on purpose.
fn write_labels(folder: &Path) {
    let mut text = "x,y,class,use\n".to_owned();
    for index in 0..150 {
        let (col, row) = ((index * 37) % SIDE, 10 + index / 2);
        let is_test = index % 10 == 0;
        let ground = (col * 3 / SIDE + usize::from(is_test && index < 100)) % 3;
        let usage = if is_test { "test" } else { "train" };
        text += &format!(
            "{},{},{},{usage}\n",
            500_005 + 10 * col,
            3_999_995 - 10 * row,
            ["water", "trees", "crops"][ground]
        );
    }
    std::fs::write(folder.join("labels.csv"), text).unwrap();
}

#[test]
fn every_kind_makes_a_map_and_says_how_it_does_on_what_was_held_out() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    three_grounds(folder);
    write_labels(folder);
    for kind in HeadKind::ALL {
        let word = kind.word();
        let trained = run(
            folder,
            &[
                "train",
                "--field",
                "three_grounds_field.tif",
                "--labels",
                "labels.csv",
                "--kind",
                word,
                "--out",
                "head.json",
                "--class-weight",
                "water=1.5",
                "--json",
            ],
        )
        .json();
        let metric = |name: &str| {
            trained["metrics"]
                .as_array()
                .unwrap()
                .iter()
                .find(|pair| pair[0] == name)
                .map(|pair| pair[1].as_f64().unwrap())
        };
        assert_eq!(metric("pixels"), Some(135.0), "test points do not train");
        assert_eq!(metric("held_out_pixels"), Some(15.0));
        let right = metric("held_out_overall_accuracy").unwrap();
        assert!((right - 5.0 / 15.0).abs() < 1e-9, "{word}: {right}");
        assert!(trained["summary"].as_str().unwrap().contains("held out"));
        assert!(metric("overall_accuracy").unwrap() > 0.9, "{word}");
        for name in [
            "expected_calibration_error",
            "brier_score",
            "negative_log_likelihood",
        ] {
            assert!(metric(name).unwrap() >= 0.0, "{word} {name}");
        }
        let head = Head::load(&folder.join("head.json")).unwrap();
        assert_eq!((head.kind, head.classes.len()), (kind, 3));
        assert_eq!(head.provenance["held_out"]["design"], "held-out polygons");
        let command = terroir_engine::command_line(
            &serde_json::from_value(head.provenance["job"].clone()).unwrap(),
        );
        assert!(
            command.contains(&format!("--kind {word}"))
                && command.contains("--class-weight water=1.5")
        );

        let measure = if kind == HeadKind::Forest {
            "entropy"
        } else {
            "margin"
        };
        run(
            folder,
            &[
                "predict",
                "--field",
                "three_grounds_field.tif",
                "--head",
                "head.json",
                "--out",
                "map.tif",
                "--uncertainty",
                measure,
            ],
        )
        .done();
        let read = |name: &str| {
            let raster = Raster::open(&folder.join(name)).unwrap();
            let window = raster.info().grid.window();
            raster
                .read_blocking(&[0], window, SIDE, SIDE, Resampling::Nearest)
                .unwrap()
        };
        let (map, doubt) = (read("map.tif"), read("map_uncertainty.tif"));
        for col in [4, 50, 90] {
            let id = map.values[40 * SIDE + col] as u8;
            let name = &head
                .classes
                .iter()
                .find(|class| class.id == id)
                .unwrap()
                .name;
            assert_eq!(name, ["water", "trees", "crops"][col * 3 / SIDE], "{word}");
            assert!(doubt.values[40 * SIDE + col] < 100.0, "{word} is sure here");
        }
    }
    run(
        folder,
        &[
            "train",
            "--field",
            "three_grounds_field.tif",
            "--labels",
            "labels.csv",
            "--out",
            "head.json",
            "--class-weight",
            "sand=2",
        ],
    )
    .failed(1, &["sand", "water"]);
}

#[test]
fn classes_leave_the_live_map_and_other_methods_wait_for_the_export() {
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open(vec![three_grounds(folder.path())]);
    wait(&mut harness, "opening the field", |window| {
        !window.document().layers.is_empty()
    });
    for place in [0.1, 0.45, 0.8] {
        press(&mut harness, Modifiers::NONE, Key::M);
        press(&mut harness, Modifiers::NONE, Key::P);
        stroke(&mut harness, (place, 0.3), (place + 0.1, 0.6));
    }
    let classes = |count: usize| {
        move |window: &terroir::window::Window| {
            window
                .live_map()
                .is_some_and(|head| head.classes.len() == count)
        }
    };
    wait(&mut harness, "a map of three classes", classes(3));

    // A class taken away leaves the map, and comes back with undo.
    let row = harness
        .query_all_by_role_and_label(egui::accesskit::Role::ListBoxOption, "Class 2")
        .next()
        .unwrap();
    row.click_secondary();
    harness.step();
    harness.step();
    harness
        .get_by_label_contains("Remove class and its labels")
        .click();
    harness.step();
    wait(&mut harness, "a map of two classes", classes(2));
    press(&mut harness, CTRL, Key::Z);
    wait(&mut harness, "all three again", classes(3));

    harness.get_by_label("Field").click();
    harness.step();
    harness.step();
    for look in ["Margin", "Entropy"] {
        harness.get_by_label(look).click();
        harness.step();
        harness.step();
        assert!(shows(&harness, "Live uncertainty"));
    }
    keep_picture(&mut harness, "uncertainty.png");
    harness.state_mut().set_method(HeadKind::Forest);
    harness.step();
    harness.step();
    assert!(shows(&harness, "cannot follow the brush"));
    assert_eq!(
        harness.state().live_map().map(|head| head.kind),
        Some(HeadKind::Logistic),
        "what is drawn stays linear"
    );
    keep_picture(&mut harness, "method.png");
    let map = folder.path().join("map.tif");
    harness.state_mut().export_map(&map, &[]);
    let head = folder.path().join("map_classifier.json");
    wait(&mut harness, "the forest's file", |_| head.exists());
    assert_eq!(Head::load(&head).unwrap().kind, HeadKind::Forest);
}

#[test]
fn the_window_tells_each_class_of_held_out_shapes() {
    let folder = tempfile::tempdir().unwrap();
    write_labels(folder.path());
    let field = three_grounds(folder.path());
    let mut opened = open(vec![field]);
    wait(&mut opened, "opening the field", |window| {
        !window.document().layers.is_empty()
    });
    let mut document = opened.state().document().clone();
    let (labels, _) =
        import_labels(&folder.path().join("labels.csv"), &grid(), Some("class")).unwrap();
    assert_eq!(labels.held_out_polygons(), 15);
    document.labels = Some(labels);
    let project = folder.path().join("held_out.terroir");
    save_project(&document, &project).unwrap();

    let mut harness = open(vec![project]);
    wait(&mut harness, "the live map", |window| {
        window.live_map().is_some()
    });
    show_panel(&mut harness, "Accuracy");
    harness.get_by_label("Check accuracy").click();
    wait_shown(&mut harness, "Held-out polygons");
    // One table of the cross-validation and one of the shapes that never train; ten of fifteen are wrong on purpose.
    let heads = |harness: &egui_kittest::Harness<'_, terroir::window::Window>| {
        harness.query_all_by_label("Prod.'s").count()
    };
    assert_eq!(heads(&harness), 2);
    assert!(shows(&harness, "33.3 % right"));
    keep_picture(&mut harness, "held_out.png");
}
