//! Rasters on the network, played by a server on this machine: read in parts, only when asked, and faults in words.

use std::path::{Path, PathBuf};

use egui_kittest::kittest::Queryable as _;
use terroir_scene::{
    Document, Layer, LayerId, LayerSource, Raster, Resampling, SceneError, allow_address,
    open_project, remote_path, save_project,
};

use crate::program::{run, sample};
use crate::web_server::{Manner, WebServer};
use crate::window::{open, shows, wait};

/// A cloud-optimised GeoTIFF of 2.6 MB with one overview.
fn scene_bytes() -> Vec<u8> {
    std::fs::read(sample().join("m_4709963_se_14_1_20160816_5m.tif")).unwrap()
}

fn server() -> WebServer {
    WebServer::start(scene_bytes())
}

fn remote(address: &str) -> PathBuf {
    remote_path(address).unwrap()
}

fn words(result: Result<Raster, SceneError>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn only_the_parts_that_are_looked_at_are_fetched() {
    let server = server();
    let path = remote(&server.scene());
    allow_address(&path);
    let raster = Raster::open(&path).unwrap();
    assert_eq!(
        (raster.info().grid.width, raster.info().bands.len()),
        (934, 4)
    );
    let header = server.bytes_sent();
    assert!(header < 200_000, "{header} bytes for the header");
    // The whole scene, small: the overview answers.
    let block = raster
        .read_blocking(
            &[0, 1, 2],
            raster.info().grid.window(),
            233,
            180,
            Resampling::Average,
        )
        .unwrap();
    assert!(block.valid.iter().any(|valid| *valid));
    let total = scene_bytes().len() as u64;
    let sent = server.bytes_sent();
    assert!(
        sent < total / 2,
        "{sent} of {total} bytes for a coarse look"
    );
    // Nobody asked for side-cars.
    let others: Vec<String> = server
        .questions()
        .into_iter()
        .filter(|question| !question.ends_with(" /scene.tif"))
        .collect();
    assert!(others.is_empty(), "{others:?}");
    // The same pixels as on the disk.
    let local = Raster::open(&sample().join("m_4709963_se_14_1_20160816_5m.tif")).unwrap();
    let window = terroir_scene::Window {
        col: 500,
        row: 300,
        width: 40,
        height: 30,
    };
    let read = |raster: &Raster| {
        raster
            .read_blocking(&[0, 3], window, 40, 30, Resampling::Nearest)
            .unwrap()
    };
    assert_eq!(read(&raster), read(&local));
}

#[test]
fn nothing_is_read_from_an_address_nobody_asked_for() {
    let server = server();
    let error = words(Raster::open(&remote(&server.scene())));
    assert!(error.contains("not connected"), "{error}");
    // Nor through a file on the disk that names it.
    let folder = tempfile::tempdir().unwrap();
    let vrt = folder.path().join("trap.vrt");
    std::fs::write(
        &vrt,
        format!(
            r#"<VRTDataset rasterXSize="10" rasterYSize="10"><VRTRasterBand dataType="Byte" band="1"><SimpleSource>
            <SourceFilename>/vsicurl/{}</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"#,
            server.scene()
        ),
    )
    .unwrap();
    if let Ok(raster) = Raster::open(&vrt) {
        raster
            .read_blocking(
                &[0],
                raster.info().grid.window(),
                10,
                10,
                Resampling::Nearest,
            )
            .ok();
    }
    assert_eq!(server.questions(), Vec::<String>::new());
}

#[test]
fn faults_of_a_server_are_told_in_words() {
    let server = server();
    let open = |path: &Path| {
        allow_address(path);
        Raster::open(path)
    };
    let missing = words(open(&remote(&server.address("gone.tif"))));
    assert!(missing.contains("no file at this address"), "{missing}");
    server.behave(Manner::Fails(403));
    let refused = words(open(&remote(&server.scene())));
    assert!(refused.contains("does not give"), "{refused}");
    server.behave(Manner::Fails(501));
    let broken = words(open(&remote(&server.scene())));
    assert!(broken.contains("failure of its own"), "{broken}");

    // Breaks off while the pixels are read; afterwards they come.
    server.behave(Manner::Honest);
    let raster = open(&remote(&server.scene())).unwrap();
    let window = raster.info().grid.window();
    let read = || {
        raster.read_blocking(
            &[0],
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )
    };
    server.behave(Manner::BreaksOff);
    let error = read().err().unwrap().to_string();
    assert!(
        error.contains("server") && error.contains("/scene.tif"),
        "{error}"
    );
    drop(raster);

    // Longer than the file: what is there is right, what is not is an error, nothing hangs.
    server.behave(Manner::Boasts(3));
    if let Ok(raster) = open(&remote(&server.scene())) {
        let read = raster.read_blocking(&[0], window, 100, 100, Resampling::Nearest);
        assert!(read.is_ok() || read.is_err_and(|error| error.to_string().contains("server")));
    }

    // Nobody there at all.
    let address = server.scene();
    drop(server);
    let error = words(open(&remote(&address)));
    assert!(error.contains("server"), "{error}");
}

#[test]
fn the_command_line_reads_the_address_it_was_given() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let info = run(folder.path(), &["info", &server.scene(), "--json"]).json();
    assert_eq!(info["width"], 934);
    run(
        folder.path(),
        &["render", &server.scene(), "--out", "a.png"],
    )
    .done();
    assert!(folder.path().join("a.png").is_file());
    run(folder.path(), &["info", &server.address("gone.tif")])
        .failed(1, &["no file at this address"]);
}

