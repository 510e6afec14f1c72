//! Moving over large rasters: what is read again and what is not, what an idle canvas does, what long browsing takes, and
//! files that vanish, break or hang while they are looked at.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use terroir::canvas::{CanvasLayer, GPU_BYTES, MEMORY_BYTES, Viewport};
use terroir_scene::{
    Layer, LayerId, Resampling, Stretch, Style, build_overviews_blocking, overviews_path,
};

use crate::canvas::{Stage, layer, write_tiff};

const NORTH_UP: [f64; 6] = [0.0, 1.0, 0.0, 0.0, 0.0, -1.0];
const PATIENCE: Duration = Duration::from_secs(60);

/// A raster of bytes with a pattern of its own in every band.
fn write_scene(folder: &Path, name: &str, side: usize, bands: usize) -> PathBuf {
    let path = folder.join(name);
    let band = |seed: usize| {
        (0..side * side)
            .map(|at| ((at % side) * (seed + 1) / 3 + (at / side) * (seed + 2) / 5) as u8)
            .collect()
    };
    let bands: Vec<Vec<u8>> = (0..bands).map(band).collect();
    write_tiff(&path, (side, side), &bands, NORTH_UP, false);
    path
}

fn rgb(bands: [usize; 3], high: f32) -> Style {
    let limits = Stretch {
        low: 0.0,
        high,
        gamma: 1.0,
    };
    Style::rgb(bands, [limits; 3])
}

fn view(center: (f64, f64), units_per_point: f64) -> Viewport {
    Viewport {
        center,
        units_per_point,
        size: (640.0, 480.0),
    }
}

/// Frames until nothing is read any more, neither for the view nor ahead of it.
fn rest(stage: &mut Stage) {
    let start = Instant::now();
    stage.harness.step();
    while !stage.harness.state().canvas.is_at_rest() {
        assert!(start.elapsed() < PATIENCE, "the canvas never came to rest");
        std::thread::sleep(Duration::from_millis(2));
        stage.harness.step();
    }
    stage.harness.step();
}

fn restyle(stage: &mut Stage, style: Style) {
    let old = stage.harness.state().layers[0].layer.clone();
    stage.harness.state_mut().layers[0].layer = Arc::new(Layer {
        style: Some(style),
        ..(*old).clone()
    });
    rest(stage);
}

#[test]
fn a_new_style_reads_only_bands_that_are_not_here() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_scene(folder.path(), "scene.tif", 1200, 5);
    let input = layer(1, &path, rgb([0, 1, 2], 255.0));
    let Some(mut stage) = Stage::new(vec![input], view((600.0, -600.0), 1.0)) else {
        return;
    };
    rest(&mut stage);
    let counts = |stage: &Stage| stage.harness.state().canvas.counts();
    let before = counts(&stage);
    assert!(before.reads.reads > 4 && before.reads.bands == 3 * before.reads.reads);
    let limits = Stretch {
        low: 0.0,
        high: 200.0,
        gamma: 1.0,
    };
    let gray = Style::gray(1, limits, "viridis");
    for style in [
        rgb([0, 1, 2], 120.0),
        rgb([2, 1, 0], 255.0),
        rgb([1, 1, 0], 255.0),
        gray,
        rgb([0, 1, 2], 255.0),
    ] {
        restyle(&mut stage, style.clone());
        let after = counts(&stage);
        assert_eq!(after.reads, before.reads, "{style:?}");
        assert!(after.style_passes > before.style_passes);
    }
    // One band of three is new: each read brings that one alone.
    restyle(&mut stage, rgb([4, 1, 0], 255.0));
    let after = counts(&stage);
    let (reads, bands) = (
        after.reads.reads - before.reads.reads,
        after.reads.bands - before.reads.bands,
    );
    assert!(
        reads > 4 && bands == reads,
        "{reads} reads of {bands} bands"
    );
}

