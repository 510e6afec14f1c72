//! Runs one job in this process: a progress bar and warnings for people, the outcome for machines, Ctrl+C to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use terroir_engine::{Event, JobSpec, Outcome};

use super::failure::{CliError, CliResult};
use super::output::{Output, say};

/// Set by Ctrl+C; jobs look at it once a window.
#[derive(Clone, Default)]
pub struct CancelFlag(Arc<AtomicBool>);

impl CancelFlag {
    /// From now on the first Ctrl+C asks the job to stop and the second one ends the process at once.
    pub fn on_ctrl_c() -> CliResult<Self> {
        let flag = Self::default();
        let raised = flag.clone();
        ctrlc::set_handler(move || {
            if raised.0.swap(true, Ordering::SeqCst) {
                #[expect(clippy::disallowed_methods, reason = "the user asked twice: destructors may be what hangs")]
                std::process::exit(1);
            }
            say("Stopping … (Ctrl+C again ends at once)");
        })
        .map_err(|error| CliError::Failed {
            what: match error {
                ctrlc::Error::System(_) => "There is not enough memory to start the thread that listens for Ctrl+C, so the job could not be stopped cleanly; it was not started. Close other programs and run it again.",
                _ => "Ctrl+C could not be connected, so the job could not be stopped cleanly; it was not started.",
            }
            .into(),
            details: Some(error.to_string()),
        })?;
        Ok(flag)
    }

    pub fn is_raised(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Runs `spec` and returns its outcome; progress goes to standard error when that is a terminal.
pub fn run_job(spec: &JobSpec, output: Output, cancel: &CancelFlag) -> CliResult<Outcome> {
    run_and_listen(spec, output, cancel, &mut |_| {})
}

/// The same with an ear for what is only told in events.
pub fn run_and_listen(
    spec: &JobSpec,
    output: Output,
    cancel: &CancelFlag,
    other: &mut dyn FnMut(Event),
) -> CliResult<Outcome> {
    let bar = progress_bar(output);
    let mut warned = Vec::new();
    let mut loss = None;
    let mut on_event = |event: Event| match event {
        Event::Started { device, .. } => bar.println(format!("Device: {device}")),
        Event::Progress {
            stage, done, total, ..
        } => {
            bar.set_length(total);
            bar.set_position(done);
            bar.set_message(match loss {
                Some(loss) if stage == "training" => format!("{stage}, loss {loss:.4}"),
                _ => stage,
            });
        }
        Event::Metric { name, value, .. } if name == "loss" => loss = Some(value),
        Event::Warning { text, .. } if !warned.contains(&text) => {
            bar.suspend(|| output.warn(&text));
            warned.push(text);
        }
        event => other(event),
    };
    end_with_lost_device(spec.clone(), output);
    terroir_engine::join_cores();
    let result = terroir_engine::run_here(spec, &mut on_event, &|| cancel.is_raised());
    bar.finish_and_clear();
    match result {
        // A job may end just before it sees the flag: what is done is done.
        Ok(outcome) => {
            for warning in outcome
                .warnings
                .iter()
                .filter(|text| !warned.contains(text))
            {
                output.warn(warning);
            }
            Ok(outcome)
        }
        Err(_) if cancel.is_raised() => Err(CliError::Cancelled),
        Err(failure) => Err(failure.into()),
    }
}

/// A job that waits for a lost graphics device never returns: the process ends instead, in words.
fn end_with_lost_device(spec: JobSpec, output: Output) {
    terroir_engine::when_device_is_lost(move |mut failure| {
        for out in spec.outputs() {
            failure.what += &format!("\n{}", out.display());
        }
        spec.leave_outputs();
        say(CliError::from(failure).message(output.verbose).trim_end());
        #[expect(
            clippy::disallowed_methods,
            reason = "the job's thread cannot be ended"
        )]
        std::process::exit(1);
    });
}

/// Runs one job from start to end as a subcommand does: Ctrl+C, job, report.
pub fn run_and_report(spec: &JobSpec, output: Output) -> CliResult {
    let cancel = CancelFlag::on_ctrl_c()?;
    let outcome = run_job(spec, output, &cancel)?;
    report(&outcome, output)
}

/// Prints an outcome: a sentence and the files for people, everything for machines.
pub fn report(outcome: &Outcome, output: Output) -> CliResult {
    if output.json {
        return output.print_json(outcome);
    }
    let mut text = String::new();
    if !outcome.summary.is_empty() {
        text += &outcome.summary;
        text.push('\n');
    }
    for file in &outcome.files {
        text += &format!("  {}\n", file.display());
    }
    output.print(&text)
}

fn progress_bar(output: Output) -> ProgressBar {
    let target = if output.quiet || output.json {
        ProgressDrawTarget::hidden()
    } else {
        ProgressDrawTarget::stderr()
    };
    let bar = ProgressBar::with_draw_target(None, target);
    if let Ok(style) = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta} left") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}
