//! What a run is called, and where it lives.

use std::path::{Path, PathBuf};

use jiff::Zoned;

/// Whether there is a run of this name, or one of runs that were planned together and share its start.
fn is_taken(folder: &Path) -> bool {
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let part = |kind| folder.with_file_name(format!("{name}-{kind}")).exists();
    folder.exists() || part("customers") || part("payments")
}

/// The folder for a new run under `runs`: named after the moment, so that names sort by time; a number follows
/// when the name is taken.
#[must_use]
pub fn new_run_folder(runs: &Path) -> PathBuf {
    let moment = Zoned::now().strftime("%y%m%d-%H%M%S").to_string();
    let mut folder = runs.join(&moment);
    let mut number = 1;
    while is_taken(&folder) {
        number += 1;
        folder = runs.join(format!("{moment}-{number}"));
    }
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_once_even_within_one_second() {
        let runs = tempfile::tempdir().unwrap();
        let mut taken = Vec::new();
        for part in ["", "-customers", ""] {
            let folder = new_run_folder(runs.path());
            assert!(!taken.contains(&folder));
            std::fs::create_dir(format!("{}{part}", folder.display())).unwrap();
            taken.push(folder);
        }
    }
}
