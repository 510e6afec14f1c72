//! What was confirmed of a weather file, as the options of the command line say it. Knows words; reads no file.

use terroir_scene::WeatherReading;

/// Options and their values.
pub(crate) fn reading_words(reading: &WeatherReading) -> Vec<(&'static str, String)> {
    let mut words: Vec<(&'static str, String)> = reading
        .units
        .iter()
        .map(|(key, unit)| ("--weather-unit", format!("{key}={}", unit.name())))
        .collect();
    words.extend(
        reading
            .columns
            .iter()
            .map(|(key, column)| ("--weather-column", format!("{key}={column}"))),
    );
    words.extend(
        reading
            .place
            .map(|(latitude, longitude)| ("--weather-place", format!("{latitude},{longitude}"))),
    );
    words
}
