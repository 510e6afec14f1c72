//! What jobs that run a network say before they start: a time that was measured on a step or a few windows, memory that grows
//! with what is asked for, and nothing left on the disk.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use terroir_engine::{
    CropMapOf, CropModel, CropSpec, CropTuning, EmbedSeasonSpec, Estimate, FinetuneSpec,
    ForecastMethod, ForecastSpec, JobSpec, MapSceneSpec, ModelForecast, PretrainKgvsfSpec,
    PretrainSpec, PretrainStpSpec, TargetDays, TrainingScene, TuneMode, TuneTask, WeatherArchive,
    WeatherUse, estimate_here, run_here,
};
use terroir_scene::{ArchiveSpec, HeadKind, WeatherSpec};

use crate::finetune::Place;
use crate::pretraining_stp::write_archives;
use crate::program::sample;
use crate::season_field::weights;
use crate::weather_world::write_site;

fn files_under(folder: &Path) -> BTreeSet<PathBuf> {
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(files_under(&path));
        }
        files.insert(path);
    }
    files
}

/// The estimate, of which the time was measured and for which nothing was written.
fn measured(spec: &JobSpec, folder: &Path) -> Estimate {
    let before = files_under(folder);
    let estimate = estimate_here(spec, &|| false).unwrap();
    assert_eq!(files_under(folder), before, "{spec:?}");
    let is_measured = estimate.seconds.is_some_and(|secs| secs > 0.0);
    assert!(is_measured, "{estimate:?} of {spec:?}");
    assert!(estimate.pixels > 0 && estimate.windows > 0, "{estimate:?}");
    assert_eq!(estimate.device, "cpu");
    estimate
}

fn archive(folder: &Path) -> ArchiveSpec {
    ArchiveSpec {
        files: vec![folder.to_owned()],
        reference: None,
    }
}

#[test]
fn trainings_say_their_time_and_memory_from_a_first_step() {
    let home = tempfile::tempdir().unwrap();
    let here = home.path();
    let pretrain = |batch: usize| {
        JobSpec::Pretrain(PretrainSpec {
            scenes: vec![TrainingScene {
                path: sample().join("S2_2021-07-28.tif"),
                wavelengths_nm: Vec::new(),
                bands: Vec::new(),
            }],
            model: "dofa-tiny".to_owned(),
            weights: None,
            teacher: None,
            steps: 1000,
            batch,
            accumulation: 2,
            learning_rate: 1e-3,
            mask_ratio: 0.75,
            seed: 0,
            size: Some(32),
            bands_a_step: 4,
            wavelength_jitter_nm: 0.0,
            device: "cpu".to_owned(),
            checkpoint_every: 100,
            resume: false,
            half: false,
            out: here.join("dofa.safetensors"),
        })
    };
    let (few, many) = (measured(&pretrain(1), here), measured(&pretrain(64), here));
    assert!(many.memory_bytes > few.memory_bytes, "{few:?} {many:?}");
    assert_eq!(many.windows, 1000 * 64 * 2);

    let stp = JobSpec::PretrainStp(PretrainStpSpec {
        archives: write_archives(here)
            .iter()
            .map(|path| archive(path))
            .collect(),
        model: "stp-tiny".to_owned(),
        weights: None,
        steps: 100,
        batch: 4,
        accumulation: 1,
        learning_rate: 1e-3,
        side: 16,
        frames: 4,
        seed: 0,
        strata: None,
        text: None,
        labels: None,
        saves_memory: false,
        device: "cpu".to_owned(),
        checkpoint_every: 100,
        resume: false,
        half: false,
        out: here.join("stp.safetensors"),
    });
    measured(&stp, here);

    let site = write_site(here, 0, 200);
    let kgvsf = JobSpec::PretrainKgvsf(PretrainKgvsfSpec {
        places: vec![WeatherArchive {
            archive: archive(&site.images),
            weather: WeatherSpec::new(&site.weather),
        }],
        held_out: Vec::new(),
        model: "kgvsf-tiny".to_owned(),
        weights: None,
        wavelengths_nm: Vec::new(),
        weather_use: WeatherUse::Driver,
        masked_steps: 10,
        steps: 20,
        batch: 4,
        accumulation: 1,
        learning_rate: 1e-3,
        side: None,
        seed: 1,
        keeps_odd_pixels: true,
        device: "cpu".to_owned(),
        checkpoint_every: 20,
        resume: false,
        half: false,
        out: here.join("kgvsf.safetensors"),
    });
    measured(&kgvsf, here);
}

