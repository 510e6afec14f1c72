//! Places, measured against GDAL's own programs: `gdaltransform` for points, `gdalwarp` for whole pictures on the canvas.
//! Skips aloud where GDAL's programs are not installed.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use terroir::canvas::Viewport;
use terroir_scene::{
    Crs, GroundModel, Place, Raster, Resampling, Stretch, Style, default_style_blocking,
    render_still_blocking,
};

use crate::canvas::{Stage, layer, write_tiff};
use crate::program::shared_data;

/// Runs a program of GDAL's; `None`, said aloud, when it is not installed.
fn gdal(program: &str, arguments: &[&str], input: &str) -> Option<String> {
    let started = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match started {
        Ok(child) => child,
        Err(error) => {
            eprintln!("SKIPPED: {program} does not start ({error}); install gdal-bin");
            return None;
        }
    };
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(String::from_utf8(output.stdout).unwrap())
}

/// Points through `gdaltransform`; a point without an answer is `None`.
fn gdaltransform(arguments: &[&str], points: &[(f64, f64)]) -> Option<Vec<Option<(f64, f64)>>> {
    let input: String = points
        .iter()
        .map(|(x, y)| format!("{x:?} {y:?}\n"))
        .collect();
    let answer = gdal("gdaltransform", arguments, &input)?;
    let parse = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse::<f64>);
        let point = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        (point.0.is_finite() && point.1.is_finite()).then_some(point)
    };
    let found: Vec<_> = answer.lines().map(parse).collect();
    assert_eq!(found.len(), points.len(), "{answer}");
    Some(found)
}

fn pixels(width: usize, height: usize) -> Vec<(f64, f64)> {
    (0..=6)
        .flat_map(|j| (0..=6).map(move |i| (i, j)))
        .map(|(i, j)| {
            (
                width as f64 * f64::from(i) / 6.0,
                height as f64 * f64::from(j) / 6.0,
            )
        })
        .collect()
}

/// Largest distance in pixels between our place of points and GDAL's.
fn compare(name: &str, path: &Path, map: &str) -> Option<f64> {
    let raster = Raster::open(path).unwrap();
    let grid = &raster.info().grid;
    let place = Place::new(grid, Some(&Crs::parse(map).unwrap())).unwrap();
    let points = pixels(grid.width, grid.height);
    let theirs = gdaltransform(&["-t_srs", map, path.to_str().unwrap()], &points)?;
    let mut worst = 0.0_f64;
    for ((col, row), theirs) in points.iter().zip(theirs) {
        let (x, y) = theirs.unwrap_or_else(|| panic!("{name}: GDAL has no place for {col} {row}"));
        let ours = place.map_from_pixel(*col, *row).unwrap();
        let ours_x = place.wrap().map_or(ours.0, |wrap| wrap.near(ours.0, x));
        let size = place.pixel_size_near((x, y)).unwrap();
        worst = worst.max((ours_x - x).hypot(ours.1 - y) / size);
        // And back: the pixel under GDAL's point.
        let back = place.pixel_from_map(x, y).unwrap();
        worst = worst.max((back.0 - col).hypot(back.1 - row));
    }
    eprintln!("{name} over {map}: {worst:.6} pixels from gdaltransform");
    Some(worst)
}

