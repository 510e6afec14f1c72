//! Weights from a hub and from files: got, taken in, checked, used and removed, and what is said when that goes wrong.
//! The hub is a server on this machine.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use burn::store::{BurnpackStore, ModuleSnapshot};
use burn::tensor::Device;
use serde_json::Value;
use sha2::{Digest, Sha256};
use terroir_models::DofaConfig;

use crate::golden::{Written, file, write_safetensors};
use crate::program::{Run, command, files_in, sample, signal};
use crate::pth::write_zeros;
use crate::weights_hub::{Hub, Mood};

/// A user's folder for weights, and one for everything else.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn weights(&self) -> PathBuf {
        self.path().join("weights")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(self.path(), arguments);
        command.env("TERROIR_MODELS", self.weights());
        // The hub of these tests is on this machine, whatever stands between it and the world.
        for name in [
            "http_proxy",
            "HTTP_PROXY",
            "https_proxy",
            "HTTPS_PROXY",
            "all_proxy",
            "ALL_PROXY",
            "HF_ENDPOINT",
        ] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, arguments: &[&str]) -> Run {
        self.command(arguments).output().unwrap().into()
    }

    fn run_with_hub(&self, hub: &str, arguments: &[&str]) -> Run {
        self.command(arguments)
            .env("HF_ENDPOINT", hub)
            .output()
            .unwrap()
            .into()
    }

    fn model(&self, name: &str) -> Value {
        self.run(&["models", "show", name, "--json"]).json()
    }
}

/// Trained weights of the smallest size, made up: 7 MB in half precision.
pub fn tiny_weights() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tiny.safetensors");
        write_safetensors(&path, &tensors(&DofaConfig::tiny()), "BF16");
        std::fs::read(path).unwrap()
    })
}

fn tensors(config: &DofaConfig) -> Written {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as f32 / (1 << 24) as f32 * 0.1 - 0.05
    };
    config
        .parameters()
        .into_iter()
        .map(|parameter| {
            let values = (0..parameter.len()).map(|_| next()).collect();
            (parameter.name, (parameter.shape, values))
        })
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    format!("{:x}", Sha256::digest(bytes))
}

fn list_files(home: &Home) -> Vec<String> {
    if home.weights().exists() {
        files_in(&home.weights())
    } else {
        Vec::new()
    }
}

#[test]
fn a_broken_download_goes_on_where_it_ended() {
    let hub = Hub::start(tiny_weights().to_vec());
    let home = Home::new();
    hub.is(Mood::DropsAfter(2_000_000));
    let hash = sha256(tiny_weights());
    let address = hub.address("/lab/tiny.safetensors");
    let done = home
        .run(&["models", "get", &address, "--sha256", &hash])
        .done();
    assert!(done.contains("installed for dofa-tiny"), "{done}");
    let asked = hub.questions();
    let starts: Vec<Option<usize>> = asked.iter().map(|(_, from)| *from).collect();
    assert!(starts.len() >= 3 && starts[0].is_none(), "{starts:?}");
    assert!(
        starts.windows(2).all(|pair| pair[0] < pair[1]),
        "each question asks for what is missing: {starts:?}"
    );
    assert_eq!(
        list_files(&home),
        ["tiny.safetensors", "tiny.safetensors.json"]
    );
    assert_eq!(
        std::fs::read(home.weights().join("tiny.safetensors")).unwrap(),
        tiny_weights()
    );

    // Known from now on, by its hash and by its note.
    let model = home.model("dofa-tiny");
    assert_eq!(model["state"], "trained");
    assert_eq!(model["installed"][0]["sha256"], hash);
    assert_eq!(model["installed"][0]["is_half"], true);
    assert_eq!(model["installed"][0]["source"], address);
    let again = home
        .run(&["models", "get", &address, "--sha256", &hash])
        .done();
    assert!(again.contains("installed already"), "{again}");
    assert!(hub.questions().is_empty());
}

