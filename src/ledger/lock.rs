//! The lock that keeps two processes from writing one run.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::LedgerError;
use crate::durable::FileError;

/// Who holds a run, for the message that another process prints.
#[derive(Debug, Serialize, Deserialize)]
struct Owner {
    pid: u32,
    host: String,
    started: String,
}

/// The exclusive right to write one run, until it is dropped or the process ends, however it ends.
///
/// The operating system holds the lock, so a dead owner's lock is free at once and nothing has to be guessed
/// from process ids. The owner's name in the file is for people only.
#[derive(Debug)]
pub struct RunLock {
    _file: File,
}

impl RunLock {
    /// Takes the lock in `folder`, waiting for no more than a moment.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] when another process has it, [`LedgerError::File`] when the lock file cannot be
    /// opened or written.
    pub fn acquire(folder: &Path) -> Result<Self, LedgerError> {
        let path = folder.join("run.lock");
        let failed = |action, source| FileError::new(action, &path, source);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|source| failed("open", source))?;
        match try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(locked(path, &mut file)),
            Err(TryLockError::Error(source)) => return Err(failed("lock", source).into()),
        }
        write_owner(&mut file).map_err(|source| failed("write", source))?;
        Ok(Self { _file: file })
    }
}

/// A process that has just ended, or a child that was just started and has not closed what it inherited, may hold the
/// lock for a moment longer.
fn try_lock(file: &File) -> Result<(), TryLockError> {
    for _ in 0..10 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => std::thread::sleep(std::time::Duration::from_millis(20)),
            outcome => return outcome,
        }
    }
    file.try_lock()
}

fn write_owner(file: &mut File) -> std::io::Result<()> {
    let owner = Owner { pid: std::process::id(), host: host(), started: jiff::Timestamp::now().to_string() };
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    serde_json::to_writer(&mut *file, &owner)?;
    file.flush()
}

/// Where the operating system keeps others from reading a locked file, the owner stays unknown.
fn locked(path: PathBuf, file: &mut File) -> LedgerError {
    let mut text = String::new();
    let owner = match file.read_to_string(&mut text).ok().and_then(|_| serde_json::from_str(&text).ok()) {
        Some(Owner { pid, host, started }) => format!("process {pid} on `{host}` since {started}"),
        None => "another process".to_owned(),
    };
    LedgerError::Locked { path, owner }
}

fn host() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| std::env::var("COMPUTERNAME").or_else(|_| std::env::var("HOSTNAME")).ok())
        .map_or_else(|| "this machine".to_owned(), |name| name.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_told_who_the_first_one_is() {
        let folder = tempfile::tempdir().unwrap();
        let _first = RunLock::acquire(folder.path()).unwrap();
        let refused = RunLock::acquire(folder.path()).unwrap_err().to_string();
        if cfg!(unix) {
            assert!(refused.contains(&format!("process {}", std::process::id())), "{refused}");
        }
        assert!(refused.contains("is in use by"), "{refused}");
    }

    #[test]
    fn a_lock_whose_owner_is_gone_is_taken_over() {
        let folder = tempfile::tempdir().unwrap();
        drop(RunLock::acquire(folder.path()).unwrap());
        RunLock::acquire(folder.path()).unwrap();
    }
}
