//! Shards: a job cut into rows, each worked on by a process of its own, and joined to what one process makes at once.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use terroir_scene::{
    Class, FIELD_AXES, HeadKind, LinearHead, Raster, RasterInfo, Resampling, Window,
};

use crate::program::{Run, command, files_in, run, sample, signal};
use crate::web_server::{Manner, WebServer};

const SCENE: &str = "m_4709963_se_14_1_20160816_5m.tif";
/// Of the bundled scene: three rows of blocks high, and narrow, so that it is done in seconds.
const COLUMNS: usize = 120;
const ROWS: usize = 723;

/// A strip of the bundled scene.
fn strip(folder: &Path) -> PathBuf {
    let bands: String = (1..=4)
        .map(|band| {
            format!(
                r#"<VRTRasterBand dataType="Byte" band="{band}"><SimpleSource>
                <SourceFilename>{}</SourceFilename><SourceBand>{band}</SourceBand>
                <SrcRect xOff="400" yOff="0" xSize="{COLUMNS}" ySize="{ROWS}"/>
                <DstRect xOff="0" yOff="0" xSize="{COLUMNS}" ySize="{ROWS}"/></SimpleSource></VRTRasterBand>"#,
                sample().join(SCENE).display()
            )
        })
        .collect();
    let path = folder.join("strip.vrt");
    let text = format!(
        r#"<VRTDataset rasterXSize="{COLUMNS}" rasterYSize="{ROWS}"><SRS>EPSG:26914</SRS>
        <GeoTransform>487900.6, 5.0, 0.0, 5209246.2, 0.0, -5.0</GeoTransform>{bands}</VRTDataset>"#
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// Two empty folders: for one process, and for shards.
fn two_folders(folder: &Path) -> [PathBuf; 2] {
    ["whole", "parts"].map(|name| {
        let path = folder.join(name);
        std::fs::create_dir(&path).unwrap();
        path
    })
}

/// Everything a file says but when it was written and how long that took.
fn said(info: &RasterInfo) -> Vec<(String, Value)> {
    let mut items: Vec<(String, Value)> = info
        .metadata
        .iter()
        .filter(|(key, _)| key != "TIFFTAG_DATETIME")
        .map(|(key, text)| {
            let mut value =
                serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.clone()));
            if let Value::Object(object) = &mut value {
                object.remove("seconds");
            }
            (key.clone(), value)
        })
        .collect();
    for band in &info.bands {
        let text = format!("{band:?}");
        items.push((format!("band {}", band.index), Value::from(text)));
    }
    items
}

