//! What a run is called, and where it lives.
//!
//! Promises: of all who look for a name at once, in this process and in others, no two get the same. Who has one
//! and dies before the run is there leaves nothing that looks like a run.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Zoned;

use crate::domain::EntityKind;
use crate::durable::{FileError, create_directory};

/// The folder beside the runs with a file for each name that was given away lately. A run's own folder appears only once
/// its plan is begun, which can be a while after it was named.
const CLAIMS: &str = ".claims";

/// By then the run is there, or never will be; and no clock that is set back an hour comes to the name again.
const CLAIM_LASTS: Duration = Duration::from_hours(24);

/// Whether there is a run of this name, or one of runs that were planned together and share its start.
fn is_taken(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let has_part = |kind: EntityKind| folder.with_file_name(format!("{name}-{}", kind.as_str())).exists();
    folder.exists() || EntityKind::ALL.into_iter().any(has_part)
}

/// The folder for a new run under `runs`, which nobody else gets: named after the moment, so that names sort by time; a
/// number follows when the name is taken. It is not created.
///
/// # Errors
/// When nothing can be written under `runs`.
pub fn new_run_folder(runs: &Path) -> Result<PathBuf, FileError> {
    folder_named(runs, &Zoned::now().strftime("%y%m%d-%H%M%S").to_string())
}

fn folder_named(runs: &Path, moment: &str) -> Result<PathBuf, FileError> {
    let claims = runs.join(CLAIMS);
    create_directory(&claims)?;
    forget_old(&claims);
    let (mut name, mut number) = (moment.to_owned(), 1);
    loop {
        let folder = runs.join(&name);
        // Asked again after the claim: whoever had it may have made its folder since, and its claim be forgotten.
        if !is_taken(&folder) && claim(&claims.join(&name))? && !is_taken(&folder) {
            return Ok(folder);
        }
        number += 1;
        name = format!("{moment}-{number}");
    }
}

/// Takes the name; false when somebody else has it.
fn claim(path: &Path) -> Result<bool, FileError> {
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(_) => Ok(true),
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(cause) => Err(FileError::new("create", path, cause)),
    }
}

/// Takes claims away that are of no use any more.
fn forget_old(claims: &Path) {
    for entry in fs::read_dir(claims).into_iter().flatten().flatten() {
        let age = entry.metadata().and_then(|known| known.modified()).ok().and_then(|at| at.elapsed().ok());
        if age.is_some_and(|age| age > CLAIM_LASTS) {
            // One that stays makes nobody wait.
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs::File;
    use std::sync::Barrier;
    use std::time::SystemTime;

    use super::*;
    use crate::run::run_folders;

    #[test]
    fn a_name_is_given_once_even_within_one_second() {
        let runs = tempfile::tempdir().unwrap();
        let mut taken = Vec::new();
        for part in ["", "-customers", "-dimensions", ""] {
            let folder = folder_named(runs.path(), "261001-120000").unwrap();
            assert!(!taken.contains(&folder));
            fs::create_dir(format!("{}{part}", folder.display())).unwrap();
            taken.push(folder);
        }
        assert_eq!(taken[3].file_name().unwrap(), "261001-120000-4");
    }

    #[test]
    fn of_many_at_once_no_two_get_one_name_and_none_of_them_is_a_run_yet() {
        const THREADS: usize = 24;
        let runs = tempfile::tempdir().unwrap();
        let runs = &runs.path().join(".ferry/runs");
        for round in 0..10 {
            let (moment, start) = (&format!("261001-1200{round:02}"), &Barrier::new(THREADS));
            let name = || {
                start.wait();
                folder_named(runs, moment).unwrap()
            };
            let names: BTreeSet<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(name)).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            assert_eq!(names.len(), THREADS, "{names:?}");
        }
        assert_eq!(run_folders(runs), [""; 0].map(PathBuf::from));
    }

    #[test]
    fn an_old_claim_is_forgotten_and_the_run_that_it_was_for_is_not() {
        let runs = tempfile::tempdir().unwrap();
        let names = [(); 2].map(|()| folder_named(runs.path(), "261001-120000").unwrap());
        fs::create_dir(&names[1]).unwrap();
        for name in &names {
            let claim = File::options()
                .write(true)
                .open(runs.path().join(CLAIMS).join(name.file_name().unwrap()))
                .unwrap();
            claim.set_modified(SystemTime::now() - 2 * CLAIM_LASTS).unwrap();
        }
        // The first never became a run, so that its name is free again.
        let next = [(); 2].map(|()| folder_named(runs.path(), "261001-120000").unwrap());
        assert_eq!(next[0], names[0]);
        assert_eq!(next[1].file_name().unwrap(), "261001-120000-3");
    }
}
