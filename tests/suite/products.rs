//! Sensor products and containers through the command line: described, drawn and embedded like any raster.

use std::path::{Path, PathBuf};
use std::process::Command;

use egui_kittest::kittest::Queryable as _;

use crate::program::{run, sample};
use crate::window::{open, shows, wait};

/// A Sentinel-2 SAFE folder cut from the sample with GDAL's own tools; `None`, said aloud, without them.
fn safe(folder: &Path) -> Option<PathBuf> {
    let root = folder.join("S2B_MSIL2A_20210728T112119_N0400_R037_T29SND_20210728T135212.SAFE");
    let images = root.join("GRANULE/L2A_T29SND_A022938_20210728T112853/IMG_DATA/R20m");
    std::fs::create_dir_all(&images).unwrap();
    let names = [
        "B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12", "SCL",
    ];
    for (number, name) in (1..).zip(names) {
        let made = Command::new("gdal_translate")
            .args([
                "-q",
                "-b",
                &format!("{number}"),
                "-a_nodata",
                "none",
                "-of",
                "JP2OpenJPEG",
            ])
            .args(["-co", "QUALITY=100", "-co", "REVERSIBLE=YES"])
            .arg(sample().join("S2_2021-07-28.tif"))
            .arg(images.join(format!("T29SND_20210728T112119_{name}_20m.jp2")))
            .output();
        let Ok(made) = made else {
            eprintln!("SKIPPED: gdal_translate is not installed");
            return None;
        };
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
    }
    let centers: String = [("B2", 492.1), ("B3", 559.0), ("B4", 665.0), ("B8", 833.0)]
        .iter()
        .map(|(name, center)| {
            format!(
                r#"<Spectral_Information bandId="0" physicalBand="{name}"><Wavelength><CENTRAL unit="nm">{center}</CENTRAL></Wavelength></Spectral_Information>"#
            )
        })
        .collect();
    std::fs::write(
        root.join("MTD_MSIL2A.xml"),
        format!(
            "<n1:Level-2A_User_Product xmlns:n1=\"x\"><SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME>\
             <PRODUCT_START_TIME>2021-07-28T11:21:19.024Z</PRODUCT_START_TIME>\
             <BOA_QUANTIFICATION_VALUE unit=\"none\">10000</BOA_QUANTIFICATION_VALUE>{centers}</n1:Level-2A_User_Product>"
        ),
    )
    .unwrap();
    Some(root)
}

#[test]
fn a_product_is_described_drawn_and_embedded_by_its_folder() {
    let folder = tempfile::tempdir().unwrap();
    let Some(root) = safe(folder.path()) else {
        return;
    };
    let path = root.to_str().unwrap();
    let info = run(folder.path(), &["info", path, "--json"]).json();
    assert_eq!(info["driver"], "Sentinel-2 product");
    assert_eq!(info["date"], "2021-07-28");
    assert_eq!(info["sensor"], "sentinel-2b");
    assert_eq!(info["band_count"], 13);
    let red = &info["bands"][3];
    assert_eq!(
        (
            &red["name"],
            &red["wavelength_nm"],
            &red["wavelength_source"]
        ),
        (&"B04".into(), &665.0.into(), &"product_xml".into())
    );
    assert_eq!(red["scale"], 0.0001);
    let said = run(folder.path(), &["info", path]).done();
    assert!(
        said.contains("product metadata") && said.contains("SCL"),
        "{said}"
    );

    run(folder.path(), &["render", path, "--out", "a.png"]).done();
    let of_sample = sample().join("S2_2021-07-28.tif");
    run(
        folder.path(),
        &["render", of_sample.to_str().unwrap(), "--out", "b.png"],
    )
    .done();
    let picture = |name: &str| std::fs::read(folder.path().join(name)).unwrap();
    assert!(
        picture("a.png") == picture("b.png"),
        "the product looks other than its pixels"
    );

    let made = run(
        folder.path(),
        &[
            "embed",
            path,
            "--device",
            "cpu",
            "--out",
            "f.tif",
            "--bands",
            "B02,B03,B04,B08",
        ],
    );
    made.done();
    let field = run(folder.path(), &["info", "f.tif", "--json"]).json();
    assert_eq!(
        (&field["width"], &field["height"]),
        (&152.into(), &135.into())
    );
}

#[test]
fn a_container_lists_what_it_holds_and_opens_by_variable() {
    let folder = tempfile::tempdir().unwrap();
    let made = Command::new("gdal_translate")
        .args(["-q", "-b", "4", "-b", "8", "-of", "netCDF"])
        .arg(sample().join("S2_2021-07-28.tif"))
        .arg(folder.path().join("two.nc"))
        .output();
    let Ok(made) = made else {
        eprintln!("SKIPPED: gdal_translate is not installed");
        return;
    };
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let said = run(folder.path(), &["info", "two.nc"]).done();
    assert!(
        said.contains("holds 2 rasters") && said.contains("152 x 135 x 1"),
        "{said}"
    );
    let list = run(folder.path(), &["info", "two.nc", "--json"]).json();
    let path = list["rasters"][1]["path"].as_str().unwrap().to_owned();
    assert_eq!(path, "two.nc:Band2");
    let info = run(folder.path(), &["info", &path, "--json"]).json();
    assert_eq!(
        (&info["width"], &info["band_count"]),
        (&152.into(), &1.into())
    );
    run(folder.path(), &["render", "two.nc", "--out", "a.png"]).failed(1, &["two.nc:Band1"]);
    run(folder.path(), &["render", &path, "--out", "a.png"]).done();
    run(folder.path(), &["info", "two.nc:Band7"]).failed(1, &["no `Band7`", "Band1, Band2"]);
}

#[test]
fn the_window_asks_which_rasters_of_a_container_to_open() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("two.nc");
    let made = Command::new("gdal_translate")
        .args(["-q", "-b", "4", "-b", "8", "-of", "netCDF"])
        .arg(sample().join("S2_2021-07-28.tif"))
        .arg(&path)
        .status();
    if made.is_err() {
        eprintln!("SKIPPED: gdal_translate is not installed");
        return;
    }
    let mut harness = open(vec![path]);
    let start = std::time::Instant::now();
    while !shows(&harness, "Which rasters?") {
        assert!(
            start.elapsed().as_secs() < 60,
            "{:?}",
            harness.state().log()
        );
        harness.step();
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    assert!(shows(&harness, "two.nc holds 2 rasters") && shows(&harness, "152 × 135"));
    // Both lie on the largest grid; one is left out.
    harness.get_by_label("Band1").click();
    harness.step();
    harness.step();
    harness.get_by_label("Open 1 layer").click();
    wait(&mut harness, "opening the variable", |window| {
        !window.document().layers.is_empty()
    });
    let layers = &harness.state().document().layers;
    assert_eq!((layers.len(), layers[0].name.as_str()), (1, "two Band2"));
}
