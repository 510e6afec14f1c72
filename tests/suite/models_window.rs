//! The Models window as a user meets it, with the real worker and a hub on this machine: a file dropped in, a download
//! cancelled and gone on with, what is said when it is not the file, a check, and a question before deleting.

use std::path::Path;
use std::time::Duration;

use egui::accesskit::Role;
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use terroir::window::{Services, Window, WindowOptions, waker};
use terroir_engine::WorkerLink;

use crate::models::tiny_weights;
use crate::weights_hub::{Hub, Mood};
use crate::window::{keep_picture, shows, wait_shown};
use crate::worker::real_worker_with;

const PATIENCE: Duration = Duration::from_secs(60);

fn open(home: &Path, hub: &str, files: Vec<std::path::PathBuf>) -> Harness<'static, Window> {
    let variables = format!("HF_ENDPOINT='{hub}' no_proxy=127.0.0.1 NO_PROXY=127.0.0.1");
    let worker = real_worker_with(home, &variables);
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

/// Clicks the first button whose name begins so.
fn click(harness: &mut Harness<'static, Window>, name: &str) {
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

#[test]
fn a_dropped_file_is_taken_in_checked_and_removed() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("my field.safetensors");
    std::fs::write(&file, tiny_weights()).unwrap();
    let mut harness = open(home.path(), "http://127.0.0.1:9", vec![file.clone()]);
    wait_shown(
        &mut harness,
        "my_field.safetensors is installed for dofa-tiny",
    );
    wait_shown(&mut harness, "licence not known");
    let kept = home.path().join("data/models/my_field.safetensors");
    assert!(kept.exists());
    assert!(shows(&harness, "Weights lie in"));
    keep_picture(&mut harness, "models-imported.png");

    click(&mut harness, "Verify all");
    wait_shown(&mut harness, "my_field.safetensors is as it was installed");
    std::fs::write(&kept, vec![0; tiny_weights().len()]).unwrap();
    click(&mut harness, "Verify all");
    wait_shown(&mut harness, "has changed since it was installed");

    click(&mut harness, "Remove…");
    assert!(shows(&harness, "Delete these weights?"));
    keep_picture(&mut harness, "models-remove.png");
    click(&mut harness, "Keep");
    assert!(kept.exists());
    click(&mut harness, "Remove…");
    click(&mut harness, "Delete");
    let start = std::time::Instant::now();
    while kept.exists() {
        assert!(start.elapsed() < PATIENCE, "the weights were never removed");
        harness.step();
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(file.exists());
}

#[test]
fn a_download_is_cancelled_gone_on_with_and_found_to_be_another_file() {
    let home = tempfile::tempdir().unwrap();
    let hub = Hub::start(tiny_weights().to_vec());
    hub.is(Mood::StallsAfter(3_000_000));
    let mut harness = open(home.path(), &hub.address(""), Vec::new());
    click(&mut harness, "Layer");
    click(&mut harness, "Models…");
    wait_shown(&mut harness, "dofav2_vit_base_e150.pth");
    assert!(shows(&harness, "CC-BY-4.0"));
    click(&mut harness, "Get dofav2_vit_base_e150.pth");
    wait_shown(&mut harness, "getting dofav2_vit_base_e150.pth, 3 of");
    keep_picture(&mut harness, "models.png");
    click(&mut harness, "Cancel");
    wait_shown(&mut harness, "3.0 MB are here");
    keep_picture(&mut harness, "models-kept.png");

    hub.is(Mood::Honest);
    hub.questions();
    click(&mut harness, "Go on dofav2_vit_base_e150.pth");
    wait_shown(&mut harness, "what arrived is not dofav2_vit_base_e150.pth");
    assert_eq!(hub.questions()[0].1, Some(3_000_000));
    let kept = home
        .path()
        .join("data/models/dofav2_vit_base_e150.pth.part");
    assert!(!kept.exists(), "what is not the file is deleted");
}

#[test]
fn without_a_connection_it_says_so() {
    let home = tempfile::tempdir().unwrap();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", silent.local_addr().unwrap());
    drop(silent);
    let mut harness = open(home.path(), &nobody, Vec::new());
    click(&mut harness, "Layer");
    click(&mut harness, "Models…");
    wait_shown(&mut harness, "DOFA_ViT_base_e100.pth");
    click(&mut harness, "Get DOFA_ViT_base_e100.pth");
    wait_shown(&mut harness, "there is no connection to 127.0.0.1");
    keep_picture(&mut harness, "models-offline.png");
    assert!(shows(&harness, "not installed: untrained"));
}