#[test]
fn a_stopped_download_is_kept_and_finished_later() {
    let hub = Hub::start(tiny_weights().to_vec());
    let home = Home::new();
    hub.is(Mood::StallsAfter(3_000_000));
    let address = hub.address("/tiny.safetensors");
    let arguments = ["models", "get", address.as_str()];
    let started = home
        .command(&arguments)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let part = home.weights().join("tiny.safetensors.part");
    let clock = Instant::now();
    while std::fs::metadata(&part).map_or(0, |meta| meta.len()) < 3_000_000 {
        assert!(clock.elapsed() < Duration::from_secs(60), "nothing arrives");
        std::thread::sleep(Duration::from_millis(20));
    }
    signal("INT", started.id());
    let stopped = Run::from(started.wait_with_output().unwrap());
    stopped.failed(1, &["stopped", "goes on from there"]);
    let list = home.run(&["models"]);
    assert!(
        list.stderr
            .contains("Unfinished download: tiny.safetensors, 3.0 MB"),
        "{}",
        list.stderr
    );

    hub.questions();
    hub.is(Mood::Honest);
    home.run(&arguments).done();
    assert_eq!(hub.questions()[0].1, Some(3_000_000));

    // Another file of that name has come meanwhile: nothing of the old one is used.
    home.run(&["models", "remove", "dofa-tiny", "--yes"]).done();
    std::fs::write(&part, b"the beginning of something else").unwrap();
    std::fs::write(
        home.weights().join("tiny.safetensors.part.version"),
        "\"old\"",
    )
    .unwrap();
    home.run(&arguments).done();
    assert_eq!(
        std::fs::read(home.weights().join("tiny.safetensors")).unwrap(),
        tiny_weights()
    );
}

#[test]
fn servers_that_lie_or_fail_are_found_out() {
    let hub = Hub::start(tiny_weights().to_vec());
    let home = Home::new();
    let hash = sha256(tiny_weights());
    let address = hub.address("/a/tiny.safetensors");
    let get = || home.run(&["models", "get", &address, "--sha256", &hash]);
    for (mood, words) in [
        (Mood::Answers(404), ["no such file", "404"]),
        (Mood::Answers(403), ["does not give this file", "account"]),
        (Mood::Answers(418), ["answered with status", "418"]),
        (Mood::Page, ["web page", "sign-in"]),
        (Mood::Redirects(""), ["without end", "address"]),
    ] {
        hub.is(mood);
        let run = get();
        run.failed(1, &words);
        assert!(run.stderr.contains(&address), "{}", run.stderr);
    }
    assert!(list_files(&home).is_empty(), "{:?}", list_files(&home));

    // Says it is twice as long and hangs up at the end of what there is: by its hash it is whole nevertheless.
    hub.is(Mood::Announces(2.0));
    get().done();
    home.run(&["models", "remove", "dofa-tiny", "--yes"]).done();
    // Says it is half as long: a half by its hash.
    hub.is(Mood::Announces(0.5));
    get().failed(
        1,
        &["what arrived is not tiny.safetensors", &hash, "deleted"],
    );
    assert!(list_files(&home).is_empty(), "{:?}", list_files(&home));

    // Forgets how to go on in the middle: never gets further than the first two megabytes.
    hub.is(Mood::DropsAfterAndForgetsRanges(2_000_000));
    get().failed(1, &["broke off"]);
    // A server that sends on does.
    hub.is(Mood::Redirects("/elsewhere/file"));
    get().done();
    assert!(
        hub.questions()
            .iter()
            .any(|(path, _)| path == "/elsewhere/file")
    );
    home.run(&["models", "remove", "dofa-tiny", "--yes"]).done();

    // Another file under the name: by its hash, and without one by what is inside.
    hub.is(Mood::Honest);
    let mut spoilt = tiny_weights().to_vec();
    spoilt[5_000_000] ^= 1;
    hub.replaces(spoilt);
    get().failed(1, &["what arrived is not", "deleted"]);
    hub.replaces(vec![7; 100_000]);
    home.run(&["models", "get", &address])
        .failed(1, &["not a weights file"]);
    assert!(list_files(&home).is_empty(), "{:?}", list_files(&home));
    home.run(&["models", "get", &address, "--sha256", "abc"])
        .failed(1, &["no sha-256"]);
}

