//! Projects saved while something breaks: the process that saves in the fault table, and a copy of Terroir beside another.

use std::path::Path;

use terroir_scene::{
    Class, Document, Labels, Layer, LayerId, LayerSource, Raster, SceneResult, open_project,
    save_project,
};

use crate::program::sample;

/// A project of the sample with labels: of two kinds, so that an old one can be told from a new one.
///
/// # Errors
/// The sample cannot be opened, as where memory is short.
fn document(which: &str) -> SceneResult<Document> {
    let scene = sample().join("S2_2021-07-28.tif");
    let info = Raster::open(&scene)?.info().clone();
    let mut labels = Labels::new(info.grid.clone());
    labels.set_class(Class {
        id: 1,
        name: format!("{which} wheat"),
        color: [200, 180, 60],
    });
    let radius = if which == "new" { 9.0 } else { 4.0 };
    for row in 0..6 {
        let y = 10.0 + 20.0 * f64::from(row);
        labels.paint_stroke((10.0, y), (140.0, y + 5.0), radius, 1, false);
    }
    let mut document = Document {
        labels: Some(labels),
        ..Document::default()
    };
    document.add_layer(Layer {
        id: LayerId(0),
        name: which.to_owned(),
        source: LayerSource::Raster {
            path: scene,
            info: Some(info.into()),
        },
        style: None,
        visible: true,
        opacity: 1.0,
        blend: Default::default(),
        missing_color: None,
        edited_wavelengths: Vec::new(),
        attribution: None,
    });
    Ok(document)
}

/// Saves a project when the fault table starts this binary with `TERROIR_TEST_SAVES=PATH=old|new`; nothing otherwise.
#[test]
fn acts_as_the_one_who_saves() {
    let Ok(order) = std::env::var("TERROIR_TEST_SAVES") else {
        return;
    };
    let (path, which) = order.rsplit_once('=').unwrap();
    let saved = document(which).and_then(|document| save_project(&document, Path::new(path)));
    let code = match saved {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("terroir: {error}");
            1
        }
    };
    #[expect(
        clippy::disallowed_methods,
        reason = "the harness would say that the test failed, in words of its own"
    )]
    std::process::exit(code);
}

#[test]
fn what_is_saved_for_the_fault_table_opens_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.terroir");
    for which in ["old", "new"] {
        let document = document(which).unwrap();
        save_project(&document, &path).unwrap();
        assert_eq!(open_project(&path).unwrap().document, document);
    }
}
