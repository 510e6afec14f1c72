//! The catalogues hold what the window asks for, in every language, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

use super::*;

/// Values a message names.
fn values_of(pattern: &Pattern<&str>) -> BTreeSet<String> {
    fn inline(expression: &InlineExpression<&str>, found: &mut BTreeSet<String>) {
        match expression {
            InlineExpression::VariableReference { id } => {
                found.insert(id.name.to_owned());
            }
            InlineExpression::Placeable { expression } => placeable(expression, found),
            InlineExpression::FunctionReference { arguments, .. } => {
                for argument in &arguments.positional {
                    inline(argument, found);
                }
            }
            _ => {}
        }
    }
    fn placeable(expression: &Expression<&str>, found: &mut BTreeSet<String>) {
        match expression {
            Expression::Inline(expression) => inline(expression, found),
            Expression::Select { selector, variants } => {
                inline(selector, found);
                for variant in variants {
                    found.extend(values_of(&variant.value));
                }
            }
        }
    }
    let mut found = BTreeSet::new();
    for element in &pattern.elements {
        if let PatternElement::Placeable { expression } = element {
            placeable(expression, &mut found);
        }
    }
    found
}

/// Messages of a language with the values they name.
fn messages(language: Language) -> BTreeMap<String, BTreeSet<String>> {
    values_by_id(sources(language))
}

/// Messages of some files with the values they name.
pub(super) fn values_by_id(files: &[(&str, &'static str)]) -> BTreeMap<String, BTreeSet<String>> {
    let mut messages = BTreeMap::new();
    for (area, source) in files {
        let resource = fluent_syntax::parser::parse(*source)
            .unwrap_or_else(|(_, errors)| panic!("{area}.ftl: {errors:?}: {source}"));
        for entry in &resource.body {
            if let Entry::Message(message) = entry {
                let name = message.id.name;
                let value = message.value.as_ref();
                let value = value.unwrap_or_else(|| panic!("{area}.ftl: {name} is empty"));
                let before = messages.insert(name.to_owned(), values_of(value));
                assert!(before.is_none(), "{area}.ftl: {name} stands twice");
                for part in &message.attributes {
                    let id = format!("{name}.{}", part.id.name);
                    messages.insert(id, values_of(&part.value));
                }
            }
        }
    }
    messages
}

/// Every `t!` of the window: id and names of its values.
fn asked() -> Vec<(PathBuf, String, BTreeSet<String>)> {
    fn visit(folder: &Path, found: &mut Vec<(PathBuf, String, BTreeSet<String>)>) {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                visit(&path, found);
            } else if path.extension().is_some_and(|end| end == "rs")
                && !path.starts_with(folder_of("src/language"))
                && path != folder_of("src/language.rs")
            {
                let text = std::fs::read_to_string(&path).unwrap();
                for call in calls(&text) {
                    let (id, values) = parts(call);
                    found.push((path.clone(), id, values));
                }
            }
        }
    }
    let mut found = Vec::new();
    visit(&folder_of("src"), &mut found);
    found
}

