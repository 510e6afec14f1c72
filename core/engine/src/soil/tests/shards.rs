//! The maps of a soil-moisture job in shards, which join to those of a single run.

use super::*;

#[test]
fn shards_of_the_maps_join_to_the_single_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut spec = place(folder.path(), 8);
    // Finer than the images: more rows than one shard begins with.
    let fine = Grid {
        width: 8 * SIDE,
        height: 8 * SIDE,
        georef: Georef {
            transform: Some(GeoTransform([500_000.0, 2.5, 0.0, 4_000_000.0, 0.0, -2.5])),
            ..grid().georef
        },
    };
    let reference = folder.path().join("grid.tif");
    let kind = MapKind::Continuous {
        bands: vec![("nothing".to_owned(), String::new())],
        ramp: "viridis".to_owned(),
    };
    let mut writer = MapWriter::create(&reference, &fine, kind).expect("a file");
    writer
        .write_floats(fine.window(), &vec![0.0; fine.window().pixels()])
        .expect("written");
    writer.finish(&Vec::new()).expect("finished");
    if let Some(archive) = &mut spec.archive {
        archive.reference = Some(reference);
    }
    run(&spec).expect("a map");
    let parts = SoilSpec {
        out: folder.path().join("parts"),
        ..spec.clone()
    };
    let here = |job: JobSpec| run_here(&job, &mut |_| {}, &|| false);
    let shard = |shard: &str| {
        here(JobSpec::Shard(crate::ShardSpec {
            shard: shard.parse().expect("a shard"),
            of: Box::new(JobSpec::Soil(parts.clone())),
        }))
    };
    for number in ["2/2", "1/2"] {
        let files = shard(number).expect("a part of the map").files;
        assert!(!files.is_empty(), "{number}");
    }
    for name in ["soil_moisture_2021-07-07", "soil_moisture_2021-07-07_std"] {
        let name = format!("{name}.tif");
        here(JobSpec::Merge(crate::MergeSpec {
            out: parts.out.join(&name),
            shards: Vec::new(),
        }))
        .expect("joined");
        let bits = |folder: &Path| -> Vec<u32> {
            let values = values(&folder.join(&name));
            values.iter().map(|value| value.to_bits()).collect()
        };
        assert!(bits(&spec.out) == bits(&parts.out), "{name}");
    }
    // The report is that of a run without shards.
    assert!(!parts.out.join("report.json").exists());
    let plain = SoilSpec {
        archive: None,
        dates: Vec::new(),
        uncertainty: false,
        ..parts.clone()
    };
    let refused = here(JobSpec::Shard(crate::ShardSpec {
        shard: "1/2".parse().expect("a shard"),
        of: Box::new(JobSpec::Soil(plain)),
    }));
    let words = refused.expect_err("no maps").to_string();
    assert!(words.contains("--images"), "{words}");
}
