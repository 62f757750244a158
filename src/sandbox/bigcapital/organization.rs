//! The organization itself: what it is called, how it numbers, and which periods it has locked.

use serde_json::{Value, json};

use super::ask::Ask;
use super::check::{Kind, check, optional, required};
use super::desk::Desk;
use super::figures::instant;
use super::refusal::{Refusal, json_answer};
use crate::sandbox::call::Answer;

/// `GET organization/current`
pub(super) fn current(desk: &Desk<'_>, _: &Ask) -> Result<Answer, Refusal> {
    let built = instant(&desk.setup("built_on")?, desk.offset);
    let subscription = json!({
        "id": 2, "slug": "main", "active": true, "inactive": false, "ended": false, "canceled": false,
        "status": "active", "plan_id": 1, "tenant_id": 2, "starts_at": built, "ends_at": null,
        "canceled_at": null, "created_at": null, "updated_at": null, "lemon_subscription_id": null,
        "trial_ends_at": null, "payment_status": null, "on_trial": false, "is_payment_failed": false,
        "is_payment_succeed": false,
    });
    let metadata = json!({
        "id": 2, "name": desk.setup("organization_name")?, "industry": "Technology", "location": "US",
        "language": "en", "timezone": "UTC", "address": null, "tenant_id": 2,
        "base_currency": desk.setup("base_currency")?, "date_format": "MM/DD/YYYY", "fiscal_year": "january",
        "tax_number": null, "primary_color": null, "logo_key": null,
    });
    let body = json!({
        "id": 2, "subscriptions": [subscription], "metadata": metadata,
        "organization_id": desk.setup("organization_id")?, "under_maintenance_since": null,
        "initialized_at": built, "seeded_at": built, "built_at": built, "build_job_id": null,
        "database_batch": null, "upgrade_job_id": null, "created_at": null, "updated_at": null,
        "is_ready": true, "is_build_running": false, "is_upgrade_running": false,
    });
    Ok(json_answer(200, &body))
}

/// Groups of settings, in the order they are told: the prefix of their numbers, and the sequence that counts them
/// when there is one here. In some the prefix comes first.
const NUMBERED: &[(&str, &str, &str, bool)] = &[
    ("manual_journals", "J-", "journal_number", false),
    ("sales_invoices", "INV-", "invoice_number", false),
    ("sales_receipts", "REC-", "", false),
    ("sales_estimates", "EST-", "", false),
    ("payment_receives", "PAY-", "payment_number", true),
    ("cashflow", "CF-", "", true),
    ("warehouse_transfers", "WT-", "", false),
    ("items", "", "", false),
    ("credit_note", "CN-", "", true),
    ("vendor_credit", "VC-", "", true),
];

/// Accounts that new items get.
const ITEM_ACCOUNTS: &[(&str, i64)] = &[
    ("preferred_sell_account", 1025),
    ("preferred_cost_account", 1019),
    ("preferred_inventory_account", 1007),
];

/// `GET settings`
pub(super) fn settings(desk: &Desk<'_>, _: &Ask) -> Result<Answer, Refusal> {
    let setting =
        |group: &str, key: &str, value: Value| json!({ "key": key, "value": value, "group": group });
    let mut settings = vec![
        setting("organization", "accounting_basis", "accrual".into()),
        setting("accounts", "account_code_unique", true.into()),
    ];
    for (group, prefix, sequence, is_prefix_first) in NUMBERED {
        if *group == "items" {
            settings
                .extend(ITEM_ACCOUNTS.iter().map(|(key, account)| setting(group, key, (*account).into())));
            continue;
        }
        let rows = desk.rows("SELECT next FROM big_sequence WHERE name = ?1", (*sequence).to_owned())?;
        let next = rows.first().map_or(1, |row| row.int("next"));
        let mut pair = [
            setting(group, "next_number", format!("{next:05}").into()),
            setting(group, "number_prefix", (*prefix).into()),
        ];
        if *is_prefix_first {
            pair.reverse();
        }
        settings.extend(pair);
        settings.push(setting(group, "auto_increment", true.into()));
    }
    Ok(json_answer(200, &settings.into()))
}

/// `PUT transactions-locking/lock`
pub(super) fn lock(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let properties =
        [required("module", Kind::Text), required("lockToDate", Kind::Day), required("reason", Kind::Text)];
    let body = check(&ask.body, &properties)?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let sql = "INSERT OR REPLACE INTO big_lock VALUES (?1, 1, ?2, ?3, '')";
    desk.connection.execute(sql, (text("module"), text("lockToDate"), text("reason")))?;
    told(desk, text("module"), "All transactions locking has been submit successfully.")
}

/// `PUT transactions-locking/cancel-lock`
pub(super) fn unlock(desk: &Desk<'_>, ask: &Ask) -> Result<Answer, Refusal> {
    let body = check(&ask.body, &[required("module", Kind::Text), optional("reason", Kind::Text)])?;
    let text = |name: &str| body.get(name).and_then(Value::as_str).unwrap_or_default();
    let sql = "UPDATE big_lock SET is_enabled = 0, unlock_reason = ?2 WHERE module = ?1";
    if desk.connection.execute(sql, (text("module"), text("reason")))? == 0 {
        return Err(Refusal::domain("TRANSACTION_LOCKING_NOT_EXISTS"));
    }
    told(desk, text("module"), "Transactions locking has been canceled successfully.")
}

fn told(desk: &Desk<'_>, module: &str, message: &str) -> Result<Answer, Refusal> {
    let rows = desk.rows("SELECT * FROM big_lock WHERE module = ?1", module.to_owned())?;
    let lock = rows.first().ok_or_else(Refusal::server)?;
    let body = json!({ "message": message, "data": {
        "is_enabled": lock.int("is_enabled") == 1, "lock_to_date": lock.text("lock_to"),
        "unlock_from_date": null, "unlock_to_date": null, "is_partial_unlock": false,
        "lock_reason": lock.text("lock_reason"), "unlock_reason": lock.text("unlock_reason"),
        "partial_unlock_reason": "",
    } });
    Ok(json_answer(200, &body))
}
