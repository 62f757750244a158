//! Files into a plan; `apply` carries it out.
//!
//! ```text
//! open and bind ─► fetch what exists ─► check and plan every row ─► ledger ─► apply ─► results, rejects, report
//! ```
//!
//! A plan writes nothing to the target.

use std::cell::Cell;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::block_in_place;

use crate::catalogue::business_central_v2::CUSTOMER_PAYMENT_JOURNALS;
use crate::catalogue::{Kind, Writable};
use crate::connector::{Habits, Set};
use crate::domain::text::upper;
use crate::domain::{EntityKind, Forecast, OnUnsupported, References, UnsupportedColumn};
use crate::durable::create_directory;
use crate::ledger::{Ledger, LedgerError, RunHeader, SourceHeader};
use crate::plan::{Matching, Mode};
use crate::profile::Limits;
use crate::report::SourceFacts;
use crate::source;

use super::chain::add_planned_customers;
use super::check::{Check, CheckError, CheckOptions};
use super::completion::Completion;
use super::deleted_dimensions::{DELETED_DIMENSIONS, RESTORED_DIMENSIONS, with_dimensions};
use super::ending::Ending;
use super::error::Error;
use super::event::{Event, Observer};
use super::facts::{now, tool_version, unsupported_note};
use super::history::{Earlier, add_delivered, remember_run, remembered_customers};
use super::index::TargetIndex;
use super::named::Named;
use super::pace::delivery_options;
use super::planning::{Lines, Origins, Planner, PlanningError};
use super::reading::{Opened, ReadRequest, fields_of, needed_fields, open_files, tell_unmapped, typed};
use super::target::Target;

/// The name of a run's ledger in its folder.
pub const LEDGER: &str = "run.ferry";

/// What is read when lists do not show enough of the payments that rows meet.
pub(super) const ONE_BY_ONE: &str = "payments one by one";

/// What to plan.
#[derive(Clone, Debug)]
pub struct PlanRequest {
    /// The files, and how to read them.
    pub read: ReadRequest,
    /// The code of the payment journal; payments need one.
    pub journal: Option<String>,
    /// Whether to create, update, or both.
    pub mode: Mode,
    /// The fields by which rows find their customers; empty for the number, or else the name. Payments have their
    /// own identity.
    pub match_on: Vec<String>,
    /// What becomes of values that the target has no place for; `None` leaves the decision to whoever applies the plan.
    pub on_unsupported: Option<OnUnsupported>,
    /// The run's id.
    pub run: String,
    /// The folder of the run; it is created.
    pub folder: PathBuf,
    /// Where earlier runs are kept: what they delivered is not sent again.
    pub runs: Option<PathBuf>,
    /// The folder, beside this run's own, of the run that is carried out first: its customers may be named already.
    pub after: Option<PathBuf>,
    /// The name that this run shares with the one it is planned together with.
    pub chain: Option<String>,
    /// The folder of the run whose rows that did not arrive are planned again.
    pub retries: Option<PathBuf>,
    /// The limits that the run will keep to, for a forecast; `None` for none.
    pub limits: Option<Limits>,
    /// Ends the planning when somebody asks for an end; no plan is kept then.
    pub stop: Option<watch::Receiver<Option<Ending>>>,
}

