//! Looking into rasters beside the map: all values of one pixel, profiles of several layers at one place, and statistics of
//! bands. Named threads with their own raster handles; for a pixel under the cursor the newest question wins.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use terroir_scene::{
    BandInfo, BandStatistics, Channel, Crs, Derivation, FIELD_AXES, LayerId, Profile, Raster,
    SceneError, SceneResult, Window, channel_statistics_blocking, decode_pixel,
};

use crate::slot::{SlotReceiver, SlotSender, slot};

#[derive(Clone, Debug, PartialEq)]
pub struct PixelQuestion {
    pub layer: LayerId,
    pub path: PathBuf,
    pub col: usize,
    pub row: usize,
    pub is_field: bool,
    /// The derived channel the layer shows.
    pub derivation: Option<Derivation>,
    /// Asked by a click (stays) instead of hovering (passes).
    pub is_click: bool,
}

#[derive(Clone, Debug)]
pub struct PixelAnswer {
    pub question: PixelQuestion,
    /// One per band, as stored; `None` = nodata.
    pub values: Vec<Option<f32>>,
    /// Unit vector of a field pixel.
    pub vector: Option<Vec<f32>>,
    /// Value of the derived channel; `None` = missing, or none is shown.
    pub derived: Option<f32>,
}

/// Which numbers are asked for: a channel of a file, over a part of it or the whole.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StatisticsQuestion {
    pub path: PathBuf,
    pub channel: Channel,
    pub within: Option<Window>,
}

/// One layer of a question for profiles.
#[derive(Clone, Debug)]
pub struct ProfileTarget {
    /// Name of the layer.
    pub name: String,
    pub path: PathBuf,
    /// With the wavelengths the user edited.
    pub bands: Arc<Vec<BandInfo>>,
    pub col: usize,
    pub row: usize,
    pub is_field: bool,
}

/// Profiles of layers at one place.
#[derive(Clone, Debug)]
pub struct ProfileQuestion {
    pub map_xy: (f64, f64),
    pub map_crs: Option<Crs>,
    /// Pixels a side, odd.
    pub side: usize,
    pub targets: Vec<ProfileTarget>,
    /// The answer is kept in the document, not only shown.
    pub keeps: bool,
}

#[derive(Debug)]
pub enum ProbeReply {
    Profiles {
        keeps: bool,
        profiles: Vec<Profile>,
    },
    Pixel(PixelAnswer),
    Statistics {
        question: StatisticsQuestion,
        statistics: BandStatistics,
    },
    Failed {
        error: SceneError,
    },
}

pub struct Probe {
    pixels: SlotSender<PixelQuestion>,
    profiles: SyncSender<ProfileQuestion>,
    statistics: SyncSender<StatisticsQuestion>,
    replies: Receiver<ProbeReply>,
}

impl Probe {
    pub fn start(wake: Arc<dyn Fn() + Send + Sync>) -> std::io::Result<Self> {
        let (pixels, questions) = slot();
        let (profiles, places) = sync_channel(64);
        let (statistics, bands) = sync_channel(64);
        let (sender, replies) = sync_channel(64);
        let (pixel_replies, pixel_wake) = (sender.clone(), wake.clone());
        std::thread::Builder::new()
            .name("pixel values".to_owned())
            .spawn(move || answer_pixels(&questions, &pixel_replies, &*pixel_wake))?;
        let (profile_replies, profile_wake) = (sender.clone(), wake.clone());
        std::thread::Builder::new()
            .name("profiles".to_owned())
            .spawn(move || answer_profiles(&places, &profile_replies, &*profile_wake))?;
        std::thread::Builder::new()
            .name("band statistics".to_owned())
            .spawn(move || answer_statistics(&bands, &sender, &*wake))?;
        Ok(Self {
            pixels,
            profiles,
            statistics,
            replies,
        })
    }

    pub fn ask_pixel(&self, question: PixelQuestion) {
        self.pixels.put(question);
    }

    /// False when too many questions wait; ask again later.
    pub fn ask_profiles(&self, question: ProfileQuestion) -> bool {
        self.profiles.try_send(question).is_ok()
    }

    /// False when too many questions wait; ask again later.
    pub fn ask_statistics(&self, question: StatisticsQuestion) -> bool {
        self.statistics.try_send(question).is_ok()
    }

    pub fn drain(&self) -> Vec<ProbeReply> {
        self.replies.try_iter().collect()
    }
}

