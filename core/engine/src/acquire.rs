//! The jobs behind `terroir models`: fetch published weights, take in a file, compare what is there with its hash.
//! A file is checked tensor by tensor before it is kept. Knows steps; the connection itself is `download`'s.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use burn::tensor::Device;
use sha2::{Digest, Sha256};
use terroir_models::{
    CATALOGUE, DofaConfig, DofaOutline, PUBLISHED, PublishedFile, about_kgvsf, about_stp,
    load_kgvsf, load_stp, origin, outline_dofa, published_file, published_with_hash,
};
use terroir_scene::Claim;

use crate::download::{Wanted, fetch};
use crate::monitor::{JobResult, Monitor};
use crate::projection::hex;
use crate::setup::guarded;
use crate::store::{InstalledWeights, ModelStore, size_text};
use crate::weather_series::{ModelBand, known_model};
use crate::{Failure, ModelsAction, ModelsSpec, Outcome};

/// The hub's own address, and the variable that names a mirror of it.
const HUB: &str = "https://huggingface.co";
const HUB_VARIABLE: &str = "HF_ENDPOINT";
const BLOCK: usize = 1 << 20;

pub(crate) fn acquire(spec: &ModelsSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    monitor.started(crate::device::CPU);
    let store = ModelStore::new(&spec.folder);
    match &spec.action {
        ModelsAction::Get { name, sha256 } => get(&store, name, sha256.as_deref(), monitor),
        ModelsAction::Import { file } => import(&store, file, monitor),
        ModelsAction::Verify { name } => verify(&store, name.as_deref(), monitor),
    }
}

/// Where a name leads.
struct Target {
    address: String,
    file: String,
    published: Option<&'static PublishedFile>,
}

fn target_of(name: &str) -> Result<Target, Failure> {
    if let Some(file) = published_file(name) {
        let hub = std::env::var(HUB_VARIABLE)
            .ok()
            .filter(|hub| !hub.trim().is_empty())
            .unwrap_or_else(|| HUB.to_owned());
        let hub = hub.trim().trim_end_matches('/');
        if !hub.starts_with("https://") && !hub.starts_with("http://") {
            return Err(Failure::new(format!(
                "{HUB_VARIABLE} is {hub:?}, which is no address; it must begin with https:// or http://"
            )));
        }
        return Ok(Target {
            address: format!(
                "{hub}/{}/resolve/{}/{}",
                file.repository, file.revision, file.file
            ),
            file: file.file.to_owned(),
            published: Some(file),
        });
    }
    if name.starts_with("https://") || name.starts_with("http://") {
        let path = name.split(['?', '#']).next().unwrap_or(name);
        let file = path.rsplit('/').next().unwrap_or_default();
        let rest = path.split_once("://").map_or("", |(_, rest)| rest);
        if file.is_empty() || !rest.contains('/') {
            return Err(Failure::new(format!("this address names no file\n{name}")));
        }
        return Ok(Target {
            address: name.to_owned(),
            file: file.to_owned(),
            published: None,
        });
    }
    let files: Vec<&str> = PUBLISHED.iter().map(|file| file.file).collect();
    if CATALOGUE.contains(&name) {
        return Err(Failure::new(format!(
            "nobody publishes weights of {name}; import a file of your own, or get one of {}",
            files.join(", ")
        )));
    }
    Err(Failure::new(format!(
        "there is no model and no published file \"{name}\"; known are {}, {}",
        CATALOGUE.join(", "),
        files.join(", ")
    )))
}

