//! Runs that follow each other: customers first, then the default dimensions and the payments that name them.
//!
//! In: files that hold both. Out: one read request for each kind of record, in the order in which they have to be
//! carried out; for the payments, what the plan of the customers will add to the target; and after the customers'
//! delivery, the payments that must not go because their customer did not arrive.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::catalogue::DIALECTS;
use crate::connector::fields::Fields;
use crate::domain::{Action, EntityKind, References, RowResult, Rule, State};
use crate::ledger::{Filter, Ledger, Phase, RunHeader, Step};
use crate::mapping::guess_entity;
use crate::source::{SheetChoice, Source, SourceOptions};

use super::error::Error;
use super::event::{Event, Observer};
use super::import::LEDGER;
use super::index::{TargetIndex, customer_of, fold_code};
use super::planning::PlanningError;
use super::reading::{Input, ReadRequest, ReadingError, entity_of_mapping};

/// These files, and of every workbook the chosen sheets; the one that the workbook has first when none is chosen.
///
/// # Errors
/// When a file cannot be read, or sheets are chosen and none of the files is a workbook.
pub fn chosen_sheets(files: &[PathBuf], sheets: &[SheetChoice]) -> Result<Vec<Input>, Error> {
    if sheets.is_empty() {
        return Ok(files.iter().cloned().map(Input::from).collect());
    }
    let mut inputs = Vec::new();
    for path in files {
        if is_workbook(path, sheets)? {
            let each = sheets.iter().map(|sheet| Input { path: path.clone(), sheet: Some(sheet.clone()) });
            inputs.extend(each);
        } else {
            inputs.push(Input::from(path.clone()));
        }
    }
    match inputs.iter().find(|_| inputs.iter().all(|input| input.sheet.is_none())) {
        Some(text) => Err(Error::SheetOfText(text.path.clone())),
        None => Ok(inputs),
    }
}

/// Whether the file has sheets to choose among. A workbook without the chosen sheet is one all the same, and whoever
/// reads it says what is wrong.
fn is_workbook(path: &Path, sheets: &[SheetChoice]) -> Result<bool, Error> {
    match open(path, None, &SourceOptions::default()) {
        Ok(source) => Ok(source.name().sheet.is_some()),
        // The first sheet of a workbook may be no table.
        Err(error) => match open(path, sheets.first(), &SourceOptions::default()) {
            Ok(source) => Ok(source.name().sheet.is_some()),
            Err(_) => Err(error),
        },
    }
}

/// Every sheet of these workbooks that holds records of a kind that is known, and every file that is no workbook.
///
/// # Errors
/// When a file cannot be read.
pub fn all_sheets(
    files: &[PathBuf],
    options: &SourceOptions,
    observer: Observer<'_>,
) -> Result<Vec<Input>, Error> {
    let mut inputs = Vec::new();
    for path in files {
        let first = open(path, None, options)?;
        let Some(name) = first.name().sheet.clone() else {
            inputs.push(Input::from(path.clone()));
            continue;
        };
        for sheet in std::iter::once(&name).chain(first.other_sheets()) {
            if guess(path, sheet, options).is_some() {
                let sheet = Some(SheetChoice::Name(sheet.clone()));
                inputs.push(Input { path: path.clone(), sheet });
            } else {
                let file = path.display();
                observer(Event::Note(format!(
                    "{file}: sheet `{sheet}` holds no customers, dimensions or payments"
                )));
            }
        }
    }
    Ok(inputs)
}

/// One request for each kind of record that the files hold, customers first; all of them when only one kind is found,
/// or when the caller or the mapping says what the rows are.
///
/// A workbook whose other sheets hold another kind of record is pointed out: only the sheets that were chosen are
/// read.
///
/// # Errors
/// When a file or the mapping cannot be read.
pub fn split_by_entity(request: &ReadRequest, observer: Observer<'_>) -> Result<Vec<ReadRequest>, Error> {
    if request.entity.is_some() || entity_of_mapping(request)?.is_some() {
        return Ok(vec![request.clone()]);
    }
    let mut parts: BTreeMap<EntityKind, Vec<Input>> = BTreeMap::new();
    let mut last = None;
    for input in &request.files {
        let source = open(&input.path, input.sheet.as_ref(), &request.options)?;
        let found = guess_kind(&source);
        for sheet in source.other_sheets() {
            let other = guess(&input.path, sheet, &request.options);
            if let Some(other) = other.filter(|other| Some(*other) != found) {
                let (file, kind) = (input.path.display(), other.as_str());
                observer(Event::Note(format!(
                    "{file}: sheet `{sheet}` holds {kind} and is left alone; --all-sheets imports what all sheets hold, customers first"
                )));
            }
        }
        // Headings that tell nothing are taken for those of the file before; what opens the files judges the rest.
        last = found.or(last);
        let Some(kind) = last else { return Ok(vec![request.clone()]) };
        parts.entry(kind).or_default().push(input.clone());
    }
    Ok(parts.into_values().map(|files| ReadRequest { files, ..request.clone() }).collect())
}

