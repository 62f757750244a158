//! Finds `ferry.toml` upward from the working folder, and the runs of its project.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use ledgerferry::catalogue::{DIALECTS, Dialect};
use ledgerferry::domain::EntityKind;
use ledgerferry::durable::FileError;
use ledgerferry::ledger::Ledger;
use ledgerferry::profile::{Profile, ProfileError, Project};
use ledgerferry::run::{self, LEDGER};

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

    /// The dialect that files are checked for without a target: that of the profile that was asked for, or else of the
    /// default one, or else the neutral one.
    pub(crate) fn dialect(&self, global: &Global) -> Result<&'static Dialect, Failure> {
        let name = global.profile.as_deref();
        let Some(project) = self.project()? else { return self.named(name).map(|_| DIALECTS[0]) };
        match project.dialect(name) {
            // Nobody was named, and there is none to choose: nothing says that another one is meant.
            Err(ProfileError::Unknown { .. }) if name.is_none() => Ok(DIALECTS[0]),
            known => Ok(known?),
        }
    }

    fn project(&self) -> Result<Option<Project>, Failure> {
        let Some(file) = &self.file else { return Ok(None) };
        let text = fs::read_to_string(file).map_err(|error| FileError::new("read", file, error))?;
        Ok(Some(Project::parse(&file.display().to_string(), &text)?))
    }

    fn named(&self, name: Option<&str>) -> Result<Profile, Failure> {
        let Some(project) = self.project()? else {
            return match name {
                None | Some("sandbox") => Ok(Profile::sandbox()),
                Some(name) => Err(Failure::usage(format!(
                    "there is no profile `{name}`: no `{FILE}` was found here or above"
                ))),
            };
        };
        Ok(project.profile(name, &|variable| env::var(variable).ok())?)
    }

    /// The profile with this name, whatever `--profile` says; the one that was asked for when it is empty.
    pub(crate) fn profile_named(&self, global: &Global, name: &str) -> Result<Profile, Failure> {
        if name.is_empty() { self.profile(global) } else { self.named(Some(name)) }
    }

    /// Where the project keeps its comparisons.
    pub(crate) fn diffs(&self) -> PathBuf {
        self.root.join(".ferry").join("diffs")
    }

    /// Where the project keeps what its credentials have used of their allowances.
    pub(crate) fn pace(&self) -> PathBuf {
        self.root.join(".ferry").join("pace")
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

    /// The folders of the run that is named by its name or its folder; of runs that were planned together, all, in the
    /// order in which they are carried out.
    pub(crate) fn chain_folders(&self, run: &Path) -> Result<Vec<PathBuf>, Failure> {
        let chain = |base: &Path| {
            let name = base.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let inside = EntityKind::ALL.map(|kind| base.join(kind.as_str()));
            let beside = EntityKind::ALL.map(|kind| base.with_file_name(format!("{name}-{}", kind.as_str())));
            [inside, beside].into_iter().map(there).find(|parts| parts.len() > 1)
        };
        let found = [run.to_owned(), self.runs().join(run)];
        match found.iter().find_map(|base| chain(base)) {
            Some(parts) if found.iter().all(|folder| !folder.join("run.ferry").is_file()) => {
                Ok(in_order(parts))
            }
            _ => Ok(vec![self.run_folder(run)?]),
        }
    }

    /// The folders of all runs, newest first.
    pub(crate) fn run_folders(&self) -> Vec<PathBuf> {
        run::run_folders(&self.runs())
    }
}

/// The runs that were planned together with the one in `folder`, and that one, in the order in which they are carried
/// out; only that one when it was planned alone.
pub(crate) fn chain_of(folder: &Path) -> Vec<PathBuf> {
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let stem = EntityKind::ALL.into_iter().find_map(|kind| name.strip_suffix(kind.as_str()));
    let Some(stem) = stem else { return vec![folder.to_owned()] };
    let beside = EntityKind::ALL.map(|kind| folder.with_file_name(format!("{stem}{}", kind.as_str())));
    let parts = there(beside);
    let mut chain = vec![folder.to_owned()];
    // Names alone do not make a chain.
    let next = |chain: &[PathBuf], is_joined: &dyn Fn(&PathBuf) -> bool| {
        parts.iter().find(|part| !chain.contains(part) && is_joined(part)).cloned()
    };
    while let Some(before) = next(&chain, &|part| is_after(&chain[0], part)) {
        chain.insert(0, before);
    }
    while let Some(after) = next(&chain, &|part| chain.last().is_some_and(|last| is_after(part, last))) {
        chain.push(after);
    }
    chain
}

/// Those of the folders that hold a run.
fn there(parts: [PathBuf; 3]) -> Vec<PathBuf> {
    parts.into_iter().filter(|part| part.join(LEDGER).is_file()).collect()
}

/// Runs that are named alike, each after the one that it waits for.
fn in_order(mut parts: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut ordered = Vec::new();
    while !parts.is_empty() {
        let is_free = |part: &PathBuf| !parts.iter().any(|other| is_after(part, other));
        // Runs that wait for each other are in no order; whoever carries them out says so.
        let first = parts.iter().position(is_free).unwrap_or(0);
        ordered.push(parts.remove(first));
    }
    ordered
}

/// Whether the run in `folder` waits for the one in the folder `other` beside it.
fn is_after(folder: &Path, other: &Path) -> bool {
    waits_for(folder).is_some_and(|after| other.file_name().is_some_and(|name| *name == *after))
}

/// The name of the folder beside this run's own of the run that it waits for.
fn waits_for(folder: &Path) -> Option<String> {
    Ledger::open(&folder.join(LEDGER)).and_then(|ledger| ledger.header()).ok()?.after
}
