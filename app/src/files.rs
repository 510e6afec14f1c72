//! Every file the window opens or writes, on four named threads: one opens files, one fetches addresses, one saves, one keeps
//! the journal of unsaved work, so that a slow disk or server never holds the window or the journal. The window sends tasks
//! and drains replies.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use terroir_engine::{
    AreaFigures, CropResults, JobSpec, ModelStore, SoilResults, Trial, TrialOpener,
    read_area_figures,
};
use terroir_scene::{
    Class, ClassRow, Clusters, Companion, Contained, Crs, CrsEntry, Document, Example, FoundPlace,
    FoundRasters, Frame, Grid, Head, ImportReport, Labels, LayerId, OpenedProject, PaletteEntry,
    PcaBasis, Profile, ProfileValues, Raster, RasterInfo, RestoredWork, SampleAnswer, SamplePoint,
    SceneError, SceneResult, Series, Sheet, SheetContent, SheetFormat, SheetSize, Style, TimeTable,
    WeatherSpec, WeatherTable, allow_address, answer_sample_point_blocking,
    clearest_frame_blocking, contained_blocking, crs_catalogue_blocking, default_style_blocking,
    export_labels, export_profiles, find_series_blocking, fit_pca_of_blocking, forgive_file,
    import_labels_of, is_remote, is_zarr, one_series_blocking, open_project,
    read_class_table_blocking, read_places_table, read_sample_blocking, relocate_frames_blocking,
    restore_work, save_project, series_in_raster_blocking, unique_value_classes_blocking,
    vector_attributes, write_beside, write_class_table, write_companions_blocking,
};

use crate::archive_facts::{ArchiveFacts, ArchiveQuestion};
use crate::assets::{sample, sample_document_blocking};
use crate::crs_chooser::CrsPurpose;
use crate::language::t;
use crate::models::{ModelList, list_models_blocking};
use crate::recovery::{self, RecoveryFolder};
use crate::settings::Settings;
use crate::similarity::{ExampleSource, examples_blocking};
use crate::training::load_picture_blocking;
use crate::weather::{Place, read_weather_blocking};

/// Tasks waiting at once; more are refused with a message instead of blocking the window.
const WAITING_TASKS: usize = 256;

