//! Which Terroir this is: the version, and the commit it was built from where whoever built it said so.

use std::sync::OnceLock;

static COMMIT: OnceLock<&'static str> = OnceLock::new();

/// Names the commit; the first call of a process counts. The executable passes on what `TERROIR_COMMIT` said when it was
/// built, so that the same sources give the same stamp, also from an archive without history.
pub fn set_commit(commit: Option<&'static str>) {
    if let Some(commit) = commit.map(str::trim).filter(|commit| !commit.is_empty()) {
        COMMIT.set(commit).ok();
    }
}

pub fn commit() -> Option<&'static str> {
    COMMIT.get().copied()
}

/// `0.1.0 (5a33cc7)`, or the version alone.
pub fn text() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| match commit() {
        Some(commit) => format!("{} ({commit})", env!("CARGO_PKG_VERSION")),
        None => env!("CARGO_PKG_VERSION").to_owned(),
    })
}
