//! Finds `ferry.toml` upward from the working folder, and the runs of its project.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use ledgerferry::durable::FileError;
use ledgerferry::profile::{Profile, Project};
use ledgerferry::run;

use super::args::Global;
use super::failure::Failure;

/// The name of the project file.
const FILE: &str = "ferry.toml";

/// The project a command works in.
#[derive(Debug)]
pub(crate) struct Place {
    /// The folder of the project file, or else the working folder.
    pub(crate) root: PathBuf,
    file: Option<PathBuf>,
}

impl Place {
    /// A project of its own in `folder`, without a project file.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { root: folder.to_owned(), file: None }
    }

    /// The project of the working folder, or of `--config`.
    pub(crate) fn find(global: &Global) -> Result<Self, Failure> {
        let working = env::current_dir().map_err(|error| FileError::new("find", ".", error))?;
        let file = match &global.config {
            Some(file) => Some(working.join(file)),
            None => working.ancestors().map(|folder| folder.join(FILE)).find(|file| file.is_file()),
        };
        let root = file.as_deref().and_then(Path::parent).map_or(working, Path::to_owned);
        Ok(Self { root, file })
    }

    /// The profile that was asked for, or else the one that a run was planned with.
    pub(crate) fn profile_of(&self, global: &Global, planned: &str) -> Result<Profile, Failure> {
        self.named(global.profile.as_deref().or(Some(planned)))
    }

    /// The profile that was asked for; without a project file, the embedded sandbox.
    pub(crate) fn profile(&self, global: &Global) -> Result<Profile, Failure> {
        self.named(global.profile.as_deref())
    }

    fn named(&self, name: Option<&str>) -> Result<Profile, Failure> {
        let Some(file) = &self.file else {
            return match name {
                None | Some("sandbox") => Ok(Profile::sandbox()),
                Some(name) => Err(Failure::usage(format!(
                    "there is no profile `{name}`: no `{FILE}` was found here or above"
                ))),
            };
        };
        let text = fs::read_to_string(file).map_err(|error| FileError::new("read", file, error))?;
        let project = Project::parse(&file.display().to_string(), &text)?;
        Ok(project.profile(name, &|variable| env::var(variable).ok())?)
    }

    /// Where the project keeps its runs.
    pub(crate) fn runs(&self) -> PathBuf {
        self.root.join(".ferry").join("runs")
    }

    /// Where the embedded sandbox keeps its books.
    pub(crate) fn sandbox_books(&self) -> PathBuf {
        self.root.join(".ferry").join("sandbox.db")
    }

    /// The folder of the run that is named by its name or its folder.
    pub(crate) fn run_folder(&self, run: &Path) -> Result<PathBuf, Failure> {
        let candidates = [run.to_owned(), self.runs().join(run)];
        candidates.into_iter().find(|folder| folder.join("run.ferry").is_file()).ok_or_else(|| {
            Failure::usage(format!("there is no run `{}`; `ferry runs list` shows them", run.display()))
        })
    }

    /// The folders of the run that is named by its name or its folder; of runs that were planned together, both, in the
    /// order in which they are carried out.
    pub(crate) fn chain_folders(&self, run: &Path) -> Result<Vec<PathBuf>, Failure> {
        let chain = |base: &Path| {
            let name = base.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let inside = ["customers", "payments"].map(|part| base.join(part));
            let beside = ["customers", "payments"].map(|part| base.with_file_name(format!("{name}-{part}")));
            [inside, beside]
                .into_iter()
                .find(|parts| parts.iter().all(|part| part.join("run.ferry").is_file()))
        };
        let found = [run.to_owned(), self.runs().join(run)];
        match found.iter().find_map(|base| chain(base)) {
            Some(parts) if found.iter().all(|folder| !folder.join("run.ferry").is_file()) => Ok(parts.into()),
            _ => Ok(vec![self.run_folder(run)?]),
        }
    }

    /// The folders of all runs, newest first.
    pub(crate) fn run_folders(&self) -> Vec<PathBuf> {
        run::run_folders(&self.runs())
    }
}
