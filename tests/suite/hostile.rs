//! Damaged files through every reader of ours: seeded, bounded by counts, the same each time. No reader panics, every refusal
//! says something, what was accepted can be used, and a file that lies about its size reserves nothing.
//! `TERROIR_HOSTILE_ROUNDS=20000` mutates each file so often; `TERROIR_HOSTILE_SEED` begins elsewhere. What the fuzzers of
//! `tests/fuzz` find is kept in `tests/fuzz/found` and goes through the same readers.

#[path = "../fuzz/readers.rs"]
mod readers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use burn::tensor::Device;
use readers::{Answer, READERS, Reader, TARGETS, readers_of};
use terroir_engine::{Command, Event, JobSpec, command_line};
use terroir_models::{
    KgvsfConfig, StpConfig, StpSource, StpTarget, about_kgvsf, about_stp, about_tuned, load_dofa,
    load_kgvsf, load_segmentation_head, load_stp, load_teacher, load_tuned, read_tensors,
};

use crate::program::{repository, run, shared_data};
use crate::pth::{Record, archive, dictionary, tensor};

/// Changes made to each file in a usual run.
const ROUNDS: usize = 25;
/// Larger files of the shared data are left to the fuzzers.
const LARGEST_BYTES: u64 = 64 << 10;

fn number_of(variable: &str, usual: usize) -> usize {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

/// The same numbers in every run (a linear congruence).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }

    fn of<'a>(&mut self, list: &[&'a [u8]]) -> &'a [u8] {
        list[self.below(list.len())]
    }
}

/// Numbers and words that break readers.
const BAD: [&[u8]; 34] = [
    b"0",
    b"-1",
    b"1",
    b"255",
    b"256",
    b"65536",
    b"2147483647",
    b"-2147483648",
    b"4294967296",
    b"9223372036854775807",
    b"-9223372036854775808",
    b"18446744073709551615",
    b"1e308",
    b"-1e308",
    b"1e-320",
    b"1e999",
    b"NaN",
    b"inf",
    b"-0.0",
    b"null",
    b"true",
    b"[]",
    b"{}",
    b"\"\"",
    b"../../../../etc/passwd",
    b"9999-12-31",
    b"-9999-01-01",
    b"0000-00-00",
    b"\xff\xfe",
    b"\xe2\x82",
    b"\xf0\x9f\x8c\x8d",
    b"\0",
    b"%s%n",
    b"\r\n\r\n",
];

/// One to four changes of a file; `others` lend pieces.
fn mutated(bytes: &[u8], others: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=dice.below(4) {
        let length = bytes.len();
        let at = dice.below(length + 1);
        let end = (at + 1 + dice.below(40)).min(length);
        let piece = |bytes: &[u8]| bytes.get(at..end).unwrap_or_default().to_vec();
        match dice.below(12) {
            0 if length > 0 => bytes[at.min(length - 1)] ^= 1 << dice.below(8),
            1 if length > 0 => {
                let values = [0, 1, 0x7f, 0x80, 0xff, b'"', b'\n', b',', b'<', b'{'];
                bytes[at.min(length - 1)] = values[dice.below(values.len())];
            }
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at.min(end)..end)),
            4 => {
                let copy = piece(&bytes);
                bytes.splice(at..at, copy);
            }
            5 => {
                let copy = piece(&bytes);
                let to = dice.below(length + 1);
                bytes.splice(to..to, copy);
            }
            // A number becomes another.
            6..=8 => {
                let is_digit = |byte: &u8| byte.is_ascii_digit();
                if let Some(start) = bytes
                    .get(at..)
                    .and_then(|rest| rest.iter().position(is_digit))
                    .map(|start| at + start)
                {
                    let digits = bytes[start..].iter().take_while(|b| is_digit(b)).count();
                    bytes.splice(start..start + digits, dice.of(&BAD).iter().copied());
                }
            }
            9 => drop(bytes.splice(at..at, dice.of(&BAD).iter().copied())),
            10 => {
                let deep = dice.of(&[b"[", b"{\"a\":", b"<a>", b"(", b"-"]);
                let many = deep.repeat(1 << dice.below(14));
                bytes.splice(at..at, many);
            }
            _ => {
                if let Some(other) = others.get(dice.below(others.len())) {
                    let from = dice.below(other.len() + 1);
                    let to = (from + dice.below(200)).min(other.len());
                    bytes.splice(at..end, other[from..to].iter().copied());
                }
            }
        }
        bytes.truncate(1 << 20);
    }
    bytes
}

