//! The real executable opens its real window on a display without a screen: the sample appears, and the window closes cleanly.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::program::command;

/// Ends its process when a test gives up.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The real window on a display of its own, driven by a real pointer and real keys.
pub(crate) struct RealWindow {
    process: Ended,
    display: String,
    id: String,
    screen: std::path::PathBuf,
    log: std::path::PathBuf,
}

impl RealWindow {
    /// Opens the window on the sample; what it remembers and keeps goes into `folder`.
    pub(crate) fn open(folder: &Path, server: &Server) -> Self {
        let mut window = Self::open_files(folder, server, &[]);
        // Panels alone have some dozens of colours; a scene has thousands.
        window.wait("the scene", |window| window.picture().colours() > 2000);
        window
    }

    /// Opens the window on files; returns before they are read.
    pub(crate) fn open_files(folder: &Path, server: &Server, files: &[&str]) -> Self {
        let mut window = command(folder, files);
        window
            .env("DISPLAY", &server.display)
            .env("LANG", "C")
            .env_remove("LC_ALL")
            .env_remove("LC_MESSAGES")
            .env_remove("WAYLAND_DISPLAY")
            .env_remove("WAYLAND_SOCKET")
            .env("HOME", folder);
        // Settings and caches of the user stay out of the test, and the test out of them.
        for name in [
            "XDG_RUNTIME_DIR",
            "XDG_CACHE_HOME",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
        ] {
            let private = folder.join(name);
            fs::create_dir_all(&private).unwrap();
            window.env(name, private);
        }
        if let Some(software) = software_rasteriser() {
            window
                .env("VK_DRIVER_FILES", &software)
                .env("VK_ICD_FILENAMES", &software);
        }
        let log = folder.join("stderr.txt");
        window.stderr(fs::File::create(&log).unwrap());
        let mut window = Self {
            process: Ended(window.spawn().unwrap()),
            display: server.display.clone(),
            id: String::new(),
            screen: server.folder.join("Xvfb_screen0"),
            log,
        };
        window.wait("the window", |window| {
            let found = window.xdotool(&["search", "--onlyvisible", "--name", "Terroir"]);
            window.id = found.lines().next().unwrap_or_default().to_owned();
            !window.id.is_empty()
        });
        window.wait("the first frame", |window| window.picture().colours() > 20);
        window.xdotool(&["windowfocus", "--sync", &window.id.clone()]);
        window
    }

    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits until `done`; a window that ends meanwhile is a failure.
    pub(crate) fn wait(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let start = Instant::now();
        while !done(self) {
            if let Some(status) = self.process.0.try_wait().unwrap() {
                panic!(
                    "the window ended with {status} before {what}: {}",
                    self.said()
                );
            }
            if start.elapsed() > Duration::from_secs(240) {
                self.keep("real_window_failed.png");
                panic!("{what} did not happen: {}", self.said());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn xdotool(&self, arguments: &[&str]) -> String {
        xdotool(&self.display, arguments).unwrap_or_default()
    }

    pub(crate) fn key(&self, keys: &str) {
        self.xdotool(&["key", keys]);
        std::thread::sleep(Duration::from_millis(150));
    }

    pub(crate) fn type_text(&self, text: &str) {
        self.xdotool(&["type", "--delay", "20", text]);
        std::thread::sleep(Duration::from_millis(150));
    }

    /// Presses, moves in some steps, and releases.
    pub(crate) fn drag(&self, from: (i32, i32), to: (i32, i32)) {
        self.press(from);
        const STEPS: i32 = 8;
        for step in 1..=STEPS {
            let part = |a: i32, b: i32| (a + (b - a) * step / STEPS).to_string();
            self.xdotool(&["mousemove", &part(from.0, to.0), &part(from.1, to.1)]);
            std::thread::sleep(Duration::from_millis(20));
        }
        self.xdotool(&["mouseup", "1"]);
    }

    pub(crate) fn click(&self, at: (i32, i32)) {
        self.press(at);
        self.xdotool(&["mouseup", "1"]);
        std::thread::sleep(Duration::from_millis(300));
    }

    pub(crate) fn press(&self, at: (i32, i32)) {
        self.xdotool(&["mousemove", &at.0.to_string(), &at.1.to_string()]);
        std::thread::sleep(Duration::from_millis(60));
        self.xdotool(&["mousedown", "1"]);
        std::thread::sleep(Duration::from_millis(60));
    }

    pub(crate) fn picture(&self) -> Screen {
        Screen::read(&self.screen)
    }

    /// Keeps a picture beside the build.
    pub(crate) fn keep(&self, name: &str) {
        self.picture()
            .save(&Path::new(env!("CARGO_TARGET_TMPDIR")).join(name));
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) {
        self.process.0.kill().unwrap();
        self.process.0.wait().unwrap();
    }

    pub(crate) fn quit(mut self) {
        self.key("ctrl+q");
        let status = ended(&mut self.process.0, Duration::from_secs(30));
        assert!(
            status.is_some_and(|status| status.success()),
            "closed with {status:?}: {}",
            self.said()
        );
    }
}

/// An X server without a screen.
pub(crate) struct Server {
    _process: Ended,
    display: String,
    folder: std::path::PathBuf,
}

impl Server {
    /// `None`, said aloud, where the programs are not there.
    pub(crate) fn start(folder: &Path, what: &str) -> Option<Self> {
        match (display(folder), xdotool(":0", &["version"])) {
            (Some((process, display)), Some(_)) => Some(Self {
                _process: process,
                display,
                folder: folder.to_owned(),
            }),
            _ => {
                eprintln!("SKIPPED {what}: Xvfb and xdotool are needed");
                None
            }
        }
    }
}

#[test]
fn the_window_opens_on_the_sample_and_closes() {
    let folder = TempDir::new().unwrap();
    let Some(server) = Server::start(folder.path(), "the real window") else {
        return;
    };
    let start = Instant::now();
    let window = RealWindow::open(folder.path(), &server);
    window.keep("real_window.png");
    eprintln!("the window after {:.1} s", start.elapsed().as_secs_f64());
    window.quit();
}

/// Starts Xvfb with its screen kept in a file of `folder`.
fn display(folder: &Path) -> Option<(Ended, String)> {
    let mut server = Command::new("Xvfb")
        .args([
            "-displayfd",
            "1",
            "-screen",
            "0",
            "1280x800x24",
            "-nolisten",
            "tcp",
            "-fbdir",
        ])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut number = String::new();
    BufReader::new(server.stdout.take()?)
        .read_line(&mut number)
        .ok()?;
    (!number.trim().is_empty()).then(|| (Ended(server), format!(":{}", number.trim())))
}

fn xdotool(display: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new("xdotool")
        .args(arguments)
        .env("DISPLAY", display)
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Mesa's driver that needs no GPU.
pub fn software_rasteriser() -> Option<std::path::PathBuf> {
    let drivers = fs::read_dir("/usr/share/vulkan/icd.d").ok()?;
    drivers
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.to_string_lossy().contains("lvp_icd"))
}

fn ended(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    None
}

/// What the X server shows.
pub(crate) struct Screen {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

impl Screen {
    /// Reads the server's XWD file: a header of big-endian words, a colour map, then blue-green-red-x pixels.
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).unwrap();
        let word =
            |at: usize| u32::from_be_bytes(bytes[4 * at..4 * at + 4].try_into().unwrap()) as usize;
        let (header, width, height) = (word(0), word(4), word(5));
        let (bits, line, colours) = (word(11), word(12), word(19));
        assert_eq!(bits, 32);
        let pixels = &bytes[header + 12 * colours..];
        let rgb = (0..height)
            .flat_map(|row| pixels[row * line..row * line + 4 * width].chunks_exact(4))
            .flat_map(|pixel| [pixel[2], pixel[1], pixel[0]])
            .collect();
        Self { width, height, rgb }
    }

    pub(crate) fn colours(&self) -> usize {
        self.rgb
            .chunks_exact(3)
            .collect::<std::collections::BTreeSet<_>>()
            .len()
    }

    fn save(&self, path: &Path) {
        let mut encoder = png::Encoder::new(
            fs::File::create(path).unwrap(),
            self.width as u32,
            self.height as u32,
        );
        encoder.set_color(png::ColorType::Rgb);
        encoder
            .write_header()
            .unwrap()
            .write_image_data(&self.rgb)
            .unwrap();
    }
}
