//! Small sensor products made for tests, in the layout of the real ones, from the real pixels of the bundled sample.

#![expect(unsafe_code, reason = "archives for tests are written through C")]

use std::path::{Path, PathBuf};

use gdal::DriverManager;
use gdal::raster::{Buffer, RasterCreationOptions};

use crate::{Raster, Resampling, Window, gdal_setup};

/// Columns and rows at the finest pixel size of a made product.
pub(crate) const SIDE: usize = 120;
/// Upper left corner, EPSG:32629.
pub(crate) const CORNER: (f64, f64) = (536_640.0, 4_350_300.0);

/// The sample's bands by name: `SIDE` x `SIDE` numbers as stored, none missing.
pub(crate) fn sample_band(name: &str) -> Vec<u16> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/sample/S2_2021-07-28.tif");
    let raster = Raster::open(&path).expect("the sample");
    let band = raster
        .info()
        .bands
        .iter()
        .position(|band| band.name == name)
        .unwrap_or_else(|| panic!("no {name} in the sample"));
    let window = Window {
        col: 0,
        row: 8,
        width: SIDE,
        height: SIDE,
    };
    let block = raster
        .read_blocking(&[band], window, SIDE, SIDE, Resampling::Nearest)
        .expect("reads");
    block.values.iter().map(|value| *value as u16).collect()
}

/// Every `step`th pixel of a square of `SIDE`.
pub(crate) fn thinned(values: &[u16], step: usize) -> Vec<u16> {
    (0..SIDE / step)
        .flat_map(|row| (0..SIDE / step).map(move |col| values[row * step * SIDE + col * step]))
        .collect()
}

pub(crate) struct Sheet<'a> {
    pub values: &'a [u16],
    pub side: usize,
    pub pixel_m: f64,
    pub epsg: u32,
    pub corner: (f64, f64),
    pub nodata: Option<f64>,
}

impl<'a> Sheet<'a> {
    pub fn new(values: &'a [u16], pixel_m: f64) -> Self {
        Self {
            values,
            side: values.len().isqrt(),
            pixel_m,
            epsg: 32629,
            corner: CORNER,
            nodata: None,
        }
    }

    /// JPEG 2000 without loss for `.jp2`, else GeoTIFF; makes the folders.
    pub fn write(&self, path: &Path) -> PathBuf {
        gdal_setup();
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        let size = (self.side, self.side);
        let memory = DriverManager::get_driver_by_name("MEM").expect("driver");
        let mut dataset = memory
            .create_with_band_type::<u16, _>("", self.side, self.side, 1)
            .expect("created");
        let (left, top) = self.corner;
        dataset
            .set_geo_transform(&[left, self.pixel_m, 0.0, top, 0.0, -self.pixel_m])
            .expect("transform");
        let srs = gdal::spatial_ref::SpatialRef::from_epsg(self.epsg).expect("EPSG");
        dataset.set_spatial_ref(&srs).expect("CRS");
        let mut band = dataset.rasterband(1).expect("band");
        band.write((0, 0), size, &mut Buffer::new(size, self.values.to_vec()))
            .expect("written");
        if self.nodata.is_some() {
            band.set_no_data_value(self.nodata).expect("nodata");
        }
        let is_jp2 = path.extension().is_some_and(|extension| extension == "jp2");
        let (driver, options): (&str, &[&str]) = if is_jp2 {
            (
                "JP2OpenJPEG",
                &["QUALITY=100", "REVERSIBLE=YES", "RESOLUTIONS=3"],
            )
        } else {
            ("GTiff", &["COMPRESS=DEFLATE"])
        };
        let options = RasterCreationOptions::from_iter(options.iter().copied());
        let mut copy = dataset
            .create_copy(
                &DriverManager::get_driver_by_name(driver).expect("driver"),
                path,
                &options,
            )
            .expect("copied");
        copy.flush_cache().expect("flushed");
        path.to_owned()
    }
}