/// A raster without pixels of its own: size, system and transform in a text file.
fn vrt(folder: &Path, name: &str, crs: &str, size: (usize, usize), t: [f64; 6]) -> PathBuf {
    let path = folder.join(format!("{name}.vrt"));
    let terms = t.map(|term| format!("{term:?}")).join(", ");
    let text = format!(
        "<VRTDataset rasterXSize=\"{}\" rasterYSize=\"{}\"><SRS>{crs}</SRS><GeoTransform>{terms}</GeoTransform>\
         <VRTRasterBand dataType=\"Byte\" band=\"1\"/></VRTDataset>",
        size.0, size.1
    );
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn points_lie_where_gdaltransform_puts_them() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let cases: [(&str, &str, [f64; 6], &[&str]); 8] = [
        (
            "utm",
            "EPSG:32629",
            [500_000.0, 10.0, 0.0, 4_400_000.0, 0.0, -10.0],
            &["EPSG:4326", "EPSG:3857", "EPSG:32628", "EPSG:3035"],
        ),
        (
            "degrees",
            "EPSG:4326",
            [-9.0, 1e-4, 0.0, 39.6, 0.0, -1e-4],
            &["EPSG:32629", "EPSG:3857"],
        ),
        (
            "mercator",
            "EPSG:3857",
            [-1_000_000.0, 9.5, 0.0, 4_800_000.0, 0.0, -9.5],
            &["EPSG:32629", "EPSG:4326"],
        ),
        (
            "rotated",
            "EPSG:32629",
            [500_000.0, 8.0, 6.0, 4_400_000.0, 6.0, -8.0],
            &["EPSG:4326", "EPSG:3857"],
        ),
        (
            "sheared",
            "EPSG:32629",
            [500_000.0, 10.0, 4.0, 4_400_000.0, 1.0, -9.0],
            &["EPSG:4326", "EPSG:3857"],
        ),
        (
            "south up",
            "EPSG:32629",
            [500_000.0, 10.0, 0.0, 4_400_000.0, 0.0, 10.0],
            &["EPSG:4326", "EPSG:3857"],
        ),
        (
            "antimeridian",
            "EPSG:32660",
            [570_585.0, 100.0, 0.0, 5_847_615.0, 0.0, -100.0],
            &["EPSG:4326", "EPSG:3857", "EPSG:32601"],
        ),
        (
            "polar",
            "EPSG:3413",
            [-500_000.0, 500.0, 0.0, 500_000.0, 0.0, -490.0],
            &["EPSG:32633", "EPSG:3995"],
        ),
    ];
    for (name, crs, transform, maps) in cases {
        let path = vrt(here, name, crs, (2000, 1500), transform);
        for map in maps {
            let Some(worst) = compare(name, &path, map) else {
                return;
            };
            assert!(worst < 0.01, "{name} over {map}: {worst} pixels");
        }
    }
}

#[test]
fn difficult_places_agree_with_gdal() {
    let Some(data) = shared_data("places of difficult files") else {
        return;
    };
    let tricky = data.join("tricky");
    for (file, map) in [
        ("riotiler_antimeridian.tif", "EPSG:4326"),
        ("riotiler_antimeridian.tif", "EPSG:32601"),
        ("gdal_rotated_sheared.tif", "EPSG:4326"),
        ("gdal_south_up.tif", "EPSG:4326"),
        ("gdal_user_defined_crs.tif", "EPSG:4326"),
    ] {
        let Some(worst) = compare(file, &tricky.join(file), map) else {
            return;
        };
        assert!(worst < 0.05, "{file} over {map}: {worst} pixels");
    }
}

/// Second-order surface through the points, as GDAL fits it.
#[test]
fn control_points_place_pixels_as_gdal_does() {
    let Some(data) = shared_data("ground control points") else {
        return;
    };
    let path = data.join("tricky/riotiler_s1_gcps_only.tif");
    let raster = Raster::open(&path).unwrap();
    let grid = &raster.info().grid;
    assert!(matches!(
        grid.georef.model.as_deref(),
        Some(GroundModel::ControlPoints(_))
    ));
    for map in ["EPSG:4326", "EPSG:32643", "EPSG:3857"] {
        let place = Place::new(grid, Some(&Crs::parse(map).unwrap())).unwrap();
        let points = pixels(grid.width, grid.height);
        let Some(theirs) = gdaltransform(&["-t_srs", map, path.to_str().unwrap()], &points) else {
            return;
        };
        let mut worst = 0.0_f64;
        for ((col, row), theirs) in points.iter().zip(theirs) {
            let (x, y) = theirs.unwrap();
            let (back_col, back_row) = place.pixel_from_map(x, y).unwrap();
            worst = worst.max((back_col - col).hypot(back_row - row));
        }
        eprintln!("control points over {map}: {worst:.6} pixels from gdaltransform");
        assert!(worst < 0.1, "{map}: {worst} pixels");
    }
}

