//! Where the bundled sample and weights lie, and the document the first start shows. Reads rasters; draws nothing.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use terroir_engine::{ModelStore, models_folder};
use terroir_scene::{
    Blend, Document, Labels, Layer, LayerId, LayerSource, Raster, SceneResult,
    default_style_blocking, import_labels,
};

/// Said wherever the sample is shown or exported.
pub const SAMPLE_ATTRIBUTION: &str = "Contains modified Copernicus Sentinel data 2021";
pub const SAMPLE_REFERENCE_ATTRIBUTION: &str = "(c) ESA WorldCover project, CC BY 4.0";

/// The sample's files; all lie in one folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    pub folder: PathBuf,
}

impl Sample {
    /// The scene the first start shows: Sentinel-2 over irrigated circles.
    pub fn scene(&self) -> PathBuf {
        self.folder.join("S2_2021-07-28.tif")
    }
    /// Its precomputed field.
    pub fn field(&self) -> PathBuf {
        self.folder.join("field.tif")
    }
    /// Stroke-sized training polygons with the attribute `class`.
    pub fn labels(&self) -> PathBuf {
        self.folder.join("labels.geojson")
    }
    /// Held-out reference: no pixel of it lies in a block the training labels touch.
    pub fn reference(&self) -> PathBuf {
        self.folder.join("reference.tif")
    }
    /// A second scene: aerial image, four bands.
    pub fn aerial(&self) -> PathBuf {
        self.folder.join("m_4709963_se_14_1_20160816_5m.tif")
    }
}

/// The bundled sample: in `TERROIR_ASSETS`, beside the executable, where a package puts it (`../share/terroir` and the like), or
/// in the source tree.
pub fn sample() -> Option<Sample> {
    sample_dir().map(|folder| Sample { folder })
}

/// Folder of the bundled sample; `None` when no place has it.
pub fn sample_dir() -> Option<PathBuf> {
    assets_folder("sample", |folder| folder.join("labels.geojson").is_file())
}

/// Folder of the weights that come with the program, a folder a model; `None` when no place has it.
pub fn built_in_weights_folder() -> Option<PathBuf> {
    assets_folder("weights", Path::is_dir)
}

/// The weights a model is run with if nothing else is said: the user's newest, else those built in.
pub fn weights_of_blocking(model: &str) -> Option<PathBuf> {
    let store = ModelStore::new(models_folder().ok()?);
    store
        .models_blocking(built_in_weights_folder().as_deref())
        .into_iter()
        .find(|known| known.name == model)?
        .weights()
        .map(Path::to_owned)
}

/// A folder the program brings along, looked for where it may lie.
fn assets_folder(name: &str, is_it: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    let beside = std::env::current_exe()
        .ok()
        .and_then(|program| program.parent().map(Path::to_path_buf));
    let places = [
        std::env::var_os("TERROIR_ASSETS").map(PathBuf::from),
        beside.as_ref().map(|folder| folder.join("assets")),
        beside
            .as_ref()
            .map(|folder| folder.join("../share/terroir")),
        // As bundles of Windows and macOS lay it out.
        beside.as_ref().map(|folder| folder.join("share/terroir")),
        beside
            .as_ref()
            .map(|folder| folder.join("../Resources/terroir")),
        Some(Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets")),
    ];
    places
        .into_iter()
        .flatten()
        .map(|assets| assets.join(name))
        .find(|folder| is_it(folder))
        .map(|folder| folder.canonicalize().unwrap_or(folder))
}

/// Where results made from `path` go by default if not beside it: the sample's folder belongs to the program and may be
/// read-only, so its results go to the user's documents (or home), as do those of rasters on the network. Looks at the disk once a process; call it once
/// before the window opens.
pub fn folder_for_results(path: &Path) -> Option<&'static Path> {
    static FOLDERS: OnceLock<Option<(PathBuf, PathBuf)>> = OnceLock::new();
    let (sample, documents) = FOLDERS
        .get_or_init(|| {
            let user = directories::UserDirs::new()?;
            let documents = user.document_dir().filter(|folder| folder.is_dir());
            Some((
                sample_dir()?,
                documents.unwrap_or(user.home_dir()).to_path_buf(),
            ))
        })
        .as_ref()?;
    (path.starts_with(sample) || terroir_scene::is_remote(path)).then_some(documents.as_path())
}

/// The sample as the first start shows it: the scene in natural colour and its field below, no labels painted yet
/// (labels carry the sample's classes, so that the first stroke has a name). Blocks on the disk.
pub fn sample_document_blocking(sample: &Sample) -> SceneResult<Document> {
    let mut document = Document::default();
    let field = sample.field();
    if field.is_file() {
        document.add_layer(raster_layer_blocking(
            &field,
            "Field 2021-07-28 (principal components)",
            SAMPLE_ATTRIBUTION,
        )?);
    }
    let scene = raster_layer_blocking(
        &sample.scene(),
        "Sentinel-2, 2021-07-28",
        SAMPLE_ATTRIBUTION,
    )?;
    if let Some(info) = scene.raster_info() {
        let (imported, _) = import_labels(&sample.labels(), &info.grid, Some("class"))?;
        let mut labels = Labels::new(info.grid.clone());
        labels.classes = imported.classes;
        document.labels = Some(labels);
    }
    document.add_layer(scene);
    Ok(document)
}

fn raster_layer_blocking(path: &Path, name: &str, attribution: &str) -> SceneResult<Layer> {
    let raster = Raster::open(path)?;
    Ok(Layer {
        id: LayerId(0),
        name: name.to_owned(),
        source: LayerSource::Raster {
            path: path.to_path_buf(),
            info: Some(std::sync::Arc::new(raster.info().clone())),
        },
        style: Some(default_style_blocking(&raster)?),
        visible: true,
        opacity: 1.0,
        blend: Blend::Normal,
        missing_color: None,
        edited_wavelengths: Vec::new(),
        attribution: Some(attribution.to_owned()),
    })
}
