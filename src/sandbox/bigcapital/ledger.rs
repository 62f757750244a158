//! Posting to the general ledger: accounts, customers' balances, and the entries behind both.
//!
//! Promises: entries are in the organization's currency, rounded to three decimals; what was posted for a document
//! can be taken back whole. When a race swallows a posting, none of it is there.

use rusqlite::OptionalExtension;
use rust_decimal::Decimal;

use super::desk::{Desk, Row};
use super::figures::times;
use super::racing::Mishap;
use super::refusal::Refusal;

/// The account of other income, against which opening balances stand.
const OTHER_INCOME: &str = "other-income";

/// A document and what all its entries share.
#[derive(Clone, Copy, Debug)]
pub(super) struct Document<'a> {
    /// `SaleInvoice`, `PaymentReceive`, `Journal`, `CustomerOpeningBalance`.
    pub(super) kind: &'static str,
    pub(super) id: i64,
    pub(super) date: &'a str,
    pub(super) number: Option<&'a str>,
    pub(super) reference: Option<&'a str>,
    pub(super) currency: &'a str,
    pub(super) rate: Decimal,
}

/// One side of a posting, in the document's currency.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) account: i64,
    pub(super) contact: Option<i64>,
    pub(super) debit: i64,
    pub(super) credit: i64,
    pub(super) place: i64,
}

/// Posts the entries of `document`.
pub(super) fn post(desk: &Desk<'_>, document: &Document<'_>, entries: &[Entry]) -> Result<(), Refusal> {
    desk.has_posted.set(true);
    if desk.mishap == Mishap::Unposted {
        return Ok(());
    }
    for entry in entries {
        let id = desk.next("ledger")?;
        let (debit, credit) = (times(entry.debit, document.rate), times(entry.credit, document.rate));
        desk.insert(
            "big_ledger",
            vec![
                ("id", id.into()),
                ("date", document.date.to_owned().into()),
                ("account_id", entry.account.into()),
                ("contact_id", entry.contact.into()),
                ("debit", debit.into()),
                ("credit", credit.into()),
                ("currency_code", document.currency.to_owned().into()),
                ("exchange_rate", document.rate.to_string().into()),
                ("reference_type", document.kind.to_owned().into()),
                ("reference_id", document.id.into()),
                ("place", entry.place.into()),
                ("number", document.number.map(str::to_owned).into()),
                ("reference", document.reference.map(str::to_owned).into()),
            ],
        )?;
        move_account(desk, entry.account, debit - credit)?;
        if let Some(contact) = entry.contact {
            move_balance(desk, contact, entry.debit - entry.credit)?;
        }
    }
    Ok(())
}

/// Takes back what was posted for a document.
pub(super) fn revert(desk: &Desk<'_>, kind: &str, id: i64) -> Result<(), Refusal> {
    desk.has_posted.set(true);
    if desk.mishap == Mishap::Unposted {
        return Ok(());
    }
    let sql = "SELECT * FROM big_ledger WHERE reference_type = ?1 AND reference_id = ";
    for row in desk.rows(&format!("{sql}{id}"), kind.to_owned())? {
        let moved = row.int("debit") - row.int("credit");
        move_account(desk, row.int("account_id"), -moved)?;
        if let Some(contact) = row.maybe_int("contact_id") {
            let rate = row.rate("exchange_rate");
            let foreign = if rate.is_zero() { moved } else { times(moved, Decimal::ONE / rate) };
            move_balance(desk, contact, -foreign)?;
        }
    }
    let sql = "DELETE FROM big_ledger WHERE reference_type = ?1 AND reference_id = ?2";
    desk.connection.prepare_cached(sql)?.execute((kind, id))?;
    Ok(())
}

fn move_account(desk: &Desk<'_>, account: i64, debit: i64) -> Result<(), Refusal> {
    let sql = "UPDATE big_account SET amount = coalesce(amount, 0)
        + CASE WHEN account_type IN ('income', 'other-income') THEN -?2 ELSE ?2 END WHERE id = ?1";
    desk.connection.prepare_cached(sql)?.execute((account, debit))?;
    Ok(())
}

