//! What a written file says about itself: the values of its `TERROIR_*` keys.

use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use terroir_scene::{BandInfo, Class, Derivation, FieldProduct, Provenance, Raster, RasterInfo};

use crate::projection::{Projection, hex};
use crate::shard::Share;
use crate::{CalcSpec, EmbedSpec, Failure, JobSpec, command_line};

/// GDAL slows down above about this much metadata.
const LONGEST: usize = 60_000;

/// Keys of a field.
pub(crate) fn of_field(
    spec: &EmbedSpec,
    share: Share,
    raster: &Raster,
    projection: &Projection,
    model: &str,
    device: &str,
    seconds: f64,
    overlap: usize,
) -> Provenance {
    let bands: Vec<Value> = projection
        .bands
        .iter()
        .map(|band| {
            json!({
                "band": band.band + 1, "name": band.name, "wavelength_nm": band.wavelength_nm,
                "scale": band.scale, "offset": band.offset,
            })
        })
        .collect();
    let inputs = json!([{
        "file": file_name(&spec.scene), "bytes": raster.info().size_bytes, "date": raster.info().date, "bands": bands,
    }]);
    let job = share.job(JobSpec::Embed(spec.clone()));
    let run = json!({
        "spec": job, "command": command_line(&job), "window_px": projection.window_px, "overlap_px": overlap,
        "upsampling": projection.upsampling, "device": device, "precision": "f32", "seconds": rounded(seconds),
    });
    vec![
        ("MODEL".to_owned(), model.to_owned()),
        ("INPUTS".to_owned(), short(inputs.to_string())),
        ("RUN".to_owned(), run.to_string()),
        ("QUANTIZATION".to_owned(), "sqrt127.5".to_owned()),
    ]
}

/// Keys of a raster made by a formula.
pub(crate) fn of_calc(
    spec: &CalcSpec,
    share: Share,
    scene: &RasterInfo,
    bands: &[BandInfo],
    derivation: &Derivation,
    seconds: f64,
) -> Provenance {
    let used: Vec<Value> = derivation
        .bands()
        .iter()
        .filter_map(|band| bands.get(*band))
        .map(|band| {
            json!({
                "band": band.index + 1, "name": band.name,
                "wavelength_nm": band.wavelength.map(|known| known.center.nm()),
                "scale": band.scale, "offset": band.offset,
            })
        })
        .collect();
    let inputs = json!([{
        "file": file_name(&spec.scene), "bytes": scene.size_bytes, "date": scene.date, "bands": used,
    }]);
    let job = share.job(JobSpec::Calc(spec.clone()));
    let run = json!({
        "spec": job, "command": command_line(&job), "device": "cpu", "precision": "f32", "seconds": rounded(seconds),
    });
    let sentence = if spec.name.is_empty() {
        spec.expression.clone()
    } else {
        format!("{} = {}", spec.name, spec.expression)
    };
    vec![
        ("INPUTS".to_owned(), short(inputs.to_string())),
        ("RUN".to_owned(), run.to_string()),
        ("EXPRESSION".to_owned(), spec.expression.clone()),
        ("DESCRIPTION".to_owned(), sentence),
    ]
}

/// Keys of a raster worked out from fields. `sentence` is what it is, for people.
pub(crate) fn of_result(
    job: &JobSpec,
    fields: &[&RasterInfo],
    sentence: &str,
    seconds: f64,
) -> Provenance {
    let inputs: Vec<Value> = fields
        .iter()
        .map(|field| {
            json!({
                "file": file_name(&field.path), "bytes": field.size_bytes, "date": field.date,
                "model": value_of(field, "TERROIR_MODEL"),
            })
        })
        .collect();
    let run = json!({
        "spec": job, "command": command_line(job), "device": "cpu", "precision": "f32", "seconds": rounded(seconds),
    });
    let mut keys = vec![
        ("INPUTS".to_owned(), short(Value::from(inputs).to_string())),
        ("RUN".to_owned(), run.to_string()),
        ("DESCRIPTION".to_owned(), sentence.to_owned()),
    ];
    keys.extend(credits_of(fields));
    keys
}

