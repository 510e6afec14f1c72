//! Forecasts and filled images from the command line: the files, their words, the report, and figures against those found
//! independently.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;
use terroir_scene::{Raster, Resampling};

use crate::program::{Run, files_in, run, shared_data};
use crate::weather_world::{WorldSite, write_site};

fn terroir(folder: &Path, words: &str) -> Run {
    run(folder, &words.split(' ').collect::<Vec<_>>())
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

fn report_of(folder: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(folder.join("report.json")).unwrap()).unwrap()
}

fn item(raster: &Raster, key: &str) -> String {
    let items = &raster.info().metadata;
    let found = items.iter().find(|(name, _)| name == key);
    found.map(|(_, value)| value.clone()).unwrap_or_default()
}

#[test]
fn persistence_is_scored_on_the_images_that_came_later() {
    let Some(data) = shared_data("persistence_is_scored_on_the_images_that_came_later") else {
        return;
    };
    let cube = data.join("s2_portugal_2021");
    let folder = TempDir::new().unwrap();
    let words = format!(
        "forecast {} --until 2021-06-28 --at-images --horizon 120 --land-cover {} --out later --json",
        cube.join("s2_minicube").display(),
        cube.join("worldcover_minicube.tif").display()
    );
    let outcome = terroir(folder.path(), &words).json();
    let metric = |name: &str| {
        let all = outcome["metrics"].as_array().unwrap();
        let found = all.iter().find(|metric| metric[0] == name);
        number(&found.unwrap_or_else(|| panic!("no {name}"))[1])
    };
    // data/baselines.md: the first ten images are known, clear pixels only.
    assert!(
        (metric("mae") - 0.0398).abs() < 0.000_06,
        "{}",
        metric("mae")
    );
    assert!(metric("skill").abs() < 1e-9);
    let later = folder.path().join("later");
    let names = files_in(&later);
    for name in [
        "forecast_2021-07-08.tif",
        "forecast_index.csv",
        "report.json",
        "report.html",
        "job.json",
    ] {
        assert!(
            names.contains(&name.to_owned()),
            "{name} is not among {names:?}"
        );
    }
    assert!(!names.iter().any(|name| name.contains(".part")));
    let report = report_of(&later);
    assert_eq!(
        (&report["task"], &report["schema"]),
        (&"forecast".into(), &1.into())
    );
    let forecast = &report["forecast"];
    let targets = forecast["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 20);
    let first = &targets[1];
    assert_eq!(first["date"], "2021-07-08");
    assert_eq!(
        (&first["anchor"], &first["days_ahead"]),
        (&"2021-06-28".into(), &10.into())
    );
    assert!(number(&first["metrics"]["rmse"]) > 0.0);
    let bins = forecast["by_horizon"].as_array().unwrap();
    assert_eq!(bins.len(), 4);
    assert_eq!(bins[0]["bin"], serde_json::json!([1, 10]));
    assert!(number(&bins[2]["rmse"]) > number(&bins[0]["rmse"]));
    // The earlier image of the cube has its context seen ten times at most, and 20 targets.
    assert!(number(&forecast["ndvi"]["n_pixels"]) > 1000.0);
    assert!(number(&forecast["ndvi"]["rmse"]) > 0.05);
    assert_eq!(
        forecast["ndvi"]["per_landcover"]
            .as_object()
            .unwrap()
            .get("50"),
        None
    );
    let ens = number(&forecast["earthnet"]["ENS"]);
    assert!((0.0..0.6).contains(&ens), "{ens}");
    // Less than a year of images: neither of the other rules says anything.
    assert_eq!(forecast["baselines"].as_object().unwrap().len(), 0);
    assert!(
        report["inputs"]
            .as_array()
            .unwrap()
            .iter()
            .all(|input| input["sha256"].is_string())
    );
    let index = fs::read_to_string(later.join("forecast_index.csv")).unwrap();
    assert_eq!(index.lines().count(), 21);
    assert!(index.starts_with("date,anchor_date,days_ahead,weather_source,valid_fraction_of_base"));
    assert!(
        index.contains("2021-07-08,2021-06-28,10,none,1.0000"),
        "{index}"
    );
    let page = fs::read_to_string(later.join("report.html")).unwrap();
    assert!(
        page.contains("<svg")
            && page.contains("data:image/png")
            && !page.contains(">NaN")
            && !page.contains(" NaN")
    );

    let raster = Raster::open(&later.join("forecast_2021-07-08.tif")).unwrap();
    let bands: Vec<&str> = raster
        .info()
        .bands
        .iter()
        .map(|band| band.name.as_str())
        .collect();
    assert_eq!(bands, ["B02", "B03", "B04", "B8A", "NDVI"]);
    assert_eq!(item(&raster, "TERROIR_DATE"), "2021-07-08");
    assert_eq!(item(&raster, "TERROIR_WEATHER"), "not used");
    // The last image was clear everywhere: its values are the forecast.
    let window = raster.info().grid.window();
    let read = |raster: &Raster, band: usize| {
        raster
            .read_blocking(
                &[band],
                window,
                window.width,
                window.height,
                Resampling::Nearest,
            )
            .unwrap()
            .values
    };
    let last = Raster::open(&cube.join("s2_minicube/S2_2021-06-28.tif")).unwrap();
    for (made, seen) in read(&raster, 3).iter().zip(read(&last, 3)) {
        assert!((made - seen * 1e-4).abs() < 1e-6);
    }

    // The same again, from the file alone.
    let again = terroir(folder.path(), "reproduce later/forecast_2021-07-08.tif").done();
    assert!(
        again.contains("Every pixel is the same") || again.contains("Every byte"),
        "{again}"
    );
}

#[test]
fn other_years_give_climatology_and_last_year() {
    let Some(data) = shared_data("other_years_give_climatology_and_last_year") else {
        return;
    };
    let series = data.join("flanders_2018/s2").display().to_string();
    let folder = TempDir::new().unwrap();
    let words = format!(
        "forecast {series} --method last-year --until 2018-08-20 --at-images --horizon 60 --out year --json"
    );
    terroir(folder.path(), &words).json();
    let report = report_of(&folder.path().join("year"));
    let forecast = &report["forecast"];
    assert!(number(&forecast["baselines"]["persistence"]["all"]["rmse"]) > 0.0);
    assert!(number(&forecast["all"]["rmse"]) > 0.0);
    let skill = number(&forecast["all"]["skill"]);
    let page = fs::read_to_string(folder.path().join("year/report.html")).unwrap();
    let is_said = page.contains("is nearer to what was seen than this forecast");
    let lost = forecast["by_horizon"]
        .as_array()
        .unwrap()
        .iter()
        .any(|bin| bin["skill"].as_f64().is_some_and(|skill| skill < 0.0));
    assert_eq!(is_said, lost, "{skill}");
    let none = format!("forecast {series} --method climatology --dates 2018-12-01 --out no");
    terroir(folder.path(), &none).failed(1, &["climatology needs", "2 other years"]);
}

#[test]
fn gaps_are_filled_and_every_pixel_says_where_it_is_from() {
    let Some(data) = shared_data("gaps_are_filled_and_every_pixel_says_where_it_is_from") else {
        return;
    };
    let cube = data.join("s2_portugal_2021/s2_minicube");
    let folder = TempDir::new().unwrap();
    let words = format!(
        "forecast {} --fill --dates 2021-07-23,2021-08-02,2021-08-04 --out filled --json",
        cube.display()
    );
    let outcome = terroir(folder.path(), &words).json();
    assert!(outcome["summary"].as_str().unwrap().contains("3 images"));
    let filled = folder.path().join("filled");
    let report = report_of(&filled);
    assert_eq!(report["task"], "missing");
    let targets = report["forecast"]["targets"].as_array().unwrap();
    // Partly clear, cloudy, and a day without an image.
    assert!((number(&targets[0]["base_share"]) - 0.3549).abs() < 0.001);
    assert_eq!(targets[1]["base_share"], 0.0);
    assert!(targets[2]["metrics"].is_null());
    assert!(number(&targets[0]["metrics"]["rmse"]) < 0.1);
    let raster = Raster::open(&filled.join("filled_2021-07-23.tif")).unwrap();
    let window = raster.info().grid.window();
    let block = raster
        .read_blocking(
            &[0, 5],
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )
        .unwrap();
    let pixels = window.pixels();
    let seen = Raster::open(&cube.join("S2_2021-07-23.tif")).unwrap();
    let own = seen
        .read_blocking(
            &[0, 4],
            window,
            window.width,
            window.height,
            Resampling::Nearest,
        )
        .unwrap();
    for pixel in 0..pixels {
        let is_clear = own.values[pixels + pixel] == 0.0;
        assert_eq!(
            block.values[pixels + pixel],
            if is_clear { 1.0 } else { 2.0 }
        );
        if is_clear {
            assert!((block.values[pixel] - own.values[pixel] * 1e-4).abs() < 1e-6);
        }
    }
}

#[test]
fn what_cannot_be_forecast_is_said() {
    let Some(data) = shared_data("what_cannot_be_forecast_is_said") else {
        return;
    };
    let cube = data
        .join("s2_portugal_2021/s2_minicube")
        .display()
        .to_string();
    let folder = TempDir::new().unwrap();
    let fails = |words: &str, said: &[&str]| {
        terroir(folder.path(), &format!("forecast {cube} {words}")).failed(1, said);
    };
    fails("--until 2020-01-01 --out a", &["no image", "2021-05-14"]);
    fails("--dates 2021-01-01 --out a", &["on or before 2021-01-01"]);
    fails(
        "--method interpolation --out a",
        &["needs images after", "--fill"],
    );
    fails(
        "--at-images --out a",
        &["no image within 60 days", "--until"],
    );
    fails("--every 70 --out a", &["no day was named"]);
    fails("--window 0,0,500,500 --out a", &["grid of 128 x 128"]);
    fails(&format!("--out {cube}/a"), &["among the images"]);
    let file = folder.path().join("file");
    fs::write(&file, "x").unwrap();
    fails("--out file", &["this is a file"]);
    assert!(!folder.path().join("a").exists());
    // One image is enough for the last value, and it is said.
    let one = format!("{cube}/S2_2021-05-14.tif");
    let told = terroir(
        folder.path(),
        &format!("forecast {one} --every 130 --horizon 130 --out one"),
    );
    assert!(
        told.stderr.contains("only one dated image"),
        "{}",
        told.stderr
    );
    assert!(
        told.stderr.contains("more than 120 days"),
        "{}",
        told.stderr
    );
    told.done();
    let page = fs::read_to_string(folder.path().join("one/report.html")).unwrap();
    assert!(page.contains("nothing says how good this is"));
}

/// A network after a few steps on a made place of four years.
fn little_network(folder: &Path) -> (WorldSite, String) {
    let site = write_site(folder, 0, 1300);
    let words = format!(
        "pretrain kgvsf {} --weather {} --steps 4 --batch 2 --device cpu --out net.safetensors",
        site.images.display(),
        site.weather.display()
    );
    terroir(folder, &words).done();
    let forecast = format!(
        "forecast {} --method kgvsf --weights net.safetensors --device cpu --weather {}",
        site.images.display(),
        site.weather.display()
    );
    (site, forecast)
}

fn values(raster: &Raster, band: usize) -> Vec<f32> {
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
        .values
}

#[test]
fn weather_drives_the_network_and_other_weather_is_laid_beside() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let (_, forecast) = little_network(here);
    let words = format!(
        "{forecast} --until 2020-06-01 --at-images --horizon 70 --what-if 3,0.5 --out seen --json"
    );
    let outcome = terroir(here, &words).json();
    let report = report_of(&here.join("seen"));
    let targets = report["forecast"]["targets"].as_array().unwrap();
    assert!(targets.len() > 4);
    let source = targets[0]["weather_source"].as_str().unwrap();
    assert!(source.contains("known for the days forecast"), "{source}");
    assert_eq!(report["model"]["arch"], "kgvsf");
    assert_eq!(report["model"]["preset"], "kgvsf-tiny");
    let bins = report["forecast"]["by_horizon"].as_array().unwrap();
    assert!(bins.iter().all(|bin| bin["skill"].is_number()), "{bins:?}");
    let rules = report["forecast"]["baselines"].as_object().unwrap();
    assert_eq!(
        rules.keys().collect::<Vec<_>>(),
        ["climatology", "last-year", "persistence"]
    );
    let day = targets[3]["date"].as_str().unwrap();
    let open = |name: &str| Raster::open(&here.join(format!("seen/{name}_{day}.tif"))).unwrap();
    let (made, changed) = (open("forecast"), open("whatif"));
    assert!(item(&made, "TERROIR_FORECAST").contains("Forecast by KG-VSF"));
    let what = item(&changed, "TERROIR_FORECAST");
    assert!(
        what.contains("What-if") && what.contains("3 degC warmer, rain x 0.5"),
        "{what}"
    );
    assert!(item(&changed, "TERROIR_WEATHER").contains("changed after the last image"));
    assert!(item(&changed, "TERROIR_DESCRIPTION").contains("not an image") || !what.is_empty());
    assert_ne!(values(&made, 3), values(&changed, 3));
    assert!(
        values(&made, 3)
            .iter()
            .all(|value| (0.0..=1.5).contains(value))
    );
    // One course of the weather has no spread.
    assert!(!here.join(format!("seen/spread_{day}.tif")).exists());
    let page = fs::read_to_string(here.join("seen/report.html")).unwrap();
    assert!(page.contains("What if: 3 degC warmer") && page.contains("Model output"));
    let lost = bins.iter().any(|bin| number(&bin["skill"]) < 0.0);
    assert_eq!(
        page.contains("is nearer to what was seen than this forecast"),
        lost
    );
    assert!(
        outcome["summary"]
            .as_str()
            .unwrap()
            .contains("skill over persistence")
    );
    // The same again, from the file alone.
    let again = terroir(here, &format!("reproduce seen/forecast_{day}.tif")).done();
    assert!(
        again.contains("Every pixel is the same") || again.contains("Every byte"),
        "{again}"
    );
}

