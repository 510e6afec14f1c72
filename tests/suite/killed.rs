//! A real window that is killed while its user paints, which may cost the stroke under way and nothing else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use terroir_scene::{LABEL_BLOCK, Labels, restore_work};

use crate::real_window::{RealWindow, Server};

/// Where strokes are drawn: rows of the screen far enough from each other to be told apart.
pub(crate) const LEFT: i32 = 520;
pub(crate) const TOP: i32 = 260;
pub(crate) const APART: i32 = 60;
/// What message strips may push the map down by between two starts.
const STRIPS: i32 = 110;

/// Journals of unsaved work below a test's folder.
pub(crate) fn journals(folder: &Path) -> Vec<PathBuf> {
    let root = folder.join("XDG_DATA_HOME/terroir/recovery");
    let entries = std::fs::read_dir(root).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path().join("work.journal"))
        .filter(|path| path.is_file())
        .collect()
}

pub(crate) fn labels_in(journal: &Path) -> Option<Labels> {
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
        // A slow frame would give the first letters to the window below.
        std::thread::sleep(Duration::from_secs(2));
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
