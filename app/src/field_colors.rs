//! Colours of fields as the window shares them: fitted on one layer or on all, taken from another layer or a file, so that
//! pictures of several years and places can be compared. The fit itself is the scene's.

use std::path::{Path, PathBuf};

use terroir_engine::{JobSpec, PcaSpec};
use terroir_scene::{LayerId, LayerSource, PcaBasis, Style};

use crate::files::FileTask;
use crate::jobs::beside;
use crate::language::t;
use crate::messages::Level;
use crate::news::job_name;
use crate::state::State;

/// Whose pixels a basis is fitted on; the same layers take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorSources {
    Layer(LayerId),
    /// Every field of the project, all years of series among them.
    All,
}

impl State {
    /// Layers that are fields, with the files of every date of them.
    pub fn fields_to_color(&self) -> Vec<(LayerId, Vec<PathBuf>)> {
        let document = self.history.document();
        document
            .layers
            .iter()
            .filter_map(|layer| {
                let files: Vec<PathBuf> = match &layer.source {
                    LayerSource::Series(series) => series
                        .frames()
                        .iter()
                        .filter_map(|frame| frame.info.as_ref())
                        .filter(|info| info.is_field())
                        .map(|info| info.path.clone())
                        .collect(),
                    _ => self
                        .raster_info(layer)
                        .filter(|info| info.is_field())
                        .map(|info| info.path.clone())
                        .into_iter()
                        .collect(),
                };
                (!files.is_empty()).then_some((layer.id, files))
            })
            .collect()
    }

    fn chosen_fields(&self, sources: ColorSources) -> (Vec<LayerId>, Vec<PathBuf>) {
        let (mut layers, mut paths) = (Vec::new(), Vec::new());
        for (id, files) in self.fields_to_color() {
            if sources == ColorSources::All || sources == ColorSources::Layer(id) {
                layers.push(id);
                paths.extend(
                    files
                        .into_iter()
                        .filter(|file| !paths.contains(file))
                        .collect::<Vec<_>>(),
                );
            }
        }
        (layers, paths)
    }

    /// Fits a basis in the background and shows it on the same layers.
    pub fn fit_colors(&mut self, sources: ColorSources) {
        let (layers, paths) = self.chosen_fields(sources);
        if !paths.is_empty() {
            self.send(FileTask::FitPca { paths, layers });
        }
    }

    /// The job that fits on every pixel of all fields.
    pub fn pca_job(&self, out: PathBuf) -> Option<JobSpec> {
        let (_, fields) = self.chosen_fields(ColorSources::All);
        (!fields.is_empty()).then_some(JobSpec::Pca(PcaSpec {
            fields,
            is_preview: false,
            out,
        }))
    }

    pub fn start_pca(&mut self, out: PathBuf) {
        if let Some(job) = self.pca_job(out) {
            self.jobs.run(job_name(&job), job);
        }
    }

    /// A job has written a basis: the layers it was fitted on take it.
    pub fn take_pca(&mut self, spec: &PcaSpec) {
        let layers = self
            .fields_to_color()
            .into_iter()
            .filter(|(_, files)| files.iter().any(|file| spec.fields.contains(file)))
            .map(|(id, _)| id)
            .collect();
        self.send(FileTask::ReadBasis {
            path: spec.out.clone(),
            layers,
        });
    }

    /// One basis for several layers, in one step. Which components they show stays as it was.
    pub fn show_basis(&mut self, layers: &[LayerId], basis: &PcaBasis) {
        let step = if layers.len() > 1 {
            t!("field-step-share")
        } else {
            t!("field-step-pca")
        };
        self.history.change(step, |document| {
            for id in layers {
                if let Some(layer) = document.layer_mut(*id) {
                    layer.style = Some(with_basis(layer.style.as_ref(), basis));
                }
            }
        });
    }

    /// The colours of another layer, with the components it shows.
    pub fn use_colors_of(&mut self, layer: LayerId, other: LayerId) {
        let style = self
            .history
            .document()
            .layer(other)
            .and_then(|other| other.style.clone());
        if let Some(style @ Style::FieldPca { .. }) = style {
            self.change_layer(layer, t!("field-step-use-colours"), |layer| {
                layer.style = Some(style);
            });
        }
    }

    pub fn save_basis(&mut self, out: &Path) {
        let basis = self.field_layer().and_then(|layer| match &layer.style {
            Some(Style::FieldPca { basis, .. }) => Some(basis.clone()),
            _ => None,
        });
        match basis {
            Some(basis) => self.send(FileTask::SaveBasis {
                basis: Box::new(basis),
                path: out.to_owned(),
            }),
            None => self.messages.show(Level::Info, t!("field-no-components")),
        }
    }

    pub fn basis_out(&self) -> Option<PathBuf> {
        let layer = self.field_layer()?;
        Some(beside(&self.raster_info(&layer)?.path, "colours", "json"))
    }
}

fn with_basis(style: Option<&Style>, basis: &PcaBasis) -> Style {
    let mut shown = Style::pca(basis.clone());
    if let (
        Style::FieldPca {
            axes,
            flips,
            stretch,
            ..
        },
        Some(Style::FieldPca {
            axes: old_axes,
            flips: old_flips,
            stretch: old_stretch,
            ..
        }),
    ) = (&mut shown, style)
    {
        (*axes, *flips, *stretch) = (*old_axes, *old_flips, *old_stretch);
    }
    shown
}
