//! OGC styles (`.sld`) for GeoServer and others: the colour map of a class map or of a ramp. QGIS reads them, too.
//! What OGC's schema of SLD 1.0.0 asks for, but for one attribute of class maps (`MATCHES_VALUES`).
//! Knows classes and ramps; knows nothing of rasters.

use std::fmt::Write;

use quick_xml::escape::escape;

use crate::{Class, hex_from_rgb, palette};

/// Colours between which a ramp is drawn straight.
const STEPS: usize = 17;

/// Entries match single values. OGC's schema has no word for it, only GeoServer's edition of it; without it, GeoServer and QGIS
/// would mix the colours of neighbouring classes in their legends. Drawing straight between entries needs no word.
const MATCHES_VALUES: &str = " type=\"values\"";

/// Every class by its value; all other values are not drawn.
pub(crate) fn classes(name: &str, classes: &[Class]) -> String {
    let mut entries = String::new();
    for class in classes {
        entry(
            &mut entries,
            &hex_from_rgb(class.color),
            f64::from(class.id),
            &class.name,
        );
    }
    document(name, MATCHES_VALUES, &entries)
}

/// A named ramp from `low` to `high`, in scaled values as the `.qml` beside it.
pub(crate) fn ramp(name: &str, ramp: &str, low: f64, high: f64, unit: &str) -> String {
    let colors = palette::ramp(ramp);
    let unit = match unit {
        "" | "1" => String::new(),
        unit => format!(" {unit}"),
    };
    let mut entries = String::new();
    for step in 0..STEPS {
        let share = step as f64 / (STEPS - 1) as f64;
        let value = low + share * (high - low);
        let color = colors[(share * 255.0).round() as usize];
        let label = format!("{value:.4}{unit}");
        entry(&mut entries, &hex_from_rgb(color), value, &label);
    }
    document(name, "", &entries)
}

fn entry(entries: &mut String, color: &str, value: f64, label: &str) {
    // Writing to a string cannot fail.
    writeln!(
        entries,
        "              <ColorMapEntry color=\"{color}\" quantity=\"{value}\" label=\"{}\" opacity=\"1\"/>",
        escape(label)
    )
    .ok();
}