/// At the middle height of the coefficients; GDAL's way from the ground to the pixel is exact, ours from the pixel to the
/// ground must be its inverse.
#[test]
fn sensor_coefficients_place_pixels_as_gdal_does() {
    let Some(data) = shared_data("sensor coefficients") else {
        return;
    };
    let path = data.join("tricky/rioxarray_rpc.tif");
    let raster = Raster::open(&path).unwrap();
    let grid = &raster.info().grid;
    let Some(GroundModel::Rpc(rpc)) = grid.georef.model.as_deref() else {
        panic!("{:?}", grid.georef);
    };
    let points = pixels(grid.width, grid.height);
    let ground: Vec<(f64, f64)> = points
        .iter()
        .map(|(col, row)| grid.ground_from_pixel(*col, *row).unwrap())
        .collect();
    let height = format!("RPC_HEIGHT={}", rpc.height_m);
    let arguments = ["-i", "-rpc", "-to", &height, path.to_str().unwrap()];
    let Some(theirs) = gdaltransform(&arguments, &ground) else {
        return;
    };
    let mut worst = 0.0_f64;
    for ((pixel, ground), theirs) in points.iter().zip(&ground).zip(theirs) {
        let (col, row) = theirs.unwrap();
        worst = worst.max((col - pixel.0).hypot(row - pixel.1));
        let (col, row) = grid.pixel_from_ground(ground.0, ground.1).unwrap();
        worst = worst.max((col - pixel.0).hypot(row - pixel.1));
    }
    eprintln!("sensor coefficients: {worst:.6} pixels from gdaltransform");
    assert!(worst < 0.1, "{worst} pixels");
}

const SIDE: usize = 700;

/// Smooth waves in both directions, so that any shift shows.
fn waves() -> Vec<u8> {
    (0..SIDE * SIDE)
        .map(|i| {
            let (x, y) = ((i % SIDE) as f64, (i / SIDE) as f64);
            let value = (x / 7.3).sin() + (y / 6.1).sin() + ((x + 2.0 * y) / 19.0).sin();
            (128.0 + 38.0 * value) as u8
        })
        .collect()
}

/// The waves, placed; a text file around a plain picture.
fn wave_raster(folder: &Path, name: &str, crs: &str, t: [f64; 6]) -> PathBuf {
    let picture = folder.join("waves.tif");
    write_tiff(
        &picture,
        (SIDE, SIDE),
        &[waves()],
        [0.0, 1.0, 0.0, 0.0, 0.0, -1.0],
        false,
    );
    let path = folder.join(format!("{name}.vrt"));
    let terms = t.map(|term| format!("{term:?}")).join(", ");
    let text = format!(
        "<VRTDataset rasterXSize=\"{SIDE}\" rasterYSize=\"{SIDE}\"><SRS>{crs}</SRS><GeoTransform>{terms}</GeoTransform>\
         <VRTRasterBand dataType=\"Byte\" band=\"1\"><SimpleSource><SourceFilename relativeToVRT=\"1\">waves.tif</SourceFilename>\
         <SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>"
    );
    std::fs::write(&path, text).unwrap();
    path
}