/// Plans a run against the live target; nothing is written there.
pub async fn plan(target: &Target, request: &PlanRequest, observer: Observer<'_>) -> Result<Ledger, Error> {
    let (entity, mut opened) = open_files(&request.read)?;
    let journal = match (entity, &request.journal) {
        _ if !target.api.habits().has_journals => None,
        (EntityKind::Payments, None) => return Err(Error::JournalMissing),
        (EntityKind::Payments, Some(code)) => Some(journal_code(code)?),
        (EntityKind::Customers | EntityKind::Dimensions, _) => None,
    };
    let match_on = match_fields(request, entity, &opened)?;
    tell_unmapped(&opened, observer);
    for file in &mut opened {
        file.facts.sha256 = source::hash(&file.path)?;
    }
    let index = TargetIndex::matching(&match_on).map_err(PlanningError::from)?;
    let settles_invoices = entity == EntityKind::Payments && target.api.habits().needs_completion;
    let named = if settles_invoices {
        block_in_place(|| Named::read(&request.read, &opened))?
    } else {
        Named::default()
    };
    let known = fetch(target, index, (entity, &opened, &named), journal.as_deref(), observer);
    let mut known = unless_stopped(request.stop.as_ref(), known).await?;
    let has_numbers = target.tables().customers.field("number").is_some();
    if let Some(customers) = request.after.as_ref().filter(|_| has_numbers) {
        add_planned_customers(customers, &mut known.references, &known.index)?;
    }
    let header = RunHeader {
        journal_id: known.journal_id.clone(),
        local_currency: known.references.local_currency().unwrap_or_default().to_owned(),
        match_on: match_on.iter().map(|name| (*name).to_owned()).collect(),
        ..header(target, request, entity, journal, &opened)
    };
    let header = RunHeader { retries: request.retries.as_deref().map(run_of).transpose()?, ..header };
    if !has_numbers {
        let remembered = remembered_customers(request.runs.as_deref(), &header)?;
        for (number, id) in &remembered {
            if entity == EntityKind::Payments && known.references.id_of("customers", number).is_none() {
                known.references.insert("customers", number, id);
            }
        }
        known.remembered = remembered;
    }
    // A payment that is in no journal cannot leave it: the list of payments is all there is.
    if entity == EntityKind::Payments && target.api.habits().has_journals {
        let (runs, another) = (request.runs.as_deref(), request.retries.as_deref());
        add_delivered(Earlier { runs, another, own: None }, &header, &mut known.index, observer)?;
    }
    let ledger = begin_plan(&request.folder, &header)?;
    let means = (target.api.habits(), target.transport.credentials());
    let planning = Planning { ledger, header, known, match_on, means, request: request.clone() };
    // The one place where an async task burns CPU: nothing else runs on this runtime while a plan is made, but for the
    // reads that it waits for.
    let planned = block_in_place(|| plan_rows(planning, opened, (target, observer)));
    let planned = match planned {
        Ok(ledger) => with_dimensions(target, ledger, &request.folder, observer).await,
        failed => failed,
    };
    let planned = planned.and_then(|ledger| {
        if let Some(runs) = request.runs.as_ref().filter(|_| entity == EntityKind::Payments || !has_numbers) {
            remember_run(runs, &request.folder)?;
        }
        Ok(ledger)
    });
    if planned.is_err() {
        discard_plan(&request.folder);
    }
    planned
}

/// The ledger of a new plan in this folder; what cannot be begun leaves nothing behind.
pub(super) fn begin_plan(folder: &Path, header: &RunHeader) -> Result<Ledger, Error> {
    create_directory(folder)?;
    // What an earlier run has left there is not ours to remove, whatever is wrong with it.
    let is_new = !folder.join(LEDGER).exists();
    let ledger = Ledger::create(&folder.join(LEDGER), header);
    if is_new && !matches!(ledger, Ok(_) | Err(LedgerError::Exists(_) | LedgerError::Locked { .. })) {
        discard_plan(folder);
    }
    Ok(ledger?)
}

/// The name of the run in this folder.
fn run_of(folder: &Path) -> Result<String, Error> {
    Ok(Ledger::open(&folder.join(LEDGER))?.header()?.run)
}

/// Does the work, or ends it when somebody asks for an end.
pub(super) async fn unless_stopped<T>(
    stop: Option<&watch::Receiver<Option<Ending>>>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(mut stop) = stop.cloned() else { return work.await };
    let asked = async move {
        match stop.wait_for(Option::is_some).await.map(|ending| *ending) {
            Ok(Some(ending)) => ending,
            // Nobody is left who could ask.
            _ => std::future::pending().await,
        }
    };
    tokio::select! {
        ending = asked => Err(PlanningError::Stopped(ending).into()),
        done = work => done,
    }
}

