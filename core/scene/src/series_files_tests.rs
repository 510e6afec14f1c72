//! Folders and lists of rasters become series, stacks are cut into their dates, and frames are opened again.

#![expect(
    unsafe_code,
    reason = "files are made with functions of GDAL that have no safe form"
)]

use super::*;
use crate::made_raster::{Made, open, whole};
use crate::{MaskKind, Resampling, Series};

const PLACE: [f64; 6] = [500_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0];

fn image(folder: &Path, name: &str, value: i16, bands: i16) -> PathBuf {
    std::fs::create_dir_all(folder).expect("folder");
    let bands = (0..bands).map(|band| vec![value + band; 16]).collect();
    let mut made = Made::new((4, 4), bands);
    made.transform = Some(PLACE);
    made.write(folder, name)
}

fn name_bands(path: &Path, names: &[&str]) {
    let dataset = gdal::Dataset::open_ex(
        path,
        gdal::DatasetOptions {
            open_flags: gdal::GdalOpenFlags::GDAL_OF_UPDATE,
            ..Default::default()
        },
    )
    .expect("opened");
    for (number, name) in (1..).zip(names) {
        let band = dataset.rasterband(number).expect("band");
        let name = std::ffi::CString::new(*name).expect("text");
        // SAFETY: a band of the open dataset; GDAL copies the text.
        unsafe { gdal_sys::GDALSetDescription(band.c_rasterband(), name.as_ptr()) };
    }
}

#[test]
fn a_folder_holds_one_series_a_kind_and_the_rest() {
    let folder = tempfile::tempdir().expect("folder");
    let root = folder.path();
    for (name, value) in [
        ("S2_2021-06-03.tif", 1),
        ("S2_2021-07-03.tif", 2),
        ("S2_x.tif", 3),
    ] {
        image(&root.join("s2"), name, value, 3);
    }
    image(root, "dem.tif", 9, 1);
    image(root, "labels_2020-01-01.tif", 9, 2);
    std::fs::write(root.join("broken.tif"), b"II*\0 no raster").expect("written");
    std::fs::write(root.join("notes.txt"), b"2021").expect("written");
    let found = find_series_blocking(&[root.to_owned()]);
    assert_eq!(found.series.len(), 1);
    let series = &found.series[0];
    assert_eq!((series.name.as_str(), series.is_sensible), ("s2", true));
    assert_eq!(series.frames.len(), 3);
    assert_eq!(
        series
            .frames
            .iter()
            .filter(|frame| frame.date.is_some())
            .count(),
        2
    );
    assert_eq!(found.singles.len(), 2);
    assert_eq!(found.failed.len(), 1);
    // The same files by name, in any folder.
    let again = find_series_blocking(&series.files[..2]);
    assert_eq!((again.series.len(), again.singles.len()), (1, 0));
    assert_eq!(again.series[0].name, "s2");
}

#[test]
fn numbered_files_without_dates_may_be_a_series_once_they_are_dated() {
    let folder = tempfile::tempdir().expect("folder");
    for name in ["landsat_1985.tif", "landsat_1995.tif", "dem.tif"] {
        image(folder.path(), name, 1, 1);
    }
    let found = find_series_blocking(&[folder.path().to_owned()]);
    assert_eq!((found.series.len(), found.singles.len()), (0, 3));
    std::fs::remove_file(folder.path().join("dem.tif")).expect("removed");
    let found = find_series_blocking(&[folder.path().to_owned()]);
    assert_eq!(
        (found.series.len(), found.series[0].is_sensible),
        (1, false)
    );
    assert_eq!(Series::new(found.series[0].frames.clone(), 0).dated(), 0);
}

#[test]
fn what_does_not_overlap_is_no_series_by_default() {
    let folder = tempfile::tempdir().expect("folder");
    let a = image(folder.path(), "a_2021-06-03.tif", 1, 1);
    let mut far = Made::new((4, 4), vec![vec![1_i16; 16]]);
    far.transform = Some([900_000.0, 10.0, 0.0, 4_000_000.0, 0.0, -10.0]);
    let b = far.write(folder.path(), "b_2021-06-08.tif");
    let found = find_series_blocking(&[a.clone(), b]);
    assert!(!found.series[0].is_sensible);
    let c = image(folder.path(), "c_2021-06-08.tif", 1, 2);
    let found = find_series_blocking(&[a.clone(), c.clone()]);
    assert_eq!((found.series.len(), found.singles.len()), (0, 2));
    // Asked for outright it is one.
    let found = one_series_blocking(&[a, c]);
    assert_eq!(found.series[0].frames.len(), 2);
}

