//! How cloudy the images of a series are, counted from their masks on a thread of its own. The newest series wins.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use terroir_scene::{MaskSource, Raster, cloud_share_blocking};

use crate::slot::{SlotReceiver, SlotSender, slot};

/// Answers are sent in groups: a repaint each would be too many.
const SENT_EVERY: Duration = Duration::from_millis(150);

/// Share of clouds (0 to 1) by mask; `None` where the mask says nothing or cannot be read.
pub type CloudShares = Vec<(MaskSource, Option<f32>)>;

pub struct Clouds {
    questions: SlotSender<Vec<MaskSource>>,
    replies: Receiver<CloudShares>,
}

impl Clouds {
    pub fn start(wake: Arc<dyn Fn() + Send + Sync>) -> std::io::Result<Self> {
        let (questions, asked) = slot();
        let (sender, replies) = sync_channel(64);
        std::thread::Builder::new()
            .name("cloud cover".to_owned())
            .spawn(move || answer(&asked, &sender, &*wake))?;
        Ok(Self { questions, replies })
    }

    /// Replaces what was asked before.
    pub fn ask(&self, masks: Vec<MaskSource>) {
        self.questions.put(masks);
    }

    pub fn drain(&self) -> Vec<CloudShares> {
        self.replies.try_iter().collect()
    }
}

fn answer(
    questions: &SlotReceiver<Vec<MaskSource>>,
    replies: &SyncSender<CloudShares>,
    wake: &(dyn Fn() + Send + Sync),
) {
    while let Some(masks) = questions.take_blocking() {
        let mut shares = CloudShares::new();
        let mut sent = Instant::now();
        for mask in masks {
            if questions.is_outdated() {
                break;
            }
            let share = Raster::open(&mask.path)
                .and_then(|raster| cloud_share_blocking(&raster, &mask))
                .inspect_err(|error| log::warn!("cloud cover: {error}"))
                .ok()
                .flatten();
            shares.push((mask, share));
            if sent.elapsed() >= SENT_EVERY {
                if replies.send(std::mem::take(&mut shares)).is_err() {
                    return;
                }
                wake();
                sent = Instant::now();
            }
        }
        if replies.send(shares).is_err() {
            return;
        }
        wake();
    }
}