/// Takes the plan in a folder away, of which nothing was sent; a folder with anything else in it stays.
pub fn discard_plan(folder: &Path) {
    let files =
        [LEDGER, "run.ferry-wal", "run.ferry-shm", "run.lock", DELETED_DIMENSIONS, RESTORED_DIMENSIONS];
    for name in files {
        // What cannot be removed shows as a run that is still being planned, which nothing can carry out.
        let _ = fs::remove_file(folder.join(name));
    }
    let _ = fs::remove_dir(folder);
}

/// The fields by which rows find their customers, by the catalogue's names; none for what has its own identity.
fn match_fields(
    request: &PlanRequest,
    entity: EntityKind,
    opened: &[Opened],
) -> Result<Vec<&'static str>, Error> {
    let mut names = Vec::new();
    if entity != EntityKind::Customers {
        let refused =
            if entity == EntityKind::Payments { Error::MatchPayments } else { Error::MatchDimensions };
        return if request.match_on.is_empty() { Ok(names) } else { Err(refused) };
    }
    for wanted in &request.match_on {
        let table = request.read.dialect.entity(entity);
        let field = (0..).zip(table.fields).find(|(_, field)| {
            field.name.eq_ignore_ascii_case(wanted.trim())
                && field.writable == Writable::Always
                && matches!(field.kind, Kind::Text | Kind::Code | Kind::Email | Kind::Phone)
        });
        let Some((index, field)) = field else { return Err(Error::MatchField(wanted.clone())) };
        if let Some(file) = opened.iter().find(|file| !file.binding.fields().any(|fed| fed == index)) {
            return Err(Error::MatchColumn { field: field.name, file: file.facts.name.to_string() });
        }
        names.push(field.name);
    }
    Ok(names)
}

/// The code as the server keeps it.
///
/// Source: the field `code` of payment journals, a Code of 10 characters.
fn journal_code(code: &str) -> Result<String, Error> {
    let code = upper(code.trim()).into_owned();
    let field = CUSTOMER_PAYMENT_JOURNALS.field("code");
    let longest = field.map_or(0, |field| usize::from(field.max_length));
    if code.is_empty() || code.encode_utf16().count() > longest {
        return Err(Error::JournalCode { code, longest });
    }
    Ok(code)
}

/// What the target holds, as far as the rows of a plan may meet it.
struct Known {
    references: References,
    index: TargetIndex,
    journal_id: Option<String>,
    completion: Completion,
    /// The ids that earlier runs gave to the numbers of the files, see [`remembered_customers`].
    remembered: HashMap<String, String>,
    has_lines: bool,
}

async fn fetch(
    target: &Target,
    mut index: TargetIndex,
    (entity, opened, named): (EntityKind, &[Opened], &Named),
    journal: Option<&str>,
    observer: Observer<'_>,
) -> Result<Known, Error> {
    let mut references =
        target.fetch_references(target.tables().entity(entity), &fields_of(opened), observer).await?;
    let fields = needed_fields(opened);
    let mut journal_id = None;
    let completion = Completion::fetch(target, (entity, named), &mut references, observer).await?;
    let with_names = opened.iter().any(|file| file.binding.takes_customer_names());
    match (entity, journal) {
        (EntityKind::Customers, _) => target.fetch_customers(&fields, &mut index, observer).await?,
        (EntityKind::Dimensions, _) => {
            target.fetch_payers(false, &mut references, &mut index, observer).await?;
            target.fetch_default_dimensions(&mut index, observer).await?;
        }
        (EntityKind::Payments, None) => {
            target.fetch_payers(with_names, &mut references, &mut index, observer).await?;
            target.fetch_payments("", &fields, &mut index, observer).await?;
        }
        (EntityKind::Payments, Some(code)) => {
            target.fetch_payers(with_names, &mut references, &mut index, observer).await?;
            journal_id = target.fetch_journal(code).await?;
            if let Some(journal) = &journal_id {
                target.fetch_payments(journal, &fields, &mut index, observer).await?;
            }
        }
    }
    let has_lines = target.api.habits().has_journals;
    Ok(Known { references, index, journal_id, completion, remembered: HashMap::new(), has_lines })
}

