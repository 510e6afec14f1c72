//! Every reader of files in `scene`, each with what its files are called, files to begin with, and what is done with what it
//! reads. Shared by the fuzz targets and by `tests/suite/hostile.rs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use terroir_scene::{
    Blend, Class, ClassRow, Clusters, Crs, Document, FIELD_AXES, Formula, GeoTransform, Georef,
    Grid, Head, HeadKind, Journal, KMeans, LabelPolygon, Labels, Layer, LayerId, LayerSource,
    PcaBasis, PcaFit, PcaStretch, Period, Raster, Resampling, StationReading, StationTables,
    TrainingPixel, ValueHead, ValueSample, Wavelength, WeatherReading, WeatherTable,
    WeatherVariable, class_names_beside, default_style_blocking, find_series_blocking,
    import_labels_of, one_series_blocking, open_project, read_class_table_blocking,
    read_places_table, read_vector_blocking, restore_work, save_project, series_in_raster_blocking,
    vector_tables,
};

/// `Err`: what a user would read.
pub type Answer = Result<(), String>;

pub struct Reader {
    /// The group it is fuzzed in.
    pub target: &'static str,
    /// What its file is called, folders included.
    pub file: &'static str,
    /// Reads the file and uses what it says.
    pub read: fn(&Path) -> Answer,
    /// Files to begin with; may write other files that belong to them into the folder.
    pub seeds: fn(&Path) -> Vec<Vec<u8>>,
}

pub const TARGETS: [&str; 9] = [
    "project", "journal", "labels", "classes", "tables", "metadata", "fitted", "raster", "words",
];

