//! Derived channels against other programs: formulas against `gdal_calc.py`, hill-shade against `gdaldem`, and the raster
//! that the calc job writes. Where such a program is not installed, its test says SKIPPED.

use std::path::{Path, PathBuf};
use std::process::Command;

use terroir_engine::{CalcSpec, JobSpec, command_line, reproduce_spec, run_here};
use terroir_scene::{
    Block, Derivation, Hillshade, Raster, Resampling, default_style_blocking, spectral_index,
};

use crate::program::{repository, run, shared_data};

fn sample() -> PathBuf {
    repository().join("assets/sample/S2_2021-07-28.tif")
}

/// True when the program ran; says so when it is not there.
fn ran(program: &str, arguments: &[&str]) -> bool {
    match Command::new(program).args(arguments).output() {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            eprintln!(
                "SKIPPED: {program} failed: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            false
        }
        Err(error) => {
            eprintln!("SKIPPED: {program}: {error}");
            false
        }
    }
}

fn band(path: &Path, band: usize) -> Block {
    let raster = Raster::open(path).unwrap();
    let window = raster.info().grid.window();
    raster
        .read_blocking(
            &[band],
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )
        .unwrap()
}

fn spec(expression: &str, name: &str, out: &Path) -> CalcSpec {
    CalcSpec {
        scene: sample(),
        expression: expression.to_owned(),
        name: name.to_owned(),
        out: out.to_owned(),
        wavelengths_nm: Vec::new(),
        ramp: "ndvi".to_owned(),
    }
}

#[test]
fn the_job_writes_what_the_formula_says_and_how_it_was_made() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("ndvi.tif");
    let index = spectral_index("ndvi").unwrap();
    let job = JobSpec::Calc(spec(&index.formula, &index.name, &out));
    let outcome = run_here(&job, &mut |_| {}, &|| false).unwrap();
    assert!(outcome.files[0] == out && out.with_extension("qml").is_file());

    let scene = Raster::open(&sample()).unwrap();
    let Derivation::Formula { bands, .. } = index.derivation(&scene.info().bands).unwrap() else {
        panic!("an index is a formula");
    };
    let (nir, red) = (band(&sample(), bands[0]), band(&sample(), bands[1]));
    let made = band(&out, 0);
    let mut compared = 0;
    for pixel in 0..made.values.len() {
        let (nir_value, red_value) = (f64::from(nir.values[pixel]), f64::from(red.values[pixel]));
        let is_valid = nir.valid[pixel] && red.valid[pixel] && nir_value + red_value != 0.0;
        assert_eq!(made.valid[pixel], is_valid, "pixel {pixel}");
        if is_valid {
            let expected = (nir_value - red_value) / (nir_value + red_value);
            assert!((f64::from(made.values[pixel]) - expected).abs() < 1e-6);
            compared += 1;
        }
    }
    assert!(compared > 10_000);

    let raster = Raster::open(&out).unwrap();
    let info = &raster.info().bands[0];
    assert_eq!((info.name.as_str(), info.unit.as_str()), ("NDVI", "1"));
    assert!(info.nodata.is_some_and(f64::is_nan));
    assert!(raster.info().grid.same_as(&scene.info().grid));
    let said = raster.info().metadata_item("TERROIR_INPUTS").unwrap();
    assert!(said.contains("B08") && said.contains("B04"), "{said}");
    assert_eq!(reproduce_spec(&out).unwrap(), std::slice::from_ref(&job));
    assert!(command_line(&job).contains("--index ndvi"));
    // What was written opens as the index looks.
    let style = default_style_blocking(&raster).unwrap();
    assert_eq!(style.ramp().unwrap().name, "ndvi");
    assert_eq!(
        (style.stretches()[0].low, style.stretches()[0].high),
        (-0.2, 1.0)
    );
}