fn get(
    store: &ModelStore,
    name: &str,
    sha256: Option<&str>,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    let target = target_of(name)?;
    if let Some(hash) = sha256
        && (hash.len() != 64 || !hash.chars().all(|c| c.is_ascii_hexdigit()))
    {
        return Err(Failure::new(format!(
            "{hash:?} is no SHA-256; it has 64 hexadecimal digits"
        ))
        .into());
    }
    let expected = sha256
        .map(str::to_ascii_lowercase)
        .or_else(|| target.published?.sha256.map(str::to_owned));
    let known = store.installed_blocking().into_iter().find(|weights| {
        weights.is_there
            && match &expected {
                Some(hash) => weights.sha256.starts_with(hash),
                None => weights.source == target.address,
            }
    });
    // The name as a file of this folder, whatever stood in the address.
    let part = store.part_path(&safe(&target.file));
    if let Some(known) = known {
        // Takes a mark away that a broken disk kept.
        drop(Claim::take(&part));
        return Ok(already(&known));
    }
    make_folder(store)?;
    let _claim = Claim::take(&part)?;
    let wanted = Wanted {
        address: &target.address,
        part: &part,
        bytes: target.published.and_then(|file| file.bytes),
        has_hash: expected.is_some(),
        name: &target.file,
    };
    let arrived = fetch(&wanted, monitor)?;
    let found = hash_blocking(&part, None, monitor)?;
    let (said_by, expected) = match (expected, arrived.named_sha256) {
        (Some(hash), _) => ("", Some(hash)),
        (None, Some(hash)) => (" by its server", Some(hash)),
        (None, None) => ("", None),
    };
    if let Some(hash) = &expected
        && !found.starts_with(hash.as_str())
    {
        discard(&part);
        return Err(Failure::new(format!(
            "what arrived is not {}: its SHA-256 is {found}, {hash} was expected{said_by}; it was deleted, try again or \
             choose another source\n{}",
            target.file, target.address
        ))
        .into());
    }
    if expected.is_none() {
        monitor.warn("no hash of this file is known: only its tensors were checked");
    }
    let weights = match examine(
        &part,
        &target.file,
        &target.address,
        found,
        target.published,
        store,
        monitor,
    ) {
        Err(crate::monitor::Stop::Failed(failure)) => {
            discard(&part);
            return Err(failure.into());
        }
        other => other?,
    };
    store.keep_blocking(&part, &weights)?;
    Ok(kept(&weights, store))
}

fn import(store: &ModelStore, file: &Path, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let source = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    // Refuses what is no model before anything is copied.
    outline(file, monitor)?;
    make_folder(store)?;
    let part = store.part_path(&safe(&name));
    let _claim = Claim::take(&part)?;
    let copied = hash_blocking(file, Some(&part), monitor);
    let result = copied.and_then(|sha256| {
        let known = store
            .installed_blocking()
            .into_iter()
            .find(|weights| weights.is_there && weights.sha256 == sha256);
        if let Some(known) = known {
            discard(&part);
            return Ok(already(&known));
        }
        let source = source.display().to_string();
        let weights = examine(&part, &name, &source, sha256, None, store, monitor)?;
        store.keep_blocking(&part, &weights)?;
        Ok(kept(&weights, store))
    });
    if result.is_err() {
        discard(&part);
    }
    result
}

fn verify(store: &ModelStore, name: Option<&str>, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    let chosen: Vec<InstalledWeights> = store
        .installed_blocking()
        .into_iter()
        .filter(|weights| name.is_none_or(|name| weights.model == name || weights.file == name))
        .collect();
    if chosen.is_empty() {
        let what = match name {
            Some(name) => format!("no weights of {name} are installed"),
            None => "no weights are installed".to_owned(),
        };
        return Err(Failure::new(format!(
            "{what}; `terroir models list` shows what is\n{}",
            store.folder().display()
        ))
        .into());
    }
    let mut good = Vec::new();
    let mut bad = Vec::new();
    for weights in &chosen {
        if !weights.path.exists() {
            bad.push(format!("{} is gone", weights.file));
            continue;
        }
        let found = hash_blocking(&weights.path, None, monitor)?;
        if found == weights.sha256 {
            good.push(match &weights.published {
                Some(_) => format!("{} is the published file", weights.file),
                None => format!("{} is as it was installed", weights.file),
            });
        } else {
            bad.push(format!(
                "{} has changed since it was installed (SHA-256 {found})",
                weights.file
            ));
        }
    }
    if bad.is_empty() {
        return Ok(Outcome {
            files: chosen.into_iter().map(|weights| weights.path).collect(),
            summary: good.join("; "),
            metrics: Vec::new(),
            warnings: monitor.warnings(),
        });
    }
    Err(Failure::new(format!(
        "{}; remove it and get it again\n{}",
        [bad, good].concat().join("; "),
        store.folder().display()
    ))
    .into())
}