pub const READERS: &[Reader] = &[
    Reader {
        target: "project",
        file: "work.terroir",
        read: project,
        seeds: project_seeds,
    },
    Reader {
        target: "journal",
        file: "work.journal",
        read: journal,
        seeds: journal_seeds,
    },
    Reader {
        target: "labels",
        file: "labels.geojson",
        read: labels,
        seeds: geojson_seeds,
    },
    Reader {
        target: "labels",
        file: "labels.csv",
        read: labels,
        seeds: |_| {
            texts(&[
                "x,y,class\n500005,3999995,1\n500105,3999895,water\n",
                "WKT,class_id\n\"POLYGON((0 0,9 0,9 9,0 0))\",3\n",
            ])
        },
    },
    Reader {
        target: "classes",
        file: "classes.csv",
        read: classes,
        seeds: |_| {
            texts(&[
                "class_id,name,color\n1,water,#0000ff\n2,\"dry, bare\",#aa8800\n",
                "value\tlabel\trgb\n7\tforest\t0 128 0\n",
            ])
        },
    },
    Reader {
        target: "classes",
        file: "classes.qml",
        read: classes,
        seeds: |_| texts(&[QML]),
    },
    Reader {
        target: "classes",
        file: "classes.clr",
        read: classes,
        seeds: |_| {
            texts(&[
                "1 0 0 255 255 water\n2 0 128 0 255 forest\n",
                "0 255 255 255\n255 0 0 0\n",
            ])
        },
    },
    Reader {
        target: "classes",
        file: "scene.qml",
        read: raster_style_beside,
        seeds: |folder| {
            std::fs::write(folder.join("scene.tif"), tiny_tiff(6, &[1; 36])).ok();
            texts(&[QML])
        },
    },
    Reader {
        target: "tables",
        file: "weather.csv",
        read: weather,
        seeds: |_| texts(&WEATHER),
    },
    Reader {
        target: "tables",
        file: "weather.txt",
        read: weather,
        seeds: |_| texts(&[&WEATHER[1].replace(',', ";"), &USCRN.repeat(2)]),
    },
    Reader {
        target: "tables",
        file: "net_net_place_sm_0.050000_0.050000_probe_20200101_20200103.stm",
        read: station,
        seeds: |_| texts(&ISMN),
    },
    Reader {
        target: "tables",
        file: "CRNS0101-05-2020-NC_Asheville_8_SSW.txt",
        read: station,
        seeds: |_| texts(&[USCRN]),
    },
    Reader {
        target: "tables",
        file: "stations.csv",
        read: station,
        seeds: |_| {
            texts(&[
                "station,lat,lon,date,sm\na,50.1,7.2,2020-05-01,0.21\na,50.1,7.2,2020-05-02,0.2\n",
            ])
        },
    },
    Reader {
        target: "tables",
        file: "dates.csv",
        read: dates_table,
        seeds: dates_seeds,
    },
    Reader {
        target: "tables",
        file: "stack.dates.csv",
        read: stack_dates,
        seeds: |folder| {
            std::fs::write(folder.join("stack.tif"), tiny_tiff(6, &[7; 36])).ok();
            texts(&["band,date,name\n1,2020-05-01,ndvi\n2,2020-06-01,ndvi\n"])
        },
    },
    Reader {
        target: "tables",
        file: "places.csv",
        read: places,
        seeds: |_| {
            texts(&[
                "rank,similarity,x,y,longitude,latitude,col,row\n1,0.9,5,6,7.1,50.2,3,4\n2,0.8,5,6,,,3,4\n",
            ])
        },
    },
    Reader {
        target: "metadata",
        file: "scene.stac.json",
        read: |path| raster_at(&path.with_file_name("scene.tif")),
        seeds: |folder| {
            std::fs::write(folder.join("scene.tif"), tiny_tiff(6, &[5; 36])).ok();
            texts(&STAC)
        },
    },
    Reader {
        target: "metadata",
        file: "item.json",
        read: raster_at,
        seeds: |folder| {
            std::fs::write(folder.join("r.tif"), tiny_tiff(6, &[5; 36])).ok();
            texts(&STAC)
        },
    },
    Reader {
        target: "metadata",
        file: "S2B_MSIL2A_20220728T112119_N0400_R037_T29SND_20220728T135212.SAFE/MTD_MSIL2A.xml",
        read: |path| raster_at(path.parent().unwrap_or(path)),
        seeds: |folder| {
            let images = folder.join("S2B_MSIL2A_20220728T112119_N0400_R037_T29SND_20220728T135212.SAFE/GRANULE/L2A_T29SND/IMG_DATA/R10m");
            std::fs::create_dir_all(&images).ok();
            for name in ["B04", "B08"] {
                let file = images.join(format!("T29SND_20220728T112119_{name}_10m.tif"));
                std::fs::write(file, tiny_tiff(6, &[9; 36])).ok();
            }
            texts(&[SENTINEL2])
        },
    },
    Reader {
        target: "metadata",
        file: "LC08_L2SP_203033_20210728_20210804_02_T1_MTL.txt",
        read: raster_at,
        seeds: |folder| {
            landsat_bands(folder);
            texts(&[LANDSAT])
        },
    },
    Reader {
        target: "metadata",
        file: "LC08_L2SP_203033_20210728_20210804_02_T1_MTL.json",
        read: raster_at,
        seeds: |folder| {
            landsat_bands(folder);
            texts(&[LANDSAT_JSON])
        },
    },
    Reader {
        target: "metadata",
        file: "LC08_L2SP_203033_20210728_20210804_02_T1_MTL.xml",
        read: raster_at,
        seeds: |folder| {
            landsat_bands(folder);
            texts(&[LANDSAT_XML])
        },
    },
    Reader {
        target: "metadata",
        file: "ENMAP01-____L2A-DT0000001234_20220728T103001Z_001_V010110_20221012T000000Z-METADATA.XML",
        read: raster_at,
        seeds: |folder| {
            let beginning =
                "ENMAP01-____L2A-DT0000001234_20220728T103001Z_001_V010110_20221012T000000Z";
            std::fs::write(
                folder.join(format!("{beginning}-SPECTRAL_IMAGE.TIF")),
                tiny_tiff(6, &[9; 36]),
            )
            .ok();
            texts(&[ENMAP])
        },
    },
    Reader {
        target: "metadata",
        file: "20210603_101031_ssc1_3B_AnalyticMS_metadata.xml",
        read: raster_at,
        seeds: |folder| {
            std::fs::write(
                folder.join("20210603_101031_ssc1_3B_AnalyticMS.tif"),
                tiny_tiff(6, &[9; 36]),
            )
            .ok();
            texts(&[PLANET])
        },
    },
    Reader {
        target: "metadata",
        file: "20210603_101031_ssc1_metadata.json",
        read: raster_at,
        seeds: |folder| {
            std::fs::write(
                folder.join("20210603_101031_ssc1_3B_AnalyticMS_SR.tif"),
                tiny_tiff(6, &[9; 36]),
            )
            .ok();
            texts(&[
                r#"{"id":"20210603_101031_ssc1","properties":{"acquired":"2021-06-03T10:10:31.5Z","cloud_cover":0.1,"satellite_id":"ssc1","instrument":"PSB.SD"}}"#,
            ])
        },
    },
    Reader {
        target: "fitted",
        file: "head.json",
        read: head,
        seeds: head_seeds,
    },
    Reader {
        target: "fitted",
        file: "value_head.json",
        read: value_head,
        seeds: value_head_seeds,
    },
    Reader {
        target: "fitted",
        file: "clusters.json",
        read: clusters,
        seeds: cluster_seeds,
    },
    Reader {
        target: "fitted",
        file: "colours.json",
        read: basis,
        seeds: basis_seeds,
    },
    Reader {
        target: "raster",
        file: "scene.tif",
        read: raster_at,
        seeds: |_| vec![tiny_tiff(6, &[3; 36]), tiny_tiff(1, &[1, 2, 3])],
    },
    Reader {
        target: "raster",
        file: "scene.vrt",
        read: raster_at,
        seeds: |folder| {
            std::fs::write(folder.join("scene.tif"), tiny_tiff(6, &[3; 36])).ok();
            texts(&[VRT])
        },
    },
    Reader {
        target: "raster",
        file: "scene.asc",
        read: raster_at,
        seeds: |_| {
            texts(&[
                "ncols 2\nnrows 2\nxllcorner 0\nyllcorner 0\ncellsize 10\nNODATA_value -9\n1 2\n3 -9\n",
            ])
        },
    },
    Reader {
        target: "raster",
        file: "scene.hdr",
        read: |path| raster_at(&path.with_file_name("scene.dat")),
        seeds: |folder| {
            std::fs::write(folder.join("scene.dat"), [7; 200]).ok();
            texts(&[ENVI])
        },
    },
    Reader {
        target: "words",
        file: "formula.txt",
        read: formula,
        seeds: |_| {
            texts(&[
                "(nir - red) / (nir + red)",
                "where(b1 > 0.5 and not (b2 <= 3), sqrt(abs(b1)), -b2 ^ 2)",
                "min(b1, b2, 1e-3)",
            ])
        },
    },
    Reader {
        target: "words",
        file: "name.txt",
        read: date_in_name,
        seeds: |_| {
            texts(&[
                "S2A_MSIL1C_20170216T102101_N0204",
                "LE07_1999-11-18.tif",
                "MOD13Q1.A2001145.h12",
                "scene_2020_366",
                "19991118",
                "2021-06-31",
            ])
        },
    },
    Reader {
        target: "words",
        file: "words.txt",
        read: words,
        seeds: |_| {
            texts(&[
                "665nm",
                "0.665 um",
                "2018-03-01..2018-09-01",
                "2018-05",
                "2018",
                "EPSG:32631",
                "4326",
                "+proj=utm +zone=31 +datum=WGS84",
                "GEOGCS[\"WGS 84\",DATUM[\"WGS_1984\",SPHEROID[\"WGS 84\",6378137,298.257223563]],PRIMEM[\"Greenwich\",0],UNIT[\"degree\",0.0174532925199433]]",
            ])
        },
    },
];

