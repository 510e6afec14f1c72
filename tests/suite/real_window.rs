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

#[test]
fn the_window_opens_on_the_sample_and_closes() {
    let folder = TempDir::new().unwrap();
    let (Some((_server, display)), Some(_)) = (display(folder.path()), xdotool(":0", &["version"]))
    else {
        eprintln!("SKIPPED the real window: Xvfb and xdotool are needed");
        return;
    };
    let mut window = command(folder.path(), &[] as &[&str]);
    window
        .env("DISPLAY", &display)
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET");
    // Settings and caches of the user stay out of the test, and the test out of them.
    for name in [
        "XDG_RUNTIME_DIR",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "XDG_DATA_HOME",
        "XDG_STATE_HOME",
    ] {
        let private = folder.path().join(name);
        fs::create_dir(&private).unwrap();
        window.env(name, private);
    }
    if let Some(software) = software_rasteriser() {
        window
            .env("VK_DRIVER_FILES", &software)
            .env("VK_ICD_FILENAMES", &software);
    }
    let log = folder.path().join("stderr.txt");
    window.stderr(fs::File::create(&log).unwrap());
    let mut window = Ended(window.spawn().unwrap());
    let said = || fs::read_to_string(&log).unwrap_or_default();

    let start = Instant::now();
    let id = loop {
        if let Some(status) = window.0.try_wait().unwrap() {
            panic!(
                "the window ended with {status} before it was there: {}",
                said()
            );
        }
        let found = xdotool(&display, &["search", "--onlyvisible", "--name", "Terroir"])
            .unwrap_or_default();
        if let Some(id) = found.lines().next() {
            break id.to_owned();
        }
        assert!(
            start.elapsed() < Duration::from_secs(90),
            "no window after {:?}: {}",
            start.elapsed(),
            said()
        );
        std::thread::sleep(Duration::from_millis(200));
    };
    // Panels alone have some dozens of colours; a scene has thousands.
    let screen = loop {
        let screen = Screen::read(&folder.path().join("Xvfb_screen0"));
        if screen.colours() > 2000 {
            break screen;
        }
        assert!(
            window.0.try_wait().unwrap().is_none(),
            "the window ended: {}",
            said()
        );
        assert!(
            start.elapsed() < Duration::from_secs(150),
            "the scene never appeared: {} colours on the screen: {}",
            screen.colours(),
            said()
        );
        std::thread::sleep(Duration::from_millis(500));
    };
    let picture = Path::new(env!("CARGO_TARGET_TMPDIR")).join("real_window.png");
    screen.save(&picture);
    eprintln!(
        "the window after {:.1} s: {}",
        start.elapsed().as_secs_f64(),
        picture.display()
    );

    xdotool(&display, &["windowfocus", "--sync", &id, "key", "ctrl+q"]).unwrap();
    let status = ended(&mut window.0, Duration::from_secs(30));
    assert!(
        status.is_some_and(|status| status.success()),
        "closed with {status:?}: {}",
        said()
    );
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
fn software_rasteriser() -> Option<std::path::PathBuf> {
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
struct Screen {
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

    fn colours(&self) -> usize {
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
