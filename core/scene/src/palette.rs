//! Colours: the sixteen class colours and the continuous ramps of `assets/palettes.toml`.

/// Class colours 1-16 in the house order (conventions section 13), repeating after 16.
pub fn class_color(_class_id: u8) -> [u8; 3] {
    todo!()
}

/// 256 RGB entries of a named ramp (`viridis`, `cividis`, `grays`, `ndvi`, `moisture`, `difference`, `similarity`); unknown names give viridis.
pub fn ramp(_name: &str) -> &'static [[u8; 3]; 256] {
    todo!()
}

pub fn ramp_names() -> &'static [&'static str] {
    todo!()
}

pub fn hex_from_rgb(rgb: [u8; 3]) -> String {
    format!("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2])
}

/// `#rrggbb` or `rrggbb`.
pub fn rgb_from_hex(_text: &str) -> Option<[u8; 3]> {
    todo!()
}