/// Mean offset between two pictures of the same size, pixels: the shift whose first-order effect explains the difference.
/// Pixels where either is missing, or near such, are left out.
fn offset(a: &[Option<f32>], b: &[Option<f32>], width: usize) -> (f64, f64, usize) {
    let at = |picture: &[Option<f32>], x: usize, y: usize| picture[y * width + x].map(f64::from);
    let height = a.len() / width;
    let (mut xx, mut xy, mut yy, mut xd, mut yd, mut count) = (0.0, 0.0, 0.0, 0.0, 0.0, 0);
    for y in 3..height - 3 {
        for x in 3..width - 3 {
            let is_whole = (0..7).all(|j| {
                (0..7).all(|i| {
                    at(a, x + i - 3, y + j - 3).is_some() && at(b, x + i - 3, y + j - 3).is_some()
                })
            });
            if !is_whole {
                continue;
            }
            let value =
                |picture: &[Option<f32>], x: usize, y: usize| at(picture, x, y).unwrap_or(0.0);
            let slope_x = (value(b, x + 1, y) - value(b, x - 1, y)) / 2.0;
            let slope_y = (value(b, x, y + 1) - value(b, x, y - 1)) / 2.0;
            let difference = value(a, x, y) - value(b, x, y);
            xx += slope_x * slope_x;
            xy += slope_x * slope_y;
            yy += slope_y * slope_y;
            xd += slope_x * difference;
            yd += slope_y * difference;
            count += 1;
        }
    }
    let det = xx * yy - xy * xy;
    ((xd * yy - yd * xy) / det, (yd * xx - xd * xy) / det, count)
}

fn grays() -> Style {
    Style::Gray {
        band: 0,
        stretch: Stretch {
            low: 0.0,
            high: 255.0,
            gamma: 1.0,
        },
        ramp: "grays".into(),
        look: terroir_scene::Look::default(),
    }
}

/// What `gdalwarp` makes of a raster in a view; `None` without the program.
fn warped(path: &Path, map: &str, view: &Viewport, out: &Path) -> Option<Vec<Option<f32>>> {
    let rect = view.rect();
    let (width, height) = (view.size.0 as usize, view.size.1 as usize);
    let te = [rect.min_x, rect.min_y, rect.max_x, rect.max_y].map(|value| format!("{value:?}"));
    let (w, h) = (width.to_string(), height.to_string());
    let arguments = [
        "-q",
        "-t_srs",
        map,
        "-te",
        &te[0],
        &te[1],
        &te[2],
        &te[3],
        "-ts",
        &w,
        &h,
        "-r",
        "cubic",
        "-et",
        "0",
        "-dstalpha",
        path.to_str().unwrap(),
        out.to_str().unwrap(),
    ];
    gdal("gdalwarp", &arguments, "")?;
    let raster = Raster::open(out).unwrap();
    let block = raster
        .read_blocking(
            &[0],
            raster.info().grid.window(),
            width,
            height,
            Resampling::Nearest,
        )
        .unwrap();
    Some(
        block
            .values
            .iter()
            .zip(&block.valid)
            .map(|(value, valid)| valid.then_some(*value))
            .collect(),
    )
}

/// The canvas and `terroir render` draw a reprojected layer where `gdalwarp` does.
#[test]
fn reprojected_pictures_lie_where_gdalwarp_puts_them() {
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &str, [f64; 6], &str); 5] = [
        (
            "utm",
            "EPSG:32629",
            [500_000.0, 100.0, 0.0, 7_000_000.0, 0.0, -100.0],
            "EPSG:4326",
        ),
        (
            "degrees",
            "EPSG:4326",
            [14.0, 0.004, 0.0, 52.0, 0.0, -0.003],
            "EPSG:32633",
        ),
        (
            "mercator",
            "EPSG:3857",
            [1_000_000.0, 300.0, 0.0, 8_000_000.0, 0.0, -300.0],
            "EPSG:3035",
        ),
        (
            "rotated",
            "EPSG:32629",
            [500_000.0, 80.0, 60.0, 4_400_000.0, 60.0, -80.0],
            "EPSG:4326",
        ),
        (
            "antimeridian",
            "EPSG:32660",
            [680_000.0, 100.0, 0.0, 5_800_000.0, 0.0, -100.0],
            "EPSG:3832",
        ),
    ];
    for (name, crs, transform, map) in cases {
        let path = wave_raster(folder.path(), name, crs, transform);
        let raster = Raster::open(&path).unwrap();
        let map_crs = Crs::parse(map).unwrap();
        let place = Place::new(&raster.info().grid, Some(&map_crs)).unwrap();
        let extent = place.extent().unwrap();
        let size = (520.0_f32, 420.0_f32);
        // A little coarser than the pixels, so that both programs blend neighbours.
        let middle = (
            (extent.min_x + extent.max_x) / 2.0,
            (extent.min_y + extent.max_y) / 2.0,
        );
        let view = Viewport {
            center: middle,
            units_per_point: 1.2 * place.pixel_size_near(middle).unwrap(),
            size,
        };
        let Some(mut stage) = Stage::new(vec![layer(1, &path, grays())], view) else {
            return;
        };
        stage.set_map_crs(map_crs);
        stage.settle();
        // The window leaves the canvas a little less than was asked for.
        let view = stage.view();
        let warped_file = folder.path().join(format!("{name}-warped.tif"));
        let Some(expected) = warped(&path, map, &view, &warped_file) else {
            return;
        };
        let drawn = stage.grays();
        let (x, y, count) = offset(&drawn, &expected, view.size.0 as usize);
        eprintln!(
            "{name} over {map}: canvas {x:.3}, {y:.3} pixels from gdalwarp over {count} pixels"
        );
        assert!(count > 50_000, "{name}: only {count} pixels in both");
        assert!(x.hypot(y) < 0.25, "{name} over {map}: {x} {y}");
    }
}

