//! The report of `terroir doctor` and of the System page: what there is, what works, and what to do about what does not.
//! Asks the engine and the scene; tries a network and the worker. Draws nothing and changes nothing.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use terroir_engine::{
    DeviceInfo, machine_facts, models_folder, try_model_here, try_worker_blocking,
};
use terroir_scene::{
    FormatUse, free_space_bytes_blocking, library_facts_blocking, projection_self_test, sensors,
};

use crate::assets;
use crate::cli::size_text;

/// How long the worker may take until it answers.
const WORKER_PATIENCE: Duration = Duration::from_secs(60);
/// Below it the next map may not fit on the disk.
const LITTLE_SPACE: u64 = 1_000_000_000;
/// Below it only the small models run.
const LITTLE_MEMORY: u64 = 2_000_000_000;
/// Variables that change how Terroir or its libraries behave.
const VARIABLES: [&str; 13] = [
    "TERROIR_ASSETS",
    "TERROIR_MODELS",
    "TERROIR_NETWORK",
    "PROJ_DATA",
    "PROJ_LIB",
    "GDAL_DATA",
    "GDAL_DRIVER_PATH",
    "GDAL_SKIP",
    "VK_DRIVER_FILES",
    "VK_ICD_FILENAMES",
    "WGPU_BACKEND",
    "LD_LIBRARY_PATH",
    "LD_PRELOAD",
];

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Ok,
    /// Something is less than it could be.
    Warning,
    /// Something Terroir needs is broken.
    Failed,
}

impl Health {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "FAILED",
        }
    }
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Heading it stands under.
    pub area: String,
    pub name: String,
    pub health: Health,
    pub found: String,
    /// What to do about it.
    pub advice: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    pub version: String,
    pub commit: Option<String>,
    pub checks: Vec<Check>,
}

impl Report {
    /// Everything, in some seconds. `program`: the executable whose worker is tried.
    pub fn gather_blocking(program: Option<&Path>) -> Self {
        let mut checks = Checks::default();
        program_checks(&mut checks, program);
        machine_checks(&mut checks);
        library_checks(&mut checks);
        data_checks(&mut checks);
        folder_checks(&mut checks);
        work_checks(&mut checks, program);
        display_check(&mut checks);
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            commit: crate::version::commit().map(str::to_owned),
            checks: checks.list,
        }
    }

    pub fn count(&self, health: Health) -> usize {
        let is_such = |check: &&Check| check.health == health;
        self.checks.iter().filter(is_such).count()
    }

    /// The report as text for people and for reports of faults.
    pub fn text(&self) -> String {
        let width = |text: &str| text.chars().count();
        let names = self.checks.iter().map(|check| width(&check.name));
        let widest = names.max().unwrap_or(0);
        let mut text = format!("Terroir {}", self.version);
        if let Some(commit) = &self.commit {
            text += &format!(" ({commit})");
        }
        text.push('\n');
        let mut area = "";
        for check in &self.checks {
            if check.area != area {
                area = &check.area;
                text += &format!("\n{area}\n");
            }
            let gap = " ".repeat(widest - width(&check.name));
            let indent = " ".repeat(widest + 13);
            let found = check.found.replace('\n', &format!("\n{indent}"));
            let line = format!("  {:<7}  {}{gap}  {found}", check.health.word(), check.name);
            text += line.trim_end();
            text.push('\n');
            if let Some(advice) = &check.advice {
                let advice = advice.replace('\n', &format!("\n{indent}  "));
                text += &format!("{indent}> {advice}\n");
            }
        }
        text += &format!("\n{}\n", self.sum());
        text
    }

    /// One sentence.
    pub fn sum(&self) -> String {
        let (failed, warnings) = (self.count(Health::Failed), self.count(Health::Warning));
        let warned = match warnings {
            0 => String::new(),
            1 => "; 1 warning".to_owned(),
            _ => format!("; {warnings} warnings"),
        };
        match failed {
            0 => format!("Everything Terroir needs works{warned}."),
            1 => format!("1 thing Terroir needs is broken{warned}."),
            _ => format!("{failed} things Terroir needs are broken{warned}."),
        }
    }
}

#[derive(Default)]
struct Checks {
    list: Vec<Check>,
    area: &'static str,
}

impl Checks {
    fn area(&mut self, area: &'static str) {
        self.area = area;
    }

