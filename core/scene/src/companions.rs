//! Files written beside a finished map on request, for programs that want them. Knows which there are and what they are called.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{
    Raster, SceneError, SceneResult, classes_of_map, is_store, write_class_table,
    write_stac_item_blocking,
};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Companion {
    /// `<stem>.stac.json`: a STAC item.
    Stac,
    /// `<stem>.clr`: colours of the classes.
    Clr,
    /// `<stem>.txt`: the same for programs that look for this ending.
    Txt,
}

impl Companion {
    pub const ALL: [Self; 3] = [Self::Stac, Self::Clr, Self::Txt];

    /// As the command line names it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Stac => "stac",
            Self::Clr => "clr",
            Self::Txt => "txt",
        }
    }
}

/// Writes them beside the first raster of a job; `files` are all it wrote. Hands back what was added.
///
/// # Errors
/// A store instead of a folder, a map without classes where a colour table is wanted, or a folder that cannot be written.
pub fn write_companions_blocking(
    files: &[PathBuf],
    wanted: &[Companion],
) -> SceneResult<Vec<PathBuf>> {
    let is_raster = |file: &&PathBuf| {
        let ending = file
            .extension()
            .map(|ending| ending.to_string_lossy().to_lowercase());
        ending.is_some_and(|ending| matches!(ending.as_str(), "tif" | "tiff"))
    };
    let mut rasters = files.iter().filter(is_raster);
    let Some(map) = rasters.next().filter(|_| !wanted.is_empty()) else {
        return Ok(Vec::new());
    };
    if is_store(map) {
        return Err(SceneError::write(
            map,
            "files beside a map are written into folders only; fetch the map and export it again",
        ));
    }
    let others: Vec<PathBuf> = rasters.cloned().collect();
    wanted
        .iter()
        .map(|companion| match companion {
            Companion::Stac => write_stac_item_blocking(map, &others),
            Companion::Clr | Companion::Txt => color_table(map, companion.word()),
        })
        .collect()
}

fn color_table(map: &Path, ending: &str) -> SceneResult<PathBuf> {
    let raster = Raster::open(map)?;
    let classes = classes_of_map(raster.info(), &[]);
    if classes.is_empty() || !raster.info().is_class_map() {
        return Err(SceneError::file(
            map,
            "this raster holds no classes, so there is no colour table of it; leave it out",
        ));
    }
    let out = map.with_extension(ending);
    write_class_table(&classes, &out)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Class, Grid, MapKind, MapWriter, read_class_table_blocking};

    #[test]
    fn colour_tables_hold_the_classes_of_the_map_and_other_rasters_have_none() {
        let folder = tempfile::tempdir().expect("folder");
        let grid = Grid {
            width: 4,
            height: 4,
            georef: Default::default(),
        };
        let write = |name: &str, kind: MapKind| {
            let path = folder.path().join(name);
            let mut writer = MapWriter::create(&path, &grid, kind).expect("created");
            writer
                .write_bytes(grid.window(), &[1; 16])
                .expect("written");
            writer.finish(&Vec::new()).expect("finished")
        };
        let wheat = Class {
            id: 1,
            name: "wheat & rye".to_owned(),
            color: [1, 2, 3],
        };
        let mut files = write("map.tif", MapKind::Classes(vec![wheat]));
        let confidence = write(
            "map_confidence.tif",
            MapKind::Confidence(vec!["a".to_owned()]),
        );
        files.extend(confidence.clone());
        let made = write_companions_blocking(&files, &Companion::ALL).expect("written");
        let names: Vec<_> = made.iter().filter_map(|path| path.file_name()).collect();
        assert_eq!(names, ["map.stac.json", "map.clr", "map.txt"]);
        assert_eq!(
            std::fs::read_to_string(&made[1]).unwrap(),
            "1 1 2 3 255 wheat & rye\n"
        );
        let rows = read_class_table_blocking(&made[2]).expect("reads");
        assert_eq!((rows[0].id, rows[0].color), (1, Some([1, 2, 3])));
        assert!(write_companions_blocking(&confidence, &[Companion::Clr]).is_err());
        assert_eq!(
            write_companions_blocking(&files, &[]).unwrap(),
            Vec::<PathBuf>::new()
        );
    }
}
