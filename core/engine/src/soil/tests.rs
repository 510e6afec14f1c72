//! Soil moisture of a made place whose truth is known: estimates, maps, what is refused and what is said.

use std::path::{Path, PathBuf};

use jiff::civil::Date;
use terroir_scene::{
    ArchiveSpec, FutureWeather, GeoTransform, Georef, Grid, MapKind, MapWriter, Raster, Resampling,
    StationReading, WeatherSpec,
};

use super::*;
use crate::{reproduce_spec, run_here};

mod cells;
mod shards;

const SIDE: usize = 40;
const DAYS: i64 = 120;

fn first() -> Date {
    Date::constant(2021, 4, 1)
}

fn day(after: i64) -> Date {
    first()
        .checked_add(jiff::Span::new().days(after))
        .expect("a date")
}

fn grid() -> Grid {
    Grid {
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
            crs: terroir_scene::Crs::parse("EPSG:32629").ok(),
            ..Georef::default()
        },
    }
}

/// It rains a week out of three.
fn rain_mm(after: i64) -> f64 {
    if after.rem_euclid(21) < 7 { 6.0 } else { 0.0 }
}

/// What is left of the rain, the same everywhere.
fn wetness(after: i64) -> f64 {
    (0..90)
        .map(|back| 0.9_f64.powi(back) * rain_mm(after - i64::from(back)))
        .sum::<f64>()
        / 100.0
}

/// Wetter to the east, and after rain.
fn truth(col: usize, after: i64) -> f64 {
    0.08 + 0.004 * col as f64 + 0.25 * wetness(after)
}

/// Red, near and short-wave infrared; the short-wave band darkens where the soil is wet.
fn image(folder: &Path, after: i64) {
    let bands = ["B04", "B8A", "B11"].map(|name| (name.to_owned(), String::new()));
    let kind = MapKind::Continuous {
        bands: bands.to_vec(),
        ramp: "viridis".to_owned(),
    };
    let path = folder.join(format!("S2_{}.tif", day(after)));
    let mut writer = MapWriter::create(&path, &grid(), kind).expect("a file");
    let mut values = Vec::new();
    for band in 0..3 {
        for _ in 0..SIDE {
            for col in 0..SIDE {
                values.push(match band {
                    0 => 0.10,
                    1 => 0.30,
                    _ => 0.45 - 0.6 * truth(col, after) as f32,
                });
            }
        }
    }
    writer
        .write_floats(grid().window(), &values)
        .expect("written");
    writer.finish(&Vec::new()).expect("finished");
}

/// Stations along the diagonal, in the map's own coordinates, with the weather in a table of its own.
fn place(folder: &Path, stations: usize) -> SoilSpec {
    let images = folder.join("images");
    std::fs::create_dir_all(&images).expect("a folder");
    for after in (0..DAYS).step_by(5) {
        image(&images, after);
    }
    let mut table = "station,x,y,date,sm\n".to_owned();
    for station in 0..stations {
        let at = 2 + station * 36 / stations;
        let (x, y) = (
            500_000.0 + 20.0 * at as f64 + 10.0,
            4_000_000.0 - 20.0 * at as f64 - 10.0,
        );
        for after in 0..DAYS {
            table += &format!(
                "s{station},{x},{y},{},{:.4}\n",
                day(after),
                truth(at, after)
            );
        }
    }
    let mut weather = "date,prcp,tmin,tmax\n".to_owned();
    for after in -90..DAYS {
        weather += &format!("{},{},{},{}\n", day(after), rain_mm(after), 5, 15);
    }
    std::fs::write(folder.join("stations.csv"), table).expect("written");
    std::fs::write(folder.join("weather.csv"), weather).expect("written");
    SoilSpec {
        stations: vec![folder.join("stations.csv")],
        reading: StationReading::default(),
        weather: vec![WeatherSpec::new(folder.join("weather.csv"))],
        future: None,
        model: None,
        field: None,
        device: "cpu".to_owned(),
        archive: Some(ArchiveSpec {
            files: vec![images],
            reference: None,
        }),
        dates: vec![day(97)],
        uncertainty: true,
        seed: 0,
        out: folder.join("out"),
    }
}

fn run(spec: &SoilSpec) -> Result<Outcome, Failure> {
    run_here(&JobSpec::Soil(spec.clone()), &mut |_| {}, &|| false)
}

fn metric(outcome: &Outcome, name: &str) -> f64 {
    let found = outcome.metrics.iter().find(|(key, _)| key == name);
    found.map_or(f64::NAN, |(_, value)| *value)
}

fn values(path: &Path) -> Vec<f32> {
    let raster = Raster::open(path).expect("a raster");
    let window = raster.info().grid.window();
    raster
        .read_blocking(
            &[0],
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )
        .expect("values")
        .values
}

