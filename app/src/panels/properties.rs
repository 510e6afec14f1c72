//! Properties of a layer: where it lies, how it is stored, its bands and their statistics.

use std::sync::Arc;

use egui::RichText;
use terroir_scene::{ColumnKind, Crs, Layer, ProfileValues, RasterInfo};

use crate::dialogs::Purpose;
use crate::jobs::{bytes_text, count_text};
use crate::language::{said, t};
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
    egui::Window::new(t!("properties-title", name = &layer.name))
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
            ui.label(t!(
                "properties-labels",
                classes = labels.classes.len(),
                polygons = labels.polygons.len()
            ));
            ui.label(t!(
                "properties-grid",
                width = labels.grid.width,
                height = labels.grid.height
            ));
        }
        return;
    };
    if let Some(series) = layer.series() {
        ui.label(RichText::new(t!(
            "properties-frame",
            number = series.shown() + 1,
            count = series.frames().len(),
            label = series.label(series.shown())
        )));
    }
    let Some(info) = layer.raster_info() else {
        ui.label(t!("properties-missing"));
        ui.add(egui::Label::new(path.display().to_string()).wrap());
        ui.add_space(theme::SMALL_GAP);
        if ui.button(t!("properties-locate")).clicked() {
            let ctx = ui.ctx().clone();
            state.pick(&ctx, Purpose::Locate(layer.id));
        }
        return;
    };
    facts_ui(ui, info);
    if let Some(attribution) = &layer.attribution {
        theme::section_ui(ui, t!("properties-attribution"));
        ui.add(egui::Label::new(attribution).wrap());
    }
    theme::section_ui(ui, t!("properties-bands"));
    bands_ui(ui, state, layer, info);
    if !info.metadata.is_empty() {
        theme::section_ui(ui, t!("properties-metadata"));
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
            t!("properties-unreadable")
        } else {
            t!("properties-reading-shapes")
        };
        ui.label(text);
        ui.label(path);
        return;
    };
    let crs = data.crs.as_ref().map_or_else(
        || t!("properties-crs-of-map").to_owned(),
        |crs| match crs.epsg {
            Some(epsg) => format!("{} (EPSG:{epsg})", crs.name),
            None => crs.name.clone(),
        },
    );
    let mut rows = vec![
        (t!("properties-file"), path),
        (t!("properties-format"), data.driver.clone()),
        (t!("properties-layer"), data.table.clone()),
        (t!("properties-geometry"), data.geometry.clone()),
        (
            t!("properties-shapes"),
            t!(
                "properties-vertices",
                shapes = count_text(data.features() as u64),
                vertices = count_text(data.shapes.vertices() as u64)
            ),
        ),
        (t!("properties-coordinates"), crs),
        (
            t!("properties-in-memory"),
            bytes_text(data.size_bytes() as u64),
        ),
    ];
    if let Some(extent) = data.extent() {
        let text = t!(
            "properties-range",
            west = extent.min_x.to_string(),
            east = extent.max_x.to_string(),
            south = extent.min_y.to_string(),
            north = extent.max_y.to_string()
        );
        rows.push((t!("properties-extent"), text));
    }
    if let Some(complaint) = data.complaint() {
        rows.push((t!("properties-faults"), complaint));
    }
    rows_ui(ui, rows);
    theme::section_ui(ui, t!("properties-attributes"));
    if data.columns.is_empty() {
        ui.label(t!("properties-no-attributes"));
    }
    egui::Grid::new("columns")
        .striped(true)
        .num_columns(2)
        .show(ui, |ui| {
            for column in &data.columns {
                ui.label(&column.name);
                let weak = theme::colors(ui.visuals()).weak;
                ui.label(RichText::new(kind_words(column.kind)).color(weak));
                ui.end_row();
            }
        });
}

fn kind_words(kind: ColumnKind) -> &'static str {
    match kind {
        ColumnKind::Integer => t!("properties-kind-integer"),
        ColumnKind::Real => t!("properties-kind-number"),
        ColumnKind::Boolean => t!("properties-kind-boolean"),
        ColumnKind::Text => t!("properties-kind-text"),
        ColumnKind::Date => t!("properties-kind-date"),
        ColumnKind::Time => t!("properties-kind-time"),
        ColumnKind::DateTime => t!("properties-kind-date-time"),
        ColumnKind::Other => t!("properties-kind-other"),
    }
}