    fn push(&mut self, health: Health, name: &str, found: String, advice: Option<String>) {
        self.list.push(Check {
            area: self.area.to_owned(),
            name: name.to_owned(),
            health,
            found: without_home(&found),
            advice: advice.map(|advice| without_home(&advice)),
        });
    }

    fn ok(&mut self, name: &str, found: impl Into<String>) {
        self.push(Health::Ok, name, found.into(), None);
    }

    fn warning(&mut self, name: &str, found: impl Into<String>, advice: &str) {
        let advice = Some(advice.to_owned());
        self.push(Health::Warning, name, found.into(), advice);
    }

    fn failed(&mut self, name: &str, found: impl Into<String>, advice: &str) {
        let advice = Some(advice.to_owned());
        self.push(Health::Failed, name, found.into(), advice);
    }
}

/// The user's name is nobody's business: their home folder reads `~`.
fn without_home(text: &str) -> String {
    let home = directories::UserDirs::new().map(|user| user.home_dir().display().to_string());
    match home {
        Some(home) if home.len() > 1 => text.replace(&home, "~"),
        _ => text.to_owned(),
    }
}

fn program_checks(checks: &mut Checks, program: Option<&Path>) {
    checks.area("Program");
    checks.ok("Version", format!("Terroir {}", crate::version::text()));
    let debug = if cfg!(debug_assertions) {
        " (debug build, slow)"
    } else {
        ""
    };
    match program {
        Some(program) => checks.ok("Executable", format!("{}{debug}", program.display())),
        None => checks.failed(
            "Executable",
            "the program's own file is not known",
            "Jobs cannot run. Start Terroir by its full path.",
        ),
    }
    let set: Vec<String> = VARIABLES
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
        .map(|(name, value)| format!("{name}={}", value.to_string_lossy()))
        .collect();
    if !set.is_empty() {
        checks.ok("Environment", set.join("\n"));
    }
}

fn machine_checks(checks: &mut Checks) {
    checks.area("Machine");
    let facts = machine_facts();
    checks.ok(
        "System",
        format!("{}, kernel {}", facts.system, facts.kernel),
    );
    checks.ok(
        "Processor",
        format!(
            "{} ({}), {} threads{}",
            facts.processor,
            facts.architecture,
            facts.threads,
            match facts.has_tiles {
                true => "; networks use its tile unit (AMX)",
                false => "",
            }
        ),
    );
    let (total, free) = (facts.memory_bytes, facts.free_memory_bytes);
    match total {
        None => checks.warning("Memory", "the system does not say", "Nothing to do."),
        Some(total) => {
            let free = free
                .map(|free| format!(", {} free", size_text(free)))
                .unwrap_or_default();
            let found = format!("{}{free}", size_text(total));
            if total < LITTLE_MEMORY {
                checks.warning(
                    "Memory",
                    found,
                    "Choose the smallest models and keep other programs closed.",
                );
            } else {
                checks.ok("Memory", found);
            }
        }
    }
}

fn library_checks(checks: &mut Checks) {
    checks.area("Geographic libraries");
    let facts = library_facts_blocking();
    checks.ok(
        "GDAL",
        format!(
            "{}, {} raster and {} vector formats",
            facts.gdal_version, facts.raster_formats, facts.vector_formats
        ),
    );
    match &facts.gdal_data {
        Some(folder) => checks.ok("GDAL data", folder.display().to_string()),
        None => checks.warning(
            "GDAL data",
            "not found",
            "Some formats miss their tables. Install GDAL's data or set GDAL_DATA to their folder.",
        ),
    }
    checks.ok("PROJ", facts.proj_version.clone());
    match &facts.proj_database {
        Some(file) => checks.ok("proj.db", file.display().to_string()),
        None => checks.failed(
            "proj.db",
            "not found",
            "Install PROJ's data (package proj-data) or set PROJ_DATA to the folder with proj.db.",
        ),
    }
    match projection_self_test() {
        Ok(()) => checks.ok("Reprojection", "GDAL and PROJ agree on a known point"),
        Err(error) => checks.failed(
            "Reprojection",
            error.to_string(),
            "Without it nothing can be placed on a map; put PROJ's data right first.",
        ),
    }
    let there: Vec<&str> = facts
        .formats
        .iter()
        .filter(|format| format.can != FormatUse::Missing)
        .map(|format| format.name)
        .collect();
    checks.ok("Formats", there.join(", "));
    for format in &facts.formats {
        let found = || format!("{} is missing: {}", format.name, format.holds);
        match format.can {
            FormatUse::ReadsAndWrites => {}
            FormatUse::Reads if !format.is_needed => {}
            FormatUse::Reads => checks.failed(
                "Format",
                format!("{} cannot be written: {}", format.name, format.holds),
                "This GDAL was built without it. Install the GDAL of your system.",
            ),
            FormatUse::Missing if format.is_needed => checks.failed(
                "Format",
                found(),
                "This GDAL was built without it, or GDAL_SKIP names it. Install the GDAL of your system.",
            ),
            FormatUse::Missing => checks.warning(
                "Format",
                found(),
                "Such files do not open here. Install a GDAL that has the format, or its plugin.",
            ),
        }
    }
}