/// Band, pixel size in metres of its file, metres it is also given at (as level 2A does).
const SENTINEL: [(&str, u32); 12] = [
    ("B01", 60),
    ("B02", 10),
    ("B03", 10),
    ("B04", 10),
    ("B05", 20),
    ("B06", 20),
    ("B07", 20),
    ("B08", 10),
    ("B8A", 20),
    ("B09", 60),
    ("B11", 20),
    ("B12", 20),
];
pub(crate) const SENTINEL_NAME: &str =
    "S2B_MSIL2A_20220728T112119_N0400_R037_T29SND_20220728T135212.SAFE";

/// A level 2A SAFE folder of the sample's pixels plus the 1000 of baseline 04.00; SCL says vegetation, a cloud in the
/// upper left tenth.
pub(crate) fn sentinel2(folder: &Path) -> PathBuf {
    let root = folder.join(SENTINEL_NAME);
    let tile = "L2A_T29SND_A028158_20220728T112853";
    let images = root.join("GRANULE").join(tile).join("IMG_DATA");
    let mut listed = String::new();
    for (name, metres) in SENTINEL {
        let values: Vec<u16> = sample_band(name)
            .iter()
            .map(|value| if *value == 0 { 0 } else { value + 1000 })
            .collect();
        // Level 2A repeats finer bands at the coarser sizes.
        for coarse in [10, 20, 60].into_iter().filter(|size| *size >= metres) {
            let step = usize::try_from(coarse / 10).expect("small");
            let stem = format!("T29SND_20220728T112119_{name}_{coarse}m");
            let file = images
                .join(format!("R{coarse}m"))
                .join(format!("{stem}.jp2"));
            Sheet::new(&thinned(&values, step), f64::from(coarse)).write(&file);
            listed +=
                &format!("<IMAGE_FILE>GRANULE/{tile}/IMG_DATA/R{coarse}m/{stem}</IMAGE_FILE>\n");
        }
    }
    let mut classes = vec![4u16; (SIDE / 2) * (SIDE / 2)];
    for row in 0..SIDE / 20 {
        classes[row * SIDE / 2..row * SIDE / 2 + SIDE / 20].fill(9);
    }
    let stem = "T29SND_20220728T112119_SCL_20m";
    Sheet::new(&classes, 20.0).write(&images.join("R20m").join(format!("{stem}.jp2")));
    listed += &format!("<IMAGE_FILE>GRANULE/{tile}/IMG_DATA/R20m/{stem}</IMAGE_FILE>\n");
    std::fs::write(root.join("MTD_MSIL2A.xml"), sentinel2_description(&listed)).expect("written");
    root
}

