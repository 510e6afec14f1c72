//! Units of weather columns: how files write them, and what one unit is in the units of the daily table (tasks.md 3.1).
//! Knows numbers and words; knows no file.

use serde::{Deserialize, Serialize};

/// A unit a weather column may be in. `J/m2`, `kWh/m2` and so on are totals of the row's time (a day, or an hour); `W/m2` is
/// the mean over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WeatherUnit {
    #[serde(rename = "degC")]
    Celsius,
    #[serde(rename = "K")]
    Kelvin,
    #[serde(rename = "degF")]
    Fahrenheit,
    #[serde(rename = "mm")]
    Millimetre,
    #[serde(rename = "cm")]
    Centimetre,
    #[serde(rename = "m")]
    Metre,
    #[serde(rename = "inch")]
    Inch,
    /// kg m-2 s-1, a mean over the row's time.
    #[serde(rename = "mm/s")]
    MillimetrePerSecond,
    #[serde(rename = "MJ/m2")]
    Megajoule,
    #[serde(rename = "kJ/m2")]
    Kilojoule,
    #[serde(rename = "J/m2")]
    Joule,
    #[serde(rename = "kWh/m2")]
    KilowattHour,
    #[serde(rename = "Wh/m2")]
    WattHour,
    #[serde(rename = "W/m2")]
    Watt,
    #[serde(rename = "kPa")]
    Kilopascal,
    #[serde(rename = "hPa")]
    Hectopascal,
    #[serde(rename = "Pa")]
    Pascal,
    #[serde(rename = "m/s")]
    MetrePerSecond,
    #[serde(rename = "km/h")]
    KilometrePerHour,
    #[serde(rename = "mph")]
    MilePerHour,
    #[serde(rename = "kn")]
    Knot,
    #[serde(rename = "%")]
    Percent,
    #[serde(rename = "m3/m3")]
    Share,
    #[serde(rename = "s")]
    Second,
}

/// What a unit measures; units of one kind turn into each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitKind {
    Temperature,
    Water,
    Energy,
    Pressure,
    Speed,
    Share,
    Time,
}

use WeatherUnit::*;

/// The daily table's unit stands first of its kind.
const ALL: [(WeatherUnit, &str, UnitKind); 24] = [
    (Celsius, "degC", UnitKind::Temperature),
    (Kelvin, "K", UnitKind::Temperature),
    (Fahrenheit, "degF", UnitKind::Temperature),
    (Millimetre, "mm", UnitKind::Water),
    (Metre, "m", UnitKind::Water),
    (Inch, "inch", UnitKind::Water),
    (Centimetre, "cm", UnitKind::Water),
    (MillimetrePerSecond, "mm/s", UnitKind::Water),
    (Megajoule, "MJ/m2", UnitKind::Energy),
    (Watt, "W/m2", UnitKind::Energy),
    (Joule, "J/m2", UnitKind::Energy),
    (Kilojoule, "kJ/m2", UnitKind::Energy),
    (KilowattHour, "kWh/m2", UnitKind::Energy),
    (WattHour, "Wh/m2", UnitKind::Energy),
    (Kilopascal, "kPa", UnitKind::Pressure),
    (Hectopascal, "hPa", UnitKind::Pressure),
    (Pascal, "Pa", UnitKind::Pressure),
    (MetrePerSecond, "m/s", UnitKind::Speed),
    (KilometrePerHour, "km/h", UnitKind::Speed),
    (MilePerHour, "mph", UnitKind::Speed),
    (Knot, "kn", UnitKind::Speed),
    (Share, "m3/m3", UnitKind::Share),
    (Percent, "%", UnitKind::Share),
    (Second, "s", UnitKind::Time),
];

/// Other ways to write them, after `plain`.
const SPELLINGS: [(&str, WeatherUnit); 45] = [
    ("c", Celsius),
    ("degc", Celsius),
    ("celsius", Celsius),
    ("degreescelsius", Celsius),
    ("degreesc", Celsius),
    ("k", Kelvin),
    ("degk", Kelvin),
    ("kelvin", Kelvin),
    ("f", Fahrenheit),
    ("degf", Fahrenheit),
    ("fahrenheit", Fahrenheit),
    ("kg/m2", Millimetre),
    ("kgm-2", Millimetre),
    ("in", Inch),
    ("inches", Inch),
    ("kg/m2/s", MillimetrePerSecond),
    ("kgm-2s-1", MillimetrePerSecond),
    ("mms-1", MillimetrePerSecond),
    ("metre", Metre),
    ("meter", Metre),
    ("mofwaterequivalent", Metre),
    ("mjm-2", Megajoule),
    ("kjm-2", Kilojoule),
    ("jm-2", Joule),
    ("kwhm-2", KilowattHour),
    ("kw-hr/m2", KilowattHour),
    ("kwhr/m2", KilowattHour),
    ("whm-2", WattHour),
    ("w-hr/m2", WattHour),
    ("wm-2", Watt),
    ("w/m-2", Watt),
    ("mb", Hectopascal),
    ("mbar", Hectopascal),
    ("ms-1", MetrePerSecond),
    ("kmh", KilometrePerHour),
    ("kmh-1", KilometrePerHour),
    ("mp/h", MilePerHour),
    ("mi/h", MilePerHour),
    ("kt", Knot),
    ("knots", Knot),
    ("percent", Percent),
    ("m3m-3", Share),
    ("1", Share),
    ("fraction", Share),
    ("seconds", Second),
];