fn move_balance(desk: &Desk<'_>, contact: i64, amount: i64) -> Result<(), Refusal> {
    let sql = "UPDATE big_contact SET balance = balance + ?2 WHERE id = ?1";
    desk.connection.prepare_cached(sql)?.execute((contact, amount))?;
    Ok(())
}

/// Posts a customer's opening balance: receivable against other income.
pub(super) fn post_opening(desk: &Desk<'_>, contact: &Row) -> Result<(), Refusal> {
    let amount = contact.int("opening_balance");
    let Some(date) = contact.maybe_text("opening_balance_at").filter(|_| amount != 0) else { return Ok(()) };
    let id = contact.int("id");
    let document = Document {
        kind: "CustomerOpeningBalance",
        id,
        date,
        number: None,
        reference: None,
        currency: contact.text("currency_code"),
        rate: contact.rate("opening_balance_exchange_rate"),
    };
    let (debit, credit) = (amount.max(0), (-amount).max(0));
    let receivable = receivable(desk, document.currency)?;
    let income = account_of_type(desk, OTHER_INCOME)?;
    post(
        desk,
        &document,
        &[
            Entry { account: receivable, contact: Some(id), debit, credit, place: 1 },
            Entry { account: income, contact: None, debit: credit, credit: debit, place: 2 },
        ],
    )
}

/// The receivable account of a currency, made on its first use.
pub(super) fn receivable(desk: &Desk<'_>, currency: &str) -> Result<i64, Refusal> {
    let sql = "SELECT id FROM big_account WHERE account_type = 'accounts-receivable' AND currency_code = ?1";
    let known = desk.connection.prepare_cached(sql)?.query_row([currency], |row| row.get(0)).optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    let id = desk.next("account")?;
    let values = (
        id,
        format!("Accounts Receivable (A/R) ({currency})"),
        format!("accounts-receivable-{currency}"),
        currency,
    );
    let sql = "INSERT INTO big_account VALUES (?1, ?2, ?3, NULL, 'accounts-receivable', ?4, 1, NULL)";
    desk.connection.prepare_cached(sql)?.execute(values)?;
    Ok(id)
}

/// The first account of a type.
pub(super) fn account_of_type(desk: &Desk<'_>, account_type: &str) -> Result<i64, Refusal> {
    let sql = "SELECT id FROM big_account WHERE account_type = ?1 ORDER BY id LIMIT 1";
    Ok(desk.connection.prepare_cached(sql)?.query_row([account_type], |row| row.get(0))?)
}

/// Refuses a day in the locked period of `module`.
pub(super) fn check_unlocked(desk: &Desk<'_>, module: &str, day: &str) -> Result<(), Refusal> {
    let sql = "SELECT * FROM big_lock WHERE is_enabled = 1 AND module IN ('all', ?1)";
    for lock in desk.rows(sql, module.to_owned())? {
        let lock_to = lock.text("lock_to");
        if day <= lock_to {
            let payload = serde_json::json!({
                "lockedToDate": lock_to, "formattedLockedToDate": lock_to.replace('-', "/"),
            });
            let refusal = Refusal::rule("TRANSACTIONS_DATE_LOCKED", "Transactions locked");
            return Err(refusal.with_payload(payload));
        }
    }
    Ok(())
}

/// The branch a document may name: needed when branches are on, dropped when they are off.
pub(super) fn check_branch(desk: &Desk<'_>, branch: Option<i64>) -> Result<Option<i64>, Refusal> {
    if desk.setup("branches")? != "on" {
        return Ok(None);
    }
    match branch {
        None => Err(Refusal::domain("BRANCH_ID_REQUIRED")),
        Some(branch) if !desk.has("big_branch", "id", branch)? => Err(Refusal::domain("BRANCH_ID_NOT_FOUND")),
        branch => Ok(branch),
    }
}
