//! Real sessions through the real window with a real pointer and real keys, one for each application: a crop map, a map of soil
//! moisture, a forecast. Each ends with a file, which is checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};
use tempfile::TempDir;
use terroir_scene::{
    Crs, GeoTransform, Georef, Grid, Labels, MapKind, MapWriter, Raster, Resampling,
};

use crate::killed::{APART, LEFT, TOP, journals, labels_in};
use crate::real_window::{RealWindow, Server};
use crate::weather_world::write_site;

#[test]
fn a_crop_map_is_made_with_pointer_and_keys_alone() {
    let folder = TempDir::new().unwrap();
    let Some(server) = Server::start(folder.path(), "the session of a crop map") else {
        return;
    };
    let mut window = RealWindow::open(folder.path(), &server);
    window.key("p");
    std::thread::sleep(Duration::from_secs(2));
    for class in 0..2 {
        window.key(&format!("alt+{}", class + 1));
        std::thread::sleep(Duration::from_secs(1));
        for stroke in 0..2 {
            let y = TOP + APART * (3 * class + stroke);
            window.drag((LEFT, y), (LEFT + 150, y));
        }
    }
    let mut counts = Vec::new();
    window.wait("strokes of two classes", |_| {
        let labels = journals(folder.path())
            .first()
            .and_then(|path| labels_in(path));
        counts = labels.iter().flat_map(Labels::counts).collect();
        counts.iter().filter(|(_, pixels)| *pixels > 50).count() == 2
    });
    // The live map follows within seconds. Export offers it first, and Enter is its button.
    std::thread::sleep(Duration::from_secs(8));
    window.key("ctrl+e");
    std::thread::sleep(Duration::from_secs(1));
    window.keep("session_export.png");
    window.key("Return");
    let mut out = PathBuf::new();
    window.wait("the map", |window| {
        let maps = files_of(folder.path(), |name| name.ends_with("_map.tif"));
        window.keep("session_after.png");
        out = maps.into_iter().next().unwrap_or_default();
        out.is_file()
    });
    let values = first_band(&out);
    let share = |id: &u8| {
        let pixels = values.iter().filter(|value| **value == f32::from(*id));
        pixels.count() as f64 / values.len() as f64
    };
    let painted: Vec<u8> = counts
        .iter()
        .filter(|(_, pixels)| *pixels > 50)
        .map(|(id, _)| *id)
        .collect();
    let shares: Vec<f64> = painted.iter().map(share).collect();
    assert!(
        shares.iter().all(|share| *share > 0.01) && shares.iter().sum::<f64>() > 0.9,
        "{shares:?}"
    );
    // What is not saved would be asked about.
    window.kill();
}

/// Pixels a side of the made place of soil moisture.
const SIDE: usize = 40;
const DAYS: i64 = 120;

fn day(after: i64) -> Date {
    date(2021, 4, 1) + after.days()
}

/// It rains a week out of three.
fn rain_mm(after: i64) -> f64 {
    if after.rem_euclid(21) < 7 { 6.0 } else { 0.0 }
}

/// Wetter to the east, and after rain.
fn moisture(col: usize, after: i64) -> f64 {
    let left: f64 = (0..90)
        .map(|back| 0.9_f64.powi(back as i32) * rain_mm(after - back))
        .sum();
    0.08 + 0.004 * col as f64 + 0.25 * left / 100.0
}

/// Images of every fifth day, whose short-wave band darkens where the soil is wet, and stations with their weather.
fn write_soil_place(folder: &Path) -> (PathBuf, PathBuf) {
    let grid = Grid {
        width: SIDE,
        height: SIDE,
        georef: Georef {
            transform: Some(GeoTransform([
                500_000.0,
                20.0,
                0.0,
                4_000_000.0,
                0.0,
                -20.0,
            ])),
            crs: Crs::parse("EPSG:32629").ok(),
            ..Georef::default()
        },
    };
    let images = folder.join("images");
    std::fs::create_dir(&images).unwrap();
    for after in (0..DAYS).step_by(5) {
        let kind = MapKind::Continuous {
            bands: ["B04", "B8A", "B11"]
                .map(|name| (name.to_owned(), String::new()))
                .to_vec(),
            ramp: "viridis".to_owned(),
        };
        let path = images.join(format!("S2_{}.tif", day(after)));
        let mut writer = MapWriter::create(&path, &grid, kind).unwrap();
        let wet = |col: usize| 0.45 - 0.6 * moisture(col, after) as f32;
        let rows = |value: &dyn Fn(usize) -> f32| -> Vec<f32> {
            (0..SIDE * SIDE).map(|at| value(at % SIDE)).collect()
        };
        let values = [rows(&|_| 0.10), rows(&|_| 0.30), rows(&wet)].concat();
        writer.write_floats(grid.window(), &values).unwrap();
        writer.finish(&Vec::new()).unwrap();
    }
    let mut table = "station,x,y,date,sm,prcp,tmin,tmax\n".to_owned();
    for station in 0..6 {
        let at = 2 + station * 6;
        let (x, y) = (500_010 + 20 * at, 3_999_990 - 20 * at);
        for after in 0..DAYS {
            let (date, sm, rain) = (day(after), moisture(at, after), rain_mm(after));
            table += &format!("s{station},{x},{y},{date},{sm:.4},{rain},5,15\n");
        }
    }
    let stations = folder.join("stations.csv");
    std::fs::write(&stations, table).unwrap();
    (images, stations)
}