fn answer_pixels(
    questions: &SlotReceiver<PixelQuestion>,
    replies: &SyncSender<ProbeReply>,
    wake: &(dyn Fn() + Send + Sync),
) {
    let mut open: Option<(PathBuf, Raster)> = None;
    while let Some(question) = questions.take_blocking() {
        let reply = match pixel_blocking(&mut open, &question) {
            Ok(answer) => ProbeReply::Pixel(answer),
            Err(error) => {
                open = None;
                ProbeReply::Failed { error }
            }
        };
        if replies.send(reply).is_err() {
            return;
        }
        wake();
    }
}

fn pixel_blocking(
    open: &mut Option<(PathBuf, Raster)>,
    question: &PixelQuestion,
) -> SceneResult<PixelAnswer> {
    if open.as_ref().is_none_or(|(path, _)| *path != question.path) {
        *open = Some((question.path.clone(), Raster::open(&question.path)?));
    }
    let Some((_, raster)) = open else {
        return Err(SceneError::file(
            &question.path,
            "the raster could not be opened",
        ));
    };
    let window = Window {
        col: question.col,
        row: question.row,
        width: 1,
        height: 1,
    };
    if question.is_field {
        let codes = raster.read_codes_blocking(window, 1, 1)?;
        let mut pixel = [terroir_scene::FIELD_NODATA; FIELD_AXES];
        for (slot, code) in pixel.iter_mut().zip(&codes) {
            *slot = *code;
        }
        let vector = decode_pixel(&pixel);
        let values = match vector {
            Some(vector) => vector.iter().map(|value| Some(*value)).collect(),
            None => vec![None; FIELD_AXES],
        };
        return Ok(PixelAnswer {
            question: question.clone(),
            values,
            vector: vector.map(|vector| vector.to_vec()),
            derived: None,
        });
    }
    let bands = raster.profile_blocking(&raster.info().bands, (question.col, question.row), 1)?;
    let values = bands
        .iter()
        .map(|band| band.value.map(|value| value as f32));
    let derived = match &question.derivation {
        Some(derivation) => {
            let block = raster.read_derived_blocking(derivation, window, 1, 1)?;
            let is_valid = block.valid.first().copied().unwrap_or(false);
            block.values.first().copied().filter(|_| is_valid)
        }
        None => None,
    };
    Ok(PixelAnswer {
        question: question.clone(),
        values: values.collect(),
        vector: None,
        derived,
    })
}

fn answer_profiles(
    questions: &Receiver<ProfileQuestion>,
    replies: &SyncSender<ProbeReply>,
    wake: &(dyn Fn() + Send + Sync),
) {
    for question in questions.iter() {
        let mut profiles = Vec::new();
        for target in &question.targets {
            let reply = match profile_blocking(&question, target) {
                Ok(profile) => {
                    profiles.push(profile);
                    continue;
                }
                Err(error) => ProbeReply::Failed { error },
            };
            if replies.send(reply).is_err() {
                return;
            }
        }
        let keeps = question.keeps;
        if replies
            .send(ProbeReply::Profiles { keeps, profiles })
            .is_err()
        {
            return;
        }
        wake();
    }
}

fn profile_blocking(question: &ProfileQuestion, target: &ProfileTarget) -> SceneResult<Profile> {
    let raster = Raster::open(&target.path)?;
    let bands = raster.profile_blocking(&target.bands, (target.col, target.row), question.side)?;
    Ok(Profile {
        id: 0,
        place: 0,
        name: target.name.clone(),
        color: [0; 3],
        layer: target.name.clone(),
        file: target.path.clone(),
        x: question.map_xy.0,
        y: question.map_xy.1,
        crs: question.map_crs.clone(),
        col: target.col,
        row: target.row,
        side: question.side,
        is_field: target.is_field,
        bands,
    })
}

fn answer_statistics(
    questions: &Receiver<StatisticsQuestion>,
    replies: &SyncSender<ProbeReply>,
    wake: &(dyn Fn() + Send + Sync),
) {
    for question in questions.iter() {
        let result = Raster::open(&question.path).and_then(|raster| {
            channel_statistics_blocking(&raster, &question.channel, question.within)
        });
        let reply = match result {
            Ok(statistics) => ProbeReply::Statistics {
                question,
                statistics,
            },
            Err(error) => ProbeReply::Failed { error },
        };
        if replies.send(reply).is_err() {
            return;
        }
        wake();
    }
}