#[test]
fn a_map_follows_the_truth_between_stations_and_says_what_it_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let spec = place(folder.path(), 8);
    let outcome = run(&spec).expect("done");
    let (mean, ridge) = (
        metric(&outcome, "mean_station_rmse"),
        metric(&outcome, "ridge_station_rmse"),
    );
    assert!(ridge < 0.35 * mean && ridge < 0.02, "{mean} {ridge}");
    let map = spec.map_path(day(97));
    assert_eq!(outcome.files.first(), Some(&map));
    let found = values(&map);
    for (col, value) in found.iter().take(SIDE).enumerate() {
        assert!(
            (f64::from(*value) - truth(col, 97)).abs() < 0.03,
            "{col}: {value}"
        );
    }
    let raster = Raster::open(&map).expect("a map");
    let key = |name: &str| crate::provenance::value_of(raster.info(), name).unwrap_or_default();
    assert_eq!(key("TERROIR_DATE"), day(97).to_string());
    assert!(key("TERROIR_WEATHER").contains("weather.csv"));
    assert!(key("TERROIR_DEPTH").contains("do not say"));
    assert_eq!(raster.info().bands[0].unit, "m3/m3");
    assert_eq!(raster.info().bands[0].nodata, Some(-9999.0));
    assert!(map.with_extension("qml").exists());
    let spread = values(&spec.out.join(format!("soil_moisture_{}_std.tif", day(97))));
    assert!(spread.iter().all(|value| (0.0..0.02).contains(value)));
    let again = reproduce_spec(&map).expect("a job");
    assert_eq!(again, [JobSpec::Soil(spec.clone())]);
    let text = std::fs::read_to_string(spec.out.join("report.json")).expect("a report");
    let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let soil = &report["soil_moisture"];
    assert_eq!(
        (&report["task"], &soil["split"]),
        (&"soil_moisture".into(), &"station".into())
    );
    assert_eq!(soil["per_station"].as_array().map(Vec::len), Some(8));
    assert_eq!(soil["pooled"]["rmse"].as_f64(), Some(ridge));
    assert_eq!(
        soil["baselines"]["mean"]["pooled"]["rmse"].as_f64(),
        Some(mean)
    );
    assert!(
        soil["per_station"][0]["lat"]
            .as_f64()
            .is_some_and(|lat| (36.0..36.2).contains(&lat))
    );
    assert!(
        soil["time"]["methods"]["ridge"]["pooled"]["n"]
            .as_u64()
            .is_some_and(|n| n > 100)
    );
    let page = std::fs::read_to_string(spec.out.join("report.html")).expect("a page");
    assert!(page.matches("<svg").count() >= 9 && !page.contains("NaN"));
    let table = std::fs::read_to_string(spec.out.join("estimates.csv")).expect("a table");
    assert!(
        table.starts_with("station,date,value,mean_by_station,doy_by_station,ridge_by_station")
    );
    assert!(spec.out.join("job.json").exists());
}

#[test]
fn without_images_there_are_figures_and_no_map() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut spec = place(folder.path(), 2);
    spec.archive = None;
    let refused = run(&spec).expect_err("refused");
    assert!(
        refused.what.contains("needs dated images"),
        "{}",
        refused.what
    );
    (spec.dates, spec.uncertainty) = (Vec::new(), false);
    let outcome = run(&spec).expect("done");
    assert!(
        outcome
            .warnings
            .iter()
            .any(|text| text.contains("not validated"))
    );
    assert!(
        outcome
            .files
            .iter()
            .all(|file| file.extension().is_none_or(|ending| ending != "tif"))
    );
    assert!(metric(&outcome, "ridge_station_rmse").is_nan());
    assert!(metric(&outcome, "ridge_time_rmse") < metric(&outcome, "mean_time_rmse"));
}

#[test]
fn stations_beside_the_images_are_named_and_only_all_of_them_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut spec = place(folder.path(), 4);
    spec.uncertainty = false;
    let far = folder.path().join("far.csv");
    std::fs::write(
        &far,
        "station,lon,lat,date,sm\nfar,10.5,50.2,2021-05-01,0.2\n",
    )
    .expect("written");
    spec.stations.push(far.clone());
    let outcome = run(&spec).expect("done");
    let said = outcome.warnings.join("\n");
    assert!(
        said.contains("left out, not in the images: far (longitude 10.5, latitude 50.2)"),
        "{said}"
    );
    spec.stations = vec![far];
    let refused = run(&spec).expect_err("refused").what;
    assert!(
        refused.contains("no station stands in the images") && refused.contains("latitude 36.1"),
        "{refused}"
    );
}