/// What one reader did with many files.
#[derive(Default)]
struct Tally {
    files: usize,
    accepted: usize,
    /// Files that made it panic.
    faults: Vec<String>,
}

impl Tally {
    fn give(&mut self, name: &str, bytes: &[u8], read: impl FnOnce() -> Answer) {
        self.files += 1;
        match catch_unwind(AssertUnwindSafe(read)) {
            Ok(answer) => self.accepted += usize::from(answer.is_ok()),
            Err(_) => {
                let kept = std::env::temp_dir().join(format!(
                    "terroir-hostile-{}-{}",
                    std::process::id(),
                    self.faults.len()
                ));
                std::fs::write(&kept, bytes).ok();
                self.faults
                    .push(format!("{name} panics, see {}", kept.display()));
            }
        }
    }

    #[track_caller]
    fn check(&self) {
        assert!(self.faults.is_empty(), "{:#?}", self.faults);
    }
}

/// Gives a reader a file under its name, with what belongs beside it.
fn place(reader: &Reader, folder: &Path) -> (PathBuf, Vec<Vec<u8>>) {
    let seeds = (reader.seeds)(folder);
    let path = folder.join(reader.file);
    (path, seeds)
}

/// Products are remembered by the time their files changed, which a test outruns.
fn write_later(path: &Path, bytes: &[u8], count: usize) {
    std::fs::write(path, bytes).unwrap();
    let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000 + count as u64);
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_modified(time).unwrap();
}

/// Files that no reader takes would test nothing but the first check.
#[test]
fn most_readers_of_scenes_accept_a_file_to_begin_with() {
    let mut takers = 0;
    for reader in READERS {
        let folder = tempfile::tempdir().unwrap();
        let (path, seeds) = place(reader, folder.path());
        assert!(
            !seeds.is_empty(),
            "{} has no file to begin with",
            reader.file
        );
        let accepted = seeds
            .iter()
            .enumerate()
            .filter(|(count, seed)| {
                write_later(&path, seed, *count);
                let answer = (reader.read)(&path);
                if let Err(words) = &answer {
                    eprintln!("{}: {words}", reader.file);
                }
                answer.is_ok()
            })
            .count();
        takers += usize::from(accepted > 0);
    }
    assert!(takers > 24, "only {takers} of {}", READERS.len());
    assert!(TARGETS.iter().all(|target| !readers_of(target).is_empty()));
}

#[test]
fn no_reader_of_scenes_panics() {
    let rounds = number_of("TERROIR_HOSTILE_ROUNDS", ROUNDS);
    let mut tally = Tally::default();
    for (number, reader) in READERS.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        let (path, seeds) = place(reader, folder.path());
        let mut dice = Dice(number_of("TERROIR_HOSTILE_SEED", 1) as u64 * 1000 + number as u64);
        let before = (tally.files, tally.accepted);
        for seed in &seeds {
            for round in 0..rounds {
                let bytes = mutated(seed, &seeds, &mut dice);
                write_later(&path, &bytes, tally.files + round);
                tally.give(reader.file, &bytes, || (reader.read)(&path));
            }
        }
        eprintln!(
            "{}: {} files, {} accepted",
            reader.file,
            tally.files - before.0,
            tally.accepted - before.1
        );
    }
    tally.check();
}

