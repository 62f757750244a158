//! Where an export goes, and in which format.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::durable::{FileError, PendingFile, create_directory};

use super::ExportError;

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, as RFC 4180 has them, in UTF-8.
    Csv,
    /// An Excel workbook.
    Xlsx,
    /// One JSON object per line.
    Jsonl,
}

/// Where the rows go.
pub enum Output {
    /// To this file; its manifest stands beside it.
    File(PathBuf),
    /// Into this folder, which is created if need be.
    Folder(PathBuf),
    /// To a stream, such as standard output: no manifest, and nothing is taken back when the export fails.
    Stream(Box<dyn Write + Send>),
}

/// What an export is to be written to, once it is clear that it can be.
pub(crate) struct Target {
    /// The data's file name, or `-`.
    pub(crate) name: String,
    /// Where the manifest goes; `None` for a stream.
    pub(crate) manifest: Option<PathBuf>,
    /// What takes the bytes.
    pub(crate) sink: Sink,
}

/// What takes the bytes of an export.
pub(crate) enum Sink {
    /// A file that is published at the end.
    File(PendingFile),
    /// A stream.
    Stream(Box<dyn Write + Send>),
}

/// A sink that counts and hashes what goes into it.
pub(crate) struct Measured {
    sink: Sink,
    hash: Sha256,
    bytes: u64,
}

/// A complete sink, and what is in it.
pub(crate) struct Sealed {
    /// What took the bytes; a file in it is still to be published.
    pub(crate) sink: Sink,
    /// How many they are.
    pub(crate) bytes: u64,
    /// Their SHA-256, in lower-case hexadecimal digits.
    pub(crate) sha256: String,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Xlsx, Self::Jsonl];

    /// The word for it, which is also its file extension.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
            Self::Jsonl => "jsonl",
        }
    }

    /// The format with this word or file extension, in any letter case.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let word = word.to_ascii_lowercase();
        if word == "ndjson" {
            return Some(Self::Jsonl);
        }
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }
}

impl Output {
    /// The output that the user means by `path`: a folder if one is there or if the path ends like one.
    #[must_use]
    pub fn from_path(path: &str) -> Self {
        let ends_as_folder = path.ends_with(std::path::is_separator);
        if ends_as_folder || Path::new(path).is_dir() {
            Self::Folder(path.into())
        } else {
            Self::File(path.into())
        }
    }

    /// The format to write: the one asked for, else the one the file's name tells, else CSV where there is no
    /// name.
    pub fn format(&self, asked: Option<Format>) -> Result<Format, ExportError> {
        match (asked, self) {
            (Some(format), _) => Ok(format),
            (None, Self::Folder(_) | Self::Stream(_)) => Ok(Format::Csv),
            (None, Self::File(path)) => path
                .extension()
                .and_then(|extension| Format::from_word(extension.to_str()?))
                .ok_or_else(|| ExportError::UnknownFormat(path.display().to_string())),
        }
    }

    /// Makes ready to write. `entity` names the file inside a folder.
    pub(crate) fn open(self, entity: &str, format: Format) -> Result<Target, FileError> {
        let (path, manifest) = match self {
            Self::Stream(stream) => {
                return Ok(Target { name: "-".to_owned(), manifest: None, sink: Sink::Stream(stream) });
            }
            Self::File(path) => {
                create_directory(path.parent().unwrap_or(Path::new("")))?;
                // The whole name, so that `ar.csv` and `ar.xlsx` each keep their own.
                let mut manifest = path.clone().into_os_string();
                manifest.push(".manifest.json");
                let manifest = PathBuf::from(manifest);
                (path, manifest)
            }
            Self::Folder(folder) => {
                create_directory(&folder)?;
                (folder.join(format!("{entity}.{}", format.as_str())), folder.join("manifest.json"))
            }
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Target { name, manifest: Some(manifest), sink: Sink::File(PendingFile::create(path)?) })
    }
}

impl fmt::Debug for Output {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => formatter.debug_tuple("File").field(path).finish(),
            Self::Folder(path) => formatter.debug_tuple("Folder").field(path).finish(),
            Self::Stream(_) => formatter.write_str("Stream"),
        }
    }
}

impl Sink {
    /// The folder that scratch files belong in: the one on whose disk the result will stand.
    pub(crate) fn scratch(&self) -> PathBuf {
        match self {
            Self::File(file) => match file.path().parent() {
                Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
                _ => PathBuf::from("."),
            },
            Self::Stream(_) => std::env::temp_dir(),
        }
    }
}

impl Measured {
    pub(crate) fn new(sink: Sink) -> Self {
        Self { sink, hash: Sha256::new(), bytes: 0 }
    }

    pub(crate) fn sink(&self) -> &Sink {
        &self.sink
    }

    pub(crate) fn seal(mut self) -> io::Result<Sealed> {
        self.flush()?;
        let digest = self.hash.finalize();
        let sha256 = digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            fmt::Write::write_fmt(&mut text, format_args!("{byte:02x}")).expect("a String takes everything");
            text
        });
        Ok(Sealed { sink: self.sink, bytes: self.bytes, sha256 })
    }
}

impl Write for Measured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.sink {
            Sink::File(file) => file.write(bytes)?,
            Sink::Stream(stream) => stream.write(bytes)?,
        };
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::File(file) => file.flush(),
            Sink::Stream(stream) => stream.flush(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_format_unless_one_is_asked_for() {
        let format = |path: &str, asked| Output::from_path(path).format(asked);
        assert_eq!(format("a.CSV", None).unwrap(), Format::Csv);
        assert_eq!(format("a/b.ndjson", None).unwrap(), Format::Jsonl);
        assert_eq!(format("new-folder/", None).unwrap(), Format::Csv);
        assert_eq!(format("a.csv", Some(Format::Xlsx)).unwrap(), Format::Xlsx);
        assert_eq!(
            format("a.txt", None).unwrap_err().to_string(),
            "`a.txt` tells no format: csv, xlsx and jsonl can be written"
        );
    }

    #[test]
    fn the_manifest_stands_beside_the_data() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let target = Output::File(path("deep/ar.xlsx")).open("customers", Format::Xlsx).unwrap();
        assert_eq!(
            (target.name.as_str(), target.manifest),
            ("ar.xlsx", Some(path("deep/ar.xlsx.manifest.json")))
        );
        let target = Output::Folder(path("set")).open("customers", Format::Jsonl).unwrap();
        assert_eq!(
            (target.name.as_str(), target.manifest),
            ("customers.jsonl", Some(path("set/manifest.json")))
        );
    }

    #[test]
    fn what_goes_through_is_counted_and_hashed() {
        let mut measured = Measured::new(Sink::Stream(Box::new(io::sink())));
        measured.write_all(b"ab").unwrap();
        measured.write_all(b"c").unwrap();
        let sealed = measured.seal().unwrap();
        assert_eq!(sealed.bytes, 3);
        assert_eq!(sealed.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