/// `render --crs` against `gdalwarp` over the same rectangle.
#[test]
fn rendered_pictures_lie_where_gdalwarp_puts_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = wave_raster(
        folder.path(),
        "utm",
        "EPSG:32629",
        [500_000.0, 100.0, 0.0, 7_000_000.0, 0.0, -100.0],
    );
    let raster = Raster::open(&path).unwrap();
    let crs = Crs::parse("EPSG:3857").unwrap();
    let still = render_still_blocking(&raster, &grays(), None, Some(&crs), 900, 900).unwrap();
    let extent = still.extent.unwrap();
    let view = Viewport {
        center: (
            (extent.min_x + extent.max_x) / 2.0,
            (extent.min_y + extent.max_y) / 2.0,
        ),
        units_per_point: extent.width() / still.width as f64,
        size: (still.width as f32, still.height as f32),
    };
    let Some(expected) = warped(&path, "EPSG:3857", &view, &folder.path().join("warped.tif"))
    else {
        return;
    };
    let drawn: Vec<Option<f32>> = still
        .rgba
        .chunks_exact(4)
        .map(|pixel| (pixel[3] > 0).then_some(f32::from(pixel[0])))
        .collect();
    let (x, y, count) = offset(&drawn, &expected, still.width);
    eprintln!("render --crs: {x:.3}, {y:.3} pixels from gdalwarp over {count} pixels");
    assert!(count > 50_000 && x.hypot(y) < 0.25, "{x} {y} over {count}");
}

/// A geostationary disk, the antimeridian scene and control points draw something sensible on other maps.
#[test]
fn difficult_places_are_drawn() {
    let Some(data) = shared_data("pictures of difficult places") else {
        return;
    };
    let tricky = data.join("tricky");
    for (file, map, least) in [
        ("rasterio_goes_geostationary.tif", "EPSG:4326", 0.3),
        ("riotiler_antimeridian.tif", "EPSG:4326", 0.15),
        ("riotiler_s1_gcps_only.tif", "EPSG:32643", 0.3),
        ("rioxarray_rpc.tif", "EPSG:4326", 0.3),
    ] {
        let raster = Raster::open(&tricky.join(file)).unwrap();
        let style = default_style_blocking(&raster).unwrap();
        let crs = Crs::parse(map).unwrap();
        let still = render_still_blocking(&raster, &style, None, Some(&crs), 400, 400).unwrap();
        let drawn = still
            .rgba
            .chunks_exact(4)
            .filter(|pixel| pixel[3] > 0)
            .count();
        let part = drawn as f64 / (still.width * still.height) as f64;
        eprintln!(
            "{file} over {map}: {} x {}, {part:.2} drawn",
            still.width, still.height
        );
        assert!(part > least, "{file} over {map}: {part}");
    }
}
