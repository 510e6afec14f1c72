//! The coordinate systems PROJ's database knows, for choosing one by code, name or place.
//! Knows GDAL's spatial reference. Knows nothing of rasters or windows.

#![expect(
    unsafe_code,
    reason = "PROJ's list of reference systems has no safe form"
)]

use std::ffi::c_int;
use std::ptr;

use crate::gdal_setup::{gdal_setup, owned_text, take_gdal_messages};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrsKind {
    /// Longitude and latitude.
    Geographic,
    /// Metres (or feet) on a plane.
    Projected,
}

/// A box in degrees; `west > east` crosses the antimeridian.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LonLatBox {
    pub west: f64,
    pub south: f64,
    pub east: f64,
    pub north: f64,
}

impl LonLatBox {
    pub fn holds(&self, lon: f64, lat: f64) -> bool {
        let lon = lon - 360.0 * ((lon + 180.0) / 360.0).floor();
        let is_between = if self.west <= self.east {
            (self.west..=self.east).contains(&lon)
        } else {
            lon >= self.west || lon <= self.east
        };
        is_between && (self.south..=self.north).contains(&lat)
    }
}

/// One system of the EPSG register.
#[derive(Clone, Debug, PartialEq)]
pub struct CrsEntry {
    pub epsg: u32,
    pub name: String,
    pub kind: CrsKind,
    pub area_name: String,
    pub area: Option<LonLatBox>,
    /// e.g. `Transverse Mercator`; empty for geographic systems.
    pub method: String,
    /// `code name area` in lower case.
    search: String,
}

impl CrsEntry {
    /// Whether every word of `words` (lower case) stands in code, name or area; a number is looked for as a code first.
    pub fn matches(&self, words: &[&str]) -> bool {
        words.iter().all(|word| {
            self.search
                .contains(word.strip_prefix("epsg:").unwrap_or(word))
        })
    }
}

/// Every geographic and projected system of the register that is not deprecated, by code. Takes a while: some thousands
/// of entries are read from PROJ's database.
pub fn crs_catalogue_blocking() -> Vec<CrsEntry> {
    gdal_setup();
    let mut count: c_int = 0;
    // SAFETY: GDAL fills `count` pointers to entries that live until the list is destroyed below.
    let mut entries: Vec<CrsEntry> = unsafe {
        let list =
            gdal_sys::OSRGetCRSInfoListFromDatabase(c"EPSG".as_ptr(), ptr::null(), &mut count);
        if list.is_null() {
            take_gdal_messages();
            return Vec::new();
        }
        let found = std::slice::from_raw_parts(list, usize::try_from(count).unwrap_or(0))
            .iter()
            .filter_map(|entry| entry.as_ref())
            .filter_map(|entry| entry_of(entry))
            .collect();
        gdal_sys::OSRDestroyCRSInfoList(list);
        found
    };
    take_gdal_messages();
    entries.sort_by_key(|entry| entry.epsg);
    entries
}

/// # Safety
/// The texts of `info` are null or NUL-terminated.
unsafe fn entry_of(info: &gdal_sys::OSRCRSInfo) -> Option<CrsEntry> {
    let kind = match info.eType {
        gdal_sys::OSRCRSType::OSR_CRS_TYPE_GEOGRAPHIC_2D => CrsKind::Geographic,
        gdal_sys::OSRCRSType::OSR_CRS_TYPE_PROJECTED => CrsKind::Projected,
        _ => return None,
    };
    if info.bDeprecated != 0 {
        return None;
    }
    // SAFETY: see above; every text is copied.
    let (code, name, area_name, method) = unsafe {
        (
            owned_text(info.pszCode),
            owned_text(info.pszName),
            owned_text(info.pszAreaName),
            owned_text(info.pszProjectionMethod),
        )
    };
    let area = (info.bBboxValid != 0).then_some(LonLatBox {
        west: info.dfWestLongitudeDeg,
        south: info.dfSouthLatitudeDeg,
        east: info.dfEastLongitudeDeg,
        north: info.dfNorthLatitudeDeg,
    });
    Some(CrsEntry {
        epsg: code.parse().ok()?,
        search: format!("{code} {name} {area_name}").to_lowercase(),
        name,
        kind,
        area_name,
        area,
        method,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_register_is_found_by_code_name_and_place() {
        let all = crs_catalogue_blocking();
        assert!(all.len() > 4000, "{}", all.len());
        let found = |text: &str| -> Vec<u32> {
            let text = text.to_lowercase();
            let words: Vec<&str> = text.split_whitespace().collect();
            all.iter()
                .filter(|entry| entry.matches(&words))
                .map(|entry| entry.epsg)
                .collect()
        };
        assert!(found("WGS 84 / UTM zone 29N").contains(&32629));
        assert!(found("epsg:3035").contains(&3035) && found("portugal tm06").contains(&3763));
        let utm = all.iter().find(|entry| entry.epsg == 32660).expect("known");
        assert_eq!(
            (utm.kind, utm.method.as_str()),
            (CrsKind::Projected, "Transverse Mercator")
        );
        let area = utm.area.expect("a box");
        assert!(area.holds(177.0, 50.0) && area.holds(-183.0, 50.0) && !area.holds(-177.0, 50.0));
    }

    #[test]
    fn boxes_cross_the_antimeridian() {
        let fiji = LonLatBox {
            west: 176.8,
            south: -20.8,
            east: -178.1,
            north: -12.4,
        };
        assert!(fiji.holds(179.0, -17.0) && fiji.holds(-179.0, -17.0) && fiji.holds(181.0, -17.0));
        assert!(!fiji.holds(0.0, -17.0));
    }
}
