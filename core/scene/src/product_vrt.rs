//! A product's files as one raster: the text of a virtual raster (VRT) that stacks its bands on one grid.
//! Opens headers of the files, never their pixels. Knows nothing of sensors.

#![expect(unsafe_code, reason = "virtual rasters are put together through C")]

use std::collections::BTreeMap;
use std::ffi::c_int;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use gdal::spatial_ref::SpatialRef;
use quick_xml::escape::escape;

use crate::gdal_setup::{owned_text, take_gdal_messages};
use crate::product::{BandRole, Product, ProductBand, QualityCode};
use crate::raster_file::open_plain;
use crate::raster_header::band_handle;
use crate::{GeoTransform, SceneError, SceneResult};

/// A product opened: what to hand to GDAL, and the bands that made it.
#[derive(Debug)]
pub(crate) struct Stack {
    /// One a band of the raster.
    pub product: Product,
    pub xml: String,
    /// Of all files on the disk.
    pub size_bytes: u64,
}

/// What the header of one file says.
struct Sheet {
    width: usize,
    height: usize,
    transform: Option<GeoTransform>,
    reference: Option<SpatialRef>,
    /// As a virtual raster names them; empty without control points, or with a transform.
    control_points: String,
    bands: Vec<SheetBand>,
}

#[derive(Clone)]
struct SheetBand {
    data_type: String,
    block: (c_int, c_int),
    nodata: Option<f64>,
    scale_offset: (f64, f64),
    unit: String,
    description: String,
}

/// Where a source lies in the stack, in its pixels: column, row, width, height.
type Place = [f64; 4];

/// Reads the headers of all files and stacks what fits together; the rest is left out and said.
///
/// # Errors
/// No band can be opened.
pub(crate) fn stack_blocking(mut product: Product) -> SceneResult<Stack> {
    let mut sheets: BTreeMap<PathBuf, Option<Sheet>> = BTreeMap::new();
    let mut unreadable = Vec::new();
    // Described, but beyond the last band of a file that can be read.
    let mut absent = 0;
    let mut readable = Vec::new();
    for band in std::mem::take(&mut product.bands) {
        let sheet = sheets
            .entry(band.file.clone())
            .or_insert_with(|| sheet_blocking(&band.file));
        let count = sheet.as_ref().map_or(0, |sheet| sheet.bands.len());
        if band.file_band == ProductBand::EVERY_BAND {
            readable.extend(every_band(&band, sheet.as_ref()));
        } else if band.file_band <= count {
            readable.push(band);
            continue;
        }
        if count == 0 {
            unreadable.push(band.name);
        } else if band.file_band > count {
            absent += 1;
        }
    }
    if !unreadable.is_empty() {
        product.notes.push(format!(
            "left out, because their files cannot be read: {}",
            unreadable.join(", ")
        ));
    }
    if absent > 0 {
        product.notes.push(format!(
            "its description names {absent} bands more than the images hold"
        ));
    }
    let sheet_of = |band: &ProductBand| sheets.get(&band.file).and_then(Option::as_ref);
    let Some(base) = base_of(&readable, &sheet_of) else {
        let notes = product.notes.join("; ");
        let what = format!(
            "this {} has no band that can be read; copy or download it again",
            product.kind.label()
        );
        return Err(SceneError::file(&product.path, what).with_details(notes));
    };

    let mut xml = String::new();
    open_root(&mut xml, base, &product);
    let (mut elsewhere, mut shifted) = (Vec::new(), Vec::new());
    for band in readable {
        let Some(sheet) = sheet_of(&band) else {
            continue;
        };
        let Some(place) = place(sheet, base) else {
            elsewhere.push(band.name);
            continue;
        };
        let Some(stored) = sheet.bands.get(band.file_band - 1) else {
            continue;
        };
        let mut band = band;
        if !covers(place, sheet, base) {
            shifted.push(band.name.clone());
            // Where the band is not, nothing may be taken for a value.
            band.nodata = band
                .nodata
                .or(stored.nodata)
                .or_else(|| unlikely_value(&stored.data_type));
        }
        write_band(&mut xml, &band, sheet, stored, place);
        product.bands.push(band);
    }
    xml.push_str("</VRTDataset>\n");
    if !elsewhere.is_empty() {
        product.notes.push(format!(
            "left out, because their grid has another coordinate system or direction than the others': {}",
            elsewhere.join(", ")
        ));
    }
    if !shifted.is_empty() {
        product.notes.push(format!(
            "these bands cover another area than the finest one: {}",
            shifted.join(", ")
        ));
    }
    let size_bytes = sheets
        .keys()
        .filter_map(|file| std::fs::metadata(file).ok())
        .map(|found| found.len())
        .sum();
    Ok(Stack {
        product,
        xml,
        size_bytes,
    })
}

