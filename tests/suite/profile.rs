//! `terroir profile` against GDAL's own `gdallocationinfo`, as table, JSON, CSV and drawing, and its refusals.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{files_in, run, sample, shared_data};

/// What `gdallocationinfo -valonly` prints for every band; `None`, said aloud, without the program.
fn gdal_values(file: &Path, arguments: &[&str]) -> Option<Vec<f64>> {
    let output = Command::new("gdallocationinfo")
        .arg("-valonly")
        .args(arguments.iter().take_while(|word| is_flag(word)))
        .arg(file)
        .args(arguments.iter().skip_while(|word| is_flag(word)))
        .output();
    let Ok(output) = output else {
        eprintln!("SKIPPED the comparison with GDAL: gdallocationinfo is not installed");
        return None;
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Some(
        text.split_whitespace()
            .map(|word| word.parse().unwrap_or(f64::NAN))
            .collect(),
    )
}

/// A word such as `-geoloc`, not a negative number.
fn is_flag(word: &str) -> bool {
    word.starts_with('-') && word.parse::<f64>().is_err()
}

fn profiles(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let mut words = vec!["profile", "--json"];
    words.extend(arguments);
    let json = run(folder, &words).json();
    json["profiles"].as_array().unwrap().clone()
}

/// Stored values of a profile; missing ones are `None`.
fn values(profile: &Value) -> Vec<Option<f64>> {
    profile["bands"]
        .as_array()
        .unwrap()
        .iter()
        .map(|band| band["value"].as_f64())
        .collect()
}

/// Every band must be what GDAL says; GDAL prints the nodata number where we say that nothing is there.
fn compare(file: &Path, place: &[&str], gdal_place: &[&str]) -> usize {
    let Some(expected) = gdal_values(file, gdal_place) else {
        return 0;
    };
    let folder = TempDir::new().unwrap();
    let mut arguments = vec![file.to_str().unwrap(), "--stored"];
    arguments.extend(place);
    let found = values(&profiles(folder.path(), &arguments)[0]);
    assert_eq!(found.len(), expected.len(), "{}", file.display());
    let mut compared = 0;
    for (band, (found, expected)) in found.iter().zip(&expected).enumerate() {
        let Some(found) = found else {
            continue;
        };
        // GDAL prints fifteen digits.
        let slack = 1e-14 * expected.abs();
        assert!(
            (found - expected).abs() <= slack,
            "{}, band {}: {found} instead of {expected}",
            file.display(),
            band + 1
        );
        compared += 1;
    }
    compared
}

#[test]
fn values_are_what_gdal_says_by_pixel_place_and_longitude() {
    let scene = sample().join("S2_2021-07-28.tif");
    if gdal_values(&scene, &["0", "0"]).is_none() {
        return;
    }
    let mut compared = 0;
    for (col, row) in [(0, 0), (17, 42), (90, 60)] {
        let pixel = format!("{col},{row}");
        compared += compare(
            &scene,
            &["--pixel", &pixel],
            &[&col.to_string(), &row.to_string()],
        );
    }
    let folder = TempDir::new().unwrap();
    let one = &profiles(
        folder.path(),
        &[scene.to_str().unwrap(), "--pixel", "17,42"],
    )[0];
    let (x, y) = (one["x"].as_f64().unwrap(), one["y"].as_f64().unwrap());
    let at = format!("{x},{y}");
    compared += compare(
        &scene,
        &["--at", &at],
        &["-geoloc", &x.to_string(), &y.to_string()],
    );
    compared += compare(
        &scene,
        &["--at", "-8.555,39.29", "--crs", "EPSG:4326"],
        &["-wgs84", "-8.555", "39.29"],
    );
    assert!(compared > 30, "only {compared} values were compared");
}

#[test]
fn values_of_other_types_are_what_gdal_says() {
    let Some(data) = shared_data("profiles of real scenes") else {
        return;
    };
    let mut compared = 0;
    for name in [
        "enmap_potsdam/enmap_potsdam.tif",
        "s1_camargue",
        "s1s2era5_togo_2019",
        "s2_amazon",
        "naip_north_dakota",
    ] {
        let path = data.join(name);
        let Some(file) = first_raster(&path) else {
            continue;
        };
        for (col, row) in [(8, 8), (3, 12)] {
            let pixel = format!("{col},{row}");
            compared += compare(
                &file,
                &["--pixel", &pixel],
                &[&col.to_string(), &row.to_string()],
            );
        }
    }
    assert!(compared > 200, "only {compared} values were compared");
}

fn first_raster(path: &Path) -> Option<PathBuf> {
    if path.is_file() {
        return Some(path.to_owned());
    }
    let mut files: Vec<PathBuf> = fs::read_dir(path)
        .ok()?
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "tif"))
        .collect();
    files.sort();
    files.into_iter().next()
}

