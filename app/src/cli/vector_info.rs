//! `terroir info` of a vector file: its layers, what they hold and where they lie.

use std::path::Path;

use serde_json::{Value, json};
use terroir_scene::{Crs, VectorTable, drawable_tables, read_vector_blocking, vector_tables};

use super::failure::CliResult;
use super::output::{Output, table};

/// `None` when the file holds no shapes: it may be a raster.
pub fn run(path: &Path, output: Output) -> CliResult<Option<()>> {
    let Some(tables) = vector_tables(path)? else {
        return Ok(None);
    };
    if drawable_tables(&tables).is_empty() {
        return Ok(None);
    }
    if output.json {
        output.print_json(&as_json(path, &tables)?)?;
    } else {
        output.print(&as_text(path, &tables)?)?;
    }
    Ok(Some(()))
}

/// Extent and faults need the shapes themselves.
fn as_json(path: &Path, tables: &[VectorTable]) -> CliResult<Value> {
    let mut layers = Vec::with_capacity(tables.len());
    for table in tables {
        let attributes: Vec<Value> = table
            .attributes
            .iter()
            .map(|(name, kind)| json!({ "name": name, "type": kind.name() }))
            .collect();
        let mut layer = json!({
            "name": table.name,
            "geometry": table.geometry,
            "features": table.features,
            "crs": table.crs.as_ref().map(|crs| &crs.name),
            "epsg": table.crs.as_ref().and_then(|crs| crs.epsg),
            "attributes": attributes,
        });
        if table.geometry.is_some()
            && let Value::Object(fields) = &mut layer
        {
            let read = read_vector_blocking(path, Some(&table.name), &Default::default())?;
            let extent = read.extent().map(|e| [e.min_x, e.min_y, e.max_x, e.max_y]);
            fields.insert("geometry".into(), json!(read.geometry));
            fields.insert("features".into(), json!(read.features()));
            fields.insert("vertices".into(), json!(read.shapes.vertices()));
            fields.insert("extent".into(), json!(extent));
            fields.insert("without_geometry".into(), json!(read.empty));
            fields.insert("broken_geometry".into(), json!(read.broken));
        }
        layers.push(layer);
    }
    Ok(json!({ "path": path, "kind": "vector", "layers": layers }))
}

fn as_text(path: &Path, tables: &[VectorTable]) -> CliResult<String> {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        if !value.is_empty() {
            text += &format!("{name:<13}{value}\n");
        }
    };
    line("File", path.display().to_string());
    for described in tables {
        line("", String::new());
        if described.geometry.is_none() {
            line("Table", format!("{}, without shapes", described.name));
            continue;
        }
        let read = read_vector_blocking(path, Some(&described.name), &Default::default())?;
        line("Format", read.driver.clone());
        line("Layer", described.name.clone());
        line(
            "Shapes",
            format!(
                "{} x {}, {} vertices",
                read.features(),
                read.geometry.to_lowercase(),
                read.shapes.vertices()
            ),
        );
        line("Place", crs_text(described.crs.as_ref()));
        if let Some(extent) = read.extent() {
            line(
                "Extent",
                format!(
                    "{} {} to {} {}",
                    extent.min_x, extent.min_y, extent.max_x, extent.max_y
                ),
            );
        }
        line("Faults", read.complaint().unwrap_or_default());
    }
    for described in tables.iter().filter(|table| !table.attributes.is_empty()) {
        text.push('\n');
        if tables.len() > 1 {
            text += &format!("{}\n", described.name);
        }
        let rows: Vec<Vec<String>> = described
            .attributes
            .iter()
            .map(|(name, kind)| vec![name.clone(), kind.name().to_owned()])
            .collect();
        text += &table(&["attribute", "type"], &rows);
    }
    Ok(text)
}

fn crs_text(crs: Option<&Crs>) -> String {
    match crs {
        Some(crs) => match crs.epsg {
            Some(code) => format!("{} (EPSG:{code})", crs.name),
            None => crs.name.clone(),
        },
        None => "no coordinate reference system".to_owned(),
    }
}
