//! The words of the window in the language its user reads: one catalogue a language, in Fluent, inside the program.
//! Knows nothing of panels. The command line, files and the engine speak English; what the engine
//! says is recognised and translated in `said`.

use std::collections::HashMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource};
use serde::{Deserialize, Serialize};

/// Languages the window speaks. Each is written from left to right in a script that the bundled fonts have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Language {
    #[default]
    #[serde(rename = "en")]
    English,
    #[serde(rename = "de")]
    German,
    #[serde(rename = "fr")]
    French,
    #[serde(rename = "es")]
    Spanish,
    #[serde(rename = "pt")]
    Portuguese,
    #[serde(rename = "zh")]
    Chinese,
}

/// The files of a catalogue, `assets/languages/<language>/<area>.ftl`.
macro_rules! areas {
    ($($area:literal),+ $(,)?) => {
        fn sources(
            language: $crate::language::Language,
        ) -> &'static [(&'static str, &'static str)] {
            use $crate::language::Language;
            match language {
                Language::English => areas!(@ "en" $($area)+),
                Language::German => areas!(@ "de" $($area)+),
                Language::French => areas!(@ "fr" $($area)+),
                Language::Spanish => areas!(@ "es" $($area)+),
                Language::Portuguese => areas!(@ "pt" $($area)+),
                Language::Chinese => areas!(@ "zh" $($area)+),
            }
        }
    };
    (@ $code:literal $($area:literal)+) => {
        &[$((
            $area,
            include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"), "/../assets/languages/", $code, "/", $area, ".ftl"
            )),
        )),+]
    };
}

mod said;

pub use said::said;

areas![
    "accuracy",
    "analyses",
    "archive",
    "bands",
    "classes",
    "commands",
    "compare",
    "crops",
    "decorations",
    "derived",
    "dialogs",
    "export",
    "field",
    "file_manager",
    "forecast",
    "guide",
    "jobs",
    "keys",
    "layers",
    "label_tools",
    "menu",
    "models",
    "news",
    "open_series",
    "panels",
    "properties",
    "ramp",
    "series_field",
    "shapes",
    "similarity",
    "soil",
    "spectrum",
    "status",
    "stretch",
    "system",
    "time",
    "timeline",
    "training",
    "undo",
    "vector_style",
    "weather",
];

/// The words with an id of the catalogue, in the window's language: `t!("layers-empty")` is a `&'static str`;
/// with values, `t!("labels-painted", count = 3, class = name)` is a `String`. An attribute has its message's id before it:
/// `t!("new-project.tip")`.
macro_rules! t {
    ($id:literal) => {
        $crate::language::words($id)
    };
    ($id:literal, $($name:ident = $value:expr),+ $(,)?) => {{
        let mut values = fluent_bundle::FluentArgs::new();
        $(values.set(stringify!($name), $value);)+
        $crate::language::words_with($id, &values)
    }};
}
pub(crate) use t;

impl Language {
    pub const ALL: [Self; 6] = [
        Self::English,
        Self::German,
        Self::French,
        Self::Spanish,
        Self::Portuguese,
        Self::Chinese,
    ];

    /// The name of the language in itself.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::German => "Deutsch",
            Self::French => "Français",
            Self::Spanish => "Español",
            Self::Portuguese => "Português",
            Self::Chinese => "中文",
        }
    }

    /// ISO 639-1.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Portuguese => "pt",
            Self::Chinese => "zh",
        }
    }

    /// The language of a locale such as `de_AT.UTF-8` or `zh-Hans-CN`; `None` = none of ours.
    pub fn of_locale(locale: &str) -> Option<Self> {
        let code = locale.split(['-', '_', '.', '@']).next()?;
        Self::ALL
            .into_iter()
            .find(|language| language.code().eq_ignore_ascii_case(code))
    }

    /// The system's language, else English.
    pub fn of_system() -> Self {
        sys_locale::get_locales()
            .find_map(|locale| Self::of_locale(&locale))
            .unwrap_or_default()
    }

    fn from_number(number: u8) -> Self {
        Self::ALL
            .into_iter()
            .find(|language| *language as u8 == number)
            .unwrap_or_default()
    }
}

