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

/// What may stand between two sentences, or between a name of the window's and a sentence.
const JOINTS: [&str; 5] = ["; ", ". ", ": ", ", ", " ("];

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
        // The longest beginning that is a sentence, then the same of what follows.
        let mut joints: Vec<(usize, &str)> = JOINTS
            .iter()
            .flat_map(|joint| text.match_indices(joint))
            .collect();
        joints.sort_unstable();
        for (at, joint) in joints.iter().rev() {
            let (Some(first), Some(rest)) = (text.get(..*at), text.get(at + joint.len()..)) else {
                continue;
            };
            if let Some(first) = self.whole(first, catalogue, depth) {
                let rest = self.translate(rest, catalogue, depth);
                return format!("{first}{joint}{rest}");
            }
        }
        // A name in front of a sentence, or one sentence that is not known.
        let Some((at, joint)) = joints.first() else {
            return text.to_owned();
        };
        match (text.get(..*at), text.get(at + joint.len()..)) {
            (Some(first), Some(rest)) => {
                let rest = self.translate(rest, catalogue, depth);
                format!("{first}{joint}{rest}")
            }
            _ => text.to_owned(),
        }
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
        sentences.find_map(|sentence| Some((sentence, sentence.values(text)?)))
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
