//! Cloud-optimised GeoTIFFs through GDAL: create, fill, copy and name.
//! The only file that writes rasters. Knows nothing of classes or models.

#![expect(
    unsafe_code,
    reason = "creation through GDAL with options and progress has no safe form"
)]

use std::ffi::{CString, c_char, c_int, c_void};
use std::path::Path;

use gdal::raster::{ColorEntry, ColorTable, PaletteInterpretation, RasterCreationOptions};
use gdal::{Dataset, DriverManager, Metadata};
use gdal_sys::{
    CPLErr, GDALDataType, GDALRATFieldType, GDALRATFieldUsage, GDALRATTableType, GDALRWFlag,
};

use crate::{Class, Grid, PaletteEntry, Window};

/// What a raster file needs to know before its first pixel.
pub(crate) struct Layout {
    pub bands: usize,
    pub sample: Sample,
    /// [`Layout::NONE`] where every number is a value.
    pub nodata: f64,
}

impl Layout {
    pub(crate) const NONE: f64 = f64::INFINITY;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sample {
    Byte,
    /// GDAL from 3.7 has a type of its own; before, it is a byte with a note beside it.
    SignedByte,
    /// Two bytes, unsigned.
    Short,
    SignedShort,
    /// Four bytes, unsigned.
    Long,
    SignedLong,
    Float,
    Double,
}

impl Sample {
    fn data_type(self) -> GDALDataType::Type {
        match self {
            Self::Byte => GDALDataType::GDT_Byte,
            Self::Short => GDALDataType::GDT_UInt16,
            Self::SignedShort => GDALDataType::GDT_Int16,
            Self::Long => GDALDataType::GDT_UInt32,
            Self::SignedLong => GDALDataType::GDT_Int32,
            Self::Float => GDALDataType::GDT_Float32,
            Self::Double => GDALDataType::GDT_Float64,
            Self::SignedByte => int8().unwrap_or(GDALDataType::GDT_Byte),
        }
    }

    pub(crate) fn size(self) -> usize {
        match self {
            Self::Byte | Self::SignedByte => 1,
            Self::Short | Self::SignedShort => 2,
            Self::Long | Self::SignedLong | Self::Float => 4,
            Self::Double => 8,
        }
    }