/// Rasters of other programs, whole and damaged.
#[test]
fn no_damaged_raster_of_the_shared_data_panics() {
    let Some(data) = shared_data("damaged rasters") else {
        return;
    };
    let reader = READERS
        .iter()
        .find(|reader| reader.file == "scene.tif")
        .unwrap();
    let rounds = number_of("TERROIR_HOSTILE_ROUNDS", ROUNDS) / 5;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scene.tif");
    let mut dice = Dice(number_of("TERROIR_HOSTILE_SEED", 1) as u64);
    let mut tally = Tally::default();
    let mut names: Vec<PathBuf> = std::fs::read_dir(data.join("tricky"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    for name in names {
        if name.metadata().unwrap().len() > LARGEST_BYTES {
            continue;
        }
        let seed = std::fs::read(&name).unwrap();
        for _ in 0..rounds {
            let bytes = mutated(&seed, &[], &mut dice);
            write_later(&path, &bytes, tally.files);
            let shown = name.display().to_string();
            tally.give(&shown, &bytes, || (reader.read)(&path));
        }
    }
    assert!(tally.files > 20);
    tally.check();
}

/// What the fuzzers found once stays found.
#[test]
fn what_was_found_once_is_refused_or_read() {
    let mut tally = Tally::default();
    for target in TARGETS {
        let folder = repository().join("tests/fuzz/found").join(target);
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let whole = std::fs::read(entry.path()).unwrap();
            let Some((choice, bytes)) = whole.split_first() else {
                continue;
            };
            let all = readers_of(target);
            let reader = all[usize::from(*choice) % all.len()];
            let place_of = tempfile::tempdir().unwrap();
            let (path, _) = place(reader, place_of.path());
            write_later(&path, bytes, tally.files);
            let name = entry.path().display().to_string();
            tally.give(&name, bytes, || (reader.read)(&path));
        }
    }
    tally.check();
}

fn stp_config() -> StpConfig {
    let source = StpSource {
        name: "sentinel-2".to_owned(),
        bands: 4,
    };
    let target = StpTarget {
        name: "sentinel-2".to_owned(),
        outputs: 4,
        meta: 2,
    };
    StpConfig::by_name("stp-tiny", vec![source], vec![target]).unwrap()
}

/// A header of our own networks with a tensor that is none of theirs.
fn own_header(about: &serde_json::Value) -> Vec<u8> {
    let header = serde_json::json!({
        "__metadata__": {"terroir": about.to_string()},
        "q0": {"dtype": "F32", "shape": [16], "data_offsets": [0, 64]},
    })
    .to_string();
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.as_bytes());
    bytes.extend([0; 64]);
    bytes
}

fn weights_seeds() -> Vec<Vec<u8>> {
    let two = dictionary([
        ("cls_token", tensor("FloatStorage", "0", &[1, 1, 16])),
        ("blocks.0.norm1.weight", tensor("HalfStorage", "1", &[4, 4])),
    ]);
    let kgvsf = KgvsfConfig::by_name("kgvsf-tiny", 6, 5).unwrap();
    let tuned = serde_json::json!({
        "model": {"encoder": {"image": 112, "patch": 8, "width": 192, "depth": 4, "heads": 3, "layer_scale": false},
                  "head": "pixels", "outputs": 3},
        "about": {},
    });
    vec![
        archive(&[
            Record::new("made/data.pkl", two),
            Record::new("made/byteorder", "little"),
            Record::new("made/data/0", [0; 64]),
            Record::new("made/data/1", [0; 32]),
        ]),
        own_header(&serde_json::json!({"stp": stp_config(), "about": {}})),
        own_header(&serde_json::json!({"kgvsf": kgvsf, "about": {}})),
        own_header(&tuned),
        b"NRUB\x01\x00\x04\x00\x00\x00\xa1aa\xa1\0\0\0\0".to_vec(),
    ]
}

/// Every way a weights file is opened.
fn open_weights(path: &Path) -> Answer {
    let device = Device::flex();
    let words = [
        read_tensors(path).err().map(|error| error.to_string()),
        load_dofa(path, &device)
            .err()
            .map(|error| error.to_string()),
        about_stp(path).err().map(|error| error.to_string()),
        load_stp(path, &device).err().map(|error| error.to_string()),
        about_kgvsf(path).err().map(|error| error.to_string()),
        load_kgvsf(path, &device)
            .err()
            .map(|error| error.to_string()),
        about_tuned(path).err().map(|error| error.to_string()),
        load_tuned(path, &device)
            .err()
            .map(|error| error.to_string()),
        load_teacher(path, &device)
            .err()
            .map(|error| error.to_string()),
        load_segmentation_head(path, "", &device)
            .err()
            .map(|error| error.to_string()),
    ];
    for text in words.iter().flatten() {
        assert!(text.trim().len() > 20 && text.len() < 4000, "{text}");
    }
    match words.into_iter().next().flatten() {
        Some(text) => Err(text),
        None => Ok(()),
    }
}

