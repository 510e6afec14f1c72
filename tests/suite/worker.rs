//! The window's side of the pipe against small stand-ins for the worker, and against the real engine in a process of its own.
#![cfg(unix)]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use terroir_engine::{Event, JobId, JobSpec, PredictSpec, WorkerLink};

/// Runs as the worker process when a test starts this test binary again; nothing otherwise.
#[test]
fn acts_as_worker() {
    if std::env::var_os("TERROIR_TEST_WORKER").is_some() {
        terroir_engine::worker_main().unwrap();
    }
}

/// A program that behaves as `terroir worker`: this binary, told to run `acts_as_worker`.
pub fn real_worker(folder: &Path) -> PathBuf {
    real_worker_with(folder, "")
}

/// [`real_worker`] with variables, as a shell writes them before a command.
pub fn real_worker_with(folder: &Path, variables: &str) -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    // More than one test thread, so that the harness prints a test's name after its output. Files are opened untried: this
    // program is a worker and nothing else.
    let text = format!(
        "[ \"$1\" = worker ] || exit 3; export {variables} TERROIR_TEST_WORKER=1; exec '{}' worker::acts_as_worker --exact --nocapture --test-threads=2",
        exe.display()
    );
    script(folder, "worker", &text)
}

fn script(folder: &Path, name: &str, body: &str) -> PathBuf {
    use std::os::unix::fs::PermissionsExt;
    let path = folder.join(name);
    std::fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

fn link_to(program: PathBuf) -> WorkerLink {
    WorkerLink::new(program, Arc::new(|| {}))
}

fn job() -> JobSpec {
    JobSpec::Predict(PredictSpec {
        probabilities: false,
        uncertainty: None,
        field: "no such field.tif".into(),
        head: "h".into(),
        out: "o".into(),
        aoi: None,
    })
}

/// Drains until an event passes `wanted`; what came is in the message if none does.
pub fn wait_for(
    link: &mut WorkerLink,
    seconds: u64,
    mut wanted: impl FnMut(&Event) -> bool,
) -> Event {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    let mut seen = Vec::new();
    while Instant::now() < deadline {
        let mut found = None;
        for event in link.drain() {
            if wanted(&event) {
                found = Some(event);
            } else {
                seen.push(event);
            }
        }
        if let Some(event) = found {
            return event;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("did not come within {seconds} s; came: {seen:#?}");
}

const READY: &str = r#"echo '{"event":"ready","version":"test"}'"#;
const ID: &str = r#"id=$(echo "$line" | sed 's/.*"id":\([0-9]*\).*/\1/')"#;

#[test]
fn a_killed_worker_fails_its_job_with_words_and_the_next_job_starts_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    // Dies by SIGKILL in its first life, works in its second.
    let body = format!(
        "{READY}\nwhile read -r line; do case \"$line\" in *run*) {ID}; \
         echo '{{\"event\":\"started\",\"id\":'$id',\"device\":\"cpu\"}}'; \
         if [ ! -e {mark} ]; then touch {mark}; echo 'about to fall' >&2; kill -9 $$; fi; \
         echo '{{\"event\":\"finished\",\"id\":'$id',\"outcome\":{{\"files\":[],\"summary\":\"\",\"metrics\":[],\"warnings\":[]}}}}';; esac; done",
        mark = folder.path().join("died").display()
    );
    let mut link = link_to(script(folder.path(), "w", &body));
    let first = link.run(job());
    let second = link.run(job());
    let event = wait_for(&mut link, 10, |event| matches!(event, Event::Failed { .. }));
    let Event::Failed { id, failure } = event else {
        unreachable!()
    };
    assert_eq!(id, first);
    assert!(
        failure.what.contains("signal 9") && failure.what.contains("memory"),
        "{failure}"
    );
    assert!(failure.details.unwrap().contains("about to fall"));
    wait_for(
        &mut link,
        10,
        |event| matches!(event, Event::Finished { id, .. } if *id == second),
    );
    assert!(link.process_id().is_some());
}

#[test]
fn a_worker_that_dies_at_every_start_fails_the_jobs_instead_of_starting_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let lives = folder.path().join("lives");
    let body = format!(
        "echo x >> {}; echo 'libfoo.so: not found' >&2; exit 127",
        lives.display()
    );
    let mut link = link_to(script(folder.path(), "w", &body));
    let mut left: Vec<JobId> = (0..3).map(|_| link.run(job())).collect();
    wait_for(&mut link, 10, |event| {
        if let Event::Failed { id, failure } = event {
            assert!(failure.what.contains("127"), "{failure}");
            left.retain(|job| job != id);
        }
        left.is_empty()
    });
    assert!(std::fs::read_to_string(lives).unwrap().lines().count() <= 3);
}

#[test]
fn a_missing_program_is_said() {
    let mut link = link_to("/no/such/program".into());
    let id = link.run(job());
    let event = wait_for(&mut link, 2, |event| matches!(event, Event::Failed { .. }));
    let Event::Failed {
        id: failed,
        failure,
    } = event
    else {
        unreachable!()
    };
    assert_eq!(failed, id);
    assert!(failure.what.contains("/no/such/program"));
}

#[test]
fn a_deaf_worker_is_killed_half_a_second_after_a_cancel() {
    let folder = tempfile::tempdir().unwrap();
    let body = format!(
        "{READY}\nread -r line; {ID}\necho '{{\"event\":\"started\",\"id\":'$id',\"device\":\"cpu\"}}'\nexec sleep 60"
    );
    let mut link = link_to(script(folder.path(), "w", &body));
    let id = link.run(job());
    wait_for(&mut link, 10, |event| {
        matches!(event, Event::Started { .. })
    });
    let clock = Instant::now();
    link.cancel(id);
    assert!(
        clock.elapsed() < Duration::from_millis(50),
        "cancel blocked its caller"
    );
    wait_for(
        &mut link,
        5,
        |event| matches!(event, Event::Cancelled { id: of } if *of == id),
    );
    let took = clock.elapsed();
    assert!(
        took >= Duration::from_millis(500) && took < Duration::from_millis(900),
        "{took:?}"
    );
    assert_eq!(link.process_id(), None);
}

#[test]
fn waiting_jobs_are_cancelled_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut link = link_to(script(
        folder.path(),
        "w",
        &format!("{READY}\nexec sleep 60"),
    ));
    let running = link.run(job());
    let waiting = link.run(job());
    link.cancel(waiting);
    let events = link.drain();
    assert!(
        events.contains(&Event::Cancelled { id: waiting }),
        "{events:?}"
    );
    assert_ne!(running, waiting);
}

#[test]
fn dropping_the_link_ends_the_worker() {
    let folder = tempfile::tempdir().unwrap();
    let mut link = link_to(script(
        folder.path(),
        "w",
        &format!("trap '' TERM\n{READY}\nexec sleep 60"),
    ));
    link.run(job());
    let pid = link.process_id().unwrap();
    let clock = Instant::now();
    drop(link);
    assert!(clock.elapsed() < Duration::from_secs(1));
    assert!(!Path::new(&format!("/proc/{pid}")).exists() || !cfg!(target_os = "linux"));
}

#[test]
fn the_real_worker_answers_devices_and_explains_a_missing_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut link = link_to(real_worker(folder.path()));
    link.request_devices();
    let event = wait_for(&mut link, 60, |event| {
        matches!(event, Event::Devices { .. })
    });
    let Event::Devices { devices } = event else {
        unreachable!()
    };
    assert_eq!(devices[0].name, "cpu");
    let id = link.run(job());
    let event = wait_for(&mut link, 20, |event| matches!(event, Event::Failed { .. }));
    let Event::Failed {
        id: failed,
        failure,
    } = event
    else {
        unreachable!()
    };
    assert_eq!(failed, id);
    assert!(failure.what.contains("no such field.tif"), "{failure}");
}
