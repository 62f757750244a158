//! Carrying out one operation: routing, entity tags, writes, counting.
//!
//! Promises: a refused operation leaves the books as they were; every write operation is counted, whatever becomes
//! of it.

use axum::http::Method;

use super::books::{Turn, find};
use super::call::{Answer, Call};
use super::odata::{Dialect, Intent, ODataError, Query, Record, Value, read_body};
use super::read::{entity, is_reachable, not_allowed, read};
use super::route::{Place, Route, Shape, absent, route};
use super::wish::{Wish, base_of};
use super::{Service, customers, dimensions, journals, payments, posting};

/// The table that holds the rows of a set that can be changed.
const TABLES: &[(&str, &str)] = &[
    ("customers", "customer"),
    ("customerPayments", "payment_line"),
    ("customerPaymentJournals", "journal_batch"),
    ("defaultDimensions", "default_dimension"),
];

/// Carries out `call` in this turn. With `is_overtaken`, another user changes the record right before a PATCH or DELETE.
pub(super) fn perform(service: &Service, turn: &Turn<'_>, call: &Call, is_overtaken: bool) -> Answer {
    let outcome = if call.is_write() {
        let outcome = perform_write(service, turn, call, is_overtaken);
        let kind = if outcome.is_ok() { "carried_out" } else { "refused" };
        turn.count(kind, 1).map_err(ODataError::from).and(outcome)
    } else {
        route(service, turn, call).and_then(|route| read(service, turn, call, &route))
    };
    outcome.unwrap_or_else(|error| Answer::refusal(&error))
}

fn perform_write(
    service: &Service,
    turn: &Turn<'_>,
    call: &Call,
    is_overtaken: bool,
) -> Result<Answer, ODataError> {
    let Route::Place(place) = route(service, turn, call)? else { return Err(not_allowed(call)) };
    if is_overtaken && matches!(call.method, Method::PATCH | Method::DELETE) {
        overtake(turn, &place)?;
    }
    turn.attempt(|| write(service, turn, call, &place))
}

/// Somebody else saves the record without changing anything a client would send.
fn overtake(turn: &Turn<'_>, place: &Place) -> Result<(), ODataError> {
    let table = TABLES.iter().find(|(set, _)| *set == place.entity.set);
    if let (Some((_, table)), Some(record)) = (table, find(turn, place.entity, &place.pins)?) {
        super::books::change::update(turn, table, record.id(), Vec::new())?;
    }
    Ok(())
}

fn write(service: &Service, turn: &Turn<'_>, call: &Call, place: &Place) -> Result<Answer, ODataError> {
    is_reachable(service, place)?;
    let shape = match place.shape {
        Shape::Linked => Shape::Keyed,
        shape => shape,
    };
    match (&call.method, shape) {
        (&Method::POST, Shape::Post) => {
            let journal = find(turn, place.entity, &place.pins)?.ok_or_else(|| absent(place.entity))?;
            posting::post(turn, journal.id())?;
            Ok(Answer::empty(204))
        }
        (&Method::POST, Shape::Collection) => {
            let query = Query::parse(&call.query, place.entity, service.behaviour)?;
            let record = create(service, turn, call, place)?;
            let location = location(service, place, &record);
            let answer = answer(service, turn, call, (place, &query, &record))?;
            let status = if answer.status == 200 { 201 } else { answer.status };
            Ok(Answer { status, ..answer }.with("location", location))
        }
        (&Method::PATCH | &Method::PUT, Shape::Keyed) => {
            let query = Query::parse(&call.query, place.entity, service.behaviour)?;
            is_changeable(call, place)?;
            let before = find(turn, place.entity, &place.pins)?.ok_or_else(|| absent(place.entity))?;
            check_etag(service, call, &before, true)?;
            let record = update(service, turn, call, (place, &before))?;
            answer(service, turn, call, (place, &query, &record))
        }
        (&Method::DELETE, Shape::Keyed) => {
            is_changeable(call, place)?;
            let before = find(turn, place.entity, &place.pins)?.ok_or_else(|| absent(place.entity))?;
            check_etag(service, call, &before, false)?;
            delete(turn, &as_base(turn, before)?)?;
            Ok(Answer::empty(204))
        }
        _ => Err(not_allowed(call)),
    }
}

fn answer(
    service: &Service,
    turn: &Turn<'_>,
    call: &Call,
    what: (&Place, &Query, &Record),
) -> Result<Answer, ODataError> {
    if call.headers.wants_no_content() {
        return Ok(Answer::empty(204).with("preference-applied", "return-no-content"));
    }
    entity(service, turn, call, what)
}