/// A raster of bytes that is a small one drawn large: many blocks and no overviews, at little cost.
fn write_large(folder: &Path, name: &str, side: usize, bands: usize, is_signed: bool) -> PathBuf {
    let small = format!("small_{name}.tif");
    let band = |seed: usize| {
        (0..64 * 64)
            .map(|at| ((at % 64) * (seed % 3 + 1) + (at / 64) * (seed % 2) + 20 * (seed % 4)) as u8)
            .collect()
    };
    let made: Vec<Vec<u8>> = (0..bands).map(band).collect();
    write_tiff(&folder.join(&small), (64, 64), &made, NORTH_UP, is_signed);
    let kind = if is_signed {
        "<Metadata domain=\"IMAGE_STRUCTURE\"><MDI key=\"PIXELTYPE\">SIGNEDBYTE</MDI></Metadata>"
    } else {
        ""
    };
    let band = |number: usize| {
        format!(
            "<VRTRasterBand dataType=\"Byte\" band=\"{number}\">{kind}<SimpleSource>\
             <SourceFilename relativeToVRT=\"1\">{small}</SourceFilename><SourceBand>{number}</SourceBand>\
             <SrcRect xOff=\"0\" yOff=\"0\" xSize=\"64\" ySize=\"64\"/>\
             <DstRect xOff=\"0\" yOff=\"0\" xSize=\"{side}\" ySize=\"{side}\"/></SimpleSource></VRTRasterBand>"
        )
    };
    let bands: String = (1..=bands).map(band).collect();
    let path = folder.join(name);
    let transform = "0, 1, 0, 0, 0, -1";
    let text = format!(
        "<VRTDataset rasterXSize=\"{side}\" rasterYSize=\"{side}\"><GeoTransform>{transform}</GeoTransform>{bands}</VRTDataset>"
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn fields_and_derived_channels_without_overviews_show_a_sample_first() {
    let folder = tempfile::tempdir().unwrap();
    let field = write_large(folder.path(), "field.vrt", 2048, 64, true);
    let bands = write_large(folder.path(), "bands.vrt", 12_288, 2, false);
    let info = terroir_scene::Raster::open(&bands).unwrap().info().clone();
    let limits = Stretch {
        low: -1.0,
        high: 1.0,
        gamma: 1.0,
    };
    let derived = |derivation| Style::Derived {
        derivation,
        stretch: limits,
        ramp: terroir_scene::RampChoice::from("viridis"),
        look: terroir_scene::Look::default(),
    };
    let index = terroir_scene::Derivation::formula("", "(b1 - b2) / (b1 + b2)", &info.bands);
    let shade = terroir_scene::Derivation::Hillshade(terroir_scene::Hillshade::of_band(0));
    let basis = terroir_scene::fit_pca_blocking(&terroir_scene::Raster::open(&field).unwrap());
    for (path, side, style) in [
        (&field, 2048.0, Style::pca(basis.unwrap())),
        (&bands, 12_288.0, derived(index.unwrap())),
        (&bands, 12_288.0, derived(shade)),
    ] {
        let view = view((side / 2.0, -side / 2.0), side / 200.0);
        let Some(mut stage) = Stage::new(vec![layer(1, path, style.clone())], view) else {
            return;
        };
        let start = Instant::now();
        let mut steps = vec![false];
        loop {
            stage.harness.step();
            let canvas = &stage.harness.state().canvas;
            let is_coarse = !canvas.coarse_layers().is_empty();
            if canvas.is_covered() && steps.last() != Some(&is_coarse) {
                steps.push(is_coarse);
            }
            if canvas.is_at_rest() && steps.len() > 1 && !is_coarse {
                break;
            }
            assert!(start.elapsed() < PATIENCE, "{}: {steps:?}", path.display());
            std::thread::sleep(Duration::from_millis(2));
        }
        assert_eq!(
            steps,
            [false, true, false],
            "a sample, then all of it: {}",
            path.display()
        );
    }
}

#[test]
fn moving_over_what_is_here_reads_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_scene(folder.path(), "scene.tif", 3000, 3);
    let input = layer(1, &path, rgb([0, 1, 2], 255.0));
    let Some(mut stage) = Stage::new(vec![input], view((1500.0, -1500.0), 1.0)) else {
        return;
    };
    rest(&mut stage);
    let counts = |stage: &Stage| stage.harness.state().canvas.counts();
    // The neighbours came ahead, so a step to any side finds its tiles here.
    for (right, down) in [(200.0, 0.0), (-150.0, 120.0), (0.0, -180.0)] {
        let reads = counts(&stage).reads;
        let mut moved = view((1500.0 + right, -1500.0 + down), 1.0);
        moved.size = stage.harness.state().canvas.viewport().size;
        stage.harness.state_mut().canvas.set_viewport(moved);
        stage.harness.step();
        assert!(
            !stage.harness.state().canvas.is_loading(),
            "{right}, {down}: tiles of the view were not here"
        );
        // What is read now is farther ahead.
        rest(&mut stage);
        assert!(counts(&stage).reads.reads >= reads.reads);
    }
    // Zooming within two levels and back, over the same ground: everything is here.
    let mut seen = Vec::new();
    for units in [1.0, 1.4, 2.0, 1.0, 0.5, 1.0, 2.0] {
        let mut zoomed = view((1500.0, -1500.0), units);
        zoomed.size = stage.harness.state().canvas.viewport().size;
        stage.harness.state_mut().canvas.set_viewport(zoomed);
        rest(&mut stage);
        seen.push(counts(&stage).reads);
    }
    assert_eq!(seen[3..6], [seen[2]; 3], "{seen:?}");
    assert_eq!(seen[6], seen[2]);
}

#[test]
fn an_idle_canvas_neither_reads_nor_wakes() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_scene(folder.path(), "scene.tif", 2000, 3);
    let input = layer(1, &path, rgb([0, 1, 2], 255.0));
    let wakes = Arc::new(AtomicUsize::new(0));
    let wake = {
        let wakes = Arc::clone(&wakes);
        Arc::new(move |_| {
            wakes.fetch_add(1, Ordering::SeqCst);
        })
    };
    let Some(mut stage) = Stage::woken(vec![input], view((1000.0, -1000.0), 2.0), wake) else {
        return;
    };
    rest(&mut stage);
    stage.harness.step();
    let (woken, counts) = (
        wakes.load(Ordering::SeqCst),
        stage.harness.state().canvas.counts(),
    );
    assert!(woken > 0);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(
        wakes.load(Ordering::SeqCst),
        woken,
        "readers work for nobody"
    );
    let delay = stage
        .harness
        .output()
        .viewport_output
        .values()
        .map(|output| output.repaint_delay)
        .min()
        .unwrap();
    assert_eq!(delay, Duration::MAX, "the canvas asks for frames at rest");
    // A frame for another reason does nothing but draw.
    stage.harness.step();
    let after = stage.harness.state().canvas.counts();
    assert_eq!(
        (after.reads, after.uploads, after.style_passes),
        (counts.reads, counts.uploads, counts.style_passes)
    );
}

