//! Runs for the tests of this folder.

use super::facts::{ExitFacts, RunFacts, SourceFacts};
use crate::domain::{
    Action, EntityKind, FieldChange, Origin, PlannedRow, RowResult, Rule, SourceName, State, Violation,
};

pub(super) fn source(file: &str) -> SourceFacts {
    let sheet = file.strip_suffix(".xlsx").map(|_| "Kunden".to_owned());
    SourceFacts {
        name: SourceName { file: file.to_owned(), sheet },
        sha256: "0f4c7a5e1b2d3c4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b".to_owned(),
        bytes: 2240,
        rows: 12,
        headers: ["Number", "Display Name", "Email", "Credit Limit"].map(str::to_owned).to_vec(),
        delimiter: None,
    }
}

pub(super) fn facts(sources: Vec<SourceFacts>) -> RunFacts {
    RunFacts {
        run: "20260314-1640-7kq2".to_owned(),
        command: "import".to_owned(),
        created: "2026-03-14T16:40:00Z".to_owned(),
        tool_version: "0.1.0".to_owned(),
        entity: EntityKind::Customers,
        profile: "contoso".to_owned(),
        system: "business-central".to_owned(),
        dialect: "v2.0".to_owned(),
        company: "CRONUS International".to_owned(),
        local_currency: "USD".to_owned(),
        sources,
        columns: [
            ("Number", "number"),
            ("Display Name", "displayName"),
            ("Email", "email"),
            ("Credit Limit", "creditLimit"),
        ]
        .map(|(column, field)| (column.to_owned(), field.to_owned()))
        .to_vec(),
        unsupported: Vec::new(),
        unmapped: vec!["Internal note".to_owned()],
        flags: Vec::new(),
        retries: None,
        undoes: None,
        undone_by: None,
        not_restored: None,
        deleted_dimensions: 0,
        chain: None,
        is_followed: false,
        process_exit: None,
        forecast: None,
        notes: vec!["Posting groups: the target assigns them from its own templates.".to_owned()],
        sliced: false,
        finished: true,
        exit: ExitFacts { code: 0, name: "done".to_owned() },
    }
}

pub(super) fn violation(field: &str) -> Violation {
    Violation {
        rule: Rule::NotAnEmail,
        field: field.to_owned(),
        column: Some(2),
        found: "orders(at)lantern.example".to_owned(),
        allowed: "name@host, several parted by `;`".to_owned(),
    }
}

/// Row `id` of the first source; its attempts, remote id and words fit its state.
pub(super) fn result(id: i64, action: Action, state: State) -> RowResult {
    let row = id.unsigned_abs();
    let key = format!("{}", 71_000 + row);
    let cells = vec![key.clone(), format!("Customer {row}"), "a@b.example".to_owned(), format!("{row}00.50")];
    let (code, message) = match state {
        State::Refused => ("Application_DialogException", "The email address \"a@b\" is not valid."),
        State::Conflict => ("stale", "the record was changed after the plan"),
        State::InDoubt => ("in-doubt", "no answer within 60 s"),
        State::Rejected => ("not-an-email", "the value is not an e-mail address"),
        _ => ("", ""),
    };
    let is_sent = matches!(state, State::Done | State::Refused | State::InDoubt | State::Sending);
    RowResult {
        id,
        planned: PlannedRow {
            changes: if action == Action::Update { vec![terms_change()] } else { Vec::new() },
            violations: if state == State::Rejected { vec![violation("email")] } else { Vec::new() },
            amount: cells[3].parse().ok(),
            cells,
            currency: if row.is_multiple_of(4) { "EUR".to_owned() } else { String::new() },
            ..PlannedRow::new(Origin { row, line: row + 1 }, key, action, String::new())
        },
        state,
        attempts: u32::from(is_sent),
        remote_id: (state == State::Done).then(|| format!("00000000-0000-0000-0000-{row:012}")),
        new_etag: None,
        code: code.to_owned(),
        message: message.to_owned(),
    }
}

fn terms_change() -> FieldChange {
    FieldChange { field: "paymentTermsId".to_owned(), from: "14 DAYS".to_owned(), to: "30 DAYS".to_owned() }
}
