//! Projects there and back, moved, damaged, newer and interrupted.

use super::*;
use crate::{Class, GeoTransform, Georef, Grid, Labels, Stretch};

fn layer(name: &str, source: LayerSource) -> Layer {
    Layer {
        id: LayerId(0),
        name: name.to_owned(),
        source,
        style: None,
        visible: true,
        opacity: 1.0,
        blend: Blend::Normal,
        missing_color: None,
        edited_wavelengths: Vec::new(),
        attribution: None,
    }
}

/// A raster of two by two pixels that GDAL opens: a text grid.
fn raster_file(folder: &Path, name: &str) -> PathBuf {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(
        &path,
        "ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 10\n1 2\n3 4\n",
    )
    .unwrap();
    path
}

fn document(scene: &Path) -> Document {
    let georef = Georef {
        transform: Some(GeoTransform([
            600_000.1,
            1.0 / 3.0,
            0.0,
            5_200_000.7,
            0.0,
            -1.0 / 3.0,
        ])),
        crs: Some(Crs::parse("EPSG:32632").unwrap()),
        ..Georef::default()
    };
    let mut labels = Labels::new(Grid {
        width: 300,
        height: 200,
        georef,
    });
    labels.set_class(Class {
        id: 4,
        name: "wheat".to_owned(),
        color: [1, 2, 3],
    });
    labels.set_class(Class {
        id: 9,
        name: "nothing yet".to_owned(),
        color: [4, 5, 6],
    });
    labels.paint_stroke((20.0, 20.0), (120.0, 90.0), 17.0, 4, false);
    let mut document = Document {
        labels: Some(labels),
        ..Document::default()
    };
    let info = Some(Arc::new(Raster::open(scene).unwrap().info().clone()));
    let id = document.add_layer(layer(
        "scene",
        LayerSource::Raster {
            path: scene.to_owned(),
            info,
        },
    ));
    document.add_layer(layer("Labels", LayerSource::Labels));
    document.active = Some(id);
    let scene = document.layer_mut(id).unwrap();
    scene.opacity = 0.25;
    scene.blend = Blend::Multiply;
    scene.missing_color = Some([255, 0, 254]);
    scene.edited_wavelengths = vec![(0, Wavelength(664.6))];
    scene.attribution = Some("somebody".to_owned());
    let stretch = Stretch {
        low: 0.5,
        high: 812.25,
        gamma: 1.0,
    };
    scene.style = Some(Style::rgb([2, 1, 0], [stretch; 3]));
    let bands = [Some(664.6), None].into_iter().enumerate();
    let bands = bands.map(|(index, nm)| crate::profile::tests::band(index, nm, nm));
    let mut profile = crate::profile::tests::profile(bands.collect());
    profile.file = path_of(&document, id);
    document.keep_profiles([profile]);
    let crs = Crs::parse("EPSG:32632").unwrap();
    document.followed = [Some(crs), None]
        .map(|crs| crate::FollowedPlace {
            place: crate::TimePlace {
                xy: (600_010.1, 5_199_990.7),
                crs,
            },
            color: [200, 10, 20],
        })
        .to_vec();
    document.area_of_interest = Some(id);
    document.area_part = Some("crop=winter wheat".parse().unwrap());
    document
}

fn path_of(document: &Document, id: LayerId) -> PathBuf {
    document.layer(id).unwrap().raster_path().unwrap().into()
}