fn sentinel2_description(listed: &str) -> String {
    let bands = [
        "B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12",
    ];
    let centers = [
        442.3, 492.1, 559.0, 665.0, 703.8, 739.1, 779.7, 833.0, 864.0, 943.2, 1376.9, 1610.4,
        2185.7,
    ];
    let offsets: String = (0..13)
        .map(|id| format!(r#"<BOA_ADD_OFFSET band_id="{id}">-1000</BOA_ADD_OFFSET>"#))
        .collect();
    let spectral: String = bands
        .iter()
        .zip(centers)
        .enumerate()
        .map(|(id, (name, center))| {
            format!(
                r#"<Spectral_Information bandId="{id}" physicalBand="{name}"><RESOLUTION>10</RESOLUTION><Wavelength>
                <MIN unit="nm">{}</MIN><MAX unit="nm">{}</MAX><CENTRAL unit="nm">{center}</CENTRAL></Wavelength></Spectral_Information>"#,
                center - 20.0,
                center + 20.0
            )
        })
        .collect();
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd">
<n1:General_Info><Product_Info><PRODUCT_START_TIME>2022-07-28T11:21:19.024Z</PRODUCT_START_TIME>
<PRODUCT_STOP_TIME>2022-07-28T11:21:19.024Z</PRODUCT_STOP_TIME><PRODUCT_URI>{SENTINEL_NAME}</PRODUCT_URI>
<PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL><PRODUCT_TYPE>S2MSI2A</PRODUCT_TYPE><PROCESSING_BASELINE>04.00</PROCESSING_BASELINE>
<Datatake datatakeIdentifier="GS2B_20220728T112119_028158_N04.00"><SPACECRAFT_NAME>Sentinel-2B</SPACECRAFT_NAME>
<DATATAKE_SENSING_START>2022-07-28T11:21:19.024Z</DATATAKE_SENSING_START></Datatake>
<Product_Organisation><Granule_List><Granule imageFormat="JPEG2000">{listed}</Granule></Granule_List></Product_Organisation></Product_Info>
<Product_Image_Characteristics><QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE>
<AOT_QUANTIFICATION_VALUE unit="none">1000.0</AOT_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>
<BOA_ADD_OFFSET_VALUES_LIST>{offsets}</BOA_ADD_OFFSET_VALUES_LIST>
<Spectral_Information_List>{spectral}</Spectral_Information_List></Product_Image_Characteristics></n1:General_Info>
<n1:Quality_Indicators_Info><Cloud_Coverage_Assessment>12.5</Cloud_Coverage_Assessment></n1:Quality_Indicators_Info>
</n1:Level-2A_User_Product>
"#
    )
}

pub(crate) const LANDSAT_NAME: &str = "LC08_L2SP_203033_20210728_20210804_02_T1";

/// A Collection 2 level 2 scene: its files beside each other in `folder`, named as USGS does.
pub(crate) fn landsat(folder: &Path) -> PathBuf {
    let surface = [
        (1, "B01"),
        (2, "B02"),
        (3, "B03"),
        (4, "B04"),
        (5, "B8A"),
        (6, "B11"),
        (7, "B12"),
    ];
    let mut contents = String::new();
    let mut scales = String::new();
    for (number, from) in surface {
        // The same reflectance in the Landsat coding.
        let values: Vec<u16> = sample_band(from)
            .iter()
            .map(|value| {
                if *value == 0 {
                    0
                } else {
                    ((f64::from(*value) * 1e-4 + 0.2) / 2.75e-5).round() as u16
                }
            })
            .collect();
        let name = format!("{LANDSAT_NAME}_SR_B{number}.TIF");
        Sheet::new(&values, 30.0).write(&folder.join(&name));
        contents += &format!("    FILE_NAME_BAND_{number} = \"{name}\"\n");
        scales += &format!(
            "    REFLECTANCE_MULT_BAND_{number} = 2.75e-05\n    REFLECTANCE_ADD_BAND_{number} = -0.2\n"
        );
    }
    let name = format!("{LANDSAT_NAME}_ST_B10.TIF");
    Sheet::new(&vec![45_000; SIDE * SIDE], 30.0).write(&folder.join(&name));
    contents += &format!("    FILE_NAME_BAND_ST_B10 = \"{name}\"\n");
    let name = format!("{LANDSAT_NAME}_QA_PIXEL.TIF");
    let mut clear = vec![21_824u16; SIDE * SIDE];
    clear[..SIDE].fill(22_280);
    Sheet::new(&clear, 30.0).write(&folder.join(&name));
    contents += &format!("    FILE_NAME_QUALITY_L1_PIXEL = \"{name}\"\n");
    let text = format!(
        "GROUP = LANDSAT_METADATA_FILE\n  GROUP = PRODUCT_CONTENTS\n    LANDSAT_PRODUCT_ID = \"{LANDSAT_NAME}\"\n    \
         PROCESSING_LEVEL = \"L2SP\"\n    COLLECTION_NUMBER = 02\n{contents}  END_GROUP = PRODUCT_CONTENTS\n  \
         GROUP = IMAGE_ATTRIBUTES\n    SPACECRAFT_ID = \"LANDSAT_8\"\n    SENSOR_ID = \"OLI_TIRS\"\n    \
         DATE_ACQUIRED = 2021-07-28\n    SCENE_CENTER_TIME = \"11:09:45.1234560Z\"\n    CLOUD_COVER = 3.20\n    \
         SUN_ELEVATION = 62.0\n  END_GROUP = IMAGE_ATTRIBUTES\n  GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS\n{scales}  \
         END_GROUP = LEVEL2_SURFACE_REFLECTANCE_PARAMETERS\n  GROUP = LEVEL2_SURFACE_TEMPERATURE_PARAMETERS\n    \
         TEMPERATURE_ADD_BAND_ST_B10 = 149.0\n    TEMPERATURE_MULT_BAND_ST_B10 = 0.00341802\n  \
         END_GROUP = LEVEL2_SURFACE_TEMPERATURE_PARAMETERS\n  GROUP = LEVEL1_RADIOMETRIC_RESCALING\n    \
         REFLECTANCE_MULT_BAND_1 = 2.0000E-05\n  END_GROUP = LEVEL1_RADIOMETRIC_RESCALING\nEND_GROUP = LANDSAT_METADATA_FILE\nEND\n"
    );
    let path = folder.join(format!("{LANDSAT_NAME}_MTL.txt"));
    std::fs::write(&path, text).expect("written");
    path
}

/// An HLS granule's files in `folder`; `time` as in their names, e.g. `2021209T112119`. The path it is opened by.
pub(crate) fn hls(folder: &Path, time: &str) -> PathBuf {
    let prefix = format!("HLS.S30.T29SND.{time}.v2.0");
    for name in ["B02", "B03", "B04", "B8A"] {
        let mut sheet_values = sample_band(name);
        sheet_values[0] = 55_537; // -9999 as an unsigned number
        write_signed(&sheet_values, &folder.join(format!("{prefix}.{name}.tif")));
    }
    Sheet::new(&vec![64; SIDE * SIDE], 30.0).write(&folder.join(format!("{prefix}.Fmask.tif")));
    Sheet::new(&vec![9000; SIDE * SIDE], 30.0).write(&folder.join(format!("{prefix}.SZA.tif")));
    folder.join(prefix)
}

fn write_signed(values: &[u16], path: &Path) {
    gdal_setup();
    let size = (SIDE, SIDE);
    let mut dataset = DriverManager::get_driver_by_name("GTiff")
        .expect("driver")
        .create_with_band_type::<i16, _>(path, SIDE, SIDE, 1)
        .expect("created");
    let (left, top) = CORNER;
    dataset
        .set_geo_transform(&[left, 30.0, 0.0, top, 0.0, -30.0])
        .expect("transform");
    let srs = gdal::spatial_ref::SpatialRef::from_epsg(32629).expect("EPSG");
    dataset.set_spatial_ref(&srs).expect("CRS");
    let values: Vec<i16> = values.iter().map(|value| value.cast_signed()).collect();
    dataset
        .rasterband(1)
        .expect("band")
        .write((0, 0), size, &mut Buffer::new(size, values))
        .expect("written");
    dataset.flush_cache().expect("flushed");
}

/// Stores a folder's files in a zip archive, without compression.
pub(crate) fn zip(folder: &Path, archive: &Path) {
    fn copy(from: &Path, to: &str) {
        for entry in std::fs::read_dir(from).expect("folder").flatten() {
            let name = format!("{to}/{}", entry.file_name().to_string_lossy());
            if entry.path().is_dir() {
                copy(&entry.path(), &name);
                continue;
            }
            let bytes = std::fs::read(entry.path()).expect("bytes");
            let name = std::ffi::CString::new(name).expect("no NUL");
            // SAFETY: a NUL-terminated name, and as many bytes as are said to be there.
            unsafe {
                let file = gdal_sys::VSIFOpenL(name.as_ptr(), c"wb".as_ptr());
                assert!(!file.is_null());
                let written = gdal_sys::VSIFWriteL(bytes.as_ptr().cast(), 1, bytes.len(), file);
                assert_eq!(written, bytes.len());
                gdal_sys::VSIFCloseL(file);
            }
        }
    }
    gdal_setup();
    let root = format!("/vsizip/{}", archive.display());
    let name = std::ffi::CString::new(root.clone()).expect("no NUL");
    // SAFETY: a NUL-terminated name; an open handle on the archive itself keeps it open for the files.
    unsafe {
        let whole = gdal_sys::VSIFOpenL(name.as_ptr(), c"wb".as_ptr());
        assert!(!whole.is_null());
        copy(folder, &root);
        gdal_sys::VSIFCloseL(whole);
    }
}
