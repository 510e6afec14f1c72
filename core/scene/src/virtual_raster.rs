//! Virtual rasters: bands picked out of one or several files, given to GDAL as the text of a VRT instead of a path.
//! So one date of a stack is read, measured and given to jobs like a file of its own. Nothing is written.

use std::path::Path;

use quick_xml::escape::escape;

use crate::{BandInfo, BandWavelength, RasterInfo, SampleType};

/// One band to pick: the file it is in and its number there, from 0.
pub(crate) struct PickedBand<'a> {
    pub info: &'a RasterInfo,
    pub band: usize,
    /// The name it has in the virtual raster.
    pub name: String,
    /// Used where the band has none of its own.
    pub wavelength: Option<BandWavelength>,
}

/// A raster of the picked bands on the grid of the first; `None` without bands, or for complex ones, which GDAL's virtual
/// rasters cannot carry. `date` is `YYYY-MM-DD`.
pub(crate) fn virtual_raster(picked: &[PickedBand<'_>], date: Option<&str>) -> Option<RasterInfo> {
    let first = picked.first()?;
    let grid = &first.info.grid;
    let mut bands = Vec::with_capacity(picked.len());
    let mut text = format!(
        "<VRTDataset rasterXSize=\"{}\" rasterYSize=\"{}\">",
        grid.width, grid.height
    );
    if let Some(crs) = grid.crs() {
        text += &format!("<SRS>{}</SRS>", escape(crs.wkt.as_str()));
    }
    if let Some(transform) = grid.georef.transform {
        let terms: Vec<String> = transform.0.iter().map(|term| format!("{term:e}")).collect();
        text += &format!("<GeoTransform>{}</GeoTransform>", terms.join(","));
    }
    if let Some(date) = date {
        text += &format!("<Metadata>{}</Metadata>", item("ACQUISITION_DATE", date));
    }
    for (index, pick) in picked.iter().enumerate() {
        let source = pick.info.bands.get(pick.band)?;
        let band = BandInfo {
            index,
            name: pick.name.clone(),
            overviews: Vec::new(),
            wavelength: source.wavelength.or(pick.wavelength),
            ..source.clone()
        };
        text += &band_text(pick, source, &band)?;
        bands.push(band);
    }
    text += "</VRTDataset>";
    Some(RasterInfo {
        path: text.into(),
        driver: "VRT".to_owned(),
        grid: grid.clone(),
        bands,
        metadata: Vec::new(),
        compression: first.info.compression.clone(),
        is_interleaved: false,
        size_bytes: first.info.size_bytes,
        date: date.map(str::to_owned),
        sensor: first.info.sensor.clone(),
        unit_vectors: None,
    })
}

fn band_text(pick: &PickedBand<'_>, source: &BandInfo, band: &BandInfo) -> Option<String> {
    let (width, height) = (pick.info.grid.width, pick.info.grid.height);
    let mut text = format!(
        "<VRTRasterBand dataType=\"{}\" band=\"{}\"><Description>{}</Description>",
        type_name(band.sample_type)?,
        band.index + 1,
        escape(band.name.as_str())
    );
    if band.sample_type == SampleType::Int8 && !crate::cog::has_int8() {
        text += &format!(
            "<Metadata domain=\"IMAGE_STRUCTURE\">{}</Metadata>",
            item("PIXELTYPE", "SIGNEDBYTE")
        );
    }
    if let Some(nodata) = band.nodata {
        text += &format!("<NoDataValue>{nodata:e}</NoDataValue>");
    }
    if !band.unit.is_empty() {
        text += &format!("<UnitType>{}</UnitType>", escape(band.unit.as_str()));
    }
    text += &format!(
        "<Offset>{:e}</Offset><Scale>{:e}</Scale>",
        band.offset, band.scale
    );
    // Wavelengths ride along, so that jobs pick the same bands as the window.
    if let Some(wavelength) = band.wavelength {
        let fwhm = wavelength
            .fwhm_nm
            .map(|fwhm| item("fwhm", &fwhm.to_string()))
            .unwrap_or_default();
        text += &format!(
            "<Metadata>{}{}{fwhm}</Metadata>",
            item("wavelength", &wavelength.center.nm().to_string()),
            item("wavelength_units", "Nanometers")
        );
    }
    let window = format!("xOff=\"0\" yOff=\"0\" xSize=\"{width}\" ySize=\"{height}\"");
    text += &format!(
        "<SimpleSource><SourceFilename relativeToVRT=\"0\" shared=\"0\">{}</SourceFilename>\
         <SourceBand>{}</SourceBand><SrcRect {window}/><DstRect {window}/></SimpleSource></VRTRasterBand>",
        escape(pick.info.path.to_string_lossy().as_ref()),
        source.index + 1
    );
    Some(text)
}

fn item(key: &str, value: &str) -> String {
    format!("<MDI key=\"{key}\">{}</MDI>", escape(value))
}

fn type_name(sample_type: SampleType) -> Option<&'static str> {
    Some(match sample_type {
        SampleType::UInt8 => "Byte",
        SampleType::UInt16 => "UInt16",
        SampleType::Int16 => "Int16",
        SampleType::UInt32 => "UInt32",
        SampleType::Int32 => "Int32",
        SampleType::UInt64 => "UInt64",
        SampleType::Int64 => "Int64",
        SampleType::Float32 => "Float32",
        SampleType::Float64 => "Float64",
        SampleType::Int8 if crate::cog::has_int8() => "Int8",
        // Before GDAL 3.7 a byte with a note beside it.
        SampleType::Int8 => "Byte",
        SampleType::Complex => return None,
    })
}

