//! The reader pool: every request answered, stale ones dropped, replaced files forgotten.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::made_raster::Made;
use crate::{Detail, Raster, ReadData, ReadReply, ReadRequest, ReaderPool, Window, keep_warm};

/// Pixels of the first band, from a column on.
fn eight_by_eight(path: &Path, col: usize) -> ReadRequest {
    ReadRequest {
        path: path.to_owned(),
        bands: vec![0],
        derivation: None,
        are_codes: false,
        window: Window {
            col,
            row: 0,
            width: 8,
            height: 8,
        },
        out_width: 8,
        out_height: 8,
        mask: None,
        detail: Detail::Full,
    }
}

fn wait_for(pool: &ReaderPool, count: usize) -> Vec<ReadReply> {
    let started = Instant::now();
    let mut replies = Vec::new();
    while replies.len() < count && started.elapsed() < Duration::from_secs(20) {
        replies.extend(pool.drain());
        std::thread::sleep(Duration::from_millis(2));
    }
    replies
}

#[test]
fn the_pool_answers_every_request_it_serves_and_forgets_replaced_files() {
    let folder = tempfile::tempdir().expect("folder");
    let path = Made::new((64, 64), vec![vec![5u8; 4096]]).write(folder.path(), "tiles.tif");
    let woken = Arc::new(AtomicUsize::new(0));
    let wake = {
        let woken = Arc::clone(&woken);
        Arc::new(move |_| {
            woken.fetch_add(1, Ordering::SeqCst);
        })
    };
    let pool = ReaderPool::new(2, wake);
    let request = |col: usize| eight_by_eight(&path, col);
    let mut wanted: Vec<ReadRequest> = (0..56).map(request).collect();
    // One cannot be answered, and must be answered nevertheless.
    wanted.push(ReadRequest {
        path: folder.path().join("gone.tif"),
        ..request(0)
    });
    pool.want(wanted.clone(), Vec::new());
    let replies = wait_for(&pool, 57);
    assert_eq!((replies.len(), pool.pending()), (57, 0));
    assert_eq!(
        replies.iter().filter(|reply| reply.result.is_err()).count(),
        1
    );
    assert!(woken.load(Ordering::SeqCst) >= 56);

    let first_value = |reply: &ReadReply| match &reply.result {
        Ok(ReadData::Planes(planes)) => planes[0].values[0],
        other => panic!("{other:?}"),
    };
    std::fs::remove_file(&path).expect("removed");
    Made::new((64, 64), vec![vec![9u8; 4096]]).write(folder.path(), "tiles.tif");
    pool.forget(&path);
    pool.want(vec![request(1)], Vec::new());
    assert_eq!(first_value(&wait_for(&pool, 1)[0]), 9.0);
}

#[cfg(unix)]
#[test]
fn the_first_read_takes_over_the_handle_of_who_opened_the_file() {
    let folder = tempfile::tempdir().expect("folder");
    let path = Made::new((8, 8), vec![vec![5u8; 64]]).write(folder.path(), "tile.tif");
    let request = eight_by_eight(&path, 0);
    keep_warm(Raster::open(&path).expect("opens"));
    // Gone from the folder, it can be read through that handle only.
    std::fs::remove_file(&path).expect("removed");
    let pool = ReaderPool::new(1, Arc::new(|_| {}));
    pool.want(vec![request.clone()], Vec::new());
    assert!(wait_for(&pool, 1)[0].result.is_ok());
    // Forgotten, it is not read any more.
    pool.forget(&path);
    pool.want(vec![request], Vec::new());
    assert!(wait_for(&pool, 1)[0].result.is_err());
}

#[test]
fn a_mask_is_part_of_a_read() {
    let folder = tempfile::tempdir().expect("folder");
    let codes: Vec<u8> = (0..64).map(|pixel| u8::from(pixel < 8)).collect();
    let path = Made::new((8, 8), vec![vec![5u8; 64], codes]).write(folder.path(), "tile.tif");
    let pool = ReaderPool::new(1, Arc::new(|_| {}));
    let whole = eight_by_eight(&path, 0);
    let hiding = ReadRequest {
        mask: Some(crate::MaskSource {
            path,
            band: 1,
            kind: crate::MaskKind::User,
        }),
        ..whole.clone()
    };
    pool.want(vec![whole.clone(), hiding.clone()], Vec::new());
    let replies = wait_for(&pool, 2);
    let valid = |wanted: &ReadRequest| {
        let reply = replies.iter().find(|reply| reply.request == *wanted);
        match reply.map(|reply| &reply.result) {
            Some(Ok(ReadData::Planes(planes))) => {
                planes[0].valid.iter().filter(|valid| **valid).count()
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((valid(&whole), valid(&hiding)), (64, 56));
}

#[test]
fn stale_requests_are_dropped() {
    let folder = tempfile::tempdir().expect("folder");
    let path = Made::new((512, 512), vec![vec![5u8; 512 * 512]]).write(folder.path(), "tiles.tif");
    let pool = ReaderPool::new(1, Arc::new(|_| {}));
    let request = |size: usize| ReadRequest {
        path: path.clone(),
        bands: vec![0],
        derivation: None,
        are_codes: false,
        window: Window {
            col: 0,
            row: 0,
            width: 512,
            height: 512,
        },
        out_width: size,
        out_height: size,
        mask: None,
        detail: Detail::Full,
    };
    pool.want((1..400).map(request).collect(), Vec::new());
    pool.want(vec![request(400)], Vec::new());
    let started = Instant::now();
    let mut seen = Vec::new();
    while !seen.contains(&400) && started.elapsed() < Duration::from_secs(20) {
        seen.extend(pool.drain().iter().map(|reply| reply.request.out_width));
    }
    assert!(
        seen.contains(&400) && seen.len() < 399,
        "{} served",
        seen.len()
    );
    assert_eq!(pool.pending(), 0);
}

/// Reduced, codes of classes are counted and other values averaged; at full size every pixel is what it is.
#[test]
fn classes_are_counted_and_values_averaged() {
    let folder = tempfile::tempdir().expect("folder");
    // Three of four pixels are 10, the fourth is 90: the average, 30, is no class.
    let codes: Vec<u8> = (0..64 * 64)
        .map(|pixel| {
            if pixel % 2 == 1 && pixel / 64 % 2 == 1 {
                90
            } else {
                10
            }
        })
        .collect();
    let path = Made::new((64, 64), vec![codes.clone()]).write(folder.path(), "codes.tif");
    let pool = ReaderPool::new(1, Arc::new(|_| {}));
    let read = |out: usize, are_codes: bool| {
        let request = ReadRequest {
            path: path.clone(),
            bands: vec![0],
            derivation: None,
            are_codes,
            mask: None,
            window: Window {
                col: 0,
                row: 0,
                width: 64,
                height: 64,
            },
            out_width: out,
            out_height: out,
            detail: Detail::Full,
        };
        pool.want(vec![request], Vec::new());
        match wait_for(&pool, 1).remove(0).result {
            Ok(ReadData::Planes(planes)) => planes[0].values.clone(),
            other => panic!("{other:?}"),
        }
    };
    assert!(read(32, false).iter().all(|value| *value == 30.0));
    assert!(read(32, true).iter().all(|value| *value == 10.0));
    for are_codes in [false, true] {
        let whole: Vec<f32> = codes.iter().map(|code| f32::from(*code)).collect();
        assert_eq!(read(64, are_codes), whole);
    }
}