#[test]
fn a_window_is_averaged_and_scaled() {
    let folder = TempDir::new().unwrap();
    let scene = sample().join("S2_2021-07-28.tif");
    let file = scene.to_str().unwrap();
    let around = &profiles(
        folder.path(),
        &[file, "--pixel", "17,42", "--window", "3", "--stored"],
    )[0];
    let mut sums = vec![0.0; around["bands"].as_array().unwrap().len()];
    for (col, row) in (16..=18).flat_map(|col| (41..=43).map(move |row| (col, row))) {
        let pixel = format!("{col},{row}");
        let one = &profiles(folder.path(), &[file, "--pixel", &pixel, "--stored"])[0];
        for (sum, value) in sums.iter_mut().zip(values(one)) {
            *sum += value.unwrap();
        }
    }
    for (band, sum) in around["bands"].as_array().unwrap().iter().zip(&sums) {
        assert!((band["value"].as_f64().unwrap() - sum / 9.0).abs() < 1e-9);
        assert_eq!(band["pixels"], 9);
        assert!(band["sd"].as_f64().is_some());
    }
    // The sample declares a scale of 1/10000 for all bands but the last, which holds classes.
    let scaled = &profiles(folder.path(), &[file, "--pixel", "17,42", "--window", "3"])[0];
    for (scaled, stored) in values(scaled).iter().zip(values(around)).take(12) {
        assert!((scaled.unwrap() - stored.unwrap() * 1e-4).abs() < 1e-9);
    }
}

