//! Standard output and error of the command line: text for people, JSON for machines.
//! Standard output carries results only; everything else goes to standard error.

use std::io::{self, Write};

use serde::Serialize;

use super::failure::{CliError, CliResult};

/// What the global options say about output.
#[derive(Clone, Copy, Debug, Default)]
pub struct Output {
    pub json: bool,
    pub verbose: bool,
    pub quiet: bool,
}

impl Output {
    /// Prints a result to standard output.
    pub fn print(self, text: &str) -> CliResult {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())
            .and_then(|()| out.flush())
            .map_err(|error| {
                if error.kind() == io::ErrorKind::BrokenPipe {
                    CliError::ReaderGone
                } else {
                    CliError::Failed {
                        what: "The result could not be written to standard output.".into(),
                        details: Some(error.to_string()),
                    }
                }
            })
    }

    /// Prints one JSON document, indented, to standard output.
    pub fn print_json(self, value: &impl Serialize) -> CliResult {
        let text = serde_json::to_string_pretty(value).map_err(|error| CliError::Failed {
            what: "The result could not be written as JSON.".into(),
            details: Some(error.to_string()),
        })?;
        self.print(&(text + "\n"))
    }

    /// A remark for people, on standard error; nothing with `--quiet`.
    pub fn remark(self, text: &str) {
        if !self.quiet {
            say(text);
        }
    }

    /// Something the user should know, on standard error even with `--quiet`.
    pub fn warn(self, text: &str) {
        say(&format!("warning: {text}"));
    }
}

/// One line on standard error. Nobody is left to tell if that fails.
pub fn say(text: &str) {
    writeln!(io::stderr().lock(), "{text}").ok();
}

/// Columns aligned by their widest cell, two spaces apart; numbers are up to the caller to format.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let width_of = |text: &str| text.chars().count();
    let mut widths: Vec<usize> = header.iter().map(|cell| width_of(cell)).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(width_of(cell));
        }
    }
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut text = String::new();
        for (cell, width) in cells.zip(&widths) {
            text.push_str(cell);
            text.extend(std::iter::repeat_n(
                ' ',
                width - width_of(cell).min(*width) + 2,
            ));
        }
        text.truncate(text.trim_end().len());
        text + "\n"
    };
    let mut text = line(&mut header.iter().copied());
    for row in rows {
        text += &line(&mut row.iter().map(String::as_str));
    }
    text
}

/// `1.4 MB`, powers of ten as file managers count.
pub fn size_text(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "bytes" {
                format!("{bytes} bytes")
            } else {
                format!("{value:.1} {unit}")
            };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_align_and_do_not_trail() {
        let text = table(
            &["a", "long"],
            &[
                vec!["µµµ".into(), "1".into()],
                vec!["2".into(), String::new()],
            ],
        );
        assert_eq!(text, "a    long\nµµµ  1\n2\n");
    }

    #[test]
    fn sizes_read_like_a_file_manager() {
        assert_eq!(size_text(999), "999 bytes");
        assert_eq!(size_text(1_400_000), "1.4 MB");
    }
}
