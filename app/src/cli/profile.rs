//! `terroir profile`: what the bands of rasters hold at a place, as a table for people, CSV, JSON or a drawing.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use terroir_scene::{
    Crs, Document, Profile, ProfileBand, ProfileValues, Raster, export_profiles, pixel_under_point,
    profile_number,
};

use super::failure::{CliError, CliResult};
use super::output::{Output, table};

/// Largest square that is averaged, in pixels a side.
const WIDEST: usize = 501;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("place").required(true).multiple(true))]
pub struct ProfileArgs {
    /// Rasters to look into, one or more
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Place in map coordinates, X,Y; may be given several times
    #[arg(long, value_name = "X,Y", allow_hyphen_values = true, group = "place")]
    at: Vec<String>,
    /// Coordinate system of --at, such as EPSG:4326 (longitude, latitude); each file's own without this
    #[arg(long, requires = "at")]
    crs: Option<String>,
    /// Place as a pixel, column and row from 0; may be given several times
    #[arg(long, value_name = "COL,ROW", group = "place")]
    pixel: Vec<String>,
    /// Average a square of this many pixels a side (odd)
    #[arg(long, value_name = "PIXELS", default_value_t = 1)]
    window: usize,
    /// Numbers as the file stores them instead of scale and offset applied
    #[arg(long)]
    stored: bool,
    /// Write the table to this file (.csv), or a drawing (.svg)
    #[arg(long)]
    out: Option<PathBuf>,
}

/// A place as the user gave it.
enum Place {
    Map((f64, f64)),
    Pixel((usize, usize)),
}

pub fn run(args: &ProfileArgs, output: Output) -> CliResult {
    if args.window.is_multiple_of(2) || args.window > WIDEST {
        return Err(CliError::usage(format!(
            "--window {}: give an odd number from 1 to {WIDEST}, so that the place lies in the middle.",
            args.window
        )));
    }
    let values = if args.stored {
        ProfileValues::Stored
    } else {
        ProfileValues::Scaled
    };
    let crs = args.crs.as_deref().map(Crs::parse).transpose()?;
    let mut places = Vec::new();
    for text in &args.at {
        places.push(Place::Map(pair(text, "--at", "X,Y")?));
    }
    for text in &args.pixel {
        places.push(Place::Pixel(pair(text, "--pixel", "COL,ROW")?));
    }
    let mut document = Document::default();
    let mut failures = Vec::new();
    for place in &places {
        let mut profiles = Vec::new();
        for file in &args.files {
            match profile(file, place, crs.as_ref(), args.window) {
                Ok(profile) => profiles.push(profile),
                Err(error) => failures.push(error),
            }
        }
        if !profiles.is_empty() {
            document.keep_profiles(profiles);
        }
    }
    let mut failures = failures.into_iter();
    if document.profiles.is_empty() {
        return match failures.next() {
            Some(error) => Err(error),
            None => Err(CliError::usage("Give a place with --at or --pixel.")),
        };
    }
    for error in failures {
        output.warn(error.message(output.verbose).trim_end());
    }
    let profiles: Vec<&Profile> = document.profiles.iter().map(|one| &**one).collect();
    if let Some(out) = &args.out {
        export_profiles(profiles.iter().copied(), values, out)?;
    }
    if output.json {
        let value = as_json(&profiles, values);
        return output.print_json(&value);
    }
    match &args.out {
        Some(out) => output.print(&format!("{}\n", out.display())),
        None => output.print(&as_text(&profiles, values)),
    }
}

/// Two numbers with a comma between them.
fn pair<T: std::str::FromStr>(text: &str, option: &str, form: &str) -> CliResult<(T, T)> {
    let parsed = text.split_once(',').and_then(|(first, second)| {
        Some((first.trim().parse().ok()?, second.trim().parse().ok()?))
    });
    parsed.ok_or_else(|| {
        CliError::usage(format!(
            "{option} {text}: write {form}, two numbers with a comma between them."
        ))
    })
}

