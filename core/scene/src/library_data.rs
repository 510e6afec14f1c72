//! Where a bundled program keeps the data of PROJ and GDAL, and telling the libraries before their first use.
//! Knows folders. Knows no rasters.

#![expect(
    unsafe_code,
    reason = "the environment is set before there is a second thread"
)]

use std::path::{Path, PathBuf};

/// A library's data: the folder's name in a bundle, a file that is always in it, and the variables the library asks.
struct Data {
    folder: &'static str,
    witness: &'static str,
    variables: &'static [&'static str],
}

const DATA: [Data; 2] = [
    Data {
        folder: "proj",
        witness: "proj.db",
        // The second name is what versions before 9.1 ask.
        variables: &["PROJ_DATA", "PROJ_LIB"],
    },
    Data {
        folder: "gdal",
        witness: "gdalvrt.xsd",
        variables: &["GDAL_DATA"],
    },
];

/// Points PROJ and GDAL to the data beside the program, where there is any and the user's environment says nothing else.
/// The worker and other child processes inherit it.
///
/// Must be the first thing the program does: while there is one thread and no library has looked for its data.
pub fn use_bundled_data() {
    let Some(program) = std::env::current_exe()
        .ok()
        .map(|program| program.canonicalize().unwrap_or(program))
    else {
        return;
    };
    for data in &DATA {
        let is_set = |name: &&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if data.variables.iter().any(is_set) {
            continue;
        }
        let Some(folder) = program
            .parent()
            .and_then(|folder| bundled(folder, data.folder, data.witness))
        else {
            continue;
        };
        for name in data.variables {
            // SAFETY: the caller holds the only thread there is, so nobody reads the environment meanwhile.
            unsafe { std::env::set_var(name, &folder) };
        }
    }
}

/// The folder `name` of a bundle whose program lies in `program_folder`; it must hold the file `witness`.
fn bundled(program_folder: &Path, name: &str, witness: &str) -> Option<PathBuf> {
    let above = program_folder.parent();
    // The system's own data belong to the system's own libraries, which know where they are.
    let prefix =
        above.filter(|above| ![Path::new("/usr"), Path::new("/usr/local")].contains(above));
    let places = [
        // Windows: the installer's folder; also an unpacked archive.
        Some(program_folder.join("share").join(name)),
        // AppImage, Flatpak and other folders of the Unix kind.
        prefix.map(|prefix| prefix.join("share").join(name)),
        // macOS: Terroir.app/Contents/MacOS/terroir and Terroir.app/Contents/Resources.
        above.map(|contents| contents.join("Resources").join(name)),
    ];
    places
        .into_iter()
        .flatten()
        .find(|folder| folder.join(witness).is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(folder: &Path) {
        std::fs::create_dir_all(folder).expect("made");
        std::fs::write(folder.join("proj.db"), "x").expect("written");
    }

    #[test]
    fn data_of_every_kind_of_bundle_are_found() {
        for (program, data) in [
            ("usr/bin", "usr/share/proj"),
            (
                "Terroir.app/Contents/MacOS",
                "Terroir.app/Contents/Resources/proj",
            ),
            ("Terroir", "Terroir/share/proj"),
        ] {
            let root = tempfile::tempdir().expect("folder");
            let (program, data) = (root.path().join(program), root.path().join(data));
            std::fs::create_dir_all(&program).expect("made");
            assert_eq!(
                bundled(&program, "proj", "proj.db"),
                None,
                "nothing there yet"
            );
            put(&data);
            assert_eq!(bundled(&program, "proj", "proj.db"), Some(data));
        }
    }

    #[test]
    fn the_data_of_the_system_are_left_to_its_libraries() {
        assert_eq!(bundled(Path::new("/usr/bin"), "proj", "proj.db"), None);
        assert_eq!(
            bundled(Path::new("/usr/local/bin"), "proj", "proj.db"),
            None
        );
    }
}