/// Every band with its statistics; only rows on show are measured.
fn bands_ui(ui: &mut egui::Ui, state: &mut State, layer: &Arc<Layer>, info: &RasterInfo) {
    let columns: [(&str, f32); 7] = [
        ("nm", 62.0),
        (t!("properties-min"), 64.0),
        (t!("properties-max"), 64.0),
        (t!("properties-mean"), 64.0),
        ("σ", 64.0),
        ("2 %", 64.0),
        ("98 %", 64.0),
    ];
    let bands = state.bands(layer);
    let weak = theme::colors(ui.visuals()).weak;
    let text = |value: f64| super::spectrum::number_text(value as f32);
    let mut sampled = false;
    let mut table = egui_extras::TableBuilder::new(ui)
        .id_salt("band statistics")
        .striped(true)
        .auto_shrink([false, true])
        .max_scroll_height(220.0)
        .column(egui_extras::Column::remainder().at_least(90.0).clip(true));
    for (_, width) in columns {
        table = table.column(egui_extras::Column::exact(width));
    }
    table
        .header(18.0, |mut header| {
            for name in std::iter::once(t!("properties-band")).chain(columns.map(|(name, _)| name))
            {
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
                sampled |= known.as_ref().is_some_and(|known| known.is_sampled);
                let numbers = match &known {
                    Some(known) if known.count > 0 => [
                        known.min, known.max, known.mean, known.std, known.low, known.high,
                    ]
                    .map(Some),
                    _ => [None; 6],
                };
                let percentiles = known.as_ref().map(percentiles_text);
                for (index, number) in numbers.into_iter().enumerate() {
                    row.col(|ui| match number {
                        Some(number) => {
                            ui.monospace(text(number))
                                .on_hover_text(percentiles.as_deref().unwrap_or_default());
                        }
                        None if index == 0 && known.is_none() => {
                            ui.label(RichText::new(t!("properties-reading")).color(weak));
                        }
                        None if index == 0 => {
                            ui.label(RichText::new(t!("properties-all-missing")).color(weak));
                        }
                        None => {}
                    });
                }
            });
        });
    if sampled {
        let path = info.path.clone();
        super::exact_figures::exact_figures_ui(ui, state, &path, t!("properties-sampled"));
    }
}

/// Some percentiles of a band, a line each.
fn percentiles_text(known: &terroir_scene::BandStatistics) -> String {
    let lines = [1, 5, 25, 50, 75, 95, 99].map(|share| {
        let value = super::spectrum::number_text(known.percentile(share) as f32);
        format!("{share} %: {value}")
    });
    lines.join("\n")
}

/// In the unit of the coordinate system, without digits that only rounding made.
fn pixel_size_text(width: f64, height: f64, crs: Option<&Crs>) -> String {
    let short = |size: f64| terroir_scene::profile_number(size, ProfileValues::Scaled);
    let (width, height) = (short(width), short(height));
    match crs {
        Some(crs) if crs.is_geographic => {
            t!("properties-degrees", width = width, height = height)
        }
        Some(_) => t!("properties-map-units", width = width, height = height),
        None => format!("{width} x {height}"),
    }
}

fn facts_ui(ui: &mut egui::Ui, info: &RasterInfo) {
    let grid = &info.grid;
    let first = info.bands.first();
    let pixel_size = if grid.georef.model.is_some() {
        t!("properties-varies").to_owned()
    } else {
        let (width, height) = grid.transform().pixel_size();
        pixel_size_text(width, height, grid.crs())
    };
    let overviews = first.map(|band| band.overviews.len()).unwrap_or(0);
    let crs = grid.georef.ground_crs().map_or_else(
        || t!("properties-no-crs").to_owned(),
        |crs| {
            crs.epsg.map_or_else(
                || crs.name.clone(),
                |epsg| format!("{} (EPSG:{epsg})", crs.name),
            )
        },
    );
    let nodata_of = |band: &terroir_scene::BandInfo| {
        band.nodata
            .map_or(t!("properties-none").to_owned(), |value| value.to_string())
    };
    let mut of_bands: Vec<String> = info.bands.iter().map(nodata_of).collect();
    of_bands.dedup();
    // One value for all, or that of each band in turn.
    let nodata = of_bands.join(", ");
    let blocks = first.map_or(String::new(), |band| {
        format!("{} x {}", band.block_size.0, band.block_size.1)
    });
    let kind = first.map_or("", |band| band.sample_type.label());
    let mut rows = vec![
        (t!("properties-file"), terroir_scene::path_text(&info.path)),
        (
            t!("properties-format"),
            format!("{}, {}", info.driver, bytes_text(info.size_bytes)),
        ),
        (
            t!("properties-size"),
            t!(
                "properties-pixels",
                width = grid.width,
                height = grid.height,
                pixels = count_text((grid.width * grid.height) as u64)
            ),
        ),
        (
            t!("properties-bands"),
            t!(
                "properties-band-type",
                count = info.bands.len(),
                kind = kind
            ),
        ),
        (t!("properties-blocks"), blocks),
        (
            t!("properties-overviews"),
            if overviews > 0 {
                t!("properties-levels", count = overviews)
            } else {
                t!("properties-none").to_owned()
            },
        ),
        (
            t!("properties-compression"),
            info.compression
                .clone()
                .unwrap_or_else(|| t!("properties-none").to_owned()),
        ),
        (t!("properties-coordinates"), crs),
        (t!("properties-pixel-size"), pixel_size),
        (t!("properties-missing-value"), nodata),
    ];
    if let Some(note) = &grid.georef.note {
        rows.push((t!("properties-place"), said(note)));
    }
    if let Some(date) = &info.date {
        rows.push((t!("properties-date"), date.clone()));
    }
    if let Some(sensor) = &info.sensor {
        rows.push((t!("properties-sensor"), sensor.clone()));
    }
    if let Some(product) = terroir_scene::FieldProduct::of(info) {
        rows.push((t!("properties-field"), product.name));
        let year = product.year.map(|year| year.to_string());
        for (name, text) in [
            (t!("properties-year"), year),
            (t!("properties-licence"), product.licence),
        ] {
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
