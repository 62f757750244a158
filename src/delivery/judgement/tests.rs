use tokio::time::Instant;

use super::*;
use std::sync::Arc;

use crate::catalogue::DIALECTS;
use crate::domain::State;
use crate::ledger::OpenRow;

fn judge(connector: &dyn Connector, doubt: &Doubt, found: &[&Found], is_believable: bool) -> Judgement {
    Judge { connector, on_conflict: OnConflict::Reject, is_believable }.judge(doubt, found)
}

fn customers() -> Arc<dyn Connector> {
    crate::connector::open(DIALECTS[0]).customers("c")
}

fn payments() -> Arc<dyn Connector> {
    crate::connector::open(DIALECTS[0]).payments("c", "j")
}

fn refusal() -> Refusal {
    Refusal { status: 400, code: "Code".into(), message: "no".into() }
}

fn doubt(action: Action, payload: &str, cause: Cause) -> Doubt {
    let row = OpenRow {
        id: 1,
        line: 2,
        action,
        key: String::new(),
        payload: payload.to_owned(),
        changes: vec![FieldChange { field: "city".into(), from: "Bonn".into(), to: "Ulm".into() }],
        before: String::new(),
        remote_id: (action != Action::Create).then(|| "g".to_owned()),
        etag: (action != Action::Create).then(|| "e1".to_owned()),
        line_number: None,
        state: State::InDoubt,
        attempts: 1,
        sent_at: None,
        code: String::new(),
    };
    Doubt { row, cause, believable: Instant::now(), looks: 0, is_inherited: false, kept: String::new() }
}

