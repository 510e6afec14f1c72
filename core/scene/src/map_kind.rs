//! Kinds of maps: what each is stored as, compressed with and called.
//! Knows file layouts; knows nothing of how a map is written or checked.

use gdal::Dataset;
use serde::{Deserialize, Serialize};

use crate::cog::{self, Layout, Sample};
use crate::gdal_setup::writing_threads;
use crate::raster_copy::{describe, sample_of};
use crate::{Class, FIELD_AXES, FIELD_NODATA, SampleType, StoredBand};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MapKind {
    /// u8 classes, 0 = unclassified.
    Classes(Vec<Class>),
    /// u8 0-200 = 200 * probability, 255 nodata; band names.
    Confidence(Vec<String>),
    /// 64 signed bytes in the AlphaEarth coding.
    Field,
    /// u16 counts, 65535 nodata; band names.
    Counts(Vec<String>),
    /// f32, NaN nodata; per-band (name, unit), and a ramp name for the `.qml`.
    Continuous {
        bands: Vec<(String, String)>,
        ramp: String,
    },
    /// The same with a number for nodata, where other programs of the subject expect one.
    Measured {
        bands: Vec<(String, String)>,
        ramp: String,
        nodata: f32,
    },
    /// Numbers as another raster stores them.
    Like {
        sample: SampleType,
        nodata: Option<f64>,
        bands: Vec<StoredBand>,
    },
}

impl MapKind {
    pub(crate) fn layout(&self) -> Layout {
        match self {
            Self::Classes(_) => Layout {
                bands: 1,
                sample: Sample::Byte,
                nodata: 0.0,
            },
            Self::Confidence(names) => Layout {
                bands: names.len(),
                sample: Sample::Byte,
                nodata: 255.0,
            },
            Self::Field => Layout {
                bands: FIELD_AXES,
                sample: Sample::SignedByte,
                nodata: f64::from(FIELD_NODATA),
            },
            Self::Counts(names) => Layout {
                bands: names.len(),
                sample: Sample::Short,
                nodata: f64::from(u16::MAX),
            },
            Self::Continuous { bands, .. } => Layout {
                bands: bands.len(),
                sample: Sample::Float,
                nodata: f64::NAN,
            },
            Self::Measured { bands, nodata, .. } => Layout {
                bands: bands.len(),
                sample: Sample::Float,
                nodata: f64::from(*nodata),
            },
            Self::Like {
                sample,
                nodata,
                bands,
            } => Layout {
                bands: bands.len(),
                sample: sample_of(*sample).unwrap_or(Sample::Double),
                nodata: nodata.unwrap_or(Layout::NONE),
            },
        }
    }