/// The readers a target's files may go to; its first byte chooses one.
pub fn readers_of(target: &str) -> Vec<&'static Reader> {
    READERS
        .iter()
        .filter(|reader| reader.target == target)
        .collect()
}

/// A message a user cannot act on is a fault of its own.
fn said<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| {
        let words = error.to_string();
        assert!(words.trim().len() > 8, "too short to help: {words:?}");
        words
    })
}

fn text_of(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn project(path: &Path) -> Answer {
    let opened = said(open_project(path))?;
    for layer in &opened.document.layers {
        if let Some(labels) = &opened.document.labels {
            labels.counts();
        }
        layer.raster_path();
        if let Some(series) = layer.series() {
            series.span();
            (0..series.frames().len().min(10)).for_each(|at| {
                series.label(at);
            });
        }
    }
    // What was read can be written, and read once more.
    let again = path.with_file_name("again.terroir");
    said(save_project(&opened.document, &again))?;
    let back = said(open_project(&again))?;
    assert_eq!(back.document.layers.len(), opened.document.layers.len());
    Ok(())
}

fn journal(path: &Path) -> Answer {
    let work = said(restore_work(path))?;
    if let Some(labels) = &work.project.document.labels {
        labels.counts();
        labels.size_beyond(None);
        labels.block_for_drawing(0, 0);
    }
    Ok(())
}

fn labels(path: &Path) -> Answer {
    said(vector_tables(path)).ok();
    let layer = said(read_vector_blocking(path, None, &Default::default()));
    if let Ok(layer) = &layer {
        terroir_scene::value_columns(layer);
    }
    let (labels, _) = said(import_labels_of(path, None, &small_grid(), None))?;
    labels.pixels();
    labels.counts();
    Ok(())
}

fn classes(path: &Path) -> Answer {
    let rows: Vec<ClassRow> = said(read_class_table_blocking(path))?;
    assert!(!rows.is_empty(), "a table without a class is an error");
    let mut labels = Labels::new(small_grid());
    labels.take_classes(&rows);
    assert!(labels.classes.len() <= 255);
    Ok(())
}

fn raster_style_beside(path: &Path) -> Answer {
    let raster = path.with_file_name("scene.tif");
    class_names_beside(&raster);
    raster_at(&raster)
}

fn weather(path: &Path) -> Answer {
    let table = said(WeatherTable::open_blocking(
        path,
        &WeatherReading::default(),
    ))?;
    assert!(table.days() < 200_000, "{} days", table.days());
    table.csv();
    table.drivers(table.first, table.last()).ok();
    table.variables().count();
    table.until(table.first);
    let warmer = table.changed_from(table.first, 2.0, 0.5);
    assert_eq!(warmer.days(), table.days());
    for variable in [WeatherVariable::Tmin, WeatherVariable::Prcp] {
        table.value(variable, table.last());
    }
    Ok(())
}

fn station(path: &Path) -> Answer {
    let files = [path.to_owned()];
    let tables = said(StationTables::open_blocking(
        &files,
        &StationReading::default(),
    ))?;
    tables.period();
    tables.values();
    tables.depth_m();
    Ok(())
}

fn dates_table(path: &Path) -> Answer {
    let found = find_series_blocking(&[path.parent().unwrap_or(path).to_owned()]);
    for series in found.series {
        terroir_scene::Series::new(series.frames, 0).span();
    }
    Ok(())
}

fn stack_dates(path: &Path) -> Answer {
    let raster = said(Raster::open(&path.with_file_name("stack.tif")))?;
    series_in_raster_blocking(raster.info());
    Ok(())
}

fn places(path: &Path) -> Answer {
    said(read_places_table(path)).map(drop)
}

/// Opens, describes, styles and reads a raster.
fn raster_at(path: &Path) -> Answer {
    let raster = said(Raster::open(path))?;
    let info = raster.info();
    info.is_field();
    info.is_class_map();
    terroir_scene::band_presets(&info.bands);
    terroir_scene::default_rgb(&info.bands);
    series_in_raster_blocking(info);
    // Very large rasters are read in the parts that are looked at.
    let window = info.grid.window();
    let some = terroir_scene::Window {
        width: window.width.min(64),
        height: window.height.min(64),
        ..window
    };
    let bands: Vec<usize> = (0..info.bands.len().min(4)).collect();
    let block = said(raster.read_blocking(&bands, some, 8, 8, Resampling::Nearest))?;
    assert_eq!(block.values.len(), bands.len() * 64);
    if window.width.saturating_mul(window.height) < 1 << 20 {
        said(default_style_blocking(&raster))?;
    }
    Ok(())
}

/// Unit vectors that point everywhere.
fn vectors(count: usize) -> Vec<[f32; FIELD_AXES]> {
    (0..count)
        .map(|at| {
            let mut vector: [f32; FIELD_AXES] = std::array::from_fn(|axis| {
                (((at * 37 + axis * 11) % 23) as f32 - 11.0)
                    * if axis % 5 == at % 5 { 3.0 } else { 0.2 }
            });
            let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
            vector
                .iter_mut()
                .for_each(|value| *value /= length.max(1e-6));
            vector
        })
        .collect()
}

fn two_classes() -> Vec<Class> {
    vec![
        Class {
            id: 1,
            name: "water".to_owned(),
            color: [0, 0, 255],
        },
        Class {
            id: 7,
            name: "\u{6ce2} \"dry\"".to_owned(),
            color: [200, 100, 0],
        },
    ]
}

fn head(path: &Path) -> Answer {
    let head = said(Head::load(path))?;
    for vector in vectors(3) {
        let (winner, share) = head.classify(&vector);
        assert!(winner < head.classes.len().max(1));
        assert!(share.is_finite(), "a share of {share}");
        let mut shares = vec![0.0; head.classes.len()];
        head.probabilities(&vector, &mut shares);
    }
    head.linear();
    said(head.save(&path.with_file_name("again.json")))
}

fn head_seeds(folder: &Path) -> Vec<Vec<u8>> {
    let pixels: Vec<TrainingPixel> = vectors(24)
        .into_iter()
        .enumerate()
        .map(|(at, vector)| TrainingPixel {
            vector,
            class: at % 2,
            weight: 1.0,
        })
        .collect();
    [
        HeadKind::Ridge,
        HeadKind::Logistic,
        HeadKind::Neighbours,
        HeadKind::Forest,
        HeadKind::Network,
    ]
    .into_iter()
    .filter_map(|kind| {
        let options = terroir_scene::FitOptions::new(kind);
        let head = Head::fit(&options, &two_classes(), &pixels, &|| false).ok()?;
        written(folder, |path| head.save(path).ok())
    })
    .collect()
}

fn value_head(path: &Path) -> Answer {
    let head = said(ValueHead::load(path))?;
    for vector in vectors(3) {
        assert!(head.predict(&vector).is_finite());
    }
    Ok(())
}

fn value_head_seeds(folder: &Path) -> Vec<Vec<u8>> {
    let samples: Vec<ValueSample> = vectors(80)
        .into_iter()
        .enumerate()
        .map(|(at, vector)| ValueSample {
            vector,
            value: at as f64 * 0.5,
        })
        .collect();
    ValueHead::fit("biomass", "t/ha", &samples, Some(1.0))
        .ok()
        .and_then(|head| written(folder, |path| head.save(path).ok()))
        .into_iter()
        .collect()
}

fn clusters(path: &Path) -> Answer {
    let clusters = said(Clusters::load(path))?;
    let centroids = clusters.centroids();
    let (classes, of) = clusters.classes();
    assert_eq!(of.len(), centroids.len());
    assert!(!classes.is_empty());
    for vector in vectors(3) {
        assert!(Clusters::nearest(&centroids, &vector) < centroids.len());
    }
    Ok(())
}

fn cluster_seeds(folder: &Path) -> Vec<Vec<u8>> {
    KMeans::fit(&vectors(30), 3, 1, &|| false)
        .ok()
        .and_then(|found| written(folder, |path| Clusters::new(&found).save(path).ok()))
        .into_iter()
        .collect()
}

fn basis(path: &Path) -> Answer {
    let basis = said(PcaBasis::load(path))?;
    for vector in vectors(2) {
        for component in 0..4 {
            assert!(basis.project(&vector, component).is_finite());
        }
    }
    for stretch in PcaStretch::ALL {
        basis.limits(0, stretch);
    }
    basis.about();
    Ok(())
}

fn basis_seeds(folder: &Path) -> Vec<Vec<u8>> {
    let mut sums = PcaFit::new();
    for (key, vector) in vectors(200).iter().enumerate() {
        sums.push(vector, key as u64);
    }
    sums.finish(3)
        .ok()
        .and_then(|basis| written(folder, |path| basis.save(path).ok()))
        .into_iter()
        .collect()
}

fn formula(path: &Path) -> Answer {
    let text = text_of(path)?;
    let formula = said(Formula::parse(&text))?;
    // As it is shown it means the same.
    let again = said(Formula::parse(formula.text()))?;
    assert_eq!(again.names().len(), formula.names().len());
    Ok(())
}

/// The file's content is the name of an image.
fn date_in_name(path: &Path) -> Answer {
    let text = text_of(path)?;
    let name: String = text
        .chars()
        .filter(|c| !matches!(c, '/' | '\\' | '\0' | '\n'))
        .take(60)
        .collect();
    let image = path.with_file_name(format!("{name}.tif"));
    if std::fs::write(&image, tiny_tiff(6, &[2; 36])).is_ok() {
        one_series_blocking(std::slice::from_ref(&image));
        std::fs::remove_file(&image).ok();
    }
    Ok(())
}

fn words(path: &Path) -> Answer {
    let text = text_of(path)?;
    said(Wavelength::parse(&text)).ok();
    if let Ok(period) = said(text.parse::<Period>()) {
        let shown = period.to_string();
        assert_eq!(shown.parse::<Period>().ok(), Some(period), "{shown}");
    }
    terroir_scene::rgb_from_hex(&text);
    terroir_scene::remote_path(&text);
    terroir_scene::proposed_choice(&[]);
    said(Crs::parse(&text)).map(drop)
}

pub fn small_grid() -> Grid {
    Grid {
        width: 64,
        height: 48,
        georef: Georef {
            transform: Some(GeoTransform([
                500_000.0,
                10.0,
                0.0,
                4_000_000.0,
                0.0,
                -10.0,
            ])),
            ..Georef::default()
        },
    }
}

pub fn layer(name: &str, source: LayerSource) -> Layer {
    Layer {
        id: LayerId(0),
        name: name.to_owned(),
        source,
        style: None,
        visible: true,
        opacity: 1.0,
        blend: Blend::Normal,
        missing_color: None,
        edited_wavelengths: vec![(0, Wavelength(664.5))],
        attribution: Some("somebody".to_owned()),
    }
}

/// A document of everything a project keeps.
fn document(folder: &Path) -> Document {
    let scene = folder.join("scene.tif");
    std::fs::write(&scene, tiny_tiff(6, &[3; 36])).ok();
    let mut document = Document::default();
    let raster = Raster::open(&scene).ok();
    let style = raster
        .as_ref()
        .and_then(|raster| default_style_blocking(raster).ok());
    let info = raster.map(|raster| Arc::new(raster.info().clone()));
    let mut scene_layer = layer(
        "scene",
        LayerSource::Raster {
            path: scene.clone(),
            info,
        },
    );
    scene_layer.style = style;
    document.add_layer(scene_layer);
    document.add_layer(layer("labels", LayerSource::Labels));
    let found = one_series_blocking(std::slice::from_ref(&scene));
    for series in found.series {
        document.add_layer(layer(
            "series",
            LayerSource::Series(terroir_scene::Series::new(series.frames, 0)),
        ));
    }
    let mut labels = Labels::new(small_grid());
    labels.classes = Arc::new(two_classes());
    labels.paint_stroke((5.0, 5.0), (50.0, 20.0), 4.0, 1, false);
    labels.add_polygon(LabelPolygon {
        class_id: 7,
        rings: vec![vec![(1.0, 1.0), (9.0, 1.0), (5.0, 8.0)]],
        source: "polygon".to_owned(),
        usage: "val".to_owned(),
    });
    document.labels = Some(labels);
    document.weather = Some(terroir_scene::WeatherSpec::new(folder.join("weather.csv")));
    document
}

fn project_seeds(folder: &Path) -> Vec<Vec<u8>> {
    written(folder, |path| save_project(&document(folder), path).ok())
        .into_iter()
        .chain(texts(&[r#"{"schema":1,"program":"x","layers":[]}"#]))
        .collect()
}

fn journal_seeds(folder: &Path) -> Vec<Vec<u8>> {
    written(folder, |path| {
        let mut journal = Journal::new(path.to_owned());
        let mut work = document(folder);
        journal.write_blocking(&work, None).ok()?;
        let labels = work.labels.as_mut()?;
        labels.paint_stroke((9.0, 40.0), (30.0, 41.0), 3.0, 7, false);
        journal.write_blocking(&work, Some(path)).ok()?;
        work.labels.as_mut()?.remove_polygon(0);
        journal.write_blocking(&work, None).ok()?;
        work.labels = None;
        journal.write_blocking(&work, None).ok()
    })
    .into_iter()
    .collect()
}

fn geojson_seeds(_: &Path) -> Vec<Vec<u8>> {
    texts(&[
        r#"{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"class_id":1,"class_name":"water"},"geometry":{"type":"Polygon","coordinates":[[[500010,3999990],[500200,3999990],[500200,3999700],[500010,3999990]]]}},
        {"type":"Feature","properties":{"class":"dry"},"geometry":{"type":"MultiPoint","coordinates":[[500100,3999800],[500110,3999810]]}}]}"#,
        r#"{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::32631"}},"features":[{"type":"Feature","properties":{"label":3},"geometry":{"type":"LineString","coordinates":[[500100,3999800],[500310,3999710]]}}]}"#,
        r#"{"type":"Topology","objects":{"a":{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]}]}},"arcs":[]}"#,
    ])
}

fn dates_seeds(folder: &Path) -> Vec<Vec<u8>> {
    for name in ["a.tif", "b.tif"] {
        std::fs::write(folder.join(name), tiny_tiff(6, &[1; 36])).ok();
    }
    texts(&[
        "file,date,clouds\na.tif,2021-05-01,0.2\nb.tif,2021-05-11T10:00:00Z,40%\n",
        "file;time\na.tif;2021-05-01 10:11:12\n../b.tif;20210511\n",
    ])
}

fn landsat_bands(folder: &Path) {
    for number in [4, 5] {
        let name = format!("LC08_L2SP_203033_20210728_20210804_02_T1_SR_B{number}.TIF");
        std::fs::write(folder.join(name), tiny_tiff(6, &[9; 36])).ok();
    }
}

/// What `write` puts at a path.
fn written(folder: &Path, write: impl FnOnce(&Path) -> Option<()>) -> Option<Vec<u8>> {
    let path: PathBuf = folder.join("seed.terroir");
    write(&path)?;
    std::fs::read(path).ok()
}

fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// A square GeoTIFF of two-byte numbers, `side` pixels a side, in UTM zone 31.
pub fn tiny_tiff(side: u16, values: &[u16]) -> Vec<u8> {
    let rows = u16::try_from(values.len() / usize::from(side.max(1))).unwrap_or(1);
    let entries: u16 = 14;
    let after = 8 + 2 + 12 * u32::from(entries) + 4;
    let (scale, tie, keys) = (after, after + 24, after + 72);
    let pixels = keys + 32;
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend(entries.to_le_bytes());
    let mut entry = |tag: u16, kind: u16, count: u32, value: u32| {
        bytes.extend(tag.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(count.to_le_bytes());
        bytes.extend(value.to_le_bytes());
    };
    entry(256, 3, 1, side.into());
    entry(257, 3, 1, rows.into());
    entry(258, 3, 1, 16);
    entry(259, 3, 1, 1);
    entry(262, 3, 1, 1);
    entry(273, 4, 1, pixels);
    entry(277, 3, 1, 1);
    entry(278, 3, 1, rows.into());
    entry(279, 4, 1, 2 * u32::from(side) * u32::from(rows));
    entry(284, 3, 1, 1);
    entry(339, 3, 1, 1);
    entry(33550, 12, 3, scale);
    entry(33922, 12, 6, tie);
    entry(34735, 3, 16, keys);
    bytes.extend([0; 4]);
    let doubles = [
        10.0,
        10.0,
        0.0,
        0.0,
        0.0,
        0.0,
        500_000.0,
        4_000_000.0,
        0.0_f64,
    ];
    doubles
        .iter()
        .for_each(|number| bytes.extend(number.to_le_bytes()));
    let directory = [
        1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32631_u16,
    ];
    directory
        .iter()
        .chain(values)
        .for_each(|number| bytes.extend(number.to_le_bytes()));
    bytes
}

const QML: &str = r##"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'><qgis version="3.22"><pipe><rasterrenderer type="paletted" band="1">
<colorPalette><paletteEntry value="1" color="#0000ff" alpha="255" label="water"/><paletteEntry value="2" color="#00ff00" label="a &amp; b"/></colorPalette>
</rasterrenderer></pipe></qgis>"##;
const WEATHER: [&str; 2] = [
    "date,tmin [degC],tmax [degC],prcp [mm],srad [MJ m-2 d-1],vp [kPa]\n2020-05-01,3.1,14.0,0,18.2,0.8\n2020-05-02,4.1,15.0,2.5,17.0,0.9\n",
    "# station: x\n# lat: 50.1\nyear,yday,dayl (s),prcp (mm/day),srad (W/m^2),swe (kg/m^2),tmax (deg c),tmin (deg c),vp (Pa)\n2020,1,33000,0,120,0,5.5,-1,500\n2020,2,33000,1,130,0,6.5,-2,510\n",
];
const ISMN: [&str; 2] = [
    "net net place 50.10000 7.20000 120.00 0.0500 0.0500 probe\n2020/01/01 00:00 0.200 G M\n2020/01/01 01:00 0.201 G M\n2020/01/01 02:00 0.202 G M\n2020/01/01 03:00 0.203 G M\n2020/01/01 04:00 0.204 G M\n2020/01/01 05:00 0.205 G M\n2020/01/01 06:00 0.206 G M\n2020/01/01 07:00 0.207 G M\n2020/01/01 08:00 0.208 G M\n2020/01/01 09:00 0.209 G M\n2020/01/01 10:00 0.210 G M\n2020/01/01 11:00 0.211 G M\n2020/01/01 12:00 0.212 G M\n2020/01/01 13:00 0.213 G M\n2020/01/02 00:00 -9999 D01 M\n",
    "2020/01/01 00:00 2020/01/01 00:00 net net place 50.1 7.2 120.0 0.05 0.05 0.200 G M\n2020/01/01 01:00 2020/01/01 01:00 net net place 50.1 7.2 120.0 0.05 0.05 0.201 G M\n2020/01/01 02:00 2020/01/01 02:00 net net place 50.1 7.2 120.0 0.05 0.05 0.202 G M\n2020/01/01 03:00 2020/01/01 03:00 net net place 50.1 7.2 120.0 0.05 0.05 0.203 G M\n2020/01/01 04:00 2020/01/01 04:00 net net place 50.1 7.2 120.0 0.05 0.05 0.204 G M\n2020/01/01 05:00 2020/01/01 05:00 net net place 50.1 7.2 120.0 0.05 0.05 0.205 G M\n2020/01/01 06:00 2020/01/01 06:00 net net place 50.1 7.2 120.0 0.05 0.05 0.206 G M\n2020/01/01 07:00 2020/01/01 07:00 net net place 50.1 7.2 120.0 0.05 0.05 0.207 G M\n2020/01/01 08:00 2020/01/01 08:00 net net place 50.1 7.2 120.0 0.05 0.05 0.208 G M\n2020/01/01 09:00 2020/01/01 09:00 net net place 50.1 7.2 120.0 0.05 0.05 0.209 G M\n2020/01/01 10:00 2020/01/01 10:00 net net place 50.1 7.2 120.0 0.05 0.05 0.210 G M\n2020/01/01 11:00 2020/01/01 11:00 net net place 50.1 7.2 120.0 0.05 0.05 0.211 G M\n2020/01/01 12:00 2020/01/01 12:00 net net place 50.1 7.2 120.0 0.05 0.05 0.212 G M\n2020/01/01 13:00 2020/01/01 13:00 net net place 50.1 7.2 120.0 0.05 0.05 0.213 G M\n",
];
const USCRN: &str = "53877 20200101  2.422  -82.56   35.49     9.7    -0.2     4.8     5.2     0.0     9.15 C    10.1    -3.4     4.2    79.9    33.3    55.5   0.254   0.251   0.250 -99.000 -99.000     6.5     6.9     7.4 -9999.0 -9999.0\n53877 20200102  2.422  -82.56   35.49    11.7     0.2     5.8     6.2     3.0     8.15 C    10.1    -3.4     4.2    79.9    33.3    55.5   0.254   0.251   0.250 -99.000 -99.000     6.5     6.9     7.4 -9999.0 -9999.0\n";
const STAC: [&str; 2] = [
    r#"{"type":"Feature","stac_version":"1.1.0","id":"a","properties":{"datetime":"2021-06-03T10:10:31Z","platform":"sentinel-2b","eo:cloud_cover":3.5},"assets":{"red":{"href":"r.tif","roles":["data"],"bands":[{"name":"B04","eo:common_name":"red","eo:center_wavelength":0.665,"eo:full_width_half_max":0.038,"nodata":0,"raster:scale":0.0001,"raster:offset":-0.1}]},"scl":{"href":"r.tif","type":"image/tiff; application=geotiff"}}}"#,
    r#"{"type":"FeatureCollection","features":[{"type":"Feature","stac_version":"1.0.0","id":"b","properties":{"datetime":null,"start_datetime":"2021-01-01T00:00:00Z","end_datetime":"2021-01-03T00:00:00Z","instruments":["msi"]},"assets":{"x":{"href":"./r.tif","eo:bands":[{"name":"B1","center_wavelength":0.49}],"raster:bands":[{"nodata":0,"scale":0.1}]},"far":{"href":"https://example.com/far.tif"}}}]}"#,
];
const SENTINEL2: &str = r#"<?xml version="1.0"?><n1:Level-2A_User_Product xmlns:n1="x"><n1:General_Info><Product_Info><PRODUCT_START_TIME>2022-07-28T11:21:19.024Z</PRODUCT_START_TIME><PROCESSING_BASELINE>04.00</PROCESSING_BASELINE><Datatake><SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME><DATATAKE_SENSING_START>2022-07-28T11:21:19.024Z</DATATAKE_SENSING_START></Datatake><IMAGE_FILE>GRANULE/L2A_T29SND/IMG_DATA/R10m/T29SND_20220728T112119_B04_10m</IMAGE_FILE></Product_Info><BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE><BOA_ADD_OFFSET band_id="3">-1000</BOA_ADD_OFFSET><Spectral_Information bandId="3" physicalBand="B4"><Wavelength><CENTRAL unit="nm">665.0</CENTRAL></Wavelength></Spectral_Information></n1:General_Info><Cloud_Coverage_Assessment>12.5</Cloud_Coverage_Assessment></n1:Level-2A_User_Product>"#;
const LANDSAT: &str = "GROUP = LANDSAT_METADATA_FILE\n  GROUP = PRODUCT_CONTENTS\n    LANDSAT_PRODUCT_ID = \"LC08_L2SP_203033_20210728_20210804_02_T1\"\n    PROCESSING_LEVEL = \"L2SP\"\n    FILE_NAME_BAND_4 = \"LC08_L2SP_203033_20210728_20210804_02_T1_SR_B4.TIF\"\n    FILE_NAME_BAND_5 = \"LC08_L2SP_203033_20210728_20210804_02_T1_SR_B5.TIF\"\n  END_GROUP = PRODUCT_CONTENTS\n  GROUP = IMAGE_ATTRIBUTES\n    SPACECRAFT_ID = \"LANDSAT_8\"\n    SENSOR_ID = \"OLI_TIRS\"\n    DATE_ACQUIRED = 2021-07-28\n    SCENE_CENTER_TIME = \"11:09:45.1234560Z\"\n    CLOUD_COVER = 3.20\n    SUN_ELEVATION = 62.0\n  END_GROUP = IMAGE_ATTRIBUTES\n  GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS\n    REFLECTANCE_MULT_BAND_4 = 2.75e-05\n    REFLECTANCE_ADD_BAND_4 = -0.2\n  END_GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS\nEND_GROUP = LANDSAT_METADATA_FILE\nEND\n";
const LANDSAT_JSON: &str = r#"{"LANDSAT_METADATA_FILE":{"PRODUCT_CONTENTS":{"LANDSAT_PRODUCT_ID":"LC08_L2SP_203033_20210728_20210804_02_T1","PROCESSING_LEVEL":"L2SP","FILE_NAME_BAND_4":"LC08_L2SP_203033_20210728_20210804_02_T1_SR_B4.TIF"},"IMAGE_ATTRIBUTES":{"SPACECRAFT_ID":"LANDSAT_8","DATE_ACQUIRED":"2021-07-28","CLOUD_COVER":"3.2","SUN_ELEVATION":"62.0"},"LEVEL2_SURFACE_REFLECTANCE_PARAMETERS":{"REFLECTANCE_MULT_BAND_4":"2.75e-05","REFLECTANCE_ADD_BAND_4":"-0.2"}}}"#;
const LANDSAT_XML: &str = "<LANDSAT_METADATA_FILE><PRODUCT_CONTENTS><LANDSAT_PRODUCT_ID>LC08_L2SP_203033_20210728_20210804_02_T1</LANDSAT_PRODUCT_ID><PROCESSING_LEVEL>L2SP</PROCESSING_LEVEL><FILE_NAME_BAND_4>LC08_L2SP_203033_20210728_20210804_02_T1_SR_B4.TIF</FILE_NAME_BAND_4></PRODUCT_CONTENTS><IMAGE_ATTRIBUTES><SPACECRAFT_ID>LANDSAT_8</SPACECRAFT_ID><DATE_ACQUIRED>2021-07-28</DATE_ACQUIRED></IMAGE_ATTRIBUTES><LEVEL2_SURFACE_REFLECTANCE_PARAMETERS><REFLECTANCE_MULT_BAND_4>2.75e-05</REFLECTANCE_MULT_BAND_4></LEVEL2_SURFACE_REFLECTANCE_PARAMETERS></LANDSAT_METADATA_FILE>";
const ENMAP: &str = r#"<level_X><metadata/><base><level>L2A</level><temporalCoverage><startTime>2022-07-28T10:30:01Z</startTime></temporalCoverage></base><specific><cloudCover>3</cloudCover><backgroundValue>-32768</backgroundValue><bandCharacterisation><bandID number="1"><wavelengthCenterOfBand>423.03</wavelengthCenterOfBand><FWHMOfBand>6.99</FWHMOfBand><GainOfBand>0.0001</GainOfBand><OffsetOfBand>0</OffsetOfBand></bandID></bandCharacterisation></specific></level_X>"#;
const PLANET: &str = r#"<ps:EarthObservation xmlns:ps="a" xmlns:eop="b"><eop:acquisitionDate>2021-06-03T10:10:31+00:00</eop:acquisitionDate><eop:shortName>PlanetScope</eop:shortName><ps:bandSpecificMetadata><ps:bandNumber>1</ps:bandNumber><ps:radiometricScaleFactor>0.01</ps:radiometricScaleFactor><ps:reflectanceCoefficient>2.1e-05</ps:reflectanceCoefficient></ps:bandSpecificMetadata></ps:EarthObservation>"#;
const VRT: &str = r#"<VRTDataset rasterXSize="6" rasterYSize="6"><SRS>EPSG:32631</SRS><GeoTransform>500000,10,0,4000000,0,-10</GeoTransform><Metadata><MDI key="ACQUISITION_DATE">2021-06-03</MDI></Metadata><VRTRasterBand dataType="UInt16" band="1"><Description>red</Description><NoDataValue>0</NoDataValue><Metadata><MDI key="wavelength">665</MDI><MDI key="wavelength_units">Nanometers</MDI></Metadata><Scale>0.0001</Scale><Offset>-0.1</Offset><SimpleSource><SourceFilename relativeToVRT="1">scene.tif</SourceFilename><SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"#;
const ENVI: &str = "ENVI\ndescription = {made}\nsamples = 10\nlines = 10\nbands = 2\nheader offset = 0\nfile type = ENVI Standard\ndata type = 1\ninterleave = bsq\nbyte order = 0\nmap info = {UTM, 1, 1, 500000, 4000000, 10, 10, 31, North, WGS-84}\nwavelength units = Nanometers\nwavelength = {490, 665.5}\nfwhm = {20, 30}\nbbl = {1, 0}\nband names = {blue, red}\ndata ignore value = 0\nreflectance scale factor = 10000\nacquisition time = 2021-06-03T10:10:31Z\n";