fn folder_of(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// What stands between the brackets of each `t!(…)`.
fn calls(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("t!(") {
        let is_other = text[..at]
            .chars()
            .next_back()
            .is_some_and(|before| before.is_alphanumeric() || before == '_');
        let inside = &text[at + 3..];
        if is_other || !inside.trim_start().starts_with('"') {
            continue;
        }
        let (mut depth, mut in_text, mut escaped) = (1, false, false);
        let end = inside.char_indices().find_map(|(at, letter)| {
            match letter {
                _ if escaped => escaped = false,
                '\\' if in_text => escaped = true,
                '"' => in_text = !in_text,
                '(' | '[' | '{' if !in_text => depth += 1,
                ')' | ']' | '}' if !in_text => depth -= 1,
                _ => {}
            }
            (depth == 0).then_some(at)
        });
        found.push(&inside[..end.expect("a call that ends")]);
    }
    found
}

/// Id and names of the values of a call.
fn parts(call: &str) -> (String, BTreeSet<String>) {
    let rest = call.trim_start().strip_prefix('"').unwrap();
    let (id, rest) = rest.split_once('"').unwrap();
    let (mut depth, mut in_text) = (0, false);
    let mut pieces = vec![String::new()];
    for letter in rest.chars() {
        match letter {
            '"' => in_text = !in_text,
            '(' | '[' | '{' if !in_text => depth += 1,
            ')' | ']' | '}' if !in_text => depth -= 1,
            ',' if !in_text && depth == 0 => {
                pieces.push(String::new());
                continue;
            }
            _ => {}
        }
        pieces.last_mut().unwrap().push(letter);
    }
    let names = pieces.iter().filter_map(|piece| {
        let (name, _) = piece.split_once('=')?;
        Some(name.trim().to_owned())
    });
    (id.to_owned(), names.collect())
}

#[test]
fn every_language_says_the_same() {
    let english = messages(Language::English);
    for language in Language::ALL {
        let other = messages(language);
        let code = language.code();
        for (id, values) in &english {
            let translated = other.get(id);
            let translated = translated.unwrap_or_else(|| panic!("{code} lacks {id}"));
            assert_eq!(translated, values, "{code}: the values of {id}");
        }
        let more: Vec<_> = other
            .keys()
            .filter(|id| !english.contains_key(*id))
            .collect();
        assert!(
            more.is_empty(),
            "{code} has messages that English lacks: {more:?}"
        );
    }
}

#[test]
fn the_window_asks_for_what_there_is_and_nothing_is_left_over() {
    let english = messages(Language::English);
    let mut used = BTreeSet::new();
    for (path, id, values) in asked() {
        let known = english.get(&id);
        let known = known.unwrap_or_else(|| panic!("{}: no words for {id}", path.display()));
        assert_eq!(&values, known, "{}: the values of {id}", path.display());
        used.insert(id);
    }
    // The table of commands asks by id.
    for info in crate::commands::COMMANDS {
        for id in [info.id, info.tip] {
            let values = english.get(id).map(BTreeSet::is_empty);
            assert_eq!(
                values,
                Some(true),
                "words of the command, without values: {id}"
            );
            used.insert(id.to_owned());
        }
    }
    let unused: Vec<_> = english.keys().filter(|id| !used.contains(*id)).collect();
    assert!(unused.is_empty(), "words nobody asks for: {unused:?}");
}

/// Letters of some files that the window's fonts lack.
pub(super) fn glyphs_missing(files: &[(&str, &str)]) -> BTreeSet<char> {
    let ctx = egui::Context::default();
    crate::theme::install(&ctx);
    ctx.begin_pass(egui::RawInput::default());
    let letters = files.iter().flat_map(|(_, source)| source.chars());
    letters
        .filter(|letter| !letter.is_whitespace())
        .filter(|letter| {
            let font = egui::FontId::proportional(13.0);
            !ctx.fonts_mut(|fonts| fonts.has_glyph(&font, *letter))
        })
        .collect()
}

#[test]
fn the_fonts_have_every_letter_of_every_language() {
    for language in Language::ALL {
        let mut files = vec![("name", language.name())];
        files.extend(sources(language));
        let missing = glyphs_missing(&files);
        assert!(missing.is_empty(), "{}: {missing:?}", language.code());
    }
}

#[test]
fn languages_are_found_by_locale() {
    assert_eq!(Language::of_locale("de_AT.UTF-8"), Some(Language::German));
    assert_eq!(Language::of_locale("zh-Hans-CN"), Some(Language::Chinese));
    assert_eq!(Language::of_locale("pt"), Some(Language::Portuguese));
    assert_eq!(Language::of_locale("C"), None);
    for language in Language::ALL {
        assert_eq!(Language::from_number(language as u8), language);
        assert_eq!(Language::ALL[language as usize], language);
    }
}
