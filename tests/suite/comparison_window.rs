//! Comparing fields on painted labels, from the window: the same figures as the command line's.

use std::path::{Path, PathBuf};

use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::Queryable as _;
use terroir::window::{Services, Window, WindowOptions, waker};
use terroir_engine::{Evaluation, WorkerLink, command_line};

use crate::program::run;
use crate::window::{keep_picture, press, shows, stroke, wait_until, write_field};
use crate::worker::real_worker;

fn open(home: &Path, files: Vec<PathBuf>) -> Harness<'static, Window> {
    let worker = real_worker(home);
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
                data_folder: None,
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
    let found = harness.query_all_by_label(name).next();
    found
        .unwrap_or_else(|| panic!("nothing is called {name}"))
        .scroll_to_me();
    (0..6).for_each(|_| harness.step());
    harness.query_all_by_label(name).next().unwrap().click();
    (0..6).for_each(|_| harness.step());
}

#[test]
fn fields_are_compared_on_painted_labels_as_on_the_command_line() {
    let home = tempfile::tempdir().unwrap();
    let field = write_field(home.path());
    let mut harness = open(home.path(), vec![field.clone()]);
    wait_until(&mut harness, "opening", |harness| {
        !harness.state().document().layers.is_empty()
    });
    click(&mut harness, "Accuracy");
    assert!(shows(&harness, "Compare fields on the labels"));
    // Two classes, each in two places.
    for column in [(0.08, 0.3), (0.7, 0.92)] {
        press(&mut harness, Modifiers::NONE, Key::M);
        press(&mut harness, Modifiers::NONE, Key::P);
        for row in [(0.1, 0.25), (0.7, 0.85)] {
            stroke(&mut harness, (column.0, row.0), (column.1, row.1));
        }
    }
    wait_until(&mut harness, "counting the labels", |harness| {
        harness.state().comparison().is_ok()
    });
    let spec = harness.state().comparison().unwrap();
    keep_picture(&mut harness, "comparison_form.png");
    click(&mut harness, "Compare fields");
    wait_until(&mut harness, "the comparison", |harness| {
        shows(harness, "Open report")
    });
    assert!(shows(&harness, "Balanced accuracy, best classifier"));
    click(&mut harness, "5");
    keep_picture(&mut harness, "comparison.png");
    let window = Evaluation::read(&spec.out).unwrap();
    assert_eq!(window.classes.len(), 2);
    assert!(spec.out.with_extension("html").exists());

    // The command a user copies, but for the file it writes.
    let again = home.path().join("again.json");
    let line = command_line(&terroir_engine::JobSpec::Evaluate(spec.clone())).replace(
        &spec.out.display().to_string(),
        &again.display().to_string(),
    );
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    run(home.path(), &words).done();
    assert_eq!(Evaluation::read(&again).unwrap().results, window.results);
}
