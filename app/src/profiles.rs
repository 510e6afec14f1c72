//! Spectral profiles in the window: asking for them at a place, keeping them in the document, writing and copying them.
//! What they look like stands in `panels/spectrum.rs`.

use std::path::PathBuf;
use std::sync::Arc;

use terroir_scene::{Layer, Profile, ProfileValues, profiles_csv};

use crate::files::FileTask;
use crate::language::t;
use crate::messages::Level;
use crate::probe::{ProfileQuestion, ProfileTarget};
use crate::state::State;

/// How profiles are taken and shown: part of the session.
pub struct ProfileView {
    /// Of the place clicked last; not kept yet.
    pub clicked: Vec<Arc<Profile>>,
    pub clicked_at: Option<(f64, f64)>,
    /// Pixels a side of the square that is averaged, odd.
    pub side: usize,
    /// Every visible raster with wavelengths, not only the active layer.
    pub all_layers: bool,
    pub values: ProfileValues,
    /// Places of kept profiles are marked on the map.
    pub shows_markers: bool,
    /// Kept profile whose values are listed.
    pub selected: Option<u64>,
    pub rename: Option<(u64, String)>,
}

impl Default for ProfileView {
    fn default() -> Self {
        Self {
            clicked: Vec::new(),
            clicked_at: None,
            side: 1,
            all_layers: false,
            values: ProfileValues::Scaled,
            shows_markers: true,
            selected: None,
            rename: None,
        }
    }
}

impl State {
    /// Reads the profiles at a map point in the background; `keeps` puts them into the document when they are there.
    pub fn ask_profiles(&mut self, map_xy: (f64, f64), keeps: bool) {
        let question = ProfileQuestion {
            map_xy,
            map_crs: self.history.document().map_crs.clone(),
            side: self.session.profiles.side,
            targets: self.profile_targets(map_xy),
            keeps,
        };
        if !keeps {
            self.session.profiles.clicked_at = Some(map_xy);
        }
        if !question.targets.is_empty() && !self.probe.ask_profiles(question) {
            self.messages.show(Level::Warning, t!("spectrum-busy"));
        }
    }

    /// Asks again for the clicked place after the question changed.
    pub fn ask_clicked_again(&mut self) {
        if let Some(map_xy) = self.session.profiles.clicked_at {
            self.ask_profiles(map_xy, false);
        }
    }

    fn profile_targets(&mut self, map_xy: (f64, f64)) -> Vec<ProfileTarget> {
        let active = self.active_raster();
        let mut layers: Vec<Arc<Layer>> = active.iter().cloned().collect();
        if self.session.profiles.all_layers {
            let document = self.history.document();
            let visible = document.layers.iter().filter(|layer| layer.visible);
            for layer in visible.cloned().collect::<Vec<_>>() {
                let is_known = layers.iter().any(|known| known.id == layer.id);
                let bands = self.bands(&layer);
                if !is_known && bands.iter().any(|band| band.wavelength.is_some()) {
                    layers.push(layer);
                }
            }
        }
        layers
            .iter()
            .filter_map(|layer| {
                let (col, row) = self.layer_pixel_from_map(layer, map_xy)?;
                let info = self.raster_info(layer)?;
                let (path, is_field) = (info.path.clone(), info.is_field());
                Some(ProfileTarget {
                    name: layer.name.clone(),
                    path,
                    bands: self.bands(layer),
                    col,
                    row,
                    is_field,
                })
            })
            .collect()
    }

    /// Profiles were read.
    pub fn take_profiles(&mut self, profiles: Vec<Profile>, keeps: bool) {
        if profiles.is_empty() {
            return;
        }
        if keeps {
            self.keep(profiles);
        } else {
            self.session.profiles.clicked = profiles.into_iter().map(Arc::new).collect();
        }
    }

    fn keep(&mut self, profiles: Vec<Profile>) {
        let step = if profiles.len() == 1 {
            t!("spectrum-keep-one")
        } else {
            t!("spectrum-keep-many")
        };
        self.history
            .change(step, |document| document.keep_profiles(profiles));
    }

    /// Keeps what was clicked, else what is under the cursor.
    pub fn keep_profile(&mut self) {
        let clicked = std::mem::take(&mut self.session.profiles.clicked);
        if !clicked.is_empty() {
            self.session.profiles.clicked_at = None;
            self.session.clicked_pixel = None;
            self.keep(clicked.into_iter().map(Arc::unwrap_or_clone).collect());
        } else if let Some(map_xy) = self.session.hover.map_xy {
            self.ask_profiles(map_xy, true);
        }
    }

    pub fn remove_profile(&mut self, id: u64) {
        let Some(name) = self
            .history
            .document()
            .profile(id)
            .map(|profile| profile.name.clone())
        else {
            return;
        };
        self.history.change(
            &t!("spectrum-remove-one", name = name.as_str()),
            |document| {
                document.profiles.retain(|profile| profile.id != id);
            },
        );
    }

    pub fn remove_all_profiles(&mut self) {
        self.history
            .change(t!("spectrum-remove-all-step"), |document| {
                document.profiles.clear();
            });
    }

    /// Kept profiles, else those of the clicked place.
    pub fn profiles_to_write(&self) -> Vec<Arc<Profile>> {
        let kept = &self.history.document().profiles;
        if kept.is_empty() {
            self.session.profiles.clicked.clone()
        } else {
            kept.clone()
        }
    }

    pub fn copy_profiles(&mut self, ctx: &egui::Context, profiles: &[Arc<Profile>]) {
        let values = self.session.profiles.values;
        match profiles_csv(profiles.iter().map(|profile| &**profile), values) {
            Ok(text) => {
                ctx.copy_text(text);
                let text = t!("spectrum-copied", count = profiles.len());
                self.messages.show(Level::Info, text);
            }
            Err(error) => self.messages.error(&error),
        }
    }

    /// Where profiles would be written; the ending chooses table or picture.
    pub fn suggested_profiles_path(&self, extension: &str) -> String {
        let home = self.project.path.clone().or_else(|| {
            self.profiles_to_write()
                .first()
                .map(|profile| profile.file.clone())
        });
        home.map(|home| {
            crate::jobs::beside(&home, "profiles", extension)
                .display()
                .to_string()
        })
        .unwrap_or_default()
    }

    pub fn write_profiles(&mut self, path: PathBuf, extension: &str) {
        let path = if path.extension().is_none() {
            path.with_extension(extension)
        } else {
            path
        };
        self.send(FileTask::SaveProfiles {
            profiles: self.profiles_to_write(),
            values: self.session.profiles.values,
            path,
        });
    }
}
