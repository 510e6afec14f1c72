//! Fuzzing of Terroir's readers. The first byte of an input chooses one of a group's readers, the rest is its file.

#[path = "../readers.rs"]
pub mod readers;
pub mod weights;

// The readers of weights are compiled here by themselves: with Burn they would take half an hour.
extern crate self as burn;
#[path = "../../../core/models/src/pickle.rs"]
mod pickle;
#[path = "../../../core/models/src/pth_file.rs"]
mod pth_file;
#[path = "../../../core/models/src/safetensors_file.rs"]
mod safetensors_file;
#[path = "../../../core/models/src/stored.rs"]
#[expect(dead_code, reason = "fields only the loader of weights needs")]
mod stored;

/// Stands for the part of Burn that `stored.rs` names.
pub mod store {
    pub mod burn_pack {
        pub struct Tensor;
    }
}

use std::cell::OnceCell;
use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, UNIX_EPOCH};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// A folder for the files of one target, filled with what its readers need beside them.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn of(target: &str) -> Self {
        let memory = PathBuf::from("/dev/shm");
        let parent = if memory.is_dir() {
            memory
        } else {
            std::env::temp_dir()
        };
        let folder = tempfile::Builder::new()
            .prefix("terroir-fuzz-")
            .tempdir_in(parent)
            .expect("a folder");
        for (number, reader) in readers::readers_of(target).into_iter().enumerate() {
            let own = folder.path().join(number.to_string());
            std::fs::create_dir(&own).expect("a folder");
            (reader.seeds)(&own);
        }
        Self { folder }
    }
}

thread_local! {
    static PLACE: OnceCell<Place> = const { OnceCell::new() };
}

/// Gives a file to the reader its first byte chooses.
pub fn read(target: &str, bytes: &[u8]) {
    let Some((choice, content)) = bytes.split_first() else {
        return;
    };
    let all = readers::readers_of(target);
    let number = usize::from(*choice) % all.len();
    let reader = all[number];
    PLACE.with(|place| {
        let place = place.get_or_init(|| Place::of(target));
        let path = place
            .folder
            .path()
            .join(number.to_string())
            .join(reader.file);
        std::fs::write(&path, content).expect("written");
        // Products are remembered by the time their files changed, which a fuzzer outruns.
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let file = File::options().write(true).open(&path).expect("opened");
        let time = UNIX_EPOCH + Duration::from_secs(1_000_000_000 + count);
        file.set_modified(time).expect("dated");
        (reader.read)(&path).ok();
    });
}