#[test]
fn what_cannot_be_done_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let good = place(folder.path(), 4);
    let says = |change: &dyn Fn(&mut SoilSpec)| {
        let mut spec = good.clone();
        change(&mut spec);
        run(&spec).expect_err("refused").what
    };
    let text = says(&|spec| spec.weather = Vec::new());
    assert!(text.contains("add daily precipitation"), "{text}");
    let text = says(&|spec| spec.dates = vec![Date::constant(2023, 1, 1)]);
    assert!(
        text.contains("does not cover the days before 2023-01-01"),
        "{text}"
    );
    let text = says(&|spec| spec.dates = vec![day(-40)]);
    assert!(text.contains("no pixel is clear"), "{text}");
    let text = says(&|spec| spec.out = folder.path().join("weather.csv"));
    assert!(text.contains("go into a folder"), "{text}");
    let forecast = |future: Option<FutureWeather>| {
        let mut spec = good.clone();
        (spec.dates, spec.future, spec.uncertainty) = (vec![day(DAYS + 9)], future, false);
        run(&spec).map(|_| spec.map_path(day(DAYS + 9)))
    };
    let text = forecast(None).expect_err("refused").what;
    assert!(text.contains("--climatology"), "{text}");
    let to_come = folder.path().join("to_come.csv");
    let mut table = "date,prcp,tmin,tmax,srad,vp\n".to_owned();
    for after in DAYS..DAYS + 20 {
        table += &format!("{},{},5,15,12,0.9\n", day(after), rain_mm(after));
    }
    std::fs::write(&to_come, table).expect("written");
    let map = forecast(Some(FutureWeather::Table(to_come))).expect("done");
    let found = values(&map);
    assert!(
        (f64::from(found[20]) - truth(20, DAYS + 9)).abs() < 0.09,
        "{}",
        found[20]
    );
    let raster = Raster::open(&map).expect("a map");
    let words = raster
        .info()
        .metadata_item("TIFFTAG_IMAGEDESCRIPTION")
        .unwrap_or_default()
        .to_owned();
    assert!(
        words.contains("a forecast, 14 days after the last image"),
        "{words}"
    );
    let one: PathBuf = folder
        .path()
        .join("images")
        .join(format!("S2_{}.tif", day(0)));
    let mut spec = good.clone();
    spec.archive = Some(ArchiveSpec {
        files: vec![one],
        reference: None,
    });
    (spec.dates, spec.uncertainty) = (Vec::new(), false);
    let outcome = run(&spec).expect("done");
    let said = outcome.warnings.join("\n");
    assert!(said.contains("only one dated image"), "{said}");
    assert!(
        said.contains("no clear image of the 30 days before"),
        "{said}"
    );
    assert!(good.map_path(day(0)).exists());
}

/// Weights of an untrained network that say which bands and weather they know.
fn weights(folder: &Path) -> PathBuf {
    let config = terroir_models::KgvsfConfig::by_name("kgvsf-tiny", 3, 5).expect("a size");
    let band = |name: &str, nm: f64, mean: f64| json!({"name": name, "wavelength_nm": nm, "measure": "reflectance", "mean": mean, "deviation": 0.05});
    let about = json!({
        "bands": [band("red", 665.0, 0.1), band("near infrared", 865.0, 0.3), band("short-wave infrared", 1610.0, 0.35)],
        "drivers": terroir_scene::DRIVERS.map(|variable| json!({"variable": variable, "mean": 8.0, "deviation": 6.0})),
    });
    let path = folder.join("weights.safetensors");
    let model = config.init(3, &burn::tensor::Device::flex());
    terroir_models::save_kgvsf(&model, &path, false, &about).expect("saved");
    path
}

#[test]
fn a_head_on_a_network_stands_beside_the_simple_estimates_and_is_mapped() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut spec = place(folder.path(), 4);
    spec.model = Some(weights(folder.path()));
    let refused = run(&spec).expect_err("refused").what;
    assert!(refused.contains("srad"), "{refused}");
    let mut weather = "date,prcp,tmin,tmax,srad,vp\n".to_owned();
    for after in -90..DAYS {
        weather += &format!(
            "{},{},5,15,{},0.9\n",
            day(after),
            rain_mm(after),
            12 + after % 3
        );
    }
    std::fs::write(folder.path().join("weather.csv"), weather).expect("written");
    let outcome = run(&spec).expect("done");
    let (network, mean) = (
        metric(&outcome, "kgvsf_station_rmse"),
        metric(&outcome, "mean_station_rmse"),
    );
    // Untrained, and taught on three stations, it is no good; but it gives figures.
    assert!(network.is_finite() && mean.is_finite());
    let ridge = metric(&outcome, "ridge_station_rmse");
    let says = outcome
        .warnings
        .iter()
        .any(|text| text.contains("no better here than the simple"));
    assert_eq!(says, network >= ridge, "{:?}", outcome.warnings);
    let map = spec.map_path(day(97));
    let found = values(&map);
    assert!(found.iter().all(|value| (0.0..=0.6).contains(value)));
    let raster = Raster::open(&map).expect("a map");
    let model = crate::provenance::value_of(raster.info(), "TERROIR_MODEL").unwrap_or_default();
    assert!(
        model.contains("kgvsf-tiny") && model.contains("checkpoint_sha256"),
        "{model}"
    );
    assert!(
        spec.out
            .join(format!("soil_moisture_{}_std.tif", day(97)))
            .exists()
    );
    let results = SoilResults::read_blocking(&spec.out).expect("results");
    assert_eq!(
        (results.shown.as_str(), results.methods[0].key.as_str()),
        ("kgvsf", "kgvsf")
    );
    assert_eq!(results.stations.len(), 4);
    assert!(
        results.stations[0]
            .days
            .iter()
            .all(|(_, _, estimate)| estimate.is_some())
    );
    spec.archive = None;
    (spec.dates, spec.uncertainty) = (Vec::new(), false);
    let refused = run(&spec).expect_err("refused").what;
    assert!(
        refused.contains("needs dated images of the stations"),
        "{refused}"
    );
}

