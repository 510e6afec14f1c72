//! The merge job: shards of one job to the files a single run would have made. Every shard is held against the first before
//! anything is written; pixels are carried over as they are stored, so that memory does not depend on the size of the map.
//! Knows what files say about themselves; knows nothing of how a shard was computed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use terroir_scene::{
    MapKind, MapPart, MapWriter, Provenance, Raster, allow_address, fetch_blocking,
};

use crate::embed::projection_path;
use crate::monitor::{JobResult, Monitor};
use crate::projection::write_renamed;
use crate::provenance::file_name;
use crate::shard::{SHARD_KEY, Shard};
use crate::{Estimate, Failure, JobSpec, Outcome, command_line, predict, scene_map};

/// Missing shards named in a message.
const MOST_NAMED: usize = 12;

/// Shards to join.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MergeSpec {
    /// What a single run would have written.
    pub out: PathBuf,
    /// All shards of the main output; what else they wrote is joined with them. Empty = those that lie beside `out`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<PathBuf>,
}

/// A file of a shard and what it says.
struct Piece {
    path: PathBuf,
    shard: Shard,
    /// The whole job.
    job: JobSpec,
    part: MapPart,
    /// Everything but what differs from shard to shard, in the file's order.
    said: Vec<(String, String)>,
    run: serde_json::Map<String, Value>,
}

impl Piece {
    fn open_blocking(path: &Path) -> JobResult<Self> {
        let raster = Raster::open(path)?;
        let info = raster.info();
        let no_shard = || {
            Failure::new(format!(
                "this file is no shard; name files that were made with --shard\n{}",
                path.display()
            ))
        };
        let part = MapPart::of(info)?.ok_or_else(no_shard)?;
        let text = |key: &str| {
            let found = info.metadata.iter().find(|(name, _)| name == key);
            found.map(|(_, value)| value.as_str())
        };
        let run = text("TERROIR_RUN").and_then(|text| serde_json::from_str::<Value>(text).ok());
        let Some(Value::Object(run)) = run else {
            return Err(no_shard().into());
        };
        let job = run.get("spec").cloned().unwrap_or_default();
        let Ok(JobSpec::Shard(spec)) = serde_json::from_value(job) else {
            return Err(no_shard().into());
        };
        let said = info
            .metadata
            .iter()
            .filter_map(|(key, value)| Some((told_as(key)?, value.clone())))
            .collect();
        Ok(Self {
            path: path.to_owned(),
            shard: spec.shard,
            job: *spec.of,
            part,
            said,
            run,
        })
    }

    fn device(&self) -> &str {
        let device = self.run.get("device").and_then(Value::as_str);
        device.unwrap_or("an unknown device")
    }

    fn seconds(&self) -> f64 {
        let seconds = self.run.get("seconds").and_then(Value::as_f64);
        seconds.unwrap_or(0.0)
    }

    /// What two shards of one job have in common, by name.
    fn identity(&self) -> BTreeMap<String, String> {
        let mut items: BTreeMap<String, String> = self.said.iter().cloned().collect();
        for (key, value) in &self.run {
            if !["spec", "command", "seconds", "device"].contains(&key.as_str()) {
                items.insert(key.clone(), value.to_string());
            }
        }
        if let Ok(Value::Object(job)) = serde_json::to_value(&self.job) {
            // Folders may be called otherwise on another machine; what lies in them is told by the rest.
            for (key, mut value) in job {
                keep_names(&mut value);
                items.insert(format!("option {key}"), value.to_string());
            }
        }
        items.insert("grid".to_owned(), format!("{:?}", self.part.grid));
        items.insert("kind of map".to_owned(), format!("{:?}", self.part.kind));
        items
    }
}

/// The key of the provenance that writes a metadata item, or the item itself where it only tells shards of different
/// programs apart; `None` for what every shard says differently.
fn told_as(item: &str) -> Option<String> {
    match item {
        "TIFFTAG_IMAGEDESCRIPTION" => Some("DESCRIPTION".to_owned()),
        "TIFFTAG_SOFTWARE" | "ATTRIBUTION" | "LICENSE" => Some(item.to_owned()),
        _ => match item.strip_prefix("TERROIR_") {
            Some("RUN" | "PART") | None => None,
            Some(key) if key == SHARD_KEY => None,
            Some(key) => Some(key.to_owned()),
        },
    }
}

