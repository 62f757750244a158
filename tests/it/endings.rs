//! Each way a command can end, with its exit code, and that it can go on from there.

use std::fmt::Write;
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::testbed::{TestBed, sample};

/// A sandbox slow enough that an import of 400 rows is still going on when the test looks at it.
fn slow_bed() -> TestBed {
    let bed = TestBed::with(|options| options.latency = Duration::from_millis(60));
    bed.write_project(", batch = 5");
    let mut file = String::from("Number,Display Name\n");
    for row in 1..=400 {
        writeln!(file, "E{row:05},Ending {row} Ltd.").unwrap();
    }
    bed.write("many.csv", file.as_bytes());
    bed
}

/// Waits until the import into `run` has begun to write.
fn wait_for_delivery(bed: &TestBed) {
    for _ in 0..400 {
        let shown = bed.ferry(&["runs", "show", "run", "--json"]);
        if shown.json()["phase"] == "applying" {
            return;
        }
        sleep(Duration::from_millis(25));
    }
    panic!("the import does not come to writing");
}

const IMPORT: [&str; 7] = ["import", "many.csv", "-p", "local", "--yes", "--out", "run"];

#[cfg(unix)]
#[test]
fn the_first_interruption_drains_and_the_run_can_be_resumed() {
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let bed = slow_bed();
        let before = bed.books();
        let mut child = bed.start(&IMPORT);
        wait_for_delivery(&bed);
        Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        let between = bed.books().customers - before.customers;
        assert!(between < 400, "{signal} came too late to matter");
        let results = bed.read("run/results.csv");
        let done = u64::try_from(results.matches(",done,").count()).unwrap();
        assert_eq!(done, between, "what was in flight was waited for");
        bed.ferry(&["resume", "run", "-p", "local"]).exits(0);
        assert_eq!(bed.books().customers, before.customers + 400);
    }
}

#[test]
fn two_processes_cannot_work_on_one_run() {
    let bed = slow_bed();
    let mut child = bed.start(&IMPORT);
    wait_for_delivery(&bed);
    let second = bed.ferry(&["resume", "run", "-p", "local"]).exits(8);
    assert!(second.stderr().contains("in use by"), "{}", second.stderr());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn wrong_credentials_and_a_target_that_is_not_there_have_endings_of_their_own() {
    let bed = TestBed::new();
    let project = bed.read("ferry.toml");
    bed.write("ferry.toml", project.replace("${env:FERRY_TEST_SECRET}", "wrong").as_bytes());
    let denied = bed.ferry(&["plan", &sample("customers.csv"), "-p", "local"]).exits(6);
    assert!(!denied.stderr().contains("wrong"), "{}", denied.stderr());

    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let gone = format!(
        "version = 1\n[profiles.local]\nsystem = \"business-central\"\nurl = \"http://127.0.0.1:{port}/api/v2.0\"\nauth = {{ kind = \"bearer\", token = \"x\" }}\nlimits = {{ retry_budget = \"1s\" }}\n"
    );
    bed.write("ferry.toml", gone.as_bytes());
    bed.ferry(&["plan", &sample("customers.csv"), "-p", "local"]).exits(7);
}

#[test]
fn too_many_refusals_stop_the_run_and_it_can_be_resumed() {
    let bed = TestBed::new();
    bed.write_project(", batch = 10");
    let mut file = String::from("Number,Display Name,Tax Registration Number,Country\n");
    for row in 1..=100 {
        // The sandbox knows the formats of Danish numbers and refuses this one.
        writeln!(file, "T{row:05},Tax {row} ApS,NOT-A-NUMBER,DK").unwrap();
    }
    bed.write("tax.csv", file.as_bytes());
    let before = bed.books();
    let import = ["import", "tax.csv", "-p", "local", "--yes", "--out", "run", "--max-errors", "30"];
    bed.ferry(&import).exits(5);
    let refused = bed.books().write_requests.refused - before.write_requests.refused;
    assert!((30..100).contains(&refused), "{refused}");
    bed.ferry(&["resume", "run", "-p", "local", "--max-errors", "100%"]).exits(3);
    let results = bed.read("run/results.csv");
    assert_eq!(results.matches(",refused,").count(), 100, "every row is answered for");
    assert!(bed.path().join("run/rejects.csv").is_file());
}

#[test]
fn a_production_company_is_written_to_only_by_its_name() {
    let bed = TestBed::new();
    let project = bed.read("ferry.toml");
    bed.write("ferry.toml", project.replace("system  =", "stage = \"production\"\nsystem  =").as_bytes());
    let file = sample("customers.csv");
    let before = bed.books();
    bed.ferry(&["import", &file, "-p", "local", "--yes"]).exits(4);
    bed.ferry(&["import", &file, "-p", "local", "--yes", "--confirm", "Somebody Else"]).exits(4);
    assert_eq!(bed.books(), before);
    bed.ferry(&["import", &file, "-p", "local", "--confirm", "CRONUS International"]).exits(0);
    assert_eq!(bed.books().customers, before.customers + 12);
}
