//! Files that are published whole or not at all.
//!
//! In: bytes for a path. Out: the file at that path, or an error that names it.
//!
//! Promises: readers see the old file or the new one, never a part of one; what was published survives a power
//! cut; a file that was not published leaves nothing behind. A set of files is published in the order given,
//! and only after all of it is safely on disk, so the last one (a manifest) vouches for the others.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use tempfile::NamedTempFile;

/// How much is gathered before a write reaches the system: large enough that the calls cost nothing measurable.
const BUFFER_BYTES: usize = 256 * 1024;

/// How much is written before it starts on its way to the disk, so that little is left to wait for at the end.
///
/// Small files never get there. `benches/export.rs` shows what it is worth.
const BACKLOG_BYTES: usize = 16 * 1024 * 1024;

/// A file operation the system refused; `source` says why, so the message does not repeat it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{path}`", path = path.display())]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// The refusal of `action` (a verb: `read`, `create`) on `path`.
    #[must_use]
    pub fn new(action: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self { action, path: path.into(), source }
    }

    /// The file or folder in question.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The kind of the system's refusal.
    #[must_use]
    pub fn kind(&self) -> io::ErrorKind {
        self.source.kind()
    }
}

/// A file being written under a temporary name beside its final one; dropped unpublished, it disappears.
///
/// Writes are buffered.
#[derive(Debug)]
pub struct PendingFile {
    path: PathBuf,
    writer: BufWriter<NamedTempFile>,
    /// Bytes since the last early sync began.
    backlog: usize,
    /// The early sync under way. Its outcome counts: the system reports a failed write to one sync only.
    early_sync: Option<JoinHandle<io::Result<()>>>,
}

impl PendingFile {
    /// Starts the file that will stand at `path`; its folder must exist.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, FileError> {
        let path = path.into();
        let mut name = OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(".");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&name).suffix(".partial");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        match builder.tempfile_in(folder_of(&path)) {
            Ok(file) => Ok(Self {
                writer: BufWriter::with_capacity(BUFFER_BYTES, file),
                path,
                backlog: 0,
                early_sync: None,
            }),
            Err(cause) => Err(FileError::new("create", path, cause)),
        }
    }

    /// Where the file will stand.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The error for a failed write to this file.
    #[must_use]
    pub fn error(&self, cause: io::Error) -> FileError {
        FileError::new("write", &self.path, cause)
    }

    /// Hands everything written so far to `reader`, from the first byte.
    pub fn read_back<T>(
        &mut self,
        reader: impl FnOnce(&mut dyn Read) -> io::Result<T>,
    ) -> Result<T, FileError> {
        let outcome = self.seek(SeekFrom::Start(0)).and_then(|_| reader(self.writer.get_mut()));
        let back_at_end = self.seek(SeekFrom::End(0));
        outcome
            .and_then(|value| back_at_end.map(|_| value))
            .map_err(|cause| FileError::new("read", &self.path, cause))
    }

    /// Puts the file in its place, replacing what stood there.
    pub fn publish(self) -> Result<(), FileError> {
        publish_all([self])
    }

    /// Starts to bring what is written to the disk, without waiting for it, unless that is still going on.
    fn sync_early(&mut self) -> io::Result<()> {
        if self.early_sync.as_ref().is_some_and(|sync| !sync.is_finished()) {
            return Ok(());
        }
        self.finish_early_sync()?;
        self.backlog = 0;
        let file = self.writer.get_ref().as_file().try_clone()?;
        self.early_sync =
            Some(thread::Builder::new().name("early sync".to_owned()).spawn(move || file.sync_data())?);
        Ok(())
    }

    fn finish_early_sync(&mut self) -> io::Result<()> {
        match self.early_sync.take() {
            Some(sync) => sync.join().expect("syncing does not panic"),
            None => Ok(()),
        }
    }

    fn sync(mut self) -> Result<(PathBuf, NamedTempFile), FileError> {
        let synced = self
            .finish_early_sync()
            .and_then(|()| self.writer.flush())
            .and_then(|()| self.writer.get_ref().as_file().sync_all());
        if let Err(cause) = synced {
            return Err(FileError::new("write", self.path, cause));
        }
        match self.writer.into_inner() {
            Ok(file) => Ok((self.path, file)),
            Err(unflushed) => Err(FileError::new("write", self.path, unflushed.into_error())),
        }
    }
}

