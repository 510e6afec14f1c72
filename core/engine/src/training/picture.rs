//! Small pictures of a training, written as PNG. Knows bytes. Knows nothing of what they show.

use std::path::Path;

use crate::Failure;
use crate::projection::write_renamed;

/// Writes red, green and blue bytes, row by row, as a PNG file beside its place first.
pub fn write_picture(path: &Path, width: usize, height: usize, rgb: &[u8]) -> Result<(), Failure> {
    let failed = |error: png::EncodingError| {
        Failure::new(format!("the preview cannot be drawn\n{}", path.display())).with_details(error)
    };
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(rgb).map_err(failed)?;
    writer.finish().map_err(failed)?;
    write_renamed(path, &bytes)
}