/// What the window asks for.
pub enum FileTask {
    Settings,
    FindRecovery,
    OpenRaster {
        path: PathBuf,
        role: OpenRole,
    },
    /// Looks which rasters of files and folders belong together.
    FindSeries {
        paths: Vec<PathBuf>,
    },
    /// The same, but whatever they are they become one series.
    FindOneSeries {
        paths: Vec<PathBuf>,
    },
    OpenSeries {
        name: String,
        frames: Vec<Frame>,
    },
    /// Fields a job wrote, as one series with one set of colours.
    OpenFields {
        name: String,
        paths: Vec<PathBuf>,
    },
    /// What a crop job found.
    ReadCrops {
        path: PathBuf,
    },
    /// What a soil-moisture job found.
    ReadSoil {
        folder: PathBuf,
    },
    /// Images a job wrote, one a day, as one series.
    OpenImages {
        name: String,
        paths: Vec<PathBuf>,
    },
    /// What the images are that a field of a series is to be made of.
    LookIntoArchive {
        question: ArchiveQuestion,
    },
    /// A missing file of a series was found: `from` is now `to`, and others may lie beside it.
    LocateFrames {
        layer: LayerId,
        frames: Vec<Frame>,
        from: PathBuf,
        to: PathBuf,
    },
    OpenProject {
        path: PathBuf,
    },
    Attributes {
        path: PathBuf,
        /// Layer inside a vector file; `None` = the first with shapes.
        table: Option<String>,
    },
    ImportLabels {
        path: PathBuf,
        table: Option<String>,
        grid: Grid,
        attribute: Option<String>,
    },
    /// Classes of a table, a style, a project or a map.
    ReadClasses {
        path: PathBuf,
    },
    /// One basis on all the files, for these layers.
    FitPca {
        paths: Vec<PathBuf>,
        layers: Vec<LayerId>,
    },
    ReadBasis {
        path: PathBuf,
        layers: Vec<LayerId>,
    },
    SaveBasis {
        basis: Box<PcaBasis>,
        path: PathBuf,
    },
    /// Outlines or labels as examples of a similarity search.
    Examples {
        layer: LayerId,
        path: PathBuf,
        source: ExampleSource,
    },
    /// Places a similarity search has found.
    ReadPlaces {
        path: PathBuf,
    },
    /// Every value of a band of codes as a class.
    UniqueValues {
        path: PathBuf,
        band: usize,
    },
    OpenSample,
    ParseCrs {
        text: String,
        purpose: CrsPurpose,
    },
    CrsCatalogue,
    /// Opens the system's file manager where a file lies.
    ShowInFolder {
        path: PathBuf,
    },
    OpenRecovery {
        folder: PathBuf,
    },
    // -- written by the second thread
    SaveProject {
        document: Document,
        path: PathBuf,
        revision: u64,
    },
    ExportLabels {
        labels: Labels,
        path: PathBuf,
    },
    SaveClasses {
        classes: Arc<Vec<Class>>,
        path: PathBuf,
    },
    /// What is wanted beside the finished map of a job, which wrote `files`.
    SaveCompanions {
        files: Vec<PathBuf>,
        wanted: Vec<Companion>,
    },
    SaveTimeTable {
        table: TimeTable,
        path: PathBuf,
    },
    /// The weather of a place; of several the one near the images.
    ReadWeather {
        spec: Box<WeatherSpec>,
        near: Option<Box<Place>>,
        /// It becomes the project's weather once it is read.
        adds: bool,
    },
    SaveWeather {
        table: Arc<WeatherTable>,
        path: PathBuf,
    },
    /// The journal of unsaved work takes in what changed.
    Journal {
        document: Document,
        /// The project's file, where it has one.
        home: Option<PathBuf>,
        /// Removed once the work stands in the journal.
        recovered_from: Option<PathBuf>,
    },
    /// The work is saved, or another one is begun.
    ForgetJournal,
    /// Saves painted labels, then the window starts `job` which uses them.
    SaveLabels {
        labels: Labels,
        path: PathBuf,
        job: Box<JobSpec>,
    },
    /// Saves a head, then the window starts `job` which uses it.
    SaveHead {
        head: Arc<Head>,
        path: PathBuf,
        job: JobSpec,
    },
    /// Saves clusters, then the window starts `job` which uses them.
    SaveClusters {
        clusters: Box<Clusters>,
        path: PathBuf,
        job: JobSpec,
    },
    /// Clusters a job found on `field`.
    LoadClusters {
        path: PathBuf,
        field: PathBuf,
    },
    /// A table or, by the ending, a picture.
    SaveProfiles {
        profiles: Vec<Arc<Profile>>,
        values: ProfileValues,
        path: PathBuf,
    },
    SavePicture {
        image: Arc<egui::ColorImage>,
        path: PathBuf,
    },
    /// A map sheet as PDF or, by the ending, PNG.
    SaveSheet {
        content: Box<SheetContent>,
        size: SheetSize,
        path: PathBuf,
    },
    SaveSettings(Settings),
    DiscardRecovery {
        folder: PathBuf,
    },
    /// A picture a job made, to be shown.
    LoadPicture {
        path: PathBuf,
    },
    /// Points of a validation sample of a map on `grid`.
    ReadSample {
        path: PathBuf,
        grid: Grid,
    },
    /// Writes what was said of one point of a sample.
    AnswerPoint {
        path: PathBuf,
        id: i64,
        answer: SampleAnswer,
    },
    /// Areas and accuracy out of a report.
    ReadAreas {
        path: PathBuf,
    },
    /// Shows a page in the user's browser.
    OpenPage {
        path: PathBuf,
    },
    ListModels,
    /// Deletes weights and lists the models again.
    RemoveWeights {
        path: PathBuf,
    },
}

/// Why a raster is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenRole {
    /// The user asked for a layer.
    Add,
    /// The user asked for this file as it is: no question whether its bands are dates.
    Part,
    /// A job wrote it.
    Result,
    /// Found again after it was missing or changed.
    Refresh(terroir_scene::LayerId),
}

pub struct OpenedRaster {
    pub role: OpenRole,
    pub info: Arc<RasterInfo>,
    pub style: Option<Style>,
    /// Why there is no style, e.g. all pixels missing.
    pub style_error: Option<SceneError>,
}

