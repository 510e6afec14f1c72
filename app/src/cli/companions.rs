//! The option of commands that write maps: what else is written beside the map.

use std::path::PathBuf;

use clap::Args;
use terroir_scene::{Companion, write_companions_blocking};

use super::failure::CliResult;

#[derive(Debug, Args)]
pub struct CompanionOption {
    /// Write these beside the map, too: `stac` (a STAC item, <stem>.stac.json), `clr` and `txt` (its colours for GDAL and ArcMap)
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = companion_of)]
    pub beside: Vec<Companion>,
}

fn companion_of(word: &str) -> Result<Companion, String> {
    let found = Companion::ALL
        .into_iter()
        .find(|known| known.word() == word);
    found.ok_or_else(|| "stac, clr and txt can be written beside a map".to_owned())
}

impl CompanionOption {
    /// Adds what is asked for to the files of a finished map.
    pub fn add_to(&self, files: &mut Vec<PathBuf>) -> CliResult {
        let made = write_companions_blocking(files, &self.beside)?;
        files.extend(made);
        Ok(())
    }
}