#[test]
fn published_names_lead_to_the_hub_or_its_mirror() {
    let hub = Hub::start(vec![7; 100_000]);
    let home = Home::new();
    let mirror = hub.address("/mirror/");
    // The size of the base file is known: a server with another one is not even listened to.
    home.run_with_hub(&mirror, &["models", "get", "dofa-base"])
        .failed(1, &["another file of this name", "447669164"]);
    assert_eq!(
        hub.questions(),
        [(
            "/mirror/earthflow/DOFA/resolve/main/DOFA_ViT_base_e100.pth".to_owned(),
            None
        )]
    );
    let copy = "dofa_base_patch16_224-a0275954.pth";
    home.run_with_hub(&mirror, &["models", "get", copy])
        .failed(1, &["what arrived is not", "a0275954"]);
    assert_eq!(
        hub.questions()[0].0,
        format!("/mirror/torchgeo/dofa/resolve/b8db318b64a90b9e085ec04ba8851233c5893666/{copy}")
    );
    // No hash of this one is published: the hub's own word is taken, and then the tensors looked at.
    hub.is(Mood::NamesHash("0123456789abcdef".repeat(4)));
    home.run_with_hub(&mirror, &["models", "get", "dofa-v2-large"])
        .failed(1, &["what arrived is not", "by its server"]);
    hub.is(Mood::Honest);
    home.run_with_hub(&mirror, &["models", "get", "dofa-v2-large"])
        .failed(1, &["not a weights file"]);
    assert!(list_files(&home).is_empty(), "{:?}", list_files(&home));

    // Nobody answers at a port nobody listens on.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", silent.local_addr().unwrap());
    drop(silent);
    home.run_with_hub(&nobody, &["models", "get", "dofa-base"])
        .failed(1, &["there is no connection to 127.0.0.1", "import a file"]);
    home.run_with_hub("hub.example", &["models", "get", "dofa-base"])
        .failed(1, &["hf_endpoint", "no address"]);
    home.run(&["models", "get", "dofa-tiny"])
        .failed(1, &["nobody publishes", "DOFA_ViT_base_e100.pth"]);
    home.run(&["models", "get", "dofa-giant"])
        .failed(1, &["there is no model", "dofa-huge"]);
}

