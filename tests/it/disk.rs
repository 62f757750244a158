//! A disk that takes no more: the run stops with exit code 9, nothing is lost, and it goes on when there is room.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use ledgerferry::domain::Money;

use crate::passage::results;
use crate::testbed::TestBed;

const ROWS: usize = 200;

/// A file of customers that are not in the books yet, and the sum of their credit limits.
fn write_customers(bed: &TestBed) -> Money {
    let mut file = String::from("Number,Display Name,Credit Limit\n");
    for row in 1..=ROWS {
        writeln!(file, "D{row:04},Disk {row} Ltd.,{row}.25").unwrap();
    }
    bed.write("customers.csv", file.as_bytes());
    (1..=ROWS).map(|row| format!("{row}.25").parse::<Money>().unwrap()).sum()
}

/// Every row of the run is done, once, and so the books say.
#[track_caller]
fn assert_delivered_once(bed: &TestBed, before: &ledgerferry::sandbox::Books, credit: Money) {
    assert_eq!(results(&bed.path().join("run")), [("done".to_owned(), ROWS)].into());
    let books = bed.books();
    assert_eq!(books.customers, before.customers + ROWS as u64);
    assert_eq!(books.duplicates.customers, before.duplicates.customers);
    assert_eq!(books.sums.credit_limits, before.sums.credit_limits + credit);
    let totals: serde_json::Value = serde_json::from_str(&bed.read("run/totals.json")).unwrap();
    assert_eq!(totals["reconciled"], true, "{totals}");
}

/// Runs the binary where no file can grow beyond so many bytes. A full disk would say another word for it; the
/// program sees a write that fails either way.
fn ferry_on_small_disk(bed: &TestBed, bytes: u64, arguments: &[&str]) -> (Option<i32>, String) {
    let ferry = bed.command(arguments);
    // The shell counts in blocks of 512 bytes; some count in 1024, which is twice the room.
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$0\" \"$@\"", bytes / 512);
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).arg(ferry.get_program()).args(ferry.get_args());
    for (name, value) in ferry.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let ended = command.current_dir(bed.path()).stdin(Stdio::null()).output().unwrap();
    let said =
        [ended.stdout, ended.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    (ended.status.code(), said)
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_fills_up_in_the_middle_stops_the_run_and_more_room_lets_it_finish() {
    let bed = TestBed::new();
    bed.write_project(", batch = 5");
    let credit = write_customers(&bed);
    let before = bed.books();
    bed.ferry(&["plan", "customers.csv", "-p", "local", "--out", "run"]).exits(0);
    let planned = fs::metadata(bed.path().join("run/run.ferry")).unwrap().len();
    let (code, said) = ferry_on_small_disk(&bed, planned + (64 << 10), &["apply", "run", "--yes"]);
    assert_eq!(code, Some(9), "{said}");
    assert!(said.contains("run.ferry"), "{said}");
    let arrived = bed.books().customers - before.customers;
    assert!(arrived > 0 && arrived < ROWS as u64, "{arrived} rows arrived before the disk was full");
    bed.ferry(&["resume", "run"]).exits(0);
    assert_delivered_once(&bed, &before, credit);
}

#[test]
#[cfg(target_os = "linux")]
fn a_disk_too_small_for_the_plan_ends_the_import_before_anything_is_sent() {
    let bed = TestBed::new();
    let credit = write_customers(&bed);
    let before = bed.books();
    let import = ["import", "customers.csv", "-p", "local", "--yes", "--out", "run"];
    let (code, said) = ferry_on_small_disk(&bed, 16 << 10, &import);
    assert_eq!(code, Some(9), "{said}");
    assert_eq!(bed.books().write_requests, before.write_requests);
    // Nothing is left that would stand in the way.
    assert!(!bed.path().join("run").exists());
    bed.ferry(&import).exits(0);
    assert_delivered_once(&bed, &before, credit);
}

#[test]
fn rows_whose_results_cannot_be_written_are_delivered_and_reported_later() {
    let bed = TestBed::with(|options| options.latency = Duration::from_millis(5));
    bed.write_project(", batch = 1, in_flight = 1");
    let credit = write_customers(&bed);
    let before = bed.books();
    let results = bed.path().join("run/results.csv");
    let mut child = bed.start(&["import", "customers.csv", "-p", "local", "--yes", "--out", "run"]);
    while bed.books().customers == before.customers {
        assert_eq!(child.try_wait().unwrap(), None);
        sleep(Duration::from_millis(2));
    }
    // A folder that is not empty is in the place of the file: nobody can put the file there, not even root.
    drop(fs::remove_file(&results));
    fs::create_dir_all(results.join("in-the-way")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(9));
    assert_eq!(bed.books().customers, before.customers + ROWS as u64);
    fs::remove_dir_all(&results).unwrap();
    bed.ferry(&["resume", "run"]).exits(0);
    assert_delivered_once(&bed, &before, credit);
}

/// Lets nobody write in a folder until it is dropped.
struct ReadOnly<'a> {
    folder: &'a Path,
    undo: fn(&Path),
}

impl<'a> ReadOnly<'a> {
    /// Takes the right to write away; where that binds nobody, as with root, a folder stands in for the lock's file.
    fn new(folder: &'a Path) -> Self {
        let mut permissions = fs::metadata(folder).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(folder, permissions).unwrap();
        if fs::create_dir(folder.join("probe")).is_err() {
            return Self { folder, undo: give_back };
        }
        fs::remove_dir(folder.join("probe")).unwrap();
        give_back(folder);
        drop(fs::remove_file(folder.join("run.lock")));
        fs::create_dir(folder.join("run.lock")).unwrap();
        Self { folder, undo: |folder| fs::remove_dir(folder.join("run.lock")).unwrap() }
    }
}

fn give_back(folder: &Path) {
    let mut permissions = fs::metadata(folder).unwrap().permissions();
    #[expect(clippy::permissions_set_readonly_false, reason = "the folder is in a private temporary folder")]
    permissions.set_readonly(false);
    fs::set_permissions(folder, permissions).unwrap();
}

impl Drop for ReadOnly<'_> {
    fn drop(&mut self) {
        (self.undo)(self.folder);
    }
}

#[test]
fn a_run_folder_that_takes_no_writing_ends_with_code_9_and_the_run_can_go_on() {
    let bed = TestBed::new();
    let credit = write_customers(&bed);
    let before = bed.books();
    bed.ferry(&["plan", "customers.csv", "-p", "local", "--out", "run"]).exits(0);
    let folder = bed.path().join("run");
    let read_only = ReadOnly::new(&folder);
    bed.ferry(&["apply", "run", "--yes"]).exits(9);
    assert_eq!(bed.books().write_requests, before.write_requests);
    drop(read_only);
    bed.ferry(&["apply", "run", "--yes"]).exits(0);
    assert_delivered_once(&bed, &before, credit);
}
