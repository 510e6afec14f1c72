//! Real sessions with a real pointer and real keys: a crop map from the first stroke to the checked file, and a window that is
//! killed while its user paints, which may cost the stroke under way and nothing else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use terroir_scene::{LABEL_BLOCK, Labels, Raster, Resampling, restore_work};

use crate::real_window::{RealWindow, Server};

/// Where strokes are drawn: rows of the screen far enough from each other to be told apart.
const LEFT: i32 = 520;
const TOP: i32 = 260;
const APART: i32 = 60;
/// What message strips may push the map down by between two starts.
const STRIPS: i32 = 110;

/// Journals of unsaved work below a test's folder.
fn journals(folder: &Path) -> Vec<PathBuf> {
    let root = folder.join("XDG_DATA_HOME/terroir/recovery");
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().join("work.journal"))
        .filter(|path| path.is_file())
        .collect()
}

fn labels_in(journal: &Path) -> Option<Labels> {
    restore_work(journal).ok()?.project.document.labels
}

/// Strokes, counted as groups of rows with a painted pixel.
fn strokes(labels: &Labels) -> usize {
    let mut rows = std::collections::BTreeSet::new();
    for ((_, row), block) in &labels.blocks {
        for (at, _) in block.iter().enumerate().filter(|(_, id)| **id != 0) {
            rows.insert(*row as usize * LABEL_BLOCK + at / LABEL_BLOCK);
        }
    }
    let rows: Vec<usize> = rows.into_iter().collect();
    rows.chunk_by(|a, b| a + 1 == *b).count()
}

#[test]
fn a_window_killed_while_painting_loses_the_stroke_under_way_at_most() {
    let folder = TempDir::new().unwrap();
    let Some(server) = Server::start(folder.path(), "the killed window") else {
        return;
    };
    let mut window = RealWindow::open(folder.path(), &server);
    let mut painted = 0;
    for (round, (count, wait_ms)) in [(3, 35), (2, 170)].into_iter().enumerate() {
        window.key("p");
        // A slow frame may hold the key and the stroke together, and the stroke would still be the tool's before.
        std::thread::sleep(Duration::from_secs(2));
        for stroke in 0..count {
            let y = TOP + APART * (painted + stroke) + STRIPS * round as i32;
            window.drag((LEFT, y), (LEFT + 120, y));
            let wanted = (painted + stroke + 1) as usize;
            window.wait("the stroke in the journal", |_| {
                journals(folder.path())
                    .iter()
                    .filter_map(|journal| labels_in(journal))
                    .any(|labels| strokes(&labels) >= wanted)
            });
        }
        painted += count;
        // Killed in the middle of one more.
        let y = TOP + APART * painted + STRIPS * round as i32;
        window.press((LEFT, y));
        window.xdotool(&["mousemove", &(LEFT + 60).to_string(), &y.to_string()]);
        std::thread::sleep(Duration::from_millis(wait_ms));
        window.kill();

        let left = journals(folder.path());
        assert_eq!(left.len(), 1, "round {round}: {left:?}");
        let labels = labels_in(&left[0]).unwrap();
        assert_eq!(strokes(&labels), painted as usize, "round {round}");

        // The next start offers it back, keeps it as its own, and lets go of the old.
        window = RealWindow::open(folder.path(), &server);
        window.keep("killed_offer.png");
        window.key("ctrl+k");
        window.type_text("recover unsaved");
        window.key("Return");
        window.wait("the recovered work in the new journal", |_| {
            let now = journals(folder.path());
            now.len() == 1
                && now[0] != left[0]
                && labels_in(&now[0]).is_some_and(|own| own == labels)
        });
        window.keep("killed_recovered.png");
    }
    window.kill();
}

#[test]
fn a_crop_map_is_made_with_pointer_and_keys_alone() {
    let folder = TempDir::new().unwrap();
    let Some(server) = Server::start(folder.path(), "the session of a crop map") else {
        return;
    };
    let mut window = RealWindow::open(folder.path(), &server);
    window.key("p");
    std::thread::sleep(Duration::from_secs(2));
    for class in 0..2 {
        window.key(&format!("alt+{}", class + 1));
        std::thread::sleep(Duration::from_secs(1));
        for stroke in 0..2 {
            let y = TOP + APART * (3 * class + stroke);
            window.drag((LEFT, y), (LEFT + 150, y));
        }
    }
    let mut counts = Vec::new();
    window.wait("strokes of two classes", |_| {
        let labels = journals(folder.path())
            .first()
            .and_then(|path| labels_in(path));
        counts = labels.iter().flat_map(Labels::counts).collect();
        counts.iter().filter(|(_, pixels)| *pixels > 50).count() == 2
    });
    // The live map follows within seconds. Export offers it first, and Enter is its button.
    std::thread::sleep(Duration::from_secs(8));
    window.key("ctrl+e");
    std::thread::sleep(Duration::from_secs(1));
    window.keep("session_export.png");
    window.key("Return");
    let mut out = PathBuf::new();
    window.wait("the map", |window| {
        let files = std::fs::read_dir(folder.path()).unwrap().flatten();
        let maps = files.map(|entry| entry.path()).find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.ends_with("_map.tif")
        });
        window.keep("session_after.png");
        out = maps.unwrap_or_default();
        out.is_file()
    });
    let map = Raster::open(&out).unwrap();
    let whole = map.info().grid.window();
    let block = map
        .read_blocking(&[0], whole, whole.width, whole.height, Resampling::Nearest)
        .unwrap();
    let share = |id: &u8| {
        let pixels = block
            .values
            .iter()
            .filter(|value| **value == f32::from(*id));
        pixels.count() as f64 / block.values.len() as f64
    };
    let painted: Vec<u8> = counts
        .iter()
        .filter(|(_, pixels)| *pixels > 50)
        .map(|(id, _)| *id)
        .collect();
    let shares: Vec<f64> = painted.iter().map(share).collect();
    assert!(
        shares.iter().all(|share| *share > 0.01) && shares.iter().sum::<f64>() > 0.9,
        "{shares:?}"
    );
    // What is not saved would be asked about.
    window.kill();
}
