//! Rasters on the network: which addresses the user asked for, and GDAL let through to exactly those while one is opened.
//! Opens no connection of its own. Knows no pixels.

#![expect(unsafe_code, reason = "GDAL's settings of one thread go through C")]

use std::collections::BTreeSet;
use std::ffi::{CStr, CString};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::gdal_setup::gdal_setup;
use crate::{SceneError, SceneResult};

/// Addresses the user opened in this process, as GDAL names them.
static ALLOWED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// What GDAL calls the raster at an address: `https://host/a.tif` is `/vsicurl/https://host/a.tif`; `s3://bucket/a.tif`
/// and `gs://bucket/a.tif` are the same objects' public web addresses. Remote names stay as they are; `None` for what
/// lies on the disk.
pub fn remote_path(text: &str) -> Option<PathBuf> {
    let text = text.trim();
    if is_remote(Path::new(text)) {
        if text.starts_with("/vsi") {
            return Some(PathBuf::from(text));
        }
        let (scheme, rest) = text.split_once("://")?;
        let address = match (scheme.to_lowercase().as_str(), rest.split_once('/')) {
            ("s3", Some((bucket, key))) => format!("https://{bucket}.s3.amazonaws.com/{key}"),
            ("gs", Some((bucket, key))) => {
                format!("https://storage.googleapis.com/{bucket}/{key}")
            }
            ("http" | "https" | "ftp", _) => text.to_owned(),
            _ => return None,
        };
        return Some(PathBuf::from(format!("/vsicurl/{address}")));
    }
    None
}

/// Whether a path or name lies on the network.
pub fn is_remote(path: &Path) -> bool {
    const SYSTEMS: [&str; 7] = [
        "/vsicurl",
        "/vsis3",
        "/vsigs",
        "/vsiaz",
        "/vsiadls",
        "/vsioss",
        "/vsiswift",
    ];
    const SCHEMES: [&str; 5] = ["http://", "https://", "ftp://", "s3://", "gs://"];
    let text = path.to_string_lossy();
    let lower = text.get(..12.min(text.len())).map(str::to_lowercase);
    SYSTEMS.iter().any(|system| text.contains(system))
        || SCHEMES
            .iter()
            .any(|scheme| lower.as_deref().is_some_and(|l| l.starts_with(scheme)))
}

/// The address as people write it, without GDAL's prefix.
pub fn address_of(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.strip_prefix("/vsicurl/").unwrap_or(&text).to_owned()
}

/// The user asked for this address: it may be read until the process ends. What was found out about it before, such as
/// that it was not there, is forgotten.
pub fn allow_address(path: &Path) {
    gdal_setup();
    let Some(name) = remote_path(&path.to_string_lossy()) else {
        return;
    };
    let name = name.to_string_lossy().into_owned();
    if let Ok(text) = CString::new(name.as_str()) {
        // SAFETY: a NUL-terminated name.
        unsafe { gdal_sys::VSICurlPartialClearCache(text.as_ptr()) };
    }
    ALLOWED
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(name);
}

/// Whether the address was asked for, or the whole network is on (`TERROIR_NETWORK=1`).
pub fn is_allowed(path: &Path) -> bool {
    let is_on = std::env::var_os("TERROIR_NETWORK").is_some_and(|value| value == "1");
    is_on
        || remote_path(&path.to_string_lossy()).is_some_and(|name| {
            ALLOWED
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .contains(name.to_string_lossy().as_ref())
        })
}

