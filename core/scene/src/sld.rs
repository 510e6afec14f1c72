//! OGC styles (`.sld`) for GeoServer and others: the colour map of a class map or of a ramp. QGIS reads them, too.
//! Knows classes and ramps; knows nothing of rasters.

use std::fmt::Write;

use quick_xml::escape::escape;

use crate::{Class, hex_from_rgb, palette};

/// Colours between which a ramp is drawn straight.
const STEPS: usize = 17;

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
    document(name, "values", &entries)
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
    document(name, "ramp", &entries)
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

fn document(name: &str, kind: &str, entries: &str) -> String {
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
            <ColorMap type=\"{kind}\">
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
        assert!(entries[STEPS - 1].1.ends_with("m3 m-3") && text.contains("type=\"ramp\""));
    }
}
