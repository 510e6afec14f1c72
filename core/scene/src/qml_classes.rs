//! Class colours and names from a QGIS layer style (`.qml`) beside a raster, as QGIS itself would apply it.
//! Knows the paletted renderer. Reads no pixels.

use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use crate::{PaletteEntry, rgb_from_hex};

/// Styles are some hundred kB at most.
const LARGEST_FILE_BYTES: u64 = 16 << 20;

/// The classes of a paletted style: which band (from 0) they belong to and the entries by value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QmlClasses {
    pub band: usize,
    pub entries: Vec<PaletteEntry>,
}

impl QmlClasses {
    /// Of `<stem>.qml` beside the raster; `None` without such a file or with another renderer in it.
    pub fn beside(raster: &Path) -> Option<Self> {
        let file = raster.with_extension("qml");
        let found = std::fs::metadata(&file).ok()?;
        if !found.is_file() || found.len() > LARGEST_FILE_BYTES {
            return None;
        }
        Self::parse(&String::from_utf8_lossy(&std::fs::read(&file).ok()?))
    }

    pub fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader::from_str(text);
        let mut band = None;
        let mut entries: Vec<PaletteEntry> = Vec::new();
        loop {
            match reader.read_event() {
                Ok(Event::Start(tag) | Event::Empty(tag)) => match tag.name().as_ref() {
                    b"rasterrenderer" => {
                        if attribute(&tag, "type").as_deref() != Some("paletted") {
                            return None;
                        }
                        let number = attribute(&tag, "band").and_then(|b| b.parse::<usize>().ok());
                        band = Some(number.unwrap_or(1).saturating_sub(1));
                    }
                    b"paletteEntry" if band.is_some() => entries.extend(entry_of(&tag)),
                    _ => {}
                },
                Ok(Event::Eof) => break,
                // What was read before the damage still holds.
                Err(_) => break,
                Ok(_) => {}
            }
        }
        entries.sort_by_key(|entry| entry.value);
        entries.dedup_by_key(|entry| entry.value);
        let band = band?;
        (!entries.is_empty()).then_some(Self { band, entries })
    }
}

fn attribute(tag: &BytesStart<'_>, key: &str) -> Option<String> {
    let found = tag.try_get_attribute(key).ok()??;
    let text = std::str::from_utf8(&found.value).ok()?;
    Some(quick_xml::escape::unescape(text).map_or_else(|_| text.to_owned(), |t| t.into_owned()))
}

/// `None` for values that are no whole numbers, which class codes are.
fn entry_of(tag: &BytesStart<'_>) -> Option<PaletteEntry> {
    let number: f64 = attribute(tag, "value")?.trim().parse().ok()?;
    if number.fract() != 0.0 || number.abs() > 9e15 {
        return None;
    }
    let [r, g, b] = rgb_from_hex(&attribute(tag, "color")?)?;
    let alpha = attribute(tag, "alpha")
        .and_then(|alpha| alpha.trim().parse::<u8>().ok())
        .unwrap_or(255);
    let value = number as i64;
    let name = attribute(tag, "label").filter(|label| !label.trim().is_empty());
    Some(PaletteEntry {
        value,
        name: name.unwrap_or_else(|| value.to_string()),
        rgba: [r, g, b, alpha],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const STYLE: &str = r##"<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version="3.22.4"><pipe><rasterrenderer type="paletted" band="2" opacity="1">
<colorPalette>
<paletteEntry value="40" label="Cropland &amp; fallow" color="#f096ff" alpha="255"/>
<paletteEntry value="10" label="" color="#006400" alpha="128"/>
<paletteEntry value="1.5" label="no class" color="#000000" alpha="255"/>
<paletteEntry value="40" label="again" color="#000000" alpha="255"/>
</colorPalette></rasterrenderer></pipe></qgis>"##;

    #[test]
    fn a_paletted_style_gives_its_classes() {
        let classes = QmlClasses::parse(STYLE).unwrap();
        assert_eq!(classes.band, 1);
        assert_eq!(classes.entries.len(), 2);
        assert_eq!(
            (classes.entries[0].name.as_str(), classes.entries[0].rgba),
            ("10", [0, 100, 0, 128])
        );
        assert_eq!(classes.entries[1].name, "Cropland & fallow");
    }

    #[test]
    fn other_styles_and_rubbish_give_none() {
        for text in [
            "",
            "<qgis",
            "<qgis><rasterrenderer type=\"singlebandgray\"><paletteEntry value=\"1\" color=\"#000000\"/></rasterrenderer></qgis>",
            "<qgis><rasterrenderer type=\"paletted\"/></qgis>",
            "<paletteEntry value=\"1\" color=\"#000000\"/>",
        ] {
            assert_eq!(QmlClasses::parse(text), None, "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(QmlClasses::beside(&folder.path().join("x.tif")), None);
        std::fs::write(folder.path().join("x.qml"), STYLE).unwrap();
        assert!(QmlClasses::beside(&folder.path().join("x.tif")).is_some());
    }

    /// What we write ourselves is read back the same.
    #[test]
    fn our_own_styles_come_back() {
        let classes = [crate::Class {
            id: 3,
            name: "Wasser & <Moor>".to_owned(),
            color: [1, 2, 3],
        }];
        let found = QmlClasses::parse(&crate::qml::paletted(&classes)).unwrap();
        assert_eq!(
            found.entries,
            [PaletteEntry {
                value: 3,
                name: "Wasser & <Moor>".to_owned(),
                rgba: [1, 2, 3, 255]
            }]
        );
    }
}
