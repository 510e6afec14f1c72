//! QGIS layer styles (`.qml`): loaded by QGIS itself when the file stem matches the raster's.
//! Structure as QGIS writes it (3.22 and 3.34). Knows classes and ramps; knows nothing of rasters.

use std::fmt::Write;

use quick_xml::escape::escape;

use crate::{Class, hex_from_rgb, palette};

/// Colours and names of band 1 by value.
pub(crate) fn paletted(classes: &[Class]) -> String {
    let mut entries = String::new();
    for class in classes {
        writeln!(
            entries,
            "        <paletteEntry value=\"{}\" label=\"{}\" color=\"{}\" alpha=\"255\"/>",
            class.id,
            escape(&class.name),
            hex_from_rgb(class.color)
        )
        .ok();
    }
    document(&format!(
        "    <rasterrenderer type=\"paletted\" band=\"1\" opacity=\"1\" alphaBand=\"-1\" nodataColor=\"\">
      <rasterTransparency/>
{LIMITS}      <colorPalette>
{entries}      </colorPalette>
    </rasterrenderer>
"
    ))
}

/// A named ramp over band 1 from `low` to `high`, in scaled values (QGIS applies a band's scale before its colours).
pub(crate) fn pseudocolor(ramp: &str, low: f64, high: f64, unit: &str) -> String {
    const ITEMS: usize = 17;
    let colors = palette::ramp(ramp);
    let mut items = String::new();
    let mut stops = String::new();
    let unit = if unit.is_empty() || unit == "1" {
        String::new()
    } else {
        format!(" {unit}")
    };
    for index in 0..ITEMS {
        let share = index as f64 / (ITEMS - 1) as f64;
        let value = low + share * (high - low);
        let rgb = colors[(share * 255.0).round() as usize];
        writeln!(
            items,
            "          <item value=\"{value}\" label=\"{}\" color=\"{}\" alpha=\"255\"/>",
            escape(format!("{value:.4}{unit}")),
            hex_from_rgb(rgb)
        )
        .ok();
        if index > 0 && index + 1 < ITEMS {
            let separator = if stops.is_empty() { "" } else { ":" };
            write!(
                stops,
                "{separator}{share};{},{},{},255",
                rgb[0], rgb[1], rgb[2]
            )
            .ok();
        }
    }
    let corner = |rgb: [u8; 3]| format!("{},{},{},255", rgb[0], rgb[1], rgb[2]);
    document(&format!(
        "    <rasterrenderer type=\"singlebandpseudocolor\" band=\"1\" opacity=\"1\" alphaBand=\"-1\" nodataColor=\"\" classificationMin=\"{low}\" classificationMax=\"{high}\">
      <rasterTransparency/>
{LIMITS}      <rastershader>
        <colorrampshader colorRampType=\"INTERPOLATED\" classificationMode=\"1\" clip=\"0\" minimumValue=\"{low}\" maximumValue=\"{high}\" labelPrecision=\"4\">
          <colorramp type=\"gradient\" name=\"[source]\">
            <Option type=\"Map\">
              <Option type=\"QString\" name=\"color1\" value=\"{}\"/>
              <Option type=\"QString\" name=\"color2\" value=\"{}\"/>
              <Option type=\"QString\" name=\"discrete\" value=\"0\"/>
              <Option type=\"QString\" name=\"rampType\" value=\"gradient\"/>
              <Option type=\"QString\" name=\"stops\" value=\"{stops}\"/>
            </Option>
          </colorramp>
{items}        </colorrampshader>
      </rastershader>
    </rasterrenderer>
",
        corner(colors[0]),
        corner(colors[255])
    ))
}

/// Limits are ours, not to be computed anew from the raster.
const LIMITS: &str = "      <minMaxOrigin>
        <limits>None</limits>
        <extent>WholeRaster</extent>
        <statAccuracy>Estimated</statAccuracy>
        <cumulativeCutLower>0.02</cumulativeCutLower>
        <cumulativeCutUpper>0.98</cumulativeCutUpper>
        <stdDevFactor>2</stdDevFactor>
      </minMaxOrigin>
";

