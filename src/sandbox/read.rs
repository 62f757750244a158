//! Answering GET: one entity, a page of a collection, or a count.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::ops::ControlFlow;

use super::Service;
use super::books::{Turn, find, matching, records};
use super::call::{Answer, Call};
use super::draft::{dialog, guid};
use super::odata::{
    Behaviour, Dialect, EntityType, Guid, MAX_PAGE_SIZE, Navigation, ODataError, Page, Query, Record, Value,
    Writer, metadata, next_link, page_size, service_document,
};
use super::route::{Place, Route, Shape, absent, link, link_of};

/// The refusal of payments whose journal nobody names.
const NEEDS_JOURNAL: &str = "You must specify a journal batch ID or a journal ID to get a journal line.";

/// Answers a GET.
pub(super) fn read(
    service: &Service,
    turn: &Turn<'_>,
    call: &Call,
    route: &Route,
) -> Result<Answer, ODataError> {
    let place = match route {
        Route::ServiceDocument => {
            return Ok(Answer::json(
                200,
                service_document(&service.root, service.dialect, service.behaviour),
            ));
        }
        Route::Metadata => {
            let mut answer = Answer::json(200, metadata(service.dialect, service.behaviour).into_bytes());
            answer.content_type = "application/xml";
            return Ok(answer);
        }
        Route::Place(place) => place,
    };
    is_reachable(service, place)?;
    let query = Query::parse(&call.query, place.entity, service.behaviour)?;
    match place.shape {
        Shape::Collection => collection(service, turn, call, (place, &query)),
        Shape::Count => count(service, turn, place, &query),
        Shape::Keyed | Shape::Linked => match find(turn, place.entity, &place.pins)? {
            Some(record) => entity(service, turn, call, (place, &query, &record)),
            None if place.shape == Shape::Linked => Ok(Answer::empty(204)),
            None => Err(absent(place.entity)),
        },
        Shape::Post => Err(not_allowed(call)),
    }
}

/// The refusal of a verb that a place does not take.
pub(super) fn not_allowed(call: &Call) -> ODataError {
    let message = format!("The method {} is not allowed here.", call.method);
    ODataError::new(405, "BadRequest_MethodNotAllowed", message)
}

/// One entity as an answer; `query` says which columns, and what comes along.
pub(super) fn entity(
    service: &Service,
    turn: &Turn<'_>,
    call: &Call,
    (place, query, record): (&Place, &Query, &Record),
) -> Result<Answer, ODataError> {
    let context = format!("{}/$metadata#{}/$entity", service.root, place.context);
    let related = Relations { turn, fetched: HashMap::new() };
    let find_related = |record: &Record, navigation| related.of(record, navigation);
    let writer = Writer { query, related: &find_related, annotations: call.headers.annotations() };
    Ok(Answer::json(200, writer.entity(&context, record)?))
}

fn collection(
    service: &Service,
    turn: &Turn<'_>,
    call: &Call,
    (place, query): (&Place, &Query),
) -> Result<Answer, ODataError> {
    needs_a_parent(service, place, query)?;
    let preferred = call.headers.max_page_size();
    let size = page_size(preferred).min(service.page_size);
    let page = Page::of(gather(turn, place, query, size)?, query, size);
    let fetched = Relations::fetch(turn, query, &page.records)?;
    let related = |record: &Record, navigation| fetched.of(record, navigation);
    let writer = Writer { query, related: &related, annotations: call.headers.annotations() };
    let context = format!("{}/$metadata#{}", service.root, place.context);
    let link = page
        .next
        .as_ref()
        .map(|token| next_link(&format!("{}/{}", service.root, call.path), &call.query, token));
    let answer = Answer::json(200, writer.collection(&context, &page, link.as_deref())?);
    Ok(match preferred {
        Some(_) => answer.with("preference-applied", format!("odata.maxpagesize={size}")),
        None => answer,
    })
}

