//! What a run is called, and where it lives.

use std::path::{Path, PathBuf};

use jiff::Zoned;

/// The folder for a new run under `runs`: named after the moment, so that names sort by time; a number follows
/// when the name is taken.
#[must_use]
pub fn new_run_folder(runs: &Path) -> PathBuf {
    let moment = Zoned::now().strftime("%y%m%d-%H%M%S").to_string();
    let mut folder = runs.join(&moment);
    let mut number = 1;
    while folder.exists() {
        number += 1;
        folder = runs.join(format!("{moment}-{number}"));
    }
    folder
}