#[test]
fn no_reader_of_weights_panics() {
    let rounds = number_of("TERROIR_HOSTILE_ROUNDS", ROUNDS) * 4;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.bin");
    let seeds = weights_seeds();
    let mut dice = Dice(number_of("TERROIR_HOSTILE_SEED", 1) as u64);
    let mut tally = Tally::default();
    for seed in &seeds {
        for _ in 0..rounds {
            let bytes = mutated(seed, &seeds, &mut dice);
            std::fs::write(&path, &bytes).unwrap();
            tally.give("weights", &bytes, || open_weights(&path));
        }
    }
    tally.check();
}

/// Sizes a header may claim for a network, one after the other.
#[test]
fn sizes_in_the_headers_of_our_networks_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("network.safetensors");
    let kgvsf = KgvsfConfig::by_name("kgvsf-tiny", 6, 5).unwrap();
    for whole in [
        serde_json::json!({"stp": stp_config(), "about": {}}),
        serde_json::json!({"kgvsf": kgvsf, "about": {}}),
    ] {
        let numbers = places_of_numbers(&whole, String::new());
        assert!(numbers.len() > 8);
        for place in numbers {
            for value in [0, 1 << 13, 1 << 32, u64::MAX / 2, u64::MAX] {
                let mut claim = whole.clone();
                *claim.pointer_mut(&place).unwrap() = value.into();
                std::fs::write(&path, own_header(&claim)).unwrap();
                open_weights(&path).unwrap();
                let device = Device::flex();
                let words = load_stp(&path, &device)
                    .err()
                    .map(|error| error.to_string())
                    .zip(
                        load_kgvsf(&path, &device)
                            .err()
                            .map(|error| error.to_string()),
                    );
                assert!(words.is_some(), "{place} = {value} was accepted");
            }
        }
    }
}

/// JSON pointers to every number.
fn places_of_numbers(value: &serde_json::Value, at: String) -> Vec<String> {
    match value {
        serde_json::Value::Number(_) => vec![at],
        serde_json::Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| places_of_numbers(value, format!("{at}/{key}")))
            .collect(),
        serde_json::Value::Array(list) => list
            .iter()
            .enumerate()
            .flat_map(|(index, value)| places_of_numbers(value, format!("{at}/{index}")))
            .collect(),
        _ => Vec::new(),
    }
}

fn lines_of_the_pipe() -> Vec<Vec<u8>> {
    [
        r#"{"command":"run","id":1,"spec":{"job":"calc","scene":"/no/a.tif","expression":"(nir - red) / (nir + red)","name":"ndvi","out":"/no/b.tif","wavelengths_nm":[[0,665.0]],"ramp":"greens"}}"#,
        r#"{"command":"estimate","id":2,"spec":{"job":"embed","scene":"/no/a.tif","model":"dofa-tiny","device":"cpu","out":"/no/b.tif","bands":[0,1],"seed":7}}"#,
        r#"{"command":"run","id":3,"spec":{"job":"predict","field":"/no/f.tif","head":"/no/h.json","out":"/no/m.tif"}}"#,
        r#"{"command":"run","id":4,"spec":{"job":"train","field":"/no/f.tif","labels":"/no/l.gpkg","kind":"ridge","out":"/no/h.json","folds":5,"class_weights":[["water",2.0]]}}"#,
        r#"{"command":"cancel","id":3}"#,
        r#"{"event":"progress","id":1,"stage":"embedding","done":3,"total":9}"#,
        r#"{"event":"tile","id":1,"path":"/no/a.tif","window":[0,0,64,64]}"#,
        r#"{"event":"finished","id":1,"outcome":{"files":["/no/a.tif"],"summary":"done","metrics":[["kappa",0.5]],"warnings":[]}}"#,
        r#"{"event":"failed","id":1,"failure":{"what":"no","details":null}}"#,
    ]
    .iter()
    .map(|line| line.as_bytes().to_vec())
    .collect()
}

fn read_line_of_pipe(bytes: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(bytes);
    let command = serde_json::from_str::<Command>(&text);
    let event = serde_json::from_str::<Event>(&text);
    if let Ok(Command::Run { spec, .. } | Command::Estimate { spec, .. }) = &command {
        // What a command line says, and what a line says again, is the same job.
        let words = command_line(spec);
        assert!(words.starts_with("terroir "), "{words}");
        let again = serde_json::to_string(spec).map_err(|error| error.to_string())?;
        let back: JobSpec = serde_json::from_str(&again).map_err(|error| error.to_string())?;
        assert_eq!(command_line(&back), words);
        spec.rasters();
    }
    match (command, event) {
        (Err(error), Err(_)) => Err(error.to_string()),
        _ => Ok(()),
    }
}

