//! What became of a task: one reply a task. Knows values; opens nothing.

use std::path::PathBuf;
use std::sync::Arc;

use terroir_engine::{AreaFigures, CropResults, JobSpec, SoilResults};
use terroir_scene::{
    ClassRow, Clusters, Contained, Crs, CrsEntry, Document, Example, FoundPlace, FoundRasters,
    Frame, ImportReport, Labels, LayerId, OpenedProject, PaletteEntry, PcaBasis, RasterInfo,
    RestoredWork, SamplePoint, SceneError, Series, Style, WeatherSpec, WeatherTable,
};

use super::OpenRole;
use crate::archive_facts::{ArchiveFacts, ArchiveQuestion};
use crate::crs_chooser::CrsPurpose;
use crate::models::ModelList;
use crate::settings::Settings;

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
