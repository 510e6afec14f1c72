//! The same inputs, seed and device give the same files, on one core and on all.

use std::path::{Path, PathBuf};
use std::process::Command;

use terroir_scene::{Raster, Resampling};

use crate::program::{command, files_in, sample};
use crate::weather_world::write_site;

/// What is run, in this order: later ones read what earlier ones wrote.
fn works(sample: &Path) -> Vec<String> {
    let scene = format!("{0}/S2_2021-07-28.tif", sample.display());
    let later = format!("{0}/S2_2021-08-17.tif", sample.display());
    let labels = format!(
        "{}/labels.geojson --class-attribute class",
        sample.display()
    );
    let mut works = vec![format!("embed {scene} --device cpu --out field.tif")];
    for kind in ["logistic", "ridge", "knn", "forest", "mlp"] {
        works.push(format!(
            "train --field field.tif --labels {labels} --kind {kind} --out {kind}.json"
        ));
        works.push(format!(
            "predict --field field.tif --head {kind}.json --out {kind}_map.tif"
        ));
    }
    works.extend([
        "pca --field field.tif --out colours.json".to_owned(),
        "cluster --field field.tif --k 5 --out groups.tif".to_owned(),
        format!("embed {scene} {later} --model stp-tiny --window 0,0,20,20 --device cpu --out series.tif"),
        format!("finetune {scene} --labels {labels} --steps 2 --batch 2 --device cpu --out tuned.safetensors"),
        format!("pretrain dofa {scene} {later} --steps 2 --batch 2 --device cpu --out dofa.safetensors"),
        "pretrain kgvsf site_0 --weather site_0.csv --steps 2 --batch 2 --device cpu --out season.safetensors".to_owned(),
        "embed site_0 --model kgvsf-tiny --weights season.safetensors --weather site_0.csv --device cpu --out season.tif".to_owned(),
        "forecast site_0 --method kgvsf --weights season.safetensors --weather site_0.csv --until 2018-07-01 --every 20 \
         --device cpu --out forecast"
            .to_owned(),
    ]);
    works
}

/// What a file holds without the moment it was written at: numbers of a raster, tensors of weights, the bytes of all else.
fn content(path: &Path) -> Vec<u8> {
    let name = path.file_name().unwrap().to_string_lossy();
    if name.ends_with(".tif") {
        let raster = Raster::open(path).unwrap();
        let info = raster.info();
        let whole = info.grid.window();
        if info.is_field() {
            let codes = raster
                .read_codes_blocking(whole, whole.width, whole.height)
                .unwrap();
            return codes.into_iter().map(i8::cast_unsigned).collect();
        }
        let bands: Vec<usize> = (0..info.bands.len()).collect();
        let block = raster
            .read_blocking(
                &bands,
                whole,
                whole.width,
                whole.height,
                Resampling::Nearest,
            )
            .unwrap();
        return block.values.iter().flat_map(|v| v.to_le_bytes()).collect();
    }
    let bytes = std::fs::read(path).unwrap();
    if name.ends_with(".safetensors") {
        let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        return bytes[8 + header..].to_vec();
    }
    bytes
}

/// Rasters, weights and heads in a folder and in those of it that hold results.
fn results(folder: &Path) -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for part in ["", "forecast"] {
        let here = folder.join(part);
        for name in files_in(&here) {
            let is_result = [".tif", ".safetensors"]
                .iter()
                .any(|end| name.ends_with(end))
                || (name.ends_with(".json") && part.is_empty());
            if is_result {
                found.push((format!("{part}/{name}"), here.join(&name)));
            }
        }
    }
    found
}

#[test]
fn the_same_inputs_give_the_same_files_on_one_core_and_on_all() {
    let folders: Vec<_> = (0..2).map(|_| tempfile::tempdir().unwrap()).collect();
    let has_taskset = Command::new("taskset").arg("-V").output().is_ok();
    if !has_taskset {
        eprintln!("SKIPPED in part: taskset is not installed, all cores stay in use");
    }
    for (which, folder) in folders.iter().enumerate() {
        write_site(folder.path(), 0, 300);
        for work in works(&sample()) {
            let words: Vec<&str> = work.split_whitespace().collect();
            let mut program = command(folder.path(), &words);
            if which == 1 && has_taskset {
                let mut alone = Command::new("taskset");
                alone
                    .args(["-c", "0"])
                    .arg(program.get_program())
                    .args(program.get_args())
                    .current_dir(folder.path());
                for (name, value) in program.get_envs() {
                    match value {
                        Some(value) => alone.env(name, value),
                        None => alone.env_remove(name),
                    };
                }
                program = alone;
            }
            if which == 1 {
                program.env("RAYON_NUM_THREADS", "1");
            }
            let ended: crate::program::Run = program.output().unwrap().into();
            assert_eq!(ended.code, Some(0), "{work}\n{}", ended.stderr);
        }
    }
    let first = results(folders[0].path());
    assert!(first.len() >= 30, "{first:?}");
    for ((name, one), (other_name, two)) in first.iter().zip(results(folders[1].path())) {
        assert_eq!(*name, other_name);
        assert!(content(one) == content(&two), "{name} differs");
    }
}