/// Whether a file holds one band; opens its header.
pub(crate) fn has_one_band_blocking(file: &Path) -> bool {
    sheet_blocking(file).is_some_and(|sheet| sheet.bands.len() == 1)
}

fn every_band(band: &ProductBand, sheet: Option<&Sheet>) -> Vec<ProductBand> {
    let stored = sheet
        .map(|sheet| sheet.bands.as_slice())
        .unwrap_or_default();
    let name = |number: usize, one: &SheetBand| match (stored.len(), one.description.as_str()) {
        (1, _) => band.name.clone(),
        (_, "") => format!("{} {number}", band.name),
        (_, description) => description.to_owned(),
    };
    (1..)
        .zip(stored)
        .map(|(number, one)| ProductBand {
            name: name(number, one),
            file_band: number,
            ..band.clone()
        })
        .collect()
}

/// `None` when the file cannot be opened as a raster.
fn sheet_blocking(file: &Path) -> Option<Sheet> {
    let opened = open_plain(file).ok();
    take_gdal_messages();
    let dataset = opened?;
    let (width, height) = dataset.raster_size();
    let handle = dataset.c_dataset();
    let bands = (0..dataset.raster_count())
        .map_while(|index| band_handle(&dataset, index))
        .map(|band| {
            let (mut block, mut has_nodata) = ((0, 0), 0);
            // SAFETY: a valid band of the open dataset; the texts are copied at once.
            unsafe {
                gdal_sys::GDALGetBlockSize(band, &mut block.0, &mut block.1);
                let data_type = gdal_sys::GDALGetRasterDataType(band);
                let nodata = gdal_sys::GDALGetRasterNoDataValue(band, &mut has_nodata);
                SheetBand {
                    data_type: owned_text(gdal_sys::GDALGetDataTypeName(data_type)),
                    block,
                    nodata: (has_nodata != 0).then_some(nodata),
                    scale_offset: (
                        gdal_sys::GDALGetRasterScale(band, std::ptr::null_mut()),
                        gdal_sys::GDALGetRasterOffset(band, std::ptr::null_mut()),
                    ),
                    unit: owned_text(gdal_sys::GDALGetRasterUnitType(band)),
                    description: owned_text(gdal_sys::GDALGetDescription(band)),
                }
            }
        })
        .collect();
    let mut terms = [0.0; 6];
    // SAFETY: the dataset is open and `terms` holds six numbers.
    let has_transform = unsafe {
        gdal_sys::GDALGetGeoTransform(handle, terms.as_mut_ptr()) == gdal_sys::CPLErr::CE_None
    };
    let transform = Some(GeoTransform(terms)).filter(|t| has_transform && t.inverse().is_some());
    let sheet = Sheet {
        width,
        height,
        transform,
        reference: dataset.spatial_ref().ok(),
        control_points: match transform {
            Some(_) => String::new(),
            None => control_points(&dataset),
        },
        bands,
    };
    take_gdal_messages();
    (sheet.width > 0 && sheet.height > 0 && !sheet.bands.is_empty()).then_some(sheet)
}

