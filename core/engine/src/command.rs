//! Jobs as command lines, and the jobs behind a finished file.

use std::collections::HashSet;
use std::path::Path;

use terroir_scene::{Head, Raster, assigned_to};

use crate::provenance::job_of_raster;
use crate::{Failure, JobSpec, ModelsAction, TunedAbout};

/// The command line that does the same again, e.g. `terroir embed scene.tif --model dofa-tiny ...`.
pub fn command_line(spec: &JobSpec) -> String {
    if let JobSpec::Shard(spec) = spec {
        return format!("{} --shard {}", command_line(&spec.of), spec.shard);
    }
    let mut words: Vec<String> = vec!["terroir".to_owned()];
    let mut add = |word: &str, value: Option<String>| {
        words.push(word.to_owned());
        words.extend(value);
    };
    let path = |path: &Path| Some(path.display().to_string());
    match spec {
        JobSpec::Embed(spec) => {
            add("embed", path(&spec.scene));
            add("--model", Some(spec.model.clone()));
            match &spec.weights {
                Some(weights) => add("--weights", path(weights)),
                // Without it, weights installed since would be taken.
                None => add("--untrained", None),
            }
            add("--device", Some(spec.device.clone()));
            if !spec.wavelengths_nm.is_empty() {
                add(
                    "--wavelengths",
                    Some(wavelengths_text(&spec.wavelengths_nm)),
                );
            }
            if !spec.bands.is_empty() {
                let list: Vec<String> = spec
                    .bands
                    .iter()
                    .map(|band| band.saturating_add(1).to_string())
                    .collect();
                add("--bands", Some(list.join(",")));
            }
            if spec.seed != 0 {
                add("--seed", Some(spec.seed.to_string()));
            }
            for (word, value) in spec.aoi.iter().flat_map(|aoi| aoi.words()) {
                add(word, Some(value));
            }
            add("--out", path(&spec.out));
        }
        JobSpec::Train(spec) => {
            add("train", None);
            add("--field", path(&spec.field));
            add("--labels", path(&spec.labels));
            if let Some(attribute) = &spec.class_attribute {
                add("--class-attribute", Some(attribute.clone()));
            }
            add("--kind", Some(spec.kind.word().to_owned()));
            if let Some(neighbours) = spec.neighbours {
                add("--neighbours", Some(neighbours.to_string()));
            }
            for (class, weight) in &spec.class_weights {
                add("--class-weight", Some(format!("{class}={weight}")));
            }
            add("--folds", Some(spec.folds.to_string()));
            if spec.seed != 0 {
                add("--seed", Some(spec.seed.to_string()));
            }
            add("--out", path(&spec.out));
        }
        JobSpec::Predict(spec) => {
            add("predict", None);
            add("--field", path(&spec.field));
            add("--head", path(&spec.head));
            if spec.probabilities {
                add("--probabilities", None);
            }
            if let Some(uncertainty) = spec.uncertainty {
                add("--uncertainty", Some(uncertainty.word().to_owned()));
            }
            for (word, value) in spec.aoi.iter().flat_map(|aoi| aoi.words()) {
                add(word, Some(value));
            }
            add("--out", path(&spec.out));
        }
        JobSpec::Assess(spec) => {
            add("assess", None);
            add("--map", path(&spec.map));
            add("--reference", path(&spec.reference));
            if let Some(attribute) = &spec.class_attribute {
                add("--class-attribute", Some(attribute.clone()));
            }
            if spec.is_stratified_sample {
                add("--stratified-sample", None);
            }
            if let Some(scene) = &spec.scene {
                add("--scene", path(scene));
            }
            if spec.with_kappa {
                add("--kappa", None);
            }
            add("--out", path(&spec.out));
        }
        JobSpec::Calc(spec) => {
            add("calc", path(&spec.scene));
            let index = terroir_scene::spectral_index(&spec.name)
                .filter(|index| index.formula == spec.expression);
            match index {
                Some(index) => add("--index", Some(index.id.clone())),
                None => add("--expression", Some(spec.expression.clone())),
            }
            if !spec.wavelengths_nm.is_empty() {
                add(
                    "--wavelengths",
                    Some(wavelengths_text(&spec.wavelengths_nm)),
                );
            }
            add("--ramp", Some(spec.ramp.clone()));
            add("--out", path(&spec.out));
        }
        JobSpec::Overviews(spec) => {
            add("overviews", path(&spec.raster));
            if let Some(resampling) = spec.resampling {
                add(
                    "--resampling",
                    Some(crate::overviews::word(resampling).to_owned()),
                );
            }
        }
        JobSpec::Statistics(spec) => {
            add("info", path(&spec.raster));
            add("--exact", None);
        }
        JobSpec::Pretrain(spec) => {
            add("pretrain", Some("dofa".to_owned()));
            for scene in &spec.scenes {
                add(&scene.path.display().to_string(), None);
            }
            add("--model", Some(spec.model.clone()));
            if let Some(weights) = &spec.weights {
                add("--weights", path(weights));
            }
            if let Some(teacher) = &spec.teacher {
                add("--teacher", path(teacher));
            }
            for scene in &spec.scenes {
                let file = scene.path.display();
                if !scene.wavelengths_nm.is_empty() {
                    let list = wavelengths_text(&scene.wavelengths_nm);
                    add("--wavelengths", Some(format!("{file}:{list}")));
                }
            }
            add("--steps", Some(spec.steps.to_string()));
            add("--batch", Some(spec.batch.to_string()));
            add("--accumulation", Some(spec.accumulation.to_string()));
            add("--learning-rate", Some(spec.learning_rate.to_string()));
            add("--mask-ratio", Some(spec.mask_ratio.to_string()));
            add("--seed", Some(spec.seed.to_string()));
            if let Some(size) = spec.size {
                add("--size", Some(size.to_string()));
            }
            add("--bands-a-step", Some(spec.bands_a_step.to_string()));
            if spec.wavelength_jitter_nm > 0.0 {
                let jitter = spec.wavelength_jitter_nm.to_string();
                add("--wavelength-jitter", Some(jitter));
            }
            add(
                "--checkpoint-every",
                Some(spec.checkpoint_every.to_string()),
            );
            add("--device", Some(spec.device.clone()));
            if spec.half {
                add("--half", None);
            }
            add("--out", path(&spec.out));
        }
        JobSpec::PretrainStp(spec) => {
            add("pretrain", Some("stp".to_owned()));
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(&word, value));
        }
        JobSpec::PretrainKgvsf(spec) => {
            add("pretrain", Some("kgvsf".to_owned()));
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(&word, value));
        }
        JobSpec::Models(spec) => {
            add("models", None);
            match &spec.action {
                ModelsAction::Get { name, sha256 } => {
                    add("get", Some(name.clone()));
                    if let Some(sha256) = sha256 {
                        add("--sha256", Some(sha256.clone()));
                    }
                }
                ModelsAction::Import { file } => add("import", path(file)),
                ModelsAction::Verify { name } => add("verify", name.clone()),
            }
        }
        JobSpec::Finetune(spec) => {
            add("finetune", path(&spec.scene));
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(word, value));
        }
        JobSpec::MapScene(spec) => {
            add("predict", None);
            add("--scene", path(&spec.scene));
            add("--model-file", path(&spec.model_file));
            add("--device", Some(spec.device.clone()));
            if !spec.wavelengths_nm.is_empty() {
                add(
                    "--wavelengths",
                    Some(wavelengths_text(&spec.wavelengths_nm)),
                );
            }
            for (word, value) in spec.aoi.iter().flat_map(|aoi| aoi.words()) {
                add(word, Some(value));
            }
            add("--out", path(&spec.out));
        }
        JobSpec::ExportField(spec) => {
            add("export", path(&spec.field));
            add("--out", path(&spec.out));
        }
        JobSpec::ExportRaster(spec) => {
            add("export", path(&spec.raster));
            for (word, value) in spec.words() {
                add(word, Some(value));
            }
        }
        JobSpec::Polygons(spec) => {
            add("polygons", path(&spec.map));
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(word, value));
        }
        JobSpec::Sample(spec) => {
            add("sample", None);
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(word, value));
        }
        JobSpec::Change(spec) => {
            add("change", None);
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(word, value));
        }
        JobSpec::Pca(spec) => {
            add("pca", None);
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(word, value));
        }
        JobSpec::Composite(spec) => {
            add("composite", None);
            for file in &spec.archive.files {
                add(&file.display().to_string(), None);
            }
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(word, value));
        }
        JobSpec::Crop(spec) => {
            add("crop", None);
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(&word, value));
        }
        JobSpec::Soil(spec) => {
            add("soil", None);
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(&word, value));
        }
        JobSpec::Evaluate(spec) => {
            add("evaluate", None);
            for (word, values) in spec.words() {
                add(&word, None);
                values.iter().for_each(|value| add(value, None));
            }
        }
        JobSpec::Cluster(spec) => {
            add("cluster", None);
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(word, value));
        }
        JobSpec::Regress(spec) => {
            add("regress", None);
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(word, value));
        }
        JobSpec::EmbedSeries(spec) => {
            add("embed", None);
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(&word, value));
        }
        JobSpec::EmbedSeason(spec) => {
            add("embed", None);
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(&word, value));
        }
        JobSpec::Reconstruct(spec) => {
            add("reconstruct", None);
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(&word, value));
        }
        JobSpec::Forecast(spec) => {
            add("forecast", None);
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(&word, value));
        }
        // Said above.
        JobSpec::Shard(_) => {}
        JobSpec::Merge(spec) => {
            add("merge", path(&spec.out));
            for shard in &spec.shards {
                add(&shard.display().to_string(), None);
            }
        }
        JobSpec::Similar(spec) => {
            add("similar", None);
            spec.words()
                .into_iter()
                .for_each(|(word, value)| add(word, value));
        }
    }
    let mut named: Vec<&Path> = Vec::new();
    for raster in spec.rasters() {
        if let Some(crs) = assigned_to(raster).filter(|_| !named.contains(&raster)) {
            named.push(raster);
            let system = match crs.epsg {
                Some(code) => format!("EPSG:{code}"),
                None => crs.wkt,
            };
            words.push("--assign-crs".to_owned());
            words.push(format!("{}={system}", raster.display()));
        }
    }
    shell_line(&words)
}

