//! The long run: customers, then the payments they made, through all faults at once and many `kill -9`.
//!
//! `cargo bench --bench long_run -- --customers 20000 --payments 20000 --kills 50 --seed 7`
//!
//! Everything is the real program: a sandbox that misbehaves, imports that are killed and resumed until they are done.
//! Then the books are read back, record by record, and compared with the files. Without options the run is small.
//! `--faults none` leaves the kills as the only trouble, so that every request beyond the rows is theirs.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use ledgerferry::domain::{Money, State};
use ledgerferry::ledger::{Filter, Ledger, LedgerError};
use ledgerferry::sandbox::{Books, Sandbox, SandboxOptions, read_books};
use ledgerferry::transport::{ApiRequest, Credential, PlainHttp, Transport, TransportOptions};
use serde_json::Value;
use tempfile::TempDir;

#[path = "../tests/it/draw.rs"]
mod draw;

use draw::Draw;

/// Every kind of fault, as shares of the requests.
const FAULTS: &str =
    "lost=0.03,reset=0.02,torn=0.02,429=0.03,503=0.02,504=0.03,slow=0.03,etag=0.02,stall=0.002";

/// What to do, from the command line.
struct Options {
    customers: u64,
    payments: u64,
    kills: u64,
    batch: u64,
    seed: u64,
    faults: String,
}

fn options() -> Options {
    let mut options =
        Options { customers: 600, payments: 600, kills: 8, batch: 20, seed: 7, faults: FAULTS.to_owned() };
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    while let Some(name) = arguments.next() {
        let value = arguments.next().unwrap_or_else(|| panic!("`{name}` needs a value"));
        let number = || value.parse().unwrap_or_else(|_| panic!("`{name}` needs a number, not `{value}`"));
        match name.as_str() {
            "--customers" => options.customers = number(),
            "--payments" => options.payments = number(),
            "--kills" => options.kills = number(),
            "--batch" => options.batch = number(),
            "--seed" => options.seed = number(),
            "--faults" if value == "none" => options.faults.clear(),
            "--faults" => options.faults = value,
            _ => panic!("`{name}` is unknown: --customers, --payments, --kills, --batch, --seed, --faults"),
        }
    }
    options
}

/// Records by what they are known by.
type Records = BTreeMap<String, Vec<String>>;

/// The sandbox as a process of its own; it ends with this.
struct Server {
    child: Child,
    welcome: Value,
}

