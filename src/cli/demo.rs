//! `ferry demo`: the whole job in the embedded sandbox, with nothing to configure.

use std::fs;
use std::path::Path;

use ledgerferry::catalogue::DIALECTS;
use ledgerferry::domain::EntityKind;
use ledgerferry::durable::{FileError, create_directory, publish_bytes};
use ledgerferry::export::{ExportEntity, Output, Query};
use ledgerferry::mapping::Blanks;
use ledgerferry::plan::Mode;
use ledgerferry::profile::Profile;
use ledgerferry::report::{Report, verdict};
use ledgerferry::run::{self, ApplyRequest, Ending, ExportRequest, PlanRequest, ReadRequest};
use ledgerferry::source::SourceOptions;
use ledgerferry::validation::Sign;

use super::args::DemoArgs;
use super::connect::Connection;
use super::console::Console;
use super::failure::Failure;
use super::import::style;
use super::interrupt;
use super::project::Place;
use super::watch::watcher;

/// The inputs of the tour, by their names in its folder.
const FILES: [(&str, &[u8]); 4] = [
    ("customers-dirty.xlsx", include_bytes!("../../samples/customers-dirty.xlsx")),
    ("customers.csv", include_bytes!("../../samples/customers.csv")),
    ("customers-changed.csv", include_bytes!("../../samples/customers-changed.csv")),
    ("payments.xlsx", include_bytes!("../../samples/payments.xlsx")),
];

/// Says that a folder is an earlier tour's and may be replaced.
const MARK: &str = ".ferry-demo";

pub(crate) async fn demo(console: &Console, arguments: DemoArgs) -> Result<Ending, Failure> {
    let folder = arguments.dir;
    prepare(&folder)?;
    let place = Place::at(&folder);
    let tour = Tour { console, folder: &folder };
    console.result("This tour runs against a pretend Business Central inside this program. Nothing leaves this computer.\n");
    tour.check()?;
    let connection = Connection::open(console, &place, Profile::sandbox()).await?;
    let toured = tour.sail(&connection).await;
    connection.close().await;
    toured?;
    console.result(&format!(
        "Everything is in {}: start with {} and {}.\nNext: put your own file in place of customers.csv; `ferry --help` lists the commands.",
        folder.display(),
        folder.join("2-customers/report.html").display(),
        folder.join("ar.xlsx").display()
    ));
    if console.json {
        Console::document(&serde_json::json!({ "folder": folder.display().to_string() }), Ending::Done);
    }
    Ok(Ending::Done)
}

/// Makes the folder, in place of an earlier tour's; anybody else's folder is left alone.
fn prepare(folder: &Path) -> Result<(), Failure> {
    if folder.join(MARK).exists() {
        fs::remove_dir_all(folder).map_err(|error| FileError::new("remove", folder, error))?;
    } else if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(Failure::usage(format!("`{}` is not empty and no earlier tour's", folder.display()))
            .with_hint("--dir names another folder"));
    }
    create_directory(folder)?;
    publish_bytes(folder.join(MARK), b"")?;
    for (name, bytes) in FILES {
        publish_bytes(folder.join(name), bytes)?;
    }
    Ok(())
}

/// The tour through one folder.
struct Tour<'a> {
    console: &'a Console,
    folder: &'a Path,
}

impl Tour<'_> {
    fn say(&self, step: u32, words: &str) {
        self.console.result(&format!("\n[{step}/5] {words}\n"));
    }

    fn show(&self, report: &Report) {
        self.console.result(&report.terminal(style(self.console)));
    }

    /// A messy workbook, checked offline.
    fn check(&self) -> Result<(), Failure> {
        self.say(1, "ferry validate customers-dirty.xlsx       a workbook with a mistake of every kind");
        let read = self.read("customers-dirty.xlsx", EntityKind::Customers);
        let report = run::validate(&read, &self.folder.join("1-check"), &watcher(self.console))?;
        self.show(&report);
        Ok(())
    }

    /// Everything that needs a target.
    async fn sail(&self, connection: &Connection) -> Result<(), Failure> {
        self.say(2, "ferry import customers.csv                clean customers, planned and then written");
        self.import(connection, "customers.csv", "2-customers", None).await?;
        self.say(3, "ferry import customers-changed.csv        the same file after two corrections");
        self.import(connection, "customers-changed.csv", "3-changes", None).await?;
        self.say(4, "ferry import payments.xlsx --journal TOUR");
        self.import(connection, "payments.xlsx", "4-payments", Some("TOUR")).await?;
        self.say(5, "ferry export customers --expand financials --filter-odata \"balance gt 0\" -o ar.xlsx");
        self.export(connection, "ar.xlsx").await?;
        self.export(connection, "ar.csv").await
    }

    async fn import(
        &self,
        connection: &Connection,
        file: &str,
        run: &str,
        journal: Option<&str>,
    ) -> Result<(), Failure> {
        let entity = if journal.is_some() { EntityKind::Payments } else { EntityKind::Customers };
        let folder = self.folder.join(run);
        let request = PlanRequest {
            on_unsupported: None,
            read: self.read(file, entity),
            journal: journal.map(str::to_owned),
            mode: Mode::Upsert,
            match_on: Vec::new(),
            run: run.to_owned(),
            folder: folder.clone(),
            runs: None,
            after: None,
            chain: None,
            retries: None,
            stop: None,
            limits: Some(connection.limits.clone()),
        };
        let watcher = watcher(self.console);
        let ledger = run::plan(&connection.target, &request, &watcher).await?;
        let planned = run::report(&ledger, &folder, "plan", |_| Ending::Done)?;
        drop(ledger);
        let verdict = verdict(&planned.facts, &planned.summary);
        self.console.result(&format!("Plan: {}", verdict.sentence));
        let delivery = run::delivery_options(&connection.limits, entity);
        let request = ApplyRequest::new(folder, "import", delivery);
        let applied = run::apply(&connection.target, &request, interrupt::stop_sign(), &watcher).await?;
        self.console.finish_progress();
        self.show(&applied);
        Ok(())
    }

    async fn export(&self, connection: &Connection, name: &str) -> Result<(), Failure> {
        let target = &connection.target;
        let request = ExportRequest {
            entity: ExportEntity::Customers,
            select: Vec::new(),
            expand: vec!["financials".to_owned()],
            query: Query { filter: Some("balance gt 0".to_owned()), order_by: None, top: None },
            journal: None,
            output: Output::File(self.folder.join(name)),
            format: None,
            profile: target.profile.clone(),
            pages: target.pages,
        };
        let summary = run::export(target, request, &mut |_| ()).await.map_err(ledgerferry::Error::from)?;
        super::export::tell(self.console, &summary, false);
        Ok(())
    }

    fn read(&self, file: &str, entity: EntityKind) -> ReadRequest {
        ReadRequest {
            dialect: DIALECTS[0],
            files: vec![self.folder.join(file).into()],
            entity: Some(entity),
            mapping: None,
            options: SourceOptions::default(),
            sign: Sign::ReceiptsPositive,
            blank: Blanks::Keep,
        }
    }
}