/// NaN where nothing is seen.
fn first_band(path: &Path) -> Vec<f32> {
    let map = Raster::open(path).unwrap();
    let whole = map.info().grid.window();
    let block = map
        .read_blocking(&[0], whole, whole.width, whole.height, Resampling::Nearest)
        .unwrap();
    let pixels = block.values.into_iter().zip(block.valid);
    pixels
        .map(|(value, is_valid)| if is_valid { value } else { f32::NAN })
        .collect()
}

/// What lies in a folder under such names, in their order.
fn files_of(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = files
        .filter(|entry| is_wanted(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

/// Finds a command by typing.
fn command(window: &RealWindow, words: &str) {
    window.key("ctrl+k");
    std::thread::sleep(Duration::from_millis(500));
    window.type_text(words);
    std::thread::sleep(Duration::from_millis(500));
    window.key("Return");
    std::thread::sleep(Duration::from_secs(2));
}

/// Opens a folder of dated images and answers that they belong together.
fn open_series(folder: &Path, server: &Server, images: &Path) -> RealWindow {
    let window = RealWindow::open_files(folder, server, &[images.to_str().unwrap()]);
    std::thread::sleep(Duration::from_secs(6));
    window.keep("session_series.png");
    window.key("Return");
    std::thread::sleep(Duration::from_secs(4));
    window
}

#[test]
fn soil_moisture_is_mapped_with_pointer_and_keys_alone() {
    let folder = TempDir::new().unwrap();
    let Some(server) = Server::start(folder.path(), "the session of soil moisture") else {
        return;
    };
    let (images, stations) = write_soil_place(folder.path());
    let mut window = open_series(folder.path(), &server, &images);
    command(&window, "soil");
    window.keep("session_soil.png");
    window.click((298, 139));
    std::thread::sleep(Duration::from_secs(2));
    window.keep("session_soil_path.png");
    window.type_text(stations.to_str().unwrap());
    window.key("Return");
    std::thread::sleep(Duration::from_secs(3));
    window.keep("session_soil_form.png");
    window.click((285, 640));
    let out = folder.path().join("stations_soil");
    let mut map = PathBuf::new();
    window.wait("the map of soil moisture", |window| {
        window.keep("session_soil_after.png");
        let maps = files_of(&out, |name| {
            name.starts_with("soil_moisture_") && name.ends_with(".tif")
        });
        map = maps.into_iter().next().unwrap_or_default();
        // The page is written last.
        map.is_file() && out.join("report.html").is_file()
    });
    let last = (0..DAYS).step_by(5).last().unwrap();
    assert!(map.ends_with(format!("soil_moisture_{}.tif", day(last))));
    let values = first_band(&map);
    assert_eq!(values.len(), SIDE * SIDE);
    let squares = values.iter().enumerate().map(|(at, value)| {
        let truth = moisture(at % SIDE, last);
        (f64::from(*value) - truth).powi(2)
    });
    let rmse = (squares.sum::<f64>() / values.len() as f64).sqrt();
    assert!(rmse < 0.02, "{rmse} m3/m3 beside the truth");
    assert!(out.join("report.html").is_file());
    window.kill();
}

#[test]
fn images_to_come_are_made_with_pointer_and_keys_alone() {
    let folder = TempDir::new().unwrap();
    let Some(server) = Server::start(folder.path(), "the session of a forecast") else {
        return;
    };
    let site = write_site(folder.path(), 0, 300);
    let mut window = open_series(folder.path(), &server, &site.images);
    command(&window, "forecast");
    window.keep("session_forecast.png");
    window.click((1090, 603));
    let mut made = Vec::new();
    window.wait("the six days", |window| {
        window.keep("session_forecast_after.png");
        let folders = files_of(folder.path(), |name| name.starts_with("site_0_forecast"));
        made = folders
            .first()
            .map(|out| {
                files_of(out, |name| {
                    name.ends_with(".tif") && !name.contains(".part.")
                })
            })
            .unwrap_or_default();
        made.len() == 6
    });
    // Persistence carries the last clear values on: those of the last image, where it shows the ground.
    let images = files_of(&site.images, |name| name.ends_with(".tif"));
    let last = first_band(images.last().unwrap());
    let forecast = first_band(made.last().unwrap());
    let seen = last
        .iter()
        .zip(&forecast)
        .filter(|(last, _)| last.is_finite());
    let off: Vec<f32> = seen
        .map(|(last, forecast)| (last - forecast).abs())
        .collect();
    assert!(off.len() > 100 && off.iter().all(|off| *off < 1e-6));
    window.kill();
}