/// Keys of a class map.
pub(crate) fn of_map(
    job: &JobSpec,
    field: &RasterInfo,
    head: &terroir_scene::Head,
    head_sha256: &str,
    seconds: f64,
) -> Provenance {
    let text = |key: &str| {
        head.provenance
            .get(key)
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    let model = json!({
        "field": value_of(field, "TERROIR_MODEL"), "head": head.kind.word(), "head_sha256": head_sha256,
    });
    let inputs =
        json!([{"file": file_name(&field.path), "bytes": field.size_bytes, "date": field.date}]);
    let run = json!({
        "spec": job, "command": command_line(job), "device": "cpu", "precision": "f32", "seconds": rounded(seconds),
    });
    let mut keys = vec![
        ("MODEL".to_owned(), model.to_string()),
        ("INPUTS".to_owned(), inputs.to_string()),
        ("LABELS".to_owned(), short(text("labels"))),
        ("RUN".to_owned(), run.to_string()),
        (
            "CLASSES".to_owned(),
            short(classes_json(&head.classes).to_string()),
        ),
    ];
    if head.provenance.contains_key("accuracy") {
        keys.push(("ACCURACY".to_owned(), short(text("accuracy"))));
    }
    keys.extend(credits_of(&[field]));
    keys
}

/// Keys of a map made by a fine-tuned model.
pub(crate) fn of_scene_map(
    spec: &crate::MapSceneSpec,
    share: Share,
    scene: &RasterInfo,
    about: &crate::TunedAbout,
    model_sha256: &str,
    device: &str,
    seconds: f64,
) -> Provenance {
    let model = json!({
        "name": about.sentence(), "file": file_name(&spec.model_file), "sha256": model_sha256,
        "trained_by": command_line(&about.job),
    });
    let inputs =
        json!([{"file": file_name(&spec.scene), "bytes": scene.size_bytes, "date": scene.date}]);
    let job = share.job(JobSpec::MapScene(spec.clone()));
    let run = json!({
        "spec": job, "command": command_line(&job), "device": device, "precision": "f32", "seconds": rounded(seconds),
    });
    let mut keys = vec![
        ("MODEL".to_owned(), short(model.to_string())),
        ("INPUTS".to_owned(), inputs.to_string()),
        ("LABELS".to_owned(), short(about.labels.to_string())),
        ("RUN".to_owned(), run.to_string()),
    ];
    if !about.classes.is_empty() {
        let classes = classes_json(&about.classes).to_string();
        keys.push(("CLASSES".to_owned(), short(classes)));
    }
    if !about.accuracy.is_null() {
        keys.push(("ACCURACY".to_owned(), short(about.accuracy.to_string())));
    }
    keys
}

/// The words the makers of fields ask to be passed on with everything derived from them.
pub(crate) fn credits_of(fields: &[&RasterInfo]) -> Provenance {
    let products: Vec<FieldProduct> = fields
        .iter()
        .filter_map(|field| FieldProduct::of(field))
        .collect();
    let joined = |words: &dyn Fn(&FieldProduct) -> Option<String>| {
        let mut all: Vec<String> = products.iter().filter_map(words).collect();
        all.dedup();
        (!all.is_empty()).then(|| all.join(" "))
    };
    [
        (
            "ATTRIBUTION",
            joined(&|product| product.attribution.clone()),
        ),
        ("LICENSE", joined(&|product| product.licence.clone())),
    ]
    .into_iter()
    .filter_map(|(key, words)| Some((key.to_owned(), words?)))
    .collect()
}

pub(crate) fn classes_json(classes: &[Class]) -> Value {
    let list = classes
        .iter()
        .map(|class| json!({"id": class.id, "name": class.name, "color": terroir_scene::hex_from_rgb(class.color)}));
    Value::Array(list.collect())
}

/// The job a file says it was made by.
pub(crate) fn job_of_raster(info: &RasterInfo) -> Option<JobSpec> {
    let run: Value = serde_json::from_str(&value_of(info, "TERROIR_RUN")?).ok()?;
    serde_json::from_value(run.get("spec")?.clone()).ok()
}

pub(crate) fn value_of(info: &RasterInfo, key: &str) -> Option<String> {
    info.metadata
        .iter()
        .find(|(name, _)| name == key)
        .map(|(_, value)| value.clone())
}

/// Names travel, folders of this machine do not.
pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(
        || path.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    )
}

/// The hash of an input for provenance; `None` for what is no single file, such as a folder or an address.
///
/// # Errors
/// A file that cannot be read to its end: what is said of it would not hold.
pub(crate) fn checksum_of(path: &Path) -> Result<Option<String>, Failure> {
    path.is_file().then(|| sha256_of_file(path)).transpose()
}

pub(crate) fn sha256_of_file(path: &Path) -> Result<String, Failure> {
    let failed = |error: std::io::Error| Failure::io("the file cannot be read", path, &error);
    let mut file = std::fs::File::open(path).map_err(failed)?;
    let mut hasher = Sha256::new();
    std::io::copy(&mut file, &mut hasher).map_err(failed)?;
    Ok(hex(&hasher.finalize()))
}

fn rounded(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

pub(crate) fn short(text: String) -> String {
    if text.len() <= LONGEST {
        return text;
    }
    let mut end = LONGEST;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}
