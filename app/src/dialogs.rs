//! File dialogs of the system (started without blocking), our own typed path for when there are none, and the few
//! questions that need an answer before work goes on.

use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use terroir_scene::{LayerId, STATION_ENDINGS, VectorTable};

use crate::actions::After;
use crate::files::{FileTask, OpenRole};
use crate::language::t;
use crate::soil::SoilForm;
use crate::state::State;

pub use crate::export::ExportForm;
use crate::open_series::SeriesForm;
use crate::opening::Chooser;

/// A dialog that ends sooner than a person can act was never shown.
const NOT_SHOWN: Duration = Duration::from_millis(700);

/// What a path is wanted for.
#[derive(Clone, Debug, PartialEq)]
pub enum Purpose {
    Open,
    OpenFolder,
    AddRaster,
    SeriesFolder,
    /// A folder to train on.
    ArchiveFolder,
    AddVector,
    ImportLabels,
    /// Classes of a table, a style or another project.
    LoadClasses,
    SaveClasses,
    SaveProject,
    ExportLabels,
    TimeTable,
    Weights,
    ImportWeights,
    TrainingOut,
    /// A network to learn from.
    Teacher,
    FieldOut,
    /// The fields of a series.
    SeriesFieldOut,
    /// Weights of a model of time.
    SeriesWeights,
    /// A folder of images to make a field of.
    ImagesFolder,
    /// Tables of stations.
    SoilStations,
    /// A folder of ISMN files.
    SoilFolder,
    /// Tables of weather for soil moisture.
    SoilWeather,
    /// The map of crops.
    CropOut,
    /// The folder of the results.
    SoilOut,
    /// Where a forecast is written.
    ForecastFolder,
    /// Weights of a forecasting network.
    ForecastWeights,
    /// Weather of days to come.
    FutureWeather,
    ExportOut,
    SamplePoints,
    /// Daily weather of this place.
    Weather,
    WeatherTable,
    ProfileTable,
    ProfilePicture,
    Locate(LayerId),
    /// The raster a layer's formula is written to.
    CalcOut(LayerId),
    /// What a similarity search found, by this ending.
    SimilarOut(&'static str),
    /// Colours of fields; `fits` = fitted on all of them first, by a job.
    BasisOut {
        fits: bool,
    },
    /// Colours for a layer.
    BasisIn(LayerId),
}

impl Purpose {
    pub fn title(&self) -> &'static str {
        match self {
            Self::Open => t!("dialogs-pick-open"),
            Self::OpenFolder => t!("dialogs-pick-folder"),
            Self::AddRaster => t!("dialogs-pick-raster"),
            Self::SeriesFolder | Self::ArchiveFolder | Self::ImagesFolder => {
                t!("dialogs-pick-images")
            }
            Self::SoilStations => t!("dialogs-pick-stations"),
            Self::SoilFolder => t!("dialogs-pick-ismn"),
            Self::SoilWeather => t!("dialogs-pick-weather-tables"),
            Self::SoilOut => t!("dialogs-pick-results"),
            Self::ForecastFolder => t!("dialogs-pick-results"),
            Self::FutureWeather => t!("dialogs-pick-future-weather"),
            Self::AddVector => t!("dialogs-pick-vector"),
            Self::ImportLabels => t!("dialogs-import-labels"),
            Self::LoadClasses => t!("dialogs-pick-classes"),
            Self::SaveClasses => t!("dialogs-pick-classes-out"),
            Self::SaveProject => t!("dialogs-pick-project-out"),
            Self::ExportLabels => t!("dialogs-pick-labels-out"),
            Self::TimeTable => t!("dialogs-pick-time-out"),
            Self::Weights | Self::SeriesWeights | Self::ForecastWeights | Self::Teacher => {
                t!("dialogs-pick-weights")
            }
            Self::ImportWeights => t!("dialogs-pick-weights-in"),
            Self::TrainingOut => t!("dialogs-pick-weights-out"),
            Self::FieldOut | Self::SeriesFieldOut => t!("dialogs-pick-field-out"),
            Self::ExportOut => t!("dialogs-pick-export-out"),
            Self::SamplePoints => t!("dialogs-pick-sample"),
            Self::Weather => t!("dialogs-pick-weather"),
            Self::WeatherTable => t!("dialogs-pick-weather-out"),
            Self::ProfileTable => t!("dialogs-pick-profile-table"),
            Self::ProfilePicture => t!("dialogs-pick-profile-picture"),
            Self::Locate(_) => t!("dialogs-pick-locate"),
            Self::CropOut | Self::CalcOut(_) | Self::SimilarOut(_) => {
                t!("dialogs-pick-result-out")
            }
            Self::BasisOut { .. } => t!("dialogs-pick-colours-out"),
            Self::BasisIn(_) => t!("dialogs-pick-colours-in"),
        }
    }