fn header(
    target: &Target,
    request: &PlanRequest,
    entity: EntityKind,
    journal_code: Option<String>,
    opened: &[Opened],
) -> RunHeader {
    RunHeader {
        profile: target.profile.clone(),
        system: target.system.clone(),
        dialect: target.dialect.clone(),
        service_root: target.transport.service_root().to_string(),
        company_id: target.company.id.clone(),
        company_name: target.company.name.clone(),
        stage: target.stage.clone(),
        journal_code,
        sign: match entity {
            EntityKind::Customers | EntityKind::Dimensions => String::new(),
            EntityKind::Payments => request.read.sign.as_str().to_owned(),
        },
        mode: request.mode.as_str().to_owned(),
        sources: opened.iter().map(source_header).collect(),
        columns: opened.first().map(Opened::columns).unwrap_or_default(),
        on_unsupported: request
            .on_unsupported
            .map(|decision| decision.as_str().to_owned())
            .unwrap_or_default(),
        unmapped: opened.iter().flat_map(Opened::unmapped).collect(),
        flags: flags(target, request),
        after: request.after.as_deref().and_then(file_name),
        chain: request.chain.clone(),
        ..RunHeader::new(request.run.clone(), now(), tool_version(), entity)
    }
}

/// The name of a folder beside which another one stands.
pub(super) fn file_name(folder: &Path) -> Option<String> {
    Some(folder.file_name()?.to_string_lossy().into_owned())
}

/// What a later command has to say again, to import rejects of the run as the run did.
fn flags(target: &Target, request: &PlanRequest) -> Vec<String> {
    let mut flags = request.read.flags();
    flags.extend(request.journal.as_ref().map(|code| format!("--journal {}", typed(code.trim()))));
    if request.mode != Mode::Upsert {
        flags.push(format!("--mode {}", request.mode.as_str()));
    }
    if !request.match_on.is_empty() {
        flags.push(format!("--match {}", request.match_on.join(",")));
    }
    if let Some(decision) = request.on_unsupported {
        flags.push(format!("--on-unsupported {}", decision.as_str()));
    }
    flags.push(format!("-p {}", typed(&target.profile)));
    flags
}

fn source_header(file: &Opened) -> SourceHeader {
    let absolute = std::path::absolute(&file.path).unwrap_or_else(|_| file.path.clone());
    SourceHeader {
        name: file.facts.name.clone(),
        path: absolute.to_string_lossy().into_owned(),
        sha256: file.facts.sha256.clone(),
        bytes: file.facts.bytes,
        rows: 0,
        headers: file.facts.headers.clone(),
        delimiter: file.facts.delimiter,
    }
}

/// A plan being made.
struct Planning {
    ledger: Ledger,
    header: RunHeader,
    known: Known,
    match_on: Vec<&'static str>,
    /// What the system bears, and how many credentials share the work.
    means: (Habits, usize),
    request: PlanRequest,
}

