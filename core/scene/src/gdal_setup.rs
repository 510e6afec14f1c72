//! GDAL and PROJ as this process uses them: set up once, silent, bounded, off the network.
//! Knows no rasters; everything that calls GDAL goes through [`gdal_setup`] first.

#![expect(unsafe_code, reason = "GDAL's settings and messages go through C")]

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char, c_int};
use std::sync::Once;

use crate::gdal_network::leave_network;

/// Messages kept per thread between two calls of [`take_gdal_messages`].
const KEPT_MESSAGES: usize = 8;
/// GDAL's block cache, shared by all threads: a few blocks for each of them. What is looked at again is kept as tiles.
const CACHE_MIB: usize = 96;

thread_local! {
    static MESSAGES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Sets GDAL and PROJ up; later calls do nothing. A setting already given by the user's environment stays.
///
/// GDAL never prints: its words are collected per thread and fetched with [`take_gdal_messages`].
/// Servers, databases and remote files (`/vsicurl/`, `/vsis3/`, ...) are out of reach, except addresses the user asked for
/// (`remote.rs`), unless `TERROIR_NETWORK=1` is set.
pub fn gdal_setup() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        give_memory_back();
        // SAFETY: the handler is a plain function that lives as long as the process and never unwinds.
        unsafe { gdal_sys::CPLSetErrorHandler(Some(collect_message)) };
        let cache = CACHE_MIB.to_string();
        set_default("GDAL_CACHEMAX", &cache);
        // Parallelism comes from our own reader threads and from creation options where a file is written;
        // GDAL's own decoding threads on top of them would only multiply.
        set_default("GDAL_NUM_THREADS", "1");
        // Side-cars (.aux.xml, .ovr, .msk, .hdr) are part of a raster.
        set_default("GDAL_DISABLE_READDIR_ON_OPEN", "FALSE");
        // A server that is slow or silent costs seconds, not a window; what it sent is kept in a bounded cache.
        for (key, value) in [
            ("GDAL_HTTP_CONNECTTIMEOUT", "10"),
            ("GDAL_HTTP_TIMEOUT", "30"),
            ("GDAL_HTTP_LOW_SPEED_TIME", "10"),
            ("GDAL_HTTP_LOW_SPEED_LIMIT", "1"),
            ("GDAL_HTTP_MAX_RETRY", "2"),
            ("GDAL_HTTP_RETRY_DELAY", "0.5"),
            ("CPL_VSIL_CURL_CACHE_SIZE", "67108864"),
        ] {
            set_default(key, value);
        }
        // Opening writes nothing: tiles of another raster that a file names are not kept beside it.
        set_always("MRF_BYPASSCACHING", "TRUE");
        // No file runs code: pixel functions in Python are refused, and a band that reads the bytes of any file as pixels
        // reads none outside the folder of its description.
        set_always("GDAL_VRT_ENABLE_PYTHON", "NO");
        set_always(
            "GDAL_VRT_RAWRASTERBAND_ALLOWED_SOURCE",
            "SIBLING_OR_CHILD_OF_VRT_PATH",
        );
        if std::env::var_os("TERROIR_NETWORK").is_none_or(|v| v != "1") {
            leave_network();
        }
    });
}

/// Blocks and tiles are large and short-lived. The C library would keep what they leave for later ones of each thread, which
/// doubles what browsing takes; with a fixed threshold they go back to the system at once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn give_memory_back() {
    unsafe extern "C" {
        safe fn mallopt(parameter: c_int, value: c_int) -> c_int;
    }
    const M_MMAP_THRESHOLD: c_int = -3;
    mallopt(M_MMAP_THRESHOLD, 256 << 10);
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_memory_back() {}

/// What GDAL said on this thread since the last call, newest last; `None` if nothing.
pub fn take_gdal_messages() -> Option<String> {
    let messages = MESSAGES.with_borrow_mut(std::mem::take);
    if messages.is_empty() {
        None
    } else {
        Some(messages.join("\n"))
    }
}

/// Whether GDAL says that it got no memory.
pub(crate) fn lacks_memory(words: &str) -> bool {
    let lower = words.to_lowercase();
    [
        "cannot allocate",
        "out of memory",
        "not enough memory",
        "memory allocation",
        // Of libtiff: "No space for data buffer at scanline …".
        "no space for",
    ]
    .iter()
    .any(|sign| lower.contains(sign))
}

/// What to do about it.
pub(crate) const MEMORY_ADVICE: &str = "there is not enough memory for it; close other programs and run it again, or choose a smaller area";

