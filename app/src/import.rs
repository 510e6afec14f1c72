//! Joining imported labels with those already there, and saying what came of it.

use std::sync::Arc;

use terroir_scene::{ImportReport, LabelPolygon, Labels};

use crate::language::{said, t};

/// Imported shapes join the document's labels. Classes with equal names become one; others get the next free id.
pub fn merged(own: Option<Labels>, imported: Labels) -> Labels {
    let Some(mut own) = own else {
        return imported;
    };
    if own.classes.is_empty() && own.is_empty() {
        return imported;
    }
    let mut ids = [0_u8; 256];
    for class in imported.classes.iter() {
        let known = own
            .classes
            .iter()
            .find(|known| known.name == class.name)
            .map(|known| known.id);
        let is_free = own.class(class.id).is_none();
        let id = match known {
            Some(id) => Some(id),
            None if is_free => {
                own.set_class(class.clone());
                Some(class.id)
            }
            None => own.add_class(&class.name),
        };
        ids[usize::from(class.id)] = id.unwrap_or(0);
    }
    for polygon in imported.polygons.iter() {
        let class_id = ids[usize::from(polygon.class_id)];
        if class_id != 0 {
            own.add_polygon(LabelPolygon {
                class_id,
                ..(**polygon).clone()
            });
        }
    }
    // Painted pixels (a raster of labels): those already painted keep their class.
    for (place, block) in &imported.blocks {
        let mut merged = own.blocks.get(place).map_or(
            [0_u8; terroir_scene::LABEL_BLOCK * terroir_scene::LABEL_BLOCK],
            |block| **block,
        );
        for (pixel, value) in merged.iter_mut().zip(block.iter()) {
            if *pixel == 0 {
                *pixel = ids[usize::from(*value)];
            }
        }
        own.blocks.insert(*place, Arc::new(merged));
    }
    own
}

/// What came of an import, for the message strip: what was taken over, what was left out, and what else the file said.
pub fn report_text(name: &str, report: &ImportReport) -> String {
    let imported = match (report.imported, report.painted) {
        (0, painted) if painted > 0 => {
            t!("news-imported-pixels", count = painted, name = name)
        }
        (shapes, _) => t!("news-imported", count = shapes, name = name),
    };
    let (outside, empty) = (report.outside, report.empty);
    let (invalid, without) = (report.invalid, report.without_class);
    let sentences = [
        (outside, t!("news-imported-outside", count = outside)),
        (empty, t!("news-imported-empty", count = empty)),
        (invalid, t!("news-imported-invalid", count = invalid)),
        (without, t!("news-imported-classless", count = without)),
    ];
    let happened = sentences.into_iter().filter(|(count, _)| *count > 0);
    std::iter::once(imported)
        .chain(happened.map(|(_, sentence)| sentence))
        .chain(report.notes.iter().map(|note| said(note)))
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_names_only_what_happened() {
        let report = ImportReport {
            imported: 12,
            outside: 3,
            ..ImportReport::default()
        };
        assert_eq!(
            report_text("a.shp", &report),
            "Imported 12 shapes from a.shp. 3 fell outside the scene."
        );
        let raster = ImportReport {
            painted: 400,
            notes: vec!["Value 7 has no name.".to_owned()],
            ..ImportReport::default()
        };
        assert_eq!(
            report_text("labels.tif", &raster),
            "Imported 400 labelled pixels from labels.tif. Value 7 has no name."
        );
    }
}