fn is_changeable(call: &Call, place: &Place) -> Result<(), ODataError> {
    let set = place.entity.set;
    if TABLES.iter().any(|(changeable, _)| *changeable == set) { Ok(()) } else { Err(not_allowed(call)) }
}

/// Where the new record can be found.
fn location(service: &Service, place: &Place, record: &Record) -> String {
    let entity = place.entity;
    let key: Vec<_> = entity.key.iter().map(|name| super::draft::guid(record, name).to_string()).collect();
    let key = key.join(",");
    if service.dialect == Dialect::V2 {
        let company = super::seed::company_id();
        return format!("{}/companies({company})/{}({key})", service.root, entity.set);
    }
    format!("{}/{}({key})", service.root, place.context)
}

fn create(service: &Service, turn: &Turn<'_>, call: &Call, place: &Place) -> Result<Record, ODataError> {
    is_changeable(call, place)?;
    let parent = place.parent.map(|(_, id)| id);
    let values = read_body(&call.body, place.entity, Intent::Create, service.behaviour)?;
    let wish = Wish::of(turn, service.dialect, (place.entity, values))?;
    let record = match place.entity.set {
        "customers" => customers::create(turn, wish),
        "customerPayments" => {
            let record = payments::create(turn, parent, wish.clone())?;
            wish.keep_rest(turn, record.id())?;
            Ok(record)
        }
        "customerPaymentJournals" => journals::create(turn, wish),
        _ => dimensions::create(turn, parent, wish),
    }?;
    as_asked(turn, place, record)
}

fn update(
    service: &Service,
    turn: &Turn<'_>,
    call: &Call,
    (place, before): (&Place, &Record),
) -> Result<Record, ODataError> {
    let set = place.entity.set;
    // What may be sent as long as it stays the same is refused by a rule: a payment's journal, a key of two parts.
    let is_ruled = set == "customerPayments" || place.entity.key.len() > 1;
    let intent = if is_ruled { Intent::Create } else { Intent::Update };
    let values = read_body(&call.body, place.entity, intent, service.behaviour)?;
    let wish = Wish::of(turn, service.dialect, (place.entity, values))?;
    let before = as_base(turn, before.clone())?;
    let record = match set {
        "customers" => customers::update(turn, &before, wish),
        "customerPayments" => {
            wish.keep_rest(turn, before.id())?;
            payments::update(turn, &before, wish)
        }
        "customerPaymentJournals" => journals::update(turn, &before, wish),
        _ => dimensions::update(turn, &before, wish),
    }?;
    as_asked(turn, place, record)
}

/// The same record as API v2.0 has it.
fn as_base(turn: &Turn<'_>, record: Record) -> Result<Record, ODataError> {
    let base = base_of(record.entity());
    if base == record.entity() {
        return Ok(record);
    }
    find(turn, base, &vec![("id", Value::Guid(record.id()))])?.ok_or_else(|| absent(base))
}

/// The same record as the version of the API that was asked has it.
fn as_asked(turn: &Turn<'_>, place: &Place, record: Record) -> Result<Record, ODataError> {
    if place.entity == record.entity() {
        return Ok(record);
    }
    find(turn, place.entity, &vec![("id", Value::Guid(record.id()))])?.ok_or_else(|| absent(place.entity))
}

fn delete(turn: &Turn<'_>, record: &Record) -> Result<(), ODataError> {
    match record.entity().set {
        "customers" => customers::delete(turn, record),
        "customerPayments" => payments::delete(turn, record),
        "customerPaymentJournals" => journals::delete(turn, record),
        _ => dimensions::delete(turn, record),
    }
}

/// A PATCH must name the entity tag it is based on, or `*`; a DELETE is checked only when it names one.
fn check_etag(service: &Service, call: &Call, record: &Record, is_needed: bool) -> Result<(), ODataError> {
    let invalid = || {
        ODataError::new(
            400,
            "BadRequest_InvalidToken",
            "Could not validate the client concurrency token required by the service. Please provide the client \
             token of the resource as the value of an if-match header.",
        )
    };
    match call.headers.if_match.as_deref().map(str::trim) {
        None if is_needed => Err(invalid()),
        None | Some("*") => Ok(()),
        Some(etag) if etag == record.etag => Ok(()),
        Some(etag) if is_well_formed(etag) => Err(ODataError::new(
            service.stale_status,
            "Request_EntityChanged",
            "Another user has already changed the record.",
        )),
        Some(_) => Err(invalid()),
    }
}

fn is_well_formed(etag: &str) -> bool {
    let opaque = etag.strip_prefix("W/").unwrap_or(etag);
    opaque.len() >= 2 && opaque.starts_with('"') && opaque.ends_with('"')
}