/// A project with the server's scene, as saved after opening it.
fn project(folder: &Path, server: &WebServer) -> PathBuf {
    let path = remote(&server.scene());
    let mut document = Document::default();
    document.add_layer(Layer {
        id: LayerId(0),
        name: "far away".to_owned(),
        source: LayerSource::Raster { path, info: None },
        style: None,
        visible: true,
        opacity: 1.0,
        blend: terroir_scene::Blend::Normal,
        missing_color: None,
        edited_wavelengths: Vec::new(),
        attribution: None,
    });
    let project = folder.join("a.terroir");
    save_project(&document, &project).unwrap();
    project
}

#[test]
fn a_project_keeps_the_address_and_waits_for_leave() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let path = project(folder.path(), &server);
    // Leave for this session is no leave for a project that is opened later.
    allow_address(&remote(&server.scene()));
    let opened = open_project(&path).unwrap();
    assert!(opened.warnings.is_empty(), "{:?}", opened.warnings);
    let LayerSource::Raster { path, info } = &opened.document.layers[0].source else {
        panic!("no raster");
    };
    assert_eq!((path, info.is_none()), (&remote(&server.scene()), true));
    assert!(server.questions().is_empty());
}

#[test]
fn the_window_connects_when_its_user_says_so_and_outlives_the_server() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let mut harness = open(vec![project(folder.path(), &server)]);
    wait(&mut harness, "opening the project", |window| {
        !window.document().layers.is_empty()
    });
    for _ in 0..10 {
        harness.step();
    }
    assert!(server.questions().is_empty(), "{:?}", server.questions());
    assert!(shows(&harness, "on the network"));
    harness.get_by_label("Connect").click();
    wait(&mut harness, "the connection", |window| {
        matches!(
            &window.document().layers[0].source,
            LayerSource::Raster { info: Some(_), .. }
        )
    });
    assert!(server.bytes_sent() > 0);
    // The server goes away: reading more is a message, and the window still takes its user's word.
    server.behave(Manner::BreaksOff);
    for _ in 0..20 {
        harness.step();
    }
    drop(server);
    for _ in 0..20 {
        harness.step();
    }
    assert_eq!(harness.state().document().layers.len(), 1);
    assert!(shows(&harness, "far away"));
}
