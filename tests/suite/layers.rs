//! The layers stay layers: manifests, sources and bundled files are read and compared with the rules of ARCHITECTURE.md.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::program::repository;

const PACKAGES: [(&str, &str); 5] = [
    ("app", "terroir"),
    ("core/engine", "terroir-engine"),
    ("core/models", "terroir-models"),
    ("core/scene", "terroir-scene"),
    ("tests", "terroir-tests"),
];

/// Who may name whom inside the workspace; the tests may name everybody.
fn allowed_arrows(package: &str) -> &'static [&'static str] {
    match package {
        "terroir" => &["terroir-engine", "terroir-scene"],
        "terroir-engine" => &["terroir-models", "terroir-scene"],
        "terroir-tests" => &[
            "terroir",
            "terroir-engine",
            "terroir-models",
            "terroir-scene",
        ],
        _ => &[],
    }
}

/// Libraries that belong to one layer.
const HOMES: [(&str, &[&str]); 10] = [
    ("burn", &["terroir-models", "terroir-engine"]),
    ("burn-wgpu", &["terroir-engine"]),
    ("cubecl", &["terroir-engine"]),
    ("gdal", &["terroir-scene"]),
    ("gdal-sys", &["terroir-scene"]),
    ("proj", &["terroir-scene"]),
    ("egui", &["terroir"]),
    ("eframe", &["terroir"]),
    ("wgpu", &["terroir", "terroir-engine"]),
    ("ureq", &["terroir-engine"]),
];

fn dependencies(folder: &str) -> Vec<String> {
    let text = fs::read_to_string(repository().join(folder).join("Cargo.toml")).unwrap();
    let manifest: toml::Table = text.parse().unwrap();
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|table| table.keys().cloned())
        .collect()
}

fn sources(folder: &str) -> BTreeMap<PathBuf, String> {
    fn walk(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.insert(path.strip_prefix(repository()).unwrap().to_path_buf(), text);
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&repository().join(folder), &mut found);
    found
}

/// Whether code (not a comment) uses the crate: `wgpu::`, but not `egui_wgpu::`.
fn names_crate(source: &str, name: &str) -> bool {
    let path = format!("{name}::");
    source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .any(|line| {
            line.match_indices(&path).any(|(at, _)| {
                !line[..at].ends_with(|before: char| {
                    before.is_alphanumeric() || before == '_' || before == ':'
                })
            })
        })
}

#[test]
fn arrows_between_packages_point_down() {
    for (folder, package) in PACKAGES {
        for dependency in dependencies(folder)
            .iter()
            .filter(|name| name.starts_with("terroir"))
        {
            assert!(
                allowed_arrows(package).contains(&dependency.as_str()),
                "{package} must not depend on {dependency}"
            );
        }
    }
}

#[test]
fn libraries_stay_in_their_layer() {
    for (folder, package) in PACKAGES
        .into_iter()
        .filter(|(_, package)| *package != "terroir-tests")
    {
        for dependency in dependencies(folder) {
            if let Some((_, homes)) = HOMES.iter().find(|(name, _)| *name == dependency) {
                assert!(
                    homes.contains(&package),
                    "{package} must not depend on {dependency}"
                );
            }
        }
    }
}

#[test]
fn only_one_file_of_the_core_knows_the_gpu() {
    for (path, text) in sources("core") {
        let is_device = path.starts_with("core/engine/src")
            && path.file_stem().is_some_and(|stem| stem == "device");
        for name in ["wgpu", "burn_wgpu"] {
            assert!(
                is_device || !names_crate(&text, name),
                "{} names {name}: only device.rs may",
                path.display()
            );
        }
    }
}

#[test]
fn only_the_canvas_draws_with_the_gpu() {
    for (path, text) in sources("app/src") {
        let is_canvas = path.starts_with("app/src/canvas");
        assert!(
            is_canvas || !names_crate(&text, "wgpu"),
            "{} names wgpu: only the canvas may",
            path.display()
        );
    }
}

/// Fetches weights when the user asks for them; nothing else may reach out.
const CONNECTS: &str = "core/engine/src/download.rs";

