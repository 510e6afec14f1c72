//! The Training window as a user meets it, with the real worker: a short pretraining of the smallest model on an open scene,
//! watched, stopped, gone on with and finished; and a fine-tuning on painted labels, whose command line gives the same numbers.

use std::path::Path;

use egui::accesskit::Role;
use egui::{Key, Modifiers};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use terroir::window::{Services, Window, WindowOptions, waker};
use terroir_engine::{JobSpec, WorkerLink, command_line};

use crate::program::{run, sample};
use crate::window::{keep_picture, press, shows, stroke, wait_until, write_scene};
use crate::worker::real_worker;

pub(crate) fn open(home: &Path, files: Vec<std::path::PathBuf>) -> Harness<'static, Window> {
    let worker = real_worker(home);
    let data_folder = Some(home.join("data"));
    Harness::builder()
        .with_size(egui::vec2(1280.0, 800.0))
        .with_max_steps(8)
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

pub(crate) fn click(harness: &mut Harness<'static, Window>, name: &str) {
    let node = harness
        .query_all_by_role(Role::Button)
        .chain(harness.query_all_by_role(Role::Tab))
        .find(|node| {
            node.accesskit_node()
                .label()
                .is_some_and(|label| label.contains(name))
        })
        .unwrap_or_else(|| panic!("no button {name}"));
    node.click();
    for _ in 0..4 {
        harness.step();
    }
}

/// Chooses one of a box of choices.
fn pick(harness: &mut Harness<'static, Window>, name: &str, text: &str) {
    harness.get_by_role_and_label(Role::ComboBox, name).click();
    for _ in 0..3 {
        harness.step();
    }
    harness.get_by_role_and_label(Role::Button, text).click();
    for _ in 0..3 {
        harness.step();
    }
}

/// What *Copy as command* puts on the clipboard.
fn copied_command(harness: &mut Harness<'static, Window>) -> String {
    let button = harness
        .query_all_by_role(Role::Button)
        .find(|node| {
            node.accesskit_node()
                .label()
                .is_some_and(|label| label.contains("Copy as command"))
        })
        .unwrap_or_else(|| panic!("no button"));
    button.click();
    for _ in 0..4 {
        harness.step();
        let found = harness
            .output()
            .platform_output
            .commands
            .iter()
            .find_map(|command| match command {
                egui::OutputCommand::CopyText(text) => Some(text.clone()),
                _ => None,
            });
        if let Some(text) = found {
            return text;
        }
    }
    panic!("nothing was copied");
}

#[test]
fn a_pretraining_is_watched_stopped_gone_on_with_and_finished() {
    let home = tempfile::tempdir().unwrap();
    let scene = home.path().join("scene.tif");
    std::fs::copy(sample().join("S2_2021-07-28.tif"), &scene).unwrap();
    let mut harness = open(home.path(), vec![scene]);
    wait_until(&mut harness, "opening", |harness| {
        !harness.state().document().layers.is_empty()
    });
    click(&mut harness, "Layer");
    click(&mut harness, "Train a model…");
    assert!(shows(&harness, "No run yet"));
    assert!(shows(&harness, "Pretrain a model on scenes"));

    // Short, and small enough for any machine; a picture for people takes longer.
    let steps = match std::env::var_os("TERROIR_PICTURES") {
        Some(_) => 300,
        None => 40,
    };
    let spec = harness.state_mut().set_training(steps, 2);
    let JobSpec::Pretrain(spec) = spec.unwrap() else {
        panic!("no pretraining")
    };
    assert_eq!(spec.out, home.path().join("scene_dofa_tiny.safetensors"));
    click(&mut harness, "Copy as command");
    click(&mut harness, "Start training");
    wait_until(&mut harness, "a step", |harness| shows(harness, " · loss "));
    click(&mut harness, "Stop");
    wait_until(&mut harness, "stopping", |harness| {
        shows(harness, "the last checkpoint is kept")
    });
    let run = home.path().join("scene_dofa_tiny.run");
    assert!(run.join("checkpoint.bpk").exists());
    assert!(shows(&harness, &run.display().to_string()));
    click(&mut harness, "Go on");
    let out = spec.out.clone();
    wait_until(&mut harness, "the end", |harness| {
        out.exists() && !shows(harness, "Stop")
    });
    wait_until(&mut harness, "the curve", |harness| {
        shows(harness, "Loss over steps")
    });
    wait_until(&mut harness, "the preview", |harness| {
        shows(harness, "Newest preview")
    });
    let lines = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    assert_eq!(
        lines.lines().count() as u64,
        steps,
        "each step once:\n{lines}"
    );
    assert!(!shows(&harness, "Go on"));
    keep_picture(&mut harness, "training.png");
}

