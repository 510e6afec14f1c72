//! What the engine said, in the window's language. The engine, its worker and the files they write speak English; every
//! sentence of theirs is a message `said-…` of the catalogue, with `{ $… }` where it puts values, and is recognised by the words
//! around these. Values may be sentences themselves, and sentences may follow one another. What is not recognised stays English.
//! Knows catalogues; knows nothing of panels, and of the engine only its words.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::OnceLock;

use fluent_bundle::{FluentArgs, FluentResource};
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

use super::{Catalogue, Language, chosen};

areas![
    "said_fields",
    "said_jobs",
    "said_maps",
    "said_models",
    "said_rasters",
    "said_series",
];

/// Sentences within values of sentences: none of the engine's goes deeper.
const DEEPEST: usize = 5;

/// Panels ask for the same remarks in every frame.
const REMEMBERED: usize = 512;

/// What may stand between two sentences or between a name and a sentence; the last two stand within lists, too.
const JOINTS: [&str; 5] = ["; ", ". ", ": ", ", ", " ("];

const MOST_JOINTS: usize = 12;

/// `text` of the engine in the window's language, line by line.
pub fn said(text: &str) -> String {
    thread_local! {
        static ANSWERS: RefCell<HashMap<(Language, String), String>> = RefCell::default();
    }
    let language = chosen();
    if language == Language::English {
        return text.to_owned();
    }
    ANSWERS.with_borrow_mut(|answers| {
        let key = (language, text.to_owned());
        if let Some(answer) = answers.get(&key) {
            return answer.clone();
        }
        if answers.len() >= REMEMBERED {
            answers.clear();
        }
        let answer = said_in(language, text);
        answers.insert(key, answer.clone());
        answer
    })
}

/// Reads the sentences of a language in a thread of its own, so that no frame waits for the first of them.
pub(super) fn prepare(language: Language) {
    if language == Language::English {
        return;
    }
    let thread = std::thread::Builder::new().name("sentences".to_owned());
    let reading = thread.spawn(move || {
        sentences();
        catalogue(language);
    });
    if let Err(error) = reading {
        log::debug!("sentences are read once they are needed: {error}");
    }
}

fn said_in(language: Language, text: &str) -> String {
    let sentences = sentences();
    let catalogue = catalogue(language);
    let lines = text.split('\n');
    let translated: Vec<String> = lines
        .map(|line| sentences.translate(line, catalogue, DEEPEST))
        .collect();
    translated.join("\n")
}

fn catalogue(language: Language) -> &'static Catalogue {
    static CATALOGUES: [OnceLock<Catalogue>; Language::ALL.len()] =
        [const { OnceLock::new() }; Language::ALL.len()];
    CATALOGUES[language as usize].get_or_init(|| Catalogue::read(language, sources(language)))
}

fn sentences() -> &'static Sentences {
    static SENTENCES: OnceLock<Sentences> = OnceLock::new();
    SENTENCES.get_or_init(Sentences::read)
}

/// A stretch of a sentence.
#[derive(Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Value(String),
}

/// A sentence of the engine as English has it.
#[derive(Debug)]
struct Sentence {
    id: String,
    pieces: Vec<Piece>,
    /// Letters that are its own: of two sentences that fit, the one with more of them was meant.
    own_letters: usize,
}

impl Sentence {
    fn of(id: &str, pattern: &Pattern<&str>) -> Self {
        let mut pieces: Vec<Piece> = Vec::new();
        for element in &pattern.elements {
            match element {
                PatternElement::TextElement { value } => match pieces.last_mut() {
                    Some(Piece::Words(words)) => words.push_str(value),
                    _ => pieces.push(Piece::Words((*value).to_owned())),
                },
                PatternElement::Placeable {
                    expression: Expression::Inline(InlineExpression::VariableReference { id }),
                } => pieces.push(Piece::Value(id.name.to_owned())),
                // The engine puts values into its sentences and nothing else; a test holds the catalogue to that.
                PatternElement::Placeable { .. } => {}
            }
        }
        let own_letters = pieces.iter().map(|piece| match piece {
            Piece::Words(words) => words.len(),
            Piece::Value(_) => 0,
        });
        Self {
            id: id.to_owned(),
            own_letters: own_letters.sum(),
            pieces,
        }
    }

    /// The values in `text`, if it is this sentence: each reaches to where the words after it first stand.
    fn values<'a>(&'a self, text: &'a str) -> Option<Vec<(&'a str, &'a str)>> {
        let mut values = Vec::new();
        let mut rest = text;
        let mut waiting: Option<&str> = None;
        let last = self.pieces.len().checked_sub(1)?;
        for (place, piece) in self.pieces.iter().enumerate() {
            match piece {
                Piece::Value(name) => {
                    // Of two values without a word between them, the first takes all.
                    match waiting {
                        Some(_) => values.push((name.as_str(), "")),
                        None => waiting = Some(name),
                    }
                }
                Piece::Words(words) => {
                    let at = match waiting {
                        None => rest.starts_with(words.as_str()).then_some(0)?,
                        Some(_) if place == last => {
                            rest.strip_suffix(words.as_str()).map(str::len)?
                        }
                        Some(_) => rest.find(words.as_str())?,
                    };
                    let (before, after) = rest.split_at_checked(at)?;
                    if let Some(name) = waiting.take() {
                        values.push((name, before));
                    }
                    rest = after.get(words.len()..)?;
                }
            }
        }
        match waiting {
            Some(name) => values.push((name, rest)),
            None if !rest.is_empty() => return None,
            None => {}
        }
        Some(values)
    }
}

