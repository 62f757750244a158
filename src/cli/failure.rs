//! Why a command could not go on, how it ends then, and what to do next.

use std::error::Error;

use ledgerferry::Error as Stage;
use ledgerferry::durable::FileError;
use ledgerferry::profile::ProfileError;
use ledgerferry::run::{CompanyError, Ending};
use ledgerferry::sandbox::SandboxError;

use serde_json::value::RawValue;

use super::console::Console;

/// A command's failure: the words, the ending, and a hint where a next step exists.
#[derive(Debug)]
pub(crate) struct Failure {
    error: Box<dyn Error>,
    pub(crate) ending: Ending,
    hint: Option<String>,
    /// The reports on runs that came to their end before.
    runs: Vec<Box<RawValue>>,
}

/// Words of our own where no stage has failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Words(String);

impl Failure {
    /// The command line or the project file is wrong.
    pub(crate) fn usage(words: String) -> Self {
        Self::of(Words(words), Ending::Usage)
    }

    /// This program has a fault.
    pub(crate) fn internal() -> Self {
        Self::of(Words("this is a fault of ferry, not of yours".to_owned()), Ending::Internal)
            .with_hint("the ledger of the run is safe; `ferry resume` goes on where it stopped")
    }

    /// A guard said no.
    pub(crate) fn refused(words: String) -> Self {
        Self::of(Words(words), Ending::Refused)
    }

    /// Somebody asked for an end before anything was written.
    pub(crate) fn stopped(ending: Ending) -> Self {
        Self::of(Words("stopped; nothing was written to the target, and no plan is kept".to_owned()), ending)
    }

    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Puts the reports on runs that came to their end before into the JSON document.
    pub(crate) fn after(mut self, runs: Vec<Box<RawValue>>) -> Self {
        self.runs = runs;
        self
    }

    fn of(error: impl Error + 'static, ending: Ending) -> Self {
        Self { error: Box::new(error), ending, hint: None, runs: Vec::new() }
    }

    /// Prints it, or puts it into the JSON document when that was asked for.
    pub(crate) fn tell(&self, console: &Console) {
        console.failure(self.error.as_ref(), self.hint.as_deref());
        if console.json {
            let mut causes = Vec::new();
            let mut cause = self.error.source();
            while let Some(error) = cause {
                causes.push(error.to_string());
                cause = error.source();
            }
            let hint = self.hint.as_deref();
            let mut content = document(&self.error.to_string(), &causes, hint);
            if !self.runs.is_empty() {
                content["runs"] = serde_json::json!(self.runs);
            }
            Console::document(&content, self.ending);
        }
    }
}

/// What the JSON document of a command that could not go on holds.
pub(crate) fn document(message: &str, causes: &[String], hint: Option<&str>) -> serde_json::Value {
    serde_json::json!({ "error": { "message": message, "causes": causes, "hint": hint } })
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::of(error, Ending::LocalFile)
    }
}

impl From<ProfileError> for Failure {
    fn from(error: ProfileError) -> Self {
        Self::of(error, Ending::Usage)
    }
}

impl From<SandboxError> for Failure {
    fn from(error: SandboxError) -> Self {
        let ending = match &error {
            SandboxError::Fault(_) | SandboxError::Rate(_) | SandboxError::NotBooks(_) => Ending::Usage,
            SandboxError::Listen { .. } | SandboxError::Books { .. } => Ending::LocalFile,
        };
        Self::of(error, ending)
    }
}

impl From<CompanyError> for Failure {
    fn from(error: CompanyError) -> Self {
        Stage::from(error).into()
    }
}

impl From<Stage> for Failure {
    fn from(error: Stage) -> Self {
        let ending = error.ending();
        let hint = error.hint();
        Self { error: Box::new(error), ending, hint, runs: Vec::new() }
    }
}