#[test]
fn a_project_comes_back_equal_and_moves_with_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("one");
    let scene = raster_file(&home, "data/scene.asc");
    let document = document(&scene);
    let path = home.join("field work.terroir");
    save_project(&document, &path).unwrap();
    let opened = open_project(&path).unwrap();
    assert_eq!(
        (&opened.document, opened.read_only, opened.warnings.len()),
        (&document, false, 0),
        "{:?}",
        opened.warnings
    );
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("{\n  \"schema\": 1,"), "{text}");
    assert!(text.contains("\"path\": \"data/scene.asc\""), "{text}");
    save_project(&document, &path).unwrap();
    assert_eq!(
        std::fs::read_to_string(&path).unwrap(),
        text,
        "the same document gives the same text"
    );
    assert!(home.join("field work.terroir.bak").is_file());

    let moved = folder.path().join("two");
    std::fs::rename(&home, &moved).unwrap();
    let opened = open_project(&moved.join("field work.terroir")).unwrap();
    assert!(opened.warnings.is_empty(), "{:?}", opened.warnings);
    assert_eq!(opened.document.labels, document.labels);
    let LayerSource::Raster { path: scene, info } = &opened.document.layers[1].source else {
        panic!("a raster")
    };
    assert_eq!(
        (scene, info.is_some()),
        (&moved.join("data/scene.asc"), true)
    );
}

#[test]
fn a_missing_scene_keeps_its_layer() {
    let folder = tempfile::tempdir().unwrap();
    let scene = raster_file(folder.path(), "scene.asc");
    let path = folder.path().join("a.terroir");
    save_project(&document(&scene), &path).unwrap();
    std::fs::remove_file(&scene).unwrap();
    let opened = open_project(&path).unwrap();
    assert_eq!(opened.warnings.len(), 1);
    assert_eq!(opened.document.layers.len(), 2);
    assert!(opened.document.layers[1].raster_info().is_none());
    // Saving keeps the layer for the day the file is back.
    save_project(&opened.document, &path).unwrap();
    raster_file(folder.path(), "scene.asc");
    assert!(open_project(&path).unwrap().warnings.is_empty());
    std::fs::remove_file(folder.path().join("a.labels.gpkg")).unwrap();
    let without = open_project(&path).unwrap();
    assert!(
        without.warnings[0].contains("labels of this project cannot be read"),
        "{:?}",
        without.warnings
    );
}

#[test]
fn damaged_and_newer_projects() {
    let folder = tempfile::tempdir().unwrap();
    let scene = raster_file(folder.path(), "scene.asc");
    let document = document(&scene);
    let path = folder.path().join("a.terroir");
    save_project(&document, &path).unwrap();
    save_project(&document, &path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, &text[..text.len() / 2]).unwrap();
    let error = open_project(&path).unwrap_err().to_string();
    assert!(error.contains("a.terroir.bak: open that"), "{error}");
    assert_eq!(
        open_project(&folder.path().join("a.terroir.bak"))
            .unwrap()
            .document,
        document
    );
    // Saving over the damaged file keeps the good copy.
    save_project(&document, &path).unwrap();
    assert_eq!(
        open_project(&folder.path().join("a.terroir.bak"))
            .unwrap()
            .document,
        document
    );

    let newer = text
        .replacen("\"schema\": 1", "\"schema\": 99", 1)
        .replacen("\"kind\": \"labels\"", "\"kind\": \"hologram\"", 1);
    std::fs::write(&path, &newer).unwrap();
    let opened = open_project(&path).unwrap();
    assert!(opened.read_only);
    assert_eq!(
        (opened.warnings.len(), opened.document.layers.len()),
        (2, 1),
        "{:?}",
        opened.warnings
    );
    let refused = save_project(&document, &path).unwrap_err().to_string();
    assert!(refused.contains("newer Terroir"), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), newer);

    let stranger = folder.path().join("b.terroir");
    for text in [
        "",
        "{}",
        "[1, 2]",
        "\u{0}\u{1}",
        "{\"schema\": 1, \"layers\": 5}",
    ] {
        std::fs::write(&stranger, text).unwrap();
        assert!(
            open_project(&stranger)
                .unwrap_err()
                .to_string()
                .contains("no Terroir project")
        );
    }
}