/// Checks a file tensor by tensor and writes down what it is.
fn examine(
    part: &Path,
    file: &str,
    source: &str,
    sha256: String,
    published: Option<&PublishedFile>,
    store: &ModelStore,
    monitor: &Monitor<'_>,
) -> JobResult<InstalledWeights> {
    let outline = outline(part, monitor)?;
    let model = outline.model;
    if let Some(published) = published
        && published.model != model
    {
        return Err(Failure::new(format!(
            "{file} should hold {}, but what arrived holds {model}\n{source}",
            published.model
        ))
        .into());
    }
    let recognised = published_with_hash(&sha256);
    let mut notes = outline.notes;
    match recognised {
        Some(known) if !known.note.is_empty() => notes.push(known.note.to_owned()),
        Some(_) => {}
        None => notes.extend(outline.config.and_then(|config| origin(&sha256, &config))),
    }
    let bytes = std::fs::metadata(part)
        .map_err(|error| Failure::io("the file cannot be read", part, &error))?
        .len();
    let file = store.free_name_blocking(recognised.map_or(file, |known| known.file), &sha256);
    Ok(InstalledWeights {
        model: model.to_owned(),
        path: store.folder().join(&file),
        file,
        bytes,
        sha256,
        published: recognised.map(|known| known.file.to_owned()),
        source: source.to_owned(),
        licence: recognised
            .or(published)
            .map(|known| known.licence.to_owned()),
        is_half: outline.is_half,
        notes,
        installed: jiff::Timestamp::now().to_string(),
        is_there: true,
    })
}

/// What a file holds.
struct Outline {
    model: &'static str,
    is_half: bool,
    notes: Vec<String>,
    /// Of DOFA, whose origin is told by it.
    config: Option<DofaConfig>,
}

fn outline(path: &Path, monitor: &Monitor<'_>) -> JobResult<Outline> {
    if about_stp(path).is_ok() {
        return Ok(outline_of_stp(path)?);
    }
    if about_kgvsf(path).is_ok() {
        return Ok(outline_of_kgvsf(path)?);
    }
    let outline = outline_of_dofa(path, monitor)?;
    Ok(Outline {
        model: name_of(&outline.config, path)?,
        is_half: outline.is_half,
        notes: outline.notes,
        config: Some(outline.config),
    })
}

/// These are small: they are loaded to be checked.
fn outline_of_stp(path: &Path) -> Result<Outline, Failure> {
    let loaded = guarded(|| load_stp(path, &Device::flex()).map_err(|error| error.to_string()))?;
    let config = loaded.model.config();
    let sensors: Vec<&str> = config.sources.iter().map(|s| s.name.as_str()).collect();
    let model = config.name().ok_or_else(|| {
        Failure::new(format!(
            "the file holds an STP network of a size without a name here; use it with --weights where it lies\n{}",
            path.display()
        ))
    })?;
    Ok(Outline {
        model,
        is_half: loaded.is_half,
        notes: vec![format!("knows {}", sensors.join(", "))],
        config: None,
    })
}

fn outline_of_kgvsf(path: &Path) -> Result<Outline, Failure> {
    let loaded = guarded(|| load_kgvsf(path, &Device::flex()).map_err(|error| error.to_string()))?;
    let model = loaded.model.config().name().ok_or_else(|| {
        Failure::new(format!(
            "the file holds a KG-VSF network of a size without a name here; use it with --weights where it lies\n{}",
            path.display()
        ))
    })?;
    let (_, about, _) = known_model(path, &Device::flex())?;
    let bands: Vec<String> = about.bands.iter().map(ModelBand::title).collect();
    Ok(Outline {
        model,
        is_half: loaded.is_half,
        notes: vec![format!("knows {}", bands.join(", "))],
        config: None,
    })
}

fn outline_of_dofa(path: &Path, monitor: &Monitor<'_>) -> JobResult<DofaOutline> {
    let go_on = |done: u64, all: u64| {
        monitor.progress(
            "checking the tensors, MB",
            done / 1_000_000,
            all / 1_000_000,
        );
        !monitor.is_cancelled()
    };
    match outline_dofa(path, go_on) {
        Ok(Some(outline)) => {
            name_of(&outline.config, path)?;
            Ok(outline)
        }
        Ok(None) => {
            monitor.check()?;
            Err(Failure::new("cancelled").into())
        }
        Err(error) => Err(Failure::new(error.to_string()).into()),
    }
}