/// Control points of a file as text, with their system.
fn control_points(dataset: &gdal::Dataset) -> String {
    let handle = dataset.c_dataset();
    let mut text = String::new();
    // SAFETY: the dataset is open; GDAL owns points and text, which are copied at once.
    let (points, projection) = unsafe {
        let points = gdal_sys::GDALGetGCPs(handle);
        let count = usize::try_from(gdal_sys::GDALGetGCPCount(handle)).unwrap_or(0);
        if points.is_null() || count == 0 {
            return text;
        }
        (
            std::slice::from_raw_parts(points, count),
            owned_text(gdal_sys::GDALGetGCPProjection(handle)),
        )
    };
    let _ = writeln!(
        text,
        r#"<GCPList Projection="{}">"#,
        escape(projection.as_str())
    );
    for point in points {
        let _ = writeln!(
            text,
            r#"<GCP Id="" Pixel="{:?}" Line="{:?}" X="{:?}" Y="{:?}" Z="{:?}"/>"#,
            point.dfGCPPixel, point.dfGCPLine, point.dfGCPX, point.dfGCPY, point.dfGCPZ
        );
    }
    text.push_str("</GCPList>\n");
    text
}

/// The finest sheet among reflectance bands, else among all.
fn base_of<'a>(
    bands: &[ProductBand],
    sheet_of: &dyn Fn(&ProductBand) -> Option<&'a Sheet>,
) -> Option<&'a Sheet> {
    let pixel = |sheet: &Sheet| {
        sheet.transform.map_or_else(
            || 1.0 / sheet.width as f64,
            |transform| transform.pixel_size().0,
        )
    };
    let finest = |is_wanted: &dyn Fn(&ProductBand) -> bool| {
        bands
            .iter()
            .filter(|band| is_wanted(band))
            .filter_map(sheet_of)
            .reduce(|best, sheet| {
                if pixel(sheet) < pixel(best) {
                    sheet
                } else {
                    best
                }
            })
    };
    finest(&|band| band.role == BandRole::Reflectance).or_else(|| finest(&|_| true))
}

/// A value to stand for missing pixels in a band that declares none.
fn unlikely_value(data_type: &str) -> Option<f64> {
    Some(match data_type {
        "Byte" => 0.0,
        "UInt16" => f64::from(u16::MAX),
        "Int16" => f64::from(i16::MIN),
        "UInt32" => f64::from(u32::MAX),
        "Int32" => f64::from(i32::MIN),
        "Float32" | "Float64" => f64::NAN,
        _ => return None,
    })
}

/// Where `sheet` lies in pixels of `base`; `None` when it is not a matter of moving and scaling.
fn place(sheet: &Sheet, base: &Sheet) -> Option<Place> {
    let whole = [0.0, 0.0, base.width as f64, base.height as f64];
    let (Some(own), Some(other)) = (sheet.transform, base.transform) else {
        // Without a place on the ground both show the same; placed by other points they do not.
        let is_same = sheet.transform.is_none()
            && base.transform.is_none()
            && sheet.control_points == base.control_points;
        return is_same.then_some(whole);
    };
    if let (Some(own), Some(other)) = (&sheet.reference, &base.reference)
        && own != other
    {
        return None;
    }
    let pixel_from_map = other.inverse()?;
    let corner = |col: f64, row: f64| {
        let (x, y) = own.map_from_pixel(col, row);
        pixel_from_map.map_from_pixel(x, y)
    };
    let (width, height) = (sheet.width as f64, sheet.height as f64);
    let (left, top) = corner(0.0, 0.0);
    let (right, top_again) = corner(width, 0.0);
    let (left_again, bottom) = corner(0.0, height);
    // Turned or mirrored against each other by more than a hundredth of a pixel: another grid.
    let is_upright = (top - top_again).abs() < 0.01 && (left - left_again).abs() < 0.01;
    (is_upright && right > left && bottom > top).then(|| {
        // Whole pixels stay whole after the detour over map coordinates.
        let tidy = |value: f64| {
            if (value - value.round()).abs() < 1e-6 {
                value.round()
            } else {
                value
            }
        };
        [
            tidy(left),
            tidy(top),
            tidy(right - left),
            tidy(bottom - top),
        ]
    })
}

