//! Raster headers: everything a file says about itself without reading pixels.
//! Must stay cheap per band: files with thousands of bands open at once.

#![expect(
    unsafe_code,
    reason = "what a raster says about itself is asked for through C"
)]

use std::ffi::{CStr, c_int};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

use gdal::Dataset;
use gdal_sys::{GDALDataType, GDALMajorObjectH, GDALRasterBandH};

use crate::band_classes::{classes_from_json, palette_of};
use crate::band_items::list;
use crate::dates::acquisition_date;
use crate::dimensions::name_bands;
use crate::field_product::first_day_of;
use crate::gdal_setup::{MEMORY_ADVICE, lacks_memory, owned_list, owned_text, take_gdal_messages};
use crate::modis_land;
use crate::product::Product;
use crate::qml_classes::QmlClasses;
use crate::raster_file::subdatasets_of;
use crate::stac::StacSidecar;
use crate::wavelength_sources;
use crate::{
    BandInfo, ControlPoints, Crs, FIELD_AXES, GeoTransform, Georef, Grid, GroundModel, GroundPoint,
    PaletteEntry, RasterInfo, Rpc, SampleType, SceneError, SceneResult,
};

/// Bands above this number share the overview list of the first band.
const BANDS_LOOKED_AT_ONE_BY_ONE: usize = 64;
/// GDAL's own signed byte, from 3.7 on.
pub(crate) const GDT_INT8: GDALDataType::Type = 14;

/// How a band's stored numbers are turned into values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BandStorage {
    pub sample_type: SampleType,
    /// GDAL hands out 0..255 for what is -128..127 (before 3.7).
    pub is_signed_as_unsigned: bool,
    pub nodata: Option<Nodata>,
}

/// A nodata value in the band's own type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Nodata {
    Float(f64),
    Signed(i64),
    Unsigned(u64),
}

impl Nodata {
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Float(value) => value,
            Self::Signed(value) => value as f64,
            Self::Unsigned(value) => value as f64,
        }
    }
}

/// Describes an open dataset of at least one band. `product`: what it was stacked from.
pub(crate) fn read(
    dataset: &Dataset,
    path: &Path,
    product: Option<&Product>,
) -> SceneResult<(RasterInfo, Vec<BandStorage>)> {
    let (width, height) = dataset.raster_size();
    let count = dataset.raster_count();
    if width == 0 || height == 0 {
        return Err(SceneError::file(path, "the raster has no pixels"));
    }
    let handle = dataset.c_dataset();
    let mut bands = Vec::with_capacity(count);
    let mut storage = Vec::with_capacity(count);
    let mut shared_overviews = None;
    for index in 0..count {
        let band = band_handle(dataset, index).ok_or_else(|| {
            SceneError::file(path, format!("band {} cannot be opened", index + 1))
                .with_details(said())
        })?;
        let overviews = match &shared_overviews {
            Some(shared) if count > BANDS_LOOKED_AT_ONE_BY_ONE => Clone::clone(shared),
            _ => overviews(band),
        };
        shared_overviews.get_or_insert_with(|| overviews.clone());
        let (info, stored) = read_band(band, index, count, overviews);
        bands.push(info);
        storage.push(stored);
    }
    // SAFETY: the dataset is open; the driver's name is static.
    let driver = unsafe {
        owned_text(gdal_sys::GDALGetDriverShortName(
            gdal_sys::GDALGetDatasetDriver(handle),
        ))
    };
    let mut info = RasterInfo {
        path: path.to_owned(),
        driver,
        grid: Grid {
            width,
            height,
            georef: read_georef(dataset, path)?,
        },
        bands,
        metadata: metadata(handle, None),
        compression: metadata_item(handle, c"COMPRESSION", Some(c"IMAGE_STRUCTURE")),
        is_interleaved: metadata_item(handle, c"INTERLEAVE", Some(c"IMAGE_STRUCTURE"))
            .is_some_and(|kind| kind == "PIXEL"),
        size_bytes: std::fs::metadata(path)
            .map(|found| found.len())
            .unwrap_or(0),
        date: None,
        sensor: None,
        unit_vectors: None,
    };
    name_bands(&mut info.bands, &info.metadata);
    add_own_classes(&mut info);
    add_qml_classes(&mut info);
    apply_envi_gains(handle, &mut info);
    let stac = StacSidecar::beside(path, count);
    // A year's field is of that year, whatever day its file was written.
    info.date = first_day_of(&info).or_else(|| acquisition_date(&info, stac.as_ref()));
    wavelength_sources::assign(dataset, &mut info, stac.as_ref(), product);
    modis_land::complete(&mut info, &mut storage);
    for note in product.map(|product| &product.notes).into_iter().flatten() {
        add_note(&mut info.grid.georef, note.clone());
    }
    let inner = subdatasets_of(dataset).len();
    if inner > 1 {
        add_note(
            &mut info.grid.georef,
            format!("the file holds {inner} images; this is the first"),
        );
    }
    Ok((info, storage))
}