fn data_checks(checks: &mut Checks) {
    checks.area("Data of the program");
    match assets::sample_dir() {
        Some(folder) => checks.ok("Sample", folder.display().to_string()),
        None => checks.warning(
            "Sample",
            "not found",
            "`terroir demo` and the sample of the first start are missing. Install Terroir again, or set TERROIR_ASSETS to the folder that holds `sample`.",
        ),
    }
    match assets::built_in_weights_folder() {
        Some(folder) => {
            let models = terroir_engine::ModelStore::new(models_folder().unwrap_or_default())
                .models_blocking(Some(&folder));
            let names: Vec<&str> = models
                .iter()
                .filter(|model| model.weights().is_some())
                .map(|model| model.name.as_str())
                .collect();
            checks.ok(
                "Weights",
                format!("{} in {}", names.join(", "), folder.display()),
            );
        }
        None => checks.warning(
            "Weights",
            "the weights that come with Terroir were not found",
            "Models run untrained. Install Terroir again, or set TERROIR_ASSETS to the folder that holds `weights`.",
        ),
    }
    match sensors().len() {
        0 => checks.failed(
            "Sensors",
            "the table of sensors is empty",
            "This build is broken; install Terroir again.",
        ),
        count => checks.ok("Sensors", format!("{count} known")),
    }
}

fn folder_checks(checks: &mut Checks) {
    checks.area("Folders");
    let own = directories::ProjectDirs::from("", "", "terroir")
        .map(|dirs| dirs.data_local_dir().to_owned());
    let results = directories::UserDirs::new().map(|user| {
        let documents = user.document_dir().filter(|folder| folder.is_dir());
        documents.unwrap_or(user.home_dir()).to_owned()
    });
    for (name, folder, without) in [
        (
            "Settings and recovery",
            own,
            "Settings and unsaved work are not kept.",
        ),
        (
            "Weights of yours",
            models_folder().ok(),
            "Models cannot be installed; name another folder in TERROIR_MODELS.",
        ),
        (
            "Results of the sample",
            results,
            "Choose another folder when a job asks for one.",
        ),
        (
            "Temporary files",
            Some(std::env::temp_dir()),
            "Set TMPDIR to a folder you may write to.",
        ),
    ] {
        folder_check(checks, name, folder, without);
    }
}

fn folder_check(checks: &mut Checks, name: &str, folder: Option<PathBuf>, without: &str) {
    let Some(folder) = folder else {
        checks.warning(name, "the system names no such folder", without);
        return;
    };
    // A folder that is not there yet is made when it is needed.
    let there = folder.ancestors().find(|folder| folder.is_dir());
    let Some(there) = there.filter(|there| is_writable_blocking(there)) else {
        let found = format!("{} cannot be written to", folder.display());
        if name == "Temporary files" {
            checks.failed(name, found, without);
        } else {
            checks.warning(name, found, without);
        }
        return;
    };
    match free_space_bytes_blocking(there) {
        Some(free) if free < LITTLE_SPACE => checks.warning(
            name,
            format!("{}, only {} free", folder.display(), size_text(free)),
            "Free some space before larger jobs.",
        ),
        Some(free) => checks.ok(
            name,
            format!("{}, {} free", folder.display(), size_text(free)),
        ),
        None => checks.ok(name, folder.display().to_string()),
    }
}