/// Room that GDAL's threads and what they pass around may want, bytes each.
const ROOM_OF_A_THREAD: usize = 128 << 20;

/// How many threads GDAL may write with, as its options name them. Without memory for its threads GDAL waits for them for
/// ever, so that with little of it one has to do.
pub(crate) fn writing_threads() -> &'static str {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if has_room(threads.saturating_mul(ROOM_OF_A_THREAD)) {
        "ALL_CPUS"
    } else {
        "1"
    }
}

/// Whether so many bytes can be had at this moment; they are given back at once.
fn has_room(bytes: usize) -> bool {
    Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
}

unsafe extern "C" fn collect_message(
    class: gdal_sys::CPLErr::Type,
    _number: i32,
    text: *const c_char,
) {
    if class < gdal_sys::CPLErr::CE_Warning || text.is_null() {
        return;
    }
    // SAFETY: GDAL hands a NUL-terminated string that outlives the call.
    let text = unsafe { CStr::from_ptr(text) }.to_string_lossy();
    // A thread that is ending, or a nested call, must not panic through C code.
    MESSAGES
        .try_with(|messages| {
            if let Ok(mut messages) = messages.try_borrow_mut() {
                if messages.len() == KEPT_MESSAGES {
                    messages.remove(0);
                }
                if messages.last().is_none_or(|last| *last != text) {
                    messages.push(text.into_owned());
                }
            }
        })
        .ok();
}

pub(crate) fn set_default(key: &str, value: &str) {
    let given = CString::new(key).is_ok_and(|key| {
        // SAFETY: NUL-terminated key, null default.
        unsafe { !gdal_sys::CPLGetConfigOption(key.as_ptr(), std::ptr::null()).is_null() }
    });
    if !given {
        set_always(key, value);
    }
}

pub(crate) fn set_always(key: &str, value: &str) {
    if let (Ok(key), Ok(value)) = (CString::new(key), CString::new(value)) {
        // SAFETY: both strings are NUL-terminated and copied by GDAL.
        unsafe { gdal_sys::CPLSetConfigOption(key.as_ptr(), value.as_ptr()) };
    }
}

/// Copies a C string GDAL owns; empty for null, replacement characters for bytes that are not UTF-8.
///
/// # Safety
/// `text` is null or points to a NUL-terminated string that stays valid during the call.
pub(crate) unsafe fn owned_text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: see above.
    unsafe { CStr::from_ptr(text) }
        .to_string_lossy()
        .into_owned()
}

/// Copies a null-terminated list of C strings that GDAL owns.
///
/// # Safety
/// `list` is null or a valid GDAL string list that stays valid during the call.
pub(crate) unsafe fn owned_list(list: *const *mut c_char) -> Vec<String> {
    let mut out = Vec::new();
    if list.is_null() {
        return out;
    }
    let mut at = list;
    // SAFETY: the list ends with a null pointer.
    unsafe {
        while !(*at).is_null() {
            out.push(owned_text(*at));
            at = at.add(1);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_collected_and_bounded() {
        gdal_setup();
        take_gdal_messages();
        for index in 0..20 {
            let text = CString::new(format!("message {index}")).expect("no NUL");
            // SAFETY: a valid string.
            unsafe { collect_message(gdal_sys::CPLErr::CE_Failure, 1, text.as_ptr()) };
        }
        let text = take_gdal_messages().expect("messages");
        assert_eq!(text.lines().count(), KEPT_MESSAGES);
        assert!(text.ends_with("message 19"));
        assert_eq!(take_gdal_messages(), None);
    }

    #[test]
    fn memory_that_runs_out_is_told_from_damage() {
        for words in [
            "./gcore/gdalrasterblock.cpp, 1108: cannot allocate 262144 bytes",
            "field.tif, band 1: IReadBlock failed: ./frmts/gtiff/geotiff.cpp, 11548: cannot allocate 1x16777216 bytes",
            "VSIMalloc3(): Out of memory allocating 3 bytes",
        ] {
            assert!(lacks_memory(words), "{words}");
        }
        assert!(!lacks_memory("ZIPDecode: Decoding error at scanline 0"));
    }

    #[test]
    fn one_thread_writes_where_others_find_no_room() {
        assert!(has_room(1 << 20));
        assert!(!has_room(usize::MAX / 4));
        assert!(["1", "ALL_CPUS"].contains(&writing_threads()));
    }
}