#[test]
fn no_line_of_the_pipe_panics() {
    let lines = lines_of_the_pipe();
    for line in &lines {
        read_line_of_pipe(line).unwrap();
    }
    let rounds = number_of("TERROIR_HOSTILE_ROUNDS", ROUNDS) * 20;
    let mut dice = Dice(number_of("TERROIR_HOSTILE_SEED", 1) as u64);
    let mut tally = Tally::default();
    for line in &lines {
        for _ in 0..rounds {
            let bytes = mutated(line, &lines, &mut dice);
            tally.give("pipe", &bytes, || read_line_of_pipe(&bytes));
        }
    }
    assert!(tally.accepted > 0);
    tally.check();
}

/// A worker that is sent nonsense stays, says nothing about it, and still does what it is asked.
#[test]
fn nonsense_in_the_pipe_leaves_the_worker_at_work() {
    use std::io::{BufRead as _, Write as _};
    let mut worker = std::process::Command::new(crate::program::terroir())
        .arg("worker")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut commands = worker.stdin.take().unwrap();
    let mut dice = Dice(7);
    let good = &lines_of_the_pipe()[2];
    for _ in 0..200 {
        let mut line = mutated(good, &[], &mut dice);
        line.retain(|byte| *byte != b'\n');
        // Jobs are left out: only lines that are no command.
        if serde_json::from_slice::<Command>(&line).is_err() {
            line.push(b'\n');
            commands.write_all(&line).unwrap();
        }
    }
    commands.write_all(b"\xff\xfe\x80 no text\n").unwrap();
    commands.write_all(good).unwrap();
    commands.write_all(b"\n").unwrap();
    commands.flush().unwrap();
    let events = std::io::BufReader::new(worker.stdout.take().unwrap());
    let failed = events
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| serde_json::from_str::<Event>(&line).ok())
        .find_map(|event| match event {
            Event::Failed { id, failure } => Some((id.0, failure.what)),
            _ => None,
        });
    drop(commands);
    worker.wait().unwrap();
    let (id, what) = failed.expect("the job's own answer");
    assert_eq!(id, 3);
    assert!(what.contains("/no/"), "{what}");
}

/// Files that claim to be huge, read by the program with two gigabytes of address space: it says no, or shows what is
/// there, and is never killed.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_lies_about_its_size_reserves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let write = |name: &str, bytes: &[u8]| std::fs::write(here.join(name), bytes).unwrap();
    let virtual_raster = |side: u64, bands: usize, kind: &str| {
        let band = format!("<VRTRasterBand dataType=\"{kind}\" band=\"1\"/>");
        format!(
            "<VRTDataset rasterXSize=\"{side}\" rasterYSize=\"{side}\">{}</VRTDataset>",
            band.repeat(bands)
        )
    };
    write(
        "wide.vrt",
        virtual_raster(2_147_483_647, 1, "Float64").as_bytes(),
    );
    write(
        "bands.vrt",
        virtual_raster(40_000, 3_000, "Byte").as_bytes(),
    );
    write(
        "lines.hdr",
        b"ENVI\nsamples = 2000000000\nlines = 2000000000\nbands = 60000\ndata type = 5\ninterleave = bip\n",
    );
    write("lines.dat", &[0; 64]);
    write(
        "cells.asc",
        b"ncols 2000000000\nnrows 2000000000\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2 3\n",
    );
    let mut tiff = readers::tiny_tiff(6, &[1; 36]);
    // Width, height and rows a strip of the header.
    for at in [10 + 8, 10 + 12 + 8, 10 + 7 * 12 + 8] {
        tiff[at - 6..at - 4].copy_from_slice(&[4, 0]);
        tiff[at..at + 4].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    }
    write("strip.tif", &tiff);
    write("map.pgm", b"P5\n1000000000 1000000000\n255\nabc");
    let deep = "[".repeat(1 << 20);
    write("deep.geojson", deep.as_bytes());
    write(
        "deep.terroir",
        format!("{{\"schema\":1,\"layers\":{deep}").as_bytes(),
    );
    write(
        "classes.csv",
        format!("class_id,name\n{}", "1,a\n".repeat(200_000)).as_bytes(),
    );
    for (command, name) in [
        ("info", "wide.vrt"),
        ("render", "wide.vrt"),
        ("info", "bands.vrt"),
        ("info", "lines.dat"),
        ("render", "lines.dat"),
        ("info", "cells.asc"),
        ("info", "strip.tif"),
        ("render", "strip.tif"),
        ("info", "map.pgm"),
        ("info", "deep.geojson"),
        ("classes", "deep.terroir"),
        ("classes", "classes.csv"),
    ] {
        let mut words = vec![command, name];
        if command == "render" {
            words.extend(["--out", "picture.png"]);
        }
        let program = crate::program::terroir();
        let ended = std::process::Command::new("sh")
            .args(["-c", "ulimit -v 2097152; exec \"$0\" \"$@\""])
            .arg(program)
            .args(&words)
            .current_dir(here)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert!(
            matches!(ended.status.code(), Some(0 | 1)),
            "{words:?}: {} {said}",
            ended.status
        );
        assert!(!said.contains("panicked"), "{words:?}: {said}");
    }
}

