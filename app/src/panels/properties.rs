//! Properties of a layer: where it lies, how it is stored, its bands and their statistics.

use std::sync::Arc;

use egui::RichText;
use terroir_scene::{Crs, Layer, ProfileValues, RasterInfo};

use crate::dialogs::Purpose;
use crate::jobs::{bytes_text, count_text};
use crate::state::State;
use crate::theme;

pub fn properties_ui(ui: &mut egui::Ui, state: &mut State) {
    let Some(layer) = state
        .session
        .properties
        .and_then(|id| state.history.document().layer(id).cloned())
    else {
        return;
    };
    let mut open = true;
    egui::Window::new(format!("Properties of {}", layer.name))
        .id(egui::Id::unique("properties"))
        .open(&mut open)
        .default_width(560.0)
        .default_height(480.0)
        .show(ui.ctx(), |ui| {
            egui::ScrollArea::vertical()
                .auto_shrink([false, true])
                .show(ui, |ui| content_ui(ui, state, &layer));
        });
    if !open {
        state.session.properties = None;
    }
}

fn content_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>) {
    if layer.vector().is_some() {
        vector_ui(ui, state, layer);
        return;
    }
    let Some(path) = layer.raster_path() else {
        if let Some(labels) = &state.history.document().labels {
            ui.label(format!(
                "{} classes, {} polygons.",
                labels.classes.len(),
                labels.polygons.len()
            ));
            ui.label(format!(
                "Grid: {} x {} pixels.",
                labels.grid.width, labels.grid.height
            ));
        }
        return;
    };
    if let Some(series) = layer.series() {
        ui.label(RichText::new(format!(
            "{} of {}: {}",
            series.shown() + 1,
            series.frames().len(),
            series.label(series.shown())
        )));
    }
    let Some(info) = layer.raster_info() else {
        ui.label("The file is not there any more, or cannot be read.");
        ui.add(egui::Label::new(path.display().to_string()).wrap());
        ui.add_space(theme::SMALL_GAP);
        if ui.button("Locate…").clicked() {
            let ctx = ui.ctx().clone();
            state.pick(&ctx, Purpose::Locate(layer.id));
        }
        return;
    };
    facts_ui(ui, info);
    if let Some(attribution) = &layer.attribution {
        theme::section_ui(ui, "Attribution");
        ui.add(egui::Label::new(attribution).wrap());
    }
    theme::section_ui(ui, "Bands");
    bands_ui(ui, state, layer, info);
    if !info.metadata.is_empty() {
        theme::section_ui(ui, "Metadata");
        egui::Grid::new("metadata")
            .striped(true)
            .num_columns(2)
            .show(ui, |ui| {
                for (key, value) in info.metadata.iter().take(200) {
                    ui.label(RichText::new(key).small());
                    ui.add(egui::Label::new(RichText::new(value).small()).truncate())
                        .on_hover_text(value);
                    ui.end_row();
                }
            });
    }
}

fn vector_ui(ui: &mut egui::Ui, state: &State, layer: &Layer) {
    let Some(source) = layer.vector() else {
        return;
    };
    let path = source.path.display().to_string();
    let Some(data) = state.vectors.data(layer) else {
        let text = if state.vectors.is_missing(layer) {
            "The file could not be read. Right click the layer, then Locate…"
        } else {
            "Reading the shapes…"
        };
        ui.label(text);
        ui.label(path);
        return;
    };
    let crs = data.crs.as_ref().map_or_else(
        || "none: taken as the map's".to_owned(),
        |crs| match crs.epsg {
            Some(epsg) => format!("{} (EPSG:{epsg})", crs.name),
            None => crs.name.clone(),
        },
    );
    let mut rows = vec![
        ("File", path),
        ("Format", data.driver.clone()),
        ("Layer", data.table.clone()),
        ("Geometry", data.geometry.clone()),
        (
            "Shapes",
            format!(
                "{} with {} vertices",
                count_text(data.features() as u64),
                count_text(data.shapes.vertices() as u64)
            ),
        ),
        ("Coordinates", crs),
        ("In memory", bytes_text(data.size_bytes() as u64)),
    ];
    if let Some(extent) = data.extent() {
        let text = format!(
            "{} to {}, {} to {}",
            extent.min_x, extent.max_x, extent.min_y, extent.max_y
        );
        rows.push(("Extent", text));
    }
    if let Some(complaint) = data.complaint() {
        rows.push(("Faults", complaint));
    }
    rows_ui(ui, rows);
    theme::section_ui(ui, "Attributes");
    if data.columns.is_empty() {
        ui.label("This layer has no attributes.");
    }
    egui::Grid::new("columns")
        .striped(true)
        .num_columns(2)
        .show(ui, |ui| {
            for column in &data.columns {
                ui.label(&column.name);
                let weak = theme::colors(ui.visuals()).weak;
                ui.label(RichText::new(column.kind.name()).color(weak));
                ui.end_row();
            }
        });
}