/// `data_gain_values` and `data_offset_values` of an ENVI header, where GDAL did not make them scale and offset.
fn apply_envi_gains(handle: GDALMajorObjectH, info: &mut RasterInfo) {
    let envi = metadata(handle, Some(c"ENVI"));
    let of_bands = |key: &str| list(&envi, key).filter(|values| values.len() == info.bands.len());
    let (gains, offsets) = (of_bands("datagainvalues"), of_bands("dataoffsetvalues"));
    for (index, band) in info.bands.iter_mut().enumerate() {
        let of = |values: &Option<Vec<f64>>| {
            values
                .as_ref()
                .and_then(|v| v.get(index))
                .copied()
                .filter(|v| v.is_finite())
        };
        if band.scale == 1.0 && band.offset == 0.0 {
            band.scale = of(&gains).filter(|gain| *gain != 0.0).unwrap_or(1.0);
            band.offset = of(&offsets).unwrap_or(0.0);
        }
    }
}

/// Category names live in a side-car that copying loses; the classes we write into the file itself stay.
fn add_own_classes(info: &mut RasterInfo) {
    let own = info
        .metadata_item("TERROIR_CLASSES")
        .map(classes_from_json)
        .unwrap_or_default();
    let [band] = info.bands.as_mut_slice() else {
        return;
    };
    if own.is_empty() || !band.sample_type.is_integer() {
        return;
    }
    let is_named = |entry: &PaletteEntry| entry.name != entry.value.to_string();
    if !band.palette.iter().any(is_named) {
        band.palette = own;
    }
}

/// A raster of codes without a table of its own takes the classes of the QGIS style beside it.
fn add_qml_classes(info: &mut RasterInfo) {
    if !info
        .bands
        .iter()
        .any(|band| band.sample_type.is_integer() && band.palette.is_empty())
    {
        return;
    }
    let Some(classes) = QmlClasses::beside(&info.path) else {
        return;
    };
    if let Some(band) = info
        .bands
        .get_mut(classes.band)
        .filter(|band| band.sample_type.is_integer() && band.palette.is_empty())
    {
        band.palette = classes.entries;
    }
}

fn said() -> String {
    take_gdal_messages().unwrap_or_default()
}

pub(crate) fn band_handle(dataset: &Dataset, index: usize) -> Option<GDALRasterBandH> {
    let number = c_int::try_from(index + 1).ok()?;
    // SAFETY: the dataset is open; GDAL checks the number.
    let band = unsafe { gdal_sys::GDALGetRasterBand(dataset.c_dataset(), number) };
    (!band.is_null()).then_some(band)
}