/// Where sentences may end in `text`: before a joint. In long lists nothing is looked for between the items, since every
/// stretch is held against every sentence while the window waits.
fn joints_of(text: &str) -> Vec<(usize, &'static str)> {
    let of = |kinds: &[&'static str]| {
        let found = kinds
            .iter()
            .flat_map(|joint| text.match_indices(*joint).map(|(at, _)| (at, *joint)));
        let mut found: Vec<_> = found.collect();
        found.sort_unstable();
        found
    };
    let (between_sentences, _) = JOINTS.split_at(3);
    let mut joints = of(&JOINTS);
    if joints.len() > MOST_JOINTS {
        joints = of(between_sentences);
        joints.truncate(MOST_JOINTS);
    }
    joints
}

/// All sentences of the engine.
struct Sentences(Vec<Sentence>);

impl Sentences {
    fn read() -> Self {
        let mut all = Vec::new();
        for (_, source) in sources(Language::English) {
            let resource = FluentResource::try_new((*source).to_owned())
                .unwrap_or_else(|(resource, _)| resource);
            for entry in resource.entries() {
                if let Entry::Message(message) = entry
                    && let Some(pattern) = &message.value
                {
                    all.push(Sentence::of(message.id.name, pattern));
                }
            }
        }
        // The first that fits is then the one with the most letters of its own.
        all.sort_by_key(|sentence| std::cmp::Reverse(sentence.own_letters));
        Self(all)
    }

    /// `line` in another language; what surrounds the sentences in it, and space around it, stays.
    fn translate(&self, line: &str, catalogue: &Catalogue, depth: usize) -> String {
        let inner = line.trim();
        let Some(start) = line.find(inner).filter(|_| inner.contains(' ')) else {
            return line.to_owned();
        };
        let end = start + inner.len();
        let (before, after) = (line.get(..start), line.get(end..));
        let said = self.whole_or_parts(inner, catalogue, depth);
        format!(
            "{}{said}{}",
            before.unwrap_or_default(),
            after.unwrap_or_default()
        )
    }

    fn whole_or_parts(&self, text: &str, catalogue: &Catalogue, depth: usize) -> String {
        if let Some(whole) = self.whole(text, catalogue, depth) {
            return whole;
        }
        let joints = joints_of(text);
        let mut said = String::new();
        let (mut start, mut joint) = (0, "");
        let mut next = 0;
        while start < text.len() {
            // The longest stretch from here that is a sentence, else a name or a sentence that nobody knows.
            let ends = joints.get(next..).unwrap_or_default();
            let whole = std::iter::once((text.len(), ""))
                .chain(ends.iter().rev().copied())
                .find_map(|(end, _)| {
                    let stretch = text.get(start..end)?;
                    let translated = self.after_joint(stretch, joint, catalogue, depth)?;
                    Some((translated, end))
                });
            let (translated, end) = whole.unwrap_or_else(|| {
                let end = ends.first().map_or(text.len(), |(end, _)| *end);
                (text.get(start..end).unwrap_or_default().to_owned(), end)
            });
            said.push_str(&translated);
            next += ends.iter().take_while(|(at, _)| *at <= end).count();
            start = end;
            joint = joints
                .iter()
                .find(|(at, _)| *at == end)
                .map_or("", |(_, joint)| joint);
        }
        said
    }

    /// A stretch that begins with what joins it to the one before, which may be its own or stand between two sentences.
    fn after_joint(
        &self,
        stretch: &str,
        joint: &str,
        catalogue: &Catalogue,
        depth: usize,
    ) -> Option<String> {
        if let Some(whole) = self.whole(stretch, catalogue, depth) {
            return Some(whole);
        }
        let bare = stretch.strip_prefix(joint).filter(|_| !joint.is_empty())?;
        let whole = self.whole(bare, catalogue, depth)?;
        Some(format!("{joint}{whole}"))
    }

    /// `text` as one sentence.
    fn whole(&self, text: &str, catalogue: &Catalogue, depth: usize) -> Option<String> {
        let deeper = depth.checked_sub(1)?;
        let bare = text.strip_suffix('.').unwrap_or(text);
        let mut found = None;
        for candidate in [text, bare] {
            found = self.fitting(candidate);
            if found.is_some() {
                break;
            }
        }
        // Panels begin what they show with a capital.
        let lowered = found
            .is_none()
            .then(|| with_first(bare, char::to_lowercase));
        let is_lowered = lowered.is_some();
        let (sentence, values) = match found {
            Some(found) => found,
            None => self.fitting(lowered.as_deref()?)?,
        };
        let mut arguments = FluentArgs::new();
        for (name, value) in values {
            arguments.set(name, self.translate(value, catalogue, deeper));
        }
        let (said, _) = catalogue.format(&sentence.id, Some(&arguments));
        let said = said?;
        let said = match is_lowered {
            true => with_first(&said, char::to_uppercase),
            false => said,
        };
        let has_lost_its_stop = bare.len() < text.len() && !said.ends_with(['.', '。']);
        Some(if has_lost_its_stop { said + "." } else { said })
    }

    fn fitting<'a>(&'a self, text: &'a str) -> Option<(&'a Sentence, Vec<(&'a str, &'a str)>)> {
        let mut sentences = self.0.iter();
        sentences.find_map(|sentence| {
            let may_fit = sentence.own_letters <= text.len();
            Some((sentence, may_fit.then(|| sentence.values(text))??))
        })
    }
}

fn with_first<I: Iterator<Item = char>>(text: &str, change: impl Fn(char) -> I) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => change(first).chain(letters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests;