fn found(record: &str) -> Found {
    customers().read_found("", format!(r#"{{"value":[{record}]}}"#).as_bytes()).unwrap().0.remove(0)
}

fn customer(action: Action, payload: &str, record: Option<&str>, is_believable: bool) -> Judgement {
    let found: Vec<_> = record.map(found).into_iter().collect();
    let doubt = doubt(action, payload, Cause::Unanswered("lost".into()));
    judge(customers().as_ref(), &doubt, &found.iter().collect::<Vec<_>>(), is_believable)
}

fn conflict_code(judgement: &Judgement) -> &str {
    match judgement {
        Judgement::Conflict(refusal) => &refusal.code,
        other => panic!("{other:?}"),
    }
}

const SENT: &str = r#"{"number":"C1","city":"Ulm"}"#;

#[test]
fn a_record_found_equal_is_ours() {
    let record = r#"{"id":"g","number":"C1","city":"Ulm","@odata.etag":"e2"}"#;
    let Judgement::Accepted(receipt) = customer(Action::Create, SENT, Some(record), false) else { panic!() };
    assert_eq!((&*receipt.remote_id, &*receipt.etag), ("g", "e2"));
}

#[test]
fn an_equal_record_is_somebody_elses_when_the_only_request_was_refused() {
    let record = found(r#"{"id":"g","number":"C1","city":"Ulm"}"#);
    let customers = customers();
    let mut taken = doubt(Action::Create, SENT, Cause::KeyTaken(refusal()));
    let judged = |doubt: &Doubt| judge(customers.as_ref(), doubt, &[&record], true);
    assert!(matches!(judged(&taken), Judgement::Skip(refusal) if refusal.code == ALREADY_THERE));
    let payments = judge(payments().as_ref(), &taken, &[&record], true);
    assert_eq!(conflict_code(&payments), ALREADY_THERE);
    // An earlier attempt, of this process or of another, may have created it.
    taken.row.attempts = 2;
    assert!(matches!(judged(&taken), Judgement::Accepted(_)));
    (taken.row.attempts, taken.is_inherited) = (1, true);
    assert!(matches!(judged(&taken), Judgement::Accepted(_)));
}

#[test]
fn a_record_found_different_is_a_conflict_that_names_the_fields() {
    let record = r#"{"id":"g","number":"C1","city":"Köln"}"#;
    let Judgement::Conflict(refusal) = customer(Action::Create, SENT, Some(record), true) else { panic!() };
    assert_eq!(refusal.message, "the target has another record under this key; it differs in `city`");
}

#[test]
fn an_absence_is_believed_only_after_the_servers_time_limit() {
    assert_eq!(customer(Action::Create, SENT, None, false), Judgement::LookAgain);
    assert_eq!(customer(Action::Create, SENT, None, true), Judgement::Resend(None));
}

#[test]
fn a_record_that_is_in_neither_list_may_be_on_its_way_from_one_to_the_other() {
    let customers = crate::connector::open(&crate::catalogue::bigcapital::DIALECT).customers("");
    let lost = || Cause::Unanswered("lost".to_owned());
    for action in [Action::Update, Action::Delete] {
        let judge = |cause, is_believable| {
            judge(customers.as_ref(), &doubt(action, r#"{"active":"false"}"#, cause), &[], is_believable)
        };
        assert_eq!(judge(lost(), false), Judgement::LookAgain);
        assert_ne!(judge(lost(), true), Judgement::LookAgain);
        // The target has said that it is done with the row.
        assert_ne!(judge(Cause::Unconfirmed, false), Judgement::LookAgain);
    }
}

#[test]
fn an_update_that_did_not_arrive_is_sent_again_with_the_fresh_etag() {
    let record = r#"{"id":"g","city":"Bonn","@odata.etag":"e2"}"#;
    let payload = r#"{"city":"Ulm"}"#;
    assert_eq!(customer(Action::Update, payload, Some(record), false), Judgement::LookAgain);
    assert_eq!(
        customer(Action::Update, payload, Some(record), true),
        Judgement::Resend(Some("e2".to_owned()))
    );
    let arrived = r#"{"id":"g","city":"Ulm","@odata.etag":"e2"}"#;
    assert!(matches!(customer(Action::Update, payload, Some(arrived), false), Judgement::Accepted(_)));
}

#[test]
fn an_update_gives_way_to_another_persons_change_of_the_same_field() {
    let record = r#"{"id":"g","city":"Köln","@odata.etag":"e2"}"#;
    assert_eq!(conflict_code(&customer(Action::Update, r#"{"city":"Ulm"}"#, Some(record), true)), "stale");
    assert_eq!(conflict_code(&customer(Action::Update, r#"{"city":"Ulm"}"#, None, true)), "gone");
}

#[test]
fn a_stale_update_of_fields_nobody_touched_goes_again_at_once() {
    let doubt = doubt(Action::Update, r#"{"city":"Ulm"}"#, Cause::Stale(refusal()));
    let record = found(r#"{"id":"g","city":"Bonn","@odata.etag":"e7"}"#);
    let judgement = judge(customers().as_ref(), &doubt, &[&record], false);
    assert_eq!(judgement, Judgement::Resend(Some("e7".to_owned())));
}

#[test]
fn a_line_that_a_stranger_has_is_left_to_him() {
    let connector = payments();
    let mut doubt = doubt(
        Action::Create,
        r#"{"customerNumber":"C1","documentNumber":"P1","amount":-5.00}"#,
        Cause::KeyTaken(refusal()),
    );
    doubt.row.line_number = Some(20_000);
    let stranger =
        found(r#"{"id":"x","lineNumber":20000,"customerNumber":"C9","documentNumber":"Z","amount":-6}"#);
    assert_eq!(judge(connector.as_ref(), &doubt, &[&stranger], true), Judgement::Move);
    // A line that the API does not show: looked for twice, then left alone.
    assert_eq!(judge(connector.as_ref(), &doubt, &[], true), Judgement::LookAgain);
    doubt.looks = 1;
    assert_eq!(judge(connector.as_ref(), &doubt, &[], true), Judgement::Move);
}

#[test]
fn several_records_that_look_alike_are_for_a_person() {
    let doubt = doubt(Action::Create, r#"{"displayName":"Ann"}"#, Cause::Unanswered(String::new()));
    let record = found(r#"{"id":"g","displayName":"Ann"}"#);
    let judgement = judge(customers().as_ref(), &doubt, &[&record, &record], true);
    assert!(matches!(judgement, Judgement::Person(words) if words.starts_with("2 records")));
}

#[test]
fn a_city_that_came_with_its_postal_code_is_no_conflict() {
    let sent = r#"{"number":"C1","city":"Ulm","postalCode":"89073"}"#;
    let record = r#"{"id":"g","number":"C1","city":"ULM / DONAU","postalCode":"89073"}"#;
    assert!(matches!(customer(Action::Create, sent, Some(record), false), Judgement::Accepted(_)));
}

#[test]
fn what_somebody_filled_in_is_not_emptied_by_a_change_of_country() {
    let mut doubt = doubt(Action::Update, r#"{"country":"AT"}"#, Cause::Stale(refusal()));
    let change = |field: &str, from: &str, to: &str| FieldChange {
        field: field.into(),
        from: from.into(),
        to: to.into(),
    };
    doubt.row.changes = vec![change("country", "DE", "AT"), change("city", "Ulm", "")];
    let judge = |on_conflict, city: &str, country: &str| {
        let record = format!(r#"{{"id":"g","city":"{city}","country":"{country}","@odata.etag":"e5"}}"#);
        Judge { connector: customers().as_ref(), on_conflict, is_believable: true }
            .judge(&doubt, &[&found(&record)])
    };
    assert_eq!(conflict_code(&judge(OnConflict::Reject, "Graz", "DE")), "stale");
    let Judgement::ResendPart(part) = judge(OnConflict::Theirs, "Graz", "DE") else { panic!() };
    assert_eq!(part.payload, r#"{"country":"AT","city":"Graz"}"#);
    let again = Judgement::Resend(Some("e5".to_owned()));
    assert_eq!(judge(OnConflict::Ours, "Graz", "DE"), again);
    assert_eq!(judge(OnConflict::Reject, "Ulm", "DE"), again);
    // The country has arrived, and somebody has filled in the city since.
    assert!(matches!(judge(OnConflict::Reject, "Graz", "AT"), Judgement::Accepted(_)));
}

#[test]
fn a_new_postal_code_may_write_over_a_city_that_somebody_has_changed() {
    let mut doubt =
        doubt(Action::Update, r#"{"addressLine1":"Ours 1","postalCode":"20097"}"#, Cause::Stale(refusal()));
    let change = |field: &str, from: &str, to: &str| FieldChange {
        field: field.into(),
        from: from.into(),
        to: to.into(),
    };
    doubt.row.changes = vec![change("addressLine1", "Old", "Ours 1"), change("postalCode", "89073", "20097")];
    doubt.row.before = r#"{"addressLine1":"Old","postalCode":"89073","city":"Ulm","state":"BW"}"#.to_owned();
    let judge = |doubt: &Doubt, on_conflict, city: &str| {
        let record = format!(
            r#"{{"id":"g","addressLine1":"Old","city":"{city}","state":"BW","country":"DE","postalCode":"89073","@odata.etag":"e5"}}"#
        );
        Judge { connector: customers().as_ref(), on_conflict, is_believable: true }
            .judge(doubt, &[&found(&record)])
    };
    let again = Judgement::Resend(Some("e5".to_owned()));
    let Judgement::Conflict(refusal) = judge(&doubt, OnConflict::Reject, "Bonn") else { panic!() };
    assert_eq!(
        refusal.message,
        "someone else changed the record after the plan: `city` is now `Bonn`, and held `Ulm`, and a new `postalCode` \
         may write over it"
    );
    let Judgement::ResendPart(part) = judge(&doubt, OnConflict::Theirs, "Bonn") else { panic!() };
    assert_eq!(part.payload, r#"{"addressLine1":"Ours 1"}"#);
    assert_eq!(part.kept, "`city` (and `postalCode` with it) stayed as somebody else set it");
    assert_eq!(judge(&doubt, OnConflict::Ours, "Bonn"), again);
    // Nothing is written over where the city is as the plan saw it, or empty.
    for city in ["Ulm", ""] {
        assert_eq!(judge(&doubt, OnConflict::Reject, city), again);
    }
    // A plan that did not note the city knows of no change.
    doubt.row.before = String::new();
    assert_eq!(judge(&doubt, OnConflict::Reject, "Bonn"), again);
}

#[test]
fn nothing_is_looked_up_for_a_postal_code_that_was_refused() {
    let sent = r#"{"city":"Ulm","postalCode":"89073"}"#;
    let there = found(r#"{"id":"g","city":"Neu-Ulm","postalCode":"89073","@odata.etag":"e5"}"#);
    let mut doubt = doubt(Action::Update, sent, Cause::Stale(refusal()));
    assert_eq!(conflict_code(&judge(customers().as_ref(), &doubt, &[&there], true)), "stale");
    doubt.cause = Cause::Unanswered("lost".into());
    assert!(matches!(judge(customers().as_ref(), &doubt, &[&there], true), Judgement::Accepted(_)));
}

/// An update of city and credit limit, with what a lookup finds, judged while it is still too early to believe
/// anything.
fn update(on_conflict: OnConflict, record: &str) -> Judgement {
    let mut doubt =
        doubt(Action::Update, r#"{"city":"Ulm","creditLimit":500}"#, Cause::Unanswered("lost".into()));
    let limit = FieldChange { field: "creditLimit".into(), from: "100".into(), to: "500".into() };
    doubt.row.changes.push(limit);
    Judge { connector: customers().as_ref(), on_conflict, is_believable: false }
        .judge(&doubt, &[&found(record)])
}

const BOTH_OPEN: &str = r#"{"id":"g","city":"Köln","creditLimit":100,"@odata.etag":"e5"}"#;

#[test]
fn a_conflict_names_what_was_planned_and_what_is_there() {
    let Judgement::Conflict(refusal) = update(OnConflict::Reject, BOTH_OPEN) else { panic!() };
    assert_eq!(
        refusal.message,
        "someone else changed the record after the plan: `city` was to become `Ulm`, is now `Köln`, and held `Bonn`"
    );
}

#[test]
fn their_values_stay_and_the_other_changes_are_sent_with_the_fresh_etag() {
    let Judgement::ResendPart(part) = update(OnConflict::Theirs, BOTH_OPEN) else { panic!() };
    assert_eq!((&*part.payload, part.etag.as_deref()), (r#"{"creditLimit":500}"#, Some("e5")));
    assert_eq!(part.changes.len(), 1);
    // The other change is there already.
    let rest_is_done = r#"{"id":"g","city":"Köln","creditLimit":500,"@odata.etag":"e5"}"#;
    let Judgement::AcceptedPart(_, kept) = update(OnConflict::Theirs, rest_is_done) else { panic!() };
    assert_eq!(kept, "`city` stayed as somebody else set it");
    let all_theirs = r#"{"id":"g","city":"Köln","creditLimit":7,"@odata.etag":"e5"}"#;
    let Judgement::Skip(refusal) = update(OnConflict::Theirs, all_theirs) else { panic!() };
    assert_eq!(
        refusal.message,
        "someone else changed `city`, `creditLimit` after the plan, and their values stay"
    );
}

#[test]
fn our_values_go_over_theirs_with_the_fresh_etag() {
    assert_eq!(update(OnConflict::Ours, BOTH_OPEN), Judgement::Resend(Some("e5".to_owned())));
}

#[test]
fn a_resend_that_may_still_run_is_waited_for() {
    let judge = |etag: &str, attempts, is_believable| {
        let mut doubt = doubt(Action::Update, r#"{"city":"Ulm"}"#, Cause::Unanswered("lost".into()));
        (doubt.row.etag, doubt.row.attempts) = (Some(etag.to_owned()), attempts);
        Judge { connector: customers().as_ref(), on_conflict: OnConflict::Ours, is_believable }
            .judge(&doubt, &[&found(r#"{"id":"g","city":"Köln","@odata.etag":"e5"}"#)])
    };
    let again = Judgement::Resend(Some("e5".to_owned()));
    assert_eq!(judge("e5", 2, false), Judgement::LookAgain);
    // Another process sent it, with a fresher version than the plan's.
    assert_eq!(judge("e1", 2, false), Judgement::LookAgain);
    assert_eq!(judge("e1", 2, true), again);
    assert_eq!(judge("e1", 1, false), again);
}

#[test]
fn a_line_with_another_document_is_a_strangers_when_nothing_of_ours_can_be_there() {
    let sent = r#"{"customerNumber":"C1","documentNumber":"P1","amount":-5.00}"#;
    let mut doubt = doubt(Action::Create, sent, Cause::KeyTaken(refusal()));
    doubt.row.line_number = Some(20_000);
    let there =
        found(r#"{"id":"x","lineNumber":20000,"customerNumber":"C1","documentNumber":"Z","amount":-5.00}"#);
    let connector = payments();
    assert_eq!(judge(connector.as_ref(), &doubt, &[&there], true), Judgement::Move);
    doubt.row.attempts = 2;
    assert_eq!(conflict_code(&judge(connector.as_ref(), &doubt, &[&there], true)), "different");
}

#[test]
fn a_delete_is_done_when_the_record_is_gone_and_waits_while_it_may_still_run() {
    let delete = |record: Option<&str>, is_believable| customer(Action::Delete, "", record, is_believable);
    assert!(matches!(delete(None, false), Judgement::Accepted(_)));
    let as_planned = Some(r#"{"id":"g","@odata.etag":"e1"}"#);
    assert_eq!(delete(as_planned, false), Judgement::LookAgain);
    assert_eq!(delete(as_planned, true), Judgement::Resend(Some("e1".to_owned())));
}

#[test]
fn a_record_that_changed_is_deleted_only_at_the_users_word() {
    let record = found(r#"{"id":"g","@odata.etag":"e2"}"#);
    let doubt = doubt(Action::Delete, "", Cause::Stale(refusal()));
    let judge = |on_conflict| {
        Judge { connector: customers().as_ref(), on_conflict, is_believable: true }.judge(&doubt, &[&record])
    };
    assert_eq!(conflict_code(&judge(OnConflict::Reject)), "stale");
    assert!(matches!(judge(OnConflict::Theirs), Judgement::Skip(refusal) if refusal.code == "kept-theirs"));
    assert_eq!(judge(OnConflict::Ours), Judgement::Resend(Some("e2".to_owned())));
}