pub enum FileReply {
    Settings(Settings),
    Recovery(Option<PathBuf>),
    Raster(Box<OpenedRaster>),
    Found {
        found: Box<FoundRasters>,
        /// Ask before anything is opened.
        asks: bool,
    },
    Frames {
        layer: LayerId,
        frames: Vec<Frame>,
        missing: usize,
    },
    Series {
        name: String,
        series: Box<Series>,
        style: Option<Style>,
    },
    Fields {
        name: String,
        series: Box<Series>,
        style: Option<Style>,
    },
    Archive {
        question: ArchiveQuestion,
        facts: Box<Result<ArchiveFacts, String>>,
    },
    CropResults {
        path: PathBuf,
        results: Box<CropResults>,
    },
    SoilResults(Box<SoilResults>),
    /// The file holds several rasters: which to open is the user's choice.
    Container {
        path: PathBuf,
        inside: Vec<Contained>,
    },
    Project {
        path: PathBuf,
        project: Box<OpenedProject>,
    },
    Recovered {
        folder: PathBuf,
        work: Box<RestoredWork>,
    },
    Sample(Box<Document>),
    /// The program was installed without the sample.
    NoSample,
    Attributes {
        path: PathBuf,
        table: Option<String>,
        attributes: Vec<String>,
    },
    Labels {
        path: PathBuf,
        labels: Box<Labels>,
        report: ImportReport,
    },
    Classes {
        path: PathBuf,
        rows: Vec<ClassRow>,
    },
    ClassesSaved {
        path: PathBuf,
    },
    Pca {
        layers: Vec<LayerId>,
        basis: Box<PcaBasis>,
    },
    Clusters {
        field: PathBuf,
        clusters: Box<Clusters>,
    },
    BasisSaved {
        path: PathBuf,
    },
    Examples {
        layer: LayerId,
        path: PathBuf,
        examples: Vec<Example>,
    },
    Places {
        path: PathBuf,
        places: Vec<FoundPlace>,
    },
    UniqueValues {
        path: PathBuf,
        band: usize,
        entries: Vec<PaletteEntry>,
    },
    Crs {
        crs: Box<Crs>,
        purpose: CrsPurpose,
    },
    CrsCatalogue(Arc<Vec<CrsEntry>>),
    ProjectSaved {
        path: PathBuf,
        revision: u64,
    },
    LabelsExported {
        path: PathBuf,
    },
    CompanionsSaved {
        made: Vec<PathBuf>,
    },
    TableSaved {
        path: PathBuf,
    },
    Weather {
        spec: Box<WeatherSpec>,
        adds: bool,
        table: Box<Result<WeatherTable, String>>,
    },
    SamplePoints {
        path: PathBuf,
        points: Vec<SamplePoint>,
    },
    AreaFigures {
        path: PathBuf,
        figures: Box<AreaFigures>,
    },
    Models(Box<ModelList>),
    Picture {
        path: PathBuf,
        image: Arc<egui::ColorImage>,
    },
    Journaled {
        /// A folder of recovered work that is no longer needed.
        removed: Option<PathBuf>,
    },
    HeadSaved {
        job: JobSpec,
    },
    PictureSaved {
        path: PathBuf,
    },
    ProfilesSaved {
        path: PathBuf,
    },
    Done,
    Failed {
        doing: &'static str,
        error: SceneError,
    },
}

pub struct Files {
    links: Option<Links>,
    /// Threads that finish what they write before the program ends.
    writers: Vec<JoinHandle<()>>,
}

struct Links {
    opener: SyncSender<FileTask>,
    saver: SyncSender<FileTask>,
    fetcher: SyncSender<FileTask>,
    keeper: SyncSender<FileTask>,
    replies: Receiver<FileReply>,
}

impl Drop for Files {
    fn drop(&mut self) {
        // Without links the threads end after what they have to do.
        self.links = None;
        for writer in self.writers.drain(..) {
            writer.join().ok();
        }
    }
}