impl Server {
    fn start(folder: &Path, faults: &str) -> Self {
        let mut child = ferry(folder, &["sandbox", "start", "--books", "books.db", "--faults", faults])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut line = String::new();
        let output = child.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).expect("the sandbox says where it is");
        let welcome = serde_json::from_str(&line).expect("it says so in JSON");
        Self { child, welcome }
    }

    fn says(&self, name: &str) -> &str {
        self.welcome[name].as_str().expect("the welcome names it")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have gone already; either way it is gone now.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn ferry(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferry"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null());
    for name in ["FERRY_PROFILE", "FERRY_CONFIG"] {
        command.env_remove(name);
    }
    command.stderr(Stdio::null());
    command
}

fn write(path: &Path, text: &str) {
    let written = File::create(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.expect("the folder takes files");
}

fn write_project(folder: &Path, server: &Server, batch: u64) {
    let [url, company, token_url] = ["url", "company", "token_url"].map(|name| server.says(name));
    let [id, secret, scope] = ["client_id", "client_secret", "scope"].map(|name| server.says(name));
    let project = format!(
        r#"version = 1
[profiles.local]
system  = "business-central"
url     = "{url}"
company = "{company}"
auth    = {{ kind = "client-credentials", token_url = "{token_url}", client_id = "{id}", client_secret = "{secret}", scope = "{scope}" }}
limits  = {{ rate = "100000/s", settle = "1s", deadline = "5s", retry_budget = "10m", batch = {batch} }}
"#
    );
    write(&folder.join("ferry.toml"), &project);
}

/// Writes the customers; every twentieth has no number of its own, every third pays in euro.
fn write_customers(folder: &Path, rows: u64) -> Records {
    let mut text = String::from("Number,Display Name,City,Credit Limit,Currency Code\n");
    let mut records = Records::new();
    for row in 1..=rows {
        let number = if row.is_multiple_of(20) { String::new() } else { format!("L{row:06}") };
        let currency = if row.is_multiple_of(3) { "EUR" } else { "USD" };
        let (name, credit) = (format!("Long Run {row} Ltd."), format!("{row}.25"));
        // The local currency is not said in a file.
        let said = if currency == "USD" { "" } else { currency };
        writeln!(text, "{number},{name},Ulm,{credit},{said}").expect("a string takes all");
        records.insert(name, vec![number, "Ulm".to_owned(), credit, currency.to_owned()]);
    }
    write(&folder.join("customers.csv"), &text);
    records
}

/// Writes payments of those customers that have a number in the file; also their sums by currency.
fn write_payments(folder: &Path, rows: u64, customers: u64) -> (Records, BTreeMap<String, Money>) {
    let mut text =
        String::from("Document Number,Customer Number,Posting Date,External Document Number,Amount\n");
    let (mut records, mut sums) = (Records::new(), BTreeMap::new());
    for row in 1..=rows {
        let mut payer = 1 + row % customers;
        payer -= u64::from(payer.is_multiple_of(20));
        let (document, customer) = (format!("P{row:06}"), format!("L{payer:06}"));
        let day = format!("2026-10-{:02}", 1 + row % 28);
        let external = format!("EXT/{row}");
        writeln!(text, "{document},{customer},{day},{external},{row}.15").expect("a string takes all");
        let amount: Money = format!("-{row}.15").parse().expect("well-formed");
        records.insert(document, vec![customer, day, external, amount.to_string()]);
        let currency = if payer.is_multiple_of(3) { "EUR" } else { "USD" };
        let sum = sums.entry(currency.to_owned()).or_insert(Money::ZERO);
        *sum = *sum + amount;
    }
    write(&folder.join("payments.csv"), &text);
    (records, sums)
}

/// What killing an import did.
#[derive(Default)]
struct Suffered {
    kills: u64,
    /// Rows that were being sent when a kill came, all kills together.
    in_flight: u64,
    /// The most at one kill.
    most_in_flight: u64,
    /// Operations sent over all attempts of all rows.
    attempts: u64,
    took: Duration,
}

/// Imports a file, killing the process `kills` times, each time a little further on, and resuming until it is done.
fn import_under_fire(
    folder: &Path,
    (file, run): (&str, &str),
    (rows, kills): (u64, u64),
    draw: &mut Draw,
) -> Suffered {
    let begun = Instant::now();
    let import =
        ["import", file, "-p", "local", "--journal", "LONG", "--yes", "--out", run, "--max-errors", "100%"];
    let resume = ["resume", run, "-p", "local", "--max-errors", "100%"];
    let ledger = folder.join(run).join("run.ferry");
    let mut suffered = Suffered::default();
    while suffered.kills < kills {
        let mark = rows * suffered.kills / kills + draw.below(rows / kills);
        let mut child = ferry(folder, if suffered.kills == 0 { &import } else { &resume })
            .spawn()
            .expect("the program starts");
        while child.try_wait().expect("it can be asked").is_none() && done(&ledger) < mark {
            sleep(Duration::from_millis(20));
        }
        sleep(Duration::from_millis(draw.below(40)));
        if child.try_wait().expect("it can be asked").is_some() {
            break;
        }
        child.kill().expect("it can be killed");
        child.wait().expect("it was started");
        let in_flight = sending(&ledger);
        suffered.kills += 1;
        suffered.in_flight += in_flight;
        suffered.most_in_flight = suffered.most_in_flight.max(in_flight);
    }
    let ended = ferry(folder, if suffered.kills == 0 { &import } else { &resume }).status();
    assert_eq!(ended.expect("the program starts").code(), Some(0), "{file} does not come to its end");
    let ledger = Ledger::open(&ledger).expect("the ledger is there");
    let counted = ledger.for_each_row(Filter::All, |row| {
        suffered.attempts += u64::from(row.attempts);
        Ok::<_, LedgerError>(())
    });
    counted.expect("the ledger can be read");
    suffered.took = begun.elapsed();
    suffered
}

/// Rows that are done so far; none while there is no plan.
fn done(ledger: &Path) -> u64 {
    let counts = Ledger::open(ledger).and_then(|ledger| ledger.counts());
    counts.map_or(0, |counts| counts.of_state(State::Done))
}

/// Rows that a dead process was sending.
fn sending(ledger: &Path) -> u64 {
    let counts = Ledger::open(ledger).and_then(|ledger| ledger.counts());
    counts.expect("the plan was whole before anything was sent").of_state(State::Sending)
}

/// Reads records back from a server without faults, page by page.
async fn read_back(
    sandbox: &Sandbox,
    path: &str,
    (key, fields): (&str, [&str; 4]),
) -> Vec<(String, Vec<String>)> {
    let welcome = sandbox.welcome();
    let transport = Transport::new(TransportOptions {
        service_root: format!("{}/", welcome.url).parse().expect("an address"),
        credentials: vec![Credential::ClientCredentials {
            token_url: welcome.token_url.parse().expect("an address"),
            client_id: welcome.client_id.clone(),
            client_secret: welcome.client_secret.clone().into(),
            scope: welcome.scope.clone(),
        }],
        plain_http: PlainHttp::default(),
    });
    let transport = transport.expect("the address can be used");
    let select = if key.is_empty() { String::new() } else { format!("?$select={key},{}", fields.join(",")) };
    let mut next = Some(format!("companies({})/{path}{select}", welcome.company_id));
    let mut records = Vec::new();
    while let Some(address) = next {
        let reply = transport.send(0, &ApiRequest::get(address)).await.expect("the sandbox answers");
        let page: Value = serde_json::from_slice(&reply.body).expect("it answers in JSON");
        for record in page["value"].as_array().expect("a page has records") {
            records.push((text(&record[key]), fields.map(|field| text(&record[field])).to_vec()));
        }
        next = page["@odata.nextLink"].as_str().map(str::to_owned);
    }
    records
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string().parse::<Money>().expect("an amount").to_string(),
        other => other.to_string(),
    }
}

/// How many records differ from the file, are missing, or are there twice.
fn compare(found: Vec<(String, Vec<String>)>, mut expected: Records) -> u64 {
    let mut wrong = 0;
    for (key, fields) in found {
        wrong += u64::from(expected.remove(&key).is_none_or(|sent| sent != fields));
    }
    wrong + expected.len() as u64
}

/// How many rows of `results.csv` are done, each row standing there once; and whether the control totals agree.
fn results(folder: &Path) -> (u64, bool) {
    let mut reader = csv::Reader::from_path(folder.join("results.csv")).expect("the run has results");
    let headers = reader.headers().expect("with headings").clone();
    let column = |name: &str| headers.iter().position(|header| header == name).expect("the column is there");
    let (row, state) = (column("row"), column("status"));
    let mut rows = BTreeMap::new();
    for record in reader.records() {
        let record = record.expect("the file is whole");
        let seen = rows.insert(record[row].to_owned(), record[state].to_owned());
        assert_eq!(seen, None, "row {} stands there twice", &record[row]);
    }
    let totals = File::open(folder.join("totals.json")).expect("the run has totals");
    let totals: Value = serde_json::from_reader(totals).expect("the totals are JSON");
    (rows.values().filter(|state| *state == "done").count() as u64, totals["reconciled"] == true)
}

/// Reads everything back and compares it with the files: records that are wrong, of customers and of payments.
fn judge(folder: &Path, mut customers: Records, payments: Records) -> [u64; 2] {
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started");
    runtime.block_on(async {
        let books = folder.join("books.db");
        let options = SandboxOptions { books, ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).await.expect("the books can be served");
        let fields = ("displayName", ["number", "city", "creditLimit", "currencyCode"]);
        let mut found = read_back(&sandbox, "customers", fields).await;
        found.retain(|(name, _)| name.starts_with("Long Run "));
        for (name, fields) in &found {
            // A number that the server gave is as good as any.
            if let Some(sent) = customers.get_mut(name).filter(|sent| sent[0].is_empty()) {
                sent[0].clone_from(&fields[0]);
            }
        }
        let journals = read_back(&sandbox, "customerPaymentJournals", ("code", ["id"; 4])).await;
        let journal = journals.into_iter().find(|(code, _)| code == "LONG").expect("the journal is there").1;
        let path = format!("customerPaymentJournals({})/customerPayments", journal[0]);
        let fields = ["customerNumber", "postingDate", "externalDocumentNumber", "amount"];
        let paid = read_back(&sandbox, &path, ("documentNumber", fields)).await;
        [compare(found, customers), compare(paid, payments)]
    })
}

fn main() {
    let Options { customers, payments, kills, batch, seed, faults } = options();
    let temporary = TempDir::new().expect("a temporary folder can be made");
    let folder: PathBuf = temporary.path().to_owned();
    let faults = if faults.is_empty() { faults } else { format!("{faults},seed={seed}") };
    let server = Server::start(&folder, &faults);
    write_project(&folder, &server, batch);
    let before = read_books(&folder.join("books.db")).expect("the sandbox has books");
    let customer_records = write_customers(&folder, customers);
    let (payment_records, sums) = write_payments(&folder, payments, customers);
    let mut draw = Draw(seed);
    let half = kills / 2;
    let first = import_under_fire(&folder, ("customers.csv", "customers"), (customers, half), &mut draw);
    let rest = kills - first.kills;
    let second = import_under_fire(&folder, ("payments.csv", "payments"), (payments, rest), &mut draw);
    drop(server);

    let books = read_books(&folder.join("books.db")).expect("the books can be read");
    let [wrong_customers, wrong_payments] = judge(&folder, customer_records, payment_records);
    let mut table = format!(
        "seed {seed}, batches of {batch}, faults: {}\n",
        if faults.is_empty() { "none" } else { &faults }
    );
    let mut verdict = Vec::new();
    let parts = [
        (
            "customers",
            first,
            customers,
            wrong_customers,
            books.duplicates.customers,
            books.customers - before.customers,
        ),
        (
            "payments",
            second,
            payments,
            wrong_payments,
            books.duplicates.payments,
            books.payments - before.payments,
        ),
    ];
    let (mut in_flight, mut intended_again) = (0, 0);
    for (name, suffered, rows, wrong, doubles, there) in parts {
        let (done, reconciled) = results(&folder.join(name));
        writeln!(
            table,
            "{name}: {rows} rows, {there} in the books, {wrong} differ, {doubles} doubled; {done} done in results.csv, \
             totals equal: {reconciled}; {} kills, {} rows in flight at them (at most {}), {} operations intended, {:.0} s",
            suffered.kills, suffered.in_flight, suffered.most_in_flight, suffered.attempts,
            suffered.took.as_secs_f64(),
        )
        .expect("a string takes all");
        in_flight += suffered.in_flight;
        intended_again += suffered.attempts - rows;
        verdict.push(there == rows && wrong == 0 && doubles == 0 && done == rows && reconciled);
    }
    let sums_agree = books.sums.payments == sums;
    let extra = extra_writes(&before, &books, customers + payments);
    writeln!(table, "sums by currency equal the file's: {sums_agree}").expect("a string takes all");
    writeln!(table, "writes beyond one per row, refused and repeated ones: {extra}")
        .expect("a string takes all");
    std::io::stdout().write_all(table.as_bytes()).expect("somebody reads");
    assert!(verdict.iter().all(|good| *good) && sums_agree, "the books and the files disagree");
    // With faults, most of what is sent again is theirs and not the kills'.
    assert!(
        !faults.is_empty() || extra.max(intended_again) <= in_flight,
        "more was sent again than was in flight"
    );
}

/// Writes that reached the books' server, carried out or refused, beyond one per row. The journal is one more.
fn extra_writes(before: &Books, after: &Books, rows: u64) -> u64 {
    let count = |books: &Books| books.write_requests.carried_out + books.write_requests.refused;
    (count(after) - count(before)).saturating_sub(rows + 1)
}