fn keep_names(value: &mut Value) {
    match value {
        Value::String(text) => {
            if let Some(name) = text.rsplit(['/', '\\']).next() {
                *text = name.to_owned();
            }
        }
        Value::Array(list) => list.iter_mut().for_each(keep_names),
        Value::Object(object) => object.values_mut().for_each(keep_names),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

pub(crate) fn merge(spec: &MergeSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    let begun = Instant::now();
    monitor.started("cpu");
    let mut pieces = shard_paths(spec)?
        .iter()
        .map(|path| {
            monitor.check()?;
            Piece::open_blocking(path)
        })
        .collect::<JobResult<Vec<Piece>>>()?;
    pieces.sort_by_key(|piece| piece.shard.number());
    check_same_job(&pieces)?;
    check_complete(&pieces, &spec.out)?;
    say_devices(&pieces, monitor);
    let Some(first) = pieces.first() else {
        return Err(none_found(&spec.out).into());
    };
    let mut job = first.job.clone();
    let kind = first.part.kind.clone();
    set_out(&mut job, &kind, &spec.out);
    let (sources, targets) = (outputs_of(&first.job, &kind), outputs_of(&job, &kind));
    if let Some(main) = sources.first() {
        check_names(&pieces, main, &sources)?;
    }
    let grid = first.part.grid.clone();
    let projection = match &job {
        JobSpec::Embed(_) => projection_of(&pieces, monitor)?,
        _ => None,
    };
    // Everything is looked at before the first file is written.
    let mut outputs: Vec<(PathBuf, Vec<Piece>)> = Vec::new();
    for (source, target) in sources.iter().zip(&targets).skip(1) {
        outputs.push((target.clone(), companions(&pieces, source)?));
    }
    let count = pieces.len();
    outputs.insert(0, (spec.out.clone(), pieces));
    let mut files = Vec::new();
    let steps = (outputs.len() * (count + 1)) as u64;
    for (number, (target, pieces)) in outputs.iter().enumerate() {
        let Some(first) = pieces.first() else {
            continue;
        };
        let done = (number * (count + 1)) as u64;
        let mut writer = MapWriter::create(target, &grid, first.part.kind.clone())?;
        for (at, piece) in pieces.iter().enumerate() {
            monitor.progress("joining the shards", done + at as u64, steps);
            writer.take_part(&piece.path, &piece.part, &mut |_| !monitor.is_cancelled())?;
        }
        monitor.check()?;
        let keys = keys_of(pieces, &job);
        files.extend(writer.finish_observed(&keys, &mut |_| {
            monitor.progress("writing the file", done + count as u64, steps);
            !monitor.is_cancelled()
        })?);
    }
    if let Some(bytes) = projection {
        let side_car = projection_path(&spec.out);
        write_renamed(&side_car, &bytes)?;
        files.push(side_car);
    }
    let seconds = begun.elapsed().as_secs_f64();
    Ok(Outcome {
        files,
        summary: format!(
            "{} of {} x {} pixels from {count} shards, {seconds:.1} s",
            match kind {
                MapKind::Field => "Field",
                _ => "Map",
            },
            grid.width,
            grid.height
        ),
        metrics: vec![
            ("shards".to_owned(), count as f64),
            ("pixels".to_owned(), grid.window().pixels() as f64),
            ("seconds".to_owned(), seconds),
        ],
        warnings: monitor.warnings(),
    })
}

/// What joining will cost.
pub(crate) fn estimate(spec: &MergeSpec) -> JobResult<Estimate> {
    let paths = shard_paths(spec)?;
    let Some(first) = paths.first() else {
        return Err(none_found(&spec.out).into());
    };
    let raster = Raster::open(first)?;
    let bands = raster.info().bands.len() as u64;
    let piece = Piece::open_blocking(first)?;
    let pixels = piece.part.grid.window().pixels() as u64;
    let sample = match piece.part.kind {
        MapKind::Classes(_) | MapKind::Confidence(_) | MapKind::Field => 1,
        MapKind::Counts(_) => 2,
        MapKind::Continuous { .. } | MapKind::Measured { .. } => 4,
        MapKind::Like { sample, .. } => sample.bytes() as u64,
    };
    Ok(Estimate {
        pixels,
        windows: paths.len() as u64,
        seconds: None,
        memory_bytes: 2 * 512 * 512 * bands * sample,
        disk_bytes: 2 * pixels * bands * sample,
        device: crate::device::CPU.to_owned(),
        notes: Vec::new(),
    })
}

fn shard_paths(spec: &MergeSpec) -> Result<Vec<PathBuf>, Failure> {
    if spec.shards.contains(&spec.out) {
        return Err(Failure::new(format!(
            "the whole would overwrite one of its shards; choose another name\n{}",
            spec.out.display()
        )));
    }
    if !spec.shards.is_empty() {
        return Ok(spec.shards.clone());
    }
    let found = Shard::beside_blocking(&spec.out);
    if found.is_empty() {
        return Err(none_found(&spec.out));
    }
    Ok(found.into_iter().map(|(_, path)| path).collect())
}

fn none_found(out: &Path) -> Failure {
    Failure::new(format!(
        "no shards of this file lie beside it; run its command with --shard 1/4, 2/4 and so on first, or name the shards\n{}",
        out.display()
    ))
}

/// All pieces are different shards of one job.
fn check_same_job(pieces: &[Piece]) -> Result<(), Failure> {
    for pair in pieces.windows(2) {
        let [one, other] = pair else { continue };
        if one.shard == other.shard {
            return Err(Failure::new(format!(
                "shard {} is there twice; name only one of the files\n{}\n{}",
                one.shard,
                one.path.display(),
                other.path.display()
            )));
        }
    }
    let Some((first, others)) = pieces.split_first() else {
        return Ok(());
    };
    let identity = first.identity();
    for piece in others {
        let refuse = |what: &str| {
            Failure::new(format!(
                "this file (shard {}) and shard {} are not of the same job: {what}\n{}",
                piece.shard,
                first.shard,
                piece.path.display()
            ))
        };
        if piece.shard.count() != first.shard.count() {
            return Err(refuse(
                "they were cut into different numbers of shards; name those that belong together",
            ));
        }
        let own = piece.identity();
        let differing: Vec<&str> = identity
            .iter()
            .filter(|(key, value)| own.get(*key) != Some(*value))
            .map(|(key, _)| key.as_str())
            .chain(
                own.keys()
                    .map(String::as_str)
                    .filter(|key| !identity.contains_key(*key)),
            )
            .collect();
        if !differing.is_empty() {
            let what = format!(
                "they differ in {}; make it again with the same program, inputs and options as the others",
                differing.join(", ")
            );
            let details = |items: &BTreeMap<String, String>| -> String {
                let lines = differing.iter().map(|key| {
                    let value = items.get(*key).map_or("not there", String::as_str);
                    format!("{key}: {value}")
                });
                lines.collect::<Vec<_>>().join("\n")
            };
            let words = format!("{}\n---\n{}", details(&identity), details(&own));
            return Err(refuse(&what).with_details(words));
        }
    }
    Ok(())
}

/// The pieces cover the whole grid once.
fn check_complete(pieces: &[Piece], out: &Path) -> Result<(), Failure> {
    let Some(first) = pieces.first() else {
        return Ok(());
    };
    let extent = first.part.grid.window();
    let count = first.shard.count();
    let (mut next_row, mut next_number) = (0, 1);
    let mut missing: Vec<Shard> = Vec::new();
    let mut rows: Vec<String> = Vec::new();
    let mut lost = |from: usize, to: usize, numbers: std::ops::Range<usize>| {
        missing.extend(Shard::all(count).filter(|shard| numbers.contains(&shard.number())));
        rows.push(format!("{} to {to}", from + 1));
        !numbers.is_empty()
    };
    for piece in pieces {
        let window = piece.part.window;
        let is_whole_rows = (window.col, window.width) == (0, extent.width);
        let fits = if !is_whole_rows || window.row < next_row {
            false
        } else if window.row > next_row {
            lost(next_row, window.row, next_number..piece.shard.number())
        } else {
            true
        };
        if !fits {
            return Err(Failure::new(format!(
                "this shard holds other rows than shard {} should; make it again\n{}",
                piece.shard,
                piece.path.display()
            )));
        }
        next_row = window.end_row();
        next_number = piece.shard.number() + 1;
    }
    if next_row < extent.height {
        lost(next_row, extent.height, next_number..count + 1);
    }
    if rows.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    let more = names.len().saturating_sub(MOST_NAMED);
    let list = match more {
        0 => names.join(", "),
        more => format!("{} and {more} more", names[..MOST_NAMED].join(", ")),
    };
    let verb = match names.len() {
        1 => "shard {} is missing",
        _ => "shards {} are missing",
    };
    Err(Failure::new(format!(
        "{} (rows {} of {}); run {} and merge again\n{}",
        verb.replace("{}", &list),
        rows.join(", "),
        extent.height,
        match names.len() {
            1 => "it",
            _ => "them",
        },
        out.display()
    )))
}

/// Different devices compute the last digits differently; the map is whole all the same.
fn say_devices(pieces: &[Piece], monitor: &Monitor<'_>) {
    let devices = devices_of(pieces);
    if devices.len() > 1 {
        monitor.warn(format!(
            "the shards were computed on different devices ({}), whose last digits differ; a single run on one of them may \
             differ from this in some pixels",
            devices.join(", ")
        ));
    }
}

fn devices_of(pieces: &[Piece]) -> Vec<&str> {
    let mut devices: Vec<&str> = pieces.iter().map(Piece::device).collect();
    devices.sort_unstable();
    devices.dedup();
    devices
}

/// The files given are those of the main output, still called so that what else a shard wrote is found.
fn check_names(pieces: &[Piece], main: &Path, sources: &[PathBuf]) -> Result<(), Failure> {
    if sources.len() < 2 {
        return Ok(());
    }
    for piece in pieces {
        let name = file_name(&piece.path);
        let is_of = |whole: &Path| file_name(&piece.shard.path_of(whole)) == name;
        if is_of(main) {
            continue;
        }
        let path = piece.path.display();
        return Err(Failure::new(
            match sources.iter().any(|whole| is_of(whole)) {
                true => format!(
                    "this file lies beside a shard of {}; name the shards of that, and this is joined with them\n{path}",
                    file_name(main)
                ),
                false => format!(
                    "this shard was renamed, so what else it wrote cannot be found; call it {} again\n{path}",
                    file_name(&piece.shard.path_of(main))
                ),
            },
        ));
    }
    Ok(())
}

/// What the shards wrote beside their main files for the output called `whole`.
fn companions(pieces: &[Piece], whole: &Path) -> JobResult<Vec<Piece>> {
    let found = pieces
        .iter()
        .map(|piece| {
            let path = piece
                .path
                .with_file_name(file_name(&piece.shard.path_of(whole)));
            // Who asks for a shard asks for what it wrote beside it.
            allow_address(&path);
            let companion = Piece::open_blocking(&path)?;
            if (companion.shard, companion.part.window) != (piece.shard, piece.part.window) {
                return Err(Failure::new(format!(
                    "this file was not written together with shard {}; make the shard again\n{}",
                    piece.shard,
                    path.display()
                ))
                .into());
            }
            Ok(companion)
        })
        .collect::<JobResult<Vec<Piece>>>()?;
    check_same_job(&found)?;
    Ok(found)
}

/// The projection that lies beside the shards of a field; that all have the same is told by what they say of their model.
fn projection_of(pieces: &[Piece], monitor: &Monitor<'_>) -> Result<Option<Vec<u8>>, Failure> {
    for piece in pieces {
        let path = projection_path(&piece.path);
        allow_address(&path);
        if let Some(bytes) = fetch_blocking(&path)? {
            return Ok(Some(bytes));
        }
    }
    monitor.warn("the projection that lay beside the shards is gone; the field is whole without it, but years to come cannot be made in its axes");
    Ok(None)
}

/// The rasters a job writes, the main one first.
fn outputs_of(job: &JobSpec, kind: &MapKind) -> Vec<PathBuf> {
    match job {
        JobSpec::Embed(spec) => vec![spec.out.clone()],
        JobSpec::Calc(spec) => vec![spec.out.clone()],
        JobSpec::Composite(spec) => vec![spec.out.clone()],
        // Each field says its own period, and the counts are of all of them: joined one by one.
        JobSpec::EmbedSeries(spec) => vec![spec.out.clone()],
        JobSpec::Predict(spec) => predict::outputs_of(spec),
        JobSpec::MapScene(spec) => {
            scene_map::outputs_of(spec, !matches!(kind, MapKind::Classes(_)))
        }
        _ => Vec::new(),
    }
}

fn set_out(job: &mut JobSpec, kind: &MapKind, out: &Path) {
    match job {
        // The counts lie beside what the job calls its output.
        JobSpec::EmbedSeries(_) if matches!(kind, MapKind::Counts(_)) => {}
        JobSpec::EmbedSeries(spec) => spec.out = out.to_owned(),
        JobSpec::Embed(spec) => spec.out = out.to_owned(),
        JobSpec::Calc(spec) => spec.out = out.to_owned(),
        JobSpec::Composite(spec) => spec.out = out.to_owned(),
        JobSpec::Predict(spec) => spec.out = out.to_owned(),
        JobSpec::MapScene(spec) => spec.out = out.to_owned(),
        _ => {}
    }
}

/// What the whole says about itself: what its shards say, but made by the whole job.
fn keys_of(pieces: &[Piece], job: &JobSpec) -> Provenance {
    let Some(first) = pieces.first() else {
        return Vec::new();
    };
    let mut run = first.run.clone();
    let seconds: f64 = pieces.iter().map(Piece::seconds).sum();
    run.insert(
        "spec".to_owned(),
        serde_json::to_value(job).unwrap_or_default(),
    );
    run.insert("command".to_owned(), Value::from(command_line(job)));
    run.insert(
        "seconds".to_owned(),
        Value::from((seconds * 10.0).round() / 10.0),
    );
    run.insert(
        "device".to_owned(),
        Value::from(devices_of(pieces).join(", ")),
    );
    let mut keys: Provenance = first
        .said
        .iter()
        .filter(|(key, _)| key != "TIFFTAG_SOFTWARE")
        .cloned()
        .collect();
    // Where a single run says it: after what went in.
    let at = keys
        .iter()
        .position(|(key, _)| key == "INPUTS")
        .map_or(0, |at| at + 1);
    keys.insert(at, ("RUN".to_owned(), Value::Object(run).to_string()));
    keys
}
