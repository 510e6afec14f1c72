//! Whether the system asks for less motion: asked once, beside the window, of what each system has for it. A system that does
//! not answer asks for nothing. Knows the systems' own commands; draws nothing.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The system's wish, once it is known.
#[derive(Clone, Debug, Default)]
pub struct SystemMotion(Arc<AtomicBool>);

impl SystemMotion {
    /// Asks in a thread of its own; `wake` is called when the system wishes less.
    pub fn ask(wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        let wish = Self::default();
        let answer = wish.clone();
        let asked = std::thread::Builder::new()
            .name("system's motion".to_owned())
            .spawn(move || {
                if wishes_less_blocking() {
                    answer.0.store(true, Ordering::Relaxed);
                    wake();
                }
            });
        if let Err(error) = asked {
            log::warn!("the system cannot be asked how much motion it wants: {error}");
        }
        wish
    }

    /// A system whose wish is known.
    pub fn known(wishes_less: bool) -> Self {
        Self(Arc::new(AtomicBool::new(wishes_less)))
    }

    pub fn wishes_less(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

fn wishes_less_blocking() -> bool {
    let of_toolkit = std::env::var("GTK_ENABLE_ANIMATIONS").ok();
    if let Some(is_on) = of_toolkit.as_deref().and_then(switch) {
        return !is_on;
    }
    if cfg!(target_os = "macos") {
        let said = said_by(
            "defaults",
            &["read", "com.apple.universalaccess", "reduceMotion"],
        );
        return said.as_deref().and_then(switch) == Some(true);
    }
    if cfg!(target_os = "windows") {
        let key = r"HKCU\Control Panel\Desktop";
        let said = said_by("reg", &["query", key, "/v", "UserPreferencesMask"]);
        return said.as_deref().and_then(animates_by_mask) == Some(false);
    }
    // The desktop portal speaks for every desktop and into a sandbox; GNOME's settings where there is none.
    let portal = [
        "call",
        "--session",
        "--timeout=2",
        "--dest=org.freedesktop.portal.Desktop",
        "--object-path=/org/freedesktop/portal/desktop",
        "--method=org.freedesktop.portal.Settings.ReadOne",
        "org.gnome.desktop.interface",
        "enable-animations",
    ];
    let settings = ["get", "org.gnome.desktop.interface", "enable-animations"];
    let said = said_by("gdbus", &portal)
        .as_deref()
        .and_then(switch)
        .or_else(|| said_by("gsettings", &settings).as_deref().and_then(switch));
    said == Some(false)
}

/// What a command prints; `None` where there is no such command, or it fails.
fn said_by(program: &str, arguments: &[&str]) -> Option<String> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let said = command.output().ok()?;
    said.status
        .success()
        .then(|| String::from_utf8_lossy(&said.stdout).into_owned())
}

/// `true`, `1`, `(<<false>>,)`: on or off, in whatever brackets.
fn switch(text: &str) -> Option<bool> {
    let word = text.trim_matches(|letter: char| !letter.is_ascii_alphanumeric());
    match word.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" => Some(true),
        "false" | "0" | "no" => Some(false),
        _ => None,
    }
}

/// `UserPreferencesMask REG_BINARY 9E1E078012000000`: the second bit of the fifth byte says whether controls move.
fn animates_by_mask(text: &str) -> Option<bool> {
    let (_, mask) = text.split_once("REG_BINARY")?;
    let byte = mask.trim().get(8..10)?;
    let byte = u8::from_str_radix(byte, 16).ok()?;
    Some(byte & 2 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_all_systems_are_understood() {
        for (text, is_on) in [
            ("true\n", Some(true)),
            ("(<<false>>,)\n", Some(false)),
            ("(<false>,)", Some(false)),
            ("1\n", Some(true)),
            ("0", Some(false)),
            ("No such schema", None),
            ("", None),
        ] {
            assert_eq!(switch(text), is_on, "{text}");
        }
        let answer = |mask: &str| {
            animates_by_mask(&format!(
                "\r\nHKEY_CURRENT_USER\\Control Panel\\Desktop\r\n    UserPreferencesMask    REG_BINARY    {mask}\r\n"
            ))
        };
        assert_eq!(answer("9E1E078012000000"), Some(true));
        assert_eq!(answer("9012038010000000"), Some(false));
        assert_eq!(answer("90"), None);
    }
}
