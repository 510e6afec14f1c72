//! Vector layers over a picture: what `terroir render --vectors` draws, with the canvas' own drawing.

use std::sync::atomic::AtomicBool;

use terroir_scene::{
    Blend, Crs, MapRect, PictureFrame, Shown, Still, VectorColoring, VectorLook, VectorStyle,
    categories, draw_vectors, file_and_layer, lay_over, place_vectors_blocking,
    read_vector_blocking, straight,
};

use super::failure::{CliError, CliResult};
use super::output::Output;

/// Draws each file of `vectors` (`file` or `file:layer`), the first at the bottom, over a picture of `extent` on a map in
/// `map_crs`.
pub fn draw_over(
    still: &mut Still,
    extent: MapRect,
    map_crs: Option<&Crs>,
    vectors: &[String],
    style_by: Option<&str>,
    output: Output,
) -> CliResult {
    let frame = PictureFrame {
        left: extent.min_x,
        top: extent.max_y,
        units_per_pixel: extent.width() / still.width.max(1) as f64,
        width: still.width as u32,
        height: still.height as u32,
        pixels_per_point: 1.0,
    };
    let stop = AtomicBool::new(false);
    for (number, name) in vectors.iter().enumerate() {
        let (path, table) = file_and_layer(name);
        let layer = read_vector_blocking(&path, table.as_deref(), &Default::default())?;
        if let Some(complaint) = layer.complaint() {
            output.warn(&format!("{complaint} {}", path.display()));
        }
        let mut style = VectorStyle::fresh(&layer, number);
        if let Some(attribute) = style_by {
            let before = VectorColoring::Single { color: [0; 3] };
            style.coloring = categories(&layer, attribute, &before)?;
        }
        let placed = place_vectors_blocking(&layer, map_crs, &stop)?;
        let look = VectorLook::new(&layer, &style);
        let Some(drawn) = draw_vectors(&placed, &look, &frame, Shown::All, &stop) else {
            return Err(CliError::failed(format!(
                "The picture is too large to draw shapes on; give a smaller --size.\n{}",
                path.display()
            )));
        };
        lay_over(&mut still.rgba, &straight(drawn), 1.0, Blend::Normal);
    }
    Ok(())
}