/// The records a page is cut from: only as many as it needs when nothing is sorted or counted.
fn gather(turn: &Turn<'_>, place: &Place, query: &Query, size: usize) -> Result<Vec<Record>, ODataError> {
    let is_streamed = query.order_by.is_empty() && !query.count;
    let most = query.top.map_or(size, |top| top.min(MAX_PAGE_SIZE));
    let wanted = if is_streamed { most.saturating_add(query.skip).saturating_add(1) } else { usize::MAX };
    let sources: Vec<_> = query
        .expand
        .iter()
        .filter_map(|expand| link_of(query.entity, expand.navigation))
        .filter_map(|(source, _)| query.entity.property_index(source))
        .collect();
    let mut found = Vec::new();
    records(turn, query, (&place.pins, &sources), |record| {
        if query.matches(&record) {
            found.push(record);
        }
        Ok(if found.len() >= wanted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    })?;
    Ok(found)
}

fn count(service: &Service, turn: &Turn<'_>, place: &Place, query: &Query) -> Result<Answer, ODataError> {
    needs_a_parent(service, place, query)?;
    let mut count = 0_usize;
    // Only what the filter looks at is read.
    let mut query = query.clone();
    query.columns.clear();
    query.order_by.clear();
    records(turn, &query, (&place.pins, &[]), |record| {
        count += usize::from(query.matches(&record));
        Ok(ControlFlow::Continue(()))
    })?;
    let mut answer = Answer::json(200, count.to_string().into_bytes());
    answer.content_type = "text/plain";
    Ok(answer)
}

/// The reference of beta reaches payments only below their journal, even by their id.
pub(super) fn is_reachable(service: &Service, place: &Place) -> Result<(), ODataError> {
    let is_bound = service.dialect == Dialect::Beta && service.behaviour == Behaviour::Strict;
    if is_bound && place.entity.set == "customerPayments" && place.parent.is_none() {
        return Err(dialog(NEEDS_JOURNAL));
    }
    Ok(())
}

/// Payments want their journal named, default dimensions their customer, by the path or by the filter.
fn needs_a_parent(service: &Service, place: &Place, query: &Query) -> Result<(), ODataError> {
    let names = |property: &str| {
        let index = place.entity.property_index(property);
        query.filter.as_ref().is_some_and(|filter| index.is_some_and(|index| filter.names(index)))
    };
    match place.entity.set {
        _ if place.parent.is_some() => Ok(()),
        "customerPayments" if !names("journalId") && !names("id") => Err(dialog(NEEDS_JOURNAL)),
        "defaultDimensions" if !names("parentId") && !names("id") => {
            Err(super::dimensions::needs_parent(service.dialect))
        }
        _ => Ok(()),
    }
}

/// The records that navigations lead to: those of a whole page fetched at once, others one by one.
struct Relations<'a> {
    turn: &'a Turn<'a>,
    /// By navigation's name and by what its link starts from.
    fetched: HashMap<&'static str, HashMap<Guid, Vec<Record>>>,
}

impl<'a> Relations<'a> {
    /// Fetches everything the query expands from `page`.
    fn fetch(turn: &'a Turn<'a>, query: &Query, page: &[Record]) -> Result<Self, ODataError> {
        let mut fetched = HashMap::new();
        for expand in &query.expand {
            let Some((source, column)) = link_of(query.entity, expand.navigation) else { continue };
            let keys: BTreeSet<Guid> = page.iter().map(|record| guid(record, source)).collect();
            let found = by_key(turn, expand.navigation.target, column, &keys)?;
            fetched.insert(expand.navigation.name, found);
        }
        Ok(Self { turn, fetched })
    }

    fn of(
        &self,
        record: &Record,
        navigation: &'static Navigation,
    ) -> Result<Vec<Cow<'_, Record>>, ODataError> {
        let Some((column, value)) = link(record, navigation) else { return Ok(Vec::new()) };
        let key = value.as_guid().unwrap_or(Guid::NIL);
        if let Some(records) = self.fetched.get(navigation.name).and_then(|fetched| fetched.get(&key)) {
            return Ok(records.iter().map(Cow::Borrowed).collect());
        }
        let found = matching(self.turn, navigation.target, column, &[value])?;
        Ok(found.into_iter().map(Cow::Owned).collect())
    }
}

fn by_key(
    turn: &Turn<'_>,
    entity: &'static EntityType,
    column: &'static str,
    keys: &BTreeSet<Guid>,
) -> Result<HashMap<Guid, Vec<Record>>, ODataError> {
    let mut found: HashMap<Guid, Vec<Record>> = keys.iter().map(|&key| (key, Vec::new())).collect();
    let keys: Vec<_> = keys.iter().copied().map(Value::Guid).collect();
    for record in matching(turn, entity, column, &keys)? {
        found.entry(guid(&record, column)).or_default().push(record);
    }
    Ok(found)
}