#[test]
fn stacks_of_variables_are_cut_into_dates() {
    let folder = tempfile::tempdir().expect("folder");
    let dates = ["2021-06-03", "2021-06-19", "2021-07-05"];
    for (name, value) in [
        ("ts_red.tif", 100),
        ("ts_nir.tif", 200),
        ("ts_fmask.tif", 0),
    ] {
        name_bands(&image(folder.path(), name, value, 3), &dates);
    }
    let found = find_series_blocking(&[folder.path().to_owned()]);
    assert_eq!((found.series.len(), found.singles.len()), (1, 0));
    let frames = &found.series[0].frames;
    assert_eq!((found.series[0].name.as_str(), frames.len()), ("ts", 3));
    let info = frames[1].info.as_ref().expect("a raster");
    let names: Vec<&str> = info.bands.iter().map(|band| band.name.as_str()).collect();
    assert_eq!(names, ["nir", "red", "fmask"]);
    assert!(info.bands[1].wavelength.is_some() && info.bands[2].wavelength.is_none());
    let mask = frames[1].mask.as_ref().expect("a mask");
    assert_eq!(
        (mask.band, mask.kind, &mask.path),
        (2, MaskKind::FmaskCodes, &info.path)
    );
    let raster = open(&info.path);
    let block = raster
        .read_blocking(&[0, 1, 2], whole(&raster), 4, 4, Resampling::Nearest)
        .expect("read");
    assert_eq!(
        [block.values[0], block.values[16], block.values[32]],
        [201.0, 101.0, 1.0]
    );
    // Fmask 0, 1 and 2: clear, water, shadow.
    let clouds: Vec<_> = frames
        .iter()
        .map(|frame| frame_clouds_blocking(frame).expect("read"))
        .collect();
    assert_eq!(clouds, [Some(0.0), Some(0.0), Some(1.0)]);
    assert_eq!(clearest_frame_blocking(frames), 0);
}

#[test]
fn one_file_with_all_bands_of_all_dates_is_cut_into_dates() {
    let folder = tempfile::tempdir().expect("folder");
    let path = image(folder.path(), "cube.tif", 10, 4);
    name_bands(
        &path,
        &[
            "2021-06-03 B04",
            "2021-06-03 B08",
            "2021-06-08 B04",
            "2021-06-08 B08",
        ],
    );
    let found = find_series_blocking(std::slice::from_ref(&path));
    let frames = &found.series[0].frames;
    assert_eq!(frames.len(), 2);
    let bands = &frames[1].info.as_ref().expect("a raster").bands;
    assert_eq!(
        (bands[0].name.as_str(), bands[1].name.as_str()),
        ("B04", "B08")
    );
    assert_eq!(frames[1].parts[0].bands, [2, 3]);
    // The side-car says it for bands without names.
    let path = image(folder.path(), "bare.tif", 10, 4);
    let table =
        "band,date,name\n1,2021-06-03,B04\n2,2021-06-03,B08\n3,2021-06-08,B04\n4,2021-06-08,B08\n";
    std::fs::write(folder.path().join("bare.dates.csv"), table).expect("written");
    let found = find_series_blocking(&[path]);
    assert_eq!(found.series[0].frames[1].names, ["B04", "B08"]);
}

#[test]
fn frames_are_opened_again_and_missing_ones_keep_their_place() {
    let folder = tempfile::tempdir().expect("folder");
    let a = image(folder.path(), "a_2021-06-03.tif", 1, 1);
    let b = image(folder.path(), "b_2021-06-08.tif", 1, 1);
    let found = find_series_blocking(&[a, b.clone()]);
    std::fs::remove_file(&b).expect("removed");
    let mut frames = found.series[0].frames.clone();
    let failed = open_frames_blocking(&mut frames);
    assert_eq!((failed.len(), &failed[0].0), (1, &b));
    let series = Series::new(frames, 1);
    assert!(series.frames()[0].info.is_some() && series.frames()[1].info.is_none());
    assert_eq!(series.dated(), 2);
}

#[test]
fn frames_of_a_moved_folder_are_found_by_one_of_them() {
    let home = tempfile::tempdir().expect("folder");
    let (old, new) = (home.path().join("old"), home.path().join("new"));
    for name in ["a_2021-06-03.tif", "b_2021-06-08.tif", "c_2021-06-13.tif"] {
        image(&old.join("img"), name, 1, 1);
    }
    let found = find_series_blocking(&[old.join("img")]);
    let mut frames = found.series[0].frames.clone();
    std::fs::rename(&old, &new).expect("moved");
    std::fs::remove_file(new.join("img/c_2021-06-13.tif")).expect("removed");
    assert_eq!(open_frames_blocking(&mut frames).len(), 3);
    let from = old.join("img/b_2021-06-08.tif");
    let left = relocate_frames_blocking(&mut frames, &from, &new.join("img/b_2021-06-08.tif"));
    assert_eq!(left, 1);
    let there: Vec<bool> = frames.iter().map(|frame| frame.info.is_some()).collect();
    assert_eq!(there, [true, true, false]);
    assert!(frames[0].path().starts_with(&new) && frames[2].path().starts_with(&old));
}
