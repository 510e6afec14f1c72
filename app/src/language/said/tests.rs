//! Every sentence of the engine is known, is recognised, and is said in every language.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::*;
use crate::language::tests::{glyphs_missing, values_by_id};

/// Files whose sentences are written into results (reports, charts, rasters) or said to builders, and not in the window.
const WRITTEN: [&str; 14] = [
    "belief.rs",
    "bench.rs",
    "bench_points.rs",
    "chart.rs",
    "field_product.rs",
    "html.rs",
    "library_facts.rs",
    "page.rs",
    "report",
    "sheet",
    "stac_item.rs",
    "trial.rs",
    "_picture.rs",
    "/fused/",
];

/// Sentences that are read from elsewhere, written into files, or commands and licences to copy.
const NOT_SAID: [&str; 29] = [
    "CSE network station",
    "Contains modified Copernicus",
    "ERA5-Land (Earth Engine)",
    "HLS Fmask bits",
    "Landsat QA_PIXEL",
    "Landsat data courtesy",
    "Landsat pixel_qa",
    "MODIS data courtesy",
    "No space left",
    "no space for",
    "coordinate system string",
    "could not resolve",
    "data ignore value",
    "data type = ",
    "device is lost",
    "device was lost",
    "file type = ",
    "gdalwarp -r near",
    "http error code",
    "http response code",
    "map info = ",
    "missing codec of code",
    "not enough memory",
    "not recognized as",
    "out of memory",
    "terroir field colours",
    "version https://git-lfs",
    "xOff=",
    "<",
];

fn own_words(text: &str) -> usize {
    let mut depth = 0;
    let outside: String = text
        .chars()
        .map(|letter| {
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ if depth == 0 => return letter,
                _ => {}
            }
            ' '
        })
        .collect();
    outside
        .split(|letter: char| !letter.is_ascii_alphabetic())
        .filter(|word| word.len() > 1)
        .count()
}

/// With `{}` for every value.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    let mut depth = 0;
    for letter in text.chars() {
        match letter {
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    shape.push_str("{}");
                }
            }
            _ if depth == 0 => shape.push(letter),
            _ => {}
        }
    }
    shape
}

/// Texts of a file of Rust, but for those of its tests, of comments and reasons, of the log and of what can never be.
fn texts(tokens: TokenStream, found: &mut Vec<String>) {
    const NEVER_SHOWN: [&str; 6] = [
        "assert",
        "assert_eq",
        "debug_assert",
        "expect",
        "log",
        "panic",
    ];
    let (mut is_test, mut is_shown) = (false, true);
    for token in tokens {
        match token {
            TokenTree::Group(group) => {
                let inner = group.stream().to_string().replace(' ', "");
                let is_attribute = group.delimiter() == Delimiter::Bracket
                    && ["allow(", "doc=", "expect(", "serde("]
                        .iter()
                        .any(|start| inner.starts_with(start));
                if inner == "cfg(test)" {
                    is_test = true;
                } else if group.delimiter() == Delimiter::Brace && is_test {
                    is_test = false;
                } else if is_shown && !is_attribute {
                    texts(group.stream(), found);
                }
                is_shown = true;
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => (is_test, is_shown) = (false, true),
            TokenTree::Punct(_) => {}
            // `log::warn!(…)`: the path says it, its last name does not speak for itself.
            TokenTree::Ident(name) => {
                is_shown = !NEVER_SHOWN.iter().any(|word| name == word)
                    && (is_shown
                        || !["error", "warn", "info", "debug"]
                            .iter()
                            .any(|word| name == word));
            }
            TokenTree::Literal(literal) => {
                if let Some(text) = unquoted(&literal.to_string()) {
                    found.push(text);
                }
            }
        }
    }
}

/// What a plain text of Rust stands for; raw texts and bytes hold no sentences.
fn unquoted(literal: &str) -> Option<String> {
    let inside = literal.strip_prefix('"')?.strip_suffix('"')?;
    let mut text = String::new();
    let mut letters = inside.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some('\n')) => while letters.next_if(|next| next.is_whitespace()).is_some() {},
            ('\\', Some('n')) => {
                letters.next();
                text.push('\n');
            }
            ('\\', Some(_)) => text.extend(letters.next()),
            _ => text.push(letter),
        }
    }
    Some(text)
}

fn sources_of_the_engine(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = path.to_string_lossy().replace('\\', "/");
        let is_test = ["_test.rs", "tests.rs", "/tests"]
            .iter()
            .any(|end| name.ends_with(end))
            || name.contains("/tests/")
            || name.contains("/made_");
        if path.is_dir() {
            sources_of_the_engine(&path, found);
        } else if name.ends_with(".rs") && !is_test && !WRITTEN.iter().any(|of| name.contains(of)) {
            found.push(path);
        }
    }
}

#[test]
fn every_sentence_of_the_engine_is_known() {
    let known: BTreeSet<String> = sentences()
        .0
        .iter()
        .map(|sentence| {
            let pieces = sentence.pieces.iter().map(|piece| match piece {
                Piece::Words(words) => words.as_str(),
                Piece::Value(_) => "{}",
            });
            pieces.collect()
        })
        .collect();
    let core = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core");
    let mut files = Vec::new();
    for part in ["scene", "engine", "models"] {
        sources_of_the_engine(&core.join(part).join("src"), &mut files);
    }
    assert!(files.len() > 200, "the engine's sources: {}", files.len());
    let mut unknown = Vec::new();
    for file in files {
        let source = std::fs::read_to_string(&file).unwrap();
        let mut found = Vec::new();
        texts(source.parse().unwrap(), &mut found);
        for line in found.iter().flat_map(|text| text.split('\n')) {
            let line = line.trim();
            let is_sentence = own_words(line) >= 3 && line.contains(' ');
            if is_sentence
                && !known.contains(&shape(line))
                && !NOT_SAID.iter().any(|words| line.contains(words))
            {
                unknown.push(format!("{}: {line}", file.display()));
            }
        }
    }
    assert!(
        unknown.is_empty(),
        "sentences without a message `said-…` in assets/languages/en/said_*.ftl:\n{}",
        unknown.join("\n")
    );
}