/// All items of a metadata domain (`None` = the default domain).
pub(crate) fn metadata(object: GDALMajorObjectH, domain: Option<&CStr>) -> Vec<(String, String)> {
    // SAFETY: a valid dataset or band handle; GDAL owns the list.
    let items = unsafe {
        owned_list(gdal_sys::GDALGetMetadata(
            object,
            domain.map_or(ptr::null(), CStr::as_ptr),
        ))
    };
    items
        .iter()
        .filter_map(|item| item.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
}

pub(crate) fn metadata_item(
    object: GDALMajorObjectH,
    key: &CStr,
    domain: Option<&CStr>,
) -> Option<String> {
    // SAFETY: a valid dataset or band handle; GDAL owns the text.
    let text = unsafe {
        owned_text(gdal_sys::GDALGetMetadataItem(
            object,
            key.as_ptr(),
            domain.map_or(ptr::null(), CStr::as_ptr),
        ))
    };
    (!text.is_empty()).then_some(text)
}

fn read_band(
    band: GDALRasterBandH,
    index: usize,
    count: usize,
    overviews: Vec<(usize, usize)>,
) -> (BandInfo, BandStorage) {
    // SAFETY: `band` is a valid handle of the open dataset for this whole function; every text is copied at once.
    let (data_type, description, unit, color, scale, offset, block_size) = unsafe {
        let mut block = (0, 0);
        gdal_sys::GDALGetBlockSize(band, &mut block.0, &mut block.1);
        (
            gdal_sys::GDALGetRasterDataType(band),
            owned_text(gdal_sys::GDALGetDescription(band)),
            owned_text(gdal_sys::GDALGetRasterUnitType(band)),
            owned_text(gdal_sys::GDALGetColorInterpretationName(
                gdal_sys::GDALGetRasterColorInterpretation(band),
            )),
            gdal_sys::GDALGetRasterScale(band, ptr::null_mut()),
            gdal_sys::GDALGetRasterOffset(band, ptr::null_mut()),
            block,
        )
    };
    let declared = declared_nodata(band, data_type);
    let is_signed_as_unsigned = data_type == GDALDataType::GDT_Byte
        && (metadata_item(band, c"PIXELTYPE", Some(c"IMAGE_STRUCTURE"))
            .is_some_and(|kind| kind == "SIGNEDBYTE")
            || (count == FIELD_AXES && description == format!("A{index:02}"))
            || declared.is_some_and(|nodata| (-128.0..0.0).contains(&nodata.as_f64())));
    let sample_type = if is_signed_as_unsigned {
        SampleType::Int8
    } else {
        sample_type(data_type)
    };
    let nodata = match declared {
        // The unsigned reading of the same byte.
        Some(nodata) if is_signed_as_unsigned && nodata.as_f64() >= 128.0 => {
            Some(Nodata::Float(nodata.as_f64() - 256.0))
        }
        None if count == FIELD_AXES && sample_type == SampleType::Int8 => {
            Some(Nodata::Float(-128.0))
        }
        declared => declared,
    };
    let usable = |value: f64, instead: f64| if value.is_finite() { value } else { instead };
    let info = BandInfo {
        index,
        name: if description.trim().is_empty() {
            format!("Band {}", index + 1)
        } else {
            description
        },
        sample_type,
        nodata: nodata.map(Nodata::as_f64),
        scale: if scale == 0.0 {
            1.0
        } else {
            usable(scale, 1.0)
        },
        offset: usable(offset, 0.0),
        unit,
        color_interpretation: color.to_lowercase(),
        palette: if sample_type.is_integer() {
            palette_of(band)
        } else {
            Vec::new()
        },
        block_size: (
            usize::try_from(block_size.0).unwrap_or(0),
            usize::try_from(block_size.1).unwrap_or(0),
        ),
        overviews,
        wavelength: None,
        is_bad: false,
        metadata: metadata(band, None),
    };
    (
        info,
        BandStorage {
            sample_type,
            is_signed_as_unsigned,
            nodata,
        },
    )
}

fn sample_type(data_type: GDALDataType::Type) -> SampleType {
    match data_type {
        GDALDataType::GDT_Byte => SampleType::UInt8,
        GDT_INT8 => SampleType::Int8,
        GDALDataType::GDT_UInt16 => SampleType::UInt16,
        GDALDataType::GDT_Int16 => SampleType::Int16,
        GDALDataType::GDT_UInt32 => SampleType::UInt32,
        GDALDataType::GDT_Int32 => SampleType::Int32,
        GDALDataType::GDT_UInt64 => SampleType::UInt64,
        GDALDataType::GDT_Int64 => SampleType::Int64,
        GDALDataType::GDT_Float64 => SampleType::Float64,
        GDALDataType::GDT_CInt16
        | GDALDataType::GDT_CInt32
        | GDALDataType::GDT_CFloat32
        | GDALDataType::GDT_CFloat64 => SampleType::Complex,
        // Half floats and whatever comes later convert to float.
        _ => SampleType::Float32,
    }
}

fn declared_nodata(band: GDALRasterBandH, data_type: GDALDataType::Type) -> Option<Nodata> {
    let mut found: c_int = 0;
    // SAFETY: a valid band handle; `found` outlives the calls.
    unsafe {
        let nodata = match data_type {
            GDALDataType::GDT_Int64 => {
                Nodata::Signed(gdal_sys::GDALGetRasterNoDataValueAsInt64(band, &mut found))
            }
            GDALDataType::GDT_UInt64 => {
                Nodata::Unsigned(gdal_sys::GDALGetRasterNoDataValueAsUInt64(band, &mut found))
            }
            _ => Nodata::Float(gdal_sys::GDALGetRasterNoDataValue(band, &mut found)),
        };
        (found != 0).then_some(nodata)
    }
}

fn overviews(band: GDALRasterBandH) -> Vec<(usize, usize)> {
    // SAFETY: valid handles; a null overview is skipped.
    let mut sizes: Vec<(usize, usize)> = unsafe {
        (0..gdal_sys::GDALGetOverviewCount(band))
            .filter_map(|level| {
                let overview = gdal_sys::GDALGetOverview(band, level);
                if overview.is_null() {
                    return None;
                }
                let size = (
                    gdal_sys::GDALGetRasterBandXSize(overview),
                    gdal_sys::GDALGetRasterBandYSize(overview),
                );
                Some((usize::try_from(size.0).ok()?, usize::try_from(size.1).ok()?))
            })
            .collect()
    };
    sizes.sort_by_key(|size| std::cmp::Reverse(size.0));
    sizes
}

/// # Errors
/// No memory to look the coordinate system up in: GDAL would go on with one that lacks its codes.
fn read_georef(dataset: &Dataset, path: &Path) -> SceneResult<Georef> {
    let handle = dataset.c_dataset();
    let mut terms = [0.0; 6];
    // SAFETY: the dataset is open; `terms` holds six numbers; the references belong to the dataset.
    let (has_transform, crs_handle, gcp_count) = unsafe {
        (
            gdal_sys::GDALGetGeoTransform(handle, terms.as_mut_ptr()) == gdal_sys::CPLErr::CE_None,
            gdal_sys::GDALGetSpatialRef(handle),
            gdal_sys::GDALGetGCPCount(handle),
        )
    };
    if let Some(words) = take_gdal_messages().filter(|words| lacks_memory(words)) {
        let what = format!("its coordinate system cannot be looked up; {MEMORY_ADVICE}");
        return Err(SceneError::file(path, what).with_details(words));
    }
    // SAFETY: null or a reference of the open dataset.
    let crs = unsafe { Crs::from_handle(crs_handle) };
    let mut georef = Georef {
        transform: None,
        crs,
        ..Georef::default()
    };
    // SAFETY: as above.
    if !crs_handle.is_null() && unsafe { gdal_sys::OSRIsCompound(crs_handle) } != 0 {
        add_note(
            &mut georef,
            "heights of its coordinate system are left out".into(),
        );
    }
    let has_rpc = !metadata(handle, Some(c"RPC")).is_empty();
    // GDAL's default, and what raw satellite images carry: pixels, no place.
    let is_placeless = (georef.crs.is_none() || has_rpc)
        && (terms == [0.0, 1.0, 0.0, 0.0, 0.0, 1.0] || terms == GeoTransform::PIXELS.0);
    if has_transform && !is_placeless {
        if terms.iter().all(|term| term.is_finite()) && GeoTransform(terms).inverse().is_some() {
            georef.transform = Some(GeoTransform(terms));
        } else {
            add_note(
                &mut georef,
                "its geotransform is unusable; shown in pixel space".into(),
            );
        }
    } else if gcp_count > 0 {
        place_by_control_points(dataset, gcp_count, &mut georef);
    } else if has_rpc {
        place_by_coefficients(&metadata(handle, Some(c"RPC")), &mut georef);
    }
    if georef.transform.is_some() && georef.crs.is_none() {
        add_note(
            &mut georef,
            "no coordinate reference system in the file".into(),
        );
    } else if georef.transform.is_none() && georef.model.is_none() && georef.note.is_none() {
        add_note(
            &mut georef,
            "no georeference in the file; shown in pixel space".into(),
        );
    }
    Ok(georef)
}

/// A control point that an affine fit misses by more than this many pixels makes the raster bent.
const BENT_PIXELS: f64 = 0.05;

/// An affine transform where the ground control points agree with one, else a surface of second order through them.
fn place_by_control_points(dataset: &Dataset, count: c_int, georef: &mut Georef) {
    let handle = dataset.c_dataset();
    let mut terms = [0.0; 6];
    // SAFETY: the points and their reference belong to the open dataset; `count` is theirs.
    let (points, is_fitted, crs) = unsafe {
        let gcps = gdal_sys::GDALGetGCPs(handle);
        if gcps.is_null() {
            return;
        }
        let is_fitted = gdal_sys::GDALGCPsToGeoTransform(count, gcps, terms.as_mut_ptr(), 1) != 0;
        let points = std::slice::from_raw_parts(gcps, usize::try_from(count).unwrap_or(0));
        (
            points
                .iter()
                .map(|p| GroundPoint {
                    col: p.dfGCPPixel,
                    row: p.dfGCPLine,
                    x: p.dfGCPX,
                    y: p.dfGCPY,
                })
                .collect::<Vec<_>>(),
            is_fitted,
            Crs::from_handle(gdal_sys::GDALGetGCPSpatialRef(handle)),
        )
    };
    let crs = crs.or(georef.crs.take());
    let transform = GeoTransform(terms);
    let inverse = transform.inverse().filter(|_| {
        // Two points leave rotation and scale open; GDAL's answer would be a guess.
        is_fitted && points.len() > 2 && terms.iter().all(|term| term.is_finite())
    });
    let misses: Vec<f64> = inverse.map_or_else(Vec::new, |pixel_from_map| {
        points
            .iter()
            .map(|p| {
                let (col, row) = pixel_from_map.map_from_pixel(p.x, p.y);
                (col - p.col).hypot(row - p.row)
            })
            .collect()
    });
    let is_straight = !misses.is_empty() && misses.iter().all(|miss| *miss <= BENT_PIXELS);
    let bent = if is_straight {
        None
    } else {
        ControlPoints::fit(points, crs.clone())
    };
    if let Some(points) = bent {
        let error = points
            .mean_error_pixels()
            .map(|error| format!(", mean error {error:.1} pixels"))
            .unwrap_or_default();
        georef.crs = None;
        georef.model = Some(Arc::new(GroundModel::ControlPoints(points)));
        add_note(
            georef,
            format!(
                "placed by {count} ground control points (second-order surface{error}); labels and fields keep to its own pixels"
            ),
        );
    } else if inverse.is_some() {
        let squares: f64 = misses.iter().map(|miss| miss * miss).sum();
        let error = (squares / misses.len().max(1) as f64).sqrt();
        georef.transform = Some(transform);
        georef.crs = crs;
        add_note(
            georef,
            format!(
                "placed by {count} ground control points (affine fit, mean error {error:.1} pixels)"
            ),
        );
    } else {
        add_note(
            georef,
            format!("its {count} ground control points give no usable place; shown in pixel space"),
        );
    }
}

/// Sensor coefficients place each pixel for one height; hills are not taken out.
fn place_by_coefficients(items: &[(String, String)], georef: &mut Georef) {
    georef.crs = None;
    let rpc = Crs::wgs84()
        .ok()
        .and_then(|wgs84| Rpc::from_items(items, wgs84));
    match rpc {
        Some(rpc) => {
            add_note(
                georef,
                format!(
                    "not orthorectified: placed by sensor coefficients (RPC) at a height of {:.0} m; labels and fields keep to \
                     its own pixels",
                    rpc.height_m
                ),
            );
            georef.model = Some(Arc::new(GroundModel::Rpc(Box::new(rpc))));
        }
        None => add_note(
            georef,
            "not orthorectified: its sensor coefficients (RPC) are incomplete; shown in pixel space"
                .into(),
        ),
    }
}

pub(crate) fn add_note(georef: &mut Georef, text: String) {
    georef.note = Some(match georef.note.take() {
        Some(before) => format!("{before}; {text}"),
        None => text,
    });
}
