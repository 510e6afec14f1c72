//! GDAL's complaints while a file is written: heard, sorted into failures and warnings, never printed.
//! Before GDAL 3.7 a failed flush or close tells nobody else.

#![expect(unsafe_code, reason = "messages of PROJ come through a C callback")]

use std::ffi::{CStr, c_char};

use gdal_sys::CPLErr;

use crate::gdal_setup;

/// What GDAL complained about on this thread since creation; nothing is printed meanwhile.
pub(crate) struct Complaints {
    // Boxed so that the address GDAL holds stays put.
    heard: Box<Heard>,
}

#[derive(Default)]
struct Heard {
    /// Whether it was a failure (else a warning), and the words.
    lines: Vec<(bool, String)>,
}

impl Complaints {
    pub(crate) fn listen() -> Self {
        gdal_setup();
        let mut heard = Box::new(Heard::default());
        let address: *mut Heard = &mut *heard;
        // SAFETY: the pointer lives until `drop`, which takes the handler away again on the same thread.
        unsafe {
            gdal_sys::CPLErrorReset();
            gdal_sys::CPLPushErrorHandlerEx(Some(hear), address.cast());
        }
        Self { heard }
    }

    /// Something failed (not merely a warning).
    pub(crate) fn has_failed(&self) -> bool {
        self.heard.lines.iter().any(|(is_failure, _)| *is_failure)
    }

    pub(crate) fn text(&self) -> String {
        let mut lines: Vec<&str> = self
            .heard
            .lines
            .iter()
            .map(|(_, text)| text.as_str())
            .collect();
        lines.dedup();
        lines.truncate(20);
        lines.join("\n")
    }
}

impl Drop for Complaints {
    fn drop(&mut self) {
        // SAFETY: pops the handler pushed in `listen`.
        unsafe { gdal_sys::CPLPopErrorHandler() };
    }
}

unsafe extern "C" fn hear(
    class: CPLErr::Type,
    _number: gdal_sys::CPLErrorNum,
    text: *const c_char,
) {
    if class == CPLErr::CE_Debug || text.is_null() {
        return;
    }
    // SAFETY: GDAL hands back the pointer given with this handler, and a C string.
    unsafe {
        let heard: *mut Heard = gdal_sys::CPLGetErrorHandlerUserData().cast();
        if let Some(heard) = heard.as_mut() {
            let is_failure = class == CPLErr::CE_Failure || class == CPLErr::CE_Fatal;
            if heard.lines.len() < 200 {
                heard.lines.push((
                    is_failure,
                    CStr::from_ptr(text).to_string_lossy().into_owned(),
                ));
            }
        }
    }
}