#[test]
fn a_pretraining_on_archives_and_its_command_line_give_the_same_numbers() {
    let home = tempfile::tempdir().unwrap();
    let archives = crate::pretraining_stp::write_archives(home.path());
    let scene = write_scene(home.path());
    let mut harness = open(home.path(), vec![scene]);
    wait_until(&mut harness, "opening", |harness| {
        !harness.state().document().layers.is_empty()
    });
    click(&mut harness, "Layer");
    click(&mut harness, "Train a model…");
    click(&mut harness, "Archives");
    assert!(shows(&harness, "Pretrain a model on archives"));
    assert!(shows(&harness, "add a folder of dated scenes"));
    let (steps, side) = match std::env::var_os("TERROIR_PICTURES") {
        Some(_) => (200, 32),
        None => (6, 16),
    };
    let spec = harness
        .state_mut()
        .set_archives(archives, steps, side)
        .unwrap();
    let JobSpec::PretrainStp(stp) = &spec else {
        panic!("no pretraining on archives")
    };
    let out = stp.out.clone();
    assert_eq!(out, home.path().join("place_0_stp_tiny.safetensors"));
    harness.step();
    assert!(shows(&harness, "place_1"));
    click(&mut harness, "Copy as command");
    click(&mut harness, "Start training");
    wait_until(&mut harness, "the end", |harness| {
        out.exists() && !shows(harness, "Stop")
    });
    wait_until(&mut harness, "the preview", |harness| {
        shows(harness, "Newest preview")
    });
    assert!(shows(&harness, "the field in three colours"));
    keep_picture(&mut harness, "training_archives.png");

    let again = home.path().join("again.safetensors");
    let line =
        command_line(&spec).replace(&out.display().to_string(), &again.display().to_string());
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    run(home.path(), &words).done();
    let losses = |run: &Path| -> Vec<f64> {
        let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        text.lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                line["loss"].as_f64().unwrap()
            })
            .collect()
    };
    let window = losses(&home.path().join("place_0_stp_tiny.run"));
    assert_eq!(window.len() as u64, steps);
    assert_eq!(window, losses(&home.path().join("again.run")));
}

#[test]
fn a_fine_tuning_on_painted_labels_and_its_command_line_give_the_same_numbers() {
    let home = tempfile::tempdir().unwrap();
    let scene = write_scene(home.path());
    let mut harness = open(home.path(), vec![scene]);
    wait_until(&mut harness, "opening", |harness| {
        !harness.state().document().layers.is_empty()
    });
    click(&mut harness, "Layer");
    click(&mut harness, "Train a model…");
    click(&mut harness, "Fine-tune");
    assert!(
        harness.state_mut().set_probe(20, 2).is_err(),
        "there are no labels yet"
    );
    click(&mut harness, "Close");
    for (from, to) in [((0.1, 0.2), (0.3, 0.7)), ((0.7, 0.2), (0.9, 0.7))] {
        press(&mut harness, Modifiers::NONE, Key::M);
        press(&mut harness, Modifiers::NONE, Key::P);
        stroke(&mut harness, from, to);
    }
    click(&mut harness, "Layer");
    click(&mut harness, "Train a model…");
    // What learns, how much of it, and what classes count, as the command says them.
    pick(&mut harness, "Learns", "and LoRA in every block");
    pick(&mut harness, "Classes count", "by their pixels");
    assert!(shows(&harness, "Rank"));
    let copied = copied_command(&mut harness);
    for words in ["--mode lora --rank 8 --alpha 16", "--class-weights even"] {
        assert!(copied.contains(words), "{copied}");
    }
    pick(&mut harness, "Learns", "and the last blocks");
    assert!(shows(&harness, "Last blocks") && !shows(&harness, "Rank"));
    let copied = copied_command(&mut harness);
    assert!(copied.contains("--blocks 2"), "{copied}");
    pick(
        &mut harness,
        "Classes count",
        "the same each, rare ones more",
    );

    let spec = harness.state_mut().set_probe(20, 2).unwrap();
    let JobSpec::Finetune(tune) = &spec else {
        panic!("no fine-tuning")
    };
    let out = tune.out.clone();
    assert_eq!(out, home.path().join("gradient_tuned.safetensors"));
    click(&mut harness, "Start training");
    wait_until(&mut harness, "the end", |harness| {
        out.exists() && !shows(harness, "Stop")
    });
    keep_picture(&mut harness, "tuning.png");
    assert!(tune.labels.exists(), "the painted labels are a file");

    click(&mut harness, "Map the scene");
    wait_until(&mut harness, "the map", |harness| {
        harness
            .state()
            .document()
            .layers
            .iter()
            .any(|layer| layer.name == "gradient_tuned_map")
    });

    // The command a user copies, but for the file it writes.
    let again = home.path().join("again.safetensors");
    let line =
        command_line(&spec).replace(&out.display().to_string(), &again.display().to_string());
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    run(home.path(), &words).done();
    let losses = |name: &str| -> Vec<(u64, f64)> {
        let text = std::fs::read_to_string(home.path().join(name).join("metrics.jsonl")).unwrap();
        text.lines()
            .map(|line| {
                let line: serde_json::Value = serde_json::from_str(line).unwrap();
                (
                    line["step"].as_u64().unwrap(),
                    line["loss"].as_f64().unwrap(),
                )
            })
            .collect()
    };
    let window = losses("gradient_tuned.run");
    assert!(!window.is_empty());
    assert_eq!(window, losses("again.run"));
}