/// A fixed sequence that looks random.
struct Dice(u64);

impl Dice {
    fn share(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

#[test]
fn two_thousand_views_over_four_layers_stay_within_the_budgets() {
    let folder = tempfile::tempdir().unwrap();
    let layers: Vec<CanvasLayer> = (0..4)
        .map(|index| {
            let path = write_scene(folder.path(), &format!("{index}.tif"), 3500, 3);
            let mut input = layer(index + 1, &path, rgb([0, 1, 2], 255.0));
            input.layer = Arc::new(Layer {
                opacity: 0.6,
                ..(*input.layer).clone()
            });
            input
        })
        .collect();
    let Some(mut stage) = Stage::new(layers, view((1750.0, -1750.0), 8.0)) else {
        return;
    };
    rest(&mut stage);
    let size = stage.harness.state().canvas.viewport().size;
    let mut dice = Dice(7);
    let (mut most_memory, mut most_gpu) = (0, 0);
    for step in 0..2000 {
        let units = 0.25 * 2f64.powf(6.0 * dice.share());
        let center = (3500.0 * dice.share(), -3500.0 * dice.share());
        let moved = Viewport {
            center,
            units_per_point: units,
            size,
        };
        stage.harness.state_mut().canvas.set_viewport(moved);
        stage.harness.step();
        // Now and then the hand rests and the tiles come.
        if step % 10 == 0 {
            stage.settle();
        }
        let counts = stage.harness.state().canvas.counts();
        most_memory = most_memory.max(counts.memory_bytes);
        most_gpu = most_gpu.max(counts.gpu_bytes);
        assert!(
            counts.memory_bytes <= MEMORY_BYTES && counts.gpu_bytes <= GPU_BYTES,
            "view {step}: {} bytes in memory, {} on the GPU",
            counts.memory_bytes,
            counts.gpu_bytes
        );
    }
    rest(&mut stage);
    let counts = stage.harness.state().canvas.counts();
    assert!(stage.harness.state().canvas.layer_errors().is_empty());
    // More was read than fits, so something was let go on the way.
    assert!(
        counts.reads.bytes > MEMORY_BYTES as u64,
        "only {} bytes read",
        counts.reads.bytes
    );
    eprintln!(
        "most in memory {} MiB, most on the GPU {} MiB, {} reads of {} MiB",
        most_memory >> 20,
        most_gpu >> 20,
        counts.reads.reads,
        counts.reads.bytes >> 20
    );
}

#[test]
fn a_file_cut_off_while_it_is_looked_at_is_named_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let broken = write_scene(folder.path(), "broken.tif", 2000, 3);
    let whole = write_scene(folder.path(), "whole.tif", 2000, 3);
    let layers = vec![
        layer(1, &broken, rgb([0, 1, 2], 255.0)),
        layer(2, &whole, rgb([0, 1, 2], 255.0)),
    ];
    let Some(mut stage) = Stage::new(layers, view((300.0, -300.0), 0.5)) else {
        return;
    };
    rest(&mut stage);
    assert!(stage.harness.state().canvas.layer_errors().is_empty());
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(&broken)
        .unwrap();
    file.set_len(3000).unwrap();
    // What GDAL holds of it would last a while; reading it again (F5) meets what is there now.
    stage.harness.state_mut().canvas.invalidate(&broken);
    let size = stage.harness.state().canvas.viewport().size;
    let mut moved = view((1600.0, -1600.0), 0.5);
    moved.size = size;
    stage.harness.state_mut().canvas.set_viewport(moved);
    rest(&mut stage);
    let errors = stage.harness.state().canvas.layer_errors();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(
        errors[0].0 == LayerId(1) && errors[0].1.contains("broken.tif"),
        "{errors:?}"
    );
    let value = |stage: &Stage, id: u64| {
        let canvas = &stage.harness.state().canvas;
        canvas
            .value_at(LayerId(id), (1600.5, -1600.5))
            .unwrap()
            .values
    };
    assert!(!value(&stage, 2).is_empty(), "the whole file is not drawn");
    assert!(value(&stage, 1).is_empty());

    // Gone altogether: the same words, no panic, and back again when it is back.
    std::fs::remove_file(&broken).unwrap();
    stage.harness.state_mut().canvas.invalidate(&broken);
    rest(&mut stage);
    let errors = stage.harness.state().canvas.layer_errors();
    assert!(errors[0].1.contains("no such file"), "{errors:?}");
    write_scene(folder.path(), "broken.tif", 2000, 3);
    stage.harness.state_mut().canvas.invalidate(&broken);
    rest(&mut stage);
    assert!(stage.harness.state().canvas.layer_errors().is_empty());
    assert!(!value(&stage, 1).is_empty());
}

#[test]
fn overviews_cut_off_are_blamed_and_can_be_built_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = write_scene(folder.path(), "scene.tif", 3000, 3);
    let build = || build_overviews_blocking(&path, Some(Resampling::Average), &mut |_| true);
    build().unwrap();
    let beside = overviews_path(&path);
    // The directories stand at the front, so the file still opens.
    let bytes = std::fs::read(&beside).unwrap();
    let input = layer(1, &path, rgb([0, 1, 2], 255.0));
    std::fs::write(&beside, &bytes[..bytes.len() / 3]).unwrap();
    let Some(mut stage) = Stage::new(vec![input], view((1500.0, -1500.0), 4.0)) else {
        return;
    };
    rest(&mut stage);
    let errors = stage.harness.state().canvas.layer_errors();
    assert!(
        errors.len() == 1 && errors[0].1.contains("scene.tif.ovr"),
        "{errors:?}"
    );
    // The pixels themselves are whole.
    let mut near = view((1500.0, -1500.0), 0.5);
    near.size = stage.harness.state().canvas.viewport().size;
    stage.harness.state_mut().canvas.set_viewport(near);
    rest(&mut stage);
    let pixel = stage
        .harness
        .state()
        .canvas
        .value_at(LayerId(1), (1500.5, -1500.5));
    assert!(!pixel.unwrap().values.is_empty());