#[test]
fn files_of_all_three_formats_are_taken_in() {
    let home = Home::new();
    let tiny_config = DofaConfig::tiny();
    let shapes: Vec<(String, Vec<usize>)> = tiny_config
        .parameters()
        .into_iter()
        .map(|parameter| (parameter.name, parameter.shape))
        .collect();
    let pth = home.path().join("my tiny.pth");
    write_zeros(&pth, &shapes);
    let safetensors = home.path().join("tiny.safetensors");
    std::fs::write(&safetensors, tiny_weights()).unwrap();
    let pack = home.path().join("tiny.bpk");
    let model = tiny_config.init(5, &Device::flex());
    model
        .save_into(&mut BurnpackStore::from_file(&pack))
        .unwrap();

    for (path, name) in [
        (&pth, "my_tiny.pth"),
        (&safetensors, "tiny.safetensors"),
        (&pack, "tiny.bpk"),
    ] {
        let text = home
            .run(&["models", "import", path.to_str().unwrap()])
            .done();
        assert!(
            text.contains(&format!("{name} is installed for dofa-tiny")),
            "{text}"
        );
    }
    let again = home
        .run(&["models", "import", pth.to_str().unwrap()])
        .done();
    assert!(again.contains("installed already"), "{again}");
    // Two files of one name: both stay.
    write_safetensors(&safetensors, &tensors(&tiny_config), "F32");
    home.run(&["models", "import", safetensors.to_str().unwrap()])
        .done();
    let model = home.model("dofa-tiny");
    assert_eq!(model["installed"].as_array().unwrap().len(), 4);
    let newest = model["installed"][0]["file"].as_str().unwrap();
    assert!(
        newest.starts_with("tiny-") && newest.ends_with(".safetensors"),
        "{newest}"
    );
    home.run(&["models", "verify"]).done();

    // One number of one file changes.
    let path = home.weights().join("tiny.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&path, bytes).unwrap();
    home.run(&["models", "verify", "dofa-tiny"]).failed(
        1,
        &[
            "tiny.safetensors has changed",
            "tiny.bpk is as it was installed",
        ],
    );

    let refused = home.run(&["models", "remove", "tiny.safetensors"]);
    refused.failed(
        2,
        &["nobody is there to be asked", &path.display().to_string()],
    );
    assert!(path.exists());
    home.run(&["models", "remove", "tiny.safetensors", "--yes"])
        .done();
    assert!(!path.exists());
    home.run(&["models", "remove", "dofa-tiny", "--yes"]).done();
    assert!(list_files(&home).is_empty(), "{:?}", list_files(&home));
    home.run(&["models", "remove", "dofa-tiny", "--yes"])
        .failed(1, &["no weights"]);
    home.run(&["models", "verify"])
        .failed(1, &["no weights are installed"]);
    // What was taken in from is untouched.
    assert!(pth.exists() && pack.exists());
}

#[test]
fn files_that_are_no_model_are_not_taken_in() {
    let home = Home::new();
    let import = |path: &Path| home.run(&["models", "import", path.to_str().unwrap()]);
    import(&sample().join("labels.geojson")).failed(1, &["not a weights file"]);
    import(&home.path().join("absent.pth")).failed(1, &["cannot be read"]);
    if let Some(small) = file("golden/dofa/encoder.pth") {
        import(&small).failed(1, &["without a name here", "width 32", "--weights"]);
    }
    let mut spoilt = tensors(&DofaConfig::tiny());
    spoilt.get_mut("blocks.1.mlp.fc2.weight").unwrap().1[7] = f32::NAN;
    let path = home.path().join("nan.safetensors");
    write_safetensors(&path, &spoilt, "F32");
    import(&path).failed(1, &["blocks.1.mlp.fc2.weight", "nan"]);
    spoilt.remove("blocks.1.mlp.fc2.weight");
    spoilt.insert(
        "blocks.1.mlp.fc9.weight".to_owned(),
        (vec![2], vec![0.0; 2]),
    );
    write_safetensors(&path, &spoilt, "F32");
    import(&path).failed(
        1,
        &[
            "missing: blocks.1.mlp.fc2.weight",
            "not part of the encoder: blocks.1.mlp.fc9.weight",
        ],
    );
    assert!(list_files(&home).is_empty(), "{:?}", list_files(&home));
}

#[test]
fn installed_weights_are_used_unless_told_otherwise() {
    let home = Home::new();
    let path = home.path().join("tiny.safetensors");
    std::fs::write(&path, tiny_weights()).unwrap();
    home.run(&["models", "import", path.to_str().unwrap()])
        .done();
    let scene = sample().join("m_4709963_se_14_1_20160816_5m.tif");
    let small = home.path().join("scene.tif");
    cut(&scene, &small);
    let field = home.path().join("field.tif");
    let embed = |more: &[&str]| {
        let mut arguments = vec![
            "embed",
            small.to_str().unwrap(),
            "--device",
            "cpu",
            "--out",
            field.to_str().unwrap(),
        ];
        arguments.extend(more);
        home.run(&arguments).done();
        let info = home
            .run(&["info", field.to_str().unwrap(), "--json"])
            .json();
        info.to_string()
    };
    let hash = sha256(tiny_weights());
    assert!(embed(&[]).contains(&hash));
    let untrained = embed(&["--untrained"]);
    assert!(
        !untrained.contains(&hash) && untrained.contains("untrained, seed 0"),
        "{untrained}"
    );
    // The command a file tells repeats what was done, whatever is installed by then.
    assert!(
        home.run(&[
            "reproduce",
            field.to_str().unwrap(),
            "--out",
            "x.tif",
            "--print"
        ])
        .done()
        .contains("--untrained")
    );
    home.run(&[
        "embed",
        "a.tif",
        "--untrained",
        "--weights",
        "b.pth",
        "--out",
        "c.tif",
    ])
    .failed(2, &["--untrained"]);
}

/// The upper left corner of a scene, 64 pixels a side, with its wavelengths.
fn cut(scene: &Path, to: &Path) {
    use terroir_scene::{MapKind, MapWriter, Raster, Resampling, Window};
    let raster = Raster::open(scene).unwrap();
    let window = Window {
        col: 0,
        row: 0,
        width: 64,
        height: 64,
    };
    let block = raster
        .read_blocking(&[0, 1, 2], window, 64, 64, Resampling::Nearest)
        .unwrap();
    let mut grid = raster.info().grid.clone();
    (grid.width, grid.height) = (64, 64);
    let bands = ["red", "green", "blue"]
        .map(|name| (name.to_owned(), "1".to_owned()))
        .to_vec();
    let kind = MapKind::Continuous {
        bands,
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(to, &grid, kind).unwrap();
    writer.write_floats(window, &block.values).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

/// Shapes of a published file, as its manifest lists them.
fn manifest(name: &str) -> Option<Vec<(String, Vec<usize>)>> {
    let text = std::fs::read_to_string(file("golden/dofa/manifests.json")?).unwrap();
    let all: Value = serde_json::from_str(&text).unwrap();
    let entries = all[name].as_object().unwrap();
    Some(
        entries
            .iter()
            .map(|(key, entry)| {
                let shape = entry[1].as_array().unwrap();
                (
                    key.clone(),
                    shape
                        .iter()
                        .map(|size| size.as_u64().unwrap() as usize)
                        .collect(),
                )
            })
            .collect(),
    )
}

const PUBLISHED: [(&str, &str); 4] = [
    ("DOFA_ViT_base_e100.pth", "dofa-base"),
    ("DOFA_ViT_large_e100.pth", "dofa-large"),
    ("dofav2_vit_base_e150.pth", "dofa-v2-base"),
    ("dofav2_vit_large_e150.pth", "dofa-v2-large"),
];

/// In the published files, but only their authors' training needs them.
const NOT_THE_ENCODER: [&str; 3] = ["mask_token", "projector.weight", "projector.bias"];

#[test]
fn every_published_size_has_the_published_parameters() {
    for (file, model) in PUBLISHED {
        let Some(manifest) = manifest(file) else {
            return;
        };
        let config = DofaConfig::by_name(model).unwrap();
        let ours: Vec<(String, Vec<usize>)> = config
            .parameters()
            .into_iter()
            .map(|parameter| (parameter.name, parameter.shape))
            .collect();
        let theirs: Vec<(String, Vec<usize>)> = manifest
            .into_iter()
            .filter(|(name, _)| !NOT_THE_ENCODER.contains(&name.as_str()))
            // The outer norm of version 2 is in its files and used by nobody.
            .filter(|(name, _)| !(config.layer_scale && name.starts_with("norm.")))
            .collect();
        let sorted = |mut list: Vec<(String, Vec<usize>)>| {
            list.sort();
            list
        };
        assert_eq!(sorted(ours), sorted(theirs), "{file}");
    }
}

fn loads_whole(name: &str, model: &str) {
    let Some(manifest) = manifest(name) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    write_zeros(&path, &manifest);
    let loaded = terroir_models::load_dofa(&path, &Device::flex()).unwrap();
    assert_eq!(loaded.model.config().name(), Some(model));
    assert_eq!(
        loaded.model.parameter_count(),
        loaded.model.config().parameter_count()
    );
    if model.starts_with("dofa-v2") {
        return;
    }
    assert!(
        loaded
            .notes
            .iter()
            .any(|note| note.contains("before 30 August 2024")),
        "{:?}",
        loaded.notes
    );
}

#[test]
fn a_checkpoint_of_the_published_base_shapes_loads() {
    loads_whole("DOFA_ViT_base_e100.pth", "dofa-base");
}

#[test]
fn a_checkpoint_of_the_published_base_shapes_of_version_2_loads() {
    loads_whole("dofav2_vit_base_e150.pth", "dofa-v2-base");
}

#[test]
#[ignore = "takes 3 GB of memory"]
fn checkpoints_of_the_published_large_shapes_load() {
    loads_whole("DOFA_ViT_large_e100.pth", "dofa-large");
    loads_whole("dofav2_vit_large_e150.pth", "dofa-v2-large");
}