/// Whether the stack is filled up to half a pixel of the sheet.
fn covers(place: Place, sheet: &Sheet, base: &Sheet) -> bool {
    let [left, top, width, height] = place;
    let slack_x = 0.5 * (width / sheet.width as f64).max(1.0) + 1e-6;
    let slack_y = 0.5 * (height / sheet.height as f64).max(1.0) + 1e-6;
    left.abs() <= slack_x
        && top.abs() <= slack_y
        && (left + width - base.width as f64).abs() <= slack_x
        && (top + height - base.height as f64).abs() <= slack_y
}

// Writing to a String cannot fail, so the results of `write!` are left aside below.

fn open_root(xml: &mut String, base: &Sheet, product: &Product) {
    let _ = writeln!(
        xml,
        r#"<VRTDataset rasterXSize="{}" rasterYSize="{}">"#,
        base.width, base.height
    );
    if let Some(wkt) = base.reference.as_ref().and_then(|r| r.to_wkt().ok()) {
        let _ = writeln!(xml, "<SRS>{}</SRS>", escape(&wkt));
    }
    if let Some(GeoTransform(terms)) = base.transform {
        let terms = terms.map(|term| format!("{term:?}")).join(", ");
        let _ = writeln!(xml, "<GeoTransform>{terms}</GeoTransform>");
    }
    xml.push_str(&base.control_points);
    xml.push_str("<Metadata>\n");
    let mut item = |key: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(xml, r#"<MDI key="{key}">{}</MDI>"#, escape(value));
        }
    };
    item(
        "ACQUISITION_DATE",
        product.acquired.as_deref().unwrap_or_default(),
    );
    item("SPACECRAFT_NAME", &product.platform);
    for (key, value) in &product.items {
        item(key, value);
    }
    xml.push_str("</Metadata>\n");
}

fn write_band(
    xml: &mut String,
    band: &ProductBand,
    sheet: &Sheet,
    stored: &SheetBand,
    place: Place,
) {
    let is_same_grid = place[2] == sheet.width as f64 && place[3] == sheet.height as f64;
    let block = if is_same_grid && stored.block.0 > 0 && stored.block.1 > 0 {
        format!(
            r#" blockXSize="{}" blockYSize="{}""#,
            stored.block.0, stored.block.1
        )
    } else {
        String::new()
    };
    let _ = writeln!(
        xml,
        r#"<VRTRasterBand dataType="{}"{block} subClass="VRTSourcedRasterBand">"#,
        stored.data_type
    );
    let _ = writeln!(xml, "<Description>{}</Description>", escape(&band.name));
    if let BandRole::Quality(code) = band.role {
        let _ = writeln!(
            xml,
            r#"<Metadata><MDI key="{}">{}</MDI></Metadata>"#,
            QualityCode::ITEM,
            code.id()
        );
    }
    let nodata = band.nodata.or(stored.nodata);
    if let Some(nodata) = nodata {
        let _ = writeln!(xml, "<NoDataValue>{}</NoDataValue>", number(nodata));
    }
    let unit = if band.unit.is_empty() {
        &stored.unit
    } else {
        &band.unit
    };
    if !unit.is_empty() {
        let _ = writeln!(xml, "<UnitType>{}</UnitType>", escape(unit.as_str()));
    }
    let (scale, offset) = band.scale_offset.unwrap_or(stored.scale_offset);
    if (scale, offset) != (1.0, 0.0) {
        let _ = writeln!(xml, "<Offset>{offset}</Offset><Scale>{scale}</Scale>");
    }
    write_classes(xml, band);
    let resampling = match band.role {
        _ if is_same_grid => None,
        BandRole::Quality(_) => Some("nearest"),
        _ => Some("bilinear"),
    };
    // GDAL leaves missing pixels out of an interpolation only where the source itself declares them.
    let is_wrapped = resampling == Some("bilinear") && nodata.is_some() && stored.nodata != nodata;
    if let (true, Some(nodata)) = (is_wrapped, nodata) {
        let mut inner = format!(
            r#"<VRTDataset rasterXSize="{}" rasterYSize="{}"><VRTRasterBand dataType="{}" band="1">"#,
            sheet.width, sheet.height, stored.data_type
        );
        let _ = write!(inner, "<NoDataValue>{}</NoDataValue>", number(nodata));
        let whole = [0.0, 0.0, sheet.width as f64, sheet.height as f64];
        let file = band.file.to_string_lossy();
        write_source(
            &mut inner,
            &file,
            band.file_band,
            sheet,
            stored,
            whole,
            None,
        );
        inner.push_str("</VRTRasterBand></VRTDataset>");
        write_source(xml, &inner, 1, sheet, stored, place, resampling);
    } else {
        let file = band.file.to_string_lossy();
        write_source(xml, &file, band.file_band, sheet, stored, place, resampling);
    }
    xml.push_str("</VRTRasterBand>\n");
}

