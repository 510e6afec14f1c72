//! A map does not depend on how the scene is cut, and is what the model says.

use burn::tensor::{Device, Tensor, TensorData};
use terroir_models::{DofaConfig, HeadShape, TunedModel, resize_map};
use terroir_scene::{Class, MapWriter, Resampling};

use super::mapper::blending;
use super::*;
use crate::dense::Geometry;
use crate::finetune::TuneMode;
use crate::inputs::{InputBand, Region};
use crate::{JobId, JobSpec};

const WAVELENGTHS_UM: [f32; 2] = [0.665, 0.842];
const WINDOW: usize = 16;

#[test]
fn weights_are_even_and_never_zero() {
    for (window, overlap) in [(56, 14), (20, 15), (3, 0), (2, 1)] {
        let weights = blending(window, overlap);
        assert!(weights.iter().all(|w| *w > 0.0 && *w <= 1.0), "{weights:?}");
        assert!(
            weights
                .iter()
                .zip(weights.iter().rev())
                .all(|(a, b)| a == b)
        );
    }
}

fn value(band: usize, col: usize, row: usize) -> f32 {
    ((band + 1) as f32 * col as f32 * 0.37).sin() + (row as f32 * 0.23).cos()
}

fn write_scene(path: &Path, width: usize, height: usize) {
    let grid = Grid {
        width,
        height,
        georef: Default::default(),
    };
    let kind = MapKind::Continuous {
        bands: vec![
            ("red".to_owned(), String::new()),
            ("nir".to_owned(), String::new()),
        ],
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(path, &grid, kind).unwrap();
    let values: Vec<f32> = (0..2 * width * height)
        .map(|at| {
            let (band, pixel) = (at / (width * height), at % (width * height));
            let (col, row) = (pixel % width, pixel / width);
            // A hole.
            match (30..34).contains(&col) && row < 3 {
                true => f32::NAN,
                false => value(band, col, row),
            }
        })
        .collect();
    writer.write_floats(grid.window(), &values).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

/// An untrained model of three classes, or of a value.
fn model(path: &Path, head: HeadShape, task: TuneTask) -> TunedModel {
    let config = DofaConfig {
        image: 32,
        patch: 8,
        width: 32,
        depth: 2,
        heads: 2,
        layer_scale: false,
    };
    let device = Device::flex();
    let classes: Vec<Class> = match task {
        TuneTask::Values => Vec::new(),
        _ => [3, 5, 9]
            .map(|id| Class {
                id,
                name: format!("class {id}"),
                color: [id; 3],
            })
            .to_vec(),
    };
    let outputs = classes.len().max(1);
    let model = TunedModel::new(config.init(1, &device), head, outputs, 1, &device);
    let band = |band: usize, name: &str| InputBand {
        band,
        name: name.to_owned(),
        wavelength_nm: 1000.0 * f64::from(WAVELENGTHS_UM[band]),
        scale: 1.0,
        offset: 0.0,
        mean: 0.1,
        std: 0.8,
    };
    let spec = MapSceneSpec {
        scene: "s".into(),
        model_file: "m".into(),
        device: "cpu".into(),
        out: "o".into(),
        wavelengths_nm: Vec::new(),
        aoi: None,
    };
    let about = TunedAbout {
        task,
        mode: TuneMode::Probe,
        classes,
        value_name: "height".to_owned(),
        value_scale: (10.0, 2.0),
        bands: vec![band(0, "red"), band(1, "nir")],
        wavelengths_um: WAVELENGTHS_UM.to_vec(),
        window_px: WINDOW,
        encoder: "small".to_owned(),
        was_pretrained: false,
        labels: serde_json::Value::Null,
        accuracy: serde_json::Value::Null,
        steps: 0,
        job: JobSpec::MapScene(spec),
        device: "cpu".to_owned(),
        version: "test".to_owned(),
    };
    model
        .save(path, &serde_json::to_value(about).unwrap())
        .unwrap();
    model
}

fn spec(folder: &Path) -> MapSceneSpec {
    MapSceneSpec {
        scene: folder.join("scene.tif"),
        model_file: folder.join("m.safetensors"),
        device: "cpu".to_owned(),
        out: folder.join("map.tif"),
        wavelengths_nm: vec![(0, 665.0), (1, 842.0)],
        aoi: None,
    }
}

/// Maps the scene of a folder in blocks of that side; what [`values_of`] says of it.
fn map(folder: &Path, side: Option<usize>) -> Vec<f32> {
    let spec = spec(folder);
    let mut ignore = |_| {};
    let monitor = Monitor::new(JobId(0), &|| None, &mut ignore);
    map_in_blocks(&spec, Share::WHOLE, side, &monitor).unwrap();
    assert!(!folder_of(&spec.out).exists());
    values_of(&spec)
}

/// Values of the map and of its confidence, if it has one, and what is no data as -1.
fn values_of(spec: &MapSceneSpec) -> Vec<f32> {
    let mut values = Vec::new();
    for path in [spec.out.clone(), confidence_path(&spec.out)] {
        if !path.exists() {
            continue;
        }
        let raster = Raster::open(&path).unwrap();
        let grid = raster.info().grid.clone();
        let block = raster
            .read_blocking(
                &[0],
                grid.window(),
                grid.width,
                grid.height,
                Resampling::Nearest,
            )
            .unwrap();
        let cells = block.values.iter().zip(&block.valid);
        values.extend(cells.map(|(value, valid)| if *valid { *value } else { -1.0 }));
    }
    values
}

#[test]
fn a_scene_in_blocks_equals_a_scene_whole() {
    for (head, task) in [
        (HeadShape::Pixels, TuneTask::Pixels),
        (HeadShape::PixelProbe, TuneTask::Values),
        (HeadShape::Patch, TuneTask::Patches),
    ] {
        let folder = tempfile::tempdir().unwrap();
        write_scene(&folder.path().join("scene.tif"), 45, 37);
        model(&folder.path().join("m.safetensors"), head, task);
        let whole = map(folder.path(), Some(1000));
        assert_eq!(whole[31], -1.0, "the hole has a class");
        assert!(whole.iter().filter(|value| **value >= 0.0).count() > 45 * 37 - 20);
        for side in [11, 16] {
            let tiled = map(folder.path(), Some(side));
            assert!(tiled == whole, "{task:?}: blocks of {side} show");
        }
        assert!(map(folder.path(), None) == whole);
    }
}

#[test]
fn a_scene_of_one_window_is_what_the_model_says() {
    let folder = tempfile::tempdir().unwrap();
    write_scene(&folder.path().join("scene.tif"), WINDOW, WINDOW);
    let file = folder.path().join("m.safetensors");
    let model = model(&file, HeadShape::PixelProbe, TuneTask::Values);
    let found = map(folder.path(), None);

    let geometry = Geometry::with_window(&model.config().encoder, WINDOW);
    let window = Window {
        col: 0,
        row: 0,
        width: WINDOW,
        height: WINDOW,
    };
    let normal = |value: f32| {
        let clip = crate::inputs::CLIP;
        clip * ((value - 0.1) / 0.8 / clip).tanh()
    };
    let planes = (0..2 * WINDOW * WINDOW).map(|at| {
        let (band, pixel) = (at / (WINDOW * WINDOW), at % (WINDOW * WINDOW));
        normal(value(band, pixel % WINDOW, pixel / WINDOW))
    });
    let region = Region {
        window,
        values: planes.collect(),
        valid: vec![true; WINDOW * WINDOW],
    };
    let mut image = Vec::new();
    geometry.image_of(&region, window, 2, &mut image);
    let side = geometry.image;
    let data = TensorData::new(image, [1, 2, side, side]);
    let image = Tensor::<4>::from_data(data, &Device::flex());
    let kernel = model.patch_kernel(&WAVELENGTHS_UM).unwrap();
    let said = resize_map(model.forward(image, &kernel, None).scores, WINDOW, WINDOW);
    let said: Vec<f32> = said.into_data().try_to_vec().unwrap();
    for (found, said) in found.iter().zip(&said) {
        assert!((found - (10.0 + 2.0 * said)).abs() < 1e-4, "{found} {said}");
    }
}

#[test]
fn an_interrupted_map_goes_on_and_a_cancelled_one_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    write_scene(&folder.path().join("scene.tif"), 45, 37);
    model(
        &folder.path().join("m.safetensors"),
        HeadShape::PixelProbe,
        TuneTask::Pixels,
    );
    let whole = map(folder.path(), Some(16));
    let spec = spec(folder.path());
    std::fs::remove_file(&spec.out).unwrap();
    for stop in [Stop::Interrupted, Stop::Cancelled] {
        let looks = std::cell::Cell::new(0);
        // Far enough for some blocks of nine, not for all.
        let stops = || {
            looks.set(looks.get() + 1);
            (looks.get() > 12).then(|| stop.clone())
        };
        let mut ignore = |_| {};
        let monitor = Monitor::new(JobId(0), &stops, &mut ignore);
        let stopped = map_in_blocks(&spec, Share::WHOLE, Some(16), &monitor).unwrap_err();
        assert_eq!(stopped, stop);
        assert!(!spec.out.exists());
        let is_kept = stop == Stop::Interrupted;
        assert_eq!(folder_of(&spec.out).exists(), is_kept, "{stop:?}");
        if is_kept {
            let mut said = Vec::new();
            let mut listen = |event| said.push(event);
            let monitor = Monitor::new(JobId(0), &|| None, &mut listen);
            map_in_blocks(&spec, Share::WHOLE, Some(16), &monitor).unwrap();
            let warned = monitor.warnings();
            assert!(
                warned.iter().any(|text| text.contains("of 9 blocks")),
                "{warned:?}"
            );
            assert!(values_of(&spec) == whole, "going on changed the map");
            std::fs::remove_file(&spec.out).unwrap();
        }
    }
}

#[test]
fn scenes_smaller_than_a_window_are_mapped_whole() {
    for (width, height) in [(1, 1), (5, 3), (17, 2)] {
        let folder = tempfile::tempdir().unwrap();
        write_scene(&folder.path().join("scene.tif"), width, height);
        model(
            &folder.path().join("m.safetensors"),
            HeadShape::Pixels,
            TuneTask::Pixels,
        );
        let found = map(folder.path(), None);
        assert_eq!(found.len(), 2 * width * height);
        assert!(found.iter().all(|value| *value > 0.0), "{found:?}");
    }
}

#[test]
fn shards_of_a_map_join_to_the_whole() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_scene(&path("scene.tif"), 21, 300);
    model(&path("m.safetensors"), HeadShape::Pixels, TuneTask::Pixels);
    let whole = map(folder.path(), None);
    let spec = spec(folder.path());
    let bytes = std::fs::read(spec.out.with_extension("tif.aux.xml")).unwrap();
    let mut ignore = |_| {};
    let monitor = Monitor::new(JobId(0), &|| None, &mut ignore);
    for text in ["1/2", "2/2"] {
        let share = Share::of(text.parse().unwrap());
        let outcome = map_scene(&spec, share, &monitor).unwrap();
        assert!(outcome.files.contains(&share.path_of(&spec.out)));
        assert!(!folder_of(&share.path_of(&spec.out)).exists());
        // Asked again, it is seen to be done.
        let again = map_scene(&spec, share, &monitor).unwrap();
        assert!(
            again.summary.contains("finished already"),
            "{}",
            again.summary
        );
    }
    std::fs::remove_file(&spec.out).unwrap();
    let merge = crate::MergeSpec {
        out: spec.out.clone(),
        shards: Vec::new(),
    };
    crate::merge::merge(&merge, &monitor).unwrap();
    assert!(values_of(&spec) == whole, "the joined map differs");
    let joined = std::fs::read(spec.out.with_extension("tif.aux.xml")).unwrap();
    assert!(joined == bytes, "classes and counts differ");
}