/// A save is four files put in place one after the other, each from a finished temporary. Whatever state a kill leaves
/// behind must open as the old or the new project.
#[test]
fn a_save_killed_anywhere_leaves_a_whole_project() {
    let folder = tempfile::tempdir().unwrap();
    let scene = raster_file(folder.path(), "scene.asc");
    let old = document(&scene);
    let mut new = old.clone();
    if let Some(labels) = &mut new.labels {
        labels.fill(299, 199, 9, usize::MAX);
    }
    new.layer_mut(LayerId(0)).unwrap().name = "renamed".to_owned();
    let names = ["a.labels.gpkg", "a.terroir.bak", "a.terroir"];
    let state = |document: &Document| {
        let path = folder.path().join("a.terroir");
        save_project(document, &path).unwrap();
        names.map(|name| std::fs::read(folder.path().join(name)).ok())
    };
    let before = state(&old);
    let after = state(&new);
    let work = tempfile::tempdir_in(folder.path()).unwrap();
    let path = work.path().join("a.terroir");
    for done in 0..=names.len() {
        for share in 0..=4 {
            for (at, name) in names.iter().enumerate() {
                let bytes = if at < done { &after[at] } else { &before[at] };
                let target = work.path().join(name);
                match bytes {
                    Some(bytes) => std::fs::write(&target, bytes).unwrap(),
                    None => std::fs::remove_file(&target).unwrap_or_default(),
                }
                let part = with_suffix(&target, ".part");
                std::fs::remove_file(&part).unwrap_or_default();
                if let Some(bytes) = after[at].as_ref().filter(|_| at == done) {
                    std::fs::write(&part, &bytes[..bytes.len() * share / 4]).unwrap();
                }
            }
            let opened = open_project(&path).unwrap();
            let labels = if done == 0 { &old.labels } else { &new.labels };
            assert_eq!(&opened.document.labels, labels, "{done} files done");
            let name = if done < 3 { "scene" } else { "renamed" };
            assert_eq!(opened.document.layers[1].name, name);
        }
    }
    // The next save clears what was left.
    save_project(&new, &path).unwrap();
    let stray = std::fs::read_dir(work.path()).unwrap().filter(|entry| {
        entry
            .as_ref()
            .unwrap()
            .path()
            .extension()
            .is_some_and(|e| e == "part")
    });
    assert_eq!(stray.count(), 0);
}

#[test]
fn relative_paths_read_the_same_everywhere() {
    let folder = Path::new("/data/projects");
    assert_eq!(relative(folder, Path::new("/data/projects/a.tif")), "a.tif");
    assert_eq!(
        relative(folder, Path::new("/data/scenes/b/c.tif")),
        "../scenes/b/c.tif"
    );
    assert_eq!(
        normal(Path::new("/data/projects/../scenes/./c.tif")),
        Path::new("/data/scenes/c.tif")
    );
    let netcdf = Path::new("NETCDF:\"/data/a.nc\":ndvi");
    assert!(
        is_gdal_name(netcdf)
            && !is_gdal_name(Path::new("/data/a:b.tif"))
            && !is_gdal_name(Path::new("C:\\a.tif"))
    );
    let home = std::env::home_dir().unwrap();
    assert_eq!(without_home(&home.join("a/b.tif")), "~/a/b.tif");
}

