//! What the window asks of its files: one task a wish. Knows values; opens nothing.

use std::path::PathBuf;
use std::sync::Arc;

use terroir_engine::JobSpec;
use terroir_scene::{
    Class, Clusters, Companion, Document, Frame, Grid, Head, Labels, LayerId, PcaBasis, Profile,
    ProfileValues, SampleAnswer, SheetContent, SheetSize, TimeTable, WeatherSpec, WeatherTable,
};

use crate::archive_facts::ArchiveQuestion;
use crate::crs_chooser::CrsPurpose;
use crate::settings::Settings;
use crate::similarity::ExampleSource;
use crate::weather::Place;

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