impl Files {
    /// `data_folder`: where settings and recovery files live; `None` keeps nothing (tests).
    /// `program`: opens every file first, in a process of its own; without one they are opened untried (tests).
    pub fn start(
        data_folder: Option<PathBuf>,
        program: Option<PathBuf>,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> std::io::Result<Self> {
        let (opener, open_tasks) = sync_channel(WAITING_TASKS);
        let (saver, save_tasks) = sync_channel(WAITING_TASKS);
        let (fetcher, fetch_tasks) = sync_channel(WAITING_TASKS);
        let (keeper, keep_tasks) = sync_channel(WAITING_TASKS);
        let (sender, replies) = sync_channel(WAITING_TASKS);
        let mut writers = Vec::new();
        for (name, tasks, writes) in [
            ("file opener", open_tasks, false),
            ("file saver", save_tasks, true),
            ("file fetcher", fetch_tasks, false),
            ("file journal", keep_tasks, true),
        ] {
            let (folder, sender, wake) = (data_folder.clone(), sender.clone(), wake.clone());
            let opener = program
                .clone()
                .filter(|_| name == "file opener")
                .map(TrialOpener::new);
            let thread = std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || work(&tasks, folder, opener, &sender, &*wake))?;
            if writes {
                writers.push(thread);
            }
        }
        let links = Some(Links {
            opener,
            saver,
            fetcher,
            keeper,
            replies,
        });
        Ok(Self { links, writers })
    }

    /// False when so many tasks wait that this one was refused. Never blocks.
    #[must_use]
    pub fn send(&self, task: FileTask) -> bool {
        let saves = matches!(
            task,
            FileTask::SaveProject { .. }
                | FileTask::ExportLabels { .. }
                | FileTask::SaveClasses { .. }
                | FileTask::SaveCompanions { .. }
                | FileTask::SaveTimeTable { .. }
                | FileTask::SaveWeather { .. }
                | FileTask::SaveHead { .. }
                | FileTask::SaveClusters { .. }
                | FileTask::SaveLabels { .. }
                | FileTask::SavePicture { .. }
                | FileTask::SaveSheet { .. }
                | FileTask::SaveProfiles { .. }
                | FileTask::SaveBasis { .. }
                | FileTask::AnswerPoint { .. }
                | FileTask::SaveSettings(_)
                | FileTask::DiscardRecovery { .. }
        );
        // A silent server must not keep files on the disk waiting.
        let is_fetched = matches!(&task, FileTask::OpenRaster { path, .. } if is_remote(path));
        let is_kept = matches!(task, FileTask::Journal { .. } | FileTask::ForgetJournal);
        let Some(links) = &self.links else {
            return false;
        };
        let queue = match (saves, is_fetched) {
            _ if is_kept => &links.keeper,
            (true, _) => &links.saver,
            (_, true) => &links.fetcher,
            _ => &links.opener,
        };
        queue.try_send(task).is_ok()
    }

    pub fn drain(&self) -> Vec<FileReply> {
        let links = self.links.iter();
        links.flat_map(|links| links.replies.try_iter()).collect()
    }
}

fn work(
    tasks: &Receiver<FileTask>,
    data_folder: Option<PathBuf>,
    mut opener: Option<TrialOpener>,
    replies: &SyncSender<FileReply>,
    wake: &(dyn Fn() + Send + Sync),
) {
    // Made with the first unsaved change; removed when the thread ends, which is when the window closes in order.
    let mut recovery: Option<RecoveryFolder> = None;
    for task in tasks.iter() {
        let doing = doing(&task);
        if let (Some(opener), Some(trial)) = (&mut opener, trial_of(&task)) {
            if let Trial::Raster(path) | Trial::Vector(path) | Trial::Classes(path) = &trial {
                forgive_file(path);
            }
            opener.try_blocking(&trial);
        }
        let reply = match answer_blocking(task, data_folder.as_deref(), &mut recovery) {
            Ok(reply) => reply,
            Err(error) => FileReply::Failed { doing, error },
        };
        if replies.send(reply).is_err() {
            break;
        }
        wake();
    }
}

/// What a task opens that nobody here knows yet.
fn trial_of(task: &FileTask) -> Option<Trial> {
    Some(match task {
        FileTask::OpenRaster {
            path,
            role: OpenRole::Add | OpenRole::Part | OpenRole::Refresh(_),
        } => Trial::Raster(path.clone()),
        FileTask::FindSeries { paths } | FileTask::FindOneSeries { paths } => {
            Trial::Series(paths.clone())
        }
        FileTask::OpenProject { path } => Trial::Project(path.clone()),
        FileTask::OpenRecovery { folder } => Trial::Journal(recovery::journal_path(folder)),
        FileTask::Attributes { path, .. } | FileTask::ImportLabels { path, .. } => {
            Trial::Vector(path.clone())
        }
        FileTask::ReadClasses { path } => Trial::Classes(path.clone()),
        _ => return None,
    })
}

