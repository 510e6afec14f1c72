//! Labels as a table of points: a row for the middle of every labelled pixel. Knows labels; writes no file.

use std::path::Path;

use crate::{
    Crs, LabelUse, LabelledPixel, Labels, Reprojection, SceneError, SceneResult, hex_from_rgb,
};

/// More rows than any table program opens.
const MOST_POINTS: usize = 5_000_000;

/// The CSV: place in the grid's own system, then class, use and source, then longitude and latitude where there is a way to
/// them. What trains comes first, then what is kept for testing.
pub(crate) fn label_points(labels: &Labels, path: &Path) -> SceneResult<Vec<u8>> {
    let unwritable = |error: &dyn std::fmt::Display| {
        SceneError::write(path, "the table of points could not be written").with_details(error)
    };
    let train = labels.pixels_for(LabelUse::Train);
    let test = labels.pixels_for(LabelUse::HeldOut);
    if train.len() + test.len() > MOST_POINTS {
        return Err(SceneError::write(
            path,
            format!(
                "{} labelled pixels are too many for a table of points; save the labels as GeoPackage",
                train.len() + test.len()
            ),
        ));
    }
    let (crs, transform) = (labels.grid.crs(), labels.grid.transform());
    let lon_lat = match crs {
        Some(crs) => Reprojection::new(crs, &Crs::wgs84()?).ok(),
        None => None,
    };
    // Systems without a code are named by their definition, which is read back the same way.
    let system = crs.map_or_else(String::new, |crs| match crs.epsg {
        Some(code) => format!("EPSG:{code}"),
        None => crs.wkt.clone(),
    });
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut header = vec![
        "x",
        "y",
        "crs",
        "class_id",
        "class_name",
        "color",
        "use",
        "source",
    ];
    if lon_lat.is_some() {
        header.extend(["longitude", "latitude"]);
    }
    writer
        .write_record(&header)
        .map_err(|error| unwritable(&error))?;
    let held_out: Vec<_> = labels
        .polygons
        .iter()
        .filter(|of| of.is_held_out())
        .collect();
    let rest: Vec<_> = labels
        .polygons
        .iter()
        .filter(|of| !of.is_held_out())
        .collect();
    let of_train = train.iter().map(|pixel| (pixel, &rest, "train"));
    let of_test = test.iter().map(|pixel| (pixel, &held_out, "test"));
    for (pixel, polygons, usage) in of_train.chain(of_test) {
        let LabelledPixel {
            col,
            row,
            class_id,
            polygon,
        } = *pixel;
        let Some(class) = labels.class(class_id) else {
            continue;
        };
        let (x, y) = transform.map_from_pixel(col as f64 + 0.5, row as f64 + 0.5);
        let drawn = (polygon as usize)
            .checked_sub(1)
            .and_then(|at| polygons.get(at));
        let mut line = vec![
            x.to_string(),
            y.to_string(),
            system.clone(),
            class_id.to_string(),
            class.name.clone(),
            hex_from_rgb(class.color),
            drawn
                .map_or(usage, |polygon| polygon.usage.as_str())
                .to_owned(),
            drawn
                .map_or("paint", |polygon| polygon.source.as_str())
                .to_owned(),
        ];
        if let Some(lon_lat) = &lon_lat {
            let place = lon_lat.point(x, y).map(|(lon, lat)| [lon, lat]);
            let text =
                |at: usize| place.map_or_else(String::new, |place| format!("{:.9}", place[at]));
            line.extend([text(0), text(1)]);
        }
        writer
            .write_record(&line)
            .map_err(|error| unwritable(&error))?;
    }
    writer.into_inner().map_err(|error| unwritable(&error))
}
