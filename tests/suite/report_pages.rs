//! Report pages in a real browser: whatever the width of its window, no table widens the page or loses a column. Where no
//! Chromium is installed, the test says SKIPPED.

use std::path::{Path, PathBuf};
use std::process::Command;

use terroir_scene::{Class, Grid, MapKind, MapWriter, class_color};

use crate::program::run;

/// What the page measures of itself: whether anything lies beyond its right edge, and whether each table is whole or can be
/// scrolled to its end.
const MEASURE: &str = "<script>addEventListener('load',()=>{\
const page=document.documentElement,boxes=[...document.querySelectorAll('.scroll')];\
const out=boxes.filter(b=>b.getBoundingClientRect().right>innerWidth+1||(b.scrollWidth>b.clientWidth+1&&getComputedStyle(b).overflowX!=='auto'));\
const wide=boxes.filter(b=>b.scrollWidth>b.clientWidth+1).length;\
document.title='measured '+(page.scrollWidth>innerWidth?'page too wide':'page fits')+', '+out.length+' lost, '+wide+' of '+boxes.length+' scroll';});</script>";

fn browser() -> Option<&'static str> {
    let found = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok());
    if found.is_none() {
        eprintln!("SKIPPED: no Chromium is installed to open the report in");
    }
    found
}

/// The title a page gives itself in a window of this width.
fn title_at(browser: &str, page: &Path, width: u32) -> String {
    let ran = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--virtual-time-budget=2000", "--dump-dom"])
        .arg(format!("--window-size={width},900"))
        .arg(format!("file://{}", page.display()))
        .env("HOME", page.parent().unwrap())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let title = text.split("<title>").nth(1);
    let title = title.and_then(|rest| rest.split("</title>").next());
    title.unwrap_or_else(|| panic!("{text}")).to_owned()
}

/// A map of sixteen classes with long names, against itself turned round.
fn report_of_many_classes(folder: &Path) -> PathBuf {
    const SIDE: usize = 64;
    let grid = Grid {
        width: SIDE,
        height: SIDE,
        georef: Default::default(),
    };
    let classes: Vec<Class> = (1..=16)
        .map(|id| Class {
            id,
            name: format!("Ground of the kind numbered {id}, with its varieties"),
            color: class_color(id),
        })
        .collect();
    for (name, turned) in [("map.tif", false), ("reference.tif", true)] {
        let kind = MapKind::Classes(classes.clone());
        let mut writer = MapWriter::create(&folder.join(name), &grid, kind).unwrap();
        let codes: Vec<u8> = (0..SIDE * SIDE)
            .map(|at| {
                let (col, row) = (at % SIDE, at / SIDE);
                let (a, b) = if turned { (row, col) } else { (col, row) };
                1 + ((a / 8 + b / 16) % 16) as u8
            })
            .collect();
        writer.write_bytes(grid.window(), &codes).unwrap();
        writer.finish(&Vec::new()).unwrap();
    }
    run(
        folder,
        &[
            "assess",
            "--map",
            "map.tif",
            "--reference",
            "reference.tif",
            "--kappa",
            "--out",
            "report.json",
        ],
    )
    .done();
    let page = folder.join("report.html");
    let text = std::fs::read_to_string(&page).unwrap() + MEASURE;
    std::fs::write(&page, text).unwrap();
    page
}

#[test]
fn wide_tables_fit_every_window() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let page = report_of_many_classes(folder.path());
    for width in [600, 950, 1400, 1900] {
        let title = title_at(browser, &page, width);
        assert!(title.contains("page fits, 0 lost"), "{width}: {title}");
        if width == 600 {
            assert!(!title.contains(", 0 of"), "nothing scrolls: {title}");
        }
    }
}