fn doing(task: &FileTask) -> &'static str {
    match task {
        FileTask::Settings | FileTask::SaveSettings(_) => "settings",
        FileTask::FindRecovery | FileTask::DiscardRecovery { .. } => "recovery",
        FileTask::OpenRaster { .. }
        | FileTask::FindSeries { .. }
        | FileTask::FindOneSeries { .. }
        | FileTask::OpenSeries { .. }
        | FileTask::OpenFields { .. }
        | FileTask::OpenImages { .. }
        | FileTask::LocateFrames { .. } => "opening the raster",
        FileTask::LookIntoArchive { .. } => "looking at the images",
        FileTask::ReadSoil { .. } | FileTask::ReadCrops { .. } => "reading the results",
        FileTask::OpenProject { .. } | FileTask::OpenSample | FileTask::OpenRecovery { .. } => {
            "opening the project"
        }
        FileTask::Attributes { .. } | FileTask::ImportLabels { .. } => "importing labels",
        FileTask::ReadClasses { .. } => "reading the class table",
        FileTask::SaveClasses { .. } => "writing the class table",
        FileTask::SaveCompanions { .. } => "writing beside the map",
        FileTask::UniqueValues { .. } => "finding the values of the raster",
        FileTask::FitPca { .. } => "fitting the colours of the field",
        FileTask::ReadBasis { .. } => "reading colours",
        FileTask::SaveBasis { .. } => "saving the colours",
        FileTask::Examples { .. } => "reading the examples",
        FileTask::ReadPlaces { .. } => "reading the places found",
        FileTask::ParseCrs { .. } | FileTask::CrsCatalogue => "reading the coordinate system",
        FileTask::ShowInFolder { .. } => "showing the file",
        FileTask::LoadPicture { .. } => "reading a picture",
        FileTask::ReadSample { .. } => "reading the sample",
        FileTask::AnswerPoint { .. } => "saving the answer",
        FileTask::ReadAreas { .. } => "reading the report",
        FileTask::OpenPage { .. } => "opening the report",
        FileTask::ListModels | FileTask::RemoveWeights { .. } => "looking after weights",
        FileTask::SaveProject { .. } => "saving the project",
        FileTask::ExportLabels { .. } => "exporting labels",
        FileTask::SaveTimeTable { .. } | FileTask::SaveWeather { .. } => "saving the table",
        FileTask::ReadWeather { .. } => "reading the weather",
        FileTask::Journal { .. } | FileTask::ForgetJournal => "autosave",
        FileTask::SaveHead { .. } => "saving the classifier",
        FileTask::SaveClusters { .. } => "saving the clusters",
        FileTask::LoadClusters { .. } => "reading the clusters",
        FileTask::SaveLabels { .. } => "saving the labels",
        FileTask::SavePicture { .. } | FileTask::SaveSheet { .. } => "saving the picture",
        FileTask::SaveProfiles { .. } => "saving the profiles",
    }
}

