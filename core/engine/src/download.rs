//! Fetching one file from an address the user asked for: the only file of Terroir that opens a connection.
//! Goes on where a broken transfer ended, and believes neither lengths nor contents: whoever calls compares the hash.
//! Knows addresses and bytes. Knows nothing of models.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use ureq::http::{HeaderMap, Response};

use crate::monitor::{JobResult, Monitor};
use crate::{Failure, size_text};

/// A silent server is given up after this long, once.
const PATIENCE: Duration = Duration::from_secs(20);
/// How soon a cancel is noticed, whatever the server does.
const TICK: Duration = Duration::from_millis(100);
/// Transfers that bring nothing new before the download fails; those that bring something do not count.
const ATTEMPTS: u32 = 5;
const REDIRECTS: usize = 8;
const CHUNK: usize = 1 << 18;
/// No weights file known here is larger; a server that never stops must not fill the disk.
const MOST_BYTES: u64 = 16 << 30;

/// What to fetch, and where to.
pub(crate) struct Wanted<'a> {
    pub address: &'a str,
    /// Grows while the file arrives, and stays when the transfer breaks.
    pub part: &'a Path,
    /// Size of the file where it is known.
    pub bytes: Option<u64>,
    /// Whether the caller can tell a mixture of two versions of the file from the file.
    pub has_hash: bool,
    /// For progress.
    pub name: &'a str,
}

/// A file that is there as a whole, as far as its server says.
pub(crate) struct Arrived {
    /// SHA-256 the hub named for it, 64 hexadecimal digits.
    pub named_sha256: Option<String>,
}

/// Where the server's mark of the version that `part` is of is kept.
pub(crate) fn mark_path(part: &Path) -> PathBuf {
    let mut name = part.file_name().unwrap_or_default().to_owned();
    name.push(".version");
    part.with_file_name(name)
}

/// Fetches a file. After an error or a cancel what arrived lies in `part`, and the next call goes on from there.
pub(crate) fn fetch(wanted: &Wanted<'_>, monitor: &Monitor<'_>) -> JobResult<Arrived> {
    let mut fruitless = 0;
    let mut most = 0;
    let mut named_sha256 = None;
    loop {
        monitor.check()?;
        let before = length(wanted.part);
        let mark = std::fs::read_to_string(mark_path(wanted.part)).ok();
        let is_usable =
            (wanted.has_hash || mark.is_some()) && wanted.bytes.is_none_or(|bytes| before <= bytes);
        let have = if is_usable { before } else { 0 };
        let outcome = transfer(wanted, have, mark.as_deref(), &mut named_sha256, monitor)?;
        let after = length(wanted.part);
        let reason = match outcome {
            Outcome::Done => return Ok(Arrived { named_sha256 }),
            Outcome::Again => "the server has another version of the file now".to_owned(),
            Outcome::Broken(reason) => reason,
        };
        // Bytes that were there before, in this run too, are no gain: a liar would keep us here for ever.
        most = most.max(have);
        fruitless = if after > most { 0 } else { fruitless + 1 };
        most = most.max(after);
        if fruitless >= ATTEMPTS {
            return Err(Failure::new(format!(
                "the download broke off ({reason}); {} of it are kept: start it again to go on from there\n{}",
                size_text(after),
                wanted.address
            ))
            .into());
        }
        wait(fruitless, monitor)?;
    }
}

enum Outcome {
    Done,
    /// What was there was of no use, and is gone.
    Again,
    Broken(String),
}

/// A pause that grows with the attempts.
fn wait(attempt: u32, monitor: &Monitor<'_>) -> JobResult<()> {
    for _ in 0..4 << attempt.min(5) {
        monitor.check()?;
        std::thread::sleep(TICK);
    }
    Ok(())
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |meta| meta.len())
}

/// What the thread with the connection says.
enum Message {
    Answer(Answer),
    Chunk(Vec<u8>),
    End,
    /// Worth another attempt.
    Broken(String),
    Failed(Failure),
}

struct Answer {
    kind: Kind,
    mark: Option<String>,
    named_sha256: Option<String>,
}

enum Kind {
    /// From the first byte on.
    Whole { total: Option<u64> },
    /// From what is there already.
    Rest { total: u64 },
    /// Nothing is left to send.
    Complete,
    /// What is there does not fit what the server has.
    Misfit,
}