/// What the rows of a request are, where its files and its mapping tell.
///
/// # Errors
/// When a file or the mapping cannot be read.
pub fn entity_of(request: &ReadRequest) -> Result<Option<EntityKind>, Error> {
    if let Some(known) = request.entity.or(entity_of_mapping(request)?) {
        return Ok(Some(known));
    }
    let Some(input) = request.files.first() else { return Ok(None) };
    Ok(guess_kind(&open(&input.path, input.sheet.as_ref(), &request.options)?))
}

fn open(path: &Path, sheet: Option<&SheetChoice>, options: &SourceOptions) -> Result<Source, Error> {
    let options = SourceOptions { sheet: sheet.cloned(), ..options.clone() };
    Ok(Source::open(path, &options).map_err(ReadingError::from)?)
}

/// What the rows of a sheet are; `None` also for a sheet that cannot be read on its own, which is none of ours.
fn guess(path: &Path, sheet: &str, options: &SourceOptions) -> Option<EntityKind> {
    open(path, Some(&SheetChoice::Name(sheet.to_owned())), options).ok().as_ref().and_then(guess_kind)
}

fn guess_kind(source: &Source) -> Option<EntityKind> {
    guess_entity(source.headers(), &DIALECTS[0].candidates())
}

/// Adds the customers of the run in `folder`, or of the one that it comes after, to what payments and default
/// dimensions may name: those its plan creates, those it changes as they will be, and apart from them those it leaves
/// out or deletes, whose payments are held back.
pub(super) fn add_planned_customers(
    folder: &Path,
    references: &mut References,
    index: &TargetIndex,
) -> Result<(), Error> {
    let Some(ledger) = customers_at_or_before(folder)? else { return Ok(()) };
    let header = ledger.header()?;
    index.begin().map_err(PlanningError::from)?;
    ledger.for_each_row(Filter::All, |row| {
        if let (Some(id), State::Planned) = (&row.planned.remote_id, row.state) {
            return Ok(overlay(&header, &row, id, index)?);
        }
        let Some(number) = number_of(&row) else { return Ok(()) };
        if index.customer(&number).map_err(PlanningError::from)?.is_some() {
            return Ok(());
        }
        let arrives = row.planned.action == Action::Create;
        if !arrives && !is_left_out(&row) {
            return Ok(());
        }
        references.insert("customers", &number, "");
        references.insert_name("customers", &text_of(&row.planned.payload, "displayName"), &number);
        let added = if arrives {
            let member = |name| text_of(&row.planned.payload, name);
            index.add_planned_customer(&number, (&member("currencyCode"), &member("blocked")))
        } else {
            index.add_left_out(&number, &what_became(&header, &row, &number))
        };
        Ok::<(), Error>(added.map_err(PlanningError::from)?)
    })?;
    Ok(index.commit().map_err(PlanningError::from)?)
}

/// Puts over the target's customer with this id what the row will make of it.
fn overlay(header: &RunHeader, row: &RowResult, id: &str, index: &TargetIndex) -> Result<(), PlanningError> {
    let Some(payer) = index.customer(id)? else { return Ok(()) };
    if row.planned.action == Action::Delete {
        let words = format!("{} deletes it", place_of(header, row, &payer.number));
        // Payments may name their customer by id.
        index.add_left_out(id, &words)?;
        return Ok(index.add_left_out(&payer.number, &words)?);
    }
    let key = || row.planned.key.clone();
    let sent =
        Fields::parse(&row.planned.payload).map_err(|source| PlanningError::Record { key: key(), source })?;
    let text = |name| sent.raw(name).map(|_| sent.text(name));
    let (currency, blocked) = (text("currencyCode"), text("blocked"));
    Ok(index.change_customer(&payer.number, (currency.as_deref(), blocked.as_deref()))?)
}

/// The number under which payments may know the row's customer.
fn number_of(row: &RowResult) -> Option<String> {
    let number = match row.planned.action {
        Action::Create => text_of(&row.planned.payload, "number"),
        _ => row.planned.key.clone(),
    };
    Some(fold_code(&number)).filter(|number| !number.is_empty())
}

/// The text of a member of a payload; empty when there is none.
pub(super) fn text_of(payload: &str, name: &str) -> String {
    Fields::parse(payload).map(|sent| sent.text(name).into_owned()).unwrap_or_default()
}

