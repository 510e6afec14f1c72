//! A model hub on this machine alone, with the faults a download meets: it drops, lies, stalls, redirects and forgets.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Clone, Debug, PartialEq)]
pub enum Mood {
    Honest,
    /// Hangs up after so many bytes of each answer.
    DropsAfter(usize),
    /// As that, and starts from the first byte whatever was asked for.
    DropsAfterAndForgetsRanges(usize),
    /// Announces so many times the length there is.
    Announces(f64),
    /// Sends so many bytes and then nothing more, without hanging up.
    StallsAfter(usize),
    Answers(u16),
    /// A page instead of the file, as a hotel's network does.
    Page,
    /// From any path to this one; `""` = to itself.
    Redirects(&'static str),
    /// Names this SHA-256 for the file, as the hub does, and sends it.
    NamesHash(String),
}

/// A question: path, and the first byte asked for.
pub type Question = (String, Option<usize>);

struct Shared {
    content: Mutex<Vec<u8>>,
    mood: Mutex<Mood>,
    version: Mutex<String>,
    questions: Mutex<Vec<Question>>,
    is_over: AtomicBool,
}

pub struct Hub {
    address: String,
    shared: Arc<Shared>,
}

impl Hub {
    /// Serves `content` at every path.
    pub fn start(content: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            content: Mutex::new(content),
            mood: Mutex::new(Mood::Honest),
            version: Mutex::new("\"one\"".to_owned()),
            questions: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let inside = shared.clone();
        std::thread::Builder::new()
            .name("test hub".to_owned())
            .spawn(move || {
                for visitor in listener.incoming().flatten() {
                    if inside.is_over.load(Ordering::SeqCst) {
                        break;
                    }
                    let shared = inside.clone();
                    std::thread::Builder::new()
                        .name("test hub visitor".to_owned())
                        .spawn(move || serve(visitor, &shared))
                        .unwrap();
                }
            })
            .unwrap();
        Self { address, shared }
    }

    pub fn address(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub fn is(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// Another file under the old name.
    pub fn replaces(&self, content: Vec<u8>) {
        *self.shared.content.lock().unwrap() = content;
        *self.shared.version.lock().unwrap() = "\"two\"".to_owned();
    }

    /// The questions since the last call.
    pub fn questions(&self) -> Vec<Question> {
        std::mem::take(&mut self.shared.questions.lock().unwrap())
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        // Wakes the listener so that it sees the end.
        TcpStream::connect(self.address.trim_start_matches("http://")).ok();
    }
}

fn serve(visitor: TcpStream, shared: &Shared) {
    visitor.set_read_timeout(Some(Duration::from_secs(60))).ok();
    let Ok(mut answers) = visitor.try_clone() else {
        return;
    };
    let mut lines = BufReader::new(visitor);
    loop {
        let mut first = String::new();
        if lines.read_line(&mut first).unwrap_or(0) == 0 {
            return;
        }
        let mut range = None;
        let mut version = None;
        loop {
            let mut line = String::new();
            if lines.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            if line.trim().is_empty() {
                break;
            }
            if let Some((key, value)) = line.split_once(':') {
                match key.to_ascii_lowercase().as_str() {
                    "range" => {
                        range = value
                            .trim()
                            .strip_prefix("bytes=")
                            .and_then(|text| text.strip_suffix('-'))
                            .and_then(|text| text.parse::<usize>().ok());
                    }
                    "if-range" => version = Some(value.trim().to_owned()),
                    _ => {}
                }
            }
        }
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let path = first
            .split_whitespace()
            .nth(1)
            .unwrap_or_default()
            .to_owned();
        shared.questions.lock().unwrap().push((path.clone(), range));
        let mood = shared.mood.lock().unwrap().clone();
        let content = shared.content.lock().unwrap().clone();
        let now = shared.version.lock().unwrap().clone();
        let mut extra = format!("ETag: {now}\r\n");
        match &mood {
            Mood::Answers(status) => {
                let answer = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n");
                if answers.write_all(answer.as_bytes()).is_err() {
                    return;
                }
                continue;
            }
            Mood::Page => {
                let page = "<html>Please sign in</html>";
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}",
                    page.len()
                );
                answers.write_all(answer.as_bytes()).ok();
                continue;
            }
            Mood::Redirects(to) if path != *to => {
                let to = if to.is_empty() { path.as_str() } else { to };
                let answer =
                    format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
                answers.write_all(answer.as_bytes()).ok();
                continue;
            }
            Mood::NamesHash(hash) => extra += &format!("X-Linked-Etag: \"{hash}\"\r\n"),
            _ => {}
        }
        let forgets = matches!(mood, Mood::DropsAfterAndForgetsRanges(_));
        let from = match range {
            Some(from) if !forgets && version.is_none_or(|known| known == now) => from,
            _ => 0,
        };
        let all = content.len();
        let announced = match mood {
            Mood::Announces(times) => (all as f64 * times) as usize,
            _ => all,
        };
        if from >= all && from > 0 {
            let answer = format!(
                "HTTP/1.1 416 No\r\nContent-Range: bytes */{all}\r\nContent-Length: 0\r\n\r\n"
            );
            answers.write_all(answer.as_bytes()).ok();
            continue;
        }
        let status = if from > 0 {
            "206 Partial Content"
        } else {
            "200 OK"
        };
        if from > 0 {
            extra += &format!(
                "Content-Range: bytes {from}-{}/{announced}\r\n",
                announced - 1
            );
        }
        let head = format!(
            "HTTP/1.1 {status}\r\n{extra}Content-Length: {}\r\n\r\n",
            announced - from
        );
        let body = &content[from..];
        let (body, hangs_up) = match mood {
            Mood::DropsAfter(count) | Mood::DropsAfterAndForgetsRanges(count)
                if count < body.len() =>
            {
                (&body[..count], true)
            }
            Mood::StallsAfter(count) => (&body[..count.min(body.len())], false),
            Mood::Announces(_) => (body, true),
            _ => (body, false),
        };
        if answers.write_all(head.as_bytes()).is_err() || answers.write_all(body).is_err() {
            return;
        }
        if matches!(mood, Mood::StallsAfter(_)) {
            while !shared.is_over.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(20));
            }
            return;
        }
        if hangs_up {
            return;
        }
    }
}