fn answer_blocking(
    task: FileTask,
    data_folder: Option<&Path>,
    recovery: &mut Option<RecoveryFolder>,
) -> SceneResult<FileReply> {
    Ok(match task {
        FileTask::Settings => FileReply::Settings(Settings::load_blocking(data_folder)),
        FileTask::SaveSettings(settings) => {
            settings.save_blocking(data_folder)?;
            FileReply::Done
        }
        FileTask::FindRecovery => {
            FileReply::Recovery(data_folder.and_then(recovery::find_blocking))
        }
        FileTask::OpenRaster { path, role } => {
            if is_remote(&path) {
                // Only a user's own act brings an address here.
                allow_address(&path);
            }
            let raster = match Raster::open(&path) {
                Ok(raster) => raster,
                Err(error) if role != OpenRole::Add => return Err(error),
                // Some formats are folders; every other folder is looked into.
                Err(_) if path.is_dir() && !is_zarr(&path) => {
                    return Ok(FileReply::Found {
                        found: Box::new(find_series_blocking(&[path])),
                        asks: true,
                    });
                }
                Err(error) => match contained_blocking(&path) {
                    Ok(Some(inside)) => return Ok(FileReply::Container { path, inside }),
                    _ => return Err(error),
                },
            };
            if role == OpenRole::Add
                && let Some(found) = series_in_raster_blocking(raster.info())
            {
                return Ok(FileReply::Found {
                    found: Box::new(found),
                    asks: true,
                });
            }
            let (style, style_error) = match default_style_blocking(&raster) {
                Ok(style) => (Some(style), None),
                Err(error) => (None, Some(error)),
            };
            let info = Arc::new(raster.info().clone());
            FileReply::Raster(Box::new(OpenedRaster {
                role,
                info,
                style,
                style_error,
            }))
        }
        FileTask::FindSeries { paths } => FileReply::Found {
            found: Box::new(find_series_blocking(&paths)),
            asks: true,
        },
        FileTask::FindOneSeries { paths } => FileReply::Found {
            found: Box::new(one_series_blocking(&paths)),
            asks: false,
        },
        FileTask::OpenSeries { name, frames } => {
            let mut series = Series::new(frames, 0);
            let first = clearest_frame_blocking(series.frames());
            series = Series::new(series.frames().to_vec(), first);
            let style = series
                .shown_frame()
                .and_then(|frame| frame.info.as_ref())
                .and_then(|info| Raster::open(&info.path).ok())
                .and_then(|raster| default_style_blocking(&raster).ok());
            FileReply::Series {
                name,
                series: Box::new(series),
                style,
            }
        }
        FileTask::OpenFields { name, paths } => {
            let fields: Vec<Raster> = paths
                .iter()
                .map(|path| Raster::open(path))
                .collect::<SceneResult<_>>()?;
            // One set of colours for all: what changes from period to period is the field.
            let style = Style::pca(fit_pca_of_blocking(&fields, false, &mut |_| true)?);
            let frames = one_series_blocking(&paths).series;
            let frames = frames.into_iter().flat_map(|found| found.frames).collect();
            FileReply::Fields {
                name,
                series: Box::new(Series::new(frames, 0)),
                style: Some(style),
            }
        }
        FileTask::OpenImages { name, paths } => {
            let style = match paths.first() {
                Some(first) => default_style_blocking(&Raster::open(first)?).ok(),
                None => None,
            };
            let found = one_series_blocking(&paths).series;
            let frames = found.into_iter().flat_map(|found| found.frames).collect();
            FileReply::Fields {
                name,
                series: Box::new(Series::new(frames, 0)),
                style,
            }
        }
        FileTask::LookIntoArchive { question } => FileReply::Archive {
            facts: Box::new(ArchiveFacts::read_blocking(&question)),
            question,
        },
        FileTask::ReadCrops { path } => {
            let results = CropResults::read_blocking(&path)
                .map_err(|failure| SceneError::file(&path, failure.what))?;
            FileReply::CropResults {
                path,
                results: Box::new(results),
            }
        }
        FileTask::ReadSoil { folder } => {
            let results = SoilResults::read_blocking(&folder)
                .map_err(|failure| SceneError::file(&folder, failure.what))?;
            FileReply::SoilResults(Box::new(results))
        }
        FileTask::LocateFrames {
            layer,
            mut frames,
            from,
            to,
        } => {
            let missing = relocate_frames_blocking(&mut frames, &from, &to);
            FileReply::Frames {
                layer,
                frames,
                missing,
            }
        }
        FileTask::OpenProject { path } => {
            let project = Box::new(open_project(&path)?);
            FileReply::Project { path, project }
        }
        FileTask::UniqueValues { path, band } => {
            let raster = Raster::open(&path)?;
            let entries = unique_value_classes_blocking(&raster, band)?;
            FileReply::UniqueValues {
                path,
                band,
                entries,
            }
        }
        FileTask::OpenSample => match sample() {
            Some(sample) => FileReply::Sample(Box::new(sample_document_blocking(&sample)?)),
            None => FileReply::NoSample,
        },
        FileTask::OpenRecovery { folder } => FileReply::Recovered {
            work: Box::new(restore_work(&recovery::journal_path(&folder))?),
            folder,
        },
        FileTask::DiscardRecovery { folder } => {
            recovery::discard_blocking(&folder)?;
            FileReply::Done
        }
        FileTask::Attributes { path, table } => {
            let attributes = vector_attributes(&path, table.as_deref())?;
            FileReply::Attributes {
                path,
                table,
                attributes,
            }
        }
        FileTask::ImportLabels {
            path,
            table,
            grid,
            attribute,
        } => {
            let (labels, report) =
                import_labels_of(&path, table.as_deref(), &grid, attribute.as_deref())?;
            FileReply::Labels {
                path,
                labels: Box::new(labels),
                report,
            }
        }
        FileTask::FitPca { paths, layers } => {
            let fields: Vec<Raster> = paths
                .iter()
                .map(|path| Raster::open(path))
                .collect::<SceneResult<_>>()?;
            let basis = Box::new(fit_pca_of_blocking(&fields, false, &mut |_| true)?);
            FileReply::Pca { layers, basis }
        }
        FileTask::ReadBasis { path, layers } => FileReply::Pca {
            basis: Box::new(PcaBasis::load(&path)?),
            layers,
        },
        FileTask::SaveBasis { basis, path } => {
            basis.save(&path)?;
            FileReply::BasisSaved { path }
        }
        FileTask::Examples {
            layer,
            path,
            source,
        } => {
            let examples = examples_blocking(&path, &source)?;
            FileReply::Examples {
                layer,
                path,
                examples,
            }
        }
        FileTask::ReadPlaces { path } => FileReply::Places {
            places: read_places_table(&path)?,
            path,
        },
        FileTask::ParseCrs { text, purpose } => FileReply::Crs {
            crs: Box::new(Crs::parse(&text)?),
            purpose,
        },
        FileTask::CrsCatalogue => FileReply::CrsCatalogue(Arc::new(crs_catalogue_blocking())),
        FileTask::ShowInFolder { path } => {
            crate::file_manager::show_blocking(&path)?;
            FileReply::Done
        }
        FileTask::LoadPicture { path } => {
            let image = load_picture_blocking(&path).map_err(|why| {
                SceneError::file(&path, t!("news-picture-unreadable")).with_details(why)
            })?;
            FileReply::Picture {
                path,
                image: Arc::new(image),
            }
        }
        FileTask::ReadSample { path, grid } => {
            let points = read_sample_blocking(&path, &grid)?;
            FileReply::SamplePoints { path, points }
        }
        FileTask::AnswerPoint { path, id, answer } => {
            answer_sample_point_blocking(&path, id, &answer)?;
            FileReply::Done
        }
        FileTask::ReadAreas { path } => {
            let figures = read_area_figures(&path)
                .map_err(|failure| SceneError::file(&path, failure.what))?;
            FileReply::AreaFigures {
                path,
                figures: Box::new(figures),
            }
        }
        FileTask::OpenPage { path } => {
            crate::file_manager::open_blocking(&path)?;
            FileReply::Done
        }
        FileTask::ListModels => FileReply::Models(Box::new(list_models_blocking(data_folder))),
        FileTask::RemoveWeights { path } => {
            let folder = path.parent().unwrap_or(Path::new(""));
            ModelStore::new(folder)
                .remove_blocking(std::slice::from_ref(&path))
                .map_err(|failure| SceneError::write(&path, failure.what))?;
            FileReply::Models(Box::new(list_models_blocking(data_folder)))
        }
        FileTask::SaveProject {
            document,
            path,
            revision,
        } => {
            save_project(&document, &path)?;
            FileReply::ProjectSaved { path, revision }
        }
        FileTask::ReadClasses { path } => {
            let rows = read_class_table_blocking(&path)?;
            FileReply::Classes { path, rows }
        }
        FileTask::SaveClasses { classes, path } => {
            write_class_table(&classes, &path)?;
            FileReply::ClassesSaved { path }
        }
        FileTask::ExportLabels { labels, path } => {
            export_labels(&labels, &path)?;
            FileReply::LabelsExported { path }
        }
        FileTask::SaveCompanions { files, wanted } => FileReply::CompanionsSaved {
            made: write_companions_blocking(&files, &wanted)?,
        },
        FileTask::SaveTimeTable { table, path } => {
            table.save(&path)?;
            FileReply::TableSaved { path }
        }
        FileTask::SaveWeather { table, path } => {
            write_beside(&path, table.csv().as_bytes())?;
            FileReply::TableSaved { path }
        }
        FileTask::ReadWeather { spec, near, adds } => {
            let read = read_weather_blocking(WeatherSpec::clone(&spec), near.map(|near| *near));
            let (spec, table) = match read {
                Ok((found, table)) => (Box::new(found), Ok(table)),
                Err(error) => (spec, Err(error.to_string())),
            };
            FileReply::Weather {
                spec,
                adds,
                table: Box::new(table),
            }
        }
        FileTask::Journal {
            document,
            home,
            recovered_from,
        } => {
            if let Some(data_folder) = data_folder {
                let folder = match recovery {
                    Some(folder) => folder,
                    None => recovery.insert(RecoveryFolder::create_blocking(data_folder)?),
                };
                folder.journal.write_blocking(&document, home.as_deref())?;
                if let Some(old) = &recovered_from {
                    recovery::discard_blocking(old)?;
                }
            }
            FileReply::Journaled {
                removed: recovered_from,
            }
        }
        FileTask::ForgetJournal => {
            *recovery = None;
            FileReply::Journaled { removed: None }
        }
        FileTask::SaveLabels { labels, path, job } => {
            export_labels(&labels, &path)?;
            FileReply::HeadSaved { job: *job }
        }
        FileTask::SaveClusters {
            clusters,
            path,
            job,
        } => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|error| write_error(folder, &error))?;
            }
            clusters.save(&path)?;
            FileReply::HeadSaved { job }
        }
        FileTask::LoadClusters { path, field } => FileReply::Clusters {
            field,
            clusters: Box::new(Clusters::load(&path)?),
        },
        FileTask::SaveHead { head, path, job } => {
            if let Some(folder) = path.parent() {
                std::fs::create_dir_all(folder).map_err(|error| write_error(folder, &error))?;
            }
            head.save(&path)?;
            FileReply::HeadSaved { job }
        }
        FileTask::SaveProfiles {
            profiles,
            values,
            path,
        } => {
            export_profiles(profiles.iter().map(|profile| &**profile), values, &path)?;
            FileReply::ProfilesSaved { path }
        }
        FileTask::SavePicture { image, path } => {
            save_png_blocking(&image, &path)?;
            FileReply::PictureSaved { path }
        }
        FileTask::SaveSheet {
            content,
            size,
            path,
        } => {
            /// Dots an inch of a sheet as PNG.
            const DOTS: f64 = 200.0;
            let sheet = Sheet::new(*content, size);
            let format = SheetFormat::of(&path).unwrap_or(SheetFormat::Pdf);
            let bytes = sheet
                .file(format, DOTS)
                .map_err(|error| write_error(&path, &error))?;
            write_beside(&path, &bytes)?;
            FileReply::PictureSaved { path }
        }
    })
}

pub fn write_error(path: &Path, error: &std::io::Error) -> SceneError {
    SceneError::write(path, t!("news-not-written")).with_details(error)
}

/// Written beside and renamed, like every file.
fn save_png_blocking(image: &egui::ColorImage, path: &Path) -> SceneResult<()> {
    let mut bytes = Vec::new();
    let failed = |error: png::EncodingError| {
        SceneError::write(path, t!("news-picture-not-made")).with_details(error)
    };
    let mut encoder = png::Encoder::new(&mut bytes, image.width() as u32, image.height() as u32);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    let pixels: Vec<u8> = image
        .pixels
        .iter()
        .flat_map(|pixel| pixel.to_srgba_unmultiplied())
        .collect();
    writer.write_image_data(&pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    write_beside(path, &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_is_written_beside_and_renamed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("view.png");
        let image = egui::ColorImage::filled([3, 2], egui::Color32::from_rgb(10, 200, 30));
        save_png_blocking(&image, &path).unwrap();
        assert!(
            std::fs::read(&path)
                .unwrap()
                .starts_with(&[0x89, b'P', b'N', b'G'])
        );
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(
            save_png_blocking(&image, &folder.path().join("missing").join("view.png")).is_err()
        );
    }
}