#[test]
fn a_cancelled_job_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("x.tif");
    let job = JobSpec::Calc(spec("b1 + 1", "", &out));
    assert!(run_here(&job, &mut |_| {}, &|| true).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn formulas_agree_with_gdal_calc() {
    let folder = tempfile::tempdir().unwrap();
    let scene = sample();
    let scene = scene.display().to_string();
    for (number, (ours, theirs)) in [
        (
            "(b8 - b4) / (b8 + b4)",
            "(A.astype(float)-B)/(A.astype(float)+B)",
        ),
        (
            "where(b8 > 2 * b4, sqrt(b8), log10(b4 + 1))",
            "where(A*1.0>2.0*B, sqrt(A*1.0), log10(B+1.0))",
        ),
        (
            "max(b8, b4) ^ 0.5 - b8 % 0.7",
            "maximum(A,B)**0.5-(A*1.0)%0.7",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let out = folder.path().join(format!("theirs_{number}.tif"));
        // Their values are the stored numbers, so ours are compared on a copy without a scale.
        let plain = folder.path().join("plain.tif");
        let plain_text = plain.display().to_string();
        if !ran(
            "gdal_translate",
            &["-q", "-unscale", "-ot", "Float64", &scene, &plain_text],
        ) {
            return;
        }
        let arguments = [
            "--quiet",
            "--overwrite",
            "-A",
            &plain_text,
            "--A_band=8",
            "-B",
            &plain_text,
            "--B_band=4",
            "--type=Float64",
            "--calc",
            theirs,
            "--outfile",
            &out.display().to_string(),
        ];
        if !ran("gdal_calc.py", &arguments) {
            return;
        }
        let raster = Raster::open(Path::new(&scene)).unwrap();
        let derivation = Derivation::formula("", ours, &raster.info().bands).unwrap();
        let window = raster.info().grid.window();
        let made = raster
            .read_derived_blocking(&derivation, window, window.width, window.height)
            .unwrap();
        let known = band(&out, 0);
        let mut compared = 0;
        for pixel in
            (0..made.values.len()).filter(|pixel| made.valid[*pixel] && known.valid[*pixel])
        {
            let (a, b) = (made.values[pixel], known.values[pixel]);
            assert!((a - b).abs() <= 2e-5 * b.abs().max(1.0), "{ours}: {a} {b}");
            compared += 1;
        }
        assert!(compared > 10_000, "{ours}: {compared}");
    }
}

#[test]
fn hill_shade_agrees_with_gdaldem() {
    let Some(data) = shared_data("hill-shade against gdaldem") else {
        return;
    };
    let elevation = data.join("s2_amazon/srtm_elevation.tif");
    let folder = tempfile::tempdir().unwrap();
    for (azimuth, altitude, z) in [(315.0, 45.0, 1.0), (120.0, 30.0, 3.0)] {
        let out = folder.path().join("shade.tif");
        let arguments = [
            "hillshade".to_owned(),
            "-q".to_owned(),
            "-compute_edges".to_owned(),
            // Degrees to metres, as on the equator, where this scene lies.
            "-s".to_owned(),
            "111319.49".to_owned(),
            "-az".to_owned(),
            azimuth.to_string(),
            "-alt".to_owned(),
            altitude.to_string(),
            "-z".to_owned(),
            z.to_string(),
            elevation.display().to_string(),
            out.display().to_string(),
        ];
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        if !ran("gdaldem", &arguments) {
            return;
        }
        let raster = Raster::open(&elevation).unwrap();
        let window = raster.info().grid.window();
        let light = Derivation::Hillshade(Hillshade {
            band: 0,
            azimuth_deg: azimuth,
            altitude_deg: altitude,
            z_factor: z,
        });
        let ours = raster
            .read_derived_blocking(&light, window, window.width, window.height)
            .unwrap();
        let theirs = band(&out, 0);
        let (width, height) = (ours.width, ours.height);
        // The corners themselves, beyond which three neighbours are made up, GDAL fills each by a rule of its own.
        let is_corner = |pixel: usize| {
            let (col, row) = (pixel % width, pixel / width);
            (col == 0 || col + 1 == width) && (row == 0 || row + 1 == height)
        };
        let worst = (0..width * height)
            .filter(|pixel| ours.valid[*pixel] && theirs.valid[*pixel] && !is_corner(*pixel))
            .map(|pixel| (ours.values[pixel] - theirs.values[pixel]).abs())
            .fold(0.0_f32, f32::max);
        assert!(worst <= 1.0, "azimuth {azimuth}: {worst} grey levels");
    }
}

#[test]
fn the_command_line_calculates_and_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let scene = sample();
    let scene = scene.to_str().unwrap();
    let done = run(
        folder.path(),
        &["calc", scene, "--index", "ndwi", "--out", "ndwi.tif"],
    )
    .done();
    assert!(done.contains("NDWI"), "{done}");
    assert!(folder.path().join("ndwi.tif").is_file());
    run(
        folder.path(),
        &["render", scene, "--index", "ndvi", "--out", "ndvi.png"],
    )
    .done();
    let wrong = run(
        folder.path(),
        &[
            "calc",
            scene,
            "--expression",
            "(nir - red",
            "--out",
            "x.tif",
        ],
    );
    wrong.failed(2, &["never closed", "(nir - red"]);
    let wrong = run(
        folder.path(),
        &["calc", scene, "--expression", "b99", "--out", "x.tif"],
    );
    wrong.failed(1, &["no band 99"]);
    assert!(!folder.path().join("x.tif").exists());
}