#[test]
fn a_series_comes_back_with_its_dates_masks_and_missing_files() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("project");
    for name in [
        "img/a_2021-06-03.asc",
        "img/b_2021-06-08.asc",
        "img/undated.asc",
        "img/cloud.asc",
    ] {
        raster_file(&folder, name);
    }
    let paths = ["a_2021-06-03.asc", "b_2021-06-08.asc", "undated.asc"]
        .map(|name| folder.join("img").join(name));
    let found = crate::one_series_blocking(&paths);
    let mut frames = found.series[0].frames.clone();
    frames[1].period = "2021-06-08..2021-07-01".parse().ok();
    let mut series = crate::Series::new(frames, 1);
    series.set_date(2, Some(jiff::civil::Date::constant(2020, 2, 29)));
    series.set_masks(|frame| {
        let own = frame.info.as_ref().map(|info| info.path.clone());
        let beside = folder.join("img").join("cloud.asc");
        Some(crate::MaskSource {
            path: own.filter(|path| path == &paths[0]).unwrap_or(beside),
            band: 0,
            kind: crate::MaskKind::User,
        })
    });
    series.hide_clouds = true;
    series.most_clouds = Some(0.25);
    let mut document = Document::default();
    document.add_layer(layer("series", LayerSource::Series(series)));
    let path = folder.join("a.terroir");
    save_project(&document, &path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("\"path\": \"img/a_2021-06-03.asc\""),
        "{text}"
    );
    let opened = open_project(&path).unwrap();
    assert_eq!(opened.warnings, Vec::<String>::new());
    assert_eq!(opened.document, document);

    // Moved as a whole, and then one file gone: its frame stays listed.
    let moved = home.path().join("elsewhere");
    std::fs::rename(&folder, &moved).unwrap();
    std::fs::remove_file(moved.join("img").join("b_2021-06-08.asc")).unwrap();
    let opened = open_project(&moved.join("a.terroir")).unwrap();
    assert_eq!(opened.warnings.len(), 1);
    let series = opened.document.layers[0].series().unwrap();
    let there: Vec<bool> = series
        .frames()
        .iter()
        .map(|frame| frame.info.is_some())
        .collect();
    assert_eq!(there, [true, true, false]);
    assert!(series.frames()[1].has_own_mask());
    assert_eq!((series.shown(), series.hide_clouds), (2, true));
}

#[test]
fn the_method_of_the_map_stays_with_the_project() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.terroir");
    let mut document = Document::default();
    save_project(&document, &path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("method") && !text.contains("live_opacity"));
    document.live_opacity = LiveOpacity(0.25);
    document.method.kind = crate::HeadKind::Forest;
    document.method.set_weight(3, 0.3);
    document.method.set_weight(4, f32::NAN);
    save_project(&document, &path).unwrap();
    assert_eq!(open_project(&path).unwrap().document, document);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("\"forest\"", "\"oracle\"")).unwrap();
    let opened = open_project(&path).unwrap();
    assert_eq!(opened.document.method, Method::default());
    assert!(
        opened.warnings[0].contains("method"),
        "{:?}",
        opened.warnings
    );
}

#[test]
fn an_area_and_places_of_a_newer_program_are_left_out_and_said() {
    let folder = tempfile::tempdir().unwrap();
    let scene = raster_file(folder.path(), "scene.asc");
    let path = folder.path().join("work.terroir");
    save_project(&document(&scene), &path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let newer = text
        .replace("\"crop=winter wheat\"", "{\"near\": 5}")
        .replacen("600010.1", "\"everywhere\"", 1);
    std::fs::write(&path, newer).unwrap();
    let opened = open_project(&path).unwrap();
    let document = opened.document;
    // Not the whole layer instead of a part of it.
    assert_eq!(
        (document.area_of_interest, document.area_part),
        (None, None)
    );
    assert_eq!(document.followed.len(), 1);
    assert_eq!(opened.warnings.len(), 2, "{:?}", opened.warnings);
}

#[test]
fn the_weather_and_how_it_is_read_stay_with_the_project() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("work.terroir");
    let mut weather = WeatherSpec::new(folder.path().join("weather.csv"));
    weather.reading.place = Some((50.85, 4.35));
    weather
        .reading
        .units
        .insert("tmax".into(), crate::WeatherUnit::Kelvin);
    let document = Document {
        weather: Some(weather.clone()),
        ..Document::default()
    };
    save_project(&document, &path).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("\"tmax\": \"K\"") && text.contains("\"path\": \"weather.csv\""),
        "{text}"
    );
    assert_eq!(open_project(&path).unwrap().document.weather, Some(weather));
    // A unit of a newer program costs the weather, not the project.
    std::fs::write(&path, text.replace("\"K\"", "\"rankine\"")).unwrap();
    let opened = open_project(&path).unwrap();
    assert_eq!(opened.document.weather, None);
    assert!(
        opened
            .warnings
            .iter()
            .any(|warning| warning.contains("weather")),
        "{:?}",
        opened.warnings
    );
}