    /// A number as it is stored, in the machine's order.
    pub(crate) fn bytes_of(self, number: f64) -> Vec<u8> {
        match self {
            Self::Byte => vec![number as u8],
            Self::SignedByte => vec![(number as i8).cast_unsigned()],
            Self::Short => (number as u16).to_ne_bytes().to_vec(),
            Self::SignedShort => (number as i16).to_ne_bytes().to_vec(),
            Self::Long => (number as u32).to_ne_bytes().to_vec(),
            Self::SignedLong => (number as i32).to_ne_bytes().to_vec(),
            Self::Float => (number as f32).to_ne_bytes().to_vec(),
            Self::Double => number.to_ne_bytes().to_vec(),
        }
    }
}

fn int8() -> Option<GDALDataType::Type> {
    // SAFETY: a constant C string; the call only looks the name up.
    let int8 = unsafe { gdal_sys::GDALGetDataTypeByName(c"Int8".as_ptr()) };
    (int8 != GDALDataType::GDT_Unknown).then_some(int8)
}

/// Whether this GDAL has a type for signed bytes (from 3.7 on).
pub(crate) fn has_int8() -> bool {
    int8().is_some()
}

/// A tiled, uncompressed GeoTIFF to be filled in any order.
pub(crate) fn create(path: &Path, grid: &Grid, layout: &Layout) -> Result<Dataset, String> {
    let driver = DriverManager::get_driver_by_name("GTiff").map_err(|error| error.to_string())?;
    let mut options: Vec<&str> = vec![
        "TILED=YES",
        "BLOCKXSIZE=256",
        "BLOCKYSIZE=256",
        "INTERLEAVE=BAND",
        "BIGTIFF=IF_SAFER",
        "SPARSE_OK=TRUE",
        "PHOTOMETRIC=MINISBLACK",
        "ALPHA=NO",
    ];
    let data_type = layout.sample.data_type();
    if layout.sample == Sample::SignedByte && data_type == GDALDataType::GDT_Byte {
        options.push("PIXELTYPE=SIGNEDBYTE");
    }
    let options: RasterCreationOptions = RasterCreationOptions::from_iter(options);
    let name = c_path(path)?;
    let size =
        |value: usize| c_int::try_from(value).map_err(|_| "the raster is too large".to_owned());
    // SAFETY: all pointers outlive the call; the handle goes straight into its owner.
    let mut dataset = unsafe {
        let handle = gdal_sys::GDALCreate(
            driver.c_driver(),
            name.as_ptr(),
            size(grid.width)?,
            size(grid.height)?,
            size(layout.bands)?,
            data_type,
            options.as_ptr(),
        );
        if handle.is_null() {
            return Err("GDAL could not create the file".to_owned());
        }
        Dataset::from_c_dataset(handle)
    };
    place(&mut dataset, grid, layout).map_err(|error| error.to_string())?;
    Ok(dataset)
}

fn place(dataset: &mut Dataset, grid: &Grid, layout: &Layout) -> gdal::errors::Result<()> {
    if let Some(transform) = grid.georef.transform {
        dataset.set_geo_transform(&transform.0)?;
    }
    if let Some(crs) = grid.crs() {
        dataset.set_spatial_ref(&gdal::spatial_ref::SpatialRef::from_wkt(&crs.wkt)?)?;
    }
    let bands = match layout.nodata == Layout::NONE {
        true => 0,
        false => layout.bands,
    };
    for band in 1..=bands {
        dataset
            .rasterband(band)?
            .set_no_data_value(Some(layout.nodata))?;
    }
    Ok(())
}

/// Windows of at most `side` that cover the grid once, row by row.
pub(crate) fn tiles(grid: &Grid, side: usize) -> Vec<Window> {
    let mut tiles = Vec::new();
    for row in (0..grid.height).step_by(side) {
        for col in (0..grid.width).step_by(side) {
            tiles.push(Window {
                col,
                row,
                width: side.min(grid.width - col),
                height: side.min(grid.height - row),
            });
        }
    }
    tiles
}

/// Moves planar samples of all bands between a window of the dataset and `bytes` (`bands * height * width` samples).
fn transfer(
    dataset: &Dataset,
    direction: GDALRWFlag::Type,
    bands: &[usize],
    window: Window,
    sample: Sample,
    bytes: *mut c_void,
) -> Result<(), String> {
    let int = |value: usize| c_int::try_from(value).map_err(|_| "a window is too large".to_owned());
    let (col, row, width, height) = (
        int(window.col)?,
        int(window.row)?,
        int(window.width)?,
        int(window.height)?,
    );
    // GDAL counts from 1.
    let mut numbers = Vec::with_capacity(bands.len());
    for band in bands {
        numbers.push(int(band + 1)?);
    }
    // SAFETY: the callers check that `bytes` holds all samples of the window; GDAL checks the window itself.
    let outcome = unsafe {
        gdal_sys::GDALDatasetRasterIO(
            dataset.c_dataset(),
            direction,
            col,
            row,
            width,
            height,
            bytes,
            width,
            height,
            sample.data_type(),
            int(numbers.len())?,
            numbers.as_mut_ptr(),
            0,
            0,
            0,
        )
    };
    if outcome == CPLErr::CE_None {
        Ok(())
    } else {
        Err("GDAL could not read or write a window".to_owned())
    }
}

pub(crate) fn write(
    dataset: &Dataset,
    window: Window,
    sample: Sample,
    bytes: &[u8],
) -> Result<(), String> {
    if bytes.len() != dataset.raster_count() * window.width * window.height * sample.size() {
        return Err("the samples do not fill the window".to_owned());
    }
    // GDAL takes a mutable pointer for both directions and only reads from it here.
    let bands: Vec<usize> = (0..dataset.raster_count()).collect();
    transfer(
        dataset,
        GDALRWFlag::GF_Write,
        &bands,
        window,
        sample,
        bytes.as_ptr().cast_mut().cast(),
    )
}

pub(crate) fn read(dataset: &Dataset, window: Window, sample: Sample) -> Result<Vec<u8>, String> {
    let bands: Vec<usize> = (0..dataset.raster_count()).collect();
    read_bands(dataset, &bands, window, sample)
}

/// Planar samples of some bands (from 0).
pub(crate) fn read_bands(
    dataset: &Dataset,
    bands: &[usize],
    window: Window,
    sample: Sample,
) -> Result<Vec<u8>, String> {
    let mut bytes = vec![0; bands.len() * window.width * window.height * sample.size()];
    let place = bytes.as_mut_ptr().cast();
    transfer(dataset, GDALRWFlag::GF_Read, bands, window, sample, place)?;
    Ok(bytes)
}

/// Planar codes of a window of a signed-byte file: level 0 is the file itself, 1 its first overview.
pub(crate) fn read_level(
    dataset: &Dataset,
    level: usize,
    window: Window,
) -> Result<Vec<u8>, String> {
    if level == 0 {
        return read(dataset, window, Sample::SignedByte);
    }
    let size = window.width * window.height;
    let mut bytes = vec![0; dataset.raster_count() * size];
    for (band, plane) in bytes.chunks_exact_mut(size).enumerate() {
        transfer_level(
            dataset,
            band,
            level,
            GDALRWFlag::GF_Read,
            window,
            plane.as_mut_ptr().cast(),
        )?;
    }
    Ok(bytes)
}

pub(crate) fn write_level(
    dataset: &Dataset,
    level: usize,
    window: Window,
    bytes: &[u8],
) -> Result<(), String> {
    let size = window.width * window.height;
    if bytes.len() != dataset.raster_count() * size {
        return Err("the samples do not fill the window".to_owned());
    }
    for (band, plane) in bytes.chunks_exact(size).enumerate() {
        transfer_level(
            dataset,
            band,
            level,
            GDALRWFlag::GF_Write,
            window,
            plane.as_ptr().cast_mut().cast(),
        )?;
    }
    Ok(())
}

/// One band of one overview level (from 1); `bytes` holds the window.
fn transfer_level(
    dataset: &Dataset,
    band: usize,
    level: usize,
    direction: GDALRWFlag::Type,
    window: Window,
    bytes: *mut c_void,
) -> Result<(), String> {
    let int = |value: usize| c_int::try_from(value).map_err(|_| "a window is too large".to_owned());
    let (col, row, width, height) = (
        int(window.col)?,
        int(window.row)?,
        int(window.width)?,
        int(window.height)?,
    );
    let band = dataset
        .rasterband(band + 1)
        .and_then(|band| band.overview(level - 1))
        .map_err(|error| error.to_string())?;
    // SAFETY: the callers give a plane of `width * height` bytes; GDAL checks the window itself.
    let outcome = unsafe {
        gdal_sys::GDALRasterIO(
            band.c_rasterband(),
            direction,
            col,
            row,
            width,
            height,
            bytes,
            width,
            height,
            Sample::SignedByte.data_type(),
            0,
            0,
        )
    };
    if outcome == CPLErr::CE_None {
        Ok(())
    } else {
        Err("GDAL could not read or write an overview".to_owned())
    }
}

/// Colour table of band 1; must come before the first pixel, later it would land in a side-car.
pub(crate) fn set_colors(dataset: &Dataset, classes: &[Class]) -> Result<(), String> {
    let mut table = ColorTable::new(PaletteInterpretation::Rgba);
    table.set_color_entry(0, &ColorEntry::rgba(0, 0, 0, 0));
    for class in classes {
        let [r, g, b] = class.color.map(i16::from);
        table.set_color_entry(u16::from(class.id), &ColorEntry::rgba(r, g, b, 255));
    }
    dataset
        .rasterband(1)
        .map_err(|error| error.to_string())?
        .set_color_table(&table);
    Ok(())
}

/// The same of a file's own colours.
pub(crate) fn set_palette(dataset: &Dataset, entries: &[PaletteEntry]) -> Result<(), String> {
    let mut table = ColorTable::new(PaletteInterpretation::Rgba);
    for entry in entries {
        if let Ok(value) = u16::try_from(entry.value) {
            let [r, g, b, a] = entry.rgba.map(i16::from);
            table.set_color_entry(value, &ColorEntry::rgba(r, g, b, a));
        }
    }
    dataset
        .rasterband(1)
        .map_err(|error| error.to_string())?
        .set_color_table(&table);
    Ok(())
}

/// Description, unit, scale and offset of a band (from 0).
pub(crate) fn describe_band(
    dataset: &Dataset,
    band: usize,
    name: &str,
    unit: &str,
    scale: Option<(f64, f64)>,
) -> Result<(), String> {
    let mut band = dataset
        .rasterband(band + 1)
        .map_err(|error| error.to_string())?;
    band.set_description(name)
        .map_err(|error| error.to_string())?;
    if let Some((scale, offset)) = scale {
        band.set_scale(scale).map_err(|error| error.to_string())?;
        band.set_offset(offset).map_err(|error| error.to_string())?;
    }
    if !unit.is_empty() {
        let unit = CString::new(unit).map_err(|error| error.to_string())?;
        // SAFETY: band handle and string outlive the call.
        unsafe { gdal_sys::GDALSetRasterUnitType(band.c_rasterband(), unit.as_ptr()) };
    }
    Ok(())
}

pub(crate) fn set_statistics(
    dataset: &Dataset,
    band: usize,
    [low, high, mean, std]: [f64; 4],
) -> Result<(), String> {
    let band = dataset
        .rasterband(band + 1)
        .map_err(|error| error.to_string())?;
    // SAFETY: the band handle outlives the call.
    unsafe { gdal_sys::GDALSetRasterStatistics(band.c_rasterband(), low, high, mean, std) };
    Ok(())
}

/// Reports a share of the work done (0 to 1); false stops it.
pub(crate) type Progress<'a> = &'a mut dyn FnMut(f64) -> bool;

/// Hands GDAL's progress on to a [`Progress`], whose address is `target`.
pub(crate) unsafe extern "C" fn report(
    done: f64,
    _text: *const c_char,
    target: *mut c_void,
) -> c_int {
    // SAFETY: callers pass the address of their own `Progress`, alive during the call.
    let report = unsafe { target.cast::<Progress>().as_mut() };
    c_int::from(report.is_none_or(|report| report(done)))
}

/// Copies a filled GeoTIFF into a cloud-optimised one; flushed and closed on return.
pub(crate) fn copy(
    from: &Dataset,
    path: &Path,
    options: &[&str],
    mut progress: Progress,
) -> Result<(), String> {
    let driver = DriverManager::get_driver_by_name("COG").map_err(|error| error.to_string())?;
    let options: RasterCreationOptions = RasterCreationOptions::from_iter(options.iter().copied());
    let name = c_path(path)?;
    let address: *mut Progress = &mut progress;
    // SAFETY: all pointers outlive the call; the new handle is closed at once, which writes what is still cached.
    unsafe {
        let handle = gdal_sys::GDALCreateCopy(
            driver.c_driver(),
            name.as_ptr(),
            from.c_dataset(),
            0,
            options.as_ptr(),
            Some(report),
            address.cast(),
        );
        if handle.is_null() {
            return Err("GDAL could not write the map".to_owned());
        }
        gdal_sys::GDALClose(handle);
    }
    std::fs::File::options()
        .write(true)
        .open(path)
        .and_then(|file| file.sync_all())
        .map_err(|error| error.to_string())
}

/// Whether a driver lists `value` among its creation options, e.g. a compression that is not always built in.
pub(crate) fn cog_offers(value: &str) -> bool {
    DriverManager::get_driver_by_name("COG").is_ok_and(|driver| {
        driver
            .metadata_item("DMD_CREATIONOPTIONLIST", "")
            .is_some_and(|list| list.contains(&format!("<Value>{value}</Value>")))
    })
}

/// Category names (from value 0) and attribute table of band 1, into the side-car of a finished file.
/// `counts[v]` is the number of pixels of value `v`.
pub(crate) fn name_categories(
    path: &Path,
    classes: &[Class],
    counts: &[u64; 256],
) -> Result<(), String> {
    let dataset = Dataset::open(path).map_err(|error| error.to_string())?;
    let band = dataset.rasterband(1).map_err(|error| error.to_string())?;
    let highest = classes.iter().map(|class| class.id).max().unwrap_or(0);
    let mut names = RasterCreationOptions::new();
    for value in 0..=highest {
        let name = match classes.iter().find(|class| class.id == value) {
            Some(class) => class.name.as_str(),
            None if value == 0 => "unclassified",
            None => "",
        };
        names.add_string(name).map_err(|error| error.to_string())?;
    }
    let columns = [
        (
            c"Value",
            GDALRATFieldType::GFT_Integer,
            GDALRATFieldUsage::GFU_MinMax,
        ),
        (
            c"Count",
            GDALRATFieldType::GFT_Real,
            GDALRATFieldUsage::GFU_PixelCount,
        ),
        (
            c"ClassName",
            GDALRATFieldType::GFT_String,
            GDALRATFieldUsage::GFU_Name,
        ),
        (
            c"Red",
            GDALRATFieldType::GFT_Integer,
            GDALRATFieldUsage::GFU_Red,
        ),
        (
            c"Green",
            GDALRATFieldType::GFT_Integer,
            GDALRATFieldUsage::GFU_Green,
        ),
        (
            c"Blue",
            GDALRATFieldType::GFT_Integer,
            GDALRATFieldUsage::GFU_Blue,
        ),
    ];
    // SAFETY: the table is ours until destroyed below; GDAL copies names, table and strings.
    unsafe {
        gdal_sys::GDALSetRasterCategoryNames(band.c_rasterband(), names.as_ptr());
        let table = gdal_sys::GDALCreateRasterAttributeTable();
        gdal_sys::GDALRATSetTableType(table, GDALRATTableType::GRTT_THEMATIC);
        for (name, kind, usage) in columns {
            gdal_sys::GDALRATCreateColumn(table, name.as_ptr(), kind, usage);
        }
        gdal_sys::GDALRATSetRowCount(table, classes.len() as c_int);
        for (row, class) in classes.iter().enumerate() {
            let row = row as c_int;
            gdal_sys::GDALRATSetValueAsInt(table, row, 0, c_int::from(class.id));
            gdal_sys::GDALRATSetValueAsDouble(table, row, 1, counts[usize::from(class.id)] as f64);
            if let Ok(name) = CString::new(class.name.as_str()) {
                gdal_sys::GDALRATSetValueAsString(table, row, 2, name.as_ptr());
            }
            for (offset, value) in class.color.iter().enumerate() {
                gdal_sys::GDALRATSetValueAsInt(
                    table,
                    row,
                    3 + offset as c_int,
                    c_int::from(*value),
                );
            }
        }
        gdal_sys::GDALSetDefaultRAT(band.c_rasterband(), table);
        gdal_sys::GDALDestroyRasterAttributeTable(table);
    }
    Ok(())
}

fn c_path(path: &Path) -> Result<CString, String> {
    let text = path
        .to_str()
        .ok_or("the path is not valid Unicode; choose another name")?;
    CString::new(text).map_err(|error| error.to_string())
}