/// A project whose parts are said to lie elsewhere is read; what is written goes beside the project alone.
#[test]
fn what_a_project_names_is_never_written_to() {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    let place = READERS
        .iter()
        .find(|reader| reader.target == "project")
        .unwrap();
    let seed = (place.seeds)(&inside).into_iter().next().unwrap();
    let mut project: serde_json::Value = serde_json::from_slice(&seed).unwrap();
    let labels = std::fs::read_dir(&inside)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|ending| ending == "gpkg"))
        .unwrap();
    let elsewhere = folder.path().join("elsewhere.gpkg");
    std::fs::copy(&labels, &elsewhere).unwrap();
    let before = std::fs::read(&elsewhere).unwrap();
    *project.pointer_mut("/labels/file/path").unwrap() = "../elsewhere.gpkg".into();
    let path = inside.join("trap.terroir");
    std::fs::write(&path, project.to_string()).unwrap();
    let opened = terroir_scene::open_project(&path).unwrap();
    let mut document = opened.document;
    let labels = document.labels.as_mut().unwrap();
    labels.paint_stroke((1.0, 1.0), (30.0, 30.0), 5.0, 1, false);
    terroir_scene::save_project(&document, &path).unwrap();
    assert_eq!(std::fs::read(&elsewhere).unwrap(), before);
    let outside = crate::program::files_in(folder.path());
    assert_eq!(outside, ["elsewhere.gpkg", "inside"]);
}

/// Archives whose members are called as if they lay elsewhere are looked into and nothing is unpacked.
#[test]
fn members_of_archives_stay_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().join("inside");
    std::fs::create_dir(&here).unwrap();
    let name = "LC08_L2SP_203033_20210728_20210804_02_T1";
    let description = READERS
        .iter()
        .find(|reader| reader.file.ends_with("_MTL.txt"))
        .map(|reader| (reader.seeds)(&here).remove(0))
        .unwrap();
    let tiff = readers::tiny_tiff(6, &[9; 36]);
    let bytes = archive(&[
        Record::new(&format!("../{name}_MTL.txt"), description.clone()),
        Record::new(&format!("{name}_MTL.txt"), description),
        Record::new(&format!("../../{name}_SR_B4.TIF"), tiff.clone()),
        Record::new("/etc/terroir-escaped.tif", tiff.clone()),
        Record::new(&format!("{name}_SR_B5.TIF"), tiff),
    ]);
    std::fs::write(here.join("scene.zip"), bytes).unwrap();
    let before = (
        crate::program::files_in(folder.path()),
        crate::program::files_in(&here),
    );
    let shown = run(&here, &["info", "scene.zip"]);
    assert!(matches!(shown.code, Some(0 | 1)), "{}", shown.stderr);
    let after = (
        crate::program::files_in(folder.path()),
        crate::program::files_in(&here),
    );
    assert_eq!(before, after);
    assert!(!Path::new("/etc/terroir-escaped.tif").exists());
}