#[test]
fn one_file_opens_network_connections() {
    for folder in ["app/src", "core"] {
        for (path, text) in sources(folder) {
            assert!(
                !text.contains("std::net"),
                "{} names std::net",
                path.display()
            );
            assert!(
                path == Path::new(CONNECTS) || !names_crate(&text, "ureq"),
                "{} names ureq: only {CONNECTS} may",
                path.display()
            );
        }
    }
    let asked: Vec<PathBuf> = sources("core")
        .into_iter()
        .filter(|(path, text)| {
            path != Path::new(CONNECTS) && text.contains("download::fetch")
                || text.contains("download::{Wanted, fetch}")
        })
        .map(|(path, _)| path)
        .collect();
    assert_eq!(
        asked,
        [PathBuf::from("core/engine/src/acquire.rs")],
        "who may ask for a download"
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    for folder in ["app/src", "core", "tests/suite"] {
        for (path, text) in sources(folder) {
            assert!(text.starts_with("//! "), "{} has no header", path.display());
        }
    }
}

#[test]
fn the_sample_is_small_and_may_be_passed_on() {
    let sample = crate::program::sample();
    let mut bytes = 0;
    for entry in fs::read_dir(&sample).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().to_lowercase();
        assert!(
            !name.contains("eobs") && !name.contains("weather"),
            "{name} is for non-commercial use only"
        );
        bytes += entry.metadata().unwrap().len();
    }
    assert!(bytes < 6_500_000, "the sample has grown to {bytes} bytes");
    let readme = fs::read_to_string(sample.join("README.md")).unwrap();
    for words in [
        "contains modified Copernicus Sentinel data 2021",
        "ESA WorldCover project",
        "CC BY 4.0",
        "public domain",
    ] {
        assert!(
            readme.contains(words),
            "the sample's README does not say {words:?}"
        );
    }
}

/// Files that may hold `unsafe`, each with its reason in its own `expect`: nearly all call GDAL or PROJ where their bindings
/// have no safe form; the rest is the memory and the loops of the networks.
const UNSAFE: [&str; 35] = [
    "core/engine/src/freed_memory.rs",
    "core/models/src/fused/convolution.rs",
    "core/models/src/fused/product.rs",
    "core/models/src/fused/tile_maps.rs",
    "core/models/src/fused/tile_panels.rs",
    "core/models/src/fused/tile_steps.rs",
    "core/models/src/fused/tiles.rs",
    "core/models/src/fused/tiles_tests.rs",
    "core/models/src/fused/written.rs",
    "core/scene/src/archive_tests.rs",
    "core/scene/src/band_classes.rs",
    "core/scene/src/cog.rs",
    "core/scene/src/complaints.rs",
    "core/scene/src/crs_catalogue.rs",
    "core/scene/src/gdal_network.rs",
    "core/scene/src/gdal_setup.rs",
    "core/scene/src/georef.rs",
    "core/scene/src/label_file.rs",
    "core/scene/src/library_data.rs",
    "core/scene/src/library_facts.rs",
    "core/scene/src/made_product.rs",
    "core/scene/src/map_geometry.rs",
    "core/scene/src/map_polygons.rs",
    "core/scene/src/overviews.rs",
    "core/scene/src/patches.rs",
    "core/scene/src/product_folder.rs",
    "core/scene/src/product_vrt.rs",
    "core/scene/src/raster_header.rs",
    "core/scene/src/raster_io.rs",
    "core/scene/src/remote.rs",
    "core/scene/src/reprojection.rs",
    "core/scene/src/series_files_tests.rs",
    "core/scene/src/shapes.rs",
    "core/scene/src/store.rs",
    "core/scene/src/vector_file.rs",
];

#[test]
fn what_is_unsafe_is_listed_and_says_why() {
    let found: Vec<PathBuf> = ["app/src", "core", "tests/suite"]
        .into_iter()
        .flat_map(sources)
        .filter(|(path, text)| {
            let is_unsafe = text.lines().any(|line| {
                let code = line.split("//").next().unwrap_or_default();
                [
                    "unsafe {",
                    "unsafe fn",
                    "unsafe extern",
                    "unsafe impl",
                    "unsafe(",
                    "unsafe trait",
                ]
                .iter()
                .any(|word| code.contains(word) && !code.contains('"'))
            });
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let says_why = [
                "expect(unsafe_code, reason = ",
                "expect( unsafe_code, reason = ",
            ]
            .iter()
            .any(|words| flat.contains(words))
                && !path.ends_with("layers.rs");
            assert_eq!(is_unsafe, says_why, "{}", path.display());
            is_unsafe
        })
        .map(|(path, _)| path)
        .collect();
    let listed: Vec<PathBuf> = UNSAFE.iter().map(PathBuf::from).collect();
    assert_eq!(found, listed);
    let manifest = fs::read_to_string(repository().join("Cargo.toml")).unwrap();
    assert!(manifest.contains("unsafe_code = \"deny\""));
}