    build().unwrap();
    stage.harness.state_mut().canvas.invalidate(&path);
    let mut far = view((1500.0, -1500.0), 4.0);
    far.size = stage.harness.state().canvas.viewport().size;
    stage.harness.state_mut().canvas.set_viewport(far);
    rest(&mut stage);
    assert!(stage.harness.state().canvas.layer_errors().is_empty());
}

// -- a server that stops answering

/// Serves one file in ranges, until told to stall: then it takes requests and never answers.
struct Server {
    port: u16,
    stalls: Arc<AtomicBool>,
    /// Requests left without an answer.
    held: Arc<AtomicUsize>,
}

impl Server {
    fn start(bytes: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let stalls = Arc::new(AtomicBool::new(false));
        let held = Arc::new(AtomicUsize::new(0));
        let server = Self {
            port,
            stalls: Arc::clone(&stalls),
            held: Arc::clone(&held),
        };
        let bytes = Arc::new(bytes);
        named("server", move || {
            for stream in listener.incoming().flatten() {
                let (bytes, stalls, held) = (bytes.clone(), stalls.clone(), held.clone());
                named("answer", move || answer(stream, &bytes, &stalls, &held));
            }
        });
        server
    }
}

fn named(name: &str, work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(work).unwrap();
}

fn answer(mut stream: TcpStream, bytes: &[u8], stalls: &AtomicBool, held: &AtomicUsize) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while !request.windows(4).any(|four| four == b"\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(count) if count > 0 => request.extend_from_slice(&buffer[..count]),
                _ => return,
            }
        }
        let text = String::from_utf8_lossy(&std::mem::take(&mut request)).into_owned();
        if stalls.load(Ordering::SeqCst) {
            held.fetch_add(1, Ordering::SeqCst);
            // Until the other side gives up.
            while matches!(stream.read(&mut buffer), Ok(count) if count > 0) {}
            return;
        }
        let range = text.lines().find_map(|line| {
            let (from, to) = line
                .to_lowercase()
                .strip_prefix("range: bytes=")?
                .trim()
                .split_once('-')
                .map(|(from, to)| (from.to_owned(), to.to_owned()))?;
            let from: usize = from.parse().ok()?;
            let to: usize = to.parse().unwrap_or(bytes.len() - 1);
            Some((from.min(bytes.len() - 1), to.min(bytes.len() - 1)))
        });
        let is_found = text.contains("/scene.tif ");
        let head = match (is_found, range) {
            (false, _) => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
            (true, Some((from, to))) => format!(
                "HTTP/1.1 206 Partial Content\r\nAccept-Ranges: bytes\r\nContent-Range: bytes {from}-{to}/{}\r\n\
                 Content-Length: {}\r\n\r\n",
                bytes.len(),
                to + 1 - from
            ),
            (true, None) => format!(
                "HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nContent-Length: {}\r\n\r\n",
                bytes.len()
            ),
        };
        let mut reply = head.into_bytes();
        if is_found && !text.starts_with("HEAD") {
            let (from, to) = range.unwrap_or((0, bytes.len() - 1));
            reply.extend_from_slice(&bytes[from..=to]);
        }
        if stream.write_all(&reply).is_err() {
            return;
        }
    }
}