fn profile(file: &Path, place: &Place, crs: Option<&Crs>, side: usize) -> CliResult<Profile> {
    let raster = Raster::open(file)?;
    let info = raster.info();
    let grid = &info.grid;
    let (pixel, (x, y), crs) = match place {
        Place::Map(xy) => {
            let pixel = pixel_under_point(grid, crs, *xy)
                .map_err(|error| CliError::failed(format!("{error}.\n{}", file.display())))?;
            (pixel, *xy, crs.or(grid.georef.ground_crs()))
        }
        Place::Pixel((col, row)) => {
            let center = (*col as f64 + 0.5, *row as f64 + 0.5);
            let xy = grid.ground_from_pixel(center.0, center.1);
            ((*col, *row), xy.unwrap_or(center), grid.georef.ground_crs())
        }
    };
    let bands = raster.profile_blocking(&info.bands, pixel, side)?;
    let layer = file.file_stem().map_or_else(
        || file.display().to_string(),
        |stem| stem.to_string_lossy().into_owned(),
    );
    Ok(Profile {
        id: 0,
        place: 0,
        name: layer.clone(),
        color: [0; 3],
        layer,
        file: file.to_owned(),
        x,
        y,
        crs: crs.cloned(),
        col: pixel.0,
        row: pixel.1,
        side,
        is_field: info.is_field(),
        bands,
    })
}

fn as_json(profiles: &[&Profile], values: ProfileValues) -> Value {
    let band = |profile: &Profile, band: &ProfileBand| {
        json!({
            "band": band.index + 1,
            "name": band.name,
            "wavelength_nm": band.wavelength_nm,
            "is_bad": band.is_bad,
            "value": profile.value(band, values),
            "unit": profile.unit(band, values),
            "sd": profile.sd(band, values),
            "pixels": band.pixels,
        })
    };
    let profile = |profile: &&Profile| {
        json!({
            "profile": profile.name,
            "layer": profile.layer,
            "file": profile.file,
            "x": profile.x,
            "y": profile.y,
            "crs": profile.crs.as_ref().map(Crs::label),
            "col": profile.col,
            "row": profile.row,
            "window": profile.side,
            "bands": profile.bands.iter().map(|one| band(profile, one)).collect::<Vec<_>>(),
        })
    };
    json!({ "profiles": profiles.iter().map(profile).collect::<Vec<_>>() })
}

fn as_text(profiles: &[&Profile], values: ProfileValues) -> String {
    let mut text = String::new();
    for profile in profiles {
        if !text.is_empty() {
            text.push('\n');
        }
        let crs = profile
            .crs
            .as_ref()
            .map_or_else(|| "no coordinate reference system".to_owned(), Crs::label);
        text += &format!(
            "{}: {}, {} ({crs}), column {}, row {}\n{}\n",
            profile.name,
            profile_number(profile.x, ProfileValues::Scaled),
            profile_number(profile.y, ProfileValues::Scaled),
            profile.col,
            profile.row,
            profile.file.display()
        );
        let has_sd = profile.bands.iter().any(|band| band.sd.is_some());
        let mut header = vec!["band", "name", "nm", "value", "unit"];
        if has_sd {
            header.extend(["sd", "pixels"]);
        }
        let rows: Vec<Vec<String>> = profile
            .bands
            .iter()
            .map(|band| row(profile, band, values, has_sd))
            .collect();
        text += &table(&header, &rows);
    }
    text
}

fn row(profile: &Profile, band: &ProfileBand, values: ProfileValues, has_sd: bool) -> Vec<String> {
    let number =
        |value: Option<f64>| value.map_or_else(String::new, |value| profile_number(value, values));
    let name = if band.is_bad {
        format!("{} (marked bad)", band.name)
    } else {
        band.name.clone()
    };
    let mut row = vec![
        (band.index + 1).to_string(),
        name,
        band.wavelength_nm
            .map_or_else(String::new, |nm| profile_number(nm, ProfileValues::Scaled)),
        profile.value(band, values).map_or_else(
            || "missing".to_owned(),
            |value| profile_number(value, values),
        ),
        profile.unit(band, values).to_owned(),
    ];
    if has_sd {
        row.extend([number(profile.sd(band, values)), band.pixels.to_string()]);
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_two_numbers() {
        assert_eq!(
            pair::<f64>("-8.5, 39", "--at", "X,Y").unwrap(),
            (-8.5, 39.0)
        );
        assert_eq!(pair::<usize>("3,4", "--pixel", "COL,ROW").unwrap(), (3, 4));
        for text in ["", "3", "3;4", "a,b"] {
            assert!(pair::<f64>(text, "--at", "X,Y").is_err(), "{text}");
        }
        assert!(pair::<usize>("-1,4", "--pixel", "COL,ROW").is_err());
    }
}