    /// Creation options of the finished file. Codes of a field are never averaged: its overviews are made beforehand
    /// (mean of vectors, renormalised) and taken over; none are invented where the file fits one block.
    pub(crate) fn options(&self) -> Vec<&'static str> {
        let threads = match writing_threads() {
            "1" => "NUM_THREADS=1",
            _ => "NUM_THREADS=ALL_CPUS",
        };
        let mut options = vec!["BLOCKSIZE=512", "BIGTIFF=IF_SAFER", threads];
        options.extend(match self {
            Self::Classes(_) => [
                "COMPRESS=DEFLATE",
                "LEVEL=6",
                "PREDICTOR=NO",
                "OVERVIEW_RESAMPLING=MODE",
            ],
            Self::Confidence(_) | Self::Counts(_) => [
                "COMPRESS=DEFLATE",
                "LEVEL=6",
                "PREDICTOR=NO",
                "OVERVIEW_RESAMPLING=AVERAGE",
            ],
            Self::Continuous { .. } | Self::Measured { .. } => [
                "COMPRESS=DEFLATE",
                "LEVEL=6",
                "PREDICTOR=YES",
                "OVERVIEW_RESAMPLING=AVERAGE",
            ],
            Self::Like { bands, .. } if bands.iter().any(|band| !band.palette.is_empty()) => [
                "COMPRESS=DEFLATE",
                "LEVEL=6",
                "PREDICTOR=NO",
                "OVERVIEW_RESAMPLING=MODE",
            ],
            Self::Like { .. } => [
                "COMPRESS=DEFLATE",
                "LEVEL=6",
                "PREDICTOR=YES",
                "OVERVIEW_RESAMPLING=AVERAGE",
            ],
            // As the published product: many times faster than DEFLATE at the same size.
            Self::Field if cog::cog_offers("ZSTD") => [
                "COMPRESS=ZSTD",
                "LEVEL=3",
                "PREDICTOR=NO",
                "OVERVIEW_RESAMPLING=NEAREST",
            ],
            Self::Field => [
                "COMPRESS=DEFLATE",
                "LEVEL=4",
                "PREDICTOR=NO",
                "OVERVIEW_RESAMPLING=NEAREST",
            ],
        });
        options
    }

    pub(crate) fn check(&self) -> Result<(), String> {
        match self {
            Self::Classes(classes) => {
                let mut seen = [false; 256];
                for class in classes {
                    if class.id == 0 || std::mem::replace(&mut seen[usize::from(class.id)], true) {
                        return Err(format!(
                            "class number {} is 0 or used twice; give every class its own number",
                            class.id
                        ));
                    }
                }
                Ok(())
            }
            Self::Confidence(names) if names.is_empty() => {
                Err("a probability map needs at least one band".to_owned())
            }
            Self::Counts(names) if names.is_empty() => Err("the map has no bands".to_owned()),
            Self::Continuous { bands, .. } | Self::Measured { bands, .. } if bands.is_empty() => {
                Err("the map has no bands".to_owned())
            }
            Self::Like { bands, .. } if bands.is_empty() => Err("the file has no bands".to_owned()),
            Self::Like { sample, .. } if sample_of(*sample).is_none() => Err(format!(
                "numbers of the type {} are not written",
                sample.label()
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Classes(classes) => {
                let names: Vec<&str> = classes.iter().map(|class| class.name.as_str()).collect();
                format!("Class map: {}", names.join(", "))
            }
            Self::Confidence(names) => format!("Probabilities: {}", names.join(", ")),
            Self::Counts(names) => format!("Counts: {}", names.join(", ")),
            Self::Field => "Embedding field of 64 signed bytes a pixel; value = sign(c) * (c / 127.5)^2, -128 = no data".to_owned(),
            Self::Continuous { bands, .. } | Self::Measured { bands, .. } => {
                let names: Vec<&str> = bands.iter().map(|(name, _)| name.as_str()).collect();
                format!("Map of {}", names.join(", "))
            }
            Self::Like { bands, .. } => {
                /// Of hundreds of bands the first ones say enough.
                const NAMED: usize = 16;
                let names: Vec<&str> = bands.iter().take(NAMED).map(|band| band.name.as_str()).collect();
                let more = if bands.len() > NAMED { " …" } else { "" };
                format!("Bands {}{more}", names.join(", "))
            }
        }
    }
}

/// Names, units and colours, before the first pixel.
pub(crate) fn prepare(raw: &Dataset, kind: &MapKind) -> Result<(), String> {
    match kind {
        MapKind::Classes(classes) => {
            cog::set_colors(raw, classes)?;
            cog::describe_band(raw, 0, "class", "", None)
        }
        MapKind::Confidence(names) => names.iter().enumerate().try_for_each(|(band, name)| {
            cog::describe_band(raw, band, name, "", Some((0.005, 0.0)))
        }),
        MapKind::Counts(names) => names
            .iter()
            .enumerate()
            .try_for_each(|(band, name)| cog::describe_band(raw, band, name, "", None)),
        MapKind::Field => (0..FIELD_AXES)
            .try_for_each(|axis| cog::describe_band(raw, axis, &format!("A{axis:02}"), "", None)),
        MapKind::Continuous { bands, .. } | MapKind::Measured { bands, .. } => bands
            .iter()
            .enumerate()
            .try_for_each(|(band, (name, unit))| cog::describe_band(raw, band, name, unit, None)),
        MapKind::Like { bands, .. } => describe(raw, bands),
    }
}

/// Fixed limits where a quantity has them, else the percentiles found; symmetric for differences.
pub(crate) fn ramp_limits(ramp: &str, low: f64, high: f64) -> (f64, f64) {
    match ramp {
        "moisture" => (0.0, 0.5),
        "ndvi" => (-0.2, 1.0),
        "difference" => {
            let reach = low.abs().max(high.abs()).max(f64::MIN_POSITIVE);
            (-reach, reach)
        }
        _ if high > low => (low, high),
        _ => (low, low + 1.0),
    }
}