    fn saves(&self) -> bool {
        matches!(
            self,
            Self::SaveProject
                | Self::ExportLabels
                | Self::SaveClasses
                | Self::FieldOut
                | Self::SeriesFieldOut
                | Self::TrainingOut
                | Self::ExportOut
                | Self::CropOut
                | Self::CalcOut(_)
                | Self::SimilarOut(_)
                | Self::BasisOut { .. }
                | Self::ProfileTable
                | Self::ProfilePicture
                | Self::TimeTable
                | Self::WeatherTable
        )
    }

    /// Kinds of files offered: name and endings.
    fn filters(&self) -> Vec<Filter> {
        let of = |name: &'static str, endings: &'static [&'static str]| vec![(name, endings)];
        let all: Filter = (t!("dialogs-files-all"), &["*"]);
        let or_all =
            |name: &'static str, endings: &'static [&'static str]| vec![(name, endings), all];
        match self {
            Self::Open
            | Self::OpenFolder
            | Self::SeriesFolder
            | Self::ArchiveFolder
            | Self::ImagesFolder
            | Self::SoilFolder
            | Self::SoilOut
            | Self::ForecastFolder
            | Self::ExportOut => vec![all],
            Self::SoilStations => or_all(t!("dialogs-files-stations"), &STATION_ENDINGS),
            Self::SoilWeather => or_all(t!("dialogs-files-tables"), &["csv", "txt", "tsv"]),
            Self::AddRaster | Self::Locate(_) => vec![
                all,
                (
                    t!("dialogs-files-rasters"),
                    &[
                        "tif", "tiff", "vrt", "img", "jp2", "nc", "hdr", "dat", "bsq",
                    ],
                ),
            ],
            Self::AddVector => or_all(
                t!("dialogs-files-vectors"),
                &["gpkg", "geojson", "json", "shp", "fgb", "kml", "csv"],
            ),
            Self::ImportLabels => or_all(
                t!("dialogs-files-labels"),
                &["gpkg", "geojson", "json", "shp", "csv", "tif"],
            ),
            Self::LoadClasses => or_all(
                t!("dialogs-files-classes"),
                &["csv", "qml", "clr", "txt", "terroir", "gpkg", "tif"],
            ),
            Self::SaveClasses => vec![
                (t!("dialogs-files-csv"), &["csv"]),
                (t!("dialogs-files-qml"), &["qml"]),
                (t!("dialogs-files-color-table"), &["clr", "txt"]),
            ],
            Self::SaveProject => of(t!("dialogs-files-project"), &["terroir"]),
            Self::ExportLabels => vec![
                ("GeoPackage", &["gpkg"]),
                ("GeoJSON", &["geojson"]),
                ("Shapefile", &["shp"]),
                (t!("dialogs-files-csv"), &["csv"]),
            ],
            Self::TimeTable | Self::WeatherTable => of(t!("dialogs-files-table"), &["csv"]),
            Self::Weather | Self::FutureWeather => {
                or_all(t!("dialogs-files-weather"), &terroir_scene::WEATHER_ENDINGS)
            }
            Self::Weights
            | Self::ImportWeights
            | Self::SeriesWeights
            | Self::ForecastWeights
            | Self::Teacher => or_all(
                t!("dialogs-files-weights"),
                &["safetensors", "pth", "pt", "bpk"],
            ),
            Self::TrainingOut => of(t!("dialogs-files-weights"), &["safetensors"]),
            Self::BasisOut { .. } | Self::BasisIn(_) => of(t!("dialogs-files-colours"), &["json"]),
            Self::SimilarOut("gpkg") => of("GeoPackage", &["gpkg"]),
            Self::FieldOut
            | Self::SeriesFieldOut
            | Self::CropOut
            | Self::CalcOut(_)
            | Self::SimilarOut(_) => of("GeoTIFF", &["tif"]),
            Self::SamplePoints => of(t!("dialogs-files-points"), &["gpkg", "csv"]),
            Self::ProfileTable => of(t!("dialogs-files-csv"), &["csv"]),
            Self::ProfilePicture => of(t!("dialogs-files-drawing"), &["svg"]),
        }
    }
}

/// A kind of files: its name and its endings.
type Filter = (&'static str, &'static [&'static str]);

/// Questions inside the window; one at a time.
pub enum Dialog {
    TypePath {
        purpose: Purpose,
        text: String,
        note: Option<&'static str>,
    },
    Unsaved {
        after: After,
        is_saving: bool,
    },
    ImportLabels {
        path: PathBuf,
        /// Layer inside a vector file; `None` = the first with shapes.
        table: Option<String>,
        attributes: Vec<String>,
        chosen: usize,
    },
    /// Which layers of a vector file to add.
    ChooseTables {
        path: PathBuf,
        tables: Vec<VectorTable>,
        chosen: Vec<bool>,
    },
    Export(ExportForm),
    Series(SeriesForm),
    /// Which rasters of a container to open.
    Choose(Chooser),
    /// A raster on the network.
    Address {
        text: String,
    },
}

pub enum Answer {
    Chosen(Vec<PathBuf>),
    Cancelled,
    /// Nothing was shown: no portal and no helper program.
    NoDialog,
}

type FileFuture = Pin<Box<dyn Future<Output = Option<Vec<PathBuf>>>>>;

struct FileDialog {
    purpose: Purpose,
    future: FileFuture,
    started: Instant,
    waker: Waker,
}

#[derive(Default)]
pub struct Dialogs {
    current: Option<Dialog>,
    /// An export form waiting behind a path dialog.
    below: Option<Dialog>,
    file: Option<FileDialog>,
    /// Paths are typed, and the system is not asked.
    pub types_paths: bool,
}

struct Repaint(egui::Context);

impl Wake for Repaint {
    fn wake(self: Arc<Self>) {
        self.0.request_repaint();
    }
}

impl Dialogs {
    pub fn current(&self) -> Option<&Dialog> {
        self.current.as_ref()
    }

    pub fn open(&mut self, dialog: Dialog) {
        self.current = Some(dialog);
    }

    /// Closes the front dialog; an export form behind it comes back.
    pub fn close(&mut self) {
        self.current = self.below.take();
    }

    pub fn type_path(&mut self, purpose: Purpose, text: String, note: Option<&'static str>) {
        if let Some(Dialog::Export(_)) = &self.current {
            self.below = self.current.take();
        }
        self.current = Some(Dialog::TypePath {
            purpose,
            text,
            note,
        });
    }

    /// Takes the dialog out for drawing; put it back with `open` unless it is done.
    pub fn take(&mut self) -> Option<Dialog> {
        self.current.take()
    }

    pub fn put_back(&mut self, dialog: Dialog) {
        if self.current.is_none() {
            self.current = Some(dialog);
        }
    }

    pub fn export_form_mut(&mut self) -> Option<&mut ExportForm> {
        match (&mut self.current, &mut self.below) {
            (Some(Dialog::Export(form)), _) | (_, Some(Dialog::Export(form))) => Some(form),
            _ => None,
        }
    }

    fn start_file_dialog(&mut self, ctx: &egui::Context, purpose: Purpose, suggestion: &str) {
        if self.types_paths {
            self.type_path(purpose, suggestion.to_owned(), None);
            return;
        }
        if self.file.is_some() {
            return;
        }
        let mut dialog = rfd::AsyncFileDialog::new().set_title(purpose.title());
        for (name, extensions) in purpose.filters() {
            dialog = dialog.add_filter(name, extensions);
        }
        let suggestion = Path::new(suggestion);
        if let Some(folder) = suggestion.parent().filter(|folder| folder.is_absolute()) {
            dialog = dialog.set_directory(folder);
        }
        if purpose.saves()
            && let Some(name) = suggestion.file_name()
        {
            dialog = dialog.set_file_name(name.to_string_lossy());
        }
        // Made here on the window's thread, as macOS demands, and only polled afterwards.
        let future: FileFuture = if purpose.saves() {
            let future = dialog.save_file();
            Box::pin(async move { future.await.map(|file| vec![file.path().to_owned()]) })
        } else if purpose == Purpose::OpenFolder {
            let future = dialog.pick_folder();
            Box::pin(async move { future.await.map(|folder| vec![folder.path().to_owned()]) })
        } else if matches!(
            purpose,
            Purpose::Open
                | Purpose::AddRaster
                | Purpose::AddVector
                | Purpose::SoilStations
                | Purpose::SoilWeather
        ) {
            let future = dialog.pick_files();
            Box::pin(async move {
                future
                    .await
                    .map(|files| files.iter().map(|file| file.path().to_owned()).collect())
            })
        } else if matches!(
            purpose,
            Purpose::SeriesFolder
                | Purpose::ArchiveFolder
                | Purpose::ImagesFolder
                | Purpose::SoilFolder
                | Purpose::SoilOut
                | Purpose::ForecastFolder
        ) {
            let future = dialog.pick_folder();
            Box::pin(async move { future.await.map(|folder| vec![folder.path().to_owned()]) })
        } else {
            let future = dialog.pick_file();
            Box::pin(async move { future.await.map(|file| vec![file.path().to_owned()]) })
        };
        let waker = Waker::from(Arc::new(Repaint(ctx.clone())));
        self.file = Some(FileDialog {
            purpose,
            future,
            started: Instant::now(),
            waker,
        });
    }

    /// The answer of the system's dialog, once; never blocks.
    pub fn poll_file_dialog(&mut self) -> Option<(Purpose, Answer)> {
        let dialog = self.file.as_mut()?;
        let mut context = Context::from_waker(&dialog.waker);
        let Poll::Ready(paths) = dialog.future.as_mut().poll(&mut context) else {
            return None;
        };
        let done = self.file.take()?;
        let answer = match paths.filter(|paths| !paths.is_empty()) {
            Some(paths) => Answer::Chosen(paths),
            None if done.started.elapsed() < NOT_SHOWN => Answer::NoDialog,
            None => Answer::Cancelled,
        };
        Some((done.purpose, answer))
    }
}

impl State {
    /// Asks the system for a path.
    pub fn pick(&mut self, ctx: &egui::Context, purpose: Purpose) {
        let suggestion = self.suggested_path(&purpose);
        self.dialogs.start_file_dialog(ctx, purpose, &suggestion);
    }

    /// Asks the system for a path, starting at `suggestion`.
    pub fn pick_with(&mut self, ctx: &egui::Context, purpose: Purpose, suggestion: &str) {
        self.dialogs.start_file_dialog(ctx, purpose, suggestion);
    }

    /// Beside the project or the scene, with a fitting name.
    pub fn suggested_path(&self, purpose: &Purpose) -> String {
        let scene = self
            .active_raster()
            .and_then(|layer| layer.raster_path().map(Path::to_owned));
        let home = self.project.path.clone().or(scene);
        let with = |extension: &str| {
            home.as_ref()
                .map(|path| path.with_extension(extension).display().to_string())
        };
        match purpose {
            Purpose::SaveProject => with("terroir").unwrap_or_default(),
            Purpose::ExportLabels => home
                .as_ref()
                .map(|path| {
                    crate::jobs::beside(path, "labels", "gpkg")
                        .display()
                        .to_string()
                })
                .unwrap_or_default(),
            Purpose::SaveClasses => home
                .as_ref()
                .map(|path| {
                    crate::jobs::beside(path, "classes", "csv")
                        .display()
                        .to_string()
                })
                .unwrap_or_default(),
            Purpose::TimeTable => self
                .series_layer()
                .and_then(|layer| {
                    layer
                        .raster_path()
                        .map(|path| crate::jobs::beside(path, "time", "csv"))
                })
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            Purpose::WeatherTable => self
                .history
                .document()
                .weather
                .as_ref()
                .map(|weather| crate::jobs::beside(&weather.path, "daily", "csv"))
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            Purpose::FieldOut => self
                .field_out_path()
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            Purpose::ExportOut => String::new(),
            Purpose::CalcOut(id) => self
                .calc_out_path(*id)
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            Purpose::BasisOut { .. } | Purpose::BasisIn(_) => self
                .basis_out()
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            Purpose::SimilarOut(extension) => self
                .similar_out("similar", extension)
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            Purpose::ProfileTable => self.suggested_profiles_path("csv"),
            Purpose::ProfilePicture => self.suggested_profiles_path("svg"),
            Purpose::Weights => self.run.weights.clone(),
            Purpose::Teacher => self.training.teacher.clone(),
            Purpose::SeriesWeights => self.series_field.weights.clone(),
            Purpose::SeriesFieldOut => self.series_field.out.clone(),
            Purpose::ForecastFolder => self.forecast.out.clone(),
            Purpose::ForecastWeights => self.forecast.network.weights.clone(),
            Purpose::FutureWeather => self.forecast.network.future.clone(),
            Purpose::ImportWeights => String::new(),
            Purpose::CropOut => self
                .crop_out_path()
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            Purpose::SoilOut => self
                .soil_out_path()
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            Purpose::TrainingOut => self
                .training_out_path()
                .map(|path| path.display().to_string())
                .unwrap_or_default(),
            Purpose::Open
            | Purpose::OpenFolder
            | Purpose::AddRaster
            | Purpose::SeriesFolder
            | Purpose::ArchiveFolder
            | Purpose::ImagesFolder
            | Purpose::SoilStations
            | Purpose::SoilFolder
            | Purpose::SoilWeather
            | Purpose::AddVector
            | Purpose::ImportLabels
            | Purpose::LoadClasses
            | Purpose::SamplePoints
            | Purpose::Weather
            | Purpose::Locate(_) => {
                let folder = home
                    .as_ref()
                    .and_then(|path| path.parent())
                    .map(|folder| folder.join(""));
                folder
                    .map(|folder| folder.display().to_string())
                    .unwrap_or_default()
            }
        }
    }

    /// A path was chosen or typed.
    pub fn chosen(&mut self, ctx: &egui::Context, purpose: &Purpose, paths: Vec<PathBuf>) {
        let Some(first) = paths.first().cloned() else {
            return;
        };
        match purpose {
            Purpose::Open | Purpose::OpenFolder => self.open_files(ctx, paths),
            Purpose::AddRaster => self.add_rasters(paths),
            Purpose::SeriesFolder => self.find_series(paths),
            Purpose::ArchiveFolder => self.add_archive_folder(first),
            Purpose::AddVector => {
                for path in paths {
                    self.open_vector(path);
                }
            }
            Purpose::ImportLabels => self.import_labels(first),
            Purpose::LoadClasses => self.send(FileTask::ReadClasses { path: first }),
            Purpose::SaveClasses => {
                if let Some(labels) = &self.history.document().labels {
                    let classes = labels.classes.clone();
                    self.send(FileTask::SaveClasses {
                        classes,
                        path: first,
                    });
                }
            }
            Purpose::SamplePoints => self.open_sample_points(first),
            Purpose::Weather => self.add_weather(first),
            Purpose::WeatherTable => {
                if let Some(table) = self.session.weather.table.clone() {
                    self.send(FileTask::SaveWeather { table, path: first });
                }
            }
            Purpose::SaveProject => self.save_project(first),
            Purpose::ExportLabels => {
                if let Some(labels) = self.history.document().labels.clone() {
                    self.send(FileTask::ExportLabels {
                        labels,
                        path: first,
                    });
                }
            }
            Purpose::TimeTable => {
                if let Some(table) = self.time_table() {
                    self.send(FileTask::SaveTimeTable { table, path: first });
                }
            }
            Purpose::Weights => self.run.weights = first.display().to_string(),
            Purpose::ImportWeights => self.import_weights(first),
            Purpose::TrainingOut => self.training.out = first.display().to_string(),
            Purpose::Teacher => self.training.teacher = first.display().to_string(),
            Purpose::FieldOut => self.run.out = first.display().to_string(),
            Purpose::SeriesFieldOut => self.series_field.out = first.display().to_string(),
            Purpose::ForecastFolder => self.forecast.out = first.display().to_string(),
            Purpose::ForecastWeights => {
                self.forecast.network.weights = first.display().to_string();
            }
            Purpose::FutureWeather => self.forecast.network.future = first.display().to_string(),
            Purpose::SeriesWeights => self.series_field.weights = first.display().to_string(),
            Purpose::ImagesFolder => {
                let folders = &mut self.series_field.folders;
                folders.extend(paths.into_iter().filter(|path| path.is_absolute()));
                folders.dedup();
            }
            Purpose::SoilStations | Purpose::SoilFolder => {
                SoilForm::add(&mut self.soil.stations, paths);
            }
            Purpose::SoilWeather => SoilForm::add(&mut self.soil.weather, paths),
            Purpose::CropOut => self.crops.out = first.display().to_string(),
            Purpose::SoilOut => self.soil.out = first.display().to_string(),
            Purpose::ExportOut => {
                if let Some(form) = self.dialogs.export_form_mut() {
                    form.path = first.display().to_string();
                }
            }
            Purpose::Locate(id) => {
                let layer = self.history.document().layer(*id);
                if layer.is_some_and(|layer| layer.vector().is_some()) {
                    self.locate_vector(*id, first);
                } else if layer.is_some_and(|layer| layer.series().is_some()) {
                    self.locate_frames(*id, first);
                } else {
                    self.open_raster(first, OpenRole::Refresh(*id));
                }
            }
            Purpose::CalcOut(id) => self.start_calc(*id, first),
            Purpose::BasisOut { fits } => {
                let out = match first.extension() {
                    Some(_) => first,
                    None => first.with_extension("json"),
                };
                if *fits {
                    self.start_pca(out);
                } else {
                    self.save_basis(&out);
                }
            }
            Purpose::BasisIn(layer) => self.send(FileTask::ReadBasis {
                path: first,
                layers: vec![*layer],
            }),
            Purpose::SimilarOut(extension) => {
                let out = match first.extension() {
                    Some(_) => first,
                    None => first.with_extension(extension),
                };
                self.start_similar(out, 0);
            }
            Purpose::ProfileTable => self.write_profiles(first, "csv"),
            Purpose::ProfilePicture => self.write_profiles(first, "svg"),
        }
    }
}