/// Looks at a remote layer that stalls and a local one; runs in a process of its own, because whether GDAL may use the
/// network is decided once a process.
#[test]
fn acts_as_a_canvas_over_a_network() {
    if std::env::var_os("TERROIR_TEST_STALL").is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let local = write_scene(folder.path(), "local.tif", 3000, 3);
    let remote = write_scene(folder.path(), "scene.tif", 3000, 3);
    let server = Server::start(std::fs::read(remote).unwrap());
    let url = PathBuf::from(format!(
        "/vsicurl/http://127.0.0.1:{}/scene.tif",
        server.port
    ));
    let layers = vec![
        layer(1, &local, rgb([0, 1, 2], 255.0)),
        layer(2, &url, rgb([0, 1, 2], 255.0)),
    ];
    // The remote file answered so far: its header is known. From now on it says nothing.
    server.stalls.store(true, Ordering::SeqCst);
    let Some(mut stage) = Stage::new(layers, view((500.0, -500.0), 1.0)) else {
        eprintln!("NO ADAPTER");
        return;
    };
    let start = Instant::now();
    let canvas = |stage: &Stage| stage.harness.state().canvas.counts().reads.reads;
    while canvas(&stage) < 6 || server.held.load(Ordering::SeqCst) == 0 {
        assert!(
            start.elapsed() < PATIENCE,
            "the local layer waits for the remote one"
        );
        stage.harness.step();
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(stage.harness.state().canvas.is_loading());
    let shown = |stage: &Stage| {
        let found = stage
            .harness
            .state()
            .canvas
            .value_at(LayerId(1), (500.5, -500.5));
        found.is_some_and(|pixel| !pixel.values.is_empty())
    };
    assert!(shown(&stage));
    // Moving on, the local layer keeps coming while the remote one hangs.
    let before = canvas(&stage);
    let mut moved = view((2200.0, -2300.0), 1.0);
    moved.size = stage.harness.state().canvas.viewport().size;
    stage.harness.state_mut().canvas.set_viewport(moved);
    while canvas(&stage) < before + 4 {
        assert!(start.elapsed() < PATIENCE, "the local layer stopped");
        stage.harness.step();
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(stage);
    eprintln!("WENT ON");
}

#[test]
fn a_server_that_stalls_holds_up_nothing_else() {
    let mut child = std::process::Command::new(std::env::current_exe().unwrap())
        .args([
            "motion::acts_as_a_canvas_over_a_network",
            "--exact",
            "--nocapture",
            "--test-threads=2",
        ])
        .env("TERROIR_TEST_STALL", "1")
        .env("TERROIR_NETWORK", "1")
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if start.elapsed() > 3 * PATIENCE {
            child.kill().ok();
            panic!("the process never ended");
        }
        std::thread::sleep(Duration::from_millis(50));
    };
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    if said.contains("NO ADAPTER") {
        return;
    }
    assert!(
        status.success() && said.contains("WENT ON"),
        "{status:?} {said}"
    );
}

fn status_mib(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(what));
    line.and_then(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok())
        .unwrap_or(0)
        >> 10
}