/// Every band with its statistics; only rows on show are measured.
fn bands_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, info: &RasterInfo) {
    const COLUMNS: [(&str, f32); 6] = [
        ("nm", 62.0),
        ("Min", 64.0),
        ("Max", 64.0),
        ("Mean", 64.0),
        ("2 %", 64.0),
        ("98 %", 64.0),
    ];
    let bands = state.bands(layer);
    let weak = theme::colors(ui.visuals()).weak;
    let text = |value: f64| super::spectrum::number_text(value as f32);
    let mut table = egui_extras::TableBuilder::new(ui)
        .id_salt("band statistics")
        .striped(true)
        .auto_shrink([false, true])
        .max_scroll_height(220.0)
        .column(egui_extras::Column::remainder().at_least(90.0).clip(true));
    for (_, width) in COLUMNS {
        table = table.column(egui_extras::Column::exact(width));
    }
    table
        .header(18.0, |mut header| {
            for name in std::iter::once("Band").chain(COLUMNS.map(|(name, _)| name)) {
                header.col(|ui| {
                    ui.label(RichText::new(name).small().color(weak));
                });
            }
        })
        .body(|body| {
            body.rows(18.0, bands.len(), |mut row| {
                let Some(band) = bands.get(row.index()) else {
                    return;
                };
                row.col(|ui| {
                    ui.add(egui::Label::new(&band.name).truncate());
                });
                row.col(|ui| {
                    let nm = band.wavelength.map(|wavelength| wavelength.center.nm());
                    ui.monospace(nm.map(text).unwrap_or_default());
                });
                let known = state.statistics(&info.path, band.index);
                let numbers = match &known {
                    Some(known) if known.count == 0 => [None; 5],
                    Some(known) => {
                        [known.min, known.max, known.mean, known.low, known.high].map(Some)
                    }
                    None => [None; 5],
                };
                for (index, number) in numbers.into_iter().enumerate() {
                    row.col(|ui| match number {
                        Some(number) => {
                            ui.monospace(text(number));
                        }
                        None if index == 0 && known.is_none() => {
                            ui.label(RichText::new("reading…").color(weak));
                        }
                        None if index == 0 => {
                            ui.label(RichText::new("all missing").color(weak));
                        }
                        None => {}
                    });
                }
            });
        });
}

/// In the unit of the coordinate system, without digits that only rounding made.
fn pixel_size_text(width: f64, height: f64, crs: Option<&Crs>) -> String {
    let short = |size: f64| terroir_scene::profile_number(size, ProfileValues::Scaled);
    let unit = match crs {
        Some(crs) if crs.is_geographic => " degrees",
        Some(_) => " map units",
        None => "",
    };
    format!("{} x {}{unit}", short(width), short(height))
}

fn facts_ui(ui: &mut egui::Ui, info: &RasterInfo) {
    let grid = &info.grid;
    let first = info.bands.first();
    let pixel_size = if grid.georef.model.is_some() {
        "varies over the picture".to_owned()
    } else {
        let (width, height) = grid.transform().pixel_size();
        pixel_size_text(width, height, grid.crs())
    };
    let overviews = first.map(|band| band.overviews.len()).unwrap_or(0);
    let crs = grid.georef.ground_crs().map_or_else(
        || "none: drawn by its pixels".to_owned(),
        |crs| {
            crs.epsg.map_or_else(
                || crs.name.clone(),
                |epsg| format!("{} (EPSG:{epsg})", crs.name),
            )
        },
    );
    let nodata = first
        .and_then(|band| band.nodata)
        .map_or("none".to_owned(), |value| value.to_string());
    let blocks = first.map_or(String::new(), |band| {
        format!("{} x {}", band.block_size.0, band.block_size.1)
    });
    let kind = first.map_or("", |band| band.sample_type.label());
    let mut rows = vec![
        ("File", terroir_scene::path_text(&info.path)),
        (
            "Format",
            format!("{}, {}", info.driver, bytes_text(info.size_bytes)),
        ),
        (
            "Size",
            format!(
                "{} x {} = {} pixels",
                grid.width,
                grid.height,
                count_text((grid.width * grid.height) as u64)
            ),
        ),
        ("Bands", format!("{} of type {kind}", info.bands.len())),
        ("Blocks", blocks),
        (
            "Overviews",
            if overviews > 0 {
                format!("{overviews} levels")
            } else {
                "none".to_owned()
            },
        ),
        (
            "Compression",
            info.compression
                .clone()
                .unwrap_or_else(|| "none".to_owned()),
        ),
        ("Coordinates", crs),
        ("Pixel size", pixel_size),
        ("Missing value", nodata),
    ];
    if let Some(note) = &grid.georef.note {
        rows.push(("Place", note.clone()));
    }
    if let Some(date) = &info.date {
        rows.push(("Date", date.clone()));
    }
    if let Some(sensor) = &info.sensor {
        rows.push(("Sensor", sensor.clone()));
    }
    if let Some(product) = terroir_scene::FieldProduct::of(info) {
        rows.push(("Field", product.name));
        let year = product.year.map(|year| year.to_string());
        for (name, text) in [("Year", year), ("Licence", product.licence)] {
            rows.extend(text.map(|text| (name, text)));
        }
    }
    rows_ui(ui, rows);
}

fn rows_ui(ui: &mut egui::Ui, rows: Vec<(&'static str, String)>) {
    egui::Grid::new("facts")
        .num_columns(2)
        .striped(true)
        .spacing([14.0, 4.0])
        .show(ui, |ui| {
            for (name, text) in rows {
                ui.label(RichText::new(name).color(theme::colors(ui.visuals()).weak));
                ui.add(egui::Label::new(text).wrap());
                ui.end_row();
            }
        });
}
