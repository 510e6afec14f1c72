//! This book, where a package brought it along: pages for the browser, made by `packaging/book.sh`. Knows folders.

use std::path::{Path, PathBuf};

/// The first page of the book beside the program.
pub fn find_blocking() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let program = program.canonicalize().unwrap_or(program);
    beside(program.parent()?)
}

fn beside(program_folder: &Path) -> Option<PathBuf> {
    let above = program_folder.parent();
    let places = [
        // Packages and folders of the Unix kind.
        above.map(|prefix| prefix.join("share/doc/terroir/book")),
        // Windows: the installer's folder; also an unpacked archive.
        Some(program_folder.join("share/doc/book")),
        // macOS: Terroir.app/Contents/MacOS/terroir and Terroir.app/Contents/Resources.
        above.map(|contents| contents.join("Resources/book")),
    ];
    let pages = places
        .into_iter()
        .flatten()
        .map(|folder| folder.join("index.html"));
    pages.into_iter().find(|page| page.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_book_of_every_kind_of_package_is_found() {
        for (program, book) in [
            ("usr/bin", "usr/share/doc/terroir/book"),
            ("Terroir", "Terroir/share/doc/book"),
            (
                "Terroir.app/Contents/MacOS",
                "Terroir.app/Contents/Resources/book",
            ),
        ] {
            let root = tempfile::tempdir().unwrap();
            let (program, book) = (root.path().join(program), root.path().join(book));
            std::fs::create_dir_all(&program).unwrap();
            assert_eq!(beside(&program), None, "nothing there yet");
            std::fs::create_dir_all(&book).unwrap();
            std::fs::write(book.join("index.html"), "x").unwrap();
            assert_eq!(beside(&program), Some(book.join("index.html")));
        }
    }
}