/// Prints how long the first picture of `TERROIR_BIG` takes and what browsing it needs in memory.
#[test]
#[ignore = "a measurement, not a check"]
fn a_large_file_is_opened_and_browsed() {
    let Some(path) = std::env::var_os("TERROIR_BIG").map(PathBuf::from) else {
        eprintln!("SKIPPED: TERROIR_BIG names no raster");
        return;
    };
    let whole = Viewport {
        center: (0.0, 0.0),
        units_per_point: 1.0,
        size: (1920.0, 1080.0),
    };
    let Some(mut stage) = Stage::new(Vec::new(), whole) else {
        return;
    };
    stage.settle();
    let empty = status_mib("VmRSS");
    let start = Instant::now();
    let raster = terroir_scene::Raster::open(&path).unwrap();
    let opened = start.elapsed();
    let style = terroir_scene::default_style_blocking(&raster).unwrap();
    let styled = start.elapsed();
    drop(raster);
    let input = layer(1, &path, style);
    let extent = stage
        .harness
        .state()
        .canvas
        .layer_extent(&input.layer, None);
    stage.harness.state_mut().layers = vec![input];
    stage.harness.state_mut().canvas.zoom_to(extent.unwrap());
    let step_until = |stage: &mut Stage, done: &dyn Fn(&Stage) -> bool| {
        while !done(stage) && start.elapsed() < Duration::from_secs(180) {
            stage.harness.step();
            std::thread::sleep(Duration::from_millis(2));
        }
        start.elapsed()
    };
    let covered = step_until(&mut stage, &|stage| {
        stage.harness.state().canvas.is_covered()
    });
    let loaded = step_until(&mut stage, &|stage| {
        !stage.harness.state().canvas.is_loading()
    });
    let finest = step_until(&mut stage, &|stage| {
        let canvas = &stage.harness.state().canvas;
        !canvas.is_loading() && !canvas.is_refining()
    });
    eprintln!(
        "opened {opened:?}, styled {styled:?}, covered {covered:?}, all tiles {loaded:?}, as fine as it gets {finest:?}"
    );
    eprintln!("empty {empty} MiB, now {} MiB", status_mib("VmRSS"));
    let start_view = *stage.harness.state().canvas.viewport();
    let extent = extent.unwrap();
    let mut dice = Dice(3);
    for step in 0..60 {
        let share = (dice.share(), dice.share());
        let moved = Viewport {
            center: (
                extent.min_x + share.0 * (extent.max_x - extent.min_x),
                extent.min_y + share.1 * (extent.max_y - extent.min_y),
            ),
            units_per_point: start_view.units_per_point / 2f64.powf(6.0 * dice.share()),
            ..start_view
        };
        stage.harness.state_mut().canvas.set_viewport(moved);
        let until = Instant::now() + Duration::from_millis(500);
        while Instant::now() < until {
            stage.harness.step();
            std::thread::sleep(Duration::from_millis(5));
        }
        if step % 20 == 19 {
            let counts = stage.harness.state().canvas.counts();
            eprintln!(
                "view {step}: {} MiB resident, {counts:?}",
                status_mib("VmRSS")
            );
        }
    }
    eprintln!(
        "peak {} MiB, {} MiB above the empty canvas",
        status_mib("VmHWM"),
        status_mib("VmHWM") - empty
    );
}