#[test]
fn every_language_says_every_sentence_with_its_values() {
    let english = values_by_id(sources(Language::English));
    assert_eq!(english.len(), sentences().0.len());
    for language in Language::ALL {
        let other = values_by_id(sources(language));
        assert_eq!(other, english, "{}", language.code());
        let missing = glyphs_missing(sources(language));
        assert!(missing.is_empty(), "{}: {missing:?}", language.code());
    }
    let texts = |language| {
        let all = sources(language)
            .iter()
            .flat_map(|(_, source)| source.lines());
        all.collect::<BTreeSet<&str>>()
    };
    let english_lines = texts(Language::English);
    for language in Language::ALL.into_iter().skip(1) {
        let texts = texts(language);
        // Names of bands and products are the same everywhere.
        let is_sentence = |line: &&&str| {
            let words = line.split(' ').skip(2);
            let plain = |word: &&str| word.bytes().all(|letter| letter.is_ascii_lowercase());
            words.filter(plain).count() > 3
        };
        let same: Vec<_> = texts
            .intersection(&english_lines)
            .filter(is_sentence)
            .collect();
        assert!(same.is_empty(), "{} is English: {same:?}", language.code());
    }
    for sentence in &sentences().0 {
        let named = sentence.pieces.iter().filter_map(|piece| match piece {
            Piece::Value(name) => Some(name.clone()),
            Piece::Words(_) => None,
        });
        let named: BTreeSet<String> = named.collect();
        assert_eq!(named, english[&sentence.id], "only values: {}", sentence.id);
        assert!(sentence.own_letters > 0, "{} has no words", sentence.id);
    }
}

#[test]
fn every_sentence_is_recognised_by_its_words() {
    let german = catalogue(Language::German);
    for sentence in &sentences().0 {
        let mut values = FluentArgs::new();
        let mut text = String::new();
        let mut after_value = false;
        for (place, piece) in sentence.pieces.iter().enumerate() {
            match piece {
                Piece::Words(words) => text.push_str(words),
                // The first of two values that touch takes all.
                Piece::Value(name) if after_value => values.set(name.clone(), ""),
                Piece::Value(name) => {
                    let value = format!("v{place}");
                    text.push_str(&value);
                    values.set(name.clone(), value);
                }
            }
            after_value = matches!(piece, Piece::Value(_));
        }
        let (meant, is_whole) = german.format(&sentence.id, Some(&values));
        assert!(is_whole, "{}", sentence.id);
        let said = said_in(Language::German, &text);
        assert_eq!(said, meant.unwrap().trim(), "{}: {text}", sentence.id);
    }
}

#[test]
fn sentences_within_and_after_one_another_are_translated() {
    let german = |text: &str| said_in(Language::German, text);
    let english = |id: &str| {
        let sentence = sentences().0.iter().find(|sentence| sentence.id == id);
        sentence.unwrap_or_else(|| panic!("{id}"))
    };
    // A cause, what to do about it, and the file on a line of its own.
    let memory = german(
        "there is not enough memory for it; close other programs and run it again, or choose a smaller area",
    );
    assert!(!memory.contains("memory"), "{memory}");
    let text = "the raster cannot be opened; there is not enough memory for it; close other programs and run it again, or choose a smaller area\n/data/left out/a scene.tif";
    let said = german(text);
    assert!(said.contains(&memory), "{said}");
    assert!(said.ends_with("\n/data/left out/a scene.tif"), "{said}");
    // A name of the window's in front, a capital and a full stop.
    let no_file = german("there is no such file; check the path");
    let capital = with_first(&no_file, char::to_uppercase);
    assert_eq!(
        german("Feld erstellen: there is no such file; check the path"),
        format!("Feld erstellen: {no_file}")
    );
    assert_eq!(
        german("There is no such file; check the path."),
        format!("{capital}.")
    );
    // Parts that are appended begin with what joins them.
    let change = german(
        "12.0 % of 400 pixels changed (dot product below 0.8000), 3 polygons of at least 100 m2, 2.1 s",
    );
    assert!(change.starts_with("12.0 % von 400 Pixeln"), "{change}");
    assert!(
        change.contains(", 3 Polygone von mindestens 100 m2"),
        "{change}"
    );
    assert!(change.ends_with(", 2.1 s"), "{change}");
    // Long lists stay lists.
    let columns: Vec<String> = (0..500).map(|at| format!("column {at}")).collect();
    let list = columns.join(", ");
    assert_eq!(german(&list), list);
    assert!(german(&format!("it has: {list}")).ends_with(&list));
    // Names of the user's are left alone, and so is what nobody knows.
    for text in ["my field", "winter wheat; maize", "GDAL: an odd thing", ""] {
        assert_eq!(german(text), text);
    }
    let mut values = BTreeMap::new();
    let of_bands = english("said-there-is-no-band-the");
    values.extend(
        of_bands
            .values("there is no band 9; the raster has 4")
            .unwrap(),
    );
    assert_eq!(values.into_values().collect::<Vec<_>>(), ["9", "4"]);
}
