//! The documents and packages hold together: links lead somewhere, every page is in the book, and versions agree.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::program::repository;

/// Every Markdown file that is for readers.
fn pages() -> Vec<PathBuf> {
    let root = repository();
    let mut pages = vec![
        root.join("README.md"),
        root.join("ARCHITECTURE.md"),
        root.join("CONTRIBUTING.md"),
        root.join("packaging/README.md"),
        root.join("assets/sample/README.md"),
    ];
    for folder in ["docs", "assets/weights"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                let card = path.join("README.md");
                pages.extend(card.is_file().then_some(card));
            } else if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// Targets of `](target)` outside of code.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        if in_code || line.starts_with("    ") {
            continue;
        }
        for (at, _) in line.match_indices("](") {
            if let Some(end) = line[at + 2..].find(')') {
                found.push(line[at + 2..at + 2 + end].to_owned());
            }
        }
    }
    found
}

/// Names of a page's headings as links give them.
fn anchors(text: &str) -> BTreeSet<String> {
    text.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match path {
                "" => page.clone(),
                _ => page.parent().unwrap().join(path),
            };
            let is_there = target.exists()
                && (anchor.is_empty()
                    || anchors(&fs::read_to_string(&target).unwrap()).contains(anchor));
            if !is_there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_page_and_picture_is_in_the_book() {
    let docs = repository().join("docs");
    let contents = fs::read_to_string(docs.join("SUMMARY.md")).unwrap();
    let listed: BTreeSet<String> = links(&contents).into_iter().collect();
    let mut shown = BTreeSet::new();
    for page in pages() {
        let is_doc = page.parent() == Some(&docs);
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        if is_doc && name != "SUMMARY.md" {
            assert!(listed.contains(&name), "{name} is not in docs/SUMMARY.md");
        }
        let text = fs::read_to_string(&page).unwrap();
        let pictures = links(&text).into_iter();
        shown.extend(pictures.filter_map(|link| {
            let name = Path::new(&link).file_name()?.to_string_lossy().into_owned();
            link.contains("pictures/").then_some(name)
        }));
    }
    for entry in fs::read_dir(docs.join("pictures")).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(shown.contains(&name), "no page shows docs/pictures/{name}");
    }
}

#[test]
fn packages_carry_this_version() {
    let linux = repository().join("packaging/linux");
    let about = fs::read_to_string(linux.join("io.terroir.Terroir.metainfo.xml")).unwrap();
    let release = format!("<release version=\"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(
        about.contains(&release),
        "the newest release is not {release}"
    );
    let entry = fs::read_to_string(linux.join("io.terroir.Terroir.desktop")).unwrap();
    for line in [
        "Exec=terroir %F",
        "Icon=io.terroir.Terroir",
        "MimeType=application/x-terroir-project;image/tiff;",
    ] {
        assert!(entry.contains(line), "no {line} in the desktop entry");
    }
}