impl Write for PendingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.backlog += written;
        if self.backlog >= BACKLOG_BYTES {
            self.sync_early()?;
        }
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Seek for PendingFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.writer.seek(position)
    }
}

/// Puts several files in their places, in this order, once all of them are on disk.
///
/// When writing any of them out fails, none is published.
pub fn publish_all(files: impl IntoIterator<Item = PendingFile>) -> Result<(), FileError> {
    let synced: Vec<_> = files.into_iter().map(PendingFile::sync).collect::<Result<_, _>>()?;
    for (path, file) in synced {
        file.persist(&path).map_err(|refused| FileError::new("replace", &path, refused.error))?;
        sync_directory(folder_of(&path))?;
    }
    Ok(())
}

/// Publishes at `path` what `write` writes; nothing changes there when it fails.
pub fn publish<E: From<FileError>>(
    path: impl Into<PathBuf>,
    write: impl FnOnce(&mut PendingFile) -> Result<(), E>,
) -> Result<(), E> {
    let mut file = PendingFile::create(path)?;
    write(&mut file)?;
    Ok(file.publish()?)
}

/// Publishes these bytes at `path`.
pub fn publish_bytes(path: impl Into<PathBuf>, bytes: &[u8]) -> Result<(), FileError> {
    publish(path, |file| file.write_all(bytes).map_err(|cause| file.error(cause)))
}

/// Creates the folder, and those above it that are missing, durably; an existing folder is fine.
pub fn create_directory(path: &Path) -> Result<(), FileError> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        create_directory(above)?;
    }
    match fs::create_dir(path) {
        Err(cause) if cause.kind() != io::ErrorKind::AlreadyExists || !path.is_dir() => {
            Err(FileError::new("create", path, cause))
        }
        _ => sync_directory(folder_of(path)),
    }
}

/// Makes the names in a folder durable; systems that cannot open a folder keep them durable by themselves.
pub fn sync_directory(path: &Path) -> Result<(), FileError> {
    if cfg!(unix) {
        File::open(path)
            .and_then(|folder| folder.sync_all())
            .map_err(|cause| FileError::new("sync", path, cause))?;
    }
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_published_file_replaces_the_old_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        publish_bytes(&path, b"old").unwrap();
        publish_bytes(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_failed_write_keeps_the_old_file_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        publish_bytes(&path, b"old").unwrap();
        let refused = publish(&path, |file| {
            file.write_all(b"half").unwrap();
            Err(file.error(io::Error::other("disk full")))
        });
        assert_eq!(refused.unwrap_err().to_string(), format!("cannot write `{}`", path.display()));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn nothing_is_visible_before_all_of_a_set_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = PendingFile::create(folder.path().join("1")).unwrap();
        let second = PendingFile::create(folder.path().join("2")).unwrap();
        first.write_all(b"x").unwrap();
        assert!(!folder.path().join("1").exists());
        publish_all([first, second]).unwrap();
        assert_eq!(names(folder.path()), ["1", "2"]);
    }

    #[test]
    fn what_was_written_can_be_read_back_before_it_is_published() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let mut file = PendingFile::create(&path).unwrap();
        file.write_all(b"abc").unwrap();
        let length = file.read_back(|reader| io::copy(reader, &mut io::sink())).unwrap();
        file.write_all(b"d").unwrap();
        file.publish().unwrap();
        assert_eq!((length, fs::read(&path).unwrap().as_slice()), (3, b"abcd".as_slice()));
    }

    #[test]
    fn a_large_file_is_whole_although_it_was_synced_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        let part: Vec<u8> = (0..=255).cycle().take(BACKLOG_BYTES / 3).collect();
        let mut file = PendingFile::create(&path).unwrap();
        for _ in 0..8 {
            file.write_all(&part).unwrap();
        }
        assert!(file.early_sync.is_some());
        file.publish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), part.repeat(8));
    }

    #[test]
    fn folders_are_created_all_the_way_down() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b/c");
        create_directory(&deep).unwrap();
        create_directory(&deep).unwrap();
        assert!(deep.is_dir());
        publish_bytes(folder.path().join("file"), b"").unwrap();
        assert!(create_directory(&folder.path().join("file")).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn published_files_can_be_read_by_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        publish_bytes(&path, b"").unwrap();
        File::create(folder.path().join("b")).unwrap();
        let modes =
            ["a", "b"].map(|name| fs::metadata(folder.path().join(name)).unwrap().permissions().mode());
        assert_eq!(modes[0], modes[1]);
    }
}
