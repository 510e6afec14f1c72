//! GDAL kept off the network whatever a file says: drivers that talk to servers are taken out, documents that a format
//! refers to are not fetched, virtual file systems have no address. What a user opens by its address is let through by
//! `remote.rs`. Knows no files.

#![expect(unsafe_code, reason = "GDAL's refusal of fetches is a C callback")]

use std::ffi::{CStr, CString, c_char, c_int, c_void};

use gdal::DriverManager;

use crate::gdal_setup::{set_always, set_default};

/// Drivers that connect to a server or a database named by a file or a name, and those whose XML reader fetches what a
/// document type declaration names. Some are not part of every GDAL.
const CONNECTING_DRIVERS: [&str; 39] = [
    "AmigoCloud",
    "Carto",
    "Cloudant",
    "CouchDB",
    "CSW",
    "DAAS",
    "DODS",
    "EEDA",
    "EEDAI",
    "Elasticsearch",
    "GeoRaster",
    "GFT",
    "GMLAS",
    "HANA",
    "HTTP",
    "Interlis 2",
    "JPIPKAK",
    "MongoDBv3",
    "MSSQLSpatial",
    "MySQL",
    "NAS",
    "NGW",
    "OAPIF",
    "OCI",
    "ODBC",
    "OGCAPI",
    "OGR_OGDI",
    "PLMOSAIC",
    "PLSCENES",
    "PostGISRaster",
    "PostgreSQL",
    "RASDAMAN",
    "STACTA",
    "TileDB",
    "WALK",
    "WCS",
    "WFS",
    "WMS",
    "WMTS",
];

/// File systems of GDAL that read from servers without asking which addresses are allowed.
const CONNECTING_SYSTEMS: [&CStr; 8] = [
    c"/vsicurl_streaming/",
    c"/vsis3_streaming/",
    c"/vsigs_streaming/",
    c"/vsiaz_streaming/",
    c"/vsioss_streaming/",
    c"/vsiswift_streaming/",
    c"/vsihdfs/",
    c"/vsiwebhdfs/",
];

/// Takes the network away from GDAL and PROJ in this process. Call once, before anything is opened.
pub(crate) fn leave_network() {
    // No URL has this name, so every remote read fails at once.
    set_always("CPL_VSIL_CURL_ALLOWED_FILENAME", "network-is-off");
    set_default("GML_DOWNLOAD_SCHEMA", "NO");
    // SAFETY: a process-wide switch without preconditions.
    unsafe { gdal_sys::OSRSetPROJEnableNetwork(0) };
    CPLHTTPSetFetchCallback(Some(refuse_fetch), std::ptr::null_mut());
    close_connecting_systems();
    for name in CONNECTING_DRIVERS {
        if let Ok(driver) = DriverManager::get_driver_by_name(name) {
            DriverManager::deregister_driver(&driver);
        }
    }
}

/// Puts file systems in their place that hold nothing.
fn close_connecting_systems() {
    // SAFETY: GDAL copies the callbacks and the prefixes; every callback but `open` may be missing.
    unsafe {
        let callbacks = gdal_sys::VSIAllocFilesystemPluginCallbacksStruct();
        if let Some(callbacks) = callbacks.as_mut() {
            callbacks.open = Some(open_nothing);
            for prefix in CONNECTING_SYSTEMS {
                gdal_sys::VSIInstallPluginHandler(prefix.as_ptr(), callbacks);
            }
        }
        gdal_sys::VSIFreeFilesystemPluginCallbacksStruct(callbacks);
    }
}

unsafe extern "C" fn open_nothing(
    _data: *mut c_void,
    _name: *const c_char,
    _access: *const c_char,
) -> *mut c_void {
    std::ptr::null_mut()
}

/// GDAL's `CPLHTTPResult`.
#[repr(C)]
struct FetchResult {
    /// 0 = success.
    status: c_int,
    content_type: *mut c_char,
    error: *mut c_char,
    data_length: c_int,
    data_allocated: c_int,
    data: *mut u8,
    headers: *mut *mut c_char,
    parts: c_int,
    part: *mut c_void,
}

type FetchCallback = unsafe extern "C" fn(
    url: *const c_char,
    options: *const *const c_char,
    progress: *mut c_void,
    progress_data: *mut c_void,
    write: *mut c_void,
    write_data: *mut c_void,
    data: *mut c_void,
) -> *mut FetchResult;

unsafe extern "C" {
    /// Who answers when GDAL wants a document from a server (`cpl_http.h`; not part of the bindings).
    safe fn CPLHTTPSetFetchCallback(callback: Option<FetchCallback>, data: *mut c_void);
}

unsafe extern "C" fn refuse_fetch(
    _url: *const c_char,
    _options: *const *const c_char,
    _progress: *mut c_void,
    _progress_data: *mut c_void,
    _write: *mut c_void,
    _write_data: *mut c_void,
    _data: *mut c_void,
) -> *mut FetchResult {
    let words = CString::from(c"the network is off: nobody asked for this address");
    // SAFETY: memory of GDAL's own allocator, zeroed, so that its caller may free it; the text is copied.
    unsafe {
        let result: *mut FetchResult = gdal_sys::VSICalloc(1, size_of::<FetchResult>()).cast();
        if let Some(result) = result.as_mut() {
            result.status = 1;
            result.error = gdal_sys::VSIStrdup(words.as_ptr());
        }
        result
    }
}