fn transfer(
    wanted: &Wanted<'_>,
    have: u64,
    mark: Option<&str>,
    named_sha256: &mut Option<String>,
    monitor: &Monitor<'_>,
) -> JobResult<Outcome> {
    let written =
        |error: std::io::Error| Failure::io("the download cannot be written", wanted.part, &error);
    let (sender, messages) = sync_channel(4);
    let (address, own_mark) = (wanted.address.to_owned(), mark.map(str::to_owned));
    // On a thread of its own, so that a silent server delays no cancel. It ends with its receiver.
    std::thread::Builder::new()
        .name("download".to_owned())
        .spawn(move || speak(&address, have, own_mark.as_deref(), &sender))
        .map_err(|error| {
            Failure::new(format!(
                "there is not enough memory to start the download; close other programs and run it again\n{}",
                wanted.part.display()
            ))
            .with_details(error)
        })?;
    let answer = match next(&messages, monitor)? {
        Message::Answer(answer) => answer,
        Message::Failed(failure) => return Err(failure.into()),
        Message::Broken(reason) => return Ok(Outcome::Broken(reason)),
        Message::Chunk(_) | Message::End => return Ok(Outcome::Broken("no answer".to_owned())),
    };
    if answer.named_sha256.is_some() {
        named_sha256.clone_from(&answer.named_sha256);
    }
    let (mut at, total) = match answer.kind {
        Kind::Complete => return Ok(Outcome::Done),
        Kind::Misfit => {
            std::fs::remove_file(wanted.part).ok();
            std::fs::remove_file(mark_path(wanted.part)).ok();
            return Ok(Outcome::Again);
        }
        Kind::Whole { total } => (0, total),
        Kind::Rest { total } => (have, Some(total)),
    };
    if let (Some(total), Some(bytes)) = (total, wanted.bytes)
        && total != bytes
    {
        return Err(Failure::new(format!(
            "the server has another file of this name: {total} bytes instead of {bytes}; nothing was fetched\n{}",
            wanted.address
        ))
        .into());
    }
    if total.is_some_and(|total| total > MOST_BYTES) {
        return Err(Failure::new(format!(
            "the server announces {}, more than any weights file; nothing was fetched\n{}",
            size_text(total.unwrap_or_default()),
            wanted.address
        ))
        .into());
    }
    if at == 0 {
        let mark_file = mark_path(wanted.part);
        match &answer.mark {
            Some(mark) => std::fs::write(&mark_file, mark).map_err(written)?,
            None => drop(std::fs::remove_file(&mark_file)),
        }
    }
    let mut file = open_at(wanted.part, at).map_err(written)?;
    let stage = format!("getting {}, MB", wanted.name);
    let shown = total.or(wanted.bytes).unwrap_or(0);
    loop {
        match next(&messages, monitor)? {
            Message::Chunk(bytes) => {
                at += bytes.len() as u64;
                if at > total.unwrap_or(MOST_BYTES) {
                    return Ok(Outcome::Broken(
                        "the server sent more than it announced".to_owned(),
                    ));
                }
                file.write_all(&bytes).map_err(written)?;
                monitor.progress(&stage, at / 1_000_000, shown / 1_000_000);
            }
            Message::End if total.is_none_or(|total| at == total) => {
                file.sync_all().map_err(written)?;
                return Ok(Outcome::Done);
            }
            Message::End => return Ok(Outcome::Broken("the connection ended early".to_owned())),
            Message::Broken(reason) => return Ok(Outcome::Broken(reason)),
            Message::Failed(failure) => return Err(failure.into()),
            Message::Answer(_) => {}
        }
    }
}

/// The part file, cut to `at` bytes and ready for the next one.
fn open_at(part: &Path, at: u64) -> std::io::Result<File> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(part)?;
    file.set_len(at)?;
    file.seek(SeekFrom::Start(at))?;
    Ok(file)
}

