//! `OData` client libraries that nobody here wrote exercise the Business Central sandbox in each version of the API.
//!
//! Two libraries in pinned versions (`judges/package-lock.json`) are installed under `target/` when they are not
//! there yet; this needs node, npm and a package registry once. Where that is missing, the tests say so on standard
//! error and judge nothing, unless `FERRY_JUDGES=required` is set: then they fail.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use ledgerferry::sandbox::{Dialect, Sandbox, SandboxOptions, read_books};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What the judges must have found in order, in every version.
const CHECKS: [&str; 9] = [
    "metadata",
    "paging",
    "filter",
    "create",
    "update with entity tag",
    "delete",
    "count and filter of the second library",
    "batch",
    "entities of the second library",
];

#[test]
fn libraries_of_others_read_and_write_api_v2() {
    judge(Dialect::V2, false);
}

#[test]
fn libraries_of_others_read_and_write_api_v1() {
    judge(Dialect::V1, false);
}

#[test]
fn libraries_of_others_read_and_write_api_beta() {
    judge(Dialect::Beta, false);
}

#[test]
fn libraries_of_others_read_and_write_strict_behaviour() {
    for dialect in Dialect::ALL {
        judge(dialect, true);
    }
}

fn judge(dialect: Dialect, strict: bool) {
    let Some(libraries) = libraries() else { return };
    let folder = TempDir::with_prefix("ferry-judges-").unwrap();
    let books = folder.path().join("books.db");
    let options = SandboxOptions { books: books.clone(), strict, ..SandboxOptions::default() };
    let runtime = Runtime::new().unwrap();
    let sandbox = runtime.block_on(Sandbox::start(options)).unwrap();
    let welcome = serde_json::to_string(sandbox.welcome()).unwrap();
    let output =
        Command::new("node").arg(libraries.join("judge.cjs")).args([&welcome, dialect.name()]).output();
    let output = output.unwrap();
    runtime.block_on(sandbox.stop());
    let checks = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{dialect}: held:\n{checks}\nthen {}", said(&output));
    assert_eq!(checks.lines().collect::<Vec<_>>(), CHECKS, "{dialect}");
    // The first library's customer is gone again, that of the second one's batch stays.
    let books = read_books(&books).unwrap();
    assert_eq!(books.customers, 13);
    assert_eq!((books.write_requests.carried_out, books.write_requests.refused), (4, 4));
}

/// The folder with the judges, installed once for all tests; nothing where that cannot be done.
fn libraries() -> Option<&'static Path> {
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| match install() {
        Ok(folder) => Some(folder),
        Err(cause) => {
            let is_required = std::env::var("FERRY_JUDGES").is_ok_and(|value| value == "required");
            assert!(!is_required, "the judges must run: {cause}");
            // Past the harness, which hides what passing tests print.
            let _ = writeln!(
                io::stderr(),
                "\nNOT JUDGED: the sandbox was shown to no other OData library: {cause}"
            );
            None
        }
    });
    folder.as_deref()
}

/// Installs what the lock file says next to the build's results, unless exactly that is there.
fn install() -> Result<PathBuf, String> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/judges");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("judges");
    let failed = |cause: io::Error| cause.to_string();
    fs::create_dir_all(&folder).map_err(failed)?;
    let done = folder.join("installed.json");
    let lock = fs::read(sources.join("package-lock.json")).map_err(failed)?;
    let is_there = fs::read(&done).is_ok_and(|installed| installed == lock);
    for name in ["package.json", "package-lock.json", "judge.cjs"] {
        fs::copy(sources.join(name), folder.join(name)).map_err(failed)?;
    }
    run(Command::new("node").arg("--version"))?;
    if !is_there {
        let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
        run(Command::new("npm").args(arguments).current_dir(&folder))?;
        fs::copy(sources.join("package-lock.json"), done).map_err(failed)?;
    }
    Ok(folder)
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|cause| format!("{}: {cause}", command.get_program().display()))?;
    if output.status.success() { Ok(()) } else { Err(said(&output)) }
}

fn said(output: &Output) -> String {
    format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr))
}
