//! Colours: the sixteen class colours and the continuous ramps of `assets/palettes.toml`.
//! Knows nothing of rasters or textures.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

const PALETTES: &str = include_str!("../../../assets/palettes.toml");

/// Entries of an expanded ramp.
pub type Ramp = [[u8; 3]; 256];

#[derive(Deserialize)]
struct ClassColors {
    colors: Vec<String>,
}

#[derive(Deserialize)]
struct PaletteFile {
    classes: ClassColors,
    ramps: BTreeMap<String, Vec<String>>,
}

struct Palettes {
    classes: Vec<[u8; 3]>,
    ramps: BTreeMap<String, Ramp>,
    names: Vec<&'static str>,
    fallback: Ramp,
}

fn palettes() -> &'static Palettes {
    static PARSED: OnceLock<Palettes> = OnceLock::new();
    PARSED.get_or_init(|| {
        let fallback = expanded(&[[0; 3], [255; 3]]);
        // The table is part of the program and a test reads every entry, so the greys stand in only if someone breaks it.
        let Ok(file) = toml::from_str::<PaletteFile>(PALETTES) else {
            return Palettes {
                classes: vec![[128; 3]],
                ramps: BTreeMap::new(),
                names: Vec::new(),
                fallback,
            };
        };
        let colors = |texts: &[String]| {
            texts
                .iter()
                .filter_map(|text| rgb_from_hex(text))
                .collect::<Vec<_>>()
        };
        let ramps = file
            .ramps
            .iter()
            .map(|(name, points)| (name.clone(), expanded(&colors(points))))
            .collect();
        let names = RAMP_NAMES
            .iter()
            .copied()
            .filter(|name| file.ramps.contains_key(*name))
            .collect();
        Palettes {
            classes: colors(&file.classes.colors),
            ramps,
            names,
            fallback,
        }
    })
}

/// Order in menus.
const RAMP_NAMES: [&str; 7] = [
    "viridis",
    "cividis",
    "grays",
    "ndvi",
    "moisture",
    "difference",
    "similarity",
];

/// Linear interpolation between control points at equal distances.
fn expanded(points: &[[u8; 3]]) -> Ramp {
    let mut ramp = [[0; 3]; 256];
    let Some(last) = points.len().checked_sub(1) else {
        return ramp;
    };
    for (index, entry) in ramp.iter_mut().enumerate() {
        let position = index as f64 / 255.0 * last as f64;
        let left = (position.floor() as usize).min(last);
        let right = (left + 1).min(last);
        let share = position - left as f64;
        for (channel, value) in entry.iter_mut().enumerate() {
            let (a, b) = (
                f64::from(points[left][channel]),
                f64::from(points[right][channel]),
            );
            *value = (a + (b - a) * share).round() as u8;
        }
    }
    ramp
}

/// Class colours 1-16 in a fixed order that colour-blind eyes tell apart, repeating after 16.
pub fn class_color(class_id: u8) -> [u8; 3] {
    let colors = &palettes().classes;
    let index = usize::from(class_id.max(1) - 1) % colors.len().max(1);
    colors.get(index).copied().unwrap_or([128; 3])
}

/// 256 RGB entries of a named ramp (`viridis`, `cividis`, `grays`, `ndvi`, `moisture`, `difference`, `similarity`); unknown names give viridis.
pub fn ramp(name: &str) -> &'static Ramp {
    let palettes = palettes();
    palettes
        .ramps
        .get(name)
        .or_else(|| palettes.ramps.get("viridis"))
        .unwrap_or(&palettes.fallback)
}

/// Names `ramp` knows, in the order menus show them.
pub fn ramp_names() -> &'static [&'static str] {
    &palettes().names
}

pub fn hex_from_rgb(rgb: [u8; 3]) -> String {
    format!("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2])
}

/// `#rrggbb` or `rrggbb`.
pub fn rgb_from_hex(text: &str) -> Option<[u8; 3]> {
    let digits = text.trim();
    let digits = digits.strip_prefix('#').unwrap_or(digits);
    if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let value = u32::from_str_radix(digits, 16).ok()?;
    Some([(value >> 16) as u8, (value >> 8) as u8, value as u8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(rgb: [u8; 3]) -> f64 {
        let linear = |value: u8| {
            let v = f64::from(value) / 255.0;
            if v <= 0.04045 {
                v / 12.92
            } else {
                ((v + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(rgb[0]) + 0.7152 * linear(rgb[1]) + 0.0722 * linear(rgb[2])
    }

    #[test]
    fn the_embedded_table_is_whole() {
        let file: PaletteFile = toml::from_str(PALETTES).unwrap();
        assert_eq!(file.ramps.len(), RAMP_NAMES.len());
        assert_eq!(ramp_names(), RAMP_NAMES);
        assert!(
            file.ramps
                .values()
                .flatten()
                .all(|text| rgb_from_hex(text).is_some())
        );
        assert_eq!(
            file.classes
                .colors
                .iter()
                .filter_map(|text| rgb_from_hex(text))
                .count(),
            16
        );
        assert_eq!(class_color(1), [0xe6, 0x9f, 0x00]);
        assert_eq!(class_color(16), [0x44, 0x66, 0x44]);
        assert_eq!(class_color(17), class_color(1));
    }

    #[test]
    fn ramps_keep_their_ends_and_their_order_of_light() {
        assert_eq!(ramp("grays")[0], [0; 3]);
        assert_eq!(ramp("grays")[128], [128; 3]);
        assert_eq!(ramp("viridis")[0], [0x44, 0x01, 0x54]);
        assert_eq!(ramp("viridis")[255], [0xfd, 0xe7, 0x25]);
        assert_eq!(ramp("no such ramp"), ramp("viridis"));
        for name in ["viridis", "cividis", "grays", "ndvi", "similarity"] {
            assert!(
                ramp(name).is_sorted_by(|a, b| luminance(*a) <= luminance(*b) + 4e-3),
                "{name} does not get lighter"
            );
        }
        assert!(ramp("moisture").is_sorted_by(|a, b| luminance(*a) + 4e-3 >= luminance(*b)));
        assert!(luminance(ramp("difference")[127]) > 0.98);
    }

    #[test]
    fn hex_goes_both_ways() {
        assert_eq!(rgb_from_hex("#56B4E9"), Some([0x56, 0xb4, 0xe9]));
        assert_eq!(
            rgb_from_hex("56b4e9").map(hex_from_rgb).as_deref(),
            Some("#56b4e9")
        );
        for bad in ["", "#fff", "+12345", "#gg0000", "é0000"] {
            assert_eq!(rgb_from_hex(bad), None, "{bad}");
        }
    }
}