fn write_classes(xml: &mut String, band: &ProductBand) {
    let Some(last) = band.classes.iter().map(|class| class.value).max() else {
        return;
    };
    let class_of = |value: i64| band.classes.iter().find(|class| class.value == value);
    xml.push_str("<ColorInterp>Palette</ColorInterp>\n<CategoryNames>");
    for value in 0..=last {
        let name = class_of(value).map(|class| class.name.as_str());
        let _ = write!(
            xml,
            "<Category>{}</Category>",
            escape(name.unwrap_or_default())
        );
    }
    xml.push_str("</CategoryNames>\n<ColorTable>");
    for value in 0..=last {
        let [c1, c2, c3, c4] = class_of(value).map_or([0; 4], |class| class.rgba);
        let _ = write!(xml, r#"<Entry c1="{c1}" c2="{c2}" c3="{c3}" c4="{c4}"/>"#);
    }
    xml.push_str("</ColorTable>\n");
}

/// `name`: a path, or the text of another VRT.
fn write_source(
    xml: &mut String,
    name: &str,
    file_band: usize,
    sheet: &Sheet,
    stored: &SheetBand,
    place: Place,
    resampling: Option<&str>,
) {
    let attribute = resampling
        .map(|kind| format!(r#" resampling="{kind}""#))
        .unwrap_or_default();
    let [left, top, width, height] = place;
    let _ = writeln!(
        xml,
        r#"<SimpleSource{attribute}><SourceFilename relativeToVRT="0">{}</SourceFilename><SourceBand>{file_band}</SourceBand>"#,
        escape(name)
    );
    let _ = writeln!(
        xml,
        r#"<SourceProperties RasterXSize="{w}" RasterYSize="{h}" DataType="{}" BlockXSize="{}" BlockYSize="{}"/>"#,
        stored.data_type,
        stored.block.0.max(1),
        stored.block.1.max(1),
        w = sheet.width,
        h = sheet.height,
    );
    let _ = writeln!(
        xml,
        r#"<SrcRect xOff="0" yOff="0" xSize="{}" ySize="{}"/><DstRect xOff="{left}" yOff="{top}" xSize="{width}" ySize="{height}"/></SimpleSource>"#,
        sheet.width, sheet.height
    );
}

/// As GDAL reads numbers back.
fn number(value: f64) -> String {
    if value.is_nan() {
        "nan".to_owned()
    } else {
        value.to_string()
    }
}