#[test]
fn the_table_and_the_drawing_are_written() {
    let folder = TempDir::new().unwrap();
    let scenes = ["S2_2021-07-28.tif", "S2_2021-08-17.tif"].map(|name| sample().join(name));
    let [first, second] = scenes.each_ref().map(|path| path.to_str().unwrap());
    let told = run(
        folder.path(),
        &[
            "profile", first, second, "--pixel", "5,6", "--pixel", "50,60", "--out", "p.csv",
        ],
    )
    .done();
    assert_eq!(told, "p.csv\n");
    let text = fs::read_to_string(folder.path().join("p.csv")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[0],
        "profile,layer,file,x,y,crs,col,row,band,name,wavelength_nm,value,unit,sd,pixels"
    );
    let bands = terroir_scene::Raster::open(&scenes[0])
        .unwrap()
        .info()
        .bands
        .len();
    assert_eq!(lines.len(), 1 + 4 * bands, "one row a profile and band");
    assert!(lines[1].starts_with("Profile 1,S2_2021-07-28,"));
    assert!(lines[lines.len() - 1].starts_with("Profile 2,S2_2021-08-17,"));
    let row = lines.iter().find(|line| line.contains(",B04,")).unwrap();
    let cells: Vec<&str> = row.split(',').collect();
    assert_eq!((cells[5], cells[6], cells[7]), ("EPSG:32629", "5", "6"));
    assert_eq!(cells[10], "665");
    let json = &profiles(folder.path(), &[first, "--pixel", "5,6"])[0];
    let band = json["bands"]
        .as_array()
        .unwrap()
        .iter()
        .find(|band| band["name"] == "B04")
        .unwrap();
    let value: f64 = cells[11].parse().unwrap();
    assert!((value - band["value"].as_f64().unwrap()).abs() < 1e-12);

    run(
        folder.path(),
        &["profile", first, "--pixel", "5,6", "--out", "p.svg"],
    )
    .done();
    let svg = fs::read_to_string(folder.path().join("p.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("Profile 1, S2_2021-07-28"));
    assert_eq!(files_in(folder.path()), ["p.csv", "p.svg"]);

    let shown = run(folder.path(), &["profile", first, "--pixel", "5,6"]).done();
    assert!(
        shown.contains("EPSG:32629") && shown.contains("665"),
        "{shown}"
    );
}

#[test]
fn places_that_cannot_be_read_are_refused_in_words() {
    let folder = TempDir::new().unwrap();
    let scene = sample().join("S2_2021-07-28.tif");
    let file = scene.to_str().unwrap();
    let ask = |arguments: &[&str]| {
        let mut words = vec!["profile", file];
        words.extend(arguments);
        run(folder.path(), &words)
    };
    ask(&[]).failed(2, &["--at", "--pixel"]);
    ask(&["--at", "1"]).failed(2, &["X,Y"]);
    ask(&["--at", "0,0"]).failed(1, &["outside the raster", "S2_2021-07-28.tif"]);
    ask(&["--pixel", "9999,1"]).failed(1, &["lies outside", "S2_2021-07-28.tif"]);
    ask(&["--pixel", "1,1", "--window", "4"]).failed(2, &["odd"]);
    ask(&["--at", "0,0", "--crs", "EPSG:999999"]).failed(1, &["EPSG:999999"]);
    ask(&["--pixel", "1,1", "--out", "missing/p.csv"]).failed(1, &["missing/p.csv"]);
    run(folder.path(), &["profile", "gone.tif", "--pixel", "1,1"])
        .failed(1, &["no such file", "gone.tif"]);
    // One of two files without the place: the other is shown, the loss is said.
    let other = sample().join("m_4709963_se_14_1_20160816_5m.tif");
    let told = run(
        folder.path(),
        &[
            "profile",
            file,
            other.to_str().unwrap(),
            "--at",
            "-8.555,39.29",
            "--crs",
            "EPSG:4326",
        ],
    );
    assert_eq!(told.code, Some(0), "{}", told.stderr);
    assert!(told.stderr.contains("warning") && told.stderr.contains("m_4709963"));
    assert!(files_in(folder.path()).is_empty());
}

/// Rasters that control points place: the ground under a pixel leads back to that pixel, at one date and over all.
#[test]
fn places_on_rasters_with_control_points_are_the_pixels_drawn_there() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    let mut points = String::new();
    for (col, row) in [0.0, 20.0, 40.0]
        .into_iter()
        .flat_map(|col: f64| [0.0, 15.0, 30.0].map(|row: f64| (col, row)))
    {
        let (x, y) = (
            500_000.0 + 10.0 * col + 0.05 * col * col,
            4_000_000.0 - 10.0 * row,
        );
        points += &format!("<GCP Id=\"\" Pixel=\"{col}\" Line=\"{row}\" X=\"{x}\" Y=\"{y}\"/>");
    }
    let mut files = Vec::new();
    for (date, add) in [("2021-06-03", 0usize), ("2021-06-08", 100)] {
        let pixels: Vec<u8> = (0..40 * 30)
            .map(|at| (at % 40 + at / 40 + add) as u8)
            .collect();
        let flat = path(&format!("flat_{add}.tif"));
        crate::canvas::write_tiff(
            &flat,
            (40, 30),
            &[pixels],
            [0.0, 1.0, 0.0, 0.0, 0.0, -1.0],
            false,
        );
        let bent = path(&format!("bent_{date}.vrt"));
        let text = format!(
            "<VRTDataset rasterXSize=\"40\" rasterYSize=\"30\"><GCPList Projection=\"EPSG:32629\">{points}</GCPList>\
             <VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource><SourceFilename relativeToVRT=\"1\">flat_{add}.tif\
             </SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
        );
        fs::write(&bent, text).unwrap();
        files.push(bent.display().to_string());
    }
    let by_pixel = &profiles(folder.path(), &[&files[0], "--pixel", "30,12"])[0];
    assert_eq!(by_pixel["crs"].as_str(), Some("EPSG:32629"));
    let at = format!("{},{}", by_pixel["x"], by_pixel["y"]);
    let by_place = &profiles(folder.path(), &[&files[0], "--at", &at])[0];
    assert_eq!(
        (&by_place["col"], &by_place["row"]),
        (&by_pixel["col"], &by_pixel["row"])
    );
    assert_eq!(values(by_place), [Some(42.0)]);
    let mut words = vec!["time-profile"];
    words.extend(files.iter().map(String::as_str));
    words.extend([
        "--at",
        &at,
        "--crs",
        "EPSG:32629",
        "--bands",
        "Band 1",
        "--json",
    ]);
    let json = run(folder.path(), &words).json();
    let dates = json["dates"].as_array().unwrap();
    let found: Vec<_> = dates
        .iter()
        .map(|date| date["values"][0].as_f64())
        .collect();
    assert_eq!(found, [Some(42.0), Some(142.0)], "{json}");
    let json = run(
        folder.path(),
        &[
            "time-profile",
            &files[0],
            &files[1],
            "--pixel",
            "30,12",
            "--bands",
            "Band 1",
            "--json",
        ],
    )
    .json();
    assert_eq!(json["place"]["crs"].as_str(), Some("EPSG:32629"));
    assert_eq!(json["dates"][1]["values"][0].as_f64(), Some(142.0));
}

/// A raw image that sensor coefficients place: the pixel, the ground under it and what GDAL holds there are one.
#[test]
fn places_on_rasters_with_sensor_coefficients_are_the_pixels_drawn_there() {
    let Some(data) = shared_data("profiles of a raw image") else {
        return;
    };
    let file = data.join("tricky/rioxarray_rpc.tif");
    let name = file.to_str().unwrap();
    let folder = TempDir::new().unwrap();
    for (col, row) in [(0, 0), (116, 137), (31, 250), (231, 273)] {
        let pixel = format!("{col},{row}");
        let by_pixel = &profiles(folder.path(), &[name, "--pixel", &pixel])[0];
        assert_eq!(by_pixel["crs"].as_str(), Some("EPSG:4326"));
        let (lon, lat) = (
            by_pixel["x"].as_f64().unwrap(),
            by_pixel["y"].as_f64().unwrap(),
        );
        assert!((46.0..48.0).contains(&lon) && (39.0..41.0).contains(&lat));
        let by_place = &profiles(folder.path(), &[name, "--at", &format!("{lon},{lat}")])[0];
        assert_eq!(
            (&by_place["col"], &by_place["row"]),
            (&by_pixel["col"], &by_pixel["row"])
        );
        let words = [col.to_string(), row.to_string()];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        compare(&file, &["--pixel", &pixel], &words);
        assert_eq!(values(by_place), values(by_pixel));
    }
    // Off the image: said so, and nothing guessed.
    run(
        folder.path(),
        &["profile", name, "--at", "10.0,50.0", "--json"],
    )
    .failed(1, &["lies outside the raster"]);
}
