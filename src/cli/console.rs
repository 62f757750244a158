//! The terminal: what is printed, where, in which colour, and what is asked.
//!
//! Data and results go to standard output, everything else to standard error. A reader that closes standard
//! output early (`ferry … | head`) is no failure.

use std::env;
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use ledgerferry::run::Ending;
use serde::Serialize;

use super::args::{Color, Global};

/// A command's JSON document: its content, and how it ended.
#[derive(Serialize)]
struct Document<'a, T> {
    schema_version: u32,
    #[serde(flatten)]
    content: &'a T,
    exit: Ending,
}

/// Where a command speaks.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one flag of the command line or fact of the terminal"
)]
pub(crate) struct Console {
    pub(crate) json: bool,
    quiet: bool,
    asks: bool,
    colour: bool,
    progress: Mutex<Progress>,
}

/// The one progress line there is at a time.
#[derive(Debug)]
struct Progress {
    bar: Option<ProgressBar>,
    on_terminal: bool,
    last_line: Instant,
}

/// Without a terminal, progress is one line in so long at most.
const LINE_EVERY: Duration = Duration::from_mins(1);

impl Console {
    pub(crate) fn new(global: &Global) -> Self {
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env::var_os("TERM").is_some_and(|term| term == "dumb");
        let on_terminal = io::stderr().is_terminal() && env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self {
            json: global.json,
            quiet: global.quiet,
            asks: io::stdin().is_terminal() && !global.no_input,
            colour: match global.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => !plain && io::stdout().is_terminal(),
            },
            progress: Mutex::new(Progress { bar: None, on_terminal, last_line: Instant::now() }),
        }
    }

    /// Whether results on standard output are coloured.
    pub(crate) fn colour(&self) -> bool {
        self.colour
    }

    /// How wide results may be.
    pub(crate) fn width() -> usize {
        let columns = env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        columns.unwrap_or(100usize).clamp(60, 140)
    }

    /// A result, on standard output.
    pub(crate) fn result(&self, text: &str) {
        if !self.json && !self.quiet {
            write_out(text);
        }
    }

    /// A result that `--quiet` must not hide, on standard output.
    pub(crate) fn verdict(&self, text: &str) {
        if !self.json {
            write_out(text);
        }
    }

    /// The one JSON document of a command, on standard output.
    pub(crate) fn document(content: &impl Serialize, exit: Ending) {
        let document = Document { schema_version: 1, content, exit };
        let text = serde_json::to_string_pretty(&document).expect("documents have string keys");
        write_out(&text);
    }

    /// Something worth knowing, on standard error.
    pub(crate) fn note(&self, text: &str) {
        if !self.quiet {
            self.write_err(text);
        }
    }

    /// A failure with its causes, and what to do next.
    pub(crate) fn failure(&self, error: &dyn Error, hint: Option<&str>) {
        let mut text = format!("error: {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            text.extend(["\n  because: ", &error.to_string()]);
            cause = error.source();
        }
        if let Some(hint) = hint {
            text.extend(["\nhint: ", hint]);
        }
        self.write_err(&text);
    }

    /// Asks for a yes. `None` when nobody can be asked.
    pub(crate) fn confirm(&self, question: &str) -> Option<bool> {
        let answer = self.ask(&format!("{question} [y/N] "))?;
        Some(matches!(answer.to_lowercase().as_str(), "y" | "yes"))
    }

    /// Asks for a line of text. `None` when nobody can be asked.
    pub(crate) fn ask(&self, question: &str) -> Option<String> {
        if !self.asks {
            return None;
        }
        self.finish_progress();
        let mut err = io::stderr().lock();
        // A terminal that cannot be written to cannot be asked either.
        write!(err, "{question}").and_then(|()| err.flush()).ok()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).ok()?;
        Some(answer.trim().to_owned())
    }

    /// Moves the progress of `what` to `done` of `total`; without a total it only counts.
    pub(crate) fn progress(&self, what: &str, done: u64, total: Option<u64>) {
        self.draw(what, (done, total), None);
    }

    /// Moves the progress of `what` to `done` of `total`, of which the rest takes about so long.
    pub(crate) fn progress_left(&self, what: &str, (done, total): (u64, u64), left: Option<Duration>) {
        self.draw(what, (done, Some(total)), left);
    }

    fn draw(&self, what: &str, (done, total): (u64, Option<u64>), left: Option<Duration>) {
        if self.quiet {
            return;
        }
        let mut progress = self.progress.lock().expect("no thread panics while it draws");
        let left = left.map(|left| format!("about {} left", HumanDuration(left))).unwrap_or_default();
        if progress.on_terminal {
            let bar = progress.bar.get_or_insert_with(|| new_bar(total));
            bar.set_message(what.to_owned());
            bar.set_prefix(left);
            bar.set_length(total.unwrap_or(done));
            bar.set_position(done);
        } else if progress.last_line.elapsed() >= LINE_EVERY {
            progress.last_line = Instant::now();
            let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
            let left = if left.is_empty() { left } else { format!(", {left}") };
            drop(progress);
            self.write_err(&format!("{what}: {done}{of}{left}"));
        }
    }

    /// Takes the progress line away.
    pub(crate) fn finish_progress(&self) {
        let mut progress = self.progress.lock().expect("no thread panics while it draws");
        if let Some(bar) = progress.bar.take() {
            bar.finish_and_clear();
        }
    }

    fn write_err(&self, text: &str) {
        let write = || {
            // There is nobody to tell when standard error is closed.
            let _ = writeln!(io::stderr().lock(), "{text}");
        };
        let bar = self.progress.lock().expect("no thread panics while it draws").bar.clone();
        match bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }
}

fn new_bar(total: Option<u64>) -> ProgressBar {
    let template = match total {
        Some(_) => "{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {prefix}",
        None => "{msg} {human_pos} {per_sec} {spinner}",
    };
    let style = ProgressStyle::with_template(template).expect("the template is well-formed");
    ProgressBar::with_draw_target(total, ProgressDrawTarget::stderr_with_hz(10)).with_style(style)
}

pub(crate) fn write_out(text: &str) {
    let mut out = io::stdout().lock();
    let end = if text.ends_with('\n') { "" } else { "\n" };
    // A reader that has gone away has what it wanted.
    let _ = write!(out, "{text}{end}").and_then(|()| out.flush());
}