/// Whether the row's customer will not be in the target because of this row, if it is not there already.
fn is_left_out(row: &RowResult) -> bool {
    match row.state {
        State::Rejected | State::Conflict | State::Skipped | State::Refused | State::InDoubt => true,
        State::Planned | State::Sending => row.planned.action == Action::Create,
        State::Done | State::Unchanged => false,
    }
}

/// Whether an update changes what a payment of the customer is, or whether there can be one.
fn changes_payments(row: &RowResult) -> bool {
    row.planned.changes.iter().any(|change| change.field == "currencyCode" || change.field == "blocked")
}

/// Whether what the row sends was not carried out.
pub(super) fn did_not_arrive(row: &RowResult) -> bool {
    !matches!(row.state, State::Done | State::Unchanged)
}

/// `C1 (customers.csv row 7): refused: the target's words`.
fn what_became(header: &RunHeader, row: &RowResult, number: &str) -> String {
    let state = match row.state {
        State::Planned | State::Sending => "not sent",
        State::InDoubt => "in doubt",
        state => state.as_str(),
    };
    let why = if row.message.is_empty() { String::new() } else { format!(": {}", row.message) };
    format!("{} {state}{why}", place_of(header, row, number))
}

/// `C1 (customers.csv row 7):`
pub(super) fn place_of(header: &RunHeader, row: &RowResult, number: &str) -> String {
    let file = header.sources.get(row.planned.source as usize).map(|source| source.name.to_string());
    format!("{number} ({} row {}):", file.unwrap_or_default(), row.planned.origin.line)
}

/// The runs that this one comes after, the nearest first.
///
/// # Errors
/// [`Error::ComesAfter`] when one of them is not finished or cannot be found.
pub(super) fn predecessors(folder: &Path, header: &RunHeader) -> Result<Vec<(RunHeader, Ledger)>, Error> {
    let mut found = Vec::new();
    let mut next = header.after.clone();
    while let Some(after) = next.take() {
        let earlier = folder.parent().unwrap_or(Path::new("")).join(after);
        let refused = |state| Error::ComesAfter { run: header.run.clone(), after: earlier.clone(), state };
        let ledger = Ledger::open(&earlier.join(LEDGER)).map_err(|_| refused("cannot be read"))?;
        let header = ledger.header()?;
        if header.undone_by.is_some() {
            return Err(refused("was undone"));
        }
        match header.phase {
            Phase::Finished => {}
            Phase::Planning | Phase::Planned => return Err(refused("was not carried out yet")),
            Phase::Applying => return Err(refused("is not finished yet")),
        }
        next.clone_from(&header.after);
        found.push((header, ledger));
    }
    Ok(found)
}

/// The run of customers among this one and those that it comes after.
fn customers_at_or_before(folder: &Path) -> Result<Option<Ledger>, Error> {
    let mut folder = folder.to_owned();
    loop {
        let ledger = Ledger::open(&folder.join(LEDGER))?;
        let header = ledger.header()?;
        match header.after {
            _ if header.entity == EntityKind::Customers => return Ok(Some(ledger)),
            Some(after) => folder = folder.with_file_name(after),
            None => return Ok(None),
        }
    }
}

/// Holds the payments and default dimensions back whose customer should have been created by `customers` and was not, or should have got
/// another currency or block and did not: they were planned for a customer who is not as planned. Nothing was sent of
/// them, and nothing will be.
pub(super) fn hold_back(customers: &Ledger, payments: &mut Ledger) -> Result<(), Error> {
    let header = customers.header()?;
    let are_payments = payments.header()?.entity == EntityKind::Payments;
    let mut missing = HashMap::new();
    customers.for_each_row(Filter::Actions(&[Action::Create, Action::Update]), |row| {
        let counts = row.planned.action == Action::Create || (are_payments && changes_payments(&row));
        if let Some(number) = number_of(&row).filter(|_| counts && did_not_arrive(&row)) {
            let words = what_became(&header, &row, &number);
            // Payments may name their customer by id.
            missing.extend(row.planned.remote_id.iter().map(|id| (fold_code(id), words.clone())));
            missing.insert(number, words);
        }
        Ok::<(), Error>(())
    })?;
    if missing.is_empty() {
        return Ok(());
    }
    let mut steps = Vec::new();
    payments.for_each_row(Filter::States(&[State::Planned]), |row| {
        if let Some(words) = missing.get(&fold_code(&customer_of(&row.planned.payload))) {
            let code = Rule::HeldBack.code().to_owned();
            steps.push((row.id, Step::Skip { code, message: format!("customer {words}") }));
        }
        Ok::<(), Error>(())
    })?;
    Ok(payments.record(&steps, 0)?)
}