/// Checks every row, decides on it and keeps it. Blocks: it reads and burns CPU.
fn plan_rows(
    mut planning: Planning,
    opened: Vec<Opened>,
    (target, observer): (&Target, Observer<'_>),
) -> Result<Ledger, Error> {
    let stop = planning.request.stop.clone();
    let alone_so_far = Cell::new(0);
    let read_alone = |id: &str| {
        let read = async { Ok(target.fetch_alone(Set::Payments(""), id).await?) };
        let record = Handle::current().block_on(unless_stopped(stop.as_ref(), read));
        if matches!(&record, Ok(Some(_))) {
            alone_so_far.set(alone_so_far.get() + 1);
            observer(Event::Fetched(ONE_BY_ONE, alone_so_far.get()));
        }
        record.map_err(|error| PlanningError::Alone(Box::new(error)))
    };
    let completion = std::mem::take(&mut planning.known.completion);
    let Known { references, index, remembered, has_lines, .. } = &planning.known;
    let (kind, sign) = (planning.header.entity, planning.request.read.sign);
    let rows_at_most = opened.iter().map(|file| rows_at_most(&file.facts)).sum();
    let mut planner = Planner {
        ledger: &mut planning.ledger,
        index,
        matching: Matching {
            entity: planning.request.read.dialect.entity(kind),
            mode: planning.request.mode,
        },
        local_currency: references.local_currency(),
        entity: kind,
        names: opened.iter().map(|file| file.facts.name.clone()).collect(),
        lines: match has_lines {
            true => Some(Lines::reserve(index.lines().map_err(PlanningError::from)?, rows_at_most)?),
            false => None,
        },
        references,
        completion,
        remembered,
        alone: &read_alone,
        batch: Vec::new(),
    };
    let mut check = Check::new(CheckOptions {
        sign,
        references: Some(references),
        changes_only: planning.request.mode == Mode::Update,
        match_on: &planning.match_on,
        on_unsupported: planning.request.on_unsupported,
        keeps_codes: false,
        only_reads: false,
    });
    let (mut checked, stop) = (0, planning.request.stop.clone());
    for (source, file) in (0u32..).zip(opened) {
        let origin = Origins {
            source,
            amount_column: file.amount_column(),
            key_columns: file.key_columns(),
            number_column: file.number_column(),
            currency_column: file.currency_column(),
            reason_column: file.reason_column(),
            sign,
        };
        let columns = file.unsupported();
        let counts = check.check_file(file.source, &file.binding, |chunk| {
            if let Some(ending) = stop.as_ref().and_then(|stop| *stop.borrow()) {
                return Err(PlanningError::Stopped(ending));
            }
            planner.add_chunk(origin, &chunk)?;
            checked += chunk.rows() as u64;
            observer(Event::Checked(checked));
            Ok::<(), PlanningError>(())
        });
        let counts = counts.map_err(|error| match error {
            CheckError::Source(error) => Error::from(error),
            CheckError::Sink(error) => error.into(),
        })?;
        planning.header.sources[source as usize].rows = counts.rows;
        add_unsupported(&mut planning.header.unsupported, columns.into_iter().zip(counts.unsupported));
    }
    if let Some(note) = unsupported_note(planning.request.read.dialect, &planning.header.unsupported) {
        observer(Event::Note(note));
    }
    planner.flush()?;
    planning.header.forecast = forecast(&planning)?;
    planning.ledger.finish_planning(&planning.header)?;
    Ok(planning.ledger)
}

/// What carrying out the plan will take.
fn forecast(planning: &Planning) -> Result<Option<Forecast>, Error> {
    let Some(limits) = &planning.request.limits else { return Ok(None) };
    let (kind, counts) = (planning.header.entity, planning.ledger.counts()?);
    let options = delivery_options(limits, kind);
    let (habits, credentials) = planning.means;
    Ok(Some(options.forecast(kind, habits, (counts.open(), credentials))))
}

/// Counts the values of a file's unsupported columns to those of the files before it.
pub(super) fn add_unsupported(
    all: &mut Vec<UnsupportedColumn>,
    columns: impl Iterator<Item = ((String, &'static str), u64)>,
) {
    for ((column, field), values) in columns.filter(|(_, values)| *values > 0) {
        match all.iter_mut().find(|known| known.column == column) {
            Some(known) => known.values += values,
            None => all.push(UnsupportedColumn { column, field: field.to_owned(), values }),
        }
    }
}

/// More rows than the file can have. A row of a text file has at least a customer and an amount; a sheet of a
/// workbook has room for 2^20 rows.
fn rows_at_most(facts: &SourceFacts) -> u64 {
    if facts.name.sheet.is_some() { 1 << 20 } else { facts.bytes / 4 + 1 }
}