/// Two files of one name in two folders are the same: pixels, place, words, colours, side-cars.
#[track_caller]
fn assert_same(one: &Path, other: &Path) {
    let (a, b) = (Raster::open(one).unwrap(), Raster::open(other).unwrap());
    let name = one.display();
    assert_eq!(a.info().grid, b.info().grid, "{name}");
    assert_eq!(said(a.info()), said(b.info()), "{name}");
    let grid = a.info().grid.clone();
    let bands: Vec<usize> = (0..a.info().bands.len()).collect();
    for row in 0..grid.height {
        let window = Window {
            row,
            height: 1,
            ..grid.window()
        };
        let read = |raster: &Raster| {
            let block = raster
                .read_blocking(&bands, window, grid.width, 1, Resampling::Nearest)
                .unwrap();
            let bits: Vec<u32> = block.values.iter().map(|value| value.to_bits()).collect();
            (bits, block.valid)
        };
        assert!(read(&a) == read(&b), "{name}: row {row} differs");
    }
    // Overviews, too.
    let read = |raster: &Raster| {
        let (width, height) = (grid.width.div_ceil(4), grid.height.div_ceil(4));
        raster
            .read_blocking(&bands, grid.window(), width, height, Resampling::Average)
            .unwrap()
            .values
            .iter()
            .map(|value| value.to_bits())
            .collect::<Vec<_>>()
    };
    assert!(read(&a) == read(&b), "{name}: the coarse look differs");
    for ending in ["tif.aux.xml", "qml", "sld", "projection.json"] {
        let bytes = |path: &Path| std::fs::read(path.with_extension(ending)).ok();
        assert!(bytes(one) == bytes(other), "{name}: {ending} differs");
    }
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

#[test]
fn shards_of_an_embedding_of_which_one_is_killed_join_to_the_single_run() {
    let folder = tempfile::tempdir().unwrap();
    strip(folder.path());
    let [whole, parts] = two_folders(folder.path());
    let embed = "embed ../strip.vrt --model dofa-tiny --device cpu --out field.tif \
                 --wavelengths 1=650nm,2=560nm,3=480nm,4=850nm";
    run(&whole, &words(embed)).done();
    run(&parts, &words(&format!("{embed} --shard 1/2"))).done();

    let second = words(embed)
        .into_iter()
        .chain(["--shard", "2/2"])
        .collect::<Vec<_>>();
    let mut child = command(&parts, &second).spawn().unwrap();
    let done = parts.join("field.shard-2-of-2.terroir-part/done.txt");
    let deadline = Instant::now() + Duration::from_secs(120);
    while std::fs::read_to_string(&done).map_or(true, |text| !text.contains('\n')) {
        assert!(Instant::now() < deadline, "no block was finished");
        assert!(child.try_wait().unwrap().is_none(), "it ended too early");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal("KILL", child.id());
    child.wait().unwrap();
    let of_second = parts.join("field.shard-2-of-2.tif");
    assert!(done.exists() && !of_second.exists());
    // What is there is not the whole.
    run(&parts, &["merge", "field.tif"]).failed(
        1,
        &["shard 2/2 is missing (rows 257 to 723 of 723); run it"],
    );
    assert!(!parts.join("field.tif").exists());

    let again = run(&parts, &second);
    assert!(
        again.stderr.contains("interrupted run: 1 of 2"),
        "{}",
        again.stderr
    );
    again.done();
    assert!(!done.exists());
    let third = run(&parts, &second).done();
    assert!(third.contains("Shard 2/2 is finished already"), "{third}");

    let merged = run(&parts, &["merge", "field.tif"]).done();
    assert!(merged.contains("from 2 shards"), "{merged}");
    assert_same(&whole.join("field.tif"), &parts.join("field.tif"));
    let shard = Raster::open(&of_second).unwrap();
    assert_eq!(
        (shard.info().grid.width, shard.info().grid.height),
        (120, 467)
    );
    let georef = shard.info().grid.georef.transform.unwrap().0;
    assert_eq!(
        georef,
        [487_900.6, 5.0, 0.0, 5_209_246.2 - 5.0 * 256.0, 0.0, -5.0]
    );
    // A shard says how to make it again; the joined file says how to make it at once.
    let line = |file: &str| run(&parts, &["reproduce", file, "--print"]).done();
    assert!(
        line("field.shard-2-of-2.tif")
            .trim()
            .ends_with("--shard 2/2")
    );
    let at_once = line("field.tif");
    assert!(at_once.contains("--out field_again.tif") && !at_once.contains("--shard"));
    // A changed scene makes the shard anew.
    let changed = std::fs::read_to_string(folder.path().join("strip.vrt")).unwrap() + "\n";
    std::fs::write(folder.path().join("strip.vrt"), changed).unwrap();
    let mut child = command(&parts, &second).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while !parts.join("field.shard-2-of-2.terroir-part").exists() {
        assert!(Instant::now() < deadline && child.try_wait().unwrap().is_none());
        std::thread::sleep(Duration::from_millis(5));
    }
    signal("KILL", child.id());
    child.wait().unwrap();
}

/// A head that tells two classes apart by the first two axes.
fn write_head(path: &Path, strength: f32) {
    let class = |id: u8, name: &str| Class {
        id,
        name: name.to_owned(),
        color: [40 * id, 90, 30],
    };
    let mut weights = vec![vec![0.0; FIELD_AXES]; 2];
    weights[0][0] = strength;
    weights[1][1] = strength;
    let head = LinearHead {
        schema: 1,
        kind: HeadKind::Ridge,
        classes: vec![class(1, "water"), class(4, "crops, \"young\"")],
        weights,
        bias: vec![0.0, 0.05],
        temperature: 1.0,
        provenance: serde_json::Map::new(),
    };
    head.save(path).unwrap();
}

/// A field of 30 x 700 pixels with holes.
fn write_field(path: &Path) {
    use terroir_scene::{Grid, MapKind, MapWriter, encode_pixel};
    let grid = Grid {
        width: 30,
        height: 700,
        georef: Raster::open(&sample().join(SCENE))
            .unwrap()
            .info()
            .grid
            .georef
            .clone(),
    };
    let pixels: Vec<[i8; FIELD_AXES]> = (0..30 * 700)
        .map(|at: usize| match at % 101 {
            0 => [-128; FIELD_AXES],
            _ => encode_pixel(&std::array::from_fn(|axis| {
                ((at * 31 + axis * 17) % 97) as f32 / 97.0 - 0.4
            })),
        })
        .collect();
    let planar: Vec<u8> = (0..FIELD_AXES)
        .flat_map(|axis| pixels.iter().map(move |pixel| pixel[axis].cast_unsigned()))
        .collect();
    let mut writer = MapWriter::create(path, &grid, MapKind::Field).unwrap();
    writer.write_bytes(grid.window(), &planar).unwrap();
    writer.finish(&Vec::new()).unwrap();
}

#[test]
fn shards_of_a_map_join_with_all_that_lies_beside_it_and_strangers_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_field(&folder.path().join("field.tif"));
    write_head(&folder.path().join("head.json"), 4.0);
    write_head(&folder.path().join("other.json"), 5.0);
    let [whole, parts] = two_folders(folder.path());
    let predict = "predict --field ../field.tif --head ../head.json --out map.tif --probabilities \
                   --uncertainty entropy";
    let shard = |options: &str| run(&parts, &words(&format!("{predict} {options}"))).done();
    run(&whole, &words(predict)).done();
    run(&parts, &["merge", "map.tif"])
        .failed(1, &["no shards of this file lie beside it", "map.tif"]);
    for number in 1..=3 {
        let text = shard(&format!("--shard {number}/5"));
        assert!(
            text.contains(&format!("Shard {number}/5: Map of")),
            "{text}"
        );
    }
    // The field has no rows for the last two.
    for number in 4..=5 {
        let text = shard(&format!("--shard {number}/5"));
        assert!(
            text.contains(&format!("shard {number}/5 has nothing to do")),
            "{text}"
        );
    }
    run(&parts, &["merge", "map.tif"]).done();
    for name in [
        "map",
        "map_confidence",
        "map_probabilities",
        "map_uncertainty",
    ] {
        let name = format!("{name}.tif");
        assert_same(&whole.join(&name), &parts.join(&name));
    }
    // Twice gives the same, and finished shards are seen.
    run(&parts, &["merge", "map.tif"]).done();
    assert_same(&whole.join("map.tif"), &parts.join("map.tif"));
    assert!(shard("--shard 2/5").contains("is finished already"));
    let before = files_in(&parts);

    let named = |options: &str| run(&parts, &words(&format!("merge out.tif {options}")));
    let all = "map.shard-1-of-5.tif map.shard-2-of-5.tif map.shard-3-of-5.tif";
    named("map.shard-1-of-5.tif map.shard-3-of-5.tif").failed(
        1,
        &["shard 2/5 is missing (rows 257 to 512 of 700)", "out.tif"],
    );
    named("map.shard-2-of-5.tif").failed(1, &["shards 1/5, 3/5", "are missing"]);
    std::fs::copy(parts.join("map.shard-2-of-5.tif"), parts.join("copy.tif")).unwrap();
    named(&format!("{all} copy.tif")).failed(1, &["shard 2/5 is there twice", "copy.tif"]);
    named("map.shard-1-of-5.tif copy.tif map.shard-3-of-5.tif").failed(
        1,
        &[
            "was renamed",
            "call it map.shard-2-of-5.tif again",
            "copy.tif",
        ],
    );
    std::fs::remove_file(parts.join("copy.tif")).unwrap();
    named(&format!("{all} ../field.tif")).failed(1, &["is no shard", "field.tif"]);
    named(&all.replace("map.", "map_confidence."))
        .failed(1, &["name the shards of that", "map.tif"]);
    run(
        &parts,
        &words("merge map.shard-1-of-5.tif map.shard-1-of-5.tif"),
    )
    .failed(1, &["would overwrite one of its shards"]);
    // Another head, then another number of shards.
    let foreign = folder.path().join("foreign");
    std::fs::create_dir(&foreign).unwrap();
    let make = |line: &str, shard: &str| {
        run(&foreign, &words(&format!("{line} --shard {shard}"))).done();
    };
    make(&predict.replace("head.json", "other.json"), "2/5");
    named("map.shard-1-of-5.tif ../foreign/map.shard-2-of-5.tif map.shard-3-of-5.tif").failed(
        1,
        &[
            "not of the same job",
            "they differ in",
            "model",
            "foreign/map.shard-2-of-5.tif",
        ],
    );
    make(predict, "2/3");
    named("map.shard-1-of-5.tif ../foreign/map.shard-2-of-3.tif map.shard-3-of-5.tif")
        .failed(1, &["different numbers of shards"]);
    // What lay beside a shard is gone.
    let lost = parts.join("map_probabilities.shard-2-of-5.tif");
    std::fs::rename(&lost, parts.join("elsewhere")).unwrap();
    named(all).failed(1, &["no such file", "map_probabilities.shard-2-of-5.tif"]);
    std::fs::rename(parts.join("elsewhere"), &lost).unwrap();
    assert_eq!(
        files_in(&parts),
        before,
        "a refused merge left something behind"
    );
    // And is made again with its shard.
    std::fs::remove_file(&lost).unwrap();
    assert!(shard("--shard 2/5").contains("Shard 2/5: Map of"));
    assert_eq!(files_in(&parts), before);
}

#[test]
fn shards_read_a_scene_on_the_network_and_their_options_are_checked() {
    let server = WebServer::start(std::fs::read(sample().join(SCENE)).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = two_folders(folder.path());
    let calc = format!(
        "calc {} --expression (b4-b1)/(b4+b1) --out ratio.tif",
        server.scene()
    );
    run(&whole, &words(&calc)).done();
    for number in 1..=2 {
        run(&parts, &words(&format!("{calc} --shard {number}/2"))).done();
    }
    run(&parts, &["merge", "ratio.tif"]).done();
    assert_same(&whole.join("ratio.tif"), &parts.join("ratio.tif"));
    // Of a file that names an address the command is told, and nothing is read.
    let questions = server.questions().len();
    let told = run(&parts, &["reproduce", "ratio.tif", "--print"]).done();
    assert!(told.contains(&server.scene()), "{told}");
    run(&parts, &["reproduce", "ratio.tif"]).failed(1, &["was not connected"]);
    assert_eq!(server.questions().len(), questions);
    // An address takes no results, and no folder called so is made here.
    let to_address = calc.replace("ratio.tif", &server.address("ratio.tif"));
    run(&parts, &words(&to_address)).failed(1, &["can only be read", "ratio.tif"]);
    assert!(!parts.join("http:").exists());
    for text in ["0/2", "3/2", "2", "a/b", "-1/2"] {
        let option = format!("--shard={text}");
        let run = run(&parts, &words(&format!("{calc} {option}")));
        run.failed(2, &["from 1/4 to 4/4"]);
    }
    let season = "embed a.tif --model kgvsf-tiny --out field.tif --shard 1/2 --weather w.csv";
    run(&parts, &words(season)).failed(2, &["leave --shard out"]);
}

#[test]
fn shards_of_a_composite_join_to_the_single_run() {
    let folder = tempfile::tempdir().unwrap();
    let [whole, parts] = two_folders(folder.path());
    // Twice as fine as the images: more rows than one shard begins with.
    let reference = r#"<VRTDataset rasterXSize="304" rasterYSize="270"><SRS>EPSG:32629</SRS>
        <GeoTransform>536640, 10, 0, 4350300, 0, -10</GeoTransform><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>"#;
    std::fs::write(folder.path().join("grid.vrt"), reference).unwrap();
    let images: Vec<String> = ["2021-06-28", "2021-07-28", "2021-08-17"]
        .iter()
        .map(|day| sample().join(format!("S2_{day}.tif")).display().to_string())
        .collect();
    let composite = format!(
        "composite {} --reference ../grid.vrt --out median.tif",
        images.join(" ")
    );
    run(&whole, &words(&composite)).done();
    for number in [2, 1] {
        run(&parts, &words(&format!("{composite} --shard {number}/2"))).done();
    }
    run(&parts, &["merge", "median.tif"]).done();
    assert_same(&whole.join("median.tif"), &parts.join("median.tif"));
}

#[test]
fn shards_of_what_fields_are_asked_for_join_to_the_single_run() {
    let folder = tempfile::tempdir().unwrap();
    write_field(&folder.path().join("before.tif"));
    // The same vectors a row lower, mostly.
    let earlier = Raster::open(&folder.path().join("before.tif")).unwrap();
    let grid = earlier.info().grid.clone();
    let codes = earlier
        .read_codes_blocking(grid.window(), grid.width, grid.height)
        .unwrap();
    let shifted: Vec<u8> = codes
        .chunks(grid.width * grid.height)
        .flat_map(|axis| {
            let (last, rest) = axis.split_at(axis.len() - grid.width);
            [rest, last].concat()
        })
        .map(i8::cast_unsigned)
        .collect();
    let mut writer = terroir_scene::MapWriter::create(
        &folder.path().join("after.tif"),
        &grid,
        terroir_scene::MapKind::Field,
    )
    .unwrap();
    writer.write_bytes(grid.window(), &shifted).unwrap();
    writer.finish(&Vec::new()).unwrap();
    let (x, y) = grid.transform().map_from_pixel(10.5, 300.5);
    let measured: String = (0..40)
        .map(|place| {
            let (x, y) = grid.transform().map_from_pixel(
                f64::from(place % 8) * 3.0 + 1.5,
                f64::from(place) * 17.0 + 2.5,
            );
            format!("{x},{y},{}\n", place % 7)
        })
        .collect();
    std::fs::write(
        folder.path().join("measured.csv"),
        format!("x,y,height\n{measured}"),
    )
    .unwrap();
    let fit = "regress --field before.tif --points measured.csv --value height --folds 0 --out fitted.tif";
    run(folder.path(), &words(fit)).done();
    let [whole, parts] = two_folders(folder.path());
    let jobs = [
        "change --before ../before.tif --after ../after.tif --no-polygons --out change.tif"
            .to_owned(),
        "regress --field ../after.tif --head ../fitted.json --out heights.tif".to_owned(),
        format!("similar --field ../before.tif --at {x},{y} --values --out alike.tif"),
        format!("similar --field ../before.tif --at {x},{y} --threshold 0.5 --out mask.tif"),
    ];
    for job in &jobs {
        run(&whole, &words(job)).done();
        for number in [3, 1, 2] {
            run(&parts, &words(&format!("{job} --shard {number}/3"))).done();
        }
        let out = words(job).pop().unwrap();
        run(&parts, &["merge", out]).done();
        assert_same(&whole.join(out), &parts.join(out));
        let again = run(&parts, &words(&format!("{job} --shard 2/3"))).done();
        assert!(again.contains("is finished already"), "{again}");
    }
    // What shards cannot cut is refused before anything is read.
    for (job, said) in [
        (
            "change --before ../before.tif --after ../after.tif --out c.tif",
            "--no-polygons",
        ),
        (
            "regress --field ../before.tif --points ../measured.csv --value height --out r.tif",
            "--head",
        ),
    ] {
        run(&parts, &words(&format!("{job} --shard 1/2"))).failed(1, &[said]);
    }
    let places = format!(
        "similar --field ../before.tif --at {x},{y} --out places.csv --places 2 --shard 1/2"
    );
    run(&parts, &words(&places)).failed(1, &["leave places and polygons out"]);
}

#[test]
fn shards_and_the_whole_may_lie_in_a_store() {
    use terroir_engine::{CalcSpec, JobSpec, MergeSpec, Shard, ShardSpec, run_here};
    let folder = tempfile::tempdir().unwrap();
    // A store in memory: written and read through the same calls as one on the network.
    let store = Path::new("/vsimem/shards");
    let scene = strip(folder.path());
    let job = |out: PathBuf| {
        JobSpec::Calc(CalcSpec {
            scene: scene.clone(),
            expression: "b4 - b1".to_owned(),
            name: String::new(),
            out,
            wavelengths_nm: Vec::new(),
            ramp: "viridis".to_owned(),
        })
    };
    let done = |spec: &JobSpec| run_here(spec, &mut |_| {}, &|| false).unwrap();
    let (whole, joined) = (folder.path().join("d.tif"), store.join("d.tif"));
    done(&job(whole.clone()));
    let mut shards = Vec::new();
    for shard in Shard::all(2) {
        let spec = JobSpec::Shard(ShardSpec {
            shard,
            of: Box::new(job(joined.clone())),
        });
        let outcome = done(&spec);
        assert_eq!(outcome.files[0], shard.path_of(&joined));
        assert!(done(&spec).summary.contains("finished already"));
        shards.push(shard.path_of(&joined));
    }
    let merge = JobSpec::Merge(MergeSpec {
        out: joined.clone(),
        shards,
    });
    assert_eq!(done(&merge).files[0], joined);
    let values = |path: &Path| {
        let raster = Raster::open(path).unwrap();
        let window = raster.info().grid.window();
        let block = raster
            .read_blocking(
                &[0],
                window,
                window.width,
                window.height,
                Resampling::Nearest,
            )
            .unwrap();
        (raster.info().grid.clone(), block.values, block.valid)
    };
    assert!(values(&whole) == values(&joined));
    assert!(!terroir_scene::workplace(&joined).parent().unwrap().exists());
}

#[test]
fn processes_share_a_store_on_the_network() {
    let store = WebServer::start(Vec::new());
    let folder = tempfile::tempdir().unwrap();
    let (here, temporary) = (folder.path(), folder.path().join("temporary"));
    std::fs::create_dir(&temporary).unwrap();
    write_field(&here.join("field.tif"));
    write_head(&here.join("head.json"), 4.0);
    let with_store = |line: &str| -> Run {
        let mut command = command(here, &words(line));
        command
            .env("AWS_S3_ENDPOINT", store.host())
            .env("AWS_HTTPS", "NO")
            .env("AWS_VIRTUAL_HOSTING", "FALSE")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "tests")
            .env("AWS_SECRET_ACCESS_KEY", "tests")
            .env("TMPDIR", &temporary);
        command.output().unwrap().into()
    };
    let predict = "predict --field field.tif --head head.json --out";
    run(here, &words(&format!("{predict} map.tif"))).done();
    for number in 1..=2 {
        let shard = format!("{predict} s3://bucket/map.tif --shard {number}/2");
        with_store(&shard).done();
        assert!(with_store(&shard).done().contains("is finished already"));
    }
    for name in ["map", "map_confidence"] {
        let name = format!("/bucket/{name}.shard-2-of-2.tif");
        assert!(store.kept().contains(&name), "{:?}", store.kept());
    }
    let shards = "/vsis3/bucket/map.shard-1-of-2.tif /vsis3/bucket/map.shard-2-of-2.tif";
    with_store(&format!("merge /vsis3/bucket/map.tif {shards}")).done();
    with_store(&format!("merge joined.tif {shards}")).done();
    for [one, other] in [
        ["map.tif", "joined.tif"],
        ["map_confidence.tif", "joined_confidence.tif"],
    ] {
        let values = |name: &str| {
            let raster = Raster::open(&here.join(name)).unwrap();
            let window = raster.info().grid.window();
            raster
                .read_blocking(
                    &[0],
                    window,
                    window.width,
                    window.height,
                    Resampling::Nearest,
                )
                .unwrap()
        };
        assert!(values(one) == values(other), "{other}");
    }
    let sent = store.kept().len();
    // A store that takes nothing: the message says where the finished file waits.
    store.behave(Manner::Fails(403));
    with_store(&format!("{predict} /vsis3/closed/map.tif"))
        .failed(1, &["the finished file waits at"]);
    assert_eq!(store.kept().len(), sent);
    assert_eq!(files_in(&temporary).len(), 1);
}