fn name_of(config: &DofaConfig, path: &Path) -> Result<&'static str, Failure> {
    config.name().ok_or_else(|| {
        Failure::new(format!(
            "the file holds a DOFA encoder of a size without a name here (width {}, depth {}, patch {}, image {}); \
             use it with --weights where it lies\n{}",
            config.width,
            config.depth,
            config.patch,
            config.image,
            path.display()
        ))
    })
}

/// SHA-256 of a file, copied to `to` on the way.
fn hash_blocking(path: &Path, to: Option<&Path>, monitor: &Monitor<'_>) -> JobResult<String> {
    let unread = |error: std::io::Error| Failure::io("the file cannot be read", path, &error);
    let mut file = File::open(path).map_err(unread)?;
    let all = file.metadata().map_err(unread)?.len();
    let unwritten = |error: std::io::Error| {
        Failure::io("the weights cannot be written", to.unwrap_or(path), &error)
    };
    let mut copy = to.map(File::create).transpose().map_err(unwritten)?;
    let stage = if to.is_some() {
        "copying, MB"
    } else {
        "comparing the hash, MB"
    };
    let mut hasher = Sha256::new();
    let mut block = vec![0; BLOCK];
    let mut done = 0;
    loop {
        monitor.check()?;
        let count = file.read(&mut block).map_err(unread)?;
        if count == 0 {
            break;
        }
        hasher.update(&block[..count]);
        if let Some(copy) = &mut copy {
            copy.write_all(&block[..count]).map_err(unwritten)?;
        }
        done += count as u64;
        monitor.progress(stage, done / 1_000_000, all / 1_000_000);
    }
    if let Some(copy) = copy {
        copy.sync_all().map_err(unwritten)?;
    }
    Ok(hex(&hasher.finalize()))
}

/// A name without folders, for the part file.
fn safe(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let safe: String = name
        .chars()
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    safe.trim_start_matches('.').to_owned()
}

fn make_folder(store: &ModelStore) -> Result<(), Failure> {
    std::fs::create_dir_all(store.folder()).map_err(|error| {
        Failure::io(
            "the folder for weights cannot be made",
            store.folder(),
            &error,
        )
    })
}

fn discard(part: &Path) {
    std::fs::remove_file(part).ok();
    std::fs::remove_file(crate::download::mark_path(part)).ok();
}

fn already(weights: &InstalledWeights) -> Outcome {
    Outcome {
        files: vec![weights.path.clone()],
        summary: format!("{} is installed already", weights.file),
        metrics: Vec::new(),
        warnings: weights.notes.clone(),
    }
}

fn kept(weights: &InstalledWeights, store: &ModelStore) -> Outcome {
    let what = match &weights.published {
        Some(_) => "the published file",
        None => "trained weights of your own source",
    };
    Outcome {
        files: vec![store.folder().join(&weights.file)],
        summary: format!(
            "{} is installed for {}: {}, {what}",
            weights.file,
            weights.model,
            size_text(weights.bytes)
        ),
        metrics: vec![("bytes".to_owned(), weights.bytes as f64)],
        warnings: weights.notes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lead_to_addresses_or_to_words() {
        let base = target_of("DOFA_ViT_base_e100.pth").unwrap();
        assert!(
            base.address
                .ends_with("/earthflow/DOFA/resolve/main/DOFA_ViT_base_e100.pth")
        );
        let own = target_of("https://example.org/a/tiny.safetensors?download=1").unwrap();
        assert_eq!(
            (own.file.as_str(), own.published),
            ("tiny.safetensors", None)
        );
        for (name, word) in [
            ("dofa-tiny", "nobody publishes"),
            ("dofa-giant", "there is no model"),
            ("https://example.org", "names no file"),
            ("https://example.org/", "names no file"),
            ("ftp://example.org/a", "there is no model"),
        ] {
            let Err(failure) = target_of(name) else {
                panic!("{name}")
            };
            assert!(failure.what.contains(word), "{name}: {failure}");
        }
    }
}
