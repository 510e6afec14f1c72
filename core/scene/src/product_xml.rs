//! Product descriptions in XML as a plain tree. Knows neither products nor files.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

/// Deeper nesting than any product has.
const DEEPEST: usize = 64;

/// One element: its local name, attributes, text and children.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// The document as one nameless element. Broken XML gives what stood before the break.
    pub fn parse(text: &str) -> Self {
        let mut reader = Reader::from_str(text);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event() {
                Ok(Event::Start(tag)) if open.len() < DEEPEST => open.push(Self::from_tag(&tag)),
                Ok(Event::Empty(tag)) => {
                    if let Some(parent) = open.last_mut() {
                        parent.children.push(Self::from_tag(&tag));
                    }
                }
                Ok(Event::Text(text)) => {
                    if let Some(element) = open.last_mut() {
                        element.text.push_str(String::from_utf8_lossy(&text).trim());
                    }
                }
                Ok(Event::End(_)) if open.len() > 1 => close(&mut open),
                Ok(Event::Eof | Event::Start(_)) | Err(_) => break,
                Ok(_) => {}
            }
        }
        while open.len() > 1 {
            close(&mut open);
        }
        open.pop().unwrap_or_default()
    }

    fn from_tag(tag: &BytesStart<'_>) -> Self {
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            name: lossy(tag.local_name().as_ref()),
            attributes: tag
                .attributes()
                .flatten()
                .map(|a| (lossy(a.key.local_name().as_ref()), lossy(&a.value)))
                .collect(),
            ..Self::default()
        }
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    /// Every element of that name below this one, in the order of the document.
    pub fn all<'a>(&'a self, name: &str) -> Vec<&'a Self> {
        let mut found = Vec::new();
        self.collect(name, &mut found);
        found
    }

    fn collect<'a>(&'a self, name: &str, found: &mut Vec<&'a Self>) {
        for child in &self.children {
            if child.name == name {
                found.push(child);
            }
            child.collect(name, found);
        }
    }

    /// The first element of that name below this one.
    pub fn first(&self, name: &str) -> Option<&Self> {
        self.children.iter().find_map(|child| {
            if child.name == name {
                Some(child)
            } else {
                child.first(name)
            }
        })
    }

    /// The text of the first element of that name, unless empty.
    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.first(name)
            .map(|element| element.text.as_str())
            .filter(|text| !text.is_empty())
    }

    /// The finite number in the first element of that name.
    pub fn number_of(&self, name: &str) -> Option<f64> {
        finite(self.text_of(name)?)
    }
}

/// A finite number written in a description.
pub(crate) fn finite(text: &str) -> Option<f64> {
    text.trim()
        .parse()
        .ok()
        .filter(|value: &f64| value.is_finite())
}

fn close(open: &mut Vec<Element>) {
    if let Some(done) = open.pop()
        && let Some(parent) = open.last_mut()
    {
        parent.children.push(done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_prefix_and_breaks_keep_what_was_there() {
        let text =
            r#"<?xml version="1.0"?><n1:P xmlns:n1="u"><A id="7">4.5</A><B><A>x</A></B><C/>"#;
        let document = Element::parse(text);
        assert_eq!(document.number_of("A"), Some(4.5));
        assert_eq!(
            document.first("A").and_then(|a| a.attribute("id")),
            Some("7")
        );
        assert_eq!(document.all("A").len(), 2);
        assert!(document.first("C").is_some());
        assert_eq!(Element::parse("no xml").children, Vec::new());
        assert_eq!(
            Element::parse(&"<a>".repeat(10_000)).all("a").len(),
            DEEPEST - 1
        );
    }
}