/// Tries it with a file that is removed at once: permissions alone do not tell of read-only disks.
fn is_writable_blocking(folder: &Path) -> bool {
    let file = folder.join(format!(".terroir-doctor-{}", std::process::id()));
    let is_made = std::fs::File::create_new(&file).is_ok();
    if is_made {
        std::fs::remove_file(&file).ok();
    }
    is_made
}

fn work_checks(checks: &mut Checks, program: Option<&Path>) {
    checks.area("Work");
    let weights = assets::weights_of_blocking("dofa-tiny");
    match try_model_here(weights.as_deref()) {
        Ok(trial) => checks.ok(
            "Model on the processor",
            format!("{} answered in {:.1} s", trial.model, trial.seconds),
        ),
        Err(failure) => checks.failed(
            "Model on the processor",
            failure.to_string(),
            "No job with a model can run. Please report it with this page.",
        ),
    }
    let Some(program) = program else { return };
    match try_worker_blocking(program, WORKER_PATIENCE) {
        Ok(trial) => {
            checks.ok(
                "Worker",
                format!(
                    "{} started and answered in {:.1} s",
                    trial.version, trial.seconds
                ),
            );
            device_checks(checks, &trial.devices);
        }
        Err(failure) => checks.failed(
            "Worker",
            failure.to_string(),
            "The window cannot run jobs; the command line may. Please report it with this page.",
        ),
    }
}

/// As the worker lists them: a driver that crashes takes that process along, not this one.
fn device_checks(checks: &mut Checks, devices: &[DeviceInfo]) {
    let adapters: Vec<&DeviceInfo> = devices
        .iter()
        .filter(|device| device.kind != "cpu")
        .collect();
    for device in &adapters {
        let driver = device.driver.as_deref().unwrap_or("unknown driver");
        checks.ok(
            "Device",
            format!(
                "{} ({}, {}; {driver})",
                device.name, device.backend, device.kind
            ),
        );
    }
    if adapters.is_empty() {
        checks.warning(
            "Device",
            "no graphics adapter",
            "Jobs run on the processor. The window needs a Vulkan driver; Mesa's software one is enough (package mesa-vulkan-drivers).",
        );
    }
}

fn display_check(checks: &mut Checks) {
    if cfg!(not(target_os = "linux")) {
        return;
    }
    checks.area("Window");
    let displays: Vec<String> = ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
        .into_iter()
        .filter_map(|name| Some((name, std::env::var_os(name)?)))
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", value.to_string_lossy()))
        .collect();
    if displays.is_empty() {
        checks.warning(
            "Display",
            "none",
            "The window does not open here. The command line does everything without one; start with `terroir demo`.",
        );
    } else {
        checks.ok("Display", displays.join(", "));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(healths: &[Health]) -> Report {
        let mut checks = Checks::default();
        checks.area("Area");
        for health in healths {
            let advice = (*health != Health::Ok).then(|| "Do this.\nThen that.".to_owned());
            checks.push(*health, "Thing", "found\nmore".to_owned(), advice);
        }
        Report {
            version: "1.2.3".to_owned(),
            commit: Some("abc".to_owned()),
            checks: checks.list,
        }
    }

    #[test]
    fn the_text_says_what_to_do_and_sums_up() {
        let text = report(&[Health::Ok, Health::Warning, Health::Failed]).text();
        assert_eq!(
            text,
            "Terroir 1.2.3 (abc)\n\nArea\n\
             \x20 ok       Thing  found\n\
             \x20                 more\n\
             \x20 warning  Thing  found\n\
             \x20                 more\n\
             \x20                 > Do this.\n\
             \x20                   Then that.\n\
             \x20 FAILED   Thing  found\n\
             \x20                 more\n\
             \x20                 > Do this.\n\
             \x20                   Then that.\n\
             \n1 thing Terroir needs is broken; 1 warning.\n"
        );
        assert_eq!(
            report(&[Health::Ok]).sum(),
            "Everything Terroir needs works."
        );
    }

    #[test]
    fn a_report_comes_back_from_json() {
        let report = report(&[Health::Ok, Health::Failed]);
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }

    #[test]
    fn the_home_folder_is_not_told() {
        let home = directories::UserDirs::new().unwrap().home_dir().to_owned();
        let path = home.join("maps");
        assert!(!without_home(&path.display().to_string()).contains(&home.display().to_string()));
    }

    #[test]
    fn folders_are_tried() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_writable_blocking(folder.path()));
        assert!(!is_writable_blocking(&folder.path().join("missing")));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