#[test]
fn weather_that_is_not_known_is_named_and_gives_a_spread() {
    let folder = TempDir::new().unwrap();
    let here = folder.path();
    let (site, forecast) = little_network(here);
    // Beyond the end of the table: its climatology stands in, and the file says so.
    let told = terroir(
        here,
        &format!("{forecast} --every 30 --horizon 60 --out beyond"),
    );
    assert!(
        told.stderr.contains("no future weather was named"),
        "{}",
        told.stderr
    );
    told.done();
    let names = files_in(&here.join("beyond"));
    let made: Vec<&String> = names
        .iter()
        .filter(|name| name.starts_with("forecast_2") && name.ends_with(".tif"))
        .collect();
    assert_eq!(made.len(), 2);
    let raster = Raster::open(&here.join("beyond").join(made[1])).unwrap();
    let weather = item(&raster, "TERROIR_WEATHER");
    assert!(
        weather.contains("climatology") && weather.contains("in place of future weather"),
        "{weather}"
    );
    let spread = made[1].replace("forecast", "spread");
    let spread = Raster::open(&here.join("beyond").join(spread)).unwrap();
    assert_eq!(spread.info().bands.len(), 7);
    assert!(values(&spread, 6).iter().all(|value| *value >= 0.0));
    assert!(values(&spread, 6).iter().any(|value| *value > 0.0));
    // As many members as wanted, of what was known then.
    let few = format!(
        "{forecast} --until 2021-03-01 --every 20 --horizon 20 --weather-members 3 --out few"
    );
    terroir(here, &few).done();
    let report = report_of(&here.join("few"));
    let source = report["forecast"]["targets"][0]["weather_source"]
        .as_str()
        .unwrap();
    assert!(source.contains("3 members"), "{source}");
    let fails = |words: &str, code: i32, said: &[&str]| {
        terroir(here, words).failed(code, said);
    };
    let without = format!(
        "forecast {} --method kgvsf --weights net.safetensors --out no",
        site.images.display()
    );
    fails(&without, 2, &["--weather"]);
    fails(
        &format!("{forecast} --until 2020-06-01 --dates 2020-05-01 --out no"),
        1,
        &["does not lie after the last image"],
    );
    fails(
        &format!("{forecast} --fill --out no"),
        1,
        &["fills no gaps"],
    );
    fails(
        &format!("{forecast} --until 2020-06-01 --every 10 --horizon 10 --what-if 99,1 --out no"),
        1,
        &["up to 30 degC"],
    );
    // Less than three years of weather have no climatology.
    let short = here.join("short.csv");
    let table = fs::read_to_string(&site.weather).unwrap();
    let lines: Vec<&str> = table.lines().collect();
    fs::write(&short, lines[..600].join("\n")).unwrap();
    let words = format!(
        "forecast {} --method kgvsf --weights net.safetensors --device cpu --weather short.csv --until 2019-08-01 --every 40 --horizon 40 --out no",
        site.images.display()
    );
    fails(&words, 1, &["years"]);
    let words = words.replace("2019-08-01", "2020-08-01");
    fails(&words, 1, &["the weather reaches from"]);
}