fn document(renderer: &str) -> String {
    format!(
        "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>
<qgis version=\"3.34.0\" styleCategories=\"AllStyleCategories\">
  <pipe>
    <provider>
      <resampling enabled=\"false\" maxOversampling=\"2\" zoomedInResamplingMethod=\"nearestNeighbour\" zoomedOutResamplingMethod=\"nearestNeighbour\"/>
    </provider>
{renderer}    <brightnesscontrast brightness=\"0\" contrast=\"0\" gamma=\"1\"/>
    <huesaturation saturation=\"0\" grayscaleMode=\"0\" invertColors=\"0\" colorizeOn=\"0\" colorizeStrength=\"100\" colorizeRed=\"255\" colorizeGreen=\"128\" colorizeBlue=\"128\"/>
    <rasterresampler maxOversampling=\"2\"/>
    <resamplingStage>resamplingFilter</resamplingStage>
  </pipe>
  <blendMode>0</blendMode>
</qgis>
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All elements with their attributes, by a real XML reader.
    fn elements(text: &str) -> Vec<(String, Vec<(String, String)>)> {
        let mut reader = quick_xml::Reader::from_str(text);
        let mut found = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => {
                    let attributes = tag.attributes().map(|attribute| {
                        let attribute = attribute.unwrap();
                        let value = quick_xml::escape::unescape(
                            std::str::from_utf8(&attribute.value).unwrap(),
                        )
                        .unwrap()
                        .into_owned();
                        (
                            String::from_utf8(attribute.key.as_ref().to_vec()).unwrap(),
                            value,
                        )
                    });
                    found.push((
                        String::from_utf8(tag.name().as_ref().to_vec()).unwrap(),
                        attributes.collect(),
                    ));
                }
                quick_xml::events::Event::Eof => return found,
                _ => {}
            }
        }
    }

    #[test]
    fn class_names_survive_markup() {
        let name = "maize & \"wheat\" <é>";
        let text = paletted(&[Class {
            id: 3,
            name: name.to_owned(),
            color: [230, 159, 0],
        }]);
        let entry = elements(&text)
            .into_iter()
            .find(|(tag, _)| tag == "paletteEntry")
            .unwrap()
            .1;
        let value = |key: &str| {
            entry
                .iter()
                .find(|(name, _)| name == key)
                .unwrap()
                .1
                .clone()
        };
        assert_eq!(
            (
                value("value"),
                value("label"),
                value("color"),
                value("alpha")
            ),
            ("3".into(), name.into(), "#e69f00".into(), "255".into())
        );
    }

    #[test]
    fn ramps_span_their_limits() {
        let elements = elements(&pseudocolor("viridis", 0.0, 0.5, "m3 m-3"));
        let items: Vec<_> = elements.iter().filter(|(tag, _)| tag == "item").collect();
        assert_eq!(items.len(), 17);
        assert_eq!(items[0].1[0].1, "0");
        assert_eq!(items[16].1[0].1, "0.5");
        assert!(items[16].1[1].1.ends_with("m3 m-3"));
    }

    /// Elements and texts with their places: `qgis/pipe/rasterrenderer band=1 …`, `…/limits = None`. What differs from file to
    /// file (`free` attributes) is named without its value; nothing is said of the document's own attributes.
    fn places(text: &str, free: &[&str]) -> std::collections::BTreeSet<String> {
        use quick_xml::events::{BytesStart, Event};
        let mut reader = quick_xml::Reader::from_str(text);
        let mut open: Vec<String> = Vec::new();
        let mut found = std::collections::BTreeSet::new();
        let name = |tag: &BytesStart<'_>| String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
        let element = |open: &[String], tag: &BytesStart<'_>| {
            let mut words: Vec<String> = tag
                .attributes()
                .map(|attribute| {
                    let attribute = attribute.unwrap();
                    let key = std::str::from_utf8(attribute.key.as_ref()).unwrap();
                    let value = std::str::from_utf8(&attribute.value).unwrap();
                    match free.contains(&key) {
                        true => key.to_owned(),
                        false => format!("{key}={value}"),
                    }
                })
                .collect();
            words.sort();
            format!("{}/{} {}", open.join("/"), name(tag), words.join(" "))
        };
        loop {
            match reader.read_event().unwrap() {
                Event::Start(tag) => {
                    if !open.is_empty() {
                        found.insert(element(&open, &tag));
                    }
                    open.push(name(&tag));
                }
                Event::Empty(tag) => {
                    found.insert(element(&open, &tag));
                }
                Event::Text(words) => {
                    let words = words.decode().unwrap().trim().to_owned();
                    if !words.is_empty() {
                        found.insert(format!("{} = {words}", open.join("/")));
                    }
                }
                Event::End(_) => {
                    open.pop();
                }
                Event::Eof => return found,
                _ => {}
            }
        }
    }

    #[test]
    fn qgis_writes_the_same_elements_at_the_same_places() {
        let class = |id, color, name: &str| Class {
            id,
            name: name.to_owned(),
            color,
        };
        let ours = paletted(&[
            class(1, [0, 100, 0], "tree cover"),
            class(6, [180, 180, 180], "bare / sparse vegetation"),
        ]);
        let classes = include_str!("../../../tests/peers/qgis_styles/classes.qml");
        let strange: Vec<_> = (&places(&ours, &[]) - &places(classes, &[]))
            .into_iter()
            .collect();
        assert!(strange.is_empty(), "{strange:#?}");

        // Our ramps have more stops, and as many digits as theirs.
        let free = ["value", "label", "color", "labelPrecision"];
        let ramp = include_str!("../../../tests/peers/qgis_styles/ramp.qml");
        let ours = pseudocolor("viridis", 0.0, 0.5, "m3/m3");
        let strange: Vec<_> = (&places(&ours, &free) - &places(ramp, &free))
            .into_iter()
            .collect();
        assert!(strange.is_empty(), "{strange:#?}");
    }
}