fn document(name: &str, matching: &str, entries: &str) -> String {
    let name = escape(name);
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>
<StyledLayerDescriptor version=\"1.0.0\" xmlns=\"http://www.opengis.net/sld\" xmlns:ogc=\"http://www.opengis.net/ogc\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"http://www.opengis.net/sld http://schemas.opengis.net/sld/1.0.0/StyledLayerDescriptor.xsd\">
  <NamedLayer>
    <Name>{name}</Name>
    <UserStyle>
      <Name>{name}</Name>
      <FeatureTypeStyle>
        <Rule>
          <RasterSymbolizer>
            <Opacity>1</Opacity>
            <ChannelSelection>
              <GrayChannel>
                <SourceChannelName>1</SourceChannelName>
              </GrayChannel>
            </ChannelSelection>
            <ColorMap{matching}>
{entries}            </ColorMap>
          </RasterSymbolizer>
        </Rule>
      </FeatureTypeStyle>
    </UserStyle>
  </NamedLayer>
</StyledLayerDescriptor>
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (quantity, label, colour) of every entry, by a real XML reader.
    fn entries(text: &str) -> Vec<(f64, String, String)> {
        let mut reader = quick_xml::Reader::from_str(text);
        let mut found = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                quick_xml::events::Event::Empty(tag) if tag.name().as_ref() == b"ColorMapEntry" => {
                    let value = |key: &str| {
                        let attribute = tag.try_get_attribute(key).unwrap().unwrap();
                        let text = std::str::from_utf8(&attribute.value).unwrap().to_owned();
                        quick_xml::escape::unescape(&text).unwrap().into_owned()
                    };
                    found.push((
                        value("quantity").parse().unwrap(),
                        value("label"),
                        value("color"),
                    ));
                }
                quick_xml::events::Event::Eof => return found,
                _ => {}
            }
        }
    }

    #[test]
    fn classes_and_ramps_come_back_whole() {
        let name = "maize & \"wheat\" <é>";
        let class = Class {
            id: 3,
            name: name.to_owned(),
            color: [230, 159, 0],
        };
        let text = classes("a & b", &[class]);
        assert!(text.contains("type=\"values\"") && text.contains("<Name>a &amp; b</Name>"));
        assert_eq!(
            entries(&text),
            [(3.0, name.to_owned(), "#e69f00".to_owned())]
        );
        let text = ramp("m", "viridis", 0.0, 0.5, "m3 m-3");
        let entries = entries(&text);
        assert_eq!(entries.len(), STEPS);
        assert_eq!((entries[0].0, entries[STEPS - 1].0), (0.0, 0.5));
        assert!(entries[STEPS - 1].1.ends_with("m3 m-3") && !text.contains(MATCHES_VALUES));
    }

    /// Children in their order and attributes of the elements used here, after OGC's StyledLayerDescriptor.xsd 1.0.0; a
    /// child after `+` must be there.
    const SCHEMA: [(&str, &str, &str); 11] = [
        (
            "StyledLayerDescriptor",
            "Name Title Abstract NamedLayer",
            "version",
        ),
        ("NamedLayer", "+Name LayerFeatureConstraints UserStyle", ""),
        (
            "UserStyle",
            "Name Title Abstract IsDefault +FeatureTypeStyle",
            "",
        ),
        (
            "FeatureTypeStyle",
            "Name Title Abstract FeatureTypeName SemanticTypeIdentifier +Rule",
            "",
        ),
        (
            "Rule",
            "Name Title Abstract LegendGraphic MinScaleDenominator MaxScaleDenominator +RasterSymbolizer",
            "",
        ),
        (
            "RasterSymbolizer",
            "Geometry Opacity ChannelSelection OverlapBehavior ColorMap ContrastEnhancement ShadedRelief ImageOutline",
            "",
        ),
        ("ChannelSelection", "+GrayChannel", ""),
        ("GrayChannel", "+SourceChannelName ContrastEnhancement", ""),
        ("ColorMap", "ColorMapEntry", ""),
        ("ColorMapEntry", "", "color opacity quantity label"),
        // Words only.
        ("Name Opacity SourceChannelName", "", ""),
    ];

    /// Children and attributes of an element by the schema.
    fn rule(name: &str) -> Option<(Vec<&'static str>, Vec<&'static str>)> {
        let (_, children, keys) = SCHEMA
            .into_iter()
            .find(|(names, ..)| names.split(' ').any(|one| one == name))?;
        Some((
            children.split_whitespace().collect(),
            keys.split_whitespace().collect(),
        ))
    }

    /// What the schema has against an element with these children and attributes.
    fn complaints_of(name: &str, children: &[String], keys: &[String]) -> Vec<String> {
        let Some((order, known)) = rule(name) else {
            return vec![format!("no element {name}")];
        };
        let mut found = Vec::new();
        let place = |child: &String| {
            order
                .iter()
                .position(|one| one.trim_start_matches('+') == child)
        };
        let places: Vec<Option<usize>> = children.iter().map(place).collect();
        if places.contains(&None) || !places.is_sorted() {
            found.push(format!("{name} holds {children:?}"));
        }
        for needed in order.iter().filter_map(|one| one.strip_prefix('+')) {
            if !children.iter().any(|child| child == needed) {
                found.push(format!("{name} without {needed}"));
            }
        }
        // Namespaces and the place of the schema may stand anywhere.
        let strange = keys.iter().filter(|key| {
            !known.contains(&key.as_str()) && !key.starts_with("xmlns") && !key.starts_with("xsi:")
        });
        found.extend(strange.map(|key| format!("{name} has {key}")));
        found
    }

    /// What the schema has against a document; one line each.
    fn complaints(text: &str) -> Vec<String> {
        use quick_xml::events::{BytesStart, Event};
        let name_of =
            |tag: &BytesStart<'_>| String::from_utf8(tag.name().as_ref().to_vec()).unwrap();
        let keys_of = |tag: &BytesStart<'_>| -> Vec<String> {
            tag.attributes()
                .map(|one| String::from_utf8(one.unwrap().key.as_ref().to_vec()).unwrap())
                .collect()
        };
        let mut reader = quick_xml::Reader::from_str(text);
        let mut found = Vec::new();
        let mut open: Vec<(String, Vec<String>, Vec<String>)> = Vec::new();
        loop {
            let (name, children, keys) = match reader.read_event().unwrap() {
                Event::Start(tag) => {
                    open.push((name_of(&tag), Vec::new(), keys_of(&tag)));
                    continue;
                }
                Event::Empty(tag) => (name_of(&tag), Vec::new(), keys_of(&tag)),
                Event::End(_) => open.pop().unwrap(),
                Event::Eof => return found,
                _ => continue,
            };
            found.extend(complaints_of(&name, &children, &keys));
            if let Some((_, siblings, _)) = open.last_mut() {
                siblings.push(name);
            }
        }
    }

    #[test]
    fn the_schema_finds_nothing_amiss_but_how_classes_are_matched() {
        let class = Class {
            id: 3,
            name: "a < b".to_owned(),
            color: [1, 2, 3],
        };
        assert_eq!(complaints(&ramp("m", "viridis", -0.5, 1e-9, "1")), [""; 0]);
        let text = classes("a & b", &[class]);
        assert_eq!(complaints(&text), ["ColorMap has type"]);
        // The order is asked for, and so is what must be there.
        let turned = text
            .replace("<Opacity>1</Opacity>", "")
            .replace("</ColorMap>", "</ColorMap><Opacity>1</Opacity>");
        assert!(complaints(&turned)[1].starts_with("RasterSymbolizer holds"));
        let named = text.replace("SourceChannelName", "Channel");
        assert!(complaints(&named).contains(&"GrayChannel without SourceChannelName".to_owned()));
    }
}
