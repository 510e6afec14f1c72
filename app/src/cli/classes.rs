//! `terroir classes`: the classes of any file that has some, as a list and as a table of another kind; of a project also how
//! much of each is labelled, and hints.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use terroir_scene::{
    Class, ClassRow, LabelStatistics, class_color, hex_from_rgb, label_statistics, open_project,
    read_class_table_blocking, write_class_table,
};

use super::failure::CliResult;
use super::output::{Output, table};

#[derive(Debug, Args)]
pub struct ClassesArgs {
    /// A class table (.csv, .clr, .txt), QGIS style (.qml), project (.terroir), label file (.gpkg) or class map
    file: PathBuf,
    /// Write the classes here: .csv, .qml (QGIS), .clr or .txt (GDAL, ArcMap)
    #[arg(long, value_name = "TABLE")]
    to: Option<PathBuf>,
}

pub fn run(args: &ClassesArgs, output: Output) -> CliResult {
    let rows = read_class_table_blocking(&args.file)?;
    let is_project = args
        .file
        .extension()
        .is_some_and(|ending| ending.eq_ignore_ascii_case("terroir"));
    let labels = match is_project {
        true => open_project(&args.file)?.document.labels,
        false => None,
    };
    let statistics = match &labels {
        Some(labels) => Some(label_statistics(labels, &|| false)?),
        None => None,
    };
    let classes = usable(&rows);
    if let Some(out) = &args.to {
        write_class_table(&classes, out)?;
        output.remark(&format!(
            "Wrote {} classes to {}.",
            classes.len(),
            out.display()
        ));
    }
    if output.json {
        return output.print_json(&rows_as_json(&rows, statistics.as_ref()));
    }
    print_table(&rows, statistics.as_ref(), output)?;
    if let Some(statistics) = &statistics {
        let name = |id: u8| {
            let row = rows.iter().find(|row| row.id == i64::from(id));
            row.map_or_else(|| id.to_string(), |row| row.name.clone())
        };
        for hint in statistics.hints() {
            output.warn(&format!("{}.", hint.words(name)));
        }
    }
    Ok(())
}

/// As labels can have them: numbers from 1 to 255 (others get the next free one), a colour each.
fn usable(rows: &[ClassRow]) -> Vec<Class> {
    let own = |row: &ClassRow| u8::try_from(row.id).ok().filter(|id| *id != 0);
    let mut taken: BTreeMap<u8, &ClassRow> = rows
        .iter()
        .filter_map(|row| Some((own(row)?, row)))
        .collect();
    for row in rows.iter().filter(|row| own(row).is_none()) {
        if let Some(id) = (1..=u8::MAX).find(|id| !taken.contains_key(id)) {
            taken.insert(id, row);
        }
    }
    taken
        .into_iter()
        .map(|(id, row)| Class {
            id,
            name: row.name.clone(),
            color: row.color.unwrap_or_else(|| class_color(id)),
        })
        .collect()
}

fn print_table(
    rows: &[ClassRow],
    statistics: Option<&LabelStatistics>,
    output: Output,
) -> CliResult {
    let total = statistics.map_or(0, LabelStatistics::pixels).max(1) as f64;
    let lines: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let color = row.color.map(hex_from_rgb).unwrap_or_default();
            let mut line = vec![row.id.to_string(), row.name.clone(), color];
            let id = u8::try_from(row.id).ok();
            if let Some(statistics) = statistics {
                let class = id.and_then(|id| statistics.class(id)).cloned();
                let class = class.unwrap_or_default();
                line.extend([
                    class.pixels.to_string(),
                    format!("{:.1}", class.pixels as f64 / total * 100.0),
                    class.patches.to_string(),
                    class.held_out.to_string(),
                ]);
            }
            line
        })
        .collect();
    let mut header = vec!["class_id", "class_name", "color"];
    if statistics.is_some() {
        header.extend(["pixels", "%", "patches", "kept for testing"]);
    }
    output.print(&table(&header, &lines))
}

fn rows_as_json(rows: &[ClassRow], statistics: Option<&LabelStatistics>) -> serde_json::Value {
    let rows = rows.iter().map(|row| {
        let mut value = json!({
            "class_id": row.id,
            "class_name": row.name,
            "color": row.color.map(hex_from_rgb),
        });
        let class = u8::try_from(row.id)
            .ok()
            .and_then(|id| statistics?.class(id));
        if let (Some(class), Some(value)) = (class, value.as_object_mut()) {
            value.insert("pixels".to_owned(), json!(class.pixels));
            value.insert("patches".to_owned(), json!(class.patches));
            value.insert("held_out".to_owned(), json!(class.held_out));
        }
        value
    });
    rows.collect()
}