impl WeatherUnit {
    /// As users and files write it: `degC`, `MJ/m2`, `hPa`.
    pub fn name(self) -> &'static str {
        ALL.iter()
            .find(|(unit, ..)| *unit == self)
            .map_or("", |(_, name, _)| name)
    }

    /// The unit a text names: `MJ/m^2/day`, `°C`, `kg m-2`, `kW-hr/m^2/day`; `None` when it is none of them.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = plain(text);
        let known = |text: &str| {
            ALL.iter()
                .find(|(_, name, _)| name.eq_ignore_ascii_case(text))
                .map(|(unit, ..)| *unit)
                .or_else(|| {
                    SPELLINGS
                        .iter()
                        .find(|(spelling, _)| *spelling == text)
                        .map(|(_, unit)| *unit)
                })
        };
        known(&plain).or_else(|| {
            ["/day", "/d", "day-1", "d-1", "/hour", "/hr", "/h", "h-1"]
                .iter()
                .find_map(|ending| known(plain.strip_suffix(ending)?))
        })
    }

    pub(crate) fn kind(self) -> UnitKind {
        ALL.iter()
            .find(|(unit, ..)| *unit == self)
            .map_or(UnitKind::Time, |(.., kind)| *kind)
    }

    /// Units that measure the same, the daily table's first.
    pub fn alternatives(self) -> Vec<WeatherUnit> {
        let kind = self.kind();
        ALL.iter()
            .filter(|(_, _, other)| *other == kind)
            .map(|(unit, ..)| *unit)
            .collect()
    }

    /// (factor, offset) of `value * factor + offset` in the first unit of its kind, for rows of so many hours.
    fn line(self, hours: f64) -> (f64, f64) {
        match self {
            Celsius | Millimetre | Megajoule | Kilopascal | MetrePerSecond | Share | Second => {
                (1.0, 0.0)
            }
            Kelvin => (1.0, -273.15),
            Fahrenheit => (5.0 / 9.0, -160.0 / 9.0),
            Centimetre => (10.0, 0.0),
            Metre => (1000.0, 0.0),
            Inch => (25.4, 0.0),
            MillimetrePerSecond => (3600.0 * hours, 0.0),
            Kilojoule => (1e-3, 0.0),
            Joule => (1e-6, 0.0),
            KilowattHour => (3.6, 0.0),
            WattHour => (0.0036, 0.0),
            Watt => (0.0036 * hours, 0.0),
            Hectopascal => (0.1, 0.0),
            Pascal => (0.001, 0.0),
            KilometrePerHour => (1.0 / 3.6, 0.0),
            MilePerHour => (0.447_04, 0.0),
            Knot => (1852.0 / 3600.0, 0.0),
            Percent => (0.01, 0.0),
        }
    }

    /// In the first unit of its kind.
    pub(crate) fn to_base(self, value: f64, hours: f64) -> f64 {
        let (factor, offset) = self.line(hours);
        value * factor + offset
    }

    /// Back from the first unit of its kind to what a file in this unit holds.
    pub(crate) fn stored(self, value: f64, hours: f64) -> f64 {
        let (factor, offset) = self.line(hours);
        (value - offset) / factor
    }
}

impl std::fmt::Display for WeatherUnit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Lower case without spaces, with plain digits for raised ones.
fn plain(text: &str) -> String {
    text.trim()
        .chars()
        .filter(|letter| !letter.is_whitespace() && !matches!(letter, '^' | '*'))
        .flat_map(|letter| match letter {
            '²' => vec!['2'],
            '³' => vec!['3'],
            '°' | 'º' => "deg".chars().collect(),
            other => other.to_lowercase().collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_read_as_the_sources_write_them() {
        for (text, unit) in [
            ("°C", Celsius),
            ("deg c", Celsius),
            ("C", Celsius),
            ("K", Kelvin),
            ("°F", Fahrenheit),
            ("mm/day", Millimetre),
            ("kg/m^2", Millimetre),
            ("inch", Inch),
            ("m", Metre),
            ("MJ/m²", Megajoule),
            ("MJ/m^2/day", Megajoule),
            ("MJ m-2 day-1", Megajoule),
            ("kW-hr/m^2/day", KilowattHour),
            ("J m-2 d-1", Joule),
            ("W/m^2", Watt),
            ("Wh/m2", WattHour),
            ("Pa", Pascal),
            ("hPa", Hectopascal),
            ("km/h", KilometrePerHour),
            ("mp/h", MilePerHour),
            ("kn", Knot),
            ("%", Percent),
            ("m³/m³", Share),
            ("s", Second),
            ("kg m-2 s-1", MillimetrePerSecond),
            ("mm/hour", Millimetre),
        ] {
            assert_eq!(WeatherUnit::parse(text), Some(unit), "{text}");
        }
        assert_eq!(WeatherUnit::parse("g/kg"), None);
        for (unit, name, _) in ALL {
            assert_eq!(WeatherUnit::parse(name), Some(unit));
            let json = serde_json::to_string(&unit).unwrap();
            assert_eq!(json, format!("\"{name}\""));
        }
    }

    #[test]
    fn conversions_are_those_of_the_specification() {
        let day = |unit: WeatherUnit, value: f64| unit.to_base(value, 24.0);
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-9, "{a} {b}");
        near(day(Kelvin, 273.15), 0.0);
        near(day(Fahrenheit, 212.0), 100.0);
        near(day(Inch, 1.0), 25.4);
        near(day(Watt, 100.0), 8.64);
        near(day(KilowattHour, 2.0), 7.2);
        near(day(WattHour, 1000.0), 3.6);
        near(Watt.to_base(1000.0, 1.0), 3.6);
        near(day(MillimetrePerSecond, 1e-4), 8.64);
        near(day(Hectopascal, 13.067), 1.3067);
        near(day(KilometrePerHour, 36.0), 10.0);
        for (unit, ..) in ALL {
            near(unit.stored(unit.to_base(3.7, 24.0), 24.0), 3.7);
        }
    }
}
