//! The System page's report: made by a child process of the program, so that a broken driver ends that process and not the
//! window with the user's labels. Starts it and keeps what it said; never waits for it on the window's thread.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use crate::doctor::Report;

#[derive(Default)]
pub struct SystemPage {
    /// What the window is drawn with.
    pub adapter: String,
    pub state: SystemState,
    answer: Option<Receiver<Result<Report, String>>>,
}

#[derive(Debug, Default, PartialEq)]
pub enum SystemState {
    #[default]
    NotAsked,
    Asked,
    Report(Report),
    /// Why there is no report.
    Failed(String),
}

impl SystemPage {
    /// Asks for a report, unless one is on its way. `program`: the executable; `wake` is called when it has answered.
    pub fn ask(&mut self, program: Option<PathBuf>, wake: Arc<dyn Fn() + Send + Sync>) {
        if self.state == SystemState::Asked {
            return;
        }
        let Some(program) = program else {
            self.state =
                SystemState::Failed("The program's own file is not known here.".to_owned());
            return;
        };
        let (sender, answer) = sync_channel(1);
        let started = std::thread::Builder::new()
            .name("system report".to_owned())
            .spawn(move || {
                sender.send(report_blocking(&program)).ok();
                wake();
            });
        match started {
            Ok(_) => {
                self.answer = Some(answer);
                self.state = SystemState::Asked;
            }
            Err(error) => self.state = SystemState::Failed(error.to_string()),
        }
    }

    /// Takes in what has arrived; call every frame.
    pub fn take(&mut self) {
        let Some(answer) = &self.answer else { return };
        self.state = match answer.try_recv() {
            Ok(Ok(report)) => SystemState::Report(report),
            Ok(Err(why)) => SystemState::Failed(why),
            Err(TryRecvError::Empty) => return,
            Err(TryRecvError::Disconnected) => {
                SystemState::Failed("The report's thread ended.".to_owned())
            }
        };
        self.answer = None;
    }

    /// The report and what the window is drawn with, as text to paste.
    pub fn text(&self) -> Option<String> {
        match &self.state {
            SystemState::Report(report) => Some(format!(
                "{}\nWindow drawn with {}\n",
                report.text(),
                self.adapter
            )),
            _ => None,
        }
    }
}

/// What `terroir doctor` of the same executable says.
fn report_blocking(program: &PathBuf) -> Result<Report, String> {
    let output = Command::new(program)
        .args(["doctor", "--json", "--quiet"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{} could not be started: {error}", program.display()))?;
    // A machine with faults ends with a code of its own, and still with a report.
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!(
            "`terroir doctor` ended without a report ({}). {said}",
            output.status
        )
        .trim()
        .to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gives_no_report_is_told() {
        let mut page = SystemPage::default();
        page.ask(None, Arc::new(|| {}));
        assert!(matches!(page.state, SystemState::Failed(_)));
        page.ask(Some(PathBuf::from("/no/such/terroir")), Arc::new(|| {}));
        assert_eq!(page.state, SystemState::Asked);
        while page.state == SystemState::Asked {
            std::thread::sleep(std::time::Duration::from_millis(5));
            page.take();
        }
        assert!(
            matches!(&page.state, SystemState::Failed(why) if why.contains("could not be started"))
        );
        assert_eq!(page.text(), None);
    }
}