/// Words as a line for a POSIX shell.
pub fn shell_line(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    quoted.join(" ")
}

/// `1=490nm,4=842.5nm`: people count bands from 1.
pub(crate) fn wavelengths_text(wavelengths_nm: &[(usize, f64)]) -> String {
    let list: Vec<String> = wavelengths_nm
        .iter()
        .map(|(band, nm)| format!("{}={nm}nm", band.saturating_add(1)))
        .collect();
    list.join(",")
}

/// For a POSIX shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=,:+@%".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// The jobs that made a file, first to last: a field's embed job; for a map also the training of its head.
pub fn reproduce_spec(map: &Path) -> Result<Vec<JobSpec>, Failure> {
    let raster = Raster::open(map)?;
    let Some(last) = job_of_raster(raster.info()) else {
        return Err(Failure::new(format!(
            "this file does not say how it was made (it has no TERROIR_RUN); only files written by Terroir do\n{}",
            map.display()
        )));
    };
    let mut jobs = vec![last];
    let mut seen = HashSet::new();
    // Walks back from file to file as long as they are still there.
    while let Some(first) = jobs.first() {
        let first = match first {
            JobSpec::Shard(spec) => &*spec.of,
            whole => whole,
        };
        let earlier = match first {
            JobSpec::Predict(spec) => {
                let head = Head::load(&spec.head).ok();
                head.and_then(|head| {
                    serde_json::from_value(head.provenance.get("job")?.clone()).ok()
                })
            }
            JobSpec::Train(spec) => Raster::open(&spec.field)
                .ok()
                .and_then(|raster| job_of_raster(raster.info())),
            JobSpec::MapScene(spec) => TunedAbout::of_file(&spec.model_file)
                .ok()
                .map(|about| about.job),
            JobSpec::Embed(_)
            | JobSpec::Assess(_)
            | JobSpec::Calc(_)
            | JobSpec::Overviews(_)
            | JobSpec::Statistics(_)
            | JobSpec::Pretrain(_)
            | JobSpec::PretrainStp(_)
            | JobSpec::PretrainKgvsf(_)
            | JobSpec::Models(_)
            | JobSpec::Finetune(_)
            | JobSpec::Sample(_)
            | JobSpec::Polygons(_)
            | JobSpec::Change(_)
            | JobSpec::Cluster(_)
            | JobSpec::Regress(_)
            | JobSpec::ExportField(_)
            | JobSpec::ExportRaster(_)
            | JobSpec::Similar(_)
            | JobSpec::Pca(_)
            | JobSpec::Evaluate(_)
            | JobSpec::EmbedSeries(_)
            | JobSpec::Crop(_)
            | JobSpec::EmbedSeason(_)
            | JobSpec::Reconstruct(_)
            | JobSpec::Composite(_)
            | JobSpec::Soil(_)
            | JobSpec::Forecast(_)
            | JobSpec::Shard(_)
            | JobSpec::Merge(_) => None,
        };
        match earlier {
            Some(job) if seen.insert(command_line(&job)) => jobs.insert(0, job),
            _ => break,
        }
    }
    Ok(jobs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EmbedSpec;

    #[test]
    fn command_lines_count_bands_from_one_and_quote() {
        let spec = JobSpec::Embed(EmbedSpec {
            scene: "my scene.tif".into(),
            model: "dofa-tiny".into(),
            weights: None,
            device: "llvmpipe (LLVM 15)".into(),
            out: "f.tif".into(),
            wavelengths_nm: vec![(0, 490.0), (3, 842.5)],
            bands: vec![0, 3],
            seed: 0,
            aoi: None,
        });
        assert_eq!(
            command_line(&spec),
            "terroir embed 'my scene.tif' --model dofa-tiny --untrained --device 'llvmpipe (LLVM 15)' \
             --wavelengths 1=490nm,4=842.5nm --bands 1,4 --out f.tif"
        );
        let whole = command_line(&spec);
        let shard = JobSpec::Shard(crate::ShardSpec {
            shard: "2/4".parse().unwrap(),
            of: Box::new(spec),
        });
        assert_eq!(command_line(&shard), format!("{whole} --shard 2/4"));
        let text = serde_json::to_string(&shard).unwrap();
        assert_eq!(serde_json::from_str::<JobSpec>(&text).unwrap(), shard);
    }
}