#[test]
fn tuning_and_its_map_say_their_time_before_the_labels_are_a_file() {
    let place = Place::new();
    let folder = place.path("");
    // Painted labels are written only when the job starts.
    fs::rename(place.path("labels.tif"), place.path("kept.tif")).unwrap();
    for task in [TuneTask::Pixels, TuneTask::Patches, TuneTask::Values] {
        let spec = place.spec(task, TuneMode::Frozen, "tuned.safetensors");
        measured(&JobSpec::Finetune(spec), &folder);
    }
    fs::rename(place.path("kept.tif"), place.path("labels.tif")).unwrap();
    let probe = FinetuneSpec {
        steps: 2,
        ..place.spec(TuneTask::Pixels, TuneMode::Probe, "probe.safetensors")
    };
    run_here(&JobSpec::Finetune(probe), &mut |_| {}, &|| false).unwrap();
    let map: MapSceneSpec = place.map("probe.safetensors", "map.tif");
    measured(&JobSpec::MapScene(map), &folder);
}

#[test]
fn seasons_crops_and_forecasts_say_the_time_of_their_network() {
    let home = tempfile::tempdir().unwrap();
    let here = home.path();
    let site = write_site(here, 0, 250);
    let (weights, weather) = (weights(here), WeatherSpec::new(&site.weather));
    let device = "cpu".to_owned();
    let field = EmbedSeasonSpec {
        archive: archive(&site.images),
        weather: weather.clone(),
        model: "kgvsf-tiny".to_owned(),
        weights: weights.clone(),
        support: None,
        device: device.clone(),
        out: here.join("field.tif"),
        aoi: None,
    };
    let field = measured(&JobSpec::EmbedSeason(field), here);
    let crops = |taught: Option<CropTuning>, as_of: &[&str]| {
        let spec = CropSpec {
            archive: archive(&site.images),
            weather: Some(weather.clone()),
            // Painted, and no file yet.
            labels: here.join("labels.gpkg"),
            class_attribute: None,
            models: vec![CropModel {
                name: "kgvsf-tiny".to_owned(),
                weights: weights.clone(),
            }],
            taught,
            map_of: CropMapOf::Best,
            from: None,
            as_of: as_of.iter().filter_map(|day| day.parse().ok()).collect(),
            kind: HeadKind::Forest,
            split: None,
            shots: CropSpec::SHOTS.to_vec(),
            seeds: 5,
            seed: 0,
            device: device.clone(),
            out: here.join("crops.tif"),
        };
        measured(&JobSpec::Crop(spec), here)
    };
    let plain = crops(None, &[]);
    assert!(
        plain.memory_bytes >= field.memory_bytes,
        "{plain:?} {field:?}"
    );
    let is_said = |note: &String| note.contains("300 labels of each of 8 classes");
    assert!(plain.notes.iter().any(is_said), "{plain:?}");
    let taught = crops(Some(CropTuning::Full), &["2018-06-01", "2018-08-01"]);
    assert!(
        taught.memory_bytes > plain.memory_bytes,
        "{taught:?} {plain:?}"
    );
    assert_eq!(taught.pixels, 2 * plain.pixels);

    let forecast = ForecastSpec {
        archive: archive(&site.images),
        sensor: None,
        method: ForecastMethod::Model(Box::new(ModelForecast {
            weights,
            device,
            weather,
            future: None,
            what_if: None,
        })),
        days: TargetDays::Every {
            days: 10,
            horizon: 30,
        },
        // The table holds the weather of the days after it.
        until: "2018-07-01".parse().ok(),
        fill: None,
        land_cover: None,
        window: None,
        out: here.join("forecast"),
    };
    measured(&JobSpec::Forecast(forecast), here);
}