/// Waits for the connection's thread, looking for a cancel all the while.
fn next(messages: &Receiver<Message>, monitor: &Monitor<'_>) -> JobResult<Message> {
    loop {
        monitor.check()?;
        match messages.recv_timeout(TICK) {
            Ok(message) => return Ok(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => {
                return Ok(Message::Broken("no reason given".to_owned()));
            }
        }
    }
}

// -- on the thread with the connection

fn speak(address: &str, have: u64, mark: Option<&str>, out: &SyncSender<Message>) {
    let (answer, body) = match ask(address, have, mark) {
        Ok(found) => found,
        Err(message) => {
            out.send(message).ok();
            return;
        }
    };
    if out.send(Message::Answer(answer)).is_err() {
        return;
    }
    let Some(body) = body else { return };
    let mut reader = body.into_reader();
    loop {
        let mut chunk = vec![0; CHUNK];
        let message = match reader.read(&mut chunk) {
            Ok(0) => Message::End,
            Ok(count) => {
                chunk.truncate(count);
                Message::Chunk(chunk)
            }
            Err(error) => Message::Broken(error.to_string()),
        };
        let goes_on = matches!(message, Message::Chunk(_));
        // A closed channel is a cancel.
        if out.send(message).is_err() || !goes_on {
            return;
        }
    }
}

/// Asks for the file from byte `have` on, following redirections.
fn ask(
    address: &str,
    have: u64,
    mark: Option<&str>,
) -> Result<(Answer, Option<ureq::Body>), Message> {
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        // Followed here: the hub says the hash of a file in its first answer.
        .max_redirects(0)
        .timeout_connect(Some(PATIENCE))
        .timeout_recv_response(Some(PATIENCE))
        .timeout_per_read(Some(PATIENCE))
        .accept_encoding("identity")
        .user_agent(concat!("Terroir/", env!("CARGO_PKG_VERSION")))
        .build()
        .into();
    let mut at = address.to_owned();
    let mut named_sha256 = None;
    for _ in 0..REDIRECTS {
        let mut request = agent.get(&at);
        if have > 0 {
            request = request.header("Range", format!("bytes={have}-"));
            if let Some(mark) = mark {
                request = request.header("If-Range", mark);
            }
        }
        let response = request.call().map_err(|error| no_answer(&error, &at))?;
        let header = |name: &str| text(response.headers(), name);
        if let Some(hash) = header("x-linked-etag").as_deref().and_then(sha256_in) {
            named_sha256 = Some(hash);
        }
        let status = response.status().as_u16();
        if matches!(status, 301 | 302 | 303 | 307 | 308) {
            let target = header("location").and_then(|to| joined(&at, &to));
            at = target.ok_or_else(|| {
                failed(format!(
                    "the server points to no other place (status {status})\n{at}"
                ))
            })?;
            continue;
        }
        let kind = kind_of(&response, have, &at)?;
        let answer = Answer {
            kind,
            mark: header("etag").filter(|mark| !mark.starts_with("W/")),
            named_sha256,
        };
        let has_body = matches!(answer.kind, Kind::Whole { .. } | Kind::Rest { .. });
        return Ok((answer, has_body.then(|| response.into_body())));
    }
    Err(failed(format!(
        "the server sends from one address to the next without end\n{address}"
    )))
}

/// What the answer is, or why it is none.
fn kind_of(response: &Response<ureq::Body>, have: u64, address: &str) -> Result<Kind, Message> {
    let header = |name: &str| text(response.headers(), name);
    let status = response.status().as_u16();
    let is_page = header("content-type").is_some_and(|kind| kind.starts_with("text/html"));
    match status {
        200 | 206 if is_page => Err(failed(format!(
            "the server answered with a web page instead of the file; perhaps the network wants a sign-in: \
             open the address in a browser\n{address}"
        ))),
        200 => Ok(Kind::Whole {
            total: header("content-length").and_then(|length| length.parse().ok()),
        }),
        206 => match header("content-range").as_deref().and_then(range_of) {
            Some((from, total)) if from == have && total >= have => Ok(Kind::Rest { total }),
            _ if have > 0 => Ok(Kind::Misfit),
            _ => Err(failed(format!(
                "the server sends a part of the file nobody asked for\n{address}"
            ))),
        },
        // "bytes */N": we asked for what lies behind the end.
        416 => {
            let size = header("content-range")
                .and_then(|range| range.rsplit('/').next()?.parse::<u64>().ok());
            match size {
                Some(size) if size == have => Ok(Kind::Complete),
                _ if have > 0 => Ok(Kind::Misfit),
                _ => Err(failed(format!(
                    "the server refuses to send the file (status 416)\n{address}"
                ))),
            }
        }
        401 | 403 => Err(failed(format!(
            "the server does not give this file to everybody (status {status}); it may want an account\n{address}"
        ))),
        404 | 410 => Err(failed(format!(
            "there is no such file at this address (status {status}); check the name, or HF_ENDPOINT if it is set\n{address}"
        ))),
        408 | 429 | 500..=599 => Err(Message::Broken(format!(
            "the server is busy or out of order, status {status}"
        ))),
        _ => Err(failed(format!(
            "the server answered with status {status}\n{address}"
        ))),
    }
}

/// Words for a connection that did not come about.
fn no_answer(error: &ureq::Error, address: &str) -> Message {
    use std::io::ErrorKind;
    let place = host_of(address);
    let nobody = |why: &str| {
        let what = format!(
            "there is no connection to {place} ({why}); check the network, or import a file that you have\n{address}"
        );
        Message::Failed(Failure::new(what).with_details(error))
    };
    match error {
        ureq::Error::HostNotFound => nobody("its name is not found"),
        ureq::Error::ConnectionFailed => nobody("it does not answer"),
        ureq::Error::Io(io)
            if matches!(
                io.kind(),
                ErrorKind::ConnectionRefused
                    | ErrorKind::HostUnreachable
                    | ErrorKind::NetworkUnreachable
                    | ErrorKind::NetworkDown
                    | ErrorKind::AddrNotAvailable
            ) =>
        {
            nobody("it does not answer")
        }
        ureq::Error::Timeout(ureq::Timeout::Resolve | ureq::Timeout::Connect) => nobody("it does not answer"),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => failed(format!("this is not an address of a file\n{address}")),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => Message::Failed(
            Failure::new(format!(
                "the connection to {place} is not safe: its certificate was not accepted; nothing was fetched\n{address}"
            ))
            .with_details(error),
        ),
        other => Message::Broken(other.to_string()),
    }
}

fn failed(what: String) -> Message {
    Message::Failed(Failure::new(what))
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// `"<64 hexadecimal digits>"`: what the hub says of large files. A short one is no SHA-256.
fn sha256_in(etag: &str) -> Option<String> {
    let hash = etag.trim_matches('"').to_ascii_lowercase();
    (hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit())).then_some(hash)
}

/// `bytes 100-199/200`: first byte and size of the whole.
fn range_of(text: &str) -> Option<(u64, u64)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (from, _) = range.split_once('-')?;
    Some((from.trim().parse().ok()?, total.trim().parse().ok()?))
}

fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.split('/').next().unwrap_or(rest)
}

/// Where a redirection leads; `None` from a safe to an unsafe address and to anything but the web.
fn joined(from: &str, to: &str) -> Option<String> {
    let (scheme, rest) = from.split_once("://")?;
    let host = rest.split('/').next()?;
    let target = if to.starts_with("https://") || to.starts_with("http://") {
        to.to_owned()
    } else if to.contains("://") {
        return None;
    } else if let Some(other_host) = to.strip_prefix("//") {
        format!("{scheme}://{other_host}")
    } else if to.starts_with('/') {
        format!("{scheme}://{host}{to}")
    } else {
        let folder = from.rsplit_once('/')?.0;
        format!("{folder}/{to}")
    };
    (scheme != "https" || target.starts_with("https://")).then_some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_never_leave_the_safe_side() {
        let from = "https://hub.example/a/resolve/main/b.pth";
        for (to, expected) in [
            (
                "https://cdn.example/x?y=1",
                Some("https://cdn.example/x?y=1"),
            ),
            ("/c/d", Some("https://hub.example/c/d")),
            ("//cdn.example/x", Some("https://cdn.example/x")),
            ("c.pth", Some("https://hub.example/a/resolve/main/c.pth")),
            ("http://cdn.example/x", None),
            ("file:///etc/passwd", None),
        ] {
            assert_eq!(joined(from, to).as_deref(), expected, "{to}");
        }
        assert_eq!(
            joined("http://127.0.0.1:80/a", "https://b/c").as_deref(),
            Some("https://b/c")
        );
    }

    #[test]
    fn headers_are_read_or_left() {
        assert_eq!(range_of("bytes 100-199/200"), Some((100, 200)));
        assert_eq!(range_of("bytes 100-199/*"), None);
        assert_eq!(range_of("pages 1-2/3"), None);
        let hash = "A".repeat(64);
        assert_eq!(sha256_in(&format!("\"{hash}\"")), Some("a".repeat(64)));
        assert_eq!(sha256_in("\"d41d8cd98f00b204e9800998ecf8427e\""), None);
        assert_eq!(host_of("https://hub.example:8080/a/b"), "hub.example:8080");
    }
}
