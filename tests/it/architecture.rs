//! Who may import whom: the arrows of the architecture, kept as data.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Stage, and the stages of this crate it may name. `cli` is the binary's and may name everything.
const ARROWS: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("catalogue", &["domain"]),
    ("mapping", &["domain", "catalogue"]),
    ("validation", &["domain", "catalogue", "mapping"]),
    ("connector", &["domain", "catalogue"]),
    // What the server treats as equal is the dialect's to say.
    ("plan", &["domain", "catalogue", "connector"]),
    ("durable", &["domain"]),
    ("source", &["domain", "durable"]),
    ("ledger", &["domain", "durable"]),
    ("pace", &["durable"]),
    ("transport", &["domain", "durable", "pace"]),
    ("delivery", &["domain", "catalogue", "connector", "durable", "ledger", "pace", "plan", "transport"]),
    ("export", &["domain", "catalogue", "connector", "durable", "transport"]),
    ("report", &["domain", "catalogue", "durable"]),
    ("profile", &["catalogue", "delivery", "transport"]),
    (
        "run",
        &[
            "catalogue",
            "connector",
            "delivery",
            "domain",
            "durable",
            "export",
            "ledger",
            "mapping",
            "pace",
            "plan",
            "profile",
            "report",
            "source",
            "transport",
            "validation",
        ],
    ),
    ("sandbox", &["domain"]),
];

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The stages that a file names by `crate::STAGE`, its own tests left out.
fn imports(text: &str) -> BTreeSet<&str> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines
        .flat_map(|line| line.split("crate::").skip(1))
        .map(|rest| {
            rest.split(|character: char| !character.is_alphanumeric() && character != '_').next().unwrap()
        })
        .filter(|stage| !stage.is_empty())
        .collect()
}

#[test]
fn every_stage_imports_only_what_the_arrows_allow() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let mut broken = Vec::new();
    for path in files {
        let inside = path.strip_prefix(&source).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let stage = first.trim_end_matches(".rs");
        if matches!(stage, "lib" | "main" | "cli") {
            continue;
        }
        let allowed = ARROWS.iter().find(|(name, _)| *name == stage);
        let Some((_, allowed)) = allowed else {
            broken.push(format!("`{stage}` has no arrows"));
            continue;
        };
        let text = fs::read_to_string(&path).unwrap();
        for import in imports(&text) {
            if import != stage && !allowed.contains(&import) {
                broken.push(format!("`{}` imports `{import}`", inside.display()));
            }
        }
    }
    assert_eq!(broken, Vec::<String>::new());
}

#[test]
fn the_sandbox_shares_money_with_the_client_and_nothing_else() {
    let mut files = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sandbox"), &mut files);
    for path in files {
        let text = fs::read_to_string(&path).unwrap();
        for line in text.lines().filter(|line| line.contains("crate::domain")) {
            assert!(line.contains("crate::domain::money"), "{}: {line}", path.display());
        }
    }
}