/// Language of the window; one process shows one window.
static CHOSEN: AtomicU8 = AtomicU8::new(Language::English as u8);

pub fn choose(language: Language) {
    CHOSEN.store(language as u8, Ordering::Relaxed);
    said::prepare(language);
}

pub fn chosen() -> Language {
    Language::from_number(CHOSEN.load(Ordering::Relaxed))
}

/// Words of one language. Built once, then only read.
struct Catalogue {
    /// Messages without values, ready.
    plain: HashMap<String, String>,
    bundle: FluentBundle<FluentResource>,
}

impl Catalogue {
    fn read(language: Language, sources: &[(&str, &str)]) -> Self {
        // The code is one of ours, so the fallback is never taken.
        let id = language.code().parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // Marks around values would show as boxes: egui has no bidirectional text yet.
        bundle.set_use_isolating(false);
        let mut ids = Vec::new();
        for (_, source) in sources {
            // What does not parse is left out; a test holds every file to parse whole.
            let resource = FluentResource::try_new((*source).to_owned())
                .unwrap_or_else(|(resource, _)| resource);
            for entry in resource.entries() {
                if let fluent_syntax::ast::Entry::Message(message) = entry {
                    ids.push(message.id.name.to_owned());
                    let attributes = message.attributes.iter();
                    ids.extend(
                        attributes.map(|part| format!("{}.{}", message.id.name, part.id.name)),
                    );
                }
            }
            bundle.add_resource(resource).ok();
        }
        let mut catalogue = Self {
            plain: HashMap::with_capacity(ids.len()),
            bundle,
        };
        for id in ids {
            if let (Some(text), true) = catalogue.format(&id, None) {
                catalogue.plain.insert(id, text);
            }
        }
        catalogue
    }

    /// The text, and whether all of it could be filled in.
    fn format(&self, id: &str, values: Option<&FluentArgs<'_>>) -> (Option<String>, bool) {
        let (message, attribute) = match id.split_once('.') {
            Some((message, attribute)) => (message, Some(attribute)),
            None => (id, None),
        };
        let message = self.bundle.get_message(message);
        let pattern = message.and_then(|message| match attribute {
            Some(attribute) => Some(message.get_attribute(attribute)?.value()),
            None => message.value(),
        });
        let Some(pattern) = pattern else {
            return (None, false);
        };
        let mut errors = Vec::new();
        let text = self.bundle.format_pattern(pattern, values, &mut errors);
        (Some(text.into_owned()), errors.is_empty())
    }
}

fn catalogue(language: Language) -> &'static Catalogue {
    static CATALOGUES: [OnceLock<Catalogue>; Language::ALL.len()] =
        [const { OnceLock::new() }; Language::ALL.len()];
    CATALOGUES[language as usize].get_or_init(|| Catalogue::read(language, sources(language)))
}

/// The words with an id, without values. What a language lacks is said in English.
pub fn words(id: &'static str) -> &'static str {
    words_in(chosen(), id)
}

fn words_in(language: Language, id: &'static str) -> &'static str {
    let plain = &catalogue(language).plain;
    plain
        .get(id)
        .or_else(|| catalogue(Language::English).plain.get(id))
        .map_or(id, String::as_str)
}

/// The words with an id and values.
pub fn words_with(id: &'static str, values: &FluentArgs<'_>) -> String {
    let (text, _) = catalogue(chosen()).format(id, Some(values));
    text.or_else(|| catalogue(Language::English).format(id, Some(values)).0)
        .unwrap_or_else(|| id.to_owned())
}

#[cfg(test)]
mod tests;