/// A path as people read it: of a virtual raster the files inside it.
pub fn path_text(path: &Path) -> String {
    let text = path.to_string_lossy();
    if !text.trim_start().starts_with("<VRTDataset") {
        return text.into_owned();
    }
    let mut files: Vec<String> = text
        .split("<SourceFilename")
        .skip(1)
        .filter_map(|rest| rest.split_once('>')?.1.split_once('<'))
        .map(|(file, _)| {
            quick_xml::escape::unescape(file)
                .map_or_else(|_| file.to_owned(), std::borrow::Cow::into_owned)
        })
        .collect();
    files.dedup();
    files.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::made_raster::{Made, open, whole};
    use crate::{Resampling, Wavelength};

    #[test]
    fn bands_of_two_files_are_read_as_one_raster() {
        let folder = tempfile::tempdir().expect("folder");
        let write = |name: &str, add: i16| {
            let bands = (0..3_i16)
                .map(|band| (0..12).map(|pixel| 100 * band + pixel + add).collect())
                .collect();
            let mut made = Made::new((4, 3), bands);
            made.nodata = Some(205.0);
            made.transform = Some([500_000.1, 1.0 / 3.0, 0.0, 4_000_000.7, 0.0, -1.0 / 3.0]);
            open(&made.write(folder.path(), name)).info().clone()
        };
        let (mut a, b) = (write("a & b.tif", 0), write("c.tif", 1000));
        a.bands[2].wavelength = Some(crate::BandWavelength {
            center: Wavelength(664.6),
            fwhm_nm: Some(31.0),
            source: crate::WavelengthSource::Edited,
        });
        let pick = |info, band, name: &str| PickedBand {
            info,
            band,
            name: name.to_owned(),
            wavelength: None,
        };
        let made = virtual_raster(
            &[pick(&a, 2, "red <4>"), pick(&b, 0, "near")],
            Some("2021-06-03"),
        )
        .expect("a raster");
        let opened = open(&made.path);
        let info = opened.info();
        assert!(info.grid.same_as(&a.grid));
        assert_eq!(info.date.as_deref(), Some("2021-06-03"));
        assert_eq!(
            (info.bands[0].name.as_str(), info.bands[1].name.as_str()),
            ("red <4>", "near")
        );
        let wavelength = info.bands[0].wavelength.expect("a wavelength");
        assert_eq!(
            (wavelength.center.nm(), wavelength.fwhm_nm),
            (664.6, Some(31.0))
        );
        let block = opened
            .read_blocking(&[0, 1], whole(&opened), 4, 3, Resampling::Nearest)
            .expect("read");
        assert_eq!((block.values[0], block.values[12]), (200.0, 1000.0));
        assert!(!block.valid[5] && block.valid[4]);
        let text = path_text(&made.path);
        assert!(
            text.ends_with("c.tif") && text.contains("a & b.tif\n"),
            "{text}"
        );
        assert_eq!(path_text(Path::new("/a/b.tif")), "/a/b.tif");
    }
}
