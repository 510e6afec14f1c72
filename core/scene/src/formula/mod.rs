//! Formulas over bands, as typed into the raster calculator: `(nir - red) / (nir + red)`, `where(b1 > 0.3, 1, 0)`.
//! Knows bands as described values. Reads no files.

mod grammar;
mod values;

use grammar::Node;

use crate::{BandInfo, SceneError, SceneResult, SpectralTarget, Wavelength};

/// Longer formulas are a slip of the clipboard.
const LONGEST_TEXT: usize = 2000;
/// A wavelength such as `nm665` means the nearest band, at most this far away or half the band's own width.
const NEAR_NM: f64 = 20.0;

/// A parsed formula. Values are the bands' scaled ones (reflectance, metres), so that constants mean what textbooks say.
#[derive(Clone, Debug, PartialEq)]
pub struct Formula {
    text: String,
    root: Node,
    names: Vec<NamedBand>,
}

/// A band as a formula names it.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedBand {
    pub text: String,
    /// Characters before it, from 0.
    pub column: usize,
    meaning: Meaning,
}

#[derive(Clone, Debug, PartialEq)]
enum Meaning {
    /// `b4`: from 0.
    Number(usize),
    /// `nm665`, `band(665nm)`.
    Wavelength(Wavelength),
    /// `nir`: the band nearest to a spectral target.
    Target(SpectralTarget),
    /// A band's own name.
    Name(String),
}

/// What is wrong with a formula, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct FormulaError {
    pub what: String,
    /// Characters before the place, from 0.
    pub column: usize,
}

impl std::fmt::Display for FormulaError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (at character {})", self.what, self.column + 1)
    }
}

impl From<FormulaError> for SceneError {
    fn from(error: FormulaError) -> Self {
        Self::input(format!("The formula cannot be used: {error}."))
    }
}

impl Formula {
    /// # Errors
    /// What is wrong and at which character.
    pub fn parse(text: &str) -> Result<Self, FormulaError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(FormulaError {
                what: "it is empty; write for example (nir - red) / (nir + red)".to_owned(),
                column: 0,
            });
        }
        if text.chars().count() > LONGEST_TEXT {
            return Err(FormulaError {
                what: format!("it is longer than {LONGEST_TEXT} characters"),
                column: LONGEST_TEXT,
            });
        }
        let (root, words) = grammar::parse(text)?;
        let names = words
            .into_iter()
            .map(|word| {
                let meaning = meaning_of(&word)?;
                Ok(NamedBand {
                    text: word.text,
                    column: word.column,
                    meaning,
                })
            })
            .collect::<Result<_, FormulaError>>()?;
        Ok(Self {
            text: text.to_owned(),
            root,
            names,
        })
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// The bands it names, each once, in the order `evaluate` takes their planes.
    pub fn names(&self) -> &[NamedBand] {
        &self.names
    }

    /// Index of the band behind each name.
    ///
    /// # Errors
    /// The first name no band answers to, with what is there instead.
    pub fn resolve(&self, bands: &[BandInfo]) -> Result<Vec<usize>, FormulaError> {
        self.names.iter().map(|name| name.find(bands)).collect()
    }
}

impl NamedBand {
    fn find(&self, bands: &[BandInfo]) -> Result<usize, FormulaError> {
        let wrong = |what: String| FormulaError {
            what,
            column: self.column,
        };
        match &self.meaning {
            Meaning::Number(index) if *index < bands.len() => Ok(*index),
            Meaning::Number(index) => Err(wrong(format!(
                "there is no band {}, the raster has {}",
                index + 1,
                bands.len()
            ))),
            Meaning::Wavelength(wanted) => near(bands, *wanted).map_err(wrong),
            Meaning::Target(target) => target
                .pick(bands)
                .or_else(|| by_name(bands, &self.text))
                .ok_or_else(|| {
                    wrong(format!(
                        "no band is {} (near {:.0} nm)",
                        target.name, target.center_nm
                    ))
                }),
            Meaning::Name(name) => by_name(bands, name).ok_or_else(|| {
                wrong(format!(
                    "\"{name}\" is no band here; write b1 for the first band, nm665 or band(665nm) for a wavelength, \
                     a colour such as red or nir, or a band's own name"
                ))
            }),
        }
    }
}

/// The band of that name; case decides only between bands whose names differ in nothing else.
fn by_name(bands: &[BandInfo], name: &str) -> Option<usize> {
    let exact = bands.iter().find(|band| band.name == name);
    exact
        .or_else(|| {
            bands
                .iter()
                .find(|band| band.name.eq_ignore_ascii_case(name))
        })
        .map(|band| band.index)
}

fn near(bands: &[BandInfo], wanted: Wavelength) -> Result<usize, String> {
    let Some(band) = crate::nearest_band(bands, wanted).and_then(|index| bands.get(index)) else {
        return Err("no band has a wavelength; write b1 for the first band".to_owned());
    };
    let Some(found) = band.wavelength else {
        return Err("no band has a wavelength; write b1 for the first band".to_owned());
    };
    let reach = (found.fwhm_nm.unwrap_or(0.0) / 2.0).max(NEAR_NM);
    if (found.center.nm() - wanted.nm()).abs() <= reach {
        Ok(band.index)
    } else {
        Err(format!(
            "no band lies near {:.0} nm; the nearest is {} at {:.0} nm",
            wanted.nm(),
            band.name,
            found.center.nm()
        ))
    }
}

fn meaning_of(word: &grammar::Word) -> Result<Meaning, FormulaError> {
    let text = word.text.as_str();
    let wrong = |what: String| FormulaError {
        what,
        column: word.column,
    };
    if word.is_quoted {
        return Ok(Meaning::Name(text.to_owned()));
    }
    if let Some(inside) = text
        .strip_prefix("band(")
        .and_then(|rest| rest.strip_suffix(')'))
    {
        let inside = inside.trim().trim_matches(['"', '\'']);
        return if inside.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            Wavelength::parse(inside)
                .map(Meaning::Wavelength)
                .map_err(|_| {
                    wrong(format!(
                        "{inside} is no wavelength; write band(665nm) or band(0.665um)"
                    ))
                })
        } else {
            Ok(Meaning::Name(inside.to_owned()))
        };
    }
    let number_after = |prefix: &str| {
        text.strip_prefix(prefix)
            .filter(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
            .map(|digits| digits.parse::<usize>().unwrap_or(usize::MAX))
    };
    if let Some(number) = number_after("b") {
        return number
            .checked_sub(1)
            .map(Meaning::Number)
            .ok_or_else(|| wrong("bands are counted from b1".to_owned()));
    }
    if let Some(nm) = number_after("nm") {
        return Wavelength::from_nm(nm as f64)
            .map(Meaning::Wavelength)
            .ok_or_else(|| wrong(format!("{text} is no wavelength")));
    }
    Ok(SpectralTarget::named(text).map_or_else(|| Meaning::Name(text.to_owned()), Meaning::Target))
}

/// Parses and finds the bands: the formula and, for each of its names, the band's index.
///
/// # Errors
/// What is wrong with the formula, or which band is missing.
pub fn formula_for(text: &str, bands: &[BandInfo]) -> SceneResult<(Formula, Vec<usize>)> {
    let formula = Formula::parse(text)?;
    let bands = formula.resolve(bands)?;
    Ok((formula, bands))
}

#[cfg(test)]
mod tests;
