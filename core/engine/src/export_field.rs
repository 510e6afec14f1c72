//! The job that writes a field anew as our own file: the same 64 numbers a pixel, whatever format they came in, with all that
//! is known of their making.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use terroir_scene::{MapKind, MapWriter, Provenance};

use crate::monitor::{JobResult, Monitor};
use crate::predict::squares;
use crate::provenance::credits_of;
use crate::train::open_field;
use crate::{Failure, JobSpec, Outcome, command_line};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExportFieldSpec {
    pub field: PathBuf,
    /// `.tif`.
    pub out: PathBuf,
}

pub(crate) fn export_field(spec: &ExportFieldSpec, monitor: &Monitor<'_>) -> JobResult<Outcome> {
    /// Keys of provenance in a file.
    const PREFIX: &str = "TERROIR_";
    monitor.started("cpu");
    let field = open_field(&spec.field)?;
    if spec.out == spec.field {
        return Err(Failure::new(format!(
            "the copy would overwrite the field; choose another name\n{}",
            spec.out.display()
        ))
        .into());
    }
    let grid = field.info().grid.clone();
    let mut writer = MapWriter::create(&spec.out, &grid, MapKind::Field)?;
    let windows = squares(grid.width, grid.height);
    for (done, window) in windows.iter().enumerate() {
        monitor.check()?;
        monitor.progress("copying", done as u64, windows.len() as u64);
        let codes = field.read_codes_blocking(*window, window.width, window.height)?;
        let bytes: Vec<u8> = codes.iter().map(|code| *code as u8).collect();
        writer.write_bytes(*window, &bytes)?;
    }
    monitor.progress("writing the field", 0, 1);
    let known = field.info().metadata.iter();
    let mut keys: Provenance = known
        .filter_map(|(key, value)| Some((key.strip_prefix(PREFIX)?.to_owned(), value.clone())))
        .collect();
    keys.extend(credits_of(&[field.info()]));
    keys.push((
        "EXPORTED".to_owned(),
        command_line(&JobSpec::ExportField(spec.clone())),
    ));
    let files = writer.finish_observed(&keys, &mut |share| {
        monitor.progress("writing the field", (share * 1000.0) as u64, 1000);
        !monitor.is_cancelled()
    })?;
    Ok(Outcome {
        files,
        summary: format!("Field of {} x {} pixels written", grid.width, grid.height),
        metrics: Vec::new(),
        warnings: monitor.warnings(),
    })
}
