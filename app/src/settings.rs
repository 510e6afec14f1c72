//! What the window remembers between sessions: recent files and the theme. Nothing about the user or their data's content.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use terroir_scene::SceneResult;

use crate::files::write_error;
use crate::guide::Task;
use crate::language::Language;

const RECENT_FILES: usize = 10;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// Newest first.
    pub recent: Vec<PathBuf>,
    pub dark: bool,
    /// 1 = 100 %.
    pub ui_scale: f32,
    #[serde(rename = "reduce_motion")]
    pub motion: Motion,
    /// `None` = the system's.
    pub language: Option<Language>,
    /// Keys other than the usual: id of a command, its keys as `Ctrl+Shift+K`.
    pub keys: std::collections::BTreeMap<String, Vec<String>>,
    /// The task whose way is shown above the map.
    pub guide: Option<Task>,
    /// Where the panels lie, as `arrangement.rs` saves it.
    pub arrangement: Option<serde_json::Value>,
    /// Over the map.
    pub graticule: bool,
    pub scale_bar: bool,
    pub north_arrow: bool,
    /// EPSG codes of coordinate systems chosen before, newest first.
    pub recent_crs: Vec<u32>,
}

/// How much moves by itself: pictures that play change calmly, and panels, lists and the text cursor stand still.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenMotion", into = "WrittenMotion")]
pub enum Motion {
    /// As the system wishes.
    #[default]
    System,
    Less,
    Full,
}

/// What was a yes or no stays one.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenMotion {
    IsLess(bool),
    Word(String),
}

impl From<WrittenMotion> for Motion {
    fn from(written: WrittenMotion) -> Self {
        match written {
            WrittenMotion::IsLess(true) => Self::Less,
            WrittenMotion::Word(word) if word == "full" => Self::Full,
            WrittenMotion::IsLess(false) | WrittenMotion::Word(_) => Self::System,
        }
    }
}

impl From<Motion> for WrittenMotion {
    fn from(motion: Motion) -> Self {
        match motion {
            Motion::System => Self::IsLess(false),
            Motion::Less => Self::IsLess(true),
            Motion::Full => Self::Word("full".to_owned()),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            recent: Vec::new(),
            dark: true,
            ui_scale: 1.0,
            motion: Motion::System,
            language: None,
            keys: std::collections::BTreeMap::new(),
            guide: None,
            arrangement: None,
            graticule: false,
            scale_bar: true,
            north_arrow: false,
            recent_crs: Vec::new(),
        }
    }
}

impl Settings {
    /// Settings that cannot be read are the defaults: they are a convenience, never a reason not to start.
    pub fn load_blocking(data_folder: Option<&Path>) -> Self {
        let text = data_folder
            .and_then(|folder| std::fs::read_to_string(folder.join("settings.json")).ok());
        let mut settings: Self = text
            .and_then(|text| serde_json::from_str(&text).ok())
            .unwrap_or_default();
        settings.ui_scale = settings.ui_scale.clamp(0.75, 3.0);
        settings
    }

    pub fn save_blocking(&self, data_folder: Option<&Path>) -> SceneResult<()> {
        let Some(folder) = data_folder else {
            return Ok(());
        };
        let path = folder.join("settings.json");
        let text = serde_json::to_string_pretty(self).unwrap_or_default();
        std::fs::create_dir_all(folder).map_err(|error| write_error(&path, &error))?;
        terroir_scene::write_beside(&path, text.as_bytes())
    }

    /// Puts a coordinate system first in its list.
    pub fn remember_crs(&mut self, code: u32, most: usize) {
        self.recent_crs.retain(|known| *known != code);
        self.recent_crs.insert(0, code);
        self.recent_crs.truncate(most);
    }

    /// Puts a file first in the list.
    pub fn remember(&mut self, path: &Path) {
        self.recent.retain(|known| known != path);
        self.recent.insert(0, path.to_owned());
        self.recent.truncate(RECENT_FILES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_back_and_nonsense_is_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings {
            dark: false,
            ..Settings::default()
        };
        settings.remember(Path::new("/a.tif"));
        settings.remember(Path::new("/b.tif"));
        settings.remember(Path::new("/a.tif"));
        for motion in [Motion::Full, Motion::System, Motion::Less] {
            settings.motion = motion;
            let text = serde_json::to_string(&settings).unwrap();
            assert_eq!(serde_json::from_str::<Settings>(&text).unwrap(), settings);
        }
        settings.save_blocking(Some(folder.path())).unwrap();
        let back = Settings::load_blocking(Some(folder.path()));
        assert_eq!(back, settings);
        assert_eq!(
            back.recent,
            [PathBuf::from("/a.tif"), PathBuf::from("/b.tif")]
        );
        std::fs::write(folder.path().join("settings.json"), "{ not json").unwrap();
        assert_eq!(
            Settings::load_blocking(Some(folder.path())),
            Settings::default()
        );
    }
}