/// A field that tells heavy soils from light ones, which no image does: -1 to 1 by the place.
fn heaviness(col: usize, row: usize) -> f64 {
    f64::from((col * 7 + row * 13) as u32 % 21) / 10.0 - 1.0
}

fn write_field(path: &Path) {
    let grid = grid();
    let pixels = grid.width * grid.height;
    let mut codes = vec![0_u8; terroir_scene::FIELD_AXES * pixels];
    for pixel in 0..pixels {
        let angle = 0.6 * heaviness(pixel % grid.width, pixel / grid.width) as f32;
        for (axis, value) in [(0, angle.cos()), (1, angle.sin())] {
            codes[axis * pixels + pixel] = terroir_scene::encode_value(value) as u8;
        }
    }
    let mut writer = MapWriter::create(path, &grid, MapKind::Field).expect("a file");
    writer.write_bytes(grid.window(), &codes).expect("written");
    writer.finish(&Vec::new()).expect("finished");
}

#[test]
fn a_field_tells_what_no_image_shows() {
    let folder = tempfile::tempdir().expect("a folder");
    let stations = 12;
    let mut spec = place(folder.path(), stations);
    let mut table = "station,x,y,date,sm\n".to_owned();
    for station in 0..stations {
        let at = 2 + station * 36 / stations;
        let (x, y) = (500_010.0 + 20.0 * at as f64, 3_999_990.0 - 20.0 * at as f64);
        for after in 0..DAYS {
            let wet = truth(at, after) + 0.05 * heaviness(at, at);
            table += &format!("s{station},{x},{y},{},{wet:.4}\n", day(after));
        }
    }
    std::fs::write(&spec.stations[0], table).expect("written");
    let field = folder.path().join("field.tif");
    write_field(&field);
    spec.field = Some(field.clone());
    run(&spec).expect("estimates");
    let results = crate::SoilResults::read_blocking(&spec.out).expect("results");
    let rmse = |key: &str| {
        let of = results.methods.iter().find(|method| method.key == key);
        of.and_then(|method| method.rmse).expect("a figure")
    };
    assert!(
        rmse("ridge_field") < 0.6 * rmse("ridge"),
        "{} {}",
        rmse("ridge_field"),
        rmse("ridge")
    );
    assert_eq!(results.shown, "ridge_field");
    // The map shows it, too, and says where it is from.
    let map = Raster::open(&spec.map_path(day(97))).expect("a map");
    let block = map
        .read_blocking(
            &[0],
            grid().window(),
            grid().width,
            grid().height,
            terroir_scene::Resampling::Nearest,
        )
        .expect("read");
    let off = |with_field: f64| -> f64 {
        let pixels = grid().width * grid().height;
        let square = |pixel: usize| {
            let (col, row) = (pixel % grid().width, pixel / grid().width);
            let wanted = truth(col, 97) + with_field * 0.05 * heaviness(col, row);
            (f64::from(block.values[pixel]) - wanted).powi(2)
        };
        ((0..pixels).map(square).sum::<f64>() / pixels as f64).sqrt()
    };
    assert!(off(1.0) < 0.5 * off(0.0), "{} {}", off(1.0), off(0.0));
    let said = format!("{:?}", map.info().metadata);
    assert!(
        said.contains("field.tif") && said.contains("ridge_field"),
        "{said}"
    );
    // What is no field, and a field without images, are refused with a word.
    spec.field = Some(spec.map_path(day(97)));
    let failure = run(&spec).expect_err("no field");
    assert!(failure.what.contains("no field"), "{}", failure.what);
    let failure = run(&SoilSpec {
        archive: None,
        dates: Vec::new(),
        uncertainty: false,
        field: Some(field),
        ..spec
    })
    .expect_err("no images");
    assert!(failure.what.contains("images"), "{}", failure.what);
}
