//! A small web server on this machine alone, with ranges and with faults: what a remote raster meets. It keeps what is put
//! there, as a store does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// How the server treats its visitors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Manner {
    Honest,
    /// Says the file is so many times as long as it is.
    Boasts(u64),
    /// Sends half of what it announces, then hangs up.
    BreaksOff,
    Fails(u16),
}

#[derive(Default)]
struct Seen {
    /// Bytes of bodies sent.
    bytes: AtomicU64,
    /// Method and path of every question.
    questions: Mutex<Vec<String>>,
    /// What visitors put here, by path.
    kept: Mutex<BTreeMap<String, Vec<u8>>>,
    is_over: AtomicBool,
}

pub struct WebServer {
    address: String,
    manner: Arc<Mutex<Manner>>,
    seen: Arc<Seen>,
}

impl WebServer {
    /// Serves `content` as `/scene.tif`; everything else is not found.
    pub fn start(content: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let manner = Arc::new(Mutex::new(Manner::Honest));
        let seen = Arc::new(Seen::default());
        let content = Arc::new(content);
        let (shared_manner, shared_seen) = (manner.clone(), seen.clone());
        std::thread::Builder::new()
            .name("test web server".to_owned())
            .spawn(move || {
                for visitor in listener.incoming().flatten() {
                    if shared_seen.is_over.load(Ordering::SeqCst) {
                        break;
                    }
                    let (manner, seen) = (shared_manner.clone(), shared_seen.clone());
                    let content = content.clone();
                    std::thread::Builder::new()
                        .name("test web visitor".to_owned())
                        .spawn(move || serve(visitor, &content, &manner, &seen))
                        .unwrap();
                }
            })
            .unwrap();
        Self {
            address,
            manner,
            seen,
        }
    }

    pub fn scene(&self) -> String {
        format!("{}/scene.tif", self.address)
    }

    /// Host and port.
    pub fn host(&self) -> &str {
        self.address.trim_start_matches("http://")
    }

    pub fn kept(&self) -> Vec<String> {
        self.seen.kept.lock().unwrap().keys().cloned().collect()
    }

    pub fn address(&self, path: &str) -> String {
        format!("{}/{path}", self.address)
    }

    pub fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub fn bytes_sent(&self) -> u64 {
        self.seen.bytes.load(Ordering::SeqCst)
    }

    pub fn questions(&self) -> Vec<String> {
        self.seen.questions.lock().unwrap().clone()
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.seen.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener so that it sees the end.
        TcpStream::connect(self.address.trim_start_matches("http://")).ok();
    }
}

/// Answers the questions of one connection until it closes.
fn serve(visitor: TcpStream, content: &[u8], manner: &Mutex<Manner>, seen: &Seen) {
    visitor.set_read_timeout(Some(Duration::from_secs(60))).ok();
    let Ok(mut answers) = visitor.try_clone() else {
        return;
    };
    let mut questions = BufReader::new(visitor);
    loop {
        let mut first = String::new();
        if questions.read_line(&mut first).is_err() || first.is_empty() {
            return;
        }
        let (mut range, mut length, mut expects) = (None, 0, false);
        loop {
            let mut line = String::new();
            if questions.read_line(&mut line).is_err() {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some((key, value)) = line.split_once(':')
                && key.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().unwrap_or(0);
            }
            expects |= line.to_lowercase().starts_with("expect: 100");
            if let Some((key, value)) = line.split_once(':')
                && key.eq_ignore_ascii_case("range")
            {
                range = value
                    .trim()
                    .strip_prefix("bytes=")
                    .and_then(|text| text.split_once('-'))
                    .and_then(|(from, to)| {
                        Some((from.parse::<usize>().ok()?, to.parse::<usize>().ok()?))
                    });
            }
        }
        if seen.is_over.load(Ordering::SeqCst) {
            return;
        }
        let mut words = first.split_whitespace();
        let (method, path) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        seen.questions
            .lock()
            .unwrap()
            .push(format!("{method} {path}"));
        let now = *manner.lock().unwrap();
        if method == "PUT" {
            let mut body = vec![0; length];
            if expects && answers.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_err()
                || questions.read_exact(&mut body).is_err()
            {
                return;
            }
            let status = match now {
                Manner::Fails(status) => status,
                _ => {
                    seen.kept.lock().unwrap().insert(path.to_owned(), body);
                    200
                }
            };
            let answer =
                format!("HTTP/1.1 {status} Put\r\nETag: \"x\"\r\nContent-Length: 0\r\n\r\n");
            if answers.write_all(answer.as_bytes()).is_err() {
                return;
            }
            continue;
        }
        let kept = seen.kept.lock().unwrap().get(path).cloned();
        let content = kept.as_deref().unwrap_or(content);
        let status = match now {
            Manner::Fails(status) => status,
            _ if path != "/scene.tif" && kept.is_none() => 404,
            _ => 200,
        };
        if status != 200 {
            let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
            if answers.write_all(answer.as_bytes()).is_err() {
                return;
            }
            continue;
        }
        let length = content.len() as u64
            * match now {
                Manner::Boasts(times) => times,
                _ => 1,
            };
        let (head, body) = match range {
            Some((from, to)) if from < content.len() => {
                let to = to.min(content.len() - 1);
                let body = &content[from..=to];
                let head = format!(
                    "HTTP/1.1 206 Partial Content\r\nAccept-Ranges: bytes\r\nContent-Range: bytes {from}-{to}/{length}\r\n\
                     Content-Length: {}\r\n\r\n",
                    body.len()
                );
                (head, body)
            }
            Some(_) => (
                "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n".to_owned(),
                &content[..0],
            ),
            None => (
                format!(
                    "HTTP/1.1 200 OK\r\nAccept-Ranges: bytes\r\nContent-Length: {length}\r\n\r\n"
                ),
                content,
            ),
        };
        if answers.write_all(head.as_bytes()).is_err() {
            return;
        }
        if method == "HEAD" {
            continue;
        }
        let sent = if now == Manner::BreaksOff {
            &body[..body.len() / 2]
        } else {
            body
        };
        seen.bytes.fetch_add(sent.len() as u64, Ordering::SeqCst);
        if answers.write_all(sent).is_err() || now == Manner::BreaksOff {
            return;
        }
    }
}