/// While it lives, GDAL on this thread may open exactly one address, and nothing beside it.
pub(crate) struct Passage {
    before: Vec<(&'static CStr, Option<CString>)>,
}

/// # Errors
/// The address was not asked for.
pub(crate) fn passage(name: &Path) -> SceneResult<Passage> {
    if !is_allowed(name) {
        return Err(SceneError::file(
            name,
            "this raster is on the network and was not connected; connect the layer, or open the address yourself",
        ));
    }
    let text = CString::new(name.to_string_lossy().as_bytes())
        .map_err(|_| SceneError::file(name, "an address cannot hold a zero byte"))?;
    let options: [(&CStr, &CStr); 2] = [
        (c"CPL_VSIL_CURL_ALLOWED_FILENAME", &text),
        // Side-cars are other addresses, which nobody asked for.
        (c"GDAL_DISABLE_READDIR_ON_OPEN", c"EMPTY_DIR"),
    ];
    let before = options
        .iter()
        .map(|(key, value)| {
            // SAFETY: NUL-terminated texts; the value before is copied at once.
            unsafe {
                let old = gdal_sys::CPLGetThreadLocalConfigOption(key.as_ptr(), std::ptr::null());
                let old = (!old.is_null()).then(|| CStr::from_ptr(old).to_owned());
                gdal_sys::CPLSetThreadLocalConfigOption(key.as_ptr(), value.as_ptr());
                (*key, old)
            }
        })
        .collect();
    Ok(Passage { before })
}

impl Drop for Passage {
    fn drop(&mut self) {
        for (key, value) in &self.before {
            let value = value.as_ref().map_or(std::ptr::null(), |v| v.as_ptr());
            // SAFETY: NUL-terminated texts; null takes the thread's own value away.
            unsafe { gdal_sys::CPLSetThreadLocalConfigOption(key.as_ptr(), value) };
        }
    }
}

/// Why a raster at an address could not be opened or read, from GDAL's words.
pub(crate) fn failure(words: &str) -> String {
    let lower = words.to_lowercase();
    let code = lower
        .split("http response code:")
        .nth(1)
        .or_else(|| lower.split("http error code :").nth(1))
        .and_then(|rest| {
            let digits: String = rest
                .trim_start()
                .chars()
                .take_while(char::is_ascii_digit)
                .collect();
            digits.parse::<u32>().ok()
        });
    match code {
        Some(404 | 410) => {
            "the server has no file at this address; check the spelling of the address".into()
        }
        Some(401 | 403) => {
            "the server does not give this file to everyone; download it with your account and open the copy".into()
        }
        Some(code @ 500..) => {
            format!("the server reports a failure of its own ({code}); try again later")
        }
        Some(416) => "the server's file is shorter than it says; try again later, or download it".into(),
        _ if lower.contains("timed out") || lower.contains("timeout") => {
            "the server did not answer in time; check the connection and try again".into()
        }
        _ if lower.contains("could not resolve") => {
            "there is no server of that name; check the address and the connection".into()
        }
        _ if lower.contains("connect") => {
            "the server cannot be reached; check the address and the connection".into()
        }
        _ if lower.contains("not recognized") => {
            "what the server sends is no raster that GDAL knows; check that the address is of a raster file".into()
        }
        _ => "the server did not send what was asked for; check the connection, then try again, or download the file".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_names_and_paths_stay_paths() {
        for (text, name) in [
            ("https://a.org/b.tif", Some("/vsicurl/https://a.org/b.tif")),
            (" HTTP://a.org/b.tif ", Some("/vsicurl/HTTP://a.org/b.tif")),
            (
                "s3://bucket/k/b.tif",
                Some("/vsicurl/https://bucket.s3.amazonaws.com/k/b.tif"),
            ),
            (
                "gs://bucket/b.tif",
                Some("/vsicurl/https://storage.googleapis.com/bucket/b.tif"),
            ),
            (
                "/vsicurl/https://a.org/b.tif",
                Some("/vsicurl/https://a.org/b.tif"),
            ),
            ("/data/b.tif", None),
            ("C:\\b.tif", None),
            ("https", None),
        ] {
            assert_eq!(remote_path(text), name.map(PathBuf::from), "{text}");
        }
        assert_eq!(
            address_of(Path::new("/vsicurl/https://a.org/b.tif")),
            "https://a.org/b.tif"
        );
        assert!(is_remote(Path::new(
            "/vsizip//vsicurl/https://a.org/b.zip/c.tif"
        )));
    }

    #[test]
    fn only_what_was_asked_for_is_allowed() {
        let asked = Path::new("https://asked.example/a.tif");
        assert!(!is_allowed(asked));
        allow_address(asked);
        assert!(is_allowed(asked));
        assert!(is_allowed(Path::new(
            "/vsicurl/https://asked.example/a.tif"
        )));
        assert!(!is_allowed(Path::new("https://asked.example/b.tif")));
        assert!(passage(Path::new("/vsicurl/https://asked.example/b.tif")).is_err());
    }
}
